"""The link between a stepper's page in a notebook and Python: a widget without a view of its own."""

import secrets
from collections import Counter
from typing import Any

import anywidget
import traitlets

from engine.expressions.writers import text
from engine.operations import CONSTANT
from engine.primitive import Primitive
from engine.refresh import is_computable
from engine.stepping.page import fixed_nodes, json_number, part
from engine.stepping.walk import Walk
from engine.validation import as_float, check_int, plain_label, shortened
from engine.value import Value


def _sent(values: dict[str, float], _widget: object) -> dict[str, float | str]:
    return {name: json_number(number) for name, number in values.items()}


def _received(values: dict[str, float | str], _widget: object) -> dict[str, float]:
    return {name: float(number) for name, number in values.items()}


class Link(anywidget.AnyWidget):  # type: ignore[misc]
    """What a page shows, as traits that can be observed: set one, and the page follows; and the other way round.

    Args:
        walk: the walk that the page shows.
        writes: whether changed leaves are written into their Values, and the graph is computed again.
    """

    _esm = part("link.js")
    token = traitlets.Unicode().tag(sync=True)
    names: Any = traitlets.List().tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    selected = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    values = traitlets.Dict().tag(sync=True, to_json=_sent, from_json=_received)

    def __init__(self, walk: Walk, writes: bool) -> None:
        self._walk, self._writes, self._fixed = walk, writes, fixed_nodes(walk, is_computable)
        names = _unique([text(walk.wording.formulas[node]) for node in walk.nodes])
        self._leaves = {n: node for n, node in zip(names, walk.nodes) if not node.operands and node.op != CONSTANT}
        numbers = {name: leaf.data for name, leaf in self._leaves.items()}
        super().__init__(token=secrets.token_hex(8), names=names, values=numbers)
        self.on_msg(self._answer)

    def refresh(self) -> None:
        """Show the numbers that the leaves have now."""
        self.values = {name: leaf.data for name, leaf in self._leaves.items()}

    @traitlets.validate("position")
    def _check_position(self, proposal: Any) -> int:
        check_int("position", proposal.value, 0, len(self._walk.steps))
        return int(proposal.value)

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> str | None:
        if proposal.value is not None and proposal.value not in self.names:
            raise ValueError(f"selected must be the name of a node, or None, got {shortened(proposal.value)}")
        return proposal.value  # type: ignore[no-any-return]

    @traitlets.validate("values")
    def _check_values(self, proposal: Any) -> dict[str, float]:
        given = {name: as_float(number, f"values[{name!r}]") for name, number in proposal.value.items()}
        for name, number in given.items():
            if name not in self._leaves:
                known = ", ".join(self._leaves)
                raise ValueError(f"values must be numbers for {shortened(known)}, got {shortened(name)}")
            if self._leaves[name] in self._fixed and str(number) != str(self.values.get(name, number)):
                raise ValueError(
                    f"{name} goes into a node that was made from numbers, so that nothing is computed with it"
                )
        return {**self.values, **given}

    @traitlets.observe("values")
    def _write(self, _change: object) -> None:
        if not self._writes:
            return
        before = {leaf: leaf.data for leaf in self._leaves.values()}
        try:
            for name, number in self.values.items():
                self._leaves[name].data = number
            root: Value = self._walk.nodes[-1]
            root.refresh()
        except (ValueError, ArithmeticError):  # the page says what is wrong; the graph stays as it was
            for leaf, number in before.items():
                leaf.data = number

    def _answer(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        """Compute the functions of Python for numbers that the page has."""
        asks = [(self._walk.nodes[place].operation.primitive, place, numbers) for place, numbers in content["asks"]]
        answers = [
            {"place": place, "numbers": numbers, **_called(primitive, [float(number) for number in numbers])}
            for primitive, place, numbers in asks
            if isinstance(primitive, Primitive)
        ]
        self.send({"answers": answers})


def _called(primitive: Primitive, numbers: list[float]) -> dict[str, Any]:
    try:
        slopes = [primitive.derivative(index, *numbers) for index in range(len(numbers))]
        return {"value": json_number(primitive.number(*numbers)), "slopes": [json_number(slope) for slope in slopes]}
    except Exception as error:  # whatever the function raises is the reader's to see
        return {"refusal": f"{primitive.name}: {plain_label(str(error), 200)}"}


def _unique(names: list[str]) -> list[str]:
    """Names of which no two are the same: the second x is ``x#2``."""
    met: Counter[str] = Counter()
    unique = []
    for name in names:
        met[name] += 1
        unique.append(name if met[name] == 1 else f"{name}#{met[name]}")
    return unique

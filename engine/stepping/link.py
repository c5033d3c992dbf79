"""The link between a stepper's page in a notebook and Python: a widget that shows nothing by itself."""

import secrets
from itertools import count
from typing import Any

import anywidget
import traitlets

from engine.expressions.writers import text
from engine.operations import CONSTANT
from engine.primitive import Primitive
from engine.refresh import is_computable
from engine.stepping.page import bundle, fixed_nodes
from engine.steps import Walk
from engine.validation import as_float, check_int, plain_label, shortened
from engine.value import Value


class _Numbers(dict[str, float]):
    """Numbers by name, equal where Python writes them equally: NaN is NaN, and -0.0 is not 0.0."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict) and _sent(self) == _sent(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


def _sent(values: dict[str, float], _widget: object = None) -> dict[str, str]:
    """As texts: JSON has no NaN and no infinity, and JavaScript writes -0.0 as 0."""
    return {name: repr(float(number)) for name, number in values.items()}


def _received(values: dict[str, str], _widget: object) -> _Numbers:
    return _Numbers({name: float(number) for name, number in values.items()})


def _chosen(name: object, _widget: object) -> str | None:
    """The name of a node; all else is None: a kernel in a browser has an object of its own for JavaScript's null."""
    return name if isinstance(name, str) else None


class Link(anywidget.AnyWidget):  # type: ignore[misc]
    """What a page shows of a *walk*, as traits that can be observed: set one, and the page follows; and vice versa.

    If it *writes*, changed leaves are written into their Values, and the graph is computed again.
    """

    _esm = bundle("link.js") + "\nexport default { initialize, render() {} };\n"
    token = traitlets.Unicode().tag(sync=True)
    names: Any = traitlets.List().tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    selected = traitlets.Unicode(None, allow_none=True).tag(sync=True, from_json=_chosen)
    values = traitlets.Dict().tag(sync=True, to_json=_sent, from_json=_received)

    def __init__(self, walk: Walk, writes: bool) -> None:
        self._walk, self._writes, self._fixed = walk, writes, fixed_nodes(walk, is_computable)
        if writes and self._fixed:
            made = next(node for node in walk.nodes if node.operands and not is_computable(node.operation))
            raise ValueError(
                f"link=True computes the graph again, but {text(walk.wording.formulas[made])} was made from numbers; "
                "make it with an operation or @primitive, or leave link=True out"
            )
        names = _unique([text(walk.wording.formulas[node]) for node in walk.nodes])
        self._leaves = {n: node for n, node in zip(names, walk.nodes) if not node.operands and node.op != CONSTANT}
        then = dict(zip(names, walk.numbers))
        numbers = _Numbers({name: then[name] for name in self._leaves})
        super().__init__(token=secrets.token_hex(8), names=names, values=numbers)
        self.on_msg(self._answer)

    def refresh(self) -> None:
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
    def _check_values(self, proposal: Any) -> _Numbers:
        given = {name: as_float(number, f"values[{name!r}]") for name, number in proposal.value.items()}
        for name, number in given.items():
            if name not in self._leaves:
                known = ", ".join(self._leaves)
                raise ValueError(f"values must be numbers for {shortened(known)}, got {shortened(name)}")
            if self._leaves[name] in self._fixed and str(number) != str(self.values.get(name, number)):
                raise ValueError(
                    f"{name} goes into a node that was made from numbers, so that nothing is computed with it"
                )
        return _Numbers({**self.values, **given})

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
        except Exception as error:  # of a function of Python: the graph stays as it was
            for leaf, number in before.items():
                leaf.data = number
            self.send({"trouble": f"The Values in Python stay as they were: {_words_of(error)}"})

    def _answer(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        answers = [
            {"place": place, "numbers": numbers, **_called(primitive, [float(number) for number in numbers])}
            for place, numbers in content["asks"]
            if isinstance(primitive := self._walk.nodes[place].operation.primitive, Primitive)
        ]
        self.send({"answers": answers})


def _called(primitive: Primitive, numbers: list[float]) -> dict[str, Any]:
    try:
        slopes = [primitive.derivative(index, *numbers) for index in range(len(numbers))]
        return {"value": repr(primitive.number(*numbers)), "slopes": [repr(slope) for slope in slopes]}
    except Exception as error:  # of the function: the reader sees it
        return {"refusal": f"{primitive.name}: {_words_of(error)}"}


def _words_of(error: Exception) -> str:
    return plain_label(str(error) or repr(error), 200)


def _unique(names: list[str]) -> list[str]:
    """Names of which no two are the same: the second x is ``x#2``, or ``x#3`` where a label is ``x#2``."""
    given, unique = set(names), dict[str, None]()
    for name in names:
        others = (other for n in count(2) if (other := f"{name}#{n}") not in given and other not in unique)
        unique[next(others) if name in unique else name] = None
    return list(unique)

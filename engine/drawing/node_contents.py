"""What the boxes of a picture say: of a single node, and of many folded into one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.drawing.flat_graph import Wires
from engine.drawing.folding import Box
from engine.drawing.html_labels import Content
from engine.drawing.module_scopes import Path, singular, title_of
from engine.validation import plain_label
from engine.value import Value

_SIGNS = ("+", "-", "*", "/", "**")


@dataclass(frozen=True)
class Reader:
    """Reads a graph for its picture: *names* of Values, the groups of every node, and how many digits to show.

    ``top`` is the title of the group ``""`` around a network without a name of its own.
    """

    wires: Wires
    paths: list[Path]
    names: Mapping[Value, str]
    precision: int
    top: str = ""

    def name(self, place: int) -> str:
        """What a node is called; empty where nobody gave it a name. Inside a group the group's part is left out."""
        node = self.wires.nodes[place]
        name = self.names.get(node, "")
        path = self.paths[place]
        return plain_label(node.label or (name.removeprefix(f"{path[-1]}.") if path else name))

    def number(self, value: float) -> str:
        """A number as it is shown."""
        return f"{value:.{self.precision}g}"

    def node(self, place: int) -> Content:
        """The content of a node that is drawn on its own."""
        node = self.wires.nodes[place]
        name = self.name(place)
        if self.wires.is_constant(place):
            return (
                Content("", name, (("data", self.number(node.data)),)) if name else Content("", self.number(node.data))
            )
        return Content(self._operation(place), name, self._rows(node))

    def in_full(self, place: int) -> str:
        """A node with all digits of its numbers, for a pointer that rests on it."""
        node = self.wires.nodes[place]
        gradient = "" if self.wires.is_constant(place) else f", grad {node.grad!r}"
        return f"{self.name(place) or node.op or 'leaf'}: data {node.data!r}{gradient}"

    def _rows(self, node: Value) -> tuple[tuple[str, str], ...]:
        return ("data", self.number(node.data)), ("grad", self.number(node.grad))

    def _operation(self, place: int) -> str:
        """The operation, with the plain numbers that are written into it: ``* 3``."""
        op, operands = self.wires.nodes[place].op, self.wires.operands[place]
        inside = [self.number(self.wires.nodes[o].data) if self.wires.written_in[o] else "" for o in operands]
        if not any(inside):
            return op
        if op in _SIGNS and len(inside) == 2:
            return " ".join(part for part in (inside[0], op, inside[1]) if part)
        return f"{op}({', '.join(part or '·' for part in inside)})"

    def box(self, box: Box, leaving: set[int]) -> Content:
        """The content of a folded box, from which the nodes *leaving* are used elsewhere."""
        leaves = [place for place in box.members if not self.wires.nodes[place].op]
        if box.kind == "inputs":
            return self._inputs(box)
        rows: tuple[tuple[str, str], ...] = ()
        if len(leaving) == 1:
            rows = self._rows(self.wires.nodes[next(iter(leaving))])
        if box.kind == "rest":
            if len(leaves) == len(box.members):
                return Content("", _counted(len(leaves), "leaf", "leaves"))
            lines = [f"{_counted(len(leaves), 'leaf', 'leaves')} among them"] if leaves else []
            return Content("", _counted(len(box.members), "node"), rows, tuple(lines))
        parameters = [self.wires.nodes[place] for place in leaves if self.paths[place]]
        if parameters and not rows:
            rows = (("|grad|", self.number(math.hypot(*[parameter.grad for parameter in parameters]))),)
        parts = [self._parts(box), _counted(len(parameters), "parameter")]
        lines = [", ".join(part for part in parts if part), _counted(len(box.members), "node")]
        return Content("", title_of(box.name, self.top), rows, tuple(lines))

    def _inputs(self, box: Box) -> Content:
        numbers = [self.wires.nodes[place].data for place in box.members]
        names = [name for name in (self.name(place) for place in (box.members[0], box.members[-1])) if name]
        lines = [f"{names[0]} ... {names[1]}"] if len(names) == 2 else []
        lines.append(f"data {self.number(min(numbers))} to {self.number(max(numbers))}")
        return Content("", _counted(len(numbers), "input"), (), tuple(lines))

    def _parts(self, box: Box) -> str:
        """How many groups lie in a group: ``16 neurons``."""
        level = len(box.path) + 1
        parts = {self.paths[place][level] for place in box.members if len(self.paths[place]) > level}
        words = {title_of(part).split(" ")[0] for part in parts}
        return _counted(len(parts), words.pop() if len(words) == 1 else "group") if parts else ""


def _counted(count: int, one: str, many: str = "") -> str:
    """``1 node`` or ``1,234 nodes``."""
    return f"{count:,} {singular(one) if count == 1 else many or f'{singular(one)}s'}"

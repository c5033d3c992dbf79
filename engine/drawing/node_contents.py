"""The contents of the boxes in a picture: of single nodes, and of many folded into one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.drawing.flat_graph import FlatGraph
from engine.drawing.folding import Box
from engine.drawing.html_labels import Content
from engine.drawing.module_scopes import Scopes, scope_title, singular
from engine.validation import plain_label
from engine.value import Value

_SIGNS = ("+", "-", "*", "/", "**")


@dataclass(frozen=True)
class NodeContents:
    """Describes the nodes and boxes of a graph.

    ``names`` are the caller's, ``precision`` is the number of digits to show, and ``top`` is the title of the scope
    ``""`` around a network without a name.
    """

    graph: FlatGraph
    scopes: list[Scopes]
    names: Mapping[Value, str]
    precision: int
    top: str = ""

    def name(self, index: int) -> str:
        """The name of a node, or nothing. Inside a scope the scope's part is left out."""
        node, scopes = self.graph.nodes[index], self.scopes[index]
        name = self.names.get(node, "")
        return plain_label(node.label or (name.removeprefix(f"{scopes[-1]}.") if scopes else name))

    def format(self, number: float) -> str:
        """A number as the picture shows it."""
        return f"{number:.{self.precision}g}"

    def describe_node(self, index: int) -> Content:
        """The content of a node that is drawn by itself."""
        node, name = self.graph.nodes[index], self.name(index)
        if not self.graph.is_constant(index):
            return Content(self._operation(index), name, self._rows(node))
        number = self.format(node.data)
        return Content("", name, (("data", number),)) if name else Content("", number)

    def describe_in_full(self, index: int) -> str:
        """A node with all digits of its numbers, for a tooltip."""
        node = self.graph.nodes[index]
        gradient = "" if self.graph.is_constant(index) else f", grad {node.grad!r}"
        return f"{self.name(index) or node.op or 'leaf'}: data {node.data!r}{gradient}"

    def describe_box(self, box: Box, outputs: set[int]) -> Content:
        """The content of a folded box; nodes outside use its *outputs*."""
        if box.kind == "inputs":
            return self._describe_inputs(box)
        leaves = [index for index in box.members if not self.graph.nodes[index].op]
        rows = self._rows(self.graph.nodes[next(iter(outputs))]) if len(outputs) == 1 else ()
        if box.kind == "rest":
            if len(leaves) == len(box.members):
                return Content("", _count(len(leaves), "leaf", "leaves"))
            lines = [f"{_count(len(leaves), 'leaf', 'leaves')} among them"] if leaves else []
            return Content("", _count(len(box.members), "node"), rows, tuple(lines))
        parameters = [self.graph.nodes[index] for index in leaves if self.scopes[index]]
        if parameters and not rows:
            rows = (("|grad|", self.format(math.hypot(*[parameter.grad for parameter in parameters]))),)
        parts = [self._count_parts(box), _count(len(parameters), "parameter")]
        lines = [", ".join(part for part in parts if part), _count(len(box.members), "node")]
        return Content("", scope_title(box.name, self.top), rows, tuple(lines))

    def _rows(self, node: Value) -> tuple[tuple[str, str], ...]:
        return ("data", self.format(node.data)), ("grad", self.format(node.grad))

    def _operation(self, index: int) -> str:
        """The operation, with the plain numbers that are inlined in it: ``* 3``."""
        op, operands = self.graph.nodes[index].op, self.graph.operands[index]
        numbers = [self.format(self.graph.nodes[i].data) if self.graph.inlined[i] else "" for i in operands]
        if not any(numbers):
            return op
        if op in _SIGNS:
            return " ".join(part for part in (numbers[0], op, numbers[1]) if part)
        return f"{op}({', '.join(number or '·' for number in numbers)})"

    def _describe_inputs(self, box: Box) -> Content:
        numbers = [self.graph.nodes[index].data for index in box.members]
        names = [name for name in (self.name(box.members[0]), self.name(box.members[-1])) if name]
        lines = [f"{names[0]} ... {names[1]}"] if len(names) == 2 else []
        lines.append(f"data {self.format(min(numbers))} to {self.format(max(numbers))}")
        return Content("", _count(len(numbers), "input"), (), tuple(lines))

    def _count_parts(self, box: Box) -> str:
        """How many scopes lie directly in a scope: ``16 neurons``."""
        level = len(box.scopes) + 1
        parts = {self.scopes[index][level] for index in box.members if len(self.scopes[index]) > level}
        words = {scope_title(part).split(" ")[0] for part in parts}
        return _count(len(parts), words.pop() if len(words) == 1 else "group") if parts else ""


def _count(n: int, one: str, many: str = "") -> str:
    """``1 node`` or ``1,234 nodes``."""
    return f"{n:,} {singular(one) if n == 1 else many or f'{singular(one)}s'}"

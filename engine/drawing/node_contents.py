"""The contents of the boxes in a picture: of single nodes, and of many folded into one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.drawing.flat_graph import FlatGraph
from engine.drawing.folding import Box
from engine.drawing.module_scopes import Scopes, scope_title, singular
from engine.validation import plain_label
from engine.value import Value


@dataclass(frozen=True)
class Content:
    """The content of a box: an operation, a title, rows of a word and a number, and lines in a box of many nodes."""

    operation: str = ""
    title: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()


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

    def describe_box(self, box: Box, shown: Value | None) -> Content:
        """The content of a folded box, with the numbers of its only output if it has one to be *shown*."""
        nodes, count = [self.graph.nodes[index] for index in box.members], len(box.members)
        if box.kind == "inputs":
            numbers = [node.data for node in nodes]
            span = f"data {self.format(min(numbers))} to {self.format(max(numbers))}"
            first, last = self.name(box.members[0]), self.name(box.members[-1])
            return Content("", _count(count, "input"), (), (f"{first} ... {last}", span) if first and last else (span,))
        rows = self._rows(shown) if shown is not None else ()
        if box.kind == "rest":
            n_leaves = sum(not node.op for node in nodes)
            leaves = _count(n_leaves, "leaf", "leaves")
            if n_leaves == count:
                return Content("", leaves)
            return Content("", _count(count, "node"), rows, (f"{leaves} among them",) if n_leaves else ())
        parameters = [node for node, index in zip(nodes, box.members) if self.scopes[index] and not node.op]
        if parameters and not rows:
            rows = (("|grad|", self.format(math.hypot(*[parameter.grad for parameter in parameters]))),)
        level = len(box.scopes) + 1
        parts = {self.scopes[index][level] for index in box.members if len(self.scopes[index]) > level}
        words = {scope_title(part).split(" ")[0] for part in parts}
        counts = [_count(len(parts), words.pop() if len(words) == 1 else "group")] if parts else []
        counts.append(_count(len(parameters), "parameter"))
        return Content("", scope_title(box.name, self.top), rows, (", ".join(counts), _count(count, "node")))

    def _rows(self, node: Value) -> tuple[tuple[str, str], ...]:
        return ("data", self.format(node.data)), ("grad", self.format(node.grad))

    def _operation(self, index: int) -> str:
        """The operation, with the plain numbers that are inlined in it: ``* 3``."""
        op, operands = self.graph.nodes[index].op, self.graph.operands[index]
        numbers = [self.format(self.graph.nodes[i].data) if self.graph.inlined[i] else "" for i in operands]
        if not any(numbers):
            return op
        if op in ("+", "-", "*", "/", "**"):
            return " ".join(part for part in (numbers[0], op, numbers[1]) if part)
        return f"{op}({', '.join(number or '·' for number in numbers)})"


def _count(n: int, one: str, many: str = "") -> str:
    """``1 node`` or ``1,234 nodes``."""
    return f"{n:,} {singular(one) if n == 1 else many or f'{singular(one)}s'}"

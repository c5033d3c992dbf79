"""The contents of the boxes in a picture: of single nodes, and of many folded into one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from engine.drawing.flat_graph import FlatGraph, read_gradients
from engine.drawing.folding import Box
from engine.drawing.module_scopes import scope_title, singular
from engine.expressions.names import node_formulas
from engine.expressions.nodes import Name, Number
from engine.expressions.writers import picture_text
from engine.validation import plain_label
from engine.value import Value

SYMBOLS = {"neg": "−", "-": "−", "*": "×"}
"""What operations look like where it is not their name."""
_ORDERED = ("-", "/", "**", "atan2", "leaky_relu")  # operations whose operands cannot change places
_INFIX = ("+", "-", "*", "/", "**")


class Row(NamedTuple):
    """A word and a number, and the gradient that colours them."""

    word: str
    number: str
    gradient: float | None = None


@dataclass(frozen=True)
class Content:
    """The content of a box: an operation, a title, rows of a word and a number, and lines in a box of many nodes."""

    operation: str = ""
    title: str = ""
    rows: tuple[Row, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeContents:
    """Describes the nodes and boxes of a graph.

    ``names`` are the caller's, ``precision`` is the number of digits to show, and ``top`` is the title of the scope
    ``""`` around a network without a name.
    """

    graph: FlatGraph
    names: Mapping[Value, str]
    precision: int
    top: str = ""

    @cached_property
    def gradients(self) -> list[float]:
        """The gradients of all nodes as the picture shows them."""
        return read_gradients(self.graph)

    @cached_property
    def all_names(self) -> list[str]:
        """The names of all nodes: those that steps and formulas show, and nothing for a plain number without one."""
        formulas = node_formulas(self.graph.nodes[-1], self.names).values()
        return [formula.text if isinstance(formula, Name) else "" for formula in formulas]

    def name(self, index: int) -> str:
        """The name of a node. Inside a scope the scope's part is left out."""
        scopes, name = self.graph.scopes[index], self.all_names[index]
        if scopes and not self.graph.nodes[index].label:
            name = name.removeprefix(f"{scopes[-1]}.")
        return plain_label(name)

    def format(self, number: float) -> str:
        return picture_text(Number(number), self.precision)

    def describe_node(self, index: int) -> Content:
        name = self.name(index)
        if not self.graph.is_constant(index):
            return Content(self._operation(index), name, self._rows(index))
        number = self.format(self.graph.nodes[index].data)
        return Content("", name, (Row("data", number),)) if name else Content("", number)

    def describe_in_full(self, index: int) -> str:
        """A node with all digits of its numbers, for a tooltip."""
        node = self.graph.nodes[index]
        gradient = "" if self.graph.is_constant(index) else f", grad {node.grad!r}"
        return f"{self.name(index) or node.op}: data {node.data!r}{gradient}"

    def describe_box(self, box: Box, shown: list[int]) -> Content:
        """The content of a folded box, with the numbers of the outputs *shown*."""
        nodes, count = [self.graph.nodes[index] for index in box.members], len(box.members)
        if box.kind == "inputs":
            numbers = [node.data for node in nodes]
            span = f"data {self.format(min(numbers))} to {self.format(max(numbers))}"
            first, last = self.name(box.members[0]), self.name(box.members[-1])
            return Content("", _count(count, "input"), (), (f"{first} ... {last}", span) if first and last else (span,))
        if box.kind == "call":
            return self._describe_call(box, shown)
        rows: tuple[Row, ...] = self._rows(*shown) if shown else ()
        if box.kind == "rest":
            n_leaves = sum(not node.op for node in nodes)
            leaves = _count(n_leaves, "leaf", "leaves")
            if n_leaves == count:
                return Content("", leaves)
            return Content("", _count(count, "node"), rows, (f"{leaves} among them",) if n_leaves else ())
        parameters = [node for node, index in zip(nodes, box.members) if self.graph.scopes[index] and not node.op]
        if parameters and not rows:
            rows = (Row("|grad|", self.format(math.hypot(*[parameter.grad for parameter in parameters]))),)
        level = len(box.scopes) + 1
        parts = {self.graph.scopes[index][level] for index in box.members if len(self.graph.scopes[index]) > level}
        words = {scope_title(part).split(" ")[0] for part in parts}
        counts = [_count(len(parts), words.pop() if len(words) == 1 else "group")] if parts else []
        counts.append(_count(len(parameters), "parameter"))
        return Content("", scope_title(box.name, self.top), rows, (", ".join(counts), _count(count, "node")))

    def _describe_call(self, box: Box, shown: list[int]) -> Content:
        inputs = f"of {box.n_inputs} numbers"
        if len(shown) == 1:
            return Content(box.name, self.name(shown[0]), self._rows(shown[0]), (inputs,))
        rows = []
        for index in shown:
            data, gradient = self._rows(index)
            rows += [data._replace(word=self.name(index)), gradient]
        return Content(box.name, "", tuple(rows), (inputs,))

    def _rows(self, index: int) -> tuple[Row, Row]:
        data, gradient = self.graph.nodes[index].data, self.gradients[index]
        return Row("data", self.format(data)), Row("grad", self.format(gradient), gradient)

    def _operation(self, index: int) -> str:
        """The operation; with its operands where there are plain numbers among them, or where their order matters."""
        op, operands = self.graph.nodes[index].op, self.graph.operands[index]
        words = [self._short_name(operand, index) if self.graph.inlined[operand] else "" for operand in operands]
        if op in _ORDERED and len(set(operands)) > 1 and not (op in _INFIX and any(words)):
            words = [self._short_name(operand, index) for operand in operands]
        symbol = SYMBOLS.get(op, op)
        if not any(words):
            return symbol
        if op in _INFIX:
            return " ".join(part for part in (words[0], symbol, words[1]) if part)
        return f"{symbol}({', '.join(word or '·' for word in words)})"

    def _short_name(self, operand: int, index: int) -> str:
        """The name of an operand of a node: its own, or its neuron's where the node is outside; or a plain number."""
        node, scopes = self.graph.nodes[operand], self.graph.scopes[operand]
        if scopes and scopes != self.graph.scopes[index] and not node.label and node not in self.names:
            return plain_label(scope_title(scopes[-1], self.top), 16)
        return plain_label(self.name(operand), 16) or self.format(node.data)


def _count(n: int, one: str, many: str = "") -> str:
    """``1 node`` or ``1,234 nodes``."""
    return f"{n:,} {singular(one) if n == 1 else many or f'{singular(one)}s'}"

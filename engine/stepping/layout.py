"""The layout: boxes of the size that their text needs, in the positions that Graphviz computes."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from engine.expressions.nodes import format_number
from engine.expressions.writers import text
from engine.operations import CONSTANT
from engine.stepping.walk import Walk
from engine.validation import plain_label
from engine.value import Value

LINE = 17.0
"""From one line of text in a box to the next, in pixels."""
MORE = " + …"
"""What follows a sum that is not complete."""
_TWINS_APART = 12.0  # the numbers on two edges between the same nodes: one higher, one lower, so that both can be read
_SIDE, _LETTER = 10.0, 7.4  # beside the text in a box, and about as wide as a letter is
_TICK = 14.0  # the mark of a gradient that the finite difference agrees with
_INCH = 72.0  # Graphviz measures boxes in inches; a point of its is a pixel here


class Box(NamedTuple):
    """A rectangle, in pixels from the top left corner of the picture."""

    left: float
    top: float
    width: float
    height: float


class Edge(NamedTuple):
    """From an operand to what is computed from it, as indices in the list of nodes; *route* is a chain of cubic Bezier
    curves: a point, and then three for each curve."""

    operand: int
    node: int
    route: list[tuple[float, float]]


class Layout(NamedTuple):
    """The picture's size, a box for each node, and the edges: node after node, each node's operands in order."""

    width: float
    height: float
    boxes: list[Box]
    edges: list[Edge]

    def first_edges(self) -> dict[int, int]:
        """The index of the first edge to each node that has operands; the others follow it."""
        return {edge.node: index for index, edge in reversed([*enumerate(self.edges)])}

    def shift(self, index: int) -> float:
        """How far down the number on an edge is moved: up or down where there are two between the same nodes."""
        edge = self.edges[index]
        for neighbour, shift in ((index + 1, -_TWINS_APART), (index - 1, _TWINS_APART)):
            if 0 <= neighbour < len(self.edges) and self.edges[neighbour][:2] == edge[:2]:
                return shift
        return 0.0


def lay_out(walk: Walk, precision: int, direction: str, timeout: float) -> Layout:
    """Lay out a graph with Graphviz; *direction* is its ``rankdir``.

    Raises:
        TimeoutError: Graphviz needs longer than *timeout* seconds.
    """
    from engine.drawing.graphviz_process import run_graphviz

    indices = {node: index for index, node in enumerate(walk.nodes)}
    sizes = _sizes(walk, precision)
    pairs = [(indices[operand], indices[node]) for node in walk.nodes for operand in node.operands]
    lines = [
        f"digraph {{ graph [rankdir={direction} nodesep=0.22 ranksep=0.95]",  # a local derivative fits between ranks
        'node [shape=box fixedsize=true label=""] edge [dir=none]',
        *(f"n{i} [width={w / _INCH:.4f} height={h / _INCH:.4f}]" for i, (w, h) in enumerate(sizes)),
        *(f"n{operand} -> n{node}" for operand, node in pairs),
        "}",
    ]
    try:
        plain = run_graphviz("\n".join(lines), "plain", timeout=timeout)
    except TimeoutError:
        raise TimeoutError(
            f"Graphviz had not laid out the {len(sizes):,} nodes after {timeout:g} s and was stopped; step through a "
            "part of the graph, or give it longer (timeout=...)"
        ) from None
    return _read(plain.decode().splitlines(), sizes, pairs)


def _read(lines: Iterable[str], sizes: list[tuple[float, float]], pairs: list[tuple[int, int]]) -> Layout:
    """Read Graphviz's format ``plain``, which counts inches from the bottom left corner."""
    width = height = 0.0
    boxes = [Box(0.0, 0.0, 0.0, 0.0)] * len(sizes)
    routes: defaultdict[tuple[int, int], list[list[tuple[float, float]]]] = defaultdict(list)
    for line in lines:
        kind, *words = line.split()
        if kind == "graph":
            width, height = float(words[1]) * _INCH, float(words[2]) * _INCH
        elif kind == "node":
            index, x, y = int(words[0][1:]), float(words[1]) * _INCH, height - float(words[2]) * _INCH
            w, h = sizes[index]
            boxes[index] = Box(x - w / 2, y - h / 2, w, h)
        elif kind == "edge":
            numbers = [float(word) * _INCH for word in words[3 : 3 + 2 * int(words[2])]]
            route = [(x, height - y) for x, y in zip(numbers[::2], numbers[1::2])]
            routes[int(words[0][1:]), int(words[1][1:])].append(route)
    for twins in routes.values():  # x * x has two edges: the first is the upper one
        twins.sort(key=lambda route: (route[len(route) // 2][1], route[len(route) // 2][0]), reverse=True)
    return Layout(width, height, boxes, [Edge(*pair, routes[pair].pop()) for pair in pairs])


def _sizes(walk: Walk, precision: int) -> list[tuple[float, float]]:
    """The size of each node's box, for all that it shows during the walk, running sums included."""
    digits = {node: len(format_number(gradient, precision)) for node, gradient in zip(walk.nodes, walk.gradients)}
    for step in walk.steps:
        for contribution in step.contributions:
            running = len(format_number(contribution.total, precision) + MORE)
            digits[contribution.operand] = max(digits[contribution.operand], running)
    least = precision + 5  # most boxes are of one width then
    sizes = []
    for node in walk.nodes:
        name = text_width(shown_name(node, walk))
        if node.op == CONSTANT:
            sizes.append((name + 2 * _SIDE, LINE + 8.0))
            continue
        head = name + (text_width(node.op) + 2 * _SIDE if node.op else 0.0)
        row = text_width("data ") + _TICK + _LETTER * max(least, digits[node], len(format_number(node.data, precision)))
        sizes.append((max(head, row) + 2 * _SIDE, 3 * LINE + 18.0))
    return sizes


def shown_name(node: Value, walk: Walk) -> str:
    """A node's name, or a plain number, as its box shows it."""
    return plain_label(text(walk.wording.formulas[node], precision=4), 28)


def text_width(line: str) -> float:
    """About how wide a line of text is, in pixels at 13 pixels a line."""
    return sum(2 * _LETTER if unicodedata.east_asian_width(c) in "WF" else _LETTER for c in line)

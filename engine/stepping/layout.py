"""The layout: boxes of the size that their text needs, in the positions that Graphviz computes."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from engine.drawing.node_contents import SYMBOLS
from engine.drawing.rendering import run_graphviz
from engine.expressions.nodes import format_number
from engine.expressions.writers import text
from engine.operations import CONSTANT
from engine.steps import Walk
from engine.validation import plain_label
from engine.value import Value

LINE = 16.0  # from one line of text in a box to the next, in pixels
MORE = " + …"  # follows a sum that is not complete
_TWINS_APART = 12.0  # the numbers on two edges between the same nodes: one higher, one lower, so that both can be read
_SIDE, _LETTER = 9.0, 7.4  # beside the text in a box, and about as wide as a letter is
_KEY = 33.0  # the word "data" before a number
_ARROW = 18.0  # of an edge beside the local derivative on it: the arrowhead, and some line
_NEXT, _NEXT_IF_NARROW = 14.4, 8.0  # between nodes side by side, and where a picture must be narrow
_MANY = 100  # nodes: of more, Graphviz improves the places less often; a loop with shared weights would take it long
_INCH = 72.0  # Graphviz measures boxes in inches; a point of its is a pixel here

Route = list[tuple[float, float]]  # a chain of cubic Bezier curves: a point, and then three for each curve


class Box(NamedTuple):
    """A rectangle, in pixels from the top left corner of the picture."""

    left: float
    top: float
    width: float
    height: float


class Edge(NamedTuple):
    """From an operand to a node, as indices in the list of nodes; the number on it is moved down by *shift*."""

    operand: int
    node: int
    route: Route
    shift: float


class Layout(NamedTuple):
    """The picture's size, a box for each node, and the edges: node after node, each node's operands in order."""

    width: float
    height: float
    boxes: list[Box]
    edges: list[Edge]


MEASURES = {"LINE": LINE, "SIDE": _SIDE, "KEY": _KEY}
"""The measures of boxes that the page draws by, too."""


class Look(NamedTuple):
    """How a walk is drawn: the arguments of ``stepper``."""

    precision: int
    direction: str
    theme: str
    timeout: float


def lay_out(walk: Walk, precision: int, direction: str, timeout: float) -> Layout:
    """Lay out a graph with Graphviz; *direction* is its ``rankdir``. Raises a TimeoutError after *timeout* seconds."""
    return _run(walk, precision, direction, timeout, f"nodesep={_NEXT / _INCH:.4f}")


def lay_out_within(width: float, walk: Walk, precision: int, timeout: float) -> Layout:
    """Lay out a graph from top to bottom, with so few nodes side by side that it is at most *width* pixels wide."""
    layout = lay_out(walk, precision, "TB", timeout)
    style = f'nodesep={_NEXT_IF_NARROW / _INCH:.4f} ratio=compress size="{width / _INCH:.4f},10000"'
    for across in (4, 3, 2):
        if layout.width > width:
            layout = _run(walk, precision, "TB", timeout, style, across)
    return layout


def _run(walk: Walk, precision: int, direction: str, timeout: float, style: str, across: int | None = None) -> Layout:
    """Run Graphviz; with at most *across* nodes in a rank."""
    indices = {node: index for index, node in enumerate(walk.nodes)}
    sizes = _sizes(walk, precision)
    pairs = [(indices[operand], indices[node]) for node in walk.nodes for operand in node.operands]
    ranks = _ranks(pairs, len(sizes), across) if across else []
    lines = [f"n{i} [width={w / _INCH:.4f} height={h / _INCH:.4f}]" for i, (w, h) in enumerate(sizes)]
    for operand, node in pairs:  # Graphviz makes each edge as short as it may: these lengths are those of the ranks
        length = f" [minlen={ranks[operand] - ranks[node]}]" if ranks else ""
        lines.append(f"n{operand} -> n{node}{length}")
    gap = _between_ranks(walk, precision, direction)
    style += f" rankdir={direction} ranksep={gap / _INCH:.4f}"
    style += " nslimit=1" * (len(sizes) > _MANY)
    style += ' node [shape=box fixedsize=true label=""] edge [dir=none]'
    try:
        plain = run_graphviz("\n".join([f"digraph {{ {style}", *lines, "}"]), "plain", timeout=timeout)
    except TimeoutError:
        raise TimeoutError(
            f"Graphviz had not laid out the {len(sizes):,} nodes after {timeout:g} s and was stopped; step through a "
            "part of the graph, or give it longer (timeout=...)"
        ) from None
    return _read(plain.decode().splitlines(), sizes, pairs)


def _ranks(pairs: list[tuple[int, int]], count: int, across: int) -> list[int]:
    """For each node how many ranks it is from the root, with at most *across* nodes in a rank."""
    consumers = defaultdict(list)
    for operand, node in pairs:
        consumers[operand].append(node)
    ranks, n_there = [0] * count, Counter[int]()
    for node in reversed(range(count)):
        rank = max((ranks[consumer] + 1 for consumer in consumers[node]), default=0)
        while n_there[rank] >= across:
            rank += 1
        ranks[node] = rank
        n_there[rank] += 1
    return ranks


def _read(lines: Iterable[str], sizes: list[tuple[float, float]], pairs: list[tuple[int, int]]) -> Layout:
    """Read Graphviz's format ``plain``, which counts inches from the bottom left corner."""
    width = height = 0.0
    boxes = {}
    routes: defaultdict[tuple[int, int], list[Route]] = defaultdict(list)
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
    n_twins, edges = Counter(pairs), []
    for pair in pairs:
        route = routes[pair].pop()
        shift = 0.0 if n_twins[pair] == 1 else -_TWINS_APART if routes[pair] else _TWINS_APART
        edges.append(Edge(*pair, route, shift))
    return Layout(width, height, [boxes[index] for index in range(len(sizes))], edges)


def _sizes(walk: Walk, precision: int) -> list[tuple[float, float]]:
    """The size of each node's box, for all that it shows during the walk, running sums included."""
    shown = [
        (node, number, "") for node, gradient in zip(walk.nodes, walk.gradients) for number in (node.data, gradient)
    ]
    shown += [(c.operand, c.total, MORE) for step in walk.steps for c in step.contributions]
    digits = dict.fromkeys(walk.nodes, precision + 4)  # most boxes are of one width then
    for node, number, more in shown:
        digits[node] = max(digits[node], len(format_number(number, precision) + more))
    sizes = []
    for node in walk.nodes:
        name = text_width(shown_name(node, walk))
        if node.op == CONSTANT:
            sizes.append((name + 2 * _SIDE, LINE + 8.0))
            continue
        head = name + (text_width(SYMBOLS.get(node.op, node.op)) + 2 * _SIDE if node.op else 0.0)
        row = _KEY + _LETTER * digits[node]
        sizes.append((max(head, row) + 2 * _SIDE, 3 * LINE + 12.0))
    return sizes


def _between_ranks(walk: Walk, precision: int, direction: str) -> float:
    """The room between ranks of nodes, in pixels: the longest local derivative leaves free some of its edge."""
    if direction in ("TB", "BT"):
        return 24.0 + _ARROW
    shown = [format_number(slope, precision) for node in walk.nodes for slope in node.local_derivatives]
    return 6.6 * max((len(f"× {slope}") for slope in shown), default=0) + 16.0 + _ARROW


def shown_name(node: Value, walk: Walk) -> str:
    """A node's name, or a plain number, as its box shows it."""
    return plain_label(text(walk.wording.formulas[node], precision=4), 28)


def text_width(line: str) -> float:
    """About how wide a line of text is, in pixels at 13 pixels a line."""
    return sum(2 * _LETTER if unicodedata.east_asian_width(c) in "WF" else _LETTER for c in line)

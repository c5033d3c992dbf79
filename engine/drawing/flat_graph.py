"""A graph as lists of indices, so that folding and drawing a million nodes need no recursion."""

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import Any

from engine.node import topological_order
from engine.operations import CONSTANT
from engine.validation import shortened
from engine.value import Value


@dataclass(frozen=True)
class FlatGraph:
    """The nodes of a graph in topological order; everything else refers to them by index.

    ``operands`` has the indices of each node's operands. ``inlined`` tells which plain numbers are written into the one
    operation that uses them, as in ``* 3``.
    """

    nodes: list[Value]
    operands: list[tuple[int, ...]]
    inlined: list[bool]

    def is_constant(self, index: int) -> bool:
        """Whether that node is a plain number."""
        return self.nodes[index].op == CONSTANT


def flatten(root: Value, names: dict[Value, str]) -> FlatGraph:
    """Flatten the graph under *root*; a plain number with a label or one of the *names* is not inlined."""
    nodes = topological_order(root)
    index_of = {node: index for index, node in enumerate(nodes)}
    operands = [tuple([index_of[operand] for operand in node.operands]) for node in nodes]
    n_uses = Counter(chain.from_iterable(operands))
    unnamed = [node.op == CONSTANT and not node.label and node not in names for node in nodes]
    return FlatGraph(nodes, operands, [is_unnamed and n_uses[i] == 1 for i, is_unnamed in enumerate(unnamed)])


def find_between(graph: FlatGraph, between: Any) -> set[int]:
    """The indices of all nodes on a path from the first Value of *between* to the second, both included.

    Raises:
        TypeError: *between* is not a pair of Values.
        ValueError: one of them is not in the graph, or no path leads from the first to the second.
    """
    is_pair = isinstance(between, (tuple, list)) and len(between) == 2
    if not is_pair or not all(isinstance(end, Value) for end in between):
        raise TypeError(f"between must be two Values, such as between=(w, loss), got {shortened(between)}")
    indices = {node: index for index, node in enumerate(graph.nodes) if node is between[0] or node is between[1]}
    for end in between:
        if end not in indices:
            raise ValueError(f"between must be two Values of this graph, got {end!r}")
    first, last = indices[between[0]], indices[between[1]]
    dependents = _find_dependents(graph, first)
    if last not in dependents:
        advice = ""
        if first in _find_dependents(graph, last):
            advice = "; there is one in the other direction: put the operand first, such as between=(w, loss)"
        raise ValueError(f"between must be joined by a path, got none from {between[0]!r} to {between[1]!r}{advice}")
    found = {last}
    for index in range(last, first, -1):
        if index in found:
            found.update(dependents.intersection(graph.operands[index]))
    return found


def _find_dependents(graph: FlatGraph, start: int) -> set[int]:
    """*start*, and the nodes that are computed from it."""
    dependents = {start}
    for index in range(start + 1, len(graph.nodes)):
        if not dependents.isdisjoint(graph.operands[index]):
            dependents.add(index)
    return dependents

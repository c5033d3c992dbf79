"""A graph as lists of indices, so that folding and drawing a million nodes need no recursion."""

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import chain
from typing import Any

from engine.drawing.themes import largest_size
from engine.node import topological_order
from engine.operations import CONSTANT
from engine.validation import shortened
from engine.value import Value

Scopes = tuple[str, ...]
"""The groups around something, the outermost first: ``("model", "model.layers.0")``."""


@dataclass
class FlatGraph:
    """The nodes of a graph in topological order; everything else refers to them by index.

    ``index_of`` finds it again. ``operands`` has the indices of each node's operands. ``inlined`` tells which plain
    numbers are written into the one operation that uses them, as in ``* 3``. ``scopes`` are the groups around each.
    """

    nodes: list[Value]
    index_of: dict[Value, int]
    operands: list[tuple[int, ...]]
    inlined: list[bool]
    scopes: list[Scopes]

    def is_constant(self, index: int) -> bool:
        return self.nodes[index].op == CONSTANT


def flatten(root: Value, names: dict[Value, str]) -> FlatGraph:
    """Flatten the graph under *root*; a plain number with a label or one of the *names* is not inlined."""
    nodes = topological_order(root)
    index_of = {node: index for index, node in enumerate(nodes)}
    operands = [tuple([index_of[operand] for operand in node.operands]) for node in nodes]
    n_uses = Counter(chain.from_iterable(operands))
    unnamed = (node.op == CONSTANT and not node.label and node not in names for node in nodes)
    inlined = [is_unnamed and n_uses[i] == 1 for i, is_unnamed in enumerate(unnamed)]
    return FlatGraph(nodes, index_of, operands, inlined, [()] * len(nodes))


def read_gradients(graph: FlatGraph) -> list[float]:
    """The gradients of all nodes, 0 for one that is no more than what rounding left of parts that cancel.

    The parts are what the node's users hand to it: n of them whose sizes add up to s leave up to n s 2**-52. A gradient
    that is small without parts that cancel, as behind a saturated tanh, stays as it is.
    """
    gradients = [node.grad for node in graph.nodes]
    largest = largest_size(gradients)
    tiny = {index for index, gradient in enumerate(gradients) if 0.0 < abs(gradient) < 1e-12 * largest}
    users: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for index, operands in enumerate(graph.operands if tiny else ()):
        if not tiny.isdisjoint(operands):
            for operand, derivative in zip(operands, graph.nodes[index].local_derivatives):
                users[operand].append((index, derivative))
    for index in sorted(tiny, reverse=True):  # users come first
        parts = [graph.nodes[user].grad * derivative for user, derivative in users[index]]
        rounding = len(parts) * sys.float_info.epsilon * sum(map(abs, parts))
        is_sum = abs(sum(parts) - gradients[index]) <= rounding  # and not of another backward pass
        cancels = abs(gradients[index]) <= rounding
        if is_sum and (cancels or not any(gradients[user] * derivative for user, derivative in users[index])):
            gradients[index] = 0.0
    return gradients


def find_between(graph: FlatGraph, between: Any) -> set[int]:
    """The indices of all nodes on a path from the first Value of *between* to the second; raises an error if none."""
    is_pair = isinstance(between, (tuple, list)) and len(between) == 2
    if not is_pair or not all(isinstance(end, Value) for end in between):
        raise TypeError(f"between must be two Values, such as between=(w, loss), got {shortened(between)}")
    for end in between:
        if end not in graph.index_of:
            raise ValueError(f"between must be two Values of this graph, got {end!r}")
    first, last = map(graph.index_of.__getitem__, between)
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
    dependents = {start}
    for index in range(start + 1, len(graph.nodes)):
        if not dependents.isdisjoint(graph.operands[index]):
            dependents.add(index)
    return dependents

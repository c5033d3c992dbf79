"""The part of a graph between two Values: the paths along which the chain rule multiplies."""

from __future__ import annotations

from typing import Any

from engine.drawing.flat_graph import FlatGraph
from engine.validation import shortened
from engine.value import Value


def find_between(graph: FlatGraph, between: Any) -> set[int]:
    """The indices of all nodes on a path from the first Value of *between* to the second, both included.

    Raises:
        TypeError: *between* is not a pair of Values.
        ValueError: one of them is not in the graph, or no path leads from the first to the second.
    """
    first, second = _find_ends(graph, between)
    depends = _find_dependent(graph, first)
    if not depends[second]:
        advice = ""
        if _find_dependent(graph, second)[first]:
            advice = "; there is one in the other direction: put the operand first, such as between=(w, loss)"
        raise ValueError(f"between must be joined by a path, got none from {between[0]!r} to {between[1]!r}{advice}")
    found = {second}
    stack = [second]
    while stack:
        for operand in graph.operands[stack.pop()]:
            if depends[operand] and operand not in found:
                found.add(operand)
                stack.append(operand)
    return found


def _find_ends(graph: FlatGraph, between: Any) -> tuple[int, int]:
    is_pair = isinstance(between, (tuple, list)) and len(between) == 2
    if not is_pair or not all(isinstance(end, Value) for end in between):
        raise TypeError(f"between must be two Values, such as between=(w, loss), got {shortened(between)}")
    indices = {node: index for index, node in enumerate(graph.nodes) if node is between[0] or node is between[1]}
    for end in between:
        if end not in indices:
            raise ValueError(f"between must be two Values of this graph, got {end!r}")
    return indices[between[0]], indices[between[1]]


def _find_dependent(graph: FlatGraph, start: int) -> list[bool]:
    """For each node, whether it is *start* or computed from it."""
    depends = [False] * len(graph.nodes)
    depends[start] = True
    for index in range(start + 1, len(depends)):
        depends[index] = any(map(depends.__getitem__, graph.operands[index]))
    return depends

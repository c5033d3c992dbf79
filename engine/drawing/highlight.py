"""The part of a graph that lies between two Values: the way that the chain rule takes from one to the other."""

from __future__ import annotations

from typing import Any

from engine.drawing.flat_graph import Wires
from engine.validation import shortened
from engine.value import Value


def places_between(wires: Wires, between: Any) -> set[int]:
    """The places of all nodes on a path from the first Value of *between* to the second, both included.

    Raises:
        TypeError: *between* is not a pair of Values.
        ValueError: one of them is not in the graph, or no path leads from the first to the second.
    """
    first, second = _checked(wires, between)
    up = _reached(wires, first)
    if not up[second]:
        advice = ""
        if _reached(wires, second)[first]:
            advice = "; there is one the other way round: begin with the operand, such as between=(w, loss)"
        raise ValueError(f"between: no path leads from {between[0]!r} to {between[1]!r}{advice}")
    wanted = {second}
    stack = [second]
    while stack:
        for operand in wires.operands[stack.pop()]:
            if up[operand] and operand not in wanted:
                wanted.add(operand)
                stack.append(operand)
    return wanted


def _checked(wires: Wires, between: Any) -> tuple[int, int]:
    pair = isinstance(between, (tuple, list)) and len(between) == 2
    if not pair or not all(isinstance(end, Value) for end in between):
        raise TypeError(f"between: two Values are wanted, such as between=(w, loss), not {shortened(between)}")
    ends: dict[Value, int] = {}
    for place, node in enumerate(wires.nodes):
        if node is between[0] or node is between[1]:
            ends[node] = place
    for end in between:
        if end not in ends:
            raise ValueError(f"between: {end!r} is not in this graph")
    return ends[between[0]], ends[between[1]]


def _reached(wires: Wires, start: int) -> list[bool]:
    """For each place whether it is *start* or made of it."""
    reached = [False] * len(wires.nodes)
    reached[start] = True
    for place in range(start + 1, len(reached)):
        for operand in wires.operands[place]:
            if reached[operand]:
                reached[place] = True
                break
    return reached

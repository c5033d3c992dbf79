"""Gradients by central differences: the graph computed again with one number a little larger, and a little smaller.

It is a second way to the same derivative, which knows nothing of the chain rule: so the two can check each other.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import NamedTuple

from engine.value import Value

_EPSILON = sys.float_info.epsilon
_STEP = _EPSILON ** (1 / 3)  # where the error of the difference and that of rounding are about equal


class Difference(NamedTuple):
    """(``above`` - ``below``) / (2 ``h``) = ``quotient``, where those are the root's numbers for x + h and x - h.

    ``rounding`` is about how far the quotient may be off because floats are rounded and the function is curved.
    """

    h: float
    above: float
    below: float
    quotient: float
    rounding: float

    def agrees_with(self, gradient: float) -> bool:
        """Whether the quotient is the gradient, as far as a difference can tell.

        >>> Difference(1e-3, 9.006001, 8.994001, 6.0, 1e-12).agrees_with(6.0)
        True
        """
        if not (math.isfinite(self.quotient) and math.isfinite(gradient)):
            return False
        return abs(self.quotient - gradient) <= 1e-6 * max(abs(self.quotient), abs(gradient)) + self.rounding


def central_differences(nodes: list[Value]) -> Iterator[Difference | str]:
    """For each of *nodes*, a graph in topological order, the central difference of the last one with respect to it.

    Where there is none, because an operation has no number on one side, that is said in words. What ``detach`` gives
    stays as it is: no gradient flows through it, so none is looked for there. A node takes as long as what is computed
    from it; the Values of the graph are not touched.

    >>> x = Value(3.0, label="x")
    >>> [round(difference.quotient, 6) for difference in central_differences([x, x * x])]
    [6.0, 1.0]
    """
    places = {node: place for place, node in enumerate(nodes)}
    operands = [[places[operand] for operand in node.operands] for node in nodes]
    users: list[list[int]] = [[] for _ in nodes]
    for place, node in enumerate(nodes):
        if node.op != "detach":
            for operand in operands[place]:
                users[operand].append(place)
    for place, node in enumerate(nodes):
        above = _above(place, users)
        scale = max(1.0, abs(node.data))
        difference = _difference(nodes, operands, place, above, _STEP * scale)
        if isinstance(difference, str) and 0.0 < abs(node.data) < 1.0:  # such as the logarithm of a small number
            difference = _difference(nodes, operands, place, above, _STEP * abs(node.data))
        yield difference


def _above(place: int, users: list[list[int]]) -> list[int]:
    """The places of everything that is computed from one node, operands first."""
    met = {place}
    waiting = [place]
    while waiting:
        for user in users[waiting.pop()]:
            if user not in met:
                met.add(user)
                waiting.append(user)
    met.remove(place)
    return sorted(met)


def _difference(
    nodes: list[Value], operands: list[list[int]], place: int, above: list[int], h: float
) -> Difference | str:
    x = nodes[place].data
    if not math.isfinite(x):
        return f"there is no number beside {x}"
    try:
        upper, lower = (_computed(nodes, operands, place, above, number) for number in (x + h, x - h))
    except (ValueError, ArithmeticError) as error:
        return str(error)
    width = (x + h) - (x - h)  # not quite 2 h, as both sides are rounded
    quotient = (upper - lower) / width
    size = max(abs(upper), abs(lower), *(abs(nodes[i].data) for i in above), 0.0) if above else abs(upper)
    try:
        far, near = (_computed(nodes, operands, place, above, number) for number in (x + 2.0 * h, x - 2.0 * h))
        curvature = abs((far - near) / ((x + 2.0 * h) - (x - 2.0 * h)) - quotient)  # thrice what the quotient is off by
    except (ValueError, ArithmeticError):
        curvature = 0.0
    return Difference(h, upper, lower, quotient, 8.0 * _EPSILON * size / h + min(curvature, 1e-3 * abs(quotient)))


def _computed(nodes: list[Value], operands: list[list[int]], place: int, above: list[int], number: float) -> float:
    """The last node's number where the one at *place* has another."""
    changed = {place: Value(number, nodes[place].label)}
    for i in above:
        given = [changed.get(operand, nodes[operand]) for operand in operands[i]]
        changed[i] = nodes[i].operation.apply(*given)
    last = len(nodes) - 1
    return changed[last].data if last in changed else nodes[last].data

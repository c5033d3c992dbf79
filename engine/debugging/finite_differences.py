"""Derivatives from differences: the function computed again with one number a little larger or a little smaller.

It is a second way to the same derivative, which knows nothing of the chain rule: so the two can check each other.
``slopes`` measures a function of one float; ``central_differences`` does so for every node of a graph.
"""

from __future__ import annotations

import enum
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from engine.operations import CONSTANT
from engine.value import Value

_EPSILON = sys.float_info.epsilon
_QUOTIENTS = 4  # how many quotients one extrapolation takes
_AGREEING = 3  # how many extrapolations in a row must overlap before one is trusted
_AMPLIFIED = (
    13.0  # how much an extrapolation amplifies rounding: 2 (2 + 1) / (2 - 1) (4 + 1) / (4 - 1) (8 + 1) / (8 - 1)
)
_HALVINGS = 50
_SHOWN_STEP = _EPSILON ** (1 / 3)  # where the error of a plain central difference and that of rounding are about equal


class Verdict(enum.StrEnum):
    """What a comparison of a derivative with differences comes to."""

    AGREES = "agrees"
    DIFFERS = "differs"
    CANNOT_TELL = "cannot tell here"


class Slopes(NamedTuple):
    """The slopes of a function on the left and on the right of a point, each right to about ``bound``.

    They are equal to within the bound where the function is smooth, and different at a kink. At the end of a domain
    both are the slope on the side where there are numbers. ``step`` is the smallest step that they come from.
    """

    left: float
    right: float
    bound: float
    step: float

    @property
    def middle(self) -> float:
        """What a central difference tends to."""
        return 0.5 * (self.left + self.right)

    @property
    def is_kink(self) -> bool:
        """Whether the two sides differ by more than the error of both."""
        return abs(self.right - self.left) > 2.0 * self.bound + 1e-6 * max(abs(self.left), abs(self.right))

    def verdict(self, derivative: float, tolerance: float = 1e-6) -> Verdict:
        """Whether *derivative* lies between both slopes, to within the bound and *tolerance* times its size.

        >>> Slopes(0.0, 1.0, 1e-12, 1e-3).verdict(0.5), Slopes(6.0, 6.0, 1e-12, 1e-3).verdict(6.1)
        (<Verdict.AGREES: 'agrees'>, <Verdict.DIFFERS: 'differs'>)
        """
        if math.isnan(derivative) and self.is_kink:
            return Verdict.CANNOT_TELL  # there is no derivative at a kink, and NaN may say so
        if not math.isfinite(derivative):
            return Verdict.DIFFERS
        low, high = min(self.left, self.right), max(self.left, self.right)
        slack = self.bound + sys.float_info.min + tolerance * max(abs(derivative), abs(low), abs(high))
        return Verdict.AGREES if low - slack <= derivative <= high + slack else Verdict.DIFFERS


def slopes(
    f: Callable[[float], float],
    x: float,
    *,
    expected: float | None = None,
    tolerance: float = 1e-6,
    rounding: float = 0.0,
) -> Slopes | str:
    """Measure the slopes of *f* on both sides of *x*.

    Quotients with ever smaller steps are extrapolated to a step of 0 (Richardson 1911) on each side by itself, and
    trusted where three extrapolations in a row agree. So a kink or the end of a domain close by costs no more than
    smaller steps, and a kink at *x* shows as two slopes.

    Args:
        f: a function of floats; where it raises a ValueError or an ArithmeticError, there is no number.
        x: the point.
        expected: the derivative to be checked. The search ends early where the slopes confirm it.
        tolerance: how precise the slopes need to be, relative to their size.
        rounding: how far a number of *f* may be off because floats are rounded, where that is more than an ulp or two.

    Returns:
        The slopes, or in words why they cannot be told.

    >>> found = slopes(lambda x: x**3, 2.0)
    >>> abs(found.middle - 12.0) < 1e-9
    True
    >>> found = slopes(abs, 0.0)
    >>> found.left, found.right
    (-1.0, 1.0)
    >>> slopes(lambda x: 1.0 if x > 0.0 else 0.0, 0.0)
    'differences do not settle on a slope'
    """
    if not math.isfinite(x):
        return f"there is no number beside {x}"
    number = _number(f, x)
    if isinstance(number, str):
        return number
    right, left = (_Side(f, x, number, sign, rounding) for sign in (1.0, -1.0))
    for h in _steps(x):
        right.take(h)
        left.take(h)
        if expected is not None and left.is_precise(tolerance) and right.is_precise(tolerance):
            found = _joined(left.latest, right.latest)
            if found and not found.is_kink and found.verdict(expected, tolerance) is Verdict.AGREES:
                return found
    sides = [side for side in (left, right) if side.exists]
    if not sides:
        return left.problem
    best = [side.best(tolerance) for side in sides]
    return _joined(best[0], best[-1]) or "differences do not settle on a slope"


def _number(f: Callable[[float], float], x: float) -> float | str:
    """The finite number of *f* at *x*, or in words why there is none."""
    try:
        y = f(x)
    except (ValueError, ArithmeticError) as error:
        return str(error)
    return y if math.isfinite(y) else f"the result is {y} at {x!r}"


def _steps(x: float) -> Iterator[float]:
    """Steps from the size of *x*, or of 1, down to where floats are too coarse; then those for an *x* close to 0."""
    first = 2.0 ** math.frexp(max(abs(x), 1.0))[1]
    for k in range(_HALVINGS):
        yield first * 0.5**k
    if 0.0 < abs(x) < 1e-9:
        for k in range(_HALVINGS // 2):
            yield abs(x) * 0.5**k


class _Estimate(NamedTuple):
    """A slope, how far the extrapolation may be off, how far rounding may shift it, and its smallest step."""

    slope: float
    off: float
    rounding: float
    step: float

    @property
    def bound(self) -> float:
        return self.off + self.rounding

    @property
    def is_trusted(self) -> bool:
        return self.off <= max(1e-2 * abs(self.slope), 4.0 * self.rounding)


class _Side:
    """The slope on one side of a point, from ever smaller steps."""

    def __init__(self, f: Callable[[float], float], x: float, number: float, sign: float, rounding: float) -> None:
        self._f, self._x, self._number, self._sign = f, x, number, sign
        self._rounding = max(rounding, 2.0 * _EPSILON * abs(number))
        self._quotients: list[float] = []
        self._estimates: list[_Estimate] = []
        self._settled: list[_Estimate] = []
        self.latest: _Estimate | None = None  # what the last step settled on
        self.exists = False  # whether there was any number on this side
        self.problem = ""  # why there was none

    def take(self, h: float) -> None:
        """Take one step more, smaller than all before."""
        self.latest = None
        beside = self._x + self._sign * h
        width = beside - self._x
        if width == 0.0:
            return
        y = _number(self._f, beside)
        if isinstance(y, str):
            self.problem = y
            self._quotients, self._estimates = [], []
            return
        self.exists = True
        self._quotients = [*self._quotients[1 - _QUOTIENTS :], (y - self._number) / width]
        if len(self._quotients) < _QUOTIENTS:
            return
        slope, off = _extrapolated(self._quotients)
        rounding = _AMPLIFIED * max(self._rounding, 2.0 * _EPSILON * abs(y)) / abs(width)
        self._estimates = [*self._estimates[1 - _AGREEING :], _Estimate(slope, off, rounding, abs(width))]
        self._settle()

    def _settle(self) -> None:
        """Trust the most precise of the last estimates where all of them overlap."""
        recent = self._estimates
        if len(recent) < _AGREEING or not all(each.is_trusted for each in recent):
            return
        if max(each.slope - each.bound for each in recent) <= min(each.slope + each.bound for each in recent):
            self.latest = min(recent, key=lambda each: each.bound)
            self._settled.append(self.latest)

    def is_precise(self, tolerance: float) -> bool:
        """Whether the latest slope is precise enough, or as precise as rounding allows."""
        if self.latest is None or self.latest.bound <= tolerance * abs(self.latest.slope):
            return self.latest is not None
        best = min(each.bound for each in self._settled)
        return self.latest.off <= 4.0 * self.latest.rounding and self.latest.bound <= 2.0 * best

    def best(self, tolerance: float) -> _Estimate | None:
        """The slope from the smallest steps that are precise enough, or else the most precise one."""
        precise = [each for each in self._settled if each.bound <= tolerance * abs(each.slope)]
        return precise[-1] if precise else min(self._settled, key=lambda each: each.bound, default=None)


def _extrapolated(quotients: Sequence[float]) -> tuple[float, float]:
    """What quotients at steps h, h/2, h/4 ... tend to as h goes to 0, and about how far that is off."""
    row = list(quotients)
    factor = 1.0
    before = row
    while len(row) > 1:
        factor *= 2.0
        before, row = row, [(factor * b - a) / (factor - 1.0) for a, b in pairwise(row)]
    return row[0], max(abs(row[0] - each) for each in before)


def _joined(left: _Estimate | None, right: _Estimate | None) -> Slopes | None:
    if left is None or right is None:
        return None
    return Slopes(left.slope, right.slope, max(left.bound, right.bound), min(left.step, right.step))


class CentralDifference(NamedTuple):
    """(``above`` - ``below``) / (2 ``h``) = ``quotient``, where those are the root's numbers for x + h and x - h.

    ``slopes`` are what ever smaller steps tend to, and decide whether a gradient agrees.
    """

    h: float
    above: float
    below: float
    quotient: float
    slopes: Slopes


def central_differences(nodes: list[Value], gradients: Sequence[float]) -> Iterator[CentralDifference | str]:
    """For each of *nodes*, a graph in topological order, the central difference of the last one with respect to it.

    Where there is none, because an operation has no number on one side or the quotients do not settle, that is said
    in words. What ``detach`` gives stays as it is: no gradient flows through it, so none is looked for there. A node
    takes as long as what is computed from it; the Values of the graph are not touched.

    >>> x = Value(3.0, label="x")
    >>> [round(difference.quotient, 6) for difference in central_differences([x, x * x], [6.0, 1.0])]
    [6.0, 1.0]
    """
    graph = _Graph(nodes)
    rounding = rounding_error(zip(nodes, gradients))
    for index, (node, gradient) in enumerate(zip(nodes, gradients)):
        if node.op == CONSTANT:
            yield "this is a plain number"
        else:
            yield _shown(graph.of(index), node.data, gradient, rounding)


def rounding_error(gradients: Iterable[tuple[Value, float]]) -> float:
    """About how far the number of a root may be off by rounding in each node (Linnainmaa 1976), from its gradients."""
    amounts = (abs(node.data * gradient) for node, gradient in gradients if node.operands)
    return _EPSILON * sum(amount for amount in amounts if math.isfinite(amount))


def _shown(f: Callable[[float], float], x: float, gradient: float, rounding: float) -> CentralDifference | str:
    found = slopes(f, x, expected=gradient, rounding=rounding)
    if isinstance(found, str):
        return found
    h = min(_SHOWN_STEP * max(1.0, abs(x)), found.step)
    try:
        above, below = f(x + h), f(x - h)
    except (ValueError, ArithmeticError) as error:
        return str(error)
    return CentralDifference(h, above, below, (above - below) / ((x + h) - (x - h)), found)


class _Graph:
    """A graph in topological order, to be computed again with one number changed."""

    def __init__(self, nodes: list[Value]) -> None:
        self._nodes = nodes
        indices = {node: index for index, node in enumerate(nodes)}
        self._operands = [[indices[operand] for operand in node.operands] for node in nodes]
        self._users: list[list[int]] = [[] for _ in nodes]
        for index, node in enumerate(nodes):
            if node.op != "detach":
                for operand in self._operands[index]:
                    self._users[operand].append(index)

    def of(self, index: int) -> Callable[[float], float]:
        """The last node's number as a function of the number of one node."""
        dependents = self._dependents(index)

        def computed(number: float) -> float:
            changed = {index: Value(number, self._nodes[index].label)}
            for i in dependents:
                operands = [changed.get(operand, self._nodes[operand]) for operand in self._operands[i]]
                changed[i] = self._nodes[i].operation.apply(*operands)
            last = len(self._nodes) - 1
            return changed.get(last, self._nodes[last]).data

        return computed

    def _dependents(self, index: int) -> list[int]:
        """All nodes that are computed from one, in topological order."""
        met = {index}
        waiting = [index]
        while waiting:
            for user in self._users[waiting.pop()]:
                if user not in met:
                    met.add(user)
                    waiting.append(user)
        met.remove(index)
        return sorted(met)

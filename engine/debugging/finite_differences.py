"""Derivatives from differences: the function computed again with one number a little larger or a little smaller.

It is a second way to the same derivative, which knows nothing of the chain rule: so the two can check each other.
"""

import enum
import math
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from engine.operations import CONSTANT
from engine.value import Value

_EPSILON = sys.float_info.epsilon
_QUOTIENTS = 4  # how many quotients one extrapolation takes
_AGREEING = 3  # how many extrapolations in a row must overlap before one is trusted
_AMPLIFIED = 13.0  # how much an extrapolation amplifies rounding: 2 (2 + 1)/(2 - 1) (4 + 1)/(4 - 1) (8 + 1)/(8 - 1)
_CONTRADICTION = 1e6  # how many times the error of rounding a quotient is off if smaller steps belie larger ones
_HALVINGS = [0.5**k for k in range(50)]
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
        return 0.5 * (self.left + self.right)

    @property
    def is_kink(self) -> bool:
        """Whether the two sides differ by more than the error of both."""
        return abs(self.right - self.left) > 2.0 * self.bound + 1e-6 * max(abs(self.left), abs(self.right))

    def verdict(self, derivative: float, tolerance: float = 1e-6) -> Verdict:
        """Whether *derivative* lies between both slopes, to within the bound and *tolerance* times its size."""
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
    smaller steps, and a kink at *x* shows as two slopes. Where they cannot be told, words say why.

    Where *f* raises a ValueError or an ArithmeticError, there is no number; rounding may put it off by *rounding*, if
    that is more than an ulp or two. The search ends early where the slopes confirm the *expected* derivative; they
    need to be precise to a *tolerance* relative to their size.

    >>> found = slopes(abs, 0.0)
    >>> found.left, found.right
    (-1.0, 1.0)
    >>> slopes(lambda x: 1.0 if x > 0.0 else 0.0, 0.0)
    'differences do not settle on a slope'
    """
    if not math.isfinite(x):
        return f"there is no number beside {x}"
    try:
        number = _finite(f, x)
    except (ValueError, ArithmeticError) as error:
        return str(error)
    left, right = (_Side(f, x, number, sign, rounding) for sign in (-1.0, 1.0))
    largest = 2.0 ** min(math.frexp(max(abs(x), 1.0))[1], 1023)
    steps = [largest * part for part in _HALVINGS]
    if 0.0 < abs(x) < 1e-9:
        steps += [abs(x) * part for part in _HALVINGS[:25]]
    for h in steps:
        a, b = left.take(h), right.take(h)
        if expected is not None and a and b and left.is_precise(a, tolerance) and right.is_precise(b, tolerance):
            found = _joined(a, b)
            if not found.is_kink and found.verdict(expected, tolerance) is Verdict.AGREES:
                return found
    sides = [side for side in (left, right) if side.exists]
    if not sides:
        return left.problem
    if not all(side.settled for side in sides):
        return "differences do not settle on a slope"
    return _joined(sides[0].best(tolerance), sides[-1].best(tolerance))


def _finite(f: Callable[[float], float], x: float) -> float:
    """The number of *f* at *x*; a ValueError or an ArithmeticError where there is none."""
    y = f(x)
    if not math.isfinite(y):
        raise ValueError(f"the result is {y} at {x!r}")
    return y


class _Estimate(NamedTuple):
    """A slope, how far it may be off, the smallest step that it comes from, and whether rounding is what limits it."""

    slope: float
    bound: float
    step: float
    is_limited: bool

    def is_precise(self, tolerance: float) -> bool:
        return self.bound <= tolerance * abs(self.slope)


def _joined(left: _Estimate, right: _Estimate) -> Slopes:
    return Slopes(left.slope, right.slope, max(left.bound, right.bound), min(left.step, right.step))


class _Side:
    """The slope on one side of a point, from ever smaller steps."""

    def __init__(self, f: Callable[[float], float], x: float, number: float, sign: float, rounding: float) -> None:
        self._f, self._x, self._number, self._sign = f, x, number, sign
        self._rounding = max(rounding, 2.0 * _EPSILON * abs(number))
        self._quotients: deque[float] = deque(maxlen=_QUOTIENTS)
        self._trusted: deque[_Estimate] = deque(maxlen=_AGREEING)
        self.settled: list[_Estimate] = []
        self.exists = False  # whether there was any number on this side
        self.problem = ""  # why there was none

    def take(self, h: float) -> _Estimate | None:
        """Take one step more, smaller than all before: the slope that it settles on, the most precise of the last."""
        beside = self._x + self._sign * h
        width = beside - self._x
        if width == 0.0:
            return None
        try:
            y = _finite(self._f, beside)
        except (ValueError, ArithmeticError) as error:
            self.problem = str(error)
            self._quotients.clear()
            self._trusted.clear()
            return None
        self.exists = True
        self._quotients.append((y - self._number) / width)
        if len(self._quotients) < _QUOTIENTS:
            return None
        slope, off = _extrapolated(self._quotients)
        rounding = _AMPLIFIED * max(self._rounding, 2.0 * _EPSILON * abs(y)) / abs(width)
        estimate = _Estimate(slope, off + rounding, abs(width), off <= 4.0 * rounding)
        if not (estimate.is_limited or off <= 1e-2 * abs(slope)):
            self._trusted.clear()
            if off > _CONTRADICTION * rounding:
                self.settled.clear()
            return None
        self._trusted.append(estimate)
        low, high = max(s - b for s, b, *_ in self._trusted), min(s + b for s, b, *_ in self._trusted)
        if len(self._trusted) < _AGREEING or low > high:
            return None
        self.settled.append(min(self._trusted, key=lambda each: each.bound))
        return self.settled[-1]

    def is_precise(self, latest: _Estimate, tolerance: float) -> bool:
        """Whether the latest slope is precise enough, or as precise as rounding allows."""
        best = min(each.bound for each in self.settled)
        return latest.is_precise(tolerance) or (latest.is_limited and latest.bound <= 2.0 * best)

    def best(self, tolerance: float) -> _Estimate:
        """The slope from the smallest steps that are precise enough, or else the most precise one."""
        precise = [each for each in self.settled if each.is_precise(tolerance)]
        return precise[-1] if precise else min(self.settled, key=lambda each: each.bound)


def _extrapolated(quotients: Iterable[float]) -> tuple[float, float]:
    """What quotients at steps h, h/2, h/4 ... tend to as h goes to 0, and about how far that is off."""
    before = row = list(quotients)
    factor = 1.0
    while len(row) > 1:
        factor *= 2.0
        before, row = row, [(factor * b - a) / (factor - 1.0) for a, b in pairwise(row)]
    return row[0], max(abs(row[0] - each) for each in before)


class CentralDifference(NamedTuple):
    """(``above`` - ``below``) / (2 ``h``) = ``quotient``, where those are the root's numbers for x + h and x - h.

    ``slopes`` are the limits of quotients as steps get smaller; they decide whether a gradient agrees.
    """

    h: float
    above: float
    below: float
    quotient: float
    slopes: Slopes


def central_differences(
    nodes: list[Value], gradients: Sequence[float], places: Iterable[int] | None = None
) -> Iterator[CentralDifference | str]:
    """For each of *nodes*, a graph in topological order, the central difference of the last one with respect to it.

    With *places*, only for the nodes there. Where there is none, because an operation has no number on one side or the
    quotients do not settle, that is said in words. What ``detach`` gives stays as it is: no gradient flows through it,
    so none is looked for there. A node takes as long as what is computed from it; the Values of the graph are not
    touched.
    """
    pairs = list(zip(nodes, gradients))
    rounding = rounding_error(pairs)
    indices = {node: index for index, node in enumerate(nodes)}
    operands = [[] if node.op == "detach" else [indices[operand] for operand in node.operands] for node in nodes]
    for index in range(len(pairs)) if places is None else places:
        node, gradient = pairs[index]
        if node.op == CONSTANT:
            yield "this is a plain number"
            continue
        f, x = _with_respect_to(index, nodes, operands), node.data
        found = slopes(f, x, expected=gradient, rounding=rounding)
        if isinstance(found, str):
            yield found
            continue
        h = min(_SHOWN_STEP * max(1.0, abs(x)), found.step)
        try:
            above, below = f(x + h), f(x - h)
        except (ValueError, ArithmeticError) as error:
            yield str(error)
        else:
            yield CentralDifference(h, above, below, (above - below) / ((x + h) - (x - h)), found)


def rounding_error(gradients: Iterable[tuple[Value, float]]) -> float:
    """About how far the number of a root may be off by rounding in each node (Linnainmaa 1976), from its gradients."""
    amounts = (abs(node.data * gradient) for node, gradient in gradients if node.operands)
    return _EPSILON * sum(amount for amount in amounts if math.isfinite(amount))


def _with_respect_to(index: int, nodes: list[Value], operands: list[list[int]]) -> Callable[[float], float]:
    """The last node's number as a function of the number of one node; *operands* are those of each, by their index."""
    met = {index}
    for i in range(index + 1, len(nodes)):
        if not met.isdisjoint(operands[i]):
            met.add(i)
    dependent, last = sorted(met)[1:], len(nodes) - 1

    def computed(number: float) -> float:
        changed = {index: Value(number, nodes[index].label)}
        for i in dependent:
            try:
                changed[i] = nodes[i].operation.apply(*[changed.get(at, nodes[at]) for at in operands[i]])
            except (ValueError, ArithmeticError):
                raise
            except Exception as error:  # a function of the user's may raise anything beside the number it was made for
                raise ValueError(f"{nodes[i].op} raises {error!r}") from error
        return changed.get(last, nodes[last]).data

    return computed

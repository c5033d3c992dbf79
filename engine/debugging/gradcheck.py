"""``gradcheck``: are the derivatives right? Each is compared with differences; the first wrong operation is named."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.calculus import numeric_gradients
from engine.node import topological_order
from engine.operations import CONSTANT
from engine.pytree import flattened, rebuilt
from engine.validation import as_float, plain_label, shortened
from engine.value import Value

_EPSILON = sys.float_info.epsilon
_SHRINK = 1.4  # each step of Ridders' method by this factor
_STEPS = 12


class GradcheckError(AssertionError):
    """A derivative is off."""


@dataclass(frozen=True)
class Difference:
    """One derivative beside what differences say, which is right to about ``bound``."""

    what: str
    derivative: float
    numeric: float
    bound: float

    def agrees(self, tolerance: float) -> bool:
        """Whether the two are the same, as far as differences can tell."""
        if math.isnan(self.derivative) or math.isnan(self.numeric):
            return math.isnan(self.derivative) and math.isnan(self.numeric)
        off = abs(self.derivative - self.numeric)
        return off <= self.bound + sys.float_info.min + tolerance * max(abs(self.derivative), abs(self.numeric))

    def __str__(self) -> str:
        return f"{self.what}: {self.derivative!r}, and differences say {self.numeric!r} (to about {self.bound:.1e})"


@dataclass(frozen=True)
class GradcheckReport:
    """What ``gradcheck`` found: a comparison for each input, and the first operation that is off."""

    inputs: tuple[Difference, ...]
    first_wrong: Difference | None
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return self.first_wrong is None and all(each.agrees(self.tolerance) for each in self.inputs)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = ["all derivatives agree with differences" if self.ok else "derivatives are off"]
        if self.first_wrong is not None:
            lines.append(f"the first operation that is off: {self.first_wrong}")
        lines += [f"{'ok   ' if each.agrees(self.tolerance) else 'wrong'} {each}" for each in self.inputs]
        return "\n".join(lines)


def gradcheck(
    f: Callable[..., Any], at: Any, *, tolerance: float = 1e-6, raise_exception: bool = True
) -> GradcheckReport:
    """Compare the gradient of a function with differences, and each operation in it with differences of its own.

    Differences are Ridders' (1982): central ones with ever smaller steps, extrapolated to a step of nothing, the first
    step chosen by the size of the number, with a bound for their error.

    Args:
        f: a function that gives one Value.
        at: its argument: a number, or lists, tuples, dicts and arrays of them; a tuple is several arguments.
        tolerance: how far a derivative may be off relative to its size, on top of the bound of the difference.
        raise_exception: whether a wrong derivative is an error.

    Returns:
        The report, which is true where all is well; printing it shows every comparison.

    Raises:
        GradcheckError: a derivative is off; its text is the report.
        TypeError: *f* gave no Value.

    >>> from engine import tanh
    >>> print(gradcheck(lambda x: tanh(x) * x, 0.5, tolerance=1e-8).ok)
    True
    """
    arguments = at if isinstance(at, tuple) else (at,)
    numbers = [as_float(leaf, "gradcheck(at)") for leaf in flattened(arguments)]
    inputs = [Value(number) for number in numbers]

    def evaluated(values: Sequence[Any]) -> Value:
        result = f(*rebuilt(arguments, values))
        if not isinstance(result, Value):
            raise TypeError(f"gradcheck: the function has to give one Value, and gave {shortened(result)}")
        return result

    root = evaluated(inputs)
    gradients = numeric_gradients(root)
    found = []
    for place, value in enumerate(inputs):

        def moved(x: float, place: int = place) -> float:
            return evaluated([Value(x if i == place else number) for i, number in enumerate(numbers)]).data

        numeric, bound = ridders(moved, numbers[place])
        found.append(Difference(f"input {place}", float(gradients.get(value, 0.0)), numeric, bound))
    report = GradcheckReport(tuple(found), _first_wrong(root, tolerance), tolerance)
    if raise_exception and not report.ok:
        raise GradcheckError(str(report))
    return report


def ridders(f: Callable[[float], float], x: float) -> tuple[float, float]:
    """The derivative of *f* at *x* by extrapolated central differences, and a bound for its error (Ridders 1982).

    Where *f* has no number on one side, the derivative is NaN.

    >>> derivative, bound = ridders(lambda x: x**3, 2.0)
    >>> abs(derivative - 12.0) < 1e-10
    True
    """
    scale = max(abs(x), 1e-2)  # what varies as x does, or faster
    found = [_ridders(f, x, 0.05 * first) for first in sorted({scale, min(scale, 1.0)})]
    return min(found, key=lambda derivative_and_bound: derivative_and_bound[1])


def _ridders(f: Callable[[float], float], x: float, h: float) -> tuple[float, float]:
    best, error = math.nan, math.inf
    table: list[float] = []
    for _ in range(_STEPS):
        try:
            above, below = f(x + h), f(x - h)
        except (ValueError, ArithmeticError):
            table, h = [], h / _SHRINK**4  # too far out: there is no number there
            continue
        width = (x + h) - (x - h)
        row = [(above - below) / width]
        rounding = 4.0 * _EPSILON * max(abs(above), abs(below)) / h
        factor = 1.0
        for earlier in table:
            factor *= _SHRINK * _SHRINK
            row.append((row[-1] * factor - earlier) / (factor - 1.0))
            off = max(abs(row[-1] - row[-2]), abs(row[-1] - earlier)) + rounding
            if off <= error:
                best, error = row[-1], off
        if table and abs(row[-1] - table[-1]) >= 2.0 * error:
            break
        table, h = row, h / _SHRINK
    return best, error


def _first_wrong(root: Value, tolerance: float) -> Difference | None:
    """The first operation, operands before results, whose local derivative is off."""
    for node in topological_order(root):
        if node.op == "detach":
            continue
        operands = node.operands
        for place, (operand, derivative) in enumerate(zip(operands, node.local_derivatives)):
            if operand.op == CONSTANT:
                continue

            def moved(x: float, place: int = place, node: Value = node) -> float:
                changed = [Value(x if i == place else o.data) for i, o in enumerate(node.operands)]
                return float(node.operation.apply(*changed).data)

            numeric, bound = ridders(moved, operand.data)
            names = ", ".join(f"{plain_label(o.label) + ' = ' if o.label else ''}{o.data!r}" for o in operands)
            found = Difference(f"{node.op}({names}) with respect to operand {place + 1}", derivative, numeric, bound)
            if not found.agrees(tolerance):
                return found
    return None

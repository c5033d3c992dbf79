"""Formulas as trees of ``Name``, ``Number``, ``Operation``, ``Derivative`` and ``Cases``.

Trees do arithmetic, so the rules of ``derivatives.py`` give formulas. ``text.py``, ``latex.py`` and ``mathml.py`` write
them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.derivatives import SLOPES
from engine.primitive import Primitive

SUM, SIGN, QUOTIENT, PRODUCT, POWER, ATOM = range(1, 7)  # how tightly a formula holds together
PRECEDENCE = {"+": SUM, "-": SUM, "*": PRODUCT, "/": QUOTIENT, "neg": SIGN, "**": POWER}


class Formula:
    """A formula; ``+ - * / **`` and unary minus give larger ones."""

    __slots__ = ()

    def __add__(self, other: Any) -> Formula:
        return Operation("+", (self, as_formula(other)))

    def __radd__(self, other: Any) -> Formula:
        return as_formula(other) + self

    def __sub__(self, other: Any) -> Formula:
        return Operation("-", (self, as_formula(other)))

    def __rsub__(self, other: Any) -> Formula:
        return as_formula(other) - self

    def __mul__(self, other: Any) -> Formula:
        return Operation("**", (self, Number(2.0))) if self == other else Operation("*", (self, as_formula(other)))

    def __rmul__(self, other: Any) -> Formula:
        return as_formula(other) * self

    def __truediv__(self, other: Any) -> Formula:
        return Operation("/", (self, as_formula(other)))

    def __rtruediv__(self, other: Any) -> Formula:
        return as_formula(other) / self

    def __neg__(self) -> Formula:
        return Operation("neg", (self,))


@dataclass(frozen=True, slots=True)
class Name(Formula):
    """A variable's name, any text."""

    text: str


@dataclass(frozen=True, slots=True)
class Number(Formula):
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Operation(Formula):
    """An operation of the engine, by its name, or another function."""

    op: str
    operands: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Derivative(Formula):
    """The derivative of one thing with respect to another."""

    of: Formula
    by: Formula


@dataclass(frozen=True, slots=True)
class Cases(Formula):
    """Another formula in each case: rows of (formula, left, relation, right), and what holds otherwise."""

    rows: tuple[tuple[Formula, Formula, str, Formula], ...]
    otherwise: Formula


def as_formula(thing: Any) -> Formula:
    """A number as a formula; a formula as it is."""
    return thing if isinstance(thing, Formula) else Number(float(thing))


class Formulas:
    """The mathematics of ``derivatives.py`` that writes formulas down instead of computing them."""

    pi: Formula = Name("pi")

    def __getattr__(self, function: str) -> Callable[..., Formula]:
        count = len(SLOPES[function].derivatives) if function in SLOPES else None
        return lambda *operands: Operation(function, tuple(map(as_formula, operands[:count])))

    def user(self, primitive: Primitive, *operands: Formula) -> Formula:
        """A user's primitive by its name."""
        return Operation(primitive.name, operands)

    def user_derivative(self, primitive: Primitive, index: int, *operands: Formula) -> Formula:
        """A derivative of a user's primitive, such as ``cube'(x)``."""
        return Operation(primitive.derivative_name(index), operands)

    def minus(self, a: Formula, b: Formula) -> Formula:
        """a - b."""
        return a - b

    def times(self, a: Any, b: Any) -> Formula:
        """a * b."""
        return Operation("*", (as_formula(a), as_formula(b)))

    def over(self, a: Any, b: Any) -> Formula:
        """a / b."""
        return Operation("/", (as_formula(a), as_formula(b)))

    def log_or_limit(self, a: Formula) -> Formula:
        """log(a)."""
        return Operation("log", (a,))

    def power_or_limit(self, a: Formula, b: Any) -> Formula:
        """a to the power b."""
        return a if b == Number(1.0) else Operation("**", (a, as_formula(b)))

    def power_by_base(self, a: Formula, b: Formula) -> Formula:
        """b a**(b - 1), with the difference worked out where b is a number."""
        return b * self.power_or_limit(a, Number(b.value - 1.0) if isinstance(b, Number) else b - 1.0)

    def power_by_exponent(self, a: Formula, b: Formula, y: Formula | None = None) -> Formula:
        """y log(a)."""
        return (y or self.power_or_limit(a, b)) * Operation("log", (a,))

    def sech2(self, a: Formula, y: Formula | None = None) -> Formula:
        """1 - y**2, as school mathematics has it."""
        y = y or Operation("tanh", (a,))
        return 1.0 - y * y

    def asin_slope(self, a: Formula) -> Formula:
        """1 / sqrt((1 - a) (1 + a))."""
        return 1.0 / Operation("sqrt", ((1.0 - a) * (1.0 + a),))

    def sigmoid_slope(self, a: Formula, y: Formula | None = None) -> Formula:
        """y sigmoid(-a)."""
        return (y or Operation("sigmoid", (a,))) * Operation("sigmoid", (-a,))

    def gaussian(self, a: Formula, n: Any) -> Formula:
        """exp(-a**2), or what its derivative of order n is called."""
        return Operation("exp", (-(a * a),)) if n == 0.0 else Operation("gaussian", (a, as_formula(n)))

    def normal_pdf(self, a: Formula, n: Any) -> Formula:
        """The standard normal density, or its derivative of order n."""
        return Operation("normal_pdf", (a,) if n == 0.0 else (a, as_formula(n)))

    def gelu_slope(self, a: Formula) -> Formula:
        """normal_cdf(a) + a normal_pdf(a)."""
        return Operation("normal_cdf", (a,)) + a * self.normal_pdf(a, 0.0)

    def over_hypot(self, a: Formula, b: Formula, y: Formula | None = None) -> Formula:
        """a / y."""
        return a / (y or Operation("hypot", (a, b)))

    def over_square_sum(self, a: Formula, b: Formula) -> Formula:
        """a / (a**2 + b**2)."""
        return a / (a * a + b * b)

    def step(self, a: Formula) -> Formula:
        """1 where a > 0, else 0."""
        return Cases(((Number(1.0), a, ">", Number(0.0)),), Number(0.0))

    def leaky_slope(self, a: Formula, b: Any) -> Formula:
        """1 where a > 0, else b."""
        return Cases(((Number(1.0), a, ">", Number(0.0)),), as_formula(b))

    def unless_positive(self, a: Formula, b: Any) -> Formula:
        """0 where a > 0, else b."""
        return Cases(((Number(0.0), a, ">", Number(0.0)),), as_formula(b))

    def larger(self, a: Formula, b: Formula) -> Formula:
        """1 where a > b, a half where they are equal, else 0."""
        return Cases(((Number(1.0), a, ">", b), (Number(0.5), a, "=", b)), Number(0.0))


def format_number(number: float, precision: int) -> str:
    """A number with so many significant digits, and no sign before 0."""
    return f"{number or 0.0:.{precision}g}"


def precedence(formula: Formula) -> int:
    """How tightly a formula holds together; one that an operation needs tighter gets parentheses."""
    if isinstance(formula, Operation):
        return PRECEDENCE.get(formula.op, ATOM)
    if isinstance(formula, Number):
        return SIGN if formula.value < 0.0 else ATOM
    return POWER if isinstance(formula, Derivative) else ATOM

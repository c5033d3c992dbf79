"""Formulas as trees of ``Name``, ``Number``, ``Operation``, ``Derivative``, ``Cases`` and ``Equation``.

Trees do arithmetic, so the rules of ``derivatives.py`` give formulas. ``writers.py`` writes them out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.derivatives import SLOPES
from engine.primitive import Primitive


def _infix(sign: str) -> tuple[Callable[[Formula, Any], Formula], Callable[[Formula, Any], Formula]]:
    """The methods for a sign, with a formula on the left and on the right of it; x * x is x**2."""

    def on_the_left(self: Formula, other: Any) -> Formula:
        return Operation("**", (self, Number(2.0))) if sign == "*" and self == other else _call(sign, self, other)

    return on_the_left, lambda self, other: on_the_left(as_formula(other), self)


class Formula:
    """A formula; ``+ - * / **`` and unary minus give larger ones."""

    __slots__ = ()

    __add__, __radd__ = _infix("+")
    __sub__, __rsub__ = _infix("-")
    __mul__, __rmul__ = _infix("*")
    __truediv__, __rtruediv__ = _infix("/")

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


@dataclass(frozen=True, slots=True)
class Equation(Formula):
    """A left side, a sign (``=`` or ``+=``), and right sides that are all equal."""

    left: Formula
    right: tuple[Formula, ...]
    sign: str = "="


def as_formula(thing: Any) -> Formula:
    """A number as a formula; a formula as it is."""
    return thing if isinstance(thing, Formula) else Number(float(thing))


def _call(function: str, *operands: Any) -> Formula:
    return Operation(function, tuple(map(as_formula, operands)))


def _power(a: Formula, b: Any) -> Formula:
    return a if b == Number(1.0) else _call("**", a, b)


def _order(n: Any) -> Any:
    """The order of a derivative, 2 + 1 as 3."""
    parts = n.operands if isinstance(n, Operation) else ()
    numbers = [part.value for part in parts if isinstance(part, Number)]
    return sum(numbers) if len(numbers) == 2 else n


def _if_positive(a: Formula, then: Any, otherwise: Any) -> Formula:
    return Cases(((as_formula(then), a, ">", Number(0.0)),), as_formula(otherwise))


_SPELLED_OUT: dict[str, Callable[..., Formula]] = {
    "minus": lambda a, b: a - b,
    "times": lambda a, b: _call("*", a, b),
    "over": lambda a, b: _call("/", a, b),
    "log_or_limit": lambda a: _call("log", a),
    "power_or_limit": _power,
    "power_by_base": lambda a, b: b * _power(a, Number(b.value - 1.0) if isinstance(b, Number) else b - 1.0),
    "power_by_exponent": lambda a, b, y=None: (y or _power(a, b)) * _call("log", a),
    "sech2": lambda a, y=None: 1.0 - (y or _call("tanh", a)) * (y or _call("tanh", a)),
    "asin_slope": lambda a: 1.0 / _call("sqrt", (1.0 - a) * (1.0 + a)),
    "sigmoid_slope": lambda a, y=None: (y or _call("sigmoid", a)) * _call("sigmoid", -a),
    "gaussian": lambda a, n: _call("exp", -(a * a)) if n == 0.0 else _call("gaussian", a, _order(n)),
    "normal_pdf": lambda a, n: _call("normal_pdf", a) if n == 0.0 else _call("normal_pdf", a, _order(n)),
    "gelu_slope": lambda a: _call("normal_cdf", a) + a * _call("normal_pdf", a),
    "over_hypot": lambda a, b, y=None: a / (y or _call("hypot", a, b)),
    "over_square_sum": lambda a, b: a / (a * a + b * b),
    "step": lambda a: _if_positive(a, 1.0, 0.0),
    "leaky_slope": lambda a, b: _if_positive(a, 1.0, b),
    "unless_positive": lambda a, b: _if_positive(a, 0.0, b),
    "larger": lambda a, b: Cases(((Number(1.0), a, ">", b), (Number(0.5), a, "==", b)), Number(0.0)),
}
"""The functions of ``SLOPES`` in terms that a reader knows; *y* is the result of the operation, where it is given."""


class Calls:
    """The mathematics of ``derivatives.py`` in which each function is a call by its name."""

    pi: Formula = Name("pi")

    def __getattr__(self, function: str) -> Callable[..., Formula]:
        n_operands = len(SLOPES[function].derivatives) if function in SLOPES else None
        return lambda *operands: _call(function, *operands[:n_operands])


class Formulas(Calls):
    """The mathematics of ``derivatives.py`` that gives formulas instead of numbers."""

    def __getattr__(self, function: str) -> Callable[..., Formula]:
        return _SPELLED_OUT.get(function) or super().__getattr__(function)

    def user_derivative(self, primitive: Primitive, index: int, *operands: Formula) -> Formula:
        """A derivative of a user's primitive, such as ``cube'(x)``."""
        return Operation(primitive.derivative_name(index), operands)


def format_number(number: float, precision: int) -> str:
    """A number with so many significant digits, and no sign before 0."""
    return f"{number or 0.0:.{precision}g}"

"""Arithmetic of Values at the edges of domains, where derivatives are infinite: what IEEE numbers give, not errors.

A person who divides by zero made a mistake and hears of it. The derivative of ``sqrt`` at 0 divides by zero too, and is
infinity, as it is in PyTorch and JAX. ``higher.py`` comes here where a rule of ``rules.py`` meets such an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.operations import CONSTANT, DIV, POW
from engine.special import power_by_base, power_by_exponent, power_or_limit
from engine.value import Value, constant, restored

Operand = Value | float


class Edge:
    """A Value in a derivative: its quotients and powers may be infinite or NaN; all else is as with Values."""

    __slots__ = ("value",)

    def __init__(self, value: Operand) -> None:
        self.value = value if isinstance(value, Value) else constant(value, "a derivative")

    def __getattr__(self, name: str) -> Any:
        """The number, the operation, and functions such as exp, whose result is in this arithmetic again."""
        found = getattr(self.value, name)
        return (lambda *more: Edge(found(*map(plain, more)))) if callable(found) else found

    def __add__(self, other: Any) -> Edge:
        return Edge(self.value + plain(other))

    def __sub__(self, other: Any) -> Edge:
        return Edge(self.value - plain(other))

    def __mul__(self, other: Any) -> Edge:
        return Edge(self.value * plain(other))

    def __truediv__(self, other: Any) -> Edge:
        return Edge(_quotient(self.value, Edge(plain(other)).value))

    def __pow__(self, other: Any) -> Edge:
        return Edge(_power(self.value, Edge(plain(other)).value))

    def __neg__(self) -> Edge:
        return Edge(-self.value)

    def __abs__(self) -> Edge:
        return Edge(abs(self.value))

    def __rsub__(self, other: float) -> Edge:
        return Edge(other - self.value)

    def __rtruediv__(self, other: float) -> Edge:
        return Edge(other) / self

    __radd__, __rmul__ = __add__, __mul__


def plain(x: Any) -> Any:
    """A Value again, and a plain number as it is."""
    return x.value if isinstance(x, Edge) else x


def among_edges(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of Values as one of Edges."""
    return lambda *operands: Edge(function(*map(plain, operands)))


def _quotient(a: Value, b: Value) -> Value:
    if b.data != 0.0:
        return a / b  # type: ignore[no-any-return]
    quotient, slope = a.data * power_or_limit(b.data, -1.0), power_or_limit(b.data, -1.0)
    return restored(DIV, quotient, 0.0, "", slope, -quotient * slope, a, b)


def _power(a: Value, b: Value) -> Value:
    x, n = a.data, b.data
    y = power_or_limit(x, n)
    by_exponent = 0.0 if b.op == CONSTANT else power_by_exponent(x, n, y)
    return restored(POW, y, 0.0, "", power_by_base(x, n), by_exponent, a, b)

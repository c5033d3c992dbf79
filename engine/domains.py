"""What operations refuse: where their operands must be, or eager arithmetic raises an error."""

import math
import sys
from typing import Any, NamedTuple, TypeAlias

Bound: TypeAlias = tuple[int, str, float]

DOMAINS: dict[str, list[Bound]] = {
    "/": [(1, "!=", 0.0)],
    "log": [(0, ">", 0.0)],
    "log10": [(0, ">", 0.0)],
    "log1p": [(0, ">", -1.0)],
    "sqrt": [(0, ">=", 0.0)],
    "asin": [(0, ">=", -1.0), (0, "<=", 1.0)],
    "acos": [(0, ">=", -1.0), (0, "<=", 1.0)],
    "exp": [(0, "<", 709.78)],
    "expm1": [(0, "<", 709.78)],
    "sinh": [(0, "<", 710.47), (0, ">", -710.47)],
    "cosh": [(0, "<", 710.47), (0, ">", -710.47)],
}
"""Which operand must be where, by the operations' keys: beyond the domain, or too large for a float."""
TOO_LARGE = ("exp", "expm1", "sinh", "cosh")
"""Those whose domain ends where the result becomes too large for a float."""
POWER = "**"  # whose domain depends on its exponent
_LARGE = 1e308  # a little less than what is too large for a float


def refuses(op: str) -> bool:
    """Whether an operation refuses some operands; its result would be infinite or NaN for any of these."""
    return op == POWER or op in DOMAINS


def bounds_of(op: str, exponent: float | None) -> list[Bound]:
    """Where the operands of an operation must be; of a power by its *exponent*, None for one that is not constant."""
    if op != POWER:
        return DOMAINS.get(op, [])
    if exponent is None:
        return [(0, ">", 0.0)]
    if exponent.is_integer():
        return [(0, "!=", 0.0)] if exponent < 0.0 else []
    return [(0, ">" if exponent < 0.0 else ">=", 0.0)]


class Limits(NamedTuple):
    """Numbers that are surely not refused: from *low* to *high*, and of a magnitude above *least*."""

    low: float = -math.inf
    high: float = math.inf
    least: float = -1.0

    def hold(self, numbers: Any) -> bool:
        """Whether all numbers of an array are inside."""
        is_least = self.least < 0.0 or self.least < float(abs(numbers).min())
        return self.low <= float(numbers.min()) and float(numbers.max()) <= self.high and is_least

    def inside(self, numbers: Any) -> Any:
        """Whether each number of an array of float64 is inside."""
        return (numbers >= self.low) & (numbers <= self.high) & (abs(numbers) > self.least)

    def within(self, other: "Limits") -> "Limits":
        """What is inside of both."""
        return Limits(max(self.low, other.low), min(self.high, other.high), max(self.least, other.least))


ANY = Limits()
FINITE = Limits(-sys.float_info.max, sys.float_info.max)


def limits_of(op: str, exponent: float | None) -> tuple[int, Limits] | None:
    """Which operand of an operation must be inside which limits; None if any may be, as far as that is known.

    A power with a constant *exponent* must not be too large either.
    """
    bounds, limits = bounds_of(op, exponent), ANY
    for _, sign, bound in bounds:
        if sign[0] == ">":
            limits = limits._replace(low=bound if sign == ">=" else math.nextafter(bound, math.inf))
        elif sign[0] == "<":
            limits = limits._replace(high=bound if sign == "<=" else math.nextafter(bound, -math.inf))
        else:
            limits = limits._replace(least=abs(bound))
    if op == POWER and exponent is not None and exponent > 1.0:
        most = _LARGE ** (1.0 / exponent)
        limits = limits._replace(low=max(limits.low, -most), high=most)
    elif op == POWER and exponent is not None and exponent < 0.0:
        limits = limits._replace(least=_LARGE ** (1.0 / exponent))
    return None if limits == ANY else (bounds[0][0] if bounds else 0, limits)

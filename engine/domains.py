"""What operations refuse: where their operands must be, or eager arithmetic raises an error."""

from typing import TypeAlias

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

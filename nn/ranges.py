"""The range of an output: which numbers it can have, whatever its leaves are."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from engine import Value

Range = tuple[float, float]
_OF_FUNCTIONS: dict[str, Range] = {
    **dict.fromkeys(("tanh", "sin", "cos", "erf"), (-1.0, 1.0)),
    **dict.fromkeys(("exp", "softplus", "relu", "abs", "sqrt", "cosh", "hypot"), (0.0, inf)),
    **{"sigmoid": (0.0, 1.0), "erfc": (0.0, 2.0)},
}
_OF_OPERANDS: dict[str, Callable[[Range, Range], Range]] = {
    "detach": lambda a, _: a,
    "neg": lambda a, _: (-a[1], -a[0]),
    "+": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "-": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "*": lambda a, b: (0.0, a[1] * b[1] if a[1] + b[1] < inf else inf) if a[0] >= 0.0 <= b[0] else (-inf, inf),
    "/": lambda a, b: (a[0] / b[1], a[1] / b[0]) if a[0] >= 0.0 < b[0] else (-inf, inf),
    "maximum": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
    "minimum": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
}
_DEPTH = 8  # operations from the output down that are looked at


def range_of(output: Value, depth: int = _DEPTH) -> Range:
    """The lowest and the highest number, or numbers beyond these.

    >>> range_of(1.0 / (1.0 + (-Value(3.0)).exp()))
    (0.0, 1.0)
    """
    key = output.operation.key
    if key == "constant":
        return output.data, output.data
    if key not in _OF_OPERANDS or depth == 0:
        return _OF_FUNCTIONS.get(key, (-inf, inf))
    ranges = [range_of(operand, depth - 1) for operand in output.operands]
    return _OF_OPERANDS[key](ranges[0], ranges[-1])

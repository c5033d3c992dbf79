"""Primitives over a grid with edges: what the engine computes, for the tests of other languages."""

import itertools
import math
import sys

from engine import Value, slopes
from engine.operations import OPERATIONS

LEAST, MOST, EPSILON = math.ulp(0.0), sys.float_info.max, sys.float_info.epsilon
SIZES = [
    *(0.0, LEAST, 1e-310, 2.3e-308, 1e-160, 1e-20, 1e-9, 1e-3, 0.1, 0.25, 0.5, 0.7, 0.999999999, 1.0 - EPSILON),
    *(1.0, 1.0 + EPSILON, 1.25, 1.4999, 1.5, 2.0, 2.5, 3.0, math.pi, 5.3, 8.5, 12.0, 20.25, 26.3, 38.1, 100.0, 300.5),
    *(709.7, 709.79, 710.4, 710.48, 745.2, 1e5, 1e10, 1e155, 1e290, MOST, math.inf),
]
EDGES = [*SIZES, *(-size for size in SIZES), math.nan]
PAIRS = [0.0, LEAST, 1e-160, 0.3, 0.5, 1.0, 2.0, 3.0, 7.5, 20.0, 1e10, 1e200, MOST, math.inf]
PAIRS = [*PAIRS, *(-size for size in PAIRS), math.nan]
ORDERS = ("gaussian", "normal_pdf")  # whose second operand is the order of a derivative


def grid(n_operands: int) -> list[tuple[float, ...]]:
    """Numbers for the operands: every edge, or all pairs of some."""
    return [(x,) for x in EDGES] if n_operands == 1 else list(itertools.product(PAIRS, PAIRS))


def expected(key: str, numbers: tuple[float, ...]) -> list[float] | str:
    """The value and the local derivatives of a node, or in words why there is none."""
    operation = OPERATIONS.get(key) or slopes.OPERATIONS[key]
    try:
        node = operation.apply(*(Value(x, name) for x, name in zip(numbers, "ab")))
    except (ValueError, ArithmeticError) as error:
        return str(error)
    return [node.data, *node.local_derivatives]


def close(a: float, b: float) -> bool:
    """Equal to 1e-13, or to a few of the smallest floats; zeros of either sign are equal."""
    return a == b or math.isclose(a, b, rel_tol=1e-13, abs_tol=8 * LEAST) or (math.isnan(a) and math.isnan(b))

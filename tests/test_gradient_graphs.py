"""A gradient graph holds for other inputs than its own, and 0 times infinity is 0 in all ways."""

import math
from itertools import product

import numpy as np
import pytest

import engine
from engine import Value
from engine.derivatives import RULES, SLOPES
from engine.operations import OPERATIONS
from engine.slopes import OPERATIONS as SLOPE_OPERATIONS

INFINITY, NAN = math.inf, math.nan
ONE = (
    -INFINITY,
    -1e200,
    -40.0,
    -25.0,
    -2.0,
    -1.0,
    -0.7,
    -1e-9,
    -0.0,
    0.0,
    1e-9,
    0.3,
    1.0,
    1.5,
    25.0,
    40.0,
    1e200,
    INFINITY,
)
TWO = (-INFINITY, -3.0, -2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, 2.5, 1e200, INFINITY)
RECORDED = {1: [(0.5,), (1.0,), (0.0,), (25.0,)], 2: [(0.5, 2.0), (2.0, 2.0), (1.0, 0.0), (0.0, 1.0), (3.0, 0.5)]}


def derivatives(apply, numbers, order):
    """All partial derivatives of one order as Values, and the operands; None where the operation is an error."""
    operands = [Value(x) for x in numbers]
    try:
        found = [apply(*operands)]
    except (ValueError, ArithmeticError):
        return None
    for _ in range(order):
        found = [slope for f in found for slope in engine.gradients(f, operands)]
    return found, operands


def alike(a, b):
    """Equal to rounding, infinities exactly; NaN is NaN."""
    close = abs(a - b) <= 1e-9 * max(abs(a), abs(b)) + 1e-13
    return a == b or (math.isnan(a) and math.isnan(b)) or (math.isfinite(a) and math.isfinite(b) and close)


def check(apply, count, order):
    points = [(x,) for x in ONE] if count == 1 else list(product(TWO, repeat=2))
    eager = [(at, [value.data for value in found[0]]) for at in points if (found := derivatives(apply, at, order))]
    rows = np.array([at for at, _ in eager])
    for recorded_at in RECORDED[count]:
        recorded = derivatives(apply, recorded_at, order)
        if recorded is None:
            continue
        program = engine.compile(recorded[0], inputs=recorded[1])
        for (at, numbers), row in zip(eager, program(rows).tolist()):
            assert all(map(alike, row, numbers)), f"recorded at {recorded_at}, run at {at}: {row}, eager {numbers}"


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("op", list(RULES))
def test_a_gradient_graph_holds_at_other_points(op, order):
    check(OPERATIONS[op].apply, len(RULES[op].derivatives), order)


@pytest.mark.parametrize("name", [name for name in SLOPES if name not in ("gaussian", "normal_pdf")])
def test_what_derivatives_are_made_of_holds_at_other_points(name):
    check(SLOPE_OPERATIONS[name].apply, len(SLOPES[name].derivatives), 1)

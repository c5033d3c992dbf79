"""Comparisons that rounding could decide otherwise in a program than in the function: the function decides."""

import math
import warnings

import numpy as np
import pytest

from engine import (
    Value,
    atan,
    compile,
    cos,
    cosh,
    detect_anomaly,
    exp,
    log,
    maximum,
    primitive,
    relu,
    sigmoid,
    sin,
    sinh,
    sqrt,
    tanh,
)
from engine.compiler.guards import bounds, roundings
from engine.node import topological_order


def signed(difference):
    return lambda x: 1.0 * x if difference(x) > 0 else -x


def eagerly(f, rows):
    return [f(Value(row[0])).data for row in rows]


@pytest.mark.parametrize(
    ("difference", "first", "low", "high"),
    [
        (lambda x: exp(x) - 2.0 * sinh(x), 0.1, 0.1, 60.0),
        (lambda x: tanh(x) * cosh(x) - sinh(x), 0.1, 0.1, 60.0),
        (lambda x: exp(1.0 / x) - 2.0 * sinh(1.0 / x), 30.0, 0.01, 1.0),
        (lambda x: 1.0 / x**3.3 - exp(-3.3 * log(x)), 30.0, 0.01, 1.0),
        (lambda x: sqrt(x) * sqrt(x) - x, 0.0, 0.0, 1e6),
    ],
)
def test_rows_in_which_more_cancels_than_in_the_first(difference, first, low, high):
    f = signed(difference)
    rows = np.random.default_rng(1).uniform(low, high, (1000, 1))
    rows[0] = first
    assert compile(f)(rows).tolist() == eagerly(f, rows)


def test_weights_with_which_more_cancels_than_with_the_first():
    w = Value(0.1)
    f = signed(lambda x: exp(w * x) - 2.0 * sinh(w * x))
    compiled, rows = compile(f), np.random.default_rng(1).uniform(0.5, 1.0, (1000, 1))
    compiled(rows)
    w.data = 60.0
    assert compiled(rows).tolist() == eagerly(f, rows)


def test_parameters_of_float32_are_compared_as_they_are():
    w = Value(0.1)
    f = compile(lambda x: x if x > w else -x, dtype="float32")
    assert (f([[0.1], [0.1 + 1e-10], [0.2]]) > 0.0).tolist() == [False, True, True]


def test_a_primitive_whose_derivative_takes_floats():
    cube_root = primitive(lambda x: 1.0 / (3.0 * math.cbrt(x) ** 2))(math.cbrt)
    f = signed(lambda x: cube_root(x * 2.0) * 2.0 - 3.0)
    rows = [[1.0], [27.0], [-8.0], [1.6875]]
    assert compile(f)(rows).tolist() == eagerly(f, rows)


def test_infinite_rows_and_kinks_need_no_warning():
    f = signed(lambda x: sqrt(abs(x)) * 2.0 - 1.0)
    rows = [[math.inf], [-math.inf], [0.0], [1.0]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compile(f)(rows).tolist() == eagerly(f, rows)
        with detect_anomaly():
            assert compile(f)(rows[2:]).tolist() == eagerly(f, rows[2:])


@pytest.mark.parametrize(
    "computed",
    [
        lambda x: 3.0 * x - x * x * x + 0.5,
        lambda x: sin(4.0 * x) - tanh(x * -2.0) * (x * 0.25 - 1.0),
        lambda x: relu(x - 1.0) * abs(x + 1.0) - atan(x).detach(),
        lambda x: log(x * x + 1.0) / (exp(x) + 1.0) - sqrt(abs(x) + 1.0) * 0.5,
        lambda x: maximum(x * 2.0, -x) - sigmoid(x * x) ** 3 * cos(1.0 - x),
    ],
)
def test_bounds_are_no_less_than_the_rounding(computed):
    for number in np.random.default_rng(1).uniform(-3.0, 3.0, 50).tolist():
        nodes = [node for node in topological_order(computed(Value(number))) if node.operands]
        for node, bound, rounding in zip(nodes, bounds(nodes), roundings(nodes)):
            assert bound.data * (1.0 + 1e-9) >= rounding.data >= abs(node.data)


def test_rows_that_a_bound_leaves_open_are_settled_without_the_function():
    def f(x):
        y = tanh(x + 0.0)
        for _ in range(40):
            y = tanh(3.0 * y)
        return y if y > 0.5 else -y

    compiled, rows = compile(f), np.random.default_rng(1).uniform(-1.0, 1.0, (300, 1))
    found = compiled(rows)
    assert np.allclose(found, eagerly(f, rows), rtol=1e-12)
    checks = compiled.program.paths[0].checks
    fits, is_open = checks.told(rows, compiled.program.weights)
    assert fits.any()
    assert not fits.all()
    assert not is_open.any()
    assert all(each.any() for each in checks._told(0, rows, compiled.program.weights))


def test_zeros_beside_infinite_derivatives_are_settled_without_the_function():
    compiled = compile(lambda x: x if sqrt(x * x) > 1.0 else -x)
    compiled([[2.0], [0.5]])
    fits, is_open = compiled.program.paths[1].checks.told(np.zeros((3, 1)), compiled.program.weights)
    assert fits.all()
    assert not is_open.any()

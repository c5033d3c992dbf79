"""Comparisons that rounding could decide otherwise in a program than in the function: the function decides."""

import math
import warnings

import numpy as np
import pytest

from engine import Value, compile, cosh, detect_anomaly, exp, log, primitive, sinh, sqrt, tanh


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
    rows = np.random.default_rng(1).uniform(low, high, (3000, 1))
    rows[0] = first
    assert compile(f)(rows).tolist() == eagerly(f, rows)


def test_weights_with_which_more_cancels_than_with_the_first():
    w = Value(0.1)
    f = signed(lambda x: exp(w * x) - 2.0 * sinh(w * x))
    compiled, rows = compile(f), np.random.default_rng(1).uniform(0.5, 1.0, (3000, 1))
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

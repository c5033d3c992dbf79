"""Derivatives at the edges of domains and of infinite numbers: infinity and NaN, as in PyTorch, and no errors."""

import math
from itertools import product

import pytest

import engine
from engine import Value, acos, asin, grad, hessian, hypot, primitive, sqrt
from engine.derivatives import RULES
from engine.gradient_graph import gradient_graph
from engine.operations import OPERATIONS
from engine.special import (
    exp_of_minus_square,
    gaussian,
    leading_bits,
    log_or_limit,
    normal_cdf,
    over,
    power_or_limit,
    times,
)

INFINITY, NAN = math.inf, math.nan
NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 5e-324, 1e-200, -1e-200, 1e154, 1e308, 709.7, INFINITY, -INFINITY)


def points(op):
    """Operands of the primitive, at which it has a value."""
    count = len(RULES[op].derivatives)
    for numbers in product(NUMBERS, repeat=count):
        if op == "**" and 0.0 < abs(numbers[1]) < 1e-100:  # n x**(n - 1) is a product that goes beyond floats midway
            continue
        try:
            yield OPERATIONS[op].apply(*map(Value, numbers)), numbers
        except (ValueError, ArithmeticError):
            continue


def equal(a, b):
    return a == b or abs(a - b) <= max(1e-9 * abs(b), 5e-324) or (math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("op", list(RULES))
def test_first_derivatives_as_graphs_are_those_of_plain_backward(op):
    for node, numbers in points(op):
        graphs = list(map(float, gradient_graph(node, node.operands)))
        assert all(map(equal, graphs, node.local_derivatives)), (numbers, graphs, node.local_derivatives)


@pytest.mark.parametrize("op", list(RULES))
def test_no_second_derivative_is_an_error(op):
    for _, numbers in points(op):
        matrix = hessian(lambda v: OPERATIONS[op].apply(*v))(list(numbers))
        assert all(type(entry) is float for row in matrix for entry in row)


# What PyTorch and JAX give for the first and second derivative.
EDGES = [
    (sqrt, 0.0, INFINITY, -INFINITY),
    (sqrt, -0.0, -INFINITY, INFINITY),
    (sqrt, 5e-324, 0.5 / math.sqrt(5e-324), -INFINITY),
    (asin, 1.0, INFINITY, INFINITY),
    (asin, -1.0, INFINITY, -INFINITY),
    (acos, 1.0, -INFINITY, -INFINITY),
    (acos, -1.0, -INFINITY, INFINITY),
    (lambda x: x**0.5, 0.0, INFINITY, -INFINITY),
    (lambda x: x**0.1, 1e-200, 1e179, -INFINITY),
    (lambda x: x**1.5, 0.0, 0.0, INFINITY),
    (lambda x: x ** Value(1.5), 0.0, 0.0, INFINITY),
    (lambda x: x ** Value(1.0), 0.0, 1.0, 0.0),
    (lambda x: x**-1, 1e-200, -INFINITY, INFINITY),
    (lambda x: x**-1, -1e-200, -INFINITY, -INFINITY),
    (lambda x: 1.0 / x, 1e-200, -INFINITY, INFINITY),
    (lambda x: hypot(x, 0.0), 0.0, NAN, NAN),
]


@pytest.mark.parametrize(("f", "at", "first", "second"), EDGES)
def test_derivatives_of_derivatives_are_infinite_at_edges(f, at, first, second):
    x = Value(at)
    (slope,) = engine.gradients(f(x), [x])
    slope.backward()
    assert equal(slope.data, first)
    assert equal(x.grad, second)
    assert equal(float(grad(f)(at)), first)
    assert equal(float(grad(grad(f))(at)), second)


def test_the_slope_of_log10_at_the_largest_numbers():
    x = Value(1e308)
    x.log10().backward()
    assert math.isclose(x.grad, math.log10(math.e) / 1e308, rel_tol=1e-9)
    assert grad(lambda x: x.log10())(1e308) == x.grad


def test_a_third_derivative_at_an_edge():
    assert grad(grad(grad(sqrt)))(0.0) == INFINITY
    assert grad(grad(grad(lambda x: x**1.5)))(0.0) == -INFINITY
    assert grad(grad(grad(lambda x: x ** Value(1.0))))(0.0).data == 0.0


@pytest.mark.parametrize("name", ["sqrt", "asin", "acos", "log", "log1p", "atan", "tanh", "pow"])
def test_the_same_as_pytorch(name):
    torch = pytest.importorskip("torch")
    exponents = [0.5, 1.0, 1.5, 2.0, 3.0, -1.0, -2.0] if name == "pow" else [None]
    for at, n in product(NUMBERS, exponents):
        f = getattr(engine, name, None) or (lambda x, n=n: x**n)
        try:
            f(Value(at))
        except (ValueError, ArithmeticError):
            continue
        x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        y = torch.pow(x, torch.tensor(n, dtype=torch.float64)) if name == "pow" else getattr(torch, name)(x)
        (first,) = torch.autograd.grad(y, x, create_graph=True)
        (second,) = torch.autograd.grad(first, x)
        assert equal(grad(f)(at), first.item()), (at, n)
        if math.isinf(at) and math.isnan(second.item()):
            continue  # 0 times infinity, which is 0 here
        assert equal(grad(grad(f))(at), second.item()), (at, n)


def test_a_division_by_zero_of_the_users_own_is_still_an_error():
    with pytest.raises(ZeroDivisionError, match="a division needs"):
        grad(lambda x: 1.0 / grad(lambda y: y * y)(x))(0.0)


def test_an_error_in_a_derivative_of_the_users_own_is_the_users():
    @primitive(lambda x: 1.5 * x**0.5 + (0.0 if isinstance(x, float) else 1.0 / x))
    def odd(x):
        return x**1.5

    with pytest.raises(ZeroDivisionError, match="a division needs"):
        grad(grad(odd))(0.0)


@pytest.mark.parametrize(
    ("x", "n", "result"),
    [
        (0.0, -1.0, INFINITY),
        (-0.0, -1.0, -INFINITY),
        (-0.0, -2.0, INFINITY),
        (-0.0, -0.5, INFINITY),
        (-2.0, 0.5, NAN),
        (-1e200, 3.0, -INFINITY),
        (-1e200, 2.0, INFINITY),
        (1e200, 2.5, INFINITY),
        (2.0, 3.0, 8.0),
    ],
)
def test_powers_as_in_ieee_arithmetic(x, n, result):
    assert equal(power_or_limit(x, n), result)


@pytest.mark.parametrize(
    ("function", "operands", "result"),
    [
        *((times, (INFINITY, 0.0), 0.0), (times, (0.0, NAN), 0.0), (times, (2.0, 3.0), 6.0)),
        *((over, (1.0, -0.0), -INFINITY), (over, (0.0, 0.0), NAN), (over, (6.0, 3.0), 2.0)),
        *((log_or_limit, (0.0,), -INFINITY), (log_or_limit, (-1.0,), NAN), (log_or_limit, (1.0,), 0.0)),
        *((gaussian, (0.0, 0.0), 1.0), (gaussian, (0.0, 2.0), -2.0), (gaussian, (INFINITY, 3.0), 0.0)),
        *((exp_of_minus_square, (26.0, 1.0), math.exp(-676.0)), (normal_cdf, (0.0,), 0.5)),
        *((leading_bits, (3.0,), 3.0), (leading_bits, (100.0,), 0.0), (leading_bits, (NAN,), 0.0)),
    ],
)
def test_functions_of_floats(function, operands, result):
    assert equal(function(*operands), result)


def test_leading_bits_leave_the_last_ones_out():
    assert leading_bits(0.1) != 0.1
    assert abs(leading_bits(0.1) - 0.1) < 1e-9

"""Functions of many numbers, and what is the same for all functions. Each formula is in test_operations."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, dot, leaves, logsumexp, mean, softmax, topological_order

INFINITY, NAN = math.inf, math.nan
numbers = st.lists(st.floats(-1000.0, 1000.0), min_size=1, max_size=8)


def leaves_of(xs):
    return [Value(x) for x in xs]


@given(numbers)
def test_softmax_is_a_distribution(xs):
    shares = softmax(xs)
    assert all(type(share) is float for share in shares)
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert sum(shares) == pytest.approx(1.0)
    by_values = softmax(leaves_of(xs))
    assert [share.data for share in by_values] == shares


@given(numbers)
@settings(max_examples=50)
def test_gradient_of_softmax(xs):
    shares = softmax(xs)
    for place, share in enumerate(shares):
        values = leaves_of(xs)
        softmax(values)[place].backward()
        expected = [share * ((i == place) - other) for i, other in enumerate(shares)]
        assert [v.grad for v in values] == pytest.approx(expected, rel=1e-9, abs=1e-15)


@given(numbers)
def test_gradient_of_logsumexp_is_softmax(xs):
    values = leaves_of(xs)
    result = logsumexp(values)
    result.backward()
    assert result.data == logsumexp(xs)
    differences = [node for node in topological_order(result) if node.op == "-"]
    assert [node.local_derivatives for node in differences] == [(1.0, -1.0)] * len(xs)  # from the largest
    assert max(xs) <= result.data <= max(xs) + math.log(len(xs)) + 1e-9
    assert [v.grad for v in values] == pytest.approx(softmax(xs), rel=1e-9, abs=1e-300)


def test_large_numbers_are_exact():
    assert softmax([1000.0, 0.0]) == [1.0, 0.0]
    assert softmax([-1000.0, -1000.0]) == [0.5, 0.5]
    assert softmax([1e308, -1e308]) == [1.0, 0.0]
    assert logsumexp([1000.0, 1000.0]) == 1000.0 + math.log(2.0)
    assert logsumexp([-1000.0, -1001.0]) == pytest.approx(-1000.0 + math.log1p(math.exp(-1.0)), rel=1e-15)
    assert engine.sigmoid(-1000.0) == 0.0
    assert engine.softplus(1000.0) == 1000.0
    assert engine.hypot(3e300, 4e300) == 5e300


def test_infinite_numbers():
    assert logsumexp([0.0, -INFINITY]) == 0.0
    assert logsumexp([INFINITY, 1000.0]) == INFINITY
    assert logsumexp([-INFINITY, -INFINITY]) == -INFINITY
    assert softmax([0.0, -INFINITY]) == [1.0, 0.0]
    assert all(math.isnan(share) for share in softmax([INFINITY, 0.0]))
    assert math.isnan(logsumexp([0.0, NAN]))
    x, y = leaves_of([INFINITY, 0.0])
    logsumexp([x, y]).backward()
    assert (x.grad, y.grad) == (1.0, 0.0)
    x, y = leaves_of([0.0, -INFINITY])
    logsumexp([x, y]).backward()
    assert (x.grad, y.grad) == (1.0, 0.0)


def test_no_gradient_flows_through_the_largest():
    for result in (softmax(leaves_of([2.0, 1.0]))[0], logsumexp(leaves_of([2.0, 1.0]))):
        result.backward()
        nodes = topological_order(result)
        assert [v.grad for v in nodes if v.op == "maximum"] == [0.0]
        assert len([v for v in nodes if v.op == "detach"]) == 1


@given(numbers)
def test_dot_and_mean(xs):
    values = leaves_of(xs)
    weights = [float(i) for i in range(len(xs))]
    result = dot(values, weights)
    result.backward()
    assert [v.grad for v in values] == weights
    total = 0.0
    for x, w in zip(xs, weights):
        total += x * w
    assert result.data == dot(xs, weights) == total
    values = leaves_of(xs)
    average = mean(values)
    average.backward()
    assert average.data == mean(xs)
    assert [v.grad for v in values] == pytest.approx([1 / len(xs)] * len(xs))


def test_one_value_among_numbers_makes_a_value():
    x = Value(2.0)
    assert type(mean([x, 4])) is type(logsumexp([0, x])) is type(dot([x], [1])) is type(dot([1], [x])) is Value
    assert all(type(share) is Value for share in softmax([1, x]))
    assert leaves(mean([x, 4])) == [x]
    assert type(mean([1, 2])) is type(logsumexp([1])) is type(dot([1], [2])) is type(dot([], [])) is float
    assert type(engine.maximum(1, x)) is type(engine.hypot(x, 1)) is type(engine.leaky_relu(1, x)) is Value


def test_generators_are_taken_too():
    assert mean(x for x in (1, 2, 3)) == 2.0
    assert dot(iter([1, 2]), (x for x in (3, 4))) == 11.0
    assert logsumexp(iter([0.0])) == 0.0
    assert softmax(x for x in (5.0,)) == [1.0]


def test_leaky_relu_has_a_default_slope_and_a_slope_that_learns():
    x, slope = Value(-2.0), Value(0.1)
    assert engine.leaky_relu(-2.0) == -0.02
    assert x.leaky_relu().data == -0.02
    y = engine.leaky_relu(x, slope)
    y.backward()
    assert (y.data, x.grad, slope.grad) == (-0.2, 0.1, -2.0)
    assert engine.leaky_relu(x, slope=0.5).data == -1.0


def test_gradient_of_a_sum_at_a_tie_is_shared():
    x, y = leaves_of([2.0, 2.0])
    engine.maximum(x, y).backward()
    assert (x.grad, y.grad) == (0.5, 0.5)
    z = Value(2.0)
    engine.maximum(z, z).backward()
    assert z.grad == 1.0


def test_public_names():
    assert {name for name in engine.__all__ if not hasattr(engine, name)} == set()
    assert "draw" in dir(engine)
    with pytest.raises(AttributeError, match="module 'engine' has no attribute 'tensor'"):
        _ = engine.tensor

"""backward and backprop: the chain rule over whole graphs. Each operation's own derivative is in test_operations."""

import gc
import math

import pytest
from graphs import recipes, rounding
from hypothesis import given
from hypothesis import strategies as st

from engine import Contribution, Step, Value, backprop, backward, leaves, tanh, topological_order
from engine.operations import LEAF
from engine.value import fields


def gradients(values):
    return [value.grad for value in values]


def forward_gradient(root, leaf):
    """The gradient by going forward: how fast each node grows with the leaf, operands first."""
    rates = {}
    for node in topological_order(root):
        rate = 1.0 if node is leaf else 0.0
        for operand, derivative in zip(node.operands, node.local_derivatives):
            rate += derivative * rates[operand]
        rates[node] = rate
    return rates[root]


@given(recipes())
def test_backward_agrees_with_going_forward(recipe):
    values = [Value(x) for x in recipe.numbers]
    root = recipe.follow(values)[-1]
    root.backward()
    for value in leaves(root):
        expected = forward_gradient(root, value)
        if math.isfinite(expected):
            assert value.grad == pytest.approx(expected, rel=1e-9, abs=rounding(root))
    used = set(leaves(root))
    assert all(value.grad == 0.0 for value in values if value not in used)


@given(recipes(), st.floats(-10.0, 10.0))
def test_steps_are_backward_one_at_a_time(recipe, gradient):
    watched, at_once = ([Value(x) for x in recipe.numbers] for _ in range(2))
    stepped_nodes, nodes = recipe.follow(watched), recipe.follow(at_once)
    nodes[-1].backward(gradient)
    met = []
    for step in backprop(stepped_nodes[-1], gradient):
        assert type(step) is Step
        assert step.gradient == step.node.grad
        assert [c.operand for c in step.contributions] == list(step.node.operands)
        assert [c.local_derivative for c in step.contributions] == list(step.node.local_derivatives)
        for contribution in step.contributions:
            assert type(contribution) is Contribution
            assert contribution.amount == contribution.local_derivative * step.gradient
        for operand in set(step.node.operands):
            assert operand.grad == [c.total for c in step.contributions if c.operand is operand][-1]
        met.append(step.node)
    assert met == [node for node in reversed(topological_order(stepped_nodes[-1])) if node.operands]
    assert gradients(stepped_nodes) == gradients(nodes), "to the last bit"


def told(step: Step) -> tuple:
    return step.node, step.gradient, [(c.operand, c.local_derivative, c.amount, c.total) for c in step.contributions]


def test_totals_grow_step_by_step():
    x = Value(3.0, label="x")
    y = x * x
    z = y + x
    steps = backprop(z, 2.0)
    assert told(next(steps)) == (z, 2.0, [(y, 1.0, 2.0, 2.0), (x, 1.0, 2.0, 2.0)])
    assert (y.grad, x.grad) == (2.0, 2.0)
    assert told(next(steps)) == (y, 2.0, [(x, 3.0, 6.0, 8.0), (x, 3.0, 6.0, 14.0)])
    assert x.grad == 14.0
    assert list(steps) == []


def test_a_step_happens_when_it_is_asked_for():
    x = Value(3.0)
    y = x * 2
    z = y * 5
    steps = backprop(z)
    assert (z.grad, y.grad, x.grad) == (1.0, 0.0, 0.0)
    next(steps)
    assert (z.grad, y.grad, x.grad) == (1.0, 5.0, 0.0)
    next(steps)
    assert (z.grad, y.grad, x.grad) == (1.0, 5.0, 10.0)


def test_a_leaf_has_no_steps_but_its_gradient():
    x = Value(3.0)
    assert list(backprop(x)) == []
    assert x.grad == 1.0


@given(recipes(), st.integers(1, 4))
def test_again_gives_leaves_exactly_as_many_times_the_gradient(recipe, times):
    once, often = ([Value(x) for x in recipe.numbers] for _ in range(2))
    once_nodes, often_nodes = recipe.follow(once), recipe.follow(often)
    once_nodes[-1].backward()
    for _ in range(times):
        often_nodes[-1].backward()
    for value, more in zip(once, often):
        added = 0.0
        for _ in range(times):
            added += value.grad
        assert more.grad == added or math.isnan(added), "to the last bit"
    for node, again in zip(once_nodes[len(once) :], often_nodes[len(once) :]):
        assert again.grad == node.grad, "interior nodes start fresh"


def test_twice_is_exactly_twice():
    a, b = Value(-2.0), Value(3.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    e = c - d
    g = (e**2) / 2.0 + 10.0 / (e**2)
    g.backward()
    once = a.grad, b.grad, c.grad, e.grad, g.grad
    g.backward()
    assert (a.grad, b.grad) == (2 * once[0], 2 * once[1])
    assert (c.grad, e.grad, g.grad) == once[2:]


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("is_second", [False, True], ids=["first", "second"])
def test_a_pass_adds_its_whole_gradient_to_that_of_a_leaf(sign, is_second):
    w, factors = Value(2.0), [sign * x for x in (0.09, 0.03, 0.84, 0.43)]  # one after the other they round otherwise
    terms = [Value(x) * w if is_second else w * Value(x) for x in factors]
    y = terms[0] + terms[1] + terms[2] + terms[3]
    y.backward()
    once = w.grad
    y.backward()
    assert w.grad == 2.0 * once


def test_leaves_add_up_over_different_roots():
    x, y = Value(3.0), Value(4.0)
    (x * y).backward()
    (x * x).backward()
    assert (x.grad, y.grad) == (10.0, 3.0)
    x.grad = 0
    (x * y).backward()
    assert (x.grad, y.grad) == (4.0, 6.0)


def test_a_shared_node_starts_fresh_for_each_root():
    x = Value(3.0)
    shared = x * 2
    (shared * 5).backward()
    assert (shared.grad, x.grad) == (5.0, 10.0)
    (shared * 7).backward()
    assert (shared.grad, x.grad) == (7.0, 24.0)
    shared.grad = 1e9
    shared.backward()
    assert (shared.grad, x.grad) == (1.0, 26.0)


def test_a_leaf_keeps_nothing_of_a_pass_but_its_gradient():
    x = Value(3.0, label="x")
    y = x * x
    for total in (6.0, 12.0, 18.0):
        y.backward()
        assert fields(x) == (LEAF, 3.0, total, "x", 0.0, 0.0)


def test_constants_do_not_hold_anything_back():
    x = Value(3.0)
    y = 2 * x + 1
    y.backward()
    y.backward()
    assert x.grad == 4.0


@pytest.mark.parametrize(("build", "gradient"), [
    (lambda x: x * x, 6.0),
    (lambda x: x + x, 2.0),
    (lambda x: x - x, 0.0),
    (lambda x: x / x, 0.0),
    (lambda x: x**x, 27.0 * (math.log(3.0) + 1.0)),
    (lambda x: x.maximum(x), 1.0),
    (lambda x: x.hypot(x), math.sqrt(2.0)),
    (lambda x: (x + x) * (x + x), 24.0),
    (lambda x: sum([x] * 100), 100.0),
])  # fmt: skip
def test_a_value_used_many_times(build, gradient):
    x = Value(3.0)
    build(x).backward()
    assert x.grad == pytest.approx(gradient, rel=1e-15)


def test_the_root_may_be_a_leaf():
    x = Value(3.0)
    x.backward()
    assert x.grad == 1.0
    x.backward(2.5)
    assert x.grad == 3.5


@pytest.mark.parametrize("gradient", [2.0, -1, 0.0, True, math.inf])
def test_a_gradient_of_the_root(gradient):
    x, y = Value(3.0), Value(3.0)
    root = x * x
    root.backward(gradient)
    backward(y * y, gradient=gradient)
    assert root.grad == gradient
    assert x.grad == y.grad == 2 * 3.0 * gradient


def test_method_and_function_are_one():
    x, y = Value(0.5), Value(0.5)
    assert tanh(x).backward() is None
    assert backward(tanh(y)) is None
    assert x.grad == y.grad == pytest.approx(1.0 - math.tanh(0.5) ** 2)


def test_nan_and_infinity_flow():
    x, y = Value(0.0), Value(2.0)
    (x.sqrt() * y).backward()
    assert x.grad == math.inf
    x, y = Value(math.nan), Value(2.0)
    (x * y).backward()
    assert x.grad == 2.0
    assert math.isnan(y.grad)


def test_numbers_assigned_after_the_graph_was_made_change_no_derivative():
    x, y = Value(3.0), Value(4.0)
    z = x * y
    x.data, y.data = 100.0, 100.0
    z.backward()
    assert (x.grad, y.grad) == (4.0, 3.0)


@pytest.mark.slow
def test_a_million_operations():
    x, w = Value(1.0), Value(1.0)
    y = x
    for _ in range(500_000):
        y = y * w + x
    y.backward()
    assert y.data == 500_001.0
    assert x.grad == 500_001.0
    assert w.grad == 500_000 * 500_001 / 2
    del y  # freed here, with no recursion
    gc.collect()
    assert x.grad == 500_001.0


@pytest.mark.slow
def test_a_million_operations_without_names():
    """The chain dies as soon as it is made."""
    y = Value(1.0)
    for _ in range(1_000_000):
        y = -y
    assert y.data == 1.0
    y = None


def test_wide_graphs():
    x = Value(2.0)
    total = sum(x * i for i in range(10_000))
    total.backward()
    assert x.grad == sum(range(10_000))


@pytest.mark.parametrize("times", [lambda x, k: x * k, lambda x, k: k * x])
def test_a_second_pass_doubles_a_gradient_that_its_parts_would_swallow(times):
    x, large, less = Value(1.0), Value(2.0**53), Value(1.0 - 2.0**53)
    y = times(x, less) + times(x, large)
    y.backward()
    assert x.grad == 1.0
    y.backward()
    assert x.grad == 2.0

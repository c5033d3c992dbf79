"""A gradient graph holds for other inputs than its own, and 0 times infinity is 0 in all ways."""

import math
import re
from itertools import product

import numpy as np
import pytest
from checkout import ROOT

import engine
from engine import Value, topological_order
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


# ----------------------------------------------------------------------------------------- 0 times infinity, one policy


def in_all_ways(f, at):
    """The gradient of f at a point: backward, gradients, grad, nested grad, and a program's two ways."""
    x = Value(at)
    y = f(x)
    y.backward()
    found = {"backward": x.grad, "gradients": engine.gradients(y, [x])[0].data, "grad": float(engine.grad(f)(at))}
    found["nested grad"] = float(engine.grad(f)(Value(at)))
    elsewhere = Value(0.7)
    program = engine.compile(f(elsewhere), parameters=[elsewhere])
    program.weights[:] = at
    found["program"] = float(program.value_and_gradient()[1][0])
    if not math.isnan(at):
        found["program by input"] = float(program_of_input(f).gradients([[0.7], [at]], with_respect_to="inputs")[1, 0])
        found["program of the graph"] = float(program_of_gradient(f)([[0.7], [at]])[1])
    return found


def program_of_input(f):
    x = Value(0.7)
    return engine.compile(f(x), inputs=[x])


def program_of_gradient(f):
    x = Value(0.7)
    return engine.compile(engine.gradients(f(x), [x])[0], inputs=[x])


def inside(x):
    """Infinite local derivatives below products with exact zeros, in matrices too."""
    hidden = [engine.sqrt(w * x.relu()) for w in (1.0, 2.0, 3.0)]
    rows = [engine.dot([Value(0.0), Value(1.5), Value(0.0)], hidden), engine.dot([Value(0.0)] * 3, hidden)]
    return sum(row.tanh() for row in rows) + x


POLICY = [
    (lambda x: x.relu().sqrt(), -1.0, 0.0),
    (lambda x: engine.maximum(x, 0.0).sqrt(), -1.0, 0.0),
    (lambda x: engine.maximum(0.0, x).sqrt(), -1.0, 0.0),
    (lambda x: engine.minimum(-x, 0.0).__neg__().sqrt(), -1.0, 0.0),
    (lambda x: x.detach().sqrt() + x, 0.0, 1.0),
    (lambda x: x.sqrt().detach() + x, 0.0, 1.0),
    (lambda x: abs(x) ** 0.5, 0.0, 0.0),
    (lambda x: abs(x).sqrt(), 0.0, 0.0),
    (lambda x: (x * x).sqrt(), 0.0, 0.0),
    (lambda x: (x * x) ** 0.5, 0.0, 0.0),
    (lambda x: (x**2).sqrt(), 0.0, 0.0),
    (lambda x: (x**3) ** 0.25, 0.0, 0.0),
    (lambda x: 0.0 * x.sqrt() + x, 0.0, 1.0),
    (lambda x: (x.sqrt() - 1.0).relu() + x, 0.0, 1.0),
    (lambda x: engine.maximum(x.sqrt(), 2.0), 0.0, 0.0),
    (lambda x: x.cos().asin(), 0.0, 0.0),
    (lambda x: engine.hypot(x.relu(), x.relu()), -1.0, 0.0),
    (lambda x: engine.leaky_relu(x, 0.0).sqrt(), -1.0, 0.0),
    (lambda x: x.sqrt(), 0.0, INFINITY),
    (inside, -1.0, 1.0),
    (lambda x: x.relu(), NAN, 1.0),
    (lambda x: engine.maximum(x, 1.0), NAN, 1.0),
    (lambda x: engine.minimum(1.0, x), NAN, 1.0),
    (abs, NAN, 0.0),
    (lambda x: x.leaky_relu(0.25), NAN, 0.25),
    (lambda x: x.gelu(), INFINITY, 1.0),
    (lambda x: x.gelu(), -INFINITY, 0.0),
    (lambda x: x.atan(), INFINITY, 0.0),
    (lambda x: x.erf(), -INFINITY, 0.0),
    (lambda x: x.softplus(), INFINITY, 1.0),
    (lambda x: x.tanh() * x, INFINITY, 1.0),
    (lambda x: engine.logsumexp([x, 0.0]), INFINITY, 1.0),
    (lambda x: engine.logsumexp([x, 0.0]), -INFINITY, 0.0),
    (lambda x: engine.logsumexp([x, x, 0.0]), INFINITY, 1.0),
    (lambda x: engine.logsumexp([x, x]), -INFINITY, 1.0),
    (lambda x: engine.logsumexp([-x, 0.0]), INFINITY, 0.0),
]


@pytest.mark.parametrize(("f", "at", "expected"), POLICY)
def test_0_times_infinity_is_0_in_all_ways(f, at, expected):
    found = in_all_ways(f, at)
    assert all(got == expected for got in found.values()), found


def layers(numbers):
    """Two layers with square roots between them, as matrix products, and weights that are exactly 0."""
    rng = np.random.default_rng(0)
    inputs = [Value(number) for number in numbers]
    first = [[Value(w) for w in row] for row in rng.integers(-1, 2, (4, 3))]
    second = [[Value(w) for w in row] for row in rng.integers(-1, 2, (2, 4))]
    total = Value(0.0)
    for start in range(0, len(inputs), 3):
        hidden = [engine.dot(row, inputs[start : start + 3]).relu().sqrt() for row in first]
        outputs = [engine.dot(row, hidden) for row in second]
        total = total + outputs[0] * outputs[1].relu()
    return total, inputs, [w for row in first + second for w in row]


@pytest.mark.parametrize("n_vectors", [1, 3])
@pytest.mark.parametrize("n_rows", [1, 7])
def test_matrix_products_follow_the_policy(n_vectors, n_rows):
    total, inputs, weights = layers([1.0] * 3 * n_vectors)
    program = engine.compile(total, inputs=inputs, parameters=weights)
    rows = np.random.default_rng(1).integers(-2, 3, (n_rows, len(inputs))).astype(float)
    by_weights, by_inputs = [], []
    for row in rows:
        total, inputs, weights = layers(row)
        total.backward()
        by_weights.append([w.grad for w in weights])
        by_inputs.append([x.grad for x in inputs])
    assert not np.isnan(by_weights).any()
    _, gradient = program.value_and_gradient(rows)
    np.testing.assert_allclose(gradient, np.mean(by_weights, axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(program.gradients(rows, "inputs"), by_inputs, rtol=1e-12, atol=1e-12)


def test_gelu_has_its_limits():
    assert engine.gelu(-INFINITY) == 0.0
    assert engine.gelu(INFINITY) == INFINITY
    x = Value(1.0)
    assert engine.compile(x.gelu(), inputs=[x])([[-INFINITY], [INFINITY]]).tolist() == [0.0, INFINITY]


def test_the_steps_of_a_walk_follow_the_policy():
    x = Value(-1.0, label="x")
    assert [c.amount for step in engine.backprop(x.relu().sqrt()) for c in step.contributions] == [INFINITY, 0.0]


def test_a_product_at_0_keeps_its_second_derivatives():
    assert engine.hessian(lambda v: v[0] * v[1])([0.0, 0.0]) == [[0.0, 1.0], [1.0, 0.0]]
    assert engine.hessian(lambda v: v[0] * v[0] * v[1])([0.0, 3.0]) == [[6.0, 0.0], [0.0, 0.0]]
    assert engine.grad(engine.grad(engine.grad(lambda x: x * x * x)))(0.0) == 6.0
    assert engine.grad(engine.grad(lambda x: (x * x).exp()))(0.0) == 2.0
    assert engine.grad(engine.grad(engine.grad(lambda x: (x.sin() * x * x).tanh())))(0.0) == 6.0


POWERS = [(-2.0, 2.0), (0.0, 1.0), (0.0, 0.0), (0.0, 2.0), (2.0, 0.0), (-2.0, 3.0), (-1.0, 0.0), (0.0, 0.5)]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(
    ("b", "numbers"),
    [
        (math.inf, [0.0, 0.5, 1.0, 2.0, math.inf, 5e-324]),
        (-math.inf, [0.5, 1.0, 2.0, math.inf]),
        (2.0**53 + 2.0, [0.0, 0.5, 1.0]),
        (0.1, [0.5, 1.0, 2.0, math.inf]),
    ],
)
def test_a_plain_exponent_has_the_derivatives_of_one_that_is_a_value(b, numbers, order):
    derivative = lambda x, n: x**n  # noqa: E731
    for _ in range(order):
        derivative = engine.grad(derivative)
    program = engine.compile(derivative)
    for a in numbers:
        found = [float(derivative(a, b)), derivative(a, Value(b)).data, program([[a, b]]).item()]
        np.testing.assert_allclose(found, found[0], rtol=1e-12)


@pytest.mark.parametrize("at", POWERS)
def test_second_derivatives_of_powers_are_symmetric_and_none_is_missing(at):
    (aa, ab), (ba, bb) = engine.hessian(lambda v: v[0] ** v[1])(list(at))
    assert ab == ba or (math.isnan(ab) and math.isnan(ba))
    a, b = at
    expected = {(2.0, 0.0): 0.5, (0.0, 1.0): -INFINITY, (0.0, 2.0): 0.0, (0.0, 0.5): -INFINITY}.get(at, NAN)
    assert ab == expected or (math.isnan(ab) and math.isnan(expected))
    assert aa == engine.grad(engine.grad(lambda x: x**b))(a)
    assert math.isnan(bb) if a < 0.0 else bb == (math.log(2.0) ** 2 if a == 2.0 else 0.0)


def test_the_case_of_a_relu():
    x = Value(1.0)
    program = engine.compile(engine.gradients(x.relu() * x, [x])[0], inputs=[x])
    assert program([[-1.0], [1.0], [2.0]]).tolist() == [0.0, 2.0, 4.0]


PAGE = ROOT / "docs" / "conventions.md"
ROWS = re.findall(r"^\| `(.+?)` \| (\S+) \| (\S+) \|", PAGE.read_text(), re.MULTILINE) if PAGE.exists() else []


@pytest.mark.parametrize(("code", "at", "expected"), ROWS)
def test_the_page_of_conventions_says_what_holds(code, at, expected):
    names = {name: getattr(engine, name) for name in engine.__all__} | {"abs": abs}
    found = in_all_ways(lambda x: eval(code, {**names, "x": x}), float(at))
    assert all(alike(got, float(expected)) for got in found.values()), found


@pytest.mark.parametrize(
    "f",
    [lambda a, b: a * b, lambda a, b: a.exp() + b, lambda a, b: (a + b).tanh(), lambda a, b: a.detach() * b],
    ids=["operands", "the output", "one for both", "beside a constant"],
)
def test_a_gradient_is_a_value_of_its_own(f):
    a, b, given = Value(2.0, label="a"), Value(3.0, label="b"), Value(5.0, label="given")
    output = f(a, b)
    before = {node: (node.data, node.label) for node in [*topological_order(output), given]}
    for gradient in (1.0, given):
        slopes = [*engine.gradients(output, [a, b], gradient=gradient), *engine.grad(f, (0, 1))(a, b)]
        assert len({*slopes, *before}) == len(slopes) + len(before)
        for index, slope in enumerate(slopes):
            slope.label = str(index)
        assert {node: (node.data, node.label) for node in before} == before


def test_steps_by_gradients_that_are_values():
    a, b = Value(2.0), Value(3.0)
    for p, slope in zip((a, b), engine.gradients(a * b, [a, b])):
        p.data -= 0.1 * slope.data
    assert (a.data, b.data) == (2.0 - 0.1 * 3.0, 3.0 - 0.1 * 2.0)

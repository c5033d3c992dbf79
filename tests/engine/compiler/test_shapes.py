"""Replay against Values on graphs of the shapes that people write."""

import math

import numpy as np
import pytest
from programs import close_to_eager

import engine
from engine import Value, compile, dot, leaky_relu, mean, softmax, sqrt, tanh
from nn import MLP

NUMBERS = np.random.default_rng(3)


def values(*shape):
    """Leaves in nested lists of this shape."""
    if not shape:
        return Value(NUMBERS.uniform(-1.0, 1.0))
    return [values(*shape[1:]) for _ in range(shape[0])]


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("widths", [[1], [3], [4, 1], [5, 5, 3]])
def test_networks(activation, widths):
    model = MLP(3, widths, activation=activation, seed=1)

    def loss(inputs, _parameters):
        outputs = model(inputs[:3])
        outputs = outputs if isinstance(outputs, list) else [outputs]
        return [sum((output - inputs[3]) ** 2 for output in outputs), *outputs]

    close_to_eager(loss, 4, model.parameters(), 6)


def test_a_layer_is_one_matrix_product():
    model = MLP(7, [5, 2], activation="relu", seed=1)
    x = values(7)
    words = repr(compile(model(x), x, model.parameters()))
    assert "5 dot products of 7 -> one matrix product, plus 1 number each" in words
    assert "2 dot products of 5 -> one matrix product, plus 1 number each" in words


@pytest.mark.parametrize("stride", [1, 2])
def test_weights_shared_as_in_a_convolution(stride):
    kernels, output = values(2, 3), values(8)

    def network(signal, _parameters):
        starts = range(0, 8, stride)
        hidden = [dot(kernel, signal[start : start + 3]).relu() for kernel in kernels for start in starts]
        return [dot(output[: len(hidden)], hidden[:8]), *hidden]

    used = output[: min(8, 2 * len(range(0, 8, stride)))]
    close_to_eager(network, 10, [*kernels[0], *kernels[1], *used], 5)


def test_products_as_in_attention():
    width, places = 3, 4
    query, key, value = values(width, width), values(width, width), values(width, width)

    def attention(inputs, _parameters):
        tokens = [inputs[place * width : (place + 1) * width] for place in range(places)]
        projected = [[[dot(row, token) for row in matrix] for token in tokens] for matrix in (query, key, value)]
        outputs = []
        for q in projected[0]:
            shares = softmax([dot(q, k) / math.sqrt(width) for k in projected[1]])
            outputs += [dot(shares, [v[i] for v in projected[2]]) for i in range(width)]
        return [mean(output**2 for output in outputs), *outputs]

    close_to_eager(attention, width * places, [w for m in (query, key, value) for row in m for w in row], 4)


def test_two_matrix_products_that_go_through_their_results_in_different_orders():
    first, second = values(2, 4), values(3, 4)

    def both(inputs, _parameters):
        left, right = [inputs[4 * i : 4 * i + 4] for i in range(3)], [inputs[12 + 4 * i : 16 + 4 * i] for i in range(2)]
        sums = [dot(first[i], left[j]) - dot(second[j], right[i]) for i in range(2) for j in range(3)]
        return [sum((number.tanh() for number in sums[1:]), start=sums[0] ** 3), sums[4]]

    close_to_eager(both, 20, [w for row in [*first, *second] for w in row], 5)


def test_a_roll_out_that_uses_its_parameters_in_every_step():
    def pendulum(inputs, parameters):
        angle, speed = inputs
        stiffness, friction = parameters
        for _ in range(30):
            speed = speed - 0.1 * (stiffness * engine.sin(angle) + friction * speed)
            angle = angle + 0.1 * speed
        return [angle**2 + speed**2, angle]

    close_to_eager(pendulum, 2, values(2), 7)


def test_a_graph_without_inputs():
    def surface(_inputs, parameters):
        a, b, c = parameters
        return [tanh(a * b + c) * sqrt(a * a + 1.0), dot([a, b], [b, c])]

    parameters = values(3)
    close_to_eager(surface, 0, parameters, 1)
    program = compile(surface([], parameters)[0])
    assert program.parameters == parameters  # the order in which the graph meets them
    assert program().shape == (1,)
    mean_, gradient = program.value_and_gradient()
    assert gradient.shape == (3,)
    assert program(np.zeros((4, 0))).tolist() == [mean_] * 4


def test_inputs_that_do_not_matter_have_no_gradient():
    a, b, w = values(3)
    program = compile(a * w, [a, b], [w])
    assert program.gradients([[2.0, 7.0]], "inputs").tolist() == [[w.data, 0.0]]
    assert program([[2.0, 7.0], [2.0, -7.0]]).tolist() == [2.0 * w.data] * 2


def test_outputs_that_are_leaves_or_constants():
    a, w, c = values(3)
    constant = (Value(2.0) * 3.0).exp()
    program = compile([a, w, c, constant, a], [a], [w])
    expected = [[x, w.data, c.data, constant.data, x] for x in (4.0, 5.0)]
    np.testing.assert_allclose(program([[4.0], [5.0]]), expected, rtol=1e-15)
    for output, (by_a, by_w) in enumerate([(1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.0, 0.0), (1.0, 0.0)]):
        assert program.gradients([[4.0]], [a, w], output).tolist() == [[by_a, by_w]]
        assert program.value_and_gradient([[4.0], [5.0]], output)[1].tolist() == [by_w]


def test_leaves_that_are_neither_inputs_nor_parameters_are_constants():
    a, w, c = values(3)
    program = compile(a * w + c, [a], [w])
    c.data = 100.0
    assert program([[0.0]])[0] != 100.0


def test_with_respect_to():
    a, b, w, v = values(4)
    program = compile(a * a * w + b * v, [a, b], [w, v])
    X = [[2.0, 3.0], [-1.0, 0.5]]
    assert program.gradients(X).tolist() == [[4.0, 3.0], [1.0, 0.5]]
    inputs = program.gradients(X, "inputs")
    np.testing.assert_allclose(inputs, [[4.0 * w.data, v.data], [-2.0 * w.data, v.data]])
    assert program.gradients(X, "parameters").tolist() == program.gradients(X).tolist()
    np.testing.assert_array_equal(program.gradients(X, [v, a, v])[:, 1], inputs[:, 0])
    np.testing.assert_array_equal(program.gradients(X, b)[:, 0], inputs[:, 1])
    assert program.gradients(X, []).shape == (2, 0)
    assert program.gradients(np.zeros((0, 2)), "inputs").shape == (0, 2)
    program.weights = [10.0, 20.0]
    assert program.gradients(X, "inputs").tolist() == [[40.0, 20.0], [-20.0, 20.0]]


def test_gradients_of_one_output_are_free_of_the_infinities_of_another():
    a, b = values(2)
    program = compile([(a + 2.0).log(), (b + 2.0).sqrt()], [a, b])
    with np.errstate(all="ignore"):
        assert program.gradients([[-1.0, -2.0]], "inputs", 0).tolist() == [[1.0, 0.0]]
        assert program.gradients([[-1.0, -2.0]], "inputs", 1).tolist() == [[0.0, math.inf]]
    a, b, c, d = values(4)
    sums = [a + b - c, b + c - d, c + d - a]  # one group, of which one output needs the first and the last
    outputs = [sums[0].exp() * sums[2].exp(), sums[1].exp() + sums[0]]
    outputs[0].backward()
    _, gradient = compile(outputs, [], [a, b, c, d]).value_and_gradient()
    np.testing.assert_allclose(gradient, [a.grad, b.grad, c.grad, d.grad], rtol=1e-12, atol=1e-15)


def test_gradients_of_some_of_a_group_that_lie_unevenly():
    def function(inputs, _parameters):
        places = [0, 1, 3, 2, 4]  # so that what goes to those of the first output lies evenly, and they do not
        differences = [inputs[place] - inputs[i + 5] for i, place in enumerate(places)]
        return [differences[0].exp() * differences[1].exp() * differences[3].exp(), sum(d.exp() for d in differences)]

    close_to_eager(function, 10, [], 4)


KINKS = {
    "relu": lambda a, b: a.relu(),
    "abs": lambda a, b: abs(a),
    "leaky_relu": leaky_relu,
    "maximum": lambda a, b: a.maximum(b),
    "minimum": lambda a, b: a.minimum(b),
    "hypot": lambda a, b: a.hypot(b),
    "**": lambda a, b: a**b,
}


@pytest.mark.parametrize("name", KINKS)
@pytest.mark.parametrize(("x", "y"), [(0.0, 0.25), (1.5, 1.5), (0.0, 1.0), (2.0, 0.0), (0.0, 0.0)])
def test_at_kinks_and_ties_the_convention_is_that_of_values(name, x, y):
    a, b = Value(x), Value(y)
    output = KINKS[name](a, b)
    output.backward()
    program = compile(KINKS[name](*(leaves := [Value(0.5), Value(0.75)])), leaves, [])
    assert program([[x, y]])[0] == pytest.approx(output.data, rel=1e-15)
    assert program.gradients([[x, y]], "inputs")[0] == pytest.approx([a.grad, b.grad], rel=1e-15, nan_ok=True)


def test_training_by_replay_is_training_by_values():
    model = MLP(2, [8, 1], seed=0)
    twin = MLP(2, [8, 1], seed=0)
    x, y = values(2), Value(0.0)
    program = compile((model(x) - y) ** 2, [*x, y], model.parameters())
    X = NUMBERS.uniform(-1.0, 1.0, (6, 3))
    for _ in range(100):
        _, gradient = program.value_and_gradient(X)
        program.weights -= 0.05 * gradient
        loss = mean((twin(row[:2]) - row[2]) ** 2 for row in X.tolist())
        twin.zero_grad()
        loss.backward()
        for parameter in twin.parameters():
            parameter.data -= 0.05 * parameter.grad
    program.to_values()
    trained = [parameter.data for parameter in model.parameters()]
    assert trained == pytest.approx([parameter.data for parameter in twin.parameters()], rel=1e-9, abs=1e-12)
    assert [p.grad for p in model.parameters()] == pytest.approx(gradient.tolist(), rel=1e-15)
    model.parameters()[0].data = 7.0
    program.from_values()
    assert program.weights[0] == 7.0


def test_a_gradient_belongs_to_the_one_who_asked():
    a, w = values(2)
    program = compile(a * w, [a], [w])
    _, first = program.value_and_gradient([[2.0]])
    _, second = program.value_and_gradient([[3.0]])
    assert (first.tolist(), second.tolist()) == ([2.0], [3.0])
    second *= 0.0
    program.to_values()
    assert w.grad == 3.0


def test_in_float32_results_are_float32():
    a, w = values(2)
    program = compile((a * w).tanh(), [a], [w], dtype="float32")
    assert program([[1.0]]).dtype == program.weights.dtype == program.gradients([[1.0]]).dtype == np.float32
    assert program.value_and_gradient([[1.0]])[1].dtype == np.float32


@pytest.mark.parametrize("order", ["xdn", "dxn", "nxd", "ndx"])
def test_a_scaled_gradient_goes_to_all_parts_of_a_sum(order):
    """The gradient of the sum is multiplied by a number once, and read by a matrix product and by single terms."""
    w, x = [Value(0.3), Value(-0.4)], [Value(0.5), Value(0.7), Value(0.9), Value(-0.2)]

    def function(w, x):
        parts = {"x": [x[2].sin()], "d": [w[0] * x[0], w[1] * x[1]], "n": [-x[3].cos()]}
        first, *others = [term for name in order for term in parts[name]]
        return 3.0 * sum(others, start=first)

    program = compile(function(w, x), x, w)
    rows = np.random.default_rng(0).uniform(-1.0, 1.0, (3, 4))
    for row, by_inputs, by_weights in zip(rows.tolist(), program.gradients(rows, "inputs"), program.gradients(rows)):
        leaves = [Value(number) for number in row]
        weights = [Value(number.data) for number in w]
        function(weights, leaves).backward()
        assert by_inputs.tolist() == pytest.approx([leaf.grad for leaf in leaves], rel=1e-14)
        assert by_weights.tolist() == pytest.approx([weight.grad for weight in weights], rel=1e-14)
    expected = program.gradients(rows).mean(axis=0).tolist()
    assert program.value_and_gradient(rows)[1].tolist() == pytest.approx(expected, rel=1e-14)

"""detect_anomaly in everything that differentiates: grad and its kin, gradients as graphs, programs and training."""

import math
import threading

import numpy as np
import pytest

import engine
from engine import (
    Value,
    compile,
    detect_anomaly,
    directional_derivative,
    exp,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    log,
    relu,
    sqrt,
    tanh,
    value_and_grad,
)
from engine.compiler.eager import evaluated
from engine.node import WATCH
from nn import MLP

KINDS = [
    grad,
    value_and_grad,
    jacobian,
    hessian,
    lambda f: grad(grad(f)),
    lambda f: lambda x: hvp(f, x, 1.0),
    lambda f: lambda x: directional_derivative(f, x, 1.0),
    lambda f: lambda x: grad(f)(Value(x, label="x")),
    lambda f: lambda x: gradients(f(v := Value(x)), [v]),
]


@pytest.mark.parametrize("differentiated", KINDS)
@pytest.mark.parametrize(
    ("f", "at", "said"),
    [
        (lambda x: x * 1e200 * 1e200, 1.0, r"\* gave inf"),
        (sqrt, 0.0, "gave inf"),
        (lambda x: sqrt(x) * 3, 0.0, "backward through sqrt gave inf|gave inf"),
        (lambda x: (x * x + x) ** 0.5, 0.0, r"backward through \*\* gave inf|gave inf"),
    ],
)
def test_derivatives_are_watched(differentiated, f, at, said):
    with pytest.raises(FloatingPointError, match=said), detect_anomaly():
        differentiated(f)(at)
    assert WATCH.watchers == 0


@pytest.mark.parametrize("differentiated", KINDS)
def test_what_is_well_raises_nothing(differentiated):
    f = lambda x: sqrt(relu(x) + 0.5) + tanh(x) * exp(-x) + 0.0 * x  # noqa: E731
    for x in (-1.0, 0.5):
        with detect_anomaly():
            watched = differentiated(f)(x)
        plain = differentiated(f)(x)
        assert str(watched) == str(plain)


def test_an_infinite_local_derivative_that_nothing_reaches_is_no_anomaly():
    w = Value(0.0)
    with detect_anomaly():
        assert grad(grad(lambda x: sqrt(w) * x * x))(2.0).data == 0.0
        assert grad(lambda x: sqrt(x.detach()) + x)(0.0) == 1.0


# ------------------------------------------------------------------------------------------------------------ programs


def quotient():
    """A program that divides: infinite where its second input is 0."""
    x, z, w = Value(1.0, label="x"), Value(2.0, label="z"), Value(3.0, label="w")
    return compile(tanh(w * x / z), inputs=[x, z])


RUNS = [
    lambda program, X: program(X),
    lambda program, X: program.value_and_gradient(X),
    lambda program, X: program.gradients(X),
    lambda program, X: program.gradients(X, "inputs"),
    lambda program, X: program.run(np.asarray(X)),
]


@pytest.mark.parametrize("run", RUNS)
def test_programs_are_watched(run):
    program, X = quotient(), [[1.0, 2.0], [1.0, 0.0], [2.0, 1.0]]
    plain = run(program, X[::2])
    with pytest.raises(ZeroDivisionError, match=r"z = 0.0.*for the row"):
        run(program, X)
    with pytest.raises(FloatingPointError, match=r"row 1 of X: .*z = 0.0"), detect_anomaly():
        run(program, X)
    with detect_anomaly():
        watched = run(program, X[::2])
    for part, other in zip(watched, plain, strict=True):
        np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("run", [lambda f, X: f(X), lambda f, X: f.value_and_gradient(X), lambda f, X: f.gradients(X)])
def test_of_functions_that_compare_the_row_in_all_of_x_is_named(run):
    f = compile(lambda x: 1e308 * x if x > 0.0 else x)
    with pytest.raises(FloatingPointError, match=r"row 3 of X: .* gave inf"), detect_anomaly():
        run(f, [[-1.0], [-2.0], [0.5], [3.0]])


def test_of_some_rows_that_in_all_of_x_is_named():
    program, X = quotient(), np.array([[1.0, 2.0], [1.0, 0.0], [np.nan, 1.0]])
    with pytest.raises(FloatingPointError, match=r"row 1 of X: .*z = 0.0"), detect_anomaly():
        program.run(X, np.array([0, 0, 1]))
    with pytest.raises(ValueError, match="X: row 2 has NaN in column 0"):
        program.run(X, np.array([0, 2]))


def test_the_operation_and_its_operands_are_named():
    x, w = Value(1.0, label="x"), Value(1e200, label="w")
    program = compile(tanh(x * w), inputs=[x])  # the infinity does not show in the result
    assert program([[1e200]]).tolist() == [1.0]
    forward = r"row 1 of X: \* gave inf, from x = 1e\+200 and w = 1e\+200"
    with pytest.raises(FloatingPointError, match=forward), detect_anomaly():
        program([[1.0], [1e200]])
    p = Value(1.0, label="p")
    root = compile(sqrt(p) * w, inputs=[p])
    backward = r"row 0 of X: backward through sqrt gave inf, from p = 0\.0"
    with pytest.raises(FloatingPointError, match=backward), detect_anomaly():
        root.gradients([[0.0]], "inputs")


def test_weights_of_now_are_watched():
    program = quotient()
    program.weights[:] = 1e308
    with pytest.raises(FloatingPointError, match=r"\* gave inf, from w = 1e\+308 and x = 100.0"), detect_anomaly():
        program([[100.0, 1.0]])


def test_compiled_functions_and_users_primitives_are_watched():
    @engine.primitive(lambda x: 1.0 / x**2)
    def pole(x):
        return -1.0 / x if x else math.inf

    @compile
    def f(x):
        return pole(x) * 2.0

    f([[1.0], [2.0]])
    with pytest.raises(FloatingPointError, match=r"row 1 of X: "), detect_anomaly():
        f([[1.0], [0.0]])


def test_training_is_watched():
    def fitted():
        model = MLP(1, [3, 1], "tanh", seed=0)
        for parameter in model.layers[0].parameters():
            parameter.data *= 1e200
        return model.fit([[1.0], [2.0], [3.0], [1e200]] * 10, [1.0] * 40, epochs=1, learning_rate=0.1)

    fitted()  # tanh of infinity is 1
    with pytest.raises(FloatingPointError, match=r"gave -?inf"), detect_anomaly():
        fitted()


def test_kinks_in_programs_are_noted():
    x = Value(1.0, label="x")
    program = compile(relu(x), inputs=[x])
    with detect_anomaly(kinks=True) as found:
        program([[0.0], [1.0]])
    assert found.kinks == ["relu at its kink: x = 0.0"]


def test_described_nodes_of_many_operands_are_watched():
    x, y = Value(1.0), Value(2.0, label="y")
    with detect_anomaly(), pytest.raises(FloatingPointError, match=r"with respect to y = 2\.0 is inf"):
        Value(3.0, (x, x, y), (1.0, 1.0, math.inf)).backward()


def test_programs_of_other_threads_are_left_alone():
    program, results = quotient(), []
    program.weights[:] = 1e308
    with detect_anomaly():
        thread = threading.Thread(target=lambda: results.append(program([[100.0, 1.0]])))
        thread.start()
        thread.join()
    assert len(results) == 1


def test_a_record_evaluated_eagerly_is_the_graph():
    model = MLP(2, [3, 2], "gelu", seed=1)
    inputs = [Value(0.3, label="a"), Value(-0.7, label="b")]
    outputs = [*model(inputs), log(inputs[0] + 2.0), inputs[1], Value(2.0) * 3.0]
    program = compile(outputs, inputs)
    numbers = [0.3, -0.7, *program.weights.tolist()]
    again = evaluated(program.record, [""] * len(numbers), numbers)
    assert [node.data for node in again] == [node.data for node in outputs]

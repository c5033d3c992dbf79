"""Operations of a user's own: eager, in steps, differentiated again, replayed, and checked."""

import math

import pytest

import engine
from engine import Value, backprop, draw, exp, grad, gradcheck, primitive, stepper
from engine.derivatives import RULES
from engine.operations import OPERATIONS


@pytest.fixture
def cube():
    @primitive(lambda x: 3 * x**2)
    def cube(x):
        """x times x times x."""
        return x**3

    return cube


@pytest.fixture
def damped():
    @primitive(lambda a, b: b * exp(a * b), lambda a, b: a * exp(a * b))
    def damped(a, b):
        return math.exp(a * b)

    return damped


def test_eager(cube, damped):
    x, z = Value(2.0, label="x"), Value(0.3, label="z")
    y = cube(x) + damped(x, z) + damped(z, 2)
    y.backward()
    assert y.data == 8.0 + math.exp(0.6) + math.exp(0.6)
    assert x.grad == 12.0 + 0.3 * math.exp(0.6)
    assert z.grad == 2.0 * math.exp(0.6) + 2.0 * math.exp(0.6)
    assert cube(2) == 8.0
    assert cube.__doc__ == "x times x times x."


def test_steps_and_pictures_and_stepper(cube):
    x = Value(2.0, label="x")
    (step,) = backprop(cube(x))
    assert str(step).splitlines()[-1] == "dL/dx += 1 * cube'(x) = 1 * 12 = 12"
    assert r"\operatorname{cube{\prime}}" in step.latex
    assert "cube" in draw(cube(x)).source
    assert "cube" in stepper(cube(x)).html


def test_derivatives_of_derivatives(cube, damped):
    assert grad(grad(cube))(2.0) == 12.0
    assert grad(grad(grad(cube)))(2.0) == 6.0
    assert grad(lambda a: damped(a, a))(0.5) == pytest.approx(2 * 0.5 * math.exp(0.25))
    assert grad(grad(lambda a: damped(a, a)))(0.5) == pytest.approx((2 + 4 * 0.25) * math.exp(0.25))


def test_replay(cube, damped):
    x, w = Value(1.0), Value(0.5)
    program = engine.compile(cube(x) * w + damped(x, w), inputs=[x], parameters=[w])
    rows = [[1.0], [2.0], [-0.5]]
    values = program(rows)
    assert values.tolist() == pytest.approx([r**3 * 0.5 + math.exp(r * 0.5) for (r,) in rows], rel=1e-14)
    _, gradient = program.value_and_gradient(rows)
    assert gradient.tolist() == pytest.approx([sum(r**3 + r * math.exp(r * 0.5) for (r,) in rows) / 3], rel=1e-14)


def test_a_wrong_derivative_is_found():
    @primitive(lambda x: 2 * x)
    def wrong(x):
        return x**3

    with pytest.raises(
        engine.GradcheckError, match=r"the first operation that is off: wrong\(1\.3\).*: 2\.6, and diff"
    ):
        gradcheck(lambda x: engine.tanh(wrong(x)) * x, 1.3)


def test_a_cell_run_again_replaces_its_primitive(cube):
    @primitive(lambda x: 1.0)
    def cube(x):
        return x

    assert grad(cube)(2.0) == 1.0


def test_refusals(cube):
    with pytest.raises(TypeError, match="must be given one or two derivatives"):
        primitive()
    with pytest.raises(TypeError, match="must be given one or two derivatives"):
        primitive(3)
    with pytest.raises(ValueError, match="the engine has an operation 'tanh' already"):
        primitive(lambda x: 1.0)(engine.tanh)
    with pytest.raises(TypeError, match="must decorate a function with a name"):
        primitive(lambda x: 1.0)(lambda x: x)
    with pytest.raises(TypeError, match="cube takes 1 numbers, got 2"):
        cube(1.0, 2.0)
    with pytest.raises(TypeError, match="cube: one real number is wanted, not str"):
        cube("2")

    @primitive(lambda x: None)
    def nothing(x):
        return x

    with pytest.raises(TypeError, match="what the derivative of nothing returned"):
        nothing(Value(1.0))


@pytest.mark.parametrize("op", ["+", "neg", "abs", "tanh", "maximum"])
def test_applied_is_the_operation_of_that_name(op):
    operands = [Value(0.3), Value(0.7)][: len(RULES[op].derivatives)]
    assert OPERATIONS[op].apply(*operands).op == op

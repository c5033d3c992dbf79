"""Operations of a user's own: eager, in steps, differentiated again, replayed, and checked."""

import copy
import math
import pickle
import re

import numpy as np
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


def product(x, y):
    return x * y


def test_refusals(cube):
    with pytest.raises(TypeError, match="must be given one or two derivatives"):
        primitive()
    with pytest.raises(TypeError, match="must be given one or two derivatives"):
        primitive(3)
    with pytest.raises(ValueError, match="the engine has an operation 'tanh' already"):
        primitive(lambda x: 1.0)(engine.tanh)
    with pytest.raises(TypeError, match="must decorate a function with a name"):
        primitive(lambda x: 1.0)(lambda x: x)
    with pytest.raises(TypeError, match=r"got 2.0; write @primitive\(lambda x: ...\), with the derivative, above def"):
        primitive(math.cbrt)(2.0)  # @primitive alone above a function
    with pytest.raises(TypeError, match="cube must be given one number, got 2; @primitive takes a derivative for each"):
        cube(1.0, 2.0)
    with pytest.raises(TypeError, match="product must be given two numbers, got 1"):
        primitive(lambda x, y: y, lambda x, y: x)(product)(1.0)
    with pytest.raises(TypeError, match="cube must be one real number, got str"):
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


# ------------------------------------------------------------------------------------------------ two of one name


def times(k):
    """A factory: each call gives an operation named ``scaled``."""

    @primitive(lambda x: k + 0 * x)
    def scaled(x):
        return k * x

    return scaled


def test_two_of_one_name_never_mix():
    two, five = times(2.0), times(5.0)
    x = Value(3.0, label="x")
    y = two(x) * x + five(x)
    assert y.data == 33.0
    (slope,) = engine.gradients(y, [x])
    (curvature,) = engine.gradients(slope, [x])
    assert (slope.data, curvature.data) == (17.0, 4.0)
    assert grad(lambda v: two(v) * v + five(v))(3.0) == 17.0
    assert grad(grad(lambda v: two(v) * v + five(v)))(3.0) == 4.0
    y.backward()
    assert x.grad == 17.0
    program = engine.compile([y, slope], inputs=[x])
    assert program([[1.0], [3.0]]).tolist() == [[7.0, 9.0], [33.0, 17.0]]
    assert program.gradients([[1.0], [3.0]], with_respect_to="inputs").tolist() == [[9.0], [17.0]]
    gradcheck(lambda v: two(v) * v + five(v), 3.0)
    steps = [line for step in backprop(y) for line in str(step).splitlines()]
    assert [line.rsplit(" = ", 1)[1] for line in steps if "scaled" in line and "+=" in line] == ["5", "6"]
    assert len(re.findall(r">scaled<", draw(y).source)) == 2


def test_a_redefinition_leaves_graphs_and_programs_as_they_were():
    scaled = times(2.0)
    x = Value(3.0)
    y = scaled(x) * 1.5
    program = engine.compile(y, inputs=[x])
    scaled = times(5.0)
    assert scaled(x).data == 15.0
    assert engine.gradients(y, [x])[0].data == 3.0
    assert engine.compile(y, inputs=[x])([[4.0]]).tolist() == program([[4.0]]).tolist() == [12.0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda y: pickle.loads(pickle.dumps(y))])
def test_copies_keep_what_they_know(copied):
    """A copy in this process has the operation itself; one out of a file its numbers, and a clear error beyond."""
    x = Value(3.0)
    y = times(2.0)(x) + times(5.0)(x)
    again = copied(y)
    again.backward()
    (leaf,) = engine.leaves(again)
    assert (again.data, leaf.grad) == (21.0, 7.0)
    if copied is copy.deepcopy:
        assert engine.gradients(again, [leaf])[0].data == 7.0
    else:
        with pytest.raises(ValueError, match="scaled has numbers for derivatives and no rule"):
            engine.gradients(again, [leaf])


def test_a_name_of_the_engines_own_helpers_is_free():
    @primitive(lambda x: 7.0)
    def step(x):
        return 7.0 * x

    x = Value(2.0)
    y = step(x) + x.relu() * x
    again = pickle.loads(pickle.dumps(engine.gradients(y, [x])[0]))
    assert again.data == 7.0 + 4.0
    assert engine.compile(y, inputs=[x])([[3.0]]).tolist() == [30.0]
    assert pickle.loads(pickle.dumps(y)).operands[0].operation.primitive is None


# ------------------------------------------------------------------------------- derivatives that lose their operand


def own_sin(derivative):
    @primitive(derivative)
    def mysin(x):
        return math.sin(x)

    return mysin


@pytest.mark.parametrize(
    ("derivative", "how"),
    [
        (lambda x: math.cos(x), "float()"),  # noqa: PLW0108
        (lambda x: float(np.cos(float(x))), "float()"),
        (lambda x: math.cos(getattr(x, "data", x)), ".data"),
        (lambda x: math.cos(x.item() if isinstance(x, Value) else x), ".item()"),
        (lambda x: math.cos(2.0 * x / 2.0), "float()"),
        (lambda x: engine.cos(x) if x > 0.0 else 1.0, ">"),
        (lambda x: engine.cos(max(x, -100.0)), "<"),
        (lambda x: engine.cos(x) if x else 1.0, "!="),
    ],
)
def test_a_derivative_that_takes_a_number_out_is_refused_as_a_graph(derivative, how):
    mysin = own_sin(derivative)
    assert grad(mysin)(2.0) == math.cos(2.0)  # of floats
    with pytest.raises(TypeError, match=rf"the derivative of mysin .*{re.escape(how)}.*engine\."):
        grad(grad(mysin))(2.0)
    x = Value(2.0)
    with pytest.raises(TypeError, match="the derivative of mysin"):
        engine.gradients(mysin(x), [x])


@pytest.mark.parametrize(
    ("derivative", "second"),
    [
        (lambda x: np.cos(x), -math.sin(2.0)),  # noqa: PLW0108
        (lambda x: engine.cos(x), -math.sin(2.0)),  # noqa: PLW0108
        (lambda x: engine.cos(x) if repr(x) + f"{x:g}" else 0.0, -math.sin(2.0)),
        (lambda x: 2.0, 0.0),
        (lambda x: 2, 0.0),
        (lambda x: np.float64(2.0), 0.0),
        (lambda x: -0.25 * x * x, -1.0),
    ],
)
def test_derivatives_of_arithmetic_and_plain_numbers_stay_right(derivative, second):
    assert grad(grad(own_sin(derivative)))(2.0) == pytest.approx(second, rel=1e-15)


def test_a_number_out_of_another_value_is_meant():
    k = Value(3.0)
    mysin = own_sin(lambda x: k.data * x if k > 0.0 else 0.0)
    assert grad(grad(mysin))(2.0) == 3.0


def test_a_plain_number_beside_the_operand_may_be_read():
    @primitive(lambda x, n: float(n) * x ** (float(n) - 1.0), lambda x, n: 0.0)
    def whole_power(x, n):
        return x**n

    assert grad(grad(lambda x: whole_power(x, 3.0)))(2.0) == 12.0


@primitive(grad(lambda y: y**3))
def cubed(x):
    return x * grad(lambda y: y * x**2)(x)


DIFFERENTIATED = {
    "grad": (lambda: grad(cubed)(2.0), 12.0),
    "jacobian": (lambda: engine.jacobian(cubed)(2.0), 12.0),
    "hessian": (lambda: engine.hessian(cubed)(2.0), 12.0),
    "grad beside another": (lambda: grad(lambda x: grad(cubed)(x) * x)(2.0), 36.0),
    "program": (lambda: engine.compile(cubed).gradients([[2.0]], with_respect_to="inputs").item(), 12.0),
    "program of grad": (lambda: engine.compile(grad(cubed))([[2.0]]).item(), 12.0),
}


@pytest.mark.parametrize("way", DIFFERENTIATED)
def test_a_primitive_may_differentiate_inside_and_is_given_floats(way):
    found, expected = DIFFERENTIATED[way]
    assert found() == pytest.approx(expected, rel=1e-15)


class WrongError(ValueError):
    def __init__(self, number, reason):
        super().__init__(f"{number} is {reason}")


@pytest.mark.parametrize("kind", [ValueError, ZeroDivisionError, lambda words: WrongError(words, "wrong")])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_error_of_a_primitive_in_a_program_names_the_row(kind, dtype):
    @primitive(lambda x: 1.0 / x)
    def picky(x):
        if x < 0.0:
            raise kind("negative")
        return math.log(x)

    program = engine.compile(picky, dtype=dtype)
    for run in (program, program.value_and_gradient, lambda X: program.gradients(X, "inputs")):
        with pytest.raises((ValueError, ArithmeticError), match=r"^negative") as caught:
            run([[1.0], [-1.0], [2.0]])
        told = [str(caught.value), *getattr(caught.value, "__notes__", ())]
        assert any(text.endswith("for the row [-1.0] of X") for text in told)

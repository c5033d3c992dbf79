"""Derivatives of functions: the forms that they take and give, any order, and what closures must not confuse."""

import copy
import math
import re
import statistics
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, namedtuple
from contextlib import suppress
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import pytest

import engine
from engine import (
    Value,
    directional_derivative,
    draw,
    exp,
    grad,
    hessian,
    hvp,
    jacobian,
    leaves,
    log,
    sin,
    tanh,
    value_and_grad,
)
from engine.node import WATCH

Point = namedtuple("Point", "x y")


def cubic(v):
    """A polynomial of two numbers; gradient (2 a b, a**2 + 3 b**2)."""
    a, b = v
    return a**2 * b + b**3


# ------------------------------------------------------------------------------------------------------ forms


def test_grad_of_a_number_is_a_float():
    result = grad(lambda x: x**3)(2)
    assert type(result) is float
    assert result == 12.0


def test_grad_of_a_value_is_a_value_that_depends_on_it():
    x = Value(2.0, label="x")
    slope = grad(lambda x: x**3)(x)
    assert isinstance(slope, Value)
    assert slope.data == 12.0
    slope.backward()
    assert x.grad == 12.0  # 6 x


@pytest.mark.parametrize(
    ("at", "f", "expected"),
    [
        ([2.0, 3.0], cubic, [12.0, 31.0]),
        ((2.0, 3.0), cubic, (12.0, 31.0)),
        (Point(2.0, 3.0), cubic, Point(12.0, 31.0)),
        ({"a": 2.0, "b": 3.0}, lambda p: cubic((p["a"], p["b"])), {"a": 12.0, "b": 31.0}),
        ({"b": [3.0, (2.0,)], "c": []}, lambda p: cubic((p["b"][1][0], p["b"][0])), {"b": [31.0, (12.0,)], "c": []}),
        ([5, {"unused": 7}], lambda p: p[0] * 2, [2.0, {"unused": 0.0}]),
    ],
)
def test_grad_has_the_form_of_the_argument(at, f, expected):
    result = grad(f)(at)
    assert result == expected
    assert type(result) is type(expected)


class Named(dict):
    __getattr__ = dict.__getitem__


@pytest.mark.parametrize(
    ("at", "f", "expected"),
    [
        (OrderedDict(b=3.0, a=2.0), lambda p: p.move_to_end("b") or cubic(p.values()), OrderedDict(b=31.0, a=12.0)),
        (defaultdict(float, a=2.0), lambda p: p["a"] ** 2 + p["nothing"], defaultdict(float, a=4.0)),
        (Counter(a=2), lambda p: p["a"] ** 2 + p["nothing"], Counter(a=4.0)),
        (Named(a=2.0, b=Named(c=3.0)), lambda p: cubic((p.a, p.b.c)), Named(a=12.0, b=Named(c=31.0))),
    ],
    ids=["OrderedDict", "defaultdict", "Counter", "Named"],
)
def test_a_kind_of_dict_stays_what_it_is(at, f, expected):
    before = at.copy()
    result = grad(f)(at)
    assert result == expected
    assert type(result) is type(expected)
    assert at == before


class Assigned(dict):
    """A dict with an attribute that is the number of an item, as it was once."""

    def __init__(self, a):
        dict.__init__(self, a=a)
        self.a = a


class SlotsAlone(dict):
    __slots__ = ("a",)
    __init__ = Assigned.__init__


class Itself(dict):
    """A dict that is its own attributes."""

    def __init__(self, **items):
        super().__init__(items)
        self.__dict__ = self


@pytest.mark.parametrize("kind", [Assigned, SlotsAlone, Itself])
def test_attributes_of_a_dict_do_not_stand_in_for_its_items(kind):
    with pytest.raises(AttributeError, match="no attribute 'a'"):
        grad(lambda p: p.a**2)(kind(a=2.0))


def test_grad_of_an_array_is_an_array():
    at = np.array([[1.0, 2.0], [3.0, 4.0]])
    result = grad(lambda m: (m * m).sum())(at)
    assert result.dtype == float
    np.testing.assert_array_equal(result, 2.0 * at)
    np.testing.assert_array_equal(at, [[1.0, 2.0], [3.0, 4.0]])


def test_grad_of_a_numpy_scalar_and_of_an_array_of_no_axis():
    assert grad(lambda x: x * x)(np.float64(3.0)) == 6.0
    assert grad(lambda x: x * x)(np.array(3.0)) == 6.0


def test_argnums_choose_the_arguments():
    f = lambda x, y, z: x * y**2 * z  # noqa: E731
    assert grad(f, argnums=1)(2.0, 3.0, 5.0) == 60.0
    assert grad(f, argnums=-1)(2.0, 3.0, 5.0) == 18.0
    assert grad(f, argnums=(2, 0))(2.0, 3.0, 5.0) == (18.0, 45.0)
    assert grad(f, argnums=[1])(2.0, 3.0, 5.0) == (60.0,)


def test_other_arguments_come_as_they_are():
    def f(x, power, *, scale):
        assert type(power) is int
        assert type(scale) is str
        return x**power * float(scale)

    assert grad(f)(2.0, 3, scale="10") == 120.0


def test_value_and_grad_gives_both():
    assert value_and_grad(cubic)([2.0, 3.0]) == (39.0, [12.0, 31.0])
    assert value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0) == (6.0, (3.0, 2.0))
    assert type(value_and_grad(cubic)([2.0, 3.0])[0]) is float


def test_has_aux_hands_more_through():
    f = lambda x: (x * x, {"twice": 2 * x.data})  # noqa: E731
    assert grad(f, has_aux=True)(3.0) == (6.0, {"twice": 6.0})
    assert value_and_grad(f, has_aux=True)(3.0) == ((9.0, {"twice": 6.0}), 6.0)
    frame = SimpleNamespace(shape=(2,))  # of a library that the engine does not know
    assert grad(lambda x: (x, frame), has_aux=True)(3.0) == (1.0, frame)


def test_a_constant_function_has_the_gradient_0():
    assert grad(lambda v: 3.0)([1.0, 2.0]) == [0.0, 0.0]
    assert value_and_grad(lambda v: 3)([1.0]) == (3.0, [0.0])
    assert grad(grad(lambda x: 2.0 * x))(5.0) == 0.0
    assert grad(lambda x: Value(4.0) * 2)(1.0).data == 0.0


def test_grad_keeps_the_name_of_the_function():
    assert grad(cubic).__name__ == "cubic"
    assert grad(cubic).__doc__ == cubic.__doc__


def test_jacobian_of_lists_dicts_and_numbers():
    assert jacobian(lambda v: [v[0] * v[1], v[0] + 3 * v[1]])([2.0, 5.0]) == [[5.0, 2.0], [1.0, 3.0]]
    assert jacobian(lambda x: {"square": x * x, "none": 1.0})(3.0) == {"square": 6.0, "none": 0.0}
    assert jacobian(lambda p: (p["a"] * 2, p["b"]))({"a": 1.0, "b": 2.0}) == (
        {"a": 2.0, "b": 0.0},
        {"a": 0.0, "b": 1.0},
    )
    assert jacobian(lambda x, y: [x * y], argnums=1)(2.0, 3.0) == [2.0]


def test_jacobian_of_arrays_is_a_matrix():
    matrix = np.arange(6.0).reshape(3, 2)
    found = jacobian(lambda v: matrix @ v)(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(found, matrix)
    assert jacobian(lambda m: m.sum(axis=0))(np.ones((2, 3))).shape == (3, 2, 3)


def test_hessian_is_symmetric_and_right():
    assert hessian(cubic)([2.0, 3.0]) == [[6.0, 4.0], [4.0, 18.0]]
    assert hessian(lambda x: x**3)(2.0) == 12.0
    assert hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 3.0, "b": 5.0}) == {
        "a": {"a": 10.0, "b": 6.0},
        "b": {"a": 6.0, "b": 0.0},
    }
    np.testing.assert_array_equal(hessian(lambda v: (v**3).sum())(np.array([1.0, 2.0])), [[6.0, 0.0], [0.0, 12.0]])
    assert hessian(lambda x, y: x * y**3, argnums=1)(2.0, 3.0) == 36.0


def test_hvp_is_the_hessian_times_the_vector():
    assert hvp(cubic, [2.0, 3.0], [1.0, 10.0]) == [46.0, 184.0]
    assert hvp(lambda x: x**3, 2.0, 0.5) == 6.0
    np.testing.assert_array_equal(
        hvp(lambda v: (v**3).sum(), np.array([1.0, 2.0]), np.array([1.0, -1.0])), [6.0, -12.0]
    )


def compile_numbers(f):
    compiled = engine.compile(f)
    return lambda *numbers: compiled([numbers]).item()


@pytest.mark.parametrize("through", [lambda f: f, compile_numbers])
def test_along_a_direction_of_zero_even_an_infinite_slope_hands_nothing_on(through):
    def of_root(v):
        return engine.sqrt(v[0]) + v[1] ** 2

    def of_power(v):
        return v[0] ** 1.5 + v[1] ** 2

    at, along = [0.0, 1.0], [0.0, 1.0]
    assert through(lambda *v: directional_derivative(of_root, v[:2], v[2:]))(*at, *along) == 2.0
    second = through(lambda *v: directional_derivative(grad(of_power), v[:2], v[2:])[1])
    assert second(*at, *along) == hvp(of_power, at, along)[1] == 2.0
    assert through(lambda x, along: directional_derivative(engine.sqrt, x, along))(0.0, 0.0) == 0.0


def test_directional_derivative_is_the_jacobian_times_the_direction():
    assert directional_derivative(cubic, [2.0, 3.0], [1.0, 10.0]) == 322.0
    f = lambda v: {"product": v[0] * v[1], "sum": [v[0] + v[1]], "none": 1.0}  # noqa: E731
    assert directional_derivative(f, [2.0, 3.0], [10.0, 1.0]) == {"product": 32.0, "sum": [11.0], "none": 0.0}


def test_vectors_are_matched_by_keys_and_not_by_their_order():
    f = lambda p: p["a"] ** 2 * p["b"]  # noqa: E731
    at = {"a": 3.0, "b": 5.0}
    assert hvp(f, at, {"b": 1.0, "a": 0.0}) == {"a": 6.0, "b": 0.0}
    assert directional_derivative(f, at, {"b": 1.0, "a": 0.0}) == 9.0


def test_a_list_may_be_the_vector_of_an_array():
    np.testing.assert_array_equal(hvp(lambda v: (v**3).sum(), np.array([1.0, 2.0]), [1.0, 0.0]), [6.0, 0.0])


# ------------------------------------------------------------------------------------------------- any order


@pytest.mark.parametrize("x", [-2.0, -0.3, 0.0, 0.5, 3.0])
@pytest.mark.parametrize("order", range(1, 6))
def test_tanh_to_order_5(x, order):
    f = tanh
    for _ in range(order):
        f = grad(f)
    with mp.workdps(50):
        exact = float(mp.taylor(mp.tanh, mp.mpf(x), order)[order] * mp.factorial(order))
    assert f(x) == pytest.approx(exact, rel=1e-13, abs=1e-13)


def test_mixed_orders_of_two_variables():
    f = lambda x, y: sin(x * y) * exp(x - y)  # noqa: E731
    with mp.workdps(40):
        exact = mp.diff(lambda x, y: mp.sin(x * y) * mp.exp(x - y), (0.7, 0.4), (2, 1))
    assert grad(grad(grad(f, 1), 0), 0)(0.7, 0.4) == pytest.approx(float(exact), rel=1e-13)
    assert grad(grad(grad(f, 0), 1), 0)(0.7, 0.4) == pytest.approx(float(exact), rel=1e-13)


def test_hessian_of_a_gradient_and_jacobian_of_a_hessian():
    third = jacobian(hessian(cubic))([2.0, 3.0])
    assert third == [[[0.0, 2.0], [2.0, 0.0]], [[2.0, 0.0], [0.0, 6.0]]]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4])
def test_powers_at_0_end_where_the_polynomial_does(n):
    f = lambda x: x**n  # noqa: E731
    for order in range(6):
        assert f(0.0) == (math.factorial(n) if order == n else 0.0)
        f = grad(f)


# ---------------------------------------------------------------------------------------------------- closures


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda x: x * grad(lambda y: x * y)(2.0), 6.0),
        (lambda x: x * grad(lambda y: x + y)(1.0), 1.0),
        (lambda x: grad(lambda y: x * y)(x), 1.0),
        (lambda x: grad(lambda y: x * y * y)(x), 12.0),
        (lambda x: grad(lambda y: y * grad(lambda z: x * y * z)(y))(x), 12.0),
        (lambda x: x * grad(lambda y: y**2 * grad(lambda z: z * y * x)(x))(x), 324.0),
        (lambda x: x * grad(lambda x: x * grad(lambda x: x**4)(x))(x), 1728.0),
        (lambda x: value_and_grad(lambda y: x * y)(x)[0], 6.0),
        (lambda x: jacobian(lambda v: [v[0] * x, v[1] * v[0]])([x, x * x])[0][0], 1.0),
        (lambda x: hvp(lambda y: x * y**3, x, 1.0), 6.0 * 2 * 3.0),
        (lambda x: hvp(lambda y: y**3, 2.0, x), 12.0),
        (lambda x: directional_derivative(lambda y: x * y * y, x, x), 6.0 * 9.0),
        (lambda x: grad(lambda y: x)(x) + x, 1.0),
        (lambda x: grad(lambda a, b: a * b, argnums=(0, 1))(x, x)[0], 1.0),
        (lambda x: grad(lambda a, b: a * a * b, argnums=(0, 1))(x, x * x)[1], 6.0),
    ],
)
def test_perturbations_are_not_confused(f, expected):
    """Siskind and Pearlmutter (2005): a derivative counts the ways through its own variable only."""
    assert grad(f)(3.0) == pytest.approx(expected, rel=1e-15)


def test_a_value_that_the_function_also_closes_over_counts_once():
    x = Value(3.0)
    assert grad(lambda y: x * y)(x).data == 3.0
    assert [g.data for g in grad(lambda a, b: a * b * b, argnums=(0, 1))(x, x)] == [9.0, 18.0]


def test_signed_zeros_come_through_nesting():
    seen = []
    grad(lambda x: 1.0 * grad(lambda y: seen.append(y.data) or y * y)(x))(-0.0)
    assert math.copysign(1.0, seen[0]) == -1.0


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda w: grad(lambda x: w * x * x)(2.0), 4.0),
        (lambda w: grad(grad(lambda x: w * x**3))(2.0), 12.0),
        (lambda w: grad(lambda x, p: p["w"] * x * x)(2.0, {"w": w}), 4.0),
        (lambda w: value_and_grad(lambda x: w * x * x)(2.0)[0], 4.0),
        (lambda w: jacobian(lambda x: [x, w * w * x])(2.0)[1], 6.0),
        (lambda w: hessian(lambda v: w * v[0] * v[1])([1.0, 2.0])[0][1], 1.0),
        (lambda w: hvp(lambda x: w * x**3, 2.0, 1.0), 12.0),
        (lambda w: directional_derivative(lambda x: w * x * x, 2.0, 0.5), 2.0),
    ],
)
def test_a_derivative_can_be_differentiated_by_the_parameters_that_the_function_uses(f, expected):
    w = Value(3.0)
    (f(w) + w).backward()
    assert w.grad == 1.0 + expected


def test_a_parameter_that_is_detached_leaves_derivatives_plain_numbers():
    assert grad(lambda x: Value(3.0).detach() * x)(2.0) == 3.0


def test_parameters_that_are_closed_over_keep_their_gradients():
    w, b = Value(2.0, label="w"), Value(1.0, label="b")
    (w * 5.0 + b).backward()
    assert grad(lambda x: tanh(w * x + b) * w)(0.3).data == pytest.approx(2.0 * 2.0 / math.cosh(1.6) ** 2, rel=1e-15)
    hessian(lambda v: v[0] * w * v[1] ** 2)([1.0, 2.0])
    hvp(lambda v: v * w * v, 1.0, 2.0)
    assert (w.data, w.grad, b.data, b.grad) == (2.0, 5.0, 1.0, 1.0)


def test_an_argument_that_is_a_value_keeps_its_gradient_and_its_label():
    x = Value(2.0, label="speed")
    x.grad = 7.0
    assert grad(lambda v: v * v)(x).data == 4.0
    assert (x.grad, x.label) == (7.0, "speed")
    with pytest.raises(ValueError, match=r"log\(speed\): speed = -1.0"):
        grad(log)(Value(-1.0, label="speed"))


def test_an_error_inside_of_the_function_leaves_no_trace():
    with pytest.raises(ValueError, match="log"):
        grad(log)(-1.0)
    assert type(grad(lambda x: x * x)(3.0)) is float  # and not a Value, as inside of another grad


# ------------------------------------------------------------------------------------------------ gradients


@pytest.fixture
def weight():
    """A parameter, an input, and a loss made of them."""
    w, x = Value(0.5, label="w"), Value(2.0, label="x")
    return w, x, (tanh(w * x) - 1.0) ** 2


def test_gradients_are_values_with_the_numbers_of_plain_backward(weight):
    _w, _x, loss = weight
    nodes = [v for v in engine.topological_order(loss) if v.op != "constant"]
    found = [g.data for g in engine.gradients(loss, nodes)]
    assert all(v.grad == 0.0 for v in nodes)
    loss.backward()
    assert found == pytest.approx([v.grad for v in nodes], rel=1e-15)


def test_gradients_of_a_leaf_below_another_input_are_total():
    """As in PyTorch: w counts in full, and not only what does not go through h."""
    w = Value(0.5)
    h = w * w
    loss = h * w + h.exp()
    by_w, by_h = engine.gradients(loss, [w, h])
    assert by_h.data == w.data + math.exp(0.25)
    assert by_w.data == pytest.approx(3 * 0.25 + 2 * 0.5 * math.exp(0.25))
    assert engine.gradients(loss, [h, w])[1].data == by_w.data
    assert [g.data for g in engine.gradients(loss, [loss, w, w])] == [1.0, by_w.data, by_w.data]


def test_a_function_of_two_arguments_that_depend_on_each_other():
    """Each argument is a Value of that call, however it was made."""
    both = lambda a, b: a * b + b  # noqa: E731
    outer = lambda u: sum(grad(both, argnums=(0, 1))(u, u * u))  # noqa: E731
    assert grad(outer)(3.0) == 1.0 + 2.0 * 3.0  # of u + 1 + u**2
    x = Value(2.0)
    a, b = grad(both, argnums=(0, 1))(x, x)
    assert (a.data, b.data) == (2.0, 3.0)


def test_gradients_can_be_differentiated_and_drawn(weight):
    w, x, loss = weight
    (slope,) = engine.gradients(loss, [w])
    assert set(leaves(slope)) == {w, x}
    assert "tanh" in draw(slope).source
    slope.backward()
    f = lambda w, x: (mp.tanh(w * x) - 1) ** 2  # noqa: E731
    assert w.grad == pytest.approx(float(mp.diff(f, (0.5, 2), (2, 0))), rel=1e-12)
    assert x.grad == pytest.approx(float(mp.diff(f, (0.5, 2), (1, 1))), rel=1e-12)


def test_gradients_of_a_leaf_of_others_and_times_a_number(weight):
    w, x, loss = weight
    once = engine.gradients(loss, [w])[0].data
    assert engine.gradients(loss, [w], gradient=-3.0)[0].data == pytest.approx(-3.0 * once, rel=1e-15)
    alone = Value(4.0)
    assert [g.data for g in engine.gradients(alone, [alone, w])] == [1.0, 0.0]
    twice = engine.gradients(loss, [x], gradient=alone)[0]
    assert engine.gradients(twice, [alone])[0].data == pytest.approx(engine.gradients(loss, [x])[0].data, rel=1e-15)


def test_backward_says_where_gradients_that_are_values_come_from(weight):
    w, _, loss = weight
    with pytest.raises(TypeError, match=r"engine.gradients\(y, \[x\]\) returns gradients that are Values"):
        loss.backward(create_graph=True)
    for call in (loss.backward, lambda **options: engine.backward(loss, **options)):
        for kept in (True, False):
            with pytest.raises(
                TypeError, match=r"retain_graph must be left out: graphs are kept anyway; call backward"
            ):
                call(retain_graph=kept)
    assert w.grad == 0.0


@pytest.mark.parametrize(
    ("output", "inputs", "gradient"), [(1.0, [], 1.0), (Value(1.0), [2.0], 1.0), (Value(1.0), [], "1")]
)
def test_gradients_of_something_else_are_refused(output, inputs, gradient):
    with pytest.raises(
        TypeError, match=r"output must be a Value|inputs must be Values|gradient must be one real number"
    ):
        engine.gradients(output, inputs, gradient=gradient)


# --------------------------------------------------------------------------------------------------- wrong use


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: grad(lambda x: [x, x])(1.0), TypeError, r"<lambda> must return one Value here, got list"),
        (lambda: grad(lambda x: None)(1.0), TypeError, "must return one Value here, got NoneType"),
        (lambda: grad(lambda x: "x")(1.0), TypeError, "must return one Value here, got str 'x'"),
        (lambda: hessian(lambda v: v)([1.0, 2.0]), TypeError, "must return one Value here, got list"),
        (lambda: jacobian(lambda x: [x, "x"])(1.0), TypeError, "must return one Value here, got str 'x'"),
        (lambda: grad(cubic)("ab"), TypeError, "an argument of cubic must be one real number, got str 'ab'"),
        (lambda: grad(cubic)([1.0, None]), TypeError, "an argument of cubic must be one real number, got NoneType"),
        (lambda: grad(cubic)([1.0, 1j]), TypeError, "an argument of cubic must be one real number, got complex"),
        (lambda: grad(3), TypeError, "f must be a function, got int 3"),
        (lambda: hessian(Value(3.0)), TypeError, "f must be a function, got Value.*gradients differentiates a Value"),
        (lambda: jacobian(None), TypeError, "f must be a function, got NoneType None"),
        (lambda: hvp(2.0, 1.0, 1.0), TypeError, "f must be a function, got float 2.0"),
        (lambda: engine.gradients(Value(2.0), 4), TypeError, "inputs must be a list of Values, got int 4"),
        (
            lambda: grad(cubic, argnums=1)([1.0, 2.0]),
            TypeError,
            "argnums must be indices of positional arguments, of which cubic was given 1, got 1",
        ),
        (
            lambda: grad(cubic, argnums=-2)([1.0, 2.0]),
            TypeError,
            "argnums must be indices .* cubic was given 1, got -2",
        ),
        (
            lambda: grad(cubic, argnums=(0, 5))([1.0, 2.0]),
            TypeError,
            "argnums must be indices .* cubic was given 1, got 5",
        ),
        (lambda: grad(cubic, argnums=True), TypeError, "argnums must be ints, got True"),
        (
            lambda: grad(cubic, 0.5),
            TypeError,
            r"argnums must be ints, got 0\.5; numbers go to .*, as in grad\(f\)\(x\)",
        ),
        (lambda: hessian(cubic, [1.0, 2.0]), TypeError, r"argnums must be ints, got \[1\.0, 2\.0\]; numbers go to"),
        (lambda: jacobian(cubic, np.array([1, 2])), TypeError, r"argnums must be ints, got array"),
        (lambda: hvp(cubic, ([1.0],), [1.0], argnums=0.0), TypeError, r"argnums must be ints, got 0\.0"),
        (
            lambda: grad(cubic, argnums=(0, -1))([1.0, 2.0]),
            TypeError,
            r"argnums must have each argument of cubic once, got \(0, -1\)",
        ),
        (
            lambda: grad(cubic)(v=[1.0, 2.0]),
            TypeError,
            "argnums must be indices of positional arguments, of which cubic was given 0, got 0",
        ),
        (grad(lambda: Value(2.0)), TypeError, r"Values that <lambda> uses .* from backward\(\)"),
        (lambda: grad(cubic, has_aux=True)([1.0, 2.0]), TypeError, r"cubic must return \(value, more\) for has_aux"),
        (
            lambda: hvp(cubic, [1.0, 2.0], [1.0]),
            ValueError,
            r"vector must be numbers in the form of \[1.0, 2.0\], got",
        ),
        (lambda: hvp(cubic, [1.0, 2.0], 1.0), ValueError, r"got 1.0"),
        (lambda: hvp(cubic, [1.0, 2.0], {"a": 1.0, "b": 2.0}), ValueError, r"got {'a'"),
        (lambda: hvp(cubic, [1.0, 2.0], [[1.0], 2.0]), ValueError, "vector must be numbers in the form of"),
        (lambda: hvp(cubic, [1.0, 2.0], ["a", 2.0]), TypeError, "vector must be one real number, got str"),
        (
            lambda: directional_derivative(lambda p: p["a"], {"a": 1.0}, {"b": 1.0}),
            ValueError,
            r"direction must be numbers in the form of {'a': 1.0}, got {'b': 1.0}",
        ),
    ],
)
def test_wrong_use_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


# --------------------------------------------------------------------------------------------------- beside JAX


@pytest.fixture(scope="module")
def jax():
    """JAX with float64."""
    found = pytest.importorskip("jax")
    found.config.update("jax_enable_x64", True)
    return found


def rosenbrock(v):
    """The banana valley in four dimensions."""
    return sum(100.0 * (v[i + 1] - v[i] ** 2) ** 2 + (1.0 - v[i]) ** 2 for i in range(3))


def nested(x):
    """A derivative inside of the function; with the grad of whoever calls it."""
    return lambda grad, tanh: x * grad(lambda y: tanh(x * y) * y)(x) + grad(grad(lambda y: y**4 * x))(2.0)


@pytest.mark.slow
def test_the_same_as_jax(jax):
    at, vector = np.array([0.3, -1.2, 0.8, 2.0]), np.array([1.0, -2.0, 0.5, 3.0])
    same = lambda ours, theirs: np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-12, atol=1e-12)  # noqa: E731
    value, gradient = value_and_grad(rosenbrock)(at)
    their_value, their_gradient = jax.value_and_grad(rosenbrock)(at)
    same(value, their_value)
    same(gradient, their_gradient)
    same(hessian(rosenbrock)(at), jax.hessian(rosenbrock)(at))
    same(jacobian(hessian(rosenbrock))(at), jax.jacobian(jax.hessian(rosenbrock))(at))
    same(hvp(rosenbrock, at, vector), jax.jvp(jax.grad(rosenbrock), (at,), (vector,))[1])
    same(directional_derivative(rosenbrock, at, vector), jax.jvp(rosenbrock, (at,), (vector,))[1])


def test_nesting_as_in_jax(jax):
    ours = grad(lambda x: nested(x)(grad, tanh))(0.7)
    assert ours == pytest.approx(float(jax.grad(lambda x: nested(x)(jax.grad, jax.numpy.tanh))(0.7)), rel=1e-13)


def test_the_forms_of_jax(jax):
    f = lambda p, k: (p["w"][0] * k + p["b"] ** 2, k)  # noqa: E731
    p = {"w": [2.0, 3.0], "b": 4.0}
    assert grad(f, has_aux=True)(p, 3.0) == jax.tree.map(float, jax.grad(f, has_aux=True)(p, 3.0))
    g = lambda p, k: p["w"][0] * k**2 + p["b"] * k  # noqa: E731
    assert grad(g, argnums=(0, 1))(p, 3.0) == jax.tree.map(float, jax.grad(g, argnums=(0, 1))(p, 3.0))
    h = lambda p: {"out": [p["w"][0] * p["b"], p["w"][1] * 2.0]}  # noqa: E731
    assert jacobian(h)(p) == jax.tree.map(float, jax.jacobian(h)(p))


A, B = np.array([0.5, -1.0, 2.0]), np.array([[1.0, 0.3, -0.2], [0.1, 2.0, 0.7]])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("f", "at", "argnums"),
    [
        (lambda a, b: a * a * b + b * b * b * a, (1.5, 0.5), (0, 1)),
        (lambda a, b: a * a * b + b * b * b * a, (1.5, 0.5), (1,)),
        (lambda a, b: a * a * b + b * b * b * a, (1.5, 0.5), (1, 0)),
        (lambda a, b: a * a * b + b * b * b * a, (1.5, 0.5), -1),
        (lambda v, m: ((m @ v) ** 3).sum(), (A, B), (0, 1)),
        (lambda v, m: ((m @ v) ** 3).sum(), (A, B), 1),
        (lambda v, k: (v**2).sum() * k["s"] + k["t"][0] ** 3, (A, {"s": 2.0, "t": [3.0]}), (0, 1)),
        (lambda a, b, c: a * b * c + a**2 * c**2, (1.5, 0.5, -2.0), (2, 0)),
    ],
)
def test_hessians_with_several_arguments_as_in_jax(jax, f, at, argnums):
    with_forms_alike(hessian(f, argnums)(*at), jax.hessian(f, argnums)(*at))
    with_forms_alike(grad(f, argnums)(*at), jax.grad(f, argnums)(*at))


@pytest.mark.parametrize(
    ("f", "at", "argnums"),
    [
        (lambda a, b: a * b, (1.5, 0.5), (0, 1)),
        (lambda a, b: [a * b, {"twice": 2.0 * a}], (1.5, 0.5), (0, 1)),
        (lambda v, m: m @ v, (A, B), (0, 1)),
        (lambda v, m: {"product": m @ v, "sum": v.sum()}, (A, B), (1, 0)),
        (lambda p: p["a"] * p["v"], ({"a": 2.0, "v": A},), 0),
        (lambda p: (p["v"] ** 2, p["a"]), ({"a": 2.0, "v": A},), (0,)),
        (lambda v, m: m * v[0], (A, B), (0, 1)),
        (lambda v, m: m[:0, 0] * v[0], (A, B), (0, 1)),
    ],
)
def test_jacobians_with_several_arguments_as_in_jax(jax, f, at, argnums):
    with_forms_alike(jacobian(f, argnums)(*at), jax.jacobian(f, argnums)(*at))


def with_forms_alike(ours, theirs):
    """Compare two results part by part, with the types of containers and the shapes of arrays."""
    if isinstance(ours, (list, tuple, dict)):
        assert type(ours) is type(theirs)
        assert len(ours) == len(theirs)
        for key in ours if isinstance(ours, dict) else range(len(ours)):
            with_forms_alike(ours[key], theirs[key])
    else:
        assert np.shape(ours) == np.shape(theirs)
        np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-12, atol=1e-12)


def test_products_with_vectors_in_several_arguments_as_in_jax(jax):
    f = lambda v, m, k: ((m @ v) ** 3).sum() * k  # noqa: E731
    at, vector = (A, B, 2.0), (B[0], 2.0 * B)
    ours = hvp(f, at, vector, argnums=(0, 1))
    slope = lambda v, m: jax.grad(f, (0, 1))(v, m, 2.0)  # noqa: E731
    with_forms_alike(ours, jax.jvp(slope, at[:2], vector)[1])
    along = directional_derivative(f, at, vector, argnums=(0, 1))
    with_forms_alike(along, jax.jvp(lambda v, m: f(v, m, 2.0), at[:2], vector)[1])


# --------------------------------------------------------------------------------------- several arguments, and pandas


def test_products_with_vectors_choose_their_arguments():
    f = lambda x, y, z: x**2 * y * z  # noqa: E731
    assert hvp(f, (3.0, 5.0, 1.0), (1.0, 0.0), argnums=(0, 1)) == (10.0, 6.0)
    assert hvp(f, (3.0, 5.0, 1.0), 2.0, argnums=0) == 20.0
    assert hvp(f, (3.0, 5.0, 1.0), (2.0,), argnums=[0]) == (20.0,)
    assert hvp(lambda v: v[0] ** 2 * v[1], (3.0, 5.0), (1.0, 0.0)) == (10.0, 6.0)  # one argument, a tuple
    assert directional_derivative(f, (3.0, 5.0, 1.0), (1.0, 1.0), argnums=(0, 2)) == 30.0 + 45.0
    assert directional_derivative(lambda x, y: [x * y, y], (3.0, 5.0), 2.0, argnums=1) == [6.0, 2.0]


def test_products_with_vectors_refuse_other_forms():
    f = lambda x, y: x * y  # noqa: E731
    with pytest.raises(TypeError, match="at must be the tuple of all arguments of <lambda> where argnums are given"):
        hvp(f, 3.0, 1.0, argnums=0)
    with pytest.raises(TypeError, match=r"argnums must be indices .*, of which <lambda> was given 2, got 2"):
        hvp(f, (3.0, 1.0), 1.0, argnums=2)
    with pytest.raises(TypeError, match=r"argnums must have each argument of <lambda> once, got \(0, -2\)"):
        hvp(f, (3.0, 1.0), (1.0, 1.0), argnums=(0, -2))
    with pytest.raises(ValueError, match=r"vector must be numbers in the form of \(3.0, 1.0\)"):
        hvp(f, (3.0, 1.0), 1.0, argnums=(0, 1))
    with pytest.raises(ValueError, match=r"direction must be numbers in the form of 3.0"):
        directional_derivative(f, (3.0, 1.0), (1.0, 2.0), argnums=0)


def test_arguments_are_chosen_by_ints_of_numpy_too():
    f = lambda x, y: x**2 * y  # noqa: E731
    assert grad(f, np.int64(1))(3.0, 5.0) == 9.0
    assert hessian(f, (np.int8(0), 1))(3.0, 5.0) == ((10.0, 6.0), (6.0, 0.0))
    with pytest.raises(TypeError, match="argnums must be ints"):
        grad(f, True)(3.0, 5.0)


def test_a_matrix_is_an_array():
    f = lambda m: m[0, 0] ** 2 * m[0, 1]  # noqa: E731
    at = np.array([[2.0, 3.0]]).view(np.matrix)
    assert grad(f)(at).tolist() == [[12.0, 4.0]]
    assert hvp(f, at, at).tolist() == [[24.0, 8.0]]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_products_of_matrices_stay_those_of_matrices():
    f = lambda m: (m * m)[0, 0] + (m**3)[1, 1]  # noqa: E731
    at = np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix)
    plain = lambda m: (m @ m)[0, 0] + (m @ m @ m)[1, 1]  # noqa: E731
    value, found = value_and_grad(f)(at)
    assert value == f(at)
    assert found.tolist() == grad(plain)(at.A).tolist()
    assert hessian(f)(at).tolist() == hessian(plain)(at.A).tolist()
    assert directional_derivative(lambda m: m * m, at, at).tolist() == (2.0 * at * at).tolist()


def test_hessian_of_two_arguments_is_a_tuple_of_tuples():
    found = hessian(lambda a, b: a * a * b + exp(b) * a, argnums=(0, 1))(1.5, 0.5)
    assert [[type(each) for each in row] for row in found] == [[float, float], [float, float]]
    assert found[0] == (1.0, pytest.approx(3.0 + math.exp(0.5)))
    assert found[1] == (pytest.approx(3.0 + math.exp(0.5)), pytest.approx(1.5 * math.exp(0.5)))
    third = jacobian(hessian(lambda a, b: a**2 * b, argnums=(0, 1)), argnums=1)(3.0, 5.0)
    assert third == ((2.0, 0.0), (0.0, 0.0))


def test_a_result_that_is_an_array_with_no_axes_is_its_value():
    f = lambda x: np.squeeze(np.array([[2.0, 3.0]]) @ np.array([x, x * x]))  # noqa: E731
    assert grad(f)(1.0) == 8.0
    assert value_and_grad(f)(1.0) == (5.0, 8.0)
    assert grad(grad(f))(1.0) == 6.0
    assert jacobian(f)(1.0) == 8.0
    assert hessian(f)(1.0) == 6.0
    assert hvp(f, 1.0, 2.0) == 12.0
    assert directional_derivative(f, 1.0, 2.0) == 16.0
    assert jacobian(lambda x: [f(x), x])(1.0) == [8.0, 1.0]
    assert type(grad(f)(np.array(1.0))) is float
    assert grad(f)(Value(1.0)).data == 8.0
    assert value_and_grad(lambda x: np.array(3.0))(1.0) == (3.0, 0.0)


@pytest.fixture
def pandas():
    """Pandas, where it is installed."""
    return pytest.importorskip("pandas")


def test_series_give_series(pandas):
    weights = pandas.Series([1.0, 2.0, 3.0], index=["a", "b", "c"], name="weights")
    f = lambda w: (w * w).sum() + w["a"] * w["c"]  # noqa: E731
    value, slope = value_and_grad(f)(weights)
    pandas.testing.assert_series_equal(slope, pandas.Series([5.0, 4.0, 7.0], index=weights.index, name="weights"))
    assert value == 17.0
    np.testing.assert_array_equal(hessian(f)(weights), [[2, 0, 1], [0, 2, 0], [1, 0, 2]])
    np.testing.assert_array_equal(jacobian(lambda w: w.to_numpy() ** 2)(weights), np.diag([2.0, 4.0, 6.0]))
    product = hvp(f, weights, pandas.Series([1.0, 0.0, 0.0], index=weights.index))
    assert product.to_dict() == {"a": 2.0, "b": 0.0, "c": 1.0}
    assert hvp(f, weights, [1.0, 0.0, 0.0]).tolist() == [2.0, 0.0, 1.0]
    assert directional_derivative(f, weights, np.array([1.0, 0.0, 1.0])) == 12.0
    assert grad(lambda p, k: (p["w"] * k).sum())({"w": weights}, 2.0)["w"].tolist() == [2.0, 2.0, 2.0]
    assert weights.tolist() == [1.0, 2.0, 3.0]
    cells = pandas.Series([1.0, 2.0], index=["A1", "A"])  # a matrix of numpy has these attributes
    assert grad(lambda w: w["A1"] ** 2 * w["A"])(cells).tolist() == [4.0, 1.0]


def test_a_vector_is_paired_by_names(pandas):
    """The Hessian of a*b**2 at a=3, b=2 times a=1, b=0 is a=0, b=4."""
    P, Q = namedtuple("P", "b a"), namedtuple("Q", "a b")
    numbers, ones = {"b": 2.0, "a": 3.0}, {"a": 1.0, "b": 0.0}
    of_tuple, of_series = (lambda s: s.a * s.b**2), (lambda s: s["a"] * s["b"] ** 2)
    for vector in (Q(**ones), pandas.Series(ones), P(**ones), [0.0, 1.0], np.array([0.0, 1.0])):
        assert hvp(of_tuple, P(**numbers), vector) == P(b=4.0, a=0.0)
        assert hvp(of_series, pandas.Series(numbers), vector).to_dict() == {"b": 4.0, "a": 0.0}
        assert directional_derivative(of_tuple, P(**numbers), vector) == 4.0
    assert hvp(lambda s: s["p"].a * s["p"].b ** 2, {"p": P(**numbers)}, {"p": Q(**ones)}) == {"p": P(b=4.0, a=0.0)}


def test_a_vector_of_other_names_is_refused(pandas):
    f = lambda w: w[0] * w[1]  # noqa: E731
    series, other = pandas.Series([1.0, 2.0], index=["a", "b"]), pandas.Series([1.0, 2.0], index=["b", "c"])
    twice = pandas.Series([1.0, 2.0], index=["a", "a"])
    frame = pandas.DataFrame([[1.0, 2.0]], columns=["a", "b"])
    for at, vector in (
        (series, other),
        (series, twice),
        (np.array([1.0, 2.0]), series),
        ([1.0, 2.0], Point(1.0, 2.0)),
        (np.array([[1.0, 2.0]]), frame),
        (frame, frame[["b", "a"]]),
        ([1.0, 2.0], np.ma.array([1.0, 2.0], mask=[0, 1])),
        ([1.0, 2.0], {1.0, 2.0}),
    ):
        with pytest.raises(ValueError, match="vector must be numbers in the form of"):
            hvp(f, at, vector)
    assert hvp(f, [1.0, 2.0], pandas.Series([1.0, 0.0])) == [0.0, 1.0]
    assert hvp(f, np.array([1.0, 2.0]), pandas.Series([1.0, 0.0])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("at", [np.ma.masked, np.ma.array(2.0, mask=True), np.ma.array([1.0, 2.0], mask=[0, 1])])
def test_masked_numbers_are_refused(at):
    for derivative in (grad, value_and_grad, hessian):
        with pytest.raises(ValueError, match="an array must have no masked numbers, got 1 of them"):
            derivative(lambda x: x * x)(at)
    with pytest.raises(ValueError, match="an array must have no masked numbers, got 1 of them"):
        jacobian(lambda x: at)(1.0)
    assert grad(lambda x: x * x)(np.ma.array(2.0)) == 4.0


def test_frames_of_polars_are_refused_in_words():
    polars = pytest.importorskip("polars")
    for at in (polars.DataFrame({"a": [1.0]}), polars.Series([1.0])):
        with pytest.raises(TypeError, match=r"got a polars (DataFrame|Series); use \.to_numpy\(\)"):
            grad(lambda s: s[0] * 2)(at)


def test_frames_give_frames_and_integers_floats(pandas):
    frame = pandas.DataFrame({"a": [1, 2], "b": [3, 4]}, index=["x", "y"])
    slope = grad(lambda m: (m["a"] * m["b"]).sum())(frame)
    pandas.testing.assert_frame_equal(slope, pandas.DataFrame({"a": [3.0, 4.0], "b": [1.0, 2.0]}, index=["x", "y"]))
    assert hvp(lambda m: (m["a"] * m["b"]).sum(), frame, [[1, 0], [0, 0]]).to_numpy().tolist() == [[0, 1], [0, 0]]
    with pytest.raises(TypeError, match="must be one real number, got str 'u'"):
        grad(lambda m: m["a"].sum())(pandas.DataFrame({"a": [1.0], "b": ["u"]}))


# --------------------------------------------------------------------------------- numbers that would leave the graph

HERE = re.escape(__file__)


def array_of_floats(x):
    """An array of floats with a Value put into it."""
    array = np.zeros(2)
    array[0] = x
    return array.sum()


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: x * math.exp(x), r"math.exp\(\) would take .* use engine.exp, or .data"),
        (lambda x: x * math.tanh(2 * x), r"math.tanh\(\) .* use engine.tanh,"),
        (lambda x: math.sqrt(x + 1) * math.log(3.0) * x, "use engine.sqrt,"),
        (lambda x: math.atan2(1.0, x), "use engine.atan2,"),
        (lambda x: math.pow(x, 2) + x, r"use x \*\* n,"),
        (lambda x: math.fabs(x) + x, r"use abs\(x\),"),
        (lambda x: math.fsum([x, x]), r"use sum\(...\),"),
        (lambda x: math.floor(x) * x, r"math.floor\(\) .* compute with Values"),
        (lambda x: x * float(x), r"float\(\) .* compute with Values"),
        (lambda x: x * int(x), r"int\(\) would"),
        (lambda x: x * round(x), r"round\(\) would"),
        (lambda x: x * round(x, 3), r"round\(\) would"),
        (lambda x: x * complex(x).real, r"complex\(\) would"),
        (lambda x: x * np.float64(x), r"np.float64\(\) would"),
        (lambda x: np.array([x, x], dtype=float).sum(), r"np.array\(\) would"),
        (lambda x: np.array([x, x]).astype(float).sum(), r"np.array\(\[x, x\]\).astype\(\) would"),
        (array_of_floats, r"float\(\) would .* arrays of dtype=object"),
        (lambda x: math.log2(x) + x, r"math.log2\(\) .* log\(x\) / log\(2\) .* or .data"),
        (lambda x: statistics.fmean([x, x]), r"statistics.fmean\(\) would"),
        (lambda x: copy.deepcopy(x * x), r"copy.deepcopy\(\) would .* use the Value itself"),
        (lambda x: (x * x).backward() or x, r"backward\(\) would .* use engine.grad or engine.gradients"),
    ],
)
@pytest.mark.parametrize(
    "differentiated",
    [
        grad,
        value_and_grad,
        jacobian,
        hessian,
        lambda f: lambda x: hvp(f, x, 1.0),
        lambda f: lambda x: directional_derivative(f, x, 1.0),
        lambda f: grad(grad(f)),
        lambda f: lambda x: grad(lambda v: f(v[0]))([x]),
    ],
)
def test_a_number_that_would_leave_the_graph_unseen_is_an_error(differentiated, f, words):
    for x in (0.7, Value(0.7)):
        with pytest.raises(TypeError, match=f"^{HERE}, line [0-9]+: .*{words}"):
            differentiated(f)(x)


class Shell:
    """IPython's shell, as far as it names cells; their files have names that no reader knows."""

    compile = SimpleNamespace(format_code_name=lambda name: ("Cell", "In[3]") if name == "1940337873.py" else None)


@pytest.mark.parametrize("shell", [None, SimpleNamespace(), Shell()])
def test_an_error_names_the_cell_of_a_notebook(monkeypatch, shell):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    names = {"math": math, "compile_": engine.compile}
    lines = [
        "f = lambda x: math.exp(x)",
        "g = compile_(lambda x: x * x.data)",
        "h = compile_(lambda x: [x, x][x > 0 :])",
    ]
    exec(compile("\n".join(lines), "1940337873.py", "exec"), names)
    place = r"cell In\[3\]" if isinstance(shell, Shell) else "1940337873.py"
    with pytest.raises(TypeError, match=f"^{place}, line 1: "):
        grad(names["f"])(1.0)
    with pytest.raises(engine.DataDependentError, match=f"^{place}, line 2: "):
        names["g"]([[1.0]])
    with pytest.raises(engine.DataDependentError, match=f"^{place}, line 3: comparisons"):
        names["h"]([[1.0], [-1.0]])
    with pytest.raises(TypeError, match=f"^{HERE}, line [0-9]+: "):
        grad(lambda x: math.exp(x) + x)(1.0)


def test_what_the_notebook_does_meanwhile_is_not_the_functions(monkeypatch):
    """A function may ask the shell, for a display or a name, and its own state changes all the time."""
    names = {"__name__": "IPython.core.getipython", "calls": []}
    exec("def get_ipython():\n    calls.append(len(calls))", names)
    shell = SimpleNamespace(get_ipython=names["get_ipython"])
    monkeypatch.setitem(sys.modules, "IPython", shell)
    f = engine.compile(lambda x: shell.get_ipython() or (x if x > 0 else -x))
    assert f([[3.0], [-2.0]]).tolist() == [3.0, 2.0]
    assert names["calls"]


def test_a_number_that_leaves_a_second_time_is_an_error_too():
    def f(x):
        y = x * 2.0
        with suppress(TypeError):
            math.exp(y)
        return math.exp(y) * x

    with pytest.raises(TypeError, match=r"math\.exp\(\) would take"):
        grad(f)(1.0)


def test_numbers_that_leave_the_graph_are_free_afterwards():
    with pytest.raises(TypeError):
        grad(lambda x: math.exp(x) * x)(1.0)
    assert math.exp(Value(0.0)) == 1.0
    assert WATCH.listeners == 0


@pytest.mark.parametrize(
    ("f", "at", "slope"),
    [
        (lambda x: np.maximum(0, x), 2.0, 1.0),
        (lambda x: np.maximum(0, x) * 3, -2.0, 0.0),
        (lambda x: np.clip(x, 0.0, 1.0) * x, 2.0, 1.0),
        (lambda x: np.clip(x, 0.0, 1.0) * x, 0.5, 1.0),
        (lambda x: np.where(x > 0, x * x, -x), 3.0, 6.0),
        (lambda x: np.exp(x) * x, 0.0, 1.0),
        (lambda x: np.float64(3.0) * x + x * np.float32(2.0), 1.0, 5.0),
        (lambda x: x if x > 0 else -x, -2.0, -1.0),
        (lambda x: max(x, 2 * x), 1.0, 2.0),
        (lambda x: x * bool(x), 3.0, 1.0),
        (lambda x: x * x.data, 3.0, 3.0),
        (lambda x: x * x.item(), 3.0, 3.0),
        (lambda x: x * float(x.detach()), 3.0, 3.0),
        (lambda x: x * math.exp(x.detach() * 0), 3.0, 1.0),
        (lambda x: x * len(f"{x:.3f} {x} {x!r}"[:2]), 3.0, 2.0),
        (lambda x: x * math.exp(Value(0.0) + 0.0), 3.0, 1.0),
        (lambda x: x * copy.deepcopy(Value(2.0) * 2.0).data, 3.0, 4.0),
    ],
)
def test_what_differentiates_rightly_is_left_alone(f, at, slope):
    assert grad(f)(at) == slope
    assert grad(lambda v: f(v[0]))(np.array([at])).tolist() == [slope]


def test_numbers_of_an_outer_differentiation_are_seen_from_within_an_inner_one():
    with pytest.raises(TypeError, match=r"use engine\.exp"):
        grad(lambda x: grad(lambda y: y * y * math.exp(x))(2.0))(1.0)
    assert grad(lambda y: y * math.exp(Value(1.0)))(2.0) == math.e


def test_a_training_loop_beside_the_input_is_left_alone():
    def f(x):
        w = Value(1.0)
        for _ in range(3):
            w.grad = 0.0
            ((w - 3.0) ** 2).backward()
            w.data -= 0.5 * w.grad
        return x * float(w)

    assert grad(f)(2.0) == 3.0


def test_other_threads_with_graphs_of_their_own_are_not_refused():
    results, own = [], Value(0.0) * 1.0

    def f(x):
        thread = threading.Thread(target=lambda: results.append(math.exp(own)))
        thread.start()
        thread.join()
        return x * 2.0

    assert grad(f)(0.0) == 2.0
    assert results == [1.0]


def test_a_call_over_several_lines_or_without_source_is_refused_too():
    def f(x):
        # fmt: off
        return x * math.exp(
            x
            + 1.0
        )
        # fmt: on

    with pytest.raises(TypeError, match=r"math\.exp\(\) would take .* use engine\.exp"):
        grad(f)(1.0)
    with pytest.raises(TypeError, match=r"<string>, line 1: float\(\) would take .* such as engine\.exp"):
        grad(eval("lambda x: math.exp(x)", {"math": math, "__name__": "lesson"}))(1.0)


def caught(x):
    try:
        return x * math.floor(x * x)
    except TypeError:
        return x * 3.0


def suppressed(x):
    with suppress(Exception):
        return x * math.exp(x)
    return x


def overtaken(x):
    try:
        return x * float(x)
    finally:
        return x * 5.0  # noqa: B012, SIM107


def raised_anew(x):
    try:
        return x * float(x)
    except TypeError:
        raise RuntimeError("mine") from None


def in_a_thread(x):
    thread = threading.Thread(target=lambda: caught(x))
    thread.start()
    thread.join()
    return x * 7.0


@pytest.mark.parametrize("f", [caught, suppressed, overtaken, raised_anew, in_a_thread])
@pytest.mark.parametrize("differentiated", [grad, value_and_grad, jacobian, hessian])
def test_a_refusal_that_the_function_catches_is_raised_all_the_same(differentiated, f):
    with pytest.raises(TypeError, match=r"line \d+: .* would take a number out of the graph"):
        differentiated(f)(1.5)
    assert grad(lambda x: x * x)(1.5) == 3.0


def test_a_refusal_that_a_derivative_catches_is_raised_all_the_same():
    def slope(x):
        try:
            return 1.0 * math.cos(x)
        except TypeError:
            return 1.0

    @engine.primitive(slope)
    def sine(x):
        return math.sin(x)

    with pytest.raises(TypeError, match=r"the derivative of sine takes a plain number out"):
        grad(grad(sine))(2.0)


def test_a_primitive_whose_derivative_takes_numbers_out_is_refused_in_the_second_derivative():
    @engine.primitive(lambda x: 1.0 * math.cos(x))
    def sine(x):
        return math.sin(x)

    assert grad(sine)(2.0) == math.cos(2.0)
    with pytest.raises(TypeError, match=r"use engine\.cos"):
        grad(grad(sine))(2.0)


def test_an_error_of_a_primitives_derivative_says_that_it_was_given_values():
    @engine.primitive(lambda x: np.logaddexp(x, 0.0))
    def area(x):
        return 1.0

    assert grad(area)(0.0) == math.log(2.0)
    with pytest.raises(TypeError) as caught:
        grad(grad(area))(0.0)
    assert "area' was given Values" in caught.value.__notes__[0]


def test_nothing_is_handed_on_where_a_local_derivative_is_0():
    assert grad(lambda x: engine.sqrt(engine.relu(x)))(-1.0) == 0.0
    assert grad(lambda x: engine.sqrt(x.detach()) + x)(0.0) == 1.0


def test_constant_derivatives_of_values_are_values():
    x, y = Value(2.0), Value(3.0)
    assert grad(lambda x: 3.0 * x)(x).tanh().data == math.tanh(3.0)
    value, slopes = value_and_grad(lambda x, y: x * 0.5, argnums=(0, 1))(x, y)
    assert (value.data, [slope.data for slope in slopes]) == (1.0, [0.5, 0.0])
    assert [entry.data for row in hessian(lambda v: v[0] ** 2 + v[1])([x, y]) for entry in row] == [2.0, 0.0, 0.0, 0.0]
    assert jacobian(lambda x: [x, 5.0])(x)[1].data == directional_derivative(lambda x: 5.0, x, 1.0).data == 0.0
    assert grad(lambda x: grad(lambda z: 3.0 * z)(x).tanh() * x)(2.0) == math.tanh(3.0)
    assert engine.compile(lambda x, y: hessian(lambda v: v[0] ** 2 * v[1])([x, y])[1])([[1.0, 2.0]]).tolist() == [
        [2.0, 0.0]
    ]

"""Value: what it is made from, what it remembers, and how it behaves as a number among numbers."""

import contextlib
import copy
import gc
import math
import operator
import weakref
from decimal import Decimal
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value, compile, grad
from engine.operations import LEAF, NEG
from engine.value import fields

ANY_FLOAT = st.floats(allow_nan=False)


class Kelvin:
    """Something with __float__, and nothing else of a number."""

    def __init__(self, degrees):
        self.degrees = degrees

    def __float__(self):
        return float(self.degrees)


class Float(float):
    """A subclass of float."""


NUMBERS = [
    2.0,
    2,
    True,
    np.float32(1.5),
    np.float64(1.5),
    np.float16(0.25),
    np.int64(3),
    np.uint8(3),
    np.bool_(True),
    np.array(1.5),
    Fraction(1, 4),
    Decimal("0.25"),
    Kelvin(1.25),
    Float(2.5),
]
number_of_every_kind = pytest.mark.parametrize("number", NUMBERS, ids=lambda n: f"{type(n).__name__}")
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@number_of_every_kind
def test_a_value_is_made_from_every_kind_of_number(number):
    x = Value(number)
    assert x.data == float(number)
    assert type(x.data) is float


def test_a_new_value_is_a_leaf():
    x = Value(data=2.5, label="x")
    assert (x.data, x.grad, x.label, x.op) == (2.5, 0.0, "x", "")
    assert x.operands == x.local_derivatives == ()
    assert x._prev == set()
    assert x._op == ""
    assert fields(x) == (LEAF, 2.5, 0.0, "x", 0.0, 0.0)
    assert Value(1.0).label == ""


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308])
def test_every_float_is_allowed(number):
    assert repr(Value(number).data) == repr(number)


def test_data_grad_and_label_can_be_assigned():
    x = Value(1.0)
    y = x * 3
    x.data, x.grad, x.label = 5, np.float32(0.5), "x"
    assert (x.data, x.grad, x.label) == (5.0, 0.5, "x")
    assert type(x.data) is type(x.grad) is float
    assert y.data == 3.0, "what was computed keeps its number"
    x.data -= 1.5
    x.grad += 2
    assert (x.data, x.grad) == (3.5, 2.5)


def test_what_is_remembered_cannot_be_assigned():
    y = Value(1.0) * 2.0
    for name in ("operands", "local_derivatives", "operation", "op", "_op", "_prev"):
        with pytest.raises(AttributeError):
            setattr(y, name, ())


@number_of_every_kind
@pytest.mark.parametrize("operation", OPERATORS, ids=lambda f: f.__name__)
def test_a_number_on_either_side(operation, number):
    n = float(number)
    for x in (0.5, 3.0):
        left, right = Value(x), Value(x)
        a, b = operation(left, number), operation(number, right)
        assert type(a) is type(b) is Value
        assert (a.data, b.data) == (operation(x, n), operation(n, x))
        assert a.operands[0] is left
        assert b.operands[1] is right
        a.backward()
        b.backward()
        both = operation(Value(x), Value(n)), operation(Value(n), Value(x))
        assert left.grad == both[0].local_derivatives[0]
        assert right.grad == both[1].local_derivatives[1]


@pytest.mark.parametrize("operation", OPERATORS, ids=lambda f: f.__name__)
def test_a_plain_operand_is_a_constant(operation):
    for y in (operation(Value(2.0), 3), operation(3, Value(2.0))):
        assert sorted(v.op for v in y.operands) == ["", "constant"]
        constant = next(v for v in y.operands if v.op)
        assert (constant.data, constant.label, constant.operands) == (3.0, "", ())


SYMBOLS = [(operator.add, "+"), (operator.sub, "-"), (operator.mul, "*"), (operator.truediv, "/"), (operator.pow, "**")]


class Vector:
    """Two numbers, as a user's class has them: a number times a vector is its ``__rmul__``."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __mul__(self, number):
        return Vector(self.x * number, self.y * number)

    __rmul__ = __mul__


class Polynomial:
    """a + b t, which numbers are added to and subtracted from on either side."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __radd__(self, number):
        return Polynomial(number + self.a, self.b)


def test_a_class_with_arithmetic_of_its_own_is_asked_what_a_value_beside_it_gives():
    x = Value(2.0)
    vector = x * Vector(3.0, 4.0)
    assert (vector.x.data, vector.y.data) == (6.0, 8.0)
    assert (x + Polynomial(3.0, 4.0)).a.data == 5.0
    assert grad(lambda k: (k * Vector(3.0, k)).y)(2.0) == 4.0
    assert compile(lambda k: (k * Vector(3.0, k)).y)([[2.0], [3.0]]).tolist() == [4.0, 9.0]
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for -: 'Value' and 'Vector'"):
        x - Vector(3.0, 4.0)
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \+: 'Vector' and 'Value'"):
        Vector(3.0, 4.0) + x


@pytest.mark.parametrize(("operation", "symbol"), SYMBOLS)
def test_a_result_remembers_where_it_came_from(operation, symbol):
    a, b = Value(3.0), Value(2.0)
    c = operation(a, b)
    assert c.op == c._op == symbol
    assert c.operands == (a, b)
    assert c._prev == {a, b}
    assert (c.grad, c.label) == (0.0, "")
    assert a.operands == b.operands == ()


def test_unary_operations():
    a = Value(-3.0)
    minus, absolute = -a, abs(a)
    assert (minus.op, minus.data, minus.operands, minus.local_derivatives) == ("neg", 3.0, (a,), (-1.0,))
    assert (absolute.op, absolute.data, absolute.operands, absolute.local_derivatives) == ("abs", 3.0, (a,), (-1.0,))
    assert fields(minus) == (NEG, 3.0, 0.0, "", -1.0, 0.0)
    assert +a is a


def test_one_value_as_both_operands():
    x = Value(3.0)
    assert (x * x).operands == (x, x)
    assert (x * x)._prev == {x}
    assert (x / x).local_derivatives == (1 / 3, -1 / 3)


def test_augmented_assignment_makes_a_new_value():
    x = first = Value(2.0)
    x += 1
    x *= first
    x -= 0.5
    x /= 2
    x **= 2
    assert x.data == 7.5625
    assert first.data == 2.0
    x.backward()
    assert first.grad == 2 * 2.75 * 0.5 * (2 * 2.0 + 1)


@given(ANY_FLOAT, ANY_FLOAT)
def test_ordering_compares_data(x, y):
    a, b = Value(x), Value(y)
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        expected = compare(x, y)
        for left, right in ((a, b), (a, y), (x, b), (a, np.float64(y)), (np.float64(x), b), (a, Fraction(1, 2))):
            if isinstance(right, Fraction):
                assert compare(left, right) is compare(x, right)
            else:
                assert bool(compare(left, right)) is expected


BETWEEN_FLOATS = [Fraction(1, 10), Fraction(1, 3), Decimal("0.1"), 2**53 + 1, -(2**53) - 1, np.longdouble("0.1")]


@pytest.mark.parametrize("number", BETWEEN_FLOATS, ids=str)
def test_a_number_between_two_floats_is_compared_exactly(number):
    near = float(number)
    for x in (near, math.nextafter(near, math.inf), math.nextafter(near, -math.inf)):
        for compare in (operator.lt, operator.le, operator.gt, operator.ge):
            expected = bool(compare(x, number))
            assert compare(Value(x), number) == expected
            assert compare(number, Value(x)) == bool(compare(number, x))
            program = compile(lambda v, compare=compare: v * 2.0 if compare(v, number) else v * 3.0)
            assert program([[x]]).item() == (x * 2.0 if expected else x * 3.0)


def test_ordering_with_nan_is_false():
    a, b = Value(math.nan), Value(1.0)
    assert not any((a < b, a <= b, a > b, a >= b, a < 1, a > 0.5, b <= a, b < Decimal("nan"), b >= Decimal("nan")))


@given(st.lists(ANY_FLOAT, min_size=1))
def test_max_min_sorted_and_sum_are_the_builtins(numbers):
    values = [Value(x) for x in numbers]
    assert max(values).data == max(numbers)
    assert min(values) in values
    assert [v.data for v in sorted(values)] == sorted(numbers)
    expected = 0.0
    for x in numbers:  # from the left: sum() of floats is more exact in newer Pythons
        expected += x
    assert sum(values).data == expected or math.isnan(expected)


def test_sum_starts_with_a_constant():
    x, y = Value(1.0), Value(2.0)
    total = sum(v * v for v in (x, y))
    total.backward()
    assert (total.data, x.grad, y.grad) == (5.0, 2.0, 4.0)
    assert math.fsum([x, y]) == 3.0
    assert math.prod([x, y]).data == 2.0


def test_max_takes_a_value_and_a_number():
    x = Value(2.0)
    assert max(x, 1) is x
    assert max(0, x, 3.0) == 3.0
    assert min(x, 5) is x


def test_equality_and_hash_are_identity():
    a, b = Value(2.0), Value(2.0)
    assert a == a  # noqa: PLR0124
    assert a != b
    assert a != 2.0
    assert len({a, b, a}) == 2
    assert {a: "a", b: "b"}[a] == "a"
    assert [b, a].index(a) == 1
    before = hash(a)
    a.data, a.grad, a.label = 5.0, 1.0, "a"
    assert hash(a) == before


def test_hashes_of_living_values_differ():
    values = [Value(0.0) for _ in range(10_000)]
    assert len({hash(v) for v in values}) == len(values)


@given(st.floats())
def test_conversions(x):
    v = Value(x)
    assert repr(float(v)) == repr(v.item()) == repr(x)
    assert bool(v) is bool(x)
    assert f"{v:.3e} {v:+}" == f"{x:.3e} {x:+}"
    if math.isfinite(x):
        assert int(v) == int(x)
        assert round(v) == round(x)
        assert type(round(v)) is int
        assert round(v, 2) == round(x, 2)
        assert type(round(v, 2)) is float


def test_repr_is_micrograds_and_has_the_label_where_there_is_one():
    x = Value(2.0)
    assert repr(x) == str(x) == f"{x}" == "Value(data=2.0, grad=0.0)"
    x.grad = -0.5
    assert repr(x) == "Value(data=2.0, grad=-0.5)"
    assert repr(Value(1, label="it's")) == 'Value(data=1.0, grad=0.0, label="it\'s")'


PROPERTIES = ["data", "grad", "label", "op", "_op", "_prev", "_backward", "operation", "operands", "local_derivatives"]
PROPERTIES += ["_children", "_local_grads"]


@pytest.mark.parametrize("name", PROPERTIES)
def test_nothing_of_the_engines_can_be_deleted(name):
    y = Value(1.0, label="x") * 2.0
    before = fields(y)
    with pytest.raises(AttributeError, match=f"property '{name}' of 'Value' object has no deleter"):
        delattr(y, name)
    assert fields(y) == before


def test_a_patched_number_cannot_be_deleted_either():
    """What unittest.mock does when it leaves; compiled, it was a segmentation fault."""
    x = Value(2.0)
    with pytest.raises(AttributeError, match="has no deleter"), mock.patch.object(x, "data", 5.0):
        assert x.data == 5.0
    assert x.data == 5.0


@pytest.mark.parametrize("name", ["op", "_op", "_prev", "_children", "operation", "operands", "local_derivatives"])
def test_what_has_no_setter_says_so(name):
    with pytest.raises(AttributeError, match=f"property '{name}' of 'Value' object has no setter"):
        setattr(Value(1.0), name, "x")


def test_values_are_made_by_their_constructor_alone():
    with pytest.raises(AttributeError, match="has no attribute '__internal_mypyc_setup'"):
        Value.__internal_mypyc_setup(Value(1.0), 5)  # compiled, it was a crash
    with pytest.raises((TypeError, AttributeError)):
        _ = Value.__new__(Value).data
    with pytest.raises((TypeError, AttributeError)):
        _ = object.__new__(Value).data


def test_the_class_cannot_be_inherited_from():
    with pytest.raises(TypeError, match=r"type 'engine\.value\.Value' is not an acceptable base type"):
        type("Mine", (Value,), {})


@pytest.mark.parametrize("name", ["_a", "_b", "_number", "_grad", "_da", "_db", "_label", "_mark", "_operation"])
def test_internals_are_refused_or_raise_errors(name):
    """No crash, in either build, whatever somebody puts there."""
    for thing in ("x", None, 3, Value(1.0), object()):
        y = Value(1.0) * 2.0
        with contextlib.suppress(TypeError, AttributeError, ValueError):
            setattr(y, name, thing)
            y.backward()
            repr(y + 1)
        with contextlib.suppress(TypeError, AttributeError, ValueError):
            delattr(y, name)
            y.backward()
            repr(copy.deepcopy(y))


def test_attributes_of_ones_own():
    x = Value(2.0, label="x")
    y = x * 3
    x.m, x.v = 0.5, [1.0]
    y.color = "red"
    y._vis_color = (1, 0, 0)
    x.m += 1
    assert (x.m, x.v, y.color, y._vis_color) == (1.5, [1.0], "red", (1, 0, 0))
    assert vars(x) == {"m": 1.5, "v": [1.0]}
    assert not hasattr(Value(2.0), "m")
    with pytest.raises(AttributeError, match="'Value' object has no attribute 'dta'"):
        _ = x.dta
    del x.m
    with pytest.raises(AttributeError, match="'Value' object has no attribute 'm'"):
        _ = x.m
    y.backward()
    assert (x.grad, x.label, x.data) == (3.0, "x", 2.0)


@pytest.mark.slow
def test_attributes_live_as_long_as_their_node():
    class Kept:
        pass

    x, kept = Value(1.0), Kept()
    x.kept = kept
    alive = weakref.ref(kept)
    del kept
    gc.collect()
    assert alive() is not None
    y = x * 2
    y.kept = [x]
    y = None
    x = None
    gc.collect()
    assert alive() is None


@pytest.mark.slow
def test_a_chain_of_attributes_is_freed_with_no_recursion():
    first = Value(0.0)
    for i in range(100_000):
        node = Value(i)
        node.previous = first
        first = node
    first = node = None
    gc.collect()


def test_a_label_of_a_subclass_of_str_is_a_plain_string():
    class Name(str):
        __slots__ = ()

    x = Value(1.0, Name("x"))
    x.label = Name("y")
    assert x.label == "y"
    assert type(x.label) is str


def test_math_functions_take_values_as_numbers():
    assert math.sqrt(Value(4.0)) == 2.0
    assert math.isclose(Value(1.0), 1.0)
    assert np.float64(Value(1.5)) == 1.5


@pytest.mark.parametrize("operation", ["//", "%", "@", "&", "<<"])
def test_operations_that_have_no_derivative_do_not_exist(operation):
    with pytest.raises(TypeError, match="unsupported operand"):
        eval(f"x {operation} 2", {"x": Value(3.0)})
    with pytest.raises(TypeError, match="unsupported operand"):
        eval(f"2 {operation} x", {"x": Value(3.0)})


def test_detach_is_part_of_the_graph_and_passes_nothing_on():
    x = Value(3.0)
    y = x.detach()
    assert (y.data, y.op, y.operands, y.local_derivatives) == (3.0, "detach", (x,), (0.0,))

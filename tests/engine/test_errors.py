"""Wrong input: an error at once, in the same words compiled and plain, and every Value as it was before.

The messages are asserted in full.
"""

import math
import operator
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

import engine
from engine import Value, backprop, backward, leaves, size, topological_order
from engine.value import fields

ADVICE = "make one Value for each number, such as [Value(x) for x in array]"
REAL = " must be one real number, got "
TOO_LARGE = "too large for a float (about 1.8e308)"


class Broken:
    """Claims to be a number."""

    def __float__(self):
        raise ValueError("no number today")

    def __repr__(self):
        return "Broken()"


NO_NUMBERS = [  # what is no number, and the rest of the message
    ("3", f"{REAL}str '3'; convert it first, with float(...)"),
    (b"3", f"{REAL}bytes b'3'"),
    ("x" * 100, f"{REAL}str '{'x' * 27}...{'x' * 27}'; convert it first, with float(...)"),
    (1j, f"{REAL}complex 1j"),
    (np.complex128(1j), f"{REAL}complex128 {np.complex128(1j)!r}"),
    (np.complex64(1j), f"{REAL}complex64 {np.complex64(1j)!r}"),
    (None, f"{REAL}NoneType None"),
    ([1.0, 2.0], f"{REAL}list [1.0, 2.0]; {ADVICE}"),
    ((1.0,), f"{REAL}tuple (1.0,); {ADVICE}"),
    ({1: 2}, f"{REAL}dict {{1: 2}}"),
    (range(3), f"{REAL}range(0, 3)"),
    (Value, f"{REAL}type <class 'engine.value.Value'>"),
    (np.float64, f"{REAL}type <class 'numpy.float64'>"),
    (np.ndarray, f"{REAL}type <class 'numpy.ndarray'>"),
    (np.array("3"), f"{REAL}ndarray array('3', dtype='<U1')"),
    (np.array(None), f"{REAL}ndarray array(None, dtype=object)"),
    (np.datetime64("2020-01-01"), f"{REAL}datetime64 {np.datetime64('2020-01-01')!r}"),
    (np.void(b"3"), f"{REAL}{'' if repr(np.void(b'3')).startswith('void') else 'void '}{np.void(b'3')!r}"),
    (np.ma.masked, f"{REAL}MaskedConstant masked"),
    (Broken(), f"{REAL}Broken(), which does not become a float (no number today)"),
]
ARRAYS = [
    (np.array([1.0]), f"{REAL}an array of shape (1,); {ADVICE}"),
    (np.ones((2, 3)), f"{REAL}an array of shape (2, 3); {ADVICE}"),
    (np.array([]), f"{REAL}an array of shape (0,); {ADVICE}"),
]
VALUE_ALREADY = "is a Value already; use it as it is, or its number, .data (no gradient flows through that)"


def check(call, error, message, *values):
    """The call raises just that, and leaves the values as they were."""
    before = [(fields(v), v.operands) for v in values]
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == message
    assert [(fields(v), v.operands) for v in values] == before


def a_value():
    """One in the middle of a graph, with everything set that an error might disturb."""
    v = Value(0.75, label="w") * 2.0
    v.label, v.grad = "v", 0.25
    return v


@pytest.mark.parametrize(("thing", "rest"), NO_NUMBERS + ARRAYS, ids=lambda x: str(x)[:20])
def test_no_value_of_it(thing, rest):
    v = a_value()
    check(lambda: Value(thing), TypeError, f"Value(data){rest}")
    check(lambda: Value(thing, label="x"), TypeError, f"Value(data){rest}")
    check(lambda: setattr(v, "data", thing), TypeError, f"data{rest}", v)
    more = "; call zero_grad() of a model, or set 0.0" if thing is None else ""
    check(lambda: setattr(v, "grad", thing), TypeError, f"grad{rest}{more}", v)
    check(lambda: v.backward(thing), TypeError, f"backward(gradient){rest}", v, *v.operands)
    check(lambda: backward(v, gradient=thing), TypeError, f"backward(gradient){rest}", v, *v.operands)
    check(lambda: backprop(v, thing), TypeError, f"backprop(gradient){rest}", v, *v.operands)
    check(lambda: engine.expression("x", x=thing), TypeError, f"Value(data){rest}")


OPERATORS = [
    (operator.add, "+"),
    (operator.sub, "-"),
    (operator.mul, "*"),
    (operator.truediv, "/"),
    (operator.pow, "**"),
]
COMPARISONS = [(operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">=")]


@pytest.mark.parametrize(("operation", "symbol"), OPERATORS)
@pytest.mark.parametrize(("thing", "rest"), NO_NUMBERS, ids=lambda x: str(x)[:20])
def test_no_arithmetic_with_it(operation, symbol, thing, rest):
    v = a_value()
    check(lambda: operation(v, thing), TypeError, f"the number in Value {symbol} number{rest}", v)
    if not isinstance(thing, (np.generic, np.ndarray)):  # numpy has its own way with those
        check(lambda: operation(thing, v), TypeError, f"the number in Value {symbol} number{rest}", v)


@pytest.mark.parametrize(("compare", "symbol"), COMPARISONS)
@pytest.mark.parametrize(("thing", "rest"), NO_NUMBERS + ARRAYS, ids=lambda x: str(x)[:20])
def test_no_comparison_with_it(compare, symbol, thing, rest):
    v = a_value()
    check(lambda: compare(v, thing), TypeError, f"the number in Value {symbol} number{rest}", v)


@pytest.mark.parametrize(("thing", "rest"), NO_NUMBERS + ARRAYS, ids=lambda x: str(x)[:20])
def test_no_function_of_it(thing, rest):
    v = a_value()
    check(lambda: engine.exp(thing), TypeError, f"x in exp(x){rest}")
    check(lambda: engine.leaky_relu(thing), TypeError, f"each operand of leaky_relu{rest}")
    for name, method in (
        ("maximum", "b in maximum(a, b)"),
        ("minimum", "b in minimum(a, b)"),
        ("hypot", "b in hypot(a, b)"),
        ("atan2", "x in atan2(y, x)"),
    ):
        check(lambda name=name: getattr(engine, name)(v, thing), TypeError, f"each operand of {name}{rest}", v)
        check(lambda name=name: getattr(engine, name)(thing, v), TypeError, f"each operand of {name}{rest}", v)
        check(lambda name=name: getattr(v, name)(thing), TypeError, f"{method}{rest}", v)
    check(lambda: v.leaky_relu(thing), TypeError, f"the slope in leaky_relu(x, slope){rest}", v)
    for name in ("mean", "softmax", "logsumexp"):
        check(lambda name=name: getattr(engine, name)([v, thing]), TypeError, f"each number in {name}{rest}", v)
    check(lambda: engine.dot([v, 1.0], [1.0, thing]), TypeError, f"each number in dot{rest}", v)


@pytest.mark.parametrize("name", ["mean", "softmax", "logsumexp", "dot"])
@pytest.mark.parametrize(
    ("thing", "shown"),
    [
        (3, "int 3"),
        (None, "NoneType None"),
        ("12", "str '12'"),
        (b"12", "bytes b'12'"),
        ({0: 1.0, 1: 2.0}, "dict {0: 1.0, 1: 2.0}"),
        (MappingProxyType({0: 1.0}), "mappingproxy({0: 1.0})"),
        (pd.DataFrame([[3.0]]), "DataFrame      0\n0  3.0"),
        (Value(2.0), "Value(data=2.0, grad=0.0)"),
        (np.array(2.0), "ndarray array(2.)"),
    ],
)
def test_a_function_of_many_numbers_takes_a_list(name, thing, shown):
    what = "two lists" if name == "dot" else "a list"
    for arguments in [(thing, [1.0]), ([1.0], thing)] if name == "dot" else [(thing,)]:
        check(
            lambda arguments=arguments: getattr(engine, name)(*arguments),
            TypeError,
            f"{name} must be given {what} of numbers, got {shown}",
        )


def test_functions_of_many_numbers_take_any_iterable():
    for many in ((1.0, 3.0), range(1, 4, 2), iter([1.0, 3.0]), np.array([1.0, 3.0]), {1.0: "a", 3.0: "b"}.keys()):
        assert engine.mean(many) == 2.0


def test_a_power_has_no_modulus():
    v = a_value()
    message = "pow must be given a base and an exponent, got a modulus 5 as well; a remainder has no derivative"
    check(lambda: pow(v, 3, 5), TypeError, message, v)
    assert pow(v, 2).data == 2.25
    assert pow(v, 2, None).data == 2.25


def test_a_value_is_not_a_number():
    v = a_value()
    shown = "Value(data=1.5, grad=0.25, label='v')"
    check(lambda: Value(v), TypeError, f"Value(data): {shown} {VALUE_ALREADY}", v)
    check(lambda: setattr(v, "data", v), TypeError, f"data: {shown} {VALUE_ALREADY}", v)
    check(lambda: setattr(v, "grad", v), TypeError, f"grad: {shown} {VALUE_ALREADY}", v)
    check(lambda: v.backward(v), TypeError, f"backward(gradient): {shown} {VALUE_ALREADY}", v)


HUGE = 10**400
HUGE_MESSAGE = f"1{'0' * 27}...{'0' * 28} is too large for a float (at most about 1.8e308)"


def test_an_int_that_no_float_holds():
    v = a_value()
    check(lambda: Value(HUGE), OverflowError, f"Value(data): {HUGE_MESSAGE}")
    check(lambda: Value(Fraction(HUGE)), OverflowError, f"Value(data): {_shown_fraction()}")
    check(lambda: setattr(v, "data", HUGE), OverflowError, f"data: {HUGE_MESSAGE}", v)
    check(lambda: v + HUGE, OverflowError, f"the number in Value + number: {HUGE_MESSAGE}", v)
    check(lambda: HUGE / v, OverflowError, f"the number in Value / number: {HUGE_MESSAGE}", v)
    check(lambda: v < HUGE, OverflowError, f"the number in Value < number: {HUGE_MESSAGE}", v)
    bits = "an int of 33220 bits is too large for a float (at most about 1.8e308)"
    check(lambda: Value(10**10_000), OverflowError, f"Value(data): {bits}")


def _shown_fraction():
    text = repr(Fraction(HUGE))
    return f"{text[:28]}...{text[-28:]} is too large for a float (at most about 1.8e308)"


@pytest.mark.parametrize(("label", "words"), [(3, "int 3"), (b"x", "bytes b'x'"), (Value(1.0), repr(Value(1.0)))])
def test_a_label_is_a_string(label, words):
    v = a_value()
    message = f"label must be a string, got {words}"
    check(lambda: Value(1.0, label), TypeError, message)
    check(lambda: Value(1.0, label=label), TypeError, message)
    check(lambda: setattr(v, "label", label), TypeError, message, v)


def test_none_is_no_label():
    v = Value(1.0, label="v")
    v.label = None
    for none in (v, Value(1.0, None), Value(1.0, label=None), Value(1.0, (v,), "f", None)):
        assert none.label == ""


OUTSIDE = [  # operation, number, what it needs
    ("log", -0.25, "> 0"),
    ("log", 0.0, "> 0"),
    ("log", -math.inf, "> 0"),
    ("log10", -1.0, "> 0"),
    ("log10", -0.0, "> 0"),
    ("log1p", -1.0, "> -1"),
    ("log1p", -2.0, "> -1"),
    ("sqrt", -4.0, ">= 0"),
    ("sqrt", -5e-324, ">= 0"),
    ("asin", 1.5, "in [-1, 1]"),
    ("asin", -1.0000000000000002, "in [-1, 1]"),
    ("acos", -2.0, "in [-1, 1]"),
    ("acos", 1.0000000000000002, "in [-1, 1]"),
]


@pytest.mark.parametrize(("name", "number", "needs"), OUTSIDE)
def test_numbers_outside_the_domain(name, number, needs):
    function = getattr(engine, name)
    message = f"{name}(x): x = {number!r}, but {name} needs x {needs}"
    labelled, bare = Value(number, label="p"), Value(number)
    check(lambda: function(labelled), ValueError, message.replace("x", "p"), labelled)
    check(getattr(labelled, name), ValueError, message.replace("x", "p"), labelled)
    check(lambda: function(bare), ValueError, message, bare)
    check(lambda: function(number), ValueError, message)


@pytest.mark.parametrize(("name", "number"), [("exp", 710.0), ("expm1", 1e9), ("sinh", -711.0), ("cosh", 711.0)])
def test_overflow(name, number):
    p = Value(number, label="p")
    message = f"{name}(p): p = {number!r}, and {name} of that is {TOO_LARGE}"
    check(lambda: getattr(engine, name)(p), OverflowError, message, p)
    check(getattr(p, name), OverflowError, message, p)
    bare = f"{name}(x): x = {number!r}, and {name} of that is {TOO_LARGE}"
    check(lambda: getattr(engine, name)(number), OverflowError, bare)


def test_division_by_zero():
    p, q = Value(3.0, label="p"), Value(0.0, label="q")
    check(lambda: p / q, ZeroDivisionError, "p / q: q = 0.0, but a division needs q != 0", p, q)
    check(lambda: 1 / q, ZeroDivisionError, "a / q: q = 0.0, but a division needs q != 0", q)
    check(lambda: p / -0.0, ZeroDivisionError, "p / b: b = -0.0, but a division needs b != 0", p)
    check(lambda: np.float64(1) / q, ZeroDivisionError, "a / q: q = 0.0, but a division needs q != 0", q)


def test_powers():
    p, q, r = Value(0.0, label="p"), Value(-8.0, label="q"), Value(0.5, label="r")
    zero = "0 to the negative power"
    real = "but a negative number has a real power only for a whole exponent"
    check(lambda: p**-1, ZeroDivisionError, f"p ** b: {zero} -1.0 would be a division by zero", p)
    check(lambda: p**q, ZeroDivisionError, f"p ** q: {zero} -8.0 would be a division by zero", p, q)
    check(lambda: 0**q, ZeroDivisionError, f"a ** q: {zero} -8.0 would be a division by zero", q)
    check(lambda: q**0.5, ValueError, f"q ** b: q = -8.0, {real}, not 0.5", q)
    check(lambda: q**r, ValueError, f"q ** r: q = -8.0, {real}, not 0.5", q, r)
    check(lambda: (-8) ** r, ValueError, f"a ** r: a = -8.0, {real}, not 0.5", r)
    check(lambda: q**1000, OverflowError, f"q ** b: -8.0 ** 1000.0 is {TOO_LARGE}", q)
    check(lambda: 1e200 ** Value(2.0), OverflowError, f"a ** b: 1e+200 ** 2.0 is {TOO_LARGE}")


@pytest.mark.parametrize("root", [3.0, None, "loss", [Value(1.0)], np.array([Value(1.0)]), Value])
def test_the_root_is_a_value(root):
    shown = engine.validation.shortened(root)
    was = f"{type(root).__name__} {shown}"
    called = "; call it first, as in draw(model(x))" if root is Value else ""
    advice = called or ": was it computed from Values, and not from their .data?"
    from_value = f"backward starts from a Value, not from {was}{advice}"
    check(lambda: backward(root), TypeError, from_value)
    check(lambda: backprop(root), TypeError, from_value)
    for question in (topological_order, leaves, size):
        words = f"the root of a graph must be a Value, got {was}{called}"
        check(lambda question=question: question(root), TypeError, words)


def test_functions_of_many_numbers():
    for name in ("mean", "softmax", "logsumexp"):
        message = f"{name} must be given at least one number, got none"
        check(lambda name=name: getattr(engine, name)([]), ValueError, message)
    message = "dot must be given two sequences of equal length, got 1 and 2 numbers"
    check(lambda: engine.dot([1.0], [1.0, 2.0]), ValueError, message)
    check(lambda: engine.dot([1.0, 2.0], [1.0]), ValueError, message.replace("1 and 2", "2 and 1"))


def test_an_error_in_the_middle_leaves_the_graph_usable():
    x, y = Value(2.0, label="x"), Value(-3.0, label="y")
    z = x * y
    for wrong in (z.log, lambda: z / 0, lambda: z + "1", lambda: backward(z, "1"), lambda: z**0.5):
        with pytest.raises((ValueError, ZeroDivisionError, TypeError)):
            wrong()
    z.backward()
    assert (z.data, x.grad, y.grad) == (-6.0, -3.0, 2.0)


def test_wrong_numbers_of_arguments():
    for wrong in (Value, lambda: Value(1.0, "x", 2), lambda: Value(1.0).exp(2), engine.exp):
        with pytest.raises(TypeError):
            wrong()

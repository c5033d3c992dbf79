"""What becomes a number, and how long things are shown. (The messages of wrong input are in test_errors.)"""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine.validation import as_float, check_choice, check_flag, check_int, check_seconds, shortened


@given(st.floats() | st.integers(-(10**300), 10**300) | st.fractions() | st.booleans())
def test_as_float_is_float(number):
    converted = as_float(number, "number")
    assert type(converted) is float
    assert repr(converted) == repr(float(number))


def test_a_subclass_of_float_becomes_a_plain_float():
    class Metres(float):
        def __add__(self, other):
            raise AssertionError

    assert type(as_float(Metres(2.0), "number")) is float


def test_the_error_says_what():
    with pytest.raises(TypeError, match=r"^the learning rate must be one real number, got str 'fast'; convert it"):
        as_float("fast", "the learning rate")
    with pytest.raises(OverflowError, match=r"^n: 1000.*0000 is too large for a float \(at most about 1.8e308\)$"):
        as_float(10**400, "n")
    words = r"^n must be one real number, got Wrong <wrong>, which does not become a float "
    words += r"\(.*(returned non-float|must return a float)"  # Python 3.15 says the latter
    with pytest.raises(TypeError, match=words):
        as_float(type("Wrong", (), {"__float__": lambda self: "3", "__repr__": lambda self: "<wrong>"})(), "n")


def test_what_is_almost_a_number():
    class Index:
        def __index__(self):
            return 3

    with pytest.raises(TypeError, match="must be one real number, got Index"):
        as_float(Index(), "n")
    assert as_float(Fraction(10**400, 10**400 - 1), "n") == 1.0
    assert math.isnan(as_float(float("nan"), "n"))


@pytest.mark.parametrize("number", [Decimal("1e400"), Decimal("-1e400"), 10**400, Fraction(10**400)])
def test_a_number_that_is_too_large_is_refused_and_infinity_is_not(number):
    with pytest.raises(OverflowError, match=r"^n: .* is too large for a float"):
        as_float(number, "n")
    assert as_float(Decimal("-Infinity"), "n") == -math.inf
    assert as_float(np.float32("inf"), "n") == math.inf


@pytest.mark.skipif(np.finfo(np.longdouble).max <= np.finfo(np.float64).max, reason="a longdouble is a float here")
def test_a_longdouble_that_is_too_large_is_refused_as_a_number_and_in_arrays():
    large = np.longdouble("1e400")
    with pytest.raises(OverflowError, match="is too large for a float"):
        as_float(large, "n")
    with pytest.raises(OverflowError, match=r"X must be within float64's range, got 1e\+400$"):
        engine.compile(lambda x: x * 2.0)(np.array([[1.0], [large]]))
    assert engine.compile(lambda x: x * 2.0)(np.array([[np.longdouble("inf")]])).tolist() == [math.inf]


@pytest.mark.parametrize("flag", [True, np.True_, 1, False, np.False_, 0])
def test_a_flag_is_a_bool(flag):
    assert check_flag("link", flag) is bool(flag)


@pytest.mark.parametrize("wrong", ["no", None, 2, 1.0, [True], np.array(True)])
def test_other_flags_are_refused(wrong):
    with pytest.raises(ValueError, match=r"^link must be True or False, got "):
        check_flag("link", wrong)


@given(st.text(max_size=200), st.integers(10, 100))
def test_shortened_keeps_both_ends(text, most):
    shown, whole = shortened(text, most), repr(text)
    assert len(shown) <= most
    if len(whole) <= most:
        assert shown == whole
    else:
        n_end = (most - 3) // 2
        start, end = shown[: most - 3 - n_end], shown[-n_end:]
        assert shown == f"{start}...{end}"
        assert whole.startswith(start)
        assert whole.endswith(end)


def test_shortened_shows_an_int_that_python_does_not_print():
    assert shortened(10**5000) == "an int of 16610 bits"
    assert shortened(-(10**5000)) == "an int of 16610 bits"


@pytest.mark.parametrize("given", [3, 17, np.int64(3), np.uint8(17)])
def test_an_int_in_the_range(given):
    check_int("n", given, 3, 17)
    check_int("n", given, 3)


@pytest.mark.parametrize("given", [2, 18, 3.0, True, "3", None, np.float64(4.0), [4], 10**400, -(10**400)])
def test_no_int_in_the_range(given):
    with pytest.raises(ValueError, match=r"^n must be an int from 3 to 17, got "):
        check_int("n", given, 3, 17)


@pytest.mark.parametrize("given", [0, -1, math.nan, math.inf, True, "soon", None, 1e300, 10**400])
def test_no_number_of_seconds(given):
    with pytest.raises(ValueError, match=r"^timeout must be a number of seconds > 0 and <= 1e\+06, got "):
        check_seconds("timeout", given)


@pytest.mark.parametrize("given", ["LR ", "lr", "", None, 3, ["LR"], "LRTB", b"LR"])
def test_no_choice(given):
    with pytest.raises(ValueError, match=r'^direction must be "LR", "TB" or "BT", got '):
        check_choice("direction", given, ("LR", "TB", "BT"))

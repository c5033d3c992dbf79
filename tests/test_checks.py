"""What becomes a number, and how long things are shown. (The messages of wrong input are in test_errors.)"""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.validation import as_float, shortened


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
    with pytest.raises(TypeError, match=r"^the learning rate: one real number is wanted, not str 'fast'; convert it"):
        as_float("fast", "the learning rate")
    with pytest.raises(OverflowError, match=r"^n: 1000.*0000 is too large for a float \(at most about 1.8e308\)$"):
        as_float(10**400, "n")
    with pytest.raises(TypeError, match=r"^n: Wrong <wrong> does not become a float \(.*__float__ returned non-float"):
        as_float(type("Wrong", (), {"__float__": lambda self: "3", "__repr__": lambda self: "<wrong>"})(), "n")


def test_what_is_almost_a_number():
    class Index:
        def __index__(self):
            return 3

    with pytest.raises(TypeError, match="one real number is wanted, not Index"):
        as_float(Index(), "n")
    assert as_float(Fraction(10**400, 10**400 - 1), "n") == 1.0
    assert math.isnan(as_float(float("nan"), "n"))


@given(st.text(max_size=200), st.integers(10, 100))
def test_shortened_keeps_both_ends(text, most):
    shown, whole = shortened(text, most), repr(text)
    assert len(shown) <= most
    if len(whole) <= most:
        assert shown == whole
    else:
        start, end = shown.split("...", 1) if "..." not in whole else (shown[:2], shown[-2:])
        assert whole.startswith(start)
        assert whole.endswith(end)


def test_shortened_shows_an_int_that_python_does_not_print():
    assert shortened(10**5000) == "an int of 16610 bits"
    assert shortened(-(10**5000)) == "an int of 16610 bits"

"""Every operation's number and derivatives: against mpmath, finite differences, and by hand at kinks and edges."""

import math
import pickle

import mpmath as mp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from operations import INFINITY, NAN, ONE_ARGUMENT, OPERATIONS, TWO_ARGUMENTS, Operation

import engine
from engine import Value

every_operation = pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)


def same(a: float, b: float) -> bool:
    """Equal to the last bit, zeros with their signs; NaN is the same as NaN."""
    return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1.0, a) == math.copysign(1.0, b))


def ulps_apart(number: float, exact: mp.mpf) -> float:
    """How many units in the last place lie between a float and what it should be."""
    rounded = float(exact)
    if number == rounded:
        return 0.0
    return float(abs(mp.mpf(number) - exact) / mp.mpf(math.ulp(rounded)))


def exact_derivative(row: Operation, numbers: tuple[float, ...], place: int) -> mp.mpf:
    """A central difference of mpmath's function, in so many digits that it is exact to a float."""
    steps = [mp.mpf(x) for x in numbers]
    size = (abs(steps[place]) or 1) * mp.mpf(10) ** -60
    up, down = [*steps], [*steps]
    up[place] += size
    down[place] -= size
    return (row.exact(*up) - row.exact(*down)) / (2 * size)


@every_operation
@given(data=st.data())
@settings(max_examples=60)
@pytest.mark.slow
def test_value_and_derivatives_are_mpmaths(row, data):
    numbers = data.draw(row.floats)
    assume(not row.kink(*numbers))
    result, values = row.on(*numbers)
    result.backward()
    with mp.workdps(450):  # 1 + exp(-700) has 304 digits, and a step is 60 more
        exact = row.exact(*map(mp.mpf, numbers))
        assert ulps_apart(result.data, exact) <= row.ulps + row.loss(*numbers)
        for place, value in enumerate(values):
            derivative = exact_derivative(row, numbers, place)
            apart = ulps_apart(value.grad, derivative)
            assert apart <= row.ulps + row.loss(*numbers), f"argument {place}: {value.grad} and not {derivative}"


@every_operation
@given(data=st.data())
@settings(max_examples=30)
def test_derivatives_are_those_of_finite_differences(row, data):
    numbers = data.draw(row.near)
    assume(not row.kink(*numbers))
    result, values = row.on(*numbers)
    result.backward()
    for place, (domain, value) in enumerate(zip(row.domains, values)):
        if domain.whole:
            continue
        step = 1e-6
        up, down = [*numbers], [*numbers]
        up[place] += step
        down[place] -= step
        difference = (row.on(*up)[0].data - row.on(*down)[0].data) / (2 * step)
        half = [[(number + numbers[i]) / 2 for i, number in enumerate(side)] for side in (up, down)]
        finer = (row.on(*half[0])[0].data - row.on(*half[1])[0].data) / step
        assume(finer == pytest.approx(difference, rel=5e-7, abs=5e-8))  # else the step is too long, as beside a pole
        assert value.grad == pytest.approx(difference, rel=1e-6, abs=1e-7)


@every_operation
@given(data=st.data())
@settings(max_examples=5)
def test_a_second_path_adds_its_gradient(row, data):
    numbers = data.draw(row.near)
    once, once_values = row.on(*numbers)
    once.backward()
    result, values = row.on(*numbers)
    (result * 2.0 + result).backward()
    for value, alone in zip(values, once_values):
        assert value.grad == pytest.approx(3.0 * alone.grad, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("row", ONE_ARGUMENT + TWO_ARGUMENTS, ids=lambda row: row.name)
@given(data=st.data())
@settings(max_examples=20)
def test_function_method_and_float_agree_to_the_last_bit(row, data):
    numbers = data.draw(row.floats)
    function, method = getattr(engine, row.name), getattr(Value, row.name)
    plain = function(*numbers)
    assert type(plain) is float
    by_function = function(*map(Value, numbers))
    by_method = method(Value(numbers[0]), *map(Value, numbers[1:]))
    assert type(by_function) is type(by_method) is Value
    assert by_function.op == by_method.op == row.name
    assert same(plain, by_function.data)
    assert same(plain, by_method.data)
    assert all(map(same, by_function.local_derivatives, by_method.local_derivatives))


@pytest.mark.parametrize("row", TWO_ARGUMENTS, ids=lambda row: row.name)
@given(data=st.data())
@settings(max_examples=20)
def test_a_plain_number_as_either_argument_is_a_constant(row, data):
    x, y = data.draw(row.floats)
    function = getattr(engine, row.name)
    a, b = Value(x), Value(y)
    both = function(a, b)
    for result, value, place in (function(a, y), a, 0), (function(x, b), b, 1), (getattr(a, row.name)(y), a, 0):
        assert same(result.data, both.data)
        assert result.operands[place] is value
        assert result.operands[1 - place].op == "constant"
        assert same(result.local_derivatives[place], both.local_derivatives[place])


KINKS = [  # operation, numbers, value, derivatives: the convention is PyTorch's
    ("abs", (0.0,), 0.0, (0.0,)),
    ("abs", (-0.0,), 0.0, (0.0,)),
    ("abs", (-INFINITY,), INFINITY, (-1.0,)),
    ("abs", (NAN,), NAN, (0.0,)),
    ("relu", (0.0,), 0.0, (0.0,)),
    ("relu", (-0.0,), 0.0, (0.0,)),
    ("relu", (-INFINITY,), 0.0, (0.0,)),
    ("relu", (5e-324,), 5e-324, (1.0,)),
    ("leaky_relu", (0.0, 0.01), 0.0, (0.01, 0.0)),
    ("leaky_relu", (-2.0, 0.25), -0.5, (0.25, -2.0)),
    ("leaky_relu", (2.0, 0.25), 2.0, (1.0, 0.0)),
    ("leaky_relu", (NAN, 0.25), NAN, (0.25, NAN)),
    ("maximum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("maximum", (-INFINITY, 2.0), 2.0, (0.0, 1.0)),
    ("maximum", (NAN, 2.0), NAN, (1.0, 1.0)),
    ("maximum", (2.0, NAN), NAN, (1.0, 1.0)),
    ("minimum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("minimum", (-INFINITY, 2.0), -INFINITY, (1.0, 0.0)),
    ("minimum", (2.0, NAN), NAN, (1.0, 1.0)),
    ("minimum", (NAN, 2.0), NAN, (1.0, 1.0)),
    ("**", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("**", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("**", (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("**", (0.0, 0.5), 0.0, (INFINITY, 0.0)),
    ("**", (-0.0, 0.5), 0.0, (INFINITY, 0.0)),
    ("**", (0.0, NAN), NAN, (NAN, NAN)),
    ("**", (-2.0, 3.0), -8.0, (12.0, NAN)),
    ("**", (-2.0, -3.0), -0.125, (-0.1875, NAN)),
    ("**", (-1e-200, -1.0), -1e200, (-INFINITY, NAN)),
    ("**", (-1e-150, -2.0), 1e300, (INFINITY, NAN)),
    ("**", (1e-200, -1.0), 1e200, (-INFINITY, 1e200 * math.log(1e-200))),
    ("**", (-2.0, INFINITY), INFINITY, (INFINITY, NAN)),
    ("**", (-2.0, NAN), NAN, (NAN, NAN)),
    ("**", (NAN, 0.0), 1.0, (0.0, NAN)),
    ("**", (1.0, NAN), 1.0, (NAN, 0.0)),
    ("**", (-INFINITY, 0.5), INFINITY, (0.0, NAN)),
    ("**", (INFINITY, -1.0), 0.0, (-0.0, NAN)),
    ("atan2", (0.0, 0.0), 0.0, (0.0, 0.0)),
    ("atan2", (0.0, -1.0), math.pi, (-1.0, -0.0)),
    ("atan2", (-0.0, -1.0), -math.pi, (-1.0, 0.0)),
    (
        "atan2",
        (1e300, 1e300),
        math.pi / 4,
        (1e300 / math.hypot(1e300, 1e300) / math.hypot(1e300, 1e300), -4.999999999999999e-301),
    ),
    ("hypot", (0.0, 0.0), 0.0, (NAN, NAN)),
    ("hypot", (3e300, 4e300), 5e300, (0.6, 0.8)),
    ("hypot", (0.0, -2.0), 2.0, (0.0, -1.0)),
    ("sqrt", (0.0,), 0.0, (INFINITY,)),
    ("sqrt", (-0.0,), -0.0, (-INFINITY,)),
    ("sqrt", (INFINITY,), INFINITY, (0.0,)),
    ("asin", (1.0,), math.pi / 2, (INFINITY,)),
    ("asin", (-1.0,), -math.pi / 2, (INFINITY,)),
    ("acos", (1.0,), 0.0, (-INFINITY,)),
    ("acos", (-1.0,), math.pi, (-INFINITY,)),
    ("log", (INFINITY,), INFINITY, (0.0,)),
    ("log", (5e-324,), math.log(5e-324), (INFINITY,)),
    ("log1p", (INFINITY,), INFINITY, (0.0,)),
    ("log1p", (-0.0,), -0.0, (1.0,)),
    ("exp", (-INFINITY,), 0.0, (0.0,)),
    ("exp", (INFINITY,), INFINITY, (INFINITY,)),
    ("exp", (-1000.0,), 0.0, (0.0,)),
    ("expm1", (-INFINITY,), -1.0, (0.0,)),
    ("expm1", (1e-300,), 1e-300, (1.0,)),
    ("sin", (INFINITY,), NAN, (NAN,)),
    ("cos", (-INFINITY,), NAN, (NAN,)),
    ("tan", (INFINITY,), NAN, (NAN,)),
    ("atan", (INFINITY,), math.pi / 2, (0.0,)),
    ("atan", (-INFINITY,), -math.pi / 2, (0.0,)),
    ("sinh", (-INFINITY,), -INFINITY, (INFINITY,)),
    ("cosh", (-INFINITY,), INFINITY, (-INFINITY,)),
    ("tanh", (INFINITY,), 1.0, (0.0,)),
    ("tanh", (-1000.0,), -1.0, (0.0,)),
    ("tanh", (20.0,), math.tanh(20.0), (4.0 * math.exp(-40.0),)),
    ("sigmoid", (-1000.0,), 0.0, (0.0,)),
    ("sigmoid", (1000.0,), 1.0, (0.0,)),
    ("sigmoid", (0.0,), 0.5, (0.25,)),
    ("sigmoid", (-INFINITY,), 0.0, (0.0,)),
    ("softplus", (1000.0,), 1000.0, (1.0,)),
    ("softplus", (-1000.0,), 0.0, (0.0,)),
    ("softplus", (0.0,), math.log(2.0), (0.5,)),
    ("softplus", (INFINITY,), INFINITY, (1.0,)),
    ("gelu", (0.0,), 0.0, (0.5,)),
    ("gelu", (1e200,), 1e200, (1.0,)),
    ("gelu", (-1e200,), -0.0, (0.0,)),
    ("gelu", (-INFINITY,), -0.0, (0.0,)),
    ("maximum", (0.0, -0.0), 0.0, (0.5, 0.5)),  # of two zeros the first
    ("maximum", (-0.0, 0.0), -0.0, (0.5, 0.5)),
    ("minimum", (0.0, -0.0), 0.0, (0.5, 0.5)),
    ("minimum", (-0.0, 0.0), -0.0, (0.5, 0.5)),
    ("erf", (INFINITY,), 1.0, (0.0,)),
    ("erf", (1e200,), 1.0, (0.0,)),
    ("+", (INFINITY, -INFINITY), NAN, (1.0, 1.0)),
    ("*", (1e300, 1e300), INFINITY, (1e300, 1e300)),
    ("*", (INFINITY, 0.0), NAN, (0.0, INFINITY)),
    ("/", (0.0, 2.0), 0.0, (0.5, -0.0)),
    ("/", (1.0, -INFINITY), -0.0, (-0.0, -0.0)),
    ("/", (1e300, 1e-300), INFINITY, (1.0 / 1e-300, -INFINITY)),
]


@pytest.mark.parametrize(("name", "numbers", "value", "derivatives"), KINKS)
def test_kinks_and_edges(name, numbers, value, derivatives):
    result, values = next(row for row in OPERATIONS if row.name == name).on(*numbers)
    assert same(result.data, value)
    assert len(result.local_derivatives) == len(values) == len(derivatives)
    assert all(map(same, result.local_derivatives, derivatives)), result.local_derivatives
    result.backward()
    assert [v.grad for v in values] == pytest.approx(list(derivatives), rel=0, abs=0, nan_ok=True)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_equal_numbers_share_the_gradient_whether_or_not_they_are_one_object(name):
    two, another = 2.0, float("2.0")
    assert two is not another
    for y in two, another:
        result = getattr(Value(two), name)(Value(y))
        assert (result.data, result.local_derivatives) == (2.0, (0.5, 0.5))


@pytest.mark.parametrize("row", ONE_ARGUMENT, ids=lambda row: row.name)
def test_nan_flows(row):
    """Into the derivative too; PyTorch's relu hands the gradient on, and so does this one."""
    result, _ = row.on(NAN)
    assert math.isnan(result.data)
    assert same(result.local_derivatives[0], 1.0 if row.name == "relu" else NAN)


@pytest.mark.parametrize("row", ONE_ARGUMENT, ids=lambda row: row.name)
def test_a_function_takes_every_kind_of_number(row):
    function = getattr(engine, row.name)
    expected = function(1.0)
    for one in (1, True, np.float32(1), np.int64(1), np.float64(1), np.bool_(True), np.array(1.0)):
        assert function(one) == expected
        assert type(function(one)) is float


def test_what_is_not_tracked_is_a_constant():
    """A plain exponent is a constant, whose derivative is not computed: it may not exist."""
    assert (Value(-2.0) ** 3).local_derivatives == (12.0, 0.0)
    assert math.isnan((Value(-2.0) ** Value(3.0)).local_derivatives[1])
    power = 2 ** Value(3.0)
    assert power.local_derivatives == (12.0, 8.0 * math.log(2.0))
    assert power.operands[0].op == "constant"


def test_a_constant_out_of_a_file_is_a_constant():
    n = pickle.loads(pickle.dumps(Value(1.0) * 3)).operands[1]
    assert (Value(-2.0) ** n).local_derivatives == (12.0, 0.0)


def test_the_exponent_may_come_from_any_operation():
    x = Value(0.5)
    for n in (x, abs(x), x * 1.0, x + 0.0, -x, x.cos(), x.detach(), x.exp(), x.tanh()):
        power = Value(2.0) ** n
        assert power.local_derivatives[1] == power.data * math.log(2.0)


def test_detach_stops_the_gradient():
    x = Value(3.0)
    y = x * x.detach()
    y.backward()
    assert (y.data, x.grad) == (9.0, 3.0)
    assert y.operands[1].op == "detach"

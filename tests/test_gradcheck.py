"""gradcheck and detect_anomaly: what is wrong is found, and said where."""

import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import GradcheckError, Value, detect_anomaly, gradcheck
from engine.debugging.gradcheck import ridders
from engine.value import WATCH


@pytest.mark.parametrize(
    ("f", "slope", "at"),
    [
        (math.exp, math.exp, 3.0),
        (math.sin, math.cos, 1e5),
        (math.log, lambda x: 1 / x, 1e-8),
        (lambda x: x**5, lambda x: 5 * x**4, -2e3),
        (lambda x: 1e12 + x, lambda x: 1.0, 3.0),
        (math.sqrt, lambda x: 0.5 / math.sqrt(x), 1e-4),
    ],
)
def test_ridders_and_its_bound(f, slope, at):
    derivative, bound = ridders(f, at)
    assert abs(derivative - slope(at)) <= 4 * bound
    assert bound <= 1e-2 * abs(slope(at))


def test_no_number_on_one_side_is_nan():
    derivative, _ = ridders(math.sqrt, 0.0)
    assert math.isnan(derivative)


@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_right_derivatives_pass(a, b):
    assert gradcheck(lambda v: engine.tanh(v["a"]) * v["b"][0] ** v["a"] + engine.gelu(v["a"]), {"a": a, "b": [b]})


def test_the_report_says_every_comparison():
    report = gradcheck(lambda x, y: x * y, (2.0, 3.0))
    assert report.ok
    assert [round(each.numeric, 9) for each in report.inputs] == [3.0, 2.0]
    assert str(report).splitlines()[0] == "all derivatives agree with differences"


@pytest.mark.skipif(engine.COMPILED, reason="compiled methods cannot be replaced")
def test_the_first_operation_that_is_off_is_named(monkeypatch):
    def sin(self):
        return engine.value.restored(engine.operations.SIN, math.sin(self.data), 0.0, "", 0.25, 0.0, self, None)

    monkeypatch.setattr(Value, "sin", sin)
    with pytest.raises(
        GradcheckError, match=r"first operation that is off: sin\(0\.5\) with respect to operand 1: 0\.25"
    ):
        gradcheck(lambda x: (x * 1.0).sin() * x.cos(), 0.5)
    report = gradcheck(lambda x: x.sin(), 0.5, raise_exception=False)
    assert not report
    assert "wrong input 0: 0.25" in str(report)


def test_a_kink_hit_exactly_is_off():
    with pytest.raises(GradcheckError, match=r"relu\(0\.0\)"):
        gradcheck(engine.relu, 0.0)


def test_a_function_that_gives_no_value():
    with pytest.raises(TypeError, match="has to give one Value, and gave 3"):
        gradcheck(lambda x: 3, 1.0)


# ---------------------------------------------------------------------------------------------------- detect_anomaly


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda x: x * 1e200, r"^\* gave inf, from x = 1e\+200 and 1e\+200$"),
        (lambda x: x + 1.7e308 + 1.7e308, r"^\+ gave inf"),
    ],
)
def test_the_first_infinity_is_an_error(make, said):
    x = Value(1e200, label="x")
    with pytest.raises(FloatingPointError, match=said), detect_anomaly():
        make(x)
    make(x)


def test_a_nan_out_of_infinities_is_an_error_and_an_infinity_that_was_there_is_not():
    x = Value(math.inf, label="x")
    with detect_anomaly():
        y = x * 2
        with pytest.raises(FloatingPointError, match=r"^- gave nan, from inf and x = inf$"):
            y - x
        assert math.isnan((Value(math.nan) + 1).data)


def test_backward_stops_where_the_gradient_goes_wrong():
    x = Value(0.0, label="x")
    y = x.sqrt() * 3
    with (
        pytest.raises(
            FloatingPointError, match=r"backward through sqrt gave inf, from x = 0\.0: .* is inf, and .* 3\.0$"
        ),
        detect_anomaly(),
    ):
        y.backward()
    y.backward()
    assert x.grad == math.inf


def test_backward_within_it_is_backward():
    x, z = Value(0.7), Value(-1.2)
    ((x * z).tanh() + x).backward()
    plain = x.grad, z.grad
    x.grad = z.grad = 0.0
    with detect_anomaly():
        ((x * z).tanh() + x).backward()
    assert (x.grad, z.grad) == plain


def test_kinks_on_request():
    with detect_anomaly(kinks=True) as found:
        x = Value(0.0, label="x")
        x.relu(), abs(x), x.maximum(0), x.hypot(0), (x + 1).relu()
    assert found.kinks == [
        "relu at its kink: x = 0.0",
        "abs at its kink: x = 0.0",
        "maximum at its kink: x = 0.0 and 0.0",
        "hypot at its kink: x = 0.0 and 0.0",
    ]
    with detect_anomaly() as silent:
        x.relu()
    assert silent.kinks == []


def test_other_threads_are_left_alone_and_nothing_stays_on():
    result = []
    with detect_anomaly():
        thread = threading.Thread(target=lambda: result.append((Value(1e200) * 1e200).data))
        thread.start()
        thread.join()
        with detect_anomaly():
            assert WATCH.watchers == 2
    assert result == [math.inf]
    assert WATCH.watchers == 0

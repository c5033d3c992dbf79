"""gradcheck and detect_anomaly: what is wrong is found, and said where."""

import inspect
import itertools
import math
import random
import sys
import threading
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import engine
from engine import GradcheckError, Value, detect_anomaly, grad, gradcheck
from engine.debugging.finite_differences import Verdict, slopes
from engine.node import WATCH
from engine.operations import OPERATIONS
from nn import MLP


@pytest.mark.parametrize(
    ("f", "slope", "at"),
    [
        (math.exp, math.exp, 3.0),
        (math.sin, math.cos, 1e5),
        (math.log, lambda x: 1 / x, 1e-8),
        (lambda x: x**5, lambda x: 5 * x**4, -2e3),
        (lambda x: 1e12 + x, lambda x: 1.0, 3.0),
        (math.sqrt, lambda x: 0.5 / math.sqrt(x), 1e-4),
        (math.sqrt, lambda x: 0.5 / math.sqrt(x), 1e-200),
        (math.asin, lambda x: 1 / math.sqrt((1 - x) * (1 + x)), 1 - 1e-11),
        (lambda x: abs(x - 1e-9), lambda x: -1.0, 0.0),
        (lambda x: x * math.exp(-((x / 1e-4) ** 2)), lambda x: 1.0, 0.0),
        (lambda x: max(x, 0.0) ** 2, lambda x: 0.0, 0.0),
    ],
)
def test_slopes_and_their_bound(f, slope, at):
    found = slopes(f, at)
    assert found.verdict(slope(at), tolerance=0.0) is Verdict.AGREES
    assert found.bound <= 2e-2 * max(abs(slope(at)), 1.0)
    assert not found.is_kink


@pytest.mark.parametrize(
    ("f", "at", "left", "right"),
    [
        (abs, 0.0, -1.0, 1.0),
        (lambda x: max(3.0 * x, x * x), 3.0, 3.0, 6.0),
        (lambda x: max(math.exp(x), 1.0), 0.0, 0.0, 1.0),
    ],
)
def test_a_kink_has_two_slopes(f, at, left, right):
    found = slopes(f, at)
    assert found.left == pytest.approx(left, abs=1e-5)
    assert found.right == pytest.approx(right, abs=1e-5)
    assert found.is_kink
    assert found.verdict(0.5 * (left + right)) is Verdict.AGREES
    assert found.verdict(right + 0.01) is found.verdict(left - 0.01) is Verdict.DIFFERS


@pytest.mark.parametrize(
    ("f", "at", "why"),
    [
        (math.sqrt, 0.0, "do not settle"),
        (lambda x: float(x > 2.0), 2.0, "do not settle"),
        (math.cbrt, 0.0, "do not settle"),
        (math.log, -1.0, "domain" if sys.version_info < (3, 14) else "expected a positive input"),
        (math.exp, math.inf, "no number beside inf"),
        (lambda x: math.inf, 1.0, "the result is inf"),
    ],
)
def test_where_differences_cannot_tell(f, at, why):
    assert why in slopes(f, at)


def test_at_the_end_of_a_domain_one_side_is_enough():
    def edge_at_zero(x):
        return x * x + math.log1p(x) if x >= 0.0 else math.sqrt(x)

    assert slopes(edge_at_zero, 0.0).verdict(1.0) is Verdict.AGREES
    assert slopes(edge_at_zero, 0.0).verdict(0.0) is Verdict.DIFFERS


@given(st.floats(-3, 3), st.floats(0.1, 3))
def test_right_derivatives_pass(a, b):
    assert gradcheck(lambda v: engine.tanh(v["a"]) * v["b"][0] ** v["a"] + engine.gelu(v["a"]), {"a": a, "b": [b]})


def test_the_report_says_every_comparison():
    report = gradcheck(lambda x, y: x * y, (2.0, 3.0))
    assert report.ok
    assert [round(each.numeric, 9) for each in report.inputs] == [3.0, 2.0]
    assert str(report).splitlines()[0] == "all derivatives agree with differences"
    assert repr(report) == str(report), "in a notebook, too"


def test_named_tuples_are_one_argument_as_in_grad():
    Point = namedtuple("Point", "x y")
    report = gradcheck(lambda p: p.x * p.y, Point(2.0, 3.0))
    assert report.ok
    assert [each.what for each in report.inputs] == ["input 0 at ['x']", "input 1 at ['y']"]
    assert gradcheck(lambda p, k: p.x * p.y * k, (Point(2.0, 3.0), 4.0)).ok


def test_the_report_says_names():
    of_dict = gradcheck(lambda v: v["a"] * v["b"][0], {"a": 2.0, "b": [3.0]})
    assert [each.what for each in of_dict.inputs] == ["input 0 at ['a']", "input 1 at ['b'][0]"]
    several = gradcheck(lambda v, x: v["a"] * x, ({"a": 2.0}, 3.0))
    assert [each.what for each in several.inputs] == ["input 0 at [0]['a']", "input 1"]
    pandas = pytest.importorskip("pandas")
    of_series = gradcheck(lambda v: v["a"] * v["b"], pandas.Series({"a": 2.0, "b": 3.0}))
    assert [each.what for each in of_series.inputs] == ["input 0 at ['a']", "input 1 at ['b']"]


@pytest.mark.skipif(engine.COMPILED, reason="compiled methods cannot be replaced")
def test_the_first_operation_that_is_off_is_named(monkeypatch):
    def sin(self):
        return engine.value.restored(OPERATIONS["sin"], math.sin(self.data), 0.0, "", 0.25, 0.0, self, None)

    monkeypatch.setattr(Value, "sin", sin)
    with pytest.raises(
        GradcheckError, match=r"first operation that is off: sin\(0\.5\) with respect to operand 1: 0\.25"
    ):
        gradcheck(lambda x: (x * 1.0).sin() * x.cos(), 0.5)
    report = gradcheck(lambda x: x.sin(), 0.5, raise_exception=False)
    assert not report
    assert "wrong input 0: 0.25" in str(report)


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (engine.relu, 1e-4),
        (engine.relu, -3e-9),
        (engine.relu, 0.0),
        (abs, 0.0),
        (lambda x: engine.relu(x) * x, 0.0),
        (lambda x: engine.maximum(x, 2 * x), 0.0),
        (engine.sqrt, 1e-12),
        (engine.sqrt, 1e-250),
        (engine.asin, 1 - 1e-10),
        (engine.acos, 1e-10 - 1),
        (engine.log, 7e-10),
        (engine.log, 1e-100),
        (engine.log1p, 1e-10 - 1),
        (lambda x: x if x > 0 else 0.0, 1e-4),
        (lambda x: engine.tanh(1e6 * x), 1e-7),
        (lambda x: x**0.5 * 1e-200, 1e-12),
        (lambda x: 1e-20 * x + 1.0, 1.0),
        (lambda v: (v[0] + 1e12) - 1e12 + v[1], [3.0, 2.0]),
        (lambda x: x * 1e-300, -1.7e308),
        (engine.tanh, 1e308),
    ],
)
def test_beside_kinks_and_ends_of_domains_right_derivatives_agree(f, at):
    assert gradcheck(f, at).verdict is Verdict.AGREES


@pytest.mark.slow
def test_a_network_of_relus_gives_no_false_alarm():
    generator = random.Random(1)
    for seed in range(15):
        model = MLP(2, [16, 16, 1], "relu", seed=seed)
        for _ in range(2):
            report = gradcheck(lambda x, model=model: model(x), [generator.uniform(-3, 3) for _ in range(2)])
            assert report.verdict is Verdict.AGREES


@pytest.mark.parametrize("at", [-1.7, 1e-5, 0.3, 2.0, 40.0])
@pytest.mark.parametrize(
    "slope",
    [lambda x: 1.0001 * 2 * x, lambda x: -2 * x, lambda x: 0.0, lambda x: 2 * x + 0.01, lambda x: math.nan],
)
def test_wrong_derivatives_are_found(slope, at):
    @engine.primitive(slope)
    def square_with_wrong_slope(x):
        return x * x

    with pytest.raises(GradcheckError, match="first operation that is off: square_with_wrong_slope"):
        gradcheck(lambda x: engine.tanh(square_with_wrong_slope(x)) + x, at)


def test_a_missing_term_is_found():
    report = gradcheck(lambda x: x * x.data + x, 3.0, raise_exception=False)
    assert report.verdict is Verdict.DIFFERS
    assert report.first_wrong is None  # each operation is right; the term is missing
    assert [round(each.numeric, 6) for each in report.inputs] == [7.0]


def test_a_wrong_derivative_at_a_kink_is_found():
    @engine.primitive(lambda x: 1.5)
    def ramp(x):
        return max(x, 0.0)

    report = gradcheck(ramp, 0.0, raise_exception=False)
    assert report.verdict is Verdict.DIFFERS
    assert "wrong input 0: 1.5, and differences say 0.0 on the left and 1.0 on the right" in str(report)


def test_where_differences_cannot_tell_nothing_is_claimed():
    report = gradcheck(engine.sqrt, 0.0)
    assert report.verdict is Verdict.CANNOT_TELL
    assert not report.ok
    assert report.verdict == "cannot tell here"
    assert str(report).splitlines() == [
        "differences cannot tell here whether all derivatives are right",
        "?     input 0: inf, and differences cannot tell: differences do not settle on a slope",
    ]


def counted():
    """A function that gives another number at each call."""
    calls = itertools.count()
    return lambda x: x + next(calls)


@pytest.mark.parametrize(
    ("f", "what"),
    [
        (lambda x: x * random.random(), "numbers"),
        (lambda x: x + random.choice([0.0, 1e-16]), "numbers"),
        (lambda x: x * random.choice([1.0, math.nan]), "numbers"),
        (lambda x: random.choice([x, x.detach()]), "gradients"),
        (counted(), "numbers"),
    ],
)
def test_a_function_that_does_not_repeat_itself_is_refused(f, what):
    for seed in range(10):
        random.seed(seed)
        with pytest.raises(GradcheckError, match=f"f must give the same {what} each time for the same input, got"):
            gradcheck(f, 0.75, raise_exception=False)


@pytest.mark.parametrize("at", [1e50, 1e100, 1e300])
def test_waves_shorter_than_the_smallest_steps(at):
    assert gradcheck(engine.sin, at).verdict is Verdict.CANNOT_TELL


def test_stale_numbers_are_no_wrong_derivatives():
    x, w = Value(2.0), Value(3.0, label="w")
    product = x * w
    w.data = 5.0
    with pytest.raises(ValueError, match="the data of w was changed"):
        gradcheck(lambda z: z * product, 1.0)


def test_a_function_that_gives_nan_each_time_repeats_itself():
    assert gradcheck(lambda x: x * math.nan, 1.0).verdict is Verdict.CANNOT_TELL


def test_arguments_and_results_that_are_arrays():
    assert gradcheck(lambda v: np.squeeze(np.array([[2.0, 3.0]]) @ v), np.array([1.0, 4.0])).ok


def test_a_function_that_gives_no_value():
    with pytest.raises(TypeError, match="must return one Value, got None"):
        gradcheck(lambda x: None, 1.0)


def test_a_function_that_gives_a_plain_number_has_derivatives_of_0_as_for_grad():
    for f, at in ((lambda v: max(0, v[0]), [-1.0]), (lambda v: max(0, v[0]), [0.0]), (lambda x: 3, 1.0)):
        assert gradcheck(f, at).inputs[0].derivative == 0.0 == np.ravel(grad(f)(at))[0]
        assert gradcheck(f, at).ok
    with pytest.raises(GradcheckError, match=r"input 0: 0\.0, and differences say 2\.0"):
        gradcheck(lambda x: float(2 * x), 1.0)


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


def lost(x):
    return x * math.exp(x)  # here


def lost_by_data(x):
    y = x * 2.0
    return x * y.data  # here


def lost_by_float(x):
    return float(x) * x  # here


def line_of(function):
    lines, start = inspect.getsourcelines(function)
    return start + next(i for i, line in enumerate(lines) if "# here" in line)


@pytest.mark.parametrize(
    ("function", "how"), [(lost, "math.exp()"), (lost_by_data, ".data"), (lost_by_float, "float()")]
)
def test_the_line_where_a_derivative_is_lost_is_named(function, how):
    with pytest.raises(GradcheckError) as caught:
        gradcheck(function, 0.5)
    said = f"{__file__}, line {line_of(function)}: {how} takes a number out of the graph, and its derivative is lost"
    assert said in str(caught.value).splitlines()[1]
    assert ("use engine.exp" in str(caught.value)) == (function is lost)


def test_each_line_where_a_derivative_is_lost_is_named():
    def f(x):
        y = x * 2.0
        up, across = math.exp(y), math.cos(x)
        return x * up * across * math.sin(y)

    lines = str(gradcheck(f, 0.5, raise_exception=False)).splitlines()[1:4]
    assert [line.split(": ")[1].split("()")[0] for line in lines] == ["math.exp", "math.cos", "math.sin"]


def test_numbers_that_do_no_harm_are_not_named():
    def f(x):
        size = 2.0 if float(x) > 0.0 else 3.0
        return x * size

    assert "takes a number" not in str(gradcheck(f, 0.5))
    w = Value(3.0)
    wrong = gradcheck(lambda x: x * w.data + x.detach(), 0.5, raise_exception=False)
    assert "takes a number" not in str(wrong)

"""Numbers that eager arithmetic refuses are refused by programs, also where a later operation hides what came of it."""

import re

import numpy as np
import pytest

import engine
from engine import Value, compile, maximum, minimum
from engine.domains import limits_of
from nn import Module

REFUSED = {
    "log": (lambda x: x.log(), [0.0, -1.0, -np.inf], ValueError),
    "log10": (engine.log10, [0.0, -2.0], ValueError),
    "log1p": (engine.log1p, [-1.0, -3.0], ValueError),
    "sqrt": (lambda x: x.sqrt(), [-1e-300, -np.inf], ValueError),
    "asin": (engine.asin, [1.5, -np.inf], ValueError),
    "acos": (engine.acos, [-1.0000001], ValueError),
    "exp": (lambda x: x.exp(), [710.0, 1e300], OverflowError),
    "expm1": (engine.expm1, [710.0], OverflowError),
    "sinh": (engine.sinh, [-711.0], OverflowError),
    "cosh": (engine.cosh, [711.0], OverflowError),
    "1 / x": (lambda x: 1.0 / x, [0.0, -0.0], ZeroDivisionError),
    "x / x": (lambda x: x / (x - 3.0), [3.0], ZeroDivisionError),
    "x**2": (lambda x: x**2, [1e200], OverflowError),
    "x**3": (lambda x: x**3, [-1e150], OverflowError),
    "x**-1": (lambda x: x**-1, [0.0], ZeroDivisionError),
    "x**-3": (lambda x: x**-3, [0.0], ZeroDivisionError),
    "x**0.5": (lambda x: x**0.5, [-1.0], ValueError),
    "x**0.3": (lambda x: x**0.3, [-1.0], ValueError),
    "2**x": (lambda x: 2.0**x, [1e5], OverflowError),
    "x**x": (lambda x: x**x, [-0.5, 200.0], (ValueError, OverflowError)),
}
HIDE = {
    "nothing": lambda y: y,
    "maximum": lambda y: maximum(minimum(y, 5.0), -5.0),
    "a reciprocal": lambda y: 1.0 / (y + 7.0),
    "tanh": engine.tanh,
    "a choice": lambda y: maximum(y * y, 2.0) - maximum(y * y, 2.0),
}


@pytest.mark.parametrize("hide", HIDE)
@pytest.mark.parametrize("name", REFUSED)
def test_a_program_refuses_what_eager_arithmetic_refuses(name, hide):
    function, numbers, error = REFUSED[name]
    x = Value(0.75)
    program = compile(HIDE[hide](function(x)), [x])
    for number in numbers:
        with pytest.raises(error) as eagerly:
            HIDE[hide](function(Value(number)))
        for n_rows in (1, 2, 7, 8, 33):  # vector instructions treat the last few otherwise
            for place in {0, n_rows // 2, n_rows - 1}:
                X = np.full((n_rows, 1), 0.75)
                X[place] = number
                for run in (program, program.value_and_gradient, program.gradients):
                    with pytest.raises(error) as refused:
                        run(X)
                    assert str(refused.value).startswith(str(eagerly.value))
                    assert str(refused.value).endswith(f"for the row [{number!r}] of X")
                with pytest.raises(error):
                    program.gradients(X, "inputs")
    assert program([[0.75]]).tolist() == pytest.approx([HIDE[hide](function(Value(0.75))).data])


@pytest.mark.parametrize(
    ("function", "row"),
    [
        (lambda x, y: x / y, [np.inf, 0.0]),
        (lambda x, y: 1.0 / (x / y), [-np.inf, 0.0]),
        (lambda x, y: 1.0 / (x * x / y), [1e200, 0.0]),
        (lambda x, y: maximum((x - x) / y, 1.0), [np.inf, -0.0]),
    ],
)
def test_a_zero_below_is_refused_whatever_is_above(function, row):
    """The processor signals no division by zero where the numerator is infinite or NaN."""
    x, y = Value(1.0), Value(2.0)
    program = compile(function(x, y), [x, y])
    with pytest.raises(ZeroDivisionError):
        function(*map(Value, row))
    for X in ([row], [[1.0, 2.0]] * 20 + [row]):
        for run in (program, program.value_and_gradient, lambda X: program.gradients(X, "inputs")):
            with pytest.raises(ZeroDivisionError, match=r"a division needs b != 0, for the row"):
                run(X)


def test_the_row_in_the_message_has_the_columns_alone():
    x, w = Value(1.0), Value(2.0)
    program = compile((x * w).log(), [x], [w])
    for run in (program, program.gradients):
        with pytest.raises(ValueError, match=r"for the row \[-1.0\] of X$"):
            run([[-1.0]])


def test_what_eager_arithmetic_takes_is_taken():
    x = Value(0.5)
    y = [x.log(), x.exp(), x * 1e308 * 10.0, 1.0 / x, x.sqrt(), x**2, x - x]
    X = [[np.inf], [1.0], [1e-320], [2.0]]
    found = compile(y, [x])(X)
    for row, numbers in zip(X, found):
        x = Value(row[0])
        eager = [x.log(), x.exp(), x * 1e308 * 10.0, 1.0 / x, x.sqrt(), x**2, x - x]
        np.testing.assert_allclose(numbers, [value.data for value in eager], rtol=1e-15)


@pytest.mark.parametrize("backend", ["numpy", "c"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_a_function_differentiates_is_refused_whichever_row_comes_first(name, backend):
    """The gradient of log(x) is 1 / x, which has a number at -1, too."""
    function, numbers, error = REFUSED[name]
    for differentiate in (engine.grad(function), engine.grad(engine.grad(function))):
        for number in numbers:
            with pytest.raises(error):
                differentiate(number)
            compiled = compile(differentiate, backend=backend)
            compiled([[0.75]])
            for run in (compiled, compiled.value_and_gradient, compiled.gradients):
                with pytest.raises(error, match=rf"for the row \[{re.escape(repr(number))}\] of X$"):
                    run([[0.75], [number]])


INSIDE = {
    ("sqrt", None): ([0.0, 1.0, np.inf], [-1e-45, np.nan]),
    ("log", None): ([1e-45, np.inf], [0.0, -1.0, np.nan]),
    ("asin", None): ([-1.0, 1.0], [1.0000001, -np.inf]),
    ("/", None): ([1e-45, -np.inf], [0.0, -0.0, np.nan]),
    ("**", 3.0): ([1e38, -1e38], [np.nan]),
    ("**", 16.0): ([1e19, -1e19], [2e19, np.nan]),
    ("**", -1.0): ([1e-38, np.inf], [0.0, np.nan]),
    ("**", 0.5): ([0.0, np.inf], [-1e-45]),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("operation", "exponent"), INSIDE)
def test_limits_hold_at_the_ends_of_domains_in_each_dtype(operation, exponent, dtype):
    taken, refused = (np.array(numbers, dtype) for numbers in INSIDE[operation, exponent])
    _, limits = limits_of(operation, exponent)
    assert limits.hold(taken)
    assert limits.inside(taken.astype(np.float64)).all()
    assert not limits.inside(refused.astype(np.float64)).any()
    assert not any(limits.hold(np.append(taken, number)) for number in refused)


def test_float32_overflows_where_eager_arithmetic_does_not():
    x = Value(1.0)
    program = compile(1.0 / (1.0 + x.exp()), [x], dtype="float32")
    assert program([[100.0], [0.0]]).tolist() == [pytest.approx(np.exp(-100.0), rel=0.1), 0.5]
    with pytest.raises(OverflowError, match="exp"):
        program([[1000.0], [0.0]])


def test_parameters_are_refused_as_well():
    w = Value(2.0, "w")
    program = compile(maximum(w.log(), -1.0), [], [w])
    program.weights[0] = 0.0
    for run in (program, program.value_and_gradient):
        with pytest.raises(ValueError, match=r"^log\(w\): w = 0.0, but log needs w > 0$"):
            run()


def test_a_program_of_gradients_gives_their_infinities():
    x = Value(4.0)
    slope = engine.gradients(x.sqrt(), [x])[0]
    assert compile(slope, [x])([[0.0]]).tolist() == [np.inf]


def test_each_row_is_refused_on_its_own_path_only():
    @compile
    def safe_log(x):
        return x.log() if x > 0 else x * 0.0

    assert safe_log([[1.0], [-1.0], [0.0]]).tolist() == [0.0, -0.0, 0.0]

    @compile
    def late(x):
        y = x.log()
        return maximum(y, -3.0) if y < -2.0 else y

    assert late([[1.0], [1e-9]]).tolist() == [0.0, -3.0]
    with pytest.raises(ValueError, match="log needs x > 0"):
        late([[1.0], [0.0]])


class Handmade(Module):
    """A logistic regression whose sigmoid overflows far from 0."""

    def __init__(self):
        self.w = Value(1.0, "w")

    def __call__(self, x):
        return [1.0 / (1.0 + (-(self.w * x[0])).exp())]


@pytest.mark.parametrize("replay", [None, True, False])
def test_fit_and_predict_stop_where_eager_arithmetic_does(replay):
    model = Handmade()
    X, y = [[0.5], [-0.5], [-1000.0]] * 50, [1.0, 0.0, 0.0] * 50
    with pytest.raises(ArithmeticError, match="exp of that is too large"):
        model.fit(X, y, loss="mse", epochs=2, replay=replay, progress=False, seed=0)
    with pytest.raises(ArithmeticError, match="exp of that is too large"):
        model.predict(X * 2000)


def test_a_library_that_signals_in_matrix_products_is_not_believed(monkeypatch):
    """Some BLAS libraries do for ordinary numbers; then nothing is computed again, number by number."""
    from engine.compiler import runner

    x = [Value(0.1 * i) for i in range(40)]
    w = [[Value(0.01 * i * j - 0.5) for i in range(40)] for j in range(30)]
    hidden = [engine.dot(row, x) for row in w]
    program = compile(sum(1.0 / (1.0 + h.exp()) for h in hidden), x, [each for row in w for each in row])
    program.weights[:] = 1.0  # each product overflows, and so does a sum of them
    monkeypatch.setattr(runner.Runner, "_find_refused", lambda *_: pytest.fail("looked through"))
    with np.errstate(all="ignore"):
        assert program(np.full((5, 40), 1e308)).tolist() == [0.0] * 5


def test_constants_of_a_stale_graph_are_refused():
    x, c = Value(2.0, "x"), Value(3.0, "c")
    y = x * (c * c).exp() + c
    assert compile(y, [x], [])([[2.0]]).tolist() == [y.data]
    c.data = 1.0
    with pytest.raises(ValueError, match=r"the data of c was changed after \* was computed from it: .*refresh\(\)"):
        compile(y, [x], [])
    with pytest.raises(ValueError, match="the data of c was changed"):
        compile([x * 2.0, y], [x], [])
    assert compile(y.refresh(), [x], [])([[2.0]]).tolist() == [y.data]


def test_a_stale_graph_is_computed_with_the_parameters_of_now():
    x, w = Value(2.0, "x"), Value(3.0, "w")
    y = x * (w * w).exp() + 5.0 * Value(2.0)
    w.data, x.data = 1.0, 7.0
    programs = compile(y, [x], [w]), compile(y, [x])
    y.refresh()
    assert [program([[7.0]]).tolist() for program in programs] == [[pytest.approx(y.data)]] * 2

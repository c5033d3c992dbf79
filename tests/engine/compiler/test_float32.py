"""Programs of float32: a number beyond its range gives the same result as eagerly, or is refused in words."""

import gc
import weakref

import numpy as np
import pytest

import engine
from engine import Value, compile, log, sqrt, tanh
from nn import MLP, Module

FUNCTIONS = {
    "log": lambda x, w: (x * w).log(),
    "a quotient": lambda x, w: (x * w) / (x * w + 1.0),
    "one over log": lambda x, w: 1.0 / (x * w).log(),
    "a root": lambda x, w: (x * w).sqrt(),
    "a difference": lambda x, w: x * w - x * w * 0.5,
    "a product back": lambda x, w: x * w * 1e-20,
    "a square": lambda x, w: ((x * w) ** 2.0) ** 0.25,
}


def rounded(run):
    """What *run* gives in float32; None where that is too large."""
    with np.errstate(over="ignore"):
        numbers = np.asarray(run(), np.float32)
    return numbers if np.isfinite(numbers).all() else None


def check_same(single, exact):
    """What the first gives, a program of float32, is what the second gives, rounded; or is refused in words."""
    expected = rounded(exact)
    if expected is None:
        with pytest.raises(OverflowError, match=r"within float32's range, got .*; use dtype=.float64."):
            single()
    else:
        assert single() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_number_between_that_is_too_large_is_computed_in_float64(name):
    x, w = Value(1.5, "x"), Value(2.0, "w")
    single, exact = (compile(FUNCTIONS[name](x, w), [x], [w], dtype=dtype) for dtype in ("float32", "float64"))
    single.weights[:] = exact.weights[:] = 1e19
    large = [[2.0], [1e20]]
    check_same(lambda: single(large), lambda: exact(large))
    if rounded(lambda: exact(large)) is not None:
        check_same(lambda: single.value_and_gradient(large)[1], lambda: exact.value_and_gradient(large)[1])
    for of in ("parameters", "inputs"):
        check_same(lambda of=of: single.gradients(large, of), lambda of=of: exact.gradients(large, of))
    single.weights[:] = 2.0
    expected = [FUNCTIONS[name](Value(number), Value(2.0)).data for number in (2.0, 3.0)]
    assert single([[2.0], [3.0]]).tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_compute_it_as_well(name):
    f = compile(lambda x: FUNCTIONS[name](x, 1e19), dtype="float32")
    check_same(lambda: f([[2.0], [1e20]]), lambda: [FUNCTIONS[name](Value(x), 1e19).data for x in (2.0, 1e20)])


def test_inputs_weights_and_constants_that_are_too_large_are_refused():
    x, w = Value(1.5, "x"), Value(2.0, "w")
    program = compile(tanh(x * w), [x], [w], dtype="float32")
    for X in ([[1e39]], np.array([[1.0], [-1e39]])):
        with pytest.raises(OverflowError, match=r"X must be within float32's range, got -?1e\+39; use dtype"):
            program(X)
    with pytest.raises(OverflowError, match=r"weights must be within float32's range, got 1e\+39"):
        program.weights = [1e39]
    w.data = 1e39
    with pytest.raises(OverflowError, match="weights"):
        program.from_values()
    with pytest.raises(OverflowError, match="a number in the graph"):
        compile(x * 1e39, [x], dtype="float32")([[1.0]])
    v = Value(1e39)
    with pytest.raises(OverflowError, match="weights"):
        compile(lambda x: x * v, dtype="float32")([[1.0]])


def test_infinite_inputs_are_no_overflow():
    x, w = Value(1.5, "x"), Value(2.0, "w")
    program = compile([x * w, tanh(x)], [x], [w], dtype="float32")
    assert program([[np.inf], [1.0]]).tolist() == [[np.inf, 1.0], [2.0, pytest.approx(np.tanh(1.0))]]


def test_what_saturates_to_the_same_number_is_no_error():
    x = Value(1.0)
    assert compile(tanh(x * x), [x], dtype="float32")([[1e30], [0.0]]).tolist() == [1.0, 0.0]
    assert compile(1.0 / (1.0 + x.exp()), [x], dtype="float32")([[100.0], [0.0]]).tolist() == [
        pytest.approx(np.exp(-100.0), rel=0.1),  # float32 has three bits of it
        0.5,
    ]


def test_a_gradient_that_is_too_large_is_refused():
    x, w = Value(1.5, "x"), Value(2.0, "w")
    program = compile((x * w) * x, [x], [w], dtype="float32")
    program.weights[:] = 1e-5
    assert program([[1e21]]).tolist() == pytest.approx([1e37])
    for run in (program.value_and_gradient, program.gradients):
        with pytest.raises(OverflowError, match="the gradient must be within float32's range, got 1e"):
            run([[1e21]])


@pytest.mark.parametrize("n", [3, 300])
def test_matrix_products_that_overflow_are_seen(n):
    x = [Value(0.1) for _ in range(n)]
    w = [[Value(0.01) for _ in range(n)] for _ in range(8)]
    hidden = [engine.dot(row, x) for row in w]
    outputs = [1.0 / (h * h + 1.0).log() for h in hidden]
    program = compile(outputs, x, [each for row in w for each in row], dtype="float32")
    X = np.full((50, n), 0.5)
    X[-1] = 1e15
    program(X)
    program.weights[:] = 1e24
    expected = [1.0 / np.log((n * row[0] * 1e24) ** 2 + 1.0) for row in X]
    assert program(X)[:, 0].tolist() == pytest.approx(expected, rel=1e-5)


class Root(Module):
    """The root of a product that may be too large."""

    def __init__(self):
        self.w = Value(2.0)

    def __call__(self, x):
        return (self.w * x[0] * x[1]).sqrt()


@pytest.mark.parametrize("large", [1e25, 1e45])
def test_fit_gives_the_numbers_of_eager_training(large):
    X, y = [[large, large], [1.0, 4.0]] * 10, [0.5 * large, 1.0] * 10
    options = {"loss": "mae", "epochs": 2, "optimizer": "sgd", "learning_rate": 0.0, "seed": 0, "progress": False}
    eager, single = Root(), Root()
    expected = eager.fit(X, y, replay=False, **options)
    history = single.fit(X, y, dtype="float32", **options)
    assert history.loss == pytest.approx(expected.loss, rel=1e-5)
    assert single.w.data == pytest.approx(eager.w.data, rel=1e-5)


def test_ordinary_numbers_are_computed_once(monkeypatch):
    from engine.compiler import runner

    monkeypatch.setattr(runner.Runner, "_in_float64", property(lambda _: pytest.fail("computed again")))
    X = np.random.default_rng(0).normal(size=(40, 3))
    model = MLP(3, [8, 8, 3], seed=0)
    model.fit(X, [0, 1, 2, 0] * 10, loss="cross_entropy", epochs=3, dtype="float32", replay=True, progress=False)


def test_a_mean_is_no_sum_that_is_too_large():
    x, w = Value(1.5, "x"), Value(2.0, "w")
    rows = np.full((50, 1), 1e38)
    for program in (compile(x * w, [x], [w], dtype="float32"), compile(lambda x: x * w, dtype="float32")):
        mean, gradient = program.value_and_gradient(rows)
        assert mean == pytest.approx(2e38)
        assert gradient.tolist() == pytest.approx([1e38])


BRANCHES = {
    "of an input": lambda x, w: x if x > 0.3 else -x,
    "of a product": lambda x, w: x if x * 0.1 * 10 > 0.3 else -x,
    "of a sum": lambda x, w: x if x > w + 0.2 else -x,
    "by a maximum": lambda x, w: max(x * 2.0, w * 6.0) * (1.0 if x < 0.3 else 3.0),
    "by truth": lambda x, w: x if x - 0.3 else w,
    "of a parameter": lambda x, w: x * w if x * w > 0.03 else -x,
}


@pytest.mark.parametrize("name", BRANCHES)
@pytest.mark.parametrize("number", [0.3, 0.30000000000000004, 0.29999999999999993, 0.30000001, float(np.float32(0.3))])
def test_a_comparison_that_rounding_could_decide_comes_out_as_eagerly(name, number):
    w = Value(0.1)
    expected = BRANCHES[name](Value(number), w).data
    X = [[5.0], [number], [-5.0]]
    for dtype in ("float64", "float32"):
        f = compile(lambda x: BRANCHES[name](x, w), dtype=dtype)
        assert f([[number]]).tolist() == pytest.approx([expected], rel=1e-5)
        assert f(X)[1] == pytest.approx(expected, rel=1e-5)
        assert f(np.array(X))[1] == f(X)[1]
        assert f.value_and_gradient([[number]])[0] == pytest.approx(expected, rel=1e-5)
        slope = f.gradients(X, "inputs")[1, 0]
        x = Value(number)
        BRANCHES[name](x, w).backward()
        assert slope == pytest.approx(x.grad, rel=1e-5)


def test_rows_that_float32_rounds_to_refused_ones_are_computed_as_given():
    f = compile(lambda a, b: log(a - b) if a > b else a * 0, dtype="float32")
    X, expected = [[1 + 1e-9, 1.0], [3.0, 1.0], [1.0, 1.0], [1 + 2e-9, 1.0]], np.log([1e-9, 2.0, 1.0, 2e-9])
    for _ in range(2):
        assert f(X) == pytest.approx(expected, rel=1e-6)
        assert f(X[:1]) == pytest.approx(expected[:1], rel=1e-6)
        assert f.value_and_gradient(X)[0] == pytest.approx(expected.mean(), rel=1e-6)
        slopes = f.gradients(X, "inputs")[:, 0]
        assert slopes == pytest.approx([1e9, 0.5, 0.0, 5e8], rel=1e-6)
    with pytest.raises(ValueError, match="log"):
        compile(lambda a, b: log(a - b), dtype="float32")([[3.0, 1.0], [1.0, 1.0]])


def test_an_infinite_slope_that_float32_makes_is_computed_as_given():
    w = Value(1.0, label="w")
    f = compile(lambda a: sqrt(a - w) if a > w else w * 0, dtype="float32")
    row, slope = [1 + 1e-9], -0.5 / (1e-9) ** 0.5
    for _ in range(2):
        value, gradient = f.value_and_gradient([row])
        assert value == pytest.approx(1e-9**0.5, rel=1e-6)
        assert gradient.tolist() == pytest.approx([slope], rel=1e-6)
        assert f.gradients([row, [5.0], [0.0]]).ravel().tolist() == pytest.approx([slope, -0.25, 0.0], rel=1e-6)
        assert f.gradients([[5.0], row], [w]).ravel().tolist() == pytest.approx([-0.25, slope], rel=1e-6)
        mean = f.value_and_gradient([row, [5.0], [5.0], row])[1]
        assert mean.tolist() == pytest.approx([(slope - 0.25) / 2], rel=1e-6)
        f.program.to_values()
        assert w.grad == pytest.approx((slope - 0.25) / 2, rel=1e-6)


def test_an_infinite_slope_stays_infinite():
    w = Value(1.0, label="w")
    f = compile(lambda a: sqrt(a * w), dtype="float32")
    assert f.gradients([[0.0], [1.0]], "inputs").ravel().tolist() == [np.inf, 0.5]


def test_numbers_given_in_float32_are_compared_as_they_are():
    f = compile(lambda x: x if x > 0.3 else -x, dtype="float32")
    rounded = np.array([[0.3]], np.float32)
    assert f(rounded)[0] == f([[float(rounded[0, 0])]])[0] == rounded[0, 0]


def test_what_float32_makes_0_is_compared_as_it_was_given():
    f = compile(lambda x: 1.0 if x > 1e-60 else x, dtype="float32")
    assert f([[2.0], [1e-59], [0.0], [1e-61]]).tolist() == [1.0, 1.0, 0.0, 0.0]


class Threshold(Module):
    """A tree with one split."""

    def __init__(self):
        self.w = Value(2.0)

    def __call__(self, x):
        return self.w * x[0] if x[0] * 0.1 * 10 > 0.3 else self.w * -x[0]


def test_training_compares_the_numbers_that_were_given():
    X, y = [[0.3], [1.0], [0.2], [0.3]], [0.1, 2.0, 0.3, 0.4]
    options = {"loss": "mse", "epochs": 3, "optimizer": "sgd", "learning_rate": 0.1, "batch_size": 2}
    eager, single = Threshold(), Threshold()
    expected = eager.fit(X, y, validation_data=(X, y), replay=False, seed=0, progress=False, **options)
    history = single.fit(X, y, validation_data=(X, y), replay=True, dtype="float32", seed=0, progress=False, **options)
    assert history.loss == pytest.approx(expected.loss, rel=1e-5)
    assert single.w.data == pytest.approx(eager.w.data, rel=1e-5)


def test_a_program_is_freed_without_the_garbage_collector():
    x, w = Value(1.5, "x"), Value(2.0, "w")
    gc.disable()
    try:
        program = compile((x * w) * x * 1e-20, [x], [w], dtype="float32")
        program.value_and_gradient([[1e20]])
        left = [weakref.ref(program), weakref.ref(program._runner)]
        del program
        assert [each() for each in left] == [None, None]
    finally:
        gc.enable()


def test_numbers_too_small_for_float32_are_0_where_numpy_is_told_to_raise_errors():
    x, w, model = Value(1.5), Value(1e-60), MLP(1, [2, 1], seed=0)
    with np.errstate(all="raise"):
        program = compile(x * w + 1e-50, [x], [w], dtype="float32")
        assert program([[1e-70]]).tolist() == [0.0]
        model.parameters()[0].data = 1e-60
        model.fit([[1.0], [1e-70]], [1.0, 1e-80], epochs=1, dtype="float32", replay=True, seed=0, progress=False)

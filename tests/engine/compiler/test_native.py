"""Native code: programs that the machine's compiler makes, compared with numpy's of the same graph."""

import copy
import errno
import math
import os
import pickle
import shlex
import shutil
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import recipes, used

import engine
from engine import Value, compile, dot, leaky_relu, maximum, primitive, relu, softmax
from engine.compiler.backends import backend_named
from engine.compiler.backends.c import compiler as compiler_module
from engine.compiler.backends.c import why_not
from engine.compiler.runner import Runner
from engine.derivatives import RULES
from nn import MLP

needs_compiler = pytest.mark.skipif(bool(why_not()), reason="there is no C compiler here")
pytestmark = needs_compiler
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1e-8, -1e-8, 3.7, -3.7, 26.7, 300.0, -300.0, 709.0, 1e-300, 5e-324, 1e18]
TWO = {"+", "-", "*", "/", "**", "atan2", "hypot", "maximum", "minimum", "leaky_relu"}
SIGNS = {"+": "__add__", "-": "__sub__", "*": "__mul__", "/": "__truediv__", "**": "__pow__", "neg": "__neg__"}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """What is compiled here goes with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def apply(op, *operands):
    """An operation by its key."""
    if op == "abs":
        return abs(operands[0])
    if op in SIGNS:
        return getattr(operands[0], SIGNS[op])(*operands[1:])
    return getattr(engine, op)(*operands) if op != "detach" else operands[0].detach()


def both(outputs, inputs=(), parameters=(), dtype="float64"):
    """The same program by numpy and in C, which must not be numpy in disguise."""
    programs = [compile(outputs, inputs, parameters, dtype, backend) for backend in ("numpy", "c")]
    assert "by C" in repr(programs[1])
    return programs


def assert_close(found, expected, ulps=32.0, scale=0.0):
    """Equal to so many units of the last place, of the numbers or of a sum's scale; infinities and NaN alike."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    with np.errstate(all="ignore"):
        close = np.abs(found - expected) <= ulps * (np.spacing(np.abs(expected)) + scale * 2.3e-16)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    assert (close | same).all(), (found[~(close | same)][:3], expected[~(close | same)][:3])


def attempt(call):
    """The result, or the type and the words of the error."""
    try:
        return call()
    except (ValueError, ArithmeticError) as error:
        return type(error), str(error)


def accepted(op, grid):
    """The rows that eager arithmetic takes, and those that it refuses."""
    taken, refused = [], []
    for row in grid:
        (refused if isinstance(attempt(lambda row=row: apply(op, *map(Value, row)).data), tuple) else taken).append(row)
    return np.array(taken), refused


@pytest.mark.slow
@pytest.mark.parametrize("op", sorted(RULES))
def test_each_primitive_and_its_derivatives_over_a_grid_with_edges(op):
    """Signs of zeros too; and what Values refuse is refused in the same words."""
    grid = [[a, b] for a in EDGES for b in EDGES] if op in TWO else [[a] for a in [*EDGES, *np.linspace(-5.0, 5.0, 60)]]
    leaves = [Value(0.5, label="a"), Value(0.75, label="b")][: len(grid[0])]
    numpy, native = both(apply(op, *leaves), leaves)
    rows, refused = accepted(op, grid)
    expected, found = numpy(rows), native(rows)
    ulps = 32.0 if op != "gelu" else 1e5  # numpy's is exact to fewer digits in the left tail
    assert_close(found, expected, ulps)
    zeros = expected == 0.0
    assert (np.signbit(found[zeros]) == np.signbit(expected[zeros])).all()
    assert_close(native.gradients(rows, "inputs"), numpy.gradients(rows, "inputs"), 2.0 * ulps)
    for row in refused:
        expected = attempt(lambda row=row: numpy([rows[0], row]))
        assert isinstance(expected, tuple)
        assert attempt(lambda row=row: native([rows[0], row])) == expected


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(recipe=recipes(least_inputs=1, most=40), n=st.sampled_from((1, 7, 8, 9, 16, 30)), seed=st.integers(0, 99))
def test_random_graphs_give_the_numbers_of_numpy(recipe, n, seed):
    inputs, others = recipe.leaves()
    outputs = recipe.follow([*inputs, *others])
    others = used(outputs, others)
    programs = [compile(outputs, inputs, others, backend=backend) for backend in ("numpy", "c")]
    X = np.random.default_rng(seed).uniform(-2.0, 2.0, (n, len(inputs)))
    (a, grad_a), (b, grad_b) = (program.run(X) for program in programs)
    np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(a).max()))
    np.testing.assert_allclose(grad_b, grad_a, rtol=1e-7, atol=1e-9 * np.abs([1.0, *grad_a]).max())
    by_inputs, native = (program.gradients(X, "inputs") for program in programs)
    np.testing.assert_allclose(native, by_inputs, rtol=1e-7, atol=1e-9 * np.abs(by_inputs).max(initial=1.0))


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_a_derivative_that_raises_is_called_for_gradients_alone(backend):
    def slope(number):
        if number > 2.0:
            raise ValueError("no slope above 2")
        return 2.0

    @primitive(slope)
    def twice(number):
        return 2.0 * number

    program = compile(engine.sqrt(twice(x := Value(1.0))), [x], backend=backend)
    assert program([[0.5], [8.0], [math.inf]]).tolist() == [1.0, 4.0, math.inf]
    with pytest.raises(ValueError, match=r"^no slope above 2, for the row \[8\.0\] of X$"):
        program.gradients([[0.5], [8.0], [math.inf]], "inputs")


ODD_ROWS = {
    "a square overflows": (lambda x, y: y * engine.exp(-x * x), [1e160, 1.0]),
    "an infinite exponent": (lambda x, y: x * engine.exp(-y), [1.0, np.inf]),
    "a sigmoid by hand": (lambda x, y: y / (1.0 + engine.exp(-x)), [np.inf, 1.0]),
    "a length overflows": (lambda x, y: engine.exp(-engine.sqrt(x * x + y * y)), [1e200, 1.0]),
    "careful": (lambda x, y: engine.sqrt(x * x) * engine.exp(-y), [0.0, np.inf]),
    "beside matrices": (lambda x, y: engine.exp(-sum(z * z for z in hidden(x, y))), [1e200, 1.0]),
}
WEIGHTS = [[Value(0.01 * math.sin(i * j), label=f"w{i}_{j}") for j in range(80)] for i in range(60)]


def hidden(x, y):
    return [dot(row, [x, y] * 40) for row in WEIGHTS]


@pytest.mark.parametrize("case", ODD_ROWS)
def test_an_infinite_number_in_one_row_changes_no_gradient_of_others(case):
    make, odd = ODD_ROWS[case]
    x, y = Value(1.0), Value(0.5)
    X = np.array([[1.0, 0.5], [0.3, -0.2], odd, [0.1, 0.7], [-0.8, 0.4]])
    alone = [gradient_at(make, row) for row in X.tolist()]
    for program in both(make(x, y), [x, y]):
        np.testing.assert_allclose(program.gradients(X, "inputs"), alone, rtol=1e-12)
        np.testing.assert_allclose(program.value_and_gradient(X)[1], program.gradients(X).mean(axis=0), rtol=1e-12)


def gradient_at(make, numbers):
    leaves = [Value(number) for number in numbers]
    make(*leaves).backward()
    return [leaf.grad for leaf in leaves]


def test_sums_cancel_from_left_to_right():
    a, b, c = leaves = [Value(x) for x in (1e16, 1.0, -1e16)]
    rows = [[1e16, 1.0, -1e16], [1e16, -1e16, 1.0], [-0.0, -0.0, -0.0]]
    numpy, native = both([a + b + c, (a - b) + (b - a), a + (b + c)], leaves)
    expected, found = numpy(rows), native(rows)
    assert found.tolist() == expected.tolist()
    assert (np.signbit(found) == np.signbit(expected)).all()


def test_a_gradient_of_zero_has_the_sign_that_numpy_gives_it():
    """0.0 + -0.0 is 0.0: a gradient starts from 0.0."""
    xs = [Value(0.1 * k) for k in range(3)]
    numpy, native = both(softmax(xs), xs)
    rows = [[0.0, 1.0, 800.0], [800.0, 0.0, 0.0], [-1.0, 800.0, 800.0]]
    for output in range(3):
        expected, found = (program.gradients(rows, "inputs", output) for program in (numpy, native))
        assert_close(found, expected)
        zeros = expected == 0.0
        assert zeros.any()
        assert (np.signbit(found[zeros]) == np.signbit(expected[zeros])).all()


HIDDEN = {
    "behind a quotient": lambda x: 1.0 / (1.0 + x.exp()),
    "behind tanh": lambda x: (x * 3.0).exp().tanh(),
    "behind maximum": lambda x: maximum(1.0, -(x.exp())),
    "behind relu": lambda x: relu(-(x**2)),
    "a square": lambda x: 1.0 / (x**2 + 1.0),
    "a power": lambda x: 1.0 / (x**4 + 1.0),
    "a divisor": lambda x: 1.0 / (1.0 / (x - 2.0)),
    "a logarithm": lambda x: x.log().exp(),
}


@pytest.mark.slow
@pytest.mark.parametrize("make", HIDDEN.values(), ids=HIDDEN.keys())
@pytest.mark.parametrize("bad", [2.0, 0.0, 1e200, 800.0, -1.0])
def test_a_refused_number_is_refused_also_where_later_operations_hide_it(make, bad):
    x, w = Value(1.0, label="x"), Value(1.0, label="w")
    numpy, native = both(make(x * w), [x], [w])
    X = np.array([[1.0]] * 20 + [[bad]])
    for call in ("__call__", "value_and_gradient"):
        expected = attempt(lambda call=call: getattr(numpy, call)(X))
        found = attempt(lambda call=call: getattr(native, call)(X))
        if isinstance(expected, tuple) and isinstance(expected[0], type):
            assert found == expected
        else:
            assert not (isinstance(found, tuple) and isinstance(found[0], type))


SIGNALS = {
    "exp underflows": (lambda x, w: (x * w).exp(), [[-800.0]], False),
    "a product underflows": (lambda x, w: 1.0 / (x * w * x + 1.0), [[1e-200]], False),
    "a quotient is subnormal": (lambda x, w: x * w / 3.0, [[5e-324]], False),
    "tanh is 1": (lambda x, w: (x * w).tanh() / 3.0, [[1000.0]], False),
    "asin where its derivative is infinite": (lambda x, w: (x * w.detach()).asin() * w, [[1.0]], False),
    "the gradient overflows": (lambda x, w: (w * x).log(), [[1e-320]], False),
    "the gradient divides by 0": (lambda x, w: (w * x).sqrt(), [[0.0]], False),
    "lanes without an example": (lambda x, w: 1.0 / (x * w) + x.log(), [[2.0]] * 17, False),
    "the last example": (lambda x, w: 1.0 / (1.0 + (x * w).exp()), [[2.0]] * 16 + [[800.0]], True),
    "a product overflows, and is hidden": (lambda x, w: 1.0 / (x * w * x), [[1e200]], True),
    "a sum overflows, and is hidden": (lambda x, w: maximum(-(x + x * w) / 3.0, w), [[1.5e308]], True),
    "a quotient overflows, and is hidden": (lambda x, w: (-(w / x)).exp(), [[1e-320]], True),
}


@pytest.mark.parametrize(
    "case", [one if "example" in one else pytest.param(one, marks=pytest.mark.slow) for one in SIGNALS]
)
def test_examples_are_looked_at_again_where_a_number_forward_is_infinite_and_nowhere_else(case, monkeypatch):
    make, X, is_infinite = SIGNALS[case]
    x, w = Value(0.5, label="x"), Value(1.0, label="w")
    looked = []
    monkeypatch.setattr(Runner, "_find_refused", lambda runner, rows: looked.append(len(rows)))
    for program in both(make(x, w), [x], [w]):
        for call in (program, program.value_and_gradient):
            looked.clear()
            call(X)
            assert bool(looked) == is_infinite


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_exp_and_tanh_are_as_exact_as_the_code_says(dtype):
    """In units of the last place; and beyond what they can tell apart, in subnormal numbers too."""
    x = Value(0.5)
    programs = [compile(f(x), [x], (), dtype, "c") for f in (engine.exp, engine.tanh)]
    tiny = [0.0, -0.0, 5e-324, -1e-310, 1e-40, -1e-17]
    ends = [-1e38, -760.0, -745.2, -745.1, -740.0, -708.5, -104.0, -103.9, -88.0, 88.7, 709.7]
    X = np.array([*tiny, *ends, *np.linspace(-20.0, 20.0, 1001), *np.linspace(-745.0, 88.0, 500)], dtype)[:, None]
    X = X[X[:, 0] < 88.72] if dtype == "float32" else X
    exact = [[mp.exp(x), mp.tanh(x), mp.sech(x) ** 2] for x in map(mp.mpf, X[:, 0].tolist())]
    found = [programs[0](X), programs[1](X), programs[1].gradients(X, "inputs")[:, 0]]
    for numbers, expected, units in zip(found, zip(*exact), (2, 3, 5)):
        for number, mine in zip(numbers, expected):
            assert abs(mp.mpf(float(number)) - mine) <= units * mp.mpf(float(np.spacing(abs(number))))
    assert np.signbit(found[1]).tolist() == np.signbit(X[:, 0]).tolist()


def test_a_refused_number_that_all_examples_share():
    x, w = Value(1.0, label="x"), Value(1.0, label="w")
    numpy, native = both(x / (w - 1.5).exp().log1p(), [x], [w])
    for program in (numpy, native):
        program.weights[:] = 1e4
    expected = attempt(lambda: numpy([[1.0]]))
    assert expected[0] is OverflowError
    assert attempt(lambda: native([[1.0]])) == expected


def test_nan_in_any_column_is_refused():
    x, y, w = Value(1.0), Value(2.0), Value(0.5)
    numpy, native = both(x * w + (y - y.detach()) * 0.0, [x, y], [w])
    for column in (0, 1):
        row = [1.0, 1.0]
        row[column] = math.nan
        expected = attempt(lambda row=row: numpy([[1.0, 1.0], row]))
        assert "NaN" in expected[1]
        assert attempt(lambda row=row: native([[1.0, 1.0], row])) == expected


def test_an_infinite_gradient_times_an_exact_zero_is_zero():
    x, w = Value(4.0), Value(1.0)
    numpy, native = both(x.sqrt() * w.detach() + (w * x).sqrt(), [x], [w])
    rows = [[0.0], [4.0]]
    assert_close(native.value_and_gradient(rows)[1], numpy.value_and_gradient(rows)[1])


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 15, 16, 17, 1000])
def test_the_last_examples_of_a_batch_count_once(n):
    x, y, w, v = Value(0.5), Value(0.25), Value(1.5), Value(-0.5)
    chain = x
    for _ in range(12):  # deep: two blocks are computed side by side
        chain = (chain * w + y).sin()
    numpy, native = both([chain, v * v], [x, y], [w, v])
    X = np.random.default_rng(n).uniform(-1.0, 1.0, (n, 2))
    for output in (0, 1):
        (a, grad_a), (b, grad_b) = (program.value_and_gradient(X, output) for program in (numpy, native))
        assert b == pytest.approx(a, rel=1e-13)
        np.testing.assert_allclose(grad_b, grad_a, rtol=1e-12, atol=1e-15)
    assert_close(native(X), numpy(X), 400.0, scale=1.0)
    places = np.random.default_rng(0).integers(0, n, 2 * n)
    np.testing.assert_allclose(native.run(X, places)[1], numpy.run(X, places)[1], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("order", ["C", "F", "every other", "backward"])
def test_rows_lie_in_any_order(order):
    leaves = [Value(x) for x in np.linspace(0.1, 0.9, 20)]
    numpy, native = both(dot(leaves[:10], leaves[10:]).tanh(), leaves)
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 40))
    X = {"C": X[:, :20].copy(), "F": np.asfortranarray(X[:, :20]), "every other": X[:, ::2], "backward": X[::-1, 20:]}[
        order
    ]
    assert_close(native(X), numpy(np.ascontiguousarray(X)), 64.0, scale=1.0)


RECORDS = {
    "float64": np.dtype([("x", "f8"), ("label", "i4")]),
    "float32": np.dtype([("x", "f4"), ("label", "i1")]),
}


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize("step", [1, -1, 2])
def test_rows_that_are_a_field_of_records(dtype, step):
    """Examples are not a multiple of a number's size apart, nor aligned."""
    x, w = Value(0.5, label="x"), Value(1.5, label="w")
    numpy, native = both((x * w).tanh(), [x], [w], dtype)
    table = np.zeros(50, RECORDS[dtype])
    table["x"] = np.linspace(-2.0, 2.0, 50)
    X = table["x"][::step, None]
    expected = np.ascontiguousarray(X)
    np.testing.assert_allclose(native(X), numpy(expected), rtol=1e-5)
    (a, grad_a), (b, grad_b) = numpy.value_and_gradient(expected), native.value_and_gradient(X)
    assert b == pytest.approx(a, rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(grad_b, grad_a, rtol=1e-4, atol=1e-6)
    places = np.array([7, 3, 3, 11])
    np.testing.assert_allclose(native.run(X, places)[0], numpy.run(expected, places)[0], rtol=1e-5)
    np.testing.assert_allclose(native.gradients(X, "inputs"), numpy.gradients(expected, "inputs"), rtol=1e-4)
    function = compile(lambda x: (x * 1.5).tanh(), dtype=dtype, backend="c")
    np.testing.assert_allclose(function(X), numpy(expected), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_rows_that_are_not_aligned(dtype):
    x, y = Value(0.5), Value(1.5)
    numpy, native = both((x * y).sin(), [x, y], (), dtype)
    expected = np.linspace(-2.0, 2.0, 40, dtype=dtype).reshape(20, 2)
    X = np.frombuffer(b"?" + expected.tobytes(), dtype, offset=1).reshape(20, 2)
    assert not X.flags.aligned
    np.testing.assert_allclose(native(X), numpy(expected), rtol=1e-5)
    np.testing.assert_allclose(native.gradients(X, "inputs"), numpy.gradients(expected, "inputs"), rtol=1e-4)


def test_float32_takes_and_refuses_what_numpy_does():
    x, w = Value(0.5, label="x"), Value(1.5, label="w")
    numpy, native = both([(x * w).tanh() + x.exp() * w, x * 1e30 * w * 1e-30], [x], [w], "float32")
    X = np.random.default_rng(0).uniform(-3.0, 3.0, (37, 1)).astype(np.float32)
    assert native(X).dtype == np.float32
    np.testing.assert_allclose(native(X), numpy(X), rtol=2e-6, atol=1e-6)
    (a, grad_a), (b, grad_b) = (program.value_and_gradient(X) for program in (numpy, native))
    assert b == pytest.approx(a, rel=1e-6)
    np.testing.assert_allclose(grad_b, grad_a, rtol=1e-5)
    for bad in ([[1e9]], [[1.0], [100.0]]):
        expected = attempt(lambda bad=bad: numpy(bad))
        assert expected[0] is OverflowError
        assert attempt(lambda bad=bad: native(bad)) == expected


def test_an_infinite_product_of_float32_is_seen_where_a_later_operation_hides_it():
    x = [Value(0.5) for _ in range(40)]
    w = [[Value(1e20) for _ in range(40)] for _ in range(40)]
    outputs = [dot(row, x) ** -0.01 for row in w]
    numpy, native = both(outputs, x, [v for row in w for v in row], "float32")
    assert "by numpy" in repr(native)
    X = np.full((3, 40), 1e20)
    for program in (numpy, native):
        assert program(X).ravel().tolist() == pytest.approx([4e41**-0.01] * 120, rel=1e-6)


@primitive(lambda x: 3.0 * x * x)
def cube(x):
    """A function of Python."""
    return x * x * x


def test_functions_of_python_and_large_matrices_stay_with_numpy():
    x = [Value(v) for v in np.linspace(-1.0, 1.0, 40)]
    w = [[Value(v) for v in np.linspace(-1.0, 1.0, 40) * (1 + k) * 0.05] for k in range(30)]
    hidden = [dot(row, x).tanh() for row in w]
    loss = cube(dot(hidden, hidden) * 0.3).exp()
    parameters = [v for row in w for v in row]
    numpy, native = both(loss, x, parameters)
    assert "by numpy" in repr(native)
    X = np.random.default_rng(0).uniform(-0.3, 0.3, (21, 40))
    (a, grad_a), (b, grad_b) = (program.value_and_gradient(X) for program in (numpy, native))
    assert b == pytest.approx(a, rel=1e-12)
    np.testing.assert_allclose(grad_b, grad_a, rtol=1e-9, atol=1e-12 * np.abs(grad_a).max())
    np.testing.assert_allclose(native.gradients(X), numpy.gradients(X), rtol=1e-9, atol=1e-12)
    native.weights *= 100.0
    numpy.weights *= 100.0
    expected = attempt(lambda: numpy.value_and_gradient(X))
    assert expected[0] is OverflowError
    assert attempt(lambda: native.value_and_gradient(X)) == expected


def test_threads_give_the_numbers_of_one(monkeypatch):
    x, w = Value(0.5), Value(1.5)
    y = x
    for _ in range(30):
        y = (y * w).sin() + leaky_relu(y, 0.1)
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (1001, 1))
    one = compile(y, [x], [w], backend="c")
    expected = one.value_and_gradient(X)
    monkeypatch.setattr("engine.compiler.backends.c._CHUNK", 100)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    several = compile(y, [x], [w], backend="c")
    np.testing.assert_allclose(several(X), one(X), rtol=0.0)
    found = several.value_and_gradient(X)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)
    results = []
    threads = [threading.Thread(target=lambda: results.append(several.value_and_gradient(X)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [found[0]] * 4


def test_weights_that_change_in_place_reach_the_code():
    x, w = Value(2.0), Value(3.0)
    program = compile(x * w, [x], [w], backend="c")
    assert program([[2.0]]).tolist() == [6.0]
    program.weights -= 1.0
    assert program([[2.0]]).tolist() == [4.0]


def test_copies_and_pickles_keep_the_backend():
    x, w = Value(2.0), Value(3.0)
    program = compile((x * w).sin(), [x], [w], backend="c")
    program.weights[:] = 2.0
    for again in (copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        assert again.backend == "c"
        assert again([[2.0]]).tolist() == program([[2.0]]).tolist()


def test_functions_with_branches():
    @compile(backend="c")
    def f(x, y):
        return x.exp() if x > y else y * 2.0

    X = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 2.0]])
    assert_close(f(X), [math.e, 2.0, math.exp(3.0)])
    assert f.program.paths[0].program.backend == "c"


def test_rows_of_more_digits_are_rounded():
    """As functions of float32 get them."""

    @compile(backend="c", dtype="float32")
    def f(x):
        return x * 3.0

    assert f([[0.1], [0.2]]).tolist() == (np.array([0.1, 0.2], np.float32) * np.float32(3.0)).tolist()


def test_another_backend_is_refused():
    x = Value(1.0)
    for call in (lambda: compile(x.exp(), [x], backend="fortran"), lambda: MLP(1, [1]).fit([[1.0]], [1.0], backend=7)):
        with pytest.raises(ValueError, match='backend must be "numpy" or "c"'):
            call()
    with pytest.raises(ValueError, match="eager"):
        MLP(1, [1]).fit([[1.0]], [1.0], backend="c", replay=False)


@pytest.mark.parametrize("given", ["jax:0", "jax:", "jax:x"])
def test_a_wrong_number_of_devices_is_refused_in_words_that_say_how_to_write_it(given):
    with pytest.raises(ValueError, match=r'or "jax:N" for JAX on N devices, got .*jax:'):
        backend_named(given)


# ------------------------------------------------------------------------------------------ compilers that do not work


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    """A machine without one."""
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(compiler_module.sysconfig, "get_config_var", lambda name: "cc")


def heard(call):
    """What a call gives, and the warnings that it raises, the same ones too."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        return call(), found


def test_without_a_compiler_numpy_does_the_work_and_one_warning_says_so(no_compiler):
    x, w = Value(0.5), Value(1.5)

    def work():
        program = compile((x * w).exp(), [x], [w], backend="c")
        return program([[0.0]]).tolist(), program.value_and_gradient([[0.0]])[0], repr(program)

    (numbers, mean, words), found = heard(work)
    assert (numbers, mean) == ([1.0], 1.0)
    assert "by C" not in words
    assert ['backend "c" cannot run: there is no C compiler' in str(each.message) for each in found] == [True]
    line = work.__code__.co_firstlineno + 1
    assert [(each.filename, each.lineno) for each in found] == [(__file__, line)]
    assert backend_named("numpy").__name__.endswith("numpy")


def test_one_warning_for_a_function_for_training_and_for_prediction(no_compiler):
    function, found = heard(lambda: compile(backend="c")(lambda x: x.exp()))
    assert [each.filename for each in found] == [__file__]
    assert heard(lambda: function([[0.0]]).tolist()) == ([1.0], [])
    model, X = MLP(1, [2, 1], seed=0), [[k / 100.0] for k in range(100)]
    fit = {"epochs": 2, "seed": 0, "progress": False, "replay": True, "backend": "c"}
    _, found = heard(lambda: model.fit(X, [row[0] for row in X], **fit))
    found = [each for each in found if "backend" in str(each.message)]
    assert [each.filename for each in found] == [__file__]
    _, found = heard(lambda: model.predict(X, backend="c"))
    assert [each.filename for each in found] == [__file__]


def test_a_compiler_that_fails_leaves_the_work_to_numpy(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiler_module, "_FLAGS", ("--no-such-flag",))
    x = Value(0.5)
    program = compile(x.exp(), [x], backend="c")
    numbers, found = heard(lambda: program([[0.0]]).tolist())
    assert numbers == [1.0]
    assert [each.filename for each in found] == [__file__]
    assert '"numpy" does its work' in str(found[0].message)
    assert "all instructions by numpy" in repr(program)
    assert "by C" not in repr(program)


SCRIPTS = {
    "no interpreter": "#!/no/such/interpreter\n",
    "no program": "\0\1\2",
    "fails": "#!/bin/sh\nexit 3\n",
    "says nothing": "#!/bin/sh\nexit 0\n",
    "writes nothing": '#!/bin/sh\ncase "$*" in *-dM*) exec COMPILER "$@";; esac\n',
    "writes an empty library": (
        '#!/bin/sh\ncase "$*" in *-shared*) ;; *) exec COMPILER "$@";; esac\n'
        'for each; do case "$each" in *.so) : >"$each";; esac; done\n'
    ),
    "writes what is no library": (
        '#!/bin/sh\nfor each; do case "$before" in -o) echo x >"$each";; esac; before="$each"; done\n'
        'case "$*" in *-dM*) exec COMPILER "$@";; esac\n'
    ),
}


@pytest.mark.skipif(os.name != "posix", reason="scripts of a shell")
@pytest.mark.parametrize("script", SCRIPTS)
def test_compilers_that_do_not_work_leave_the_work_to_numpy(script, monkeypatch, tmp_path):
    command = shlex.join(compiler_module.found_compiler().command[:1])
    path = tmp_path / "a compiler"
    path.write_text(SCRIPTS[script].replace("COMPILER", command))
    path.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CC", shlex.quote(str(path)))
    x = Value(0.5)
    (numbers, words), found = heard(lambda: (p := compile(x.exp(), [x], backend="c"), p([[0.0]]).tolist(), repr(p))[1:])
    assert numbers == [1.0]
    assert "by C" not in words
    assert ['backend "c" cannot run' in str(each.message) for each in found] == [True]


def test_a_compiler_that_fails_is_tried_once_for_all_questions_to_a_program(monkeypatch):
    tried = []

    def fail(command):
        tried.append(command)
        raise RuntimeError("the compiler failed")

    x, w = Value(0.5), Value(1.5)
    program = compile([(x * w).exp(), x.tanh() * w], [x], [w], backend="c")
    monkeypatch.setattr(compiler_module, "_call", fail)
    monkeypatch.setattr(compiler_module, "_cache_folder", lambda: None)
    _, found = heard(lambda: program([[0.5]]))
    n_tried = len(tried)
    assert n_tried
    assert [each.filename for each in found] == [__file__]
    questions = [
        lambda: program.value_and_gradient([[0.5]], 0),
        lambda: program.value_and_gradient([[0.5]], 1),
        lambda: program.gradients([[0.5]], "inputs"),
        lambda: program.gradients([[0.5]], "parameters"),
    ]
    for question in questions:
        assert heard(question)[1] == []
    assert len(tried) == n_tried
    assert "all instructions by numpy" in repr(program)
    assert len(heard(lambda: copy.deepcopy(program)([[0.5]]))[1]) == 1  # another program


def test_a_command_that_no_shell_would_read_is_named(monkeypatch):
    monkeypatch.setenv("CC", 'gcc "x')
    x = Value(0.5)
    program, found = heard(lambda: compile(x.exp(), [x], backend="c"))
    assert ["CC must be a command, got 'gcc \"x'" in str(each.message) for each in found] == [True]
    assert program([[0.0]]).tolist() == [1.0]


LOOSE = """
from engine import Value, compile
x, y = Value(1.0), Value(2.0)
outputs = [(x + y) - x, x * y, x * 0.1, x / 3.0, y * 0.0, 1.0 / (x * 1e200 * y + 1.0)]
rows = [[1e16, 1.0], [1e-300, 1e-10], [0.7, -0.3], [3.0, 5e-324]]
found = []
for backend in ("numpy", "c"):
    program = compile(outputs, [x, y], backend=backend)
    found.append([[number.hex() for number in row] for row in program(rows).tolist()])
    try:
        found[-1].append(program([[1e200, 1.0]]).tolist())
    except OverflowError as error:
        found[-1].append(str(error))
assert found[0] == found[1], found
assert float.fromhex("0x1p-1074") * float(len(found) - 1) > 0.0, "subnormal numbers are zeros now"
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "flag",
    [
        "-ffast-math",
        "-Ofast",
        "-funsafe-math-optimizations",
        "-ffinite-math-only",
        "-fno-signed-zeros",
        "-freciprocal-math",
        "-fassociative-math -fno-signed-zeros",
        "-fsingle-precision-constant",
    ],
)
def test_flags_of_a_compiler_by_which_numbers_would_be_others_are_taken_back(flag, tmp_path):
    found = compiler_module.found_compiler()
    if "__clang__" in found.macros and flag == "-fsingle-precision-constant":
        pytest.skip("clang has no such flag")
    environment = process_environment(tmp_path) | {"CC": f"{shlex.quote(found.command[0])} {flag}"}
    subprocess.run([sys.executable, "-W", "error", "-c", LOOSE], env=environment, check=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other processors may have no such flag")
def test_a_compiler_that_rounds_otherwise_is_refused(monkeypatch):
    found = compiler_module.found_compiler()
    if "__x86_64__" not in found.macros or "__clang__" in found.macros:
        pytest.skip("the flag is gcc's, for processors of x86")
    monkeypatch.setenv("CC", f"{shlex.quote(found.command[0])} -mfpmath=387")
    assert "rounds otherwise than numpy; leave out of CC" in why_not()


# --------------------------------------------------------------------------------------------------------- the cache

SCRIPT = """
import sys
from engine import Value, compile
from engine.compiler.backends.c import compiler
calls, call = [], compiler._call
compiler._call = lambda command: (calls.append(command), call(command))
x = Value(0.5)
print(compile((x * 3.25).sin(), [x], backend="c")([[1.0]])[0], len(calls))
"""


def process_environment(folder):
    """Where a process of its own finds the engine, and keeps libraries."""
    path = os.pathsep.join([str(Path(engine.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "XDG_CACHE_HOME": str(folder), "PYTHONPATH": path}


def run_once(folder):
    """What a process of its own computes, and how often it calls the compiler."""
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, env=process_environment(folder), check=True)
    number, calls = done.stdout.split()
    assert float(number) == pytest.approx(math.sin(3.25), rel=1e-15)
    return int(calls)


GRADIENT = """
from engine import Value, compile
x, weights = Value(0.5), [Value(0.1) for _ in range(9)]
compile(sum((x * w).sin() for w in weights), [x], weights, backend="c").value_and_gradient([[1.0]])
"""


@pytest.mark.slow
def test_the_code_does_not_depend_on_the_order_of_sets(tmp_path):
    for seed in "12":
        environment = {**process_environment(tmp_path), "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", GRADIENT], env=environment, check=True)
    assert len(list((tmp_path / "gradstep" / "native").iterdir())) == 1


@pytest.mark.slow
def test_a_second_process_compiles_nothing_and_a_spoilt_file_is_compiled_again(tmp_path):
    assert run_once(tmp_path) > 0
    assert run_once(tmp_path) == 0
    (file,) = (tmp_path / "gradstep" / "native").iterdir()
    if os.name == "posix":
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    file.write_bytes(file.read_bytes()[:1000])
    assert run_once(tmp_path) > 0
    assert run_once(tmp_path) == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="files have no modes here")
def test_files_that_others_may_write_are_not_loaded(tmp_path):
    run_once(tmp_path)
    (file,) = (tmp_path / "gradstep" / "native").iterdir()
    file.chmod(0o666)
    assert run_once(tmp_path) > 0
    assert file.stat().st_mode & 0o777 == 0o600
    file.parent.chmod(0o777)
    assert run_once(tmp_path) > 0


def computed_in_c(number):
    """A program of C that this process has not met."""
    x = Value(0.5)
    program = compile((x * number).sin(), [x], backend="c")
    numbers, found = heard(lambda: program([[1.0]]).tolist())
    assert numbers == pytest.approx([math.sin(number)], rel=1e-15)
    assert [str(each.message) for each in found] == []
    assert "by C" in repr(program)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("clang") is None, reason="there is no clang here")
def test_clang_makes_the_code_as_well(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "clang")
    computed_in_c(1.15625)


def test_where_nothing_in_the_cache_may_be_executed_a_copy_is_loaded(monkeypatch, tmp_path):
    load, calls, call = compiler_module.ctypes.CDLL, [], compiler_module._call

    def refusing(name, *arguments):
        if str(tmp_path) in str(name):
            raise OSError(f"{name}: failed to map segment from shared object")
        return load(name, *arguments)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiler_module.ctypes, "CDLL", refusing)
    monkeypatch.setattr(compiler_module, "_call", lambda command: (calls.append(command), call(command)))
    computed_in_c(1.28125)
    assert calls
    calls.clear()
    computed_in_c(1.28125)
    assert not calls


def test_what_the_cache_has_no_room_for_is_not_kept(monkeypatch, tmp_path):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiler_module, "write_whole", full)
    computed_in_c(1.53125)
    assert list((tmp_path / "gradstep" / "native").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="names of users are not looked up here")
def test_a_user_without_a_home_keeps_nothing(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "~no-such-user")  # as ~ where the number of the user has no name
    assert compiler_module._cache_folder() is None


def test_without_room_for_a_library_numpy_does_the_work(monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiler_module.tempfile, "TemporaryDirectory", full)
    x = Value(0.5)
    program = compile((x * 1.78125).sin(), [x], backend="c")
    numbers, found = heard(lambda: program([[1.0]]).tolist())
    assert numbers == [math.sin(1.78125)]
    assert ["No space left on device" in str(each.message) for each in found] == [True]
    assert "by C" not in repr(program)


# ----------------------------------------------------------------------------------------------------------- training


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_training_and_prediction_give_the_numbers_of_numpy(dtype):
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (600, 2))
    y = [int(a * b > 0.0) for a, b in X]
    models = []
    for backend in ("numpy", "c"):
        model = MLP(2, [16, 16, 1], seed=0)
        history = model.fit(
            X,
            y,
            loss="binary_cross_entropy",
            epochs=3,
            seed=0,
            progress=False,
            replay=True,
            dtype=dtype,
            backend=backend,
        )
        assert not history.eager
        models.append((history.loss, [p.data for p in model.parameters()], model.predict(X, backend=backend)))
    tolerance = 1e-9 if dtype == "float64" else 1e-3
    np.testing.assert_allclose(models[1][0], models[0][0], rtol=tolerance)
    np.testing.assert_allclose(models[1][1], models[0][1], rtol=tolerance, atol=tolerance)
    assert models[0][2] == models[1][2]

"""Large batches in chunks and on threads, memory that is kept, and programs side by side."""

import os
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from engine import Value, compile, dot, maximum, sqrt, tanh
from engine.compiler import runner as runner_module
from engine.compiler.backends import numpy as numpy_backend
from engine.compiler.plan import Gradient


def make(dtype="float64"):
    """A program of three inputs with a bit of everything, and the numbers of its parameters."""
    x = [Value(0.3), Value(0.5), Value(0.7)]
    w = [Value(number) for number in (0.4, -0.3, 0.9, 0.2)]
    hidden = [tanh(w[0] * x[0] + w[1] * x[1]), tanh(w[1] * x[1] + w[2] * x[2])]
    loss = maximum(hidden[0], hidden[1]) * w[3] + sqrt(x[0] * x[0] + 1.0) + w[0] * w[1]
    return compile([loss, hidden[1], w[0] * w[2]], x, w, dtype)


def rows(n, seed=0):
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (n, 3))


@pytest.fixture
def in_chunks_of(monkeypatch):
    """Makes chunks small and processors many, and all of them worth having."""

    def change(chunk, workers=1):
        monkeypatch.setattr(numpy_backend, "_CHUNK", chunk)
        monkeypatch.setattr(numpy_backend, "_FOR_THREADS", 0)
        monkeypatch.setattr(os, "cpu_count", lambda: workers)

    return change


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("chunk", [1, 2, 7, 49, 50, 51])
def test_results_do_not_depend_on_chunks_or_threads(in_chunks_of, chunk, workers):
    X = rows(100 if chunk > 1 else 20)
    whole = make()
    expected = [whole(X), whole.gradients(X), whole.gradients(X, "inputs")]
    sums = [whole.value_and_gradient(X, output) for output in range(3)]
    in_chunks_of(chunk, workers)
    program = make()
    for found, right in zip([program(X), program.gradients(X), program.gradients(X, "inputs")], expected):
        np.testing.assert_allclose(found, right, rtol=1e-14, atol=1e-16)
    for output, (mean, gradient) in enumerate(sums):
        found_mean, found = program.value_and_gradient(X, output)
        assert found_mean == pytest.approx(mean, rel=1e-14)
        np.testing.assert_allclose(found, gradient, rtol=1e-13, atol=1e-16)
        program.to_values()
        assert [parameter.grad for parameter in program.parameters] == found.tolist()


def test_the_chunks_are_of_one_size_and_as_many_for_each_worker(in_chunks_of):
    in_chunks_of(30, 2)
    program = make()
    seen = []
    program._runner.in_chunks(100, lambda start, stop, worker: seen.append((start, stop, worker)), None)
    assert sorted(seen) == [(0, 25, 0), (25, 50, 1), (50, 75, 0), (75, 100, 1)]


def test_small_instructions_are_not_worth_threads(in_chunks_of, monkeypatch):
    in_chunks_of(30, 2)
    monkeypatch.setattr(numpy_backend, "_FOR_THREADS", 60_000)
    seen = []
    make()._runner.in_chunks(100, lambda start, stop, worker: seen.append((start, stop, worker)), None)
    assert seen == [(0, 25, 0), (25, 50, 0), (50, 75, 0), (75, 100, 0)]


def test_more_examples_than_a_chunk_holds():
    program = make()
    n = 2 * program._runner._plan(Gradient(0, "parameters", False))[1][0] + 17
    X = rows(n)
    results = program(X)
    pieces = np.vstack([program(part) for part in np.array_split(X, 11)])
    np.testing.assert_allclose(results, pieces, rtol=1e-14)
    mean, gradient = program.value_and_gradient(X)
    each = program.gradients(X)
    assert mean == pytest.approx(results[:, 0].mean(), rel=1e-12)
    np.testing.assert_allclose(gradient, each.mean(axis=0), rtol=1e-12, atol=1e-15)


def test_weights_changed_between_runs_reach_every_worker(in_chunks_of):
    in_chunks_of(10, 3)
    program, X = make(), rows(60)
    program.value_and_gradient(X)
    program.weights -= 0.5
    fresh = make()
    fresh.weights = program.weights.copy()
    np.testing.assert_array_equal(program(X), fresh(X))
    np.testing.assert_array_equal(program.value_and_gradient(X)[1], fresh.value_and_gradient(X)[1])


def test_batches_of_changing_sizes():
    program, fresh = make(), make()
    for n in [5, 1, 5, 2, 9, 3, 4, 6, 7, 8, 10, 11, 12, 13, 14, 5, 1, 0, 5]:
        X = rows(n, seed=n)
        np.testing.assert_array_equal(program(X), make()(X))
        if n:
            mean, gradient = program.value_and_gradient(X)
            other_mean, other = fresh.value_and_gradient(X)
            assert mean == other_mean
            np.testing.assert_array_equal(gradient, other)
    kept = runner_module._KEPT * (os.cpu_count() or 1)
    assert len(program._runner._bound) <= kept
    program.release()
    assert not program._runner._bound
    np.testing.assert_array_equal(program(rows(5)), make()(rows(5)))


def test_rows_are_read_and_not_changed():
    program, X = make(), rows(40)
    before = X.copy()
    for view in (X[::2], X[:, ::-1], np.asfortranarray(X), X.astype("float32"), X.tolist(), X[:, :3]):
        expected = program(np.ascontiguousarray(view, dtype=float))
        np.testing.assert_array_equal(program(view), expected)
    assert X.tolist() == before.tolist()
    X.flags.writeable = False
    program.value_and_gradient(X)


def test_programs_in_threads_do_not_disturb_each_other():
    X = [rows(200, seed) for seed in range(4)]

    def train(seed):
        program = make()
        for _ in range(60):
            _, gradient = program.value_and_gradient(X[seed])
            program.weights -= 0.1 * gradient
        return program.weights.tolist(), program(X[seed]).tolist()

    expected = [train(seed) for seed in range(4)]
    before, together = sys.getswitchinterval(), threading.Barrier(4)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda seed: (together.wait(timeout=60), train(seed))[1], range(4)))
    finally:
        sys.setswitchinterval(before)
    assert found == expected


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backward", [False, True])
def test_a_row_with_nan_is_found_in_any_chunk(in_chunks_of, dtype, backward):
    in_chunks_of(10)
    program, X = make(dtype), rows(35).astype(dtype)
    X[32, 0] = np.nan
    with pytest.raises(ValueError, match="X: row 32 has NaN in column 0"):
        program.value_and_gradient(X) if backward else program(X)


def test_an_error_in_a_worker_is_raised(in_chunks_of):
    in_chunks_of(10, 2)
    program = make()

    def run(start, stop, worker):
        raise MemoryError("too much")

    with pytest.raises(MemoryError, match="too much"):
        program._runner.in_chunks(100, run, None)


def test_infinite_inputs_and_overflow_come_out_as_they_do_in_numpy():
    a, w = Value(0.5), Value(2.0)
    program = compile((a * w).exp(), [a], [w])
    assert program([[np.inf], [-np.inf], [1e308], [1.0]]).tolist()[:3] == [np.inf, 0.0, np.inf]
    assert program([[1e308], [1e308]]).tolist() == [np.inf] * 2


@pytest.mark.parametrize(("wanted", "n_wanted"), [("inputs", 40), ("parameters", 30 * 40)])
def test_gradients_by_example_need_little_more_memory_than_their_result(wanted, n_wanted):
    x = [Value(0.5) for _ in range(40)]
    w = [[Value(0.01 * i * j) for i in range(40)] for j in range(30)]
    program = compile(sum(tanh(dot(row, x)) for row in w), x, [weight for row in w for weight in row])
    X = np.random.default_rng(0).uniform(-1.0, 1.0, (4000, 40))
    expected = program.gradients(X[3998:], wanted)
    tracemalloc.start()
    gradients = program.gradients(X, wanted)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert gradients.shape == (4000, n_wanted)
    np.testing.assert_allclose(gradients[3998:], expected, rtol=1e-12)
    assert peak < gradients.nbytes + 25e6  # 4,000 rows of 1,200 parameters are 38 MB


def test_gradients_by_inputs_and_parameters_together():
    program, X = make(), rows(7)
    both = program.gradients(X, [program.inputs[1], program.parameters[2], program.inputs[0]])
    np.testing.assert_allclose(
        both[:, [0, 2]], program.gradients(X, [program.inputs[1], program.inputs[0]]), rtol=1e-14
    )
    np.testing.assert_allclose(both[:, 1], program.gradients(X)[:, 2], rtol=1e-14)
    program.weights[2] = -2.0
    assert not np.allclose(program.gradients(X)[:, 2], both[:, 1])


@pytest.mark.parametrize("backend", ["numpy", "c", "jax"])
@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([-1], "places must be row numbers from 0 to 4, got -1"),
        ([0, 5], "places must be row numbers from 0 to 4, got 5"),
        ([True, False, False, False, False], "places must be a list of row numbers, got"),
        ([[0, 1]], "places must be a list of row numbers, got"),
        ([1.5], "places must be a list of row numbers, got"),
    ],
)
def test_places_that_are_no_row_numbers_are_refused(backend, places, words):
    """They would be other rows, in each backend others."""
    if backend == "jax":
        pytest.importorskip("jax")
    x, z, w = Value(1.0), Value(2.0), Value(3.0)
    program, X = compile([x * w + z, z / x], [x, z], [w], backend=backend), np.arange(1.0, 11.0).reshape(5, 2)
    with pytest.raises(ValueError, match=words):
        program.run(X, np.array(places))


@pytest.mark.parametrize("places", [[4, 0, 0], np.array([3, 1], np.uint8), np.array([3], np.int32), None])
def test_places_are_rows_in_their_order(places):
    x, z, w = Value(1.0), Value(2.0), Value(3.0)
    program, X = compile([x * w + z, z / x], [x, z], [w]), np.arange(1.0, 11.0).reshape(5, 2)
    rows = X if places is None else X[np.array(places, np.int64)]
    assert program.run(X, places)[0].tolist() == program(rows).tolist()


@pytest.mark.parametrize("shape", [(5, 1), (5, 3), (5,)])
def test_rows_of_another_width_are_refused(shape):
    x, z = Value(1.0), Value(2.0)
    with pytest.raises(ValueError, match=r"X must be of shape \(n_examples, 2\)"):
        compile(x * z, [x, z]).run(np.ones(shape))


@pytest.mark.parametrize(
    ("places", "output", "words"),
    [(None, -1, "output must be"), (None, 2, "output must be"), (None, True, "output must be"), ([], 0, "one row")],
)
def test_run_takes_outputs_and_rows_that_a_mean_takes(places, output, words):
    x, z, w = Value(1.0), Value(2.0), Value(3.0)
    program = compile([x * w + z, z / x], [x, z], [w])
    with pytest.raises((TypeError, ValueError), match=words):
        program.run(np.ones((5, 2)), places, output)


@pytest.mark.parametrize(("places", "words"), [([-1], "from 0 to 4, got -1"), ([True] + [False] * 4, "a list of row")])
def test_places_of_a_function_are_row_numbers_too(places, words):
    function, X = compile(lambda x, z: z / x), np.arange(1.0, 11.0).reshape(5, 2)
    function(X)
    assert function.program.run(X, [4, 0])[0].tolist() == [[10.0 / 9.0], [2.0]]
    with pytest.raises(ValueError, match=words):
        function.program.run(X, np.array(places))

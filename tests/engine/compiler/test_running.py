"""The last pass of replay: instructions carried out on arrays."""

import numpy as np
import pytest

from engine.compiler.backends.numpy import Memories, carry_out
from engine.compiler.backends.numpy_calls import resolved
from engine.compiler.ir import Map, MatMul, Scatter, Take, Total, View


def memories(n_examples=3, **slots):
    return Memories({"inputs": 2, "uniform": 6, "varying": 6, **slots}, n_examples, np.dtype("float64"))


def whole(memory, start, *shape):
    strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    return View(memory, start, shape, strides)


def test_running_a_view():
    m = memories()
    m.arrays["varying"][:] = np.arange(18).reshape(6, 3)
    seen = resolved(m.arrays, View("varying", 1, (2, 2), (2, 1)))
    assert seen[:, :, 0].tolist() == [[3, 6], [9, 12]]
    assert seen.base is not None
    assert resolved(m.arrays, View("uniform", 0, (2,), (0,))).shape == (2, 1)


@pytest.mark.parametrize("columns", [True, False])
def test_running_loads_inputs_by_rows_or_by_columns(columns):
    m = Memories({"inputs": 2}, 3, np.dtype("float64"), columns)
    m.load(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert m.arrays["inputs"].tolist() == [[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]
    assert m.arrays["inputs"].flags.c_contiguous == columns


@pytest.mark.parametrize("n_vectors", [1, 2])
@pytest.mark.parametrize("n_examples", [1, 3])
def test_running_matrix_products(n_vectors, n_examples):
    n, k = 2, 4
    numbers = np.random.default_rng(0)
    m = Memories({"inputs": 0, "uniform": 20, "varying": 40}, n_examples, np.dtype("float64"))
    for array in (m.arrays["uniform"], m.arrays["varying"]):
        array[:] = numbers.uniform(-1.0, 1.0, array.shape)
    weights, vectors, out = (
        whole("uniform", 0, n, k),
        whole("varying", 0, n_vectors, k),
        whole("varying", 10, n_vectors, n),
    )
    back, to_weights = whole("varying", 20, n_vectors, k), whole("uniform", 10, n, k)
    W, v, d = resolved(m.arrays, weights)[..., 0].copy(), resolved(m.arrays, vectors).copy(), None
    carry_out(m.bind([MatMul("forward", out, weights, vectors)])[0])
    d = resolved(m.arrays, out).copy()
    np.testing.assert_allclose(d, np.einsum("nk,mke->mne", W, v), rtol=1e-13, atol=1e-15)
    carry_out(m.bind([MatMul("to vectors", back, weights, out), MatMul("to weights", to_weights, out, vectors)])[0])
    np.testing.assert_allclose(resolved(m.arrays, back), np.einsum("nk,mne->mke", W, d), rtol=1e-13, atol=1e-15)
    expected = np.einsum("mne,mke->nk", d, v)
    np.testing.assert_allclose(resolved(m.arrays, to_weights)[..., 0], expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("memory", ["varying", "uniform"])
@pytest.mark.parametrize("slots", [[4, 1, 5], [2, 4, 2, 2, 5, 4], [3, 3]])
def test_running_scattered_additions(memory, slots):
    m = memories(scratch=6, **{"uniform scratch": 6})
    scratch = "scratch" if memory == "varying" else "uniform scratch"
    source = m.arrays[scratch]
    source[:] = np.arange(source.size).reshape(source.shape) + 1.0
    m.arrays[memory][:] = 100.0
    expected = np.full_like(m.arrays[memory], 100.0)
    for slot, row in zip(slots, source):
        expected[slot] += row
    carry_out(m.bind([Scatter(memory, np.array(slots), whole(scratch, 0, len(slots)))])[0])
    assert m.arrays[memory].tolist() == expected.tolist()


def test_running_the_others():
    m = memories()
    m.load(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    both, out = whole("inputs", 0, 2), whole("varying", 0, 2)
    instructions = [
        Map("multiply", out, (both, 2.0)),
        Take(whole("varying", 2, 2), "varying", np.array([1, 0])),
        Total(whole("varying", 4, 1), View("varying", 0, (1, 2), (2, 1))),
        Total(whole("uniform", 0, 2), out, over_examples=True),
        Map("copy", whole("uniform", 2, 2), (7.0,)),
    ]
    carry_out(m.bind(instructions)[0])
    expected = [[2.0, 6.0, 10.0], [4.0, 8.0, 12.0], [4.0, 8.0, 12.0], [2.0, 6.0, 10.0], [6.0, 14.0, 22.0], [0.0] * 3]
    assert m.arrays["varying"].tolist() == expected
    assert m.arrays["uniform"].ravel().tolist() == [18.0, 24.0, 7.0, 7.0, 0.0, 0.0]

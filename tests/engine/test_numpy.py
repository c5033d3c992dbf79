"""Values in numpy's arrays and beside them, and in pandas."""

import math

import numpy as np
import pytest
from operations import ONE_ARGUMENT

import engine
from engine import Value

UFUNCS = {row.name: row.name for row in ONE_ARGUMENT if hasattr(np, row.name)} | {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
}


def data(array):
    return np.vectorize(float, otypes=[float])(array)


@pytest.mark.parametrize("name", UFUNCS)
def test_ufuncs_call_the_method(name):
    x = Value(0.5)
    array = getattr(np, name)(np.array([x, Value(0.25)]))
    assert array.dtype == object
    assert array.shape == (2,)
    assert array[0].op == UFUNCS[name]
    assert array[0].operands == (x,)
    assert array[0].data == getattr(engine, UFUNCS[name])(0.5)
    alone = getattr(np, name)(x)
    assert type(alone) is Value
    assert alone.operands == (x,)


def test_every_ufunc_is_there():
    exponentials = {"exp", "expm1", "log", "log10", "log1p", "sqrt", "sinh", "cosh", "tanh"}
    assert exponentials | {"sin", "cos", "tan", "arcsin", "arccos", "arctan"} <= set(UFUNCS)


def test_ufuncs_of_two():
    a, b = Value(3.0), Value(4.0)
    for result in (np.hypot(np.array([a]), np.array([b]))[0], np.hypot(a, b), np.hypot(np.array([a]), 4.0)[0]):
        assert (result.op, result.data) == ("hypot", 5.0)
    for result in (np.arctan2(np.array([a]), np.array([b]))[0], np.arctan2(a, b), np.arctan2(np.array([a]), 4.0)[0]):
        assert (result.op, result.data) == ("atan2", math.atan2(3.0, 4.0))


@pytest.mark.parametrize(
    "scalar", [np.float64(2), np.float32(2), np.int64(2), np.int8(2), np.bool_(True), np.array(2.0)]
)
def test_scalars_on_either_side_give_a_value(scalar):
    v = Value(3.0)
    n = float(scalar)
    pairs = [
        (scalar + v, n + 3),
        (v + scalar, 3 + n),
        (scalar - v, n - 3),
        (v - scalar, 3 - n),
        (scalar * v, n * 3),
        (v * scalar, 3 * n),
        (scalar / v, n / 3),
        (v / scalar, 3 / n),
        (scalar**v, n**3),
        (v**scalar, 3**n),
    ]
    for result, expected in pairs:
        assert type(result) is Value
        assert result.data == expected
        assert v in result.operands
    assert (scalar < v, v < scalar, scalar >= v, v >= scalar) == (True, False, False, True)


@pytest.mark.parametrize("operation", ["+", "-", "*", "/", "**"])
def test_an_array_beside_a_value_is_an_array_of_values(operation):
    v, array = Value(3.0), np.array([[1.0, 2.0], [3.0, 4.0]])
    left = eval(f"v {operation} array", {"v": v, "array": array})
    right = eval(f"array {operation} v", {"v": v, "array": array})
    plain_left = eval(f"3.0 {operation} array", {"array": array})
    plain_right = eval(f"array {operation} 3.0", {"array": array})
    for result, expected in ((left, plain_left), (right, plain_right)):
        assert result.dtype == object
        assert all(type(x) is Value for x in result.flat)
        np.testing.assert_array_equal(data(result), expected)
        assert all(v in x.operands for x in result.flat)
    assert (v * np.array([])).shape == (0,)


def test_arrays_of_values_do_arithmetic():
    x = np.array([Value(1.0), Value(2.0)])
    y = (3 * x - x / 2 + x**2 + np.array([10.0, 20.0])).sum()
    assert type(y) is Value
    y.backward()
    assert [v.grad for v in x] == [3 - 0.5 + 2, 3 - 0.5 + 4]
    np.testing.assert_array_equal(data(-x), [-1.0, -2.0])
    np.testing.assert_array_equal(data(np.abs(-x)), [1.0, 2.0])


@pytest.mark.parametrize("plain_matrix", [False, True])
@pytest.mark.parametrize("plain_vector", [False, True])
def test_matrix_products(plain_matrix, plain_vector):
    matrix, vector = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5.0, 6.0])
    A = matrix if plain_matrix else np.vectorize(Value, otypes=[object])(matrix)
    x = vector if plain_vector else np.array([Value(n) for n in vector])
    y = A @ x
    np.testing.assert_array_equal(data(y), [17.0, 39.0])
    if plain_matrix and plain_vector:
        return
    y.sum().backward()
    if not plain_matrix:
        assert [[v.grad for v in row] for row in A] == [[5.0, 6.0], [5.0, 6.0]]
    if not plain_vector:
        assert [v.grad for v in x] == [4.0, 6.0]


def test_reductions_and_linear_algebra_of_object_arrays():
    x = np.array([Value(3.0), Value(1.0), Value(2.0)])
    assert x.sum().data == np.sum(x).data == 6.0
    assert x.mean().data == 2.0
    assert x.prod().data == 6.0
    assert x.max() is x[0]
    assert x.min() is x[1]
    assert [v.data for v in np.sort(x)] == [1.0, 2.0, 3.0]
    assert list(x.argsort()) == [1, 2, 0]
    assert np.dot(x, x).data == 14.0
    assert [v.data for v in np.cumsum(x)] == [3.0, 4.0, 6.0]
    assert list(x > 1.5) == [True, False, True]
    assert np.array(x, dtype=float).tolist() == x.astype(float).tolist() == [3.0, 1.0, 2.0]


def test_functions_take_arrays_of_values_as_sequences():
    x = np.array([Value(1.0), Value(2.0)])
    assert engine.mean(x).data == 1.5
    assert engine.dot(x, np.array([3.0, 4.0])).data == 11.0
    assert sum(engine.softmax(x)).data == pytest.approx(1.0)


def test_an_array_without_axes_that_holds_a_value():
    x, y = Value(2.0), Value(3.0)
    for result in (x * np.array(y), np.array(y) * x, np.array(x) * np.array(y)):
        assert result.data == 6.0
        assert result.operands in ((x, y), (y, x))
    assert (x ** np.array(y)).data == 8.0
    assert engine.grad(lambda x: np.polyval([1.0, 2.0, 3.0], x))(2.0) == 6.0


def test_pandas_series():
    pd = pytest.importorskip("pandas")
    v = Value(2.0)
    series = pd.Series([1.0, 3.0])
    for result in (v * series, series * v):
        assert [x.data for x in result] == [2.0, 6.0]
        assert all(v in x.operands for x in result)
    total = pd.Series([v, Value(1.0)]).sum()
    total.backward()
    assert v.grad == 1.0
    assert Value(series[1]).data == 3.0


@pytest.mark.parametrize(
    "product", [lambda a, x: a * x, lambda a, x: x * a, lambda a, x: np.ma.where(a > 0.0, a * x, 0.0)]
)
def test_masked_arrays(product):
    numbers = np.ma.array([1.0, 2.0, 4.0], mask=[0, 1, 0])  # numpy.ma reads an attribute _data of what it meets
    assert engine.grad(lambda x: product(numbers, x).sum())(3.0) == 5.0
    assert engine.compile(lambda x: product(numbers, x).sum() + x)([[3.0], [1.0]]).tolist() == [18.0, 6.0]

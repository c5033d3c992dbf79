"""Programs given tables with names: a column is read as the input of its name, or refused in words."""

from collections import namedtuple

import numpy as np
import pytest

from engine import Value, compile

pandas = pytest.importorskip("pandas")


def program():
    b, a = Value(1.0, "b"), Value(2.0, "a")
    return compile(b - 3.0 * a, inputs=[b, a])


def function():
    return compile(lambda b, a: b - 3.0 * a)


FRAME = pandas.DataFrame({"a": [1.0, 2.0], "b": [10.0, 20.0]})


@pytest.mark.parametrize("make", [program, function])
def test_a_column_is_the_input_of_its_name(make):
    f = make()
    for frame in (FRAME, FRAME[["b", "a"]], FRAME.astype(object), FRAME.astype(int)):
        assert f(frame).tolist() == [7.0, 14.0]
        assert f.value_and_gradient(frame)[0] == 10.5
        assert f.gradients(frame, "inputs").tolist() == [[1.0, -3.0]] * 2
    assert make()(FRAME[["b", "a"]]).tolist() == [7.0, 14.0]
    assert f(FRAME.to_numpy()).tolist() == [-29.0, -58.0]


Row = namedtuple("Row", "a b")


@pytest.mark.parametrize("make", [program, function])
def test_rows_with_names_are_read_by_them(make):
    f = make()
    for rows in (
        [pandas.Series({"a": 1.0, "b": 10.0}), pandas.Series({"b": 20.0, "a": 2.0})],
        [Row(1.0, 10.0), [20.0, 2.0]],
        (Row(1.0, 10.0), Row(2.0, 20.0)),
        FRAME.itertuples(index=False),
        [row for _, row in FRAME.iterrows()],
    ):
        assert f(rows).tolist() == [7.0, 14.0]
    assert f([pandas.Series([10.0, 1.0])]).tolist() == [7.0]
    with pytest.raises(ValueError, match=r"X: row 1 must have the names \['b', 'a'\], got \['a', 'c'\]"):
        f([Row(1.0, 10.0), pandas.Series({"a": 1.0, "c": 10.0})])


@pytest.mark.parametrize("make", [program, function])
@pytest.mark.parametrize("names", [["u", "v"], [0, 1], [1, 0], ["b", "v"], ["u", "a"]])
def test_other_names_are_read_by_position(make, names):
    frame = pandas.DataFrame([[10.0, 1.0]], columns=names)
    assert make()(frame).tolist() == [7.0]


@pytest.mark.parametrize("make", [program, function])
@pytest.mark.parametrize("names", [["a", "v"], ["u", "b"], ["a", "a"], ["b", "b"]])
def test_names_that_fit_in_part_are_refused(make, names):
    frame = pandas.DataFrame([[10.0, 1.0]], columns=names)
    with pytest.raises(ValueError, match=r"X must have the columns \['b', 'a'\], got .*X\.to_numpy\(\)"):
        make()(frame)


def test_a_function_of_a_list_has_no_names():
    f = compile(lambda v: v[0] - 3.0 * v[1])
    assert f(FRAME).tolist() == [-29.0, -58.0]


def test_defaults_and_any_number_of_arguments():
    def f(b, a, scale=2.0):
        return (b - 3.0 * a) * scale

    assert compile(f)(FRAME).tolist() == [14.0, 28.0]
    assert compile(lambda *xs: xs[0] - 3.0 * xs[1])(FRAME).tolist() == [-29.0, -58.0]


def test_weights_are_read_by_name():
    x, v, w = Value(1.0, "x"), Value(2.0, "v"), Value(3.0, "w")
    f = compile(x * v - w, [x], [v, w])
    f.weights = pandas.Series({"w": 1.0, "v": 5.0})
    assert f.weights.tolist() == [5.0, 1.0]
    f.weights = pandas.Series([7.0, 8.0])
    assert f.weights.tolist() == [7.0, 8.0]
    with pytest.raises(ValueError, match=r"weights must have the names \['v', 'w'\]"):
        f.weights = pandas.Series({"w": 1.0, "u": 5.0})


def test_tables_of_another_library():
    class Table:
        columns = ("a", "b")

        def to_numpy(self):
            return np.array([[1.0, 10.0]])

        def __array__(self, dtype=None, copy=None):
            return self.to_numpy()

    assert program()(Table()).tolist() == [7.0]
    assert function()(Table()).tolist() == [7.0]

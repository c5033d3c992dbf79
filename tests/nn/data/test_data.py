"""Data: tables and labels from lists, numpy and pandas; CSV files; the data sets; splitting."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Value
from nn.data import DataSet, as_column, as_table, digits, moons, xor

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
FRAME = pd.DataFrame(ROWS, columns=["a", "b"], index=[7, 3, 5])


@pytest.mark.parametrize(
    "X",
    [
        ROWS,
        tuple(map(tuple, ROWS)),
        [(1, 2), [3, 4], np.array([5, 6])],
        np.array(ROWS),
        np.array(ROWS, dtype=np.float32),
        np.array(ROWS, dtype=np.int8),
        np.array(ROWS, dtype=np.uint64),
        np.array(ROWS, dtype=object),
        np.asfortranarray(ROWS),
        FRAME,
        FRAME.astype(object),
        FRAME.astype("Int64"),
        FRAME.astype({"a": int}),
        [[Fraction(1), Decimal(2)], [np.float32(3), np.int64(4)], [Value(5.0), 6]],
        [range(1, 3), range(3, 5), range(5, 7)],
    ],
)
def test_tables_of_every_kind(X):
    table = as_table(X)
    assert table.dtype == np.float64
    assert table.tolist() == ROWS


def test_tables_of_booleans_and_of_sparse_arrays():
    assert as_table([[True, False]]).tolist() == [[1.0, 0.0]]
    assert as_table(pd.DataFrame({"a": [True], "b": [2]})).tolist() == [[1.0, 2.0]]
    sparse = pytest.importorskip("scipy.sparse")
    assert as_table(sparse.csr_matrix(ROWS)).tolist() == ROWS


def test_a_tensor_is_a_table():
    torch = pytest.importorskip("torch")
    assert as_table(torch.tensor(ROWS)).tolist() == ROWS
    assert as_column(torch.tensor([1.0, 2.0])) == [1, 2]
    assert as_table(torch.tensor([1.0, 2.0]), width=1).tolist() == [[1.0], [2.0]]
    assert as_table(list(torch.tensor([1.0, 2.0])), width=1).tolist() == [[1.0], [2.0]]


def test_a_flat_list_is_a_column_where_one_is_wanted():
    assert as_table([1, 2], width=1).tolist() == [[1.0], [2.0]]
    assert as_table(pd.Series([1, 2]), width=1).tolist() == [[1.0], [2.0]]
    assert as_table([np.array(1.0), np.array(2)], width=1).tolist() == [[1.0], [2.0]]
    assert as_table([], width=3, empty=True).shape == (0, 3)


def test_the_table_is_not_the_callers_memory():
    X = np.array(ROWS)
    as_table(X)[0, 0] = 1.0
    assert X.tolist() == ROWS


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ([], "X must have at least one example, got none"),
        (pd.DataFrame({"a": []}), "X must have at least one example"),
        (None, "X must be rows of numbers, got NoneType None"),
        (3.0, "X must be rows of numbers, got float"),
        ("1,2", "X must be rows of numbers, got str '1,2'"),
        (b"12", "X must be rows of numbers, got bytes"),
        ({"a": [1]}, "X must be rows of numbers, got dict"),
        ({1, 2}, "X must be rows of numbers, got set"),
        ((i for i in ROWS), "X must be rows of numbers, got generator"),
        (np.array(5.0), "X must be rows of numbers, got ndarray"),
        ([1, 2], r"X must have the shape \(n_examples, n_columns\), got \(2,\)"),
        (np.zeros((2, 2, 2)), r"got \(2, 2, 2\)"),
        ([[1, 2], [3]], "X must have rows of one length, got 1 in row 1 and 2 in row 0"),
        ([[1, 2], 3], "X must have rows of one length, got None in row 1 and 2 in row 0"),
        ([[1, 2], [3, "4"]], "X must have numbers, got '4' in row 1"),
        ([["a", "b"]], "X must have numbers, got 'a' in row 0"),
        (np.array([["a", "b"]]), "X must have numbers, got 'a' in row 0"),
        (["ab", "cd"], "X must have numbers, got 'ab' in row 0"),
        ([b"ab", b"cd"], "X must have numbers, got b'ab' in row 0"),
        (np.array([b"12", b"34"]), "X must have numbers, got .*b'12'.* in row 0"),
        ([[1, None]], "X must have numbers, got None in row 0"),
        ([[1, 1j]], r"X must have numbers, got 1j in row 0"),
        (np.array([[1j]]), "X must have numbers, got .* in row 0"),
        ([[1, [2, 3]]], "X must be rows of numbers"),
        ([[10**400]], "X must have numbers, got .* in row 0"),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), "X must have numbers, got .* in row 0"),
        (pd.DataFrame({"a": [1], "b": ["x"]}), "X must have numbers, got 'x' in row 0"),
        (pd.DataFrame({"a": pd.Series([1, None], dtype="Int64")}), "X must have .*, got .*(<NA>|nan)"),
        ([[1, math.nan]], "X must have finite numbers, got nan in row 0, column 1"),
        ([[1, 2], [-math.inf, 2]], "X must have finite numbers, got -inf in row 1, column 0"),
        (pd.DataFrame({"a": [1.0, None]}), "X must have finite numbers, got nan in row 1, column 0"),
    ],
)
def test_what_is_no_table_is_refused(X, words):
    with pytest.raises(ValueError, match=words):
        as_table(X)


def test_another_width_is_refused_under_the_name_given():
    with pytest.raises(ValueError, match=r"^inputs must have 3 numbers in each row, got 2"):
        as_table(ROWS, "inputs", width=3)


@pytest.mark.parametrize(
    ("y", "labels"),
    [
        ([1.0, 2, np.int64(3)], [1, 2, 3]),
        ([0.5, -0.0], [0.5, 0]),
        (np.array([1.0, 0.5]), [1, 0.5]),
        (np.array([["a"], ["b"]]), ["a", "b"]),
        ([np.str_("a"), "b"], ["a", "b"]),
        ([True, False], [True, False]),
        (range(3), [0, 1, 2]),
        ([1e300], [int(1e300)]),
    ],
)
def test_columns_of_every_kind(y, labels):
    column = as_column(y)
    assert column == labels
    assert [type(label) for label in column] == [type(label) for label in labels]


# ------------------------------------------------------------------------------------------------------------ data sets


def test_xor():
    data = xor()
    assert [(int(a) ^ int(b)) for a, b in data.X] == data.y
    assert len(data.y) == 4


def test_moons_are_two_half_circles():
    data = moons(200, noise=0.0, seed=3)
    for (x, y), label in zip(data.X, data.y):
        centre, side = ((1.0, 0.5), -1) if label else ((0.0, 0.0), 1)
        assert math.hypot(x - centre[0], y - centre[1]) == pytest.approx(1.0)
        assert side * (y - centre[1]) >= 0.0
    assert sum(data.y) == 100


def test_moons_come_from_their_seed():
    assert moons(10, seed=1).X.tolist() == moons(10, seed=1).X.tolist() != moons(10, seed=2).X.tolist()
    still, noisy = moons(2000, noise=0.0, seed=1), moons(2000, noise=0.3, seed=1)
    distance = [abs(math.hypot(*(p if not c else p - [1.0, 0.5])) - 1) for p, c in zip(noisy.X, noisy.y)]
    assert 0.15 < np.mean(distance) < 0.35  # of a normal number of deviation 0.3 it is 0.24
    assert still.y == noisy.y


def test_digits_are_scikit_learns():
    datasets = pytest.importorskip("sklearn.datasets")
    data, bunch = digits(), datasets.load_digits()
    assert data.X.tolist() == bunch.data.tolist()
    assert data.y == bunch.target.tolist()
    assert (len(data.y), data.X.shape[1], len(data.columns), type(data.y[0])) == (1797, 64, 64, int)


def test_digits_without_scikit_learn_say_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "gradstep\[demo\]"'):
        digits()


@given(st.integers(2, 60), st.floats(0.001, 0.999), st.integers(0, 5))
def test_a_split_holds_every_example_once(n, share, seed):
    data = moons(n, seed=0)
    training, held_out = data.split(share, seed)
    assert len(held_out.y) == min(max(round(share * n), 1), n - 1)
    together = sorted([*training.X.tolist(), *held_out.X.tolist()])
    assert together == sorted(data.X.tolist())
    known = {tuple(x): y for x, y in zip(data.X.tolist(), data.y)}
    assert all(known[tuple(x)] == y for part in (training, held_out) for x, y in zip(part.X.tolist(), part.y))
    assert training.columns == held_out.columns == data.columns
    assert data.split(share, seed)[1].X.tolist() == held_out.X.tolist()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        *(
            (lambda share=share: moons(40).split(share, 0), r"share must be in \(0, 1\), got")
            for share in (0, 1, 1.0, 5)
        ),
        (lambda: moons(40).split("half", 0), "share must be a number, got str 'half'"),
        (lambda: moons(40).split(True, 0), "share must be a number, got bool True"),
        (lambda: moons(40).split(0.5, "one"), "seed must be an int or None, got 'one'"),
        (lambda: moons(0), "n_examples must be an int >= 1, got 0"),
        (lambda: moons(2.5), "n_examples must be an int >= 1, got 2.5"),
        (lambda: moons(4, noise=-1), r"noise must be in \[0, inf\), got -1"),
        (lambda: moons(4, seed=0.5), "seed must be an int or None, got 0.5"),
    ],
)
def test_arguments_of_data_sets_are_checked(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_splits_differ_by_seed_and_need_two_examples():
    data = moons(40)
    assert data.split(0.5, 0)[0].X.tolist() != data.split(0.5, 1)[0].X.tolist()
    with pytest.raises(ValueError, match="at least two examples must be there, one of them to test with, got 1"):
        moons(1).split(0.5, 0)


@pytest.mark.parametrize("X", [FRAME, ROWS, np.array(ROWS)])
@pytest.mark.parametrize("y", [pd.Series([1.0, 3.0, 5.0], index=[2, 0, 1]), [1.0, 3.0, 5.0]])
def test_a_split_keeps_examples_and_targets_together(X, y):
    for part in DataSet(X, y).split(0.4, 0):
        assert part.X[:, 0].tolist() == list(part.y)


def test_a_split_needs_a_target_for_each_example():
    with pytest.raises(ValueError, match="y must have 3 examples, as X has, got 2"):
        DataSet(np.array(ROWS), [1.0, 3.0]).split(0.4, 0)


def test_a_data_set_shows_its_targets_as_plain_numbers():
    shown = repr(DataSet(np.zeros((4, 2)), np.array([0.5, 1.0, 2.0, 3.0])))
    assert shown == "DataSet of 4 examples: X of shape (4, 2); y begins with 0.5, 1.0, 2.0"
    assert repr(DataSet(np.zeros((1, 1)), ["yes"])) == "DataSet of 1 example: X of shape (1, 1); y begins with 'yes'"
    assert repr(DataSet(np.zeros((0, 1)), [])) == "DataSet of 0 examples: X of shape (0, 1)"

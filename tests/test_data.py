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
from nn.data import as_column, as_table, digits, moons, read_csv, read_inputs, xor

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


def test_a_flat_list_is_a_column_where_one_is_wanted():
    assert as_table([1, 2], width=1).tolist() == [[1.0], [2.0]]
    assert as_table(pd.Series([1, 2]), width=1).tolist() == [[1.0], [2.0]]
    assert as_table([], width=3, empty=True).shape == (0, 3)


def test_the_table_is_not_the_callers_memory():
    X = np.array(ROWS)
    as_table(X)[0, 0] = 1.0
    assert X.tolist() == ROWS


@pytest.mark.parametrize(
    ("X", "words"),
    [
        ([], "X is empty; at least one example is wanted"),
        (pd.DataFrame({"a": []}), "X is empty"),
        (None, "X: rows of numbers are wanted, not NoneType None"),
        (3.0, "X: rows of numbers are wanted, not float"),
        ("1,2", "X: rows of numbers are wanted, not str '1,2'"),
        (b"12", "X: rows of numbers are wanted, not bytes"),
        ({"a": [1]}, "X: rows of numbers are wanted, not dict"),
        ({1, 2}, "X: rows of numbers are wanted, not set"),
        ((i for i in ROWS), "X: rows of numbers are wanted, not generator"),
        (np.array(5.0), "X: rows of numbers are wanted, not ndarray"),
        ([1, 2], r"X: a table of shape \(n_examples, n_columns\) is wanted, not an array of shape \(2,\)"),
        (np.zeros((2, 2, 2)), r"not an array of shape \(2, 2, 2\)"),
        ([[1, 2], [3]], "X: rows of one length are wanted, but row 1 has 1 and row 0 2"),
        ([[1, 2], 3], "X: rows of one length are wanted, but row 1 has None and row 0 2"),
        ([[1, 2], [3, "4"]], "X: '4' in row 1 is not a number"),
        ([["a", "b"]], "X: 'a' in row 0 is not a number"),
        ([[1, None]], "X: None in row 0 is not a number"),
        ([[1, 1j]], r"X: 1j in row 0 is not a number"),
        (np.array([[1j]]), "in row 0 is not a number"),
        ([[1, [2, 3]]], "X: rows of numbers are wanted"),
        ([[10**400]], "in row 0 is not a number"),
        (np.array([["2020-01-01"]], dtype="datetime64[D]"), "in row 0 is not a number"),
        (pd.DataFrame({"a": [1], "b": ["x"]}), "X: 'x' in row 0 is not a number"),
        (pd.DataFrame({"a": pd.Series([1, None], dtype="Int64")}), "X: .*(<NA>|nan) in row 1"),
        ([[1, math.nan]], "X: nan in row 0, column 1; every number is to be finite"),
        ([[1, 2], [-math.inf, 2]], "X: -inf in row 1, column 0; every number is to be finite"),
        (pd.DataFrame({"a": [1.0, None]}), "X: nan in row 1, column 0"),
    ],
)
def test_what_is_no_table_is_refused(X, words):
    with pytest.raises(ValueError, match=words):
        as_table(X)


def test_another_width_is_refused_under_the_name_given():
    with pytest.raises(ValueError, match=r"^inputs: each row is to have 3 numbers, not 2"):
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


# ------------------------------------------------------------------------------------------------------------ CSV files


@pytest.fixture
def csv(tmp_path):
    def written(content: str | bytes) -> str:
        path = tmp_path / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return written


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("1,2,x\n3,4,y\n", ["column 1", "column 2", "column 3"]),
        ("a,b,kind\n1,2,x\n3,4,y\n", ["a", "b", "kind"]),
        ("\ufeffa,b,kind\r\n1,2,x\r\n3,4,y\r\n", ["a", "b", "kind"]),
        ('"a, first",b,kind\n"1","2",x\n3,4, y \n', ["a, first", "b", "kind"]),
        ("\n1, 2 ,x\n , ,\n\n3e0,+4.0,y", ["column 1", "column 2", "column 3"]),
        (",b,kind\n1,2,x\n3,4,y\n", ["", "b", "kind"]),
    ],
)
def test_csv_with_and_without_a_header(csv, content, columns):
    data = read_csv(csv(content))
    assert data.X.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert data.y == ["x", "y"]
    assert data.columns == columns


@pytest.mark.parametrize(
    ("cell", "label"),
    [("1", 1), ("1.0", 1), ("-3", -3), ("1.5", "1.5"), ("1e400", "1e400"), (" a  b ", "a b"), ('"a\nb"', "a b")],
)
def test_classes_are_whole_numbers_or_text(csv, cell, label):
    assert read_csv(csv(f"0,{cell}\n1,other\n")).y == [label, "other"]


def test_csv_for_regression(csv):
    data = read_csv(csv("x,y\n1,2.5\n2,3\n"), regression=True)
    assert (data.X.tolist(), data.y, data.columns) == ([[1.0], [2.0]], [2.5, 3.0], ["x", "y"])
    data = read_csv(csv("1,2.5\n2,3\n"), regression=True)
    assert data.y == [2.5, 3.0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "data.csv: there is no example in it"),
        ("\n \n,,\n", "there is no example in it"),
        ("a,b,c\n", "there is no example in it"),
        ("1\n2\n", "at least two columns with a comma between are wanted, the last of them the target"),
        ("1;2;x\n3;4;y\n", "at least two columns with a comma between|is not a finite number"),
        ("1,2,x\n3,y\n", "data.csv, line 2: 2 columns, but 3 in the first line"),
        ("a,b,c\n1,2,x\n1,2,3,y\n", "line 3: 4 columns, but 3 in the first line"),
        ("1,2,x\n3,four,y\n", "line 2: 'four' is not a finite number"),
        ("1,2,x\n\n3,nan,y\n", "line 3: 'nan' is not a finite number"),
        ("nan,2,x\n3,4,y\n", "line 1: 'nan' is not a finite number"),
        ("1,,x\n3,4,y\n", "line 1: '' is not a finite number"),
        ("inf,2,x\n3,4,y\n", "line 1: 'inf' is not a finite number"),
        ("1,1e999,x\n", "line 1: '1e999' is not a finite number"),
        ("1,2,x\n3,4,\n", "line 2: the class, in the last column, is missing"),
        ('1,2,"x\n3,4,y\n', "not a CSV file in UTF-8"),
        (b"\xff\xfe1\x00,\x002\x00", r"not a CSV file in UTF-8 \('utf-8' codec can't decode"),
        (b"\x89PNG\r\n\x1a\n\x00\x01", "not a CSV file in UTF-8"),
        ("1," + "9" * 200_000 + ",x\n", r"not a CSV file in UTF-8 \(field larger"),
    ],
)
def test_what_is_no_csv_of_examples_is_refused(csv, content, words):
    with pytest.raises(ValueError, match=words):
        read_csv(csv(content))


def test_a_number_that_is_missing_in_the_target_is_refused(csv):
    with pytest.raises(ValueError, match="line 3: '' is not a finite number"):
        read_csv(csv("x,y\n1,2\n2,\n"), regression=True)


def test_missing_files_and_folders_are_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(IsADirectoryError):
        read_inputs(tmp_path, 2)


@pytest.mark.parametrize(
    "content", ["1,2\n3,4\n", "a,b\n1,2\n3,4\n", "1,2,x\n3,4,y\n", "a,b,c\n1,2,x\n3,4,\n", "1,2,9\n3,4,9\n"]
)
def test_inputs_to_predict_with_may_have_a_target_beside_them(csv, content):
    assert read_inputs(csv(content), 2).tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1\n", "the model takes 2 inputs, and the file has 1 columns"),
        ("1,2,3,4\n", "the model takes 2 inputs, and the file has 4 columns"),
        ("1,x\n", "there is no example in it"),  # a header
        ("1,2\n3,x\n", "line 2: 'x' is not a finite number"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(csv, content, words):
    with pytest.raises(ValueError, match=words):
        read_inputs(csv(content), 2)


@given(
    rows=st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2), min_size=1),
)
def test_numbers_come_back_from_a_csv_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "round.csv"
    path.write_text("".join(f"{a!r},{b!r}\n" for a, b in rows))
    data = read_csv(path, regression=True)
    assert [[*x, y] for x, y in zip(data.X.tolist(), data.y)] == rows


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
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
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


def test_splits_differ_by_seed_and_need_two_examples():
    data = moons(40)
    assert data.split(0.5, 0)[0].X.tolist() != data.split(0.5, 1)[0].X.tolist()
    with pytest.raises(ValueError, match="at least two examples are wanted, one of them to test with, not 1"):
        moons(1).split(0.5, 0)

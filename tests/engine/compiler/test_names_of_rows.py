"""Rows in any container, with and without names: read by name, by position, or refused in words."""

from collections import deque, namedtuple
from itertools import starmap
from types import MappingProxyType

import numpy as np
import pytest

from engine import Value, compile, dot, gradients, logsumexp, mean, softmax

P, Q = namedtuple("P", "b a"), namedtuple("Q", "a b")


def program():
    a, b = Value(0.0, "a"), Value(0.0, "b")
    return compile(a - 10.0 * b, inputs=[a, b])


def function():
    return compile(lambda a, b: a - 10.0 * b)


def of_a_list():
    return compile(lambda v: v[0] - 10.0 * v[1])


by_names = pytest.mark.parametrize("make", [program, function])
all_kinds = pytest.mark.parametrize("make", [program, function, of_a_list])


@by_names
@pytest.mark.parametrize(
    "rows",
    [
        [{"b": 2.0, "a": 1.0}],
        np.array([(2.0, 1.0)], dtype=[("b", float), ("a", float)]),
        list(np.array([(2.0, 1.0)], dtype=[("b", float), ("a", float)])),
        deque([P(2.0, 1.0)]),
        {1: P(2.0, 1.0)}.values(),
    ],
)
def test_rows_with_names_in_any_container(make, rows):
    f = make()
    assert f(rows).tolist() == [-19.0]
    assert f(rows).tolist() == [-19.0]  # the second call takes another way


CONTAINERS = {
    "a list": list,
    "a tuple": tuple,
    "a deque": deque,
    "an iterator": iter,
    "values of a dict": lambda rows: dict(enumerate(rows)).values(),
    "an array of objects": lambda rows: np.fromiter(rows, object, len(rows)),
}
ROWS = {
    "dicts": lambda names, numbers: dict(zip(names, numbers)),
    "read-only dicts": lambda names, numbers: MappingProxyType(dict(zip(names, numbers))),
    "named tuples": lambda names, numbers: namedtuple("Row", list(names))(*numbers),
    "records": lambda names, numbers: np.array([numbers], dtype=[(name, float) for name in names])[0],
    "series": lambda names, numbers: pytest.importorskip("pandas").Series(dict(zip(names, numbers))),
}


@by_names
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("kind", ROWS)
def test_each_row_is_read_by_its_names_in_each_container(make, container, kind):
    row, f = ROWS[kind], make()
    rows = [row("ab", (1.0, 2.0)), row("ba", (2.0, 1.0)), [1.0, 2.0]]
    assert f(CONTAINERS[container](rows)).tolist() == [-19.0] * 3
    assert f(CONTAINERS[container](rows[1:])).tolist() == [-19.0] * 2
    with pytest.raises(ValueError, match=r"X: row 3 must have the names \['a', 'b'\], got \['x', 'y'\]"):
        f(CONTAINERS[container]([*rows, row("xy", (1.0, 2.0))]))
    assert f(CONTAINERS[container]([row("xy", (1.0, 2.0)), row("yx", (2.0, 1.0))])).tolist() == [-19.0] * 2


@all_kinds
def test_the_first_call_is_like_those_after_it(make):
    f = make()
    for _ in range(2):
        assert f(starmap(Q, [(1.0, 2.0)])).tolist() == [-19.0]
        assert f(iter([[1.0, 2.0]])).tolist() == [-19.0]
        assert f(row for row in [(1.0, 2.0)]).tolist() == [-19.0]
        assert make()([iter([1.0, 2.0])]).tolist() == [-19.0]
        assert make()([{"u": 1.0, "v": 2.0}.values()]).tolist() == [-19.0]


@all_kinds
def test_the_keys_of_dicts_are_names_and_no_numbers(make):
    assert make()([{0: 1.0, 1: 2.0}]).tolist() == [-19.0]
    with pytest.raises(ValueError, match=r"X: row 0 must have its numbers in order, got the names \[1, 0\]"):
        make()([{1: 2.0, 0: 1.0}])


def test_rows_of_one_call_have_one_order():
    assert of_a_list()([Q(1.0, 2.0), P(2.0, 1.0), {"b": 2.0, "a": 1.0}, [1.0, 2.0]]).tolist() == [-19.0] * 4
    with pytest.raises(ValueError, match=r"X: row 1 must have the names \['a', 'b'\], got \['a', 'c'\]"):
        of_a_list()([Q(1.0, 2.0), {"a": 1.0, "c": 2.0}])


@all_kinds
@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ([{8.0, 1.0}], TypeError, "X: row 0 must be in an order, got set"),
        ([[1.0, 2.0], frozenset({8.0, 1.0})], TypeError, "X: row 1 must be in an order, got frozenset"),
        (np.ma.array([[1.0, 2.0]], mask=[[0, 1]]), ValueError, "X must have no masked numbers, got 1 of them"),
        ([np.ma.array([1.0, 2.0], mask=[0, 1])], ValueError, "X: row 0 must have no masked numbers, got 1 of them"),
        (Q(a=[1.0, 3.0], b=[2.0, 4.0]), TypeError, "X must be rows of numbers, an example each, got Q"),
        ({"a": [1.0], "b": [2.0]}, TypeError, "X must be rows of numbers, an example each, got dict"),
        ([], ValueError, "at least one row"),
        (5.0, ValueError, "X must be"),
        (list, (TypeError, ValueError), "X must be"),
        ([[[1.0], [2.0]]], ValueError, r"X must be of shape \(n_examples, 2\), an example a row, got \(1, 2, 1\)"),
        ([[1.0, 2.0], {"a": 1.0}], ValueError, "X: row 1 must be 2 numbers, got 1"),
    ],
)
def test_what_has_no_order_is_refused(make, rows, error, words):
    if isinstance(rows, list) and not rows and make is program:
        return
    with pytest.raises(error, match=words):
        make()(rows)


@all_kinds
def test_masked_arrays_that_mask_nothing(make):
    assert make()(np.ma.array([[1.0, 2.0]])).tolist() == [-19.0]


def test_arguments_that_are_no_columns():
    def first(a, *rest):
        return a - 10.0 * rest[0]

    def optional(a, b=10.0):
        return a - 10.0 * b

    assert compile(first)([Q(1.0, 2.0)]).tolist() == [-19.0]
    with pytest.raises(ValueError, match=r"X: row 0 must have the names \['a'\], got \['b', 'a'\]"):
        compile(first)([P(2.0, 1.0)])
    for rows in ([P(2.0, 1.0)], [{"b": 2.0}]):
        with pytest.raises(ValueError, match="X must have columns for the arguments that have no default value, got"):
            compile(optional)(rows)
    assert compile(optional)([{"a": 1.0}]).tolist() == [-99.0]


def test_weights_with_names():
    x, a, b = Value(1.0, "x"), Value(0.0, "a"), Value(0.0, "b")
    f = compile(a * x - b, [x], [a, b])
    for numbers in (P(2.0, 1.0), {"b": 2.0, "a": 1.0}):
        f.weights = numbers
        assert f.weights.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"weights must have the names \['a', 'b'\], got \['u', 'v'\]"):
        f.weights = {"u": 1.0, "v": 2.0}
    with pytest.raises(TypeError, match="weights must be in an order, got set"):
        f.weights = {1.0, 2.0}
    with pytest.raises(ValueError, match="weights must have no masked numbers"):
        f.weights = np.ma.array([1.0, 2.0], mask=[0, 1])


@all_kinds
def test_frames_of_pandas(make):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0], "b": [2.0]})
    f = make()
    for rows in (
        frame.to_dict("records"),
        frame.to_records(index=False),
        pandas.Series([Q(1.0, 2.0)]),
        pandas.Series([P(2.0, 1.0)]) if make is not of_a_list else frame,
    ):
        assert f(rows).tolist() == [-19.0]
    missing = pandas.DataFrame({"a": [1, 2], "b": pandas.array([3, None], "Int64")})
    with pytest.raises(TypeError, match="X: row 1, column 'b' must be one real number, got NAType"):
        f(missing)


@all_kinds
def test_frames_of_polars(make):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1.0], "b": [2.0]})
    f = make()
    for rows in (frame, frame.rows(), frame.rows(named=True), frame.to_struct(), frame.iter_rows(named=True)):
        assert f(rows).tolist() == [-19.0]


@by_names
def test_tables_of_arrow(make):
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"b": [2.0, 4.0], "a": [1.0, 3.0]})
    for rows in (table, table.to_batches()[0], table.to_pylist()):
        assert make()(rows).tolist() == [-19.0, -37.0]
    with pytest.raises(ValueError, match=r"X must have the columns \['a', 'b'\], got \['b', 'c'\]"):
        make()(table.rename_columns(["b", "c"]))


@all_kinds
def test_sparse_rows(make):
    sparse = pytest.importorskip("scipy.sparse")
    assert make()(sparse.csr_array([[1.0, 2.0]])).tolist() == [-19.0]


def test_a_model_reads_columns_by_the_names_that_it_learned():
    pandas = pytest.importorskip("pandas")
    from nn import MLP

    model = MLP(2, [1], activation="linear")
    X = pandas.DataFrame([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0]], columns=["a", "b"])
    model.fit(X, [1.0, 0.0, 3.0], epochs=2)
    swapped = pandas.DataFrame({"b": [2.0], "a": [1.0]})
    expected = model.predict(swapped)
    for f in (compile(model), compile(model.__call__)):
        assert f(swapped).tolist() == pytest.approx(expected)
        assert f([P(2.0, 1.0)]).tolist() == pytest.approx(expected)
        assert f([[1.0, 2.0]]).tolist() == pytest.approx(expected)
        with pytest.raises(ValueError, match=r"X must have the columns \['a', 'b'\], got \['u', 'v'\]"):
            f(swapped.set_axis(["u", "v"], axis=1))


def test_sets_of_leaves_have_no_order():
    a, b = Value(1.0, "a"), Value(2.0, "b")
    y = a - 10.0 * b
    program = compile(y, [a, b])
    for call in (
        lambda: compile(y, inputs={a, b}),
        lambda: compile(y, [a], parameters=frozenset({b})),
        lambda: program.gradients([[1.0, 2.0]], {a, b}),
        lambda: gradients(y, {a, b}),
    ):
        with pytest.raises(TypeError, match=r"(must be a list of Values|in an order), got (set|frozenset)"):
            call()
    for function in (softmax, mean, logsumexp, lambda numbers: dot(numbers, [1.0, 2.0])):
        with pytest.raises(TypeError, match="of numbers, got set"):
            function({8.0, 1.0})


@pytest.mark.parametrize("learned", [["a", "b"], [0, 1], ["0", "b"], [3, 4]])
@pytest.mark.parametrize("given", [["a", "b"], ["b", "a"], [0, 1], [1, 0], [1, 2], ["u", "v"], ["a", "b", "c"]])
def test_a_compiled_model_reads_and_refuses_what_the_model_does(learned, given):
    pandas = pytest.importorskip("pandas")
    from nn import MLP

    model = MLP(2, [1], activation="linear")
    model.fit(pandas.DataFrame([[0.0, 1.0], [1.0, 0.0]], columns=learned), [1.0, 0.0], epochs=1)
    numbers = [1.0, 2.0, 3.0][: len(given)]
    for X in (pandas.DataFrame([numbers], columns=given), [dict(zip(given, numbers))]):
        try:
            expected = model.predict(X)
        except ValueError:
            with pytest.raises(ValueError, match="X"):
                compile(model)(X)
        else:
            assert compile(model)(X).tolist() == pytest.approx(expected)

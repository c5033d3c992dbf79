"""What ``compile`` and ``Program`` refuse, in which words, and that nothing is changed then."""

import re
from fractions import Fraction

import numpy as np
import pytest

from engine import Value, compile, gradients, hypot, leaky_relu, relu

A, B, W = Value(0.5, label="a"), Value(0.7, label="b"), Value(3.0, label="w")
PRODUCT = A * W + B


@pytest.fixture
def program():
    return compile(PRODUCT, [A, B], [W])


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ((3.0, [A]), TypeError, "outputs must be Values, a list of them or a function, got float 3.0"),
        (([PRODUCT, 3.0], [A]), TypeError, "outputs must be Values, a list of them or a function, got float 3.0"),
        (("x * y", [A]), TypeError, "outputs must be Values, a list of them or a function, got str 'x * y'"),
        (([], [A]), ValueError, "compile must be given at least one output, got none"),
        ((PRODUCT, A), TypeError, "inputs must be a list of Values, such as [a], got one Value"),
        ((PRODUCT, 5), TypeError, "inputs must be a list of Values, got int 5"),
        ((PRODUCT, [5]), TypeError, "inputs must be Values, got int 5"),
        ((PRODUCT, [A, B, A]), ValueError, "inputs must be different Values, got one of them twice"),
        ((PRODUCT, [A * W]), ValueError, ", which was computed from others"),
        ((PRODUCT, [A], W), TypeError, "parameters must be a list of Values, such as [w], got one Value"),
        ((PRODUCT, [A], 5), TypeError, "parameters must be a list of Values, got int 5"),
        ((PRODUCT, [A], [W, W]), ValueError, "parameters must be different Values, got one of them twice"),
        ((PRODUCT, [A], [PRODUCT]), ValueError, "parameters must be leaves, got Value(data="),
        ((PRODUCT, [A, B], [W, A]), ValueError, "different leaves, got Value(data=0.5, grad=0.0, label='a') in both"),
        ((PRODUCT, [A], [W, Value(1.0, label="q")]), ValueError, "parameter 1 (q) is not in the graph; leave it out"),
        ((PRODUCT, [A], [Value(1.0)]), ValueError, "parameter 0 is not in the graph; leave it out"),
        (
            (PRODUCT, [A], [Value(1.0, label="w")]),
            ValueError,
            "(w) is not in the graph, which has another leaf of that",
        ),
        (
            (PRODUCT, [Value(1.0, "a")]),
            ValueError,
            "input 0 (a) is not in the graph, which has another leaf of that label",
        ),
        ((PRODUCT, [A], [W], "int64"), ValueError, """dtype must be "float64" or "float32", got 'int64'"""),
        ((PRODUCT, [A], [W], "long"), ValueError, """dtype must be "float64" or "float32", got 'long'"""),
        ((PRODUCT, [A], [W], 64), ValueError, """dtype must be "float64" or "float32", got 64"""),
        ((PRODUCT, [A], [W], np.float16), ValueError, """dtype must be "float64" or "float32", got """),
    ],
)
def test_compile_refuses(arguments, kind, words):
    with pytest.raises(kind, match=re.escape(words)):
        compile(*arguments)


WRONG_ROWS = [
    (None, TypeError, "X must be rows of numbers, an example each, got NoneType None"),
    ("12", TypeError, "X must be rows of numbers, an example each, got str '12'"),
    (b"12", TypeError, "X must be rows of numbers, an example each, got bytes b'12'"),
    ({"a": [1.0, 2.0]}, TypeError, "X must be rows of numbers, an example each, got dict"),
    ({1.0, 2.0}, TypeError, "X must be rows of numbers, an example each, got set"),
    (5.0, ValueError, "X must be of shape (n_examples, 2), an example a row, got ()"),
    ([1.0, 2.0], ValueError, "an example a row, got (2,); [X] is a table of one row"),
    ([[1.0]], ValueError, "X must be of shape (n_examples, 2), an example a row, got (1, 1)"),
    (np.zeros((4, 3)), ValueError, "X must be of shape (n_examples, 2), an example a row, got (4, 3)"),
    (np.zeros((4, 2, 1)), ValueError, "got (4, 2, 1)"),
    ([[1.0, 2.0], [3.0]], ValueError, "X: row 1 must be 2 numbers, got 1"),
    ([[1.0, 2.0], 3.0], TypeError, "X: row 1 must be 2 numbers, got float 3.0"),
    ([[1.0, 2.0], None], TypeError, "X: row 1 must be 2 numbers, got NoneType None"),
    ([[1.0, 2.0], "34"], TypeError, "X: row 1 must be 2 numbers, got str '34'"),
    ([[1.0, 2.0], [3.0, None]], TypeError, "X: row 1, column 1 must be one real number, got NoneType None"),
    (
        [["1", "2"]],
        TypeError,
        "X: row 0, column 0 must be one real number, got str '1'; convert it first, with float(...)",
    ),
    ([[1.0, 2j]], TypeError, "X: row 0, column 1 must be one real number, got complex"),
    ([[A, 2.0]], TypeError, "X: row 0, column 0: Value(data=0.5, grad=0.0, label='a') is a Value already"),
    ([[10**400, 2.0]], OverflowError, "is too large for a float"),
    (np.array([["2020-01-01"] * 2], dtype="datetime64[D]"), TypeError, "must be one real number, got datetime64"),
    ([[1.0, 2.0], [3.0, float("nan")]], ValueError, "X: row 1 has NaN in column 1"),
    (np.array([[np.nan, 1.0]], "float32"), ValueError, "X: row 0 has NaN in column 0"),
    ([[np.inf, np.nan]], ValueError, "X: row 0 has NaN in column 1"),
]


@pytest.mark.parametrize(("X", "kind", "words"), WRONG_ROWS)
@pytest.mark.parametrize("call", ["__call__", "value_and_gradient", "gradients"])
def test_wrong_rows(program, call, X, kind, words):
    before = program.weights.tolist()
    with pytest.raises(kind, match=re.escape(words)):
        getattr(program, call)(X)
    assert program.weights.tolist() == before
    assert program([[1.0, 2.0]]).tolist() == [5.0]


def test_nan_in_a_weight_is_not_told_as_nan_in_a_row():
    x, w = Value(0.3), Value(1.2)
    program = compile([x / (x * x + 1.0), w], inputs=[x], parameters=[w])
    program.weights[:] = np.nan
    right = [program.value_and_gradient([[np.inf]], output)[1].tolist() for output in (0, 1)]
    assert right == [program.gradients([[np.inf]], output=output)[0].tolist() for output in (0, 1)] == [[0.0], [1.0]]


@pytest.mark.parametrize("graph", [A**B, hypot(A, B), leaky_relu(A, B), *gradients(relu(A) * B, [A])])
@pytest.mark.parametrize("row", [[-1.0, np.nan], [np.nan, 0.0], [1.0, np.nan], [0.0, np.nan]])
def test_nan_that_the_result_hides_is_refused_too(graph, row):
    with pytest.raises(ValueError, match="X: row 1 has NaN in column"):
        compile(graph, [A, B])([[0.5, 0.5], row])


def test_a_flat_list_for_one_column_is_told_how_to_become_one():
    with pytest.raises(ValueError, match=re.escape("got (2,); X.reshape(-1, 1) makes a column of it")):
        compile(A * 2.0, [A])([1.0, 2.0])


def test_rows_of_other_kinds_of_numbers(program):
    for X in ([[1, 2]], [[True, 2]], [(1, Fraction(2))], np.array([[1, 2]], "uint8"), iter([[1, 2]]), ((1, 2),)):
        assert program(X).tolist() == [5.0]
    for X in ([], np.zeros((0, 2)), ()):
        assert program(X).shape == (0,)


def test_the_mean_of_both_infinities_is_not_a_number_and_no_warning():
    x = Value(1.0)
    for program in (compile(x * 2.0, [x]), compile(lambda x: x * 2.0)):
        assert np.isnan(program.value_and_gradient([[np.inf], [-np.inf]])[0])


def test_the_mean_over_no_examples(program):
    for X in ([], np.zeros((0, 2))):
        with pytest.raises(ValueError, match="X must have at least one row"):
            program.value_and_gradient(X)
    assert program.gradients([]).shape == (0, 1)


@pytest.mark.parametrize("output", [1, -1, 0.5, "loss", None, True])
@pytest.mark.parametrize("call", ["value_and_gradient", "gradients"])
def test_an_output_that_is_not_there(program, call, output):
    with pytest.raises(ValueError, match=f"output must be an int from 0 to 0, got {output!r}"):
        getattr(program, call)([[1.0, 2.0]], output=output)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("weights", """with_respect_to must be "parameters", "inputs" or Values, got 'weights'"""),
        ([Value(1.0)], "with_respect_to must be inputs or parameters of the program, got Value(data=1.0, grad=0.0)"),
        ([PRODUCT], "must be inputs or parameters of the program"),
        ([3], "with_respect_to must be inputs or parameters of the program, got 3"),
        (3, "with_respect_to must be inputs or parameters of the program, got 3"),
        ([[A]], "must be inputs or parameters of the program"),
    ],
)
def test_gradients_with_respect_to_what_is_not_there(program, wanted, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        program.gradients([[1.0, 2.0]], wanted)


@pytest.mark.parametrize(
    ("weights", "kind", "words"),
    [
        ([1.0, 2.0], ValueError, "weights must be 1 numbers, got an array of shape (2,)"),
        (1.0, ValueError, "weights must be 1 numbers, got an array of shape ()"),
        ([[1.0]], ValueError, "weights must be 1 numbers, got an array of shape (1, 1)"),
        (["3"], TypeError, "weights must be an array of numbers, got ['3']"),
        ([None], TypeError, "weights must be an array of numbers, got [None]"),
    ],
)
def test_wrong_weights(program, weights, kind, words):
    with pytest.raises(kind, match=re.escape(words)):
        program.weights = weights
    assert program.weights.tolist() == [3.0]


@pytest.mark.parametrize("number", [8.0, float("nan")])
def test_a_graph_that_was_changed_since(number):
    a, w, c = Value(0.5), Value(2.0), Value(5.0, label="offset")
    program = compile(a * w + c, [a], [w])
    w.data = 4.0
    program.from_values()
    assert program([[1.0]]).tolist() == [9.0]
    c.data, w.data = number, 100.0
    words = f"the graph was changed since it was compiled: offset was 5.0 and is {number!r} now; compile it again"
    with pytest.raises(ValueError, match=re.escape(words)):
        program.from_values()
    assert program([[1.0]]).tolist() == [9.0]
    c.data = 5.0
    program.from_values()
    assert program([[1.0]]).tolist() == [105.0]


def test_a_direction_that_is_none(program):
    with pytest.raises(ValueError, match=re.escape('direction must be "LR", "TB", "RL" or "BT", got \'up\'')):
        program.draw("up")

"""``compile`` of functions of Values, as a call and as a decorator."""

import copy
import math
import pickle

import numpy as np
import pytest

import engine
from engine import CompiledFunction, DataDependentError, Value, atan2, compile, dot, maximum, tanh
from nn import MLP


def test_a_decorated_function_runs_on_batches():
    @compile
    def scaled(a, b):
        """What it is for."""
        return tanh(a * b) + maximum(a, 0.0)

    assert isinstance(scaled, CompiledFunction)
    assert (scaled.__name__, scaled.__doc__) == ("scaled", "What it is for.")
    assert scaled.program is None
    X = [[1.0, 2.0], [-1.0, 0.5], [0.0, 3.0]]
    expected = [(tanh(Value(a) * b) + maximum(a, 0.0)).data for a, b in X]
    assert scaled(X) == pytest.approx(expected, rel=1e-14)
    assert scaled.program.n_inputs == 2
    assert scaled.__wrapped__(Value(1.0), Value(2.0)).data == expected[0]


def test_a_function_is_recorded_twice_and_then_no_more(capsys):
    @compile
    def square(a):
        print("called")
        return a * a

    assert square([[3.0], [4.0], [5.0], [6.0]]).tolist() == [9.0, 16.0, 25.0, 36.0]
    assert capsys.readouterr().out.count("called") == 2  # the second time, to see whether it does the same again
    square([[7.0]])
    square.value_and_gradient([[8.0]])
    square.gradients([[9.0]], "inputs")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("first", ["call", "value_and_gradient", "gradients"])
def test_whatever_is_asked_first_traces(first):
    w = Value(3.0)
    linear = compile(lambda a: a * w)
    if first == "call":
        assert linear([[2.0]]).tolist() == [6.0]
    elif first == "value_and_gradient":
        mean, gradient = linear.value_and_gradient([[2.0], [4.0]])
        assert (mean, gradient.tolist()) == (9.0, [3.0])
    else:
        assert linear.gradients([[2.0], [4.0]]).tolist() == [[2.0], [4.0]]
    assert linear.program.parameters == [w]


def test_a_compiled_function_shows_what_it_is_made_of():
    assert repr(compile(maximum)) == "compile(maximum)"
    assert repr(compile(MLP(2, [1]))) == "compile(MLP of [Layer of [LinearNeuron(2)]])"


def test_parameters_and_dtype_may_be_given():
    w, b = Value(3.0), Value(1.0)

    @compile(parameters=[b], dtype="float32")
    def linear(a):
        return a * w + b

    assert linear([[2.0]]).dtype == np.float32
    assert linear.program.parameters == [b]
    assert linear.value_and_gradient([[2.0]])[1].tolist() == [1.0]


def test_parameters_are_live():
    w = Value(3.0)
    scaled = compile(lambda a: a * w)
    assert scaled([[2.0]]).tolist() == [6.0]
    w.data = 5.0
    assert scaled([[2.0]]).tolist() == [10.0]


def test_weights_changed_in_place_change_the_next_call():
    w, b = Value(2.0), Value(1.0)

    @compile
    def line(x):
        return w * x + b

    assert line([[3.0]]).tolist() == [7.0]
    line.program.weights -= 0.5 * line.value_and_gradient([[3.0]])[1]
    assert line([[3.0]]).tolist() == [0.5 * 3.0 + 0.5]
    assert line.gradients([[3.0]], "inputs").tolist() == [[0.5]]
    b.data = 4.0  # a Value that was changed since is taken; the other weight stays
    assert line([[3.0]]).tolist() == [0.5 * 3.0 + 4.0]
    line.program.weights[:] = [1.0, 0.0]
    assert line([[3.0]]).tolist() == [3.0]
    line.program.to_values()
    assert (w.data, b.data) == (1.0, 0.0)
    assert line([[3.0]]).tolist() == [3.0]


def test_an_array_of_weights_that_is_kept_stays_that_of_the_weights():
    scale, w, u = [2.0], Value(3.0), Value(1.0)
    f = compile(lambda x: x * w * scale[0] if x > 0.0 else x * w * u)
    f([[1.0]])
    kept = f.program.weights
    scale[0] = 10.0
    assert f([[1.0]]).tolist() == [30.0]
    kept -= 1.0
    assert f([[1.0]]).tolist() == [20.0]
    assert w.data == 2.0
    f([[-1.0]])  # a way that has another parameter
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 5.0
    assert f.program.weights.tolist() == [2.0, 1.0]


def test_parameters_keep_their_order_when_a_function_meets_them_in_another():
    w, u, is_squared = Value(2.0), Value(3.0), [False]
    f = compile(lambda x: u * u + x * w if is_squared[0] else x * w + u)
    assert f.gradients([[5.0]]).tolist() == [[5.0, 1.0]]
    is_squared[0] = True
    assert f.gradients([[5.0]]).tolist() == [[5.0, 6.0]]
    assert f.program.parameters == [w, u]


@pytest.mark.parametrize("parameters", [None, []])
def test_a_zero_that_changes_its_sign_is_another_number(parameters):
    w = Value(0.0)
    angle = compile(lambda x: atan2(x * w, -1.0), parameters=parameters)
    assert angle([[1.0]]).tolist() == [math.pi]
    w.data = -0.0
    assert angle([[1.0]]).tolist() == [-math.pi]
    if parameters is None:
        angle.program.weights[0] = 0.0
        assert angle([[1.0]]).tolist() == [math.pi]
        assert math.copysign(1.0, w.data) == 1.0


def test_a_function_of_a_list():
    weights = [Value(1.0), Value(2.0), Value(3.0)]
    product = compile(lambda xs: dot(weights, xs), parameters=weights)
    assert product([[1.0, 1.0, 1.0], [0.0, 0.0, 2.0]]).tolist() == [6.0, 6.0]
    anything = compile(lambda *xs: sum(xs))
    assert anything([[1.0, 2.0, 4.0]]).tolist() == [7.0]
    default = compile(lambda a, b, power=2: a**power + b)
    assert default([[3.0, 1.0]]).tolist() == [10.0]
    options = compile(lambda a, b, **options: a - b * len(options or "12"))
    assert options([[3.0, 1.0]]).tolist() == [1.0]


def test_several_outputs():
    both = compile(lambda a, b: [a + b, a * b])
    assert both([[2.0, 3.0], [4.0, 5.0]]).tolist() == [[5.0, 6.0], [9.0, 20.0]]
    assert both.gradients([[2.0, 3.0]], "inputs", 1).tolist() == [[3.0, 2.0]]


def test_outputs_in_arrays():
    A = np.array([[1.0, 2.0], [3.0, 4.0]])
    X = [[1.0, 1.0], [2.0, 0.0]]
    assert compile(lambda v: A @ np.array(v))(X).tolist() == [[3.0, 7.0], [2.0, 6.0]]
    assert compile(lambda x, y: np.where(x > y, x, y))(X).tolist() == [1.0, 2.0]
    x = Value(1.0)
    assert compile(np.array([x, x * 2.0]), [x])([[3.0]]).tolist() == [[3.0, 6.0]]


def test_outputs_in_lists_of_lists_have_their_shape():
    def f(v):
        return v[0] ** 2 * v[1] + engine.sin(v[1])

    X = [[3.0, 5.0], [1.0, -2.0], [0.5, 0.0]]
    second = compile(engine.hessian(f))
    np.testing.assert_allclose(second(X), [engine.hessian(f)(row) for row in X], rtol=1e-14)
    assert second.gradients(X, "inputs", output=1).tolist() == [[2.0, 0.0]] * 3  # of 2 v[0]
    slopes = compile(engine.jacobian(lambda v: [v[0] * v[1], v[1] ** 2, v[0]]))(X)
    assert slopes[0].tolist() == [[5.0, 3.0], [0.0, 10.0], [1.0, 0.0]]
    assert compile(lambda v: np.array([v]))(X).tolist() == [[row] for row in X]
    with pytest.raises(TypeError, match="must return lists of one length"):
        compile(lambda v: [[v[0]], v])(X)


def test_a_function_that_looks_at_data_is_refused():
    @compile
    def branching(a, b):
        return a * b if a.data > 0.0 else b

    with pytest.raises(DataDependentError, match=r"test_functions\.py, line \d+: \.data of a Value; .*maximum"):
        branching([[1.0, 2.0], [-1.0, 3.0]])
    assert branching.program is None


def test_a_shift_by_the_largest_is_a_comparison():
    @compile
    def stable(a, b):
        largest = max(a, b)
        x, y = (a - largest).exp(), (b - largest).exp()
        return x / (x + y)

    X = [[1.0, 2.0], [3.0, -1.0], [0.0, 5.0]]
    assert stable(X) == pytest.approx([1.0 / (1.0 + np.exp(b - a)) for a, b in X], rel=1e-12)


def test_a_compiled_function_is_copied_and_pickled_as_functions_are():
    assert copy.deepcopy(doubled) is doubled
    assert pickle.loads(pickle.dumps(doubled)) is doubled


@compile
def doubled(a):
    return a * 2


@pytest.mark.parametrize(
    ("function", "X", "kind", "words"),
    [
        (lambda a: a, [1.0, 2.0], ValueError, r"with at least one row, got \(2,\); \[X\] is a table of one row, "),
        (lambda a: a, [], ValueError, "at least one row"),
        (lambda a: a, "numbers", TypeError, "X must be rows of numbers"),
        (lambda a: a, [[float("nan")]], ValueError, "X: row 0 has NaN in column 0"),
        (lambda a: a, [["x"]], TypeError, "X: row 0, column 0 must be one real number, got str 'x'"),
        (lambda a, b: a, [[1.0, 2.0], [3.0]], ValueError, "X: row 1 must be 2 numbers, got 1"),
        (lambda a, b, c: a, [[1.0, 2.0]], ValueError, "X must have 3 columns, as .* takes 3 Values, got 2"),
        (lambda: Value(1.0), [[1.0, 2.0]], ValueError, "takes 0 Values"),
        (lambda a: None, [[1.0]], TypeError, "must return a Value or a list of them, got NoneType None"),
        (lambda a: 3.0, [[1.0]], TypeError, r"must return a Value or a list of them, got float 3\.0"),
        (lambda a: lambda b: b, [[1.0]], TypeError, "must return a Value or a list of them, got function"),
        (lambda a: [a, 3.0], [[1.0]], TypeError, r"got float 3\.0"),
        (lambda a: [], [[1.0]], ValueError, "at least one output"),
        (lambda a, *, b: a * b, [[1.0]], TypeError, "missing 1 required keyword-only argument: 'b'"),
        (lambda a, b, *, c: a, [[1.0, 2.0, 3.0]], ValueError, "X must have 2 columns, as .* takes 2 Values, got 3"),
        (lambda a: a, 2.0, ValueError, r"got \(\); \[\[X\]\] is a table of one number"),
        (max, [[1.0, 2.0]], TypeError, r"got <built-in function max>; .* such as lambda x, y: max\(x, y\)"),
    ],
)
def test_wrong_functions_and_wrong_rows(function, X, kind, words):
    with pytest.raises(kind, match=words):
        compile(function)(X)


def test_a_method_that_was_compiled_without_its_object():
    class Scale:
        @compile
        def scaled(self, x):
            return 2.0 * x

    for X in ([[1.0]], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match=r"compile it outside of its class, compile\(model.scaled\)"):
            Scale().scaled(X)


def test_an_error_of_the_function_is_its_own():
    @compile
    def logarithm(a):
        return a.log()

    with pytest.raises(ValueError, match=r"log\(x\): x = -1\.0, but log needs x > 0"):
        logarithm([[2.0], [3.0], [-1.0]])


def test_an_error_says_that_the_function_was_given_a_list():
    with pytest.raises(TypeError) as caught:
        compile(lambda a, b=3.0: a * b)([[1.0, 2.0]])
    assert "given a list of all columns" in caught.value.__notes__[0]


def test_an_error_says_that_the_function_was_given_no_list():
    with pytest.raises(TypeError) as caught:
        compile(lambda row: row[0] ** 2)([[1.0], [2.0]])
    assert "given the Value of the only column" in caught.value.__notes__[0]


def test_a_function_takes_no_inputs():
    with pytest.raises(
        ValueError, match="inputs must be left out for a function, which takes them from the columns of X"
    ):
        compile(lambda a: a, [Value(1.0)])


class Line:
    """A model as in micrograd, whose graph uses its parameters in another order, and one of them not at all."""

    def __init__(self):
        self.w, self.b, self.idle = [Value(0.2), Value(0.3)], Value(0.1), Value(9.0)

    def __call__(self, x):
        return self.w[1] * x[1] + self.w[0] * x[0] + self.b

    def parameters(self):
        yield from [*self.w, self.idle, self.b]


def by_backward(loss, rows, parameters):
    for parameter in parameters:
        parameter.grad = 0.0
    for row in rows:
        loss(*map(Value, row)).backward()
    return [parameter.grad / len(rows) for parameter in parameters]


def test_the_gradient_is_in_the_order_of_the_model():
    line, network, scale = Line(), MLP(2, [3, 1], seed=1), Value(2.0)
    rows = [[1.0, 2.0, 3.0], [0.5, -1.0, 1.0]]

    def loss(a, b, y):
        return (network([line([a, b]) * scale, b]) - y) ** 2

    program = compile(loss)
    expected = [*line.parameters(), *network.parameters(), scale]
    np.testing.assert_allclose(program.value_and_gradient(rows)[1], by_backward(loss, rows, expected), atol=1e-12)
    assert program.program.parameters == expected
    line.b = Value(0.5)
    expected = [*line.parameters(), *network.parameters(), scale]
    np.testing.assert_allclose(program.value_and_gradient(rows)[1], by_backward(loss, rows, expected), atol=1e-12)
    line.w.reverse()
    network.layers[0].neurons.reverse()
    expected = [*line.parameters(), *network.parameters(), scale]
    np.testing.assert_allclose(program.value_and_gradient(rows)[1], by_backward(loss, rows, expected), atol=1e-12)
    for model in (line, network):
        compiled = compile(model)
        assert len(compiled.value_and_gradient([[1.0, 2.0]])[1]) == len(list(model.parameters()))
        assert compiled.program.parameters == list(model.parameters())


def test_models_that_a_function_does_not_use_have_no_parameters_in_it():
    models = {"used": Line(), "idle": Line(), "odd": type("Odd", (), {"parameters": lambda self: [1.0]})()}
    compiled = compile(lambda a, b: models["used"]([a, b]))
    compiled([[1.0, 2.0]])
    assert compiled.program.parameters == list(models["used"].parameters())

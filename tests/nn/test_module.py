"""Module: names of parameters, zero_grad, state, copies, and Modules of one's own."""

import copy
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import condition, refused, small

from engine import Value, tanh
from nn import MLP, Layer, ModelFileError, Module, Neuron, mse


class Line(Module):
    """slope * x + offset."""

    def __init__(self):
        self.slope, self.offset = Value(1.0), Value(0.0)

    def __call__(self, x):
        return self.slope * x[0] + self.offset


class Polynomial(Module):
    """A Module whose shape is an argument."""

    def __init__(self, degree):
        self.coefficients = [Value(0.0) for _ in range(degree + 1)]

    def __call__(self, x):
        return sum(c * x[0] ** i for i, c in enumerate(self.coefficients))


class Autoencoder(Module):
    """Modules in attributes, in tuples, in lists of lists; a Value that two names share; and things of other kinds."""

    def __init__(self):
        self.encoder = MLP(2, [1], seed=0)
        self.pair = (Neuron(1), Neuron(1))
        self.nested = [[Value(1.0)], [Value(2.0), "text", 3.0]]
        self.tied = self.nested[1][0]
        self.name, self.table, self.nothing = "auto", {"a": Value(1.0)}, None

    def __call__(self, x):
        self.code = self.encoder(x)  # kept to be looked at
        return [neuron([self.code]) * self.tied for neuron in self.pair]


def test_names_of_an_mlp():
    model = MLP(2, [2, 1], seed=0)
    assert [name for name, _ in model.named_parameters()] == [
        "layers.0.neurons.0.w.0",
        "layers.0.neurons.0.w.1",
        "layers.0.neurons.0.b",
        "layers.0.neurons.1.w.0",
        "layers.0.neurons.1.w.1",
        "layers.0.neurons.1.b",
        "layers.1.neurons.0.w.0",
        "layers.1.neurons.0.w.1",
        "layers.1.neurons.0.b",
    ]


def test_names_lead_to_the_parameters():
    model = MLP(6, [4, 1], seed=0)
    named = dict(model.named_parameters())
    assert named["layers.0.neurons.3.w.5"] is model.layers[0].neurons[3].w[5]
    assert model.parameters() == list(named.values())
    assert len(model.parameters()) == (6 + 1) * 4 + 4 + 1


def test_parameters_are_found_in_modules_lists_and_tuples_each_once():
    model = Autoencoder()
    names = [
        "encoder.layers.0.neurons.0.w.0",
        "encoder.layers.0.neurons.0.w.1",
        "encoder.layers.0.neurons.0.b",
        *("pair.0.w.0", "pair.0.b", "pair.1.w.0", "pair.1.b"),
        *("nested.0.0", "nested.1.0", "table.a"),
    ]
    assert list(model.state_dict()) == names
    model([0.5, -0.5])
    assert list(model.state_dict()) == names  # the output that it kept is no parameter
    assert model.parameters() == list(dict(model.named_parameters()).values())


def test_zero_grad_touches_gradients_of_parameters_only():
    model = small()
    x = Value(1.0)
    model([x, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    assert x.grad != 0.0
    weights = condition(model)
    model.zero_grad()
    assert all(p.grad == 0.0 for p in model.parameters())
    assert x.grad != 0.0
    assert condition(model) == weights


@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=2))
def test_state_goes_into_another_module_exactly(numbers):
    one, other = Line(), Line()
    one.slope.data, one.offset.data = numbers
    other.load_state_dict(one.state_dict())
    assert condition(other) == condition(one)


def test_state_takes_every_kind_of_number():
    model = Line()
    model.load_state_dict({"offset": np.float32(0.5), "slope": np.int64(3)})
    assert model.state_dict() == {"slope": 3.0, "offset": 0.5}
    assert all(type(number) is float for number in model.state_dict().values())


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, r"do not fit this Line: 2 missing \['slope', 'offset'\], 0 unknown \[\]"),
        ({"slope": 2.0}, r"1 missing \['offset'\]"),
        ({"slope": 2.0, "offset": 1.0, "w": 3.0}, r"0 missing \[\], 1 unknown \['w'\]"),
        ({"slope": 2.0, "offset": "1"}, "parameter offset must be a number, got str '1'"),
        ({"slope": 2.0, "offset": None}, "parameter offset must be a number, got NoneType"),
        ({"slope": 2.0, "offset": [1.0]}, "parameter offset must be a number, got list"),
        ({"slope": 2.0, "offset": True}, "parameter offset must be a number, got bool True"),
        ({"slope": 2.0, "offset": 10**400}, "parameter offset must be within a float's range"),
        ({"slope": 2.0, "offset": Value(1.0)}, "parameter offset must be a number, got Value"),
        ([("slope", 2.0), ("offset", 1.0)], r"as state_dict\(\) gives, got list"),
        (None, r"as state_dict\(\) gives, got NoneType"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(state, words):
    model = Line()
    with refused(model, words):
        model.load_state_dict(state)


def test_a_module_of_ones_own_is_trained_saved_and_loaded(tmp_path):
    line = Line()
    assert line.score([[0], [1], [2]], [1, 3, 5]) < 0.5
    history = line.fit([[0], [1], [2]], [1, 3, 5], optimizer="sgd", learning_rate=0.1, epochs=200, progress=False)
    assert history.loss[-1] < 1e-6
    assert line.score([[0], [1], [2]], [1, 3, 5]) == pytest.approx(1.0, abs=1e-6)
    line.save(tmp_path / "line.json")
    assert condition(Line.load(tmp_path / "line.json")) == condition(line)


def test_the_arguments_of_a_module_are_its_configuration(tmp_path):
    model = Polynomial(3)
    model.coefficients[2].data = 0.1
    model.save(tmp_path / "cubic.json")
    assert json.loads((tmp_path / "cubic.json").read_text())["configuration"] == {"degree": 3}
    assert condition(Polynomial.load(tmp_path / "cubic.json")) == condition(model)
    with pytest.raises(ModelFileError, match="the kind must be Line, got Polynomial"):
        Line.load(tmp_path / "cubic.json")


def test_a_configuration_that_the_class_does_not_know_is_refused(tmp_path):
    Line().save(tmp_path / "line.json")
    for kind, text in ((Line, '{"slope": 1}'), (Polynomial, '{"degree": 1, "x": 2}'), (Polynomial, "{}")):
        content = (tmp_path / "line.json").read_text().replace("{}", text, 1).replace("Line", kind.__name__)
        (tmp_path / "other.json").write_text(content)
        with pytest.raises(ModelFileError, match=r"has no configuration|unexpected keyword|missing 1 required"):
            kind.load(tmp_path / "other.json")


def test_a_module_without_call_says_so():
    class Half(Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Half needs a method __call__\(self, x\)"):
        Half()([1.0])


def test_a_module_with_no_parameters_is_not_trained():
    class Constant(Module):
        def __call__(self, x):
            return Value(0.0) * x[0]

    model = Constant()
    with refused(model, "parameters must be at least one Value, got none"):
        model.fit([[1], [2]], [1, 2], progress=False)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("activation", ["relu", tanh, Value.sigmoid], ids=["name", "function", "method"])
def test_copies_are_equal_and_apart(copied, activation):
    model = MLP(2, [3, 2], activation=activation, seed=1)
    twin = copied(model)
    x = [0.3, -0.7]
    assert [v.data for v in twin(x)] == [v.data for v in model(x)]
    assert not set(twin.parameters()) & set(model.parameters())
    before = condition(model)
    twin.fit([x], [[1.0, 2.0]], epochs=1, progress=False)
    assert condition(model) == before != condition(twin)


def test_neurons_and_layers_train_and_are_files_too(tmp_path):
    X, y = [[0.0, 1.0], [1.0, 0.0], [2.0, 0.0], [0.0, 2.0]], [0, 1, 1, 0]
    neuron = Neuron(2, activation="linear")
    neuron.fit(X, y, loss="binary_cross_entropy", learning_rate=0.1, epochs=50, progress=False, seed=0)
    assert neuron.score(X, y) == 1.0
    layer = Layer(2, 2, activation="tanh")
    layer.fit(X, y, loss="cross_entropy", learning_rate=0.1, epochs=50, progress=False, seed=0)
    assert layer.score(X, y) == 1.0
    for model in (neuron, layer):
        model.save(tmp_path / "model.json")
        again = type(model).load(tmp_path / "model.json")
        assert condition(again) == condition(model)
        assert repr(again) == repr(model)
        assert again.predict(X) == y


@pytest.mark.parametrize("model", [Neuron(3), Layer(3, 2), MLP(3, [2])], ids=["Neuron", "Layer", "MLP"])
def test_all_know_how_many_inputs_they_take(model):
    assert model.n_inputs == 3
    with refused(model, "X must have 3 numbers in each row, got 2"):
        model.fit([[1, 2]], [[1.0, 2.0]], progress=False)


def test_gradients_of_parameters_are_those_of_backward():
    model = Line()
    loss = (model([3.0]) - 1.0) ** 2
    loss.backward()
    assert dict(model.named_parameters())["slope"].grad == 2.0 * (3.0 - 1.0) * 3.0
    assert math.isclose(model.offset.grad, 4.0)


@pytest.mark.parametrize("ask", ["predict", "predict_proba", "predict_log_proba", "decision_function", "score"])
def test_all_predictions_take_a_backend(ask):
    X, y = [[0.0], [1.0]], ["no", "yes"]
    model = MLP(1, [1], seed=0)
    model.fit(X, y, loss="binary_cross_entropy", epochs=1)
    arguments = (X, y) if ask == "score" else (X,)
    assert np.all(getattr(model, ask)(*arguments, backend="numpy") == getattr(model, ask)(*arguments))
    with pytest.raises(ValueError, match="backend must be"):
        getattr(model, ask)(*arguments, backend="nunpy")


@pytest.mark.parametrize("unit", [1e-310, 1e-200, 1e-170, 1.0, 1e160, 1e300])
def test_a_score_is_the_same_in_any_unit(unit):
    line = Line()
    line.slope.data = 1.1 * unit
    assert line.score([[1], [2], [3], [4]], [unit, 2 * unit, 3 * unit, 4 * unit]) == pytest.approx(0.94, abs=1e-9)
    line.slope.data = 0.0
    line.offset.data = unit
    assert line.score([[1], [2]], [0.0, 0.0]) == 0.0


def test_a_prediction_too_far_off_to_be_squared_scores_minus_infinity():
    model = MLP(1, [1], seed=0)
    model.parameters()[0].data = 1e200
    assert model.score([[1.0], [2.0]], [1.0, 2.0]) == -math.inf


class Rows(Module):
    """Its outputs are an array, as a matrix times a vector gives it."""

    def __init__(self):
        self.W = np.array([[Value(0.1), Value(0.2)], [Value(0.3), Value(-0.4)]])

    def __call__(self, x):
        return self.W @ x


class Listed(Rows):
    def __call__(self, x):
        return list(super().__call__(x))


@pytest.mark.parametrize("replay", [None, False])
def test_an_array_of_values_is_a_row_of_outputs(replay):
    X, Y = [[1.0, -2.0], [0.5, 1.0], [-1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    rows, listed = Rows(), Listed()
    for model in (rows, listed):
        history = model.fit(X, Y, epochs=3, seed=0, progress=False, replay=replay)
        assert bool(history.eager) is (replay is False)
    assert rows.state_dict() == listed.state_dict()
    assert rows.predict(X) == listed.predict(X)
    assert rows.score(X, Y) == listed.score(X, Y)
    assert rows.predict(X * 200) == pytest.approx(np.array(listed.predict(X * 200)))
    assert rows.fit(X, [0, 1, 1], loss="cross_entropy", epochs=1, seed=0, progress=False).epochs == 1


class Rectified(Module):
    """``max`` gives the plain number 0 where that is larger."""

    def __init__(self):
        self.w, self.b = Value(1.0), Value(0.5)

    def __call__(self, x):
        return max(0.0, self.w * x[0] + self.b)


class Relu(Rectified):
    def __call__(self, x):
        return (self.w * x[0] + self.b).relu()


def test_an_array_without_axes_is_one_output():
    class Single(Line):
        def __call__(self, x):
            return np.array(super().__call__(x))

    single, line = Single(), Line()
    for model in (single, line):
        model.fit([[1.0], [2.0]], [1.0, 3.0], epochs=2, seed=0, progress=False)
    assert single.state_dict() == line.state_dict()


@pytest.mark.parametrize("replay", [None, False])
def test_an_output_may_be_a_number_that_a_comparison_chose(replay):
    X, y = [[-1.0], [1.0], [2.0]], [0.5, 2.0, 4.0]
    chosen, relu = Rectified(), Relu()
    for model in (chosen, relu):
        model.fit(X, y, epochs=3, batch_size=2, seed=0, progress=False, replay=replay)
    assert chosen.state_dict() == pytest.approx(relu.state_dict())
    assert chosen.w.data != 1.0
    assert chosen.predict(X) == relu.predict(X)
    assert chosen.predict(X)[0] == 0.0


@pytest.mark.parametrize("returned", [None, {"y": 1}, "y", [], [[Value(1.0)]], np.array([[Value(1.0)]], dtype=object)])
def test_what_is_no_row_of_outputs_is_refused(returned):
    class Odd(Line):
        def __call__(self, x):
            return returned

    for use in (lambda: Odd().fit([[1.0]], [1.0], progress=False), lambda: Odd().predict([[1.0]])):
        with pytest.raises(TypeError, match="a model must return a Value, or a list or an array of them, got"):
            use()


@pytest.mark.parametrize(
    ("name", "held"),
    [
        *(("classes", 10), ("loss", mse), ("loss", lambda self, x: x), ("loss", Value(1.0))),
        *(("classes", [Value(1.0)]), ("column_names", (Value(1.0), 2.0))),
    ],
)
def test_fit_replaces_no_attribute_of_ones_own(name, held, tmp_path):
    class Own(Line):
        pass

    own = Own()
    setattr(Own if name == "loss" else own, name, held)
    before = getattr(own, name)
    for use in (lambda: own.fit([[1.0]], [1.0], progress=False), lambda: own.save(tmp_path / "m.json")):
        with pytest.raises(ValueError, match=f"Own.{name} must be left to fit, which sets it, got .*; call it som"):
            use()
    assert getattr(own, name) == before


def test_a_model_of_plain_numbers_is_not_trained():
    class Constant(Line):
        def __call__(self, x):
            return 3.0

    with pytest.raises(TypeError, match="must depend on the model's parameters"):
        Constant().fit([[1.0], [2.0]], [1.0, 2.0], epochs=1, progress=False)


@pytest.mark.parametrize(("n_outputs", "loss"), [(1, "bce"), (3, "cross_entropy"), (2, "bce")])
def test_no_rows_have_predictions_of_the_same_shape(n_outputs, loss):
    model = MLP(2, [n_outputs], seed=0)
    y = [[0, 1], [1, 1]] if (n_outputs, loss) == (2, "bce") else [0, 1]
    model.fit([[0.0, 1.0], [1.0, 0.0]], y, loss=loss, epochs=1, seed=0, progress=False)
    for ask in (model.decision_function, model.predict_proba, model.predict_log_proba):
        assert ask([]).shape == (0, *ask([[1.0, 2.0]]).shape[1:])

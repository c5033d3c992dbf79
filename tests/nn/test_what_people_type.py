"""What users of PyTorch and Keras type at modules: it works, or the error says what to use here."""

import importlib
import pickle
import random
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from networks import XOR_X, XOR_Y, condition, refused, small

import nn
from engine import Value
from nn import MLP, SGD, Activation, Adam, AdamW, Dropout, Layer, Module, Neuron, Sequential, Softmax
from nn.data import as_table
from nn.scaling import Scaling

# --------------------------------------------------------------------------------------------------------------- seeds


@pytest.mark.parametrize("make", [lambda seed: Layer(2, 8, seed=seed), lambda seed: Neuron(5, seed=seed)])
def test_layers_and_neurons_take_a_seed(make):
    state = random.getstate()
    assert condition(make(1)) == condition(make(1)) != condition(make(2))
    assert random.getstate() == state
    assert (
        len({p.data for p in make(1).parameters()}) == len(make(1).parameters()) - getattr(make(1), "n_outputs", 1) + 1
    )


def test_a_layer_with_a_seed_starts_like_that_of_an_mlp():
    assert Layer(2, 3, seed=4).state_dict() == MLP(2, [3, 1], seed=4).layers[0].state_dict()
    with pytest.raises(ValueError, match="seed must be an int or None, got 'one'"):
        Layer(2, 3, seed="one")


def test_a_seeded_sequential_is_saved(tmp_path):
    model = Sequential(Layer(2, 8, seed=1), Dropout(0.1, seed=3), Layer(8, 1, activation="linear", seed=2))
    model.fit(XOR_X, XOR_Y, loss="bce", epochs=2, seed=0, progress=False)
    model.save(tmp_path / "m.json")
    assert condition(Sequential.load(tmp_path / "m.json")) == condition(model)


# --------------------------------------------------------------------------------------------------------------- sizes

MISFITS = [
    ([Layer(2, 3), Layer(4, 1)], "layer 1 must take the 3 outputs of layer 0, got Layer with 4 inputs"),
    ([Layer(2, 3), "tanh", Dropout(0.1), Softmax(), Layer(4, 1)], "layer 4 must take the 3 outputs of layer 3, got"),
    ([Layer(2, 3), Neuron(2)], "layer 1 must take the 3 outputs of layer 0, got Neuron with 2 inputs"),
    ([MLP(2, [3, 2]), MLP(1, [3])], "layer 1 must take the 2 outputs of layer 0, got MLP with 1 inputs"),
    ([Layer(2, 3), Sequential(Layer(3, 2)), Layer(3, 1)], "layer 2 must take the 2 outputs of layer 1"),
]


@pytest.mark.parametrize(("layers", "words"), MISFITS)
def test_layers_that_do_not_fit_are_refused_when_they_are_put_together(layers, words):
    with pytest.raises(ValueError, match=words):
        Sequential(*layers)


def test_layers_that_do_not_fit_after_a_change_are_refused_when_called():
    model = MLP(2, [3, 1], seed=0)
    model.layers[1] = Layer(4, 1)
    with pytest.raises(ValueError, match="layer 1 must take the 3 outputs of layer 0, got Layer with 4 inputs"):
        model([1.0, 2.0])
    with pytest.raises(ValueError, match="layer 1 must take the 3 outputs"):
        model.fit(XOR_X, XOR_Y, progress=False)


def test_what_a_function_gives_is_known_when_it_is_called():
    model = Sequential(Layer(2, 3), lambda x: x[:2], Layer(3, 1))
    with pytest.raises(ValueError, match="layer 2 must take the 2 outputs of layer 1, got Layer with 3 inputs"):
        model([1.0, 2.0])
    assert Sequential(Layer(2, 3), lambda x: x[:2], Layer(2, 1)).n_outputs == 1
    assert Sequential(Layer(2, 3), lambda x: x[:2]).n_outputs is None
    assert Sequential(Layer(2, 3), Dropout(0.5), "tanh").n_outputs == 3


# ------------------------------------------------------------------------------------------- what would change nothing


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (MLP(2, [1]), "trainable"),
        (Sequential(Layer(2, 1)), "requires_grad"),
        (Layer(2, 1), "w"),
        (Layer(2, 1), "bias"),
        (Neuron(2), "weight"),
        (Dropout(0.5), "p"),
        (MLP(2, [1]), "stop_training"),
    ],
)
def test_an_attribute_of_another_library_is_no_attribute_that_nothing_reads(part, name):
    before = dict(vars(part))
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; "):
        setattr(part, name, False)
    assert vars(part) == before


def test_a_model_of_ones_own_may_have_such_attributes():
    class Own(Module):
        def __init__(self):
            self._fixed, self.p, self.trainable, self.weight = True, 0.5, True, Value(1.0)

    assert list(Own().state_dict()) == ["weight"]
    neuron = Neuron(1)
    neuron.w, neuron.b = [Value(2.0)], Value(1.0)
    assert list(neuron.state_dict()) == ["w.0", "b"]


def test_a_frozen_parameter_is_not_trained_unseen():
    model = small()
    model.layers[0].neurons[0].b.requires_grad = False
    with refused(model, "parameters must be those to train, got one with requires_grad=False; give the optimizer only"):
        model.fit(XOR_X, XOR_Y, progress=False)
    with pytest.raises(ValueError, match="requires_grad=False"):
        nn.SGD(model.parameters())
    others = model.layers[1].parameters()
    model.fit(XOR_X, XOR_Y, optimizer=nn.Adam(others, learning_rate=0.1), epochs=2, seed=0, progress=False)


# -------------------------------------------------------------------------------------------------------- did you mean


@pytest.mark.parametrize(
    ("given", "question"),
    [
        ("bse", "did you mean 'mse' or 'bce'"),
        ("bcee", "did you mean 'bce'"),
        ("hubber", "did you mean 'huber'"),
        ("CrossEntropy ", "did you mean 'cross_entropy'"),
    ],
)
def test_all_nearest_names_are_told(given, question):
    with pytest.raises(ValueError, match=question + r"\?$"):
        small().fit(XOR_X, XOR_Y, loss=given)


# ------------------------------------------------------------------------------------------------------------- summary


def test_nothing_is_shown_below_a_summary(capsys):
    assert small().summary() is None
    assert capsys.readouterr().out.splitlines()[-1].split() == ["total", "13"]


# ------------------------------------------------------------------------------------------------------------- scaling


def test_scales_fold_into_the_first_and_last_layer_whatever_is_between():
    model = Sequential(
        Layer(2, 4, seed=0), "tanh", Dropout(0.3), lambda x: x[:3], Layer(3, 2, activation="linear", seed=1)
    )
    model.eval()
    scaling, targets = Scaling([1.0, -2.0], [2.0, 0.5]), Scaling([100.0, -3.0], [20.0, 0.5])
    x = [0.3, -0.8]
    scaled = scaling.apply(as_table([x])).tolist()[0]
    expected = [shift + scale * v.data for v, shift, scale in zip(model(scaled), targets.shift, targets.scale)]
    scaling.fold_in(model)
    targets.fold_out(model)
    assert [v.data for v in model(x)] == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------------------------------------------------------- changes


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (lambda: MLP(2, [3, 1]), "activation", "tanh"),
        (lambda: MLP(2, [3, 1]), "output", "tanh"),
        (lambda: Layer(2, 3), "activation", "tanh"),
    ],
)
def test_an_attribute_that_calls_would_ignore_cannot_be_set(make, name, value, tmp_path):
    model = make()
    before = [v.data for v in model.layers[0]([1.0, 2.0])] if isinstance(model, MLP) else None
    with pytest.raises(
        AttributeError, match=rf"{name} must be given to {type(model).__name__}\(\.\.\.\), got 'tanh' afterwards"
    ):
        setattr(model, name, value)
    model.save(tmp_path / "m.json")
    assert before is None or [v.data for v in type(model).load(tmp_path / "m.json").layers[0]([1.0, 2.0])] == before


def test_the_activation_of_a_neuron_can_be_set_and_counts(tmp_path):
    neuron = Neuron(2, activation="linear", seed=0)
    z = neuron([1.0, 2.0]).data
    neuron.activation = "sin"
    assert neuron([1.0, 2.0]).data == Value(z).sin().data
    with pytest.raises(ValueError, match=r"Neuron\.activation is 'sin', and a new Neuron has 'linear' there"):
        neuron.save(tmp_path / "m.json")


@pytest.mark.parametrize("make", [lambda: MLP(2, [2, 1]).layers[0].neurons[0], lambda: Activation("tanh")])
def test_an_activation_that_is_set_later_is_checked_too(make):
    part = make()
    for given, words in (
        ("Tanh", "got 'Tanh'; did you mean 'tanh'"),
        (None, "got None"),
        ("elu", "got 'elu'; did you"),
    ):
        with pytest.raises(ValueError, match=f"activation must be one of linear, relu, .*{words}"):
            part.activation = given
    part.activation = "sin"
    assert part([0.5, 1.0]) is not None
    assert pickle.loads(pickle.dumps(part)).activation == "sin"


class Centred(Module):
    """Numbers and arrays in attributes decide what it gives."""

    def __init__(self, shift=0.0):
        self.w, self.shift, self.mean, self.names = Value(2.0), shift, np.zeros(2), ["a"]
        self.bend = lambda z: z.tanh()
        self._calls, self.last = 0, None

    def __call__(self, x):
        self._calls += 1
        self.last = self.bend(self.w * (x[0] - self.mean[0] - self.shift))
        return self.last


CHANGES = [
    (lambda m: setattr(m, "shift", 1.0), r"Centred\.shift is 1\.0, and a new Centred has 0\.0 there"),
    (lambda m: m.mean.__setitem__(0, 5.0), r"Centred\.mean is the array \[5\.0, 0\.0\], and a new Centred has the"),
    (lambda m: m.names.append("b"), r"Centred\.names\.1 is 'b', and a new Centred has nothing there"),
    (lambda m: setattr(m, "bend", lambda z: z.sin()), r"Centred\.bend is <code.*>, and a new Centred has <code"),
    (lambda m: setattr(m, "extra", 3), r"Centred\.extra is 3, and a new Centred has nothing there"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_numbers_that_a_file_would_lose_are_not_saved(change, words, tmp_path):
    model = Centred()
    change(model)
    with pytest.raises(ValueError, match=words + ".*have __init__ make it from its arguments"):
        model.save(tmp_path / "m.json")
    assert not list(tmp_path.iterdir())


class Kept(Module):
    def __init__(self, mean):
        self.w, self.mean = Value(1.0), mean


class Computed(Module):
    def __init__(self, rows):
        self.w, self.mean = Value(1.0), rows.mean(axis=0)


def test_arrays_that_a_file_gives_back_as_lists_are_not_saved(tmp_path):
    words = r"Kept\.mean is the array \[1\.0, 2\.0\], and a new Kept has a list there.* numpy\.array"
    with pytest.raises(ValueError, match=words):
        Kept(np.array([1.0, 2.0])).save(tmp_path / "m.json")
    with pytest.raises(ValueError, match=r"got AttributeError: 'list' .*; a file gives __init__ lists for arrays"):
        Computed(np.ones((2, 2))).save(tmp_path / "m.json")


def test_what_init_makes_of_its_arguments_is_saved(tmp_path):
    model = Centred(shift=0.5)
    model.fit([[1.0], [2.0]], [0.5, 0.7], epochs=2, progress=False, seed=0)  # which counts calls in _calls
    model.save(tmp_path / "m.json")
    assert Centred.load(tmp_path / "m.json")([0.3]).data == model([0.3]).data


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_an_argument_that_json_does_not_have_is_not_saved(number, tmp_path):
    with pytest.raises(ValueError, match=r"a file cannot hold Centred\(shift=\.\.\.\) with (nan|inf)"):
        Centred(shift=number).save(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda n: n.w.__setitem__(1, 0.5), r"layers\.0\.neurons\.2\.w\.1 must be a Value to be trained, got 0\.5"),
        (lambda n: setattr(n, "w", [0.5, 1]), r"layers\.0\.neurons\.2\.w\.0 must be a Value to be trained, got 0\.5"),
        (lambda n: setattr(n, "b", 0.0), r"layers\.0\.neurons\.2\.b must be a Value to be trained, got 0\.0; .*\.data"),
    ],
)
def test_a_weight_that_became_a_plain_number_is_not_left_out_of_training(change, words):
    model = small()
    change(model.layers[0].neurons[2])
    with refused(model, words):
        model.fit(XOR_X, XOR_Y, progress=False)


@pytest.mark.parametrize(
    "make", [lambda *a, **k: Layer(2, 3, *a, seed=0, **k), lambda *a, **k: Neuron(2, *a, seed=0, **k)]
)
def test_the_third_argument_of_a_layer_is_its_activation(make, tmp_path):
    def activation(model):
        return getattr(model, "neurons", [model])[0].activation

    assert [activation(make(given)) for given in (True, False, None, "tanh")] == ["relu", "linear", "relu", "tanh"]
    assert make("tanh").state_dict() == make(activation="tanh").state_dict()
    make("tanh").save(tmp_path / "m.json")
    assert activation(type(make()).load(tmp_path / "m.json")) == "tanh"
    with pytest.raises(ValueError, match="activation must be a name or a function from Value to Value, got 0"):
        make(0)
    with pytest.raises(TypeError, match="nonlin or activation must be given, got both"):
        make(False, activation="tanh")


# ---------------------------------------------------------------------------------------------------------- other names


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Dropout(p=0.1), "Dropout has no argument p=; did you mean rate=?"),
        (lambda: Layer(nin=2, nout=3), "Layer has no argument nin=; did you mean n_inputs=?"),
        (lambda: MLP(2, hidden=[3, 1]), "MLP has no argument hidden=; did you mean sizes=?"),
        (
            lambda: MLP(2, [3, 1], output_activation="tanh"),
            "MLP has no argument output_activation=; did you mean output=?",
        ),
        (lambda: MLP(2, [3, 1], act="tanh"), "MLP has no argument act=; did you mean activation=?"),
        (lambda: Own(scales=2.0), "Own has no argument scales=; did you mean scale=?"),
        (lambda: Own(p=2.0), "Own has no argument p=; it has scale, offset"),
    ],
)
def test_arguments_of_other_libraries_are_answered(make, words):
    with pytest.raises(TypeError) as refusal:
        make()
    assert str(refusal.value) == words


class Own(Module):
    def __init__(self, scale=1.0, *, offset=0.0):
        self.w = Value(scale + offset)


def test_a_private_attribute_may_have_any_name():
    model = Own()
    model._fixed = 3
    model.scale = 2.0
    assert model._fixed == 3


def test_an_optimizer_takes_its_learning_rate_as_in_pytorch():
    w = Value(1.0)
    w.grad = 2.0
    SGD([w], 0.25).step()
    assert w.data == 0.5
    assert Adam([w], 0.1).learning_rate == AdamW([w], 0.1).learning_rate == 0.1


def test_what_is_natural_works():
    model = Sequential([Layer(2, 3, seed=0), Activation("tanh"), Layer(3, 1, seed=1)])
    model([1.0, 2.0]).backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad
    assert isinstance(model.layers[0].neurons[0].w[0].data, float)
    model.load_state_dict(model.state_dict())
    assert model.train().training is True
    assert model.eval().training is False


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("forward", r"model\(x\)"),
        ("compile", r"give loss= and optimizer= to fit"),
        ("evaluate", r"score\(X, y\)"),
        ("add", r"model\.layers\.append\(layer\)"),
        ("append", r"model\.layers\.append\(layer\)"),
        ("to", "fit takes dtype"),
        ("weight", "neurons, and each of them"),
        ("get_weights", r"state_dict\(\)"),
        ("save_weights", r"save\(path\)"),
        ("count_params", r"len\(model\.parameters\(\)\)"),
    ],
)
def test_names_of_other_libraries_at_a_module_are_answered(name, advice):
    with pytest.raises(AttributeError, match=rf"'MLP' object has no attribute '{name}'; .*{advice}"):
        getattr(small(), name)
    assert not hasattr(small(), name)


def test_weights_of_a_layer_are_in_its_neurons():
    with pytest.raises(AttributeError, match="'Layer' object has no attribute 'w'; a Layer has a list, neurons"):
        _ = small().layers[0].w
    with pytest.raises(AttributeError, match=r"^'MLP' object has no attribute 'nonsense'$"):
        _ = small().nonsense


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Linear", r"Layer\(n_inputs, n_outputs\), of ReLU unless activation=\"linear\""),
        ("ReLU", '"relu"'),
        ("CrossEntropyLoss", 'loss="cross_entropy"'),
        ("BCELoss", "with no sigmoid"),
        ("Parameter", r"engine\.Value"),
        ("ModuleList", "a plain list or dict"),
        ("optim", r"nn\.Adam"),
        ("load_model", r"MLP\.load\(path\)"),
        ("save", r"model\.save\(path\)"),
        ("init", 'init="he"'),
        ("no_grad", "make no graph"),
        ("StepLR", r"nn\.schedules\.cosine"),
        ("Value", "in engine"),
    ],
)
def test_names_of_other_libraries_in_nn_are_answered(name, advice):
    with pytest.raises(AttributeError, match=rf"module 'nn' has no attribute '{name}'; .*{advice}"):
        getattr(nn, name)
    assert not hasattr(nn, name)


@pytest.mark.parametrize("name", ["lr", "param_groups"])
def test_names_of_pytorch_at_an_optimizer_are_answered(name):
    with pytest.raises(AttributeError, match=rf"^Adam has no attribute {name}; did you mean learning_rate=\?$"):
        getattr(Adam(), name)


@pytest.mark.parametrize("module", ["engine", "gradstep"])
def test_names_of_other_libraries_in_engine_are_answered(module):
    words = r"compile\(f\) makes a program that takes all rows at once"
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'vmap'; {words}"):
        _ = importlib.import_module(module).vmap
    with pytest.raises(ImportError, match=f"^{module} has no vmap; {words}"):
        exec(f"from {module} import vmap")
    with pytest.raises(ImportError, match=f"^{module} has no asinh; primitive"):
        exec(f"from {module} import asinh")
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        exec(f"from {module} import nonsense")
    with pytest.raises(ImportError, match=r"^gradstep has no Dense; a layer is"):
        exec("from gradstep import Dense")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("from engine import stpper", "engine has no stpper; did you mean stepper?"),
        ("from nn import Mlp", "nn has no Mlp; did you mean MLP?"),
        ("from gradstep import Valeu", "gradstep has no Valeu; did you mean Value?"),
        ("from gradstep.nn import Sequental", "nn has no Sequental; did you mean Sequential?"),
    ],
)
def test_a_slip_in_an_import_is_answered_with_the_name_that_is_meant(code, words):
    with pytest.raises(ImportError, match=f"^{re.escape(words)}$"):
        exec(code)


def test_a_module_is_no_slip_for_a_name_like_it():
    code = "from engine import steps, stepping, compiler, drawing\nfrom nn import layers, optimizers, mlp, pictures"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("history", r"history\.loss.*to_frame"),
        ("val_loss", "validation_loss has it"),
        ("val_acc", "validation_accuracy"),
    ],
)
def test_names_of_keras_at_a_history_are_answered(name, advice):
    with pytest.raises(AttributeError, match=f"'History' object has no attribute '{name}'; .*{advice}"):
        getattr(nn.History(loss=[1.0]), name)
    assert pickle.loads(pickle.dumps(nn.History(loss=[1.0]))) == nn.History(loss=[1.0])


@pytest.mark.parametrize(("n", "loss"), [(1, "bce"), (2, "cross_entropy"), (1, "hinge"), (2, "bce")])
def test_no_class_is_predicted_from_outputs_that_are_nan(n, loss):
    model, y = MLP(2, [2, n], seed=0), [[0, 1]] * 4 if (n, loss) == (2, "bce") else XOR_Y
    model.fit(XOR_X, y, loss=loss, epochs=1, seed=0, progress=False)
    model.parameters()[0].data = float("nan")
    for use in (lambda: model.predict(XOR_X), lambda: model.predict(XOR_X * 200), lambda: model.score(XOR_X, y)):
        with pytest.raises(ValueError, match=r"outputs must be numbers to choose a class, got \[.*nan.*\] for row \d"):
            use()


def test_examples_are_not_a_mode_of_training():
    with refused(small(), r"mode must be True or False, got \[\[0\.0, 0\.0\].*fit\(X, y\) trains"):
        small().train(XOR_X)


def test_load_on_an_object_is_refused(tmp_path):
    model = small()
    model.save(tmp_path / "model.json")
    assert MLP.load(tmp_path / "model.json").state_dict() == model.state_dict()
    with pytest.raises(TypeError, match=r"load returns a new MLP: write model = MLP.load\(path\)"):
        model.load(tmp_path / "model.json")


def test_a_frame_is_read_by_the_names_that_fit_saw(tmp_path):
    frame = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "income": [1.0, 0.0, 1.0, 0.0]})
    turned = frame[["income", "age"]]
    model = MLP(2, [4, 1], seed=0)
    history = model.fit(frame, [0, 0, 1, 1], loss="bce", epochs=20, seed=0, validation_data=(turned, [0, 0, 1, 1]))
    assert history.validation_loss[-1] < 2 * history.loss[-1] + 1
    model.save(tmp_path / "model.json")
    for each in (model, MLP.load(tmp_path / "model.json")):
        expected = each.predict_proba(frame.to_numpy()).tolist()
        assert each.predict_proba(frame).tolist() == each.predict_proba(turned).tolist() == expected
        assert each.score(turned, [0, 0, 1, 1]) == each.score(frame, [0, 0, 1, 1])
        with pytest.raises(ValueError, match=r"X must have the columns that fit saw, \['age', 'in"):
            each.predict(frame.rename(columns={"income": "shoe"}))
    again, same = (MLP.load(tmp_path / "model.json") for _ in range(2))
    for each, X in ((again, turned), (same, frame)):
        each.fit(X, [0, 0, 1, 1], loss="bce", epochs=2, seed=0)
    assert [p.data for p in again.parameters()] == [p.data for p in same.parameters()]
    with pytest.raises(ValueError, match="validation X must have the columns"):
        model.fit(frame, [0, 0, 1, 1], loss="bce", validation_data=(frame.rename(columns={"age": "b"}), [0, 0, 1, 1]))


def test_the_command_reads_a_file_by_the_names_that_fit_saw(gradstep):
    frame = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "income": [1.0, 0.0, 1.0, 0.0]})
    model = MLP(2, [4, 1], seed=0)
    model.fit(frame, [0.5, 1.0, 1.5, 2.0], epochs=20, seed=0, progress=False)
    model.save("model.json")
    expected = "".join(f"{answer}\n" for answer in model.predict(frame))
    for columns in (["age", "income"], ["income", "age"]):
        frame[columns].to_csv("rows.csv", index=False)
        assert gradstep("predict", "model.json", "rows.csv") == (0, expected, "")
    frame.rename(columns={"age": "size"}).to_csv("rows.csv", index=False)
    assert "the column 'age'" in gradstep("predict", "model.json", "rows.csv")[2]


def test_tied_weights_of_one_module_are_not_saved_as_two(tmp_path):
    model = small()
    model.layers[0].neurons[1].w[0] = model.layers[0].neurons[0].w[0]
    with pytest.raises(
        ValueError, match=r"neurons.1.w.0 is the parameter layers.0.neurons.0.w.0, and a new MLP has a par"
    ):
        model.save(tmp_path / "model.json")
    assert not (tmp_path / "model.json").exists()


def test_a_parameter_that_is_listed_twice_trains():
    class Twice(Module):
        def __init__(self):
            self.w = Value(0.5)

        def __call__(self, x):
            return x[0] * self.w

        def parameters(self):
            return [self.w, self.w]

    history = Twice().fit([[1.0], [2.0]], [1.0, 2.0], epochs=2, seed=0, progress=False)
    assert len(history.loss) == 2


def test_names_of_other_libraries_have_the_advice_in_an_import_too():
    with pytest.raises(ImportError, match=r"^nn has no Linear; a layer is Layer\(n_inputs, n_outputs\)"):
        exec("from nn import MLP, Linear")
    with pytest.raises(ImportError, match=r"^nn has no Parameter; an engine"):
        exec("from nn import Parameter as P")
    with pytest.raises(ImportError, match="cannot import name 'nonsense' from 'nn'"):
        exec("from nn import nonsense")
    exec("from nn import cli, data, mlp, other_names")
    assert not hasattr(nn, "Linear")
    assert getattr(nn, "Linear", None) is None

"""Layers: a network calls those it has; Sequential, Dropout, Softmax, and layers of one's own beside ours."""

import json
import math
import pickle
import random
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from networks import XOR_X, XOR_Y, condition, refused

import nn
from engine import Value, exp, tanh
from nn import MLP, Activation, Dropout, Layer, ModelFileError, Module, Neuron, Sequential, Softmax
from nn.data import moons

QUIET = {"progress": False, "seed": 0}
MOONS = moons(60, seed=0)


class Linear(Layer):
    """A layer that counts its calls."""

    calls = 0

    def __call__(self, x):
        Linear.calls += 1
        return super().__call__(x)


class Twice(Module):
    """A layer with a weight, not made of neurons."""

    def __init__(self, factor=2.0):
        self.factor = Value(factor)

    def __call__(self, x):
        return [self.factor * number for number in x]


def noisy(rate=0.3, n_outputs=1):
    random.seed(7)
    return Sequential(
        Layer(2, 6, activation="tanh"), Dropout(rate), Layer(6, 4, activation="tanh"), Dropout(0.2), Layer(4, n_outputs)
    )


def numbers(outputs):
    return [value.data for value in outputs]


# ----------------------------------------------------------------------------------------------- layers that are called


def test_an_mlp_calls_its_layers():
    model = MLP(2, [3, 1], seed=0)
    model.layers = [Linear(2, 3), Linear(3, 1)]
    before = Linear.calls
    assert isinstance(model([1.0, 2.0]), Value)
    assert Linear.calls == before + 2


def test_what_is_appended_to_an_mlp_counts():
    model = MLP(2, [3, 2], seed=0)
    logits = numbers(model([1.0, 2.0]))
    model.layers.append(Softmax())
    total = sum(map(math.exp, logits))
    assert numbers(model([1.0, 2.0])) == pytest.approx([math.exp(z) / total for z in logits])
    model.layers.append(lambda x: x[0] - x[1])
    assert isinstance(model([1.0, 2.0]), Value)
    assert model.predict([[1.0, 2.0]]) == [model([1.0, 2.0]).data]


@pytest.mark.parametrize("replay", [True, False])
def test_replaced_layers_are_trained(replay):
    model = MLP(2, [3, 1], seed=0)
    model.layers[1:] = [Twice(), Layer(3, 1, activation="linear")]
    before = model.state_dict()
    model.fit(XOR_X, XOR_Y, loss="bce", epochs=3, replay=replay, **QUIET)
    after = model.state_dict()
    assert "layers.1.factor" in after
    assert after["layers.1.factor"] != before["layers.1.factor"]


@pytest.mark.parametrize("function", ["tanh", tanh, Value.tanh, Activation("tanh")])
def test_an_activation_is_applied_to_each_number(function):
    layer = Layer(2, 3, activation="linear")
    expected = [math.tanh(z) for z in numbers(layer([0.3, 0.4]))]
    assert numbers(Sequential(layer, function)([0.3, 0.4])) == pytest.approx(expected)
    appended = Sequential(layer)
    appended.layers.append(function)
    assert numbers(appended([0.3, 0.4])) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda x: [1.0, 2.0], r"the layer <lambda> must give Values, got float 1\.0"),
        (lambda x: [v.data for v in x], "must give Values, got float"),
        (lambda x: None, "must give Values, got NoneType None"),
        (Activation(math.tanh), "the activation tanh must give a Value, got float"),
    ],
)
def test_a_layer_that_ends_the_graph_is_refused(layer, words):
    with pytest.raises(TypeError, match=words):
        Sequential(Layer(2, 2), layer)([1.0, 2.0])


def test_wrong_layers_are_refused():
    with pytest.raises(ValueError, match="layers must be at least one"):
        Sequential()
    with pytest.raises(TypeError, match="a layer must be a module, an activation or a function, got 16"):
        Sequential(Layer(2, 2), 16)
    with pytest.raises(ValueError, match="got 'Tanh'; did you mean 'tanh'"):
        Sequential(Layer(2, 2), "Tanh")
    with pytest.raises(ValueError, match="x must have 2 numbers for this Sequential, got 3"):
        Sequential(Layer(2, 2))([1.0, 2.0, 3.0])


def test_a_sequential_takes_a_list_as_well():
    layers = [Layer(2, 3), Layer(3, 1)]
    assert Sequential(layers)([1.0, 2.0]).data == Sequential(*layers)([1.0, 2.0]).data


# --------------------------------------------------------------------------------------------------------------- files


def test_a_sequential_comes_back_from_its_file(tmp_path):
    model = Sequential(
        Layer(2, 3, activation="tanh"), Dropout(0.25), "gelu", Neuron(3), Sequential(Layer(1, 3)), Softmax()
    )
    model.fit([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], epochs=2, **QUIET)
    model.save(tmp_path / "m.json")
    again = Sequential.load(tmp_path / "m.json")
    assert condition(again) == condition(model)
    assert repr(again) == repr(model)
    assert numbers(again([0.5, 2.0])) == numbers(model([0.5, 2.0]))


CHANGES = [
    (lambda m: m.layers.append(Softmax()), r"MLP\.layers\.2 is Softmax, and a new MLP has nothing there"),
    (lambda m: m.layers.append(tanh), r"MLP\.layers\.2 is <.*tanh.*, and a new MLP has nothing there"),
    (lambda m: m.layers.__setitem__(0, Linear(2, 3)), r"MLP\.layers\.0 is Linear, and a new MLP has Layer there"),
    (lambda m: m.layers.__setitem__(0, Layer(2, 3, activation="sin")), r"neurons\.0\.activation is 'sin', and"),
    (lambda m: setattr(m.layers[0].neurons[1], "activation", "sin"), r"neurons\.1\.activation is 'sin', and"),
    (lambda m: m.layers.pop(), r"MLP\.layers\.1 is nothing, and a new MLP has Layer there"),
    (lambda m: setattr(m, "extra", Value(1.0)), r"MLP\.extra is a parameter, and a new MLP has nothing there"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_a_changed_model_is_not_saved(tmp_path, change, words):
    model = MLP(2, [3, 1], activation="tanh", seed=0)
    change(model)
    with pytest.raises(ValueError, match=words):
        model.save(tmp_path / "m.json")
    assert not list(tmp_path.iterdir())


def test_layers_of_ones_own_are_saved_by_a_class(tmp_path):
    with pytest.raises(ValueError, match="with a Twice, a class of your own; write a class"):
        Sequential(Layer(2, 3), Twice()).save(tmp_path / "m.json")

    class Net(Sequential):
        def __init__(self, width, *, factor=1.0):
            super().__init__(Layer(2, width), Twice(factor), Layer(width, 1), exp)

    net = Net(3, factor=2.0)
    net.save(tmp_path / "m.json")
    assert json.loads((tmp_path / "m.json").read_text())["configuration"] == {"width": 3, "factor": 2.0}
    assert Net.load(tmp_path / "m.json")([1.0, 2.0]).data == net([1.0, 2.0]).data


SHARED = {"kind": "part of this file"}


def shares():
    """A Sequential in which a layer, a network and a Dropout are used more than once, and once inside another one."""
    layer, noise, net = Layer(3, 3, seed=1), Dropout(0.4), MLP(3, [2, 3], seed=2)
    row = Sequential(layer, net)
    return Sequential(Layer(2, 3, seed=0), layer, noise, row, "tanh", noise, net, row, Neuron(3, seed=3))


def test_a_layer_that_is_used_twice_is_one_in_a_file(tmp_path):
    model = shares()
    model.save(tmp_path / "m.json")
    again = Sequential.load(tmp_path / "m.json")
    assert again.layers[1] is again.layers[3].layers[0]
    for each in (model, again):  # tied weights stay tied
        each.fit(XOR_X, XOR_Y, loss="bce", epochs=3, seed=0, progress=False)
    assert again.state_dict() == model.state_dict()
    assert condition(again) == condition(model)


def test_a_short_file_of_a_model_that_takes_forever_is_refused(tmp_path):
    Sequential(Layer(2, 2)).save(tmp_path / "m.json")
    content = json.loads((tmp_path / "m.json").read_text())
    row = content["configuration"]["layers"]
    for place in range(40):
        row[:] = [{"kind": "Sequential", "configuration": {"layers": [*row, {**SHARED, "configuration": place}]}}]
    (tmp_path / "m.json").write_text(json.dumps(content))
    with pytest.raises(ModelFileError, match="a part must call at most 10,000 layers, got 16,383"):
        Sequential.load(tmp_path / "m.json")


def test_saving_leaves_random_numbers_alone(tmp_path):
    class Own(Module):
        def __init__(self):
            self.w, self.v = Value(random.random()), Value(np.random.rand())

    model = Own()
    states = random.getstate(), np.random.get_state()[1].tolist()
    model.save(tmp_path / "m.json")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"kind": "os.system", "configuration": {}}, "a part must be one of"),
        (
            {"kind": "Layer", "configuration": {"n_inputs": 10**9, "n_outputs": 10**9}},
            "parameters, as the file has, got more",
        ),
        ({"kind": "Layer", "configuration": [1]}, "a part must be one of"),
        ({**SHARED, "configuration": 0}, "a part must be one of"),
        ({**SHARED, "configuration": -1}, "a part must be one of"),
        ({"kind": "Dropout", "configuration": {"rate": 2.0}}, r"rate must be in \[0, 1\), got 2\.0"),
        (5, "a layer must be"),
    ],
)
def test_hostile_parts_are_refused(tmp_path, part, words):
    Sequential(Layer(2, 1)).save(tmp_path / "m.json")
    content = json.loads((tmp_path / "m.json").read_text())
    content["configuration"]["layers"] = [part]
    (tmp_path / "m.json").write_text(json.dumps(content))
    with pytest.raises(ModelFileError, match=words):
        Sequential.load(tmp_path / "m.json")


# --------------------------------------------------------------------------------------------------------------- noise


def test_dropout_keeps_the_mean_and_its_share():
    layer = Dropout(0.25, seed=1).train()
    outputs = numbers(layer([3.0] * 20_000))
    assert set(outputs) == {0.0, 4.0}
    assert outputs.count(0.0) / 20_000 == pytest.approx(0.25, abs=0.02)


def test_noise_of_a_loop_of_ones_own_is_fresh_and_repeats_with_its_seed():
    first, second = Dropout(0.5, seed=3).train(), Dropout(0.5, seed=3).train()
    runs = [numbers(first([1.0] * 40)) for _ in range(3)]
    assert runs[0] != runs[1] != runs[2]
    assert [numbers(second([1.0] * 40)) for _ in range(3)] == runs
    random.seed(2)
    free = numbers(Dropout(0.5).train()([1.0] * 40))
    random.seed(2)
    assert numbers(Dropout(0.5).train()([1.0] * 40)) == free


def test_the_mode_must_be_said_in_a_loop_of_ones_own():
    model = noisy()
    with pytest.raises(RuntimeError, match=r"call model\.train\(\) or model\.eval\(\) first"):
        model([1.0, 2.0])
    assert model.predict([[1.0, 2.0]]) == [model.eval()([1.0, 2.0]).data]
    assert len({model.train()([1.0, 2.0]).data for _ in range(20)}) > 1
    assert len({model.eval()([1.0, 2.0]).data for _ in range(20)}) == 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_noise_replays_as_it_is_drawn_eagerly(dtype):
    """The same random numbers, drawn for each example and step, whichever way the step is taken."""
    options = {"loss": "bce", "epochs": 3, "batch_size": 7, "learning_rate": 0.01, **QUIET}
    replayed, eager = noisy(), noisy()
    one = replayed.fit(MOONS.X, MOONS.y, replay=True, dtype=dtype, **options)
    two = eager.fit(MOONS.X, MOONS.y, replay=False, **options)
    assert one.eager == ""
    tolerance = 1e-9 if dtype == "float64" else 1e-3
    assert one.loss == pytest.approx(two.loss, rel=tolerance)
    assert list(replayed.state_dict().values()) == pytest.approx(list(eager.state_dict().values()), abs=tolerance)


def standing():
    """A model whose loss moves with the noise alone."""
    model = Sequential(Dropout(0.5), Layer(4, 1, activation="linear"))
    for weight in model.parameters():
        weight.data = 1.0
    return model


@pytest.mark.parametrize("replay", [True, False])
def test_noise_is_fresh_for_each_step_and_off_for_measuring(replay):
    X, y = [[1.0, 2.0, 4.0, 8.0]], [0.0]
    model = standing()
    options = {"optimizer": nn.SGD(learning_rate=0.0), "epochs": 30, "validation_data": (X, y), "replay": replay}
    history = model.fit(X, y, **options, **QUIET)
    assert len(set(history.loss)) > 5
    assert set(history.validation_loss) == {256.0}
    assert model.predict(X) == [16.0] == [model(X[0]).data]


@pytest.mark.parametrize("replay", [True, False])
def test_noise_differs_between_examples(replay):
    n = 200
    model = standing()
    history = model.fit([[8.0] * 4] * n, [0.0] * n, optimizer=nn.SGD(learning_rate=0.0), epochs=1, batch_size=n,
                        replay=replay, **QUIET)  # fmt: skip
    kept = [(1 + 16 * k) ** 2 for k in range(5)]  # of 0 ... 4 inputs, each doubled
    mean = sum(math.comb(4, k) / 16 * loss for k, loss in enumerate(kept))
    assert history.loss[0] == pytest.approx(mean, rel=0.2)


def test_the_seed_of_fit_repeats_the_noise():
    def run(seed):
        model = noisy()
        return model.fit(MOONS.X, MOONS.y, loss="bce", epochs=2, progress=False, seed=seed).loss

    assert run(1) == run(1) != run(2)


def test_a_run_with_noise_goes_on_from_its_checkpoint_to_the_last_bit(tmp_path):
    options = {"loss": "bce", "batch_size": 7, "learning_rate": 0.01, **QUIET}
    whole, parts = noisy(), noisy()
    whole.fit(MOONS.X, MOONS.y, epochs=4, checkpoint=tmp_path / "a.json", **options)
    stop = {"callbacks": [lambda model, history: history.epochs == 2]}
    parts.fit(MOONS.X, MOONS.y, epochs=3, checkpoint=tmp_path / "b.json", **stop, **options)
    again = noisy()
    again.fit(MOONS.X, MOONS.y, epochs=4, checkpoint=tmp_path / "b.json", **options)
    assert condition(again) == condition(whole)


class Chooses(Module):
    """Which noise it takes hangs on its input."""

    def __init__(self):
        self.a, self.b, self.layer = Dropout(0.9), Dropout(0.1), Layer(2, 1)

    def __call__(self, x):
        return self.layer(self.a(x) if x[0] > 0.5 else self.b(x))


def test_noise_that_hangs_on_the_input_is_trained_eagerly():
    history = Chooses().fit(MOONS.X, MOONS.y, loss="bce", epochs=1, **QUIET)
    assert "asks for other noise" in history.eager


def test_a_function_of_a_noisy_model_is_no_program():
    import engine

    with pytest.raises(engine.DataDependentError, match="random numbers are drawn"):
        engine.compile(noisy().train())([[1.0, 2.0]])


@pytest.mark.parametrize("rate", [1.0, -0.1, math.nan, "0.5", None, True])
def test_rates_that_are_none_are_refused(rate):
    with pytest.raises(ValueError, match="rate must be"):
        Dropout(rate)


# ----------------------------------------------------------------------------------------------------------- in a table


def test_a_summary_is_a_table(capsys):
    Sequential(Layer(784, 8), Dropout(0.5), lambda x: x[:3], Layer(3, 2), Softmax()).summary()
    assert capsys.readouterr().out.splitlines() == [
        "layer              output  parameters",
        "layers.0 Layer          8       6,280",
        "layers.1 Dropout        8           0",
        "layers.2 <lambda>       3           0",
        "layers.3 Layer          2           8",
        "layers.4 Softmax        2           0",
        "total                           6,288",
    ]


def test_a_summary_of_a_module_of_ones_own(capsys):
    class Own(Module):
        def __init__(self):
            self.scale, self.nets = Value(1.0), {"a": MLP(2, [3, 1]), "b": Twice()}

    Own().summary()
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["layer", "output", "parameters"],
        ["nets.a", "MLP", "1", "13"],
        ["nets.b", "Twice", "-", "1"],
        ["Own", "-", "1"],
        ["total", "15"],
    ]


def test_reprs_are_short():
    assert len(repr(MLP(784, [8, 64, 10]))) < 120
    assert repr(Dropout(0.2)) == "Dropout(0.2)"
    assert repr(Twice(factor=3.0)) == "Twice(factor=3.0)"


@pytest.mark.slow
def test_completion_shows_public_names():
    assert set(dir(nn)) == {*nn.__all__, "estimators", "exchange", "pictures"}, (
        "which need packages that may be missing"
    )
    code = (
        "import sys, nn; assert not {'matplotlib', 'sklearn'} & {*sys.modules}; "
        "print(nn.pictures.network.__name__, nn.data.xor().y)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "network"


def test_a_callable_without_a_hash_is_a_layer():
    @dataclass
    class Scale:
        factor: float

        def __call__(self, x):
            return [self.factor * each for each in x]

    model = Sequential(Layer(2, 1, activation="linear", seed=0), Scale(3.0))
    assert model([1.0, 2.0]).data == 3.0 * Layer(2, 1, activation="linear", seed=0)([1.0, 2.0]).data


def test_a_rate_that_is_set_later_is_checked_too():
    layer = Dropout(0.25, seed=0).train()
    for wrong in (1.0, 1.5, -0.1):
        with pytest.raises(ValueError, match=r"rate must be in \[0, 1\), got"):
            layer.rate = wrong
    layer.rate = 0
    assert [value.data for value in layer([1.0, 2.0])] == [1.0, 2.0]


class Moody(Module):
    """Noise as in PyTorch, by its own look at the mode."""

    def __init__(self):
        self.layer, self.noise = Layer(2, 1, activation="linear", seed=0), Dropout(0.5, seed=0)

    def __call__(self, x):
        return self.layer(self.noise(x) if self.training else x)


@pytest.mark.parametrize("replay", [None, False])
def test_fit_does_not_leave_out_noise_that_asks_for_the_mode(replay):
    model = Moody()
    with refused(model, r"Moody.training must not be read in a step of fit.*; use a Dropout", RuntimeError):
        model.fit(MOONS.X, MOONS.y, loss="bce", replay=replay, **QUIET)
    assert len({model.train()([3.0, 4.0]).data for _ in range(20)}) == 4
    assert model.predict([[3.0, 4.0]]) == [model.eval()([3.0, 4.0]).data]
    assert pickle.loads(pickle.dumps(model)).training is False

"""Neuron, Layer, MLP: shapes, starting weights, activations; and code written for micrograd."""

import functools
import math
import operator
import random
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networks import refused, small

import engine
import nn
from engine import Value
from nn import MLP, Layer, Module, Neuron, initialization
from nn.activations import ACTIVATIONS
from nn.data import moons
from nn.exchange.network import steps_of

SCIENCE = {  # what an activation is, in floats
    "linear": lambda z: z,
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "gelu": lambda z: z * 0.5 * (1 + math.erf(z / math.sqrt(2))),
    "softplus": lambda z: math.log(1 + math.exp(z)),
    "tanh": math.tanh,
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "sin": math.sin,
}
RECTIFIERS = ("relu", "leaky_relu", "gelu", "softplus")


def test_every_activation_is_told():
    assert set(ACTIVATIONS) == set(SCIENCE)
    assert all(f'"{name}"' in MLP.__doc__ for name in ACTIVATIONS)


@pytest.mark.parametrize("name", SCIENCE)
def test_a_neuron_is_its_formula(name):
    neuron = Neuron(3, activation=name)
    neuron.b.data = 0.25
    x = [0.5, -2.0, 1.5]
    z = sum(w.data * number for w, number in zip(neuron.w, x)) + 0.25
    assert neuron(x).data == pytest.approx(SCIENCE[name](z), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", SCIENCE)
def test_an_mlp_is_its_formula_in_matrices(name):
    model = MLP(2, [4, 3, 2], activation=name, output="sin", seed=3)
    a = np.array([0.7, -1.3])
    for place, layer in enumerate(model.layers):
        for neuron in layer.neurons:
            neuron.b.data = 0.1
        W = np.array([[w.data for w in neuron.w] for neuron in layer.neurons])
        a = np.array([SCIENCE[name if place < 2 else "sin"](z) for z in W @ a + 0.1])
    assert [v.data for v in model([0.7, -1.3])] == pytest.approx(a.tolist(), rel=1e-12)


@pytest.mark.parametrize("function", [engine.tanh, Value.tanh, lambda z: z.tanh()])
def test_an_activation_may_be_a_function(function):
    named, own = small(), MLP(2, [3, 1], activation=function, seed=0)
    assert own([1.0, 2.0]).data == named([1.0, 2.0]).data


def test_the_output_activation_stands_after_the_last_layer():
    linear, squashed = MLP(2, [3, 2], seed=0), MLP(2, [3, 2], output="sigmoid", seed=0)
    assert [v.data for v in squashed([1, 2])] == [v.sigmoid().data for v in linear([1, 2])]


def test_one_output_is_a_value_and_several_are_a_list():
    assert isinstance(MLP(2, [1], seed=0)([1, 2]), Value)
    assert isinstance(Layer(2, 1)([1, 2]), Value)
    assert [type(v) for v in MLP(2, [3], seed=0)([1, 2])] == [Value] * 3
    assert [type(v) for v in Layer(2, 3)([1, 2])] == [Value] * 3


@pytest.mark.parametrize("x", [[1, 2], (1, 2), np.array([1, 2]), [Value(1), 2.0], map(float, [1, 2])])
def test_inputs_of_every_kind(x):
    assert small()(x).data == small()([1.0, 2.0]).data


def test_gradients_reach_inputs_that_are_values():
    x = [Value(0.5), Value(-0.5)]
    small()(x).backward()
    assert all(value.grad != 0.0 for value in x)


# ----------------------------------------------------------------------------------------------------- starting weights


def standardised(layer: Layer) -> tuple[float, float, float]:
    """Mean, variance and largest size of a layer's weights."""
    weights = np.array([[w.data for w in neuron.w] for neuron in layer.neurons])
    return float(weights.mean()), float(weights.var()), float(np.abs(weights).max())


@pytest.mark.parametrize("name", SCIENCE)
def test_weights_start_with_the_variance_that_the_activation_wants(name):
    layer = MLP(50, [120, 10], activation=name, seed=1).layers[0]  # 6,000 weights: 2 % is the variance's deviation
    mean, variance, largest = standardised(layer)
    wanted = 2 / 50 if name in RECTIFIERS else 2 / (50 + 120)
    assert variance == pytest.approx(wanted, rel=0.08)
    assert abs(mean) < 4 * math.sqrt(wanted / 6000)
    assert (largest > math.sqrt(3 * wanted)) == (name in RECTIFIERS)  # only normal numbers have tails
    assert all(neuron.b.data == 0.0 for neuron in layer.neurons)


@pytest.mark.parametrize(
    ("init", "variance", "bound"),
    [
        ("he", 2 / 50, None),
        ("he_uniform", 2 / 50, math.sqrt(6 / 50)),
        ("glorot", 2 / 170, math.sqrt(6 / 170)),
        ("glorot_normal", 2 / 170, None),
        ("uniform", 1 / 3, 1.0),
    ],
)
def test_weights_start_as_asked_for(init, variance, bound):
    measured = standardised(MLP(50, [120, 1], init=init, seed=2).layers[0])
    assert measured[1] == pytest.approx(variance, rel=0.08)
    assert measured[2] > 3 * math.sqrt(variance) if bound is None else 0.99 * bound < measured[2] <= bound


def test_signals_neither_die_nor_explode_through_ten_layers():
    for activation in ("relu", "tanh", "gelu"):
        model = MLP(20, [20] * 10, activation=activation, seed=4)
        out = [v.data for v in model([math.sin(i) for i in range(20)])]
        assert 0.01 < np.std(out) < 10


@pytest.mark.parametrize("function", [engine.relu, engine.softplus, engine.tanh, Value.relu])
def test_an_activation_is_the_same_by_its_name(function):
    model, named = (MLP(2, [3, 1], activation=f, seed=0) for f in (function, function.__name__))
    assert model.state_dict() == named.state_dict()
    assert steps_of(model)[1] == steps_of(named)[1] == model.layers[0].neurons[0].activation == function.__name__


def test_weights_start_by_a_function_of_ones_own():
    asked = []

    def init(n_inputs, n_outputs, rng):
        asked.append((n_inputs, n_outputs))
        return rng.choice([-0.5, 0.5])

    model = MLP(2, [3, 1], init=init, seed=0)
    assert asked == [(2, 3)] * 6 + [(3, 1)] * 3
    assert {abs(w.data) for layer in model.layers for neuron in layer.neurons for w in neuron.w} == {0.5}


def test_a_seed_repeats_and_leaves_pythons_random_alone():
    random.seed(5)
    state = random.getstate()
    first, second, third = small(seed=7), small(seed=7), small(seed=8)
    assert random.getstate() == state
    assert first.state_dict() == second.state_dict() != third.state_dict()
    assert small(seed=np.int64(7)).state_dict() == first.state_dict()


def test_without_a_seed_pythons_random_governs():
    random.seed(5)
    first = MLP(2, [3, 1]).state_dict()
    assert MLP(2, [3, 1]).state_dict() != first
    random.seed(5)
    assert MLP(2, [3, 1]).state_dict() == first


# ---------------------------------------------------------------------------------------------------------- wrong input

MAKING = [
    (lambda: MLP(2, []), r"sizes must be a list of ints, such as \[16, 1\], got \[\]"),
    (lambda: MLP(2, 16), "sizes must be a list .* got 16"),
    (lambda: MLP(2, "16"), "sizes must be a list .* got '16'"),
    (lambda: MLP(2, [4, 0]), r"sizes\[1\] must be an int >= 1, got 0"),
    (lambda: MLP(2, [0]), r"sizes\[0\] must be an int >= 1, got 0"),
    (lambda: MLP(2, [-3, 1]), r"sizes\[0\] must be .* got -3"),
    (lambda: MLP(2, [2.0]), r"sizes\[0\] must be .* got 2\.0"),
    (lambda: MLP(2, [True]), r"sizes\[0\] must be .* got True"),
    (lambda: MLP(2, ["3"]), r"sizes\[0\] must be .* got '3'"),
    (lambda: MLP(2, [None]), r"sizes\[0\] must be .* got None"),
    (lambda: MLP(0, [1]), "n_inputs must be an int >= 1, got 0"),
    (lambda: MLP("2", [1]), "n_inputs must be .* got '2'"),
    (lambda: MLP(math.nan, [1]), "n_inputs must be .* got nan"),
    (lambda: MLP(2, (16, 16), 1), r"output size belongs into sizes: MLP\(2, \[16, 16, 1\]\)"),
    (lambda: MLP(2, [2], output="softmax"), "append a Softmax layer"),
    (lambda: Layer(2, 0), "n_outputs must be .* got 0"),
    (lambda: Layer(0, 2), "n_inputs must be .* got 0"),
    (lambda: Neuron(-1), "n_inputs must be .* got -1"),
    (lambda: MLP(2, [1], activation="ReLU"), "activation must be one of linear, .* got 'ReLU'; did you mean 'relu'"),
    (lambda: MLP(2, [2, 1], activation=None), "activation must be .* got None"),
    (lambda: MLP(2, [2, 1], output=["x"]), r"output must be .* got \['x'\]"),
    (lambda: MLP(2, [2, 1], activation="__import__"), "activation must be one of"),
    (lambda: MLP(2, [1], init="xavier"), "init must be one of he, he_uniform, .* got 'xavier'"),
    (lambda: MLP(2, [1], init=["he"]), r"init must be .* got \['he'\]"),
    (lambda: MLP(2, [1], seed="one"), "seed must be an int or None, got 'one'"),
    (lambda: MLP(2, [1], seed=1.5), r"seed must be .* got 1\.5"),
    (lambda: MLP(2, [1], seed=True), "seed must be .* got True"),
]


@pytest.mark.parametrize(("theirs", "ours"), initialization.ALIASES.items())
def test_names_of_keras_and_pytorch_for_ways_to_start(theirs, ours):
    assert MLP(3, [4, 1], init=theirs, seed=0).state_dict() == MLP(3, [4, 1], init=ours, seed=0).state_dict()


@pytest.mark.parametrize(("make", "words"), MAKING)
def test_what_is_no_network_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_without_sizes_the_error_shows_a_network():
    with pytest.raises(TypeError, match=r"^sizes or nouts must be given, got neither; write MLP\(2, \[16, 1\]\)$"):
        MLP(2)
    with pytest.raises(TypeError, match=r"^n_inputs or nin must be given, got both; write MLP\(2, \[16, 1\]\)$"):
        MLP(2, [1], nin=2)


@pytest.mark.parametrize("kind", [Neuron, lambda n: Layer(n, 3)], ids=["Neuron", "Layer"])
@pytest.mark.parametrize("x", [[1.0], (1.0, 2.0, 3.0), np.ones(3), []])
def test_a_neuron_says_how_many_numbers_it_takes(kind, x):
    with pytest.raises(ValueError, match=rf"^x must have 2 numbers for this Neuron, got {len(x)}$"):
        kind(2)(x)


@pytest.mark.parametrize(
    ("x", "kind", "words"),
    [
        ([1], ValueError, "x must have 2 numbers for this MLP, got 1"),
        ([1, 2, 3], ValueError, "x must have 2 numbers for this MLP, got 3"),
        ([], ValueError, "x must have 2 numbers for this MLP, got 0"),
        (0.5, TypeError, r"x must be the inputs of one example, such as \[0\.5, 2\.0\], got float 0\.5"),
        (None, TypeError, "x must be the inputs of one example"),
        ("ab", TypeError, "x must be the inputs of one example"),
        ([[1, 2], [3, 4]], TypeError, r"got rows of them; predict\(X\) takes many"),
        (np.ones((2, 2)), TypeError, "got rows of them"),
        (["1", "2"], TypeError, "input must be one real number, got str '1'"),
        ([None, 1], TypeError, "input must be one real number, got NoneType"),
    ],
)
def test_inputs_that_are_no_example_are_refused(x, kind, words):
    model = small()
    with refused(model, words, kind):
        model(x)


@pytest.mark.parametrize("kind", [lambda n: Neuron(n, seed=0), lambda n: Layer(n, 1, seed=0), lambda n: MLP(n, [1])])
def test_a_number_is_no_example_and_a_value_is_one_input(kind):
    with pytest.raises(TypeError, match=r"x must be the inputs of one example, such as .*, got float 1\.0"):
        kind(1)(1.0)
    assert kind(1)(Value(0.0)).data == 0.0


@pytest.mark.parametrize("place", ["activation", "output"])
def test_an_activation_that_gives_a_float_is_refused(place):
    model = MLP(2, [2, 1], **{place: math.tanh}, seed=0)  # it takes Values and would end the graph
    with refused(
        model, "must give a Value, got float .*, through which no gradient flows; use functions of engine", TypeError
    ):
        model.fit([[0, 1]], [1], progress=False)


# ------------------------------------------------------------------------------------------- code written for micrograd

FIRST = [0.23550571390294128, 0.06653114721000164, 0]  # micrograd 0.1.0 after random.seed(1337): MLP(2, [16, 16, 1])
LAST = [-0.3223491002609964, -0.2532524374373504, 0]
TOTAL, OUTPUT = 6.8621742082939665, -0.6662156889793147


def gradstep_uniform() -> SimpleNamespace:
    """nn with micrograd's starting weights; there they are the only ones."""
    return SimpleNamespace(MLP=lambda *shape: MLP(*shape, init="uniform"), Value=Value)


def demo(library: SimpleNamespace, n_examples: int, steps: int) -> tuple[list[float], float, list[float]]:
    """micrograd's own demonstration on a smaller set: max-margin loss, regularisation, a falling learning rate."""
    random.seed(1337)
    data = moons(n_examples, seed=1)
    X, y = data.X, np.array(data.y) * 2 - 1
    model = library.MLP(2, [8, 8, 1])
    losses = []
    for k in range(steps):
        inputs = [list(map(library.Value, row)) for row in X]
        scores = list(map(model, inputs))
        hinges = [(1 + -yi * score).relu() for yi, score in zip(y.tolist(), scores)]
        data_loss = sum(hinges) * (1.0 / len(hinges))
        reg_loss = 1e-4 * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = sum((yi > 0) == (score.data > 0) for yi, score in zip(y, scores)) / len(y)
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        losses.append(total_loss.data)
    return losses, float(accuracy), [p.data for p in model.parameters()]


def test_uniform_weights_are_micrograds_number_for_number():
    random.seed(1337)
    model = MLP(2, [16, 16, 1], init="uniform")
    numbers = [p.data for p in model.parameters()]
    assert len(numbers) == 337
    assert numbers[:3] == FIRST
    assert numbers[-3:] == LAST
    assert functools.reduce(operator.add, numbers) == TOTAL  # sum() itself rounds otherwise since Python 3.12
    assert model([0.5, -1.0]).data == pytest.approx(OUTPUT, rel=1e-13)


def test_the_package_micrograd_agrees():
    micrograd = pytest.importorskip("micrograd.nn")
    random.seed(1337)
    theirs = micrograd.MLP(3, [4, 4, 1])
    random.seed(1337)
    ours = MLP(3, [4, 4, 1], init="uniform")
    assert [p.data for p in ours.parameters()] == [p.data for p in theirs.parameters()]
    for n in range(20):
        x = [math.sin(n + i) for i in range(3)]
        ours.zero_grad(), theirs.zero_grad()
        mine, other = ours(x), theirs(x)
        mine.backward(), other.backward()
        assert mine.data == pytest.approx(other.data, rel=1e-12, abs=1e-14)
        gradients = [p.grad for p in theirs.parameters()]
        assert [p.grad for p in ours.parameters()] == pytest.approx(gradients, rel=1e-12, abs=1e-14)


@pytest.mark.slow
def test_micrograds_demonstration_gives_what_it_gives_there():
    micrograd, values = pytest.importorskip("micrograd.nn"), pytest.importorskip("micrograd.engine")
    theirs = demo(SimpleNamespace(MLP=micrograd.MLP, Value=values.Value), 20, 10)
    ours = demo(gradstep_uniform(), 20, 10)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-9)
    assert ours[1] == theirs[1]
    assert ours[2] == pytest.approx(theirs[2], rel=1e-9, abs=1e-12)


@pytest.mark.slow
def test_micrograds_demonstration_learns():
    losses, accuracy, _ = demo(gradstep_uniform(), 40, 60)
    assert losses[-1] < 0.1 < losses[0]
    assert accuracy >= 0.95


def test_micrograds_own_spellings():
    neuron = Neuron(3)
    assert (repr(neuron), repr(Neuron(2, nonlin=False)), repr(Neuron(2, False))) == (
        "ReLUNeuron(3)",
        "LinearNeuron(2)",
        "LinearNeuron(2)",
    )
    assert repr(Layer(3, 4)) == "Layer of [4 ReLUNeuron(3)]"
    assert repr(Layer(3, 1, nonlin=False)) == "Layer of [LinearNeuron(3)]"
    model = MLP(3, [4, 4, 1])
    assert repr(model) == (
        "MLP of [Layer of [4 ReLUNeuron(3)], Layer of [4 ReLUNeuron(4)], Layer of [LinearNeuron(4)]]"
    )
    assert all(isinstance(part, Module) for part in (neuron, model, model.layers[0]))
    assert len(neuron.parameters()) == 4
    assert neuron.parameters() == [*neuron.w, neuron.b]
    assert isinstance(neuron([1.0, -2.0, 3.0]), Value)


@pytest.mark.parametrize(
    ("activation", "name"),
    [("gelu", "GELU"), ("leaky_relu", "LeakyRelu"), ("tanh", "Tanh"), (engine.sin, "Sin"), (lambda z: z, "Lambda")],
)
def test_repr_names_the_activation(activation, name):
    assert repr(Neuron(2, activation=activation)) == f"{name}Neuron(2)"


@given(st.integers(1, 5), st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_shapes(n_inputs, sizes):
    model = MLP(n_inputs, sizes, seed=0)
    widths = [n_inputs, *sizes]
    assert len(model.parameters()) == sum((a + 1) * b for a, b in pairwise(widths))
    outputs = model([0.1] * n_inputs)
    assert len(outputs) == sizes[-1] if sizes[-1] > 1 else isinstance(outputs, Value)


def test_everything_public_is_there():
    assert set(nn.__all__) <= set(dir(nn))
    assert all(getattr(nn, name).__doc__ for name in nn.__all__)

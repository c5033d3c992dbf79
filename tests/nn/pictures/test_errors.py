"""Pictures of what does not fit: one clear error that names what was given, and the model as it was."""

import re

import numpy as np
import pytest
from networks import XOR_X, XOR_Y, refused, small

from engine import Value
from nn import MLP, History, Module
from nn.pictures import (
    LiveCurves,
    TrainingStepper,
    confusion_table,
    cost_surface,
    curves,
    decision_boundary,
    descent_paths,
    first_layer,
    network,
    wanted_changes,
    worst_mistakes,
)


class Line(Module):
    """A module without neurons."""

    def __init__(self):
        self.slope, self.offset = Value(1.0), Value(0.0)

    def __call__(self, x):
        return self.slope * x[0] + self.offset


SURFACE = cost_surface(Line(), [[1.0]], [2.0], points=2)
LOGIT = {"loss": "binary_cross_entropy"}

WRONG = {
    "x too long": (lambda m: network(m, [1.0, 2.0, 3.0]), "x must have 2 numbers in each row, got 3"),
    "x of words": (lambda m: network(m, ["a", "b"]), "x must have numbers, got 'a' in row 0"),
    "target alone": (lambda m: network(m, target=1), "target: without x there is nothing to compare it with"),
    "wrong target": (
        lambda m: network(m, [1, 2], "cat"),
        "target must have numbers, got 'cat' in row 0; loss='mse' takes",
    ),
    "image shape": (lambda m: network(m, [1, 2], image_shape=(8, 8)), "image_shape: 8 x 8 is 64 pixels, but an exa"),
    "no image shape": (lambda m: network(m, image_shape=8), r"image_shape must be a pair \(rows, columns\).*got 8"),
    "names": (lambda m: network(m, input_names=["x"]), "input_names must be a list of 2"),
    "name": (lambda m: network(m, input_names="xy"), "input_names must be a list of 2"),
    "most": (lambda m: network(m, most=1), "most must be an int >= 2, got 1"),
    "loss": (lambda m: network(m, [1, 2], 1, loss="cross"), "loss must be one of .*, got 'cross'"),
    "no examples": (lambda m: wanted_changes(m, [], []), "X must have at least one example"),
    "uneven": (lambda m: wanted_changes(m, XOR_X, [1, 2]), "y must have 4 examples, as X has, got 2"),
    "too many": (
        lambda m: wanted_changes(m, [[1, 2]] * 101, [1] * 101),
        "X must have at most 100 examples, .* got 101",
    ),
    "three labels": (lambda m: wanted_changes(m, XOR_X, list("abca"), **LOGIT), "y has 3 different labels"),
    "no parameter": (
        lambda m: cost_surface(m, XOR_X, XOR_Y, along=("w", "b")),
        "along: there is no parameter 'w'; there are layers.0.neurons.0.w.0, .*, ...",
    ),
    "twice": (
        lambda m: cost_surface(m, XOR_X, XOR_Y, along=("layers.1.neurons.0.b",) * 2),
        "along must be two different parameters, got 'layers.1.neurons.0.b' twice",
    ),
    "one name": (lambda m: cost_surface(m, XOR_X, XOR_Y, along="b"), "along must be \"random\", two names .*, got 'b'"),
    "short vector": (
        lambda m: cost_surface(m, XOR_X, XOR_Y, along=([1, 2], [3, 4])),
        "along must be a vector of 13 finite",
    ),
    "no vector": (lambda m: cost_surface(m, XOR_X, XOR_Y, along=(np.zeros(13),) * 2), "not all 0"),
    "range": (lambda m: cost_surface(m, XOR_X, XOR_Y, ranges=((1, 0), (0, 1))), r"ranges: from a smaller.*\(1, 0\)"),
    "no pair": (lambda m: cost_surface(m, XOR_X, XOR_Y, ranges=(0, 1, 2)), r"ranges must be a pair, got \(0, 1, 2"),
    "points": (lambda m: cost_surface(m, XOR_X, XOR_Y, points=1), "points must be an int from 2 to 500"),
    "infinite": (
        lambda m: cost_surface(m, XOR_X, XOR_Y, points=2, ranges=((1e200, 1e201), (1e200, 1e201))),
        "ranges: the cost is finite nowhere in them",
    ),
    "rate": (lambda m: SURFACE.descend(0.0), r"learning_rate must be in \(0, inf\), got 0.0"),
    "steps": (lambda m: SURFACE.descend(0.1, steps=0), "steps must be an int >= 1, got 0"),
    "start": (lambda m: SURFACE.descend(0.1, start=(1, 2, 3)), r"start must be a pair, got \(1, 2, 3\)"),
    "far": (lambda m: SURFACE.descend(0.1, start=(1e300, 1e300)), "start: the cost is not finite at"),
    "rates": (lambda m: descent_paths(SURFACE, 0.1), "learning_rates must be a list of numbers, got 0.1"),
    "kind": (lambda m: SURFACE.picture(kind="map"), 'kind must be "contour", "3d" or "both", got \'map\''),
    "no epochs": (lambda m: curves(History()), "history: no epoch was finished"),
    "every": (lambda m: LiveCurves(every=-1), "every must be a number of seconds >= 0, got -1"),
    "not two inputs": (
        lambda m: decision_boundary(MLP(3, [1], seed=0), [[1, 2, 3]], [1]),
        "model: it takes 3 inputs, and a plane has two",
    ),
    "two numbers": (
        lambda m: decision_boundary(MLP(2, [2], seed=0), [[1, 2]], [[1, 2]]),
        "model: it gives 2 numbers for a point",
    ),
    "resolution": (lambda m: decision_boundary(m, XOR_X, XOR_Y, resolution=1), "resolution must be an int from 2"),
    "axis names": (lambda m: decision_boundary(m, XOR_X, XOR_Y, input_names="xy"), "input_names must be a list of 2"),
    "shape of weights": (lambda m: first_layer(m, (2, 2)), "image_shape: 2 x 2 is 4 pixels, but an example has 2"),
    "shape of 0": (lambda m: first_layer(m, (0, 2)), r"image_shape must be a pair \(rows, columns\)"),
    "no tiles": (lambda m: first_layer(m, (1, 2), most=0), "most must be an int >= 1, got 0"),
    "numbers": (lambda m: confusion_table(m, XOR_X, XOR_Y), "confusion_table needs a model that tells classes apart"),
    "more numbers": (lambda m: worst_mistakes(m, XOR_X, XOR_Y, (1, 2)), "worst_mistakes needs a model that tells"),
    "stepper's rate": (lambda m: TrainingStepper(m, XOR_X, XOR_Y, learning_rate=-1), "learning_rate must be in"),
    "stepper's inputs": (
        lambda m: TrainingStepper(MLP(3, [1], seed=0), [[1, 2, 3]], [1]),
        "model: it takes 3 inputs, and a plane has two",
    ),
    "nobody": (
        lambda m: TrainingStepper(m, XOR_X, XOR_Y, follow=4),
        "follow must be an int from 0 to 3, got 4",
    ),
    "stepper's names": (
        lambda m: TrainingStepper(m, XOR_X, XOR_Y, input_names=["x"]),
        "input_names must be a list of 2",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_named(case):
    call, words = WRONG[case]
    model = small()
    with refused(model, words):
        call(model)


WRONG_TYPES = {
    "no neurons": (lambda: network(Line()), "model must be made of Layers of neurons to be drawn, got Line"),
    "stepped": (lambda: TrainingStepper(Line(), XOR_X, XOR_Y), "model must be made of Layers of neurons to be drawn"),
    "first layer": (lambda: first_layer(Line(), (1, 2)), "model must be made of Layers of neurons to be drawn"),
    "no model": (lambda: wanted_changes("mlp", [[1]], [1]), "model must be a Module such as an MLP, got str 'mlp'"),
    "no history": (lambda: curves([1.0, 2.0]), r"history must be what fit\(...\) gave, got list"),
    "no axes": (lambda: network(small(), ax=3), "ax must be axes of matplotlib, got int 3"),
    "no axes for a plane": (lambda: decision_boundary(small(), XOR_X, XOR_Y, ax=3), "ax must be axes of matplotlib"),
    "no axes for a table": (lambda: confusion_table(small(), XOR_X, XOR_Y, ax="ax"), "ax must be axes of matplotlib"),
}


@pytest.mark.parametrize("case", WRONG_TYPES)
def test_what_is_something_else_is_named(case):
    call, words = WRONG_TYPES[case]
    with pytest.raises(TypeError, match=words):
        call()


def test_one_parameter_makes_no_surface():
    class Slope(Line):
        def __init__(self):
            self.slope, self.offset = Value(1.0), 0.0

    with pytest.raises(ValueError, match=re.escape("a surface lies over two parameters, and there are 1")):
        cost_surface(Slope(), [[1.0]], [1.0])


def test_a_loss_that_fails_leaves_the_model_as_it_was():
    def failing(output, target):
        raise ValueError("no loss today")

    model = small()
    model.parameters()[0].grad = 0.5
    for call in (wanted_changes, cost_surface, TrainingStepper):
        with refused(model, "no loss today"):
            call(model, XOR_X, XOR_Y, loss=failing)
        assert model.parameters()[0].grad == 0.5


def test_a_loss_that_is_a_plain_number_now_and_then_is_one_for_pictures_too():
    X, y = [[0.0, 1.0], [2.0, -1.0], [-3.0, 0.5]], [1.0, -1.0, 1.0]

    def loss(output, target):
        return max(0, 1.0 - target * output)

    def unseen(output, target):
        return max(0.0, 1.0 - target * output.data)

    model = MLP(2, [1], seed=0)
    model.fit(X, y, loss=loss, epochs=3, progress=False)
    for parameter, number in zip(model.parameters(), [0.5, 3.0, 0.0]):
        parameter.data = number
    losses = [max(0.0, 1.0 - t * (0.5 * x1 + 3.0 * x2)) for (x1, x2), t in zip(X, y)]
    assert losses[0] == 0.0 < max(losses)
    changes = wanted_changes(model, X, y, loss=loss)
    assert changes.losses == pytest.approx(losses)
    assert changes.changes[:, 0].tolist() == [0.0, 0.0, 0.0]
    surface = cost_surface(model, X, y, loss=loss, along="random", points=3)
    assert surface.costs[1, 1] == pytest.approx(sum(losses) / 3)
    assert surface.descend(0.01, steps=2).costs[-1] < sum(losses) / 3
    assert TrainingStepper(model, X, y, loss=loss).forward().cost < sum(losses) / 3
    network(model, [0.0, 1.0], target=1.0, loss=loss)
    with pytest.raises(TypeError, match="the loss must give a Value made of the outputs, got float"):
        wanted_changes(model, X, y, loss=unseen)
    for picture in (lambda: wanted_changes(model, X, y), lambda: network(model, [0.0, 1.0], target=1.0)):
        with pytest.raises(ValueError, match="loss must be given again: the model was trained with a loss of your own"):
            picture()

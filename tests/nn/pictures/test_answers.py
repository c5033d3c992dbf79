"""Pictures of models with several answers, and of targets that are probabilities: drawn, or refused in a sentence."""

import math

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.text import Text

from nn import MLP, Layer
from nn.pictures import (
    TrainingStepper,
    confusion_table,
    cost_surface,
    decision_boundary,
    descent_paths,
    network,
    wanted_changes,
    worst_mistakes,
)
from nn.pictures.comparison import compared
from nn.pictures.style import number

X = np.random.default_rng(0).normal(size=(12, 2))
ANSWERS = (X > 0.0) * 1.0
SHARES = np.abs(X) / np.abs(X).sum(axis=1, keepdims=True)


def trained(y, loss, n_outputs=2, **options):
    model = MLP(2, [n_outputs], seed=0)
    model.fit(X, y, loss=loss, epochs=2, seed=0, progress=False, **options)
    return model


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.fixture(scope="module")
def model():
    return trained(ANSWERS, "binary_cross_entropy", classes=["left", "right"])


@pytest.mark.parametrize(
    ("draw", "what"),
    [
        (confusion_table, "confusion_table"),
        (decision_boundary, "a picture of the plane"),
        (TrainingStepper, "a picture of the plane"),
        (lambda model, X, y: worst_mistakes(model, X, y, (1, 2)), "worst_mistakes"),
    ],
)
def test_what_shows_one_class_is_refused(model, draw, what):
    with pytest.raises(ValueError, match=f"{what} needs a model that says one class, but this one answers 2 questions"):
        draw(model, X, ANSWERS)


def test_a_number_of_up_to_six_digits_before_the_point_has_all_of_these():
    """A target of 1234 is no 1e+03."""
    shown = {1234.4: "1234", -123456.0: "−123456", 1e6: "1e+06", 12.34: "12.3", 0.001234: "0.00123"}
    assert {x: number(x) for x in [*shown, math.inf]} == shown | {math.inf: "inf"}
    layer = Layer(2, 1, seed=0)
    shown = texts(network(layer, [0.0, 0.0], 1234.4, loss="mse"))
    assert {"1234", "▲ 2469"} <= set(shown)


def test_a_network_shows_all_answers(model):
    x, target = X[0].tolist(), ANSWERS[0].tolist()
    shown = texts(network(model, x, target))
    assert {"left", "right", "as a\nprobability", "should\nbe"} <= set(shown)
    assert not any("says" in text for text in shown)
    assert not any("says" in text for text in texts(network(model, x)))
    outputs = [output.data for output in model(x)]
    found = compared(outputs, target, model.loss, lambda z, t: (z[0] - t[0]) ** 2 + (z[1] - t[1]) ** 2, model.classes)
    assert found.wanted == target
    assert found.probabilities == pytest.approx([1 / (1 + np.exp(-z)) for z in outputs])
    assert (found.said, found.right) == (None, None)


def test_changes_wanted_by_answers(model):
    changes = wanted_changes(model, X, ANSWERS)
    assert changes.headings == [f"#{i}" for i in range(12)]
    surface = cost_surface(model, X, ANSWERS, points=3)
    assert descent_paths(surface, [0.1], steps=2)
    with pytest.raises(ValueError, match="y must"):
        wanted_changes(model, X, ANSWERS[:, 0])


@pytest.mark.parametrize(("y", "loss", "n_outputs"), [(SHARES, "cross_entropy", 2), (SHARES[:, 0], "bce", 1)])
def test_targets_that_are_probabilities(y, loss, n_outputs):
    model = trained(y, loss, n_outputs)
    picture = network(model, X[0], y[0])
    assert any("says" in text for text in texts(picture))
    stepper = TrainingStepper(model, X, y)
    shares = [y[0]] if n_outputs == 1 else y[0]
    for figure in (picture, stepper.picture()):
        assert {number(float(share)) for share in shares} <= set(texts(figure))
    for draw in (confusion_table, decision_boundary, wanted_changes):
        draw(model, X, y)


def test_numbers_of_two_outputs():
    model = trained(2.0 * X, "mse")
    network(model, X[0], 2.0 * X[0])
    wanted_changes(model, X, 2.0 * X)
    for draw in (decision_boundary, TrainingStepper):
        with pytest.raises(ValueError, match="it gives 2 numbers for a point, and one can be drawn as a shade"):
            draw(model, X, 2.0 * X)
    with pytest.raises(ValueError, match="confusion_table needs a model that tells classes apart"):
        confusion_table(model, X, 2.0 * X)


def test_a_loss_may_change_its_lists():
    def turned(outputs, target):
        outputs.reverse()
        target.reverse()
        return sum((z - t) ** 2 for z, t in zip(outputs, target))

    found = compared([1.0, 2.0], [3.0, 7.0], "own", turned, None)
    assert (found.changes, found.wanted) == ([4.0, 10.0], [3.0, 7.0])

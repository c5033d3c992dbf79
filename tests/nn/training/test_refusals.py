"""What fit does not take is refused before any weight, loss or class has changed; and training that diverges."""

import math

import numpy as np
import pandas as pd
import pytest
from networks import XOR_X, XOR_Y, condition, refused, small

from engine import Value
from nn import MLP, SGD, Adam, EarlyStopping, ReduceOnPlateau

REFUSALS = [  # what is given to fit beside X, y, loss="hinge", and the words
    ({"X": [[0.0], [1.0]]}, "X must have 2 numbers in each row, got 1"),
    ({"X": [[0.0, 1.0, 2.0]] * 4}, "X must have 2 numbers in each row, got 3"),
    ({"X": [0.0, 1.0, 1.0, 0.0]}, r"X must have the shape \(n_examples, 2\), got \(4,\)"),
    ({"X": [[0.0, 1.0], [2.0]]}, "X must have rows of one length, got 1 in row 1 and 2 in row 0"),
    ({"X": [[0.0, math.nan], *XOR_X[1:]]}, "X must have finite numbers, got nan in row 0, column 1"),
    ({"X": [[0.0, 1.0], [-math.inf, 0.0], *XOR_X[2:]]}, "X must have finite numbers, got -inf in row 1, column 0"),
    ({"X": [["a", "b"]] * 4}, "X must have numbers, got 'a' in row 0"),
    ({"X": [[0.0, "1"], *XOR_X[1:]]}, "X must have numbers, got '1' in row 0, column 1"),
    ({"X": [[0.0, None], *XOR_X[1:]]}, "X must have numbers, got None in row 0"),
    ({"X": pd.DataFrame({"a": [1] * 4, "b": list("wxyz")})}, "X must have numbers, got 'w' in row 0, column 1"),
    ({"X": [], "y": []}, "X must have at least one example, got none"),
    ({"X": np.empty((0, 2)), "y": []}, "X must have at least one example"),
    ({"X": None}, "X must be rows of numbers, got NoneType None"),
    ({"X": "digits"}, "X must be rows of numbers, got str 'digits'"),
    ({"y": [0, 1, 1]}, "y must have 4 examples, as X has, got 3"),
    ({"y": [0, 1, 1, 0, 0]}, "y must have 4 examples, as X has, got 5"),
    ({"y": []}, "y must have at least one example"),
    ({"y": [0, 1, 2, 0]}, "y has 3 different labels, but one output tells two classes apart"),
    ({"y": [0, 1, math.nan, 0]}, "y must have strings or finite numbers as labels, got nan in row 2"),
    ({"y": [0, 1, None, 0]}, "y must have .*, got None in row 2"),
    ({"y": ["a", 1, "a", 1]}, "y must have labels that are all strings or all numbers, got both"),
    ({"y": None}, "y must be a list of labels, got NoneType"),
    (
        {"y": ["no", "yes", "no", "yes"], "loss": "mse"},
        "y must have numbers, got 'no' in row 0; loss='mse' takes numbers: for labels",
    ),
    ({"y": list("abba"), "loss": "mse"}, "y must have numbers, got 'a' in row 0; loss='mse' takes numbers: for labels"),
    (
        {"y": np.array(list("abba")), "loss": "mse"},
        "y must have numbers, got 'a' in row 0; .* takes numbers: for labels",
    ),
    ({"y": [0.0, math.nan, 1.0, 1.0], "loss": "mse"}, "y must have finite numbers, got nan in row 1, column 0$"),
    ({"y": [[0.0], [1.0, 2.0], [1.0], [1.0]], "loss": "mse"}, "y must have rows of one length, got [^;]*$"),
    (
        {"loss": "cross_entropy"},
        "cross_entropy must be used with an output for each class, got one output: use",
    ),
    ({"loss": "huge"}, "loss must be one of mse, mae, huber, .*, or a function, got 'huge'; did you mean 'huber'"),
    ({"loss": ["mse"]}, r"loss must be one of .*, got \['mse'\]"),
    ({"optimizer": "lbfgs"}, "optimizer must be one of sgd, adam, adamw, .* got 'lbfgs'"),
    ({"optimizer": Adam}, "optimizer must be .* got <class"),
    ({"learning_rate": -0.1}, r"learning_rate must be in \[0, inf\), got -0\.1"),
    ({"learning_rate": math.nan}, "learning_rate must be .* got nan"),
    ({"learning_rate": "0.1"}, "learning_rate must be a number, got str '0.1'"),
    ({"learning_rate": lambda step: -step - 1.0}, "learning_rate must be .* got -1"),
    ({"learning_rate": 0.1, "optimizer": SGD()}, "learning_rate must be given to the SGD that you made"),
    ({"epochs": -1}, "epochs must be an int >= 0, got -1"),
    ({"epochs": 2.0}, r"epochs must be an int >= 0, got 2\.0"),
    ({"epochs": "10"}, "epochs must be an int >= 0, got '10'"),
    ({"early_stopping": 0}, "early_stopping must be an int >= 1, got 0"),
    ({"epochs": True}, "epochs must be an int >= 0, got True"),
    ({"batch_size": 0}, "batch_size must be an int >= 1, got 0"),
    ({"batch_size": -3}, "batch_size must be an int >= 1, got -3"),
    ({"batch_size": "32"}, "batch_size must be an int >= 1, got '32'"),
    ({"batch_size": math.inf}, "batch_size must be an int >= 1, got inf"),
    ({"seed": "one"}, "seed must be an int or None, got .*one"),
    ({"seed": [1]}, "seed must be an int or None"),
    ({"callbacks": print}, r"callbacks must be a list of functions \(model, history\), got <built-in"),
    ({"callbacks": [EarlyStopping(3)]}, "callbacks must have no EarlyStopping; give it as early_stopping="),
    ({"callbacks": [ReduceOnPlateau(0.1)]}, "callbacks must have no ReduceOnPlateau; give it as learning_rate="),
    ({"callbacks": [EarlyStopping]}, "callbacks must have no EarlyStopping; give it as early_stopping="),
    ({"callbacks": [dict]}, r"callbacks must have no class, got dict; write dict\(\)"),
    ({"callbacks": dict}, r"callbacks must have no class, got dict; write dict\(\)"),
    ({"callbacks": ["print"]}, r"callbacks must be a list of functions .* got \['print'\]"),
    ({"validation_data": XOR_X}, r"validation_data must be a pair \(X, y\), got"),
    ({"validation_data": (XOR_X,)}, "validation_data must be a pair"),
    ({"validation_data": (XOR_X, XOR_Y, XOR_Y)}, "validation_data must be a pair"),
    ({"validation_data": 0.2}, "validation_data must be a pair .* got 0.2"),
    ({"validation_data": "ab"}, "validation_data must be a pair .* got 'ab'"),
    ({"validation_data": ([[1.0]], [1])}, "validation X must have 2 numbers in each row, got 1"),
    (
        {"validation_data": ([[1.0, math.nan]], [1])},
        "validation X must have finite numbers, got nan in row 0, column 1",
    ),
    ({"validation_data": (XOR_X, [0, 1])}, "validation y must have 4 examples, as validation X has, got 2"),
    ({"validation_data": (XOR_X, [0, 1, 2, 0])}, "validation y must be made of the classes 0, 1, got 2 in row 2"),
    ({"validation_data": ([], [])}, "validation X must have at least one example"),
    ({"validation_data": (XOR_X, None)}, "validation y must be a list of labels, got NoneType"),
]


@pytest.mark.parametrize(("given", "words"), REFUSALS)
@pytest.mark.parametrize("trained", [False, True], ids=["new", "trained"])
def test_nothing_changes_where_something_does_not_fit(given, words, trained):
    model = small()
    if trained:
        model.fit(XOR_X, [0.5, 1.0, 1.5, 0.0], epochs=1, progress=False)
    options = {"X": XOR_X, "y": XOR_Y, "loss": "hinge", "epochs": 1, "progress": False, **given}
    with refused(model, words):
        model.fit(options.pop("X"), options.pop("y"), **options)


def test_labels_that_a_trained_model_does_not_know_change_nothing():
    model = small()
    model.fit(XOR_X, list("abba"), loss="hinge", epochs=1, progress=False)
    with refused(model, "y must be made of the classes 'a', 'b', got 'c' in row 0"):
        model.fit(XOR_X, list("cbba"), loss="hinge", epochs=1, progress=False)


def test_more_classes_than_outputs_change_nothing():
    model = small(2)
    with refused(model, "y has 3 different labels, but the model has 2 outputs"):
        model.fit(XOR_X, [0, 1, 2, 0], loss="cross_entropy", progress=False)
    with refused(model, "binary_cross_entropy must be used with one output"):
        model.fit(XOR_X, XOR_Y, loss="binary_cross_entropy", progress=False)
    with refused(model, "y must have 2 numbers an example, one for each output, got one"):
        model.fit(XOR_X, [1.0, 2.0, 3.0, 4.0], progress=False)


@pytest.mark.parametrize("loss", [lambda output, target: output.data, lambda output, target: None])
def test_a_loss_that_gives_no_value_changes_no_weights(loss):
    model = small()
    weights = condition(model)[0]
    with pytest.raises(TypeError, match=r"the loss must give a Value made of the outputs, got (float|NoneType)"):
        model.fit(XOR_X, XOR_Y, loss=loss, progress=False)
    assert condition(model)[0] == weights


# ----------------------------------------------------------------------------------------------- training that diverges


@pytest.mark.parametrize(
    ("X", "y", "options", "words"),
    [
        (XOR_X, [0.0, 1.0, 1.0, 5.0], {"optimizer": "sgd", "learning_rate": 1e6}, "is too large for a float"),
        ([[1e200, -1e200], [-1e200, 1e200]], [1.0, 2.0], {}, "too large for a float|overflow"),
        (XOR_X, [1e200] * 4, {}, "too large for a float"),
        ([[1.0, 1e100]] * 4, [1e50] * 4, {"optimizer": "adam"}, "overflow"),
        (XOR_X, [1.0] * 4, {"loss": lambda output, target: output * math.nan}, "the loss is nan"),
        (XOR_X, [1.0] * 4, {"loss": lambda output, target: output * math.inf}, "the loss is -?inf"),
        (XOR_X, [1.0] * 4, {"loss": lambda output, target: (output * 0 - 1).log()}, None),
    ],
)
def test_it_says_when_and_what_to_do_and_leaves_finite_weights(X, y, options, words):
    model = MLP(2, [3, 1], seed=0)
    if words is None:  # a mistake of the loss, and no running away
        with pytest.raises(ValueError, match="log"):
            model.fit(X, y, epochs=60, progress=False, seed=0, **options)
        return
    with pytest.raises(
        FloatingPointError,
        match=rf"training diverged in epoch \d+, step \d+ \(.*({words}).*\); try a smaller learning rate, or inputs",
    ):
        model.fit(X, y, epochs=60, progress=False, seed=0, **options)
    assert all(math.isfinite(p.data) for p in model.parameters())


def test_the_step_that_is_told_is_the_one_that_failed():
    model, steps = small(), []

    def loss(output, target):
        steps.append(target)
        return output * (math.nan if len(steps) == 6 else 1.0)

    with pytest.raises(FloatingPointError, match=r"in epoch 2, step 3 \(the loss is nan\)"):
        model.fit(XOR_X, XOR_Y, loss=loss, epochs=5, batch_size=2, progress=False, replay=False)


def test_a_gradient_that_runs_away_is_told_in_its_own_step():
    model = small()
    weights = condition(model)[0]

    def steep(output, target):
        return (output - output.detach()).sqrt() + 1.0  # a finite loss whose derivative is infinite

    with pytest.raises(FloatingPointError, match=r"in epoch 1, step 1 \("):
        model.fit(XOR_X, XOR_Y, loss=steep, epochs=5, progress=False)
    assert condition(model)[0] == weights


def test_a_value_may_not_be_a_model():
    with pytest.raises(AttributeError):
        Value(1.0).fit(XOR_X, XOR_Y)

"""fit, predict, score: what is learnt, in which steps, from which kinds of data, and what is shown."""

import io
import math
import random

import numpy as np
import pandas as pd
import pytest
from networks import XOR_X, XOR_Y, condition, small

from engine import Value
from nn import MLP, SGD, Adam, AdamW, History, Module, Neuron, binary_cross_entropy, cross_entropy, hinge, mse
from nn.data import moons

QUIET = {"progress": False, "seed": 0}
LETTERS = [[0.0, 0.0], [0.0, 3.0], [3.0, 0.0], [3.0, 3.0], [0.1, 0.2], [2.9, 0.1]]


# ------------------------------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize(
    ("loss", "n_outputs", "y"),
    [
        ("binary_cross_entropy", 1, [0, 1, 1, 0]),
        ("hinge", 1, [-1, 1, 1, -1]),
        ("hinge", 2, ["even", "odd", "odd", "even"]),
        ("cross_entropy", 2, ["even", "odd", "odd", "even"]),
        ("cross_entropy", 3, [5, 9, 7, 5]),
        (binary_cross_entropy, 1, ["a", "b", "b", "a"]),
    ],
)
def test_classes_are_learnt(loss, n_outputs, y):
    model = MLP(2, [8, n_outputs], activation="tanh", seed=1)
    history = model.fit(XOR_X, y, loss=loss, learning_rate=0.05, epochs=120, batch_size=4, **QUIET)
    assert model.predict(XOR_X) == y
    assert model.score(XOR_X, y) == history.accuracy[-1] == 1.0
    assert model.classes == sorted(set(y))
    assert history.loss[-1] < 0.2 < history.loss[0]


def test_numbers_are_learnt():
    X = [[x / 4] for x in range(-8, 9)]
    y = [math.sin(x) for (x,) in X]
    model = MLP(1, [8, 1], activation="tanh", seed=0)
    history = model.fit(X, y, learning_rate=0.02, epochs=300, **QUIET)
    assert history.loss[-1] < 0.002
    assert model.score(X, y) > 0.99
    assert model.predict([[1.0]])[0] == pytest.approx(math.sin(1.0), abs=0.1)
    assert history.accuracy == []
    assert model.classes is None


def test_several_numbers_are_learnt():
    model = MLP(2, [2], seed=0)
    y = [[1.0, 0.0], [2.0, 1.0], [0.0, 5.0], [1.0, 6.0]]
    history = model.fit(XOR_X, y, loss=mse, optimizer="sgd", learning_rate=0.2, epochs=200, batch_size=4, **QUIET)
    assert history.loss[-1] < 1e-4
    assert np.array(model.predict(XOR_X)) == pytest.approx(np.array(y), abs=0.05)


def test_a_loss_of_ones_own():
    def absolute(output, target):
        return abs(output - target)

    model = Neuron(1, activation="linear")
    model.fit([[0], [1], [2], [9]], [0, 2, 4, 18], loss=absolute, learning_rate=0.05, epochs=200, **QUIET)
    assert model.w[0].data == pytest.approx(2.0, abs=0.1)
    assert model.loss == "absolute"
    assert model.score([[0], [1]], [0, 2]) > 0.9


def test_two_moons_are_told_apart():
    data = moons(100, seed=0)
    model = MLP(2, [8, 8, 1], seed=0)
    model.fit(data.X, data.y, loss="binary_cross_entropy", learning_rate=0.02, epochs=40, batch_size=20, **QUIET)
    test = moons(100, seed=1)
    assert model.score(test.X, test.y) >= 0.95


# -------------------------------------------------------------------------------------------------------- steps by hand


@pytest.mark.parametrize("loss", [binary_cross_entropy, hinge, mse])
def test_a_step_is_the_one_written_by_hand(loss):
    fitted, by_hand = small(), small()
    targets = [2 * y - 1 for y in XOR_Y] if loss is hinge else XOR_Y
    history = fitted.fit(XOR_X, XOR_Y, loss=loss, optimizer=SGD(learning_rate=0.1), epochs=1, batch_size=4, **QUIET)
    mean = sum(loss(by_hand(x), target) for x, target in zip(XOR_X, targets)) / 4
    by_hand.zero_grad()
    mean.backward()
    for p in by_hand.parameters():
        p.data -= 0.1 * p.grad
    assert history.loss == [pytest.approx(mean.data, rel=1e-14)]
    pairs = list(zip(fitted.parameters(), by_hand.parameters()))
    assert [p.grad for p, _ in pairs] == pytest.approx([p.grad for _, p in pairs], rel=1e-12, abs=1e-15)
    assert [p.data for p, _ in pairs] == pytest.approx([p.data for _, p in pairs], rel=1e-13)


def test_every_batch_is_a_step_and_the_last_may_be_smaller():
    model, by_hand, seen = small(), small(), []

    def loss(output, target):
        seen.append(target)
        return (output - target) ** 2

    y = [0.0, 1.0, 2.0, 3.0, 4.0]
    X = [[t, -t] for t in y]
    optimizer = SGD(learning_rate=0.01)
    model.fit(X, y, loss=loss, optimizer=optimizer, epochs=2, batch_size=2, replay=False, **QUIET)
    assert optimizer.steps == 6  # 2 + 2 + 1, twice
    assert sorted(seen[:5]) == sorted(seen[5:]) == y
    assert seen[:5] != seen[5:]  # another order
    for place, size in ((0, 2), (2, 2), (4, 1), (5, 2), (7, 2), (9, 1)):
        by_hand.zero_grad()
        for target in seen[place : place + size]:
            ((by_hand([target, -target]) - target) ** 2).backward(1.0 / size)
        for p in by_hand.parameters():
            p.data -= 0.01 * p.grad
    assert [p.data for p in model.parameters()] == pytest.approx([p.data for p in by_hand.parameters()], rel=1e-12)


def test_history_is_the_mean_over_the_epoch_and_of_the_validation_after_it():
    model = small()
    X, y = LETTERS[:4], list("abba")
    told = []
    history = model.fit(
        *(X, y),
        loss="binary_cross_entropy",
        validation_data=(LETTERS[4:], list("ab")),
        optimizer=SGD(learning_rate=0.0),
        epochs=2,
        batch_size=3,
        callbacks=[lambda model, history: told.append((history.epochs, dict(history.last())))],
        **QUIET,
    )
    losses = [binary_cross_entropy(model(x), "ab".index(label)).data for x, label in zip(X, y)]
    assert history.loss == [pytest.approx(sum(losses) / 4, rel=1e-12)] * 2
    assert history.accuracy == [model.score(X, y)] * 2
    held_out = [binary_cross_entropy(model(x), "ab".index(label)).data for x, label in zip(LETTERS[4:], "ab")]
    assert history.validation_loss == [pytest.approx(sum(held_out) / 2, rel=1e-12)] * 2
    assert history.validation_accuracy == [model.score(LETTERS[4:], list("ab"))] * 2
    assert [epochs for epochs, _ in told] == [1, 2] == list(range(1, history.epochs + 1))
    assert told[-1][1] == history.last()
    assert set(history.last()) == {"loss", "accuracy", "validation_loss", "validation_accuracy"}


def test_validation_changes_no_weights():
    plain, watched = small(), small()
    plain.fit(XOR_X, XOR_Y, loss="hinge", epochs=3, **QUIET)
    watched.fit(XOR_X, XOR_Y, loss="hinge", epochs=3, validation_data=([[9, 9]], [1]), **QUIET)
    assert condition(plain) == condition(watched)


# ------------------------------------------------------------------------------------------------------------ repeating


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_the_same_seed_gives_the_same_to_the_last_bit(optimizer):
    def run(seed):
        model = small()
        options = {"optimizer": optimizer, "learning_rate": 0.1, "epochs": 5, "batch_size": 2}
        history = model.fit(LETTERS, list("abbaab"), loss="hinge", **options, seed=seed, progress=False)
        return condition(model), history

    random.seed(3)
    state = random.getstate()
    assert run(4) == run(4) == run(np.int64(4))
    assert run(4) != run(5)
    assert random.getstate() == state


def test_without_a_seed_pythons_random_orders_the_examples():
    def run():
        model = small()
        model.fit(LETTERS, list("abbaab"), loss="hinge", epochs=3, batch_size=2, progress=False)
        return condition(model)

    random.seed(6)
    first = run()
    assert run() != first
    random.seed(6)
    assert run() == first


def test_training_may_go_on():
    once, twice = small(), small()
    optimizer = Adam(learning_rate=0.05)
    once.fit(XOR_X, XOR_Y, loss="hinge", optimizer=Adam(learning_rate=0.05), epochs=6, batch_size=4, **QUIET)
    for _ in range(2):
        twice.fit(XOR_X, XOR_Y, loss="hinge", optimizer=optimizer, epochs=3, batch_size=4, **QUIET)
    assert optimizer.steps == 6  # the same optimizer goes on where it was
    assert [p.data for p in twice.parameters()] == pytest.approx([p.data for p in once.parameters()], rel=1e-9)
    other = small()
    other.fit(XOR_X, XOR_Y, loss="hinge", optimizer=optimizer, epochs=1, batch_size=4, **QUIET)
    assert optimizer.steps == 1  # and starts anew with another model
    assert condition(other) != condition(small())


def test_an_optimizer_of_some_parameters_trains_these_alone():
    model = small()
    first, last = model.layers[0].state_dict(), model.layers[1].state_dict()
    model.fit(XOR_X, XOR_Y, loss="hinge", optimizer=SGD(model.layers[1].parameters()), epochs=1, **QUIET)
    assert model.layers[0].state_dict() == first
    assert model.layers[1].state_dict() != last


def test_classes_are_kept_between_trainings():
    model = small(3)
    model.fit(LETTERS[:3], ["x", "y", "z"], loss="cross_entropy", epochs=1, **QUIET)
    model.fit(LETTERS[:2], ["z", "y"], loss="hinge", epochs=1, **QUIET)
    assert (model.classes, model.loss) == (["x", "y", "z"], "hinge")
    model.fit(LETTERS[:1], [[1.0, 2.0, 3.0]], loss="mse", epochs=1, **QUIET)
    assert (model.classes, model.loss) == (None, "mse")
    assert len(model.predict(LETTERS[:1])[0]) == 3


def test_the_loss_is_kept_between_trainings(tmp_path):
    model = MLP(2, [3, 1], seed=0)
    assert model.fit(XOR_X, XOR_Y, loss="bce", epochs=1, **QUIET).accuracy
    model.save(tmp_path / "model.json")
    again = MLP.load(tmp_path / "model.json")
    assert again.fit(XOR_X, XOR_Y, epochs=1, **QUIET).loss == model.fit(XOR_X, XOR_Y, epochs=1, **QUIET).loss
    assert (again.loss, again.classes) == (model.loss, model.classes) == ("binary_cross_entropy", [0, 1])
    assert model.fit(XOR_X, XOR_Y, loss="mse", epochs=1, **QUIET).accuracy == []
    model.fit(XOR_X, XOR_Y, loss=lambda z, t: (z - t) ** 4, epochs=1, **QUIET)
    model.loss = "bce"
    assert model.fit(XOR_X, XOR_Y, epochs=1, **QUIET).accuracy
    model.loss = "quartic"
    with pytest.raises(ValueError, match="loss must be given again: the model was trained with a loss of your own"):
        model.fit(XOR_X, XOR_Y, epochs=1, **QUIET)


@pytest.mark.parametrize("name", ["bce", "mse", "mean_squared_error"])
def test_a_loss_of_ones_own_is_not_taken_for_one_of_its_name(name):
    def own(z, t):
        return (z - t) ** 4

    own.__name__ = name
    model = MLP(2, [3, 1], seed=0)
    model.fit(XOR_X, XOR_Y, loss=own, epochs=1, **QUIET)
    assert model.loss == f"{name} of your own"
    with pytest.raises(ValueError, match=f"trained with a loss of your own, '{name} of your own'; pass loss="):
        model.fit(XOR_X, XOR_Y, epochs=1, **QUIET)


def test_learning_rates_and_optimizers_in_every_form():
    def run(**options):
        model = small()
        model.fit(XOR_X, XOR_Y, loss="hinge", epochs=2, batch_size=2, **options, **QUIET)
        return condition(model)

    assert run() == run(optimizer="adam") == run(optimizer="Adam", learning_rate=0.001) == run(optimizer=Adam())
    assert run(optimizer="sgd", learning_rate=lambda step: 0.5 / (1 + step)) == run(
        optimizer=SGD(learning_rate=lambda step: 0.5 / (1 + step))
    )
    assert run(optimizer="adamw") == run(optimizer=AdamW(weight_decay=0.01)) != run(optimizer="adam")
    assert run(optimizer="sgd", learning_rate=0) == (*condition(small())[:1], "hinge", [0, 1])


# -------------------------------------------------------------------------------------------------------- kinds of data

FRAME = pd.DataFrame(XOR_X, columns=["a", "b"], index=[4, 2, 9, 1])


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (tuple(map(tuple, XOR_X)), tuple(XOR_Y)),
        (np.array(XOR_X), np.array(XOR_Y)),
        (np.array(XOR_X, dtype=np.float32), np.array(XOR_Y, dtype=np.float32)),
        (np.array(XOR_X, dtype=int), np.array(XOR_Y, dtype=np.uint8)),
        (np.array(XOR_X, dtype=object), np.array(XOR_Y, dtype=object)),
        (np.array(XOR_X, dtype=bool), np.array(XOR_Y, dtype=bool)),
        (FRAME, pd.Series(XOR_Y, index=[1, 1, 1, 1])),
        (FRAME.astype("Int64"), pd.DataFrame({"y": XOR_Y})),
        ([[Value(a), b] for a, b in XOR_X], [float(y) for y in XOR_Y]),
    ],
)
def test_the_kind_of_container_makes_no_difference(X, y):
    plain, other = small(), small()
    options = {"loss": "binary_cross_entropy", "epochs": 3, "batch_size": 2, **QUIET}
    assert plain.fit(XOR_X, XOR_Y, **options) == other.fit(X, y, validation_data=None, **options)
    assert condition(plain) == condition(other)
    assert plain.predict(XOR_X) == other.predict(X)
    assert plain.score(XOR_X, XOR_Y) == other.score(X, y)


def test_numbers_to_meet_come_in_every_container():
    options = {"epochs": 2, **QUIET}
    for y in (np.array(XOR_Y), pd.Series(XOR_Y), [[t] for t in XOR_Y], np.array(XOR_Y).reshape(-1, 1)):
        plain, other = small(), small()
        assert plain.fit(XOR_X, XOR_Y, **options) == other.fit(XOR_X, y, **options)
        assert condition(plain) == condition(other)


# ---------------------------------------------------------------------------------------------------- predict and score


def test_predictions_are_the_labels_themselves():
    model = small(3)
    model.fit(LETTERS[:3], ["x", "y", "z"], loss="cross_entropy", epochs=1, **QUIET)
    outputs = [[v.data for v in model(x)] for x in LETTERS]
    assert model.predict(LETTERS) == ["xyz"[int(np.argmax(row))] for row in outputs]
    assert model.predict([]) == []


def test_an_untrained_model_predicts_its_outputs():
    assert small().predict(XOR_X) == [small()(x).data for x in XOR_X]
    assert small(2).predict(XOR_X) == [[v.data for v in small(2)(x)] for x in XOR_X]


@pytest.mark.parametrize("X", [[0.0, 1.0], [[0.0, 1.0, 2.0]], [["a", "b"]], [[math.nan, 1.0]], None])
def test_predict_refuses_what_is_no_table(X):
    with pytest.raises(ValueError, match=r"^X must "):
        small().predict(X)


def test_score_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    X, labels, numbers = rng.normal(size=(30, 2)), rng.integers(0, 3, 30), rng.normal(size=(30, 3))
    model = small(3)
    assert model.score(X, numbers) == pytest.approx(metrics.r2_score(numbers, model.predict(X)), rel=1e-12)
    one = small()
    assert one.score(X, numbers[:, 0]) == pytest.approx(metrics.r2_score(numbers[:, 0], one.predict(X)), rel=1e-12)
    model.fit(X, labels, loss=cross_entropy, epochs=1, **QUIET)
    assert model.score(X, labels) == pytest.approx(metrics.accuracy_score(labels, model.predict(X)))


class Two(Module):
    def __init__(self):
        self.two = Value(2.0)

    def __call__(self, x):
        return self.two * 1.0


@pytest.mark.parametrize(("y", "score"), [([2.0, 2.0], 1.0), ([3.0, 3.0], 0.0)])
def test_score_of_targets_that_are_all_equal_is_scikit_learns(y, score):
    assert Two().score([[0.0]] * len(y), y) == score


def test_score_of_one_number_is_not_defined():
    assert math.isnan(Two().score([[0.0]], [2.0]))


def test_score_refuses_what_does_not_fit():
    model = small()
    model.fit(XOR_X, XOR_Y, loss="hinge", epochs=1, **QUIET)
    for X, y, words in (
        (XOR_X, [0, 1], "y must have 4 examples, as X has, got 2"),
        (XOR_X, [0, 1, 2, 0], "y must be made of the classes 0, 1, got 2 in row 2"),
        ([], [], "X must have at least one example"),
    ):
        with pytest.raises(ValueError, match=words):
            model.score(X, y)


# ----------------------------------------------------------------------------------------------- progress and callbacks


def test_the_progress_bar_is_on_standard_error_and_shows_loss_and_accuracy(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    model = small()
    history = model.fit(XOR_X, XOR_Y, loss="hinge", epochs=3, batch_size=2, validation_data=(XOR_X, XOR_Y), seed=0)
    out, err = capsys.readouterr()
    assert out == ""
    last = err.split("\r")[-1]
    assert "epoch 3/3" in last
    assert "6/6" in last
    for name, number in history.last().items():
        assert f"{name}={number:.3g}" in last


def test_the_progress_bar_of_a_notebook_is_on_standard_output(monkeypatch):
    class Stream(io.StringIO):
        __module__ = "ipykernel.iostream"

    out, err = Stream(), Stream()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    small().fit(XOR_X, XOR_Y, loss="hinge", epochs=3, seed=0)
    assert err.getvalue() == "", "which notebooks show in red"
    assert "epoch 3/3" in out.getvalue()


def test_without_progress_nothing_is_shown(capsys):
    small().fit(XOR_X, XOR_Y, loss="hinge", epochs=2, progress=False)
    assert capsys.readouterr() == ("", "")


def test_no_epochs_change_no_weights():
    model = small()
    weights = condition(model)[0]
    assert model.fit(XOR_X, XOR_Y, loss="hinge", epochs=0, **QUIET) == History()
    assert condition(model)[0] == weights


def test_a_callback_that_returns_true_ends_the_training():
    told = []
    callbacks = [lambda model, history: history.epochs == 2, lambda model, history: told.append(model)]
    model = small()
    history = model.fit(XOR_X, XOR_Y, loss="hinge", epochs=9, callbacks=callbacks, **QUIET)
    assert history.epochs == 2
    assert history.interrupted
    assert told == [model, model]
    history = model.fit(XOR_X, XOR_Y, loss="hinge", epochs=2, callbacks=(lambda *_: 1, lambda *_: None), **QUIET)
    assert (history.epochs, history.interrupted) == (2, False)


@pytest.mark.parametrize("held", [np.array, lambda rows: np.array(rows, np.float32), pd.DataFrame])
@pytest.mark.parametrize("how", [{"replay": True}, {"replay": False}, {"dtype": "float32"}])
@pytest.mark.parametrize(
    "loss", ["mse", mse, lambda outputs, target: (outputs - target) ** 2 + 0.0 * max(outputs, 0.0)]
)
def test_a_callback_that_changes_the_examples_changes_no_training(held, how, loss):
    def weights(*callbacks):
        X, y, model = held(XOR_X), np.array(XOR_Y, float), small()
        data = {"X": X, "y": y, "validation_data": (X, y)}
        callbacks = [lambda *_, change=change: change(X, y) for change in callbacks]
        history = model.fit(**data, loss=loss, epochs=3, batch_size=2, callbacks=callbacks, **how, **QUIET)
        return [*model.state_dict().values(), *history.loss, *history.validation_loss]

    def change(X, y):
        X *= 7.0
        y *= 3.0

    assert weights(change) == weights()


@pytest.mark.parametrize("replay", [None, False])
@pytest.mark.parametrize(("loss", "said"), [("mse", "too large for a float"), ("mae", "the loss is inf")])
def test_a_validation_loss_that_is_not_finite_ends_training_in_words(loss, said, replay):
    model = MLP(1, [1], seed=0)
    far = [[1e308 if loss == "mae" else 1e200]], [-1.7e308]
    model.parameters()[0].data = 1.5
    options = {"loss": loss, "validation_data": far, "epochs": 2, "seed": 0, "progress": False, "replay": replay}
    with pytest.raises(FloatingPointError, match=f"training diverged in epoch 1, validation .*{said}"):
        model.fit([[1.0], [2.0]], [1.0, 2.0], **options)

"""What people who know Keras, PyTorch and scikit-learn type: each works, or is answered in words."""

import copy
import enum
import math
import pickle
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from networks import XOR_X, XOR_Y

from engine import Value, exp, sigmoid, softmax
from nn import MLP, SGD, ConvergenceWarning, EarlyStopping, History, Layer, Module, ReduceOnPlateau, Sequential
from nn.data import moons
from nn.losses import LOSSES, cross_entropy, hinge, huber, mae, named_loss
from nn.schedules import cosine, exponential, one_cycle, step_decay, warm_up
from nn.training.threads import OneThread

MOONS = moons(80, seed=0)
BOTH = pytest.mark.parametrize("replay", [True, False])


def fitted(model, X, y, **options):
    settings = {"epochs": 5, "seed": 0, "progress": False, "learning_rate": 0.02, **options}
    return model.fit(X, y, **settings)


def weights(model):
    return list(model.state_dict().values())


# -------------------------------------------------------------------------------------------------------------- losses


def test_mae_and_huber():
    z = [Value(0.5), Value(-3.0)]
    assert mae(z, [1.0, 1.0]).data == 2.25
    assert huber(z, [1.0, 1.0]).data == (0.125 + 3.5) / 2
    for error, slope in [(-3.0, -1.0), (-0.5, -0.5), (0.0, 0.0), (0.25, 0.25), (2.0, 1.0)]:
        z = Value(error)
        huber(z, 0.0).backward()
        assert z.grad == slope


@pytest.mark.parametrize("name", LOSSES)
def test_bundled_losses_take_values_as_targets(name):
    if name == "hinge":
        assert hinge(Value(0.25), Value(-1.0)).data == 1.25
    elif name == "cross_entropy":
        target = [Value(0.0), Value(1.0)]
        assert cross_entropy([Value(2.0), Value(2.0)], target).data == pytest.approx(np.log(2.0))
    else:
        target = Value(0.75)
        loss = LOSSES[name](Value(0.5), target)
        assert loss.data == pytest.approx(LOSSES[name](Value(0.5), 0.75).data)
        loss.backward()
        assert target.grad != 0.0


def test_a_function_of_ones_own_is_its_own_whatever_its_name():
    def binary_cross_entropy(output, target):
        return (output - target) ** 2

    assert named_loss(binary_cross_entropy)[0] not in LOSSES
    model = MLP(2, [1], seed=0)
    fitted(model, XOR_X, XOR_Y, loss=binary_cross_entropy)
    assert model.classes is None
    assert isinstance(model.predict([[0.0, 1.0]])[0], float)


@pytest.mark.parametrize(
    ("given", "name"), [("bce", "binary_cross_entropy"), ("MSE", "mse"), ("categorical_crossentropy", "cross_entropy")]
)
def test_other_names_of_losses(given, name):
    assert named_loss(given) == (name, LOSSES[name])


def test_an_unknown_loss_is_answered_with_a_close_one():
    with pytest.raises(ValueError, match=r"got 'binary_cross_entropi'; did you mean 'binary_cross_entropy'\?"):
        fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, loss="binary_cross_entropi")
    with pytest.raises(ValueError, match=r"got 'binary_crossentrpy'; did you mean 'binary_crossentropy'\?"):
        fitted(MLP(2, [1]), XOR_X, XOR_Y, loss="binary_crossentrpy")


@pytest.mark.parametrize(
    ("loss", "n", "outputs", "said"),
    [
        ("bce", 1, sigmoid, "outputs of sigmoid: it applies sigmoid itself"),
        ("bce", 1, lambda z: z.softplus(), "outputs of softplus"),
        ("cross_entropy", 3, softmax, "outputs of softmax: it applies softmax itself"),
        ("cross_entropy", 3, lambda zs: [z.sigmoid() for z in zs], "outputs of sigmoid"),
        ("bce", 1, lambda z: 1.0 / (1.0 + (-z).exp()), r"numbers in \[0, 1\]: it applies sigmoid itself"),
        ("bce", 1, lambda z: sigmoid(z).maximum(1e-7).minimum(1.0 - 1e-7), r"numbers in \[0, 1\]"),
        ("bce", 1, lambda z: (z.tanh() + 1.0) / 2.0, r"numbers in \[0, 1\]"),
        ("cross_entropy", 3, lambda zs: [1e-9 + (1 - 2e-9) * p for p in map(sigmoid, zs)], r"numbers in \[0, 1\]"),
    ],
)
def test_a_sigmoid_or_softmax_twice_is_refused(loss, n, outputs, said):
    class Squashed(Module):
        def __init__(self):
            self.net = MLP(2, [n], seed=0)

        def __call__(self, x):
            return outputs(self.net(x))

    model = Squashed()
    before = weights(model)
    with pytest.raises(ValueError, match=said + r".*output=\"linear\".*predict_proba"):
        fitted(model, XOR_X, XOR_Y, loss=loss)
    assert weights(model) == before
    assert fitted(model, XOR_X, [[0.5] * n] * 4 if n > 1 else XOR_Y, loss="mse").epochs == 5


@pytest.mark.parametrize("loss", ["bce", "hinge"])
@pytest.mark.parametrize("output", [abs, lambda z: z.exp() / (z.exp() + 1.0), lambda z: z.cos() + 1.0])
def test_outputs_that_say_yes_to_everything_are_refused(loss, output):
    with pytest.raises(ValueError, match="must be given numbers of both signs, got one that is never below 0"):
        fitted(MLP(2, [4, 1], output=output, seed=0), XOR_X, XOR_Y, loss=loss)
    for name in ("tanh", "relu"):
        assert fitted(MLP(2, [4, 1], output=name, seed=0), XOR_X, XOR_Y, loss=loss).epochs == 5


@pytest.mark.parametrize(
    ("loss", "X", "outputs"),
    [
        ("bce", [[2.0], [-1.0]], lambda t, x: x[0] * t.exp()),
        ("hinge", [[2.0], [-1.0]], lambda t, x: x[0] * t.exp()),
        ("cross_entropy", [[0.2, 0.7], [3.0, -2.0]], lambda t, x: [z * t.sigmoid() for z in x]),
    ],
)
def test_the_numbers_of_an_example_bound_no_outputs_of_others(loss, X, outputs):
    class Tempered(Module):
        def __init__(self):
            self.t = Value(0.1)

        def __call__(self, x):
            self.last = x
            return outputs(self.t, x)

    assert fitted(Tempered(), X, [1, 0], loss=loss).epochs == 5


def test_mlp_with_a_sigmoid_at_the_end():
    with pytest.raises(ValueError, match="must be given logits, got outputs of sigmoid"):
        fitted(MLP(2, [4, 1], output="sigmoid", seed=0), MOONS.X, MOONS.y, loss="binary_cross_entropy")


# ------------------------------------------------------------------------------------------------------------- targets


@BOTH
def test_probabilities_of_class_1(replay):
    model, eager = MLP(1, [1], seed=0), MLP(1, [1], seed=0)
    X, y = [[-1.0], [0.0], [1.0]] * 20, [0.1, 0.5, 0.9] * 20
    fitted(model, X, y, loss="bce", epochs=60, learning_rate=0.05, replay=replay)
    assert model.classes == [0, 1]
    assert model.predict_proba([[1.0]])[0, 1] == pytest.approx(0.9, abs=0.02)
    assert model.predict([[1.0], [-1.0]]) == [1, 0]
    fitted(eager, X, y, loss="bce", epochs=60, learning_rate=0.05, replay=False)
    assert weights(model) == pytest.approx(weights(eager), rel=1e-9)


@BOTH
def test_probabilities_of_classes_and_one_hot_rows(replay):
    labels = np.arange(60) % 3
    X = np.eye(3)[labels] * 2.0
    hard, soft = MLP(3, [3], seed=0), MLP(3, [3], seed=0)
    expected = fitted(hard, X, labels, loss="cross_entropy", replay=replay)
    history = fitted(soft, X, np.eye(3)[labels], loss="cross_entropy", replay=replay)
    assert weights(soft) == pytest.approx(weights(hard), rel=1e-12)
    assert soft.classes == [0, 1, 2]
    assert history.accuracy == expected.accuracy
    assert hard.score(X, labels) == soft.score(X, np.eye(3)[labels])
    frame = pd.DataFrame(np.eye(3)[labels], columns=["a", "b", "c"])
    named = MLP(3, [3], seed=0)
    fitted(named, X, frame, loss="cross_entropy", epochs=60, replay=replay)
    assert named.predict([[2.0, 0.0, 0.0]]) == ["a"]


@BOTH
def test_answers_to_several_questions(replay):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, (100, 2))
    Y = (X > 0.0).astype(int)
    model = MLP(2, [2], seed=0)
    history = fitted(model, X, Y, loss="binary_cross_entropy", epochs=60, learning_rate=0.1, replay=replay)
    assert model.predict([[0.9, -0.9], [0.9, 0.9]]) == [[1, 0], [1, 1]]
    assert model.predict_proba([[0.9, -0.9]])[0] == pytest.approx([1.0, 0.0], abs=0.05)
    assert model.score(X, Y) == np.mean([list(row) == said for row, said in zip(Y.tolist(), model.predict(X))])
    assert history.accuracy[-1] > 0.9


def test_bools_come_back_as_bools(tmp_path):
    model = MLP(2, [4, 1], seed=0)
    fitted(model, XOR_X, [False, True, True, False], loss="bce", epochs=1)
    assert model.classes == [False, True]
    assert {type(label) for label in model.predict(XOR_X)} == {bool}
    model.save(tmp_path / "model.json")
    assert MLP.load(tmp_path / "model.json").classes == [False, True]


@pytest.mark.parametrize(
    ("n", "loss", "y", "words"),
    [
        (1, "mse", ["cat", "dog", "cat", "dog"], r"y must have numbers, got 'cat' in row 0.*loss=\"cross_entropy\""),
        (3, "mse", [0, 1, 2, 0], r"y must have 3 numbers an example.*loss=\"cross_entropy\""),
        (1, "mse", np.eye(2)[[0, 1, 1, 0]], r"y must have one number an example.*loss=\"cross_entropy\""),
        (1, "bce", np.eye(2)[[0, 1, 1, 0]], r"got rows of 2: of one-hot rows y\.argmax\(axis=1\)"),
        (3, "hinge", np.eye(3)[[0, 1, 1, 0]], r"got rows of 3: of one-hot rows y\.argmax\(axis=1\)"),
        (2, "bce", [0, 1, 1, 0], r"cross_entropy is the loss"),
    ],
)
def test_targets_that_do_not_fit_are_answered_with_what_does(n, loss, y, words):
    with pytest.raises(ValueError, match=words):
        fitted(MLP(2, [n], seed=0), XOR_X, y, loss=loss)


def test_labels_in_parts():
    model = MLP(1, [3], seed=0)
    fitted(model, [[0.0], [1.0]], ["a", "b"], loss="cross_entropy", classes=["a", "b", "c"])
    fitted(model, [[2.0]], ["c"], loss="cross_entropy")
    assert model.classes == ["a", "b", "c"]


@BOTH
def test_label_smoothing(replay):
    model, by_hand = MLP(2, [1], seed=0), MLP(2, [1], seed=0)
    history = fitted(model, XOR_X, XOR_Y, loss="bce", label_smoothing=0.2, replay=replay)
    fitted(by_hand, XOR_X, [0.1 + 0.8 * y for y in XOR_Y], loss="bce", replay=replay)
    assert weights(model) == pytest.approx(weights(by_hand), rel=1e-12)
    assert len(history.accuracy) == 5
    for loss, y in (("mse", XOR_Y), ("hinge", XOR_Y)):
        with pytest.raises(ValueError, match="label_smoothing must be left out"):
            fitted(MLP(2, [1], seed=0), XOR_X, y, loss=loss, label_smoothing=0.1)
    with pytest.raises(ValueError, match="label_smoothing must be left out"):
        fitted(MLP(2, [3], seed=0), XOR_X, [0, 1, 2, 0], loss="hinge", label_smoothing=0.1)


# ------------------------------------------------------------------------------------------------------------- weights


@BOTH
def test_a_weight_counts_an_example_as_often(replay):
    X, y = [[0.5, 1.0], [-1.0, 0.25], [0.75, -0.5]], [1, 0, 1]
    model, doubled = MLP(2, [3, 1], seed=0), MLP(2, [3, 1], seed=0)
    fitted(model, X, y, loss="bce", sample_weight=[2.0, 0.0, 1.0], optimizer=SGD(learning_rate=0.3), learning_rate=None,
           batch_size=3, replay=replay)  # fmt: skip
    options = {"optimizer": SGD(learning_rate=0.3), "learning_rate": None, "batch_size": 3, "replay": replay}
    fitted(doubled, [X[0], X[0], X[2]], [1, 1, 1], loss="bce", **options)
    assert weights(model) == pytest.approx(weights(doubled), rel=1e-12)


@BOTH
def test_balanced_classes(replay):
    X, y = [[0.5, 1.0], [-1.0, 0.25], [0.75, -0.5]], ["no", "yes", "no"]
    one, other = MLP(2, [3, 1], seed=0), MLP(2, [3, 1], seed=0)
    fitted(one, X, y, loss="bce", class_weight="balanced", replay=replay)
    fitted(other, X, y, loss="bce", class_weight={"no": 0.75, "yes": 1.5}, replay=replay)
    assert weights(one) == weights(other)
    fitted(MLP(2, [3, 2], seed=0), X, y, loss="cross_entropy", class_weight="balanced", replay=replay)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sample_weight": [1.0, 2.0]}, "sample_weight must be 4 numbers >= 0"),
        ({"sample_weight": [1.0, 2.0, -1.0, 0.0]}, "sample_weight must be 4 numbers >= 0"),
        ({"sample_weight": [0.0] * 4}, "sample_weight and class_weight must be above 0 for an example"),
        ({"class_weight": {0: 0.0, 1: 0.0}}, "sample_weight and class_weight must be above 0 for an example"),
        ({"class_weight": {0: 1.0}}, r"class_weight must be \"balanced\" or a dict .* for each of \[0, 1\]"),
        ({"class_weight": "even"}, "class_weight must be"),
        ({"class_weight": {0: 1.0, 1: -1.0}}, "class_weight must have numbers >= 0, got {0: 1.0, 1: -1.0}"),
        ({"loss": "mse", "class_weight": "balanced"}, "class_weight must be left out where the targets are numbers"),
    ],
)
def test_weights_that_do_not_fit(options, words):
    with pytest.raises(ValueError, match=words):
        fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, **{"loss": "bce", **options})


def test_answers_have_no_classes_to_weigh():
    with pytest.raises(ValueError, match="class_weight must be left out where the targets are answers"):
        fitted(MLP(2, [2], seed=0), XOR_X, [[0, 1], [1, 0]] * 2, loss="bce", class_weight="balanced")


# ------------------------------------------------------------------------------------------- validation and how it ends


def test_validation_split():
    model = MLP(2, [4, 1], seed=0)
    history = fitted(model, MOONS.X, MOONS.y, loss="bce", validation_split=0.25)
    assert len(history.validation_loss) == 5
    again = fitted(MLP(2, [4, 1], seed=0), MOONS.X, MOONS.y, loss="bce", validation_split=0.25)
    assert again == history
    assert fitted(model, MOONS.X, MOONS.y, loss="bce", validation_split=0.0).validation_loss == []  # as in Keras
    pair = {"validation_data": (MOONS.X, MOONS.y)}
    assert len(fitted(model, MOONS.X, MOONS.y, loss="bce", validation_split=0, **pair).validation_loss) == 5
    for share, more in ((-0.1, {}), (1.0, {}), (2, {}), (0.5, pair)):
        with pytest.raises(ValueError, match="validation_split must be"):
            fitted(model, MOONS.X, MOONS.y, loss="bce", validation_split=share, **more)


@BOTH
def test_early_stopping_puts_the_best_weights_back(replay):
    model, seen = MLP(2, [4, 1], seed=0), []
    options = {"loss": "bce", "learning_rate": 1.5, "epochs": 60, "replay": replay}
    history = fitted(
        model, MOONS.X, MOONS.y, early_stopping=4, callbacks=[lambda m, h: seen.append(weights(m))], **options
    )
    best = int(np.argmin(history.loss))
    assert history.epochs == best + 5 < 60
    assert not history.interrupted
    assert weights(model) == seen[best]
    kept = MLP(2, [4, 1], seed=0)
    fitted(kept, MOONS.X, MOONS.y, early_stopping=EarlyStopping(4, restore_best=False), **options)
    assert weights(kept) == seen[-1]


def test_the_best_weights_of_another_model_do_not_come_back():
    model = Sequential(Layer(2, 1, activation="linear", seed=0))

    def grow(model, history):
        model.layers.append(Layer(1, 1, activation="linear", seed=1))

    with pytest.raises(ValueError, match=r"the best epoch had other parameters .*; give early_stopping=.*best=False"):
        fitted(model, MOONS.X, MOONS.y, learning_rate=1e3, early_stopping=1, epochs=9, callbacks=[grow])


def test_early_stopping_answers_other_names():
    with pytest.raises(TypeError, match=r"EarlyStopping has no argument restore_best_w.*; did you mean restore_best=?"):
        EarlyStopping(patience=3, restore_best_weights=True)


def test_who_stops_early_is_not_told_to_train_longer():
    options = {"loss": "bce", "learning_rate": 0.001, "epochs": 60, "early_stopping": EarlyStopping(12, min_delta=9.0)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = fitted(MLP(2, [4, 1], seed=0), MOONS.X, MOONS.y, **options)
    assert history.epochs == 13


def test_early_stopping_looks_at_validation():
    losses = [1.0, 0.5, 0.4, 0.6, 0.7]
    history = History(loss=[5.0, 4.0, 3.0, 2.0, 1.0], validation_loss=losses)
    assert EarlyStopping(2).ends(history)
    assert EarlyStopping(2).best_epoch(history) == 2
    assert not EarlyStopping(3).ends(history)
    assert EarlyStopping(2, min_delta=0.2).best_epoch(history) == 1


@pytest.mark.parametrize("answer", [True, np.bool_(True), np.array(True)])
def test_a_callback_that_answers_true_ends(answer):
    assert fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, callbacks=[lambda m, h: answer]).epochs == 1
    for other in (3, 1.0, np.array([True]), np.int64(1)):
        assert fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, callbacks=[lambda m, h, other=other: other]).epochs == 5


def test_a_callback_may_answer_by_a_tensor():
    torch = pytest.importorskip("torch")
    assert fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, callbacks=[lambda m, h: torch.tensor(h.loss) > 0]).epochs == 5
    ends = [lambda m, h: torch.tensor(h.loss).min() > 0]
    assert fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, callbacks=ends).epochs == 1


def test_verbose(capsys):
    fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, verbose=2, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    for silent in (0, False):
        fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, verbose=silent, progress=True)
    assert capsys.readouterr() == ("", "")
    fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, verbose=True)
    for wrong in ("auto", 3, -1, 1.5):
        with pytest.raises(ValueError, match=r"verbose must be 0 \(nothing\), 1 \(progress bar\) or 2 .*, got"):
            fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, verbose=wrong)
    for wrong in ("no", None, 2):
        with pytest.raises(ValueError, match=f"progress must be True or False, got {wrong!r}"):
            fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y, progress=wrong)


@pytest.mark.slow
def test_with_no_number_of_epochs_there_are_enough_steps():
    model = MLP(2, [4, 1], "tanh", seed=0)
    history = model.fit(XOR_X, XOR_Y, loss="bce", seed=0, progress=False)
    assert history.epochs == 2000
    assert MLP(1, [1], seed=0).fit([[0.0]] * 4000, [0.0] * 4000, seed=0, progress=False).epochs == 100


def test_who_trains_too_little_is_warned():
    X = np.linspace(-1.0, 1.0, 64).reshape(-1, 1)
    with pytest.warns(ConvergenceWarning, match="the loss was still falling after 10 epochs") as told:
        fitted(MLP(1, [1], seed=0), X, 3.0 * X[:, 0] + 5.0, epochs=10, learning_rate=0.05)
    assert told[0].filename == __file__, "the line that called fit"
    with pytest.warns(
        ConvergenceWarning, match=r"from 1\.00343738e\+12 to 1\.00343718e\+12 lately.*; targets of large numbers"
    ):
        fitted(MLP(1, [1], seed=0), X, 1e5 * X[:, 0] + 1e6, epochs=10, learning_rate=0.05)
    with pytest.warns(ConvergenceWarning, match="never fell"):
        fitted(MLP(1, [1], seed=0), X, X[:, 0], epochs=10, optimizer=SGD(learning_rate=0.0), learning_rate=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(MLP(1, [1], seed=0), X, X[:, 0], epochs=300, learning_rate=0.05)


# ---------------------------------------------------------------------------------------------- answers of a model


def test_probabilities_as_in_scikit_learn():
    one, three = MLP(2, [1], seed=0), MLP(2, [3], seed=1)
    fitted(one, XOR_X, XOR_Y, loss="bce")
    fitted(three, XOR_X, [0, 1, 2, 0], loss="cross_entropy")
    z = one.decision_function(XOR_X)
    assert z.shape == (4,)
    assert one.predict_proba(XOR_X)[:, 1] == pytest.approx(1.0 / (1.0 + np.exp(-z)), rel=1e-12)
    p, zs = three.predict_proba(XOR_X), three.decision_function(XOR_X)
    assert zs.shape == p.shape == (4, 3)
    assert p == pytest.approx(np.exp(zs) / np.exp(zs).sum(axis=1, keepdims=True), rel=1e-12)
    for model in (one, three):
        p = model.predict_proba(XOR_X)
        assert p.sum(axis=1) == pytest.approx(1.0)
        assert np.exp(model.predict_log_proba(XOR_X)) == pytest.approx(p, rel=1e-12)
        assert [model.classes[i] for i in p.argmax(axis=1)] == model.predict(XOR_X)
    one.layers[0].neurons[0].b.data = -1000.0
    assert one.predict_log_proba([[0.0, 0.0]])[0, 1] == pytest.approx(-1000.0)
    margins = MLP(2, [1], seed=0)
    fitted(margins, XOR_X, XOR_Y, loss="hinge")
    for model in (margins, MLP(2, [1], seed=0)):
        with pytest.raises(ValueError, match=r"must be asked of a model trained with .*; decision_function"):
            model.predict_proba(XOR_X)


def test_a_loss_in_the_order_of_keras_is_not_called_the_other_way_round():
    def pinball(y_true, y_pred):
        return (y_true - y_pred).maximum(0.1 * (y_pred - y_true))

    model = MLP(1, [1], seed=0)
    with pytest.raises(
        ValueError, match=r"loss must take \(outputs, target\) in this order, got pinball\(y_true, y_pr"
    ):
        model.fit([[1.0]], [1.0], loss=pinball, progress=False)
    model.fit([[1.0]], [1.0], loss=lambda y_pred, y_true: pinball(y_true, y_pred), epochs=1, progress=False)
    for other in (print, lambda target, *rest: target):  # whose second name is no argument beside the first
        assert named_loss(other)[1] is other


def test_a_loss_of_all_examples_is_answered():
    def loss(batch_size=None):
        return Value(1.0)

    with pytest.raises(
        ValueError, match=r"loss must take \(outputs, target\) of one example, got loss\(batch_size=None\)"
    ):
        MLP(1, [1], seed=0).fit([[1.0]], [1.0], loss=loss)


# ----------------------------------------------------------------------------------------------- history and schedules


def test_a_history_is_short_and_becomes_a_frame():
    history = History(loss=[0.5] * 100, accuracy=[0.75] * 100)
    assert repr(history) == "History of 100 epochs: loss 0.5, accuracy 0.75"
    frame = history.to_frame()
    assert list(frame.columns) == ["loss", "accuracy"]
    assert (frame.index[0], frame.index[-1]) == (1, 100)
    assert history.plot().axes


def test_schedules():
    assert [step_decay(1.0, 2, 0.5)(step) for step in range(5)] == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert exponential(2.0, 0.5)(2) == 0.5
    assert cosine(1.0, 10, 0.2)(10) == cosine(1.0, 10, 0.2)(99) == pytest.approx(0.2)
    assert warm_up(2, cosine(1.0, 10))(0) == 0.5
    assert warm_up(2, cosine(1.0, 10))(12) == pytest.approx(0.0)
    assert one_cycle(1.0, 10)(1) == 1.0
    for wrong in (lambda: cosine(1.0, 0), lambda: step_decay(1.0, 1.5), lambda: warm_up(True, 0.1)):
        with pytest.raises(ValueError, match="must be an int >= 1"):
            wrong()


@pytest.mark.parametrize(
    "rate", [step_decay(1.0, 2), exponential(2.0, 0.5), cosine(1.0, 10), one_cycle(1.0, 10), warm_up(2, cosine(1.0, 9))]
)
def test_a_schedule_is_pickled_with_what_has_it(rate):
    for again in (pickle.loads(pickle.dumps(rate)), copy.deepcopy(rate)):
        assert list(map(again, range(20))) == list(map(rate, range(20)))
    assert pickle.loads(pickle.dumps(SGD(learning_rate=rate))).rate() == rate(0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: warm_up(3, ReduceOnPlateau(0.1)), "then must be a function of the step alone, got a ReduceOnPl"),
        (lambda: step_decay("fast", 3), "start must be a number, got str 'fast'"),
        (lambda: step_decay(0.1, 3, factor=None), "factor must be a number, got NoneType None"),
        (lambda: exponential(0.1, -1), r"factor must be in \[0, inf\), got -1"),
        (lambda: cosine(-0.1, 3), r"start must be in \[0, inf\), got -0.1"),
        (lambda: cosine(0.1, 3, end="low"), "end must be a number, got str 'low'"),
        (lambda: one_cycle(math.nan, 3), r"highest must be in \[0, inf\), got nan"),
        (lambda: warm_up(3, then="adam"), "then must be a number, got str 'adam'"),
        (lambda: ReduceOnPlateau("val_loss"), "start must be a number, got str 'val_loss'"),
        (lambda: ReduceOnPlateau(0.1, smallest=-1), r"smallest must be in \[0, inf\), got -1"),
    ],
)
def test_rates_of_schedules_are_checked(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@BOTH
def test_reduce_on_plateau_falls_during_training(replay):
    rate = ReduceOnPlateau(1.0, factor=0.5, patience=1)
    rates = []
    fitted(
        MLP(2, [3, 1], seed=0), XOR_X, XOR_Y, learning_rate=rate, epochs=12, optimizer="sgd", replay=replay,
        callbacks=[lambda m, h: rates.append(rate(0))],
    )  # fmt: skip
    assert rates[-1] < 1.0
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("lr", "learning_rate"),
        ("metrics", r"history\.accuracy, which is .*"),
        ("shuffle", r"seed=, which makes .*"),
        ("n_epochs", "epochs"),
        ("random_state", "seed"),
        ("clipnorm", r"optimizer=Adam\(clip_norm=...\)"),
        ("l1", r"optimizer=Adam\(l1=...\)"),
        ("alpha", r"optimizer=Adam\(l2=...\)"),
        ("kernel_regularizer", r"optimizer=Adam\(l2=...\)"),
        ("validation_spli", "validation_split"),
    ],
)
def test_an_unknown_argument_is_answered(name, meant):
    with pytest.raises(TypeError, match=rf"fit has no argument {name}=; did you mean {meant}=?\?"):
        MLP(2, [1]).fit(XOR_X, XOR_Y, **{name: 1})


# ------------------------------------------------------------------------------------------------------------- threads


def test_overlapping_calls_give_the_threads_of_blas_back():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def limits():
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]

    before, threads = limits(), OneThread()
    threads.begin()
    threads.begin()
    threads.end()
    assert set(limits()) <= {1}
    threads.end()
    assert limits() == before
    threads.begin()
    threads.end()
    assert limits() == before


def test_a_fit_in_a_thread_leaves_ctrl_c_alone():
    import signal

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lambda: fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y))
    thread.start()
    thread.join()
    fitted(MLP(2, [1], seed=0), XOR_X, XOR_Y)
    assert signal.getsignal(signal.SIGINT) is before


def test_variance_of_an_array_of_values():
    xs = np.array([Value(1.0), Value(2.0), Value(6.0)])
    variance = np.var(xs)
    assert variance.data == pytest.approx(14.0 / 3.0)
    assert np.std(xs).data == pytest.approx((14.0 / 3.0) ** 0.5)
    variance.backward()
    assert [x.grad for x in xs] == pytest.approx([-4.0 / 3.0, -2.0 / 3.0, 2.0])


@pytest.mark.parametrize("replay", [True, False])
def test_weights_of_classes_are_for_training_and_weights_of_examples_for_validation_too(replay):
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = ["yes" if i % 4 == 0 else "no" for i in range(20)]

    def losses(**options):
        still = {"epochs": 1, "optimizer": "sgd", "learning_rate": 0.0, "validation_split": 0.3, "progress": False}
        history = MLP(2, [1], seed=0).fit(X, y, loss="bce", seed=0, replay=replay, **still, **options)
        return history.loss[0], history.validation_loss[0]

    plain, weights = losses(), {"no": 2.0, "yes": 3.0}
    weighted = losses(class_weight=weights)
    assert weighted[1] == plain[1]
    assert weighted[0] > 1.5 * plain[0]
    by_example = losses(sample_weight=[weights[label] for label in y])
    assert by_example[0] == pytest.approx(weighted[0])
    assert by_example[1] > 1.5 * plain[1]
    both = losses(sample_weight=[2.0] * 20, class_weight=weights)
    assert both == pytest.approx((2.0 * weighted[0], 2.0 * plain[1]))


def gaussian(outputs, target):
    mean, log_variance = outputs
    return log_variance + (target - mean) ** 2 * exp(-log_variance)


def weighted(output, target):
    value, weight = target
    return weight * (output - value) ** 2


@BOTH
@pytest.mark.parametrize(
    ("n", "loss", "y"),
    [
        (2, gaussian, [1.0, 2.0, 3.0, 4.0]),
        (2, gaussian, pd.Series([1.0, 2.0, 3.0, 4.0], name="price")),
        (1, weighted, [[1.0, 0.5], [2.0, 1.0], [3.0, 0.0], [4.0, 2.0]]),
        (1, weighted, pd.DataFrame({"price": [1.0, 2.0, 3.0, 4.0], "weight": [0.5, 1.0, 0.0, 2.0]})),
    ],
)
def test_a_loss_of_ones_own_takes_any_count_of_targets(n, loss, y, replay, tmp_path):
    model, rows = MLP(2, [n], seed=0), y.to_numpy().tolist() if hasattr(y, "to_numpy") else y
    before = [loss(model(x), target).data for x, target in zip(XOR_X, rows)]
    history = fitted(model, XOR_X, y, loss=loss, replay=replay, epochs=1, batch_size=4, validation_data=(XOR_X, y))
    assert history.loss == pytest.approx([np.mean(before)])
    assert history.validation_loss[0] < history.loss[0]
    model.save(tmp_path / "model.json")
    assert MLP.load(tmp_path / "model.json").predict(XOR_X) == model.predict(XOR_X)
    with pytest.raises(ValueError, match=f"y must have {n} numbers an example for score"):
        model.score(XOR_X, y)
    with pytest.raises(ValueError, match=r"validation y must have as many numbers an example as y, [12], got 3"):
        fitted(model, XOR_X, y, loss=loss, validation_data=(XOR_X, np.zeros((4, 3))))


@pytest.mark.parametrize(
    ("loss", "n", "classes", "words"),
    [
        ("bce", 1, [0, 1, 2], r"classes must be 2 different labels, as this model tells 2 apart, got \[0, 1, 2\]"),
        ("bce", 1, [0, 0], r"classes must be 2 different labels"),
        ("cross_entropy", 3, [0, 1], r"classes must be 3 different labels"),
        ("bce", 1, "ab", "classes must be a list of labels, got str 'ab'"),
        ("bce", 1, {"a", "b"}, "classes must be a list of labels, got set"),
        ("bce", 1, [0, math.nan], "classes must have strings or finite numbers as labels, got nan in row 1"),
        ("bce", 1, [[0, 1], [2]], r"classes must have strings or finite numbers as labels, got \[0, 1\] in row 0"),
        ("mse", 1, [0, 1], r"classes must be left out for mse, which takes numbers, got \[0, 1\]"),
    ],
)
def test_classes_that_the_model_cannot_tell_apart_are_refused(loss, n, classes, words):
    model = MLP(2, [n], seed=0)
    before = weights(model)
    with pytest.raises(ValueError, match=words):
        fitted(model, XOR_X, [0, 0, 0, 0], loss=loss, classes=classes)
    assert weights(model) == before


def test_classes_of_numpy_and_members_of_an_enum_are_saved(tmp_path):
    class Animal(enum.StrEnum):
        CAT = "cat"
        DOG = "dog"

    for y, classes in (
        (["cat", "dog", "dog", "cat"], np.array(["dog", "cat"])),
        ([Animal.CAT, Animal.DOG, Animal.DOG, Animal.CAT], [Animal.DOG, Animal.CAT]),
    ):
        model = MLP(2, [1], seed=0)
        fitted(model, XOR_X, y, loss="bce", classes=classes)
        assert list(map(type, model.classes)) == [str, str]
        assert model.classes == ["dog", "cat"]
        model.save(tmp_path / "model.json")
        assert MLP.load(tmp_path / "model.json").predict(XOR_X) == model.predict(XOR_X)

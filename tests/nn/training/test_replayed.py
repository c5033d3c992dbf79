"""Training by replay: the weights of eager training, whatever loss and optimizer; and what cannot be replayed."""

import gc
import math
import random

import numpy as np
import pytest
from networks import XOR_X, XOR_Y, condition, small

import nn.programs
from engine import Value, maximum
from nn import MLP, SGD, Adam, AdamW, Module, mse
from nn.data import moons

RNG = np.random.default_rng(5)
X = RNG.normal(size=(37, 3))
LOSSES = {
    "mse": (2, np.stack([X[:, 0] * X[:, 1], np.sin(X[:, 2])], axis=1)),
    "cross_entropy": (3, ["abc"[i % 3] for i in range(37)]),
    "binary_cross_entropy": (1, (X[:, 0] > 0.2).tolist()),
    "hinge": (1, np.where(X[:, 1] > 0.0, 1, -1)),
    "hinge of several": (4, np.arange(37) % 4),
}
OPTIMIZERS = {
    "sgd": lambda: SGD(learning_rate=0.05),
    "momentum": lambda: SGD(learning_rate=0.02, momentum=0.9, nesterov=True, weight_decay=0.01),
    "heavy": lambda: SGD(learning_rate=0.02, momentum=0.8),
    "adam": lambda: Adam(learning_rate=lambda step: 0.02 / (1 + 0.01 * step)),
    "adamw": lambda: AdamW(learning_rate=0.01, weight_decay=0.1),
}


def trained(replay, model, X, y, **options):
    """The model after training, and its history; it was trained in that way indeed."""
    history = model.fit(X, y, replay=replay, progress=False, **{"seed": 3, **options})
    assert replay is None or bool(history.eager) is not replay
    return model, history


def assert_alike(one, other, tolerance=1e-9):
    """Weights and gradients are the same but for rounding."""
    assert [p.data for p in one.parameters()] == pytest.approx([p.data for p in other.parameters()], abs=tolerance)
    assert [p.grad for p in one.parameters()] == pytest.approx([p.grad for p in other.parameters()], abs=tolerance)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.slow
def test_a_hundred_steps_give_the_weights_of_eager_training(loss, optimizer):
    n_outputs, y = LOSSES[loss]

    def run(replay):
        model = MLP(3, [6, 5, n_outputs], activation="gelu", seed=1)
        options = {"loss": loss.split()[0], "optimizer": OPTIMIZERS[optimizer](), "epochs": 25, "batch_size": 10}
        return trained(replay, model, X, y, validation_data=(X[:9], y[:9]), **options)  # 4 steps an epoch, one smaller

    (replayed, history), (eager, eager_history) = run(True), run(False)
    assert_alike(replayed, eager)
    assert history.loss == pytest.approx(eager_history.loss, rel=1e-9)
    assert history.validation_loss == pytest.approx(eager_history.validation_loss, rel=1e-9)
    assert history.accuracy == eager_history.accuracy
    assert history.validation_accuracy == eager_history.validation_accuracy
    assert (replayed.loss, replayed.classes) == (eager.loss, eager.classes)
    assert condition(eager) != condition(MLP(3, [6, 5, n_outputs], activation="gelu", seed=1))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_same_seed_gives_the_same_to_the_last_bit(optimizer):
    def run():
        model, history = trained(True, small(3), X[:, :2], np.arange(37) % 3, loss="cross_entropy",
                                 optimizer=OPTIMIZERS[optimizer](), epochs=4, batch_size=8)  # fmt: skip
        return condition(model), history

    assert run() == run()


def test_float32_is_near():
    (single, _), (double, _) = (
        trained(True, small(), XOR_X, XOR_Y, loss="hinge", epochs=20, batch_size=2, dtype=dtype)
        for dtype in ("float32", np.float64)
    )
    assert_alike(single, double, tolerance=1e-4)
    assert condition(single) != condition(double)
    assert all(p.data == float(np.float32(p.data)) for p in single.parameters())


def test_replay_is_the_default():
    assert small().fit(XOR_X, XOR_Y, epochs=1, progress=False).eager == ""
    assert small().fit(XOR_X, XOR_Y, epochs=1, progress=False, replay=False).eager == "replay=False"


class Recurrent(Module):
    """A state that goes through all inputs, one after the other: a deep and narrow graph."""

    def __init__(self, n_inputs):
        self.n_inputs = n_inputs
        self.w, self.u, self.b = Value(0.5), Value(0.3), Value(0.1)

    def __call__(self, x):
        state = Value(0.0)
        for number in x:
            state = (self.w * state + self.u * number + self.b).tanh()
        return state


def test_where_replay_would_be_slower_training_is_eager_by_itself():
    rows = np.random.default_rng(0).uniform(-1.0, 1.0, (4, 400))
    chosen, insisted = (
        trained(replay, Recurrent(400), rows, [0.1, 0.2, 0.3, 0.4], epochs=1) for replay in (None, True)
    )
    assert "slower" in chosen[1].eager
    assert "nodes" in chosen[1].eager
    assert insisted[1].eager == ""
    assert_alike(chosen[0], insisted[0])


def test_a_short_recurrent_module_is_replayed():
    rows = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 10))
    assert trained(None, Recurrent(10), rows, [0.1] * 50, epochs=20)[1].eager == ""


def test_after_each_epoch_the_parameters_have_weights_and_gradients():
    def run(replay):
        seen = []

        def look(model, _history):
            seen.append([(p.data, p.grad) for p in model.parameters()])

        trained(replay, small(), XOR_X, XOR_Y, loss="hinge", epochs=3, batch_size=2, callbacks=[look])
        return np.array(seen)

    replayed, eager = run(True), run(False)
    assert replayed == pytest.approx(eager, abs=1e-12)
    assert not (replayed[0] == replayed[1]).all()


def test_an_interrupt_leaves_weights_and_gradients_of_the_last_step():
    def run(replay, stop_at):
        steps = []

        def rate(step):
            steps.append(step)
            if len(steps) == stop_at:  # the first call checks the rate
                raise KeyboardInterrupt
            return 0.1

        return trained(replay, small(), XOR_X, XOR_Y, loss="hinge", optimizer=SGD(learning_rate=rate), epochs=5,
                       batch_size=2)  # fmt: skip

    for stop_at in (4, 5):
        (replayed, history), (eager, _) = run(True, stop_at), run(False, stop_at)
        assert history.interrupted
        assert_alike(replayed, eager)
        assert condition(replayed)[0] != condition(small())[0]


@pytest.mark.parametrize("of_own_kind", [False, True])
def test_an_optimizer_of_some_parameters_trains_these_alone(of_own_kind):
    class Counted(SGD):
        def put_weights(self):
            super().put_weights()

    def run(replay):
        model = MLP(2, [3, 2, 1], activation="tanh", seed=0)
        some = [*model.layers[2].parameters(), *model.layers[0].parameters()]
        optimizer = (Counted if of_own_kind else SGD)(some, learning_rate=0.1, momentum=0.5)
        return trained(replay, model, XOR_X, XOR_Y, loss="hinge", optimizer=optimizer, epochs=4, batch_size=2)[0]

    replayed, eager = run(True), run(False)
    assert_alike(replayed, eager)  # the gradients of the others add up
    assert replayed.layers[1].state_dict() == MLP(2, [3, 2, 1], activation="tanh", seed=0).layers[1].state_dict()
    assert any(p.grad for p in replayed.layers[1].parameters())


class Shifted(Module):
    """A line with a parameter that no output is made of, and a number that callbacks change."""

    def __init__(self):
        self.unused, self.slope, self.shift = Value(1.0), Value(0.5), 0.0

    def __call__(self, x):
        return self.slope * x[0] + self.shift


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_parameters_that_no_output_is_made_of(optimizer):
    model, other = (
        trained(replay, Shifted(), [[1.0], [2.0]], [1.0, 3.0], optimizer=OPTIMIZERS[optimizer](), epochs=9)[0]
        for replay in (True, False)
    )
    assert_alike(model, other)
    assert (model.unused.data != 1.0) == (optimizer in ("momentum", "adamw"))  # those with weight decay


@pytest.mark.parametrize("change", ["weights", "shift", "freeze"])
def test_what_a_callback_changes_counts_from_then_on(change):
    def run(replay):
        optimizer = SGD(learning_rate=0.1)

        def callback(model, history):
            if change == "weights":
                model.slope.data *= 0.5
            elif change == "shift":
                model.shift += 1.0
            elif history.epochs == 2:
                optimizer.bind([model.unused])

        model = Shifted()
        return trained(replay, model, [[1.0], [2.0]], [1.0, 3.0], optimizer=optimizer, epochs=5, batch_size=1,
                       callbacks=[callback])[0]  # fmt: skip

    replayed, eager = run(True), run(False)
    assert_alike(replayed, eager)


# ------------------------------------------------------------------------------------------------ what is not replayed


def by_size(output, target):
    distance = abs(output - target)
    return distance * distance if distance < 1.0 else distance


def by_data(output, target):
    return (output - target) ** 2 if output.data > 3.0 else abs(output - target)


def by_target(output, target):
    return (output - target) ** 2 if target == 2.0 else 0.1 * abs(output - target)


def of_a_number(output, target):
    return (output - math.floor(target)) ** 2


def clipped(x):
    return x if x < 5.0 else 0.0 * x + 5.0


class Noisy(Module):
    def __init__(self, weak=False):
        self.w = Value(0.3)

    def __call__(self, x):
        return self.w * x[0] * (random.random() < 0.99)


@pytest.mark.parametrize("loss", [by_data, by_target, of_a_number])
def test_a_loss_that_cannot_be_replayed_is_trained_eagerly(loss):
    X, y = [[t / 4] for t in range(12)], [t / 4 for t in range(12)]

    def run(replay):
        model = MLP(1, [3, 1], activation="tanh", seed=0)
        return model, model.fit(X, y, loss=loss, epochs=3, batch_size=5, seed=0, progress=False, replay=replay)

    (model, history), (eager, _) = run(None), run(False)
    assert history.eager
    assert condition(model) == condition(eager)
    with pytest.raises(ValueError, match=r"replay=True, but this model cannot be replayed with this loss \("):
        run(True)


def test_a_model_that_cannot_be_replayed_is_trained_eagerly():
    def run(replay):
        random.seed(3)
        made = Noisy()
        return made, made.fit([[0.5], [1.0], [1.5]], [1.0, 2.0, 0.0], epochs=4, seed=0, progress=False, replay=replay)

    (replayed, history), (eager, _) = run(None), run(False)
    assert history.eager
    assert condition(replayed) == condition(eager)


def test_where_replay_is_insisted_on_nothing_has_changed():
    model, optimizer = small(), SGD()
    before = condition(model)
    with pytest.raises(ValueError, match="replay=True"):
        model.fit(XOR_X, XOR_Y, loss=by_data, optimizer=optimizer, replay=True, progress=False)
    assert condition(model) == before
    assert optimizer.parameters is None


def test_a_loss_of_ones_own_that_is_arithmetic_is_replayed():
    def robust(outputs, targets):
        return sum(((z - t) ** 2 + 0.01).sqrt() for z, t in zip(outputs, targets))

    y = X[:, :2] ** 2
    models = [trained(replay, small(2), X[:, :2], y, loss=robust, epochs=9)[0] for replay in (True, False)]
    assert_alike(*models)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "float16"}, 'dtype must be "float64" or "float32", got \'float16\''),
        ({"dtype": None}, 'dtype must be "float64" or "float32", got None'),
        ({"dtype": [3]}, r"dtype must be .* got \[3\]"),
        ({"dtype": "float32", "replay": False}, 'dtype must be "float64" for eager training'),
        ({"replay": "yes"}, "replay must be True, False or None, got 'yes'"),
    ],
)
def test_wrong_options_are_refused(options, words):
    model = small()
    with pytest.raises(ValueError, match=words):
        model.fit(XOR_X, XOR_Y, progress=False, **options)
    assert condition(model) == condition(small())


@pytest.mark.parametrize("zero", [0, np.False_])
def test_a_false_of_another_type_replays_nothing(zero):
    history = small().fit(XOR_X, XOR_Y, epochs=1, progress=False, replay=zero)
    assert history.eager == "replay=False"


def test_a_true_of_another_type_insists():
    with pytest.raises(ValueError, match="replay=True"):
        small().fit(XOR_X, XOR_Y, loss=by_data, progress=False, replay=np.True_)


# ------------------------------------------------------------------------------------------------- infinity on the way


def test_runaway_weights_are_told_in_the_words_of_eager_training():
    def run(replay):
        with pytest.raises(FloatingPointError) as caught:
            small().fit(
                [[1e200, 1.0]] * 4, [1e200] * 4, optimizer="sgd", epochs=9, seed=0, progress=False, replay=replay
            )
        return str(caught.value)

    assert run(True) == run(False)
    assert "in epoch 1, step 1" in run(True)


def test_where_arrays_meet_infinity_and_numbers_do_not_the_step_is_eager():
    """At 0, the derivative of a square root is infinite; times 0 that is NaN in arrays."""

    class Rooted(Module):
        def __init__(self):
            self.w = Value(1.0)

        def __call__(self, x):
            return self.w * x[0] + maximum(1e300 * x[1], 0.0) * 0.0

    data = [[1.0, 0.0], [2.0, 1.0], [1.0, 1e9]]  # 1e300 * 1e9 is infinite, and times 0.0 no number
    with pytest.raises(FloatingPointError, match="the loss is nan"):
        Rooted().fit(data, [1.0, 2.0, 3.0], epochs=1, progress=False)


# --------------------------------------------------------------------------------------------------- predict and score


@pytest.fixture
def always(monkeypatch):
    """Replay where it would not be worth it, too."""
    monkeypatch.setattr(nn.programs, "_MUCH", 0)


@pytest.mark.parametrize("loss", LOSSES)
def test_predictions_by_replay_are_those_of_the_model(loss, always):
    n_outputs, y = LOSSES[loss]
    model, _ = trained(True, MLP(3, [5, n_outputs], seed=2), X, y, loss=loss.split()[0], epochs=30, batch_size=9)
    single = [model.predict(X[i : i + 1])[0] for i in range(len(X))]
    said, score = model.predict(X), model.score(X, y)
    nn.programs._MUCH = 10**9
    if model.classes is None:
        assert np.array(said) == pytest.approx(np.array(model.predict(X)), rel=1e-12)
        assert np.array(said) == pytest.approx(np.array(single), rel=1e-12)
    else:
        assert said == model.predict(X) == single
    assert score == pytest.approx(model.score(X, y), rel=1e-12)


def test_predictions_follow_the_model_as_it_changes(always):
    model = Shifted()
    points = [[float(i)] for i in range(5)]
    assert model.predict(points) == [0.5 * i for i in range(5)]
    model.shift = 1.0
    assert model.predict(points) == [0.5 * i + 1.0 for i in range(5)]
    model.slope.data = 2.0
    assert model.predict(points) == [2.0 * i + 1.0 for i in range(5)]
    model.slope = Value(3.0)
    assert model.predict(points) == [3.0 * i + 1.0 for i in range(5)]


def test_a_program_is_kept_for_the_next_call_and_gone_with_its_model(always):
    model = small()
    for _ in range(2):
        trained(True, model, XOR_X, XOR_Y, loss="hinge", epochs=1)
        model.predict(XOR_X)
        assert len(nn.programs._KEPT.get(model, {})) == 2
    (program,) = [p for (loss, *_), (_, p) in nn.programs._KEPT.get(model, {}).items() if loss is None]
    model.predict(XOR_X)
    assert program in [p for _, p in nn.programs._KEPT.get(model, {}).values()]
    gc.collect()
    count = len(nn.programs._KEPT._held)
    del model
    gc.collect()
    assert len(nn.programs._KEPT._held) == count - 1


def test_models_that_branch_predict_what_they_say(always):
    model = MLP(1, [4, 1], activation=clipped, seed=1)
    points = [[float(i)] for i in range(-30, 30)]
    assert model.predict(points) == pytest.approx([model(x).data for x in points], rel=1e-13)


def test_moons_in_a_fraction_of_the_eager_calls(capsys):
    """A replay calls the model a few times, and not for each example."""

    class Counted(MLP):
        def __call__(self, x):
            print("called")
            return super().__call__(x)

    data = moons(200, seed=0)
    trained(True, Counted(2, [4, 1], seed=0), data.X, data.y, loss="binary_cross_entropy", epochs=5)
    assert capsys.readouterr().out.count("called") < 12
    assert mse  # the losses themselves stay as they are


def test_products_run_in_one_thread_while_training_and_then_as_before():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def threads():
        return [library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before, inside = threads(), []

        def callback(model, _history):
            inside.append(threads())
            model.shift = 5.0  # another graph

        trained(True, Shifted(), [[1.0], [2.0]], [1.0, 3.0], epochs=3, callbacks=[callback])
        assert threads() == before
        assert inside == [[1] * len(before)] * 3
        with pytest.raises(LookupError):
            trained(True, Shifted(), [[1.0], [2.0]], [1.0, 3.0], epochs=3, callbacks=[lambda *_: {}["none"]])
        assert threads() == before

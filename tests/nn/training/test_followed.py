"""Training follows what code of the user's changes meanwhile, and shows it the numbers of now, in replay as eagerly."""

import threading
from functools import partial

import numpy as np
import pytest

import nn.activations
import nn.mlp
from engine import Value, compile, dot
from nn import MLP, SGD, Adam, Dropout, EarlyStopping, Layer, Module, Sequential, schedules
from nn.mlp import Neuron
from nn.schedules import ReduceOnPlateau, cosine, warm_up

X = np.random.default_rng(0).normal(size=(13, 3))
Y = np.sin(X[:, 0]) + X[:, 1]


def fitted(replay, options, make=lambda: MLP(3, [5, 4, 1], "tanh", seed=0), **more):
    """A model after training in that way, and its history; *options* makes those that depend on the model."""
    model = make()
    given = {
        "learning_rate": 0.05,
        "optimizer": "sgd",
        "epochs": 4,
        "batch_size": 5,
        "seed": 1,
        **options(model),
        **more,
    }
    if not isinstance(given["optimizer"], str):
        del given["learning_rate"]
    return model, model.fit(X, Y, replay=replay, progress=False, **given)


def assert_same(options, **more):
    """Replay and eager training give the same losses and weights; a different model than without the options."""
    (eager, expected), (replayed, history), (chosen, by_itself) = (
        fitted(replay, options, **more) for replay in (False, True, None)
    )
    weights = [parameter.data for parameter in eager.parameters()]
    for model, found in ((replayed, history), (chosen, by_itself)):
        assert found.loss == pytest.approx(expected.loss, rel=1e-9)
        assert [parameter.data for parameter in model.parameters()] == pytest.approx(weights, abs=1e-9)
    assert history.eager == ""
    return replayed, history


def bent(model):
    for neuron in model.layers[0].neurons:
        neuron.activation = "relu"


def replaced(model):
    model.layers[1] = Layer(5, 4, activation="sin", seed=3)


def shortened(model):
    if len(model.layers) == 3:
        model.layers[1:] = [Layer(5, 1, activation="linear", seed=3)]


def assigned(model):
    model.layers[0].neurons[0].w[0] = Value(2.0)


def weighed(model):
    model.layers[0].neurons[0].w[0].data = 2.0


CHANGES = [bent, replaced, shortened, assigned, weighed]


def by_plateau(model, change, at):
    class Plateau(ReduceOnPlateau):
        def after_epoch(self, history):
            super().after_epoch(history)
            if history.epochs == at:
                change(model)

    return {"learning_rate": Plateau(0.05)}


def by_stopping(model, change, at):
    class Stopping(EarlyStopping):
        def ends(self, history):
            if history.epochs == at:
                change(model)
            return super().ends(history)

    return {"early_stopping": Stopping(50, restore_best=False)}


def by_patched_stopping(model, change, at):
    stopping = EarlyStopping(50, restore_best=False)
    stopping.ends = lambda history: change(model) if history.epochs == at else None
    return {"early_stopping": stopping}


def by_function(model, change, at):
    def rate(step):
        if step == 3 * at + 1:
            change(model)
        return 0.05

    return {"learning_rate": rate}


def by_warm_up(model, change, at):
    return {"learning_rate": warm_up(2, by_function(model, change, at)["learning_rate"])}


def by_object(model, change, at):
    class Rate:
        def __call__(self, step):
            return by_function(model, change, at)["learning_rate"](step)

    return {"learning_rate": Rate()}


def by_direction(model, change, at):
    class Changing(SGD):
        def direction(self, weights, gradient, rate):
            if self.steps == 5 * at + 2:
                change(model)
            return super().direction(weights, gradient, rate)

    return {"optimizer": Changing(learning_rate=0.05)}


def by_property(model, change, at):
    class Changing(SGD):
        @property
        def momentum(self):
            if self.steps == 5 * at + 2:
                change(model)
            return 0.0

        @momentum.setter
        def momentum(self, number):
            pass

    return {"optimizer": Changing(learning_rate=0.05)}


def by_patch(model, change, at):
    optimizer = SGD(learning_rate=0.05)

    def direction(weights, gradient, rate):
        if optimizer.steps == 5 * at + 2:
            change(model)
        return gradient

    optimizer.direction = direction
    return {"optimizer": optimizer}


def by_patch_in_a_callback(model, change, at):
    optimizer = SGD(learning_rate=0.05)

    def patch(model, history):
        if history.epochs == at:
            optimizer.direction = by_patch(model, change, 0)["optimizer"].direction

    return {"optimizer": optimizer, "callbacks": [patch]}


WAYS = [by_plateau, by_stopping, by_patched_stopping, by_function, by_warm_up, by_object, by_direction, by_property,
        by_patch, by_patch_in_a_callback]  # fmt: skip


@pytest.mark.parametrize(
    ("way", "change"),
    [  # quick: each way with one change, and each change by one way
        pytest.param(way, change, marks=[] if way is by_function or change is bent else pytest.mark.slow)
        for way in WAYS
        for change in CHANGES
    ],
)
def test_what_any_code_of_the_users_changes_counts_as_it_does_eagerly(way, change):
    assert_same(lambda model: way(model, change, 2))


@pytest.mark.parametrize("change", CHANGES[:4])
def test_what_a_signal_or_another_thread_changes_is_noticed_in_the_next_epoch(change, monkeypatch):
    """No code of the user's is handed to fit; something changes the model in the middle of its second epoch."""
    model, calls, updated = MLP(3, [5, 4, 1], "tanh", seed=0), [], Adam.updated

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 5:
            change(model)
        return updated(*arguments)

    monkeypatch.setattr(Adam, "updated", interrupted)
    history = model.fit(X, Y, replay=True, epochs=4, batch_size=5, seed=0, learning_rate=0.0, progress=False)
    measured = np.mean((np.array(model.predict(X)) - Y) ** 2)
    assert history.loss[0] != pytest.approx(measured, rel=1e-3)
    assert history.loss[2:] == pytest.approx([measured] * 2, rel=1e-9)


# -------------------------------------------------------------------------------------------------- numbers of now


def by_gradient(model):
    parameter = model.parameters()[0]
    return {"learning_rate": lambda step: 0.05 * (1.0 + abs(parameter.grad))}


def by_weight(model):
    parameters = model.parameters()
    return {"learning_rate": lambda step: 0.02 + 0.01 * abs(parameters[3].data)}


def by_named_weight(model):
    named = {name + str(i): value for name, value in model.named_parameters() for i in range(60)}
    assert len(named) > 1_000
    return {"learning_rate": lambda step: 0.02 + 0.01 * abs(named["layers.0.neurons.0.w.00"].data)}


def by_helper(model):
    def helper():
        return SEEN[0].parameters()[3].data

    SEEN[:] = [model]
    return {"learning_rate": lambda step: 0.02 + 0.01 * abs(helper())}


SEEN = []


def seen_weight():
    return abs(SEEN[0].parameters()[3].data)


def by_global(model):
    SEEN[:] = [model]
    return {"learning_rate": lambda step: 0.02 + 0.01 * seen_weight()}


def by_prediction(model):
    return {"learning_rate": lambda step: 0.02 + 0.01 * abs(model.predict(X[:1])[0])}


def by_written_weight(model):
    def rate(step):
        model.parameters()[2].data = 0.25
        return 0.05

    return {"learning_rate": rate}


def by_reading_optimizer(model):
    class Reading(SGD):
        def direction(self, weights, gradient, rate):
            return gradient * (1.0 + abs(self.parameters[0].grad) + abs(model.parameters()[3].data))

    return {"optimizer": Reading(learning_rate=0.02)}


def by_reading_patch(model):
    optimizer = Adam(learning_rate=0.02)
    kept = optimizer.direction
    optimizer.direction = lambda w, g, rate: kept(w, g, rate) * (1.0 + abs(model.parameters()[3].data))
    return {"optimizer": optimizer}


@pytest.mark.parametrize(
    "reads",
    [by_gradient, by_weight, by_named_weight, by_helper, by_global, by_prediction, by_written_weight,
     by_reading_optimizer, by_reading_patch],
)  # fmt: skip
def test_code_of_the_users_sees_weights_and_gradients_of_now(reads):
    assert_same(reads)


STEPS = 100


def test_which_schedules_read_nothing():
    table = [0.1, 0.01]

    def counting(step):
        global STEPS  # noqa: PLW0603
        STEPS += 1
        return 0.1

    def importing(step):
        import math

        return math.exp(-step)

    def calling_itself(step):
        return 0.1 if step == 0 else calling_itself(step - 1)

    plain = ReduceOnPlateau(0.1)
    patched = ReduceOnPlateau(0.1)
    patched.after_epoch = print
    numbers = [0.1, 1, lambda step: 0.1 * 0.99**step, lambda step, k=3: max(0.1, k / STEPS), cosine(0.1, 5), plain,
               warm_up(3, cosine(0.1, 5)), partial(lambda base, step: base, 0.1)]  # fmt: skip
    others = [lambda step: table[step], counting, importing, lambda step: SEEN[0].rate, patched,
              partial(print, 1), calling_itself, lambda step: globals()["STEPS"], lambda step: sum([SEEN[0]]),
              lambda step: sum([SEEN[0] for _ in [step]]), print]  # fmt: skip
    assert [schedules.works_alone(schedule) for schedule in numbers] == [True] * len(numbers)
    assert [schedules.works_alone(schedule) for schedule in others] == [False] * len(others)


# ----------------------------------------------------------------------------------------------- parameters of now


def inserted(model):
    if len(model.layers) == 3:
        model.layers.insert(1, Layer(5, 5, activation="tanh", seed=7))


def at_epoch(change, epoch):
    return lambda model, history: change(model) if history.epochs == epoch else None


OPTIMIZERS = {
    "sgd": lambda: SGD(learning_rate=0.05),
    "momentum": lambda: SGD(learning_rate=0.02, momentum=0.9),
    "adam": lambda: Adam(learning_rate=0.01),
    "a subclass": lambda: type("Own", (Adam,), {})(learning_rate=0.01),
}


@pytest.mark.parametrize(
    ("optimizer", "change"),
    [  # quick: each optimizer with one change, and each change by one optimizer
        pytest.param(name, change, marks=[] if name == "adam" or change is inserted else pytest.mark.slow)
        for name in OPTIMIZERS
        for change in [inserted, replaced, shortened, assigned]
    ],
)
def test_parameters_that_a_callback_adds_are_trained(optimizer, change):
    def options(model):
        return {"optimizer": OPTIMIZERS[optimizer](), "callbacks": [at_epoch(change, 2)]}

    model, _ = assert_same(options)
    new = MLP(3, [5, 4, 1], "tanh", seed=0)
    change(new)
    place = 1 if change in (inserted, replaced) else -1 if change is shortened else 0
    before = [parameter.data for parameter in new.layers[place].parameters()]
    assert [parameter.data for parameter in model.layers[place].parameters()] != before
    if change is assigned:
        assert model.layers[0].neurons[0].w[0].data != 2.0


def of_two_weights(outputs, target, near, far):
    """The leaf *far* is met in few examples, and not in the first one."""
    error = outputs - target + Value(0.0)  # which is another leaf in each call
    return error * error * near.exp() - near + (far * abs(error) if error > 1.5 else 0.0)


@pytest.mark.parametrize("optimizer", ["adam", "a subclass"])
@pytest.mark.parametrize("more", [{}, {"clip_norm": 0.5}, {"replay": None}], ids=str)
def test_leaves_of_a_loss_that_are_no_parameters_have_their_gradients(optimizer, more):
    """As for the weight of a part of the loss, which a callback trains."""

    def trained(replay):
        model, near, far, found = MLP(3, [5, 1], "tanh", seed=0), Value(0.5), Value(0.3), []
        chosen = OPTIMIZERS[optimizer]()
        chosen.clip_norm = more.get("clip_norm")

        def descend(model, history):
            found.append((near.grad, far.grad))
            for leaf in (near, far):
                leaf.data -= 0.01 * leaf.grad
                leaf.grad = 0.0

        history = model.fit(
            X, Y, loss=lambda o, t: of_two_weights(o, t, near, far), optimizer=chosen, callbacks=[descend], epochs=4,
            batch_size=5, seed=1, replay=replay, progress=False,
        )  # fmt: skip
        return [*np.ravel(found), near.data, far.data, *[each.data for each in model.parameters()]], history

    (expected, eager), (numbers, history) = trained(False), trained(more.get("replay", True))
    assert history.eager == ""
    assert all(expected[:2])
    assert history.loss == pytest.approx(eager.loss, rel=1e-9)
    assert numbers == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("replay", [True, False])
def test_parameters_added_between_two_fits_are_trained_and_the_others_keep_their_moments(replay):
    model, optimizer = MLP(3, [5, 4, 1], "tanh", seed=0), Adam(learning_rate=0.01)
    settings = {"optimizer": optimizer, "replay": replay, "epochs": 2, "seed": 0, "progress": False}
    model.fit(X, Y, **settings)
    squares = dict(zip(model.parameters(), optimizer.square.tolist()))
    inserted(model)
    before = [parameter.data for parameter in model.layers[1].parameters()]
    model.fit(X, Y, **{**settings, "epochs": 0})
    kept = dict(zip(model.parameters(), optimizer.square.tolist()))
    assert {parameter: kept[parameter] for parameter in squares} == squares
    assert [kept[parameter] for parameter in model.layers[1].parameters()] == [0.0] * 30
    model.fit(X, Y, **settings)
    assert all(a != b.data for a, b in zip(before, model.layers[1].parameters(), strict=True))


def test_parameters_that_the_user_chose_are_trained_alone():
    def options(model):
        return {
            "optimizer": SGD(model.layers[2].parameters(), learning_rate=0.05),
            "callbacks": [at_epoch(inserted, 2)],
        }

    model, _ = assert_same(options)
    assert model.layers[1].state_dict() == Layer(5, 5, activation="tanh", seed=7).state_dict()


# ------------------------------------------------------------------------------- what a model of nn's parts reaches

SCALE = [1.0]


def with_a_function(neuron, patch):
    neuron.activation = lambda z: z * SCALE[0]


def with_another_class(neuron, patch):
    neuron.__class__ = type("Scaled", (Neuron,), {"__call__": lambda self, x: Neuron.__call__(self, x) * SCALE[0]})


def with_a_patched_class(neuron, patch):
    call = Neuron.__call__
    patch.setattr(Neuron, "__call__", lambda self, x: call(self, x) * SCALE[0])


def with_a_property(neuron, patch):
    def set_b(self, number):
        vars(self)["b"] = number

    patch.setattr(Neuron, "b", property(lambda self: vars(self)["b"] * SCALE[0], set_b), raising=False)


def with_a_patched_module(neuron, patch):
    patch.setattr(nn.mlp, "dot", lambda a, b: dot(a, b) * SCALE[0])


def with_other_code(neuron, patch):
    def call(self, x):
        return self.activated(dot(self.w, x) + self.b * 0.5)

    patch.setattr(Neuron.__call__, "__code__", call.__code__)


def with_another_default(neuron, patch):
    def scaled(z, scale=SCALE):
        return z * scale[0]

    patch.setitem(nn.activations.ACTIVATIONS, "tanh", scaled)


def with_a_list_of_its_own(neuron, patch):
    class Scaling(list):
        def __iter__(self):
            return (w * SCALE[0] for w in super().__iter__())

    neuron.w = Scaling(neuron.w)


def with_a_name_that_changes(neuron, patch):
    class Name(str):
        __slots__ = ()

        def __hash__(self):
            return hash("tanh" if SCALE[0] == 1.0 else "sin")

        def __eq__(self, other):
            return other == ("tanh" if SCALE[0] == 1.0 else "sin")

    neuron.activation = Name()


def with_an_array(neuron, patch):
    neuron.b = np.array(SCALE)[0:1].reshape(())
    SCALE.append(neuron.b)


@pytest.mark.parametrize(
    ("change", "at"),
    [  # at 0, before training
        (with_a_patched_module, 0),
        *((change, 1) for change in (with_a_function, with_another_class, with_a_patched_class, with_a_property)),
        *((change, 1) for change in (with_a_patched_module, with_other_code, with_another_default, with_an_array)),
        *((change, 1) for change in (with_a_list_of_its_own, with_a_name_that_changes)),
    ],
)
def test_what_is_not_nns_is_recorded_again_after_each_callback(change, at, monkeypatch):
    """It comes into a model of nn's parts, and callbacks change what it reads."""

    def options(model):
        monkeypatch.undo()
        SCALE[:] = [1.0]
        if not at:
            change(model.layers[0].neurons[0], monkeypatch)

        def call(model, history):
            if history.epochs == at:
                change(model.layers[0].neurons[0], monkeypatch)
            elif history.epochs > at:
                SCALE[0] = 1.0 / history.epochs
                for array in SCALE[1:]:
                    array[...] = SCALE[0]

        return {"callbacks": [call], "epochs": 4}

    assert_same(options)


def swapped(model):
    first, second, *_ = (neuron.w for neuron in model.layers[0].neurons)
    first[0], second[0] = second[0], first[0]


def reversed_in_place(model):
    model.layers[0].neurons.reverse()


def tied(model):
    model.layers[0].neurons[1].w = model.layers[0].neurons[0].w


def fixed(model):
    model.layers[0].neurons[0].b = 0.25


@pytest.mark.parametrize("change", [swapped, reversed_in_place, tied, fixed])
def test_what_a_callback_changes_in_a_model_of_nns_parts_counts(change):
    assert_same(lambda model: {"callbacks": [at_epoch(change, 2)]})


def test_attributes_that_a_callback_renames_count():
    """All parts come in the same order as before."""

    def with_another():
        model = MLP(3, [5, 4, 1], "tanh", seed=0)
        model.layers[0].neurons[0].c = Value(0.3)
        return model

    def renamed(model):
        own = vars(model.layers[0].neurons[0])
        items = [({"b": "c", "c": "b"}.get(name, name), part) for name, part in own.items()]
        own.clear()
        own.update(items)

    assert_same(lambda model: {"callbacks": [at_epoch(renamed, 2)]}, make=with_another)


# ------------------------------------------------------------------------------------------------ one at a time


@pytest.mark.parametrize("replay", [True, False])
@pytest.mark.parametrize("is_same", [True, False])
def test_an_optimizer_takes_the_steps_of_one_fit_at_a_time(replay, is_same):
    optimizer, other = Adam(), MLP(3, [2, 1], seed=1)
    before, errors = other.state_dict(), []

    def nested(model, history):
        with pytest.raises(RuntimeError, match="this Adam takes the steps of another call of fit"):
            (model if is_same else other).fit(X, Y, optimizer=optimizer, epochs=1, progress=False)
        errors.append(optimizer.steps)

    def in_a_thread(model, history):
        thread = threading.Thread(target=nested, args=(other, history))
        thread.start()
        thread.join()

    model = MLP(3, [2, 1], seed=0)
    model.fit(X, Y, optimizer=optimizer, replay=replay, epochs=2, callbacks=[nested, in_a_thread], progress=False)
    assert errors == [1, 1, 2, 2]
    assert other.state_dict() == before
    model.fit(X, Y, optimizer=optimizer, replay=replay, epochs=2, progress=False)
    assert optimizer.steps == 4


def test_a_nested_fit_with_another_optimizer_trains():
    def nested(model, history):
        model.fit(X, Y, optimizer=SGD(learning_rate=0.01), epochs=1, seed=0, progress=False)

    assert_same(lambda model: {"callbacks": [nested]})


# ------------------------------------------------------------------------------------------------------- noise


class Noisy(Module):
    """It calls its Dropout once or twice."""

    def __init__(self, more_for=lambda z: z > 0.5):
        self.inner, self.d, self.outer, self._more_for = (
            Layer(3, 4, seed=0),
            Dropout(0.5),
            Layer(4, 1, seed=1),
            more_for,
        )

    def __call__(self, x):
        v = self.inner(x)
        return self.outer(self.d(self.d(v)) if self._more_for(x[0]) else self.d(v))


@pytest.mark.parametrize("more_for", [lambda z: z > 0.5, lambda z: z < 0.5, lambda z: z > 100.0, lambda z: z < 100.0])
def test_a_dropout_that_is_called_once_or_twice(more_for):
    def run(replay):
        return fitted(replay, lambda model: {}, lambda: Noisy(more_for))

    (replayed, history), (eager, expected) = run(None), run(False)
    assert history.loss == pytest.approx(expected.loss, rel=1e-9)
    assert [p.data for p in replayed.parameters()] == pytest.approx([p.data for p in eager.parameters()], abs=1e-9)
    is_always_one_way = sum(map(more_for, X[:, 0])) in (0, len(X))
    assert ("the model asks for other noise than for the first example" in history.eager) is not is_always_one_way


def with_noise():
    return Sequential(Layer(3, 4, seed=0), Dropout(0.5), Layer(4, 1, seed=1))


@pytest.mark.parametrize("change", [list.reverse, list.pop])
def test_a_loss_may_change_its_list_of_targets(change):
    def loss(outputs, target):
        change(target)
        return sum((z - t) ** 2 for z, t in zip(outputs, target))

    def run(replay):
        model = MLP(3, [4, 2], seed=0)
        return model.fit(X, np.stack([Y, Y**2], 1), loss=loss, epochs=4, seed=1, progress=False, replay=replay)

    assert run(False).loss == pytest.approx(run(True).loss, rel=1e-9)


def test_a_loss_that_calls_a_noisy_model():
    def run(replay):
        twice = lambda model: lambda output, t: (output - t) ** 2 + model([0.5, 1.0, -1.0]) ** 2  # noqa: E731
        return fitted(replay, lambda model: {"loss": twice(model)}, with_noise)

    (replayed, history), (eager, expected) = run(None), run(False)
    assert history.loss == pytest.approx(expected.loss, rel=1e-9)
    assert [p.data for p in replayed.parameters()] == pytest.approx([p.data for p in eager.parameters()], abs=1e-9)


@pytest.mark.parametrize(
    ("make", "change", "is_replayed"),
    [
        (with_noise, lambda model: model.layers.insert(1, Dropout(0.2)), False),
        (with_noise, lambda model: model.layers.pop(1), False),
        (with_noise, lambda model: model.layers.__setitem__(1, Dropout(0.2)), False),
        (with_noise, lambda model: setattr(model.layers[1], "rate", 0.2), True),
        (lambda: MLP(3, [4, 1], seed=0), lambda model: model.layers.insert(1, Dropout(0.2)), False),
    ],
)
def test_noise_that_a_callback_changes(make, change, is_replayed):
    def run(replay):
        return fitted(replay, lambda model: {"callbacks": [at_epoch(change, 2)]}, make)

    (replayed, history), (eager, expected) = run(None), run(False)
    assert history.loss == pytest.approx(expected.loss, rel=1e-9)
    assert [p.data for p in replayed.parameters()] == pytest.approx([p.data for p in eager.parameters()], abs=1e-9)
    assert is_replayed or "the model asks for other noise" in history.eager
    if not is_replayed:
        model, until = make(), fitted(True, lambda model: {"epochs": 2}, make)[0]
        weights = [parameter.data for parameter in until.parameters()]
        with pytest.raises(ValueError, match="the model asks for other noise"):
            fitted(True, lambda model: {"callbacks": [at_epoch(change, 2)]}, lambda: model)
        assert [parameter.data for parameter in model.parameters()] == weights


# ------------------------------------------------------------------------------------------------------- examples


@pytest.mark.parametrize("which", ["X", "y", "weights", "validation X", "validation y"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_examples_are_those_that_fit_was_called_with(which, dtype):
    def run(replay, factor):
        given = {"X": X.astype(dtype), "y": Y.copy(), "weights": np.ones(len(X)), "validation X": X.astype(dtype)}
        given["validation y"] = Y.copy()

        def callback(model, history):
            given[which][:] *= factor

        model = MLP(3, [5, 1], "tanh", seed=0)
        return model.fit(
            given["X"], given["y"], sample_weight=given["weights"], epochs=3, seed=0, replay=replay, progress=False,
            validation_data=(given["validation X"], given["validation y"]), callbacks=[callback],
        )  # fmt: skip

    expected = run(False, 1.0)
    for replay in (True, False):
        assert run(replay, 0.5).loss == pytest.approx(expected.loss, rel=1e-9)
        assert run(replay, 0.5).validation_loss == pytest.approx(expected.validation_loss, rel=1e-9)


def test_a_frame_that_is_changed_in_training():
    pandas = pytest.importorskip("pandas")
    frame, model = pandas.DataFrame(X.copy()), MLP(3, [5, 1], "tanh", seed=0)

    def callback(model, history):
        frame.iloc[:, :] = 0.0

    history = model.fit(frame, Y, epochs=3, seed=0, replay=False, callbacks=[callback], progress=False)
    assert history == MLP(3, [5, 1], "tanh", seed=0).fit(X, Y, epochs=3, seed=0, replay=False, progress=False)


def test_masked_numbers_are_refused():
    masked, column = np.ma.masked_array(X, mask=X > 1.0), np.ma.masked_array(Y, mask=Y > 0.5)
    model = MLP(3, [5, 1], seed=0)
    for which, call in {
        "X": lambda: model.fit(masked, Y, progress=False),
        "y": lambda: model.fit(X, column, progress=False),
        "sample_weight": lambda: model.fit(X, Y, sample_weight=column, progress=False),
        "y of classes": lambda: model.fit(X, np.ma.masked_array(Y > 0.0, mask=Y > 0.5), loss="bce", progress=False),
        "X of predict": lambda: model.predict(masked),
    }.items():
        with pytest.raises(ValueError, match=rf"{which.split()[0]} must have no masked numbers, got \d+ of them"):
            call()
    model.fit(np.ma.masked_array(X), np.ma.masked_array(Y), epochs=1, progress=False)


def test_a_rate_that_fell_on_a_plateau_begins_again_with_the_next_fit():
    rate = ReduceOnPlateau(0.0, patience=1)
    rate.start = rate.rate = 0.05
    rates = []

    def run():
        return fitted(None, lambda model: {"learning_rate": rate, "epochs": 40}, callbacks=[note])[1]

    def note(model, history):
        rates.append(rate.rate)

    first, lowest = run(), rates[-1]
    assert lowest < 0.05
    assert run() == first
    assert rates[:40] == rates[40:]


@pytest.mark.parametrize("replay", [None, False])
@pytest.mark.parametrize(
    ("direction", "words"),
    [
        (lambda w, g, rate: g[:-1], r"got an array of shape \(48,\)"),
        (lambda w, g, rate: g.reshape(-1, 1), r"got an array of shape \(49, 1\)"),
        (lambda w, g, rate: g.tolist(), "got a list"),
        (lambda w, g, rate: None, "got a NoneType"),
        (lambda w, g, rate: 0.0, "got a float"),
    ],
)
def test_a_direction_is_a_vector_of_the_parameters(direction, words, replay):
    class Own(SGD):
        pass

    Own.direction = lambda self, *arguments: direction(*arguments)
    with pytest.raises(ValueError, match=rf"Own\.direction must give an array of shape \(\d+,\), {words}"):
        fitted(replay, lambda model: {"optimizer": Own()})


def test_a_callback_ends_training_by_a_bool():
    for answer, epochs in ((True, 1), (np.True_, 1), (1, 4), ("yes", 4), (False, 4), (None, 4)):
        assert fitted(None, lambda model, answer=answer: {"callbacks": [lambda *_: answer]})[1].epochs == epochs


# ------------------------------------------------------------------------------- weights that are written by other code


@pytest.mark.parametrize("replay", [True, False, None])
@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_a_weight_that_a_schedule_writes_counts(replay, optimizer):
    model = MLP(3, [4, 1], seed=0)
    bias = model.layers[1].neurons[0].b

    def schedule(step):
        if step == 4:
            bias.data = 50.0
        return 0.0

    model.fit(X, Y, optimizer=optimizer(learning_rate=schedule), epochs=3, batch_size=5, replay=replay, progress=False)
    assert bias.data == 50.0


@pytest.mark.parametrize("replay", [True, False])
@pytest.mark.parametrize("is_trained", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_weight_that_is_written_during_an_epoch_counts(replay, is_trained, dtype, monkeypatch):
    """By another thread; here between two steps."""
    from nn.training import replayed, steps

    kind = replayed.Replayed if replay else steps.Steps
    own, calls = kind.step, []
    model = MLP(3, [4, 1], seed=0)
    neuron = model.layers[1].neurons[0]
    chosen = neuron.b if is_trained else neuron.w[0]

    def step(self, batch):
        calls.append(batch)
        if len(calls) == 2:
            chosen.data = 50.0
        return own(self, batch)

    monkeypatch.setattr(kind, "step", step)
    trained = [p for p in model.parameters() if is_trained or p is not chosen]
    options = {"dtype": dtype} if replay else {}
    history = model.fit(
        X,
        Y,
        optimizer=SGD(trained, learning_rate=0.0),
        epochs=3,
        replay=replay,
        batch_size=5,
        progress=False,
        **options,
    )
    assert chosen.data == 50.0
    assert history.loss[2] > 100.0


def test_a_callback_may_not_take_losses_away():
    with pytest.raises(ValueError, match=r"history\.loss must keep its 1 losses, got 0 after the callbacks"):
        MLP(1, [1]).fit([[1.0], [2.0]], [1.0, 2.0], callbacks=[lambda _, history: history.loss.clear()], progress=False)


def test_a_compiled_function_of_weights_in_a_loss_is_not_replayed():
    model = MLP(3, [3, 1], seed=0)
    weight = model.parameters()[0]
    penalty = compile(lambda x: x * weight * weight + 1.0)
    penalty([[1.0]])

    def loss(output, target):
        return (output - target) ** 2 * penalty([[1.0]])[0].item()

    history = model.fit(X, Y, loss=loss, epochs=1, seed=0, progress=False)
    assert ".data of a Value" in history.eager

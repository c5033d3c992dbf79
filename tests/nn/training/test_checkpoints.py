"""Checkpoints: a run that was stopped at any moment goes on to the last bit, and nothing is ever lost."""

import errno
import json
import math
import os
import random
import random as another_name
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import nn.training.checkpoint
from engine import Value
from nn import MLP, SGD, Adam, AdamW, Dropout, Layer, Module, Optimizer, Sequential
from nn.__main__ import main
from nn.data import moons
from nn.model_files import ModelFileError
from nn.schedules import EarlyStopping, ReduceOnPlateau, cosine, step_decay, warm_up

DATA = moons(60, seed=1)
OPTIMIZERS = {
    "sgd": lambda: SGD(learning_rate=0.05),
    "momentum": lambda: SGD(learning_rate=0.05, momentum=0.9, nesterov=True),
    "adam": lambda: Adam(learning_rate=0.02),
    "adamw": lambda: AdamW(learning_rate=lambda step: 0.02 / (1 + step)),
}


class KilledError(Exception):
    """The machine stops here."""


def trained(path=None, epochs=4, optimizer="adam", model=None, **options):
    model = model or MLP(2, [5, 1], activation="tanh", seed=3)
    validation = (DATA.X[:10], DATA.y[:10])
    settings = {"loss": "binary_cross_entropy", "seed": 5, "batch_size": 16, "progress": False} | options
    history = model.fit(
        DATA.X,
        DATA.y,
        optimizer=OPTIMIZERS[optimizer](),
        epochs=epochs,
        validation_data=validation,
        checkpoint=path,
        **settings,
    )
    return [p.data for p in model.parameters()], history


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("replay", [None, False])
def test_a_run_that_was_stopped_after_an_epoch_goes_on_to_the_last_bit(tmp_path, optimizer, replay):
    whole = trained(optimizer=optimizer, replay=replay)
    path = tmp_path / "run.json"
    trained(path, epochs=2, optimizer=optimizer, replay=replay)
    assert trained(path, optimizer=optimizer, replay=replay) == whole
    assert trained(path, optimizer=optimizer, replay=replay) == whole, "a finished run is finished"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("steps", [1, 3, 4, 6])
def test_a_run_that_was_killed_within_an_epoch_goes_on_to_the_last_bit(tmp_path, monkeypatch, steps, dtype):
    whole = trained(dtype=dtype)
    path = tmp_path / "run.json"
    written = nn.training.checkpoint.Checkpoint.write
    count = 0

    def write_and_die(self, *state):
        nonlocal count
        written(self, *state)
        count += 1
        if count > steps:
            raise KilledError

    monkeypatch.setattr(nn.training.checkpoint.Checkpoint, "write", write_and_die)
    with pytest.raises(KilledError):
        trained(path, checkpoint_every=0.0, dtype=dtype)
    monkeypatch.undo()
    assert trained(path, dtype=dtype) == whole


def test_randomness_of_pythons_own_goes_on_too(tmp_path):
    random.seed(11)
    whole = trained(seed=None)
    path = tmp_path / "run.json"
    random.seed(11)
    trained(path, epochs=1, seed=None)
    random.seed(99)
    assert trained(path, seed=None) == whole


def test_a_callback_that_ended_the_run_has_ended_it_for_good(tmp_path):
    path = tmp_path / "run.json"
    first = trained(path, callbacks=[lambda model, history: history.epochs == 2])
    again = trained(path)
    assert again[0] == first[0]
    assert again[1].epochs == 2


SCRIPT = """
    import sys
    from nn import MLP
    from nn.data import moons
    data = moons(60, seed=1)
    model = MLP(2, [5, 1], activation="tanh", seed=3)
    model.fit(data.X, data.y, loss="binary_cross_entropy", epochs=60, batch_size=8, seed=5, progress=False,
              checkpoint=sys.argv[1], checkpoint_every=0.0)
    print([p.data for p in model.parameters()])
"""


@pytest.mark.skipif(os.name != "posix", reason="needs kill -9")
@pytest.mark.slow
def test_kill_9_at_random_moments_leaves_a_whole_checkpoint(tmp_path):
    script, path = tmp_path / "script.py", tmp_path / "run.json"
    script.write_text(textwrap.dedent(SCRIPT))
    whole = subprocess.run(
        [sys.executable, script, tmp_path / "other.json"], capture_output=True, text=True, check=True
    )
    chance = random.Random(4)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, script, path], stdout=subprocess.PIPE, text=True)
        try:
            process.wait(chance.uniform(0.4, 1.6))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        if path.exists():
            assert json.loads(path.read_text())["format"] == "gradstep checkpoint"
    done = subprocess.run([sys.executable, script, path], capture_output=True, text=True, check=True)
    assert done.stdout == whole.stdout


def test_a_schedule_belongs_to_the_run(tmp_path):
    path = tmp_path / "run.json"

    def run(rate):
        return MLP(2, [3, 1], seed=0).fit(
            DATA.X, DATA.y, loss="bce", seed=0, epochs=1, checkpoint=path, learning_rate=rate, progress=False
        )

    run(cosine(0.01, 100))
    run(cosine(0.01, 100))
    for rate in (0.01, cosine(0.02, 100), step_decay(0.01, 100)):
        with pytest.raises(ValueError, match=r"differs in the learning_rate of the optimizer"):
            run(rate)


@pytest.mark.parametrize(
    ("setting", "rate"),
    [
        ({"clip_norm": 1.0}, 0.1),
        ({"clip_value": 1.0}, 0.1),
        ({"l1": 0.1}, 0.1),
        ({"l2": 0.1}, 0.1),
        ({"weight_decay": 0.1}, 0.1),
        ({}, 1),
        ({}, lambda step: 0.2),
        ({}, lambda step: 0.1 + 0 * step),
        ({}, warm_up(3, cosine(0.1, 9))),
    ],
)
def test_the_settings_of_an_optimizer_belong_to_the_run(tmp_path, setting, rate):
    path = tmp_path / "run.json"

    def run(setting, rate):
        optimizer = SGD(learning_rate=rate, **setting)
        MLP(2, [3, 1], seed=0).fit(DATA.X, DATA.y, loss="bce", seed=0, epochs=1, checkpoint=path, optimizer=optimizer,
                                   progress=False)  # fmt: skip

    run({}, lambda step: 0.1)
    run({}, lambda step: 0.1)
    name = next(iter(setting), "learning_rate")
    with pytest.raises(ValueError, match=f"differs in the {name} of the optimizer: "):
        run(setting, (lambda step: 0.1) if setting else rate)
    path.unlink()
    run(setting, rate)
    run(setting, rate)
    if isinstance(rate, partial):
        with pytest.raises(ValueError, match="differs in the learning_rate of the optimizer: "):
            run({}, warm_up(3, cosine(0.2, 9)))


BASE = {0: 0.1}


class Powers:
    def __call__(self, step):
        return BASE[0] ** (1 + step)


@pytest.mark.parametrize("rate", [lambda step: BASE[0], partial(lambda base, step: base[0], BASE), Powers()])
def test_what_a_schedule_computes_belongs_to_the_run(tmp_path, monkeypatch, rate):
    def run():
        model = MLP(2, [3, 1], seed=0)
        model.fit(DATA.X, DATA.y, seed=0, epochs=1, checkpoint=tmp_path / "run", learning_rate=rate, progress=False)

    run()
    run()
    monkeypatch.setitem(BASE, 0, 0.2)
    with pytest.raises(ValueError, match=r"differs in the learning rate of step 0: '0[.]1' there"):
        run()


class Falling:
    """A schedule of one's own that begins with infinity."""

    def __init__(self):
        self.lowest = math.inf

    def __call__(self, step):
        return 0.1 / (1 + step)


def test_a_schedule_of_ones_own_with_infinity_in_it_goes_on(tmp_path):
    def run(path, epochs):
        model = MLP(2, [3, 1], seed=0)
        options = {"loss": "bce", "seed": 0, "progress": False, "early_stopping": EarlyStopping(9, min_delta=1e-9)}
        model.fit(DATA.X, DATA.y, optimizer=SGD(learning_rate=Falling()), epochs=epochs, checkpoint=path, **options)
        return [p.data for p in model.parameters()]

    run(tmp_path / "run.json", 1)
    assert run(tmp_path / "run.json", 3) == run(None, 3)


@pytest.mark.parametrize("replay", [True, False])
def test_what_a_schedule_made_of_the_model_counts_from_the_first_step_on(tmp_path, replay):
    class Bending(ReduceOnPlateau):
        def after_epoch(self, history):
            super().after_epoch(history)
            if history.epochs == 2:
                self.neuron.activation = "relu"

    def run(path, epochs):
        model, rate = MLP(2, [3, 1], "tanh", seed=0), Bending(0.05)
        rate.neuron = model.layers[0].neurons[0]
        options = {"loss": "bce", "seed": 0, "progress": False, "replay": replay}
        model.fit(DATA.X, DATA.y, learning_rate=rate, epochs=epochs, checkpoint=path, **options)
        return [p.data for p in model.parameters()]

    run(tmp_path / "run.json", 2)
    assert run(tmp_path / "run.json", 4) == run(None, 4)


def test_clipping_and_penalties_go_on_to_the_last_bit(tmp_path):
    def run(path, epochs):
        model = MLP(2, [3, 1], seed=0)
        optimizer = SGD(learning_rate=0.1, momentum=0.5, l1=0.01, l2=0.01, clip_norm=0.1)
        model.fit(DATA.X, DATA.y, loss="bce", seed=0, epochs=epochs, checkpoint=path, optimizer=optimizer,
                  progress=False)  # fmt: skip
        return [p.data for p in model.parameters()]

    run(tmp_path / "run.json", 1)
    assert run(tmp_path / "run.json", 3) == run(None, 3)


def test_another_function_of_the_same_name_is_another_loss(tmp_path):
    path = tmp_path / "run.json"
    trained(path, epochs=1, loss=lambda output, target: (output - target) ** 2)
    trained(path, epochs=1, loss=lambda output, target: (output - target) ** 2)
    for other in (lambda output, target: abs(output - target), lambda output, target: (output - target) ** 4):
        with pytest.raises(ValueError, match="differs in the code of the loss; give another file name"):
            trained(path, epochs=1, loss=other)


def of_default(scale):
    return lambda output, target, by=scale: by * (output - target) ** 2


def of_closure(scale):
    return lambda output, target: scale * (output - target) ** 2


class OfAttribute:
    def __init__(self, scale):
        self.scale = scale

    def __call__(self, output, target):
        return self.scale * (output - target) ** 2


@pytest.mark.parametrize("made", [of_default, of_closure, OfAttribute])
def test_the_numbers_that_a_loss_was_made_with_belong_to_the_run(tmp_path, made):
    path = tmp_path / "run.json"
    trained(path, epochs=1, loss=made(1.0))
    trained(path, epochs=1, loss=made(1.0))
    with pytest.raises(ValueError, match="differs in the code of the loss"):
        trained(path, epochs=1, loss=made(2.0))


WEIGHT = [1.0]


class Inside(Module):
    def __init__(self):
        self.inner = MLP(2, [3, 1], seed=0)

    def __call__(self, x):
        return self.inner(x)


@pytest.mark.parametrize("what", ["a global of the loss", "the code of the model"])
def test_what_model_and_loss_compute_belongs_to_the_run(tmp_path, monkeypatch, what):
    def run(epochs):
        def loss(output, target):
            return WEIGHT[0] * (output - target) ** 2

        Inside().fit(DATA.X, DATA.y, loss=loss, seed=0, epochs=epochs, checkpoint=tmp_path / "run.json", progress=False)

    run(1)
    run(2)
    if what == "a global of the loss":
        monkeypatch.setattr(f"{__name__}.WEIGHT", [2.0])
    else:
        monkeypatch.setattr(Inside, "__call__", lambda self, x: 2.0 * self.inner(x))
    with pytest.raises(ValueError, match=r"differs in the loss that the model has for example 0: .* there, .* here"):
        run(3)


class Settings:
    """An argument with Python's own repr, which has its address."""


class Made(Module):
    def __init__(self, settings, activation):
        self.net = Sequential(Layer(2, 3, seed=0), lambda outputs: [2.0 * z for z in outputs], Layer(3, 1, seed=1))
        self.activation = activation

    def __call__(self, x):
        return self.activation(self.net(x))


def test_addresses_of_objects_do_not_tell_runs_apart(tmp_path):
    models = [Made(Settings(), lambda z: z.tanh()) for _ in range(2)]
    assert trained(tmp_path / "run.json", 2, model=models[0]) == trained(tmp_path / "run.json", 2, model=models[1])
    networks = [model.net for model in models]
    assert trained(tmp_path / "net", 2, model=networks[0]) != trained(tmp_path / "net", 4, model=networks[1])


def test_no_graphs_tell_runs_apart_where_names_and_numbers_do(tmp_path, monkeypatch):
    def refuse(*_):
        raise AssertionError("graphs of large models take long")

    monkeypatch.setattr("nn.training.fingerprint.graphs_of", refuse)
    trained(tmp_path / "run.json", 1)
    with pytest.raises(AssertionError, match="take long"):
        trained(tmp_path / "other.json", 1, model=MLP(2, [3, 1], activation=lambda z: z.tanh(), seed=0))


def test_a_run_that_a_callback_ended_goes_on_when_more_epochs_are_asked(tmp_path):
    path = tmp_path / "run.json"

    def at_two(_model, history):
        return np.bool_(history.epochs == 2)

    ended = trained(path, epochs=4, callbacks=[at_two])[1]
    assert (ended.epochs, ended.interrupted) == (2, True)
    assert trained(path, epochs=4, callbacks=[at_two])[1].epochs == 2, "the same script again is the same run"
    assert trained(path, epochs=5, callbacks=[at_two])[0] == trained(epochs=5)[0]


def test_a_run_of_more_epochs_than_are_asked_is_refused(tmp_path, monkeypatch):
    path, model, optimizer = tmp_path / "run.json", MLP(2, [5, 1], activation="tanh", seed=3), Adam(learning_rate=0.02)
    monkeypatch.setitem(OPTIMIZERS, "adam", lambda: optimizer)
    trained(path, epochs=3)
    optimizer = Adam(learning_rate=0.02)
    before, content = model.state_dict(), path.read_bytes()
    with pytest.raises(
        ValueError, match=r"run.json must be of at most 2 epochs, as many as are asked, got one of 3; giv"
    ):
        trained(path, epochs=2, model=model)
    assert (model.state_dict(), path.read_bytes(), optimizer.steps) == (before, content, 0)


def test_a_run_within_the_epoch_after_those_asked_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    written = nn.training.checkpoint.Checkpoint.write

    def write_and_die(self, progress):
        written(self, progress)
        if progress.history.epochs == 2 and progress.tally.n:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(nn.training.checkpoint.Checkpoint, "write", write_and_die)
        with pytest.raises(KilledError):
            trained(path, checkpoint_every=0)
    with pytest.raises(ValueError, match=r"at most 2 epochs, as many as are asked, got one of 2.267"):
        trained(path, epochs=2, checkpoint_every=0)


def test_a_run_that_stopped_early_has_stopped_also_where_more_epochs_are_asked(tmp_path):
    def run(path=None, epochs=8):
        model = MLP(2, [5, 1], seed=3)
        settings = {"optimizer": SGD(learning_rate=20.0), "early_stopping": 1, "epochs": epochs, "seed": 0}
        history = model.fit(DATA.X, DATA.y, loss="bce", checkpoint=path, progress=False, **settings)
        return model.state_dict(), history

    whole, path = run(), tmp_path / "run.json"
    stopped = whole[1].epochs
    assert stopped < 8
    assert run(path, stopped) == whole
    assert run(path) == whole


def test_the_best_weights_come_back_after_a_restart(tmp_path):
    path = tmp_path / "run.json"

    def whole(path=None, epochs=40):
        return trained(path, epochs=epochs, early_stopping=EarlyStopping(2), learning_rate=None)

    first, history = whole()
    whole(path, max(1, history.epochs - 1))
    assert whole(path)[0] == first


# --------------------------------------------------------------------------------------------------------------- faults


def test_another_run_is_refused_and_nothing_changes(tmp_path):
    path = tmp_path / "run.json"
    trained(path, epochs=1)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="must be a checkpoint of this run, got one that differs in the model: "):
        trained(path, model=MLP(2, [6, 1], seed=3))
    with pytest.raises(ValueError, match="differs in the optimizer: 'Adam' there, 'SGD' here"):
        trained(path, optimizer="sgd")
    with pytest.raises(ValueError, match="differs in the batch size: 16 there, 8 here"):
        trained(path, batch_size=8)
    model = MLP(2, [5, 1], activation="tanh", seed=3)
    start = [p.data for p in model.parameters()]
    with pytest.raises(ValueError, match="differs in the examples; give another"):
        model.fit(
            DATA.X[:50],
            DATA.y[:50],
            loss="binary_cross_entropy",
            epochs=1,
            batch_size=16,
            checkpoint=path,
            optimizer=Adam(learning_rate=0.02),
            validation_data=(DATA.X[:10], DATA.y[:10]),
            progress=False,
            seed=5,
        )
    for options, words in [
        ({"seed": 6}, "differs in the seed: 5 there, 6 here"),
        ({"dtype": "float32"}, "differs in the dtype: 'float64' there, 'float32' here"),
        ({"backend": "c"}, "differs in the backend: 'numpy' there, 'c' here"),
        ({"loss": "hinge"}, "differs in the loss: 'binary_cross_entropy' there, 'hinge' here"),
        ({"early_stopping": 3}, "differs in the early stopping: None there"),
        ({"model": MLP(2, [5, 1], activation="tanh", seed=4)}, "differs in the starting weights; give"),
        ({"class_weight": "balanced"}, "differs in the examples; give"),
    ]:
        with pytest.raises(ValueError, match=words):
            trained(path, epochs=1, **options)
    assert [p.data for p in model.parameters()] == start
    assert path.read_bytes() == before


@pytest.mark.parametrize("other", [slice(4, 10), slice(8, 2, -1)])
def test_an_optimizer_of_other_parameters_or_of_another_order_is_of_another_run(tmp_path, monkeypatch, other):
    """As many of them: what it remembers belongs to each by itself."""

    def train_some(chosen, epochs):
        model = MLP(2, [5, 1], activation="tanh", seed=3)
        optimizer = SGD(model.parameters()[chosen], learning_rate=0.05, momentum=0.9)
        monkeypatch.setitem(OPTIMIZERS, "some", lambda: optimizer)
        return trained(tmp_path / "run.json", epochs, "some", model)[0]

    train_some(slice(3, 9), 1)
    with pytest.raises(ValueError, match="differs in the parameters to train; give another"):
        train_some(other, 2)
    assert len(train_some(slice(3, 9), 2)) == 21


def test_an_optimizer_that_begins_with_other_numbers_is_of_another_run(tmp_path, monkeypatch):
    def train_after(n_steps, epochs):
        model = MLP(2, [5, 1], activation="tanh", seed=3)
        optimizer = Adam(model.parameters(), learning_rate=0.02)
        optimizer.steps = n_steps
        monkeypatch.setitem(OPTIMIZERS, "some", lambda: optimizer)
        return trained(tmp_path / "run.json", epochs, "some", model)

    train_after(7, 1)
    with pytest.raises(ValueError, match="differs in the starting state of the optimizer; give another"):
        train_after(0, 2)
    assert train_after(7, 2)[1].epochs == 2


@pytest.mark.parametrize("seconds", [-1, "soon", True, float("nan")])
def test_checkpoint_every_is_checked(tmp_path, seconds):
    with pytest.raises(ValueError, match="checkpoint_every"):
        trained(tmp_path / "run.json", checkpoint_every=seconds)


def test_checkpoint_every_without_a_checkpoint_is_refused():
    with pytest.raises(ValueError, match="checkpoint_every must be left out without checkpoint, got 3"):
        trained(checkpoint_every=3)


@pytest.mark.parametrize("path", [True, 3, b"run.json"])
def test_a_checkpoint_is_named_by_the_path_of_its_file(path):
    with pytest.raises(TypeError, match=f"checkpoint must be the name of a file, as a str or a Path, got {path!r}"):
        trained(path)


def test_a_spoilt_file_is_refused_and_nothing_changes(tmp_path):
    path = tmp_path / "run.json"
    trained(path, epochs=1)
    whole = path.read_text()
    content = json.loads(whole)
    for key in content:
        path.write_text(json.dumps({**content, key: [1.5]}))
        model = MLP(2, [5, 1], activation="tanh", seed=3)
        start = [p.data for p in model.parameters()]
        with pytest.raises(ModelFileError, match=r"run\.json"):
            trained(path, model=model)
        assert [p.data for p in model.parameters()] == start, key
    for text in ("", whole[: len(whole) // 2], "[" * 100_000, '{"format": "gradstep model"}', whole + "x"):
        path.write_text(text)
        with pytest.raises(ModelFileError):
            trained(path)


def test_a_vanished_folder_is_an_error_before_training(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        trained(tmp_path / "gone" / "run.json")


def test_a_full_disk_leaves_the_old_file_and_the_weights(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    trained(path, epochs=1)
    before = path.read_bytes()

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    model = MLP(2, [5, 1], activation="tanh", seed=3)
    with pytest.raises(OSError, match=r"No space left on device: '.*run\.json'"):
        trained(path, epochs=2, model=model)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.data for p in model.parameters()] == trained(epochs=2)[0], "the weights of that moment"
    assert os.listdir(tmp_path) == ["run.json"]


def test_the_state_of_an_optimizer_survives_json():
    for make in OPTIMIZERS.values():
        optimizer, twin = make(), make()
        model = MLP(2, [3, 1], seed=0)
        model.fit(DATA.X, DATA.y, loss="binary_cross_entropy", optimizer=optimizer, epochs=1, progress=False)
        twin.bind(model.parameters())
        twin.load_state_dict(json.loads(json.dumps(optimizer.state_dict())))
        weights, gradient = np.linspace(-1, 1, 13), np.linspace(1, 2, 13)
        assert (twin.updated(weights, gradient) == optimizer.updated(weights, gradient)).all()
    state = twin.state_dict()
    for wrong in ({"dtype": "S9"}, {"numbers": [1.0]}, {"numbers": [float("inf")] * 13}):
        with pytest.raises(ValueError, match="the optimizer must be AdamW of 13 parameters, got the state"):
            twin.load_state_dict({**state, "mean": {**state["mean"], **wrong}})
    assert twin.state_dict() == state


def test_the_command_goes_on_from_a_checkpoint(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = ["train", "moons", "--hidden", "4", "--quiet"]
    main([*run, "--epochs", "3", "--out", "whole.json"])
    main([*run, "--epochs", "1", "--out", "part.json", "--checkpoint", "run.json"])
    main([*run, "--epochs", "3", "--out", "rest.json", "--checkpoint", "run.json"])
    assert Path("rest.json").read_text() == Path("whole.json").read_text()
    capsys.readouterr()
    for arguments, said in (
        (["--checkpoint", "rest.json", "--out", "rest.json"], "must be two files"),
        (["--checkpoint", "gone/run.json"], "gone: No such file or directory"),
        (["--checkpoint", "whole.json", "--out", "new.json"], "not a gradstep checkpoint"),
        (["--checkpoint", "run.json", "--batch-size", "7", "--out", "new.json"], "must be a checkpoint of this run"),
    ):
        assert main([*run, *arguments]) != 0
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


class Velocity(Optimizer):
    """Momentum that it does not tell of."""

    def direction(self, weights, gradient, rate):
        self.v = 0.9 * getattr(self, "v", 0.0) + gradient
        return self.v


class Remembered(Velocity):
    remembered = ("v",)


class InPlace(SGD):
    def __init__(self, *arguments, **options):
        self.seen = {"norms": []}
        super().__init__(*arguments, **options)

    def direction(self, weights, gradient, rate):
        self.seen["norms"].append(float(abs(gradient).max()))
        return gradient / max(self.seen["norms"])


class InItsClass(SGD):
    count = 0

    def direction(self, weights, gradient, rate):
        type(self).count += 1
        return gradient / self.count


class Counting:
    n = 0

    def __call__(self, step):
        self.n += 1
        return 0.1 / self.n


class ByHistory:
    rate = 0.1

    def __call__(self, step):
        return self.rate

    def after_epoch(self, history):
        self.rate = 0.1 * history.loss[-1]


class Halved(ByHistory):
    """What it returns follows from all epochs one after another, not from the last."""

    def after_epoch(self, history):
        self.rate *= 0.5 if len(history.loss) % 2 else 0.9


class CountingByHistory(ByHistory, Counting):
    def __call__(self, step):
        Counting.__call__(self, step)
        return self.rate


class Impatient(EarlyStopping):
    count = 0

    def ends(self, history):
        self.count += 1
        return self.count == 3


class Scaled(Module):
    """A number scales the outputs: it stays, or follows the inputs, or a callback sets it."""

    def __init__(self, follows=False):
        self.w, self.scale, self.follows = [Value(0.3), Value(-0.2)], 1.0, follows

    def __call__(self, x):
        if self.follows:
            self.scale = 0.9 * self.scale + 0.1 * abs(float(x[0]))
        return (self.w[0] * x[0] + self.w[1] * x[1]) * self.scale


def _cool(model, history):
    model.scale *= 0.5


class Annealed:
    def __init__(self):
        self.weight = 1.0

    def __call__(self, output, target):
        return self.weight * (output - target) ** 2

    def anneal(self, model, history):
        self.weight *= 0.5


def _annealed():
    loss = Annealed()
    return {"loss": loss, "callbacks": [loss.anneal]}


def _annealed_leaf(by_gradient=False):
    weight = Value(1.0, label="weight")

    def anneal(model, history):
        weight.data -= 0.1 * weight.grad if by_gradient else 0.5 * weight.data
        weight.grad = 0.0

    return {"loss": lambda output, target: weight * (output - target) ** 2 - weight, "callbacks": [anneal]}


class WarmedUp(Annealed):
    """It counts its calls, and the loss follows from their number."""

    def __call__(self, output, target):
        self.weight += 1
        return min(1.0, self.weight / 1000) * (output - target) ** 2


class Noisy(Module):
    """A module of one's own with noise, of which a callback changes the rate."""

    def __init__(self):
        self.layer, self.dropout = Layer(2, 1), Dropout(0.5)

    def __call__(self, x):
        return self.layer(self.dropout(x))


def _less_noise(model, history):
    model.dropout.rate *= 0.5


class Logging(Module):
    """It counts its calls and logs what it returned, a Value, for a reader alone."""

    def __init__(self):
        self.layer, self.calls, self.log = Layer(2, 1, seed=0), 0, []

    def __call__(self, x):
        self.calls += 1
        self.log.append(self.layer(x))
        return self.log[-1]


class Trainer:
    """What holds a model, its loss and what callbacks noted; ``logged`` is of all."""

    logged: ClassVar[list] = []

    def __init__(self):
        self.scale, self.losses, self.epoch = 2.0, [], 0

    def loss(self, output, target):
        return self.scale * (output - target) ** 2

    def logged_loss(self, output, target):
        loss = self.loss(output, target)
        self.logged.append(loss.data)
        return loss

    def note(self, model, history):
        self.losses.append(history.loss[-1])
        self.epoch += 1


def _enclosing():
    n = 0

    def rate(step):
        nonlocal n
        n += 1
        return 0.1 / n

    return rate


def _patched():
    optimizer, sums = SGD(learning_rate=0.1), [0.0]

    def direction(weights, gradient, rate):
        sums[0] = sums[0] * 0.5 + gradient
        return sums[0]

    optimizer.direction = direction
    return optimizer


HEAT = {"now": 1.0}


def _cool_all(model, history):
    HEAT["now"] *= 0.5


def _heat():
    return HEAT["now"]


class Heated(Module):
    """What a helper reads in a global scales the outputs."""

    def __init__(self):
        self.w = [Value(0.3), Value(-0.2)]

    def __call__(self, x):
        return sum(w * number for w, number in zip(self.w, x)) * _heat()


class Shaken(Module):
    """Random numbers that the file does not hold scale the outputs."""

    def __init__(self, draw):
        self.layer, self.draw = Layer(2, 1, seed=0), draw

    def __call__(self, x):
        return self.layer(x) * (1.0 + self.draw())


class Plotting(SGD):
    """What no step calls reads a global, and an attribute is called as a global is."""

    calls = 0.0

    def direction(self, weights, gradient, rate):
        return gradient + self.calls

    def plot(self):
        return HEAT["now"]


calls = 0


def _cool_all_and_count(model, history):
    global calls  # noqa: PLW0603
    calls += 1
    HEAT["now"] *= 0.5
    random.random()


def _halved_beta():
    beta = Value(1.0, label="beta")

    def halve(model, history):
        beta.data *= 0.5

    return {"loss": lambda output, target: (output - target) ** 2 * beta.data, "callbacks": [halve]}


BETAS = [Value(0.0), Value(1.0, label="beta")]


def _halved_in_a_list():
    BETAS[1].data = 1.0

    def halve(model, history):
        BETAS[1].data *= 0.5

    return {"loss": lambda output, target: (output - target) ** 2 * BETAS[1].data, "callbacks": [halve]}


class Langevin(SGD):
    def direction(self, weights, gradient, rate):
        return gradient + np.random.normal(size=gradient.shape)


def _cooled(**given):
    HEAT["now"] = 1.0
    return given | {"callbacks": [_cool_all]}


def _heated_layers():
    return Sequential(Layer(2, 3, seed=0), lambda x: [number * HEAT["now"] for number in x], Layer(3, 1, seed=1))


@pytest.mark.parametrize("replay", [None, False])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: _cooled(model=Heated()), r"got the model \(HEAT\['now'\]\)"),
        (lambda: _cooled(model=_heated_layers()), r"got the model \(HEAT\['now'\]\)"),
        (lambda: _cooled(loss=lambda output, target: _heat() * (output - target) ** 2), r"got the loss \(HEAT"),
        (_halved_in_a_list, r"got a Value that is no parameter \(beta\)"),
        (_halved_beta, r"got a Value that is no parameter \(beta\)"),
        (lambda: {"model": Shaken(lambda: another_name.gauss(0.0, 0.1))}, r"got the model \(.*the state of random"),
        (lambda: {"model": Shaken(lambda: random.gauss(0.0, 0.1))}, r"got the model \(.*the state of random"),
        (lambda: {"model": Shaken(lambda: float(np.random.normal()))}, r"got the model \(.*the state of numpy\.random"),
        (lambda: {"optimizer": Langevin(learning_rate=0.1)}, r"got the class of the Langevin \(.*the state of numpy"),
        (lambda: {"optimizer": Velocity(learning_rate=0.1)}, "got v of the Velocity"),
        (lambda: {"optimizer": InPlace(learning_rate=0.1)}, "got seen of the InPlace"),
        (lambda: {"optimizer": InItsClass(learning_rate=0.1)}, "got the class of the InItsClass"),
        (lambda: {"optimizer": _patched()}, "got direction of the SGD"),
        (lambda: {"optimizer": SGD(learning_rate=Counting())}, r"got learning_rate of the SGD \(Counting\.n\)"),
        (lambda: {"optimizer": SGD(learning_rate=CountingByHistory())}, "got learning_rate of the SGD"),
        (lambda: {"optimizer": SGD(learning_rate=_enclosing())}, r"got learning_rate of the SGD \(rate: n\)"),
        (lambda: {"early_stopping": Impatient()}, r"got the early_stopping \(Impatient\.count\)"),
        (lambda: {"model": Scaled(follows=True)}, r"got the model \(Scaled\.scale\)"),
        (lambda: {"model": Scaled(), "callbacks": [_cool]}, r"got the model \(Scaled\.scale\)"),
        (_annealed, r"got the loss \(Annealed\.weight\)"),
        (_annealed_leaf, r"got a Value that is no parameter \(weight\)"),
        (lambda: _annealed_leaf(by_gradient=True), r"got a Value that is no parameter \(weight\)"),
        (lambda: {"loss": WarmedUp()}, r"got the loss \(WarmedUp\.weight\)"),
        (lambda: {"model": Noisy(), "callbacks": [_less_noise]}, r"got the model \(Noisy\.dropout\.rate\)"),
    ],
)
def test_state_that_a_checkpoint_does_not_hold_is_refused(tmp_path, make, words, replay):
    def run(**more):
        options = {"model": MLP(2, [2, 1], seed=0), "epochs": 4, "seed": 0, "progress": False, "replay": replay, **more}
        return options.pop("model").fit(DATA.X, DATA.y, **options)

    with pytest.raises(ValueError, match=words) as caught:
        run(checkpoint=tmp_path / "run.json", **make())
    assert "remembered" in str(caught.value)
    assert run(**make()).epochs >= 3


@pytest.mark.parametrize("replay", [None, False])
@pytest.mark.parametrize(
    ("model", "loss"), [(Logging, "loss"), (lambda: MLP(2, [1], seed=0), "loss"), (Logging, "logged_loss")]
)
def test_what_model_loss_and_callbacks_count_and_log_is_no_state(tmp_path, model, loss, replay):
    def run(epochs, path=None):
        trained, trainer = model(), Trainer()
        settings = {"epochs": epochs, "seed": 0, "progress": False, "replay": replay, "callbacks": [trainer.note]}
        trained.fit(DATA.X, DATA.y, loss=getattr(trainer, loss), checkpoint=path, **settings)
        return trained.state_dict(), trainer.epoch

    path = tmp_path / "run.json"
    (whole, _), (_, n_first) = run(4), run(2, path)
    assert run(4, path) == (whole, 2)
    assert n_first == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Remembered(learning_rate=0.1),
        lambda: SGD(learning_rate=ByHistory()),
        lambda: SGD(learning_rate=Halved()),
        lambda: SGD(learning_rate=ReduceOnPlateau(0.1, patience=1)),
        lambda: SGD(learning_rate=type("Own", (ReduceOnPlateau,), {})(0.1, patience=1)),
    ],
)
def test_state_that_a_checkpoint_holds_goes_on(tmp_path, make):
    def run(epochs, path=None):
        model = MLP(2, [3, 1], seed=0)
        settings = {"optimizer": make(), "epochs": epochs, "seed": 0, "progress": False}
        history = model.fit(DATA.X, DATA.y, checkpoint=path, **settings)
        return model.state_dict(), history

    whole, path = run(8), tmp_path / "run.json"
    run(5, path)
    assert run(8, path) == whole


@pytest.mark.parametrize("seed", [0, None])
def test_what_no_step_reads_may_change(tmp_path, seed):
    def run(epochs, path=None):
        random.seed(5)
        model, optimizer = MLP(2, [3, 1], seed=0), Plotting(learning_rate=0.1)
        settings = {"optimizer": optimizer, "callbacks": [_cool_all_and_count], "seed": seed, "progress": False}
        model.fit(DATA.X, DATA.y, epochs=epochs, checkpoint=path, **settings)
        return model.state_dict()

    whole, path = run(6), tmp_path / "run.json"
    run(3, path)
    assert run(6, path) == whole


def test_random_numbers_of_a_loss_go_on_where_they_are_those_of_fit(tmp_path):
    def run(epochs, path=None):
        random.seed(5)
        model = MLP(2, [3, 1], seed=0)
        loss = lambda output, target: (output - target + random.gauss(0.0, 0.1)) ** 2  # noqa: E731
        model.fit(DATA.X, DATA.y, loss=loss, epochs=epochs, seed=None, progress=False, checkpoint=path)
        return model.state_dict()

    path = tmp_path / "run.json"
    whole = run(4, tmp_path / "whole.json")
    run(2, path)
    assert run(4, path) == whole


def test_a_damaged_checkpoint_is_told_in_short(tmp_path):
    file, X, y = tmp_path / "run.json", [[0.0, 1.0], [1.0, 0.0]], [0, 1]

    def run():
        MLP(2, [1], seed=0).fit(X, y, loss="hinge", epochs=1, seed=0, checkpoint=file, progress=False)

    run()
    content = json.loads(file.read_text(encoding="utf-8"))
    content["history"]["x" * 5000] = []
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="incomplete or damaged checkpoint") as error:
        run()
    assert len(str(error.value)) < 500

"""Checkpoints: a run that was stopped at any moment goes on to the last bit, and nothing is ever lost."""

import errno
import json
import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import nn.checkpoints
from nn import MLP, SGD, Adam, AdamW
from nn.__main__ import main
from nn.data import moons
from nn.model_files import ModelFileError
from nn.schedules import EarlyStopping, cosine, step_decay

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
    written = nn.checkpoints.Checkpoint.write
    count = 0

    def write_and_die(self, *state):
        nonlocal count
        written(self, *state)
        count += 1
        if count > steps:
            raise KilledError

    monkeypatch.setattr(nn.checkpoints.Checkpoint, "write", write_and_die)
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
        with pytest.raises(ValueError, match=r"its (schedule|optimizer) is"):
            run(rate)


def test_another_function_of_the_same_name_is_another_loss(tmp_path):
    path = tmp_path / "run.json"
    trained(path, epochs=1, loss=lambda output, target: (output - target) ** 2)
    trained(path, epochs=1, loss=lambda output, target: (output - target) ** 2)
    for other in (lambda output, target: abs(output - target), lambda output, target: (output - target) ** 4):
        with pytest.raises(ValueError, match="its code of the loss is"):
            trained(path, epochs=1, loss=other)


def test_a_run_that_a_callback_ended_goes_on_when_more_epochs_are_asked(tmp_path):
    path = tmp_path / "run.json"

    def at_two(_model, history):
        return np.bool_(history.epochs == 2)

    ended = trained(path, epochs=4, callbacks=[at_two])[1]
    assert (ended.epochs, ended.interrupted) == (2, True)
    assert trained(path, epochs=4, callbacks=[at_two])[1].epochs == 2, "the same script again is the same run"
    assert trained(path, epochs=5, callbacks=[at_two])[0] == trained(epochs=5)[0]


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
    with pytest.raises(ValueError, match="a checkpoint of another run: its model is"):
        trained(path, model=MLP(2, [6, 1], seed=3))
    with pytest.raises(ValueError, match="its optimizer is"):
        trained(path, optimizer="sgd")
    with pytest.raises(ValueError, match="its batch size is 16, and here it is 8"):
        trained(path, batch_size=8)
    model = MLP(2, [5, 1], activation="tanh", seed=3)
    start = [p.data for p in model.parameters()]
    with pytest.raises(ValueError, match="its examples is"):
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
        ({"seed": 6}, "its seed is 5, and here it is 6"),
        ({"dtype": "float32"}, "its dtype is 'float64', and here it is 'float32'"),
        ({"loss": "hinge"}, "its loss is 'binary_cross_entropy', and here it is 'hinge'"),
        ({"early_stopping": 3}, "its early stopping is None"),
        ({"model": MLP(2, [5, 1], activation="tanh", seed=4)}, "its starting weights is"),
        ({"class_weight": "balanced"}, "its examples is"),
    ]:
        with pytest.raises(ValueError, match=words):
            trained(path, epochs=1, **options)
    assert [p.data for p in model.parameters()] == start
    assert path.read_bytes() == before


@pytest.mark.parametrize("seconds", [-1, "soon", True, float("nan")])
def test_checkpoint_every_is_checked(tmp_path, seconds):
    with pytest.raises(ValueError, match="checkpoint_every"):
        trained(tmp_path / "run.json", checkpoint_every=seconds)


def spoilt(path: Path):
    """Every entry of a checkpoint, spoilt in turn."""
    content = json.loads(path.read_text())
    for key in content:
        for bad in (None, 3, "x", [], {}, [1e999], [[]]):
            yield key, {**content, key: bad}
    yield "order", {**content, "order": [0] * 60}
    yield "place", {**content, "place": -1}
    yield "place", {**content, "order": list(range(60)), "place": 60}  # and no example in the tally
    yield "random", {**content, "random": [3, [2**40] * 625, None]}
    yield "optimizer", {**content, "optimizer": {**content["optimizer"], "mean": {"dtype": "object", "numbers": []}}}
    yield "optimizer", {**content, "optimizer": {**content["optimizer"], "steps": -1}}
    yield "parameters", {**content, "parameters": dict.fromkeys(content["parameters"], "1")}


def test_a_spoilt_file_is_refused_and_nothing_changes(tmp_path):
    path = tmp_path / "run.json"
    trained(path, epochs=1)
    whole = path.read_text()
    same = {("order", "[]"), ("stopped", "False")}
    for key, content in spoilt(path):
        if (key, str(content[key])) in same or str(content[key]) == str(json.loads(whole)[key]):
            continue
        path.write_text(json.dumps(content))
        model = MLP(2, [5, 1], activation="tanh", seed=3)
        start = [p.data for p in model.parameters()]
        if key == "run" or (key == "asked" and content[key] == 3):
            continue
        with pytest.raises(ValueError, match=r"run\.json"):
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
        (["--checkpoint", "run.json", "--batch-size", "7", "--out", "new.json"], "a checkpoint of another run"),
    ):
        assert main([*run, *arguments]) != 0
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1

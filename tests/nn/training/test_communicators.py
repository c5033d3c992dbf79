"""Several processes train one model: the run of one process, whatever happens in one of them."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import numpy as np
import pytest
from checkout import ROOT
from team import DATA, Group, Threads, errors_where, net, share, trained, trained_by

from engine import Value
from nn import SGD, Adam, Dropout, Layer, Optimizer, Sequential
from nn.schedules import EarlyStopping, ReduceOnPlateau, cosine
from nn.training.communicators import as_communicator
from nn.training.replayed import Replayed
from nn.training.shared import Shared


def check_same(alone, team):
    """All processes have the same numbers; those of one process differ by rounding."""
    weights, history = team[0]
    assert all(other == team[0] for other in team)
    assert weights == pytest.approx(alone[0], rel=1e-9, abs=1e-12)
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert getattr(history, name) == pytest.approx(getattr(alone[1], name), rel=1e-9)
    assert history.interrupted is alone[1].interrupted
    assert history.eager == ""


class Halving(Optimizer):
    """An optimizer of the user's, whose steps are in Values."""

    def direction(self, weights, gradient, rate):
        return gradient / 2.0


RUNS = {
    "adam": {},
    "sgd": {"optimizer": lambda: SGD(learning_rate=cosine(0.1, 16), momentum=0.9, clip_norm=0.5)},
    "a user's": {"optimizer": lambda: Halving(learning_rate=0.2)},
    "plateau": {"optimizer": lambda: Adam(learning_rate=ReduceOnPlateau(0.5, patience=1)), "epochs": 8},
    "one batch": {"batch_size": 60},
    "single examples": {"batch_size": 1, "epochs": 1},
    "weights": {"sample_weight": [1.0 + i % 3 for i in range(60)]},
    "weights of one process": {"sample_weight": [0.0] * 45 + [1.0] * 15},
    "classes": {"class_weight": {0: 0.5, 1: 2.0}},
    "early": {"early_stopping": EarlyStopping(2), "epochs": 60, "learning_rate": 0.3},
    "callback": {"callbacks": [lambda model, history: history.epochs == 2]},
    "noise": {"make": lambda: Sequential(Layer(2, 5, "tanh", seed=0), Dropout(0.3), Layer(5, 1, None, seed=1))},
    "branch": {"loss": lambda outputs, target: abs(outputs - target) if outputs > target else (outputs - target) ** 2},
    "float32": {"dtype": "float32"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_several_processes_take_the_steps_of_one(name):
    options = dict(RUNS[name])
    make = options.pop("optimizer", lambda: "adam")
    alone = trained(optimizer=make(), **options)
    team = trained_by(2, lambda communicator: trained(communicator, optimizer=make(), **options))
    if name == "float32":
        assert team[0] == team[1]
        assert team[0][0] == pytest.approx(alone[0], rel=1e-4, abs=1e-5)
    else:
        check_same(alone, team)


def test_processes_may_write_weights_into_parameters_at_different_times(monkeypatch):
    def make():
        model = net()
        for neuron in model.layers[0].neurons[:2]:
            neuron.activation, neuron.b.data = "relu", -100.1  # no step changes it, and float32 rounds it
        return model

    def put_back(steps, seconds=0.0):
        replayed_put_back(steps, 0.0 if steps.team.rank else seconds)

    replayed_put_back = Replayed.put_back
    monkeypatch.setattr(Shared, "put_back", put_back)
    first, second = trained_by(2, lambda communicator: trained(communicator, make, dtype="float32", epochs=3))
    assert first == second


def in_halves(loss):
    """What trains on 40 examples in one process, or on 20 of them in each of two: the weights and the curve."""
    X, y = DATA.X[:40], np.repeat([-1.0, 1.0], 20)

    def one(communicator=None):
        model, start = net(), 0 if communicator is None else 20 * communicator.rank
        own = slice(start, 40 if communicator is None else start + 20)
        options = {"seed": 5, "epochs": 2, "progress": False, "communicator": communicator}
        history = model.fit(X[own], y[own], loss=loss, **options)
        return [parameter.data for parameter in model.parameters()], history.loss

    return one


def test_a_process_whose_examples_have_no_gradient_takes_the_steps_of_all():
    one = in_halves(lambda o, t: (o - t) ** 2 if t > 0 else Value(1.0))
    alone, team = one(), trained_by(2, one)
    assert team[0] == team[1]
    assert team[0][0] == pytest.approx(alone[0], rel=1e-9, abs=1e-12)


def no_slope(outputs, target):
    return outputs * 0.0 if target > 0 else target * target


def test_a_process_without_a_gradient_trains_where_another_depends():
    one = in_halves(no_slope)
    assert [curve for _, curve in trained_by(2, one)] == [one()[1], one()[1]]


def test_a_loss_without_a_gradient_in_all_processes_is_refused():
    def one(communicator):
        options = {"epochs": 1, "seed": 5, "progress": False, "communicator": communicator}
        return net().fit(DATA.X[:20], [-1.0] * 20, loss=no_slope, **options)

    errors = trained_by(2, one)
    assert all(type(error) is TypeError and "must depend on the model's" in str(error) for error in errors), errors


@pytest.mark.parametrize("size", [1, 3])
def test_processes_may_be_any_number(size):
    check_same(trained(), trained_by(size, trained))


def test_process_0_writes_the_checkpoint_and_all_go_on_from_it(tmp_path):
    whole = trained_by(2, trained)
    folders = [tmp_path / str(rank) for rank in range(2)]  # not even the disk is shared
    for folder in folders:
        folder.mkdir()

    def run(epochs):
        def one(communicator):
            return trained(communicator, epochs=epochs, checkpoint=folders[communicator.rank] / "run.json")

        return trained_by(2, one)

    run(2)
    assert [folder.joinpath("run.json").exists() for folder in folders] == [True, False]
    assert run(4) == whole
    assert run(4) == whole, "a finished run is finished"


@pytest.mark.slow
def test_a_run_goes_on_within_an_epoch(tmp_path):
    whole = trained_by(2, trained)
    path = tmp_path / "run.json"

    class Broken(Threads):
        """Ends after some sums, as a process that is killed."""

        left = 21

        def sum(self, numbers):
            self.left -= 1
            if self.left < 0:
                raise ConnectionError("the other process is gone")
            return super().sum(numbers)

    def one(communicator):
        communicator.__class__ = Broken
        return trained(communicator, checkpoint=path, checkpoint_every=0.0)

    assert all(isinstance(error, ConnectionError) for error in trained_by(2, one))
    assert trained_by(2, lambda communicator: trained(communicator, checkpoint=path)) == whole


def test_a_checkpoint_of_other_shares_is_refused(tmp_path):
    path = tmp_path / "run.json"
    trained(checkpoint=path, epochs=1)
    errors = trained_by(2, lambda communicator: trained(communicator, checkpoint=path))
    assert all("one that differs in the examples" in str(error) for error in errors), errors


@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_in_one_process_ends_all(rank):
    def raising(model, history):
        if history.epochs == 2:
            raise OSError("no space left")

    errors = errors_where(rank, callbacks=[raising])
    assert isinstance(errors[rank], OSError)
    assert str(errors[1 - rank]) == f"process {rank} ended the training: OSError: no space left"


def test_a_process_whose_checkpoint_cannot_be_written_ends_all(tmp_path):
    def losing(model, history):
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)

    def one(communicator):
        path = tmp_path / "gone" / "run.json"
        return trained(communicator, checkpoint=path, callbacks=[losing] if communicator.rank else [])

    tmp_path.joinpath("gone").mkdir()
    errors = trained_by(2, one)
    assert isinstance(errors[0], OSError)
    assert "process 0 ended the training" in str(errors[1])


def test_a_number_that_is_refused_in_one_process_ends_all():
    X = DATA.X.copy()
    y = np.where(np.arange(60) == 59, 1e200, 0.0)

    def far(communicator):
        own, model = share(60, communicator.rank, 2), net()
        return model.fit(X[own], y[own], seed=0, epochs=1, progress=False, communicator=communicator)

    errors = trained_by(2, far)
    assert all(isinstance(error, FloatingPointError) for error in errors), errors
    assert "process 1 ended the training" in str(errors[0])


def test_ctrl_c_in_one_process_ends_all_after_the_same_step():
    def one(communicator):
        def interrupt(model, history):
            if history.epochs == 2 and communicator.rank == 1:
                raise KeyboardInterrupt  # as the handler does outside of the main thread

        return trained(communicator, callbacks=[interrupt], epochs=50)

    first, second = trained_by(2, one)
    assert first == second
    assert first[1].interrupted
    assert first[1].epochs == 2


def test_process_0_alone_may_have_the_path_of_the_checkpoint(tmp_path):
    path, whole = tmp_path / "run.json", trained_by(2, trained)
    for epochs in (2, 4):
        team = trained_by(2, lambda own: trained(own, epochs=epochs, checkpoint=None if own.rank else path))  # noqa: B023
    assert team == whole


def test_a_checkpoint_without_process_0_is_refused(tmp_path):
    errors = errors_where(1, checkpoint=tmp_path / "run.json")
    assert all("checkpoint must be given in process 0" in str(error) for error in errors), errors


def test_a_loss_that_one_process_cannot_record_ends_all_before_the_checkpoint(tmp_path):
    def loss(output, target):
        if float(target) > 0.5:
            raise LookupError("no")
        return (output - target) ** 2

    def one(communicator):
        own = slice(10 * communicator.rank, 10 * communicator.rank + 10)
        options = {"communicator": communicator, "checkpoint": tmp_path / "run.json"}
        return net().fit(DATA.X[:20], np.repeat([0.0, 1.0], 10)[own], loss=loss, epochs=1, **options)

    errors = trained_by(2, one)
    assert not any(isinstance(error, ConnectionError) for error in errors), errors


EARLY = {
    "NaN": (lambda X, y: (X, y * math.nan), {}),
    "empty": (lambda X, y: (X[:0], y[:0]), {}),
    "shape": (lambda X, y: (X[:, :1], y), {}),
    "length": (lambda X, y: (X, y[1:]), {}),
    "epochs": (lambda X, y: (X, y), {"epochs": -1}),
    "unknown": (lambda X, y: (X, y), {"epoch": 1}),
    "replay": (lambda X, y: (X, y), {"replay": False}),
}


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("what", EARLY)
def test_arguments_that_one_process_refuses_end_all(what, rank):
    change, options = EARLY[what]

    def one(communicator):
        X, y, given = DATA.X[:20], np.arange(20.0), {"epochs": 1}
        if communicator.rank == rank:
            (X, y), given = change(X, y), given | options
        return net().fit(X, y, seed=0, progress=False, communicator=communicator, **given)

    errors = trained_by(2, one)
    assert isinstance(errors[rank], (TypeError, ValueError)), errors
    assert str(errors[1 - rank]).startswith(f"process {rank} ended the training: {type(errors[rank]).__name__}"), errors


def test_another_call_with_the_optimizer_ends_all():
    def one(communicator):
        optimizer = Adam()

        def again(model, history):
            group = communicator if communicator.rank else None
            net().fit(DATA.X, DATA.y, optimizer=optimizer, seed=0, epochs=1, progress=False, communicator=group)

        return trained(communicator, optimizer=optimizer, callbacks=[again] if not communicator.rank else [])

    errors = trained_by(2, one)
    assert "process 0 ended the training: RuntimeError: this Adam" in str(errors[1]), errors


class Returning(Threads):
    """A communicator of the user's with a fault."""

    fault = "list"

    def sum(self, numbers):
        total = super().sum(numbers)
        return {"list": total.tolist(), "none": None, "shape": total.ravel()}.get(self.fault, total)

    def gather(self, thing):
        things = super().gather(thing)
        return things[:1] if self.fault == "one" else things


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("list", "communicator.sum must return an array of shape"),
        ("none", "communicator.sum must return an array of shape .*, got None"),
        ("shape", "communicator.sum must return an array of shape"),
        ("one", "communicator.gather must return a list of 2, got"),
        ("rank", "communicator must have the ranks 0 to 1, one for each process, got"),
        ("same", "communicator must have the ranks 0 to 1, one for each process, got"),
    ],
)
def test_a_communicator_with_a_fault_is_refused(fault, words):
    def one(communicator):
        class Own:
            rank, size = communicator.rank, 2
            sum, gather = communicator.sum, communicator.gather

        communicator.__class__ = type("Faulty", (Returning,), {"fault": fault})
        own = Own()
        own.sum, own.gather = communicator.sum, communicator.gather
        own.rank = {"rank": 2, "same": 0}.get(fault, own.rank)
        return net().fit(DATA.X, DATA.y, epochs=1, seed=0, progress=False, communicator=own)

    for error in trained_by(2, one):
        assert isinstance(error, ValueError), error
        assert re.search(words, str(error)), error


def test_a_loss_that_cannot_be_replayed_is_refused():
    errors = trained_by(2, lambda own: trained(own, loss=lambda out, target: out * math.exp(-out.data)))
    assert all("several processes train by replay alone" in str(error) for error in errors), errors


def test_a_loss_that_cannot_be_replayed_later_is_refused_in_the_same_words():
    def one(communicator):
        def loss(output, target):
            return output * math.exp(-output.data) if target > 5 else (output - target) ** 2

        validation, options = (DATA.X[:4], [9.0] * 4), {"communicator": communicator, "progress": False}
        return net().fit(DATA.X[:20], [1.0] * 20, loss=loss, validation_data=validation, epochs=1, seed=0, **options)

    errors = trained_by(2, one)
    assert all("several processes train by replay alone" in str(error) for error in errors), errors


def test_a_line_that_process_0_cannot_print_ends_all(monkeypatch):
    class Closed:
        def write(self, text):
            raise BrokenPipeError("closed")

        def flush(self):
            pass

    monkeypatch.setattr(sys, "stdout", Closed())

    def one(communicator):
        options = {"epochs": 1, "seed": 0, "verbose": 2, "communicator": communicator}
        return net().fit(DATA.X[:20], DATA.y[:20], loss="hinge", **options)

    errors = trained_by(2, one)
    assert isinstance(errors[0], BrokenPipeError), errors
    assert str(errors[1]) == "process 0 ended the training: BrokenPipeError: closed"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"replay": False}, "replay must be True or None with a communicator"),
        ({"validation_split": 0.2}, "validation_split must be left out with a communicator"),
        ({"class_weight": "balanced"}, "class_weight must be a dict with a communicator"),
        ({"communicator": "gloo"}, 'communicator must be "torch", "mpi", "jax" or an object'),
        ({"communicator": Threads}, 'communicator must be "torch", "mpi", "jax" or an object'),
        ({"communicator": 2}, 'communicator must be "torch", "mpi", "jax" or an object'),
    ],
)
def test_what_several_processes_cannot_do_is_refused(options, words):
    communicator = options.get("communicator", Threads(0, Group(1)))
    with pytest.raises(ValueError, match=words):
        net().fit(DATA.X, DATA.y, **{**options, "communicator": communicator})


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is here")
def test_a_missing_package_is_named():
    with pytest.raises(ImportError, match="pip install torch"):
        as_communicator("torch")


def test_a_package_that_is_hidden_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match="pip install torch"):
        as_communicator("torch")
    with pytest.raises(ImportError, match="pip install mpi4py"):
        as_communicator("mpi")


@pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")
def test_torch_in_a_single_process_is_refused(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ValueError, match="torchrun --nproc-per-node 2"):
        as_communicator("torch")


SCRIPT = """
import os, signal, sys
from pathlib import Path
from nn import MLP
from nn.data import moons

rank, size, folder = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), Path(sys.argv[1])
data, model = moons(60, seed=1), MLP(2, [5, 1], activation="tanh", seed=3)

def die(model, history):
    if history.epochs == 3 and rank == 1 and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)

history = model.fit(
    data.X[rank::size], data.y[rank::size], loss="binary_cross_entropy", seed=5, batch_size=16, epochs=6,
    communicator="torch", checkpoint=folder / "run.json", callbacks=[die], progress=False,
)
(folder / f"weights{rank}").write_text(repr([history.loss, [p.data for p in model.parameters()]]))
"""


def started(tmp_path, text, folder):
    """torchrun with two processes of a script, ended."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(text))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--max-restarts", "2", str(script), str(folder)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


with_torchrun = pytest.mark.skipif(find_spec("torch") is None or sys.platform == "win32", reason="needs torch, signals")


@pytest.mark.slow
@with_torchrun
def test_a_signal_to_one_process_ends_both_after_the_same_step(tmp_path):
    text = SCRIPT.replace("history.epochs == 3 and", "history.epochs == 5 and").replace("SIGKILL", "SIGINT")
    started(tmp_path, text.replace("epochs=6", "epochs=1_000"), tmp_path)
    first, second = (tmp_path.joinpath(f"weights{rank}").read_text() for rank in range(2))
    assert first == second
    assert 5 <= len(json.loads(first)[0]) <= 6


@pytest.mark.slow
@with_torchrun
def test_a_killed_process_is_started_again_and_the_run_goes_on(tmp_path):
    results = []
    for name in ("killed", "whole"):
        folder = tmp_path / name
        folder.mkdir()
        if name == "whole":
            folder.joinpath("died").touch()
        done = started(tmp_path, SCRIPT, folder)
        assert ("failed" in done.stderr) == (name == "killed"), done.stderr
        results.append([folder.joinpath(f"weights{rank}").read_text() for rank in range(2)])
    assert results[0] == results[1]
    assert results[0][0] == results[0][1]

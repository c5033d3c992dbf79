"""Processes of one run that differ: an error in all of them names what."""

import math
import random
import re
from array import array

import numpy as np
import pytest
from team import DATA, errors_where, net, trained, trained_by

from nn import MLP, Adam, Module
from nn.schedules import cosine, warm_up

ALIKE = {
    "starting weights": {"make": lambda: MLP(2, [5, 1], activation="tanh", seed=4)},
    "model": {"make": lambda: MLP(2, [6, 1], activation="tanh", seed=3)},
    "batch size": {"batch_size": 8},
    "learning_rate of the optimizer": {"learning_rate": 0.5},
    "loss": {"loss": "hinge"},
    "seed": {"seed": 6},
    "number of epochs": {"epochs": 5},
    "early stopping": {"early_stopping": 3},
    "dtype": {"dtype": "float32"},
}


@pytest.mark.parametrize("what", ALIKE)
def test_processes_that_differ_are_refused(what):
    errors = errors_where(1, **ALIKE[what])
    assert all(re.match(f"{what}.* must be the same in all processes, got ", str(error)) for error in errors), errors


def test_an_order_that_differs_is_refused():
    random.seed(1)
    errors = trained_by(2, lambda own: trained(own, seed=None))
    assert all(isinstance(error, tuple) for error in errors), "threads have one random"


def scaled(number, text="return SCALE * (output - target) ** 2"):
    """A loss of the user's that reads a global, which is another in each process."""
    names = {"SCALE": number}
    exec(f"def inner(error): return SCALE * error ** 2\ndef loss(output, target):\n    {text}", names)
    return names["loss"]


READ = "return float(SCALE.read_text()) * (output - target) ** 2"
LOSS = "loss that the model has for example 0 must be"
OTHER_NUMBERS = {
    "label_smoothing": (lambda n, _: {"label_smoothing": n / 10}, "label_smoothing must be"),
    "class_weight": (lambda n, _: {"class_weight": {0: 1.0, 1: n}}, "class_weight must be"),
    "replay": (lambda n, _: {"replay": True if n > 1 else None}, "replay must be"),
    "learning_rate": (lambda n, _: {"learning_rate": warm_up(2, cosine(n / 10, 16))}, "learning_rate of the optimizer"),
    "a global": (lambda n, _: {"loss": scaled(n)}, LOSS),
    "a global of another function": (lambda n, _: {"loss": scaled(n, "return inner(output - target)")}, LOSS),
    "an array": (lambda n, _: {"loss": scaled(np.array([n]), "return SCALE[0] * (output - target) ** 2")}, LOSS),
    "a file": (lambda n, path: {"loss": scaled(path / str(n), READ)}, LOSS),
}


@pytest.mark.parametrize("what", OTHER_NUMBERS)
def test_arguments_with_other_numbers_are_refused(what, tmp_path):
    make, words = OTHER_NUMBERS[what]
    for number in (1.0, 1.5, 2.0):
        (tmp_path / str(number)).write_text(str(number))
    errors = trained_by(2, lambda own: trained(own, **make(1.0 + own.rank, tmp_path)))
    assert all(str(error).startswith(words) for error in errors), errors
    assert all(" the same in all processes, got " in str(error) for error in errors), errors
    same = trained_by(2, lambda own: trained(own, **make(1.5, tmp_path)))
    assert same[0] == same[1], same


@pytest.mark.parametrize("sizes", [[5, 1], pytest.param([60, 40, 1], marks=pytest.mark.slow)])
def test_a_branch_that_a_later_example_takes_is_compared_in_large_models_too(sizes):
    text = f"return (output - target) ** 2 * (1.0 if target == {DATA.y[0]} else SCALE)"
    options = {"make": lambda: MLP(2, sizes, seed=3), "epochs": 1}
    errors = trained_by(2, lambda own: trained(own, loss=scaled(1.0 + own.rank, text), **options))
    assert all(str(error).startswith("loss that the model has for example ") for error in errors), errors


def test_classes_may_be_an_array_of_python():
    first, second = trained_by(2, lambda own: trained(own, classes=array("l", [0, 1]), epochs=1))
    assert first == second


@pytest.mark.parametrize("names", [["b", "c", "a"], ["a", "b", "d"]])
def test_frames_with_other_columns_are_refused(names):
    pd = pytest.importorskip("pandas")

    def one(communicator):
        frame = pd.DataFrame(np.arange(30.0).reshape(10, 3) / 30, columns=names if communicator.rank else list("abc"))
        model = MLP(3, [2, 1], seed=0)
        return model.fit(frame, np.arange(10.0), epochs=1, seed=0, progress=False, communicator=communicator)

    errors = trained_by(2, one)
    assert all(str(error).startswith("names of the inputs must be the same in all") for error in errors), errors


def test_an_optimizer_that_trained_otherwise_before_is_refused():
    def one(communicator):
        model, optimizer = net(), Adam()
        start = model.state_dict()
        model.fit(DATA.X, DATA.y, optimizer=optimizer, epochs=1 + communicator.rank, seed=0, progress=False)
        model.load_state_dict(start)
        return trained(communicator, make=lambda: model, optimizer=optimizer, epochs=1)

    errors = trained_by(2, one)
    assert all("state of the optimizer must be the same in all processes" in str(error) for error in errors), errors
    assert all(type(error) is RuntimeError for error in errors), errors


@pytest.mark.parametrize("what", ["weights", "state of the optimizer"])
def test_what_one_process_changes_in_the_last_epoch_is_refused(what):
    def one(communicator):
        optimizer = Adam()

        def changing(model, history):
            if communicator.rank == 0 or history.epochs < 2:
                return
            if what == "weights":
                model.parameters()[0].data += 1.0
            else:
                optimizer.mean = optimizer.mean + 1.0

        return trained(communicator, optimizer=optimizer, callbacks=[changing], epochs=2)

    errors = trained_by(2, one)
    assert all(f"{what} must be the same in all processes" in str(error) for error in errors), errors


class Scaled(Module):
    """A model of the user's."""

    n_inputs = 2

    def __init__(self):
        self.inner, self.scale = net(), 1.0

    def __call__(self, x):
        return self.inner(x) * self.scale


def test_models_of_the_users_that_differ_are_refused():
    def one(communicator, scale):
        model = Scaled()
        model.scale = scale
        return trained(communicator, make=lambda: model)

    errors = trained_by(2, lambda own: one(own, 1.0 + own.rank))
    assert all(str(error).startswith(LOSS) for error in errors), errors
    same = trained_by(2, lambda own: one(own, 2.0))
    assert same[0] == same[1]


def test_how_a_model_was_made_may_differ():
    def make(rank):
        class Made(Module):
            n_inputs = 2

            def __init__(self):
                if rank == 0:
                    assert len(DATA.X)
                self.inner = net()

            def __call__(self, x):
                return self.inner(x)

        return Made()

    first, second = trained_by(2, lambda own: trained(own, make=lambda: make(own.rank)))
    assert first == second


def test_callbacks_of_process_0_alone_are_taken():
    losses = []
    team = trained_by(
        2, lambda own: trained(own, callbacks=[] if own.rank else [lambda model, history: losses.append(history.loss)])
    )
    assert team[0] == team[1] == trained_by(2, trained)[0]
    assert len(losses) == 4


def test_what_a_loss_names_but_does_not_read_may_differ():
    def one(communicator):
        names = {"data": communicator.rank, "math": math, "COUNTS": {"a", "b"}}
        exec("def loss(out, t): return (out - t) ** 2 * len(COUNTS) * math.sqrt(t.data if 0 else 4.0)", names)
        return trained(communicator, loss=names["loss"])

    first, second = trained_by(2, one)
    assert first == second


def test_weights_that_one_process_changes_are_refused():
    def changing(model, history):
        model.parameters()[0].data += 1.0

    errors = errors_where(1, callbacks=[changing])
    assert all("weights must be the same in all processes" in str(error) for error in errors), errors

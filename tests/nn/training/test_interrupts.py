"""Ctrl-C, wherever it comes: training ends, the weights of that moment stay, and fit returns its History."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from networks import XOR_X, XOR_Y, condition, small

from engine import Value
from nn import SGD, Adam, History
from nn.losses import hinge

OPTIONS = {"epochs": 5, "batch_size": 2, "progress": False, "seed": 0}  # two steps an epoch


def after_steps(count: int) -> dict[str, float]:
    """The weights of the same training after so many steps."""
    model, seen = small(), []

    class Counted(SGD):
        def put_weights(self):
            super().put_weights()
            seen.append(model.state_dict())

    model.fit(XOR_X, XOR_Y, loss="hinge", optimizer=Counted(learning_rate=0.1), **OPTIONS)
    return seen[count - 1] if count else small().state_dict()


def test_from_a_callback():
    model = small()

    def stop(_model, history):
        if history.epochs == 2:
            raise KeyboardInterrupt

    history = model.fit(XOR_X, XOR_Y, loss="hinge", optimizer=SGD(learning_rate=0.1), callbacks=[stop], **OPTIONS)
    assert isinstance(history, History)
    assert (history.epochs, history.interrupted) == (2, True)
    assert model.state_dict() == after_steps(4)


def test_a_callback_may_change_weights_before_it_stops():
    model = small()

    def clip_and_stop(model, _history):
        for p in model.parameters():
            p.data = 0.25
        raise KeyboardInterrupt

    model.fit(XOR_X, XOR_Y, loss="hinge", callbacks=[clip_and_stop], **OPTIONS)
    assert {p.data for p in model.parameters()} == {0.25}


@pytest.mark.parametrize("call", range(1, 9))
def test_from_inside_the_loss(call):
    model, calls = small(), []

    def loss(output, target):
        calls.append(target)
        if len(calls) == call:
            raise KeyboardInterrupt
        return hinge(output, 2 * target - 1)

    optimizer = SGD(learning_rate=0.1)
    history = model.fit(XOR_X, XOR_Y, loss=loss, optimizer=optimizer, replay=False, **OPTIONS)
    assert history.interrupted
    assert history.epochs == (call - 1) // 4
    assert optimizer.steps == (call - 1) // 2
    assert model.state_dict() == pytest.approx(after_steps((call - 1) // 2), rel=1e-12)


class BreaksOff:
    """The numbers of a step, which an interrupt comes between, once."""

    def __init__(self, weights, place):
        self.weights, self.place, self.broken = weights, place, False

    def tolist(self):
        if self.broken:
            return self.weights.tolist()
        self.broken = True
        return self.some()

    def some(self):
        yield from self.weights.tolist()[: self.place]
        raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [SGD, Adam])
@pytest.mark.parametrize("place", [0, 1, 6, 12])
def test_between_two_parameters_the_step_is_finished(kind, place):
    """The weights are those after the whole step, and not half of these and half of those."""
    model, seen = small(), []

    class Watched(kind):
        def put_weights(self):
            super().put_weights()
            seen.append(model.state_dict())

    class Interrupted(kind):
        def put_weights(self):
            if self.steps == 3 and not isinstance(self.weights, BreaksOff):
                self.weights = BreaksOff(self.weights, place)
            super().put_weights()

    model.fit(XOR_X, XOR_Y, loss="hinge", optimizer=Watched(learning_rate=0.1), **OPTIONS)
    assert len(seen) == 10
    model = small()
    history = model.fit(XOR_X, XOR_Y, loss="hinge", optimizer=Interrupted(learning_rate=0.1), **OPTIONS)
    assert (history.epochs, history.interrupted) == (1, True)
    assert model.state_dict() == seen[2] != seen[1]


def test_before_the_first_step_nothing_has_changed():
    model = small()

    def loss(output, target):
        raise KeyboardInterrupt

    history = model.fit(XOR_X, XOR_Y, loss=loss, **OPTIONS)
    assert (history.epochs, history.interrupted) == (0, True)
    assert condition(model)[0] == condition(small())[0]


def test_training_goes_on_after_an_interrupt():
    model = small()

    def stop(_model, _history):
        raise KeyboardInterrupt

    model.fit(XOR_X, XOR_Y, loss="hinge", callbacks=[stop], **OPTIONS)
    history = model.fit(XOR_X, XOR_Y, loss="hinge", **OPTIONS)
    assert (history.epochs, history.interrupted) == (5, False)
    assert model.predict([[0.0, 0.0]])[0] in (0, 1)


def test_other_errors_of_a_callback_are_told(capsys):
    def wrong(_model, _history):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        small().fit(XOR_X, XOR_Y, loss="hinge", callbacks=[wrong], epochs=2)
    capsys.readouterr()


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_real_interrupt_of_a_process():
    program = textwrap.dedent("""
        import signal
        from nn import MLP
        from nn.data import moons

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a test that runs in the background has it ignored

        data = moons(60)
        model = MLP(2, [4, 1], seed=0)
        tell = lambda model, history: print(history.epochs, flush=True)
        history = model.fit(data.X, data.y, loss="hinge", epochs=10**9, batch_size=7, callbacks=[tell], seed=0)
        numbers = [p.data for p in model.parameters()]
        print("ended", history.interrupted, history.epochs, len(history.accuracy), all(x == x for x in numbers))
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        while process.stdout.readline().strip() != "2":
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    word, interrupted, epochs, accuracies, whole = out.splitlines()[-1].split()
    assert (word, interrupted, whole) == ("ended", "True", "True")
    assert int(epochs) >= 2
    assert int(epochs) - int(accuracies) in (0, 1)  # it may come between the two numbers of an epoch
    assert "Traceback" not in err


def test_gradients_are_no_part_of_what_is_kept():
    """A step begins with gradients of 0, so that what an interrupt left of them does no harm."""
    model = small()
    for p in model.parameters():
        p.grad = 1e6
    model.fit(XOR_X, XOR_Y, loss="hinge", optimizer=SGD(learning_rate=0.1), **OPTIONS)
    assert model.state_dict() == after_steps(10)
    assert isinstance(model([0, 0]), Value)

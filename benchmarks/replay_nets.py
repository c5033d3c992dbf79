"""One training step of a network: replayed from Values in two ways, by hand in numpy, in torch, and on Values.

A step is what a user writes: forward, the mean squared error, backward, and w -= rate * gradient. The hidden neurons
are relu, all start from the same weights, and all must report the same losses. Whoever can use several cores is held to
one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import installed

from engine import Program, Value, compile
from nn import MLP

RATE = 0.001
COPIES = "gradients copied"  # as value_and_gradient gives them
Step = Callable[[], float]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Work:
    """A network, how many examples a step sees, and the kind of numbers."""

    widths: tuple[int, ...]
    batch: int
    dtype: str = "float64"

    def __str__(self) -> str:
        """Such as 784-30-10, batch 32."""
        kind = "" if self.dtype == "float64" else f", {self.dtype}"
        return f"{'-'.join(map(str, self.widths))}, batch {self.batch}{kind}"

    @property
    def n_parameters(self) -> int:
        """Weights and biases."""
        return sum((n + 1) * m for n, m in zip(self.widths, self.widths[1:]))

    def data(self) -> tuple[Floats, Floats]:
        """Inputs and targets, an example a row."""
        numbers = np.random.default_rng(1)
        X = numbers.uniform(0.0, 1.0, (self.batch, self.widths[0]))
        y = numbers.uniform(0.0, 1.0, (self.batch, self.widths[-1]))
        return X.astype(self.dtype), y.astype(self.dtype)

    def model(self) -> MLP:
        """The network of Values, from one seed."""
        return MLP(self.widths[0], list(self.widths[1:]), seed=0)


def as_list(outputs: Any) -> list[Any]:
    """What a model gives: a Value, or a list of them."""
    return outputs if isinstance(outputs, list) else [outputs]


def loss_of(model: MLP, x: Sequence[Any], y: Sequence[Any]) -> Any:
    """The squared error of one example."""
    return sum((a - b) ** 2 for a, b in zip(as_list(model(list(x))), y))


def graph(work: Work, model: MLP) -> tuple[Value, list[Value]]:
    """The loss of one example, and the leaves that examples change."""
    x = [Value(0.5) for _ in range(work.widths[0])]
    y = [Value(0.5) for _ in range(work.widths[-1])]
    return loss_of(model, x, y), x + y


def program_of(work: Work) -> Program:
    """The same, compiled."""
    model = work.model()
    loss, inputs = graph(work, model)
    return compile(loss, inputs, model.parameters(), work.dtype)


def replayed(work: Work) -> Step:
    """The step of a compiled graph, in the program's memory, which the next run changes: so numpy's by hand is."""
    program, rows = program_of(work), np.hstack(work.data())

    def step() -> float:
        results, gradient = program.run(rows)
        np.multiply(gradient, RATE, gradient)
        np.subtract(program.weights, gradient, program.weights)
        return float(np.add.reduce(results[:, 0])) / len(results)

    return step


def replayed_with_copies(work: Work) -> Step:
    """The step of a compiled graph whose every gradient is an array that stays as it is."""
    program, rows = program_of(work), np.hstack(work.data())

    def step() -> float:
        loss, gradient = program.value_and_gradient(rows)
        program.weights -= RATE * gradient
        return loss

    return step


def eager(work: Work) -> Step:
    """The step on Values, example by example."""
    model, (X, y) = work.model(), work.data()
    rows, targets = X.tolist(), y.tolist()

    def step() -> float:
        loss = sum(loss_of(model, *example) for example in zip(rows, targets)) / len(rows)
        model.zero_grad()
        loss.backward()
        for parameter in model.parameters():
            parameter.data -= RATE * parameter.grad
        return float(loss.data)

    return step


def matrices(work: Work) -> list[tuple[Floats, Floats]]:
    """Weights (n_outputs, n_inputs) and biases of each layer."""
    numbers = np.array([parameter.data for parameter in work.model().parameters()], work.dtype)
    layers = []
    for n, m in zip(work.widths, work.widths[1:]):
        rows = numbers[: m * (n + 1)].reshape(m, n + 1)  # each neuron's weights, and then its bias
        layers.append((rows[:, :n].copy(), rows[:, n].copy()))
        numbers = numbers[m * (n + 1) :]
    return layers


class ByHand:
    """The step as somebody writes it who knows numpy: matrix products, all memory made once and changed in place."""

    def __init__(self, work: Work) -> None:
        self.X, self.y = work.data()
        self.layers = matrices(work)
        self.gradients = [(np.empty_like(w), np.empty_like(b)) for w, b in self.layers]
        self.outputs = [np.empty((work.batch, m), work.dtype) for m in work.widths[1:]]
        self.deltas = [np.empty_like(output) for output in self.outputs]
        self.alive = [np.empty(output.shape, bool) for output in self.outputs]

    def step(self) -> float:
        """One training step."""
        h = self.X
        for place, (w, b) in enumerate(self.layers):
            h = np.matmul(h, w.T, self.outputs[place])
            h += b
            if place < len(self.layers) - 1:
                np.maximum(h, 0.0, h)
        d = np.subtract(h, self.y, self.deltas[-1])
        loss = np.vdot(d, d) / len(d)
        d *= 2.0 / len(d)
        for place in reversed(range(len(self.layers))):
            (w, _), (by_w, by_b) = self.layers[place], self.gradients[place]
            np.matmul(d.T, self.outputs[place - 1] if place else self.X, by_w)
            np.add.reduce(d, 0, None, by_b)
            if place:
                below, alive = self.outputs[place - 1], self.alive[place - 1]
                d = np.matmul(d, w, self.deltas[place - 1])
                d *= np.greater(below, 0.0, alive)
        for layer, gradients in zip(self.layers, self.gradients):
            for numbers, gradient in zip(layer, gradients):
                np.multiply(gradient, RATE, gradient)
                np.subtract(numbers, gradient, numbers)
        return float(loss)


def in_torch(work: Work) -> Step:
    """The step in torch, eager, with its own SGD."""
    import torch

    kind = getattr(torch, work.dtype)
    X, y = (torch.from_numpy(array) for array in work.data())
    parts: list[Any] = []
    for w, b in matrices(work):
        linear = torch.nn.Linear(w.shape[1], w.shape[0], dtype=kind)
        with torch.no_grad():
            linear.weight[:], linear.bias[:] = torch.from_numpy(w), torch.from_numpy(b)
        parts += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*parts[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(X), y, reduction="sum") / len(y)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def contenders(work: Work) -> dict[str, Step]:
    """All that are there, after a look at their first losses."""
    steps = {"replay": replayed(work), COPIES: replayed_with_copies(work), "numpy": ByHand(work).step}
    if installed("torch"):
        steps["torch"] = in_torch(work)
    check_losses(steps, work)
    return steps


def check_losses(steps: dict[str, Step], work: Work, n_steps: int = 5) -> None:
    """Only right answers are compared: the first losses of all must agree, and fall."""
    losses = {name: [step() for _ in range(n_steps)] for name, step in steps.items()}
    expected = losses["numpy"]
    for name, found in losses.items():
        if not np.allclose(found, expected, rtol=1e-9 if work.dtype == "float64" else 1e-3):
            raise AssertionError(f"{work}: numpy's losses are {expected}, those of {name} {found}")
    if expected[-1] >= expected[0]:
        raise AssertionError(f"{work}: the loss does not fall: {expected}")

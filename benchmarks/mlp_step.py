"""One training step of a 2-16-16-1 MLP on 20 examples: micrograd's code, and the same code with other imports.

    python benchmarks/mlp_step.py [--quick]

The step is all that a user writes: every example forward, the loss, zero_grad, backward, and the update. All contenders
start from the same parameters and must report the same losses.
"""

import gc
import math
import random
from collections.abc import Callable
from typing import Any

from timing import Row, for_this_build, installed, interleaved, options, report

from nn import MLP

LEARNING_RATE = 0.02
WIDTHS = [16, 16, 1]
Step = Callable[[], float]
Start = list[float]


def examples() -> tuple[list[list[float]], list[int]]:
    """20 points in a square, labelled 1 where both coordinates have the same sign, and -1 elsewhere."""
    numbers = random.Random(1)
    points = [[numbers.uniform(-1, 1), numbers.uniform(-1, 1)] for _ in range(20)]
    return points, [1 if x * y > 0 else -1 for x, y in points]


def start() -> Start:
    """The 337 parameters that all contenders start from: weights uniform in [-1, 1], biases 0."""
    numbers = random.Random(2)
    parameters = []
    for n_inputs, n_outputs in zip([2, *WIDTHS], WIDTHS):
        for _ in range(n_outputs):
            parameters += [numbers.uniform(-1, 1) for _ in range(n_inputs)] + [0.0]
    return parameters


def training_step(model: Any, points: list[list[float]], labels: list[int]) -> float:
    """The step in micrograd's words, for micrograd and gradstep alike."""
    scores = [model(point) for point in points]
    losses = [(1 + -label * score).relu() for label, score in zip(labels, scores)]
    loss = sum(losses) * (1.0 / len(losses))
    model.zero_grad()
    loss.backward()
    for parameter in model.parameters():
        parameter.data -= LEARNING_RATE * parameter.grad
    return float(loss.data)


def step_of(model: Any) -> Step:
    """The step of a model that has been set to the common start."""
    for parameter, number in zip(model.parameters(), start(), strict=True):
        parameter.data = number
    points, labels = examples()
    return lambda: training_step(model, points, labels)


class XadMLP:
    """The same network in xad. Its numbers cannot be assigned to, and its tape slows down with each recording (see
    contenders.xad), so that every step makes both anew."""

    def __init__(self) -> None:
        from xad.adj_1st import Real, Tape
        from xad.math import max as largest

        self.real, self.tape, self.largest = Real, Tape, largest
        self.numbers = start()

    def score(self, parameters: list[Any], x: Any) -> Any:
        """The network's output for one example."""
        rest = iter(parameters)
        for n_outputs in WIDTHS:
            neurons = [([next(rest) for _ in x], next(rest)) for _ in range(n_outputs)]
            x = [sum((w * xi for w, xi in zip(ws, x)), b) for ws, b in neurons]
            if n_outputs > 1:
                x = [self.largest(xi, 0.0) for xi in x]
        return x[0]

    def step(self, points: list[list[float]], labels: list[int]) -> float:
        """One training step."""
        with self.tape() as tape:
            parameters = [self.real(number) for number in self.numbers]
            tape.registerInputs(parameters)
            tape.newRecording()
            scores = [self.score(parameters, point) for point in points]
            losses = [self.largest(1 + -label * score, 0.0) for label, score in zip(labels, scores)]
            loss = sum(losses) * (1.0 / len(losses))
            tape.registerOutput(loss)
            loss.derivative = 1.0
            tape.computeAdjoints()
            self.numbers = [p.value - LEARNING_RATE * p.derivative for p in parameters]
        return float(loss.value)


def contenders() -> dict[str, Step]:
    """The step of the engine here, and of its peers that are installed."""
    steps = {"gradstep": step_of(MLP(2, WIDTHS))}
    if installed("micrograd"):
        from micrograd import nn as micrograd_nn

        steps["micrograd"] = step_of(micrograd_nn.MLP(2, WIDTHS))
    if installed("xad"):
        points, labels = examples()
        model = XadMLP()
        steps["xad"] = lambda: model.step(points, labels)
    return steps


def check_losses(steps: dict[str, Step], n_steps: int = 5) -> None:
    """Only right answers are compared: the first losses of all contenders must agree, and fall."""
    losses = {name: [step() for _ in range(n_steps)] for name, step in steps.items()}
    expected = losses["gradstep"]
    for name, found in losses.items():
        if not all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(expected, found, strict=True)):
            raise AssertionError(f"gradstep's losses are {expected}, those of {name} {found}")
    if expected[-1] >= expected[0]:
        raise AssertionError(f"the loss does not fall: {expected}")


def main() -> None:
    """Measure and print."""
    chosen = options("One training step of a 2-16-16-1 MLP on 20 examples.").parse_args()
    steps = contenders()
    for name in ("micrograd", "xad"):
        if name not in steps:
            print(f"{name} is not installed, and left out")
    check_losses(steps)
    gc.freeze()  # what the other libraries loaded is no garbage, and need not be looked through while they are timed
    rows, bars = [], {"micrograd": for_this_build(compiled=30.0, plain=3.0)}
    for collect, words in ((True, ""), (False, ", garbage collector off")):
        rounds, least = (2, 0.5) if chosen.quick else (7, 1.5 if collect else 0.5)
        best = interleaved(steps, rounds, least, collect)
        times = ", ".join(f"{name} {1e3 * seconds:.2f}" for name, seconds in best.items())
        print(f"Milliseconds a step on this machine{words}: {times}")
        for name in best:
            if name != "gradstep":
                bar = bars.get(name) if collect else None
                work = f"training step, against {name}{words}"
                rows.append(Row(work, best[name] / best["gradstep"], "x faster", at_least=bar))
    report("Training step of a 2-16-16-1 MLP on 20 examples", rows, chosen.rows)


if __name__ == "__main__":
    main()

"""Training steps: what all kinds of them do, and how the eager ones do it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import Value
from nn.examples import Examples, Tally, output_numbers
from nn.losses import LossFunction
from nn.noise import Layout, drawn_from, noise_from
from nn.optimizers import Optimizer
from nn.schedules import EarlyStopping, is_plain
from nn.validation import shortened

if TYPE_CHECKING:
    from nn.module import Module


@dataclass(frozen=True)
class Task:
    """What is trained on what, and how: the arguments of ``fit``, checked."""

    model: Module
    optimizer: Optimizer
    loss_name: str
    loss: LossFunction
    examples: Examples
    validation: Examples | None
    seed: int | None
    rng: Any
    batch_size: int
    epochs: int | None
    stopping: EarlyStopping | None
    dtype: str
    n_outputs: int
    noise: Layout

    @property
    def steps_per_epoch(self) -> int:
        """How many batches make an epoch."""
        return -(-len(self.examples) // self.batch_size)

    @property
    def n_epochs(self) -> int:
        """How many epochs there are to be: unless given, 100, or more where that is less than 2,000 steps."""
        return max(100, -(-2_000 // self.steps_per_epoch)) if self.epochs is None else self.epochs

    @property
    def runs_alone(self) -> bool:
        """Whether no code of the user's runs besides model, loss and callbacks that could change anything."""
        stopping = self.stopping
        is_ours = stopping is None or (type(stopping) is EarlyStopping and is_plain(stopping))
        return is_ours and self.optimizer.works_on_arrays()


class Steps:
    """Training steps as one would write them by hand, example by example: they work with every model and every loss.

    ``Replayed`` takes the same steps for whole batches. ``eager`` says why the examples go through the model one by
    one, and is empty where they are replayed.
    """

    def __init__(self, task: Task, eager: str) -> None:
        self.task, self.eager = task, eager

    def begin(self) -> None:
        """Make ready for the first step."""

    def step(self, batch: Sequence[int]) -> Tally:
        """Take one step on a batch, given by its places among the examples; one small graph is alive at once.

        Raises:
            ArithmeticError: a loss or a weight is beyond the numbers; weights stay as they were before the step.
        """
        task, tally = self.task, Tally()
        task.optimizer.zero_grad()
        for place in batch:
            with noise_from(drawn_from(task.rng)):
                loss, right = self._loss(task.examples, place)
            if not math.isfinite(loss.data):
                raise FloatingPointError(f"the loss is {loss.data}")
            loss.backward(1.0 / len(batch))
            tally += Tally(loss.data, right, 1)
        task.optimizer.step()
        return tally

    def measured(self) -> Tally | None:
        """Loss and right answers over the examples of validation, where there are some."""
        examples, tally = self.task.validation, Tally()
        if examples is None:
            return None
        for place in range(len(examples)):
            loss, right = self._loss(examples, place)
            tally += Tally(loss.data, right, 1)
        return tally

    def put_back(self) -> None:
        """Have weights and gradients in the parameters."""

    def next_epoch(self, may_change: bool) -> None:
        """Train what the model has now, which *may change* in callbacks."""
        if self.task.optimizer.follows_model:
            self.task.optimizer.follow(self.task.model.parameters())

    def close(self) -> None:
        """End training, with weights and gradients in the parameters."""

    def _loss(self, examples: Examples, place: int) -> tuple[Value, bool]:
        """The weighted loss of an example, and whether the outputs are right."""
        outputs = self.task.model(examples.row(place))
        targets = examples.targets
        loss = self.task.loss(outputs, targets.encoded[place])
        if not isinstance(loss, Value):
            kind = type(loss).__name__
            raise TypeError(f"the loss must give a Value made of the outputs, got {kind} {shortened(loss)}")
        if examples.weights is not None:
            loss = loss * examples.weights[place]
        return loss, targets.classes is not None and targets.is_right(output_numbers(outputs), place)

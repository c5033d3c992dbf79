"""Training steps example by example: each builds a graph of its own, and lets it go again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine import Value
from nn.examples import Examples, Tally, output_numbers
from nn.losses import LossFunction
from nn.noise import drawn_from, noise_from
from nn.optimizers import Optimizer
from nn.validation import shortened

if TYPE_CHECKING:
    from nn.module import Module


class Eager:
    """Steps as anybody would write them by hand; it works with every model and every loss."""

    def __init__(self, model: Module, loss: LossFunction, optimizer: Optimizer, examples: Examples, rng: Any) -> None:
        self.model, self.loss, self.optimizer, self.examples, self.rng = model, loss, optimizer, examples, rng

    def step(self, batch: Sequence[int]) -> Tally:
        """One step: the mean gradient of a batch, an example at a time, so that one small graph is alive at once.

        Raises:
            ArithmeticError: a loss or a weight is beyond the numbers; weights stay as they were before the step.
        """
        tally = Tally()
        self.optimizer.zero_grad()
        for place in batch:
            with noise_from(drawn_from(self.rng)):
                loss = self._loss(self.examples, place, tally)
            if not math.isfinite(loss.data):
                raise FloatingPointError(f"the loss is {loss.data}")
            loss.backward(1.0 / len(batch))
        self.optimizer.step()
        return tally

    def measured(self, examples: Examples) -> Tally:
        """Loss and right answers, with no change of weights."""
        tally = Tally()
        for place in range(len(examples)):
            self._loss(examples, place, tally)
        return tally

    def _loss(self, examples: Examples, place: int, tally: Tally) -> Value:
        outputs = self.model(examples.row(place))
        targets = examples.targets
        loss = self.loss(outputs, targets.encoded[place])
        if not isinstance(loss, Value):
            raise TypeError(
                f"the loss must give a Value made of the outputs, got {type(loss).__name__} {shortened(loss)}"
            )
        if examples.weights is not None:
            loss = loss * examples.weights[place]
        right = targets.classes is not None and targets.is_right(output_numbers(outputs), place)
        tally.add(loss.data, right)
        return loss

    def take_over(self) -> None:
        """Nothing to take over: a step finds the weights in the parameters."""

    def put_back(self) -> None:
        """Nothing to put back: the weights are in the parameters all the time."""

    def next_epoch(self, may_change: bool) -> None:
        """Nothing to record: what changes in the model or the parameters is seen in the next step."""

    def close(self) -> None:
        """Nothing to keep."""

"""Training steps: their protocol, and the eager steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine import Value, compiler
from engine.calculus import depends
from engine.debugging.staleness import what_is_stale
from engine.operations import DETACH
from engine.primitive import Primitive
from nn.data import Table
from nn.examples import Examples, Tally, as_list, output_numbers, output_values
from nn.losses import Loss, LossFunction, as_loss
from nn.noise import Layout, given_noise, noise_from
from nn.optimizers import Optimizer
from nn.schedules import EarlyStopping, is_plain
from nn.targets import Targets
from nn.training.teams import Alone
from nn.validation import shortened

if TYPE_CHECKING:
    from nn.module import Module
    from nn.training.options import Options


_LOOKED_AT = 2
"""Examples of a step, and steps of an epoch, in which graphs are looked at: whether they are of now."""


@dataclass(frozen=True)
class Task:
    """What ``fit`` trains on which examples, and how."""

    model: Module
    n_outputs: int
    noise: Layout
    loss: Loss
    examples: Examples
    validation: Examples | None
    optimizer: Optimizer
    options: Options
    rng: Any
    team: Alone

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.team.n_examples // self.options.batch_size)

    @property
    def n_epochs(self) -> int:
        """The number of epochs asked; by default 100, or 2,000 steps if those are more."""
        asked = self.options.epochs
        return max(100, -(-2_000 // self.steps_per_epoch)) if asked is None else asked

    def kept(self, rows: Table | None = None, validation_rows: Table | None = None) -> Task:
        """The same with examples that stay as they are: see ``Examples``."""
        validation = None if self.validation is None else self.validation.kept(validation_rows)
        return replace(self, examples=self.examples.kept(rows), validation=validation)

    @property
    def runs_alone(self) -> bool:
        """Whether no code of the user's runs besides model and loss that could change anything."""
        stopping = self.options.stopping
        is_ours = stopping is None or (type(stopping) is EarlyStopping and is_plain(stopping))
        return is_ours and not self.options.callbacks and self.optimizer.works_on_arrays()


def example_function(task: Task, loss: LossFunction, one_hot: bool) -> Callable[[list[Value]], list[Any]]:
    """The function to record: from inputs, target, weight and noise to loss and outputs."""
    n_inputs, n_noise = task.examples.table.shape[1], sum(n for _, n in task.noise)
    model, noise, is_weighted = task.model, task.noise, task.examples.weights is not None

    def of_row(row: list[Value]) -> list[Any]:
        end = len(row) - n_noise
        target = row[n_inputs:end]
        weight = target.pop() if is_weighted else 1.0
        with given_noise(noise, row[end:]):  # a loss may call the model, too
            outputs = output_values(model(row[:n_inputs]))
            found = loss(outputs, target if one_hot or len(target) > 1 else target[0])
        return [found * weight if is_weighted else found, *as_list(outputs)]

    return of_row


class Steps:
    """Eager training steps, example by example, for every model and every loss.

    ``Replayed`` takes the same steps for whole batches. ``eager`` says why steps are eager; "" if they are replayed.
    """

    def __init__(self, task: Task, eager: str) -> None:
        self.task, self.eager = task, eager
        self.has_gradient = False  # whether some step had a gradient other than 0
        self._n_steps = 0  # in this epoch

    def begin(self) -> None:
        """Make ready for the first step."""

    def step(self, batch: Sequence[int]) -> Tally:
        """Take one step on a batch of indices; after an ArithmeticError weights are as they were before the step."""
        task, tally = self.task, Tally()
        task.optimizer.zero_grad()
        self._n_steps += 1
        for count, index in enumerate(batch):
            with noise_from(lambda layer, n: layer.draw(task.rng, n)):
                loss, right = self._loss(task.examples, index)
            if count < _LOOKED_AT and self._n_steps <= _LOOKED_AT:
                self._check_fresh(loss)
            if not math.isfinite(loss.data):
                raise FloatingPointError(f"the loss is {loss.data}")
            loss.backward(1.0 / len(batch))
            tally += Tally(loss.data, right, 1)
        self.has_gradient = self.has_gradient or any(p.grad != 0.0 for p in task.model.parameters())
        task.optimizer.step()
        return tally

    def validate(self) -> Tally | None:
        """Loss and right answers over the validation examples, if there are any."""
        examples, tally = self.task.validation, Tally()
        if examples is None:
            return None
        for index in range(len(examples)):
            loss, right = self._loss(examples, index)
            tally += Tally(loss.data, right, 1)
        return tally

    def numbers(self) -> bytes:
        """The weights of now, as far as steps compute with them, for several processes to compare."""
        return b""

    def put_back(self, seconds: float = 0.0) -> None:
        """Write weights and gradients into the parameters, unless that was done in the last *seconds*."""

    def next_epoch(self) -> None:
        """Train what the model has now, which callbacks may have changed."""
        self._n_steps = 0
        if self.task.optimizer.follows_model:
            self.task.optimizer.follow(self.task.model.parameters())

    def close(self) -> None:
        """End training and write weights and gradients into the parameters."""

    def _loss(self, examples: Examples, index: int) -> tuple[Value, bool]:
        """The weighted loss of an example, and whether the outputs are right."""
        outputs = output_values(self.task.model(examples.row(index)))
        targets = examples.targets
        loss = self.task.loss.function(outputs, examples.target(index))
        if not isinstance(loss, Value):
            loss = as_loss(loss, *_loss_alone(self.task.loss.function, outputs, targets, index))
        if examples.weights is not None:
            loss = loss * examples.weights[index]
        return loss, targets.classes is not None and targets.is_right(output_numbers(outputs), index)

    def _check_fresh(self, loss: Value) -> None:
        """Refuse what was computed of parameters before a step: its derivatives are of the parameters as they were."""
        if stale := what_is_stale(_computed(loss)):
            name = type(self.task.model).__name__
            raise ValueError(
                f"{name} and its loss must compute with parameters anew after each step, got what was computed before "
                f"({stale}); compute it where it is used, or keep its number, .data"
            )

    def check_trains(self) -> None:
        """Refuse a loss that depends on no parameter for all examples."""
        if not self.trains():
            raise TypeError(
                f"the loss {shortened(self.task.loss.name)} must depend on the model's parameters, got numbers without "
                "a gradient for all examples; compute it from the outputs, without .data, float(), detach() and "
                "comparisons"
            )

    def trains(self) -> bool:
        """Whether the loss of some example depends on a parameter, or only comparisons keep all of them from it.

        So they do where all are at the loss's floor, as in ``max(0, 1 - t * o)``, or a model is ``max(z, 0)`` of
        numbers below 0.
        """
        if self.has_gradient:
            return True
        task, examples = self.task, replace(self.task.examples, weights=None)
        own, losses, is_dead = set(task.model.parameters()), set(), True
        for index in range(len(examples)):
            loss = self._loss(examples, index)[0]
            if depends(loss, own, set()):
                return True
            losses.add(loss.data)
            outputs = as_list(task.model(examples.row(index)))
            is_dead = is_dead and not any(depends(z, own, set()) for z in outputs if isinstance(z, Value))
        if is_dead:
            return _is_chosen(lambda row: as_list(task.model(row)), examples.row(0), own)
        first = _loss_alone(task.loss.function, output_values(task.model(examples.row(0))), examples.targets, 0)
        return len(losses) == 1 and _is_chosen(*first, own)


def _computed(root: Value) -> set[Value]:
    """The nodes that get a gradient from *root* and that the engine computed: a user's primitive may draw or count."""
    found, stack = set[Value](), [root]
    while stack:
        node = stack.pop()
        if node.operands and node.operation is not DETACH and node not in found:
            found.add(node)
            stack += node.operands
    return {node for node in found if not isinstance(node.operation.primitive, Primitive)}


def _is_chosen(function: Callable[[list[Value]], list[Any]], numbers: list[float], own: set[Value]) -> bool:
    """Whether comparisons of what depends on parameters choose a function's results, with no other number read."""
    try:
        guards = compiler.record(function, numbers, True).guards.values()
    except Exception:  # the function is the user's
        return False
    sides = (side for guard in guards for side in (guard.a, guard.b))
    return any(isinstance(side, Value) and depends(side, own, set()) for side in sides)


def _loss_alone(
    loss: LossFunction, outputs: Any, targets: Targets, index: int
) -> tuple[Callable[[list[Value]], list[Any]], list[float]]:
    """The loss of these outputs as a function of the target, and the target's numbers."""
    numbers = targets.columns()[index].tolist()
    return lambda target: [loss(outputs, target if len(target) > 1 else target[0])], numbers

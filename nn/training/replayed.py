"""Training steps by replay: one example's graph, recorded once, run for whole batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import DataDependentError, Value, compiler
from nn.activations import OF_ONE_VALUE
from nn.examples import Examples, Tally, as_list
from nn.losses import LOSSES, LossFunction, recorded_form
from nn.noise import given_noise, noise_from, noise_rows
from nn.parameters import parts_in
from nn.programs import Amount, Array, Recorded
from nn.training.steps import Steps, Task
from nn.training.threads import ONE_THREAD

if TYPE_CHECKING:
    from nn.module import Module

_LARGE = 2_000_000  # parameters: products of such networks are worth several threads


def steps_for(task: Task, insists: bool) -> Steps:
    """Steps by replay; else eager steps, or an error if the caller *insists*."""
    try:
        return Replayed(task, insists)
    except Exception as error:  # the user's model and loss may raise anything
        if insists and not isinstance(error, ArithmeticError):  # the first eager step reports those
            raise _not_replayed(error) from error
        return Steps(task, _reason(error))


class Replayed(Steps):
    """Steps by replay; the weights are in arrays until ``put_back``.

    A step that meets infinity or NaN is repeated eagerly, which names the operation, or succeeds. After the model or
    the loss did something that cannot be replayed, all steps are eager.

    Raises:
        Exception: the model or the loss cannot be replayed. A user's loss may raise anything for a target of Values.
    """

    def __init__(self, task: Task, insists: bool) -> None:
        super().__init__(task, eager="")
        self.insists, self.is_in_one_thread, self.is_stale = insists, False, False
        examples, loss = task.examples, task.loss
        recorded_loss, one_hot = recorded_form(loss, task.n_outputs)
        self.n_classes = task.n_outputs if one_hot else None
        self.is_weighted, self.n_noise = examples.weights is not None, sum(n for _, n in task.noise)
        self.dtype = np.dtype(task.dtype)
        self.rows = self._rows(examples)
        self.validation_rows = None if task.validation is None else self._rows(task.validation)
        bundled = any(loss is each for each in LOSSES.values())
        key = (recorded_loss, task.dtype, self.rows.shape[1], self.is_weighted) if bundled else None
        self.recorded = Recorded(_function(task, recorded_loss, one_hot), [task.model, loss], key)
        amount = Amount(task.n_epochs * len(examples), task.n_epochs * task.steps_per_epoch)
        self.paths = self.recorded.paths(self.rows[0], lambda: _first_eagerly(task), None if insists else amount)
        self.is_ours = bundled and _is_made_of_nn(task.model)
        rate = task.optimizer.learning_rate
        self.schedule = compiler.Surroundings(*[rate] if callable(rate) else [])
        self.scheduled = self.schedule.look()

    def _rows(self, examples: Examples) -> Array:
        """A row for each example: inputs, targets, weight, and noise, 1 until it is drawn."""
        parts = [examples.table, examples.targets.columns(self.n_classes)]
        if self.is_weighted:
            parts.append(np.reshape(examples.weights or np.ones(len(examples)), (-1, 1)))
        parts.append(np.ones((len(examples), self.n_noise), np.float32))
        rows = np.empty((len(examples), sum(part.shape[1] for part in parts)), self.dtype)
        np.concatenate(parts, axis=1, out=rows, casting="same_kind")
        return rows

    # --------------------------------------------------------------------------------------------------------- weights

    def begin(self) -> None:
        """Read the weights from the parameters: at first, and after each change from outside."""
        known = self.paths.parameters
        if not self.is_in_one_thread and len(known) <= _LARGE:
            ONE_THREAD.begin()
            self.is_in_one_thread = True
        self.paths.from_values()
        self.trained = list(self.task.optimizer.parameters or [])
        self.weights: Array = np.array([parameter.data for parameter in self.trained], self.dtype)
        self.gradient: Array = np.zeros(len(self.trained), self.dtype)
        column = {parameter: index for index, parameter in enumerate(known)}
        columns = [column[parameter] for parameter in self.trained if parameter in column]
        self.trained_columns: Any = slice(None) if self.trained == known else columns
        self.untrained_columns = sorted(set(range(len(known))) - set(columns))
        self.untrained_gradient: Array = np.zeros(len(self.untrained_columns), self.dtype)
        self.in_arrays = self.task.optimizer.works_on_arrays() and len(columns) == len(self.trained)
        self.is_stale = False

    def put_back(self) -> None:
        """Write weights and last gradients into the parameters; untrained ones add theirs up."""
        if not self.is_stale:
            return
        for parameter, weight, gradient in zip(self.trained, self.weights.tolist(), self.gradient.tolist()):
            parameter.data, parameter.grad = weight, gradient
        for index, gradient in zip(self.untrained_columns, self.untrained_gradient.tolist()):
            self.paths.parameters[index].grad += gradient
        self.untrained_gradient[:] = 0.0
        self.is_stale = False

    def next_epoch(self, may_change: bool) -> None:
        """Record a model or loss of the user's again at the next step."""
        if not self.eager and (may_change or not self.is_ours):
            self.paths.doubt(may_change)
            if may_change:
                self.begin()

    def close(self) -> None:
        """Write back the weights; keep the program if it holds nothing of the user's."""
        if self.is_in_one_thread:
            self.is_in_one_thread = False
            ONE_THREAD.end()
        self.put_back()
        self.recorded.keep(self.paths)

    # ----------------------------------------------------------------------------------------------------------- steps

    def step(self, batch: Sequence[int]) -> Tally:
        indices = np.array(batch)
        if self.n_noise and not self.eager:
            self.rows[indices, -self.n_noise :] = noise_rows(self.task.noise, self.task.rng, len(batch))
        found = self._replay(lambda: self.paths.run(self.rows, indices))
        if found is None or not np.isfinite(found[1]).all():
            self.put_back()
            tally = super().step(batch)
            if not self.eager:
                self.begin()
            return tally
        results, gradient = found
        if self.in_arrays:
            self._advance(gradient)
        else:
            self._step_in_values(gradient)
        look = self.schedule.look()
        if not self.in_arrays or compiler.changed(self.scheduled, look, other_values=True):
            self.scheduled = look  # a schedule or an optimizer of the user's may change what the model reaches
            self.paths.look_again()
        return self._tally(self.task.examples, results, indices)

    def validate(self) -> Tally | None:
        examples, rows = self.task.validation, self.validation_rows
        if examples is None or rows is None:
            return None
        found = self._replay(lambda: (self.paths(rows), None))
        return super().validate() if found is None else self._tally(examples, found[0], slice(None))

    def _replay(self, run: Callable[[], tuple[Array, Any]]) -> tuple[Array, Any] | None:
        """The results of *run*, loss and outputs first; None if the step must be eager."""
        if self.eager:
            return None
        try:
            found = run()
        except ArithmeticError:
            return None
        except Exception as error:  # run may record a path, and the user's model and loss may raise anything
            self.close()
            if self.insists:
                raise _not_replayed(error) from error
            self.eager = _reason(error)
            return None
        return found if np.isfinite(found[0][:, 0].sum(dtype=np.float64)) else None

    def _advance(self, gradient: Array) -> None:
        """Take the step of an optimizer whose formula works on arrays."""
        self.gradient, self.is_stale = gradient[self.trained_columns].copy(), True
        self.weights = self.task.optimizer.updated(self.weights, self.gradient)
        self.paths.weights[self.trained_columns] = self.weights
        if self.untrained_columns:
            self.untrained_gradient += gradient[self.untrained_columns]

    def _step_in_values(self, gradient: Array) -> None:
        """Take the step of an optimizer that changes its parameters itself."""
        self.task.optimizer.zero_grad()
        for parameter, number in zip(self.paths.parameters, gradient.tolist()):
            parameter.grad += number
        self.task.optimizer.step()
        self.paths.from_values()

    @staticmethod
    def _tally(examples: Examples, results: Array, indices: Any) -> Tally:
        right = np.count_nonzero(examples.targets.are_right(results[:, 1:], indices))
        return Tally(float(results[:, 0].sum(dtype=np.float64)), int(right), len(results))


def _is_made_of_nn(model: Module) -> bool:
    """Whether only code of nn and engine runs in the model."""
    called = [model, *(part for _, part in parts_in(model) if callable(part))]
    foreign = [part for part in called if type(part).__module__ not in ("nn.layers", "nn.mlp")]
    return all(any(part is function for function in OF_ONE_VALUE) for part in foreign)


def _function(task: Task, loss: LossFunction, one_hot: bool) -> Callable[[list[Value]], list[Any]]:
    """The function to record: from inputs, target, weight and noise to loss and outputs."""
    n_inputs, n_noise = task.examples.table.shape[1], sum(n for _, n in task.noise)
    model, noise, is_weighted = task.model, task.noise, task.examples.weights is not None

    def of_row(row: list[Value]) -> list[Any]:
        end = len(row) - n_noise
        target = row[n_inputs:end]
        with noise_from(given_noise(noise, row[end:])):
            outputs = model(row[:n_inputs])
        weight = target.pop() if is_weighted else 1.0
        found = loss(outputs, target if one_hot or len(target) > 1 else target[0])
        return [found * weight if is_weighted else found, *as_list(outputs)]

    return of_row


def _first_eagerly(task: Task) -> list[Any]:
    """Loss and outputs of the first example, computed with plain numbers."""
    outputs = task.model(task.examples.row(0))
    loss = task.loss(outputs, task.examples.targets.encoded[0])
    return [loss * (task.examples.weights or [1.0])[0], *as_list(outputs)]


def _reason(error: Exception) -> str:
    """Why something is not replayed, in a line."""
    return error.reason if isinstance(error, DataDependentError) else f"{type(error).__name__}: {error}"


def _not_replayed(error: Exception) -> ValueError:
    return ValueError(
        f"replay=True, but this model cannot be replayed with this loss ({_reason(error)}); without replay=True it is "
        "trained eagerly"
    )

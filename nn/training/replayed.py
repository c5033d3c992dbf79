"""Training steps by replay: one example's graph, recorded once, run for whole batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import DataDependentError, compiler
from nn.activations import is_of_one_value
from nn.configuration import foreign_parts
from nn.examples import Examples, Tally, as_list, as_values
from nn.losses import LOSSES, recorded_form
from nn.noise import noise_rows
from nn.parameters import runs_in
from nn.programs import Amount, Array, Recorded
from nn.training.steps import Steps, Task, example_function
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
            raise Replayed.refusal(reason(error)) from error
        return Steps(task, reason(error))


class Replayed(Steps):
    """Steps by replay; the weights are in arrays until ``put_back``, unless a step runs code of the user's.

    A step that meets infinity or NaN is repeated eagerly, which names the operation, or succeeds. After the model or
    the loss did something that cannot be replayed, all steps are eager.
    """

    def __init__(self, task: Task, insists: bool) -> None:
        super().__init__(task, eager="")
        self.insists, self.is_in_one_thread, self.is_stale = insists, False, False
        examples, loss = task.examples, task.loss
        recorded_loss, one_hot = recorded_form(loss, task.n_outputs)
        self.n_classes = task.n_outputs if one_hot else None
        self.is_weighted, self.n_noise = examples.weights is not None, sum(n for _, n in task.noise)
        self.dtype = np.dtype(task.dtype)
        bundled = any(loss is each for each in LOSSES.values())
        self.is_ours = bundled and _is_made_of_nn(task.model)
        self.rows = self._rows(examples)
        self.validation_rows = None if task.validation is None else self._rows(task.validation)
        kind = recorded_loss, task.dtype, self.rows.shape[1], self.is_weighted, task.backend
        function = example_function(task, recorded_loss, one_hot)
        self.recorded = Recorded(function, [task.model, loss], kind if bundled else None, task.backend)
        self.paths = self._recorded_paths()
        self.parts: list[Any] = []

    @staticmethod
    def refusal(why: str) -> ValueError:
        """What a caller is told who insists on replay."""
        told = f"replay=True, but this model cannot be replayed with this loss ({why})"
        return ValueError(f"{told}; without replay=True it is trained eagerly")

    def _rows(self, examples: Examples) -> Array:
        """A row for each example: inputs, targets, weight, and noise, 1 until it is drawn.

        Of float64 where code of the user's may compare numbers, which float32 would round.
        """
        parts = [examples.table, examples.targets.columns(self.n_classes)]
        if self.is_weighted:
            parts.append(np.reshape(examples.weights or np.ones(len(examples)), (-1, 1)))
        parts.append(np.ones((len(examples), self.n_noise), np.float32))
        width, dtype = sum(part.shape[1] for part in parts), self.dtype if self.is_ours else np.float64
        rows = np.empty((len(examples), width), dtype)
        with np.errstate(all="ignore"):
            np.concatenate(parts, axis=1, out=rows, casting="same_kind")
            taken = rows.astype(self.dtype, copy=False)
        if self.dtype == np.float32 and not np.isfinite(np.add.reduce(taken, None, np.float64)):
            raise OverflowError("examples must be within float32's range, got a larger number")
        return rows

    def _recorded_paths(self) -> compiler.Paths:
        """The programs for the parameters that the model has now, one of them recorded with the first example."""
        task = self.task
        amount = Amount(task.n_epochs * len(task.examples), task.n_epochs * task.steps_per_epoch)
        row = self.rows[0].copy()
        row[len(row) - self.n_noise :] = 1.0
        return self.recorded.paths(row, lambda: _first_eagerly(task), None if self.insists else amount, self.dtype)

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
        self.parts = self.parts or _parts(self.task.model)

    def put_back(self) -> None:
        """Write weights and last gradients into the parameters; untrained ones add theirs up.

        A parameter whose ``data`` was changed meanwhile, by another thread, keeps it, and training goes on from there.
        """
        if not self.is_stale:
            return
        self.paths.exchange()
        self.weights = self.paths.weights[self.trained_columns].copy()
        for parameter, gradient in zip(self.trained, self.gradient.tolist()):
            parameter.grad = gradient
        for index, gradient in zip(self.untrained_columns, self.untrained_gradient.tolist()):
            self.paths.parameters[index].grad += gradient
        self.untrained_gradient[:] = 0.0
        self.is_stale = False

    def next_epoch(self, may_change: bool) -> None:
        """Record again, with the next step, what a model or a loss of the user's does, or what was changed."""
        if self.eager:
            return super().next_epoch(may_change)
        has_changed = self._has_changed()
        may_change = may_change or has_changed or not self.in_arrays or not self.task.runs_alone
        if may_change or not self.is_ours:
            super().next_epoch(may_change)
            self.paths.doubt(may_change)
            if self.task.model.parameters() != self.paths.parameters:
                self._record_again()
            if may_change and not self.eager:
                self.begin()

    def _record_again(self) -> None:
        try:
            self.paths = self._recorded_paths()
        except Exception as error:  # as in ``steps_for``
            self._end(error)

    def _has_changed(self) -> bool:
        """Whether the model has other parts than at the last look."""
        before, self.parts = self.parts, _parts(self.task.model)
        return len(before) != len(self.parts) or not all(map(is_, before, self.parts))

    def close(self) -> None:
        """Write back the weights; keep the program if it holds nothing of the user's."""
        if self.is_in_one_thread:
            self.is_in_one_thread = False
            ONE_THREAD.end()
        self.put_back()
        self.recorded.keep(self.paths)

    # ----------------------------------------------------------------------------------------------------------- steps

    def step(self, batch: Sequence[int]) -> Tally:
        indices, before = np.array(batch), None
        if self.n_noise and not self.eager:
            before = self.task.rng.getstate()
            self.rows[indices, -self.n_noise :] = noise_rows(self.task.noise, self.task.rng, len(batch))
        found = self._replay(lambda: self.paths.run(self.rows, indices))
        if found is None or not np.isfinite(found[1]).all():
            self.put_back()
            if before is not None:
                self.task.rng.setstate(before)  # the noise of eager training is drawn once
            tally = super().step(batch)
            if not self.eager:
                self.begin()
            return tally
        results, gradient = found
        self._advance(gradient)
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
        except Exception as error:  # a path may be recorded, and model and loss may be anybody's
            self._end(error)
            return None
        return found if np.isfinite(found[0][:, 0].sum(dtype=np.float64)) else None

    def _end(self, error: Exception) -> None:
        """Be eager from now on, or raise an error if replay is insisted on."""
        self.close()
        if self.insists and not isinstance(error, ArithmeticError):
            raise self.refusal(reason(error)) from error
        self.eager = reason(error)

    def _advance(self, gradient: Array) -> None:
        self.has_gradient = self.has_gradient or bool(gradient.any())
        if self.in_arrays:
            self._step_in_arrays(gradient)
        else:
            self._step_in_values(gradient)

    def _step_in_arrays(self, gradient: Array) -> None:
        """The step of an optimizer that is a formula of this library."""
        self.gradient, self.is_stale = gradient[self.trained_columns].copy(), True
        self.weights = self.task.optimizer.updated(self.weights, self.gradient)
        self.paths.weights[self.trained_columns] = self.weights
        if self.untrained_columns:
            self.untrained_gradient += gradient[self.untrained_columns]

    def _step_in_values(self, gradient: Array) -> None:
        """The step of an optimizer or a schedule of the user's, which may look at anything and change it."""
        self.task.optimizer.zero_grad()
        for parameter, number in zip(self.paths.parameters, gradient.tolist()):
            parameter.grad += number
        self.task.optimizer.step()
        self.paths.from_values()
        if self._has_changed():
            self.paths.doubt()
        else:
            self.paths.look_again()

    @staticmethod
    def _tally(examples: Examples, results: Array, indices: Any) -> Tally:
        right = np.count_nonzero(examples.targets.are_right(results[:, 1:], indices))
        return Tally(float(results[:, 0].sum(dtype=np.float64)), int(right), len(results))


def _is_made_of_nn(model: Module) -> bool:
    """Whether only code of nn and engine runs in the model."""
    return all(map(is_of_one_value, foreign_parts(model)))


def _parts(model: Module) -> list[Any]:
    """All parts of a model and their types: what else lies there now is another object."""
    parts: list[Any] = [model]
    for _, _, run in runs_in(model, plain=True):
        parts += run
    return [*parts, *map(type, parts)]


def _first_eagerly(task: Task) -> list[Any]:
    """Loss and outputs of the first example, computed with plain numbers."""
    outputs = as_values(task.model(task.examples.row(0)))
    loss = task.loss(outputs, task.examples.target(0))
    return [loss * (task.examples.weights or [1.0])[0], *as_list(outputs)]


def reason(error: Exception) -> str:
    """Why something is not replayed, in a line."""
    return error.reason if isinstance(error, DataDependentError) else f"{type(error).__name__}: {error}"

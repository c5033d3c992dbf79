"""Training steps by replay: one example's graph, recorded once, run for whole batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine import DataDependentError, Value, compiler
from nn.examples import Examples, Tally, as_list, output_values
from nn.losses import recorded_form
from nn.noise import noise_rows
from nn.programs import Amount, Array, Recorded, compared
from nn.training.made_of_nn import Code, are_same, is_made_of_nn, parts_and_names
from nn.training.steps import Steps, Task, example_function
from nn.training.threads import ONE_THREAD

_LARGE = 2_000_000  # parameters: products of such networks are worth several threads


def steps_for(task: Task, kind: type[Replayed]) -> Steps:
    """Steps by replay, of this *kind*; else eager steps, or an error if nothing but replay will do."""
    try:
        return kind(task)
    except Exception as error:  # the user's model and loss may raise anything
        is_of_numbers = isinstance(error, ArithmeticError)  # the first eager step reports those
        if (task.options.replay or task.team.is_shared) and not is_of_numbers:
            raise kind.refusal(reason(error)) from error
        if task.team.is_shared:
            raise
        return Steps(task.kept(), reason(error))


class Replayed(Steps):
    """Steps by replay; the weights are in arrays until ``put_back``, unless a step runs code of the user's.

    A step that meets infinity or NaN is repeated eagerly, which names the operation, or succeeds. After the model or
    the loss did something that cannot be replayed, all steps are eager.
    """

    differentiates_others = True
    """Whether leaves of the loss that are no parameters of the model get their gradients, too."""

    def __init__(self, task: Task) -> None:
        super().__init__(task, eager="")
        self.insists = task.options.replay is True or task.team.is_shared
        self.is_in_one_thread, self.is_stale, self.written = False, False, 0.0
        examples, options = task.examples, task.options
        recorded_loss, one_hot = recorded_form(task.loss.function, task.n_outputs)
        self.n_classes = task.n_outputs if one_hot else None
        self.is_weighted, self.n_noise = examples.weights is not None, sum(n for _, n in task.noise)
        self.dtype = np.dtype(options.dtype)
        self.is_ours = task.loss.is_bundled and is_made_of_nn(task.model)
        self.parts: list[Any] = []
        self.own: list[Value] = []
        self.others: list[Value] = []
        """The leaves of the loss that are no parameters of the model, as far as they are known."""
        self.code: Code | None = None
        self.rows = self._rows(examples)
        self.validation_rows = None if task.validation is None else self._rows(task.validation)
        self.task = task = task.kept(self.rows, self.validation_rows)
        kind = recorded_loss, options.dtype, self.rows.shape[1], self.is_weighted, options.backend
        function = example_function(task, recorded_loss, one_hot)
        roots = [task.model, task.loss.function]
        self.recorded = Recorded(function, roots, kind if task.loss.is_bundled else None, options.backend)
        self.paths = self._recorded_paths()

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
        places = compared(len(self.rows))
        rows = self.rows[places]
        rows[:, rows.shape[1] - self.n_noise :] = 1.0
        self.own = task.model.parameters()
        while True:
            self.others = [leaf for leaf in self.others if leaf not in self.own]
            eager, asked = lambda index: _eagerly(task, places[index]), None if self.insists else amount
            paths = self.recorded.paths(rows, eager, asked, self.dtype, self.others)
            if not self._finds_others(paths):
                return paths

    def _finds_others(self, paths: compiler.Paths) -> bool:
        """Add the leaves that are constants of the programs, and so get no gradient; return whether there are any."""
        if not self.differentiates_others:
            return False
        leaves = dict.fromkeys(leaf for path in paths.paths for leaf in path.constants)
        self.others += leaves
        return bool(leaves)

    # --------------------------------------------------------------------------------------------------------- weights

    def begin(self) -> None:
        """Read the weights from the parameters: at first, and after each change from outside."""
        known = self.paths.parameters
        if not self.is_in_one_thread and len(known) <= _LARGE:
            ONE_THREAD.begin()
            self.is_in_one_thread = True
        if not self.parts:
            self._has_changed(not self.task.runs_alone)
        self.paths.from_values()
        self.trained = list(self.task.optimizer.parameters or [])
        self.in_arrays = self.task.optimizer.works_on_arrays()
        self.trained_columns: Any = slice(None)
        self.untrained_columns: list[int] = []
        if self.trained != known:
            column = {parameter: index for index, parameter in enumerate(known)}
            self.trained_columns = [column[parameter] for parameter in self.trained if parameter in column]
            self.untrained_columns = sorted(set(range(len(known))) - set(self.trained_columns))
            self.in_arrays = self.in_arrays and len(self.trained_columns) == len(self.trained)
        self.weights: Array = self.paths.weights[self.trained_columns].copy()
        self.gradient: Array = np.zeros(len(self.trained), self.dtype)
        self.untrained_gradient: Array = np.zeros(len(self.untrained_columns), self.dtype)
        self.is_stale = False

    def numbers(self) -> bytes:
        if self.is_stale:
            return self.paths.weights.tobytes()
        data = [parameter.data for parameter in self.task.model.parameters()]
        with np.errstate(over="ignore"):
            return np.array(data, self.dtype if self.in_arrays else np.float64).tobytes()

    def put_back(self, seconds: float = 0.0) -> None:
        """Write weights and last gradients into the parameters; untrained ones add theirs up.

        A parameter whose ``data`` was changed meanwhile, by another thread, keeps it, and training goes on from there.
        """
        if not self.is_stale or (time.monotonic() < self.written + seconds and not self.untrained_columns):
            return
        self.paths.exchange()
        self.weights = self.paths.weights[self.trained_columns].copy()
        for parameter, gradient in zip(self.trained, self.gradient.tolist()):
            parameter.grad = gradient
        for index, gradient in zip(self.untrained_columns, self.untrained_gradient.tolist()):
            self.paths.parameters[index].grad += gradient
        self.untrained_gradient[:] = 0.0
        self.is_stale, self.written = False, time.monotonic()

    def next_epoch(self) -> None:
        """Record again, with the next step, what a model or a loss of the user's does, or what was changed."""
        if self.eager:
            return super().next_epoch()
        may_change = not (self.in_arrays and self.task.runs_alone)
        has_changed = self._has_changed(may_change)
        if has_changed or not self.is_ours or self.paths.ran_users_code:
            self.paths.doubt(may_change or has_changed)
        elif not may_change:
            return
        self.put_back()
        super().next_epoch()
        optimizer = self.task.optimizer
        now = optimizer.parameters if optimizer.follows_model else self.task.model.parameters()
        if now != self.own:
            try:
                self.paths = self._recorded_paths()
            except Exception as error:  # as in ``steps_for``
                return self._end(error)
        self.begin()

    def _has_changed(self, with_code: bool = False) -> bool:
        """Whether the model has other parts than at the last look, or the code of nn is another than at first."""
        before, self.parts = self.parts, parts_and_names(self.task.model)
        has_changed = not are_same(before, self.parts)
        if has_changed:
            self.is_ours = self.task.loss.is_bundled and is_made_of_nn(self.task.model)
        if with_code and self.is_ours:
            self.code = self.code or Code()
            self.is_ours = self.code.is_the_first()
        return has_changed

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
        if found is None:
            self.put_back()
            return super().validate()
        return self._tally(examples, found[0], slice(None))

    def _replay(self, run: Callable[[], tuple[Array, Any]]) -> tuple[Array, Any] | None:
        """The results of *run*, loss and outputs first; None if the step must be eager."""
        if self.eager:
            return None
        try:
            found = run()
            while found[1] is not None and self._finds_others(self.paths):
                self.put_back()
                self.paths = self._recorded_paths()
                self.begin()
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
        self.has_gradient = self.has_gradient or bool(gradient[: len(self.own)].any())
        if self.in_arrays:
            self._step_in_arrays(gradient)
        else:
            self._step_in_values(gradient)

    def _step_in_arrays(self, gradient: Array) -> None:
        """The step of an optimizer that is a formula of this library."""
        self.gradient, self.is_stale = gradient[self.trained_columns].copy(), True
        self.weights = self.task.optimizer.updated(self.weights, self.gradient).astype(self.dtype, copy=False)
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


def _eagerly(task: Task, index: int) -> list[Any]:
    """Loss and outputs of an example, computed with plain numbers."""
    outputs = output_values(task.model(task.examples.row(index)))
    loss = task.loss.function(outputs, task.examples.target(index))
    return [loss * (1.0 if task.examples.weights is None else task.examples.weights[index]), *as_list(outputs)]


def reason(error: Exception) -> str:
    """Why something is not replayed, in a line."""
    return error.reason if isinstance(error, DataDependentError) else f"{type(error).__name__}: {error}"

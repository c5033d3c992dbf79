"""Training steps and outputs for whole batches: the graph of one example is recorded once and replayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from engine import DataDependentError, Value
from engine.compiler.cost import slower_than_eager
from engine.compiler.paths import Path, Paths, Source
from engine.compiler.surroundings import Surroundings, changed
from nn.eager import Eager
from nn.examples import Examples, Tally, listed
from nn.losses import LOSSES, LossFunction, recorded_form
from nn.noise import Layout, given_noise, no_noise, noise_from, noise_rows
from nn.optimizers import OPTIMIZERS, Optimizer
from nn.turns import ONE_THREAD

if TYPE_CHECKING:
    from nn.data import Table
    from nn.module import Module

_MUCH = 200_000  # parameters times examples: for less, recording a graph takes longer than to do without
_CALLS = 10  # of predict or score with one model: so often, compiling pays off
_PATHS, _MOST_PATHS = 8, 32  # ways that comparisons choose: with more, batches fall apart; and if replay is insisted on
_LARGE = 2_000_000  # parameters: products of such networks are worth several threads

Array = np.ndarray[Any, np.dtype[Any]]


class SlowReplayError(Exception):
    """Replay was not asked for, and would take longer than to do without."""


class ReplayEndedError(Exception):
    """The model or the loss did something in the middle of training that a replay cannot follow."""


def reason_of(error: Exception) -> str:
    """Why something is not replayed, in a line."""
    return error.reason if isinstance(error, DataDependentError) else f"{type(error).__name__}: {error}"


class Amount(NamedTuple):
    """How much there is to do: examples in all, and in how many runs of a program."""

    n_examples: int
    n_runs: int

    def check(self, outputs: list[Value]) -> None:
        """Tell from a graph whether replay is worth it.

        Raises:
            SlowReplayError: it is not.
        """
        slower = slower_than_eager(outputs, self.n_examples, self.n_runs)
        if slower:
            raise SlowReplayError(slower)


class Replayed:
    """Steps and measurements by replay; the weights are in arrays meanwhile, and ``put_back`` brings them home.

    Args:
        optimizer: its parameters are trained; what it is bound to may change before ``take_over``.
        dtype: of the arrays, ``"float64"`` or ``"float32"``.
        amount: what the training is, where replay is to be refused if it would be slower.

    Raises:
        SlowReplayError: the graph has too little that arrays can do at once.
        Exception: the model or the loss cannot be replayed. The loss may be anybody's function and is given Values as
            target here, so that it may raise anything.
    """

    def __init__(
        self,
        model: Module,
        loss: LossFunction,
        optimizer: Optimizer,
        examples: Examples,
        dtype: str,
        n_outputs: int,
        rng: Any,
        layout: Layout,
        amount: Amount | None = None,
    ) -> None:
        self.eager, self.rng = Eager(model, loss, optimizer, examples, rng), rng
        self.model, self.optimizer, self.examples = model, optimizer, examples
        recorded, one_hot = recorded_form(loss, n_outputs)
        self.n_classes = n_outputs if one_hot else None
        self.is_weighted = examples.weights is not None
        self.layout, self.n_noise = layout, sum(n for _, n in layout)
        self.dtype = np.dtype(dtype)
        self.rows = self._rows(examples)
        self.measured_last: tuple[Examples, Array] | None = None
        bundled = any(loss is each for each in LOSSES.values())
        self.key = (recorded, self.dtype.name, self.rows.shape[1], self.is_weighted) if bundled else None
        n_inputs = examples.table.shape[1]
        n_targets = self.rows.shape[1] - n_inputs - self.is_weighted - self.n_noise
        is_single = n_targets == 1 and self.n_classes is None
        form = _Form(model, recorded, n_inputs, is_single, self.is_weighted, self.layout)
        self.paths = paths_of(model, self.key, Source(form, Surroundings(model, loss), True), self.dtype, amount)
        self.paths.start(self.rows[0], amount and amount.check)
        outputs = model(examples.row(0))
        first = loss(outputs, examples.targets.encoded[0]) * (examples.weights or [1.0])[0]
        _check_alike(self.paths, self.rows, [first, *listed(outputs)])
        self.behind = False
        self.is_in_one_thread = False
        self.schedule = Surroundings(optimizer.learning_rate) if callable(optimizer.learning_rate) else None
        self.scheduled = self.schedule.look() if self.schedule else {}

    def _rows(self, examples: Examples) -> Array:
        """Inputs, targets, weights and noise side by side, an example a row, as the program takes them.

        The noise is 1, which is none, until a step draws some.
        """
        parts = [examples.table, examples.targets.columns(self.n_classes)]
        if self.is_weighted:
            parts.append(np.reshape(examples.weights or np.ones(len(examples)), (-1, 1)))
        parts.append(np.ones((len(examples), self.n_noise), np.float32))
        rows = np.empty((len(examples), sum(part.shape[1] for part in parts)), self.dtype)
        np.concatenate(parts, axis=1, out=rows, casting="same_kind")
        return rows

    # --------------------------------------------------------------------------------------------------------- weights

    def take_over(self) -> None:
        """Take the weights from the parameters, as they are now; the first step wants it, and each change by others."""
        known = self.paths.parameters
        if not self.is_in_one_thread and len(known) <= _LARGE:
            ONE_THREAD.begin()
            self.is_in_one_thread = True
        self.trained = list(self.optimizer.parameters or [])
        self.paths.from_values()
        self.weights: Array = np.array([parameter.data for parameter in self.trained], self.dtype)
        self.gradient: Array = np.zeros(len(self.trained), self.dtype)
        column = {parameter: place for place, parameter in enumerate(known)}
        in_graph = [place for place, parameter in enumerate(self.trained) if parameter in column]
        columns = [column[self.trained[place]] for place in in_graph]
        everything = columns == list(range(len(known))) and len(in_graph) == len(self.trained)
        self.in_graph: Any = slice(None) if everything else in_graph
        self.columns: Any = slice(None) if everything else columns
        taken = set(columns)
        self.others = [place for place in range(len(known)) if place not in taken]
        self.for_others: Array = np.zeros(len(self.others), self.dtype)
        bound = (self.optimizer.zero_grad, self.optimizer.step, self.optimizer.put_weights)
        own = (Optimizer.zero_grad, Optimizer.step, Optimizer.put_weights)
        self.in_arrays = all(getattr(method, "__func__", None) is whose for method, whose in zip(bound, own))
        self.behind = False

    def put_back(self) -> None:
        """Put weights and last gradients into the parameters; those not trained have theirs added up, as eagerly."""
        if not self.behind:
            return
        for parameter, weight, gradient in zip(self.trained, self.weights.tolist(), self.gradient.tolist()):
            parameter.data, parameter.grad = weight, gradient
        for place, gradient in zip(self.others, self.for_others.tolist()):
            self.paths.parameters[place].grad += gradient
        self.for_others[:] = 0.0
        self.behind = False

    def close(self) -> None:
        """Keep the program for the next call, if nothing of the user's is in it, which it would keep alive."""
        if self.is_in_one_thread:
            self.is_in_one_thread = False
            ONE_THREAD.end()
        self.put_back()
        if self.key is not None:
            keep(self.model, self.key, self.paths)

    def next_epoch(self, may_change: bool) -> None:
        """Record again, with the next step, what the model does; it *may change* after callbacks."""
        self.paths.doubt(may_change)
        if may_change:
            self.take_over()

    # ----------------------------------------------------------------------------------------------------------- steps

    def step(self, batch: Sequence[int]) -> Tally:
        """One step on a batch, given by its places among the examples.

        Raises:
            ArithmeticError: a loss or a weight is beyond the numbers; weights stay as they were before the step.
            ReplayEndedError: these examples cannot be replayed; weights stay as they were.
        """
        places = np.array(batch)
        if self.layout:
            self.rows[places, -self.n_noise :] = noise_rows(self.layout, self.rng, len(batch))
        try:
            with _replay_may_end():
                results, gradient = self.paths.run(self.rows, places)
        except ArithmeticError:
            return self._step_eagerly(batch)
        loss = float(results[:, 0].sum(dtype=np.float64))
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            return self._step_eagerly(batch)
        if self.in_arrays:
            self.gradient, self.behind = self._for_trained(gradient), True
            self.weights = self.optimizer.advanced(self.weights, self.gradient)
            self.paths.weights[self.columns] = self.weights[self.in_graph]
            if self.others:
                self.for_others += gradient[self.others]
        else:
            self._step_in_values(gradient)
        self._look_again()
        return Tally(loss, self._n_right(self.examples, results, places), len(batch))

    def _look_again(self) -> None:
        """Record again if a learning rate or an optimizer of the user's changed what the model and the loss reach."""
        look = self.schedule.look() if self.schedule else {}
        if not self.in_arrays or changed(self.scheduled, look, other_values=True):
            self.scheduled = look
            self.paths.look_again()

    def _for_trained(self, gradient: Array) -> Array:
        """The program's gradient, in the order of the trained parameters; a copy for optimizers that may keep it."""
        if isinstance(self.columns, slice):
            return gradient if type(self.optimizer) in OPTIMIZERS.values() else gradient.copy()
        numbers = np.zeros(len(self.trained), self.dtype)
        numbers[self.in_graph] = gradient[self.columns]
        return numbers

    def _step_eagerly(self, batch: Sequence[int]) -> Tally:
        """The step where arrays met infinity or NaN: eager arithmetic says at which operation, or finds a way."""
        self.put_back()
        tally = self.eager.step(batch)
        self.take_over()
        return tally

    def _step_in_values(self, gradient: Array) -> None:
        """The step of an optimizer that does more with its parameters than a formula says."""
        self.optimizer.zero_grad()
        for parameter, number in zip(self.paths.parameters, gradient.tolist()):
            parameter.grad += number
        self.optimizer.step()
        self.paths.from_values()

    def measured(self, examples: Examples) -> Tally:
        """Loss and right answers, with no change of weights."""
        if self.measured_last is None or self.measured_last[0] is not examples:
            self.measured_last = examples, self._rows(examples)
        _, rows = self.measured_last
        try:
            with _replay_may_end():
                results = self.paths(rows)
        except ArithmeticError:
            return self.eager.measured(examples)
        loss = float(results[:, 0].sum(dtype=np.float64))
        if not np.isfinite(loss):
            return self.eager.measured(examples)
        return Tally(loss, self._n_right(examples, results, slice(None)), len(rows))

    @staticmethod
    def _n_right(examples: Examples, results: Array, places: Any) -> int:
        return int(np.count_nonzero(examples.targets.are_right(results[:, 1:], places)))


@contextmanager
def _replay_may_end() -> Iterator[None]:
    """Raise a ReplayEndedError for what a recording may raise, which is anything: model and loss may be anybody's."""
    try:
        yield
    except ArithmeticError:
        raise
    except Exception as error:
        raise ReplayEndedError(reason_of(error)) from error


# ----------------------------------------------------------------------------------------------------------------------


class _Form:
    """The outputs of an example, behind its loss if there is one, for its inputs, target, weight and noise in one
    list."""

    def __init__(
        self,
        model: Module,
        loss: LossFunction | None,
        n_inputs: int,
        single: bool = True,
        is_weighted: bool = False,
        layout: Layout | None = None,
    ) -> None:
        self.model, self.loss, self.n_inputs, self.single = model, loss, n_inputs, single
        self.is_weighted, self.layout = is_weighted, layout or []
        self.n_noise = sum(n for _, n in self.layout)

    def __call__(self, row: list[Value]) -> list[Any]:
        end = len(row) - self.n_noise
        targets = row[self.n_inputs : end]
        with noise_from(given_noise(self.layout, row[end:]) if self.layout else no_noise):
            outputs = self.model(row[: self.n_inputs])
        if self.loss is None:
            return listed(outputs)
        weight = targets.pop() if self.is_weighted else 1.0
        loss = self.loss(outputs, targets[0] if self.single else targets)
        return [loss * weight if self.is_weighted else loss, *listed(outputs)]


def _check_alike(paths: Paths, rows: Array, outputs: list[Value]) -> None:
    """Compare what the first example gives as plain numbers with what it gives as Values.

    Raises:
        DataDependentError: the numbers are different: it depends on the type of its inputs.
    """
    numbers = np.array([float(output) for output in outputs])
    tolerance = 1e-6 if paths.dtype.itemsize >= 8 else 1e-2
    size = np.abs(numbers[np.isfinite(numbers)]).max(initial=1.0)
    if not np.allclose(paths(rows[:1])[0], numbers, rtol=tolerance, atol=tolerance * size, equal_nan=True):
        raise DataDependentError("the model or the loss gives another number for Values than for plain numbers")


def replayed_outputs(model: Module, table: Table) -> list[list[float]] | None:
    """The outputs of each example by replay; None where that is not worth it, or cannot be done."""
    if len(table) * len(model.parameters()) < _MUCH:
        return None
    key, amount = (None, "float64", table.shape[1], False), Amount(_CALLS * len(table), _CALLS)
    source = Source(_Form(model, None, table.shape[1]), Surroundings(model), True)
    rows = table.astype(np.float64, copy=False)
    try:
        paths = paths_of(model, key, source, np.dtype(np.float64), amount)
        paths.start(rows[0], amount.check)
        _check_alike(paths, rows, listed(model(rows[0].tolist())))
        outputs = paths(rows)
    except Exception:  # the model may be anybody's, and may raise anything where it is given Values
        return None
    keep(model, key, paths)
    numbers: list[list[float]] = outputs.tolist()
    return numbers if np.isfinite(outputs.sum()) else None


Key = tuple[LossFunction | None, str, int, bool]
_KEPT: WeakKeyDictionary[Module, dict[Key, tuple[list[Value], list[Path]]]] = WeakKeyDictionary()


def paths_of(
    model: Module, key: Key | None, source: Source, dtype: np.dtype[Any], amount: Amount | None = None
) -> Paths:
    """The paths that were kept under *key*, to be recorded again before they are used; or no paths yet.

    They are no longer kept then: two threads that work with one model at the same time have programs each.
    """
    own = model.parameters()
    made_of, known = (None, []) if key is None else _KEPT.get(model, {}).pop(key, (None, []))
    return Paths(source, own, dtype, _PATHS if amount else _MOST_PATHS, known if made_of == own else [])


def keep(model: Module, key: Key, paths: Paths) -> None:
    """Keep programs for the next call with this model, but not the memory of their batches."""
    paths.release()
    _KEPT.setdefault(model, {})[key] = (paths.parameters, paths.paths)

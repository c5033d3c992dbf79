"""Training steps and outputs for whole batches: the graph of one example is recorded once and replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from engine import Program, Value, compile, leaves
from engine.compiler.api import check
from engine.compiler.cost import slower_than_eager
from nn.branches import NoRandomness, check_activations, check_loss
from nn.eager import Eager
from nn.examples import Examples, Tally, count_right, listed
from nn.losses import LOSSES, LossFunction, recorded_form
from nn.optimizers import OPTIMIZERS, Optimizer

if TYPE_CHECKING:
    from nn.data import Table
    from nn.module import Module

_MUCH = 200_000  # parameters times examples: for less, recording a graph takes longer than to do without
_CALLS = 10  # of predict or score with one model: so often, compiling pays off
_LARGE = 2_000_000  # parameters: products of such networks are worth several threads

Array = np.ndarray[Any, np.dtype[Any]]


class SlowReplayError(Exception):
    """Replay was not asked for, and would take longer than to do without."""


class Amount(NamedTuple):
    """How much there is to do: examples in all, and in how many runs of a program."""

    n_examples: int
    n_runs: int


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
        amount: Amount | None = None,
    ) -> None:
        self.eager = Eager(model, loss, optimizer, examples)
        self.model, self.loss, self.optimizer, self.examples = model, loss, optimizer, examples
        self.form, one_hot = recorded_form(loss, n_outputs)
        self.n_classes = n_outputs if one_hot else None
        self.dtype = np.dtype(dtype)
        self.rows, self.encoded = self._arrays(examples)
        self.measured_last: tuple[Examples, Array, Array] | None = None
        self.key = (loss, self.dtype.name, self.rows.shape[1]) if loss in LOSSES.values() else None
        if self.key is None:
            check_loss(loss, examples.targets.encoded, n_outputs)
        some = self.rows[_places_to_check(len(examples))]
        self.program = program_of(model, self.key, self._recorded, self._eagerly_from, some, self.dtype, amount)
        self.behind = False
        self.threads: Any = None

    # ------------------------------------------------------------------------------------------------------- recording

    def _recorded(self) -> tuple[list[Value], list[Value]]:
        """The graph of the first example: the loss and the outputs; and what is another number in each example."""
        x = [Value(number) for number in self.examples.row(0)]
        targets = [Value(number) for number in self.rows[0, len(x) :].tolist()]
        outputs = self.model(x)
        single = len(targets) == 1 and self.n_classes is None
        loss = self.form(outputs, targets[0] if single else targets)
        return [loss, *listed(outputs)], [*x, *targets]

    def _eagerly_from(self, row: list[float]) -> list[Value]:
        """The same for the numbers of a row, in the way that needs no recording."""
        n_inputs = self.examples.table.shape[1]
        outputs, numbers = self.model(row[:n_inputs]), row[n_inputs:]
        target: Any = numbers[0] if len(numbers) == 1 else numbers
        if self.n_classes is not None:
            target = numbers.index(1.0)
        return [self.loss(outputs, target), *listed(outputs)]

    def _arrays(self, examples: Examples) -> tuple[Array, Array]:
        """Inputs and targets side by side, an example a row, as the program takes them; and the encoded classes."""
        targets = examples.targets.columns(self.n_classes)
        n_inputs = examples.table.shape[1]
        rows = np.empty((len(examples), n_inputs + targets.shape[1]), self.dtype)
        rows[:, :n_inputs], rows[:, n_inputs:] = examples.table, targets
        classifying = examples.targets.classes is not None
        return rows, np.array(examples.targets.encoded if classifying else [])

    # --------------------------------------------------------------------------------------------------------- weights

    def take_over(self) -> None:
        """Take the weights from the parameters, as they are now; the first step wants it, and each change by others.

        Raises:
            ValueError: the graph is another one now.
        """
        known = self.program.parameters
        if self.threads is None and len(known) <= _LARGE:
            self.threads = one_thread()
        self.trained = list(self.optimizer.parameters or [])
        self.program.from_values()
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
            self.program.parameters[place].grad += gradient
        self.for_others[:] = 0.0
        self.behind = False

    def close(self) -> None:
        """Keep the program for the next call, if nothing of the user's is in it, which it would keep alive."""
        if self.threads is not None:
            self.threads.restore_original_limits()
            self.threads = None
        self.put_back()
        if self.key is not None:
            keep(self.model, self.key, self.program)

    def check_again(self) -> None:
        """Check an example more, as others may have changed what the model does.

        Raises:
            Exception: the graph is another one now.
        """
        self.take_over()
        check(self.program, self._eagerly_from, self.rows[:1])

    # ----------------------------------------------------------------------------------------------------------- steps

    def step(self, batch: Sequence[int]) -> Tally:
        """One step on a batch, given by its places among the examples.

        Raises:
            ArithmeticError: a loss or a weight is beyond the numbers; weights stay as they were before the step.
        """
        places = np.array(batch)
        results, gradient = self.program.run(self.rows, places)
        loss = float(results[:, 0].sum(dtype=np.float64))
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            return self._step_eagerly(batch)
        if self.in_arrays:
            self.gradient, self.behind = self._for_trained(gradient), True
            self.weights = self.optimizer.advanced(self.weights, self.gradient)
            self.program.weights[self.columns] = self.weights[self.in_graph]
            if self.others:
                self.for_others += gradient[self.others]
        else:
            self._step_in_values(gradient)
        right = count_right(results[:, 1:], self.encoded[places]) if len(self.encoded) else 0
        return Tally(loss, right, len(batch))

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
        for parameter, number in zip(self.program.parameters, gradient.tolist()):
            parameter.grad += number
        self.optimizer.step()
        self.program.from_values()

    def measured(self, examples: Examples) -> Tally:
        """Loss and right answers, with no change of weights."""
        if self.measured_last is None or self.measured_last[0] is not examples:
            self.measured_last = (examples, *self._arrays(examples))
        _, rows, encoded = self.measured_last
        results = self.program(rows)
        loss = float(results[:, 0].sum(dtype=np.float64))
        if not np.isfinite(loss):
            return self.eager.measured(examples)
        return Tally(loss, count_right(results[:, 1:], encoded) if len(encoded) else 0, len(rows))


def one_thread() -> Any:
    """Matrix products in one thread until ``restore_original_limits()``; None where nothing is there to set that.

    Those of a batch are small: two threads gain nothing, and wait for each other ten times as long where another
    process has the second core. And the last bit of a sum does not depend on the number of cores then.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return None
    return threadpool_limits(1, user_api="blas")


def _places_to_check(n_examples: int) -> list[int]:
    """Some examples from all over, the first one among them."""
    return sorted({0, n_examples // 3, 2 * n_examples // 3, n_examples - 1})


# ----------------------------------------------------------------------------------------------------------------------


def replayed_outputs(model: Module, table: Table) -> list[list[float]] | None:
    """The outputs of each example by replay; None where that is not worth it, or cannot be done."""
    if len(table) * len(model.parameters()) < _MUCH:
        return None

    def record() -> tuple[list[Value], list[Value]]:
        x = [Value(number) for number in table[0].tolist()]
        return listed(model(x)), x

    some = table[_places_to_check(len(table))]
    try:
        key = (None, "float64", table.shape[1])
        dtype, amount = np.dtype(np.float64), Amount(_CALLS * len(table), _CALLS)
        program = program_of(model, key, record, lambda row: listed(model(row)), some, dtype, amount)
        outputs = program(table)
    except Exception:  # the model may be anybody's, and may raise anything where it is given Values
        return None
    keep(model, key, program)
    numbers: list[list[float]] = outputs.tolist()
    return numbers if np.isfinite(outputs.sum()) else None


Key = tuple[LossFunction | None, str, int]
_KEPT: WeakKeyDictionary[Module, dict[Key, tuple[list[Value], Program]]] = WeakKeyDictionary()


def program_of(
    model: Module,
    key: Key | None,
    record: Callable[[], tuple[list[Value], list[Value]]],
    eagerly: Callable[[list[float]], list[Value]],
    rows: Array,
    dtype: np.dtype[Any],
    amount: Amount | None = None,
) -> Program:
    """The program that was kept under *key* where it still says what the model says, else a new one; checked.

    It is no longer kept then: two threads that work with one model at the same time have a program each.
    """
    own = model.parameters()
    made_of, kept = (None, None) if key is None else _KEPT.get(model, {}).pop(key, (None, None))
    if kept is not None and made_of == own:
        try:
            kept.from_values()
            check(kept, eagerly, rows[:1])
            return kept
        except ValueError:
            pass  # the model is another one now
    check_activations(model)
    with NoRandomness():
        outputs, inputs = record()
    slower = amount and slower_than_eager(outputs, *amount)
    if slower:
        raise SlowReplayError(slower)
    try:
        program = compile(outputs, inputs, own, dtype)
    except ValueError:  # there may be parameters that the outputs are not made of
        reached = {leaf for output in outputs for leaf in leaves(output)}
        program = compile(outputs, inputs, [parameter for parameter in own if parameter in reached], dtype)
    for row in range(len(rows)):
        check(program, eagerly, rows[row : row + 1])
    return program


def keep(model: Module, key: Key, program: Program) -> None:
    """Keep a program for the next call with this model, but not the memory of its batches."""
    program.release()
    _KEPT.setdefault(model, {})[key] = (model.parameters(), program)

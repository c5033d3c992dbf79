"""Program: a graph of Values that was built once, replayed for whole batches as array instructions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.compiler.anomalies import watch_examples
from engine.compiler.backends.numpy import Floats
from engine.compiler.inputs import as_rows
from engine.compiler.runner import Runner
from engine.compiler.summary import described
from engine.compiler.trace import INPUT, Record, recorded, same_graph
from engine.node import WATCH
from engine.validation import plain_label, shortened
from engine.value import Value

if TYPE_CHECKING:
    from engine.drawing import Drawing


class Program:
    """What ``compile`` gives: the same calculation, for as many examples at a time as there are rows in ``X``.

    ``inputs`` are the columns of ``X``; ``weights`` ``(n_parameters,)`` are the numbers of the parameters, which a
    training step changes in place: ``program.weights -= 0.1 * gradient``. Threads that run one program take turns.
    """

    def __init__(
        self, outputs: Sequence[Value], single: bool, inputs: Sequence[Value], parameters: Sequence[Value], dtype: Any
    ) -> None:
        self._record = recorded(outputs, inputs, parameters)
        self._single = single
        self.inputs, self.parameters = list(inputs), list(parameters)
        self.dtype = np.dtype(dtype)
        self._frozen = [(leaf, leaf.data) for leaf in self._record.frozen]
        self._gradient = np.zeros(len(self.parameters), self.dtype)
        self._prepare()
        self.from_values()

    def _prepare(self) -> None:
        self._labels = [leaf.label for leaf in (*self.inputs, *self.parameters)]
        self._runner = Runner(self._record, self.dtype, self._labels)
        self._by_example: Runner | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Everything but what compiling makes of it: a copy, or what was pickled, is compiled again."""
        state = {**vars(self), "_gradient": self._gradient.copy(), "weights": self.weights.copy()}
        del state["_runner"], state["_by_example"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = state.pop("weights")
        vars(self).update(state)
        self._prepare()
        self.weights = weights

    @property
    def n_inputs(self) -> int:
        """How many columns ``X`` has."""
        return self._record.n_inputs

    @property
    def n_outputs(self) -> int:
        """How many numbers it computes for an example."""
        return len(self._record.outputs)

    @property
    def nodes_per_instruction(self) -> float:
        """How many nodes of the graph an array instruction computes, on average: where few, a replay gains little."""
        return len(self._record.ops) / max(1, len(self._runner.graph.groups))

    # ------------------------------------------------------------------------------------------------------ parameters

    @property
    def weights(self) -> Floats:
        """The numbers of the parameters, ``(n_parameters,)``; changing them in place changes the program's."""
        return self._runner.weights

    @weights.setter
    def weights(self, numbers: Any) -> None:
        if numbers is self.weights:  # after weights -= ...
            return
        given = np.asarray(numbers)
        if given.dtype.kind not in "fiub":
            raise TypeError(f"weights must be an array of numbers, got {shortened(numbers)}")
        if given.shape != (len(self.parameters),):
            raise ValueError(f"weights must be {len(self.parameters)} numbers, got an array of shape {given.shape}")
        self.weights[:] = given

    def from_values(self) -> None:
        """Take the weights from the parameters' ``data``.

        Raises:
            ValueError: a leaf that is a constant of the program has another number now.
        """
        leaf, number = next(self._changed_constants(), (None, 0.0))
        if leaf is not None:
            name = plain_label(leaf.label) or "a leaf"
            raise ValueError(
                f"the graph was changed since it was compiled: {name} was {number!r} "
                f"and is {leaf.data!r} now; compile it again, or make it one of parameters= or inputs="
            )
        self.weights = [parameter.data for parameter in self.parameters]

    def _changed_constants(self) -> Iterator[tuple[Value, float]]:
        for leaf, number in self._frozen:
            if leaf.data != number and not (isnan(leaf.data) and isnan(number)):
                yield leaf, number

    def has_changed_constants(self) -> bool:
        """Whether a leaf that is a constant of the program has another number now."""
        return any(self._changed_constants())

    def is_of(self, outputs: Sequence[Value], inputs: Sequence[Value]) -> bool:
        """Whether it computes what these outputs are of these inputs: the same operations and constants."""
        try:
            return same_graph(self._record, recorded(outputs, inputs, self.parameters))
        except ValueError:  # a parameter is not in the graph
            return False

    def to_values(self) -> None:
        """Put the weights into the parameters' ``data``, and the last gradient into their ``grad``."""
        for parameter, number, gradient in zip(self.parameters, self.weights.tolist(), self._gradient.tolist()):
            parameter.data, parameter.grad = number, gradient

    # ------------------------------------------------------------------------------------------------------------ runs

    def __call__(self, X: Any = None) -> Floats:
        """The outputs for each example.

        Args:
            X: ``(n_examples, n_inputs)`` numbers, in the order of ``inputs``; nothing where there are no inputs.

        Returns:
            ``(n_examples,)`` numbers; ``(n_examples, n_outputs)`` where a list of Values was compiled.

        Raises:
            ValueError: *X* has another shape, or NaN in it; or an operation refuses a number, as it does eagerly.
            ArithmeticError: an operation refuses a number: a division by 0, or a result too large for a float.
            TypeError: it is not made of numbers.
        """
        rows = self._rows(X, look=not self._runner.shows_nan)
        self._watch(rows, None)
        with self._runner.turn:
            results = self._runner.outputs(rows)
        return results[:, 0] if self._single else results

    def unrefused(self, rows: Floats) -> Floats:
        """All outputs for each of *rows*: infinity or NaN where an operation would refuse a number."""
        with self._runner.turn:
            return self._runner.outputs(rows, refuses=False)

    def value_and_gradient(self, X: Any = None, output: int = 0) -> tuple[float, Floats]:
        """The mean of an output over the examples, and its gradient.

        Args:
            X: as for a call; at least one example.
            output: which output, where several were compiled.

        Returns:
            The mean, and ``(n_parameters,)`` numbers: how fast the mean grows with each parameter.
        """
        rows = self._rows(X, look=not self._runner.shows_nan)
        if len(rows) == 0:
            raise ValueError("X must have at least one row: the mean over no examples is no number")
        column = checked_output(output, self.n_outputs)
        self._watch(rows, column)
        with self._runner.turn:
            results, self._gradient = self._runner.outputs_and_mean_gradient(rows, None, column)
            return float(np.add.reduce(results[:, column])) / len(rows), self._gradient.copy()

    def run(self, rows: Floats, places: NDArray[np.int64] | None = None, output: int = 0) -> tuple[Floats, Floats]:
        """All outputs ``(n_examples, n_outputs)``, and the gradient of the mean of one of them: for a training loop.

        Args:
            rows: as ``X``, an array of the program's dtype; NaN is not looked for where it might not show.
            places: which of the rows, in which order; all of them where it is not given.
            output: which output is differentiated.

        Returns:
            The outputs; and the gradient in memory of the program, which the next run changes.
        """
        self._watch(rows if places is None else rows[places], output)
        with self._runner.turn:
            results, self._gradient = self._runner.outputs_and_mean_gradient(rows, places, output)
            return results, self._gradient

    def gradients(self, X: Any = None, with_respect_to: Any = "parameters", output: int = 0) -> Floats:
        """The gradient of an output for each example by itself.

        Args:
            X: as for a call.
            with_respect_to: ``"parameters"``, ``"inputs"``, or a list of Values from either.
            output: which output, where several were compiled.

        Returns:
            ``(n_examples, n)`` numbers, a column for each Value asked for.

        Raises:
            ValueError: a Value is neither an input nor a parameter.
        """
        rows = self._rows(X)
        columns, column = self._columns(with_respect_to), checked_output(output, self.n_outputs)
        self._watch(rows, column)
        runner, shared = self._runner, self.weights[:0]
        if max(columns, default=0) >= self.n_inputs:
            if self._by_example is None:
                self._by_example = Runner(_all_as_inputs(self._record), self.dtype, self._labels)
            runner, shared = self._by_example, self.weights
        with runner.turn:
            gradients = runner.input_gradients(rows, shared, columns, column)
            if runner is self._by_example:
                runner.release()  # as much memory as for many examples
        return gradients

    def release(self) -> None:
        """Let go of the memory for batches; the next run takes what it needs."""
        self._runner.release()

    # ------------------------------------------------------------------------------------------------------- in words

    def __repr__(self) -> str:
        return described(self._runner.graph, len(self._record.ops), self.dtype.name)

    def draw(self, direction: str = "LR") -> Drawing:
        """The array instructions as a picture: each box says how many scalars it stands for."""
        from engine.compiler.picture import drawn

        return drawn(self._runner.graph, direction)

    # --------------------------------------------------------------------------------------------------- made ready

    def _rows(self, X: Any, look: bool = True) -> Floats:
        if X is None and self.n_inputs == 0:
            return np.zeros((1, 0), self.dtype)
        return as_rows(X, self.n_inputs, self.dtype, look)

    def _watch(self, rows: Floats, output: int | None) -> None:
        """Inside ``detect_anomaly``, compute the examples eagerly first."""
        if WATCH.watchers:
            watch_examples(self._record, self._labels, rows.tolist(), self.weights.tolist(), output)

    def _columns(self, with_respect_to: Any) -> list[int]:
        if isinstance(with_respect_to, str):
            if with_respect_to == "parameters":
                return list(range(self.n_inputs, self.n_inputs + len(self.parameters)))
            if with_respect_to == "inputs":
                return list(range(self.n_inputs))
            raise ValueError(f'with_respect_to must be "parameters", "inputs" or Values, got {with_respect_to!r}')
        known = {leaf: column for column, leaf in enumerate([*self.inputs, *self.parameters])}
        several = isinstance(with_respect_to, Iterable)
        wanted = list(with_respect_to) if several else [with_respect_to]
        for value in wanted:
            if not isinstance(value, Value) or value not in known:
                raise ValueError(f"with_respect_to must be inputs or parameters of the program, got {shortened(value)}")
        return [known[value] for value in wanted]


def checked_output(output: Any, n_outputs: int) -> int:
    """The index of an output.

    Raises:
        ValueError: it is none.
    """
    if isinstance(output, bool) or not hasattr(output, "__index__") or not 0 <= output < n_outputs:
        raise ValueError(f"output must be an int from 0 to {n_outputs - 1}, got {shortened(output)}")
    return int(output)


def _all_as_inputs(record: Record) -> Record:
    """The same with its parameters as more inputs, so that each example has a gradient of its own."""
    n_inputs = record.n_inputs + record.n_parameters
    ops = [*[INPUT] * n_inputs, *record.ops[n_inputs:]]
    return replace(record, ops=ops, n_inputs=n_inputs, n_parameters=0, frozen=[])

"""Program: a graph of Values that was built once, replayed for whole batches as array instructions."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import isfinite, isnan
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.compiler.adjoints import GRADIENT
from engine.compiler.anomalies import watch_examples
from engine.compiler.backends.numpy import Floats, Memories, by_columns, carry_out
from engine.compiler.buffer_reuse import reused
from engine.compiler.fuse_sums import summed
from engine.compiler.inputs import as_rows, refuse_nan, shows_nan
from engine.compiler.memory_layout import Placed, placed
from engine.compiler.plan import Code, forward_code, gradient_code
from engine.compiler.simplify import simplified
from engine.compiler.summary import described
from engine.compiler.trace import INPUT, Record, recorded
from engine.compiler.vectorize import UNIFORM, grouped
from engine.node import WATCH
from engine.validation import plain_label, shortened
from engine.value import Value

if TYPE_CHECKING:
    from engine.drawing import Drawing

_CHUNK = 16_000  # examples: enough to outweigh the calls, few enough for the cache
_FOR_THREADS = 60_000  # numbers in a call of numpy, on average: for fewer, threads mostly wait for the interpreter
_CHUNK_BYTES = 128 * 2**20
_KEPT = 6  # batch sizes whose memory is kept


class _Bound:
    """A program made ready for one batch size."""

    def __init__(self, memories: Memories, code: Code, n_parameters: int) -> None:
        self.memories = memories
        self.forward, self.backward = memories.bind(code.forward), memories.bind(code.backward)
        self.outputs = [memories.arrays[memory][slot] for memory, slot in code.outputs]
        self.seed = memories.arrays[code.seed[0]][code.seed[1]] if code.seed else np.zeros(0)
        if code.seed:
            self.gradient = memories.arrays[UNIFORM + GRADIENT][:n_parameters, 0]

    def results(self, into: Floats) -> None:
        """The outputs, a column each."""
        for column, numbers in enumerate(self.outputs):
            into[:, column] = numbers


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
        self._graph = _prepared(self._record)
        self._shows_nan = shows_nan(self._graph.record)
        self._codes: dict[int | None, Code] = {}
        self._bound: dict[tuple[int, int, int], _Bound] = {}
        self._by_example: Program | None = None
        self._uniform = _uniform(self._graph, self.dtype)
        self._weights: Floats = self._uniform[: len(self.parameters), 0]
        self._chunks: dict[int | None, tuple[int, bool]] = {}
        self._turn = Lock()
        self._gradient = np.zeros(len(self.parameters), self.dtype)
        self.from_values()

    @property
    def n_inputs(self) -> int:
        """How many columns ``X`` has."""
        return self._record.n_inputs

    @property
    def n_outputs(self) -> int:
        """How many numbers it computes for an example."""
        return len(self._record.outputs)

    # ------------------------------------------------------------------------------------------------------ parameters

    @property
    def weights(self) -> Floats:
        """The numbers of the parameters, ``(n_parameters,)``; changing them in place changes the program's."""
        return self._weights

    @weights.setter
    def weights(self, numbers: Any) -> None:
        if numbers is self._weights:  # after weights -= ...
            return
        given = np.asarray(numbers)
        if given.dtype.kind not in "fiub":
            raise TypeError(f"weights: an array of numbers is wanted, not {shortened(numbers)}")
        if given.shape != (len(self.parameters),):
            raise ValueError(f"weights: {len(self.parameters)} numbers are wanted, not an array of shape {given.shape}")
        self._weights[:] = given

    def from_values(self) -> None:
        """Take the weights from the parameters' ``data``.

        Raises:
            ValueError: a leaf that is a constant of the program has another number now.
        """
        for leaf, number in self._frozen:
            if leaf.data != number and not (isnan(leaf.data) and isnan(number)):
                name = plain_label(leaf.label) or "a leaf"
                raise ValueError(
                    f"the graph was changed since it was compiled: {name} was {number!r} "
                    f"and is {leaf.data!r} now; compile it again, or make it one of parameters= or inputs="
                )
        self.weights = [parameter.data for parameter in self.parameters]

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
            ValueError: *X* has another shape, or NaN in it.
            TypeError: it is not made of numbers.
        """
        rows = self._rows(X, look=not self._shows_nan)
        self._watch(rows, None)
        results = np.empty((len(rows), self.n_outputs), self.dtype)

        def run(start: int, stop: int, worker: int) -> None:
            self._forward(rows, None, start, stop, None, worker, results)

        with self._turn:
            self._in_chunks(len(rows), run, None)
        return results[:, 0] if self._single else results

    def value_and_gradient(self, X: Any = None, output: int = 0) -> tuple[float, Floats]:
        """The mean of an output over the examples, and its gradient.

        Args:
            X: as for a call; at least one example.
            output: which output, where several were compiled.

        Returns:
            The mean, and ``(n_parameters,)`` numbers: how fast the mean grows with each parameter.
        """
        rows = self._rows(X, look=not self._shows_nan)
        if len(rows) == 0:
            raise ValueError("X: the mean over no examples is no number; at least one row is wanted")
        self._watch(rows, self._output(output))
        with self._turn:
            results, gradient = self._run(rows, None, self._output(output))
            return float(np.add.reduce(results[:, output])) / len(rows), gradient.copy()

    def run(self, rows: Floats, places: NDArray[np.int64] | None = None) -> tuple[Floats, Floats]:
        """All outputs ``(n_examples, n_outputs)``, and the gradient of the mean of the first: for a training loop.

        Args:
            rows: as ``X``, an array of the program's dtype; NaN is not looked for where it might not show.
            places: which of the rows, in which order; all of them where it is not given.

        Returns:
            The outputs; and the gradient in memory of the program, which the next run changes.
        """
        self._watch(rows if places is None else rows[places], 0)
        with self._turn:
            return self._run(rows, places, 0)

    def _run(self, rows: Floats, places: NDArray[np.int64] | None, output: int) -> tuple[Floats, Floats]:
        n_examples = len(rows if places is None else places)
        results = np.empty((n_examples, self.n_outputs), self.dtype)
        parts: dict[int, Floats] = {}

        def run(start: int, stop: int, worker: int) -> None:
            bound = self._forward(rows, places, start, stop, output, worker, results)
            bound.seed.fill((stop - start if bound.seed.size < stop - start else 1.0) / n_examples)  # once, or for each
            carry_out(bound.backward)
            parts[start] = bound.gradient if stop - start == n_examples else bound.gradient.copy()

        self._in_chunks(n_examples, run, output)
        self._gradient = parts[0] if len(parts) == 1 else np.add.reduce([parts[start] for start in sorted(parts)], 0)
        return results, self._gradient

    def _forward(
        self,
        rows: Floats,
        places: NDArray[np.int64] | None,
        start: int,
        stop: int,
        output: int | None,
        worker: int,
        results: Floats,
    ) -> _Bound:
        """Compute the outputs of some examples into their *results*."""
        bound = self._ready(stop - start, output, worker)
        if stop - start < len(results):
            rows, places = (rows[start:stop], None) if places is None else (rows, places[start:stop])
            results = results[start:stop]
        bound.memories.load(rows, places)
        carry_out(bound.forward)
        bound.results(results)
        if self._shows_nan and not isfinite(np.add.reduce(results, None)):
            refuse_nan(rows if places is None else rows[places], start)
        return bound

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
        columns = self._columns(with_respect_to)
        self._watch(rows, self._output(output))
        if self._by_example is None:
            self._by_example = _per_example(self)
        numbers = np.broadcast_to(self.weights, (len(rows), len(self.parameters)))
        return self._by_example._input_gradients(np.hstack([rows, numbers]), columns, self._output(output))

    def _input_gradients(self, rows: Floats, columns: list[int], output: int) -> Floats:
        gradients = np.zeros((len(rows), len(columns)), self.dtype)

        def run(start: int, stop: int, worker: int) -> None:
            bound = self._ready(stop - start, output, worker)
            bound.memories.load(rows[start:stop])
            carry_out(bound.forward)
            bound.seed[:] = 1.0
            carry_out(bound.backward)
            gradients[start:stop] = bound.memories.arrays["inputs" + GRADIENT][columns].T

        with self._turn:
            self._in_chunks(len(rows), run, output)
        return gradients

    def release(self) -> None:
        """Let go of the memory for batches; the next run takes what it needs."""
        self._bound.clear()

    # ------------------------------------------------------------------------------------------------------- in words

    def __repr__(self) -> str:
        return described(self._graph, len(self._record.ops), self.dtype.name)

    def draw(self, direction: str = "LR") -> Drawing:
        """The array instructions as a picture: each box says how many scalars it stands for."""
        from engine.compiler.picture import drawn

        return drawn(self._graph, direction)

    # --------------------------------------------------------------------------------------------------- made ready

    def _rows(self, X: Any, look: bool = True) -> Floats:
        if X is None and self.n_inputs == 0:
            return np.zeros((1, 0), self.dtype)
        return as_rows(X, self.n_inputs, self.dtype, look)

    def _watch(self, rows: Floats, output: int | None) -> None:
        """Inside ``detect_anomaly``, compute the examples eagerly first."""
        if WATCH.watchers:
            labels = [leaf.label for leaf in (*self.inputs, *self.parameters)]
            watch_examples(self._record, labels, rows.tolist(), self.weights.tolist(), output)

    def _output(self, output: int) -> int:
        if isinstance(output, bool) or not hasattr(output, "__index__") or not 0 <= output < self.n_outputs:
            raise ValueError(
                f"output: a whole number from 0 to {self.n_outputs - 1} is wanted, not {shortened(output)}"
            )
        return int(output)

    def _columns(self, with_respect_to: Any) -> list[int]:
        if isinstance(with_respect_to, str):
            if with_respect_to == "parameters":
                return list(range(self.n_inputs, self.n_inputs + len(self.parameters)))
            if with_respect_to == "inputs":
                return list(range(self.n_inputs))
            raise ValueError(f'with_respect_to: "parameters", "inputs" or Values, not {with_respect_to!r}')
        known = {leaf: column for column, leaf in enumerate([*self.inputs, *self.parameters])}
        several = isinstance(with_respect_to, Iterable)
        wanted = list(with_respect_to) if several else [with_respect_to]
        for value in wanted:
            if not isinstance(value, Value) or value not in known:
                raise ValueError(f"with_respect_to: {shortened(value)} is neither an input nor a parameter")
        return [known[value] for value in wanted]

    def _chunk(self, output: int | None) -> tuple[int, bool]:
        """How many examples are computed at a time, and whether parts of that size are worth several threads."""
        if output not in self._chunks:
            code = self._code(output)
            slots = sum(n for name, n in code.n_slots.items() if not name.startswith(UNIFORM))
            chunk = int(min(_CHUNK, max(1, _CHUNK_BYTES // (slots * self.dtype.itemsize + 1))))
            self._chunks[output] = chunk, chunk * code.width >= _FOR_THREADS
        return self._chunks[output]

    def _in_chunks(self, n_examples: int, run: Any, output: int | None) -> None:
        """Call ``run(start, stop, worker)`` for parts of the examples that stay in the cache."""
        chunk, for_threads = self._chunk(output)
        with np.errstate(all="ignore"):
            if n_examples <= chunk:
                if n_examples:
                    run(0, n_examples, 0)
                return
        n_chunks = -(-n_examples // chunk)
        workers = min(os.cpu_count() or 1, n_chunks) if for_threads else 1
        chunk = -(-n_examples // (workers * -(-n_chunks // workers)))  # all of one size, as many for each worker
        starts = range(0, n_examples, chunk)

        def work(worker: int) -> None:
            with np.errstate(all="ignore"):
                for start in starts[worker::workers]:
                    run(start, min(start + chunk, n_examples), worker)

        if workers == 1:
            work(0)
            return
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))

    def _code(self, output: int | None) -> Code:
        """The instructions for the outputs, or for the gradient of one of them as well."""
        if output not in self._codes:
            if output is None:
                code = forward_code(self._graph)
            else:
                start, n = (self.n_inputs, len(self.parameters)) if self.parameters else (0, self.n_inputs)
                code = gradient_code(self._graph, output, np.arange(start, start + n))
            self._codes[output] = reused(code)
        return self._codes[output]

    def _ready(self, n_examples: int, output: int | None, worker: int) -> _Bound:
        """The program for this many examples; the last few batch sizes are kept."""
        key = (n_examples, -1 if output is None else output, worker)
        bound = self._bound.pop(key, None)
        if bound is None:
            for old in list(self._bound)[: 1 - _KEPT * (os.cpu_count() or 1)]:
                self._bound.pop(old, None)  # another worker may have been faster
            code = self._code(output)
            memories = Memories(
                code.n_slots, n_examples, self.dtype, by_columns([*code.forward, *code.backward], self.n_inputs)
            )
            memories.arrays[UNIFORM] = self._uniform if worker == 0 else self._uniform.copy()
            bound = _Bound(memories, code, len(self.parameters))
        elif worker:
            np.copyto(bound.memories.arrays[UNIFORM], self._uniform)
        self._bound[key] = bound
        return bound


def _prepared(record: Record) -> Placed:
    return placed(grouped(summed(simplified(record))))


def _uniform(graph: Placed, dtype: np.dtype[Any]) -> Floats:
    """The memory with a number for all examples: parameters, constants, and what is computed from them."""
    uniform = np.zeros((graph.n_slots[UNIFORM], 1), dtype)
    start = graph.record.n_parameters
    uniform[start : start + len(graph.constants), 0] = [graph.record.numbers[place] for place in graph.constants]
    return uniform


def _per_example(program: Program) -> Program:
    """The same program with its parameters as more inputs, so that each example has a gradient of its own."""
    record = program._record
    n_inputs = record.n_inputs + record.n_parameters
    twin = Program.__new__(Program)
    twin._record = replace(record, ops=[*[INPUT] * n_inputs, *record.ops[n_inputs:]], n_inputs=n_inputs, n_parameters=0)
    twin._single, twin._frozen = program._single, []
    twin.inputs, twin.parameters = [*program.inputs, *program.parameters], []
    twin.dtype = program.dtype
    twin._graph = _prepared(twin._record)
    twin._shows_nan = False
    twin._codes, twin._bound, twin._by_example = {}, {}, None
    twin._uniform = _uniform(twin._graph, twin.dtype)
    twin._weights = twin._uniform[:0, 0]
    twin._chunks, twin._turn = {}, Lock()
    twin._gradient = np.zeros(0, twin.dtype)
    return twin

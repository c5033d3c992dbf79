"""Runner: a recorded graph carried out for whole batches, in chunks that stay in the cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from threading import RLock
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.compiler.adjoints import GRADIENT
from engine.compiler.backends.numpy import Floats, Memories, by_columns, carry_out, is_finite
from engine.compiler.buffer_reuse import reused
from engine.compiler.collector import collector_paused
from engine.compiler.fuse_sums import summed
from engine.compiler.inputs import fill, refuse_nan, shows_nan
from engine.compiler.memory_layout import placed
from engine.compiler.plan import Code, forward_code, gradient_code
from engine.compiler.refusals import carried_out_with_signal, refuse, refuse_inexact, refusing_nodes
from engine.compiler.simplify import simplified
from engine.compiler.trace import Record
from engine.compiler.vectorize import UNIFORM, grouped

PARAMETERS, INPUTS = "parameters", "inputs"
Gradient: TypeAlias = tuple[int, str, bool] | None
"""What is computed besides the outputs: the gradient of one of them in parameters or inputs, carefully or fast (see
``Backward``), or none. Careful instructions are slow, and needed beside infinity alone."""
Batch: TypeAlias = tuple[Floats, NDArray[np.int64] | None]
"""Rows, and which of them in which order; all of them for None."""
Part: TypeAlias = tuple[int, int, int]
"""Which examples, from the first to before the last, and by which worker."""

_CHUNK = 16_000  # examples: enough to outweigh the calls, few enough for the cache
_FOR_THREADS = 60_000  # numbers in a call of numpy, on average: for fewer, threads mostly wait for the interpreter
_CHUNK_BYTES, _CHUNK_BYTES_BY_EXAMPLE = 128 * 2**20, 8 * 2**20
_LOOKED_AT = 4_000_000  # numbers at a time
_KEPT = 6  # batch sizes whose memory is kept


class _Plan(NamedTuple):
    code: Code
    chunk: int
    """How many examples are computed at a time."""
    for_threads: bool
    """Whether parts of that size are worth several threads."""


class _Bound:
    """The instructions made ready for one batch size."""

    def __init__(self, memories: Memories, code: Code, n_parameters: int) -> None:
        self.memories = memories
        self.forward, self.backward = memories.bind(code.forward), memories.bind(code.backward)
        self.outputs = [memories.arrays[memory][slot] for memory, slot in code.outputs]
        self.seed = memories.arrays[code.seed[0]][code.seed[1]] if code.seed else np.zeros(0)
        if code.seed:
            self.by_parameters = memories.arrays[UNIFORM + GRADIENT][:n_parameters, 0]
            self.by_inputs = memories.arrays["inputs" + GRADIENT]
        self.is_exact = True
        """Whether no number of the last run was too large."""

    def rows(self) -> Floats:
        """The inputs of the last run, ``(n_examples, n_inputs)``."""
        return self.memories.arrays["inputs"].T.astype(np.float64)


class Runner:
    """Computes outputs and gradients of a record. Threads that share one take ``turn``.

    Numbers that eager arithmetic refuses are refused, in errors that call inputs and parameters by their *labels*;
    without labels nothing is refused. The first *n_columns* inputs are columns of ``X``.
    """

    def __init__(
        self, record: Record, dtype: np.dtype[Any], labels: Sequence[str] | None = None, n_columns: int = 0
    ) -> None:
        with collector_paused():
            self.graph = placed(grouped(summed(simplified(record))))
        self.dtype = dtype
        self.n_outputs = len(record.outputs)
        self.shows_nan = shows_nan(self.graph.record)
        self.uniform = np.zeros((self.graph.n_slots[UNIFORM], 1), dtype)
        """What is the same for all examples: parameters, constants, and what is computed from them."""
        self.weights: Floats = self.uniform[: record.n_parameters, 0]
        constants = self.graph.constants
        numbers = [self.graph.record.numbers[index] for index in constants]
        fill(self.uniform[record.n_parameters :][: len(constants), 0], numbers, "a number in the graph")
        self.turn = RLock()
        self._record, self._labels, self._n_columns = record, labels or [], n_columns
        self._refusing = [] if labels is None else refusing_nodes(record)
        self._may_overflow = labels is not None and dtype == np.float32
        self._plans: dict[Gradient, _Plan] = {}
        self._bound: dict[tuple[int, Gradient, int], _Bound] = {}

    def outputs(self, rows: Floats, refuses: bool = True) -> Floats:
        """All outputs, ``(n_examples, n_outputs)``."""
        results = np.empty((len(rows), self.n_outputs), self.dtype)
        with self.turn:
            self.in_chunks(len(rows), lambda *part: self._forward((rows, None), part, None, results, refuses), None)
        return results

    def outputs_and_mean_gradient(
        self, rows: Floats, chosen: NDArray[np.int64] | None, output: int
    ) -> tuple[Floats, Floats]:
        """All outputs of the *chosen* rows, or all; and the gradient of the mean of one of them in the parameters."""
        n_examples = len(rows if chosen is None else chosen)
        results = np.empty((n_examples, self.n_outputs), self.dtype)
        parts: dict[int, Floats] = {}

        def run(start: int, stop: int, worker: int) -> None:
            for careful in (False, True):
                bound = self._forward((rows, chosen), (start, stop, worker), (output, PARAMETERS, careful), results)
                bound.seed.fill((stop - start if bound.seed.size < stop - start else 1.0) / n_examples)  # all, or each
                carry_out(bound.backward)
                if finite := is_finite(bound.by_parameters):
                    break
            if self._may_overflow and not (bound.is_exact and finite):
                exact = self._exact.outputs_and_mean_gradient(bound.rows(), None, output)[1]
                refuse_inexact(bound.by_parameters, exact * ((stop - start) / n_examples), "the gradient")
            parts[start] = bound.by_parameters if stop - start == n_examples else bound.by_parameters.copy()

        with self.turn:
            self.in_chunks(n_examples, run, (output, PARAMETERS, False))
        return results, parts[0] if len(parts) == 1 else np.add.reduce([parts[start] for start in sorted(parts)], 0)

    def input_gradients(self, rows: Floats, shared: Floats, columns: Sequence[int], output: int) -> Floats:
        """The gradients of an output in some inputs, for each example; the last inputs are *shared* by all examples."""
        gradients = np.empty((len(rows), len(columns)), self.dtype)
        n_own = rows.shape[1]
        start = columns[0] if columns else 0
        together = list(columns) == list(range(start, start + len(columns)))
        chosen = slice(start, start + len(columns)) if together else list(columns)

        def run(start: int, stop: int, worker: int) -> None:
            for careful in (False, True):
                bound = self._ready(stop - start, (output, INPUTS, careful), worker)
                inputs = bound.memories.arrays["inputs"]
                inputs[:n_own], inputs[n_own:] = rows[start:stop].T, shared[:, None]
                self._carry_out(bound)
                bound.seed[:] = 1.0
                carry_out(bound.backward)
                found = bound.by_inputs[chosen]
                if finite := is_finite(found):
                    break
            if self._may_overflow and not (bound.is_exact and finite):
                own = bound.rows()
                exact = self._exact.input_gradients(own, own[0, :0], columns, output)
                refuse_inexact(found.T, exact, "the gradient", own[:, : self._n_columns])
            gradients[start:stop] = found.T

        with self.turn:
            self.in_chunks(len(rows), run, (output, INPUTS, False))
        return gradients

    def _forward(self, batch: Batch, part: Part, gradient: Gradient, results: Floats, refuses: bool = True) -> _Bound:
        """Compute the outputs of a part of the examples into their *results*."""
        (rows, chosen), (start, stop, worker) = batch, part
        bound = self._ready(stop - start, gradient, worker)
        if stop - start < len(results):
            rows, chosen = (rows[start:stop], None) if chosen is None else (rows, chosen[start:stop])
            results = results[start:stop]
        bound.memories.load(rows, chosen)
        if refuses:
            self._carry_out(bound)
        else:
            carry_out(bound.forward)
        for column, numbers in enumerate(bound.outputs):
            results[:, column] = numbers
        finite = not (self.shows_nan or self._may_overflow) or is_finite(results)
        if self._may_overflow and refuses and not (bound.is_exact and finite):
            refuse_inexact(results, self._exact.outputs(bound.rows()), "the result", bound.rows())
        if self.shows_nan and not finite:
            refuse_nan(rows if chosen is None else rows[chosen], start)
        return bound

    def _carry_out(self, bound: _Bound) -> None:
        """Compute forward; raise the error of eager arithmetic where it refuses a number."""
        if not self._refusing and not self._may_overflow:
            carry_out(bound.forward)
            return
        bound.is_exact = not carried_out_with_signal(bound.forward, products=self._may_overflow)
        if self._refusing and not bound.is_exact:
            self._find_refused(bound.memories.arrays["inputs"].T)

    @property
    def _exact(self) -> Runner:
        """The same in float64, with the weights of now."""
        exact = self._in_float64
        exact.weights[:] = self.weights
        return exact

    @cached_property
    def _in_float64(self) -> Runner:
        return Runner(self._record, np.dtype(np.float64))

    @cached_property
    def _checking_runner(self) -> Runner:
        """What gives the numbers of all nodes whose operation may refuse some."""
        return Runner(replace(self._record, outputs=self._refusing), np.dtype(np.float64))

    def _find_refused(self, rows: Floats) -> None:
        """Find examples for which an operation that may refuse numbers gives infinity or NaN, and compute them eagerly.

        Raises:
            ValueError, ArithmeticError: an operation refuses a number.
        """
        looking, step = self._checking_runner, max(1, _LOOKED_AT // self._checking_runner.n_outputs)
        with looking.turn:
            looking.weights[:] = self.weights
            for start in range(0, len(rows), step):
                part = rows[start : start + step].astype(np.float64)
                suspect = ~np.isfinite(looking.outputs(part)).all(axis=1)
                refuse(self._record, self._labels, self._n_columns, part[suspect], looking.weights)

    def release(self) -> None:
        """Let go of the memory for batches; the next run takes what it needs."""
        self._bound.clear()

    def in_chunks(self, n_examples: int, run: Callable[[int, int, int], object], gradient: Gradient) -> None:
        """Call ``run(start, stop, worker)`` for parts of the examples that stay in the cache."""
        plan = self._plan(gradient)
        if n_examples <= plan.chunk:
            with np.errstate(all="ignore"):
                if n_examples:
                    run(0, n_examples, 0)
            return
        n_chunks = -(-n_examples // plan.chunk)
        workers = min(os.cpu_count() or 1, n_chunks) if plan.for_threads else 1
        chunk = -(-n_examples // (workers * -(-n_chunks // workers)))  # all of one size, as many for each worker
        starts = range(0, n_examples, chunk)

        def work(worker: int) -> None:
            with np.errstate(all="ignore"):
                for start in starts[worker::workers]:
                    run(start, min(start + chunk, n_examples), worker)

        if workers == 1:
            work(0)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, range(workers)))

    def _plan(self, gradient: Gradient) -> _Plan:
        """The instructions for the outputs, and for a gradient of one of them; and how to cut batches for them."""
        if gradient not in self._plans:
            n_inputs, n_leaves = self._record.n_inputs, self._record.n_inputs + self._record.n_parameters
            with collector_paused():
                if gradient is None:
                    code = forward_code(self.graph)
                else:
                    leaves = np.arange(n_inputs) if gradient[1] == INPUTS else np.arange(n_inputs, n_leaves)
                    code = gradient_code(self.graph, gradient[0], leaves, careful=gradient[2])
                code = reused(code)
            slots = sum(n for name, n in code.n_slots.items() if not name.startswith(UNIFORM))
            room = _CHUNK_BYTES_BY_EXAMPLE if gradient and gradient[1] == INPUTS else _CHUNK_BYTES
            chunk = int(min(_CHUNK, max(1, room // (slots * self.dtype.itemsize + 1))))
            self._plans[gradient] = _Plan(code, chunk, chunk * code.width >= _FOR_THREADS)
        return self._plans[gradient]

    def _ready(self, n_examples: int, gradient: Gradient, worker: int) -> _Bound:
        """The instructions for this many examples; the last few batch sizes are kept."""
        key = n_examples, gradient, worker
        bound = self._bound.pop(key, None)
        if bound is None:
            for old in list(self._bound)[: 1 - _KEPT * (os.cpu_count() or 1)]:
                self._bound.pop(old, None)  # another worker may have been faster
            code, record = self._plan(gradient).code, self._record
            columns = by_columns([*code.forward, *code.backward], record.n_inputs)
            memories = Memories(code.n_slots, n_examples, self.dtype, columns)
            memories.arrays[UNIFORM] = self.uniform if worker == 0 else self.uniform.copy()
            with collector_paused():
                bound = _Bound(memories, code, record.n_parameters)
        elif worker:
            np.copyto(bound.memories.arrays[UNIFORM], self.uniform)
        self._bound[key] = bound
        return bound

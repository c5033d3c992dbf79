"""Runner: a recorded graph carried out for whole batches, in chunks that stay in the cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np

from engine.compiler.backends import backend_named
from engine.compiler.backends.numpy_calls import is_finite
from engine.compiler.collector import collector_paused
from engine.compiler.eager import refuse
from engine.compiler.inputs import fill, hiding_nan, refuse_nan
from engine.compiler.ir import Floats, Indexes
from engine.compiler.memory_layout import placed
from engine.compiler.plan import PARAMETERS, Bound, Gradient, Plan
from engine.compiler.simplify import simplified
from engine.compiler.trace import Record
from engine.compiler.vectorize import INPUTS, UNIFORM
from engine.domains import refuses
from engine.value import Value

_LOOKED_AT = 4_000_000  # numbers at a time
_KEPT = 6  # batch sizes whose memory is kept


@dataclass(slots=True)
class Batch:
    """Examples: all *rows*, or those at some *places*, in that order."""

    rows: Floats
    places: Indexes | None = None
    known: Sequence[int] | Indexes | None = None
    """Which rows of ``X`` they are, if these are some of its rows."""

    def __len__(self) -> int:
        return len(self.rows if self.places is None else self.places)

    def part(self, start: int, stop: int) -> Batch:
        if stop - start >= len(self):
            return self
        if self.places is None:
            return Batch(self.rows[start:stop], None, self.indexes[start:stop])
        return Batch(self.rows, self.places[start:stop])

    def copied(self, own: Indexes) -> Batch:
        """Some of these examples, in an array that has no others."""
        places = own if self.places is None else self.places[own]
        return Batch(self.rows[places], None, places)

    @property
    def indexes(self) -> Sequence[int] | Indexes:
        """Which rows of ``X`` these are."""
        if self.known is not None:
            return self.known
        return range(len(self.rows)) if self.places is None else self.places

    def numbers(self) -> Floats:
        return self.rows if self.places is None else self.rows[self.places]

    def in_float64(self) -> Batch:
        return Batch(self.numbers().astype(np.float64))


class Runner:
    """Computes outputs and gradients of a record. Threads that share one take ``turn``.

    Numbers that eager arithmetic refuses are refused, in errors that call inputs and parameters by their *labels*;
    without labels nothing is refused. The first *n_columns* inputs are columns of ``X``. The *backend* computes, unless
    it is among those that *failed* for another runner of the same program. What float32 cannot compute is computed in
    float64, with the rows as they are given, and the numbers of the *parameters* where the weights only round them.
    """

    def __init__(
        self,
        record: Record,
        dtype: np.dtype[Any],
        labels: Sequence[str] | None = None,
        n_columns: int = 0,
        backend: str = "numpy",
        failed: set[str] | None = None,
        parameters: Sequence[Value] = (),
    ) -> None:
        self._backend = backend_named(backend, warns=False)
        self.failed = set[str]() if failed is None else failed
        """Backends that failed for this program."""
        limited = [place for place, _ in record.limited]
        with collector_paused():
            self.graph = placed(simplified(replace(record, outputs=[*record.outputs, *limited])))
        self.dtype = dtype
        self.n_outputs = len(record.outputs)
        self.uniform = np.zeros((self.graph.n_slots[UNIFORM], 1), dtype)
        """What is the same for all examples: parameters, constants, and what is computed from them."""
        self.weights: Floats = self.uniform[: record.n_parameters, 0]
        constants = self.graph.constants
        numbers = [self.graph.record.numbers[index] for index in constants]
        fill(self.uniform[record.n_parameters :][: len(constants), 0], numbers, "a number in the graph")
        self.turn = RLock()
        self._record, self._labels, self._n_columns = record, labels or [], n_columns
        refusing = {op for op in set(record.ops) if labels is not None and isinstance(op, str) and refuses(op)}
        self._refusing = [index for index, op in enumerate(record.ops) if op in refusing]
        if record.limited:  # by which all others are told
            leads = record.leading_to(record.outputs)
            self._refusing = [index for index in self._refusing if leads[index]]
        self._is_coarse = labels is not None and dtype == np.float32
        self._parameters = parameters
        self._plans: dict[Gradient | None, tuple[Plan, tuple[int, bool]]] = {}
        self._bound: dict[tuple[int, Gradient | None, int], tuple[Bound, Floats]] = {}

    @cached_property
    def hiding_nan(self) -> list[int]:
        return hiding_nan(self.graph.record)

    def outputs(self, batch: Batch) -> Floats:
        """All outputs, ``(n_examples, n_outputs)``."""
        n_examples = len(batch)
        results = np.empty((n_examples, self.n_outputs), self.dtype)

        def run(start: int, stop: int, worker: int) -> None:
            part = batch.part(start, stop)
            bound, is_exact = self._computed(part, None, worker)
            self._read(bound, part, results[start:stop], is_exact)

        with self.turn:
            self.in_chunks(n_examples, run, None)
        return results

    def outputs_and_mean_gradient(self, batch: Batch, output: int) -> tuple[Floats, Floats]:
        """All outputs, and the gradient of the mean of one of them in the parameters."""
        n_examples = len(batch)
        results = np.empty((n_examples, self.n_outputs), self.dtype)
        parts: dict[int, Floats] = {}

        def run(start: int, stop: int, worker: int) -> None:
            part, own = batch.part(start, stop), results[start:stop]
            for careful in (False, True):
                gradient = Gradient(output, PARAMETERS, careful)
                bound, is_exact = self._computed(part, gradient, worker, seed=1.0 / n_examples)
                if finite := is_finite(bound.by_parameters):
                    break
            self._read(bound, part, own, is_exact)
            if self._is_coarse and not (is_exact and finite):
                numbers, exact = self._exact.outputs_and_mean_gradient(part.in_float64(), output)
                fill(own, numbers, "the result")
                fill(bound.by_parameters, exact * ((stop - start) / n_examples), "the gradient")
            parts[start] = bound.by_parameters if stop - start == n_examples else bound.by_parameters.copy()

        with self.turn:
            self.in_chunks(n_examples, run, Gradient(output, PARAMETERS, False))
        return results, parts[0] if len(parts) == 1 else np.add.reduce([parts[start] for start in sorted(parts)], 0)

    def input_gradients(self, rows: Floats, shared: Floats, columns: Sequence[int], output: int) -> Floats:
        """The gradients of an output in some inputs, for each example; *shared* numbers are the last inputs of each."""
        gradients = np.empty((len(rows), len(columns)), self.dtype)
        start = columns[0] if columns else 0
        together = list(columns) == list(range(start, start + len(columns)))
        wanted = slice(start, start + len(columns)) if together else list(columns)

        def run(start: int, stop: int, worker: int) -> None:
            own = rows[start:stop]
            own = np.hstack([own, np.broadcast_to(shared, (len(own), len(shared)))]) if len(shared) else own
            for careful in (False, True):
                bound, is_exact = self._computed(Batch(own), Gradient(output, INPUTS, careful), worker, seed=1.0)
                found = bound.by_inputs[wanted]
                if finite := is_finite(found):
                    break
            if self._is_coarse and not (is_exact and finite):
                exact = self._exact.input_gradients(rows[start:stop], shared, columns, output)
                fill(gradients[start:stop], exact, "the gradient")
            else:
                gradients[start:stop] = found.T

        with self.turn:
            self.in_chunks(len(rows), run, Gradient(output, INPUTS, False))
        return gradients

    def _computed(self, part: Batch, gradient: Gradient | None, worker: int, seed: float = 0.0) -> tuple[Bound, bool]:
        """What computed a part of the examples, and whether no number on the way was too large.

        Raises the error of eager arithmetic where it refuses a number.
        """
        bound = self._ready(len(part), gradient, worker)
        bound.load(part.rows, part.places)
        try:
            is_exact = not bound.run(seed, listens=bool(self._refusing or self._is_coarse))
        except (ValueError, ArithmeticError):  # of a user's primitive, which does not know the row
            self._refuse(part.numbers().tolist(), slopes=gradient is not None)
            raise
        if self._refusing and not is_exact and not self._is_coarse:
            self._find_refused(part)
        if self._record.limited:
            self._check_limits(bound, part)
        return bound, is_exact

    def _check_limits(self, bound: Bound, part: Batch) -> None:
        """Refuse examples where a number is outside of its limits, if eager arithmetic refuses them."""
        numbers, inside = np.empty((len(self._record.limited), len(part)), self.dtype), np.ones(len(part), np.bool_)
        bound.read(numbers.T, self.n_outputs)
        for row, (_, limits) in zip(numbers, self._record.limited):
            if not limits.hold(row):
                inside &= limits.inside(row.astype(np.float64))
        if not inside.all():
            self._refuse(part.numbers()[~inside].tolist())

    def _refuse(self, rows: list[list[float]], slopes: bool = False) -> None:
        refuse(self._record, self._labels, self._n_columns, rows, self.exact_weights().tolist(), slopes)

    def _read(self, bound: Bound, part: Batch, results: Floats, is_exact: bool) -> None:
        """Write the outputs of a part of the examples into their *results*."""
        bound.read(results)
        finite = is_finite(results)
        if not finite:
            refuse_nan(part.numbers()[:, : self._n_columns], part.indexes)
        if self._is_coarse and not (is_exact and finite):
            fill(results, self._exact.outputs(part.in_float64()), "the result")

    def exact_weights(self) -> Floats:
        """See ``Program.exact_weights``."""
        if self.dtype == np.float64:
            return self.weights
        numbers = np.array([parameter.data for parameter in self._parameters])
        with np.errstate(all="ignore"):
            return np.where(numbers.astype(self.dtype) == self.weights, numbers, self.weights)

    @property
    def _exact(self) -> Runner:
        """The same in float64, with the weights of now."""
        exact = self._in_float64
        exact.weights[:] = self.exact_weights()
        return exact

    @cached_property
    def _in_float64(self) -> Runner:
        return Runner(self._record, np.dtype(np.float64), self._labels, self._n_columns)

    @cached_property
    def _checking_runner(self) -> Runner:
        """What gives the numbers of all nodes whose operation may refuse some."""
        return Runner(replace(self._record, outputs=self._refusing, limited=[]), np.dtype(np.float64))

    def _find_refused(self, batch: Batch) -> None:
        """Refuse examples for which an operation that may refuse numbers gives infinity or NaN: see ``refuse``."""
        looking, step = self._checking_runner, max(1, _LOOKED_AT // self._checking_runner.n_outputs)
        with looking.turn:
            looking.weights[:] = self.weights
            for start in range(0, len(batch), step):
                part = batch.part(start, start + step).in_float64()
                self._refuse(part.rows[~np.isfinite(looking.outputs(part)).all(axis=1)].tolist())

    def words(self) -> list[str]:
        plans = [plan for plan, _ in self._plans.values()]
        return self._backend.words(plans[0] if plans else Plan(self.graph, None, failed=self.failed))

    def release(self) -> None:
        self._bound.clear()

    def in_chunks(self, n_examples: int, run: Callable[[int, int, int], object], gradient: Gradient | None) -> None:
        """Call ``run(start, stop, worker)`` for parts of the examples that stay in the cache."""
        _, (chunk, for_threads) = self._plan(gradient)
        if n_examples <= chunk:
            with np.errstate(all="ignore"):
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
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, range(workers)))

    def _plan(self, gradient: Gradient | None) -> tuple[Plan, tuple[int, bool]]:
        """What is computed for the outputs, and for a gradient of one of them; and how to cut batches for it."""
        if gradient not in self._plans:
            plan = Plan(self.graph, gradient, failed=self.failed)
            self._plans[gradient] = plan, self._backend.share(plan, self.dtype.itemsize)
        return self._plans[gradient]

    def _ready(self, n_examples: int, gradient: Gradient | None, worker: int) -> Bound:
        """The plan bound for this many examples; the last few batch sizes are kept."""
        key = n_examples, gradient, worker
        known = self._bound.pop(key, None)
        if known is None:
            for old in list(self._bound)[: 1 - _KEPT * (os.cpu_count() or 1)]:
                self._bound.pop(old, None)  # another worker may have been faster
            uniform = self.uniform if worker == 0 else self.uniform.copy()
            plan, _ = self._plan(gradient)
            with collector_paused():
                known = self._backend.bind(plan, n_examples, uniform), uniform
        elif worker:
            np.copyto(known[1], self.uniform)
        self._bound[key] = known
        return known[0]

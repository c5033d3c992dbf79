"""Last pass: instructions bound to numpy arrays of one batch size, as calls that are ready."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.compiler.backends.numpy_kernels import kernel
from engine.compiler.ir import Floats, Instruction, Map, MatMul, Scatter, Take, Total, View, by_columns
from engine.compiler.plan import Plan
from engine.compiler.vectorize import GRADIENT, INPUTS, UNIFORM

_CHUNK = 16_000  # examples: enough to outweigh the calls, few enough for the cache
_FOR_THREADS = 60_000  # numbers in a call of numpy, on average: for fewer, threads mostly wait for the interpreter
_CHUNK_BYTES, _CHUNK_BYTES_BY_EXAMPLE = 128 * 2**20, 8 * 2**20
_IN_ORDER = 7  # terms: numpy adds up no more than these from left to right where they lie side by side
_BLAS_THREADS = 2**16  # multiplications in a product from which BLAS may take threads, whose signals are lost
_SIGNALS: dict[str, Any] = {"divide": "call", "invalid": "call", "over": "call"}
"""What numpy signals where an operation refuses a number, and sometimes where none does."""
Call = tuple[Callable[..., Any], tuple[Any, ...]]


def share(plan: Plan, n_bytes: int) -> tuple[int, bool]:
    """Chunks that stay in the cache; threads only where the calls of numpy are long."""
    slots = sum(n for name, n in plan.reused.n_slots.items() if not name.startswith(UNIFORM))
    room = _CHUNK_BYTES_BY_EXAMPLE if plan.gradient and plan.gradient.of == INPUTS else _CHUNK_BYTES
    chunk = int(min(_CHUNK, max(1, room // (slots * n_bytes + 1))))
    return chunk, chunk * plan.reused.width >= _FOR_THREADS


def words(_plan: Plan) -> list[str]:
    """Nothing: each line of a program is an instruction or a few."""
    return []


def bind(plan: Plan, n_examples: int, uniform: Floats) -> Bound:
    code = plan.reused
    bound = Bound(plan, n_examples, uniform, [*code.forward, *code.backward])
    bound.forward, bound.backward = bound.bind(code.forward, code.backward)
    return bound


class Memories:
    """The arrays of a program for one batch size: ``(slots, n_examples)``, or ``(slots, 1)`` for all examples."""

    def __init__(self, slots: dict[str, int], n_examples: int, dtype: np.dtype[Any], by_columns: bool = False) -> None:
        self.n_examples = n_examples
        self.arrays: dict[str, Floats] = {
            name: np.zeros((size, 1 if name.startswith("uniform") else n_examples), dtype)
            for name, size in slots.items()
            if name != "inputs"
        }
        n_inputs = slots["inputs"]
        columns, rows = (n_inputs, n_examples), (n_examples, n_inputs)
        self.arrays["inputs"] = np.zeros(columns, dtype) if by_columns else np.zeros(rows, dtype).T

    def load(self, rows: Floats, places: NDArray[np.int64] | None = None) -> None:
        """Take the inputs from ``(n_examples, n_inputs)`` numbers, or from some of these rows: see ``plan.Bound``."""
        inputs = self.arrays["inputs"].T
        if places is None:
            np.copyto(inputs, rows)
        elif inputs.flags.c_contiguous:
            np.take(rows, places, 0, inputs, "clip")
        else:
            np.copyto(inputs, rows[places])

    def resolve(self, view: View) -> Floats:
        """The array that a view means."""
        start, shape, strides, base = view.start, view.shape, view.strides, self.arrays[view.memory]
        if shape == (1,) or strides == (1,):
            return base[start : start + shape[0]]
        step, across = base.strides
        flat = base if base.flags.c_contiguous else base.T  # what a new array may be made from
        bytes_ = tuple([stride * step for stride in strides])
        return np.ndarray((*shape, base.shape[1]), base.dtype, flat, start * step, (*bytes_, across))

    def bind(self, *lists: Sequence[Instruction]) -> list[list[Call]]:
        """Each instruction as calls that are ready, list by list."""
        resolve = cache(self.resolve)  # of views alone: 0.0 and -0.0 would be one
        return [self._calls(instructions, resolve) for instructions in lists]

    def _calls(self, instructions: Sequence[Instruction], resolve: Callable[[View], Floats]) -> list[Call]:
        calls: list[Call] = []
        for instruction in instructions:
            if isinstance(instruction, Map):
                arrays = [resolve(each) if isinstance(each, View) else each for each in instruction.operands]
                calls.append((kernel(instruction.function), (*arrays, resolve(instruction.out))))
            elif isinstance(instruction, Total):
                target, source = resolve(instruction.out), resolve(instruction.operand)
                if instruction.over_examples:
                    calls.append((np.add.reduce, (source, -1, None, target[..., 0])))
                else:
                    calls += _totals(source, target)
            elif isinstance(instruction, MatMul):
                out, left, right = map(resolve, (instruction.out, instruction.left, instruction.right))
                calls += _products(instruction.kind, out, left, right)
                if (
                    instruction.kind == "forward"
                    and out.dtype == np.float32
                    and out.size * left.shape[1] >= _BLAS_THREADS
                ):
                    calls.append((_signal_infinity, (out,)))
            elif isinstance(instruction, Take):
                target = resolve(instruction.out).reshape(len(instruction.slots), -1)
                calls.append((np.take, (self.arrays[instruction.memory], instruction.slots, 0, target, "clip")))
            elif isinstance(instruction, Scatter):
                calls += _scatters(self.arrays[instruction.memory], instruction.slots, resolve(instruction.source))
        return calls


class Bound(Memories):
    """The arrays with calls: see ``plan.Bound``. Whoever makes this adds the calls; numpy has these *instructions*."""

    def __init__(self, plan: Plan, n_examples: int, uniform: Floats, instructions: list[Instruction]) -> None:
        code, record = plan.reused, plan.graph.record
        super().__init__(code.n_slots, n_examples, uniform.dtype, by_columns(instructions, record.n_inputs))
        self.arrays[UNIFORM] = uniform
        self.forward: list[Call] = []
        self.backward: list[Call] = []
        self.outputs = [self.arrays[memory][slot] for memory, slot in code.outputs]
        self.seed = self.arrays[code.seed[0]][code.seed[1]] if code.seed else np.zeros(0)
        self.by_parameters = self.arrays.get(UNIFORM + GRADIENT, np.zeros((0, 1)))[: record.n_parameters, 0]
        self.by_inputs = self.arrays.get(INPUTS + GRADIENT, np.zeros((0, 1)))

    def run(self, seed: float, listens: bool) -> bool:
        """Compute everything; say whether numpy signals."""
        if self.seed.size:
            self.seed.fill(seed if self.seed.size > 1 else seed * self.n_examples)
        signals = False
        if listens:
            signals = carried_out_with_signal(self.forward, products=self.arrays[INPUTS].dtype == np.float32)
        else:
            carry_out(self.forward)
        carry_out(self.backward)
        return signals

    def read(self, results: Floats) -> None:
        for column, numbers in enumerate(self.outputs):
            results[:, column] = numbers


def _products(kind: str, out: Floats, left: Floats, right: Floats) -> list[Call]:
    """Matrix products by BLAS: one of them where there is one vector, or one example."""
    if kind.endswith("careful"):
        return [(_careful_to_weights if kind.startswith("to weights") else _careful_to_vectors, (left, right, out))]
    if kind == "dot":
        return [(np.matmul, (left, right.T, out))]
    one_vector, one_example = right.shape[0] == 1, right.shape[-1] == 1
    if kind == "to weights":
        out = out[..., 0]
        if one_vector:
            return [(np.matmul, (left[0], right[0].T, out))]
        if one_example:
            return [(np.matmul, (left[..., 0].T, right[..., 0], out))]
        each = np.empty((len(left), *out.shape), out.dtype)
        return [(np.matmul, (left, right.swapaxes(1, 2), each)), (np.add.reduce, (each, 0, None, out))]
    weights = left[..., 0] if kind == "forward" else left[..., 0].T
    if one_vector:
        return [(np.matmul, (weights, right[0], out[0]))]
    if one_example:
        return [(np.matmul, (right[..., 0], weights.T, out[..., 0]))]
    return [(np.matmul, (weights, right, out))]


def _totals(source: Floats, target: Floats) -> list[Call]:
    """Sums over the last but one axis, from left to right; of -0.0 alone they are -0.0."""
    n_terms, n_examples = source.shape[-2:]
    along, across = (abs(stride) for stride in source.strides[-2:])
    is_forward = source.strides[-2] >= 0  # numpy 1.26 turns a reversed axis around before it adds up
    if is_forward and (n_terms <= _IN_ORDER or (n_examples > 1 and across <= along)):
        return [(np.add.reduce, (source, -2, None, target, False, -0.0))]
    sums = np.empty(source.shape, source.dtype)  # numpy would add up pairs of pairs
    return [(np.add.accumulate, (source, -2, None, sums)), (np.copyto, (target, sums[..., -1, :]))]


def _careful_to_vectors(weights: Floats, gradient: Floats, out: Floats) -> None:
    out[...] = 0.0
    for n, row in enumerate(weights):
        out += _product(gradient[:, n, None], row)


def _careful_to_weights(gradient: Floats, vectors: Floats, out: Floats) -> None:
    for n in range(len(out)):
        np.copyto(out[n, :, 0], np.add.reduce(_product(gradient[:, n, None], vectors), (0, 2)))


def _product(a: Floats, b: Floats) -> Floats:
    """Number by number, as the chain rule has it: 0 where one of them is exactly 0."""
    product = np.empty(np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b))
    kernel("times")(a, b, product)
    return product


def _signal_infinity(product: Floats) -> None:
    """Signal an overflow if a number of a product of float32 is infinite."""
    if not is_finite(product):
        np.exp(np.float32(1e3))


def _scatters(memory: Floats, slots: NDArray[np.int64], source: Floats) -> list[Call]:
    """Additions in rounds in which no slot comes twice: for wide rows many times faster than ``np.add.at``."""
    if memory.shape[1] == 1:
        return [(_scatter_numbers, (memory[:, 0], slots, source))]
    order = np.argsort(slots, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(slots[order])) + 1])
    rounds = np.empty(len(slots), np.int64)
    rounds[order] = np.arange(len(slots)) - np.repeat(starts, np.diff([*starts, len(slots)]))
    calls: list[Call] = []
    for number in range(int(rounds.max()) + 1):
        here = np.flatnonzero(rounds == number)
        calls.append((_scatter_rows, (memory, slots[here], source, None if len(here) == len(slots) else here)))
    return calls


def _scatter_numbers(memory: Floats, slots: NDArray[np.int64], source: Floats) -> None:
    np.add.at(memory, slots, source.ravel())


def _scatter_rows(memory: Floats, slots: NDArray[np.int64], source: Floats, which: NDArray[np.int64] | None) -> None:
    rows = source.reshape(-1, source.shape[-1])
    memory[slots] += rows if which is None else rows[which]


def carry_out(calls: Sequence[Call]) -> None:
    for function, arguments in calls:
        function(*arguments)


def carried_out_with_signal(calls: Sequence[Call], products: bool = False) -> bool:
    """Run *calls*; say whether one of them signals. If so, they run twice.

    Matrix products do not count, as some libraries signal there for ordinary numbers; infinite *products* may count.
    """
    heard: list[str] = []
    with np.errstate(call=lambda signal, _flag: heard.append(signal), **_SIGNALS):
        carry_out(calls)
        if not heard:
            return False
        heard.clear()
        for function, arguments in calls:
            if function is not np.matmul:
                function(*arguments)
            else:
                with np.errstate(all="ignore"):
                    function(*arguments)
                if products and not is_finite(arguments[2]):
                    heard.append("over")
    return bool(heard)


def is_finite(numbers: Floats) -> bool:
    """Whether all are finite and so is their sum. A BLAS product tells it twice as fast, except for large numbers."""
    return isfinite(np.vdot(numbers, numbers)) or isfinite(np.add.reduce(numbers, None))

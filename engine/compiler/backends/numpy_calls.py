"""Instructions as calls of numpy that are ready."""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Final, TypeAlias

import numpy as np

from engine.compiler.backends.numpy_kernels import kernel
from engine.compiler.ir import ONE, Floats, Indexes, Instruction, Map, MatMul, Scatter, Take, Total, View

_IN_ORDER: Final = 7  # terms: numpy adds up no more than these from left to right where they lie side by side
_BLAS_THREADS: Final = 2**16  # multiplications in a product from which BLAS may take threads, whose signals are lost
Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


def resolved(arrays: dict[str, Floats], view: View) -> Floats:
    """The array that a view means, among these by the names of memories."""
    start, shape, strides, base = view.start, view.shape, view.strides, arrays[view.memory]
    if ONE in (shape, strides):
        return base[start : start + shape[0]]
    step, across = base.strides
    flat = base if base.flags.c_contiguous else base.T  # what a new array may be made from
    bytes_ = tuple([stride * step for stride in strides])
    return np.ndarray((*shape, base.shape[1]), base.dtype, flat, start * step, (*bytes_, across))


def calls_of(
    instructions: Sequence[Instruction], arrays: dict[str, Floats], resolve: Callable[[View], Floats]
) -> list[Call]:
    """Calls that carry the instructions out in these arrays, by the names of memories; *resolve* gives a view's."""
    calls: list[Call] = []
    for instruction in instructions:
        if isinstance(instruction, Map):
            parts = [resolve(each) if isinstance(each, View) else each for each in instruction.operands]
            calls.append((kernel(instruction.function), (*parts, resolve(instruction.out))))
        elif isinstance(instruction, Total):
            target, source = resolve(instruction.out), resolve(instruction.operand)
            if instruction.over_examples:
                calls.append((np.add.reduce, (source, -1, None, target[..., 0])))
            else:
                calls += _totals(source, target)
        elif isinstance(instruction, MatMul):
            out, left, right = map(resolve, (instruction.out, instruction.left, instruction.right))
            calls += _products(instruction.kind, out, left, right)
            if instruction.kind == "forward" and out.dtype == np.float32 and out.size * left.shape[1] >= _BLAS_THREADS:
                calls.append((_signal_infinity, (out,)))
        elif isinstance(instruction, Take):
            target = resolve(instruction.out).reshape(len(instruction.slots), -1)
            calls.append((np.take, (arrays[instruction.memory], instruction.slots, 0, target, "clip")))
        elif isinstance(instruction, Scatter):
            calls += _scatters(arrays[instruction.memory], instruction.slots, resolve(instruction.source))
    return calls


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


def _scatters(memory: Floats, slots: Indexes, source: Floats) -> list[Call]:
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


def _scatter_numbers(memory: Floats, slots: Indexes, source: Floats) -> None:
    np.add.at(memory, slots, source.ravel())


def _scatter_rows(memory: Floats, slots: Indexes, source: Floats, which: Indexes | None) -> None:
    rows = source.reshape(-1, source.shape[-1])
    memory[slots] += rows if which is None else rows[which]


def is_finite(numbers: Floats) -> bool:
    """Whether all are finite and so is their sum. A BLAS product tells it twice as fast, except for large numbers."""
    return isfinite(np.vdot(numbers, numbers)) or isfinite(np.add.reduce(numbers, None))

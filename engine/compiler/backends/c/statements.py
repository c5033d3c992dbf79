"""Instructions on arrays as statements on single numbers, which C can hold in registers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np

from engine.compiler.backends.numpy_kernels import KERNELS
from engine.compiler.ir import Instruction, Map, MatMul, Scatter, Take, Total, View
from engine.derivatives import SLOPES

Slot: TypeAlias = tuple[str, int]
_MOST = 1024  # numbers that one instruction computes or adds up: numpy is as fast with more


@dataclass(slots=True)
class Statement:
    """``out = form(*operands)`` for one example; or, where it *reduces*, summed over all examples."""

    out: Slot
    form: str
    operands: tuple[Slot | float, ...]
    reduces: bool = False


def per_example(slot: Slot) -> bool:
    return slot[0][:7] != "uniform"


def is_native(instruction: Instruction) -> bool:
    """Whether C carries it out: no function of Python, nothing careful, and no large matrix."""
    if isinstance(instruction, Map):
        function = instruction.function
        known = isinstance(function, str) and (function in KERNELS or function in SLOPES)
        return known and instruction.out.size <= _MOST
    if isinstance(instruction, MatMul):
        kind, _, left, right = instruction
        n_products = left.size * (right.shape[-1] if kind == "to weights" else right.shape[0])
        return not kind.endswith("careful") and n_products <= _MOST
    if isinstance(instruction, Total):
        return instruction.operand.size <= _MOST
    return (instruction.out if isinstance(instruction, Take) else instruction.source).size <= _MOST


def statements(instruction: Instruction) -> Iterator[Statement]:
    """What an instruction does, number by number."""
    match instruction:
        case Map(function, out, operands):
            columns = [_spread(operand, out.shape) for operand in operands]
            for place, *row in zip(_slots(out), *columns):
                yield Statement(place, str(function), tuple(row))
        case Total(out, operand, True):
            for place, slot in zip(_slots(out), _slots(operand)):
                yield Statement(place, "sum", (slot,), operand.per_example)
        case Total(out, operand):
            terms = zip(*[iter(_slots(operand))] * operand.shape[-1])
            yield from (Statement(place, "sum", tuple(row)) for place, row in zip(_slots(out), terms))
        case MatMul(kind, out, left, right):
            yield from _products(kind, out, left, right)
        case Take(out, memory, slots):
            yield from (Statement(place, "copy", ((memory, i),)) for place, i in zip(_slots(out), slots.tolist()))
        case Scatter(memory, slots, source):
            for place, slot in zip(slots.tolist(), _slots(source)):
                yield Statement((memory, place), "add", ((memory, place), slot))


def _products(kind: str, out: View, left: View, right: View) -> Iterator[Statement]:
    """Sums of products: see ``MatMul``."""
    a, b = left.slots, right.slots
    reduces = kind in ("dot", "to weights") and (left.per_example or right.per_example)
    if kind == "dot":
        pairs = [(a, b)]
    elif kind == "to weights":
        pairs = [(a[:, n], b[:, k]) for n in range(a.shape[1]) for k in range(b.shape[1])]
    elif kind == "forward":
        pairs = [(weights, vector) for vector in b for weights in a]
    else:
        pairs = [(column, vector) for vector in b for column in a.T]
    for place, (lefts, rights) in zip(_slots(out), pairs):
        operands = chain.from_iterable(
            ((left.memory, i), (right.memory, j)) for i, j in zip(lefts.tolist(), rights.tolist())
        )
        yield Statement(place, "products", tuple(operands), reduces)


def _slots(view: View) -> list[Slot]:
    if view.shape == (1,):
        return [(view.memory, view.start)]
    return [(view.memory, slot) for slot in view.slots.ravel().tolist()]


def _spread(operand: View | float, shape: tuple[int, ...]) -> list[Slot | float]:
    if not isinstance(operand, View):
        return [operand] * int(np.prod(shape))
    if shape in ((1,), operand.shape):
        return [*_slots(operand)]
    return [(operand.memory, slot) for slot in np.broadcast_to(operand.slots, shape).ravel().tolist()]


def touched(instruction: Instruction) -> tuple[set[Slot], set[Slot]]:
    """The slots that an instruction reads, and those that it writes."""
    if isinstance(instruction, (Take, Scatter)):
        slots = {(instruction.memory, slot) for slot in instruction.slots.tolist()}
        if isinstance(instruction, Take):
            return slots, set(_slots(instruction.out))
        return {*slots, *_slots(instruction.source)}, set()
    operands = instruction.operands if isinstance(instruction, Map) else instruction[1:]
    parts = operands[1:] if isinstance(instruction, MatMul) else operands
    read = {slot for part in parts if isinstance(part, View) for slot in _slots(part)}
    return read, set(_slots(instruction.out))

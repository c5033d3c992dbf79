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
        kind, right = instruction.kind, instruction.right
        n_products = instruction.left.size * (right.shape[-1] if kind == "to weights" else right.shape[0])
        return not kind.endswith("careful") and n_products <= _MOST
    return (instruction.operand if isinstance(instruction, Total) else instruction.out).size <= _MOST


def statements(instruction: Instruction) -> Iterator[Statement]:
    """What an instruction does, number by number."""
    out = _slots(instruction.out)
    match instruction:
        case Map(function=function, operands=operands):
            columns = [_spread(operand, instruction.out.shape) for operand in operands]
            yield from (Statement(place, str(function), tuple(row)) for place, *row in zip(out, *columns))
        case Total(operand=operand, over_examples=True):
            yield from (
                Statement(place, "sum", (slot,), operand.per_example) for place, slot in zip(out, _slots(operand))
            )
        case Total(operand=operand):
            terms = zip(*[iter(_slots(operand))] * operand.shape[-1])
            yield from (Statement(place, "sum", tuple(row)) for place, row in zip(out, terms))
        case MatMul(kind=kind, left=left, right=right):
            yield from _products(kind, out, left, right)
        case Take(memory=memory, slots=slots):
            yield from (Statement(place, "copy", ((memory, slot),)) for place, slot in zip(out, slots.tolist()))
        case Scatter(memory=memory, slots=slots):
            places = [(memory, slot) for slot in slots.tolist()]
            yield from (Statement(place, "add", (place, slot)) for place, slot in zip(places, out))


def _products(kind: str, out: list[Slot], left: View, right: View) -> Iterator[Statement]:
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
    for place, (lefts, rights) in zip(out, pairs):
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
    read = {slot for part in instruction.operands if isinstance(part, View) for slot in _slots(part)}
    if isinstance(instruction, (Take, Scatter)):
        read.update((instruction.memory, slot) for slot in instruction.slots.tolist())
    return read, set() if isinstance(instruction, Scatter) else set(_slots(instruction.out))

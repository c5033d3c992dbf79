"""Eighth pass: numbers that are no longer needed make room for others, so that a run stays in the cache.

A block is slots that some instruction sees as one view. It lives from the first instruction that touches it to the
last; its place is then free for the next block. What is computed last is put where something was used last, because
that is in the cache still: it makes the replay of long graphs a quarter faster, and a prediction needs little memory.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.compiler.adjoints import GRADIENT
from engine.compiler.ir import Fill, Instruction, Map, MatMul, Scatter, Take, Total, View
from engine.compiler.plan import Code
from engine.compiler.vectorize import VARYING

Slots = NDArray[np.int64]
Touch = tuple[int, View | Slots]
"""When slots are read or written, as the number of an instruction, and which."""


def reused(code: Code) -> Code:
    """The same code in less memory."""
    touches: dict[str, list[Touch]] = {VARYING: [], VARYING + GRADIENT: []}
    for time, instruction in enumerate([*code.forward, *code.backward]):
        for memory, slots in _touched(instruction):
            if memory in touches:
                touches[memory].append((time, slots))
    n_slots, new_slots = dict(code.n_slots), {}
    for memory, touched in touches.items():
        if n_slots.get(memory):
            new_slots[memory], n_slots[memory] = _in_less(code, memory, touched)
    lists = {memory: slots.tolist() for memory, slots in new_slots.items()}

    def moved(place: tuple[str, int]) -> tuple[str, int]:
        memory, slot = place
        return (memory, lists[memory][slot]) if memory in lists else place

    return replace(
        code,
        forward=[_moved(instruction, lists, new_slots) for instruction in code.forward],
        backward=[_moved(instruction, lists, new_slots) for instruction in code.backward],
        n_slots=n_slots,
        outputs=[moved(output) for output in code.outputs],
        seed=code.seed and moved(code.seed),
    )


def _in_less(code: Code, memory: str, touched: list[Touch]) -> tuple[Slots, int]:
    """The new slot of each slot of a memory, and how many there are then."""
    block_of = _blocks(touched, code.n_slots[memory])
    sizes = np.bincount(block_of)
    first, last = _lives(code, memory, touched, block_of.tolist(), len(sizes))
    starts, size = _allocated(first, last, sizes.tolist())
    return np.array(starts)[block_of] + np.arange(len(block_of)) - (np.cumsum(sizes) - sizes)[block_of], size


def _lives(
    code: Code, memory: str, touched: list[Touch], block_of: list[int], n_blocks: int
) -> tuple[list[int], list[int]]:
    """The first and the last instruction that touches each block."""
    n_forward = len(code.forward)
    first, last = [n_forward + len(code.backward)] * n_blocks, [-1] * n_blocks
    for time, part in touched:
        for slot in (part.start,) if isinstance(part, View) else part.tolist():
            block = block_of[slot]
            first[block] = min(first[block], time)
            last[block] = time
    for space, slot in code.outputs:  # read when the forward pass is done
        if space == memory:
            block = block_of[slot]
            last[block] = max(last[block], n_forward)
    if code.seed is not None and code.seed[0] == memory:  # written before the backward pass
        block = block_of[code.seed[1]]
        first[block], last[block] = n_forward, max(last[block], n_forward)
    return first, last


def _touched(instruction: Instruction) -> list[tuple[str, View | Slots]]:
    """What an instruction reads and writes, with its memory."""
    match instruction:
        case Map(_, out, operands):
            return [(part.memory, part) for part in (out, *operands) if isinstance(part, View)]
        case Take(out, memory, slots):
            return [(out.memory, out), (memory, slots)]
        case Scatter(memory, slots, source):
            return [(memory, slots), (source.memory, source)]
        case _:
            return [(part.memory, part) for part in instruction if isinstance(part, View)]


def _blocks(touched: list[Touch], n_slots: int) -> Slots:
    """The number of each slot's block; they are counted in the order of slots."""
    tied = np.zeros(n_slots, dtype=np.int64)  # whether a slot and the one before it are in one block
    for _, part in touched:
        if isinstance(part, View) and part.shape != (1,):
            reach = [stride * (length - 1) for stride, length in zip(part.strides, part.shape)]
            lowest = part.start + sum(step for step in reach if step < 0)
            tied[lowest + 1 : lowest + sum(map(abs, reach)) + 1] = 1
    tied[0] = 1
    return np.cumsum(1 - tied)


def _allocated(first: list[int], last: list[int], sizes: list[int]) -> tuple[list[int], int]:
    """Where each block starts, and the size of the whole. Of the free places the one freed last comes first."""
    starts = [0] * len(sizes)
    free: dict[int, list[int]] = {}  # starts by width
    widths: list[int] = []  # those of which there are some, in order

    def release(width: int, start: int) -> None:
        if not free.get(width):
            insort(widths, width)
        free.setdefault(width, []).append(start)

    ending = sorted(range(len(sizes)), key=last.__getitem__)
    n_freed = size = 0
    for block in sorted(range(len(sizes)), key=first.__getitem__):
        while n_freed < len(ending) and last[ending[n_freed]] < first[block]:
            done = ending[n_freed]
            if last[done] >= 0:
                release(sizes[done], starts[done])
            n_freed += 1
        if last[block] < 0:
            continue  # nobody touches it
        wanted = sizes[block]
        which = bisect_left(widths, wanted)
        if which == len(widths):
            starts[block] = size
            size += wanted
            continue
        width = widths[which]
        starts[block] = free[width].pop()
        if not free[width]:
            del widths[which]
        if width > wanted:
            release(width - wanted, starts[block] + wanted)
    return starts, size


def _moved(instruction: Instruction, lists: dict[str, list[int]], arrays: dict[str, Slots]) -> Instruction:
    """The same instruction on the new slots of each memory, which are there as lists and as arrays."""

    def view(part: View) -> View:
        memory, start, shape, strides = part
        return View(memory, lists[memory][start], shape, strides) if memory in lists else part

    match instruction:
        case Map(function, out, operands):
            return Map(
                function, view(out), tuple([view(part) if isinstance(part, View) else part for part in operands])
            )
        case Total(out, operand, over_examples):
            return Total(view(out), view(operand), over_examples)
        case MatMul(kind, out, left, right):
            return MatMul(kind, view(out), view(left), view(right))
        case Take(out, memory, slots):
            return Take(view(out), memory, arrays[memory][slots] if memory in arrays else slots)
        case Scatter(memory, slots, source):
            return Scatter(memory, arrays[memory][slots] if memory in arrays else slots, view(source))
        case Fill(out, number):
            return Fill(view(out), number)

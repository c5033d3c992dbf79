"""Eighth pass: numbers that are no longer needed make room for others, so that a run stays in the cache.

A block is slots that some instruction sees as one view. It lives from the first instruction that touches it to the
last; its place is then free for the next block. What is computed last is put where something was used last, because
that is in the cache still: it makes the replay of long graphs a quarter faster, and a prediction needs little memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.compiler.adjoints import GRADIENT
from engine.compiler.ir import Fill, Instruction, Map, MatMul, Scatter, Take, Total, View
from engine.compiler.plan import Code
from engine.compiler.vectorize import VARYING

Slots = NDArray[np.int64]


def reused(code: Code) -> Code:
    """The same code in less memory."""
    for memory in (VARYING, VARYING + GRADIENT):
        if code.n_slots.get(memory):
            code = _in_less(code, memory)
    return code


def _in_less(code: Code, memory: str) -> Code:
    instructions = [*code.forward, *code.backward]
    touched = [_touched(instruction, memory) for instruction in instructions]
    block_of = _blocks(touched, code.n_slots[memory])
    sizes = np.bincount(block_of)
    first, last = _lives(code, memory, touched, block_of.tolist(), len(sizes))
    starts, size = _allocated(first, last, sizes.tolist())
    here = np.array(starts)[block_of] + np.arange(len(block_of)) - (np.cumsum(sizes) - sizes)[block_of]

    def moved(place: tuple[str, int]) -> tuple[str, int]:
        return (memory, int(here[place[1]])) if place[0] == memory else place

    return replace(
        code,
        forward=[_moved(instruction, memory, here) for instruction in code.forward],
        backward=[_moved(instruction, memory, here) for instruction in code.backward],
        n_slots={**code.n_slots, memory: size},
        outputs=[moved(output) for output in code.outputs],
        seed=code.seed and moved(code.seed),
    )


def _lives(
    code: Code, memory: str, touched: Sequence[Sequence[View | Slots]], block_of: list[int], n_blocks: int
) -> tuple[list[int], list[int]]:
    """The first and the last instruction that touches each block."""
    first, last = [len(touched)] * n_blocks, [-1] * n_blocks
    for time, places in enumerate(touched):
        for place in places:
            slots = (place.start,) if isinstance(place, View) else place.tolist()
            for slot in slots:
                block = block_of[slot]
                first[block] = min(first[block], time)
                last[block] = time
    for space, slot in code.outputs:  # read when the forward pass is done
        if space == memory:
            block = block_of[slot]
            last[block] = max(last[block], len(code.forward))
    if code.seed is not None and code.seed[0] == memory:  # written before the backward pass
        block = block_of[code.seed[1]]
        first[block], last[block] = len(code.forward), max(last[block], len(code.forward))
    return first, last


def _touched(instruction: Instruction, memory: str) -> list[View | Slots]:
    """What an instruction reads and writes in this memory."""
    match instruction:
        case Map(_, out, operands):
            parts: Sequence[object] = (out, *operands)
        case Total(out, operand):
            parts = (out, operand)
        case MatMul(_, out, left, right):
            parts = (out, left, right)
        case Take(out, source, slots):
            parts = (out, slots) if source == memory else (out,)
        case Scatter(target, slots, source):
            parts = (slots, source) if target == memory else (source,)
        case _:
            parts = (instruction.out,)
    return [
        part for part in parts if isinstance(part, np.ndarray) or (isinstance(part, View) and part.memory == memory)
    ]


def _blocks(touched: Sequence[Sequence[View | Slots]], n_slots: int) -> Slots:
    """The number of each slot's block; they are counted in the order of slots."""
    tied = np.zeros(n_slots, dtype=np.int64)  # whether a slot and the one before it are in one block
    for places in touched:
        for place in places:
            if isinstance(place, View):
                reach = [stride * (length - 1) for stride, length in zip(place.strides, place.shape)]
                lowest = place.start + sum(step for step in reach if step < 0)
                tied[lowest + 1 : lowest + sum(map(abs, reach)) + 1] = 1
    tied[0] = 1
    return np.cumsum(1 - tied)


def _allocated(first: list[int], last: list[int], sizes: list[int]) -> tuple[list[int], int]:
    """Where each block starts, and the size of the whole. Of the free places the one freed last comes first."""
    starts = [0] * len(sizes)
    free: dict[int, list[int]] = {}  # by size
    ending = sorted(range(len(sizes)), key=last.__getitem__)
    n_freed = size = 0
    for block in sorted(range(len(sizes)), key=first.__getitem__):
        while n_freed < len(ending) and last[ending[n_freed]] < first[block]:
            done = ending[n_freed]
            if last[done] >= 0:
                free.setdefault(sizes[done], []).append(starts[done])
            n_freed += 1
        if last[block] < 0:
            continue  # nobody touches it
        wanted = sizes[block]
        width = min((width for width, places in free.items() if places and width >= wanted), default=0)
        if width == 0:
            starts[block] = size
            size += wanted
            continue
        starts[block] = free[width].pop()
        if width > wanted:
            free.setdefault(width - wanted, []).append(starts[block] + wanted)
    return starts, size


def _moved(instruction: Instruction, memory: str, here: Slots) -> Instruction:
    """The same instruction on the places where its blocks are now."""

    def view(part: View) -> View:
        return View(memory, int(here[part.start]), part.shape, part.strides) if part.memory == memory else part

    match instruction:
        case Map(function, out, operands):
            return Map(function, view(out), tuple(view(part) if isinstance(part, View) else part for part in operands))
        case Total(out, operand, over_examples):
            return Total(view(out), view(operand), over_examples)
        case MatMul(kind, out, left, right):
            return MatMul(kind, view(out), view(left), view(right))
        case Take(out, source, slots):
            return Take(view(out), source, here[slots] if source == memory else slots)
        case Scatter(target, slots, source):
            return Scatter(target, here[slots] if target == memory else slots, view(source))
        case Fill(out, number):
            return Fill(view(out), number)

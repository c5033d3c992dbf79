"""Eighth pass: numbers that are no longer needed make room for others, so that a run stays in the cache.

A block is slots that some instruction sees as one view. It lives from the first instruction that touches it to the
last; its place is then free for the next block. What is computed last is put where something was used last, because
that is in the cache still: it makes the replay of long graphs a quarter faster, and a prediction needs little memory.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from engine.compiler.adjoints import GRADIENT
from engine.compiler.ir import Code, Instruction, Map, Scatter, Take, View
from engine.compiler.vectorize import VARYING

Slots = NDArray[np.int64]


@dataclass
class _Touches:
    """What instructions read and write of one memory: when, by number, and from which slot on."""

    times: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    views: set[View] = field(default_factory=set)


def reused(code: Code) -> Code:
    """The same code in less memory; its views are moved there."""
    n_slots, new_slots = dict(code.n_slots), {}
    for memory, touches in _touched(code).items():
        if n_slots.get(memory):
            new_slots[memory], n_slots[memory] = _in_less(touches, n_slots[memory])
            lists = new_slots[memory].tolist()
            for view in touches.views:
                view.start = lists[view.start]

    def moved(memory: str, slot: int) -> tuple[str, int]:
        return memory, int(new_slots[memory][slot]) if memory in new_slots else slot

    def followed(instruction: Instruction) -> Instruction:
        if isinstance(instruction, (Take, Scatter)) and instruction.memory in new_slots:
            return instruction._replace(slots=new_slots[instruction.memory][instruction.slots])
        return instruction

    return replace(
        code,
        forward=[followed(instruction) for instruction in code.forward],
        backward=[followed(instruction) for instruction in code.backward],
        n_slots=n_slots,
        outputs=[moved(*output) for output in code.outputs],
        seed=code.seed and moved(*code.seed),
    )


def _touched(code: Code) -> dict[str, _Touches]:
    """What the code touches of memories whose slots may be used again."""
    found = {VARYING: _Touches(), VARYING + GRADIENT: _Touches()}

    def touch(time: int, memory: str, slots: Sequence[int]) -> None:
        if memory in found:
            found[memory].times += [time] * len(slots)
            found[memory].slots += slots

    for time, instruction in enumerate([*code.forward, None, *code.backward]):
        if instruction is None:  # between the passes outputs are read, and the first gradient is written
            for memory, slot in [*code.outputs, *([code.seed] if code.seed else [])]:
                touch(time, memory, [slot])
            continue
        if isinstance(instruction, (Take, Scatter)):
            touch(time, instruction.memory, instruction.slots.tolist())
        for part in (instruction.out, *instruction.operands) if isinstance(instruction, Map) else instruction:
            if isinstance(part, View) and part.memory in found:
                touches = found[part.memory]
                touches.times.append(time)
                touches.slots.append(part.start)
                touches.views.add(part)
    return found


def _in_less(touches: _Touches, n_slots: int) -> tuple[Slots, int]:
    """The new slot of each slot of a memory, and how many there are then."""
    block_of = _blocks(touches.views, n_slots)
    sizes = np.bincount(block_of)
    first, last = np.full(len(sizes), np.iinfo(np.int64).max), np.full(len(sizes), -1)
    blocks, times = block_of[touches.slots], np.array(touches.times)
    last[blocks] = times  # of several the last counts
    first[blocks[::-1]] = times[::-1]
    starts, size = _allocated(first, last, sizes.tolist())
    return np.array(starts)[block_of] + np.arange(len(block_of)) - (np.cumsum(sizes) - sizes)[block_of], size


def _blocks(views: Iterable[View], n_slots: int) -> Slots:
    """The number of each slot's block; they are counted in the order of slots."""
    tied = np.zeros(n_slots, dtype=np.int64)  # whether a slot and the one before it are in one block
    for view in views:
        if view.shape != (1,):
            reach = [stride * (length - 1) for stride, length in zip(view.strides, view.shape)]
            lowest = view.start + sum(step for step in reach if step < 0)
            tied[lowest + 1 : lowest + sum(map(abs, reach)) + 1] = 1
    tied[0] = 1
    return np.cumsum(1 - tied)


def _allocated(first: Slots, last: Slots, sizes: list[int]) -> tuple[list[int], int]:
    """Where each block starts, and the size of the whole. Of the free places the one freed last comes first."""
    starts = [0] * len(sizes)
    free: dict[int, list[int]] = {}  # starts by width
    widths: list[int] = []  # those of which there are some, in order

    def release(width: int, start: int) -> None:
        if not free.get(width):
            insort(widths, width)
        free.setdefault(width, []).append(start)

    ending, ends, begins = np.argsort(last, kind="stable").tolist(), last.tolist(), first.tolist()
    n_freed, size = ends.count(-1), 0  # no instruction touches those
    for block in np.argsort(first, kind="stable").tolist()[: len(sizes) - n_freed]:
        begin, wanted = begins[block], sizes[block]
        while ends[ending[n_freed]] < begin:
            release(sizes[ending[n_freed]], starts[ending[n_freed]])
            n_freed += 1
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

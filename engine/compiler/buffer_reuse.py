"""Eighth pass: numbers that are no longer needed make room for others, so that a run stays in the cache.

A block is slots that some instruction sees as one view. It lives from the first instruction that touches it to the
last; its place is then free for the next block. What is computed last is put where something was used last, because
that is in the cache still: it makes the replay of long graphs a quarter faster, and a prediction needs little memory.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.compiler.adjoints import GRADIENT
from engine.compiler.ir import Code, Map, Scatter, Take, View
from engine.compiler.vectorize import VARYING

Slots = NDArray[np.int64]


class _Touches:
    """What instructions read and write, and when: the first and the last time of each view, and of single slots."""

    def __init__(self, code: Code) -> None:
        parts: list[Any] = []
        ends: list[int] = []
        self.slots: list[tuple[int, str, Slots]] = []
        for time, instruction in enumerate([*code.forward, None, *code.backward]):
            if isinstance(instruction, Map):
                parts += instruction.operands
                parts.append(instruction.out)
            elif isinstance(instruction, (Take, Scatter)):
                parts.append(instruction.out if isinstance(instruction, Take) else instruction.source)
                self.slots.append((time, instruction.memory, instruction.slots))
            elif instruction is not None:
                parts += instruction
            else:  # between the passes outputs are read, and the first gradient is written
                for memory, slot in [*code.outputs, *([code.seed] if code.seed else [])]:
                    self.slots.append((time, memory, np.array([slot])))
            ends.append(len(parts))
        times = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0)).tolist()
        self.last: dict[Any, int] = dict(zip(parts, times))  # of several the last counts
        self.first: dict[Any, int] = dict(zip(reversed(parts), reversed(times)))

    def in_less(self, memory: str, n_slots: int) -> tuple[list[View], Slots, int]:
        """The views of a memory, the new slot of each of its slots, and how many there are then."""
        views = [part for part in self.last if isinstance(part, View) and part.memory == memory]
        block_of = _blocks(views, n_slots)
        sizes = np.bincount(block_of)
        first, last = np.full(len(sizes), np.iinfo(np.int64).max), np.full(len(sizes), -1)
        blocks = block_of[np.array([view.start for view in views], dtype=np.int64)]
        np.minimum.at(first, blocks, [*map(self.first.__getitem__, views)])
        np.maximum.at(last, blocks, [*map(self.last.__getitem__, views)])
        for time, touched, slots in self.slots:
            if touched == memory:
                blocks = block_of[slots]
                first[blocks], last[blocks] = np.minimum(first[blocks], time), np.maximum(last[blocks], time)
        starts, size = _allocated(first, last, sizes.tolist())
        return views, np.array(starts)[block_of] + np.arange(n_slots) - (np.cumsum(sizes) - sizes)[block_of], size


def reused(code: Code) -> Code:
    """The same code in less memory; its views are moved there."""
    touches, n_slots, new_slots = _Touches(code), dict(code.n_slots), {}
    for memory in (VARYING, VARYING + GRADIENT):
        if n_slots.get(memory):
            views, new_slots[memory], n_slots[memory] = touches.in_less(memory, n_slots[memory])
            lists = new_slots[memory].tolist()
            for view in views:
                view.start = lists[view.start]

    def moved(memory: str, slot: int) -> tuple[str, int]:
        return memory, int(new_slots[memory][slot]) if memory in new_slots else slot

    instructions = [*code.forward, *code.backward]
    n_forward = len(code.forward)
    for time, memory, slots in touches.slots:
        if time != n_forward and memory in new_slots:
            index = time - (time > n_forward)
            instruction = instructions[index]
            assert isinstance(instruction, (Take, Scatter))
            instructions[index] = instruction._replace(slots=new_slots[memory][slots])
    return replace(
        code,
        forward=instructions[:n_forward],
        backward=instructions[n_forward:],
        n_slots=n_slots,
        outputs=[moved(*output) for output in code.outputs],
        seed=code.seed and moved(*code.seed),
    )


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

"""Eighth pass: numbers that are no longer needed make room for others, so that a run stays in the cache.

A block is slots that some instruction sees as one view. It lives from the first instruction that touches it to the
last; its place is then free for the next block. What is computed last is put where something was used last, because
that is in the cache still: it makes the replay of long graphs a quarter faster, and a prediction needs little memory.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.compiler.adjoints import GRADIENT
from engine.compiler.ir import Instruction, Map, Scatter, Take, View
from engine.compiler.plan import Code
from engine.compiler.vectorize import VARYING

Slots = NDArray[np.int64]


class _Touches:
    """What instructions read and write of one memory: when, by number, and from which slot on."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.slots: list[int] = []
        self.wide: list[View] = []

    def add(self, time: int, slots: Iterable[int]) -> None:
        """Note an instruction, and the slots that it touches."""
        for slot in slots:
            self.times.append(time)
            self.slots.append(slot)


def reused(code: Code) -> Code:
    """The same code in less memory."""
    n_slots, slots = dict(code.n_slots), {}
    for memory, touches in _touched(code).items():
        if n_slots.get(memory):
            slots[memory], n_slots[memory] = _in_less(touches, n_slots[memory])
    moved = _Moved(slots)
    return replace(
        code,
        forward=[moved.instruction(instruction) for instruction in code.forward],
        backward=[moved.instruction(instruction) for instruction in code.backward],
        n_slots=n_slots,
        outputs=[moved.slot(*output) for output in code.outputs],
        seed=code.seed and moved.slot(*code.seed),
    )


def _touched(code: Code) -> dict[str, _Touches]:
    """What the code touches of memories whose slots may be used again; outputs are read after the forward pass."""
    found = {VARYING: _Touches(), VARYING + GRADIENT: _Touches()}
    for time, instruction in enumerate([*code.forward, None, *code.backward]):
        parts: tuple[Any, ...] = instruction or ()
        if isinstance(instruction, Map):
            parts = (instruction.out, *instruction.operands)
        elif isinstance(instruction, (Take, Scatter)) and instruction.memory in found:
            found[instruction.memory].add(time, instruction.slots.tolist())
        elif instruction is None:  # between the passes outputs are read, and the first gradient is written
            for memory, slot in [*code.outputs, *([code.seed] if code.seed else [])]:
                if memory in found:
                    found[memory].add(time, [slot])
        for part in parts:
            if isinstance(part, View) and part.memory in found:
                touches = found[part.memory]
                touches.times.append(time)
                touches.slots.append(part.start)
                if part.shape != (1,):
                    touches.wide.append(part)
    return found


def _in_less(touches: _Touches, n_slots: int) -> tuple[Slots, int]:
    """The new slot of each slot of a memory, and how many there are then."""
    block_of = _blocks(touches.wide, n_slots)
    sizes = np.bincount(block_of)
    first, last = np.full(len(sizes), np.iinfo(np.int64).max), np.full(len(sizes), -1)
    blocks, times = block_of[touches.slots], np.array(touches.times)
    last[blocks] = times  # of several the last counts
    first[blocks[::-1]] = times[::-1]
    starts, size = _allocated(first, last, sizes.tolist())
    return np.array(starts)[block_of] + np.arange(len(block_of)) - (np.cumsum(sizes) - sizes)[block_of], size


def _blocks(wide: list[View], n_slots: int) -> Slots:
    """The number of each slot's block; they are counted in the order of slots."""
    tied = np.zeros(n_slots, dtype=np.int64)  # whether a slot and the one before it are in one block
    for _, start, shape, strides in wide:
        reach = [stride * (length - 1) for stride, length in zip(strides, shape)]
        lowest = start + sum(step for step in reach if step < 0)
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


class _Moved(dict[Any, Any]):
    """Each view on the new slots of its memory, found once; a number is itself."""

    def __init__(self, slots: dict[str, Slots]) -> None:
        super().__init__()
        self._slots, self._lists = slots, {memory: found.tolist() for memory, found in slots.items()}

    def __missing__(self, part: View | float) -> View | float:
        if not isinstance(part, View):
            return part
        memory, start = self.slot(part.memory, part.start)
        self[part] = new = View(memory, start, part.shape, part.strides)
        return new

    def slot(self, memory: str, slot: int) -> tuple[str, int]:
        """The new slot of one."""
        return (memory, self._lists[memory][slot]) if memory in self._lists else (memory, slot)

    def instruction(self, old: Instruction) -> Instruction:
        """The same instruction on the new slots."""
        if isinstance(old, Map):
            return Map(old.function, self[old.out], tuple(map(self.__getitem__, old.operands)))
        if isinstance(old, (Take, Scatter)):
            slots = self._slots[old.memory][old.slots] if old.memory in self._slots else old.slots
            if isinstance(old, Take):
                return Take(self[old.out], old.memory, slots)
            return Scatter(old.memory, slots, self[old.source])
        kind: Callable[..., Instruction] = type(old)
        return kind(*[self[part] if isinstance(part, View) else part for part in old])

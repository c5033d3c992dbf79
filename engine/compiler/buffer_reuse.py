"""Eighth pass: numbers that are no longer needed make room for others, so that a run stays in the cache.

A block is slots that some instruction sees as one view. It lives from the first instruction that touches it to the
last; its place is then free for the next block. What is computed last is put where something was used last, because
that is in the cache still: it makes the replay of long graphs a quarter faster, and a prediction needs little memory.
"""

from bisect import bisect_left, insort
from dataclasses import replace
from typing import Any, Final

import numpy as np

from engine.compiler.ir import ONE, Code, Indexes, Instruction, Scatter, Take, View
from engine.compiler.vectorize import GRADIENT, VARYING

_NEVER: Final[Any] = 2**62  # times are ints; declared so, a wheel makes no new objects of them
_NEVER_YET: Final[Any] = -1


class _Touched:
    """A memory as instructions read and write it: its views, and the first and the last time of each slot.

    Of the slots of a view only the one with which it starts is noted.
    """

    def __init__(self, n_slots: int) -> None:
        self.views: dict[View, None] = {}
        self.first, self.last = [_NEVER] * n_slots, [_NEVER_YET] * n_slots

    def at(self, slot: int, time: Any) -> None:
        """One more touch; times come in their order."""
        if self.last[slot] is _NEVER_YET:
            self.first[slot] = time
        self.last[slot] = time

    def in_less(self) -> tuple[Indexes, int]:
        """The new slot of each slot, and how many there are then; the views are moved there."""
        n_slots = len(self.first)
        begins = np.flatnonzero(_separate([*self.views], n_slots))
        sizes = np.diff(begins, append=n_slots)
        first, last = np.minimum.reduceat(self.first, begins), np.maximum.reduceat(self.last, begins)
        starts, size = _allocated(first, last, sizes.tolist())
        slots = np.arange(n_slots) + np.repeat(starts - begins, sizes)
        new: list[int] = slots.tolist()
        for view in self.views:
            view.start = new[view.start]
        return slots, size


def reused(code: Code) -> Code:
    """The same code in less memory; its instructions and views are moved there."""
    memories = [memory for memory in (VARYING, VARYING + GRADIENT) if code.n_slots.get(memory)]
    touched = {memory: _Touched(code.n_slots[memory]) for memory in memories}
    n_forward = len(code.forward)
    _touch(touched, code.forward, 0)
    for memory, slot in [*code.outputs, *([code.seed] if code.seed else [])]:
        if memory in touched:  # between the passes outputs are read, and the first gradient is written
            touched[memory].at(slot, n_forward)
    _touch(touched, code.backward, n_forward + 1)
    slots, n_slots = {}, dict(code.n_slots)
    for memory in memories:
        slots[memory], n_slots[memory] = touched[memory].in_less()

    def moved(memory: str, slot: int) -> tuple[str, int]:
        return memory, int(slots[memory][slot]) if memory in slots else slot

    for each in (*code.forward, *code.backward):
        if isinstance(each, (Take, Scatter)) and each.memory in slots:
            each.slots = slots[each.memory][each.slots]
    outputs = [moved(*output) for output in code.outputs]
    return replace(code, n_slots=n_slots, outputs=outputs, seed=code.seed and moved(*code.seed))


def _touch(touched: dict[str, _Touched], instructions: list[Instruction], begin: int) -> None:
    time: Any
    for time, instruction in enumerate(instructions, begin):
        for part in (instruction.out, *instruction.operands):
            if isinstance(part, View) and (memory := touched.get(part.memory)):
                memory.views[part] = None
                memory.at(part.start, time)
        if isinstance(instruction, (Take, Scatter)) and instruction.memory in touched:
            for slot in instruction.slots.tolist():
                touched[instruction.memory].at(slot, time)


def _separate(views: list[View], n_slots: int) -> Indexes:
    """Whether each slot begins a block: 0 where it and the one before it are in one."""
    separate = np.ones(n_slots, dtype=np.int64)
    for view in views:
        if view.shape != ONE:
            reach = [stride * (length - 1) for stride, length in zip(view.strides, view.shape)]
            lowest = view.start + sum([step for step in reach if step < 0])
            separate[lowest + 1 : lowest + sum(map(abs, reach)) + 1] = 0
    separate[0] = 1
    return separate


def _allocated(first: Indexes, last: Indexes, sizes: list[int]) -> tuple[list[int], int]:
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

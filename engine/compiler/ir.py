"""What a program is made of: instructions on arrays. Nothing here knows which array library carries them out.

A program has a few memories, each of them an array of slots: ``inputs`` and ``varying`` hold a number for each
example in every slot, ``uniform`` one number for all examples. ``inputs gradient``, ``uniform gradient`` and
``varying gradient`` hold the gradients of these. ``scratch`` and ``uniform scratch`` hold what one instruction hands to
the next.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.compiler.collector import mypyc_attr

Floats: TypeAlias = NDArray[np.floating[Any]]
Indexes: TypeAlias = NDArray[np.int64]
Function: TypeAlias = str | Callable[..., Any]
ONE: Final[tuple[int, ...]] = (1,)
"""The shape, and the strides, of a view of one slot: one object for the many that there are in a deep graph."""
_UNIFORM: Final = frozenset({"uniform", "uniform gradient", "uniform scratch"})


@mypyc_attr(acyclic=True)
@dataclass(slots=True, eq=False, init=False)
class View:
    """Slots of a memory, seen as an array: slot ``start + sum(strides[i] * index[i])`` at each index.

    In memories with a number for each example, the examples are one more axis, the last. Instructions that mean the
    same numbers may share a view: where it moves, they all follow.
    """

    memory: str
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    per_example: bool = field(init=False, repr=False)
    """Whether each slot has a number for each example."""

    def __init__(self, memory: str, start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.memory, self.start, self.shape, self.strides = memory, start, shape, strides
        self.per_example = memory not in _UNIFORM

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def slots(self) -> Indexes:
        """Its slots, in its shape.

        >>> View(memory="varying", start=4, shape=(2, 2), strides=(3, 2)).slots.tolist()
        [[4, 6], [7, 9]]
        """
        found = np.array(self.start)
        for length, stride in zip(self.shape, self.strides):
            found = found[..., None] + stride * np.arange(length, dtype=np.int64)
        return found


class Instruction:
    """A step of a program: it reads its operands, views and plain numbers, and writes *out*."""

    out: View
    operands: tuple[View | float, ...] = ()


class Map(Instruction):
    """``out = function(*operands)``, number by number; operands are broadcast, and some may be plain numbers."""

    def __init__(self, function: Function, out: View, operands: tuple[View | float, ...]) -> None:
        self.function, self.out, self.operands = function, out, operands


class Total(Instruction):
    """``out = sum(operand)`` over the last axis of its slots, from left to right; or over the examples."""

    def __init__(self, out: View, operand: View, over_examples: bool = False) -> None:
        self.out, self.operand, self.over_examples = out, operand, over_examples
        self.operands = (operand,)


class MatMul(Instruction):
    """Matrix products, with the examples as columns.

    ``forward``: out ``(m, n)`` = left ``(n, k)`` of weights times right ``(m, k)`` of vectors, for each of m vectors.
    ``to vectors``: out ``(m, k)`` = left transposed times right ``(m, n)``.
    ``to weights``: out ``(n, k)`` = left ``(m, n)`` times right ``(m, k)``, summed over examples and the m vectors.
    ``dot``: out ``(1,)`` = left ``(1,)`` times right ``(1,)``, summed over the examples.
    ``to vectors, careful`` and ``to weights, careful``: the same, but products with an exact 0 are 0.
    """

    def __init__(self, kind: str, out: View, left: View, right: View) -> None:
        self.kind, self.out, self.left, self.right = kind, out, left, right
        self.operands = left, right


class Take(Instruction):
    """``out[i] = source[slots[i]]``: numbers gathered from anywhere in a memory."""

    def __init__(self, out: View, memory: str, slots: Indexes) -> None:
        self.out, self.memory, self.slots = out, memory, slots


class Scatter(Instruction):
    """``memory[slots[i]] += source[i]``, a slot as often as it is there; *out* is the source, of as many numbers."""

    def __init__(self, memory: str, slots: Indexes, source: View) -> None:
        self.memory, self.slots, self.source = memory, slots, source
        self.out, self.operands = source, (source,)


@dataclass
class Code:
    """Instructions, the size of each memory, and where results and the first gradient stand: (memory, slot)."""

    forward: list[Instruction]
    backward: list[Instruction]
    n_slots: dict[str, int]
    outputs: list[tuple[str, int]]
    seed: tuple[str, int] | None = None

    @property
    def width(self) -> float:
        """How many numbers of an example an instruction computes, on average."""
        instructions = [*self.forward, *self.backward]
        return sum([each.out.size for each in instructions]) / max(1, len(instructions))


def by_columns(instructions: list[Instruction], n_inputs: int) -> bool:
    """Whether most inputs are read one by one; a matrix product with a single vector takes rows as they come."""
    n_read = 0
    for instruction in instructions:
        if isinstance(instruction, Take):
            n_read += len(instruction.slots) if instruction.memory == "inputs" else 0
        elif not isinstance(instruction, MatMul) or instruction.right.shape[0] > 1:
            for part in instruction.operands:
                if isinstance(part, View) and part.memory == "inputs":
                    n_read += part.size
        if 2 * n_read > n_inputs:
            return True
    return False


def view_of(memory: str, slots: Indexes) -> View | None:
    """The slots as a view of their memory, where they lie evenly in it; else None.

    >>> view_of("varying", np.array([[4, 6], [7, 9]]))
    View(memory='varying', start=4, shape=(2, 2), strides=(3, 2))
    """
    start, shape = slots.item(0), slots.shape
    steps = [slots.item(prod(shape[axis + 1 :])) - start if shape[axis] > 1 else 0 for axis in range(len(shape))]
    if slots.item(-1) - start != sum([step * (length - 1) for step, length in zip(steps, shape)]):
        return None
    view = View(memory, start, shape, tuple(steps))
    return view if view.slots.tobytes() == slots.tobytes() else None


def some(flags: NDArray[np.bool_], slots: int | list[int] | Indexes) -> bool:
    if isinstance(slots, int):
        return flags.item(slots)
    return any(map(flags.item, slots)) if isinstance(slots, list) else 1 in flags[slots].tobytes()


def equal(a: int | Indexes, b: int | Indexes) -> bool:
    """Whether two slots, or two arrays of them, are the same."""
    if isinstance(a, int) or isinstance(b, int):
        return isinstance(a, int) and isinstance(b, int) and a == b
    return a.shape == b.shape and a.tobytes() == b.tobytes()  # faster than numpy compares a few


def is_repeated(rows: Indexes) -> bool:
    """Whether all rows, or all numbers, are the same."""
    return rows.tobytes() == rows[:1].tobytes() * len(rows)

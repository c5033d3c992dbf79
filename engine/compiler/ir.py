"""What a program is made of: instructions on arrays. Nothing here knows which array library carries them out.

A program has a few memories, each of them an array of slots: ``inputs`` and ``varying`` hold a number for each
example in every slot, ``uniform`` one number for all examples. ``inputs gradient``, ``uniform gradient`` and
``varying gradient`` hold the gradients of these. ``scratch`` and ``uniform scratch`` hold what one instruction hands to
the next.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
_UNIFORM = frozenset({"uniform", "uniform gradient", "uniform scratch"})


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
    def slots(self) -> NDArray[np.int64]:
        """Its slots, in its shape.

        >>> View(memory="varying", start=4, shape=(2, 2), strides=(3, 2)).slots.tolist()
        [[4, 6], [7, 9]]
        """
        found = np.array(self.start)
        for length, stride in zip(self.shape, self.strides):
            found = found[..., None] + stride * np.arange(length)
        return found


class Map(NamedTuple):
    """``out = function(*operands)``, number by number; operands are broadcast, and some may be plain numbers."""

    function: str | Callable[..., Any]
    out: View
    operands: tuple[View | float, ...]


class Total(NamedTuple):
    """``out = sum(operand)`` over the last axis of its slots, from left to right; or over the examples."""

    out: View
    operand: View
    over_examples: bool = False


class MatMul(NamedTuple):
    """Matrix products, with the examples as columns.

    ``forward``: out ``(m, n)`` = left ``(n, k)`` of weights times right ``(m, k)`` of vectors, for each of m vectors.
    ``to vectors``: out ``(m, k)`` = left transposed times right ``(m, n)``.
    ``to weights``: out ``(n, k)`` = left ``(m, n)`` times right ``(m, k)``, summed over examples and the m vectors.
    ``dot``: out ``(1,)`` = left ``(1,)`` times right ``(1,)``, summed over the examples.
    ``to vectors, careful`` and ``to weights, careful``: the same, but products with an exact 0 are 0.
    """

    kind: str
    out: View
    left: View
    right: View


class Take(NamedTuple):
    """``out[i] = source[slots[i]]``: numbers gathered from anywhere in a memory."""

    out: View
    memory: str
    slots: NDArray[np.int64]


class Scatter(NamedTuple):
    """``memory[slots[i]] += source[i]``, a slot as often as it is there."""

    memory: str
    slots: NDArray[np.int64]
    source: View


Instruction: TypeAlias = Map | Total | MatMul | Take | Scatter


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
        sizes = [(part.source if isinstance(part, Scatter) else part.out).size for part in instructions]
        return sum(sizes) / max(1, len(sizes))


def by_columns(instructions: list[Instruction], n_inputs: int) -> bool:
    """Whether most inputs are read one by one; a matrix product with a single vector takes rows as they come."""
    n_read = 0
    for instruction in instructions:
        if isinstance(instruction, Take):
            n_read += len(instruction.slots) if instruction.memory == "inputs" else 0
        elif not isinstance(instruction, MatMul) or instruction.right.shape[0] > 1:
            for part in instruction.operands if isinstance(instruction, Map) else instruction:
                if isinstance(part, View) and part.memory == "inputs":
                    n_read += part.size
        if 2 * n_read > n_inputs:
            return True
    return False


def view_of(memory: str, slots: NDArray[np.int64]) -> View | None:
    """The slots as a view of their memory, where they lie evenly in it; else None.

    >>> view_of("varying", np.array([[4, 6], [7, 9]]))
    View(memory='varying', start=4, shape=(2, 2), strides=(3, 2))
    """
    strides = []
    for axis, length in enumerate(slots.shape):
        along = slots.swapaxes(0, axis)
        steps = along[1:] - along[:-1]
        strides.append(steps.item(0) if length > 1 else 0)
        if length > 1 and not (steps == strides[-1]).all():
            return None
    return View(memory, slots.item(0), slots.shape, tuple(strides))


def some(flags: NDArray[np.bool_], slots: int | list[int] | NDArray[np.int64]) -> bool:
    if isinstance(slots, int):
        return flags.item(slots)
    return any(map(flags.item, slots)) if isinstance(slots, list) else bool(flags[slots].any())


def equal(a: int | NDArray[np.int64], b: int | NDArray[np.int64]) -> bool:
    """Whether two slots, or two arrays of them, are the same."""
    if isinstance(a, int) or isinstance(b, int):
        return isinstance(a, int) and isinstance(b, int) and a == b
    return np.array_equal(a, b)

"""Instructions followed with arrays that have no numbers yet: how JAX and ONNX get a program."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.compiler.ir import Code, Indexes, Instruction, Map, MatMul, Scatter, Take, Total, View

_UNWRITTEN = 2**62  # no list has that index


class Rows:
    """Which row of which array has the number of each slot now.

    The last axis of an array is that of the examples. A subclass says how rows of its arrays are *taken*, arrays are
    *joined*, *spread* into the shape of a view, *mapped* by a function and multiplied (*product*), and how terms are
    *added* to rows, as gradients need. The arrays have ``reshape`` and ``sum`` themselves.
    """

    taken: Callable[[Any, Indexes], Any]
    joined: Callable[[list[Any]], Any]
    spread: Callable[[Any, View], Any]
    mapped: Callable[[Any, list[Any]], Any]
    product: Callable[[MatMul], Any]
    added: Callable[[Any, Indexes, Any], Any]

    def __init__(self, code: Code) -> None:
        self.arrays: list[Any] = []
        self._where = {name: np.full((2, size), _UNWRITTEN) for name, size in code.n_slots.items()}

    def put(self, memory: str, slots: Indexes, array: Any) -> None:
        """Let the rows of an array be the numbers of these slots."""
        self._where[memory][:, slots] = np.full(len(slots), len(self.arrays)), np.arange(len(slots))
        self.arrays.append(array)

    def get(self, memory: str, slots: Indexes) -> Any:
        """The numbers of these slots, a row each."""
        which, rows = self._where[memory][:, slots]
        parts = [self.taken(self.arrays[each], rows[which == each]) for each in np.unique(which).tolist()]
        return self.taken(self.joined(parts), np.argsort(np.argsort(which, kind="stable")))

    def read(self, view: View | float) -> Any:
        return self.get(view.memory, view.slots.ravel()).reshape(*view.shape, -1) if isinstance(view, View) else view

    def follow(self, instructions: Sequence[Instruction]) -> None:
        for each in instructions:
            memory, slots = each.out.memory, each.out.slots.ravel()
            match each:
                case Map(function=function, operands=operands):
                    made = self.mapped(function, [self.read(operand) for operand in operands])
                case Total(operand=operand, over_examples=over_examples):
                    terms = self.read(operand)
                    made = terms.sum(-1, keepdims=True) if over_examples else terms.sum(-2)
                case MatMul():
                    made = self.product(each)
                case Take():
                    self.put(memory, slots, self.get(each.memory, each.slots))
                    continue
                case Scatter():
                    slots, places = np.unique(each.slots, return_inverse=True)
                    terms = self.read(each.source).reshape(len(places), -1)
                    self.put(each.memory, slots, self.added(self.get(each.memory, slots), places, terms))
                    continue
            self.put(memory, slots, self.spread(made, each.out).reshape(len(slots), -1))

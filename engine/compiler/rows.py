"""Instructions followed with arrays that have no numbers yet: how JAX and ONNX get a program."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.compiler.ir import Code, Indexes, Instruction, Map, MatMul, Scatter, Take, Total, View
from engine.compiler.vectorize import INPUTS, UNIFORM

_UNWRITTEN = 2**62  # no list has that index


class Rows:
    """Which row of which array has the number of each slot now.

    The last axis of an array is that of the examples. A subclass has the functions below for its kind of arrays, which
    have ``reshape`` and ``sum`` themselves.
    """

    taken: Callable[[Any, Indexes], Any]
    """Some rows of an array."""
    joined: Callable[[list[Any]], Any]
    """Arrays one after the other."""
    spread: Callable[[Any, View], Any]
    """An array in the shape of a view."""
    mapped: Callable[[Any, list[Any]], Any]
    """A function of arrays, number by number."""
    product: Callable[[MatMul], Any]
    """The product of matrices that an instruction asks for."""
    added: Callable[[Any, Indexes, Any], Any]
    """An array with terms added to some of its rows; only gradients need it."""

    def __init__(self, code: Code, uniform: Any, inputs: Any) -> None:
        """Start with arrays of the parameters and constants, and of the inputs."""
        self.arrays: list[Any] = []
        self.inputs = inputs
        self._where = {name: np.full((2, size), _UNWRITTEN) for name, size in code.n_slots.items()}
        self.put(UNIFORM, np.arange(uniform.shape[0]), uniform)
        self.put(INPUTS, np.arange(inputs.shape[0]), inputs)

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
        """Carry out these instructions, in their order."""
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

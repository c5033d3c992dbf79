"""Plans as models of ONNX: each number is a row of the tensor that wrote its slot last, with a column an example."""

from collections.abc import Sequence
from itertools import groupby
from math import prod
from typing import Any

import numpy as np

from engine.compiler.backends.numpy_kernels import kernel
from engine.compiler.ir import Code, Floats, Function, Indexes, Map, MatMul, Take, Total, View
from engine.compiler.memory_layout import Placed
from engine.compiler.onnx_graph import Graph, Operand, Tensor, joined, over_examples
from engine.compiler.onnx_kernels import applied
from engine.compiler.plan import code_for
from engine.compiler.vectorize import INPUTS, UNIFORM
from engine.onnx_models import checked_model
from engine.validation import plain_label

_UNWRITTEN = 2**62  # no list has that index


def onnx_model(placed: Placed, uniform: Floats, labels: Sequence[str], comment: str = "") -> Any:
    """The ``onnx.ModelProto`` of a graph: X ``(n, n_inputs)`` to Y ``(n, n_outputs)``, of the dtype of *uniform*.

    These are the parameters and constants, ``(n,)``; *labels* are names of the inputs for readers. Raises a ValueError
    for an operation that ONNX has nothing for, and a ModuleNotFoundError without the package onnx.
    """
    code = code_for(placed)
    rows = _Rows(code, placed.record.n_inputs, uniform)
    rows.carry_out(code)
    graph = rows.graph
    sizes = placed.record.n_inputs, len(code.outputs)
    names = "\n".join(f"X[:, {i}]: {plain_label(label, 200)}" for i, label in enumerate(labels) if label)
    words = "\n".join(plain_label(line, 200) for line in comment.splitlines())
    return checked_model("program", graph.nodes, sizes, graph.tensors(), uniform.dtype, inputs=names, comment=words)


class _Rows:
    """Which row of which tensor has the number of each slot now."""

    def __init__(self, code: Code, n_inputs: int, uniform: Floats) -> None:
        self.graph, self._dtype = Graph(), uniform.dtype
        self._tensors: list[Tensor] = []
        self._where = {name: np.full((2, size), _UNWRITTEN) for name, size in code.n_slots.items()}
        columns = Tensor(self.graph, "X", (n_inputs,), uniform.dtype, wide=True).made("Transpose", perm=[1, 0])
        self._put(UNIFORM, np.arange(len(uniform)), self.graph.constant(uniform))
        self._put(INPUTS, np.arange(n_inputs), columns)

    def carry_out(self, code: Code) -> None:
        """Follow the instructions, and let Y be the outputs."""
        for instruction in code.forward:
            if isinstance(instruction, Map):
                operands = [self._read(each) if isinstance(each, View) else each for each in instruction.operands]
                self._write(instruction.out, self._mapped(instruction.function, operands))
            elif isinstance(instruction, Total):
                self._write(instruction.out, self._read(instruction.operand).total())
            elif isinstance(instruction, MatMul):
                self._write(instruction.out, self._product(instruction.left, instruction.right))
            else:
                assert isinstance(instruction, Take)
                taken = self._get(instruction.memory, instruction.slots)
                self._write(instruction.out, taken.reshaped(instruction.out.shape))
        runs = groupby(code.outputs, key=lambda output: output[0])
        outputs = [self._get(memory, np.array([slot for _, slot in run])) for memory, run in runs]
        self.graph.add("Transpose", over_examples(joined(outputs)).name, out="Y", perm=[1, 0])

    def _put(self, memory: str, slots: Indexes, tensor: Tensor) -> None:
        """Let the rows of a tensor be the numbers of these slots."""
        self._where[memory][:, slots] = np.full(len(slots), len(self._tensors)), np.arange(len(slots))
        self._tensors.append(tensor)

    def _get(self, memory: str, slots: Indexes) -> Tensor:
        """The numbers of these slots, in their shape."""
        which, rows = self._where[memory][:, slots]
        parts, places, before = [], rows.copy(), 0
        for each in np.unique(which).tolist():
            chosen, part = which == each, self._tensors[each]
            if part.numbers is not None:
                needed, places[chosen] = np.unique(rows[chosen], return_inverse=True)
                part = part.taken(needed)
            places[chosen] += before
            before += part.shape[0]
            parts.append(part)
        return joined(parts).taken(places.ravel()).reshaped(slots.shape)

    def _read(self, view: View) -> Tensor:
        return self._get(view.memory, view.slots)

    def _mapped(self, function: Function, operands: Sequence[Operand]) -> Tensor:
        """A function number by number; of constants as programs of numpy compute it."""
        numbers = [each.numbers if isinstance(each, Tensor) else np.array(each) for each in operands]
        arrays = [each.astype(self._dtype) for each in numbers if each is not None]
        if len(arrays) < len(numbers):
            return applied(function, operands)
        found = np.empty(np.broadcast_shapes(*(each.shape for each in arrays)), self._dtype)
        with np.errstate(all="ignore"):
            kernel(function)(*arrays, found)
        return self.graph.constant(found)

    def _product(self, left: View, right: View) -> Tensor:
        """The products ``(m, n)`` of a matrix ``(n, k)`` and each of ``(m, k)`` vectors."""
        weights, (n, _), (m, k) = self._read(left), left.shape, right.shape
        vectors = self._get(right.memory, right.slots.ravel()).reshaped((k,) if m == 1 else (m, k))
        assert weights.numbers is not None
        if vectors.numbers is not None:
            return self.graph.constant(vectors.numbers.reshape(m, k) @ weights.numbers.T)
        matrix = self.graph.array(weights.numbers, weights.dtype)
        shape = (n,) if m == 1 else (m, n)
        return Tensor(self.graph, self.graph.add("MatMul", matrix, vectors.name), shape, weights.dtype, vectors.wide)

    def _write(self, view: View, tensor: Tensor) -> None:
        """Let a tensor be what a view means from now on."""
        spread = tensor.spread(view.shape) if prod(tensor.shape) < view.size else tensor
        self._put(view.memory, view.slots.ravel(), spread.reshaped((view.size,)))

"""Plans as models of ONNX: each number is a row of the tensor that wrote its slot last, with a column an example."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from engine.compiler.backends.numpy_kernels import kernel
from engine.compiler.ir import Code, Floats, Function, MatMul
from engine.compiler.memory_layout import Placed
from engine.compiler.onnx_graph import Graph, Operand, Tensor, joined, over_examples
from engine.compiler.onnx_kernels import applied
from engine.compiler.plan import code_for
from engine.compiler.rows import Rows
from engine.validation import plain_label


def onnx_model(placed: Placed, uniform: Floats, labels: Sequence[str], comment: str = "") -> Any:
    """The ``onnx.ModelProto`` of a graph: X ``(n, n_inputs)`` to Y ``(n, n_outputs)``, of the dtype of *uniform*.

    These are the parameters and constants, ``(n,)``; *labels* are names of the inputs for readers. Raises a ValueError
    for an operation that ONNX has nothing for, and a ModuleNotFoundError without the package onnx.
    """
    code, n_inputs = code_for(placed), placed.record.n_inputs
    rows = _Tensors(code, n_inputs, uniform)
    rows.follow(code.forward)
    runs = groupby(code.outputs, key=lambda output: output[0])
    outputs = joined([rows.get(memory, np.array([slot for _, slot in run])) for memory, run in runs])
    graph = rows.graph
    graph.add("Transpose", over_examples(outputs).name, out="Y", perm=[1, 0])
    sizes = n_inputs, len(code.outputs)
    names = "\n".join(f"X[:, {i}]: {plain_label(label, 200)}" for i, label in enumerate(labels) if label)
    words = "\n".join(plain_label(line, 200) for line in comment.splitlines())
    return graph.model("program", sizes, uniform.dtype, inputs=names, comment=words)


class _Tensors(Rows):
    """Tensors of a graph."""

    joined, spread, taken = staticmethod(joined), staticmethod(Tensor.spread), staticmethod(Tensor.taken)

    def __init__(self, code: Code, n_inputs: int, uniform: Floats) -> None:
        self.graph = Graph()
        columns = Tensor(self.graph, "X", (n_inputs,), uniform.dtype, wide=True).made("Transpose", perm=[1, 0])
        super().__init__(code, self.graph.constant(uniform), columns)

    def mapped(self, function: Function, operands: Sequence[Operand]) -> Tensor:
        """A function number by number; of constants as programs of numpy compute it."""
        numbers = [each.numbers if isinstance(each, Tensor) else np.array(each) for each in operands]
        arrays = [each.astype(self.inputs.dtype) for each in numbers if each is not None]
        if len(arrays) < len(numbers):
            return applied(function, operands)
        found = np.empty(np.broadcast_shapes(*(each.shape for each in arrays)), self.inputs.dtype)
        with np.errstate(all="ignore"):
            kernel(function)(*arrays, found)
        return self.graph.constant(found)

    def product(self, each: MatMul) -> Tensor:
        """The products ``(m, n)`` of a matrix ``(n, k)`` and each of ``(m, k)`` vectors."""
        weights, (n, k), m = self.read(each.left), each.left.shape, each.right.shape[0]
        vectors = self.get(each.right.memory, each.right.slots.ravel())
        if vectors.numbers is not None:
            return self.graph.constant(vectors.numbers.reshape(m, k) @ weights.numbers.T)
        matrix = self.graph.array(weights.numbers, weights.dtype)
        vectors, shape = (vectors, (n,)) if m == 1 else (vectors.reshape(m, k, -1), (m, n))
        return Tensor(self.graph, self.graph.add("MatMul", matrix, vectors.name), shape, weights.dtype, vectors.wide)

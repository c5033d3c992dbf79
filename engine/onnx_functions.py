"""Functions of the engine as functions in ONNX models, made of the same operators as in programs."""

from typing import Any

import numpy as np

from engine.compiler.onnx_graph import Graph, Tensor
from engine.compiler.onnx_kernels import applied
from engine.onnx_models import OPSET, OWN, package


def onnx_function(name: str, *constants: float) -> Any:
    """An ``onnx.FunctionProto`` in float64 of one tensor: the engine's function *name*, with constants after that."""
    helper, graph = package().helper, Graph()
    made = applied(name, [Tensor(graph, "x", (), np.dtype("float64"), wide=True), *constants])
    numbers = [helper.make_node("Constant", [], [each.name], value=each) for each in graph.tensors()]
    nodes, opset = [*numbers, *graph.nodes], helper.make_opsetid("", OPSET)
    return helper.make_function(OWN, name, ["x"], [made.name], nodes, [opset])

"""The package onnx, and models made with it; without numpy, as model files need it too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.optional_packages import optional_package

_OPSET, _IR_VERSION = 20, 9  # the first with Gelu, and the version of the format that came with it


def package() -> Any:
    """The package onnx.

    Raises:
        ModuleNotFoundError: it is missing, or broken.
    """
    return optional_package("onnx", "an .onnx file")


def checked_model(
    name: str,
    nodes: Sequence[Any],
    ends: tuple[Any, Any],
    tensors: Sequence[Any],
    metadata: dict[str, str],
    **more: Any,
) -> Any:
    """An ``onnx.ModelProto`` that onnx finds right.

    Args:
        name: the graph's name.
        nodes: in topological order.
        ends: what goes in, and what comes out.
        tensors: the numbers in the file.
        metadata: texts in the file, by name.
        more: other fields of the model, such as ``doc_string``.
    """
    onnx = package()
    graph = onnx.helper.make_graph(nodes, name, list(ends[:1]), list(ends[1:]), tensors)
    opset = onnx.helper.make_opsetid("", _OPSET)
    own = {"opset_imports": [opset], "ir_version": _IR_VERSION, "producer_name": "gradstep"}
    model = onnx.helper.make_model(graph, **own, **more)
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model

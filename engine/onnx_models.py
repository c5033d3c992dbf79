"""The package onnx, and models made with it; without numpy, as model files need it too."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.optional_packages import optional_package

OPSET, _IR_VERSION = 20, 9  # the first with Gelu, and the version of the format that came with it
OWN = "gradstep"
"""The domain of functions of this library."""


def package() -> Any:
    return optional_package("onnx", "an .onnx file")


def checked_model(
    name: str,
    nodes: Sequence[Any],
    sizes: tuple[int, int],
    tensors: Sequence[Any],
    dtype: Any,
    *,
    inputs: str = "",
    functions: Sequence[Any] = (),
    metadata: Mapping[str, str] | None = None,
    comment: str = "",
) -> Any:
    """An ``onnx.ModelProto`` from X ``(n, n_inputs)`` to Y ``(n, n_outputs)`` that onnx's checker accepts.

    These are the *sizes*, and *dtype* is that of both. *tensors* are the numbers in the file; *functions* those that
    nodes of the domain ``OWN`` call; *inputs* and *comment* say to readers what X and the model are.
    """
    helper = package().helper
    kind = helper.np_dtype_to_tensor_dtype(dtype)
    given = helper.make_tensor_value_info("X", kind, ["n", sizes[0]], inputs)
    made = helper.make_tensor_value_info("Y", kind, ["n", sizes[1]])
    domains = {"": OPSET} | ({OWN: 1} if functions else {})
    model = helper.make_model(
        helper.make_graph(nodes, name, [given], [made], tensors),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in domains.items()],
        functions=functions,
        ir_version=_IR_VERSION,
        producer_name="gradstep",
        doc_string=comment,
    )
    helper.set_model_props(model, metadata or {})
    package().checker.check_model(model, full_check=True)
    return model

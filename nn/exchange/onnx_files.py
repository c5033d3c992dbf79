"""ONNX files: a network as Gemm and activations, written for other tools; and read, as data, from any tool."""

import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from engine.onnx_models import DOMAIN, package
from nn.configuration import restore
from nn.exchange.network import KEY, Linear, Noise, Step, content_of, numbers_in, steps_of, sums_in, tensors_of
from nn.lazy_numpy import np
from nn.model_files import check_size, parse_model
from nn.validation import plain_label, shortened

_OPSETS = range(7, 29)  # between these the operators below kept their meaning
_TYPES = {"relu": "Relu", "leaky_relu": "PRelu", "gelu": "Gelu", "softplus": "Softplus", "tanh": "Tanh"}
_TYPES |= {"sigmoid": "Sigmoid", "sin": "Sin", "softmax": "Softmax"}
_NAMES = {operator: name for name, operator in _TYPES.items()} | {"LeakyRelu": "leaky_relu"}
_SLOPE = 0.01
_MADE: dict[str, tuple[float, ...]] = {"gelu": (), "leaky_relu": (_SLOPE,), "sigmoid": (), "softplus": ()}
"""Functions of this library, with their constants: onnxruntime has no operator for them that is exact in float64."""
_ATTRIBUTES: dict[str, dict[str, tuple[Any, ...]]] = {
    "Gemm": {"alpha": (1.0,), "beta": (1.0,), "transA": (0,), "transB": (0, 1)},
    "Gelu": {"approximate": (b"none",)},
    "LeakyRelu": {"alpha": (0.009999999776482582,)},  # 0.01 in float32, the only type of attributes
    "Softmax": {"axis": (-1, 1)},
}
"""The attributes that a node may have, with the values that mean what this library computes."""
_TENSORS = {"Gemm": (1, 2), "MatMul": (1,), "Add": (1,), "PRelu": (1,)}  # how many tensors a node takes
_KNOWN = dict.fromkeys((*_TENSORS, *_NAMES))
_DOMAINS = ("", "ai.onnx")
_OWN = {(DOMAIN, name) for name in _MADE}
_KINDS = {1: ("<f4", "float_data"), 11: ("<f8", "double_data")}  # by TensorProto.DataType


def to_bytes(steps: Sequence[Step], text: str, dtype: str = "float64") -> bytes:
    """The file of a network that takes X ``(n, n_inputs)`` and gives Y ``(n, n_outputs)``."""
    from engine.compiler.onnx_graph import Graph
    from engine.compiler.onnx_kernels import onnx_function

    if not (sums := sums_in(steps)):
        raise ValueError("a model must have a Layer to be written as ONNX, got none")
    run, graph, given = [step for step in steps if not isinstance(step, Noise)], Graph(), "X"
    graph.numbers |= tensors_of(run, dtype) | {"slope": np.array([_SLOPE], dtype)}
    for index, step in enumerate(run):
        made = f"Z{index + 1}" if index + 1 < len(run) else "Y"
        if isinstance(step, Linear):
            graph.add("Gemm", given, f"{index}.weight", f"{index}.bias", out=made, transB=1)
        elif step in _MADE and dtype == "float64":
            graph.add(step, given, out=made, domain=DOMAIN)
        else:
            graph.add(_TYPES[step], given, *(["slope"] if step == "leaky_relu" else []), out=made)
        given = made
    own = dict.fromkeys(node.op_type for node in graph.nodes if node.domain == DOMAIN)
    functions = [onnx_function(name, *_MADE[name]) for name in own]
    sizes = sums[0].weight.shape[1], len(sums[-1].bias)
    model = graph.model("network", sizes, dtype, functions=functions, metadata={KEY: text})
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def load(path: str | PathLike[str], kind: type[Any]) -> Any:
    """The model of this kind in an ONNX file: that of this library's text in it, or else of the network alone."""
    onnx = package()
    check_size(path)
    data = Path(path).read_bytes()
    try:
        model = onnx.ModelProto.FromString(data)  # opens no other file, as onnx.load does
        _ = model.opset_import[0]  # an empty file has none
    except Exception:  # google.protobuf's own DecodeError, which has several homes
        raise ValueError("not a whole ONNX file") from None
    version = max((opset.version for opset in model.opset_import if opset.domain in _DOMAINS), default=0)
    if version not in _OPSETS:
        raise ValueError(f"the opset must be {_OPSETS[0]} to {_OPSETS[-1]}, got {version}; export it again")
    if any((function.domain, function.name) not in _OWN for function in model.functions):
        raise ValueError(f"the file must have no functions but those of {DOMAIN}, which may change what a node means")
    steps = _steps_in(model.graph)
    texts = [str(entry.value) for entry in model.metadata_props if entry.key == KEY]  # no UTF-8 comes as bytes
    if not texts:
        return restore(kind, content_of(steps, kind.__name__))
    content = parse_model(path, texts[0].encode(), kind.__name__)
    described = restore(kind, content | {"parameters": numbers_in(sums_in(steps))})
    own = [_outline(step) for step in steps_of(described) if not isinstance(step, Noise)]
    if own != [*map(_outline, steps)]:
        raise ValueError("the network must be the one that the text in the file describes, got another")
    return described


def _outline(step: Step) -> Any:
    return step.weight.shape if isinstance(step, Linear) else step


def _steps_in(graph: Any) -> list[Step]:
    """The steps of a graph whose nodes each take the result of the one before."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [each for each in graph.input if each.name not in tensors]
    if len(tensors) != len(graph.initializer):
        raise ValueError("each tensor must have a name that no other one has")
    if len(inputs) != 1 or len(graph.output) != 1:
        raise ValueError(f"the graph must have one input and one output, got {len(inputs)} and {len(graph.output)}")
    given = inputs[0].type.tensor_type
    if given.elem_type not in _KINDS:
        raise ValueError(f"the input must be float32 or float64, got ONNX's type {given.elem_type}")
    steps: list[Step] = []
    last, before, taken = inputs[0].name, "", {inputs[0].name, *tensors}
    for index, node in enumerate(graph.node):
        try:
            arrays = [_array(tensors[name], given.elem_type) for name in _tensors_of(node, last, taken, tensors)]
            if node.op_type == "Add":
                if before != "MatMul":
                    raise ValueError("the node before must be a MatMul")
                (product,) = sums_in([steps.pop()])
                steps.append(Linear(product.weight, _bias(arrays[0], len(product.bias))))
            else:
                steps.append(_step(node, arrays, given.elem_type))
        except ValueError as error:
            label = plain_label(f"{node.op_type} {node.name}".strip(), 80)
            raise ValueError(f"node {index} ({label}): {error}") from None
        last, before = node.output[0], node.op_type
        taken.add(last)
    if last != graph.output[0].name or not sums_in(steps):
        raise ValueError("the graph must have a Gemm or MatMul, and end with the result of its last node")
    sizes, n_inputs = [size.dim_value for size in given.shape.dim], sums_in(steps)[0].weight.shape[1]
    if sizes and (len(sizes) != 2 or sizes[1] not in (0, n_inputs)):
        raise ValueError(f"the input must have the shape (n, {n_inputs}) of the weights, got {shortened(sizes)}")
    return steps


def _tensors_of(node: Any, last: str, taken: set[str], tensors: dict[str, Any]) -> list[str]:
    """The names of the tensors that a node takes besides the result of the node before."""
    if not (node.op_type in _KNOWN and node.domain in _DOMAINS) and (node.domain, node.op_type) not in _OWN:
        raise ValueError(f"the type must be one of {', '.join(_KNOWN)}")
    names = [name for name in node.input if name]
    if last not in names or (names[0] != last and node.op_type != "Add"):
        raise ValueError("it must take the result of the node before, with tensors of the file after it")
    names.remove(last)
    if len(names) not in _TENSORS.get(node.op_type, (0,)) or not all(name in tensors for name in names):
        raise ValueError(f"its other inputs must be tensors of the file, got {shortened(names)}")
    if len(node.output) != 1 or node.output[0] in taken:
        raise ValueError("it must have one result with a name that no other one has")
    allowed = dict(_ATTRIBUTES.get(node.op_type, {}))
    for attribute in node.attribute:
        value = {1: attribute.f, 2: attribute.i, 3: attribute.s}.get(attribute.type)
        if value not in allowed.pop(attribute.name, ()) or attribute.ref_attr_name:  # pop: each name once
            raise ValueError(f"the attribute {plain_label(str(attribute.name), 40)} cannot be {shortened(value)} here")
    return names


def _step(node: Any, arrays: list[Any], kind: int) -> Step:
    if node.op_type in ("Gemm", "MatMul"):
        weights, bias = [*arrays, np.zeros(1)][:2]
        if weights.ndim != 2:
            raise ValueError(f"weights must have two dimensions, got {weights.ndim}")
        transposed = any(each.name == "transB" and each.i for each in node.attribute)
        weights = weights if transposed else weights.T
        return Linear(weights, _bias(bias, len(weights)))
    if node.op_type == "PRelu" and (arrays[0].size != 1 or arrays[0].max() != arrays[0].dtype.type(_SLOPE)):
        raise ValueError(f"the slope must be {_SLOPE}, that of leaky_relu, got {shortened(arrays[0].ravel().tolist())}")
    if node.op_type == "LeakyRelu" and _KINDS[kind][0] != "<f4":
        raise ValueError(f"its slope is {_SLOPE} rounded to float32; in a file of float64 use PRelu")
    return _NAMES.get(node.op_type, str(node.op_type))  # those of this library have its names


def _bias(array: Any, size: int) -> Any:
    """A bias for each output; one serves all."""
    if array.size not in (1, size) or array.size != max(array.shape[-1:], default=1):
        raise ValueError(f"a bias must have the shape ({size},), got {array.shape}")
    return np.broadcast_to(array.ravel(), size)


def _array(tensor: Any, kind: int) -> Any:
    """The numbers of a tensor, whose shape must be that of the data in the file."""
    dtype, dims, label = np.dtype(_KINDS[kind][0]), tuple(tensor.dims), plain_label(str(tensor.name), 40)
    if tensor.data_location or tensor.external_data:
        raise ValueError(f"the tensor {label} must be in the file, got one in another file; save it as one file")
    if tensor.data_type != kind:
        raise ValueError(f"the tensor {label} must be {dtype.name} as the input, got ONNX's type {tensor.data_type}")
    typed = getattr(tensor, _KINDS[kind][1])
    n_numbers = len(typed) + len(tensor.raw_data) / dtype.itemsize
    if len(dims) > 2 or min(dims, default=1) < 1 or math.prod(dims) != n_numbers:
        raise ValueError(f"the tensor {label} of shape {shortened(dims)} must have its numbers, got {n_numbers:,.6g}")
    array = np.array(typed, dtype) if typed else np.frombuffer(tensor.raw_data, dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"the tensor {label} must have finite numbers, got NaN or infinity")
    return array.reshape(dims)

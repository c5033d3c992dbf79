"""ONNX files: a network as Gemm and activations, written for other tools; and read, as data, from any tool."""

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from engine.onnx_models import DOMAIN, package
from nn.configuration import restore
from nn.exchange.network import KEY, Linear, Noise, Step, content_of, linear, numbers_in, steps_of, sums_in, tensors_of
from nn.lazy_numpy import np
from nn.model_files import check_size, parse_model
from nn.validation import plain_label, shortened

_OPSETS = range(7, 29)  # between these the operators below kept their meaning
_TYPES = {"relu": "Relu", "leaky_relu": "PRelu", "gelu": "Gelu", "softplus": "Softplus", "tanh": "Tanh"}
_TYPES |= {"sigmoid": "Sigmoid", "sin": "Sin", "softmax": "Softmax"}
_FLOATS = "ONNX's type 1", "ONNX's type 11"  # float32, float64
_SLOPE = 0.01
_OWN: dict[str, tuple[float, ...]] = {"gelu": (), "leaky_relu": (_SLOPE,), "sigmoid": (), "softplus": ()}
"""Functions of this library, with their constants: onnxruntime has no operator for them that is exact in float64."""
_KNOWN = {"Gemm": "", "MatMul": "", "Add": "", **{of: name for name, of in _TYPES.items()}, "LeakyRelu": "leaky_relu"}
_NAMES = {("", operator): name for operator, name in _KNOWN.items()} | {(DOMAIN, name): name for name in _OWN}
_MEANT: dict[tuple[str, str], tuple[Any, ...]] = {
    **{("Gemm", "alpha"): (1.0,), ("Gemm", "beta"): (1.0,), ("Gemm", "transA"): (0,), ("Gemm", "transB"): (0, 1)},
    ("Gelu", "approximate"): (b"none",),
    ("LeakyRelu", "alpha"): (0.009999999776482582,),  # 0.01 in float32, the only type of attributes
    ("Softmax", "axis"): (-1, 1),
}
"""The attributes that a node may have, with the values that mean what this library computes."""


def to_bytes(steps: Sequence[Step], text: str, dtype: str = "float64") -> bytes:
    """The file of a network that takes X ``(n, n_inputs)`` and gives Y ``(n, n_outputs)``."""
    from engine.compiler.onnx_graph import Graph

    if not (sums := sums_in(steps)):
        raise ValueError("a model must have a Layer to be written as ONNX, got none")
    run, graph, given = [step for step in steps if not isinstance(step, Noise)], Graph(), "X"
    graph.numbers |= tensors_of(run, dtype) | {"slope": np.array([_SLOPE], dtype)}
    for index, step in enumerate(run):
        made = f"Z{index + 1}" if index + 1 < len(run) else "Y"
        if isinstance(step, Linear):
            graph.add("Gemm", given, f"{index}.weight", f"{index}.bias", out=made, transB=1)
        elif step in _OWN and dtype == "float64":
            graph.add(step, given, out=made, domain=DOMAIN)
        else:
            graph.add(_TYPES[step], given, *(["slope"] if step == "leaky_relu" else []), out=made)
        given = made
    own = dict.fromkeys(node.op_type for node in graph.nodes if node.domain == DOMAIN)
    sizes = sums[0].weight.shape[1], len(sums[-1].bias)
    model = graph.model("network", sizes, dtype, functions=_own_functions(own), metadata={KEY: text})
    return bytes(model.SerializeToString(deterministic=True))


def _own_functions(names: Iterable[str]) -> list[Any]:
    from engine.compiler.onnx_kernels import onnx_function

    return [onnx_function(name, *_OWN[name]) for name in names]


def load(path: str | PathLike[str], kind: type[Any]) -> Any:
    """The model of this kind in an ONNX file: that of this library's text in it, or else of the network alone."""
    model, tensors = _checked(path)
    steps = _steps_in(model.graph, tensors)
    texts = [str(entry.value) for entry in model.metadata_props if entry.key == KEY]  # no UTF-8 comes as bytes
    if not texts:
        return restore(kind, content_of(steps, kind.__name__))
    content = parse_model(path, texts[0].encode(), kind.__name__)
    described = restore(kind, content | {"parameters": numbers_in(steps)})
    own = [step for step in steps_of(described) if not isinstance(step, Noise)]
    mine, found = ([step.weight.shape if isinstance(step, Linear) else step for step in each] for each in (own, steps))
    if mine != found:
        raise ValueError("the network must be the one that the text in the file describes, got another")
    return described


def _checked(path: str | PathLike[str]) -> tuple[Any, dict[str, Any]]:
    """The model in a file, which the package onnx finds sound, and its tensors, whose numbers are in the file."""
    onnx = package()
    check_size(path)
    data = Path(path).read_bytes()
    try:
        model = onnx.ModelProto.FromString(data)  # opens no other file, as onnx.load does
        _ = model.opset_import[0]  # an empty file has none
    except Exception:  # google.protobuf's own DecodeError, which has several homes
        raise ValueError("not a whole ONNX file") from None
    version = max((opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")), default=0)
    if version not in _OPSETS:
        raise ValueError(f"the opset must be {_OPSETS[0]} to {_OPSETS[-1]}, got {version}; export it again")
    own = _own_functions(_OWN if model.functions else [])
    for function in model.functions:
        if function not in own:
            label = plain_label(f"{function.domain}.{function.name}", 40)
            raise ValueError(f"the file must have no functions but those that {DOMAIN} writes, got another {label}")
    for tensor in model.graph.initializer:
        kind = "a path" if tensor.data_location or tensor.external_data else f"ONNX's type {tensor.data_type}"
        if kind not in _FLOATS or min(tensor.dims, default=1) < 1:
            label, must = plain_label(str(tensor.name), 40), "be in the file, in float32 or float64"
            raise ValueError(f"the tensor {label} must {must}, got {kind} in the shape {shortened([*tensor.dims])}")
    try:
        onnx.checker.check_model(model, full_check=True)
        return model, {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    except Exception as error:  # there are several kinds
        raise ValueError(f"not a sound ONNX file ({plain_label(str(error), 200)})") from None


def _steps_in(graph: Any, tensors: dict[str, Any]) -> list[Step]:
    """The steps of a graph whose nodes each take the result of the one before."""
    inputs = [each for each in graph.input if each.name not in tensors]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise ValueError(f"the graph must have one input and one output, got {len(inputs)} and {len(graph.output)}")
    steps: list[Step] = []
    last, before = inputs[0].name, ""
    for index, node in enumerate(graph.node):
        try:
            _append(steps, node, last, before, tensors)
        except ValueError as error:
            label = plain_label(f"{node.op_type} {node.name}".strip(), 80)
            raise ValueError(f"node {index} ({label}): {plain_label(str(error), 200)}") from None
        last, before = node.output[0], node.op_type
    if last != graph.output[0].name or not sums_in(steps):
        raise ValueError("the graph must have a Gemm or MatMul, and end with the result of its last node")
    shape, n_inputs = inputs[0].type.tensor_type.shape, sums_in(steps)[0].weight.shape[1]
    sizes = [size.dim_value for size in shape.dim]
    if sizes and (len(sizes) != 2 or sizes[1] not in (0, n_inputs)):
        raise ValueError(f"the input must have the shape (n, {n_inputs}) of the weights, got {shortened(sizes)}")
    return steps


def _append(steps: list[Step], node: Any, last: str, before: str, tensors: dict[str, Any]) -> None:
    """Add what a node computes of the result *last* of the node *before*."""
    if (kind := (node.domain.removeprefix("ai.onnx"), node.op_type)) not in _NAMES:
        raise ValueError(f"the type must be one of {', '.join(_KNOWN)}")
    names = [name for name in node.input if name]
    if node.op_type == "Add":
        names.sort(key=lambda name: name != last)
    if names[:1] != [last] or not tensors.keys() >= {*names[1:]}:
        must = "take the result of the node before, and then tensors of the file"
        raise ValueError(f"it must {must}, got {shortened(names)}")
    if len(node.output) != 1:
        raise ValueError(f"it must have one result, got {shortened([*node.output])}")
    for each in node.attribute:
        value = package().helper.get_attribute_value(each)
        if value not in _MEANT.get((node.op_type, each.name), ()):
            raise ValueError(f"the attribute {plain_label(str(each.name), 40)} cannot be {shortened(value)} here")
    match node.op_type, [tensors[name] for name in names[1:]]:
        case "Gemm" | "MatMul", [weights, *rest] if weights.ndim == 2:
            is_transposed = any(each.name == "transB" and each.i for each in node.attribute)
            steps.append(linear(weights if is_transposed else weights.T, rest[0] if rest else 0.0))
        case "Add", [bias] if before == "MatMul":
            steps[-1] = linear(sums_in(steps)[-1].weight, bias)
        case "PRelu", [slope] if slope.shape in ((), (1,), (1, 1)) and slope == slope.dtype.type(_SLOPE):
            steps.append("leaky_relu")
        case operator, [] if operator != "LeakyRelu" or all(each.itemsize == 4 for each in tensors.values()):
            steps.append(_NAMES[kind])
        case _:
            must = f"weights must be a matrix, an Add follow a MatMul, and a slope be {_SLOPE}, in float64 by PRelu"
            raise ValueError(f"{must}, got {shortened(names[1:])}")

"""A graph of ONNX's operators that grows as tensors do arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.compiler.ir import Floats, Indexes, View
from engine.onnx_models import DOMAIN, OPSET, package

_IR_VERSION = 9  # of the format that came with OPSET


class Graph:
    """Nodes in topological order, and the numbers in the file, by their names."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.numbers: dict[str, NDArray[Any]] = {}
        self._known: dict[tuple[Any, ...], str] = {}
        self._make = package().helper.make_node

    def add(self, operator: str, *operands: str, out: str = "", **attributes: Any) -> str:
        """One more node; the name of its result."""
        name = out or f"T{len(self.nodes)}"
        self.nodes.append(self._make(operator, operands, [name], f"{operator}_{len(self.nodes)}", **attributes))
        return name

    def array(self, numbers: Any, kind: Any = np.int64) -> str:
        """The name of these numbers, which the file has once."""
        array = np.asarray(numbers, kind)
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._known:
            self._known[key] = name = f"N{len(self.numbers)}"
            self.numbers[name] = array
        return self._known[key]

    def tensors(self) -> list[Any]:
        """Those numbers that some node takes, as ONNX has them."""
        used = {name for node in self.nodes for name in node.input}
        return [package().numpy_helper.from_array(each, name) for name, each in self.numbers.items() if name in used]

    def model(
        self,
        name: str,
        sizes: tuple[int, int],
        dtype: Any,
        *,
        inputs: str = "",
        functions: Sequence[Any] = (),
        metadata: Mapping[str, str] | None = None,
        comment: str = "",
    ) -> Any:
        """An ``onnx.ModelProto`` from X ``(n, n_inputs)`` to Y ``(n, n_outputs)`` that onnx's checker accepts.

        These are the *sizes*, and *dtype* is that of both. *functions* are those of ``DOMAIN`` that nodes call;
        *inputs* and *comment* say to readers what X and the model are.
        """
        helper = package().helper
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        given = helper.make_tensor_value_info("X", kind, ["n", sizes[0]], inputs)
        made = helper.make_tensor_value_info("Y", kind, ["n", sizes[1]])
        domains = {"": OPSET} | ({DOMAIN: 1} if functions else {})
        model = helper.make_model(
            helper.make_graph(self.nodes, name, [given], [made], self.tensors()),
            opset_imports=[helper.make_opsetid(domain, version) for domain, version in domains.items()],
            functions=functions,
            ir_version=_IR_VERSION,
            producer_name="gradstep",
            doc_string=comment,
        )
        helper.set_model_props(model, metadata or {})
        package().checker.check_model(model, full_check=True)
        return model

    def constant(self, numbers: Floats) -> Tensor:
        """Numbers that are the same for all examples."""
        return Tensor(
            self, self.array(numbers[..., None], numbers.dtype), numbers.shape, numbers.dtype, numbers=numbers
        )


@dataclass(eq=False)
class Tensor(np.lib.mixins.NDArrayOperatorsMixin):
    """Numbers in a graph: its *shape*, and one more axis, of the examples, along which it is 1 long unless *wide*."""

    graph: Graph
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """That of the numbers that are compared, for a condition."""
    wide: bool = False
    numbers: Floats | None = None
    """What it is, if the file has it."""

    def made(self, operator: str, *operands: str, shape: tuple[int, ...] | None = None, **attributes: Any) -> Tensor:
        """What an operator makes of it, and of other operands by their names."""
        name = self.graph.add(operator, self.name, *operands, **attributes)
        return Tensor(self.graph, name, self.shape if shape is None else shape, self.dtype, self.wide)

    def reshape(self, *shape: int) -> Tensor:
        """The same in another shape; the last axis is -1, that of the examples."""
        if self.numbers is not None:
            return self.graph.constant(self.numbers.reshape(shape[:-1]))
        return self if shape[:-1] == self.shape else self.made("Reshape", self.graph.array(shape), shape=shape[:-1])

    def spread(self, view: View) -> Tensor:
        """The same for all numbers of a view that has more."""
        if math.prod(self.shape) == view.size:
            return self
        if self.numbers is not None:
            return self.graph.constant(np.broadcast_to(self.numbers, view.shape))
        return self.made("Expand", self.graph.array([*view.shape, 1]), shape=view.shape)

    def taken(self, rows: Indexes) -> Tensor:
        """These rows of its only axis."""
        if self.numbers is not None:
            return self.graph.constant(self.numbers[rows])
        if np.array_equal(rows, np.arange(*self.shape)):
            return self
        return self.made("Gather", self.graph.array(rows), shape=(len(rows),))

    def sum(self, axis: int) -> Tensor:
        """The sums over the last axis of its shape, which is *axis* -2."""
        if self.numbers is not None:
            return self.graph.constant(np.add.accumulate(self.numbers, -1)[..., -1])
        return self.made("ReduceSum", self.graph.array([axis]), shape=self.shape[:-1], keepdims=0)

    def cast(self, kind: str) -> Tensor:
        dtype = np.dtype(kind)
        if dtype == self.dtype:
            return self
        return replace(self.made("Cast", to=package().helper.np_dtype_to_tensor_dtype(dtype)), dtype=dtype)

    def __array_ufunc__(self, ufunc: Callable[..., Any], _method: str, *operands: Operand, **_: Any) -> Tensor:
        return apply(_OPERATORS[ufunc], *operands)  # another one in place of itself, for the operations in place


Operand: TypeAlias = Tensor | float


def apply(operator: str, *operands: Operand) -> Tensor:
    """An operator number by number; numbers of Python's have the dtype of the tensors."""
    tensors = [each for each in operands if isinstance(each, Tensor)]
    graph, dtype = tensors[0].graph, tensors[-1].dtype
    numbers = [each.numbers if isinstance(each, Tensor) else np.array(each, dtype) for each in operands]
    if operator in _FOLDED and all(each is not None for each in numbers):
        with np.errstate(all="ignore"):
            return replace(graph.constant(_FOLDED[operator](*numbers)), dtype=dtype)
    if dtype == np.float64:  # the optimizer of onnxruntime compares as float32 with 0 or 1, and leaves these out
        for place, each in enumerate(numbers):
            if each is not None and each.size == 1 and _seems_neutral(operator, place, each.item()):
                return _KEPT[operator](operands[1 - place], each.item())
    shape = np.broadcast_shapes(*(each.shape for each in tensors))
    names = [each.name if isinstance(each, Tensor) else graph.array(each, dtype) for each in operands]
    return Tensor(graph, graph.add(operator, *names), shape, dtype, any(each.wide for each in tensors))


_FOLDED: dict[str, Callable[..., Any]] = {
    **{"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Neg": np.negative, "Abs": np.abs},
    **{"Equal": np.equal, "Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater},
    **{"GreaterOrEqual": np.greater_equal, "Not": np.logical_not, "And": np.bitwise_and, "Or": np.bitwise_or},
    **{"Log": np.log, "Where": np.where},
}
"""What is computed here where all operands are constants, so that their numbers are known."""
_OPERATORS = {function: operator for operator, function in _FOLDED.items()}
_NEUTRAL = {("Add", 0): 0.0, ("Add", 1): 0.0, ("Sub", 1): 0.0, ("Mul", 0): 1.0, ("Mul", 1): 1.0, ("Div", 1): 1.0}
_KEPT: dict[str, Callable[[Any, float], Tensor]] = {
    "Add": lambda a, number: apply("Sum", a, number),
    "Sub": lambda a, number: apply("Sum", a, -number),
    "Mul": lambda a, number: (half := apply("Mul", a, 0.5 * number)) + half,
    "Div": lambda a, number: (half := apply("Div", a, 2.0 * number)) + half,
}
"""The same by operations that are not left out."""


def _seems_neutral(operator: str, place: int, number: float) -> bool:
    """Whether a number as that operand changes the result, though in float32 it would not."""
    neutral = _NEUTRAL.get((operator, place), math.nan)
    return number != neutral and abs(number) < 2.0 and float(np.float32(number)) == neutral


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors of one axis, one after the other; with a number for each example where one of them has that."""
    numbers = [each.numbers for each in tensors if each.numbers is not None]
    if len(numbers) == len(tensors):
        return tensors[0].graph.constant(np.concatenate(numbers))
    first, *others = [over_examples(each) for each in tensors] if any(each.wide for each in tensors) else tensors
    if not others:
        return first
    size = sum(each.shape[0] for each in tensors)
    return first.made("Concat", *(each.name for each in others), shape=(size,), axis=0)


def over_examples(tensor: Tensor) -> Tensor:
    """The same with a number for each example of X."""
    if tensor.wide:
        return tensor
    return replace(tensor.made("Expand", tensor.graph.add("Shape", "X", start=0, end=1)), wide=True)

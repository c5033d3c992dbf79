"""Nodes that a user describes, as micrograd's constructor does: operands, and local derivatives or a function.

A node has room for two operands. The third and those after it belong to a hidden node, which is the second operand:
the chain rule needs no case for that, and nothing else sees it. Wheels hold this file compiled.
"""

from collections.abc import Callable, Sequence
from math import isclose, isnan
from types import CellType, FunctionType
from typing import Any, Final

from engine.node import Node, operands_of, parts_of
from engine.operations import PARTIAL, CustomOperation, Operation
from engine.validation import Unchecked, as_float, described

_NO_NAME: Final = CustomOperation("", True)
_LARGE: Final = 2.0**30  # a power of two, which changes no digit of a product


def describe(node: Node, children: list[Unchecked], op: Unchecked, local_grads: Unchecked) -> None:
    """Make a leaf the result of an operation on *children*; the arguments are those of ``Value``."""
    name, given = ("", op) if local_grads is None and not isinstance(op, str) else (op or "", local_grads)
    if not isinstance(name, str):
        raise TypeError(f"op must be a string, got {described(name)}")
    for child in children:
        if not isinstance(child, Node):
            raise TypeError(f"children must be Values, got {described(child)}")
    is_differentiated = given is not None
    derivatives = _derivatives(given, len(children)) if is_differentiated else [0.0] * len(children)
    if children:
        node._operation = CustomOperation(str(name), is_differentiated) if name or not is_differentiated else _NO_NAME
        connect(node, children, derivatives)


def _derivatives(given: Unchecked, count: int) -> list[float]:
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        raise TypeError(f"local_grads must be a tuple of numbers, got {described(given)}")
    derivatives = [as_float(number, "local_grads") for number in given]
    if len(derivatives) != count:
        raise ValueError(f"local_grads must have a number for each child, got {len(derivatives)} for {count}")
    return derivatives


def connect(node: Node, operands: Sequence[Node], derivatives: Sequence[float]) -> None:
    """Give a node operands, and its local derivative with respect to each."""
    last = len(operands) - 1
    for i in range(last - 1):
        node._a = operands[i]
        node._da = derivatives[i]
        hidden = Node(0.0, "")
        hidden._operation = PARTIAL
        node._b = hidden
        node._db = 1.0
        node = hidden
    if last > 0:
        node._a = operands[last - 1]
        node._da = derivatives[last - 1]
        node._b = operands[last]
        node._db = derivatives[last]
    elif last == 0:
        node._a = operands[0]
        node._da = derivatives[0]


def derivatives_of(node: Node) -> list[float]:
    """The local derivative with respect to each operand.

    A function that hands the gradient on is asked: what it adds for a gradient of 1 is the local derivative. Where an
    operand appears twice, all of it counts as the first's. What is no multiple of the gradient is a ValueError.
    """
    operation = node._operation
    if isinstance(operation, CustomOperation) and not operation.is_differentiated:
        return _asked(operation, node)
    parts = parts_of(node)
    derivatives = [part._da for part in parts if part._a is not None]
    if parts[len(parts) - 1]._b is not None:
        derivatives.append(parts[len(parts) - 1]._db)
    return derivatives


def standing(node: Node) -> tuple[Operation, list[float]]:
    """The operation and the local derivatives of a copy: a function that hands the gradient on belongs to one node."""
    operation = node._operation
    if not isinstance(operation, CustomOperation) or operation.is_differentiated:
        return operation, derivatives_of(node)
    if operation.function is None:  # one may still be assigned
        return operation, [0.0] * len(operands_of(node))
    return CustomOperation(operation.given, True), _asked(operation, node)


def _asked(operation: CustomOperation, node: Node) -> list[float]:
    derivatives = _added(operation, node, 1.0)
    for gradient in (_LARGE, -_LARGE, 1.0 / _LARGE):
        for derivative, amount in zip(derivatives, _added(operation, node, gradient)):
            if not (isclose(derivative * gradient, amount, rel_tol=1e-6, abs_tol=1e-290) or isnan(amount)):
                raise ValueError(
                    f"the _backward of {operation!r} adds {derivative!r} for a gradient of 1 and {amount!r} for one of "
                    f"{gradient!r}: it has no local derivative, so that only backward() can use it"
                )
    return derivatives


def _added(operation: CustomOperation, node: Node, gradient: float) -> list[float]:
    """What the function adds to each operand for a gradient of the node."""
    involved = [node, *operands_of(node)]
    before = [each._grad for each in involved]
    try:
        for each in involved:
            each._grad = 0.0
        node._grad = gradient
        operation.hand_on(node)
        amounts: list[float] = []
        for operand in involved[1:]:
            amounts.append(operand._grad)
            operand._grad = 0.0
        return amounts
    finally:
        for i in range(len(involved)):
            involved[i]._grad = before[i]


def assign_function(node: Node, function: Unchecked) -> None:
    """``node._backward = function``: it takes nothing, reads ``node.grad`` and adds to ``grad`` of the operands."""
    operation = node._operation
    if not isinstance(operation, CustomOperation):
        raise AttributeError(
            f"_backward of {'a leaf' if node._a is None else operation.name} cannot be assigned: the engine knows its "
            "derivatives; make a node of your own with Value(data, (a, b), op)"
        )
    if not callable(function):
        raise TypeError(f"_backward must be a function, got {described(function)}")
    own = CustomOperation(operation.given, False)
    own.function, own.cell = _without(function, node)
    node._operation = own
    for part in parts_of(node):  # the function hands everything on
        part._da = part._db = 0.0


def _without(function: Any, node: Node) -> tuple[Callable[[], object], Any]:
    """The function with an empty cell in place of *node* in its closure, and that cell; None if it has no such.

    A node that held a function that holds the node would never be freed: the garbage collector does not look into
    compiled nodes. The cell is filled while the function runs.
    """
    closure: tuple[Any, ...] = getattr(function, "__closure__", None) or ()
    holds = [_content(cell) is node for cell in closure]
    if True not in holds:
        return function, None
    empty = CellType()
    cells = tuple([empty if held else cell for held, cell in zip(holds, closure)])
    bare = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, cells)
    bare.__kwdefaults__ = function.__kwdefaults__
    return bare, empty


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None

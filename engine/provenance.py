"""What a Value shows of itself: number, gradient, label, and where it came from. Wheels hold this file compiled."""

from collections.abc import Callable
from typing import Any, Final, Self, SupportsFloat

from engine.custom import assign_function, derivatives_of
from engine.node import Node, heard, operands_of
from engine.operations import PARTIAL, PLAIN, POW, RELU, CustomOperation, Operation
from engine.validation import Unchecked, as_float, described

_SMALL: Final = 1 << 50


class Provenance(Node):
    """A node with properties to be read and, some of them, to be assigned."""

    __slots__ = ()

    @property
    def data(self) -> float:
        """The number. Assigning changes it here only: ``refresh()`` of a root computes again what depends on it."""
        heard(".data", self)
        return self._number

    @data.setter
    def data(self, number: SupportsFloat) -> None:
        heard(".data = ...", self)
        self._number = as_float(number, "data")

    @property
    def grad(self) -> float:
        """The gradient, a float: the derivative of the root of the last ``backward()`` with respect to this number."""
        heard(".grad", self)
        return self._grad

    @grad.setter
    def grad(self, number: SupportsFloat) -> None:
        heard(".grad = ...", self)
        given: Unchecked = number  # mypyc takes it that no number is None
        if given is None:
            raise TypeError("grad must be one real number, got NoneType None; call zero_grad() of a model, or set 0.0")
        self._grad = as_float(number, "grad")

    @property
    def label(self) -> str:
        """The name that pictures and error messages show; empty where none was given."""
        return self._label

    @label.setter
    def label(self, text: Unchecked) -> None:
        self._label = checked_label(text)

    @property
    def operation(self) -> Operation:
        """What computed this number from its operands; operations are told apart by object."""
        return self._operation

    @property
    def op(self) -> str:
        """The name of the operation, such as ``"*"``; ``""`` for a leaf, ``"constant"`` for a plain number."""
        return self._operation.name

    @property
    def operands(self) -> tuple[Self, ...]:
        """The Values this was computed from, in order; empty for a leaf."""
        a: Any = self._a
        b: Any = self._b
        if a is None:
            return ()
        if b is None:
            return (a,)
        if self._b is not None and self._b._operation is PARTIAL:
            more: Any = tuple(operands_of(self))
            return more  # type: ignore[no-any-return]
        return (a, b)

    @property
    def local_derivatives(self) -> tuple[float, ...]:
        """The derivative of this number with respect to each of its operands, in their order.

        >>> (Value(2.0) * Value(5.0)).local_derivatives
        (5.0, 2.0)
        """
        heard(".local_derivatives", self)
        if self._a is None:
            return ()
        if isinstance(self._operation, CustomOperation):
            return tuple(derivatives_of(self))
        return (self._da,) if self._b is None else (self._da, self._db)

    @property
    def _op(self) -> str:
        """The name of the operation as micrograd has it: ``"ReLU"``, ``"**3"``; empty for a plain number."""
        operation = self._operation
        if isinstance(operation, CustomOperation):
            return operation.given
        if _has_plain_exponent(self):
            n = self.operands[1]._number
            return f"**{int(n) if n.is_integer() and abs(n) < _SMALL else n}"
        return "" if operation is PLAIN else "ReLU" if operation is RELU else operation.name

    @property
    def _prev(self) -> set[Self]:
        """The operands as a set, which stays the node's: micrograd's name for them. A plain exponent is not in it."""
        if self._a is None:
            return set()
        own: dict[str, Any] = self.__dict__
        if "_prev" not in own:
            own["_prev"] = set(self._children)
        found: set[Self] = own["_prev"]
        return found

    @property
    def _children(self) -> tuple[Self, ...]:
        """The operands, without a plain exponent: a name in bare classes of forty lines, as is ``_local_grads``."""
        return self.operands[:1] if _has_plain_exponent(self) else self.operands

    @property
    def _local_grads(self) -> tuple[float, ...]:
        """The local derivative with respect to each of ``_children``."""
        return self.local_derivatives[: len(self._children)]

    @property
    def _backward(self) -> Callable[[], object]:
        """Hand the gradient of this node to its operands: one step of the chain rule, by hand, as in micrograd.

        A function can be assigned to it where the node was made by ``Value(data, children, op)``.
        """
        return self._hand_on

    @_backward.setter
    def _backward(self, function: Unchecked) -> None:
        assign_function(self, function)

    def item(self) -> float:
        """The number as a float, as in PyTorch and numpy."""
        heard(".item()", self)
        return self._number


def _has_plain_exponent(v: Node) -> bool:
    return v._operation is POW and v._b is not None and v._b._operation is PLAIN


def checked_label(label: object) -> str:
    """A label as a plain string; empty for None."""
    if label is None:
        return ""
    if isinstance(label, str):
        return str(label)
    raise TypeError(f"label must be a string, got {described(label)}")

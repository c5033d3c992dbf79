"""Backprop: the chain rule from a root back to its leaves, all at once or one step at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import SupportsFloat

from engine.checks import Unchecked, as_float, shortened
from engine.graph import interior_order
from engine.value import Value


def backward(root: Unchecked, gradient: SupportsFloat = 1.0) -> None:
    """Give every Value under *root* its gradient: how fast *root* grows with it, times *gradient*.

    Leaves add up over calls, as in PyTorch (set ``grad`` to 0 in between); all other nodes start fresh at each call, so
    that calling twice gives a leaf exactly twice the gradient.

    Args:
        root: the Value whose derivatives are wanted, such as a loss.
        gradient: the gradient of *root* itself, 1 unless something comes after it.

    Raises:
        TypeError: *root* is not a Value, or *gradient* not a number.

    >>> x = Value(3.0)
    >>> y = x * x
    >>> backward(y)
    >>> backward(y)
    >>> x.grad
    12.0
    """
    order = _seeded(root, as_float(gradient, "backward(gradient)"))
    for i in range(len(order) - 1, -1, -1):
        node = order[i]
        g = node._grad
        a = node._a
        if a is not None:
            a._grad += node._da * g
        b = node._b
        if b is not None:
            b._grad += node._db * g


def _seeded(root: Unchecked, gradient: float) -> list[Value]:
    """The nodes that hand gradients on, in topological order, all at 0 but the root."""
    if not isinstance(root, Value):
        raise TypeError(
            f"backward starts from a Value, not from {type(root).__name__} {shortened(root)}: "
            "was it computed from Values, and not from their .data?"
        )
    order = interior_order(root)
    for node in order:
        node._grad = 0.0
    if order:
        root._grad = gradient
    else:
        root._grad += gradient
    return order


@dataclass(frozen=True)
class Contribution:
    """What one step hands to one operand: ``amount`` = ``local_derivative`` times the gradient of the step's node.

    ``total`` is the operand's gradient after that, the sum so far.
    """

    operand: Value
    local_derivative: float
    amount: float
    total: float


@dataclass(frozen=True)
class Step:
    """One step of backprop: a node whose gradient is complete hands its share to each of its operands."""

    node: Value
    gradient: float
    contributions: tuple[Contribution, ...]


def backprop(root: Unchecked, gradient: SupportsFloat = 1.0) -> Iterator[Step]:
    """The same pass as ``backward``, one node at a time: each step is carried out when it is asked for.

    >>> x = Value(3.0, label="x")
    >>> for step in backprop(x * x + 1):
    ...     print(step.node.op, step.gradient, [c.amount for c in step.contributions])
    + 1.0 [1.0, 1.0]
    * 1.0 [3.0, 3.0]
    """
    return _steps(_seeded(root, as_float(gradient, "backprop(gradient)")))


def _steps(order: list[Value]) -> Iterator[Step]:
    for node in reversed(order):
        contributions = []
        for operand, derivative in zip(node.operands, node.local_derivatives):
            amount = derivative * node._grad
            operand._grad += amount  # the field: mypyc 2.4 breaks += on a property whose setter takes another type
            contributions.append(Contribution(operand, derivative, amount, operand._grad))
        yield Step(node, node._grad, tuple(contributions))

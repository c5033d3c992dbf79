"""Backprop one step at a time, to be watched."""

from collections.abc import Iterator
from typing import NamedTuple, SupportsFloat

from engine.chainrule import seeded, settle
from engine.checks import as_float
from engine.value import Value


class Contribution(NamedTuple):
    """What one step hands to one operand: ``amount`` = ``local_derivative`` times the gradient of the step's node.

    ``total`` is the operand's gradient after that, the sum so far.
    """

    operand: Value
    local_derivative: float
    amount: float
    total: float


class Step(NamedTuple):
    """One step of backprop: a node whose gradient is complete hands its share to each of its operands."""

    node: Value
    gradient: float
    contributions: tuple[Contribution, ...]


def backprop(root: Value, gradient: SupportsFloat = 1.0) -> Iterator[Step]:
    """The same pass as ``backward``, one node at a time: each step is carried out when it is asked for.

    >>> x = Value(3.0, label="x")
    >>> for step in backprop(x * x + 1):
    ...     print(step.node.op, step.gradient, [c.amount for c in step.contributions])
    + 1.0 [1.0, 1.0]
    * 1.0 [3.0, 3.0]
    """
    order, waiting = seeded(root, as_float(gradient, "backprop(gradient)"))
    settle(waiting)  # at once, not at the end, which a reader of steps may never reach
    return _steps(order)


def _steps(order: list[Value]) -> Iterator[Step]:
    for node in reversed(order):
        contributions = []
        for operand, derivative in zip(node.operands, node.local_derivatives):
            amount = derivative * node.grad
            operand.grad += amount
            contributions.append(Contribution(operand, derivative, amount, operand.grad))
        yield Step(node, node.grad, tuple(contributions))

"""Backprop: the chain rule from a root back to its leaves, all at once (``steps.py`` goes one at a time)."""

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
    order = seeded(root, as_float(gradient, "backward(gradient)"))
    waiting = set_aside(order)
    for i in range(len(order) - 1, -1, -1):
        node = order[i]
        g = node._grad
        a = node._a
        if a is not None:
            a._grad += node._da * g
        b = node._b
        if b is not None:
            b._grad += node._db * g
    for leaf in waiting:
        leaf._grad += leaf._da
        leaf._da = 0.0


def set_aside(order: list[Value]) -> list[Value]:
    """The leaves with a gradient from earlier calls, which waits in a field that leaves have no other use for.

    So a call sums up what is its own first, and a second call doubles a gradient exactly. Plain numbers (whose op is
    not empty) are left alone: nobody reads their gradients.
    """
    waiting: list[Value] = []
    for node in order:
        a = node._a
        if a is not None and a._grad != 0.0 and a._a is None and not a._op:
            a._da = a._grad
            a._grad = 0.0
            waiting.append(a)
        b = node._b
        if b is not None and b._grad != 0.0 and b._a is None and not b._op:
            b._da = b._grad
            b._grad = 0.0
            waiting.append(b)
    return waiting


def seeded(root: Unchecked, gradient: float) -> list[Value]:
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

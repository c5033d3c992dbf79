"""Backprop: the chain rule from a root back to its leaves, all at once (``steps.py`` goes one at a time)."""

from threading import RLock
from typing import Any, Final

from engine.graph import fresh_order
from engine.validation import Unchecked, as_float, shortened
from engine.value import HIGHER, WATCH, Value

_TURN: Final[Any] = RLock()
"""Threads whose graphs share leaves take turns at them, or gradients would be lost."""
_GIVES_WAY: Final = hasattr(fresh_order, "__code__")
"""Whether this is plain Python, where another thread may come in at any moment; compiled code finishes its pass."""


def backward(root: Unchecked, gradient: Unchecked = 1.0, create_graph: bool = False) -> None:
    """Give every Value under *root* its gradient: how fast *root* grows with it, times *gradient*.

    Leaves add up over calls, as in PyTorch (set ``grad`` to 0 in between); all other nodes start fresh at each call, so
    that calling twice gives a leaf exactly twice the gradient.

    Args:
        root: the Value whose derivatives are wanted, such as a loss.
        gradient: the gradient of *root* itself, 1 unless something comes after it.
        create_graph: whether the gradients of leaves become Values, in a graph that can be drawn and differentiated
            again. Such a graph and its leaves hold each other until ``grad`` is set anew (``zero_grad()``), the next
            ``backward()`` reaches them, or the garbage collector finds that nobody else holds them.

    Raises:
        TypeError: *root* is not a Value, or *gradient* not a number.

    >>> x = Value(3.0)
    >>> y = x * x
    >>> backward(y)
    >>> backward(y)
    >>> x.grad
    12.0
    """
    if create_graph:
        from engine.gradient_graph import backward_with_graph

        own = gradient if isinstance(gradient, Value) else as_float(gradient, "backward(gradient)")
        with _TURN:
            backward_with_graph(_checked(root), own)
        return
    given = as_float(gradient, "backward(gradient)")
    if _GIVES_WAY:
        with _TURN:
            _pass(root, given)
    else:
        _pass(root, given)


def _pass(root: Unchecked, gradient: float) -> None:
    order, waiting = seeded(root, gradient)
    see = WATCH.see_backward
    if WATCH.watchers != 0 and see is not None:
        for node in reversed(order):
            see(node)
            node._backward()
        settle(waiting)
        return
    for i in range(len(order) - 1, -1, -1):
        node = order[i]
        g = node._grad
        a = node._a
        if a is not None:
            a._grad += node._da * g
        b = node._b
        if b is not None:
            b._grad += node._db * g
    settle(waiting)


def seeded(root: Unchecked, gradient: float) -> tuple[list[Value], list[Value]]:
    """The nodes that hand gradients on, in topological order, all at 0 but the root; and the leaves to settle."""
    order, waiting = fresh_order(_checked(root))
    if HIGHER:
        for node in [*order, root]:
            for leaf in (node, node._a, node._b):
                if leaf is not None:
                    HIGHER.pop(leaf, None)
    root._grad = gradient if order else root._grad + gradient
    return order, waiting


def _checked(root: object) -> Value:
    if isinstance(root, Value):
        return root
    raise TypeError(
        f"backward starts from a Value, not from {type(root).__name__} {shortened(root)}: "
        "was it computed from Values, and not from their .data?"
    )


def settle(waiting: list[Value]) -> None:
    """Add to the gradient of each leaf what was set aside."""
    for leaf in waiting:
        leaf._grad += leaf._da
        leaf._da = 0.0

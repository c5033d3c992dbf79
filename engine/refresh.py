"""A graph computed again from its leaves, after their numbers were changed. Wheels hold this file compiled."""

from engine.node import WATCH, Node, heard, interior_order
from engine.operations import OPERATIONS, Operation


def refresh(root: Node) -> None:
    """Compute every node under *root* again, in topological order: its number and its local derivatives.

    All nodes stay the same objects and keep their gradients. If an operation fails, the graph stays as it was.

    Raises:
        ValueError: a number is outside the domain of an operation, or a node was made from numbers alone.
    """
    if WATCH.listeners != 0:
        heard("refresh()", root)
    order = interior_order(root)
    before: list[tuple[float, float, float]] = []
    try:
        for node in order:
            fresh = recomputed(node)
            before.append((node._data, node._da, node._db))
            node._data, node._da, node._db = fresh._data, fresh._da, fresh._db
    except BaseException:
        for i in range(len(before)):
            order[i]._data, order[i]._da, order[i]._db = before[i]
        raise


def recomputed(node: Node) -> Node:
    """A new node with the operation and the operands of *node*, and with their numbers of now."""
    if not is_computable(node._op):
        name = node._label or node._op.name or "a node"
        raise ValueError(f"{name} was made from numbers, so it cannot be computed again; make it with an operation")
    fresh: Node = node._op.apply(node._a) if node._b is None else node._op.apply(node._a, node._b)
    return fresh


def is_computable(operation: Operation) -> bool:
    """Whether an operation can compute a number: the engine's own, and users' with ``@primitive``."""
    return operation.primitive is not None or OPERATIONS.get(operation.name) is operation

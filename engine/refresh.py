"""A graph computed again from its leaves, after their numbers were changed. Wheels hold this file compiled."""

from typing import Any

from engine.node import Node, heard, interior_order
from engine.operations import OPERATIONS, Operation


def refresh(root: Node) -> None:
    """Compute every node under *root* again, in topological order: its number and its local derivatives.

    All nodes stay the same objects and keep their gradients. If an operation fails, the graph stays as it was.
    """
    heard("refresh()", root)
    order = interior_order(root)
    kind = type(root)
    methods: dict[Operation, Any] = {}  # of the root's class: looking them up for each node would take longest
    computed: list[Node] = []
    fresh: Node
    try:
        for node in order:
            a = node._a
            method = methods.get(node._operation)
            if method is None or type(a) is not kind:
                fresh = recomputed(node)
                if node._operation.primitive is None:
                    methods[node._operation] = getattr(kind, node._operation.method)
            elif node._b is None:
                fresh = method(a)
            else:
                fresh = method(a, node._b)
            _exchange(node, fresh)
            computed.append(fresh)
    except BaseException:
        for i in range(len(computed)):
            _exchange(order[i], computed[i])
        raise


def _exchange(a: Node, b: Node) -> None:
    data, da, db = a._number, a._da, a._db
    a._number, a._da, a._db = b._number, b._da, b._db
    b._number, b._da, b._db = data, da, db


def recomputed(node: Node) -> Node:
    """A new node with the operation and the operands of *node*, and with their numbers of now."""
    if not is_computable(node._operation):
        name = node._label or node._operation.name or "a node"
        raise ValueError(
            f"{name} was made from numbers, so it cannot be computed again; "
            "make it with operations of Values or @primitive"
        )
    fresh: Node = node._operation.apply(node._a) if node._b is None else node._operation.apply(node._a, node._b)
    return fresh


def is_computable(operation: Operation) -> bool:
    """Whether an operation can compute a number: the engine's own, and users' with ``@primitive``."""
    return operation.primitive is not None or OPERATIONS.get(operation.key) is operation

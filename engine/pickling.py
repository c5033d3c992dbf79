"""pickle of Values: each carries the whole graph, however deep, with no recursion. (deepcopy: ``engine/copies.py``.)

pickle walks an object's parts by recursion, so a Value must not hand over its operands one inside the other. It hands
over a Snapshot instead, which lists nodes of the graph flat. Leaves are still pickled one by one, so that a parameter
that a model and a loss share is one object afterwards, too; so are nodes that two graphs share, because a snapshot
leaves out what another living one of the same thread holds (it lives as long as the pickle that it was made for).
"""

import copyreg
import pkgutil
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from engine import slopes
from engine.custom import connect, standing
from engine.node import order_by_sets, visible
from engine.operations import LEAF, OPERATIONS, PLAIN, CustomOperation, Operation
from engine.value import Value, fields, restored

Record = tuple[Any, ...]
"""operation, data, grad, label, the index of each operand, and the local derivative with respect to each."""


class Snapshot:
    """Nodes in topological order, and the Values outside that they are made of."""

    def __init__(self, outside: list[Value], nodes: list[Value]) -> None:
        self.outside = outside
        self.nodes = nodes
        self.indices = {node: index for index, node in enumerate(nodes)}

    def __reduce__(self) -> tuple[Any, ...]:
        indices = {node: index for index, node in enumerate(self.outside + self.nodes)}
        records: list[Record] = []
        for node in self.nodes:
            operation, derivatives = standing(node)
            _, data, grad, label, _, _ = fields(node)
            records.append((operation, data, grad, label, *[indices[each] for each in node.operands], *derivatives))
        attributes = {index: own for index, node in enumerate(self.nodes) if (own := node._attributes)}
        return _rebuilt, (self.outside, records), attributes or None

    def __setstate__(self, attributes: dict[int, dict[str, Any]]) -> None:
        for index, own in attributes.items():
            self.nodes[index].__dict__.update(own)


class _Living(threading.local):
    """For each thread, which living snapshot holds a node. (Two threads may pickle at once, each with its own.)"""

    def __init__(self) -> None:
        self.held: WeakValueDictionary[Value, Snapshot] = WeakValueDictionary()


_living = _Living()


def _rebuilt(outside: list[Value], records: list[Record]) -> Snapshot:
    values = list(outside)
    for operation, data, grad, label, *rest in records:
        operands = [values[index] for index in rest[: len(rest) // 2]]
        node = restored(operation, data, grad, label, 0.0, 0.0, None, None)
        connect(node, operands, rest[len(rest) // 2 :])
        values.append(node)
    return Snapshot(outside, values[len(outside) :])


def _picked(snapshot: Snapshot, index: int) -> Value:
    return snapshot.nodes[index]


def _reduced(value: Value) -> tuple[Any, ...]:
    if not value.operands:
        return restored, (*fields(value), None, None), value._attributes
    held = _living.held
    snapshot = held.get(value)
    if snapshot is None:
        nodes: list[Any] = [node for node in visible(order_by_sets(value, held.__contains__)) if node._a is not None]
        own = set(nodes)
        outside = dict.fromkeys(operand for node in nodes for operand in node.operands if operand not in own)
        snapshot = Snapshot(list(outside), nodes)
        held.update(dict.fromkeys(nodes, snapshot))
    return _picked, (snapshot, snapshot.indices[value])


# ---------------------------------------------------------------------------------------------------------- operations

_ENGINES = {LEAF.key: LEAF, PLAIN.key: PLAIN, **OPERATIONS, **slopes.OPERATIONS}


def _operation(key: str) -> Operation:
    return _ENGINES[key]


def _users_operation(name: str, module: str, path: str) -> Operation:
    """The operation of a function that was decorated with ``@primitive``; one that is only a name where it is gone."""
    try:
        operation = getattr(pkgutil.resolve_name(f"{module}:{path}"), "operation", None)
    except (ImportError, AttributeError, ValueError):  # ValueError: it was made inside a function
        operation = None
    return operation if isinstance(operation, Operation) else CustomOperation(name, True)


def _reduced_operation(operation: Operation) -> tuple[Callable[..., Operation], tuple[Any, ...]]:
    """One of the engine's is found again, and a user's where it can be imported; else it is only a name afterwards."""
    if _ENGINES.get(operation.key) is operation:
        return _operation, (operation.key,)
    function = getattr(operation.primitive, "function", None)
    where = operation.name, getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if where[1] and _users_operation(*where) is operation:
        return _users_operation, where
    return CustomOperation, (operation.name, True)


copyreg.pickle(Value, _reduced)
copyreg.pickle(Operation, _reduced_operation)
# a function that hands gradients on stays behind, and its node takes its local derivatives along
copyreg.pickle(CustomOperation, lambda operation: (CustomOperation, (operation.given, operation.is_differentiated)))

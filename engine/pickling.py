"""pickle and deepcopy of Values: each carries the whole graph, however deep, with no recursion.

Both protocols walk an object's parts by recursion, so a Value must not hand them its operands one inside the other. It
hands over a Snapshot instead, which lists the nodes of the graph flat. Leaves are still pickled one by one, so that a
parameter that a model and a loss share is one object afterwards, too; so are nodes that two graphs share, because a
snapshot leaves out what another living one of the same thread holds (it lives as long as the pickle or the copy that it
was made for).
"""

import copyreg
import threading
from collections.abc import Callable
from weakref import ref

from engine import slopes
from engine.node import interior_order
from engine.operations import LEAF, OPERATIONS, PLAIN, Operation
from engine.value import Value, fields, restored

Record = tuple[Operation, float, float, str, float, float, int, int]
"""operation, data, grad, label, the two local derivatives, and the places of the operands (-1 for none)."""


class Snapshot:
    """Nodes in topological order, and the Values outside that they are made of."""

    def __init__(self, outside: list[Value], nodes: list[Value]) -> None:
        self.outside = outside
        self.nodes = nodes
        self.places = {node: place for place, node in enumerate(nodes)}
        self.held: dict[Value, ref[Snapshot]] = {}  # where _reduced looks for it

    def __reduce__(self) -> tuple[Callable[..., "Snapshot"], tuple[list[Value], list[Record]]]:
        places = {node: place for place, node in enumerate(self.outside + self.nodes)}
        records: list[Record] = []
        for node in self.nodes:
            a, b = ([places[operand] for operand in node.operands] + [-1])[:2]
            records.append((*fields(node), a, b))
        return _rebuilt, (self.outside, records)

    def __del__(self) -> None:
        if self.held:
            for node in self.nodes:
                del self.held[node]


class _Living(threading.local):
    """For each thread, which living snapshot holds a node. (Two threads may copy at once, each with its own.)"""

    def __init__(self) -> None:
        self.held: dict[Value, ref[Snapshot]] = {}


_living = _Living()


def _rebuilt(outside: list[Value], records: list[Record]) -> Snapshot:
    values = list(outside)
    for *own, a, b in records:
        operands = (values[a] if a >= 0 else None, values[b] if b >= 0 else None)
        values.append(restored(*own, *operands))  # type: ignore[arg-type, call-arg]
    return Snapshot(outside, values[len(outside) :])


def _picked(snapshot: Snapshot, place: int) -> Value:
    return snapshot.nodes[place]


def _reduced(value: Value) -> tuple[Callable[..., Value], tuple[object, ...]]:
    """What pickle and deepcopy ask for: how to make this Value again."""
    if not value.operands:
        return restored, (*fields(value), None, None)
    held = _living.held
    snapshot = held[value]() if value in held else None
    if snapshot is None:
        nodes = [node for node in interior_order(value) if node not in held]
        own = set(nodes)
        outside = dict.fromkeys(operand for node in nodes for operand in node.operands if operand not in own)
        snapshot = Snapshot(list(outside), nodes)
        snapshot.held = held
        held.update(dict.fromkeys(nodes, ref(snapshot)))
    return _picked, (snapshot, snapshot.places[value])


_ENGINES = {LEAF.key: LEAF, PLAIN.key: PLAIN, **OPERATIONS, **slopes.OPERATIONS}


def _operation(key: str) -> Operation:
    """The engine's operation with that key."""
    return _ENGINES[key]


def _reduced_operation(operation: Operation) -> tuple[Callable[[str], Operation], tuple[str]]:
    """One of the engine's is found again; one of a user's is only a name afterwards."""
    is_engines = _ENGINES.get(operation.key) is operation
    return (_operation, (operation.key,)) if is_engines else (Operation, (operation.name,))


copyreg.pickle(Value, _reduced)
copyreg.pickle(Operation, _reduced_operation)

"""A graph as places and numbers: what folding and drawing work on, so that a million nodes take no recursion."""

from __future__ import annotations

from dataclasses import dataclass

from engine.node import topological_order
from engine.operations import CONSTANT
from engine.value import Value


@dataclass(frozen=True)
class Wires:
    """The nodes of a graph in topological order; all else is said by places in that list.

    ``operands`` has the places of each node's operands, ``uses`` counts the operations that take a node, and
    ``written_in`` says which plain numbers are written into the one operation that takes them: ``* 3``.
    """

    nodes: list[Value]
    operands: list[tuple[int, ...]]
    uses: list[int]
    written_in: list[bool]

    def is_constant(self, place: int) -> bool:
        """Whether a plain number stands there."""
        return self.nodes[place].op == CONSTANT


def wires_of(root: Value, named: dict[Value, str]) -> Wires:
    """The wires of the graph under *root*; a plain number that is *named*, or has a label, is not written in."""
    nodes = topological_order(root)
    place_of = {node: place for place, node in enumerate(nodes)}
    operands = [tuple([place_of[operand] for operand in node.operands]) for node in nodes]
    uses = [0] * len(nodes)
    for places in operands:
        for place in places:
            uses[place] += 1
    written_in = [
        node.op == CONSTANT and count == 1 and not node.label and node not in named for node, count in zip(nodes, uses)
    ]
    return Wires(nodes, operands, uses, written_in)

"""A graph as lists of indices, so that folding and drawing a million nodes need no recursion."""

from __future__ import annotations

from dataclasses import dataclass

from engine.node import topological_order
from engine.operations import CONSTANT
from engine.value import Value


@dataclass(frozen=True)
class FlatGraph:
    """The nodes of a graph in topological order; everything else refers to them by index.

    ``operands`` has the indices of each node's operands. ``inlined`` tells which plain numbers are written into the one
    operation that uses them, as in ``* 3``.
    """

    nodes: list[Value]
    operands: list[tuple[int, ...]]
    inlined: list[bool]

    def is_constant(self, index: int) -> bool:
        """Whether that node is a plain number."""
        return self.nodes[index].op == CONSTANT


def flatten(root: Value, names: dict[Value, str]) -> FlatGraph:
    """Flatten the graph under *root*; a plain number with a label or one of the *names* is not inlined."""
    nodes = topological_order(root)
    index_of = {node: index for index, node in enumerate(nodes)}
    operands = [tuple([index_of[operand] for operand in node.operands]) for node in nodes]
    n_uses = [0] * len(nodes)
    for indices in operands:
        for index in indices:
            n_uses[index] += 1
    inlined = [
        node.op == CONSTANT and n == 1 and not node.label and node not in names for node, n in zip(nodes, n_uses)
    ]
    return FlatGraph(nodes, operands, inlined)

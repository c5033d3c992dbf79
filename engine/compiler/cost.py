"""What a replay would cost, told from a graph before it is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine import value
from engine.compiler.fuse_sums import LINEAR
from engine.compiler.trace import ordered
from engine.value import Value

# Seconds. Those of a replay were measured with numpy 2 on one core; eager nodes are the faster ones where compiled.
_EAGER_NODE = 1.8e-6 if value.__file__.endswith(".py") else 0.1e-6
_COMPILE_NODE, _COMPILE_GROUP, _RUN_GROUP = 4e-6, 150e-6, 7e-6
_NEGLIGIBLE = 0.01


@dataclass(frozen=True)
class Cost:
    """How many nodes a graph has, and about how many groups of equal work compiling would find in it."""

    n_nodes: int
    n_groups: int

    @property
    def nodes_per_group(self) -> float:
        """How many nodes an array instruction would compute, about."""
        return self.n_nodes / max(1, self.n_groups)


def cost(outputs: Sequence[Value]) -> Cost:
    """Count the nodes under *outputs*, and the kinds of operations on each level; a sum of many terms is one level.

    >>> x, w = Value(0.5), Value(0.9)
    >>> cost([(x * w).tanh()])
    Cost(n_nodes=4, n_groups=2)
    """
    order = ordered(outputs)
    used: set[Value] = set()
    used_again: set[Value] = set()
    for node in order:
        for operand in node.operands:
            (used_again if operand in used else used).add(operand)
    levels: dict[Value, int] = {}
    groups = set()
    for node in order:
        op, operands = node.op, node.operands
        level = 0
        for operand in operands:
            inside = op in LINEAR and operand.op in LINEAR and operand not in used_again
            level = max(level, levels[operand] + (not inside))
        levels[node] = level
        if operands:
            groups.add((level, "sum" if op in LINEAR else op))
    return Cost(len(order), len(groups))


def slower_than_eager(outputs: Sequence[Value], n_examples: int, n_runs: int) -> str:
    """Say why it is faster to compute *n_examples* one by one than in so many runs of a program; "" where it is not."""
    n_nodes = len(ordered(outputs))
    margin = n_nodes * (n_examples * _EAGER_NODE - _COMPILE_NODE) + _NEGLIGIBLE
    if margin < 0.0:
        return f"replay would be slower: {n_examples} passes through {n_nodes:,} nodes do not pay for compiling"
    if n_nodes * (_COMPILE_GROUP + _RUN_GROUP * n_runs) < margin:  # even if no node were like another
        return ""
    found = cost(outputs)
    if found.n_groups * (_COMPILE_GROUP + _RUN_GROUP * n_runs) < margin:
        return ""
    return (
        f"replay would be slower: the graph of an example is deep and narrow, {n_nodes:,} nodes of which an array "
        f"instruction would compute {found.nodes_per_group:.1f}"
    )

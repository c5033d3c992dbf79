"""What a replay would cost, told from a graph before it is compiled."""

from collections.abc import Sequence

from engine import value
from engine.compiler.fuse_sums import LINEAR
from engine.node import common_order
from engine.value import Value

# Seconds. Those of a replay were measured with numpy 2 on one core; eager nodes are the faster ones where compiled.
_EAGER_NODE = 1.8e-6 if value.__file__.endswith(".py") else 0.1e-6
_COMPILE_NODE, _COMPILE_GROUP, _RUN_GROUP = 4e-6, 150e-6, 7e-6
_NEGLIGIBLE = 0.01


def slower_than_eager(outputs: Sequence[Value], n_examples: int, n_runs: int) -> str:
    """Say why it is faster to compute *n_examples* one by one than in so many runs of a program; "" where it is not."""
    order = common_order(outputs)
    margin = len(order) * (n_examples * _EAGER_NODE - _COMPILE_NODE) + _NEGLIGIBLE
    if margin < 0.0:
        return f"replay would be slower: {n_examples} passes through {len(order):,} nodes do not pay for compiling"
    by_group = _COMPILE_GROUP + _RUN_GROUP * n_runs
    if len(order) * by_group < margin:  # even if no node were like another
        return ""
    n_groups = count_groups(order)
    if n_groups * by_group < margin:
        return ""
    return (
        f"replay would be slower: the graph of an example is deep and narrow, {len(order):,} nodes of which an array "
        f"instruction would compute {len(order) / max(1, n_groups):.1f}"
    )


def count_groups(order: Sequence[Value]) -> int:
    """About how many groups of equal work compiling would find: the kinds of operations on each level.

    A sum of many terms is one level.
    """
    used: set[Value] = set()
    used_again: set[Value] = set()
    for node in order:
        for operand in node.operands:
            (used_again if operand in used else used).add(operand)
    levels: dict[Value, int] = {}
    groups = set()
    for node in order:
        op, level = node.op, 0
        for operand in node.operands:
            inside = op in LINEAR and operand.op in LINEAR and operand not in used_again
            level = max(level, levels[operand] + (not inside))
        levels[node] = level
        if node.operands:
            groups.add((level, "sum" if op in LINEAR else op))
    return len(groups)

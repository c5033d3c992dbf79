"""Fourth pass: nodes of one depth and one kind become a group, the scalars that one array instruction computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.compiler.fuse_sums import Sum, Summed
from engine.compiler.simplify import LEAVES
from engine.compiler.trace import NONE, Op

Places = NDArray[np.int64]
SUM = "sum"
INPUTS, UNIFORM, VARYING = "inputs", "uniform", "varying"
"""Where a number lives: among the inputs of the examples; once for all examples; once for each example."""


class Factors(NamedTuple):
    """Dot products of every left row with every right row: ``n = len(left) * len(right)`` of them."""

    left: Places
    right: Places
    left_of: Places
    right_of: Places


@dataclass
class Part:
    """``k`` neighbours in each sum of a group: ``(n, k)`` single terms (*right* is None), or factors of products."""

    positive: bool
    left: Places
    right: Places | None = None
    factors: Factors | None = None
    """The rows of a matrix product, where the block is one and its nodes are in order."""


@dataclass
class Group:
    """``n`` nodes that do the same: the operation, who they are, and their operands.

    A group of sums has parts; any other has a column ``(n,)`` of places for each operand.
    """

    op: Op
    members: Places
    space: str
    depth: int
    operands: list[Places]
    parts: list[Part]

    def columns(self) -> list[Places]:
        """All operands, ``(n, k)`` each."""
        if self.op == SUM:
            return [side for part in self.parts for side in (part.left, part.right) if side is not None]
        return [operand[:, None] for operand in self.operands]

    def sides(self) -> list[Places]:
        """All operands, as they are."""
        return self.columns() if self.op == SUM else self.operands

    def reordered(self, order: Places) -> None:
        """The same with its nodes in another order."""
        self.members = self.members[order]
        self.operands = [operand[order] for operand in self.operands]
        self.parts = [
            Part(part.positive, part.left[order], None if part.right is None else part.right[order])
            for part in self.parts
        ]


@dataclass
class Grouped:
    """The groups in an order in which they can be computed, and where each node of the record lives."""

    summed: Summed
    groups: list[Group]
    spaces: list[str]


def grouped(graph: Summed) -> Grouped:
    """Group all nodes that a program computes."""
    record = graph.record
    first, second, n_nodes = record.first, record.second, len(record.ops)
    spaces = [UNIFORM] * n_nodes
    spaces[: record.n_inputs] = [INPUTS] * record.n_inputs
    depths = [0] * n_nodes
    waiting: dict[tuple[int, str, tuple[Any, ...]], list[int]] = {}
    blocks: dict[int, list[_Block]] = {}
    for index, op in enumerate(record.ops):
        if op in LEAVES or graph.inside[index]:
            continue
        total = graph.sums.get(index)
        if total:
            operands = total.operands()
            blocks[index] = block = _blocks(total, spaces)
            kind: tuple[Any, ...] = SUM, *[(key, len(left)) for key, left, _ in block]
        else:
            operands = [first[index]] if second[index] == NONE else [first[index], second[index]]
            kind = op, *[spaces[operand] for operand in operands]
        depths[index] = depth = 1 + max([depths[operand] for operand in operands])
        for operand in operands:
            if spaces[operand] != UNIFORM:
                spaces[index] = VARYING
                break
        waiting.setdefault((depth, spaces[index], kind), []).append(index)
    operands_of = np.array(first), np.array(second)
    groups = []
    for (depth, space, kind), members in sorted(waiting.items(), key=lambda item: item[0][0]):
        group = Group(record.ops[members[0]], np.array(members), space, depth, [], [])
        if kind[0] == SUM:
            group.op = SUM
            group.parts = _parts([blocks.pop(member) for member in members])
            for member in members:
                del graph.sums[member]  # the largest part of the memory that compiling takes
        else:
            group.operands = [operands_of[side][group.members] for side in range(len(kind) - 1)]
        groups.append(group)
    return Grouped(graph, groups, spaces)


_Kind = tuple[bool, str, str]
"""A term of a sum: its sign, and the spaces of its factors; for single terms the second is empty."""
_Block = tuple[_Kind, list[int], list[int]]
"""Terms of one kind that follow each other."""


def _blocks(total: Sum, spaces: Sequence[str]) -> list[_Block]:
    found: list[_Block] = []
    for positive, a, b in zip(total.positive, total.left, total.right):
        if b == NONE:
            kind = positive, spaces[a], ""
        else:
            if spaces[b] == UNIFORM and spaces[a] != UNIFORM:
                a, b = b, a  # noqa: PLW2901 - weights go first
            kind = positive, spaces[a], spaces[b]
        if not found or found[-1][0] != kind:
            found.append((kind, [], []))
        found[-1][1].append(a)
        found[-1][2].append(b)
    if len(found) > 1 and len(found[0][1]) == len(found[1][1]) == 1 and found[0][0] < found[1][0]:
        found[:2] = found[1], found[0]  # -a + b is b - a, and like sums look alike
    return found


def _parts(blocks: Sequence[list[_Block]]) -> list[Part]:
    """The blocks of equal sums, one beside the other."""
    parts = []
    for same in zip(*blocks):
        positive, _, right_space = same[0][0]
        left = np.array([left for _, left, _ in same])
        parts.append(Part(positive, left, np.array([right for _, _, right in same]) if right_space else None))
    return parts

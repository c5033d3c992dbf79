"""Fourth pass: nodes of one depth and one kind become a group, the scalars that one array instruction computes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from engine.compiler.collector import mypyc_attr
from engine.compiler.fuse_sums import LINEAR, Term, inside_sums, terms_of
from engine.compiler.ir import Indexes
from engine.compiler.trace import NONE, Op, Record

Column: TypeAlias = int | Indexes
"""One node, or an array with one for each node of a group: most groups of a deep graph have a single node."""
Block: TypeAlias = list[int] | Indexes
"""The ``k`` terms of one node, or ``(n, k)`` for the nodes of a group."""
SUM: Final = "sum"
INPUTS: Final = "inputs"
UNIFORM: Final = "uniform"
VARYING: Final = "varying"
"""Where a number lives: among the inputs of the examples; once for all examples; once for each example."""
GRADIENT: Final = " gradient"
"""The end of the names of memories that have gradients."""


class Factors(NamedTuple):
    """Dot products of every left row with every right row: ``n = len(left) * len(right)`` of them."""

    left: Indexes
    right: Indexes
    left_of: Indexes
    right_of: Indexes


@mypyc_attr(acyclic=True)
@dataclass(slots=True)
class Part:
    """*k* neighbours in each sum of a group: single terms (*right* is None), or factors of products."""

    positive: bool
    per_example: bool
    """Whether it has a number for each example."""
    k: int
    left: Block
    right: Block | None = None
    factors: Factors | None = None
    """The rows of a matrix product, where the block is one and its nodes are in order."""

    def terms(self) -> Iterable[tuple[Column, Column | None]]:
        """The terms one by one: a column, or two that are multiplied."""
        if isinstance(self.left, list):
            return zip(self.left, self.right or repeat(None))
        return zip(self.left.T, repeat(None) if self.right is None else matrix(self.right).T)


def first(places: Column | Block) -> int:
    if isinstance(places, int):
        return places
    return places[0] if isinstance(places, list) else places.item(0)


def matrix(block: Block) -> Indexes:
    """A block as ``(n, k)`` places."""
    return np.array([block]) if isinstance(block, list) else block


@dataclass(slots=True)
class Group:
    """``n`` nodes that do the same: the operation, who they are, and their operands.

    A group of sums has parts; any other has a column for each operand.
    """

    op: Op
    nodes: Column
    space: str
    operands: list[Column]
    parts: list[Part]

    @property
    def members(self) -> Indexes:
        return np.atleast_1d(self.nodes)

    def sides(self) -> list[Column]:
        """All operands: columns and blocks; those of a single node one by one."""
        if self.op != SUM:
            return self.operands
        sides = [side for part in self.parts for side in (part.left, part.right) if side is not None]
        return [place for side in sides for place in side] if isinstance(self.nodes, int) else [*map(matrix, sides)]

    def reordered(self, order: Indexes) -> None:
        """The same with its nodes in another order, or with some of them."""

        def taken(places: Any) -> Any:
            return places[order] if len(order) > 1 else places[order.item()].tolist()

        self.nodes = taken(self.nodes)
        self.operands = [taken(operand) for operand in self.operands]
        self.parts = [
            replace(part, left=taken(part.left), right=None if part.right is None else taken(part.right))
            for part in self.parts
        ]


def grouped(record: Record) -> tuple[list[Group], list[str]]:
    """The groups in an order in which they can be computed, and where each node of the record lives."""
    first, second, n_nodes = record.first, record.second, len(record.ops)
    inside = inside_sums(record)
    spaces = [UNIFORM] * (n_nodes + 1)  # the last one is for operands that are not there
    spaces[: record.n_inputs] = [INPUTS] * record.n_inputs
    depths = [0] * (n_nodes + 1)
    by_depth: list[dict[tuple[Any, ...], list[int]]] = [{}]
    blocks: dict[int, list[_Block]] = {}
    for index, op in enumerate(record.ops):
        a, b = first[index], second[index]
        if a == NONE or inside[index]:
            continue
        kind: tuple[Any, ...]
        if op in LINEAR:
            terms = terms_of(record, index, inside)
            blocks[index] = block = _blocks(terms, spaces)
            kind = tuple([(kind, len(left)) for kind, left, _ in block])
            operands = [place for _, left, right in terms for place in (left, right)]
            depth = 1 + max(map(depths.__getitem__, operands))
            space = UNIFORM if {UNIFORM}.issuperset(map(spaces.__getitem__, operands)) else VARYING
        else:
            kind = op, spaces[a], spaces[b]
            depth = 1 + max(depths[a], depths[b])
            space = UNIFORM if spaces[a] == spaces[b] == UNIFORM else VARYING
        depths[index], spaces[index] = depth, space
        if depth == len(by_depth):
            by_depth.append({})
        by_depth[depth].setdefault(kind, []).append(index)
    spaces.pop()
    operands_of = np.array(first), np.array(second)
    groups, nothing = [], list[Any]()
    for members in [members for kinds in by_depth for members in kinds.values()]:
        node = members[0]
        nodes: Column = node if len(members) == 1 else np.array(members)
        group = Group(record.ops[node], nodes, spaces[node], nothing, nothing)
        if group.op in LINEAR:
            group.op = SUM
            group.parts = _parts([blocks.pop(member) for member in members])
        elif isinstance(nodes, int):
            group.operands = [first[node]] if second[node] == NONE else [first[node], second[node]]
        else:
            group.operands = [side[nodes] for side in operands_of[: 1 + (second[node] != NONE)]]
        groups.append(group)
    return groups, spaces


_Kind = tuple[bool, str, str]
"""A term of a sum: its sign, and the spaces of its factors; for single terms the second is empty."""
_Block = tuple[_Kind, list[int], list[int]]
"""Terms of one kind that follow each other."""


def _blocks(terms: Sequence[Term], spaces: Sequence[str]) -> list[_Block]:
    found: list[_Block] = []
    last: _Kind | None = None
    for positive, a, b in terms:
        if b == NONE:
            kind = positive, spaces[a], ""
        else:
            if spaces[b] == UNIFORM and spaces[a] != UNIFORM:
                a, b = b, a  # noqa: PLW2901 - weights go first
            kind = positive, spaces[a], spaces[b]
        if kind == last:
            found[-1][1].append(a)
            found[-1][2].append(b)
        else:
            found.append((kind, [a], [b]))
            last = kind
    if len(found) > 1 and len(found[0][1]) == len(found[1][1]) == 1 and found[0][0] < found[1][0]:
        found[:2] = found[1], found[0]  # -a + b is b - a, and like sums look alike
    return found


def _parts(blocks: Sequence[list[_Block]]) -> list[Part]:
    """The blocks of equal sums, one beside the other."""
    parts = []
    for same in zip(*blocks):
        kind, left, right = same[0]
        per_example = kind[1] != UNIFORM or kind[2] not in ("", UNIFORM)
        part = Part(kind[0], per_example, len(left), left, right if kind[2] else None)
        if len(same) > 1:
            part.left = np.array([left for _, left, _ in same])
            part.right = np.array([right for _, _, right in same]) if kind[2] else None
        parts.append(part)
    return parts

"""Fifth pass: a slot for each number, so that operands are slices of memory wherever they can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.compiler.ir import Indexes, is_repeated
from engine.compiler.trace import Record
from engine.compiler.vectorize import INPUTS, UNIFORM, VARYING, Factors, Group, grouped, matrix
from engine.operations import CONSTANT

_UNREAD: Final = np.iinfo(np.int64).max
_ZERO: Final = np.zeros(1, dtype=np.int64)


@dataclass
class Placed:
    """Groups whose nodes have slots: ``slots[place]`` within the node's space."""

    record: Record
    groups: list[Group]
    spaces: list[str]
    slots: Indexes
    n_slots: dict[str, int]
    constants: Indexes
    """The places of the constants, in their order: in the uniform space, after the parameters."""


def placed(record: Record) -> Placed:
    """Group the nodes, and give each a slot. What a later group reads first stands first, so that it reads a slice."""
    groups, spaces = grouped(record)
    ranks = np.full(len(record.ops), _UNREAD)
    next_rank = 0
    for group in reversed(groups):
        if not isinstance(group.nodes, int):
            group.reordered(_order(group, ranks))
        for column in group.sides():
            if isinstance(column, int):
                if ranks.item(column) == _UNREAD:
                    ranks[column] = next_rank
                    next_rank += 1
                continue
            fresh = column[0] if column.ndim == 2 and is_repeated(column) else column.ravel()
            fresh = fresh[ranks[fresh] == _UNREAD]
            ranks[fresh[::-1]] = next_rank + np.arange(len(fresh))[::-1]  # of equal ones the first counts
            next_rank += len(fresh)
    slots = np.zeros(len(record.ops), dtype=np.int64)
    slots[: record.n_inputs] = np.arange(record.n_inputs)
    slots[record.n_inputs : record.n_inputs + record.n_parameters] = np.arange(record.n_parameters)
    constants = np.array([place for place, op in enumerate(record.ops) if op == CONSTANT], dtype=np.int64)
    constants = constants[np.argsort(ranks[constants], kind="stable")]
    slots[constants] = record.n_parameters + np.arange(len(constants))
    sizes = {INPUTS: record.n_inputs, UNIFORM: record.n_parameters + len(constants), VARYING: 0}
    for group in groups:
        start = sizes[group.space]
        if isinstance(group.nodes, int):
            slots[group.nodes] = start
            sizes[group.space] = start + 1
        else:
            sizes[group.space] = end = start + len(group.nodes)
            slots[group.nodes] = np.arange(start, end)
        if group.parts:
            find_products(group, spaces)
    return Placed(record, groups, spaces, slots, sizes, constants)


def _order(group: Group, ranks: Indexes) -> Indexes:
    """The nodes of a group as a matrix product gives them, or as they are read."""
    rank = ranks[group.nodes]
    for part in group.parts:
        factors = part.right is not None and factored(matrix(part.left), matrix(part.right))
        if factors and len(factors.left) > 1 and len(factors.right) > 1:
            n_left, n_right = len(factors.left), len(factors.right)
            first_left, first_right = np.full(n_left, rank.max()), np.full(n_right, rank.max())
            np.minimum.at(first_left, factors.left_of, rank)
            np.minimum.at(first_right, factors.right_of, rank)
            return np.lexsort((first_left[factors.left_of], first_right[factors.right_of]))
    return np.argsort(rank, kind="stable")


def factored(left: Indexes, right: Indexes) -> Factors | None:
    """The rows that are different, where each left one meets each right one once; else None."""
    if len(left) == 1:
        return Factors(left, right, _ZERO, _ZERO)
    left_rows, left_of = _distinct(left)
    right_rows, right_of = _distinct(right)
    if len(left_rows) * len(right_rows) != len(left):
        return None
    pairs = left_of * len(right_rows) + right_of
    if len(np.unique(pairs)) != len(pairs):
        return None
    return Factors(left_rows, right_rows, left_of, right_of)


def find_products(group: Group, spaces: Sequence[str]) -> None:
    """Note which parts of a group are matrix products of weights and vectors, with its nodes in that order."""
    for part in group.parts:
        part.factors = None
        if part.right is None or (part.k == 1 and isinstance(group.nodes, int)):
            continue
        left = matrix(part.left)
        if spaces[left.item(0)] == UNIFORM:
            found = factored(left, matrix(part.right))
            if found and (found.right_of * len(found.left) + found.left_of == np.arange(len(left))).all():
                part.factors = found


def _distinct(rows: Indexes) -> tuple[Indexes, Indexes]:
    """The different rows in the order in which they come first, and which of them each row is."""
    numbers: dict[bytes, int] = {}
    which = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows])
    return rows[np.unique(which, return_index=True)[1]], which

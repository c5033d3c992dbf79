"""First pass: a graph read into lists, with an index for each node, in topological order."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from engine.derivatives import rule_of
from engine.node import common_order, flattened
from engine.operations import CONSTANT, LEAF, PLAIN, Operation
from engine.value import Value

Op: TypeAlias = str | Operation
"""An operation in a record: the name of the engine's, the object of a user's."""
INPUT, PARAMETER = "input", "parameter"
NONE = -1
"""Where a node has no such operand."""


@dataclass
class Record:
    """A graph as lists: each node's operation, its operands' places, and its number when it was recorded.

    Inputs come first, then parameters, then all other nodes. ``outputs`` are the places of what a program computes.
    """

    ops: list[Op]
    first: list[int]
    second: list[int]
    numbers: array[float]
    n_inputs: int
    n_parameters: int
    outputs: list[int]
    frozen: list[Value] = field(default_factory=list)
    """Leaves that are neither inputs nor parameters: their numbers were taken as constants."""

    def add(self, op: Op, first: int = NONE, second: int = NONE, number: float = 0.0) -> int:
        """One more node; its place."""
        self.ops.append(op)
        self.first.append(first)
        self.second.append(second)
        self.numbers.append(number)
        return len(self.ops) - 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied by its fields, which a compiled class has no ``__dict__`` for."""
        lists = self.ops, self.first, self.second, self.numbers
        return Record, (*lists, self.n_inputs, self.n_parameters, self.outputs, self.frozen)

    def uses(self) -> list[int]:
        """How often each node is an operand; the last one counts operands that are not there."""
        uses = [0] * (len(self.ops) + 1)
        for operands in (self.first, self.second):
            for operand in operands:
                uses[operand] += 1
        return uses

    def constant_nodes(self) -> list[int]:
        """The nodes that an operation made of constants alone."""
        varies = bytearray(len(self.ops) + 1)  # the last one is for operands that are not there
        varies[: self.n_inputs + self.n_parameters] = b"\x01" * (self.n_inputs + self.n_parameters)
        constant = []
        for index, (a, b) in enumerate(zip(self.first, self.second)):
            if varies[a] or varies[b]:
                varies[index] = 1
            elif a != NONE:
                constant.append(index)
        return constant

    def leading_to(self, outputs: Sequence[int]) -> bytearray:
        """1 for each node that these *outputs* are made of, and for the last one: operands that are not there."""
        leads = bytearray(len(self.ops) + 1)
        leads[NONE] = 1
        for output in outputs:
            leads[output] = 1
        for index in range(len(self.ops) - 1, -1, -1):
            if leads[index]:
                leads[self.first[index]] = leads[self.second[index]] = 1
        return leads


def ordered(outputs: Sequence[Value]) -> list[Value]:
    """Every node under the outputs once, in topological order."""
    return common_order(list(outputs))


def recorded(
    outputs: Sequence[Value],
    inputs: Sequence[Value],
    parameters: Sequence[Value],
    order: list[Value] | None = None,
) -> Record:
    """The graph under *outputs*. Leaves that are neither inputs nor parameters are taken as the constants they are.

    The *order* is that of ``ordered``, where it is known already.
    """
    flat = flattened(ordered(outputs) if order is None else order, list(outputs), [*inputs, *parameters])
    ops: list[Op] = [*[INPUT] * len(inputs), *[PARAMETER] * len(parameters)]
    operations = flat.operations[len(ops) :]
    names = {operation: _named(operation) for operation in set(operations)}
    ops += [names[operation] for operation in operations]
    n_inputs, n_parameters = len(inputs), len(parameters)
    return Record(ops, flat.first, flat.second, flat.numbers, n_inputs, n_parameters, flat.roots, flat.other_leaves)


def _named(operation: Operation) -> Op:
    if operation is LEAF or operation is PLAIN:
        return CONSTANT
    if rule_of(operation) is None:
        raise ValueError(
            f"{operation.name} has numbers for derivatives and no rule, so that a program cannot compute it; "
            "make it with operations of Values or @primitive"
        )
    return operation if operation.primitive else operation.key


def same_graph(one: Record, other: Record) -> bool:
    """Whether two records compute the same of any inputs and parameters: equal except for the numbers of those."""
    if (one.ops, one.first, one.second, one.outputs) != (other.ops, other.first, other.second, other.outputs):
        return False
    pairs = [(a, b) for a, b, op in zip(one.numbers, other.numbers, one.ops) if op == CONSTANT]
    return all(a.hex() == b.hex() for a, b in pairs)  # zeros have signs

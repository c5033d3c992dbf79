"""First pass: a graph read into lists, with an index for each node, in topological order."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from engine.derivatives import no_rule, rule_of
from engine.domains import Limits
from engine.node import Node, common_order
from engine.operations import CONSTANT, LEAF, PLAIN, Operation
from engine.value import Value

Op: TypeAlias = str | Operation
"""An operation in a record: the name of the engine's, the object of a user's."""
INPUT: Final = "input"
PARAMETER: Final = "parameter"
NONE: Final = -1
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
    limited: list[tuple[int, Limits]] = field(default_factory=list)
    """Nodes whose numbers must be inside limits, or an operation that no output needs may refuse the example."""

    def add(self, op: Op, first: int = NONE, second: int = NONE, number: float = 0.0) -> int:
        self.ops.append(op)
        self.first.append(first)
        self.second.append(second)
        self.numbers.append(number)
        return len(self.ops) - 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied by its fields, which a compiled class has no ``__dict__`` for."""
        lists = self.ops, self.first, self.second, self.numbers
        return Record, (*lists, self.n_inputs, self.n_parameters, self.outputs, self.frozen, self.limited)

    def uses(self) -> list[int]:
        """How often each node is an operand; the last one counts operands that are not there."""
        uses = [0] * (len(self.ops) + 1)
        for operands in (self.first, self.second):
            for operand in operands:
                uses[operand] += 1
        return uses

    def constant_nodes(self) -> list[int]:
        """The nodes that an operation made of constants alone."""
        varies = self.made_of(range(self.n_inputs + self.n_parameters))
        return [index for index, operand in enumerate(self.first) if operand != NONE and not varies[index]]

    def made_of(self, places: Iterable[int], ends: str = "") -> bytearray:
        """1 for each of these nodes and for all that is computed from them, but not through operations named *ends*.

        The last one is for operands that are not there.
        """
        made = bytearray(len(self.ops) + 1)
        for place in places:
            made[place] = 1
        for index, (op, a, b) in enumerate(zip(self.ops, self.first, self.second)):
            if (made[a] or made[b]) and op != ends:
                made[index] = 1
        return made

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


def recorded(
    outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value], order: list[Value] | None = None
) -> Record:
    """The graph under *outputs*. Leaves that are neither inputs nor parameters are taken as the constants they are.

    The *order* is that of ``common_order``, where it is known already.
    """
    ops: list[Op] = [*[INPUT] * len(inputs), *[PARAMETER] * len(parameters)]
    first: list[Any] = [NONE] * len(ops)  # ints; declared so, a wheel would make new objects of them
    second = first.copy()
    numbers = array("d")
    names: dict[Operation, Op] = {}
    frozen: list[Any] = []
    index: dict[int, Any] = {}  # by id, as the order holds the nodes
    node: Node
    for node in (*inputs, *parameters):
        index[id(node)] = len(numbers)
        numbers.append(node._number)
    for node in common_order(outputs) if order is None else order:
        if id(node) in index:
            continue
        operation = node._operation
        if operation not in names:
            names[operation] = _named(operation)
        index[id(node)] = len(ops)
        ops.append(names[operation])
        first.append(index.get(id(node._a), NONE))
        second.append(index.get(id(node._b), NONE))
        numbers.append(node._number)
        if operation is LEAF:
            frozen.append(node)
    roots = [index[id(output)] for output in outputs]
    return Record(ops, first, second, numbers, len(inputs), len(parameters), roots, frozen)


def _named(operation: Operation) -> Op:
    if operation is LEAF or operation is PLAIN:
        return CONSTANT
    if rule_of(operation) is None:
        raise no_rule(operation.name, "a program cannot compute it")
    return operation if operation.primitive else operation.key


def same_graph(one: Record, other: Record) -> bool:
    """Whether two records compute the same of any inputs and parameters: equal except for the numbers of those."""
    for name in ("ops", "first", "second", "outputs", "limited"):
        if getattr(one, name) != getattr(other, name):
            return False
    pairs = [(a, b) for a, b, op in zip(one.numbers, other.numbers, one.ops) if op == CONSTANT]
    return all(a.hex() == b.hex() for a, b in pairs)  # zeros have signs

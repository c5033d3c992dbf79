"""First pass: a graph read into lists, a place for each node, operands before what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.derivatives import rule_of
from engine.node import topological_order
from engine.operations import CONSTANT, Operation
from engine.validation import plain_label
from engine.value import Value

Op: TypeAlias = str | Operation
"""An operation in a record: the name of the engine's, the object of a user's."""
INPUT, PARAMETER = "input", "parameter"
NONE = -1
"""Where a node has no such operand."""


@dataclass
class Record:
    """A graph as lists: each node's operation, its operands' places, and its number when it was recorded.

    Inputs come first, then parameters, then all other nodes. ``outputs`` are the places of what is to be computed.
    """

    ops: list[Op]
    first: list[int]
    second: list[int]
    numbers: list[float]
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


def ordered(outputs: Sequence[Value]) -> list[Value]:
    """Every node under the outputs once, operands before what is made of them."""
    if len(outputs) == 1:
        return topological_order(outputs[0])
    entered: set[Value] = set()
    order: dict[Value, None] = {}
    stack = list(reversed(outputs))
    while stack:
        node = stack[-1]
        if node in entered:
            order.setdefault(stack.pop())
        else:
            entered.add(node)
            stack += [operand for operand in reversed(node.operands) if operand not in entered]
    return list(order)


def recorded(outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value]) -> Record:
    """The graph under *outputs*. Leaves that are neither inputs nor parameters are taken as the constants they are.

    Raises:
        ValueError: a parameter is not in the graph.
    """
    leaves = [*inputs, *parameters]
    kinds: list[Op] = [*[INPUT] * len(inputs), *[PARAMETER] * len(parameters)]
    places = {leaf: place for place, leaf in enumerate(leaves)}
    met = set(outputs)
    nothing = [NONE] * len(leaves)
    record = Record(kinds, nothing, nothing.copy(), [leaf.data for leaf in leaves], len(inputs), len(parameters), [])
    for node in ordered(outputs):
        if node in places:
            met.add(node)
            continue
        operands = node.operands
        if not operands:
            places[node] = record.add(CONSTANT, number=node.data)
            if not node.op:
                record.frozen.append(node)
            continue
        operation = node.operation
        if rule_of(operation) is None:
            raise ValueError(f"{node.op} has numbers for derivatives and no rule, so that a program cannot compute it")
        op: Op = operation if operation.primitive else operation.key
        second = places[operands[1]] if len(operands) == 2 else NONE
        places[node] = record.add(op, places[operands[0]], second, node.data)
    for count, parameter in enumerate(parameters):
        if parameter not in met:
            name = f" ({plain_label(parameter.label)})" if parameter.label else ""
            raise ValueError(
                f"parameter {count}{name} is not in the graph; leave it out, or compute the output with it"
            )
    record.outputs = [places[output] for output in outputs]
    return record

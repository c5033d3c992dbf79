"""Third pass: chains of + and - become sums of many terms, and products used only there become dot products."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.compiler.trace import NONE, Record

LINEAR = ("+", "-", "neg")


@dataclass
class Sum:
    """plus[0] + ... - minus[0] - ... + plus_products[0][0] * plus_products[1][0] + ... - ...

    Terms are places of nodes; products are two lists, of the factors on either side.
    """

    plus: list[int] = field(default_factory=list)
    minus: list[int] = field(default_factory=list)
    plus_products: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    minus_products: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))

    def operands(self) -> list[int]:
        """Every node that it is made of."""
        return [
            *self.plus,
            *self.minus,
            *(p for pair in (self.plus_products, self.minus_products) for s in pair for p in s),
        ]


@dataclass
class Summed:
    """A record in which some nodes are sums and others are inside of them."""

    record: Record
    sums: dict[int, Sum]
    inside: bytearray
    """1 for each node that is part of a sum and computed nowhere else."""


def summed(record: Record) -> Summed:
    """Find the sums."""
    ops, first, second = record.ops, record.first, record.second
    uses = [0] * (len(ops) + 1)
    for operand in first:
        uses[operand] += 1
    for operand in second:
        uses[operand] += 1
    for output in record.outputs:
        uses[output] += 2  # an output is computed for itself
    inside = bytearray(len(ops))
    for place, op in enumerate(ops):
        if op in LINEAR:
            for operand in (first[place], second[place]):
                if uses[operand] == 1 and (ops[operand] == "*" or ops[operand] in LINEAR) and operand != NONE:
                    inside[operand] = 1
    sums = {place: _sum(record, place, inside) for place, op in enumerate(ops) if op in LINEAR and not inside[place]}
    return Summed(record, sums, inside)


def _sum(record: Record, root: int, inside: bytearray) -> Sum:
    ops, first, second = record.ops, record.first, record.second
    found = Sum()
    plus, minus = found.plus, found.minus
    (plus_left, plus_right), (minus_left, minus_right) = found.plus_products, found.minus_products
    waiting = [(root, True)]
    while waiting:
        place, positive = waiting.pop()
        op = ops[place]
        if place != root and not inside[place]:
            (plus if positive else minus).append(place)
        elif op == "*":
            (plus_left if positive else minus_left).append(first[place])
            (plus_right if positive else minus_right).append(second[place])
        elif op == "neg":
            waiting.append((first[place], not positive))
        else:
            waiting.append((second[place], positive if op == "+" else not positive))
            waiting.append((first[place], positive))
    return found

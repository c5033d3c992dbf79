"""Third pass: chains of + and - become sums of many terms, and products used only there become dot products.

A sum keeps the order in which its graph adds up: only the left operand of a + or - is opened, so that ``a + b - c`` is
one sum and ``a + (b - c)`` is two. No number changes, nor the sign of a zero: a negated term hands its sign to the sum,
and an added 0.0 moves to the end, where it is left out if the sum cannot be -0.0. Only products that follow each other
may be added up by themselves, where ``lower_forward`` finds a matrix product in them.
"""

from math import copysign
from typing import Final, TypeAlias

from engine.compiler.trace import NONE, Record
from engine.operations import CONSTANT

LINEAR: Final = ("+", "-", "neg")
_NO_NEGATIVE_ZERO: Final = ("exp", "abs", "cosh", "sigmoid", "softplus", "erfc")
Term: TypeAlias = tuple[bool, int, int]
"""Whether it is added, and a node or the two factors of a product; the second is NONE for a node."""


def inside_sums(record: Record) -> bytearray:
    """1 for each node that is part of a sum and computed nowhere else."""
    ops, first, second = record.ops, record.first, record.second
    uses = record.uses()
    for output in record.outputs:
        uses[output] += 2  # an output is computed for itself
    inside = bytearray(len(ops))
    for index, op in enumerate(ops):
        if op in LINEAR:
            left, right = first[index], second[index]
            if uses[left] == 1 and (ops[left] == "*" or (op != "neg" and ops[left] in LINEAR)):
                inside[left] = 1
            if right != NONE and uses[right] == 1 and ops[right] in ("*", "neg"):
                inside[right] = 1
    return inside


def terms_of(record: Record, root: int, inside: bytearray) -> list[Term]:
    """The terms of a sum from left to right; its chain is read from the last + or - to the first."""
    ops, first, second = record.ops, record.first, record.second
    found: list[Term] = []
    index, zero, positive_zero = root, NONE, False
    while index != NONE:
        op, positive = ops[index], True
        if (index == root or inside[index]) and op in ("+", "-"):
            term, index, positive = second[index], first[index], op == "+"
        else:
            term, index = index, NONE
        while ops[term] == "neg" and (inside[term] or term == root):
            term, positive = first[term], not positive
        if ops[term] == "*" and inside[term]:
            found.append((positive, first[term], second[term]))
            positive_zero |= positive and first[term] == second[term]
        elif ops[term] == CONSTANT and _is_plus_zero(record.numbers[term], positive):
            zero = term
        else:
            found.append((positive, term, NONE))
            positive_zero |= positive and _never_negative_zero(record, term)
    found.reverse()
    if not found or (zero != NONE and not positive_zero):
        found.append((copysign(1.0, record.numbers[zero]) > 0.0, zero, NONE))
    return found


def _is_plus_zero(number: float, positive: bool) -> bool:
    """Whether to add this number, or to take it away, is to add 0.0: all that it does is to make 0.0 of -0.0."""
    return number == 0.0 and (copysign(1.0, number) > 0.0) == positive


def _never_negative_zero(record: Record, index: int) -> bool:
    """Whether a node is never -0.0; neither is then a sum in which it is added."""
    return record.ops[index] in _NO_NEGATIVE_ZERO or (record.ops[index] == CONSTANT and record.numbers[index] != 0.0)

"""Second pass: what need not be computed. Constants are folded, x * 1 and --x are x, equal nodes are one node."""

import math
from array import array
from itertools import accumulate, compress

from engine.compiler.trace import NONE, Op, Record
from engine.operations import CONSTANT


def simplified(record: Record) -> Record:
    """An equal graph with fewer nodes; nothing of it that its outputs do not need."""
    return _living(_Simplifier(record).run())


class _Simplifier:
    """The new record grows node by node; ``here`` has its index for each index of the old one."""

    def __init__(self, old: Record) -> None:
        self.old = old
        n_leaves = old.n_inputs + old.n_parameters
        nothing = [NONE] * n_leaves
        numbers = old.numbers[:n_leaves]
        self.new = Record(old.ops[:n_leaves], nothing, nothing.copy(), numbers, old.n_inputs, old.n_parameters, [])
        self.here = list(range(n_leaves))
        self.uses = old.uses()
        self.constants: dict[str, int] = {}
        self.known: dict[tuple[Op, int, int], int] = {}

    def run(self) -> Record:
        old, here = self.old, self.here
        for index in range(len(here), len(old.ops)):
            op = old.ops[index]
            if op == CONSTANT:
                here.append(self.constant(old.numbers[index]))
                continue
            a, b = here[old.first[index]], old.second[index]
            here.append(self.node(op, a, here[b] if b != NONE else NONE, index))
        self.new.outputs = [here[output] for output in old.outputs]
        return self.new

    def constant(self, number: float) -> int:
        """The node of a constant, one for each number; 0.0 and -0.0 are two."""
        key = number.hex()
        if key not in self.constants:
            self.constants[key] = self.new.add(CONSTANT, number=number)
        return self.constants[key]

    def node(self, op: Op, a: int, b: int, index: int) -> int:
        """The node that computes this; *index* is that of the old one."""
        new, old = self.new, self.old
        a_fixed = new.ops[a] == CONSTANT
        b_fixed = b == NONE or new.ops[b] == CONSTANT
        if a_fixed and b_fixed:
            return self.constant(old.numbers[index])
        if a_fixed or (b != NONE and b_fixed):
            without = self.without_constant(op, a, b)
            if without != NONE:
                return without
        if op == "neg":
            return self.negated(a)
        if self.uses[old.first[index]] == 1 or (b != NONE and self.uses[old.second[index]] == 1):
            return new.add(op, a, b)  # no other node has these operands
        key = (op, b, a) if op in ("+", "*") and b < a else (op, a, b)
        if key not in self.known:
            self.known[key] = new.add(op, a, b)
        return self.known[key]

    def negated(self, a: int) -> int:
        if self.new.ops[a] == "neg":
            return self.new.first[a]
        key = ("neg", a, NONE)
        if key not in self.known:
            self.known[key] = self.new.add("neg", a)
        return self.known[key]

    def without_constant(self, op: Op, a: int, b: int) -> int:
        """An equal node with no constant, or of a simpler operation; NONE where there is none.

        Equal for every number: x + 0.0 is not x where x is -0.0, and 0.0 - x is not -x where x is 0.0.
        """
        left, right = self.constant_at(a), self.constant_at(b)
        if (op == "+" and _is_negative_zero(left)) or (op == "*" and left == 1.0):
            return b
        if (op == "+" and _is_negative_zero(right)) or (op in ("*", "/", "**") and right == 1.0):
            return a
        if op == "-" and right == 0.0 and not _is_negative_zero(right):
            return a
        if (op == "*" and left == -1.0) or (op == "-" and _is_negative_zero(left)):
            return self.negated(b)
        if op in ("*", "/") and right == -1.0:
            return self.negated(a)
        if op == "**" and right == 2.0:
            return self.new.add("*", a, a)
        if op == "**" and right == -1.0:
            return self.new.add("/", self.constant(1.0), a)
        return NONE

    def constant_at(self, index: int) -> float:
        """The number of a constant; NaN for any other operand, or none."""
        return self.new.numbers[index] if index != NONE and self.new.ops[index] == CONSTANT else math.nan


def _is_negative_zero(number: float) -> bool:
    return number == 0.0 and math.copysign(1.0, number) < 0.0


def _living(record: Record) -> Record:
    """The nodes that outputs are made of, and all inputs and parameters."""
    n_leaves = record.n_inputs + record.n_parameters
    alive = record.leading_to(record.outputs)
    alive[:n_leaves] = b"\x01" * n_leaves
    if all(alive):
        return record
    here = [*accumulate(alive[:-1], initial=0)]  # as many as are alive before a node
    here[NONE] = NONE
    first, second = [[here[index] for index in compress(side, alive)] for side in (record.first, record.second)]
    ops, numbers = [*compress(record.ops, alive)], array("d", compress(record.numbers, alive))
    outputs = [here[output] for output in record.outputs]
    return Record(ops, first, second, numbers, record.n_inputs, record.n_parameters, outputs)

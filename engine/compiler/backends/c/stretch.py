"""A stretch of a program as C: statements on blocks of examples, their numbers in registers and on a small tape."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from engine.compiler.backends.c.statements import Slot, Statement, per_example
from engine.expressions.c_functions import LONGEST

KEEPING = {
    **{"add": 2, "subtract": 2, "multiply": 2, "divide": 1, "negative": 1, "copy": 1},
    **{"sum": None, "products": None},
}
"""Operations whose result is infinite or NaN where one of so many operands is, from the first; or of all, for None."""
EACH, BEFORE, AFTER = "each", "before", "after"
PAIR = "tanh", "sech2"
"""Functions that are computed at once, because a gradient needs both: their lines follow each other."""


@dataclass(eq=False, slots=True)
class Number:
    """A number that is read or computed."""

    when: str
    """For each example; or before or after these, for all."""
    part: int = -1
    """The part that computes it for each example; -1 where it is read."""
    index: int = 0
    """Where it is: on the tape, among the scalars or, negative, among the sums over examples."""
    last: int = -1
    """The last part that reads it from the tape."""


class Line(NamedTuple):
    """A statement whose operands are known."""

    number: Number
    form: str
    operands: list[Number | float]
    is_forward: bool


class Stretch:
    """The statements between two calls of numpy, each with whether it belongs to the forward pass.

    The slots *wanted* are read afterwards; with *pairs* a function computes tanh and its derivative at once. Raises a
    NotImplementedError where a number of an example is made of a sum over examples.
    """

    def __init__(self, statements: Iterable[tuple[Statement, bool]], wanted: set[Slot], pairs: bool) -> None:
        self.read: dict[Slot, Number] = {}
        self.lines: dict[str, list[Line]] = {EACH: [], BEFORE: [], AFTER: []}
        self.n_scalars, self.n_sums = 0, 1  # the first sum is NaN where a check failed
        self.pairs = pairs
        self._now: dict[Slot, Number | float] = {}
        self._made: dict[tuple[object, ...], Number] = {}
        for statement, is_forward in statements:
            self._now[statement.out] = self._taken(statement, is_forward)
        self.written = {slot: self._placed(slot, self._now[slot]) for slot in sorted(wanted & self._now.keys())}
        self.written = {slot: number for slot, number in self.written.items() if self.read.get(slot) is not number}
        self._drop_unused()
        self._note_parts()
        self.checked = self._to_check()
        self.n_tape = self._allocate()
        self.n_lines = sum(map(len, self.lines.values()))
        self.called = {(line.form, len(line.operands)) for line in self.lines[EACH] if line.form not in KEEPING}
        """Functions for blocks of examples, and how many operands they have."""

    @property
    def memories(self) -> list[str]:
        return sorted({memory for memory, _ in [*self.read, *self.written]})

    def _taken(self, statement: Statement, is_forward: bool) -> Number | float:
        """What a statement computes: what is there already, or one line more."""
        form = statement.form
        operands = [part if isinstance(part, float) else self._operand(part) for part in statement.operands]
        if form == "sum" and len(operands) == 1 and not statement.reduces:
            form = "copy"
        if form == "copy":
            return operands[0]
        rest = statement.reduces, *(part if isinstance(part, Number) else repr(part) for part in operands)
        if (form, *rest) not in self._made:
            for each in PAIR if self.pairs and form in PAIR else (form,):  # one that nothing reads is dropped later
                number = self._added(
                    each, operands, is_forward and each == form, statement.reduces, per_example(statement.out)
                )
                self._made[each, *rest] = number
        return self._made[form, *rest]

    def _added(
        self, form: str, operands: list[Number | float], is_forward: bool, reduces: bool, is_each: bool
    ) -> Number:
        numbers = [part for part in operands if isinstance(part, Number)]
        of_sums = any(number.when == AFTER for number in numbers)
        if is_each and of_sums:
            raise NotImplementedError
        if reduces:
            out = Number(AFTER, index=-self.n_sums)
            self.n_sums += 1
        elif any(number.when == EACH for number in numbers):
            out = Number(EACH)
        else:
            out = self._new_scalar(AFTER if of_sums else BEFORE)
        self.lines[EACH if reduces else out.when].append(Line(out, form, operands, is_forward))
        return out

    def _operand(self, slot: Slot) -> Number | float:
        if slot not in self._now:
            self._now[slot] = self.read[slot] = Number(EACH) if per_example(slot) else self._new_scalar(BEFORE)
        return self._now[slot]

    def _placed(self, slot: Slot, part: Number | float) -> Number:
        """A number that can be written into a slot."""
        if isinstance(part, Number) and (part.when == EACH) == per_example(slot):
            return part
        out = Number(EACH) if per_example(slot) else self._new_scalar(BEFORE)
        self.lines[out.when].append(Line(out, "copy", [part], False))
        return out

    def _drop_unused(self) -> None:
        needed = {*self.written.values(), *self._to_check()}
        for when in (AFTER, EACH, BEFORE):
            kept = []
            for line in reversed(self.lines[when]):
                if line.number in needed:
                    needed.update(part for part in line.operands if isinstance(part, Number))
                    kept.append(line)
            self.lines[when] = kept[::-1]
        self.read = {slot: number for slot, number in self.read.items() if number in needed}

    def _note_parts(self) -> None:
        """Note which part computes a number, and the last that reads it."""
        for count, line in enumerate(self.lines[EACH]):
            line.number.part = count // LONGEST
            for part in line.operands:
                if isinstance(part, Number):
                    part.last = count // LONGEST
        self.n_parts = -(-len(self.lines[EACH]) // LONGEST)
        for number in self.written.values():
            number.last = self.n_parts

    def _new_scalar(self, when: str) -> Number:
        self.n_scalars += 1
        return Number(when, index=self.n_scalars - 1)

    def _to_check(self) -> set[Number]:
        """Which results forward show by being infinite or NaN that any of them is.

        Operations that keep what is infinite or NaN hand the others on to these.
        """
        found, handed_on = set[Number](), set[Number]()
        for line in [*self.lines[EACH], *self.lines[BEFORE], *self.lines[AFTER]]:
            if line.is_forward:
                found.add(line.number)
                if line.form in KEEPING:
                    handed_on.update(part for part in line.operands[: KEEPING[line.form]] if isinstance(part, Number))
        return found - handed_on

    def _allocate(self) -> int:
        """Give a place on the tape to what another part reads, or what is read; return the length of the tape."""
        free, ending, length = list[int](), dict[int, list[int]](), 0
        self.read = dict(sorted(self.read.items()))  # inputs side by side
        for number in [*self.read.values(), *(line.number for line in self.lines[EACH])]:
            if number.when != EACH or number.last <= number.part:
                continue
            for past in [past for past in ending if past < number.part]:
                free += ending.pop(past)
            if not free:
                free.append(length)
                length += 1
            number.index = free.pop()
            ending.setdefault(number.last, []).append(number.index)
        return length

    @property
    def depth(self) -> int:
        """How many operations wait for each other."""
        depths = dict[Number | float, int]()
        for line in self.lines[EACH]:
            depths[line.number] = 1 + max((depths.get(part, 0) for part in line.operands), default=0)
        return max(depths.values(), default=0)

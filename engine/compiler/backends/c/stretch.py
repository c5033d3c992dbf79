"""A stretch of a program as C: functions that compute blocks of examples, their numbers in registers and on a tape."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from heapq import heappop, heappush
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.compiler.backends.numpy_kernels import KERNELS
from engine.compiler.ir import Instruction, Map, MatMul, Scatter, Take, Total, View
from engine.compiler.vectorize import UNIFORM
from engine.derivatives import SLOPES
from engine.expressions.c_functions import function, parts_of
from engine.expressions.writers import C_NAMES, c_number

Slot: TypeAlias = tuple[str, int]
_MOST = 1024  # numbers that one instruction computes or adds up: numpy is as fast with more
_FORMS = {"add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "divide": "{} / {}"}
_FORMS |= {"negative": "-{}", "copy": "{}"}
"""Operations whose result is infinite or NaN where an operand is; or, of a quotient, the first."""
_ARGUMENTS = "V *restrict t, real *restrict u, V *restrict s, const I *there"
_PAIR = "tanh", "sech2"
"""Functions that are computed at once, because a gradient needs both."""
_BEFORE, _EACH, _AFTER = "before", "each", "after"


@dataclass(eq=False, slots=True)
class Number:
    """A number that is read or computed: for each example, or before or after these, for all."""

    name: str
    when: str
    index: int
    """Where it is: on the tape ``t``, if it has a place there; or in ``u``, where those of sums are negative."""
    last: int = -1
    """The last function that reads it."""

    @property
    def is_each(self) -> bool:
        return self.when == _EACH

    @property
    def place(self) -> str:
        return f"t[{self.index} * B + @]" if self.is_each else f"u[{self.index}]"


class Line(NamedTuple):
    """A line of C, the numbers that it computes, and those that it reads. A block's number takes the place of ``@``."""

    text: str
    numbers: list[Number]
    read: list[Number]


class Stretch:
    """Instructions between two calls of numpy, number by number; those with a number below 0 are forward.

    Raises a NotImplementedError where a number of an example is made of a sum over examples.
    """

    def __init__(self, instructions: Iterable[tuple[int, Instruction]]) -> None:
        self.read: dict[Slot, Number] = {}
        self.lines: dict[str, list[Line]] = {_BEFORE: [], _EACH: [], _AFTER: []}
        self.called = set[tuple[str, int]]()
        """Functions of C, and how many operands they have."""
        self.n_uniform, self.n_sums = 0, 1  # the first sum is NaN where a check failed
        self._n_numbers = 0
        self._checked = set[Number]()
        """Numbers forward that show by being infinite or NaN that any of them is."""
        self._now: dict[Slot, Number] = {}
        self._made: dict[tuple[object, ...], Number] = {}
        for at, instruction in instructions:
            self._append(instruction, at < 0)

    def _append(self, instruction: Instruction, is_forward: bool) -> None:
        """Carry out an instruction with numbers that have no value yet."""
        make, shape = partial(self._result, is_forward), instruction.out.shape
        add, multiply = partial(make, "add"), partial(make, "multiply")
        parts: list[Any] = [self._numbers(part) if isinstance(part, View) else part for part in instruction.operands]
        found: Iterable[Any]
        match instruction:
            case Map(function="copy") | Total(over_examples=True):
                found = np.broadcast_to(np.array(parts[0], object), shape).ravel()
            case Map(function=form):
                found = np.broadcast_to(np.frompyfunc(partial(make, form), len(parts), 1)(*parts), shape).ravel()
            case Total():
                found = (reduce(add, row) for row in parts[0].reshape(-1, parts[0].shape[-1]))
            case MatMul(kind=kind):
                a, b = map(np.atleast_2d, parts)
                rows, columns = {"to vectors": (b, a.T), "to weights": (a.T, b.T)}.get(kind, (b, a))
                found = (reduce(add, map(multiply, column, row)) for row in rows for column in columns)
            case Take():
                found = [self._number(slot) for slot in _slots(instruction)]
            case Scatter():
                for slot, number in zip(_slots(instruction), parts[0].ravel()):
                    self._put(slot, add(self._number(slot), number))
                return
        for slot, number in zip(_slots(instruction.out), found):
            self._put(slot, number)

    def _numbers(self, view: View) -> NDArray[Any]:
        return np.array([self._number(slot) for slot in _slots(view)], object).reshape(view.shape)

    def _number(self, slot: Slot) -> Number:
        if slot not in self._now:
            self._now[slot] = self.read[slot] = self._new(_BEFORE if slot[0].startswith(UNIFORM) else _EACH)
        return self._now[slot]

    def _put(self, slot: Slot, number: Number | float) -> None:
        """Write a number; where one of each example is written for all, their sum is meant."""
        is_each = not slot[0].startswith(UNIFORM)
        if isinstance(number, Number) and number.is_each and not is_each:
            number = self._sum(number)
        elif not (isinstance(number, Number) and number.is_each == is_each):
            number = self._result(False, "copy", number, when=_EACH if is_each else _BEFORE)
        self._now[slot] = number

    def _result(self, is_forward: bool, form: str, *operands: Number | float, when: str = _BEFORE) -> Number:
        """What a form computes: a number that is there already, or one line more."""
        rest = when, *(part if isinstance(part, Number) else repr(part) for part in operands)
        if (form, *rest) not in self._made:
            read = [part for part in operands if isinstance(part, Number)]
            whens = {when, *(part.when for part in read)}
            if whens >= {_EACH, _AFTER}:
                raise NotImplementedError
            when = next(each for each in (_EACH, _AFTER, _BEFORE) if each in whens)
            forms = _PAIR if form in _PAIR else (form,)
            numbers = [self._new(when) for _ in forms]
            self._made.update(((each, *rest), number) for each, number in zip(forms, numbers))
            names = [part.name if isinstance(part, Number) else f"ALL({c_number(part)})" for part in operands]
            if is_forward:
                self._checked.difference_update(operands[: 1 if form == "divide" else 2] if form in _FORMS else ())
                self._checked.add(self._made[form, *rest])
            text = self._text(form, names, [number.name for number in numbers])
            self.lines[when].append(Line(text, numbers, read))
        return self._made[form, *rest]

    def _text(self, form: str, operands: list[str], made: list[str]) -> str:
        first, *others = made
        if others:
            return f"V {others[0]}; V {first} = v_{'_and_'.join(_PAIR)}({operands[0]}, &{others[0]});"
        if form in _FORMS:
            return f"V {first} = {_FORMS[form].format(*operands)};"
        name = C_NAMES.get(form, form)
        self.called.add((name, len(operands)))
        return f"V {first} = v_{name}({', '.join(operands)});"

    def _sum(self, number: Number) -> Number:
        """The sum of a number over all examples."""
        if ("sum", number) not in self._made:
            text = f"s[{self.n_sums}] += KEPT({number.name}, there[@]);"
            self.lines[_EACH].append(Line(text, [], [number]))
            self._made["sum", number] = total = self._new(_AFTER)
            total.index = ~self.n_sums
            self.n_sums += 1
        return self._made["sum", number]

    def _new(self, when: str) -> Number:
        self._n_numbers += 1
        self.n_uniform += when != _EACH
        return Number(f"v{self._n_numbers}{'_@' if when == _EACH else ''}", when, self.n_uniform - 1)

    @property
    def depth(self) -> int:
        """How many operations wait for each other."""
        depths = dict[Number, int]()
        for _, numbers, read in self.lines[_EACH]:
            depths.update(dict.fromkeys(numbers, 1 + max((depths.get(number, 0) for number in read), default=0)))
        return max(depths.values(), default=0)

    def functions(self, wanted: set[Slot], memories: list[str], first: int, blocks: str) -> Iterator[str]:
        """Its functions in C, with numbers from *first* on; the slots *wanted* are read after the stretch.

        Notes how long the tape is, and for ``run.h`` the ``sizes`` of all and the ``places`` of numbers in *memories*.
        """
        changed = {slot for slot, number in self._now.items() if number is not self.read.get(slot)}
        written = [(slot, self._now[slot]) for slot in sorted(wanted & changed)]
        groups = [parts_of(lines) for lines in self.lines.values()]
        parts = [*chain.from_iterable(groups)]
        for index, lines in enumerate(parts):
            for number in chain.from_iterable(line.read for line in lines):
                number.last = index
        for _, number in written:
            number.last = len(parts)
        read = [(slot, number) for slot, number in sorted(self.read.items()) if number.last >= 0]
        made = [(number, index) for index, lines in enumerate(parts) for line in lines for number in line.numbers]
        ending: list[tuple[int, int]] = []  # by which function the number in a place of the tape is read last
        for number, index in [*((number, -1) for _, number in read), *made]:
            if number.is_each and number.last > index:
                number.index = heappop(ending)[1] if ending and ending[0][0] < index else len(ending)
                heappush(ending, (number.last, number.index))
        self.n_tape = len(ending)
        kinds = (read, False), (read, True), (written, True), (written, False)
        places = [
            [(memories.index(name), slot, number.index) for (name, slot), number in pairs if is_each == number.is_each]
            for pairs, is_each in kinds
        ]
        self.sizes = np.array([first, *map(len, groups), self.n_tape, self.n_sums, *map(len, places)], np.int64)
        self.places = np.array([*chain.from_iterable(places)], np.int64)
        for index, lines in enumerate(parts):
            body = [
                text.replace("@", block)
                for text in self._body(index, lines)
                for block in (blocks if "@" in text else "0")
            ]
            yield function(f"void part{first + index}({_ARGUMENTS})", body)

    def _body(self, index: int, lines: Sequence[Line]) -> Iterator[str]:
        """The lines of a function, with what it reads from earlier ones, and what it hands to later ones."""
        known = set[Number]()
        for text, numbers, read in lines:
            for number in dict.fromkeys(read):
                if number not in known:
                    yield f"V {number.name} = {number.place if number.is_each else f'ALL({number.place})'};"
            known.update(read, numbers)
            yield text
            for number in numbers:
                if number.last > index:
                    yield f"{number.place} = {number.name}{'' if number.is_each else '[0]'};"
                if number in self._checked:
                    yield f"s[0] += {number.name} - {number.name};"


def is_native(instruction: Instruction) -> bool:
    """Whether C carries it out: no function of Python, nothing careful, and no large matrix."""
    match instruction:
        case Map(function=form, out=out):
            return isinstance(form, str) and (form in KERNELS or form in SLOPES) and out.size <= _MOST
        case MatMul(kind=kind, left=left, right=right):
            n_products = left.size * right.shape[-1 if kind == "to weights" else 0]
            return not kind.endswith("careful") and n_products <= _MOST
        case Total(operand=operand):
            return operand.size <= _MOST
    return instruction.out.size <= _MOST


def read_by(instruction: Instruction) -> set[Slot]:
    """The slots that an instruction reads."""
    parts = [*instruction.operands, *([instruction] if isinstance(instruction, (Take, Scatter)) else [])]
    return {slot for part in parts if not isinstance(part, float) for slot in _slots(part)}


def _slots(view: View | Take | Scatter) -> list[Slot]:
    return [(view.memory, slot) for slot in view.slots.ravel().tolist()]

"""A stretch of a program as C: statements on blocks of examples, their numbers in registers and on a small tape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.compiler.backends.c.statements import Slot, Statement
from engine.compiler.vectorize import INPUTS
from engine.expressions.writers import c_number

_PART = 400  # statements of a function: compilers take long for those that are longer
_SIDE_BY_SIDE = 6  # operations that a processor has at hand, on average, if it is not to wait for one
_INFIX = {"add": " + ", "subtract": " - ", "multiply": " * ", "divide": " / ", "sum": " + "}
_NAMES = {"abs": "fabs", "log_or_limit": "log", "power_or_limit": "pow"}
_KEEPING = {"add": 2, "subtract": 2, "multiply": 2, "divide": 1, "negative": 1, "copy": 1, "sum": None, "products": None}
"""Operations whose result is infinite or NaN where an operand is: where one of so many is, from the first; or of all."""
EACH, BEFORE, AFTER = "each", "before", "after"
PAIRED = "sech2, with tanh"


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


def per_example(slot: Slot) -> bool:
    """Whether a slot has a number for each example."""
    return slot[0][:7] != "uniform"


class Stretch:
    """The statements between two calls of numpy.

    Args:
        statements: each with whether it belongs to the forward pass.
        wanted: the slots that are read afterwards.

    Raises:
        NotImplementedError: a number of an example is made of a sum over examples.
    """

    def __init__(self, statements: Iterable[tuple[Statement, bool]], wanted: set[Slot]) -> None:
        self.read: dict[Slot, Number] = {}
        self._lines: dict[str, list[Line]] = {EACH: [], BEFORE: [], AFTER: []}
        self.n_scalars, self.n_sums = 0, 1  # the first sum is NaN where a check failed
        self._now: dict[Slot, Number | float] = {}
        self._made: dict[tuple[object, ...], Number] = {}
        for statement, is_forward in statements:
            self._now[statement.out] = self._taken(statement, is_forward)
        self.written = {slot: self._placed(slot, self._now[slot]) for slot in wanted & self._now.keys()}
        self.written = {slot: number for slot, number in self.written.items() if self.read.get(slot) is not number}
        self._drop_unused()
        self._checked = self._to_check()
        self.n_tape = self._allocate()
        self.n_blocks = self._blocks()
        self.n_lines = sum(map(len, self._lines.values()))
        self.called = {
            (_NAMES.get(line.form, line.form), len(line.operands))
            for line in self._lines[EACH]
            if line.form not in _KEEPING and line.form != PAIRED
        }
        """Functions for blocks of examples, and how many operands they have."""

    @property
    def memories(self) -> list[str]:
        """The memories that it reads or writes."""
        return sorted({memory for memory, _ in [*self.read, *self.written]})

    def _taken(self, statement: Statement, is_forward: bool) -> Number | float:
        """What a statement computes: what is there already, or one line more."""
        form = statement.form
        operands = [part if isinstance(part, float) else self._operand(part) for part in statement.operands]
        if form == "sum" and len(operands) == 1 and not statement.reduces:
            form = "copy"
        if form == "add" and not is_forward and 0.0 in operands:
            form, operands = "copy", [operands[operands[0] == 0.0]]
        if form == "copy":
            return operands[0]
        key = form, statement.reduces, *(part if isinstance(part, Number) else repr(part) for part in operands)
        if key not in self._made:
            self._made[key] = self._added(form, operands, is_forward, statement.reduces, per_example(statement.out))
        return self._made[key]

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
        self._lines[EACH if reduces else out.when].append(Line(out, form, operands, is_forward))
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
        self._lines[out.when].append(Line(out, "copy", [part], False))
        return out

    def _drop_unused(self) -> None:
        """Leave out what nothing reads, and note which part computes a number, and the last that reads it."""
        needed = {*self.written.values(), *self._to_check()}
        for when in (AFTER, EACH, BEFORE):
            kept = []
            for line in reversed(self._lines[when]):
                if line.number in needed:
                    needed.update(part for part in line.operands if isinstance(part, Number))
                    kept.append(line)
            self._lines[when] = kept[::-1]
        self.read = {slot: number for slot, number in self.read.items() if number in needed}
        self._lines[EACH] = _paired(self._lines[EACH])
        for count, line in enumerate(self._lines[EACH]):
            line.number.part = count // _PART
            for part in line.operands:
                if isinstance(part, Number):
                    part.last = count // _PART
        self.n_parts = -(-len(self._lines[EACH]) // _PART)
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
        for line in [*self._lines[EACH], *self._lines[BEFORE], *self._lines[AFTER]]:
            if line.is_forward:
                found.add(line.number)
                if line.form in _KEEPING:
                    handed_on.update(part for part in line.operands[: _KEEPING[line.form]] if isinstance(part, Number))
        return found - handed_on

    def _allocate(self) -> int:
        """Give a place on the tape to what another part reads, or what is read; return the length of the tape."""
        free, ending, length = list[int](), dict[int, list[int]](), 0
        self.read = dict(sorted(self.read.items()))  # inputs side by side
        for number in [*self.read.values(), *(line.number for line in self._lines[EACH])]:
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

    def _blocks(self) -> int:
        """How many blocks are computed side by side: two where operations mostly wait for the one before."""
        depths, lines = dict[Number, int](), self._lines[EACH]
        for line in lines:
            depths[line.number] = 1 + max((depths.get(part, 0) for part in line.operands if isinstance(part, Number)), default=0)
        return 2 if len(lines) < _SIDE_BY_SIDE * max(depths.values(), default=0) else 1

    def functions(self, name: str) -> dict[str, list[str]]:
        """The functions of each kind: for each example, before and after."""
        rows = self._lines[EACH], self._lines[BEFORE], self._lines[AFTER]
        write = self._part, self._scalar_part, self._scalar_part
        return {
            kind: [
                function(f"{name}_{kind}{start // _PART}", lines[start : start + _PART], start // _PART)
                for start in range(0, len(lines), _PART)
            ]
            for kind, lines, function in zip((EACH, BEFORE, AFTER), rows, write)
        }

    def _part(self, name: str, lines: Sequence[Line], index: int) -> str:
        known, body = dict[Number, str](), list[str]()

        def named(part: Number | float) -> str:
            if not isinstance(part, Number) or part.when == BEFORE:
                return _scalar(part)
            if part not in known:
                known[part] = f"v{len(known)}"
                body.extend(f"V {known[part]}{_block(b)} = tape[{self.n_blocks * part.index + b}];" for b in blocks)
            return known[part]

        blocks, tanh_of = range(self.n_blocks), dict[Number | float, str]()
        for number, form, operands, _ in lines:
            names = [named(part) for part in operands]
            texts = [_vector(form, [f"{name}{_block(b)}" if name[0] == "v" else name for name in names]) for b in blocks]
            if number.when == AFTER:
                terms = " + ".join(f"kept({text}, there[{b}])" for b, text in enumerate(texts))
                body.append(f"sums[{-number.index}] += {terms};")
                continue
            known[number] = variable = f"v{len(known)}"
            for b, text in enumerate(texts):
                each = f"{variable}{_block(b)}"
                if form == PAIRED:
                    tanh_of[operands[0]] = f"{variable}t"
                    body.append(f"V {each}, {variable}t{_block(b)} = v_tanh_and_sech2({names[0]}{_block(b)}, &{each});")
                elif form == "tanh" and operands[0] in tanh_of:
                    body.append(f"V {each} = {tanh_of[operands[0]]}{_block(b)};")
                else:
                    body.append(f"V {each} = {text};")
                if number.last > index:
                    body.append(f"tape[{self.n_blocks * number.index + b}] = {each};")
                if number in self._checked:
                    body.append(f"sums[0] += {each} - {each};")
        return _function(f"{name}(V *restrict tape, const real *restrict scalars, V *restrict sums, const I *there)", body)

    def _scalar_part(self, name: str, lines: Sequence[Line], _: int) -> str:
        body = []
        for number, form, operands, _ in lines:
            result = _scalar(number)
            body.append(f"{result} = {_formula(form, [_scalar(part) for part in operands])};")
            if number in self._checked:
                body.append(f"sums[0] += {result} - {result};")
        return _function(f"{name}(real *scalars, V *sums)", body)

    def tables(self, name: str, functions: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """What ``run`` takes."""
        memory = {each: index for index, each in enumerate(self.memories)}
        lists = {
            "inputs": [place for place in self.read.items() if place[0][0] == INPUTS],
            "read": [place for place in self.read.items() if per_example(place[0]) and place[0][0] != INPUTS],
            "written": [place for place in self.written.items() if per_example(place[0])],
            "uniform_read": [place for place in self.read.items() if not per_example(place[0])],
            "uniform_written": [place for place in self.written.items() if not per_example(place[0])],
        }
        fields = []
        for kind, places in lists.items():
            rows = [f"{{{memory[slot[0]]}, {number.index}, {slot[1]}}}" for slot, number in places]
            yield f"static const struct place {name}_{kind}[] = {{{', '.join(rows) or '{0, 0, 0}'}}};"
            fields.append(f"{{{len(rows)}, {name}_{kind}}}")
        for kind, type_ in ((EACH, "part"), (BEFORE, "scalar_part"), (AFTER, "scalar_part")):
            names = [f"{name}_{kind}{index}" for index in range(len(functions[kind]))]
            if names:
                yield f"{type_} {', '.join(names)};"
            yield f"static {type_} *const {name}_{kind}[] = {{{', '.join([*names, 'NULL'])}}};"
            fields.append(f"{name}_{kind}")
        yield f"const struct stretch {name} = {{{self.n_sums}, {self.n_tape}, {self.n_parts}, {', '.join(fields)}}};"


def _paired(lines: Sequence[Line]) -> list[Line]:
    """The lines, with the derivative of tanh where tanh is computed, as both take the same exponential."""
    after: dict[Number | float, list[Line]] = {}
    for line in lines:
        if line.form == "tanh":
            after[line.operands[0]] = []
    found = []
    for line in lines:
        if line.form == "sech2" and line.operands[0] in after:
            after[line.operands[0]].append(line._replace(form=PAIRED))
    for line in lines:
        if line.form == "sech2" and line.operands[0] in after:
            continue
        found += [*(after[line.operands[0]] if line.form == "tanh" else []), line]
    return found


def _block(index: int) -> str:
    return chr(ord("a") + index)


def _scalar(part: Number | float) -> str:
    if isinstance(part, Number):
        return f"scalars[{part.index}]" if part.index >= 0 else f"total(sums[{-part.index}])"
    return f"((real){c_number(part)})"


def _vector(form: str, operands: list[str]) -> str:
    """A statement's formula for a block of examples."""
    if form in _KEEPING:
        text = _formula(form, operands)
        return text if any(name[0] == "v" for name in operands) else f"all({text})"
    return _formula(form, [name if name[0] == "v" else f"all({name})" for name in operands], "v_")


def _formula(form: str, operands: list[str], prefix: str = "") -> str:
    """A statement's formula."""
    if form in _INFIX:
        return _INFIX[form].join(operands)
    if form == "products":
        return " + ".join(f"{a} * {b}" for a, b in zip(operands[::2], operands[1::2]))
    if form in ("negative", "copy"):
        return f"-{operands[0]}" if form == "negative" else operands[0]
    return f"{prefix}{_NAMES.get(form, form)}({', '.join(operands)})"


def _function(signature: str, body: Iterable[str]) -> str:
    return f"void {signature}\n{{\n" + "".join(f"    {line}\n" for line in body) + "}\n"

"""Stretches written as C: functions that compute blocks of examples, and tables for what calls them."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from engine.compiler.backends.c.statements import per_example
from engine.compiler.backends.c.stretch import AFTER, BEFORE, EACH, KEEPING, PAIR, Line, Number, Stretch
from engine.compiler.vectorize import INPUTS
from engine.expressions.c_functions import LONGEST, function
from engine.expressions.writers import c_number

_INFIX = {"add": " + ", "subtract": " - ", "multiply": " * ", "divide": " / ", "sum": " + "}
_NAMES = {"abs": "fabs", "log_or_limit": "log", "power_or_limit": "pow"}
_BLOCKS = ("a", "0"), ("b", "1")
_TYPES = {EACH: "part", BEFORE: "scalar_part", AFTER: "scalar_part"}
_ARGUMENTS = "V *restrict tape, const real *restrict scalars, V *restrict sums, const I *there"


def c_name(form: str) -> str:
    return _NAMES.get(form, form)


class Source(NamedTuple):
    """A stretch in C, under a name; so many blocks of examples are computed side by side."""

    stretch: Stretch
    name: str
    n_blocks: int

    def functions(self) -> Iterator[str]:
        """All functions: for each example, before and after."""
        for when, lines in self.stretch.lines.items():
            write = self._part if when == EACH else self._scalar_part
            for start in range(0, len(lines), LONGEST):
                index = start // LONGEST
                yield write(f"{self.name}_{when}{index}", lines[start : start + LONGEST], index)

    def tables(self) -> Iterator[str]:
        """What ``run`` takes."""
        stretch, name = self.stretch, self.name
        memory = {each: index for index, each in enumerate(stretch.memories)}
        read, written = stretch.read.items(), stretch.written.items()
        lists = {
            "inputs": [place for place in read if place[0][0] == INPUTS],
            "read": [place for place in read if per_example(place[0]) and place[0][0] != INPUTS],
            "written": [place for place in written if per_example(place[0])],
            "uniform_read": [place for place in read if not per_example(place[0])],
            "uniform_written": [place for place in written if not per_example(place[0])],
        }
        fields = []
        for kind, places in lists.items():
            rows = [f"{{{memory[slot[0]]}, {number.index}, {slot[1]}}}" for slot, number in places]
            yield f"static const struct place {name}_{kind}[] = {{{', '.join(rows) or '{0, 0, 0}'}}};"
            fields.append(f"{{{len(rows)}, {name}_{kind}}}")
        for when, lines in stretch.lines.items():
            names = [f"{name}_{when}{index}" for index in range(-(-len(lines) // LONGEST))]
            if names:
                yield f"{_TYPES[when]} {', '.join(names)};"
            yield f"static {_TYPES[when]} *const {name}_{when}[] = {{{', '.join([*names, 'NULL'])}}};"
            fields.append(f"{name}_{when}")
        sizes = f"{stretch.n_sums}, {stretch.n_tape}, {stretch.n_parts}"
        yield f"const struct stretch {name} = {{{sizes}, {', '.join(fields)}}};"

    def _part(self, name: str, lines: Sequence[Line], index: int) -> str:
        """The function of some lines for each example, which are written for all blocks by ``_for_blocks``."""
        known, body = dict[Number, str](), list[str]()

        def named(part: Number | float) -> str:
            if not isinstance(part, Number) or part.when == BEFORE:
                return _scalar(part)
            if part not in known:
                known[part] = f"v{len(known)}@"
                body.extend(self._for_blocks(f"V {known[part]} = tape[{part.index} * B + #];"))
            return known[part]

        second = ""
        for (number, form, operands, _), after in zip_longest(lines, lines[1:]):
            names = [named(part) for part in operands]
            text, second = second or _vector(form, names), ""
            if self.stretch.pairs and after and (form, after.form) == PAIR and operands == after.operands:
                second = f"s{len(known)}@"
                body += self._for_blocks(f"V {second};")
                text = f"v_tanh_and_sech2({names[0]}, &{second})"
            if number.when == AFTER:
                terms = " + ".join(self._for_blocks(f"kept({text}, there[#])"))
                body.append(f"sums[{-number.index}] += {terms};")
                continue
            known[number] = variable = f"v{len(known)}@"
            kept = [f"tape[{number.index} * B + #] = {variable};"] if number.last > index else []
            checks = [f"sums[0] += {variable} - {variable};"] if number in self.stretch.checked else []
            body += self._for_blocks(f"V {variable} = {text};", *kept, *checks)
        return function(f"void {name}({_ARGUMENTS})", body)

    def _for_blocks(self, *texts: str) -> list[str]:
        """The same for each block: its letter in place of @, its number in place of #."""
        blocks = _BLOCKS[: self.n_blocks]
        return [text.replace("@", letter).replace("#", number) for letter, number in blocks for text in texts]

    def _scalar_part(self, name: str, lines: Sequence[Line], _: int) -> str:
        body = []
        for number, form, operands, _ in lines:
            result = _scalar(number)
            body.append(f"{result} = {_formula(form, [_scalar(part) for part in operands])};")
            if number in self.stretch.checked:
                body.append(f"sums[0] += {result} - {result};")
        return function(f"void {name}(real *scalars, V *sums)", body)


def _scalar(part: Number | float) -> str:
    if isinstance(part, Number):
        return f"scalars[{part.index}]" if part.index >= 0 else f"total(sums[{-part.index}])"
    return f"((real){c_number(part)})"


def _vector(form: str, operands: list[str]) -> str:
    if form in KEEPING:
        text = _formula(form, operands)
        return text if any(name[0] == "v" for name in operands) else f"all({text})"
    return _formula(form, [name if name[0] == "v" else f"all({name})" for name in operands], "v_")


def _formula(form: str, operands: list[str], prefix: str = "") -> str:
    if form in _INFIX:
        return _INFIX[form].join(operands)
    if form == "products":
        return " + ".join(f"{a} * {b}" for a, b in zip(operands[::2], operands[1::2]))
    if form in ("negative", "copy"):
        return f"-{operands[0]}" if form == "negative" else operands[0]
    return f"{prefix}{c_name(form)}({', '.join(operands)})"

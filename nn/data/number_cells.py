"""Cells as numbers: with decimal points or commas, marks between thousands, and signs of currencies or percent."""

from __future__ import annotations

import contextlib
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from nn.validation import shortened

Cells: TypeAlias = np.ndarray[Any, np.dtype[np.object_]]  # one column: the text of each of its cells

_MISSING = {"", "?", "-", "\u2212", ".", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none"}
_SIGN = "[%$¢-¥\u20a0-\u20cf]"  # percent and currencies
_BRACKETS = re.compile(rf"({_SIGN}?\s*)\(([^()]*)\)")  # around an amount below 0, as bookkeepers write it
_SIGNED = re.compile(rf"([+-]?)\s*({_SIGN}?)(.*?)({_SIGN}?)", re.DOTALL)
_ALIKE = str.maketrans("\u2212’\u00a0\u202f", "-'  ")  # characters that mean the same in a number


class Clue(NamedTuple):
    """The decimal mark of a file, ``""`` where one cannot tell, and why."""

    decimal: str
    why: str


@dataclass(frozen=True)
class Numbers:
    """A column read as numbers."""

    values: Any  # NaN where a cell has no number
    odd: Any  # an array of bools: where a cell says something else, and is no way to leave a number out
    notation: Notation  # in which they were read
    note: str = ""  # an example of how they were read, where Python would not read them so


@dataclass(frozen=True)
class Notation:
    """How the numbers of a column are written: found in training and kept with the model, so that no file is guessed.

    >>> numbers = Notation(".", ",", "$").read(np.array(["$1,200.50", "", "$5", "two"], dtype=object))
    >>> numbers.values, numbers.odd, numbers.note
    (array([1200.5,    nan,    5. ,    nan]), array([False, False, False,  True]), "'$1,200.50' is read as 1200.5")
    """

    decimal: str = "."
    thousands: str = ""  # each of ``,. '`` that may be between thousands
    sign: str = ""  # of percent or a currency, beside the numbers

    @property
    def example(self) -> str:
        """A number in it, for messages."""
        number = f"1{self.thousands[:1]}234{self.decimal}5"
        return f"{number}%" if self.sign == "%" else f"{self.sign}{number}"

    def read(self, cells: Cells) -> Numbers:
        """The numbers of a column; a currency's sign may be missing, percent's beside 0 alone."""
        import pandas as pd

        plain = self.plain(cells)
        if plain is not None:
            return plain
        codes, kinds = pd.factorize(cells)
        return self.of_kinds(codes, kinds, [self.parts(kind) for kind in kinds])

    def of_kinds(self, codes: Any, kinds: Cells, parts: list[tuple[float, str, str]]) -> Numbers:
        """The numbers of a column from the code of each cell, and the text and the parts of each code."""
        values = np.array([self.fitting(number, sign) for number, sign, _ in parts])
        odd = np.isnan(values) & ~np.array([is_missing(kind) for kind in kinds])
        return Numbers(values[codes], odd[codes], self, _note(kinds, values))

    def plain(self, cells: Cells) -> Numbers | None:
        """The numbers, if Python reads all cells so, which is fast."""
        text = "".join(cells)
        if text.isascii() and "_" not in text and self.sign != "%" and not (self.decimal == "," and "." in text):
            swapped = self.decimal == "," and "," in text
            plain = np.array([cell.replace(",", ".") for cell in cells], dtype=object) if swapped else cells
            with contextlib.suppress(ValueError):  # 1_000 and full-width digits are numbers to Python alone
                values = plain.astype(float)
                if np.isfinite(values).all():
                    return Numbers(values, np.zeros(len(cells), bool), self, _note(cells, values) if swapped else "")
        return None

    def fitting(self, number: float, sign: str) -> float:
        """The number, NaN where the sign beside it is another."""
        return number if sign == self.sign or (not sign and (self.sign != "%" or number == 0.0)) else math.nan

    def parts(self, cell: str) -> tuple[float, str, str]:
        """The number in a cell with any sign, the sign, and the number's text without it."""
        cell = cell.strip().translate(_ALIKE)
        signed = _SIGNED.fullmatch(f"{below[1]}-{below[2]}" if (below := _BRACKETS.fullmatch(cell)) else cell)
        minus, before, bare, after = map(str.strip, signed.groups() if signed else ("",) * 4)
        if (before and after) or not self.pattern.fullmatch(minus + bare):
            return math.nan, "", ""
        number = float((minus + bare).translate(self._changes))
        return (number if math.isfinite(number) else math.nan), before or after, bare

    @cached_property
    def _changes(self) -> dict[int, int | None]:
        return str.maketrans(self.decimal, ".", self.thousands)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """How a number without a sign looks; one with an exponent has no marks between thousands."""
        decimal = f"[{self.decimal}]"
        numbers = rf"(?:[0-9]+(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
        if self.thousands:
            numbers += rf"|[1-9][0-9]{{0,2}}([{self.thousands}])[0-9]{{3}}(?:\1[0-9]{{3}})*(?:{decimal}[0-9]*)?"
        return re.compile(f"[+-]?(?:{numbers})")


_PLAIN, _POINT, _COMMA = Notation(), Notation(".", ", '"), Notation(",", ". '")
_LIKELIEST = {  # by the decimal mark of the file, before it is known which marks a column has between thousands
    ".": (_POINT, _COMMA),
    ",": (_COMMA, _POINT),
    "": (Notation(".", " '"), Notation(",", " '"), _POINT, _COMMA),
}


def guessed(cells: Cells, clue: Clue) -> Numbers:
    """A column of a file to learn from, read in the notation that fits most of its cells.

    The note tells why where its cells fit two notations, or where other cells of the file are written otherwise.

    >>> guessed(np.array(["7.678"], dtype=object), Clue(",", "other cells have decimal commas")).note
    "'7.678' is read as 7678 and not 7.678, as other cells have decimal commas"
    """
    import pandas as pd

    numbers = Notation(clue.decimal or ".").plain(cells)
    if numbers is None:
        (codes, kinds), found = pd.factorize(cells), []
        for likely in _LIKELIEST[clue.decimal]:
            parts = [likely.parts(kind) for kind in kinds]
            found.append(_narrowed(likely, parts).of_kinds(codes, kinds, parts))
            if not found[-1].odd.any():
                break
        numbers = min(found, key=lambda each: each.odd.sum())
    return replace(numbers, note=_doubt(cells, numbers.notation, clue) or numbers.note)


def _narrowed(notation: Notation, parts: list[tuple[float, str, str]]) -> Notation:
    """The same with the commonest sign beside these numbers, and only those marks between thousands that they have."""
    signs = Counter(sign for number, sign, _ in parts if number < 0.0 or number > 0.0)
    likely = (sign for sign in signs if sign and (sign != "%" or signs[sign] > signs[""]))
    used = set().union(*(bare for _, _, bare in parts))
    thousands = "".join(mark for mark in notation.thousands if mark in used)
    return Notation(notation.decimal, thousands, max(likely, key=signs.__getitem__, default=""))


def _doubt(cells: Cells, notation: Notation, clue: Clue) -> str:
    """How the first number with a mark was read and why, if the column alone does not tell or differs from the file."""
    other, first, told = (_COMMA if notation.decimal == "." else _POINT), "", False
    for cell in cells:
        if "." in cell or "," in cell:
            decides = math.isnan(other.parts(cell)[0])
            if (decides or not first) and not math.isnan(notation.fitting(*notation.parts(cell)[:2])):
                first, told = first or cell, decides
            if told:
                break
    if not first or (told and clue.decimal in ("", notation.decimal)):
        return ""
    said = f"{shortened(first.strip())} is read as {notation.parts(first)[0]:.15g}"
    return f"{said}, though {clue.why}" if told else f"{said} and not {other.parts(first)[0]:.15g}, as {clue.why}"


def _note(cells: Cells, values: Any) -> str:
    """The first cell that Python would not read so, with its number."""
    read = ((cell.strip(), number) for cell, number in zip(cells, values) if not math.isnan(number))
    odd = ((cell, x) for cell, x in read if not _PLAIN.pattern.fullmatch(cell) or float(cell) != x)
    return next((f"{shortened(cell)} is read as {x:.15g}" for cell, x in odd), "")


def decimal_mark(cells: Iterable[str], separator: str) -> Clue:
    """The decimal mark with which more of these cells are numbers; ``""`` where either fits as well.

    >>> [decimal_mark(cells, ";").decimal for cells in (["2.5", "x"], ["2,5", "1.200,75"], ["1,200", "7"])]
    ['.', ',', '']
    """
    marked = [cell for cell in cells if "." in cell or "," in cell]  # others are the same to both
    points, commas = (sum(way.parts(cell)[0] > -math.inf for cell in marked) for way in (_POINT, _COMMA))
    if points != commas:
        mark, name = (".", "points") if points > commas else (",", "commas")
        return Clue(mark, f"other cells have decimal {name}")
    return Clue(".", "commas are between the columns") if separator == "," else Clue("", "no cell tells otherwise")


def is_missing(cell: str) -> bool:
    """Whether this is a way to leave a number out."""
    return cell.strip().casefold() in _MISSING

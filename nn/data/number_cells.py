"""Cells as numbers: decimal points or commas, thousands marks, and signs of currencies or percent."""

from __future__ import annotations

import contextlib
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nn.validation import shortened

Cells: TypeAlias = np.ndarray[Any, np.dtype[np.object_]]
"""One column: the text of each of its cells."""

_MISSING = {"", "?", "-", ".", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none"}
_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SIGN = "[%$¢-¥\u20a0-\u20cf]"  # percent and currencies
_SIGNED = re.compile(rf"([+-]?)\s*({_SIGN}?)\s*(.*?)\s*({_SIGN}?)", re.DOTALL)
_Notation: TypeAlias = tuple[re.Pattern[str], dict[int, int | None]]


def _notation(decimal: str, thousands: str) -> _Notation:
    """The pattern of numbers, and the changes after which Python reads them."""
    marks = f" '’\u00a0\u202f{thousands}"
    whole = rf"[0-9]+|[1-9][0-9]{{0,2}}([{marks}])[0-9]{{3}}(?:\1[0-9]{{3}})*"
    pattern = rf"[+-]?(?:(?:{whole})(?:[{decimal}][0-9]*)?|[{decimal}][0-9]+)(?:[eE][+-]?[0-9]+)?"
    return re.compile(pattern), str.maketrans(decimal, ".", marks)


_POINT, _COMMA = _notation(".", ","), _notation(",", ".")
_LIKELIEST = {  # notations by the decimal mark of the file
    ".": (_POINT, _COMMA),
    ",": (_COMMA, _POINT),
    "": (_notation(".", ""), _notation(",", ""), _POINT, _COMMA),
}


@dataclass(frozen=True)
class Numbers:
    """A column read as numbers."""

    values: Any  # NaN where a cell has no number
    odd: Any  # an array of bools: where a cell is neither a number nor missing
    sign: str = ""  # of percent or a currency, beside the numbers
    note: str = ""  # an example, if Python would read the cells otherwise


def read_numbers(cells: Cells, decimal: str = ".", sign: str | None = None) -> Numbers:
    """Read a column as numbers, in the notation that fits most of its cells.

    *decimal* is from ``decimal_mark``. *sign* may be beside the numbers, None for the commonest; a currency may be
    missing in some cells, percent may not.

    >>> numbers = read_numbers(np.array(["$1,200.50", "", "$5", "two"], dtype=object))
    >>> numbers.values, numbers.odd, numbers.note
    (array([1200.5,    nan,    5. ,    nan]), array([False, False, False,  True]), "'$1,200.50' is read as 1200.5")
    """
    import pandas as pd

    text = "".join(cells)
    if text.isascii() and "_" not in text and sign != "%" and not (decimal == "," and "." in text):
        swapped = decimal == "," and "," in text
        plain = np.array([cell.replace(",", ".") for cell in cells], dtype=object) if swapped else cells
        with contextlib.suppress(ValueError):  # 1_000 and full-width digits are numbers to Python alone
            values = plain.astype(float)
            if np.isfinite(values).all():
                return Numbers(values, np.zeros(len(cells), bool), "", _note(cells, values) if swapped else "")
    codes, kinds = pd.factorize(cells)
    counts, missing = np.bincount(codes), np.array([is_missing(kind) for kind in kinds])
    found = []
    for notation in _LIKELIEST[decimal]:
        read = [_number(kind, notation) for kind in kinds]
        signs = Counter(mark for x, mark in read if not math.isnan(x))
        likely = (mark for mark in signs if mark and (mark != "%" or signs[mark] > signs[""]))
        unit = max(likely, key=signs.__getitem__, default="") if sign is None else sign
        values = np.array([x if mark == unit or (not mark and unit != "%") else math.nan for x, mark in read])
        odd = np.isnan(values) & ~missing
        found.append((counts[odd].sum(), values, odd, unit))
        if not odd.any():
            break
    _, values, odd, unit = min(found, key=lambda each: each[0])
    return Numbers(values[codes], odd[codes], unit, _note(kinds, values))


def _note(cells: Cells, values: Any) -> str:
    """The first cell that Python would read otherwise, with its number."""
    read = ((cell.strip(), number) for cell, number in zip(cells, values) if not math.isnan(number))
    return next((f"{shortened(cell)} is read as {x:.15g}" for cell, x in read if not _PLAIN.fullmatch(cell)), "")


def _number(cell: str, notation: _Notation) -> tuple[float, str]:
    """The number in a cell, NaN for none, and the sign beside it."""
    match, (pattern, changes) = _SIGNED.fullmatch(cell.strip()), notation
    minus, before, bare, after = match.groups() if match else ("",) * 4
    if (before and after) or not pattern.fullmatch(minus + bare):
        return math.nan, ""
    number = float((minus + bare).translate(changes))
    return (number if math.isfinite(number) else math.nan), before or after


def decimal_mark(cells: Iterable[str], separator: str) -> str:
    """The decimal mark with which more of these cells are numbers; ``""`` if both fit equally.

    >>> decimal_mark(["2.5", "x"], ","), decimal_mark(["2,5", "1.200,75"], ";"), decimal_mark(["1,200", "7"], ";")
    ('.', ',', '')
    """
    found = list(cells)
    points, commas = (sum(_number(cell, way)[0] > -math.inf for cell in found) for way in (_POINT, _COMMA))
    if points == commas:
        return "." if separator == "," else ""
    return "." if points > commas else ","


def is_missing(cell: str) -> bool:
    """Whether the cell marks a missing number."""
    return cell.strip().casefold() in _MISSING

"""Cells as numbers: with decimal points or commas, marks between thousands, and signs of currencies or percent."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from nn.validation import shortened

if TYPE_CHECKING:
    import numpy as np

Cells: TypeAlias = "np.ndarray[Any, np.dtype[np.object_]]"
"""One column: the text of each of its cells."""

_MISSING = {"", "?", "-", ".", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none"}
_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SIGN = "[%$¢-¥\u20a0-\u20cf]"  # percent and currencies
_SIGNED = re.compile(rf"([+-]?)\s*({_SIGN}?)\s*(.*?)\s*({_SIGN}?)", re.DOTALL)


class _Notation(NamedTuple):
    """A way to write numbers: how they look, and what to change so that Python reads them."""

    pattern: re.Pattern[str]
    changes: dict[int, int | None]


def _notation(decimal: str, thousands: str) -> _Notation:
    marks = f" '’\u00a0\u202f{thousands}"
    whole = rf"[0-9]+|[1-9][0-9]{{0,2}}([{marks}])[0-9]{{3}}(?:\1[0-9]{{3}})*"
    pattern = rf"[+-]?(?:(?:{whole})(?:[{decimal}][0-9]*)?|[{decimal}][0-9]+)(?:[eE][+-]?[0-9]+)?"
    return _Notation(re.compile(pattern), str.maketrans(decimal, ".", marks))


_POINT, _COMMA = _notation(".", ","), _notation(",", ".")
_NOTATIONS = {  # by the decimal mark of the file, the likeliest first
    ".": (_POINT, _COMMA),
    ",": (_COMMA, _POINT),
    "": (_notation(".", ""), _notation(",", ""), _POINT, _COMMA),
}


@dataclass(frozen=True)
class Numbers:
    """A column read as numbers.

    Attributes:
        values: the numbers, NaN where a cell has none.
        odd: an array of bools: where a cell says something else, and is not a way to leave a number out.
        sign: the percent or currency sign beside the numbers, ``""`` for none.
        note: an example of how they were read, where Python would not read them so.
    """

    values: Any
    odd: Any
    sign: str = ""
    note: str = ""


def read_numbers(cells: Cells, decimal: str = ".", sign: str | None = None) -> Numbers:
    """Read a column as numbers, in the notation that fits most of its cells.

    Args:
        cells: the texts.
        decimal: the decimal mark of the file, as of ``decimal_mark``.
        sign: what may be beside the numbers; a currency sign may be missing, a percent sign may not. None takes the
            commonest.

    >>> import numpy as np
    >>> numbers = read_numbers(np.array(["$1,200.50", "", "$5", "two"], dtype=object))
    >>> numbers.values, numbers.odd, numbers.note
    (array([1200.5,    nan,    5. ,    nan]), array([False, False, False,  True]), "'$1,200.50' is read as 1200.5")
    """
    import numpy as np
    import pandas as pd

    quick = None if sign == "%" else _read_at_once(cells, decimal)
    if quick is not None:
        return quick
    codes, kinds = pd.factorize(cells)
    counts, missing = np.bincount(codes), np.array([is_missing(kind) for kind in kinds])
    best = None
    for notation in _NOTATIONS[decimal]:
        read = [_number(kind, notation) for kind in kinds]
        said = Counter(mark for _, mark in read if mark).most_common(1)
        unit = sign if sign is not None else said[0][0] if said else ""
        allowed = (unit,) if unit == "%" else (unit, "")
        values = np.array([number if mark in allowed else math.nan for number, mark in read])
        odd = np.isnan(values) & ~missing
        n_odd = counts[odd].sum()
        if best is None or n_odd < best[0]:
            best = n_odd, values, odd, unit
        if n_odd == 0:
            break
    assert best is not None
    _, values, odd, unit = best
    strange = (place for place, kind in enumerate(kinds) if not (np.isnan(values[place]) or _PLAIN.fullmatch(kind.strip())))
    first = next(strange, None)
    note = "" if first is None else _read_as(kinds[first], values[first])
    return Numbers(values[codes], odd[codes], unit, note)


def _read_at_once(cells: Cells, decimal: str) -> Numbers | None:
    """The numbers of a column in which each cell is one, as Python or with a decimal comma; None for another."""
    import numpy as np

    text = "".join(cells)
    if not text.isascii() or "_" in text or (decimal == "," and "." in text):  # Python takes 1_000 for a number as well
        return None
    with_commas = decimal == "," and "," in text
    plain = np.array([cell.replace(",", ".") for cell in cells], dtype=object) if with_commas else cells
    try:
        values = plain.astype(float)
    except ValueError:
        return None
    if not np.isfinite(values).all():
        return None
    first = next((place for place, cell in enumerate(cells) if "," in cell), 0) if with_commas else 0
    return Numbers(values, np.zeros(len(cells), bool), "", _read_as(cells[first], values[first]) if with_commas else "")


def _read_as(cell: str, value: float) -> str:
    return f"{shortened(cell.strip())} is read as {value:.15g}"


def _number(cell: str, notation: _Notation) -> tuple[float, str]:
    """The number in a cell and the sign beside it; NaN where there is none."""
    match = _SIGNED.fullmatch(cell.strip())
    minus, before, bare, after = match.groups() if match else ("",) * 4
    if (before and after) or not notation.pattern.fullmatch(minus + bare):
        return math.nan, ""
    number = float((minus + bare).translate(notation.changes))
    return (number if math.isfinite(number) else math.nan), before or after


def decimal_mark(cells: Iterable[str], separator: str) -> str:
    """The decimal mark with which more of these cells are numbers; ``""`` where either fits as well.

    >>> decimal_mark(["2.5", "x"], ","), decimal_mark(["2,5", "1.200,75"], ";"), decimal_mark(["1,200", "7"], ";")
    ('.', ',', '')
    """
    chosen = list(cells)
    points, commas = (sum(not math.isnan(_number(cell, way)[0]) for cell in chosen) for way in (_POINT, _COMMA))
    if points == commas:
        return "." if separator == "," else ""
    return "." if points > commas else ","


def is_missing(cell: str) -> bool:
    """Whether this is a way to leave a number out."""
    return cell.strip().casefold() in _MISSING

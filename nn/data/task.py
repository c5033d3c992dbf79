"""The target of a table: which column it is, and whether it is made of classes or of numbers."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nn.data.columns import factorized, listed
from nn.data.csv_files import TextTable, as_numbers
from nn.validation import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_CLASSES = 20  # different whole numbers that are still taken for classes
_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.0*)?", re.ASCII)


@dataclass(frozen=True)
class Task:
    """What is to be learned: the target of each example, whether they are numbers to meet, and why it seems so."""

    y: list[Any]
    regression: bool
    why: str


def column_called(table: TextTable, name: str, option: str) -> str:
    """The name, if the table has that column.

    Raises:
        ValueError: it has none; the message names the one that is nearest.
    """
    if name in table.names:
        return name
    near = difflib.get_close_matches(name, table.names, 1, 0.6)
    meant = f"; did you mean {shortened(near[0])}?" if near else "."
    raise ValueError(f"{option}: there is no column {shortened(name)}{meant} The columns are {listed(table.names)}")


def chosen_task(table: TextTable, target: str, regression: bool | None) -> tuple[TextTable, Task, list[str]]:
    """The rows that have a target, what is to be learned from them, and what to tell the user.

    Args:
        table: the cells.
        target: the name of its column.
        regression: True for numbers, False for classes, None to look at the cells.

    Raises:
        ValueError: the cells are no numbers, or no classes; the message names the column.
    """
    import numpy as np

    cells = table.cells[table.names.index(target)]
    values, odd = as_numbers(cells, table.decimal_commas)
    all_numbers = not odd.any()
    empty = np.isnan(values) if all_numbers or regression else cells == ""
    if regression and odd.any():
        row = int(odd.argmax())
        raise ValueError(f"{table.where(row, target)}: the target {shortened(cells[row])} is not a finite number")
    told = []
    if empty.any():
        told.append(f"{shortened(target)}: {int(empty.sum()):,} rows without a target are left out")
        table, cells, values = table.rows(~empty), cells[~empty], values[~empty]
    if len(cells) == 0:
        raise ValueError(f"{table.path}: the target {shortened(target)} is empty in all rows")
    codes, texts = factorized(cells)
    numbers, why = (regression, "as asked") if regression is not None else _are_numbers(texts, len(cells), all_numbers)
    if numbers:
        return table, Task(values.tolist(), True, why), told
    if regression is None and len(texts) > max(10, len(cells) // 3):
        advice = "--regression takes them for numbers" if all_numbers else "name another column with --target"
        raise ValueError(
            f"{table.path}: the target {shortened(target)} has {len(texts):,} different texts in {len(cells):,} rows, "
            f"such as {shortened(texts[-1])}, and those are no classes; {advice}"
        )
    labels = [_label(text) for text in texts]
    return table, Task([labels[code] for code in codes], False, why), told


def _are_numbers(texts: Sequence[str], n: int, all_numbers: bool) -> tuple[bool, str]:
    """Whether these different texts of *n* cells are numbers to meet, not classes; and why."""
    said = f"{len(texts):,} different {'numbers' if all_numbers else 'texts'} in {n:,} rows"
    if not all_numbers:
        return False, said
    if any(re.match(r"[+-]?0[0-9]", text) for text in texts):
        return False, f"{said}, some with zeros before them"
    if len(texts) > 2 and not all(_WHOLE.fullmatch(text) for text in texts):
        return True, f"{said}, not all of them whole"
    if len(texts) > 2 and (len(texts) > _MOST_CLASSES or 2 * len(texts) > n):
        return True, said
    return False, said


def _label(text: str) -> int | str:
    """A class as a whole number where it is written as one, else as its text: 007 and 7 are two."""
    return int(float(text)) if _WHOLE.fullmatch(text) and len(text) < 16 else text

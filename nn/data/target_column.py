"""The target column of a table, and whether it has classes or numbers."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nn.data.columns import factorize
from nn.data.csv_files import TextTable, plural
from nn.data.number_cells import is_missing
from nn.validation import first_names, nearest, shortened

_MOST_CLASSES = 20  # more different whole numbers are a regression
_MANY_CLASSES = 100  # more classes, all of them numbers, are probably a mistake
_EXACT = 15  # characters of a number that a float tells from any other
_ZEROS = re.compile("[+\u2212-]?0[0-9]")  # before a number, as in 007, which is not 7
_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.0*)?", re.ASCII)


@dataclass(frozen=True)
class Target:
    """The targets, whether they are numbers or classes, and the reason."""

    y: list[Any]
    regression: bool
    why: str


def column_called(table: TextTable, name: str, option: str) -> str:
    """The name, if the table has that column; else a ValueError that names the nearest."""
    if name in table.names:
        return name
    if re.fullmatch("-?[0-9]+", name):
        said = f"{option} must be the name of a column, not its place, got {shortened(name)}"
        raise ValueError(f"{said}. The columns are {first_names(table.names)}")
    near = nearest(name, table.names)
    meant = f"; did you mean {shortened(near[0])}?" if near else "."
    columns = first_names(table.names) + "; --header takes the first line for their names" * (not table.has_header)
    raise ValueError(f"{option}: there is no column {shortened(name)}{meant} The columns are {columns}")


def read_target(table: TextTable, name: str, regression: bool | None) -> tuple[TextTable, Target, list[str]]:
    """The rows with a target in the column *name*, the targets, and lines to tell the user.

    *regression* is True for numbers, False for classes, None to decide by the cells.
    """
    cells, read, shown = table.column(name), table.numbers(name), shortened(name)
    all_numbers = not read.odd.any()
    if regression and not all_numbers:
        row = int(read.odd.argmax())
        raise ValueError(f"{table.where(row, name)}: the target must be a finite number, got {shortened(cells[row])}")
    there, told = ~np.isnan(read.values) if all_numbers or regression else cells != "", []
    if not there.all():
        told.append(f"{shown}: {plural(int((~there).sum()), 'row')} without a target left out")
        table = replace(table, cells=table.cells[there])
    cells, values, where = cells[there], read.values[there], f"{table.path}: the target {shown}"
    if len(cells) == 0:
        raise ValueError(f"{where} is empty in all rows")
    codes, texts = factorize(cells)
    twice = ""
    if all_numbers and not any(_ZEROS.match(text) or len(text) > _EXACT for text in texts):
        codes, texts, twice = _by_number(codes, texts, values)
    numbers, why = (regression, "as asked") if regression is not None else _are_numbers(texts, values, all_numbers)
    if len(texts) == 1 or (numbers and (values == values[0]).all()):
        got = f"{shortened(texts[0])} in {plural(len(cells), 'row')}"
        raise ValueError(f"{where} must have at least two different values, got {got}")
    if numbers:
        return table, Target(values.tolist(), True, why), [*told, f"{shown}: {read.note}"] if read.note else told
    if regression is None and len(texts) > max(10, len(cells) // 3):
        said = f"{len(texts):,} different texts in {len(cells):,} rows, such as {shortened(texts[-1])}"
        advice = "--regression takes them for numbers" if all_numbers else "name another column with --target"
        raise ValueError(f"{where} has {said}, and those are no classes; {advice}")
    if len(texts) > _MANY_CLASSES and all_numbers:
        many = f"{len(texts):,} different numbers become as many classes, of which none is near another"
        told.append(f"{shown}: warning: {many}; --regression takes them for numbers")
    if gaps := [text for text in texts if is_missing(text)]:
        told.append(f"{shown}: {first_names(gaps)} counted as a class; a row without a target has no text there")
    labels = [_label(text) for text in texts]
    return table, Target([labels[code] for code in codes], False, why), told + [f"{shown}: {twice}"] * bool(twice)


def _by_number(codes: Any, texts: list[str], values: Any) -> tuple[Any, list[str], str]:
    """The same with one text for each number, the first of them; and what to tell where that is fewer."""
    _, rows, places = np.unique(values, return_index=True, return_inverse=True)
    kept = [texts[code] for code in codes[rows]]
    if len(kept) == len(texts):
        return codes, texts, ""
    row = next(row for row, code in enumerate(codes) if texts[code] != kept[places[row]])
    same = f"{shortened(texts[codes[row]])} and {shortened(kept[places[row]])} are one number, and one class"
    return places, kept, same


def _are_numbers(texts: list[str], values: Any, all_numbers: bool) -> tuple[bool, str]:
    """Whether the different texts of these cells are numbers, not classes; and why."""
    said = f"{len(texts):,} different {'numbers' if all_numbers else 'texts'} in {len(values):,} rows"
    if all_numbers and any(map(_ZEROS.match, texts)):
        return False, f"{said}, some with zeros before them"
    if not all_numbers or len(texts) == 2:
        return False, said
    if (values % 1 != 0).any():
        return True, f"{said}, not all of them whole"
    return len(texts) > _MOST_CLASSES or 2 * len(texts) > len(values), said


def _label(text: str) -> int | str:
    """A class as an int if it is written as one, else as text: 007 and 7 are two classes."""
    plain = text.replace("\u2212", "-")
    return int(float(plain)) if _WHOLE.fullmatch(plain) and len(plain) <= _EXACT else text

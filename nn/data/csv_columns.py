"""The columns of a CSV file: target and inputs, learned for training, and the inputs read again for predictions."""

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from os import PathLike
from typing import Any

import numpy as np

from nn.data.columns import NUMBER, TARGET, TEXT, UNUSED, Column, Columns, factorize
from nn.data.csv_files import TextTable, plural, read_text_table
from nn.data.number_cells import Numbers, is_missing
from nn.data.tables import Table
from nn.validation import first_names, nearest, shortened

_MOST_CLASSES = 20  # more different whole numbers are a regression
_MANY_CLASSES = 100  # more classes, all of them numbers, are probably a mistake
_EXACT = 15  # characters of a number that a float tells from any other
_ZEROS = re.compile("[+\u2212-]?0[0-9]")  # before a number, as in 007, which is not 7
_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.0*)?", re.ASCII)
_MOST_CATEGORIES = 255


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
    labels = [_class_of(text) for text in texts]
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


def _class_of(text: str) -> int | str:
    """A class as an int if it is written as one, else as text: 007 and 7 are two classes."""
    plain = text.replace("\u2212", "-")
    return int(float(plain)) if _WHOLE.fullmatch(plain) and len(plain) <= _EXACT else text


def learn_columns(table: TextTable, target: str, drop: Collection[str]) -> tuple[Columns, Table, list[str]]:
    """The columns of a table, without means and scales; the inputs; and lines to tell the user."""
    columns, parts, told = [], [], []
    for name in table.names:
        found = "--drop says" if name in drop else _input_column(table, name) if name != target else ""
        if isinstance(found, str):
            column, note = Column(name, UNUSED if found else TARGET), f"left out, as {found}" if found else ""
        else:
            column, part, note = found
            parts.append(part)
        columns.append(column)
        told += [f"{shortened(name)}: {note}"] if note else []
    if not parts:
        raise ValueError(f"{table.path}: no column is left to learn from ({'; '.join(told)})")
    return Columns(tuple(columns), table.has_header), np.hstack(parts), told


def _input_column(table: TextTable, name: str) -> tuple[Column, Table, str] | str:
    """A column (of numbers if 4 of 5 cells are), inputs and a note; or why it is unused."""
    cells, numbers = table.column(name), table.numbers(name)
    missing, n = np.isnan(numbers.values), len(cells)
    n_missing, n_odd = int(missing.sum()), int(numbers.odd.sum())
    if n_missing - n_odd == n:
        return "it is empty"
    if name == table.names[0] and _are_row_numbers(table, name, numbers):
        return "it numbers the rows"
    if 4 * n_odd <= n - n_missing:
        if (numbers.values[~missing] == numbers.values[~missing][0]).all():
            return f"each number in it is {numbers.values[~missing][0]:.6g}"
        row = int(numbers.odd.argmax())
        odd = f"{n_odd:,} of them say something else, such as {shortened(cells[row])} in line {table.cells.index[row]}"
        notes = [numbers.note, f"{n_missing:,} of {n:,} numbers missing, filled with the mean" * (n_missing > 0)]
        note = "; ".join(filter(None, [*notes, odd * (n_odd > 0)]))
        column = Column(name, NUMBER, missing=n_missing, **asdict(numbers.notation))
        return column, numbers.values.reshape(-1, 1), note
    texts = factorize(cells)[1]
    if len(texts) == 1:
        return f"each text in it is {shortened(texts[0])}"
    if len(texts) > min(_MOST_CATEGORIES, max(10, n // 3), max(2, n - 1)):
        return f"it has {len(texts):,} different texts in {n:,} rows, such as {shortened(texts[0])}"
    column, n_empty = Column(name, TEXT, categories=tuple(sorted(texts))), int((cells == "").sum())
    empty = f"; {n_empty:,} empty, a kind as well" if n_empty else ""
    return column, column.encode(table, name)[0], f"{len(texts)} different texts, an input each{empty}"


def _are_row_numbers(table: TextTable, name: str, numbers: Numbers) -> bool:
    """Whether the first column only numbers the rows, as pandas' index does in a CSV file."""
    unnamed = table.has_header and name.startswith("Unnamed: ")
    if unnamed and (numbers.values % 1 == 0).all() and len(np.unique(numbers.values)) == len(numbers.values):
        return True  # of shuffled or selected rows
    called_so = unnamed or name.casefold() in ("index", "row", "rownames") or name.casefold().endswith("id")
    last, this, lines = numbers.values[:-1], numbers.values[1:], np.diff(table.cells.index)
    counted = bool(((last + 1 <= this) & (this <= last + lines)).all())  # rows without a target were left out
    return called_so and counted and len(lines) > 1 and len(table.names) > 2


def read_inputs(path: str | PathLike[str], columns: Columns, header: bool | None = None) -> tuple[Table, list[str]]:
    """The inputs in a CSV file for a model with these columns, and lines to tell the user.

    Named columns may come in any order, with or without the target and those left out in training; columns without
    names in the order of training.
    """
    inputs = {column.name: column for column in columns.by_input}
    texts = {text for column in inputs.values() for text in column.categories}
    table = read_text_table(path, header, inputs if columns.named else (), texts - {""})
    told = [f"{table.path}: {plural(table.n_empty, 'empty row')} left out, with no answer"] if table.n_empty else []
    _check_commas(table, inputs.values())
    names, parts, notes = _names_in_file(table, columns), [], []
    if columns.named and not table.has_header:
        told.append(f"{table.path}: no names in the first line; the columns are taken for {first_names(names)}")
    if table.has_header and not columns.named and header is None:
        unknown = "the first line is taken for names, which the model does not know; --no-header makes it a row"
        told.append(f"{table.path}: {unknown}")
    for column in inputs.values():
        name = names[column.name]
        part, note = column.encode(table, name)
        missing = np.isnan(part[:, 0])
        if missing.any() and column.mean is None:
            where = table.where(int(missing.argmax()), name)
            raise ValueError(f"{where}: the number is missing, and the model learned none to fill in")
        if missing.any():
            never = "" if column.missing else ", but none in training"
            filled = f"filled with {column.mean:.6g}, its mean in training"
            told.append(f"{shortened(name)}: {missing.sum():,} of {len(missing):,} numbers missing{never}; {filled}")
        notes += [f"{shortened(name)}: {note}"] if note else []
        parts.append(part)
    return columns.fill(np.hstack(parts)), told + ["; ".join(notes)] * bool(notes)


def _check_commas(table: TextTable, columns: Iterable[Column]) -> None:
    """Whether the commas are between columns, and each line is not one number as training had them."""
    if table.separator != "," or table.has_header or len(table.names) == 1:
        return
    for notation in {column.notation for column in columns if "," in column.decimal + column.thousands}:
        if not any(math.isnan(notation.parts(",".join(row))[0]) for row in table.cells.to_numpy()):
            either = f"the commas in line {table.cells.index[0]} may be marks in numbers or between columns"
            raise ValueError(f"{table.path}: {either}; write semicolons between columns, or names in the first line")


def _names_in_file(table: TextTable, columns: Columns) -> dict[str, str]:
    """The file's name of each input column; columns without names are matched by position."""
    kinds, names = {column.name: column.kind for column in columns.columns}, table.names
    inputs = [name for name, kind in kinds.items() if kind in (NUMBER, TEXT)]
    takes, has = f"{table.path}: the model takes", f"and the file has {first_names(names)}"
    if columns.named and table.has_header:
        for name in inputs:
            if name not in names:
                raise ValueError(f"{takes} the column {shortened(name)}, {has}")
        for name in names:
            if name not in kinds:
                raise ValueError(
                    f"{takes} {first_names(inputs)}, and the column {shortened(name)} is unknown to it; leave it out"
                )
        return {name: name for name in inputs}
    for given in (list(kinds), [name for name, kind in kinds.items() if kind != TARGET], inputs):
        if len(given) == len(names):
            return dict(zip(given, names))
    raise ValueError(f"{takes} {plural(len(inputs), 'column')} ({first_names(inputs)}), and the file has {len(names)}")

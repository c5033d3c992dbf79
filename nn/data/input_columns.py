"""The inputs in a CSV file: columns learned for training, and read again for predictions."""

import math
from collections.abc import Collection, Iterable
from dataclasses import asdict
from os import PathLike

import numpy as np

from nn.data.columns import NUMBER, TARGET, TEXT, UNUSED, Column, Columns, factorize
from nn.data.csv_files import TextTable, plural, read_text_table
from nn.data.number_cells import Numbers
from nn.data.tables import Table
from nn.validation import first_names, shortened

_MOST_CATEGORIES = 255


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
        told.append(f"{table.path}: the first line is taken for names, which the model does not know")
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
                raise ValueError(f"{takes} {first_names(inputs)}, and the column {shortened(name)} is unknown to it")
        return {name: name for name in inputs}
    for given in (list(kinds), [name for name, kind in kinds.items() if kind != TARGET], inputs):
        if len(given) == len(names):
            return dict(zip(given, names))
    raise ValueError(f"{takes} {plural(len(inputs), 'column')} ({first_names(inputs)}), and the file has {len(names)}")

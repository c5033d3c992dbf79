"""The inputs in a CSV file: what each column is, learned for training, or as it was in training, for predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn.data.columns import NUMBER, TARGET, TEXT, UNUSED, Column, Columns, factorized, listed
from nn.data.csv_files import TextTable, plural, read_text_table
from nn.validation import shortened

if TYPE_CHECKING:
    from collections.abc import Collection
    from os import PathLike

    from nn.data.tables import Table

_MOST_CATEGORIES = 255


def learned_columns(table: TextTable, target: str, drop: Collection[str]) -> tuple[Columns, Table, list[str]]:
    """What each column of a table is, before means and scales; the inputs, and what to tell the user.

    Raises:
        ValueError: no column is left to learn from.
    """
    import numpy as np

    columns, parts, told = [], [np.empty((len(table), 0))], []
    for place, name in enumerate(table.names):
        if name == target:
            columns.append(Column(name, TARGET))
            continue
        if name in drop:
            column, part, note = Column(name, UNUSED), None, "left out, as --drop says"
        elif place == 0 and table.has_header and len(table.names) > 2 and _are_row_numbers(table, name):
            column, part, note = Column(name, UNUSED), None, "left out, as it numbers the rows"
        else:
            column, part, note = _input_column(table, name)
        columns.append(column)
        parts += [] if part is None else [part]
        told += [f"{shortened(name)}: {note}"] if note else []
    described = Columns(tuple(columns), table.has_header)
    if described.n_inputs == 0:
        raise ValueError(f"{table.path}: no column is left to learn from ({'; '.join(told)})")
    return described, np.hstack(parts), told


def _are_row_numbers(table: TextTable, name: str) -> bool:
    """Whether the first column only numbers the rows, as pandas' index does in a CSV file."""
    import numpy as np

    numbers = table.numbers(name).values
    unnamed = name.startswith("Unnamed: ")
    if unnamed and np.all(numbers == np.floor(numbers)) and len(np.unique(numbers)) == len(numbers):
        return True  # those of rows that were shuffled or chosen
    called_so = unnamed or name.casefold() in ("index", "row", "rownames") or name.casefold().endswith("id")
    steps, lines = np.diff(numbers), np.diff(table.cells.index)
    return called_so and len(numbers) > 2 and bool(np.all((steps >= 1) & (steps <= lines)))


def _input_column(table: TextTable, name: str) -> tuple[Column, Table | None, str]:
    """A column of numbers, where four of five cells are, or of texts; its inputs; and what to tell of it."""
    import numpy as np

    cells, numbers = table.column(name), table.numbers(name)
    n_missing, n_odd = int(np.isnan(numbers.values).sum()), int(numbers.odd.sum())
    if n_missing - n_odd == len(cells):
        return Column(name, UNUSED), None, "left out, as it is empty"
    if 4 * n_odd <= len(cells) - n_missing:
        if np.nanmin(numbers.values) == np.nanmax(numbers.values):
            return Column(name, UNUSED), None, f"left out, as each number is {np.nanmin(numbers.values):.6g}"
        notes = [numbers.note] if numbers.note else []
        if n_missing:
            notes.append(f"{n_missing:,} of {len(cells):,} numbers missing, filled with the mean")
        if n_odd:
            row = int(numbers.odd.argmax())
            odd_cell = f"{shortened(cells[row])} in line {table.cells.index[row]}"
            notes.append(f"{n_odd:,} of them say something else, such as {odd_cell}")
        column = Column(name, NUMBER, missing=n_missing, sign=numbers.sign)
        return column, numbers.values.reshape(-1, 1), "; ".join(notes)
    _, texts = factorized(cells)
    if len(texts) > min(_MOST_CATEGORIES, max(10, len(cells) // 3)):
        said = f"{len(texts):,} different texts in {len(cells):,} rows, such as {shortened(texts[0])}"
        return Column(name, UNUSED), None, f"left out, as it has {said}"
    if len(texts) == 1:
        return Column(name, UNUSED), None, f"left out, as each text is {shortened(texts[0])}"
    n_empty = int((cells == "").sum())
    empty = f"; {n_empty:,} empty, a kind as well" if n_empty else ""
    column = Column(name, TEXT, categories=tuple(sorted(texts)))
    return column, column.encoded(table, name)[0], f"{plural(len(texts), 'different text')}, an input each{empty}"


def read_inputs(path: str | PathLike[str], columns: Columns, header: bool | None = None) -> tuple[Table, list[str]]:
    """The inputs in a CSV file for a model with these columns, and what to tell the user of them.

    With names, the columns may come in any order, with or without the target and those left out in training; without
    names, in the order of training.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such table; the message names the line or the column.
    """
    import numpy as np

    inputs = [column for column in columns.columns if column.n_inputs]
    table = read_text_table(path, header, [column.name for column in inputs] if columns.named else ())
    names = _names_in_file(table, columns)
    parts: list[Table] = []
    notes: list[str] = []
    told = [f"{table.path}: {table.empty_rows()}, with no answer"] if table.n_empty else []
    for column in inputs:
        name = names[column.name]
        part, note = column.encoded(table, name)
        missing = np.isnan(part[:, 0])
        if missing.any() and column.mean is None:
            where = table.where(int(missing.argmax()), name)
            raise ValueError(f"{where}: the number is missing, and the model learned none to fill in")
        if missing.any() and not column.missing:
            filled = f"filled with {column.mean:.6g}, its mean there"
            told.append(f"{shortened(name)}: {missing.sum():,} missing, but none in training; {filled}")
        notes += [f"{shortened(name)}: {note}"] if note else []
        parts.append(part)
    told += ["; ".join(notes)] if notes else []
    return columns.filled(np.hstack(parts)), told


def _names_in_file(table: TextTable, columns: Columns) -> dict[str, str]:
    """The file's name of each input column: its own, or where there are no names, that of the one in its place."""
    known = [column.name for column in columns.columns]
    inputs = [column.name for column in columns.columns if column.n_inputs]
    names = table.names
    if columns.named and table.has_header:
        for name in inputs:
            if name not in names:
                raise ValueError(f"{table.path}: the model takes the column {shortened(name)}, and the file has {listed(names)}")
        for name in names:
            if name not in known:
                raise ValueError(f"{table.path}: the column {shortened(name)} is unknown to the model, which takes {listed(inputs)}")
        return {name: name for name in inputs}
    without_target = [column.name for column in columns.columns if column.kind != TARGET]
    for given in (known, without_target, inputs):
        if len(given) == len(names):
            return dict(zip(given, names))
    raise ValueError(
        f"{table.path}: the model takes {plural(len(inputs), 'column')} ({listed(inputs)}), and the file has {len(names)}"
    )

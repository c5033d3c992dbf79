"""Columns: what each column of a table is to a model, learned from examples and kept in the model's file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nn.data.csv_files import TextTable, as_numbers, read_text_table
from nn.model_files import is_finite
from nn.validation import shortened

if TYPE_CHECKING:
    from collections.abc import Collection
    from os import PathLike

    from nn.data.csv_files import Cells
    from nn.data.tables import Table

NUMBER, TEXT, TARGET, UNUSED = "number", "text", "target", "unused"
_MOST_CATEGORIES = 255


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: its name in the file.
        kind: ``"number"``: one input; ``"text"``: an input for each category, 1 where the cell says that;
            ``"target"`` or ``"unused"``: no input.
        mean: of the numbers in training, and what a missing one is taken for; None where nothing was learned.
        scale: the standard deviation of the numbers in training.
        missing: how many numbers the file left out.
        categories: the texts that are known.
    """

    name: str
    kind: str
    mean: float | None = None
    scale: float = 1.0
    missing: int = 0
    categories: tuple[str, ...] = ()

    @property
    def n_inputs(self) -> int:
        """How many inputs of the model it becomes."""
        return {NUMBER: 1, TEXT: len(self.categories)}.get(self.kind, 0)

    def input_names(self) -> list[str]:
        """A name for each of these inputs."""
        return [f"{self.name}={c}" for c in self.categories] if self.kind == TEXT else [self.name] * self.n_inputs

    def to_json(self) -> dict[str, Any]:
        """It as JSON's types, for a model file."""
        learned: dict[str, dict[str, Any]] = {
            NUMBER: {"mean": self.mean, "scale": self.scale, "missing": self.missing},
            TEXT: {"categories": list(self.categories)},
        }
        return {"name": self.name, "kind": self.kind, **learned.get(self.kind, {})}


@dataclass(frozen=True)
class Columns:
    """All columns of a table, in the file's order; *named* where the file has names for them."""

    columns: tuple[Column, ...]
    named: bool

    @classmethod
    def plain(cls, n_inputs: int) -> Columns:
        """Of a model that was not trained on a file: numbers, and perhaps a target after them."""
        numbers = (Column(f"column {i + 1}", NUMBER) for i in range(n_inputs))
        return cls((*numbers, Column(f"column {n_inputs + 1}", TARGET)), named=False)

    @property
    def inputs(self) -> tuple[Column, ...]:
        """The columns that the model takes."""
        return tuple(column for column in self.columns if column.n_inputs)

    @property
    def n_inputs(self) -> int:
        """How many inputs the model has."""
        return sum(column.n_inputs for column in self.columns)

    def input_names(self) -> list[str]:
        """A name for each input."""
        return [name for column in self.columns for name in column.input_names()]

    def encoded(self, table: TextTable, strict: bool = True) -> Table:
        """The inputs ``(n_examples, n_inputs)``, NaN where a number is missing.

        Args:
            table: cells under these columns' names.
            strict: whether a cell that is neither number nor missing is an error, and not missing.

        Raises:
            ValueError: such a cell, or a text of no known category; the message names line and column.
        """
        import numpy as np

        cells = dict(zip(table.names, table.cells))
        X = np.zeros((len(table), self.n_inputs))
        start = 0
        for column in self.inputs:
            here = cells[column.name]
            if column.kind == NUMBER:
                X[:, start], odd = as_numbers(here, table.decimal_commas)
                if strict and odd.any():
                    row = int(odd.argmax())
                    raise ValueError(f"{table.where(row, column.name)}: {shortened(here[row])} is not a finite number")
            else:
                codes, texts = factorized(here)
                places = {category: place for place, category in enumerate(column.categories)}
                found = np.array([places.get(text, -1) for text in texts])[codes]
                if (found < 0).any():
                    row = int((found < 0).argmax())
                    raise ValueError(
                        f"{table.where(row, column.name)}: {shortened(texts[codes[row]])} is unknown to the model; "
                        f"it knows {listed(column.categories)}"
                    )
                X[np.arange(len(X)), start + found] = 1.0
            start += column.n_inputs
        return X

    def learned(self, X: Table) -> Columns:
        """The same with mean and scale of these inputs, as they are encoded."""
        import numpy as np

        from nn.scaling import Scaling

        means = {i: float(np.nanmean(X[:, i])) if not np.isnan(X[:, i]).all() else 0.0 for i in self._numbers()}
        filled = np.where(np.isnan(X), [means.get(i, 0.0) for i in range(X.shape[1])], X)
        scales = Scaling.of(filled).scale
        numbers = {column: i for i, column in self._numbers().items()}
        new = (
            replace(c, mean=means[numbers[c]], scale=scales[numbers[c]]) if c in numbers else c for c in self.columns
        )
        return replace(self, columns=tuple(new))

    def filled(self, X: Table) -> Table:
        """The inputs with each missing number replaced by its column's mean in training."""
        import numpy as np

        means = {i: column.mean for i, column in self._numbers().items()}
        return np.where(np.isnan(X), [means.get(i) or 0.0 for i in range(X.shape[1])], X)

    def _numbers(self) -> dict[int, Column]:
        """The columns of numbers by the place of their input."""
        places, start = {}, 0
        for column in self.columns:
            if column.kind == NUMBER:
                places[start] = column
            start += column.n_inputs
        return places

    def shift_and_scale(self) -> tuple[list[float], list[float]]:
        """What to take from each input, and what to divide it by then, so that it is around 0; texts stay 0 and 1."""
        each = [
            (c.mean or 0.0, c.scale) if c.kind == NUMBER else (0.0, 1.0)
            for c in self.columns
            for _ in range(c.n_inputs)
        ]
        return [shift for shift, _ in each], [scale for _, scale in each]

    # ----------------------------------------------------------------------------------------------------- model files

    def to_json(self) -> dict[str, Any]:
        """They as JSON's types, for a model file."""
        return {"named": self.named, "columns": [column.to_json() for column in self.columns]}

    @classmethod
    def from_json(cls, content: Any) -> Columns:
        """The columns that ``to_json`` wrote.

        Raises:
            ValueError: it is something else.
        """
        if (
            not isinstance(content, dict)
            or content.keys() != {"named", "columns"}
            or type(content["named"]) is not bool
        ):
            raise ValueError("'table' must have 'named' and 'columns'")
        if not isinstance(content["columns"], list):
            raise ValueError("'columns' must be a list")
        columns = tuple(_column(entry) for entry in content["columns"])
        if len({column.name for column in columns}) != len(columns):
            raise ValueError("two columns have one name")
        return cls(columns, content["named"])


def _column(entry: Any) -> Column:
    """A column from a file, checked."""
    name, kind = (entry.get("name"), entry.get("kind")) if isinstance(entry, dict) else (None, None)
    if type(name) is not str or kind not in (NUMBER, TEXT, TARGET, UNUSED):
        raise ValueError(f"a column must have a name and a kind, got {shortened(entry)}")
    mean, scale, missing = entry.get("mean"), entry.get("scale", 1.0), entry.get("missing", 0)
    categories = entry.get("categories", [])
    if not isinstance(categories, list) or not all(type(c) is str for c in categories):
        raise ValueError(f"the categories of the column {shortened(name)} must be texts")
    if len(set(categories)) != len(categories) or bool(categories) != (kind == TEXT):
        raise ValueError(f"the categories of the column {shortened(name)} must be different texts")
    good = is_finite(scale) and scale > 0.0 and type(missing) is int and missing >= 0
    if not good or not (mean is None or is_finite(mean)):
        raise ValueError(f"mean and scale of the column {shortened(name)} must be finite, and the scale above 0")
    column = Column(name, kind, mean, scale, missing, tuple(categories))
    if entry != column.to_json():
        raise ValueError(f"the column {shortened(name)} of kind {kind} has entries of another kind")
    return column


# ------------------------------------------------------------------------------------------------------------- learning


def learned_columns(table: TextTable, target: str, drop: Collection[str]) -> tuple[Columns, list[str]]:
    """What each column of a table is, before means and scales, and what to tell the user of it.

    Raises:
        ValueError: no column is left to learn from.
    """
    columns, told = [], []
    for i, (name, cells) in enumerate(zip(table.names, table.cells)):
        if name in drop:
            column, note = Column(name, UNUSED), "left out, as --drop says"
        elif name == target:
            column, note = Column(name, TARGET), ""
        elif i == 0 and table.has_header and len(table.names) > 2 and _are_row_numbers(table, name, cells):
            column, note = Column(name, UNUSED), "left out, as it numbers the rows"
        else:
            column, note = _input_column(table, name, cells)
        columns.append(column)
        told += [f"{shortened(name)}: {note}"] if note else []
    described = Columns(tuple(columns), table.has_header)
    if described.n_inputs == 0:
        raise ValueError(f"{table.path}: no column is left to learn from ({'; '.join(told)})")
    return described, told


def _are_row_numbers(table: TextTable, name: str, cells: Cells) -> bool:
    """Whether the first column only numbers the rows, as pandas' index does in a CSV file."""
    import numpy as np

    numbers, _ = as_numbers(cells)
    unnamed = name.startswith("Unnamed: ")
    if unnamed and np.all(numbers == np.floor(numbers)) and len(np.unique(numbers)) == len(numbers):
        return True  # those of rows that were shuffled or chosen
    called_so = unnamed or name.casefold() in ("index", "row", "rownames") or name.casefold().endswith("id")
    places = np.arange(len(numbers)) if table.kept is None else table.kept
    return called_so and len(numbers) > 2 and bool(np.all(np.diff(numbers) == np.diff(places)))


def _input_column(table: TextTable, name: str, cells: Cells) -> tuple[Column, str]:
    """A column of numbers, where four of five cells are, or of texts; and what to tell of it."""
    import numpy as np

    numbers, odd = as_numbers(cells, table.decimal_commas)
    n_missing, n_odd = int(np.isnan(numbers).sum()), int(odd.sum())
    if n_missing - n_odd == len(cells):
        return Column(name, UNUSED), "left out, as it is empty"
    if 4 * n_odd <= len(cells) - n_missing:
        note = ""
        if n_missing:
            note = f"{n_missing:,} of {len(cells):,} numbers missing, filled with the mean"
        if n_odd:
            row = int(odd.argmax())
            odd_cell = f"{shortened(cells[row])} in line {table.line_of(row)}"
            note += f"; {n_odd:,} of them say something else, such as {odd_cell}"
        return Column(name, NUMBER, missing=n_missing), note
    _, texts = factorized(cells)
    if len(texts) > min(_MOST_CATEGORIES, max(10, len(cells) // 3)):
        return Column(name, UNUSED), f"left out, as it has {len(texts):,} different texts in {len(cells):,} rows"
    n_empty = int((cells == "").sum())
    empty = f"; {n_empty:,} empty, a kind as well" if n_empty else ""
    return Column(name, TEXT, categories=tuple(sorted(texts))), f"{len(texts)} different texts, an input each{empty}"


def factorized(cells: Cells) -> tuple[Any, list[str]]:
    """For each cell the place of its text, and the texts, with single blanks."""
    import numpy as np
    import pandas as pd

    codes, kinds = pd.factorize(cells)
    plain = [" ".join(kind.split()) for kind in kinds]
    places = {text: place for place, text in enumerate(dict.fromkeys(plain))}
    return np.array([places[text] for text in plain], dtype=int)[codes], list(places)


# ----------------------------------------------------------------------------------------------------------- predicting


def read_inputs(path: str | PathLike[str], columns: Columns, header: bool | None = None) -> tuple[Table, list[str]]:
    """The inputs in a CSV file for a model with these columns, and what to tell the user of them.

    With names, the columns may come in any order, with or without the target and those left out in training; without
    names, in the order of training.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such table; the message names the line or the column.
    """
    names = [column.name for column in columns.columns]
    table = read_text_table(path, header, [c.name for c in columns.inputs] if columns.named else ())
    if columns.named and table.has_header:
        _check_names(table, columns)
    else:
        table = replace(table, names=_placed(table, columns, names))
    import numpy as np

    X = columns.encoded(table)
    told = [f"{table.path}: {table.empty_rows()}, with no answer"] if table.n_empty else []
    for i, column in columns._numbers().items():
        missing = np.isnan(X[:, i])
        if missing.any() and column.mean is None:
            where = table.where(int(missing.argmax()), column.name)
            raise ValueError(f"{where}: the number is missing, and the model learned none to fill in")
        if missing.any() and not column.missing:
            filled = f"filled with {column.mean:.6g}, its mean there"
            told.append(f"{shortened(column.name)}: {missing.sum():,} missing, but none in training; {filled}")
    return columns.filled(X), told


def _check_names(table: TextTable, columns: Columns) -> None:
    known = [column.name for column in columns.columns]
    wanted = [column.name for column in columns.inputs]
    missing = [name for name in wanted if name not in table.names]
    unknown = [name for name in table.names if name not in known]
    if missing:
        raise ValueError(
            f"{table.path}: the model takes the column {shortened(missing[0])}, and the file has {listed(table.names)}"
        )
    if unknown:
        raise ValueError(
            f"{table.path}: the column {shortened(unknown[0])} is unknown to the model, which takes {listed(wanted)}"
        )


def _placed(table: TextTable, columns: Columns, names: list[str]) -> list[str]:
    """A name for each column of a file without names: all columns of training, or without the target, or inputs."""
    without_target = [column.name for column in columns.columns if column.kind != TARGET]
    inputs = [column.name for column in columns.inputs]
    for given in (names, without_target, inputs):
        if len(given) == len(table.names):
            return given
    raise ValueError(
        f"{table.path}: the model takes {len(inputs)} column{'s' if len(inputs) > 1 else ''} "
        f"({listed(inputs)}), and the file has {len(table.names)}"
    )


def listed(names: Collection[str]) -> str:
    """The names with commas between, of many the first."""
    return ", ".join(shortened(name, 30) for name in list(names)[:12]) + (", ..." if len(names) > 12 else "")

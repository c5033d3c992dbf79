"""Columns: how a model reads each column of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from nn.data.tables import Table
from nn.lazy_numpy import np
from nn.model_files import is_finite
from nn.scaling import Scaling
from nn.validation import first_names, shortened

if TYPE_CHECKING:
    from nn.data.csv_files import TextTable
    from nn.data.number_cells import Cells, Notation

NUMBER, TEXT, TARGET, UNUSED = "number", "text", "target", "unused"
_SMALLEST = 1e-300  # of a scale by which weights can be divided


@dataclass(frozen=True)
class Column:
    """One column: one input for numbers, a one-hot input for each category of texts."""

    name: str
    kind: str
    mean: float | None = None  # of the numbers in training; replaces a missing one
    scale: float = 1.0  # the standard deviation of the numbers in training
    missing: int = 0  # the count of missing numbers in training
    decimal: str = "."  # this and the next two: the Notation of the numbers, plain in old files
    thousands: str = ""
    sign: str = ""
    categories: tuple[str, ...] = ()  # the known texts

    @property
    def n_inputs(self) -> int:
        """How many inputs of the model the column becomes."""
        return len(self.categories) if self.kind == TEXT else int(self.kind == NUMBER)

    @property
    def notation(self) -> Notation:
        """How the numbers are written."""
        from nn.data.number_cells import Notation

        return Notation(self.decimal, self.thousands, self.sign)

    def encode(self, table: TextTable, name: str) -> tuple[Table, str]:
        """The inputs ``(n_examples, n_inputs)`` from the column *name*, and a note on the reading.

        A missing number becomes NaN. Other cells than numbers and known texts are an error.
        """
        import pandas as pd

        cells = table.column(name)
        if self.kind == NUMBER:
            numbers = self.notation.read(cells)
            if not numbers.odd.any():
                return np.reshape(numbers.values, (-1, 1)), numbers.note
            row, percent = int(numbers.odd.argmax()), " in percent" * (self.sign == "%")
            got = f"got {shortened(cells[row])}; the model takes numbers written like {self.notation.example}"
            raise ValueError(f"{table.where(row, name)} must be a finite number{percent}, {got}")
        codes, texts = factorize(cells)
        known = pd.Index(self.categories).get_indexer(texts)[codes]
        if (known >= 0).all():
            return np.eye(len(self.categories))[known], ""
        row = int(known.argmin())
        unknown = f"{table.where(row, name)}: {shortened(texts[codes[row]])} is unknown to the model"
        raise ValueError(f"{unknown}; it knows {first_names(self.categories)}; train --drop leaves a column out")

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON, without defaults."""
        entry = {each.name: value for each in fields(self) if (value := getattr(self, each.name)) != each.default}
        return entry | ({"categories": list(self.categories)} if self.categories else {})

    @classmethod
    def from_json(cls, entry: Any) -> Column:
        """The column that ``to_json`` wrote; anything else is a ValueError."""
        if isinstance(entry, dict) and {"name", "kind"} <= entry.keys() <= {each.name for each in fields(cls)}:
            categories = entry.get("categories", [])
            column = cls(**entry | {"categories": tuple(categories) if isinstance(categories, list) else (None,)})
            texts = (column.name, column.kind, column.sign, column.decimal, column.thousands, *column.categories)
            numbers = (0.0 if column.mean is None else column.mean, column.scale, column.missing)
            if (
                all(type(text) is str for text in texts)
                and all(is_finite(number) for number in numbers)
                and column.kind in (NUMBER, TEXT, TARGET, UNUSED)
                and column.decimal in (".", ",")
                and set(column.thousands) <= {*",. '"} - {column.decimal}
                and column.scale > 0.0
                and type(column.missing) is int
                and column.missing >= 0
                and bool(column.categories) == (column.kind == TEXT)
                and len(set(column.categories)) == len(column.categories)
            ):
                return column
        raise ValueError(f"a column must have a name, a kind and what belongs to that kind, got {shortened(entry)}")


@dataclass(frozen=True)
class Columns:
    """All columns of a table, in the file's order; *named* if the file has their names."""

    columns: tuple[Column, ...]
    named: bool

    @classmethod
    def plain(cls, n_inputs: int, names: Sequence[str] | None = None) -> Columns:
        """The columns for a model that was not trained on a file: numbers, of these names if given, then a target."""
        numbers = (Column(name, NUMBER) for name in names or [f"column {i + 1}" for i in range(n_inputs)])
        target = () if names else (Column(f"column {n_inputs + 1}", TARGET),)
        return cls((*numbers, *target), named=names is not None)

    @property
    def by_input(self) -> list[Column]:
        """The column of each input of the model."""
        return [column for column in self.columns for _ in range(column.n_inputs)]

    @property
    def input_names(self) -> list[str]:
        """The name of each input of the model: ``age``, and ``colour=red`` of a category."""
        inputs = ((c.name, text) for c in self.columns if c.n_inputs for text in c.categories or [""])
        return [f"{name}={text}" if text else name for name, text in inputs]

    def learn(self, X: Table) -> Columns:
        """The same columns with mean and scale of these inputs; NaN is a missing number."""
        import pandas as pd

        frame = pd.DataFrame(X)
        means = frame.mean().fillna(0.0)
        scales = Scaling.of(frame.fillna(means).to_numpy(), names=self.input_names).scale
        small = next((name for name, scale in zip(self.input_names, scales) if scale < _SMALLEST), "")
        if small:
            raise ValueError(f"the numbers of {shortened(small)} are too close together; give them in a smaller unit")
        found = {
            column.name: {"mean": mean, "scale": scale}
            for column, mean, scale in zip(self.by_input, means.tolist(), scales)
            if column.kind == NUMBER
        }
        return replace(self, columns=tuple(replace(column, **found.get(column.name, {})) for column in self.columns))

    def fill(self, X: Table) -> Table:
        """The inputs with each missing number replaced by its column's mean in training."""
        return np.where(np.isnan(X), self.scaling().shift, X)

    def scaling(self) -> Scaling:
        """The scaling of all inputs; texts stay 0 and 1."""
        return Scaling([column.mean or 0.0 for column in self.by_input], [column.scale for column in self.by_input])

    def to_json(self) -> dict[str, Any]:
        return {"named": self.named, "columns": [column.to_json() for column in self.columns]}

    @classmethod
    def from_json(cls, content: Any) -> Columns:
        """The columns that ``to_json`` wrote; anything else is a ValueError."""
        named, entries = (content.get("named"), content.get("columns")) if isinstance(content, dict) else (None, None)
        if type(named) is not bool or not isinstance(entries, list) or len(content) != 2:
            raise ValueError("'table' must have 'named', true or false, and a list of 'columns'")
        columns = tuple(map(Column.from_json, entries))
        if len({column.name for column in columns}) != len(columns):
            raise ValueError("two columns have one name")
        return cls(columns, named)


def factorize(cells: Cells) -> tuple[Any, list[str]]:
    """The code of each cell, and the text of each code, with single blanks."""
    import pandas as pd

    codes, kinds = pd.factorize(cells)
    merged, texts = pd.factorize(np.array([" ".join(kind.split()) for kind in kinds], dtype=object))
    return merged[codes], texts.tolist()

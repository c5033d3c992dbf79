"""Columns: what each column of a table is to a model, learned from examples and kept in the model's file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nn.model_files import is_finite
from nn.scaling import Scaling
from nn.validation import shortened

if TYPE_CHECKING:
    from collections.abc import Collection

    from nn.data.csv_files import TextTable
    from nn.data.number_cells import Cells
    from nn.data.tables import Table

NUMBER, TEXT, TARGET, UNUSED = "number", "text", "target", "unused"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: its name in the file.
        kind: ``"number"``: one input; ``"text"``: an input for each category, 1 where the cell says that;
            ``"target"`` or ``"unused"``: no input.
        mean: of the numbers in training, which replaces a missing one; None where nothing was learned.
        scale: the standard deviation of the numbers in training.
        missing: how many numbers the file left out.
        sign: the percent or currency sign beside the numbers, ``""`` for none.
        categories: the texts that are known.
    """

    name: str
    kind: str
    mean: float | None = None
    scale: float = 1.0
    missing: int = 0
    sign: str = ""
    categories: tuple[str, ...] = ()

    @property
    def n_inputs(self) -> int:
        """How many inputs of the model it becomes."""
        return len(self.categories) if self.kind == TEXT else int(self.kind == NUMBER)

    def encoded(self, table: TextTable, name: str) -> tuple[Table, str]:
        """The inputs ``(n_examples, n_inputs)`` from the table's column *name*, and a note on how they were read.

        A missing number is NaN.

        Raises:
            ValueError: a cell is neither number nor missing, or a text of no known category; the message names it.
        """
        import numpy as np
        import pandas as pd

        if self.kind == NUMBER:
            numbers = table.numbers(name, self.sign)
            if numbers.odd.any():
                row = int(numbers.odd.argmax())
                cell, percent = shortened(table.column(name)[row]), " in percent" * (self.sign == "%")
                raise ValueError(f"{table.where(row, name)} must be a finite number{percent}, got {cell}")
            return np.reshape(numbers.values, (-1, 1)), numbers.note
        codes, texts = factorized(table.column(name))
        places = pd.Index(self.categories).get_indexer(texts)[codes]
        if (places < 0).any():
            row = int(places.argmin())
            raise ValueError(
                f"{table.where(row, name)}: {shortened(texts[codes[row]])} is unknown to the model; "
                f"it knows {listed(self.categories)}"
            )
        return np.eye(len(self.categories))[places], ""

    def to_json(self) -> dict[str, Any]:
        """It as JSON's types, for a model file."""
        entry: dict[str, Any] = {"name": self.name, "kind": self.kind}
        if self.kind == TEXT:
            entry["categories"] = list(self.categories)
        if self.kind == NUMBER:
            entry |= {"mean": self.mean, "scale": self.scale, "missing": self.missing}
            entry |= {"sign": self.sign} if self.sign else {}
        return entry

    @classmethod
    def from_json(cls, entry: Any) -> Column:
        """The column that ``to_json`` wrote, checked."""
        if not isinstance(entry, dict) or not {"name", "kind"} <= entry.keys() <= set(cls.__dataclass_fields__):
            raise ValueError(f"a column must have a name and a kind, got {shortened(entry)}")
        column = cls(**entry | {"categories": tuple(entry.get("categories") or ())})
        texts = (column.name, column.sign, *column.categories)
        numbers = (0.0 if column.mean is None else column.mean, column.scale, column.missing)
        if not all(type(text) is str for text in texts) or not all(map(is_finite, numbers)):
            raise ValueError(f"a column must have texts and finite numbers, got {shortened(entry)}")
        if column.scale <= 0.0 or type(column.missing) is not int or column.missing < 0:
            raise ValueError(f"the column {shortened(column.name)} must have a scale above 0, got {shortened(entry)}")
        known = column.kind in (NUMBER, TEXT, TARGET, UNUSED) and len(set(column.categories)) == len(column.categories)
        if not known or bool(column.categories) != (column.kind == TEXT) or column.to_json() != entry:
            raise ValueError(f"the column {shortened(column.name)} must be of a known kind, got {shortened(entry)}")
        return column


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
    def by_input(self) -> list[Column]:
        """The column of each input of the model."""
        return [column for column in self.columns for _ in range(column.n_inputs)]

    @property
    def n_inputs(self) -> int:
        """How many inputs the model has."""
        return len(self.by_input)

    def learned(self, X: Table) -> Columns:
        """The same with mean and scale of these inputs, in which NaN is a missing number."""
        import pandas as pd

        frame = pd.DataFrame(X)
        means = frame.mean().fillna(0.0)
        scales = Scaling.of(frame.fillna(means).to_numpy()).scale
        found = {column.name: each for column, *each in zip(self.by_input, means.tolist(), scales)}
        columns = (
            replace(column, mean=found[column.name][0], scale=found[column.name][1]) if column.kind == NUMBER else column
            for column in self.columns
        )
        return replace(self, columns=tuple(columns))

    def filled(self, X: Table) -> Table:
        """The inputs with each missing number replaced by its column's mean in training."""
        import numpy as np

        return np.where(np.isnan(X), self.scaling().shift, X)

    def scaling(self) -> Scaling:
        """What to take from each input, and what to divide it by then, so that it is around 0; texts stay 0 and 1."""
        return Scaling([column.mean or 0.0 for column in self.by_input], [column.scale for column in self.by_input])

    def to_json(self) -> dict[str, Any]:
        """They as JSON's types, for a model file."""
        return {"named": self.named, "columns": [column.to_json() for column in self.columns]}

    @classmethod
    def from_json(cls, content: Any) -> Columns:
        """The columns that ``to_json`` wrote.

        Raises:
            ValueError: it is something else.
        """
        if not isinstance(content, dict) or content.keys() != {"named", "columns"}:
            raise ValueError("'table' must have 'named' and 'columns'")
        if type(content["named"]) is not bool or not isinstance(content["columns"], list):
            raise ValueError("'named' must be true or false, and 'columns' a list")
        columns = tuple(map(Column.from_json, content["columns"]))
        if len({column.name for column in columns}) != len(columns):
            raise ValueError("two columns have one name")
        return cls(columns, content["named"])


def factorized(cells: Cells) -> tuple[Any, list[str]]:
    """For each cell the place of its text, and the texts, with single blanks."""
    import numpy as np
    import pandas as pd

    codes, kinds = pd.factorize(cells)
    places, texts = pd.factorize(np.array([" ".join(kind.split()) for kind in kinds], dtype=object))
    return places[codes], texts.tolist()


def listed(names: Collection[str]) -> str:
    """The names with commas between, of many the first."""
    return ", ".join(shortened(name, 30) for name in list(names)[:12]) + (", ..." if len(names) > 12 else "")

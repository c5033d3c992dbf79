"""What is given as ``X``: arrays, frames, anything that gives rows one by one, with names or without."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set, Sized
from typing import Any, NamedTuple

import numpy as np

from engine import names as naming
from engine.compiler.ir import Floats
from engine.validation import described, shortened


class Asked(NamedTuple):
    """The names that columns are asked for by; where they are *strict*, columns of other names are refused."""

    names: Sequence[str] = ()
    strict: bool = False
    optional: frozenset[str] = frozenset()
    """Names that no column may have: they are those of arguments that are no columns."""


class Table(NamedTuple):
    """Rows of numbers in the order that was asked for, and the names of their columns, if they have names."""

    rows: Any
    names: Sequence[Any] = ()

    @property
    def n_columns(self) -> int:
        first = self.rows[0] if isinstance(self.rows, (list, tuple)) and self.rows else None
        if isinstance(first, Sized) and not isinstance(first, (str, bytes)) and getattr(first, "ndim", 1) == 1:
            return len(first)
        shape = np.shape(self.rows)
        if len(shape) != 2 or shape[0] == 0:
            of_one_axis = "; [X] is a table of one row, numpy.reshape(X, (-1, 1)) of one column"
            advice = {0: "; [[X]] is a table of one number", 1: of_one_axis}.get(len(shape), "")
            raise ValueError(f"X must be (n_examples, n_inputs) with at least one row, got {shape}{advice}")
        return int(shape[1])


def read_table(X: Any, asked: Asked) -> Table:
    """Rows as a user gives them: arrays, frames, anything that gives rows one by one; each in the order asked for.

    Rows with names that none asks for are read in the order of the first; rows without names by position. Raises a
    TypeError for no rows or no order, and a ValueError for other names or masked numbers.
    """
    if type(X) is np.ndarray and X.dtype.kind in "fiub":
        return Table(X)
    if isinstance(X, (str, bytes, Mapping, Set)) or X is None or naming.is_named_tuple(X):
        advice = "; list(X) has its parts as rows, np.column_stack(X) as columns" if naming.is_named_tuple(X) else ""
        raise TypeError(f"X must be rows of numbers, an example each, got {described(X)}{advice}")
    naming.check_unmasked(X, "X")
    columns = naming.columns_of(X)
    if columns is not None:
        return _read_columns(columns, X.to_numpy() if hasattr(X, "to_numpy") else np.asarray(X), asked)
    if hasattr(X, "toarray"):  # sparse, of scipy
        return Table(X.toarray())
    rows = _listed(X)
    if not isinstance(rows, (list, tuple)) or naming.are_plain(rows):
        return Table(rows)
    first = next((names for names in map(naming.names_of, rows) if names), [])
    texts = {*map(naming.column_text, first)}
    ignored = not asked.names or not (asked.strict or texts & {*asked.names})  # names that none asks for
    names = first if ignored else list(asked.names)
    strict = ignored or asked.strict or texts == {*asked.names}
    _check_optional(first, asked)
    ordered = [naming.in_order(row, names, f"X: row {place}", strict) for place, row in enumerate(rows)]
    return Table([list(row) if isinstance(row, Iterator) else row for row in ordered], first and names)


def _listed(X: Any) -> Any:
    """Rows as a list, unless they are an array of numbers, or nothing that gives rows."""
    kind = getattr(getattr(X, "dtype", None), "kind", "")
    is_array = hasattr(X, "shape") and not (len(X.shape) == 1 and (hasattr(X, "to_numpy") or kind in ("O", "V")))
    return X if isinstance(X, (list, tuple)) or is_array or not isinstance(X, Iterable) else list(X)


def _read_columns(names: list[Any], rows: Floats, asked: Asked) -> Table:
    _check_optional(names, asked)
    try:
        order = naming.order_of(names, asked.names, asked.strict)
    except ValueError as error:
        advice = "X.to_numpy() has the numbers in their own order"
        raise ValueError(f"X must have the columns {error}; {advice}") from None
    return Table(rows, names) if order is None else Table(rows[:, order], [names[place] for place in order])


def _check_optional(names: Sequence[Any], asked: Asked) -> None:
    if found := [name for name in names if name in asked.optional]:
        raise ValueError(
            f"X must have columns for the arguments that have no default value, got {shortened(found[0])}, which has "
            "one, or goes by keyword; compile a function that takes it by position and without a default value"
        )

"""Tables of numbers and columns of labels, from lists, numpy and pandas, checked."""

import math
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from typing import Any, TypeAlias

from engine.names import are_plain, check_unmasked
from nn.data.names import by_name, is_in_order
from nn.lazy_numpy import np
from nn.validation import as_float, described, shortened

Table: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


class NamedTable:
    """A table with the names of its columns, which ``fit`` reads as a frame."""

    ndim = 2

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self.table, self.columns, self.shape = table, list(columns), table.shape

    def __len__(self) -> int:
        return len(self.table)

    def to_numpy(self) -> Table:
        """The numbers."""
        return self.table


def as_table(
    X: Any, what: str = "X", width: int | None = None, empty: bool = False, keep_float32: bool = False
) -> Table:
    """Examples as an array ``(n_examples, width)`` of floats.

    Args:
        X: lists, an array of numpy or scipy, a pandas frame, or rows with names, which have the order of the first; a
            flat list has one number an example if *width* is 1.
        what: the name of *X* in messages.
        width: how many numbers each example must have; None takes any.
        empty: whether there may be no examples.
        keep_float32: whether an array of float32 stays one, in half the memory.

    Raises:
        ValueError: ragged rows, another width, NaN or infinity, no number, or no examples.

    >>> as_table([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    X = by_name(X, None, what, keep=False)
    rows = X.to_numpy() if hasattr(X, "to_numpy") else X.toarray() if hasattr(X, "toarray") else X
    check_unmasked(rows, what)
    if not is_in_order(rows):
        advice = "; give a list of rows, or a frame of columns with names" if isinstance(X, (Mapping, tuple)) else ""
        raise ValueError(f"{what} must be rows of numbers, got {described(X)}{advice}")
    if len(rows) == 0:
        if empty:
            return np.empty((0, width or 0))
        raise ValueError(f"{what} must have at least one example, got none")
    _check_rows(rows, what)
    table = rows if keep_float32 and str(getattr(rows, "dtype", "")) == "float32" else _floats(rows, what)
    if table.ndim == 1 and width == 1:
        table = table.reshape(-1, 1)
    if table.ndim != 2:
        advice = "; one example is a row: predict([x])" if table.shape == (width,) else ""
        raise ValueError(f"{what} must have the shape (n_examples, {width or 'n_columns'}), got {table.shape}{advice}")
    if width is not None and table.shape[1] != width:
        raise ValueError(f"{what} must have {width} numbers in each row, got {table.shape[1]}")
    with np.errstate(all="ignore"):
        total = np.add.reduce(table, None)  # in little memory
    if not np.isfinite(total) and not (finite := np.isfinite(table)).all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(f"{what} must have finite numbers, got {table[row, column]} in row {row}, column {column}")
    return table


def _check_rows(rows: Any, what: str) -> None:
    """Raise a ValueError for rows of different lengths, without an order, or with masked numbers."""
    if getattr(rows, "ndim", 1) == 2 or getattr(getattr(rows, "dtype", None), "kind", "O") in "fiub":
        return  # an array's rows are of one length
    for place, row in enumerate(() if are_plain(rows) else rows):
        if isinstance(row, Set):
            raise ValueError(f"{what} must have rows in an order, got {shortened(row)} in row {place}; make it a list")
        check_unmasked(row, what)
    first, *others = (len(row) if _is_row(row) else None for row in rows)
    for place, length in enumerate(others, 1):
        if length != first:
            raise ValueError(f"{what} must have rows of one length, got {length} in row {place} and {first} in row 0")


def _is_row(thing: Any) -> bool:
    """Whether this holds numbers or labels: no text, which numpy may read as numbers, and no array without axes."""
    is_long = hasattr(thing, "__len__") and getattr(thing, "ndim", 1) > 0
    return is_long and not isinstance(thing, (str, bytes, bytearray))


def _floats(rows: Any, what: str) -> Table:
    try:
        array = np.asarray(rows)
        if array.dtype.kind in "cUSMmO":  # numpy would drop imaginary parts and read strings
            array = np.array([
                [_number(x, what, f"row {i}, column {j}") for j, x in enumerate(row)]
                if _is_row(row) else _number(row, what, f"row {i}")
                for i, row in enumerate(rows)
            ])  # fmt: skip
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        if str(error).startswith(what):
            raise
        raise ValueError(f"{what} must be rows of numbers ({error})") from None


def _number(x: Any, what: str, place: str) -> float:
    try:
        return as_float(float(x) if hasattr(x, "operands") else x, what)
    except (TypeError, OverflowError):
        given = str.__str__(x) if isinstance(x, str) else x  # numpy's texts as those of Python
        raise ValueError(f"{what} must have numbers, got {shortened(given)} in {place}") from None


def as_column(y: Any, what: str = "y") -> list[Any]:
    """Labels as a list of ints, floats or strings; whole floats become ints.

    A row may hold one label.

    Raises:
        ValueError: it is empty, or a label is NaN or neither number nor string.

    >>> as_column(["cat", "dog"]), as_column([1.0, 2])
    (['cat', 'dog'], [1, 2])
    """
    items = y.to_numpy() if hasattr(y, "to_numpy") else y
    check_unmasked(items, what)
    items = items.tolist() if hasattr(items, "tolist") else items
    if not is_in_order(items):
        raise ValueError(f"{what} must be a list of labels, got {described(y)}")
    if len(items) == 0:
        raise ValueError(f"{what} must have at least one example, got none")
    return [_label(item, what, row) for row, item in enumerate(items)]


def _label(item: Any, what: str, row: int) -> Any:
    if _is_row(item) and len(item) == 1:
        (item,) = item.values() if isinstance(item, Mapping) else item
    item = item.item() if getattr(item, "ndim", None) == 0 and hasattr(item, "item") else item
    if isinstance(item, (str, bool)):
        return str.__str__(item) if isinstance(item, str) else item  # a member of an Enum as its text
    if isinstance(item, int):
        return int(item)
    with suppress(ValueError):
        number = _number(item, what, f"row {row}")
        if math.isfinite(number):
            return int(number) if number.is_integer() else number
    raise ValueError(f"{what} must have strings or finite numbers as labels, got {shortened(item)} in row {row}")

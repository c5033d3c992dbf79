"""Names of numbers: those of columns, rows and vectors, and the order in which they are read.

A dict, a Series, a named tuple and a record of numpy are rows with names. Frames and arrays of records have columns.
"""

import sys
from collections.abc import Mapping, Sequence, Set
from typing import Any

from engine.validation import described, shortened

_PLAIN = frozenset({list, tuple, int, float, str, bool})


def are_plain(rows: Sequence[Any]) -> bool:
    """Whether all rows are lists, arrays or numbers by their types: none is a set, and none has a mask.

    None has names, except an array without axes: that may be a record.
    """
    numpy = sys.modules.get("numpy")  # before it is imported there are no arrays
    return {*map(type, rows)} <= (_PLAIN if numpy is None else _PLAIN | {numpy.ndarray})


def is_named_tuple(thing: Any) -> bool:
    return isinstance(thing, tuple) and hasattr(thing, "_fields")


def names_of(row: Any) -> list[Any]:
    """The names of the numbers in a row, in their order; none where they have none."""
    if isinstance(row, Mapping):
        return list(row)
    if is_named_tuple(row):
        return list(row._fields)
    n_axes = getattr(row, "ndim", None)
    if n_axes == 1 and hasattr(row, "to_numpy"):
        return list(getattr(row, "index", ()))
    return list(getattr(getattr(row, "dtype", None), "names", None) or ()) if n_axes == 0 else []


def columns_of(table: Any) -> list[Any] | None:
    """The names of the columns of a frame, or of a table of Apache Arrow; None of anything else."""
    if hasattr(table, "to_numpy") and hasattr(table, "columns"):
        return list(table.columns)
    return list(table.column_names) if hasattr(table, "column_names") and hasattr(table, "to_pylist") else None


def values_of(row: Any) -> list[Any]:
    return list(row.values()) if isinstance(row, Mapping) else list(row)


def column_text(name: Any) -> str:
    """The name of a column as a text; a tuple, of several levels, in brackets."""
    return f"({', '.join(map(column_text, name))})" if isinstance(name, tuple) else str(name)


def are_counted(names: Sequence[Any]) -> bool:
    """Whether names only count, 0, 1, 2, ..., as pandas does where there are none."""
    return [*map(column_text, names)] == [*map(str, range(len(names)))]


def are_shuffled(names: Sequence[Any]) -> bool:
    """Whether names are 0, 1, 2, ... in another order."""
    return not are_counted(names) and {*map(column_text, names)} == {*map(str, range(len(names)))}


def order_of(names: Sequence[Any], asked: Sequence[Any], strict: bool = False) -> list[int] | None:
    """The place among *names* of each name that is *asked* for; None where the numbers are in that order already.

    Names that none asks for are read by position, unless this is *strict*. Names that count are no names beside others.
    If some of the names asked for are there, in other places, and others are not, that is a ValueError.
    """
    own, others = [*map(column_text, names)], [*map(column_text, asked)]
    if own == others or not own or not others:
        return None
    if sorted(own) == sorted(others) and len(own) == len(set(own)) == len(set(names)):  # True is 1 for Python
        return [own.index(name) for name in others]
    if strict:
        counted, texts = (own, others) if _are_numbers(own) else (others, own)
        if len(own) == len(others) and are_counted(counted) and not _are_numbers(texts):
            return None
    elif all(others[place : place + 1] == [name] for place, name in enumerate(own) if name in others):
        return None
    raise ValueError(f"{shortened(others)}, got {shortened(own)}")


def _are_numbers(texts: Sequence[str]) -> bool:
    return all(text.lstrip("-").isdigit() for text in texts)


def in_order(row: Any, asked: Sequence[Any], what: str, strict: bool = False) -> Any:
    """The numbers of a row in the order of the names that are *asked* for; a row without names as it is.

    A set is a TypeError, and a row with other names or masked numbers a ValueError.
    """
    check_ordered(row, what)
    names = names_of(row)
    if not names:
        return row
    try:
        order = order_of(names, asked, strict)
    except ValueError as error:
        advice = "an array of them has the numbers in their own order"
        raise ValueError(f"{what} must have the names {error}; {advice}") from None
    if order is None and are_shuffled(names):
        raise ValueError(f"{what} must have its numbers in order, got the names {shortened(names)}")
    values = values_of(row)
    return values if order is None else [values[place] for place in order]


def check_ordered(thing: Any, what: str) -> None:
    """Raise an error if these are numbers in no order, or some of them are masked."""
    if isinstance(thing, Set):
        raise TypeError(f"{what} must be in an order, got {described(thing)}")
    check_unmasked(thing, what)


def check_unmasked(thing: Any, what: str) -> None:
    """Raise a ValueError if an array of numpy.ma hides some of its numbers."""
    if hasattr(thing, "mask") and hasattr(thing, "filled"):
        import numpy as np

        if n := int(np.ma.getmaskarray(thing).sum()):
            advice = "leave these rows out, or fill them in"
            raise ValueError(f"{what} must have no masked numbers, got {n} of them; {advice}")

"""What is given as ``X``: rows of numbers, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set, Sized
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from engine.compiler.ir import Floats
from engine.compiler.trace import Record
from engine.derivatives import rule_of
from engine.names import check_ordered, column_text, in_order, is_named_tuple, names_of, order_of
from engine.validation import as_float, shortened

FLOAT64 = 'use dtype="float64" for so large numbers'
_MAY_HIDE_NAN = {"**": 0, "hypot": 0, "leaky_relu": 1}
"""Operations that may be a number where an operand is NaN; and of how many operands, from the first, they show NaN."""


def hiding_nan(record: Record) -> list[int]:
    """The inputs in which NaN may not make an output NaN, so that it is looked for before."""
    showing = bytearray(len(record.ops) + 1)  # the last one is for operands that are not there
    for output in record.outputs:
        showing[output] = 1
    for index in range(len(record.ops) - 1, -1, -1):
        op = record.ops[index]
        if showing[index] and isinstance(op, str) and rule_of(op):
            n_showing = _MAY_HIDE_NAN.get(op, 2)
            if n_showing:
                showing[record.first[index]] = 1
            if n_showing == 2:
                showing[record.second[index]] = 1
    return [column for column in range(record.n_inputs) if not showing[column]]


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
        """How many numbers the first row has."""
        first = self.rows[0] if isinstance(self.rows, (list, tuple)) and self.rows else None
        if isinstance(first, Sized) and not isinstance(first, (str, bytes)) and getattr(first, "ndim", 1) == 1:
            return len(first)
        shape = np.shape(self.rows)
        if len(shape) != 2 or shape[0] == 0:
            raise ValueError(f"X must be (n_examples, n_inputs) with at least one row, got {shape}")
        return int(shape[1])


def read_table(X: Any, asked: Asked) -> Table:
    """Rows as a user gives them: arrays, frames, anything that gives rows one by one; each in the order asked for.

    Rows with names that none asks for are read in the order of the first. Rows without names are read by position.

    Raises:
        TypeError: no rows, or numbers in no order.
        ValueError: other names than those asked for, or masked numbers.
    """
    if type(X) is np.ndarray and X.dtype.kind in "fiub":
        return Table(X)
    if isinstance(X, (str, bytes, Mapping, Set)) or X is None or is_named_tuple(X):
        advice = "; list(X) has its parts as rows" if is_named_tuple(X) else ""
        raise TypeError(f"X must be rows of numbers, an example each, got {type(X).__name__} {shortened(X)}{advice}")
    check_ordered(X, "X")
    if hasattr(X, "to_numpy") and hasattr(X, "columns"):
        return _read_columns(list(X.columns), X.to_numpy(), asked)
    if hasattr(X, "column_names") and hasattr(X, "to_pylist"):  # of Apache Arrow
        return _read_columns(list(X.column_names), np.asarray(X), asked)
    if hasattr(X, "toarray"):  # sparse, of scipy
        return Table(X.toarray())
    rows = _listed(X)
    if not isinstance(rows, (list, tuple)) or _PLAIN.issuperset(map(type, rows)):
        return Table(rows)
    first = next((names for names in map(names_of, rows) if names), [])
    texts = {*map(column_text, first)}
    ignored = not asked.names or not (asked.strict or texts & {*asked.names})  # names that none asks for
    names = first if ignored else list(asked.names)
    strict = ignored or asked.strict or texts == {*asked.names}
    _check_optional(first, asked)
    ordered = [in_order(row, names, f"X: row {place}", strict) for place, row in enumerate(rows)]
    return Table([list(row) if isinstance(row, Iterator) else row for row in ordered], first and names)


_PLAIN = frozenset({list, tuple, int, float, bool, np.ndarray})


def _listed(X: Any) -> Any:
    """Rows as a list, unless they are an array of numbers, or nothing that gives rows."""
    kind = getattr(getattr(X, "dtype", None), "kind", "")
    is_array = hasattr(X, "shape") and not (len(X.shape) == 1 and (hasattr(X, "to_numpy") or kind in ("O", "V")))
    return X if isinstance(X, (list, tuple)) or is_array or not isinstance(X, Iterable) else list(X)


def _read_columns(names: list[Any], rows: Floats, asked: Asked) -> Table:
    _check_optional(names, asked)
    try:
        order = order_of(names, asked.names, asked.strict)
    except ValueError as error:
        advice = "X.to_numpy() has the numbers in their own order"
        raise ValueError(f"X must have the columns {error}; {advice}") from None
    return Table(rows, names) if order is None else Table(rows[:, order], [names[place] for place in order])


def _check_optional(names: Sequence[Any], asked: Asked) -> None:
    if found := [name for name in names if name in asked.optional]:
        raise ValueError(
            f"X must have columns for the arguments that have no default value, got {shortened(found[0])}, which has "
            "one; compile a function that takes it without a default value"
        )


def as_rows(
    table: Table, n_inputs: int, dtype: np.dtype[Any], look: Sequence[int] | None = None, exact: bool = False
) -> Floats:
    """``(n_examples, n_inputs)`` numbers, checked; *look* for NaN in these columns at least, by default in all.

    They are of the *dtype*; or, if they are to be *exact*, of float64 where float32 would round them.

    Raises:
        ValueError: another shape, or NaN.
        TypeError: no numbers.
    """
    try:
        given = np.asarray(table.rows)
    except ValueError:  # ragged, or an array inside of a list
        given = np.empty(0, object)
    if given.dtype.kind not in "fiub":
        given = _numbers(table, n_inputs)
    if given.size == 0 and given.ndim == 1:
        given = given.reshape(0, n_inputs)
    if given.ndim != 2 or given.shape[1] != n_inputs:
        advice = "; X.reshape(-1, 1) makes a column of it" if given.ndim == 1 and n_inputs == 1 else ""
        raise ValueError(f"X must be of shape (n_examples, {n_inputs}), an example a row, got {given.shape}{advice}")
    with np.errstate(all="ignore"):
        rows = given.astype(dtype, copy=False)
        looked_at = rows[:, look] if given.dtype == dtype and look is not None else rows
        if not isfinite(np.vdot(looked_at, looked_at)):  # faster than any look at each number
            refuse_nan(rows)
            refuse_lost(given, rows, "X")
    return given.astype(np.float64, copy=False) if exact and given.dtype != dtype else rows


def fill(array: Floats, numbers: Any, what: str) -> None:
    """Write numbers into an array; raise an OverflowError if one is too large for it."""
    with np.errstate(over="ignore"):
        array[:] = numbers
    refuse_lost(numbers, array, what)


def refuse_lost(given: Any, taken: Floats, what: str) -> None:
    """Raise an OverflowError if a number that was *given* was too large for the array that has *taken* it."""
    if taken.dtype == np.float32:
        numbers = np.asarray(given, np.float64)
        lost = np.isinf(taken) & np.isfinite(numbers)
        if lost.any():
            raise OverflowError(f"{what} must be within float32's range, got {numbers[lost][0]:.6g}; {FLOAT64}")


def refuse_nan(rows: Floats, start: int = 0) -> None:
    """Say where the first NaN is, if there is one; the first of the rows is row *start*.

    Raises:
        ValueError: there is one.
    """
    if np.isnan(rows).any():
        row, column = (int(i) for i in np.argwhere(np.isnan(rows))[0])
        raise ValueError(f"X: row {start + row} has NaN in column {column}")


def _numbers(table: Table, n_inputs: int) -> Floats:
    """Rows that numpy does not know as numbers, one by one."""
    if not isinstance(table.rows, Iterable):
        raise TypeError(f"X must be rows of numbers, an example each, got {shortened(table.rows)}")
    rows = []
    named = len(table.names) == n_inputs
    places = [f", column {shortened(name)}" for name in table.names] if named else [""] * n_inputs
    for index, row in enumerate(table.rows):
        what = f"X: row {index}"
        if not isinstance(row, Iterable) or isinstance(row, (str, bytes)):
            raise TypeError(f"{what} must be {n_inputs} numbers, got {type(row).__name__} {shortened(row)}")
        numbers = list(row)
        if len(numbers) != n_inputs:
            raise ValueError(f"{what} must be {n_inputs} numbers, got {len(numbers)}")
        rows.append([as_float(x, what + place) for x, place in zip(numbers, places, strict=True)])
    return np.array(rows, dtype=np.float64).reshape(len(rows), n_inputs)

"""The numbers in rows, checked: how many, no NaN, none too large for their dtype."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import numpy as np

from engine.compiler.ir import Floats, Indexes
from engine.compiler.tables import Table
from engine.compiler.trace import Record
from engine.derivatives import rule_of
from engine.validation import as_float, described, shortened

FLOAT64 = 'use dtype="float64" for so large numbers'
_MAY_HIDE_NAN = {"**": 0, "hypot": 0, "leaky_relu": 1, "times": 0}
"""Operations that may be a number where an operand is NaN; and of how many operands, from the first, they show NaN."""


def hiding_nan(record: Record) -> list[int]:
    """The inputs in which NaN may not make an output NaN, so that it is looked for before."""
    showing = bytearray(len(record.ops) + 1)  # the last one is for operands that are not there
    for output in record.outputs:
        showing[output] = 1
    n_showing = {op: _MAY_HIDE_NAN.get(op, 2) if isinstance(op, str) and rule_of(op) else 0 for op in set(record.ops)}
    for index in range(len(record.ops) - 1, -1, -1):
        n = n_showing[record.ops[index]] if showing[index] else 0
        if n > 0:
            showing[record.first[index]] = 1
        if n > 1:
            showing[record.second[index]] = 1
    return [column for column in range(record.n_inputs) if not showing[column]]


def as_rows(table: Table, n_inputs: int, dtype: np.dtype[Any], look: Sequence[int] | None = None) -> Floats:
    """``(n_examples, n_inputs)`` numbers of the *dtype*, or of float64 where float32 would round them.

    NaN is looked for in the columns *look* at least, by default in all, and is a ValueError, as another shape is.
    """
    try:
        given = np.asarray(table.rows)
    except ValueError:  # ragged, or an array inside of a list
        given = np.empty(0, object)
    if given.dtype.kind not in "fiub":
        given = _numbers(table, n_inputs)
    if given.size == 0 and given.ndim == 1:
        given = given.reshape(0, n_inputs)
    check_width(given, n_inputs)
    if not given.flags.aligned:  # np.vdot of numpy 1.26 ends the process on some processors
        given = given.copy()
    columns = look if given.dtype == dtype else None  # what is rounded is looked at everywhere
    if columns is not None and not columns:
        return given
    with np.errstate(all="ignore"):
        rows = given.astype(dtype, copy=False)
        looked_at = rows if columns is None else rows[:, columns]
        if not isfinite(np.vdot(looked_at, looked_at)):  # faster than any look at each number
            refuse_nan(rows)
            refuse_lost(given, rows, "X")
    return given.astype(np.float64, copy=False) if given.dtype != dtype else rows


def check_width(rows: Floats, n_inputs: int) -> None:
    """Raise a ValueError unless these are rows of so many numbers."""
    if rows.ndim != 2 or rows.shape[1] != n_inputs:
        advice = "; [X] is a table of one row" if rows.shape == (n_inputs,) else ""
        if n_inputs == 1 and rows.ndim < 2:
            advice = "; X.reshape(-1, 1) makes a column of it" if rows.ndim else "; [[X]] is a table of one number"
        raise ValueError(f"X must be of shape (n_examples, {n_inputs}), an example a row, got {rows.shape}{advice}")


def as_places(places: Any, n_rows: int) -> Indexes:
    """Which of so many rows, in which order; a ValueError for what numpy takes otherwise, such as -1 and bools."""
    taken = np.asarray(places)
    if taken.ndim != 1 or (taken.size and taken.dtype.kind not in "iu"):
        raise ValueError(f"places must be a list of row numbers, got {shortened(places)}")
    found = taken.astype(np.int64, copy=False)
    if found.size and np.maximum.reduce(found.view(np.uint64)) >= n_rows:  # so seen, a negative number is large
        wrong = taken[(taken < 0) | (taken >= n_rows)]
        raise ValueError(f"places must be row numbers from 0 to {n_rows - 1}, got {wrong[0]}")
    return found


def fill(array: Floats, numbers: Any, what: str) -> None:
    """Write numbers into an array; raise an OverflowError if one is too large for it."""
    with np.errstate(all="ignore"):
        array[:] = numbers
    refuse_lost(numbers, array, what)


def refuse_lost(given: Any, taken: Floats, what: str) -> None:
    """Raise an OverflowError if a number that was *given* was too large for the array that has *taken* it."""
    if np.isinf(taken).any():
        numbers = given if isinstance(given, np.ndarray) else np.asarray(given, np.float64)
        lost = np.isinf(taken) & np.isfinite(numbers)
        if lost.any():
            first = numbers[lost][0]
            got = f"{first:.6g}; {FLOAT64}" if taken.dtype == np.float32 else str(first)
            raise OverflowError(f"{what} must be within {taken.dtype}'s range, got {got}")


def refuse_nan(rows: Floats, indexes: Sequence[int] | Indexes | None = None) -> None:
    """Raise a ValueError that says where the first NaN is, if there is one; *indexes* are the rows' in ``X``."""
    if np.isnan(rows).any():
        row, column = np.argwhere(np.isnan(rows))[0].tolist()
        raise ValueError(f"X: row {row if indexes is None else indexes[row]} has NaN in column {column}")


def _numbers(table: Table, n_inputs: int) -> Floats:
    """Rows that numpy does not know as numbers, one by one."""
    if not isinstance(table.rows, Iterable):
        raise TypeError(f"X must be rows of numbers, an example each, got {shortened(table.rows)}")
    rows, is_named = [], len(table.names) == n_inputs
    places = [f", column {column}" for column in (map(shortened, table.names) if is_named else range(n_inputs))]
    for index, row in enumerate(table.rows):
        what = f"X: row {index}"
        if not isinstance(row, Iterable) or isinstance(row, (str, bytes)):
            raise TypeError(f"{what} must be {n_inputs} numbers, got {described(row)}")
        numbers = list(row)
        if len(numbers) != n_inputs:
            raise ValueError(f"{what} must be {n_inputs} numbers, got {len(numbers)}")
        rows.append([as_float(x, what + place) for x, place in zip(numbers, places, strict=True)])
    return np.array(rows, dtype=np.float64).reshape(len(rows), n_inputs)

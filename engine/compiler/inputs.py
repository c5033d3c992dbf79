"""What is given as ``X``: rows of numbers, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from math import isfinite
from typing import Any

import numpy as np

from engine.compiler.ir import Floats
from engine.compiler.trace import Record
from engine.derivatives import rule_of
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


def as_rows(
    X: Any, n_inputs: int, dtype: np.dtype[Any], look: Sequence[int] | None = None, exact: bool = False
) -> Floats:
    """``(n_examples, n_inputs)`` numbers, checked; *look* for NaN in these columns at least, by default in all.

    They are of the *dtype*; or, if they are to be *exact*, of float64 where float32 would round them.

    Raises:
        ValueError: another shape, or NaN.
        TypeError: no numbers.
    """
    if isinstance(X, (str, bytes, Mapping, Set)) or X is None:
        raise TypeError(f"X must be rows of {n_inputs} numbers, got {type(X).__name__} {shortened(X)}")
    try:
        given = np.asarray(X)
    except ValueError:  # ragged, or an array inside of a list
        given = np.empty(0, object)
    if given.dtype.kind not in "fiub":
        given = _numbers(X, n_inputs)
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


def by_label(table: Any, labels: Iterable[str], what: str = "X") -> Any:
    """The numbers of a table, or of each row, in the order of *labels* if they have the same names in another order.

    Names that no label has are read by position, and so is all that has no names. A Series has names, too.

    Raises:
        ValueError: only some names are those of labels, and in other places.
    """
    rows = list(table) if isinstance(table, Iterator) else table
    if not isinstance(rows, (list, tuple)):
        return _in_order(rows, labels, what)
    if what != "X" or not any(map(_names_of, rows)):
        return rows
    asked = list(labels)
    return [_in_order(row, asked, f"X: row {place}") for place, row in enumerate(rows)]


def _names_of(thing: Any) -> list[Any]:
    """The names of the columns of a table, or of the numbers of a Series or a named tuple; none of anything else."""
    if hasattr(thing, "to_numpy"):
        return list(getattr(thing, "columns", getattr(thing, "index", ())))
    return list(getattr(thing, "_fields", ())) if isinstance(thing, tuple) else []


def _in_order(thing: Any, labels: Iterable[str], what: str) -> Any:
    names = _names_of(thing)
    if not names:
        return thing
    asked = list(labels)
    known = set(asked)
    if all(asked[place : place + 1] == [name] for place, name in enumerate(names) if name in known):
        return thing
    if len(set(names)) == len(names) == len(asked) and set(names) == known:
        order = [names.index(label) for label in asked]
        return [thing[place] for place in order] if isinstance(thing, tuple) else thing.to_numpy()[..., order]
    parts, array = ("columns", "X.to_numpy()") if what == "X" else ("names", "an array of them")
    raise ValueError(
        f"{what} must have the {parts} {shortened(asked)}, got {shortened(names)}; {array} has the numbers in their "
        "own order"
    )


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


def _numbers(X: Any, n_inputs: int) -> Floats:
    """Rows that numpy does not know as numbers, one by one."""
    rows = []
    for index, row in enumerate(X):
        if not isinstance(row, Iterable) or isinstance(row, (str, bytes)):
            raise TypeError(f"X: row {index} must be {n_inputs} numbers, got {type(row).__name__} {shortened(row)}")
        rows.append([as_float(x, f"X: row {index}") for x in row])
        if len(rows[-1]) != n_inputs:
            raise ValueError(f"X: row {index} must be {n_inputs} numbers, got {len(rows[-1])}")
    return np.array(rows, dtype=np.float64).reshape(len(rows), n_inputs)

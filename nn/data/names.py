"""Names: the columns of frames, and rows with names, in the order that a model learned."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from engine.names import are_plain, are_shuffled, column_text, columns_of, is_named_tuple, names_of, order_of, values_of
from nn.validation import shortened


def column_names(X: Any, known: Sequence[str] | None = None, what: str = "X") -> list[str] | None:
    """The names of columns as texts, or None.

    They are in the order of those *known* if they are the same. A frame has them, a list of rows with names, and a
    Series, which is one column.

    Raises:
        ValueError: two of them are the same, or become the same text.
    """
    labels = column_labels(X)
    own = _texts(labels)
    if not len(set(own)) == len(labels) == len(set(labels)):  # to Python, True is 1
        raise ValueError(f"{what} must have columns of different names, got {shortened(own)}; rename some of them")
    return list(known) if known and sorted(own) == sorted(known) else own or None


def by_name(X: Any, names: Sequence[str] | None, what: str = "X", keep: bool = True) -> Any:
    """A frame or rows, the columns in the order of *names*; without names as it is.

    Rows with names become dicts, or lists if they need not *keep* their names; without *names* they have the order of
    the first. The numbers 0, 1, 2, ... that pandas counts columns with are no names beside texts.

    Raises:
        ValueError: there are other columns, or two of one name in another order.
    """
    rows = rows_with_names(X)
    if rows is not None:
        return _rows_by_name(rows, names, what, keep)
    if not names or isinstance(X, (list, tuple)):
        return X
    if getattr(X, "ndim", 2) == 1 and (len(names) > 1 or _texts(getattr(X, "index", ())) == list(names)):
        return X  # a Series that is a row, or no column of this table
    order = _order(column_labels(X), names, f"{what} must have the columns that fit saw")
    if order is None:
        return X
    return X[[X.columns[i] for i in order]] if hasattr(X, "columns") and hasattr(X, "to_numpy") else X.select(order)


def column_labels(X: Any) -> list[Any]:
    """The names of columns as they are, of a Series its own; empty without names."""
    if rows := rows_with_names(X):
        return next(filter(None, map(names_of, rows)))
    columns, own = columns_of(X), getattr(X, "name", None)
    if columns is None:
        return [own] if hasattr(X, "to_numpy") and own not in (None, "") else []
    return columns


def rows_with_names(X: Any) -> list[Any] | None:
    """The rows, some of which have names, of a list, an array of objects or records, or another container in order.

    None where no row has names: of a frame, of numbers or labels, and of all that has no order.
    """
    is_flat = is_in_order(X) and getattr(X, "ndim", 1) == 1 and not hasattr(X, "columns")
    if not is_flat or getattr(getattr(X, "dtype", None), "kind", "O") not in "OV":
        return None
    rows = X if isinstance(X, (list, tuple)) else list(X)
    asked = [row for row in rows if getattr(row, "ndim", 1) == 0] if are_plain(rows) else rows  # it may be a record
    return list(rows) if any(map(names_of, asked)) else None


def is_in_order(rows: Any) -> bool:
    """Whether these are rows, labels or numbers one after another: no text, dict, set, named tuple or number."""
    is_list = hasattr(rows, "__len__") and not isinstance(rows, (str, bytes)) and getattr(rows, "ndim", 1) > 0
    return is_list and not has_other_order(rows)


def has_other_order(rows: Any) -> bool:
    """Whether this has no order, or one of its names: a dict or a set, or a named tuple, which may hold columns."""
    return isinstance(rows, (Mapping, Set)) or is_named_tuple(rows)


def _rows_by_name(X: list[Any], names: Sequence[str] | None, what: str, keep: bool) -> list[Any]:
    """The numbers of each row with names in one order, or a dict of them; others as they are."""
    wanted = names or _texts(next(filter(None, map(names_of, X))))
    must = f"{what} must have the columns that fit saw" if names else f"{what} must have the names of the first row"
    rows: list[Any] = []
    for row in X:
        labels = names_of(row)
        if not labels:
            rows.append(row)
            continue
        order = _order(labels, wanted, must, "; numbers in a list are read in the order of fit")
        values = values_of(row)
        values = values if order is None else [values[i] for i in order]
        rows.append(dict(zip(wanted, values)) if keep and len(set(wanted)) == len(values) else values)
    if are_shuffled(wanted) and not (names and keep):
        raise ValueError(f"{what} must have its numbers in order, got the names {shortened(wanted)}")
    return rows


def _order(
    labels: Sequence[Any], names: Sequence[str], must: str,
    advice: str = "; .to_numpy() has the columns in the order of the frame",
) -> list[int] | None:  # fmt: skip
    """The place of each of the *names* among the labels; None if they are in this order, or one of both is no names."""
    try:
        return order_of(labels, names, strict=True)
    except ValueError as error:
        raise ValueError(f"{must}, {error}{advice}") from None


def _texts(labels: Sequence[Any]) -> list[str]:
    return [column_text(label) for label in labels]

"""Data: tables of examples, checked; files of them; and the data sets that the command trains on."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.validation import as_float, shortened

if TYPE_CHECKING:
    import numpy as np

    Table = np.ndarray[Any, np.dtype[np.float64]]


def as_table(
    X: Any, what: str = "X", width: int | None = None, empty: bool = False, keep_float32: bool = False
) -> Table:
    """Examples as an array ``(n_examples, width)`` of floats.

    Args:
        X: lists, an array of numpy or scipy, or a pandas frame; a flat list is taken as one number an example where
            *width* is 1.
        what: its name in messages.
        width: how many numbers an example is to have; None takes any.
        empty: whether there may be no examples.
        keep_float32: whether an array of float32 stays one; it is half the memory.

    Raises:
        ValueError: ragged rows, another width, NaN or infinity, something that is no number, or no examples.

    >>> as_table([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    import numpy as np

    rows = X.to_numpy() if hasattr(X, "to_numpy") else X.toarray() if hasattr(X, "toarray") else X
    if not _is_list(rows):
        raise ValueError(f"{what}: rows of numbers are wanted, not {type(X).__name__} {shortened(X)}")
    if len(rows) == 0:
        if empty:
            return np.empty((0, width or 0))
        raise ValueError(f"{what} is empty; at least one example is wanted")
    lengths = [len(row) if hasattr(row, "__len__") else None for row in rows]
    for place, length in enumerate(lengths):
        if length != lengths[0]:
            raise ValueError(
                f"{what}: rows of one length are wanted, but row {place} has {length} and row 0 {lengths[0]}"
            )
    table = rows if keep_float32 and str(getattr(rows, "dtype", "")) == "float32" else _floats(rows, what)
    if table.ndim == 1 and width == 1:
        table = table.reshape(-1, 1)
    if table.ndim != 2:
        raise ValueError(
            f"{what}: a table of shape (n_examples, {width or 'n_columns'}) is wanted, not an array of shape "
            f"{table.shape}"
        )
    if width is not None and table.shape[1] != width:
        raise ValueError(f"{what}: each row is to have {width} numbers, not {table.shape[1]}")
    wrong = np.argwhere(~np.isfinite(table))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(f"{what}: {table[row, column]} in row {row}, column {column}; every number is to be finite")
    return table


def _is_list(rows: Any) -> bool:
    """Whether these are rows, or labels, in an order: no text, no dict or set, no single number."""
    odd = isinstance(rows, (str, bytes, Mapping, Set))
    return hasattr(rows, "__len__") and not odd and getattr(rows, "ndim", 1) > 0


def _floats(rows: Any, what: str) -> Table:
    import numpy as np

    try:
        array = np.asarray(rows)
        if array.dtype.kind in "cUSMmO":  # numpy would drop imaginary parts and read strings; each is looked at instead
            array = np.array([[_number(x, what, i) for x in row] if hasattr(row, "__len__") else _number(row, what, i)
                              for i, row in enumerate(rows)])  # fmt: skip
        return np.asarray(array, dtype=np.float64)
    except ValueError as error:
        if str(error).startswith(what):
            raise
        raise ValueError(f"{what}: rows of numbers are wanted ({error})") from None


def _number(x: Any, what: str, row: int) -> float:
    try:
        return as_float(float(x) if hasattr(x, "operands") else x, what)
    except (TypeError, OverflowError):
        raise ValueError(f"{what}: {shortened(x)} in row {row} is not a number") from None


def as_column(y: Any, what: str = "y") -> list[Any]:
    """Labels as a flat list of ints, floats or strings; whole floats become ints, as 1.0 and 1 are one class.

    Raises:
        ValueError: it is empty or not flat, or a label is NaN or neither number nor string.

    >>> as_column(["cat", "dog"]), as_column([1.0, 2])
    (['cat', 'dog'], [1, 2])
    """
    items = y.to_numpy() if hasattr(y, "to_numpy") else y
    items = items.reshape(-1) if getattr(items, "ndim", 1) == 2 and items.shape[1] == 1 else items
    items = items.tolist() if hasattr(items, "tolist") else items
    if not _is_list(items):
        raise ValueError(f"{what}: a list of labels is wanted, not {type(y).__name__} {shortened(y)}")
    if len(items) == 0:
        raise ValueError(f"{what} is empty; at least one example is wanted")
    return [_label(item, what, row) for row, item in enumerate(items)]


def _label(item: Any, what: str, row: int) -> Any:
    item = item.item() if hasattr(item, "item") and not hasattr(item, "operands") else item
    if isinstance(item, (str, bool)):
        return item
    if isinstance(item, int):
        return int(item)
    if not isinstance(item, float) or not math.isfinite(item):
        raise ValueError(f"{what}: {shortened(item)} in row {row}; a label is a string or a finite number")
    return int(item) if item.is_integer() else item


@dataclass(frozen=True)
class DataSet:
    """Examples with their targets, and the names of the columns where they have some."""

    X: Table
    y: list[Any]
    columns: list[str]

    def split(self, share: float, seed: int) -> tuple[DataSet, DataSet]:
        """Two parts at random, the second with that share of the examples (at least one each).

        Raises:
            ValueError: there are fewer than two examples.
        """
        n = len(self.y)
        if n < 2:
            raise ValueError(f"at least two examples are wanted, one of them to test with, not {n}")
        order = list(range(n))
        random.Random(seed).shuffle(order)
        held_out = min(max(round(share * n), 1), n - 1)
        return self.rows(order[held_out:]), self.rows(order[:held_out])

    def rows(self, places: list[int]) -> DataSet:
        """The examples at these places."""
        return DataSet(self.X[places], [self.y[place] for place in places], self.columns)


def digits() -> DataSet:
    """1,797 handwritten digits of 8 x 8 pixels in 0 ... 16, labels 0 ... 9 (Alpaydin and Kaynak 1998;
    scikit-learn's)."""
    return _from_scikit_learn("load_digits")


def mnist(folder: str | PathLike[str]) -> tuple[Any, Any, Any, Any]:
    """The MNIST database of handwritten digits (LeCun et al. 1998), from its four files in a folder, gzipped or not.

    The files are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
    ``t10k-labels-idx1-ubyte``, each also with ``.gz``. They are not part of gradstep.

    Returns:
        ``X_train, y_train, X_test, y_test``: images as rows of 28 * 28 = 784 numbers in [0, 1], 0 for paper and 1 for
        ink, in arrays of float32; labels 0 ... 9 in arrays of int64. 60,000 and 10,000 of them.

    Raises:
        FileNotFoundError: a file is not there; the message says where the files are to be had.
        ValueError: a file is cut off, damaged or swapped with another.
    """
    import numpy as np

    from nn.idx import mnist_part

    (images, labels), (test_images, test_labels) = (mnist_part(Path(folder), part) for part in ("train", "t10k"))
    if (len(labels), len(test_labels)) == (10_000, 60_000):
        raise ValueError(f"{folder}: the files of train and of t10k are swapped; train has 60,000 images, t10k 10,000")
    X, X_test = (np.divide(part, 255.0, dtype=np.float32) for part in (images, test_images))
    return X, labels.astype(np.int64), X_test, test_labels.astype(np.int64)


def _from_scikit_learn(name: str) -> DataSet:
    try:
        from sklearn import datasets
    except ImportError:
        raise ModuleNotFoundError('this data set comes with scikit-learn: pip install "gradstep[demo]"') from None
    bunch = getattr(datasets, name)()
    return DataSet(as_table(bunch.data), as_column(bunch.target), [str(column) for column in bunch.feature_names])


def moons(n_examples: int = 200, noise: float = 0.1, seed: int = 0) -> DataSet:
    """Two half circles that reach into each other, with normal noise; labels 0 and 1.

    >>> moons(100).X.shape
    (100, 2)
    """
    rng = random.Random(seed)
    rows, labels = [], []
    for i in range(n_examples):
        label = i % 2
        angle = math.pi * rng.random()
        x, y = (1.0 - math.cos(angle), 0.5 - math.sin(angle)) if label else (math.cos(angle), math.sin(angle))
        rows.append([x + rng.gauss(0.0, noise), y + rng.gauss(0.0, noise)])
        labels.append(label)
    return DataSet(as_table(rows), labels, ["x", "y"])


def xor() -> DataSet:
    """Exclusive or, four examples: the smallest problem that no single neuron solves."""
    return DataSet(as_table([[0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0], ["a", "b"])


def read_csv(path: str | PathLike[str], regression: bool = False) -> DataSet:
    """Examples from a CSV file: numbers, and in the last column the class, or with *regression* a number.

    A first row that has a word where numbers should be is taken as the names of the columns.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such table; the message names the line.
    """
    columns, lines = _csv_table(path, lambda width: width if regression else width - 1)
    if len(columns) < 2:
        raise ValueError(f"{path}: at least two columns with a comma between are wanted, the last of them the target")
    rows = [[_cell(cell, path, number) for cell in cells[:-1]] for number, cells in lines]
    last = [(number, cells[-1]) for number, cells in lines]
    targets = [_cell(cell, path, number) if regression else _class(cell, path, number) for number, cell in last]
    return DataSet(as_table(rows, str(path)), targets, columns)


def read_inputs(path: str | PathLike[str], n_inputs: int) -> Table:
    """The inputs of examples from a CSV file of *n_inputs* columns, or one more, which is left out of account.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such table; the message names the line.
    """
    columns, lines = _csv_table(path, lambda width: n_inputs)
    if len(columns) not in (n_inputs, n_inputs + 1):
        raise ValueError(f"{path}: the model takes {n_inputs} inputs, and the file has {len(columns)} columns")
    return as_table([[_cell(cell, path, number) for cell in cells[:n_inputs]] for number, cells in lines], str(path))


def _csv_table(
    path: str | PathLike[str], n_numbers: Callable[[int], int]
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and the rows with their line numbers, all of one width.

    *n_numbers* says how many of the first columns hold numbers in a table of that width.
    """
    lines = _csv_lines(path)
    width = len(lines[0][1]) if lines else 0
    columns = [f"column {i + 1}" for i in range(width)]
    if lines and any(_is_word(cell) for cell in lines[0][1][: n_numbers(width)]):
        columns = lines.pop(0)[1]
    if not lines:
        raise ValueError(f"{path}: there is no example in it")
    for number, cells in lines:
        if len(cells) != width:
            raise ValueError(f"{path}, line {number}: {len(cells)} columns, but {width} in the first line")
    return columns, lines


def _csv_lines(path: str | PathLike[str]) -> list[tuple[int, list[str]]]:
    """The cells of every line that is not empty, with the line's number."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8 ({error})") from None


def _cell(cell: str, path: str | PathLike[str], line: int) -> float:
    number = _as_number(cell)
    if number is None:
        raise ValueError(f"{path}, line {line}: {shortened(cell)} is not a finite number")
    return number


def _as_number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_word(cell: str) -> bool:
    """Whether a cell names something; NaN and an empty cell are numbers that are missing, and errors elsewhere."""
    try:
        float(cell)
    except ValueError:
        return bool(cell.strip())
    return False


def _class(cell: str, path: str | PathLike[str], line: int) -> int | str:
    """A class as a whole number where it is written as one, else as its text."""
    if not cell.strip():
        raise ValueError(f"{path}, line {line}: the class, in the last column, is missing")
    number = _as_number(cell)
    return " ".join(cell.split()) if number is None or not number.is_integer() else int(number)

"""CSV files as text: encoding, separator and names of columns are found, and pandas reads the cells."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nn.validation import shortened

if TYPE_CHECKING:
    import numpy as np

Cells: TypeAlias = "np.ndarray[Any, np.dtype[np.object_]]"
"""One column: the text of each of its cells."""

_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
_SAMPLE = 100_000  # characters that are looked at for the separator
_MISSING = {"", "?", "-", ".", "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none"}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_MISTYPED = re.compile(r"[+-]*[0-9.,OoIl]*[0-9][0-9.,OoIl]*", re.ASCII)  # 1.O, 1..5, 2,5: a number and no name


@dataclass(frozen=True)
class TextTable:
    """A file's cells as text.

    Attributes:
        path: the file.
        names: the name of each column, from the first line or ``column 1``, ``column 2`` ...
        cells: the columns.
        has_header: whether the first line has the names.
        separator: the character between two cells.
        encoding: what the characters are written in.
        kept: the place in the file of each row, the first example being 0; None where all are here.
        n_empty: how many rows with no text in any cell the file has; they are not here.
    """

    path: str
    names: list[str]
    cells: list[Cells]
    has_header: bool
    separator: str
    encoding: str
    kept: Any = None
    n_empty: int = 0

    def __len__(self) -> int:
        return len(self.cells[0])

    def rows(self, kept: Any) -> TextTable:
        """The rows that an array of bools keeps."""
        import numpy as np

        return replace(self, cells=[column[kept] for column in self.cells], kept=np.flatnonzero(kept))

    def line_of(self, row: int) -> int:
        """The number of a row's line in the file."""
        place = (row if self.kept is None else int(self.kept[row])) + self.has_header
        lines = _lines(_decoded(self.path)[0], self.separator)
        return next((number for i, (number, _) in enumerate(lines) if i == place), place + 1)

    def where(self, row: int, column: str) -> str:
        """Where a cell is, for messages: the file, the line and the column."""
        return f"{self.path}, line {self.line_of(row)}, column {shortened(column)}"

    @property
    def decimal_commas(self) -> bool:
        """Whether 2,5 may be a number: not where commas separate."""
        return self.separator != ","

    def how(self) -> str:
        """How the file was read, for people."""
        names = "names in the first line" if self.has_header else "no names in the first line"
        encoding = "" if self.encoding == "utf-8-sig" else f", {self.encoding}"
        separator = "" if self.separator == "," else f", {_SEPARATORS[self.separator]} between the columns"
        empty = f", {self.empty_rows()}" if self.n_empty else ""
        return f"{len(self):,} rows of {len(self.cells)} columns, {names}{separator}{encoding}{empty}"

    def empty_rows(self) -> str:
        """What became of the empty rows, for people."""
        return f"{self.n_empty:,} empty row{'s' if self.n_empty > 1 else ''} left out"


def read_text_table(path: str | PathLike[str], header: bool | None = None, known: Collection[str] = ()) -> TextTable:
    """The cells of a CSV file.

    Args:
        path: the file, in UTF-8, UTF-16 or Windows-1252, with commas, semicolons, tabs or bars between the columns.
        header: whether the first line has the names of the columns; None looks at it.
        known: names of which some in the first line make it one of names.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such table; the message names the line.
        ModuleNotFoundError: pandas is missing.
    """
    text, encoding = _decoded(path)
    separator = _separator(text)
    columns, n_empty = _columns(path, text, separator)
    first = [" ".join(column[0].split()) for column in columns]
    if header is None:
        header = len(set(known) & set(first)) > len(known) / 2 or _is_header(columns, separator != ",")
    names = [f"column {i + 1}" for i in range(len(columns))]
    if header:
        names = [name or f"Unnamed: {i}" for i, name in enumerate(first)]  # pandas writes and says it so
        columns = [column[1:] for column in columns]
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise ValueError(f"{path}: two columns are called {shortened(twice)}; give each a name")
    if len(columns[0]) == 0:
        raise ValueError(f"{path}: there is no example in it")
    return TextTable(str(path), names, columns, header, separator, encoding, n_empty=n_empty)


def as_numbers(cells: Cells, decimal_commas: bool = False) -> tuple[Any, Any]:
    """The numbers of a column, NaN where there is none, and an array of bools: where a cell says something else.

    >>> import numpy as np
    >>> as_numbers(np.array(["1.5", "", "two"], dtype=object))
    (array([1.5, nan, nan]), array([False, False,  True]))
    """
    import numpy as np
    import pandas as pd

    text = "".join(cells)
    if decimal_commas and "," in text and "." not in text:
        cells = np.array([cell.replace(",", ".") for cell in cells], dtype=object)
    if text.isascii() and "_" not in text:  # Python takes 1_000 and full-width digits for numbers as well
        try:
            numbers = cells.astype(float)
        except ValueError:
            pass
        else:
            if np.isfinite(numbers).all():
                return numbers, np.zeros(len(cells), bool)
    codes, kinds = pd.factorize(cells)
    parsed = np.array([_number(kind) for kind in kinds])
    odd = np.array([not is_missing(kind) for kind in kinds]) & np.isnan(parsed)
    return parsed[codes], odd[codes]


def is_missing(cell: str) -> bool:
    """Whether this is a way to leave a number out."""
    return cell.strip().casefold() in _MISSING


def _number(cell: str) -> float:
    number = float(cell) if _NUMBER.fullmatch(cell.strip()) else float("nan")
    return number if abs(number) != float("inf") else float("nan")


def _decoded(path: str | PathLike[str]) -> tuple[str, str]:
    """The text of a file and its encoding."""
    data = Path(path).read_bytes()
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not re.search("[\0-\b\x0e-\x1f]", text):
            return text, encoding
    raise ValueError(f"{path}: not a CSV file; it is no text in UTF-8, UTF-16 or Windows-1252")


def _separator(text: str) -> str:
    """The character that cuts the first lines into cells of one number, at least two."""
    sample = text[:_SAMPLE]
    if len(text) > _SAMPLE:
        sample = sample[: sample.rfind("\n") + 1] or sample
    widths: dict[str, list[int]] = {}
    for separator in _SEPARATORS:
        try:
            widths[separator] = [len(cells) for _, cells in _lines(sample, separator)] or [1]
        except csv.Error:
            widths[separator] = [1]
    for separator, numbers in widths.items():
        if len(set(numbers)) == 1 and numbers[0] > 1:
            return separator
    return max(reversed(widths), key=lambda separator: widths[separator][0])


def _lines(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that has any, and its number."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    return ((reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells))


def _columns(path: str | PathLike[str], text: str, separator: str) -> tuple[list[Cells], int]:
    """The columns, and how many empty rows were left out."""
    try:
        import pandas as pd
    except ImportError:
        raise ModuleNotFoundError('pandas reads CSV files: pip install "gradstep[demo]"') from None

    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=separator, header=None, dtype=object, na_filter=False, skipinitialspace=True
        )
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path}: there is no example in it") from None
    except (pd.errors.ParserError, ValueError) as error:
        _check_widths(path, text, separator)
        reason = " ".join(str(error).rpartition("C error: ")[2].split())
        raise ValueError(f"{path}: not a CSV file ({shortened(reason, 200)[1:-1]})") from None
    columns: list[Cells] = [frame[i].to_numpy(dtype=object) for i in frame.columns]
    if (columns[-1] == "").any():
        _check_widths(path, text, separator)  # pandas fills short lines up
        full = [row for row in range(len(frame)) if any(column[row].strip() for column in columns)]
        columns = [column[full] for column in columns]
    n_empty = len(frame) - len(columns[0])
    if len(columns[0]) == 0:
        raise ValueError(f"{path}: there is no example in it")
    return columns, n_empty


def _check_widths(path: str | PathLike[str], text: str, separator: str) -> None:
    """Whether all lines have as many cells as the first."""
    width = 0
    try:
        for number, cells in _lines(text, separator):
            width = width or len(cells)
            if len(cells) != width:
                raise ValueError(f"{path}, line {number}: {len(cells)} columns, but {width} in the first line")
    except csv.Error as error:
        raise ValueError(f"{path}: not a CSV file ({error})") from None


def _is_header(columns: list[Cells], decimal_commas: bool) -> bool:
    """Whether the first line has names: words above numbers, or words that are none of their column's kinds.

    A mistyped number, or a word or number that occurs again below, makes it an example.
    """
    import numpy as np

    above_numbers, above_words, far_off = 0, 0, []
    for i, column in enumerate(columns):
        first, rest = column[0].strip(), column[1:]
        if is_missing(first):
            continue
        values, odd = as_numbers(rest[:1000], decimal_commas)
        present = values[~np.isnan(values)]
        if _NUMBER.fullmatch(first):
            if (rest == column[0]).any() and first not in (str(i), str(i + 1)):
                return False
            middle, width = (present.max() / 2 + present.min() / 2, np.ptp(present)) if len(present) else (0.0, np.inf)
            far_off.append(abs(float(first) - middle) > 3.0 * width)
        elif len(rest) and len(present) >= 4 * odd.sum() and len(present):
            if _MISTYPED.fullmatch(first):
                return False
            above_numbers += 1
        elif (rest == column[0]).any():
            return False
        elif len(rest) == 0 or len(set(rest[:1000])) < len(rest[:1000]):
            above_words += 1
    return above_numbers > 0 or (above_words > 0 and all(far_off))

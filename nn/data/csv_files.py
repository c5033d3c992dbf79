"""CSV files as text: detects encoding, separator and column names."""

import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from engine.optional_packages import optional_package
from nn.data.number_cells import Cells, Clue, Numbers, decimal_mark, guessed, is_missing
from nn.data.packed_files import unpack
from nn.model_files import is_model
from nn.validation import shortened

_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}
_SAMPLE, _ROWS = 100_000, 1000  # characters that show the separator, rows that show names and the decimal mark
_MISTYPED = re.compile(r"[+-]*(?=\D*\d)[0-9.,OoIl]+", re.ASCII)  # 1.O, 1..5, 2,5: a number and no name


@dataclass(frozen=True)
class TextTable:
    """A file's cells as text, in a pandas frame; its index is the first line of each row."""

    path: str
    names: list[str]  # of the columns, from the first line, or column 1, column 2 ...
    cells: Any
    separator: str
    clue: Clue
    has_header: bool
    n_empty: int  # rows without text, left out
    how: str  # a description of how the file was read

    def column(self, name: str) -> Cells:
        cells: Cells = self.cells[name].to_numpy(dtype=object)
        return cells

    def numbers(self, name: str) -> Numbers:
        """A column to learn from as numbers, and how they are written."""
        return guessed(self.column(name), self.clue)

    def where(self, row: int, column: str) -> str:
        """The file, line and column of a cell, for messages."""
        return f"{self.path}, line {self.cells.index[row]}, column {shortened(column)}"


def plural(n: int, thing: str) -> str:
    """A count with its noun, such as 2,000 rows."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def read_text_table(
    path: str | PathLike[str], header: bool | None = None, known: Collection[str] = (), texts: Collection[str] = ()
) -> TextTable:
    """The cells of a CSV file with commas, semicolons, tabs or bars between them.

    The encoding is UTF-8, UTF-16 or Windows-1252. *header* says whether the first line has the column names; None
    detects it, also by most of the *known* names, or by one of the *texts* that are no names. A file that is no such
    table raises a ValueError that names the line.
    """
    text, encoding = _decode(path)
    text = re.sub(r"\Asep=[,;|\t]\n", "\n", text, flags=re.IGNORECASE)  # a line for Excel alone
    separator = _separator(text)
    cells, n_empty = _cells(path, text, separator)
    clue = decimal_mark(cells[:_ROWS].to_numpy().flat, separator)
    first = [" ".join(cell.split()) for cell in cells.iloc[0]] if len(cells) else []
    alike = cells[cells[0] == cells.at[cells.index[0], 0]] if first else cells
    again = alike.index[(alike == alike.iloc[0]).all(axis=1)][1:] if first else []
    if header is None and first:
        has_known = len(set(known) & set(first)) > len(known) / 2
        header = has_known or (not set(texts) & set(first) and _is_header(cells.drop(again), clue, len(again) > 0))
    names = [f"column {i + 1}" for i in range(len(first))]
    if header and len(again):
        raise ValueError(f"{path}, line {again[0]}: the names in the first line again; leave this line out")
    if header:
        while len(first) > 1 and not cells[len(first) - 1].any():  # nothing behind a separator at the end of each line
            del cells[len(first) - 1], first[-1]
        names = [name or f"Unnamed: {i}" for i, name in enumerate(first)]  # as pandas does
        cells = cells[1:]
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise ValueError(f"{path}: two columns are called {shortened(twice)}; give each another name")
    if len(cells) == 0:
        raise ValueError(f"{path}: there is no example in it{', only names of columns' if first else ''}")
    how = f"{plural(len(cells), 'row')} of {plural(len(names), 'column')}, {'' if header else 'no '}names in the first "
    how += "line" + f", {_SEPARATORS[separator]} between the columns" * (separator != ",")
    how += f", {encoding}" * (encoding != "utf-8-sig") + f", {plural(n_empty, 'empty row')} left out" * (n_empty > 0)
    return TextTable(str(path), names, cells.set_axis(names, axis=1), separator, clue, bool(header), n_empty, how)


def _decode(path: str | PathLike[str]) -> tuple[str, str]:
    """The text of a file, its lines ended by ``\\n``, and its encoding."""
    data = unpack(path)
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if is_model(text):
            raise ValueError(f"{path}: not a CSV file but a model of gradstep's; give the data")
        if not re.search("[\0-\b\x0e-\x1f]", text):
            return text.replace("\r\n", "\n").replace("\r", "\n").rstrip(" \n"), encoding
    raise ValueError(f"{path}: not a CSV file; it is no text in UTF-8, UTF-16 or Windows-1252")


def _separator(text: str) -> str:
    """The character that splits the first lines into equally many cells, at least two."""
    sample = text if len(text) <= _SAMPLE else text[: text.rfind("\n", 0, _SAMPLE) + 1] or text[:_SAMPLE]
    widths = {mark: [len(cells) for _, cells in _lines(sample, mark) if cells] or [1] for mark in _SEPARATORS}
    even = (separator for separator, numbers in widths.items() if len(set(numbers)) == 1 and numbers[0] > 1)
    return next(even, max(reversed(widths), key=lambda separator: widths[separator][0]))


def _lines(text: str, separator: str, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """The first line and the cells of each row, none of an empty one; *strict* refuses text after a closing quote."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=strict)
    line = 1
    for cells in reader:
        yield line, cells if any(map(str.strip, cells)) else []
        line = reader.line_num + 1


def _cells(path: str | PathLike[str], text: str, separator: str, strict: bool = False) -> tuple[Any, int]:
    """A frame of the cells by line, and the number of empty rows left out."""
    pd = optional_package("pandas", "reading a CSV file", '"gradstep[demo]"')
    rows: dict[int, list[str]] = {}
    width = n_empty = line = 0
    try:
        for line, cells in _lines(text, separator, strict):
            if not cells:
                n_empty += bool(rows)
                continue
            rows[line], width = cells, width or len(cells)
            if len(cells) != width:
                raise ValueError(f"{path}, line {line}: {len(cells)} columns, but {width} in the first line")
    except csv.Error as error:
        raise ValueError(f"{path}, line {line + 1}: not a CSV file ({error})") from None
    if not strict and any("\n" in cell for cells in rows.values() for cell in cells):  # or quotes swallow lines
        return _cells(path, text, separator, strict=True)
    return pd.DataFrame([*rows.values()], [*rows], dtype=object), n_empty


def _is_header(cells: Any, clue: Clue, recurs: bool) -> bool:
    """Whether the first line has names: words above numbers, or words that do not occur below.

    A mistyped number, or a word or number that occurs again below, makes it an example. *recurs* says whether the
    whole line does, in rows that these cells leave out; then words alone are no names.
    """
    above_numbers, above_words, far_off = 0, 0, []
    for i, column in enumerate(cells.to_numpy(dtype=object).T):
        first, rest, some = column[0].strip(), column[1:], column[1 : _ROWS + 1]
        if is_missing(first):
            continue
        numbers, value = guessed(some, clue), guessed(column[:1], clue).values[0]
        present = numbers.values[~np.isnan(numbers.values)]
        if not np.isnan(value):
            if (rest == column[0]).any() and first not in (str(i), str(i + 1)):
                return False
            middle, width = (present.max() / 2 + present.min() / 2, np.ptp(present)) if len(present) else (0.0, np.inf)
            far_off.append(abs(value - middle) > 3.0 * width)
        elif len(present) and len(present) >= 4 * numbers.odd.sum():
            if _MISTYPED.fullmatch(first):
                return False
            above_numbers += 1
        elif (rest == column[0]).any():
            return False
        elif len(rest) == 0 or len(set(some)) < len(some):
            above_words += 1
    return above_numbers > 0 or (above_words > 0 and not recurs and all(far_off))

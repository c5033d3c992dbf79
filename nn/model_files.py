"""Model files as text: versioned JSON, checked and never executed."""

import json
import math
import os
import re
from os import PathLike
from pathlib import Path
from typing import Any

from nn.validation import plain_label, shortened

FORMAT = "gradstep model"
VERSION = 1
NAMES = ("column_names", "target_column_names")
"""The names of the columns of inputs and targets, where a model has them."""
_BEGINNING = re.compile(rf'\s*{{\s*"format": *"{FORMAT}"')
_TYPES = (
    ("configuration", dict, "an object"),
    ("loss", str | None, "a text or null"),
    ("classes", list | None, "a list or null"),
)
_MOST = 1 << 28  # bytes of a file of another format: 32 million weights, each of which becomes a Value


class ModelFileError(ValueError):
    """A file that is not a whole model file of the kind asked for."""


def model_text(content: dict[str, Any], indent: int | None = None) -> str:
    """The content of a model as JSON, which ``parse_model`` reads."""
    return json.dumps({"format": FORMAT, "version": VERSION, **content}, indent=indent)


def is_model(text: str) -> bool:
    """Whether a text, or its first 100 characters, begin a model file."""
    return _BEGINNING.match(text) is not None


def read_model(path: str | PathLike[str], kind: str) -> dict[str, Any]:
    """The content of a model file of that kind, checked except for the table of columns."""
    content = parse_model(path, Path(path).read_bytes(), kind)
    parameters = content.get("parameters")
    if not isinstance(parameters, dict):
        raise ModelFileError(f"{path}: parameters must be an object, got {shortened(parameters)}")
    for name, number in parameters.items():
        if not is_finite(number):
            label = plain_label(name, 80)
            raise ModelFileError(f"{path}: the parameter {label} must be a finite number, got {shortened(number)}")
    return content


def parse_model(path: str | PathLike[str], data: bytes, kind: str) -> dict[str, Any]:
    """The content of *data*, the JSON of a model in the file *path*; parameters and table are not checked."""
    content = parse_json(path, data, FORMAT, VERSION)
    if content.get("kind") != kind:
        raise ModelFileError(f"{path}: the kind must be {kind}, got {plain_label(str(content.get('kind')), 80)}")
    try:
        check_learned(content)
    except ValueError as error:
        raise ModelFileError(f"{path}: {error}") from None
    return content


def check_learned(content: dict[str, Any]) -> None:
    """Raise a ValueError if loss, classes or names of columns are not what a model learns."""
    for key, kinds, words in _TYPES:
        if key not in content or not isinstance(content[key], kinds):
            raise ValueError(f"{key} must be {words}, got {shortened(content[key]) if key in content else 'none'}")
    for key in NAMES:
        names = content.get(key, [])
        if not (isinstance(names, list) and all(type(name) is str for name in names)):
            raise ValueError(f"{key} must be a list of texts, got {shortened(names)}")
    labels = content["classes"]
    if labels is None:
        return
    fits = {*map(type, labels)} == {bool} or all(type(label) in (str, int) or is_finite(label) for label in labels)
    if not fits or not len(set(labels)) == len(labels) >= 2:
        raise ValueError(f"classes must be at least two different strings or finite numbers, got {shortened(labels)}")


def check_size(path: str | PathLike[str]) -> None:
    """Raise a ModelFileError for a file of more than 256 MiB, and an OSError for one that cannot be opened."""
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
    if size > _MOST:
        raise ModelFileError(f"{path}: the file must have at most {_MOST:,} bytes, got {size:,}")


def is_finite(number: object) -> bool:
    """Whether this is an int or a float in a float's range."""
    try:
        return type(number) in (int, float) and math.isfinite(number)  # type: ignore[arg-type]
    except OverflowError:
        return False


def parse_json(path: str | PathLike[str], data: bytes, kind: str, version: int) -> dict[str, Any]:
    """The content of *data*, JSON of that format in the file *path*: unique names, finite numbers."""
    try:
        content = json.loads(data.decode("utf-8"), object_pairs_hook=_unique_names, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, numbers of absurd length, absurd nesting
        reason = "nested too deeply" if isinstance(error, RecursionError) else plain_label(str(error), 80)
        raise ModelFileError(f"{path}: not a whole {kind} file ({reason})") from None
    if not isinstance(content, dict) or content.get("format") != kind:
        raise ModelFileError(f"{path}: not a {kind} file")
    found = content.get("version")
    if type(found) is not int or found != version:
        raise ModelFileError(f"{path}: the version of the format must be {version}, got {shortened(found)}")
    return content


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a name occurs twice")
    return content


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a finite number")

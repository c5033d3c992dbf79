"""Model files: readable, versioned JSON, written atomically. What is read from them is checked and never executed."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

FORMAT = "gradstep model"
VERSION = 1


class ModelFileError(ValueError):
    """A file that is not a whole model file of the kind asked for."""


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds."""

    configuration: dict[str, Any]
    loss: str | None
    classes: list[Any] | None
    parameters: dict[str, Any]


def write_model(
    path: str | PathLike[str],
    kind: str,
    configuration: dict[str, Any],
    loss: str | None,
    classes: list[Any] | None,
    parameters: dict[str, float],
) -> None:
    """Write a model file. Floats are written with as many digits as it takes to read the same number back."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "kind": kind,
        "configuration": configuration,
        "loss": loss,
        "classes": classes,
        "parameters": parameters,
    }
    write_atomically(path, json.dumps(content, indent=1) + "\n")


def write_atomically(path: str | PathLike[str], text: str) -> None:
    """Write a text file whole or not at all: into a file beside it first, which then takes its name.

    Raises:
        OSError: the folder is missing or cannot be written, or the disk is full; a file of that name is untouched.
    """
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the new name with no content
        os.chmod(name, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_model(path: str | PathLike[str], kind: str) -> ModelFile:
    """The content of a model file of that kind, its outline checked.

    Raises:
        OSError: the file cannot be read.
        ModelFileError: it is truncated, no model file, of a newer version, or of another kind.
    """
    content = _json(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelFileError(f"{path}: not a gradstep model file")
    if content.get("version") != VERSION:
        raise ModelFileError(f"{path}: version {content.get('version')!r} of the format; this gradstep reads {VERSION}")
    if content.get("kind") != kind:
        raise ModelFileError(f"{path}: the file holds {_short(content.get('kind'))}, not {kind}")
    expected = {"configuration": dict, "parameters": dict, "loss": (str, type(None)), "classes": (list, type(None))}
    for key, types in expected.items():
        if not isinstance(content.get(key), types):  # type: ignore[arg-type]
            raise ModelFileError(f"{path}: {key!r} is missing or not of its type")
    classes = content["classes"]
    if classes is not None and not all(isinstance(label, (str, int, float)) for label in classes):
        raise ModelFileError(f"{path}: classes are strings or numbers")
    return ModelFile(content["configuration"], content["loss"], classes, content["parameters"])


def _json(path: str | PathLike[str]) -> object:
    data = Path(path).read_bytes()
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, numbers of absurd length, absurd nesting
        reason = "nested too deeply" if isinstance(error, RecursionError) else _short(str(error))
        raise ModelFileError(f"{path}: not a whole gradstep model file ({reason})") from None


def _short(thing: object) -> str:
    text = str(thing)
    return text if len(text) <= 80 else text[:77] + "..."

"""Checkpoints: a training run in a file, whole at every moment, from which the same run goes on to the last bit."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nn.model_files import ModelFileError, is_finite, read_json, write_atomically
from nn.validation import shortened

if TYPE_CHECKING:
    from engine import Value
    from nn.examples import Examples
    from nn.optimizers import Optimizer

FORMAT, VERSION = "gradstep checkpoint", 2


@dataclass
class Progress:
    """How far a run has come: epochs finished, and within the next one the order of examples and the place in it.

    ``stopped`` tells that a callback or an EarlyStopping ended the run of ``asked`` epochs; ``best`` has the parameters
    of the best epoch, where these are to be put back.
    """

    history: dict[str, list[float]]
    stopped: bool = False
    order: list[int] = field(default_factory=list)
    place: int = 0
    tally: tuple[float, int, int] = (0.0, 0, 0)
    asked: int = 0
    best: dict[str, float] = field(default_factory=dict)


class Checkpoint:
    """The file of one run.

    Args:
        path: where it is written, whole or not at all.
        seconds: how often, and None for after each epoch.

    Raises:
        ValueError: *seconds* is no number of 0 or more.
    """

    def __init__(self, path: str | PathLike[str], seconds: float | None = None) -> None:
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float))):
            raise ValueError(f"checkpoint_every: a number of seconds or None is wanted, not {shortened(seconds)}")
        if seconds is not None and not seconds >= 0.0:
            raise ValueError(f"checkpoint_every: 0 seconds or more, not {seconds!r}")
        self.path, self.seconds = Path(path), seconds
        self._written = time.monotonic()
        self._run: dict[str, Any] = {}

    def due(self) -> bool:
        """Whether it is time to write within an epoch."""
        return self.seconds is not None and time.monotonic() - self._written >= self.seconds

    def begin(self, run: dict[str, Any]) -> None:
        """Say which run this is: what has to be the same for a run to go on."""
        self._run = json.loads(json.dumps(run))

    def write(self, parameters: dict[str, float], optimizer: Optimizer, rng: Any, progress: Progress) -> None:
        """Replace the file by the state of this moment.

        Raises:
            OSError: the disk is full, or the folder is gone or not to be written in; the file before is untouched.
        """
        kind, numbers, gauss = rng.getstate()
        content = {
            "format": FORMAT,
            "version": VERSION,
            "run": self._run,
            "history": progress.history,
            "stopped": progress.stopped,
            "asked": progress.asked,
            "best": progress.best,
            "order": progress.order,
            "place": progress.place,
            "tally": list(progress.tally),
            "random": [kind, list(numbers), gauss],
            "optimizer": optimizer.state_dict(),
            "parameters": parameters,
        }
        write_atomically(self.path, json.dumps(content) + "\n")
        self._written = time.monotonic()

    def read(self, parameters: dict[str, Value], optimizer: Optimizer, rng: Any, n_examples: int) -> Progress | None:
        """Put the run's state into parameters, optimizer and random numbers; None where there is no file yet.

        Raises:
            OSError: the file cannot be read.
            ModelFileError: it is no whole checkpoint; nothing is changed.
            ValueError: it is the checkpoint of another run; nothing is changed.
        """
        if not self.path.exists():
            return None
        content = _checked(read_json(self.path), self.path)
        for what, here in self._run.items():
            there = content["run"].get(what)
            if there != here:
                raise ValueError(
                    f"{self.path}: a checkpoint of another run: its {what} is {shortened(there)}, and here it is "
                    f"{shortened(here)}; give another file name, or delete that file to start from the beginning"
                )
        if content["parameters"].keys() != parameters.keys():
            raise ModelFileError(f"{self.path}: its parameters are not those of this model")
        progress = _progress(content, self.path, n_examples)
        state = _random_state(content["random"], self.path)
        try:
            optimizer.load_state_dict(content["optimizer"])
        except ValueError as error:
            raise ModelFileError(f"{self.path}: {error}") from None
        rng.setstate(state)
        for name, parameter in parameters.items():
            parameter.data = content["parameters"][name]
        return progress


def fingerprint(examples: Examples | None) -> str:
    """A short name for these very examples."""
    if examples is None:
        return ""
    digest = hashlib.sha256(repr((examples.table.shape, examples.table.dtype.name)).encode())
    digest.update(examples.table.tobytes())
    targets = examples.targets
    digest.update(repr((targets.classes, targets.kind, list(targets.encoded), examples.weights)).encode())
    return digest.hexdigest()[:16]


def _checked(content: Any, path: Path) -> dict[str, Any]:
    """The outline of a checkpoint, each entry of its type."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelFileError(f"{path}: not a gradstep checkpoint")
    if content.get("version") != VERSION:
        raise ModelFileError(f"{path}: version {shortened(content.get('version'))}; this gradstep reads {VERSION}")
    types: dict[str, type] = {"run": dict, "history": dict, "stopped": bool, "order": list, "place": int}
    types |= {"tally": list, "random": list, "optimizer": dict, "parameters": dict, "asked": int, "best": dict}
    for key, kind in types.items():
        if type(content.get(key)) is not kind:
            raise ModelFileError(f"{path}: {key!r} is missing or not of its type")
    best = content["best"]
    if best and best.keys() != content["parameters"].keys():
        raise ModelFileError(f"{path}: its best parameters are not those of this model")
    for name, number in [*content["parameters"].items(), *best.items()]:
        if not is_finite(number):
            raise ModelFileError(f"{path}: the parameter {shortened(name)} is to be a finite number")
    return content


def _progress(content: dict[str, Any], path: Path, n_examples: int) -> Progress:
    history, order, place, tally = (content[key] for key in ("history", "order", "place", "tally"))
    names = {"loss", "accuracy", "validation_loss", "validation_accuracy"}
    lengths = {len(numbers) for numbers in history.values() if isinstance(numbers, list) and numbers}
    if history.keys() != names or len(lengths) > 1:
        raise ModelFileError(f"{path}: its history is not a number an epoch")
    if not all(isinstance(numbers, list) and all(map(is_finite, numbers)) for numbers in history.values()):
        raise ModelFileError(f"{path}: its history is not made of numbers")
    if order and (not all(type(i) is int for i in order) or sorted(order) != list(range(n_examples))):
        raise ModelFileError(f"{path}: its order of examples is not one of these examples")
    if (
        not 0 <= place <= len(order)
        or len(tally) != 3
        or not all(map(is_finite, tally))
        or tally[2] != place
        or content["asked"] < 0
    ):
        raise ModelFileError(f"{path}: its place within the epoch is none")
    sums = (tally[0], tally[1], tally[2])
    return Progress(history, content["stopped"], order, place, sums, content["asked"], content["best"])


def _random_state(state: list[Any], path: Path) -> tuple[Any, ...]:
    """The state of Python's Mersenne Twister: a version, 624 words and a place, and perhaps a normal number to come."""
    good = len(state) == 3 and state[0] == 3 and isinstance(state[1], list) and len(state[1]) == 625
    if good:
        *words, place = state[1]
        good = all(type(word) is int and 0 <= word < 2**32 for word in words)
        good = good and type(place) is int and 0 <= place <= 624 and (state[2] is None or is_finite(state[2]))
    if not good:
        raise ModelFileError(f"{path}: its state of the random numbers is none")
    return state[0], tuple(state[1]), state[2]

"""One process or several: what a training run does the same way in both."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from nn.training.interrupts import Interrupts
    from nn.training.steps import Task

Result = TypeVar("Result")


class Alone:
    """One process: nothing is shared."""

    rank, is_shared = 0, False

    def __init__(self, n_examples: int) -> None:
        self.n_examples = n_examples
        """How many examples all processes have."""

    def gather(self, thing: Any) -> list[Any]:
        """What all processes gave, in order of rank."""
        return [thing]

    def check(self, settings: Callable[[], dict[str, Any]]) -> None:
        """Raise a ValueError in all processes unless these *settings* are the same everywhere."""

    def caught(self, call: Callable[[], object]) -> None:
        """Call something that other processes may not call; its error is raised in all of them when they meet next."""
        call()

    def first(self, call: Callable[[], Result]) -> Result:
        """What the call returns in process 0, which alone makes it."""
        return call()

    def agree(self, call: Callable[[], bool | None]) -> bool:
        """Whether the call returns True, or Ctrl-C came, in one of the processes; an error in one ends all."""
        return bool(call())

    @contextmanager
    def shield(self, interrupts: Interrupts) -> Iterator[None]:
        """Let Ctrl-C end all processes after the same step."""
        yield


def order_and_classes(task: Task) -> dict[str, Any]:
    """What all processes have alike, and no checkpoint tells from the arguments."""
    return {
        "number of epochs": task.epochs,
        "order of the examples": zlib.crc32(repr(task.rng.getstate()).encode()),
        "list of classes": task.examples.targets.classes,
        "use of validation_data": task.validation is not None,
        "use of sample_weight or class_weight": task.examples.weights is not None,
        "number of inputs": task.examples.table.shape[1],
    }

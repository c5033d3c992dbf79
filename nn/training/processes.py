"""One process or several: what a training run does the same way in both."""

from __future__ import annotations

import zlib
from array import array
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

    def __init__(self) -> None:
        self.n_examples = 0
        """How many examples all processes have."""

    def count(self, n_own: int) -> None:
        """Add up the examples of all processes, of which this one has *n_own*."""
        self.n_examples = n_own

    def gather(self, thing: Any) -> list[Any]:
        """What all processes gave, in order of rank."""
        return [thing]

    def check(self, settings: Callable[[], dict[str, Any]]) -> bool:
        """Raise a ValueError in all processes unless these *settings* are alike; return whether Ctrl-C came."""
        return False

    def check_state(self, state: Callable[[], dict[str, Any]], cause: str) -> bool:
        """As ``check``, with a RuntimeError that names a *cause*, for what steps change."""
        return False

    @contextmanager
    def together(self) -> Iterator[None]:
        """A block without meetings, in which an error of one process ends all."""
        yield

    def caught(self, call: Callable[[], object]) -> None:
        """Call something that other processes may not call; its error is raised in all of them when they meet next."""
        call()

    def first(self, call: Callable[[], Result]) -> Result:
        """What the call returns in process 0, which alone makes it."""
        return call()

    def agree(self, call: Callable[[], bool | None]) -> bool:
        """Whether the call returns True, or Ctrl-C came, in one of the processes; an error in one ends all."""
        return bool(call())

    def any(self, call: Callable[[], bool]) -> bool:
        """Whether the call returns True in one of the processes."""
        return call()

    @contextmanager
    def shield(self, interrupts: Interrupts) -> Iterator[None]:
        """Let Ctrl-C end all processes after the same step."""
        yield


def state_of(task: Task) -> dict[str, int]:
    """What steps change, and all processes have alike after each epoch, as check sums."""
    optimizer = task.optimizer
    left: list[Any] = [getattr(optimizer, name) for name in optimizer.remembered]
    moments = [thing.tobytes() if hasattr(thing, "dtype") else repr(thing).encode() for thing in left]
    things = {
        "weights": array("d", [parameter.data for parameter in task.model.parameters()]).tobytes(),
        "state of the optimizer": repr((optimizer.steps, *map(zlib.crc32, moments))).encode(),
        "random numbers": repr(task.rng.getstate()).encode(),
    }
    return {name: zlib.crc32(numbers) for name, numbers in things.items()}


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

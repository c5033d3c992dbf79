"""One process or several: what a training run does the same way in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from nn.validation import plain_label

if TYPE_CHECKING:
    from nn.training.interrupts import Interrupts

Result = TypeVar("Result")


class Alone:
    """One process: nothing is shared."""

    rank, is_shared = 0, False

    def __init__(self) -> None:
        self.n_examples = 0  # how many examples all processes have

    def count(self, n_own: int) -> None:
        """Add up the examples of all processes, of which this one has *n_own*."""
        self.n_examples = n_own

    def gather(self, thing: Any) -> list[Any]:
        """What all processes gave, in order of rank."""
        return [thing]

    def check(self, facts: Callable[[], dict[str, str]], advice: str, kind: type[Exception] = ValueError) -> bool:
        """Raise an error in all processes unless these *facts* are alike; return whether Ctrl-C came."""
        return False

    @contextmanager
    def together(self) -> Iterator[None]:
        """A block without meetings, in which an error of one process ends all."""
        yield

    def caught(self, call: Callable[[], Result]) -> Result | None:
        """What the call returns, which others may not make; its error is raised in all of them when they meet next."""
        return call()

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


def check_same(facts: Sequence[dict[str, str]], advice: str, kind: type[Exception] = ValueError) -> None:
    """Refuse *facts* that differ between processes, a text for each name, by an error of this *kind*."""
    here, *others = facts
    for name in dict.fromkeys(name for each in facts for name in each):
        for rank, there in enumerate(others, 1):
            if here.get(name) != there.get(name):
                got, other = (plain_label(each.get(name, "nothing"), 80) for each in (here, there))
                told = f"got {got} in process 0 and {other} in process {rank}"
                raise kind(f"{name} must be the same in all processes, {told}; {advice}")

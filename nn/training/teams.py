"""Teams: one process, or several that take the same steps, each on its share of a batch.

Each process has rows of its own. The run is that of one process that has all of them, one share after the other in
order of rank: the same order of the examples, batches, steps and history, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from nn.examples import Tally
from nn.lazy_numpy import np
from nn.training.interrupts import Interrupts
from nn.validation import plain_label, shortened

if TYPE_CHECKING:
    from nn.training.communicators import Array, Communicator

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


class Team(Alone):
    """All processes of a communicator.

    Where one of them raises an error, all raise one at their next meeting, so that none waits for another.
    """

    is_shared = True

    def __init__(self, communicator: Communicator) -> None:
        """Begin with a meeting, in which the communicator shows whether it does what it promises."""
        super().__init__()
        self._communicator, self.rank, self.size = communicator, communicator.rank, communicator.size
        self._start = self._stop = 0
        self._error: BaseException | None = None
        self._is_interrupted = False
        self._interrupts: Interrupts | None = None
        ranks = self.gather(self.rank)
        if ranks != list(range(self.size)):
            must = f"the ranks 0 to {self.size - 1}, one for each process"
            raise ValueError(f"communicator must have {must}, got {shortened(ranks)}")

    def count(self, n_own: int) -> None:
        counts = self.gather(n_own)
        self.n_examples, self._start = sum(counts), sum(counts[: self.rank])
        self._stop = self._start + n_own

    def gather(self, thing: Any) -> list[Any]:
        things = self._communicator.gather(thing)
        if not isinstance(things, (list, tuple)) or len(things) != self.size:
            raise ValueError(f"communicator.gather must return a list of {self.size}, got {shortened(things)}")
        return list(things)

    def sum(self, numbers: Array) -> Array:
        """The sum over all processes; *numbers* may be overwritten."""
        shape = numbers.shape
        total = self._communicator.sum(numbers)
        if not isinstance(total, np.ndarray) or total.shape != shape:
            got = f"one of shape {total.shape}" if isinstance(total, np.ndarray) else shortened(total)
            raise ValueError(f"communicator.sum must return an array of shape {shape}, got {got}")
        return total

    def share(self, batch: Sequence[int]) -> tuple[Array, Array]:
        """Which places of a batch are this process's, and where their examples are among its own."""
        indices = np.array(batch)
        places = np.flatnonzero((indices >= self._start) & (indices < self._stop))
        return places, indices[places] - self._start

    def check(self, facts: Callable[[], dict[str, str]], advice: str, kind: type[Exception] = ValueError) -> bool:
        found = self.caught(facts)
        interrupted = self._meet()[1]
        check_same(self.gather(found or {}), advice, kind)
        return interrupted

    @contextmanager
    def together(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._error = error
        self._meet()

    def any(self, call: Callable[[], bool]) -> bool:
        """Whether the call returns True in one of the processes; errors as of ``total``."""
        return bool(self._meet_to_go_on(bool(self.caught(call))).any())

    def caught(self, call: Callable[[], Result]) -> Result | None:
        try:
            return call()
        except KeyboardInterrupt:
            self._is_interrupted = True
        except BaseException as error:
            self._error = self._error or error
        return None

    def first(self, call: Callable[[], Result]) -> Result:
        own = None if self.rank else self.caught(call)
        self._meet_to_go_on()
        result: Result = self.gather(own)[0]
        return result

    def agree(self, call: Callable[[], bool | None]) -> bool:
        numbers, interrupted = self._meet(bool(self.caught(call)))
        return interrupted or bool(numbers.any())

    def total(self, call: Callable[[], Tally]) -> Tally:
        """The sum of the tallies of all processes, unless one of them met Ctrl-C or an error."""
        own = self.caught(call) or Tally()
        numbers = self._meet_to_go_on(own.loss, own.right, own.n)
        return Tally(float(numbers[:, 0].sum()), int(numbers[:, 1].sum()), int(numbers[:, 2].sum()))

    def _meet_to_go_on(self, *numbers: float) -> Array:
        numbers_of_all, interrupted = self._meet(*numbers)
        if interrupted:
            raise KeyboardInterrupt
        return numbers_of_all

    def _meet(self, *numbers: float) -> tuple[Array, bool]:
        """The numbers of all processes, a row each; and whether one of them got Ctrl-C."""
        table = np.zeros((self.size, 2 + len(numbers)))
        pending = self._interrupts is not None and self._interrupts.is_pending
        table[self.rank] = self._error is not None, pending or self._is_interrupted, *numbers
        table = self.sum(table)
        if table[:, 0].any():
            self._raise()
        interrupted = bool(table[:, 1].any())
        if interrupted and self._interrupts is not None:
            self._interrupts.settle()
        return table[:, 2:], interrupted

    def _raise(self) -> None:
        """Raise the error of this process, or tell that of another."""
        error, self._error = self._error, None
        told = None if error is None else (isinstance(error, ArithmeticError), f"{type(error).__name__}: {error}")
        everywhere = self.gather(told)
        if error is not None:
            raise error
        rank, (is_number, words) = next((rank, words) for rank, words in enumerate(everywhere) if words)
        raise (FloatingPointError if is_number else RuntimeError)(f"process {rank} ended the training: {words}")

    @contextmanager
    def shield(self, interrupts: Interrupts) -> Iterator[None]:
        self._interrupts = interrupts
        with interrupts.shielded():
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

"""Teams: processes that take the same steps, each on its share of a batch.

Each process has rows of its own. The run is that of one process that has all of them, one share after the other in
order of rank: the same order of the examples, batches, steps and history, up to rounding.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nn.examples import Tally
from nn.training.processes import Alone, Result
from nn.validation import plain_label

if TYPE_CHECKING:
    from nn.training.communicators import Array, Communicator
    from nn.training.interrupts import Interrupts


class Team(Alone):
    """All processes of a communicator.

    Where one of them raises an error, all raise one at their next meeting, so that none waits for another.
    """

    is_shared = True

    def __init__(self, communicator: Communicator, n_own: int) -> None:
        self._communicator, self.rank = communicator, communicator.rank
        counts = communicator.gather(n_own)
        super().__init__(sum(counts))
        self._start = sum(counts[: self.rank])
        self._stop = self._start + n_own
        self._error: BaseException | None = None
        self._is_interrupted = False
        self._interrupts: Interrupts | None = None

    def gather(self, thing: Any) -> list[Any]:
        return self._communicator.gather(thing)

    def sum(self, numbers: Array) -> Array:
        """The sum over all processes; *numbers* may be overwritten."""
        return self._communicator.sum(numbers)

    def share(self, batch: Sequence[int]) -> tuple[Array, Array]:
        """Which places of a batch are this process's, and where their examples are among its own."""
        indices = np.array(batch)
        places = np.flatnonzero((indices >= self._start) & (indices < self._stop))
        return places, indices[places] - self._start

    def check(self, settings: Callable[[], dict[str, Any]]) -> None:
        first, *others = self.gather({name: repr(thing) for name, thing in settings().items()})
        for rank, other in enumerate(others, 1):
            for name, here in first.items():
                if (there := other.get(name)) != here:
                    raise ValueError(
                        f"all processes must train alike, got another {name} in process {rank} "
                        f"({plain_label(there, 60)}) than in process 0 ({plain_label(here, 60)}); give models and fit "
                        "the same seed and the same arguments"
                    )

    def caught(self, call: Callable[[], object]) -> None:
        try:
            call()
        except KeyboardInterrupt:
            self._is_interrupted = True
        except BaseException as error:
            self._error = self._error or error

    def first(self, call: Callable[[], Result]) -> Result:
        results: list[Any] = [None]
        if self.rank == 0:
            self.caught(lambda: results.append(call()))
        if self._meet()[1]:
            raise KeyboardInterrupt
        result: Result = self.gather(results[-1])[0]
        return result

    def agree(self, call: Callable[[], bool | None]) -> bool:
        results: list[bool | None] = [None]
        self.caught(lambda: results.append(call()))
        numbers, interrupted = self._meet(bool(results[-1]))
        return interrupted or bool(numbers.any())

    def total(self, call: Callable[[], Tally], weights: Array | None = None) -> Tally:
        """The sum of the tallies of all processes.

        Raises:
            KeyboardInterrupt: one of them got Ctrl-C.
            FloatingPointError: one of them met infinity or NaN.
            RuntimeError: another one met an error; or the *weights* are not the same everywhere.
        """
        tallies: list[Tally] = []
        self.caught(lambda: tallies.append(call()))
        own = tallies[0] if tallies else Tally()
        digest = 0 if weights is None else zlib.crc32(weights.tobytes())
        numbers, interrupted = self._meet(own.loss, own.right, own.n, digest)
        if interrupted:
            raise KeyboardInterrupt
        if (numbers[:, 3] != digest).any():
            raise RuntimeError("the weights must be the same in all processes; a callback or an optimizer changed some")
        return Tally(float(numbers[:, 0].sum()), int(numbers[:, 1].sum()), int(numbers[:, 2].sum()))

    def _meet(self, *numbers: float) -> tuple[Array, bool]:
        """The numbers of all processes, a row each; and whether one of them got Ctrl-C."""
        table = np.zeros((self._communicator.size, 2 + len(numbers)))
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

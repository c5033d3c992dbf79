"""State that concurrent calls of fit share: which thread trains what, BLAS's limit."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import Any

from engine import Value
from nn.optimizers import Optimizer

_trained: dict[Value, int] = {}
_stepping: list[Optimizer] = []
_looking = Lock()


@contextmanager
def trained_here(parameters: Sequence[Value], optimizer: Optimizer) -> Iterator[None]:
    """Train these parameters in this thread alone, by an optimizer that takes no other steps meanwhile."""
    here = get_ident()
    with _looking:
        if any(optimizer is other for other in _stepping):
            kind = type(optimizer).__name__
            raise RuntimeError(f"this {kind} takes the steps of another call of fit; make another {kind} for this one")
        if any(_trained.get(parameter, here) != here for parameter in parameters):
            raise RuntimeError(
                "another thread is training this model, or one that shares parameters with it; let it finish first, or "
                "train a copy (copy.deepcopy(model))"
            )
        new = [parameter for parameter in dict.fromkeys(parameters) if parameter not in _trained]
        _trained.update(dict.fromkeys(new, here))
        _stepping.append(optimizer)
    try:
        yield
    finally:
        with _looking:
            for parameter in new:
                del _trained[parameter]
            _stepping[:] = [other for other in _stepping if other is not optimizer]


class OneThread:
    """Limits BLAS to one thread from the first ``begin`` to the last ``end``.

    Products of a batch are small: a second thread gains nothing, and waits long if another process has its core.
    """

    def __init__(self) -> None:
        self._count = 0
        self._limits: Any = None
        self._lock = Lock()

    def begin(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._lock:
            self._count += 1
            if self._count == 1:
                self._limits = threadpool_limits(1, user_api="blas")

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                self._limits.restore_original_limits()


ONE_THREAD = OneThread()

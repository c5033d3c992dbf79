"""Which parameters are being trained by which thread, so that no two train the same ones at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock, get_ident

from engine import Value

_trained: dict[Value, int] = {}
_looking = Lock()


@contextmanager
def trained_here(parameters: Sequence[Value]) -> Iterator[None]:
    """Train these parameters in this thread alone.

    Raises:
        RuntimeError: another thread is training some of them.
    """
    here = get_ident()
    with _looking:
        if any(_trained.get(parameter, here) != here for parameter in parameters):
            raise RuntimeError(
                "another thread is training this model, or one that shares parameters with it; let it finish first, or "
                "train a copy (copy.deepcopy(model))"
            )
        new = [parameter for parameter in parameters if parameter not in _trained]
        _trained.update(dict.fromkeys(new, here))
    try:
        yield
    finally:
        with _looking:
            for parameter in new:
                del _trained[parameter]

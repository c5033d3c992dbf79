"""The garbage collector, paused while a graph is recorded or compiled."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection meanwhile: it would look at many small objects that live, half of the time in deep graphs.

    And what it calls (``gc.callbacks``) would look like a part of the function that is recorded.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

"""The garbage collector, paused while a graph is recorded or compiled."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection meanwhile: recording and compiling make many small objects that live, and no cycles.

    The collector would look at all of them, and at the graph, again and again: half of the time in deep graphs. And
    what it calls (``gc.callbacks``) would look like a part of the function that is recorded.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

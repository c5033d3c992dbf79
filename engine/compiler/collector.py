"""The garbage collector, paused while a graph is recorded or compiled."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr as mypyc_attr  # noqa: PLC0414 - exported
else:

    def mypyc_attr(**_attributes):
        """What mypyc is told of a class. Of one that is ``acyclic``, the garbage collector never looks at an object."""
        return lambda kind: kind


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

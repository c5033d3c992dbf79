"""Numbers that leave a graph: who hears of them. Values report; a listener decides what it means.

A listener is told in the thread that opened it, and only while its ``with`` block is open. Reading ``.data``,
``float()``, ``int()``, ``round()``, ``bool()``, comparisons, formatting and copies of Values are reported.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from engine.node import WATCH
from engine.value import Value


class Listener(Protocol):
    """What is told of numbers that leave the graph."""

    def left(self, how: str, node: Value) -> None:
        """A plain number of *node* was taken, such as by ``"float()"``; or set, by ``".data = ..."``."""

    def compared(self, sign: str, a: Value, b: Any, outcome: bool) -> None:
        """``a sign b`` came out as *outcome*; *b* is a Value or a number."""


_mine = threading.local()
_counting = threading.Lock()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell *listener* of the numbers that leave a graph in this thread."""
    before = getattr(_mine, "open", ())
    _mine.open = (listener, *before)
    with _counting:
        WATCH.listeners += 1
    try:
        yield
    finally:
        _mine.open = before
        with _counting:
            WATCH.listeners -= 1


@contextmanager
def not_listening() -> Iterator[None]:
    """Tell no listener of this thread: for the engine's own reading of numbers."""
    before = getattr(_mine, "open", ())
    _mine.open = ()
    try:
        yield
    finally:
        _mine.open = before


def _left(how: str, node: Any) -> None:
    for listener in getattr(_mine, "open", ()):
        listener.left(how, node)


def _compared(sign: str, a: Any, b: Any, outcome: bool) -> None:
    for listener in getattr(_mine, "open", ()):
        listener.compared(sign, a, b, outcome)


WATCH.hear, WATCH.hear_comparison = _left, _compared

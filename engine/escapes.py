"""Numbers that leave a graph: who hears of them. Values report; a listener decides what it means.

A listener is told while its ``with`` block is open, of what happens in the thread that opened it and in others. Reading
``.data``, ``float()``, ``int()``, ``round()``, ``bool()``, comparisons, formatting, hashes and copies of Values are
reported, and so are operations that refuse their numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.node import WATCH
from engine.validation import REFUSALS
from engine.value import Value


class DataDependentError(ValueError):
    """A function builds another graph for other numbers, in a way that a recorded graph cannot follow.

    ``reason`` says where and what; the message also says what to do.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(f"{reason}; {advice}" if advice else reason)
        self.reason = reason


class Listener:
    """Base of what is told of numbers that leave the graph."""

    def left(self, how: str, node: Value) -> None:
        """A plain number of *node* was taken, such as by ``"float()"``; or set, by ``".data = ..."``."""

    def compared(self, sign: str, a: Value, b: Any, outcome: bool) -> None:
        """``a sign b`` came out as *outcome*; *b* is a Value or a number."""

    def left_elsewhere(self, how: str, node: Value) -> None:
        """A number was taken, or compared, in another thread; *node* may have nothing to do with this listener."""

    def refused(self) -> None:
        """An operation is about to raise an error because of a number."""


class IdentityListener(Listener):
    """Hears of ``==`` with a number and of ``hash()``, too: where Values are put in place of plain numbers."""

    def identified(self, how: str, node: Value) -> None:
        """*node* was compared by identity (*how* is ``"=="``), or looked up (``"hash()"``)."""


_mine = threading.local()
_everyones: list[Listener] = []
_counting = threading.Lock()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell *listener* of the numbers that leave a graph in this thread."""
    before = getattr(_mine, "open", ())
    _mine.open = (listener, *before)
    identity = isinstance(listener, IdentityListener)
    with _counting:
        _everyones.append(listener)
        WATCH.listeners += 1
        WATCH.identity_listeners += identity
    try:
        yield
    finally:
        _mine.open = before
        with _counting:
            _everyones.remove(listener)
            WATCH.listeners -= 1
            WATCH.identity_listeners -= identity


def _left(how: str, node: Any) -> None:
    mine = getattr(_mine, "open", ())
    for listener in mine:
        listener.left(how, node)
    for listener in _others(mine):
        listener.left_elsewhere(how, node)


def _compared(sign: str, a: Any, b: Any, outcome: bool) -> None:
    mine = getattr(_mine, "open", ())
    for listener in mine:
        listener.compared(sign, a, b, outcome)
    for listener in _others(mine):
        listener.left_elsewhere(sign, a)
        if isinstance(b, Value):
            listener.left_elsewhere(sign, b)


def _others(mine: tuple[Listener, ...]) -> list[Listener]:
    """The listeners that other threads have opened: a function may hand its Values to them."""
    return [listener for listener in tuple(_everyones) if listener not in mine]


def _identified(how: str, node: Any) -> None:
    for listener in getattr(_mine, "open", ()):
        if isinstance(listener, IdentityListener):
            listener.identified(how, node)


def _refused() -> None:
    for listener in getattr(_mine, "open", ()):
        listener.refused()


REFUSALS.append(_refused)
WATCH.hear, WATCH.hear_comparison, WATCH.hear_identity = _left, _compared, _identified

"""Ctrl-C during training: the first one ends it, and none interrupts a shielded block."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Inside ``handled`` the first Ctrl-C raises KeyboardInterrupt once, later ones do nothing.

    Inside ``shielded`` the first one waits for the end of that block. Python calls handlers in the main thread only:
    in other threads, and where the caller handles Ctrl-C already, nothing changes.
    """

    def __init__(self) -> None:
        self._shields, self._raised = 0, False
        self.is_pending = False  # whether a Ctrl-C waits for the end of a shielded block

    def settle(self) -> None:
        """Raise nothing any more: the caller ends by itself."""
        self.is_pending, self._raised = False, True

    @contextmanager
    def handled(self) -> Iterator[None]:
        default = signal.default_int_handler
        if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not default:
            yield
            return
        signal.signal(signal.SIGINT, self._handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, default)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self.is_pending and not self._shields:
                self.is_pending = False
                self._raise()

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        if self._shields:
            self.is_pending = not self._raised
        else:
            self._raise()

    def _raise(self) -> None:
        if not self._raised:
            self._raised = True
            raise KeyboardInterrupt

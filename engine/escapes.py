"""Numbers that leave a graph: who hears of them. Values report; a listener decides what it means."""

import dis
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from engine import value
from engine.node import WATCH
from engine.validation import REFUSALS
from engine.value import Value


class DataDependentError(ValueError):
    """A function builds another graph for other numbers, which cannot be followed.

    ``reason`` says where and what; the message also says what to do.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(f"{reason}; {advice}" if advice else reason)
        self.reason = reason


class Listener:
    """Base of what is told of numbers that leave the graph while its ``listening`` block is open.

    Reading ``.data``, ``float()``, ``int()``, ``round()``, ``bool()``, comparisons, ``==``, formatting,
    hashes and copies of Values are reported, and so are operations that refuse their numbers.
    """

    error: Exception | None = None
    """The first error that it refused something with: ``listening`` raises it again if a function caught it."""
    hears_hash = False
    """Whether it hears of ``hash()``, and of ``==`` of two Values: where these are in place of plain numbers."""

    def left(self, how: str, node: Value) -> None:
        """A plain number of *node* was taken, such as by ``"float()"``; or set, by ``".data = ..."``."""

    def compared(self, sign: str, a: Value, b: Any, outcome: bool) -> None:
        """``a sign b`` came out as *outcome*; *b* is a Value or a number."""

    def left_elsewhere(self, how: str, node: Value) -> None:
        """A number was taken, or compared, in another thread; *node* may have nothing to do with this listener."""

    def hashed(self, node: Value) -> None:
        """*node* was looked up in a dict or a set, compared with another Value by ``==``, or ``hash`` was called."""

    def refused(self) -> None:
        """An operation is about to raise an error because of a number."""

    def differentiated(self, root: Value) -> None:
        """A gradient graph of *root* is made, which may lack operations of it that refuse numbers."""

    def refuse(self, error: Exception) -> NoReturn:
        """Raise an error that ends the block, whatever the function that is listened to makes of it."""
        self.error = self.error or error
        del error  # its traceback knows this frame
        raise self.error


class _Here(threading.local):
    listeners: tuple[Listener, ...] = ()


_COMPARE = dis.opmap["COMPARE_OP"]
_SIGN_AT = {11: 0, 12: 4}.get(sys.version_info[1], 5)  # the bit of the argument from which on it is the sign
_here = _Here()  # in this thread
_everyones: list[Listener] = []
_counting = threading.Lock()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell *listener* of the numbers that leave a graph in this thread, and in others."""
    before = _here.listeners
    _here.listeners = (listener, *before)
    with _counting:
        _everyones.append(listener)
        WATCH.listeners += 1
        WATCH.hash_listeners += listener.hears_hash
    try:
        yield
        if listener.error is not None:
            raise listener.error
    except Exception as error:
        if listener.error in (None, error):
            raise
        raise listener.error from error
    finally:
        listener.error = None  # its traceback knows the listener
        _here.listeners = before
        with _counting:
            _everyones.remove(listener)
            WATCH.listeners -= 1
            WATCH.hash_listeners -= listener.hears_hash


def is_heard() -> bool:
    """Whether a listener of this thread is told, so that a Value is better than its number."""
    return bool(_here.listeners)


def differentiated(root: Value) -> None:
    for listener in _here.listeners:
        listener.differentiated(root)


def _left(how: str, node: Any) -> None:
    for listener in _here.listeners:
        listener.left(how, node)
    _left_elsewhere(how, node)


def _left_elsewhere(how: str, *nodes: Any) -> None:
    """Tell the listeners that other threads have opened: a function may hand its Values to them."""
    own = _here.listeners
    others = [listener for listener in tuple(_everyones) if listener not in own]
    _here.listeners = ()  # a listener may look nodes up
    try:
        for listener in others:
            for node in nodes:
                listener.left_elsewhere(how, node)
    finally:
        _here.listeners = own


def _compared(sign: str, a: Any, b: Any, outcome: bool) -> None:
    for listener in _here.listeners:
        listener.compared(sign, a, b, outcome)
    _left_elsewhere(sign, *(side for side in (a, b) if isinstance(side, Value)))


def _hashed(node: Any) -> None:
    if WATCH.hash_listeners and _asking_frame() is not None:
        for listener in _here.listeners:
            if listener.hears_hash:
                listener.hashed(node)


def _asked_equal(*nodes: Any) -> None:
    """Two Values are compared: by ``a == b``, where numbers may be meant, or for ``a in list``, ``(a, 1) < (b, 2)``."""
    frame = _asking_frame()
    if frame is None:
        return
    is_sign = _compares_by_equality(frame.f_code.co_code, frame.f_lasti)
    for node in nodes:
        _hashed(node)
        if is_sign:
            _left("== of two Values", node)


def _compares_by_equality(code: bytes, place: int) -> bool:
    return code[place] == _COMPARE and dis.cmp_op[code[place + 1] >> _SIGN_AT] in ("==", "!=")


def _asking_frame() -> FrameType | None:
    """Who asks for a hash or for ``==``; None for the engine's own, such as those of ``grad``."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") in (__name__, value.__name__):
        frame = frame.f_back  # the second has no frames where it is compiled
    return None if frame is None or str(frame.f_globals.get("__name__")).startswith("engine.") else frame


def _refused() -> None:
    for listener in _here.listeners:
        listener.refused()


REFUSALS.append(_refused)
WATCH.hear, WATCH.hear_comparison, WATCH.hear_hash, WATCH.hear_equality = _left, _compared, _hashed, _asked_equal

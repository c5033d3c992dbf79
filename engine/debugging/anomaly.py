"""``detect_anomaly``: stop at the operation that first makes a NaN or an infinity, forward or backward."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from engine.custom import derivatives_of
from engine.node import WATCH
from engine.operations import CustomOperation
from engine.special import times
from engine.validation import heard_refusal, plain_label
from engine.value import Value

_lock = threading.Lock()
_mine = threading.local()


class detect_anomaly:  # noqa: N801 - PyTorch's name for it
    """A context: the first operation that makes a NaN or an infinity is an error.

    So is the step of ``backward``, ``grad`` or ``gradients`` that does. A program computes each example eagerly, too.
    It holds for what this thread computes; everything is slower meanwhile.

    Args:
        kinks: whether to note, too, each operation that hits a kink exactly, where the derivative is a convention.

    ``kinks`` of the opened context lists those in words.

    Raises:
        FloatingPointError: at the operation, with its operands and their labels.

    >>> x = Value(1e200, label="x")
    >>> with detect_anomaly():
    ...     x * x
    Traceback (most recent call last):
    ...
    FloatingPointError: * gave inf, from x = 1e+200 and x = 1e+200
    >>> with detect_anomaly(kinks=True) as found:
    ...     y = Value(0.0, label="z").relu()
    >>> found.kinks
    ['relu at its kink: z = 0.0']
    """

    def __init__(self, kinks: bool = False) -> None:
        self._notes_kinks = kinks
        self.kinks: list[str] = []

    def __enter__(self) -> Self:
        _mine.open = [*getattr(_mine, "open", []), self]
        with _lock:
            WATCH.watchers += 1
        return self

    def __exit__(self, *_: object) -> None:
        _mine.open = [each for each in _mine.open if each is not self]
        with _lock:
            WATCH.watchers -= 1


def is_watched() -> bool:
    return bool(getattr(_mine, "open", []))


@contextmanager
def unwatched() -> Iterator[None]:
    """Hide what this thread computes: for computing nodes again that were seen before."""
    before = getattr(_mine, "open", [])
    _mine.open = []
    try:
        yield
    finally:
        _mine.open = before


def seen(node: Value) -> None:
    """A new node, while somebody watches; an anomaly where this thread does."""
    watchers = getattr(_mine, "open", [])
    if not watchers:
        return
    if _is_first(node._number, _numbers(node)):
        heard_refusal()
        raise FloatingPointError(f"{node.op} gave {node._number}, from {_operands(node)}")
    if _at_kink(node):
        for watcher in watchers:
            if watcher._notes_kinks:
                watcher.kinks.append(f"{node.op} at its kink: {_operands(node)}")


def seen_backward(node: Value, gradient: float) -> None:
    if not getattr(_mine, "open", []):
        return
    if isinstance(node.operation, CustomOperation) and not node.operation.is_differentiated:
        return  # a function hands it on
    for operand, local in zip(node.operands, derivatives_of(node)):
        amount = times(gradient, local)
        if _is_first(amount, [gradient]):
            raise FloatingPointError(
                f"backward through {node.op} gave {amount}, from {_operands(node)}: the local derivative with respect "
                f"to {described(operand)} is {local}, and the gradient of the result {gradient}"
            )


def _is_first(result: float, numbers: list[float]) -> bool:
    if math.isnan(result):
        return not any(map(math.isnan, numbers))
    return math.isinf(result) and all(map(math.isfinite, numbers))


def _at_kink(node: Value) -> bool:
    numbers = _numbers(node)
    if node.op in ("relu", "leaky_relu", "abs"):
        return numbers[0] == 0.0
    if node.op in ("maximum", "minimum"):
        return numbers[0] == numbers[1]
    return node.op in ("hypot", "atan2") and numbers == [0.0, 0.0]


def _numbers(node: Value) -> list[float]:
    return [operand._number for operand in node.operands]


def _operands(node: Value) -> str:
    return " and ".join(map(described, node.operands))


def described(node: Value) -> str:
    """A node's number, with its label where it has one, such as ``x = 2.0``."""
    return f"{plain_label(node.label)} = {node._number!r}" if node.label else repr(node._number)


WATCH.see, WATCH.see_backward = seen, seen_backward

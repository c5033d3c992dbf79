"""Noise of training: on in a step, off in a measurement, and drawn afresh wherever a recorded graph is replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from engine import DataDependentError, Value

if TYPE_CHECKING:
    from nn.layers import Dropout

Factors = Sequence[float | Value]
Source = Callable[["Dropout", int], Factors | None]
"""Gives a layer a factor for each of its *n* numbers; None where there is no noise."""
Layout = list[tuple["Dropout", int]]
"""The layers that a module asks for noise in one call, in their order, and for how many numbers each."""
_OTHER_NOISE = "the model asks for other noise than for the first example when training began"

_source: ContextVar[Source | None] = ContextVar("source of noise", default=None)


def current_source() -> Source | None:
    """Where noise comes from here; None outside of fit, predict and score."""
    return _source.get()


@contextmanager
def noise_from(source: Source) -> Iterator[None]:
    """Take all noise from there meanwhile, in this thread."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def no_noise(layer: Dropout, n: int) -> None:
    """The source for measurements."""


def drawn_from(rng: Any) -> Source:
    """The source for a step: random factors for each call of each layer."""
    return lambda layer, n: layer.draw(rng, n)


def outputs_and_layout(call: Callable[[], Any]) -> tuple[Any, Layout]:
    """What a call of a module gives without noise, and which noise it would take."""
    layout: Layout = []
    with noise_from(lambda layer, n: layout.append((layer, n))):
        return call(), layout


@contextmanager
def given_noise(layout: Layout, factors: Sequence[Value]) -> Iterator[None]:
    """Take inputs of a graph as noise while it is recorded; other noise than in *layout* ends the recording."""
    left: list[object] = list(layout)
    rest = iter(factors)

    def source(layer: Dropout, n: int) -> Factors:
        if not left or left.pop(0) != (layer, n):
            left.append("other noise")
            raise DataDependentError(_OTHER_NOISE)
        return [next(rest) for _ in range(n)]

    with noise_from(source):
        yield
    if left:
        raise DataDependentError(_OTHER_NOISE)


def noise_rows(layout: Layout, rng: Any, n_examples: int) -> list[list[float]]:
    """Random factors for some examples, a row each: the numbers that ``drawn_from`` gives them one after the other."""
    return [[factor for layer, n in layout for factor in layer.draw(rng, n)] for _ in range(n_examples)]

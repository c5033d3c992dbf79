"""Noise of training: on in a step, eager or replayed, and off in a measurement."""

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
"""Returns a factor for each of a layer's *n* numbers; None for no noise."""
Layout = list[tuple["Dropout", int]]
"""The layers that a module asks for noise in one call, in their order, and for how many numbers each."""
_OTHER_NOISE = "the model asks for other noise than for the first example when training began"

noise_source: ContextVar[Source | None] = ContextVar("source of noise", default=None)
"""Where noise comes from in this thread; None outside of fit, predict and score."""


@contextmanager
def noise_from(source: Source) -> Iterator[None]:
    """Take all noise of this thread from *source*."""
    token = noise_source.set(source)
    try:
        yield
    finally:
        noise_source.reset(token)


def no_noise(layer: Dropout, n: int) -> None:
    """The source for measurements."""


def outputs_and_layout(call: Callable[[], Any]) -> tuple[Any, Layout]:
    """The outputs of a module without noise, and the noise that it would draw."""
    layout: Layout = []
    with noise_from(lambda layer, n: layout.append((layer, n))):
        return call(), layout


@contextmanager
def given_noise(layout: Layout, factors: Sequence[Value]) -> Iterator[None]:
    """Take inputs of a graph as noise while it is recorded; other noise than in *layout* ends the recording."""
    asked: Layout = []
    rest = iter(factors)

    def source(layer: Dropout, n: int) -> Factors:
        asked.append((layer, n))
        if asked[-1:] != layout[len(asked) - 1 : len(asked)]:
            raise DataDependentError(_OTHER_NOISE)
        return [next(rest) for _ in range(n)]

    with noise_from(source):
        yield
    if asked != layout:
        raise DataDependentError(_OTHER_NOISE)


def noise_rows(layout: Layout, rng: Any, n_examples: int) -> list[list[float]]:
    """Random factors, a row for each example, in the order in which eager steps draw them."""
    return [[factor for layer, n in layout for factor in layer.draw(rng, n)] for _ in range(n_examples)]

"""Initial weights, and the random numbers that they are drawn from."""

import math
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nn.validation import shortened, unknown_name

Init = str | Callable[[int, int, random.Random], float]
Seed = int | random.Random | None

ALIASES = {
    "he_normal": "he", "kaiming_normal": "he", "kaiming_uniform": "he_uniform",
    "glorot_uniform": "glorot", "xavier_uniform": "glorot", "xavier_normal": "glorot_normal",
}  # fmt: skip
"""Names in other libraries."""
_RECTIFIERS = {"relu", "leaky_relu", "gelu", "softplus"}  # these let about half of the signal through


def initial_weight(
    init: Init | None, activation: object, n_inputs: int, n_outputs: int, rng: random.Random
) -> Callable[[], float]:
    """A function that draws one starting weight of a layer; the schemes are described at MLP."""
    if init is None:
        init = "he" if isinstance(activation, str) and activation in _RECTIFIERS else "glorot"
    if callable(init):
        scheme = init
        return lambda: scheme(n_inputs, n_outputs, rng)
    init = ALIASES.get(init, init) if isinstance(init, str) else init
    if init in ("he", "glorot_normal"):
        deviation = math.sqrt(2.0 / (n_inputs if init == "he" else n_inputs + n_outputs))
        return lambda: rng.gauss(0.0, deviation)
    if init in ("he_uniform", "glorot"):
        bound = math.sqrt(6.0 / (n_inputs if init == "he_uniform" else n_inputs + n_outputs))
        return lambda: rng.uniform(-bound, bound)
    if init == "uniform":
        return lambda: rng.uniform(-1.0, 1.0)
    other = "a function (n_inputs, n_outputs, rng) -> float"
    raise unknown_name("init", init, ("he", "he_uniform", "glorot", "glorot_normal", "uniform"), other, ALIASES)


def random_numbers(seed: int | None) -> Any:
    """A generator for a seed; for None Python's ``random`` itself, which ``random.seed`` controls."""
    if seed is None:
        return random
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise ValueError(f"seed must be an int or None, got {shortened(seed)}")
    return random.Random(seed.__index__())


def generator(seed: Seed) -> Any:
    """A generator for a seed, or the given generator."""
    return seed if hasattr(seed, "gauss") else random_numbers(seed)


@contextmanager
def random_kept() -> Iterator[None]:
    """Restore the state of Python's and numpy's random numbers at the end of the block."""
    state = random.getstate()
    numpy = sys.modules.get("numpy.random")
    numpy_state = numpy and numpy.get_state()
    try:
        yield
    finally:
        random.setstate(state)
        if numpy:
            numpy.set_state(numpy_state)

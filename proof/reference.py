"""An expression's value, gradient and Hessian-vector product in mpmath's numbers, exact or with every number nudged.

Each intermediate number may be moved at random by a few units in its last place, as rounding does: how far the results
move then is how far rounding may move those of any float64 library. No derivative here comes from the engine.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from exact import EXACT
from mpmath import mp

Instruction = tuple[str, tuple[int | float, ...]]
"""An operation, and its operands: places among what was made before, leaves first, or plain numbers as floats."""

_DIGITS = 60
_NUDGE = 2.0**-50  # four units in the last place
_PERTURBED = 6


@dataclass(frozen=True)
class Derivatives:
    """What is compared: a value, its gradient, and the Hessian's product with a vector."""

    value: Any
    gradient: tuple[Any, ...]
    product: tuple[Any, ...]

    def numbers(self) -> list[Any]:
        """All of them in one row."""
        return [self.value, *self.gradient, *self.product]


def derivatives(
    instructions: Sequence[Instruction], at: Sequence[float], vector: Sequence[float], nudged: Callable[[Any], Any]
) -> Derivatives:
    """Forward mode over reverse mode, a number at a time; *nudged* is applied to each that is computed."""
    data, tangents = [mp.mpf(x) for x in at], [mp.mpf(v) for v in vector]
    records = []
    for op, operands in instructions:
        numbers = [mp.mpf(x) if isinstance(x, float) else data[x] for x in operands]
        moving = [place for place, x in enumerate(operands) if not isinstance(x, float)]
        exact = EXACT[op]
        first = {i: nudged(exact.first[i](*numbers)) for i in moving}
        second = {(i, j): nudged(exact.second[i + j](*numbers)) for i in moving for j in moving}
        data.append(nudged(exact.value(*numbers)))
        tangents.append(nudged(sum((first[i] * tangents[int(operands[i])] for i in moving), mp.zero)))
        records.append((operands, first, second))
    adjoints, turned = [mp.zero] * len(data), [mp.zero] * len(data)  # and how they change along the vector
    adjoints[-1] = mp.one
    for place in range(len(data) - 1, len(at) - 1, -1):
        operands, first, second = records[place - len(at)]
        for i, slope in first.items():
            a = int(operands[i])
            bend = sum((second[i, j] * tangents[int(operands[j])] for j in first), mp.zero)
            adjoints[a] = nudged(adjoints[a] + slope * adjoints[place])
            turned[a] = nudged(turned[a] + slope * turned[place] + nudged(bend * adjoints[place]))
    return Derivatives(data[-1], tuple(adjoints[: len(at)]), tuple(turned[: len(at)]))


def exact_and_rounding(
    instructions: Sequence[Instruction], at: Sequence[float], vector: Sequence[float], seed: int
) -> tuple[list[Any], list[Any]]:
    """The exact numbers, and for each the furthest that rounding of every intermediate number moved it."""
    rng = random.Random(seed)

    def nudged(number: Any) -> Any:
        return number * (1 + rng.choice((-1, 1)) * _NUDGE)

    with mp.workdps(_DIGITS):
        exact = derivatives(instructions, at, vector, lambda number: number).numbers()
        moved = [derivatives(instructions, at, vector, nudged).numbers() for _ in range(_PERTURBED)]
        return exact, [max(abs(run[i] - number) for run in moved) for i, number in enumerate(exact)]

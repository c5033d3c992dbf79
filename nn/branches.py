"""Does somebody's function choose its way by a number? A recorded graph goes one way only, and would be wrong then.

Losses and activations of one's own are small, so they are tried on numbers from all over before they are replayed: a
few examples of a data set would seldom meet the place where the way changes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine import Value, compile
from engine.compiler.api import check

if TYPE_CHECKING:
    from nn.module import Module

_CLOSELY, _ALSO = 8, 250  # how many different targets are tried at all distances, and how many at one
_DISTANCES = [0.0, *(sign * size for size in (1e-3, 0.03, 0.3, 0.7, 1.4, 3.0, 7.0, 30.0, 1e3) for sign in (1.0, -1.0))]


def check_loss(loss: Callable[[Any, Any], Value], targets: Sequence[Any], n_outputs: int) -> None:
    """Try a loss on outputs far from some of the targets and near to them, replayed and eagerly.

    Args:
        loss: takes the outputs and a target, the latter as a number and as a Value.
        targets: what the examples should give, numbers or lists of them.
        n_outputs: how many outputs the model has.

    Raises:
        ValueError: the two differ.
    """

    def split(row: list[Any]) -> Value:
        outputs, target = row[:n_outputs], row[n_outputs:]
        return loss(outputs[0] if n_outputs == 1 else outputs, target[0] if len(target) == 1 else target)

    various = list({repr(target): target for target in targets}.values())[:_ALSO]
    rows = []
    for count, target in enumerate(various):
        numbers = np.atleast_1d(np.array(target, dtype=np.float64))
        base = np.resize(numbers, n_outputs)
        for place, distance in enumerate(_DISTANCES if count < _CLOSELY else _DISTANCES[9:10]):
            one = np.zeros(n_outputs)
            one[place % n_outputs] = distance
            rows += [np.hstack([base + distance, numbers]), np.hstack([base + one, numbers])]
    _check_rows(split, lambda row: split([*map(Value, row[:n_outputs]), *row[n_outputs:]]), np.array(rows))


def check_activations(model: Module) -> None:
    """Try the activations of a model that are functions of one's own, replayed and eagerly.

    Raises:
        ValueError: the two differ.
    """
    rows = np.array([_DISTANCES]).T
    for activation in dict.fromkeys(_own_activations(model)):
        _check_rows(lambda row, f=activation: f(row[0]), lambda row, f=activation: f(Value(row[0])), rows)  # type: ignore[misc]


class NoRandomness:
    """What happens inside may not draw from Python's or numpy's shared random numbers; if it does, they are put back.

    Raises:
        ValueError: it did.
    """

    def __enter__(self) -> None:
        self.python, self.numpy = random.getstate(), np.random.get_state()

    def __exit__(self, *_: object) -> None:
        after = np.random.get_state()
        same = random.getstate() == self.python and str(after) == str(self.numpy)
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        if not same:
            raise ValueError("it draws random numbers, and a replay would use those of the first example for ever")


def _own_activations(module: Module) -> Iterator[Callable[[Value], Value]]:
    from nn.module import Module

    if callable(getattr(module, "activation", None)):
        yield module.activation  # type: ignore[attr-defined]
    for item in vars(module).values():
        for part in item if isinstance(item, (list, tuple)) else [item]:
            if isinstance(part, Module):
                yield from _own_activations(part)


def _check_rows(recorded: Callable[[list[Any]], Value], eager: Callable[[list[float]], Value], rows: Any) -> None:
    """Compare the graph of the first row that has one with each row; rows outside the domain tell nothing."""
    program = None
    for row in rows:
        try:
            result = eager(row.tolist())
            if program is None:
                inputs = [Value(number) for number in row.tolist()]
                program = compile([recorded(inputs)], inputs, [])
        except (ArithmeticError, ValueError):
            continue
        check(program, lambda _, result=result: [result], row[None])  # type: ignore[misc]

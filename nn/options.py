"""The arguments of ``fit``, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from nn.data.sets import split_places
from nn.examples import Examples
from nn.history import History
from nn.initialization import random_numbers
from nn.losses import LOGITS
from nn.schedules import EarlyStopping
from nn.validation import shortened

if TYPE_CHECKING:
    from nn.module import Module

Callback = Callable[["Module", History], object]


_MEANT = {
    "lr": "learning_rate",
    "n_epochs": "epochs",
    "max_iter": "epochs",
    "nb_epoch": "epochs",
    "metrics": "",
    "batch": "batch_size",
    "shuffle": "",
    "random_state": "seed",
    "x": "X",
    "patience": "early_stopping",
}


def refuse_unknown(unknown: dict[str, Any], names: list[str]) -> None:
    """Answer arguments that fit does not have; its own have these *names*.

    Raises:
        TypeError: there are some.
    """
    if not unknown:
        return
    name = next(iter(unknown))
    close = [_MEANT[name]] if name in _MEANT else get_close_matches(name, names, 1)
    advice = f"; did you mean {close[0]}=?" if close and close[0] else f"; it has {', '.join(names)}"
    raise TypeError(f"fit has no argument {name}={advice}")


def checked_stopping(early_stopping: Any) -> EarlyStopping | None:
    if early_stopping is None or early_stopping is False:
        return None
    if isinstance(early_stopping, EarlyStopping):
        return early_stopping
    return (
        EarlyStopping() if early_stopping is True else EarlyStopping(whole_number("early_stopping", early_stopping, 1))
    )


def held_out(
    examples: Examples, share: float, validation: Examples | None, seed: int | None
) -> tuple[Examples, Examples]:
    """Examples to train on, and a *share* of them to measure on.

    Raises:
        ValueError: the share is none, or there is validation_data, too.
    """
    if validation is not None:
        raise ValueError("validation_split must be left out beside validation_data")
    n = len(examples)
    if isinstance(share, bool) or not isinstance(share, float) or not 0.0 < share < 1.0 or n < 2:
        raise ValueError(f"validation_split must be a share in (0, 1) of at least 2 examples, got {shortened(share)}")
    kept, chosen = split_places(n, share, random_numbers(seed))
    return examples.chosen(sorted(kept)), examples.chosen(sorted(chosen))


def smoothed(examples: Examples, share: float, loss: str, n_outputs: int) -> Examples:
    """The same examples, with a *share* of each class's probability spread over all classes."""
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0.0 <= share < 1.0:
        raise ValueError(f"label_smoothing must be a number in [0, 1), got {shortened(share)}")
    if not share:
        return examples
    if loss not in LOGITS:
        raise ValueError("label_smoothing must be left out for a loss that takes no probabilities")
    return replace(examples, targets=examples.targets.smoothed(share, n_outputs))


def whole_number(name: str, number: Any, least: int) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__") or number < least:
        raise ValueError(f"{name}: a whole number of at least {least} is wanted, not {shortened(number)}")
    return int(number)


def checked_dtype(dtype: Any, replay: bool | None) -> str:
    import numpy as np

    if replay not in (None, True, False):
        raise ValueError(f"replay: True, False or None is wanted, not {shortened(replay)}")
    names = {"float64": "float64", "float32": "float32", np.float64: "float64", np.float32: "float32"}
    name = names.get(dtype) if isinstance(dtype, (str, type)) else names.get(getattr(dtype, "name", None))
    if name is None:
        raise ValueError(f'dtype: "float64" or "float32" is wanted, not {shortened(dtype)}')
    if name == "float32" and replay is False:
        raise ValueError('dtype: eager training is float64; leave replay=False out for "float32"')
    return name


def checked_pair(validation_data: Any) -> tuple[Any, Any]:
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError(f"validation_data: a pair (X, y) is wanted, not {shortened(validation_data)}")
    return validation_data[0], validation_data[1]


def checked_callbacks(callbacks: Any) -> list[Callback]:
    calls = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    if not isinstance(callbacks, Iterable) or not all(callable(call) for call in calls):
        raise ValueError(f"callbacks: a list of functions (model, history) is wanted, not {shortened(callbacks)}")
    return calls

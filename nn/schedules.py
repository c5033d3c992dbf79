"""Schedules: learning rates as functions of the step; and EarlyStopping."""

from __future__ import annotations

import builtins
import dis
import math
from collections.abc import Callable
from functools import partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from nn.validation import as_number, check_int, refuse_unknown, with_settings

if TYPE_CHECKING:
    from nn.training.history import History

Schedule = Callable[[int], float]

_FUNCTIONS = frozenset({"abs", "bool", "divmod", "float", "int", "max", "min", "pow", "range", "round", "sum"})
_STORES = frozenset({"DELETE_ATTR", "IMPORT_NAME", "STORE_ATTR", "STORE_DEREF", "STORE_GLOBAL", "STORE_SUBSCR"})


def step_decay(start: float, every: int, factor: float = 0.1) -> Schedule:
    """*start*, multiplied by *factor* after each *every* steps.

    >>> rate = step_decay(1.0, every=100, factor=0.5)
    >>> rate(99), rate(100), rate(250)
    (1.0, 0.5, 0.25)
    """
    start, every, factor = _rate("start", start), check_int("every", every, 1), _rate("factor", factor)
    return partial(_decayed, start, every, factor)


def _decayed(start: float, every: int, factor: float, step: int) -> float:
    return float(start * factor ** (step // every))


def exponential(start: float, factor: float) -> Schedule:
    """*start* times *factor* to the power of the step.

    >>> exponential(1.0, 0.5)(3)
    0.125
    """
    return step_decay(start, 1, factor)


def cosine(start: float, n_steps: int, end: float = 0.0) -> Schedule:
    """From *start* to *end* along half a cosine in *n_steps* steps, then constant.

    Loshchilov and Hutter, 2017.

    >>> rate = cosine(1.0, 100)
    >>> [round(rate(step), 4) for step in (0, 50, 100, 200)]
    [1.0, 0.5, 0.0, 0.0]
    """
    start, n_steps, end = _rate("start", start), check_int("n_steps", n_steps, 1), _rate("end", end)
    return partial(_along_a_cosine, start, n_steps, end)


def _along_a_cosine(start: float, n_steps: int, end: float, step: int) -> float:
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * min(step / n_steps, 1.0)))


def one_cycle(highest: float, n_steps: int) -> Schedule:
    """Up in the first fifth of the steps, then down to 0 (Smith and Topin, 2018).

    Small steps while weights are random, and again where the loss is nearly as low as it gets.

    >>> rate = one_cycle(0.01, 100)
    >>> [round(rate(step), 4) for step in (0, 20, 60, 100)]
    [0.0005, 0.01, 0.005, 0.0]
    """
    highest, n_steps = _rate("highest", highest), check_int("n_steps", n_steps, 1)
    return partial(_up_and_down, highest, n_steps, max(1, n_steps // 5))


def _up_and_down(highest: float, n_steps: int, rise: int, step: int) -> float:
    return highest * max(0.0, min((step + 1) / rise, (n_steps - step) / max(1, n_steps - rise)))


def warm_up(n_steps: int, then: float | Schedule) -> Schedule:
    """Up in a line from 0 in *n_steps* steps, then *then*, which counts from there.

    >>> rate = warm_up(4, then=0.1)
    >>> rate(0), rate(1), rate(3), rate(100)
    (0.025, 0.05, 0.1, 0.1)
    """
    if hasattr(then, "after_epoch"):  # which fit calls on its own learning rate alone
        kind = type(then).__name__
        raise ValueError(f"then must be a function of the step alone, got a {kind}, which looks at the losses")
    after = then if callable(then) else exponential(_rate("then", then), 1.0)
    return partial(_warmed_up, check_int("n_steps", n_steps, 1), after)


def _warmed_up(n_steps: int, after: Schedule, step: int) -> float:
    return after(0) * (step + 1) / n_steps if step < n_steps else after(step - n_steps)


def _rate(name: str, given: float) -> float:
    return as_number(name, given, "[0, inf)")


class ReduceOnPlateau:
    """A learning rate multiplied by *factor* each time the loss stops falling.

    The loss is that of validation, if any.

    Args:
        start: the first learning rate.
        factor: in (0, 1).
        patience: epochs without a new lowest loss before the rate falls.
        smallest: the lowest rate.

    >>> from nn import History
    >>> rate = ReduceOnPlateau(0.1, factor=0.5, patience=2)
    >>> rate.after_epoch(History(loss=[1.0, 0.9, 0.95, 0.93]))
    >>> rate(0)
    0.05
    """

    def __init__(self, start: float, factor: float = 0.1, patience: int = 10, smallest: float = 0.0) -> None:
        self.start, self.factor = _rate("start", start), as_number("factor", factor, "(0, 1)")
        self.patience, self.smallest = check_int("patience", patience, 1), _rate("smallest", smallest)
        self.restart()

    def __call__(self, step: int) -> float:
        return self.rate

    def __repr__(self) -> str:
        return with_settings(self, vars(self))

    def restart(self) -> None:
        """Begin with the first learning rate, as each call of ``fit`` does."""
        self.rate = self.start

    def after_epoch(self, history: History) -> None:
        """Set the rate from all losses so far."""
        rate, lowest, waited = self.start, math.inf, 0
        for loss in history.validation_loss or history.loss:
            lowest, waited = (loss, 0) if loss < lowest else (lowest, waited + 1)
            if waited == self.patience:
                rate, waited = max(self.smallest, rate * self.factor), 0
        self.rate = rate


class EarlyStopping:
    """Ends training when the loss, of validation if any, has stopped falling.

    Args:
        patience: epochs without a new lowest loss.
        min_delta: how much lower a loss must be to count.
        restore_best: whether to restore the weights of the best epoch at the end.

    >>> from nn import MLP
    >>> stop = EarlyStopping(patience=2, min_delta=10.0)
    >>> history = MLP(1, [1], seed=0).fit([[1.0]], [1.0], epochs=9, early_stopping=stop, seed=0, progress=False)
    >>> len(history.loss)
    3
    """

    def __init__(self, patience: int = 10, min_delta: float = 0.0, restore_best: bool = True, **unknown: Any) -> None:
        refuse_unknown("EarlyStopping", unknown, ("patience", "min_delta", "restore_best"), {})
        self.patience, self.restore_best = check_int("patience", patience, 1), restore_best
        self.min_delta = as_number("min_delta", min_delta, "[0, inf)")

    def __repr__(self) -> str:
        return with_settings(self, vars(self))

    def best_epoch(self, history: History) -> int:
        """The last epoch with a loss more than *min_delta* below the best before it."""
        best, lowest = 0, math.inf
        for epoch, loss in enumerate(history.validation_loss or history.loss):
            if loss < lowest - self.min_delta:
                best, lowest = epoch, loss
        return best

    def ends(self, history: History) -> bool:
        """Whether training should end now."""
        return history.epochs - 1 - self.best_epoch(history) >= self.patience


# ------------------------------------------------------------------------------------------------------ what they reach


def works_alone(schedule: object, depth: int = 5) -> bool:
    """Whether a learning rate is a number, or computes with numbers and reads and changes nothing else.

    A function that names anything else could read weights, or change the model.

    >>> works_alone(warm_up(4, cosine(0.1, 100))), works_alone(lambda step: print(step))
    (True, False)
    """
    if type(schedule) is ReduceOnPlateau:
        return is_plain(schedule)
    if type(schedule) is partial and depth:
        parts = (schedule.func, *schedule.args, *schedule.keywords.values())
        return all(works_alone(part, depth - 1) for part in parts)
    if not isinstance(schedule, FunctionType) or not depth:
        return isinstance(schedule, (int, float))
    cells = [cell.cell_contents for cell in schedule.__closure__ or ()]
    reached = [*cells, *(schedule.__defaults__ or ()), *(schedule.__kwdefaults__ or {}).values()]
    codes = [schedule.__code__]
    for code in codes:  # and that of the functions in it
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        if any(instruction.opname in _STORES for instruction in dis.get_instructions(code)):
            return False
        for name in code.co_names:
            if name in schedule.__globals__:
                reached.append(schedule.__globals__[name])
            elif name not in _FUNCTIONS and (name[:2] == "__" or name in vars(builtins)):
                return False
    return all(part is math or works_alone(part, depth - 1) for part in reached)


def is_plain(thing: object) -> bool:
    """Whether all attributes of an object are numbers, so that it is what its class makes of it."""
    return all(isinstance(part, (int, float)) for part in vars(thing).values())

"""Losses of one example: functions of its outputs (Values) and its target.

A target may be made of Values as well as of numbers.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import reduce
from typing import Any, NamedTuple, SupportsFloat

from engine import Value, dot, logsumexp, maximum, mean, minimum, relu, softplus
from nn.ranges import range_of
from nn.validation import as_float, described, shortened, unknown_name

Number = SupportsFloat
Outputs = Value | Sequence[Value]
LossFunction = Callable[[Any, Any], Value | float]


def mse(outputs: Outputs, target: Number | Sequence[Number]) -> Value:
    """Mean squared error: the mean of (output - target)**2 (Legendre, 1805).

    Args:
        outputs: one Value, or ``(n_outputs,)``.
        target: as many numbers.

    >>> loss = mse([Value(1.0), Value(3.0)], [1.0, 1.0])
    >>> loss.data
    2.0
    """
    return _mean_of("mse", lambda z, t: (z - t) ** 2, outputs, target)


def mae(outputs: Outputs, target: Number | Sequence[Number]) -> Value:
    """Mean absolute error: the mean of abs(output - target) (Boscovich, 1757).

    >>> loss = mae([Value(1.0), Value(3.0)], [1.0, 1.0])
    >>> loss.data
    1.0
    """
    return _mean_of("mae", lambda z, t: abs(z - t), outputs, target)


def huber(outputs: Outputs, target: Number | Sequence[Number]) -> Value:
    """e**2 / 2 for errors e in [-1, 1], and abs(e) - 1/2 beyond (Huber, 1964).

    >>> loss = huber([Value(0.5), Value(4.0)], [0.0, 1.0])
    >>> loss.data  # the mean of 0.125 and 2.5
    1.3125
    """

    def of_one(z: Value, t: Any) -> Value:
        size = abs(z - t)
        near = minimum(size, 1.0)
        loss: Value = near * (size - 0.5 * near)  # no comparison: the graph is the same for every error
        return loss

    return _mean_of("huber", of_one, outputs, target)


def binary_cross_entropy(outputs: Outputs, target: Number | Sequence[Number]) -> Value:
    """-log of the target's probability, on one logit z (Bishop 2006, section 4.3.2).

    target * softplus(-z) + (1 - target) * softplus(z), which keeps its digits where softplus(z) - target * z loses
    them. Of several logits with a target each, the mean: each output answers its own question.

    Args:
        outputs: the logit, one Value; or several.
        target: 0 or 1, or a probability between, for each of them.

    >>> loss = binary_cross_entropy(Value(0.0), 1)
    >>> round(loss.data, 6)
    0.693147
    """

    def of_logit(z: Value, t: Any) -> Value:
        if not isinstance(t, Value):
            t = as_float(t, "binary_cross_entropy: the target")
            if not 0.0 <= t <= 1.0:
                raise ValueError(f"binary_cross_entropy: target must be in [0, 1], got {t!r}")
            if t in (0.0, 1.0):
                return softplus(-z if t else z)
        loss: Value = t * softplus(-z) + (1.0 - t) * softplus(z)
        return loss

    return _mean_of("binary_cross_entropy", of_logit, outputs, target)


def cross_entropy(outputs: Sequence[Value], target: Any) -> Value:
    """-log softmax(outputs)[target], on logits (Bishop 2006, section 4.3.4).

    Args:
        outputs: ``(n_classes,)`` logits, any real numbers.
        target: the index of the right class, in 0 ... n_classes - 1; or ``(n_classes,)`` probabilities p, for the
            loss -sum(p * log softmax(outputs)).

    >>> cross_entropy([Value(1000.0), Value(0.0)], 1).data
    1000.0
    >>> loss = cross_entropy([Value(1.0), Value(1.0)], [0.25, 0.75])
    >>> round(loss.data, 6)
    0.693147
    """
    zs, ts = _as_list(outputs), _as_list(target)
    if not hasattr(target, "__len__") or isinstance(target, str) or getattr(target, "ndim", 1) == 0:
        return logsumexp(zs) - zs[_class(target, len(zs), "cross_entropy")]  # type: ignore[no-any-return]
    if len(ts) != len(zs):
        raise ValueError(f"cross_entropy: target must have {len(zs)} probabilities, one an output, got {len(ts)}")
    return logsumexp(zs) - dot(ts, zs)  # type: ignore[no-any-return]


def hinge(outputs: Outputs, target: Number) -> Value:
    """Largest-margin loss (Cortes and Vapnik, 1995).

    For one output z and a target of -1 or 1 it is relu(1 - target * z). Several outputs and the index of the right
    class: relu(1 + the largest of the others - the right one) (Crammer and Singer, 2001).

    >>> loss = hinge(Value(0.25), -1)
    >>> loss.data, hinge([Value(2.0), Value(0.5)], 0).data
    (1.25, 0.0)
    """
    zs = _as_list(outputs)
    if len(zs) == 1:
        if not isinstance(target, Value) and target not in (-1, 1):
            raise ValueError(f"hinge: with one output the target must be -1 or 1, got {shortened(target)}")
        return relu(1.0 - target * zs[0])  # type: ignore[no-any-return]
    right = _class(target, len(zs), "hinge")
    return _beyond_margin([z for i, z in enumerate(zs) if i != right], zs[right])


def _beyond_margin(others: list[Value], right: Value) -> Value:
    return relu(1.0 + reduce(maximum, others) - right)


def _hinge_of_one_hot(outputs: Sequence[Value], target: Sequence[Value]) -> Value:
    far = 1e30  # takes the right output out of the maximum; float32 reaches to 3e38
    return _beyond_margin([z - far * t for z, t in zip(outputs, target)], dot(target, outputs))


LOGITS = ("cross_entropy", "binary_cross_entropy")  # the losses on logits, which take probabilities as targets
OF_CLASSES = (*LOGITS, "hinge")  # the losses that take labels; others take numbers
LOSSES: dict[str, LossFunction] = {
    loss.__name__: loss for loss in (mse, mae, huber, cross_entropy, binary_cross_entropy, hinge)
}


class Loss(NamedTuple):
    """A loss; a user's function never has the name of a bundled one."""

    name: str
    function: LossFunction

    @property
    def is_bundled(self) -> bool:
        return self.name in LOSSES


ALIASES = {
    "bce": "binary_cross_entropy",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "binary_crossentropy": "binary_cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
}
"""Names in other libraries."""
_KNOWN = {*LOSSES, *ALIASES}


def recorded_form(loss: LossFunction, n_outputs: int) -> tuple[LossFunction, bool]:
    """The same loss for a target made of Values, which a replayed graph can change; and whether that is one-hot.

    A one-hot target is a Value for each class, another one a Value for each number that *loss* takes.
    """
    if loss is hinge and n_outputs > 1:
        return _hinge_of_one_hot, True
    return loss, loss is cross_entropy


_TARGETS = frozenset({"y_true", "true", "target", "targets", "label", "labels"})


def named_loss(loss: str | LossFunction) -> Loss:
    """The loss of that name, or that a function is."""
    if callable(loss):
        name = getattr(loss, "__name__", "custom")
        _check_arguments(name, loss)
        is_taken = name in _KNOWN and loss is not LOSSES.get(name)
        return Loss(f"{name} of your own" if is_taken else name, loss)
    name = ALIASES.get(loss.lower(), loss.lower()) if isinstance(loss, str) else ""
    if name in LOSSES:
        return Loss(name, LOSSES[name])
    raise unknown_name("loss", loss, (*LOSSES, "bce"), "a function", ALIASES)


def chosen_loss(loss: str | LossFunction | None, last: str | None) -> Loss:
    """A loss; None for the *last* that the model was trained with, of which a model keeps the name, or for mse."""
    if loss is not None:
        return named_loss(loss)
    name = last if isinstance(last, str) else "mse"  # in a module of the user's it may be anything
    if name not in _KNOWN:
        own = shortened(name)
        raise ValueError(f"loss must be given again: the model was trained with a loss of your own, {own}; pass loss=")
    return named_loss(name)


def _check_arguments(name: str, loss: LossFunction) -> None:
    try:
        signature = inspect.signature(loss)
    except ValueError:  # a function of C may have none
        return
    try:
        first, *others = signature.bind(None, None).arguments
    except TypeError:
        raise ValueError(f"a loss must take (outputs, target) of one example, got {name}{signature}") from None
    if first in _TARGETS and others and signature.parameters[others[0]].kind is not inspect.Parameter.VAR_POSITIONAL:
        raise ValueError(f"a loss must take (outputs, target) in this order, got {name}{signature}")


def as_loss(loss: Any, again: Callable[[list[Value]], list[Any]], row: Sequence[float] = ()) -> Value:
    """The *loss* of an example; a plain number as a Value with no gradient: ``max(0, 1 - t * o)`` gives one.

    ``again`` computes it once more, from Values of the numbers in *row*.
    """
    if isinstance(loss, Value):
        return loss
    from engine import compiler

    try:
        compiler.record(again, list(row), True)
        return Value(loss)
    except Exception as error:  # the loss is the user's, and may not take a target of Values
        raise TypeError(
            f"the loss must give a Value made of the outputs, got {described(loss)}; a plain "
            "number is taken where a comparison of Values chose it"
        ) from error


def check_takes_logits(loss: str, outputs: Sequence[Any], again: Callable[[], Sequence[Any]]) -> None:
    """Refuse outputs that are probabilities already, or say yes to everything, for a loss on logits.

    ``again`` computes them from inputs that are Values: those of an example bound no outputs of others.
    """
    if error := _no_logits(loss, outputs):
        with suppress(Exception):  # the model is the user's, and may take plain numbers alone
            error = _no_logits(loss, again())
        if error:
            raise error


def _no_logits(loss: str, outputs: Sequence[Any]) -> ValueError | None:
    values = [output for output in outputs if isinstance(output, Value)]
    last, ranges = {output.operation.key for output in values}, list(map(range_of, values))
    squashed = next((f"outputs of {name}" for name in ("sigmoid", "softplus") if name in last), "")
    if not squashed and any(low >= 0.0 and high <= 1.0 and low < high for low, high in ranges):
        squashed = "numbers in [0, 1]"
    if last <= {"exp", "/"} and len(outputs) > 1 and abs(sum(map(float, outputs)) - 1.0) < 1e-9:
        squashed = "outputs of softmax"
    if squashed and loss in LOGITS:
        inner = "sigmoid" if loss == "binary_cross_entropy" else "softmax"
        return ValueError(
            f'loss="{loss}" must be given logits, got {squashed}: it applies {inner} itself; leave '
            'the last activation out (output="linear"), and predict_proba gives probabilities'
        )
    one_sided = [low >= 0.0 for low, _ in ranges if not last & {"relu", "maximum"}]  # these are 0 for a no
    if len(outputs) == 1 and loss in OF_CLASSES and any(one_sided):
        advice = 'leave the last activation out (output="linear")'
        return ValueError(f'loss="{loss}" must be given numbers of both signs, got one that is never below 0; {advice}')
    return None


def _class(target: Any, n_classes: int, name: str) -> int:
    """The index of the right class, checked."""
    number = as_float(target, f"{name}: the class")
    if not 0 <= number < n_classes or not number.is_integer():
        raise ValueError(f"{name}: the class must be an int from 0 to {n_classes - 1}, got {shortened(target)}")
    return int(number)


def _mean_of(name: str, loss: Callable[[Value, Any], Value], outputs: Any, target: Any) -> Value:
    """The mean of the losses of each output with its target."""
    zs, ts = _as_list(outputs), _as_list(target)
    if len(zs) != len(ts):
        raise ValueError(f"{name}: must be given a target for each output, got {len(zs)} outputs and {len(ts)} targets")
    losses = [loss(z, t) for z, t in zip(zs, ts)]
    return losses[0] if len(losses) == 1 else mean(losses)


def _as_list(numbers: Any) -> list[Any]:
    """The numbers of a list or an array, or one number alone, in a list; names would be taken for numbers."""
    if isinstance(numbers, Mapping) or hasattr(numbers, "columns"):
        raise TypeError(f"the loss of an example must be given numbers in a list, got a {type(numbers).__name__}")
    plain = numbers.tolist() if hasattr(numbers, "tolist") else numbers
    row = list(plain) if hasattr(plain, "__len__") else [plain]
    if row and isinstance(row[0], (list, tuple)):
        advice = "of many examples, take the mean of their losses"
        raise TypeError(f"the loss of an example must be given numbers in a list, got rows of them; {advice}")
    return row

"""Losses of one example: functions of its outputs (Values) and its target. ``fit`` averages them over a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, SupportsFloat

from engine import Value, dot, logsumexp, mean, softplus
from engine.validation import as_float, shortened

Outputs = Value | Sequence[Value]
LossFunction = Callable[[Any, Any], Value]


def mse(outputs: Outputs, target: SupportsFloat | Sequence[SupportsFloat]) -> Value:
    """Mean squared error: the mean of (output - target)**2 over the outputs (least squares; Legendre, 1805).

    Args:
        outputs: one Value, or ``(n_outputs,)``.
        target: as many numbers.

    >>> mse([Value(1.0), Value(3.0)], [1.0, 1.0]).data
    2.0
    """
    zs, ts = _listed(outputs), _listed(target)
    if len(zs) != len(ts):
        raise ValueError(f"mse: {len(zs)} outputs and {len(ts)} targets; it takes one target for each output")
    return mean([(z - t) ** 2 for z, t in zip(zs, ts)])  # type: ignore[no-any-return]


def cross_entropy(outputs: Sequence[Value], target: int) -> Value:
    """-log softmax(outputs)[target], on logits: logsumexp(outputs) - outputs[target] (Bishop 2006, section 4.3.4).

    Args:
        outputs: ``(n_classes,)`` logits, any real numbers.
        target: the index of the right class, in 0 ... n_classes - 1.

    >>> cross_entropy([Value(1000.0), Value(0.0)], 1).data
    1000.0
    """
    zs = _listed(outputs)
    return logsumexp(zs) - zs[_class(target, len(zs), "cross_entropy")]  # type: ignore[no-any-return]


def binary_cross_entropy(outputs: Outputs, target: SupportsFloat) -> Value:
    """-log of the probability given to the target, on one logit z (Bishop 2006, section 4.3.2).

    target * softplus(-z) + (1 - target) * softplus(z), which keeps its digits where softplus(z) - target * z loses
    them.

    Args:
        outputs: the logit, one Value.
        target: 0 or 1, or a probability between.

    >>> round(binary_cross_entropy(Value(0.0), 1).data, 6)
    0.693147
    """
    z = _single(outputs, "binary_cross_entropy")
    t = as_float(target, "binary_cross_entropy: the target")
    if not 0.0 <= t <= 1.0:
        raise ValueError(f"binary_cross_entropy: the target is to be in [0, 1], not {t!r}")
    loss: Value = softplus(-z if t else z) if t in (0.0, 1.0) else t * softplus(-z) + (1.0 - t) * softplus(z)
    return loss


def hinge(outputs: Outputs, target: int) -> Value:
    """Largest-margin loss. One output z and a target of -1 or 1: relu(1 - target * z) (Cortes and Vapnik, 1995).

    Several outputs and the index of the right class: relu(1 + the largest of the others - the right one) (Crammer and
    Singer, 2001).

    >>> hinge(Value(0.25), -1).data, hinge([Value(2.0), Value(0.5)], 0).data
    (1.25, 0.0)
    """
    zs = _listed(outputs)
    if len(zs) == 1:
        if target not in (-1, 1):
            raise ValueError(f"hinge: with one output the target is -1 or 1, not {target!r}")
        return _hinge_of_sign(zs[0], target)
    right = _class(target, len(zs), "hinge")
    others = [z for i, z in enumerate(zs) if i != right]
    largest = others[0]
    for other in others[1:]:
        largest = largest.maximum(other)
    excess: Value = 1.0 + largest - zs[right]
    return excess.relu()


LOSSES: dict[str, LossFunction] = {
    "mse": mse,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "hinge": hinge,
}


def recorded_form(loss: LossFunction, n_outputs: int) -> tuple[LossFunction, bool]:
    """The same loss for a target that is made of Values, so that it can change when a recorded graph is replayed.

    Returns:
        The function, and whether its target is one-hot: a Value for each class, 1 for the right one and 0 for the
        others. If not, the target is what *loss* takes, a Value for each number of it.
    """
    if loss is cross_entropy:
        return _cross_entropy_of_one_hot, True
    if loss is hinge:
        return (_hinge_of_one_hot, True) if n_outputs > 1 else (_hinge_of_sign, False)
    if loss is binary_cross_entropy:
        return _binary_cross_entropy_of_class, False
    return loss, False


def _cross_entropy_of_one_hot(outputs: Sequence[Value], target: Sequence[Value]) -> Value:
    return logsumexp(outputs) - dot(target, outputs)  # type: ignore[no-any-return]


def _binary_cross_entropy_of_class(outputs: Outputs, target: Value) -> Value:
    return softplus((1.0 - 2.0 * target) * _single(outputs, "binary_cross_entropy"))  # type: ignore[no-any-return]


def _hinge_of_sign(output: Outputs, target: SupportsFloat) -> Value:
    margin: Value = 1.0 - target * _single(output, "hinge")
    return margin.relu()


def _hinge_of_one_hot(outputs: Sequence[Value], target: Sequence[Value]) -> Value:
    largest = outputs[0] - _FAR * target[0]
    for z, t in zip(outputs[1:], target[1:]):
        largest = largest.maximum(z - _FAR * t)
    excess: Value = 1.0 + largest - dot(target, outputs)
    return excess.relu()


_FAR = 1e30  # takes the right output out of a maximum; float32 reaches to 3e38


def named_loss(loss: str | LossFunction) -> tuple[str, LossFunction]:
    """The name and the function of a loss; the name of a function of your own is its ``__name__``.

    Raises:
        ValueError: an unknown name.
    """
    if callable(loss):
        return getattr(loss, "__name__", "custom"), loss
    if isinstance(loss, str) and loss in LOSSES:
        return loss, LOSSES[loss]
    raise ValueError(f"unknown loss {shortened(loss)}; there are {', '.join(LOSSES)}, or a function of yours")


def _class(target: Any, n_classes: int, name: str) -> int:
    """The index of the right class, checked."""
    number = as_float(target, f"{name}: the class")
    if not 0 <= number < n_classes or not number.is_integer():
        raise ValueError(f"{name}: the class {shortened(target)} is not one of 0 ... {n_classes - 1}")
    return int(number)


def _listed(numbers: Any) -> list[Any]:
    return list(numbers) if hasattr(numbers, "__len__") else [numbers]


def _single(outputs: Outputs, name: str) -> Value:
    zs = _listed(outputs)
    if len(zs) != 1:
        raise ValueError(f"{name}: takes one output, not {len(zs)}")
    return zs[0]  # type: ignore[no-any-return]

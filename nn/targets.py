"""Targets: from the labels or numbers of a data set to what a loss takes, and from outputs back to labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.validation import shortened
from nn.data import as_column, as_table

if TYPE_CHECKING:
    from nn.data import Table
    from nn.module import Module

Label = int | str | float
_CLASSIFYING = ("cross_entropy", "binary_cross_entropy", "hinge")


@dataclass(frozen=True)
class Targets:
    """What the examples should give.

    Attributes:
        encoded: for each example the target that the loss takes.
        classes: the label of each class, in the order of the outputs; None where numbers are to be met.
    """

    encoded: list[Any]
    classes: list[Label] | None

    def columns(self, n_classes: int | None = None) -> Table:
        """The targets as an array, an example a row: their numbers, or with *n_classes* one-hot.

        >>> Targets([1, 0], ["cat", "dog"]).columns(2)
        array([[0., 1.],
               [1., 0.]])
        """
        import numpy as np

        if n_classes is None:
            return np.array(self.encoded, dtype=np.float64).reshape(len(self.encoded), -1)
        one_hot = np.zeros((len(self.encoded), n_classes))
        one_hot[np.arange(len(one_hot)), self.encoded] = 1.0
        return one_hot


def encoded_targets(loss: str, y: Any, n_outputs: int, classes: list[Label] | None, what: str = "y") -> Targets:
    """Check the targets *y* and turn them into what the loss takes.

    Args:
        loss: its name; the classifying ones want labels, all others numbers.
        y: ``(n_examples,)`` labels or numbers, or ``(n_examples, n_outputs)`` numbers.
        n_outputs: how many outputs the model has.
        classes: the labels that are known already, or None to learn them from *y*.
        what: the name of *y* in messages.

    Raises:
        ValueError: they do not fit the loss, the outputs or the known classes.
    """
    if loss not in _CLASSIFYING:
        rows = _numbers(y, loss, what, n_outputs)
        return Targets(rows[:, 0].tolist() if n_outputs == 1 else rows.tolist(), None)
    labels = as_column(y, what)
    if loss == "binary_cross_entropy" and n_outputs != 1:
        raise ValueError(
            f"binary_cross_entropy wants a model with one output, not {n_outputs}; cross_entropy takes more"
        )
    if loss == "cross_entropy" and n_outputs < 2:
        raise ValueError("cross_entropy wants an output for each class; with one output use binary_cross_entropy")
    if classes is None:
        classes = _learned(labels, 2 if n_outputs == 1 else n_outputs, binary=n_outputs == 1)
    places = {label: place for place, label in enumerate(classes)}
    for row, label in enumerate(labels):
        if label not in places:
            known = ", ".join(map(repr, classes[:12])) + (", ..." if len(classes) > 12 else "")
            raise ValueError(f"{what}: the label {shortened(label)} of row {row} is unknown; the classes are {known}")
    encoded = [places[label] for label in labels]
    if loss == "hinge" and n_outputs == 1:
        encoded = [2 * place - 1 for place in encoded]
    return Targets(encoded, classes)


def _numbers(y: Any, loss: str, what: str, n_outputs: int) -> Any:
    try:
        return as_table(y, what, width=n_outputs)
    except ValueError as error:
        if loss == "mse" and "is not a number" in str(error):
            raise ValueError(f"{error}; mse takes numbers, and {', '.join(_CLASSIFYING)} take labels") from None
        raise


def _learned(labels: list[Label], wanted: int, binary: bool) -> list[Label]:
    """The classes that these labels stand for: 0 ... n - 1 where they are such numbers, else all that occur, sorted."""
    occurring = set(labels)
    kinds = {str if isinstance(label, str) else float for label in occurring}
    if len(kinds) > 1:
        raise ValueError("y: the labels are to be all strings or all numbers, and are mixed")
    if all(isinstance(label, int) and 0 <= label < wanted for label in occurring):
        return list(range(wanted))
    if len(occurring) != wanted:
        outputs = "one output tells two classes apart" if binary else f"the model has {wanted} outputs"
        raise ValueError(f"y has {len(occurring)} different labels, but {outputs}")
    return sorted(occurring)


def decided(model: Module, outputs: list[float]) -> Any:
    """What a model says with these outputs: the label, or without classes the number or numbers themselves."""
    if model.classes is None:
        return outputs[0] if len(outputs) == 1 else outputs
    return model.classes[decided_place(outputs)]


def decided_place(outputs: list[float]) -> int:
    """The place of the class that these outputs stand for: the largest; a single logit is class 1 above 0."""
    if len(outputs) == 1:
        return int(outputs[0] > 0.0)
    return max(range(len(outputs)), key=outputs.__getitem__)

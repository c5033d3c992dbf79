"""Targets: labels or numbers encoded for a loss, and outputs decoded into labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.names import column_text
from nn.data import Table, as_column, as_table, by_name
from nn.data.names import column_labels, is_in_order
from nn.lazy_numpy import np
from nn.losses import LOSSES
from nn.validation import first_names, shortened

Label = int | str | float

NUMBERS, CLASSES, PROBABILITIES, ANSWERS = "numbers", "classes", "probabilities", "answers"
_TAKES = {  # the kind of (a label, a row) with one output and with several; other losses take numbers
    "cross_entropy": ((None, None), (CLASSES, PROBABILITIES)),
    "binary_cross_entropy": ((CLASSES, None), (None, ANSWERS)),
    "hinge": ((CLASSES, None), (CLASSES, None)),
}


@dataclass(frozen=True)
class Targets:
    """The targets of examples, encoded for a loss.

    Attributes:
        encoded: for each example the target that the loss takes.
        classes: the label of each class, in the order of the outputs; None where the targets are numbers.
        kind: ``"numbers"``; ``"classes"``, an index each; ``"probabilities"`` of class 1 or of each class; or
            ``"answers"`` in [0, 1] to a yes-or-no question for each output.
    """

    encoded: list[Any]
    classes: list[Label] | None
    kind: str = CLASSES

    @cached_property
    def _array(self) -> Table:
        return np.asarray(self.encoded, dtype=np.float64)

    def columns(self, n_classes: int | None = None) -> Table:
        """The targets as an array, an example a row: their numbers, or with *n_classes* one-hot.

        >>> Targets([1, 0], ["cat", "dog"]).columns(2)
        array([[0., 1.],
               [1., 0.]])
        """
        if n_classes is None or self.kind != CLASSES:
            return self._array.reshape(len(self.encoded), -1)
        one_hot: Table = np.eye(n_classes)[self.encoded]
        return one_hot

    def smooth(self, share: float, n_outputs: int) -> Targets:
        """Probabilities instead of classes: *share* of each is spread evenly over all classes (Szegedy et al. 2016).

        >>> Targets([1, 0], ["cat", "dog"]).smooth(0.5, 2).encoded
        [[0.25, 0.75], [0.75, 0.25]]
        """
        table = self.columns(n_outputs if n_outputs > 1 else None)
        n_classes = 2 if self.kind == ANSWERS or n_outputs == 1 else n_outputs
        soft = (1.0 - share) * table + share / n_classes
        kind = ANSWERS if self.kind == ANSWERS else PROBABILITIES
        return Targets(_without_rows_of_one(soft), self.classes, kind)

    def class_indices(self) -> Any:
        """The index of each example's (likeliest) class; None without classes."""
        if self.classes is None or self.kind == ANSWERS:
            return None
        if self._array.ndim == 2:
            return self._array.argmax(axis=1)
        return (self._array > 0.5 if len(self.classes) == 2 else self._array).astype(int)  # the hinge has -1 and 1

    def are_right(self, outputs: Table, indices: Any = slice(None)) -> Any:
        """Whether each row of *outputs* ``(n, n_outputs)`` predicts the class of the example at its index.

        Of several answers all must be right; for numbers this is False.
        """
        if self.kind == NUMBERS:
            return np.zeros(len(outputs), np.bool_)
        encoded = self._array[indices]
        if self.kind == ANSWERS:
            return ((outputs > 0.0) == (encoded > 0.5)).all(axis=1)
        if outputs.shape[1] == 1:  # of 0 and 1, for the hinge of -1 and 1, or between
            return (outputs[:, 0] > 0.0) == (encoded > 0.5)
        return outputs.argmax(axis=1) == (encoded if encoded.ndim == 1 else encoded.argmax(axis=1))

    def is_right(self, outputs: list[float], index: int) -> bool:
        return bool(self.are_right(np.array([outputs]), [index])[0])


def encode_targets(loss: str, y: Any, n_outputs: int, classes: Sequence[Label] | None, what: str = "y") -> Targets:
    """Check the targets *y*, called *what*, and turn them into what the loss takes.

    They are ``(n_examples,)`` labels, probabilities of class 1 or numbers; or ``(n_examples, n_outputs)`` probabilities
    of classes, answers in [0, 1] to a question for each output, or numbers. A loss of the user's takes any count of
    numbers. Without *classes* these are learned from *y*.
    """
    width = _width(y)
    if loss not in _TAKES:
        n_numbers = n_outputs if loss in LOSSES else width or 1  # a loss of the user's may take any
        return Targets(_numbers(y, loss, what, n_numbers, width), None, NUMBERS)
    kind = _TAKES[loss][n_outputs > 1][width is not None]
    if kind is None:
        raise _misfit(loss, n_outputs, what, width)
    if kind != CLASSES:
        columns = column_labels(y) or range(n_outputs)
        found = (name if isinstance(name, int) else column_text(name) for name in columns)
        known = list(found if classes is None else classes)
        y = by_name(y, list(map(str, known)), what, keep=False)
        return Targets(_rows(kind, loss, y, n_outputs, what), known, kind)
    labels = as_column(y, what)
    are_numbers = not any(isinstance(label, str) for label in labels)
    of_class_1 = loss == "binary_cross_entropy" and classes in (None, [0, 1]) and are_numbers
    if of_class_1 and min(labels) >= 0 and max(labels) <= 1 and not {*labels} <= {0, 1}:
        return Targets([float(label) for label in labels], [0, 1], PROBABILITIES)
    known = _learn_classes(labels, max(2, n_outputs), n_outputs == 1) if classes is None else list(classes)
    indices = {label: index for index, label in enumerate(known)}
    for row, label in enumerate(labels):
        if label not in indices:
            names = first_names(known)
            raise ValueError(f"{what} must be made of the classes {names}, got {shortened(label)} in row {row}")
    encoded = [indices[label] for label in labels]
    return Targets([2 * index - 1 for index in encoded] if loss == "hinge" and n_outputs == 1 else encoded, known)


def given_classes(loss: str, classes: Any, n_outputs: int) -> list[Label]:
    """The labels in ``fit``'s *classes*, in the order of the outputs: as many as the model tells apart."""
    labels, n = as_column(classes, "classes"), max(2, n_outputs)
    if loss not in _TAKES:
        raise ValueError(f"classes must be left out for {loss}, which takes numbers, got {shortened(labels)}")
    if not len(labels) == len(set(labels)) == n:
        raise ValueError(
            f"classes must be {n} different labels, as this model tells {n} apart, got {shortened(labels)}"
        )
    return labels


def _width(y: Any) -> int | None:
    """How many numbers *y* has for each example; None where it has one number or label."""
    shape = getattr(y, "shape", None)
    if shape is not None:
        width = int(shape[1]) if len(shape) == 2 else 1
    else:
        first: Any = y[0] if isinstance(y, (list, tuple)) and y else None
        width = len(first) if isinstance(first, (list, tuple, dict)) or getattr(first, "ndim", 0) == 1 else 1
    return None if width == 1 else width


def _misfit(loss: str, n_outputs: int, what: str, width: int | None) -> ValueError:
    """The error for targets that a loss does not take with so many outputs."""
    if width is not None:
        return ValueError(
            f"{what} must be one label an example for {loss} with {n_outputs} outputs, got rows of {width}: of one-hot "
            f"rows {what}.argmax(axis=1) makes labels"
        )
    if loss == "cross_entropy":
        return ValueError(f"{loss} must be used with an output for each class, got one output: use binary_{loss}")
    return ValueError(
        f"{loss} must be used with one output, or with {what} of shape (n_examples, {n_outputs}); got {n_outputs} "
        "outputs and one label an example, for which cross_entropy is the loss"
    )


def _rows(kind: str, loss: str, y: Any, n_outputs: int, what: str) -> list[list[float]]:
    """A row of probabilities for each example, or of answers."""
    table = as_table(y, what, width=n_outputs)
    wrong = ((table < 0.0) | (table > 1.0)).any(axis=1)
    if kind == PROBABILITIES:
        wrong |= abs(table.sum(axis=1) - 1.0) > 1e-6
    if wrong.any():
        row = int(wrong.argmax())
        right = "probabilities with sum 1" if kind == PROBABILITIES else "numbers in [0, 1]"
        raise ValueError(f"{what} must have rows of {right} for {loss}, got {table[row].tolist()} in row {row}")
    return list(table.tolist())


def _numbers(y: Any, loss: str, what: str, n_outputs: int, width: int | None) -> list[Any]:
    """The targets of a loss for numbers."""
    first = next(iter(y), None) if is_in_order(y) and not hasattr(y, "columns") else None
    if isinstance(first, str):
        wrong = f"numbers, got {shortened(str(first), 33)} in row 0"
    elif is_in_order(y) and len(y) and (width or 1) != n_outputs:
        given = "one number" if n_outputs == 1 else f"{n_outputs} numbers"
        wrong = f"{given} an example, one for each output, got {width or 'one'}"
    else:
        return _without_rows_of_one(as_table(y, what, width=n_outputs))
    advice = 'for labels of classes use loss="cross_entropy" with an output for each class'
    raise ValueError(f"{what} must have {wrong}; loss={loss!r} takes numbers: {advice}")


def _without_rows_of_one(table: Table) -> list[Any]:
    return list((table[:, 0] if table.shape[1] == 1 else table).tolist())


def _learn_classes(labels: list[Label], wanted: int, binary: bool) -> list[Label]:
    """The classes of these labels: 0 ... n - 1 if they are such numbers, else all that occur, sorted."""
    occurring = set(labels)
    if len({isinstance(label, str) for label in occurring}) > 1:
        raise ValueError("y must have labels that are all strings or all numbers, got both")
    if wanted == 2 and all(isinstance(label, bool) for label in labels):
        return [False, True]
    if all(isinstance(label, int) and 0 <= label < wanted for label in occurring):
        return list(range(wanted))
    if len(occurring) != wanted:
        outputs = "one output tells two classes apart" if binary else f"the model has {wanted} outputs"
        more = 'for numbers use loss="mse"' + (", for more classes an output for each" if binary else "")
        advice = more if len(occurring) > wanted else "give the labels of all classes as classes="
        raise ValueError(f"y has {len(occurring)} different labels, but {outputs}; {advice}")
    return [int(label) if isinstance(label, bool) else label for label in sorted(occurring)]


def predicted(classes: list[Label] | None, loss: str | None, outputs: list[float]) -> Any:
    """The prediction from these outputs: a label, answers of 0 or 1, or numbers."""
    if classes is None:
        return outputs[0] if len(outputs) == 1 else outputs
    if are_answers(loss, len(outputs)):
        return [int(output > 0.0) for output in outputs]
    return classes[predicted_index(outputs)]


def are_answers(loss: str | None, n_outputs: int) -> bool:
    """Whether each output answers a yes-or-no question, and no class is chosen."""
    return loss == "binary_cross_entropy" and n_outputs > 1


def predicted_index(outputs: list[float]) -> int:
    """The index of the largest output; a single logit above 0 is class 1."""
    if len(outputs) == 1:
        return int(outputs[0] > 0.0)
    return max(range(len(outputs)), key=outputs.__getitem__)

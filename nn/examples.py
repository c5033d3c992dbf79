"""Examples: inputs, encoded targets and weights side by side."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine import Value
from nn.data import Table, as_table, by_name
from nn.data.columns import TARGET, Columns
from nn.data.sets import split_indices
from nn.initialization import random_numbers
from nn.lazy_numpy import np
from nn.losses import LOGITS
from nn.targets import CLASSES, NUMBERS, Label, Targets, encode_targets
from nn.validation import as_number, shortened

if TYPE_CHECKING:
    from nn.module import Module


@dataclass(frozen=True)
class Examples:
    """Inputs ``(n_examples, n_inputs)``, encoded targets and weights of a data set."""

    table: Table
    targets: Targets
    weights: list[float] | None = None  # the factor of each example's loss; None for 1

    def __len__(self) -> int:
        return len(self.table)

    def row(self, index: int) -> list[float]:
        row: list[float] = self.table[index].tolist()
        return row

    def target(self, index: int) -> Any:
        """What the loss takes of an example; a list is a new one, which a loss of the user's may change."""
        return copy(self.targets.encoded[index])

    def chosen(self, indices: list[int]) -> Examples:
        encoded = [self.targets.encoded[index] for index in indices]
        weights = None if self.weights is None else [self.weights[index] for index in indices]
        return Examples(self.table[indices], replace(self.targets, encoded=encoded), weights)

    def kept(self, rows: Table | None = None) -> Examples:
        """The same with inputs that stay as they are, though an array of the user's may be changed in training.

        They are in memory of their own: the first columns of *rows*, which hold them already, unless these are rounded.
        """
        if rows is None or rows.dtype != self.table.dtype:
            return replace(self, table=self.table.copy())
        return replace(self, table=rows[:, : self.table.shape[1]])


@dataclass(frozen=True)
class Tally:
    """Loss and right answers, summed over *n* examples."""

    loss: float = 0.0
    right: int = 0
    n: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.loss + other.loss, self.right + other.right, self.n + other.n)


def input_names(model: Module) -> list[str] | None:
    """The names of the inputs: the columns of the frame or the CSV file that the model was trained on."""
    table = model.table if isinstance(model.table, Columns) else None  # of a module of the user's it may be anything
    return model.column_names or (table.input_names if table and table.named else None)


def target_names(model: Module) -> list[str] | None:
    """The names of the targets that are numbers: the columns of the frame or the CSV file, as for the inputs."""
    table = model.table if isinstance(model.table, Columns) and model.classes is None else None
    columns = table.columns if table and table.named else ()
    return model.target_column_names or [column.name for column in columns if column.kind == TARGET] or None


def check_examples(
    table: Table, y: Any, loss: str, n_outputs: int, classes: list[Label] | None, prefix: str = ""
) -> Examples:
    """Checked inputs with targets that fit them and the loss; *prefix* precedes X and y in messages."""
    targets = encode_targets(loss, y, n_outputs, classes, f"{prefix}y")
    if len(table) != len(targets.encoded):
        raise ValueError(f"{prefix}y must have {len(table)} examples, as {prefix}X has, got {len(targets.encoded)}")
    return Examples(table, targets)


def examples_by_name(model: Module, X: Any, y: Any, loss: str, keep_float32: bool = False) -> Examples:
    """Checked examples for a model, which reads the columns of frames by the names that ``fit`` saw."""
    X = by_name(X, input_names(model), keep=False)
    table = as_table(X, "X", model.n_inputs, keep_float32=keep_float32)
    y = by_name(y, target_names(model), "y")
    return check_examples(table, y, loss, len(output_numbers(model(table[0].tolist()))), model.classes)


def output_numbers(outputs: Any) -> list[float]:
    """The outputs of a model as a list of plain numbers, also for a single output."""
    return [float(output) for output in as_list(outputs)]


def check_width(targets: Targets, others: Targets) -> None:
    """Raise a ValueError where a loss of the user's would get another count of numbers in validation."""
    width, other = targets.columns().shape[1], others.columns().shape[1]
    if targets.kind == NUMBERS and width != other:
        raise ValueError(f"validation y must have as many numbers an example as y, {width}, got {other}")


def as_list(outputs: Any) -> list[Any]:
    """The outputs of a model in a list, also a single one: Values, or numbers that comparisons chose."""
    plain: Any = outputs.tolist() if hasattr(outputs, "tolist") else outputs
    row = list(plain) if isinstance(plain, (list, tuple)) else [plain]
    if not row or not all(isinstance(output, (Value, int, float)) for output in row):
        raise TypeError(f"a model must return a Value, or a list or an array of them, got {shortened(plain)}")
    return row


def output_values(outputs: Any) -> Any:
    """The outputs of a model, with Values in place of numbers that comparisons chose, so that every loss takes them."""
    row = as_list(outputs)
    if all(isinstance(output, Value) for output in row):
        return outputs
    values = [output if isinstance(output, Value) else Value(output) for output in row]
    if getattr(outputs, "ndim", 0) > 0:  # a scalar of numpy is one number
        return np.array(values, object).reshape(outputs.shape)
    return values if isinstance(outputs, (list, tuple)) else values[0]


def weigh(examples: Examples, sample_weight: Any) -> Examples:
    """The same examples with ``fit``'s *sample_weight*, if it is not None."""
    if sample_weight is None:
        return examples
    weights = as_table(sample_weight, "sample_weight", 1)[:, 0]
    if len(weights) != len(examples) or (weights < 0.0).any():
        raise ValueError(f"sample_weight must be {len(examples)} numbers >= 0, got {shortened(sample_weight)}")
    return replace(examples, weights=weights.tolist())


def weigh_classes(examples: Examples, class_weight: Any) -> Examples:
    """The same examples with the weights of their classes in ``fit``'s *class_weight*, times those that they had.

    ``"balanced"`` is n_examples / (n_classes * the count of the class), as in scikit-learn.
    """
    if class_weight is None:
        return examples
    indices, classes = examples.targets.class_indices(), examples.targets.classes
    if examples.targets.kind != CLASSES or classes is None:
        raise ValueError(f"class_weight must be left out where the targets are {examples.targets.kind}")
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(indices, minlength=len(classes))
        weights = len(indices) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    elif isinstance(class_weight, Mapping) and set(classes) <= set(class_weight):
        weights = as_table([class_weight[label] for label in classes], "class_weight", 1)[:, 0]
    else:
        raise ValueError(
            f'class_weight must be "balanced" or a dict with a number for each of {shortened(classes)}, '
            f"got {shortened(class_weight)}"
        )
    if (weights < 0.0).any():
        raise ValueError(f"class_weight must have numbers >= 0, got {shortened(class_weight)}")
    return replace(examples, weights=(weights[indices] * (examples.weights or 1.0)).tolist())


def split_validation(examples: Examples, share: Any, seed: int | None) -> tuple[Examples, Examples]:
    """The examples to train on, and a random *share* to validate on."""
    n, share = len(examples), as_number("validation_split", share, "(0, 1)")
    if n < 2:
        raise ValueError(f"validation_split must be left out with fewer than 2 examples, got {n}")
    kept, chosen = split_indices(n, share, random_numbers(seed))
    return examples.chosen(sorted(kept)), examples.chosen(sorted(chosen))


def smooth(examples: Examples, share: Any, loss: str, n_outputs: int) -> Examples:
    """The same examples, with a *share* of each class's probability spread over all classes."""
    if not as_number("label_smoothing", share, "[0, 1)"):
        return examples
    if loss not in LOGITS:
        raise ValueError("label_smoothing must be left out for a loss that takes no probabilities")
    return replace(examples, targets=examples.targets.smooth(share, n_outputs))

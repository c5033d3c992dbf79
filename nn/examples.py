"""Examples: inputs and encoded targets side by side, and how many of the answers to them are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine import Value
from nn.data import as_table
from nn.targets import Label, Targets, decided_place, encoded_targets

if TYPE_CHECKING:
    import numpy as np

    from nn.data import Table
    from nn.module import Module


@dataclass(frozen=True)
class Examples:
    """Inputs ``(n_examples, n_inputs)`` and encoded targets of a data set."""

    table: Table
    targets: Targets

    def __len__(self) -> int:
        return len(self.table)

    def row(self, place: int) -> list[float]:
        """The inputs of one example, as Python's floats."""
        row: list[float] = self.table[place].tolist()
        return row


@dataclass
class Tally:
    """Loss and right answers, summed over the examples seen so far."""

    loss: float = 0.0
    right: int = 0
    n: int = 0

    def add(self, loss: float, right: int, n: int = 1) -> None:
        """Count *n* examples: the sum of their losses, and how many are right."""
        self.loss, self.right, self.n = self.loss + loss, self.right + right, self.n + n


def checked_examples(
    model: Module, X: Any, y: Any, loss: str, n_outputs: int, classes: list[Label] | None, prefix: str = ""
) -> Examples:
    """Inputs and targets that fit the model and the loss.

    Raises:
        ValueError: they do not; *prefix* stands before the names X and y in the message.
    """
    table = as_table(X, f"{prefix}X", model.n_inputs, keep_float32=True)
    targets = encoded_targets(loss, y, n_outputs, classes, f"{prefix}y")
    if len(table) != len(targets.encoded):
        raise ValueError(f"{prefix}X has {len(table)} examples, but {prefix}y {len(targets.encoded)}")
    return Examples(table, targets)


def output_count(model: Module, table: Table) -> int:
    """How many outputs the model gives, found by asking it for the first example."""
    return len(output_numbers(model(table[0].tolist())))


def output_numbers(outputs: Value | list[Value]) -> list[float]:
    """The outputs of a model as plain numbers, in a list even for a single one."""
    return [output.data for output in listed(outputs)]


def listed(outputs: Value | list[Value]) -> list[Value]:
    """The outputs of a model in a list, even a single one."""
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def is_right(outputs: list[float], encoded: int) -> bool:
    """Whether these outputs stand for the class that is encoded like this."""
    if len(outputs) == 1:  # 0 and 1, or for the hinge -1 and 1
        return decided_place(outputs) == (encoded > 0)
    return decided_place(outputs) == encoded


def count_right(outputs: np.ndarray[Any, Any], encoded: np.ndarray[Any, Any]) -> int:
    """For how many rows of *outputs* ``(n_examples, n_outputs)`` ``is_right`` holds."""
    import numpy as np

    if outputs.shape[1] == 1:
        return int(np.count_nonzero((outputs[:, 0] > 0.0) == (encoded > 0)))
    return int(np.count_nonzero(outputs.argmax(axis=1) == encoded))

"""Scaling: train on numbers around 0, then fold the scale into the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nn.data.tables import Table
from nn.lazy_numpy import np
from nn.validation import shortened

if TYPE_CHECKING:
    from nn.mlp import MLP


def exponents(table: Table, axis: int | None) -> Any:
    """The exponents of 2 of the largest numbers of each column, or of all columns together."""
    return np.frexp(np.abs(table).max(axis=axis, initial=0.0))[1]


@dataclass(frozen=True)
class Scaling:
    """(x - shift) / scale for each column; ``fold_in`` and ``fold_out`` fold it into a trained model.

    >>> from nn.data import as_table
    >>> scaling = Scaling.of(as_table([[0.0, 5.0], [4.0, 5.0]]))
    >>> scaling.shift, scaling.scale
    ([2.0, 5.0], [2.0, 1.0])
    """

    shift: list[float]
    scale: list[float]

    @classmethod
    def of(cls, table: Table, common: bool = False, names: Sequence[str] = ()) -> Scaling:
        """Mean and standard deviation of each column (1 where a column never changes), or of all columns together."""
        axis = None if common else 0
        with np.errstate(over="ignore", invalid="ignore"):
            unit = np.minimum(exponents(table, axis), 0)  # so that squares of small numbers are not 0
            deviation = np.atleast_1d(np.ldexp(np.ldexp(table, -unit).std(axis=axis), unit))
            mean = np.atleast_1d(table.mean(axis=axis))
        wrong = np.flatnonzero(~np.isfinite([mean, deviation]).all(axis=0))
        if len(wrong):
            of = f" of {shortened(names[wrong[0]])}" if names else ""
            raise ValueError(f"the numbers{of} are too large: their mean or variance is beyond a float's range")
        rounding = np.finfo(float).eps * len(table) * np.abs(mean)  # error of a mean of equal numbers
        scale = np.where(deviation <= rounding, 1.0, deviation)
        repeats = table.shape[1] if common else 1
        return cls(mean.tolist() * repeats, scale.tolist() * repeats)

    def apply(self, table: Table) -> Table:
        """The table in units of this scale."""
        scaled: Table = (table - self.shift) / self.scale
        return scaled

    def fold_in(self, model: MLP) -> None:
        """Make a model that was trained on scaled inputs take plain ones: w / scale, and the shift in the bias."""
        for neuron in model.layers[0].neurons:
            for weight, shift, scale in zip(neuron.w, self.shift, self.scale, strict=True):
                weight.data /= scale
                neuron.b.data -= weight.data * shift

    def fold_out(self, model: MLP) -> None:
        """Make a model that was trained on scaled targets return plain ones: w * scale, and b * scale + shift.

        Raises:
            ValueError: its output is not linear, as a callback may have made it.
        """
        last = model.layers[-1]
        if any(getattr(part, "activation", "") != "linear" for part in getattr(last, "neurons", [last])):
            raise ValueError(f"the last layer must be linear for a scale to be folded in, got {shortened(last)}")
        for neuron, shift, scale in zip(last.neurons, self.shift, self.scale, strict=True):
            for weight in neuron.w:
                weight.data *= scale
            neuron.b.data = neuron.b.data * scale + shift

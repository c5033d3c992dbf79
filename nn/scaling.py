"""Inputs of any range, trained on as numbers around 0, with the scale folded into the model afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nn.data import Table
    from nn.mlp import MLP, Layer


@dataclass(frozen=True)
class Scaling:
    """(x - shift) / scale for each column. ``folded_in`` and ``folded_out`` make a trained model take, or give, plain
    x.

    >>> from nn.data import as_table
    >>> scaling = Scaling.of(as_table([[0.0, 5.0], [4.0, 5.0]]))
    >>> scaling.shift, scaling.scale
    ([2.0, 5.0], [2.0, 1.0])
    """

    shift: list[float]
    scale: list[float]

    @classmethod
    def of(cls, table: Table, common: bool = False) -> Scaling:
        """Mean and standard deviation of each column (1 where a column never changes), or of all columns together.

        Raises:
            ValueError: the numbers are so large that these are no floats.
        """
        import numpy as np

        axis = None if common else 0
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = np.atleast_1d(table.mean(axis=axis)), np.atleast_1d(table.std(axis=axis))
        if not np.isfinite([mean, deviation]).all():
            raise ValueError("the numbers are too large: their mean or standard deviation is beyond a float's range")
        rounding = np.finfo(float).eps * len(table) * np.abs(mean)  # what a mean of equal numbers may be off by
        scale = np.where(deviation <= rounding, 1.0, deviation)
        repeats = table.shape[1] if common else 1
        return cls(mean.tolist() * repeats, scale.tolist() * repeats)

    def applied(self, table: Table) -> Table:
        """The table in units of this scale."""
        scaled: Table = (table - self.shift) / self.scale
        return scaled

    def fold_in(self, model: MLP) -> None:
        """Make a model that was trained on scaled inputs take them as they are: w / scale, and the shift in the
        bias."""
        for neuron in model.layers[0].neurons:
            for weight, shift, scale in zip(neuron.w, self.shift, self.scale):
                weight.data /= scale
                neuron.b.data -= weight.data * shift

    def fold_out(self, model: MLP) -> None:
        """Make a model with linear outputs that was trained on scaled targets give them as they are."""
        layer: Layer = model.layers[-1]
        for neuron, shift, scale in zip(layer.neurons, self.shift, self.scale):
            for weight in neuron.w:
                weight.data *= scale
            neuron.b.data = neuron.b.data * scale + shift

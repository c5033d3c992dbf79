"""Which classes are taken for which."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nn.module import Module
from nn.pictures.problems import Loss, classifying
from nn.pictures.style import SMALL, TEXT, figure_of, look_of, plain
from nn.targets import predicted_index


def confusion_table(
    model: Module, X: Any, y: Any, *, loss: Loss = None, theme: str = "auto", ax: Axes | None = None
) -> Figure:
    """Draw how often each class (a row) is taken for each class (a column).

    Right answers are blue, mistakes orange.

    Args:
        model: any Module that tells classes apart.
        X: ``(n_examples, n_inputs)`` numbers.

    >>> from nn import MLP
    >>> picture = confusion_table(MLP(2, [1], seed=0), [[0, 1], [1, 0]], ["cat", "dog"], loss="binary_cross_entropy")
    """
    look = look_of(theme, ax)
    found, classes = classifying(model, X, y, loss, "confusion_table")
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    for place in range(len(found)):
        counts[found.place_of_right(place), predicted_index(found.outputs(place))] += 1
    names = [plain(label, 14) for label in classes]
    side = max(3.4, 0.5 * len(classes) + 1.8)
    ax = look.axes(ax, side + 0.5, side)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    signed = np.where(np.eye(len(classes), dtype=bool), shares, -np.sqrt(shares))  # so that few mistakes show, too
    ax.imshow(signed, cmap=look.pale, vmin=-1.0, vmax=1.0, interpolation="nearest")
    for (row, column), count in np.ndenumerate(counts):
        colour = look.on(look.pale((signed[row, column] + 1.0) / 2.0))
        look.write(ax, (column, row), f"{count:,}" if count else "·", SMALL, colour)
    tilt = 45 if max(map(len, names)) > 4 else 0
    look.name_ticks(ax.xaxis, range(len(names)), names, rotation=tilt)
    look.name_ticks(ax.yaxis, range(len(names)), names)
    ax.set_xlabel("the model says", fontsize=TEXT, color=look.theme.text)
    ax.set_ylabel("right answer", fontsize=TEXT, color=look.theme.text)
    ax.tick_params(length=0)
    ax.spines[:].set_color(look.theme.line)
    right = int(np.trace(counts))
    look.title(ax, f"{right} of {len(found)} right ({100 * right / len(found):.1f}%)")
    return figure_of(ax)

"""The changes wanted: what each example asks of each parameter, and their average, the step of gradient descent."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nn.data import Table
from nn.module import Module
from nn.pictures.problems import Loss, Problem, problem
from nn.pictures.style import SMALL, Look, Picture, around_zero, image_size, look_of, number, plain, undisturbed

_MOST_EXAMPLES = 100
_MOST_ROWS, _MOST_COLUMNS = 40, 12  # of a table; of more, the first and the last stand there, with dots between


@dataclass(frozen=True, repr=False, eq=False)
class WantedChanges:
    """What each example asks of each parameter: minus the gradient of its loss.

    Printed it is a table, in Jupyter too; ``picture()`` is a heat map.

    Attributes:
        names: of the parameters, as ``named_parameters`` gives them.
        headings: of the examples: ``#0: cat``, the number of one and what is right for it.
        changes: ``(n_parameters, n_examples)`` numbers.
        losses: ``(n_examples,)``, the loss of each.
        inputs: ``(n_examples, n_inputs)``, the examples.
    """

    names: list[str]
    headings: list[str]
    changes: Table
    losses: list[float]
    inputs: Table

    @property
    def average(self) -> Table:
        """The mean over the examples, ``(n_parameters,)``, which gradient descent follows."""
        mean: Table = self.changes.mean(axis=1)
        return mean

    @property
    def gradient(self) -> Mapping[str, float]:
        """The gradient of the mean loss as a vector with names: the average times -1."""
        return MappingProxyType(dict(zip(self.names, (0.0 - self.average).tolist())))

    @property
    def table(self) -> dict[str, list[float]]:
        """A row for each parameter: the change that each example wants, and the average."""
        rows = np.column_stack([self.changes, self.average]).tolist()
        return dict(zip(self.names, rows))

    def __str__(self) -> str:
        """The table, cut in its middle where it is large."""
        n_rows, n_columns = self.changes.shape
        columns = _shown(n_columns, _MOST_COLUMNS)
        lines = [["parameter", *("…" if i is None else self.headings[i] for i in columns), "average"]]
        for row in _shown(n_rows, _MOST_ROWS):
            if row is None:
                lines.append([f"… {n_rows - _MOST_ROWS:,} more", *[""] * (len(columns) + 1)])
            else:
                numbers = ["…" if i is None else f"{self.changes[row, i]:.3g}" for i in columns]
                lines.append([plain(self.names[row], 40), *numbers, f"{self.average[row]:.3g}"])
        first, *widths = [max(map(len, column)) for column in zip(*lines)]
        rows = ("  ".join([name.ljust(first), *map(str.rjust, cells, widths)]) for name, *cells in lines)
        return "\n".join(map(str.rstrip, rows))

    __repr__ = __str__

    def picture(self, image_shape: tuple[int, int] | None = None, theme: str = "auto") -> Figure:
        """A heat map: a row for each parameter, a column for each example and the average.

        With an *image_shape*, ``(rows, columns)``, the examples are shown over their columns.
        """
        if image_shape is not None:
            image_shape = image_size(image_shape, self.inputs.shape[1])
        return _heat_map(self, image_shape, look_of(theme))


def wanted_changes(model: Module, X: Any, y: Any, loss: Loss = None) -> WantedChanges:
    """The change that each example asks of each weight and bias, and the average.

    An example wants each parameter to go against the gradient of its own loss; gradient descent takes the average of
    these wishes, times the learning rate. The model stays as it is.

    Args:
        model: any Module.
        X: ``(n_examples, n_inputs)`` numbers, at most 100 examples.

    Raises:
        ValueError: something does not fit, or there are too many examples.

    >>> from nn import Neuron
    >>> neuron = Neuron(1, activation="linear")
    >>> neuron.load_state_dict({"w.0": 1.0, "b": 0.0})
    >>> changes = wanted_changes(neuron, [[1.0], [2.0]], [3.0, 2.5])
    >>> print(changes)  # the loss is (w*x + b - y)**2
    parameter  #0: 3  #1: 2.5  average
    w.0            4        2        3
    b              4        1      2.5
    >>> dict(changes.gradient)
    {'w.0': -3.0, 'b': -2.5}
    """
    found = problem(model, X, y, loss)
    if len(found) > _MOST_EXAMPLES:
        raise ValueError(f"X must have at most {_MOST_EXAMPLES} examples, a column each, got {len(found)}; give X[:10]")
    with undisturbed(model) as parameters:
        changes, losses = [], []
        for place in range(len(found)):
            model.zero_grad()
            value = found.example_loss(place)
            value.backward()
            losses.append(value.data)
            changes.append([0.0 - parameter.grad for parameter in parameters])
    names = [name for name, _ in model.named_parameters()]
    headings = [_heading(found, place) for place in range(len(found))]
    return WantedChanges(names, headings, np.array(changes).T, losses, found.examples.table)


def _heading(found: Problem, place: int) -> str:
    right = found.right_answer(place)
    text = number(right) if isinstance(right, float) else "" if isinstance(right, list) else plain(right, 12)
    return f"#{place}: {text}" if text else f"#{place}"


def _shown(n: int, most: int) -> list[int | None]:
    """Which of *n* rows or columns a table shows; None marks those left out."""
    if n <= most:
        return list(range(n))
    half = most // 2
    return [*range(half), None, *range(n - (most - half), n)]


def _heat_map(changes: WantedChanges, image_shape: tuple[int, int] | None, look: Look) -> Picture:
    n_rows, n_columns = changes.changes.shape
    height = 1.9 + (0.3 * n_rows if n_rows <= _MOST_ROWS else 6.0) + (0.5 if image_shape else 0.0)
    figure = look.picture(min(3.8 + 0.7 * n_columns, 14.0), height)
    grid = figure.add_gridspec(1, 2, width_ratios=[n_columns, max(1.0, n_columns / 14)])
    each, mean = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    scale = around_zero(changes.changes, 1.0 if n_rows <= _MOST_ROWS else 0.995)
    is_numbered = n_rows <= _MOST_ROWS and n_columns <= _MOST_COLUMNS
    colours = look.pale if is_numbered else look.diverging
    shown: dict[str, Any] = {"cmap": colours, "norm": scale, "aspect": "auto", "interpolation": "nearest"}
    map_ = each.imshow(changes.changes, **shown)
    mean.imshow(changes.average[:, None], **shown)
    _name_columns(each, changes.headings, look)
    each.set_xlabel("# example and its right answer", fontsize=SMALL, color=look.theme.text)
    _name_columns(mean, ["average"], look)
    _name_rows(each, changes.names, look)
    mean.set_yticks([])
    if is_numbered:
        _number_cells(each, changes.changes, scale, look)
        _number_cells(mean, changes.average[:, None], scale, look)
    if image_shape is not None:
        _draw_images(each, changes.inputs, image_shape, 0.6 / (height - 1.9), look)
    look.bar(figure, map_, [each, mean], aspect=36)
    look.head(figure, "The change that each example wants of each parameter")
    return figure


def _name_columns(ax: Axes, headings: list[str], look: Look) -> None:
    every = -(-len(headings) // 24)
    places = list(range(0, len(headings), every))
    shown = [headings[i].replace(": ", "\n") for i in places]
    rotation = 45 if max(map(len, headings)) > 12 and len(headings) > 1 else 0
    look.name_ticks(ax.xaxis, places, shown, rotation=rotation)
    ax.tick_params(length=0)
    ax.spines[:].set_color(look.theme.line)


def _name_rows(ax: Axes, names: list[str], look: Look) -> None:
    """Every parameter's name, or where there are many the part of the network that a run of rows belongs to."""
    if len(names) <= _MOST_ROWS:
        look.name_ticks(ax.yaxis, range(len(names)), [plain(name, 40) for name in names])
        return
    parts = [".".join(name.split(".")[:2]) for name in names]
    starts = [i for i, part in enumerate(parts) if i == 0 or part != parts[i - 1]]
    starts = starts if len(starts) <= _MOST_ROWS else [0]
    ends = [*starts[1:], len(names)]
    middles = [(start + end - 1) / 2 for start, end in zip(starts, ends)]
    labels = [f"{plain(parts[start], 24)}\n{end - start:,} parameters" for start, end in zip(starts, ends)]
    look.name_ticks(ax.yaxis, middles, labels)
    for start in starts[1:]:
        ax.axhline(start - 0.5, color=look.theme.text, linewidth=0.8)


def _number_cells(ax: Axes, numbers: Table, scale: Any, look: Look) -> None:
    for (row, column), x in np.ndenumerate(numbers):
        colour = look.on(look.pale(scale(x)))
        look.write(ax, (column, row), number(x), SMALL - 1, colour)


def _draw_images(over: Axes, inputs: Table, shape: tuple[int, int], height: float, look: Look) -> None:
    """The examples over their columns, in that share of the height of the axes."""
    wide = 1 / len(inputs)
    for place, pixels in enumerate(inputs):
        ax = over.inset_axes((wide * (place + 0.1), 1.01, 0.8 * wide, height))
        ax.imshow(pixels.reshape(shape), cmap=look.ink, interpolation="nearest")
        look.clear_frame(ax)

"""What a model says everywhere in the plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from nn.data import Table
from nn.module import Module
from nn.pictures.problems import Loss, Problem, names_of_inputs, problem, refuse_answers
from nn.pictures.style import MARKERS, Look, check_names, figure_of, look_of, number, plain
from nn.validation import check_int


def decision_boundary(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Loss = None,
    input_names: Sequence[object] | None = None,
    resolution: int = 60,
    title: str | None = None,
    theme: str = "auto",
    ax: Axes | None = None,
) -> Figure:
    """Draw what a model of two inputs says at every point of the plane, and examples.

    Of two classes the shade is the probability and the line is where the model changes its mind; of more, each class
    has its colour, paler where the model is less sure. Where numbers are learnt the shade is the output.

    Args:
        model: any Module that takes two numbers.
        X: ``(n_examples, 2)`` numbers.
        input_names: of the axes; None takes the names of the columns that *model* was trained on, or of *X*.
        resolution: into how many points a side of the plane is divided.
        title: over the picture; None tells how many examples are right.

    Raises:
        ValueError: the model takes more or fewer inputs than two, or something else does not fit.

    >>> from nn import MLP
    >>> from nn.data import moons
    >>> data = moons(20)
    >>> picture = decision_boundary(MLP(2, [3, 1], seed=0), data.X, data.y, loss="binary_cross_entropy", resolution=10)
    """
    look, found = look_of(theme, ax), problem(model, X, y, loss)
    check_plane(found)
    check_int("resolution", resolution, 2, 1000)
    given = names_of_inputs(input_names, model, X, ("first input", "second input"))
    names = check_names(given, 2, 40)
    ax = look.axes(ax, 6.0, 5.0)
    draw_plane(ax, found, resolution, look)
    look.name_axes(ax, *names)
    look.title(ax, _how_many_right(found) if title is None else plain(title, 80))
    return figure_of(ax)


def check_plane(found: Problem) -> None:
    """Refuse examples that are no points of the plane, and several numbers to be met."""
    n_inputs = found.examples.table.shape[1]
    if n_inputs != 2:
        raise ValueError(f"model: it takes {n_inputs} inputs, and a plane has two; give a model of two inputs")
    refuse_answers(found, "a picture of the plane")
    if found.classes is None and len(found.outputs(0)) != 1:
        raise ValueError(
            f"model: it gives {len(found.outputs(0))} numbers for a point, and one can be drawn as a shade"
        )
    if found.classes is None and (numbers := found.examples.targets.columns().shape[1]) != 1:
        raise ValueError(f"y: it has {numbers} numbers for a point, and one can be drawn as a shade")


def draw_plane(ax: Axes, found: Problem, resolution: int, look: Look, keys: dict[str, Any] | None = None) -> None:
    """The shades, the boundary, the examples, and the legend with those options."""
    points = found.examples.table
    across, up = (_span(column, resolution) for column in points.T)
    outputs = np.array([[found.outputs_for([x, y]) for x in across.tolist()] for y in up.tolist()])
    if found.classes is None:
        _shade_numbers(ax, found, points, (across, up), outputs[:, :, 0], look)
    elif outputs.shape[2] == 1:
        _shade_two(ax, found, (across, up), outputs[:, :, 0], look)
    else:
        _shade_classes(ax, found, (across, up), outputs, look)
    if found.classes is not None:
        _draw_examples(ax, found, points, look, keys)
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))


def _draw_examples(ax: Axes, found: Problem, points: Table, look: Look, keys: dict[str, Any] | None) -> None:
    assert found.classes is not None
    of_example = np.array([found.place_of_right(place) for place in range(len(found))])
    handles, labels = [], []
    for place, label in enumerate(found.classes):
        mine = points[of_example == place]
        shape: dict[str, Any] = {"marker": MARKERS[place % len(MARKERS)], "facecolor": _colour(place, look)}
        edge: dict[str, Any] = {"edgecolors": look.marker_edge, "linewidths": 0.8}
        handles.append(ax.scatter(mine[:, 0], mine[:, 1], s=42, zorder=5, **shape, **edge))
        labels.append(plain(label))
    if len(labels) <= 12:
        beside = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "title": "right answer"}
        look.legend(ax, handles, labels, **(beside if keys is None else keys))


def _shade_two(ax: Axes, found: Problem, grid: tuple[Table, Table], outputs: Table, look: Look) -> None:
    """Two classes: the probability of the second, or the output of a hinge."""
    if found.loss == "binary_cross_entropy":
        shade = np.exp(-np.logaddexp(0.0, -outputs))
    else:
        shade = 0.5 + 0.5 * np.clip(outputs, -1.0, 1.0)
    ax.contourf(*grid, shade, levels=np.linspace(0.0, 1.0, 21), cmap=look.pale, zorder=0)
    _outline(ax, grid, outputs, look)


def _shade_classes(ax: Axes, found: Problem, grid: tuple[Table, Table], outputs: Table, look: Look) -> None:
    """Several classes: the colour of the one that is said, paler where it is less sure."""
    n_classes = outputs.shape[2]
    spread = np.exp(outputs - outputs.max(axis=2, keepdims=True)).sum(axis=2)
    sure = np.ones_like(spread) if found.loss == "hinge" else 1.0 / spread  # the largest of the softmax
    share = (sure - 1.0 / n_classes) / (1.0 - 1.0 / n_classes)
    background = np.array(to_rgba(look.theme.background))
    colours = np.array([to_rgba(_colour(place, look)) for place in range(n_classes)])[outputs.argmax(axis=2)]
    picture = background + (0.1 + 0.4 * share)[..., None] * (colours - background)
    across, up = grid
    wide, high = (across[1] - across[0]) / 2, (up[1] - up[0]) / 2
    extent = (across[0] - wide, across[-1] + wide, up[0] - high, up[-1] + high)
    ax.imshow(picture, origin="lower", extent=extent, aspect="auto", interpolation="bilinear", zorder=0)
    for place in range(n_classes):
        others = np.delete(outputs, place, axis=2).max(axis=2)
        _outline(ax, grid, outputs[:, :, place] - others, look)


def _outline(ax: Axes, grid: tuple[Table, Table], lead: Table, look: Look) -> None:
    """The line where the lead of a class over the others is 0, if there is one."""
    if lead.min() < 0.0 < lead.max():
        ax.contour(*grid, lead, levels=[0.0], colors=look.theme.text, linewidths=1.4, zorder=2)


def _shade_numbers(
    ax: Axes, found: Problem, points: Table, grid: tuple[Table, Table], outputs: Table, look: Look
) -> None:
    """Numbers: the output as a shade, and the examples filled with the shade that they should have."""
    targets = np.array(found.examples.targets.encoded, dtype=float)
    low, high = min(outputs.min(), targets.min()), max(outputs.max(), targets.max())
    levels = np.linspace(low, high if high > low else low + 1.0, 21)
    filled = ax.contourf(*grid, outputs, levels=levels, cmap=look.amounts, zorder=0)
    shades: dict[str, Any] = {"cmap": look.amounts, "vmin": levels[0], "vmax": levels[-1]}
    x, y = points.T
    ax.scatter(x, y, c=targets, s=44, linewidths=0.9, zorder=5, edgecolors=look.marker_edge, **shades)
    look.bar(figure_of(ax), filled, ax, "output; in the circles\nwhat it should be")


def _span(column: Table, resolution: int) -> Table:
    """From a little before the first to a little after the last."""
    low, high = float(column.min()), float(column.max())
    margin = 0.12 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, resolution)


def _colour(place: int, look: Look) -> str:
    return look.classes[place % len(look.classes)]


def _how_many_right(found: Problem) -> str:
    if found.classes is None:
        return f"Cost {number(found.cost())} ({len(found)} examples)"
    right = sum(found.is_right(place, found.outputs(place)) for place in range(len(found)))
    return f"{right} of {len(found)} examples are right"

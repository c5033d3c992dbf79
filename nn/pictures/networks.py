"""The network as a picture: what goes in, what each neuron makes of it, and what should have come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nn import examples
from nn.data import as_table, by_name
from nn.losses import chosen_loss
from nn.module import Module
from nn.pictures import neurons
from nn.pictures.comparison import Comparison, compared, draw_comparison
from nn.pictures.neurons import RADIUS, Column, draw_heading, with_numbers
from nn.pictures.problems import Loss, names_of_inputs
from nn.pictures.style import Look, check_names, figure_of, image_size, look_of, plain
from nn.targets import Label
from nn.validation import check_int

_INCHES = 0.6  # between two neurons of a layer


def network(
    model: Module,
    x: Any = None,
    target: Any = None,
    *,
    loss: Loss = None,
    image_shape: tuple[int, int] | None = None,
    input_names: Sequence[object] | None = None,
    most: int = 10,
    theme: str = "auto",
    ax: Axes | None = None,
) -> Figure:
    """Draw a network: circles shaded by their neuron's activation, lines for weights.

    With *target* the outputs stand beside what they should have been, and beside the change that each of them wants:
    minus the derivative of the loss with respect to it, the numbers that backprop starts from.

    Args:
        model: an MLP, a Layer or a Neuron.
        x: ``(n_inputs,)`` numbers of one example, or None for the weights alone.
        target: its label, number or numbers, as for ``fit``.
        image_shape: ``(rows, columns)`` where *x* is an image; it is then drawn beside the first layer.
        input_names: a name for each input; None takes those of the columns that *model* was trained on, if any.
        most: how many neurons of a layer are drawn; of a larger one those that tell most, with dots between: with large
            weights, and with *x* large activations, too.

    >>> from nn import MLP
    >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
    >>> network(model, [0.5, -1.0], target=1, loss="binary_cross_entropy").savefig("network.png")
    """
    look = look_of(theme, ax)
    layers = neurons.layers_of(model)
    n_inputs, n_outputs = len(layers[0][0].w), len(layers[-1])
    check_int("most", most, 2)
    if image_shape is not None:
        image_size(image_shape, n_inputs)
    given = input_names if image_shape else names_of_inputs(input_names, model)
    names = None if given is None else check_names(given, n_inputs, 32)
    activations: list[list[float]] | None = None
    if x is not None:
        row = by_name([x], examples.input_names(model), "x", keep=False)
        activations = neurons.activations_of(layers, as_table(row, "x", n_inputs)[0].tolist())
    elif target is not None:
        raise ValueError("target: without x there is nothing to compare it with; give both, or neither")
    comparison = None
    if activations is not None and (target is not None or model.classes is not None):
        loss_name, loss_function = chosen_loss(loss, model.loss)
        target = by_name([target], examples.target_names(model), "target")[0]
        comparison = compared(activations[-1], target, loss_name, loss_function, model.classes)
    classes = model.classes if comparison is None else comparison.classes
    scene = _Scene(layers, activations, comparison, image_shape, names, classes, most, n_outputs, look)
    return scene.drawn(ax)


@dataclass(frozen=True)
class _Scene:
    """All that is drawn, checked."""

    layers: list[Any]
    activations: list[list[float]] | None
    comparison: Comparison | None
    image_shape: tuple[int, int] | None
    names: list[str] | None
    classes: list[Label] | None
    most: int
    n_outputs: int
    look: Look

    def drawn(self, ax: Axes | None) -> Figure:
        n_rows = min(max(len(self.layers[0][0].w), *map(len, self.layers)), self.most + 1)
        columns = self._columns(max(3.0, 0.36 * n_rows))
        left, right, below, above = self._frame(columns)
        if ax is not None:  # the layers as far apart as fills the axes
            least = 2.4 if with_numbers(self.layers) else 1.8
            across, up = _inches_of(ax)
            slack = (above - below) * across / up - (right - left)
            columns = self._columns(min(max(columns[1].x + slack / len(self.layers), least), 6.0))
            left, right, below, above = self._frame(columns)
        width, height = right - left, above - below
        for_key = 5.4
        axes = self.look.axes(ax, max(_INCHES * width + 0.3, for_key), _INCHES * height + 1.0)
        font_size = _font_size(axes, width, height, fitted=ax is not None)
        axes.set(xlim=(left, right), ylim=(below, above), aspect="equal")
        axes.set_axis_off()
        self._draw_input(axes, columns[0], font_size)
        biases = neurons.draw_biases(axes, self.layers, columns, font_size, self.look)
        neurons.draw_weights(axes, self.layers, columns, font_size, self.look, biases)
        for column in columns:
            neurons.draw_column(axes, column, font_size, self.look)
        top = max(column.heights[0] for column in columns) + RADIUS + 0.2
        self._draw_headings(axes, columns, top, font_size)
        self._draw_output(axes, columns[-1], top, font_size)
        neurons.draw_key(axes, self.activations is not None, font_size, self.look, _inches_of(axes)[0])
        return figure_of(axes)

    def _frame(self, columns: list[Column]) -> tuple[float, float, float, float]:
        right = columns[-1].x + RADIUS + self._label_width() + (self.comparison.width if self.comparison else 0.0)
        below = min(min(column.heights) for column in columns) - RADIUS - 0.5
        return self._left(columns[0]), right, below, max(column.heights[0] for column in columns) + RADIUS + 1.0

    def _columns(self, apart: float) -> list[Column]:
        """The neurons of each layer, the layers that far apart."""
        sizes = neurons.importances(self.layers)
        spacing = 1.5 if with_numbers(self.layers) else 1.0  # room for the biases
        columns = []
        for place, size in enumerate(sizes):
            shown = None if self.activations is None else self.activations[place]
            importance = size
            if shown is not None:
                importance = [one * (abs(activation) + 1e-9) for one, activation in zip(size, shown)]
            most = max(self.most, 10) if place == len(sizes) - 1 else self.most
            if place == len(sizes) - 1 and self.comparison is not None:
                importance = [one + self.comparison.interest(i) for i, one in enumerate(size)]
            columns.append(Column.of(place * apart, importance, most, shown, spacing))
        return columns

    def _image_side(self, column: Column) -> float:
        return min(max(2.5, 0.55 * (column.heights[0] - column.heights[-1])), 6.0)

    def _left(self, column: Column) -> float:
        if self.image_shape is not None:
            rows, columns = self.image_shape
            return -(2.2 + self._image_side(column) * columns / rows) - RADIUS
        longest = max(map(len, self.names)) if self.names else 0
        return -RADIUS - 0.3 - 0.15 * longest

    def _label_width(self) -> float:
        if self.classes is None or self.n_outputs == 1:
            return 0.7
        return 0.6 + 0.17 * max(len(plain(label, 12)) for label in self.classes)

    def _draw_input(self, ax: Axes, column: Column, font_size: float) -> None:
        if self.names is not None:
            for place, y in zip(column.shown, column.heights):
                self.look.write(ax, (-RADIUS - 0.15, y), self.names[place], font_size, ha="right")
        if self.image_shape is None:
            return
        (rows, columns), theme = self.image_shape, self.look.theme
        pixel = self._image_side(column) / rows
        x0, y0 = -2.2 - pixel * columns, pixel * rows / 2
        if column.activations is not None:
            image = as_table([column.activations])[0].reshape(rows, columns)
            extent = (x0, x0 + pixel * columns, -y0, y0)
            ax.imshow(image, cmap=self.look.ink, extent=extent, interpolation="nearest", zorder=2)
        ax.add_patch(Rectangle((x0, -y0), pixel * columns, 2 * y0, fill=False, edgecolor=theme.line, zorder=3))
        for place, y in zip(column.shown, column.heights):
            row, at = divmod(place, columns)
            corner = (x0 + at * pixel, y0 - (row + 1) * pixel)
            ax.add_patch(Rectangle(corner, pixel, pixel, fill=False, edgecolor=theme.good, linewidth=1.2, zorder=4))
            middle = (corner[0] + pixel / 2, corner[1] + pixel / 2)
            ax.plot([middle[0], -RADIUS], [middle[1], y], color=theme.good, linewidth=0.6, alpha=0.5, zorder=3)
        draw_heading(ax, x0 + pixel * columns / 2, y0 + 0.15, f"image, {rows} × {columns}", font_size, self.look)

    def _draw_headings(self, ax: Axes, columns: list[Column], y: float, font_size: float) -> None:
        for place, column in enumerate(columns):
            what = "inputs" if place == 0 else "outputs" if place == len(columns) - 1 else f"layer {place - 1}"
            some = "" if len(column.shown) == column.size else f"\n{len(column.shown)} of {column.size}"
            draw_heading(ax, column.x, y, what + some, font_size, self.look)

    def _draw_output(self, ax: Axes, column: Column, y: float, font_size: float) -> None:
        if self.classes is not None and self.n_outputs > 1:
            for place, height in zip(column.shown, column.heights):
                label = plain(self.classes[place], 12)
                chosen = self.comparison is not None and self.comparison.said == place
                weight = "bold" if chosen else "normal"
                at = column.x + RADIUS + 0.2, height
                self.look.write(ax, at, label, 1.15 * font_size, ha="left", fontweight=weight)
        if self.comparison is not None:
            start = column.x + RADIUS + self._label_width()
            draw_comparison(ax, self.comparison, column, start, y, font_size, self.look)
            self.look.title(ax, self.comparison.in_words(), 1.4 * font_size, self.comparison.colour(self.look))


def _font_size(ax: Axes, width: float, height: float, fitted: bool) -> float:
    """Points: what fits into a circle."""
    across, up = _inches_of(ax)
    inches = min(across / width, up / height) if fitted else _INCHES
    return min(11.0, 72 * inches * RADIUS * 0.56)


def _inches_of(ax: Axes) -> tuple[float, float]:
    box, (width, height) = ax.get_position(), figure_of(ax).get_size_inches()
    return box.width * width, box.height * height

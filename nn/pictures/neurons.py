"""Neurons as circles and weights as lines: the layers of a network, laid out and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from nn.layers import Dropout, Sequential
from nn.mlp import Layer, Neuron
from nn.pictures.style import Look, around_zero, number

RADIUS = 0.4  # of a circle, where neurons of a layer stand 1 apart
_MOST_NUMBERED_WEIGHTS = 12
_ROUNDS = 8  # in which each number looks for a place again
_LETTER, _LINE = 0.13, 0.36  # the size of a letter, where it is as high as fits into a circle


class Place(NamedTuple):
    """The middle of a few words, and how wide they are."""

    x: float
    y: float
    width: float

    def apart(self, other: Place) -> float:
        """How far others are: from 1 on neither covers the other."""
        return max(abs(self.x - other.x) * 2 / (self.width + other.width), abs(self.y - other.y) / _LINE)


@dataclass(frozen=True)
class Column:
    """A layer as it is drawn; ``activations`` are of all its neurons, ``shown`` are the places that have a circle."""

    x: float
    size: int
    shown: list[int]
    heights: list[float]
    dots: float | None
    activations: list[float] | None

    @classmethod
    def of(
        cls, x: float, importance: Sequence[float], most: int, activations: list[float] | None, apart: float = 1.0
    ) -> Column:
        """A layer centred at height 0; of more than *most* neurons the most important, with dots in the middle."""
        size = len(importance)
        by_importance = sorted(range(size), key=lambda place: -importance[place])
        shown = sorted(by_importance[:most])
        slots: list[int | None] = [*shown]
        if size > most:
            slots.insert((most + 1) // 2, None)
        height = {slot: apart * ((len(slots) - 1) / 2 - i) for i, slot in enumerate(slots)}
        return cls(x, size, shown, [height[place] for place in shown], height.get(None), activations)


def layers_of(model: Any) -> list[list[Neuron]]:
    """The neurons of each layer; a TypeError if the model is not made of layers."""
    if isinstance(model, Neuron):
        return [[model]]
    layers = model.layers if isinstance(model, Sequential) else [model]
    layers = [layer for layer in layers if not isinstance(layer, Dropout)]  # no noise in a picture
    plain = [isinstance(layer, Layer) and type(layer).__call__ is Layer.__call__ for layer in layers]  # and no more
    if not layers or not all(plain):
        other = layers[plain.index(False)] if layers else model
        raise TypeError(f"model must be made of Layers of neurons to be drawn, got {type(other).__name__}")
    return [layer.neurons for layer in layers]


def activations_of(layers: list[list[Neuron]], x: list[float]) -> list[list[float]]:
    """The inputs, and then what each layer gives for them."""
    found = [x]
    for neurons in layers:
        found.append([neuron(found[-1]).data for neuron in neurons])
    return found


def importances(layers: list[list[Neuron]]) -> list[list[float]]:
    """For each input, and each neuron of each layer, the sizes of its weights on both sides, summed."""
    found = [[0.0] * len(layers[0][0].w)]
    for neurons in layers:
        found.append([sum(abs(weight.data) for weight in neuron.w) for neuron in neurons])
        for neuron in neurons:
            for place, weight in enumerate(neuron.w):
                found[-2][place] += abs(weight.data)
    return found


def with_numbers(layers: list[list[Neuron]]) -> bool:
    """Whether there are so few weights that each can have its number beside it."""
    return sum(len(neuron.w) for layer in layers for neuron in layer) <= _MOST_NUMBERED_WEIGHTS


def draw_weights(
    ax: Axes, layers: list[list[Neuron]], columns: list[Column], font_size: float, look: Look, taken: list[Place]
) -> None:
    """A line for each weight between two circles: its colour the sign, its width the size."""
    largest = max((abs(weight.data) for layer in layers for neuron in layer for weight in neuron.w), default=0.0) or 1.0
    numbered = with_numbers(layers)
    for neurons, left, right in zip(layers, columns, columns[1:]):
        lines = [[(left.x, start), (right.x, end)] for end in right.heights for start in left.heights]
        weights = [neurons[j].w[i].data for j in right.shown for i in left.shown]
        sizes = [abs(weight) / largest for weight in weights]
        colours = [to_rgba(look.signed(weight), 0.25 + 0.7 * size) for weight, size in zip(weights, sizes)]
        shape: dict[str, Any] = {"linewidths": [0.4 + 3.6 * size for size in sizes], "capstyle": "round"}
        shape["linestyles"] = [look.dashed(weight) for weight in weights]
        ax.add_collection(LineCollection(lines, colors=colours, zorder=1, **shape))
        if numbered:
            _number_weights(ax, weights, lines, font_size, look, taken)


def _number_weights(
    ax: Axes, weights: list[float], lines: list[Any], font_size: float, look: Look, taken: list[Place]
) -> None:
    """The number of each weight on its line, where it covers no other and nothing that is *taken*, if that can be."""
    words = [number(weight, 2) for weight in weights]
    choices = [_places_on(line, _LETTER * len(text) + 0.2) for line, text in zip(lines, words)]
    places = [on_line[0] for on_line in choices]
    for i in [*range(len(places))] * _ROUNDS:
        others = [*taken, *places[:i], *places[i + 1 :]]
        places[i] = max(choices[i], key=lambda one: min([1.0, *map(one.apart, others)]))  # of free ones the first
    taken += places
    for place, text, weight in zip(places, words, weights):
        _write(ax, place, text, weight, 0.9 * font_size, look)


def _places_on(line: Any, width: float) -> list[Place]:
    """Where a number of that width can be on a line between two circles."""
    (x0, y0), (x1, y1) = line
    margin = (RADIUS + width / 2 + 0.05) / (x1 - x0)
    shares = [0.5 + (0.5 - margin) * part / 5 for part in (-3, 3, -5, 5, 0, -1, 1, -2, 2, -4, 4)]
    return [Place(x0 + share * (x1 - x0), y0 + share * (y1 - y0), width) for share in shares]


def _write(ax: Axes, place: Place, words: str, signed: float, size: float, look: Look) -> None:
    box = {"boxstyle": "round,pad=0.12", "facecolor": look.theme.background, "edgecolor": "none"}
    look.write(ax, place[:2], words, size, look.signed(signed), zorder=4, bbox=box)


def draw_column(ax: Axes, column: Column, font_size: float, look: Look) -> None:
    """A circle for each neuron, shaded by its activation on the scale of its layer, with the number in it."""
    scale = around_zero([*(column.activations or []), 1.0])  # from 1 on, or a single small output would look large
    for place, y in zip(column.shown, column.heights):
        activation = None if column.activations is None else column.activations[place]
        draw_circle(ax, column.x, y, activation, scale, font_size, look)
    if column.dots is not None:
        look.write(ax, (column.x, column.dots), "⋮", 2.2 * font_size, look.theme.muted)


def draw_circle(ax: Axes, x: float, y: float, shown: float | None, scale: Any, font_size: float, look: Look) -> None:
    face = to_rgba(look.theme.background) if shown is None else look.pale(scale(shown))
    ax.add_patch(Circle((x, y), RADIUS, facecolor=face, edgecolor=look.theme.line, linewidth=1.0, zorder=5))
    if shown is not None:
        text = next((words for words in (number(shown, n) for n in (3, 2)) if len(words) <= 6), number(shown, 1))
        look.write(ax, (x, y), text, font_size * min(1.0, 4.6 / len(text)), look.on(face), zorder=6)


def draw_biases(
    ax: Axes, layers: list[list[Neuron]], columns: list[Column], font_size: float, look: Look
) -> list[Place]:
    """The bias under each neuron, where the network is small enough for numbers; and where these are."""
    taken = []
    for neurons, column in zip(layers, columns[1:]) if with_numbers(layers) else ():
        for index, y in zip(column.shown, column.heights):
            words = f"bias {number(neurons[index].b.data, 2)}"
            taken.append(Place(column.x, y - RADIUS - 0.22, _LETTER * len(words)))
            _write(ax, taken[-1], words, neurons[index].b.data, 0.85 * font_size, look)
    return taken


def draw_key(ax: Axes, shaded: bool, font_size: float, look: Look, inches: float) -> None:
    handles = [Line2D([], [], color=look.signed(one), linestyle=look.dashed(one), linewidth=3) for one in (1.0, -1.0)]
    labels = ["positive weight", "negative weight (thicker: larger)"]
    if shaded:
        dot: dict[str, Any] = {"marker": "o", "markersize": font_size, "linestyle": "none"}
        dot["markeredgecolor"] = look.theme.line
        handles += [Line2D([], [], color=look.pale(share), **dot) for share in (0.85, 0.15)]
        labels += ["positive activation", "negative"]
    columns = len(labels) if inches > 0.75 * font_size else 2
    look.legend(
        ax, handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=columns,
        fontsize=min(font_size, 2.2 * inches),  # two columns fit
        columnspacing=1.2, handletextpad=0.5, borderaxespad=0.2,
    )  # fmt: skip


def draw_heading(ax: Axes, x: float, y: float, text: str, font_size: float, look: Look, **options: Any) -> None:
    look.write(ax, (x, y), text, font_size, va="bottom", linespacing=1.15, **options)

"""Where the examples are images: what the first layer looks for, and what was taken for something else."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nn.module import Module
from nn.pictures.neurons import layers_of
from nn.pictures.problems import Loss, Problem, answers, classifying
from nn.pictures.style import LITERAL, SMALL, Look, Picture, around_zero, image_size, look_of, plain
from nn.targets import predicted_index
from nn.validation import check_int


def first_layer(model: Module, image_shape: tuple[int, int], *, most: int = 64, theme: str = "auto") -> Figure:
    """Draw the weights of each neuron of the first layer as an image.

    It is blue where ink excites the neuron, orange where it calms it.

    Args:
        model: an MLP, a Layer or a Neuron.
        image_shape: ``(rows, columns)`` of the images that it takes.
        most: how many neurons are drawn, the first ones.

    Raises:
        ValueError: the model takes another number of pixels.
        TypeError: the model is not made of layers of neurons.

    >>> from nn import MLP
    >>> picture = first_layer(MLP(64, [6, 10], seed=0), (8, 8))
    """
    look, neurons = look_of(theme), layers_of(model)[0]
    shape = image_size(image_shape, len(neurons[0].w))
    check_int("most", most, 1)
    weights = [np.array([weight.data for weight in neuron.w]).reshape(shape) for neuron in neurons[:most]]
    scale = around_zero(weights)
    n_columns = min(8, len(weights))
    figure, axes = _tiles(look, len(weights), n_columns, 1.1, 0.25, extra=0.9)
    for place, (ax, image) in enumerate(zip(axes, weights)):
        drawn = ax.imshow(image, cmap=look.diverging, norm=scale, interpolation="nearest")
        ax.set_title(f"neuron {place}", fontsize=SMALL, color=look.theme.muted, pad=2)
    look.bar(figure, drawn, axes, "weight")
    some = "" if len(weights) == len(neurons) else f", {len(weights)} of {len(neurons)} neurons"
    look.head(figure, f"What the first layer looks for: its weights{some}")
    return figure


def worst_mistakes(
    model: Module,
    X: Any,
    y: Any,
    image_shape: tuple[int, int],
    *,
    loss: Loss = None,
    most: int = 12,
    theme: str = "auto",
) -> Figure:
    """Draw the images that the model gets wrong, those of the largest loss first.

    Args:
        model: any Module that tells classes apart.
        X: ``(n_examples, n_pixels)`` numbers.
        image_shape: ``(rows, columns)``.
        most: how many are drawn.

    Raises:
        ValueError: another number of pixels, a model for numbers, or something else that does not fit.

    >>> from nn import MLP
    >>> model = MLP(4, [2], seed=0)
    >>> picture = worst_mistakes(model, [[0, 1, 0, 1], [1, 0, 1, 0]], [0, 1], (2, 2), loss="cross_entropy")
    """
    look = look_of(theme)
    found, _ = classifying(model, X, y, loss, "worst_mistakes")
    shape = image_size(image_shape, found.examples.table.shape[1])
    check_int("most", most, 1)
    outputs = [found.outputs(place) for place in range(len(found))]
    wrong = [place for place in range(len(found)) if not found.is_right(place, outputs[place])]
    if not wrong:
        figure = look.picture(5.0, 1.2)
        look.head(figure, f"No mistake in {len(found)} examples")
        return figure
    wrong.sort(key=lambda place: -found.example_loss(place).data)
    shown = wrong[:most]
    figure, axes = _tiles(look, len(shown), min(6, len(shown)), 1.5, 0.55, extra=0.0)
    for ax, place in zip(axes, shown):
        ax.imshow(found.examples.table[place].reshape(shape), cmap=look.ink, interpolation="nearest")
        _caption(ax, found, place, outputs[place], look)
    share = f"{len(wrong)} of {len(found)} examples are taken for something else"
    look.head(figure, share + (f"; the {len(shown)} worst" if len(shown) < len(wrong) else ""))
    return figure


def _caption(ax: Axes, found: Problem, place: int, outputs: list[float], look: Look) -> None:
    """What the model says, how sure it is, and what is right."""
    said, right = plain(found.said(outputs), 10), plain(found.right_answer(place), 10)
    sure = ""
    if found.loss == "cross_entropy":
        sure = f" ({100 * max(answers(found.loss, outputs)):.0f}%)"
    elif found.loss == "binary_cross_entropy":
        probability = answers(found.loss, outputs)[0]
        sure = f" ({100 * (probability if predicted_index(outputs) else 1 - probability):.0f}%)"
    ax.set_title(f"says {said}{sure}", fontsize=SMALL, color=look.theme.negative_ink, pad=3, **LITERAL)
    ax.set_xlabel(f"is {right}  ·  example {place}", fontsize=SMALL - 1, color=look.theme.text, labelpad=3, **LITERAL)


def _tiles(look: Look, n: int, n_columns: int, side: float, gap: float, extra: float) -> tuple[Picture, list[Axes]]:
    """A figure with square places for *n* images."""
    n_rows = -(-n // n_columns)
    figure = look.picture(max(4.6, n_columns * side + extra), n_rows * (side + gap) + 0.5)
    axes = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for ax in axes[n:]:
        ax.remove()
    for ax in axes[:n]:
        look.clear_frame(ax)
    return figure, axes[:n]

"""The outputs beside what they should have been: the comparison that backprop starts from."""

from copy import copy
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from engine import Value
from nn.losses import LOGITS, LossFunction
from nn.pictures.neurons import Column, draw_circle, draw_heading
from nn.pictures.problems import answers, loss_of
from nn.pictures.style import Look, around_zero, number, plain
from nn.targets import Label, are_answers, encode_targets, predicted_index

_APART = 1.75


@dataclass(frozen=True)
class Comparison:
    """What one example gives and should give; of ``wanted`` on without a target there is nothing."""

    outputs: list[float]
    probabilities: list[float] | None  # what the outputs say, where they are logits
    wanted: list[float | str] | None  # what each output, or probability, should have been
    changes: list[float] | None  # minus the derivative of the loss with respect to each output
    loss: float | None
    said: int | None  # the place of the class that the outputs stand for
    right: int | None  # the place of the right class
    classes: list[Label] | None

    @property
    def width(self) -> float:
        return _APART * ((self.probabilities is not None) + 2 * (self.wanted is not None))

    def interest(self, place: int) -> float:
        """Lifts the outputs that matter most over those that only have large weights."""
        return 1e9 if place in (self.said, self.right) else 0.0

    def is_right(self) -> bool | None:
        return None if self.right is None else self.said == self.right

    def colour(self, look: Look) -> str:
        theme = look.theme
        return {None: theme.text, True: theme.good, False: theme.negative_ink}[self.is_right()]

    def in_words(self) -> str:
        """The verdict in a line."""
        words = []
        if self.classes is not None and self.said is not None:
            words.append(f"says {plain(self.classes[self.said])}")
            if self.right is not None:
                words[0] += ", right" if self.is_right() else f", but it is {plain(self.classes[self.right])}"
        elif len(self.outputs) == 1:
            words.append(f"says {number(self.outputs[0])}")
        if self.loss is not None:
            words.append(f"loss {number(self.loss)}")
        return "; ".join(words)


def compared(
    outputs: list[float], target: Any, loss: str, function: LossFunction, classes: list[Label] | None
) -> Comparison:
    """Compare outputs with a target, if there is one; a ValueError if that does not fit."""
    probabilities = answers(loss, outputs) if loss in LOGITS else None
    if target is None:
        said = None if classes is None or are_answers(loss, len(outputs)) else predicted_index(outputs)
        return Comparison(outputs, probabilities, None, None, None, said, None, classes)
    targets = encode_targets(loss, [target], len(outputs), classes, "target")
    encoded = targets.encoded[0]
    leaves = [Value(output) for output in outputs]
    given = leaves[0] if len(leaves) == 1 else [*leaves]  # lists that a loss of the user's may change
    root = loss_of(function, given, copy(encoded))
    root.backward()
    indices = targets.class_indices()
    said, right = (None, None) if indices is None else (predicted_index(outputs), int(indices[0]))
    wanted, changes = _wanted(loss, encoded, len(outputs)), [0.0 - leaf.grad for leaf in leaves]
    return Comparison(outputs, probabilities, wanted, changes, root.data, said, right, targets.classes)


def _wanted(loss: str, encoded: Any, n_outputs: int) -> list[float | str]:
    """What each output, or its probability, should have been."""
    if loss == "hinge" and n_outputs == 1:
        return ["≥ 1" if encoded > 0 else "≤ −1"]
    if loss == "hinge":
        return ["largest" if place == encoded else "smaller" for place in range(n_outputs)]
    if loss == "cross_entropy" and not isinstance(encoded, list):
        return [float(place == encoded) for place in range(n_outputs)]
    numbers = [float(t) for t in encoded] if isinstance(encoded, list) else [float(encoded)]
    return [*numbers] if len(numbers) == n_outputs else ["–"] * n_outputs  # a loss of the user's takes any count


def draw_comparison(
    ax: Axes, comparison: Comparison, column: Column, x: float, y: float, font_size: float, look: Look
) -> None:
    """Columns at the right of the outputs: probability, what it should be, and the change wanted."""
    x += 0.55
    if comparison.probabilities is not None:
        whose = "as a\nprobability"
        if comparison.classes is not None and len(comparison.outputs) == 1:
            whose = f"probability\nof {plain(comparison.classes[1], 10)}"
        draw_heading(ax, x, y, whose, font_size, look)
        _draw_numbers(ax, comparison.probabilities, column, x, font_size, look)
        x += _APART
    if comparison.wanted is None or comparison.changes is None:
        return
    draw_heading(ax, x, y, "should\nbe", font_size, look, fontweight="bold")
    _draw_numbers(ax, comparison.wanted, column, x, font_size, look)
    x += _APART
    draw_heading(ax, x, y, "change\nwanted", font_size, look, fontweight="bold")
    for place, height in zip(column.shown, column.heights):
        change = comparison.changes[place]
        small = abs(change) < 0.005
        arrow = "·" if small else "▲" if change > 0 else "▼"
        colour = look.theme.text if small else look.signed(change)
        text = arrow if small else f"{arrow} {number(change)}"
        look.write(ax, (x, height), text, 1.1 * font_size, colour)


def _draw_numbers(ax: Axes, shown: Any, column: Column, x: float, font_size: float, look: Look) -> None:
    numbers = [item for item in shown if isinstance(item, float)]
    scale = around_zero([*numbers, 1.0])
    for place, height in zip(column.shown, column.heights):
        item = shown[place]
        if isinstance(item, float):
            draw_circle(ax, x, height, item, scale, font_size, look)
        else:
            look.write(ax, (x, height), item, font_size)

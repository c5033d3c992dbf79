"""Colours of a picture: light, dark, and for print."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from engine.validation import check_choice


class Theme:
    """A column of ``_COLOURS`` as attributes, and widths of lines in points. The stepper and the site use the same.

    ``neutral`` is behind a gradient of 0, ``positive`` and ``negative`` behind the largest. Text on its fill has a
    contrast of 4.5, a line on what is around it 3. Lines and numbers of a sign, and what is right, have their own inks.
    """

    clusters: tuple[str, str]

    def __init__(self, column: int, width: float = 0.9, dashed_negative: bool = False) -> None:
        vars(self).update({name: shades[column] for name, shades in _COLOURS.items()})
        self.width, self.dashed_negative = width, dashed_negative

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> str: ...

    def fill(self, gradient: float, largest: float) -> str:
        """The colour of a gradient beside the *largest* in the picture; NaN and infinity have a separate one."""
        strength = tint_strength(gradient, largest)
        if strength is None:
            return self.strange
        return mix_colours(self.neutral, self.positive if strength > 0.0 else self.negative, abs(strength))


def largest_size(gradients: Iterable[float]) -> float:
    """The size of the largest finite gradient, 0 if there is none."""
    return max((abs(gradient) for gradient in gradients if math.isfinite(gradient)), default=0.0)


def tint_strength(gradient: float, largest: float) -> float | None:
    """How strongly a gradient is coloured, from -1 to 1; None for NaN and infinity."""
    if not math.isfinite(gradient):
        return None
    # the square root keeps small gradients visible: a hundredth of the largest has a tenth of its colour
    return math.copysign(math.sqrt(abs(gradient) / largest), gradient) if largest > 0.0 else 0.0


def mix_colours(a: str, b: str, share: float) -> str:
    pairs = [(int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in pairs)


_COLOURS: dict[str, tuple[Any, Any, Any]] = {  # light, dark, print, as #rrggbb
    "background": ("#ffffff", "#14181f", "#ffffff"),
    "text": ("#1c2733", "#e8edf3", "#000000"),
    "muted": ("#566575", "#a3b1c0", "#3c3c3c"),
    "line": ("#74828f", "#7f8e9d", "#000000"),
    "leaf": ("#fff5d9", "#37301c", "#ffffff"),
    "leaf_line": ("#a98427", "#9c8238", "#000000"),
    "result": ("#eef4fb", "#1d2b3b", "#ffffff"),
    "result_line": ("#5f86b0", "#5c84ac", "#000000"),
    "positive_ink": ("#0b5cad", "#79bcff", "#000000"),
    "negative_ink": ("#b34700", "#ffab66", "#000000"),
    "good": ("#146c3c", "#74d69c", "#000000"),
    "neutral": ("#ffffff", "#14181f", "#ffffff"),
    "positive": ("#86bdec", "#1d66a6", "#c6c6c6"),
    "negative": ("#f9b168", "#a4560f", "#c6c6c6"),
    "strange": ("#e7a6d8", "#8c3a7c", "#ffffff"),
    "operation": ("#3b6ea5", "#3f76b0", "#000000"),
    "operation_text": ("#ffffff", "#ffffff", "#ffffff"),
    "folded": ("#e9edf2", "#303b47", "#f0f0f0"),
    "clusters": (("#f6f8fa", "#eceff3"), ("#181e25", "#1f262e"), ("#ffffff", "#ffffff")),
    "picked": ("#b3006b", "#ff7ac6", "#000000"),
    "faded": ("#7d8894", "#66727f", "#8c8c8c"),
    "faded_text": ("#5e6a76", "#8290a0", "#707070"),
}
THEMES = {"light": Theme(0), "dark": Theme(1), "print": Theme(2, width=0.5, dashed_negative=True)}


def check_look(direction: str, theme: str) -> Theme:
    """The colours of a theme, those of ``"light"`` for ``"auto"``; a ValueError for another theme or direction."""
    check_choice("direction", direction, ("LR", "TB", "RL", "BT"))
    check_choice("theme", theme, ("auto", *THEMES))
    return THEMES["light" if theme == "auto" else theme]


def dark_rules(gradients: Iterable[float], largest: float) -> str:
    """Rules of CSS that show an SVG in light colours, with these gradients, in dark ones to readers who want that."""
    light, dark = THEMES["light"], THEMES["dark"]
    elsewhere = ("clusters", "positive_ink", "negative_ink", "good")
    colours = {name: (pair[0], pair[1]) for name, pair in _COLOURS.items() if name not in elsewhere}
    letters = [colours.pop(name) for name in ("text", "muted", "operation_text", "faded_text")]
    shapes = [*colours.values(), *zip(light.clusters, dark.clusters)]
    shapes += [(light.fill(gradient, largest), dark.fill(gradient, largest)) for gradient in gradients]
    rules = [f'text[fill="{a}"]{{fill:{b}}}' for a, b in [*letters, colours["picked"]]]
    for a, b in dict(shapes).items():
        rules.append(f':not(text)[fill="{a}"]{{fill:{b}}}[stroke="{a}"]{{stroke:{b}}}')
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"

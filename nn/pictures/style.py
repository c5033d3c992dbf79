"""How all pictures look: colours that the colour-blind tell apart, text that stays text, figures that show themselves.

Colours of more than two classes follow Okabe and Ito (2008).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from engine import Value
from engine.drawing.themes import THEMES, Theme
from engine.expressions.nodes import Number
from engine.expressions.writers import picture_text
from nn.module import Module
from nn.pictures.dark import following
from nn.validation import check_choice, described, shortened

MARKERS = ["o", "s", "^", "D", "v", "P", "X", "p", "*", "h"]
TITLE, TEXT, SMALL = 13.0, 11.0, 10.0
"""Sizes of letters in points: such as can be read where a figure of 6 to 8 inches fills a slide."""
LITERAL: dict[str, Any] = {"parse_math": False, "usetex": False}
"""Options of a text in which ``$`` and ``_`` are to mean themselves."""


@dataclass(frozen=True)
class Look:
    """The colours of a picture in a theme of ``engine.draw``, and what is drawn in them.

    ``diverging`` has 0 in its middle; ``pale`` is the same behind numbers and examples. ``costs`` begins with the
    lowest cost, ``amounts`` is for numbers without a sign, ``ink`` for the pixels of an image. In print negative
    numbers are dark, 0 is grey and positive numbers are white; lines of negative numbers are dashed. ``dark`` is the
    theme that pictures have in a dark notebook, if it is another one.
    """

    theme: Theme
    diverging: LinearSegmentedColormap
    pale: LinearSegmentedColormap
    costs: Colormap
    amounts: Colormap
    ink: Colormap
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    marker_edge: str
    dashes: Any = "solid"
    dark: Theme | None = None

    def signed(self, number: float) -> str:
        """The colour of a line, or of a number as text."""
        return self.theme.positive_ink if number >= 0.0 else self.theme.negative_ink

    def dashed(self, number: float) -> Any:
        """The style of a line for a number of this sign."""
        return "solid" if number >= 0.0 else self.dashes

    def on(self, rgba: Any) -> str:
        """Black or white letters: those with the higher contrast on that colour, 4.5 at least."""
        return "#ffffff" if _luminance(rgba) < 0.18 else "#000000"

    def picture(self, width: float, height: float, layout: Any = "constrained") -> Picture:
        made = Picture(figsize=(width, height), layout=layout, facecolor=self.theme.background)
        made.follows = self.dark is not None
        return made

    def title(self, ax: Axes, text: str, size: float = TITLE, colour: str = "") -> None:
        ax.set_title(text, loc="left", fontsize=size, color=colour or self.theme.text, **LITERAL)

    def head(self, figure: Figure, text: str) -> None:
        figure.suptitle(text, x=0.01, ha="left", fontsize=TITLE, color=self.theme.text, **LITERAL)

    def write(self, ax: Axes, at: tuple[float, float], words: str, size: float, colour: str = "", **more: Any) -> None:
        """Write words around a point, as they are."""
        options: dict[str, Any] = {"ha": "center", "va": "center", "color": colour or self.theme.text, **LITERAL}
        ax.text(*at, words, fontsize=size, **(options | more))

    def clear_frame(self, ax: Axes) -> None:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_color(self.theme.line)

    def name_axes(self, ax: Axes, x: str, y: str) -> None:
        """Name both axes, with no frame above and at the right."""
        ax.set_xlabel(x, fontsize=TEXT, color=self.theme.text, **LITERAL)
        ax.set_ylabel(y, fontsize=TEXT, color=self.theme.text, **LITERAL)
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(self.theme.line)
        ax.tick_params(labelsize=SMALL, colors=self.theme.line, labelcolor=self.theme.text)
        ax.set_facecolor(self.theme.background)

    def name_ticks(self, axis: Axis, places: Sequence[float], names: Sequence[str], **options: Any) -> None:
        axis.set_ticks(places, names, fontsize=SMALL, color=self.theme.text, **LITERAL, **options)

    def grid(self, ax: Axes) -> None:
        ax.grid(color=self.theme.line, linewidth=0.5, alpha=0.35)

    def bar(self, figure: Figure, drawn: Any, ax: Any, name: str = "", **options: Any) -> None:
        """A scale of colours beside the axes, with round ticks."""
        ticks = MaxNLocator(6)
        bar = figure.colorbar(drawn, ax=ax, ticks=ticks, **{"fraction": 0.05, "pad": 0.02, "aspect": 30} | options)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=SMALL, colors=self.theme.line, labelcolor=self.theme.text)
        bar.ax.yaxis.get_offset_text().set_color(self.theme.text)
        if name:
            bar.set_label(name, fontsize=SMALL, color=self.theme.text, **LITERAL)

    def legend(self, ax: Axes, handles: Sequence[Any], labels: Sequence[str], **options: Any) -> None:
        """A legend whose labels are shown as they are (matplotlib drops those that start with ``_``)."""
        look: dict[str, Any] = {"fontsize": SMALL, "frameon": False} | options
        keys = ax.legend(list(handles), [str(i) for i in range(len(handles))], **look)
        keys.get_title().set_color(self.theme.text)
        for text, label in zip(keys.get_texts(), labels):
            text.set_parse_math(False)
            text.set_usetex(False)
            text.set_text(label)
            text.set_color(self.theme.text)

    def axes(self, ax: Axes | None, width: float, height: float) -> Axes:
        return self.picture(width, height).add_subplot() if ax is None else ax


def look_of(theme: str, ax: Axes | None = None) -> Look:
    """The look for a theme; a ValueError if there is none, and a TypeError for axes that are none.

    ``"auto"`` is light, but dark on axes of a dark figure, and in a new picture in a dark notebook.
    """
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax must be axes of matplotlib, got {described(ax)}")
    check_choice("theme", theme, ("auto", *THEMES))
    if theme == "auto":
        if ax is None:
            return replace(_LOOKS["light"], dark=THEMES["dark"])
        theme = "dark" if _luminance(to_rgba(figure_of(ax).get_facecolor())) < 0.18 else "light"
    return _LOOKS[theme]


def _luminance(rgba: Any) -> float:
    """The relative luminance of a colour, from 0 to 1 (WCAG 2)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgba[:3])
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def _look(name: str, diverging: Sequence[str], costs: str, **others: Any) -> Look:
    theme = THEMES[name]
    scale = LinearSegmentedColormap.from_list("gradstep", list(diverging))
    background = np.array(to_rgba(theme.background))
    pale = background + 0.55 * (scale(np.linspace(0.0, 1.0, 65)) - background)
    bright = ListedColormap(colormaps[costs](np.linspace(0.0, 0.8, 256)), "costs")
    return Look(theme, scale, LinearSegmentedColormap.from_list("gradstep pale", pale), bright, **others)


def _signs(name: str) -> tuple[str, ...]:
    theme = THEMES[name]
    return theme.negative_ink, theme.negative, theme.neutral, theme.positive, theme.positive_ink


_LOOKS = {
    "light": _look(
        "light", _signs("light"), "YlGnBu", amounts=colormaps["viridis"], ink=colormaps["gray_r"],
        marker_edge="#ffffff",
        classes=("#b34700", "#0b5cad", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8a8a00", "#444444"),
        paths=("#d55e00", "#111111", "#b5006b", "#f0c400", "#007a5a", "#7a5195"),
    ),
    "dark": _look(
        "dark", _signs("dark"), "YlGnBu_r", amounts=colormaps["viridis"], ink=colormaps["gray"], marker_edge="#14181f",
        classes=("#ffab66", "#79bcff", "#33c79a", "#e6a3c8", "#f0c64a", "#2f8fd0", "#b79bd6", "#c4c440", "#c0c0c0"),
        paths=("#ffab66", "#ffffff", "#ff7ac6", "#f0e442", "#74d69c", "#cdb4ee"),
    ),
    "print": _look(
        "print", ("#262626", "#707070", "#bdbdbd", "#e4e4e4", "#ffffff"), "Greys", amounts=colormaps["Greys"],
        ink=colormaps["gray_r"], marker_edge="#000000", classes=("#000000", "#ffffff", "#8c8c8c", "#d0d0d0", "#4a4a4a"),
        paths=("#000000", "#555555"), dashes=(0, (3.0, 1.5)),
    ),
}  # fmt: skip

DIVERGING = _LOOKS["light"].diverging
"""The colours of positive and negative numbers on a light page, for your pictures."""

_PIXELS_PER_INCH = 80  # in a notebook
_SHARPNESS = 2  # pixels of the picture for one of the notebook's, for screens that are finer


class Picture(Figure):
    """A figure that shows itself in Jupyter, with no pyplot and no backend chosen."""

    follows = False  # whether it is dark where the notebook is

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        width, height = (round(inches * _PIXELS_PER_INCH) for inches in self.get_size_inches())
        return png_of(self, _PIXELS_PER_INCH * _SHARPNESS), {"width": width, "height": height}

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
        """The picture, drawn once, and inside of an SVG that is dark where the notebook is."""
        png, size = self._repr_png_()
        data = {"image/png": base64.b64encode(png).decode("ascii")}
        if self.follows:
            data["image/svg+xml"] = following(data["image/png"], **size)
        return data, {"image/png": size}


def png_of(figure: Figure, dots_per_inch: float) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch)
    return buffer.getvalue()


def figure_of(ax: Axes) -> Figure:
    found: Any = ax.figure
    while found.figure is not found:
        found = found.figure
    return found  # type: ignore[no-any-return]


def plain(text: object, most: int = 24) -> str:
    """A label as one short line that can be printed: it may come from anywhere."""
    said = text if isinstance(text, str) else str(text)
    said = "".join(c if c.isprintable() else " " for c in said)
    half = (most - 1) // 2
    return said if len(said) <= most else f"{said[:half]}…{said[-half:]}"


def check_names(names: Any, n_inputs: int, most: int) -> list[str]:
    """A name of at most so many letters for each input; a ValueError if there are not as many."""
    if isinstance(names, str) or not hasattr(names, "__len__") or len(names) != n_inputs:
        raise ValueError(f"input_names must be a list of {n_inputs} names, one for each input, got {shortened(names)}")
    return [plain(name, most) for name in names]


def around_zero(numbers: Any, share: float = 1.0) -> Normalize:
    """A scale for DIVERGING with 0 in its middle, up to the largest size, or to that quantile of the sizes."""
    sizes = np.abs(np.asarray(numbers, dtype=float))
    sizes = sizes[np.isfinite(sizes)]
    largest = float(np.quantile(sizes, share)) if sizes.size else 0.0
    largest = largest or (float(sizes.max()) if sizes.size else 0.0) or 1.0
    return Normalize(-largest, largest)


def number(x: float, precision: int = 3) -> str:
    """A number as ``engine.draw`` writes it, with fewer digits: ``−0.123``, ``1e−05``, ``1234``."""
    whole = len(str(int(abs(x)))) if abs(x) < 1e6 else 0
    return picture_text(Number(x), max(precision, whole))


def image_size(image_shape: Any, n_numbers: int) -> tuple[int, int]:
    """Rows and columns of an image; a ValueError if they are none, or have another number of pixels."""
    pair = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(pair) != 2 or not all(hasattr(n, "__index__") and not isinstance(n, bool) and n > 0 for n in pair):
        raise ValueError(f"image_shape must be a pair (rows, columns), such as (8, 8), got {shortened(image_shape)}")
    rows, columns = int(pair[0]), int(pair[1])
    if rows * columns != n_numbers:
        raise ValueError(f"image_shape: {rows} x {columns} is {rows * columns} pixels, but an example has {n_numbers}")
    return rows, columns


@contextmanager
def undisturbed(model: Module) -> Iterator[list[Value]]:
    """The model's parameters; their numbers and gradients are afterwards what they were before."""
    parameters = model.parameters()
    before = [(parameter.data, parameter.grad) for parameter in parameters]
    try:
        yield parameters
    finally:
        for parameter, (data, grad) in zip(parameters, before):
            parameter.data, parameter.grad = data, grad

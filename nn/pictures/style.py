"""How all pictures look: colours that the colour-blind tell apart, text that stays text, figures that show themselves.

Blue is positive and orange negative everywhere, white is 0. The single colours are those of Okabe and Ito (2008).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from engine import Value
from nn.validation import shortened

if TYPE_CHECKING:
    from nn.module import Module

POSITIVE, NEGATIVE = "#0072B2", "#D55E00"
RIGHT, WRONG = "#007A5A", "#B3420B"
INK, FAINT, RULE = "#222222", "#6B6B6B", "#D0D0D0"
CLASS_COLOURS = ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#8A8A00", "#444444"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "p", "*", "h"]
DIVERGING = LinearSegmentedColormap.from_list("gradstep", ["#A84300", "#F0A36B", "#FFFFFF", "#6DB3DC", "#00527F"])

PALE = LinearSegmentedColormap.from_list("gradstep pale", 1.0 - 0.55 * (1.0 - DIVERGING(np.linspace(0.0, 1.0, 65))))
"""DIVERGING as a background."""

_PIXELS_PER_INCH = 80  # in a notebook
_SHARPNESS = 2  # pixels of the picture for one of the notebook's, for screens that are finer


class Picture(Figure):
    """A figure that shows itself in Jupyter, with no pyplot and no backend chosen."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The picture and its size on the page."""
        width, height = (round(inches * _PIXELS_PER_INCH) for inches in self.get_size_inches())
        return png_of(self, _PIXELS_PER_INCH * _SHARPNESS), {"width": width, "height": height}


def png_of(figure: Figure, dots_per_inch: float) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch)
    return buffer.getvalue()


def picture(width: float, height: float, layout: Any = "constrained") -> Picture:
    """An empty light figure of that size in inches."""
    return Picture(figsize=(width, height), layout=layout, facecolor="white")


def axes_or_new(ax: Axes | None, width: float, height: float, layout: Any = "constrained") -> Axes:
    """The axes that were given, or those of a new picture."""
    return picture(width, height, layout).add_subplot() if ax is None else ax


def check_axes(ax: Any) -> None:
    """Refuse what is neither axes nor None.

    Raises:
        TypeError: it is something else.
    """
    if ax is not None and not isinstance(ax, Axes):
        raise TypeError(f"ax: axes of matplotlib are wanted, not {type(ax).__name__} {shortened(ax)}")


def figure_of(ax: Axes) -> Figure:
    """The whole figure that these axes stand in."""
    found: Any = ax.figure
    while found.figure is not found:
        found = found.figure
    return found  # type: ignore[no-any-return]


def plain(text: object, most: int = 24) -> str:
    """A label as one short line that can be printed: it may come from anywhere.

    >>> plain("two\\nlines"), plain("x" * 50, most=9)
    ('two lines', 'xxxx…xxxx')
    """
    said = text if isinstance(text, str) else str(text)
    said = "".join(c if c.isprintable() else " " for c in said)
    half = (most - 1) // 2
    return said if len(said) <= most else f"{said[:half]}…{said[-half:]}"


def literal() -> dict[str, Any]:
    """Options of a text in which ``$`` and ``_`` are to mean themselves."""
    return {"parse_math": False, "usetex": False}


def titled(ax: Axes, text: str, size: float = 12, colour: str = INK) -> None:
    """Put a title over the left end of the axes."""
    ax.set_title(text, loc="left", fontsize=size, color=colour, **literal())


def named_axes(ax: Axes, x: str, y: str) -> None:
    """Name both axes, with no frame above and at the right."""
    ax.set_xlabel(x, fontsize=10, color=INK, **literal())
    ax.set_ylabel(y, fontsize=10, color=INK, **literal())
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(FAINT)
    ax.tick_params(labelsize=9, colors=FAINT, labelcolor=INK)
    ax.set_facecolor("white")


def legend(ax: Axes, handles: Sequence[Any], labels: Sequence[str], **options: Any) -> None:
    """A legend whose labels are shown as they are (matplotlib drops those that start with ``_``)."""
    keys = ax.legend(
        list(handles), [str(i) for i in range(len(handles))], **{"fontsize": 9, "frameon": False} | options
    )
    for text, label in zip(keys.get_texts(), labels):
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_text(label)
        text.set_color(INK)


def around_zero(numbers: Any, share: float = 1.0) -> Normalize:
    """A scale for DIVERGING with 0 in its middle, up to the largest size, or to that quantile of the sizes."""
    sizes = np.abs(np.asarray(numbers, dtype=float))
    sizes = sizes[np.isfinite(sizes)]
    largest = float(np.quantile(sizes, share)) if sizes.size else 0.0
    largest = largest or (float(sizes.max()) if sizes.size else 0.0) or 1.0
    return Normalize(-largest, largest)


def on_colour(rgba: Any) -> str:
    """Black or white: the one that can be read on that colour (relative luminance of WCAG 2, simplified)."""
    red, green, blue = rgba[:3]
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5 else INK


def number(x: float) -> str:
    """A number in few characters, with a true minus sign.

    >>> number(-0.1234), number(12345.0), number(0.00001), number(0.0)
    ('−0.12', '1.2e+04', '1e-05', '0')
    """
    if x == 0.0:
        return "0"
    size = abs(x)
    text = f"{x:.2f}" if 0.005 <= size < 100 else f"{x:.0f}" if 100 <= size < 10_000 else f"{x:.2g}"
    return "−" + text[1:] if text.startswith("-") else text


def image_size(image_shape: Any, n_numbers: int, what: str) -> tuple[int, int]:
    """Rows and columns of an image, checked against how many numbers there are.

    Raises:
        ValueError: it is no pair of whole numbers above 0, or has another number of pixels.
    """
    pair = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(pair) != 2 or not all(hasattr(n, "__index__") and not isinstance(n, bool) and n > 0 for n in pair):
        raise ValueError(f"image_shape: a pair (rows, columns) is wanted, such as (8, 8), not {shortened(image_shape)}")
    rows, columns = int(pair[0]), int(pair[1])
    if rows * columns != n_numbers:
        raise ValueError(f"image_shape: {rows} x {columns} is {rows * columns} pixels, but {what} has {n_numbers}")
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

"""Figures that are light or dark as the page around them is: one picture, and a rule for its colours in the dark."""

import base64
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import FigureBase

from engine.drawing.themes import THEMES

_HALF_A_TURN = np.array([[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]])
"""Turns hues by 180 degrees, as ``hue-rotate`` of the W3C's Filter Effects does; grey stays as it is."""
_WIDEST = 900  # pixels of a cell in JupyterLab, in a window of 1366
_PNG, _SVG = "image/png", "image/svg+xml"


def dark_colours() -> tuple[np.ndarray, np.ndarray]:
    """A matrix and what is added to it: the colour, red, green and blue from 0 to 1, that another has in the dark.

    White becomes the background of ``draw``'s dark theme, black white; each colour keeps its hue.
    """
    room = 1.0 - np.array(to_rgb(THEMES["dark"].background))
    return -room[:, None] * _HALF_A_TURN, np.ones(3)


def following(png: bytes | str, width: float, height: float) -> str:
    """An SVG of that size, in pixels, that shows a PNG file, or its base64, in dark colours where its page is dark.

    A wide picture is scaled down: JupyterLab does so with a PNG, and would cut an SVG off.
    """
    scale = min(1.0, _WIDEST / width)
    width, height = round(scale * width), round(scale * height)
    text = png if isinstance(png, str) else base64.b64encode(png).decode("ascii")
    matrix, added = dark_colours()
    rows = [f"{' '.join(f'{number:.4g}' for number in row)} 0 {more:g}" for row, more in zip(matrix, added)]
    size = f'width="{width}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width} {height}">'
        "<style>@media (prefers-color-scheme:dark){.gradstep-follows{filter:url(#gradstep-dark)}}</style>"
        '<filter id="gradstep-dark" x="0" y="0" width="1" height="1" color-interpolation-filters="sRGB">'
        f'<feColorMatrix values="{" ".join(rows)} 0 0 0 1 0"/></filter>'
        f'<image class="gradstep-follows" {size} href="data:{_PNG};base64,{"".join(text.split())}"/></svg>'
    )


def follow_theme() -> None:
    """Let each figure of matplotlib be as light or dark as its notebook.

    A figure that was drawn for a light page is shown with black and white exchanged in a dark one, and other colours
    lighter or darker. Outside of Jupyter nothing happens.

    >>> follow_theme()
    """
    try:
        from IPython import get_ipython
    except ModuleNotFoundError:
        return
    formatter = getattr(get_ipython(), "display_formatter", None)
    if formatter is None:
        return

    def show(figure: Any) -> str | None:
        """The figure as the notebook shows it, inside of an SVG."""
        shown = formatter.formatters[_PNG](figure)
        if shown is None:
            return None
        png, size = shown if isinstance(shown, tuple) else (shown, {})
        width, height = size_of(base64.b64decode(png) if isinstance(png, str) else png)
        return following(png, size.get("width", width), size.get("height", height))

    formatter.formatters[_SVG].for_type(FigureBase, show)  # matplotlib's own support drops what it finds for Figure


def size_of(png: bytes) -> tuple[int, int]:
    """The width and height that a PNG file begins with, in pixels."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")

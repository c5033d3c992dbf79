"""Pictures one after the other: as a page with buttons, and as an animation. The page's parts are files beside this."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from matplotlib.figure import Figure

from engine.drawing.themes import Theme
from engine.stepping.outputs import Output, script_showing
from engine.stepping.page import embed_json, name_of
from nn.pictures.dark import following, size_of

_COLOURS = 128  # of a frame: a file of few colours is a third as large, and these pictures have few


@dataclass(frozen=True)
class Frame:
    """A picture as PNG, and what it shows in words, for those who cannot see it."""

    png: bytes
    words: str

    @classmethod
    def of(cls, figure: Figure, words: str, dots_per_inch: float) -> Frame:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        figure.set_dpi(dots_per_inch)
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        image: Any = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
        few = image.convert("RGB").quantize(_COLOURS, Image.Quantize.FASTOCTREE)
        palette, place = few.getpalette(), 3 * few.getpixel((0, 0))
        palette[place : place + 3] = image.getpixel((0, 0))[:3]  # the background of the page, not a colour close to it
        few.putpalette(palette)
        buffer = io.BytesIO()
        few.save(buffer, format="PNG")
        return cls(buffer.getvalue(), words)

    def output(self, follows: bool) -> Output:
        """The picture as a notebook's output; dark in a dark one if it *follows* it."""
        picture = {"image/png": base64.b64encode(self.png).decode("ascii")}
        return picture | ({"image/svg+xml": following(self.png, *size_of(self.png))} if follows else {})


def fragment(frames: list[Frame], at: int, theme: Theme, dark: Theme | None = None, tall: Sequence[Frame] = ()) -> str:
    """HTML: the frame *at*, and buttons to the others; in the colours of *dark* where the page is.

    Without scripts that one frame and its words remain, with no dead buttons. The *tall* frames, if there are any, are
    shown in a narrow window.
    """
    html, _ = _still(frames, at, theme, dark, tall)
    return f"{html}<script>{_part('frames.js')}</script>"


def script(frames: list[Frame], at: int, theme: Theme, dark: Theme | None = None) -> str:
    """JavaScript that shows the same in a notebook's output."""
    return script_showing(*_still(frames, at, theme, dark, ()), _part("frames.js"))


def _still(frames: list[Frame], at: int, theme: Theme, dark: Theme | None, tall: Sequence[Frame]) -> tuple[str, str]:
    """HTML that the script has not yet begun, and the name of its page."""
    pictures, narrow = ([_address(frame.png, dark is not None) for frame in each] for each in (frames, tall))
    fields = {"paper": "background", "ink": "text", "line": "line", "accent": "positive_ink"}
    colours = ";".join(f"--{name}:{_colour(field, theme, dark)}" for name, field in fields.items())
    content = {"pictures": pictures, "tall": narrow, "words": [frame.words for frame in frames], "at": at}
    data = embed_json(content)
    page = name_of(data)
    still = {"picture": pictures[at], "words": escape(frames[at].words), "at": str(at), "last": str(len(frames) - 1)}
    parts = {"page": page, "style": _part("frames.css"), "colours": colours, "frames": data}
    return _filled(_part("frames.html"), **still, **parts), page


def document(frames: list[Frame], at: int, theme: Theme, dark: Theme | None = None, tall: Sequence[Frame] = ()) -> str:
    """A whole page that needs no other file and no network; in the colours of *dark* on a dark system."""
    scheme = "light dark" if dark else "normal"
    paper = _colour("background", theme, dark)
    return _filled(_part("page.html"), body=fragment(frames, at, theme, dark, tall), paper=paper, scheme=scheme)


def animation(frames: list[Frame], seconds: float) -> bytes:
    """An endless GIF; its last frame stays for a while."""
    from PIL import Image

    first, *others = [Image.open(io.BytesIO(frame.png)) for frame in frames]
    each = round(1000 * seconds)
    durations = [*[each] * len(others), max(1500, each)]
    buffer = io.BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=others, duration=durations, loop=0, disposal=1)
    return buffer.getvalue()


def _colour(field: str, theme: Theme, dark: Theme | None) -> str:
    light = str(getattr(theme, field))
    return f"light-dark({light}, {getattr(dark, field)})" if dark else light


def _address(png: bytes, follows: bool) -> str:
    """The picture as a data address; dark on a dark page if it *follows* it."""
    if follows:
        return "data:image/svg+xml," + quote(following(png, *size_of(png)), safe="=:;,/+ ()@{}-.")
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _part(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _filled(template: str, **parts: str) -> str:
    """The template with each ``{{name}}`` replaced, in one pass: what is put in is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)

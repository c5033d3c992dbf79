"""The walk as an animated GIF for a slide: a picture for each step, all on the same layout, the chain rule below."""

from __future__ import annotations

import io
import math
import operator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.drawing.themes import THEMES, Theme, largest_size, mix_colours
from engine.expressions.nodes import format_number
from engine.expressions.writers import text
from engine.operations import CONSTANT
from engine.stepping.layout import LINE, MORE, Box, Layout, Route, shown_name
from engine.stepping.walk import Walk
from engine.steps import Step
from engine.validation import check_seconds, plain_label

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

_MOST = 80
_WIDEST, _SHARPEST = 1600, 2.0  # pixels of the picture, and pixels of it to one of the layout
_FINER = 2  # drawn so much larger and then reduced, so that slanted lines are smooth
_MARGIN, _CAPTION_LINE, _CAPTION_LINES = 24.0, 26.0, 5
_FONTS = (  # a family that the system has; Pillow's own has no Greek and no mathematics
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("Arial Unicode.ttf", "Arial Bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
)


def render_gif(walk: Walk, layout: Layout, precision: int, theme: str, seconds: float) -> bytes:
    """Render the walk as a GIF; *theme* ``"auto"`` is light, as slides mostly are.

    Raises:
        ValueError: *seconds* is out of range, or the graph too large to be read on a slide.
        ModuleNotFoundError: Pillow is missing.
    """
    check_seconds("seconds", seconds, 0.02, 600.0)
    if len(walk.nodes) > _MOST:
        raise ValueError(
            f"a graph on a slide must have at most {_MOST} nodes, got {len(walk.nodes):,}; save the page (.html), or "
            "animate a part of the graph"
        )
    try:
        import PIL.Image
    except ModuleNotFoundError:
        raise ModuleNotFoundError('an animation needs Pillow: pip install pillow (or "gradstep[plot]")') from None
    camera = _Camera(walk, layout, precision, THEMES["light" if theme == "auto" else theme])
    positions = range(len(walk.steps) + 1)
    palette = camera.frame(positions[-1]).quantize(256)  # one for all, or colours would flicker; here is every one
    frames = [camera.frame(p).quantize(palette=palette, dither=PIL.Image.Dither.NONE) for p in positions]
    durations = [round(1000 * seconds)] * len(frames)
    durations[-1] *= 2  # time to look at the result
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, disposal=1)
    return file.getvalue()


@dataclass
class _Camera:
    """Takes a picture of the graph after any number of steps."""

    walk: Walk
    layout: Layout
    precision: int
    theme: Theme

    def __post_init__(self) -> None:
        wide = max(self.layout.width, 720.0) + 2 * _MARGIN
        self.scale = min(_SHARPEST, _WIDEST / wide) * _FINER
        self.caption = max(1.0, _FINER / self.scale)  # a large graph becomes smaller, the words below do not
        high = self.layout.height + 3 * _MARGIN + _CAPTION_LINES * _CAPTION_LINE * self.caption
        self.size = (round(wide * self.scale), round(high * self.scale))
        self.left = (wide - self.layout.width) / 2
        self.plain, self.bold = self._font(13.0), self._font(13.0, bold=True)
        self.first_edges = self.walk.first_edges()
        self.largest = largest_size(self.walk.gradients)
        self.last_step = {c.operand: n for n, step in enumerate(self.walk.steps, 1) for c in step.contributions}

    def frame(self, position: int) -> Image:
        """The picture after so many steps."""
        from PIL import Image, ImageDraw

        image = Image.new("RGB", self.size, self.theme.background)
        pen = ImageDraw.Draw(image)
        step = self.walk.steps[position - 1] if position else None
        given = [c for c in step.contributions if c.operand.op != CONSTANT] if step else []
        lit = {self.first_edges[c.node] + c.place: c.local_derivative for c in given}
        for index in sorted(range(len(self.layout.edges)), key=lit.__contains__):
            self._draw_edge(pen, self.layout.edges[index].route, index in lit)
        for index in range(len(self.walk.nodes)):
            self._draw_node(pen, index, position)
        for index, derivative in lit.items():
            self._draw_derivative(pen, index, derivative)
        self._draw_caption(pen, position, step)
        return image.reduce(_FINER)

    def _draw_edge(self, pen: ImageDraw, route: Route, lit: bool) -> None:
        points = [self._at(*point) for point in _curve(route)]
        colour = self.theme.picked if lit else self.theme.line
        (x0, y0), (x1, y1) = points[-3], points[-1]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        dx, dy = (x1 - x0) / length * 9.0 * self.scale, (y1 - y0) / length * 9.0 * self.scale
        width = max(1, round((2.6 if lit else 1.3) * self.scale))
        pen.line([*points[:-1], (x1 - dx / 2, y1 - dy / 2)], colour, width, "curve")
        left, right = (x1 - dx - dy * 0.4, y1 - dy + dx * 0.4), (x1 - dx + dy * 0.4, y1 - dy - dx * 0.4)
        pen.polygon([(x1, y1), left, right], colour)

    def _draw_node(self, pen: ImageDraw, index: int, position: int) -> None:
        node, box, theme = self.walk.nodes[index], self.layout.boxes[index], self.theme
        name = shown_name(node, self.walk)
        if node.op == CONSTANT:
            self._draw_box(pen, box, theme.background, theme.faded, 1.2)
            pen.text(self._at(box.left + box.width / 2, box.top + box.height / 2), name, theme.muted, self.plain, "mm")
            return
        totals = [c.total for step in self.walk.steps[:position] for c in step.contributions if c.operand is node]
        if node is self.walk.nodes[-1]:
            totals = [1.0]
        complete = bool(totals) and self.last_step.get(node, 0) <= position
        fill = theme.fill(totals[-1], self.largest) if complete else theme.neutral
        current = node is (self.walk.steps[position - 1].node if position else self.walk.nodes[-1])
        self._draw_box(pen, box, fill, theme.picked if current else theme.line, 3.2 if current else 1.2)
        top, left, right = box.top + LINE - 3.0, box.left + 10.0, box.left + box.width - 10.0
        pen.text(self._at(left, top), name, theme.text, self.bold, "lm")
        pen.text(self._at(right, top), node.op, mix_colours(theme.muted, theme.text, 0.5), self.bold, "rm")
        gradient = format_number(totals[-1], self.precision) + ("" if complete else MORE) if totals else "?"
        rows = (
            ("data", format_number(self.walk.numbers[index], self.precision), self.plain),
            ("grad", gradient, self.bold if complete else self.plain),
        )
        for line, (key, shown, font) in enumerate(rows, 1):
            y = top + line * LINE + 3.0
            pen.text(self._at(left, y), key, theme.muted, self.plain, "lm")
            pen.text(self._at(right, y), shown, theme.text, font, "rm")

    def _draw_derivative(self, pen: ImageDraw, index: int, derivative: float) -> None:
        """The local derivative on an edge that the step goes back along."""
        edge, font = self.layout.edges[index], self._font(12.0, bold=True)
        curve = _curve(edge.route)
        x, y = curve[len(curve) // 2]
        words = f"× {format_number(derivative, self.precision)}"
        wide = pen.textlength(words, font) / self.scale + 12.0
        pill = Box(x - wide / 2, y + edge.shift - 10.0, wide, 20.0)
        self._draw_box(pen, pill, self.theme.picked, self.theme.picked, 1.0, radius=10.0)
        pen.text(self._at(x, y + edge.shift), words, self.theme.background, font, "mm")

    def _draw_caption(self, pen: ImageDraw, position: int, step: Step | None) -> None:
        """The step's equations, in the same spot in every frame."""
        formulas = self.walk.wording.formulas
        root = text(formulas[self.walk.nodes[-1]])
        equations = [f"d{root}/d{root} = 1: backprop starts from the result itself"]
        if step:
            equations = [text(equation, self.precision) for equation in step.equations[2:]]
            equations = equations or [f"{text(formulas[step.node])} is made of plain numbers alone"]
        lines = [plain_label(equation.replace(" * ", " × "), 100) for equation in equations[: _CAPTION_LINES - 1]]
        for line, words in enumerate([f"Step {position} of {len(self.walk.steps)}", *lines]):
            at = self._at(_MARGIN - self.left, self.layout.height + _MARGIN + line * _CAPTION_LINE * self.caption)
            colour = self.theme.text if line else self.theme.picked
            pen.text(at, words, colour, self._font(15.0 * self.caption, bold=not line), "lm")

    def _at(self, x: float, y: float) -> tuple[float, float]:
        """A point of the layout in the picture."""
        return (x + self.left) * self.scale, (y + _MARGIN) * self.scale

    def _draw_box(self, pen: ImageDraw, box: Box, fill: str, line: str, width: float, radius: float = 8.0) -> None:
        corners = [self._at(box.left, box.top), self._at(box.left + box.width, box.top + box.height)]
        pen.rounded_rectangle(corners, radius * self.scale, fill, line, max(1, round(width * self.scale)))

    def _font(self, size: float, bold: bool = False) -> Any:
        from PIL import ImageFont

        for family in _FONTS:
            with suppress(OSError):  # the system does not have it
                return ImageFont.truetype(family[bold], size * self.scale)
        return ImageFont.load_default(size * self.scale)


def _curve(route: Route, pieces: int = 8) -> Route:
    """Points along a chain of cubic Bezier curves."""
    points = [route[0]]
    for i in range(0, len(route) - 1, 3):
        for t in [piece / pieces for piece in range(1, pieces + 1)]:
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            x, y = (sum(map(operator.mul, weights, axis)) for axis in zip(*route[i : i + 4]))
            points.append((x, y))
    return points

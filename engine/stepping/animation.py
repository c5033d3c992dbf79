"""The walk as an animated GIF for a slide: a picture for each step, all on the same layout, the chain rule below."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.drawing.themes import THEMES, Theme, largest_size, mix_colours
from engine.expressions.nodes import format_number
from engine.expressions.writers import text
from engine.operations import CONSTANT
from engine.stepping.layout import LINE, MORE, Box, Layout, shown_name
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
    palette = camera.frame(len(walk.steps)).quantize(256)  # one for all, or colours would flicker; here is every one
    frames = [
        camera.frame(position).quantize(palette=palette, dither=PIL.Image.Dither.NONE)
        for position in range(len(walk.steps) + 1)
    ]
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
        self.fonts: dict[tuple[float, bool], Any] = {}
        self.indices = {node: index for index, node in enumerate(self.walk.nodes)}
        self.first_edge = self.layout.first_edges()
        self.largest = largest_size(self.walk.gradients)

    def frame(self, position: int) -> Image:
        """The picture after so many steps."""
        from PIL import Image, ImageDraw

        image = Image.new("RGB", self.size, self.theme.background)
        pen = ImageDraw.Draw(image)
        step = self.walk.steps[position - 1] if position else None
        current = self.indices[step.node] if step else len(self.walk.nodes) - 1
        lit = (
            {self.first_edge[current] + c.place for c in step.contributions if c.operand.op != CONSTANT}
            if step
            else set()
        )
        for index, edge in sorted(enumerate(self.layout.edges), key=lambda pair: pair[0] in lit):
            self._draw_edge(pen, edge.route, index in lit)
        known = self._known(position)
        for index in range(len(self.walk.nodes)):
            self._draw_node(pen, index, known.get(index), index == current)
        if step:
            self._draw_derivatives(pen, step, current)
        self._draw_caption(pen, position, step)
        return image.reduce(_FINER)

    def _known(self, position: int) -> dict[int, tuple[float, bool]]:
        """The gradients so far, and whether each is complete."""
        known = {len(self.walk.nodes) - 1: (1.0, True)}
        last = {c.operand: (index, c.place) for index, step in enumerate(self.walk.steps) for c in step.contributions}
        for index, step in enumerate(self.walk.steps[:position]):
            for c in step.contributions:
                known[self.indices[c.operand]] = (c.total, last[c.operand] == (index, c.place))
        return known

    # ------------------------------------------------------------------------------------------------ the graph's parts

    def _draw_edge(self, pen: ImageDraw, route: list[tuple[float, float]], lit: bool) -> None:
        points = [self._at(*point) for point in _curve(route)]
        colour = self.theme.picked if lit else self.theme.line
        width = max(1, round((2.6 if lit else 1.3) * self.scale))
        (x0, y0), (x1, y1) = points[-3], points[-1]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        dx, dy = (x1 - x0) / length * 9.0 * self.scale, (y1 - y0) / length * 9.0 * self.scale
        pen.line([*points[:-1], (x1 - dx / 2, y1 - dy / 2)], fill=colour, width=width, joint="curve")
        pen.polygon(
            [(x1, y1), (x1 - dx - dy * 0.4, y1 - dy + dx * 0.4), (x1 - dx + dy * 0.4, y1 - dy - dx * 0.4)], colour
        )

    def _draw_node(self, pen: ImageDraw, index: int, known: tuple[float, bool] | None, current: bool) -> None:
        node, box, theme = self.walk.nodes[index], self.layout.boxes[index], self.theme
        name = shown_name(node, self.walk)
        if node.op == CONSTANT:
            self._rectangle(pen, box, theme.background, theme.faded, 1.2)
            self._write(pen, box.left + box.width / 2, box.top + box.height / 2, name, theme.muted, anchor="mm")
            return
        gradient, complete = known or (0.0, False)
        fill = theme.fill(gradient, self.largest) if complete else theme.neutral
        self._rectangle(pen, box, fill, theme.picked if current else theme.line, 3.2 if current else 1.2)
        top, left, right = box.top + LINE - 3.0, box.left + 10.0, box.left + box.width - 10.0
        self._write(pen, left, top, name, theme.text, bold=True)
        if node.op:
            self._write(pen, right, top, node.op, mix_colours(theme.muted, theme.text, 0.5), bold=True, anchor="rm")
        number = format_number(gradient, self.precision) if known else "?"
        rows = (
            ("data", format_number(node.data, self.precision)),
            ("grad", number if complete or not known else number + MORE),
        )
        for line, (key, shown) in enumerate(rows, 1):
            y = top + line * LINE + 3.0
            self._write(pen, left, y, key, theme.muted)
            self._write(pen, right, y, shown, theme.text, bold=line == 2 and complete, anchor="rm")

    def _draw_derivatives(self, pen: ImageDraw, step: Step, current: int) -> None:
        """The local derivatives on the edges that the step goes back along."""
        for c in step.contributions:
            if c.operand.op == CONSTANT:
                continue
            index = self.first_edge[current] + c.place
            curve = _curve(self.layout.edges[index].route)
            x, y = curve[len(curve) // 2]
            y += self.layout.shift(index)
            words = f"× {format_number(c.local_derivative, self.precision)}"
            wide = pen.textlength(words, self._font(12.0, True)) / self.scale + 12.0
            pill = Box(x - wide / 2, y - 10.0, wide, 20.0)
            self._rectangle(pen, pill, self.theme.picked, self.theme.picked, 1.0, radius=10.0)
            self._write(pen, x, y, words, self.theme.background, 12.0, bold=True, anchor="mm")

    def _draw_caption(self, pen: ImageDraw, position: int, step: Step | None) -> None:
        """The step's equations, in the same spot in every frame."""
        formulas = self.walk.wording.formulas
        root = text(formulas[self.walk.root])
        equations = [f"d{root}/d{root} = 1: backprop starts from the result itself"]
        if step:
            name = text(formulas[step.node])
            equations = [
                text(e, self.precision) for c in step.contributions if c.operand.op != CONSTANT for e in c.equations
            ]
            equations = equations or [f"{name} is made of plain numbers alone"]
        left, top = _MARGIN - self.left, self.layout.height + _MARGIN
        head = f"Step {position} of {len(self.walk.steps)}"
        self._write(pen, left, top, head, self.theme.picked, 15.0 * self.caption, bold=True)
        for line, equation in enumerate(equations[: _CAPTION_LINES - 1], 1):
            shown = plain_label(equation.replace(" * ", " × "), 100)
            y = top + line * _CAPTION_LINE * self.caption
            self._write(pen, left, y, shown, self.theme.text, 15.0 * self.caption)

    # ------------------------------------------------------------------------------------------------------ small tools

    def _at(self, x: float, y: float) -> tuple[float, float]:
        """A point of the layout in the picture."""
        return (x + self.left) * self.scale, (y + _MARGIN) * self.scale

    def _rectangle(self, pen: ImageDraw, box: Box, fill: str, line: str, width: float, radius: float = 8.0) -> None:
        corners = [self._at(box.left, box.top), self._at(box.left + box.width, box.top + box.height)]
        pen.rounded_rectangle(corners, radius * self.scale, fill, line, max(1, round(width * self.scale)))

    def _write(
        self,
        pen: ImageDraw,
        x: float,
        y: float,
        words: str,
        colour: str,
        size: float = 13.0,
        *,
        bold: bool = False,
        anchor: str = "lm",
    ) -> None:
        pen.text(self._at(x, y), words, colour, self._font(size, bold), anchor)

    def _font(self, size: float, bold: bool) -> Any:
        if (size, bold) not in self.fonts:
            self.fonts[size, bold] = _font(size * self.scale, bold)
        return self.fonts[size, bold]


def _font(size: float, bold: bool) -> Any:
    from PIL import ImageFont

    for family in _FONTS:
        try:
            return ImageFont.truetype(family[bold], size)
        except OSError:  # the system does not have it
            continue
    return ImageFont.load_default(size)


def _curve(route: list[tuple[float, float]], pieces: int = 8) -> list[tuple[float, float]]:
    """Points along a chain of cubic Bezier curves."""
    points = [route[0]]
    for i in range(0, len(route) - 1, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = route[i : i + 4]
        for piece in range(1, pieces + 1):
            t = piece / pieces
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            points.append((a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy))
    return points

"""A walk as an animation for a slide: a GIF, a film, or a folder of its pictures.

Each frame is ``draw``'s own picture of the graph after a step, with numbers that travel along arrows. Graphviz lays the
graph out once; a frame is that layout, and what differs in it.
"""

import io
import json
import operator
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import graphviz

from engine.drawing.dot import DotWriter
from engine.drawing.flat_graph import flatten
from engine.drawing.folding import fold_graph
from engine.drawing.node_contents import Content, NodeContents, Row
from engine.drawing.rendering import run_graphviz
from engine.drawing.themes import check_look
from engine.expressions.nodes import Derivative, Equation, Number
from engine.expressions.writers import picture_text
from engine.operations import CONSTANT
from engine.stepping.layout import MORE, Look
from engine.steps import Contribution, Step, Walk
from engine.validation import check_choice, check_seconds, plain_label
from engine.whole_files import replacing, write_whole

_INCH = 72.0  # points
_FREE = 10.0  # points of a box's width that its table leaves free
_NARROWEST, _LINES, _LONGEST = 520.0, 5, 100  # points, lines and letters of the caption
_WIDEST, _HIGHEST, _SHARPEST = 1600, 1000, 2.0  # pixels of a picture, and pixels to a point
_LETTER = 8.0  # points, more than a letter takes
_TWINS_APART = 9.0  # points between the numbers on two arrows between the same nodes
_MOST_NODES, _MOST_ON_THE_WAY = 80, 400
_RATE, _FILM_RATE = 15, 30  # pictures in a second of numbers on their way, and of a film
_LONGEST_WAY = 1.2  # seconds
_EXACT, _NEAR = 24, 8  # colours of a GIF that are kept as they are, and how near to them others would be in their place
_STEP = re.compile(r"step_\d{2,}(_to_\d{2,}_\d{2,})?")  # the names of pictures

Point = tuple[float, float]


@dataclass(frozen=True)
class WalkContents(NodeContents):
    """The contents of boxes during a walk, with the numbers of the time when it was recorded."""

    walk: Walk = field(kw_only=True)

    @cached_property
    def gradients(self) -> list[float]:
        return self.walk.gradients

    @cached_property
    def _totals(self) -> dict[int, list[tuple[int, float]]]:
        """For each node the steps that hand something to it, and its gradient after each."""
        totals: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
        totals[len(self.walk.nodes) - 1] = [(0, 1.0)]
        for position, step in enumerate(self.walk.steps, 1):
            for contribution in step.contributions:
                totals[self.graph.index_of[contribution.operand]].append((position, contribution.total))
        return totals

    def describe_at(self, index: int, position: int) -> Content:
        """A node after so many steps; one whose gradient is complete has it as a colour, too."""
        content, totals = super().describe_node(index), self._totals[index]
        if self.graph.is_constant(index):
            return content
        so_far = [total for step, total in totals if step <= position]
        complete = len(so_far) == len(totals)
        shown = self.format(so_far[-1]) + ("" if complete else MORE) if so_far else "?"
        data = Row("data", self.format(self.walk.numbers[index]))
        return replace(content, rows=(data, Row("grad", shown, so_far[-1] if so_far and complete else None)))

    def describe_node(self, index: int) -> Content:
        """The widest of all that the node shows, so that it fits and nothing moves."""
        shown = [self.describe_at(index, position) for position in range(len(self.walk.steps) + 1)]
        return max(shown, key=lambda content: max((len(row.number) for row in content.rows), default=0))


class _Layout(NamedTuple):
    """What Graphviz computed: the picture in the DOT language without its last bracket, sizes in points, and routes.

    A route is a chain of cubic Bezier curves, from an operand to the arrowhead's end at a node.
    """

    source: str
    width: float
    height: float
    widths: dict[int, float]
    routes: dict[tuple[int, int], list[list[Point]]]


class Scene:
    """A walk on the layout of ``draw``; ``picture`` shows it after any number of steps.

    The theme ``"auto"`` is light, as slides mostly are.
    """

    def __init__(self, walk: Walk, look: Look) -> None:
        names = walk.wording.callers
        graph = flatten(walk.nodes[-1], names)
        self.contents = WalkContents(graph, names, look.precision, walk=walk)
        colours = check_look(look.direction, look.theme)
        folding = fold_graph(graph, None, frozenset(), len(graph.nodes), frozenset(), ())
        self.writer = DotWriter(self.contents, folding, colours, look.direction, False, frozenset())
        self.timeout = look.timeout

    @cached_property
    def _layout(self) -> _Layout:
        drawing = self.writer.write()
        drawing.timeout = self.timeout
        drawing.attr("graph", outputorder="edgesfirst", ranksep="1.1", nodesep="0.25")  # numbers fit between
        source, found = drawing.pipe("dot").decode(), json.loads(drawing.pipe("json0"))
        names = {thing["_gvid"]: int(thing["name"].removeprefix("n")) for thing in found["objects"]}
        widths = {names[thing["_gvid"]]: float(thing["width"]) * _INCH for thing in found["objects"]}
        routes: defaultdict[tuple[int, int], list[list[Point]]] = defaultdict(list)
        for edge in found.get("edges", ()):
            routes[names[edge["tail"]], names[edge["head"]]].append(_read_route(edge["pos"]))
        for twins in routes.values():  # x * x has two arrows: the first is the upper one
            twins.sort(key=lambda route: _point_along(route, 0.5)[1], reverse=True)
        right, top = map(float, found["bb"].split(",")[2:])
        return _Layout(source[: source.rindex("}")], max(right, _NARROWEST), top, widths, routes)

    def picture(self, position: int, share: float = 1.0) -> str:
        """After so many steps; with a *share* below 1 the numbers of the last one are so far on their way."""
        drawn, done = graphviz.Digraph(), position if share == 1.0 else position - 1
        current = self.contents.walk.steps[position - 1] if position else None
        for index in self._layout.widths:
            if not self.contents.graph.is_constant(index):
                self._add_box(drawn, index, done, current.node is self.contents.walk.nodes[index] if current else False)
        for contribution in current.contributions if current else ():
            if contribution.operand.op != CONSTANT:
                self._add_contribution(drawn, contribution, share)
        self._add_caption(drawn, position, current)
        return f"{self._layout.source}{''.join(drawn.body)}"

    def hands_on(self, position: int) -> bool:
        """Whether that step has operands that are not plain numbers."""
        return any(c.operand.op != CONSTANT for c in self.contents.walk.steps[position - 1].contributions)

    def render(self, source: str, kind: str) -> bytes:
        """A picture as ``"svg"`` or ``"png"``; raises the errors of ``run_graphviz``."""
        scale = min(_SHARPEST, _WIDEST / self._layout.width, _HIGHEST / self._layout.height)
        return run_graphviz(
            f"{source}dpi={_INCH * scale if kind == 'png' else _INCH:.2f}}}", kind, "nop2", (), self.timeout
        )

    def _add_box(self, drawn: graphviz.Digraph, index: int, done: int, is_current: bool) -> None:
        theme, content = self.writer.theme, self.contents.describe_at(index, done)
        gradient = content.rows[-1].gradient
        dashed = ",dashed" if theme.dashed_negative and gradient is not None and gradient < 0.0 else ""
        look = {"color": theme.picked, "penwidth": "2.6"} if is_current else {}
        label = self.writer.html_label(content, width=self._layout.widths[index] - _FREE)
        drawn.node(f"n{index}", label, fixedsize="true", style=f"rounded,filled{dashed}", **look)

    def _add_contribution(self, drawn: graphviz.Digraph, contribution: Contribution, share: float) -> None:
        """The lit arrow, and the number on it: on its way the gradient, then times the local derivative, then both."""
        theme, show, index_of = self.writer.theme, self.contents.format, self.contents.graph.index_of
        start, end = index_of[contribution.operand], index_of[contribution.node]
        twins = self._layout.routes[start, end]
        twin = sum(operand is contribution.operand for operand in contribution.node.operands[: contribution.place])
        route = twins[min(twin, len(twins) - 1)]
        drawn.edge(f"n{start}", f"n{end}", pos=_written_route(route), color=theme.picked, penwidth="2.4")
        words = f"× {show(contribution.local_derivative)}"
        if share < 1.0:
            stages = (show(contribution.gradient), f"{show(contribution.gradient)} {words}", show(contribution.amount))
            words = stages[min(int(3 * share), 2)]
        x, y = _point_along(route, 0.5 if share == 1.0 else 1.0 - share)
        y += _TWINS_APART * (1 - 2 * twin) if len(twins) > 1 else 0.0
        room = min(_LETTER * len(words), self._layout.width) / 2
        x = min(max(x, room), self._layout.width - room)  # or a long number at the end would widen the picture
        drawn.node(
            f"number{contribution.place}", graphviz.escape(words), pos=f"{x:.2f},{y:.2f}", style="rounded,filled",
            fillcolor=theme.picked, color=theme.picked, fontcolor=theme.background, margin="0.05,0.03",
        )  # fmt: skip

    def _add_caption(self, drawn: graphviz.Digraph, position: int, step: Step | None) -> None:
        theme, width = self.writer.theme, self._layout.width
        size = 12.0 * max(1.0, width / 800)  # a large graph becomes smaller, the words below do not
        height = 1.5 * size * _LINES
        rows = [f'<B><FONT COLOR="{theme.picked}">Step {position} of {len(self.contents.walk.steps)}</FONT></B>']
        rows += [escape(line) for line in self._equations(step)]
        cells = '</TD></TR><TR><TD ALIGN="LEFT">'.join(rows)
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="3" CELLSPACING="0" WIDTH="{width:.0f}">'
        drawn.node(
            "caption", f'<{table}<TR><TD ALIGN="LEFT">{cells}</TD></TR></TABLE>>', shape="none", fixedsize="true",
            width=f"{width / _INCH:.4f}", height=f"{height / _INCH:.4f}", fontsize=f"{size:.1f}",
            fontcolor=theme.text, pos=f"{width / 2:.2f},{-height / 2 - 8:.2f}",
        )  # fmt: skip

    def _equations(self, step: Step | None) -> list[str]:
        """The chain rule of a step, or what backprop starts from, each equation on one line."""
        words = self.contents.walk.wording
        root = words.formulas[words.root]
        lines = [Equation(Derivative(root, root), (Number(1.0),))] if step is None else list(step.equations[2:])
        shown = [plain_label(picture_text(line, self.contents.precision), _LONGEST) for line in lines[: _LINES - 1]]
        return shown or ["no gradient goes further: the operands are plain numbers"]


def _read_route(pos: str) -> list[Point]:
    """Graphviz's ``e,x,y x,y x,y ...``: the end of the arrowhead, and the points of the curve before it."""
    points = [(float(x), float(y)) for x, y in (part.removeprefix("e,").split(",") for part in pos.split())]
    return [*points[1:], points[0]]


def _written_route(route: Sequence[Point]) -> str:
    return " ".join(["e,{:.2f},{:.2f}".format(*route[-1]), *map("{0[0]:.2f},{0[1]:.2f}".format, route[:-1])])


def _point_along(route: Sequence[Point], share: float) -> Point:
    """The point at that share of the way along a chain of Bezier curves that an arrowhead ends."""
    curve = route[:-1]
    n_curves = len(curve) // 3
    at = share * n_curves
    first = min(int(at), n_curves - 1)
    t = at - first
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
    x, y = (sum(map(operator.mul, weights, axis)) for axis in zip(*curve[3 * first : 3 * first + 4]))
    return (x, y)


class Shot(NamedTuple):
    """A picture in the DOT language, its name, and for how many seconds it is shown."""

    source: str
    name: str
    seconds: float


def shoot(scene: Scene, seconds: float) -> list[Shot]:
    """The pictures of a walk in order: for each step the numbers on their way, and then what they have made.

    A step takes so many *seconds*, half of them on the way at most; the last one stays twice as long.
    """
    check_seconds("seconds", seconds, 0.02, 600.0)
    walk = scene.contents.walk
    if len(walk.nodes) > _MOST_NODES:
        raise ValueError(
            f"a graph on a slide must have at most {_MOST_NODES} nodes, got {len(walk.nodes):,}; save the page "
            "(.html), or animate a part of the graph"
        )
    last, way = len(walk.steps), min(seconds / 2, _LONGEST_WAY)
    n_ways = min(int(way * _RATE), _MOST_ON_THE_WAY // max(last, 1))
    shots = [Shot(scene.picture(0), "step_00", seconds)]
    for position in range(1, last + 1):
        moving = n_ways if scene.hands_on(position) else 0
        for count in range(moving):
            name = f"step_{position - 1:02}_to_{position:02}_{count + 1:02}"
            shots.append(Shot(scene.picture(position, (count + 0.5) / moving), name, way / moving))
        still = seconds - way if moving else seconds
        shots.append(Shot(scene.picture(position), f"step_{position:02}", still + seconds * (position == last)))
    return shots


def save_gif(path: str | os.PathLike[str], scene: Scene, seconds: float) -> None:
    """Write a GIF; needs Pillow, and says so with a ModuleNotFoundError."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise ModuleNotFoundError('an animation needs Pillow: pip install pillow (or "gradstep[plot]")') from None
    with replacing(path) as file:
        shots = shoot(scene, seconds)
        images = (Image.open(io.BytesIO(picture)).convert("RGB") for picture in _rendered(scene, shots, "png"))
        last = next(_rendered(scene, shots[-1:], "png"))  # it has all colours; with several palettes they would flicker
        palette = _palette(Image.open(io.BytesIO(last)).convert("RGB"))
        frames = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
        options: dict[str, Any] = {"duration": [round(1000 * shot.seconds) for shot in shots], "loop": 0, "disposal": 1}
        next(frames).save(file, "GIF", save_all=True, append_images=frames, **options)


def _palette(picture: Any) -> Any:
    """256 colours of a picture: the commonest exactly, as those of areas are seen, and means of all others."""
    from PIL import Image

    counted = sorted(picture.getcolors(picture.width * picture.height), reverse=True)
    exact = [colour for _, colour in counted[:_EXACT]]
    numbers = picture.quantize(256 - _EXACT).getpalette()
    means = list(zip(numbers[::3], numbers[1::3], numbers[2::3]))
    far = [mean for mean in means if all(max(map(abs, map(operator.sub, mean, each))) > _NEAR for each in exact)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(list(chain.from_iterable([*exact, *far])))
    return palette


def save_film(path: str | os.PathLike[str], scene: Scene, seconds: float) -> None:
    """Write an .mp4 with ffmpeg; a RuntimeError says where there is none, or what it refused."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise RuntimeError(
            "an .mp4 needs ffmpeg on the PATH: install it (apt install ffmpeg, brew install ffmpeg, or "
            "winget install ffmpeg), or save a .gif"
        )
    source = ["-f", "image2pipe", "-framerate", str(_FILM_RATE), "-c:v", "png", "-i", "-"]
    even = ["-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"]  # as players need it
    ending = ["-movflags", "+faststart", "-f", "mp4"]
    with replacing(path) as file, TemporaryFile() as said:
        shots = shoot(scene, seconds)
        command = [program, "-loglevel", "error", "-y", *source, *even, *ending, str(file)]
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        except OSError as error:
            raise RuntimeError(f"ffmpeg could not be started: {error}") from None
        with process:
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # ffmpeg has said why
                process.stdin.writelines(_film(_rendered(scene, shots, "png"), shots))
                process.stdin.close()
        if process.returncode or (file.is_file() and not file.stat().st_size):
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(f"ffmpeg wrote no film: {lines[-1] if lines else 'it said nothing'}")


def save_folder(path: str | os.PathLike[str], scene: Scene, seconds: float, kind: str) -> None:
    """Write each picture into a file of a folder, ``step_00.svg`` and so on, unless it has those of another walk."""
    check_choice("format", kind, ("svg", "png"))
    folder = Path(path)
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir():
        raise NotADirectoryError(f"{existing} must be a folder, got a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(f"the folder {existing} is read-only")
    shots = shoot(scene, seconds)
    names = {f"{shot.name}.{kind}" for shot in shots}
    there = {path.name for path in folder.glob(f"step_*.{kind}") if _STEP.fullmatch(path.stem)}
    if others := there - names:
        raise FileExistsError(f"{folder} must have no pictures of another walk, got {min(others)}; name another folder")
    pictures = list(_rendered(scene, shots, kind))
    folder.mkdir(parents=True, exist_ok=True)
    for shot, picture in zip(shots, pictures):
        write_whole(folder / f"{shot.name}.{kind}", picture)


def _film(pictures: Iterator[bytes], shots: list[Shot]) -> Iterator[bytes]:
    """Each picture as often as it is shown; what rounding leaves goes to the next one."""
    shown, now = 0, 0.0
    for picture, shot in zip(pictures, shots):
        now += shot.seconds
        count = max(1, round(now * _FILM_RATE) - shown)
        shown += count
        yield picture * count


def _rendered(scene: Scene, shots: Sequence[Shot], kind: str) -> Iterator[bytes]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda shot: scene.render(shot.source, kind), shots)

"""``stepper``: backprop to step through, forward and back, in a browser, a notebook or an animation."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from engine.callers import ipython_shell
from engine.drawing import Drawing, draw
from engine.node import size
from engine.stepping.animation import Scene, save_film, save_folder, save_gif
from engine.stepping.layout import Layout, Look, lay_out
from engine.stepping.outputs import Output, display_outputs, is_colab, live_outputs, script_showing
from engine.stepping.page import around, name_of, render_frame, render_page, render_still, render_words
from engine.steps import Walk, gradients_set, record_walk
from engine.validation import check_flag, check_int, shortened
from engine.value import Value
from engine.whole_files import as_path, write_whole

__all__ = ["Stepper", "stepper"]

_PICTURED = 60  # boxes at most in the picture for a notebook that is not trusted
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Stepper:
    """Backprop of one graph, laid out and recorded. Made by ``stepper``.

    Shows itself in Jupyter; ``save`` writes a page or an animation. It begins with the numbers of the time when it was
    made. In a notebook with anywidget (``pip install "gradstep[notebook]"``) Python sees what a reader does there, and
    the reader what Python sets: ``position``, ``selected`` and ``values``.
    """

    def __init__(self, walk: Walk, layout: Layout, look: Look, picture: Drawing, link: bool = False) -> None:
        self._walk, self._layout, self._look, self._picture, self._writes = walk, layout, look, picture, link
        self.html = render_page(walk, layout, look.precision, look.theme)
        """The page: a whole HTML document with all that it needs in it."""

    @cached_property
    def _link(self) -> Any:
        try:
            from engine.stepping.link import Link
        except ModuleNotFoundError:
            advice = 'a stepper that Python talks with needs anywidget: pip install anywidget (or "gradstep[notebook]")'
            raise ModuleNotFoundError(advice) from None
        return Link(self._walk, self._writes)

    @property
    def position(self) -> int:
        """After how many steps the reader is. Can be set."""
        return int(self._link.position)

    @position.setter
    def position(self, position: int) -> None:
        self._link.position = position

    @property
    def selected(self) -> str | None:
        """The name of the node that is explained, or None. Can be set."""
        return self._link.selected  # type: ignore[no-any-return]

    @selected.setter
    def selected(self, name: str | None) -> None:
        self._link.selected = name

    @property
    def values(self) -> dict[str, float]:
        """The numbers of the leaves on the page, by name; a second ``x`` is ``x#2``.

        Set some, and the others stay.
        """
        return dict(self._link.values)

    @values.setter
    def values(self, values: Mapping[str, float]) -> None:
        self._link.values = dict(values)

    def observe(self, handler: Callable[[Any], None], names: str | list[str]) -> None:
        """Call *handler* after each change of what *names* lists, with ``.new`` in it.

        These are ``"position"``, ``"selected"`` and ``"values"``.
        """
        self._link.observe(handler, names)

    def refresh(self) -> None:
        """Show the numbers that the leaves have now, after ``data`` was set in Python."""
        self._link.refresh()

    def save(self, path: str | os.PathLike[str], *, seconds: float = 2.0, format: str | None = None) -> None:
        """Write the walk as a page or an animation, or its pictures into a folder.

        In an animation numbers travel along the arrows of ``draw``'s picture, from each node to its operands.

        Args:
            path: ``.html`` for a page with all controls; ``.gif`` for an animation, which needs Pillow; ``.mp4`` for a
                film, which needs ffmpeg; or a folder, such as ``"frames/"``, for ``step_00.svg``, ``step_01.svg`` and
                the pictures between them, ``step_00_to_01_01.svg`` and so on. These replace others of the same names; a
                folder that has more of them, from a longer walk, is refused.
            seconds: how long the animation shows each step, from 0.02 to 600.
            format: of the pictures in a folder, ``"svg"`` or ``"png"``; None for ``"svg"``.

        Raises:
            ValueError: another ending, *seconds* out of range, or a graph too large for an animation.
            ModuleNotFoundError: Pillow is missing.
            RuntimeError: ffmpeg is missing, or could not write the film.
            OSError: it cannot be written, or the folder has pictures of another walk. An existing file stays as it was.

        >>> stepper(Value(2.0, label="x") * 3).save("backprop.html")
        """
        target = as_path("path", path)
        ending = target.suffix.lower()
        name = os.fspath(path)
        is_file = ending in (".html", ".gif", ".mp4")  # also where a folder has that name, which is an error
        is_there = bool(name) and target.is_dir() and not is_file
        if format is not None and is_file:
            raise ValueError(f"format must be None for a file, got {format!r} and {shortened(str(target))}")
        if format is not None or name.endswith(("/", os.sep)) or is_there:
            save_folder(target, Scene(self._walk, self._look), seconds, format or "svg")
        elif ending == ".html":
            write_whole(target, self.html.encode())
        elif is_file:
            (save_gif if ending == ".gif" else save_film)(target, Scene(self._walk, self._look), seconds)
        else:
            raise ValueError(
                f"a file name must end in .html, .gif or .mp4, got {shortened(str(target))}; a folder must end in /"
            )

    def _ipython_display_(self) -> None:
        """Show the page and, where anywidget is installed, the link with it.

        Jupyter begins a widget at once. An output for it would be an error once the notebook has another kernel.
        """
        link = None
        with suppress(ModuleNotFoundError):  # without anywidget, the page alone
            link = self._link
        outputs = self._outputs(link.token if link else "")
        own = getattr(ipython_shell(), "user_ns", {})
        is_vs_code = "VSCODE_PID" in os.environ or "__vsc_ipynb_file__" in own
        if link and (is_colab() or is_vs_code):  # they begin a widget where an output shows it, and not before
            view = {"version_major": 2, "version_minor": 0, "model_id": link.model_id}
            outputs.append({_WIDGET_VIEW: view, "text/html": "", "text/plain": ""})
        display_outputs(outputs)

    def _outputs(self, name: str) -> list[Output]:
        if is_colab():
            return [{"text/html": self._repr_html_(name), "text/plain": repr(self)}]
        frame = render_frame(self.html, self._height, name)
        script = script_showing(frame, name_of(self.html)) + around(self.html)
        picture = self._picture._repr_mimebundle_(exclude=["text/plain"])
        words = render_words(self._words, self._picture.outline)
        return live_outputs(script, self._words, picture, words, repr(self))

    def _repr_html_(self, name: str = "") -> str:
        return f"{self._frame(name)}<script>{around(self.html)}</script>"

    def _display_(self) -> Any:
        """Show the page in marimo, in its theme, and where anywidget is installed, the link with it."""
        import marimo

        try:
            link = self._link
        except ModuleNotFoundError:  # no script of ours runs around the frame: the theme is that of now
            around = marimo.app_meta().theme
            theme = around if self._look.theme == "auto" and around in ("light", "dark") else self._look.theme
            page = render_page(self._walk, self._layout, self._look.precision, theme)
            return marimo.Html(self._frame(page=page))
        return marimo.vstack([marimo.Html(self._frame(link.token)), link])

    def _frame(self, name: str = "", page: str = "") -> str:
        return render_frame(page or self.html, self._height, name, render_still(self._words, self._picture.pipe("svg")))

    @cached_property
    def _height(self) -> int:
        return round(min(max(self._layout.height + 60, 220), 460)) + 330

    @cached_property
    def _words(self) -> str:
        return f"Run this cell to walk through backprop: {self._extent()}."

    def __repr__(self) -> str:
        return f'<Stepper: {self._extent()}; .save("backprop.html") writes it as a page>'

    def _extent(self) -> str:
        counts = ((len(self._walk.steps), "step"), (len(self._walk.nodes), "node"))
        return " through ".join(f"{count} {word}{'s' if count != 1 else ''}" for count, word in counts)


def stepper(
    root: Value,
    *,
    names: object = None,
    precision: int = 4,
    direction: str = "LR",
    theme: str = "auto",
    link: bool = False,
    most: int = 1000,
    timeout: float = 20.0,
) -> Stepper:
    """Backprop from *root*, step by step, forward and back, with formulas and numbers.

    In Jupyter the last line of a cell shows it: the graph, in which gradients fill in, and the chain rule of each step
    below. A click on a node explains its gradient as a sum over all that the node feeds, and *Check* shows the finite
    difference beside it. Arrow keys, Home, End, the space bar and screen readers work.

    Each leaf's number can be typed and dragged: the page computes everything again, by the table of derivatives. *Take
    a step* moves parameters, or all leaves, by ``-rate * gradient``. What functions of Python need (``@primitive``, and
    nodes made of numbers) is fixed there; in a notebook with anywidget Python computes the former.

    The graph keeps its gradients. The walk starts from gradients of 0, and shows those of *root* alone.

    Args:
        root: the Value whose derivatives are computed, such as a loss.
        names: names for Values without a label, such as ``locals()`` or a network.
        precision: how many significant digits the numbers show, 1 to 17.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom, or ``"RL"``, ``"BT"``.
        theme: ``"light"``, ``"dark"``, ``"print"``, or ``"auto"``, that of the notebook or of the reader's system.
        link: whether numbers that a reader changes in a notebook are written into the Values, and the graph is computed
            again; needs anywidget.
        most: the most nodes that are laid out; larger graphs take long, and are too much to read.
        timeout: seconds after which Graphviz is stopped, with a TimeoutError.

    Raises:
        ValueError: the graph has more nodes than *most*, another argument is out of range, ``data`` was changed after
            the graph was computed (``root.refresh()`` computes it again), or *link* is asked for and a node was made
            from numbers.
        TypeError: *root* is not a Value, or *names* has no names in it.

    >>> x, w = Value(2.0, label="x"), Value(-3.0, label="w")
    >>> stepper((x * w + 7).tanh())
    <Stepper: 3 steps through 6 nodes; .save("backprop.html") writes it as a page>
    """
    check_int("most", most, 1)  # draw checks all else
    link = check_flag("link", link)
    count = size(root)
    if count > most:
        raise ValueError(
            f"a graph to step through must have at most {most:,} nodes, got {count:,}; take a part of it, such as the "
            "loss of one example, the output of one neuron, or a smaller network (or raise most=...)"
        )
    walk = record_walk(root, names)
    look = Look(precision, direction, theme, timeout)
    with gradients_set(walk.nodes, walk.gradients):
        picture = draw(root, names=names, most=_PICTURED, **look._asdict())
    shown = Stepper(walk, lay_out(walk, precision, direction, timeout), look, picture, link)
    if link:
        shown.refresh()  # which says now where anywidget is missing
    return shown

"""``stepper``: backprop to be walked through, forward and back."""

from __future__ import annotations

import os
from pathlib import Path

from engine.expressions.nodes import text
from engine.node import size
from engine.stepping.layout import Layout, laid_out
from engine.stepping.page import framed, page
from engine.stepping.payload import payload
from engine.stepping.walk import Walk, walked
from engine.validation import shortened
from engine.value import Value

_MOST = 1000


class Stepper:
    """Backprop of one graph, laid out once, every step on record. Made by ``stepper``.

    Shows itself in Jupyter; ``save`` writes a page or an animation. What it shows are the numbers of the moment when
    it was made.
    """

    def __init__(self, walk: Walk, layout: Layout, precision: int, theme: str) -> None:
        self._walk = walk
        self._layout = layout
        self._precision = precision
        self._theme = theme
        root = text(walk.wording.formulas[walk.root])
        self.html = page(payload(walk, layout, precision), f"Backprop from {root}", theme)
        """The page: a whole HTML document with all that it needs in it."""

    def save(self, path: str | os.PathLike[str], *, seconds: float = 2.0) -> None:
        """Write the walk into a file whose ending says its kind.

        Args:
            path: ``.html`` for a page with all controls, or ``.gif`` for an animation, which needs Pillow.
            seconds: how long the animation shows each step, from 0.02 to 600.

        Raises:
            ValueError: another ending, *seconds* out of range, or a graph too large for an animation.
            ModuleNotFoundError: Pillow is missing.
            OSError: the file cannot be written.

        >>> stepper(Value(2.0, label="x") * 3).save("backprop.html")
        """
        target = Path(path)
        kind = target.suffix.lower()
        if kind == ".html":
            target.write_text(self.html, encoding="utf-8")
        elif kind == ".gif":
            from engine.stepping.animation import animated

            target.write_bytes(animated(self._walk, self._layout, self._precision, self._theme, seconds))
        else:
            raise ValueError(f"{shortened(str(target))}: the ending says the kind of file; html or gif is wanted")

    def _repr_html_(self) -> str:
        graph = min(max(self._layout.height + 60, 220), 460)
        return framed(self.html, round(graph) + 330)

    def __repr__(self) -> str:
        steps, nodes = len(self._walk.steps), len(self._walk.nodes)
        return f'<Stepper: {steps} steps through {nodes} nodes; .save("backprop.html") writes it as a page>'


def stepper(
    root: Value,
    *,
    names: object = None,
    precision: int = 4,
    direction: str = "LR",
    theme: str = "auto",
    most: int = _MOST,
    timeout: float = 20.0,
) -> Stepper:
    """Backprop from *root* as something to walk through: step by step, forward and back, with formula and numbers.

    In Jupyter the last line of a cell shows it: the graph, in which gradients fill in as they become known, the
    current node and the edges that it feeds, and the chain rule of the step below. A click on a node explains its
    gradient as a sum over everything that the node feeds, and *Check* sets the finite difference beside it. Arrow
    keys, Home, End and the space bar work, and so do screen readers.

    The graph is not changed: gradients are afterwards what they were before. The walk starts from gradients of 0, and
    shows those of *root* alone.

    Args:
        root: the Value whose derivatives are wanted, such as a loss.
        names: what to call the Values that have no label, such as ``locals()`` or a network.
        precision: how many significant digits the numbers show, 1 to 17.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom, or ``"RL"``, ``"BT"``.
        theme: ``"light"``, ``"dark"``, or ``"auto"``, which is what the reader's system has.
        most: the most nodes that are laid out; larger graphs take long, and nobody can walk through them.
        timeout: the seconds after which Graphviz is given up.

    Raises:
        ValueError: the graph has more nodes than *most*, another argument is out of range, or ``data`` was changed
            after the graph was computed (``root.refresh()`` computes it again).
        TypeError: *root* is not a Value, or *names* has no names in it.
        TimeoutError: Graphviz needed longer than *timeout*.

    >>> x, w = Value(2.0, label="x"), Value(-3.0, label="w")
    >>> stepper((x * w + 7).tanh())
    <Stepper: 3 steps through 6 nodes; .save("backprop.html") writes it as a page>
    """
    from engine.drawing.arguments import checked_number, checked_one_of

    checked_one_of("direction", direction, ("LR", "TB", "RL", "BT"))
    checked_one_of("theme", theme, ("auto", "light", "dark"))
    checked_number("precision", precision, 1, 17)
    checked_number("most", most, 1)
    checked_number("timeout", timeout, above=0.0)
    count = size(root)
    if count > most:
        raise ValueError(
            f"the graph has {count:,} nodes, and nobody walks through more than {most:,}; step through a part of it, "
            "such as the loss of one example, the output of one neuron, or a smaller network (or raise most=...)"
        )
    walk = walked(root, names)
    return Stepper(walk, laid_out(walk, precision, direction, timeout), precision, theme)

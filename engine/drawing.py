"""A graph of Values as a picture."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import graphviz

from engine.checks import shortened
from engine.graph import topological_order
from engine.rendering import rendered
from engine.value import CONSTANT, Value

_FONT = "Helvetica"
_LEAF, _RESULT, _OPERATION, _LINE = "#fff4d6", "#eef4fb", "#3b6ea5", "#5b6b7b"


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A ``graphviz.Digraph`` that draws with the Graphviz inside the pygraphviz package where the system has no
    ``dot``.

    It shows itself in Jupyter; ``render("graph", format="png")`` writes a file, ``pipe("svg")`` gives the bytes, and
    ``source`` is the text in the DOT language.
    """

    def pipe(self, format: str | None = None, *args: Any, encoding: str | None = None, **options: Any) -> bytes | str:
        """The picture as bytes, or with an *encoding* as text: see ``graphviz.Digraph.pipe``."""
        try:
            picture: bytes | str = super().pipe(format, *args, encoding=encoding, **options)
        except graphviz.ExecutableNotFound:
            drawn = rendered(self.source, format or self.format, options.get("engine") or self.engine)
            picture = drawn if encoding is None else drawn.decode(encoding)
        return picture

    def render(self, *args: Any, **options: Any) -> str:
        """Write source and picture into files and give the picture's name: see ``graphviz.Digraph.render``."""
        try:
            name: str = super().render(*args, **options)
        except graphviz.ExecutableNotFound:  # the source is written by now
            options = inspect.signature(super().render).bind(*args, **options).arguments
            outfile = options.get("outfile")
            kind = options.get("format") or (Path(outfile).suffix[1:] if outfile else self.format)
            name = os.fspath(outfile) if outfile else f"{self.filepath}.{kind}"
            Path(name).write_bytes(rendered(self.source, kind, options.get("engine") or self.engine))
            if options.get("cleanup"):
                Path(self.filepath).unlink(missing_ok=True)
        return name


def draw(root: Value, *, direction: str = "LR", precision: int = 4, most: int = 500) -> Drawing:
    """The graph under *root* as a picture: each Value with its label, data and gradient, and the operations between
    them.

    Args:
        root: the Value that all arrows lead to.
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom, or ``"RL"``, ``"BT"``.
        precision: how many significant digits the numbers show.
        most: the most nodes that are drawn; larger graphs take Graphviz long and nobody can read them.

    Returns:
        A ``graphviz.Digraph``, which shows itself in Jupyter; ``.render("graph", format="png")`` writes a file.

    Raises:
        ValueError: the graph has more nodes than that, or another argument is not to be.
        TypeError: *root* is not a Value.

    >>> x = Value(2.0, label="x")
    >>> print(draw(x * 3).source.count("->"))
    3
    """
    if direction not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f'direction: "LR", "TB", "RL" or "BT" is wanted, not {direction!r}')
    if isinstance(precision, bool) or not isinstance(precision, int) or not 1 <= precision <= 17:
        raise ValueError(f"precision: a whole number of digits from 1 to 17 is wanted, not {precision!r}")
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ValueError(f"most: a whole number above 0 is wanted, not {most!r}")
    nodes = topological_order(root)
    if len(nodes) > most:
        raise ValueError(
            f"the graph has {len(nodes):,} nodes, and a picture of more than {most:,} takes long and cannot be read; "
            "draw a part of it, such as the output of one neuron, or a smaller network (or raise most=...)"
        )
    drawing = Drawing(
        graph_attr={"rankdir": direction, "bgcolor": "transparent", "nodesep": "0.2", "ranksep": "0.35"},
        node_attr={"fontname": _FONT, "fontsize": "11", "color": _LINE, "penwidth": "0.8"},
        edge_attr={"color": _LINE, "penwidth": "0.9", "arrowsize": "0.6"},
    )
    names = {node: f"n{place}" for place, node in enumerate(nodes)}
    for node, name in names.items():
        _add(drawing, node, name, precision, upright=direction in ("TB", "BT"))
        for operand in node.operands:
            drawing.edge(names[operand], f"{name}op")
    return drawing


def _add(drawing: Drawing, node: Value, name: str, precision: int, upright: bool) -> None:
    """One Value, and the operation that made it as a node of its own before it."""
    if node.op == CONSTANT:
        number = f"{node.data:.{precision}g}"
        drawing.node(name, number, shape="plaintext", fontcolor=_LINE, width="0", height="0", margin="0.04")
        return
    fields = [f"data {node.data:.{precision}g}", f"grad {node.grad:.{precision}g}"]
    label = shortened_label(node.label)
    if label:
        fields.insert(0, _escaped(label))
    text = " | ".join(fields)
    drawing.node(
        name,
        f"{{{text}}}" if upright else text,  # a record's fields run along the rank; braces turn them
        shape="record",
        style="filled,rounded",
        fillcolor=_RESULT if node.operands else _LEAF,
    )
    if node.operands:
        drawing.node(
            f"{name}op",
            _escaped(node.op),
            shape="circle",
            style="filled",
            fillcolor=_OPERATION,
            fontcolor="white",
            color=_OPERATION,
            margin="0.02",
            width="0.3",
        )
        drawing.edge(f"{name}op", name)


def shortened_label(label: str) -> str:
    """A label on one line, and short enough for a picture."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in label).split())
    return plain if len(plain) <= 40 else f"{plain[:19]}...{plain[-18:]}"


def _escaped(text: str) -> str:
    """Text that Graphviz shows as it is, with no field, port, escape or HTML entity in it."""
    return "".join(f"\\{c}" if c in "\\{}|<>" else "&amp;" if c == "&" else c for c in text)


def written(drawing: Drawing, path: str | os.PathLike[str]) -> None:
    """Write a drawing into a file whose ending says its kind: svg, png or pdf; or gv, the source.

    Raises:
        ValueError: another ending.
        OSError: the file cannot be written.
    """
    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    if kind == "gv":
        target.write_text(drawing.source, encoding="utf-8")
    elif kind in ("svg", "png", "pdf"):
        picture = drawing.pipe(kind)
        target.write_bytes(picture if isinstance(picture, bytes) else picture.encode())
    else:
        raise ValueError(
            f"{shortened(str(target))}: the ending says the kind of picture; svg, png, pdf or gv is wanted"
        )

"""The result of ``draw``: a ``graphviz.Digraph`` that any machine can render, and that never hangs."""

import os
from pathlib import Path
from typing import Any, Self

import graphviz

from engine.drawing.graphviz_process import run_graphviz
from engine.validation import shortened


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A ``graphviz.Digraph`` that needs no system Graphviz, and gives up after ``timeout`` seconds.

    Without ``dot`` it draws with the Graphviz inside the pygraphviz package. It shows itself in Jupyter;
    ``render("graph", format="png")`` writes a file, and ``source`` is the text in the DOT language.

    >>> drawing = Drawing()
    >>> drawing.edge("a", "b")
    >>> drawing.pipe("svg")[:5]
    b'<?xml'
    """

    timeout: float = 20.0
    """Seconds after which Graphviz is stopped."""

    def pipe(
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> bytes | Any:
        """The picture as bytes, or with an *encoding* as text: see ``graphviz.Digraph.pipe``.

        Raises the errors of ``run_graphviz``.
        """
        kind = ":".join(part for part in (format or self.format, renderer, formatter) if part)
        options = (f"-n{int(neato_no_op)}",) if neato_no_op else ()
        picture = run_graphviz(self.source, kind, engine or self.engine, options, self.timeout)
        return picture if encoding is None else picture.decode(encoding)

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> str:
        """Write source and picture into files and give the picture's name: see ``graphviz.Digraph.render``.

        Raises the errors of ``run_graphviz``; the source is written by then.
        """
        target = None if outfile is None else Path("" if directory else self.directory or "", outfile)
        if outfile is not None and filename is None:
            filename = Path(outfile).with_suffix(f".{self._default_extension}")
        kind = format or (target.suffix[1:] if target else "") or self.format
        source = Path(self.save(filename, directory=directory))
        picture = target or source.with_name(f"{source.name}.{kind}")
        picture.write_bytes(self.pipe(kind, **options))
        if cleanup:
            source.unlink()
        if view:
            graphviz.view(picture)
        return os.fspath(picture)

    def copy(self) -> Self:
        """A copy that can be changed on its own."""
        twin: Self = super().copy()
        twin.timeout = self.timeout
        return twin


def write_picture(drawing: Drawing, path: str | os.PathLike[str]) -> None:
    """Write a drawing into a file as its ending says: .svg, .png or .pdf, or .gv for the source.

    Raises:
        ValueError: another ending.
        OSError: the file cannot be written.
        TimeoutError: Graphviz took longer than the drawing's ``timeout``.
    """
    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    if kind not in ("svg", "png", "pdf", "gv"):
        raise ValueError(f"a file name must end in .svg, .png, .pdf or .gv, got {shortened(str(target))}")
    target.write_bytes(drawing.source.encode() if kind == "gv" else drawing.pipe(kind))

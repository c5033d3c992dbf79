"""The result of ``draw``: a ``graphviz.Digraph`` that any machine can render, and that never hangs."""

import os
import re
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import graphviz

from engine.drawing.rendering import run_graphviz
from engine.validation import check_int, shortened
from engine.whole_files import as_path, write_whole

_PICTURES, _SOURCES = ("svg", "png", "pdf"), ("dot", "gv")
_WIDEST = 32_000  # pixels that Graphviz can draw
_INCH = 96  # pixels of a browser
_CELL = 900  # pixels of a cell in JupyterLab, in a window of 1366
_WIDE = 1260  # pixels; what is wider is too small to read in such a cell, and takes all that a cell has
_SIZE = re.compile(r'<svg width="(\d+)pt" height="\d+pt"')


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A ``graphviz.Digraph`` that needs no system Graphviz, with a ``timeout``.

    Without ``dot`` it draws with the Graphviz inside the pygraphviz package. It shows itself in Jupyter;
    ``save("graph.png")`` writes a file, and ``source`` is the text in the DOT language.

    >>> drawing = Drawing()
    >>> drawing.edge("a", "b")
    >>> drawing.pipe("svg")[:5]
    b'<?xml'
    >>> drawing
    <Drawing: graph; .save("graph.svg") writes the picture, or .png, .pdf, .dot>
    """

    timeout: float = 20.0
    """Seconds after which Graphviz is stopped."""
    width: int | None = None
    """Pixels of the picture in Jupyter and in files; None for as many as the drawing needs."""
    description: str = "graph"
    """The picture in words, for readers who do not see it."""
    outline: str = ""
    """The picture as lines of text, for pages and consoles that show none."""
    style: str = ""
    """Rules of CSS for an SVG."""

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
        if self.style and kind == "svg":
            picture = picture.replace(b"<g ", f"<style>{self.style}</style>\n<g ".encode(), 1)
        return picture if encoding is None else picture.decode(encoding)

    def save(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        *,
        dpi: int = _INCH,
        width: int | None = None,
    ) -> str:
        """Write the picture into a file as its ending says, and give the file's name.

        Args:
            filename: ends in .svg, .png or .pdf, or in .dot or .gv for the source; None for the source in "graph.gv".
            directory: the folder of the file; it is made if it is missing.
            dpi: pixels to an inch of a .png, 1 to 2,400, where no *width* is asked for.
            width: pixels of a .png, or 96ths of an inch of an .svg or .pdf; None for the drawing's ``width``.

        Raises:
            ValueError: another ending, or a number out of range; nothing is written then.
            OSError: the file cannot be written; an existing file stays as it was.

        And the errors of ``run_graphviz``.
        """
        folder = as_path("directory", directory or self.directory or "", "folder")
        target = folder / as_path("filename", self.filename if filename is None else filename)
        kind = _ending(target)
        if kind not in _PICTURES + _SOURCES:
            raise ValueError(f"a file name must end in .svg, .png, .pdf, .dot or .gv, got {shortened(str(target))}")
        check_int("dpi", dpi, 1, 2400)
        check_width(width)
        picture = self.source.encode() if kind in _SOURCES else self._scaled(kind, dpi, width or self.width).pipe(kind)
        if directory is not None:
            Path(directory).mkdir(parents=True, exist_ok=True)
        write_whole(target, picture)
        return os.fspath(target)

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: str | os.PathLike[str] | None = None,
        quiet_view: bool = False,
        **options: Any,
    ) -> str:
        """Write the picture into ``"graph.png"``, as ``save`` does; return its name.

        Or do as ``graphviz.Digraph.render`` does: with a *format*, or a name without a picture's ending, write the
        source into *filename*, and the picture into ``filename.format``.

        Raises:
            ValueError: the ending of *filename* is unknown, or of another kind than *format*; nothing is written then.

        And the errors of ``run_graphviz``.
        """
        ending, kind = _ending(filename or ""), format or _ending(outfile or "") or self.format
        if outfile is None and ending and ending == format and ending not in _PICTURES:
            outfile, filename = Path(directory or "", filename or ""), None
        if outfile is None and ending and ending not in _SOURCES and (format is None or ending in _PICTURES):
            if format not in (None, ending):
                raise ValueError(f"format must be that of the file name, {ending!r}, got {format!r}")
            picture = Path(self.save(filename, directory))
        else:
            if outfile is not None and filename is None:
                filename = Path(outfile).with_suffix(".gv")
            source = Path(super().save(filename, directory=directory))
            inside = "" if directory else self.directory or ""
            picture = Path(inside, outfile) if outfile else source.with_name(f"{source.name}.{kind}")
            write_whole(picture, self.pipe(kind, **options))
            if cleanup:
                source.unlink()
        if view:
            graphviz.view(picture, quiet=quiet_view)
        return os.fspath(picture)

    def copy(self) -> Self:
        twin: Self = super().copy()
        twin.timeout, twin.width = self.timeout, self.width
        twin.description, twin.outline, twin.style = self.description, self.outline, self.style
        return twin

    def _scaled(self, kind: str, dpi: int, width: int | None, most: int | None = None) -> Self:
        """A copy that Graphviz draws so wide, or no wider than *most*, or in a .png with so many pixels to an inch."""
        scaled = self.copy()
        if kind == "png" and width is None:
            scaled.attr("graph", dpi=str(dpi))
        if limit := width or most:
            scaled.attr("graph", size=f"{limit / _INCH:.6f},10000{'!' if width else ''}")
        return scaled

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **_: Any
    ) -> dict[str, Any]:
        """What Jupyter shows: an SVG, and a PNG for a notebook that is not trusted and for LaTeX; others if asked for.

        No HTML: ``jupyter nbconvert --sanitize-html`` would print it.
        """
        bundle: dict[str, Any] = {}
        said = self.outline or repr(self)
        if include is None and self._jupyter_mimetype == "image/svg+xml":
            try:
                svg = self._scaled("svg", _INCH, self.width).pipe("svg").decode()
            except RuntimeError as error:  # Graphviz is missing
                return {"text/plain": f"{said}\n\n{error}"}
            bundle["image/svg+xml"] = svg if self.width else _fitted(svg)
            still = self._scaled("png", _INCH, self.width, _WIDE if _width_of(svg) > _WIDE else _CELL)
            if self.style:
                still.attr("graph", bgcolor="transparent")  # its boxes and lines are seen on light and on dark pages
            with suppress(ValueError):  # a browser draws no PNG
                bundle["image/png"] = b64encode(still.pipe("png")).decode()
        else:
            bundle = super()._repr_mimebundle_(include, exclude)
        bundle["text/plain"] = said
        return {kind: data for kind, data in bundle.items() if kind not in (exclude or ())}

    def __repr__(self) -> str:
        return f'<Drawing: {self.description}; .save("graph.svg") writes the picture, or .png, .pdf, .dot>'


def check_width(width: int | None) -> None:
    """Raise a ValueError unless *width* is a number of pixels that can be drawn, or None."""
    check_int("width", 1 if width is None else width, 1, _WIDEST)


def _fitted(svg: str) -> str:
    """The SVG no wider than its cell: JupyterLab scales none down. What is much wider is as wide as the cell is."""
    width = _width_of(svg)
    if width <= _CELL:
        return svg
    return _SIZE.sub(f'<svg width="{"100%" if width > _WIDE else f"{_CELL}px"}"', svg, count=1)


def _width_of(svg: str) -> int:
    """The pixels of Graphviz's SVG; 0 if it says none."""
    size = _SIZE.search(svg)
    return int(size[1]) * _INCH // 72 if size else 0


def _ending(path: str | os.PathLike[str]) -> str:
    return as_path("filename", path).suffix.lower().removeprefix(".")

"""Graphviz, wherever Python runs: a process of the system, or in a web browser a JavaScript module.

In a browser (Pyodide) Python has no processes. There the page provides a module named ``graphviz_in_page``, with
``pyodide.registerJsModule("graphviz_in_page", {render})``; ``render(source, format, engine)`` returns text, as that of
the npm package ``@viz-js/viz`` does. A Python module of this name and form serves as well.
"""

import sys
from importlib import import_module

from engine.drawing.graphviz_process import run_process

_IN_PAGE = "graphviz_in_page"
_TEXTS = ("svg", "plain", "dot", "json", "xdot")  # what Graphviz can write in a browser


def run_graphviz(
    source: str, kind: str, engine: str = "dot", options: tuple[str, ...] = (), timeout: float = 20.0
) -> bytes:
    """Draw a graph in the DOT language, in a format such as ``"svg"``; *options* are for ``dot``.

    A browser cannot stop Graphviz, and has few formats and no options. Raises a TimeoutError after *timeout* seconds, a
    RuntimeError if Graphviz is missing or could not draw it, and a ValueError for what there is not in a browser.
    """
    if sys.platform == "emscripten":
        return _run_in_page(source, kind, engine, options)
    return run_process(source, kind, engine, options, timeout)


def _run_in_page(source: str, kind: str, engine: str, options: tuple[str, ...]) -> bytes:
    if kind not in _TEXTS:
        known = ", ".join(_TEXTS)
        raise ValueError(f"the format of a picture must be one of {known} in a browser, got {kind!r}; save an .svg")
    if options:
        raise ValueError(f"Graphviz takes no options in a browser, got {' '.join(options)}")
    try:
        page = import_module(_IN_PAGE)
    except ModuleNotFoundError:
        raise RuntimeError(
            f"Graphviz in a browser must be provided by the page, as a module named {_IN_PAGE} (see "
            "engine.drawing.rendering), got none"
        ) from None
    try:
        picture = page.render(source, kind, engine)
    except Exception as error:
        lines = str(error).strip().splitlines()
        raise RuntimeError(f"Graphviz drew no {kind}: {lines[0] if lines else 'it said nothing'}") from None
    return str(picture).encode()

"""Graphviz, wherever Python runs: a process of the system, or in a web browser a JavaScript module.

A process with a time limit is the system's ``dot``, or else this file, run as a program around the Graphviz inside
pygraphviz. It also keeps what Graphviz and its font library print out of the caller's notebook.

In a browser (Pyodide) Python has no processes. There the page provides a module named ``graphviz_in_page``, with
``pyodide.registerJsModule("graphviz_in_page", {render})``; ``render(source, format, engine)`` returns text, as that of
the npm package ``@viz-js/viz`` does. A Python module of this name and form serves as well.
"""

import os
import shutil
import signal
import sys
from contextlib import suppress
from importlib import import_module
from subprocess import PIPE, Popen, TimeoutExpired

_MISSING = 'Graphviz, which lays graphs out, is missing: install its program dot, or pip install "gradstep[pictures]"'
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


def run_process(source: str, kind: str, engine: str, options: tuple[str, ...], timeout: float) -> bytes:
    """As ``run_graphviz``, where Python has processes."""
    dot = shutil.which("dot")
    program = [dot] if dot else [sys.executable, "-P", __file__]  # -P: this folder's modules are not for import by name
    command = [*program, f"-K{engine}", f"-T{kind}", *options]
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True) as process:
        try:
            picture, said = process.communicate(source.encode(), timeout)
        except BaseException as error:  # Ctrl-C ends a wait, too
            _stop(process)
            if not isinstance(error, TimeoutExpired):
                raise
            raise TimeoutError(
                f"Graphviz had not drawn the graph after {timeout:g} s and was stopped; fold more of it (draw with a "
                "smaller depth=... or most=...), draw a part of it, or give it longer (timeout=...)"
            ) from None
    if process.returncode or not picture:
        lines = said.decode(errors="replace").strip().splitlines()
        told = " ".join(lines[-2 if dot else -1 :]) or "it said nothing"  # dot's advice is a line of its own
        raise RuntimeError(told if told == _MISSING else f"Graphviz drew no {kind}: {told}")
    return picture


def _stop(process: Popen[bytes]) -> None:
    """End a process and all that it has started in its session."""
    if os.name == "posix":
        with suppress(ProcessLookupError):  # it may just have ended by itself
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


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


if __name__ == "__main__":  # as a program: it draws its input, with the options -Kengine and -Tformat of dot
    try:
        import pygraphviz
    except ImportError:
        sys.exit(_MISSING)
    options = {argument[:2]: argument[2:] for argument in sys.argv[1:]}
    graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(graph.draw(format=options["-T"], prog=options["-K"]))

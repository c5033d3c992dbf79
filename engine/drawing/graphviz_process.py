"""Graphviz in a separate process, with a time limit: the system's ``dot`` or else the one inside pygraphviz."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_BUNDLED = str(Path(__file__).with_name("pygraphviz_main.py"))


def run_graphviz(
    source: str, kind: str, engine: str = "dot", options: tuple[str, ...] = (), timeout: float = 20.0
) -> bytes:
    """Draw a graph in the DOT language.

    Args:
        source: the graph.
        kind: ``"svg"``, ``"png"``, ``"pdf"`` or another format that Graphviz writes.
        engine: the layout program, ``"dot"`` for layers.
        options: further options for ``dot``.
        timeout: seconds after which Graphviz is stopped.

    Raises:
        TimeoutError: Graphviz took longer; the message says what to do.
        RuntimeError: Graphviz could not draw it, or pygraphviz is missing; the message holds what it said.
    """
    dot = shutil.which("dot")
    own = [sys.executable, "-P", _BUNDLED]  # -P: this folder's modules are not for import by name
    command = [*([dot] if dot else own), f"-K{engine}", f"-T{kind}", *options]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # so that all that the process starts is stopped with it
    ) as process:
        try:
            picture, said = process.communicate(source.encode(), timeout)
        except subprocess.TimeoutExpired:
            _stop(process)
            raise TimeoutError(
                f"Graphviz had not drawn the graph after {timeout:g} s and was stopped; fold more of it (draw with a "
                "smaller depth=... or most=...), draw a part of it, or give it longer (timeout=...)"
            ) from None
        except BaseException:  # Ctrl-C ends a wait, too
            _stop(process)
            raise
    if process.returncode or not picture:
        lines = said.decode(errors="replace").strip().splitlines()
        raise RuntimeError(f"Graphviz drew no {kind}: {lines[-1] if lines else 'it said nothing'}")
    return picture


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):  # it may just have ended by itself
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()

"""Graphviz in a separate process, with a time limit: the system's ``dot`` or else the one inside pygraphviz.

The process also keeps what Graphviz and its font library print out of the caller's notebook.
"""

import os
import shutil
import signal
import sys
from contextlib import suppress
from subprocess import PIPE, Popen, TimeoutExpired

_MISSING = 'Graphviz, which lays graphs out, is missing: install its program dot, or pip install "gradstep[pictures]"'


def run_process(source: str, kind: str, engine: str, options: tuple[str, ...], timeout: float) -> bytes:
    """Draw a graph in the DOT language, as ``run_graphviz`` does where Python has processes."""
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
        last = lines[-1] if lines else "it said nothing"
        raise RuntimeError(last if last == _MISSING else f"Graphviz drew no {kind}: {last}")
    return picture


def _stop(process: Popen[bytes]) -> None:
    """End a process and all that it has started in its session."""
    if os.name == "posix":
        with suppress(ProcessLookupError):  # it may just have ended by itself
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


if __name__ == "__main__":  # as a program: it draws its input, with the options -Kengine and -Tformat of dot
    try:
        import pygraphviz
    except ImportError:
        sys.exit(_MISSING)
    options = {argument[:2]: argument[2:] for argument in sys.argv[1:]}
    graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(graph.draw(format=options["-T"], prog=options["-K"]))

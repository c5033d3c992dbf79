"""Graphviz without a system ``dot``: the one inside pygraphviz, in a process of its own.

Run as a program, this file reads DOT from standard input and writes the picture to standard output. A process of its
own keeps what Graphviz and its font library print out of the caller's notebook.
"""

from __future__ import annotations

import subprocess
import sys


def rendered(source: str, kind: str, engine: str = "dot") -> bytes:
    """The picture of a graph in the DOT language.

    Args:
        source: the graph.
        kind: ``"svg"``, ``"png"``, ``"pdf"`` or another format that Graphviz writes.
        engine: the layout program, ``"dot"`` for layers.

    Raises:
        RuntimeError: Graphviz could not draw it, or pygraphviz is missing; the message holds what it said.
    """
    command = [sys.executable, "-P", __file__, kind, engine]  # -P: this folder's modules are not for import by name
    done = subprocess.run(command, input=source.encode(), capture_output=True, check=False)
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(f"Graphviz drew no {kind}: {said[-1] if said else 'it said nothing'}")
    return done.stdout


def main() -> None:
    """Draw standard input in the format and with the engine that the arguments name."""
    import pygraphviz

    kind, engine = sys.argv[1:]
    graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(graph.draw(format=kind, prog=engine))


if __name__ == "__main__":
    main()

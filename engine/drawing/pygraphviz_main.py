"""The Graphviz inside pygraphviz, run as a program: DOT from standard input, the picture to standard output.

It takes the options ``-Kengine`` and ``-Tformat`` of ``dot``. A separate process can be stopped, and keeps what
Graphviz and its font library print out of the caller's notebook.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Draw standard input in the format and with the engine that the arguments name."""
    import pygraphviz

    options = {argument[:2]: argument[2:] for argument in sys.argv[1:]}
    graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(graph.draw(format=options["-T"], prog=options["-K"]))


if __name__ == "__main__":
    main()

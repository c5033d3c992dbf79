"""Replay: a graph of Values, built once for one example, run for whole batches as array instructions.

Each pass is a file, in this order: ``recording`` reads the graph, ``simplifying`` drops what need not be computed,
``summing`` finds sums and dot products, ``grouping`` puts equal work side by side, ``placing`` lays out memory,
``forward`` and ``backward`` write instructions (``gradients`` knows where each gradient stands), ``reusing`` lets what
is no longer needed make room, ``running`` carries the instructions out with numpy.
"""

from engine.compiler.api import CompiledFunction, compile
from engine.compiler.program import Program

__all__ = ["CompiledFunction", "Program", "compile"]

"""Replay: a graph of Values, built once for one example, run for whole batches as array instructions.

Each pass is a file, in this order: ``trace`` reads the graph, ``simplify`` drops what need not be computed,
``fuse_sums`` finds sums and dot products, ``vectorize`` puts equal work side by side, ``memory_layout`` gives each
number a slot, ``lower_forward`` and ``lower_backward`` write instructions (``adjoints`` knows where each gradient is),
``buffer_reuse`` reuses the slots of numbers that are no longer needed, ``backends`` carry the instructions out. A
``runner`` does so for whole batches; ``cost`` tells beforehand whether that pays off. ``rows`` follows instructions for
JAX and ONNX; ``c_program``, ``javascript_module`` and ``onnx_program`` write a graph for other tools.

A function is recorded by ``recorder``, which notices what leaves the graph; ``type_tests`` reads whether it asks for
the type of a number; ``surroundings`` tell whether a call changes something, by ``notes`` of all that it can reach;
``paths`` are a program for each way that its comparisons (``guards``) choose.

Most need ``compile`` alone. A library that trains functions of its users also needs ``Paths`` of a ``Source`` with its
``Surroundings``, which ``changed`` compares, ``record``, ``slower_than_eager`` and ``backend_named``; and to compare
graphs that exist, ``recorded`` and ``same_graph``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.compiler.api import CompiledFunction, compile
    from engine.compiler.backends import backend_named
    from engine.compiler.cost import slower_than_eager
    from engine.compiler.paths import Path, Paths, Source
    from engine.compiler.program import Program
    from engine.compiler.recorder import record
    from engine.compiler.surroundings import STATE_OF_RANDOM, Surroundings, changed
    from engine.compiler.trace import Record, recorded, same_graph

__all__ = ["CompiledFunction", "Path", "Paths", "Program", "Source", "Surroundings", "changed", "compile"]
__all__ += ["STATE_OF_RANDOM", "Record", "backend_named", "record", "recorded", "same_graph", "slower_than_eager"]

_FILES = {
    **dict.fromkeys(("CompiledFunction", "compile"), "api"),
    **dict.fromkeys(("Path", "Paths", "Source"), "paths"),
    **dict.fromkeys(("STATE_OF_RANDOM", "Surroundings", "changed"), "surroundings"),
    **dict.fromkeys(("Record", "recorded", "same_graph"), "trace"),
    **{"Program": "program", "record": "recorder", "backend_named": "backends", "slower_than_eager": "cost"},
}  # most need numpy; the recorder does not, and a page in a browser has it alone


def __getattr__(name: str) -> object:
    if name in _FILES:
        return getattr(import_module(f"engine.compiler.{_FILES[name]}"), name)
    raise AttributeError(f"module 'engine.compiler' has no attribute {name!r}")

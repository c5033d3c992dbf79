"""Plans: what is carried out for one question, and what it takes to be a backend that carries it out."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np

from engine.compiler.buffer_reuse import reused
from engine.compiler.collector import collector_paused
from engine.compiler.ir import Code, Floats, Indexes
from engine.compiler.ir_builder import Emitter
from engine.compiler.lower_backward import Backward
from engine.compiler.lower_forward import emit_forward
from engine.compiler.memory_layout import Placed
from engine.compiler.vectorize import GRADIENT, INPUTS, UNIFORM

PARAMETERS = "parameters"


class Gradient(NamedTuple):
    """What is computed besides the outputs: the gradient of one of them *of* ``"parameters"`` or ``"inputs"``.

    *careful* instructions are slow, and needed beside infinity alone: see ``Backward``.
    """

    output: int
    of: str
    careful: bool


@dataclass(frozen=True, eq=False)
class Plan:
    """What a backend is given: a graph laid out in memory, and which gradient is computed besides its outputs."""

    graph: Placed
    gradient: Gradient | None
    kept: dict[str, Any] = field(default_factory=dict)
    """What backends made of it, by their names."""
    failed: set[str] = field(default_factory=set)
    """Backends that failed for a plan of the same program: they are not tried for another."""

    @property
    def code(self) -> Code:
        """The instructions, each number in a slot that nothing else takes; written again each time."""
        with collector_paused():
            if self.gradient is None:
                return code_for(self.graph)
            output, of, careful = self.gradient
            n_inputs, n_parameters = self.graph.record.n_inputs, self.graph.record.n_parameters
            leaves = np.arange(n_inputs) if of == INPUTS else n_inputs + np.arange(n_parameters)
            return code_for(self.graph, output, leaves, careful)

    @cached_property
    def reused(self) -> Code:
        """The same in little memory, where numbers that are no longer needed make room for others."""
        with collector_paused():
            return reused(self.code)


class Bound(Protocol):
    """What a backend gives: a plan made ready for one number of examples. One thread at a time uses it."""

    by_parameters: Floats
    """The gradient in the parameters, ``(n_parameters,)``, after a run of a plan with that gradient."""
    by_inputs: Floats
    """The gradients in the inputs, ``(n_inputs, n_examples)``, after a run of a plan with those."""

    def load(self, rows: Floats, places: Indexes | None = None) -> None:
        """Take the inputs: all *rows*, or those at these *places*; they may be of float64 for a program of float32."""

    def run(self, seed: float, listens: bool) -> bool:
        """Compute outputs, and the gradient that starts with *seed* for each example.

        Where it *listens*, say whether an operation forward may have divided by zero, overflowed or met an invalid
        operand: whether its result is infinite or NaN. Then numbers that eager arithmetic refuses are looked for.
        """

    def read(self, results: Floats, start: int = 0) -> None:
        """Write outputs of the last run, from one on, into ``(n_examples, n_outputs)`` numbers."""


class Backend(Protocol):
    """How plans are carried out: a module of ``backends``."""

    def share(self, plan: Plan, n_bytes: int) -> tuple[int, bool]:
        """How many examples at a time, with numbers of so many bytes, and whether these parts are worth threads."""

    def words(self, plan: Plan) -> list[str]:
        """Lines for people: what the backend does itself, and what it leaves to others."""

    def bind(self, plan: Plan, n_examples: int, uniform: Floats) -> Bound:
        """Make a plan ready for so many examples.

        *uniform* ``(n_slots, 1)`` begins with the parameters and the constants. Parameters are other numbers in each
        run; the backend may write what it computes from them into the slots after these.
        """


def code_for(graph: Placed, output: int = -1, wanted: Indexes | None = None, careful: bool = False) -> Code:
    """The outputs, and the gradient of one of them in *wanted* leaves; by *careful* instructions (see ``Backward``)."""
    emitter, n_slots = Emitter(graph), graph.n_slots.copy()
    seed: tuple[str, int] | None = None
    for group in graph.groups:
        emit_forward(emitter, group)
    forward = emitter.taken()
    outputs = [(graph.spaces[place], int(graph.slots[place])) for place in graph.record.outputs]
    if wanted is not None:
        gradients = Backward(emitter, graph.record.outputs[output], wanted, careful).gradients
        n_slots |= {space + GRADIENT: size for space, size in graph.n_slots.items()}
        n_slots[UNIFORM + GRADIENT] = gradients.n_uniform
        memory, slot = outputs[output]
        seed = memory + GRADIENT, slot
    return Code(forward, emitter.taken(), n_slots | emitter.scratch_slots, outputs, seed)

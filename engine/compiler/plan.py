"""What is carried out for one question: the instructions of both directions, and the memory that they need."""

from __future__ import annotations

from dataclasses import dataclass

from engine.compiler.adjoints import GRADIENT
from engine.compiler.ir import Instruction, Scatter
from engine.compiler.ir_builder import Emitter
from engine.compiler.lower_backward import Backward
from engine.compiler.lower_forward import emit_forward
from engine.compiler.memory_layout import Placed
from engine.compiler.vectorize import UNIFORM, Places


@dataclass
class Code:
    """Instructions, the size of each memory, and where results and the first gradient stand: (memory, slot)."""

    forward: list[Instruction]
    backward: list[Instruction]
    n_slots: dict[str, int]
    outputs: list[tuple[str, int]]
    seed: tuple[str, int] | None = None

    @property
    def width(self) -> float:
        """How many numbers of an example an instruction computes, on average."""
        instructions = [*self.forward, *self.backward]
        sizes = [(part.source if isinstance(part, Scatter) else part.out).size for part in instructions]
        return sum(sizes) / max(1, len(sizes))


def forward_code(graph: Placed) -> Code:
    """The outputs and nothing else."""
    emitter = Emitter(graph)
    for group in graph.groups:
        emit_forward(emitter, group)
    outputs = [(graph.spaces[place], int(graph.slots[place])) for place in graph.record.outputs]
    return Code(emitter.instructions, [], {**graph.n_slots, **emitter.scratch_slots}, outputs)


def gradient_code(graph: Placed, output: int, wanted: Places, careful: bool = False) -> Code:
    """The outputs, and the gradient of one of them in the *wanted* leaves; by *careful* instructions (see Backward)."""
    code = forward_code(graph)
    emitter = Emitter(graph)
    gradients = Backward(emitter, graph.record.outputs[output], wanted, careful).gradients
    n_slots = dict(code.n_slots)
    n_slots |= {space + GRADIENT: size for space, size in graph.n_slots.items()}
    n_slots[UNIFORM + GRADIENT] = gradients.n_uniform
    n_slots |= {name: max(size, code.n_slots[name]) for name, size in emitter.scratch_slots.items()}
    memory, slot = code.outputs[output]
    return Code(code.forward, emitter.instructions, n_slots, code.outputs, (memory + GRADIENT, slot))

"""Last pass: instructions bound to numpy arrays of one batch size, and carried out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from engine.compiler.backends.numpy_calls import Call, calls_of, is_finite, resolved
from engine.compiler.ir import Floats, Indexes, Instruction, by_columns
from engine.compiler.plan import Plan
from engine.compiler.vectorize import GRADIENT, INPUTS, UNIFORM

_CHUNK = 16_000  # examples: enough to outweigh the calls, few enough for the cache
_FOR_THREADS = 60_000  # numbers in a call of numpy, on average: for fewer, threads mostly wait for the interpreter
_CHUNK_BYTES, _CHUNK_BYTES_BY_EXAMPLE = 128 * 2**20, 8 * 2**20
_SIGNALS: dict[str, Any] = {"divide": "call", "invalid": "call", "over": "call"}
"""What numpy signals where an operation refuses a number, and sometimes where none does."""


def share(plan: Plan, n_bytes: int) -> tuple[int, bool]:
    """Chunks that stay in the cache; threads only where the calls of numpy are long."""
    slots = sum(n for name, n in plan.reused.n_slots.items() if not name.startswith(UNIFORM))
    room = _CHUNK_BYTES_BY_EXAMPLE if plan.gradient and plan.gradient.of == INPUTS else _CHUNK_BYTES
    chunk = int(min(_CHUNK, max(1, room // (slots * n_bytes + 1))))
    return chunk, chunk * plan.reused.width >= _FOR_THREADS


def words(_plan: Plan) -> list[str]:
    """Nothing: each line of a program is an instruction or a few."""
    return []


def bind(plan: Plan, n_examples: int, uniform: Floats) -> Bound:
    code = plan.reused
    bound = Bound(plan, n_examples, uniform, [*code.forward, *code.backward])
    bound.forward, bound.backward = bound.bind(code.forward, code.backward)
    return bound


class Memories:
    """The arrays of a program for one batch size: ``(slots, n_examples)``, or ``(slots, 1)`` for all examples."""

    def __init__(self, slots: dict[str, int], n_examples: int, dtype: np.dtype[Any], by_columns: bool = False) -> None:
        self.n_examples = n_examples
        self.arrays: dict[str, Floats] = {
            name: np.zeros((size, 1 if name.startswith("uniform") else n_examples), dtype)
            for name, size in slots.items()
            if name != "inputs"
        }
        n_inputs = slots["inputs"]
        columns, rows = (n_inputs, n_examples), (n_examples, n_inputs)
        self.arrays["inputs"] = np.zeros(columns, dtype) if by_columns else np.zeros(rows, dtype).T

    def load(self, rows: Floats, places: Indexes | None = None) -> None:
        """Take the inputs from ``(n_examples, n_inputs)`` numbers, or from some of these rows: see ``plan.Bound``."""
        inputs = self.arrays["inputs"].T
        if places is None:
            np.copyto(inputs, rows)
        elif inputs.flags.c_contiguous:
            np.take(rows, places, 0, inputs, "clip")
        else:
            np.copyto(inputs, rows[places])

    def bind(self, *lists: Sequence[Instruction]) -> list[list[Call]]:
        """Each instruction as calls that are ready, list by list."""
        resolve = cache(partial(resolved, self.arrays))  # of views alone: 0.0 and -0.0 would be one
        return [calls_of(instructions, self.arrays, resolve) for instructions in lists]


class Bound(Memories):
    """The arrays with calls: see ``plan.Bound``. Whoever makes this adds the calls; numpy has these *instructions*."""

    repeats = True
    """Whether the calls forward give the same when they are run again."""

    def __init__(self, plan: Plan, n_examples: int, uniform: Floats, instructions: list[Instruction]) -> None:
        code, record = plan.reused, plan.graph.record
        super().__init__(code.n_slots, n_examples, uniform.dtype, by_columns(instructions, record.n_inputs))
        self.arrays[UNIFORM] = uniform
        self.forward: list[Call] = []
        self.backward: list[Call] = []
        self.outputs = [self.arrays[memory][slot] for memory, slot in code.outputs]
        self.seed = self.arrays[code.seed[0]][code.seed[1]] if code.seed else np.zeros(0)
        self.by_parameters = self.arrays.get(UNIFORM + GRADIENT, np.zeros((0, 1)))[: record.n_parameters, 0]
        self.by_inputs = self.arrays.get(INPUTS + GRADIENT, np.zeros((0, 1)))

    def run(self, seed: float, listens: bool) -> bool:
        """Compute everything; say whether numpy signals."""
        if self.seed.size:
            self.seed.fill(seed if self.seed.size > 1 else seed * self.n_examples)
        signals = False
        if listens:
            is_coarse = self.arrays[INPUTS].dtype == np.float32
            signals = carried_out_with_signal(self.forward, products=is_coarse, repeats=self.repeats)
        else:
            carry_out(self.forward)
        carry_out(self.backward)
        return signals

    def read(self, results: Floats, start: int = 0) -> None:
        for column in range(results.shape[1]):
            results[:, column] = self.outputs[start + column]


def carry_out(calls: Sequence[Call]) -> None:
    for function, arguments in calls:
        function(*arguments)


def carried_out_with_signal(calls: Sequence[Call], products: bool, repeats: bool) -> bool:
    """Run *calls*; say whether one of them signals.

    Matrix products do not count, as some libraries signal there for ordinary numbers; infinite *products* may count.
    To tell them apart is slow: calls that *repeats* says may run again do so only where something signals.
    """
    heard: list[str] = []
    with np.errstate(call=lambda signal, _flag: heard.append(signal), **_SIGNALS):
        if repeats:
            carry_out(calls)
            if not heard:
                return False
            heard.clear()
        for function, arguments in calls:
            if function is not np.matmul:
                function(*arguments)
            else:
                with np.errstate(all="ignore"):
                    function(*arguments)
                if products and not is_finite(arguments[2]):
                    heard.append("over")
    return bool(heard)

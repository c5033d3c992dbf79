"""Native code: plans as loops in C over blocks of examples, compiled by this machine's compiler.

Large matrix products and functions of Python stay with numpy. The vector mathematics is the platform's.
"""

from __future__ import annotations

import ctypes
from importlib.resources import files
from itertools import chain, groupby

import numpy as np
from numpy.typing import NDArray

from engine.callers import warn_user
from engine.compiler.backends import numpy as numpy_backend
from engine.compiler.backends.c.compiler import found_compiler, library
from engine.compiler.backends.c.stretch import Stretch, is_native, read_by
from engine.compiler.backends.numpy_calls import Call
from engine.compiler.ir import Floats, Instruction
from engine.compiler.plan import Bound, Plan
from engine.compiler.vectorize import GRADIENT, INPUTS, UNIFORM
from engine.expressions.c_functions import helpers_of

OTHERWISE = "numpy"
_CHUNK, _CHUNK_STATEMENTS = 2**17, 16_000_000  # a chunk's examples, and these times statements: some milliseconds
_SHORT = {
    *("sqrt", "fabs", "maximum", "minimum", "relu", "step", "sign", "larger"),
    *("times", "unless_positive", "leaky_slope"),
}
"""Functions that are shorter than a call of them."""
_FILES = "vectors", "mathematics", "run"
_SOURCES = 16  # files that are compiled side by side
_SIDE_BY_SIDE = 6  # operations that a processor has at hand, on average, if it is not to wait for one


def why_not() -> str:
    try:
        found_compiler()
    except RuntimeError as error:
        return str(error)
    return ""


def share(plan: Plan, n_bytes: int) -> tuple[int, bool]:
    """Chunks that keep a processor busy for a while; in threads, because C does not need the interpreter."""
    native = _native(plan, n_bytes)
    if native is None:
        return numpy_backend.share(plan, n_bytes)
    chunk = max(64, min(_CHUNK, _CHUNK_STATEMENTS // max(1, native.n_statements)))
    return chunk if native.reads_rows else min(chunk, numpy_backend.share(plan, n_bytes)[0]), True


def words(plan: Plan) -> list[str]:
    """How many instructions are C, and how many are left to numpy."""
    if "c" in plan.failed and not plan.kept.get("c"):
        return ["  all instructions by numpy: the C compiler failed"]
    instructions = plan.reused.forward
    left = sum(not is_native(instruction) for instruction in instructions)
    share_of_numpy = f", {left} by numpy: large matrices, functions of Python" if left else ""
    return [f"  {len(instructions) - left} of {len(instructions)} instructions by C{share_of_numpy}"]


def bind(plan: Plan, n_examples: int, uniform: Floats) -> Bound:
    native = _native(plan, uniform.itemsize)
    if native is None:
        return numpy_backend.bind(plan, n_examples, uniform)
    return _Bound(plan, native, n_examples, uniform)


def _native(plan: Plan, n_bytes: int) -> _Native | None:
    """The plan in C; None where it stays with numpy."""
    if "c" not in plan.kept:
        plan.kept["c"] = None
        if "c" not in plan.failed and not (plan.gradient and plan.gradient.careful):
            try:
                plan.kept["c"] = _Native(plan, n_bytes)
            except NotImplementedError:
                pass
            except RuntimeError as error:
                plan.failed.add("c")
                warn_user(f'backend "c" cannot run: {error}; "numpy" does its work')
    found: _Native | None = plan.kept["c"]
    return found


class _Native:
    """A plan as stretches of C, and the instructions between them.

    Raises a NotImplementedError where C could carry out none of it, and a RuntimeError where the compiler fails.
    """

    def __init__(self, plan: Plan, n_bytes: int) -> None:
        code, self.memories = plan.reused, list(plan.reused.n_slots)
        self.steps: list[Stretch | list[Instruction]] = []
        self.n_forward = 0
        """How many of the steps, from the first, compute what belongs to the forward pass."""
        numbered = enumerate([*code.forward, *code.backward], -len(code.forward))
        for native, group in groupby(numbered, lambda pair: is_native(pair[1])):
            run = [*group]
            self.n_forward += run[0][0] < 0
            self.steps.append(Stretch(run) if native else [instruction for _, instruction in run])
        self.stretches = [step for step in self.steps if isinstance(step, Stretch)]
        if not self.stretches:
            raise NotImplementedError
        gradients = [name for name in (INPUTS + GRADIENT, UNIFORM + GRADIENT) if name in code.n_slots]
        wanted = {*code.outputs, *((name, slot) for name in gradients for slot in range(code.n_slots[name]))}
        for step in self.steps:
            wanted.update(step.read if isinstance(step, Stretch) else chain.from_iterable(map(read_by, step)))
        self.n_statements = sum(len(lines) for stretch in self.stretches for lines in stretch.lines.values())
        n_waits = sum(stretch.depth for stretch in self.stretches)
        blocks = "01" if self.n_statements < _SIDE_BY_SIDE * n_waits else "0"
        self.n_blocks = len(blocks)
        texts = list[str]()
        for stretch in self.stretches:
            texts += stretch.functions(wanted, self.memories, len(texts), blocks)
        self.reads_rows = self.stretches == self.steps and not any(memory == INPUTS for memory, _ in code.outputs)
        """Whether C alone reads inputs, so that they need not be copied."""
        called = sorted({pair for stretch in self.stretches for pair in stretch.called})
        self.run = _built(texts, called, n_bytes, self.n_blocks).run
        self.run.argtypes = [*[ctypes.c_void_p] * 3, ctypes.c_longlong, ctypes.c_void_p]


def _built(texts: list[str], called: list[tuple[str, int]], n_bytes: int, n_blocks: int) -> ctypes.CDLL:
    """The library of these functions in a few files, and in one more what runs them and what they call."""
    real, integer = ("double", "long long") if n_bytes == 8 else ("float", "int")
    vectors, mathematics, run = (files(__name__).joinpath(f"{name}.h").read_text("ascii") for name in _FILES)
    head = f"typedef {real} real;\ntypedef {integer} integer;\nenum {{ B = {n_blocks} }};\n{vectors}"
    short, long = ([pair for pair in called if (pair[0] in _SHORT) == is_short] for is_short in (True, False))
    declared = "".join(f"V v_{name}({', '.join(['V'] * n)});\n" for name, n in long)
    inlined = _vector_functions(short, "INLINE ")
    sources = [head + declared + inlined + "\n".join(texts[i::_SOURCES]) for i in range(min(_SOURCES, len(texts)))]
    parts = [f"part{index}" for index in range(len(texts))]
    table = f"part {', '.join(parts)};\npart *const parts[] = {{{', '.join(parts)}}};\n"
    own = _vector_functions([pair for pair in long if f"V v_{pair[0]}(" not in mathematics])
    return library(found_compiler(), [head + mathematics + own + table + run, *sources])


def _vector_functions(called: list[tuple[str, int]], how: str = "") -> str:
    """Functions for blocks of examples, and those of ``special.c`` that they call."""
    helpers = helpers_of("".join(f"{name}() " for name, _ in called)).values()
    return "\n".join([*helpers, *(f"{how}EACH{n}({name})" for name, n in called), ""])


class _Bound(numpy_backend.Bound):
    """Stretches and calls of numpy that are ready: see ``plan.Bound``."""

    repeats = False  # a stretch may go forward and back

    def __init__(self, plan: Plan, native: _Native, n_examples: int, uniform: Floats) -> None:
        by_numpy = [each for step in native.steps if not isinstance(step, Stretch) for each in step]
        super().__init__(plan, n_examples, uniform, by_numpy)
        self.native = native
        size = max(
            64 * (native.n_blocks * each.n_tape + each.n_sums) + uniform.itemsize * (each.n_sums + each.n_uniform)
            for each in native.stretches
        )
        self._work = np.empty(size + 64, np.uint8)
        self._memories = np.array([_memory(self.arrays[name]) for name in native.memories], np.int64)
        calls = [[self._stretch(step)] if isinstance(step, Stretch) else self.bind(step)[0] for step in native.steps]
        self.forward = [call for each in calls[: native.n_forward] for call in each]
        self.backward = [call for each in calls[native.n_forward :] for call in each]

    def _stretch(self, stretch: Stretch) -> Call:
        """A call that runs a stretch, and signals as numpy does where a number forward is infinite or NaN."""
        run, work = self.native.run, -(-self._work.ctypes.data // 64) * 64
        arrays = stretch.sizes, stretch.places, self._memories
        arguments = *(each.ctypes.data for each in arrays), self.n_examples, work

        def call() -> None:
            if run(*arguments):
                np.divide(1.0, 0.0)

        return call, ()

    def load(self, rows: Floats, places: NDArray[np.int64] | None = None) -> None:
        """Take the inputs; where C alone reads them, those of all rows without a copy."""
        if self.native.reads_rows and rows.dtype == self.arrays[INPUTS].dtype and rows.flags.aligned:
            self._loaded = (rows if places is None else rows[places]).T
        else:
            super().load(rows, places)
            self._loaded = self.arrays[INPUTS]
        self._memories[self.native.memories.index(INPUTS)] = _memory(self._loaded)


def _memory(array: Floats) -> tuple[int, int, int]:
    """Where the numbers of a memory are, and how far apart slots and examples are."""
    across, down = array.strides
    return array.ctypes.data, across // array.itemsize, down // array.itemsize

"""Native code: plans as loops in C over blocks of examples, compiled by this machine's compiler.

Large matrix products and functions of Python stay with numpy. The vector mathematics is the platform's.
"""

from __future__ import annotations

import ctypes
from importlib.resources import files
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.callers import warn_user
from engine.compiler.backends import numpy as numpy_backend
from engine.compiler.backends.c.compiler import found_compiler, library
from engine.compiler.backends.c.source import Source, c_name
from engine.compiler.backends.c.statements import is_native, statements, touched
from engine.compiler.backends.c.stretch import Stretch
from engine.compiler.backends.numpy_calls import Call
from engine.compiler.ir import Floats, Instruction
from engine.compiler.plan import PARAMETERS, Bound, Plan
from engine.compiler.vectorize import GRADIENT, INPUTS, UNIFORM
from engine.expressions.c_functions import helpers_of

OTHERWISE = "numpy"
_CHUNK, _CHUNK_STATEMENTS = 2**17, 16_000_000  # a chunk's examples, and these times statements: some milliseconds
_SHORT = {
    *("sqrt", "fabs", "maximum", "minimum", "relu", "step", "sign", "larger"),
    *("times", "unless_positive", "leaky_slope"),
}
"""Functions that are shorter than a call of them."""
_SOURCES = 16  # files that are compiled side by side
_SIDE_BY_SIDE = 6  # operations that a processor has at hand, on average, if it is not to wait for one
_OWN = "exp", "tanh", "sech2"
"""Functions of ``mathematics.h``."""


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
        code, record = plan.reused, plan.graph.record
        n_forward = len(code.forward)
        numbered = enumerate([*code.forward, *code.backward])
        runs = [(native, list(run)) for native, run in groupby(numbered, lambda pair: is_native(pair[1]))]
        live = set(code.outputs)
        if plan.gradient:
            own, n = (UNIFORM, record.n_parameters) if plan.gradient.of == PARAMETERS else (INPUTS, record.n_inputs)
            live |= {(own + GRADIENT, slot) for slot in range(n)}
        self.steps: list[Stretch | list[Instruction]] = []
        self.n_forward = 0
        """How many of the steps, from the first, compute what belongs to the forward pass."""
        for native, run in reversed(runs):
            self.n_forward += run[0][0] < n_forward
            if native:
                rows = [(statement, at < n_forward) for at, each in run for statement in statements(each)]
                stretch = Stretch(rows, live, pairs=n_bytes == 8)
                self.steps.append(stretch)
                live.difference_update(statement.out for statement, _ in rows)
                live.update(stretch.read)
            else:
                self.steps.append([instruction for _, instruction in run])
                for _, instruction in reversed(run):
                    read, written = touched(instruction)
                    live.difference_update(written)
                    live.update(read)
        self.steps.reverse()
        self.stretches = [step for step in self.steps if isinstance(step, Stretch)]
        if not self.stretches:
            raise NotImplementedError
        self.n_statements = sum(stretch.n_lines for stretch in self.stretches)
        reads_outputs = any(memory == INPUTS for memory, _ in code.outputs)
        self.reads_rows = len(self.stretches) == len(self.steps) and not reads_outputs
        """Whether C alone reads inputs, so that they need not be copied."""
        n_waits = sum(stretch.depth for stretch in self.stretches)
        self.n_blocks = 2 if self.n_statements < _SIDE_BY_SIDE * n_waits else 1
        self.library = _built(self.stretches, n_bytes, self.n_blocks)
        self.run = self.library.run
        pointer, long = ctypes.c_void_p, ctypes.c_long
        self.run.argtypes = [pointer, pointer, long, long, pointer, pointer, long, pointer]


def _built(stretches: list[Stretch], n_bytes: int, n_blocks: int) -> ctypes.CDLL:
    real, integer = ("double", "long long") if n_bytes == 8 else ("float", "int")
    vectors, run, mathematics = (_file(name) for name in ("vectors.h", "run.h", "mathematics.h"))
    head = f"typedef {real} real;\ntypedef {integer} integer;\n#define BLOCKS {n_blocks}\n{vectors}"
    called = sorted({(c_name(form), n) for stretch in stretches for form, n in stretch.called})
    short, long = ([pair for pair in called if (pair[0] in _SHORT) == is_short] for is_short in (True, False))
    declared = "".join(f"V v_{name}({', '.join(['V'] * n)});\n" for name, n in long)
    inlined = "".join(f"static inline __attribute__((always_inline)) EACH{n}({name})\n" for name, n in short)
    calls = "".join(f"{name}() " for name, _ in short)
    own = _OWN if n_bytes == 8 else ()
    made = "".join(f"EACH{n}({name})\n" for name, n in long if name not in own)
    sources = [Source(stretch, f"stretch{index}", n_blocks) for index, stretch in enumerate(stretches)]
    texts = [text for source in sources for text in source.functions()]
    size = max(1, -(-len(texts) // _SOURCES))
    bodies = ["\n".join(texts[start : start + size]) for start in range(0, len(texts), size)]
    quick = [f"{head}{declared}{_helpers(calls + body)}{inlined}{body}" for body in bodies]
    helpers = _helpers("".join(f"{name}() " for name, _ in long))
    tables = "\n".join(line for source in sources for line in source.tables())
    return library(found_compiler(), quick, f"{head}{run}{mathematics if own else ''}{helpers}{made}{tables}\n")


def _helpers(code: str) -> str:
    return "".join(f"{helper}\n" for helper in helpers_of(code).values())


def _file(name: str) -> str:
    return files(__name__).joinpath(name).read_text("ascii")


class _Bound(numpy_backend.Bound):
    """Stretches and calls of numpy that are ready: see ``plan.Bound``."""

    def __init__(self, plan: Plan, native: _Native, n_examples: int, uniform: Floats) -> None:
        others = [instruction for step in native.steps if isinstance(step, list) for instruction in step]
        super().__init__(plan, n_examples, uniform, others)
        self.native = native
        n_bytes = max(
            64 * (native.n_blocks * each.n_tape + 2 * each.n_sums) + uniform.itemsize * each.n_scalars
            for each in native.stretches
        )
        self._work = np.empty(n_bytes + 64, np.uint8)
        self._pointers: list[NDArray[np.uintp]] = []
        """Kept for the calls, which have their addresses."""
        self._inputs: tuple[Any, ...] = ()
        self._loaded: tuple[Any, ...] = ()
        by_numpy = iter(self.bind(*(step for step in native.steps if isinstance(step, list))))
        calls = [next(by_numpy) if isinstance(step, list) else [self._stretch(step)] for step in native.steps]
        self.forward = [call for each in calls[: native.n_forward] for call in each]
        self.backward = [call for each in calls[native.n_forward :] for call in each]

    def _stretch(self, stretch: Stretch) -> Call:
        """A call that runs a stretch, and signals as numpy does where a number forward is infinite or NaN."""
        run, n = self.native.run, self.n_examples
        name = f"stretch{self.native.stretches.index(stretch)}"
        address = ctypes.addressof(ctypes.c_char.in_dll(self.native.library, name))
        pointers = np.array([_address(self.arrays[memory]) for memory in stretch.memories], np.uintp)
        self._pointers.append(pointers)
        work = -(-_address(self._work) // 64) * 64
        after = _address(pointers), n, work

        def call() -> None:
            if run(address, *self._inputs, *after):
                np.divide(1.0, 0.0)

        return call, ()

    def load(self, rows: Floats, places: NDArray[np.int64] | None = None) -> None:
        """Take the inputs of all examples, where C reads them itself without a copy."""
        is_same = rows.dtype == self.arrays[INPUTS].dtype
        if self.native.reads_rows and is_same and rows.flags.aligned:
            chosen = None if places is None else np.require(places, np.int64, ["C", "ALIGNED"])
            self._loaded = rows, chosen  # kept for the calls, which have their addresses
            self._inputs = (*_strided(rows.T), None if chosen is None else _address(chosen))
            return
        self._loaded = ()
        super().load(rows, places)
        self._inputs = *_strided(self.arrays[INPUTS]), None


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _strided(inputs: Floats) -> tuple[int, int, int]:
    """Where ``(n_inputs, n_examples)`` numbers are: the first, and how far apart inputs and examples are."""
    across, down = inputs.strides
    return _address(inputs), across // inputs.itemsize, down // inputs.itemsize

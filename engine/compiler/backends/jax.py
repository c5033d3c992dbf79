"""Plans as one function of ``jax.numpy`` under ``jit``: for GPUs and TPUs, and for examples on several devices.

Each number is a row of the array that wrote its slot last, so that XLA gets pure functions and no memory to update.
Weights and constants go to all devices, an equal part of the examples to each. What meets infinity or NaN is computed
again by numpy, whose signals tell what is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.compiler.adjoints import GRADIENT
from engine.compiler.backends import numpy as exact
from engine.compiler.ir import Code, Fill, Floats, Instruction, Map, MatMul, Scatter, Take, Total, View
from engine.compiler.plan import Bound as AnyBound
from engine.compiler.plan import Plan, Share
from engine.compiler.vectorize import INPUTS, UNIFORM

_CHUNK_BYTES = 2**30
Slots = NDArray[np.int64]


def why_not() -> str:
    """Why it cannot run here; "" if it can."""
    return "" if find_spec("jax") else 'it needs the package jax; pip install "gradstep[jax]"'


class Backend:
    """JAX on some of this process's devices, for the plans of one graph."""

    def __init__(self, n_devices: int = 1) -> None:
        import jax

        devices = jax.local_devices()
        if n_devices > len(devices):
            raise ValueError(f"devices must be 1 to {len(devices)}, as there are no more, got {n_devices}")
        self._mesh = jax.sharding.Mesh(np.array(devices[:n_devices]), ("examples",))
        self._lowered: list[tuple[Plan, Lowered]] = []

    def share(self, plan: Plan, n_bytes: int) -> Share:
        """Large chunks; XLA has threads of its own."""
        slots = sum(n for name, n in plan.graph.n_slots.items() if name != UNIFORM)
        return Share(max(1, _CHUNK_BYTES // (2 * slots * n_bytes + 1)), False)

    def bind(self, plan: Plan, n_examples: int, uniform: Floats) -> AnyBound:
        """The plan's function for one number of examples; numpy's for careful plans, and for functions of Python."""
        if (plan.gradient and plan.gradient.careful) or not _is_known(plan):
            return exact.bind(plan, n_examples, uniform)
        lowered = next((lowered for known, lowered in self._lowered if known is plan), None)
        if lowered is None:
            lowered = Lowered(plan, self._by_devices)
            self._lowered.append((plan, lowered))
        return Bound(plan, n_examples, uniform, lowered, self._mesh.size)

    def _by_devices(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compile for the devices, which all have the weights, and each an equal part of the examples."""
        import jax

        spec: Any = jax.sharding.PartitionSpec
        places = [jax.sharding.NamedSharding(self._mesh, each) for each in (spec(), spec("examples"), spec("examples"))]
        jitted: Callable[..., Any] = jax.jit(function, in_shardings=tuple(places))
        return jitted


class Bound:
    """A plan's function with its numbers: see ``plan.Bound``."""

    def __init__(self, plan: Plan, n_examples: int, uniform: Floats, lowered: Lowered, n_devices: int) -> None:
        self._plan, self._uniform, self._lowered, self._n = plan, uniform, lowered, n_examples
        unit = max(1 << max(0, n_examples.bit_length() - 4), 1)  # batches of about one size have one compiled function
        unit = -(-unit // n_devices) * n_devices
        n_rows, n_inputs = -(-n_examples // unit) * unit, plan.graph.record.n_inputs
        self._rows, self._seeds = np.zeros((n_rows, n_inputs), uniform.dtype), np.zeros(n_rows, uniform.dtype)
        self.inputs: Floats = self._rows[:n_examples].T
        self.by_parameters: Floats = np.zeros(0, uniform.dtype)
        self.by_inputs: Floats = np.zeros((0, n_examples), uniform.dtype)
        self._outputs: Floats = self.by_inputs
        self._exact: exact.Bound | None = None

    def load(self, rows: Floats, places: NDArray[np.int64] | None = None, shared: Floats | None = None) -> None:
        own = rows.shape[1]
        self._rows[: self._n, :own] = rows if places is None else rows[places]
        if shared is not None:
            self._rows[:, own:] = shared
        self._rows[self._n :, :own] = self._rows[0, :own]

    def run(self, seed: float, listens: bool) -> bool:
        import jax

        self._seeds[: self._n] = seed
        with jax.enable_x64(self._rows.dtype == np.float64):
            outputs, pieces, by_inputs, finite = self._lowered.run(self._uniform[:, 0], self._rows, self._seeds)
        if finite:
            self._outputs, self.by_inputs = np.asarray(outputs)[:, : self._n], np.asarray(by_inputs)[:, : self._n]
            self.by_parameters = self._lowered.whole(pieces, self._rows.dtype)
            return False
        if self._exact is None:
            self._exact = exact.bind(self._plan, self._n, self._uniform)
        self._exact.load(self.inputs.T)
        signals = self._exact.run(seed, listens)
        self._outputs = np.empty((self._n, len(outputs)), self._rows.dtype).T
        self._exact.read(self._outputs.T)
        self.by_parameters, self.by_inputs = self._exact.by_parameters, self._exact.by_inputs
        return signals

    def read(self, results: Floats) -> None:
        results[:] = self._outputs.T


class Lowered:
    """The function of weights and constants, rows and seeds that a plan means.

    It returns outputs ``(n_outputs, n_examples)``, the gradient in the parameters in pieces, those in the inputs, and
    whether all numbers forward are finite, and none is so small that XLA takes it for 0.
    """

    def __init__(self, plan: Plan, by_devices: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._plan, self._code = plan, plan.code
        self.run = by_devices(self._function)
        self.layout: list[tuple[Slots, Slots]] = []
        """Which parameters each piece has the gradient of, and in which of its rows; known from the first run on."""

    def whole(self, pieces: Sequence[Any], dtype: np.dtype[Any]) -> Floats:
        """The gradient in all parameters. XLA compiles a concatenation of many parts for long."""
        gradient = np.zeros(self._plan.graph.record.n_parameters, dtype)
        for (slots, rows), piece in zip(self.layout, pieces):
            gradient[slots] = np.asarray(piece)[rows]
        return gradient

    def _function(self, uniform: Any, rows: Any, seeds: Any) -> tuple[Any, Any, Any, Any]:
        import jax.numpy as jnp

        code, record, gradient = self._code, self._plan.graph.record, self._plan.gradient
        slots = _Slots(code, len(rows), rows.dtype)
        slots.put(UNIFORM, np.arange(len(uniform)), uniform[:, None])
        slots.put(INPUTS, np.arange(rows.shape[1]), rows.T)
        slots.carry_out(code.forward)
        outputs = [slots.wide(slots.get(name, np.array([slot]))) for name, slot in code.outputs]
        zeros = [(array * 0.0).sum(0) for array in slots.arrays]  # NaN where one is infinite or NaN
        uniform_zeros, zeros_by_example = (sum(each for each in zeros if len(each) == n) for n in (1, len(rows)))
        sound = [jnp.isfinite(each).all() for each in (uniform_zeros, zeros_by_example)]
        sound += [_are_normal(each) for each in (uniform, rows)]
        pieces: list[Any] = []
        by_inputs = jnp.zeros((0, len(rows)), rows.dtype)
        if code.seed:
            name, slot = code.seed
            seed = seeds.sum(keepdims=True) if name.startswith(UNIFORM) else seeds
            slots.put(name, np.array([slot]), seed[None])
            slots.carry_out(code.backward)
            if gradient and gradient.of == INPUTS:
                by_inputs = slots.wide(slots.get(INPUTS + GRADIENT, np.arange(record.n_inputs)))
            else:
                self.layout, pieces = slots.pieces(UNIFORM + GRADIENT, record.n_parameters)
        return jnp.concatenate(outputs), pieces, by_inputs, jnp.stack(sound).all()


class _Slots:
    """Which row of which array has the number of each slot now."""

    def __init__(self, code: Code, n_examples: int, dtype: Any) -> None:
        import jax.numpy as jnp

        from engine.compiler.backends.jax_kernels import KERNELS

        self._np, self._n, self._dtype, self._kernels = jnp, n_examples, dtype, KERNELS
        self.arrays: list[Any] = []
        self._where = {name: np.full((2, size), -1) for name, size in code.n_slots.items()}

    def put(self, name: str, slots: Slots, array: Any) -> None:
        """Let the rows of an array be the numbers of these slots."""
        self._where[name][:, slots] = np.full(len(slots), len(self.arrays)), np.arange(len(slots))
        self.arrays.append(array)

    def get(self, name: str, slots: Slots) -> Any:
        """The numbers of these slots, a row each; of width 1 where all examples have the same."""
        which, rows = self._where[name][:, slots]
        cuts = np.flatnonzero((np.diff(which) != 0) | ((which[1:] < 0) & (np.diff(rows) != 0))) + 1
        parts = [self._part(int(each[0]), at) for each, at in zip(np.split(which, cuts), np.split(rows, cuts))]
        width = max((part.shape[1] for part in parts), default=1)
        parts = [self._np.broadcast_to(part, (len(part), width)) for part in parts]
        return parts[0] if len(parts) == 1 else self._np.concatenate(parts)

    def pieces(self, name: str, n: int) -> tuple[list[tuple[Slots, Slots]], list[Any]]:
        """The numbers of the first *n* slots, as whole arrays, and which slots are in which of their rows."""
        which, rows = self._where[name][:, :n]
        used = [each for each in np.unique(which).tolist() if each >= 0]
        layout = [(slots := np.flatnonzero(which == each), rows[slots]) for each in used]
        return layout, [self.arrays[each][:, 0] for each in used]

    def _part(self, which: int, rows: Slots) -> Any:
        if which < 0:
            return self._np.zeros((len(rows), 1), self._dtype)
        array, start = self.arrays[which], int(rows[0])
        breaks = np.flatnonzero(np.diff(rows) != 1)
        run = int(breaks[0]) + 1 if len(breaks) else len(rows)
        n_runs, step = len(rows) // run, int(rows[run]) - start if run < len(rows) else run
        even = start + (step * np.arange(n_runs)[:, None] + np.arange(run)).ravel()
        if step < run or not np.array_equal(even, rows):
            return array[rows]
        array = array[start : start + n_runs * step]  # slices: XLA compiles large gathers for long
        if step == run:
            return array
        array = self._np.pad(array, ((0, n_runs * step - len(array)), (0, 0)))
        return array.reshape(n_runs, step, -1)[:, :run].reshape(len(rows), -1)

    def read(self, view: View | float) -> Any:
        """The array that a view means."""
        if not isinstance(view, View):
            return view
        found = self.get(view.memory, _indices(view).ravel())
        return found.reshape(*view.shape, found.shape[1])

    def write(self, view: View, array: Any) -> None:
        """Let an array be what a view means from now on."""
        width = array.shape[-1] if getattr(array, "ndim", 0) > len(view.shape) else 1
        array = self._np.broadcast_to(self._np.asarray(array, self._dtype), (*view.shape, width))
        self.put(view.memory, _indices(view).ravel(), array.reshape(-1, width))

    def carry_out(self, instructions: Sequence[Instruction]) -> None:
        """Follow instructions."""
        for instruction in instructions:
            if isinstance(instruction, Map):
                operands = map(self.read, instruction.operands)
                self.write(instruction.out, self._kernels[str(instruction.function)](*operands))
            elif isinstance(instruction, Total):
                array = self.read(instruction.operand)
                if instruction.over_examples:
                    array = self.wide(array) if instruction.operand.per_example else array
                    self.write(instruction.out, array.sum(-1, keepdims=True))
                else:
                    self.write(instruction.out, array.sum(-2))
            elif isinstance(instruction, MatMul):
                self.write(instruction.out, self._product(*instruction))
            elif isinstance(instruction, Take):
                found = self.get(instruction.memory, instruction.slots)
                self.write(instruction.out, found.reshape(*instruction.out.shape, -1))
            elif isinstance(instruction, Scatter):
                self._scatter(*instruction)
            elif isinstance(instruction, Fill):
                self.write(instruction.out, instruction.number)

    def wide(self, array: Any) -> Any:
        """The same with a number for each example."""
        return self._np.broadcast_to(array, (*array.shape[:-1], self._n))

    def _product(self, kind: str, out: View, left: View, right: View) -> Any:
        a, b = self.read(left), self.read(right)
        if kind in ("forward", "to vectors"):
            return self._np.einsum(
                "nk,mke->mne" if kind == "forward" else "nk,mne->mke", a[..., 0], b, precision="highest"
            )
        a, b = (self.wide(each) if view.per_example else each for each, view in ((a, left), (b, right)))
        if kind == "dot":
            return self._np.einsum("ie,ie->i", a, b, precision="highest")[:, None]
        return self._np.einsum("mne,mke->nk", a, b, precision="highest")[..., None]

    def _scatter(self, name: str, slots: Slots, source: View) -> None:
        array = self.read(source)
        array = array.reshape(len(slots), array.shape[-1])
        if name.startswith(UNIFORM):
            array = array[:, :1]
        unique, inverse = np.unique(slots, return_inverse=True)
        base = self.get(name, unique)
        width = max(base.shape[1], array.shape[1])
        base = self._np.broadcast_to(base, (len(unique), width))
        self.put(name, unique, base.at[inverse].add(array))


def _indices(view: View) -> Slots:
    """The slots of a view, in its shape."""
    slots = np.full(view.shape, view.start)
    for axis, (length, stride) in enumerate(zip(view.shape, view.strides)):
        slots += (stride * np.arange(length)).reshape([-1 if each == axis else 1 for each in range(len(view.shape))])
    return slots


def _are_normal(numbers: Any) -> Any:
    """Whether no number but 0 is below the smallest with all its bits (2.2e-308; 1.2e-38 in float32)."""
    import jax

    kind, n_bits = ("uint64", 52) if numbers.dtype == np.float64 else ("uint32", 23)
    bits = jax.lax.bitcast_convert_type(numbers, kind) << 1
    return ((bits == 0) | (bits >> (n_bits + 1) != 0)).all()


def _is_known(plan: Plan) -> bool:
    """Whether XLA can compute all nodes: no function of Python, and no derivative whose order is not a plain number."""
    from engine.compiler.backends.jax_kernels import KERNELS, OF_AN_ORDER

    for each in (*plan.code.forward, *plan.code.backward):
        if isinstance(each, Map) and (
            each.function not in KERNELS or (each.function in OF_AN_ORDER and isinstance(each.operands[1], View))
        ):
            return False
    return True

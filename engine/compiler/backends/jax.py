"""Plans as one function of ``jax.numpy`` under ``jit``: for GPUs and TPUs, and for examples on several devices.

XLA gets pure functions and no memory to update. What meets infinity or NaN is computed again by numpy, whose signals
tell what is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.compiler.backends import numpy as exact
from engine.compiler.ir import Code, Floats, Map, View
from engine.compiler.plan import Bound as AnyBound
from engine.compiler.plan import Plan
from engine.compiler.vectorize import GRADIENT, INPUTS, UNIFORM

_CHUNK_BYTES = 2**30
Slots = NDArray[np.int64]


def why_not() -> str:
    return "" if find_spec("jax") else 'it needs the package jax; pip install "gradstep[jax]"'


class Backend:
    """JAX on some of this process's devices."""

    def __init__(self, n_devices: int = 1) -> None:
        import jax

        devices = jax.local_devices()
        if n_devices > len(devices):
            raise ValueError(f"devices must be 1 to {len(devices)}, as there are no more, got {n_devices}")
        self._mesh = jax.sharding.Mesh(np.array(devices[:n_devices]), ("examples",))

    def share(self, plan: Plan, n_bytes: int) -> tuple[int, bool]:
        """Large chunks; XLA has threads of its own."""
        slots = sum(n for name, n in plan.graph.n_slots.items() if name != UNIFORM)
        return max(1, _CHUNK_BYTES // (2 * slots * n_bytes + 1)), False

    def words(self, plan: Plan) -> list[str]:
        """Whether numpy does the work."""
        return [] if _is_known(plan.code) else ["  all instructions by numpy: functions of Python"]

    def bind(self, plan: Plan, n_examples: int, uniform: Floats) -> AnyBound:
        """The plan's function for one number of examples; numpy's for careful plans, and for functions of Python."""
        if "jax" not in plan.kept:
            code = plan.code
            is_fast = _is_known(code) and not (plan.gradient and plan.gradient.careful)
            plan.kept["jax"] = Lowered(plan, code, self._mesh) if is_fast else None
        if (lowered := plan.kept["jax"]) is None:
            return exact.bind(plan, n_examples, uniform)
        return Bound(plan, n_examples, uniform, lowered, self._mesh.size)


class Bound:
    """A plan's function with its numbers: see ``plan.Bound``."""

    def __init__(self, plan: Plan, n_examples: int, uniform: Floats, lowered: Lowered, n_devices: int) -> None:
        self._plan, self._uniform, self._lowered, self._n = plan, uniform, lowered, n_examples
        self._leaves = uniform[: plan.graph.record.n_parameters + len(plan.graph.constants), 0]
        unit = max(1 << max(0, n_examples.bit_length() - 4), 1)  # batches of about one size have one compiled function
        unit = -(-unit // n_devices) * n_devices
        n_rows, n_inputs = -(-n_examples // unit) * unit, plan.graph.record.n_inputs
        self._rows, self._seeds = np.zeros((n_rows, n_inputs), uniform.dtype), np.zeros(n_rows, uniform.dtype)
        self.by_parameters: Floats = np.zeros(0, uniform.dtype)
        self.by_inputs: Floats = np.zeros((0, n_examples), uniform.dtype)
        self._outputs: Floats = self.by_inputs
        self._exact: exact.Bound | None = None

    def load(self, rows: Floats, places: NDArray[np.int64] | None = None) -> None:
        self._rows[: self._n] = rows if places is None else rows[places]
        self._rows[self._n :] = self._rows[0]

    def run(self, seed: float, listens: bool) -> bool:
        import jax

        self._seeds[: self._n] = seed
        with jax.enable_x64(self._rows.dtype == np.float64):
            outputs, pieces, by_inputs, finite = self._lowered.run(self._leaves, self._rows, self._seeds)
        if finite:
            self._outputs, self.by_inputs = np.asarray(outputs)[:, : self._n], np.asarray(by_inputs)[:, : self._n]
            self.by_parameters = self._lowered.whole(pieces, self._rows.dtype)
            return False
        if self._exact is None:
            self._exact = exact.bind(self._plan, self._n, self._uniform)
        self._exact.load(self._rows[: self._n])
        signals = self._exact.run(seed, listens)
        self._outputs = np.empty((self._n, len(outputs)), self._rows.dtype).T
        self._exact.read(self._outputs.T)
        self.by_parameters, self.by_inputs = self._exact.by_parameters, self._exact.by_inputs
        return signals

    def read(self, results: Floats) -> None:
        results[:] = self._outputs.T


class Lowered:
    """The function of weights and constants, rows and seeds that a plan means.

    It returns outputs, the gradient in the parameters in pieces, those in the inputs, and whether all numbers forward
    are finite, and none is so small that XLA takes it for 0. All devices of the mesh have the weights, and each an
    equal part of the examples.
    """

    def __init__(self, plan: Plan, code: Code, mesh: Any) -> None:
        import jax

        self._plan, self._code = plan, code
        spec: Any = jax.sharding.PartitionSpec
        places = [jax.sharding.NamedSharding(mesh, each) for each in (spec(), spec("examples"), spec("examples"))]
        self.run: Callable[..., Any] = jax.jit(self._function, in_shardings=tuple(places))
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

        from engine.compiler.backends.jax_rows import Rows, are_normal

        code, record, gradient = self._code, self._plan.graph.record, self._plan.gradient
        slots = Rows(code, len(rows), rows.dtype)
        slots.put(UNIFORM, np.arange(len(uniform)), uniform[:, None])
        slots.put(INPUTS, np.arange(rows.shape[1]), rows.T)
        slots.carry_out(code.forward)
        outputs = [slots.wide(slots.get(name, np.array([slot]))) for name, slot in code.outputs]
        zeros = [(array * 0.0).sum(0) for array in slots.arrays]  # NaN where one is infinite or NaN
        uniform_zeros, zeros_by_example = (sum(each for each in zeros if len(each) == n) for n in (1, len(rows)))
        sound = [jnp.isfinite(each).all() for each in (uniform_zeros, zeros_by_example)]
        sound += [are_normal(each) for each in (uniform, rows)]
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


def _is_known(code: Code) -> bool:
    """Whether XLA can compute all nodes: no function of Python, and no derivative whose order is not a plain number."""
    from engine.compiler.backends.jax_rows import KERNELS, OF_AN_ORDER

    for each in (*code.forward, *code.backward):
        if isinstance(each, Map) and (
            each.function not in KERNELS or (each.function in OF_AN_ORDER and isinstance(each.operands[1], View))
        ):
            return False
    return True

"""Plans as one function of ``jax.numpy`` under ``jit``: for GPUs and TPUs, and for examples on several devices.

XLA gets pure functions and no memory to update. What meets infinity or NaN is computed again by numpy, whose signals
tell what is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf, erfc

from engine.compiler.array_functions import SQRT_HALF, made_of, ufuncs
from engine.compiler.backends import numpy as exact
from engine.compiler.ir import Code, Floats, Indexes, Map, MatMul, View
from engine.compiler.plan import Bound as AnyBound
from engine.compiler.plan import Plan
from engine.compiler.rows import Rows
from engine.compiler.vectorize import GRADIENT, INPUTS, UNIFORM

_CHUNK_BYTES = 2**30
_opaque: Any = jax.lax.optimization_barrier
_m = SimpleNamespace(**vars(jnp))
_m.log, _m.log10 = lambda a: jnp.log(_opaque(a)), lambda a: jnp.log10(_opaque(a))  # XLA takes log(exp(a)) for a
_m.power = lambda a, b: jnp.power(_opaque(a), b)
_m.divide = lambda a, b: _opaque(jnp.divide(a, b))  # XLA takes a / b / c for a / (b * c): the product may be too large
_KERNELS: dict[Any, Callable[..., Any]] = {
    **made_of(_m, lambda a: 0.5 * erfc(a * -SQRT_HALF), int),
    **ufuncs(_m),
    **{"divide": _m.divide, "over": _m.divide, "copy": lambda a: a, "sign": jnp.sign, "erf": erf, "erfc": erfc},
    "softplus": lambda a: jnp.maximum(a, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(a))),
    "relu": lambda a: jnp.maximum(a, 0.0),
    "power_or_limit": _m.power,
    "power_by_base": lambda a, b: jnp.where(b == 0.0, 0.0, b * _m.power(a, b - 1.0)),
}
_PRODUCTS = {"forward": "nko,mke->mne", "to vectors": "nko,mne->mke", "to weights": "mne,mke->nk", "dot": "ie,ie->i"}


class Backend:
    """JAX on some of this process's devices: each has all weights, and an equal part of the examples."""

    def __init__(self, n_devices: int = 1) -> None:
        devices = jax.local_devices()
        if n_devices > len(devices):
            raise ValueError(f"devices must be 1 to {len(devices)}, as there are no more, got {n_devices}")
        sharding: Any = jax.sharding
        mesh = sharding.Mesh(np.array(devices[:n_devices]), ("examples",))
        whole, shared = (sharding.NamedSharding(mesh, sharding.PartitionSpec(*axes)) for axes in ((), ("examples",)))
        self._places = whole, shared, whole, whole
        self._n_devices = n_devices

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
            is_fast = _is_known(code := plan.code) and not (plan.gradient and plan.gradient.careful)
            function = partial(_computed, plan, code)
            plan.kept["jax"] = jax.jit(function, in_shardings=self._places) if is_fast else None
        if plan.kept["jax"] is None:
            return exact.bind(plan, n_examples, uniform)
        return Bound(plan, n_examples, uniform, self._n_devices)


class Bound:
    """A plan's function with its numbers: see ``plan.Bound``."""

    def __init__(self, plan: Plan, n_examples: int, uniform: Floats, n_devices: int) -> None:
        self._plan, self._n, self._uniform = plan, n_examples, uniform
        self._leaves = uniform[: plan.graph.record.n_parameters + len(plan.graph.constants)]
        unit = 1 << max(0, n_examples.bit_length() - 4)  # batches of about one size have one compiled function
        self._unit = -(-unit // n_devices) * n_devices

    @cached_property
    def _exact(self) -> exact.Bound:
        return exact.bind(self._plan, self._n, self._uniform)

    def load(self, rows: Floats, places: Indexes | None = None) -> None:
        rows = np.asarray(rows if places is None else rows[places], self._uniform.dtype)
        self._rows = np.pad(rows, ((0, -self._n % self._unit), (0, 0)), "edge")

    def run(self, seed: float, listens: bool) -> bool:
        with jax.enable_x64(self._rows.dtype == np.float64):
            found = self._plan.kept["jax"](self._leaves, self._rows, seed, self._n)
        outputs, gradient, is_sound = map(np.array, found)
        if is_sound:
            self._outputs = outputs[:, : self._n].T
            self.by_inputs, self.by_parameters = gradient[:, : self._n], gradient[:, 0]
            return False
        self._exact.load(self._rows[: self._n])
        signals = self._exact.run(seed, listens)
        self._outputs = np.empty((self._n, len(outputs)), self._rows.dtype)
        self._exact.read(self._outputs)
        self.by_inputs, self.by_parameters = self._exact.by_inputs, self._exact.by_parameters
        return signals

    def read(self, results: Floats) -> None:
        results[:] = self._outputs


def _is_known(code: Code) -> bool:
    """Whether XLA can compute all nodes: no function of Python, and no derivative whose order is not a plain number."""
    maps = [each for each in (*code.forward, *code.backward) if isinstance(each, Map)]
    of_orders = [each for each in maps if each.function in ("gaussian", "normal_pdf")]
    is_fixed = not any(isinstance(each.operands[1], View) for each in of_orders)
    return is_fixed and all(each.function in _KERNELS for each in maps)


def _computed(plan: Plan, code: Code, leaves: Any, rows: Any, seed: Any, n_examples: Any) -> tuple[Any, Any, Any]:
    """Outputs, and the gradient, of parameters and constants, and of rows, the first so many of which are examples.

    And whether all numbers forward are finite, and none is so small that XLA takes it for 0.
    """
    numbers, record = _Arrays(code, rows), plan.graph.record
    numbers.put(UNIFORM, np.arange(len(leaves)), leaves)
    numbers.put(INPUTS, np.arange(record.n_inputs), rows.T)
    numbers.follow(code.forward)
    outputs = [jnp.broadcast_to(numbers.get(name, np.array([slot])), (1, len(rows))) for name, slot in code.outputs]
    zeros = sum((array * 0.0).sum(0) for array in numbers.arrays)  # NaN where one is infinite or NaN
    is_sound, gradient = jnp.isfinite(zeros).all() & _are_normal(leaves) & _are_normal(rows), jnp.zeros((0, 1))
    if plan.gradient and code.seed:
        name, slot = code.seed
        seeds = jnp.where(jnp.arange(len(rows)) < n_examples, seed, 0.0).astype(rows.dtype)
        numbers.put(name, np.array([slot]), (seeds.sum(keepdims=True) if name.startswith(UNIFORM) else seeds)[None])
        numbers.follow(code.backward)
        of_inputs = plan.gradient.of == INPUTS
        memory, n = (INPUTS, record.n_inputs) if of_inputs else (UNIFORM, record.n_parameters)
        gradient = numbers.get(memory + GRADIENT, np.arange(n)) if n else gradient
    return jnp.concatenate(outputs), gradient, is_sound


class _Arrays(Rows):
    """Arrays of XLA: ``(n, n_examples)``, or ``(n, 1)`` in memories with one number for all examples."""

    joined = staticmethod(jnp.concatenate)
    mapped = staticmethod(lambda function, operands: _KERNELS[function](*operands))
    added = staticmethod(lambda array, places, terms: array.at[places].add(terms))

    def __init__(self, code: Code, rows: Any) -> None:
        super().__init__(code)
        self._n_examples, self._dtype = rows.shape[0], rows.dtype

    def taken(self, array: Any, rows: Indexes) -> Any:
        """A slice where they lie evenly, which XLA compiles faster."""
        start, step = rows[0], rows[1] - rows[0] if len(rows) > 1 else 1
        if step > 0 and np.array_equal(rows, start + step * np.arange(len(rows))):
            return array[start : rows[-1] + 1 : step]
        return array.at[rows].get(mode="promise_in_bounds")

    def product(self, each: MatMul) -> Any:
        left, right = self.read(each.left), self.read(each.right)
        return jnp.einsum(_PRODUCTS[each.kind], left, right, precision="highest").reshape(*each.out.shape, -1)

    def spread(self, array: Any, view: View) -> Any:
        n_columns = self._n_examples if view.per_example else 1
        return jnp.broadcast_to(jnp.asarray(array, self._dtype), (*view.shape, n_columns))


def _are_normal(numbers: Any) -> Any:
    """Whether no number but 0 is below the smallest with all its bits (2.2e-308; 1.2e-38 in float32)."""
    smallest = np.finfo(numbers.dtype).tiny
    bits = numbers.view(kind := f"u{smallest.itemsize}") << 1  # integers, as XLA may take these numbers for 0
    return ((bits == 0) | (bits >= smallest.view(kind) << 1)).all()

"""Plans as one function of ``jax.numpy`` under ``jit``: for GPUs and TPUs, and for examples on several devices.

What meets infinity or NaN is computed again by numpy, whose signals tell what is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf, erfc

from engine.compiler.array_functions import SQRT_HALF, made_of, ufuncs
from engine.compiler.backends import numpy as exact
from engine.compiler.ir import Code, Floats, Indexes, Map, MatMul, View
from engine.compiler.plan import Bound, Plan
from engine.compiler.rows import Rows
from engine.compiler.vectorize import GRADIENT, INPUTS, UNIFORM

_opaque: Any = jax.lax.optimization_barrier
_m = SimpleNamespace(**vars(jnp))
_m.log, _m.log10 = lambda a: jnp.log(_opaque(a)), lambda a: jnp.log10(_opaque(a))  # XLA takes log(exp(a)) for a
_m.power = lambda a, b: jnp.power(_opaque(a), b)
_m.divide = lambda a, b: _opaque(jnp.divide(a, b))  # XLA takes a / b / c for a / (b * c): the product may be too large
_KERNELS: dict[Any, Callable[..., Any]] = {
    **made_of(_m, lambda a: 0.5 * erfc(a * -SQRT_HALF), int),
    **ufuncs(_m),
    **{"divide": _m.divide, "over": _m.divide, "power_or_limit": _m.power, "copy": lambda a: a, "sign": jnp.sign},
    **{"softplus": jax.nn.softplus, "relu": jax.nn.relu, "erf": erf, "erfc": erfc},
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
        self._n_devices, self._places = n_devices, (whole, shared, whole, whole)

    def share(self, plan: Plan, n_bytes: int) -> tuple[int, bool]:
        """Chunks of a GiB; XLA has threads of its own."""
        slots = sum(n for name, n in plan.graph.n_slots.items() if name != UNIFORM)
        return max(1, 2**30 // (2 * slots * n_bytes + 1)), False

    def words(self, plan: Plan) -> list[str]:
        return [] if self._function(plan) else ["  all instructions by numpy: functions of Python"]

    def bind(self, plan: Plan, n_examples: int, uniform: Floats) -> Bound:
        if function := self._function(plan):
            return _Bound(plan, n_examples, uniform, function, self._n_devices)
        return exact.bind(plan, n_examples, uniform)

    def _function(self, plan: Plan) -> Any:
        """The plan for XLA; None for careful plans, functions of Python, and derivatives whose order is computed."""
        if "jax" not in plan.kept:
            code, is_careful = plan.code, plan.gradient and plan.gradient.careful
            maps = [each for each in (*code.forward, *code.backward) if isinstance(each, Map)]
            orders = [each.operands[1] for each in maps if each.function in ("gaussian", "normal_pdf")]
            is_known = all(each.function in _KERNELS for each in maps) and all(isinstance(n, float) for n in orders)
            function = jax.jit(partial(_computed, plan, code), in_shardings=self._places)
            plan.kept["jax"] = function if is_known and not is_careful else None
        return plan.kept["jax"]


class _Bound:
    """A plan's function with its numbers: see ``plan.Bound``."""

    def __init__(self, plan: Plan, n_examples: int, uniform: Floats, function: Any, n_devices: int) -> None:
        self._function, self._n = function, n_examples
        self._leaves = uniform[: plan.graph.record.n_parameters + len(plan.graph.constants)]
        self._unit = n_devices << max(0, (n_examples // n_devices).bit_length() - 4)
        self._exact = cache(lambda: exact.bind(plan, n_examples, uniform))

    def load(self, rows: Floats, places: Indexes | None = None) -> None:
        rows = np.asarray(rows if places is None else rows[places], self._leaves.dtype)
        self._rows = np.pad(rows, ((0, -self._n % self._unit), (0, 0)), "edge")  # XLA compiles for few sizes

    def run(self, seed: float, listens: bool) -> bool:
        with jax.enable_x64(self._rows.dtype == np.float64):
            outputs, gradient, is_sound = map(np.array, self._function(self._leaves, self._rows, seed, self._n))
        if is_sound:
            self._outputs: Any = outputs[:, : self._n]
            self.by_inputs, self.by_parameters = gradient[:, : self._n], gradient[:, 0]
            return False
        bound = self._exact()
        bound.load(self._rows[: self._n])
        self._outputs = np.broadcast_arrays(*bound.outputs)
        self.by_inputs, self.by_parameters = bound.by_inputs, bound.by_parameters
        return bound.run(seed, listens)

    def read(self, results: Floats, start: int = 0) -> None:
        results[:] = np.transpose(self._outputs[start : start + results.shape[1]])


def _computed(plan: Plan, code: Code, leaves: Any, rows: Any, seed: Any, n_examples: Any) -> tuple[Any, Any, Any]:
    """Outputs, the gradient, and whether all is finite forward, and nothing given so small that XLA takes it for 0."""
    numbers, record = _Arrays(code, leaves, rows.T), plan.graph.record
    numbers.follow(code.forward)
    outputs = [numbers.get(name, np.array([slot])) for name, slot in code.outputs]
    zeros = sum((array * 0.0).sum(0) for array in numbers.arrays)  # NaN where one is infinite or NaN
    is_sound, gradient = jnp.isfinite(zeros).all() & _are_normal(leaves) & _are_normal(rows), jnp.zeros((0, 1))
    if plan.gradient and code.seed:
        name, slot = code.seed
        seeds = jnp.where(jnp.arange(len(rows)) < n_examples, seed, 0.0).astype(rows.dtype)
        numbers.put(name, np.array([slot]), (seeds.sum(keepdims=True) if name.startswith(UNIFORM) else seeds)[None])
        numbers.follow(code.backward)
        memory, n = (INPUTS, record.n_inputs) if plan.gradient.of == INPUTS else (UNIFORM, record.n_parameters)
        gradient = numbers.get(memory + GRADIENT, np.arange(n)) if n else gradient
    return jnp.vstack(jnp.broadcast_arrays(*outputs)), gradient, is_sound


class _Arrays(Rows):
    """Arrays of XLA: ``(n, n_examples)``, or ``(n, 1)`` in memories with one number for all examples."""

    joined = staticmethod(jnp.concatenate)
    mapped = staticmethod(lambda function, operands: _KERNELS[function](*operands))
    added = staticmethod(lambda array, places, terms: array.at[places].add(terms))

    def taken(self, array: Any, rows: Indexes) -> Any:
        """A slice where they lie evenly, which XLA compiles faster."""
        evenly = rows[0], rows[-1] + 1, max([1, *np.diff(rows[:2])])
        is_even = np.array_equal(rows, np.arange(*evenly))
        return array[slice(*evenly)] if is_even else array.at[rows].get(mode="promise_in_bounds")

    def product(self, each: MatMul) -> Any:
        left, right = self.read(each.left), self.read(each.right)
        return jnp.einsum(_PRODUCTS[each.kind], left, right, precision="highest").reshape(*each.out.shape, -1)

    def spread(self, array: Any, view: View) -> Any:
        n_columns = self.inputs.shape[1] if view.per_example else 1
        return jnp.broadcast_to(jnp.asarray(array, self.inputs.dtype), (*view.shape, n_columns))


def _are_normal(numbers: Any) -> Any:
    """Whether no number but 0 is below the smallest with all its bits (2.2e-308; 1.2e-38 in float32)."""
    smallest = np.finfo(numbers.dtype).tiny
    bits = numbers.view(kind := f"u{smallest.itemsize}") << 1  # integers, as XLA may take these numbers for 0
    return ((bits == 0) | (bits >= smallest.view(kind) << 1)).all()

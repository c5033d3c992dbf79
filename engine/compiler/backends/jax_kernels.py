"""The functions of Map instructions in ``jax.numpy``, with the numbers of ``numpy_kernels`` where all are finite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.scipy.special import erf, erfc

from engine.compiler.array_functions import SQRT_HALF, made_of, ufuncs


def _divide(a: Any, b: Any) -> Any:
    """a / b. The barrier keeps XLA from making a / (b * c) of a / b / c: the product may be too large."""
    barrier: Any = lax.optimization_barrier
    return barrier(jnp.divide(a, b))


def _power(a: Any, b: Any) -> Any:
    """IEEE's power; a product or a root for the usual exponents, which XLA rounds worse as powers."""
    if isinstance(b, float) and b in (1.0, 2.0, 3.0, -1.0):
        return {1.0: lambda: a, 2.0: lambda: a * a, 3.0: lambda: a * a * a, -1.0: lambda: 1.0 / a}[b]()
    return jnp.power(a, b)


def _power_by_base(a: Any, b: Any) -> Any:
    return jnp.where(b == 0.0, 0.0, b * _power(a, b - 1.0))


# fmt: off
KERNELS: dict[str, Callable[..., Any]] = {
    **made_of(jnp, lambda a: 0.5 * erfc(a * -SQRT_HALF), int, _divide),
    **ufuncs(jnp),
    "divide": _divide, "over": _divide,
    "copy": lambda a: a,
    "softplus": lambda a: jnp.maximum(a, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(a))),
    "relu": lambda a: jnp.maximum(a, 0.0),
    "erf": erf, "erfc": erfc,
    "power_or_limit": _power, "power_by_base": _power_by_base,
    "sign": jnp.sign,
}
# fmt: on
OF_AN_ORDER = ("gaussian", "normal_pdf")

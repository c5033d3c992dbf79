"""The functions of Map instructions in ``jax.numpy``, with the numbers of ``numpy_kernels`` where all are finite."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.scipy.special import erf, erfc

_SQRT_HALF, _ONE_OVER_SQRT_2PI = math.sqrt(0.5), 1.0 / math.sqrt(2.0 * math.pi)


def _divide(a: Any, b: Any) -> Any:
    """a / b. The barrier keeps XLA from making a / (b * c) of a / b / c: the product may be too large."""
    barrier: Any = lax.optimization_barrier
    return barrier(jnp.divide(a, b))


def _extreme(function: Callable[..., Any]) -> Callable[..., Any]:
    """The larger or smaller number; of two zeros the first."""
    return lambda a, b: jnp.where(a == b, a, function(a, b))


def _sigmoid(a: Any) -> Any:
    e = jnp.exp(-jnp.abs(a))
    return jnp.where(a < 0.0, e, 1.0) / (1.0 + e)


def _bell_shaped(factor: float, scale: float) -> Callable[..., Any]:
    """Derivatives of order n, a number of Python's, of scale exp(-factor a**2)."""

    def kernel(a: Any, n: float) -> Any:
        before = jnp.exp(-factor * a * a)
        now = -2.0 * factor * a * before
        for order in range(1, int(n)):
            before, now = now, -2.0 * factor * (a * now + order * before)
        return scale * (now if n else before)

    return kernel


def _power(a: Any, b: Any) -> Any:
    """IEEE's power; a product or a root for the usual exponents, which XLA rounds worse as powers."""
    if isinstance(b, float) and b in (1.0, 2.0, 3.0, -1.0):
        return {1.0: lambda: a, 2.0: lambda: a * a, 3.0: lambda: a * a * a, -1.0: lambda: 1.0 / a}[b]()
    return jnp.power(a, b)


def _power_by_base(a: Any, b: Any) -> Any:
    return jnp.where(b == 0.0, 0.0, b * _power(a, b - 1.0))


def _normal_cdf(a: Any) -> Any:
    return 0.5 * erfc(a * -_SQRT_HALF)


# fmt: off
KERNELS: dict[str, Callable[..., Any]] = {
    **{name: getattr(jnp, name) for name in ("add", "subtract", "multiply", "negative", "abs")},
    **{name: getattr(jnp, name) for name in ("exp", "expm1", "log", "log10", "log1p", "sqrt", "sin", "cos", "tan")},
    **{name: getattr(jnp, name) for name in ("sinh", "cosh", "tanh", "hypot")},
    "divide": _divide, "over": _divide,
    "asin": jnp.arcsin, "acos": jnp.arccos, "atan": jnp.arctan, "atan2": jnp.arctan2,
    "copy": lambda a: a,
    "maximum": _extreme(jnp.maximum), "minimum": _extreme(jnp.minimum),
    "sigmoid": _sigmoid,
    "softplus": lambda a: jnp.maximum(a, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(a))),
    "relu": lambda a: jnp.maximum(a, 0.0),
    "leaky_relu": lambda a, b: jnp.where(a > 0.0, a, b * a),
    "gelu": lambda a: jnp.where((p := _normal_cdf(a)) == 0.0, -0.0, a * p),
    "erf": erf, "erfc": erfc,
    "minus": lambda a, b: jnp.where(a == b, 0.0, a - b),
    "times": lambda a, b: jnp.where((a == 0.0) | (b == 0.0), 0.0, a * b),
    "log_or_limit": jnp.log,
    "power_or_limit": _power, "power_by_base": _power_by_base,
    "power_by_exponent": lambda a, b: jnp.where((a == 0.0) & (b >= 0.0), 0.0, jnp.power(a, b) * jnp.log(a)),
    "step": lambda a: jnp.where(a <= 0.0, 0.0, 1.0),
    "sign": jnp.sign,
    "larger": lambda a, b: jnp.where(a == b, 0.5, jnp.where(a < b, 0.0, 1.0)),
    "leaky_slope": lambda a, b: jnp.where(a > 0.0, 1.0, b),
    "unless_positive": lambda a, b: jnp.where(a > 0.0, 0.0, b),
    "sech2": lambda a: 4.0 * (e := jnp.exp(-2.0 * jnp.abs(a))) / ((1.0 + e) * (1.0 + e)),
    "sigmoid_slope": lambda a: (e := jnp.exp(-jnp.abs(a))) / ((1.0 + e) * (1.0 + e)),
    "asin_slope": lambda a: 1.0 / jnp.sqrt((1.0 - a) * (1.0 + a)),
    "over_hypot": lambda a, b: a / jnp.hypot(a, b),
    "over_square_sum": lambda a, b: jnp.where((r := jnp.hypot(a, b)) == 0.0, 0.0, _divide(a, r) / r),
    "gaussian": _bell_shaped(1.0, 1.0), "normal_pdf": _bell_shaped(0.5, _ONE_OVER_SQRT_2PI),
    "gelu_slope": lambda a: _normal_cdf(a) + _ONE_OVER_SQRT_2PI * a * jnp.exp(-0.5 * a * a),
}
# fmt: on
OF_AN_ORDER = ("gaussian", "normal_pdf")

"""The functions of Map instructions, on numpy arrays: ``kernel(*operands, out)``. Ufuncs where numpy has them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Kernel = Callable[..., Any]
_SQRT_HALF, _ONE_OVER_SQRT_2PI = math.sqrt(0.5), 1.0 / math.sqrt(2.0 * math.pi)


def _exactly(function: Callable[[float], float]) -> Kernel:
    """A function of Python's floats, element by element: slow, and exact."""
    each = np.frompyfunc(function, 1, 1)

    def kernel(a: Any, out: Any) -> None:
        np.copyto(out, each(a).astype(out.dtype))

    return kernel


try:  # numpy has no error function
    from scipy.special import erf as _erf
    from scipy.special import erfc as _erfc
except ImportError:
    _erf, _erfc = _exactly(math.erf), _exactly(math.erfc)


def _copy(a: Any, out: Any) -> None:
    np.copyto(out, a)


def _extreme(function: Callable[..., Any]) -> Kernel:
    """The larger or smaller number; of two zeros the first.

    One number for all is spread first, because numpy is twice as fast for whole arrays.
    """

    def kernel(a: Any, b: Any, out: Any) -> None:
        number = 0.0
        if b.size == 1:
            number = b.item()
            np.copyto(out, b)
            b = out
        function(a, b, out=out)
        if number == 0.0:
            zero = np.equal(a, 0.0)
            if zero.any():
                np.copyto(out, a, where=zero & (out == 0.0))

    return kernel


def _relu(a: Any, out: Any) -> None:
    np.copyto(out, 0.0)
    np.maximum(a, out, out=out)


def _sigmoid(a: Any, out: Any) -> None:
    e = np.exp(-np.abs(a))
    np.divide(np.where(a < 0.0, e, 1.0), 1.0 + e, out)


def _softplus(a: Any, out: Any) -> None:
    np.add(np.maximum(a, 0.0), np.log1p(np.exp(-np.abs(a))), out)


def _one_minus_tanh_squared(a: Any, _y: Any, out: Any) -> None:
    e = np.exp(-2.0 * np.abs(a))
    np.divide(4.0 * e, (1.0 + e) ** 2, out)


def _sqrt_of_one_minus_square(a: Any, out: Any) -> None:
    np.sqrt((1.0 - a) * (1.0 + a), out)


def _sigmoid_slope(a: Any, y: Any, out: Any) -> None:
    _sigmoid(-a, out)
    np.multiply(y, out, out)


def _exp_of_minus_square(a: Any, factor: Any, out: Any) -> None:
    np.exp(-factor * a * a, out)


def _over_hypot(a: Any, _b: Any, y: Any, out: Any) -> None:
    np.divide(a, y, out)


def _over_square(a: Any, r: Any, out: Any) -> None:
    np.copyto(out, np.where(r == 0.0, 0.0, a / r / r))


def _where_positive(a: Any, yes: Any, no: Any, out: Any) -> None:
    np.copyto(out, np.where(a > 0.0, yes, no))


def _is_positive(a: Any, out: Any) -> None:
    np.copyto(out, a > 0.0)


def _larger(a: Any, b: Any, out: Any) -> None:
    np.greater(a, b, out)
    equal = np.equal(a, b)
    if equal.any():
        np.copyto(out, 0.5, where=equal)


def _normal_cdf(a: Any, out: Any) -> None:
    _erfc(a * -_SQRT_HALF, out)
    np.multiply(0.5, out, out)


def _normal_pdf(a: Any, out: Any) -> None:
    np.multiply(_ONE_OVER_SQRT_2PI, np.exp(-0.5 * a * a), out)


def _power_by_base(a: Any, b: Any, out: Any) -> None:
    np.copyto(out, np.where(b == 0.0, 0.0, b * np.power(a, b - 1.0)))


def _power_by_exponent(a: Any, b: Any, y: Any, out: Any) -> None:
    np.copyto(out, np.where((a == 0.0) & (b >= 0.0), 0.0, y * np.log(a)))


KERNELS: dict[str, Kernel] = {
    **{name: getattr(np, name) for name in ("add", "subtract", "multiply", "divide", "negative")},
    **{name: getattr(np, name) for name in ("exp", "expm1", "log", "log10", "log1p", "sqrt", "abs", "sign", "power")},
    **{name: getattr(np, name) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "hypot")},
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "copy": _copy,
    "maximum": _extreme(np.maximum),
    "minimum": _extreme(np.minimum),
    "relu": _relu,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "one_minus_tanh_squared": _one_minus_tanh_squared,
    "sqrt_of_one_minus_square": _sqrt_of_one_minus_square,
    "sigmoid_slope": _sigmoid_slope,
    "exp_of_minus_square": _exp_of_minus_square,
    "over_hypot": _over_hypot,
    "over_square": _over_square,
    "where_positive": _where_positive,
    "is_positive": _is_positive,
    "larger": _larger,
    "normal_cdf": _normal_cdf,
    "normal_pdf": _normal_pdf,
    "erf": _erf,
    "erfc": _erfc,
    "power_by_base": _power_by_base,
    "power_by_exponent": _power_by_exponent,
}


def kernel(function: str | Callable[..., Any]) -> Kernel:
    """The kernel of that name; for a function of a user's primitive that function, number by number."""
    if isinstance(function, str):
        return KERNELS[function]

    def each(*operands: Any) -> None:
        *arguments, out = operands
        np.copyto(out, np.frompyfunc(lambda *x: float(function(*x)), len(arguments), 1)(*arguments).astype(out.dtype))

    return each

"""The functions of Map instructions, on numpy arrays: ``kernel(*operands, out)``. Ufuncs where numpy has them."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from engine import special
from engine.compiler.array_functions import SQRT_HALF, made_of, ufuncs

Kernel = Callable[..., Any]


def _exactly(function: Callable[..., float]) -> Kernel:
    """A function of Python's floats, element by element: slow, and exact."""

    def kernel(*operands: Any) -> None:
        *arguments, out = operands
        np.copyto(out, np.frompyfunc(function, len(arguments), 1)(*arguments).astype(out.dtype))

    return kernel


@cache
def _error_function(name: str) -> Kernel:
    """scipy's, as numpy has none; imported by the first use, since that takes as long as a short training."""
    try:
        import scipy.special
    except ImportError:
        return _exactly(getattr(math, name))
    return getattr(scipy.special, name)  # type: ignore[no-any-return]


def _erf(a: Any, out: Any) -> None:
    _error_function("erf")(a, out)


def _erfc(a: Any, out: Any) -> None:
    """1 - erf(a); element by element from 26.5 on, where scipy has 0 for numbers below 1e-308."""
    far = (a > 26.5) & (a < 27.5) if np.size(a) and np.fmax.reduce(a, None) > 26.5 else None
    exact = [] if far is None else list(map(math.erfc, a[far].tolist()))  # before out, which may be where a is
    _error_function("erfc")(a, out)
    if exact:
        out[far] = exact


def _divide(a: Any, b: Any, out: Any) -> None:
    """IEEE's quotient. A 0 below infinity or NaN is signalled as well, which the processor does not do."""
    single = a if isinstance(a, float) else a.item() if a.size == 1 else math.inf
    has_zero = not math.isfinite(single) and np.count_nonzero(b) != np.size(b)  # before out, which may be where b is
    np.divide(a, b, out)
    if has_zero:
        np.divide(1.0, 0.0)


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


def _larger(a: Any, b: Any, out: Any) -> None:
    np.copyto(out, ~np.less(a, b))
    equal = np.equal(a, b)
    if equal.any():
        np.copyto(out, 0.5, where=equal)


def _times(a: Any, b: Any, out: Any) -> None:
    product = np.multiply(a, b)
    if not np.isfinite(np.add.reduce(product, None)):
        product = np.where(np.isnan(product) & ((a == 0.0) | (b == 0.0)), 0.0, product)
    np.copyto(out, product)


def _minus(a: Any, b: Any, out: Any) -> None:
    equal = np.equal(a, b)
    np.subtract(a, b, out)
    np.copyto(out, 0.0, where=equal)


def _normal_cdf(a: Any) -> Any:
    p = np.empty(np.shape(a), a.dtype)
    _erfc(a * -SQRT_HALF, p)
    return np.multiply(0.5, p, p)


def _copied(function: Callable[..., Any]) -> Kernel:
    """A function of arrays, its result copied."""

    def kernel(*operands: Any) -> None:
        *arguments, out = operands
        np.copyto(out, function(*arguments))

    return kernel


def _power(a: Any, b: Any, out: Any = None) -> Any:
    """IEEE's power. For one exponent of 1/2 numpy takes the square root, which is another number at -0.0 and -inf."""
    found = np.power(a, b, out=out)
    half = np.equal(b, 0.5)
    if np.any(half):
        np.copyto(found, np.abs(a), where=half & ((a == 0.0) | (a == -math.inf)))
    return found


def _power_by_base(a: Any, b: Any, out: Any) -> None:
    found = np.where(b == 0.0, 0.0, b * _power(a, b - 1.0))
    if np.any(b - 1.0 + 1.0 != b):  # a rounded exponent costs digits where log(a) is large: see special.py
        y, most = _power(a, b), 1e290 if a.itemsize > 4 else 1e30
        sound = (b - 1.0 + 1.0 != b) & (a > 0.0) & (y > 1.0 / most) & (y < most)
        np.copyto(found, np.where(a > 1.0, b * (y / a), b * y / a), where=sound)
    np.copyto(out, found)


_SHARED = made_of(np, _normal_cdf, lambda orders: int(np.max(orders)))
# fmt: off
KERNELS: dict[str, Kernel] = {
    **{name: _copied(function) for name, function in _SHARED.items()},
    **ufuncs(np),
    "divide": _divide,
    "copy": lambda a, out: np.copyto(out, a),
    "maximum": _extreme(np.maximum), "minimum": _extreme(np.minimum),
    "softplus": lambda a, out: np.add(np.maximum(a, 0.0), np.log1p(np.exp(-np.abs(a))), out),
    "relu": _relu,
    "erf": _erf, "erfc": _erfc,
    # what derivatives and a few functions are made of
    "minus": _minus,
    "times": _times,
    "over": np.divide,
    "power_or_limit": _power,
    "power_by_base": _power_by_base,
    "step": lambda a, out: np.copyto(out, ~(a <= 0.0)),
    "sech2": lambda a, out: np.divide(4.0 * (e := np.exp(-2.0 * np.abs(a))), (1.0 + e) ** 2, out),
    "sigmoid_slope": lambda a, out: np.divide(e := np.exp(-np.abs(a)), (1.0 + e) ** 2, out),
    "larger": _larger,
    "sign": lambda a, out: np.subtract(a > 0.0, a < 0.0, out, dtype=out.dtype),
}
# fmt: on


def kernel(function: str | Callable[..., Any]) -> Kernel:
    """The kernel of that name; else the function of floats of that name or of a user's primitive, number by number."""
    if isinstance(function, str) and function in KERNELS:
        return KERNELS[function]
    return _exactly(getattr(special, function) if isinstance(function, str) else function)

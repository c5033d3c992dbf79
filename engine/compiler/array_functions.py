"""Functions of Map instructions, each one formula for numpy, ``jax.numpy`` and ONNX."""

import math
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]
SQRT_HALF, _ONE_OVER_SQRT_2PI = math.sqrt(0.5), 1.0 / math.sqrt(2.0 * math.pi)


def ufuncs(m: Any) -> dict[str, Function]:
    """Functions that numpy and ``jax.numpy`` have."""
    same = ["add", "subtract", "multiply", "negative", "abs", "exp", "expm1", "log", "log10", "log1p", "sqrt"]
    same += ["sin", "cos", "tan", "sinh", "cosh", "tanh", "hypot"]
    others = {"asin": m.arcsin, "acos": m.arccos, "atan": m.arctan, "atan2": m.arctan2, "log_or_limit": m.log}
    return {name: getattr(m, name) for name in same} | others


def made_of(m: Any, normal_cdf: Function, highest: Callable[[Any], int]) -> dict[str, Function]:
    """The functions by their names, of arrays, made of those of *m*, such as numpy.

    *normal_cdf* is erfc(-a sqrt(1/2)) / 2, and *highest* the largest of some orders of derivatives.
    """

    def sigmoid(a: Any) -> Any:
        e = m.exp(-abs(a))
        return m.where(a < 0.0, e, 1.0) / (1.0 + e)

    def gelu_slope(a: Any) -> Any:
        density = _ONE_OVER_SQRT_2PI * m.exp(-0.5 * a * a)
        return normal_cdf(a) + m.where(m.equal(density, 0.0), 0.0, a) * density

    def bell(factor: float, scale: float) -> Function:
        """Derivatives of order n of scale exp(-factor a**2), as in ``special.py``."""

        def function(a: Any, n: Any) -> Any:
            before = m.exp(-factor * a * a)
            if (last := highest(n)) == 0:
                return scale * before
            slope = m.where(m.equal(before, 0.0), 0.0, -2.0 * factor * a)
            now = slope * before
            result = m.where(m.equal(n, 0.0), before, now)
            for order in range(1, last):
                before, now = now, slope * now - 2.0 * factor * order * before
                result = m.where(m.equal(n, order + 1.0), now, result)
            result *= scale
            return result

        return function

    # fmt: off
    return {
        "maximum": lambda a, b: m.where(m.equal(a, b), a, m.maximum(a, b)),  # of two zeros the first
        "minimum": lambda a, b: m.where(m.equal(a, b), a, m.minimum(a, b)),
        "sigmoid": sigmoid,
        "leaky_relu": lambda a, b: m.where(a > 0.0, a, b * a),
        "gelu": lambda a: m.where(m.equal(p := normal_cdf(a), 0.0), -0.0, a * p),
        # what derivatives and a few functions are made of
        "minus": lambda a, b: m.where(m.equal(a, b), 0.0, a - b),
        "times": lambda a, b: m.where(
            m.equal(p := a * b, p), p, m.where(m.equal(a, 0.0) | m.equal(b, 0.0), 0.0, p)),  # of NaN alone
        "power_by_exponent": lambda a, b: m.where(m.equal(a, 0.0) & (b >= 0.0), 0.0, m.power(a, b) * m.log(a)),
        "step": lambda a: m.where(a <= 0.0, 0.0, 1.0),
        "larger": lambda a, b: m.where(m.equal(a, b), 0.5, m.where(a < b, 0.0, 1.0)),
        "leaky_slope": lambda a, b: m.where(a > 0.0, 1.0, b),
        "unless_positive": lambda a, b: m.where(a > 0.0, 0.0, b),
        "sech2": lambda a: 4.0 * (e := m.exp(-2.0 * abs(a))) / ((1.0 + e) * (1.0 + e)),
        "sigmoid_slope": lambda a: (e := m.exp(-abs(a))) / ((1.0 + e) * (1.0 + e)),
        "asin_slope": lambda a: 1.0 / m.sqrt((1.0 - a) * (1.0 + a)),
        "over_hypot": lambda a, b: a / m.hypot(a, b),
        "over_square_sum": lambda a, b: m.where(m.equal(r := m.hypot(a, b), 0.0), 0.0, m.divide(a, r) / r),
        "gaussian": bell(1.0, 1.0), "normal_pdf": bell(0.5, _ONE_OVER_SQRT_2PI), "gelu_slope": gelu_slope,
    }
    # fmt: on

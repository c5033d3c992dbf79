"""The functions of Map instructions made of ONNX's operators, as ``numpy_kernels`` has them.

An operator is used where onnxruntime computes it to a few units in the last place, in float64 too; else a function is
made of others. NaN stays NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.compiler.onnx_erf import erf, erfc
from engine.compiler.onnx_graph import Operand, Tensor, apply

_SAME = {
    **{"add": "Add", "subtract": "Sub", "multiply": "Mul", "negative": "Neg", "abs": "Abs", "copy": "Identity"},
    **{"divide": "Div", "over": "Div", "exp": "Exp", "log": "Log", "log_or_limit": "Log", "sqrt": "Sqrt"},
    **{"sin": "Sin", "cos": "Cos", "tanh": "Tanh", "relu": "Relu", "power_or_limit": "Pow"},
}
_SAME_IN_FLOAT32 = {
    **{"tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "erf": "Erf"},
}
_SQRT_HALF, _ONE_OVER_SQRT_2PI = math.sqrt(0.5), 1.0 / math.sqrt(2.0 * math.pi)


def applied(function: str | Callable[..., Any], operands: Sequence[Operand]) -> Tensor:
    """What a function is, number by number.

    Raises:
        ValueError: it is a function of Python, or a derivative whose order is no constant.
    """
    first = next(each for each in operands if isinstance(each, Tensor))
    if not isinstance(function, str):
        primitive = getattr(getattr(function, "func", function), "__self__", function)  # a derivative is in a partial
        name = getattr(primitive, "name", "an operation")
        raise ValueError(f"ONNX cannot compute {name}, a function of Python; write it with functions of the engine")
    operator = _SAME.get(function) or (_SAME_IN_FLOAT32.get(function) if first.dtype == np.float32 else None)
    if operator:
        return apply(operator, *operands)
    constant = first.graph.constant
    return _MADE[function](
        *(each if isinstance(each, Tensor) else constant(np.array([each], first.dtype)) for each in operands)
    )


def _of(operator: str) -> Callable[..., Tensor]:
    return lambda *operands: apply(operator, *operands)


_where, _exp, _log, _sqrt, _sin, _cos = map(_of, ("Where", "Exp", "Log", "Sqrt", "Sin", "Cos"))
_tanh, _pow, _relu = map(_of, ("Tanh", "Pow", "Relu"))


def _log1p(a: Tensor) -> Tensor:
    """By log(u) a / (u - 1) with u = 1 + a, in which the rounding of u cancels."""
    u = 1.0 + a
    return _where(u.equals(1.0), a, _where(u.equals(a), _log(u), _log(u) * (a / (u - 1.0))))


def _cosh(a: Tensor) -> Tensor:
    half = _exp(0.5 * abs(a))  # the square is too large where the result is
    return 0.5 * half * half + 0.5 * _exp(-abs(a))


def _sigmoid(a: Tensor) -> Tensor:
    e = _exp(-abs(a))
    return _where(a.is_less(0.0), e, 1.0) / (1.0 + e)


def _extreme(operator: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The larger or smaller number; of two zeros the first."""
    return lambda a, b: _where(a.equals(b), a, apply(operator, a, b))


def _sizes(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The larger and the smaller of two numbers without their signs."""
    a, b = abs(a), abs(b)
    return apply("Max", a, b), apply("Min", a, b)


def _hypot(a: Tensor, b: Tensor) -> Tensor:
    large, small = _sizes(a, b)
    ratio = small / large
    found = _where(large.equals(0.0), large, large * _sqrt(1.0 + ratio * ratio))
    return _where(abs(a).equals(math.inf) | abs(b).equals(math.inf), math.inf, found)


def _atan(a: Tensor) -> Tensor:
    """By the operator in float32, and what that leaves, to the third order."""
    if a.dtype == np.float32:
        return apply("Atan", a)
    a = _where(abs(a).is_greater(1e30), 1e30 * _sign(a), a)
    near = apply("Atan", a.cast("float32")).cast("float64")
    sin, cos = _sin(near), _cos(near)
    rest = (a * cos - sin) / (cos + a * sin)
    return near + (rest - rest * rest * rest / 3.0)


def _atan2(a: Tensor, b: Tensor) -> Tensor:
    large, small = _sizes(a, b)
    acute = _atan(_where(large.equals(small), _sign(large), small / large))
    acute = _where(abs(a).is_greater(abs(b)), 0.5 * math.pi - acute, acute)
    angle = _where(_is_negative(b), math.pi - acute, acute)
    return _where(_is_negative(a), -angle, angle)


def _is_negative(a: Tensor) -> Tensor:
    """Whether a number has a minus sign, -0.0 too."""
    return a.is_less(0.0) | (1.0 / a).is_less(0.0)


def _sign(a: Tensor) -> Tensor:
    return _where(a.is_greater(0.0), 1.0, _where(a.is_less(0.0), -1.0, 0.0))


def _times(a: Tensor, b: Tensor) -> Tensor:
    return _where(a.equals(0.0) | b.equals(0.0), 0.0, a * b)


def _scaled_power(factor: Tensor, a: Tensor, b: Tensor, less: int, product: Callable[..., Tensor] = _times) -> Tensor:
    """factor * a ** (b - less), by a ** b where rounding the exponent costs digits, as in ``special.py``."""
    y, exponent, most = _pow(a, b), b - float(less), 1e290 if a.dtype == np.float64 else 1e30
    above, below = factor * y, y
    for _ in range(less):
        above, below = above / a, below / a
    is_sound = a.is_greater(0.0) & y.is_greater(1.0 / most) & y.is_less(most)
    exact = _where(a.is_greater(1.0), factor * below, above)
    is_rounded = apply("Not", (exponent + float(less)).equals(b))
    return _where(is_sound & is_rounded, exact, product(factor, _pow(a, exponent)))


def _bell_shaped(factor: float, scale: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Derivatives of order n, a constant, of scale exp(-factor a**2), as in ``special.py``."""

    def made(a: Tensor, n: Tensor) -> Tensor:
        if n.numbers is None:
            raise ValueError("ONNX cannot compute a derivative of an order that is no constant")
        before = _exp(-factor * a * a)
        slope = _where(before.equals(0.0), 0.0, -2.0 * factor * a)
        now = slope * before
        result = _where(n.equals(0.0), before, now)
        for order in range(1, int(n.numbers.max())):
            before, now = now, slope * now - 2.0 * factor * order * before
            result = _where(n.equals(order + 1.0), now, result)
        return scale * result

    return made


def _gelu(a: Tensor) -> Tensor:
    p = 0.5 * erfc(a * -_SQRT_HALF)
    return _where(p.equals(0.0), -0.0, a * p)


def _gelu_slope(a: Tensor) -> Tensor:
    density = _ONE_OVER_SQRT_2PI * _exp(-0.5 * a * a)
    return 0.5 * erfc(a * -_SQRT_HALF) + _times(a, density)


# fmt: off
_MADE: dict[str, Callable[..., Tensor]] = {
    "expm1": lambda a: _tanh(0.5 * a) * (_exp(a) + 1.0), "log1p": _log1p,
    "log10": lambda a: _log(a) / math.log(10.0),
    "tan": lambda a: _sin(a) / _cos(a),
    "sinh": lambda a: _tanh(a) * _cosh(a), "cosh": _cosh,
    "atan": _atan, "atan2": _atan2,
    "asin": lambda a: _atan(a / _sqrt((1.0 - a) * (1.0 + a))),
    "acos": lambda a: 2.0 * _atan(_sqrt((1.0 - a) / (1.0 + a))),
    "hypot": _hypot, "maximum": _extreme("Max"), "minimum": _extreme("Min"),
    "sigmoid": _sigmoid, "softplus": lambda a: _relu(a) + _log1p(_exp(-abs(a))),
    "leaky_relu": lambda a, b: _where(a.is_greater(0.0), a, b * a),
    "gelu": _gelu, "erf": erf, "erfc": erfc,
    # what derivatives are made of
    "minus": lambda a, b: _where(a.equals(b), 0.0, a - b), "times": _times,
    "power_by_base": lambda a, b: _where(b.equals(0.0), 0.0, _scaled_power(b, a, b, 1, _of("Mul"))),
    "power_by_exponent": lambda a, b: _where(
        a.equals(0.0) & apply("GreaterOrEqual", b, 0.0), 0.0, _pow(a, b) * _log(a)),
    "power_curvature": lambda a, b: _scaled_power(b * (b - 1.0), a, b, 2),
    "power_mixed": lambda a, b: _where(a.is_less(0.0), math.nan, _scaled_power(1.0 + b * _log(a), a, b, 1)),
    "step": lambda a: _where(apply("LessOrEqual", a, 0.0), 0.0, 1.0), "sign": _sign,
    "larger": lambda a, b: _where(a.equals(b), 0.5, _where(a.is_less(b), 0.0, 1.0)),
    "leaky_slope": lambda a, b: _where(a.is_greater(0.0), 1.0, b),
    "unless_positive": lambda a, b: _where(a.is_greater(0.0), 0.0, b),
    "sech2": lambda a: 4.0 * (e := _exp(-2.0 * abs(a))) / ((1.0 + e) * (1.0 + e)),
    "sigmoid_slope": lambda a: (e := _exp(-abs(a))) / ((1.0 + e) * (1.0 + e)),
    "asin_slope": lambda a: 1.0 / _sqrt((1.0 - a) * (1.0 + a)),
    "over_hypot": lambda a, b: a / _hypot(a, b),
    "over_square_sum": lambda a, b: _where((r := _hypot(a, b)).equals(0.0), 0.0, a / r / r),
    "gaussian": _bell_shaped(1.0, 1.0), "normal_pdf": _bell_shaped(0.5, _ONE_OVER_SQRT_2PI), "gelu_slope": _gelu_slope,
}
# fmt: on

"""The functions of Map instructions made of ONNX's operators, as ``numpy_kernels`` has them; NaN stays NaN.

An operator is used where onnxruntime computes it to a few units in the last place, in float64 too.
"""

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from engine.compiler.array_functions import SQRT_HALF, made_of
from engine.compiler.onnx_graph import Graph, Operand, Tensor, apply
from engine.onnx_models import DOMAIN, OPSET, package

_SAME = {
    **{"add": "Add", "subtract": "Sub", "multiply": "Mul", "negative": "Neg", "abs": "Abs", "copy": "Identity"},
    **{"divide": "Div", "over": "Div", "exp": "Exp", "log": "Log", "log_or_limit": "Log", "sqrt": "Sqrt"},
    **{"sin": "Sin", "cos": "Cos", "tanh": "Tanh", "relu": "Relu", "power_or_limit": "Pow"},
}
_SAME_IN_FLOAT32 = {
    **{"tan": "Tan", "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "erf": "Erf"},
}
_SERIES = [2.0 / math.sqrt(math.pi) * (-1.0) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(20)]
"""erf(x) / x in powers of x**2 (Abramowitz and Stegun 7.1.5)."""
_MIDDLE = 3.75
_TAIL = [
    1.2375126308378275, -0.14024059858554697, 0.003585415485463775, 0.08227673849014516,
    -0.10880393014171785, 0.09230432116037876, -0.058693398590212366, 0.028362277418940665,
    -0.009746579552504244, 0.0017556258530017257, 0.0002937136342850081, -0.0002901540809795271,
    5.1649211390702855e-05, 2.2384240314224437e-05, -1.1444412439171722e-05, -9.735619015182663e-07,
    1.752057970166318e-06, -5.721597255990987e-08, -2.591069687796658e-07, 2.3261913276696566e-08,
    3.8965452548985966e-08, -3.743568033634583e-09, -5.28428697963142e-09, 3.110310719839165e-10,
    4.434959070009628e-10,
]  # fmt: skip
"""(1 + 2 x) exp(x**2) erfc(x) for x >= 0 in powers of t = (x - 3.75) / (x + 3.75), to 6e-18.

The variables are those of Shepherd and Laframboise (Mathematics of Computation 36, 1981); the numbers interpolate at
25 Chebyshev points, computed with 60 digits.
"""


def applied(function: str | Callable[..., Any], operands: Sequence[Operand]) -> Tensor:
    """What a function is, number by number; a ValueError if it is one of Python, or has an order that varies."""
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


def onnx_function(name: str, *constants: float) -> Any:
    """An ``onnx.FunctionProto`` in float64 of one tensor: the engine's function *name*, with constants after that."""
    helper, graph = package().helper, Graph()
    made = applied(name, [Tensor(graph, "x", (), np.dtype("float64"), wide=True), *constants])
    numbers = [helper.make_node("Constant", [], [each.name], value=each) for each in graph.tensors()]
    nodes, opset = [*numbers, *graph.nodes], helper.make_opsetid("", OPSET)
    return helper.make_function(DOMAIN, name, ["x"], [made.name], nodes, [opset])


def _of(operator: str) -> Callable[..., Tensor]:
    return lambda *operands: apply(operator, *operands)


_where, _equal, _max, _min = map(_of, ("Where", "Equal", "Max", "Min"))
_exp, _log, _sqrt, _sin, _cos = map(_of, ("Exp", "Log", "Sqrt", "Sin", "Cos"))
_tanh, _pow, _relu = map(_of, ("Tanh", "Pow", "Relu"))


def _log1p(a: Tensor) -> Tensor:
    """By log(u) a / (u - 1) with u = 1 + a, in which the rounding of u cancels."""
    u = 1.0 + a
    return _where(_equal(u, 1.0), a, _where(_equal(u, a), _log(u), _log(u) * (a / (u - 1.0))))


def _cosh(a: Tensor) -> Any:
    half = _exp(0.5 * abs(a))  # the square is too large where the result is
    return 0.5 * half * half + 0.5 * _exp(-abs(a))


def _sizes(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The larger and the smaller of two numbers without their signs."""
    a, b = abs(a), abs(b)
    return _max(a, b), _min(a, b)


def _hypot(a: Tensor, b: Tensor) -> Tensor:
    large, small = _sizes(a, b)
    ratio = small / large
    found = _where(_equal(large, 0.0), large, large * _sqrt(1.0 + ratio * ratio))
    return _where(_equal(abs(a), math.inf) | _equal(abs(b), math.inf), math.inf, found)


def _atan(a: Tensor) -> Any:
    """By the operator in float32, and what that leaves, to the third order."""
    if a.dtype == np.float32:
        return apply("Atan", a)
    a = _where(abs(a) > 1e30, 1e30 * _sign(a), a)
    near = apply("Atan", a.cast("float32")).cast("float64")
    sin, cos = _sin(near), _cos(near)
    rest = (a * cos - sin) / (cos + a * sin)
    return near + (rest - rest * rest * rest / 3.0)


def _atan2(a: Tensor, b: Tensor) -> Tensor:
    large, small = _sizes(a, b)
    acute = _atan(_where(_equal(large, small), _sign(large), small / large))
    acute = _where(abs(a) > abs(b), 0.5 * math.pi - acute, acute)
    angle = _where(_is_negative(b), math.pi - acute, acute)
    return _where(_is_negative(a), -angle, angle)


def _is_negative(a: Tensor) -> Any:
    """Whether a number has a minus sign, -0.0 too."""
    return (a < 0.0) | (1.0 / a < 0.0)


def _sign(a: Tensor) -> Tensor:
    return _where(a > 0.0, 1.0, _where(a < 0.0, -1.0, 0.0))


def _scaled_power(factor: Tensor, a: Tensor, b: Tensor, less: int, product: Callable[..., Tensor]) -> Tensor:
    """factor * a ** (b - less), by a ** b where rounding the exponent costs digits, as in ``special.py``."""
    y, exponent, most = _pow(a, b), b - float(less), 1e290 if a.dtype == np.float64 else 1e30
    above, below = factor * y, y
    for _ in range(less):
        above, below = above / a, below / a
    is_sound = (a > 0.0) & (y > 1.0 / most) & (y < most)
    exact = _where(a > 1.0, factor * below, above)
    is_rounded = apply("Not", _equal(exponent + float(less), b))
    return _where(is_sound & is_rounded, exact, product(factor, _pow(a, exponent)))


def _highest(orders: Tensor) -> int:
    if orders.numbers is None:
        raise ValueError("ONNX cannot compute a derivative of an order that is no constant")
    return int(orders.numbers.max())


def _erf(a: Tensor) -> Tensor:
    """In float64, of which onnxruntime has none, by polynomials: matrix products of powers."""
    x = a.cast("float64")
    size = abs(x)
    outer = 1.0 - _tail(size)
    found = _where(size < 1.0, x * _polynomial(x * x, _SERIES), apply("Sign", x) * outer)
    return found.cast(a.dtype.name)


def _erfc(a: Tensor) -> Tensor:
    """1 - erf(a), with all digits where that is small."""
    x = a.cast("float64")
    tail = _tail(abs(x))
    return _where(x < 0.0, 2.0 - tail, tail).cast(a.dtype.name)


def _tail(x: Tensor) -> Any:
    """erfc(x) for x >= 0. The square of x is exact for its leading 24 bits."""
    x = _min(x, 30.0)  # from 27.3 on it is 0
    head = x.cast("float32").cast("float64")
    decay = _exp(-(head * head)) * _exp(-((x - head) * (x + head)))
    return _min(decay * _polynomial((x - _MIDDLE) / (x + _MIDDLE), _TAIL) / (1.0 + 2.0 * x), 1.0)


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    graph = x.graph
    powers = graph.add("Unsqueeze", x.name, graph.array([-1]))
    powers = graph.add("Pow", powers, graph.array(range(len(coefficients)), x.dtype))
    return Tensor(graph, graph.add("MatMul", powers, graph.array(coefficients, x.dtype)), x.shape, x.dtype, x.wide)


_AS_NUMPY = {
    **{"where": _where, "equal": _equal, "maximum": _max, "minimum": _min, "power": _pow, "hypot": _hypot},
    **{"exp": _exp, "log": _log, "sqrt": _sqrt, "divide": _of("Div")},
}
_SHARED = made_of(SimpleNamespace(**_AS_NUMPY), lambda a: 0.5 * _erfc(a * -SQRT_HALF), _highest)
# fmt: off
_MADE: dict[str, Callable[..., Tensor]] = {
    **_SHARED,
    "expm1": lambda a: _tanh(0.5 * a) * (_exp(a) + 1.0), "log1p": _log1p,
    "log10": lambda a: _log(a) / math.log(10.0),
    "tan": lambda a: _sin(a) / _cos(a),
    "sinh": lambda a: _tanh(a) * _cosh(a), "cosh": _cosh,
    "atan": _atan, "atan2": _atan2,
    "asin": lambda a: _atan(a / _sqrt((1.0 - a) * (1.0 + a))),
    "acos": lambda a: 2.0 * _atan(_sqrt((1.0 - a) / (1.0 + a))),
    "hypot": _hypot, "softplus": lambda a: _relu(a) + _log1p(_exp(-abs(a))),
    "erf": _erf, "erfc": _erfc,
    # what derivatives are made of
    "power_by_base": lambda a, b: _where(_equal(b, 0.0), 0.0, _scaled_power(b, a, b, 1, _of("Mul"))),
    "power_curvature": lambda a, b: _scaled_power(b * (b - 1.0), a, b, 2, _SHARED["times"]),
    "power_mixed": lambda a, b: _where(
        a < 0.0, math.nan, _scaled_power(1.0 + b * _log(a), a, b, 1, _SHARED["times"])),
    "sign": _sign,
}
# fmt: on

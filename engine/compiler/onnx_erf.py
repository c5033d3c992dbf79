"""The error function in float64, of which onnxruntime has none: polynomials, as a matrix product of powers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.compiler.onnx_graph import Tensor, apply

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


def erf(a: Tensor) -> Tensor:
    """The error function."""
    x = a.cast("float64")
    size = abs(x)
    outer = 1.0 - _tail(size)
    found = apply("Where", size < 1.0, x * _polynomial(x * x, _SERIES), apply("Sign", x) * outer)
    return found.cast(a.dtype.name)


def erfc(a: Tensor) -> Tensor:
    """1 - erf(a), with all digits where that is small."""
    x = a.cast("float64")
    tail = _tail(abs(x))
    return apply("Where", x < 0.0, 2.0 - tail, tail).cast(a.dtype.name)


def _tail(x: Tensor) -> Tensor:
    """erfc(x) for x >= 0. The square of x is exact for its leading 24 bits."""
    x = apply("Min", x, 30.0)  # from 27.3 on it is 0
    head = x.cast("float32").cast("float64")
    decay = apply("Exp", -(head * head)) * apply("Exp", -((x - head) * (x + head)))
    return apply("Min", decay * _polynomial((x - _MIDDLE) / (x + _MIDDLE), _TAIL) / (1.0 + 2.0 * x), 1.0)


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    graph = x.graph
    powers = graph.add("Unsqueeze", x.name, graph.array([-1]))
    powers = graph.add("Pow", powers, graph.array(range(len(coefficients)), x.dtype))
    return Tensor(graph, graph.add("MatMul", powers, graph.array(coefficients, x.dtype)), x.shape, x.dtype, x.wide)

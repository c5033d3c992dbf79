# What type checkers read in place of functions.py: a Value among the inputs makes a Value, plain numbers a float.
# A test compares the two files by mypy.stubtest.
from collections.abc import Iterable
from typing import SupportsFloat, overload

from engine.value import Value

__all__ = [
    "acos",
    "asin",
    "atan",
    "atan2",
    "cos",
    "cosh",
    "dot",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "gelu",
    "hypot",
    "leaky_relu",
    "log",
    "log1p",
    "log10",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "relu",
    "sigmoid",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
]

@overload
def exp(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def exp(x: SupportsFloat) -> float: ...
@overload
def expm1(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def expm1(x: SupportsFloat) -> float: ...
@overload
def log(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def log(x: SupportsFloat) -> float: ...
@overload
def log10(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def log10(x: SupportsFloat) -> float: ...
@overload
def log1p(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def log1p(x: SupportsFloat) -> float: ...
@overload
def sqrt(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def sqrt(x: SupportsFloat) -> float: ...
@overload
def sin(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def sin(x: SupportsFloat) -> float: ...
@overload
def cos(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def cos(x: SupportsFloat) -> float: ...
@overload
def tan(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def tan(x: SupportsFloat) -> float: ...
@overload
def asin(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def asin(x: SupportsFloat) -> float: ...
@overload
def acos(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def acos(x: SupportsFloat) -> float: ...
@overload
def atan(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def atan(x: SupportsFloat) -> float: ...
@overload
def sinh(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def sinh(x: SupportsFloat) -> float: ...
@overload
def cosh(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def cosh(x: SupportsFloat) -> float: ...
@overload
def tanh(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def tanh(x: SupportsFloat) -> float: ...
@overload
def sigmoid(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def sigmoid(x: SupportsFloat) -> float: ...
@overload
def softplus(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def softplus(x: SupportsFloat) -> float: ...
@overload
def relu(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def relu(x: SupportsFloat) -> float: ...
@overload
def gelu(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def gelu(x: SupportsFloat) -> float: ...
@overload
def erfc(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def erfc(x: SupportsFloat) -> float: ...
@overload
def erf(x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def erf(x: SupportsFloat) -> float: ...
@overload
def leaky_relu(x: Value, slope: SupportsFloat = 0.01) -> Value: ...  # type: ignore[overload-overlap]
@overload
def leaky_relu(x: SupportsFloat, slope: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def leaky_relu(x: SupportsFloat, slope: SupportsFloat = 0.01) -> float: ...
@overload
def maximum(a: Value, b: SupportsFloat) -> Value: ...  # type: ignore[overload-overlap]
@overload
def maximum(a: SupportsFloat, b: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def maximum(a: SupportsFloat, b: SupportsFloat) -> float: ...
@overload
def minimum(a: Value, b: SupportsFloat) -> Value: ...  # type: ignore[overload-overlap]
@overload
def minimum(a: SupportsFloat, b: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def minimum(a: SupportsFloat, b: SupportsFloat) -> float: ...
@overload
def hypot(a: Value, b: SupportsFloat) -> Value: ...  # type: ignore[overload-overlap]
@overload
def hypot(a: SupportsFloat, b: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def hypot(a: SupportsFloat, b: SupportsFloat) -> float: ...
@overload
def atan2(y: Value, x: SupportsFloat) -> Value: ...  # type: ignore[overload-overlap]
@overload
def atan2(y: SupportsFloat, x: Value) -> Value: ...  # type: ignore[overload-overlap]
@overload
def atan2(y: SupportsFloat, x: SupportsFloat) -> float: ...
@overload
def dot(a: Iterable[Value], b: Iterable[SupportsFloat]) -> Value: ...
@overload
def dot(a: Iterable[SupportsFloat], b: Iterable[Value]) -> Value: ...
@overload
def dot(a: Iterable[float], b: Iterable[float]) -> float: ...
@overload
def dot(a: Iterable[SupportsFloat], b: Iterable[SupportsFloat]) -> Value | float: ...
@overload
def mean(numbers: Iterable[Value]) -> Value: ...
@overload
def mean(numbers: Iterable[float]) -> float: ...
@overload
def mean(numbers: Iterable[SupportsFloat]) -> Value | float: ...
@overload
def logsumexp(numbers: Iterable[Value]) -> Value: ...
@overload
def logsumexp(numbers: Iterable[float]) -> float: ...
@overload
def logsumexp(numbers: Iterable[SupportsFloat]) -> Value | float: ...
@overload
def softmax(numbers: Iterable[Value]) -> list[Value]: ...
@overload
def softmax(numbers: Iterable[float]) -> list[float]: ...
@overload
def softmax(numbers: Iterable[SupportsFloat]) -> list[Value] | list[float]: ...

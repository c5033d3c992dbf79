"""One row for each operation: what the tests of values, derivatives, numpy and PyTorch all read.

A row is a function of Values beside the same function of mpmath's numbers and of PyTorch's tensors. The derivative is
not in the table: it comes from mpmath's function at high precision, or from PyTorch.
"""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import mpmath as mp
from hypothesis import strategies as st

import engine
from engine import Value

INFINITY, NAN = math.inf, math.nan
SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, -30.0, 40.0, INFINITY, -INFINITY, NAN)
"""Edges, kinks and numbers that are none: every row meets them beside PyTorch."""


@dataclass(frozen=True)
class Domain:
    """Where a number may lie: between low and high, and near 0 for what is exact there only."""

    low: float
    high: float
    nonzero: bool = False
    whole: bool = False
    ends: bool = False  # whether the neighbourhood of both ends is hard

    def floats(self) -> st.SearchStrategy[float]:
        """Numbers of every size in the domain."""
        if self.whole:
            return st.integers(int(self.low), int(self.high)).map(float)
        numbers = st.floats(self.low, self.high, allow_subnormal=False)
        if self.ends:
            steps = st.floats(1.0, 16.0).map(lambda digits: 10.0**-digits)
            numbers |= steps.map(lambda step: self.high - step) | steps.map(lambda step: self.low + step)
        least = 0.0 if self.low > 0.0 else 1e-30  # in smaller steps mpmath would need more digits than are quick
        return numbers.filter(lambda x: abs(x) >= least or (x == 0.0 and not self.nonzero))

    def near(self) -> st.SearchStrategy[float]:
        """Numbers of ordinary size, well inside the domain, and on no kink at a whole number or a half."""
        if self.whole:
            return st.integers(-3, 3).map(float)
        low, high = max(self.low, -4.0), min(self.high, 4.0)
        margin = (high - low) / 64
        numbers = st.floats(low + margin, high - margin).map(lambda x: round(x, 3) + 1e-4)
        return numbers.filter(lambda x: abs(x) > 0.05) if self.nonzero else numbers


REAL = Domain(-1e30, 1e30)
NONZERO = Domain(-1e30, 1e30, nonzero=True)
POSITIVE = Domain(1e-300, 1e300)
EXPONENT = Domain(-700.0, 700.0)
UNIT = Domain(-1.0, 1.0, ends=True)


def _none(*_: float) -> bool:
    return False


def _no_loss(*_: float) -> float:
    return 0.0


@dataclass(frozen=True)
class Operation:
    """A row: the operation of Values and of mpmath's numbers, its arguments' domains, and what is known of it."""

    name: str
    of: Callable[..., Any]
    exact: Callable[..., Any]
    domains: tuple[Domain, ...]
    torch: Callable[[Any], Callable[..., Any]] | None = None  # from torch; None: its function of the name
    kink: Callable[..., bool] = _none  # no derivative there, or one too small to be exact
    ulps: float = 4.0  # how far value and derivative may be from exact
    loss: Callable[..., float] = field(default=_no_loss)  # more ulps, where rounding an intermediate result costs them
    method: bool = True  # whether a Value has a method of this name, and engine a function

    @cached_property  # made again for each example it would take longer than the example
    def floats(self) -> st.SearchStrategy[tuple[float, ...]]:
        """Numbers of every size for its arguments."""
        return st.tuples(*(domain.floats() for domain in self.domains))

    @cached_property
    def near(self) -> st.SearchStrategy[tuple[float, ...]]:
        """Numbers of ordinary size for its arguments."""
        return st.tuples(*(domain.near() for domain in self.domains))

    def on(self, *numbers: float) -> tuple[Value, list[Value]]:
        """The result, and the leaves that it came from."""
        values = [Value(x) for x in numbers]
        return self.of(*values), values

    def torch_function(self, torch: Any) -> Callable[..., Any]:
        """The same function of tensors."""
        return self.torch(torch) if self.torch else getattr(torch, self.name)


def _operator(name: str, of: Callable[..., Any], *domains: Domain, **more: Any) -> Operation:
    return Operation(name, of, of, domains, more.pop("torch", lambda torch: of), method=False, **more)


def _function(name: str, exact: Callable[..., Any], *domains: Domain, **more: Any) -> Operation:
    return Operation(name, getattr(engine, name), exact, domains, **more)


def _stable_softplus(torch: Any) -> Callable[..., Any]:
    return lambda x: torch.nn.functional.softplus(x, threshold=700.0)


def _power_half(torch: Any) -> Callable[..., Any]:
    """With the exponent as a tensor: PyTorch makes a sqrt of a plain 0.5, which has other zeros and infinities."""
    return lambda x: x ** torch.tensor(0.5, dtype=torch.float64)


def _leaky_relu(torch: Any) -> Callable[..., Any]:
    """By its definition, because PyTorch's own takes no tensor as slope."""
    return lambda x, slope: x if x > 0 else slope * x


def _of_list(name: str, *place: int) -> Callable[..., Any]:
    """A function of a list as a function of its numbers; with a place, that one of its results."""
    function = getattr(engine, name)
    return (lambda *xs: function(list(xs))[place[0]]) if place else (lambda *xs: function(list(xs)))


def _torch_of_list(name: str, *place: int) -> Callable[[Any], Callable[..., Any]]:
    def of(torch: Any) -> Callable[..., Any]:
        more = () if name == "mean" else (0,)
        result = lambda *xs: getattr(torch, name)(torch.stack(xs), *more)  # noqa: E731
        return (lambda *xs: result(*xs)[place[0]]) if place else result

    return of


def _equal(a: float, b: float) -> bool:
    return a == b


def _at_zero(x: float, *_: float) -> bool:
    return x == 0.0


OPERATIONS = [
    _operator("+", operator.add, REAL, REAL),
    _operator("-", operator.sub, REAL, REAL),
    _operator("*", operator.mul, REAL, REAL),
    _operator("/", operator.truediv, REAL, NONZERO),
    _operator("neg", operator.neg, REAL),
    _operator("abs", operator.abs, REAL, kink=_at_zero),
    _operator(
        "**",
        operator.pow,
        Domain(1e-6, 1e6),
        Domain(-20.0, 20.0),
        loss=lambda x, n: abs(math.log(x) * (n - 1.0)),  # the exponent n - 1 is rounded
    ),
    _operator("x ** 3", lambda x: x**3, NONZERO),
    _operator("x ** 0", lambda x: x**0, REAL),
    _operator("x ** -2", lambda x: x**-2, NONZERO),
    _operator("x ** 0.5", lambda x: x**0.5, Domain(1e-100, 1e100), torch=_power_half),
    _operator("2.5 ** n", lambda n: 2.5**n, Domain(-300.0, 300.0)),
    _function("exp", mp.exp, EXPONENT),
    _function("expm1", mp.expm1, EXPONENT),
    _function("log", mp.log, POSITIVE),
    _function("log10", mp.log10, POSITIVE),
    _function("log1p", lambda x: mp.log(1 + x), Domain(-0.9999999, 1e300)),
    _function("sqrt", mp.sqrt, POSITIVE),
    _function("sin", mp.sin, REAL),
    _function("cos", mp.cos, REAL),
    _function("tan", mp.tan, REAL),
    _function("asin", mp.asin, UNIT, kink=lambda x: abs(x) == 1.0),
    _function("acos", mp.acos, UNIT, kink=lambda x: abs(x) == 1.0),
    _function("atan", mp.atan, REAL),
    _function("atan2", mp.atan2, NONZERO, NONZERO),
    _function("hypot", mp.hypot, NONZERO, NONZERO),
    _function("sinh", mp.sinh, EXPONENT),
    _function("cosh", mp.cosh, EXPONENT),
    _function("tanh", mp.tanh, Domain(-300.0, 300.0)),
    _function("sigmoid", lambda x: 1 / (1 + mp.exp(-x)), EXPONENT),
    _function("softplus", lambda x: mp.log(1 + mp.exp(x)), Domain(-200.0, 700.0), torch=_stable_softplus),
    _function("relu", lambda x: max(x, 0), REAL, kink=_at_zero),
    _function("leaky_relu", lambda x, s: x if x > 0 else s * x, REAL, REAL, torch=_leaky_relu, kink=_at_zero),
    _function(
        "gelu",
        lambda x: x * mp.ncdf(x),
        Domain(-8.0, 30.0),
        torch=lambda torch: torch.nn.functional.gelu,
        kink=lambda x: abs(x + 0.7517915) < 0.05,  # the derivative is 0 there
        loss=lambda x: 2.0 * x * x + 40.0 * (x < 0.0),  # exp(-x*x/2) and erfc of a rounded argument
    ),
    _function("erf", mp.erf, Domain(-5.0, 5.0), loss=lambda x: 2.0 * x * x),
    _function("erfc", mp.erfc, Domain(-5.0, 5.0), loss=lambda x: 2.0 * x * x),
    _function("maximum", max, REAL, REAL, kink=_equal),
    _function("minimum", min, REAL, REAL, kink=_equal),
    Operation(
        "softmax[0]",
        _of_list("softmax", 0),
        lambda *xs: mp.exp(xs[0]) / sum(map(mp.exp, xs)),
        (Domain(-3.0, 3.0),) * 3,
        _torch_of_list("softmax", 0),
        loss=lambda *xs: 4.0 * math.exp(max(xs) - min(xs)),  # 1 - softmax, where that is near 1
        method=False,
    ),
    Operation(
        "logsumexp",
        _of_list("logsumexp"),
        lambda *xs: mp.log(sum(map(mp.exp, xs))),
        (Domain(1.0, 30.0),) * 3,  # near 0 it has an absolute error of an ulp of 1
        _torch_of_list("logsumexp"),
        ulps=60.0,
        method=False,
    ),
    Operation(
        "mean",
        _of_list("mean"),
        lambda *xs: sum(xs) / len(xs),
        (Domain(0.0, 1e3),) * 3,
        _torch_of_list("mean"),
        method=False,
    ),
    Operation(
        "dot",
        lambda a, b, c, d: engine.dot([a, b], [c, d]),
        lambda a, b, c, d: a * c + b * d,
        (Domain(0.0, 1e3),) * 4,
        lambda torch: lambda a, b, c, d: torch.dot(torch.stack([a, b]), torch.stack([c, d])),
        method=False,
    ),
]
ONE_ARGUMENT = [row for row in OPERATIONS if row.method and len(row.domains) == 1]
TWO_ARGUMENTS = [row for row in OPERATIONS if row.method and len(row.domains) == 2]

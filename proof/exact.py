"""Every primitive in mpmath's numbers of any precision: its value, its derivatives, its second derivatives.

These are written down apart from the engine's, to be compared with them; ``tests/proof/test_accuracy.py`` compares
them with mpmath's numerical differentiation in turn.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from mpmath import mp

Function = Callable[..., Any]


class Exact(NamedTuple):
    """A primitive of one operand (f, f', f'') or of two (f; by a, by b; by aa, ab, bb)."""

    value: Function
    first: tuple[Function, ...]
    second: tuple[Function, ...]


def _one(value: Function, first: Function, second: Function) -> Exact:
    return Exact(value, (first,), (second,))


def _constant(number: int) -> Function:
    return lambda *_: mp.mpf(number)


def _sign(a: Any) -> Any:
    return mp.mpf(mp.sign(a))


def _step(a: Any) -> Any:
    return mp.mpf(1 if a > 0 else 0)


def _sigmoid(a: Any) -> Any:
    return 1 / (1 + mp.exp(-a))


def _normal_density(a: Any) -> Any:
    return mp.exp(-a * a / 2) / mp.sqrt(2 * mp.pi)


def _cdf(a: Any) -> Any:
    return _erfc(-a / mp.sqrt(2)) / 2


def _root(a: Any) -> Any:
    return mp.sqrt((1 - a) * (1 + a))


def _radius(a: Any, b: Any) -> Any:
    return mp.sqrt(a * a + b * b)


def _erfc(a: Any) -> Any:
    return mp.erfc(a) if a < 1e6 else mp.zero  # mpmath overflows there


_0, _1, _MINUS_1 = _constant(0), _constant(1), _constant(-1)
_SPEED = lambda a: 2 / mp.sqrt(mp.pi) * mp.exp(-a * a)  # noqa: E731 - the derivative of erf

# fmt: off
EXACT: dict[str, Exact] = {
    "+": Exact(lambda a, b: a + b, (_1, _1), (_0, _0, _0)),
    "-": Exact(lambda a, b: a - b, (_1, _MINUS_1), (_0, _0, _0)),
    "*": Exact(lambda a, b: a * b, (lambda a, b: b, lambda a, b: a), (_0, _1, _0)),
    "/": Exact(lambda a, b: a / b, (lambda a, b: 1 / b, lambda a, b: -a / b**2),
               (_0, lambda a, b: -1 / b**2, lambda a, b: 2 * a / b**3)),
    "**": Exact(lambda a, b: a**b, (lambda a, b: b * a**(b - 1), lambda a, b: a**b * mp.log(a)),
                (lambda a, b: b * (b - 1) * a**(b - 2), lambda a, b: a**(b - 1) * (1 + b * mp.log(a)),
                 lambda a, b: a**b * mp.log(a)**2)),
    "neg": _one(lambda a: -a, _MINUS_1, _0),
    "abs": _one(abs, _sign, _0),
    "detach": _one(lambda a: a, _0, _0),

    "exp": _one(mp.exp, mp.exp, mp.exp),
    "expm1": _one(mp.expm1, mp.exp, mp.exp),
    "log": _one(mp.log, lambda a: 1 / a, lambda a: -1 / a**2),
    "log10": _one(lambda a: mp.log(a) / mp.ln10, lambda a: 1 / (a * mp.ln10), lambda a: -1 / (a**2 * mp.ln10)),
    "log1p": _one(mp.log1p, lambda a: 1 / (1 + a), lambda a: -1 / (1 + a)**2),
    "sqrt": _one(mp.sqrt, lambda a: 1 / (2 * mp.sqrt(a)), lambda a: -1 / (4 * a * mp.sqrt(a))),

    "sin": _one(mp.sin, mp.cos, lambda a: -mp.sin(a)),
    "cos": _one(mp.cos, lambda a: -mp.sin(a), lambda a: -mp.cos(a)),
    "tan": _one(mp.tan, lambda a: mp.sec(a)**2, lambda a: 2 * mp.tan(a) * mp.sec(a)**2),
    "asin": _one(mp.asin, lambda a: 1 / _root(a), lambda a: a / _root(a)**3),
    "acos": _one(mp.acos, lambda a: -1 / _root(a), lambda a: -a / _root(a)**3),
    "atan": _one(mp.atan, lambda a: 1 / (1 + a * a), lambda a: -2 * a / (1 + a * a)**2),
    "atan2": Exact(mp.atan2, (lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b)),
                   (lambda a, b: -2 * a * b / (a * a + b * b)**2, lambda a, b: (a - b) * (a + b) / (a * a + b * b)**2,
                    lambda a, b: 2 * a * b / (a * a + b * b)**2)),
    "hypot": Exact(_radius, (lambda a, b: a / _radius(a, b), lambda a, b: b / _radius(a, b)),
                   (lambda a, b: b * b / _radius(a, b)**3, lambda a, b: -a * b / _radius(a, b)**3,
                    lambda a, b: a * a / _radius(a, b)**3)),

    "sinh": _one(mp.sinh, mp.cosh, mp.sinh),
    "cosh": _one(mp.cosh, mp.sinh, mp.cosh),
    "tanh": _one(mp.tanh, lambda a: mp.sech(a)**2, lambda a: -2 * mp.tanh(a) * mp.sech(a)**2),

    "sigmoid": _one(_sigmoid, lambda a: mp.sech(a / 2)**2 / 4, lambda a: -mp.tanh(a / 2) * mp.sech(a / 2)**2 / 4),
    "softplus": _one(lambda a: mp.log1p(mp.exp(a)), _sigmoid, lambda a: mp.sech(a / 2)**2 / 4),
    "relu": _one(lambda a: max(a, mp.zero), _step, _0),
    "leaky_relu": Exact(lambda a, b: a if a > 0 else b * a, (lambda a, b: mp.one if a > 0 else b,
                        lambda a, b: mp.zero if a > 0 else a), (_0, lambda a, b: 1 - _step(a), _0)),
    "gelu": _one(lambda a: a * _cdf(a), lambda a: _cdf(a) + a * _normal_density(a),
                 lambda a: (2 - a * a) * _normal_density(a)),
    "erf": _one(mp.erf, _SPEED, lambda a: -2 * a * _SPEED(a)),
    "erfc": _one(_erfc, lambda a: -_SPEED(a), lambda a: 2 * a * _SPEED(a)),

    "maximum": Exact(max, (lambda a, b: _step(a - b), lambda a, b: _step(b - a)), (_0, _0, _0)),
    "minimum": Exact(min, (lambda a, b: _step(b - a), lambda a, b: _step(a - b)), (_0, _0, _0)),
}

SCALES: dict[str, dict[str, Function]] = {
    "**": {"second": lambda a, b: a**(b - 1) * max(1, abs(b * mp.log(a)))},
    "atan2": {"second": lambda a, b: 1 / (a * a + b * b)},
    "gelu": {"first": lambda a: _cdf(a) + abs(a) * _normal_density(a),
             "second": lambda a: max(2, a * a) * _normal_density(a),
             "third": lambda a: abs(a) * max(4, a * a) * _normal_density(a)},
    "atan": {"third": lambda a: max(8 * a * a, 2 * (1 + a * a)) / (1 + a * a)**3},
    "tanh": {"third": lambda a: mp.sech(a)**2 * max(4 * mp.tanh(a)**2, 2 * mp.sech(a)**2)},
    "sigmoid": {"third": lambda a: mp.sech(a / 2)**2 / 4 * max(mp.tanh(a / 2)**2, mp.sech(a / 2)**2 / 2)},
}
"""The largest summand, where a derivative is a sum that is 0 somewhere: its error is counted in units of that."""
# fmt: on

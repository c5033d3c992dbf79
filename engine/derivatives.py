"""The table of derivatives: each primitive once more, over a mathematics ``m`` that says what its functions mean.

``engine/value.py`` computes with floats as it builds a graph. Here the same primitives are rules: with Values they make
gradient graphs, with arrays programs, with formulas text. A rule's derivatives take the result *y* and the operands *a*
and *b*, one for each operand. The table is closed: derivatives are made of primitives, public ones (``RULES``) and
those that only derivatives need (``SLOPES``), which have rules themselves. No rule looks at a number.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from engine.operations import Operation


class Rule(NamedTuple):
    """A primitive: ``compute(m, *operands)``, and for each operand ``derivative(m, y, *operands)``."""

    compute: Callable[..., Any]
    derivatives: tuple[Callable[..., Any], ...]


def _one(compute: Callable[[Any, Any], Any], derivative: Callable[[Any, Any, Any], Any]) -> Rule:
    return Rule(compute, (derivative,))


def _two(
    compute: Callable[[Any, Any, Any], Any],
    by_a: Callable[[Any, Any, Any, Any], Any],
    by_b: Callable[[Any, Any, Any, Any], Any],
) -> Rule:
    return Rule(compute, (by_a, by_b))


# fmt: off
RULES: dict[str, Rule] = {
    "+": _two(lambda m, a, b: a + b, lambda m, y, a, b: 1.0, lambda m, y, a, b: 1.0),
    "-": _two(lambda m, a, b: a - b, lambda m, y, a, b: 1.0, lambda m, y, a, b: -1.0),
    "*": _two(lambda m, a, b: a * b, lambda m, y, a, b: b, lambda m, y, a, b: a),
    "/": _two(lambda m, a, b: a / b, lambda m, y, a, b: 1.0 / b, lambda m, y, a, b: -y / b),
    "**": _two(lambda m, a, b: m.power_or_limit(a, b),
               lambda m, y, a, b: m.power_by_base(a, b), lambda m, y, a, b: m.power_by_exponent(a, b, y)),
    "neg": _one(lambda m, a: -a, lambda m, y, a: -1.0),
    "abs": _one(lambda m, a: m.abs(a), lambda m, y, a: m.sign(a)),
    "detach": _one(lambda m, a: a, lambda m, y, a: 0.0),

    "exp": _one(lambda m, a: m.exp(a), lambda m, y, a: y),
    "expm1": _one(lambda m, a: m.expm1(a), lambda m, y, a: m.exp(a)),
    "log": _one(lambda m, a: m.log(a), lambda m, y, a: 1.0 / a),
    "log10": _one(lambda m, a: m.log10(a), lambda m, y, a: 1.0 / (a * m.log(10.0))),
    "log1p": _one(lambda m, a: m.log1p(a), lambda m, y, a: 1.0 / (1.0 + a)),
    "sqrt": _one(lambda m, a: m.sqrt(a), lambda m, y, a: m.over(1.0, 2.0 * y)),

    "sin": _one(lambda m, a: m.sin(a), lambda m, y, a: m.cos(a)),
    "cos": _one(lambda m, a: m.cos(a), lambda m, y, a: -m.sin(a)),
    "tan": _one(lambda m, a: m.tan(a), lambda m, y, a: 1.0 + y * y),
    "asin": _one(lambda m, a: m.asin(a), lambda m, y, a: m.asin_slope(a)),
    "acos": _one(lambda m, a: m.acos(a), lambda m, y, a: -m.asin_slope(a)),
    "atan": _one(lambda m, a: m.atan(a), lambda m, y, a: 1.0 / (1.0 + a * a)),
    "atan2": _two(lambda m, a, b: m.atan2(a, b),
                  lambda m, y, a, b: m.over_square_sum(b, a), lambda m, y, a, b: -m.over_square_sum(a, b)),
    "hypot": _two(lambda m, a, b: m.hypot(a, b),
                  lambda m, y, a, b: m.over_hypot(a, b, y), lambda m, y, a, b: m.over_hypot(b, a, y)),

    "sinh": _one(lambda m, a: m.sinh(a), lambda m, y, a: m.cosh(a)),
    "cosh": _one(lambda m, a: m.cosh(a), lambda m, y, a: m.sinh(a)),
    "tanh": _one(lambda m, a: m.tanh(a), lambda m, y, a: m.sech2(a, y)),

    "sigmoid": _one(lambda m, a: m.sigmoid(a), lambda m, y, a: m.sigmoid_slope(a, y)),
    "softplus": _one(lambda m, a: m.softplus(a), lambda m, y, a: m.sigmoid(a)),
    "relu": _one(lambda m, a: m.relu(a), lambda m, y, a: m.step(a)),
    "leaky_relu": _two(lambda m, a, b: m.leaky_relu(a, b),
                       lambda m, y, a, b: m.leaky_slope(a, b), lambda m, y, a, b: m.unless_positive(a, a)),
    "gelu": _one(lambda m, a: m.gelu(a), lambda m, y, a: m.gelu_slope(a)),
    "erf": _one(lambda m, a: m.erf(a), lambda m, y, a: 2.0 / m.sqrt(m.pi) * m.gaussian(a, 0.0)),
    "erfc": _one(lambda m, a: m.erfc(a), lambda m, y, a: -2.0 / m.sqrt(m.pi) * m.gaussian(a, 0.0)),

    "maximum": _two(lambda m, a, b: m.maximum(a, b),
                    lambda m, y, a, b: m.larger(a, b), lambda m, y, a, b: m.larger(b, a)),
    "minimum": _two(lambda m, a, b: m.minimum(a, b),
                    lambda m, y, a, b: m.larger(b, a), lambda m, y, a, b: m.larger(a, b)),
}


def _power_third(m: Any, _y: Any, a: Any, b: Any) -> Any:
    """The third derivative of a**b, with respect to a twice and b once."""
    return m.times(b * (b - 1.0) * m.log_or_limit(a) + (2.0 * b - 1.0), m.power_or_limit(a, b - 2.0))


_zero = lambda m, y, *_: 0.0  # noqa: E731
_SLOPES: dict[str, tuple[Callable[..., Any], ...]] = {
    "minus": (lambda m, y, a, b: 1.0, lambda m, y, a, b: -1.0),
    "times": (lambda m, y, a, b: b, lambda m, y, a, b: a),
    "over": (lambda m, y, a, b: m.over(1.0, b), lambda m, y, a, b: -m.over(y, b)),
    "log_or_limit": (lambda m, y, a: m.over(1.0, a),),

    "power_or_limit": RULES["**"].derivatives,
    "power_by_base": (lambda m, y, a, b: m.power_curvature(a, b), lambda m, y, a, b: m.power_mixed(a, b)),
    "power_by_exponent": (lambda m, y, a, b: m.power_mixed(a, b), lambda m, y, a, b: m.times(m.log_or_limit(a), y)),
    "power_curvature": (
        lambda m, y, a, b: m.times(m.power_or_limit(a, b - 3.0), b * (b - 1.0) * (b - 2.0)), _power_third),
    "power_mixed": (
        _power_third,
        lambda m, y, a, b: m.times(m.log_or_limit(a) * (2.0 + b * m.log_or_limit(a)), m.power_or_limit(a, b - 1.0))),

    "step": (_zero,), "sign": (_zero,), "larger": (_zero, _zero),
    "leaky_slope": (_zero, lambda m, y, a, b: m.unless_positive(a, 1.0)),
    "unless_positive": (_zero, lambda m, y, a, b: m.unless_positive(a, 1.0)),

    "asin_slope": (lambda m, y, a: m.over(a, (1.0 - a) * (1.0 + a)) * y,),
    "over_hypot": (lambda m, y, a, b: m.over(m.over_hypot(b, a) * m.over_hypot(b, a), m.hypot(a, b)),
                   lambda m, y, a, b: -m.over(y * m.over_hypot(b, a), m.hypot(a, b))),
    "over_square_sum": (lambda m, y, a, b: (m.over_square_sum(b, a) - y) * (m.over_square_sum(b, a) + y),
                        lambda m, y, a, b: -2.0 * (y * m.over_square_sum(b, a))),
    "sech2": (lambda m, y, a: -2.0 * (y * m.tanh(a)),),
    "sigmoid_slope": (lambda m, y, a: -(y * m.tanh(0.5 * a)),),
    "gaussian": (lambda m, y, a, n: m.gaussian(a, n + 1.0), _zero),  # n, the order of a derivative, is a plain number
    "normal_pdf": (lambda m, y, a, n: m.normal_pdf(a, n + 1.0), _zero),
    "gelu_slope": (lambda m, y, a: m.normal_pdf(a, 0.0) - m.normal_pdf(a, 2.0),),
}
# fmt: on


def _computed(name: str, m: Any, *operands: Any) -> Any:
    return getattr(m, name)(*operands)


SLOPES: dict[str, Rule] = {name: Rule(partial(_computed, name), found) for name, found in _SLOPES.items()}
"""What derivatives and a few functions are made of, by the names of their functions in ``engine/special.py``."""


def rule_of(operation: Operation | str) -> Rule | None:
    """The rule of an operation, or of the engine's with that key; None for one without, such as a leaf."""
    if isinstance(operation, Operation):
        if operation.primitive:
            rule: Rule = operation.primitive.rule
            return rule
        operation = operation.key
    return RULES.get(operation) or SLOPES.get(operation)


def rule_for(operation: Operation | str) -> Rule:
    """The rule of an operation that has one."""
    rule = rule_of(operation)
    assert rule is not None
    return rule

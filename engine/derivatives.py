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


# fmt: off
_RULES: dict[str, tuple[Callable[..., Any], ...]] = {
    "+": (lambda m, y, a, b: 1.0, lambda m, y, a, b: 1.0),
    "-": (lambda m, y, a, b: 1.0, lambda m, y, a, b: -1.0),
    "*": (lambda m, y, a, b: b, lambda m, y, a, b: a),
    "/": (lambda m, y, a, b: 1.0 / b, lambda m, y, a, b: -y / b),
    "**": (lambda m, y, a, b: m.power_by_base(a, b), lambda m, y, a, b: m.power_by_exponent(a, b, y)),
    "neg": (lambda m, y, a: -1.0,),
    "abs": (lambda m, y, a: m.sign(a),),
    "detach": (lambda m, y, a: 0.0,),

    "exp": (lambda m, y, a: y,),
    "expm1": (lambda m, y, a: m.exp(a),),
    "log": (lambda m, y, a: 1.0 / a,),
    "log10": (lambda m, y, a: 1.0 / m.log(10.0) / a,),
    "log1p": (lambda m, y, a: 1.0 / (1.0 + a),),
    "sqrt": (lambda m, y, a: m.over(1.0, 2.0 * y),),

    "sin": (lambda m, y, a: m.cos(a),),
    "cos": (lambda m, y, a: -m.sin(a),),
    "tan": (lambda m, y, a: 1.0 + y * y,),
    "asin": (lambda m, y, a: m.asin_slope(a),),
    "acos": (lambda m, y, a: -m.asin_slope(a),),
    "atan": (lambda m, y, a: 1.0 / (1.0 + a * a),),
    "atan2": (lambda m, y, a, b: m.over_square_sum(b, a), lambda m, y, a, b: -m.over_square_sum(a, b)),
    "hypot": (lambda m, y, a, b: m.over_hypot(a, b, y), lambda m, y, a, b: m.over_hypot(b, a, y)),

    "sinh": (lambda m, y, a: m.cosh(a),),
    "cosh": (lambda m, y, a: m.sinh(a),),
    "tanh": (lambda m, y, a: m.sech2(a, y),),

    "sigmoid": (lambda m, y, a: m.sigmoid_slope(a, y),),
    "softplus": (lambda m, y, a: m.sigmoid(a),),
    "relu": (lambda m, y, a: m.step(a),),
    "leaky_relu": (lambda m, y, a, b: m.leaky_slope(a, b), lambda m, y, a, b: m.unless_positive(a, a)),
    "gelu": (lambda m, y, a: m.gelu_slope(a),),
    "erf": (lambda m, y, a: 2.0 / m.sqrt(m.pi) * m.gaussian(a, 0.0),),
    "erfc": (lambda m, y, a: -2.0 / m.sqrt(m.pi) * m.gaussian(a, 0.0),),

    "maximum": (lambda m, y, a, b: m.larger(a, b), lambda m, y, a, b: m.larger(b, a)),
    "minimum": (lambda m, y, a, b: m.larger(b, a), lambda m, y, a, b: m.larger(a, b)),
}
_COMPUTED: dict[str, Callable[..., Any]] = {
    "+": lambda m, a, b: a + b,
    "-": lambda m, a, b: a - b,
    "*": lambda m, a, b: a * b,
    "/": lambda m, a, b: a / b,
    "**": lambda m, a, b: m.power_or_limit(a, b),
    "neg": lambda m, a: -a,
    "detach": lambda m, a: a,
}
"""How a primitive is computed where that is no function of *m* of its name."""


def _power_third(m: Any, _y: Any, a: Any, b: Any) -> Any:
    """The third derivative of a**b, with respect to a twice and b once."""
    return m.times(b * (b - 1.0) * m.log_or_limit(a) + (2.0 * b - 1.0), m.power_or_limit(a, b - 2.0))


_zero = lambda m, y, *_: 0.0  # noqa: E731
_SLOPES: dict[str, tuple[Callable[..., Any], ...]] = {
    "minus": (lambda m, y, a, b: 1.0, lambda m, y, a, b: -1.0),
    "times": (lambda m, y, a, b: b, lambda m, y, a, b: a),
    "over": (lambda m, y, a, b: m.over(1.0, b), lambda m, y, a, b: -m.over(y, b)),
    "log_or_limit": (lambda m, y, a: m.over(1.0, a),),

    "power_or_limit": _RULES["**"],
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


def _table(rows: dict[str, tuple[Callable[..., Any], ...]]) -> dict[str, Rule]:
    return {name: Rule(_COMPUTED.get(name) or partial(_computed, name), rows[name]) for name in rows}


RULES = _table(_RULES)
SLOPES = _table(_SLOPES)
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
    rule = rule_of(operation)
    assert rule is not None
    return rule


def no_rule(name: str, so_that: str) -> ValueError:
    """The error for an operation with numbers for derivatives, where a rule is needed."""
    advice = "make it with operations of Values or @primitive"
    return ValueError(f"{name} has numbers for derivatives and no rule, so that {so_that}; {advice}")

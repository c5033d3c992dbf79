"""Each primitive once more: its number and its derivatives in arithmetic that any kind of number can do.

``engine/value.py`` computes with floats as it builds a graph. Here the same primitives are rules over a mathematics
``m``: formulas are written with them (``notation.py``), and whatever else has ``+ - * /`` and the functions used below
can be put through them. A rule's derivatives take the result *y* and the operands *a* and *b*, one for each operand.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.operations import Operation
from engine.primitive import Primitive


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
    "**": _two(lambda m, a, b: m.power(a, b),
               lambda m, y, a, b: m.power_by_base(a, b), lambda m, y, a, b: m.power_by_exponent(a, b, y)),
    "neg": _one(lambda m, a: -a, lambda m, y, a: -1.0),
    "abs": _one(lambda m, a: m.abs(a), lambda m, y, a: m.sign(a)),
    "detach": _one(lambda m, a: a, lambda m, y, a: 0.0),

    "exp": _one(lambda m, a: m.exp(a), lambda m, y, a: y),
    "expm1": _one(lambda m, a: m.expm1(a), lambda m, y, a: m.exp(a)),
    "log": _one(lambda m, a: m.log(a), lambda m, y, a: 1.0 / a),
    "log10": _one(lambda m, a: m.log10(a), lambda m, y, a: 1.0 / (a * m.log(10.0))),
    "log1p": _one(lambda m, a: m.log1p(a), lambda m, y, a: 1.0 / (1.0 + a)),
    "sqrt": _one(lambda m, a: m.sqrt(a), lambda m, y, a: 1.0 / (2.0 * y)),

    "sin": _one(lambda m, a: m.sin(a), lambda m, y, a: m.cos(a)),
    "cos": _one(lambda m, a: m.cos(a), lambda m, y, a: -m.sin(a)),
    "tan": _one(lambda m, a: m.tan(a), lambda m, y, a: 1.0 + y * y),
    "asin": _one(lambda m, a: m.asin(a), lambda m, y, a: 1.0 / m.sqrt_of_one_minus_square(a)),
    "acos": _one(lambda m, a: m.acos(a), lambda m, y, a: -1.0 / m.sqrt_of_one_minus_square(a)),
    "atan": _one(lambda m, a: m.atan(a), lambda m, y, a: 1.0 / (1.0 + a * a)),
    "atan2": _two(lambda m, a, b: m.atan2(a, b),
                  lambda m, y, a, b: m.over_square(b, m.hypot(a, b)),
                  lambda m, y, a, b: -m.over_square(a, m.hypot(a, b))),
    "hypot": _two(lambda m, a, b: m.hypot(a, b),
                   lambda m, y, a, b: m.over_hypot(a, b, y), lambda m, y, a, b: m.over_hypot(b, a, y)),

    "sinh": _one(lambda m, a: m.sinh(a), lambda m, y, a: m.cosh(a)),
    "cosh": _one(lambda m, a: m.cosh(a), lambda m, y, a: m.sinh(a)),
    "tanh": _one(lambda m, a: m.tanh(a), lambda m, y, a: m.one_minus_tanh_squared(a, y)),

    "sigmoid": _one(lambda m, a: m.sigmoid(a), lambda m, y, a: m.sigmoid_slope(a, y)),
    "softplus": _one(lambda m, a: m.softplus(a), lambda m, y, a: m.sigmoid(a)),
    "relu": _one(lambda m, a: m.where_positive(a, a, 0.0), lambda m, y, a: m.where_positive(a, 1.0, 0.0)),
    "leaky_relu": _two(lambda m, a, b: m.where_positive(a, a, b * a),
                       lambda m, y, a, b: m.where_positive(a, 1.0, b), lambda m, y, a, b: m.where_positive(a, 0.0, a)),
    "gelu": _one(lambda m, a: a * m.normal_cdf(a), lambda m, y, a: m.normal_cdf(a) + a * m.normal_pdf(a)),
    "erf": _one(lambda m, a: m.erf(a), lambda m, y, a: 2.0 / m.sqrt(m.pi) * m.exp_of_minus_square(a, 1.0)),
    "erfc": _one(lambda m, a: m.erfc(a), lambda m, y, a: -2.0 / m.sqrt(m.pi) * m.exp_of_minus_square(a, 1.0)),

    "maximum": _two(lambda m, a, b: m.maximum(a, b),
                    lambda m, y, a, b: m.larger(a, b), lambda m, y, a, b: m.larger(b, a)),
    "minimum": _two(lambda m, a, b: m.minimum(a, b),
                    lambda m, y, a, b: m.larger(b, a), lambda m, y, a, b: m.larger(a, b)),
}
# fmt: on


def rule_of(operation: Operation | str) -> Rule | None:
    """The rule of an operation, or of the engine's of that name; None for one that has only numbers, such as a leaf.

    That of a user's primitive asks the mathematics for ``user(primitive, *operands)``, and for its derivatives for
    ``user_derivative(primitive, index, *operands)``.
    """
    if isinstance(operation, str):
        return RULES.get(operation)
    return RULES.get(operation.name) if operation.primitive is None else _users_rule(operation.primitive)


def _users_rule(own: Primitive) -> Rule:
    def derivative(index: int) -> Callable[..., Any]:
        return lambda m, _y, *operands: m.user_derivative(own, index, *operands)

    return Rule(
        lambda m, *operands: m.user(own, *operands), tuple(derivative(index) for index in range(len(own.derivatives)))
    )


def rule_for(operation: Operation | str) -> Rule:
    """The rule of an operation that has one."""
    rule = rule_of(operation)
    assert rule is not None
    return rule

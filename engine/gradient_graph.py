"""Gradients as graphs: backprop whose results are Values again, so that they can be drawn and differentiated.

The derivatives are those of ``rules.py``, carried out on Values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

from engine import functions
from engine.debugging.staleness import check_fresh
from engine.derivatives import rule_of
from engine.edges import Edge, among_edges, plain
from engine.node import interior_order
from engine.operations import CONSTANT
from engine.primitive import Primitive
from engine.special import leading_bits, power_or_limit
from engine.validation import as_float, shortened
from engine.value import Value, constant

Number = Value | float


class Values:
    """The mathematics of ``rules.py`` on Values, with every digit and smooth wherever the function is."""

    pi = math.pi

    def __getattr__(self, function: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(functions, function)
        return found

    def user_derivative(self, primitive: Primitive, index: int, *operands: Value) -> Number:
        """A derivative of a user's primitive, as its author wrote it."""
        derivative: Number = primitive.derivatives[index](*operands)
        return derivative

    def sign(self, a: Value) -> float:
        """The derivative of abs."""
        return 1.0 if a.data > 0.0 else -1.0 if a.data < 0.0 else 0.0

    def power(self, a: Value, b: Number) -> Value:
        """a to the power b."""
        result: Value = a**b
        return result

    def power_by_base(self, a: Value, b: Value) -> Number:
        """b a**(b - 1); once for all 0 where b is the plain number 0, so that a polynomial ends."""
        x, n = a.data, b.data
        if (
            n - 1.0 + 1.0 != n and x > 0.0 and power_or_limit(x, n - 2.0) < math.inf
        ):  # b - 1 would be rounded: powers.py
            rounded: Value = b * (a**b / a)
            return rounded
        if n == 0.0 and math.isinf(power_or_limit(x, -1.0)):  # 0 times infinity
            return 0.0
        if b.op != CONSTANT:
            mixed: Value = b * a ** (b - 1.0)
            return mixed
        result: Number = 0.0 if n == 0.0 else 1.0 if n == 1.0 else n * a if n == 2.0 else n * a ** (n - 1.0)
        return result

    def power_by_exponent(self, a: Value, b: Value, y: Value) -> Number:
        """y log(a); 0 at a = 0 for b >= 0, NaN for a < 0."""
        if a.data > 0.0:
            result: Value = y * a.log()
            return result
        return 0.0 if a.data == 0.0 and b.data >= 0.0 else math.nan

    def one_minus_tanh_squared(self, a: Value, _y: Value) -> Value:
        """1 / cosh(a)**2; far out, where cosh overflows, 4 exp(-2|a|), which is the same to the last digit."""
        result: Value = 1.0 / (a.cosh() * a.cosh()) if abs(a.data) < 20.0 else 4.0 * (-2.0 * abs(a)).exp()
        return result

    def sqrt_of_one_minus_square(self, a: Value) -> Value:
        """sqrt(1 - a**2): as (1 - a) (1 + a) near the ends; elsewhere that loses the digits of its own derivative, and
        at the ends it would be NaN."""
        size = abs(a.data)
        result: Value = (1.0 - a * a if size < 0.5 or size == 1.0 else (1.0 - a) * (1.0 + a)).sqrt()
        return result

    def sigmoid_slope(self, a: Value, y: Value) -> Value:
        """The derivative of sigmoid, through tanh: in y (1 - y) the next derivative would cancel around 0."""
        result: Value = 0.25 * self.one_minus_tanh_squared(0.5 * a, y)
        return result

    def exp_of_minus_square(self, a: Value, factor: float) -> Value:
        """exp(-factor a**2), which loses no digits of the square: see ``powers.py``."""
        head = leading_bits(a.data)
        result: Value = (-factor * ((a - head) * (a + head))).exp() * math.exp(-factor * head * head)
        return result

    def over_hypot(self, a: Value, b: Value, y: Value) -> Value:
        """a / hypot(a, b); for large a in b / a, where the next derivative would cancel."""
        if abs(a.data) <= abs(b.data) or math.isinf(a.data):
            small: Value = a / y
            return small
        ratio = b / a
        large: Value = math.copysign(1.0, a.data) / (1.0 + ratio * ratio).sqrt()
        return large

    def over_square(self, a: Value, r: Value) -> Number:
        """a / r**2; 0 where r is."""
        result: Number = a / r / r if r.data else 0.0
        return result

    def where_positive(self, a: Value, yes: Number, no: Number) -> Number:
        """*yes* where a > 0, else *no*."""
        return yes if a.data > 0.0 else no

    def larger(self, a: Value, b: Value) -> float:
        """1 where a > b, a half where they are equal, else 0; 1 beside NaN."""
        return 0.5 if a.data == b.data else 0.0 if a.data < b.data else 1.0

    def normal_cdf(self, a: Value) -> Value:
        """The standard normal distribution function, exact in its tails."""
        result: Value = 0.5 * (a * -math.sqrt(0.5)).erfc()
        return result

    def normal_pdf(self, a: Value) -> Value:
        """The standard normal density."""
        result: Value = self.exp_of_minus_square(a, 0.5) * (1.0 / math.sqrt(2.0 * math.pi))
        return result


class _Edges(Values):
    """The same at the edges of domains."""

    def __getattr__(self, function: str) -> Callable[..., Any]:
        return among_edges(super().__getattr__(function))


_VALUES, _EDGES = Values(), _Edges()


def gradient_graph(root: Value, wanted: Collection[Value], gradient: Number = 1.0) -> dict[Value, Number]:
    """The gradient of *root* with respect to each wanted Value that it depends on, and to all nodes on the way there;
    plain numbers where it is constant.

    The wanted ones count as leaves: nothing below them is looked at.
    """
    goals = set(wanted)
    order = [node for node in interior_order(root) if node not in goals]
    needs = set(goals)
    for node in order:
        if any(operand in needs for operand in node.operands):
            needs.add(node)
    gradients: dict[Value, Number] = {root: gradient}
    for node in reversed(order):
        if node not in gradients or node not in needs:
            continue
        given, operands = gradients[node], node.operands
        rule = rule_of(node.operation)
        if rule is None:
            raise ValueError(f"gradients: {node.op} has numbers for derivatives and no rule, so that they are no graph")
        for operand, derivative in zip(operands, rule.derivatives):
            if operand in needs:
                local = _local(derivative, node, operands)
                _add(gradients, operand, given, local)
    return gradients


def _local(derivative: Callable[..., Any], node: Value, operands: tuple[Value, ...]) -> Number:
    """A local derivative as a graph; at the edge of a domain, where a Value would raise an error, one of infinities."""
    local: Number
    try:
        local = derivative(_VALUES, node, *operands)
    except (ZeroDivisionError, OverflowError):
        if node.operation.primitive:  # a user's own rule: its errors are the user's
            raise
        local = plain(derivative(_EDGES, *map(Edge, (node, *operands))))
    return local


def _add(gradients: dict[Value, Number], operand: Value, given: Number, local: Number) -> None:
    """One contribution of the chain rule; multiplications by 1 and additions of 0 are left out."""
    if isinstance(local, float) and local == 0.0:
        gradients.setdefault(operand, 0.0)
        return
    amount = given if isinstance(local, float) and local == 1.0 else given * local
    before = gradients.get(operand, 0.0)
    gradients[operand] = amount if isinstance(before, float) and before == 0.0 else before + amount


def gradients(output: Value, inputs: Sequence[Value], *, gradient: Number = 1.0) -> list[Value]:
    """The gradients of one Value with respect to others, as Values that can be drawn and differentiated again.

    ``backward()`` and every ``grad`` are left alone. PyTorch's ``autograd.grad(..., create_graph=True)`` is the model.

    Args:
        output: the Value that is differentiated.
        inputs: Values, leaves or not; one that *output* does not depend on has a gradient of 0.
        gradient: the gradient of *output* itself, a number or a Value.

    Returns:
        A Value for each of *inputs*, in their order.

    Raises:
        TypeError: *output* or one of *inputs* is not a Value.
        ValueError: ``data`` was changed after the graph was computed (``output.refresh()`` computes it again).

    >>> x = Value(3.0)
    >>> (slope,) = gradients(x**3, [x])
    >>> (curvature,) = gradients(slope, [x])
    >>> slope.data, curvature.data
    (27.0, 18.0)
    """
    if not isinstance(output, Value):
        raise TypeError(f"output must be a Value, got {type(output).__name__} {shortened(output)}")
    wanted = [inputs] if isinstance(inputs, Value) else list(inputs)
    for each in wanted:
        if not isinstance(each, Value):
            raise TypeError(f"inputs must be Values, got {type(each).__name__} {shortened(each)}")
    check_fresh(output)
    given = gradient if isinstance(gradient, Value) else as_float(gradient, "gradient")
    found = gradient_graph(output, wanted, given)
    return [constant(g, "gradient") if isinstance(g, float) else g for g in (found.get(x, 0.0) for x in wanted)]

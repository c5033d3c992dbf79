"""The table of primitives beside the class that computes them: the same numbers, the same derivatives."""

import inspect
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value
from engine import value as value_module
from engine.derivatives import RULES
from engine.special import power, power_by_base, power_by_exponent


class Floats:
    """The mathematics of plain floats."""

    pi = math.pi
    abs = staticmethod(abs)
    power = staticmethod(power)
    power_by_base = staticmethod(power_by_base)
    power_by_exponent = staticmethod(power_by_exponent)

    def __getattr__(self, name):
        return getattr(engine, name)

    def sign(self, a):
        return math.copysign(1.0, a) if a else 0.0

    def one_minus_tanh_squared(self, a, _y):
        return 1.0 / math.cosh(a) ** 2

    def sqrt_of_one_minus_square(self, a):
        return math.sqrt((1.0 - a) * (1.0 + a))

    def sigmoid_slope(self, a, y):
        return y / (1.0 + math.exp(a))

    def exp_of_minus_square(self, a, factor):
        return math.exp(-factor * a * a)

    def over_hypot(self, a, _b, y):
        return a / y

    def over_square(self, a, r):
        return a / r / r if r else 0.0

    def where_positive(self, a, yes, no):
        return yes if a > 0.0 else no

    def larger(self, a, b):
        return 1.0 if a > b else 0.5 if a == b else 0.0

    def normal_cdf(self, a):
        return 0.5 * math.erfc(-a / math.sqrt(2.0))

    def normal_pdf(self, a):
        return math.exp(-0.5 * a * a) / math.sqrt(2.0 * math.pi)


def primitives() -> set[str]:
    """Every operation that value.py gives to a node."""
    return set(re.findall(r'_node\("([^"]+)"', inspect.getsource(value_module))) | {"neg"}


DOMAIN = {
    **dict.fromkeys(("log", "log10"), (1e-3, 50.0)),
    "sqrt": (1e-3, 50.0),
    "log1p": (-0.99, 50.0),
    **dict.fromkeys(("asin", "acos"), (-0.999, 0.999)),
    "**": (1e-2, 5.0),
}
METHODS = {"+": "__add__", "-": "__sub__", "*": "__mul__", "/": "__truediv__", "**": "__pow__"}
METHODS |= {"neg": "__neg__", "abs": "__abs__"}


@pytest.mark.skipif(engine.COMPILED, reason="the source is not there to be read")
def test_every_primitive_has_a_rule_and_every_rule_a_primitive():
    assert set(RULES) == primitives()


@pytest.mark.parametrize("op", list(RULES))
@given(data=st.data())
@settings(max_examples=60)
def test_a_rule_gives_the_numbers_of_the_primitive(op, data):
    low, high = DOMAIN.get(op, (-5.0, 5.0))
    rule = RULES[op]
    count = len(rule.derivatives)
    numbers = [data.draw(st.floats(low, high)) for _ in range(count)]
    if op == "/" and abs(numbers[1]) < 1e-3:
        numbers[1] = 1.0
    if op in ("hypot", "atan2") and math.hypot(*numbers) < 1e-3:
        numbers[0] = 1.0
    if data.draw(st.booleans()) and count == 2 and op not in ("/", "**"):
        numbers[1] = numbers[0] or 1.0
        numbers[0] = numbers[1]
    node = getattr(Value(numbers[0]), METHODS.get(op, op))(*map(Value, numbers[1:]))
    assert node.op == op
    m = Floats()
    y = rule.compute(m, *numbers)
    assert y == pytest.approx(node.data, rel=1e-13, abs=1e-300)
    derivatives = tuple(derivative(m, y, *numbers) for derivative in rule.derivatives)
    assert derivatives == pytest.approx(node.local_derivatives, rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("op", ["abs", "relu", "leaky_relu"])
def test_a_rule_has_the_convention_of_the_primitive_at_a_kink(op):
    node = getattr(Value(0.0), METHODS.get(op, op))()
    numbers = [operand.data for operand in node.operands]
    derivatives = [d(Floats(), node.data, *numbers) for d in RULES[op].derivatives]
    assert derivatives == list(node.local_derivatives)

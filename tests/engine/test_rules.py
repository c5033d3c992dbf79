"""The table of primitives beside the class that computes them: the same numbers, the same derivatives."""

import inspect
import math
import re

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, gradients, operations, special
from engine import value as value_module
from engine.derivatives import RULES, SLOPES
from engine.slopes import NUMBERS


def primitives() -> set[str]:
    """Every operation that value.py gives to a node."""
    return {getattr(operations, name).name for name in re.findall(r"_node\(op\.(\w+)", inspect.getsource(value_module))}


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


NUMBERS_FOR = {
    op: st.lists(
        st.floats(*DOMAIN.get(op, (-5.0, 5.0))), min_size=len(rule.derivatives), max_size=len(rule.derivatives)
    )
    for op, rule in RULES.items()
}


@pytest.mark.parametrize("op", list(RULES))
@given(data=st.data(), are_equal=st.booleans())
@settings(max_examples=30)
def test_a_rule_gives_the_numbers_of_the_primitive(op, data, are_equal):
    rule, numbers = RULES[op], data.draw(NUMBERS_FOR[op])
    if op == "/" and abs(numbers[1]) < 1e-3:
        numbers[1] = 1.0
    if op in ("hypot", "atan2") and math.hypot(*numbers) < 1e-3:
        numbers[0] = 1.0
    if are_equal and len(numbers) == 2 and op not in ("/", "**"):
        numbers[1] = numbers[0] or 1.0
        numbers[0] = numbers[1]
    node = getattr(Value(numbers[0]), METHODS.get(op, op))(*map(Value, numbers[1:]))
    assert node.op == op
    y = rule.compute(NUMBERS, *numbers)
    assert y == pytest.approx(node.data, rel=1e-13, abs=1e-300)
    derivatives = tuple(derivative(NUMBERS, y, *numbers) for derivative in rule.derivatives)
    assert derivatives == pytest.approx(node.local_derivatives, rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("op", ["abs", "relu", "leaky_relu"])
def test_a_rule_has_the_convention_of_the_primitive_at_a_kink(op):
    node = getattr(Value(0.0), METHODS.get(op, op))()
    numbers = [operand.data for operand in node.operands]
    derivatives = [d(NUMBERS, node.data, *numbers) for d in RULES[op].derivatives]
    assert derivatives == list(node.local_derivatives)


@pytest.mark.parametrize("name", list(SLOPES))
def test_what_derivatives_are_made_of_has_the_derivatives_of_its_function(name):
    """The rule beside a central difference of the function of floats."""
    function, rule = getattr(special, name), SLOPES[name]
    numbers = [0.4, 2.0][: len(rule.derivatives)]
    for place, derivative in enumerate(rule.derivatives):
        if name in ("gaussian", "normal_pdf") and place == 1:  # the order, a plain number
            continue
        up, down = [*numbers], [*numbers]
        up[place] += 1e-6
        down[place] -= 1e-6
        difference = (function(*up) - function(*down)) / 2e-6
        assert float(derivative(NUMBERS, function(*numbers), *numbers)) == pytest.approx(difference, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("at", [(1.7, 2.6), (0.6, -1.4), (2.2, 0.5)])
@pytest.mark.parametrize("order", [(3, 0), (2, 1), (1, 2), (0, 3)])
def test_third_derivatives_of_a_power_are_those_of_mpmath(order, at):
    a, b = map(Value, at)
    found = a**b
    for leaf in [a] * order[0] + [b] * order[1]:
        (found,) = gradients(found, [leaf])
    expected = mpmath.diff(lambda x, y: x**y, at, order)
    assert found.data == pytest.approx(float(expected), rel=1e-9)

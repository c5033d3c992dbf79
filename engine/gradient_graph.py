"""Gradients as graphs: backprop whose results are Values again, so that they can be drawn and differentiated.

The derivatives are those of ``derivatives.py``, carried out on Values. No number is looked at, so that a gradient graph
holds for other inputs than those that it was recorded with.
"""

from collections.abc import Iterable, Sequence

from engine.debugging.staleness import check_fresh
from engine.derivatives import no_rule, rule_of
from engine.escapes import differentiated
from engine.node import interior_order
from engine.operations import PLAIN
from engine.slopes import NUMBERS
from engine.validation import as_float, described
from engine.value import Value, constant

Number = Value | float


def gradient_graph(root: Value, wanted: Sequence[Value], gradient: Number = 1.0) -> list[Value]:
    """The gradients of *root* with respect to the wanted Values, constant where it does not depend on one.

    Each is a Value of its own, so that changing its ``data`` or label changes no other.
    """
    differentiated(root)
    needs = set(wanted)
    leading: list[Value] = []
    order = interior_order(root)
    for node in order:
        if not needs.isdisjoint(node.operands):
            needs.add(node)
            leading.append(node)
    gradients: dict[Value, Number] = {root: gradient}
    for node in reversed(leading):
        given, operands = gradients.get(node, 0.0), node.operands
        if isinstance(given, float) and given == 0.0:
            continue
        rule = rule_of(node.operation)
        if rule is None:
            raise no_rule(f"gradients: {node.op}", "they are no graph")
        numbers = [operand._number if operand._operation is PLAIN else operand for operand in operands]
        for operand, derivative in zip(operands, rule.derivatives):
            if operand in needs:
                local: Number = derivative(NUMBERS, node, *numbers)
                _add(gradients, operand, NUMBERS.times(given, local))
    taken: set[Number] = {*order, gradient} if isinstance(gradient, Value) else set(order)
    return [_own(gradients.get(value, 0.0), taken) for value in wanted]


def _own(number: Number, taken: set[Number]) -> Value:
    if isinstance(number, float):
        return constant(number, "a gradient")
    own: Value = number * 1.0 if number in taken or not number.operands else number
    taken.add(own)
    return own


def _add(gradients: dict[Value, Number], operand: Value, amount: Number) -> None:
    """One contribution of the chain rule; additions of 0 are left out."""
    before = gradients.get(operand, 0.0)
    if isinstance(amount, float) and amount == 0.0:
        gradients.setdefault(operand, before)
    else:
        gradients[operand] = amount if isinstance(before, float) and before == 0.0 else before + amount


def gradients(output: Value, inputs: Sequence[Value], *, gradient: Number = 1.0) -> list[Value]:
    """The gradients of one Value with respect to others, as Values.

    They can be drawn and differentiated again. ``backward()`` and every ``grad`` are left alone. PyTorch's
    ``autograd.grad(..., create_graph=True)`` is the model.

    Args:
        output: the Value that is differentiated.
        inputs: Values, leaves or not; one that *output* does not depend on has a gradient of 0.
        gradient: the gradient of *output* itself, a number or a Value.

    Returns:
        A new Value for each of *inputs*, in their order.

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
        raise TypeError(f"output must be a Value, got {described(output)}")
    if isinstance(inputs, (set, frozenset)) or not isinstance(inputs, Iterable):
        raise TypeError(f"inputs must be a list of Values, got {described(inputs)}")
    wanted = [inputs] if isinstance(inputs, Value) else list(inputs)
    for each in wanted:
        if not isinstance(each, Value):
            raise TypeError(f"inputs must be Values, got {described(each)}")
    check_fresh(output)
    given = gradient if isinstance(gradient, Value) else as_float(gradient, "gradient")
    return gradient_graph(output, wanted, given)

"""The forward pass and backprop, one step at a time.

A step shows itself as equations, with symbols and then with numbers: ``text`` (which printing shows), ``latex`` and
``mathml``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, SupportsFloat

from engine.debugging.staleness import check_fresh
from engine.derivatives import rule_of
from engine.expressions.names import caller_names, node_formulas, parameters_among
from engine.expressions.nodes import Derivative, Equation, Formula, Formulas, Number, Operation, as_formula
from engine.expressions.writers import latex, mathml, text
from engine.node import begun, topological_order
from engine.operations import CONSTANT
from engine.special import times
from engine.validation import as_float
from engine.value import Value

_FORMULAS = Formulas()


class Wording:
    """Names and formulas for the steps over one graph, computed when a step is first shown."""

    def __init__(self, root: Value, names: object = None) -> None:
        self.root = root
        self.callers = caller_names(names)

    @cached_property
    def formulas(self) -> dict[Value, Formula]:
        """A formula for each node, a name where it has one."""
        return node_formulas(self.root, self.callers)

    def gradient(self, node: Value) -> Formula:
        """The derivative of the root with respect to *node*, such as dL/dx."""
        return Derivative(self.formulas[self.root], self.formulas[node])

    def operation(self, node: Value) -> Formula:
        """How *node* is computed from its operands."""
        return Operation(node.op, tuple(self.formulas[operand] for operand in node.operands))

    def local_derivative(self, node: Value, index: int) -> Formula:
        """The derivative of *node* with respect to an operand, by its index, as a formula such as 1 - y**2."""
        rule = rule_of(node.operation)
        if rule is None:
            return Number(node.local_derivatives[index])
        operands = [self.formulas[operand] for operand in node.operands]
        return as_formula(rule.derivatives[index](_FORMULAS, self.formulas[node], *operands))


class _Equations:
    """Something that shows itself as equations."""

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The equations, in the order of their lines."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """The equations as text, one a line."""
        return "\n".join(map(text, self.equations))

    @property
    def latex(self) -> str:
        """The equations in LaTeX, aligned at their signs."""
        rows = " \\\\\n".join(map(latex, self.equations))
        return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"

    @property
    def mathml(self) -> str:
        """The equations as ``<math>`` elements, for a page."""
        return "\n".join(f'<math display="block">{mathml(equation)}</math>' for equation in self.equations)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, repr=False)
class Contribution(_Equations):
    """What one step hands to one operand: local derivative times the node's gradient.

    ``total`` is the operand's gradient after that, the sum so far.
    """

    operand: Value
    local_derivative: float
    amount: float
    total: float
    before: float = field(compare=False)
    node: Value = field(compare=False)
    gradient: float = field(compare=False)
    place: int = field(compare=False)
    wording: Wording = field(compare=False)

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The chain rule for this operand: with symbols, with numbers, and the sum so far."""
        words, number = self.wording, Number(self.gradient)
        is_root = self.node is words.root
        gradient = number if is_root else words.gradient(self.node)
        symbol = Derivative(words.formulas[self.node], words.formulas[self.operand])
        formula = words.local_derivative(self.node, self.place)
        factors: list[tuple[Formula, Formula]] = [] if is_root else [(gradient, symbol)]
        factors += [] if isinstance(formula, Number) else [(gradient, formula)]
        factors += [(number, Number(self.local_derivative))]
        products = [Operation("*", pair) for pair in factors]
        added = Equation(words.gradient(self.operand), (*products, Number(self.amount)), "+=")
        if self.before == 0.0:
            return (added,)
        summed = Operation("+", (Number(self.before), Number(self.amount)))
        return added, Equation(words.gradient(self.operand), (summed, Number(self.total)))


@dataclass(frozen=True, repr=False)
class Step(_Equations):
    """One step of backprop: a node with complete gradient hands it to its operands.

    Printing it shows the chain rule, with symbols and with numbers; so does Jupyter, in LaTeX.

    >>> x, w = Value(2.0, label="x"), Value(-3.0, label="w")
    >>> for step in backprop((x * w + 7).tanh()):
    ...     print(step, end="\\n\\n")
    L = tanh(v2) = 0.761594
    dL/dL = 1
    dL/dv2 += 1 * (1 - L**2) = 1 * 0.419974 = 0.419974
    <BLANKLINE>
    v2 = v1 + 7 = 1
    dL/dv2 = 0.419974
    dL/dv1 += dL/dv2 * dv2/dv1 = 0.419974 * 1 = 0.419974
    <BLANKLINE>
    v1 = x * w = -6
    dL/dv1 = 0.419974
    dL/dx += dL/dv1 * dv1/dx = dL/dv1 * w = 0.419974 * (-3) = -1.25992
    dL/dw += dL/dv1 * dv1/dw = dL/dv1 * x = 0.419974 * 2 = 0.839949
    <BLANKLINE>
    """

    node: Value
    gradient: float
    contributions: tuple[Contribution, ...]
    wording: Wording = field(compare=False)
    number: float = field(compare=False)  # that of the node at the time of the step

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The node, its gradient, and the chain rule for each operand but plain numbers."""
        words = self.wording
        operation = Equation(words.formulas[self.node], (words.operation(self.node), Number(self.number)))
        gradient = Equation(words.gradient(self.node), (Number(self.gradient),))
        return operation, gradient, *(e for c in self.contributions if c.operand.op != CONSTANT for e in c.equations)


def backprop(root: Value, gradient: SupportsFloat = 1.0, names: object = None) -> Iterator[Step]:
    """The same pass as ``backward``, one node at a time.

    Each step is carried out when it is asked for.

    Args:
        root: the Value whose derivatives are computed.
        gradient: the gradient of *root* itself.
        names: names for Values without a label, such as ``locals()``; see ``engine.expressions.names.caller_names``.

    Raises:
        TypeError: *root* is not a Value, *gradient* not a number, or *names* has no names in it.
        ValueError: ``data`` was changed after the graph was computed (``root.refresh()`` computes it again).

    >>> x = Value(3.0, label="x")
    >>> for step in backprop(x * x + 1):
    ...     print(step.node.op, step.gradient, [c.amount for c in step.contributions])
    + 1.0 [1.0, 1.0]
    * 1.0 [3.0, 3.0]
    """
    wording = Wording(root, names)
    return backward_steps(root, as_float(gradient, "backprop(gradient)"), wording)


def backward_steps(root: Value, gradient: float, wording: Wording) -> Iterator[Step]:
    """The steps of ``backprop``, with the names of *wording*."""
    if isinstance(root, Value):
        check_fresh(root)
    order = begun(root, gradient)
    return (_backward_step(node, wording) for node in reversed(order))


def _backward_step(node: Any, wording: Wording) -> Step:
    gradient = node.grad
    contributions = []
    for index, (operand, derivative) in enumerate(zip(node.operands, node.local_derivatives)):
        amount, before = times(gradient, derivative), operand.grad
        operand.grad += amount
        contributions.append(
            Contribution(operand, derivative, amount, operand.grad, before, node, gradient, index, wording)
        )
    return Step(node, gradient, tuple(contributions), wording, node.data)


class Walk(NamedTuple):
    """All steps of backprop from a root, the nodes in topological order, their names, and their final gradients.

    ``parameters`` are those of the networks that the names came from; ``numbers`` what the nodes had at that time.
    """

    nodes: list[Value]
    wording: Wording
    steps: list[Step]
    gradients: list[float]
    parameters: set[Value]
    numbers: list[float]


def record_walk(root: Value, names: object = None) -> Walk:
    """Record backprop from *root*, with sums that start from 0, and restore the gradients that the nodes had before."""
    nodes = topological_order(root)
    wording = Wording(root, names)  # raises an error before anything is changed
    with gradients_set(nodes, [0.0] * len(nodes)):
        steps = list(backward_steps(root, 1.0, wording))
        gradients, numbers = [node.grad for node in nodes], [node.data for node in nodes]
    return Walk(nodes, wording, steps, gradients, parameters_among(names), numbers)


@contextmanager
def gradients_set(nodes: Sequence[Value], gradients: Sequence[float]) -> Iterator[None]:
    """Give nodes gradients for a while; afterwards they have again what they had before."""
    before = [node.grad for node in nodes]
    try:
        for node, gradient in zip(nodes, gradients):
            node.grad = gradient
        yield
    finally:
        for node, gradient in zip(nodes, before):
            node.grad = gradient


@dataclass(frozen=True, repr=False)
class ForwardStep(_Equations):
    """One step forward: a node computed from its operands, and its local derivatives.

    The numbers are those at the time of the step.
    """

    node: Value
    wording: Wording = field(compare=False)
    number: float = field(compare=False)
    operand_numbers: tuple[float, ...] = field(compare=False)
    local_derivatives: tuple[float, ...] = field(compare=False)

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The operation with symbols and with numbers, and each local derivative of it."""
        node, words = self.node, self.wording
        numbers = Operation(node.op, tuple(map(Number, self.operand_numbers)))
        name = words.formulas[node]
        lines = [Equation(name, (words.operation(node), numbers, Number(self.number)))]
        for index, operand in enumerate(node.operands):
            if operand.op != CONSTANT:
                formula, number = words.local_derivative(node, index), Number(self.local_derivatives[index])
                sides = (number,) if isinstance(formula, Number) else (formula, number)
                lines.append(Equation(Derivative(name, words.formulas[operand]), sides))
        return tuple(lines)


def forward(root: Value, names: object = None) -> Iterator[ForwardStep]:
    """The operations that computed *root*, one at a time, in topological order.

    Args:
        root: the Value to explain.
        names: names for Values without a label, such as ``locals()``.

    Raises:
        TypeError: *root* is not a Value, or *names* has no names in it.
        ValueError: ``data`` was changed after the graph was computed (``root.refresh()`` computes it again).

    >>> x, w = Value(2.0, label="x"), Value(-3.0, label="w")
    >>> for step in forward(x * w + 5):
    ...     print(step)
    v1 = x * w = 2 * (-3) = -6
    dv1/dx = w = -3
    dv1/dw = x = 2
    L = v1 + 5 = -6 + 5 = -1
    dL/dv1 = 1
    """
    wording = Wording(root, names)
    order = topological_order(root)
    check_fresh(root)
    return (
        ForwardStep(node, wording, node.data, tuple(o.data for o in node.operands), node.local_derivatives)
        for node in order
        if node.operands
    )

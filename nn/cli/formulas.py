"""``gradstep draw`` and ``gradstep step``: a formula's graph and its backprop."""

from __future__ import annotations

from argparse import Namespace

from engine import Value, backprop, expression, topological_order
from engine.expressions.nodes import Formula, Name, Number, Operation
from engine.expressions.writers import text
from engine.operations import CONSTANT
from nn.validation import one_line, shortened


def draw(options: Namespace) -> None:
    """Draw the computation graph of a formula, with data and gradient on every node."""
    from engine import draw as drawing_of

    root = expression(options.formula, **_numbers(options.numbers))
    root.backward()
    names = ("direction", "precision", "theme", "derivatives", "most", "timeout")
    drawing_of(root, **{name: getattr(options, name) for name in names}).save(options.out)
    print(f"{root.data:.6g}; the graph is in {one_line(options.out)}")


def step(options: Namespace) -> None:
    """Walk through the backprop of a formula.

    Each row is a step: a node whose gradient is complete, the local derivative with respect to each operand, and the
    contribution to its gradient. With --html, a page to walk through is written instead.
    """
    root = expression(options.formula, **_numbers(options.numbers))
    if options.html is not None:
        from engine import stepper

        stepper(root).save(options.html)
        print(f"{root.data:.6g}; the walk through its backprop is in {one_line(options.html)}")
        return
    names = node_names(root)
    print(f"forward: {names[root]} = {root.data:.6g}, and its gradient with respect to itself is 1")
    rows: list[tuple[str, ...]] = [
        ("step", "node", "data", "gradient", "hands to its operands: local derivative * gradient")
    ]
    for count, one in enumerate(backprop(root), 1):
        contributions = ", ".join(
            f"{names[c.operand]}: {c.local_derivative:.6g} * {one.gradient:.6g} = {c.amount:.6g}"
            for c in one.contributions
            if c.operand.op != CONSTANT
        )
        rows.append((str(count), names[one.node], f"{one.node.data:.6g}", f"{one.gradient:.6g}", contributions or "-"))
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for leaf in topological_order(root):
        if not leaf.op:
            print(f"gradient of {names[leaf]}: {leaf.grad:.6g}")


def node_names(root: Value) -> dict[Value, str]:
    """The name of each node: its label, number, or operation on named operands.

    >>> x = Value(2.0, label="x")
    >>> list(node_names((x * 3).tanh()).values())
    ['x', '3', 'x * 3', 'tanh(x * 3)']
    """
    formulas: dict[Value, Formula] = {}
    names: dict[Value, str] = {}
    n_results = 0
    for node in topological_order(root):
        operands = tuple(formulas[operand] for operand in node.operands)
        n_results += bool(operands)
        formula: Formula = Operation(node.op, operands) if operands else Number(node.data)
        if node.label or len(text(formula)) > 32:  # too long for a row
            formula = Name(node.label or f"v{n_results}")
        formulas[node], names[node] = formula, text(formula)
    return names


def _numbers(texts: list[str]) -> dict[str, float]:
    """Parse ``["x=2", "y=1/3"]`` into ``{"x": 2.0, "y": 0.3333333333333333}``."""
    numbers: dict[str, float] = {}
    for given in texts:
        name, equals, number = given.partition("=")
        if not equals or not name.isidentifier():
            raise ValueError(f"a number must be given with its name, such as x=2, got {shortened(given)}")
        if name in numbers:
            raise ValueError(f"{name} must be given one number, got two")
        try:
            above, slash, below = number.partition("/")
            numbers[name] = float(above) / float(below) if slash else float(above)
        except (ValueError, ZeroDivisionError):
            advice = f"; write a decimal point: {name}={number.replace(',', '.')}" if number.count(",") == 1 else ""
            raise ValueError(f"{name} must be given a number, got {shortened(number)}{advice}") from None
    return numbers

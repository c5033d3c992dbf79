"""``gradstep draw`` and ``gradstep step``: a formula's graph, and the walk through its backprop."""

from __future__ import annotations

from argparse import Namespace

from engine import Value, backprop, expression, topological_order
from engine.operations import CONSTANT
from nn.validation import one_line, shortened


def draw(options: Namespace) -> None:
    """``gradstep draw``: the graph of a formula as a picture."""
    from engine.drawing import draw as drawn
    from engine.drawing import write_picture

    root = expression(options.formula, **_numbers(options.numbers))
    root.backward()
    drawing = drawn(
        root,
        direction=options.direction,
        precision=options.precision,
        theme=options.theme,
        derivatives=options.derivatives,
        most=options.most,
        timeout=options.timeout,
    )
    write_picture(drawing, options.out)
    print(f"{root.data:.6g}; the graph is in {one_line(options.out)}")


def step(options: Namespace) -> None:
    """``gradstep step``: backprop, one row a step, or with ``--html`` as a page."""
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
        gifts = ", ".join(
            f"{names[c.operand]}: {c.local_derivative:.6g} * {one.gradient:.6g} = {c.amount:.6g}"
            for c in one.contributions
            if c.operand.op != CONSTANT
        )
        rows.append((str(count), names[one.node], f"{one.node.data:.6g}", f"{one.gradient:.6g}", gifts or "-"))
    _print_table(rows)
    for leaf in topological_order(root):
        if not leaf.op:
            print(f"gradient of {names[leaf]}: {leaf.grad:.6g}")


def node_names(root: Value) -> dict[Value, str]:
    """What to call each node: its label or number, or for a result the operation with the names of its operands.

    >>> x = Value(2.0, label="x")
    >>> list(node_names((x * 3).tanh()).values())
    ['x', '3', 'x * 3', 'tanh(x * 3)']
    """
    names: dict[Value, str] = {}
    infix: set[Value] = set()  # what needs parentheses as an operand
    results = 0
    for node in topological_order(root):
        operands = [names[operand] for operand in node.operands]
        if node.label:
            names[node] = node.label
        elif not operands:
            names[node] = f"{node.data:.6g}"
        else:
            is_infix = len(operands) == 2 and not (node.op.isalpha() or "_" in node.op or node.op[-1].isdigit())
            if is_infix:
                enclosed = (f"({names[each]})" if each in infix else names[each] for each in node.operands)
                name = f" {node.op} ".join(enclosed)
            else:
                name = f"-({operands[0]})" if node.op == "neg" else f"{node.op}({', '.join(operands)})"
            results += 1
            if len(name) > 32:  # a long formula is more than a row can take
                name = f"v{results}"
            elif is_infix:
                infix.add(node)
            names[node] = name
    return names


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _numbers(texts: list[str]) -> dict[str, float]:
    """``["x=2"]`` as ``{"x": 2.0}``."""
    numbers: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals or not name.isidentifier():
            raise ValueError(f"{shortened(text)}: a name and its number are wanted, such as x=2")
        if name in numbers:
            raise ValueError(f"{name}: there are two numbers for it")
        try:
            numbers[name] = float(number)
        except ValueError:
            advice = f"; write a decimal point: {name}={number.replace(',', '.')}" if number.count(",") == 1 else ""
            raise ValueError(f"{shortened(text)}: {shortened(number)} is not a number{advice}") from None
    return numbers

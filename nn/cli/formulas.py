"""``gradstep draw`` and ``gradstep step``: a formula's graph and its backprop."""

import math
import re
from argparse import Namespace
from unicodedata import normalize

from engine import backprop, expression, topological_order
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

    Each paragraph is a step: a node whose gradient is complete, and the chain rule for each of its operands, with
    symbols and with numbers. With --html, a page to walk through is written instead.
    """
    root = expression(options.formula, **_numbers(options.numbers))
    if options.html is not None:
        from engine import stepper

        stepper(root).save(options.html)
        print(f"{root.data:.6g}; the walk through its backprop is in {one_line(options.html)}")
        return
    print(f"{one_line(options.formula)} = {root.data:.6g}", end="\n\n")
    for one in backprop(root):
        print(one, end="\n\n")
    for leaf in topological_order(root):
        if not leaf.op:
            print(f"gradient of {leaf.label}: {leaf.grad:.6g}")


def _numbers(texts: list[str]) -> dict[str, float]:
    """Parse ``["x=2", "y=1/3"]`` into ``{"x": 2.0, "y": 0.3333333333333333}``."""
    numbers: dict[str, float] = {}
    for given in texts:
        name, equals, number = given.partition("=")
        name = normalize("NFKC", name)  # as Python reads names, in formulas too
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
        if not math.isfinite(numbers[name]) and not re.search("inf|nan", number, re.IGNORECASE):
            raise ValueError(f"{name} must be given a number up to about 1.8e308, got {shortened(number)}")
    return numbers

"""What the Graph page asks Python for: a formula, or lines of Python, as pictures, data and code.

All that goes in and out is plain data: texts, numbers, lists and dicts.
"""

import ast
from typing import Any

from engine import Value, draw, expression, size
from engine.stepping.layout import lay_out
from engine.stepping.page import page_data
from engine.stepping.walk import record_walk

FIRST: dict[str, Any] = {"formula": "tanh(x*w + b)", "numbers": {"x": 2.0, "w": -3.0, "b": 6.88}}
_MOST_STEPS = 250  # nodes that can be walked through in a browser without a long wait


def show_formula(formula: str, numbers: dict[str, float], **looks: Any) -> dict[str, Any]:
    """The graph of a formula; nothing in it is run. A name without a number is among the ``missing``."""
    names = names_in(formula)
    missing = [name for name in names if name not in numbers]
    if missing:
        return {"names": names, "missing": missing}
    try:
        root = expression(formula, **{name: numbers[name] for name in names})
    except (ValueError, TypeError, ArithmeticError) as error:
        return {"names": names, "error": str(error)}
    return {"names": names} | show(root, {}, **looks)


def names_in(formula: str) -> list[str]:
    """The names in a formula that need numbers, in their order in the text; none where it is not a formula."""
    try:
        tree = ast.parse(formula.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in nodes if node.id != "pi"))


def show(root: Value, names: object, direction: str = "LR", theme: str = "auto") -> dict[str, Any]:
    """A graph as a picture (``svg`` and ``dot``), and as the ``walk`` of a stepper; its gradients are computed."""
    root.backward()
    drawing = draw(root, names=names, direction=direction, theme=theme)
    answer = {"svg": drawing.pipe("svg", encoding="utf-8"), "dot": drawing.source, "said": drawing.description}
    count = size(root)
    if count > _MOST_STEPS:
        return answer | {"walk": None, "nodes": count}
    walk = record_walk(root, names)
    data = page_data(walk, lay_out(walk, 4, direction, 60.0), 4)
    return answer | {"walk": data, "nodes": count}

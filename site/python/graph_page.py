"""What the Graph page asks Python for: a formula, or lines of Python, as pictures, data and code.

All that goes in and out is plain data: texts, numbers, lists and dicts. An answer with ``error`` says in words what is
wrong; another has the graph, as ``svg`` and ``dot``, as the ``walk`` of a stepper, and as the ``code`` that makes it.
"""

import math
import re
from typing import Any

from engine import Value, draw, expression, size, topological_order
from formula_names import names_in
from readers_code import CodeError, run_code, standalone
from walk_data import walk_data

Answer = dict[str, Any]

FIRST: dict[str, Any] = {"formula": "tanh(x*w + b)", "numbers": {"x": 2.0, "w": -3.0, "b": 6.88}}
_LONGEST_FORMULA, _LONGEST_CODE = 10_000, 50_000  # characters
_MOST_OPERATIONS = 300  # in a formula; Python's parser nests each in the one before, and a browser's stack is small
_MOST_NODES = 2_000  # a chain of more could end Python in a browser, whose stack is small


def show_formula(formula: str, numbers: dict[str, float], looks: dict[str, Any] | None = None) -> Answer:
    """The graph of a formula, of which nothing is run. A name without a number is 1.

    ``names`` are those in the text, ``places`` those of their nodes in the walk.
    """
    if len(formula) > _LONGEST_FORMULA:
        return {"names": [], "error": f"a formula must have at most {_LONGEST_FORMULA:,} characters"}
    if (count := len(re.findall(r"\*\*|[-+*/(]", formula))) > _MOST_OPERATIONS:
        return {
            "names": [],
            "error": f"a formula in this page must have at most {_MOST_OPERATIONS} operations, got {count:,}",
        }
    names = names_in(formula)
    given = {name: float(numbers.get(name, 1.0)) for name in names}
    try:
        root = expression(formula, **given)
        answer = _show(root, None, **looks or {})
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        return {"names": names, "error": str(error)}
    places = {node.label: place for place, node in enumerate(topological_order(root)) if node.label in given}
    return {"names": names, "places": places, "code": _code_of_formula(formula, given)} | answer


def show_code(code: str, root: str = "", looks: dict[str, Any] | None = None) -> Answer:
    """The graph that lines of Python make: of the variable *root*, or of what they end with.

    ``roots`` are the variables that could be the root, ``printed`` is what the lines printed.
    """
    if len(code) > _LONGEST_CODE:
        return {"error": f"the code must have at most {_LONGEST_CODE:,} characters", "printed": ""}
    try:
        done = run_code(code, root)
    except CodeError as error:
        return {"error": str(error), "line": error.line, "printed": error.printed}
    found = {"roots": done.roots, "root": done.name, "printed": done.printed}
    try:
        return found | {"code": standalone(code, done.name)} | _show(done.root, done.variables, **looks or {})
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        return found | {"error": str(error)}


def _show(
    root: Value, names: object, direction: str = "LR", theme: str = "auto", derivatives: bool = False
) -> dict[str, Any]:
    """A graph as a picture and as a walk; its gradients are computed where the root has none."""
    count = size(root)
    if count > _MOST_NODES:
        raise ValueError(
            f"a graph in this page must have at most {_MOST_NODES:,} nodes, got {count:,}; draw a part of it"
        )
    if root.grad == 0.0:
        root.backward()
    drawing = draw(root, names=names, direction=direction, theme=theme, derivatives=derivatives)
    answer = {"svg": drawing.pipe("svg", encoding="utf-8"), "dot": drawing.source, "said": drawing.description}
    return answer | {"walk": walk_data(root, names, direction), "nodes": count}


def _code_of_formula(formula: str, numbers: dict[str, float]) -> str:
    given = "".join(f", {name}={_written(number)}" for name, number in numbers.items())
    return f"""from engine import draw, expression, stepper

result = expression({formula.strip()!r}{given})
result.backward()
draw(result).save("graph.svg")
stepper(result).save("backprop.html")  # in Jupyter, stepper(result) shows it
"""


def _written(number: float) -> str:
    return repr(number) if math.isfinite(number) else f'float("{number}")'

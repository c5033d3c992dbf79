"""The names in a formula that need numbers."""

import ast
import warnings

from engine.expressions.parser import CONSTANTS


def names_in(formula: str) -> list[str]:
    """The names, in their order in the text; none where it is not a formula at all.

    Those of constants are left out, and so is ``e``, which ``expression`` refuses in words.

    >>> names_in("tanh(x*w + b) + pi*x")
    ['x', 'w', 'b']
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(formula.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called]
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in names if node.id not in (*CONSTANTS, "e")))

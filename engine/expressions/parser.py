"""Formulas as text, such as ``"tanh(x*w + b)"``, parsed into Values. Nothing in the text is ever executed.

Python's own grammar parses the text. Only numbers, names, arithmetic and calls of the engine's functions are accepted.
No recursion is used.
"""

import ast
import difflib
import keyword
import math
import operator
import re
import warnings
from collections.abc import Callable
from typing import SupportsFloat

from engine import functions
from engine.derivatives import RULES
from engine.validation import shortened
from engine.value import Value, constant

_LONGEST = 10_000  # characters
_OPERATORS: dict[type[ast.AST], Callable[..., Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {  # by name, with how many numbers each takes
    **{n: (len(rule.derivatives), getattr(functions, n)) for n, rule in RULES.items() if hasattr(functions, n)},
    "abs": (1, operator.abs),
    "leaky_relu": (1, functions.leaky_relu),
}

_OTHER_NAMES = {"ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "max": "maximum", "min": "minimum"}
_IN_WORDS = {  # what a reader may have meant to write, by the kind of what was parsed
    "ifexp": "if ... else",
    "compare": "a comparison",
    "boolop": "and, or",
    "floordiv": "//",
    "mod": "%",
    "matmult": "@",
    "not": "not",
    "invert": "~",
}
_CONDITIONS = {"and", "or", "not", "if", "else", "in", "is", "True", "False", "None"}
_FACTOR = re.compile(r"(?<![\w.])(\d+\.?\d*|\.\d+)\s*([^\W\d]\w*)")  # 2x
_BARE_CALL = re.compile(rf"\b({'|'.join(sorted(_FUNCTIONS))})\s+(\w+)")  # sin x
_RAISED = re.compile("[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]")  # digits as in x²


def expression(text: str, /, **variables: SupportsFloat) -> Value:
    """The Value that a formula describes, each variable being a leaf with its name as label.

    Args:
        text: numbers, ``pi``, names, ``+ - * / **``, parentheses, and the engine's functions of one or two numbers.
        variables: a number, or a Value, for every name in the text.

    Raises:
        ValueError: the text is not such a formula, a name has no number, or a number lies outside a function's domain.
        TypeError, ZeroDivisionError, OverflowError: as the operations on Values raise them.

    >>> y = expression("tanh(x*w + b)", x=2, w=-3, b=6.88)
    >>> y.backward()
    >>> round(y.data, 4), [leaf.label for leaf in leaves(y)]
    (0.7064, ['x', 'w', 'b'])
    """
    waiting: list[ast.expr | tuple[int, Callable[..., Value]]] = [_parse(text)]  # to evaluate, or a function to apply
    leaves = {n: v if isinstance(v, Value) else Value(v, label=n) for n, v in variables.items()}
    done: list[Value] = []
    while waiting:
        task = waiting.pop()
        if isinstance(task, tuple):
            count, function = task
            done[-count:] = [function(*done[-count:])]
        elif isinstance(task, (ast.Constant, ast.Name)):
            done.append(_parse_leaf(task, leaves))
        else:
            function, operands = _parse_call(task)
            waiting += [(len(operands), function), *reversed(operands)]
    return done[0]


def _parse(text: str) -> ast.expr:
    if not isinstance(text, str):
        raise TypeError(f"a formula must be a str, got {type(text).__name__} {shortened(text)}")
    if not text.strip():
        raise ValueError("a formula must not be empty: write one, such as x*w + b")
    if len(text) > _LONGEST:
        raise ValueError(f"a formula must have at most {_LONGEST:,} characters, got {len(text):,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser's hints, such as "perhaps you missed a comma"
            return ast.parse(text.strip(), mode="eval").body
    except (RecursionError, MemoryError):
        raise ValueError(f"not a formula: {shortened(text)} is nested too deeply") from None
    except (SyntaxError, ValueError) as error:  # ValueError: NUL characters, a number of very many digits
        said: object = getattr(error, "msg", error)
        why = _hint(text) or said
        raise ValueError(f"not a formula: {shortened(text)} ({why})") from None


def _hint(text: str) -> str:
    """What a reader may have meant by a text that Python cannot parse; an empty text where that is not clear."""
    if _RAISED.search(text):
        return "write a power with **, such as x**2"
    for word in re.findall(r"\w+", text):
        if keyword.iskeyword(word) and word not in _CONDITIONS:
            return f"{word} is a reserved word of Python: choose another name"
    if call := _BARE_CALL.search(text):
        return f"write {call[1]}({shortened(call[2])[1:-1]}), with brackets"
    if product := _FACTOR.search(text):
        return f"write a product with *, such as {shortened(product[1])[1:-1]}*{shortened(product[2])[1:-1]}"
    return ""


def _parse_leaf(node: ast.Constant | ast.Name, leaves: dict[str, Value]) -> Value:
    if isinstance(node, ast.Name):
        if node.id in leaves:
            return leaves[node.id]
        if node.id == "pi":
            return constant(math.pi, "the formula")
        raise ValueError(f"the formula needs a number for {shortened(node.id)}, such as {shortened(node.id)[1:-1]}=2")
    if type(node.value) not in (int, float):
        raise ValueError(f"a constant in a formula must be an int or a float, got {shortened(node.value)}")
    if node.value == math.inf:
        raise OverflowError(
            "a constant in a formula must be at most about 1.8e308, got one that is too large for a float"
        )
    return constant(node.value, "the formula")


def _parse_call(node: ast.expr) -> tuple[Callable[..., Value], list[ast.expr]]:
    """What a part of a formula computes, and of which parts."""
    if isinstance(node, (ast.BinOp, ast.UnaryOp)) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)], [node.left, node.right] if isinstance(node, ast.BinOp) else [node.operand]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        if name not in _FUNCTIONS:
            known = ", ".join(sorted(_FUNCTIONS))
            raise ValueError(f"a function in a formula must be one of {known}, got {shortened(name)}{_meant(name)}")
        count, function = _FUNCTIONS[name]
        if len(node.args) != count or node.keywords:
            raise ValueError(f"{name} takes {count} number{'s' if count > 1 else ''} in a formula")
        return function, node.args
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        raise ValueError("a power in a formula must be written **, such as x**2, got x^2")
    if isinstance(node, ast.Tuple):
        raise ValueError("a number in a formula must have a decimal point, such as 0.5, got a comma")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FUNCTIONS:
        raise ValueError(
            f"a function in a formula must be its name alone, {node.func.attr}(...), got a name with a dot"
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Constant):
        raise ValueError(
            "a product in a formula must be written with *, such as 2*(x + 1), got a number before a bracket"
        )
    kind = type(node.op if isinstance(node, (ast.BinOp, ast.UnaryOp)) else node).__name__.lower()
    said = _IN_WORDS.get(kind, kind)
    raise ValueError(f"a formula must be made of numbers, names, + - * / ** and functions, got {said}")


def _meant(name: str) -> str:
    """Advice on the name of an unknown function; an empty text where no known one is near."""
    if name in _OTHER_NAMES:
        return f"; write {_OTHER_NAMES[name]}"
    near = difflib.get_close_matches(name, _FUNCTIONS, 1, 0.75)
    return f"; did you mean {near[0]}?" if near else ""

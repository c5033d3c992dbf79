"""Formulas as text, such as ``"tanh(x*w + b)"``, made into Values. Nothing in the text is ever executed.

The text is parsed by Python's own grammar, and of what that gives only numbers, names, arithmetic and calls of the
engine's functions are taken; the walk below uses no recursion.
"""

import ast
import operator
import warnings
from collections.abc import Callable
from typing import SupportsFloat

from engine import functions
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

_ONE_ARGUMENT = [
    "exp",
    "expm1",
    "log",
    "log10",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "softplus",
    "relu",
    "leaky_relu",
    "gelu",
    "erf",
    "erfc",
]
_TWO_ARGUMENTS = ["maximum", "minimum", "atan2", "hypot"]
_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    "abs": (1, operator.abs),
    **{name: (1, getattr(functions, name)) for name in _ONE_ARGUMENT},
    **{name: (2, getattr(functions, name)) for name in _TWO_ARGUMENTS},
}


def expression(text: str, /, **variables: SupportsFloat) -> Value:
    """The Value that a formula describes, each variable being a leaf with its name as label.

    Args:
        text: numbers, names, ``+ - * / **``, parentheses, and the engine's functions of one or two numbers.
        variables: a number, or a Value, for every name in the text.

    Raises:
        ValueError: the text is not such a formula, a name has no number, or a number lies outside a function's domain.
        TypeError, ZeroDivisionError, OverflowError: as the operations on Values raise them.

    >>> y = expression("tanh(x*w + b)", x=2, w=-3, b=6.88)
    >>> y.backward()
    >>> round(y.data, 4), [leaf.label for leaf in leaves(y)]
    (0.7064, ['x', 'w', 'b'])
    """
    tree = _parsed(text)
    named = {n: v if isinstance(v, Value) else Value(v, label=n) for n, v in variables.items()}
    done: list[Value] = []  # what is computed, and in `waiting` what is still to do: a node, or how many to combine
    waiting: list[ast.expr | tuple[int, Callable[..., Value]]] = [tree]
    while waiting:
        task = waiting.pop()
        if isinstance(task, tuple):
            count, function = task
            arguments = done[len(done) - count :]
            done[len(done) - count :] = [function(*arguments)]
        elif isinstance(task, (ast.Constant, ast.Name)):
            done.append(_leaf(task, named))
        else:
            function, operands = _call(task)
            waiting.append((len(operands), function))
            waiting.extend(reversed(operands))
    return done[0]


def _parsed(text: str) -> ast.expr:
    if not isinstance(text, str):
        raise TypeError(f"a formula is a string, not {type(text).__name__} {shortened(text)}")
    if len(text) > _LONGEST:
        raise ValueError(f"a formula may have {_LONGEST:,} characters, and this one has {len(text):,}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parser's hints, such as "perhaps you missed a comma"
            return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"not a formula: {shortened(text)} ({error.msg})") from None
    except (RecursionError, MemoryError):
        raise ValueError(f"not a formula: {shortened(text)} is nested too deeply") from None
    except ValueError as error:  # NUL characters, a number of very many digits
        raise ValueError(f"not a formula: {shortened(text)} ({error})") from None


def _leaf(node: ast.Constant | ast.Name, named: dict[str, Value]) -> Value:
    if isinstance(node, ast.Name):
        if node.id in named:
            return named[node.id]
        raise ValueError(f"the formula needs a number for {shortened(node.id)}, such as {shortened(node.id)[1:-1]}=2")
    if type(node.value) not in (int, float):
        raise ValueError(f"a formula holds numbers, not {shortened(node.value)}")
    return constant(node.value, "the formula")


def _call(node: ast.expr) -> tuple[Callable[..., Value], list[ast.expr]]:
    """What a part of a formula computes, and of which parts."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)], [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)], [node.operand]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        arguments, function = _FUNCTIONS[node.func.id]
        if len(node.args) == arguments and not node.keywords:
            return function, node.args
        raise ValueError(f"{node.func.id} takes {arguments} number{'s' if arguments > 1 else ''} in a formula")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        raise ValueError(f"unknown function {shortened(node.func.id)}; there are {', '.join(sorted(_FUNCTIONS))}")
    raise ValueError(f"a formula has numbers, names, + - * / ** and functions, not {type(node).__name__.lower()}")

"""Formulas as text, such as ``"tanh(x*w + b)"``, parsed into Values by Python's grammar, without recursion.

Nothing is executed: only numbers, names, arithmetic and calls of the engine's functions are accepted.
"""

import ast
import keyword
import math
import operator
import re
import warnings
from collections.abc import Callable
from typing import SupportsFloat
from unicodedata import normalize

from engine import functions, slopes
from engine.derivatives import RULES, SLOPES
from engine.other_names import most_like
from engine.validation import described, shortened
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
CONSTANTS = {"pi": math.pi, "π": math.pi, "inf": math.inf, "nan": math.nan}
"""Names that mean a number where no other is given for them."""
_Function = tuple[tuple[int, ...], Callable[..., Value]]
_FUNCTIONS: dict[str, _Function] = {  # by name, with how many numbers each takes
    **{n: ((len(rule.derivatives),), getattr(functions, n)) for n, rule in RULES.items() if hasattr(functions, n)},
    "abs": ((1,), operator.abs),
    "detach": ((1,), Value.detach),
    "leaky_relu": ((1, 2), functions.leaky_relu),
}
_OF_SLOPES: dict[str, _Function] = {  # what steps print of derivatives
    **{n: ((len(rule.derivatives),), slopes.OPERATIONS[n].apply) for n, rule in SLOPES.items() if n not in _FUNCTIONS},
    "normal_pdf": ((1, 2), lambda x, n=0.0: slopes.OPERATIONS["normal_pdf"].apply(x, n)),
    "normal_cdf": ((1,), lambda x: functions.erfc(x * -math.sqrt(0.5)) * 0.5),
}
_OF_AN_ORDER = ("gaussian", "normal_pdf")

_OTHER_NAMES = {
    **{"ln": "log", "lg": "log10", "pow": "a**b", "logistic": "sigmoid", "max": "maximum", "min": "minimum"},
    **{"arcsin": "asin", "arccos": "acos", "arctan": "atan", "log2": "log(a) / log(2)", "exp2": "2**a"},
}
_IN_WORDS = {  # what a reader may have meant to write, by the kind of what was parsed
    "ifexp": "if ... else",
    "compare": "a comparison",
    "boolop": "and, or",
    "floordiv": "//",
    "mod": "%",
    "matmult": "@",
    "bitor": "|; write abs(x) for |x|",
    "not": "not",
    "invert": "~",
}
_CONDITIONS = {"and", "or", "not", "if", "else", "in", "is", "True", "False", "None"}
_PRODUCT = "write a product with *, such as {1}*{2}"
_HINTS: dict[str, str] = {  # for the first of these that is in a text, with its parts in the words
    rf"\b({'|'.join(sorted(_FUNCTIONS))})\s+(\w+)": "write {1}({2}), with brackets",  # sin x
    r"(?<![\w.])(\d++(?:\.\d*+)?|\.\d++)([eE])(?!\w|[+-]?\d)":  # 1e
    "write digits after {0}, such as {1}{2}3, or {1}*{2} for a product",
    r"(?<![\w.])((?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d+)?)\s*([^\W\d]\w*)": _PRODUCT,  # 2x
    r"^\s*+([^\W\d]\w*+)\s*+=(?!=)": "write what is on the right of =, without {1} =",  # y = x
    r"\b([^\W\d]\w*+)\s++([^\W\d]\w*+)": _PRODUCT,  # x w
}
_RAISED = re.compile("[\u2070\u00b9\u00b2\u00b3\u2074-\u207b]")  # digits and signs as in x²
_INDEX = re.compile("[\u2080-\u2089]")  # as in x₁
_SIGNS = {  # what is on paper, and what to type
    **dict.fromkeys("×·⋅∙•∗", "*"),
    **dict.fromkeys("−–—‐‑", "-"),
    **dict.fromkeys("÷∕⁄", "/"),
    **{"∞": "inf", "½": "0.5", "¼": "0.25", "¾": "0.75"},
}


def expression(text: str, /, **variables: SupportsFloat) -> Value:
    """The Value that a formula describes; each variable is a leaf with its label.

    Args:
        text: numbers, ``pi``, names, ``+ - * / **``, parentheses, and the engine's functions of one or two numbers;
            also what the steps of a graph or of a gradient graph print for an operation.
        variables: a number, or a Value, for every name in the text, and for no other.

    Raises:
        ValueError: the text is not such a formula, a name has no number, a number is for a name that is not there, or
            lies outside a function's domain.
        TypeError, ZeroDivisionError, OverflowError: as the operations on Values raise them.

    >>> y = expression("tanh(x*w + b)", x=2, w=-3, b=6.88)
    >>> y.backward()
    >>> round(y.data, 4), [leaf.label for leaf in leaves(y)]
    (0.7064, ['x', 'w', 'b'])
    """
    waiting: list[ast.expr | tuple[int, Callable[..., Value]]] = [_parse(text)]  # to evaluate, or a function to apply
    leaves = {n: v if isinstance(v, Value) else Value(v, label=n) for n, v in variables.items()}
    done: list[Value] = []
    unused = dict.fromkeys(leaves)
    while waiting:
        task = waiting.pop()
        if isinstance(task, tuple):
            count, function = task
            done[-count:] = [function(*done[-count:])]
        elif isinstance(task, (ast.Constant, ast.Name)):
            done.append(_parse_leaf(task, leaves))
            unused.pop(getattr(task, "id", ""), None)
        else:
            function, operands = _parse_call(task)
            waiting += [(len(operands), function), *reversed(operands)]
    for name in unused:
        raise ValueError(f"{name} must be a name in the formula {shortened(text)}; leave {name}= out")
    return done[0]


def _parse(text: str) -> ast.expr:
    if not isinstance(text, str):
        raise TypeError(f"a formula must be a str, got {described(text)}")
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
    words = re.findall(r"[^\W\d]\w*", text)
    if name := next(filter(_INDEX.search, words), ""):
        return f"write {shortened(normalize('NFKC', name))[1:-1]} for {shortened(name)[1:-1]}"
    if "√" in text:
        return "write sqrt(x) for √x"
    if sign := next((character for character in text if character in _SIGNS), ""):
        return f"write {_SIGNS[sign]} for {sign}"
    for word in words:
        if keyword.iskeyword(word) and word not in _CONDITIONS:
            return f"{word} is a reserved word of Python: choose another name"
    for pattern, advice in _HINTS.items():
        found = re.search(pattern, text)
        if found and not any(map(keyword.iskeyword, found.groups())):
            return advice.format(found[0], *[shortened(part)[1:-1] for part in found.groups()])
    return "write abs(x) for |x|" if text.count("|") > 1 else ""


def _parse_leaf(node: ast.Constant | ast.Name, leaves: dict[str, Value]) -> Value:
    if isinstance(node, ast.Name):
        if node.id in leaves:
            return leaves[node.id]
        if node.id in CONSTANTS:
            return constant(CONSTANTS[node.id], "the formula")
        if "·" in node.id:  # which Python takes as a letter
            raise ValueError(f"not a formula: {shortened(node.id)} (write * for ·)")
        advice = ", or another name; Euler's number is exp(1), and e**x is exp(x)" if node.id == "e" else ""
        advice = f"; as a function it is written {node.id}(...)" if node.id in _FUNCTIONS else advice
        name = shortened(node.id)
        raise ValueError(f"the formula needs a number for {name}, such as {name[1:-1]}=2{advice}")
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
        found = _FUNCTIONS.get(name) or _OF_SLOPES.get(name)
        if found is None:
            known = ", ".join(sorted(_FUNCTIONS))
            raise ValueError(f"a function in a formula must be one of {known}, got {shortened(name)}{_meant(name)}")
        counts, function = found
        if len(node.args) not in counts or node.keywords:
            takes = " or ".join(map(str, counts))
            raise ValueError(f"{name} takes {takes} number{'s' if counts[-1] > 1 else ''} in a formula")
        if name in _OF_AN_ORDER:
            _check_order(name, node.args[1:])
        return function, node.args
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        raise ValueError("a power in a formula must be written **, such as x**2, got x^2")
    if isinstance(node, ast.Tuple) and not node.elts:
        raise ValueError("a bracket in a formula must hold a number, a name or a formula, got ()")
    if isinstance(node, ast.Tuple):
        raise ValueError("a number in a formula must have a decimal point, such as 0.5, got a comma")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FUNCTIONS:
        raise ValueError(
            f"a function in a formula must be its name alone, {node.func.attr}(...), got a name with a dot"
        )
    if isinstance(node, ast.Call) and isinstance(node.func, (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Call)):
        before = "a number" if isinstance(node.func, ast.Constant) else "a bracket"
        raise ValueError(
            f"a product in a formula must be written with *, such as 2*(x + 1), got {before} before a bracket"
        )
    kind = type(node.op if isinstance(node, (ast.BinOp, ast.UnaryOp)) else node).__name__.lower()
    said = _IN_WORDS.get(kind, kind)
    raise ValueError(f"a formula must be made of numbers, names, + - * / ** and functions, got {said}")


def _meant(name: str) -> str:
    """Advice on the name of an unknown function; an empty text where no known one is near."""
    asked = name.casefold()
    if asked in _OTHER_NAMES:
        return f"; write {_OTHER_NAMES[asked]}"
    near = most_like(name, _FUNCTIONS)
    if len(name) == 1 and not near:
        return f"; write a product with *, such as {name}*(...)"
    return f"; did you mean {near}?" if near else ""


def _check_order(name: str, orders: list[ast.expr]) -> None:
    """Raise a ValueError unless the order of a derivative is a plain whole number."""
    for order in orders:
        number = order.value if isinstance(order, ast.Constant) else None
        if not isinstance(number, (int, float)) or number % 1 != 0:
            given = shortened(ast.unparse(order))[1:-1]
            raise ValueError(f"{name}(x, n) in a formula must have a whole n >= 0, got {given}")

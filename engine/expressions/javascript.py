"""The table of derivatives as JavaScript: each primitive's value, its local derivatives, and what it refuses.

And the functions that these are made of, in modules of the front end, or in a program's own file.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

from engine import operations, slopes
from engine.derivatives import RULES, SLOPES, Rule, rule_for
from engine.domains import DOMAINS, POWER
from engine.expressions.c_functions import all_helpers, parts_of, used_by
from engine.expressions.nodes import Calls, Formula, Name, as_formula
from engine.expressions.writers import text
from engine.operations import Operation
from engine.value import Value

_CALLS = Calls()
_EXACT = 17  # significant digits of every float
_BEYOND = {"!=": ("===", 0.0), ">": ("<=", -0.34375), ">=": ("<", -0.34375), "<": (">=", 0.34375), "<=": (">", 0.34375)}
_TOO_LARGE = "tooLarge(y, {})"
_POWER_REFUSES = {
    "a === 0 && b < 0": (0.0, -1.34375),
    "a < 0 && a !== -Infinity && Number.isFinite(b) && b !== Math.floor(b)": (-1.34375, 0.71875),
    _TOO_LARGE.format("a, b"): (1.5e300, 2.34375),
}
_MODULE = """import {{ pi, {} }} from "./special.js";

/** Whether finite numbers make one that is too large for a float. */
const tooLarge = (y, ...operands) => !Number.isFinite(y) && operands.every(Number.isFinite);

export const OPERATIONS = {{
{}}};
"""
_OF_MATH = re.compile(r"^export const \{ (.*) \} = Math;$", re.MULTILINE)
_FUNCTION = re.compile(
    r"^(?:/\*\*[^\n]*\*/\n)?(?:export )?(?:const (\w+) = [^\n]*;|function (\w+)\([^\n]*\{\n.*?\n\})$",
    re.MULTILINE | re.DOTALL,
)
_NO_CODE = re.compile(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
_NAME = re.compile(r"(?<![\w.])[A-Za-z]\w*")
_IN_JAVASCRIPT = {
    **{"static double ": "export function ", "(double ": "(", ", double ": ", ", ", int ": ", ", ")\n{": ") {"},
    **{"    double ": "  let ", "    int ": "  let ", "    ": "  ", "(int)": "", "/*": "/**", "==": "===", "!=": "!=="},
    **{"NAN": "NaN", "fabs(": "abs(", "isnan(": "Number.isNaN(", "pow(": "power_or_limit("},
}
"""Parts of ``special.c`` that JavaScript writes otherwise."""
_OF_C = re.compile("|".join(map(re.escape, _IN_JAVASCRIPT)))


@cache
def arithmetic() -> str:
    """The module ``arithmetic.js``: ``OPERATIONS``, by key, made of the functions in ``special.js``.

    Each has ``value(a, b)``, ``slopes`` of ``(y, a, b)``, and ``refusals``: where one holds of ``(y, a, b)`` eager
    arithmetic raises an error, in these words, in which ``{a}`` is an operand's name and ``{a!r}`` its number.
    """
    rules = RULES | SLOPES
    rows = "".join(f"  {json.dumps(key)}: {{ {', '.join(_fields(key, rule))} }},\n" for key, rule in rules.items())
    return _MODULE.format(", ".join(key for key in rules if f" {key}(" in rows), rows)


def key_of(operation: Operation) -> str:
    """The key of an operation in ``OPERATIONS``; an empty text for users' own, which are functions of Python."""
    own = operations.OPERATIONS.get(operation.key), slopes.OPERATIONS.get(operation.key)
    return operation.key if operation in own else ""


def refusals_of(key: str) -> str:
    """The operation's part of ``OPERATIONS`` that ``refusalOf`` reads; an empty text where it refuses nothing."""
    parameters = ", ".join("ab"[: len(rule_for(key).derivatives)])
    each = [
        f"[(y, {parameters}) => {condition}, {json.dumps(words)}]"
        for condition, words in dict(_refusals(key, parameters)).items()
    ]
    return f"refusals: [{', '.join(each)}]" if each else ""


def javascript(formula: Formula) -> str:
    """A formula as an expression in JavaScript, its numbers exact; functions are those of ``special.js``."""
    return text(formula, _EXACT)


def javascript_number(number: float) -> str:
    return repr(number).replace("inf", "Infinity").replace("nan", "NaN")


def in_functions(name: str, arguments: str, statements: Sequence[str]) -> tuple[str, str]:
    """The statements in functions of a bounded length, and calls of all of them."""
    bodies = ["".join(f"  {line}\n" for line in part) for part in parts_of(statements)]
    functions = "".join(f"\nfunction {name}{i}({arguments}) {{\n{body}}}\n" for i, body in enumerate(bodies))
    return functions, "".join(f"  {name}{i}({arguments});\n" for i in range(len(bodies)))


def _fields(key: str, rule: Rule) -> Iterator[str]:
    names = [Name(name) for name in "ab"[: len(rule.derivatives)]]
    parameters = ", ".join(name.text for name in names)
    yield f"value: ({parameters}) => {javascript(rule.compute(_CALLS, *names))}"
    derivatives = [as_formula(derivative(_CALLS, Name("y"), *names)) for derivative in rule.derivatives]
    yield f"slopes: [{', '.join(f'(y, {parameters}) => {javascript(formula)}' for formula in derivatives)}]"
    if refusals := refusals_of(key):
        yield refusals


def _refusals(key: str, parameters: str) -> Iterator[tuple[str, str]]:
    """Conditions in JavaScript, and the engine's words for each, which it is made to say."""
    if key == POWER:
        for condition, beyond in _POWER_REFUSES.items():
            yield condition, _refused(key, beyond)[1]
    for index, sign, bound in DOMAINS.get(key, []):
        comparison, distance = _BEYOND[sign]
        numbers = [0.71875] * len(RULES[key].derivatives)
        numbers[index] = bound + distance
        error, words = _refused(key, tuple(numbers))
        exact = f"{'ab'[index]} {comparison} {bound!r}"
        yield (_TOO_LARGE.format(parameters) if error is OverflowError else exact), words


def _refused(key: str, numbers: tuple[float, ...]) -> tuple[type[Exception], str]:
    """The error of an operation for these operands: its class, and its words with names for what differs."""
    try:
        operations.OPERATIONS[key].apply(*(Value(number, f"{{{name}}}") for name, number in zip("ab", numbers)))
    except (ValueError, ArithmeticError) as error:
        words = str(error)
        for name, number in zip("ab", numbers):
            words = words.replace(repr(number), f"{{{name}!r}}")
        return type(error), words
    raise AssertionError(f"{key} refuses nothing at {numbers}")


def functions_of(code: str) -> str:
    """The functions that the code calls, and those that these call, as a part of the same module."""
    source = "\n".join([arithmetic(), special(), _static("numbers.js"), _static("graph.js")])
    of_math = {name for names in _OF_MATH.findall(source) for name in names.split(", ")}
    functions = {found[1] or found[2]: found[0].replace("export ", "", 1) for found in _FUNCTION.finditer(source)}
    in_code = lambda text: _NAME.findall(_NO_CODE.sub("", text))  # noqa: E731 - outside of comments and texts
    used = used_by(code, {**functions, **dict.fromkeys(of_math, "")}, in_code)
    taken = [f"const {{ {', '.join(sorted(used & of_math))} }} = Math;"] if used & of_math else []
    return "\n".join([*taken, *(text for name, text in functions.items() if name in used)])


@cache
def special() -> str:
    """The module ``special.js``: functions that JavaScript has, and those of ``special.c``."""
    functions = "\n".join(text for text in all_helpers().values() if "static double" in text)
    return f"{_static('special.js')}\n{_OF_C.sub(lambda found: _IN_JAVASCRIPT[found[0]], functions)}"


def _static(name: str) -> str:
    return files("engine.stepping").joinpath("static", name).read_text(encoding="utf-8")

"""Functions in JavaScript that a program has in its own file: those of the front end's modules that it uses."""

from __future__ import annotations

import re
from importlib.resources import files

from engine.expressions.javascript import arithmetic
from engine.expressions.used_functions import used_by

_MODULES = ("special.js", "numbers.js", "graph.js")
_OF_MATH = re.compile(r"^export const \{ (.*) \} = Math;$", re.MULTILINE)
_FUNCTION = re.compile(
    r"^(?:/\*\*[^\n]*\*/\n)?(?:export )?(?:const (\w+) = [^\n]*;|function (\w+)\([^\n]*\{\n.*?\n\})$",
    re.MULTILINE | re.DOTALL,
)
_NO_CODE = re.compile(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
_NAME = re.compile(r"(?<![\w.])[A-Za-z]\w*")


def functions_of(code: str) -> str:
    """The functions that the code calls, and those that these call, as a part of the same module.

    >>> print(functions_of("y = relu(exp(x));"))
    const { exp } = Math;
    const relu = (x) => (x <= 0 ? 0 : x);
    """
    static = files("engine.stepping").joinpath("static")
    sources = [arithmetic(), *(static.joinpath(name).read_text(encoding="utf-8") for name in _MODULES)]
    source = "\n".join(sources)
    of_math = {name for names in _OF_MATH.findall(source) for name in names.split(", ")}
    functions = {found[1] or found[2]: found[0].replace("export ", "", 1) for found in _FUNCTION.finditer(source)}
    used = used_by(code, {**functions, **dict.fromkeys(of_math, "")}, _names_in)
    taken = [f"const {{ {', '.join(sorted(used & of_math))} }} = Math;"] if used & of_math else []
    return "\n".join([*taken, *(text for name, text in functions.items() if name in used)])


def _names_in(code: str) -> list[str]:
    """What is called, or read, outside of comments and texts."""
    return _NAME.findall(_NO_CODE.sub("", code))

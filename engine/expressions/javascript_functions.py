"""Functions in JavaScript that a program has in its own file: those of the front end's modules that it uses."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from engine.expressions.c_functions import all_helpers, used_by
from engine.expressions.javascript import arithmetic

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


def functions_of(code: str) -> str:
    """The functions that the code calls, and those that these call, as a part of the same module."""
    source = "\n".join([arithmetic(), special(), _static("numbers.js"), _static("graph.js")])
    of_math = {name for names in _OF_MATH.findall(source) for name in names.split(", ")}
    functions = {found[1] or found[2]: found[0].replace("export ", "", 1) for found in _FUNCTION.finditer(source)}
    used = used_by(code, {**functions, **dict.fromkeys(of_math, "")}, _names_in)
    taken = [f"const {{ {', '.join(sorted(used & of_math))} }} = Math;"] if used & of_math else []
    return "\n".join([*taken, *(text for name, text in functions.items() if name in used)])


@cache
def special() -> str:
    """The module ``special.js``: functions that JavaScript has, and those of ``special.c``."""
    functions = "\n".join(text for text in all_helpers().values() if "static double" in text)
    return f"{_static('special.js')}\n{_OF_C.sub(lambda found: _IN_JAVASCRIPT[found[0]], functions)}"


def _static(name: str) -> str:
    return files("engine.stepping").joinpath("static", name).read_text(encoding="utf-8")


def _names_in(code: str) -> list[str]:
    """What is called, or read, outside of comments and texts."""
    return _NAME.findall(_NO_CODE.sub("", code))

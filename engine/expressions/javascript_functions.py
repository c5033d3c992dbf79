"""Functions in JavaScript that a program has in its own file: those of the front end's modules that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

from engine.expressions.javascript import arithmetic

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
    used, asked = set[str](), [code]
    while asked:
        new = set(_NAME.findall(_NO_CODE.sub("", asked.pop()))) & (of_math | functions.keys()) - used
        used |= new
        asked += [functions[name] for name in new - of_math]
    return "\n".join(_parts(used, sorted(of_math), functions))


def _parts(used: set[str], of_math: list[str], functions: dict[str, str]) -> Iterator[str]:
    if found := [name for name in of_math if name in used]:
        yield f"const {{ {', '.join(found)} }} = Math;"
    yield from (text for name, text in functions.items() if name in used)

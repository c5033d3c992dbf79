"""Text in C: functions, those of ``special.c``, which C has not, and what operations refuse."""

import functools
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import TypeVar

from engine.domains import DOMAINS, POWER, TOO_LARGE

_T = TypeVar("_T")
_LONGEST = 400
"""Statements of a function: compilers take long for those that are longer, and browsers leave them slow."""
_COMPARED = {"==": operator.eq, "<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}
_CONTRARY = {"!=": "==", ">": "<=", ">=": "<", "<": ">=", "<=": ">"}
_PI = "static const double pi = 3.141592653589793;\n"
_CALLED = re.compile(r"\b(?:pi\b|[a-z]\w*(?=\())")
_HELPER = re.compile(r"(?:/\*[^\n]*\n)?static \w+ (\w+)\(.*?\n\}\n", re.DOTALL)


def parts_of(statements: Sequence[_T]) -> list[Sequence[_T]]:
    """The statements in parts, each for a function."""
    return [statements[start : start + _LONGEST] for start in range(0, len(statements), _LONGEST)]


def function(signature: str, body: Iterable[str]) -> str:
    """A function of these lines."""
    return f"{signature}\n{{\n" + "".join(f"    {line}\n" for line in body) + "}\n"


def helpers_of(code: str) -> dict[str, str]:
    """Those functions of ``special.c`` that the code calls, by their names, each after those that it calls."""
    helpers = all_helpers()
    used = used_by(code, helpers, _CALLED.findall)
    return {name: helper for name, helper in helpers.items() if name in used}


@functools.cache
def all_helpers() -> dict[str, str]:
    """All functions of ``special.c``, by their names."""
    source = files("engine.expressions").joinpath("special.c").read_text(encoding="utf-8")
    return {found[1]: found[0] for found in _HELPER.finditer(source)} | {"pi": _PI}


def with_helpers(code: str) -> str:
    """The code, after those functions of ``special.c`` that it calls, with ``PREFIX_`` before all their names."""
    used = helpers_of(code)
    text = "".join(f"{helper}\n" for helper in used.values()) + code
    return _CALLED.sub(lambda found: f"PREFIX_{found[0]}" if found[0] in used else found[0], text)


def used_by(code: str, functions: Mapping[str, str], names_in: Callable[[str], Iterable[str]]) -> set[str]:
    """The names of those *functions*, texts by name, that the code calls, and of those that these call.

    *names_in* finds what a text may call.
    """
    used, asked = set[str](), [code]
    while asked:
        new = (functions.keys() & names_in(asked.pop())) - used
        used |= new
        asked += [functions[name] for name in new]
    return used


def refusals(key: str, y: str, operands: Sequence[str], constants: Sequence[float | None]) -> Iterator[str]:
    """Where an operation refuses its operands, its result being *y*; of *constants* it is known already."""
    if key == POWER:
        yield f"power_refuses({y}, {', '.join(operands)})"
    elif key in TOO_LARGE:
        yield f"isinf({y}) && isfinite({operands[0]})"
    else:
        for index, sign, bound in DOMAINS.get(key, ()):
            number = constants[index]
            if number is None or _COMPARED[_CONTRARY[sign]](number, bound):
                yield f"{operands[index]} {_CONTRARY[sign]} {bound!r}"


def domain(key: str) -> str:
    """What an operation needs, in words; nothing where it takes all numbers."""
    if key == POWER:
        return "a to the power b must be real, and not too large for a double"
    if key in TOO_LARGE:
        return f"{key}(a) must not be too large for a double"
    bounds = DOMAINS.get(key, ())
    needs = " and ".join(f"{'ab'[index]} {sign} {bound!r}" for index, sign, bound in bounds)
    return f"{'a divided by b' if key == '/' else f'{key}(a)'} needs {needs}" if needs else ""

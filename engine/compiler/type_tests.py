"""Does a function tell a Value from the plain number in whose place it is recorded? Read from its code."""

from __future__ import annotations

import builtins
import dis
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from engine.value import Value

_ASKS = {"isinstance", "issubclass", "type", "__class__"}
_CATCHES = {"TypeError", "AttributeError", "Exception", "BaseException"}
_OF_NUMBERS_ALONE = {name for name in dir(float) if not hasattr(Value, name)} | {"__name__", "isscalar"}
HANDLES_ERRORS = dis.opmap["PUSH_EXC_INFO"]
"""The instruction that begins an except, a finally, or the end of a with."""


def tells_numbers_apart(code: CodeType, variables: Mapping[str, Any]) -> bool:
    """Whether a function may do something else for a float or an int than for a Value.

    It may if it asks for types and names one of numbers, such as ``float``; asks for an attribute that only numbers
    have; or catches the error of an operation that only numbers have, such as ``%``. A test for ``Value`` is taken to
    make Values of numbers.
    """
    names, operations = {*code.co_names}, code.co_code[::2]
    if HANDLES_ERRORS in operations and names & _CATCHES:
        return True
    words = names | {constant for constant in code.co_consts if isinstance(constant, str)}
    asks = bool(names & _ASKS) or dis.opmap["MATCH_CLASS"] in operations
    if words & _OF_NUMBERS_ALONE and (asks or words & _OF_NUMBERS_ALONE != {"__name__"}):
        return True
    named = list(_named(code, variables))
    dispatched = [kind for thing in named if isinstance(thing, FunctionType) for kind in getattr(thing, "registry", ())]
    return any(map(_is_of_numbers, named * asks + dispatched))


def _named(code: CodeType, variables: Mapping[str, Any]) -> Iterator[Any]:
    """What the names in a function mean, with those of modules, such as ``numbers.Real``."""
    for name in (*code.co_names, *code.co_freevars):
        thing = variables.get(name, getattr(builtins, name, None))
        yield thing
        if isinstance(thing, ModuleType):
            yield from (getattr(thing, name, None) for name in code.co_names)


def _is_of_numbers(kind: Any) -> bool:
    """Whether it is a type of numbers, or several, that Values are not."""
    try:
        return (isinstance(0.0, kind) or isinstance(0, kind)) and not issubclass(Value, kind)
    except Exception:  # it is no type
        return False

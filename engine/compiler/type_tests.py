"""Does a function tell a Value from the plain number in whose place it is recorded? Read from its code."""

import builtins
import dis
import sys
from collections.abc import Iterator, Mapping
from functools import singledispatchmethod
from types import CodeType, FunctionType
from typing import Any

from engine.value import Value

_ASKS = {"isinstance", "issubclass", "type", "__class__"}
_ASKING = (isinstance, issubclass, type)
_OF_NUMBERS_ALONE = {name for name in dir(float) if not hasattr(Value, name)} | {"__name__", "isscalar", "dtype"}
_OF_NUMBERS_ALONE |= {"tobytes", "__sizeof__", "__dir__"}
_SIGNS = ("lt", "le", "eq", "ne", "ge", "gt", "add", "sub", "mul", "truediv", "pow")
_OF_NUMBERS_ALONE |= {f"__{before}{sign}__" for sign in _SIGNS for before in ("", "r")}  # (1.0).__lt__ knows no Value
"""Names in a function that mean something else for numbers or their arrays than for Values."""
_TELLING = (dir, sys.getsizeof)
"""Functions whose result is another for a number than for a Value."""
_HANDLES_ERRORS = dis.opmap["PUSH_EXC_INFO"]
_FEW = 100  # in a table of types
_CATCHES_ALL = bytes([_HANDLES_ERRORS, 0, dis.opmap["POP_TOP"], 0])  # an except with no type


def handles_errors(code: CodeType) -> bool:
    """Whether a function has an except, a finally or a with."""
    return _HANDLES_ERRORS in code.co_code[::2]


def tells_numbers_apart(code: CodeType, variables: Mapping[str, Any]) -> bool:
    """Whether a function may do something else for a float or an int than for a Value.

    It may if it asks for types and names one of numbers, such as ``float``; asks for an attribute that only numbers
    or their arrays have, for bytes or for a size in memory; calls a method such as ``__lt__`` by its name; or catches
    the error of an operation that only numbers have, such as ``%``. A test for ``Value`` is taken to make Values of
    numbers.
    """
    names, operations, named = {*code.co_names}, code.co_code[::2], list(_named(code, variables))
    if handles_errors(code) and any(_is_of(kind, TypeError(), AttributeError()) for kind in named):
        return True
    if any(thing is each for thing in named for each in _TELLING):
        return True
    words = names | {constant for constant in code.co_consts if isinstance(constant, str)}
    asks = dis.opmap["MATCH_CLASS"] in operations or _asks(code, named)
    alone = words & _OF_NUMBERS_ALONE
    if alone and (asks or alone != {"__name__"}):  # functions and classes have a __name__
        return True
    chosen = [thing.dispatcher if isinstance(thing, singledispatchmethod) else thing for thing in named]
    dispatched = [
        kind for thing in chosen if isinstance(thing, FunctionType) for kind in getattr(thing, "registry", ())
    ]
    return _CATCHES_ALL in code.co_code or any(_is_of(kind, 0.0, 0) for kind in named * asks + dispatched)


def _asks(code: CodeType, named: list[Any]) -> bool:
    """Whether it asks for other types than ``type(self)``, as messages of errors do."""
    if not {*code.co_names} & _ASKS:
        return any(thing is each for thing in named for each in _ASKING)  # by another name
    if {*code.co_names} & _ASKS != {"type"}:
        return True
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("PRECALL", "PUSH_NULL")]
    following = zip(steps, steps[1:], steps[2:])
    asked = {(of.argval, call.opname, call.arg) for name, of, call in following if name.argval == "type"}
    return asked != {("self", "CALL", 1)}


def _named(code: CodeType, variables: Mapping[str, Any]) -> Iterator[Any]:
    """What the names in a function mean, with attributes, such as ``numbers.Real``, and what is in small tables."""
    for name in (*code.co_names, *code.co_freevars, *code.co_varnames):
        thing = variables.get(name, getattr(builtins, name, None))
        kinds = () if type(thing).__module__ in ("builtins", Value.__module__) else type(thing).__mro__
        tables = [vars(holder) for holder in (thing, *kinds) if hasattr(holder, "__dict__")]
        for each in (thing, *(table[name] for table in tables for name in code.co_names if name in table)):
            yield each
            if isinstance(each, (dict, set, frozenset, list)) and len(each) < _FEW:
                yield from (*each, *each.values()) if isinstance(each, dict) else each


def _is_of(kind: Any, *things: object) -> bool:
    """Whether it is the type of one of these things, or several types with that, and not of Values."""
    try:
        return any(isinstance(thing, kind) for thing in things) and not issubclass(Value, kind)
    except Exception:  # it is no type
        return False

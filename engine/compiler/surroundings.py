"""What a function can reach besides its arguments: a look at it before and after a call tells what the call changed.

A graph is recorded once, so a counter, a list that grows or a random generator that goes on would stand still in a
program. Values count by their kind alone, for their numbers are parameters. The look is bounded: it goes through
containers, attributes and what functions enclose, and through a long list of numbers by its length only.
"""

from __future__ import annotations

import functools
import itertools
import operator
import random
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import BuiltinFunctionType, CodeType, FunctionType, GeneratorType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from engine.callers import is_library
from engine.compiler.recorder import Call
from engine.value import Value

_PLAIN = (int, float, complex, str, bytes, type(None))
_MOST, _MOST_ITEMS, _MOST_BYTES = 20_000, 1_000, 1 << 20
Look = dict[str, tuple[object, object]]
"""For each name what there is, and of Values which ones."""
Part = tuple[str, Any]


class Surroundings:
    """Everything that some functions and objects can reach."""

    def __init__(self, *roots: Any) -> None:
        self._roots: list[Part] = [(_title(root), root) for root in roots]
        self._code: dict[CodeType, dict[str, Any]] = {}
        for root in roots:
            function = getattr(root, "__func__", root)
            if isinstance(function, FunctionType):
                self._code[function.__code__] = function.__globals__

    def add(self, calls: Mapping[CodeType, Call]) -> None:
        """Look from now on also at what these calls found."""
        for code, call in calls.items():
            self._code[code] = call.globals
            self._roots += [part for part in call.locals.items() if not _is_passing(part[1])]

    def look(self) -> Look:
        """A note of everything there: its kind, and its number or text where it is plain."""
        found: Look = {}
        seen: set[int] = set()
        waiting = deque([*self._named(), *self._roots])
        while waiting and len(found) < _MOST:
            name, thing = waiting.popleft()
            if isinstance(thing, _PLAIN) or id(thing) not in seen:
                seen.add(id(thing))
                while name in found:
                    name += "'"
                note, parts = _noted(thing)
                found[name] = note, _which(thing)
                waiting.extend((name + suffix, part) for suffix, part in parts)
        return found

    def _named(self) -> Iterator[Part]:
        """The globals that the functions name, and the attributes that they name of modules."""
        for code, variables in self._code.items():
            for name in code.co_names:
                thing = variables.get(name)
                if isinstance(thing, ModuleType):
                    if not is_library(thing.__name__):
                        yield from ((f"{name}.{part}", getattr(thing, part, None)) for part in code.co_names)
                elif name in variables:
                    yield name, thing
            if "random" in code.co_names:
                yield "the state of numpy.random", getattr(np.random.get_state, "__self__", None)


def changed(before: Look, after: Look, other_values: bool = False) -> str:
    """The name of the first thing that two looks tell apart; "" if there is none.

    Other Values in the place of Values are told apart only if *other_values* is set.
    """
    for name in after:
        if name not in before or before[name][0] != after[name][0]:
            return name
        if other_values and before[name][1] != after[name][1]:
            return name
    return next((name for name in before if name not in after), "")


def _is_passing(argument: Any) -> bool:
    """Whether an argument is part of the graph, or cannot change."""
    return isinstance(argument, (*_PLAIN, Value)) or (
        isinstance(argument, (list, tuple)) and bool(argument) and isinstance(argument[0], Value)
    )


def _which(thing: Any) -> object:
    """What tells a Value, or a list of Values, from another one."""
    if isinstance(thing, Value):
        return id(thing)
    return (
        hash(tuple(map(id, thing))) if isinstance(thing, (list, tuple)) and set(map(type, thing)) == {Value} else None
    )


def _title(root: Any) -> str:
    return str(getattr(root, "__qualname__", type(root).__name__)).rpartition(".")[2]


Parts = list[Part]
Noted = tuple[object, Parts]


def _noted(thing: Any) -> Noted:
    """What a look keeps of a thing, and what there is to look at inside."""
    if isinstance(thing, Value):
        return Value, []
    if isinstance(thing, _PLAIN):
        return (type(thing), repr(thing) if isinstance(thing, (float, complex)) else thing), []
    for kind, note in _NOTES.items():
        if isinstance(thing, kind):
            return note(thing)
    if isinstance(thing, type):
        own = {} if is_library(thing.__module__) else vars(thing)
        return thing, [(f".{name}", item) for name, item in own.items() if not _is_special(name)]
    return _of_object(thing)


def _of_list(thing: Any) -> Noted:
    kinds = set(map(type, thing))
    if kinds == {Value} or len(thing) > _MOST_ITEMS:
        return (type(thing), len(thing)), []
    if isinstance(thing, (set, frozenset)):
        return (type(thing), len(thing), frozenset(item for item in thing if isinstance(item, _PLAIN))), []
    return (type(thing), len(thing)), [(f"[{index}]", item) for index, item in enumerate(thing)]


def _of_dict(thing: Any) -> Noted:
    if len(thing) > _MOST_ITEMS:
        return (type(thing), len(thing)), []
    names = [repr(key) if isinstance(key, _PLAIN) else str(index) for index, key in enumerate(thing)]
    return (type(thing), len(thing)), [(f"[{name}]", item) for name, item in zip(names, thing.values())]


def _of_array(thing: Any) -> Noted:
    if thing.dtype.kind == "O":
        return _of_list(thing.ravel().tolist())
    return (thing.shape, hash(thing.tobytes()) if thing.nbytes <= _MOST_BYTES else None), []


def _of_function(thing: Any) -> Noted:
    cells = zip(thing.__code__.co_freevars, thing.__closure__ or ())
    enclosed = [(f": {name}", cell.cell_contents) for name, cell in cells if _is_full(cell)]
    defaults = [(": default", item) for item in [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]]
    return thing.__code__, [*enclosed, *defaults, *((f".{name}", item) for name, item in vars(thing).items())]


def _of_generator(frame: Any) -> Noted:
    return (frame.f_lasti, [(f": {name}", item) for name, item in frame.f_locals.items()]) if frame else (None, [])


def _of_object(thing: Any) -> Noted:
    kind = type(thing)
    if isinstance(thing, Iterator) and is_library(kind.__module__):
        return (kind, operator.length_hint(thing, -1)), _inside(thing)
    if is_library(kind.__module__) or hasattr(kind, "__array__"):
        numbers = _numbers(thing)
        if numbers is not None:
            return _of_array(numbers)
    ours = kind.__module__.startswith(("nn.", "engine."))
    if is_library(kind.__module__) and not ours and kind is not SimpleNamespace:
        return kind, []
    slots = [name for each in kind.__mro__ for name in _listed(vars(each).get("__slots__", ()))]
    own = {name: getattr(thing, name) for name in slots if name != "__dict__" and hasattr(thing, name)}
    own.update(getattr(thing, "__dict__", {}))
    return kind, [(".__class__", kind), *((f".{name}", item) for name, item in own.items())]


def _inside(iterator: Any) -> Parts:
    """What an iterator of Python goes on with, as it would be pickled; nothing where it cannot be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.14 pickles no iterators of itertools
        try:
            return [(f"[{index}]", part) for index, part in enumerate(iterator.__reduce__()[1:])]
        except TypeError:
            return []


def _numbers(thing: Any) -> Any:
    """The numbers of something that shows them as an array or as memory, such as a Series; None where it does not."""
    try:
        return np.asarray(thing if hasattr(thing, "__array__") else memoryview(thing))
    except Exception:  # whatever a stranger's object raises where it has no numbers to show
        return None


_NOTES: dict[Any, Callable[[Any], Noted]] = {
    (list, tuple, deque, set, frozenset): _of_list,
    dict: _of_dict,
    np.generic: lambda thing: (repr(thing), []),
    np.ndarray: _of_array,
    FunctionType: _of_function,
    MethodType: lambda thing: (MethodType, [("", thing.__self__), ("", thing.__func__)]),
    BuiltinFunctionType: lambda thing: (thing.__name__, [(".__self__", thing.__self__)]),
    functools.partial: lambda thing: (
        functools.partial,
        [(".func", thing.func), (".args", thing.args), (".keywords", thing.keywords)],
    ),
    random.SystemRandom: lambda thing: (random.SystemRandom, []),
    random.Random: lambda thing: (hash(thing.getstate()), []),
    np.random.BitGenerator: lambda thing: (repr(thing.state), []),
    np.random.Generator: lambda thing: (repr(thing.bit_generator.state), []),
    np.random.RandomState: lambda thing: (str(thing.get_state()), []),
    itertools.count: lambda thing: (repr(thing), []),
    GeneratorType: lambda thing: _of_generator(thing.gi_frame),
    ModuleType: lambda thing: (thing.__name__, []),
}


def _is_full(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # not assigned yet
        return False


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _listed(slots: Any) -> list[str]:
    return [slots] if isinstance(slots, str) else list(slots)

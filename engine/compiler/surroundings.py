"""What a function can reach besides its arguments: a look at it before and after a call tells what the call changed.

A graph is recorded once, so a counter, a list that grows or a random generator that goes on would stand still in it.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import operator
import random
import warnings
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GeneratorType,
    MappingProxyType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any, TypeAlias

from engine.callers import is_library
from engine.compiler.recorder import Found
from engine.value import Value

try:
    import numpy as np
except ModuleNotFoundError:  # in a browser; then no function has arrays either
    np = None  # type: ignore[assignment]

_PLAIN = (int, float, complex, str, bytes, type(None))
_MOST, _MOST_ITEMS, _MOST_NUMBERS = 20_000, 1_000, 1 << 24
Look: TypeAlias = dict[str, tuple[object, object]]
"""For each name what there is, and of Values which ones."""
Part: TypeAlias = tuple[str, Any]
Noted: TypeAlias = tuple[object, list[Part]]
"""What a look keeps of a thing, and what there is to look at inside."""


class Surroundings:
    """Everything that some functions and objects can reach.

    The look goes through containers, attributes and what functions enclose. It is bounded: of a container of more than
    1,000 things only plain ones count, of more than 2**24 numbers their count. Values count by their kind alone, for
    their numbers are parameters.
    """

    def __init__(self, *roots: Any) -> None:
        titles = [getattr(root, "__qualname__", type(root).__name__) for root in roots]
        self._roots: list[Part] = [(str(title).rpartition(".")[2], root) for title, root in zip(titles, roots)]
        functions = [getattr(root, "__func__", root) for root in roots]
        self._code = {each.__code__: each.__globals__ for each in functions if isinstance(each, FunctionType)}

    def add(self, calls: Mapping[CodeType, Found]) -> None:
        """Look from now on also at what these calls found: globals, and arguments that may change."""
        for code, (variables, arguments) in calls.items():
            self._code[code] = variables
            self._roots += [part for part in arguments.items() if not _is_passing(part[1])]

    def look(self) -> Look:
        """A note of everything there: its kind, and its number or text where it is plain."""
        found: Look = {}
        seen: dict[int, Any] = {}  # held, so that nothing new gets the same id
        waiting = deque([*self._named(), *self._roots])
        while waiting and len(found) < _MOST:
            name, thing = waiting.popleft()
            if isinstance(thing, _PLAIN) or id(thing) not in seen:
                seen[id(thing)] = thing
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
            if np is not None and "random" in code.co_names:
                yield "the state of numpy.random", getattr(np.random.get_state, "__self__", None)


def changed(before: Look, after: Look, other_values: bool = False) -> str:
    """The name of the first thing that two looks tell apart; "" if there is none.

    Other Values in the place of Values are told apart only if *other_values* is set.
    """
    for name, (note, which) in after.items():
        if name not in before or before[name][0] != note or (other_values and before[name][1] != which):
            return name
    return next((name for name in before if name not in after), "")


def _is_passing(argument: Any) -> bool:
    """Whether an argument is part of the graph, or cannot change."""
    if isinstance(argument, (list, tuple)) and argument:
        return isinstance(argument[0], Value)
    return isinstance(argument, (*_PLAIN, Value))


def _which(thing: Any) -> object:
    """What tells a Value, or a list of Values, from another one."""
    is_list = isinstance(thing, (list, tuple)) and set(map(type, thing)) == {Value}
    return hash(tuple(map(id, thing))) if is_list else id(thing) if isinstance(thing, Value) else None


def _noted(thing: Any) -> Noted:
    if isinstance(thing, Value):
        return Value, []
    if isinstance(thing, _PLAIN):
        return (type(thing), repr(thing) if isinstance(thing, (float, complex)) else thing), []
    for kind, note in _NOTES.items():
        if isinstance(thing, kind):
            return note(thing)
    return _of_object(thing)


def _of_list(thing: Any) -> Noted:
    note, kinds = (type(thing), len(thing)), set(map(type, thing))
    own = [(f".{name}", item) for name, item in getattr(thing, "__dict__", {}).items()]
    if kinds == {Value}:
        return note, own
    if isinstance(thing, (set, frozenset)) or len(thing) > _MOST_ITEMS:
        return (*note, _of_plain(thing)), own
    return note, [*own, *((f"[{index}]", item) for index, item in enumerate(thing))]


def _of_plain(things: Any) -> object:
    """The plain ones of many things, in their order where they have one."""
    if len(things) > _MOST_NUMBERS:
        return None
    plain = [repr(item) if isinstance(item, (float, complex)) else item for item in things if isinstance(item, _PLAIN)]
    return frozenset(plain) if isinstance(things, (set, frozenset)) else hash(tuple(plain))


def _of_dict(thing: Any) -> Noted:
    note = type(thing), len(thing)
    if len(thing) > _MOST_ITEMS:
        return (*note, _of_plain(list(thing.values()))), []
    items = enumerate(thing.items())
    return note, [(f"[{key!r}]" if isinstance(key, _PLAIN) else f"[{index}]", item) for index, (key, item) in items]


def _of_array(thing: Any) -> Noted:
    if not isinstance(thing, memoryview) and thing.dtype.kind == "O":
        return _of_list(thing.ravel().tolist())
    return (thing.shape, hash(thing.tobytes()) if thing.nbytes <= thing.itemsize * _MOST_NUMBERS else None), []


def _of_function(thing: Any) -> Noted:
    parts = [(": default", item) for item in [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]]
    for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or ()):
        try:
            parts.append((f": {name}", cell.cell_contents))
        except ValueError:  # not assigned yet
            continue
    return thing.__code__, parts + [(f".{name}", item) for name, item in vars(thing).items()]


def _of_generator(thing: Any) -> Noted:
    frame = thing.gi_frame
    return (frame.f_lasti, [(f": {name}", item) for name, item in frame.f_locals.items()]) if frame else (None, [])


def _of_type(thing: Any) -> Noted:
    own = {} if is_library(thing.__module__) else vars(thing)
    parts = [(f".{name}", item) for name, item in own.items() if not (name[:2] == name[-2:] == "__")]
    return thing, [*parts, *((".__base__", base) for base in (*thing.__bases__, type(thing)) if base is not type)]


def _reduced(thing: Any) -> Noted:
    """What something of a library consists of, as it would be pickled; its kind alone where it cannot be."""
    kind = type(thing), operator.length_hint(thing, -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 3.14 pickles no iterators of itertools
        try:
            return kind, [(f"[{index}]", part) for index, part in enumerate(thing.__reduce__()[1:])]
        except TypeError:
            return kind, []


def _of_object(thing: Any) -> Noted:
    kind = type(thing)
    of_library = is_library(kind.__module__)
    if of_library and isinstance(thing, Iterator):
        return _reduced(thing)
    if of_library or hasattr(kind, "__array__"):
        try:  # numbers that are shown as an array or as memory, such as a Series
            return _of_array(np.asarray(thing) if hasattr(thing, "__array__") else memoryview(thing))
        except Exception:  # a stranger's object may raise anything where it has no numbers to show
            if of_library and kind is not SimpleNamespace and not kind.__module__.startswith(("nn.", "engine.")):
                return kind, []
    slots = (name for each in kind.__mro__ for name, slot in vars(each).items() if inspect.ismemberdescriptor(slot))
    own = {name: getattr(thing, name) for name in slots if hasattr(thing, name)} | getattr(thing, "__dict__", {})
    return kind, [(".__class__", kind), *((f".{name}", item) for name, item in own.items())]


_NOTES: dict[Any, Callable[[Any], Noted]] = {
    (list, tuple, deque, set, frozenset, UserList): _of_list,
    (dict, UserDict, ChainMap, MappingProxyType): _of_dict,
    (KeysView, ValuesView, ItemsView): lambda thing: _of_list(list(thing)),
    (staticmethod, classmethod): lambda thing: (type(thing), [("", thing.__func__)]),
    property: lambda thing: (property, [(".fget", thing.fget)]),
    FunctionType: _of_function,
    GeneratorType: _of_generator,
    type: _of_type,
    MethodType: lambda thing: (MethodType, [("", thing.__self__), ("", thing.__func__)]),
    BuiltinFunctionType: lambda thing: (thing.__name__, [(".__self__", thing.__self__)]),
    ModuleType: lambda thing: (thing.__name__, []),
    random.SystemRandom: lambda thing: (random.SystemRandom, []),
    random.Random: lambda thing: (hash(thing.getstate()), []),
    itertools.count: lambda thing: (repr(thing), []),
    functools.partial: _reduced,
}
if np is not None:
    _NOTES |= {
        np.generic: lambda thing: (repr(thing), []),
        np.ndarray: _of_array,
        (np.random.BitGenerator, np.random.Generator, np.random.RandomState): _reduced,
    }

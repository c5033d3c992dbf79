"""What a function can reach besides its arguments: a look at it before and after a call tells what the call changed.

A graph is recorded once, so a counter, a list that grows or a random generator that goes on would stand still in it.
"""

import builtins
import contextvars
import gc
import io
import itertools
import logging
import operator
import os
import random
import re
import struct
import sys
import threading
import types
import warnings
import weakref
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import (
    Callable,
    Collection,
    Container,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    ValuesView,
)
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeAlias

from engine.callers import is_library
from engine.compiler.recorder import Found, Function
from engine.operations import PLAIN
from engine.value import Value

try:
    import numpy as np
except ModuleNotFoundError:  # in a browser; then no function has arrays either
    np = None  # type: ignore[assignment]

_PLAIN = (int, float, complex, str, bytes, type(None))
_PLAIN_TYPES = {*_PLAIN, bool}
_MOST, _MOST_ITEMS, _MOST_NUMBERS = 20_000, 1_000, 1 << 24
_OF_ALL_LOGGERS = {"parent", "manager", "handlers", "filters", "_cache"}
"""Attributes by which a logger leads to all others, and to their files: no result depends on them."""
UNSEEN = "what no look sees"
"""The name in a look for something that could not be seen, and so may change at any time."""
_OF_GLOBALS = {"globals", "vars", "eval", "exec", "__globals__", "f_globals"}
"""Names in a function that lead to any global; plain ones count."""
_BY_OTHER_NAMES = {*_OF_GLOBALS, "__import__", "import_module", "environ", "getenv", "open", "__subclasses__"}
_BY_OTHER_NAMES |= {"f_locals", "f_back", "get_objects", "get_referrers", "getmodule", "resolve_name"}
_BY_OTHER_NAMES |= {"modules", "Thread", "Timer", "start_new_thread", "ThreadPool", "ThreadPoolExecutor"}
_BY_OTHER_NAMES |= {"submit", "to_thread", "run_in_executor"}
"""Names in a function that lead to things which it does not name, or to calls that are not followed."""
_OF_ANY_NAME = {"getattr", "attrgetter", "methodcaller", "__getattribute__", "__dict__", "format", "getattr_static"}
"""Names in a function that may read an attribute which it does not name."""
_READERS = (operator.attrgetter, operator.methodcaller)
_CALLED = (types.BuiltinFunctionType, types.FunctionType, types.MethodWrapperType, types.WrapperDescriptorType)
Look: TypeAlias = dict[str, tuple[object, object]]
"""For each name what there is, and of Values and objects which ones."""
Part: TypeAlias = tuple[str, Any]
Noted: TypeAlias = tuple[object, list[Part]]
"""What a look keeps of a thing, and what there is to look at inside."""
_HIDDEN: Part = UNSEEN, object()


class Surroundings:
    """Everything that some functions and objects can reach.

    The look goes through containers, attributes and what functions enclose. It is bounded: of a container of more than
    1,000 things only plain ones count, of more than 2**24 numbers their count. What that leaves out, and the state of
    objects in C that do not show it, is noted as ``UNSEEN``. Of a module's attributes those count that a function
    names, or all where one may read them by other names. The numbers of leaves do not count: they are parameters.
    """

    def __init__(self, *roots: Any) -> None:
        titles = [getattr(root, "__qualname__", type(root).__name__) for root in roots]
        self._roots: list[Part] = [(str(title).rpartition(".")[2], root) for title, root in zip(titles, roots)]
        functions = [getattr(root, "__func__", root) for root in roots]
        users = [each for each in functions if isinstance(each, types.FunctionType)]
        self._code = {(each.__code__, id(each.__globals__)): each.__globals__ for each in users}
        self._reads_any_name = False

    def add(self, calls: Mapping[Function, Found]) -> None:
        """Look from now on also at what these calls found: globals, and arguments that may change, each once."""
        known = {id(thing) for _, thing in self._roots}
        for function, (variables, arguments) in calls.items():
            self._code[function] = variables
            for name, thing in arguments.items():
                if name != ".0" and not _is_passing(thing) and id(thing) not in known:  # .0 iterates a comprehension
                    known.add(id(thing))
                    self._roots.append((name, thing))

    def knows(self, calls: Mapping[Function, Found]) -> bool:
        """Whether all of these functions were met before."""
        return calls.keys() <= self._code.keys()

    def look(self) -> Look:
        """A note of everything there: its kind, and its number or text where it is plain."""
        return self._look()[0]

    def models(self) -> Iterator[list[Value]]:
        """What ``parameters()`` gives of each object there that has such a method; outer objects come first."""
        for thing in self._look()[1]:
            if not issubclass(type(thing), type) and callable(getattr(type(thing), "parameters", None)):
                with suppress(Exception):  # a foreign object may raise any
                    parameters = list(thing.parameters())
                    if {*map(type, parameters)} == {Value}:
                        yield parameters

    def _look(self) -> tuple[Look, Iterable[Any]]:
        """A look, and all things that it met."""
        found: Look = {}
        named = {name for code, _ in self._code for name in code.co_names}
        names = None if self._reads_any_name or named & _OF_ANY_NAME else named
        seen: dict[int, tuple[int, Any]] = {}  # held, so that nothing new gets the same id
        again: list[int] = []
        waiting = deque([*self._named(), *self._roots])
        while waiting and len(found) < _MOST:
            name, thing = waiting.popleft()
            if thing is _HIDDEN[1]:
                found[UNSEEN] = None, None
            elif type(thing) is Surroundings:  # of a compiled function that is called here
                if not thing._code.keys() <= self._code.keys():
                    self._code = self._code | thing._code  # not in place: other threads may be looking
                    return self._look()
                waiting.extend((f"{name}: {root}", part) for root, part in thing._roots)
            elif names is not None and _reads_any_name(thing):
                self._reads_any_name = True
                return self._look()
            elif type(thing) in _PLAIN_TYPES or id(thing) not in seen:
                seen[id(thing)] = len(seen), thing
                while name in found:
                    name += "'"
                note, parts = _noted(thing, names)
                found[name] = note, _which(thing)
                waiting.extend((name + suffix, part) for suffix, part in parts)
            else:
                again.append(seen[id(thing)][0])
        if waiting:
            found[UNSEEN] = None, None
        found["things met again"] = None, hash(tuple(again))
        return found, [thing for _, thing in seen.values()]

    def _named(self) -> Iterator[Part]:
        for (code, _), variables in self._code.items():
            for name in code.co_names:
                if name in _BY_OTHER_NAMES:
                    yield _HIDDEN
                if name in _OF_GLOBALS:
                    yield name, {key: item for key, item in variables.items() if type(item) in _PLAIN_TYPES}
                if name in ("environ", "getenv"):
                    yield name, os.environ
                if name in variables:
                    yield name, variables[name]
                elif hasattr(builtins, name):
                    yield name, getattr(builtins, name)
                for module in _modules_named(name, str(variables.get("__package__") or "")):
                    if module in sys.modules:  # the function may import it
                        yield name, sys.modules[module]
            if np is not None and "random" in code.co_names:
                yield "the state of numpy.random", getattr(np.random.get_state, "__self__", None)


def _modules_named(name: str, package: str) -> Iterator[str]:
    """The modules that an import of this name may mean in a package; "" is the package itself, and those around it."""
    yield name
    while package:
        yield f"{package}.{name}".rstrip(".")
        package = package.rpartition(".")[0]


def _reads_any_name(thing: Any) -> bool:
    """Whether a function by another name, such as ``read = getattr``, may read an attribute that nothing names."""
    return type(thing) in _READERS or (type(thing) in _CALLED and thing.__name__ in _OF_ANY_NAME)


def changed(before: Look, after: Look) -> str:
    """The name of the first thing that two looks tell apart; "" if there is none."""
    for name, (note, _) in after.items():
        if name not in before or before[name][0] != note:
            return name
    return next((name for name in before if name not in after), "")


def may_have_changed(before: Look, after: Look) -> bool:
    """Whether two looks are not the same, to the Values that are there, or do not see all."""
    return UNSEEN in after or before != after


def _is_passing(argument: Any) -> bool:
    """Whether an argument is part of the graph, or cannot change."""
    if issubclass(type(argument), (list, tuple)) and argument:
        return type(argument[0]) is Value
    return type(argument) in {*_PLAIN_TYPES, Value}


def _which(thing: Any) -> object:
    """What tells a Value, a list of Values, or an object of a class, from another one that looks the same."""
    if issubclass(type(thing), (list, tuple)) and set(map(type, thing)) == {Value}:
        return hash(tuple(map(id, thing)))
    is_one = type(thing) in (Value, types.FunctionType) or _is_of_python(type(thing))
    return id(thing) if is_one else None


def _noted(thing: Any, names: Container[str] | None) -> Noted:
    """A note and the parts of anything, of modules those with *names*, or all.

    A foreign object may raise any error where it is looked at.
    """
    if type(thing) is float or type(thing) is complex:
        return (type(thing), repr(thing)), []
    if type(thing) in _PLAIN_TYPES:
        return (type(thing), thing), []
    try:
        if isinstance(thing, Value):
            number = thing._number.hex() if thing.operation is PLAIN else ""
            return (Value, thing.label, number), _attributes(thing._attributes or {})
        if issubclass(type(thing), types.ModuleType):
            own = {} if is_library(thing.__name__) else vars(thing)
            own = {name: item for name, item in own.items() if (name[:2] != "__" if names is None else name in names)}
            return thing.__name__, [
                *(_members(thing, in_c=False) if _is_of_python(type(thing)) else []),
                *_attributes(own),
            ]
        keeps_caches = hasattr(type(thing), "iloc") or hasattr(type(thing), "get_indexer")  # a frame of pandas, or part
        own = {} if isinstance(thing, type) or keeps_caches else getattr(thing, "__dict__", {})
        if isinstance(thing, logging.Logger):
            own = {name: item for name, item in own.items() if name not in _OF_ALL_LOGGERS}
        noting = _NOTES_BY_TYPE.get(type(thing))  # most, and quicker
        members: list[Part] = []
        if noting is None:
            noting = next((note for kind, note in _NOTES.items() if isinstance(thing, kind)), _of_object)
            if noting is _of_object or _is_of_python(type(thing)):
                members = _members(thing, in_c=noting is _of_object)
        note, parts = noting(thing)
        return note, [*members, *parts, *_attributes(own)]
    except Exception:
        return type(thing), [_HIDDEN]


def _attributes(own: Mapping[str, Any]) -> list[Part]:
    return [(f".{name}", item) for name, item in own.items()]


def _of_list(thing: Any) -> Noted:
    note = type(thing), len(thing)
    if set(map(type, thing)) == {Value}:  # for _which, in a list
        is_list = isinstance(thing, (list, tuple))
        if not is_list:
            return note, [("", list(thing))]
        return note, [("", value) for value in thing if value._attributes or value.operation is PLAIN]
    if isinstance(thing, (set, frozenset)):
        plain = [repr(item) for item in thing if isinstance(item, _PLAIN)]  # equal sets may differ in their order
        return (*note, plain), [
            (f"[{index}]", item) for index, item in enumerate(thing) if not isinstance(item, _PLAIN)
        ]
    if len(thing) > _MOST_ITEMS:
        return _of_many(note, thing)
    return note, [(f"[{index}]", item) for index, item in enumerate(thing)]


def _of_many(note: object, things: Collection[Any]) -> Noted:
    """The plain ones of many things, in their order."""
    plain = [repr(item) for item in things if isinstance(item, _PLAIN)] if len(things) <= _MOST_NUMBERS else []
    return (note, hash(tuple(plain))), [_HIDDEN] if len(plain) < len(things) else []


def _of_dict(thing: Any) -> Noted:
    note, items = (type(thing), len(thing)), list(thing.items())
    if len(items) > _MOST_ITEMS:
        return _of_many(note, [part for item in items for part in item])
    parts: list[Part] = []
    for index, (key, item) in enumerate(items):
        is_plain = isinstance(key, _PLAIN)
        parts += [(f"[{key!r}]", item)] if is_plain else [(f": key {index}", key), (f"[{index}]", item)]
    return (*note, [key for key, _ in items if isinstance(key, _PLAIN)]), parts


def _of_array(thing: Any) -> Noted:
    if not isinstance(thing, memoryview) and thing.dtype.kind == "O":
        return thing.shape, [("", thing.ravel().tolist())]
    is_small = thing.nbytes <= thing.itemsize * _MOST_NUMBERS
    note = thing.shape, thing.strides, str(getattr(thing, "dtype", "")), hash(thing.tobytes()) if is_small else None
    return note, [] if is_small else [_HIDDEN]


def _of_function(thing: Any) -> Noted:
    parts = [(": default", item) for item in [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]]
    for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or ()):
        try:
            parts.append((f": {name}", cell.cell_contents))
        except ValueError:  # not assigned yet
            continue
    return thing.__code__, [*parts, *([_HIDDEN] if thing.__name__ in _BY_OTHER_NAMES else [])]


def _of_builtin(thing: Any) -> Noted:
    return thing.__name__, [(".__self__", thing.__self__), *([_HIDDEN] if thing.__name__ in _BY_OTHER_NAMES else [])]


def _of_generator(thing: Any) -> Noted:
    frame = thing.gi_frame
    if frame is None:
        return None, []
    of_loops = [item for item in gc.get_referents(thing) if isinstance(item, Iterator)]  # which have no name
    return frame.f_lasti, [
        *((f": {name}", item) for name, item in frame.f_locals.items()),
        *(("", i) for i in of_loops),
    ]


def _of_repeat(thing: Any) -> Noted:
    times = operator.length_hint(thing, -1)
    return (type(thing), times), _hidden(thing) if times >= 0 else [("", itertools.repeat.__next__(thing))]


def _of_type(thing: Any) -> Noted:
    is_librarys = is_library(thing.__module__) and thing.__module__ != "types"  # which a class made by a function has
    own = {} if is_librarys else vars(thing)
    parts = [(f".{name}", item) for name, item in own.items() if _is_of_user(name, item)]
    return thing, [*parts, *((".__base__", base) for base in (*thing.__bases__, type(thing)) if base is not type)]


def _is_of_user(name: str, item: Any) -> bool:
    """Whether an attribute of a class is one that a user may have written, and not Python."""
    if isinstance(item, (types.FunctionType, staticmethod, classmethod)):  # __new__ becomes the second
        return name != "__annotate_func__"
    return not (name[:2] == name[-2:] == "__" or name == "_abc_impl")


def _of_object(thing: Any) -> Noted:
    kind: Any = type(thing)
    if hasattr(kind, "__array__") and not isinstance(thing, Iterator):  # such as a Series, with its names
        note, parts = _of_array(np.asarray(thing))
        axes = thing.axes if hasattr(kind, "iloc") else ()
        return (kind, note), [*parts, *((".axes", axis) for axis in axes)]
    if not _hides(kind, len(_slots(kind, in_c=True))):
        return kind, []
    hidden = _hidden(thing)
    place = object() if _HIDDEN in hidden and isinstance(thing, Iterator) else operator.length_hint(thing, -1)
    return (kind, place), hidden  # an iterator that does not show its place may be at another one each time


def _members(thing: Any, in_c: bool) -> list[Part]:
    """The class of an object, and what there is in its slots."""
    kind: Any = type(thing)
    return [
        (".__class__", kind),
        *((f".{name}", getattr(thing, name)) for name in _slots(kind, in_c) if hasattr(thing, name)),
    ]


@lru_cache(maxsize=256)
def _slots(kind: type, in_c: bool) -> list[str]:
    """The names of its slots; those of classes *in_c*, too, where these are not looked at in another way."""
    members = [member for each in kind.__mro__ if in_c or _is_of_python(each) for member in vars(each).items()]
    return [name for name, member in members if type(member) is types.MemberDescriptorType and name != "__dict__"]


def _is_of_python(kind: type) -> bool:
    """Whether a class may have slots, and attributes that change; most of those in C may not."""
    return bool(kind.__flags__ & 1 << 9)  # Py_TPFLAGS_HEAPTYPE


def _hides(kind: type, n_slots: int) -> bool:
    """Whether an object of this kind has more in it than attributes: it is larger than they make it."""
    n_pointers = n_slots + (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0)
    return kind.__itemsize__ > 0 or kind.__basicsize__ > object.__basicsize__ + n_pointers * struct.calcsize("P")


def _hidden(thing: Any) -> list[Part]:
    """What an object keeps in C: its memory, if it shows that, or what it consists of, as it would be pickled."""
    with suppress(TypeError):
        note, unseen = _of_array(memoryview(thing))
        return [("", repr(note)), *unseen]
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")  # Python 3.14 pickles no iterators of itertools
        reduced = thing.__reduce_ex__(4)
        if not isinstance(reduced, str):  # a name tells nothing
            return [(f"[{index}]", part) for index, part in enumerate(reduced[1:])]
    return [_HIDDEN]


_NOTES: dict[Any, Callable[[Any], Noted]] = {
    (list, tuple, deque, set, frozenset, UserList): _of_list,
    (dict, UserDict, ChainMap, types.MappingProxyType): _of_dict,
    (KeysView, ValuesView, ItemsView): lambda thing: (type(thing), [("", list(thing))]),
    (staticmethod, classmethod): lambda thing: (type(thing), [("", thing.__func__)]),
    property: lambda thing: (property, [(".fget", thing.fget)]),
    types.FunctionType: _of_function,
    types.GeneratorType: _of_generator,
    type: _of_type,
    types.MethodType: lambda thing: (types.MethodType, [("", thing.__self__), ("", thing.__func__)]),
    types.BuiltinFunctionType: _of_builtin,
    (random.SystemRandom, type(threading.Lock()), type(threading.RLock())): lambda thing: (type(thing), []),
    random.Random: lambda thing: (hash(thing.getstate()), []),
    logging.Logger: lambda thing: (thing.getEffectiveLevel(), []),
    io.IOBase: lambda thing: (type(thing), [_HIDDEN] if thing.readable() else []),
    re.Pattern: lambda thing: (thing, []),
    type(iter(int, 1)): lambda thing: (object(), [_HIDDEN]),  # what a function gives next
    itertools.count: lambda thing: (repr(thing), []),
    itertools.repeat: _of_repeat,
    contextvars.ContextVar: lambda thing: (thing.name, [("", thing.get(None))]),
    weakref.ref: lambda thing: (type(thing), [("", thing())]),
}
if np is not None:
    _NOTES |= {
        np.generic: lambda thing: (repr(thing), []),
        np.ndarray: _of_array,
        np.ufunc: lambda thing: (thing, []),
    }
_NOTES_BY_TYPE = {
    kind: note for kinds, note in _NOTES.items() for kind in (kinds if isinstance(kinds, tuple) else (kinds,))
}

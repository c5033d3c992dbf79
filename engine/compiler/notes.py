"""Notes of things: what tells whether one has changed, and what there is to look at inside."""

import contextvars
import gc
import io
import itertools
import logging
import operator
import random
import re
import struct
import threading
import types
import warnings
import weakref
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, Collection, Container, ItemsView, Iterator, KeysView, Mapping, ValuesView
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeAlias

from engine.callers import is_library
from engine.operations import PLAIN
from engine.value import Value

try:
    import numpy as np
except ModuleNotFoundError:  # in a browser; then no function has arrays either
    np = None  # type: ignore[assignment]

_PLAIN = (int, float, complex, str, bytes, type(None))
PLAIN_TYPES = {*_PLAIN, bool}
_MOST_ITEMS, _MOST_NUMBERS = 1_000, 1 << 24
_OF_ALL_LOGGERS = {"parent", "manager", "handlers", "filters", "_cache"}
"""Attributes by which a logger leads to all others, and to their files: no result depends on them."""
Part: TypeAlias = tuple[str, Any]
"""A thing inside another one, and what is written after that one's name for it."""
Noted: TypeAlias = tuple[object, list[Part]]
"""What a look keeps of a thing, and what there is to look at inside."""
HIDDEN: Part = "", object()
"""In place of what cannot be seen."""


def which(thing: Any) -> object:
    """What tells a Value, a list of Values, or an object of a class, from another one that looks the same."""
    if issubclass(type(thing), (list, tuple)) and set(map(type, thing)) == {Value}:
        return hash(tuple(map(id, thing)))
    is_one = type(thing) in (Value, types.FunctionType) or _is_of_python(type(thing))
    return id(thing) if is_one else None


def noted(thing: Any, names: Container[str] | None) -> Noted:
    """A note and the parts of anything, of modules those with *names*, or all.

    A foreign object may raise any error where it is looked at.
    """
    if type(thing) is float or type(thing) is complex:
        return (type(thing), repr(thing)), []
    if type(thing) in PLAIN_TYPES:
        return (type(thing), thing), []
    try:
        if isinstance(thing, Value):
            number = thing._number.hex() if thing.operation is PLAIN else ""
            return (Value, thing.label, number), _attributes(thing._attributes or {})
        kind: Any = type(thing)
        noting, own = _noting(kind), _own(thing, names)  # first: an object may make its __dict__ when it is asked for
        note, parts = noting(thing)
        return note, [*_members(thing, noting is _of_object), *parts, *_attributes(own)]
    except Exception:
        return type(thing), [HIDDEN]


@lru_cache(maxsize=256)
def _noting(kind: type) -> Callable[[Any], Noted]:
    return next((note for kinds, note in _NOTES.items() if issubclass(kind, kinds)), _of_object)


def _attributes(own: Mapping[str, Any]) -> list[Part]:
    return [(f".{name}", item) for name, item in own.items()]


def _own(thing: Any, names: Container[str] | None) -> Mapping[str, Any]:
    """Those attributes of an object that count; those of classes are parts of them."""
    kind = type(thing)
    if issubclass(kind, type) or hasattr(kind, "iloc") or hasattr(kind, "get_indexer"):
        return {}  # frames of pandas, and parts of them, keep caches
    own: Mapping[str, Any] = getattr(thing, "__dict__", {})
    if issubclass(kind, types.ModuleType):
        items = () if is_library(thing.__name__) else own.items()
        return {name: item for name, item in items if (name[:2] != "__" if names is None else name in names)}
    if issubclass(kind, logging.Logger):
        return {name: item for name, item in own.items() if name not in _OF_ALL_LOGGERS}
    return own


def _of_list(thing: Any) -> Noted:
    note = type(thing), len(thing)
    if set(map(type, thing)) == {Value}:
        if not isinstance(thing, (list, tuple)):
            return note, [("", list(thing))]  # for ``which``
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
    return (note, hash(tuple(plain))), [HIDDEN] if len(plain) < len(things) else []


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
    return note, [] if is_small else [HIDDEN]


def _of_function(thing: Any) -> Noted:
    parts = [(": default", item) for item in [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]]
    for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or ()):
        try:
            parts.append((f": {name}", cell.cell_contents))
        except ValueError:  # not assigned yet
            continue
    return thing.__code__, parts


def _of_generator(thing: Any) -> Noted:
    frame = thing.gi_frame
    if frame is None:
        return None, []
    of_loops = [item for item in gc.get_referents(thing) if isinstance(item, Iterator)]  # which have no name
    named = [(f": {name}", item) for name, item in frame.f_locals.items()]
    return frame.f_lasti, [*named, *(("", item) for item in of_loops)]


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
    own = _slots(kind, in_c=False)
    members = [name for name in _slots(kind, in_c=True) if name in own or type(getattr(thing, name, 0)) is not int]
    if not _hides(kind, len(members)):  # an int that C shows may be an address, as that of a generator of PyTorch
        return kind, []
    hidden = _hidden(thing)
    place = object() if HIDDEN in hidden and isinstance(thing, Iterator) else operator.length_hint(thing, -1)
    return (kind, place), hidden  # an iterator that does not show its place may be at another one each time


def _members(thing: Any, in_c: bool) -> list[Part]:
    """The class of an object, and what there is in its slots, where these may change; see ``_slots``."""
    kind: Any = type(thing)
    if not in_c and not _is_of_python(kind):
        return []
    slots = [name for name in _slots(kind, in_c) if hasattr(thing, name)]
    return [(".__class__", kind), *((f".{name}", getattr(thing, name)) for name in slots)]


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
    return [HIDDEN]


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
    types.BuiltinFunctionType: lambda thing: (thing.__name__, [(".__self__", thing.__self__)]),
    types.ModuleType: lambda thing: (thing.__name__, []),
    (random.SystemRandom, type(threading.Lock()), type(threading.RLock())): lambda thing: (type(thing), []),
    random.Random: lambda thing: (hash(thing.getstate()), []),
    logging.Logger: lambda thing: (thing.getEffectiveLevel(), []),
    io.IOBase: lambda thing: (type(thing), [HIDDEN] if thing.readable() else []),
    re.Pattern: lambda thing: (thing, []),
    type(iter(int, 1)): lambda thing: (object(), [HIDDEN]),  # what a function gives next
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

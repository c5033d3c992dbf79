"""What all processes of a run have alike: arguments, and what functions of the user's reach, as texts to compare."""

from __future__ import annotations

import dis
import functools
import sys
from argparse import Namespace
from collections import deque
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from engine import Value
from engine.callers import is_library
from nn.configuration import OWN
from nn.schedules import codes_in
from nn.training.processes import digest
from nn.validation import plain_label

_PLAIN = (int, float, complex, str, bytes, type(None), np.generic)
_MOST, _DEEPEST, _MOST_ITEMS = 100_000, 20, 10
_HOLDERS: dict[type, tuple[str, ...]] = {
    functools.partial: ("func", "args", "keywords"),
    MethodType: ("__func__", "__self__"),
    property: ("fget",),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
}
"""What things hold that wrap functions."""
_UNUSED = ("__init__", "__new__", "__post_init__", "__init_subclass__", "__del__", "__repr__", "__str__")
"""The methods that no training step calls."""
Part = tuple[str, Any]


def described(things: dict[str, Any]) -> dict[str, str]:
    """A text for each thing, and for what it holds: the same in processes where they are alike.

    A function is told by its code, its defaults, and the globals and closures that it reads, also through functions
    that it calls. Of an object of a library only its kind counts, unless it is an array; so do random generators.

    Raises:
        ValueError: there is too much to look at, or it is nested too deeply.

    >>> described({"weights": {"a": 1.5}})
    {'weights': 'dict of 1', "weights['a']": '1.5'}
    """
    found: dict[str, str] = {}
    seen: dict[int, Any] = {}
    waiting: deque[tuple[str, Any, int]] = deque((name, thing, 0) for name, thing in things.items())
    while waiting:
        name, thing, depth = waiting.popleft()
        if len(found) >= _MOST or depth > _DEEPEST:
            why = f"nested {depth} deep" if depth > _DEEPEST else f"more than {_MOST:,} things"
            raise ValueError(
                f"all processes must train alike, and what the model and the loss read cannot be compared: {why}, at "
                f"{plain_label(name, 80)}; keep tables in arrays, and give functions only what they need"
            )
        if not isinstance(thing, (*_PLAIN, list, tuple, dict)):
            if id(thing) in seen:
                continue
            seen[id(thing)] = thing
        while name in found:
            name += "'"
        found[name], parts = _noted(thing)
        waiting.extend((name + suffix, part, depth + 1) for suffix, part in parts)
    return found


def _noted(thing: Any) -> tuple[str, list[Part]]:
    """What tells a thing from others, and what there is inside."""
    kind = type(thing).__qualname__
    if isinstance(thing, _PLAIN):
        return repr(thing), []
    if isinstance(thing, Value):
        return repr(thing.data), []
    if isinstance(thing, np.ndarray) and thing.dtype.kind != "O":
        return f"{thing.dtype} array of shape {thing.shape}, {digest(thing.tobytes())}", []
    if isinstance(thing, (set, frozenset)):
        return f"{kind} of {digest(sorted(map(repr, thing)))}", []
    if isinstance(thing, (list, tuple, dict)):
        return _of_container(thing, kind)
    for each, names in _HOLDERS.items():
        if isinstance(thing, each):
            return kind, [(f": {name.strip('_')}", getattr(thing, name)) for name in names]
    if isinstance(thing, CodeType):
        return f"{thing.co_name} {digest((thing.co_code, thing.co_names))}", [(": constants", thing.co_consts)]
    if isinstance(thing, FunctionType):
        return thing.__qualname__, list(_of_function(thing))
    if isinstance(thing, type):
        return _of_type(thing)
    return _of_object(thing)


def _of_container(thing: Any, kind: str) -> tuple[str, list[Part]]:
    """The parts of a container by index or key; of many plain things one digest."""
    items = [(repr(key), item) for key, item in (thing.items() if isinstance(thing, dict) else enumerate(thing))]
    if len(items) > _MOST_ITEMS and all(isinstance(item, (*_PLAIN, Value)) for _, item in items):
        return f"{kind} of {digest(sorted((key, _noted(item)[0]) for key, item in items))}", []
    return f"{kind} of {len(items)}", [(f"[{key}]", item) for key, item in items]


def _of_function(thing: FunctionType) -> Iterator[Part]:
    """The code, what the function was made with, and the globals that it reads; of this library's, no code."""
    of_library = _is_of_library(thing.__module__)
    if of_library and not thing.__module__.startswith("nn."):
        return
    yield ": defaults", [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    yield from ((f".{name}", item) for name, item in vars(thing).items())
    for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or ()):
        try:
            yield f": {name}", cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    if of_library:
        return
    yield " (code)", thing.__code__
    for code in codes_in(thing.__code__):
        for name in sorted({each.argval for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL"}):
            if name not in thing.__globals__:
                continue
            part = thing.__globals__[name]
            if isinstance(part, (ModuleType, Namespace, SimpleNamespace)):  # of which the code names what it reads
                if not isinstance(part, ModuleType) or not _is_of_library(part.__name__):
                    yield from ((f": {name}.{own}", vars(part)[own]) for own in code.co_names if own in vars(part))
            else:
                yield f": {name}", part


def _of_type(thing: type) -> tuple[str, list[Part]]:
    if _is_of_library(thing.__module__):
        return thing.__qualname__, []
    used = {name: part for name, part in vars(thing).items() if name[:2] != "__" or isinstance(part, FunctionType)}
    own = [(f".{name}", part) for name, part in used.items() if name not in _UNUSED]
    return thing.__qualname__, [*own, *((".__base__", base) for base in thing.__bases__)]


def _of_object(thing: Any) -> tuple[str, list[Part]]:
    kind = type(thing)
    if kind.__module__ in OWN:  # layers: their weights are compared, and what they call
        return kind.__qualname__, []
    if _is_of_library(kind.__module__) and not kind.__module__.startswith("nn."):
        if hasattr(thing, "__array__"):
            return kind.__qualname__, [(" (numbers)", np.asarray(thing))]
        return str(getattr(thing, "__qualname__", kind.__qualname__)), []
    own = [(f".{name}", part) for name, part in getattr(thing, "__dict__", {}).items()]
    slots = [name for each in kind.__mro__ for name in getattr(each, "__slots__", ()) if hasattr(thing, name)]
    return kind.__qualname__, [(" (class)", kind), *own, *((f".{name}", getattr(thing, name)) for name in slots)]


def _is_of_library(module: Any) -> bool:
    """Whether a module is no code of the user's: it is installed."""
    path = str(getattr(sys.modules.get(str(module)), "__file__", ""))
    return is_library(module) or (module != "__main__" and ("site-packages" in path or "dist-packages" in path))

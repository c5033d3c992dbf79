"""What a function can reach besides its arguments: a look at it before and after a call tells what the call changed.

A graph is recorded once, so a counter, a list that grows or a random generator that goes on would stand still in it.
"""

import builtins
import dis
import operator
import os
import random
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeAlias

from engine.callers import is_library
from engine.compiler.notes import HIDDEN, PLAIN_TYPES, Part, noted, which
from engine.compiler.recorder import Found, Function
from engine.value import Value

try:
    import numpy as np
except ModuleNotFoundError:  # in a browser
    np = None  # type: ignore[assignment]

_MOST = 20_000  # things of a look
STATE_OF_RANDOM = "the state of random"
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
_READERS = {operator.attrgetter, operator.methodcaller}
_CALLED = {types.BuiltinFunctionType, types.FunctionType, types.MethodWrapperType, types.WrapperDescriptorType}
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")})
_METHODS = types.FunctionType, staticmethod, classmethod, property
_OF_NEW = {"__init__", "__new__", "__init_subclass__", "__post_init__", "__set_name__"}
"""Methods that are not called of an object that is there already."""
_OF_STEPS = {"direction", "rate", "updated", "step", "ends", "best_epoch", "parameters", "named_parameters"}
"""Methods of models, optimizers and what stops training early that steps of training call."""
Look: TypeAlias = dict[str, tuple[object, object]]
"""For each name what there is, and of Values and objects which ones."""


class Surroundings:
    """Everything that some functions and objects can reach.

    The look goes through containers, attributes and what functions enclose. It is bounded: of a container of more than
    1,000 things only plain ones count, of more than 2**24 numbers their count. What that leaves out, and the state of
    objects in C that do not show it, is noted as ``UNSEEN``. Of a module's attributes those count that a function
    names, or all where one may read them by other names. The numbers of leaves do not count: they are parameters.
    If it *follows* functions, what those of the user's that it meets name counts, too, where they may be called by that
    or are methods which steps of training call; and so does the state of a library's random numbers.
    """

    def __init__(self, *roots: Any, follows: bool = False) -> None:
        self._follows = follows
        titles = [getattr(root, "__qualname__", type(root).__name__) for root in roots]
        self._roots: list[Part] = [(str(title).rpartition(".")[2], root) for title, root in zip(titles, roots)]
        functions = [getattr(root, "__func__", root) for root in roots]
        self._code = _code_of(each for each in functions if isinstance(each, types.FunctionType))
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

    def leaves(self) -> Iterator[Value]:
        """The Values there that no operation made."""
        for thing in self._look()[1]:
            for part in thing if issubclass(type(thing), (list, tuple)) else (thing,):
                if issubclass(type(part), Value) and not part.operands:
                    yield part

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
            called = thing.__name__ if type(thing) in _CALLED else ""  # also by another name: read = getattr
            if thing is HIDDEN[1]:
                found[UNSEEN] = None, None
            elif type(thing) is Surroundings:  # of a compiled function that is called here
                if not thing._code.keys() <= self._code.keys():
                    self._code = self._code | thing._code  # not in place: other threads may be looking
                    return self._look()
                waiting.extend((f"{name}: {root}", part) for root, part in thing._roots)
            elif names is not None and (type(thing) in _READERS or called in _OF_ANY_NAME):
                self._reads_any_name = True
                return self._look()
            elif type(thing) in PLAIN_TYPES or id(thing) not in seen:
                seen[id(thing)] = len(seen), thing
                while name in found:
                    name += "'"
                note, parts = noted(thing, names)
                found[name] = note, which(thing)
                if self._follows:
                    parts = [*_followed(name, thing, parts, named), *_random_states(thing)]
                waiting.extend((name + suffix, part) for suffix, part in parts)
                if called in _BY_OTHER_NAMES:
                    waiting.append(HIDDEN)
            else:
                again.append(seen[id(thing)][0])
        if self._follows and not (met := _code_met(seen.values())).keys() <= self._code.keys():
            self._code = self._code | met
            return self._look()
        if waiting:
            found[UNSEEN] = None, None
        found["things met again"] = None, hash(tuple(again))
        return found, [thing for _, thing in seen.values()]

    def _named(self) -> Iterator[Part]:
        for (code, _), variables in self._code.items():
            for name in code.co_names:
                if name in _BY_OTHER_NAMES:
                    yield HIDDEN
                if name in _OF_GLOBALS:
                    yield name, {key: item for key, item in variables.items() if type(item) in PLAIN_TYPES}
                if name in ("environ", "getenv"):
                    yield name, os.environ
                if name in variables and (not self._follows or name in _loaded_globals(code)):
                    yield name, variables[name]
                elif hasattr(builtins, name):
                    yield name, getattr(builtins, name)
                for module in _modules_named(name, str(variables.get("__package__") or "")):
                    if module in sys.modules:  # the function may import it
                        yield name, sys.modules[module]
            if np is not None and "random" in code.co_names:
                yield "the state of numpy.random", getattr(np.random.get_state, "__self__", None)


def _random_states(thing: Any) -> Iterator[Part]:
    """The state of the generator that a module or a function of a library may draw from."""
    with suppress(Exception):  # a foreign object may raise any
        owner = getattr(thing, "__module__", None) or type(getattr(thing, "__self__", None)).__module__
        module = str(thing.__name__ if type(thing) is types.ModuleType else owner if callable(thing) else "")
        library = module.partition(".")[0]
        if library == "random":
            yield f": {STATE_OF_RANDOM}", getattr(random.getstate, "__self__", None)
        elif library == "torch":
            yield ": the state of torch", sys.modules["torch"].get_rng_state().numpy()
        elif np is not None and (library in ("scipy", "pandas", "sklearn") or module.startswith("numpy.random")):
            yield ": the state of numpy.random", getattr(np.random.get_state, "__self__", None)


def _followed(path: str, thing: Any, parts: list[Part], named: Set[str]) -> Iterator[Part]:
    """The parts of a thing; of a class no methods but those that Python, training or a function by their name calls."""
    is_class = issubclass(type(thing), type)
    if is_class or type(thing) is types.ModuleType:
        module = sys.modules.get(thing.__module__ if is_class else thing.__name__)
        if str(getattr(module, "__file__", None)).startswith(_INSTALLED):
            return
    for suffix, part in parts:
        name = suffix.removeprefix(".")
        is_special = name[:2] == name[-2:] == "__" and not (name in _OF_NEW and ".__class__" in path)
        if name in named or name in _OF_STEPS or is_special or not (is_class and isinstance(part, _METHODS)):
            yield suffix, part


def _code_met(seen: Iterable[tuple[int, Any]]) -> dict[Function, dict[str, Any]]:
    """The code in functions of the user's among things that were met."""
    functions = (thing for _, thing in seen if type(thing) is types.FunctionType and _is_users(thing))
    return {(code, of): found for (own, of), found in _code_of(functions).items() for code in _inner_code(own)}


def _is_users(function: types.FunctionType) -> bool:
    """Whether a function belongs to no library, neither one that is known nor another that was installed."""
    return not (is_library(function.__module__) or function.__code__.co_filename.startswith(_INSTALLED))


@lru_cache(maxsize=1024)
def _loaded_globals(code: types.CodeType) -> frozenset[str]:
    """The names in a function that are those of globals, and not of attributes."""
    return frozenset(step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"))


def _code_of(functions: Iterable[types.FunctionType]) -> dict[Function, dict[str, Any]]:
    """The code of functions, with the globals of each."""
    return {(each.__code__, id(each.__globals__)): each.__globals__ for each in functions}


def _inner_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code in a function: its own, and that of comprehensions and functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _inner_code(constant)


def _modules_named(name: str, package: str) -> Iterator[str]:
    """The modules that an import of this name may mean in a package; "" is the package itself, and those around it."""
    yield name
    while package:
        yield f"{package}.{name}".rstrip(".")
        package = package.rpartition(".")[0]


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
    return type(argument) in {*PLAIN_TYPES, Value}

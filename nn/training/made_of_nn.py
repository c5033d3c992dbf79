"""Models of nn's own parts: what their graph depends on, besides the numbers of parameters.

Where a recording ran no code of the user's, it read nothing but the parts of the model, and found the code that it ran
through the modules and classes of nn and engine. Parts are of kinds that can change in no other way than by another
object in its place. So the same objects under the same names make the same graph again. Once the code of nn is other
than at first, it is not nn's, and may read anything.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Sequence
from operator import is_
from random import Random
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from engine import Value
from nn.activations import is_of_one_value
from nn.configuration import OWN
from nn.data.columns import Columns
from nn.parameters import PLAIN, Path, runs_in

if TYPE_CHECKING:
    from nn.module import Module

_Inside = Callable[[Any], Sequence[Any]]
_KINDS = {*PLAIN, Value, list, tuple, dict, Random, Columns}


def is_made_of_nn(model: Module) -> bool:
    """Whether no code but that of nn and engine runs in the model: all of its parts are of known kinds."""
    parts = [model, *(run[0] for _, _, run in runs_in(model, plain=True))]  # several in one run are Values
    return all(type(part) in _KINDS or type(part).__module__ in OWN or is_of_one_value(part) for part in parts)


def parts_and_names(model: Module) -> list[Any]:
    """All parts of a model, how deep they lie, their types and the names of attributes; all compared by identity."""
    found: list[Any] = [model, type(model)]
    for path, keys, run in runs_in(model, plain=True):
        found += (_depth(path), *run)
        if len(run) == 1:
            found += [type(run[0]), keys[0] if type(keys[0]) is str else None]
    return found


def _depth(path: Path) -> int:
    depth = 0  # small ints are one object each
    while path:
        path, depth = path[0], depth + 1
    return depth


def are_same(before: Sequence[Any], now: Sequence[Any]) -> bool:
    return len(before) == len(now) and all(map(is_, before, now))


class Code:
    """The code that runs in calls of models: what there is in the modules and classes of nn and engine, by name.

    Of functions, that is code and defaults; containers are looked into. Modules that are imported later do not count,
    nor do ``engine``, which loads names when they are asked for, and ``nn.training``, which holds trained Values.
    """

    def __init__(self) -> None:
        own = filter(_is_own, list(sys.modules))  # other threads may import
        names = [name for name in own if name != "engine" and not name.startswith("nn.training.")]
        modules = _modules(names)
        self._first: list[tuple[_Inside, Any, Sequence[Any]]] = [(_modules, names, modules)]
        met: set[int] = set()
        waiting: list[Any] = [vars(module) for module in [*modules, builtins] if module is not None]
        while waiting:
            thing = waiting.pop()
            kind = type if isinstance(thing, type) else type(thing)
            if kind in _INSIDE and id(thing) not in met and (kind is not type or _is_own(thing.__module__)):
                met.add(id(thing))
                self._first.append((_INSIDE[kind], thing, _INSIDE[kind](thing)))
                waiting += self._first[-1][2]

    def is_the_first(self) -> bool:
        """Whether nothing has changed since this was made."""
        return all(are_same(before, inside(thing)) for inside, thing, before in self._first)


def _modules(names: list[str]) -> list[ModuleType | None]:
    return list(map(sys.modules.get, names))


def _is_own(module: str) -> bool:
    return module.partition(".")[0] in ("engine", "nn")


def _items(thing: dict[Any, Any]) -> list[Any]:
    """Keys and values; of a package without the modules in it."""
    if "__path__" in thing:
        known, package = sys.modules, thing["__name__"]
        items = list(thing.items())
        thing = {key: v for key, v in items if type(v) is not ModuleType or v is not known.get(f"{package}.{key}")}
    return [*thing, *thing.values()]


_INSIDE: dict[Any, _Inside] = {
    dict: _items,
    list: list,
    tuple: tuple,
    type: lambda thing: [*thing.__bases__, *vars(thing), *vars(thing).values()],
    FunctionType: lambda thing: [thing.__code__, thing.__defaults__, thing.__kwdefaults__],
    property: lambda thing: [thing.fget],
    staticmethod: lambda thing: [thing.__func__],
    classmethod: lambda thing: [thing.__func__],
}

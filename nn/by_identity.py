"""A mapping from objects, told apart by identity, that keeps none of them alive: a user's model may have no hash."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from weakref import ref

Held = TypeVar("Held")


class ByIdentity(Generic[Held]):
    """What is held for each of some objects, until that object is gone."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[ref[Any], Held]] = {}

    def __setitem__(self, thing: object, held: Held) -> None:
        key = id(thing)
        self._held[key] = ref(thing, lambda _: self._held.pop(key, None)), held

    def get(self, thing: object, default: Held) -> Held:
        """What is held for an object."""
        return self._held.get(id(thing), (None, default))[1]

    def pop(self, thing: object, default: Held) -> Held:
        """What was held for an object, and is not held any more."""
        return self._held.pop(id(thing), (None, default))[1]

"""What is refused among the arguments of ``draw``, each with one clear sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from engine.drawing.module_scopes import Path
from engine.validation import shortened
from engine.value import Value


def checked_one_of(what: str, given: object, known: tuple[str, ...]) -> None:
    """Raise unless *given* is among the *known* words."""
    if not isinstance(given, str) or given not in known:
        *others, last = (f'"{word}"' for word in known)
        raise ValueError(f"{what}: {', '.join(others)} or {last} is wanted, not {shortened(given)}")


def checked_number(
    what: str, given: object, least: int = 0, largest: int | None = None, above: float | None = None
) -> None:
    """Raise unless *given* is a whole number in the range, or where *above* is set any finite number above it."""
    if above is not None:
        real = isinstance(given, (int, float)) and not isinstance(given, bool)
        if not real or not above < given < math.inf:  # type: ignore[operator]
            raise ValueError(f"{what}: a number of seconds above {above:g} is wanted, not {shortened(given)}")
        return
    whole = isinstance(given, int) and not isinstance(given, bool)
    if not whole or given < least or (largest is not None and given > largest):  # type: ignore[operator]
        span = f"from {least} to {largest}" if largest is not None else f"of {least} or more"
        raise ValueError(f"{what}: a whole number {span} is wanted, not {shortened(given)}")


def checked_groups(unfold: Any, parameters: Mapping[Value, Path]) -> set[str]:
    """The names of the groups to unfold, and of all that they lie in."""
    several = isinstance(unfold, Iterable) and not isinstance(unfold, str) and not hasattr(unfold, "named_parameters")
    known = {group: path[: level + 1] for path in parameters.values() for level, group in enumerate(path)}
    groups: set[str] = set()
    for thing in unfold if several else [unfold]:
        name = thing if isinstance(thing, str) else _group_of(thing, parameters)
        if name not in known:
            some = ", ".join(sorted(known)[:3])
            advice = f"there are {some}, ..." if some else "there are none; say names=locals() or names=model"
            raise ValueError(f"unfold: {shortened(thing)} is no group of parameters in this graph; {advice}")
        groups.update(known[name])
    return groups


def _group_of(thing: Any, parameters: Mapping[Value, Path]) -> str | None:
    """The group that holds all parameters of a neuron, layer or network, and no others of its level."""
    if not callable(getattr(thing, "named_parameters", None)):
        raise TypeError(
            "unfold: names of groups are wanted, such as 'model.layers.0', or the layers and neurons themselves, "
            f"not {shortened(thing)}"
        )
    paths = [parameters.get(parameter, ()) for _, parameter in thing.named_parameters()]
    common = [level[0] for level in zip(*paths) if len(set(level)) == 1]
    return common[-1] if common else None

"""Wrong input, in one voice: ``X must be ..., got ...``, and then what to do."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any

from engine import validation
from engine.validation import (
    as_float,
    check_choice,
    check_flag,
    check_seconds,
    described,
    one_line,
    plain_label,
    shortened,
)

__all__ = [
    "as_float",
    "check_choice",
    "check_flag",
    "check_seconds",
    "described",
    "one_line",
    "plain_label",
    "shortened",
]


def float_type(dtype: Any) -> str:
    """The name of float64 or float32, given by its name or as a type of numpy; a ValueError for another."""
    name = dtype if isinstance(dtype, str) else str(getattr(dtype, "__name__", getattr(dtype, "name", "")))
    if name not in ("float64", "float32"):
        raise ValueError(f'dtype must be "float64" or "float32", got {shortened(dtype)}')
    return name


def without_addresses(text: str) -> str:
    """A repr without the addresses of objects, which differ between processes.

    >>> without_addresses(repr(object()))
    '<object object>'
    """
    return re.sub(" at 0x[0-9A-Fa-f]+", "", text)


def as_number(name: str, given: Any, interval: str = "") -> float:
    """The argument called *name* as a float; no bool, string, array or Value.

    Raises:
        ValueError: it is not a number, or is out of a float's range or of the *interval*.

    >>> as_number("rate", 1.5, "[0, 1)")
    Traceback (most recent call last):
    ...
    ValueError: rate must be in [0, 1), got 1.5
    """
    try:
        number = as_float(None if isinstance(given, bool) else given, name)
    except OverflowError:
        raise ValueError(f"{name} must be within a float's range, got {shortened(given)}") from None
    except TypeError:
        raise ValueError(f"{name} must be a number, got {described(given)}") from None
    if interval:
        low, high = map(float, interval[1:-1].split(","))
        if not (low <= number < high) or (number == low and interval[0] == "("):
            raise ValueError(f"{name} must be in {interval}, got {shortened(given)}")
    return number


def check_int(name: str, given: Any, minimum: int, maximum: int | None = None) -> int:
    """The argument called *name* as an int from *minimum* to *maximum*; a bool is none."""
    validation.check_int(name, given, minimum, maximum)
    return int(given)


def check_ints(name: str, given: Any, minimum: int, such_as: str) -> list[int]:
    """The argument called *name* as a list of ints with at least one in it."""
    if isinstance(given, (str, bytes)) or not hasattr(given, "__len__") or len(given) == 0:
        raise ValueError(f"{name} must be a list of ints, such as {such_as}, got {shortened(given)}")
    return [check_int(f"{name}[{i}]", each, minimum) for i, each in enumerate(given)]


class Checked:
    """An attribute that *check*, a function of its name and what is given, returns whenever it is set."""

    def __init__(self, check: Callable[[str, Any], Any]) -> None:
        self.check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, holder: object, given: Any) -> None:
        vars(holder)[self.name] = self.check(self.name, given)


def number_in(interval: str, or_none: bool = False) -> Any:
    """An attribute that is a number in the *interval*, or None if that is allowed."""
    return Checked(lambda name, given: None if or_none and given is None else as_number(name, given, interval))


def either(name: str, value: Any, other_name: str, other: Any, such_as: str) -> Any:
    """The argument that was given under one of its two names."""
    if (value is None) is (other is None):
        given = "neither" if value is None else "both"
        raise TypeError(f"{name} or {other_name} must be given, got {given}; write {such_as}")
    return other if value is None else value


def first_names(names: Collection[Any]) -> str:
    """The names with commas between them; the first twelve of many."""
    return ", ".join(shortened(name, 30) for name in list(names)[:12]) + (", ..." if len(names) > 12 else "")


def refuse_unknown(of: str, given: Iterable[str], names: Collection[str], meant: Mapping[str, str]) -> None:
    """Raise a TypeError for the first argument that *of* has not; *meant* has advice for other libraries' names.

    >>> refuse_unknown("fit", ["epoch"], ["epochs", "seed"], {})
    Traceback (most recent call last):
    ...
    TypeError: fit has no argument epoch=; did you mean epochs=?
    """
    for argument in given:
        if argument not in names:
            close = meant.get(argument) or "".join(f"{name}=" for name in nearest(argument, names)[:1])
            advice = f"did you mean {close}?" if close else f"it has {', '.join(names)}"
            raise TypeError(f"{of} has no argument {argument}=; {advice}")


def unknown_name(name: str, given: object, known: Iterable[str], other: str, aliases: Iterable[str] = ()) -> ValueError:
    """The error for an argument that is none of the *known* names or their *aliases*, nor *other*.

    >>> raise unknown_name("init", "Glorot", ["he", "glorot"], "a function")
    Traceback (most recent call last):
    ...
    ValueError: init must be one of he, glorot, or a function, got 'Glorot'; did you mean 'glorot'?
    """
    names = list(known)
    near = nearest(given, (*names, *aliases)) if isinstance(given, str) else []
    question = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return ValueError(f"{name} must be one of {', '.join(names)}, or {other}, got {shortened(given)}{question}")


def nearest(given: str, names: Iterable[str]) -> list[str]:
    """The known names most like the given one; several if equally like it, none if none is.

    >>> nearest("bse", ["mse", "bce", "hinge"])
    ['mse', 'bce']
    >>> nearest("cross_entropi", ["cross_entropy", "crossentropy"])
    ['cross_entropy']
    """
    written = given.lower().replace("_", "").lstrip("-")
    plain: dict[str, str] = {}
    for name in sorted(names, key=lambda name: -abs(name.count("_") - given.count("_"))):  # of two spellings the nearer
        plain[name.replace("_", "").lstrip("-")] = name
    likeness = {name: SequenceMatcher(None, written, bare).ratio() for bare, name in plain.items()}
    most = max([0.6, *likeness.values()])
    return [name for name, like in likeness.items() if like == most]


def with_settings(thing: object, settings: Mapping[str, object]) -> str:
    """A repr such as ``EarlyStopping(patience=3, restore_best=True)``."""
    shown = (f"{name}={without_addresses(repr(setting))}" for name, setting in settings.items())
    return f"{type(thing).__name__}({', '.join(shown)})"


def did_you_mean(given: str, names: Iterable[str]) -> str:
    """The end of a message, which asks for the known name most like the given one; empty if none is like it.

    >>> did_you_mean("mnits", ["digits", "mnist"])
    '; did you mean mnist?'
    """
    return "".join(f"; did you mean {name}?" for name in nearest(given, names)[:1])

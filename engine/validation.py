"""Wrong input: what may become a number, and the words that say why something may not."""

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

Unchecked: TypeAlias = Any
"""A parameter that its function checks itself, in the same words compiled and plain (mypyc's own are others)."""

_ARRAY_ADVICE = "make one Value for each number, such as [Value(x) for x in array]"
_NOT_REAL = "cOSUMmV"  # numpy's kinds that float() takes, or tries: complex, objects, texts, dates, durations, bytes


def as_float(number: object, what: str) -> float:
    """Give *number* as a float, or raise an error that names it and says what to do.

    Floats, ints, bools, numpy scalars, fractions and all else with ``__float__`` are numbers; strings, complex numbers,
    None, arrays and Values are a TypeError, and a number too large for a float an OverflowError.
    """
    kind = type(number)
    if kind is float:
        return number  # type: ignore[return-value]
    if isinstance(number, (int, float)):  # the commonest first: asking them for a shape takes longer than all the rest
        return _converted(number, what)
    shape = getattr(number, "shape", None)
    is_array = isinstance(shape, tuple)  # or an array library's scalar; a class has something else under that name
    if is_array and shape:
        raise TypeError(f"{what} must be one real number, got an array of shape {tuple(shape)}; {_ARRAY_ADVICE}")
    if hasattr(kind, "local_derivatives"):
        raise TypeError(
            f"{what}: {shortened(number)} is a Value already; use it as it is, or its number, .data "
            "(no gradient flows through that)"
        )
    letter = str(getattr(getattr(number, "dtype", None), "kind", " ")) if is_array else " "
    is_masked = is_array and bool(getattr(number, "mask", False))  # float() makes NaN of it
    is_other = is_masked or letter in _NOT_REAL or isinstance(number, (str, bytes, complex))
    if hasattr(kind, "__float__") and not is_other:
        found = _converted(number, what)
        given: Unchecked = number  # whose comparisons may give no bool
        if math.isinf(found) and bool(given != found):  # as of a Decimal
            raise _too_large(number, what)
        return found
    advice = f"; {_ARRAY_ADVICE}" if isinstance(number, (list, tuple)) else ""
    if isinstance(number, str):
        advice = "; convert it first, with float(...)"
    raise TypeError(f"{_not_one(number, what)}{advice}")


def _not_one(number: object, what: str) -> str:
    return f"{what} must be one real number, got {described(number)}"


def _too_large(number: object, what: str) -> OverflowError:
    return OverflowError(f"{what}: {shortened(number)} is too large for a float (at most about 1.8e308)")


def _converted(number: Unchecked, what: str) -> float:
    try:
        return float(number)
    except OverflowError:
        raise _too_large(number, what) from None
    except (TypeError, ValueError, RuntimeError) as error:  # whatever the type's own __float__ raises
        raise TypeError(f"{_not_one(number, what)}, which does not become a float ({error})") from None


def check_choice(name: str, given: object, choices: tuple[str, ...]) -> None:
    """Raise a ValueError unless the argument called *name* is one of the *choices*."""
    if isinstance(given, str) and given in choices:
        return
    quoted = [f'"{choice}"' for choice in choices]
    raise ValueError(f"{name} must be {', '.join(quoted[:-1])} or {quoted[-1]}, got {shortened(given)}")


def check_flag(name: str, given: Unchecked, allowed: str = "True or False") -> bool:
    """The argument called *name* as a bool; a ValueError unless it is True or False, numpy's, or 1 or 0.

    *allowed* is what the error says that it must be: a caller may take None besides.
    """
    if type(given).__name__ in ("bool", "bool_") or (type(given) is int and given in (0, 1)):
        return bool(given)
    raise ValueError(f"{name} must be {allowed}, got {shortened(given)}")


def check_int(name: str, given: Unchecked, minimum: int, maximum: int | None = None) -> None:
    """Raise a ValueError unless the argument called *name* is an int in the range, a bool not being one."""
    is_int = hasattr(given, "__index__") and not isinstance(given, bool)
    if is_int and given >= minimum and (maximum is None or given <= maximum):
        return
    allowed = f">= {minimum}" if maximum is None else f"from {minimum} to {maximum}"
    raise ValueError(f"{name} must be an int {allowed}, got {shortened(given)}")


def check_seconds(name: str, given: Unchecked, minimum: float = 0.0, maximum: float = 1e6) -> None:
    """Raise a ValueError unless the argument called *name* is a number of seconds in the range, and above 0."""
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if is_number and minimum <= given <= maximum and given > 0.0:
        return
    allowed = f"> 0 and <= {maximum:g}" if minimum == 0.0 else f"from {minimum:g} to {maximum:g}"
    raise ValueError(f"{name} must be a number of seconds {allowed}, got {shortened(given)}")


def described(thing: object) -> str:
    """The type of *thing* and its repr, shortened; the repr alone where that begins with the type."""
    kind, text = type(thing).__name__, shortened(thing)
    return text if text.startswith(kind) else f"{kind} {text}"


def shortened(thing: object, most: int = 59) -> str:
    """The repr of *thing*, cut in its middle where it is longer than *most* characters."""
    try:
        return _cut(repr(thing), most)
    except ValueError:  # an int of more digits than Python prints
        return f"an int of {thing.bit_length()} bits"  # type: ignore[attr-defined]


def _cut(text: str, most: int) -> str:
    half = (most - 3) // 2
    return text if len(text) <= most else f"{text[: most - 3 - half]}...{text[-half:]}"


def one_line(label: str) -> str:
    """A label as one line of printable characters, which moves no cursor and turns no text around."""
    return " ".join("".join(c if c.isprintable() else " " for c in label).split())


def plain_label(label: str, most: int = 40) -> str:
    """A label on one line, and short enough to be shown."""
    return _cut(one_line(label), most)


REFUSALS: Final[list[Callable[[], None]]] = []
"""What wants to hear that an operation refuses its numbers: a graph that is recorded depends on them then."""


def heard_refusal() -> None:
    """Tell whoever listens that an operation refuses its numbers."""
    for hear in REFUSALS:
        hear()


def outside(op: str, label: str, x: float, domain: str) -> ValueError:
    """The error for a number outside the domain of an operation, such as ``"> 0"``."""
    heard_refusal()
    name = plain_label(label) or "x"
    return ValueError(f"{op}({name}): {name} = {x!r}, but {op} needs {name} {domain}")


def overflow(op: str, label: str, x: float) -> OverflowError:
    heard_refusal()
    name = plain_label(label) or "x"
    return OverflowError(f"{op}({name}): {name} = {x!r}, and {op} of that is too large for a float (about 1.8e308)")


def no_quotient(label: str, divisor_label: str, divisor: float) -> ZeroDivisionError:
    heard_refusal()
    n, d = plain_label(label) or "a", plain_label(divisor_label) or "b"
    return ZeroDivisionError(f"{n} / {d}: {d} = {divisor!r}, but a division needs {d} != 0")

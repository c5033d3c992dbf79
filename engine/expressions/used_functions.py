"""Which functions of a library a program needs in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping


def used_by(code: str, functions: Mapping[str, str], names_in: Callable[[str], Iterable[str]]) -> set[str]:
    """The names of those *functions*, texts by name, that the code calls, and of those that these call.

    *names_in* finds what a text may call.
    """
    used, asked = set[str](), [code]
    while asked:
        new = (functions.keys() & names_in(asked.pop())) - used
        used |= new
        asked += [functions[name] for name in new]
    return used

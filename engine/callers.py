"""Where in the user's code something happened: file and line, and the call in it, for error messages."""

from __future__ import annotations

import ast
import linecache
import sys
from itertools import islice
from types import FrameType
from typing import NamedTuple

_LIBRARIES = sys.stdlib_module_names | {"engine", "nn", "numpy", "pandas", "scipy"}


class Caller(NamedTuple):
    """A line of the user's code, and the name of the function that it was calling, where that can be told."""

    line: str
    function: str

    def __str__(self) -> str:
        return self.line


def users_caller() -> Caller:
    """The innermost line that runs now and belongs to no library."""
    frame = _users_frame()
    return Caller(_line(frame), _function(frame) if frame else "")


def users_line() -> str:
    """Where ``users_caller`` is, in words: faster, as it does not read the line."""
    return _line(_users_frame())


def is_library(module: object) -> bool:
    """Whether a module of that name belongs to Python, to the engine, or to a library that it knows."""
    return str(module).partition(".")[0] in _LIBRARIES


def _users_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and is_library(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return frame


def _line(frame: FrameType | None) -> str:
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}" if frame else "unknown file"


def _function(frame: FrameType) -> str:
    """The function in the call that a frame is at, such as ``math.exp``; empty where that is no plain call."""
    first, last, start, end = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    if first is None or last is None:
        return ""
    lines = [linecache.getline(frame.f_code.co_filename, i, frame.f_globals).encode() for i in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        call = ast.parse(b"".join(lines), mode="eval").body
    except (SyntaxError, ValueError):  # the file changed since
        return ""
    return ast.unparse(call.func) if isinstance(call, ast.Call) else ""

"""Where in the user's code something happened: file and line, and the call in it, for error messages."""

import ast
import linecache
import sys
import warnings
from itertools import islice
from types import FrameType
from typing import Any

_LIBRARIES = {"engine", "gradstep", "nn", "numpy", "pandas", "scipy"}
_LIBRARIES |= {"IPython", "ipykernel", "traitlets"}  # which change all the time; no result depends on them


def users_place() -> str:
    """The line of the user's code that runs now: the innermost that belongs to no library."""
    frame = _users_frame()
    return source_line(frame.f_code.co_filename, frame.f_lineno) if frame else "unknown file"


def users_call() -> str:
    """The function that this line is calling, such as ``math.exp``; empty where that is no plain call."""
    frame = _users_frame()
    if frame is None:
        return ""
    code = frame.f_code
    first, last, start, end = next(islice(code.co_positions(), frame.f_lasti // 2, None))
    if first is None or last is None:
        return ""
    lines = [linecache.getline(code.co_filename, i, frame.f_globals).encode() for i in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        call = ast.parse(b"".join(lines), mode="eval").body
    except (SyntaxError, ValueError):  # the file changed since
        return ""
    return ast.unparse(call.func) if isinstance(call, ast.Call) else ""


def _users_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe()
    while frame is not None and is_library(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return frame


def warn_user(words: str) -> None:
    """Warn at the innermost line that belongs to no library."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and is_library(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(words, stacklevel=level)


def source_line(filename: str, line: int) -> str:
    """What a user calls a line of code: that of the file, or in IPython and Jupyter of the cell, such as ``In[3]``."""
    naming = getattr(getattr(ipython_shell(), "compile", None), "format_code_name", None)
    kind, name = (naming and naming(filename)) or ("", filename)  # ("Cell", "In[3]"), or None for a file
    return f"{kind.lower()} {name}, line {line}".lstrip()


def ipython_shell() -> Any:
    """IPython's shell, if the code runs in one; None elsewhere."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def is_library(module: object) -> bool:
    """Whether a module of that name belongs to Python, to the engine, or to a library that it knows."""
    name = str(module).partition(".")[0]
    if name not in sys.stdlib_module_names:
        return name in _LIBRARIES
    file = getattr(sys.modules.get(name), "__file__", None)  # it may be one of the user's, such as a profile.py
    return file is None or file.startswith(sys.base_prefix)

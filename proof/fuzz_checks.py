"""What must be true of every input that a stranger gives, whatever it is for; the targets are in ``fuzz_targets.py``.

A target takes bytes. It may work, or raise one of the errors that are documented for it, with a message that fits on a
few lines. Everything else is a finding: another error, code that is run, a file touched or a program started that is
none of the target's business, or more memory than a bound that grows with nothing but the number of bytes.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import shutil
import sys
import sysconfig
import tempfile
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_LONGEST_MESSAGE = 1500  # characters


class Finding(AssertionError):  # noqa: N818
    """What may not be."""


@dataclass(frozen=True)
class Target:
    """Something that takes bytes from a stranger."""

    name: str
    run: Callable[[bytes], None]
    errors: tuple[type[Exception], ...]
    seeds: Callable[[], list[bytes]]
    words: tuple[str, ...]
    """What a random change would hardly ever hit upon."""
    changed: Callable[[bytes, random.Random], bytes | None] = lambda data, rng: None
    """The input with one thing in it changed that a random change of bytes would destroy; None where there is none."""
    fixed: int = 4_000_000
    """Bytes of memory that any input may take, and how many more for each byte of it."""
    a_byte: int = 500


def check(target: Target, data: bytes) -> None:
    """Give these bytes to the target.

    Raises:
        Finding: it did what it may not do.
    """
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    with warnings.catch_warnings(), _watched():
        warnings.simplefilter("error")
        try:
            target.run(data)
        except target.errors as error:
            if type(error) not in target.errors:
                raise Finding(f"{target.name}: {type(error).__name__} is not one of its errors: {error}") from error
            if not str(error) or len(str(error)) > _LONGEST_MESSAGE:
                raise Finding(f"{target.name}: a message of {len(str(error)):,} characters") from error
        except Finding:
            raise
        except Exception as error:
            raise Finding(f"{target.name}: {type(error).__name__}: {error}") from error
    _, peak = tracemalloc.get_traced_memory()
    taken, allowed = peak - before, target.fixed + target.a_byte * len(data)
    if tracemalloc.is_tracing() and taken > allowed:
        raise Finding(f"{target.name}: {taken:,} bytes of memory for {len(data):,} bytes; {allowed:,} are allowed")


def warm_up(target: Target) -> list[bytes]:
    """Use the target once, so that all it imports is there before anything is counted; its seeds."""
    seeds = target.seeds()
    for seed in seeds:
        with contextlib.suppress(*target.errors):
            target.run(seed)
    return seeds


_watching = False
_forbidden: list[str] = []
_EVENTS = ("os.", "subprocess.", "socket.", "shutil.", "pickle.", "ctypes.", "webbrowser.")
_PACKAGES = sysconfig.get_path("platlib") + os.sep
_OWN = {"os.chmod", "os.rename", "os.remove", "os.listdir", "os.scandir", "os.chdir"}  # files are written whole


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Python tells of every file, program, connection and piece of code; in a watched stretch few of them are fine."""
    if not _watching:
        return
    if event == "exec":  # of a module that is imported only now, which is fine, or of a text, which is not
        code = arguments[0]
        wrong = code.co_name != "<module>" or not code.co_filename.endswith(".py")
    elif event == "open":
        name, _, flags = arguments
        writes = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        inside = isinstance(name, int) or os.path.abspath(os.fsdecode(name)).startswith(f"{folder()}{os.sep}")
        wrong = writes and not inside  # a number is a file that was opened before
    elif event == "subprocess.Popen":
        program = arguments[1]
        wrong = os.path.basename(program[0]) != "dot" and not program[2].endswith("rendering.py")
    elif event in ("ctypes.dlopen", "ctypes.dlsym"):
        library = arguments[0] if event == "ctypes.dlopen" else arguments[0]._name
        wrong = not str(library).startswith(_PACKAGES)  # numpy's is asked for its number of threads
    else:
        wrong = event.startswith(_EVENTS) and event not in _OWN
    if wrong:
        _forbidden.append(f"{event}{arguments!r:.200}")


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    global _watching  # noqa: PLW0603 - an audit hook cannot be taken off again
    _install_hook()
    _forbidden.clear()
    writes_no_bytecode = sys.dont_write_bytecode
    _watching = sys.dont_write_bytecode = True  # a module that is imported only now is not written compiled
    try:
        yield
    finally:
        _watching, sys.dont_write_bytecode = False, writes_no_bytecode
    if _forbidden:
        raise Finding(f"it did what no data may make it do: {_forbidden[0]}")


@cache
def _install_hook() -> None:
    folder()
    sys.addaudithook(_audit)


@cache
def folder() -> Path:
    """An empty folder for the files of this process."""
    place = Path(tempfile.mkdtemp(prefix="gradstep-fuzz-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def file_of(data: bytes, name: str) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path

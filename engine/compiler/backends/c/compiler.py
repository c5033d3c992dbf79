"""The machine's compiler, and what it compiled before: a folder of libraries that are this user's alone."""

import ctypes
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from engine.validation import shortened
from engine.whole_files import write_whole

_STRICT = (
    *("-fno-fast-math", "-fno-unsafe-math-optimizations", "-fno-associative-math", "-fno-reciprocal-math"),
    *("-fno-finite-math-only", "-fsigned-zeros", "-O2"),  # not -Ofast
)
"""What takes back flags of the user's by which results would be others; also in linking, where they flush to zero."""
_EXACT = {"__FAST_MATH__": ("",), "__FINITE_MATH_ONLY__": ("0",), "__FLT_EVAL_METHOD__": ("0", "16")}
_FLAGS = ("-std=gnu11", "-fPIC", "-w", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd")
_DIGEST = 32


class Compiler(NamedTuple):
    """How it is called, and what it defines by itself: its version, the processor's features and the C library's."""

    command: tuple[str, ...]
    macros: str


def found_compiler() -> Compiler:
    """The one that setuptools would take; a RuntimeError says why there is none that computes as numpy does."""
    for line in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc"):
        try:
            command = shlex.split(line or "")
        except ValueError as error:
            raise RuntimeError(f"CC must be a command, got {shortened(line)}: {error}") from None
        if command and shutil.which(command[0]):
            found = _asked(tuple(command))
            if isinstance(found, str):
                raise RuntimeError(found)
            return found
    raise RuntimeError("there is no C compiler (gcc or clang) that setuptools would find")


@functools.cache
def _asked(command: tuple[str, ...]) -> Compiler | str:
    """What a command says of itself; or why it cannot be taken, which is not asked twice either."""
    line = shortened(shlex.join(command))
    for native in (("-march=native",), ()):
        own = [*command, *native, *_STRICT]
        try:
            done = _done([*own, "-dM", "-E", "-x", "c", "-"], "#include <math.h>\n")
        except OSError as error:
            return f"the C compiler {line} cannot be executed: {error.strerror}"
        if done.returncode == 0 and "__GNUC__" in done.stdout:
            macros = dict(text.split(" ", 2)[1:] for text in done.stdout.splitlines() if text.count(" ") > 1)
            if any(macros.get(name, exact[0]) not in exact for name, exact in _EXACT.items()):
                return f"the C compiler {line} rounds otherwise than numpy; leave out of CC what causes it"
            own += ["-fno-single-precision-constant"] if "__clang__" not in macros else []
            own += ["-mprefer-vector-width=512"] if "__AVX512F__" in macros else []
            return Compiler(tuple(own), done.stdout)
    return f"there is no C compiler: {line} is not gcc or clang, or it fails"


def library(compiler: Compiler, sources: Sequence[str]) -> ctypes.CDLL:
    """The library of these sources, compiled side by side unless that was done before.

    A RuntimeError says why there is none.
    """
    text = "\0".join([*compiler.command, *_FLAGS, compiler.macros, *sources])
    name = f"{hashlib.sha256(text.encode()).hexdigest()}.so"
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own:
            kept, unkept = (_cache_folder() or Path(own)) / name, Path(own) / "unkept.so"
            known = _sound_content(kept)
            content = known or _compiled(compiler, sources, Path(own))
            with suppress(OSError):  # the folder is full, or nothing in it may be executed
                if not known:
                    write_whole(kept, content + hashlib.sha256(content).digest())
                    kept.chmod(0o600)
                return ctypes.CDLL(str(kept))
            unkept.write_bytes(content)
            return ctypes.CDLL(str(unkept))
    except OSError as error:
        raise RuntimeError(f"what the C compiler makes cannot be written, or not be loaded: {error}") from None


def _sound_content(path: Path) -> bytes:
    """A library that was kept; nothing where it is not this user's alone, or not whole."""
    try:
        content = path.read_bytes() if _is_private(path) else b""
    except OSError:
        return b""
    library, digest = content[:-_DIGEST], content[-_DIGEST:]
    return library if hashlib.sha256(library).digest() == digest else b""


def _is_private(path: Path) -> bool:
    status = path.lstat()
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _cache_folder() -> Path | None:
    """The folder of libraries; None where there can be none that is this user's alone."""
    default = {"win32": os.environ.get("LOCALAPPDATA", "~"), "darwin": "~/Library/Caches"}.get(sys.platform, "~/.cache")
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or default).expanduser() / "gradstep" / "native"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if folder.is_dir() and _is_private(folder) and os.access(folder, os.W_OK) else None
    except (OSError, RuntimeError):  # the second where the user has no home
        return None


def _compiled(compiler: Compiler, sources: Sequence[str], folder: Path) -> bytes:
    def compiled(index: int) -> str:
        path = folder / f"{index}.c"
        path.write_text(sources[index], encoding="ascii")
        _call([*compiler.command, *_FLAGS, "-c", str(path), "-o", str(path.with_suffix(".o"))])
        return str(path.with_suffix(".o"))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = [*pool.map(compiled, range(len(sources)))]
    path = folder / "linked.so"
    is_glibc = "__GLIBC__" in compiler.macros and "__x86_64__" in compiler.macros
    _call([*compiler.command, "-shared", *objects, "-o", str(path), *(("-lmvec",) if is_glibc else ()), "-lm"])
    return path.read_bytes()


def _call(command: Sequence[str]) -> None:
    """Have the compiler make the file that its command names after ``-o``."""
    done = _done(command)
    if done.returncode or not Path(command[command.index("-o") + 1]).exists():
        raise RuntimeError(f"{command[0]} failed: {(done.stderr.splitlines() or ['it wrote no file'])[0]}")


def _done(command: Sequence[str], given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, errors="replace", check=False)

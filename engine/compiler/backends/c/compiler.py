"""The machine's compiler, and what it compiled before: a folder of libraries that are this user's alone."""

from __future__ import annotations

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
from pathlib import Path
from typing import NamedTuple

from engine.whole_files import write_whole

_FLAGS = ("-std=gnu11", "-fPIC", "-w", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
_QUICK = ("-O2", "-fopenmp-simd")  # long straight lines
_VECTORS = ("-O2", "-ftree-vectorize", "-fopenmp-simd")
_DIGEST = 32


class Compiler(NamedTuple):
    """How it is called, and what it defines by itself: its version, the processor's features and the C library's."""

    command: tuple[str, ...]
    macros: str


def found_compiler() -> Compiler | None:
    """The one that setuptools would take, where it works and has vectors as gcc and clang have."""
    for line in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc"):
        command = shlex.split(line or "")
        if command and shutil.which(command[0]):
            return _asked(tuple(command))
    return None


@functools.cache
def _asked(command: tuple[str, ...]) -> Compiler | None:
    for native in (("-march=native",), ()):
        asked = [*command, *native, "-dM", "-E", "-x", "c", "-"]
        done = subprocess.run(asked, input="#include <math.h>\n", capture_output=True, text=True, check=False)
        if done.returncode == 0 and "__GNUC__" in done.stdout:
            wide = ("-mprefer-vector-width=512",) if "__AVX512F__" in done.stdout else ()
            return Compiler((*command, *native, *wide), done.stdout)
    return None


def library(compiler: Compiler, quick: Sequence[str], vectors: str) -> ctypes.CDLL:
    """The library of these sources, compiled unless that was done before.

    Args:
        compiler: what compiles.
        quick: long sources, which are compiled side by side, in a hurry.
        vectors: a source in which loops become vectors.

    Raises:
        RuntimeError: it cannot be compiled.
    """
    text = "\0".join([*compiler.command, *_FLAGS, *_QUICK, *_VECTORS, compiler.macros, *quick, vectors])
    name = f"{hashlib.sha256(text.encode()).hexdigest()}.so"
    folder = _cache_folder()
    if folder is not None and _is_sound(folder / name):
        return ctypes.CDLL(str(folder / name))
    with tempfile.TemporaryDirectory() as own:
        return _load(_compiled(compiler, quick, vectors, Path(own)), (folder or Path(own)) / name)


def _load(content: bytes, path: Path) -> ctypes.CDLL:
    write_whole(path, content + hashlib.sha256(content).digest())
    path.chmod(0o600)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise RuntimeError(f"what the compiler made cannot be loaded: {error}") from None


def _is_sound(path: Path) -> bool:
    """Whether a file is this user's alone, and whole."""
    try:
        content = path.read_bytes() if _is_private(path) else b""
    except OSError:
        return False
    return len(content) > _DIGEST and hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]


def _is_private(path: Path) -> bool:
    status = path.lstat()
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _cache_folder() -> Path | None:
    """The folder of libraries; None where there can be none that is this user's alone."""
    default = {"win32": os.environ.get("LOCALAPPDATA", "~"), "darwin": "~/Library/Caches"}.get(sys.platform, "~/.cache")
    folder = Path(os.environ.get("XDG_CACHE_HOME") or default).expanduser() / "gradstep" / "native"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if folder.is_dir() and _is_private(folder) and os.access(folder, os.W_OK) else None
    except OSError:
        return None


def _compiled(compiler: Compiler, quick: Sequence[str], vectors: str, folder: Path) -> bytes:
    """The content of a library."""

    def compiled(index: int, source: str, flags: tuple[str, ...]) -> str:
        path = folder / f"{index}.c"
        path.write_text(source, encoding="ascii")
        _call([*compiler.command, *_FLAGS, *flags, "-c", str(path), "-o", str(path.with_suffix(".o"))])
        return str(path.with_suffix(".o"))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        works = [pool.submit(compiled, -1, vectors, _VECTORS)]
        works += [pool.submit(compiled, index, source, _QUICK) for index, source in enumerate(quick)]
        objects = [work.result() for work in works]
    path = folder / "linked.so"
    is_glibc = "__GLIBC__" in compiler.macros and "__x86_64__" in compiler.macros
    _call([*compiler.command, "-shared", *objects, "-o", str(path), *(("-lmvec",) if is_glibc else ()), "-lm"])
    return path.read_bytes()


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(done.stderr.splitlines() or ['no message'])[0]}")

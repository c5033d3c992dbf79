"""Files that are written whole or not at all: a temporary file beside them is written, then renamed."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.validation import Unchecked, shortened


def as_path(name: str, given: Unchecked, kind: str = "file") -> Path:
    """The argument called *name* as a Path; a TypeError unless it names a file, as a str or an os.PathLike."""
    if isinstance(given, (str, os.PathLike)) and isinstance(os.fspath(given), str):
        return Path(given)
    raise TypeError(f"{name} must be the name of a {kind}, as a str or a Path, got {shortened(given)}")


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all; an OSError says why not.

    Of a link, its target is replaced. Devices and pipes are written directly.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A file to write into, which takes the place of *path* when the block ends, and vanishes when it fails.

    What makes that impossible is an OSError before anything is computed in the block, where that can be known.
    """
    given = Path(path)
    try:
        _check_replaceable(given)
        if is_device(given):
            yield given
            return
        target = Path(os.path.realpath(given))
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
        os.close(handle)
        try:
            yield Path(name)
            with open(name, "rb+") as file:
                os.fsync(file.fileno())  # or a power cut could leave the new name with no content
            os.umask(mask := os.umask(0))
            os.chmod(name, target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~mask)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:  # names the file asked for, not the one beside it
        if error.strerror is None:  # a TimeoutError of the caller's
            raise
        raise type(error)(error.errno, error.strerror, str(given)) from error


def is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def check_writable(path: Path) -> None:
    """Raise an OSError if no file can be written at *path*."""
    _check_replaceable(path)
    if not is_device(path):
        folder = Path(os.path.realpath(path)).parent
        try:
            handle, name = tempfile.mkstemp(prefix=".gradstep", dir=folder)  # a vanished folder may seem to exist
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(folder)) from None
        os.close(handle)
        Path(name).unlink()


def _check_replaceable(path: Path) -> None:
    """Raise an OSError if this is a folder or a read-only file."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "this is a folder, and must be a file name", str(path))
    if path.exists() and not (path.stat().st_mode & 0o222 and os.access(path, os.W_OK)):  # root may write anything
        raise PermissionError(errno.EACCES, "this file is read-only", str(path))

"""IDX files, the format of the MNIST database: read with every number of the header checked, and nothing executed.

A file is a magic number, the size of each dimension, and the bytes; the numbers before are of four bytes, the highest
first.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np

    Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_KINDS = {2049: "labels", 2051: "images"}  # 0x08 for bytes, and the number of dimensions, 1 or 3
_SIDE = 28
_GZIP = b"\x1f\x8b"
_MOST_PACKED, _SMALL = 100, 1 << 20  # what unpacks to more than 100 times its size, and a megabyte, is no real data

_WHERE = (
    "The four files of the MNIST database are on its authors' site (LeCun, Cortes and Burges: THE MNIST DATABASE of "
    "handwritten digits); mirrors are in the cloud storage of CVDF and of PyTorch, where torchvision gets them"
)


def mnist_part(folder: Path, part: str) -> tuple[Bytes, Bytes]:
    """Images ``(n, 784)`` and labels ``(n,)`` of ``"train"`` or ``"t10k"``, as bytes.

    Raises:
        FileNotFoundError: a file is not there; the message says where the files are to be had.
        ValueError: a file is no whole file of its kind, or the two do not fit together.
    """
    images_file, labels_file = found(folder, f"{part}-images", 3), found(folder, f"{part}-labels", 1)
    images, labels = read(images_file, 2051), read(labels_file, 2049)
    if images.shape[1:] != (_SIDE, _SIDE):
        raise ValueError(f"{images_file}: images of {images.shape[1]} x {images.shape[2]}; those of MNIST are 28 x 28")
    if len(images) != len(labels):
        raise ValueError(
            f"{images_file} has {len(images):,} images, but {labels_file.name} {len(labels):,} labels; "
            "they are not of one set"
        )
    if len(labels) == 0 or labels.max() > 9:
        wrong = "there is no label in it" if len(labels) == 0 else f"the label {labels.max()} is no digit 0 ... 9"
        raise ValueError(f"{labels_file}: {wrong}")
    return images.reshape(len(images), _SIDE * _SIDE), labels


def found(folder: Path, name: str, dimensions: int) -> Path:
    """The file of that name in a folder, gzipped or not.

    Raises:
        FileNotFoundError: it is not there.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder. {_WHERE}")
    names = [f"{name}{mark}idx{dimensions}-ubyte{end}" for end in ("", ".gz") for mark in "-."]
    for each in names:
        if (folder / each).is_file():
            return folder / each
    raise FileNotFoundError(f"{folder}: {names[0]} is not in it, nor {names[2]}. {_WHERE}")


def read(path: Path, magic: int) -> Bytes:
    """The bytes of an IDX file with that magic number, in the shape that its header says.

    Raises:
        ValueError: it is no whole file of that kind.
    """
    import numpy as np

    size = path.stat().st_size
    with open(path, "rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        if not packed:
            content, shape = _content(path, raw, magic, size)
        else:
            try:
                with gzip.GzipFile(fileobj=raw) as file:
                    content, shape = _content(path, file, magic, max(_MOST_PACKED * size, _SMALL))  # type: ignore[arg-type]
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise ValueError(f"{path}: the gzipped file is damaged or cut off ({error}); get it again") from None
    return np.frombuffer(content, np.uint8).reshape(shape)


def _content(path: Path, file: BinaryIO, magic: int, most: int) -> tuple[bytes, list[int]]:
    """What is after the header, and the sizes in it; *most* is how many bytes are believable in all."""
    head = file.read(4)
    number = int.from_bytes(head, "big")
    if len(head) < 4 or number != magic:
        raise ValueError(f"{path}: {_other(number, magic, len(head))}")
    n_dimensions = magic % 256
    sizes = file.read(4 * n_dimensions)
    if len(sizes) < 4 * n_dimensions:
        raise ValueError(f"{path}: the file ends inside its header; get it again")
    shape = [int.from_bytes(sizes[start : start + 4], "big") for start in range(0, len(sizes), 4)]
    length = math.prod(shape)
    wanted = f"its header says {' x '.join(f'{size:,}' for size in shape)} bytes"
    if length > most:
        raise ValueError(f"{path}: {wanted}, but the file is too small to hold them; it is cut off or damaged")
    content = file.read(length + 1)
    if len(content) != length:
        there = f"there are only {len(content):,}; it is cut off" if len(content) < length else "there are more"
        raise ValueError(f"{path}: {wanted}, and {there}; get it again")
    return content, shape


def _other(number: int, magic: int, length: int) -> str:
    """What is wrong with a file that begins with another number."""
    if length < 4:
        return "the file ends inside its header; get it again"
    if number in _KINDS:
        return f"there are {_KINDS[number]} in it, where {_KINDS[magic]} are wanted; are two files swapped?"
    return f"no IDX file of {_KINDS[magic]}: it begins with the number {number}, not {magic}"

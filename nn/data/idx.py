"""IDX files, the format of the MNIST database, with every number of the header checked.

A file has a magic number and the size of each dimension, in four bytes each, the highest first; then the bytes.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from nn.data.packed_files import unpack

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_KINDS = {2049: "labels", 2051: "images"}  # 0x08 for bytes, and the number of dimensions, 1 or 3
_WHERE = (
    "The four files of the MNIST database are on its authors' site (LeCun, Cortes and Burges: THE MNIST DATABASE of "
    "handwritten digits); mirrors are in the cloud storage of CVDF and of PyTorch, where torchvision gets them"
)


def mnist_part(folder: Path, part: str) -> tuple[Bytes, Bytes]:
    """Images ``(n, 784)`` and labels ``(n,)`` of ``"train"`` or ``"t10k"``, as bytes."""
    images_file, labels_file = find_file(folder, f"{part}-images", 3), find_file(folder, f"{part}-labels", 1)
    images, labels = read_idx(images_file, 2051), read_idx(labels_file, 2049)
    if images.shape[1:] != (28, 28):
        raise ValueError(f"{images_file}: images of {images.shape[1]} x {images.shape[2]}; those of MNIST are 28 x 28")
    if len(images) != len(labels):
        raise ValueError(
            f"{images_file} has {len(images):,} images, but {labels_file.name} {len(labels):,} labels; "
            "they are not of one set"
        )
    if len(labels) == 0 or labels.max() > 9:
        wrong = "there is no label in it" if len(labels) == 0 else f"the label {labels.max()} is no digit 0 ... 9"
        raise ValueError(f"{labels_file}: {wrong}")
    return images.reshape(len(images), 28 * 28), labels


def find_file(folder: Path, name: str, dimensions: int) -> Path:
    """The file of that name in a folder, gzipped or not."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder. {_WHERE}")
    names = [f"{name}{mark}idx{dimensions}-ubyte{end}" for end in ("", ".gz") for mark in "-."]
    for each in names:
        if (folder / each).is_file():
            return folder / each
    raise FileNotFoundError(f"{folder}: {names[0]} is not in it, nor {names[2]}. {_WHERE}")


def read_idx(path: Path, magic: int) -> Bytes:
    """The bytes of an IDX file with that magic number, in the shape of its header."""
    data, start = unpack(path), 4 + 4 * (magic % 256)
    number = int.from_bytes(data[:4], "big")
    if number != magic:
        got = f"{_KINDS[number]}; are two files swapped?" if number in _KINDS else f"one that begins with {data[:4]!r}"
        raise ValueError(f"{path} must be an IDX file of {_KINDS[magic]}, got {got}")
    shape = np.frombuffer(data[4:start].ljust(start - 4, b"\0"), ">u4").tolist()
    there = len(data) - start
    if there != math.prod(shape):  # as where the header is cut off
        sizes = " x ".join(f"{size:,}" for size in shape)
        raise ValueError(f"{path} must have {sizes} bytes after its header, got {max(there, 0):,}; get it again")
    return np.frombuffer(data, np.uint8, there, start).reshape(shape)

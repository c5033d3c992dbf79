"""Data sets: examples with their targets, and those that the command trains on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from engine.optional_packages import optional_package
from nn.data.tables import Table, as_column, as_table
from nn.initialization import random_numbers
from nn.lazy_numpy import np
from nn.validation import as_number, check_int, shortened


@dataclass(frozen=True, repr=False)
class DataSet:
    """Examples, their targets, and names of columns, if any; ``X, y = moons()`` works.

    >>> data = xor()
    >>> data.X.shape, data.y, data.columns
    ((4, 2), [0, 1, 1, 0], ['a', 'b'])
    >>> data
    DataSet of 4 examples: X of shape (4, 2), columns 'a', 'b'; y begins with 0, 1, 1
    """

    X: Table
    y: list[Any]
    columns: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        n = len(self.y)
        names = ", ".join(shortened(name, 30) for name in self.columns[:4]) + ", ..." * (len(self.columns) > 4)
        columns = f", columns {names}" if names else ""
        first = [label.item() if isinstance(label, np.generic) else label for label in list(self.y)[:3]]
        begins = f"; y begins with {', '.join(shortened(label, 30) for label in first)}" if n else ""
        return f"DataSet of {n:,} example{'s' * (n != 1)}: X of shape {np.shape(self.X)}{columns}{begins}"

    def __iter__(self) -> Iterator[Any]:
        return iter((self.X, self.y))

    def split(self, share: float, seed: int) -> tuple[DataSet, DataSet]:
        """Two random parts, the second with that share of the examples, and at least one.

        Raises:
            ValueError: *share* is not in (0, 1), or there are fewer than two examples, or not as many targets.
        """
        n = len(self.y)
        if len(self.X) != n:
            raise ValueError(f"y must have {len(self.X)} examples, as X has, got {n}")
        if n < 2:
            raise ValueError(f"at least two examples must be there, one of them to test with, got {n}")
        kept, held_out = split_indices(n, as_number("share", share, "(0, 1)"), random_numbers(seed))
        return self.rows(kept), self.rows(held_out)

    def rows(self, indices: list[int]) -> DataSet:
        """The examples at these places, also of a frame, whose index may be any."""
        y: Any = np.asarray(self.y) if hasattr(self.y, "iloc") else self.y
        return replace(self, X=np.asarray(self.X)[indices], y=[y[index] for index in indices])


def split_indices(n: int, share: float, rng: Any) -> tuple[list[int], list[int]]:
    """The indices of *n* examples in two random parts, as ``DataSet.split``."""
    order = list(range(n))
    rng.shuffle(order)
    n_held_out = min(max(round(share * n), 1), n - 1)
    return order[n_held_out:], order[:n_held_out]


def digits() -> DataSet:
    """1,797 handwritten digits of 8 x 8 pixels in 0 ... 16, labels 0 ... 9.

    Alpaydin and Kaynak, 1998.
    """
    bunch = optional_package("sklearn.datasets", "digits", '"gradstep[demo]"').load_digits()
    return DataSet(as_table(bunch.data), as_column(bunch.target), list(map(str, bunch.feature_names)))


def mnist(folder: str | PathLike[str]) -> tuple[Any, Any, Any, Any]:
    """The MNIST database of handwritten digits, from its four files, gzipped or not.

    LeCun et al., 1998. The files are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
    ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each also with ``.gz``. They are not part of gradstep.

    Returns:
        ``X_train, y_train, X_test, y_test``: images as rows of 28 * 28 = 784 numbers in [0, 1], 0 for paper and 1 for
        ink, in arrays of float32; labels 0 ... 9 in arrays of int64. 60,000 and 10,000 of them.

    Raises:
        FileNotFoundError: a file is missing; the message says where the files can be found.
        ValueError: a file is cut off, damaged or swapped with another.
    """
    from nn.data.idx import mnist_part

    (images, labels), (test_images, test_labels) = (mnist_part(Path(folder), part) for part in ("train", "t10k"))
    if (len(labels), len(test_labels)) == (10_000, 60_000):
        raise ValueError(f"{folder}: the files of train and of t10k are swapped; train has 60,000 images, t10k 10,000")
    X, X_test = (np.divide(part, 255.0, dtype=np.float32) for part in (images, test_images))
    return X, labels.astype(np.int64), X_test, test_labels.astype(np.int64)


def moons(n_examples: int = 200, noise: float = 0.1, seed: int = 0) -> DataSet:
    """Two half circles that reach into each other, with normal noise; labels 0 and 1.

    >>> moons(100).X.shape
    (100, 2)
    """
    rng, labels = random_numbers(seed), [i % 2 for i in range(check_int("n_examples", n_examples, 1))]
    noise = as_number("noise", noise, "[0, inf)")
    rows = []
    for label in labels:
        angle = math.pi * rng.random()
        x, y = (1.0 - math.cos(angle), 0.5 - math.sin(angle)) if label else (math.cos(angle), math.sin(angle))
        rows.append([x + rng.gauss(0.0, noise), y + rng.gauss(0.0, noise)])
    return DataSet(as_table(rows), labels, ["x", "y"])


def xor() -> DataSet:
    """Exclusive or, four examples: the smallest problem that no single neuron solves."""
    return DataSet(as_table([[0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0], ["a", "b"])

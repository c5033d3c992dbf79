"""Numbers in any form: lists, tuples, dicts and arrays of them, taken apart and put together again.

A leaf is a number or a whole array; a pandas Series or DataFrame is an array with names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def is_array(thing: Any) -> bool:
    """Whether it is an array with axes."""
    return bool(getattr(thing, "shape", ()))


def is_tree(thing: Any) -> bool:
    """Whether it holds other things, as lists, tuples, dicts and arrays do."""
    return isinstance(thing, (list, tuple, dict)) or is_array(thing)


def tree_leaves(tree: Any) -> list[Any]:
    """The numbers and arrays in a tree, from left to right; those of a dict in the order of its keys.

    >>> tree_leaves({"a": 1, "b": [2, (3, 4)]})
    [1, 2, 3, 4]
    """
    parts = tree.values() if isinstance(tree, dict) else tree
    if isinstance(tree, (list, tuple, dict)):
        return [leaf for part in parts for leaf in tree_leaves(part)]
    return [tree]


def flattened(tree: Any) -> list[Any]:
    """The numbers in a tree, those in arrays too."""
    return [number for leaf in tree_leaves(tree) for number in _numbers(leaf)]


def flattened_like(form: Any, tree: Any) -> list[Any] | None:
    """The numbers of *tree* in the order of *form*; None where it has another form. A list may stand for an array.

    >>> flattened_like({"a": 1, "b": [2, 3]}, {"b": [5, 6], "a": 4})
    [4, 5, 6]
    """
    if not is_tree(form):
        return None if is_tree(tree) else _numbers(tree)
    if not is_tree(tree) or isinstance(tree, dict) != isinstance(form, dict) or len(tree) != len(form):
        return None
    if isinstance(form, dict):
        if tree.keys() != form.keys():
            return None
        pairs = [(part, tree[key]) for key, part in form.items()]
    elif is_array(form) and is_array(tree):
        named = _names(form) == _names(tree) or not (_names(form) and _names(tree))
        return _numbers(tree) if tuple(form.shape) == tuple(tree.shape) and named else None
    else:
        pairs = list(zip(_rows(form), _rows(tree)))
    found = [flattened_like(part, branch) for part, branch in pairs]
    return None if any(numbers is None for numbers in found) else [n for numbers in found for n in numbers or []]


def rebuilt(form: Any, numbers: Sequence[Any]) -> Any:
    """The form of a tree with other numbers.

    >>> rebuilt({"a": 1, "b": [2, (3, 4)]}, "wxyz")
    {'a': 'w', 'b': ['x', ('y', 'z')]}
    """
    return with_leaves(form, split_like(form, numbers))


def split_like(form: Any, numbers: Sequence[Any], outer: tuple[int, ...] | None = None) -> list[Any]:
    """A leaf of those numbers for each leaf of *form*.

    With *outer*, the shape of an array, there are as many times more numbers, and each leaf becomes an array with
    these axes before the axes of its own: *numbers* has a row of all leaves for each number of that array.

    >>> split_like([0, [0, 0]], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], outer=(2,))
    [array([1., 4.]), array([2., 5.]), array([3., 6.])]
    """
    sizes = [_size(leaf) for leaf in tree_leaves(form)]
    width = sum(sizes)
    leaves, start = [], 0
    for leaf, size in zip(tree_leaves(form), sizes):
        if outer is None:
            leaves.append(_filled(leaf, numbers[start : start + size]))
        else:
            rows = range(start, len(numbers), width or 1)
            chosen = [number for row in rows for number in numbers[row : row + size]]
            leaves.append(_array(chosen, (*outer, *getattr(leaf, "shape", ()))))
        start += size
    return leaves


def with_leaves(form: Any, leaves: Sequence[Any]) -> Any:
    """The form of a tree with other leaves."""
    return _with(form, iter(leaves))


def _with(form: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(form, dict):
        return {key: _with(part, leaves) for key, part in form.items()}
    if isinstance(form, tuple) and hasattr(form, "_fields"):
        return type(form)(*(_with(part, leaves) for part in form))
    if isinstance(form, (list, tuple)):
        return type(form)([_with(part, leaves) for part in form])
    return next(leaves)


def _numbers(leaf: Any) -> list[Any]:
    """The numbers of an array, row by row; a number alone, also out of an array with no axes."""
    if is_array(leaf):
        return list(_bare(leaf).ravel().tolist())
    return [leaf.item() if getattr(leaf, "shape", None) == () else leaf]


def _size(leaf: Any) -> int:
    size = 1
    for length in getattr(leaf, "shape", ()):
        size *= length
    return size


def _bare(array: Any) -> Any:
    """The numbers of a Series or DataFrame as an array without names; other arrays as they are."""
    return array.to_numpy() if hasattr(array, "iloc") else array


def _rows(thing: Any) -> Any:
    return _bare(thing) if is_array(thing) else thing


def _names(array: Any) -> list[list[Any]]:
    """The names along each axis of a Series or DataFrame; none for other arrays."""
    return [list(axis) for axis in array.axes] if hasattr(array, "iloc") else []


def _filled(leaf: Any, numbers: Sequence[Any]) -> Any:
    """A leaf of the same kind with other numbers."""
    if not is_array(leaf):
        return numbers[0]
    array = _array(list(numbers), tuple(leaf.shape))
    if not hasattr(leaf, "iloc"):
        return array
    names = {name: getattr(leaf, name) for name in ("index", "columns", "name") if hasattr(leaf, name)}
    return type(leaf)(array, **names)


def _array(numbers: list[Any], shape: tuple[int, ...]) -> Any:
    import numpy as np

    if all(isinstance(number, float) for number in numbers):
        return np.array(numbers, dtype=float).reshape(shape)
    array = np.empty(len(numbers), dtype=object)
    array[:] = numbers
    return array.reshape(shape)

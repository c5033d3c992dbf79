"""Numbers in any form: lists, tuples, dicts and numpy arrays of them, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def is_tree(thing: Any) -> bool:
    """Whether it holds other things, as lists, tuples, dicts and arrays do."""
    return isinstance(thing, (list, tuple, dict)) or bool(getattr(thing, "shape", ()))


def flattened(tree: Any) -> list[Any]:
    """The leaves, from left to right; those of a dict in the order of its keys.

    >>> flattened({"a": 1, "b": [2, (3, 4)]})
    [1, 2, 3, 4]
    """
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in flattened(part)]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in flattened(part)]
    if is_tree(tree):
        return list(tree.ravel().tolist())
    return [tree]


def flattened_like(form: Any, tree: Any) -> list[Any] | None:
    """The leaves of *tree* in the order of *form*; None where it has another form. A list may stand for an array.

    >>> flattened_like({"a": 1, "b": [2, 3]}, {"b": [5, 6], "a": 4})
    [4, 5, 6]
    """
    if not is_tree(form):
        return None if is_tree(tree) else [tree]
    if isinstance(form, dict):
        if not isinstance(tree, dict) or tree.keys() != form.keys():
            return None
        pairs = [(part, tree[key]) for key, part in form.items()]
    else:
        if not is_tree(tree) or isinstance(tree, dict) or len(tree) != len(form):
            return None
        pairs = list(zip(form, tree))
    found = [flattened_like(part, branch) for part, branch in pairs]
    return None if any(leaves is None for leaves in found) else [leaf for leaves in found for leaf in leaves or []]


def rebuilt(form: Any, leaves: Sequence[Any]) -> Any:
    """The form of a tree with other leaves; where those are arrays themselves, arrays grow by their axes.

    >>> rebuilt({"a": 1, "b": [2, (3, 4)]}, "wxyz")
    {'a': 'w', 'b': ['x', ('y', 'z')]}
    """
    return _rebuilt(form, iter(leaves))


def _rebuilt(form: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(form, dict):
        return {key: _rebuilt(part, leaves) for key, part in form.items()}
    if isinstance(form, tuple) and hasattr(form, "_fields"):
        return type(form)(*(_rebuilt(part, leaves) for part in form))
    if isinstance(form, (list, tuple)):
        return type(form)([_rebuilt(part, leaves) for part in form])
    if is_tree(form):
        return _array(form, [next(leaves) for _ in range(form.size)])
    return next(leaves)


def _array(form: Any, leaves: list[Any]) -> Any:
    import numpy as np

    if all(isinstance(leaf, float) for leaf in leaves):
        return np.array(leaves).reshape(form.shape)
    if leaves and all(getattr(leaf, "shape", ()) for leaf in leaves):
        return np.stack(leaves).reshape(*form.shape, *leaves[0].shape)
    array = np.empty(len(leaves), dtype=object)
    array[:] = leaves
    return array.reshape(form.shape)

"""Numbers in any form: lists, tuples, dicts and arrays of them, taken apart and put together again.

A leaf is a number or a whole array; a pandas Series or DataFrame is an array with names.
"""

from collections.abc import Callable, Iterable
from copy import copy
from itertools import islice
from math import prod
from typing import Any

from engine.names import are_counted, check_ordered, check_unmasked, names_of, order_of


def is_array(thing: Any) -> bool:
    return bool(getattr(thing, "shape", ()))


def is_tree(thing: Any) -> bool:
    """Whether it holds other things, as lists, tuples, dicts and arrays do."""
    return isinstance(thing, (list, tuple, dict)) or is_array(thing)


def flattened(tree: Any) -> list[Any]:
    """The numbers in a tree, from left to right and row by row; those of a dict in the order of its keys.

    >>> flattened({"a": 1, "b": [2, (3, 4)]})
    [1, 2, 3, 4]
    """
    if isinstance(tree, (list, tuple, dict)):
        parts = tree.values() if isinstance(tree, dict) else tree
        return [number for part in parts for number in flattened(part)]
    check_unmasked(tree, "an array")
    if is_array(tree):
        array = _bare(tree)
        if not hasattr(array, "ravel"):
            kind = f"{type(tree).__module__.partition('.')[0]} {type(tree).__name__}"
            raise TypeError(
                f"numbers must be in arrays of numpy, lists, dicts or pandas, got a {kind}; use .to_numpy()"
            )
        return list(array.ravel().tolist())
    return [tree.item() if getattr(tree, "shape", None) == () else tree]  # an array with no axes is its number


def flattened_like(form: Any, tree: Any) -> list[Any]:
    """The numbers of *tree* in the order of *form*. A list may stand for an array; names come in any order.

    Another form, other names, names where *form* has none, and masked numbers are a ValueError.
    """
    if is_tree(form) != is_tree(tree) or isinstance(form, dict) != isinstance(tree, dict):
        raise ValueError("other containers")
    if not is_tree(form):
        return flattened(tree)
    check_ordered(tree, "they")
    _check_shapes(form, tree)
    parts, branches = _parts(form), _parts(tree)
    names, others = names_of(form), names_of(tree)
    if others and not (names or are_counted(others)):
        raise ValueError("names where the form has none")
    order = order_of(others, names, strict=True)
    branches = branches if order is None else [branches[place] for place in order]
    return [number for part, branch in zip(parts, branches, strict=True) for number in flattened_like(part, branch)]


def _parts(tree: Any) -> list[Any]:
    return list(tree.values() if isinstance(tree, dict) else _bare(tree))


def _check_shapes(form: Any, tree: Any) -> None:
    """Raise a ValueError if one of two arrays has another shape, or a frame has other names of rows or columns."""
    if is_array(form) and is_array(tree) and tuple(form.shape) != tuple(tree.shape):
        raise ValueError("another shape")
    axes = [[list(axis) for axis in getattr(each, "axes", ())] for each in (form, tree)]
    if len(axes[1]) == 2 and axes[0] != axes[1] and (axes[0] or not all(map(are_counted, axes[1]))):
        raise ValueError("other names")


def places(tree: Any, place: str = "") -> list[str]:
    """Where each number of ``flattened`` stands, by names or by positions, such as ``['b'][0]``."""
    if not is_tree(tree):
        return [place]
    parts = _parts(tree)
    names = names_of(tree) or range(len(parts))
    return [each for name, part in zip(names, parts) for each in places(part, f"{place}[{name!r}]")]


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """The form of a tree with another leaf in place of each."""
    if isinstance(tree, dict):
        filled = {} if object.__getstate__(tree) else copy(tree)  # attributes may be the old numbers
        dict.update(filled, {key: mapped(function, part) for key, part in tree.items()})
        return filled
    if isinstance(tree, (list, tuple)):
        parts = [mapped(function, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return function(tree)


def rebuilt(form: Any, numbers: Iterable[Any]) -> Any:
    """The form of a tree with other numbers; of an iterator, it takes as many as it needs.

    >>> rebuilt({"a": 1, "b": [2, (3, 4)]}, "wxyz")
    {'a': 'w', 'b': ['x', ('y', 'z')]}
    """
    source = iter(numbers)

    def filled(leaf: Any) -> Any:
        if not is_array(leaf):
            return next(source)
        array = _array(islice(source, prod(leaf.shape)), tuple(leaf.shape))
        if _is_matrix(leaf):
            return array.view(type(leaf))
        if not hasattr(leaf, "iloc"):
            return array
        return type(leaf)(array, **{name: getattr(leaf, name) for name in _NAMES if hasattr(leaf, name)})

    return mapped(filled, form)


def stacked(form: Any, rows: Iterable[Iterable[Any]], outer: tuple[int, ...]) -> Any:
    """The form of a tree with arrays, which have the axes *outer* before those of the leaf; from *rows* of its numbers.

    >>> stacked([0, [0, 0]], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], (2,))
    [array([1., 4.]), [array([2., 5.]), array([3., 6.])]]
    """
    sources = [iter(row) for row in rows]

    def filled(leaf: Any) -> Any:
        shape = getattr(leaf, "shape", ())
        return _array((number for source in sources for number in islice(source, prod(shape))), (*outer, *shape))

    return mapped(filled, form)


_NAMES = ("index", "columns", "name")  # of a Series or DataFrame


def _bare(array: Any) -> Any:
    """The numbers of a Series, a DataFrame or a matrix as a plain array; anything else as it is."""
    if _is_matrix(array):  # each row of one is one again
        return array.A
    return array.to_numpy() if hasattr(array, "iloc") else array


def _is_matrix(array: Any) -> bool:
    """Whether it is a ``np.matrix``, of which ``*`` and ``**`` are those of matrices."""
    return hasattr(type(array), "A1")


def _array(numbers: Iterable[Any], shape: tuple[int, ...]) -> Any:
    import numpy as np

    flat = list(numbers)
    array = np.empty(len(flat), dtype=float if all(isinstance(number, float) for number in flat) else object)
    array[:] = flat
    return array.reshape(shape)

"""Gradients that are Values, of leaves that nobody holds any more: found and let go.

Such a gradient is a graph that holds its leaf, and the leaf holds the gradient, in ``HIGHER``. Python's garbage
collector does not look into that table, and knows nothing of compiled Values. So their references are counted here,
as it would: what has none from outside of those graphs, and is in no graph that has one, only holds itself.
"""

from __future__ import annotations

import gc
import sys

from engine.value import HIGHER, Value

_FEW = 100  # gradients that may wait for the garbage collector
_limit = _FEW


def free_unheld() -> None:
    """Drop the gradients of leaves that are held by nothing but such gradients."""
    nodes, inside = _graphs()
    outside = [sys.getrefcount(node) - count for node, count in zip(nodes, inside)]  # and this function's own, alike
    held = _ids_under([node for node, count in zip(nodes, outside) if count > outside[0]])
    for leaf in [leaf for leaf in list(HIGHER) if id(leaf) not in held]:  # a collection meanwhile may come here too
        HIGHER.pop(leaf, None)


def free_unheld_now_and_then() -> None:
    """The same, where the gradients have doubled in number since it was done last; and whenever Python collects."""
    global _limit  # noqa: PLW0603 - how far the one table may grow
    if _collecting not in gc.callbacks:
        gc.callbacks.append(_collecting)
    if len(HIGHER) > _limit:
        free_unheld()
        _limit = max(_FEW, 2 * len(HIGHER))


def _collecting(phase: str, info: dict[str, int]) -> None:
    """Called by the garbage collector; a whole collection is the time to look."""
    if HIGHER and phase == "start" and info["generation"] == 2:
        free_unheld()


def _graphs() -> tuple[list[Value], list[int]]:
    """The nodes of the gradients' graphs, and how many references each has from there and from the table; before them
    a node that nobody holds, to compare with."""
    nodes = [Value(0.0)]
    places: dict[int, int] = {}  # by id: Values have a slow hash in plain Python
    references = [0]
    waiting = [*HIGHER, *HIGHER.values()]
    while waiting:
        node = waiting.pop()
        place = places.setdefault(id(node), len(nodes))
        if place == len(nodes):
            nodes.append(node)
            references.append(1)
            waiting += node.operands
        else:
            references[place] += 1
    return nodes, references


def _ids_under(nodes: list[Value]) -> set[int]:
    """The ids of these nodes, of what they were made from, and of the gradients of those."""
    found: set[int] = set()
    waiting = nodes
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found.add(id(node))
            operands = node.operands
            waiting += operands
            if not operands and node in HIGHER:
                waiting.append(HIGHER[node])
    return found

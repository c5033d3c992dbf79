"""A graph as the data of a stepper, for all pages in which Python runs."""

from typing import Any

from engine import Value, size
from engine.stepping.layout import lay_out
from engine.stepping.page import page_data
from engine.steps import record_walk

DIGITS = 4
MOST_STEPS = 250  # nodes that can be walked through in a browser without a long wait


def walk_data(root: Value, names: object = None, direction: str = "LR") -> dict[str, Any] | None:
    """The data of the graph's walk; None where the graph is too large to be walked through.

    >>> walk = walk_data(Value(3.0, label="x") * 2)
    >>> [node["name"] for node in walk["nodes"]]
    ['x', '2', 'L']
    """
    if size(root) > MOST_STEPS:
        return None
    walk = record_walk(root, names)
    return page_data(walk, lay_out(walk, DIGITS, direction, timeout=60.0), DIGITS)

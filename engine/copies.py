"""deepcopy of Values, and the parts of pickling: whole graphs, however deep, with no recursion."""

from copy import deepcopy
from typing import Any

from engine.custom import connect, standing
from engine.node import operands_of, order_by_sets, visible


def deep_copied(root: Any, memo: dict[int, Any]) -> Any:
    """A copy of the graph under *root*; what deepcopy has copied already is shared."""
    kept = memo.setdefault(id(memo), [])  # deepcopy's own list of what must live until it ends
    copies = []
    node: Any
    for node in visible(order_by_sets(root, lambda node: id(node) in memo)):
        copied = node.__copy__()
        connect(copied, [memo[id(operand)] for operand in operands_of(node)], standing(copied)[1])
        memo[id(node)] = copied
        kept.append(node)
        copies.append(copied)
    for copied in copies:
        for name, thing in (copied._attributes or {}).items():
            copied.__dict__[name] = deepcopy(thing, memo)
    return memo[id(root)]

"""deepcopy of Values, and the parts of pickling: whole graphs, however deep, with no recursion."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from engine.custom import connect, standing
from engine.node import Node, operands_of


def nodes_of(root: Node, is_known: Callable[[Node], bool]) -> list[Node]:
    """The nodes under *root* in topological order, leaves included; nothing is looked for under those that are known.

    It takes time for these nodes alone, so that many roots one above the other take no longer than the last.
    """
    order: dict[Node, None] = {}
    entered: set[Node] = set()
    stack = [root]
    while stack:
        node = stack[-1]
        if node in entered:
            order.setdefault(stack.pop())
        elif is_known(node):
            stack.pop()
        else:
            entered.add(node)
            stack += [operand for operand in reversed(operands_of(node)) if operand not in entered]
    return list(order)


def deep_copied(root: Any, memo: dict[int, Any]) -> Any:
    """A copy of the graph under *root*; what deepcopy has copied already is shared."""
    kept = memo.setdefault(id(memo), [])  # deepcopy's own list of what must live until it ends
    copies = []
    node: Any
    for node in nodes_of(root, lambda node: id(node) in memo):
        copied = node.__copy__()
        connect(copied, [memo[id(operand)] for operand in operands_of(node)], standing(copied)[1])
        memo[id(node)] = copied
        kept.append(node)
        copies.append(copied)
    for copied in copies:
        for name, thing in (copied._attributes or {}).items():
            copied.__dict__[name] = deepcopy(thing, memo)
    return memo[id(root)]

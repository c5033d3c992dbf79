"""Questions about a graph: its order, its leaves, its size. No recursion, so a graph may be as deep as it likes.

A walk marks the nodes that it has met with a number of its own, which is cheaper than a set of a million nodes. Only
nodes with operands are marked: leaves may be shared with a graph that another thread is walking.
"""

from itertools import count

from engine.checks import Unchecked, shortened
from engine.value import Value

_walks = count(1)  # next() on it is atomic, so that no two threads share a number


def interior_order(root: Value) -> list[Value]:
    """Every node under *root* that has operands, each once, operands before what is made of them; *root* comes last.

    The order is that of a depth-first search, first operand first, as micrograd's recursion gives it, so that gradients
    are summed in the same order and agree to the last bit.
    """
    entered = 2 * next(_walks)
    left = entered + 1
    order: list[Value] = []
    stack = [root] if root._a is not None else []
    while stack:
        node = stack[-1]
        if node._mark == entered:
            node._mark = left
            order.append(stack.pop())
        elif node._mark == left:
            stack.pop()
        else:
            node._mark = entered
            b = node._b
            if b is not None and b._a is not None and b._mark < entered:
                stack.append(b)
            a = node._a
            if a is not None and a._a is not None and a._mark < entered:
                stack.append(a)
    return order


def topological_order(root: Unchecked) -> list[Value]:
    """Every node under *root* once, leaves and *root* included, operands before what is made of them.

    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> [node.label or node.op for node in topological_order(a * b + a)]
    ['a', 'b', '*', '+']
    """
    order: list[Value] = []
    met: set[Value] = set()
    for node in interior_order(_checked(root)):
        for operand in node.operands:
            if operand._a is None and operand not in met:
                met.add(operand)
                order.append(operand)
        order.append(node)
    return order or [root]


def leaves(root: Unchecked) -> list[Value]:
    """The Values under *root* that no operation made, in the order of first use; plain numbers are not among them.

    >>> x = Value(2.0, label="x")
    >>> leaves(3 * x + x)
    [Value(data=2.0, grad=0.0, label='x')]
    """
    return [node for node in topological_order(root) if not node.op]


def size(root: Unchecked) -> int:
    """How many nodes the graph under *root* has, leaves and plain numbers included.

    >>> size(Value(2.0) * 3)
    3
    """
    return len(topological_order(root))


def _checked(root: Unchecked) -> Value:
    if isinstance(root, Value):
        return root
    raise TypeError(f"the root of a graph is a Value, not {type(root).__name__} {shortened(root)}")

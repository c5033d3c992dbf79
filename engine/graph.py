"""Questions about a graph: its order, its leaves, its size. No recursion, so a graph may be as deep as it likes.

A walk marks the nodes that it has met with a number of its own, which is cheaper than a set of a million nodes. Only
nodes with operands are marked: leaves may be shared with a graph that another thread is walking.
"""

from itertools import count

from engine.validation import Unchecked, shortened
from engine.value import Value

_walks = count(1)  # next() on it is atomic, so that no two threads share a number


def interior_order(root: Value) -> list[Value]:
    """Every node under *root* that has operands, each once, operands before what is made of them; *root* comes last.

    The order is that of a depth-first search, first operand first, as a recursive search gives it, so that gradients
    are summed in the same order and agree to the last bit.
    """
    return _walked(root, None)


def fresh_order(root: Value) -> tuple[list[Value], list[Value]]:
    """The same with every gradient ready for a backward pass: 0, but what leaves have from earlier passes is set aside.

    It waits in a field that leaves have no other use for, ``_da``; the second list holds those leaves. So a pass sums
    up what is its own first, and a second pass doubles a gradient exactly. Plain numbers (whose op is not empty) are
    left alone: nobody reads their gradients.
    """
    waiting: list[Value] = []
    return _walked(root, waiting), waiting


def _walked(root: Value, waiting: list[Value] | None) -> list[Value]:
    """Both of the above in one walk: in a large graph each further walk over its memory takes as long as the first."""
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
            if waiting is not None:
                node._grad = 0.0
            if node._b is not None:
                _meet(node._b, entered, stack, waiting)
            if node._a is not None:
                _meet(node._a, entered, stack, waiting)
    return order


def _meet(operand: Value, entered: int, stack: list[Value], waiting: list[Value] | None) -> None:
    """An operand on the way: to be walked itself where it has operands, a leaf where it has none."""
    if operand._a is not None:
        if operand._mark < entered:
            stack.append(operand)
    elif waiting is not None and operand._grad != 0.0 and not operand._op:
        operand._da = operand._grad
        operand._grad = 0.0
        waiting.append(operand)


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

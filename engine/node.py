"""Node: what a graph is. Its operands, its order, and the chain rule; the arithmetic is in value.py.

Nothing here uses recursion, so a graph may be as deep as memory allows. Wheels hold this file compiled.
"""

from collections.abc import Callable, Sequence
from threading import get_ident
from time import sleep
from typing import Any, Final

from engine.operations import LEAF, PARTIAL, PLAIN, CustomOperation, Operation
from engine.validation import Unchecked, as_float, described


class Watch:
    """Who wants to see each new node and each step of backprop (``detect_anomaly``), or numbers that leave the graph.

    The counts are read in hot code; who it is, and in which thread, is decided by the functions.
    """

    def __init__(self) -> None:
        self.watchers: int = 0
        self.see: Callable[[Any], None] | None = None
        self.see_backward: Callable[[Any, float], None] | None = None
        self.listeners: int = 0
        self.hear: Callable[[str, Any], None] | None = None
        self.hear_comparison: Callable[[str, Any, Any, bool], None] | None = None
        self.hear_equality: Callable[[Any, Any], None] | None = None
        self.hash_listeners: int = 0
        self.hear_hash: Callable[[Any], None] | None = None


WATCH: Final[Watch] = Watch()


def heard(what: str, node: "Node") -> None:
    """Tell whoever listens in this thread that a number left the graph: *what* names how, such as ``"float()"``."""
    if WATCH.listeners != 0:
        hear = WATCH.hear
        if hear is not None:
            hear(what, node)


class Node:
    """A number and where it came from: an operation, at most two operands, and a local derivative for each.

    ``Value`` is a Node with arithmetic. Plain attributes and no containers make a node small and fast.
    """

    __slots__ = ("_a", "_b", "_da", "_db", "_grad", "_label", "_mark", "_number", "_operation")

    def __init__(self, data: float, label: str) -> None:
        self._number: float = data
        self._grad: float = 0.0
        self._label: str = label
        self._operation: Operation = LEAF
        self._a: Node | None = None  # the operands, and the local derivative with respect to each
        self._b: Node | None = None
        self._da: float = 0.0
        self._db: float = 0.0
        self._mark: int = 0  # the last walk over the graph that met this node

    def _hand_on(self) -> None:
        """Hand this node's gradient to its operands: one step of the chain rule."""
        parts = parts_of(self)
        for i in range(1, len(parts)):
            parts[i]._grad = 0.0
        parts.reverse()
        _chain_rule(parts)


def parts_of(node: Node) -> list[Node]:
    """The node, and the hidden nodes that hold its operands after the first."""
    parts = [node]
    while True:
        b = node._b
        if b is None or b._operation is not PARTIAL:
            return parts
        parts.append(b)
        node = b


def operands_of(node: Node) -> list[Node]:
    operands: list[Node] = []
    while node._a is not None:
        operands.append(node._a)
        b = node._b
        if b is None:
            break
        if b._operation is not PARTIAL:
            operands.append(b)
            break
        node = b
    return operands


class Accumulated:
    """The gradients that leaves have from earlier passes, set aside so that a pass sums up its own first.

    A second pass then doubles a gradient exactly.
    """

    def __init__(self) -> None:
        self.thread: int = _THREAD()
        self.leaves: list[Node] = []
        self.gradients: list[float] = []

    def set_aside(self, leaf: Node) -> None:
        """Keep the gradient of *leaf*, which is 0 from now on."""
        self.leaves.append(leaf)
        self.gradients.append(leaf._grad)
        leaf._grad = 0.0

    def add(self) -> None:
        for i in range(len(self.leaves)):
            self.leaves[i]._grad += self.gradients[i]

    def put_back(self, order: list[Node]) -> None:
        """Give all leaves what they had before, after a pass over *order* failed."""
        for node in order:
            for operand in (node._a, node._b):
                if operand is not None and operand._a is None:
                    operand._grad = 0.0
        for i in range(len(self.gradients)):
            self.leaves[i]._grad = self.gradients[i]


class _Running:
    """The walk that marks nodes, and the backward pass that is under way, in any thread.

    Each enters itself where there is none, and leaves, by statements without a call, which nothing can interrupt.
    """

    def __init__(self) -> None:
        self.walk: object = None
        self.backward: Accumulated | None = None
        self.last_mark: int = 0


_RUNNING: Final[_Running] = _Running()
_THREAD: Final[Callable[[], int]] = get_ident


def interior_order(root: Node) -> list[Any]:
    """Every node under *root* that has operands, each once, in topological order; *root* comes last.

    The order is that of a depth-first search, first operand first, as a recursive search gives it, so that gradients
    are summed in the same order and agree to the last bit.
    """
    return visible(_walked(root, None))


def begun(root: Unchecked, gradient: float) -> list[Any]:
    """A backward pass that has handed nothing on yet: nodes in topological order, with gradients at 0 but *root*'s."""
    return visible(_pass(_start_of_pass(root, "backprop()"), gradient, False))


def visible(order: list[Node]) -> list[Node]:
    for i in range(len(order)):
        if order[i]._operation is PARTIAL:
            return [node for node in order if node._operation is not PARTIAL]
    return order


def _walked(root: Node, accumulated: Accumulated | None) -> list[Node]:
    """The nodes with operands in topological order, hidden ones too; gradients at 0 where they are *accumulated*.

    A walk marks the nodes that it has met, which is cheaper than a set of a million nodes. One walk at a time may do
    so: one that begins while another is under way (in another thread, or in a signal handler) uses sets.
    """
    mine: object = object() if accumulated is None else accumulated
    try:
        if _RUNNING.walk is None:
            _RUNNING.walk = mine
        if _RUNNING.walk is mine:
            return _marked_order(root, accumulated)
    finally:
        if _RUNNING.walk is mine:
            _RUNNING.walk = None
    order = order_by_sets(root, lambda node: node._a is None)
    if accumulated is not None:
        for node in order:
            node._grad = 0.0
            for operand in (node._a, node._b):
                if operand is None or operand._a is not None or operand._operation is PLAIN:
                    continue
                if operand._grad != 0.0:
                    accumulated.set_aside(operand)
    return order


def _marked_order(root: Node, accumulated: Accumulated | None) -> list[Node]:  # noqa: PLR0912 - one hot loop
    entered = _RUNNING.last_mark + 2
    left = entered + 1
    _RUNNING.last_mark = entered
    order: list[Node] = []
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
            if accumulated is not None:
                node._grad = 0.0
            b = node._b
            if b is not None:
                if b._a is None:
                    if accumulated is not None and b._grad != 0.0 and b._operation is not PLAIN:
                        accumulated.set_aside(b)
                elif b._mark < entered:
                    stack.append(b)
            a = node._a
            if a is not None:
                if a._a is None:
                    if accumulated is not None and a._grad != 0.0 and a._operation is not PLAIN:
                        accumulated.set_aside(a)
                elif a._mark < entered:
                    stack.append(a)
    return order


def order_by_sets(root: Node, is_known: Callable[[Node], bool]) -> list[Any]:
    """The same order for all nodes under *root*, without those that are known and what only these are made of."""
    order: dict[Node, None] = {}
    entered: set[Node] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node in entered:
            order.setdefault(node)
        elif not is_known(node):
            entered.add(node)
            stack.append(node)
            for operand in (node._b, node._a):
                if operand is not None and operand not in entered:
                    stack.append(operand)
    return list(order)


def topological_order(root: Unchecked) -> list[Any]:
    """Every node under *root* once, leaves and *root* included, in topological order.

    >>> from engine import Value
    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> [node.label or node.op for node in topological_order(a * b + a)]
    ['a', 'b', '*', '+']
    """
    order: list[Any] = []
    met: set[Node] = set()
    for node in interior_order(_checked(root, "the root of a graph must be a Value, got")):
        for operand in operands_of(node):
            if operand._a is None and operand not in met:
                met.add(operand)
                order.append(operand)
        order.append(node)
    return order or [root]


def common_order(roots: Sequence[Any]) -> list[Any]:
    """Every node under one or more roots once, in topological order: those under the first root come first."""
    top: Node = roots[len(roots) - 1]
    for i in range(len(roots) - 2, -1, -1):
        joined = Node(0.0, "")
        joined._operation = PARTIAL
        joined._a = roots[i]
        joined._b = top
        top = joined
    order = topological_order(top)
    alone = [root for root in roots if root._a is None]
    return visible(list(dict.fromkeys([*order, *alone])) if alone else order)


def leaves(root: Unchecked) -> list[Any]:
    """The Values under *root* that no operation made, without plain numbers.

    They are in the order of first use.

    >>> from engine import Value
    >>> x = Value(2.0, label="x")
    >>> leaves(3 * x + x)
    [Value(data=2.0, grad=0.0, label='x')]
    """
    return [node for node in topological_order(root) if node._operation is LEAF]


def size(root: Unchecked) -> int:
    """How many nodes the graph under *root* has, leaves and plain numbers included.

    >>> from engine import Value
    >>> size(Value(2.0) * 3)
    3
    """
    return len(topological_order(root))


def _checked(root: object, words: str, advice: str = "") -> Node:
    if isinstance(root, Node):
        return root
    advice = "; call it first, as in draw(model(x))" if callable(root) else advice
    raise TypeError(f"{words} {described(root)}{advice}")


def _start_of_pass(root: object, call: str) -> Node:
    advice = ": was it computed from Values, and not from their .data?"
    start = _checked(root, "backward starts from a Value, not from", advice)
    heard(call, start)
    return start


def _begin(mine: Accumulated) -> None:
    """Wait until no other thread has a backward pass under way: gradients of shared leaves would be lost."""
    while True:
        running = _RUNNING.backward
        if running is None:
            _RUNNING.backward = mine
            return
        if running.thread == mine.thread:
            raise RuntimeError(
                "backward() was called inside backward(), by a signal handler or a function that it called; "
                "call it after the first has ended"
            )
        sleep(0.0001)


def backward(
    root: Unchecked, gradient: Unchecked = 1.0, create_graph: bool = False, retain_graph: Unchecked = None
) -> None:
    """Give each Value under *root* its gradient: *root*'s derivative times *gradient*.

    The gradient is that of the point at which the graph was computed; after a leaf's ``data`` was assigned, call
    ``root.refresh()`` first. Leaves add up over calls, as in PyTorch (set ``grad`` to 0 in between); all other nodes
    start at 0 in each call, so that calling twice gives a leaf exactly twice the gradient. Where a local derivative or
    a gradient is exactly 0 nothing is handed on, so that 0 times infinity is 0 here.

    Args:
        root: the Value whose derivatives are computed, such as a loss.
        gradient: the gradient of *root* itself, 1 unless something comes after it.
        create_graph: not supported: ``engine.gradients`` returns gradients that are Values.
        retain_graph: not supported: graphs are kept anyway.

    Raises:
        TypeError: *root* is not a Value, *gradient* is not a number, *create_graph* is true, or *retain_graph* given.
        ValueError: a node was made by ``Value(data, children, op)``, and its local derivatives are not known.
        RuntimeError: this thread is inside ``backward()`` already.

    If it fails or is interrupted, the gradients of leaves are what they were before.

    >>> from engine import Value
    >>> x = Value(3.0)
    >>> y = x * x
    >>> backward(y)
    >>> backward(y)
    >>> x.grad
    12.0
    """
    if create_graph:
        raise TypeError("backward() stores floats: engine.gradients(y, [x]) returns gradients that are Values")
    if retain_graph is not None:
        raise TypeError("retain_graph must be left out: graphs are kept anyway; call backward() again")
    given = as_float(gradient, "backward(gradient)")
    _pass(_start_of_pass(root, "backward()"), given, True)


def _pass(root: Node, gradient: float, hands_on: bool) -> list[Node]:
    accumulated = Accumulated()
    order: list[Node] = []
    try:
        _begin(accumulated)
        order = _walked(root, accumulated)
        root._grad = gradient if order else root._grad + gradient
        if hands_on:
            see = WATCH.see_backward
            if WATCH.watchers != 0 and see is not None:
                for node in reversed(visible(order)):
                    see(node, node._grad)
                    node._hand_on()
            else:
                _chain_rule(order)
        accumulated.add()
        return order
    except BaseException:
        accumulated.put_back(order)
        raise
    finally:
        if _RUNNING.backward is accumulated:
            _RUNNING.backward = None


def _chain_rule(order: list[Node]) -> None:
    for i in range(len(order) - 1, -1, -1):
        node = order[i]
        g = node._grad
        if g == 0.0:
            continue
        a = node._a
        if a is not None:
            d = node._da
            if d != 0.0:
                a._grad += d * g
            else:  # because it is, or because a function hands the gradient on
                operation = node._operation
                if isinstance(operation, CustomOperation) and not operation.is_differentiated:
                    operation.hand_on(node)
        b = node._b
        if b is not None:
            d = node._db
            if d != 0.0:
                b._grad += d * g

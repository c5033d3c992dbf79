"""Do the numbers in a graph fit each other? They do not after the ``data`` of a leaf was changed."""

import math
from collections.abc import Iterable

from engine import operations as op
from engine.debugging.anomaly import unwatched
from engine.node import interior_order
from engine.refresh import is_computable, recomputed
from engine.validation import plain_label
from engine.value import Value

_LINEAR = {op.ADD, op.SUB, op.NEG, op.ABS, op.RELU, op.LEAKY_RELU, op.MAXIMUM, op.MINIMUM, op.DETACH}
_EXACT = _LINEAR | {op.MUL, op.DIV, op.SQRT}
"""Operations that every processor rounds in the same way; of the first, the derivative says nothing of the operand."""


def check_fresh(root: Value, nodes: Iterable[Value] | None = None) -> None:
    """Raise a ValueError if a number under *root*, or of some *nodes* there, is not what its operands make."""
    if stale := what_is_stale(interior_order(root) if nodes is None else nodes):
        cure = f"{root.label}.refresh()" if root.label.isidentifier() else ".refresh() on the root of the graph"
        raise ValueError(f"{stale}; call {cure} to compute it again")


def what_is_stale(nodes: Iterable[Value]) -> str:
    """What a number of some nodes is, and which leaf was changed since; "" if all are what their operands make.

    It takes one operation for each node. A graph that was computed on another machine may differ in the last digits.
    """
    with unwatched():
        return next(filter(None, (_stale(node) for node in nodes if is_computable(node.operation))), "")


def _stale(node: Value) -> str:
    try:
        fresh = recomputed(node)
    except (ValueError, ArithmeticError) as error:
        return _told(node, _leaves(node) or [node], f"would fail now ({error})")
    is_primitive = node.operation.primitive is not None
    tolerance = 0.0 if node.operation in _EXACT else 1e-9 if is_primitive else 1e-12
    data_fits = _close(node._number, fresh._number, tolerance, 1e-3 if is_primitive else 0.0)
    size = 1e-3 if is_primitive or node.operation is op.GELU else 0.0  # gelu' cancels where it is 0
    derivatives = ((node._da, fresh._da), (node._db, fresh._db))
    derivatives_fit = all(_close(before, now, max(tolerance, 1e-12), size) for before, now in derivatives)
    if data_fits and derivatives_fit:
        return ""
    suspects = _leaves(node) if not derivatives_fit or node.operation in _LINEAR else []
    found = f"would be {fresh._number!r} now" if not data_fits else "would have other local derivatives now"
    return _told(node, suspects or [node], found)


def _close(a: float, b: float, tolerance: float, size: float) -> bool:
    """Whether two numbers are equal, relative to their size or to *size*; NaN is equal to itself."""
    return math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance * size) or (math.isnan(a) and math.isnan(b))


def _leaves(node: Value) -> list[Value]:
    """The leaves among the operands of *node* whose data may have been changed."""
    a, b = (*node.operands, None)[:2]
    if node.operation is op.MUL:  # its local derivatives are the operands as they were
        changed = [(a, node._db), (b, node._da)]
        return [operand for operand, before in changed if operand is not None and operand._number != before]
    return [operand for operand in (a, b) if operand is not None and operand.operation is op.LEAF]


def _told(node: Value, suspects: list[Value], found: str) -> str:
    changed, name = " or ".join(dict.fromkeys(_name(each) for each in suspects)), _name(node)
    computed = "it was computed" if node in suspects else f"{name} was computed from it"
    return f"the data of {changed} was changed after {computed}: {name} is {node._number!r}, and {found}"


def _name(node: Value) -> str:
    return plain_label(node.label) or (node.op if node.operands else f"a Value without a label ({node._number!r})")

"""What a program found in a graph, in words."""

from __future__ import annotations

from engine.compiler.memory_layout import Placed
from engine.compiler.vectorize import SUM, UNIFORM, Group


def described(graph: Placed, n_nodes: int, dtype: str) -> str:
    """The groups in their order, and how many scalars became how many instructions."""
    record = graph.record
    counts = {"input": record.n_inputs, "parameter": record.n_parameters, "output": len(record.outputs)}
    leaves = ", ".join(_count(n, thing) for thing, n in counts.items())
    lines = [f"Program: {_count(n_nodes, 'node')} -> {_count(len(graph.groups), 'group')}; {leaves}, {dtype}"]
    for group in graph.groups:
        once = ", once for all examples" if group.space == UNIFORM else ""
        lines.append(f"  {sentence(group)}{once}")
    return "\n".join(lines)


def sentence(group: Group) -> str:
    """One group in words, such as ``128 dot products of 784 -> one matrix product``."""
    n = len(group.members)
    if group.op != SUM:
        return f"{n:,} {group.op if isinstance(group.op, str) else group.op.name}"
    phrases = []
    for part in group.parts:
        k = part.k
        if part.right is None:
            phrases.append(f"{'plus' if part.positive else 'minus'} {_count(k, 'number')} each")
        else:
            kind = _count(n, "product") if k == 1 else f"{_count(n, 'dot product')} of {k:,}"
            found = k > 1 and part.factors
            phrases.append(f"{'' if part.positive else 'minus '}{kind}{' -> one matrix product' if found else ''}")
    if group.parts[0].right is None:
        return f"{_count(n, 'sum')}: {', '.join(phrases)}"
    return ", ".join(phrases)


def n_scalars(group: Group) -> int:
    """How many scalar operations of the graph a group stands for."""
    n = len(group.members)
    if group.op != SUM:
        return n
    terms: int = sum(part.k * (1 if part.right is None else 2) for part in group.parts)
    return n * (terms - 1) if group.parts[0].positive else n * terms


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"

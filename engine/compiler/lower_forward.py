"""Sixth pass: groups become instructions that compute their numbers."""

from __future__ import annotations

from engine.compiler.ir import MatMul, Total, View
from engine.compiler.ir_builder import Array, Emitter, Mathematics, plain
from engine.compiler.memory_layout import matrices
from engine.compiler.vectorize import SUM, UNIFORM, Group, Part
from engine.derivatives import rule_for

_MATHEMATICS = Mathematics()


def emit_forward(emitter: Emitter, group: Group) -> None:
    """The instructions that compute one group."""
    emitter.fresh_scratch()
    out = emitter.read(group.members)
    if group.op == SUM:
        _emit_sum(emitter, group, out)
    else:
        operands = [Array(emitter.read(places), emitter) for places in group.operands]
        emitter.into(out, plain(rule_for(group.op).compute(_MATHEMATICS, *operands)))


def per_example(emitter: Emitter, part: Part) -> bool:
    """Whether a block has a number for each example."""
    return any(emitter.space_of(side) != UNIFORM for side in (part.left, part.right) if side is not None)


def _emit_sum(emitter: Emitter, group: Group, out: View) -> None:
    """Matrix products first, straight into *out*; then whatever is added to them or taken away."""
    so_far: View | None = None
    for part in sorted(group.parts, key=lambda part: not part.positive):
        direct = so_far is None and per_example(emitter, part) == out.per_example
        term = _emit_part(emitter, part, out if direct else None)
        if so_far is not None:
            alike = part.positive == group.parts[0].positive
            emitter.into(out, emitter.map("add" if alike else "subtract", so_far, term))
            term = out
        so_far = term
    if so_far is not None and not group.parts[0].positive:
        emitter.into(out, emitter.map("negative", so_far))
    elif so_far is not None and so_far != out:
        emitter.into(out, so_far)


def _emit_part(emitter: Emitter, part: Part, out: View | None) -> View:
    """The sum of one block, ``(n,)``: in *out* or where it is; in scratch where there is no *out*."""
    n, k = part.left.shape
    if k == 1:
        left = emitter.read(part.left[:, 0])
        return left if part.right is None else emitter.map("multiply", left, emitter.read(part.right[:, 0]))
    factors = matrices(emitter.graph.spaces, part)
    if factors is not None:
        weights, vectors = emitter.read(factors.left, axes=2), emitter.read(factors.right, axes=1)
        out = out or emitter.scratch((n,), per_example(emitter, part))
        shaped = View(out.memory, out.start, (len(factors.right), len(factors.left)), (len(factors.left), 1))
        emitter.add(MatMul("forward", shaped, weights, vectors))
        return out
    terms = emitter.read(part.left)
    if part.right is not None:
        terms = emitter.map("multiply", terms, emitter.read(part.right))
    out = out or emitter.scratch((n,), per_example(emitter, part))
    emitter.add(Total(out, terms))
    return out

"""Sixth pass: groups become instructions that compute their numbers."""

from dataclasses import replace
from typing import Final

from engine.compiler.ir import Map, MatMul, Total, View
from engine.compiler.ir_builder import Emitter, Scaled
from engine.compiler.vectorize import SUM, Column, Factors, Group, Part, matrix

_FEW_FIRST: Final = 2
_FEW_MORE: Final = 4
"""Up to so many terms at the beginning of a sum, or later, an instruction for each is faster than one for all."""


def emit_forward(emitter: Emitter, group: Group) -> None:
    emitter.fresh_scratch()
    out = emitter.read(group.nodes)
    if group.op == SUM:
        _emit_sum(emitter, group, out)
    else:
        operands = [emitter.read(places) for places in group.operands]
        result = emitter.rule(group.op, None, operands, out)
        emitter.into(out, emitter.numbers(result) if isinstance(result, Scaled) else result)


def _emit_sum(emitter: Emitter, group: Group, out: View) -> None:
    """The parts from left to right; a matrix product is added up by itself, straight in *out* where that is free."""
    so_far: View | None = None
    for part in group.parts:
        if part.factors is not None:
            free = so_far is not out and part.per_example == out.per_example
            product = _emit_product(emitter, part.factors, out if free else None)
            so_far = _added(emitter, so_far, product, part.positive, out)
        elif part.k > (_FEW_FIRST if so_far is None else _FEW_MORE):
            so_far = _total(emitter, so_far, part, out)
        else:
            for left, right in part.terms():
                so_far = _added(emitter, so_far, _terms(emitter, left, right), part.positive, out)
    if so_far is not None and so_far is not out:
        emitter.into(out, so_far)


def _terms(emitter: Emitter, left: Column, right: Column | None) -> View:
    """Single terms where they are, or products."""
    terms = emitter.read(left)
    return terms if right is None else emitter.map("multiply", (terms, emitter.read(right)))


def _added(emitter: Emitter, so_far: View | None, term: View, positive: bool, out: View) -> View:
    """A term more: in *out*, except a single one that is where it is, and what is the same for all examples."""
    if so_far is None:
        return term if positive else emitter.map("negative", (term,))
    belongs = (so_far.per_example or term.per_example) == out.per_example
    return emitter.map("add" if positive else "subtract", (so_far, term), out if belongs else None)


def _total(emitter: Emitter, so_far: View | None, part: Part, out: View) -> View:
    """Many terms more at once: what there is so far is put in front of them."""
    left = matrix(part.left)
    terms = _terms(emitter, left, None if part.right is None else matrix(part.right))
    if not part.positive:
        terms = emitter.map("negative", (terms,))
    if so_far is not None:
        n, k = left.shape
        row = emitter.scratch((n, k + 1), so_far.per_example or terms.per_example)
        emitter.into(replace(row, start=row.start + 1, shape=(n, k)), terms)
        emitter.add(Map("copy", replace(row, shape=(n,), strides=row.strides[:1]), (so_far,)))
        terms = row
    if terms.per_example != out.per_example:
        out = emitter.scratch(out.shape, terms.per_example)
    emitter.add(Total(out, terms))
    return out


def _emit_product(emitter: Emitter, factors: Factors, out: View | None) -> View:
    """The dot products of weights and vectors, ``(n,)``: in *out*, or in scratch where there is none."""
    weights, vectors = emitter.read(factors.left, axes=2), emitter.read(factors.right, axes=1)
    m, n = len(factors.right), len(factors.left)
    out = out or emitter.scratch((m * n,), vectors.per_example)
    emitter.add(MatMul("forward", View(out.memory, out.start, (m, n), (n, 1)), weights, vectors))
    return out

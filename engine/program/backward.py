"""Seventh pass: the chain rule, group by group from the last to the first, as instructions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.program.emitting import Array, Emitter, Mathematics
from engine.program.forward import per_example
from engine.program.grouping import INPUTS, SUM, UNIFORM, VARYING, Group, Part, Places
from engine.program.instructions import Fill, Map, MatMul, Scatter, Total, View, view_of
from engine.program.placing import Placed, matrices
from engine.rules import RULES

GRADIENT = " gradient"
_MATHEMATICS = Mathematics()


def needing(graph: Placed, wanted: Iterable[int]) -> NDArray[np.bool_]:
    """Which nodes hand gradients on to the *wanted* ones."""
    needs = np.zeros(len(graph.record.ops), dtype=bool)
    needs[list(wanted)] = True
    for group in graph.groups:
        if group.op != "detach":
            for column in group.columns():
                needs[group.members] |= needs[column].any(axis=1)
    return needs


def leading_to(graph: Placed, output: int) -> list[Group]:
    """The groups with only those nodes that *output* is made of: zeros times the infinities of others are no zeros."""
    leads = np.zeros(len(graph.record.ops), dtype=bool)
    leads[output] = True
    groups = []
    for group in reversed(graph.groups):
        leading = leads[group.members]
        if leading.any():
            part = replace(group)
            part.reordered(np.flatnonzero(leading))
            groups.append(part)
            for column in part.columns():
                leads[column] = True
    return groups[::-1]


class Backward:
    """Writes the backward pass from one output, whose gradient is there when it starts, to the wanted leaves."""

    def __init__(self, emitter: Emitter, output: int, wanted: Places) -> None:
        self.emitter = emitter
        self.graph = emitter.graph
        self.needs = needing(self.graph, wanted)
        self.written = {space: np.zeros(self.graph.n_slots[space], dtype=bool) for space in (INPUTS, UNIFORM, VARYING)}
        self.written[self.graph.spaces[output]][self.graph.slots[output]] = True
        for group in reversed(leading_to(self.graph, output)):
            self.emit(group)
        for space in (INPUTS, UNIFORM):
            here = [place for place in wanted if self.graph.spaces[place] == space]
            self.fill(space, self.graph.slots[here])

    def emit(self, group: Group) -> None:
        """The instructions that carry the gradients of one group to its operands."""
        slots = self.graph.slots[group.members]
        if not (self.needs[group.members].any() and self.written[group.space][slots].any()):
            return
        self.emitter.fresh_scratch()
        self.fill(group.space, slots)
        gradient = self.emitter.gathered(group.space + GRADIENT, slots)
        if group.op == SUM:
            for part in group.parts:
                self.emit_part(part, gradient)
            return
        y = Array(self.emitter.read(group.members), self.emitter)
        operands = [Array(self.emitter.read(places), self.emitter) for places in group.operands]
        for places, derivative in zip(group.operands, RULES[group.op].derivatives):
            if self.needs[places].any():
                local = derivative(_MATHEMATICS, y, *operands)
                if isinstance(local, Array):
                    self.contribute(places, self.product(places, gradient, local.view))
                elif local == 1.0:
                    self.contribute(places, gradient)
                elif local != 0.0:
                    self.contribute(places, self.emitter.map("multiply", gradient, local))

    def emit_part(self, part: Part, gradient: View) -> None:
        """One block of a group of sums."""
        left_needs = self.needs[part.left].any()
        right_needs = part.right is not None and self.needs[part.right].any()
        if not (left_needs or right_needs):
            return
        if gradient.per_example and not per_example(self.emitter, part):
            gradient = self.over_examples(gradient)
        if not part.positive:
            gradient = self.emitter.map("negative", gradient)
        n, k = part.left.shape
        along = View(gradient.memory, gradient.start, (n, k), (gradient.strides[0], 0))
        if part.right is None:
            if k == 1:
                self.contribute(part.left[:, 0], gradient)
            else:
                self.contribute(part.left, along)
            return
        factors = matrices(self.graph.spaces, part) if k > 1 else None
        if factors is None:
            if left_needs:
                self.contribute(part.left, self.product(part.left, along, self.emitter.read(part.right)))
            if right_needs:
                self.contribute(part.right, self.product(part.right, along, self.emitter.read(part.left)))
            return
        m, n = len(factors.right), len(factors.left)
        step = gradient.strides[0]  # 1, but where only some of a group lead to the output
        shaped = View(gradient.memory, gradient.start, (m, n), (n * step, step))
        if left_needs:
            out = self.emitter.scratch((n, k), False)
            vectors = self.emitter.read(factors.right)
            self.emitter.add(MatMul("to weights", out, shaped, vectors))
            self.contribute(factors.left, out)
        if right_needs:
            weights = self.emitter.read(factors.left)
            out = self.emitter.scratch((m, k), gradient.per_example)
            self.emitter.add(MatMul("to vectors", out, weights, shaped))
            self.contribute(factors.right, out)

    def product(self, places: Places, gradient: View, local: View) -> View:
        """What goes to these nodes; for a single one of all examples, a dot product over the examples at once."""
        alone = places.size == 1 and self.emitter.space_of(places) == UNIFORM
        if not (alone and gradient.per_example and local.per_example):
            return self.emitter.map("multiply", gradient, local)
        out = self.emitter.scratch((1, 1), False)
        sides = (View(side.memory, side.start, (1, 1), (1, 1)) for side in (gradient, local))
        self.emitter.add(MatMul("to weights", out, *sides))
        return View(out.memory, out.start, places.shape, (1,) * places.ndim)

    def over_examples(self, value: View) -> View:
        """Summed over the examples."""
        out = self.emitter.scratch(value.shape, False)
        self.emitter.add(Total(out, value, over_examples=True))
        return out

    def contribute(self, places: Places, value: View) -> None:
        """Add *value*, of the shape of *places*, to the gradients of these nodes."""
        space = self.emitter.space_of(places)
        if value.per_example and space == UNIFORM:
            value = self.over_examples(value)
        slots = self.graph.slots[places]
        if slots.ndim == 2 and len(slots) > 1 and (slots == slots[0]).all():  # the same nodes in every row
            value = self.total(View(value.memory, value.start, value.shape[::-1], value.strides[::-1]))
            slots = slots[0]
        elif slots.ndim == 2 and slots.shape[1] > 1 and (slots == slots[:, :1]).all():
            value, slots = self.total(value), slots[:, 0]
        if len(slots) > 1 and slots.ndim == 1 and (slots == slots[0]).all():
            value = self.total(View(value.memory, value.start, (1, *value.shape), (0, *value.strides)))
            slots = slots[:1]
        self.accumulate(space, slots, value)

    def total(self, value: View) -> View:
        """Summed over the last axis of its slots."""
        out = self.emitter.scratch(value.shape[:-1], value.per_example)
        self.emitter.add(Total(out, value))
        return out

    def accumulate(self, space: str, slots: Places, value: View) -> None:
        """Into gradients nobody has written yet; or added to what is there."""
        written = self.written[space]
        view = view_of(space + GRADIENT, slots)
        unique = len(np.unique(slots)) == slots.size
        if view is not None and unique and not written[slots].any():
            self.emitter.into(view, value)
            written[slots] = True
            return
        self.fill(space, slots)
        if view is not None and unique:
            self.emitter.add(Map("add", view, (view, value)))
        else:
            self.emitter.add(Scatter(space + GRADIENT, slots.ravel(), value))

    def fill(self, space: str, slots: Places) -> None:
        """Zeros where nothing is written yet."""
        unwritten = np.unique(slots[~self.written[space][slots]])
        for run in np.split(unwritten, np.flatnonzero(np.diff(unwritten) != 1) + 1):
            if len(run):
                self.emitter.add(Fill(View(space + GRADIENT, int(run[0]), (len(run),), (1,)), 0.0))
        self.written[space][unwritten] = True

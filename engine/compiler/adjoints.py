"""Gradients while the backward pass is being written: who has one, and where it stands.

A gradient is ``number * view``. Steps through + - and constants only change the number, or say that a gradient is that
of another node: such steps cost no instruction. A number is multiplied in when a second contribution comes, or when a
matrix product needs the plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from engine.compiler.ir import Fill, Map, Scatter, View, equal, some, view_of
from engine.compiler.ir_builder import Emitter, Scaled
from engine.compiler.vectorize import INPUTS, UNIFORM, VARYING, Places

GRADIENT = " gradient"
GRADIENT_OF = {space: space + GRADIENT for space in (INPUTS, UNIFORM, VARYING)}
_LARGEST = 20.0  # powers of two: larger numbers are multiplied in, so that products of many cannot overflow


@dataclass
class _Standing:
    """The one contribution so far to the gradients of these slots, in their order."""

    slots: Places
    scaled: Scaled


class Gradients:
    """The gradients of all nodes, in separate memories with a slot for each node."""

    def __init__(self, emitter: Emitter) -> None:
        self.emitter = emitter
        n_slots = emitter.graph.n_slots
        self.written: dict[str, NDArray[np.bool_]] = {
            space: np.zeros(n_slots[space], dtype=bool) for space in (INPUTS, UNIFORM, VARYING)
        }
        self.standing: list[_Standing] = []
        self.standing_at: Places = np.full(n_slots[VARYING], -1)
        """For each varying slot which one of ``standing`` has its gradient; -1 where it is in its own place."""
        self.n_uniform = n_slots[UNIFORM]
        self.shared: dict[int, dict[float, list[int]]] = {}
        """Further contributions to a uniform slot, to be added up at once: their slots, after all others, by number."""

    def of(self, space: str, slots: Places) -> Scaled:
        """The gradients of these slots, zeros where there are none."""
        alone = self._exactly(space, slots)
        if alone is not None:
            return alone.scaled
        self.settle(space, slots)
        return Scaled(self.emitter.gathered(GRADIENT_OF[space], slots))

    def settle(self, space: str, slots: Places) -> None:
        """Have all of these in their own places, with zeros where there is no gradient."""
        if space == UNIFORM and self.shared:
            self._add_shared(set(slots.ravel().tolist()))
        if space == VARYING:
            for which in set(self.standing_at[slots].ravel().tolist()):
                if which >= 0:
                    place = _place(VARYING, self.standing[which].slots)
                    self.standing_at[self.standing[which].slots] = -1
                    view, number, _ = self.standing[which].scaled
                    if place and (number != 1.0 or (view.memory, view.start) != (place.memory, place.start)):
                        self.emitter.into(place, self.emitter.numbers(self.standing[which].scaled))
        self._fill(space, slots)

    def accumulate(self, space: str, slots: Places, value: Scaled) -> None:
        """Add *value*, of the shape of *slots*."""
        value = moderate(self.emitter, value)
        view = _place(space, slots)
        if view is not None and not some(self.written[space], slots):
            if space != VARYING or slots.ndim > 1 or not value.view.per_example:
                self.written[space][slots] = True
                self.emitter.into(view, self.emitter.numbers(value))
            elif value.view.memory == GRADIENT_OF[VARYING]:
                self.stand(slots, value)
            else:
                self.emitter.into(view, value.view)
                self.stand(slots, Scaled(view, value.number))
            return
        if space == UNIFORM and slots.size == 1:
            self.shared.setdefault(slots.item(), {}).setdefault(value.number, []).append(self.n_uniform)
            self.emitter.into(View(GRADIENT_OF[UNIFORM], self.n_uniform, (1,), (1,)), value.view)
            self.n_uniform += 1
            return
        alone = self._exactly(space, slots)
        if view is not None and alone is not None:
            self._second(alone, view, value)
            return
        self.settle(space, slots)
        if view is not None:
            self.emitter.add(Map("add", view, (view, self.emitter.numbers(value))))
        else:
            self.emitter.add(Scatter(GRADIENT_OF[space], slots.ravel(), self.emitter.numbers(value)))

    def empty(self, space: str, slots: Places) -> View | None:
        """Where the first contribution to varying slots may be written straight; None where that is not possible."""
        if space != VARYING or slots.ndim > 1 or some(self.written[space], slots):
            return None
        return _place(space, slots)

    def stand(self, slots: Places, scaled: Scaled) -> None:
        """Note the first contribution to varying slots, where it stands for good."""
        self.written[VARYING][slots] = True
        self.standing_at[slots] = len(self.standing)
        self.standing.append(_Standing(slots, scaled))

    def _second(self, standing: _Standing, view: View, value: Scaled) -> None:
        """One more, into the place of these slots; at most one of the two is multiplied by a number."""
        a, b = standing.scaled, value
        if _size(a.number) ** 2 > _size(b.number) ** 2:  # the number nearer to 1 stays
            a, b = b, a
        function, ratio = ("subtract", -b.number / a.number) if a.number == -b.number else ("add", b.number / a.number)
        other = b.view if ratio == 1.0 else self.emitter.map("multiply", (b.view, ratio))
        self.emitter.add(Map(function, view, (a.view, other)))
        standing.scaled = Scaled(view, a.number)

    def _add_shared(self, slots: set[int]) -> None:
        """Add further contributions to these uniform slots."""
        for slot in [slot for slot in self.shared if slot in slots]:
            place = View(GRADIENT_OF[UNIFORM], slot, (1,), (1,))
            for number, parts in self.shared.pop(slot).items():
                terms = self.emitter.gathered(GRADIENT_OF[UNIFORM], np.array([parts]))
                total = self.emitter.numbers(Scaled(self.emitter.total(terms), number))
                self.emitter.add(Map("add", place, (place, total)))

    def _exactly(self, space: str, slots: Places) -> _Standing | None:
        """What stands for these slots and no others."""
        if space != VARYING or slots.ndim > 1:
            return None
        which = self.standing_at.item(slots.item(0))
        return self.standing[which] if which >= 0 and equal(self.standing[which].slots, slots) else None

    def _fill(self, space: str, slots: Places) -> None:
        """Zeros where nothing is written yet."""
        written = self.written[space][slots]
        if written.item() if written.size == 1 else written.all():
            return
        unwritten = np.unique(slots[~written])
        for run in np.split(unwritten, np.flatnonzero(np.diff(unwritten) != 1) + 1):
            if len(run):
                self.emitter.add(Fill(View(GRADIENT_OF[space], int(run[0]), (len(run),), (1,)), 0.0))
        self.written[space][unwritten] = True


def moderate(emitter: Emitter, value: Scaled, out: View | None = None) -> Scaled:
    """The same, with a number so large or small that products of many could overflow multiplied in."""
    if value.number == 1.0 or abs(_size(value.number)) <= _LARGEST:
        return value
    return Scaled(emitter.map("multiply", (value.view, value.number), out))


def _place(space: str, slots: Places) -> View | None:
    """The gradients of these slots as a view, where they lie evenly and are all different."""
    view = view_of(GRADIENT_OF[space], slots)
    if slots.size == 1 or view is None:
        return view
    apart = view.strides[0] != 0 if slots.ndim == 1 else len(np.unique(slots)) == slots.size
    return view if apart else None


def _size(number: float) -> float:
    """The power of two that it is; infinite for 0 and for what is not finite."""
    magnitude = abs(number)
    return log2(magnitude) if 0.0 < magnitude < float("inf") else float("inf")

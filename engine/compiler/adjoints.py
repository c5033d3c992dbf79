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
from engine.compiler.vectorize import INPUTS, UNIFORM, VARYING, Column, Places, first

GRADIENT = " gradient"
GRADIENT_OF = {space: space + GRADIENT for space in (INPUTS, UNIFORM, VARYING)}
_LARGEST = 20.0  # powers of two: larger numbers are multiplied in, so that products of many cannot overflow


@dataclass(slots=True)
class _Standing:
    """The one contribution so far to the gradients of these slots, in their order."""

    slots: Column
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
        self._places: dict[tuple[str, int], View] = {}

    def of(self, space: str, slots: Column) -> Scaled:
        """The gradients of these slots, zeros where there are none."""
        alone = self._exactly(space, slots)
        if alone is not None:
            return alone.scaled
        self.settle(space, slots)
        if isinstance(slots, int):
            return Scaled(self._place_of(space, slots))
        return Scaled(self.emitter.gathered(GRADIENT_OF[space], slots))

    def settle(self, space: str, slots: Column) -> None:
        """Have all of these in their own places, with zeros where there is no gradient."""
        if space == UNIFORM and self.shared:
            self._add_shared({slots} if isinstance(slots, int) else set(slots.ravel().tolist()))
        if space == VARYING:
            at = self.standing_at[slots]
            for which in {int(at)} if isinstance(slots, int) else set(at.ravel().tolist()):
                if which >= 0:
                    standing = self.standing[which]
                    place = self._place(VARYING, standing.slots)
                    self.standing_at[standing.slots] = -1
                    view, number, _ = standing.scaled
                    if place and (number != 1.0 or (view.memory, view.start) != (place.memory, place.start)):
                        self.emitter.into(place, self.emitter.numbers(standing.scaled))
        self._fill(space, slots)

    def accumulate(self, space: str, slots: Column, value: Scaled) -> None:
        """Add *value*, of the shape of *slots*."""
        value = moderate(self.emitter, value)
        view = self._place(space, slots)
        if view is not None and not some(self.written[space], slots):
            if space != VARYING or not _is_flat(slots) or not value.view.per_example:
                self.written[space][slots] = True
                self.emitter.into(view, self.emitter.numbers(value))
            elif value.view.memory == GRADIENT_OF[VARYING]:
                self.stand(slots, value)
            else:
                self.emitter.into(view, value.view)
                self.stand(slots, Scaled(view, value.number))
            return
        if space == UNIFORM and isinstance(slots, int):
            self.shared.setdefault(slots, {}).setdefault(value.number, []).append(self.n_uniform)
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
            assert not isinstance(slots, int)
            self.emitter.add(Scatter(GRADIENT_OF[space], slots.ravel(), self.emitter.numbers(value)))

    def empty(self, space: str, slots: Column) -> View | None:
        """Where the first contribution to varying slots may be written straight; None where that is not possible."""
        if space != VARYING or not _is_flat(slots) or some(self.written[space], slots):
            return None
        return self._place(space, slots)

    def stand(self, slots: Column, scaled: Scaled) -> None:
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
            place = self._place_of(UNIFORM, slot)
            for number, parts in self.shared.pop(slot).items():
                terms = self.emitter.gathered(GRADIENT_OF[UNIFORM], np.array([parts]))
                total = self.emitter.numbers(Scaled(self.emitter.total(terms), number))
                self.emitter.add(Map("add", place, (place, total)))

    def _exactly(self, space: str, slots: Column) -> _Standing | None:
        """What stands for these slots and no others."""
        if space != VARYING or not _is_flat(slots):
            return None
        which = self.standing_at.item(first(slots))
        return self.standing[which] if which >= 0 and equal(self.standing[which].slots, slots) else None

    def _fill(self, space: str, slots: Column) -> None:
        """Zeros where nothing is written yet."""
        written = self.written[space]
        if isinstance(slots, int):
            if not written.item(slots):
                self.emitter.add(Fill(self._place_of(space, slots), 0.0))
                written[slots] = True
            return
        if written[slots].all():
            return
        unwritten = np.unique(slots[~written[slots]])
        for run in np.split(unwritten, np.flatnonzero(np.diff(unwritten) != 1) + 1):
            if len(run):
                self.emitter.add(Fill(View(GRADIENT_OF[space], int(run[0]), (len(run),), (1,)), 0.0))
        written[unwritten] = True

    def _place(self, space: str, slots: Column) -> View | None:
        """The gradients of these slots as a view, where they lie evenly and are all different."""
        if isinstance(slots, int):
            return self._place_of(space, slots)
        view = view_of(GRADIENT_OF[space], slots)
        if view is None or slots.size == 1:
            return view
        apart = view.strides[0] != 0 if slots.ndim == 1 else len(np.unique(slots)) == slots.size
        return view if apart else None

    def _place_of(self, space: str, slot: int) -> View:
        """The gradient of one slot."""
        view = self._places.get((space, slot))
        if view is None:
            self._places[space, slot] = view = View(GRADIENT_OF[space], slot, (1,), (1,))
        return view


def moderate(emitter: Emitter, value: Scaled, out: View | None = None) -> Scaled:
    """The same, with a number so large or small that products of many could overflow multiplied in."""
    if value.number == 1.0 or abs(_size(value.number)) <= _LARGEST:
        return value
    return Scaled(emitter.map("multiply", (value.view, value.number), out))


def _is_flat(slots: Column) -> bool:
    return isinstance(slots, int) or slots.ndim == 1


def _size(number: float) -> float:
    """The power of two that it is; infinite for 0 and for what is not finite."""
    magnitude = abs(number)
    return log2(magnitude) if 0.0 < magnitude < float("inf") else float("inf")

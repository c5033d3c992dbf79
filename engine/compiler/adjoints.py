"""Gradients while the backward pass is being written: who has one, and where it stands.

A gradient is ``number * view``. Steps through + - and constants only change the number, or say that a gradient is that
of another node: such steps cost no instruction. A number is multiplied in when a second contribution comes, or when a
matrix product needs the plain numbers.
"""

from itertools import pairwise
from math import log2
from typing import Final

import numpy as np

from engine.compiler.collector import mypyc_attr
from engine.compiler.ir import ONE, Indexes, Map, Scatter, View, equal, view_of
from engine.compiler.ir_builder import Emitter, Scaled
from engine.compiler.vectorize import GRADIENT, INPUTS, UNIFORM, VARYING, Column, first

GRADIENT_OF: Final = {space: space + GRADIENT for space in (INPUTS, UNIFORM, VARYING)}
_LARGEST: Final = 20.0  # powers of two: larger numbers are multiplied in, so that products of many cannot overflow
_NOTHING: Final = -2
_IN_PLACE: Final = -1
"""Instead of a number of ``standing``: there is no gradient yet; it is in its own place."""


@mypyc_attr(acyclic=True)
class _Standing:
    """The one contribution so far to the gradients of these nodes, in their order."""

    def __init__(self, places: Column, scaled: Scaled) -> None:
        self.places, self.scaled = places, scaled


class Gradients:
    """The gradients of all nodes, in separate memories with a slot for each node."""

    def __init__(self, emitter: Emitter, output: int) -> None:
        self.emitter = emitter
        self.standing: list[_Standing] = []
        self.at: Indexes = np.full(len(emitter.graph.spaces), _NOTHING)
        """For each node which one of ``standing`` has its gradient, or one of the numbers above."""
        self.at[output] = _IN_PLACE
        self.n_uniform = emitter.graph.n_slots[UNIFORM]
        self.shared: dict[int, dict[float, list[int]]] = {}
        """Further contributions to a uniform node, to be added up at once: their slots, after all others, by number."""

    def any(self, places: Column) -> bool:
        at = self.at
        return at.item(places) != _NOTHING if isinstance(places, int) else 1 in (at[places] != _NOTHING).tobytes()

    def of(self, places: Column) -> Scaled:
        """The gradients of these nodes, zeros where there are none."""
        alone = self._exactly(places)
        if alone is not None:
            return alone.scaled
        self.settle(places)
        if isinstance(places, int):
            return Scaled(self.emitter.single(places, GRADIENT))
        memory = GRADIENT_OF[self.emitter.space_of(places)]
        return Scaled(self.emitter.gathered(memory, self.emitter.graph.slots[places]))

    def settle(self, places: Column) -> None:
        """Have all of these in their own places, with zeros where there is no gradient."""
        for which in sorted({self.at.item(places)} if isinstance(places, int) else {*self.at[places].ravel().tolist()}):
            if which >= 0:
                standing = self.standing[which]
                place = self._place(standing.places)
                self.at[standing.places] = _IN_PLACE
                view, number = standing.scaled.view, standing.scaled.number
                if place and (number != 1.0 or (view.memory, view.start) != (place.memory, place.start)):
                    self.emitter.into(place, self.emitter.numbers(standing.scaled))
        if self.shared:
            self._add_shared({places} if isinstance(places, int) else set(places.ravel().tolist()))
        self._fill(places)

    def accumulate(self, places: Column, value: Scaled) -> None:
        """Add *value*, of the shape of *places*."""
        value = moderate(self.emitter, value)
        view, space = self._place(places), self.emitter.space_of(places)
        if view is not None and not self.any(places):
            if space != VARYING or not _is_flat(places) or not value.view.per_example:
                self.at[places] = _IN_PLACE
                self.emitter.into(view, self.emitter.numbers(value))
            elif value.view.memory == GRADIENT_OF[VARYING]:
                self.stand(places, value)
            else:
                self.emitter.into(view, value.view)
                self.stand(places, Scaled(view, value.number))
            return
        if space == UNIFORM and isinstance(places, int):
            self.shared.setdefault(places, {}).setdefault(value.number, []).append(self.n_uniform)
            self.emitter.into(View(GRADIENT_OF[UNIFORM], self.n_uniform, ONE, ONE), value.view)
            self.n_uniform += 1
            return
        alone = self._exactly(places)
        if view is not None and alone is not None:
            self._second(alone, view, value)
            return
        self.settle(places)
        if view is not None:
            self.emitter.add(Map("add", view, (view, self.emitter.numbers(value))))
        else:
            slots = self.emitter.graph.slots[places].ravel()
            self.emitter.add(Scatter(GRADIENT_OF[space], slots, self.emitter.numbers(value)))

    def empty(self, places: Column) -> View | None:
        """Where the first contribution to varying nodes may be written straight; None where that is not possible."""
        if self.emitter.space_of(places) != VARYING or not _is_flat(places) or self.any(places):
            return None
        return self._place(places)

    def stand(self, places: Column, scaled: Scaled) -> None:
        """Note the first contribution to varying nodes, where it stands for good."""
        self.at[places] = len(self.standing)
        self.standing.append(_Standing(places, scaled))

    def _second(self, standing: _Standing, view: View, value: Scaled) -> None:
        """One more, into the place of these nodes; at most one of the two is multiplied by a number."""
        a, b = standing.scaled, value
        if _size(a.number) ** 2 > _size(b.number) ** 2:  # the number nearer to 1 stays
            a, b = b, a
        function, ratio = ("subtract", -b.number / a.number) if a.number == -b.number else ("add", b.number / a.number)
        other = b.view if ratio == 1.0 else self.emitter.map("multiply", (b.view, ratio))
        self.emitter.add(Map(function, view, (a.view, other)))
        standing.scaled = Scaled(view, a.number)

    def _add_shared(self, places: set[int]) -> None:
        for node in [node for node in self.shared if node in places]:
            place = self.emitter.single(node, GRADIENT)
            for number, parts in self.shared.pop(node).items():
                terms = self.emitter.gathered(GRADIENT_OF[UNIFORM], np.array([parts]))
                total = self.emitter.numbers(Scaled(self.emitter.total(terms), number))
                self.emitter.add(Map("add", place, (place, total)))

    def _exactly(self, places: Column) -> _Standing | None:
        """What stands for these nodes and no others."""
        which = self.at.item(first(places))
        return self.standing[which] if which >= 0 and equal(self.standing[which].places, places) else None

    def _fill(self, places: Column) -> None:
        """Zeros where nothing is written yet."""
        if isinstance(places, int):
            if self.at.item(places) == _NOTHING:
                self.emitter.add(Map("copy", self.emitter.single(places, GRADIENT), (0.0,)))
                self.at[places] = _IN_PLACE
            return
        unwritten = places[self.at[places] == _NOTHING]
        if unwritten.size:
            memory, slots = GRADIENT_OF[self.emitter.space_of(places)], np.unique(self.emitter.graph.slots[unwritten])
            starts = [0, *(np.flatnonzero(slots[1:] - slots[:-1] != 1) + 1).tolist(), len(slots)]
            for start, end in pairwise(starts):
                self.emitter.add(Map("copy", View(memory, slots.item(start), (end - start,), ONE), (0.0,)))
            self.at[unwritten] = _IN_PLACE

    def _place(self, places: Column) -> View | None:
        """The gradients of these nodes as a view, where they lie evenly and are all different."""
        if isinstance(places, int):
            return self.emitter.single(places, GRADIENT)
        slots = self.emitter.graph.slots[places]
        view = view_of(GRADIENT_OF[self.emitter.space_of(places)], slots)
        if view is None:
            return None
        steps = [stride for stride, length in zip(view.strides, view.shape) if length > 1]
        apart = all(steps) and (len(steps) < 2 or len(np.unique(slots)) == slots.size)
        return view if apart else None


def moderate(emitter: Emitter, value: Scaled, out: View | None = None) -> Scaled:
    """The same, with a number so large or small that products of many could overflow multiplied in."""
    if value.number == 1.0 or abs(_size(value.number)) <= _LARGEST:
        return value
    return Scaled(emitter.map("multiply", (value.view, value.number), out))


def _is_flat(places: Column) -> bool:
    return isinstance(places, int) or places.ndim == 1


def _size(number: float) -> float:
    """The power of two that it is; infinite for 0 and for what is not finite."""
    magnitude = abs(number)
    return log2(magnitude) if 0.0 < magnitude < float("inf") else float("inf")

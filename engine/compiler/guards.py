"""Guards of a recorded path, checked for whole batches: which examples go the same way."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.compiler.ir import Floats
from engine.compiler.program import Program
from engine.compiler.recorder import SIGNS, Recording
from engine.compiler.trace import ordered, recorded
from engine.debugging.anomaly import unwatched
from engine.derivatives import rule_of
from engine.operations import PLAIN
from engine.slopes import NUMBERS
from engine.value import Value

Booleans = NDArray[np.bool_]
_PASS_ON = {"relu", "leaky_relu", "abs", "maximum", "minimum", "detach"}
"""Operations through which rounding may go although the local derivative is 0."""
_SMALLEST = float(np.finfo(np.float64).tiny)
_MARGIN = 4e-12
"""How far two sides must be apart, in units of what their rounding depends on, for a program to tell them apart."""
Side: TypeAlias = tuple[int, int] | float
"""A column of the rows (0) or of the program's results (1): ``(0, column)``; or a number."""


class Checks:
    """The guards of a recording, and a program of float64 for what they compare and how exact that is."""

    def __init__(self, recording: Recording, parameters: Sequence[Value], backend: str) -> None:
        compared, inputs = recording.compared_nodes, recording.inputs
        columns: dict[Value, Side] = {value: (0, column) for column, value in enumerate(inputs)}
        columns |= {value: (1, column) for column, value in enumerate(compared)}
        computed = [value for value in compared if value.operands]
        with unwatched():
            rounded = roundings(computed) if computed else []
        places = {value: place for place, value in enumerate(computed, len(compared))}
        self._checks: list[tuple[list[Side], str, bool, list[int]]] = []
        """Two sides, the sign between them, how it came out, and the columns of what rounding depends on."""
        for a, sign, b, outcome, _ in recording.guards.values():
            sides = [columns.get(side, side.data) if isinstance(side, Value) else side for side in (a, b)]
            sizes = [places[side] for side in (a, b) if isinstance(side, Value) and side in places]
            self._checks.append((sides, sign, outcome, sizes))
        self._program: Program | None = None
        if compared:
            graph = recorded([*compared, *rounded], inputs, parameters)
            self._program = Program(graph, inputs, parameters, np.float64, backend=backend)

    def told(self, rows: Floats, weights: Floats) -> tuple[Booleans, Booleans]:
        """Which rows go this way, and for which of them that is open because rounding could decide a comparison."""
        fits, is_open, results = np.ones(len(rows), np.bool_), np.zeros(len(rows), np.bool_), rows
        if self._program is not None:
            self._program.weights[:] = weights[: len(self._program.parameters)]
            results = self._program.unrefused(rows)
        with np.errstate(all="ignore"):
            for sides, sign, outcome, sizes in self._checks:
                a, b = (
                    side if isinstance(side, float) else (rows, results)[side[0]][:, side[1]].astype(np.float64)
                    for side in sides
                )
                same = np.broadcast_to(SIGNS[sign](a, b) == outcome, fits.shape)
                if sizes:
                    size = np.maximum(results[:, sizes].max(axis=1), _SMALLEST)
                    distance = np.abs(a - b)
                    close = ~((distance > _MARGIN * size) & np.isfinite(distance))
                    is_open |= close
                    same = same | close
                fits &= same
        return fits, is_open & fits

    def release(self) -> None:
        """Let go of the memory for batches."""
        if self._program is not None:
            self._program.release()


def roundings(values: Sequence[Value]) -> list[Value]:
    """For each Value, as a graph, what its rounding errors add up to in units of the last place, to first order.

    Each operation adds an error of the size of its result, and local derivatives hand on those of its operands (Higham
    2002, section 3.1).
    """
    sizes: dict[Value, Any] = {}
    for node in ordered(values):
        rule = rule_of(node.operation)
        sizes[node] = 0.0 if rule is None else abs(node)
        numbers = [operand.data if operand.operation is PLAIN else operand for operand in node.operands]
        for operand, derivative in zip(node.operands, rule.derivatives if rule else ()):
            if operand.operands:
                try:
                    slope = abs(derivative(NUMBERS, node, *numbers))
                except TypeError:  # of a user's primitive, whose derivative takes floats
                    slope = nan
                slope = slope + 1.0 if node.operation.key in _PASS_ON else slope
                sizes[node] = sizes[node] + NUMBERS.times(slope, sizes[operand])
    return [sizes[value] for value in values]

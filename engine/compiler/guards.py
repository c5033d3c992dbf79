"""Guards of a recorded path, checked for whole batches: which examples go the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.compiler.ir import Floats
from engine.compiler.recorder import SIGNS, Recording
from engine.compiler.trace import ordered
from engine.value import Value

Booleans = NDArray[np.bool_]
_PASS_ON = {"relu", "leaky_relu", "abs", "maximum", "minimum", "detach"}
"""Operations through which rounding may go although the local derivative is 0."""
_SMALLEST = float(np.finfo(np.float64).tiny)
_MARGIN = {"float64": 4e-12, "float32": 3e-5}
"""How far two sides must be apart, in units of what their rounding depends on, for a program to tell them apart."""
Side: TypeAlias = tuple[int, int] | float
"""A column of the rows (0) or of the program's results (1): ``(0, column)``; or a number."""


class Checks:
    """The guards of a recording, for the rows and the results of its program."""

    def __init__(self, recording: Recording, dtype: np.dtype[Any]) -> None:
        self._margin = _MARGIN[dtype.name]
        compared = recording.compared_nodes
        columns: dict[Value, Side] = {value: (0, column) for column, value in enumerate(recording.inputs)}
        columns |= {value: (1, column) for column, value in enumerate(compared, len(recording.outputs))}
        rounding = roundings(compared, exact_leaves=dtype == np.float64)
        self._checks: list[tuple[list[Side], str, bool, float]] = []
        """Two sides, the sign between them, how it came out, and what rounding depends on: 0 where none is computed."""
        for a, sign, b, outcome, _ in recording.guards.values():
            sides = [columns.get(side, side.data) if isinstance(side, Value) else side for side in (a, b)]
            size = max(rounding.get(side, 0.0) for side in (a, b) if isinstance(side, Value))
            self._checks.append((sides, sign, outcome, size))
        self._largest = max((abs(value.data) for value in recording.inputs), default=0.0) or 1.0

    def told(self, rows: Floats, results: Floats) -> tuple[Booleans, Booleans]:
        """Which rows go this way, and for which of them that is open because rounding could decide a comparison."""
        fits, is_open = np.ones(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
        scale = np.ones(len(rows))
        if any(rounding for *_, rounding in self._checks) and rows.shape[1]:
            scale = np.maximum(1.0, np.abs(rows).max(axis=1) / self._largest)
        with np.errstate(all="ignore"):
            for sides, sign, outcome, rounding in self._checks:
                a, b = (
                    side if isinstance(side, float) else (rows, results)[side[0]][:, side[1]].astype(np.float64)
                    for side in sides
                )
                same = np.broadcast_to(SIGNS[sign](a, b) == outcome, fits.shape)
                if rounding:
                    size = np.maximum(np.maximum(np.abs(a), np.abs(b)), rounding * scale)
                    distance = np.abs(a - b)
                    close = ~((distance > self._margin * size) & np.isfinite(distance))
                    is_open |= close
                    same = same | close
                fits &= same
        return fits, is_open & fits


def roundings(values: Sequence[Value], exact_leaves: bool) -> dict[Value, float]:
    """For each Value, what its rounding errors add up to in units of the last place, to first order.

    Each operation adds an error of the size of its result, and local derivatives hand on those of its operands (Higham
    2002, section 3.1).
    """
    sizes: dict[Value, float] = {}
    for node in ordered(values) if values else []:
        size = 0.0 if exact_leaves and not node.operands else abs(node.data)
        passes_on = node.operation.key in _PASS_ON
        for operand, slope in zip(node.operands, node.local_derivatives):
            size += max(abs(slope), 1.0 if passes_on else 0.0) * sizes[operand]
        sizes[node] = max(size, _SMALLEST) if node.operands else size
    return sizes

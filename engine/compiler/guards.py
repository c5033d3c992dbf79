"""Guards of a recorded path, checked for whole batches: which examples go the same way."""

from collections.abc import Iterator, Sequence
from functools import partial
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.compiler.ir import Floats
from engine.compiler.recorder import SIGNS, Recording
from engine.compiler.runner import Batch, Runner
from engine.compiler.trace import Record, recorded
from engine.debugging.anomaly import unwatched
from engine.derivatives import rule_of
from engine.node import common_order
from engine.operations import ABS, ADD, ATAN, DETACH, MINUS, MUL, NEG, PLAIN, RELU, SIN, SUB, TANH, TIMES
from engine.slopes import NUMBERS
from engine.value import Value, constant

Booleans = NDArray[np.bool_]
_PASS_ON = {"relu", "leaky_relu", "abs", "maximum", "minimum", "detach"}
"""Operations through which rounding may go although the local derivative is 0."""
_SUMS, _PRODUCTS = (ADD, SUB, MINUS), (MUL, TIMES)
_NO_STEEPER = {NEG: 1.0, DETACH: 1.0, TANH: 1.0, SIN: 1.0, ATAN: 1.0, RELU: 2.0, ABS: 2.0}
"""Operations whose result is no larger than the operand, and how much of its rounding they hand on at most."""
_SMALLEST = float(np.finfo(np.float64).tiny)
_MARGIN = 4e-12
"""How far two sides must be apart, in units of what their rounding depends on, for a program to tell them apart."""


class Checks:
    """The guards of a recording, and runners in float64 for what they compare and how exact that is."""

    def __init__(self, recording: Recording, parameters: Sequence[Value], backend: str) -> None:
        compared, inputs = recording.compared_nodes, recording.inputs
        computed = [value for value in compared if value.operands]
        places = {value: place for place, value in enumerate(computed, len(compared))}
        self.comparisons = recording.comparisons
        self._sizes = [
            [places[side] for side in (guard.a, guard.b) if isinstance(side, Value) and side in places]
            for guard in recording.guards.values()
        ]
        """For each of them the columns of what its rounding depends on."""
        self._graphs: list[Record] = []
        """What is compared, first with bounds of its rounding, then with the rounding itself."""
        if compared:
            with unwatched():
                rounded = [bounds(computed), roundings(computed)] if computed else [[]]
            self._graphs = [recorded([*compared, *sizes], inputs, parameters) for sizes in rounded]
        self._runners: list[Runner] = []
        """A runner for each of the first graphs, made when it is needed: few rows need the second one."""
        self._make = partial(Runner, dtype=np.dtype(np.float64), n_columns=len(inputs), backend=backend)

    def told(self, rows: Floats, weights: Floats) -> tuple[Booleans, Booleans]:
        """Which rows go this way, and for which of them that is open because rounding could decide a comparison."""
        fits, is_open = self._told(0, rows, weights)
        if len(left := np.flatnonzero(is_open)):
            fits[left], is_open[left] = self._told(1, rows[left], weights)
        return fits, is_open

    def _told(self, which: int, rows: Floats, weights: Floats) -> tuple[Booleans, Booleans]:
        """The same, as the runner of one of the graphs tells it."""
        results = self._results(which, rows, weights) if self._graphs else rows
        fits, is_open = np.ones(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
        with np.errstate(all="ignore"):
            for (sides, sign, outcome), sizes in zip(self.comparisons, self._sizes):
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

    def _results(self, which: int, rows: Floats, weights: Floats) -> Floats:
        while len(self._runners) <= which:
            self._runners.append(self._make(self._graphs[len(self._runners)]))
        runner = self._runners[which]
        runner.weights[:] = weights[: len(runner.weights)]
        try:
            return runner.outputs(Batch(rows))
        except Exception:  # a user's primitive refuses a row, which may go another way
            if len(rows) == 1:
                return np.full((1, runner.n_outputs), nan)
            half = len(rows) // 2
            return np.concatenate([self._results(which, part, weights) for part in (rows[:half], rows[half:])])

    def release(self) -> None:
        for runner in self._runners:
            runner.release()


def roundings(values: Sequence[Value]) -> list[Value]:
    """For each Value, as a graph, what its rounding errors add up to in units of the last place, to first order.

    Each operation adds an error of the size of its result, and local derivatives hand on those of its operands (Higham
    2002, section 3.1).
    """
    sizes: dict[Value, Any] = {}
    for node in common_order(values):
        sizes[node] = abs(node) if node.operands else 0.0
        for operand, slope in _slopes(node):
            sizes[node] = sizes[node] + NUMBERS.times(slope, sizes[operand])
    return [sizes[value] for value in values]


def bounds(values: Sequence[Value]) -> list[Value]:
    """For each Value, as a graph of fewer nodes, at least as much as ``roundings``; or NaN.

    That is at most a count times a magnitude, which is at least that of the node: what sums and products make of those
    of their operands, as in an error bound that is known beforehand (Higham 2002, section 3.1).
    """
    found: dict[Value, tuple[Any, float]] = {}
    for node in common_order(values):
        parts = [found[operand] for operand in node.operands]
        size, count = parts[0] if parts else (abs(node.data if node.operation is PLAIN else node), 0.0)
        if node.operation in _SUMS:
            size, count = size + parts[1][0], 1.0 + max(count, parts[1][1])
        elif node.operation in _PRODUCTS:
            size, count = size * parts[1][0], 1.0 + count + parts[1][1]
        elif node.operation in _NO_STEEPER:
            count = 1.0 + count * _NO_STEEPER[node.operation]
        elif parts:
            size, count = abs(node), max(1.0, *(count for _, count in parts))
            for operand, slope in _slopes(node):
                size = size + slope * found[operand][0]
        found[node] = size, count
    bounded = [size * count for size, count in map(found.__getitem__, values)]
    return [bound if isinstance(bound, Value) else constant(bound, "a bound") for bound in bounded]


def _slopes(node: Value) -> Iterator[tuple[Value, Any]]:
    """Those operands that are computed, each with the size of the local derivative, by which it hands on rounding."""
    rule = rule_of(node.operation)
    numbers = [operand.data if operand.operation is PLAIN else operand for operand in node.operands]
    for operand, derivative in zip(node.operands, rule.derivatives if rule else ()):
        if operand.operands:
            try:
                slope = abs(derivative(NUMBERS, node, *numbers))
            except TypeError:  # of a user's primitive, whose derivative takes floats
                slope = nan
            yield operand, slope + 1.0 if node.operation.key in _PASS_ON else slope

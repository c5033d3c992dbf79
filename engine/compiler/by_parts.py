"""Rows whose numbers float32 rounds to others that the function refuses: found in halves, and computed eagerly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.compiler.inputs import fill
from engine.compiler.ir import Floats
from engine.compiler.paths import Paths


def outputs(paths: Paths, rows: Floats) -> Floats:
    """All outputs of each row, ``(n_examples, n_outputs)``."""
    return np.concatenate(_parts(paths, rows, paths, lambda row: _taken(paths, [paths.eager_outputs(row)], "a result")))


def outputs_and_mean_gradient(paths: Paths, rows: Floats, output: int) -> tuple[Floats, Floats]:
    """All outputs of each row, and the gradient of the mean of one of them in the parameters."""

    def run(part: Floats) -> tuple[Floats, Floats]:
        results, gradient = paths.run(part, None, output)
        return results, gradient.copy()

    def alone(row: Floats) -> tuple[Floats, Floats]:
        results, by_parameters, _ = paths.eager_gradients(row, output)
        return _taken(paths, [results], "a result"), _taken(paths, by_parameters, "the gradient")

    parts = _parts(paths, rows, run, alone)
    if len(parts) == 1:
        whole: tuple[Floats, Floats] = parts[0]
        return whole
    total = np.zeros(len(paths.parameters))
    for results, gradient in parts:
        total[: len(gradient)] += gradient * (len(results) / len(rows))
    mean = _taken(paths, total, "the gradient")
    paths.keep(mean)
    return np.concatenate([results for results, _ in parts]), mean


def gradients(paths: Paths, rows: Floats, with_respect_to: Any, output: int) -> Floats:
    """The gradient of an output for each row: see ``Program``."""

    def alone(row: Floats) -> Floats:
        _, by_parameters, by_inputs = paths.eager_gradients(row, output)
        if isinstance(with_respect_to, str) and with_respect_to == "inputs":
            return _taken(paths, [by_inputs], "the gradient")
        return _taken(paths, [by_parameters], "the gradient")[:, paths.columns_of(with_respect_to)]

    parts = _parts(paths, rows, lambda part: paths.gradients(part, with_respect_to, output), alone)
    return np.concatenate([np.pad(part, ((0, 0), (0, parts[-1].shape[1] - part.shape[1]))) for part in parts])


def _parts(paths: Paths, rows: Floats, run: Callable[[Floats], Any], alone: Callable[[Floats], Any]) -> list[Any]:
    """What *run* gives for rows, or *alone* for a single one where float32 made the program refuse or give infinity."""
    is_exact = paths.dtype == np.float64
    try:
        result = run(rows)
        last = result[-1] if isinstance(result, tuple) else result
        if is_exact or len(rows) == 0 or np.isfinite(last).all():
            return [result]
    except (ValueError, ZeroDivisionError):
        if is_exact:
            raise
    if len(rows) == 1:
        return [alone(rows[0])]
    middle = len(rows) // 2
    return [*_parts(paths, rows[:middle], run, alone), *_parts(paths, rows[middle:], run, alone)]


def _taken(paths: Paths, numbers: Any, what: str) -> Floats:
    array = np.empty(np.shape(numbers), paths.dtype)
    fill(array, numbers, what)
    return array

"""Programs of models: record the graph of one example once, and replay it for many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from engine import DataDependentError, Value, compiler
from nn.by_identity import ByIdentity
from nn.data import Table
from nn.examples import as_list
from nn.losses import LossFunction

if TYPE_CHECKING:
    from nn.module import Module

_MUCH = 200_000  # parameters times examples: with fewer, recording takes longer than eager evaluation
_CALLS = 10  # expected calls of predict or score with one model, over which compiling must pay off
_PATHS, _MOST_PATHS = 8, 32  # branches of comparisons: more split batches too far; the second if the caller insists

_COMPARED = 3  # examples, the first and the last among them
Array = np.ndarray[Any, np.dtype[Any]]
Key = tuple[LossFunction | None, str, int, bool, str]
_KEPT = ByIdentity[dict[Key, tuple[list[Value], list[compiler.Path]]]]()


def compared(n_examples: int) -> list[int]:
    """The indices of the few examples whose results are compared with those of plain numbers."""
    return sorted({place * (n_examples - 1) // (_COMPARED - 1) for place in range(_COMPARED)})


class Amount(NamedTuple):
    """The amount of work: examples in all, and runs of a program."""

    n_examples: int
    n_runs: int

    def check(self, outputs: list[Value]) -> None:
        """Raise a DataDependentError if replay of this graph is not worth it."""
        if slower := compiler.slower_than_eager(outputs, self.n_examples, self.n_runs):
            raise DataDependentError(slower)


class Recorded(NamedTuple):
    """A function to record, and what its calls reach."""

    function: Callable[[list[Value]], list[Any]]  # takes the numbers of an example as Values in a list
    roots: Sequence[Any]  # the model, and all other objects that its calls may reach something from
    key: Key | None  # the key that keeps programs for the next call; None if they hold something of the user's
    backend: str = "numpy"

    def paths(
        self,
        rows: Array,
        eager: Callable[[int], Sequence[Any]],
        amount: Amount | None,
        dtype: Any = "float64",
        more: Sequence[Value] = (),
    ) -> compiler.Paths:
        """A program of a *dtype* for each branch of comparisons; that of the first of a few *rows* is recorded here.

        Programs of earlier calls are taken out and recorded again before use, so that two threads with one model have
        programs each. *eager* returns the function's results for a row by its index, computed with plain numbers. If
        code of the user's ran, all rows must have these results. Parameters are those of the model, and *more*.
        """
        model = self.roots[0]
        own = [*model.parameters(), *more]
        made_of, known = (None, []) if self.key is None else _KEPT.get(model, {}).pop(self.key, (None, []))
        source = compiler.Source(self.function, compiler.Surroundings(*self.roots), True)
        most = _PATHS if amount else _MOST_PATHS
        paths = compiler.Paths(source, own, dtype, most, known if made_of == own else [], self.backend)
        paths.start(rows[0], amount and amount.check)
        tolerance = 1e-6 if paths.dtype == np.float64 else 1e-2
        for index in range(len(rows) if paths.ran_users_code else 1):
            plain = np.array([float(number) for number in eager(index)])
            size = np.abs(plain[np.isfinite(plain)]).max(initial=1.0)
            found = paths(rows[index : index + 1])[0]
            if not np.allclose(found, plain, rtol=tolerance, atol=tolerance * size, equal_nan=True):
                raise DataDependentError("the model or the loss gives another number for Values than for plain numbers")
        return paths

    def keep(self, paths: compiler.Paths) -> None:
        """Keep programs for the next call with this model, without the memory of their batches."""
        if self.key is not None:
            paths.release()
            kept = _KEPT.get(self.roots[0], {})
            kept[self.key] = paths.parameters, paths.paths
            _KEPT[self.roots[0]] = kept  # never a copy, which would have what other threads took out


def replayed_outputs(model: Module, table: Table, backend: str = "numpy") -> list[list[float]] | None:
    """The outputs of each example by replay; None if that does not pay off or is not possible."""
    if len(table) * len(model.parameters()) < _MUCH:
        return None
    rows = table.astype(np.float64, copy=False)
    key = None, "float64", table.shape[1], False, backend
    recorded = Recorded(lambda row: as_list(model(row)), [model], key, backend)
    try:
        few, amount = rows[compared(len(rows))], Amount(_CALLS * len(table), _CALLS)
        paths = recorded.paths(few, lambda index: as_list(model(few[index].tolist())), amount)
        outputs = paths(rows)
    except Exception:  # the user's model may raise anything when called with Values
        return None
    recorded.keep(paths)
    numbers: list[list[float]] = outputs.tolist()
    return numbers if np.isfinite(outputs.sum()) else None

"""Paths: a function of Values as one program for each way that its comparisons choose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.compiler.backends.numpy import Floats
from engine.compiler.guards import Booleans, Checks
from engine.compiler.program import Program
from engine.compiler.recorder import ADVICE, Recording, record
from engine.compiler.surroundings import Surroundings, changed
from engine.compiler.trace import ordered
from engine.escapes import DataDependentError
from engine.node import flattened
from engine.validation import plain_label, shortened
from engine.value import Value

if TYPE_CHECKING:
    from engine.drawing import Drawing

Indexes = NDArray[np.int64]


class Source(NamedTuple):
    """What is recorded: a function of a list of Values, and what it can reach."""

    function: Callable[[list[Value]], list[Any]]
    surroundings: Surroundings
    identity: bool = False
    """Whether the Values are in place of plain numbers: see ``record``."""


class Path:
    """One way through a function: its program, and the checks that tell which examples go this way."""

    def __init__(self, recording: Recording, parameters: Sequence[Value], dtype: np.dtype[Any]) -> None:
        roots = recording.roots
        reached = set(ordered(roots))
        own = [parameter for parameter in parameters if parameter in reached]
        self.outcomes = recording.outcomes
        self.n_outputs = len(recording.outputs)
        self.program = Program(roots, False, recording.inputs, own, dtype)
        self._checks = Checks(recording, dtype)
        self.columns: Any = slice(None)
        """Where its program's parameters are among those of all paths."""
        self.is_due = self.may_change = False
        """Whether it is recorded again before it is used; and whether the function may do something else then."""

    def is_of(self, recording: Recording) -> bool:
        """Whether the function did the same again, with the same constants."""
        return recording.outcomes == self.outcomes and self.program.is_of(recording.roots, recording.inputs)

    def told(self, rows: Floats) -> tuple[Booleans, Booleans]:
        """Which rows go this way, and for which of them that is open."""
        return self._checks.told(rows, self.program.unrefused(rows))

    def place(self, parameters: Sequence[Value]) -> None:
        """Note where its parameters are among all *parameters*."""
        index = {parameter: column for column, parameter in enumerate(parameters)}
        columns = [index[parameter] for parameter in self.program.parameters]
        self.columns = slice(None) if columns == list(range(len(parameters))) else np.array(columns, np.int64)

    def spread(self, gradient: Floats, n: int) -> Floats:
        """A gradient in its own parameters as one in all *n* of them."""
        if isinstance(self.columns, slice):
            return gradient
        result = np.zeros((*gradient.shape[:-1], n), gradient.dtype)
        result[..., self.columns] = gradient
        return result


class Paths:
    """What a function of Values became: a program for each path through it, with weights in common.

    ``parameters`` are those of all paths found so far, in the order of discovery, unless they were given. ``weights``
    ``(n_parameters,)`` can be changed in place: ``paths.weights -= 0.1 * gradient``. At the next call of the function,
    a parameter whose ``data`` was given another number since the last call keeps it; all others get their weight as
    ``data``. Threads take turns.

    Args:
        source: what is recorded.
        parameters: the leaves to differentiate with respect to; None for all that belong to no single example.
        dtype: of the arrays.
        most: how many paths there may be.
        known: paths from earlier, which are recorded again before they are used.
    """

    def __init__(
        self, source: Source, parameters: Sequence[Value] | None, dtype: Any, most: int = 32, known: Sequence[Path] = ()
    ) -> None:
        self._source, self.dtype, self._most = source, np.dtype(dtype), most
        self.paths = list(known)
        self.parameters: list[Value] = list(parameters or [])
        self._finds_parameters = parameters is None
        self._weights: Floats = np.zeros(0, self.dtype)
        self._taken = np.zeros(0)
        self._given: Floats = self._weights
        self._gradient: Floats = self._weights
        self._look = source.surroundings.look()
        self._turn = RLock()
        self._place()
        self.from_values()
        self.doubt()

    @property
    def n_inputs(self) -> int:
        """How many columns the rows have."""
        return self.paths[0].program.n_inputs

    @property
    def n_outputs(self) -> int:
        """How many numbers the function gives for an example."""
        return self.paths[0].n_outputs

    # -------------------------------------------------------------------------------------------------------- recording

    def start(self, row: Sequence[float], before_compiling: Callable[[list[Value]], object] | None = None) -> None:
        """Record the path of a first example, unless it is known and still what the function does.

        Args:
            row: the numbers of the example.
            before_compiling: called with the outputs before a new path is compiled; it may raise an error.

        Raises:
            DataDependentError: the function cannot be recorded.
        """
        with self._turn:
            self._path_of(np.asarray(row), before_compiling)

    def look_again(self) -> None:
        """Doubt all paths if something that the function can reach was changed, or a leaf that is a constant."""
        look = self._source.surroundings.look()
        if changed(self._look, look, other_values=True) or any(
            path.program.has_changed_constants() for path in self.paths
        ):
            self._look = look
            self.doubt()

    def doubt(self, may_change: bool = True) -> None:
        """Record each path again before it is used again; a function that *may change* may do something else then."""
        for path in self.paths:
            path.is_due, path.may_change = True, path.may_change or may_change

    def _path_of(self, row: Floats, before_compiling: Callable[[list[Value]], object] | None = None) -> Path:
        """The path that an example takes, recorded if it is new."""
        recording = self._record(row)
        path = next((path for path in self.paths if path.outcomes == recording.outcomes), None)
        if path is not None:
            if path.is_of(recording):
                path.is_due = path.may_change = False
                return path
            if not path.may_change:
                raise _another_graph(recording)
            self._drop(path)
        if before_compiling is not None:
            before_compiling(recording.outputs)
        self._check_room(recording)
        lasting = self._confirm(recording, row)
        if self._finds_parameters:
            known = set(self.parameters)
            self.parameters += [leaf for leaf in lasting if leaf not in known]
        path = Path(recording, self.parameters, self.dtype)
        self.paths.append(path)
        self._place()
        return path

    def _drop(self, path: Path) -> None:
        """Forget a path; and the parameters with the last one, unless they were given."""
        self.paths.remove(path)
        if not self.paths and self._finds_parameters:
            self.parameters, self._taken = [], np.zeros(0)
            self._weights = self._given = self._gradient = np.zeros(0, self.dtype)

    def _record(self, row: Floats) -> Recording:
        self._settle()
        return record(self._source.function, row.tolist(), self._source.identity)

    def _check_room(self, recording: Recording) -> None:
        line = recording.guards[-1].line if recording.guards else ""
        if len(self.paths) >= self._most:
            raise DataDependentError(f"{line}: comparisons of Values choose more than {self._most} paths", ADVICE)
        if self.paths and len(recording.outputs) != self.n_outputs:
            raise DataDependentError(f"{line}: comparisons of Values choose how many outputs there are", ADVICE)

    def _confirm(self, first: Recording, row: Floats) -> list[Value]:
        """Record an example a second time; return the leaves that both graphs have.

        Raises:
            DataDependentError: the function did something else, or changed what it can reach.
        """
        surroundings = self._source.surroundings
        surroundings.add(first.calls)
        before = surroundings.look()
        second = self._record(row)
        self._look = surroundings.look()
        name = changed(before, self._look)
        if name:
            raise DataDependentError(f"{first.place}: the function changes {name} from one call to the next", ADVICE)
        return _lasting(first, second)

    # ---------------------------------------------------------------------------------------------------------- weights

    @property
    def weights(self) -> Floats:
        """The numbers of the parameters, ``(n_parameters,)``; changing them in place changes the next call's."""
        return self._weights

    @weights.setter
    def weights(self, numbers: Any) -> None:
        if numbers is self._weights:  # after weights -= ...
            return
        given = np.asarray(numbers)
        if given.dtype.kind not in "fiub":
            raise TypeError(f"weights must be an array of numbers, got {shortened(numbers)}")
        if given.shape != self._weights.shape:
            raise ValueError(f"weights must be {len(self.parameters)} numbers, got an array of shape {given.shape}")
        self._weights[:] = given

    def from_values(self) -> None:
        """Take the weights from the parameters' ``data``."""
        self._weights[:] = self._taken = self._numbers(self.parameters)
        self._given = self._weights.copy()

    def to_values(self) -> None:
        """Put the weights into the parameters' ``data``, and the last gradient into their ``grad``."""
        self._settle()
        gradient = np.zeros(len(self.parameters))
        gradient[: len(self._gradient)] = self._gradient
        for parameter, slope in zip(self.parameters, gradient.tolist()):
            parameter.grad = slope

    def exchange(self) -> None:
        """Take the numbers of parameters whose ``data`` was changed, and give all others their weights."""
        numbers = self._numbers(self.parameters)
        assigned = (numbers != self._taken) & ~(np.isnan(numbers) & np.isnan(self._taken))
        self._weights[assigned] = numbers[assigned]
        self._given[assigned] = self._weights[assigned]
        self._taken = numbers
        self._settle()

    def _settle(self) -> None:
        """Give parameters their weights, where those were changed."""
        for index in np.flatnonzero(self._weights != self._given).tolist():
            self.parameters[index].data = self._taken[index] = float(self._weights[index])
            self._given[index] = self._weights[index]

    @staticmethod
    def _numbers(parameters: Sequence[Value]) -> NDArray[np.float64]:
        return np.array([parameter.data for parameter in parameters], np.float64)

    def _place(self) -> None:
        """Make room for the weights of all parameters: in the memory of the first program, if it has all of them."""
        n, before = len(self.parameters), self._weights
        for path in self.paths:
            path.place(self.parameters)
        if self.paths and isinstance(self.paths[0].columns, slice):
            self._weights = self.paths[0].program.weights
        elif len(before) != n:
            self._weights = np.zeros(n, self.dtype)
        if self._weights is not before:
            new = self._numbers(self.parameters[len(before) :])
            self._weights[: len(before)], self._weights[len(before) :] = before, new
            self._taken = np.concatenate([self._taken, new])
            self._given = np.concatenate([self._given, self._weights[len(before) :]])

    # ------------------------------------------------------------------------------------------------------------- runs

    def __call__(self, rows: Floats) -> Floats:
        """All outputs of each row, ``(n_examples, n_outputs)``."""
        with self._turn:
            if self._is_one(rows):
                return self._loaded(self.paths[0])(rows)
            shares = self._shares(rows)
            results = np.empty((len(rows), self.n_outputs), self.dtype)
            for path, places in shares:
                results[places] = self._loaded(path)(rows[places])[:, : self.n_outputs]
            return results

    def run(self, rows: Floats, chosen: Indexes | None = None, output: int = 0) -> tuple[Floats, Floats]:
        """All outputs ``(n_examples, n_outputs)``, and the gradient of the mean of one: for a training loop.

        Args:
            rows: ``(n_examples, n_inputs)``, an array of the dtype.
            chosen: which of the rows, in which order; all of them where it is not given.
            output: the output that is differentiated.

        Returns:
            The outputs; and the gradient, which may be in memory of a program, so that the next run changes it.
        """
        with self._turn:
            if self._is_one(rows if chosen is None else rows[chosen[:1]]):
                results, gradient = self._loaded(self.paths[0]).run(rows, chosen, output)
                self._gradient = self.paths[0].spread(gradient, len(self.parameters))
                return results, self._gradient
            own = rows if chosen is None else rows[chosen]
            shares = self._shares(own)
            results = np.empty((len(own), self.n_outputs), self.dtype)
            self._gradient = np.zeros(len(self.parameters), self.dtype)
            for path, places in shares:
                found, gradient = self._loaded(path).run(own, places, output)
                results[places] = found[:, : self.n_outputs]
                self._gradient += path.spread(gradient, len(self.parameters)) * (len(places) / len(own))
            return results, self._gradient

    def gradients(self, rows: Floats, with_respect_to: Any, output: int) -> Floats:
        """The gradient of an output for each row: see ``Program``."""
        with self._turn:
            shares = [(self.paths[0], np.arange(len(rows)))] if self._is_one(rows) else self._shares(rows)
            by_inputs = isinstance(with_respect_to, str) and with_respect_to == "inputs"
            n = self.n_inputs if by_inputs else len(self.parameters)
            gradients = np.zeros((len(rows), n), self.dtype)
            for path, places in shares:
                found = self._loaded(path).gradients(rows[places], "inputs" if by_inputs else "parameters", output)
                gradients[places] = found if by_inputs else path.spread(found, n)
            return gradients if by_inputs else gradients[:, self._columns(with_respect_to)]

    def eager_outputs(self, row: Floats) -> list[float]:
        """The outputs for one example with no program; or the error that the function raises."""
        with self._turn:
            return [output.data for output in self._record(row).outputs]

    def release(self) -> None:
        """Let go of the memory for batches; the next run takes what it needs."""
        for path in self.paths:
            path.program.release()

    def _columns(self, with_respect_to: Any) -> list[int]:
        if isinstance(with_respect_to, str):
            if with_respect_to == "parameters":
                return list(range(len(self.parameters)))
            raise ValueError(f'with_respect_to must be "parameters", "inputs" or Values, got {with_respect_to!r}')
        index = {parameter: column for column, parameter in enumerate(self.parameters)}
        asked = list(with_respect_to) if isinstance(with_respect_to, Iterable) else [with_respect_to]
        for value in asked:
            if not isinstance(value, Value) or value not in index:
                raise ValueError(f"with_respect_to must be parameters of the function, got {shortened(value)}")
        return [index[value] for value in asked]

    # ---------------------------------------------------------------------------------------------------------- routing

    def _loaded(self, path: Path) -> Program:
        """The program of a path, with the weights of now."""
        if path.program.weights is not self._weights:
            path.program.weights[:] = self._weights[path.columns]
        return path.program

    def _is_one(self, rows: Floats) -> bool:
        """Whether all rows go the same way; where that is in doubt, the first of them is recorded again."""
        if len(self.paths) == 1 and not self.paths[0].outcomes:
            if self.paths[0].is_due and len(rows):
                self._path_of(rows[0])
            return len(self.paths) == 1 and not self.paths[0].outcomes
        return False

    def _shares(self, rows: Floats) -> list[tuple[Path, Indexes]]:
        """Which rows go which way; paths that are new are recorded."""
        shares: dict[Path, list[Any]] = {}
        left = np.arange(len(rows))
        for path in list(self.paths):
            left = self._take(path, rows, left, shares)
        while len(left):
            path = self._path_of(rows[left[0]])
            shares.setdefault(path, []).append(left[:1])
            left = self._take(path, rows, left[1:], shares)
        return [(path, np.concatenate(parts)) for path, parts in shares.items()]

    def _take(self, path: Path, rows: Floats, left: Indexes, shares: dict[Path, list[Any]]) -> Indexes:
        """Give a path those of the rows *left* that go this way; return the others.

        Where rounding in the program could decide a comparison otherwise than in the function, the row is recorded.
        """
        if not len(left):
            return left
        self._loaded(path)
        fits, is_open = path.told(rows[left])
        certain = left[fits & ~is_open]
        if path.is_due and len(certain):
            found = self._path_of(rows[certain[0]])
            if found is not path:
                shares.setdefault(found, []).append(certain[:1])
                return np.setdiff1d(left, certain[:1])
        if len(certain):
            shares.setdefault(path, []).append(certain)
        for place in left[is_open].tolist():
            shares.setdefault(self._path_of(rows[place]), []).append([place])
        others: Indexes = left[~fits]
        return others

    # --------------------------------------------------------------------------------------------------------- in words

    def __repr__(self) -> str:
        if len(self.paths) == 1 and not self.paths[0].outcomes:
            return repr(self.paths[0].program)
        parts = [f"{len(self.paths)} paths, chosen by comparisons"]
        for path in self.paths:
            outcomes = ", ".join(str(outcome) for outcome in path.outcomes)
            parts.append(f"where they are {outcomes}: {path.program!r}")
        return "\n".join(parts)

    def draw(self, direction: str = "LR", path: int = 0) -> Drawing:
        """The array instructions of a path as a picture: see ``Program``."""
        return self.paths[path].program.draw(direction)


def _lasting(first: Recording, second: Recording) -> list[Value]:
    """The leaves that belong to no single call, in topological order.

    Raises:
        DataDependentError: the graphs of two calls with one example differ, or share a Value that was computed.
    """
    orders = [ordered(recording.roots) for recording in (first, second)]
    in_first, in_second, inputs = set(orders[0]), set(orders[1]), set(first.inputs)
    carried = [node for node in orders[1] if node in in_first and (node.operands or node in inputs)]
    if carried:
        name = plain_label(carried[-1].label) or carried[-1].op or "an input"
        raise DataDependentError(
            f"{first.place}: the function uses a Value ({name}) that was computed outside of it, or that goes from one "
            "call to the next",
            "compute it inside: there it changes with weights and inputs; " + ADVICE,
        )
    one, other = (flattened(recording.roots, recording.inputs) for recording in (first, second))
    alike = (one.operations, one.first, one.second) == (other.operations, other.first, other.second)
    if not alike or not np.array_equal(one.numbers, other.numbers, equal_nan=True) or first.outcomes != second.outcomes:
        raise _another_graph(second)
    return [node for node in orders[0] if not node.op and node in in_second and node not in inputs]


def _another_graph(recording: Recording) -> DataDependentError:
    return DataDependentError(f"{recording.place}: the function builds another graph from one call to the next", ADVICE)

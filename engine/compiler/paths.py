"""Paths: a function of Values as one program for each way that its comparisons choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.compiler.guards import Checks
from engine.compiler.inputs import as_places, fill
from engine.compiler.ir import Floats, Indexes
from engine.compiler.program import Program, assign, columns_of
from engine.compiler.recorder import ADVICE, Recording, record
from engine.compiler.runner import Batch
from engine.compiler.surroundings import Surroundings, changed, may_have_changed
from engine.compiler.trace import same_graph
from engine.escapes import DataDependentError
from engine.validation import plain_label
from engine.value import Value

if TYPE_CHECKING:
    from engine.drawing import Drawing

Row: TypeAlias = Sequence[float] | Floats


class Source(NamedTuple):
    """What is recorded: a function of a list of Values, and what it can reach."""

    function: Callable[[list[Value]], list[Any]]
    surroundings: Surroundings
    identity: bool = False
    """Whether the Values are in place of plain numbers: see ``Recording``."""


@dataclass(eq=False)
class Path:
    """One way through a function: its program, and the checks that tell which examples go this way."""

    program: Program
    checks: Checks
    outcomes: tuple[bool, ...]
    n_outputs: int
    is_due: bool = False
    """Whether it is recorded again before it is used."""
    may_change: bool = False
    """Whether the function may do something else then."""
    constants: Sequence[Value] = ()
    """The leaves that are no parameters and last from call to call."""


class Paths:
    """What a function of Values became: a program for each path through it, with weights in common.

    ``parameters`` are those of all paths found so far, unless they were given: first all of models that the function
    reaches, in the order of ``model.parameters()``, then other leaves. A path has as many of them as were known when it
    was found. ``weights`` ``(n_parameters,)`` can be changed in place: ``paths.weights -= 0.1 * gradient``. At
    the next call of the function, a parameter whose ``data`` was given another number since the last call keeps it; all
    others get their weight as ``data``. Threads take turns.

    There are *most* paths at most; those that are *known* from earlier are recorded again before they are used.
    """

    def __init__(
        self,
        source: Source,
        parameters: Sequence[Value] | None,
        dtype: Any,
        most: int = 32,
        known: Sequence[Path] = (),
        backend: str = "numpy",
    ) -> None:
        self._source, self.dtype, self._most, self._backend = source, np.dtype(dtype), most, backend
        self.paths = list(known)
        """Those with the most parameters come first."""
        self._given = parameters
        self._gradient: Floats = np.zeros(0, self.dtype)
        self._weights: Floats = self._gradient
        self._owners: list[Value] = []
        """The parameter of each weight."""
        self._synced: Floats = self._gradient
        """The weights when they and the parameters' ``data`` were last the same."""
        self._look = source.surroundings.look()
        self.ran_users_code = False
        """Whether code that belongs to no library ran in a recording."""
        self._turn = RLock()
        self.from_values()
        self.doubt()

    @property
    def n_inputs(self) -> int:
        return self.paths[0].program.n_inputs

    @property
    def n_outputs(self) -> int:
        return self.paths[0].n_outputs

    @property
    def parameters(self) -> list[Value]:
        return self.paths[0].program.parameters if self.paths else []

    @property
    def weights(self) -> Floats:
        """The numbers of the parameters, ``(n_parameters,)``; changing them in place changes the next call's."""
        return self._weights if self.paths else np.zeros(0, self.dtype)

    @weights.setter
    def weights(self, numbers: Any) -> None:
        assign(self.weights, numbers, self.parameters)

    def start(self, row: Row, before_compiling: Callable[[list[Value]], Any] | None = None) -> Path:
        """Record the path of an example, unless it is known and still what the function does.

        ``before_compiling(outputs)`` may raise an error before a new path is compiled.
        """
        with self._turn:
            recording = self._record(row)
            path = next((path for path in self.paths if path.outcomes == recording.outcomes), None)
            if path is not None:
                again = recording.graph(path.program.parameters)
                alike = repr(path.checks.comparisons) == repr(recording.comparisons)  # a NaN is not equal to itself
                if alike and same_graph(path.program.record, again):
                    if path.is_due:
                        self._settle_look(recording, row)
                    path.is_due = path.may_change = False
                    return path
                if not path.may_change:
                    raise _another_graph(recording)
                self.paths.remove(path)
                self.paths.sort(key=lambda path: -len(path.program.parameters))
                self.from_values()
            if before_compiling is not None:
                before_compiling(recording.outputs)
            return self._compile(recording, row)

    def look_again(self) -> None:
        """Doubt all paths if something that the function can reach may have changed, or a leaf that is a constant."""
        before, self._look = self._look, self._source.surroundings.look()
        constants = any(path.program.changed_constant() for path in self.paths)
        if constants or may_have_changed(before, self._look):
            self.doubt()

    def doubt(self, may_change: bool = True) -> None:
        """Record each path again before it is used again; a function that *may change* may do something else then."""
        for path in self.paths:
            path.is_due, path.may_change = True, path.may_change or may_change

    def _record(self, row: Row) -> Recording:
        self._settle()
        recording = record(self._source.function, np.asarray(row).tolist(), self._source.identity)
        self.ran_users_code = self.ran_users_code or bool(recording.calls)
        if self._source.identity:
            recording.refuse_type_tests()
        return recording

    def _settle_look(self, recording: Recording, row: Row) -> None:
        """Take the look of now, where what was recorded again called other functions or changed something."""
        surroundings = self._source.surroundings
        if surroundings.knows(recording.calls) and surroundings.look() == self._look:
            return
        second = self._again(recording, row)
        if not same_graph(recording.graph(self.parameters), second.graph(self.parameters)):
            raise _another_graph(second)

    def _again(self, first: Recording, row: Row) -> Recording:
        """A second recording, if two looks show that the function changes nothing from one call to the next."""
        surroundings = self._source.surroundings
        surroundings.add(first.calls)
        before, second, self._look = surroundings.look(), self._record(row), surroundings.look()
        if name := changed(before, self._look):
            raise DataDependentError(f"{first.place}: the function changes {name} from one call to the next", ADVICE)
        return second

    def _compile(self, first: Recording, row: Row) -> Path:
        """A new path, if a second recording of the same example shows that the function does the same in each call."""
        place = [*first.guards.values()][-1].place if first.guards else ""
        if len(self.paths) >= self._most:
            raise DataDependentError(f"{place}: comparisons of Values choose more than {self._most} paths", ADVICE)
        if self.paths and len(first.outputs) != self.n_outputs:
            raise DataDependentError(f"{place}: comparisons of Values choose how many outputs there are", ADVICE)
        second = self._again(first, row)
        found = _lasting(first, second)
        parameters = self._with(found) if self._given is None else list(self._given)
        graph, again = first.graph(parameters), second.graph(parameters)
        if not same_graph(graph, again) or first.outcomes != second.outcomes:
            own = [{op for op in record.ops if not isinstance(op, str)} for record in (graph, again)]
            raise _another_graph(second, made_inside=own[0] != own[1])
        program = Program(graph, first.inputs, parameters, self.dtype, backend=self._backend)
        path = Path(program, Checks(first, parameters, self._backend), first.outcomes, len(first.outputs))
        lasting = set(found)
        path.constants = [leaf for leaf in program.constants if leaf in lasting]
        self.paths.insert(0 if len(parameters) > len(self.parameters) else len(self.paths), path)
        self.from_values()
        return path

    def _with(self, found: list[Value]) -> list[Value]:
        """The parameters so far; those of each model that has some of *found*, in its order, unused ones too; the rest.

        If no path is left, all of these are in the same order as before where none is missing.
        """
        known, leaves = set(found), dict[Value, None]()
        for parameters in self._source.surroundings.models():
            if not known.isdisjoint(parameters):
                leaves |= dict.fromkeys(leaf for leaf in parameters if not leaf.operands)
        before = self._owners if set(self._owners) <= {*leaves, *found} else []
        return [*dict.fromkeys([*self.parameters, *leaves, *before, *found])]

    def from_values(self) -> None:
        """Take the weights from the parameters' ``data``.

        Their array may be kept: it stays the same one while the parameters do, and becomes read-only after that.
        """
        if self.paths and self._owners != self.parameters:
            self._weights.flags.writeable = False
            self._owners, self._weights = self.parameters, np.empty(len(self.parameters), self.dtype)
        self.weights[:] = self._numbers()
        self._synced = self.weights.copy()
        self._gradient = self._gradient[: len(self._synced)]

    def to_values(self) -> None:
        """Put weights and the last gradient into the parameters' ``data`` and ``grad``."""
        self._settle()
        slopes = [*self._gradient.tolist(), *[0.0] * len(self.parameters)]  # none yet for parameters found since
        for parameter, slope in zip(self.parameters, slopes):
            parameter.grad = slope

    def exchange(self) -> None:
        """Take the numbers of parameters whose ``data`` was changed, and give all others their weights."""
        numbers = self._numbers()
        assigned = _bits(numbers) != _bits(self._synced)
        self.weights[assigned] = self._synced[assigned] = numbers[assigned]
        self._settle()

    def _settle(self) -> None:
        """Give parameters their weights, where those were changed."""
        parameters, moved = self.parameters, np.flatnonzero(_bits(self.weights) != _bits(self._synced))
        for index, number in zip(moved.tolist(), self.weights[moved].tolist()):
            parameters[index].data = number
        self._synced[moved] = self.weights[moved]

    def _numbers(self) -> Floats:
        numbers = np.empty(len(self.parameters), self.dtype)
        fill(numbers, [parameter._number for parameter in self.parameters], "weights")  # of which no recording hears
        return numbers

    def __call__(self, rows: Floats) -> Floats:
        """All outputs of each row, ``(n_examples, n_outputs)``; *rows* are as for ``run``."""
        with self._turn:
            shares = self._shares(Batch(rows))
            results = np.empty((len(rows), self.n_outputs), self.dtype)
            for program, part, own in shares:
                results[own] = program(part)[:, : self.n_outputs]
            return results

    def run(self, rows: Floats, places: Indexes | None = None, output: int = 0) -> tuple[Floats, Floats]:
        """All outputs ``(n_examples, n_outputs)``, and the gradient of the mean of one: for a training loop.

        The *rows* ``(n_examples, n_inputs)``, or those at some *places*, are of the dtype, or of float64 so that
        comparisons see more digits. The gradient may be in memory that the next run changes.
        """
        batch = Batch(rows, None if places is None else as_places(places, len(rows)))
        with self._turn:
            if self._only(batch):
                results, self._gradient = self._loaded(self.paths[0]).run(batch, None, output)
                return results[:, : self.n_outputs], self._gradient
            shares = self._shares(batch)
            results = np.empty((len(batch), self.n_outputs), self.dtype)
            self._gradient = np.zeros(len(self.parameters), self.dtype)
            for program, part, own in shares:
                found, gradient = program.run(part, None, output)
                results[own] = found[:, : self.n_outputs]
                self._gradient[: len(gradient)] += gradient * (len(found) / len(results))
            return results, self._gradient

    def gradients(self, rows: Floats, with_respect_to: Any, output: int) -> Floats:
        """The gradient of an output for each row: see ``Program``."""
        with self._turn:
            shares = self._shares(Batch(rows))
            columns = columns_of(with_respect_to, (), self.parameters, "parameters of the function")
            of = with_respect_to if isinstance(with_respect_to, str) else "parameters"
            results = np.zeros((len(rows), self.n_inputs if of == "inputs" else len(self.parameters)), self.dtype)
            for program, part, own in shares:
                found = program.gradients(part, of, output)
                results[own, : found.shape[1]] = found
            return results if of == "inputs" else results[:, columns]

    def eager_outputs(self, row: Floats) -> list[float]:
        with self._turn:
            return [output.data for output in self._record(row).outputs]

    def release(self) -> None:
        """Let go of the memory for batches; the next run takes what it needs."""
        for path in self.paths:
            path.program.release()
            path.checks.release()

    def _loaded(self, path: Path) -> Program:
        """The program of a path, with the weights of now."""
        path.program.weights[:] = self.weights[: len(path.program.parameters)]
        return path.program

    def _only(self, batch: Batch) -> bool:
        """Whether no comparison chooses a path; where that is in doubt, the first example is recorded again."""
        if len(self.paths) == 1 and self.paths[0].is_due and len(batch):
            self.start(batch.part(0, 1).numbers()[0])
        return len(self.paths) == 1 and not self.paths[0].outcomes

    def _shares(self, batch: Batch) -> list[tuple[Program, Batch, Any]]:
        """Which program computes which part, and where that is in the batch; paths that are new are recorded.

        Where rounding in the program could decide a comparison otherwise than in the function, the row is recorded.
        """
        if self._only(batch):
            return [(self._loaded(self.paths[0]), batch, slice(None))]
        rows, shares = batch.numbers(), dict[Path, list[Any]]()
        left, known = np.arange(len(rows)), list(self.paths)
        while len(left):
            if not known:
                known.append(self.start(rows[left[0]]))
                shares.setdefault(known[0], []).append(left[:1])
                left = left[1:]
                continue
            path = known.pop(0)
            if path not in self.paths:  # dropped since
                continue
            here = rows[left]
            fits, is_open = path.checks.told(here, self._loaded(self.paths[0]).exact_weights())
            certain = left[fits & ~is_open]
            if path.is_due and len(certain) and self.start(rows[certain[0]]) is not path:
                continue
            shares.setdefault(path, []).append(certain)
            for place in left[is_open].tolist():
                shares.setdefault(self.start(rows[place]), []).append([place])
            left = left[~fits]
        found = ((path, np.concatenate(parts)) for path, parts in shares.items() if any(map(len, parts)))
        return [(self._loaded(path), batch.copied(own), own) for path, own in found]

    def __repr__(self) -> str:
        if len(self.paths) == 1 and not self.paths[0].outcomes:
            return repr(self.paths[0].program)
        parts = [f"where they are {', '.join(map(str, path.outcomes))}: {path.program!r}" for path in self.paths]
        return "\n".join([f"{len(self.paths)} paths, chosen by comparisons", *parts])

    def draw(self, direction: str = "LR", path: int = 0, theme: str = "auto") -> Drawing:
        """The array instructions of a path as a picture: see ``Program``."""
        return self.paths[path].program.draw(direction, theme)


def _lasting(first: Recording, second: Recording) -> list[Value]:
    """The leaves in both graphs, which belong to no single call; a computed Value in both is refused."""
    in_second, inputs = set(second.order), set(first.inputs)
    in_both = [node for node in first.order if node in in_second]
    carried = [node for node in in_both if node.operands or node in inputs]
    if carried:
        name = plain_label(carried[-1].label) or carried[-1].op or "an input"
        raise DataDependentError(
            f"{first.place}: the function uses a Value ({name}) that was computed outside of it, or that goes from one "
            "call to the next",
            "compute it inside: there it changes with weights and inputs; " + ADVICE,
        )
    return [node for node in in_both if not node.op]


def _another_graph(recording: Recording, made_inside: bool = False) -> DataDependentError:
    reason = f"{recording.place}: the function builds another graph from one call to the next"
    return DataDependentError(reason, "define its @primitive outside of it, once" if made_inside else ADVICE)


def _bits(numbers: Floats) -> NDArray[Any]:
    """The bits of numbers as ints: 0.0 and -0.0 differ, and NaN equals NaN."""
    return numbers.view(f"i{numbers.itemsize}")

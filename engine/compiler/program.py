"""Program: a graph of Values that was built once, replayed for whole batches as array instructions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.compiler.eager import watch_examples
from engine.compiler.inputs import as_places, as_rows, check_width, fill
from engine.compiler.ir import Floats, Indexes
from engine.compiler.runner import Batch, Runner
from engine.compiler.summary import described, drawn
from engine.compiler.tables import Asked, read_table
from engine.compiler.trace import INPUT, Record
from engine.names import check_ordered, in_order
from engine.node import WATCH
from engine.validation import check_int, plain_label, shortened
from engine.value import Value
from engine.whole_files import as_path, write_whole

if TYPE_CHECKING:
    from engine.drawing import Drawing


class Program:
    """What ``compile`` gives: the same calculation for each row of ``X``.

    ``inputs`` are the columns of ``X``; ``weights`` ``(n_parameters,)`` are the numbers of the parameters, which a
    training step changes in place: ``program.weights -= 0.1 * gradient``. The ``backend`` carries it out. Threads that
    run one program take turns. A copy, or a program that was pickled, is compiled again.

    >>> from engine import compile
    >>> x, w = Value(1.0), Value(3.0)
    >>> program = compile(x * w, inputs=[x])
    >>> program.weights -= 1.0
    >>> program([[1.0], [2.0]])
    array([2., 4.])
    """

    def __init__(
        self,
        record: Record,
        inputs: Sequence[Value],
        parameters: Sequence[Value],
        dtype: Any,
        single: bool = False,
        backend: str = "numpy",
    ) -> None:
        self.record, self._single, self.backend = record, single, backend
        self.n_inputs, self.n_outputs = record.n_inputs, len(record.outputs)
        self.inputs, self.parameters = list(inputs), list(parameters)
        self.dtype = np.dtype(dtype)
        self._labels = [leaf.label for leaf in (*self.inputs, *self.parameters)]
        self._frozen = [(leaf, leaf.data) for leaf in record.frozen]
        self._gradient = np.zeros(len(self.parameters), self.dtype)
        self.from_values()

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self.record, self.dtype, self._labels, self.n_inputs, self.backend, parameters=self.parameters)

    @cached_property
    def _by_example(self) -> Runner:
        """The same with its parameters as more inputs, so that each example has a separate gradient."""
        n = self.record.n_inputs + self.record.n_parameters
        ops = [*[INPUT] * n, *self.record.ops[n:]]
        record = replace(self.record, ops=ops, n_inputs=n, n_parameters=0, frozen=[])
        return Runner(record, self.dtype, self._labels, self.n_inputs, self.backend, self._runner.failed)

    def __getstate__(self) -> dict[str, Any]:
        compiled = "_runner", "_by_example"
        state = {name: part for name, part in vars(self).items() if name not in compiled}
        return state | {"_gradient": self._gradient.copy(), "weights": self.weights.copy()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = state.pop("weights")
        vars(self).update(state)
        self.weights = weights

    @property
    def weights(self) -> Floats:
        """The numbers of the parameters, ``(n_parameters,)``, which may be changed."""
        return self._runner.weights

    @weights.setter
    def weights(self, numbers: Any) -> None:
        assign(self.weights, numbers, self.parameters)

    def from_values(self) -> None:
        """Take the weights from the parameters' ``data``.

        Raises:
            ValueError: a leaf that is a constant of the program has another number now.
        """
        if changed := self.changed_constant():
            leaf, number = changed
            raise ValueError(
                f"the graph was changed since it was compiled: {plain_label(leaf.label) or 'a leaf'} was {number!r} "
                f"and is {leaf.data!r} now; compile it again, or make it one of parameters= or inputs="
            )
        self.weights = [parameter.data for parameter in self.parameters]

    def exact_weights(self) -> Floats:
        """The weights in float64.

        One that only rounds the number of its parameter is that number.
        """
        return self._runner.exact_weights()

    @property
    def constants(self) -> list[Value]:
        """The leaves of the graph that are neither inputs nor parameters."""
        return [leaf for leaf, _ in self._frozen]

    def changed_constant(self) -> tuple[Value, float] | None:
        """A constant leaf that has another number now, if only its sign, and the old one."""
        pairs = ((leaf, number) for leaf, number in self._frozen if number == 0.0 or leaf.data != number)
        return next(((leaf, number) for leaf, number in pairs if leaf.data.hex() != number.hex()), None)

    def to_values(self) -> None:
        """Put weights and the last gradient into the parameters' ``data`` and ``grad``."""
        for parameter, number, gradient in zip(self.parameters, self.weights.tolist(), self._gradient.tolist()):
            parameter.data, parameter.grad = number, gradient

    def __call__(self, X: Any = None) -> Floats:
        """The outputs ``(n_examples,)``; ``(n_examples, n_outputs)`` where a list of Values was compiled.

        Args:
            X: ``(n_examples, n_inputs)`` numbers, in the order of ``inputs``; nothing where there are no inputs.
                Columns of a table, or numbers in rows with names, may come in any order if the names are the labels of
                the inputs. Rows come in any container that has an order.

        Raises:
            ValueError: *X* has another shape, or NaN in it; or an operation refuses a number, as it does eagerly.
            ArithmeticError: an operation refuses a number: a division by 0, or a result too large for a float.
            TypeError: it is not made of numbers.
        """
        batch = self._batch(X, self._runner.hiding_nan)
        self._watch(batch, None)
        results = self._runner.outputs(batch)
        return results[:, 0] if self._single else results

    def value_and_gradient(self, X: Any = None, output: int = 0) -> tuple[float, Floats]:
        """The mean of an output over the examples, and its gradient ``(n_parameters,)``.

        The order is that of ``parameters``: as they were given to ``compile``, or else as the graph first uses them,
        which is not that of ``model.parameters()``.

        Args:
            X: as for a call; at least one example.
            output: which output, where several were compiled.
        """
        batch = self._batch(X, self._runner.hiding_nan)
        check_output(output, self.n_outputs, batch)
        with self._runner.turn:
            results, gradient = self.run(batch, None, output)
            return mean(results, output), gradient.copy()

    def run(self, rows: Floats | Batch, places: Indexes | None = None, output: int = 0) -> tuple[Floats, Floats]:
        """All outputs ``(n_examples, n_outputs)``, and the gradient of the mean of one.

        Args:
            rows: as ``X``, an array of the program's dtype; NaN is not looked for where it might not show.
            places: which of the rows, in which order; all of them where it is not given.
            output: which output is differentiated; the gradient is in memory that the next run changes.
        """
        if isinstance(rows, Batch):
            batch = rows
        else:
            check_width(rows, self.n_inputs)
            batch = Batch(rows, None if places is None else as_places(places, len(rows)))
            check_output(output, self.n_outputs, batch)
        self._watch(batch, output)
        with self._runner.turn:
            results, self._gradient = self._runner.outputs_and_mean_gradient(batch, output)
            return results, self._gradient

    def gradients(self, X: Any = None, with_respect_to: Any = "parameters", output: int = 0) -> Floats:
        """The gradient of an output for each example by itself, ``(n_examples, n)``.

        There is a column for each Value asked for.

        Args:
            X: as for a call.
            with_respect_to: ``"parameters"``, ``"inputs"``, or a list of Values from either.
            output: which output, where several were compiled.

        Raises:
            ValueError: a Value is neither an input nor a parameter.
        """
        batch = self._batch(X)
        columns = columns_of(with_respect_to, self.inputs, self.parameters, "inputs or parameters of the program")
        check_output(output, self.n_outputs)
        self._watch(batch, output)
        rows = batch.numbers()
        if max(columns, default=0) < self.n_inputs:
            return self._runner.input_gradients(rows, self.weights[:0], columns, output)
        with self._by_example.turn:
            gradients = self._by_example.input_gradients(rows, self.exact_weights(), columns, output)
            self._by_example.release()  # as much memory as for many examples
        return gradients

    def release(self) -> None:
        """Let go of the memory for batches; the next run takes what it needs."""
        self._runner.release()

    def __repr__(self) -> str:
        lines = described(self._runner.graph, len(self.record.ops), self.dtype.name)
        return "\n".join([lines, *self._runner.words()])

    def draw(self, direction: str = "LR", theme: str = "auto") -> Drawing:
        """The array instructions as a picture; each box says how many scalars it has."""
        return drawn(self._runner.graph, direction, theme)

    def save(self, path: str | PathLike[str], output: int = 0, comment: str = "") -> None:
        """Write the program in the language of the path's ending.

        The file's comment tells how it is used. ``.c`` is C99 for one example, and needs nothing but libm: functions
        for the outputs and for the gradient of an *output* in inputs and parameters, and a table of the weights. All
        its names begin with the file's name. Where eager arithmetic refuses a number, the functions return the place of
        that operation.

        ``.js`` is the same as an ES module, which imports nothing; its functions throw a RangeError in that case.

        ``.onnx`` is the outputs for many examples: see ``to_onnx``.

        Functions of other libraries of mathematics may differ in the last digit.

        Args:
            path: a file whose name ends in ``.c``, ``.js`` or ``.onnx``.
            output: which output is differentiated, where several were compiled; an ONNX file has no gradient.
            comment: what the file's comment says besides.

        Raises:
            ValueError: the name ends otherwise, the program is of float32 and no ONNX file, or an operation is not
                known in that language, such as a function of Python.
            ImportError: the package onnx is missing, for an ONNX file.
            OSError: the file cannot be written.
            TypeError: the path is no file's name, or the comment no text.
        """
        target = as_path("path", path)
        if not isinstance(comment, str):
            raise TypeError(f"comment must be a str, got {shortened(comment)}")
        check_output(output, self.n_outputs)
        match target.suffix:
            case ".onnx":
                if output:
                    raise ValueError(f"output must be 0 for an .onnx file, which has no gradient, got {output}")
                content: bytes = self.to_onnx(comment).SerializeToString(deterministic=True)
            case ".c" | ".js" if self.dtype != np.float64:
                raise ValueError(f'dtype must be "float64" for a {target.suffix} file, got "float32"; compile it again')
            case ".c" | ".js":
                from engine.compiler.c_program import c_text
                from engine.compiler.javascript_module import javascript_module

                write, name = (c_text, target.stem) if target.suffix == ".c" else (javascript_module, target.name)
                text = write(self.record, self.weights.tolist(), self._labels, name, output, comment)
                content = text.encode("utf-8")
            case _:
                raise ValueError(f"path must end in .c, .js or .onnx, got {shortened(str(path))}")
        write_whole(path, content)

    def to_onnx(self, comment: str = "") -> Any:
        """An ``onnx.ModelProto`` from X ``(n, n_inputs)`` to Y ``(n, n_outputs)``.

        ONNX refuses nothing: an operation that refuses its operands eagerly gives infinity or NaN there, of which later
        ones may make other numbers, such as 0 as the ``relu`` of minus infinity. In float32 what is too large on the
        way is infinite, too. All else is the same up to rounding; the sign of a zero may differ. Functions are made of
        operators that onnxruntime has in float64, too.

        Args:
            comment: what the model's ``doc_string`` says.

        Raises:
            ImportError: the package onnx is missing.
            ValueError: an operation cannot be made of ONNX's operators, such as a function of Python.

        >>> from engine import compile, tanh
        >>> x, w = Value(0.5, "x"), Value(2.0, "w")
        >>> model = compile(tanh(x * w), inputs=[x], parameters=[w]).to_onnx()
        >>> [node.op_type for node in model.graph.node]
        ['Transpose', 'Mul', 'Tanh', 'Transpose']
        """
        from engine.compiler.onnx_program import onnx_model

        graph, record = self._runner.graph, self.record
        uniform = self._runner.uniform[: record.n_parameters + len(graph.constants), 0]
        return onnx_model(graph, uniform, self._labels[: self.n_inputs], comment)

    def _batch(self, X: Any, look: Sequence[int] | None = None) -> Batch:
        """The examples in *X*; a Batch was checked before."""
        if isinstance(X, Batch):
            return X
        if X is None and self.n_inputs == 0:
            return Batch(np.zeros((1, 0), self.dtype))
        table = read_table(X, Asked(self._labels[: self.n_inputs]))
        return Batch(as_rows(table, self.n_inputs, self.dtype, look))

    def _watch(self, batch: Batch, output: int | None) -> None:
        """Inside ``detect_anomaly``, compute the examples eagerly first."""
        if WATCH.watchers:
            rows = zip(batch.indexes, batch.numbers().tolist())
            watch_examples(self.record, self._labels, rows, self.weights.tolist(), output)


def assign(weights: Floats, numbers: Any, parameters: Sequence[Value]) -> None:
    """Put *numbers* into *weights*, those of *parameters*; after ``weights -= ...`` they are there already."""
    if numbers is weights:
        return
    labels = [parameter.label for parameter in parameters]
    given = np.asarray(in_order(numbers, labels if any(labels) else [], "weights", strict=True))
    if given.dtype.kind not in "fiub":
        raise TypeError(f"weights must be an array of numbers, got {shortened(numbers)}")
    if given.shape != weights.shape:
        raise ValueError(f"weights must be {len(weights)} numbers, got an array of shape {given.shape}")
    fill(weights, given, "weights")


def columns_of(with_respect_to: Any, inputs: Sequence[Value], parameters: Sequence[Value], what: str) -> list[int]:
    """The places among *inputs* and *parameters* of what a gradient is asked for."""
    if isinstance(with_respect_to, str):
        n, n_leaves = len(inputs), len(inputs) + len(parameters)
        if with_respect_to not in ("parameters", "inputs"):
            raise ValueError(f'with_respect_to must be "parameters", "inputs" or Values, got {with_respect_to!r}')
        return list(range(n) if with_respect_to == "inputs" else range(n, n_leaves))
    check_ordered(with_respect_to, "with_respect_to")
    known = {leaf: column for column, leaf in enumerate([*inputs, *parameters])}
    asked = list(with_respect_to) if isinstance(with_respect_to, Iterable) else [with_respect_to]
    for value in asked:
        if not isinstance(value, Value) or value not in known:
            raise ValueError(f"with_respect_to must be {what}, got {shortened(value)}")
    return [known[value] for value in asked]


def mean(results: Floats, output: int) -> float:
    """The mean of an output over the examples, added up in float64."""
    with np.errstate(all="ignore"):
        return float(np.add.reduce(results[:, output], dtype=np.float64)) / len(results)


def check_output(output: Any, n_outputs: int, rows: Sized | None = None) -> None:
    """Raise a ValueError unless *output* is one of the outputs, and there are *rows* to take a mean over."""
    if rows is not None and len(rows) == 0:
        raise ValueError("X must have at least one row, got none: zero rows have no mean")
    check_int("output", output, 0, n_outputs - 1)

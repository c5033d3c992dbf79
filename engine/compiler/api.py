"""``compile``: from a graph, or from a function of Values, to a program."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

import numpy as np

from engine.compiler.backends.numpy import Floats
from engine.compiler.inputs import as_rows
from engine.compiler.program import Program
from engine.compiler.trace import ordered
from engine.validation import plain_label, shortened
from engine.value import Value

_CHECKED = 3  # examples of the first batch that are computed eagerly too
Function = Callable[..., Any]


class CompiledFunction:
    """A function of Values that runs on whole batches; made by ``compile``.

    The first call traces the function with the first row and compiles what it built; some rows are computed eagerly
    too, and have to come out the same.
    """

    def __init__(self, function: Function, parameters: Sequence[Value] | None, dtype: Any) -> None:
        functools.update_wrapper(self, function)
        self._function, self._parameters, self._dtype = function, parameters, dtype
        self._n_arguments = _n_arguments(function)
        self.program: Program | None = None
        """The program, from the first call on."""

    def __call__(self, X: Any) -> Floats:
        """The outputs for each example: see ``Program``."""
        return self._traced(X)(X)

    def value_and_gradient(self, X: Any, output: int = 0) -> tuple[float, Floats]:
        """The mean of an output over the examples, and its gradient: see ``Program``."""
        return self._traced(X).value_and_gradient(X, output)

    def gradients(self, X: Any, with_respect_to: Any = "parameters", output: int = 0) -> Floats:
        """The gradient of an output for each example by itself: see ``Program``."""
        return self._traced(X).gradients(X, with_respect_to, output)

    def _traced(self, X: Any) -> Program:
        if self.program is not None:
            self.program.take_changes()
            return self.program
        try:
            shape = np.shape(X)
        except ValueError:  # ragged: as_rows says where
            shape = len(X), np.size(X[0])
        if len(shape) != 2 or shape[0] == 0:
            raise ValueError(f"X: (n_examples, n_inputs) with at least one row is wanted to trace with, not {shape}")
        rows = as_rows(X, shape[1], np.dtype(np.float64))
        inputs = [Value(number) for number in rows[0].tolist()]
        program = compile(self._called(inputs), inputs, self._parameters, self._dtype)
        check(program, lambda row: self._called([Value(number) for number in row]), rows)
        self.program = program
        return program

    def _called(self, inputs: list[Value]) -> Any:
        if self._n_arguments not in (len(inputs), None, 1):
            name = getattr(self._function, "__name__", "the function")
            raise ValueError(
                f"X: {name} takes {self._n_arguments} Values, a column each; it is not {len(inputs)} columns"
            )
        outputs = self._function(*inputs) if self._n_arguments != 1 or len(inputs) == 1 else self._function(inputs)
        if not isinstance(outputs, (Value, list, tuple)):
            raise TypeError(
                f"a function of Values gives a Value or a list of them, not {type(outputs).__name__} "
                f"{shortened(outputs)}"
            )
        return outputs


def _n_arguments(function: Function) -> int | None:
    """How many Values the function takes; None for ``*arguments``."""
    kinds = [p.kind for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    return None if inspect.Parameter.VAR_POSITIONAL in kinds else len(kinds)


def check(program: Program, eager: Callable[[list[float]], Any], rows: Floats) -> None:
    """Compute some rows eagerly too.

    Raises:
        ValueError: the outputs are different, so that a replay would be wrong; they are named.
    """
    tolerance = 1e-9 if program.dtype.itemsize >= 8 else 1e-3
    some = rows[np.unique(np.linspace(0, len(rows) - 1, _CHECKED).astype(int))]
    replayed = np.asarray(program(some)).reshape(len(some), -1)
    for row, numbers in zip(some, replayed):
        outputs = eager(row.tolist())
        outputs = [outputs] if isinstance(outputs, Value) else list(outputs)
        size = max([abs(output.data) for output in outputs if math.isfinite(output.data)], default=0.0)
        small = tolerance * 1e-2 * max(1.0, size)  # a small output may be the difference of numbers like the large ones
        for place, (output, number) in enumerate(zip(outputs, numbers.tolist(), strict=True)):
            if not np.isclose(output.data, number, rtol=tolerance, atol=small, equal_nan=True):
                name = f"output {place}" + (f" ({plain_label(output.label)})" if output.label else "")
                raise ValueError(
                    f"{name} is {output.data!r} for the row {shortened(row.tolist())}, but the replayed graph gives "
                    f"{number!r}: the function looked at .data or chose its way by a number, and a graph replays "
                    "one way only; say it with maximum, minimum, relu or abs"
                )


@overload
def compile(
    outputs: Value | Sequence[Value],
    inputs: Iterable[Value] | None = None,
    parameters: Iterable[Value] | None = None,
    dtype: Any = "float64",
) -> Program: ...


@overload
def compile(
    outputs: Function, inputs: None = None, parameters: Iterable[Value] | None = None, dtype: Any = "float64"
) -> CompiledFunction: ...


@overload
def compile(
    outputs: None = None, inputs: None = None, parameters: Iterable[Value] | None = None, dtype: Any = "float64"
) -> Callable[[Function], CompiledFunction]: ...


def compile(outputs: Any = None, inputs: Any = None, parameters: Any = None, dtype: Any = "float64") -> Any:
    """Make a graph that was built once, for one example, run for whole batches at the speed of arrays.

    A program gives the numbers of the graph, zeros with their signs. It adds up from left to right as the graph does
    and opens no parentheses, so that ``(a - b) + (c - d)`` cancels as it does eagerly. Rounding may differ in two
    places. Products that follow each other in a sum, each with a factor that all examples share, may become a matrix
    product, as in a neuron: BLAS adds them up by themselves, in its own order (a zero may have either sign), and the
    result is added where they stand. And functions of numpy may differ from Python's in the last digit. A gradient
    adds up uses and examples in any order.

    Args:
        outputs: a Value, or a list of Values; or a function of Values that gives one of these, for which ``compile`` is
            also a decorator. A function is called with a Value for each column of the first batch, or with a list of
            them if it takes one argument.
        inputs: the leaves that are other numbers in each example; a column of ``X`` each.
        parameters: the leaves to differentiate with respect to. All leaves that are no inputs, unless given; given, all
            other leaves are constants.
        dtype: ``"float64"`` or ``"float32"``.

    Returns:
        A ``Program``; for a function, what calls one.

    Raises:
        TypeError: something is not a Value.
        ValueError: an input or parameter is no leaf, is there twice, or is not in the graph; another dtype.

    >>> x, w = Value(1.0, label="x"), Value(3.0, label="w")
    >>> program = compile((x * w).tanh(), inputs=[x])
    >>> program([[0.0], [0.5]]).round(6)
    array([0.      , 0.905148])
    >>> mean, gradient = program.value_and_gradient([[0.0], [0.5]])
    >>> gradient.round(6)
    array([0.045177])
    """
    kind = _checked_dtype(dtype)
    if outputs is None:
        return lambda function: compile(function, inputs, parameters, kind)
    single = isinstance(outputs, Value)
    chosen = None if parameters is None else _checked_leaves(parameters, "parameters")
    if not single and callable(outputs):
        if inputs is not None:
            raise ValueError("inputs: a function takes its inputs from the columns of X; leave them out")
        return CompiledFunction(outputs, chosen, kind)
    roots = [outputs] if single else list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for root in roots:
        if not isinstance(root, Value):
            raise TypeError(
                f"compile takes Values, a list of them or a function, not {type(root).__name__} {shortened(root)}"
            )
    if not roots:
        raise ValueError("compile: at least one output is wanted")
    columns = _checked_leaves([] if inputs is None else inputs, "inputs")
    if chosen is None:
        known = set(columns)
        chosen = [node for node in ordered(roots) if not node.op and node not in known]
    both = set(columns) & set(chosen)
    if both:
        raise ValueError(f"{shortened(both.pop())} is among inputs and parameters; a leaf is one or the other")
    return Program(roots, single, columns, chosen, kind)


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind.name not in ("float64", "float32"):
        raise ValueError(f'dtype: "float64" or "float32" is wanted, not {shortened(dtype)}')
    return kind


def _checked_leaves(values: Iterable[Value], name: str) -> list[Value]:
    if isinstance(values, Value):
        raise TypeError(f"{name}: a list of Values is wanted, such as [{plain_label(values.label) or 'x'}]")
    if not isinstance(values, Iterable):
        raise TypeError(f"{name}: a list of Values is wanted, not {type(values).__name__} {shortened(values)}")
    found = list(values)
    for value in found:
        if not isinstance(value, Value):
            raise TypeError(f"{name}: Values are wanted, not {type(value).__name__} {shortened(value)}")
        if value.op:
            raise ValueError(f"{name}: {shortened(value)} was computed from others; give the leaves that it came from")
    if len(set(found)) != len(found):
        raise ValueError(f"{name}: a Value is there twice")
    return found

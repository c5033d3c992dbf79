"""``compile``: from a graph, or from a function of Values, to a program."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, overload

import numpy as np

from engine.compiler.backends import backend_named
from engine.compiler.inputs import as_rows
from engine.compiler.ir import Floats
from engine.compiler.paths import Paths, Source
from engine.compiler.program import Program, check_output, mean
from engine.compiler.surroundings import Surroundings
from engine.compiler.tables import Asked, read_table
from engine.compiler.trace import recorded
from engine.debugging.staleness import check_fresh
from engine.escapes import is_heard
from engine.node import common_order
from engine.validation import described, plain_label, shortened
from engine.value import Value

Function = Callable[..., Any]
Leaves: TypeAlias = Iterable[Value] | None
Outputs: TypeAlias = Value | Sequence[Value]


class CompiledFunction:
    """A function of Values that runs on whole batches; made by ``compile``.

    The first call records the function with the first row and compiles the graph. Comparisons of Values (``<``,
    ``max``, ``sorted``, ``if v:``) are kept as guards: rows for which they come out otherwise are recorded too, and
    each way through the function becomes a program. Where a program meets infinity or NaN, or where rounding could
    decide a comparison, the function is called for that row, with the numbers as they were given: in float32, too. When
    a number or a list that the function reaches has changed since (an attribute, a global, what it encloses), it is
    recorded again; in each call, if it reaches something that cannot be looked into, such as a database: all rows of a
    call share what it is then. Out of sight is what no name in the function leads to: files, the clock, and what
    changes inside of libraries. A function that reads those must get their numbers as columns of ``X``, or be compiled
    again.

    >>> larger = compile(lambda x, y: max(x, y))
    >>> larger([[3.0, 1.0], [1.0, 2.0]])
    array([3., 2.])
    """

    def __init__(
        self, function: Function, parameters: Sequence[Value] | None, dtype: np.dtype[Any], backend: str = "numpy"
    ) -> None:
        functools.update_wrapper(self, function)
        self._function, self._parameters, self._dtype, self._backend = function, parameters, dtype, backend
        self._call = _Call(function)
        self.program: Paths | None = None
        """The program of each path, from the first call on."""

    def __repr__(self) -> str:
        return f"compile({getattr(self._function, '__qualname__', shortened(self._function))})"

    def __reduce__(self) -> str:
        """Pickled by name and copied as itself, as functions are."""
        return str(getattr(self, "__qualname__", ""))

    def __deepcopy__(self, memo: dict[int, Any]) -> CompiledFunction:
        """Itself, as functions are; but a method is that of a copy of its object, as methods are."""
        function = copy.deepcopy(self._function, memo)
        if function is self._function:
            return self
        return CompiledFunction(function, copy.deepcopy(self._parameters, memo), self._dtype, self._backend)

    def __getattr__(self, name: str) -> Any:
        advice = f"; a program of one graph has it: compile(f(x), inputs=[x]).{name}" if hasattr(Program, name) else ""
        raise AttributeError(f"a compiled function has no attribute {name!r}{advice}")

    def __call__(self, X: Any = None, *more: Any, **named: Any) -> Any:
        """The outputs for each example: see ``Program``. Of Values, as in ``grad(f)(x)``, what the function returns."""
        given = [*([] if X is None else [X]), *more]
        if any(map(_is_of_values, [*given, *named.values()])):
            if self.program is not None:
                self.program.exchange()  # its weights may have been changed in place
            return self._function(*given, **named)
        if more or named:
            raise self._no_rows(given, named)
        paths, rows = self._prepared(X)
        results = paths(rows)
        _settle_where_not_finite(results, rows, paths, slice(None))
        return results.reshape(len(results), *(self._call.shape or ()))

    def value_and_gradient(self, X: Any = None, output: int = 0) -> tuple[float, Floats]:
        """The mean of an output over the examples, and its gradient: see ``Program``.

        The gradient is in the order of ``program.parameters``: that of ``model.parameters()`` where the function uses a
        model, with 0 for those that no result depends on. Other leaves follow as the graph first uses them.
        """
        paths, rows = self._prepared(X)
        check_output(output, paths.n_outputs, rows)
        results, gradient = paths.run(rows, None, output)
        _settle_where_not_finite(results, rows, paths, [output])
        return mean(results, output), gradient.copy()

    def gradients(self, X: Any = None, with_respect_to: Any = "parameters", output: int = 0) -> Floats:
        """The gradient of an output for each example by itself: see ``Program``."""
        paths, rows = self._prepared(X)
        check_output(output, paths.n_outputs)
        return paths.gradients(rows, with_respect_to, output)

    def _no_rows(self, given: list[Any], named: dict[str, Any]) -> TypeError:
        """The error for arguments as the function takes them."""
        name, parts = getattr(self, "__name__", "the function"), [*given, *named.values()]
        shown = ", ".join([*map(shortened, given), *(f"{key}={shortened(part)}" for key, part in named.items())])
        row = ", ".join(map(shortened, parts))
        lists = [part for part in parts if hasattr(part, "__len__") and getattr(part, "ndim", True)]
        has_rows = any(hasattr(number, "__len__") for part in lists for number in part)
        is_each_one = self._call.n_arguments == len(parts)  # argument a column
        table = f"{name}(numpy.column_stack([X, y]))"
        if named.keys() & self._call.optional:
            advice = "what is no column must be fixed before, as functools.partial does"
        elif is_each_one and lists and (has_rows or len(lists) < len(parts)):
            advice = f"for a row and a number write def {name}(row), where *x, y = row, and call {table}"
        elif len(lists) == len(parts) and (is_each_one or has_rows):
            advice = f"for columns side by side in one table: {table}"
        else:
            advice = f"for several examples {name}([{row}])" if lists else f"for one example {name}([[{row}]])"
        return TypeError(f"{name} takes rows of numbers, an example each, got {shown}; {advice}")

    def _prepared(self, X: Any) -> tuple[Paths, Floats]:
        """The paths as far as they are known, and the checked rows, with the numbers as they were given."""
        table = read_table([()] if X is None and self._call.n_arguments == 0 else X, self._call.asked)
        if self.program is not None:
            if is_heard():  # the numbers of parameters leave their graph in the results
                _ = [parameter.data for parameter in self.program.parameters]
            rows = as_rows(table, self.program.n_inputs, self._dtype)
            self.program.exchange()
            self.program.look_again()
            return self.program, rows
        rows = as_rows(table, table.n_columns, self._dtype)
        source = Source(self._call, Surroundings(self._function))
        paths = Paths(source, self._parameters, self._dtype, backend=self._backend)
        paths.start(rows[0])
        self.program = paths
        return paths, rows


def _is_of_values(argument: Any) -> bool:
    """Whether it is a Value, or a row with one in it."""
    is_array = isinstance(argument, np.ndarray) and argument.ndim == 1 and argument.dtype.hasobject
    is_row = is_array or isinstance(argument, (list, tuple))
    return any(isinstance(part, Value) for part in (argument if is_row else (argument,)))


def _settle_where_not_finite(results: Floats, rows: Floats, paths: Paths, columns: Any) -> None:
    """Put in what the function gives eagerly for rows whose results are infinite or NaN, or raise its error."""
    for index in np.flatnonzero(~np.isfinite(results[:, columns]).all(axis=1)).tolist():
        results[index, columns] = np.array(paths.eager_outputs(rows[index]))[columns]


class _Call:
    """How a function is called with a list of Values; ``shape`` is that of its outputs, once that is known."""

    def __init__(self, function: Function) -> None:
        try:
            arguments = inspect.signature(function).parameters.values()
        except ValueError:
            name = getattr(function, "__name__", "f")
            raise TypeError(
                f"outputs must be a function whose arguments Python knows, got {shortened(function)}; "
                f"write a function that calls it, such as lambda x, y: {name}(x, y)"
            ) from None
        others = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        asked = [each for each in arguments if each.default is each.empty and each.kind not in others]
        takes_any = any(each.kind is each.VAR_POSITIONAL for each in asked)
        self._function = function
        self.n_arguments = None if takes_any else len(asked)
        self._names = [each.name for each in asked if each.kind is not each.VAR_POSITIONAL] if len(asked) > 1 else []
        self.optional = frozenset(each.name for each in arguments if each not in asked)
        self.shape: tuple[int, ...] | None = None

    @property
    def asked(self) -> Asked:
        """The names of the columns: those that a model learned, or those of the arguments if each is a column."""
        learned = getattr(getattr(self._function, "__self__", self._function), "column_names", None)
        return Asked(learned, strict=True) if learned else Asked(self._names, optional=self.optional)

    def __call__(self, inputs: list[Value]) -> list[Any]:
        n, name = self.n_arguments, getattr(self._function, "__name__", "the function")
        if "self" in self._names:
            advice = f"compile it outside of its class, compile(model.{name})"
            raise ValueError(f"{name} must be a function of numbers, got a method without its object; {advice}")
        if n not in (len(inputs), None, 1):
            raise ValueError(f"X must have {n} columns, as {name} takes {n} Values, got {len(inputs)}")
        as_list = n == 1 != len(inputs)
        try:
            outputs = self._function(inputs) if as_list else self._function(*inputs)
        except TypeError as error:
            if n == 1:
                given = "a list of all columns" if as_list else "the Value of the only column"
                error.add_note(f"The function has one argument without a default: it was given {given}.")
            raise
        found = np.array(outputs, object)
        if any(isinstance(part, (list, tuple)) for part in found.flat):
            raise TypeError(f"{name} must return lists of one length, got {shortened(outputs)}")
        known = found.shape if self.shape is None else self.shape
        if found.ndim != len(known) or (found.shape != known and found.size == np.prod(known)):
            raise TypeError(f"{name} must return the same shape for all examples, got {known} and {found.shape}")
        self.shape = found.shape
        values: list[Any] = found.ravel().tolist()
        return values


@overload
def compile(
    outputs: Outputs, inputs: Leaves = None, parameters: Leaves = None, dtype: Any = "float64", backend: str = "numpy"
) -> Program: ...
@overload
def compile(
    outputs: Function, inputs: None = None, parameters: Leaves = None, dtype: Any = "float64", backend: str = "numpy"
) -> CompiledFunction: ...
@overload
def compile(
    outputs: None = None, inputs: None = None, parameters: Leaves = None, dtype: Any = "float64", backend: str = "numpy"
) -> Callable[[Function], CompiledFunction]: ...


def compile(
    outputs: Any = None, inputs: Any = None, parameters: Any = None, dtype: Any = "float64", backend: str = "numpy"
) -> Any:
    """Make the graph of one example run for whole batches at the speed of arrays.

    A program gives the numbers of the graph, zeros with their signs. It adds up from left to right as the graph does
    and opens no parentheses, so that ``(a - b) + (c - d)`` cancels as it does eagerly. Rounding may differ in two
    places. Products that follow each other in a sum, each with a factor that all examples share, may become a matrix
    product, as in a neuron: BLAS adds them up by themselves, in its own order (a zero may have either sign), and the
    result is added where they stand. And functions of numpy may differ from Python's in the last digit. A gradient
    adds up uses and examples in any order.

    A function is recorded: see ``CompiledFunction``. A graph that exists already cannot know which numbers were read
    while it was built: its program computes that graph for all numbers. It starts from the numbers that the parameters
    have now, also if the graph was not refreshed after their ``data`` was changed.

    Args:
        outputs: a Value, or a list or an array of them; or a function that gives one of these, for which ``compile`` is
            also a decorator. It may give lists of lists, as ``hessian(f)`` does: then the result has their shape for
            each example, and *output* counts along the rows. The function is called with a Value for each column of
            ``X``, or, if it takes one argument, a list of them. Columns with the names of its arguments, or of those
            that a model was trained on, may come in any order.
        inputs: the leaves that are other numbers in each example; a column of ``X`` each. One that the graph does not
            have, as in many gradients, has a column that changes nothing.
        parameters: the leaves to differentiate with respect to; all others are constants. All that are no inputs for
            None.
        dtype: ``"float64"`` or ``"float32"``. What is too large for float32 on the way, above 3.4e38, is computed in
            float64; an input, a parameter, a constant, a side of a comparison or a result that is too large is an
            OverflowError. Numbers below 1.2e-38 lose digits, on the way too, and those below 1e-45 are 0.
        backend: what carries the program out: ``"numpy"``; or ``"c"``, native code that the machine's compiler makes in
            the first run (without a compiler there is a warning, and numpy does the work); or ``"jax"``, which XLA
            compiles for a processor, a GPU or a TPU. ``"jax:4"`` shares the examples of a batch among 4 of these. JAX
            on a processor (CPU) takes numbers below 2.2e-308 on the way for 0, so results that depend on them may
            differ.

    Returns:
        A ``Program``; for a function, a ``CompiledFunction``.

    Raises:
        TypeError: something is not a Value.
        ValueError: an input or parameter is no leaf, or is there twice; a parameter is not in the graph; an input is
            not, and the graph has another leaf of its label; another dtype or backend; or what is computed of constants
            alone is not refreshed after their ``data`` was changed.
        ImportError: the backend needs a package that is not installed.
        DataDependentError: when it is called, a function takes a number out of a Value (``.data``, ``float()``), draws
            random numbers, changes something from one call to the next, or compares in too many ways.

    >>> x, w = Value(1.0, label="x"), Value(3.0, label="w")
    >>> program = compile((x * w).tanh(), inputs=[x])
    >>> program([[0.0], [0.5]]).round(6)
    array([0.      , 0.905148])
    >>> mean, gradient = program.value_and_gradient([[0.0], [0.5]])
    >>> gradient.round(6)
    array([0.045177])
    """
    kind = _checked_dtype(dtype)
    backend_named(backend, warns=outputs is not None)
    if outputs is None:
        return lambda function: compile(function, inputs, parameters, kind, backend)
    single = isinstance(outputs, Value)
    chosen = None if parameters is None else _checked_leaves(parameters, "parameters")
    if not single and callable(outputs):
        if inputs is not None:
            raise ValueError("inputs must be left out for a function, which takes them from the columns of X")
        return CompiledFunction(outputs, chosen, kind, backend)
    outputs = outputs.tolist() if isinstance(outputs, np.ndarray) else outputs
    roots = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for root in roots:
        if not isinstance(root, Value):
            raise TypeError(f"outputs must be Values, a list of them or a function, got {described(root)}")
    if not roots:
        raise ValueError("compile must be given at least one output, got none")
    columns = _checked_leaves([] if inputs is None else inputs, "inputs")
    order = common_order(roots)
    leaves = [node for node in order if not node.op]
    if chosen is None:
        known = set(columns)
        chosen = [leaf for leaf in leaves if leaf not in known]
    both = set(columns) & set(chosen)
    if both:
        raise ValueError(f"inputs and parameters must be different leaves, got {shortened(both.pop())} in both")
    _check_in_graph(columns, chosen, leaves)
    record = recorded(roots, columns, chosen, order)
    if constant := record.constant_nodes():
        nodes = list(dict.fromkeys([*columns, *chosen, *order]))
        check_fresh(roots[0], [nodes[index] for index in constant])
    return Program(record, columns, chosen, kind, single, backend)


def _checked_dtype(dtype: Any) -> np.dtype[Any]:
    with suppress(TypeError):
        kind: np.dtype[Any] = np.dtype(dtype)
        if kind.name in ("float64", "float32"):
            return kind
    raise ValueError(f'dtype must be "float64" or "float32", got {shortened(dtype)}')


def _check_in_graph(columns: list[Value], chosen: list[Value], leaves: list[Value]) -> None:
    """Refuse a parameter that is not in the graph, and an input instead of which the graph has another leaf."""
    met, labels = set(leaves), {leaf.label for leaf in leaves} - {""}
    for kind, given in (("input", columns), ("parameter", chosen)):
        for count, leaf in enumerate(given):
            if leaf in met or (kind == "input" and leaf.label not in labels):  # a gradient may need no input
                continue
            name = f"{kind} {count} ({plain_label(leaf.label)})" if leaf.label else f"{kind} {count}"
            if leaf.label in labels:
                raise ValueError(
                    f"{name} is not in the graph, which has another leaf of that label; compute the output again"
                )
            raise ValueError(f"{name} is not in the graph; leave it out, or compute the output with it")


def _checked_leaves(values: Iterable[Value], name: str) -> list[Value]:
    if isinstance(values, Value):
        raise TypeError(f"{name} must be a list of Values, such as [{plain_label(values.label) or 'x'}], got one Value")
    if not isinstance(values, Iterable) or isinstance(values, (set, frozenset)):
        raise TypeError(f"{name} must be a list of Values, got {described(values)}")
    found = list(values)
    for value in found:
        if not isinstance(value, Value):
            raise TypeError(f"{name} must be Values, got {described(value)}")
        if value.op:
            raise ValueError(f"{name} must be leaves, got {shortened(value)}, which was computed from others")
    if len(set(found)) != len(found):
        raise ValueError(f"{name} must be different Values, got one of them twice")
    return found

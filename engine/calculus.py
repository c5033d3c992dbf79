"""Derivatives of functions: ``grad``, ``jacobian``, ``hessian`` and their kin, of any order.

Functions take and give Values; what is differentiated may be numbers, Values, numpy arrays, and lists, tuples and dicts
of them, nested as you like, and the answer has the same form. The names are those of JAX.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from engine.gradient_graph import Number, gradient_graph
from engine.node import interior_order
from engine.pytree import flattened, flattened_like, is_tree, rebuilt
from engine.special import times
from engine.validation import as_float, shortened
from engine.value import Value

Function = Callable[..., Any]
_nesting = threading.local()  # how many differentiations this thread is inside of


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that gives the gradient of *f*.

    Args:
        f: a function that gives one Value.
        argnums: which of its arguments to differentiate with respect to; several give a tuple.
        has_aux: whether *f* gives ``(value, more)``; then so does the gradient.

    Returns:
        A function of the same arguments. It gives floats; inside of another ``grad``, and for arguments that are
        Values, it gives Values, so that it can be differentiated again.

    Raises:
        TypeError: *f* gave something else than one Value, or an argument is not made of numbers.

    >>> from engine import tanh
    >>> round(grad(tanh)(0.5), 12), round(grad(grad(tanh))(0.5), 12)
    (0.786447732966, -0.726861981384)
    >>> grad(lambda p: p["a"] * p["b"][0])({"a": 2, "b": [3]})
    {'a': 3.0, 'b': [2.0]}
    """
    differentiated = value_and_grad(f, argnums, has_aux)

    @functools.wraps(f, updated=())
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = differentiated(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that gives the value of *f* and its gradient: ``(f(x), grad(f)(x))``. See ``grad``.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """

    @functools.wraps(f, updated=())
    def both(*args: Any, **kwargs: Any) -> Any:
        chosen = tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)
        call = _Call(f, args, kwargs, chosen)
        result = call.result
        more = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError(f"has_aux: {_name(f)} has to give (value, more), and gave {shortened(result)}")
            result, more = result
        found = call.gradients(_scalar(f, result))
        value = result if call.keeps_graph else as_float(float(result), "the value")
        gradients = call.rebuilt(found)
        return (value, more) if has_aux else value, gradients if isinstance(argnums, Sequence) else gradients[0]

    return both


def jacobian(f: Function, argnums: int = 0) -> Function:
    """The function that gives all derivatives of all outputs of *f*.

    Args:
        f: a function that gives Values in any form.
        argnums: which of its arguments to differentiate with respect to.

    Returns:
        A function of the same arguments. It gives the form of the outputs, with the form of the argument in each place;
        for an array of shape ``(n,)`` that becomes one of shape ``(m,)``, a matrix ``(m, n)``.

    >>> jacobian(lambda v: [v[0] * v[1], v[0] + v[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    """

    @functools.wraps(f, updated=())
    def matrix(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, (argnums,))
        outputs = flattened(call.result)
        rows = [call.rebuilt(call.gradients(_scalar(f, output)))[0] for output in outputs]
        return rebuilt(call.result, rows)

    return matrix


def hessian(f: Function, argnums: int = 0) -> Function:
    """The function that gives all second derivatives of *f*, which gives one Value: ``jacobian(grad(f))``.

    >>> hessian(lambda v: v[0] ** 2 * v[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, at: Any, vector: Any) -> Any:
    """Hessian-vector product: the Hessian of *f* at a point times a vector, without the Hessian.

    It is the gradient of the gradient's dot product with *vector* (Pearlmutter 1994), at the cost of a few gradients.

    Args:
        f: a function that gives one Value.
        at: its argument.
        vector: as many numbers, in the same form.

    Returns:
        Numbers in the same form.

    >>> hvp(lambda v: v[0] ** 2 * v[1], [3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]
    """
    weights = _alike(vector, at, "vector")
    return grad(lambda x: _dot(flattened(grad(f)(x)), weights))(at)


def directional_derivative(f: Function, at: Any, direction: Any) -> Any:
    """How fast each output of *f* grows along a direction: the Jacobian times a vector (``jvp`` in JAX, its tangent).

    Args:
        f: a function that gives Values in any form.
        at: its argument.
        direction: as many numbers, in the same form; it is not normalised.

    Returns:
        Numbers in the form of the outputs.

    >>> directional_derivative(lambda v: v[0] * v[1], [2.0, 3.0], [1.0, 1.0])
    5.0
    """
    weights = _alike(direction, at, "direction")
    call = _Call(f, (at,), {}, (0,))
    along = [_dot(call.gradients(_scalar(f, output)), weights) for output in flattened(call.result)]
    return rebuilt(call.result, along)


class _Call:
    """One call of a function, with Values for what it is differentiated with respect to."""

    def __init__(self, f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: tuple[int, ...]) -> None:
        for argnum in argnums:
            if isinstance(argnum, bool) or not isinstance(argnum, int) or not -len(args) <= argnum < len(args):
                raise TypeError(f"argnums: {argnum!r}, but {_name(f)} was given {len(args)} positional arguments")
        if len({argnum % len(args) for argnum in argnums}) < len(argnums):
            raise TypeError(f"argnums: {argnums!r} has one argument of {_name(f)} twice")
        self.given = [args[argnum] for argnum in argnums]
        flat = [flattened(tree) for tree in self.given]
        self.keeps_graph = getattr(_nesting, "depth", 0) > 0 or any(isinstance(x, Value) for xs in flat for x in xs)
        values = [[_own(x, _name(f)) for x in xs] for xs in flat]
        self.inputs = [value for xs in values for value in xs]
        arguments = list(args)
        for argnum, tree, leaves in zip(argnums, self.given, values):
            arguments[argnum] = rebuilt(tree, leaves)
        with _inside():
            self.result = f(*arguments, **kwargs)

    def gradients(self, output: Number) -> list[Number]:
        """The gradient of one output, a number for each input."""
        if not isinstance(output, Value):
            return [0.0] * len(self.inputs)
        found = gradient_graph(output, self.inputs) if self.keeps_graph else numeric_gradients(output)
        return [found.get(value, 0.0) for value in self.inputs]

    def rebuilt(self, gradients: list[Number]) -> tuple[Any, ...]:
        """The gradients in the form of the arguments."""
        waiting = iter(gradients)
        return tuple(rebuilt(tree, [next(waiting) for _ in flattened(tree)]) for tree in self.given)


def _own(x: Any, name: str) -> Value:
    """A Value of this call's own. A given Value may be met in the function by other ways too, which do not count here:
    ``grad(lambda x: grad(lambda y: x * y)(x))`` is 1, not 2.
    """
    if not isinstance(x, Value):
        return Value(as_float(x, name))
    own: Value = x - 0.0  # the same number, zeros with their signs, and gradients flow through
    own.label = x.label
    return own


@contextmanager
def _inside() -> Iterator[None]:
    _nesting.depth = getattr(_nesting, "depth", 0) + 1
    try:
        yield
    finally:
        _nesting.depth -= 1


def numeric_gradients(root: Value) -> dict[Value, float]:
    """The gradients of *root* as floats, without touching ``grad`` of any Value."""
    gradients: dict[Value, float] = {root: 1.0}
    for node in reversed(interior_order(root)):
        given = gradients[node]
        for operand, derivative in zip(node.operands, node.local_derivatives):
            gradients[operand] = gradients.get(operand, 0.0) + times(given, derivative)
    return gradients


def _scalar(f: Function, output: Any) -> Number:
    if isinstance(output, Value) or (not is_tree(output) and hasattr(type(output), "__float__")):
        return output if isinstance(output, Value) else float(output)
    raise TypeError(f"{_name(f)} has to give one Value here, and gave {type(output).__name__} {shortened(output)}")


def _dot(numbers: Sequence[Number], weights: Sequence[Number]) -> Number:
    total: Number = 0.0
    for number, weight in zip(numbers, weights):
        total = total + number * weight
    return total


def _alike(tree: Any, form: Any, name: str) -> list[Number]:
    """The leaves of *tree*, which has the form of the argument *form*."""
    leaves = flattened_like(form, tree)
    if leaves is None:
        raise ValueError(f"{name}: numbers in the form of {shortened(form)} are wanted, not {shortened(tree)}")
    return [leaf if isinstance(leaf, Value) else as_float(leaf, name) for leaf in leaves]


def _name(f: Function) -> str:
    return getattr(f, "__name__", type(f).__name__)

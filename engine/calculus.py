"""Derivatives of functions: ``grad``, ``jacobian``, ``hessian`` and their kin, of any order.

Functions take and give Values; what is differentiated may be numbers, Values, numpy arrays, and lists, tuples and dicts
of them, nested as you like, and the answer has the same form. The names are those of JAX.
"""

import functools
from collections.abc import Callable, Sequence, Set
from numbers import Integral
from typing import Any

from engine.callers import users_call, users_place
from engine.escapes import Listener, is_heard, listening
from engine.functions import dot
from engine.gradient_graph import Number, gradient_graph
from engine.node import WATCH, interior_order, leaves
from engine.operations import DETACH, OPERATIONS
from engine.other_names import OF_ENGINE
from engine.primitive import NESTING
from engine.pytree import flattened, flattened_like, is_array, is_tree, mapped, rebuilt, stacked
from engine.slopes import NUMBERS
from engine.special import times
from engine.validation import as_float, described, shortened
from engine.value import Value, constant

Function = Callable[..., Any]
Argnums = int | Sequence[int]


def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function that gives the gradient of *f*.

    Args:
        f: a function that gives one Value.
        argnums: which of its arguments to differentiate with respect to; several give a tuple.
        has_aux: whether *f* gives ``(value, more)``; then so does the gradient.

    Returns:
        A function of the same arguments. It gives floats; Values, which can be differentiated again, inside of another
        ``grad``, and where an argument is a Value or *f* uses others, such as the parameters of a model.

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


def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """The function that gives ``(f(x), grad(f)(x))``: see ``grad``.

    >>> value_and_grad(lambda x: x * x)(3.0)
    (9.0, 6.0)
    """
    check_function(f, argnums)

    @functools.wraps(f, updated=())
    def both(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums, has_aux)
        root = _scalar(f, call.result)
        value = _kept(root) if call.keeps_graph else float(root)
        return (value, call.more) if has_aux else value, call.derivatives(root)

    return both


def jacobian(f: Function, argnums: Argnums = 0) -> Function:
    """The function that gives all derivatives of all outputs of *f*.

    Args:
        f: a function that gives Values in any form.
        argnums: which of its arguments to differentiate with respect to; several give a tuple for each output.

    Returns:
        A function of the same arguments. It gives the form of the outputs, with the form of the argument in place of
        each. An array counts as one output: that of shape ``(m,)`` by one of shape ``(n,)`` gives shape ``(m, n)``.

    >>> jacobian(lambda v: [v[0] * v[1], v[0] + v[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    >>> jacobian(lambda x, y: x * y**2, argnums=(0, 1))(2.0, 3.0)
    (9.0, 12.0)
    """
    check_function(f, argnums)

    @functools.wraps(f, updated=())
    def derivatives(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums)
        return mapped(call.derivatives, call.result)

    return derivatives


def hessian(f: Function, argnums: Argnums = 0) -> Function:
    """The function that gives all second derivatives of *f*: ``jacobian(grad(f))``.

    With several *argnums* it gives a tuple of tuples: ``[i][j]`` is with respect to argument i, then argument j.

    >>> hessian(lambda v: v[0] ** 2 * v[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    >>> hessian(lambda x, y: x**2 * y, argnums=(0, 1))(3.0, 5.0)
    ((10.0, 6.0), (6.0, 0.0))
    """
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, at: Any, vector: Any, argnums: Argnums | None = None) -> Any:
    """The Hessian of *f* at a point times a vector, without computing the Hessian.

    It is the gradient of the gradient's dot product with *vector* (Pearlmutter 1994), at the cost of a few gradients.

    Args:
        f: a function that gives one Value.
        at: its argument; with *argnums* the tuple of all its arguments.
        vector: as many numbers, in the same form as the argument; for several *argnums* a tuple, one for each.
        argnums: which of the arguments to differentiate with respect to.

    Returns:
        Numbers in the form of *vector*.

    >>> hvp(lambda v: v[0] ** 2 * v[1], [3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]
    >>> hvp(lambda x, y: x**2 * y, (3.0, 5.0), (1.0, 0.0), argnums=(0, 1))
    (10.0, 6.0)
    """
    args, chosen, weights = _arguments(f, at, argnums, vector, "vector")
    return grad(lambda *x: dot(flattened(grad(f, chosen)(*x)), weights), chosen)(*args)


def directional_derivative(f: Function, at: Any, direction: Any, argnums: Argnums | None = None) -> Any:
    """How fast each output of *f* grows along a direction: Jacobian times vector.

    In JAX this is the tangent that ``jvp`` gives.

    Args:
        f: a function that gives Values in any form.
        at, argnums: its argument or arguments, as in ``hvp``.
        direction: as many numbers, in the form of *vector* in ``hvp``. It is not normalised.

    Returns:
        Numbers in the form of the outputs.

    >>> directional_derivative(lambda v: v[0] * v[1], [2.0, 3.0], [1.0, 1.0])
    5.0
    >>> directional_derivative(lambda x, y: x * y, (2.0, 3.0), (1.0, 1.0), argnums=(0, 1))
    5.0
    """
    args, chosen, weights = _arguments(f, at, argnums, direction, "direction")
    call = _Call(f, args, {}, chosen)

    def along(output: Any) -> Number:
        """The sum of products as the chain rule has them: a direction of 0 hands nothing on, not even infinity."""
        return sum(map(NUMBERS.times, call.gradients(output), weights), start=0.0)

    return rebuilt(call.result, [along(output) for output in flattened(call.result)])


def _arguments(
    f: Function, at: Any, argnums: Argnums | None, vector: Any, name: str
) -> tuple[tuple[Any, ...], Argnums, list[Number]]:
    """The arguments of *f*, which of them are differentiated, and the numbers of *vector* in their order."""
    check_function(f, 0 if argnums is None else argnums)
    if argnums is not None and not isinstance(at, (tuple, list)):
        raise TypeError(
            f"at must be the tuple of all arguments of {_name(f)} where argnums are given, got {shortened(at)}"
        )
    args, chosen = ((at,), 0) if argnums is None else (tuple(at), argnums)
    _indices(f, args, chosen)
    form = _chosen(args, chosen)
    try:
        leaves = flattened_like(form, vector)
    except ValueError:
        message = f"{name} must be numbers in the form of {shortened(form)}, got {shortened(vector)}"
        raise ValueError(message) from None
    return args, chosen, [leaf if isinstance(leaf, Value) else as_float(leaf, name) for leaf in leaves]


def check_function(f: object, argnums: Argnums = 0) -> None:
    """Raise a TypeError if *f* is no function, or *argnums* are no ints."""
    if not callable(f):
        advice = "; engine.gradients differentiates a Value" if isinstance(f, Value) else ""
        raise TypeError(f"f must be a function, got {described(f)}{advice}")
    for index in argnums if isinstance(argnums, Sequence) else (argnums,):
        if isinstance(index, bool) or not isinstance(index, Integral):
            advice = "numbers go to the function that is returned, as in grad(f)(x)"
            raise TypeError(f"argnums must be ints, got {shortened(argnums)}; {advice}")


def _chosen(args: Sequence[Any], argnums: Argnums) -> Any:
    return tuple(args[i] for i in argnums) if isinstance(argnums, Sequence) else args[argnums]


def _indices(f: Function, args: Sequence[Any], argnums: Argnums) -> tuple[int, ...]:
    """The arguments that *argnums* name, each once, or an error."""
    indices = tuple(argnums) if isinstance(argnums, Sequence) else (argnums,)
    for index in indices:
        if not -len(args) <= index < len(args):
            given = f"{_name(f)} was given {len(args)}, got {index!r}"
            advice = "" if args else f"; Values that {_name(f)} uses get their gradients from backward()"
            raise TypeError(f"argnums must be indices of positional arguments, of which {given}{advice}")
    if len({index % len(args) for index in indices}) < len(indices):
        raise TypeError(f"argnums must have each argument of {_name(f)} once, got {argnums!r}")
    return indices


class _Call:
    """One call of a function, with Values for what it is differentiated with respect to."""

    def __init__(
        self, f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums, has_aux: bool = False
    ) -> None:
        indices = _indices(f, args, argnums)
        self._f = f
        self._form = _chosen(args, argnums)  # what the gradient looks like
        numbers = flattened(self._form)
        depth = NESTING.depth
        self.inputs = [_own(x, f"an argument of {_name(f)}") for x in numbers]
        arguments, waiting = list(args), iter(self.inputs)
        for index in indices:
            arguments[index] = rebuilt(args[index], waiting)
        NESTING.depth = depth + 1
        try:
            with listening(Departures(self.inputs, UNSEEN | EQUAL.keys() | {"backward()"})):
                self.result = f(*arguments, **kwargs)
        finally:
            NESTING.depth = depth
        if has_aux:
            if not isinstance(self.result, tuple) or len(self.result) != 2:
                raise TypeError(f"{_name(f)} must return (value, more) for has_aux, got {shortened(self.result)}")
            self.result, self.more = self.result
        self.keeps_graph = depth > 0 or any(isinstance(x, Value) for x in numbers) or self._uses_other_values()

    def _uses_other_values(self) -> bool:
        own = set(self.inputs)
        outputs = [x for x in flattened(self.result) if isinstance(x, Value)]
        found = [(output, others) for output in outputs if (others := set(leaves(output)) - own)]
        return bool(found) and (is_heard() or any(depends(output, others, set()) for output, others in found))

    def gradients(self, output: Any) -> list[Number]:
        """The gradient of one output, a number for each input."""
        root = _scalar(self._f, output)
        if self.keeps_graph:
            return [*gradient_graph(_kept(root), self.inputs)]
        found = numeric_gradients(root, self.inputs) if isinstance(root, Value) else {}
        return [found.get(value, 0.0) for value in self.inputs]

    def derivatives(self, output: Any) -> Any:
        """The gradient of an output, or of each number of an array, in the form of the arguments."""
        if is_array(output):
            return stacked(self._form, map(self.gradients, flattened(output)), tuple(output.shape))
        return rebuilt(self._form, self.gradients(output))


class Departures(Listener):
    """Hears of the numbers of Values that depend on some inputs, where they leave the graph in one of some ways.

    ``departed`` is told the place in the user's code, and the call, such as ``math.exp()``, or ``.data``; without it
    that is refused. The function may have handed its Values to another thread.
    """

    def __init__(
        self, inputs: Sequence[Value], ways: Set[str], departed: Callable[[str, str], object] | None = None
    ) -> None:
        self._dependent, self._independent = set(inputs), set[Value]()
        self._ways, self._departed = ways, departed

    def left(self, how: str, node: Value) -> None:
        if how in self._ways and depends(node, self._dependent, self._independent):
            self._dependent.add(node)
            called = "" if how in SEEN or how in EQUAL else users_call()
            (self._departed or self._refuse)(users_place(), f"{called}()" if called else how)

    left_elsewhere = left

    def _refuse(self, place: str, call: str) -> None:
        lost = EQUAL.get(call, "would take a number out of the graph, and its derivative would be lost")
        words = f"{place}: {call} {lost}; {instead_of(call)}, or .data where the plain number is meant"
        self.refuse(TypeError(words))


def depends(root: Value, inputs: Set[Value], independent: set[Value]) -> bool:
    """Whether a gradient would flow from *root* to one of the inputs, though it may be 0.

    Nodes that are *independent* are not looked at, and those of which that is found are added to them.
    """
    seen: set[Value] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node in inputs:
            return True
        if node not in seen and node not in independent:
            seen.add(node)
            stack += () if node.operation is DETACH else node.operands
    independent |= seen
    return False


def instead_of(call: str) -> str:
    """What to use in place of a call that takes numbers out of the graph."""
    name = call.rpartition(".")[2].rstrip("()")
    if name in OPERATIONS or name in ("mean", "dot", "softmax", "logsumexp"):
        return f"use engine.{name}"
    words = "compute with Values, in arrays of dtype=object, and the functions of engine, such as engine.exp"
    return (_INSTEAD | OF_ENGINE).get(name, words)


UNSEEN = frozenset({"float()", "int()", "round()", "a copy"})
"""Ways in which a number leaves that the user may not mean. Comparisons choose a branch, and what is printed is not
computed with."""
SEEN = frozenset({".data", ".item()"})
"""Ways in which a number leaves because the user says so."""
EQUAL = {
    "==": "with a number is False for every Value, as Values are compared by identity",
    "== of two Values": "compares no numbers, but asks whether they are one Value",
}
"""What ``==`` does, where a user may mean numbers."""
_INSTEAD = {
    **{"fabs": "use abs(x)", "pow": "use x ** n", "fsum": "use sum(...)", "copy": "use the Value itself"},
    **{"==": "use >= and <=", "== of two Values": "use >= and <=, or is", "deepcopy": "use the Value itself"},
    "backward": "use engine.grad or engine.gradients",
}


def _own(x: Any, name: str) -> Value:
    """A node of this call's own. A given Value may be met in the function by other ways too, which do not count here:
    ``grad(lambda x: grad(lambda y: x * y)(x))`` is 1, not 2. And a plain number is no leaf of what is returned.
    """
    given = x if isinstance(x, Value) else constant(x, name)
    own: Value = given - 0.0  # the same number, zeros with their signs, and gradients flow through
    own.label = given.label
    return own


def numeric_gradients(root: Value, inputs: Sequence[Value] = ()) -> dict[Value, float]:
    """The gradients of *root* as floats, without touching ``grad`` of any Value.

    ``detect_anomaly`` sees the steps on the way to *inputs*. (Of a gradient graph, it sees the nodes as they are made.)
    """
    order = interior_order(root)
    see = WATCH.see_backward if WATCH.watchers != 0 else None
    on_the_way = set(inputs)
    if see is not None:
        for node in order:
            if node.operation is not DETACH and not on_the_way.isdisjoint(node.operands):
                on_the_way.add(node)
    gradients: dict[Value, float] = {root: 1.0}
    for node in reversed(order):
        given = gradients[node]
        if see is not None and node in on_the_way:
            see(node, given)
        for operand, derivative in zip(node.operands, node.local_derivatives):
            gradients[operand] = gradients.get(operand, 0.0) + times(given, derivative)
    return gradients


def _scalar(f: Function, output: Any) -> Number:
    """One output as a Value, or as a float where it does not depend on any; also out of an array with no axes."""
    single = output if is_tree(output) else flattened(output)[0]
    if isinstance(single, Value):
        return single
    if is_tree(single) or not hasattr(type(single), "__float__"):
        raise TypeError(f"{_name(f)} must return one Value here, got {described(output)}")
    return float(single)


def _kept(number: Number) -> Value:
    """A number of a gradient graph as a Value, also where it is constant."""
    return number if isinstance(number, Value) else constant(number, "a derivative")


def _name(f: Function) -> str:
    return getattr(f, "__name__", type(f).__name__)

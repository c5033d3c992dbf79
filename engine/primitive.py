"""``@primitive``: operations that users add, each with derivatives of their own."""

import functools
import threading
from collections.abc import Callable
from typing import Any

from engine.derivatives import Rule
from engine.operations import CONSTANT, OPERATIONS, PLAIN, Operation
from engine.validation import as_float, heard_refusal, shortened
from engine.value import Value, constant, restored


class Nesting(threading.local):
    """How many differentiations of functions this thread is inside of."""

    depth = 0


NESTING = Nesting()


class Primitive:
    """What a user gave for an operation: the function of floats, and a derivative for each operand."""

    def __init__(self, name: str, function: Callable[..., Any], derivatives: tuple[Callable[..., Any], ...]) -> None:
        self.name, self.function, self.derivatives = name, function, derivatives
        self.rule = Rule(
            lambda m, *operands: m.user(self, *operands),
            tuple(
                lambda m, _, *operands, index=index: m.user_derivative(self, index, *operands)
                for index in range(len(derivatives))
            ),
        )

    def apply(self, operation: Operation, *operands: Any) -> Any:
        if len(operands) != len(self.derivatives):
            wanted = "one number" if len(self.derivatives) == 1 else "two numbers"
            advice = "@primitive takes a derivative for each"
            raise TypeError(f"{self.name} must be given {wanted}, got {len(operands)}; {advice}")
        if not any(isinstance(operand, Value) for operand in operands):
            return self.number(*(as_float(operand, self.name) for operand in operands))
        return computed(operation, operands, self.number, lambda index, _, *numbers: self.derivative(index, *numbers))

    def number(self, *numbers: float) -> float:
        return _of_floats(self.function, numbers, f"what {self.name} returned")

    def derivative(self, index: int, *numbers: float) -> float:
        return _of_floats(self.derivatives[index], numbers, f"what the derivative of {self.name} returned")

    def derivative_name(self, index: int) -> str:
        """What the derivative with respect to one operand is called, such as ``cube'``."""
        return f"{self.name}'" if len(self.derivatives) == 1 else f"{self.name}'{index + 1}"


def _of_floats(function: Callable[..., Any], numbers: tuple[float, ...], what: str) -> float:
    """The result of a user's function of floats; what it differentiates inside gives floats wherever it is called."""
    depth, NESTING.depth = NESTING.depth, 0
    try:
        return as_float(function(*numbers), what)
    finally:
        NESTING.depth = depth


def computed(
    operation: Operation, operands: tuple[Any, ...], number: Callable[..., float], derivative: Callable[..., float]
) -> Value:
    """A node of one or two Values and numbers, by functions of floats; ``derivative(index, y, *numbers)``."""
    nodes = [operand if isinstance(operand, Value) else constant(operand, operation.key) for operand in operands]
    numbers = [node._number for node in nodes]
    try:
        y = number(*numbers)
        local = [0.0 if node._operation is PLAIN else derivative(i, y, *numbers) for i, node in enumerate(nodes)]
    except Exception:
        heard_refusal()
        raise
    (a, b), (da, db) = (*nodes, None)[:2], (*local, 0.0)[:2]
    return restored(operation, y, 0.0, "", da, db, a, b)


def primitive(*derivatives: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of floats an operation, with derivatives that you give.

    Operations are told apart by object: two of one name never mix, and graphs keep the operation that they were made
    with when it is defined again.

    Args:
        derivatives: a function for each operand, one or two, that takes the same numbers. Written with arithmetic and
            the engine's functions it can be differentiated again.

    Returns:
        A decorator. The function then takes numbers or Values; it works in pictures and steps, in ``compile`` (there
        one number at a time), and ``gradcheck`` tells whether its derivative is right.

    Raises:
        TypeError: there are no derivatives, or more than two, or the function returns no number.
        ValueError: the engine has an operation of this name.

    >>> @primitive(lambda x: 3 * x**2)
    ... def cube(x):
    ...     return x**3
    >>> x = Value(2.0)
    >>> cube(x).backward()
    >>> cube(2.0), x.grad
    (8.0, 12.0)
    """
    if not 1 <= len(derivatives) <= 2 or not all(map(callable, derivatives)):
        raise TypeError(
            "primitive must be given one or two derivatives, functions of the operands: @primitive(lambda x: ...)"
        )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = getattr(function, "__name__", "")
        if not name.isidentifier():
            advice = "write @primitive(lambda x: ...), with the derivative, above def"
            raise TypeError(f"primitive must decorate a function with a name, got {shortened(function)}; {advice}")
        if name == CONSTANT or any(each.name == name for each in OPERATIONS.values()):
            raise ValueError(f"primitive: the engine has an operation {name!r} already; give yours another name")
        own = Operation(name, primitive=Primitive(name, function, derivatives))

        @functools.wraps(function)
        def operation(*operands: Any) -> Any:
            return own.apply(*operands)

        operation.operation = own  # type: ignore[attr-defined]
        return operation

    return decorate

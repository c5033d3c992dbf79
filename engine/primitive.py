"""Operations by their names: the engine's own, and those that users add with ``@primitive``."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.derivatives import RULES, Rule
from engine.validation import as_float, shortened
from engine.value import CONSTANT, Value, constant, restored

_OPERATORS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "neg": operator.neg,
    "abs": operator.abs,
}


@dataclass(frozen=True)
class Primitive:
    """An operation of a user's own: the function of floats, and a derivative for each operand."""

    name: str
    function: Callable[..., Any]
    derivatives: tuple[Callable[..., Any], ...]

    def __call__(self, *operands: Any) -> Any:
        """The number for numbers; a node for Values."""
        if len(operands) != len(self.derivatives):
            raise TypeError(f"{self.name} takes {len(self.derivatives)} numbers, and was given {len(operands)}")
        if not any(isinstance(operand, Value) for operand in operands):
            return self.number(*(as_float(operand, self.name) for operand in operands))
        nodes = [operand if isinstance(operand, Value) else constant(operand, self.name) for operand in operands]
        numbers = [node.data for node in nodes]
        local = [0.0 if node.op == CONSTANT else self.derivative(place, *numbers) for place, node in enumerate(nodes)]
        data = self.number(*numbers)
        second = (nodes[1], local[1]) if len(nodes) == 2 else (None, 0.0)
        return restored(self.name, data, 0.0, "", local[0], second[1], nodes[0], second[0])

    def number(self, *numbers: float) -> float:
        """The function of floats."""
        return as_float(self.function(*numbers), f"what {self.name} gave")

    def derivative(self, place: int, *numbers: float) -> float:
        """The derivative with respect to one operand, of floats."""
        return as_float(self.derivatives[place](*numbers), f"what the derivative of {self.name} gave")


PRIMITIVES: dict[str, Primitive] = {}
"""The users' own, by name."""


def primitive(*derivatives: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of floats an operation of the engine: one node, with derivatives that you give.

    Args:
        derivatives: a function for each operand, one or two, that takes the same numbers. Written with arithmetic and
            the engine's functions it can be differentiated again.

    Returns:
        A decorator. The function then takes numbers or Values; it works in pictures and steps, in ``compile`` (there
        one number at a time), and ``gradcheck`` tells whether its derivative is right.

    Raises:
        TypeError: there are no derivatives, or more than two, or the function gives no number.
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
            "primitive: one or two derivatives are wanted, functions of the operands: @primitive(lambda x: ...)"
        )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = getattr(function, "__name__", "")
        if not name.isidentifier():
            raise TypeError(f"primitive: a function with a name is wanted, not {shortened(function)}")
        if (name in RULES and name not in PRIMITIVES) or name == CONSTANT:
            raise ValueError(f"primitive: the engine has an operation {name!r} of its own; give yours another name")
        own = PRIMITIVES[name] = Primitive(name, function, derivatives)
        RULES[name] = Rule(_computed(name), tuple(_differentiated(name, place) for place in range(len(derivatives))))

        @functools.wraps(function)
        def operation(*operands: Any) -> Any:
            return own(*operands)

        return operation

    return decorate


def _computed(name: str) -> Callable[..., Any]:
    return lambda m, *operands: getattr(m, name)(*operands)


def _differentiated(name: str, place: int) -> Callable[..., Any]:
    return lambda m, _y, *operands: getattr(m, derivative_name(name, place))(*operands)


def derivative_name(name: str, place: int) -> str:
    """What the derivative with respect to one operand is called, such as ``cube'``."""
    return f"{name}'" if len(PRIMITIVES[name].derivatives) == 1 else f"{name}'{place + 1}"


def users_function(name: str) -> Callable[..., Any] | None:
    """The user's own function of that name, or one of its derivatives; None where there is none."""
    stem, mark, place = name.partition("'")
    own = PRIMITIVES.get(stem)
    if own is None:
        return None
    return own.derivatives[int(place or 1) - 1] if mark else own


def applied(op: str, *operands: Value) -> Value:
    """An operation, by its name, on Values.

    >>> applied("*", Value(2.0), Value(3.0)).data
    6.0
    """
    if op in PRIMITIVES:
        result = PRIMITIVES[op](*operands)
    else:
        result = _OPERATORS[op](*operands) if op in _OPERATORS else getattr(Value, op)(*operands)
    return result  # type: ignore[no-any-return]

"""What derivatives are made of as operations of Values, and the mathematics in which rules make gradient graphs.

Each is a function of floats of ``engine/special.py`` and a rule of ``engine/derivatives.py``; its local derivatives as
numbers come from that rule. Their names in pictures are those of what they compute: ``over`` is a ``/``.
"""

import math
from collections.abc import Callable
from typing import Any

from engine import functions, operations, special
from engine.derivatives import SLOPES, Rule
from engine.escapes import Listener, listening
from engine.node import topological_order
from engine.operations import Operation
from engine.primitive import Primitive, computed
from engine.validation import as_float
from engine.value import Value, constant

_SHOWN = {"over": "/", "log_or_limit": "log", "power_or_limit": "**"}


class Slope:
    """How an operation that only derivatives need is computed: its function of floats, and its rule."""

    def __init__(self, name: str, rule: Rule) -> None:
        self.rule = rule
        self.function: Callable[..., float] = getattr(special, name)

    def apply(self, operation: Operation, *operands: Any) -> Any:
        operands = operands[: len(self.rule.derivatives)]
        if any(isinstance(operand, Value) for operand in operands):
            derivatives = self.rule.derivatives
            return computed(
                operation, operands, self.function, lambda i, y, *numbers: float(derivatives[i](NUMBERS, y, *numbers))
            )
        return self.function(*operands)


OPERATIONS: dict[str, Operation] = {
    name: operations.OPERATIONS.get(name) or Operation(_SHOWN.get(name, name), key=name, primitive=Slope(name, rule))
    for name, rule in SLOPES.items()
}
"""The operations, by the names of their rules."""


class Numbers:
    """The mathematics of floats and Values: a float for floats, and a node where a Value is among the operands.

    Plain numbers come as floats, so what depends on them alone is known for all examples: products with 0 and 1 vanish.
    """

    pi = math.pi
    abs = staticmethod(abs)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        slope = OPERATIONS.get(name)
        return slope.apply if slope else getattr(functions, name)

    def user_derivative(self, primitive: Primitive, index: int, *operands: Any) -> Any:
        """A derivative of a user's primitive, as its author wrote it; see ``_Leaks``."""
        name = primitive.derivative_name(index)
        try:
            with listening(_Leaks(primitive, operands)):
                derivative = primitive.derivatives[index](*operands)
        except TypeError as error:
            error.add_note(f"{name} was given Values, as it must be differentiated again; use the functions of engine.")
            raise
        return derivative if isinstance(derivative, Value) else as_float(derivative, name)

    def times(self, a: Any, b: Any) -> Any:
        """a * b, but 0 where one of them is exactly 0; beside a finite plain number an ordinary product, or none."""
        if isinstance(a, Value) and isinstance(b, Value):
            return a._times(b)
        number, other = (b, a) if isinstance(b, float) else (a, b)
        if math.isfinite(number):
            return 0.0 if number == 0.0 else other if number == 1.0 else a * b
        return special.times(a, b) if isinstance(other, float) else other._times(constant(number, "times"))

    def power_by_base(self, a: Any, b: Any) -> Any:
        """The derivative of a**b; where b is a plain number, in powers of a, so that a polynomial ends."""
        if isinstance(a, float) or isinstance(b, Value) or not math.isfinite(b) or b - 1.0 + 1.0 != b:
            return OPERATIONS["power_by_base"].apply(a, b)
        if b in (0.0, 1.0):
            return b
        return b * (a if b == 2.0 else OPERATIONS["power_or_limit"].apply(a, b - 1.0))


NUMBERS = Numbers()


class _Leaks(Listener):
    """Refuses that a user's derivative takes a plain number out of an operand: it would be constant in the next one."""

    def __init__(self, primitive: Primitive, operands: tuple[Any, ...]) -> None:
        self.name, self.operands = primitive.name, {operand for operand in operands if isinstance(operand, Value)}

    def left(self, how: str, node: Value) -> None:
        """A number was taken; what is printed is not computed with."""
        if how not in ("repr()", "format()") and not self.operands.isdisjoint(topological_order(node)):
            self._refuse(f"takes a plain number out of a Value ({how})", "engine.cos in place of math.cos, and so on")

    def compared(self, sign: str, a: Value, b: Any, _outcome: bool) -> None:
        for side in (a, b):
            if isinstance(side, Value) and not self.operands.isdisjoint(topological_order(side)):
                does = f"branches on a Value ({sign})"
                self._refuse(does, "a function of the engine, such as engine.maximum or engine.relu")

    def _refuse(self, does: str, instead: str) -> None:
        words = f"the derivative of {self.name} {does}, so that it cannot be differentiated again; use {instead}"
        self.refuse(TypeError(words))

"""Operations: what computes a node from its operands. The engine's own are listed here; users add theirs."""

from typing import Any, Final

CONSTANT: Final = "constant"


class Operation:
    """What computes a node from its operands. Operations are told apart by object, never by name.

    The *name* is for pictures and messages; *method* of ``Value`` and *key* of tables are the same unless given. A
    *primitive* computes it where that is no method of ``Value``, and has its rule: functions that a user gave
    (``engine/primitive.py``), or one of ``engine/slopes.py``.
    """

    def __init__(self, name: str, method: str = "", key: str = "", primitive: Any = None) -> None:
        self.name: str = name
        self.method: str = method or name
        self.key: str = key or name
        self.primitive: Any = primitive

    def apply(self, *operands: Any) -> Any:
        """A new node, computed from these Values."""
        if self.primitive is not None:
            return self.primitive.apply(self, *operands)
        return getattr(operands[0], self.method)(*operands[1:])

    def __deepcopy__(self, _memo: Any) -> "Operation":
        return self

    def __repr__(self) -> str:
        return f"<operation {self.name or 'leaf'}>"


class CustomOperation(Operation):
    """An operation of one node that the engine cannot compute: ``Value(data, children, op)`` named its operands.

    *given* is its name, as micrograd's ``_op`` has it, or empty. If the node has no local derivatives, a function must
    hand its gradient on.
    """

    def __init__(self, given: str, is_differentiated: bool) -> None:
        super().__init__(given if given and given != CONSTANT else "f", key="custom")
        self.given: str = given
        self.is_differentiated: bool = is_differentiated
        self.function: Any = None  # takes nothing, reads the node's gradient and adds to those of its operands
        self.cell: Any = None  # where the function finds its node, if in its closure; see engine/custom.py

    def hand_on(self, node: Any) -> None:
        """Call the function that was assigned to ``node._backward``."""
        if self.function is None:
            raise ValueError(
                f"the local derivatives of {self!r} are not known: give them, as in Value(data, (a, b), (da, db)), or "
                "assign a function to its _backward"
            )
        if self.cell is None:
            self.function()
            return
        self.cell.cell_contents = node
        try:
            self.function()
        finally:
            del self.cell.cell_contents

    def apply(self, *operands: Any) -> Any:
        raise ValueError(f"{self!r} was made from numbers, so it cannot be computed again")

    def __repr__(self) -> str:
        return f"<custom operation {self.given or 'without a name'}>"


LEAF: Final = Operation("")
PLAIN: Final = Operation(CONSTANT)
"""The operation of plain numbers beside Values: leaves that no gradient is kept for."""
PARTIAL: Final = Operation("", key="partial")
"""The operation of hidden nodes, which hold the third operand of a node and those after it."""


ADD: Final = Operation("+", "__add__")
SUB: Final = Operation("-", "__sub__")
MINUS: Final = Operation("-", "_minus", "minus")
"""A difference that is 0 for equal infinities."""
MUL: Final = Operation("*", "__mul__")
TIMES: Final = Operation("*", "_times", "times")
"""The product of the chain rule: 0 where one is exactly 0 and the other infinite or NaN."""
DIV: Final = Operation("/", "__truediv__")
NEG: Final = Operation("neg", "__neg__")
ABS: Final = Operation("abs", "__abs__")
EXP: Final = Operation("exp")
EXPM1: Final = Operation("expm1")
LOG: Final = Operation("log")
LOG10: Final = Operation("log10")
LOG1P: Final = Operation("log1p")
SQRT: Final = Operation("sqrt")
SIN: Final = Operation("sin")
COS: Final = Operation("cos")
TAN: Final = Operation("tan")
ASIN: Final = Operation("asin")
ACOS: Final = Operation("acos")
ATAN: Final = Operation("atan")
ATAN2: Final = Operation("atan2")
HYPOT: Final = Operation("hypot")
SINH: Final = Operation("sinh")
COSH: Final = Operation("cosh")
TANH: Final = Operation("tanh")
SIGMOID: Final = Operation("sigmoid")
SOFTPLUS: Final = Operation("softplus")
RELU: Final = Operation("relu")
LEAKY_RELU: Final = Operation("leaky_relu")
GELU: Final = Operation("gelu")
ERF: Final = Operation("erf")
ERFC: Final = Operation("erfc")
MAXIMUM: Final = Operation("maximum")
MINIMUM: Final = Operation("minimum")
DETACH: Final = Operation("detach")
POW: Final = Operation("**", "__pow__")

OPERATIONS: Final[dict[str, Operation]] = {
    operation.key: operation
    for operation in (
        *(ADD, SUB, MINUS, MUL, TIMES, DIV, NEG, ABS, EXP, EXPM1, LOG, LOG10, LOG1P, SQRT, SIN, COS, TAN, ASIN, ACOS),
        *(ATAN, ATAN2, HYPOT, SINH, COSH, TANH, SIGMOID, SOFTPLUS, RELU, LEAKY_RELU, GELU, ERF, ERFC, MAXIMUM),
        *(MINIMUM, DETACH, POW),
    )
}
"""The engine's operations, by their keys."""

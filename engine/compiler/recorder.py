"""Recording: a function is called with Values, and what it asks of their numbers is noticed.

A comparison is kept as a guard, with its outcome. Any other number that leaves the graph ends the recording with an
error, for the function may compute something else for another example. So do random numbers.
"""

from __future__ import annotations

import dis
import operator
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, NamedTuple, SupportsFloat

from engine.callers import is_library, users_line
from engine.compiler.collector import collector_paused
from engine.compiler.trace import ordered
from engine.escapes import DataDependentError, IdentityListener, listening
from engine.node import topological_order
from engine.operations import PLAIN
from engine.validation import shortened
from engine.value import Value, constant

ADVICE = (
    "a graph that is recorded once must hold for all numbers: compare Values themselves, or use maximum, minimum, relu "
    "or abs; without a program (replay=False in fit) the function may do as it likes"
)


@dataclass(frozen=True)
class Guard:
    """A comparison that a function made, where it did so, and how it came out."""

    a: Value
    sign: str
    b: Value | float
    outcome: bool
    line: str

    @property
    def sides(self) -> tuple[Value | float, Value | float]:
        """What was compared."""
        return self.a, self.b


class Call(NamedTuple):
    """What a call of a function of the user's found: its globals, its arguments, and what it encloses."""

    globals: dict[str, Any]
    locals: dict[str, Any]


@dataclass
class Recording:
    """What a function did with one example."""

    inputs: list[Value]
    outputs: list[Value]
    guards: list[Guard]
    calls: dict[CodeType, Call] = field(default_factory=dict)
    """The first call of each function of the user's."""

    @property
    def compared(self) -> list[Value]:
        """The Values that guards compare and that have to be computed for each example, each once."""
        inputs = set(self.inputs)
        sides = dict.fromkeys(side for guard in self.guards for side in guard.sides if isinstance(side, Value))
        return [side for side in sides if side not in inputs and side.operation is not PLAIN]

    @property
    def roots(self) -> list[Value]:
        """What a program computes: the outputs, and what guards compare."""
        return [*self.outputs, *self.compared]

    @property
    def place(self) -> str:
        """Where the user's code begins."""
        code = next(iter(self.calls), None)
        return "the function" if code is None else f"{code.co_filename}, line {code.co_firstlineno}"

    @property
    def outcomes(self) -> tuple[bool, ...]:
        """How the guards came out: the name of the path."""
        return tuple(guard.outcome for guard in self.guards)


def record(function: Callable[[list[Value]], list[Any]], numbers: list[float], identity: bool = False) -> Recording:
    """Call *function* with a Value for each of the *numbers*, and notice what it asks of them.

    Args:
        function: takes a list of Values; returns a list of Values, or numbers where a comparison chose them.
        identity: whether the Values are in place of plain numbers, so that ``==`` and ``hash()`` of them tell
            something else.

    Raises:
        DataDependentError: a number left the graph, or a random one came in; the message names the line.
        Exception: what the function raises.
    """
    inputs = [Value(number) for number in numbers]
    notes = _Notes(inputs, identity)
    try:
        with collector_paused(), listening(notes), notes.profiling():
            outputs = function(inputs)
    except Exception as error:
        if notes.error is None or error is notes.error:
            raise
        raise notes.error from error
    else:
        notes.check()
    finally:
        notes.error = None  # its traceback knows the notes
    if not outputs:
        raise ValueError("a function of Values must give at least one output")
    guards = list(notes.guards.values())
    values = [_as_value(output, guards) for output in outputs]
    if any(_HANDLES_ERRORS in code.co_code[::2] for code in notes.calls):
        guards += _domains(values)
    return Recording(inputs, values, guards, notes.calls)


class _Notes(IdentityListener):
    """Listens while a function runs."""

    def __init__(self, inputs: list[Value], identity: bool) -> None:
        self.guards: dict[tuple[Any, ...], Guard] = {}
        self.calls: dict[CodeType, Call] = {}
        self.error: DataDependentError | None = None
        self.shown = ""
        self.caught = ""
        self._inputs = {id(value): value for value in inputs}  # held, so that no other Value gets the same id
        self._identity = identity

    # ---------------------------------------------------------------------------------------------------- what is heard

    def left(self, how: str, node: Value) -> None:
        """A number left: an error at once; but printing may be part of another error's message."""
        if _is_constant(node):
            return
        if how in ("repr()", "format()"):
            self.shown = self.shown or f"{users_line()}: {how} of a Value"
            return
        self._refuse(f"{users_line()}: {how} of a Value")

    def left_elsewhere(self, how: str, node: Value) -> None:
        """The function handed its Values to another thread: the order of what happens there is not known."""
        if not self._inputs.keys().isdisjoint(map(id, topological_order(node))):
            self._refuse(f"{users_line()}: {how} of a Value in another thread")

    def identified(self, how: str, node: Value) -> None:
        """A Value in place of a number was not what the number would have been."""
        if self._identity and id(node) in self._inputs:
            self._refuse(f"{users_line()}: {how} of a Value, where a plain number is without a program")

    def compared(self, sign: str, a: Value, b: Any, outcome: bool) -> None:
        """A guard, unless only constants were compared."""
        other = b if isinstance(b, Value) else float(b)
        if _is_constant(a) and (not isinstance(other, Value) or _is_constant(other)):
            return
        key = (id(a), sign, id(other) if isinstance(other, Value) else other)
        if key not in self.guards:
            self.guards[key] = Guard(a, sign, other, outcome, users_line())

    def refused(self) -> None:
        """An operation refused a number; if the function catches that, it chose its way by it."""
        self.caught = f"{users_line()}: an operation refused the number of a Value, and the function caught an error"

    def _refuse(self, reason: str) -> None:
        if self.error is None:
            self.error = DataDependentError(reason, ADVICE)
        raise self.error

    def check(self) -> None:
        """Refuse what was noticed, after the function returned.

        Raises:
            DataDependentError: something was.
        """
        if self.error is not None:
            raise self.error
        if self.shown or self.caught:
            raise DataDependentError(self.shown or self.caught, ADVICE)

    # ------------------------------------------------------------------------------------------------- what is executed

    @contextmanager
    def profiling(self) -> Iterator[None]:
        """See each call in this thread, to notice random numbers before they are drawn."""
        others = sys.getprofile()
        if others is not None and not callable(others):  # a profiler in C, which cannot be called
            states = random.getstate()
            yield
            if random.getstate() != states:
                self._refuse("the function draws random numbers")
            return

        def see(frame: FrameType, event: Any, thing: Any) -> None:
            if event == "c_call":
                self._see_call(thing)
            elif event == "call" and frame.f_globals is vars(random) and frame.f_code.co_name != "getstate":
                self._refuse(f"{users_line()}: random numbers are drawn")  # gauss may have one left over
            elif event == "call" and frame.f_code not in self.calls and _is_users(frame):
                self.calls[frame.f_code] = Call(frame.f_globals, dict(frame.f_locals))
            if others is not None:
                others(frame, event, thing)

        sys.setprofile(see)
        try:
            yield
        finally:
            sys.setprofile(others)

    def _see_call(self, called: Any) -> None:
        owner = getattr(called, "__self__", None)
        if (isinstance(owner, random.Random) and called.__name__ != "getstate") or called is os.urandom:
            self._refuse(f"{users_line()}: random numbers are drawn")


def _as_value(output: Any, guards: Sequence[Guard]) -> Value:
    """An output as a Value; a plain number is one where a comparison may have chosen it, as in ``max(x, 0.0)``."""
    if isinstance(output, Value):
        return output
    if not guards or not isinstance(output, SupportsFloat):
        raise TypeError(
            f"a function of Values gives a Value or a list of them, not {type(output).__name__} {shortened(output)}"
        )
    return constant(output, "an output")


def _is_users(frame: FrameType) -> bool:
    """Whether a call is part of a function of the user's, and not of a library or of an import."""
    if is_library(frame.f_globals.get("__name__")):
        return False
    outer = frame.f_back
    while outer is not None and outer.f_globals.get("__name__") != __name__:
        if outer.f_globals.get("__name__") == "importlib._bootstrap":
            return False
        outer = outer.f_back
    return True


_LARGEST_EXP, _LARGEST_SINH = 709.78, 710.47
_DOMAINS: dict[str, list[tuple[int, str, float]]] = {
    "/": [(1, "!=", 0.0)],
    "log": [(0, ">", 0.0)],
    "log10": [(0, ">", 0.0)],
    "log1p": [(0, ">", -1.0)],
    "sqrt": [(0, ">=", 0.0)],
    "asin": [(0, ">=", -1.0), (0, "<=", 1.0)],
    "acos": [(0, ">=", -1.0), (0, "<=", 1.0)],
    "exp": [(0, "<", _LARGEST_EXP)],
    "expm1": [(0, "<", _LARGEST_EXP)],
    "sinh": [(0, "<", _LARGEST_SINH), (0, ">", -_LARGEST_SINH)],
    "cosh": [(0, "<", _LARGEST_SINH), (0, ">", -_LARGEST_SINH)],
}
"""Which operand must be where, or the operation raises an error."""
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


_HANDLES_ERRORS = dis.opmap["PUSH_EXC_INFO"]  # the instruction that begins an except, a finally, or the end of a with


def _domains(outputs: Sequence[Value]) -> list[Guard]:
    """Guards that all operands stay inside of their domains: for functions that may catch the error."""
    return [
        Guard(operand, sign, bound, _SIGNS[sign](operand.data, bound), "a try statement")
        for node in ordered(outputs)
        for index, sign, bound in (_power_domain(node) if node.op == "**" else _DOMAINS.get(node.operation.key, []))
        for operand in [node.operands[index]]
        if not _is_constant(operand)
    ]


def _power_domain(power: Value) -> list[tuple[int, str, float]]:
    exponent = power.operands[1]
    if not _is_constant(exponent):
        return [(0, ">", 0.0)]
    whole = exponent.data.is_integer()
    if exponent.data < 0.0:
        return [(0, "!=" if whole else ">", 0.0)]
    return [] if whole else [(0, ">=", 0.0)]


def _is_constant(node: Value) -> bool:
    """Whether a number is the same for all examples and weights: made of plain numbers alone."""
    stack, met = [node], {id(node)}
    while stack:
        operands = stack[-1].operands
        if not operands and stack[-1].operation is not PLAIN:
            return False
        stack.pop()
        new = [operand for operand in operands if id(operand) not in met]
        met.update(map(id, new))
        stack += new
    return True

"""Recording: a function is called with Values, and what it asks of their numbers is noticed."""

import operator
import os
import pickle
import random
import sys
from collections import ChainMap
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property, lru_cache
from threading import RLock
from types import CodeType, FrameType
from typing import Any, NamedTuple, SupportsFloat, TypeAlias

from engine.callers import is_library, source_line, users_place
from engine.compiler.collector import collector_paused
from engine.compiler.trace import Record, recorded
from engine.compiler.type_tests import handles_errors, tells_numbers_apart
from engine.domains import ANY, FINITE, POWER, Limits, bounds_of, limits_of
from engine.escapes import DataDependentError, Listener, listening
from engine.node import common_order, topological_order
from engine.operations import PLAIN
from engine.primitive import Primitive
from engine.validation import shortened
from engine.value import Value, compared, constant

ADVICE = (
    "a graph that is recorded once must hold for all numbers: compare Values themselves, use the functions of engine, "
    "such as engine.exp, maximum or relu, make operations of your own with @primitive; without a program (replay=False "
    "in fit) the function may do as it likes"
)
_EQUAL = {
    "==": "== of a Value, which no number equals: write >= and <=",
    "== of two Values": "== of two Values, which compares no numbers: write >= and <=, or is",
}
_OF_THE_SYSTEM = [getattr(os, name) for name in ("urandom", "getrandom") if hasattr(os, name)]
"""What gives random numbers of the operating system."""
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "!=": operator.ne,
}  # fmt: skip
Found: TypeAlias = tuple[dict[str, Any], dict[str, Any]]
"""What a call of a function of the user's found: its globals; its arguments, with what it encloses."""

Function: TypeAlias = tuple[CodeType, int]
"""The code of a function, and the id of its globals: equal code in two modules is two functions."""
Side: TypeAlias = tuple[int, int] | float
"""A column of the rows (0) or of ``compared_nodes`` (1): ``(0, column)``; or a number."""
Comparison: TypeAlias = tuple[list[Side], str, bool]
"""Two sides, the sign between them, and how it came out."""


class Guard(NamedTuple):
    """A comparison that a function made, how it came out, and where that was."""

    a: Value
    sign: str
    b: Value | float
    outcome: bool
    place: str


class Recording(Listener):
    """What a function does with one example, of *numbers*; it listens while the function runs.

    A comparison is kept as a guard. Any other number that leaves the graph ends the recording with an error, for the
    function may compute something else for another example. So do random numbers; ``==`` with a number, which is False
    for every Value; and ``hash()`` and ``==`` of inputs, and of what is made of them alone, if these are in place of
    plain numbers (*identity*).
    """

    def __init__(self, numbers: Sequence[float], identity: bool = False) -> None:
        self.hears_hash = identity
        self.inputs = [Value(number) for number in numbers]
        self.outputs: list[Value] = []
        self.guards: dict[Any, Guard] = {}
        self.calls: dict[Function, Found] = {}
        """The first call of each function of the user's."""
        self.doubt = ""
        """What is an error only where the function goes on after it."""
        self.differentiated_roots: list[Value] = []
        self.limited: dict[Value, tuple[Value, Limits]] = {}
        """For operations of what the function differentiates that nothing else needs: see ``_limited``."""
        self._ids = set(map(id, self.inputs))  # lasting, as the inputs are held
        self._may_draw = False
        """Whether it called a library that may draw random numbers where this is not seen."""

    @property
    def roots(self) -> list[Value]:
        """What a program computes: the outputs, and what guards compare."""
        return [*self.outputs, *self.compared_nodes]

    @cached_property
    def order(self) -> list[Value]:
        """Every node in topological order: what may refuse numbers before what is computed after it."""
        return common_order([*self.limited, *self.roots])

    def graph(self, parameters: Sequence[Value]) -> Record:
        """What a program computes, as a record, once the function has run."""
        n, limits = len(self.roots), dict[Value, Limits]()
        for node, found in self.limited.values():
            limits[node] = found.within(limits.get(node, ANY))
        record = recorded([*self.roots, *limits], self.inputs, parameters, self.order)
        return replace(record, outputs=record.outputs[:n], limited=[*zip(record.outputs[n:], limits.values())])

    @property
    def compared_nodes(self) -> list[Value]:
        """The Values that guards compare and that have to be computed for each example, each once."""
        inputs = set(self.inputs)
        sides = dict.fromkeys(side for guard in self.guards.values() for side in (guard.a, guard.b))
        return [
            side for side in sides if isinstance(side, Value) and side not in inputs and side.operation is not PLAIN
        ]

    @property
    def place(self) -> str:
        code, _ = next(iter(self.calls), (None, 0))
        return "the function" if code is None else source_line(code.co_filename, code.co_firstlineno)

    @property
    def outcomes(self) -> tuple[bool, ...]:
        """How the guards came out: the name of the path."""
        return tuple(guard.outcome for guard in self.guards.values())

    @property
    def comparisons(self) -> list[Comparison]:
        """What the guards compare, in their order."""
        columns: dict[Value, Side] = {value: (0, column) for column, value in enumerate(self.inputs)}
        columns |= {value: (1, column) for column, value in enumerate(self.compared_nodes)}
        return [
            ([columns.get(side, side.data) if isinstance(side, Value) else side for side in (a, b)], sign, outcome)
            for a, sign, b, outcome, _ in self.guards.values()
        ]

    def left(self, how: str, node: Value) -> None:
        """A number left: an error at once; but printing may be part of another error's message."""
        if _is_constant(node):
            return
        if how in ("repr()", "format()"):
            self.doubt = self.doubt or f"{users_place()}: {how} of a Value"
        else:
            self._refuse(f"{users_place()}: {_EQUAL.get(how, f'{how} of a Value')}")

    def left_elsewhere(self, how: str, node: Value) -> None:
        """The function handed its Values to another thread: the order of what happens there is not known."""
        if not self._ids.isdisjoint(map(id, topological_order(node))):
            self._refuse(f"{users_place()}: {how} of a Value in another thread")

    def hashed(self, node: Value) -> None:
        """A Value in place of a number was not what the number would have been."""
        if not _is_constant(node) and _is_constant(node, self._ids):
            self._refuse(f"{users_place()}: hash() or == of a Value, where a plain number is without a program")

    def compared(self, sign: str, a: Value, b: Any, outcome: bool) -> None:
        other = b if isinstance(b, Value) else compared(b, sign)
        if _is_constant(a) and (not isinstance(other, Value) or _is_constant(other)):
            return
        key = (id(a), sign, id(other) if isinstance(other, Value) else other)
        if key not in self.guards:
            self.guards[key] = Guard(a, sign, other, outcome, users_place())

    def refused(self) -> None:
        """An operation refused a number; a function that catches this branched on a Value."""
        reason = f"{users_place()}: an operation refused the number of a Value, and the function caught an error"
        self.doubt = self.doubt or reason

    def differentiated(self, root: Value) -> None:
        """Its operations may refuse numbers that the gradient graph takes."""
        self.differentiated_roots.append(root)

    def refuse_type_tests(self) -> None:
        """Raise a DataDependentError if a function may ask for the type of a number, in whose place is a Value."""
        for (code, _), (variables, own) in self.calls.items():
            if tells_numbers_apart(code, ChainMap(own, variables)):
                place = source_line(code.co_filename, code.co_firstlineno)
                told = "the type of a number, or an error that it raises, may decide what is computed"
                raise DataDependentError(f"{place}: {told}; those of a Value are others")

    def _refuse(self, reason: str) -> None:
        self.refuse(DataDependentError(reason, ADVICE))

    @contextmanager
    def profiling(self) -> Iterator[None]:
        """See each call in this thread, to notice random numbers before they are drawn."""
        others: Any = sys.getprofile()
        paused: Any = None if others is None or callable(others) else others  # cProfile, in C, which cannot be called
        if paused is not None:
            others = None
            paused.disable()
        before, modules = _states_of_generators(), set[int]()

        def see(frame: FrameType, event: Any, thing: Any) -> None:
            draws = False
            if event == "c_call":
                owner = getattr(thing, "__self__", None)
                is_random = isinstance(owner, random.Random) and thing.__name__ != "getstate"
                draws = is_random or any(thing is each for each in _OF_THE_SYSTEM)
                if not self._may_draw:
                    self._may_draw = _may_draw(str(getattr(thing, "__module__", None) or type(owner).__module__))
            elif event == "call" and frame.f_globals is vars(random):
                draws = frame.f_code.co_name != "getstate"  # gauss may have one left over
            elif event == "call":
                if id(frame.f_globals) not in modules:
                    modules.add(id(frame.f_globals))
                    self._may_draw = self._may_draw or _may_draw(str(frame.f_globals.get("__name__")))
                if (frame.f_code, id(frame.f_globals)) not in self.calls and _is_users(frame):
                    self.calls[frame.f_code, id(frame.f_globals)] = frame.f_globals, dict(frame.f_locals)
            if draws:
                self._refuse(f"{users_place()}: random numbers are drawn")
            if others is not None:
                others(frame, event, thing)

        _profile(see)
        try:
            yield
            if sys.getprofile() is not see:
                self.doubt = self.doubt or f"{self.place}: the function starts or stops a profiler, such as cProfile"
            if self._may_draw and _states_of_generators() != before:
                self.doubt = self.doubt or f"{self.place}: random numbers are drawn"
        finally:
            _profile(others)
            if paused is not None:
                paused.enable()


@lru_cache(maxsize=1024)
def _may_draw(module: str) -> bool:
    """Whether a module belongs to a library that may draw random numbers without a call that Python reports."""
    return module.partition(".")[0] in ("torch", "pandas", "scipy", "sklearn")


def _states_of_generators() -> list[bytes]:
    """The states of the global generators of numpy and PyTorch, where these are imported."""
    found = []
    with suppress(Exception):  # one is imported only in part
        for name in {"numpy", "torch"} & sys.modules.keys():
            library: Any = sys.modules[name]
            state = library.random.get_state() if name == "numpy" else library.get_rng_state().numpy()
            found.append(pickle.dumps(state))
    return found


_INSTALLING = RLock()


def _profile(function: Any) -> None:
    """Install a profile function in this thread; Python refuses that while another thread installs one."""
    with _INSTALLING:
        sys.setprofile(function)


def record(function: Callable[[list[Value]], list[Any]], numbers: list[float], identity: bool = False) -> Recording:
    """Call *function* with a Value for each of the *numbers*, and notice what it asks of them: see ``Recording``.

    It takes a list of Values, and returns a list of Values, or numbers where a comparison chose them. A number that
    left the graph, or a random one that came in, is a DataDependentError, which names the line.
    """
    recording = Recording(numbers, identity)
    with collector_paused(), listening(recording), recording.profiling():
        outputs = function(list(recording.inputs))  # which it may change
    if recording.doubt:
        raise DataDependentError(recording.doubt, ADVICE)
    if not outputs:
        raise ValueError("a function of Values must give at least one output, got none")
    for output in outputs:
        if not isinstance(output, Value) and not (recording.guards and isinstance(output, SupportsFloat)):
            kind = type(output).__name__
            raise TypeError(
                f"a function of Values must return a Value or a list of them, got {kind} {shortened(output)}"
            )
        recording.outputs.append(output if isinstance(output, Value) else constant(output, "an output"))
    if recording.differentiated_roots:
        needed = set(common_order(recording.roots))
        unused = (node for node in common_order(recording.differentiated_roots) if node not in needed)
        recording.limited = {node: limited for node in unused if (limited := _limited(node))}
    if any(handles_errors(code) for code, _ in recording.calls):
        recording.guards |= _domains([*recording.outputs, *recording.limited])
    return recording


def _is_users(frame: FrameType) -> bool:
    """Whether a call is part of a function of the user's: not of a library, an import or the listening itself."""
    if is_library(frame.f_globals.get("__name__")):
        return False
    outer = frame.f_back
    while outer is not None and outer.f_globals.get("__name__") not in (__name__, "importlib._bootstrap"):
        outer = outer.f_back
    return outer is None or outer.f_code is record.__code__


def _domains(outputs: Sequence[Value]) -> dict[Any, Guard]:
    """Guards that all operands stay inside of their domains: for functions that may catch the error."""
    return {
        (id(operand), sign, bound): Guard(operand, sign, bound, SIGNS[sign](operand.data, bound), "a try statement")
        for node in common_order(outputs)
        for index, sign, bound in bounds_of(node.operation.key, _constant_exponent(node))
        for operand in [node.operands[index]]
        if not _is_constant(operand)
    }


def _limited(node: Value) -> tuple[Value, Limits] | None:
    """A Value and its limits: where its number is inside, the operation of *node* refuses nothing. None if it cannot.

    Of a user's primitive, and of a power whose exponent is not known, it is the result, which must be finite.
    """
    operation, exponent = node.operation, _constant_exponent(node)
    if isinstance(operation.primitive, Primitive) or (operation.key == POWER and exponent is None):
        return node, FINITE
    found = limits_of(operation.key, exponent)
    if found is None or _is_constant(operand := node.operands[found[0]]):
        return None
    return operand, found[1]


def _constant_exponent(node: Value) -> float | None:
    exponent = node.operands[1] if node.operation.key == POWER else None
    return exponent.data if exponent is not None and _is_constant(exponent) else None


def _is_constant(node: Value, but_for: Set[int] = frozenset()) -> bool:
    """Whether a number is the same for all examples and weights: made of plain numbers alone, *but_for* these ids."""
    stack, met = [node], set[int]()
    while stack:
        node = stack.pop()
        operands = node.operands
        if not operands and node.operation is not PLAIN and id(node) not in but_for:
            return False
        if id(node) not in met:
            met.add(id(node))
            stack += operands
    return True

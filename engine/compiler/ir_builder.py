"""What both directions need to write instructions: views of operands, scratch, the mathematics of rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import pi, prod
from typing import Any, NamedTuple

from engine.compiler.collector import mypyc_attr
from engine.compiler.ir import ONE, Function, Indexes, Instruction, Map, MatMul, Take, Total, View, is_repeated, view_of
from engine.compiler.memory_layout import Placed
from engine.compiler.trace import Op
from engine.compiler.vectorize import Block, Column, first
from engine.derivatives import SLOPES, rule_for
from engine.operations import CONSTANT
from engine.primitive import Primitive
from engine.slopes import NUMBERS
from engine.special import over


@mypyc_attr(acyclic=True)
class Scaled:
    """``number * view``; ``number / view`` where *inverse*."""

    def __init__(self, view: View, number: float = 1.0, inverse: bool = False) -> None:
        self.view, self.number, self.inverse = view, number, inverse


class Emitter:
    """Instructions, one after the other."""

    def __init__(self, graph: Placed) -> None:
        self.graph = graph
        self.instructions: list[Instruction] = []
        self.scratch_slots = {"scratch": 0, "uniform scratch": 0}
        self._used = {"scratch": 0, "uniform scratch": 0}
        self._kept: View | None = None
        self._steps: dict[tuple[Any, ...], _Steps] = {}
        self._views: list[View | None] = [None] * len(graph.spaces)
        self._gradients = self._views.copy()
        self._scratch_views: dict[tuple[str, int, tuple[int, ...]], View] = {}

    def add(self, instruction: Instruction) -> None:
        self.instructions.append(instruction)

    def taken(self) -> list[Instruction]:
        """The instructions so far; the next one begins another list."""
        taken, self.instructions = self.instructions, []
        return taken

    def keep(self, view: View) -> View:
        """Have *view* stay where it is, because more than one instruction will read it: see ``into``."""
        self._kept = view
        return view

    def fresh_scratch(self) -> None:
        """What the instructions so far have in scratch is no longer needed."""
        self._kept = None
        self._used["scratch"] = self._used["uniform scratch"] = 0

    def scratch(self, shape: tuple[int, ...], per_example: bool) -> View:
        """Memory for a result in between."""
        memory = "scratch" if per_example else "uniform scratch"
        start = self._used[memory]
        view = self._scratch_views.get((memory, start, shape))
        if view is None:
            strides = tuple([prod(shape[axis + 1 :]) for axis in range(len(shape))])
            self._scratch_views[memory, start, shape] = view = View(memory, start, shape, strides)
            self.scratch_slots[memory] = max(self.scratch_slots[memory], start + view.size)
        self._used[memory] = start + shape[0] * view.strides[0]
        return view

    def space_of(self, places: Column | Block) -> str:
        """The memory in which these nodes, all of one space, live."""
        return self.graph.spaces[places if isinstance(places, int) else first(places)]

    def read(self, places: Column, axes: int = 0) -> View:
        """The numbers of these nodes: where they are, or gathered; as matrices of so many *axes*."""
        if isinstance(places, int):
            return self.single(places)
        return self.gathered(self.space_of(places), self.graph.slots[places], axes)

    def single(self, place: int, gradient: str = "") -> View:
        """The number of one node; its gradient, where the end of that memory's name is given."""
        views = self._gradients if gradient else self._views
        view = views[place]
        if view is None:
            memory = self.graph.spaces[place] + gradient
            views[place] = view = View(memory, self.graph.slots.item(place), ONE, ONE)
        return view

    def constant(self, places: Column) -> float | None:
        """The number that all of these nodes are, where it is a constant that may be multiplied with others."""
        place, record = places if isinstance(places, int) else places.item(0), self.graph.record
        if record.ops[place] != CONSTANT or not (isinstance(places, int) or is_repeated(places)):
            return None
        number = record.numbers[place]
        return number if _safe(number) else None

    def gathered(self, memory: str, slots: Indexes, axes: int = 0) -> View:
        """These slots as a view, or gathered into scratch; the last *axes* are those of a matrix, not backwards."""
        view = view_of(memory, slots)
        if view is None or (axes and min(view.strides[-axes:]) < 0):
            view = self.scratch(slots.shape, not memory.startswith("uniform"))
            self.add(Take(view, memory, slots.ravel()))
        return view

    def map(self, function: Function, operands: Sequence[View | float], out: View | None = None) -> View:
        """A function of arrays, into scratch where *out* is not given."""
        if out is None:
            shape: tuple[int, ...] = ()
            per_example = False
            for operand in operands:
                if isinstance(operand, View):
                    per_example = per_example or operand.per_example
                    if len(operand.shape) > len(shape):
                        shape = operand.shape
            out = self.scratch(shape, per_example)
        self.instructions.append(Map(function, out, tuple(operands)))
        return out

    def into(self, out: View, result: View | float) -> None:
        """Have *result* in *out*: what was last computed into scratch is written there instead.

        What was gathered or kept stays where it is, because it may be read again.
        """
        last = self.instructions[-1] if self.instructions else None
        computed = isinstance(last, (Map, Total, MatMul)) and last.out is result
        if last and computed and result is not self._kept and last.out.memory in self._used:
            last.out = out
        elif result is not out:
            self.add(Map("copy", out, (result,)))

    def total(self, terms: View) -> View:
        """The sums over the last axis of their slots."""
        out = self.scratch(terms.shape[:-1], terms.per_example)
        if terms.shape[-1] == 1:
            return View(terms.memory, terms.start, out.shape, terms.strides[:-1])
        self.add(Total(out, terms))
        return out

    def rule(
        self, op: Op, which: int | None, operands: Sequence[View | float], out: View | None = None
    ) -> Scaled | float:
        """The derivative of that index of an operation, from its result and operands; None computes it from these.

        It may be written into *out*. A rule is read once for each kind of operands; then its steps are known.
        """
        key = op, which, *[None if isinstance(operand, View) else operand for operand in operands]
        steps = self._steps.get(key)
        if steps is None:
            self._steps[key] = steps = _steps(op, which, operands)
        maps, at, number, inverse = steps
        views = list(operands)
        for function, arguments in maps:
            into = out if len(views) == at else None
            views.append(self.map(function, [views[a] if isinstance(a, int) else a for a in arguments], into))
        if at < 0:
            return number
        view = views[at]
        assert isinstance(view, View)
        return Scaled(view, number, inverse)

    def numbers(self, scaled: Scaled) -> View:
        view, number = scaled.view, scaled.number
        if scaled.inverse:
            return self.map("divide", (number, view))
        if number == 1.0:
            return view
        return self.map("negative", (view,)) if number == -1.0 else self.map("multiply", (view, number))


class _Steps(NamedTuple):
    """A rule as Maps of numbers, and of the indexes of operands and earlier results.

    The result is scaled, the view of an index; or, where that is -1, a number.
    """

    maps: list[tuple[Function, tuple[int | float, ...]]]
    result: int
    number: float
    inverse: bool = False


def _steps(op: Op, which: int | None, operands: Sequence[View | float]) -> _Steps:
    maps: list[tuple[Function, tuple[int | float, ...]]] = []
    arrays = [
        Array(index, len(operands), maps) if isinstance(operand, View) else operand
        for index, operand in enumerate(operands)
    ]
    rule = rule_for(op)
    compute = rule.compute if which is None else rule.derivatives[which]
    result = compute(_MATHEMATICS, *arrays)
    if isinstance(result, Array):
        return _Steps(maps, result.index, result.number, result.inverse)
    return _Steps(maps, -1, result)


class Array:
    """A view that does arithmetic by noting Maps: ``number * view``, or ``number / view`` where *inverse*.

    Views are known by their *index* among *n_given* operands and the results of Maps. Numbers are multiplied with each
    other while the rule is read; in the end they cost one instruction or none.
    """

    def __init__(self, index: int, n_given: int, maps: list[Any], number: float = 1.0, inverse: bool = False) -> None:
        self.index, self.n_given, self.maps, self.number, self.inverse = index, n_given, maps, number, inverse

    def _add(self, function: Function, *operands: int | float) -> int:
        self.maps.append((function, operands))
        return self.n_given + len(self.maps) - 1

    def _scaled(self, index: int, number: float, inverse: bool = False) -> Array:
        return Array(index, self.n_given, self.maps, number, inverse)

    def plain(self) -> int:
        if self.inverse:
            return self._add("divide", self.number, self.index)
        if self.number == 1.0:
            return self.index
        if self.number == -1.0:
            return self._add("negative", self.index)
        return self._add("multiply", self.index, self.number)

    def map(self, function: Function, *operands: Array | float) -> Array:
        plain = [operand.plain() if isinstance(operand, Array) else float(operand) for operand in operands]
        return self._scaled(self._add(function, *plain), 1.0)

    def __add__(self, other: Array | float) -> Array:
        return self.map("add", self, other)

    def __radd__(self, other: float) -> Array:
        return self + other

    def __sub__(self, other: Array | float) -> Array:
        return self.map("subtract", self, other)

    def __rsub__(self, other: float) -> Array:
        return self.map("subtract", other, self)

    def __mul__(self, other: Array | float) -> Array:
        if not isinstance(other, Array):
            if not _safe(other):
                return self.map("multiply", self, other)
            return self._scaled(self.index, self.number * other, self.inverse)
        number = self.number * other.number
        if self.inverse == other.inverse:
            return self._scaled(self._add("multiply", self.index, other.index), number, self.inverse)
        above, below = (other, self) if self.inverse else (self, other)
        return self._scaled(self._add("divide", above.index, below.index), number)

    def __rmul__(self, other: float) -> Array:
        return self * other

    def __truediv__(self, other: Array | float) -> Array:
        if not isinstance(other, Array):
            return self * (1.0 / other) if _safe(other) and _safe(1.0 / other) else self.map("divide", self, other)
        if self.inverse or other.inverse:
            return self.map("divide", self, other)
        return self._scaled(self._add("divide", self.index, other.index), self.number / other.number)

    def __rtruediv__(self, other: float) -> Array:
        if self.inverse or not _safe(other):
            return self.map("divide", other, self)
        return self._scaled(self.index, other / self.number, inverse=True)

    def __neg__(self) -> Array:
        return self._scaled(self.index, -self.number, self.inverse)


def _safe(number: float) -> bool:
    """Whether it may be multiplied with others before any array is."""
    return 1e-6 < abs(number) < 1e6


class Mathematics:
    """The mathematics of ``derivatives.py`` for Arrays: a function is a Map of its name (see ``numpy_kernels.py``)."""

    pi = pi

    def __getattr__(self, function: str) -> Callable[..., Any]:
        count = len(SLOPES[function].derivatives) if function in SLOPES else None

        def write(*operands: Array | float) -> Array | float:
            return self._written(function, operands[:count])

        return write

    def _written(self, function: Function, operands: tuple[Array | float, ...]) -> Array | float:
        """An instruction; where all operands are plain numbers of a rule, the number at once."""
        array = next((operand for operand in operands if isinstance(operand, Array)), None)
        if array is not None:
            return array.map(function, *operands)
        number: float = function(*operands) if callable(function) else getattr(NUMBERS, function)(*operands)
        return number

    def user(self, primitive: Primitive, *operands: Array | float) -> Array | float:
        return self._written(primitive.number, operands)

    def user_derivative(self, primitive: Primitive, index: int, *operands: Array | float) -> Array | float:
        return self._written(partial(primitive.derivative, index), operands)

    def over(self, a: Array | float, b: Array | float) -> Array | float:
        return a / b if isinstance(a, Array) or isinstance(b, Array) else over(a, b)

    def over_hypot(self, a: Array | float, b: Array | float, y: Array | None = None) -> Array | float:
        """a / hypot(a, b), from y = hypot(a, b) where there is one."""
        return self._written("over_hypot", (a, b)) if y is None else a / y


_MATHEMATICS = Mathematics()

"""``gradcheck``: are the derivatives right? Each is compared with differences; the first wrong operation is named."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.calculus import EQUAL, SEEN, UNSEEN, Departures, check_function, instead_of, numeric_gradients
from engine.debugging.anomaly import described
from engine.debugging.finite_differences import Slopes, Verdict, rounding_error, slopes
from engine.debugging.staleness import check_fresh
from engine.escapes import listening
from engine.names import is_named_tuple
from engine.node import topological_order
from engine.operations import CONSTANT
from engine.pytree import flattened, is_tree, places, rebuilt
from engine.validation import as_float, shortened
from engine.value import Value

_SHOWN_DEPARTURES = 3
_EVALUATIONS = 10  # how often a function is evaluated at one point to see whether it repeats itself


class GradcheckError(AssertionError):
    """A derivative differs from differences, or the function does not repeat itself."""


@dataclass(frozen=True)
class Comparison:
    """One derivative beside the slopes that differences give, or why these cannot be told."""

    what: str
    derivative: float
    slopes: Slopes | str
    tolerance: float

    @property
    def verdict(self) -> Verdict:
        """Whether the derivative is one of the slopes, as far as differences can tell."""
        if isinstance(self.slopes, str):
            return Verdict.CANNOT_TELL
        return self.slopes.verdict(self.derivative, self.tolerance)

    @property
    def numeric(self) -> float:
        """The derivative from differences; NaN where they cannot tell."""
        return math.nan if isinstance(self.slopes, str) else self.slopes.middle

    @property
    def bound(self) -> float:
        """About how far ``numeric`` may be off."""
        return math.inf if isinstance(self.slopes, str) else self.slopes.bound

    def __str__(self) -> str:
        if isinstance(self.slopes, str):
            return f"{self.what}: {self.derivative!r}, and differences cannot tell: {self.slopes}"
        left, right, *_ = self.slopes
        said = f"{left!r} on the left and {right!r} on the right" if self.slopes.is_kink else repr(self.numeric)
        return f"{self.what}: {self.derivative!r}, and differences say {said} (to about {self.bound:.1e})"


@dataclass(frozen=True, repr=False)
class GradcheckReport:
    """What ``gradcheck`` found for each input, and the first operation that is off."""

    inputs: tuple[Comparison, ...]
    first_wrong: Comparison | None
    tolerance: float
    departures: tuple[str, ...] = ()
    """Where numbers left the graph, so that derivatives were lost; asked for where no operation is off."""

    @property
    def verdict(self) -> Verdict:
        """``DIFFERS`` if any derivative does, ``CANNOT_TELL`` if any fails, or ``AGREES``."""
        verdicts = {each.verdict for each in self.inputs}
        if self.first_wrong is not None or Verdict.DIFFERS in verdicts:
            return Verdict.DIFFERS
        return Verdict.CANNOT_TELL if Verdict.CANNOT_TELL in verdicts else Verdict.AGREES

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return self.verdict is Verdict.AGREES

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        _, headline = _WORDS[self.verdict]
        first_wrong = [] if self.first_wrong is None else [f"the first operation that is off: {self.first_wrong}"]
        compared = [f"{_WORDS[each.verdict][0]} {each}" for each in self.inputs]
        return "\n".join([headline, *self.departures, *first_wrong, *compared])

    __repr__ = __str__


_WORDS = {
    Verdict.AGREES: ("ok   ", "all derivatives agree with differences"),
    Verdict.DIFFERS: ("wrong", "derivatives are off"),
    Verdict.CANNOT_TELL: ("?    ", "differences cannot tell here whether all derivatives are right"),
}


def gradcheck(
    f: Callable[..., Any], at: Any, *, tolerance: float = 1e-6, raise_exception: bool = True
) -> GradcheckReport:
    """Compare the gradient of a function, and each operation in it, with differences.

    There are three verdicts. A derivative *agrees* if it is the slope that extrapolated differences give; at a kink,
    if it lies between the slopes on both sides. It *differs* otherwise. Differences *cannot tell* where they do not
    settle on a slope, as at the infinite slope of ``sqrt`` at 0 and at jumps.

    Args:
        f: a function that gives one Value, or a plain number, whose derivatives are 0. It must give the same each time
            for the same numbers.
        at: its argument: a number, or lists, tuples, dicts and arrays of them; a tuple is several arguments, a named
            tuple one.
        tolerance: how far a derivative may be off relative to its size, on top of the bound of the difference.
        raise_exception: whether a derivative that differs is an error.

    Returns:
        The report, which is true if all derivatives agree; printing it shows every comparison.

    Raises:
        GradcheckError: a derivative differs; its text is the report. Or *f* gave two numbers at one point.
        TypeError: *f* gave neither a Value nor a number, or asked whether a Value ``==`` a number.
        ValueError: *f* uses a Value whose graph has stale numbers.

    >>> from engine import relu, sqrt, tanh
    >>> print(gradcheck(lambda x: tanh(x) * x, 0.5).ok)
    True
    >>> gradcheck(relu, 0.0).verdict, gradcheck(sqrt, 0.0).verdict
    (<Verdict.AGREES: 'agrees'>, <Verdict.CANNOT_TELL: 'cannot tell here'>)
    """
    check_function(f)
    arguments = at if isinstance(at, tuple) and not is_named_tuple(at) else (at,)
    numbers = [as_float(leaf, "gradcheck(at)") for leaf in flattened(arguments)]

    def computed(*values: Value) -> Any:
        result = f(*rebuilt(arguments, values))
        return result if is_tree(result) else flattened(result)[0]

    values = [Value(number) for number in numbers]
    with listening(Departures(values, EQUAL.keys())):
        computed(*values)
    root, gradients = _repeated(computed, numbers)
    check_fresh(root)
    rounding = rounding_error(numeric_gradients(root).items())
    compared = []
    for index, (gradient, place) in enumerate(zip(gradients, places(arguments if len(arguments) > 1 else at))):
        along = _along(computed, numbers, index)
        found = slopes(along, numbers[index], expected=gradient, tolerance=tolerance, rounding=rounding)
        what = f"input {index} at {place}" if "'" in place else f"input {index}"
        compared.append(Comparison(what, gradient, found, tolerance))
    report = GradcheckReport(tuple(compared), _first_wrong(root, tolerance), tolerance)
    if report.verdict is Verdict.DIFFERS and report.first_wrong is None:
        report = replace(report, departures=_departures(computed, numbers))
    if raise_exception and report.verdict is Verdict.DIFFERS:
        raise GradcheckError(str(report))
    return report


def _repeated(computed: Callable[..., Any], numbers: Sequence[float]) -> tuple[Value, list[float]]:
    before: list[str] = []
    for _ in range(_EVALUATIONS):
        values = [Value(number) for number in numbers]
        root = computed(*values)
        if not is_tree(root) and hasattr(type(root), "__float__") and not isinstance(root, Value):
            root = Value(root)  # of gradient 0, which differences confirm or not
        if not isinstance(root, Value):
            raise TypeError(f"the function that gradcheck checks must return one Value, got {shortened(root)}")
        found = numeric_gradients(root)
        gradients = [found.get(value, 0.0) for value in values]
        now = [repr(number) for number in (root.data, *gradients)]
        before = before or now
        if now != before:
            index = next(i for i, number in enumerate(now) if number != before[i])
            raise GradcheckError(
                f"gradcheck: f must give the same {'gradients' if index else 'numbers'} each time for the same input, "
                f"got {before[index]} and {now[index]}; "
                "leave randomness and state out of it, for example with a seed set inside f"
            )
    return root, gradients


def _along(computed: Callable[..., Any], numbers: Sequence[float], index: int) -> Callable[[float], float]:

    def moved(x: float) -> float:
        result = computed(*(Value(x if i == index else number) for i, number in enumerate(numbers)))
        return result.data if isinstance(result, Value) else as_float(result, "what the function gave")

    return moved


def _departures(computed: Callable[..., Any], numbers: Sequence[float]) -> tuple[str, ...]:
    """Where the function takes numbers out of the graph, a line for each, and not many lines."""
    found: dict[str, None] = {}

    def note(place: str, call: str) -> None:
        advice = "" if call in SEEN else f"; {instead_of(call)}"
        found[f"{place}: {call} takes a number out of the graph, and its derivative is lost{advice}"] = None

    values = [Value(number) for number in numbers]
    with listening(Departures(values, UNSEEN | SEEN, note)):
        computed(*values)
    return tuple(found)[:_SHOWN_DEPARTURES]


def _first_wrong(root: Value, tolerance: float) -> Comparison | None:
    """The first operation, in topological order, whose local derivative is off."""
    for node in topological_order(root):
        if node.op == "detach":
            continue
        numbers = [operand.data for operand in node.operands]
        for index, (operand, derivative) in enumerate(zip(node.operands, node.local_derivatives)):
            if operand.op == CONSTANT:
                continue
            along = _along(node.operation.apply, numbers, index)
            found = slopes(along, operand.data, expected=derivative, tolerance=tolerance)
            what = f"{node.op}({', '.join(map(described, node.operands))}) with respect to operand {index + 1}"
            compared = Comparison(what, derivative, found, tolerance)
            if compared.verdict is Verdict.DIFFERS:
                return compared
    return None

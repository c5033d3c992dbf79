"""How exact the numbers and the derivatives of every primitive are, against mpmath with 50 digits.

    python proof/accuracy.py    # a minute; writes docs/accuracy.md

``tests/proof/test_accuracy.py`` holds the engine to that page.
"""

import math
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exact import EXACT, SCALES
from mpmath import mp

from engine import Value, grad, gradients
from engine.derivatives import RULES
from engine.expressions.nodes import Formulas, Name, as_formula
from engine.expressions.writers import text
from engine.operations import OPERATIONS

PAGE = Path(__file__).parent.parent / "docs" / "accuracy.md"
DIGITS = 50
UNDERFLOW = 1e-300  # errors below that come from numbers with fewer digits than others have
_NEAR = 1e-30  # the third derivative is measured between this and its inverse
PRODUCT_RANGE = 1e-75, 1e75  # where no product of four numbers leaves the range of floats

Point = tuple[float, ...]

# ------------------------------------------------------------------------------------------------------------- grid

_LARGEST = sys.float_info.max
_SIZES = (
    *(0.0, 5e-324, 1e-310, sys.float_info.min, 1e-300, 1e-250, 1e-200, 1e-160, 1e-154, 1e-120, 1e-100, 1e-60, 1e-30),
    *(1e-20, 1e-16, 1e-12, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    *(0.9, 0.95, 0.99, 0.999, 1 - 1e-6, 1 - 1e-10, 1 - 2**-53, 1.0, 1 + 2**-52, 1.0001, 1.1, 1.5, math.pi / 2, 2.0),
    *(math.e, 3.0, math.pi, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 18.0, 19.9, 20.1, 25.0, 26.0, 30.0, 36.0, 38.0, 50.0),
    *(100.0, 200.0, 350.0, 500.0, 700.0, 709.0, 710.0, 740.0, 745.0, 746.0, 1e3, 1e4, 1e6, 1e8, 1e10, 1e15, 1e16),
    *(1e20, 1e30, 1e60, 1e100, 1e150, 1e154, 1e155, 1e160, 1e200, 1e250, 1e300, _LARGEST),
)
_SIZES_OF_TWO = (
    *(0.0, 5e-324, 1e-308, 1e-300, 1e-160, 1e-100, 1e-16, 1e-5, 0.1, 0.5, 1 - 2**-53, 1.0, 1 + 2**-52, 2.0, 3.0),
    *(10.0, 100.0, 1e5, 1e16, 1e75, 1e100, 1e160, 1e300, _LARGEST),
)


def grid(op: str) -> list[Point]:
    """Edges of both signs, and random numbers of ordinary size and of every size; each time the same ones."""
    rng = random.Random(op)

    def any_size() -> float:
        return float(rng.choice((-1, 1)) * 10.0 ** rng.uniform(-320.0, 308.0))

    if len(RULES[op].derivatives) == 1:
        edges = [(sign * size,) for size in _SIZES for sign in (1.0, -1.0)]
        usual = [(rng.uniform(-width, width),) for width in (1.0, 30.0) for _ in range(400)]
        points = edges + usual + [(any_size(),) for _ in range(300)]
    else:
        signed = [sign * size for size in _SIZES_OF_TWO for sign in (1.0, -1.0)]
        both = [(a, b) for a in signed for b in signed]
        usual = [(rng.uniform(-10.0, 10.0), rng.uniform(-10.0, 10.0)) for _ in range(800)]
        points = both + usual + [(any_size(), any_size()) for _ in range(300)]
    return [point for point in points if inside(op, *point)]


def inside(op: str, a: float, b: float = 1.0) -> bool:
    """Whether the operation is defined there; for powers and angles also whether mpmath has the same convention."""
    match op:
        case "log" | "log10" | "**":
            return a > 0.0
        case "log1p":
            return a > -1.0
        case "sqrt":
            return a >= 0.0
        case "asin" | "acos":
            return abs(a) <= 1.0
        case "/":
            return b != 0.0
        case "hypot":  # of subnormal numbers it is one, of few digits
            return max(abs(a), abs(b)) > 1e-290 or a == b == 0.0
        case "atan2":  # mpmath has no zero with a sign
            return a != 0.0 or (b > 0.0 and math.copysign(1.0, a) > 0.0)
    return True


def at_kink(op: str, a: float, b: float = 1.0) -> bool:
    """Where there is no derivative but a convention."""
    match op:
        case "abs" | "relu" | "leaky_relu" | "sqrt":
            return a == 0.0
        case "asin" | "acos":
            return abs(a) == 1.0
        case "maximum" | "minimum":
            return a == b
        case "hypot" | "atan2":
            return a == b == 0.0
    return False


def in_product_range(op: str, point: Point) -> bool:
    """Whether the second derivative's products stay in the range of floats; of the others they do by themselves."""
    least, most = PRODUCT_RANGE
    return op not in ("/", "**", "atan", "atan2", "hypot") or all(x == 0.0 or least <= abs(x) <= most for x in point)


# ------------------------------------------------------------------------------------------------------ measurement


@dataclass
class Figures:
    """The largest errors of a primitive in units in the last place, and the point of each."""

    value: float = 0.0
    first: float = 0.0
    second: float = 0.0
    third: float = 0.0
    where: dict[str, Point] = field(default_factory=dict)

    def note(self, what: str, error: float, point: Point) -> None:
        """Keep the error where it is the largest so far."""
        if not error <= getattr(self, what):
            setattr(self, what, error)
            self.where[what] = point


def ulps(number: float, exact: Any, scale: Any = 0) -> float:
    """How far a float is from what it should be, in units in the last place of that, or of *scale* where it is larger.

    Both too large for a float: no error. Below ``UNDERFLOW``: none either. One of them infinite or NaN: infinite.
    """
    rounded = float(exact)
    if number == rounded:
        return 0.0
    if not math.isfinite(number) or not math.isfinite(rounded):
        return math.inf
    off = abs(mp.mpf(number) - exact)
    return 0.0 if off < UNDERFLOW else float(off / math.ulp(max(abs(rounded), float(scale))))


def measured(op: str, points: Sequence[Point]) -> Figures:
    """The figures of one primitive over some points."""
    figures = Figures()
    with mp.workdps(DIGITS):
        for point in points:
            _measure(op, point, figures)
    return figures


def _measure(op: str, point: Point, figures: Figures) -> None:
    exact = EXACT[op]
    numbers = [mp.mpf(x) for x in point]
    value = exact.value(*numbers)
    if abs(value) > _LARGEST:
        return
    operands = [Value(x) for x in point]
    result = OPERATIONS[op].apply(*operands)
    figures.note("value", ulps(result.data, value), point)
    if at_kink(op, *point):
        return
    scales = (
        {what: scale(*numbers) for what, scale in SCALES.get(op, {}).items()} if in_product_range(op, point) else {}
    )
    firsts = [derivative(*numbers) for derivative in exact.first]
    for local, right in zip(result.local_derivatives, firsts):
        figures.note("first", ulps(local, right, scales.get("first", 0)), point)
    if not in_product_range(op, point):
        return
    slopes = grad(lambda v: OPERATIONS[op].apply(*v))(operands)  # once more as a graph, from the rules
    for place, (slope, right) in enumerate(zip(slopes, firsts)):
        figures.note("first", ulps(float(slope), right, scales.get("first", 0)), point)
        for other, number in enumerate(_numbers(slope, operands)):
            right = exact.second[place + other](*numbers)  # noqa: PLW2901
            figures.note("second", ulps(number, right, scales.get("second", 0)), point)
    if len(operands) == 1 and all(_NEAR < abs(x) < 1.0 / _NEAR for x in point) and isinstance(slopes[0], Value):
        (curvature,) = gradients(slopes[0], operands)
        (number,) = _numbers(curvature, operands)
        figures.note("third", ulps(number, mp.diff(exact.second[0], numbers[0]), scales.get("third", 0)), point)


def _numbers(slope: Any, operands: Sequence[Value]) -> list[float]:
    """The gradient of a first derivative."""
    if not isinstance(slope, Value):
        return [0.0 for _ in operands]
    for operand in operands:
        operand.grad = 0.0
    slope.backward()
    return [operand.grad for operand in operands]


# -------------------------------------------------------------------------------------------------------------- page

CONVENTIONS: tuple[tuple[str, Point], ...] = (
    *(("abs", (0.0,)), ("relu", (0.0,)), ("relu", (-0.0,)), ("leaky_relu", (0.0, 0.01))),
    *(("maximum", (1.0, 1.0)), ("minimum", (1.0, 1.0)), ("sqrt", (0.0,)), ("sqrt", (-0.0,))),
    *(("asin", (1.0,)), ("acos", (1.0,)), ("hypot", (0.0, 0.0)), ("atan2", (0.0, 0.0)), ("atan2", (-0.0, -1.0))),
    *(("**", (0.0, 0.0)), ("**", (0.0, 0.5)), ("**", (-2.0, 3.0))),
)


def formulas(op: str) -> tuple[str, str]:
    """A primitive and its derivatives as text, from the engine's own rules."""
    m, rule = Formulas(), RULES[op]
    names = [Name("a"), Name("b")][: len(rule.derivatives)]
    if op in ("detach", "relu", "leaky_relu", "gelu"):
        shown = f"{op}({', '.join(name.text for name in names)})"
    else:
        shown = text(as_formula(rule.compute(m, *names)))
    derivatives = [text(as_formula(derivative(m, Name("y"), *names))) for derivative in rule.derivatives]
    return shown, "; ".join(derivatives)


def up(error: float) -> str:
    """An error with one digit after the point, rounded up."""
    return f"{math.ceil(error * 10.0) / 10.0:.1f}" if math.isfinite(error) else "inf"


def _mark(op: str, what: str) -> str:
    return "\\*" if what in SCALES.get(op, {}) else ""


def _row(op: str, figures: Figures) -> str:
    function, derivatives = formulas(op)
    errors = [up(getattr(figures, what)) + _mark(op, what) for what in ("value", "first", "second")]
    errors.append(up(figures.third) + _mark(op, "third") if len(RULES[op].derivatives) == 1 else "-")
    cells = [f"`{op}`", f"`{function}`", f"`{derivatives}`", *errors]
    return f"| {' | '.join(cells)} |"


def _convention(op: str, point: Point) -> str:
    result = OPERATIONS[op].apply(*map(Value, point))
    numbers = ", ".join(f"{d:g}" for d in result.local_derivatives)
    return f"| `{op}` | {', '.join(f'{x:g}' for x in point)} | {result.data:g} | {numbers} |"


def page(figures: dict[str, Figures]) -> str:
    """The page, as Markdown."""
    rows = "\n".join(_row(op, found) for op, found in figures.items())
    conventions = "\n".join(_convention(op, point) for op, point in CONVENTIONS)
    least, most = PRODUCT_RANGE
    return TEXT.format(rows=rows, conventions=conventions, digits=DIGITS, least=least, most=most, underflow=UNDERFLOW)


TEXT = """\
# How exact it is

`python proof/accuracy.py` makes this page, and the tests hold the engine to it. Each primitive is compared with
mpmath, which computes with {digits} digits, at about a thousand points or more: zeros of both signs, the smallest and
the largest floats, both sides of every kink and of the ends of each domain, and random numbers of ordinary size and
of every size.

An error of one **ulp**, a unit in the last place, is the distance from the float closest to the exact number to the
next float: a relative error between 1.1e-16 and 2.2e-16. The table has the largest error of all points; 0.0 says that
each time the closest float was found, which no float can improve on. The column *first* covers the local derivatives
of the backward pass and the same derivatives as graphs, as `engine.gradients` gives them; *second* is what
differentiating those graphs gives, `grad(grad(f))`, for each pair of operands; *third*, of functions of one operand,
is `grad(grad(grad(f)))` between 1e-30 and 1e30.

`y` stands for the result, `a` and `b` for the operands; two operands have two derivatives.

| primitive | function | derivative | value | first | second | third |
|---|---|---|---|---|---|---|
{rows}

What the figures say, and what they do not:

- \\* A derivative that is a sum of positive and negative terms is 0 somewhere, and close to it no digit is certain.
  Its error is counted in ulps of the largest of the terms, and so is what reaches a gradient.
- Errors below {underflow:g} are not counted: numbers that small have fewer digits than others. Where a value is too
  large for a float there is nothing to compare; the engine raises an error there or gives infinity.
- Second derivatives of `/`, `**`, `atan`, `atan2` and `hypot` hold for operands that are 0 or between {least:g} and
  {most:g} in size: beyond, a product of several operands may leave the range of floats.
- `**` is measured for a > 0, `hypot` where it is no subnormal number. Functions such as softmax, logsumexp and mean
  are made of these primitives.
- The digits of `exp`, `sin` and their kin are those of the C library; the figures were taken with glibc.

## Kinks and ends of domains

Where there is no derivative, the engine takes PyTorch's convention:

| primitive | at | value | derivatives |
|---|---|---|---|
{conventions}

With respect to a plain number, such as the exponent in `x ** 3`, no derivative is computed. What holds at infinity, for
NaN and for second derivatives stands on the page [Conventions](conventions.md).
"""


def main(write: Callable[[str], object] = PAGE.write_text) -> None:
    """Measure everything and write the page."""
    figures = {}
    for op in EXACT:
        figures[op] = measured(op, grid(op))
        print(
            f"{op:12}",
            *(f"{w} {up(getattr(figures[op], w)):>5}" for w in ("value", "first", "second", "third")),
            figures[op].where,
        )
    PAGE.parent.mkdir(exist_ok=True)
    write(page(figures))


if __name__ == "__main__":
    main()

"""Wrong answers, and the hint for each: a wrong local derivative on one edge, a forgotten path, or another number.

No wrong number stands here. The gradient is computed once more from the graph, with the mistake in it.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from engine import Value
from engine.expressions.nodes import Equation, format_number
from engine.expressions.writers import text
from engine.operations import CONSTANT
from engine.steps import Walk

PRECISION = 4  # significant digits in the picture and in hints
TOLERANCE = 0.01  # of the right answer

RULES = {
    "+": "Sum rule: a sum grows exactly as fast as each of its terms, so each local derivative is 1.",
    "-": "Difference rule: the local derivative is 1 for the first operand and -1 for the one that is subtracted.",
    "*": "Product rule: the derivative with respect to one factor is the other factor.",
    "/": "Quotient rule: for a / b it is 1 / b for the numerator, and -a / b**2 for the denominator.",
    "**": "Power rule: the derivative of a**n is n * a**(n - 1).",
    "neg": "A minus sign turns the slope around: the local derivative is -1.",
    "exp": "The derivative of exp is its own result.",
    "log": "The derivative of log(a) is 1 / a.",
    "sqrt": "The derivative of sqrt(a) is 1 / (2 * sqrt(a)).",
    "sin": "The derivative of sin(a) is cos(a).",
    "cos": "The derivative of cos(a) is -sin(a).",
    "tanh": "The derivative of tanh is 1 - y**2, where y is its result.",
    "sigmoid": "The derivative of sigmoid is y * (1 - y), where y is its result.",
    "relu": "The derivative of relu is 1 where its operand is positive, and 0 elsewhere, at the kink too.",
    "maximum": "A maximum hands everything to the larger operand; in a tie each operand gets half.",
    "detach": "A detached number is a constant for backprop: the local derivative is 0.",
}
"""The rule of each operation that the exercises use, by its key."""

_BY_RESULT: dict[str, Callable[[float], float]] = {
    "exp": lambda y: y,
    "tanh": lambda y: 1 - y**2,
    "sigmoid": lambda y: y * (1 - y),
}
Use = tuple[int, int]  # a node, by its place in the walk, and the index of the operand there
Slope = Callable[[float, float, float], float]  # of the result, this operand, and the other one (or NaN)


class Wrong(NamedTuple):
    """A wrong local derivative with respect to an operand (None: any of them), and what is said about it."""

    operand: int | None
    slope: Slope
    remark: str


_WRONG = {
    "+": [
        Wrong(None, lambda y, a, b: b, "That treats the sum as a product."),
        Wrong(None, lambda y, a, b: a, "That takes the operand's value as its slope."),
    ],
    "-": [
        Wrong(1, lambda y, a, b: 1.0, "The sign of what is subtracted is missing."),
        Wrong(0, lambda y, a, b: -1.0, "The first operand is not subtracted."),
    ],
    "*": [
        Wrong(None, lambda y, a, b: a, "The factors are swapped: that takes the factor itself."),
        Wrong(None, lambda y, a, b: y, "That takes the whole product as the slope."),
    ],
    "/": [
        Wrong(1, lambda y, a, b: b / a**2, "The sign is missing: a larger denominator makes a smaller quotient."),
        Wrong(1, lambda y, a, b: -b / a, "The denominator has to be squared."),
        Wrong(1, lambda y, a, b: -1 / a**2, "The numerator is missing."),
        Wrong(1, lambda y, a, b: 1 / a, "That is the local derivative for the numerator."),
        Wrong(1, lambda y, a, b: b, "That treats the quotient as a product."),
        Wrong(0, lambda y, a, b: b, "That multiplies by the denominator."),
    ],
    "**": [
        Wrong(0, lambda y, a, n: y / a, "The exponent is missing as a factor."),
        Wrong(0, lambda y, a, n: n * y, "The exponent has to be lowered by 1."),
        Wrong(0, lambda y, a, n: n, "The power of the operand is missing."),
        Wrong(0, lambda y, a, n: y, "That takes the value of the power as the slope."),
    ],
    "neg": [],
    "exp": [
        Wrong(None, lambda y, a, b: a * math.exp(a - 1), "That is the power rule, which holds for a fixed exponent."),
        Wrong(None, lambda y, a, b: a, "That takes the operand as the slope."),
    ],
    "log": [
        Wrong(None, lambda y, a, b: y, "That takes the value of the logarithm as the slope."),
        Wrong(None, lambda y, a, b: 1 / y, "That divides by the result instead of the operand."),
        Wrong(None, lambda y, a, b: a, "That multiplies by the operand instead of dividing."),
    ],
    "sqrt": [
        Wrong(None, lambda y, a, b: 1 / y, "The factor 2 is missing."),
        Wrong(None, lambda y, a, b: y, "That takes the value of the root as the slope."),
    ],
    "sin": [
        Wrong(None, lambda y, a, b: -math.cos(a), "The sign belongs to the derivative of cos."),
        Wrong(None, lambda y, a, b: y, "That takes the value of sin as the slope."),
    ],
    "cos": [
        Wrong(None, lambda y, a, b: math.sin(a), "The sign is missing."),
        Wrong(None, lambda y, a, b: y, "That takes the value of cos as the slope."),
    ],
    "tanh": [
        Wrong(None, lambda y, a, b: 1 - a**2, "That squares the operand instead of the result."),
        Wrong(None, lambda y, a, b: 1 - y, "The square of the result is missing."),
        Wrong(None, lambda y, a, b: y, "That takes the value of tanh as the slope."),
        Wrong(None, lambda y, a, b: 0.0, "Nearly flat is not flat."),
    ],
    "sigmoid": [
        Wrong(None, lambda y, a, b: y, "The factor 1 - y is missing."),
        Wrong(None, lambda y, a, b: 1 - y, "The factor y is missing."),
        Wrong(None, lambda y, a, b: 1 - y**2, "That is the rule of tanh."),
        Wrong(None, lambda y, a, b: a * (1 - a), "That takes the operand where the result belongs."),
    ],
    "relu": [
        Wrong(None, lambda y, a, b: float(a <= 0), "Look at the sign of the operand of relu."),
        Wrong(None, lambda y, a, b: 0.5, "Half is what a tie of a maximum gives; relu takes one side."),
        Wrong(None, lambda y, a, b: y, "That takes the value of relu as the slope."),
    ],
    "maximum": [
        Wrong(None, lambda y, a, b: 1.0, "That is right where this operand is the larger one."),
        Wrong(None, lambda y, a, b: 0.0, "That is right where this operand is the smaller one."),
    ],
    "detach": [Wrong(None, lambda y, a, b: 1.0, "That goes through the detached number.")],
}


class Mistake(NamedTuple):
    """A wrong answer, and the hint for it."""

    answer: float
    hint: str


class Lesson:
    """A walk and the node that is asked about: its gradient, the mistakes that are likely, and hints."""

    def __init__(self, walk: Walk, asked: Value) -> None:
        self.walk, self.asked = walk, asked
        self.places = {node: place for place, node in enumerate(walk.nodes)}
        self.place, self.root = self.places[asked], len(walk.nodes) - 1
        self.slopes = [node.local_derivatives for node in walk.nodes]
        self.answer = walk.gradients[self.place]
        self.uses = self._find_uses()

    def _find_uses(self) -> list[list[Use]]:
        """For each node the uses that a gradient comes back through; a detached number leads nowhere."""
        uses: list[list[Use]] = [[] for _ in self.walk.nodes]
        for place in range(self.root, -1, -1):
            node = self.walk.nodes[place]
            if node.operation.key == "detach" or not (uses[place] or place == self.root):
                continue
            for index, operand in enumerate(node.operands):
                uses[self.places[operand]].append((place, index))
        return uses

    # ------------------------------------------------------------------------------------------------------- numbers

    def gradient(self, wrong: dict[Use, float]) -> float:
        """The gradient of the node with other local derivatives at some uses."""
        gradients = [0.0] * (self.root + 1)
        gradients[-1] = 1.0
        for place in range(self.root, -1, -1):
            for index, operand in enumerate(self.walk.nodes[place].operands):
                slope = wrong.get((place, index), self.slopes[place][index])
                gradients[self.places[operand]] += gradients[place] * slope
        return gradients[self.place]

    def from_shown_digits(self) -> float:
        """The gradient for who computes with the numbers in the boxes, by the rules of ``RULES``."""
        digits = [float(shown(node.data)) for node in self.walk.nodes]
        slopes: dict[Use, float] = {}
        for place, node in enumerate(self.walk.nodes):
            operands = [Value(digits[self.places[operand]]) for operand in node.operands]
            by_result = _BY_RESULT.get(node.operation.key)
            if by_result:
                slopes[place, 0] = by_result(digits[place])
            elif operands:
                made = node.operation.apply(*operands).local_derivatives
                slopes |= {(place, index): slope for index, slope in enumerate(made)}
        return self.gradient(slopes)

    def path(self) -> list[int]:
        """The nodes between the asked one and the root, it and the root included, in topological order."""
        met = {self.place}
        for place in range(self.place, self.root + 1):
            if any((place, index) in self.uses[known] for known in met for index in (0, 1)):
                met.add(place)
        return sorted(met)

    def mistakes(self) -> list[Mistake]:
        """All mistakes with answers that are wrong, the likeliest reading of each number."""
        return distinct(self._mistakes(), self.answer)

    def _mistakes(self) -> Iterator[Mistake]:
        path = self.path()
        for place in path:
            yield from self._forgotten_paths(place)
        yield from self._wrong_slopes(self.place)
        if len(path) > 2:
            yield from self._left_out(path)
        yield from self._other_numbers()
        for place in path[1:]:
            yield from self._wrong_slopes(place)
        yield Mistake(0.0, f"Not 0: {self.name(self.root)} does change with {self.name(self.place)}.")

    def _wrong_slopes(self, place: int) -> Iterator[Mistake]:
        for node, index in self.uses[place]:
            numbers = [operand.data for operand in self.walk.nodes[node].operands]
            this, other = numbers[index], numbers[1 - index] if len(numbers) == 2 else math.nan
            for operand, slope, remark in _WRONG[self.walk.nodes[node].operation.key]:
                if operand in (None, index):
                    with suppress(ZeroDivisionError):
                        number = slope(self.walk.nodes[node].data, this, other)
                        hint = f"Look at {self.equation(node)}. {remark} {self.rule(node)}"
                        yield Mistake(self.gradient({(node, index): number}), hint)

    def _forgotten_paths(self, place: int) -> Iterator[Mistake]:
        """Each use of the node alone, and each left out."""
        uses = self.uses[place]
        if len(uses) < 2:
            return
        through = " and ".join(dict.fromkeys(self.equation(node) for node, _ in uses))
        hint = (
            f"A path is missing. {self.name(place)} is used {len(uses)} times: {through}. "
            "Its gradient is the sum over all its uses."
        )
        for use in uses:
            yield Mistake(self.gradient({other: 0.0 for other in uses if other != use}), hint)
        for use in uses:
            yield Mistake(self.gradient({use: 0.0}), hint)

    def _left_out(self, path: list[int]) -> Iterator[Mistake]:
        """The local derivative alone, and the chain without one of its factors."""
        uses, name = self.uses[self.place], self.name(self.place)
        hint = f"That is the local derivative alone. Chain rule: multiply it by the gradient of what {name} goes into."
        yield Mistake(math.fsum(self.slopes[node][index] for node, index in uses), hint)
        for place in path:
            for node, index in self.uses[place]:
                factor = f"the local derivative of {self.equation(node)} with respect to {self.name(place)}"
                hint = f"A factor is missing from the chain: {factor}. {self.rule(node)}"
                yield Mistake(self.gradient({(node, index): 1.0}), hint)

    def _other_numbers(self) -> Iterator[Mistake]:
        name, root = self.name(self.place), self.name(self.root)
        yield Mistake(-self.answer, f"The size is right, the sign is not: does {root} rise or fall as {name} grows?")
        asks = f"The question is how many times as fast as {name} the result {root} grows."
        yield Mistake(self.asked.data, f"That is the value of {name}, not its gradient. {asks}")
        yield Mistake(self.walk.nodes[-1].data, f"That is the value of {root}, not a gradient. {asks}")
        for place, gradient in enumerate(self.walk.gradients[:-1]):
            if self.walk.nodes[place].op != CONSTANT and self.uses[place]:
                yield Mistake(
                    gradient, f"That is the gradient of {self.name(place)}, d{root}/d{self.name(place)}. {asks}"
                )
        yield Mistake(1.0, f"That is the gradient of {root} itself, d{root}/d{root}. {asks}")

    # --------------------------------------------------------------------------------------------------------- words

    def hints(self) -> list[str]:
        """From the rule to the numbers, each saying more."""
        uses, name, root = self.uses[self.place], self.name(self.place), self.name(self.root)
        times = "once" if len(uses) == 1 else f"{len(uses)} times, and its gradient is the sum over all uses"
        goes = " and ".join(self.equation(node) for node, _ in uses)
        hints = [f"{name} is used {times}: {goes}. {' '.join(dict.fromkeys(self.rule(node) for node, _ in uses))}"]
        inner = [node for node, _ in uses if node != self.root]
        if inner:
            terms = [f"d{root}/d{self.name(node)} * d{self.name(node)}/d{name}" for node in inner]
            terms += [f"the local derivative of {self.equation(node)}" for node, _ in uses if node == self.root]
            numbers = [
                f"d{root}/d{self.name(node)} = {shown(self.walk.gradients[node])}" for node in dict.fromkeys(inner)
            ]
            hints.append(f"Chain rule: d{root}/d{name} is {' plus '.join(terms)}.")
            hints.append(f"{' and '.join(numbers)}. What are the other factors?")
        return hints

    def name(self, place: int) -> str:
        return text(self.walk.wording.formulas[self.walk.nodes[place]], PRECISION)

    def equation(self, place: int) -> str:
        node = self.walk.nodes[place]
        return text(Equation(self.walk.wording.formulas[node], (self.walk.wording.operation(node),)), PRECISION)

    def rule(self, place: int) -> str:
        return RULES[self.walk.nodes[place].operation.key]


def shown(number: float) -> str:
    return format_number(number, PRECISION)


def is_close(number: float, right: float) -> bool:
    """Whether a number passes for the right one."""
    return abs(number - right) <= TOLERANCE * abs(right)


def distinct(mistakes: Iterable[Mistake], right: float) -> list[Mistake]:
    """Those with answers that do not count as right, the first of each number."""
    found: list[Mistake] = []
    for mistake in mistakes:
        known = [right, *(other.answer for other in found)]
        if math.isfinite(mistake.answer) and not any(is_close(mistake.answer, number) for number in known):
            found.append(mistake)
    return found

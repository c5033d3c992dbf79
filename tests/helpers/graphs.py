"""Random graphs, as recipes that any kind of number can follow: Values, tensors, somebody else's Values, floats."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine import Value, topological_order

SMOOTH = ("tanh", "sigmoid", "sin", "exp_of_tanh")
MICROGRAD = ("relu", "square")  # what micrograd has, too
_NUMBERS = st.lists(st.floats(-2.0, 2.0).map(lambda x: round(x, 3)), min_size=1, max_size=4)


@dataclass(frozen=True)
class Recipe:
    """Numbers for the leaves, and instructions: an operation, and where its operands are in what is made so far."""

    numbers: tuple[float, ...]
    instructions: tuple[tuple[str, int, int], ...]

    def follow(self, leaves: list[Any]) -> list[Any]:
        """Everything that is made on the way, the leaves first; the root is the last."""
        made = list(leaves)
        for name, a, b in self.instructions:
            made.append(_applied(name, made[a], made[b]))
        return made

    def graph(self) -> tuple[Value, list[Value]]:
        """The root, and the leaves that it is made of."""
        leaves = [Value(number) for number in self.numbers]
        root = self.follow(leaves)[-1]
        return root, [leaf for leaf in leaves if leaf in topological_order(root)]


def _applied(name: str, a: Any, b: Any) -> Any:
    match name:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "scale":
            return 0.5 * a
        case "square":
            return a**2
        case "exp_of_tanh":
            return a.tanh().exp()
    return getattr(a, name)()


def rounding(root: Any) -> float:
    """How far gradients may be apart when they are summed in another order, after backward: by the largest summand."""
    summands = [abs(d * v.grad) for v in topological_order(root) for d in v.local_derivatives]
    return 1e-10 * max([1.0, *filter(math.isfinite, summands)])


@st.composite
def recipes(draw: st.DrawFn, functions: tuple[str, ...] = SMOOTH, most: int = 25) -> Recipe:
    """Recipes in which Values are used many times, and in which much is never used."""
    numbers = draw(_NUMBERS)
    names = st.sampled_from(("+", "-", "*", "*", "scale", *functions))
    count = draw(st.integers(1, most))
    instructions = []
    for made in range(len(numbers), len(numbers) + count):
        place = st.integers(max(0, made - 6), made - 1)
        instructions.append((draw(names), draw(place), draw(place)))
    return Recipe(tuple(numbers), tuple(instructions))


def many_graphs(test: Callable[..., None]) -> Callable[..., None]:
    """Test some dozens of recipes at a time, each with other numbers for its leaves; what runs them starts slowly."""
    other = st.lists(st.floats(-2.0, 2.0), min_size=4, max_size=4)
    cases = st.lists(st.tuples(recipes(), other), min_size=20, max_size=30)
    checks = list(HealthCheck)
    once = settings(max_examples=4, deadline=None, phases=[Phase.generate], suppress_health_check=checks)
    return given(cases)(once(test))

"""Random graphs for replay, over every primitive, as recipes that make the same graph again for any example.

Operands are led to where an operation is smooth and of ordinary size, so that a replay, which sums in another order,
may be held to almost the last digits.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from engine import Value, compile, hypot, leaky_relu, leaves, topological_order
from engine.derivatives import RULES

ROW = "row"
_NUMBERS = st.floats(-2.0, 2.0).map(lambda x: round(x, 3) + 1e-4)
_KINKED = ("abs", "relu", "leaky_relu")
_BOUNDED_FIRST = ("exp", "expm1", "sinh", "cosh", "tan", "asin", "acos")

MAKE = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / (b * b + 1.5),
    "**": lambda a, b: (a * a + 0.5) ** b.tanh(),
    "atan2": lambda a, b: a.atan2(b * b + 0.5),
    "hypot": lambda a, b: hypot(a, b * b + 0.5),
    "maximum": lambda a, b: a.maximum(b),
    "minimum": lambda a, b: a.minimum(b),
    "leaky_relu": leaky_relu,
    "neg": lambda a, _: -a,
    "abs": lambda a, _: abs(a),
    "log": lambda a, _: (a * a + 0.3).log(),
    "log10": lambda a, _: (a * a + 0.3).log10(),
    "log1p": lambda a, _: (a * a).log1p(),
    "sqrt": lambda a, _: (a * a + 0.3).sqrt(),
    # what simplifying, summing and grouping look for
    "dot": lambda a, b: 0.25 * (a * b + b * 0.5 - a * a),
    "a + 0": lambda a, _: a + 0,
    "1 * a": lambda a, _: 1 * a,
    "a / 1": lambda a, _: a / 1,
    "0 - a": lambda a, _: 0 - a,
    "-1 * a": lambda a, _: -1 * a,
    "2 - a": lambda a, _: 2 - a,
    "a - a": lambda a, _: a - a,
    "a ** 2": lambda a, _: a**2,
    "a ** 3": lambda a, _: a**3,
    "a ** 0": lambda a, _: a**0,
    "a ** 1": lambda a, _: a**1,
    "1 / a": lambda a, _: (a * a + 0.5) ** -1,
    "2 ** a": lambda a, _: 2.0 ** a.tanh(),
    "0.3 * a": lambda a, _: 0.3 * a,
    "constant": lambda a, _: a + Value(0.7) * Value(1.3).exp(),
}


def _row(*numbers: Value) -> Value:
    """Products of pairs added up; an odd one is added, too."""
    products = [a * b for a, b in zip(numbers[::2], numbers[1::2])]
    return sum(products, start=numbers[-1]) if len(numbers) % 2 else sum(products[1:], start=products[0])


MAKE[ROW] = _row
MAKE |= {op: lambda a, _, op=op: getattr(0.9 * a.tanh(), op)() for op in _BOUNDED_FIRST}
MAKE |= {op: lambda a, _, op=op: getattr(a, op)() for op in RULES if op not in MAKE}


@dataclass(frozen=True)
class Recipe:
    """How to make a graph: numbers of leaves, which of them vary, operations on what is there, and what comes out."""

    numbers: tuple[float, ...]
    n_inputs: int
    instructions: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: tuple[int, ...]

    def follow(self, leaves_: Sequence[Value]) -> list[Value]:
        """The outputs, made of these leaves."""
        made = list(leaves_)
        for name, places in self.instructions:
            made.append(MAKE[name](*(made[place] for place in places)))
        return [made[place] for place in self.outputs]

    def leaves(self) -> tuple[list[Value], list[Value]]:
        """Inputs, and the other leaves."""
        made = [Value(number) for number in self.numbers]
        return made[: self.n_inputs], made[self.n_inputs :]


def _layers(choose: random.Random, made: int, most: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Instructions in layers, each of which does one thing a few times, as what is found in graphs is found there.

    The rows of a layer share their vector, as neurons do, or they do not.
    """
    instructions: list[tuple[str, tuple[int, ...]]] = []
    while len(instructions) < most:
        name = ROW if choose.random() < 0.4 else choose.choice(sorted(MAKE))
        size = choose.randint(2, 7) if name == ROW else 2
        shared = choose.choices(range(made), k=size)
        is_shared = name == ROW and choose.random() < 0.5
        width = min(choose.randint(1, 5), most - len(instructions))
        for _ in range(width):
            places = choose.choices(range(made), k=size)
            if is_shared:
                places[1::2] = shared[1::2]
            instructions.append((name, tuple(places)))
        made += width
    return tuple(instructions)


@st.composite
def recipes(draw: st.DrawFn, least_inputs: int = 0, most: int = 40) -> Recipe:
    """Recipes with up to four inputs and six other leaves, in which much is used often and much is never used."""
    n_inputs, n_others = draw(st.integers(least_inputs, 4)), draw(st.integers(1, 6))
    numbers = tuple(draw(_NUMBERS) for _ in range(n_inputs + n_others))
    choose = random.Random(draw(st.integers(0, 2**32 - 1)))
    instructions = _layers(choose, len(numbers), draw(st.sampled_from((0, 2, 5, most // 2, most, most))))
    place = st.integers(0, len(numbers) + len(instructions) - 1)
    outputs = draw(st.lists(place, min_size=1, max_size=3))
    if draw(st.booleans()):
        outputs[0] = len(numbers) + len(instructions) - 1
    return Recipe(numbers, n_inputs, instructions, tuple(outputs))


def used(outputs: Sequence[Value], candidates: Sequence[Value]) -> list[Value]:
    """Those of the candidates that the outputs are made of."""
    met = {leaf for output in outputs for leaf in leaves(output)}
    return [leaf for leaf in candidates if leaf in met]


def well_conditioned(roots: Sequence[Value]) -> bool:
    """Whether no number is large, and none is so near to a kink that rounding decides on which side it lies."""
    for node in (node for root in roots for node in topological_order(root)):
        numbers = [operand.data for operand in node.operands]
        if abs(node.data) > 1e3:
            return False
        if node.op in _KINKED and abs(numbers[0]) < 1e-6:
            return False
        if node.op in ("maximum", "minimum") and abs(numbers[0] - numbers[1]) < 1e-6:
            return False
    return True


def eager(recipe: Recipe, rows: np.ndarray, others: Sequence[Value], output: int = 0):
    """What Values give: outputs ``(n, n_outputs)``; gradients of one output by inputs and others ``(n, n_leaves)``; and
    the largest number that was added up on the way, which says what rounding may do. None where the example is not
    well conditioned."""
    results, gradients, largest = [], [], 1.0
    for row in rows:
        leaves_ = [*(Value(number) for number in row.tolist()), *(Value(other.data) for other in others)]
        outputs = recipe.follow(leaves_)
        if not well_conditioned(outputs):
            return None
        outputs[output].backward()
        results.append([node.data for node in outputs])
        gradients.append([leaf.grad for leaf in leaves_])
        for node in topological_order(outputs[output]):
            summands = [abs(d * node.grad) for d in node.local_derivatives]
            largest = max([largest, *summands, abs(node.data)])
    shape = len(rows), -1
    return np.array(results).reshape(shape if len(rows) else (0, 1)), np.array(gradients), largest


def close_to_eager(function, n_inputs, parameters, n, tolerance=1e-12):
    """Whether all outputs of ``function(inputs, parameters)`` and their gradients are those of Values, for n rows."""
    rows = np.random.default_rng(n).uniform(-1.0, 1.0, (n, n_inputs))
    inputs = [Value(0.25) for _ in range(n_inputs)]
    program = compile(function(inputs, parameters), inputs, parameters)
    for output in range(program.n_outputs):
        by_row = []
        for row in rows.tolist():
            leaves = [Value(number) for number in row]
            outputs = function(leaves, parameters)
            for parameter in parameters:
                parameter.grad = 0.0
            outputs[output].backward()
            by_row.append([outputs[output].data, *(leaf.grad for leaf in [*leaves, *parameters])])
        expected = np.array(by_row)
        close = {"rtol": tolerance, "atol": tolerance * max(1.0, abs(expected).max())}
        np.testing.assert_allclose(program(rows)[:, output], expected[:, 0], **close)
        each = program.gradients(rows, [*inputs, *parameters], output)
        np.testing.assert_allclose(each, expected[:, 1:], **close)
        gradient = program.value_and_gradient(rows, output)[1]
        np.testing.assert_allclose(gradient, expected[:, 1 + n_inputs :].mean(axis=0), **close)

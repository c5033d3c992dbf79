"""Random graphs to practise with, in three levels; the same ones for the same seed."""

import random
from collections.abc import Callable, Iterator

from exercise_course import Exercise
from exercise_mistakes import TOLERANCE, Lesson

from engine import Value, exp, log, relu, sigmoid, tanh
from engine.steps import Walk, record_walk

SEED = 7
COUNT = 20  # of each level
OPERATIONS = {1: (1, 2), 2: (3, 4), 3: (5, 7)}  # at least and at most, by level
_NUMBERS = (-3, -2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2, 3, 4)
_TWO: tuple[Callable[[Value, Value], Value], ...] = (
    *(lambda a, b: a * b,) * 4,
    *(lambda a, b: a + b,) * 2,
    lambda a, b: a - b,
    lambda a, b: a / b,
)
_ONE: tuple[Callable[[Value], Value], ...] = (lambda a: a**2, lambda a: a**3, lambda a: a * 2, lambda a: 1 - a)
_FUNCTIONS: tuple[Callable[[Value], Value], ...] = (tanh, relu, sigmoid, exp, log)


def level(number: int) -> Iterator[Exercise]:
    """The exercises of a level, 1 to 3."""
    dice = random.Random(f"{SEED}, level {number}")
    met: set[str] = set()
    while len(met) < COUNT:
        root = _graph(dice, number)
        if root is None:
            continue
        walk = record_walk(root)
        asked = _asked(dice, walk, number)
        pattern = " ".join(f"{node.op}{node.label}" for node in walk.nodes)
        if asked is not None and pattern not in met and _is_readable(Lesson(walk, asked)):
            met.add(pattern)
            text = f"How many times as fast as {asked.label} does L grow?"
            yield Exercise(f"Level {number}, number {len(met)}", text, root, asked)


def _is_readable(lesson: Lesson) -> bool:
    """Whether the digits in the boxes are enough to compute the answer, with room for rounding."""
    return abs(lesson.from_shown_digits() - lesson.answer) <= TOLERANCE / 4 * abs(lesson.answer)


def _graph(dice: random.Random, number: int) -> Value | None:
    """A graph whose operations use each leaf; None where an operation refuses, or a number is hard to read."""
    count = dice.randint(*OPERATIONS[number])
    names = "abcd"[: dice.randint(2, min(4, count + 1))]
    leaves = [Value(float(dice.choice(_NUMBERS)), label=name) for name in names]
    waiting, made = leaves[:], leaves[:]  # what no operation has used yet, and all
    functions = _FUNCTIONS if number > 1 else ()
    try:
        for left in range(count, 0, -1):
            value = _operation(dice, waiting, made, left, (*_ONE, *functions))
            made.append(value)
            waiting.append(value)
    except (ValueError, ArithmeticError):
        return None
    readable = all(0.01 <= abs(node.data) <= 100 or node.data == 0 for node in made)
    return made[-1] if len(waiting) == 1 and readable else None


def _operation(
    dice: random.Random,
    waiting: list[Value],
    made: list[Value],
    left: int,
    functions: tuple[Callable[[Value], Value], ...],
) -> Value:
    """One more operation: of two that wait where they have to go, else of one, alone or with one that was used."""
    first = waiting.pop(dice.randrange(len(waiting)))
    if waiting and (len(waiting) >= left or dice.random() < 0.5):
        return dice.choice(_TWO)(first, waiting.pop(dice.randrange(len(waiting))))
    used = [value for value in made if value is not first and not any(value is other for other in waiting)]
    if used and dice.random() < 0.45:
        return dice.choice(_TWO)(first, dice.choice(used))
    return dice.choice(functions)(first)


def _asked(dice: random.Random, walk: Walk, number: int) -> Value | None:
    """A leaf with a gradient of a fair size; on the highest level one that is used twice, where there is one."""
    leaves: list[Value] = [node for node in walk.nodes if node.label]
    uses = [operand for node in walk.nodes for operand in node.operands]
    dice.shuffle(leaves)
    if number == 3:
        leaves.sort(key=uses.count, reverse=True)
    if len(walk.nodes) - len(leaves) < OPERATIONS[number][0]:
        return None
    gradients = dict(zip(walk.nodes, walk.gradients))
    for leaf in leaves:
        if 0.01 <= abs(gradients[leaf]) <= 1000 or (gradients[leaf] == 0 and dice.random() < 0.2):
            return leaf
    return None

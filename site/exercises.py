"""Exercises for the site: predict the gradient before it is shown. ``build`` writes them as JSON.

All numbers, right and wrong, are the engine's; see ``exercise_mistakes.py``.
"""

import json
import re
from pathlib import Path
from typing import Any

from exercise_course import Exercise, course
from exercise_mistakes import PRECISION, TOLERANCE, Lesson, Mistake, distinct, shown
from exercise_random import OPERATIONS, level

from engine.expressions.nodes import Equation, Formula, Number, Operation
from engine.expressions.writers import mathml
from engine.stepping.layout import lay_out, lay_out_within
from engine.stepping.page import page_data
from engine.steps import Walk, record_walk
from engine.value import Value

_LONGEST = 8  # operations that are written as one formula
_NARROW = 340  # pixels in which all phones show a graph
_PHONE = 380.0  # pixels in which they do so at the least scale that can be read


def build(out: Path) -> None:
    """Write ``exercises.json``, the course, and ``endless.json``, the random graphs by their level."""
    folder = out / "exercises"
    folder.mkdir(exist_ok=True)
    numbered = [exercise_data(exercise, str(number)) for number, exercise in enumerate(course(), 1)]
    _write(folder / "exercises.json", {"tolerance": TOLERANCE, "exercises": numbered})
    endless = [
        exercise_data(exercise, f"level-{number}-{place}")
        for number in OPERATIONS
        for place, exercise in enumerate(level(number), 1)
    ]
    _write(folder / "endless.json", {"tolerance": TOLERANCE, "exercises": endless})


def _write(file: Path, data: object) -> None:
    file.write_text(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")), encoding="utf-8")


def exercise_data(exercise: Exercise, identifier: str) -> dict[str, Any]:
    """All that the page needs for one exercise, ``page``: the stepper's data."""
    walk = record_walk(exercise.root)
    lesson = Lesson(walk, exercise.asked)
    lecture = _descent(exercise, lesson, exercise.rate) if exercise.rate else _gradient(exercise, lesson)
    step = {"chosen": [lesson.place], "rate": exercise.rate} if exercise.rate else {}
    lecture["after"] = in_signs(lecture["after"])
    lecture["hints"] = [in_signs(hint) for hint in lecture["hints"]]
    lecture["mistakes"] = [mistake | {"hint": in_signs(mistake["hint"])} for mistake in lecture["mistakes"]]
    return {
        "id": identifier,
        "title": exercise.title,
        "text": in_signs(exercise.text),
        "formula": _whole_formula(walk),
        "asked": lesson.place,
        **lecture,
        "page": _page(walk, step),
    }


def _page(walk: Walk, step: dict[str, Any]) -> dict[str, Any]:
    """The stepper's data; ``upright`` is another layout, from top to bottom, of a graph too wide for a phone."""
    page = page_data(walk, lay_out(walk, PRECISION, "LR", 60.0), PRECISION, **step)
    if page["size"][0] > _NARROW:
        other = page_data(walk, lay_out_within(_PHONE, walk, PRECISION, 60.0), PRECISION)
        boxes = [node["box"] for node in other["nodes"]]
        paths, shifts = [edge["path"] for edge in other["edges"]], [edge.get("shift", 0) for edge in other["edges"]]
        page["upright"] = {"size": other["size"], "boxes": boxes, "paths": paths, "shifts": shifts}
    return page


def in_signs(words: str) -> str:
    """Words with the signs of the graph beside them.

    >>> in_signs("The move is -0.05 * dL/dw, in a two-layer net.")
    'The move is −0.05 × ∂L/∂w, in a two-layer net.'
    """
    words = re.sub(r"(?<= )\*(?= )", "×", words)
    words = re.sub(r"(?<!\S)-(?= )|(?<![\w)])-(?=\w)", "−", words)
    return re.sub(r"\bd(\w+)/d(\w+)", r"∂\1/∂\2", words)


def _gradient(exercise: Exercise, lesson: Lesson) -> dict[str, Any]:
    gradient = lesson.walk.wording.gradient(exercise.asked)
    answer = mathml(Equation(gradient, (Number(lesson.answer),)), PRECISION)
    return {
        "question": mathml(gradient, PRECISION),
        "answer": lesson.answer,
        "solution": answer,
        "after": exercise.after,
        "hints": lesson.hints(),
        "mistakes": [mistake._asdict() for mistake in lesson.mistakes()],
    }


def _descent(exercise: Exercise, lesson: Lesson, rate: float) -> dict[str, Any]:
    """A step of gradient descent on one leaf: the answer is the change of the root to first order, slope times move."""
    name, root = lesson.name(lesson.place), lesson.name(lesson.root)
    move = -rate * lesson.answer
    answer = move * lesson.answer
    before, after = exercise.root.data, _root_after(exercise, move)
    numbers = f"{shown(before)} to {shown(after)}, which is a change of {shown(after - before)}"
    rule = f"To first order the change of {root} is d{root}/d{name} times the move of {name}."
    mistakes = [
        Mistake(-answer, f"{name} moves against its gradient, so {root} falls: the change is negative."),
        Mistake(move, f"That is how far {name} moves. {rule}"),
        Mistake(-move, f"That is the size of the move of {name}. {rule}"),
        Mistake(lesson.answer, f"That is the gradient of {name}. {rule}"),
        Mistake(lesson.answer**2, f"The rate is missing, and the sign. {rule}"),
        Mistake(-(lesson.answer**2), f"The rate is missing. {rule}"),
        Mistake(
            after - before, f"That is the whole change. To first order {root} follows its tangent: slope times move."
        ),
        Mistake(before + answer, f"That is the new {root}. The question is for its change."),
        Mistake(after, f"That is the new {root}. The question is for its change, to first order."),
    ]
    hint = f"The gradient of {name} is not right."
    mistakes += [Mistake(-rate * wrong.answer**2, f"{hint} {wrong.hint}") for wrong in lesson.mistakes()]
    change = '<mrow><mi mathvariant="normal">Δ</mi>' + mathml(lesson.walk.wording.formulas[exercise.root]) + "</mrow>"
    return {
        "question": change,
        "answer": answer,
        "solution": f"<mrow>{change}<mo>≈</mo>{mathml(Number(answer), PRECISION)}</mrow>",
        "after": f"{exercise.after} In fact {root} goes from {numbers}.",
        "hints": [rule, f"The move of {name} is -{rate:g} * d{root}/d{name}.", *lesson.hints()],
        "mistakes": [mistake._asdict() for mistake in distinct(mistakes, answer)],
    }


def _root_after(exercise: Exercise, move: float) -> float:
    """What the engine computes for the root after the move; the graph is as before then."""
    asked, root = exercise.asked, exercise.root
    before = asked.data
    asked.data = before + move
    root.refresh()
    after = root.data
    asked.data = before
    root.refresh()
    return after


def _whole_formula(walk: Walk) -> str:
    """The root as one formula of its leaves, as MathML; an empty text where it is long."""
    if sum(bool(node.operands) for node in walk.nodes) > _LONGEST:
        return ""
    whole: dict[Value, Formula] = {}
    for node in walk.nodes:
        name = walk.wording.formulas[node]
        whole[node] = Operation(node.op, tuple(whole[each] for each in node.operands)) if node.operands else name
    return mathml(Equation(walk.wording.formulas[walk.nodes[-1]], (whole[walk.nodes[-1]],)), PRECISION)


if __name__ == "__main__":
    import sys

    build(Path(sys.argv[1]))

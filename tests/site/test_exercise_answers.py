"""The exercises' answers, right and wrong: against the engine, and against finite differences."""

import json
import re

import pytest
from exercise_site import all_exercises, needs_site

from engine.derivatives import rule_for
from engine.node import topological_order

pytestmark = needs_site


def named(title: str):
    """The exercise of that title, and its lesson."""
    return next(pair for pair in all_exercises() if pair[0].title == title)


def data_of(title: str) -> dict:
    from exercises import exercise_data

    return exercise_data(named(title)[0], "1")


def hint_for(title: str, number: float) -> str:
    """What is said about a wrong answer."""
    from exercise_mistakes import is_close

    mistakes = data_of(title)["mistakes"]
    found = [mistake["hint"] for mistake in mistakes if is_close(number, mistake["answer"])]
    assert found, [mistake["answer"] for mistake in mistakes]
    return found[0]


def slope_between(exercise, shift_below: float, shift_above: float) -> float:
    """How fast the root grows between two numbers of the asked node, the others as they are."""
    asked, root = exercise.asked, exercise.root
    before, results = asked.data, []
    for shift in (shift_below, shift_above):
        asked.data = before + shift
        root.refresh()
        results.append(root.data)
    asked.data = before
    root.refresh()
    return (results[1] - results[0]) / (shift_above - shift_below)


def test_each_answer_is_the_gradient_of_backward_and_of_finite_differences():
    for exercise, lesson in all_exercises():
        nodes = topological_order(exercise.root)
        for node in nodes:
            node.grad = 0.0
        exercise.root.backward()
        assert lesson.answer == exercise.asked.grad, exercise.title
        for node in nodes:
            node.grad = 0.0
        h = 1e-5
        left, right = sorted([slope_between(exercise, -h, 0), slope_between(exercise, 0, h)])
        room = 1e-4 * max(1, abs(left), abs(right))
        assert left - room <= lesson.answer <= right + room, exercise.title
        if right - left < room:
            assert slope_between(exercise, -h, h) == pytest.approx(lesson.answer, rel=1e-6, abs=1e-8), exercise.title


def test_only_the_kink_and_the_tie_have_different_slopes_on_their_sides():
    kinked = []
    for exercise, _ in all_exercises()[:23]:
        left, right = slope_between(exercise, -1e-5, 0), slope_between(exercise, 0, 1e-5)
        if abs(left - right) > 0.01:
            kinked.append(exercise.title)
    assert kinked == ["relu at its kink", "A tie"]


def test_the_shown_digits_are_enough_for_the_answer():
    """Who computes with the numbers in the boxes gets an answer that counts as right."""
    from exercise_mistakes import TOLERANCE

    for exercise, lesson in all_exercises():
        room = TOLERANCE / 2 * abs(lesson.answer)
        assert abs(lesson.from_shown_digits() - lesson.answer) <= room, exercise.title


def test_digits_that_are_not_enough_are_noticed():
    from exercise_mistakes import Lesson

    import engine
    from engine.steps import record_walk

    x = engine.Value(6.0, label="x")
    lesson = Lesson(record_walk(engine.tanh(x)), x)
    assert lesson.from_shown_digits() == 0.0 < lesson.answer  # the box says 1, and 1 - 1**2 is 0


def test_no_mistake_counts_as_right_and_none_twice():
    from exercise_mistakes import is_close

    for exercise, lesson in all_exercises():
        answers = [mistake.answer for mistake in lesson.mistakes()]
        assert not any(is_close(answer, lesson.answer) for answer in answers), exercise.title
        assert len(answers) == len(set(answers)), exercise.title
        assert lesson.hints(), exercise.title


def test_every_operation_of_the_exercises_has_a_rule():
    from exercise_mistakes import RULES

    nodes = [node for exercise, _ in all_exercises() for node in topological_order(exercise.root) if node.operands]
    assert {node.operation.key for node in nodes} <= RULES.keys()
    assert all(rule_for(key) for key in RULES)


@pytest.mark.parametrize(
    ("title", "wrong", "words"),
    [
        ("One product", lambda x, w: x.data, "Product rule: the derivative with respect to one factor is the other"),
        ("One product", lambda x, w: -w.data, "The size is right, the sign is not"),
        ("One sum", lambda a, b: a.data, "Sum rule"),
        ("One sum", lambda a, b: a.data + b.data, "That is the value of L, not a gradient"),
        ("A number used twice", lambda x, w: w.data, "A path is missing. x is used 2 times: L = v1 + x and v1 = x × w"),
        ("A number used twice", lambda x, w: 1.0, "A path is missing"),
        ("A number used twice", lambda x, w: x.data + 1, "The factors are swapped"),
        ("A negative slope", lambda a, b, c: c.data, "The sign of what is subtracted is missing"),
        ("A negative slope", lambda a, b, c: -1.0, "the local derivative alone. Chain rule"),
        ("A negative slope", lambda a, b, c: b.data, "That is the value of b, not its gradient"),
        ("A power", lambda x: x.data**2, "The exponent is missing as a factor. Power rule"),
        ("A power", lambda x: 3 * x.data**3, "The exponent has to be lowered by 1. Power rule"),
        ("A chain", lambda x, w, b: x.data, "the local derivative alone. Chain rule"),
        ("A chain", lambda x, w, b: 2 * (x.data * w.data + b.data), "A factor is missing from the chain"),
        ("A denominator", lambda a, b: a.data / b.data**2, "The sign is missing"),
        ("A denominator", lambda a, b: -a.data / b.data, "The denominator has to be squared"),
        ("relu, off", lambda w, x, b: 2 * w.data, "relu is 1 where its operand is positive, and 0 elsewhere"),
        ("relu, on", lambda w, x, b: 0.0, "Look at the sign of the operand of relu"),
        ("A tie", lambda a, b: 4.0, "in a tie each operand gets half"),
        ("A step downhill", lambda x, w: 3.2, "the change is negative"),
        ("A step downhill", lambda x, w: 8.0, "That is the gradient of w"),
    ],
)
def test_a_wrong_number_is_told_by_the_rule_that_it_breaks(title, wrong, words):
    leaves = [node for node in topological_order(named(title)[0].root) if node.label]
    by_name = {node.label: node for node in leaves}
    names = wrong.__code__.co_varnames
    assert words in hint_for(title, wrong(*(by_name[name] for name in names)))


def test_a_step_downhill_is_slope_times_move():
    exercise, lesson = named("A step downhill")
    data = data_of("A step downhill")
    assert data["answer"] == -exercise.rate * lesson.answer**2
    before = exercise.root.data
    assert "In fact L goes from 4 to 1.44, which is a change of −2.56" in data["after"]
    assert exercise.root.data == before


@pytest.mark.slow
def test_two_builds_are_the_same_and_plain_json(tmp_path):
    from exercises import build

    texts = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        build(tmp_path / name)
        texts.append([file.read_text("utf-8") for file in sorted((tmp_path / name / "exercises").iterdir())])
    assert texts[0] == texts[1]
    for source in texts[0]:
        data = json.loads(source)
        for exercise in data["exercises"]:
            assert len(exercise["page"]["nodes"]) > exercise["asked"]
            assert "nodes" in exercise["page"]


@pytest.mark.slow
def test_the_words_have_the_signs_of_the_graph():
    from exercises import exercise_data

    texts = []
    for exercise, _ in all_exercises():
        data = exercise_data(exercise, "1")
        texts += [data["text"], data["after"], *data["hints"], *(wrong["hint"] for wrong in data["mistakes"])]
    said = "\n".join(texts)
    assert "The move of w is −0.05 × ∂L/∂w." in said
    assert "Softmax with cross-entropy" in said
    assert re.findall(r" \* |-\d| - |\bd\w+/d\w+", said) == []

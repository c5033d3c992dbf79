"""The exercises of the site, for the tests; ``SITE`` is not there where only the packages are installed."""

import shutil
import sys
from functools import cache
from pathlib import Path

import pytest
from checkout import ROOT

SITE = ROOT / "site"
needs_site = pytest.mark.skipif(not (SITE / "exercises.py").exists(), reason="the site's sources are not here")
if str(SITE) not in sys.path:
    sys.path.append(str(SITE))


@cache
def all_exercises():
    """The course and the random graphs, each with its lesson."""
    from exercise_course import course
    from exercise_mistakes import Lesson
    from exercise_random import OPERATIONS, level

    from engine.steps import record_walk

    found = [*course(), *(exercise for number in OPERATIONS for exercise in level(number))]
    return [(exercise, Lesson(record_walk(exercise.root), exercise.asked)) for exercise in found]


def build_pages(out: Path) -> None:
    """The pages that need no packages of npm, and the exercises."""
    import build
    import exercises

    shutil.copytree(SITE / "static", out)
    build.copy_stepper(out)
    exercises.build(out)
    build.fill_pages(out)

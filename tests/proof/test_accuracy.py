"""The figures of docs/accuracy.md hold, and the formulas that they are measured by are right."""

import re
import sys

import mpmath as mp
import pytest
from checkout import ROOT

from engine.derivatives import RULES

PROOF = ROOT / "proof"
sys.path.append(str(PROOF))
accuracy = pytest.importorskip("accuracy", reason="the proofs are not part of an installed gradstep")

from exact import EXACT  # noqa: E402

OTHER_LIBRARY = 1.0  # ulps that a C library other than the page's may differ by
THINNED = 17
PAGE = accuracy.PAGE.read_text()
ROWS = {
    row[0]: tuple(float(error or 0.0) for error in row[1:])
    for row in re.findall(
        r"^\| `(\S+)` \|.*\| ([\d.]+)\S* \| ([\d.]+)\S* \| ([\d.]+)\S* \| (?:([\d.]+)\S*|-) \|$", PAGE, re.MULTILINE
    )
}


def test_the_page_has_every_primitive():
    assert set(ROWS) == set(RULES) == set(EXACT)


@pytest.mark.parametrize("op", ROWS)
def test_no_figure_of_the_page_is_exceeded(op):
    points = accuracy.grid(op)
    assert len(points) > 400
    figures = accuracy.measured(op, points[::THINNED])
    for what, limit in zip(("value", "first", "second", "third"), ROWS[op], strict=True):
        assert getattr(figures, what) <= limit + OTHER_LIBRARY, f"{what} at {figures.where}"


def test_no_primitive_is_off_by_more_than_a_few_units():
    for value, first, second, third in ROWS.values():
        assert value <= 2.5
        assert first <= 3.0
        assert second <= 6.0
        assert third <= 8.0


@pytest.mark.parametrize("op", ROWS)
def test_formulas_and_conventions_on_the_page_are_those_of_the_engine(op):
    function, derivatives = accuracy.formulas(op)
    assert f"| `{op}` | `{function}` | `{derivatives}` |" in PAGE


def test_conventions_on_the_page_are_those_of_the_engine():
    assert all(accuracy._convention(*each) in PAGE for each in accuracy.CONVENTIONS)


@pytest.mark.parametrize("op", [op for op in EXACT if op != "detach"])
@pytest.mark.parametrize("point", [(0.3, 0.8), (0.7, 0.2), (0.55, 1.7)])
def test_the_exact_derivatives_are_those_of_mpmaths_differences(op, point):
    exact = EXACT[op]
    with mp.workdps(60):
        at = tuple(map(mp.mpf, point))[: len(exact.first)]
        orders = [(1, 0), (0, 1), (2, 0), (1, 1), (0, 2)] if len(at) == 2 else [(1,), (2,)]
        for order, derivative in zip(orders, (*exact.first, *exact.second), strict=True):
            difference = mp.diff(exact.value, at if len(at) == 2 else at[0], order if len(at) == 2 else order[0])
            assert mp.almosteq(derivative(*at), difference, rel_eps=1e-20, abs_eps=1e-20)


@pytest.mark.parametrize(
    ("number", "right", "error"),
    [
        (1.0, "1", 0.0),
        (1.0 + 2**-52, "1", 1.0),
        (1.0 - 2**-53, "1", 0.5),
        (0.0, "-0", 0.0),
        (5e-324, "0", 0.0),
        (float("inf"), "1e400", 0.0),
        (float("inf"), "1e300", float("inf")),
        (1e300, "1e400", float("inf")),
        (float("nan"), "1", float("inf")),
    ],
)
def test_units_in_the_last_place(number, right, error):
    assert accuracy.ulps(number, mp.mpf(right)) == error

"""Some hundreds of the random expressions of ``proof/random_expressions.py``; the script runs all of them."""

import sys

import pytest
from checkout import ROOT

from engine.derivatives import RULES, Rule

sys.path.append(str(ROOT / "proof"))
expressions = pytest.importorskip("random_expressions", reason="the proofs are not part of an installed gradstep")

from exact import EXACT  # noqa: E402

COUNT = 200
LIBRARIES = expressions.installed()


def found(seeds, libraries):
    findings = expressions.Findings()
    for seed in seeds:
        expressions.check(expressions.expression(seed), libraries, findings)
    return findings


@pytest.mark.parametrize("library", expressions.LIBRARIES)
@pytest.mark.slow
def test_no_disagreement_beyond_rounding(library):
    if library not in LIBRARIES:
        pytest.skip(f"{library} is not installed")
    findings = found(range(20_000, 20_000 + COUNT), [library])
    assert findings.failures == []
    assert findings.compared == COUNT
    assert set(findings.operations) == set(EXACT)


@pytest.mark.slow
def test_all_of_them_agree_with_mpmath():
    """Without another library: each is taken for one that differs."""
    for seed in range(12):
        e = expressions.expression(seed)
        assert expressions.beyond_rounding(e, expressions.by_gradstep(e).numbers()) == []


@pytest.mark.parametrize("op", ["tan", "hypot", "sigmoid", "**"])
@pytest.mark.slow
def test_a_wrong_derivative_is_found(op, monkeypatch):
    """A factor of 1 + 1e-10 in the first derivative of one primitive, where it is a graph."""
    right = RULES[op]
    first, *others = right.derivatives
    wrong = lambda m, y, *operands: first(m, y, *operands) * (1.0 + 1e-10)  # noqa: E731
    monkeypatch.setitem(RULES, op, Rule(right.compute, (wrong, *others)))
    failures = []
    for seed in range(12):
        e = expressions.expression(seed)
        failures += expressions.beyond_rounding(e, expressions.by_gradstep(e).numbers())
    assert any("Hessian-vector product" in failure for failure in failures)
    assert all(failure.startswith("seed ") for failure in failures)


@pytest.mark.parametrize("seed", [0, 1, 2, 17])
def test_a_seed_gives_the_same_expression_again(seed):
    once = expressions.expression(seed)
    assert once == expressions.expression(seed)
    assert 1 <= len(once.instructions) <= expressions.MOST_OPERATIONS
    used = {x for _, operands in once.instructions for x in operands if isinstance(x, int)}
    assert used == set(range(len(once.at) + len(once.instructions) - 1))  # everything counts

"""Scripts as a new user types them: each under 15 lines of code, and each says itself what must come out."""

import random
import runpy
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.py"))


def passengers():
    """A table with texts and gaps: women and the first class mostly survive."""
    rng = random.Random(0)
    yield "survived,class,sex,age,fare,port"
    for _ in range(600):
        sex, port, rank = rng.choice(["male", "female"]), rng.choice(["S", "C", "Q", ""]), rng.randint(1, 3)
        survived = rng.random() < (0.9 if sex == "female" else 0.4 if rank == 1 else 0.1)
        age = "" if rng.random() < 0.2 else rng.randint(1, 70)
        yield f"{int(survived)},{rank},{sex},{age},{rng.uniform(5, 200) / rank:.2f},{port}"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            script,
            id=script.stem,
            marks=pytest.mark.slow if script.stem in ("diabetes", "iris_with_names", "titanic") else [],
        )
        for script in SCRIPTS
    ],
)
def test_script(script, folder):
    (folder / "titanic.csv").write_text("\n".join(passengers()), encoding="utf-8")
    lines = [line for line in script.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) < 15
    runpy.run_path(str(script))


def test_all_are_there():
    assert len(SCRIPTS) == 8

"""What gradstep needs: lower bounds that are tested, and no pin without its reason."""

import re
import shutil
import subprocess
import tomllib

import pytest
from checkout import ROOT

TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)["project"]
TESTED = ("demo", "estimators", "plot", "test")  # the extras that the suite runs with
LOWEST = dict(re.findall(r"(?m)^([\w-]+)==([\d.]+)$", (ROOT / "tests" / "lowest.txt").read_text(encoding="utf-8")))


def bounded():
    """The names and lower bounds of all that the suite runs with."""
    extras = PROJECT["optional-dependencies"]
    for needed in [*PROJECT["dependencies"], *(one for extra in TESTED for one in extras[extra])]:
        if not needed.startswith("gradstep["):
            yield re.fullmatch(r"([\w-]+)>=([\d.]+)", needed).groups()


@pytest.mark.parametrize(("name", "bound"), list(bounded()))
def test_the_lowest_version_that_is_allowed_is_the_one_tested(name, bound):
    tested = [int(part) for part in LOWEST[name].split(".")]
    allowed = [int(part) for part in bound.split(".")]
    assert tested == allowed + [0] * (len(tested) - len(allowed))


def test_what_is_pinned_has_its_reason_beside_it():
    lines = TEXT.splitlines()
    for above, line in zip(["", *lines], lines):
        if re.search(r'"[\w-]+(==|<|~=)', line):
            assert "#" in line or above.startswith("#"), line


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="no checkout")
def test_the_source_distribution_has_all_files():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    manifest = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").split()
    by_itself = {"engine", "gradstep", "nn", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py"}
    assert {name.split("/")[0] for name in tracked} - {*manifest} - by_itself == {".gitignore"}

"""Types as users' checkers see them, of the installation that runs: mypy and pyright, where they are installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import engine

SITE = Path(next(iter(engine.__path__))).parent
USER_CODE = Path(__file__).parent / "typing" / "user_code.py"
IS_INSTALLED = SITE.name in ("site-packages", "dist-packages")  # checkers look there by themselves


@pytest.fixture
def user_code(tmp_path):
    """A copy of the user's code, out of sight of the checkout."""
    return shutil.copy(USER_CODE, tmp_path / "user_code.py")


def mypy(*arguments, folder):
    pytest.importorskip("mypy")
    environment = {**os.environ, "MYPYPATH": "" if IS_INSTALLED else str(SITE), "MYPY_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-P", "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


@pytest.mark.slow
def test_mypy_finds_the_types_of_users_code_and_a_wrong_line(user_code, tmp_path):
    text = Path(user_code).read_text(encoding="utf-8")
    (tmp_path / "wrong.py").write_text(text + "\nassert_type(a * b, float)\n", encoding="utf-8")
    found = mypy("mypy", "--strict", "--warn-unused-ignores", user_code, "wrong.py", folder=tmp_path)
    *errors, _ = found.stdout.splitlines()
    assert [(line.partition(":")[0], "[assert-type]" in line) for line in errors] == [("wrong.py", True)], found


@pytest.mark.skipif(engine.COMPILED, reason="compiled functions tell other names of their parameters")
@pytest.mark.slow
def test_stubs_say_what_the_modules_have(tmp_path):
    found = mypy("mypy.stubtest", "engine.value", "engine.functions", folder=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
def test_pyright_finds_the_types_of_users_code(user_code, tmp_path):
    if not shutil.which("pyright"):
        pytest.skip("pyright is not installed")
    settings = {"include": ["."], "enableTypeIgnoreComments": False, "reportUnnecessaryTypeIgnoreComment": "error"}
    settings |= {"extraPaths": [] if IS_INSTALLED else [str(SITE)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = ["pyright", "--pythonpath", sys.executable]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert found.returncode == 0, found.stdout + found.stderr

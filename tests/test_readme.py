"""The README's Python runs as it stands, from top to bottom, and gives what its comments say."""

import re
import shlex
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


there = pytest.mark.skipif(not README.exists(), reason="the README is not beside the tests")


@there
def test_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 8
    assert names["pipeline"].score(names["test"].X, names["test"].y) > 0.9
    assert str(names["y"].data).startswith("0.706")
    assert names["distance"]([[3.0, 1.0], [1.0, 3.0], [0.0, 2.0]]).tolist() == [2.0, 2.0, 2.0]
    assert str(names["w"].grad).startswith("1.001")
    model, test = names["model"], names["test"]
    assert names["MLP"].load("model.json").predict([[0.0, 1.0], [1.0, -0.5]]) == [0, 1]
    assert names["MLP"].load("model.json").score(test.X, test.y) == 0.95
    assert all(parameter.grad == parameter.grad for parameter in model.parameters())


@there
def test_what_the_readme_shows_of_the_command_is_what_it_prints(capsys):
    from nn.__main__ import main

    shown = re.search(r"```console\n\$ gradstep (.+)\n((?:.+\n)+?)```", README.read_text(encoding="utf-8"))
    main(shlex.split(shown[1]))
    assert capsys.readouterr().out == shown[2]

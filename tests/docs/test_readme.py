"""The README's Python runs as it stands, from top to bottom, and gives what its comments say."""

import re

import pytest
from checkout import ROOT

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8") if README.exists() else ""
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


there = pytest.mark.skipif(not README.exists(), reason="the README is not beside the tests")


@there
def test_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in BLOCKS:
        exec(block, names)
    assert len(BLOCKS) == 3
    assert str(names["y"].data).startswith("0.706")
    assert str(names["w"].grad).startswith("1.001")
    assert names["distance"]([[3.0, 1.0], [1.0, 3.0], [0.0, 2.0]]).tolist() == [2.0, 2.0, 2.0]
    model, test = names["model"], names["test"]
    trained = names["MLP"].load("model.json")
    assert trained.predict([[0.0, 1.0], [1.0, -0.5]]) == [0, 1]
    assert trained.score(test.X, test.y) == 0.95
    assert any(parameter.grad for parameter in model.parameters())


@there
@pytest.mark.parametrize("place", range(3))
def test_each_block_runs_alone(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    exec(BLOCKS[place], {})


@there
def test_readme_is_short_and_its_links_are_there():
    assert len(TEXT.splitlines()) < 150
    for link in re.findall(r"\]\((?!http)([^)#]+)", TEXT):
        assert README.parent.joinpath(link).exists(), link

"""The README's Python runs as it stands, from top to bottom, and gives what its comments say."""

import re

import pytest
from checkout import ROOT

README = ROOT / "README.md"


there = pytest.mark.skipif(not README.exists(), reason="the README is not beside the tests")


@there
def test_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 4
    assert str(names["y"].data).startswith("0.706")
    assert str(names["w"].grad).startswith("1.001")
    assert names["distance"]([[3.0, 1.0], [1.0, 3.0], [0.0, 2.0]]).tolist() == [2.0, 2.0, 2.0]
    model, test = names["model"], names["test"]
    trained = names["MLP"].load("model.json")
    assert trained.predict([[0.0, 1.0], [1.0, -0.5]]) == [0, 1]
    assert trained.score(test.X, test.y) == 0.95
    assert any(parameter.grad for parameter in model.parameters())


@there
def test_readme_is_short_and_its_links_are_there():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    for link in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert README.parent.joinpath(link).exists(), link

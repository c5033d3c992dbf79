"""The notebooks in JupyterLite, in a real browser with the network shut; where a site with them was built."""

import importlib
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from checkout import ROOT

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

expect.set_options(timeout=60_000)


@pytest.fixture
def lab(built):
    if not (built / "lab").exists():
        pytest.skip("this site was built without notebooks; GRADSTEP_SITE names one with them")
    return built / "lab"


@pytest.mark.slow
def test_each_notebook_begins_by_saying_what_runs_here(lab, built):
    listed = (built / "notebooks.html").read_text(encoding="utf-8")
    names = sorted(path.name for path in (lab / "files").glob("*.ipynb"))
    assert len(names) >= 8
    numbers = [int(number) for number in re.findall(r"path=(\d+)_", listed)]
    assert numbers == sorted(numbers)
    for name in names:
        assert f"path={name}" in listed
        cell, after = json.loads((lab / "files" / name).read_text(encoding="utf-8"))["cells"][1:3]
        if cell["cell_type"] == "markdown":
            assert "are not here (numpy" in cell["source"]
            cell = after
        assert "graphviz_in_page" in cell["source"]
    assert len(re.findall("runs here</small>", listed)) >= 2
    assert len(re.findall("runs here, but for cells that need numpy", listed)) == 2


@pytest.mark.slow
def test_all_packages_come_from_the_site(lab):
    folder = lab / "static" / "pyodide"
    packages = json.loads((folder / "pyodide-lock.json").read_text())["packages"]
    for package in packages.values():
        assert (folder / package["file_name"]).exists()
        assert {name.replace("_", "-") for name in package["depends"]} <= set(packages)


@pytest.fixture
def here(monkeypatch):
    """The modules of the build, and of a notebook in the browser."""
    if not (ROOT / "site" / "notebooks.py").exists():
        pytest.skip("the site's sources are not beside the tests")
    monkeypatch.syspath_prepend(ROOT / "site")
    return importlib.import_module("notebooks"), importlib.import_module("notebook_page")


RUN = """
import contextlib, io, json, sys
from pathlib import Path
sys.modules.update(dict.fromkeys({missing!r}))
sys.path.append({site!r})
from notebook_page import refuse
space, ended = {{"compile": refuse}}, []
for cell in json.loads(Path({path!r}).read_text(encoding="utf-8"))["cells"]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "code" and "graphviz_in_page" not in source:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(source, space)
            ended.append("")
        except Exception as error:
            ended.append(f"{{type(error).__name__}} {{getattr(error, 'name', '')}}")
print(json.dumps(ended))
"""


@pytest.mark.parametrize(("number", "least"), [(9, 19), (10, 10)])
def test_a_notebook_that_runs_in_part_fails_only_where_a_package_is_missing(here, tmp_path, number, least):
    """Cells after one that failed may miss the names that it would have made."""
    notebooks, page = here
    notebooks.copy_notebooks(tmp_path / "files")
    (path,) = (tmp_path / "files").glob(f"{number}_*.ipynb")
    code = RUN.format(missing=page.MISSING, site=str(ROOT / "site"), path=str(path))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    ended = json.loads(done.stdout)
    assert ended.count("") >= least
    first = next(error for error in ended if error)
    assert re.match(r"ModuleNotFoundError (numpy|matplotlib)\b", first)
    assert {error.split()[0] for error in ended if error} <= {"ModuleNotFoundError", "NameError"}


def test_a_notebook_of_the_readers_own_is_left_out(here, tmp_path, monkeypatch):
    build, _ = here
    first = next((ROOT / "notebooks").glob("1_*.ipynb")).read_text(encoding="utf-8")
    for name in ("10_last.ipynb", "2_first.ipynb", "Untitled.ipynb", "my_own.ipynb"):
        (tmp_path / name).write_text(first, encoding="utf-8")
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    assert [listed.name for listed in build.copy_notebooks(tmp_path / "files")] == ["2_first.ipynb", "10_last.ipynb"]


def test_a_package_that_no_browser_has_is_named_in_one_sentence(here, capsys):
    _, page = here
    shown = []
    shell = SimpleNamespace(
        _showtraceback=lambda kind, error, lines: shown.append(lines),
        showtraceback=lambda raised, tb_offset=None: shown.append(raised[1]),
    )
    page.explain(shell, ModuleNotFoundError, ModuleNotFoundError("no", name="matplotlib.pyplot"), None)
    other = ModuleNotFoundError("No module named 'mine'", name="mine")
    page.explain(shell, ModuleNotFoundError, other, None)
    ((words,), error) = shown
    assert words.startswith("This cell needs matplotlib, which is not in the browser. To run it, pip install ")
    assert error is other

    shown.clear()
    page.go_on(shell, ModuleNotFoundError, ModuleNotFoundError("no", name="numpy"), None)
    page.go_on(shell, NameError, NameError("name 'np' is not defined", name="np"), None)
    page.go_on(shell, ModuleNotFoundError, other, None)
    assert shown == [other]
    said = capsys.readouterr().err.splitlines()
    assert [line[:24] for line in said] == ["This cell needs numpy, w", "name 'np' is not defined"]
    with pytest.raises(ModuleNotFoundError) as refused:
        page.refuse(1.0, inputs=[])
    assert refused.value.name == "numpy"


def run_cell(page, code):
    """Run code in a new cell at the end, and give what it prints."""
    page.keyboard.press("Escape")
    page.locator(".jp-Cell").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")


def test_a_notebook_runs_and_its_stepper_talks_with_python(lab, visit):
    page = visit("lab/notebooks/index.html?path=1_one_neuron.ipynb")
    kernel = page.locator(".jp-Notebook-ExecutionIndicator")
    expect(page.get_by_text("Kernel Connecting")).to_be_visible()
    expect(page.get_by_text("Kernel Connecting")).to_have_count(0, timeout=180_000)  # it ignores what is asked before
    expect(kernel).to_have_attribute("data-status", "idle")
    page.get_by_text("Run", exact=True).first.click()
    page.get_by_text("Run All Cells", exact=True).click()
    run_cell(page, "print('all', 'have run')")
    expect(page.get_by_text("all have run", exact=True)).to_be_visible(timeout=180_000)
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    expect(page.locator(".jp-OutputArea img").first).to_be_visible()

    run_cell(page, "from engine import *\nx = Value(2.0, label='x')\ns = stepper(x * x * 3, link=True)\ns")
    frame = page.frame_locator(".jp-OutputArea iframe").last
    frame.locator("#forward").click()
    expect(frame.locator("#counter")).to_contain_text("Step 1 of")
    run_cell(page, "print('the position is', s.position, s.selected)")
    expect(page.get_by_text("the position is 1 None", exact=True)).to_be_visible()
    frame.locator("#chosen").select_option(label="x")
    run_cell(page, "print('selected is', s.selected)")
    expect(page.get_by_text("selected is x", exact=True)).to_be_visible()
    frame.locator("#first").click()  # which ends the choice
    run_cell(page, "print('now', s.position, s.selected, s.values)\ns.values = {'x': 5}; print(x.data)")
    expect(page.get_by_text("now 0 None {'x': 2.0}\n5.0", exact=True)).to_be_visible()
    expect(frame.locator("#leaves .field").first).to_have_value("5")


def test_a_notebook_that_runs_in_part_runs_to_its_end(lab, visit):
    page = visit("lab/notebooks/index.html?path=10_the_same_graph_four_ways.ipynb")
    expect(page.get_by_text("Kernel Connecting")).to_be_visible()
    expect(page.get_by_text("Kernel Connecting")).to_have_count(0, timeout=180_000)
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")
    page.get_by_text("Run", exact=True).first.click()
    page.get_by_text("Run All Cells", exact=True).click()
    run_cell(page, "print('all', 'have run')")
    expect(page.get_by_text("all have run", exact=True)).to_be_visible(timeout=180_000)
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
    said = page.get_by_text("This cell needs numpy, which is not in the browser. To run it, pip install")
    assert said.count() >= 3

"""The notebooks in JupyterLite, in a real browser with the network shut; where a site with them was built."""

import json
import re

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

expect.set_options(timeout=60_000)


@pytest.fixture
def lab(built):
    if not (built / "lab").exists():
        pytest.skip("this site was built without notebooks; GRADSTEP_SITE names one with them")
    return built / "lab"


def test_each_notebook_begins_by_saying_what_runs_here(lab, built):
    listed = (built / "notebooks.html").read_text(encoding="utf-8")
    names = sorted(path.name for path in (lab / "files").glob("*.ipynb"))
    assert len(names) >= 8
    numbers = [int(number) for number in re.findall(r"path=(\d+)_", listed)]
    assert numbers == sorted(numbers)
    for name in names:
        assert f"path={name}" in listed
        cell = json.loads((lab / "files" / name).read_text(encoding="utf-8"))["cells"][1]
        code = cell["cell_type"] == "code"
        assert ("graphviz_in_page" if code else "are not here (numpy") in cell["source"]
    assert listed.count("runs here") >= 2


def test_all_packages_come_from_the_site(lab):
    folder = lab / "static" / "pyodide"
    packages = json.loads((folder / "pyodide-lock.json").read_text())["packages"]
    for package in packages.values():
        assert (folder / package["file_name"]).exists()
        assert {name.replace("_", "-") for name in package["depends"]} <= set(packages)


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

"""What the site's pages ask Python for, without a browser."""

import contextlib
import runpy
import shutil
import sys
import xml.dom.minidom
from pathlib import Path

import pytest
from checkout import ROOT

from engine import Value, draw

FOLDER = ROOT / "site" / "python"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the site is not here")
X = 'x, w = Value(2.0, label="x"), Value(3.0, label="w")\n'


@pytest.fixture
def page(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    import graph_page

    return graph_page


def test_a_formula_is_a_picture_a_walk_and_code(page):
    answer = page.show_formula("tanh(x*w + b)", {"x": 2.0, "w": -3.0, "b": 6.88})
    xml.dom.minidom.parseString(answer["svg"])
    assert answer["names"] == ["x", "w", "b"]
    assert [answer["walk"]["nodes"][answer["places"][name]]["data"] for name in ("x", "w", "b")] == [2.0, -3.0, 6.88]
    assert answer["dot"].startswith("digraph")
    assert "0.7064" in answer["said"]


def test_pages_name_the_package_only_where_it_is(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(FOLDER.parent)
    import build

    for given, said in (
        ("", "a clone of the repository"),
        ("https://example.org/a&b", 'href="https://example.org/a&amp;b"'),
    ):
        monkeypatch.setenv("GRADSTEP_REPOSITORY", given)
        for name in ("index.html", "graph.html"):
            shutil.copy(FOLDER.parent / "static" / name, tmp_path)
        build.fill_pages(tmp_path)
        for name in ("index.html", "graph.html"):
            text = (tmp_path / name).read_text()
            assert said in text
            assert "pip install ." in text
            assert "pip install gradstep" not in text  # no registry has it


def test_a_graph_of_one_constant_has_no_name(page):
    assert page.show_formula("3", {})["said"] == "computation graph of 3: 1 node"
    assert page.show_formula("x", {"x": 3.0})["said"] == "computation graph of x = 3: 1 node"


def test_names_without_a_number_are_1_and_others_are_left_out(page):
    answer = page.show_formula("x * y", {"x": 4.0, "z": 5.0})
    assert answer["names"] == ["x", "y"]
    assert page.show_formula("π*x + inf", {})["names"] == ["x"]
    assert [node["data"] for node in answer["walk"]["nodes"]] == [4.0, 1.0, 4.0]


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("log(x)", "log needs x > 0"),
        ("e**x", "or another name; Euler's number is exp(1), and e**x is exp(x)"),
        ("2 × x", "write * for ×"),
        ("x +", "not a formula"),
        ("__import__('os')", "a function in a formula must be one of"),
        ("x.real", "must be made of numbers, names"),
        ("1/(x - 0.0)/0", "0"),
        ("x" + "+x" * 301, "at most 300 operations, got 301"),
        ("x" * 10_001, "at most 10,000 characters"),
        ("x" * 9_999 + "(", "not a formula"),
    ],
)
def test_what_is_wrong_with_a_formula_is_said(page, formula, said):
    assert said in page.show_formula(formula, {"x": -1.0})["error"]


@pytest.mark.parametrize("number", [float("inf"), float("nan"), -0.0, 1e308])
def test_the_code_of_a_formula_makes_the_same_picture(page, number, tmp_path):
    answer = page.show_formula("x*w + w", {"x": number, "w": 2.0})
    assert run_elsewhere(answer["code"], tmp_path) == answer["dot"]


@pytest.mark.parametrize(
    "code",
    [
        X + "x * w",
        X + "y = x * w\ny",
        X + "y = tanh(x * w)\nprint(y)",
        X + "def twice(v):\n    return 2 * v\n\n(twice(x)\n + w)",
        X + "y = x * w; y + 1",
        "from nn import MLP\nmodel = MLP(2, [2, 1], seed=0)\nloss = (model([1.0, -2.0]) - 1) ** 2\nloss.backward()",
        "from engine import Value as V\né = V(2.0)\né * é",
        X + "with_max = max(x, w) * w",
    ],
)
def test_the_code_of_lines_makes_the_same_picture(page, code, tmp_path):
    answer = page.show_code(code)
    assert "error" not in answer
    assert without_names(run_elsewhere(answer["code"], tmp_path)) == without_names(answer["dot"])


def run_elsewhere(code: str, folder: Path) -> str:
    """The DOT text of the graph that a copied script draws."""
    script = code.replace('"graph.svg"', '"graph.dot"')
    (folder / "script.py").write_text(script, encoding="utf-8")
    with contextlib.chdir(folder):
        runpy.run_path("script.py", run_name="__main__")
    return (folder / "graph.dot").read_text(encoding="utf-8")


def without_names(dot: str) -> str:
    """The last expression has the name ``result`` in the script, and none in the page."""
    return dot.replace("result", "L")


def test_the_root_is_the_last_expression_or_the_last_variable_or_the_one_chosen(page):
    assert "x + w" not in page.show_code(X + "y = x * w\nx + w")["said"]
    last = page.show_code(X + "y = x * w\nz = y + 1\ny = y * 2\nprint(z)")
    assert (last["root"], last["roots"]) == ("y", ["z", "y"])
    chosen = page.show_code(X + "y = x * w\nz = y + 1", "y")
    assert chosen["root"] == "y"
    assert "y = 6" in chosen["said"]
    assert "none of that name" in page.show_code(X + "y = x * w", "nosuch")["error"]


def test_a_backward_that_was_called_is_not_called_again(page):
    answer = page.show_code(X + "y = x * w\ny.backward()")
    twice = page.show_code(X + "y = x * w")
    assert answer["dot"] == twice["dot"]


@pytest.mark.parametrize(
    ("code", "said", "line"),
    [
        ("x = 1\ny = z", "line 2, y = z\nNameError: name 'z' is not defined", 2),
        ("x = (", "line 1, x = (\nSyntaxError: '(' was never closed", 1),
        ("x = Value(-1.0)\nlog(x)", "line 2, log(x)\nValueError: log(x)", 2),
        ("def f():\n    return f()\nf()", "RecursionError: a function calls itself too often", 2),
        ("raise SystemExit", "SystemExit: the code ended itself", 1),
        ("x = float(input('x? '))", "RuntimeError: a page cannot ask for input", 1),
        ("import micrograd", "write: from engine import Value", 1),
        ("3", "the last line must be a Value", 0),
        ("", "the last line gives nothing", 0),
        ("x" * 50_001, "at most 50,000 characters", None),
        ("x = y = Value(1.0)\nfor _ in range(2000):\n    y = y * x", "at most 2,000 nodes, got 2,001", None),
    ],
)
def test_errors_of_python_are_said_in_words(page, code, said, line, monkeypatch):
    monkeypatch.setitem(sys.modules, "micrograd", None)
    answer = page.show_code(code)
    assert said in answer["error"]
    assert answer.get("line") == line


def test_what_was_printed_before_an_error_is_kept_and_endless_print_is_cut(page):
    assert page.show_code("print('before')\n1/0")["printed"] == "before\n"
    assert len(page.show_code("for _ in range(20000): print('again')\nx = 2 * Value(1.0)")["printed"]) < 10_100


@pytest.mark.slow
def test_a_large_graph_has_a_picture_and_no_walk(page):
    answer = page.show_code("x = y = Value(1.0)\nfor _ in range(300):\n    y = y * x")
    assert answer["walk"] is None
    assert answer["nodes"] == 301
    assert "<svg" in answer["svg"]


def test_looks_are_those_of_draw(page):
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    y = x * w
    y.backward()
    answer = page.show_formula("x*w", {"x": 2, "w": 3}, {"direction": "TB", "theme": "print", "derivatives": True})
    assert answer["dot"] == draw(y, direction="TB", theme="print", derivatives=True).source

"""Where Python runs in a web browser: Graphviz is a module that the page provides, here played by a Python one."""

import shutil
import subprocess
import sys
from types import ModuleType

import pytest

import engine
from engine import Value, draw, stepper


@pytest.fixture
def page(monkeypatch):
    """A module as a page provides it, in a Python that has no processes; ``asked`` are its calls."""
    module = ModuleType("graphviz_in_page")
    module.asked = []

    def render(source, kind, engine):
        module.asked.append((kind, engine))
        command = ["dot", f"-K{engine}", f"-T{kind}"]
        done = original(command, input=source, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(done.stderr)
        return done.stdout

    original = subprocess.run
    module.render = render
    monkeypatch.setitem(sys.modules, "graphviz_in_page", module)
    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setattr("engine.drawing.rendering.run_process", None)
    return module


def product() -> Value:
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    return x * y


@pytest.mark.skipif(not shutil.which("dot"), reason="this system has no dot")
def test_the_page_draws_pictures_and_lays_out_steppers(page, tmp_path):
    assert "<svg" in draw(product()).pipe("svg", encoding="utf-8")
    draw(product()).save(tmp_path / "graph.svg")
    assert "<svg" in (tmp_path / "graph.svg").read_text(encoding="utf-8")
    stepper(product())
    assert page.asked == [("svg", "dot"), ("svg", "dot"), ("plain", "dot")]


def test_what_the_page_cannot_draw_is_refused(page, tmp_path):
    for kind in ("png", "pdf"):
        with pytest.raises(ValueError, match=rf"must be one of svg, .* in a browser, got '{kind}'; save an \.svg"):
            draw(product()).save(tmp_path / f"graph.{kind}")
    with pytest.raises(ValueError, match="no options in a browser, got -n1"):
        draw(product()).pipe("svg", neato_no_op=True)
    assert page.asked == []
    assert list(tmp_path.iterdir()) == []


def test_what_graphviz_says_in_the_page_is_said(page):
    def fail(source, kind, engine):
        raise ValueError("Error: syntax error in line 1\nmore")

    page.render = fail
    with pytest.raises(RuntimeError, match=r"^Graphviz drew no svg: Error: syntax error in line 1$"):
        draw(product()).pipe("svg")


def test_a_page_without_graphviz_is_told(page, monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz_in_page", None)
    with pytest.raises(RuntimeError, match="must be provided by the page, as a module named graphviz_in_page"):
        draw(product()).pipe("svg")


def test_all_names_come_without_numpy_in_a_browser_and_others_stay_as_they_are():
    setting = "import sys; sys.platform = 'emscripten'; sys.modules['numpy'] = None\n"
    code = "from engine import *; import engine; print(tanh(Value(0.0)).data, 'compile' in engine.__all__)"
    command = [sys.executable, "-c", setting + code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "0.0 False\n"
    assert {"CompiledFunction", "Program", "compile"} <= set(engine.__all__)

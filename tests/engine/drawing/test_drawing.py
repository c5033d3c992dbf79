"""Pictures of graphs: with and without a system Graphviz, labels of every kind, and what is not drawn."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import graphviz
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from svg import SVG, arrows, box_with, boxes, clusters, edges, texts, title, tree

import engine
from engine import Value, draw, stepper, tanh
from engine.drawing import Drawing
from engine.drawing.rendering import run_graphviz
from engine.expressions.writers import text
from engine.steps import Wording
from engine.validation import plain_label
from nn import MLP

MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-"}


@pytest.fixture
def no_dot(monkeypatch):
    """A system without Graphviz, whatever this one has."""
    monkeypatch.setenv("PATH", "")


def neuron() -> Value:
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    y = tanh(x * w + b)
    y.label = "y"
    y.backward()
    return y


def test_one_box_for_each_value_says_it_all(no_dot):
    shown = [box.texts for box in boxes(draw(neuron()).pipe("svg")).values()]
    assert sorted(shown) == sorted(
        [
            ["x", "data", "2", "grad", "−1.503"],
            ["w", "data", "−3", "grad", "1.002"],
            ["v1", "×", "data", "−6", "grad", "0.501"],
            ["b", "data", "6.88", "grad", "0.501"],
            ["v2", "+", "data", "0.88", "grad", "0.501"],
            ["y", "tanh", "data", "0.7064", "grad", "1"],
        ]
    )


def test_boxes_are_named_by_their_place_in_topological_order():
    y = neuron()
    shown = boxes(draw(y).pipe("svg"))
    for place, node in enumerate(engine.topological_order(y)):
        assert f"{node.data:.4g}".replace("-", "−") in shown[f"n{place}"].texts
        name = node.label or {"*": "v1", "+": "v2"}[node.op]
        assert shown[f"n{place}"].tooltip == f"{name}: data {node.data!r}, grad {node.grad!r}"


def test_every_arrow_is_there_once():
    a = Value(2.0, label="a")
    arrows = [arrow for arrow, _, _ in edges(draw(a * a + a).pipe("svg"))]
    assert sorted(arrows) == ["n0->n1", "n0->n1", "n0->n2", "n1->n2"]


@pytest.mark.parametrize(
    ("make", "operation"),
    [
        (lambda x: x * 3.25, "× 3.25"),
        (lambda x: x * -3.25, "× −3.25"),
        (lambda x: 3.25 - x, "3.25 −"),
        (lambda x: x / 4, "/ 4"),
        (lambda x: x**2, "** 2"),
        (lambda x: engine.maximum(x, 0.5), "maximum(·, 0.5)"),
        (lambda x: engine.atan2(0.5, x), "atan2(0.5, x)"),
        (lambda x: -x, "−"),
    ],
)
def test_plain_numbers_are_written_into_their_operation(make, operation):
    x = Value(2.0, label="x")
    picture = draw(make(x)).pipe("svg")
    assert len(boxes(picture)) == 2
    assert box_with(picture, operation)
    assert len(edges(picture)) == 1


def test_plain_numbers_with_a_name_or_several_uses_stand_alone_without_gradient():
    x = Value(2.0, label="x")
    one_use = x * 3.25
    shared = engine.value.constant(7.5, "test")
    picture = draw((one_use + shared) * shared).pipe("svg")
    assert box_with(picture, "7.5").texts == ["7.5"]
    named = engine.value.constant(7.5, "test")
    picture = draw(x * named, names={"seven": named}).pipe("svg")
    assert box_with(picture, "seven").texts == ["seven", "data", "7.5"]
    assert boxes(draw(named).pipe("svg"))["n0"].texts == ["7.5"]


def test_names_are_labels_or_else_the_callers():
    x, w, y = Value(2.0), [Value(1.0), Value(4.0, label="own")], Value(3.0)
    z = x * w[0] + w[1] * y
    shown = texts(draw(z, names={"x": x, "w": w, "z": z}).pipe("svg"))
    assert {"x", "w[0]", "own", "z"} <= set(shown)
    assert "w[1]" not in shown
    assert title(draw(z, names=locals()).pipe("svg")) == "Computation graph of z"
    assert title(draw(z).pipe("svg")) == "Computation graph of L"
    with pytest.raises(TypeError, match="names must be variables by name"):
        draw(z, names=["x"])


def test_local_derivatives_stand_along_the_arrows():
    x, w = Value(0.5, label="x"), Value(-3.0, label="w")
    y = tanh(x * w)
    notes = {arrow: texts for arrow, texts, _ in edges(draw(y, derivatives=True).pipe("svg"))}
    assert notes == {"n0->n2": ["× −3"], "n1->n2": ["× 0.5"], "n2->n3": [f"× {y.local_derivatives[0]:.4g}"]}
    assert all(not texts for _, texts, _ in edges(draw(y).pipe("svg")))


@pytest.mark.parametrize(
    ("make", "operation"),
    [
        (lambda a, b: a - b, "a − b"),
        (lambda a, b: b - a, "b − a"),
        (lambda a, b: a / b, "a / b"),
        (lambda a, b: a**b, "a ** b"),
        (engine.atan2, "atan2(a, b)"),
        (engine.leaky_relu, "leaky_relu(a, b)"),
        (lambda a, b: (a * 2) - b, "v1 − b"),
        (lambda a, b: a + b, "+"),
        (lambda a, b: a * b, "×"),
        (lambda a, _: a - a, "−"),
    ],
)
def test_an_operation_says_the_order_of_its_operands_where_it_matters(make, operation):
    picture = draw(make(Value(2.0, label="a"), Value(3.0, label="b"))).pipe("svg")
    assert box_with(picture, operation)
    assert not any(notes for _, notes, _ in edges(picture))  # no lone sign beside an arrow


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
def test_arrows_start_and_end_in_the_middle_of_a_side(direction):
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    p = engine.softmax([a, b, a * b])
    root = (p[0] - p[2]) / (a * a)
    picture = draw(root, direction=direction).pipe("svg")
    shown = boxes(picture)
    across = 1 if direction in ("LR", "RL") else 0
    found = arrows(picture)
    assert len(found) > 8
    for arrow, tail, tip in found:
        start, end = (shown[name] for name in arrow.split("->"))
        assert abs(tail[across] - (start.x, start.y)[across]) < 1.0
        assert abs(tip[across] - (end.x, end.y)[across]) < 1.0


@pytest.mark.parametrize("make", [neuron, lambda: engine.softmax([Value(1.0), Value(2.0), Value(3.0)])[1] / 3.0])
def test_names_are_those_of_the_steps(make):
    root = make()
    wording = Wording(root)
    picture = draw(root, unfold="softmax").pipe("svg")
    for place, node in enumerate(engine.topological_order(root)):
        if f"n{place}" in boxes(picture) and node.op != "constant":
            assert text(wording.formulas[node]) in boxes(picture)[f"n{place}"].texts


@pytest.mark.parametrize("kind", MAGIC)
def test_pipes_need_no_system_graphviz(no_dot, kind):
    assert draw(neuron()).pipe(kind).startswith(MAGIC[kind])


def test_a_pipe_with_an_encoding_is_text(no_dot):
    drawing = draw(neuron())
    assert drawing.pipe("svg", encoding="utf-8") == drawing.pipe("svg").decode()
    assert drawing.pipe(format="svg").startswith(MAGIC["svg"])


def test_jupyter_shows_it(no_dot):
    drawing = draw(neuron())
    assert isinstance(drawing, graphviz.Digraph)
    bundle = drawing._repr_mimebundle_()
    assert set(bundle) == {"image/svg+xml", "image/png", "text/plain"}  # HTML would be cleaned, and printed
    assert set(drawing._repr_mimebundle_(exclude=["image/svg+xml"])) == {"image/png", "text/plain"}
    assert set(drawing._repr_mimebundle_(include=["image/png"])) == {"image/png", "text/plain"}
    bundle = drawing._repr_mimebundle_(include=["image/svg+xml"])
    assert "tanh" in texts(bundle["image/svg+xml"].encode())


def width_of(svg: str) -> str:
    return re.search(r'<svg width="([^"]*)"', svg)[1]


def test_jupyter_shows_an_image_that_fits_its_cell():
    """JupyterLab scales a PNG, and no SVG: a wide one scales itself."""
    small = neuron()
    wide = tanh(tanh(tanh(tanh(small))))
    wider = tanh(tanh(tanh(tanh(wide))))
    cases = [
        (small, 640, "480pt", 640),
        (small, None, None, 900),
        (wide, None, "900px", 900),
        (wider, None, "100%", 1260),
    ]
    for root, width, shown, most in cases:
        drawing = draw(root, width=width)
        bundle = drawing._repr_mimebundle_()
        assert width_of(bundle["image/svg+xml"]) == (shown or width_of(drawing.pipe("svg", encoding="utf-8")))
        pixels = int.from_bytes(b64decode(bundle["image/png"])[16:20])
        assert pixels <= most
        assert pixels >= most - 1 or root is small  # the drawing is wider than that


def test_the_png_of_jupyter_is_for_light_and_dark_pages_but_for_a_theme():
    image = pytest.importorskip("PIL.Image")
    for theme, opacity in [("auto", 0), ("light", 255), ("dark", 255)]:
        png = b64decode(draw(neuron(), theme=theme)._repr_mimebundle_()["image/png"])
        with image.open(BytesIO(png)) as picture:
            assert picture.convert("RGBA").getpixel((0, 0))[3] == opacity


def test_where_no_picture_is_shown_there_is_one_of_text():
    """As in a console, and in what nbconvert makes for LaTeX: neither the source nor a word of Python."""
    drawing = draw(neuron())
    lines = drawing._repr_mimebundle_()["text/plain"].splitlines()
    assert lines[0] == drawing.description
    cells = [re.split(r" {2,}", line) for line in lines[1:]]
    assert [line[:-1] for line in cells] == [
        ["x", "data 2"],
        ["w", "data −3"],
        ["v1", "× of x, w", "data −6"],
        ["b", "data 6.88"],
        ["v2", "+ of v1, b", "data 0.88"],
        ["y", "tanh of v2", "data 0.7064"],
    ]
    assert (cells[0][-1], cells[-1][-1]) == ("grad −1.503", "grad 1")
    assert drawing.copy().outline == drawing.outline
    assert Drawing()._repr_mimebundle_()["text/plain"].startswith("<Drawing: graph;")


def test_text_of_a_picture_names_parameters_in_full_and_ends_with_the_result():
    x, model = Value(2.0, label="x"), MLP(1, [1], activation="linear", seed=0)
    text = draw((model([x]) * x - 3.0) ** 2, names=model).outline
    assert re.search(r"^layers\.0\.neurons\.0\.w\.0 ", text, re.MULTILINE)
    assert re.search(r"^v1 +× of layers\.0\.neurons\.0\.w\.0, x ", text, re.MULTILINE)
    assert re.search(r"− 3 of v\d+ ", text)  # a number that belongs to one operation is in its line
    assert text.splitlines()[-1].startswith("L ")
    squared = draw(x * x).outline
    assert "× of x, x " in squared
    chain = x
    for _ in range(200):
        chain = chain + x
    lines = draw(chain, most=500).outline.splitlines()
    assert (len(lines), lines[1]) == (62, "... 141 more")


def test_a_drawing_says_what_it_is():
    words = "computation graph of y = 0.7064: 6 nodes, computed from x, w, b"
    assert repr(draw(neuron())).startswith(f"<Drawing: {words}; ")
    many = sum((Value(i / 10) for i in range(1, 11)), Value(0.0))
    assert draw(many).description.endswith(": 21 nodes, computed from v1, v2, v4, v6, v8, v10 and 5 more")
    neurons = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    of = "computed from n[0][0], n[0][1], n[1][0], n[1][1]"  # whole names, though the boxes are in groups
    assert draw(sum(map(sum, neurons)), names={"n": neurons}).description.endswith(of)
    of = f"computed from {'n' * 20}[0][0], {'n' * 20}[0][1] and 2 more"
    assert draw(sum(map(sum, neurons)), names={"n" * 20: neurons}).description.endswith(of)
    assert draw(Value(-1.0)).description == "computation graph of L = −1: 1 node"


@pytest.mark.parametrize(
    ("args", "options", "name", "kind", "files"),
    [
        (["graph"], {"format": "png"}, "graph.png", "png", ["graph", "graph.png"]),
        (["graph"], {}, "graph.pdf", "pdf", ["graph", "graph.pdf"]),
        (["graph.gv"], {"format": "svg"}, "graph.gv.svg", "svg", ["graph.gv", "graph.gv.svg"]),
        (["graph"], {"format": "svg", "cleanup": True}, "graph.svg", "svg", ["graph.svg"]),
        ([], {"outfile": "own.svg"}, "own.svg", "svg", ["own.gv", "own.svg"]),
        (["source.txt"], {"outfile": "own.png", "cleanup": True}, "own.png", "png", ["own.png"]),
        ([], {"filename": "graph", "directory": "sub", "format": "svg"}, "sub/graph.svg", "svg", ["sub"]),
        (["graph"], {"format": "svg", "engine": "neato"}, "graph.svg", "svg", ["graph", "graph.svg"]),
        (["graph.png"], {}, "graph.png", "png", ["graph.png"]),
        (["graph.png"], {"format": "png"}, "graph.png", "png", ["graph.png"]),
        (["graph.svgz"], {"format": "svgz"}, "graph.svgz", "svgz", ["graph.gv", "graph.svgz"]),
        (["graph.svg"], {"directory": "sub"}, "sub/graph.svg", "svg", ["sub"]),
        (["graph.1"], {"format": "pdf"}, "graph.1.pdf", "pdf", ["graph.1", "graph.1.pdf"]),
    ],
)
@pytest.mark.parametrize("system", [pytest.param("without dot", marks=pytest.mark.slow), "with dot"])
def test_render_writes_the_files(request, tmp_path, monkeypatch, system, args, options, name, kind, files):
    if system == "without dot":
        request.getfixturevalue("no_dot")
    elif not shutil.which("dot"):
        pytest.skip("this system has no dot")
    monkeypatch.chdir(tmp_path)
    assert draw(neuron()).render(*args, **options).replace("\\", "/") == name
    assert (tmp_path / name).read_bytes().startswith((MAGIC | {"svgz": b"\x1f\x8b"})[kind])
    assert sorted(file.name for file in tmp_path.iterdir()) == files


@pytest.mark.parametrize("options", [{"format": "svg"}, {"outfile": "graph.svg"}])
def test_render_leaves_an_old_picture_whole(tmp_path, monkeypatch, options):
    from engine import whole_files

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    drawing = draw(neuron())
    drawing.render("graph", **options)
    before = (tmp_path / "graph.svg").read_bytes()
    monkeypatch.setattr(whole_files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        draw(Value(1.0, "x")).render("graph", **options)
    assert (tmp_path / "graph.svg").read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["graph", "graph.svg"]


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for dot is a shell script")
def test_a_system_graphviz_comes_first(tmp_path, monkeypatch):
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\necho drawn by the system, $@")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert draw(neuron()).pipe("svg") == b"drawn by the system, -Kdot -Tsvg\n"


@pytest.mark.skipif(not shutil.which("dot"), reason="this system has no dot")
def test_a_system_graphviz_draws_the_same_texts(monkeypatch):
    theirs = texts(draw(neuron()).pipe("svg"))
    monkeypatch.setenv("PATH", "")
    assert texts(draw(neuron()).pipe("svg")) == theirs


def test_a_renderer_that_fails_says_what_graphviz_said(no_dot):
    with pytest.raises(RuntimeError, match="Graphviz drew no svg"):
        Drawing(body=["this is not DOT -> ["]).pipe("svg")


@pytest.mark.skipif(not shutil.which("dot"), reason="this system has no dot")
def test_what_a_system_graphviz_lacks_is_named():
    with pytest.raises(RuntimeError, match=r'^Graphviz drew no svg: .*"round".* Use one of: .*dot'):
        run_graphviz("digraph {}", "svg", "round")


def test_without_any_graphviz_the_error_says_what_to_install(no_dot, tmp_path, monkeypatch):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "pygraphviz.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(hidden), prepend=os.pathsep)
    missing = r'^Graphviz, .+, is missing: install its program dot, or pip install "gradstep\[pictures\]"$'
    for show in (lambda: draw(neuron()).save(tmp_path / "graph.svg"), lambda: stepper(neuron())):
        with pytest.raises(RuntimeError, match=missing):
            show()
    assert not (tmp_path / "graph.svg").exists()
    shown = draw(neuron())._repr_mimebundle_()
    assert list(shown) == ["text/plain"]
    assert shown["text/plain"].startswith("computation graph of y")
    assert 'pip install "gradstep[pictures]"' in shown["text/plain"]


# ----------------------------------------------------------------------------------------------------------- time limit


def slow() -> Drawing:
    """A graph that keeps Graphviz busy for minutes."""
    drawing = Drawing()
    for a in range(400):
        for b in range(a + 1, 400, 7):
            drawing.edge(f"n{a}", f"n{b}")
    drawing.timeout = 0.5
    return drawing


def processes() -> set[str]:
    """The processes that this one has started and that still run."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    ).stdout
    return {line for line in listed.splitlines() if "rendering.py" in line or "dot" in line}


@pytest.mark.slow
@pytest.mark.parametrize(
    "way", [lambda d: d.pipe("svg"), lambda d: d.render("g", format="png"), lambda d: d._repr_mimebundle_()]
)
def test_graphviz_is_given_up_with_advice(tmp_path, monkeypatch, way):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TimeoutError, match=r"had not drawn the graph after 0\.5 s and was stopped; fold more of it"):
        way(slow())
    assert processes() == set()


def test_the_time_limit_is_that_of_the_call_and_stays_with_copies():
    drawing = draw(neuron(), timeout=7)
    assert drawing.timeout == 7.0
    assert drawing.copy().timeout == 7.0
    assert drawing.copy().source == drawing.source
    with pytest.raises(TimeoutError, match=r"after 1e-06 s"):
        draw(neuron(), timeout=1e-6).pipe("svg")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the stand-in for dot is a shell script")
def test_a_slow_system_graphviz_is_stopped_with_all_that_it_started(tmp_path, monkeypatch):
    dot = tmp_path / "dot"
    dot.write_text(f"#!/bin/sh\nsleep 600 & echo $! > {tmp_path}/pid\nwait\n")
    dot.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(TimeoutError):
        draw(neuron(), timeout=1.0).pipe("svg")
    started = int((tmp_path / "pid").read_text())
    for _ in range(500):
        try:
            os.kill(started, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{started}/stat").exists() and ") Z " in Path(f"/proc/{started}/stat").read_text():
            return  # ended, and only waiting to be counted
        time.sleep(0.01)
    os.kill(started, signal.SIGKILL)
    pytest.fail("what the system's dot had started still ran")


@pytest.mark.parametrize("kind", [*MAGIC, "gv", "dot"])
def test_files_go_by_their_ending(no_dot, tmp_path, kind):
    for name in (f"g.{kind}", f"G.{kind.upper()}"):
        assert draw(neuron()).save(tmp_path / name) == str(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(MAGIC.get(kind, b"digraph"))


@pytest.mark.parametrize("way", [Drawing.save, Drawing.render])
@pytest.mark.parametrize("name", ["g.jpg", "g.svg.exe", "g.1"])
def test_other_endings_are_refused_before_anything_is_written(tmp_path, way, name):
    with pytest.raises(ValueError, match=r"a file name must end in \.svg, \.png, \.pdf, \.dot or \.gv, got "):
        way(draw(neuron()), name, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["g", "svg", ".svg", ""])
def test_names_without_an_ending_are_refused_by_save(tmp_path, name):
    with pytest.raises(ValueError, match="a file name must end in "):
        draw(neuron()).save(name, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_a_viewer_is_opened(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(graphviz, "view", lambda path, quiet: opened.append(os.fspath(path)))
    monkeypatch.chdir(tmp_path)
    draw(neuron()).render("g.svg", view=True)
    assert draw(neuron()).view("h") == "h.pdf"
    assert opened == ["g.svg", "h.pdf"]


def test_a_format_that_is_not_that_of_the_file_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="format must be that of the file name, 'png', got 'svg'"):
        draw(neuron()).render(tmp_path / "g.png", format="svg")
    assert list(tmp_path.iterdir()) == []


def png_width(path: Path) -> int:
    """Width in pixels."""
    return int.from_bytes(path.read_bytes()[16:20], "big")


def svg_width(path: Path) -> float:
    """Width in points."""
    return float(tree(path.read_bytes()).get("width").removesuffix("pt"))


@pytest.mark.slow
@pytest.mark.parametrize("system", ["without dot", "with dot"])
def test_files_are_as_wide_and_as_fine_as_asked(request, tmp_path, system):
    if system == "without dot":
        request.getfixturevalue("no_dot")
    elif not shutil.which("dot"):
        pytest.skip("this system has no dot")
    drawing = draw(neuron())
    for name, options in {"a": {}, "b": {"dpi": 192}, "c": {"width": 1200}}.items():
        drawing.save(tmp_path / f"{name}.png", **options)
        drawing.save(tmp_path / f"{name}.svg", **options)
    assert abs(png_width(tmp_path / "b.png") - 2 * png_width(tmp_path / "a.png")) <= 2
    assert abs(png_width(tmp_path / "c.png") - 1200) <= 1
    assert svg_width(tmp_path / "a.svg") == svg_width(tmp_path / "b.svg")
    assert abs(svg_width(tmp_path / "c.svg") - 900) <= 1
    draw(neuron(), width=600).save(tmp_path / "own.png")
    assert abs(png_width(tmp_path / "own.png") - 600) <= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dpi": 0}, "dpi must be an int from 1 to 2400, got 0"),
        ({"dpi": 96.5}, r"dpi must be an int .* got 96\.5"),
        ({"width": 0}, "width must be an int from 1 to 32000, got 0"),
        ({"width": "100%"}, "width must be .* got '100%'"),
    ],
)
def test_sizes_that_cannot_be_are_refused(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        draw(neuron()).save(tmp_path / "g.png", **options)
    if "width" in options:
        with pytest.raises(ValueError, match=words):
            draw(neuron(), **options)


# --------------------------------------------------------------------------------------------------------------- labels

HOSTILE = [
    "<b>bold</b>",
    "<table><tr><td>x</td></tr></table>",
    "<<b>x</b>>",
    "<",
    ">",
    'say "hi"',
    '"',
    '\\"',
    "'",
    "a\\nb",
    "\\",
    "\\\\",
    "ends with \\",
    "\\N \\G \\E \\L \\l \\r",
    "{x|y}",
    "{",
    "}}",
    "|",
    "<port> field",
    "&amp; & &lt; &#65; &eacute; &",
    "a;b,c[d]=e->f--g",
    "// no comment /* here */ # 1",
    "%s %d {0}",
    "]]>",
    "<!-- -->",
    "<script>alert(1)</script>",
    "Größe",
    "損失",
    "e\u0301",
    "😀",
    "$x^2$",
    "digraph",
    "n0",
    "true",
]


def one_line(label: str) -> str:
    """What a label is to look like: its characters, each run of blanks or of what cannot be shown as one blank."""
    return " ".join("".join(c if c.isprintable() else " " for c in label).split())


def test_hostile_labels_are_shown_as_text(no_dot):
    total = Value(0.0)
    for label in HOSTILE:  # one picture for all of them
        total = total + Value(1.0, label=label)
    picture = draw(total, most=200).pipe("svg")
    root = tree(picture)
    shown = [element.text for element in root.iter(f"{SVG}text")]
    assert [label for label in HOSTILE if shown.count(label) != 1] == []
    tooltips = [box.tooltip for box in boxes(picture).values()]
    assert [label for label in HOSTILE if tooltips.count(f"{label}: data 1.0, grad 0.0") != 1] == []
    assert elements(root) <= PLAIN  # and nothing that a label brought along
    assert not [element for element in root.iter() if any("href" in name for name in element.attrib)]


PLAIN = {"svg", "style", "g", "title", "polygon", "path", "polyline", "text", "ellipse", "a"}


def elements(root):
    return {element.tag.removeprefix(SVG) for element in root.iter()}


def test_hostile_names_of_groups_are_shown_as_text(no_dot):
    class Named:
        def named_parameters(self):
            return parameters.items()

    names = [label for label in HOSTILE if not set(".[]") & set(label)]
    parameters = {f"{name}.{i}.w": Value(1.0) for i, name in enumerate(names)}
    total = sum((parameter * 2 for parameter in parameters.values()), Value(0.0))
    for depth in (1, 2):
        picture = draw(total, names=Named(), depth=depth, most=500).pipe("svg")
        shown = set(clusters(picture) if depth == 2 else texts(picture))
        assert [name for i, name in enumerate(names) if f"{name} {i}" not in shown] == []
        assert elements(tree(picture)) <= PLAIN


def test_hostile_names_of_shares_are_shown_as_text_beside_their_arrows(no_dot):
    total = Value(0.0)
    for i in range(0, len(HOSTILE) - 1, 2):
        shares = engine.softmax([Value(1.0), Value(2.0)])
        for share, label in zip(shares, HOSTILE[i:]):
            share.label = label
            total = total + share.exp()
    picture = draw(total, most=200).pipe("svg")
    noted = [note for _, notes, _ in edges(picture) for note in notes]
    assert [label for label in HOSTILE[: len(HOSTILE) // 2 * 2] if label not in noted] == []
    assert elements(tree(picture)) <= PLAIN


@pytest.mark.slow
def test_a_hostile_title_is_shown_as_text(no_dot):
    for label in HOSTILE:
        picture = draw(Value(1.0, label=label)).pipe("svg")
        wanted = "".join(c for c in label if c not in '"\\&')
        assert title(picture).split() == ["Computation", "graph", "of", *wanted.split()]


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("two\nlines", "two lines"),
        ("tab\tand  blanks ", "tab and blanks"),
        ("\u200fright\u202eleft\u2066", "right left"),
        ("nul\x00bell\x07", "nul bell"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("a" * 10_000, "a" * 19 + "..." + "a" * 18),
        ("<b>" * 5_000, ("<b>" * 7)[:19] + "..." + "<b>" * 6),
        ("\n", None),
        ("\u200f", None),
    ],
)
def test_labels_are_shown_on_one_short_line(no_dot, label, shown):
    leaf = Value(1.5, label=label)
    assert texts(draw(leaf).pipe("svg")) == [*([shown] if shown else []), "data", "1.5", "grad", "0"]
    assert leaf.label == label


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
def test_directions(no_dot, direction):
    drawing = draw(neuron(), direction=direction)
    assert f"rankdir={direction}" in drawing.source
    picture = drawing.pipe("svg")
    places = {name: box_with(picture, name)[3:5] for name in ("x", "y")}
    axis, forward = (0, direction == "LR") if direction in ("LR", "RL") else (1, direction == "TB")
    assert (places["x"][axis] < places["y"][axis]) == forward


@pytest.mark.slow
@example("]")
@example("]]")
@given(st.text(max_size=60))
@settings(max_examples=15)
def test_any_label_is_shown_as_text(label):
    shown = texts(Drawing.pipe(draw(Value(1.0, label=label)), "svg"))
    line = one_line(label)
    if len(line) > 40:
        line = plain_label(label)
    assert shown == [*([line] if line else []), "data", "1", "grad", "0"] or not label


@given(st.text())
def test_a_shortened_label_is_one_printable_line_of_at_most_40_characters(label):
    line = plain_label(label)
    assert len(line) <= 40
    assert line.isprintable()
    assert line == one_line(label) or len(one_line(label)) > 40


@given(st.text(), st.sampled_from(["LR", "TB"]))
def test_source_is_text_that_python_can_write(label, direction):
    draw(Value(1.0, label=label) + 1, direction=direction).source.encode("utf-8")


# -------------------------------------------------------------------------------------------------- sameness and limits


def test_equal_graphs_give_equal_bytes():
    drawings = [draw(neuron()) for _ in range(3)]
    assert len({drawing.source for drawing in drawings}) == 1
    models = [MLP(2, [3, 1], seed=0)([1.0, 2.0]) for _ in range(2)]
    assert draw(models[0]).source == draw(models[1]).source
    assert draw(neuron()).source != draw(tanh(neuron())).source


def test_drawing_changes_no_value():
    y = neuron()
    before = [(v.data, v.grad, v.label) for v in engine.topological_order(y)]
    draw(y)
    assert [(v.data, v.grad, v.label) for v in engine.topological_order(y)] == before


@pytest.mark.parametrize(("precision", "shown"), [(1, "3"), (4, "3.142"), (17, "3.1415926535897931")])
def test_precision_is_the_count_of_digits(precision, shown):
    assert f">{shown}<" in draw(Value(3.141592653589793), precision=precision).source


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, -0.0])
def test_numbers_of_every_kind(number):
    x = Value(number)
    y = x + 1
    y.backward(number)
    shown = f"{number or 0.0:.4g}".replace("-", "−")
    assert texts(draw(y).pipe("svg")).count(shown) >= 2  # as data, and as gradient


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"direction": "X"}, r'direction must be "LR", "TB", "RL" or "BT", got \'X\''),
        ({"direction": "lr"}, "direction must be .* got 'lr'"),
        ({"direction": None}, "direction must be .* got None"),
        ({"direction": ["LR"]}, "direction must be "),
        ({"precision": 0}, "precision must be an int from 1 to 17, got 0"),
        ({"precision": 18}, "precision must be .* got 18"),
        ({"precision": 2.0}, r"precision must be .* got 2\.0"),
        ({"precision": "4"}, "precision must be .* got '4'"),
        ({"precision": True}, "precision must be .* got True"),
        ({"most": 2}, "most must be an int >= 3, got 2"),
        ({"most": "many"}, "most must be .* got 'many'"),
        ({"most": None}, "most must be .* got None"),
        ({"most": True}, "most must be .* got True"),
        ({"derivatives": "no"}, "derivatives must be True or False, got 'no'"),
        ({"derivatives": None}, "derivatives must be .* got None"),
        ({"theme": "blue"}, 'theme must be "auto", "light", "dark" or "print", got \'blue\''),
        ({"theme": None}, "theme must be .* got None"),
        ({"depth": -1}, "depth must be an int >= 0, got -1"),
        ({"depth": 1.5}, r"depth must be .* got 1\.5"),
        ({"timeout": 0}, r"timeout must be a number of seconds > 0 and <= 1e\+06, got 0"),
        ({"timeout": float("nan")}, "timeout must be .* got nan"),
        ({"timeout": float("inf")}, "timeout must be .* got inf"),
        ({"timeout": "soon"}, "timeout must be .* got 'soon'"),
        ({"timeout": True}, "timeout must be .* got True"),
    ],
)
def test_wrong_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        draw(neuron(), **options)


@pytest.mark.parametrize("thing", [None, 3.0, "x", [Value(1.0)], Value, MLP(2, [2], seed=0)([1, 2])])
def test_what_is_no_value_is_refused(thing):
    with pytest.raises(TypeError, match="the root of a graph must be a Value, got "):
        draw(thing)


def test_importing_the_engine_loads_no_graphviz():
    program = "import sys, engine; print('graphviz' in sys.modules, 'numpy' in sys.modules); engine.draw"
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert out.split() == ["False", "False"]


@pytest.mark.parametrize("ending", ["svg", "png", "dot"])
def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch, ending):
    target = tmp_path / f"graph.{ending}"
    target.write_bytes(b"older")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("engine.whole_files.os.fsync", full)
    with pytest.raises(OSError, match=re.escape(str(target))):
        draw(Value(1.0)).save(target)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(target.name, b"older")]

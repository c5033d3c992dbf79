"""Pictures of graphs: with and without a system Graphviz, labels of every kind, and what is not drawn."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import graphviz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from engine import Value, draw, tanh
from engine.drawing import Drawing, shortened_label, written
from nn import MLP

SVG = "{http://www.w3.org/2000/svg}"
MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-"}


@pytest.fixture
def no_dot(monkeypatch):
    """A system without Graphviz, whatever this one has."""

    def missing(command, *_args, **_options):
        raise graphviz.ExecutableNotFound(command)

    monkeypatch.setattr("graphviz.backend.execute.run_check", missing)


def neuron() -> Value:
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    y = tanh(x * w + b)
    y.label = "y"
    y.backward()
    return y


def texts(picture: bytes) -> list[str]:
    """Every text in an SVG, in its order."""
    return [element.text for element in ET.fromstring(picture).iter(f"{SVG}text")]


def test_a_picture_shows_every_label_number_gradient_and_operation(no_dot):
    shown = texts(draw(neuron()).pipe("svg"))
    assert [text for text in shown if text in "xwby"] == ["x", "w", "b", "y"]
    for text in ("data 2", "grad -1.503", "data -3", "grad 1.002", "data 6.88", "data 0.88", "data 0.7064", "grad 1"):
        assert shown.count(text) == 1, text
    assert shown.count("grad 0.501") == 3  # of x * w, of b, and of their sum
    assert sorted(text for text in shown if text in ("*", "+", "tanh")) == ["*", "+", "tanh"]


def test_every_arrow_is_there_once():
    a = Value(2.0, label="a")
    drawing = draw(a * a + a)
    arrows = sorted(line.strip() for line in drawing.body if "->" in line)
    assert arrows == sorted(["n0 -> n1op", "n0 -> n1op", "n1op -> n1", "n0 -> n2op", "n1 -> n2op", "n2op -> n2"])


def test_plain_numbers_have_no_gradient_and_no_box(no_dot):
    drawing = draw(Value(2.0, label="x") * 3.25)
    assert texts(drawing.pipe("svg")).count("3.25") == 1
    (line,) = [line for line in drawing.body if "3.25" in line]
    assert "plaintext" in line
    assert "grad" not in line


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
    assert set(bundle) == {"image/svg+xml"}
    assert "tanh" in texts(bundle["image/svg+xml"].encode())


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
    ],
)
@pytest.mark.parametrize("system", ["without dot", "with dot"])
def test_render_writes_the_files(request, tmp_path, monkeypatch, system, args, options, name, kind, files):
    if system == "without dot":
        request.getfixturevalue("no_dot")
    elif not shutil.which("dot"):
        pytest.skip("this system has no dot")
    monkeypatch.chdir(tmp_path)
    assert draw(neuron()).render(*args, **options).replace("\\", "/") == name
    assert (tmp_path / name).read_bytes().startswith(MAGIC[kind])
    assert sorted(file.name for file in tmp_path.iterdir()) == files


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


@pytest.mark.parametrize("kind", [*MAGIC, "gv"])
def test_written_goes_by_the_ending(no_dot, tmp_path, kind):
    for name in (f"g.{kind}", f"g.{kind.upper()}"):
        written(draw(neuron()), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(MAGIC.get(kind, b"digraph"))


@pytest.mark.parametrize("name", ["g.jpg", "g", "svg", ".svg", "g.svg.exe", ""])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="the ending says the kind of picture; svg, png, pdf or gv is wanted"):
        written(draw(neuron()), tmp_path / name)


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
    root = ET.fromstring(draw(total).pipe("svg"))
    shown = [element.text for element in root.iter(f"{SVG}text")]
    assert [label for label in HOSTILE if shown.count(label) != 1] == []
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "g", "title", "polygon", "path", "polyline", "text", "ellipse")
    }  # and nothing that a label brought along


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
    assert texts(draw(leaf).pipe("svg")) == [*([shown] if shown else []), "data 1.5", "grad 0"]
    assert leaf.label == label


@pytest.mark.parametrize("direction", ["LR", "RL", "TB", "BT"])
def test_directions(no_dot, direction):
    drawing = draw(neuron(), direction=direction)
    assert f"rankdir={direction}" in drawing.source
    root = ET.fromstring(drawing.pipe("svg"))
    places = {}
    for group in root.iter(f"{SVG}g"):
        text = group.find(f"{SVG}text")
        if text is not None and text.text in ("x", "y"):
            places[text.text] = (float(text.get("x")), float(text.get("y")))
    axis, forward = (0, direction == "LR") if direction in ("LR", "RL") else (1, direction == "TB")
    assert (places["x"][axis] < places["y"][axis]) == forward


@given(st.text(max_size=60))
@settings(max_examples=15)
def test_any_label_is_shown_as_text(label):
    shown = texts(Drawing.pipe(draw(Value(1.0, label=label)), "svg"))
    line = one_line(label)
    if len(line) > 40:
        line = shortened_label(label)
    assert shown == [*([line] if line else []), "data 1", "grad 0"]


@given(st.text())
def test_a_shortened_label_is_one_printable_line_of_at_most_40_characters(label):
    line = shortened_label(label)
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


@pytest.mark.parametrize(("precision", "shown"), [(1, "data 3"), (4, "data 3.142"), (17, "data 3.1415926535897931")])
def test_precision_is_the_count_of_digits(precision, shown):
    assert shown in draw(Value(3.141592653589793), precision=precision).source


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, -0.0])
def test_numbers_of_every_kind(number):
    assert f"data {number:.4g} " in draw(Value(number) + 1).source


def chain(length: int) -> Value:
    """A graph of so many nodes: a leaf, and x + x."""
    x = Value(1.0)
    for _ in range(length - 1):
        x = x + x
    return x


def test_large_graphs_are_refused_with_advice():
    assert draw(chain(500)).source.count("label=") >= 500
    with pytest.raises(
        ValueError,
        match=r"the graph has 501 nodes, and a picture of more than 500 takes long and cannot be read; "
        r"draw a part of it, such as the output of one neuron, or a smaller network \(or raise most=\.\.\.\)",
    ):
        draw(chain(501))
    with pytest.raises(ValueError, match="the graph has 100,000 nodes, and a picture of more than 2 takes"):
        draw(chain(100_000), most=2)
    assert draw(chain(501), most=501)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"direction": "X"}, r'direction: "LR", "TB", "RL" or "BT" is wanted, not \'X\''),
        ({"direction": "lr"}, "direction: .* not 'lr'"),
        ({"direction": None}, "direction: .* not None"),
        ({"direction": ["LR"]}, "direction: "),
        ({"precision": 0}, "precision: a whole number of digits from 1 to 17 is wanted, not 0"),
        ({"precision": 18}, "precision: .* not 18"),
        ({"precision": 2.0}, r"precision: .* not 2\.0"),
        ({"precision": "4"}, "precision: .* not '4'"),
        ({"precision": True}, "precision: .* not True"),
        ({"most": 0}, "most: a whole number above 0 is wanted, not 0"),
        ({"most": "many"}, "most: .* not 'many'"),
        ({"most": None}, "most: .* not None"),
        ({"most": True}, "most: .* not True"),
    ],
)
def test_wrong_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        draw(neuron(), **options)


@pytest.mark.parametrize("thing", [None, 3.0, "x", [Value(1.0)], Value, MLP(2, [2], seed=0)([1, 2])])
def test_what_is_no_value_is_refused(thing):
    with pytest.raises(TypeError, match="the root of a graph is a Value, not "):
        draw(thing)


def test_importing_the_engine_loads_no_graphviz():
    program = "import sys, engine; print('graphviz' in sys.modules, 'numpy' in sys.modules); engine.draw"
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert out.split() == ["False", "False"]

"""One list of labels, as strangers may write them, through everything that shows a label: it is text, and stays short.

What each tool makes of its own special characters at length is tested with that tool.
"""

import json
import re
import xml.etree.ElementTree as ET
from functools import cache
from html.parser import HTMLParser

import pytest
from matplotlib.text import Text
from networks import XOR_X
from svg import SVG, boxes, texts, tree

from engine import Value, backprop, compile, detect_anomaly, draw, forward, stepper
from engine.validation import one_line, plain_label
from nn import MLP
from nn.__main__ import main
from nn.cli.train import confusion_table
from nn.pictures import TrainingStepper, decision_boundary, network, wanted_changes, worst_mistakes
from nn.pictures import confusion_table as pictured_confusions

LABELS = {
    "html": '<b>bold</b><img src=x onerror="alert(1)">&amp;',
    "script": "</script><script>alert(1)</script>",
    "comment": "<!-- <script> -->]]>",
    "table": "</TD></TR></TABLE>>, shape=star",
    "quotes": '"\'`" \' \\"',
    "newlines": "one\ntwo\r\nthree\u2028four\vfive",
    "braces": "{{{x|y}}} } {",
    "backslashes": "\\N \\input{x} \\\\ \\",
    "mathematics": "$\\frac{1$ x_1^2 #1 % ~",
    "directions": "\u202eright to left\u202c\u200f\u2066",
    "terminal": "\x1b[31mred\x1b[0m\x1b]0;title\x07\b\b",
    "format": "{0} {label} %s %n %(x)s",
    "nul": "a\x00b\ufffe\ud800c",
    "letters": "Größe 損失 e\u0301 😀",
    "dunder": "__class__",
    "long": "abc " * 2_500,
    "long html": "<i>" * 3_334,
}


def batched(things):
    return zip(things[::2], things[1::2])


pytestmark = pytest.mark.filterwarnings("ignore:Glyph .* missing:UserWarning")  # matplotlib's font has not every letter
every_label = pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)


def on_one_line(label):
    """What is to be seen of a label: its printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in label).split())


def graph(label):
    """L = (label * w + b)**2."""
    x = Value(2.0, label=label)
    return (x * Value(-3.0, label="w") + Value(1.0, label="b")) ** 2


@every_label
def test_the_list_is_what_it_says(label):
    assert one_line(label) == on_one_line(label)
    assert len(plain_label(label)) <= 40


# ------------------------------------------------------------------------------------------------------------ pictures


@cache
def outline_of_picture(label):
    """The kinds of elements in a picture with that label on a leaf and on the root; how many boxes; its texts."""
    root = graph(label)
    leaf = root.operands[0].operands[0].operands[0]
    svg = draw(root, names={label: root}, between=(leaf, root)).pipe("svg")
    assert not [element for element in tree(svg).iter() if any("href" in name for name in element.attrib)]
    return {element.tag for element in tree(svg).iter()}, len(boxes(svg)), texts(svg)


@every_label
def test_the_graph(label):
    kinds, n_boxes, shown = outline_of_picture(label)
    assert (kinds, n_boxes) == outline_of_picture("x")[:2]
    assert all(len(text) < 60 for text in shown)
    assert [text.split() for text in shown].count(plain_label(label).split()) == 2 - (label[:1] == "_")  # a variable's


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_all_labels_in_one_graph(direction):
    total = Value(0.0)
    for label in LABELS.values():
        total = total + Value(1.0, label=label)
    shown = [" ".join(text.split()) for text in texts(draw(total, direction=direction, most=200).pipe("svg"))]
    assert [name for name, label in LABELS.items() if plain_label(label) not in shown] == []


def test_the_program():
    values = [Value(1.0, label=label) for label in LABELS.values()]
    program = compile(sum(v.tanh() for v in values))
    assert {element.tag for element in tree(program.draw().pipe("svg")).iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "style", "g", "title", "polygon", "path", "polyline", "text", "ellipse", "a")
    }
    assert repr(program).isascii()


class Outline(HTMLParser):
    """The tags of a page, with the names of their attributes; what stands in scripts and texts is no part of it."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_comment(self, data):
        self.tags.append(("comment", ()))


@cache
def harmless_page():
    return stepper(graph("x")).html


@every_label
def test_the_stepper(label):
    page, harmless = stepper(graph(label)).html, harmless_page()
    assert Outline(page).tags == Outline(harmless).tags
    assert len(page) < len(harmless) + 20_000
    frame = stepper(graph(label))._repr_html_()
    assert [tag for tag, _ in Outline(frame).tags] == [
        tag for tag, _ in Outline(stepper(graph("x"))._repr_html_()).tags
    ]


def shown_in(figure):
    """The texts of a figure; none is taken for a formula, nor lies on more lines than it is to."""
    found = [text for text in figure.findobj(Text) if text.get_text()]
    assert not [text for text in found if text.get_parse_math() and "$" in text.get_text()]
    assert not [text for text in found if text.get_usetex()]
    figure.savefig("/dev/null", format="svg")
    assert all(c.isprintable() or c == "\n" for text in found for c in text.get_text())
    assert all(len(line) < 130 for text in found for line in text.get_text().split("\n"))
    return [text.get_text() for text in found]


@pytest.mark.parametrize("pair", list(batched([*LABELS.values(), "x"])))
@pytest.mark.slow
def test_pictures_of_networks(pair):
    model = MLP(2, [3, 1], seed=0)
    y = [*pair, *pair]
    model.fit(XOR_X, y, loss="binary_cross_entropy", epochs=1, seed=0, progress=False)
    figures = [
        network(model, [0.5, 1.0], pair[0], input_names=pair),
        decision_boundary(model, XOR_X, y, input_names=pair, title=pair[0], resolution=10),
        pictured_confusions(model, XOR_X, y),
        worst_mistakes(model, XOR_X, y, (1, 2)),
        wanted_changes(model, XOR_X, y).picture(),
    ]
    for figure in figures:
        shown = " ".join(shown_in(figure))
        assert any(on_one_line(label)[:2].strip() in shown for label in pair)


@cache
def tags_of_training(label, file):
    walk = TrainingStepper(MLP(2, [2, 1], seed=0), XOR_X, [label, "b"] * 2, loss="binary_cross_entropy")
    walk.forward()
    walk.save(file)
    return Outline(file.read_text(encoding="utf-8")).tags


@every_label
@pytest.mark.slow
def test_the_training_stepper(label, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "walk.html"
    assert tags_of_training(label, file) == tags_of_training("a", file)


# ------------------------------------------------------------------------------------------------------------ formulas

COMMANDS = {"frac", "partial", "left", "right", "times", "begin", "end", "mathrel"}  # of formulas
COMMANDS |= {"mathrm", "text", "backslash", "lt", "gt", "sim", "wedge", "prime", "ast"}  # for characters in names


@every_label
def test_steps_as_latex(label):
    for step in [*forward(graph(label)), *backprop(graph(label))]:
        code = step.latex
        assert set(re.findall(r"\\([a-zA-Z]+)", code)) <= COMMANDS
        assert set(re.findall(r"\\([^a-zA-Z])", code)) <= set("{}#$%&_ \\\n")
        bare = re.sub(r"\\.", "", code, flags=re.DOTALL)
        assert not set("$#%~") & set(bare)
        depth = 0
        for c in bare:
            depth += (c == "{") - (c == "}")
            assert depth >= 0
        assert depth == 0
        assert bare.replace("\n", "").isprintable()
        assert len(code) < 6_000


@every_label
def test_steps_as_mathml(label):
    for step in [*forward(graph(label)), *backprop(graph(label))]:
        root = ET.fromstring(f"<page>{step.mathml}</page>")
        tags = {element.tag for element in root.iter()} - {"page"}
        assert tags <= {"math", "mrow", "mi", "mn", "mo", "mfrac", "msup", "msub", "msqrt", "mtext"}
        assert not [element for element in root.iter("mrow") if element.attrib]
    words = {"".join(element.itertext()) for element in ET.fromstring(f"<page>{step.mathml}</page>").iter()}
    assert plain_label(label) in words


# ------------------------------------------------------------------------------------------------------ the terminal


def assert_plain(text, lines=None):
    """Nothing in it moves the cursor, changes colours or turns text around; it has so many lines."""
    assert all(c.isprintable() or c == "\n" for c in text)
    assert all(len(line) < 1100 for line in text.split("\n"))
    assert lines is None or len(text.strip("\n").split("\n")) == lines


@every_label
def test_steps_as_text(label):
    harmless = [*forward(graph("x")), *backprop(graph("x"))]
    for step, other in zip([*forward(graph(label)), *backprop(graph(label))], harmless, strict=True):
        assert_plain(str(step), lines=str(other).count("\n") + 1)


@every_label
def test_a_value_and_its_errors(label):
    assert_plain(repr(graph(label).operands[0])[:1000], lines=1)
    x = Value(-1.0, label=label)
    zero, large = Value(0.0, label=label), Value(1e300, label=label)
    attempts = [
        x.log,
        x.sqrt,
        large.exp,
        lambda: 1.0 / zero,
        lambda: zero**-1,
        lambda: x**0.5,
        lambda: large**3,
        large.acos,
        lambda: Value(x),
        lambda: compile(x * 2, inputs=[x], parameters=[x]),
        lambda: compile(x, inputs=x),
        lambda: compile(x * 2, parameters=[Value(1.0, label=label)]),
    ]
    for attempt in attempts:
        with pytest.raises((ArithmeticError, ValueError, TypeError)) as told:
            attempt()
        assert_plain(str(told.value), lines=1)
        assert len(str(told.value)) < 400
    with detect_anomaly(kinks=True) as found:
        zero.relu()
        with pytest.raises(FloatingPointError) as told:
            large * large
    assert_plain(str(told.value) + "".join(found.kinks), lines=1)


@every_label
def test_tables(label):
    table = confusion_table([label, "b"], [label, "b"], [label, label])
    assert_plain(table, lines=3)
    model = MLP(2, [1], seed=0)
    assert_plain(str(wanted_changes(model, XOR_X, [label, "b"] * 2, loss="binary_cross_entropy")), lines=4)


@every_label
def test_the_command(label, tmp_path, capsys, monkeypatch):
    """Classes in a model file come from whoever made the file, and those in a CSV file too."""
    monkeypatch.chdir(tmp_path)
    model = MLP(1, [1], seed=0)
    model.loss, model.classes = "binary_cross_entropy", [label, label + "!"]
    model.save("model.json")
    (tmp_path / "rows.csv").write_text("1\n2\n-3\n", encoding="utf-8")
    assert main(["predict", "model.json", "rows.csv"]) == 0
    said = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in said)
    assert said.count("\n") == 3
    model.classes = None
    content = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    content["kind"] = label
    (tmp_path / "model.json").write_text(json.dumps(content), encoding="utf-8")
    assert main(["predict", "model.json", "rows.csv"]) == 1
    assert_plain(capsys.readouterr().err, lines=1)
    assert main(["step", label, f"x={label}"]) == 1
    assert_plain(capsys.readouterr().err, lines=1)
    assert main(["train", label.replace("\x00", "")]) == 1
    assert_plain(capsys.readouterr().err, lines=1)

"""stepper: what its page and its animation hold, before any browser shows it."""

import base64
import hashlib
import html
import io
import json
import math
import re
import sys
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import OPERATIONS

import engine
from engine import Value, backprop, log, relu, sigmoid, stepper, tanh, topological_order
from engine.debugging.finite_differences import CentralDifference, Slopes, Verdict, central_differences
from engine.expressions.nodes import format_number
from engine.expressions.writers import text
from engine.operations import CONSTANT
from engine.stepping.layout import lay_out
from engine.stepping.page import embed_json
from engine.stepping.walk import record_walk
from nn import MLP
from nn.__main__ import main


def neuron() -> Value:
    """A neuron whose first input is used twice."""
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    return tanh(x * w + b) * x + 3


def data_of(page: str) -> dict:
    """The data in a page, read as a browser reads it: up to the first end of the element."""
    found = re.search(r'<script id="walk" type="application/json">(.*?)</script', page, re.DOTALL)
    return json.loads(found[1])


# ---------------------------------------------------------------------------------------------------- the page's data


@pytest.mark.parametrize("precision", [1, 4, 17])
def test_the_steps_are_those_of_backprop(precision):
    root = neuron()
    data = data_of(stepper(root, precision=precision).html)
    nodes = topological_order(root)
    steps = list(backprop(root))
    for node, shown in zip(nodes, data["nodes"], strict=True):
        assert (shown["data"], shown["op"]) == (format_number(node.data, precision), node.op)
    for step, shown in zip(steps, data["steps"], strict=True):
        assert nodes[shown["node"]] is step.node
        given = [c for c in step.contributions if c.operand.op != CONSTANT]
        for contribution, gift in zip(given, shown["gives"], strict=True):
            edge = data["edges"][gift["edge"]]
            assert (nodes[edge["from"]], nodes[edge["to"]]) == (contribution.operand, step.node)
            assert edge["derivative"] == format_number(contribution.local_derivative, precision)
            assert gift["amount"] == format_number(contribution.amount, precision)
            assert gift["total"] == format_number(contribution.total, precision)
            assert gift["before"] == format_number(contribution.before, precision)


def test_both_operands_of_x_minus_x_keep_their_places():
    x = Value(3.0, label="x")
    data = data_of(stepper(x - x).html)
    assert [edge["derivative"] for edge in data["edges"]] == ["1", "-1"]
    assert [gift["edge"] for gift in data["steps"][0]["gives"]] == [0, 1]
    assert [edge["shift"] for edge in data["edges"]] == [-12.0, 12.0]
    upper, lower = (float(re.match(r"M[\d.-]+,([\d.-]+)C", edge["path"])[1]) for edge in data["edges"])
    assert upper < lower


def test_names_come_from_labels_callers_and_the_result():
    x, w = Value(2.0), Value(3.0, label="weight")
    loss = x * w + 1
    names = [node["name"] for node in data_of(stepper(loss, names={"x": x, "model": w}).html)["nodes"]]
    assert names == ["x", "weight", "v1", "1", "L"]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e308, 5e-324, -0.0])
def test_numbers_of_every_kind_are_written(number):
    x = Value(number, label="x")
    nodes = data_of(stepper(x * Value(2.0, label="w")).html)["nodes"]
    assert nodes[0]["data"] == f"{number or 0.0:.4g}"
    assert nodes[1]["strength"] is None or math.isfinite(number)


@pytest.mark.parametrize("root", [Value(2.0, label="x"), engine.expression("2"), engine.expression("2*3")])
def test_graphs_with_nothing_to_differentiate(root):
    data = data_of(stepper(root).html)
    assert len(data["nodes"]) == engine.size(root)
    assert [step["gives"] for step in data["steps"]] == [[] for _ in range(bool(root.operands))]


def test_gradients_are_afterwards_what_they_were():
    root = neuron()
    for count, node in enumerate(topological_order(root)):
        node.grad = float(count)
    before = [node.grad for node in topological_order(root)]
    page = stepper(root).html
    assert [node.grad for node in topological_order(root)] == before
    assert page == stepper(neuron()).html  # and what was there before is not in its sums
    with pytest.raises(TypeError, match="names must be variables by name"):
        stepper(root, names=3)
    assert [node.grad for node in topological_order(root)] == before


def test_equal_graphs_give_equal_pages():
    assert stepper(neuron()).html == stepper(neuron()).html
    assert stepper(neuron()).html != stepper(neuron() + 1).html


# ------------------------------------------------------------------------------------------------- finite differences


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
@given(data=st.data())
@settings(max_examples=15)
def test_differences_agree_with_the_gradients_of_every_operation(row, data):
    numbers = data.draw(st.tuples(*(domain.near() for domain in row.domains)))
    if row.kink(*numbers):
        return
    root, leaves = row.on(*numbers)
    walk = record_walk(root * 2)
    for node, gradient, difference in zip(walk.nodes, walk.gradients, central_differences(*walk[::3])):
        if node in leaves and not any(d.whole for d in row.domains):
            assert isinstance(difference, CentralDifference)
            assert difference.slopes.verdict(gradient) is Verdict.AGREES, (node, gradient, difference)


def wrong_tanh(x):
    """The function of a primitive whose derivative is wrong."""
    return math.tanh(x)


def test_a_wrong_derivative_is_found():
    x = Value(0.5, label="x")
    right = tanh(x)
    wrong = engine.primitive(lambda _: 0.7)(wrong_tanh)(x)  # the derivative is 0.786...
    for root, agrees in ((right, True), (wrong, False)):
        check = data_of(stepper(root * 3).html)["nodes"][0]["check"]
        assert check["agrees"] is agrees
        assert float(check["quotient"]) == pytest.approx(3 * (1 - math.tanh(0.5) ** 2), rel=1e-7)
        above, below = float(check["above"]), float(check["below"])
        assert above == pytest.approx(3 * math.tanh(0.5 + float(check["h"])), abs=3e-7)
        assert below == pytest.approx(3 * math.tanh(0.5 - float(check["h"])), abs=3e-7)
        assert below < above


def only(root: Value) -> CentralDifference | str:
    """The difference with respect to the first node of a graph."""
    walk = record_walk(root)
    return next(central_differences(walk.nodes, walk.gradients))


def verdict(root: Value) -> Verdict:
    """Whether the gradient of the first node of a graph agrees with its difference."""
    return only(root).slopes.verdict(record_walk(root).gradients[0])


def test_differences_at_kinks_and_edges():
    x = Value(0.0, label="x")
    assert only(relu(x) * 2).quotient == pytest.approx(1.0)
    assert only(relu(x) * 2).slopes[:2] == (0.0, 2.0)
    assert verdict(relu(x) * 2) is Verdict.AGREES
    assert verdict(log(Value(1e-9))) is Verdict.AGREES
    assert only(engine.sqrt(x)) == "differences do not settle on a slope"
    assert only(Value(math.inf) * 2) == "there is no number beside inf"
    assert only(Value(math.nan) * 2) == "there is no number beside nan"
    assert only(x.detach() + x).quotient == pytest.approx(1.0)
    assert only(x.detach() + 1).quotient == 0.0


@pytest.mark.parametrize("gradient", [math.nan, math.inf, -math.inf, 6.1, 0.0, -6.0])
def test_what_does_not_agree(gradient):
    assert Slopes(6.0, 6.0, 1e-12, 1e-3).verdict(6.0) is Verdict.AGREES
    assert Slopes(6.0, 6.0, 1e-12, 1e-3).verdict(gradient) is Verdict.DIFFERS


def test_differences_of_large_numbers_allow_for_rounding():
    assert verdict((Value(1e-3, label="x") + 1e6) ** 2) is Verdict.AGREES


def test_a_kink_on_the_page_shows_the_slopes_on_both_sides():
    check = data_of(stepper(relu(Value(0.0, label="x")) * 2).html)["nodes"][0]["check"]
    assert (check["agrees"], check["kink"]) == (True, "0 and 2")
    assert "kink" not in data_of(stepper(neuron()).html)["nodes"][0]["check"]


def test_differences_leave_the_graph_alone():
    root = neuron()
    before = [(node.data, node.grad, node.operands) for node in topological_order(root)]
    list(central_differences(topological_order(root), [1.0] * 8))
    assert [(node.data, node.grad, node.operands) for node in topological_order(root)] == before


# ------------------------------------------------------------------------------------------------------------- layout


def loss_of_network() -> tuple[Value, MLP]:
    model = MLP(2, [4, 3, 1], seed=0)
    return (model([Value(1.0, label="x1"), Value(-0.5, label="x2")]) - 1) ** 2, model


@pytest.mark.parametrize("direction", ["LR", "TB", "RL", "BT"])
def test_boxes_have_room_and_arrows_lead_to_them(direction):
    loss, model = loss_of_network()
    walk = record_walk(loss, model)
    layout = lay_out(walk, 4, direction, 60.0)
    for i, a in enumerate(layout.boxes):
        assert -1 <= a.left < a.left + a.width <= layout.width + 1
        assert -1 <= a.top < a.top + a.height <= layout.height + 1
        for b in layout.boxes[:i]:
            beside = a.left + a.width <= b.left or b.left + b.width <= a.left
            assert beside or a.top + a.height <= b.top or b.top + b.height <= a.top
    assert len(layout.edges) == sum(len(node.operands) for node in walk.nodes)
    for edge in layout.edges:
        for place, (x, y) in ((edge.operand, edge.route[0]), (edge.node, edge.route[-1])):
            left, top, width, height = layout.boxes[place]
            assert left - 2 <= x <= left + width + 2
            assert top - 2 <= y <= top + height + 2
    axis = direction in ("TB", "BT")
    forward = direction in ("LR", "TB")
    first, last = layout.boxes[0], layout.boxes[-1]
    assert (first[axis] < last[axis]) is forward


# --------------------------------------------------------------------------------------------------- text stays text

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    '"&',
    "'\"><img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp;",
    "{{script}} {{walk}}",
    "</title><script>alert(1)</script>",
    "two\nlines",
    "\u2028\u2029",
    "\u202eright to left",
    "a" * 10_000,
    "$x_1$ \\frac",
    "損失 😀",
    "__proto__",
]


@pytest.mark.parametrize("label", HOSTILE)
def test_labels_stay_data(label):
    x = Value(2.0, label=label)
    page = stepper((x * 3).tanh(), theme="light").html
    node = data_of(page)["nodes"][0]
    assert label.isprintable() is (node.get("label", node["name"]) == label or len(label) > 28)
    harmless = stepper((Value(2.0, label="x") * 3).tanh(), theme="light").html
    for tag in ("<script", "</script", "<style", "<title", "<img", "<!--"):
        assert page.count(tag) == harmless.count(tag)
    root = Value(1.0, label=label)
    assert stepper(root + 0).html.count("<script") == harmless.count("<script")
    root.label = "".join(c for c in label if c.isprintable())
    titled = stepper(root).html
    assert html.unescape(re.search(r"<title>(.*?)</title>", titled)[1]) == f"Backprop from {text_of(root)}"


def text_of(root: Value) -> str:
    return text(engine.expressions.names.node_formulas(root, {})[root])


@given(st.text())
def test_any_text_can_be_embedded(label):
    code = embed_json({"label": label})
    assert not set("<>&\u2028\u2029") & set(code)
    if not any(0xD800 <= ord(c) < 0xE000 for c in label):
        assert json.loads(code) == {"label": label}


def test_the_policy_names_the_one_script():
    page = stepper(neuron()).html
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in page
    assert not re.search(r"https?://(?!www\.w3\.org/)", page)


def test_jupyter_gets_a_frame_of_its_own():
    shown = stepper(neuron())
    frame = shown._repr_html_()
    assert re.fullmatch(r'<iframe [^<>]*sandbox="allow-scripts"[^<>]*></iframe>', frame)
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]) == shown.html
    assert repr(shown) == '<Stepper: 5 steps through 9 nodes; .save("backprop.html") writes it as a page>'


def test_the_front_end_is_installed_with_the_engine():
    there = {file.name for file in files("engine.stepping").joinpath("static").iterdir()}
    assert {"stepper.html", "stepper.css", "stepper.js", "walk.js", "graph.js", "panel.js", "formulas.js"} <= there


# ------------------------------------------------------------------------------------------- files, and what is refused


@pytest.mark.parametrize("name", ["walk.html", "walk.HTML"])
def test_save_writes_the_page(tmp_path, name):
    shown = stepper(neuron())
    shown.save(tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8") == shown.html


@pytest.mark.parametrize("name", ["walk.png", "walk", "html", ".html.txt", ""])
def test_other_endings_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"a file name must end in \.html or \.gif, got "):
        stepper(neuron()).save(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["walk.html", "walk.gif"])
def test_the_command_writes_the_walk(tmp_path, monkeypatch, capsys, name):
    if name.endswith("gif"):
        pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    assert main(["step", "tanh(x*w + b)", "x=2", "w=-3", "b=6.88", "--html", name]) == 0
    assert capsys.readouterr() == (f"0.706419; the walk through its backprop is in {name}\n", "")
    written_file = (tmp_path / name).read_bytes()
    if name.endswith("html"):
        assert written_file.decode() == stepper(engine.expression("tanh(x*w + b)", x=2, w=-3, b=6.88)).html
    else:
        assert written_file.startswith(b"GIF89a")


@pytest.mark.parametrize("name", ["walk.png", "nowhere/walk.html"])
def test_the_command_says_in_one_line_what_is_wrong(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["step", "x*x", "x=2", "--html", name]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"gradstep: [^\n]+\n", err)


def frames_of(shown: engine.Stepper, **options: float) -> list:
    Image = pytest.importorskip("PIL.Image")
    from engine.stepping.animation import render_gif

    picture = Image.open(io.BytesIO(render_gif(shown._walk, shown._layout, 4, "auto", options.get("seconds", 2.0))))
    frames = []
    for position in range(picture.n_frames):
        picture.seek(position)
        frames.append((picture.convert("RGB"), picture.info["duration"]))
    return frames


def test_the_animation_has_a_frame_for_each_step_and_nothing_jumps(tmp_path):
    pytest.importorskip("PIL")
    root = neuron()
    shown = stepper(root)
    frames = frames_of(shown, seconds=0.5)
    assert [duration for _, duration in frames] == [500] * 5 + [1000]
    scale = frames[0][0].width / (shown._layout.width + 48)
    nodes = shown._walk.nodes
    for position, step in enumerate(shown._walk.steps, 1):
        before, after = (frames[p][0] for p in (position - 1, position))
        touched = {step.node, *step.node.operands, *(shown._walk.steps[position - 2].node,) * (position > 1), root}
        for node, box in zip(nodes, shown._layout.boxes):
            inside = [(box.left + 26) * scale, (box.top + 26) * scale]  # a little inside of the margin
            inside += [(box.left + box.width + 22) * scale, (box.top + box.height + 22) * scale]
            same = before.crop(inside).tobytes() == after.crop(inside).tobytes()
            if node.op != CONSTANT and node not in touched:
                assert same, (position, node)
            elif node in step.node.operands and node.op != CONSTANT:
                assert not same, (position, node)
    shown.save(tmp_path / "walk.gif", seconds=0.5)
    assert (tmp_path / "walk.gif").read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_the_animation_has_the_theme(tmp_path, theme):
    Image = pytest.importorskip("PIL.Image")
    stepper(Value(2.0, label="λ <b>") * 3, theme=theme).save(tmp_path / "walk.gif")
    with Image.open(tmp_path / "walk.gif") as picture:
        corner = picture.convert("RGB").getpixel((2, 2))
    assert (sum(corner) < 150) is (theme == "dark")


@pytest.mark.parametrize("seconds", [0, 0.01, 601, "1", None, True, math.nan])
def test_wrong_seconds_are_refused(tmp_path, seconds):
    with pytest.raises(ValueError, match=r"seconds must be a number of seconds from 0\.02 to 600, got "):
        stepper(neuron()).save(tmp_path / "walk.gif", seconds=seconds)
    assert list(tmp_path.iterdir()) == []


def test_an_animation_without_pillow_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match="an animation needs Pillow: pip install pillow"):
        stepper(neuron()).save(tmp_path / "walk.gif")


def chain(length: int) -> Value:
    x = Value(1.0, label="x")
    for _ in range(length - 1):
        x = sigmoid(x)
    return x


def test_large_graphs_are_refused_with_advice(tmp_path):
    with pytest.raises(
        ValueError, match=r"must have at most 1,000 nodes, got 1,001; take a part .* \(or raise most=\.\.\.\)"
    ):
        stepper(chain(1001))
    with pytest.raises(ValueError, match="must have at most 1,000 nodes, got 100,000"):
        stepper(chain(100_000))
    assert "100 nodes" in repr(stepper(chain(100)))
    with pytest.raises(ValueError, match="a graph on a slide must have at most 80 nodes, got 100"):
        stepper(chain(100)).save(tmp_path / "walk.gif")


def test_a_layout_that_takes_too_long_is_given_up():
    with pytest.raises(TimeoutError, match=r"had not laid out the 300 nodes after 0\.001 s .* \(timeout=\.\.\.\)"):
        stepper(chain(300), timeout=0.001)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"direction": "X"}, 'direction must be "LR", "TB", "RL" or "BT", got'),
        ({"theme": "print"}, 'theme must be "auto", "light" or "dark", got'),
        ({"theme": None}, "theme must be "),
        ({"precision": 0}, "precision must be an int from 1 to 17, got 0"),
        ({"precision": 4.0}, "precision must be "),
        ({"precision": True}, "precision must be "),
        ({"most": 0}, "most must be an int >= 1, got 0"),
        ({"most": None}, "most must be "),
        ({"timeout": 0}, r"timeout must be a number of seconds > 0 and <= 1e\+06, got 0"),
        ({"timeout": math.nan}, "timeout must be "),
    ],
)
def test_wrong_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        stepper(neuron(), **options)


@pytest.mark.parametrize("thing", [None, 3.0, "x", [Value(1.0)]])
def test_what_is_no_value_is_refused(thing):
    with pytest.raises(TypeError, match="the root of a graph must be a Value, got "):
        stepper(thing)

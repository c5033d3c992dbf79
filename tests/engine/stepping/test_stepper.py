"""stepper: what its page holds, before any browser shows it."""

import base64
import hashlib
import html
import json
import math
import re
import subprocess
from importlib.resources import files

import pytest
import svg
from hypothesis import given, settings
from hypothesis import strategies as st
from javascript import NODE, needs_node, run
from operations import OPERATIONS

import engine
from engine import Value, backprop, log, relu, sigmoid, stepper, tanh, topological_order
from engine.debugging.finite_differences import CentralDifference, Slopes, Verdict, central_differences
from engine.drawing.themes import largest_size, tint_strength
from engine.expressions.nodes import format_number
from engine.expressions.writers import text
from engine.operations import CONSTANT
from engine.stepping.layout import lay_out, lay_out_within, text_width
from engine.stepping.page import bundle, embed_json
from engine.steps import record_walk
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


WALKED = """import { Graph } from "./graph.js";
import { Walk } from "./walk.js";

return data.map((page) => {
  const graph = new Graph(page);
  const walk = new Walk(graph);
  const share = ({ edge, from, rule }) =>
    [from, graph.slopes[edge], graph.amounts[edge], graph.before[edge], graph.totals[edge]];
  const steps = walk.steps.map(({ node, gives }) => [node, graph.gradients[node], gives.map(share)]);
  const positions = [...steps.keys(), steps.length];
  const known = positions.map((at) => graph.nodes.map((_, node) => walk.gradientAt(node, at).status[0]).join(""));
  return { steps, known, strengths: graph.nodes.map((_, node) => graph.strength(node)) };
});
"""


@needs_node
def test_the_steps_are_those_of_backprop(tmp_path):
    roots = [neuron(), loss_of_network()[0], engine.logsumexp([Value(1.0), Value(2.0)]), custom()]
    found = run(tmp_path, WALKED, [data_of(stepper(root).html) for root in roots])
    for root, walked in zip(roots, found, strict=True):
        nodes = topological_order(root)
        for (place, gradient, shares), step in zip(walked["steps"], backprop(root), strict=True):
            assert (nodes[place], gradient) == (step.node, step.gradient)
            given = [c for c in step.contributions if c.operand.op != CONSTANT]
            numbers = [[nodes.index(c.operand), c.local_derivative, c.amount, c.before, c.total] for c in given]
            assert shares == numbers
        largest = largest_size(node.grad for node in nodes if node.op != CONSTANT)
        assert walked["strengths"] == pytest.approx([tint_strength(node.grad, largest) for node in nodes])
        for node in nodes:
            node.grad = 0.0


@needs_node
def test_a_gradient_is_unknown_partial_and_complete(tmp_path):
    (walked,) = run(tmp_path, WALKED, [data_of(stepper(neuron()).html)])  # x w v1 b v2 v3 v4 3 L
    known = ["uuuuuuuuc", "uuuuuucuc", "puuuuccuc", "puuucccuc", "pucccccuc", "cccccccuc"]
    assert walked["known"] == known


def custom() -> Value:
    """A graph with an operation of somebody else's, of three operands."""
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(1.0, label="b")
    return Value(-5.0, (x, w, b), "affine", local_grads=(-3.0, 2.0, 1.0)) * x


@pytest.mark.parametrize("precision", [1, 4, 17])
def test_nodes_are_those_of_the_graph(precision):
    root = neuron()
    data = data_of(stepper(root, precision=precision).html)
    for node, shown in zip(topological_order(root), data["nodes"], strict=True):
        assert (shown["data"], shown["op"]) == (node.data, node.op)
    assert data["precision"] == precision
    assert [data["nodes"][place]["name"] for place in data["chosen"]] == ["x", "w", "b"]


def test_a_step_of_descent_moves_a_networks_parameters():
    loss, model = loss_of_network()
    for names in (model, {"model": model, "loss": loss}):
        data = data_of(stepper(loss, names=names).html)
        assert len(data["chosen"]) == len(model.parameters())
        assert not {"x1", "x2"} & {data["nodes"][place]["name"] for place in data["chosen"]}


def test_both_operands_of_x_minus_x_keep_their_places():
    x = Value(3.0, label="x")
    data = data_of(stepper(x - x).html)
    assert [edge["slope"] for edge in data["edges"]] == [1.0, -1.0]
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
    assert repr(float(nodes[0]["data"])) == repr(number)


@pytest.mark.parametrize("root", [Value(2.0, label="x"), engine.expression("2"), engine.expression("2*3")])
def test_graphs_with_nothing_to_differentiate(root):
    data = data_of(stepper(root).html)
    assert len(data["nodes"]) == engine.size(root)
    assert data["chosen"] == [0] * (root.label == "x")


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
@settings(max_examples=8)
def test_differences_agree_with_the_gradients_of_every_operation(row, data):
    numbers = data.draw(row.near)
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


CHECKED = """import { Graph } from "./graph.js";
import { differenceAt, verdictOf } from "./differences.js";

return data.map((page) => {
  const graph = new Graph(page);
  return graph.nodes.map((_, node) => {
    const found = differenceAt(graph, node);
    return found.problem === undefined ? { ...found, ...verdictOf(found, graph.gradients[node]) } : found;
  });
});
"""


def same_difference(shown: dict, difference: CentralDifference | str, gradient: float) -> bool:
    """Whether a page's difference is Python's, up to rounding."""
    if isinstance(difference, str):
        return shown == {"problem": difference}
    slopes = difference.slopes
    numbers = [(shown[name], getattr(difference, name)) for name in ("h", "above", "below")]
    sides = [(shown["left"], slopes.left), (shown["right"], slopes.right)]
    slack = 10 * slopes.bound + 1e-9
    verdicts = shown["agrees"], shown["isKink"]
    return (
        all(a == pytest.approx(b, rel=1e-12, abs=1e-12) for a, b in numbers)
        and all(a == pytest.approx(b, rel=1e-6, abs=slack) for a, b in sides)
        and verdicts == (slopes.verdict(gradient) is Verdict.AGREES, slopes.is_kink)
    )


@needs_node
def test_the_pages_differences_are_those_of_python(tmp_path):
    x, p = Value(0.0, label="x"), Value(1e-3, label="p")
    roots = [
        *(neuron(), loss_of_network()[0], relu(x) * 2, engine.sqrt(x), log(p) * 1e6, engine.asin(p * 1000)),
        *(Value(math.inf, label="x") * 2, x.detach() + x, x.detach() + 1, (p + 1e6) ** 2, engine.exp(p * 700_000)),
        *(engine.maximum(x, p * 0), abs(x) + p, (p - 1e-3) ** 0.5, Value(1e-12, label="t").log(), custom()),
    ]
    found = run(tmp_path, CHECKED, [data_of(stepper(root).html) for root in roots])
    for root, shown in zip(roots, found, strict=True):
        walk = record_walk(root)
        for node, *each in zip(walk.nodes, shown, central_differences(walk.nodes, walk.gradients), walk.gradients):
            assert same_difference(*each), (node, each)


def test_a_wrong_derivative_is_found():
    wrong = engine.primitive(lambda _: 0.7)(wrong_tanh)(Value(0.5, label="x"))  # the derivative is 0.786...
    nodes = data_of(stepper(wrong * 3).html)["nodes"]
    check = nodes[0]["check"]
    assert check["quotient"] == pytest.approx(3 * (1 - math.tanh(0.5) ** 2), rel=1e-7)
    assert check["above"] == pytest.approx(3 * math.tanh(0.5 + check["h"]), abs=1e-12)
    assert Slopes(check["left"], check["right"], check["bound"], 0.0).verdict(2.1) is Verdict.DIFFERS
    assert "check" not in nodes[-1]  # the page computes it


@pytest.mark.parametrize("error", [AssertionError(), IndexError("list index out of range"), TypeError("no")])
def test_a_function_may_raise_anything_beside_its_number(error):
    @engine.primitive(lambda x: 1.0)
    def picky(x):
        if x != 2.0:
            raise error
        return x

    nodes = data_of(stepper(picky(Value(2.0, label="x")) * 3).html)["nodes"]
    assert nodes[0]["check"] == {"problem": f"picky raises {error!r}"}


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
    assert_is_drawn(walk, layout)
    axis = direction in ("TB", "BT")
    forward = direction in ("LR", "TB")
    first, last = layout.boxes[0], layout.boxes[-1]
    assert (first[axis] < last[axis]) is forward


def assert_is_drawn(walk, layout):
    """Boxes do not overlap, and each edge goes from its operand to its node."""
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


def test_a_wide_graph_can_be_laid_out_in_the_width_of_a_phone():
    model = MLP(2, [2, 1], seed=0)
    walk = record_walk((model([Value(1.0, label="x1"), Value(-0.5, label="x2")]) - 1) ** 2, model)
    narrow = lay_out_within(500.0, walk, 4, 60.0)
    assert_is_drawn(walk, narrow)
    assert narrow.width <= 500 < lay_out(walk, 4, "TB", 60.0).width
    for edge in narrow.edges:  # each node is above those that it feeds
        assert narrow.boxes[edge.operand].top < narrow.boxes[edge.node].top
    neuron = record_walk(Value(2.0, label="x") * Value(3.0, label="w"))
    assert lay_out_within(600.0, neuron, 4, 60.0) == lay_out(neuron, 4, "TB", 60.0)
    two = lay_out_within(100.0, neuron, 4, 60.0)  # no narrower than two boxes
    assert two.width == pytest.approx(sum(box.width for box in two.boxes[:2]) + 8, abs=2)


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
    script = re.search(r'<script type="module">(.*?)</script>', page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in page
    assert not re.search(r"https?://(?!www\.w3\.org/)", page)


def test_jupyter_gets_a_frame_of_its_own():
    shown = stepper(neuron())
    frame = shown._repr_html_()
    assert re.match(r'<iframe [^<>]*sandbox="allow-scripts"[^<>]*><p>[^<>]*</p><img [^<>]*></iframe><script>', frame)
    assert html.unescape(re.search(r'srcdoc="([^"]*)"', frame)[1]) == shown.html
    assert repr(shown) == '<Stepper: 5 steps through 9 nodes; .save("backprop.html") writes it as a page>'
    assert repr(stepper(Value(2.0).exp())).startswith("<Stepper: 1 step through 2 nodes; ")


def test_the_front_end_is_installed_with_the_engine():
    there = {file.name for file in files("engine.stepping").joinpath("static").iterdir()}
    assert {"stepper.html", "controls.html", "stepper.css", "stepper.js", "special.js"} <= there


@needs_node
def test_the_modules_are_one_script_that_leaves_no_globals(tmp_path):
    (tmp_path / "bundle.mjs").write_text(bundle("stepper.js"), encoding="utf-8")
    subprocess.run([NODE, "--check", "bundle.mjs"], cwd=tmp_path, check=True)
    for file in files("engine.stepping").joinpath("static").iterdir():
        if file.name.endswith(".js"):
            assert not re.search(r"\b(globalThis|window)\.\w", file.read_text(encoding="utf-8")), file
    assert re.search(r"^(import|export)\b", bundle("stepper.js"), re.MULTILINE) is None


# ------------------------------------------------------------------------------------------- files, and what is refused


@pytest.mark.parametrize("name", ["walk.html", "walk.HTML"])
def test_save_writes_the_page(tmp_path, name):
    shown = stepper(neuron())
    shown.save(tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8") == shown.html


@pytest.mark.parametrize("name", ["walk.html", pytest.param("walk.gif", marks=pytest.mark.slow)])
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


def chain(length: int) -> Value:
    x = Value(1.0, label="x")
    for _ in range(length - 1):
        x = sigmoid(x)
    return x


def test_large_graphs_are_refused_with_advice():
    with pytest.raises(
        ValueError, match=r"must have at most 1,000 nodes, got 1,001; take a part .* \(or raise most=\.\.\.\)"
    ):
        stepper(chain(1001))
    with pytest.raises(ValueError, match="must have at most 1,000 nodes, got 100,000"):
        stepper(chain(100_000))
    assert "100 nodes" in repr(stepper(chain(100)))


def test_graphviz_places_many_nodes_but_a_few_times(monkeypatch):
    """A loop of 50 steps with shared weights took it 20 seconds otherwise."""
    asked = []
    monkeypatch.setattr("engine.stepping.layout.run_graphviz", lambda dot, *_, **__: asked.append(dot) or b"")
    for n in (100, 101):
        with pytest.raises(IndexError):  # no routes
            stepper(chain(n))
    assert ["nslimit=1" in dot for dot in asked] == [False, True]


def test_a_layout_that_takes_too_long_is_given_up():
    with pytest.raises(TimeoutError, match=r"had not laid out the 300 nodes after 0\.001 s .* \(timeout=\.\.\.\)"):
        stepper(chain(300), timeout=0.001)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"direction": "X"}, 'direction must be "LR", "TB", "RL" or "BT", got'),
        ({"theme": "X"}, 'theme must be "auto", "light", "dark" or "print", got'),
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


def test_a_notebook_that_drops_the_frame_shows_a_picture_and_says_how_to_see_the_walk():
    root = neuron()
    shown = stepper(root)
    root.operands[0].data = 99.0  # later than the stepper
    left = re.sub(r"</?iframe[^>]*>|<script>.*</script>", "", shown._repr_html_(), flags=re.DOTALL)
    words = "Run this cell to walk through backprop: 5 steps through 9 nodes."
    said, alt, picture = re.fullmatch(r'<p>(.*?)</p><img alt="(.*?)" [^>]*;base64,([^"]*)">', left).groups()
    assert said == alt == words
    shown_texts = [each.replace("−", "-") for each in svg.texts(base64.b64decode(picture))]
    for node, gradient in zip(topological_order(root)[:2], record_walk(neuron()).gradients):
        assert format_number(gradient, 4) in shown_texts
        assert format_number(node.data, 4) in shown_texts
    assert "99" not in shown_texts
    assert all(node.grad == 0.0 for node in topological_order(root))


@pytest.mark.parametrize("label", HOSTILE)
def test_no_label_leaves_the_frame(label):
    shown = stepper(Value(2.0, label=label) * 3)._repr_html_()
    harmless = stepper(Value(2.0, label="x") * 3)._repr_html_()
    for tag in ("<script", "</script", "<iframe", "</iframe", "<img", "<p"):
        assert shown.count(tag) == harmless.count(tag)


def test_a_box_is_as_wide_as_what_it_shows():
    """The sign of a negation, and not its name."""
    x = Value(2.0, label="x")
    widths = []
    for root in (-x, relu(x)):
        root.label = "a_long_name_for_a_result"
        widths.append(lay_out(record_walk(root), 4, "LR", 20.0).boxes[-1].width)
    assert widths[1] - widths[0] == pytest.approx(text_width("relu") - text_width("−"))

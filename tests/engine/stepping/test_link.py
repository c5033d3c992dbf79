"""The link between a stepper's page and Python: what a reader changes is seen, and what Python sets is shown."""

import html
import math
import sys
from types import SimpleNamespace

import pytest

from engine import Value, primitive, stepper, tanh


def neuron() -> tuple[Value, Value, Value, Value]:
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    return tanh(x * w + b) * x, x, w, b


def test_without_anywidget_it_says_what_to_do_and_shows_the_page(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "engine.stepping.link", raising=False)
    y, *_ = neuron()
    shown = stepper(y)
    for use in (lambda: shown.position, lambda: shown.values, lambda: stepper(y, link=True)):
        with pytest.raises(ModuleNotFoundError, match="needs anywidget: pip install anywidget"):
            use()
    assert 'name=""' in shown._repr_html_()
    page, *_ = outputs_of(shown, monkeypatch)
    assert 'name=\\"\\"' in page["application/javascript"]


def outputs_of(shown, monkeypatch):
    """What a notebook gets, one bundle of MIME types after the other."""
    display = pytest.importorskip("IPython.display")
    outputs = []
    monkeypatch.setattr(display, "display", lambda bundle, raw: outputs.append(bundle))
    shown._ipython_display_()
    return outputs


@pytest.fixture
def linked():
    pytest.importorskip("anywidget")
    return stepper


def test_position_selected_and_values_are_read_set_and_observed(linked):
    y, _, w, _ = neuron()
    shown = linked(y)
    seen = []
    shown.observe(lambda change: seen.append((change.name, change.new)), ["position", "selected", "values"])
    assert (shown.position, shown.selected) == (0, None)
    assert shown.values == {"x": 2.0, "w": -3.0, "b": 6.88}
    shown.position = 3
    shown.selected = "v1"
    shown.values = {"w": 5}
    assert seen == [("position", 3), ("selected", "v1"), ("values", {"x": 2.0, "w": 5.0, "b": 6.88})]
    assert w.data == -3.0  # not without link=True


def test_no_choice_is_none_also_from_a_kernel_in_a_browser(linked):
    shown = linked(neuron()[0])
    for nothing in (None, object()):  # there, JavaScript's null is an object of its own
        shown.selected = "v1"
        shown._link.set_state({"selected": nothing, "position": 2})
        assert (shown.selected, shown.position) == (None, 2)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("position", 99, "position must be an int from 0 to 4, got 99"),
        ("position", -1, "position must be an int from 0 to 4, got -1"),
        ("selected", "z", "selected must be the name of a node, or None, got 'z'"),
        ("values", {"z": 1.0}, "values must be numbers for 'x, w, b', got 'z'"),
        ("values", {"v1": 1.0}, "values must be numbers for 'x, w, b', got 'v1'"),
    ],
)
def test_what_the_page_has_not_is_refused(linked, name, given, words):
    shown = linked(neuron()[0])
    with pytest.raises(ValueError, match=words):
        setattr(shown, name, given)
    assert (shown.position, shown.selected, shown.values["x"]) == (0, None, 2.0)


def test_a_link_is_asked_for_by_a_flag():
    with pytest.raises(ValueError, match="link must be True or False, got 'no'"):
        stepper(neuron()[0], link="no")


def test_changed_leaves_are_written_and_the_graph_is_computed_again(linked):
    y, x, w, b = neuron()
    shown = linked(y, link=True)
    shown.values = {"x": 0.5, "w": 1.0}
    assert (x.data, w.data, b.data) == (0.5, 1.0, 6.88)
    assert y.data == math.tanh(0.5 + 6.88) * 0.5
    b.data = 1.0
    shown.refresh()
    assert shown.values["b"] == 1.0
    assert y.data == math.tanh(0.5 + 1.0) * 0.5


def test_a_number_that_is_refused_leaves_the_graph_as_it_was(linked):
    x = Value(2.0, label="x")
    y = x.log() * 3
    shown = linked(y, link=True)
    shown.values = {"x": -1.0}  # on the page, which says what is wrong
    assert shown.values == {"x": -1.0}
    assert (x.data, y.data) == (2.0, math.log(2.0) * 3)
    shown.values = {"x": 4.0}
    assert (x.data, y.data) == (4.0, math.log(4.0) * 3)


def test_equal_names_and_numbers_that_are_none(linked):
    a, b = Value(math.inf, label="x"), Value(math.nan, label="x")
    shown = linked(a * b, link=True)
    assert list(shown.values) == ["x", "x#2"]
    shown.values = {"x#2": 2.0}
    assert (a.data, b.data) == (math.inf, 2.0)
    assert shown._link.get_state()["values"] == {"x": "inf", "x#2": "2.0"}  # JSON has no infinity
    shown._link.set_state({"values": {"x": "nan", "x#2": "-inf"}})
    assert math.isnan(a.data)
    assert b.data == -math.inf


def test_python_answers_what_its_functions_give(linked, monkeypatch):
    @primitive(lambda x: 3 * x**2)
    def cube(x):
        if x > 100.0:
            raise ValueError("that is <b>too much</b>")
        return x**3

    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    root = cube(x) * w
    shown = linked(root, link=True)
    sent = []
    monkeypatch.setattr(shown._link, "send", sent.append)
    shown._link._handle_custom_msg(
        {"asks": [[1, ["3.0"]], [1, ["inf"]], [1, ["-0.0"]], [1, ["101.0"]], [3, ["8.0", "3.0"]]]}, []
    )
    assert sent == [
        {
            "answers": [
                {"place": 1, "numbers": ["3.0"], "value": "27.0", "slopes": ["27.0"]},
                {"place": 1, "numbers": ["inf"], "refusal": "cube: that is <b>too much</b>"},
                {"place": 1, "numbers": ["-0.0"], "value": "-0.0", "slopes": ["0.0"]},
                {"place": 1, "numbers": ["101.0"], "refusal": "cube: that is <b>too much</b>"},
            ]
        }
    ]
    shown.values = {"x": 4.0}
    assert root.data == 192.0


@pytest.mark.parametrize("number", ["nan", "-0.0", "inf", "1e+22", "5e-324"])
def test_every_float_has_one_text_and_is_taken_once(linked, number):
    y, x, *_ = neuron()
    shown = linked(y, link=True)
    seen = []
    shown.observe(seen.append, "values")
    for _ in range(3):  # again and again the same: a page that tells it twice gets no answer
        shown._link.set_state({"values": {**shown._link.get_state()["values"], "x": number}})
    assert len(seen) == 1
    assert shown._link.get_state()["values"]["x"] == number == repr(x.data)
    shown.values = {"x": float(number)}
    assert len(seen) == 1
    shown.values = {"x": 0.0}
    assert len(seen) == 2
    assert repr(x.data) == "0.0"


@pytest.mark.parametrize("error", [IndexError("too far"), AssertionError(), RuntimeError("no"), KeyError("k")])
def test_whatever_a_function_raises_the_graph_stays_as_it_was(linked, monkeypatch, error):
    @primitive(lambda x: 2 * x)
    def square(x):
        if x > 100.0:
            raise error
        return x * x

    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    root = w * square(x)
    shown = linked(root, link=True)
    sent = []
    monkeypatch.setattr(shown._link, "send", sent.append)
    shown.values = {"w": 5.0, "x": 101.0}
    assert (x.data, w.data, root.data) == (2.0, 3.0, 12.0)
    words = str(error) or repr(error)
    assert [message["trouble"] for message in sent] == [f"The Values in Python stay as they were: {words}"]
    root.backward()
    assert x.grad == 12.0
    shown.values = {"x": 3.0}
    assert (x.data, w.data, root.data) == (3.0, 5.0, 45.0)


def test_a_graph_that_python_cannot_compute_again_has_no_link_that_writes(linked):
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    root = Value(4.0, (a,), (4.0,)) * b
    with pytest.raises(ValueError, match=r"link=True computes the graph again, but \S+ was made from numbers; make it"):
        linked(root, link=True)
    assert linked(root).values == {"a": 2.0, "b": 3.0}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["x", "x", "x#2"], ["x", "x#3", "x#2"]),
        (["x#2", "x", "x"], ["x#2", "x", "x#3"]),
        (["x", "x", "x"], ["x", "x#2", "x#3"]),
        (["x#2", "x#2", "x", "x"], ["x#2", "x#2#2", "x", "x#3"]),
    ],
)
def test_each_leaf_has_a_name_of_its_own(linked, labels, names):
    leaves = [Value(float(number), label=label) for number, label in enumerate(labels)]
    shown = linked(sum(leaves, start=Value(0.0, label="start")), link=True)
    assert dict(list(shown.values.items())[1:]) == dict(zip(names, [leaf.data for leaf in leaves], strict=True))
    shown.values = {names[-1]: 9.0}
    assert [leaf.data for leaf in leaves] == [*(float(n) for n in range(len(leaves) - 1)), 9.0]


def test_it_begins_with_the_numbers_of_the_time_when_it_was_made(linked):
    y, x, *_ = neuron()
    shown = linked(y)
    x.data = 5.0
    assert shown.values["x"] == 2.0
    shown.refresh()
    assert shown.values["x"] == 5.0


def test_what_was_made_from_numbers_cannot_be_set(linked):
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    shown = linked(Value(8.0, (x,), "cube", local_grads=(12.0,)) * w)
    shown.values = {"w": 4.0, "x": 2.0}
    with pytest.raises(ValueError, match="x goes into a node that was made from numbers"):
        shown.values = {"x": 3.0}


def test_a_notebook_gets_the_page_and_the_link(linked, monkeypatch):
    monkeypatch.delenv("VSCODE_PID", raising=False)  # where its terminal runs the tests
    shown = linked(neuron()[0])
    page, picture, words = outputs_of(shown, monkeypatch)
    assert f'name=\\"{shown._link.token}\\"' in page["application/javascript"]
    assert page["text/plain"] == repr(shown)
    assert set(picture) == {"image/svg+xml", "image/png", "text/plain"}
    assert set(words) == {"text/html", "text/plain"}


@pytest.mark.parametrize("application", ["VS Code", "VS Code with a kernel elsewhere", "Colab"])
def test_where_a_widget_begins_when_it_is_shown_an_output_shows_it(linked, monkeypatch, application):
    """In Jupyter it begins without, and an output for it would be an error there with another kernel."""
    monkeypatch.delenv("VSCODE_PID", raising=False)
    if application == "VS Code":
        monkeypatch.setenv("VSCODE_PID", "1")
    elif application == "Colab":
        monkeypatch.setitem(sys.modules, "google.colab", sys)
    else:
        shell = SimpleNamespace(user_ns={"__vsc_ipynb_file__": "walk.ipynb"})
        monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    shown = linked(neuron()[0])
    *_, link = outputs_of(shown, monkeypatch)
    assert link["application/vnd.jupyter.widget-view+json"]["model_id"] == shown._link.model_id


def test_a_notebook_that_cleans_outputs_prints_no_source(monkeypatch):
    """HTML would be printed by ``nbconvert --sanitize-html``; of the words it drops an attribute alone."""
    label = "<script>alert(1)</script>"
    page, _, words, *_ = outputs_of(stepper(Value(-2.0, label=label) * Value(3.0, label="y")), monkeypatch)
    assert set(page) == {"application/javascript", "text/markdown", "text/plain"}
    assert "<" not in page["application/javascript"].partition("{\n  const shown = ")[2].partition(";\n")[0]
    assert page["text/markdown"].startswith("Run this cell to walk through backprop: 1 step")
    hidden, table = words["text/html"].split("<pre><code>")
    assert hidden.startswith('<div hidden="hidden">Run this cell to walk through backprop')
    assert table.endswith("</code></pre></div>")
    lines = table.removesuffix("</code></pre></div>").splitlines()
    assert [line.split() for line in lines[1:]] == [
        [*html.escape(label).split(), "data", "−2", "grad", "3"],
        ["y", "data", "3", "grad", "−2"],
        ["L", "×", "of", *f"{html.escape(label)},".split(), "y", "data", "−6", "grad", "1"],
    ]


def test_colab_gets_html(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    page, *_ = outputs_of(stepper(neuron()[0]), monkeypatch)
    assert page["text/html"].startswith("<iframe ")
    assert "application/javascript" not in page

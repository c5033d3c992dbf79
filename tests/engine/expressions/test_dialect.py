"""One dialect: the same names, signs and numbers in ``draw``, steps, the stepper, its animation and ``nn.pictures``."""

import json
import re

import pytest
from svg import boxes, clusters, texts

from engine import Value, backprop, draw, maximum, sigmoid, stepper
from engine.expressions.nodes import Derivative, Equation, Name, Number, Operation
from engine.expressions.writers import latex, mathml, picture_text, text
from engine.stepping.animation import Scene
from engine.stepping.layout import Look
from engine.steps import record_walk
from nn import MLP


def graph() -> Value:
    a, b = Value(2.0, label="a"), Value(-3e-7)
    root = sigmoid(a * b / (a - b)) - maximum(a, b) * 0.5
    root.backward()
    return root


def test_nodes_have_the_same_names():
    root = graph()
    names = {box.texts[0] for box in boxes(draw(root).pipe("svg")).values()}
    scene = Scene(record_walk(root), Look(4, "LR", "light", 20.0))
    shown = boxes(scene.render(scene.picture(1), "svg"))
    assert {box.texts[0] for name, box in shown.items() if re.fullmatch(r"n\d+", name)} == names
    page = re.search(r'<script id="walk" type="application/json">(.*?)</script', stepper(root).html, re.DOTALL)[1]
    assert {node["name"] for node in json.loads(page)["nodes"] if node["op"] != "constant"} == names
    steps = {step.text.split(" = ")[0] for step in backprop(root)}
    assert steps <= names


def test_pictures_have_the_signs_of_pictures():
    root = graph()
    scene = Scene(record_walk(root), Look(4, "LR", "light", 20.0))
    shown = texts(draw(root, derivatives=True).pipe("svg"))
    for position in range(len(scene.contents.walk.steps) + 1):
        shown += texts(scene.render(scene.picture(position), "svg"))
    for words in shown:
        assert not re.search(r"(?<!\*)\*(?!\*)|÷|·|\d-|-\d|e-|^-", words), words
    assert any("−3e−07" in words for words in shown)
    assert any("∂L/∂a" in words for words in shown)


@pytest.mark.parametrize("write", [text, latex, mathml, picture_text])
@pytest.mark.parametrize("op", ["sigmoid", "log", "maximum", "erf"])
def test_functions_have_the_engines_names(write, op):
    written = write(Operation(op, (Name("x"), Name("y"))[: 2 if op == "maximum" else 1]))
    assert op in written


def test_signs_of_formulas():
    formula = Equation(Derivative(Name("y"), Name("x")), (Name("w") * Number(-2.5e-9) - Name("b"),))
    assert text(formula) == "dy/dx = w * (-2.5e-09) - b"  # a terminal, and what is typed
    assert picture_text(formula) == "∂y/∂x = w × (−2.5e−09) − b"
    assert mathml(formula).count("×") == latex(formula).count(r"\times") == 2
    assert "·" not in mathml(formula)
    assert r"\cdot" not in latex(formula)


def test_layers_count_from_0():
    pytest.importorskip("matplotlib")
    from nn.pictures import network

    model = MLP(2, [3, 2, 1], seed=0)
    picture = draw(model([Value(0.5), Value(-1.0)]), names={"model": model}).pipe("svg")
    assert {"layer 0", "layer 1", "layer 2"} <= set(clusters(picture))
    headings = [words.get_text() for words in network(model).axes[0].texts]
    assert [words for words in headings if words.startswith("layer")] == ["layer 0", "layer 1"]
    assert all(name.startswith(("layers.0", "layers.1", "layers.2")) for name, _ in model.named_parameters())

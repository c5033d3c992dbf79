"""How pictures look: themes, the colours of gradients, paths picked out."""

import colorsys
import json
import math
import re

import pytest
from svg import SVG, box_with, boxes, edges, tree

import engine
from engine import Value, draw, tanh
from engine.drawing.node_contents import SYMBOLS
from engine.drawing.themes import THEMES, mix_colours
from engine.stepping.page import part
from nn import MLP

NAMES = list(THEMES)


def brightness(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2)."""
    low, high = sorted((brightness(a), brightness(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", NAMES)
def test_text_can_be_read_on_every_fill(name):
    theme = THEMES[name]
    around = [theme.background, *theme.clusters]
    boxes = [theme.leaf, theme.result, theme.folded]
    tints = [theme.strange, *[theme.fill(g, 1.0) for g in (-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0)]]
    for fill in (*around, *boxes, *tints):
        assert contrast(theme.text, fill) >= 4.5, fill
    for fill in (*around, *boxes):
        assert contrast(theme.muted, fill) >= 4.5, fill
    assert contrast(theme.operation_text, theme.operation) >= 4.5
    for fill in around:
        assert contrast(theme.faded_text, fill) >= 4.5, fill


@pytest.mark.parametrize("name", NAMES)
def test_lines_can_be_seen(name):
    theme = THEMES[name]
    lines = [theme.line, theme.leaf_line, theme.result_line, theme.picked, theme.faded]
    for fill in (theme.background, *theme.clusters):
        assert min(contrast(line, fill) for line in lines) >= 3.0
    assert contrast(theme.operation, theme.result) >= 3.0


def test_the_stepper_has_the_colours_of_draw():
    light, dark, printed = (THEMES[name] for name in NAMES)
    screen, paper = part("colours.css").split('[data-theme="print"]')
    assert f"--accent: light-dark({light.picked}, {dark.picked});" in screen
    assert f"--positive: light-dark({light.positive_ink}, {dark.positive_ink});" in screen
    assert f"--positive-tint: {printed.positive};" in paper
    used = set(re.findall(r"var\(--([\w-]+)\)", part("stepper.css")))
    defined = set(re.findall(r"--([\w-]+): ", part("colours.css") + part("stepper.css")))
    assert used - defined == {"strength"}  # which the picture sets


@pytest.mark.parametrize("name", NAMES)
def test_fills_say_sign_and_size(name):
    theme = THEMES[name]
    assert theme.fill(0.0, 1.0) == theme.fill(-0.0, 1.0) == theme.fill(0.0, 0.0) == theme.neutral
    assert theme.fill(2.0, 2.0) == theme.positive
    assert theme.fill(-2.0, 2.0) == theme.negative
    distances = [abs(brightness(theme.fill(g, 1.0)) - brightness(theme.neutral)) for g in (0.0, 0.01, 0.2, 1.0)]
    assert distances == sorted(distances)
    assert len(set(distances)) == 4
    for strange in (math.nan, math.inf, -math.inf):
        assert theme.fill(strange, 1.0) == theme.strange
    assert theme.fill(5e-324, 1e308) == theme.neutral


@pytest.mark.parametrize("name", ["light", "dark"])
def test_signs_are_blue_and_orange(name):
    def hue(colour: str) -> float:
        return colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))[0] * 360

    assert 190 < hue(THEMES[name].positive) < 230
    assert 20 < hue(THEMES[name].negative) < 40


def test_symbols_are_those_of_the_stepper():
    (theirs,) = re.findall(r"SYMBOLS = (\{.*?\});", part("measures.js"))
    assert json.loads(theirs) == SYMBOLS
    assert "SYMBOLS[op] ?? op" in part("picture.js")


def test_print_is_grey_and_tells_signs_by_the_border():
    theme = THEMES["print"]
    for colour in [v for v in vars(theme).values() if isinstance(v, str)] + [*theme.clusters]:
        assert colour[1:3] == colour[3:5] == colour[5:7]
    x, w = Value(2.0, label="x"), Value(-3.0, label="w")
    y = x * w
    y.backward()
    picture = draw(y, theme="print").pipe("svg")
    assert box_with(picture, "x").dashes  # its gradient is -3
    assert box_with(picture, "w").dashes is None
    assert not any(box.dashes for box in boxes(draw(y).pipe("svg")).values())


def test_the_picture_is_coloured_by_its_gradients():
    a, b, c = (Value(v, label=n) for v, n in ((1.0, "a"), (-2.0, "b"), (0.0, "c")))
    y = a * b + c * 0 + a * 0.0
    y.backward()
    light = THEMES["light"]
    picture = draw(y).pipe("svg")
    assert box_with(picture, "a").tint == light.negative  # -2 is the largest
    assert box_with(picture, "b").tint == mix_colours(light.neutral, light.positive, math.sqrt(0.5))
    assert box_with(picture, "c").tint == light.neutral
    assert {box_with(picture, leaf).fill for leaf in "abc"} == {light.leaf}
    assert box_with(picture, "L").fill == light.result
    b.grad = math.nan
    assert box_with(draw(y).pipe("svg"), "b").tint == light.strange


def test_themes_differ_and_say_nothing_else():
    model = MLP(2, [3, 1], seed=0)
    loss = (model([1.0, 2.0]) - 1) ** 2
    loss.backward()
    pictures = [draw(loss, theme=name, names={"model": model}).pipe("svg") for name in NAMES]
    assert len(set(pictures)) == 3
    words = [[box.texts for box in boxes(picture).values()] for picture in pictures]
    assert words[0] == words[1] == words[2]


def many_colours(theme: str, depth: int, picks: bool) -> list[tuple[str, str, str]]:
    """The colours of every element of a picture that has most kinds of them; rules of CSS are applied."""
    model = MLP(2, [2, 3], seed=0)
    x = Value(0.3, label="x")
    loss = engine.softmax(model([x, 0.5]))[1] * Value(math.nan, label="strange") + x * 1e-3
    loss.backward()
    x.grad = 0.0
    path = {"between": (x, loss)} if picks else {}
    picture = draw(loss, names={"model": model}, theme=theme, derivatives=True, depth=depth, **path).pipe("svg")
    root = tree(picture)
    style = "".join(element.text for element in root.iter(f"{SVG}style"))
    rules = re.findall(r'(text|:not\(text\))\[fill="(\S+?)"\]\{fill:(\S+?)\}', style)
    strokes = dict(re.findall(r'\[stroke="(\S+?)"\]\{stroke:(\S+?)\}', style))
    fills = [{a: b for kind, a, b in rules if (kind == "text") == is_text} for is_text in (False, True)]
    shown = []
    for element in root.iter():
        kind = element.tag.removeprefix(SVG)
        if kind != "style":
            fill, stroke = element.get("fill", ""), element.get("stroke", "")
            shown.append((kind, fills[kind == "text"].get(fill, fill), strokes.get(stroke, stroke)))
    return shown


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("picks", [False, True])
def test_the_theme_of_the_reader_is_the_dark_one_or_the_light_one(depth, picks):
    assert many_colours("auto", depth, picks) == many_colours("dark", depth, picks)
    assert many_colours("light", depth, picks) != many_colours("dark", depth, picks)
    drawing = draw(Value(1.0))
    assert drawing.style.startswith("@media (prefers-color-scheme:dark){")
    assert drawing.copy().style == drawing.style
    assert draw(Value(1.0), theme="light").style == ""
    assert drawing.source == draw(Value(1.0), theme="light").source


# ---------------------------------------------------------------------------------------------------------------- paths


def test_a_path_is_picked_out_and_the_rest_faded():
    x, w, b = (Value(v, label=n) for v, n in ((2.0, "x"), (-3.0, "w"), (6.88, "b")))
    y = tanh(x * w + b)
    y.label = "y"
    y.backward()
    light = THEMES["light"]
    picture = draw(y, between=(w, y)).pipe("svg")
    bold = {arrow for arrow, _, colour in edges(picture) if colour == light.picked}
    faded = {arrow for arrow, _, colour in edges(picture) if colour == light.faded}
    place = {node.label or node.op: f"n{i}" for i, node in enumerate(engine.topological_order(y))}
    assert bold == {f"{place[a]}->{place[b]}" for a, b in (("w", "*"), ("*", "+"), ("+", "y"))}
    assert faded == {f"{place['x']}->{place['*']}", f"{place['b']}->{place['+']}"}
    assert box_with(picture, "x").fill == box_with(picture, "b").fill == light.background
    assert box_with(picture, "w").fill == light.leaf
    assert box_with(picture, "w").tint == light.fill(w.grad, max(abs(v.grad) for v in (x, w, b, y)))


def test_all_paths_are_picked_and_only_those():
    x = Value(1.0, label="x")
    left, right = x.exp(), x.sin()
    end = left * right
    root = (end + left).tanh()
    picture = draw(root, between=(x, end)).pipe("svg")
    picked = THEMES["light"].picked
    nodes = engine.topological_order(root)
    bold = {arrow for arrow, _, colour in edges(picture) if colour == picked}
    n = {node: f"n{i}" for i, node in enumerate(nodes)}
    assert bold == {f"{n[a]}->{n[b]}" for a, b in ((x, left), (x, right), (left, end), (right, end))}
    same = draw(root, between=[x, x]).pipe("svg")
    assert not [1 for _, _, colour in edges(same) if colour == picked]


def test_paths_go_through_folded_boxes():
    model = MLP(2, [4, 4, 1], seed=0)
    x = [Value(0.5, label="x0"), Value(0.7, label="x1")]
    loss = (model(x) - 1.0) ** 2
    loss.backward()
    weight = model.layers[1].neurons[2].w[0]
    picture = draw(loss, names={"model": model}, depth=2, between=(weight, loss)).pipe("svg")
    whole = {b.texts[0]: b.fill for b in boxes(picture).values() if b.fill != THEMES["light"].background}
    assert set(whole) == {"neuron 2", "neuron 0", "v65", "L"}


@pytest.mark.parametrize(
    ("between", "error", "words"),
    [
        (lambda x, y, z: (z, x), ValueError, "got none from .*; there is one in the other direction"),
        (
            lambda x, y, z: (x, y),
            ValueError,
            r"between must be joined by a path, got none from Value\(.*label='x'\) to Value\(.*'y'\)$",
        ),
        (
            lambda x, y, z: (x, Value(1.0, label="q")),
            ValueError,
            r"between must be two Values of this graph, got Value\(.*'q'\)",
        ),
        (lambda x, y, z: (Value(1.0), z), ValueError, "between must be two Values of this graph"),
        (lambda x, y, z: x, TypeError, "between must be two Values, such as between="),
        (lambda x, y, z: (x,), TypeError, "between must be two Values, such as"),
        (lambda x, y, z: ("x", "z"), TypeError, r"between must be two Values.* got \('x', 'z'\)"),
    ],
)
def test_paths_that_are_not_there_are_refused(between, error, words):
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    z = x * y
    with pytest.raises(error, match=words):
        draw(z, between=between(x, y, z))

"""A program in words and as a picture."""

import re

import pytest
from svg import tree

from engine import Value, compile, dot, tanh
from engine.compiler.summary import n_scalars, sentence
from engine.drawing.themes import THEMES
from nn import MLP


def model_program(dtype="float64"):
    model = MLP(3, [4, 1], activation="tanh", seed=0)
    x, y = [Value(0.0) for _ in range(3)], Value(0.0)
    return compile((model(x) - y) ** 2, [*x, y], model.parameters(), dtype)


def test_in_words():
    assert repr(model_program("float32")) == (
        "Program: 64 nodes -> 4 groups; 4 inputs, 21 parameters, 1 output, float32\n"
        "  4 dot products of 3 -> one matrix product, plus 1 number each\n"
        "  4 tanh\n"
        "  1 dot product of 4 -> one matrix product, plus 1 number each, minus 1 number each\n"
        "  1 *"
    )


def test_what_is_the_same_for_all_examples_is_named():
    a, w = Value(0.5), Value(0.7)
    lines = repr(compile(a * w.exp(), [a])).splitlines()
    assert lines[1:] == ["  1 exp, once for all examples", "  1 *"]


@pytest.mark.parametrize(
    ("make", "words", "count"),
    [
        (lambda a, b, c: a + b + c, "1 sum: plus 3 numbers each", 2),
        (lambda a, b, c: a - b - c, "1 sum: plus 1 number each, minus 2 numbers each", 2),
        (lambda a, b, c: -a - b, "1 sum: minus 2 numbers each", 2),
        (lambda a, b, c: a * b + c, "1 product, plus 1 number each", 2),
        (lambda a, b, c: c - a * b, "1 sum: plus 1 number each, minus 1 product", 2),
        (lambda a, b, c: dot([a, b], [b, c]), "1 dot product of 2", 3),
        (lambda a, b, c: (a * b).tanh(), "1 *", 1),
    ],
)
def test_sentences_and_how_many_operations_they_stand_for(make, words, count):
    leaves = [Value(0.5), Value(0.7), Value(0.9)]
    graph = compile(make(*leaves), leaves)._runner.graph
    group = graph.groups[0]
    assert sentence(group) == words
    assert n_scalars(group) == count


def test_the_picture_has_a_box_for_each_group_and_says_what_flows():
    source = model_program().draw("TB").source
    assert "rankdir=TB" in source
    boxes = dict(re.findall(r'^\t(\w+) \[label="([^"]*)"', source, re.MULTILINE))
    assert set(boxes) == {"g0", "g1", "g2", "g3", "inputs", "parameters"}
    assert boxes["g0"] == "4 dot products of 3 → one matrix product\nplus 1 number each\n24 scalar operations"
    assert boxes["g1"] == "4 tanh\n4 scalar operations"
    assert boxes["g3"] == "1 ×\n1 scalar operation"
    assert (boxes["inputs"], boxes["parameters"]) == ("4 inputs", "21 parameters")
    arrows = {(start, end): int(n) for start, end, n in re.findall(r"(\w+) -> (\w+) \[label=(\d+)\]", source)}
    assert arrows == {
        ("inputs", "g0"): 3,
        ("parameters", "g0"): 16,
        ("g0", "g1"): 4,
        ("g1", "g2"): 4,
        ("parameters", "g2"): 5,
        ("inputs", "g2"): 1,
        ("g2", "g3"): 1,
    }


def test_the_picture_counts_all_operations_of_the_graph():
    a, b, c = (Value(number) for number in (0.5, 0.7, 0.9))
    program = compile(tanh(a * b + c) / (b - c), [a], [b, c])
    assert sum(n_scalars(group) for group in program._runner.graph.groups) == 5


def test_the_picture_leaves_out_constants():
    a = Value(0.5)
    source = compile((a * 2.5).tanh(), [a]).draw().source
    assert set(re.findall(r"(\w+) ->", source)) == {"inputs", "g0"}


def test_the_picture_of_a_program_without_instructions():
    a = Value(0.5)
    program = compile(a, [a])
    assert repr(program) == "Program: 1 node -> 0 groups; 1 input, 0 parameters, 1 output, float64"
    assert "->" not in program.draw().source


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_the_picture_has_the_colours_of_draw(theme):
    program, colours = model_program(), THEMES[theme]
    picture = tree(program.draw(theme=theme).pipe("svg"))
    used = {element.get(key) for element in picture.iter() for key in ("fill", "stroke")} - {
        None,
        "none",
        "transparent",
    }
    assert used <= {value for value in vars(colours).values() if isinstance(value, str)}
    assert {colours.result, colours.leaf, colours.text, colours.line} <= used


def test_the_picture_has_the_theme_of_the_reader():
    styled = model_program().draw().pipe("svg").decode()
    assert f'[fill="{THEMES["light"].result}"]{{fill:{THEMES["dark"].result}}}' in styled
    with pytest.raises(ValueError, match='theme must be "auto", "light", "dark" or "print", got'):
        model_program().draw(theme="X")


def test_the_picture_is_drawn():
    assert model_program().draw().pipe("svg").count(b'class="node"') == 6

"""The table of derivatives as JavaScript, beside the engine: each primitive, over a grid with edges."""

import math
import re

import pytest
from graphs import many_graphs, rounding
from grids import EDGES, ORDERS, close, expected, grid
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from javascript import needs_node, run

from engine import Value, primitive, slopes, topological_order
from engine.derivatives import RULES, SLOPES
from engine.drawing.node_contents import SYMBOLS
from engine.expressions.javascript import key_of
from engine.expressions.nodes import format_number
from engine.stepping.layout import MEASURES
from engine.stepping.page import module_names, part

COMPUTED = """import { OPERATIONS } from "./arithmetic.js";
import { compute } from "./graph.js";

return data.map(([key, rows]) => rows.map((numbers) => {
  const { value, slopes, refusal } = compute(OPERATIONS[key], numbers, ["a", "b"]);
  return refusal ?? [value, ...slopes];
}));
"""


@needs_node
def test_every_primitive_has_the_engines_numbers_and_words(tmp_path):
    tables = [(key, grid(len(rule.derivatives))) for key, rule in (RULES | SLOPES).items()]
    tables = [(key, [(x, n) for x, _ in rows for n in range(5)] if key in ORDERS else rows) for key, rows in tables]
    wrong = []
    for (key, rows), results in zip(tables, run(tmp_path, COMPUTED, tables), strict=True):
        for numbers, result in zip(rows, results, strict=True):
            right = expected(key, numbers)
            same = right == result if str in (type(right), type(result)) else all(map(close, right, result))
            if not same:
                wrong.append((key, numbers, right, result))
    assert wrong == []


def test_keys_are_those_of_the_engines_operations_alone():
    @primitive(lambda x: 3 * x**2)
    def sech2(x):
        return x**3

    x = Value(2.0)
    assert [key_of(node.operation) for node in (x * x, x._times(x), sech2(x), Value(1.0, (x,), "+"))] == [
        *("*", "times", "", "")
    ]
    assert key_of(slopes.OPERATIONS["sech2"]) == "sech2"


# ------------------------------------------------------------------------------------------------------------- numbers

FORMATTED = """import { formatNumber, repr, readFloat } from "./numbers.js";

return data.map((x) => [repr(x), readFloat(repr(x)), Array.from({ length: 17 }, (_, p) => formatNumber(x, p + 1))]);
"""


@needs_node
@given(
    st.lists(st.floats() | st.integers(-(10**17), 10**17).map(float) | st.integers(-4000, 4000).map(lambda n: n / 8))
)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_are_written_as_python_writes_them(tmp_path, more):
    ties = [
        0.5,
        1.5,
        2.5,
        12345.0,
        12355.0,
        0.125,
        0.375,
        9.5,
        99995.0,
        999.5,
        1e15 + 0.5,
        1068514489474988.25,
        642594013689904.25,
        2.0**60,
        2.0**-40,
        1e16,
        1e22,
    ]
    numbers = [*EDGES, *ties, *(-tie for tie in ties), *more, 1e-4, 1e-5, 123456.7, 0.0001234, math.pi * 1e5]
    for x, (shown, read, formatted) in zip(numbers, run(tmp_path, FORMATTED, numbers), strict=True):
        assert shown == repr(x)
        assert read == x or math.isnan(x)
        assert formatted == [format_number(x, precision) for precision in range(1, 18)]


TYPED = """import { readNumber } from "./numbers.js";

return data.map((text) => readNumber(text));
"""
NUMBERS = {
    "2": 2.0,
    "-1.5": -1.5,
    " -0.5 ": -0.5,
    "−1.5": -1.5,
    "+3": 3,
    "- 2": -2,
    ".5": 0.5,
    "+.5": 0.5,
    "5.": 5,
    "-0": 0,
    "1e-3": 1e-3,
    "1E3": 1000,
    " 1/3 ": 1 / 3,
    "-2 / 3": -2 / 3,
    "1/-4": -0.25,
    "−1/−4": 0.25,
    "1e-3/2": 5e-4,
    "0/7": 0,
    "0e5": 0,
    "0,5": 0.5,
    "-0,25": -0.25,
    "1,5/2,5": 0.6,
    "0,125": 0.125,
    "1234,567": 1234.567,
    "1,0000": 1,
    "1,25e3": 1250,
    "1e308": 1e308,
    "5e-324": 5e-324,
}
INFINITE = ["inf", "-inf", "INF", "Infinity", "∞", "nan", "1e999", "-1e400", "1e300/1e-300", "1/1e400", "1e999/1e999"]
ZERO_BELOW = ["1/0", "0/0", "1/1e-400"]
TINY = ["1e-400", "-0.001e-330", "1e-300/1e300"]
THOUSANDS = ["1,000", "-1,500", "− 12,345", "1/1,000", "1,000e3", "999,999"]
NO_NUMBERS = ["x", "1/2/3", "1/", "/2", "1/nan", "inf/2", "1,000.5", "1.000,5", "1,000,000", "1 3", "--1", "0x10", "1e"]
NO_NUMBERS += ["-", ".", ",", "50%", "Infinityx", "1_000", "١", '"&<b>']


@needs_node
def test_numbers_as_people_type_them(tmp_path):
    found = run(tmp_path, TYPED, list(NUMBERS))
    assert found == [{"number": pytest.approx(number, rel=1e-15)} for number in NUMBERS.values()]


@needs_node
@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["", "  "], "Type a number, such as 0.5, 1/3 or -1e-3."),
        (INFINITE, 'A number must be finite, not "{}".'),
        (ZERO_BELOW, "A fraction must have a denominator other than 0."),
        (TINY, 'The number "{}" is too close to 0.'),
        (THOUSANDS, 'The comma in "{}" may part thousands or be a decimal point: write a point, or none.'),
        (NO_NUMBERS, 'A number must be one such as 0.5, 1/3 or -1e-3, not "{}".'),
    ],
)
def test_what_is_no_finite_number_is_said_in_words(tmp_path, texts, words):
    assert run(tmp_path, TYPED, texts) == [{"problem": words.format(text)} for text in texts]


WRITTEN = """import { readFloat } from "./numbers.js";

return data.map((text) => readFloat(text) ?? "none");
"""


@needs_node
def test_what_python_never_writes_for_a_float_is_none(tmp_path):
    texts = ["", " ", "x", "1,5", "1/2", "Infinity", "INF", "__proto__", "constructor", "--2", "1 2", "0x10", "1e999"]
    assert run(tmp_path, WRITTEN, texts) == ["none"] * len(texts)


RANGES = """import { rangeAround } from "./numbers.js";

return data.map((x) => rangeAround(x));
"""


@needs_node
def test_the_range_to_drag_in_is_around_the_number(tmp_path):
    numbers = [0.0, 1e-9, 0.37, -3.0, 6.88, 41.5, -1e6, 1e300]
    for x, around in zip(numbers, run(tmp_path, RANGES, numbers), strict=True):
        assert around["min"] < x < around["max"]
        assert 100 <= (around["max"] - around["min"]) / around["step"] <= 2100
        assert around["min"] == pytest.approx(round(around["min"] / around["step"]) * around["step"], rel=1e-9)


# -------------------------------------------------------------------------------------------------------------- graphs


def page_data(root: Value) -> dict[str, list[dict]]:
    """A graph as a page has it."""
    nodes = topological_order(root)
    places = {node: place for place, node in enumerate(nodes)}
    return {
        "nodes": [{"op": n.op, "key": key_of(n.operation), "name": n.label, "data": n.data} for n in nodes],
        "edges": [
            {"from": places[operand], "to": places[node], "slope": slope}
            for node in nodes
            for operand, slope in zip(node.operands, node.local_derivatives)
        ],
    }


CHANGED = """import { Graph } from "./graph.js";

return data.map(([page, changes]) => {
  const graph = new Graph(page);
  const before = [graph.numbers, graph.gradients].map((numbers) => [...numbers]);
  graph.change(changes);
  const after = [[...graph.numbers], [...graph.gradients]];
  graph.change(changes.map(([place]) => [place, page.nodes[place].data]));
  return { before, after, back: [graph.numbers, graph.gradients], problem: graph.problem };
});
"""


def computed(root: Value) -> list[list[float]]:
    """The numbers and the gradients of all nodes."""
    nodes = topological_order(root)
    for node in nodes:
        node.grad = 0.0
    root.backward()
    return [[node.data for node in nodes], [node.grad for node in nodes]]


@pytest.mark.slow
@needs_node
@many_graphs
def test_random_graphs_forward_and_back(tmp_path, cases):
    pages, right = [], []
    for recipe, others in cases:
        leaves = [Value(x) for x in recipe.numbers]
        root = recipe.follow(leaves)[-1]
        nodes = topological_order(root)
        changes = [(nodes.index(leaf), x) for leaf, x in zip(leaves, others) if leaf in nodes]
        pages.append((page_data(root), changes))
        before = computed(root)
        for place, number in changes:
            nodes[place].data = number
        right.append((before, computed(root.refresh()), 10 * rounding(root)))
    for found, (before, after, slack) in zip(run(tmp_path, CHANGED, pages), right, strict=True):
        assert found["problem"] is None
        assert found["before"] == found["back"]
        for found_row, row in zip([*found["before"], *found["after"]], [*before, *after], strict=True):
            assert found_row == pytest.approx(row, rel=1e-11, abs=slack)
        assert found["before"][0] == before[0]


REFUSED = """import { Graph } from "./graph.js";

const graph = new Graph(data[0]);
return data[1].map((x) => {
  graph.change([[0, x]]);
  return [graph.problem?.words ?? "", [...graph.missing], [...graph.gradients]];
});
"""


@needs_node
def test_a_refused_number_is_a_message_until_it_is_mended(tmp_path):
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    middle = x.log()
    middle.label = "m"
    root = middle * w + w
    found = run(tmp_path, REFUSED, [page_data(root), [-1.5, 0.0, 5.0, 2.0]])
    assert found[0][0] == "log(x): x = -1.5, but log needs x > 0"
    assert found[1][0] == "log(x): x = 0.0, but log needs x > 0"
    assert found[0][1] == [False, True, False, True, True]
    assert found[0][2] == [0.0] * 5
    assert found[3][0] == ""
    assert found[3][2] == computed(root)[1]


FIXED = """import { Graph } from "./graph.js";

const graph = new Graph(data);
graph.change([[graph.leaves[0], 5]]);
return [graph.fixedBy, graph.leaves, graph.numbers, graph.gradients];
"""


@needs_node
def test_a_function_of_python_is_fixed_with_all_that_it_needs(tmp_path):
    @primitive(lambda x: 3 * x**2)
    def cube(x):
        return x**3

    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    root = cube(x * 2) * w
    fixed, leaves, numbers, gradients = run(tmp_path, FIXED, page_data(root))
    nodes = topological_order(root)
    place = next(i for i, node in enumerate(nodes) if node.op == "cube")
    assert [fixed[i] for i, _ in enumerate(nodes)] == [place if i <= place else None for i in range(len(nodes))]
    assert [nodes[i] for i in leaves] == [w]
    w.data = 5.0
    assert [numbers, gradients] == computed(root.refresh())


@needs_node
def test_measures_and_symbols_are_stated_once(tmp_path):
    code = 'import * as measures from "./measures.js";\n\nreturn { ...measures };'
    assert run(tmp_path, code, None) == {**MEASURES, "SYMBOLS": SYMBOLS}
    picture = part("picture.js")
    assert not any(symbol in picture for symbol in ("÷", "neg:"))
    assert not any(f"const {name}" in picture for name in MEASURES)


def test_every_module_that_a_module_imports_is_named():
    sources = [part(name) for name in module_names()]
    imported = {name for source in sources for name in re.findall(r'from "\./([\w.]+)"', source)}
    assert imported < set(module_names())

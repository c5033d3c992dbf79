"""Programs written as C, compiled without a warning and run beside the engine: numbers, gradients, and refusals."""

import math
import random
import re
from importlib.resources import files

import numpy as np
import pytest
from c_programs import compile_c, needs_cc, run, run_one
from graphs import many_graphs, rounding
from grids import ORDERS, close, expected, grid

import engine
import nn
from engine import Value, atan2, compile, gradients, primitive, slopes
from engine.derivatives import RULES, SLOPES
from engine.expressions import c_functions
from engine.operations import OPERATIONS

LEAF = (3.0, -0.7, 0.2)


@needs_cc
@pytest.mark.slow
def test_every_primitive_has_the_engines_numbers_and_refusals(tmp_path):
    names, rows = {}, []
    for index, (key, rule) in enumerate((RULES | SLOPES).items()):
        table = grid(len(rule.derivatives))
        numbers = [(x, float(n)) for x, _ in table for n in range(5)] if key in ORDERS else table
        leaves = [Value(0.5, name) for name in "ab"[: len(numbers[0])]]
        program = compile((OPERATIONS.get(key) or slopes.OPERATIONS[key]).apply(*leaves), [], leaves)
        names[f"p{index}"] = key
        program.save(tmp_path / f"p{index}.c")
        rows.append(numbers)
    wrong = []
    found = run(tmp_path, list(names), rows)
    for key, table, results in zip(names.values(), rows, found, strict=True):
        for numbers, result in zip(table, results, strict=True):
            right = expected(key, numbers)
            same = result == 1 if isinstance(right, str) else result != 1 and all(map(close, right, result))
            if not same:
                wrong.append((key, numbers, right, result))
    assert wrong == []


def eager(root: Value, leaves: list[Value], numbers: list[float]) -> list[float]:
    """The number and the gradient, as eager arithmetic has them for these numbers of the leaves."""
    for leaf, number in zip(leaves, numbers, strict=True):
        leaf.data, leaf.grad = number, 0.0
    root.refresh().backward()
    return [root.data, *(leaf.grad for leaf in leaves)]


@pytest.mark.slow
@needs_cc
@many_graphs
def test_random_graphs_have_the_engines_gradients(tmp_path_factory, many):
    folder = tmp_path_factory.mktemp("graphs")
    names, rows, right = [], [], []
    for index, (recipe, numbers) in enumerate(many):
        root, used = recipe.graph()
        compile(root, used[:1], used[1:]).save(folder / f"g{index}.c")
        names.append(f"g{index}")
        rows.append([numbers[: len(used)]])
        right.append((eager(root, used, numbers[: len(used)]), rounding(root)))
    for (numbers, tolerance), [result] in zip(right, run(folder, names, rows), strict=True):
        assert result == pytest.approx(numbers, rel=1e-10, abs=tolerance, nan_ok=True)


@pytest.mark.slow
@needs_cc
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_a_network_of_many_functions_is_its_program(tmp_path, activation):
    model = nn.MLP(3, [12, 12, 2], activation=activation, seed=1)
    x = [Value(0.1 * i, f"x{i}") for i in range(3)]
    target = Value(0.3)
    outputs = model(x)
    loss = (outputs[0] - target) ** 2 + outputs[1].sigmoid()
    program = compile([loss, *outputs], [*x, target], model.parameters())
    rows = np.random.default_rng(0).normal(size=(20, 4))
    found = np.array(run_one(tmp_path, program, rows.tolist()))
    assert (tmp_path / "one.c").read_text().count("static void one_backward") > 1
    by_inputs, by_parameters = program.gradients(rows, "inputs"), program.gradients(rows)
    np.testing.assert_allclose(found, np.hstack([program(rows), by_inputs, by_parameters]), rtol=1e-11, atol=1e-13)


@needs_cc
def test_a_gradient_graph_is_written_as_well(tmp_path):
    x, w = Value(0.3, "x"), Value(0.8, "w")
    program = compile(gradients((w * x**3).tanh(), [w])[0], [x], [w])
    rows = [[0.3], [-0.9], [2.0]]
    found = np.array(run_one(tmp_path, program, rows))
    np.testing.assert_allclose(found[:, 0], program(rows), rtol=1e-12)
    np.testing.assert_allclose(found[:, 2:], program.gradients(rows), rtol=1e-12)


@needs_cc
def test_the_gradient_of_another_output(tmp_path):
    x, w = Value(2.0), Value(3.0)
    program = compile([x * w, x + w * w], [x], [w])
    assert run_one(tmp_path, program, [[5.0]], output=1) == [[15.0, 14.0, 1.0, 6.0]]


@needs_cc
@pytest.mark.parametrize(
    ("make", "right"),
    [
        (lambda x, w: x, [3.0, 1.0, 0.0]),
        (lambda x, w: w, [3.0, 0.0, 1.0]),
        (lambda x, w: x.detach() * w, [9.0, 0.0, 3.0]),
        (lambda x, w: x * x + 0.0 * w, [9.0, 6.0, 0.0]),
        (lambda x, w: atan2(x, -0.0) + w * 0.0, [math.pi / 2, -0.0, 0.0]),
        (lambda x, w: (x - 3.0).sqrt() * 0.0 + w, [3.0, 0.0, 1.0]),
        (lambda x, w: x * math.inf + w, [math.inf, math.inf, 1.0]),
        (lambda x, w: 0.0 - (-1e-300 - (-x)) - x * 2.0 + w * 1e22, [3e22, -3.0, 1e22]),
    ],
)
def test_edges(tmp_path, make, right):
    x, w = Value(3.0), Value(3.0)
    outputs = make(x, w)
    program = compile([outputs, x + w], [x], [w])
    [found] = run_one(tmp_path, program, [[3.0]])
    assert [found[0], *found[2:]] == pytest.approx(right)


@needs_cc
def test_no_inputs_and_no_parameters(tmp_path):
    w, x = Value(0.5), Value(2.0)
    assert run_one(tmp_path, compile(w.exp(), [], [w]), [[]]) == [[math.exp(0.5), math.exp(0.5)]]
    assert run_one(tmp_path, compile(x * 3, [x], []), [[4.0]]) == [[12.0, 3.0]]
    assert run_one(tmp_path, compile(Value(2.0), [], []), [[]]) == [[2.0]]


@needs_cc
def test_what_is_refused_has_its_place(tmp_path):
    x, y = Value(1.0), Value(1.0)
    program = compile(((x + y).log() / y + (x * 300).exp()) ** 0.5 + (-x - y).sinh(), [x, y])
    assert [type(found) for found in run_one(tmp_path, program, [[0.2, 1.0], [1.0, 0.1]])] == [list, list]
    assert run_one(tmp_path, program, [[-1.0, 0.5], [1.0, 0.0], [3.0, 0.1], [0.001, 0.1], [math.inf, 1.0]]) == [
        *(2, 3, 5, 7),
        pytest.approx([math.nan, -math.inf, -math.inf], nan_ok=True),
    ]


@needs_cc
def test_a_constant_that_was_changed_to_one_that_is_refused_is_refused(tmp_path):
    x, divisor = Value(1.0), Value(2.0)
    quotient = x / divisor
    divisor.data = 0.0
    assert run_one(tmp_path, compile(quotient, [x], []), [[1.0]]) == [1]


@needs_cc
@pytest.mark.parametrize("name", ["a b-c.1", "2nd", "_x", "größe", "int", "*"])
def test_any_name_and_any_label_makes_a_file_that_compiles(tmp_path, name):
    x, w = Value(2.0, '*/ system("ls") /* ??/ \\'), Value(3.0, "größe\n#error\r\u202e")
    path = tmp_path / f"{name}.c"
    compile(x * w, [x], [w]).save(path, comment="*/ int main(void) { } /*\n#error\n??/\nPREFIX \\\n é")
    compile_c(tmp_path, "-Wtrigraphs", "-c", str(path))


@needs_cc
def test_the_table_has_the_weights_of_now(tmp_path):
    x, w = Value(2.0), [Value(1.0, "a"), Value(2.0)]
    program = compile(x * w[0] + w[1], [x], w)
    program.weights = [0.1, -0.0]
    program.save(tmp_path / "now.c")
    assert "now_weights[2] = {\n    0.1,\n    -0.0,\n};" in (tmp_path / "now.c").read_text("utf-8")


_TWO = """#define _POSIX_C_SOURCE 200809L
#include <sys/times.h>
#include <stdio.h>
#include <stdlib.h>
static double relu(double x) { return x; }
static double step(double x) { return x; }
static const double pi = 3.0;
#include "a.c"
#include "b.c"

int main(void)
{
    double x[1] = {2.0}, y[1], dx[1], dw[1], work[A_N_WORK + B_N_WORK];

    if (a_gradient(x, a_weights, y, dx, dw, work) || y[0] + dw[0] + relu(step(pi)) < 0.0) return 1;
    return b_values(x, b_weights, y, work) || b_gradient(x, b_weights, y, dx, dw, work) ? 2 : 0;
}
"""


@needs_cc
def test_two_files_are_included_in_one_program(tmp_path):
    x, w = Value(2.0, "x"), Value(3.0, "w")
    every = [
        (OPERATIONS.get(key) or slopes.OPERATIONS[key]).apply(*[x * w, w][: len(rule.derivatives)])
        for key, rule in (RULES | SLOPES).items()
        if key not in ("atanh", "asin", "acos")
    ]
    for name in "ab":
        compile(engine.mean(every), [x], [w]).save(tmp_path / f"{name}.c")
    (tmp_path / "main.c").write_text(_TWO)
    compile_c(tmp_path, "-Wno-unused-function", "main.c", "-lm", "-o", "main")
    text = (tmp_path / "a.c").read_text("utf-8")
    defined = re.findall(r"^(?:static )?(?:const )?(?:long|void|int|double) (\w+)", text, re.MULTILINE)
    assert len(defined) > 20
    assert all(name.startswith("a_") for name in defined)


def test_the_comment_has_labels_as_they_are(tmp_path):
    words = ["größe", "温度", "100 %", 'a "b"', "2 * x", "a && b", "{x} $y #z @ ~ ^ ` | !", "PREFIX"]
    leaves = [Value(2.0, word) for word in words]
    compile(engine.dot(leaves, leaves), leaves, []).save(tmp_path / "many.c", comment="µ > 0\nPREFIX")
    head = (tmp_path / "many.c").read_text("utf-8").partition(" */\n")[0]
    for place, word in enumerate(words):
        assert f" * x[{place}]: {word}\n" in head
    assert " * µ > 0\n * PREFIX\n" in head


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("*/ x /* y", "* / x / * y"),
        ("/*/", "/ * /"),
        ("*//", "* //"),
        ("what??/", "what? ?/"),
        ("???=", "? ? ?="),
        ("C:\\", "C:\\."),
        ("a\\ \\", "a\\ \\."),
        ("one\ntwo\u202e", "one two"),
        ("\ud800", ""),
    ],
)
def test_no_label_ends_the_comment(tmp_path, label, written):
    x = Value(2.0, label)
    compile(x * 2.0, [x], []).save(tmp_path / "one.c")
    text = (tmp_path / "one.c").read_text("utf-8")
    assert f" * x[0]: {written}".rstrip() + "\n */\n#include" in text


def test_what_has_no_file_in_c(tmp_path):
    x = Value(2.0, "x")
    cube = primitive(lambda x: 3 * x**2)(_cube)
    with pytest.raises(ValueError, match="C cannot compute _cube, a function of Python"):
        compile(cube(x), [x]).save(tmp_path / "cube.c")
    program = compile(x * x, [x])
    with pytest.raises(ValueError, match=r"path must end in \.c, \.js or \.onnx, got '.*model\.json'"):
        program.save(tmp_path / "model.json")
    with pytest.raises(TypeError, match="comment must be a str, got 3"):
        program.save(tmp_path / "model.c", comment=3)
    with pytest.raises(ValueError, match="output must be"):
        program.save(tmp_path / "model.c", output=1)
    with pytest.raises(ValueError, match='dtype must be "float64"'):
        compile(x * x, [x], dtype="float32").save(tmp_path / "model.c")
    with pytest.raises(FileNotFoundError):
        program.save(tmp_path / "nowhere" / "model.c")
    assert list(tmp_path.iterdir()) == []


def _cube(x: float) -> float:
    return x**3


def test_large_graphs_are_split_into_functions_of_bounded_length(tmp_path):
    choose, made = random.Random(0), [Value(0.1), Value(0.2)]
    for _ in range(5000):
        made.append(choose.choice(made) + choose.choice(made[-3:]).tanh())
    compile(made[-1], made[:1], made[1:2]).save(tmp_path / "large.c")
    functions = (tmp_path / "large.c").read_text().split("\n}\n")
    assert max(function.count("\n") for function in functions) < 450


def test_the_functions_that_c_has_not_are_read_once(monkeypatch):
    read = []
    monkeypatch.setattr(c_functions, "files", lambda package: (read.append(package), files(package))[1])
    assert "sigmoid" in c_functions.helpers_of("sigmoid(x)")
    assert "erf" not in c_functions.helpers_of("softplus(x)")
    assert len(read) <= 1

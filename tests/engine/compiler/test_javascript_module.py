"""Programs written as one ES module, run by node beside the engine: numbers, gradients, refusals, and text of users."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from graphs import many_graphs, rounding
from grids import ORDERS, close, expected, grid
from javascript import needs_node, run

import nn
from engine import Value, atan2, compile, primitive, slopes
from engine.compiler.javascript_module import javascript_module
from engine.compiler.trace import recorded
from engine.derivatives import RULES, SLOPES
from engine.operations import OPERATIONS

CALLED = """%s

return [%s].map((module, i) => data[i].map(([x, w]) => {
  try {
    const { y, dx, dw } = w === null ? module.gradient(x) : module.gradient(x, w);
    const alone = w === null ? module.values(x) : module.values(x, w);
    return alone.every((each, j) => Object.is(each, y[j])) ? [...y, ...dx, ...dw] : "differs from itself";
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    return error.message;
  }
}));
"""


def called(folder, names, rows):
    """What the modules of these files make of rows of inputs and weights: outputs and gradient, or an error's words."""
    imports = "\n".join(f"import * as module{i} from {json.dumps('./' + name)};" for i, name in enumerate(names))
    return run(folder, CALLED % (imports, ", ".join(f"module{i}" for i in range(len(names)))), rows)


def called_one(folder, program, rows, output=0):
    """What one program makes of rows of inputs, with its own weights."""
    program.save(folder / "one.js", output)
    return called(folder, ["one.js"], [[(row, None) for row in rows]])[0]


@needs_node
@pytest.mark.slow
def test_every_primitive_has_the_engines_numbers_and_words(tmp_path):
    tables = {}
    for index, (key, rule) in enumerate((RULES | SLOPES).items()):
        table = grid(len(rule.derivatives))
        tables[key] = [(x, float(n)) for x, _ in table for n in range(5)] if key in ORDERS else table
        leaves = [Value(0.5, name) for name in "ab"[: len(tables[key][0])]]
        program = compile((OPERATIONS.get(key) or slopes.OPERATIONS[key]).apply(*leaves), [], leaves)
        program.save(tmp_path / f"p{index}.js")
    rows = [[([], numbers) for numbers in table] for table in tables.values()]
    wrong = []
    found = called(tmp_path, [f"p{index}.js" for index in range(len(rows))], rows)
    for (key, table), results in zip(tables.items(), found, strict=True):
        for numbers, result in zip(table, results, strict=True):
            right = expected(key, numbers)
            if not (right == result if str in (type(right), type(result)) else all(map(close, right, result))):
                wrong.append((key, numbers, right, result))
    assert wrong == []


@needs_node
@pytest.mark.slow
@many_graphs
def test_random_graphs_have_the_numbers_of_their_programs(tmp_path_factory, many):
    folder = tmp_path_factory.mktemp("graphs")
    names, rows, right = [], [], []
    for index, (recipe, numbers) in enumerate(many):
        root, used = recipe.graph()
        program = compile(root, used[:1], used[1:])
        program.save(folder / f"g{index}.js")
        names.append(f"g{index}.js")
        for leaf, number in zip(used, numbers):
            leaf.data, leaf.grad = number, 0.0
        root.refresh().backward()
        program.from_values()
        rows.append([([leaf.data for leaf in used[:1]], [leaf.data for leaf in used[1:]])])
        computed = program([row for row, _ in rows[-1]] if used else None)
        right.append(([*computed, *(leaf.grad for leaf in used)], 10.0 * rounding(root)))
    for (numbers, tolerance), [result] in zip(right, called(folder, names, rows), strict=True):
        assert result == pytest.approx(numbers, rel=1e-11, abs=tolerance)
        assert result[0] == pytest.approx(numbers[0], rel=1e-13, abs=1e-13)


@needs_node
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_a_network_of_many_functions_is_its_program(tmp_path, activation):
    model = nn.MLP(3, [12, 12, 2], activation=activation, seed=1)
    x, target = [Value(0.1 * i, f"x{i}") for i in range(3)], Value(0.3)
    outputs = model(x)
    program = compile([(outputs[0] - target) ** 2 + outputs[1].sigmoid(), *outputs], [*x, target], model.parameters())
    rows = np.random.default_rng(0).normal(size=(20, 4))
    found = np.array(called_one(tmp_path, program, rows.tolist()))
    assert (tmp_path / "one.js").read_text().count("function backward") > 1
    right = np.hstack([program(rows), program.gradients(rows, "inputs"), program.gradients(rows)])
    np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-13)


@needs_node
@pytest.mark.parametrize(
    ("make", "right"),
    [
        (lambda x, w: x, [3.0, 1.0, 0.0]),
        (lambda x, w: w, [3.0, 0.0, 1.0]),
        (lambda x, w: x * x + 0.0 * w, [9.0, 6.0, 0.0]),
        (lambda x, w: atan2(x, -0.0) + w * 0.0, [math.pi / 2, -0.0, 0.0]),
        (lambda x, w: (x - 3.0).sqrt() * 0.0 + w, [3.0, 0.0, 1.0]),
        (lambda x, w: x * math.inf + w, [math.inf, math.inf, 1.0]),
        (lambda x, w: x * -0.0 + w * -math.inf, [-math.inf, -0.0, -math.inf]),
        (lambda x, w: 0.0 - (-1e-300 - (-x)) - x * 2.0 + w * 1e22, [3e22, -3.0, 1e22]),
    ],
)
def test_edges(tmp_path, make, right):
    x, w = Value(3.0), Value(3.0)
    [found] = called_one(tmp_path, compile([make(x, w), x + w], [x], [w]), [[3.0]])
    assert [found[0], *found[2:]] == pytest.approx(right)


@needs_node
def test_a_zero_keeps_its_sign(tmp_path):
    x = Value(2.0)
    [found] = called_one(tmp_path, compile([x * 1.0, -x, x * -3.0, x + 0.0, Value(-0.0)], [x], []), [[-0.0]])
    assert [math.copysign(1.0, number) for number in found[:5]] == [-1.0, 1.0, 1.0, 1.0, -1.0]


@needs_node
def test_no_inputs_no_parameters_and_another_output(tmp_path):
    w, x = Value(0.5), Value(2.0)
    assert called_one(tmp_path, compile(Value(2.0), [], []), [[]]) == [[2.0]]
    assert called_one(tmp_path, compile(x * 3, [x], []), [[4.0]]) == [[12.0, 3.0]]
    assert called_one(tmp_path, compile([x * w, x + w * w], [x], [w]), [[5.0]], output=1) == [[2.5, 5.25, 1.0, 1.0]]


@needs_node
def test_what_is_refused_has_the_engines_words_with_labels(tmp_path):
    x, y = Value(1.0, 'x"\u2028*/ ${y}'), Value(1.0)
    program = compile(((x + y).log() / y + (x * 300).exp()) ** 0.5 + x.log(), [x, y])
    rows = [[0.2, 1.0], [-1.0, 0.5], [1.0, 0.0], [3.0, 1.0], [0.001, 1.0]]
    words = []
    for row in rows:
        x.data, y.data = row
        try:
            ((x + y).log() / y + (x * 300).exp()) ** 0.5 + x.log()
            words.append("")
        except (ValueError, ArithmeticError) as error:
            words.append(str(error))
    found = called_one(tmp_path, program, rows)
    assert [result if isinstance(result, str) else "" for result in found] == words
    assert sum(map(bool, words)) == 3
    x.data = 0.5
    [found] = called_one(tmp_path, compile(x.log() + y, [x, y]), [[-0.5, 1.0]])
    x.data = -0.5
    with pytest.raises(ValueError, match="but log needs") as error:
        x.log()
    assert found == str(error.value)


@needs_node
def test_what_are_no_numbers_is_refused(tmp_path):
    x, w = Value(2.0), Value(3.0)
    compile(x * w, [x], [w]).save(tmp_path / "one.js")
    rows = [([1.0], None), ([], None), ([1.0, 2.0], None), (None, None), (["1"], None), ([None], None), ([1.0], [])]
    assert called(tmp_path, ["one.js"], [rows])[0] == [
        [3.0, 3.0, 1.0],
        "x must be 1 numbers, got 0",
        "x must be 1 numbers, got 2",
        "x must be 1 numbers, got undefined",
        "x must be numbers, got string",
        "x must be numbers, got object",
        "w must be 1 numbers, got 0",
    ]


@needs_node
@pytest.mark.parametrize("name", ["a b-c.1", "größe", "int", "* '", "import {x}"])
def test_any_name_any_label_and_any_comment_make_a_module(tmp_path, name):
    labels = ['*/ throw 1; /* ??/ \\" + ${x}', "größe\n*/\r\u2028\u202e throw 1"]
    x, w = (Value(2.0, label) for label in labels)
    comment = "*/ throw 1; /*\n//\u2028 throw 1 \u2029 */ {n} é"
    compile((x * w).log(), [x], [w]).save(tmp_path / f"{name}.js", comment=comment)
    text = (tmp_path / f"{name}.js").read_text("utf-8")
    assert text.count("*/\n\nexport const weights") == 1
    assert text.partition(" */\n")[0].isprintable() or "\u2028" not in text
    w.data = 4.0
    assert called(tmp_path, [f"{name}.js"], [[([2.0], [4.0])]])[0][0][:1] == [pytest.approx(math.log(8.0), rel=1e-15)]


@needs_node
def test_the_table_has_the_weights_of_now(tmp_path):
    x, w = Value(2.0, "x"), [Value(1.0, "a"), Value(2.0)]
    program = compile(x * w[0] + w[1], [x], w)
    program.weights = [0.1, -0.0]
    program.save(tmp_path / "now.js")
    text = (tmp_path / "now.js").read_text("utf-8")
    assert "weights = new Float64Array([\n  0.1,\n  -0.0,\n]);" in text
    assert ' *     import { values, gradient, weights } from "./now.js";\n' in text
    assert " * x[0]: x\n * w[0]: a\n */\n" in text
    assert "\nimport" not in text


def test_a_module_has_the_functions_that_it_uses_and_no_others(tmp_path):
    x = Value(2.0, "erf gelu")
    compile(x.tanh() + x.log(), [x], []).save(tmp_path / "one.js")
    text = (tmp_path / "one.js").read_text("utf-8")
    assert "const { abs, exp, log, tanh } = Math;" in text
    assert "function sech2(" in text
    assert "function erf" not in text
    compile(x * x, [x], []).save(tmp_path / "one.js")
    assert "refus" not in (tmp_path / "one.js").read_text("utf-8").partition("*/\n")[2]


def test_what_has_no_module(tmp_path):
    x = Value(2.0, "x")
    cube = primitive(lambda x: 3 * x**2)(_cube)
    with pytest.raises(ValueError, match="JavaScript cannot compute _cube, a function of Python"):
        compile(cube(x), [x]).save(tmp_path / "cube.js")
    with pytest.raises(ValueError, match=r'dtype must be "float64" for a \.js file, got "float32"'):
        compile(x * x, [x], dtype="float32").save(tmp_path / "model.js")
    with pytest.raises(ValueError, match="output must be"):
        compile(x * x, [x]).save(tmp_path / "model.js", output=1)
    for name in ("model.mjs", "model", "model.JS", "js"):
        with pytest.raises(ValueError, match=r"path must end in \.c, \.js or \.onnx, got '"):
            compile(x * x, [x]).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def _cube(x: float) -> float:
    return x**3


# ---------------------------------------------------------------------------------------------------------- optimizers

OPTIMIZERS = [
    nn.SGD(),
    nn.SGD(l1=0.01, l2=0.02),
    nn.SGD(momentum=0.9, weight_decay=0.1),
    nn.SGD(momentum=0.9, nesterov=True),
    nn.Adam(l2=0.1),
    nn.Adam(betas=(0.0, 0.5), weight_decay=0.1),
    nn.AdamW(l1=0.1),
]
STEPPED = """%s

return [%s].map((program, i) => {
  const [weights, gradients, nLeft] = data[i];
  return weights.map((weight, column) => {
    let out = [weight, ...Array(nLeft).fill(0)];
    gradients.forEach((row, step) => {
      const [at, ...left] = out;
      out = program.values([at, row[column], 0.05, step + 1, ...left]);
    });
    return out[0];
  });
});
"""


@needs_node
def test_a_step_of_every_optimizer_is_its_own_formula(tmp_path):
    weights, gradients = [1.0, -1.0, 0.0], [[1.0, -2.0, 0.5], [0.5, 0.25, 0.0], [-1.0, 3.0, 2.0], [0.0, 1.0, -1.0]]
    rows, right = [], []
    for i, optimizer in enumerate(OPTIMIZERS):
        before = dict(vars(optimizer))
        leaves, outputs = optimizer.step_graph()
        assert vars(optimizer) == before
        (tmp_path / f"program{i}.js").write_text(javascript_module(recorded(outputs, leaves, []), [], [], ""))
        rows.append([weights, gradients, len(optimizer.remembered)])
        optimizer.learning_rate = 0.05
        optimizer.bind([Value(weight) for weight in weights])
        for gradient in gradients:
            for parameter, number in zip(optimizer.parameters, gradient):
                parameter.grad = number
            optimizer.step()
        right.append([parameter.data for parameter in optimizer.parameters])
    imports = "\n".join(f'import * as program{i} from "./program{i}.js";' for i in range(len(rows)))
    found = run(tmp_path, STEPPED % (imports, ", ".join(f"program{i}" for i in range(len(rows)))), rows)
    for stepped, numbers in zip(found, right, strict=True):
        assert stepped == pytest.approx(numbers, rel=1e-12, abs=1e-15)


def test_a_step_that_clips_is_no_formula_of_one_weight():
    for options in ({"clip_norm": 1.0}, {"clip_value": 1.0}):
        with pytest.raises(ValueError, match="clip_value and clip_norm must be None for step_graph, got"):
            nn.SGD(**options).step_graph()


def test_a_step_of_an_optimizer_of_ones_own_is_refused():
    class Signs(nn.SGD):
        def direction(self, weights, gradient, rate):
            return gradient if gradient > 0 else -1.0

    class Same(nn.Adam):
        pass

    changed = nn.SGD()
    changed.direction = lambda weights, gradient, rate: gradient * changed.steps
    for optimizer in (Signs(), Same(), changed):
        with pytest.raises(TypeError, match=r"must be called on SGD, Adam or AdamW, got \w+ of your own"):
            optimizer.step_graph()
    assert nn.SGD(learning_rate=lambda step: 1 / (step + 1)).step_graph()  # the rate is a leaf


# ------------------------------------------------------------------------------------------------------- without numpy

WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = None
import nn
from engine import Value
from engine.compiler.javascript_module import javascript_module
from engine.compiler.trace import recorded
from engine.stepping.page import page_data

model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
for name, target in {"mse": 1.0, "mae": 1.0, "huber": 1.0, "hinge": 1, "binary_cross_entropy": 1}.items():
    getattr(nn, name)(model([0.5, -1.0]), target).backward()
nn.cross_entropy(nn.MLP(2, [3, 2], seed=0)([0.5, -1.0]), 1).backward()
assert any(parameter.grad for parameter in model.parameters())
x = [Value(0.5), Value(-1.0), Value(1.0)]
javascript_module(recorded([nn.mse(model(x[:2]), x[2])], x, model.parameters()), [], [], "")
for optimizer in (nn.SGD(momentum=0.9), nn.Adam(), nn.AdamW()):
    leaves, outputs = optimizer.step_graph()
    javascript_module(recorded(outputs, leaves, []), [], [], "")
"""


def test_networks_and_their_programs_need_no_numpy():
    done = subprocess.run([sys.executable, "-c", WITHOUT_NUMPY], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

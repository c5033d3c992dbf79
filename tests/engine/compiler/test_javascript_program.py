"""Graphs as programs in JavaScript, beside the engine: numbers, gradients, refusals, and what becomes text of code."""

import itertools
import math
import subprocess
import sys
import time
from array import array

import numpy as np
import pytest
from graphs import many_graphs, rounding
from grids import close, expected, grid
from javascript import needs_node, run

import nn
from engine import DataDependentError, Value, logsumexp, maximum, primitive, relu, slopes
from engine.compiler.javascript_program import program_text, recorded_program_text
from engine.derivatives import RULES, SLOPES
from engine.operations import OPERATIONS

CALLED = """%s

const programs = [%s];
return programs.map((program, i) => data[i].map(([x, w, nOutputs]) => {
  try {
    const [values, gradient] = [new Float64Array(nOutputs), new Float64Array(w.length)];
    program.values(x, w, values);
    const number = program.gradient(x, w, gradient);
    const same = Object.is(number, values[0]) && Object.is(number, program.value(x, w));
    return same ? [...values, ...gradient] : "differs from itself";
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return error.message;
  }
}));
"""


def called(folder, programs: list[str], rows: list[list]) -> list[list]:
    """What programs make of rows of inputs, parameters and the number of outputs: the outputs and the gradient."""
    for i, program in enumerate(programs):
        (folder / f"program{i}.js").write_text(program, encoding="utf-8")
    imports = "\n".join(f'import * as program{i} from "./program{i}.js";' for i in range(len(programs)))
    names = ", ".join(f"program{i}" for i in range(len(programs)))
    return run(folder, CALLED % (imports, names), rows)


@needs_node
def test_every_primitive_has_the_engines_numbers_and_words(tmp_path):
    programs, rows = [], []
    orders = ("gaussian", "normal_pdf")  # whose second operand is the order of a derivative
    tables = {key: grid(len(rule.derivatives)) for key, rule in (RULES | SLOPES).items()}
    for key, table in tables.items():
        numbers = [(x, n) for x, _ in table for n in range(5)] if key in orders else table
        leaves = [Value(0.5, name) for name in "ab"[: len(numbers[0])]]
        operation = OPERATIONS.get(key) or slopes.OPERATIONS[key]
        programs.append(program_text([operation.apply(*leaves)], [], leaves))
        rows.append([([], row, 1) for row in numbers])
    wrong = []
    for key, row, results in zip(tables, rows, called(tmp_path, programs, rows), strict=True):
        for (_, numbers, _), result in zip(row, results, strict=True):
            right = expected(key, numbers)
            same = right == result if str in (type(right), type(result)) else all(map(close, right, result))
            if not same:
                wrong.append((key, numbers, right, result))
    assert wrong == []


def eager(root: Value, parameters: list[Value]) -> list[float]:
    """The number and the gradient, as eager arithmetic has them."""
    for parameter in parameters:
        parameter.grad = 0.0
    root.refresh().backward()
    return [root.data, *(parameter.grad for parameter in parameters)]


@needs_node
@many_graphs
def test_random_graphs_for_other_numbers(tmp_path, cases):
    programs, rows, right = [], [], []
    for recipe, others in cases:
        leaves = [Value(x) for x in recipe.numbers]
        root = recipe.follow(leaves)[-1]
        inputs, parameters = leaves[:1], leaves[1:]
        programs.append(program_text([root], inputs, parameters))
        for leaf, number in zip(leaves, others):
            leaf.data = number
        rows.append([([leaf.data for leaf in inputs], [leaf.data for leaf in parameters], 1)])
        right.append((eager(root, parameters), 10 * rounding(root)))
    for (found,), (numbers, slack) in zip(called(tmp_path, programs, rows), right, strict=True):
        assert found == pytest.approx(numbers, rel=1e-11, abs=slack)
        assert found[0] == pytest.approx(numbers[0], rel=1e-13)


LOSSES = {"mse": [1.0], "mae": [-1.0], "huber": [-1.0], "hinge": [-1.0], "binary_cross_entropy": [1.0]}
ACTIVATIONS = ("linear", "relu", "leaky_relu", "gelu", "softplus", "tanh", "sigmoid", "sin")


@needs_node
def test_networks_have_the_engines_loss_and_gradients(tmp_path):
    programs, rows, right = [], [], []
    for activation, (loss, target) in itertools.product(ACTIVATIONS, LOSSES.items()):
        model = nn.MLP(2, [6, 5, 1], activation=activation, seed=3)
        inputs, targets = [Value(0.3), Value(-0.7)], [Value(t) for t in target]
        root = getattr(nn, loss)(model(inputs), targets[0])
        programs.append(program_text([root], inputs + targets, model.parameters()))
        inputs[0].data, inputs[1].data = -1.25, 0.5
        parameters = model.parameters()
        rows.append([([-1.25, 0.5, *target], [parameter.data for parameter in parameters], 1)])
        right.append(eager(root, parameters))
    for (found,), numbers in zip(called(tmp_path, programs, rows), right, strict=True):
        assert found == pytest.approx(numbers, rel=1e-13, abs=1e-16)


@needs_node
def test_a_large_graph_is_several_functions(tmp_path):
    weights = [Value(1.0 + i / 1000) for i in range(1500)]
    total = Value(0.0)
    for weight in weights:
        total = total + weight * weight
    program = program_text([total], [], weights)
    assert "function forward3" in program
    ((found,),) = called(tmp_path, [program], [[([], [weight.data for weight in weights], 1)]])
    assert found == eager(total, weights)


@needs_node
def test_zero_times_infinity_is_zero_in_the_chain_rule(tmp_path):
    makers = [
        lambda x: relu(x).sqrt(),
        lambda x: x.detach().sqrt() + x,
        lambda x: abs(x) ** 0.5,
        lambda x: (x * x).sqrt(),
        lambda x: 0 * x.sqrt(),
        lambda x: relu(x.sqrt() - 1),
        lambda x: x.sqrt(),
        lambda x: maximum(x, 1.0),
        lambda x: logsumexp([x, Value(0.0)]),
    ]
    programs, rows, right = [], [], []
    for maker in makers:
        x = Value(2.0)
        root = maker(x)
        programs.append(program_text([root], [], [x]))
        numbers = [0.0, 1.0, math.inf]
        rows.append([([], [number], 1) for number in numbers])
        right.append([])
        for number in numbers:
            x.data = number
            right[-1].append(eager(root, [x]))
    for results, expected_rows in zip(called(tmp_path, programs, rows), right, strict=True):
        for result, numbers in zip(results, expected_rows, strict=True):
            assert result == pytest.approx(numbers, rel=1e-14, nan_ok=True)


@needs_node
def test_several_outputs_constants_and_leaves_that_are_outputs(tmp_path):
    x, w, frozen = Value(2.0), Value(3.0), Value(5.0)
    outputs = [x * w - frozen, w, x + -0.0, x * math.inf, Value(7.0)]
    program = program_text(outputs, [x], [w])
    ((found,),) = called(tmp_path, [program], [[([-0.5], [4.0], 5)]])
    assert found == [-7.0, 4.0, -0.5, -math.inf, 7.0, -0.5]
    assert called(tmp_path, [program_text([w], [x], [w])], [[([1.0], [4.0], 1)]]) == [[[4.0, 1.0]]]
    assert called(tmp_path, [program_text([x], [x], [w])], [[([1.0], [4.0], 1)]]) == [[[1.0, 0.0]]]


@needs_node
def test_a_label_is_no_code(tmp_path):
    label = '"); throw 1; ("\u2028${x}`\\'
    x = Value(2.0, label=label)
    program = program_text([x.log()], [x])
    ((found,),) = called(tmp_path, [program], [[([-1.0], [], 1)]])
    x.data = -1.0
    with pytest.raises(ValueError, match="but log needs") as error:
        x.log()
    assert found == str(error.value)


def test_what_is_no_program():
    @primitive(lambda x: 3 * x**2)
    def cube(x):
        return x**3

    x, w = Value(2.0, label="x"), Value(3.0)
    made = Value(6.0, (x,), "made")
    for outputs, inputs, parameters, words in [
        (
            [cube(x) * w],
            [x],
            [w],
            "JavaScript cannot compute cube, a function of Python; write it with functions",
        ),
        ([made * w], [x], [w], "made has numbers for derivatives and no rule"),
        ([x * w], [x * 2.0], [], "inputs and parameters must be leaves, got one of them, the result of \\*"),
        ([x * w], [x], [x], "inputs and parameters must be different Values, got x twice"),
        ([x * w], [x, x], [], "got x twice"),
    ]:
        with pytest.raises(ValueError, match=words):
            program_text(outputs, inputs, parameters)


def test_what_is_no_list_of_values_is_refused():
    x = Value(2.0)
    with pytest.raises(ValueError, match="outputs must be at least one Value, got none"):
        program_text([], [])
    for words, arguments in {
        "outputs must be a list of Values, got": ([x * 2, 1.0], [x]),
        "outputs must be a list of Values, got ": (x * 2, [x]),
        r"inputs must be a list of Values, got \[1\.0\]": ([x * 2], [1.0]),
        "inputs must be a list of Values": ([x * 2], x),
        "parameters must be a list of Values": ([x * 2], [x], [None]),
    }.items():
        with pytest.raises(TypeError, match=words):
            program_text(*arguments)


def test_a_function_that_branches_is_refused_as_by_programs():
    w = Value(3.0)
    by_input, by_weight = lambda x: [x[0] * w if x[0] > 0 else w], lambda x: [x[0] * w if w < 5 else w]
    for function in (by_input, by_weight, lambda x: [w * float(x[0])], lambda x: [w * w.data]):
        with pytest.raises(DataDependentError, match="a graph that is recorded once must hold for all numbers"):
            recorded_program_text(function, [2.0], [w])
    assert "v[0] = x[0] * w[0];" in recorded_program_text(lambda x: [x[0] * w], [2.0], [w])


def test_a_function_that_does_not_do_the_same_in_each_call_is_refused_as_by_programs():
    w, counts, turns, factors = Value(3.0), [0], iter(range(99)), array("d", [1.0])
    kept = w * 2.0

    def counting(x):
        counts[0] += 1
        return [x[0] * w]

    def in_an_array(x):
        factors[0] += 1.0
        return [x[0] * w]

    for function, words in {
        counting: "changes .*counts",
        in_an_array: "changes .*factors",
        lambda x: [x[0] * w * np.random.rand()]: "changes .*random",
        lambda x: [x[0] * w * next(turns)]: "changes .*turns",
        lambda x: [x[0] * w * (id(object()), time.perf_counter())[1]]: "another graph",
        lambda x: [x[0] * kept]: "computed outside of it",
    }.items():
        with pytest.raises(DataDependentError, match=words):
            recorded_program_text(function, [2.0], [w])


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
    let out = new Float64Array(1 + nLeft);
    out[0] = weight;
    gradients.forEach((row, step) => {
      const [at, ...left] = out;
      program.values([at, row[column], 0.05, step + 1, ...left], [], out);
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
        (tmp_path / f"program{i}.js").write_text(program_text(outputs, leaves))
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
import time
from array import array
sys.modules["numpy"] = None
import nn
from engine import Value
from engine.compiler.javascript_program import program_text, recorded_program_text
from engine.stepping.page import page_data

model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
for name, target in {"mse": 1.0, "mae": 1.0, "huber": 1.0, "hinge": 1, "binary_cross_entropy": 1}.items():
    getattr(nn, name)(model([0.5, -1.0]), target).backward()
nn.cross_entropy(nn.MLP(2, [3, 2], seed=0)([0.5, -1.0]), 1).backward()
assert any(parameter.grad for parameter in model.parameters())
recorded_program_text(lambda x: [nn.mse(model(x[:2]), x[2])], [0.5, -1.0, 1.0], model.parameters())
counts = [0]
def counting(x):
    counts[0] += 1
    return [x[0] * 2.0]
try:
    recorded_program_text(counting, [0.5])
except ValueError as error:
    assert "counts" in str(error), error
else:
    raise AssertionError
for optimizer in (nn.SGD(momentum=0.9), nn.Adam(), nn.AdamW()):
    leaves, outputs = optimizer.step_graph()
    program_text(outputs, leaves)
"""


def test_networks_and_their_programs_need_no_numpy():
    done = subprocess.run([sys.executable, "-c", WITHOUT_NUMPY], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

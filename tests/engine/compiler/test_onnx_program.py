"""Programs as models of ONNX, run by onnxruntime beside the engine: numbers, edges, small graphs, refusals."""

import math
import sys

import numpy as np
import pytest
from grids import ORDERS, expected, grid
from hypothesis import HealthCheck, Phase, given, settings
from programs import recipes, used, well_conditioned

import nn
from engine import Value, compile, dot, gelu, gradients, primitive, slopes, softmax, tanh
from engine.derivatives import RULES, SLOPES
from engine.operations import OPERATIONS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

GENTLE = {"max_examples": 40, "deadline": None, "phases": [Phase.generate], "suppress_health_check": list(HealthCheck)}
TOLERANCE = {"float64": 1e-13, "float32": 3e-6}
ROUGH = {"gelu": 100, "gelu_slope": 100, "gaussian": 1000, "normal_pdf": 1000, "power_mixed": 10}  # as in numpy
BESIDE_1 = ("sin", "cos", "tan", "normal_pdf")  # right to rounding where they are near 0


def computed(program, rows):
    """What onnxruntime makes of rows of X."""
    model = program.to_onnx()
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["Y"], {"X": np.array(rows, program.dtype).reshape(len(rows), program.n_inputs)})[0]


def operators(program):
    """The operators of a program's model, in order."""
    return [node.op_type for node in program.to_onnx().graph.node]


def table_of(key, rule):
    """Operands, and the leaves and outputs of a graph for them."""
    apply = (OPERATIONS.get(key) or slopes.OPERATIONS[key]).apply
    n_operands = 1 if key in ORDERS else len(rule.derivatives)
    leaves = [Value(0.5, name) for name in "ab"[:n_operands]]
    outputs = [apply(leaves[0], float(n)) for n in range(5)] if key in ORDERS else [apply(*leaves)]
    return grid(n_operands), leaves, outputs


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_primitive_has_the_engines_numbers_and_is_infinite_or_nan_where_it_refuses(dtype):
    wrong = []
    for key, rule in (RULES | SLOPES).items():
        table, leaves, outputs = table_of(key, rule)
        with np.errstate(over="ignore"):
            rows = np.array(table, dtype)
        close = {"rel_tol": TOLERANCE[dtype] * ROUGH.get(key, 1), "abs_tol": 1e-15 if key in BESIDE_1 else 0.0}
        for row, results in zip(rows.tolist(), computed(compile(outputs, leaves, [], dtype=dtype), rows).tolist()):
            if dtype == "float32" and key in SLOPES and max(map(abs, row)) > 1e9:
                continue  # where the exponent less 1 is another even number
            for n, found in enumerate(results):
                right = expected(key, (*row, float(n)) if key in ORDERS else tuple(row))
                refused = isinstance(right, str)
                if math.isfinite(found) if refused else not same(found, right[0], dtype, close):
                    wrong.append((key, row, n, right, found))
    assert wrong == []


def same(found, right, dtype, close):
    """Whether a number is right, rounded to its dtype; numbers below the smallest with all digits may be 0."""
    with np.errstate(over="ignore", under="ignore"):
        right = float(np.array(right, dtype))
    tiny = float(np.finfo(dtype).tiny)
    are_nan = math.isnan(found) and math.isnan(right)
    return are_nan or math.isclose(found, right, **close) or (abs(found) <= tiny and abs(right) <= tiny)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_random_graphs_have_the_numbers_of_their_programs(dtype):
    @given(recipes())
    @settings(**GENTLE)
    def check(recipe):
        inputs, others = recipe.leaves()
        outputs = recipe.follow([*inputs, *others])
        if not well_conditioned(outputs):
            return
        program = compile(outputs, inputs, used(outputs, others), dtype=dtype)
        rows = np.array([[leaf.data for leaf in inputs]] * 3, dtype).reshape(3, len(inputs))
        tolerance = 1e-11 if dtype == "float64" else 2e-3
        np.testing.assert_allclose(computed(program, rows), program(rows), rtol=tolerance, atol=tolerance)

    check()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "gelu", "softplus", "tanh", "sigmoid", "sin", "linear"])
def test_a_network_is_matrix_products_and_has_the_numbers_of_its_program(activation, dtype):
    model = nn.MLP(3, [12, 7, 2], activation=activation, seed=1)
    x = [Value(0.1 * i, f"x{i}") for i in range(3)]
    program = compile(model(x), x, model.parameters(), dtype=dtype)
    rows = np.random.default_rng(0).normal(size=(20, 3)).astype(dtype)
    tolerance = 10 * TOLERANCE[dtype]
    np.testing.assert_allclose(computed(program, rows), program(rows), rtol=tolerance, atol=tolerance)
    found = operators(program)
    n_polynomials = 2 if activation == "gelu" else 0
    assert found.count("MatMul") == 3 + n_polynomials
    if activation in ("tanh", "relu", "sin"):
        each = ["MatMul", "Add", activation.title()]
        assert found == ["Transpose", *each, *each, "MatMul", "Add", "Transpose"]


def test_shared_weights_and_several_vectors_are_one_product():
    x, w = [Value(0.1 * i) for i in range(6)], [[Value(0.3 * i - j) for i in range(3)] for j in range(2)]
    outputs = [tanh(dot(row, x[start : start + 3])) for start in (0, 3) for row in w]
    program = compile(outputs, x, [weight for row in w for weight in row])
    rows = np.random.default_rng(0).normal(size=(5, 6))
    np.testing.assert_allclose(computed(program, rows), program(rows), rtol=1e-13)
    assert operators(program).count("MatMul") == 1


def test_products_of_products_of_weights():
    x, w = [Value(0.1 * i) for i in range(3)], [[Value(0.3 * i - j) for i in range(3)] for j in range(2)]
    rows = [[weight * weight + 1.0 for weight in row] for row in w]
    program = compile([dot(row, x).exp() for row in rows], x, [weight for row in w for weight in row])
    numbers = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(computed(program, numbers), program(numbers), rtol=1e-12)


def test_a_long_sum_of_single_terms_a_softmax_and_a_gradient_graph():
    x, w = [Value(0.1 * i) for i in range(9)], Value(0.8)
    terms = sum((value.sin() for value in x[1:]), x[0])
    slope = gradients((w * x[0] ** 3).tanh() + gelu(x[1] * w), [x[0], x[1]])
    program = compile([terms, *softmax(x), *slope, w], x, [w])
    rows = np.random.default_rng(0).normal(size=(7, 9))
    np.testing.assert_allclose(computed(program, rows), program(rows), rtol=1e-12, atol=1e-15)


def test_outputs_that_are_leaves_constants_or_the_same():
    x, y, w = Value(2.0), Value(3.0), Value(5.0)
    program = compile([Value(7.0), x, w, w * w, y, x, x * y, Value(7.0) * 1.0], [x, y], [w])
    assert computed(program, [[1.0, 2.0], [3.0, 4.0]]).tolist() == [
        [7.0, 1.0, 5.0, 25.0, 2.0, 1.0, 2.0, 7.0],
        [7.0, 3.0, 5.0, 25.0, 4.0, 3.0, 12.0, 7.0],
    ]
    assert computed(compile(w * 2.0, [], [w]), [[]] * 3).tolist() == [[10.0]] * 3
    assert computed(compile(x * w + y, [x, y], [w]), []).shape == (0, 1)


def test_constants_near_0_and_1_count_though_the_runtime_takes_them_for_0_and_1():
    x, w = Value(2.0), Value(0.0001)
    y = x.sin()
    near = [
        y.sin() * 1.000000004,
        y.sin() / 1.000000004,
        1.000000004 / y.sin(),
        y.sin() * w.cosh(),
        0.999999996 * y.sin(),
    ]
    tiny = [y.sin() + 1e-60, y.sin() - 1e-60, 1e-60 - y.sin()]
    program = compile([*near, *tiny], [x], [w])
    for number in (2.0, 1e-59):
        np.testing.assert_allclose(computed(program, [[number]]), program([[number]]), rtol=1e-13)


def test_what_is_the_same_for_all_examples_is_computed_once():
    x, w = [Value(0.1), Value(0.2)], [Value(0.5), Value(-0.7)]

    @primitive(lambda x: 3 * x**2)
    def cube(x):
        return x**3

    scale = sum(weight.exp() for weight in w) + dot(w, w).log1p() + cube(w[0])
    program = compile([scale, scale * x[0] + x[1]], x, w)
    rows = [[1.0, 2.0], [3.0, 4.0]]
    np.testing.assert_allclose(computed(program, rows), program(rows), rtol=1e-15)
    assert set(operators(program)) == {"Transpose", "Gather", "Mul", "Add", "Shape", "Expand", "Concat"}


def test_the_weights_are_those_of_now_and_rounded_to_float32():
    x, w = Value(2.0), Value(3.0)
    program = compile(x * w, [x], [w])
    program.weights = [0.1]
    assert computed(program, [[1.0]]).tolist() == [[0.1]]
    assert computed(compile(x * w, [x], [w], dtype="float32"), [[0.1]]).dtype == np.float32


@pytest.mark.parametrize(
    ("make", "row", "right"),
    [
        (lambda x, y: x**y, [0.0, 0.0], 1.0),
        (lambda x, y: x**y, [0.0, -1.0], math.inf),
        (lambda x, y: x**y, [-8.0, 1.0 / 3.0], math.nan),
        (lambda x, y: x.sqrt() + y, [0.0, 1.0], 1.0),
        (lambda x, y: x.sqrt() + y, [-1.0, 1.0], math.nan),
        (lambda x, y: x.log() + y, [0.0, 1.0], -math.inf),
        (lambda x, y: (x / y).relu(), [0.0, 0.0], math.nan),
        (lambda x, y: (x / y).relu(), [-1.0, 0.0], 0.0),
        (lambda x, y: (x.log() + y).maximum(3.0), [-1.0, 1.0], math.nan),
        (lambda x, y: (3.0 + y * 0.0).minimum(x.log()), [-1.0, 1.0], math.nan),
        (lambda x, y: x.relu() * y, [0.0, 2.0], 0.0),
        (lambda x, y: x.maximum(y), [2.0, 2.0], 2.0),
        (lambda x, y: x.exp() + y, [710.0, 0.0], math.inf),
        (lambda x, y: x.erfc().asin() + y, [0.0, 0.0], 0.5 * math.pi),
        (lambda x, y: x.atan2(y), [0.0, -1.0], math.pi),
        (lambda x, y: x.atan2(y), [-1.0, -math.inf], -math.pi),
    ],
)
def test_edges(make, row, right):
    x, y = Value(1.5), Value(1.5)
    found = computed(compile(make(x, y), [x, y], []), [row]).item()
    assert found == pytest.approx(right, rel=1e-15, nan_ok=True)


def test_a_file_of_onnx_with_names_and_a_comment(tmp_path):
    x, w = Value(2.0, "length"), Value(3.0, "w")
    program = compile([x * w, x + w], [x], [w])
    program.save(tmp_path / "model.onnx", comment="two numbers")
    model = onnx.load(tmp_path / "model.onnx")
    assert model.doc_string == "two numbers"
    (given,), (made,) = model.graph.input, model.graph.output
    assert (given.name, given.doc_string, made.name) == ("X", "X[:, 0]: length", "Y")
    sizes = [[size.dim_param or size.dim_value for size in each.type.tensor_type.shape.dim] for each in (given, made)]
    assert sizes == [["n", 1], ["n", 2]]
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert session.run(None, {"X": np.array([[1.0], [2.0]])})[0].tolist() == [[3.0, 4.0], [6.0, 5.0]]
    first = (tmp_path / "model.onnx").read_bytes()
    program.save(tmp_path / "model.onnx", comment="two numbers")
    assert (tmp_path / "model.onnx").read_bytes() == first


def test_any_label_and_any_comment_make_a_file():
    x, w = Value(2.0, "größe\n\ud800 \u202e"), Value(3.0, "\ud800")
    model = compile(x * w, [x], [w]).to_onnx(comment="one\ntwo \ud800")
    model.SerializeToString()
    assert (model.doc_string, model.graph.input[0].doc_string) == ("one\ntwo", "X[:, 0]: größe")


def test_what_has_no_model(tmp_path, monkeypatch):
    x = Value(2.0, "x")

    @primitive(lambda x: 3 * x**2)
    def cube(x):
        return x**3

    words = "ONNX cannot compute cube, a function of Python; write it with functions of the engine"
    for graph in (cube(x), gradients(cube(x) * x, [x])[0]):
        with pytest.raises(ValueError, match=words):
            compile(graph, [x]).save(tmp_path / "cube.onnx")
    order = Value(2.0)
    with pytest.raises(ValueError, match="an order that is no constant"):
        compile(slopes.OPERATIONS["gaussian"].apply(x, order), [x, order]).to_onnx()
    with pytest.raises(ValueError, match=r"output must be 0 for an \.onnx file, which has no gradient, got 1"):
        compile([x, x * x], [x]).save(tmp_path / "model.onnx", output=1)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"an \.onnx file must have the package onnx .*gradstep\[exchange\]"):
        compile(x * x, [x]).save(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []

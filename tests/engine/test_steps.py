"""What steps say: as text, as LaTeX and as MathML, forward and backward."""

import math
import weakref
import xml.etree.ElementTree as ET
from unittest.mock import MagicMock, Mock

import numpy as np
import pytest
from formulas import evaluated
from hypothesis import given
from hypothesis import strategies as st

from engine import Value, backprop, draw, forward, leaves, tanh
from engine.derivatives import RULES
from engine.expressions import names
from engine.expressions.names import caller_names, node_formulas
from engine.expressions.nodes import Derivative, Formula, Name, Number, Operation
from engine.expressions.parser import _FUNCTIONS
from engine.expressions.writers import latex, mathml, text
from engine.validation import plain_label
from nn import MLP


def neuron() -> Value:
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    return tanh(x * w + b)


def node_names(root: Value, names: object = None) -> dict[Value, str]:
    return {node: text(formula) for node, formula in node_formulas(root, caller_names(names)).items()}


def test_backward_steps_as_text():
    assert [str(step).splitlines() for step in backprop(neuron())] == [
        ["L = tanh(v2) = 0.706419", "dL/dL = 1", "dL/dv2 += 1 * (1 - L**2) = 1 * 0.500972 = 0.500972"],
        [
            "v2 = v1 + b = 0.88",
            "dL/dv2 = 0.500972",
            "dL/dv1 += dL/dv2 * dv2/dv1 = 0.500972 * 1 = 0.500972",
            "dL/db += dL/dv2 * dv2/db = 0.500972 * 1 = 0.500972",
        ],
        [
            "v1 = x * w = -6",
            "dL/dv1 = 0.500972",
            "dL/dx += dL/dv1 * dv1/dx = dL/dv1 * w = 0.500972 * (-3) = -1.50292",
            "dL/dw += dL/dv1 * dv1/dw = dL/dv1 * x = 0.500972 * 2 = 1.00194",
        ],
    ]


def test_a_sum_so_far_is_said_from_the_second_contribution_on():
    x = Value(3.0, label="x")
    lines = [line for step in backprop(x * x) for line in str(step).splitlines()]
    assert lines[2:] == ["dL/dx += 1 * x = 1 * 3 = 3", "dL/dx += 1 * x = 1 * 3 = 3", "dL/dx = 3 + 3 = 6"]


def test_plain_numbers_are_handed_nothing():
    (step,) = backprop(Value(2.0, label="x") ** 3)
    assert str(step).splitlines()[2:] == ["dL/dx += 1 * (3 * x**2) = 1 * 12 = 12"]
    assert len(step.contributions) == 2


def test_forward_steps_as_text():
    steps = [str(step).splitlines() for step in forward(neuron())]
    assert steps == [
        ["v1 = x * w = 2 * (-3) = -6", "dv1/dx = w = -3", "dv1/dw = x = 2"],
        ["v2 = v1 + b = -6 + 6.88 = 0.88", "dv2/dv1 = 1", "dv2/db = 1"],
        ["L = tanh(v2) = tanh(0.88) = 0.706419", "dL/dv2 = 1 - L**2 = 0.500972"],
    ]


def test_forward_changes_nothing_and_takes_only_values():
    x = Value(3.0)
    x.grad = 7.0
    list(forward(x * x))
    assert x.grad == 7.0
    assert list(forward(x)) == []
    with pytest.raises(TypeError, match="the root of a graph must be a Value, got float"):
        forward(3.0)


@pytest.mark.parametrize("walk", [backprop, forward])
def test_names_that_are_none_are_refused_at_once(walk):
    with pytest.raises(TypeError, match=r"names must be variables by name, such as locals\(\), .* got int 3"):
        walk(Value(1.0) * 2, names=3)


def test_names_of_the_caller():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    assert [str(step).splitlines()[0] for step in backprop(c + a, names=locals())] == ["L = c + a = 8", "c = a * b = 6"]


def test_labels_go_before_names_and_near_names_before_far_ones():
    x, y = Value(1.0, label="own"), Value(2.0)
    weights = [y, Value(3.0)]
    table = {"k": Value(4.0), "deep": {"er": [Value(5.0)]}}
    loop: list = []
    loop.append(loop)
    variables = {"_": weights[1], "x": x, "weights": weights, "y": y, "table": table, "loop": loop, "n": 3, "s": "text"}
    assert sorted(caller_names(variables).values()) == ["table['deep']['er'][0]", "table['k']", "weights[1]", "x", "y"]
    root = sum([x, y, weights[1]], table["k"])
    assert set(node_names(root, variables).values()) == {"own", "y", "weights[1]", "table['k']", "v1", "v2", "L"}


class Raises:
    """A proxy of something that is gone: whatever is asked of it raises."""

    def __getattribute__(self, name):
        raise ReferenceError(name)


class RaisesInDtype:
    """Looks like an array by its class, and raises when it is asked."""

    @property
    def dtype(self):
        raise RuntimeError("no dtype")

    shape = tolist = __setitem__ = dtype


def network_with(named_parameters):
    return type("Network", (), {"named_parameters": named_parameters})()


class Gone:
    pass


STRANGERS = {
    "mock": Mock,
    "mock of a Value": lambda: Mock(spec=Value),
    "mock of a dict": lambda: MagicMock(spec=dict),
    "mock of an array": lambda: MagicMock(spec=np.ndarray),
    "proxy of what is gone": lambda: weakref.proxy(Gone()),
    "raises": Raises,
    "raises in dtype": RaisesInDtype,
    "no method": lambda: network_with(None),
    "nothing returned": lambda: network_with(lambda self: None),
    "no pairs": lambda: network_with(lambda self: [1, 2]),
    "another signature": lambda: network_with(lambda self, more: []),
    "raises in its method": lambda: network_with(lambda self: 1 / 0),
    "scalar": lambda: np.float64(1.0),
    "array of no dimension": lambda: np.array(None),
    "class": lambda: MLP,
}


@pytest.mark.parametrize("around", [lambda thing: thing, lambda thing: [thing], lambda thing: {"k": (thing,)}])
@pytest.mark.parametrize("stranger", STRANGERS)
def test_objects_that_no_search_can_look_into_are_passed_by(stranger, around):
    x, w, thing = Value(1.0), Value(2.0), STRANGERS[stranger]()
    variables = {"first": around(thing), "x": x, "list": [thing, w, thing]}
    assert caller_names(variables) == {x: "x", w: "list[1]"}
    assert draw(x * w, names=variables).source.count("list[1]") == 2  # in the box, and in its tooltip


LARGE = {
    "list": lambda: [0.5] * 10**6,
    "tuple": lambda: (0.5,) * 10**6,
    "dict": lambda: dict.fromkeys(range(10**5), 0.5),
    "numpy scalars": lambda: [np.float64(0.5)] * 10**5,
    "array": lambda: np.ones(10**6),
    "array of objects": lambda: np.full(10**5, 0.5, dtype=object),
}


@pytest.mark.parametrize("large", LARGE)
def test_large_data_beside_the_values(large, monkeypatch):
    asked = Mock(wraps=names._can_hold_values)
    monkeypatch.setattr(names, "_can_hold_values", asked)
    x, w = Value(1.0), Value(2.0)
    assert caller_names({"large": LARGE[large](), "x": x, "w": [w]}) == {x: "x", w: "w[0]"}
    assert asked.call_count < 10  # for each type, not for each element


def test_a_value_at_the_end_of_large_data_is_found():
    x, w, v = Value(1.0), Value(2.0), Value(3.0)
    array = np.array([[0.5, v]], dtype=object)
    variables = {"list": [*[0.5] * 10**6, x], "dict": {**dict.fromkeys(range(10**5), "text"), "k": w}, "array": array}
    assert caller_names(variables) == {x: "list[1000000]", w: "dict['k']", v: "array[0][1]"}


def test_a_search_that_takes_too_long_has_named_what_is_near(monkeypatch):
    monkeypatch.setattr(names, "_EFFORT", 1_000_000)
    x, w, far = Value(1.0), Value(2.0), Value(3.0)
    deep = []
    for _ in range(10**5):
        deep = [deep, 1.0]
    lists = [[1.0] for _ in range(10**5)]
    lists[-1].append(far)
    assert caller_names({"deep": deep, "lists": lists, "x": x, "w": [[w]]}) == {x: "x", w: "w[0][0]"}


def test_parameters_have_the_names_of_their_network():
    model = MLP(2, [2, 1], seed=0)
    out = model([1.0, 2.0])
    given = set(node_names(out, {"model": model, "out": out}).values())
    assert {"out", "model.layers.0.neurons.1.w.0", "model.layers.1.neurons.0.b"} <= given
    assert "layers.0.neurons.1.w.0" in node_names(out, model).values()


def test_numbered_names_step_aside():
    v1, big = Value(1.0, label="v1"), Value(2.0, label="L")
    assert list(node_names(v1 * big + v1).values()) == ["v1", "L", "v2", "v3"]


def test_a_long_graph_has_short_names():
    v = Value(1.0)
    for _ in range(20_000):
        v = v + v
    assert list(node_names(v).values())[-2:] == ["v20000", "L"]


# ------------------------------------------------------------------------------------------------------ the two columns


PARSED = sorted({"+", "-", "*", "/", "**", "neg"} | (set(_FUNCTIONS) & set(RULES)))
CASES = {"relu", "leaky_relu", "maximum", "minimum", "abs", "gelu"}


@pytest.mark.parametrize("op", [op for op in PARSED if op not in CASES])
def test_a_formula_says_the_local_derivative(op):
    a, b = Value(0.4, label="a"), Value(0.7, label="b")
    formula = Operation(op, (Name("a"), Name("b"))[: len(RULES[op].derivatives)])
    y = evaluated(text(formula), {"a": a, "b": b})
    y.label = "y"
    (step,) = list(forward(y))
    for place, equation in enumerate(step.equations[1:]):
        said = evaluated(text(equation.right[0], 17).replace("ln", "log"), {"a": 0.4, "b": 0.7, "y": y.data})
        assert said.data == pytest.approx(y.local_derivatives[place], rel=1e-12)


def test_formulas_for_cases():
    steps = [
        *forward(Value(2.0, label="x").relu()),
        *forward(Value(2.0, label="x").maximum(Value(1.0, label="z"))),
        *forward(abs(Value(2.0, label="x"))),
    ]
    assert [str(step).splitlines()[1] for step in steps] == [
        "dL/dx = (1 if x > 0 else 0) = 1",
        "dL/dx = (1 if x > z else 0.5 if x == z else 0) = 1",
        "dL/dx = sign(x) = 1",
    ]


FORMULAS = st.recursive(
    st.builds(Name, st.sampled_from("abcxyz")) | st.builds(Number, st.floats(-9.0, 9.0)),
    lambda inner: (
        st.builds(lambda op, a, b: Operation(op, (a, b)), st.sampled_from(["+", "-", "*", "/", "**"]), inner, inner)
        | st.builds(lambda op, a: Operation(op, (a,)), st.sampled_from(["neg", "sin", "sqrt", "abs"]), inner)
    ),
    max_leaves=12,
)


def shape(formula: Formula) -> object:
    """A formula as its text says it when all parentheses are there."""
    match formula:
        case Operation(op, operands):
            return (op, *map(shape, operands))
        case Number(value):
            return ("neg", f"{-value:.17g}") if value < 0.0 else f"{value or 0.0:.17g}"
    return formula.text


def parsed(text_: str) -> object:
    import ast

    signs = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}

    def walk(node: ast.AST) -> object:
        match node:
            case ast.BinOp(left, op, right):
                return (signs[type(op)], walk(left), walk(right))
            case ast.UnaryOp(_, operand):
                return ("neg", walk(operand))
            case ast.Call(function, arguments):
                return (function.id, *map(walk, arguments))
            case ast.Constant(value):
                return f"{float(value):.17g}"
        return node.id

    return walk(ast.parse(text_, mode="eval").body)


def unsigned(tree: object) -> object:
    """-3 * x is said of (-3) * x and of -(3 * x), which are the same; so signs are taken to the front."""
    if not isinstance(tree, tuple):
        return tree
    op, *parts = tree
    parts = [unsigned(part) for part in parts]
    if op in ("*", "/") and isinstance(parts[0], tuple) and parts[0][0] == "neg":
        return unsigned(("neg", (op, parts[0][1], parts[1])))
    return (op, *parts)


@given(FORMULAS)
def test_parentheses_keep_the_meaning(formula):
    assert unsigned(parsed(text(formula, 17))) == unsigned(shape(formula))


# -------------------------------------------------------------------------------------------------- LaTeX and MathML


def test_latex_of_a_step():
    *_, last = backprop(neuron())
    assert last.latex.splitlines()[3] == (
        r"\frac{\partial L}{\partial x} &\mathrel{+=} \frac{\partial L}{\partial v_{1}} \times "
        r"\frac{\partial v_{1}}{\partial x} = \frac{\partial L}{\partial v_{1}} \times w = "
        r"0.500972 \times \left(-3\right) = -1.50292 \\"
    )
    assert last._repr_latex_() == f"$\\displaystyle {last.latex}$"


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        (Name("x") / (Name("y") + 1), r"\frac{x}{y + 1}"),
        (Operation("**", (Name("x") / 2, Number(3.0))), r"{\left(\frac{x}{2}\right)}^{3}"),
        (Operation("sqrt", (Name("x"),)), r"\sqrt{x}"),
        (Operation("abs", (Name("x"),)), r"\left|x\right|"),
        (Operation("sigmoid", (-Name("x"),)), r"\operatorname{sigmoid}\left(-x\right)"),
        (Operation("leaky_relu", (Name("x"), Number(0.01))), r"\operatorname{leaky\_relu}\left(x, 0.01\right)"),
        (Number(1.5e-7), r"1.5 \times 10^{-7}"),
        (Number(-math.inf), r"-\infty"),
        (Number(math.nan), r"\mathrm{NaN}"),
        (Name("loss"), r"\mathrm{loss}"),
        (Name("w12"), "w_{12}"),
        (Name("layer1"), r"\mathrm{layer}_{1}"),
        (Name(r"\input{x}$ #1%&_^~<b>"), r"\mathrm{\backslash input\{x\}\$\ \#1\%\&\_\wedge \sim \lt b\gt }"),
        (Name("12"), "12"),
    ],
)
def test_latex(formula, said):
    assert latex(formula) == said


@given(st.text(max_size=50))
def test_any_name_is_shown_as_text_in_mathml(name):
    element = ET.fromstring(f"<math>{mathml(Derivative(Name('L'), Name(name)))}</math>")
    (*_, shown) = ["".join(e.itertext()) for e in element.iter("mrow")]
    assert shown == "∂" + plain_label(name)
    assert {e.tag for e in element.iter()} <= {"math", "mfrac", "mrow", "mo", "mi", "mn", "msub"}


@given(st.text(max_size=50))
def test_no_name_breaks_out_of_latex(name):
    said = latex(Name(name)).replace(r"\{", "").replace(r"\}", "")
    depth = 0
    for character in said:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    assert "$" not in said.replace(r"\$", "")
    assert "\n" not in said


def test_mathml_of_every_step_is_well_formed():
    x, z = Value(0.4, label="x"), Value(0.3, label="z<")
    root = (x.maximum(z) / z - abs(x) ** z).relu().sqrt() * Value(-1.0) + (x * 1e-9).tanh()
    for step in [*backprop(root), *forward(root)]:
        tree = ET.fromstring(f"<page>{step.mathml}</page>")
        assert len(tree.findall("math")) == len(step.equations)
    assert [leaf.label for leaf in leaves(root)][:2] == ["x", "z<"]

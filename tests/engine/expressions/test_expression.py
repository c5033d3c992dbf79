"""expression: formulas as text. Whatever the text is, it is a formula, or one clear line says why not."""

import math
import warnings

import pytest
from formulas import evaluated
from hypothesis import example, given, settings
from hypothesis import strategies as st
from operations import ONE_ARGUMENT, TWO_ARGUMENTS

import engine
from engine import Value, constant, expression, forward, leaves, size, slopes
from engine.derivatives import RULES, SLOPES
from engine.expressions.writers import text
from engine.operations import OPERATIONS

ERRORS = (ValueError, OverflowError, ZeroDivisionError, TypeError)
FORMULA = "a formula must be made of numbers, names, + - * / ** and functions, got "


@pytest.mark.parametrize("text", [
    "2",
    "1.5e-3",
    ".5",
    "1_000",
    "0x1f",
    "1 + 2*3",
    "(1 + 2)*3",
    "2*3 + 1",
    "7 - 2 - 1",
    "7 - (2 - 1)",
    "8/2/2",
    "8/(2/2)",
    "2**3**2",
    "(2**3)**2",
    "-2**2",
    "(-2)**2",
    "2**-1",
    "--2",
    "-+-2",
    "+2",
    "2*-3",
    "1 - -1",
    "-x**2 + 3*x*y - y/x",
    "x*x*x - y**x",
    "((((x))))",
    "x+y*x**y-x/y",
    " \t x + 1 ",
    "(x\n + y)",
    "x  # the first",
])  # fmt: skip
def test_arithmetic_is_pythons(text):
    x, y = 1.75, 0.5
    assert evaluated(text, {"x": x, "y": y}).data == pytest.approx(float(eval(text, {"x": x, "y": y})), rel=1e-15)


@pytest.mark.parametrize("row", ONE_ARGUMENT + TWO_ARGUMENTS, ids=lambda row: row.name)
def test_every_function_of_one_or_two_numbers(row):
    if row.name == "leaky_relu":
        assert expression("leaky_relu(x)", x=-2).data == -0.02
        return
    numbers = dict(zip("ab", (0.5, 0.25)[: len(row.domains)]))
    y = expression(f"{row.name}({', '.join(numbers)})", **numbers)
    assert y.op == row.name
    assert y.data == getattr(engine, row.name)(*numbers.values())
    assert [leaf.label for leaf in leaves(y)] == list(numbers)


def test_abs_is_a_function():
    assert expression("abs(x) + abs(-1)", x=-3).data == 4.0


def test_variables_are_leaves_with_their_names():
    y = expression("tanh(x*w + b)", x=2, w=-3, b=6.88)
    assert [(leaf.label, leaf.data) for leaf in leaves(y)] == [("x", 2.0), ("w", -3.0), ("b", 6.88)]
    y.backward()
    slope = 1.0 - math.tanh(0.88) ** 2
    assert [leaf.grad for leaf in leaves(y)] == pytest.approx([-3.0 * slope, 2.0 * slope, slope])


def test_a_name_used_twice_is_one_leaf():
    y = expression("x*x + x", x=3)
    y.backward()
    (x,) = leaves(y)
    assert x.grad == 7.0
    assert size(y) == 3


def test_a_variable_may_be_a_value():
    x = Value(3.0, label="mine")
    y = expression("x*x", x=x)
    y.backward()
    assert (x.grad, x.label) == (6.0, "mine")
    assert expression("x", x=x) is x


def test_names_may_be_those_of_functions():
    assert expression("exp(exp)", exp=1).data == math.e


@pytest.mark.parametrize(("text", "given"), [("x", {"y": 2}), ("1", {"y": 2}), ("exp(x)", {"exp": 2, "y": Value(1.0)})])
def test_numbers_for_names_that_are_not_there_are_refused(text, given):
    names = {"x": 1} if "x" in text else {}
    name = next(iter(given))
    with pytest.raises(ValueError, match=rf"^{name} must be a name in the formula .*; leave {name}= out$"):
        expression(text, **names, **given)


def test_the_formula_may_be_long_and_nested():
    assert expression("+".join(["x"] * 500), x=1).data == 500.0
    assert expression("-" * 100 + "x", x=1).data == 1.0
    assert expression("(" * 100 + "x" + ")" * 100, x=1).data == 1.0
    assert expression("tanh(" * 90 + "x" + ")" * 90, x=0).data == 0.0


def test_a_formula_longer_than_this_python_parses_is_an_error():
    try:
        assert expression("+".join(["x"] * 4_000), x=1).data == 4_000.0
    except ValueError as error:
        assert "nested too deeply" in str(error)  # noqa: PT017


def test_infinity_flows():
    assert expression("-x", x=math.inf).data == -math.inf


WRONG = [  # text, error, message
    ("", ValueError, "a formula must not be empty: write one, such as x*w + b"),
    (" ", ValueError, "a formula must not be empty: write one, such as x*w + b"),
    ("2x", ValueError, "not a formula: '2x' (write a product with *, such as 2*x)"),
    ("x + .5 x", ValueError, "not a formula: 'x + .5 x' (write a product with *, such as .5*x)"),
    (
        "2(x + 1)",
        ValueError,
        "a product in a formula must be written with *, such as 2*(x + 1), got a number before a bracket",
    ),
    ("x²", ValueError, "not a formula: 'x²' (write a power with **, such as x**2)"),
    ("sin x", ValueError, "not a formula: 'sin x' (write sin(x), with brackets)"),
    ("lambda*x", ValueError, "not a formula: 'lambda*x' (lambda is a reserved word of Python: choose another name)"),
    (
        "1e400",
        OverflowError,
        "a constant in a formula must be at most about 1.8e308, got one that is too large for a float",
    ),
    ("1 +", ValueError, "not a formula: '1 +' (invalid syntax)"),
    ("x = 1", ValueError, "not a formula: 'x = 1' (write what is on the right of =, without x =)"),
    ("x == 1", ValueError, None),
    ("x w", ValueError, "not a formula: 'x w' (write a product with *, such as x*w)"),
    ("2 + x  w*3", ValueError, "not a formula: '2 + x  w*3' (write a product with *, such as x*w)"),
    ("x if", ValueError, "not a formula: 'x if' (invalid syntax)"),
    (
        "(x + 1)(x - 1)",
        ValueError,
        "a product in a formula must be written with *, such as 2*(x + 1), got a bracket before a bracket",
    ),
    ("(1", ValueError, None),
    ("import os", ValueError, "not a formula: 'import os' (import is a reserved word of Python: choose another name)"),
    ("x; x", ValueError, None),
    ("y + 1", ValueError, "the formula needs a number for 'y', such as y=2"),
    ("exp", ValueError, "the formula needs a number for 'exp', such as exp=2; as a function it is written exp(...)"),
    ("exp()", ValueError, "exp takes 1 number in a formula"),
    ("exp(1, 2)", ValueError, "exp takes 1 number in a formula"),
    ("leaky_relu(1, 2, 3)", ValueError, "leaky_relu takes 1 or 2 numbers in a formula"),
    ("normal_pdf(x, 0.5)", ValueError, "normal_pdf(x, n) in a formula must have a whole n >= 0, got 0.5"),
    ("gaussian(x, x)", ValueError, "gaussian(x, n) in a formula must have a whole n >= 0, got x"),
    ("gaussian(x, -1)", ValueError, "gaussian(x, n) in a formula must have a whole n >= 0, got -1"),
    (
        "e**x",
        ValueError,
        "the formula needs a number for 'e', such as e=2, or another name; "
        "Euler's number is exp(1), and e**x is exp(x)",
    ),
    ("2 × x", ValueError, "not a formula: '2 × x' (write * for ×)"),
    ("2·x", ValueError, "not a formula: '2·x' (write * for ·)"),
    ("x·x", ValueError, "not a formula: 'x·x' (write * for ·)"),
    ("sin(x)·x", ValueError, "not a formula: 'sin(x)·x' (write * for ·)"),
    ("1e-3x", ValueError, "not a formula: '1e-3x' (write a product with *, such as 1e-3*x)"),
    ("1e3 x", ValueError, "not a formula: '1e3 x' (write a product with *, such as 1e3*x)"),
    ("2 not", ValueError, "not a formula: '2 not' (invalid syntax)"),
    ("1e", ValueError, "not a formula: '1e' (write digits after 1e, such as 1e3, or 1*e for a product)"),
    ("2E-", ValueError, "not a formula: '2E-' (write digits after 2E, such as 2E3, or 2*E for a product)"),
    ("()", ValueError, "a bracket in a formula must hold a number, a name or a formula, got ()"),
    ("2 − x", ValueError, "not a formula: '2 − x' (write - for −)"),
    ("1 – x", ValueError, "not a formula: '1 – x' (write - for –)"),
    ("x ÷ 2", ValueError, "not a formula: 'x ÷ 2' (write / for ÷)"),
    ("√x", ValueError, "not a formula: '√x' (write sqrt(x) for √x)"),
    ("√(x + 1)", ValueError, "not a formula: '√(x + 1)' (write sqrt(x) for √x)"),
    ("|x|", ValueError, "not a formula: '|x|' (write abs(x) for |x|)"),
    ("2*|x| + 1", ValueError, "not a formula: '2*|x| + 1' (write abs(x) for |x|)"),
    (
        "x|x",
        ValueError,
        "a formula must be made of numbers, names, + - * / ** and functions, got |; write abs(x) for |x|",
    ),
    ("x₁ + 1", ValueError, "not a formula: 'x₁ + 1' (write x1 for x₁)"),
    ("x⁻¹", ValueError, "not a formula: 'x⁻¹' (write a power with **, such as x**2)"),
    ("∞", ValueError, "not a formula: '∞' (write inf for ∞)"),
    ("½*x", ValueError, "not a formula: '½*x' (write 0.5 for ½)"),
    ("x!", ValueError, None),
    ("exp(x=1)", ValueError, "exp takes 1 number in a formula"),
    ("exp(1, x=1)", ValueError, "exp takes 1 number in a formula"),
    ("exp(**x)", ValueError, "exp takes 1 number in a formula"),
    ("exp(*x)", ValueError, f"{FORMULA}starred"),
    ("hypot(1)", ValueError, "hypot takes 2 numbers in a formula"),
    ("[1]", ValueError, f"{FORMULA}list"),
    ("(1, 2)", ValueError, "a number in a formula must have a decimal point, such as 0.5, got a comma"),
    ("x*0,5", ValueError, "a number in a formula must have a decimal point, such as 0.5, got a comma"),
    ("x^2", ValueError, "a power in a formula must be written **, such as x**2, got x^2"),
    ("1 + np.exp(x)", ValueError, "a function in a formula must be its name alone, exp(...), got a name with a dot"),
    ("{1: 2}", ValueError, f"{FORMULA}dict"),
    ("x[0]", ValueError, f"{FORMULA}subscript"),
    ("x.data", ValueError, f"{FORMULA}attribute"),
    ("x.__class__", ValueError, f"{FORMULA}attribute"),
    ("().__class__.__bases__[0].__subclasses__()", ValueError, f"{FORMULA}call"),
    ("__import__('os').system('x')", ValueError, f"{FORMULA}call"),
    ("lambda: 1", ValueError, f"{FORMULA}lambda"),
    ("(lambda: 1)()", ValueError, f"{FORMULA}call"),
    ("f'{x}'", ValueError, f"{FORMULA}joinedstr"),
    ("(x := 1)", ValueError, f"{FORMULA}namedexpr"),
    ("[y for y in x]", ValueError, f"{FORMULA}listcomp"),
    ("sum(y for y in x)", ValueError, None),
    ("1 if x else 2", ValueError, f"{FORMULA}if ... else"),
    ("1 < x", ValueError, f"{FORMULA}a comparison"),
    ("x and x", ValueError, f"{FORMULA}and, or"),
    ("1 // 2", ValueError, f"{FORMULA}//"),
    ("1 % 2", ValueError, f"{FORMULA}%"),
    ("x @ x", ValueError, None),
    ("~x", ValueError, None),
    ("not x", ValueError, f"{FORMULA}not"),
    ("'3'", ValueError, "a constant in a formula must be an int or a float, got '3'"),
    ("b'3'", ValueError, "a constant in a formula must be an int or a float, got b'3'"),
    ("1j", ValueError, "a constant in a formula must be an int or a float, got 1j"),
    ("True", ValueError, "a constant in a formula must be an int or a float, got True"),
    ("None", ValueError, "a constant in a formula must be an int or a float, got None"),
    ("...", ValueError, "a constant in a formula must be an int or a float, got Ellipsis"),
    ("1/0", ZeroDivisionError, "a / b: b = 0.0, but a division needs b != 0"),
    ("1/(x - x)", ZeroDivisionError, "a / b: b = 0.0, but a division needs b != 0"),
    ("0**-x", ZeroDivisionError, None),
    ("log(-x)", ValueError, "log(x): x = -2.0, but log needs x > 0"),
    ("(-8)**0.5", ValueError, None),
    ("exp(1000)", OverflowError, "exp(x): x = 1000.0, and exp of that is too large for a float (about 1.8e308)"),
    ("9**9**9**9", OverflowError, "a ** b: 9.0 ** 387420489.0 is too large for a float (about 1.8e308)"),
    ("1\0", ValueError, None),
    ("\0", ValueError, None),
    ("\ud800", ValueError, None),
    (
        "9" * 400,
        OverflowError,
        f"the formula: {'9' * 28}...{'9' * 28} is too large for a float (at most about 1.8e308)",
    ),
    ("9" * 5_000, ValueError, None),
    ("0x" + "f" * 5_000, OverflowError, None),
    ("-" * 9_000 + "1", ValueError, None),
    ("(" * 4_000 + "1" + ")" * 4_000, ValueError, None),
    ("[" * 4_000, ValueError, None),
    ("(" * 1_000_000, ValueError, "a formula must have at most 10,000 characters, got 1,000,000"),
    ("**".join(["x"] * 3_000), ValueError, None),
    ("exp(" * 2_000 + "x" + ")" * 2_000, ValueError, None),
    ("x" * 9_000, ValueError, None),
    ("-" * 2_000 + "x(", ValueError, None),
]


@pytest.mark.parametrize(("text", "error", "message"), WRONG, ids=lambda x: x[:20] if isinstance(x, str) else "")
def test_what_is_no_formula(text, error, message):
    with pytest.raises(error) as caught:
        expression(text, x=2)
    assert type(caught.value) is error
    assert message is None or str(caught.value) == message
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_an_unknown_function_is_named_and_the_known_ones_too():
    with pytest.raises(
        ValueError, match=r"a function in a formula must be one of abs, acos, .*, tan, tanh, got 'eval'$"
    ):
        expression("eval('1')")
    for name in ("print", "max", "softmax", "backward", "x", "Value", "__import__"):
        with pytest.raises(ValueError, match=f"a function in a formula must be one of .*, got '{name}'"):
            expression(f"{name}(1)", x=2)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sinn", "sin"),
        ("Tanh", "tanh"),
        ("sigmiod", "sigmoid"),
        ("rely", "relu"),
        ("tahn", "tanh"),
        ("tnah", "tanh"),
        ("sqtr", "sqrt"),
        ("sni", "sin"),
        ("cso", "cos"),
        ("epx", "exp"),
        ("lgo", "log"),
        ("TANH", "tanh"),
        ("Sqrt", "sqrt"),
        ("COS", "cos"),
        ("csoh", "cosh"),
    ],
)
def test_a_function_of_almost_a_known_name_is_asked_about(name, meant):
    with pytest.raises(ValueError, match=rf"got '{name}'; did you mean {meant}\?$"):
        expression(f"{name}(x)", x=2)


@pytest.mark.parametrize(
    ("name", "written"),
    [("ln", "log"), ("LN", "log"), ("arctan", "atan"), ("logistic", "sigmoid"), ("pow", r"a\*\*b"), ("lg", "log10")],
)
def test_a_function_of_another_name_is_told(name, written):
    with pytest.raises(ValueError, match=rf"got '{name}'; write {written}$"):
        expression(f"{name}(x)", x=2)


@pytest.mark.parametrize("name", ["cot", "sec", "eval", "foo", "test"])
def test_no_function_is_suggested_that_is_another(name):
    with pytest.raises(ValueError, match=rf"got '{name}'$"):
        expression(f"{name}(x)", x=2)


def test_nothing_is_executed(tmp_path):
    file = tmp_path / "made"
    for formula in (f"open({str(file)!r}, 'w')", f"__import__('pathlib').Path({str(file)!r}).touch()"):
        with pytest.raises(ERRORS):
            expression(formula)
    assert not file.exists()


@pytest.mark.parametrize("text", [None, 3, 2.5, b"1+1", ["1"], Value(1.0), object])
def test_the_formula_is_a_string(text):
    with pytest.raises(TypeError, match=r"^a formula must be a str, got "):
        expression(text)


def test_a_variable_is_a_number():
    with pytest.raises(TypeError, match="must be one real number, got str '3'"):
        expression("x", x="3")
    with pytest.raises(TypeError):
        expression()


@pytest.mark.slow
@given(
    st.text(alphabet="x1290.()+-*/ ,eE_jabslogtanh[]{}:='\"#\n\\\0;@%~<!&|^lambdif", max_size=60) | st.text(max_size=40)
)
@example("1 if")
@example("1is 1")
@example("'\\d'")
@example("x(1)(2)")
@settings(max_examples=400)
def test_any_text_is_a_formula_or_an_error(text):
    with warnings.catch_warnings(record=True) as hints:
        warnings.simplefilter("always")
        try:
            message = "" if type(expression(text, x=2.0)) is Value else "what is it?\n"
        except ERRORS as error:
            message = str(error)
    assert hints == [], "the parser's hints do not come through"
    assert "\n" not in message
    assert len(message) < 500


def test_pi_is_known_unless_it_is_given():
    assert expression("sin(pi*x)", x=0.5).data == 1.0
    assert expression("pi*x", x=2.0, pi=3.0).data == 6.0
    assert expression("sin(π*x)", x=0.5).data == 1.0


def test_e_is_a_name_that_needs_a_number():
    power = expression("e**x", e=math.e, x=2.0)
    assert [leaf.label for leaf in leaves(power)] == ["e", "x"]
    assert power.data == math.e**2.0
    assert expression("2e3 + 1e-2*e", e=100.0).data == 2001.0


def test_numbers_that_steps_print_are_known():
    assert expression("-inf + x", x=1.0).data == -math.inf
    assert math.isnan(expression("nan*x", x=1.0).data)
    assert expression("inf", inf=2.0).data == 2.0


def test_detach_and_the_slope_of_leaky_relu():
    y = expression("detach(x)*x + leaky_relu(x, 0.2)", x=-3.0)
    y.backward()
    assert (y.data, leaves(y)[0].grad) == (9.0 + -3.0 * 0.2, -3.0 + 0.2)


NODES = {
    (key, plain): (OPERATIONS.get(key) or slopes.OPERATIONS[key], len(rule.derivatives), plain)
    for key, rule in (RULES | SLOPES).items()
    for plain in ((True,) if key in ("gaussian", "normal_pdf") else (False, True))
}


@pytest.mark.parametrize("case", NODES, ids=str)
def test_what_steps_print_can_be_typed(case):
    operation, count, plain = NODES[case]
    named = [Value(number, name) for number, name in zip((0.625, 0.25), "ab")][:count]
    second = 2.0 if case[0] in ("gaussian", "normal_pdf") else 0.25
    node = operation.apply(named[0], *[constant(second, "b")] * (count - 1)) if plain else operation.apply(*named)
    given = {leaf.label: leaf for leaf in named}
    [step] = forward(node)
    (name, (symbols, numbers, _), _), *derivatives = [
        (equation.left, equation.right, equation.sign) for equation in step.equations
    ]
    again = evaluated(text(symbols), given)
    assert (again.data, again.operation.name) == (node.data, node.operation.name)
    assert expression(text(numbers)).data == pytest.approx(node.data, rel=1e-12)
    again.backward()
    slopes_again = [leaf.grad for leaf in named]
    for leaf in named:
        leaf.grad = 0.0
    node.backward()
    assert slopes_again == [leaf.grad for leaf in named]
    for (_, sides, _), expected in zip(derivatives, node.local_derivatives):
        for side in sides:
            written = text(side, 17)
            if " if " in written:  # Python, but no formula: a graph does not choose
                found = eval(written, {"a": 0.625, "b": 0.25, "L": node.data})
            else:
                found = evaluated(written, {**given, text(name): node}).data
            assert found == pytest.approx(expected, rel=1e-12)


def test_steps_of_a_gradient_can_be_typed():
    x = Value(0.5, "x")
    y = x.gelu() * x.detach() + engine.leaky_relu(x, 0.2) + engine.maximum(x, 0.0) ** 2
    (slope,) = engine.gradients(y, [x])
    known = {"x": x}
    for step in forward(slope):
        equation = step.equations[0]
        known[text(equation.left)] = step.node
        assert evaluated(text(equation.right[0]), known).data == step.node.data

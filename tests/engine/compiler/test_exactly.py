"""Programs against eager arithmetic to the last bit: constants, signs of zero, infinities, and sums that cancel."""

import itertools
import math

import numpy as np
import pytest

from engine import Value, atan2, compile, dot, gradients, hypot, leaky_relu, maximum, minimum, tanh

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 1e-320, -1e308, 1e308, math.inf, -math.inf]


def same(one, other):
    """Whether two numbers are the same, zeros with their sign, or both NaN."""
    return (math.isnan(one) and math.isnan(other)) or (
        one == other and math.copysign(1.0, one) == math.copysign(1.0, other)
    )


def replayed(function, *numbers, dtype="float64"):
    """A function of Values by replay, at two rows, of which this is the second; the graph is that of other numbers."""
    inputs = [Value(0.25 + 0.5 * count) for count in range(len(numbers))]
    program = compile(function(*inputs), inputs, [], dtype)
    rows = np.array([[0.7] * len(numbers), numbers], dtype)
    return float(program(rows)[1])


def eager(function, *numbers):
    return function(*(Value(number) for number in numbers)).data


# ----------------------------------------------------------------------------------------------- constants as operands

BINARY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "atan2": atan2,
    "hypot": hypot,
    "leaky_relu": leaky_relu,
    "maximum": maximum,
    "minimum": minimum,
}


@pytest.mark.parametrize("constant", [2.0, -2.0, 0.5, 1.0, -1.0, 0.0, -0.0, 1e-9, 1e9])
@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("first", [True, False])
def test_a_constant_operand(name, constant, first):
    def function(x):
        return BINARY[name](constant, x) if first else BINARY[name](x, constant)

    program = None
    for number in (0.75, 1.5, -1.25):
        try:
            x = Value(number)
            y = function(x)
            y.backward()
        except (ArithmeticError, ValueError):
            continue  # no number there: a negative base, or a division by 0
        if program is None:
            s = Value(0.6)
            program, of_input = compile(function(s), [], None), compile(function(s), [s], [])
        if not program.parameters:
            continue
        program.weights[:] = number
        value, gradient = program.value_and_gradient()
        assert value == pytest.approx(y.data, rel=1e-14)
        assert gradient.tolist() == pytest.approx([x.grad], rel=1e-14)
        by_input = of_input.gradients([[number], [0.7]], "inputs")
        assert by_input[0].tolist() == pytest.approx([x.grad], rel=1e-14)


def test_a_constant_operand_beside_one_for_all_examples():
    for first in (-2.0, 2.0):
        x, s = Value(0.5), Value(0.25)
        program = compile(leaky_relu(first, s) * x + leaky_relu(x, s), [x], [s])
        mean, gradient = program.value_and_gradient([[1.0], [-3.0]])
        slope_of_constant = 0.0 if first > 0.0 else first
        assert mean == (leaky_relu(first, 0.25) * 1.0 + 1.0 + leaky_relu(first, 0.25) * -3.0 - 3.0 * 0.25) / 2
        assert gradient.tolist() == [(slope_of_constant * 1.0 + slope_of_constant * -3.0 - 3.0) / 2]


# --------------------------------------------------------------------------------------------- rewrites that are exact

REWRITES = {
    "x + 0": lambda x: x + 0.0,
    "0 + x": lambda x: 0 + x,
    "x + -0": lambda x: x + -0.0,
    "-0 + x": lambda x: -0.0 + x,
    "x - 0": lambda x: x - 0.0,
    "x - -0": lambda x: x - -0.0,
    "0 - x": lambda x: 0 - x,
    "-0 - x": lambda x: -0.0 - x,
    "-x": lambda x: -x,
    "--x": lambda x: (-x).__neg__(),
    "---x": lambda x: (-x).__neg__().__neg__(),
    "x * 1": lambda x: x * 1,
    "1 * x": lambda x: 1 * x,
    "x * -1": lambda x: x * -1,
    "-1 * x": lambda x: -1 * x,
    "-1 * (-1 * x)": lambda x: -1 * (-1 * x),
    "x / 1": lambda x: x / 1,
    "x / -1": lambda x: x / -1,
    "x ** 1": lambda x: x**1,
    "x * 0": lambda x: x * 0,
    "x - x": lambda x: x - x,
    "-x + x": lambda x: -x + x,
    "-(x + 0)": lambda x: -(x + 0.0),
    "-(0 - x)": lambda x: -(0.0 - x),
    "-(x - x)": lambda x: -(x - x),
    "-(x * 2)": lambda x: -(x * 2.0),
    "0 + x + 0": lambda x: 0.0 + x + 0.0,
    "0 - x - 0": lambda x: 0.0 - x - 0.0,
    "x + 0 - 0": lambda x: x + 0.0 - 0.0,
    "sum of one": lambda x: sum([x]),
    "sum of two": lambda x: sum([x, -x]),
    "sum of squares": lambda x: sum([x * x, x]),
    "x + 1 - 1": lambda x: x + 1.0 - 1.0,
}


@pytest.mark.parametrize("name", REWRITES)
def test_rewrites_keep_every_number_and_the_sign_of_zero(name):
    function, x, rows = REWRITES[name], Value(0.25), [[number] for number in SPECIAL]
    for (number,), result in zip(rows, compile(function(x), [x], [])(rows).tolist(), strict=True):
        assert same(result, eager(function, number)), number
    angles = compile(atan2(function(x), -1.0), [x], [])(rows)
    assert angles == pytest.approx(
        [eager(lambda x: atan2(function(x), -1.0), *row) for row in rows], rel=1e-15, nan_ok=True
    )


TWO = {
    "maximum": maximum,
    "minimum": minimum,
    "maximum of 0": lambda x, y: maximum(0.0, x) * y,
    "minimum of -0": lambda x, y: minimum(x, -0.0) * y,
    "relu": lambda x, y: x.relu() * y,
    "leaky_relu": lambda x, y: leaky_relu(x, 0.0) * y,
    "abs": lambda x, y: abs(x) * -abs(y),
    "x + y + 0": lambda x, y: x + y + 0.0,
    "0 + x + y": lambda x, y: 0 + x + y,
    "0 + x - y": lambda x, y: 0 + x - y,
    "x + 0 - y": lambda x, y: x + 0.0 - y,
    "x - -0 + y": lambda x, y: x - -0.0 + y,
    "-x - y": lambda x, y: -x - y,
    "-x + y": lambda x, y: -x + y,
    "-(x - y)": lambda x, y: -(x - y),
    "-(x + y)": lambda x, y: -(x + y),
    "x - -y": lambda x, y: x - -y,
    "x + -(y - x)": lambda x, y: x + -(y - x),
    "x - y + x": lambda x, y: x - y + x,
    "x + y - x": lambda x, y: x + y - x,
    "(x - y) - (x - y)": lambda x, y: (x - y) - (y - x),
    "x * y - y * x": lambda x, y: x * y - y * x,
    "-(x * y) + x": lambda x, y: -(x * y) + x,
    "-(x * y) - x": lambda x, y: -(x * y) - x,
    "-x - x * y - y": lambda x, y: -x - x * y - y,
    "sum": lambda x, y: sum([x, y, -x, y * y, x, x, y, -y]),
    "sum of many": lambda x, y: sum([x, y, x, y, x, y, x, y, x, y]) - sum([x, x, x, y, y, y]),
}


@pytest.mark.parametrize("others", [[], [math.inf]])
@pytest.mark.parametrize("factor", [0.0, -0.0, 1.5])
@pytest.mark.parametrize("number", [-2.0, 0.0, -0.0, math.inf, -math.inf])
def test_zeros_of_gradient_graphs_have_their_signs(number, factor, others):
    x, y = Value(0.5), Value(-0.5)
    (slope,) = gradients(tanh(x) * y, [x])  # a product of the chain rule, whatever else is in the batch
    program = compile(slope, [x, y], [])
    a, b = Value(number), Value(factor)
    (expected,) = gradients(tanh(a) * b, [a])
    rows = [[number, factor], *([other, 1.0] for other in others)]
    assert same(float(program(rows)[0]), expected.data)


@pytest.mark.parametrize("name", TWO)
def test_sums_of_two_keep_every_number_and_the_sign_of_zero(name):
    function, inputs = TWO[name], [Value(0.25), Value(0.75)]
    rows = list(itertools.product([*SPECIAL, 1e16, 1.0 + 2**-52], repeat=2))
    for (x, y), result in zip(rows, compile(function(*inputs), inputs, [])(rows).tolist(), strict=True):
        assert same(result, eager(function, x, y)), (x, y)


# ----------------------------------------------------------------------------------------------------- sums that cancel


@pytest.mark.parametrize(
    ("function", "numbers", "expected"),
    [
        (lambda a, b, c, d: (a - b) + (c - d), (1e16 + 2, 1e16, 3e16 + 4, 3e16), 6.0),
        (lambda a, b, c, d: a - b + c - d, (1e16 + 2, 1e16, 3e16 + 4, 3e16), 8.0),
        (lambda a, b, c, d: (a + b) - (c + d), (1e16, 3.0, 1e16, -3.0), 8.0),
        (lambda x, y: (x - y) + x, (1e308, 1e308), 1e308),
        (lambda x, y: -(x - y) - x, (1e308, 1e308), -1e308),
        (lambda x, y, z: x + y + z, (1.0, 1e16, -1e16), 0.0),
        (lambda x, y, z: x + (y + z), (1.0, 1e16, -1e16), 1.0),
        (lambda x, y, z: z + y + x, (1.0, 1e16, -1e16), 1.0),
        (lambda x, y, z: x + y * y - z * z, (1.0, 1e8, 1e8), 0.0),
        (lambda x, y, z: y * y - z * z + x, (1.0, 1e8, 1e8), 1.0),
    ],
)
def test_sums_that_cancel_are_added_in_the_order_of_the_graph(function, numbers, expected):
    assert eager(function, *numbers) == expected
    assert replayed(function, *numbers) == expected


def test_float32_sums_that_cancel():
    x, m, u, w = (float(np.float32(number)) for number in (10000.001, 10000.0, 10000.003, 10000.001))
    single = np.float32
    expected = float((single(x) - single(m)) - (single(u) - single(w)))
    assert replayed(lambda x, m, u, w: (x - m) - (u - w), x, m, u, w, dtype="float32") == expected


@pytest.mark.parametrize("n_terms", [2, 3, 5, 9, 40])
@pytest.mark.parametrize("n_rows", [1, 2, 50])
@pytest.mark.parametrize("start", [None, 0.0, "input", "parameter"])
@pytest.mark.parametrize("products", [False, True])
def test_long_sums_are_added_from_left_to_right(n_terms, n_rows, start, products):
    numbers = np.random.default_rng(n_terms)
    rows = numbers.normal(size=(n_rows, n_terms + 1)) * 10.0 ** numbers.integers(-8, 9, (n_rows, n_terms + 1))
    parameter = Value(1e3)

    def function(x):
        terms = [a * b for a, b in itertools.pairwise(x)] if products else x[1:]
        begin = {None: [], "input": [x[0]], "parameter": [parameter]}.get(start, [0.0])
        signs = [1 if count % 7 else -1 for count in range(n_terms + 1)]
        terms = [*begin, *terms]
        total = terms[0]
        for sign, term in zip(signs, terms[1:]):
            total = total + term if sign > 0 else total - term
        return [total, sum(terms), -sum(terms[1:], start=terms[0])]

    inputs = [Value(0.5) for _ in range(n_terms + 1)]
    program = compile(function(inputs), inputs, [parameter] if start == "parameter" else [])
    for row, outputs in zip(rows.tolist(), program(rows).tolist()):
        assert outputs == [output.data for output in function([Value(number) for number in row])]


@pytest.mark.parametrize("bias_first", [False, True])
def test_a_neuron_is_a_dot_product_in_any_order_and_its_bias_is_added_to_the_whole(bias_first):
    w, x = [Value(0.1 * count) for count in range(5)], [Value(0.5) for _ in range(5)]
    bias = Value(1e16)
    output = sum((a * b for a, b in zip(w, x)), bias) if bias_first else dot(w, x) + bias
    program = compile(output, x, [*w, bias])
    program.weights[:] = [1.0, 1.0, 1.0, 1.0, 1.0, 1e16]
    assert program([[1.0] * 5, [2.0] * 5]).tolist() == [1e16 + 5.0 - 1.0, 1e16 + 10.0]  # 1e16 + 4 is the nearest to + 5


@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_a_square_root_as_a_power_is_a_power_in_every_row(n_rows):
    x, c = Value(1.5), Value(0.5)
    for program in (compile([x**0.5, x**1.5], [x]), compile([x**c, x ** (c + 1)], [x])):
        for number in (-0.0, -math.inf, 0.0, math.inf, 2.25):
            for row in program([[number]] * n_rows):
                assert same(row[0], (Value(number) ** 0.5).data)
                assert same(row[1], (Value(number) ** 1.5).data)
    slopes = compile(x**1.5, [x]).gradients([[-math.inf]] * n_rows, "inputs")
    assert (slopes == math.inf).all()


@pytest.mark.parametrize("power", [lambda x: x ** (1 / 3), lambda x: x**x, lambda x: x**-2.7])
def test_slopes_of_powers_keep_their_digits_where_an_exponent_is_rounded(power):
    x = Value(0.7)
    program = compile(power(x), [x])
    for number in (1e-310, 1e-100, 0.3, 2.5, 1e100):
        x = Value(number)
        try:
            power(x).backward()
        except OverflowError:
            continue
        np.testing.assert_allclose(program.gradients([[number]], "inputs"), [[x.grad]], rtol=4e-15)


@pytest.mark.parametrize("n", [1, 60])
def test_tails_below_the_smallest_normal_number_are_kept(n):
    x = Value(1.0)
    for name, numbers in (("erfc", np.linspace(26.0, 28.0, n + 1)), ("gelu", np.linspace(-37.0, -39.0, n + 1))):
        program = compile(getattr(x, name)(), [x])
        eager = [getattr(Value(number), name)().data for number in numbers.tolist()]
        np.testing.assert_allclose(program(numbers[:, None]), eager, rtol=1e-12, atol=1e-322)

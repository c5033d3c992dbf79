"""Recording knows what it saw: comparisons become paths of a compiled function, all else that leaves is refused."""

import contextlib
import contextvars
import csv
import functools
import gc
import itertools
import math
import operator
import os
import random
import re
import sys
import threading
import time
from array import array
from collections import ChainMap, UserDict
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
import pytest

import engine
from engine import DataDependentError, Value, compile, grad, jacobian, maximum, primitive, tanh, value_and_grad
from engine.compiler import recorder

RNG = np.random.default_rng(3)


def eagerly(function, X):
    """The outputs for each row, with no program."""
    results = [function.__wrapped__(*map(Value, row)) for row in np.asarray(X, float).tolist()]
    return [result._number if isinstance(result, Value) else float(result) for result in results]


# ------------------------------------------------------------------------------------------------------ paths of guards


def size(x):
    return x if x > 0 else -x


def kinked(x):
    return x * 2 if x < 2.5 else -x


def halved(x):
    steps = 0
    while x > 1:
        x = x / 2
        steps += 1
    return x + steps


def banded(x):
    return x**2 if -0.5 < x <= 0.5 else 0.5 * x


def truthy(x):
    return 3 * x + 1 if x else x + 7


def either(x, y):
    return x or y * 3


def both(x, y):
    return x and y


def median(x, y, z):
    return sorted([x, y, z])[1] * 2 + sorted([x, y, z], reverse=True)[0]


def ordered(x, y, z):
    a, b, c = sorted([x, y, z], key=lambda v: v * v)
    return a + 2 * b + 4 * c


def filtered(x, y, z):
    return sum([v for v in (x, y, z) if v > 0], Value(0.0))


def by_helper(x, y):
    return _larger_of(x, tanh(y))


def _larger_of(a, b):
    return b if b >= a else a


def nested(x, y):
    if x * y > 0.3:
        return x - y if x > y else y * y
    return max(x, y, 0.25)


def counted(x, y, z):
    return x * sum(1 for v in (x, y, z) if v < 0.2)


def by_numpy(x, y):
    return np.maximum(0.1, x) + np.sort(np.array([x, y]))[0] + np.array([x, y]).max()


def through_abs(x, y):
    return abs(x) if min(x, y) < 0 else all([x > 0.1, y > 0.1]) + x


BRANCHES = [size, kinked, halved, banded, truthy, either, both, median, ordered, filtered, by_helper, nested, counted,
            by_numpy, through_abs]  # fmt: skip


@pytest.mark.parametrize("function", BRANCHES, ids=lambda f: f.__name__)
def test_each_row_takes_the_path_that_it_takes_eagerly(function):
    compiled = compile(function)
    n = function.__code__.co_argcount
    X = RNG.uniform(-1.0, 1.0, (200, n))
    X[: len(X) // 4] = np.round(X[: len(X) // 4], 1)  # ties and zeros too
    X[40] = 9.0
    X[41:43] = 0.0
    assert compiled(X) == pytest.approx(eagerly(compiled, X), rel=1e-13)
    assert compiled(X[::-1][:77]) == pytest.approx(eagerly(compiled, X[::-1][:77]), rel=1e-13)
    assert compiled(X[40:41])[0] == pytest.approx(eagerly(compiled, X[40:41])[0], rel=1e-13)


@pytest.mark.parametrize("function", BRANCHES, ids=lambda f: f.__name__)
def test_gradients_go_along_the_paths(function):
    w = Value(0.7)

    @functools.wraps(function)
    def weighted(*inputs):
        return function(*inputs) * w * w

    weighted.__signature__ = __import__("inspect").signature(function)
    compiled = compile(weighted)
    X = RNG.uniform(-1.0, 1.0, (60, function.__code__.co_argcount))
    X[7] = 3.0
    compiled(X)
    numbers, by_input, by_weight = [], [], []
    for row in X.tolist():
        inputs = [Value(number) for number in row]
        w.grad = 0.0
        result = weighted(*inputs)
        result.backward()
        numbers.append(result.data)
        by_input.append([x.grad for x in inputs])
        by_weight.append([w.grad])
    assert compiled.program.parameters == [w]
    assert compiled.gradients(X, "inputs") == pytest.approx(np.array(by_input), rel=1e-12)
    assert compiled.gradients(X) == pytest.approx(np.array(by_weight), rel=1e-12)
    mean, gradient = compiled.value_and_gradient(X)
    assert mean == pytest.approx(np.mean(numbers), rel=1e-12)
    assert gradient == pytest.approx(np.mean(by_weight, axis=0), rel=1e-12)


def test_the_cases_of_a_first_day():
    assert compile(size)([[1.0], [-2.0], [3.0], [4.0], [5.0]]).tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert compile(lambda x: max(x, 0.0))([[1.0], [-2.0]]).tolist() == [1.0, 0.0]
    X = np.linspace(0, 2.4, 100)[:, None]
    X[40] = 9.0
    assert compile(kinked)(X)[40] == -9.0


def test_parameters_of_all_paths():
    low, high = Value(0.5), Value(2.0)

    @compile
    def kink(x):
        return (low if x < 2.0 else high) * x

    assert kink.value_and_gradient([[1.0]])[1].tolist() == [1.0]
    X = [[1.0], [3.0], [1.5], [5.0]]
    mean, gradient = kink.value_and_gradient(X)
    assert kink.program.parameters == [low, high]
    assert (mean, gradient.tolist()) == (pytest.approx((0.5 + 6.0 + 0.75 + 10.0) / 4), [2.5 / 4, 2.0])
    assert kink.gradients(X).tolist() == [[1.0, 0.0], [0.0, 3.0], [1.5, 0.0], [0.0, 5.0]]
    assert kink.gradients(X, [high]).tolist() == [[0.0], [3.0], [0.0], [5.0]]
    kink.program.weights -= [0.5, 1.0]
    assert kink(X).tolist() == [0.0, 3.0, 0.0, 5.0]
    high.data = 3.0
    assert kink(X).tolist() == [0.0, 9.0, 0.0, 15.0]


def test_parameters_given_for_all_paths():
    low, high, other = Value(0.5), Value(2.0), Value(9.0)
    kink = compile(lambda x: (low if x < 2.0 else high) * x + other, parameters=[high, low])
    assert kink.value_and_gradient([[1.0], [3.0]])[1].tolist() == [1.5, 0.5]


def test_weights_that_are_changed_in_place_decide_guards():
    w = Value(1.0)
    step = compile(lambda x: x * w if w > 0 else -x)
    assert step([[2.0]]).tolist() == [2.0]
    step.program.weights -= 3.0
    assert step([[2.0]]).tolist() == [-2.0]
    assert w.data == -2.0
    w.data = 4.0
    assert step([[2.0]]).tolist() == [8.0]


@pytest.mark.parametrize("seed", range(10))
def test_paths_that_come_and_go_with_parameters_of_their_own(seed):
    """The function is changed between calls, so that paths are dropped and others find more parameters, or fewer."""
    choose = random.Random(seed)
    weights = [Value(choose.uniform(0.5, 2.0)) for _ in range(4)]

    def draw():
        return choose.sample(range(4), choose.randint(1, 4))

    ways, scale = [draw() for _ in range(3)], [2.0]

    def f(x):
        y = x * scale[0]
        for index in ways[0 if x < -0.3 else 1 if x < 0.4 else 2]:
            y = y * weights[index] + weights[index]
        return y

    compiled = compile(f)
    for _ in range(8):
        X = [[choose.uniform(-1.0, 1.0)] for _ in range(choose.choice([1, 2, 5, 20]))]
        results = compiled(X)
        by_weight = []
        for row, result in zip(X, results.tolist()):
            for w in weights:
                w.grad = 0.0
            output = f(Value(row[0]))
            output.backward()
            assert result == pytest.approx(output.data, rel=1e-12)
            by_weight.append([w.grad for w in weights])
        columns = [weights.index(parameter) for parameter in compiled.program.parameters]
        assert compiled.gradients(X) == pytest.approx(np.array(by_weight)[:, columns], rel=1e-10)
        assert compiled.value_and_gradient(X)[1] == pytest.approx(np.mean(by_weight, axis=0)[columns], rel=1e-10)
        assert not np.delete(np.array(by_weight), columns, axis=1).any()
        compiled.program.weights *= 0.9
        ways[choose.randrange(3)] = draw()
        scale[0] += choose.choice([0.0, 0.5])
        weights[choose.randrange(4)].data = choose.uniform(0.5, 2.0)
        compiled(X)  # gives the Values their weights


def test_a_branch_between_input_and_weight():
    w = Value(0.3)
    f = compile(lambda x: x * w if x > w else w * w)
    X = [[0.1], [0.3], [0.5], [np.nextafter(0.3, 1.0)]]
    for number in (0.3, 0.05, 0.5):
        w.data = number
        assert f(X) == pytest.approx(eagerly(f, X))


def test_several_outputs_on_several_paths():
    f = compile(lambda x, y: [x * y, x if x < y else y * y])
    X = [[1.0, 2.0], [3.0, 1.0], [0.0, 0.5]]
    assert f(X).tolist() == [[2.0, 1.0], [3.0, 1.0], [0.0, 0.0]]
    assert f.gradients(X, "inputs", 1).tolist() == [[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]]


def test_outputs_are_of_one_form_on_all_paths():
    with pytest.raises(DataDependentError, match="how many outputs"):
        compile(lambda x: [x, x] if x > 0 else [x])([[1.0], [-1.0]])
    for other in (lambda x: [x] if x > 0 else x, lambda x: [[x, x]] if x > 0 else [[x], [x]]):
        with pytest.raises(TypeError, match="must return the same shape for all examples, got"):
            compile(other)([[1.0], [-1.0]])


def test_sums_that_cancel_are_compared_as_eagerly():
    """The two sides are equal but for rounding, so that a program could decide otherwise than the graph."""
    w = [Value(0.1), Value(0.2), Value(0.3)]

    @compile
    def f(x, y, z):
        return x if w[0] * x + w[1] * y + w[2] * z > 0.6 * x else y + 5

    X = np.repeat(RNG.uniform(-1, 1, (50, 1)), 3, axis=1)
    assert f(X).tolist() == eagerly(f, X)


def test_single_precision_decides_by_its_own_rows():
    f = compile(lambda x: x * 2 if x < 0.1 else -x, dtype="float32")
    X = np.array([[0.1], [0.0999], [0.2]])
    rows = X.astype(np.float32).astype(float)
    assert f(X) == pytest.approx([x * 2 if x < 0.1 else -x for x in rows[:, 0].tolist()])


def test_infinity_is_compared_too():
    f = compile(lambda x: 1.0 + 0 * x if x > 1e300 else x)
    assert compile(lambda x: Value(5.0) if x > 1e300 else x)([[1.0], [math.inf], [-math.inf]]).tolist() == [
        1.0, 5.0, -math.inf,
    ]  # fmt: skip
    assert f([[1.0], [1e301]]).tolist() == [1.0, 1.0]


def test_too_many_paths_name_the_line():
    @compile
    def f(*inputs):
        return sum((x if x > 0 else -2 * x) for x in inputs)

    line = test_too_many_paths_name_the_line.__code__.co_firstlineno + 3
    X = RNG.uniform(-1, 1, (500, 8))
    with pytest.raises(DataDependentError, match=rf"test_recording\.py, line {line}: .*32 paths.*maximum"):
        f(X)
    assert isinstance(DataDependentError("reason", "advice"), ValueError)


def test_a_loop_that_never_comes_to_an_end_of_its_paths():
    with pytest.raises(DataDependentError, match="paths"):
        compile(halved)([[2.0**i + 0.5] for i in range(40)])


# ------------------------------------------------------------------------------------------------------ what is refused


class Keeper:
    """A list that a function may put things into."""

    def __init__(self):
        self.kept = []


def leaks():
    w = Value(0.5)
    return {
        ".data": lambda x: x * (1.0 if x.data > 0 else 2.0),
        ".data of a result": lambda x: x if (x * w).data > 0 else -x,
        ".data of a weight": lambda x: x * w.data,
        ".item()": lambda x: x * math.floor(x.item()),
        "float()": lambda x: x * float(x),
        "math": lambda x: x * math.sin(x),
        "math.floor": lambda x: x - math.floor(x),
        "int()": lambda x: x - int(x),
        "round()": lambda x: x - round(x),
        "round() to digits": lambda x: x - round(x, 1),
        "format()": lambda x: x * len(f"{x:.1f}"),
        "repr()": lambda x: x * len(repr(x)),
        "str()": lambda x: x * len(str(x)),
        "% formatting": lambda x: x * len("%.1f" % x),  # noqa: UP031
        ".grad": lambda x: x * (1 + x.grad),
        "backward()": lambda x: [(x * x).backward(), x][1],
        "assignment": lambda x: [setattr(w, "data", 0.1), x * w][1],
        "numpy": lambda x: x * np.asarray([x], dtype=float)[0],
        "a copy": lambda x: __import__("copy").copy(x * w) * 2,
        "deepcopy": lambda x: __import__("copy").deepcopy(x) * 2,
        "local_derivatives": lambda x: x * (x * w).local_derivatives[0],
        "sorted by .data": lambda x: sorted([x, w], key=lambda v: v.data)[0] * 2,
        "complex": lambda x: x * complex(x).real,
        "refresh": lambda x: (x * w).refresh(),
    }


@pytest.mark.parametrize("name", leaks())
def test_a_number_that_is_taken_out_is_refused_with_its_line(name):
    function = leaks()[name]
    compiled = compile(function)
    words = rf"test_recording\.py, line {function.__code__.co_firstlineno}: .* of a Value"
    with pytest.raises(DataDependentError, match=words):
        compiled([[1.0], [2.0]])
    assert compiled.program is None


def test_the_message_tells_the_way_out():
    with pytest.raises(DataDependentError, match=r"such as engine.exp, maximum or relu"):
        compile(lambda x: x.data * x)([[1.0]])


def test_a_refusal_that_the_function_catches_is_still_one():
    def secretly(x):
        try:
            return x * float(x)
        except ValueError:
            return x

    with pytest.raises(DataDependentError, match=r"float\(\)"):
        compile(secretly)([[1.0]])


def test_numbers_of_plain_constants_may_be_taken():
    scale = engine.exp(1.0)
    f = compile(lambda x: x * float(Value(2.0)._number) * scale * max(engine.sqrt(4.0), 1.0))
    assert f([[1.0]])[0] == pytest.approx(2 * math.e * 2)


def half_logarithm(x):
    return 0.5 * math.log(x)


half_log = primitive(lambda x: 0.5 / x)(half_logarithm)


def test_an_error_of_a_users_primitive_chooses_no_way_unseen():
    def tried(x):
        try:
            return half_log(x)
        except ValueError:
            return x * 0.0

    with pytest.raises(DataDependentError, match="caught an error"):
        compile(tried)([[-1.0], [2.0]])


def test_an_anomaly_that_is_caught_chooses_no_way_unseen():
    def tried(x):
        try:
            with engine.detect_anomaly():
                return x * 1e308
        except FloatingPointError:
            return x * 0.0

    with pytest.raises(DataDependentError, match="caught an error"):
        compile(tried)([[10.0], [1.0]])


@pytest.mark.parametrize("X", [[[3.0], [-1.0], [20.0]], [[-1.0], [3.0], [20.0]], [[20.0], [3.0], [-1.0], [-2.0]]])
def test_a_users_primitive_that_is_compared_may_refuse_rows_that_go_another_way(X):
    @compile
    def f(x):
        if x <= 0:
            return x
        return x * 2.0 if half_log(x) > 1.0 else x * 3.0

    assert f(X).tolist() == eagerly(f, X)
    with pytest.raises(ValueError, match=r"math domain error|a positive input"):
        compile(lambda x: x if half_log(x) > 1.0 else x * 2.0)([*X, [-3.0]])


@pytest.mark.parametrize("caught", ["log", "sqrt", "division", "power", "exp"])
def test_an_error_that_chooses_the_way_is_refused(caught):
    ways = {
        "log": lambda x: x.log(),
        "sqrt": lambda x: x.sqrt(),
        "division": lambda x: 1.0 / (x + 1.0),
        "power": lambda x: x**0.5,
        "exp": lambda x: (x * -1e6).exp(),
    }

    def tried(x):
        try:
            return ways[caught](x)
        except (ValueError, ArithmeticError):
            return x * 0.0

    for X in ([[2.0], [-1.0]], [[-1.0], [2.0]]):
        with pytest.raises(DataDependentError, match="caught an error"):
            compile(tried)(X)
    assert compile(tried)([[2.0], [3.0]]).tolist() == pytest.approx(eagerly(compile(tried), [[2.0], [3.0]]), rel=1e-14)


def test_an_error_that_no_output_shows_is_noticed_where_it_may_be_caught():
    def tried(x):
        try:
            return (1.0 / x).tanh()
        except ZeroDivisionError:
            return x

    def suppressed(x):
        with contextlib.suppress(OverflowError):
            return 1.0 / (1.0 + (-x).exp())
        return x

    def powers(x):
        try:
            return maximum(x**0.5, 0.0) + x**2 + 0.0 / (x**-1.0 + 3.0)
        except (ZeroDivisionError, ValueError):
            return x

    assert compile(tried)([[1.0], [-2.0]]).tolist() == eagerly(compile(tried), [[1.0], [-2.0]])
    assert compile(powers)([[1.0], [2.0]]).tolist() == eagerly(compile(powers), [[1.0], [2.0]])
    cases = [(tried, 0.0), (suppressed, -800.0), (powers, 0.0), (powers, -1.0)]
    for function, X in ((function, [[1.0], [number]]) for function, number in cases):
        with pytest.raises(DataDependentError, match="caught an error"):
            compile(function)(X)


@pytest.mark.parametrize("logarithm", [engine.log, half_log])
def test_an_error_that_is_caught_where_a_gradient_is_made_is_noticed(logarithm):
    def tried(x):
        try:
            return logarithm(x)
        except ValueError:
            return x * 0.0

    slopes = compile(engine.grad(tried)), compile(lambda x: engine.gradients(tried(x), [x])[0])
    for slope in slopes:
        assert slope([[2.0], [4.0]]).tolist() == eagerly(slope, [[2.0], [4.0]])
        with pytest.raises(ValueError, match=r"caught an error|math domain error|a positive input"):
            slope([[2.0], [-1.0]])


def test_what_is_differentiated_where_errors_are_caught_is_no_output():
    def tried(x):
        try:
            return engine.grad(tanh)(x)
        except ValueError:
            return x

    compiled = compile(tried)
    compiled([[2.0]])
    assert compiled.program.run(np.array([[2.0], [4.0]]))[0].shape == (2, 1)


def test_an_error_that_nothing_catches_is_the_functions():
    for X in ([[2.0], [-1.0]], [[-1.0], [2.0]]):
        with pytest.raises(ValueError, match=r"log needs x > 0"):
            compile(lambda x: x.log())(X)
        with pytest.raises(ValueError, match=r"log needs x > 0"):
            compile(lambda x: x.log()).value_and_gradient(X)
    with pytest.raises(TypeError, match="is a Value already"):
        compile(lambda x: Value(x) * 2)([[1.0]])


# ------------------------------------------------------------------------------------------------- state and randomness


def test_constants_that_change_are_recorded_again():
    scale = [2.0]
    f = compile(lambda x: x * scale[0])
    assert f([[1.0]]).tolist() == [2.0]
    scale[0] = 3.0
    assert f([[1.0]]).tolist() == [3.0]
    assert f.value_and_gradient([[2.0]])[0] == 6.0


def test_a_nonlocal_number_and_an_attribute_that_change_are_recorded_again():
    class Slope:
        slope = 1.0

    number, holder = 1.0, Slope()
    f = compile(lambda x: x * number + holder.slope)
    assert f([[1.0]]).tolist() == [2.0]
    number = 5.0
    assert f([[1.0]]).tolist() == [6.0]
    Slope.slope = 2.0
    assert f([[1.0]]).tolist() == [7.0]
    holder.slope = 3.0
    assert f([[1.0]]).tolist() == [8.0]


_SETTING = 1.0


def test_a_global_number_that_changes_is_recorded_again(monkeypatch):
    f = compile(lambda x: x * _SETTING)
    assert f([[1.0]]).tolist() == [1.0]
    monkeypatch.setitem(globals(), "_SETTING", 4.0)
    assert f([[1.0]]).tolist() == [4.0]


def test_other_values_and_functions_in_the_same_place_are_recorded_again(monkeypatch):
    f = compile(lambda x: by_helper(x, x) * _WEIGHT)
    assert f([[1.0]]).tolist() == [2.0]
    other = Value(7.0)
    monkeypatch.setitem(globals(), "_WEIGHT", other)
    assert f([[1.0]]).tolist() == [7.0]
    assert f.program.parameters == [other]
    assert f.value_and_gradient([[1.0], [2.0]])[1].tolist() == [1.5]
    monkeypatch.setitem(globals(), "_larger_of", lambda a, b: a * 10 + b * 0)
    assert f([[1.0]]).tolist() == [70.0]


_WEIGHT = Value(2.0)


def test_methods_objects_and_partial_functions_are_compiled():
    class Scale:
        def __init__(self):
            self.factor, self.weights = 2.0, [Value(1.0), Value(3.0)]

        def scaled(self, x):
            return x * self.factor + self.weights[0]

        __call__ = scaled

    scale = Scale()
    forms = [compile(scale.scaled), compile(scale), compile(functools.partial(Scale.scaled, scale))]
    assert [form([[1.0]]).tolist() for form in forms] == [[3.0]] * 3
    scale.factor = 5.0
    assert [form([[1.0]]).tolist() for form in forms] == [[6.0]] * 3
    scale.weights[0] = Value(4.0)
    assert [form([[1.0]]).tolist() for form in forms] == [[9.0]] * 3


def test_the_clock_is_noticed():
    with pytest.raises(
        DataDependentError, match=r"line \d+: the function builds another graph from one call to the next"
    ):
        compile(lambda x: x * time.perf_counter())([[1.0]])


def stateful():
    keeper, counts, total = Keeper(), {"calls": 0}, 0

    def nonlocal_counter(x):
        nonlocal total
        total += 1
        return x * 2 if total < 10 else x

    def growing(x):
        keeper.kept.append(x)
        return x * 2

    def counting(x):
        counts["calls"] += 1
        return x * 2

    def function_attribute(x):
        function_attribute.calls = getattr(function_attribute, "calls", 0) + 1
        return x * 2

    def carried(x):
        result = x if not keeper.kept else x + keeper.kept[-1]
        keeper.kept[:] = [x]
        return result

    def carried_result(x):
        keeper.kept[:] = [x * 2 if not keeper.kept else x + keeper.kept[0]]
        return keeper.kept[0]

    def warm(x, steps=[0]):  # noqa: B006 - the mistake is the point
        steps[0] += 1
        return x * min(steps[0], 5)

    def by_default_list(x, seen=[]):  # noqa: B006
        seen.append(1)
        return x * 2

    ticks = iter(range(10**6))

    def ticking(x):
        return x * 2 if next(ticks) < 5 else x

    functions = [nonlocal_counter, growing, counting, function_attribute, carried, carried_result, warm]
    return {f.__name__: f for f in [*functions, by_default_list, ticking]}


@pytest.mark.parametrize("name", stateful())
def test_a_function_that_changes_something_is_refused(name):
    with pytest.raises(DataDependentError, match="from one call to the next"):
        compile(stateful()[name])([[1.0], [2.0]])


def test_what_is_remembered_for_good_is_no_state():
    memory = {}

    @compile
    def f(x):
        if "shape" not in memory:
            memory["shape"] = 1
        memory["last"] = x
        return x * memory["shape"]

    assert f([[1.0], [2.0]]).tolist() == [1.0, 2.0]


def test_a_value_computed_outside_of_the_function_is_refused():
    w = Value(2.0)
    square = w * w
    with pytest.raises(DataDependentError, match="outside of it"):
        compile(lambda x: x * square)([[1.0]])


def drawing():
    own, generator = random.Random(1), np.random.default_rng(1)
    return {
        "random.random": lambda x: x * random.random(),
        "random.gauss": lambda x: x * random.gauss(0, 1),
        "random.choice": lambda x: x * random.choice([1.0]),
        "random.shuffle": lambda x: [random.shuffle([1, 2, 3]), x][1],
        "own Random": lambda x: x * (own.random() < 2),
        "by map": lambda x: x * sum(map(operator.methodcaller("random"), [own])),
        "np.random": lambda x: x * (np.random.rand() < 2),
        "Generator": lambda x: x * (generator.normal() < 100),
        "SystemRandom": lambda x: x * (random.SystemRandom().random() < 2),
        "urandom": lambda x: x * len(__import__("os").urandom(3)),
        **({"getrandom": lambda x: x * len(os.getrandom(3))} if hasattr(os, "getrandom") else {}),
        "new generator": lambda x: x * np.random.default_rng().normal(),
    }


@pytest.mark.parametrize("name", drawing())
def test_random_numbers_are_noticed(name):
    random.gauss(0, 1)  # may leave a second number for the next call, which then draws nothing
    before = random.getstate()
    with pytest.raises(DataDependentError, match=r"random numbers|from one call to the next"):
        compile(drawing()[name])([[1.0], [2.0]])
    assert random.getstate() == before  # noticed before it was drawn


@pytest.mark.parametrize(
    "drawn",
    [
        "lambda x: x * (torch.rand(1).item() < 2)",
        "lambda x: x * torch.nn.functional.dropout(torch.ones(1), 1e-9).item()",
        "lambda x: x * torch.ones(1).bernoulli_(1.0).item()",
        "(lambda own: lambda x: x * (torch.rand(1, generator=own).item() < 2))(torch.Generator())",
        "lambda x: x * float(pandas.Series([1.0, 1.0]).sample(1).iloc[0])",
        "lambda x: x * (stats.uniform.rvs() < 2)",
    ],
)
def test_random_numbers_of_libraries_are_noticed(drawn):
    library = "torch" if "torch" in drawn else "pandas" if "pandas" in drawn else "scipy"
    modules = {"torch": library, "pandas": library, "stats": "scipy.stats"}
    names = {name: pytest.importorskip(module) for name, module in modules.items() if name in drawn}
    function = eval(drawn, names)
    with pytest.raises(DataDependentError, match=r"random numbers|from one call to the next"):
        compile(function)([[1.0], [2.0]])


def test_a_library_that_draws_none_may_be_called():
    torch = pytest.importorskip("torch")
    torch.rand(1)
    assert compile(lambda x: x * torch.ones(1).sum().item())([[1.0], [2.0]]).tolist() == [1.0, 2.0]


def test_other_threads_may_draw():
    stop, drawn = threading.Event(), []

    def draw():
        mine = []
        while not stop.is_set():
            mine.append((random.random(), np.random.rand()))
        drawn.append(mine)

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        for _ in range(10):
            assert compile(lambda x: x * 2 if x > 0 else x)([[1.0], [-1.0]]).tolist() == [2.0, -1.0]
    finally:
        stop.set()
        thread.join()
    assert len(set(drawn[0])) == len(drawn[0])


def test_a_profiler_goes_on():

    events = []
    sys.setprofile(lambda frame, event, arg: events.append(frame.f_code.co_name))
    try:
        before = sys.getprofile()
        compile(by_helper)([[1.0, 2.0]])
        assert sys.getprofile() is before
    finally:
        sys.setprofile(None)
    assert "_larger_of" in events


def test_under_a_profiler_in_c_random_numbers_are_noticed():
    import cProfile

    with cProfile.Profile(), pytest.raises(DataDependentError, match=r"random numbers|from one call to the next"):
        compile(lambda x: x * (random.random() < 2))([[1.0]])


def test_a_function_that_stops_the_profiler_is_refused():
    def unprofiled(x):
        sys.setprofile(None)
        return x * current_factor()

    with pytest.raises(DataDependentError, match="starts or stops a profiler"):
        compile(unprofiled)([[1.0]])


FACTOR = {"k": 1.0}


def current_factor():
    return FACTOR["k"]


def test_under_a_profiler_in_c_what_the_function_reads_is_noticed(monkeypatch):
    import cProfile

    f = compile(lambda x: x * current_factor())
    with cProfile.Profile():
        before = sys.getprofile()
        assert f([[1.0]]).tolist() == [1.0]
        monkeypatch.setitem(FACTOR, "k", 2.0)
        assert f([[1.0]]).tolist() == [2.0]
        assert sys.getprofile() is before


def test_inside_of_a_function_the_engine_reads_what_it_needs():
    w = Value(0.4)

    @compile
    def f(x, y):
        (slope,) = engine.gradients(tanh(x * w) * y, [x])
        shares = engine.softmax([x, y, w])
        return (
            slope + engine.logsumexp([x, y]) + shares[0] + engine.mean([x, y]) + maximum(x, 0.5) + engine.dot([x], [y])
        )

    X = RNG.uniform(-1, 1, (5, 2))
    assert f(X) == pytest.approx(eagerly(f, X), rel=1e-12)


@pytest.mark.parametrize("derivative", [grad, lambda f: lambda q: value_and_grad(f)(q)[0], jacobian])
def test_derivatives_of_detached_values_are_recorded(derivative):
    w = Value(0.4)
    f = compile(lambda x: x * derivative(lambda q: q * q * x.detach() + w.detach())(3.0))
    assert f([[1.0], [2.0]]) == pytest.approx(eagerly(f, [[1.0], [2.0]]), rel=1e-12)


def test_a_compiled_graph_says_that_it_cannot_know():
    assert "cannot know" in compile.__doc__


def test_guards_of_another_thread_are_its_own():
    results = {}

    def work(sign):
        f = compile(lambda x: x * 2 if sign * x > 0 else -x)
        results[sign] = [f([[1.0], [-1.0], [3.0]]).tolist() for _ in range(20)]

    threads = [threading.Thread(target=work, args=(sign,)) for sign in (1.0, -1.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {1.0: [[2.0, 1.0, 6.0]] * 20, -1.0: [[-1.0, -2.0, -3.0]] * 20}


def test_nan_on_the_way_is_compared_as_eagerly():
    f = compile(lambda x, y: x if (x - y) > 1 else y)
    X = [[1.0, 2.0], [math.inf, math.inf], [math.inf, 1.0], [3.0, 1.0]]
    assert f(X).tolist() == eagerly(f, X)


def test_what_the_garbage_collector_calls_is_no_part_of_the_function():
    collections = [0]

    def count(phase, info):
        collections[0] += 1

    threshold = gc.get_threshold()
    gc.callbacks.append(count)
    gc.set_threshold(1, 1, 1)
    try:
        f = compile(lambda x: sum([[x * i][0] for i in range(300)], Value(0.0)))
        assert f([[1.0], [2.0]]).tolist() == [44850.0, 89700.0]
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(count)
    assert collections[0] > 0


# ------------------------------------------------------------------------------------------------------- other threads


def in_a_pool(function):
    def handed_on(*inputs):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(function, *inputs).result()

    return handed_on


def test_what_another_thread_compares_or_takes_out_is_noticed():
    with pytest.raises(DataDependentError, match="> of a Value in another thread"):
        compile(in_a_pool(lambda x, y: x * 2 if x > y else y * 3))([[3.0, 1.0], [1.0, 3.0]])
    with pytest.raises(DataDependentError, match=r"\.data of a Value in another thread"):
        compile(lambda x: x * in_a_pool(lambda z: z.data)(x))([[3.0], [1.0]])
    with pytest.raises(TypeError, match="float"):
        grad(lambda x: x * in_a_pool(float)(x))(3.0)


def test_a_recording_in_another_thread_does_not_look_values_up_here():
    begun, done = threading.Event(), threading.Event()

    def wait(row):
        begun.set()
        done.wait(60)
        return row

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(recorder.record, wait, [1.0], True)
        begun.wait(60)
        try:
            here = recorder.record(lambda row: [row[0] if row[0] * row[1] > 1 else row[1]], [1.0, 2.0], True)
        finally:
            done.set()
        assert len(other.result().inputs) == 1
    assert here.outcomes == (True,)


def test_a_thread_with_a_graph_of_its_own_is_not_disturbed():
    y = Value(2.0) * 3
    f = compile(lambda x: x * in_a_pool(lambda _: float(y) if y > 1 else 0.0)(x))
    assert f([[1.0], [2.0]]).tolist() == [6.0, 12.0]


def test_a_recording_that_has_ended_takes_no_new_value_for_an_old_one():
    """A thread that reads a number may hold the listener for a moment longer than the recording lasts."""
    notes = recorder.Recording([1.0])
    for _ in range(100):
        notes.left_elsewhere("float()", Value(2.0))  # a new Value, where memory is free


# ------------------------------------------------------------------------------------------- state of unusual kinds


def rarely(step):
    """A function whose *step* changes something that no graph shows."""
    return lambda x: [step(), x * 2.0][1]


BYTES, NUMBERS = bytearray(2), array("i", [0])
COUNT, COUNTED = contextvars.ContextVar("count", default=0), 0
SYSTEM = random.SystemRandom()


def in_a_loop(things):
    for thing in things:
        yield 2.0 * thing


def passed_on(things):
    yield from things


def count_in(memory):
    memory[0] += 1


@pytest.mark.parametrize(
    "step",
    [
        functools.partial(next, itertools.cycle([1.0, 1.0, 0.0])),
        functools.partial(next, zip(*[iter(range(99))] * 2)),
        functools.partial(next, csv.reader(["1"] * 9)),
        functools.partial(next, in_a_loop([1.0] * 9)),
        functools.partial(next, in_a_loop(in_a_loop([1.0] * 9))),
        functools.partial(next, passed_on([1.0] * 9)),
        functools.partial(next, np.ones(9).flat),
        functools.partial(next, iter(re.compile("1").scanner("1" * 9).search, None)),
        lambda: count_in(BYTES),
        lambda: count_in(NUMBERS),
        lambda: COUNT.set(COUNT.get() + 1),
        lambda: globals().update(COUNTED=globals()["COUNTED"] + 1),
    ],
)
def test_iterators_and_memory_that_change_are_noticed(step):
    with pytest.raises(DataDependentError, match="from one call to the next"):
        compile(rarely(step))([[1.0], [2.0]])


def test_a_series_that_was_changed_between_calls_counts():
    pandas = pytest.importorskip("pandas")
    k = pandas.Series([2.0])
    f = compile(lambda x: x * k[0])
    assert f([[1.0]]).tolist() == [2.0]
    k[0] = 9.0
    assert f([[1.0]]).tolist() == [9.0]


def test_a_generator_of_the_system_has_no_state():
    with pytest.raises(DataDependentError, match="random numbers"):
        compile(lambda x: x * SYSTEM.random())([[1.0]])


class OfBase:
    k = 2.0

    @property
    def doubled(self):
        return 2.0 * self.k

    def tripled(self):
        return 3.0 * self.k


class Derived(OfBase):
    pass


LONG, MANY, PROXIED = [1.0] * 5000, dict.fromkeys(range(5000), 1.0), {"a": 1.0}
WRAPPED, CHAINED, LARGE = UserDict(a=1.0), ChainMap({"a": 1.0}), np.ones(300_000)


class Marked(list):
    mark = None


MARKED, PROXY, VIEW = Marked([1.0]), MappingProxyType(PROXIED), PROXIED.values()
MARKED.mark = 1.0


@pytest.mark.parametrize(
    ("factor", "change"),
    [
        (lambda: Derived().k, lambda: setattr(OfBase, "k", OfBase.k + 1.0)),
        (lambda: Derived.k, lambda: setattr(OfBase, "k", OfBase.k + 1.0)),
        (lambda: Derived().doubled, lambda: setattr(OfBase, "k", OfBase.k + 1.0)),
        (lambda: Derived().tripled(), lambda: setattr(OfBase, "tripled", lambda self: 7.0)),
        (lambda: LONG[2500], lambda: LONG.__setitem__(2500, LONG[2500] + 1.0)),
        (lambda: MANY[2500], lambda: MANY.__setitem__(2500, MANY[2500] + 1.0)),
        (lambda: float(LARGE[150_000]), lambda: LARGE.__setitem__(150_000, LARGE[150_000] + 1.0)),
        (lambda: WRAPPED["a"], lambda: WRAPPED.__setitem__("a", 5.0)),
        (lambda: CHAINED["a"], lambda: CHAINED.__setitem__("a", 5.0)),
        (lambda: PROXY["a"], lambda: PROXIED.__setitem__("a", 5.0)),
        (lambda: sum(VIEW), lambda: PROXIED.__setitem__("a", 8.0)),
        (lambda: MARKED.mark, lambda: setattr(MARKED, "mark", 5.0)),
    ],
)
def test_what_changed_between_two_calls_counts_wherever_it_is(factor, change):
    f = compile(lambda x: x * factor())
    assert f([[1.0], [2.0]]).tolist() == [factor(), 2.0 * factor()]
    before = factor()
    change()
    assert factor() != before
    assert f([[1.0], [2.0]]).tolist() == [factor(), 2.0 * factor()]


def test_a_compiled_function_of_values_is_that_function():
    """As in JAX, where functions that are compiled can be differentiated, and be called in others."""
    f, g = compile(lambda x, y: x * y if x > 1 else y), compile(lambda v: v[0] * v[1] ** 2)
    assert grad(f)(3.0, 5.0) == 5.0
    assert grad(f, (0, 1))(0.5, 5.0) == (0.0, 1.0)
    assert grad(g)([3.0, 5.0]) == grad(g)(np.array([3.0, 5.0])).tolist() == [25.0, 30.0]
    assert compile(lambda x, y: f(x, y) * 2.0)([[3.0, 5.0], [0.5, 5.0]]).tolist() == [30.0, 10.0]
    assert compile(f)([[3.0, 5.0], [0.5, 5.0]]).tolist() == [15.0, 5.0]
    assert f(2.0, Value(5.0)).data == 10.0
    assert f([[3.0, 5.0]]).tolist() == [15.0]


def test_a_compiled_function_of_numbers_and_values_is_that_function():
    f = compile(lambda v: v[0] * v[1] ** 2)
    assert grad(lambda x: f([3.0, x]))(2.0) == 12.0
    assert grad(lambda x: f(np.array([3.0, x])))(2.0) == 12.0
    assert compile(lambda x: f((3.0, x)))([[2.0]]).tolist() == [12.0]


def test_a_compiled_function_of_values_has_the_weights_of_its_programs():
    w = Value(2.0)
    f = compile(lambda x: w * x)
    assert f([[1.0]]).tolist() == [2.0]
    f.program.weights[:] = 5.0
    assert (f(Value(1.0)).data, w.data) == (5.0, 5.0)
    f.program.weights[:] = 7.0
    assert f([[1.0]]).tolist() == [7.0]
    assert compile(lambda x: f(x) * x)([[3.0]]).tolist() == [63.0]


def test_numbers_in_place_of_rows_are_answered():
    @compile
    def distance(x, y):
        return x - y

    with pytest.raises(
        TypeError, match=r"distance takes rows of numbers, .* for one example distance\(\[\[3.0, 1.0\]\]\)"
    ):
        distance(3.0, 1.0)
    with pytest.raises(TypeError, match=r"several examples distance\(\[\[3.0, 1.0\], \[1.0, 3.0\], \[1.0, 1.0\]\]\)"):
        distance([3.0, 1.0], [1.0, 3.0], [1.0, 1.0])
    with pytest.raises(TypeError, match=r"side by side in one table: distance\(numpy\.column_stack\(\[X, y\]\)\)"):
        distance([3.0, 1.0, 2.0], np.array([1.0, 3.0, 2.0]))
    with pytest.raises(TypeError, match=r"got array\(3\.\), array\(1\.\); for one example distance"):
        distance(np.array(3.0), np.array(1.0))
    table, targets = [[3.0, 1.0], [1.0, 3.0]], [1.0, -1.0]
    advice = r"write def distance\(row\), where \*x, y = row, and call distance\(numpy\.column_stack\("
    for X, y in [(table, targets), (table[0], targets[0])]:
        with pytest.raises(TypeError, match=advice):
            distance(X, y)
    with pytest.raises(TypeError, match=r"side by side in one table: sum\(numpy\.column_stack\(\[X, y\]\)\)"):
        compile(sum)(table, targets)
    with pytest.raises(TypeError, match="X must be rows of numbers, an example each, got NoneType None"):
        distance()
    with pytest.raises(TypeError, match=r"got x=3\.0, y=1\.0; for one example distance\(\[\[3\.0, 1\.0\]\]\)"):
        distance(x=3.0, y=1.0)
    assert distance(x=Value(3.0), y=Value(1.0)).data == 2.0
    assert distance.__wrapped__(Value(3.0), Value(1.0)).data == 2.0


def test_what_a_program_of_one_graph_has_is_answered():
    f = compile(lambda x: x * x)
    with pytest.raises(
        AttributeError, match=r"no attribute 'save'; a program of one graph has it: compile\(f\(x\), inputs"
    ):
        f.save("f.c")
    with pytest.raises(AttributeError, match=r"no attribute 'nonsense'$"):
        _ = f.nonsense


def test_an_argument_that_is_no_column_is_fixed_before():
    def power(x, n=2):
        return x**n

    with pytest.raises(TypeError, match=r"got \[\[2\.0\]\], n=3; what is no column .* functools\.partial"):
        compile(power)([[2.0]], n=3)
    assert compile(functools.partial(power, n=3))([[2.0]]).tolist() == [8.0]


def test_a_function_without_inputs_takes_no_rows():
    w = Value(3.0)

    @compile
    def loss(batch_size=None):
        return w * w

    assert loss().tolist() == [9.0]
    w.data = 4.0
    assert (loss().tolist(), loss([[], []]).tolist()) == ([16.0], [16.0, 16.0])
    mean, gradient = loss.value_and_gradient()
    assert (mean, gradient.tolist(), loss.gradients().tolist()) == (16.0, [8.0], [[8.0]])


def test_activations_that_a_model_keeps_may_go_through_a_generator():
    class Cell:
        def __init__(self):
            self.w = [Value(0.5), Value(-1.0)]

        def __call__(self, x):
            self.h = [(w * x).tanh() for w in self.w]
            return sum(w * h for w, h in zip(self.w, self.h))

    cell = Cell()
    assert compile(cell)([[1.0], [2.0]]).tolist() == pytest.approx([cell(Value(1.0)).data, cell(Value(2.0)).data])


def turned_round(v):
    v.reverse()
    return v[0] ** 2 * 3 + v[1]


def sorted_by_swaps(v):
    for _ in v:
        for j in range(len(v) - 1):
            if v[j] > v[j + 1]:
                v[j], v[j + 1] = v[j + 1], v[j]
    return v[0] ** 2 * 3 + v[1]


def shorter(v):
    return v.pop() ** 2 * v[0]


def longer(v):
    v.append(1.5)
    return v[0] * v[1] * v[2]


@pytest.mark.parametrize("f", [turned_round, sorted_by_swaps, shorter, longer])
def test_a_function_may_change_its_list_of_inputs(f):
    rows = [[1.0, 2.0], [2.0, 1.0], [-3.0, 0.5]]
    program = compile(f)
    assert program(rows).tolist() == [f(list(row)) for row in rows]
    assert program.gradients(rows, "inputs").tolist() == [engine.grad(f)(list(row)) for row in rows]

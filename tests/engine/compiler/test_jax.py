"""Backend jax: the numbers of numpy's replay, and its refusals, on one device and on several."""

import copy
import math
import os
import pickle
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import numpy as np
import pytest
from checkout import ROOT
from hypothesis import given, settings
from programs import recipes, used, well_conditioned

from engine import Value, compile, dot, logsumexp, primitive, tanh
from engine.compiler import backend_named
from nn import MLP
from nn.data import moons

pytestmark = pytest.mark.skipif(find_spec("jax") is None, reason="needs jax")
needs_jax = pytestmark
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}


def both(graph, inputs, parameters, **options):
    """The program of numpy and that of JAX."""
    return [compile(graph, inputs, parameters, backend=name, **options) for name in ("numpy", "jax")]


def check_equal(graph, inputs, parameters, rows, dtype="float64"):
    """Outputs and all gradients are those of numpy."""
    (a, b), close = both(graph, inputs, parameters, dtype=dtype), {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    np.testing.assert_allclose(b(rows), a(rows), **close)
    for got, expected in zip(b.value_and_gradient(rows), a.value_and_gradient(rows), strict=True):
        np.testing.assert_allclose(got, expected, **close)
    for leaves in ("inputs", "parameters"):
        np.testing.assert_allclose(b.gradients(rows, leaves), a.gradients(rows, leaves), **close)


def check_recipe(recipe, dtype):
    inputs, others = recipe.leaves()
    outputs = recipe.follow([*inputs, *others])
    inputs, others = used(outputs, inputs), used(outputs, others)
    if well_conditioned(outputs):
        rows = np.tile([leaf.data for leaf in inputs], (3, 1))
        check_equal(outputs, inputs, others, rows, dtype)


@settings(max_examples=4, derandomize=True)
@given(recipes(most=25))
def test_random_graphs_have_the_numbers_of_numpy(recipe):
    check_recipe(recipe, "float64")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCE)
@settings(max_examples=10)
@given(recipes())
def test_more_random_graphs(dtype, recipe):
    check_recipe(recipe, dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_network_has_the_numbers_of_numpy(dtype):
    model = MLP(6, [5, 4, 3], activation="tanh", seed=0)
    x, targets = [Value(0.1 * i) for i in range(6)], [Value(0.0) for _ in range(3)]
    outputs = model(x)
    rng = np.random.default_rng(0)
    rows = np.hstack([rng.uniform(-1.0, 1.0, (37, 6)), np.eye(3)[rng.integers(0, 3, 37)]])
    check_equal(logsumexp(outputs) - dot(outputs, targets), [*x, *targets], model.parameters(), rows, dtype)


def test_a_graph_without_inputs_and_one_without_gradient():
    a, b = Value(0.5), Value(2.0)
    (numpy_program, jax_program) = both(a * b + tanh(b), [], [a, b])
    assert jax_program()[0] == pytest.approx(numpy_program()[0])
    for got, expected in zip(jax_program.value_and_gradient(), numpy_program.value_and_gradient(), strict=True):
        assert got == pytest.approx(expected)
    (numpy_program, jax_program) = both([a, Value(1.0) * 3.0], [a], [])
    np.testing.assert_array_equal(jax_program([[4.0], [5.0]]), numpy_program([[4.0], [5.0]]))


REFUSED = {
    "division": (lambda x: 1.0 / x, 0.0),
    "log": (lambda x: x.log(), -1.0),
    "overflow": (lambda x: x.exp(), 1000.0),
    "power": (lambda x: x**-1.5, 0.0),
    "hidden by a later operation": (lambda x: tanh(1.0 / x), 0.0),
    "domain": (lambda x: x.asin(), 1.5),
    "log of a power": (lambda x: (x**3).log(), -1.0),
    "log of exp": (lambda x: x.exp().log(), -1000.0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_refuses_is_refused(name):
    function, bad = REFUSED[name]
    x = Value(0.5, label="x")
    errors = []
    for program in both(function(x), [x], []):
        with pytest.raises((ValueError, ArithmeticError)) as caught:
            program([[0.5], [bad], [0.25]])
        errors.append((caught.type, str(caught.value)))
        assert program([[0.5]])[0] == pytest.approx(function(Value(0.5)).data)
    assert errors[0] == errors[1]


def test_infinity_and_its_gradients_are_those_of_numpy():
    x, w = Value(0.5), Value(2.0)
    rows = [[math.inf], [-math.inf], [0.0], [-0.0], [1e308], [5e-324]]
    a, b = both(tanh(x * w) + (x * 0.0 + 1.0).relu(), [x], [w])
    np.testing.assert_array_equal(b(rows[2:]), a(rows[2:]))
    np.testing.assert_array_equal(b.gradients(rows), a.gradients(rows))


EDGES = {
    "a quotient of large numbers": (lambda a, b: a / b, [1e200, -1e200]),
    "an angle of large numbers": (lambda a, b: a.atan2(b), [0.5, -1e200]),
    "a kink next to 0": (lambda a, b: a.relu() + abs(b), [5e-324, -1e-310]),
    "the root of a small number": (lambda a, b: (a * b).sqrt(), [1e-310, 1.0]),
    "a power of 0": (lambda a, b: a.exp() ** b, [-1000.0, 0.001]),
    "equal zeros": (lambda a, b: a.maximum(b), [0.0, -0.0]),
}


@pytest.mark.parametrize("name", EDGES)
def test_numbers_at_the_edges_are_those_of_numpy(name):
    function, row = EDGES[name]
    leaves = [Value(0.5), Value(2.0)]
    a, b = both(function(*leaves), leaves, [])
    np.testing.assert_allclose(b([row]), a([row]), rtol=1e-14, atol=0.0)
    np.testing.assert_array_equal(np.signbit(b([row])), np.signbit(a([row])))
    np.testing.assert_allclose(b.gradients([row], "inputs"), a.gradients([row], "inputs"), rtol=1e-14, atol=0.0)


def test_what_float32_cannot_hold_is_computed_in_float64_or_refused():
    x = Value(0.5, label="x")
    for program in both([x * x / (x + 1.0), x * 1e9], [x], [], dtype="float32"):
        assert program([[1e20]])[0].tolist() == pytest.approx([1e20, 1e29], rel=1e-6)
        with pytest.raises(OverflowError, match="the result must be within float32's range, got 1e"):
            program([[1e30]])


def test_a_function_of_python_is_computed_by_numpy():
    @primitive(lambda x: 3 * x * x)
    def cube(x):
        return x**3

    x = Value(0.5)
    a, b = both(cube(x) + x, [x], [])
    np.testing.assert_array_equal(b.gradients([[2.0], [3.0]], "inputs"), a.gradients([[2.0], [3.0]], "inputs"))
    assert "numpy" in repr(b)


def test_a_program_says_what_it_computes():
    x = Value(0.5)
    a, b = both(tanh(x), [x], [])
    assert repr(b) == repr(a)


def test_copies_and_pickles_keep_the_backend():
    x, w = Value(0.5), Value(3.0)
    program = compile(tanh(x * w), [x], [w], backend="jax")
    expected = program([[0.25]])
    for other in (copy.copy(program), copy.deepcopy(program), pickle.loads(pickle.dumps(program))):
        np.testing.assert_array_equal(other([[0.25]]), expected)


def test_the_settings_of_jax_stay():
    import jax

    x = Value(0.5)
    before = jax.config.jax_enable_x64
    assert compile(x / 3.0, [x], [], backend="jax")([[1.0]]).dtype == np.float64
    assert jax.config.jax_enable_x64 == before
    assert jax.numpy.ones(1).dtype == (np.float64 if before else np.float32)


@pytest.mark.parametrize("name", ["jax:0", "jax:two", "numpy:2", "jax:"])
def test_an_unknown_backend_is_refused(name):
    with pytest.raises(ValueError, match="backend must be"):
        backend_named(name)


def test_more_devices_than_there_are_are_refused():
    with pytest.raises(ValueError, match="devices must be 1 to"):
        backend_named("jax:1000")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r'backend "jax" must have the package jax .*pip install "gradstep\[jax\]"'):
        compile(Value(1.0), [], backend="jax")


def fitted(**options):
    data, model = moons(60, seed=1), MLP(2, [5, 1], activation="tanh", seed=3)
    settings = {"loss": "binary_cross_entropy", "seed": 5, "batch_size": 16, "epochs": 4, "progress": False}
    history = model.fit(data.X, data.y, **settings, **options)
    return [parameter.data for parameter in model.parameters()], history.loss


def test_fit_and_predict_have_the_numbers_of_numpy():
    for got, expected in zip(fitted(backend="jax", replay=True), fitted(replay=True), strict=True):
        assert got == pytest.approx(expected, rel=1e-9)


def test_devices_without_jax_are_refused():
    with pytest.raises(ValueError, match='devices must be left out unless backend is "jax"'):
        fitted(devices=2)
    with pytest.raises(ValueError, match="devices must be an int >= 1"):
        fitted(devices=0, backend="jax")


DEVICES = """
import numpy as np, jax
from engine import Value, compile, tanh
from nn import MLP
from nn.data import moons

assert len(jax.devices()) == 8
data = moons(60, seed=1)

def fitted(**options):
    model = MLP(2, [5, 1], activation="tanh", seed=3)
    settings = {"loss": "binary_cross_entropy", "seed": 5, "batch_size": 20, "epochs": 3, "progress": False}
    history = model.fit(data.X, data.y, **settings, replay=True, **options)
    return np.array([*history.loss, *[parameter.data for parameter in model.parameters()]])

expected = fitted()
for devices in (1, 3, 8):
    np.testing.assert_allclose(fitted(backend="jax", devices=devices), expected, rtol=1e-9)
x, w = Value(0.5), Value(2.0)
rows = np.linspace(-1.0, 1.0, 21)[:, None]
a, b = (compile(tanh(x * w), [x], [w], backend=name) for name in ("numpy", "jax:8"))
np.testing.assert_allclose(b.gradients(rows), a.gradients(rows), rtol=1e-9)
np.testing.assert_allclose(b(rows), a(rows), rtol=1e-9)
"""


def run(script, *arguments, **environment):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **environment}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


@pytest.mark.slow
def test_eight_devices_have_the_numbers_of_one():
    ended(run(DEVICES, XLA_FLAGS="--xla_force_host_platform_device_count=8"))


PROCESSES = """
import sys
import jax
rank, port = int(sys.argv[1]), sys.argv[2]
jax.distributed.initialize(f"127.0.0.1:{port}", 2, rank)
from nn import MLP
from nn.data import moons

data, model = moons(60, seed=1), MLP(2, [5, 1], activation="tanh", seed=3)
own = slice(0, 25) if rank == 0 else slice(25, 60)
history = model.fit(
    data.X[own], data.y[own], loss="binary_cross_entropy", seed=5, batch_size=16, epochs=4, progress=False,
    backend="jax", communicator="jax",
)
print([parameter.data for parameter in model.parameters()], history.loss)
"""


@pytest.mark.slow
def test_two_processes_of_jax_have_the_numbers_of_one():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = [run(PROCESSES, str(rank), port) for rank in range(2)]
    first, second = (ended(process).splitlines()[-1] for process in processes)  # gloo prints, too
    assert first == second
    numbers = [float(word) for word in first.replace("[", " ").replace("]", " ").replace(",", " ").split()]
    weights, losses = fitted(replay=True)
    assert numbers == pytest.approx([*weights, *losses], rel=1e-9)

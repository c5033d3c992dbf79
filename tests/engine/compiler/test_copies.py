"""Programs that are pickled and copied."""

import copy
import pickle

import numpy as np
import pytest

from engine import Value, compile, tanh

X = np.random.default_rng(0).uniform(-1.0, 1.0, (9, 2))
WAYS = {
    "pickle": lambda program: pickle.loads(pickle.dumps(program)),
    "oldest pickle": lambda program: pickle.loads(pickle.dumps(program, 2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def make(dtype="float64"):
    x = [Value(0.3, label="x"), Value(0.5)]
    w = [Value(0.4, label="w"), Value(-0.3), Value(0.2)]
    constant = Value(1.5, label="c")
    return compile([tanh(w[0] * x[0] + w[1] * x[1]) * w[2] + constant, x[0] * w[1]], x, w, dtype), constant


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("way", WAYS)
def test_a_copy_gives_the_same(way, dtype):
    program, _ = make(dtype)
    program.weights -= 0.125
    mean, gradient = program.value_and_gradient(X)
    other = WAYS[way](program)
    assert other(X).tolist() == program(X).tolist()
    assert other(X).dtype == program(X).dtype
    assert other.weights.tolist() == program.weights.tolist()
    found = other.value_and_gradient(X)
    assert (found[0], found[1].tolist()) == (mean, gradient.tolist())
    for wanted in ("inputs", "parameters"):
        assert other.gradients(X, wanted).tolist() == program.gradients(X, wanted).tolist()
    assert repr(other) == repr(program)


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_has_weights_of_its_own(way):
    program, _ = make()
    other = WAYS[way](program)
    before = program(X).tolist()
    other.weights += 1.0
    assert program(X).tolist() == before
    assert other(X).tolist() != before


@pytest.mark.parametrize("way", WAYS)
def test_the_parameters_of_a_copy(way):
    program, constant = make()
    program.weights[:] = [1.0, 2.0, 3.0]
    program.value_and_gradient(X)
    other = WAYS[way](program)
    other.to_values()
    assert [parameter.data for parameter in other.parameters] == [1.0, 2.0, 3.0]
    assert [p.grad for p in other.parameters] == program.value_and_gradient(X)[1].tolist()
    assert (other.parameters[0] is program.parameters[0]) is (way == "copy")
    assert other.parameters[0].label == "w"
    constant.data = 2.0
    if way == "copy":
        with pytest.raises(ValueError, match="changed"):
            other.from_values()
    else:
        other.from_values()


def test_parameters_stay_those_of_what_is_pickled_with_them():
    program, _ = make()
    model, other = pickle.loads(pickle.dumps((program.parameters, program)))
    assert all(a is b for a, b in zip(model, other.parameters, strict=True))

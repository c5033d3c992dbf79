"""Replay against Values: random graphs over every primitive, and graphs of the shapes that people write."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from programs import MAKE, Recipe, eager, recipes, used, well_conditioned

from engine import Value, compile, topological_order
from engine.derivatives import RULES


def rows_for(recipe, n, seed):
    return np.random.default_rng(seed).uniform(-2.0, 2.0, (n, recipe.n_inputs))


def test_the_recipes_know_every_primitive():
    made = set()
    for make in MAKE.values():
        made |= {node.op for node in topological_order(make(Value(0.4), Value(0.7)))}
    assert made >= set(RULES)


def agree(recipe, rows, dtype="float64", tolerance=1e-12):
    inputs, others = recipe.leaves()
    outputs = recipe.follow([*inputs, *others])
    assume(well_conditioned(outputs))
    parameters = used(outputs, others)
    program = compile(outputs, inputs, parameters, dtype)
    assert program(rows).shape == (len(rows), len(outputs))
    if len(rows) == 0:
        return
    columns = [*range(len(inputs)), *(len(inputs) + others.index(p) for p in parameters)]
    for output in range(len(outputs)):
        found = eager(recipe, rows, others, output)
        assume(found is not None)
        results, gradients, largest = found
        gradients = gradients[:, columns]
        close = {"rtol": tolerance, "atol": tolerance * largest}
        np.testing.assert_allclose(program(rows), results, **close)
        mean, gradient = program.value_and_gradient(rows, output)
        assert mean == pytest.approx(results[:, output].mean(), rel=tolerance, abs=tolerance * largest)
        np.testing.assert_allclose(gradient, gradients[:, len(inputs) :].mean(axis=0), **close)
        each = program.gradients(rows, [*inputs, *parameters], output)
        np.testing.assert_allclose(each, gradients, **close)


@given(recipes(), st.sampled_from((0, 1, 2, 5)), st.integers(0, 1000))
@settings(max_examples=200)
@example(Recipe((0.5,), 1, (), (0,)), 2, 0)  # an input is the output
@example(Recipe((0.5,), 0, (), (0,)), 2, 0)  # a parameter is the output
@example(Recipe((0.5, 0.7), 1, (("*", (0, 1)), ("*", (0, 1)), ("+", (2, 3))), (4, 4, 0)), 2, 0)  # an output twice
def test_a_replay_gives_the_numbers_and_gradients_of_values(recipe, n, seed):
    agree(recipe, rows_for(recipe, n, seed))


@pytest.mark.slow
@given(recipes(least_inputs=1, most=12), st.integers(0, 1000))
@settings(max_examples=10)
def test_a_thousand_examples(recipe, seed):
    agree(recipe, rows_for(recipe, 1000, seed))


@given(recipes(), st.integers(0, 1000))
@settings(max_examples=60)
def test_in_float32(recipe, seed):
    agree(recipe, rows_for(recipe, 3, seed).astype("float32").astype("float64"), "float32", 2e-4)

"""Gradients that are Values hold their leaves, and leaves their gradients: both go once nobody else holds them."""

import gc

import pytest

from engine import Value, grad, tanh
from engine.freeing import free_unheld
from engine.value import HIGHER


@pytest.fixture(autouse=True)
def no_collector():
    """The collector comes when it is called."""
    gc.collect()
    gc.disable()
    HIGHER.clear()
    yield
    HIGHER.clear()
    gc.enable()


def differentiated(*numbers):
    """Leaves with gradients that are Values, each in a graph with all of them."""
    leaves = [Value(number) for number in numbers]
    result = Value(1.0)
    for leaf in leaves:
        result = tanh(leaf * result) + leaf
    result.backward(create_graph=True)
    return leaves


def test_a_leaf_that_dies_takes_its_gradient_with_it():
    differentiated(0.5)
    differentiated(0.5, -2.0)
    assert HIGHER
    gc.collect()
    assert not HIGHER


def test_only_a_whole_collection_looks():
    differentiated(0.5)
    count = len(HIGHER)
    gc.collect(0)
    gc.collect(1)
    assert len(HIGHER) == count


def test_a_leaf_that_is_held_keeps_its_gradient():
    (x,) = differentiated(0.5)
    gc.collect()
    assert isinstance(x.grad, Value)


def test_a_leaf_in_a_list_a_dict_and_another_graph_keeps_its_gradient():
    held = [differentiated(0.5), {"x": differentiated(0.6)}, differentiated(0.7)[0] * 2.0]
    differentiated(0.8)
    gc.collect()
    leaves = [held[0][0], held[1]["x"][0], held[2].operands[0]]
    assert all(isinstance(leaf.grad, Value) for leaf in leaves)
    inner = {id(leaf) for leaf in leaves}
    assert {leaf.data for leaf in HIGHER if id(leaf) in inner} == {0.5, 0.6, 0.7}
    assert 0.8 not in {leaf.data for leaf in HIGHER}


def test_a_gradient_that_is_held_keeps_its_leaf_and_what_that_holds():
    slope = differentiated(0.5, -2.0)[0].grad
    gc.collect()
    assert {leaf.data for leaf in HIGHER} >= {0.5, -2.0}
    for leaf in HIGHER:
        assert isinstance(leaf.grad, Value)
    del slope, leaf
    gc.collect()
    assert not HIGHER


def test_a_leaf_held_by_the_gradient_of_a_held_leaf_keeps_its_own():
    x = differentiated(0.5, -2.0)[0]
    gc.collect()
    assert isinstance(x.grad, Value)
    assert {leaf.data for leaf in HIGHER} >= {0.5, -2.0}


def test_without_the_collector_they_stay_few():
    for _ in range(1000):
        differentiated(0.5)
    assert len(HIGHER) < 300


def test_many_that_are_held_all_stay():
    held = [differentiated(0.5)[0] for _ in range(400)]
    free_unheld()
    assert all(isinstance(leaf.grad, Value) for leaf in held)
    del held
    free_unheld()
    assert not HIGHER


def test_what_is_let_go_does_not_touch_the_numbers():
    x = Value(0.5)
    tanh(x).backward(create_graph=True)
    for _ in range(150):
        differentiated(0.5)
    gc.collect()
    assert x.grad.data == grad(tanh)(0.5)
    assert list(HIGHER) == [x]

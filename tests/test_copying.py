"""copy, deepcopy and pickle: whole graphs, at any depth, and what is shared stays shared."""

import copy
import io
import pickle
from itertools import pairwise

import pytest
from graphs import recipes
from hypothesis import given, settings

from engine import Value, leaves, size, topological_order
from engine.value import fields


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


def by_old_protocol(thing):
    return pickle.loads(pickle.dumps(thing, protocol=2))


def by_python_pickler(thing):
    file = io.BytesIO()
    pickle._Pickler(file).dump(thing)
    return pickle._loads(file.getvalue())


EVERY_WAY = pytest.mark.parametrize(
    "carried", [copy.deepcopy, pickled, by_old_protocol, by_python_pickler], ids=lambda f: f.__name__
)


def assert_same_graph(root, other):
    """Node by node, in order: the same fields, other objects, wired the same."""
    nodes, others = topological_order(root), topological_order(other)
    assert [repr(fields(v)) for v in others] == [repr(fields(v)) for v in nodes]
    places, other_places = ({node: i for i, node in enumerate(order)} for order in (nodes, others))
    for node, copied in zip(nodes, others):
        assert copied is not node
        assert [other_places[v] for v in copied.operands] == [places[v] for v in node.operands]


@EVERY_WAY
@given(recipe=recipes())
@settings(max_examples=40)
def test_a_graph_is_carried_whole(carried, recipe):
    values = [Value(x, label=f"x{i}") for i, x in enumerate(recipe.numbers)]
    root = recipe.follow(values)[-1]
    root.label = "root"
    root.backward(0.5)
    assert_same_graph(root, carried(root))


@EVERY_WAY
@given(recipe=recipes())
@settings(max_examples=40)
def test_what_several_values_share_stays_shared(carried, recipe):
    """A list of all nodes, leaves and unused ones among them, in any order of dependence."""
    nodes = recipe.follow([Value(x) for x in recipe.numbers])
    for listed in (nodes, nodes[::-1], nodes[1::2] + nodes[::2]):
        copies = carried(listed)
        twin = dict(zip(listed, copies))
        for node, copied in zip(listed, copies):
            for operand, its_copy in zip(node.operands, copied.operands):  # plain numbers are not in the list
                assert twin.get(operand, its_copy) is its_copy


@EVERY_WAY
def test_a_copy_has_a_life_of_its_own(carried):
    x = Value(3.0, label="x")
    y = x * x
    copied = carried(y)
    copied.backward()
    assert (x.grad, y.grad) == (0.0, 0.0)
    (its_x,) = leaves(copied)
    assert (its_x.grad, its_x.label) == (6.0, "x")
    its_x.data = 5.0
    assert x.data == 3.0
    (copied * its_x).backward()
    assert its_x.grad == 6.0 + 5.0 * 6.0 + 9.0, "as it was made: with 3 where x is squared, and 5 after"


@EVERY_WAY
def test_a_leaf(carried):
    x = Value(2.0, label="x")
    x.grad = 0.5
    copied = carried(x)
    assert copied is not x
    assert (copied.data, copied.grad, copied.label, copied.op, copied.operands) == (2.0, 0.5, "x", "", ())


@EVERY_WAY
def test_constants_and_nan_and_infinity(carried):
    y = 3 * Value(float("nan")) + float("-inf")
    assert_same_graph(y, carried(y))


@EVERY_WAY
def test_a_parameter_of_a_model_and_its_loss_is_one(carried):
    model = {"w": Value(2.0, label="w"), "b": Value(1.0, label="b")}
    loss = (model["w"] * 3.0 + model["b"]) ** 2
    for thing in ((model, loss), (loss, model)):
        copied = carried(thing)
        its_model, its_loss = copied if copied[0].__class__ is dict else copied[::-1]
        assert leaves(its_loss) == [its_model["w"], its_model["b"]]
        its_loss.backward()
        assert its_model["w"].grad == 2 * 7.0 * 3.0
    assert model["w"].grad == 0.0


@EVERY_WAY
def test_one_value_listed_twice(carried):
    y = Value(2.0) * 3
    first, second = carried([y, y])
    assert first is second


@pytest.mark.parametrize("carried", [copy.deepcopy, pickled, by_old_protocol], ids=lambda f: f.__name__)
def test_a_deep_graph(carried):
    x, y = Value(1.0, label="x"), Value(0.0)
    middle = None
    for i in range(200_000):
        y = y + x
        if i == 100_000:
            middle = y
    copied, its_middle, its_x = carried([y, middle, x])
    assert size(copied) == size(y) == 200_002
    assert copied.data == 200_000.0
    assert its_x in leaves(copied)
    assert leaves(its_middle) == leaves(copied)
    copied.backward()
    assert (its_x.grad, x.grad) == (200_000.0, 0.0)
    assert its_middle.grad == 1.0


def test_many_deep_values_that_share():
    """Each Value in the list is a part of all that come after it, and pickle meets the last first."""
    x = y = Value(1.0)
    steps = []
    for _ in range(2_000):
        y = y * x
        steps.append(y)
    for listed in (steps, steps[::-1]):
        for copies in (pickled(listed), copy.deepcopy(listed)):
            ordered = copies if listed is steps else copies[::-1]
            assert all(after.operands[0] is before for before, after in pairwise(ordered))


def test_copy_makes_one_new_node_of_the_same_operands():
    x = Value(3.0, label="x")
    y = x * x
    y.label, y.grad = "y", 0.5
    copied = copy.copy(y)
    assert copied is not y
    assert copied.operands == (x, x)
    assert fields(copied) == fields(y)
    copied.backward()
    assert (x.grad, y.grad, copied.grad) == (6.0, 0.5, 1.0)


def test_graphs_pickled_one_after_the_other_are_independent():
    x = Value(3.0)
    y = x * x
    first, second = pickled(y), pickled(y)
    assert first is not second
    assert leaves(first) != leaves(second)
    assert pickle.dumps(y) == pickle.dumps(y)


def test_one_pickler_for_two_dumps():
    """What a pickler has dumped already, it refers to."""
    x = Value(3.0)
    y = x * x
    z = y + x
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.dump(y)
    pickler.dump(z)
    unpickler = pickle.Unpickler(io.BytesIO(file.getvalue()))
    its_y, its_z = unpickler.load(), unpickler.load()
    assert its_z.operands == (its_y, leaves(its_y)[0])


def test_a_graph_changed_between_dumps_is_dumped_as_it_is():
    x = Value(3.0, label="x")
    y = x * x
    keeps = pickle.Pickler(io.BytesIO())
    keeps.dump(y)
    y.grad, x.data = 7.0, 4.0
    copied = pickled(y)
    assert copied.grad == 7.0
    assert copied.operands[0].data == 4.0


def test_a_grown_graph_while_an_earlier_pickler_lives():
    y = x = Value(1.0)
    keeps = []
    for _ in range(50):
        y = y + x
        keeps.append(pickle.Pickler(io.BytesIO()))
        keeps[-1].dump(y)
    assert_same_graph(y, pickled(y))
    assert_same_graph(y, copy.deepcopy(y))

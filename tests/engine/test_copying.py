"""copy, deepcopy and pickle: whole graphs, at any depth, and what is shared stays shared."""

import copy
import io
import pickle
import random
from itertools import pairwise
from unittest import mock

import pytest
from graphs import recipes
from hypothesis import given, settings

from engine import Value, copies, leaves, pickling, primitive, size, topological_order
from engine.node import order_by_sets
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
@pytest.mark.slow
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
        for made in (pickled(listed), copy.deepcopy(listed)):
            ordered = made if listed is steps else made[::-1]
            assert all(after.operands[0] is before for before, after in pairwise(ordered))


@EVERY_WAY
@pytest.mark.parametrize("order", ["oldest first", "newest first", "shuffled"])
def test_a_list_of_all_nodes_takes_as_long_as_its_length(carried, order):
    """Each node is looked at once: what is under it is known already. (It was quadratic: 43 s for 30,000.)"""
    x = y = Value(1.0)
    nodes = []
    for _ in range(1_000):
        y = y * x
        nodes.append(y)
    listed = {
        "oldest first": nodes,
        "newest first": nodes[::-1],
        "shuffled": random.Random(0).sample(nodes, len(nodes)),
    }[order]
    looked_at = 0

    def counted(root, is_known):
        nonlocal looked_at
        order = order_by_sets(root, is_known)
        looked_at += len(order)
        return order

    with mock.patch.object(copies, "order_by_sets", counted), mock.patch.object(pickling, "order_by_sets", counted):
        made = carried(listed)
    assert len(nodes) <= looked_at <= 3 * len(nodes)
    twin = dict(zip(listed, made))
    assert all(twin[after].operands[0] is twin[before] for before, after in pairwise(nodes))


@EVERY_WAY
def test_attributes_of_ones_own_travel(carried):
    x = Value(2.0, label="x")
    y = x * 3 + 1
    inner = y.operands[0]
    x.m, x.M, inner.color, y.next_to = [0.5], 1, "red", {"x": x, "inner": inner, "self": y}
    assert y._prev
    copied = carried(y)
    (its_x,) = leaves(copied)
    assert (its_x.m, its_x.M, copied.operands[0].color) == ([0.5], 1, "red")
    assert its_x.m is not x.m
    assert copied.next_to == {"x": its_x, "inner": copied.operands[0], "self": copied}
    assert vars(copied).keys() == {"next_to"}
    assert carried([x, y])[0].m == [0.5]
    assert copy.copy(inner).color == "red"


@EVERY_WAY
def test_nodes_that_users_described(carried):
    a, b, c = (Value(float(i), label="abc"[i]) for i in range(3))
    wide = Value(5.0, (a, b, c, a), "mine", "w", local_grads=(1.0, 2.0, 3.0, 4.0))
    named = Value(1.0, (wide, b), "unknown")
    own = Value(2.0, (wide, c), "+")

    def hand_on():
        wide.grad += 10.0 * own.grad
        c.grad += 20.0 * own.grad

    own._backward = hand_on
    y = own * 1.0
    its_y, its_named, its_leaves = carried([y, named, [a, b, c]])
    y.backward()
    assert [v.grad for v in (a, b, c)] == [50.0, 20.0, 50.0]
    its_y.backward()
    assert [v.grad for v in its_leaves] == [50.0, 20.0, 50.0], "with the local derivatives of the function"
    assert [v.grad for v in (a, b, c)] == [50.0, 20.0, 50.0]
    its_own = its_y.operands[0]
    its_wide = its_own.operands[0]
    assert (its_own._op, its_wide._op, its_wide.label, its_wide.local_derivatives) == ("+", "mine", "w", (1, 2, 3, 4))
    assert its_named.operands[0] is its_wide
    with pytest.raises(ValueError, match="not known"):
        its_named.backward()
    shallow = copy.copy(own)
    assert (shallow.operands, shallow.local_derivatives) == ((wide, c), (10.0, 20.0))


@primitive(lambda x: 3 * x**2)
def cubed(x):
    return x**3


@EVERY_WAY
def test_operations_travel(carried):
    """The engine's by name, a user's by its function where it can be imported, else as a name."""

    @primitive(lambda x: 2 * x)
    def local(x):
        return x * x

    x = Value(2.0)
    y = carried((x.tanh() ** 2 + cubed(x)) * 1.0)
    assert [v.operation for v in topological_order(y)] == [
        v.operation for v in topological_order((x.tanh() ** 2 + cubed(x)) * 1.0)
    ]
    assert y.operands[0].operands[1].operation is cubed.operation
    y.refresh()
    z = carried(local(x) * 1.0)
    if carried is copy.deepcopy:
        assert z.operands[0].operation is local.operation
    else:
        assert z.operands[0].operation.name == "local"
        with pytest.raises(ValueError, match="made from numbers"):
            z.refresh()
    z.backward()
    assert leaves(z)[0].grad == 4.0


def test_a_deepcopy_into_a_memo_that_has_a_part():
    x = Value(2.0)
    y = x * 3
    z = y + x
    memo = {}
    its_y = copy.deepcopy(y, memo)
    its_z = copy.deepcopy(z, memo)
    assert its_z.operands == (its_y, its_y.operands[0])
    other = Value(7.0)
    assert copy.deepcopy(z, {id(y): other}).operands[0] is other


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

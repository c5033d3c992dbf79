"""Questions about a graph: order, leaves, size, at any depth."""

from graphs import recipes
from hypothesis import given

from engine import Value, leaves, size, topological_order


def everything_under(root):
    """The nodes of a graph as a plain search finds them."""
    met, waiting = {root}, [root]
    while waiting:
        for operand in waiting.pop().operands:
            if operand not in met:
                met.add(operand)
                waiting.append(operand)
    return met


@given(recipes())
def test_every_node_once_and_operands_first(recipe):
    root = recipe.follow([Value(x) for x in recipe.numbers])[-1]
    order = topological_order(root)
    places = {node: place for place, node in enumerate(order)}
    assert len(places) == len(order) == size(root)
    assert places.keys() == everything_under(root)
    assert order[-1] is root
    for node in order:
        assert all(places[operand] < places[node] for operand in node.operands)


@given(recipes())
def test_the_order_is_that_of_micrograds_recursion(recipe):
    root = recipe.follow([Value(x) for x in recipe.numbers])[-1]
    order, met = [], set()

    def visit(node):
        if node not in met:
            met.add(node)
            for operand in node.operands:
                visit(operand)
            order.append(node)

    visit(root)
    interior = [node for node in order if node.operands]
    assert [node for node in topological_order(root) if node.operands] == interior


@given(recipes())
def test_leaves_are_those_that_no_operation_made(recipe):
    values = [Value(x) for x in recipe.numbers]
    root = recipe.follow(values)[-1]
    found = leaves(root)
    assert len(set(found)) == len(found)
    assert set(found) == {node for node in everything_under(root) if not node.operands and not node.op}
    assert set(found) <= set(values)


def test_leaves_come_in_the_order_of_first_use():
    a, b, c = (Value(1.0, label=name) for name in "abc")
    assert leaves(c * b + a * b) == [c, b, a]
    assert [node.label or node.op for node in topological_order(c * b + a * b)] == ["c", "b", "*", "a", "*", "+"]


def test_plain_numbers_count_and_are_no_leaves():
    x = Value(2.0)
    y = 3 * x + 1
    assert leaves(y) == [x]
    assert size(y) == 5
    assert [node.op for node in topological_order(y)] == ["constant", "", "*", "constant", "+"]
    assert leaves(sum([x, x])) == [x]


def test_a_leaf_alone():
    x = Value(1.0)
    assert topological_order(x) == [x]
    assert leaves(x) == [x]
    assert size(x) == 1


def test_walks_do_not_disturb_each_other():
    x = Value(1.0)
    shared = x * x
    first, second = shared + 1, shared * 2
    assert [size(first), size(second), size(shared), size(first), size(first + second)] == [4, 4, 2, 4, 7]


def test_a_graph_that_grows_between_walks():
    x = Value(1.0)
    y = x * 1.0
    for steps in range(1, 50):
        y = y + x
        assert size(y) == 3 + steps


def test_nodes_used_again_and_again_are_met_once():
    x = y = Value(1.0)
    for _ in range(100):
        y = y + y
    assert size(y) == 101
    assert leaves(y) == [x]


def test_depth_is_no_limit():
    x = y = Value(1.0)
    for _ in range(100_000):
        y = y * x
    assert size(y) == 100_001
    assert leaves(y) == [x]

"""Each pass of replay by itself, before and after, on graphs small enough to be read."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from engine import Value, compile, dot, tanh
from engine.compiler.buffer_reuse import reused
from engine.compiler.fuse_sums import LINEAR, inside_sums, terms_of
from engine.compiler.ir import Map, MatMul, Scatter, Take, Total, View, by_columns, view_of
from engine.compiler.ir_builder import Emitter
from engine.compiler.lower_backward import Backward, leading_to
from engine.compiler.lower_forward import emit_forward
from engine.compiler.memory_layout import factored, placed
from engine.compiler.plan import code_for
from engine.compiler.simplify import simplified
from engine.compiler.trace import CONSTANT, INPUT, NONE, PARAMETER, recorded
from engine.compiler.vectorize import INPUTS, SUM, UNIFORM, VARYING, grouped
from engine.node import common_order


def nodes(record):
    """Each node but the leaves, such as ``('*', 0, 1)``."""
    rows = zip(record.ops, record.first, record.second)
    return [(op, a) if b == NONE else (op, a, b) for op, a, b in rows if op not in (INPUT, PARAMETER, CONSTANT)]


def record_of(output, inputs=(), parameters=()):
    return recorded(output if isinstance(output, list) else [output], list(inputs), list(parameters))


@pytest.fixture
def leaves():
    return [Value(number, label=name) for number, name in ((0.5, "a"), (0.7, "b"), (0.2, "c"), (0.9, "d"))]


# ---------------------------------------------------------------------------------------------------------- recording


def test_recording_puts_inputs_first_then_parameters_then_what_is_made_of_them(leaves):
    a, b, c, _ = leaves
    record = record_of(tanh(c * a + 2.0) - b, [a], [b])
    assert record.ops == [INPUT, PARAMETER, CONSTANT, "*", CONSTANT, "+", "tanh", "-"]
    assert nodes(record) == [("*", 2, 0), ("+", 3, 4), ("tanh", 5), ("-", 6, 1)]
    assert list(record.numbers[:3]) == [0.5, 0.7, 0.2]
    assert record.frozen == [c]
    assert record.outputs == [7]


def test_recording_meets_what_outputs_share_once(leaves):
    a, b, _, _ = leaves
    shared = a * b
    outputs = [shared.tanh(), shared, shared + a]
    order = common_order(outputs)
    assert sorted(map(id, order)) == sorted({id(node) for node in [a, b, *outputs]})
    assert all(order.index(operand) < order.index(node) for node in order for operand in node.operands)
    assert nodes(record_of(outputs, [a, b])) == [("*", 0, 1), ("tanh", 2), ("+", 2, 0)]


def test_recording_needs_no_recursion():
    x = w = Value(0.5)
    for _ in range(50_000):
        x = x * w
    assert len(record_of(x, [], [w]).ops) == 50_001
    assert len(record_of([x, w], [], [w]).ops) == 50_001


# -------------------------------------------------------------------------------------------------------- simplifying


def test_simplifying_folds_constants(leaves):
    a, _, _, _ = leaves
    before = record_of(a * (Value(2.0) * 3.0).exp(), [a])
    assert nodes(before) == [("*", 1, 2), ("exp", 3), ("*", 0, 4)]
    after = simplified(before)
    assert nodes(after) == [("*", 0, 1)]
    assert after.ops[1] == CONSTANT
    assert after.numbers[1] == (Value(2.0) * 3.0).exp().data


@pytest.mark.parametrize(
    ("make", "left"),
    [
        (lambda a: a + -0.0, []),
        (lambda a: -0.0 + a, []),
        (lambda a: a - 0, []),
        (lambda a: a + 0, [("+", 0, 1)]),  # not a: 0.0 where a is -0.0
        (lambda a: 0 + a, [("+", 1, 0)]),
        (lambda a: a - -0.0, [("-", 0, 1)]),
        (lambda a: a * 1, []),
        (lambda a: 1 * a, []),
        (lambda a: a / 1, []),
        (lambda a: a**1, []),
        (lambda a: (-a) * -1, []),
        (lambda a: 0 - a, [("-", 1, 0)]),  # not -a: 0.0 where a is 0.0
        (lambda a: -0.0 - a, [("neg", 0)]),
        (lambda a: a / -1, [("neg", 0)]),
        (lambda a: -1 * a, [("neg", 0)]),
        (lambda a: a * -1, [("neg", 0)]),
        (lambda a: a**2, [("*", 0, 0)]),
        (lambda a: a**-1, [("/", 1, 0)]),
        (lambda a: a * 0, [("*", 0, 1)]),  # not 0: a may be infinite
        (lambda a: a**3, [("**", 0, 1)]),
    ],
)
def test_simplifying_leaves_out_what_need_not_be_computed(make, left, leaves):
    a = leaves[0]
    before = record_of(make(a), [a])
    assert nodes(before)
    assert nodes(simplified(before)) == left


def test_simplifying_computes_equal_nodes_once(leaves):
    a, b, _, _ = leaves
    before = record_of((a * b + a) * (b * a + b) / (a * b), [a, b])
    assert len([op for op in before.ops if op == "*"]) == 4
    after = nodes(simplified(before))
    assert after == [("*", 0, 1), ("+", 2, 0), ("+", 2, 1), ("*", 3, 4), ("/", 5, 2)]


def test_simplifying_keeps_apart_what_is_equal_only_the_other_way_round(leaves):
    a, b, _, _ = leaves
    record = simplified(record_of([a - b, b - a, a / b, b / a, a**b, b**a, a * b, b * a], [a, b]))
    assert len(nodes(record)) == 7
    assert len(set(record.outputs)) == 7


def test_simplifying_drops_what_no_output_needs(leaves):
    a, b, _, _ = leaves
    after = simplified(record_of((a * Value(2.0) ** Value(0.0)) ** 1 - 0 * Value(3.0), [a, b]))
    assert after.ops == [INPUT, INPUT]  # b is an input that does not matter, and stays a column
    assert after.outputs == [0]


# ------------------------------------------------------------------------------------------------------------- summing


def summed(record):
    """The sums of a record: their terms, and which nodes are inside of them."""
    inside = inside_sums(record)
    roots = [index for index, op in enumerate(record.ops) if op in LINEAR and not inside[index]]
    sums = {index: terms_of(record, index, inside) for index in roots}
    return SimpleNamespace(record=record, sums=sums, inside=inside)


def terms(found, index):
    """Each term of a sum: its sign, and the one or two nodes that it is."""
    return [
        ("+" if positive else "-", left) if right == NONE else ("+" if positive else "-", left, right)
        for positive, left, right in found.sums[index]
    ]


def test_summing_makes_one_sum_of_a_chain(leaves):
    a, b, c, d = leaves
    found = summed(record_of(a + b - c + a * b - c * d - (-d), leaves))
    root = found.record.outputs[0]
    assert list(found.sums) == [root]
    assert terms(found, root) == [("+", 0), ("+", 1), ("-", 2), ("+", 0, 1), ("-", 2, 3), ("+", 3)]
    assert sum(found.inside) == len(nodes(found.record)) - 1


def test_summing_keeps_the_order_of_additions(leaves):
    a, b, c, d = leaves
    found = summed(record_of((a + b) - (c - d), leaves))
    inner, root = list(found.sums)
    assert terms(found, inner) == [("+", 2), ("-", 3)]
    assert terms(found, root) == [("+", 0), ("+", 1), ("-", inner)]
    found = summed(record_of(-(a - b) + c, leaves))
    inner, root = list(found.sums)
    assert terms(found, root) == [("-", inner), ("+", 2)]


@pytest.mark.parametrize(
    ("make", "signs"),
    [
        (lambda a, b: 0 + a + b, "+++"),  # the zero comes last
        (lambda a, b: a - -0.0 + b, "++-"),
        (lambda a, b: 0 + a * a + b, "++"),  # a square is never -0.0
        (lambda a, b: 0 + a - b.exp(), "+-+"),
        (lambda a, b: 0 + a + b.exp(), "++"),
        (lambda a, b: 0 + a + b + 1e-6, "+++"),
    ],
)
def test_summing_adds_a_zero_at_the_end_or_leaves_it_out(make, signs, leaves):
    a, b, _, _ = leaves
    found = summed(record_of(make(a, b), [a, b]))
    found_signs, nodes_ = zip(*(term[:2] for term in terms(found, found.record.outputs[0])))
    assert "".join(found_signs) == signs
    zeros = [node for node in nodes_ if found.record.ops[node] == CONSTANT and found.record.numbers[node] == 0.0]
    assert zeros in ([], [nodes_[-1]])


def test_summing_stops_at_what_is_used_twice(leaves):
    a, b, c, d = leaves
    product, part = a * b, a + c
    found = summed(record_of([product + part + d, product.tanh(), part], leaves))
    ops = [found.record.ops[node] for _, node in terms(found, found.record.outputs[0])]
    assert ops == ["*", "+", INPUT]


# ------------------------------------------------------------------------------------------------------------ grouping


def layer(n_inputs=3, n_outputs=2):
    """Neurons with a tanh; inputs and parameters."""
    x = [Value(0.1 * i) for i in range(n_inputs)]
    rows = [[Value(0.1 * i * j + 0.1) for i in range(n_inputs)] for j in range(n_outputs)]
    biases = [Value(0.5) for _ in rows]
    outputs = [tanh(dot(row, x) + bias) for row, bias in zip(rows, biases)]
    return outputs, x, [*(w for row in rows for w in row), *biases]


def placed_graph(outputs, x, w):
    return placed(simplified(record_of(outputs, x, w)))


def test_grouping_puts_equal_work_of_one_depth_together():
    outputs, x, w = layer()
    groups, _ = grouped(simplified(record_of(outputs, x, w)))
    assert [(group.op, len(group.members), group.space) for group in groups] == [
        (SUM, 2, VARYING),
        ("tanh", 2, VARYING),
    ]
    products, biases = groups[0].parts
    assert products.left.tolist() == [[3, 4, 5], [6, 7, 8]]  # the weights, before
    assert products.right.tolist() == [[0, 1, 2], [0, 1, 2]]  # the inputs
    assert (biases.left.tolist(), biases.right) == ([[9], [10]], None)


def test_grouping_puts_weights_first():
    x, w = [Value(0.1), Value(0.2)], [Value(0.3), Value(0.4)]
    groups, _ = grouped(record_of(x[0] * w[0] + w[1] * x[1], x, w))
    (part,) = groups[0].parts
    assert (part.left, part.right) == ([2, 3], [0, 1])


def test_grouping_keeps_apart_what_is_the_same_for_all_examples(leaves):
    a, b, c, _ = leaves
    groups, homes = grouped(record_of([a.tanh(), b.tanh(), c.tanh().exp()], [a], [b, c]))
    spaces = {(group.op, group.space): len(group.members) for group in groups}
    assert spaces == {("tanh", VARYING): 1, ("tanh", UNIFORM): 2, ("exp", UNIFORM): 1}
    assert homes[:3] == [INPUTS, UNIFORM, UNIFORM]


# ------------------------------------------------------------------------------------------------------------- placing


def test_placing_makes_slices_of_operands_that_were_scattered(leaves):
    outputs, x, w = layer(4, 3)
    mixed = [outputs[2], outputs[0], outputs[1]]
    top = dot(mixed, [Value(0.1), Value(0.2), Value(0.3)])
    graph = placed_graph([top], x, w)
    reader = graph.groups[-1].parts[0]
    read = graph.slots[reader.right]
    assert np.diff(read).tolist() == [1, 1]  # the layer stands in the order in which it is read
    assert view_of("varying", read) is not None
    for group in graph.groups:
        assert np.diff(graph.slots[group.members]).tolist() == [1] * (len(group.members) - 1)


def test_placing_gives_every_node_a_slot_of_its_own(leaves):
    a, b, c, d = leaves
    graph = placed_graph([(a * 2.0 + b).exp() / c, (a - 3.0) ** 3 * d], [a, b], [c, d])
    for space in (INPUTS, UNIFORM, VARYING):
        computed = [place for group in graph.groups for place in group.members if graph.spaces[place] == space]
        first = {INPUTS: [0, 1], UNIFORM: [2, 3, *graph.constants.tolist()], VARYING: []}[space]
        assert sorted(graph.slots[[*first, *computed]].tolist()) == list(range(graph.n_slots[space]))


def test_a_block_of_products_is_a_matrix_product_where_each_row_meets_each():
    left = np.array([[1, 2], [3, 4], [1, 2], [3, 4]])
    right = np.array([[5, 6], [5, 6], [7, 8], [7, 8]])
    found = factored(left, right)
    assert found.left.tolist() == [[1, 2], [3, 4]]
    assert found.right.tolist() == [[5, 6], [7, 8]]
    assert (found.left_of.tolist(), found.right_of.tolist()) == ([0, 1, 0, 1], [0, 0, 1, 1])
    assert factored(left[:3], right[:3]) is None
    assert factored(left, np.array([[5, 6], [7, 8], [5, 6], [7, 8]])) is None  # one pair twice


@pytest.mark.parametrize(
    ("slots", "strides"),
    [
        ([3, 4, 5], (1,)),
        ([3, 5, 7], (2,)),
        ([3, 3, 3], (0,)),
        ([4], (0,)),
        ([3, 5, 6], None),
        ([5, 4, 3], (-1,)),
        ([[1, 2], [4, 5]], (3, 1)),
        ([[1, 2], [4, 6]], None),
    ],
)
def test_a_view_where_slots_lie_evenly(slots, strides):
    view = view_of("varying", np.array(slots))
    assert (None if view is None else view.strides) == strides
    if view is not None:
        memory = np.arange(20)
        index = np.indices(np.shape(slots)).reshape(len(np.shape(slots)), -1).T
        assert [memory[view.start + i @ view.strides] for i in index] == np.ravel(slots).tolist()


# ------------------------------------------------------------------------------------------------ forward and backward


def forward_of(graph):
    emitter = Emitter(graph)
    for group in graph.groups:
        emit_forward(emitter, group)
    return emitter


def test_forward_is_a_matrix_product_a_sum_and_a_map():
    instructions = forward_of(placed_graph(*layer())).instructions
    assert [type(instruction) for instruction in instructions] == [MatMul, Map, Map]
    assert [i.function for i in instructions[1:]] == ["add", "tanh"]
    assert instructions[0].out.memory == "varying"  # no scratch, no copy
    assert instructions[2].out.memory == "varying"


def test_forward_gathers_only_where_it_must(leaves):
    a, b, c, d = leaves
    graph = placed_graph([a.exp() * c, b.exp() * d, a.exp() * b, c.exp() * d], leaves, [])
    kinds = [type(instruction) for instruction in forward_of(graph).instructions]
    assert kinds.count(Take) <= 2
    graph = placed_graph([a.exp() * c, b.exp() * d], leaves, [])
    assert Take not in [type(instruction) for instruction in forward_of(graph).instructions]


def test_what_was_computed_last_is_computed_into_its_place_and_what_was_gathered_is_copied(leaves):
    emitter = Emitter(placed_graph([leaves[0].exp()], leaves, []))
    place = View("varying gradient", 0, (3,), (1,))
    result = emitter.map("negative", [View("varying", 0, (3,), (1,))])
    emitter.into(place, result)
    assert [(i.function, i.out) for i in emitter.instructions] == [("negative", place)]
    gathered = emitter.gathered("varying gradient", np.array([0, 1, 3]))
    emitter.into(place, gathered)
    _, take, copy = emitter.instructions
    assert take.out == gathered  # it may be read again
    assert (copy.function, copy.out, copy.operands) == ("copy", place, (gathered,))


def test_backward_is_two_matrix_products_and_the_sums_over_examples():
    outputs, x, w = layer()
    graph = placed_graph([dot(outputs, [Value(3.0), Value(2.0)])], x, w)
    emitter = Emitter(graph)
    Backward(emitter, graph.record.outputs[0], np.arange(3, 11))
    kinds = [i.kind for i in emitter.instructions if isinstance(i, MatMul)]
    assert kinds.count("to weights") == 1  # and none to the inputs, which are not wanted
    assert [i.over_examples for i in emitter.instructions if isinstance(i, Total)] == [True]
    assert not any(isinstance(i, Scatter) or getattr(i, "operands", ()) == (0.0,) for i in emitter.instructions)
    emitter = Emitter(graph)
    Backward(emitter, graph.record.outputs[0], np.arange(3))
    assert "to vectors" in [i.kind for i in emitter.instructions if isinstance(i, MatMul)]


def test_backward_goes_only_where_it_is_wanted(leaves):
    a, b, _, _ = leaves
    graph = placed_graph([a.tanh() * b.exp() + b.detach()], [a], [b])
    wanted = {graph.record.ops[place] for place, made in enumerate(graph.record.made_of([1], "detach")) if made}
    assert "exp" in wanted
    assert not wanted & {"tanh", "detach"}


def test_backward_leaves_out_what_an_output_is_not_made_of(leaves):
    a, b, c, _ = leaves
    graph = placed_graph([a.exp(), b.exp() + c.exp()], [a, b, c], [])
    assert [len(group.members) for group in graph.groups] == [3, 1]
    assert [len(group.members) for group in leading_to(graph, graph.record.outputs[0])] == [1]
    assert [len(group.members) for group in leading_to(graph, graph.record.outputs[1])] == [2, 1]


def gradient_instructions(output, inputs, parameters):
    """The backward pass of one output in the gradients of the parameters, or of the inputs where there are none."""
    graph = placed_graph([output], inputs, parameters)
    start, n = (len(inputs), len(parameters)) if parameters else (0, len(inputs))
    return code_for(graph, 0, np.arange(start, start + n)).backward


def test_steps_through_sums_and_constants_cost_nothing_backward(leaves):
    a, b, _, _ = leaves
    along = 3.0 - (a.exp() * 0.5 - b.detach()) / 4.0
    instructions = gradient_instructions(along, leaves, [])
    assert [i.function for i in instructions if isinstance(i, Map)] == ["multiply", "multiply", "copy"]  # zeros for b


@pytest.mark.parametrize(
    ("first", "second", "added"),
    [
        (3.0, 0.5, ["multiply", "add"]),
        (4.0, -0.25, ["subtract"]),
        (4.0, 0.25, ["add"]),
        (8.0, 0.25, ["multiply", "add"]),
    ],
)
def test_two_contributions_are_one_addition_and_at_most_one_product(leaves, first, second, added):
    x = leaves[0].sinh()
    output = (x * first).sin() * (x / second).exp()
    found = [i.function for i in gradient_instructions(output, leaves[:1], []) if isinstance(i, Map)]
    own = ["multiply", "multiply", "cos", "multiply", "multiply", "cosh", "multiply", "multiply"]  # the last by 4 or so
    assert sorted(found) == sorted(own + added)


def test_a_root_is_divided_by_and_a_square_counts_twice(leaves):
    a, b, _, _ = leaves
    assert [i.function for i in gradient_instructions(a.sqrt() + 1.0, [a], [])] == ["divide", "multiply"]
    assert [i.function for i in gradient_instructions(a * a + b, [a, b], [])][:2] == ["multiply", "multiply"]


def test_numbers_that_could_overflow_are_multiplied_in(leaves):
    a, small = leaves[0], Value(1e-5)
    x = a.exp()
    for _ in range(100):
        x = x * 1e5 * small
    program = compile(x, [a, small], [])
    np.testing.assert_allclose(program.gradients([[0.5, 1e-5]], [a]), [[np.exp(0.5)]], rtol=1e-12)


def test_numbers_of_many_rules_cannot_overflow():
    x, factor = Value(math.e), Value(math.e * math.log(10.0))
    y = x
    for _ in range(1000):
        y = y.log10() * factor  # e again, with a derivative of 1: factor / (e * log(10))
    operands = [operand for i in gradient_instructions(y, [x, factor], []) for operand in i.operands]
    numbers = [operand for operand in operands if isinstance(operand, float)]
    assert 1e-8 < min(numbers) < max(numbers) < 1e8
    assert len(numbers) > 1000 / 20
    np.testing.assert_allclose(compile(y, [x, factor], []).gradients([[x.data, factor.data]], [x]), [[1.0]], rtol=1e-6)


def test_uses_of_a_shared_parameter_are_added_up_at_the_end(leaves):
    a, w, _, _ = leaves
    x = a
    for _ in range(5):
        x = (x * w + w - 2.0 * w).sin()
    graph = placed_graph([x], [a], [w])
    code = code_for(graph, 0, np.array([1]))
    kinds = [type(instruction) for instruction in code.backward]
    assert kinds.count(MatMul) == 5
    at_the_end = [i for i in code.backward if isinstance(i, Total) and not i.over_examples]
    assert 1 <= len(at_the_end) <= 3  # one for each number that they are multiplied by
    program = compile(x, [a], [w])
    x.backward()
    np.testing.assert_allclose(program.value_and_gradient([[0.5]] * 3)[1], [w.grad], rtol=1e-12)


# ------------------------------------------------------------------------------------------------------------- reusing


def chain(length):
    x = Value(0.5)
    y = x
    for _ in range(length):
        y = y.sin()
    return y, x


def test_a_prediction_needs_room_for_two_numbers_and_a_gradient_for_those_it_reads():
    y, x = chain(50)
    graph = placed_graph([y], [x], [])
    before, after = code_for(graph), reused(code_for(graph))
    assert (before.n_slots["varying"], after.n_slots["varying"]) == (50, 2)
    after = reused(code_for(graph, 0, np.array([0])))
    assert after.n_slots["varying"] == 50  # each is an operand of a cosine; the last is given back
    assert after.n_slots["varying gradient"] <= 2
    assert len(after.forward) == len(before.forward)


def test_what_is_needed_later_keeps_its_place():
    y, x = chain(3)
    early = y
    for _ in range(20):
        y = y.sin()
    program = compile([early, y], [x])
    X = np.linspace(-1.0, 1.0, 7)[:, None]
    expected = np.array([X.ravel()] * 24).T
    for column in range(1, 24):
        expected[:, column] = np.sin(expected[:, column - 1])
    np.testing.assert_allclose(program(X), expected[:, [3, 23]], rtol=1e-14)
    results, _ = program.run(X)
    np.testing.assert_allclose(results, expected[:, [3, 23]], rtol=1e-14)


def test_slots_that_one_view_sees_stay_together():
    outputs, x, w = layer(5, 4)
    graph = placed_graph([dot(outputs, outputs)], x, w)
    code = reused(code_for(graph, 0, np.arange(5, 5 + len(w))))
    for instruction in [*code.forward, *code.backward]:
        views = [part for part in (instruction.out, *instruction.operands) if isinstance(part, View)]
        for view in views:
            reach = sum(stride * (length - 1) for stride, length in zip(view.strides, view.shape))
            assert 0 <= view.start <= view.start + reach < code.n_slots[view.memory]


def test_inputs_lie_by_columns_where_they_are_read_one_by_one():
    outputs, x, w = layer()
    assert not by_columns(forward_of(placed_graph(outputs, x, w)).instructions, 3)
    a, b = Value(0.5), Value(0.7)
    assert by_columns(forward_of(placed_graph([a.exp() / b], [a, b], [])).instructions, 2)


def test_all_passes_together_do_what_they_are_for():
    outputs, x, w = layer(20, 10)
    program = compile(outputs, x, w)
    assert repr(program).splitlines()[1:] == [
        "  10 dot products of 20 -> one matrix product, plus 1 number each",
        "  10 tanh",
    ]

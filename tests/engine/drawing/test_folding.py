"""Large graphs: neurons, layers, inputs and what is far away fold into boxes."""

import math
import random
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from svg import box_with, boxes, clusters, edges, texts, tree

import engine
from engine import Value, dot, draw, logsumexp, mean, size, softmax, tanh
from engine.drawing.flat_graph import flatten
from engine.drawing.folding import fold_graph
from engine.drawing.function_calls import find_calls
from engine.drawing.module_scopes import assign_scopes, find_parameter_scopes, scope_title, split_scopes
from engine.expressions.names import activations_among
from engine.expressions.nodes import format_number
from nn import MLP, Activation, Dropout, Layer, Module, Sequential, cross_entropy
from nn.examples import as_list


def squared_error(model: MLP, n_examples: int = 1, kind: type = Value, seed: int = 0) -> Value:
    """A loss with gradients: the squares of what is missing to 1, over some examples."""
    rng = random.Random(seed)
    loss = Value(0.0, label="loss so far")
    for _ in range(n_examples):
        for output in as_list(model.layers[-1](_hidden(model, [kind(rng.random()) for _ in range(model.n_inputs)]))):
            loss = loss + (output - 1.0) ** 2
    loss.label = "loss"
    loss.backward()
    return loss


def _hidden(model: MLP, x: list) -> list:
    for layer in model.layers[:-1]:
        x = as_list(layer(x))
    return x


def lines(picture: bytes, title: str) -> list[str]:
    """What stands under the title of a box."""
    return box_with(picture, title).texts[1:]


# --------------------------------------------------------------------------------------------------------------- groups


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("w", ()),
        ("w[3]", ()),
        ("model.b", ("model",)),
        ("model.layers.0.neurons.3.w.5", ("model", "model.layers.0", "model.layers.0.neurons.3")),
        ("layers.0.neurons.3.b", ("layers.0", "layers.0.neurons.3")),
        ("layers[0].neurons.3.b", ("layers[0]", "layers[0].neurons.3")),
        ("nets['a.b'].layers.1.2.w", ("nets['a.b']", "nets['a.b'].layers.1.2")),
        (".", ()),
        ("", ()),
        ("0.1.w", ("0.1",)),
    ],
)
def test_groups_come_from_dotted_names(name, path):
    assert split_scopes(name) == path


@pytest.mark.parametrize(
    ("group", "title"),
    [
        ("model", "model"),
        ("model.layers.0", "layer 0"),
        ("a.loss.0", "loss 0"),
        ("a.cells.1.2", "cell 1 2"),
        ("", "MLP"),
    ],
)
def test_titles_are_the_last_word_and_its_number(group, title):
    assert scope_title(group, "MLP") == title


def test_groups_have_no_bottom():
    assert len(split_scopes(".".join("a" * 5_000))) == 12


def test_loops_over_parameters_take_no_group_away():
    model = MLP(2, [2], seed=0)
    p = model.parameters()[0]
    ps = model.parameters()
    layer = model.layers[0]
    paths = find_parameter_scopes({"p": p, "ps": ps, "layer": layer, "model": model})
    assert set(paths) == set(ps)
    assert {path[0] for path in paths.values()} == {"model"}


def groups_of(root: Value, model: MLP) -> dict[Value, str]:
    """The innermost group of each node."""
    graph = flatten(root, {})
    names = {"model": model}
    paths = assign_scopes(graph, find_parameter_scopes(names), activations_among(names))
    return {node: path[-1] if path else "" for node, path in zip(graph.nodes, paths)}


def one_minus_exp(x: Value) -> Value:
    return 1 / (1 + (-x).exp())


@pytest.mark.parametrize("activation", ["tanh", "leaky_relu", "linear", one_minus_exp, lambda x: x * x.sigmoid()])
def test_neurons_hold_their_activation_and_the_loss_is_outside(activation):
    model = MLP(2, [2, 1], activation=activation, seed=0)
    x = [Value(1.0), Value(2.0)]
    hidden = as_list(model.layers[0](x))
    output = model.layers[1](hidden)
    loss = (output - 1.0) ** 2
    groups = groups_of(loss, model)
    assert [groups[node] for node in hidden] == ["model.layers.0.neurons.0", "model.layers.0.neurons.1"]
    assert groups[output] == "model.layers.1.neurons.0"
    assert [groups[node] for node in (*x, loss, loss.operands[0])] == [""] * 4


def test_an_output_keeps_one_function_and_no_more():
    model = MLP(2, [1], output="sigmoid", seed=0)
    output = model([Value(1.0), Value(2.0)])
    loss = -output.log()
    groups = groups_of(loss, model)
    assert groups[output] == "model.layers.0.neurons.0"
    assert groups[loss] == groups[loss.operands[0]] == ""


ACTIVATIONS = ("relu", "leaky_relu", "gelu", "softplus", "tanh", "sigmoid", "sin", engine.tanh, Value.softplus)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("apply", [abs, Value.softplus, Value.relu, Value.tanh, lambda y: y * y, lambda y: y + y])
def test_a_function_of_the_callers_stays_outside_of_the_network(activation, apply):
    for output in ("linear", activation):
        model = MLP(2, [2, 1], output=output, seed=0)
        y = model([Value(1.0), Value(2.0)])
        z = apply(y)
        groups = groups_of(z, model)
        assert groups[y] == "model.layers.1.neurons.0"
        assert groups[z] == ""
        y.label, z.label = "y", "z"
        assert groups_of(z, model) == groups


def test_a_sum_over_examples_is_the_callers():
    model = MLP(2, [1], seed=0)
    loss = model([1.0, 2.0]) + model([3.0, 4.0])
    assert groups_of(loss, model)[loss] == ""


def test_activation_layers_and_modules_around_layers_say_what_they_apply():
    model = Sequential(Layer(2, 2, activation="linear"), Dropout(0.5), "tanh", Activation("sin"))
    model.eval()
    y = model([1.0, 2.0])[0]
    z = y.tanh()
    groups = groups_of(z, model)
    assert groups[y] == groups[y.operands[0]] == "model.layers.0.neurons.0"
    assert groups[z] == ""

    class Net(Module):
        def __init__(self):
            self.first, self.last = Layer(2, 3, seed=0), Layer(3, 1, activation="softplus", seed=0)

        def __call__(self, x):
            return self.last([abs(h) for h in self.first(x)])

    net = Net()
    y = net([1.0, 2.0])
    groups = groups_of(abs(y), net)
    assert groups[y] == "model.last.neurons.0"
    assert {node.op for node, group in groups.items() if not group} == {"constant", "abs"}


def test_what_joins_two_networks_belongs_to_neither():
    first, second = Layer(2, 1, activation="tanh", seed=0), Layer(1, 1, activation="relu", seed=0)
    code = first([1.0, 2.0])
    between = abs(code)
    y = second([between])
    names = {"first": first, "second": second}
    graph = flatten(y, {})
    paths = dict(zip(graph.nodes, assign_scopes(graph, find_parameter_scopes(names), activations_among(names))))
    assert [paths[node][:1] for node in (code, between, y)] == [("first",), (), ("second",)]


def test_a_module_of_plain_parameters_keeps_its_sum():
    class Plane(Module):
        def __init__(self):
            self.a, self.b, self.c = Value(1.0), Value(2.0), Value(3.0)

        def __call__(self, x):
            return self.a * x[0] + self.b * x[1] + self.c * x[2]

    plane = Plane()
    y = plane([1.0, 2.0, 3.0])
    total = y + plane([4.0, 5.0, 6.0])
    groups = groups_of(abs(total), plane)
    assert groups[y] == "model"
    assert groups[total] == ""
    (module,) = [
        box for box in boxes(draw(abs(y), names={"plane": plane}, depth=0).pipe("svg")).values() if "plane" in box.texts
    ]
    assert "8 nodes" in module.texts  # 3 parameters, 3 products, 2 sums


# -------------------------------------------------------------------------------------------------------------- folding


def test_depth_says_what_is_folded():
    model = MLP(2, [3, 2, 1], seed=0)
    loss = squared_error(model)
    pictures = [draw(loss, names={"model": model}, depth=depth).pipe("svg") for depth in range(4)]
    assert [set(clusters(picture)) for picture in pictures] == [
        set(),
        {"model"},
        {"model", "layer 0", "layer 1", "layer 2"},
        {"model", *(f"layer {i}" for i in range(3)), *(f"neuron {i}" for i in range(3))},
    ]
    assert lines(pictures[0], "model")[-2:] == [
        "3 layers, 20 parameters",
        f"{size(loss) - 2 - 6} nodes",  # the inputs and the loss, its plain numbers with it, are outside
    ]
    assert lines(pictures[1], "layer 0")[-2:] == ["3 neurons, 9 parameters", "24 nodes"]
    assert sum("neuron 0" in box.texts for box in boxes(pictures[2]).values()) == 3
    assert len(boxes(pictures[3])) == size(loss) - 2  # the plain numbers of the loss are written in


def test_a_box_shows_what_leaves_it_or_how_large_its_gradients_are():
    model = MLP(2, [2, 1], seed=1)
    loss = squared_error(model)
    picture = draw(loss, names={"model": model}, depth=1, precision=9).pipe("svg")
    output = loss.operands[1].operands[0].operands[0]
    numbers = [f"{number:.9g}".replace("-", "−") for number in (output.data, output.grad)]
    assert lines(picture, "layer 1")[:4] == ["data", numbers[0], "grad", numbers[1]]
    gradients = [p.grad for p in model.layers[0].parameters()]
    assert lines(picture, "layer 0")[:2] == ["|grad|", f"{sum(g * g for g in gradients) ** 0.5:.9g}"]


def test_a_network_without_a_name_has_its_class_around_it():
    model = MLP(2, [3, 1], seed=0)
    loss = squared_error(model)
    assert clusters(draw(loss, names=model, depth=1).pipe("svg")) == ["MLP"]
    assert box_with(draw(loss, names=model, depth=0).pipe("svg"), "MLP")
    assert set(clusters(draw(loss, names=model, unfold="layers.0").pipe("svg"))) == {"MLP", "layer 0", "layer 1"} | {
        f"neuron {i}" for i in range(3)
    }


def asked(model: MLP) -> Iterator[object]:
    yield "model.layers.1.neurons.2"
    yield ("model.layers.1.neurons.2",)
    yield model.layers[1].neurons[2]
    yield [model.layers[1].neurons[2], "model.layers.1"]


@pytest.mark.parametrize("which", range(4))
def test_groups_unfold_where_asked(which):
    model = MLP(2, [16, 16, 1], seed=0)
    loss = squared_error(model)
    unfold = list(asked(model))[which]
    picture = draw(loss, names={"model": model}, depth=1, unfold=unfold).pipe("svg")
    assert sorted(clusters(picture)) == ["layer 1", "model", "neuron 2"]
    folded = {text for box in boxes(picture).values() for text in box.texts if text.startswith(("neuron", "layer"))}
    assert folded == {"layer 0", "layer 2", *(f"neuron {i}" for i in range(16) if i != 2)}
    assert {"w.0", "w.15", "b", "relu"} <= set(texts(picture))


def test_a_mlp_of_1000_weights_is_a_handful_of_boxes_unless_told_otherwise():
    model = MLP(2, [28, 28, 1], seed=0)
    loss = squared_error(model)
    picture = draw(loss, names={"model": model}).pipe("svg")
    assert [box.texts[0] for box in boxes(picture).values() if box.texts[0].startswith("layer")] == [
        "layer 0",
        "layer 1",
        "layer 2",
    ]
    assert len(boxes(picture)) < 12
    small = MLP(2, [2, 1], seed=0)
    loss = squared_error(small)
    assert len(boxes(draw(loss, names={"small": small}).pipe("svg"))) == size(loss) - 2  # all of it


def test_neurons_stand_in_their_order():
    model = MLP(3, [12, 9, 2], seed=0)
    loss = squared_error(model)
    for direction, axis in (("LR", 4), ("TB", 3)):
        picture = draw(loss, names={"model": model}, depth=2, direction=direction, theme="print").pipe("svg")
        ordered = sorted(
            (box for box in boxes(picture).values() if box.texts[0].startswith("neuron")),
            key=lambda box: (round(box[7 - axis]), box[axis]),
        )
        numbers = [int(box.texts[0].split()[1]) for box in ordered]
        assert sorted(numbers) == sorted([*range(12), *range(9), *range(2)])
        rises = sum(b > a for a, b in pairwise(numbers))
        assert rises == len(numbers) - 3  # one fall where each layer ends


@pytest.mark.parametrize("kind", [float, Value])
def test_many_inputs_are_one_box(kind):
    model = MLP(20, [3, 1], seed=0)
    loss = squared_error(model, kind=kind)
    picture = draw(loss, names={"model": model}, depth=1).pipe("svg")
    assert [notes for _, notes, _ in edges(picture) if notes] == [["20"], ["3"]]
    assert lines(picture, "20 inputs")[-1].startswith("data 0.")
    assert {"layer 0", "layer 1"} < {box.texts[0] for box in boxes(picture).values()}


def test_few_inputs_are_drawn_one_by_one():
    model = MLP(3, [3, 1], seed=0)
    loss = squared_error(model, kind=float)
    picture = draw(loss, names={"model": model}, depth=1).pipe("svg")
    assert not any("inputs" in text for text in texts(picture))
    assert len([arrow for arrow, _, _ in edges(picture)]) == 3 + 1 + 3 + 1


@pytest.mark.slow
def test_a_batch_of_examples_folds_too():
    model = MLP(2, [8, 8, 1], seed=0)
    loss = squared_error(model, n_examples=100)
    assert size(loss) > 20_000
    chosen = draw(loss, names={"model": model}).pipe("svg")
    assert {"layer 0", "layer 1", "layer 2"} < set(clusters(chosen))  # down to neurons
    assert len(boxes(chosen)) < 30
    picture = draw(loss, names={"model": model}, depth=1).pipe("svg")
    assert lines(picture, "layer 0")[-2].startswith("8 neurons, 24 parameters")
    assert ["800"] in [notes for _, notes, _ in edges(picture)]
    assert box_with(picture, "200 inputs")


@pytest.mark.parametrize(
    ("unfold", "error", "words"),
    [
        ("model.layers.7", ValueError, r"unfold must name .*, got 'model.layers.7'; there are model, model.layers.0"),
        (MLP(2, [2], seed=0), ValueError, "unfold must name groups of parameters in this graph, or .*, got MLP of "),
        ([3], TypeError, "unfold must be names of groups, such as 'model.layers.0', .* got 3"),
        (None, TypeError, "unfold must be names .* got None"),
    ],
)
def test_groups_that_are_not_there_are_refused(unfold, error, words):
    model = MLP(2, [2, 1], seed=0)
    with pytest.raises(error, match=words):
        draw(squared_error(model), names={"model": model}, unfold=unfold)
    with pytest.raises(ValueError, match="there are none; pass names="):
        draw(squared_error(model), unfold="model")


# ------------------------------------------------------------------------------------------------------------- the rest


def chain(length: int) -> Value:
    """A graph of so many nodes: a leaf, and x + x."""
    x = Value(1.0)
    for _ in range(length - 1):
        x = x + x
    return x


def test_what_is_far_from_the_root_folds():
    assert len(boxes(draw(chain(150)).pipe("svg"))) == 150
    picture = draw(chain(151)).pipe("svg")
    assert len(boxes(picture)) <= 150
    (rest,) = [box for box in boxes(picture).values() if "nodes" in box.texts[0]]
    assert rest.texts[0] == f"{151 - len(boxes(picture)) + 1} nodes"
    assert rest.texts[-1] == "1 leaf among them"
    assert len(boxes(draw(chain(151), most=151).pipe("svg"))) == 151


def test_parts_that_hang_together_fold_together():
    w = Value(0.5, label="w")
    total = Value(0.0)
    for i in range(4):
        x = Value(i / 4)
        for _ in range(100):
            x = tanh(x * w)
        total = total + x
    picture = draw(total, most=50).pipe("svg")
    counts = [box.texts[0] for box in boxes(picture).values() if box.texts[0].endswith("nodes")]
    assert len(counts) == 4  # one for each part
    assert box_with(picture, "w")  # and what they share on its own


def test_a_path_is_kept_before_what_is_near():
    x = Value(1.0, label="far")
    y = x
    for _ in range(30):
        y = y.tanh()
    bulk = sum((Value(float(i)).tanh() for i in range(200)), Value(0.0))
    root = y + bulk
    root.label = "root"
    shown = texts(draw(root, most=60, between=(x, root)).pipe("svg"))
    assert {"far", "root"} <= set(shown)
    assert "far" not in texts(draw(root, most=20).pipe("svg"))


@pytest.mark.slow
def test_a_million_nodes_are_drawn_folded():
    root = chain(1_000_000)
    picture = draw(root).pipe("svg")
    assert 100 < len(boxes(picture)) <= 150
    assert any(box.texts[0].startswith("999,8") for box in boxes(picture).values())


@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    most=st.sampled_from([3, 4, 10, 40, 150, 1000]),
    depth=st.sampled_from([None, 0, 1, 2, 3]),
    n_examples=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_every_node_is_in_the_picture_once(seed, sizes, most, depth, n_examples):
    model = MLP(2 + seed % 11, sizes, seed=seed)
    loss = squared_error(model, n_examples, kind=(float, Value)[seed % 2], seed=seed)
    if seed % 3 == 0:
        loss = loss + 0.1 * sum(p * p for p in model.parameters())
    graph = flatten(loss, {})
    paths = assign_scopes(graph, find_parameter_scopes(model), {})
    graph.scopes = paths
    folding = fold_graph(graph, depth, set(), most, set(), ())
    units = folding.units()
    assert len(units) <= most
    assert set(folding.boxes) <= set(units)
    for unit, box in folding.boxes.items():
        assert len(box.members) == len(set(box.members)) > 0
        inside = {place for place in range(len(paths)) if folding.unit_of[place] == unit}
        assert inside - set(box.members) <= {p for p in inside if graph.inlined[p]}
        assert set(box.members) <= inside
    alone = [place for place, home in enumerate(folding.unit_of) if home not in folding.boxes]
    for place in alone:  # on its own, or a plain number in the operation that takes it
        home = folding.unit_of[place]
        assert home == place or (graph.inlined[place] and place in graph.operands[home])


# ------------------------------------------------------------------------------------------------------------ functions


def leaves(*numbers: float) -> list[Value]:
    return [Value(number, label=f"x{i}") for i, number in enumerate(numbers)]


def folded(root: Value, **options: object) -> list[str]:
    """The functions that a picture folds."""
    return [box.texts[0] for box in boxes(draw(root, **options).pipe("svg")).values() if FUNCTION & {*box.texts[:2]}]


FUNCTION = {"softmax", "logsumexp", "mean", "dot"}


def functions_in(root: Value) -> list[tuple[str, set[int], list[float]]]:
    """The functions that are found: the name, the nodes and the results."""
    graph = flatten(root, {})
    return [(c.function, set(c.members), [graph.nodes[i].data for i in c.outputs]) for c in find_calls(graph)]


def test_the_cross_entropy_of_a_softmax_fits_a_slide():
    logits = leaves(2.0, 1.0, -0.5)
    loss = -softmax(logits)[0].log()
    loss.backward()
    picture = draw(loss).pipe("svg")
    assert len(boxes(picture)) == 6
    share = next(box for box in boxes(picture).values() if "softmax" in box.texts)
    assert share.texts == ["v12", "softmax", "data", "0.6897", "grad", "−1.45", "of 3 numbers"]
    assert share.tooltip == "v12"
    points = float(tree(picture).get("width").removesuffix("pt"))
    assert points * 20 / 11 <= 1366  # text of 11 points as 20 pixels


@pytest.mark.parametrize("count", [2, 3, 9])
@pytest.mark.parametrize("kind", [softmax, logsumexp, mean, dot])
def test_functions_are_found(kind, count):
    numbers = leaves(*[i / 7 for i in range(count)])
    result = kind(numbers, leaves(*range(count))) if kind is dot else kind(numbers)
    root = sum((share**2 for share in result[1:]), result[0]) if kind is softmax else result * 2.0
    found = functions_in(root)
    if kind in (mean, dot) and count < 4:
        assert found == []
        return
    ((name, members, results),) = found
    assert name == kind.__name__
    assert results == [share.data for share in result] if kind is softmax else [result.data]
    inner = size(root) - count * (2 if kind is dot else 1) - (2 * (count - 1) + count - 1 if kind is softmax else 2)
    assert len(members) == inner


def test_functions_of_functions_are_found():
    x = leaves(0.1, 0.2, 0.3, 0.4)
    p = softmax(x)
    root = mean([dot(p, x), logsumexp(p), logsumexp([x[0].maximum(x[1]), x[2]]), *softmax(p)])
    assert sorted(name for name, _, _ in functions_in(root)) == [
        "dot",
        "logsumexp",
        "logsumexp",
        "mean",
        "softmax",
        "softmax",
    ]
    assert len(boxes(draw(root).pipe("svg"))) == 4 + 6 + 1  # and the maximum


def test_plain_numbers_among_the_inputs_are_shown():
    x = leaves(0.1, 0.2)
    assert "0.5" in texts(draw(softmax([*x, 0.5])[0]).pipe("svg"))
    x = leaves(0.1, 0.2, 0.3, 0.4)
    assert {"0.25", "0.5"} <= set(texts(draw(dot(x, [0.25, 0.5, 0.25, 0.5])).pipe("svg")))
    assert "4" not in texts(draw(mean(x)).pipe("svg"))  # the count is not


def wrong_shift(x: list[Value]) -> Value:
    shift = x[0].maximum(x[1]).detach()
    powers = [(y - shift).exp() for y in x]
    return powers[0] / ((powers[0] + powers[1]) + powers[2])


def without_detach(x: list[Value]) -> Value:
    shift = x[0].maximum(x[1]).maximum(x[2])
    powers = [(y - shift).exp() for y in x]
    return powers[0] / ((powers[0] + powers[1]) + powers[2])


def other_numerator(x: list[Value]) -> Value:
    shift = x[0].maximum(x[1]).maximum(x[2]).detach()
    powers = [(y - shift).exp() for y in x]
    return x[0].exp() / ((powers[0] + powers[1]) + powers[2])


def used_inside(x: list[Value]) -> Value:
    shift = x[0].maximum(x[1]).maximum(x[2]).detach()
    powers = [(y - shift).exp() for y in x]
    return powers[0] / ((powers[0] + powers[1]) + powers[2]) + powers[1]


def used_shift(x: list[Value]) -> Value:
    shift = x[0].maximum(x[1]).maximum(x[2]).detach()
    powers = [(y - shift).exp() for y in x]
    return powers[0] / ((powers[0] + powers[1]) + powers[2]) + shift


def wrong_order(x: list[Value]) -> Value:
    shift = x[0].maximum(x[1]).maximum(x[2]).detach()
    powers = [(y - shift).exp() for y in x]
    return powers[0] / ((powers[2] + powers[1]) + powers[0])


def other_first(x: list[Value]) -> Value:
    shift = (x[0] * 3).maximum(x[1]).maximum(x[2]).detach()
    powers = [(y - shift).exp() for y in x]
    return powers[0] / ((powers[0] + powers[1]) + powers[2])


def other_last(x: list[Value]) -> Value:
    shift = x[0].maximum(x[1]).maximum(x[2] * 3).detach()
    powers = [(y - shift).exp() for y in x]
    return powers[0] / ((powers[0] + powers[1]) + powers[2])


def two_shifts(x: list[Value]) -> Value:
    one, other = x[0].maximum(x[1]).detach(), x[0].maximum(x[1]).detach()
    powers = [(x[0] - one).exp(), (x[1] - other).exp()]
    return powers[0] / (powers[0] + powers[1]) + one + other


def power_used_outside(x: list[Value]) -> Value:
    result = logsumexp(x[:2])
    total = result.operands[1].operands[0]
    return result + total.operands[0]


def twice_the_same(x: list[Value]) -> Value:
    shift = x[0].maximum(x[0]).detach()
    power = (x[0] - shift).exp()
    return power / (power + power)


def three_of_four(x: list[Value]) -> Value:
    return (x[0] + x[1] + x[2] * x[0]) / 4


def five_of_four(x: list[Value]) -> Value:
    return ((x[0] + x[1]) * 2 + x[2] + x[0]) / 4


def sum_used_twice(x: list[Value]) -> Value:
    total = x[0] + x[1] + x[2] + x[0]
    return total / 4 + total


def squares_from_zero(x: list[Value]) -> Value:
    return sum(y * y for y in [*x, *x])


def product_used_twice(x: list[Value]) -> Value:
    product = x[2] * x[0]
    return x[0] * x[1] + x[1] * x[2] + product + x[0] * x[0] + product


@pytest.mark.parametrize(
    "make",
    [
        wrong_shift,
        without_detach,
        other_numerator,
        used_inside,
        used_shift,
        wrong_order,
        other_first,
        other_last,
        two_shifts,
        power_used_outside,
        twice_the_same,
        three_of_four,
        five_of_four,
        sum_used_twice,
        squares_from_zero,
        product_used_twice,
    ],
)
def test_what_is_like_a_function_but_is_none_stays_open(make):
    assert functions_in(make(leaves(0.3, 0.1, 0.2))) == []


def test_operations_of_a_user_are_not_taken_for_those_of_a_function():
    x = leaves(0.3, 0.1)
    shift = x[0].maximum(x[1]).detach()
    powers = [Value(math.exp((y - shift).data), (y - shift,), "exp") for y in x]
    assert functions_in(powers[0] / (powers[0] + powers[1])) == []


@given(st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_a_function_that_is_found_has_its_numbers_and_hides_no_other_use(seed):
    root = random_graph(random.Random(seed))
    graph = flatten(root, {})
    claimed: set[int] = set()
    for call in find_calls(graph):
        assert claimed.isdisjoint(call.members)
        claimed.update(call.members)
        for index, operands in enumerate(graph.operands):
            if index not in call.members:
                assert not (set(operands) & set(call.members)) - set(call.outputs)
        assert len(graph.nodes) - 1 not in set(call.members) - set(call.outputs)


def random_graph(rng: random.Random) -> Value:
    """A graph of functions, and of the operations that they are made of."""
    pool = leaves(*[rng.uniform(-1.0, 1.0) for _ in range(4)])
    makers: list[Callable[..., list[Value]]] = [
        lambda *some: softmax(some),
        lambda *some: [logsumexp(some)],
        lambda *some: [mean(some)],
        lambda *some: [dot(some, some[::-1])],
        lambda a, b, *_: [a + b],
        lambda a, b, *_: [a * b],
        lambda a, b, *_: [a - b],
        lambda a, b, *_: [a.maximum(b)],
        lambda a, *_: [a.detach()],
        lambda a, b, *_: [(a - b).exp()],
        lambda a, *_: [a / 4],
        lambda a, b, *_: [a / (b * b + 1)],
    ]
    for _ in range(rng.randrange(3, 25)):
        some = [rng.choice(pool) for _ in range(rng.randrange(2, 6))]
        pool += [value for value in rng.choice(makers)(*some) if abs(value.data) < 100.0]
    return sum(pool[-rng.randrange(1, 4) :], pool[-1])


@pytest.mark.parametrize("ask", [lambda p: "softmax", lambda p: p[0], lambda p: [p[1], "dot"]])
def test_functions_unfold_where_asked(ask):
    p, q = softmax(leaves(0.1, 0.2, 0.3)), softmax(leaves(1.0, 2.0))
    root = p[0] * p[1] + q[0]
    assert folded(root) == ["softmax", "v22"]
    assert folded(root, unfold=ask(p)) == ([] if ask(p) == "softmax" else ["v22"])
    shown = [text for text in texts(draw(root, unfold=ask(p)).pipe("svg")) if text in ("maximum", "detach")]
    assert len(shown) >= 3


def test_values_that_no_function_returned_cannot_be_unfolded():
    x = leaves(0.1, 0.2, 0.3)
    with pytest.raises(ValueError, match=r"unfold must name groups of .*, or functions that are folded, got Value\("):
        draw(softmax(x)[0], unfold=x[0])


def test_several_shares_are_told_apart():
    p = softmax(leaves(2.0, 1.0, -0.5))
    root = p[0] * p[1] - p[2]
    root.backward()
    picture = draw(root).pipe("svg")
    shown = box_with(picture, "softmax")
    numbers = [f"{number:.4g}".replace("-", "−") for share in p for number in (share.data, share.grad)]
    assert shown.texts[2::2] == numbers
    assert shown.texts[1:-1:2] == ["v12", "grad", "v13", "grad", "v15", "grad"]
    assert sorted(notes for _, notes, _ in edges(picture) if notes) == [["v12, v13"], ["v15"]]


def test_an_operand_in_a_neuron_has_the_name_of_the_neuron():
    model = MLP(2, [2, 1], seed=0)
    output, answer = model(leaves(0.1, 0.2)), Value(1.0, label="answer")
    names = {"model": model}
    for depth in (1, 2, 3):
        assert box_with(draw(output - answer, names=names, depth=depth).pipe("svg"), "neuron 0 − answer")
    assert box_with(draw(output - answer, names=names | {"o": output}).pipe("svg"), "o − answer")
    assert any(re.fullmatch(r"v\d+ − answer", word) for word in texts(draw(output - answer).pipe("svg")))


def test_the_functions_of_a_network_fold_within_its_groups():
    model = MLP(4, [3], seed=0)
    loss = cross_entropy(model(leaves(0.1, 0.2, 0.3, 0.4)), 1)
    loss.backward()
    picture = draw(loss, names={"model": model}).pipe("svg")
    assert folded(loss, names={"model": model}) == [
        box_with(picture, "logsumexp").texts[0]
    ]  # open neurons show products
    assert "w.3" in texts(picture)
    picture = draw(loss, names={"model": model}, depth=1).pipe("svg")
    assert len(boxes(picture)) == 4 + 1 + 2


def test_a_batch_of_losses_takes_no_room_from_the_network():
    model = MLP(2, [8, 3], seed=0)
    rng = random.Random(0)
    losses = [cross_entropy(model([rng.random(), rng.random()]), rng.randrange(3)) for _ in range(200)]
    loss = mean(losses)
    picture = draw(loss, names={"model": model}).pipe("svg")
    assert {"layer 0", "layer 1"} < set(clusters(picture))
    assert len(boxes(picture)) <= 150


# ----------------------------------------------------------------------------------------------------- rounding of zero


def gradients_of(root: Value, **options: object) -> dict[str, str]:
    """The gradients that a picture shows, by name."""
    shown = boxes(draw(root, **options).pipe("svg")).values()
    return {box.texts[0]: box.texts[-1] for box in shown if "grad" in box.texts}


def test_a_gradient_that_is_rounding_of_zero_is_zero():
    logits = leaves(2.0, 1.0, -0.5)
    loss = -softmax(logits)[0].log()
    loss.backward()
    places = [n for n in engine.topological_order(loss) if n.op == "detach"]
    assert 0.0 < abs(places[0].grad) < 1e-15  # else this tests nothing
    shown = gradients_of(loss, unfold="softmax")
    assert shown["v3"] == shown["v1"] == "0"
    picture = draw(loss, unfold="softmax", theme="print").pipe("svg")
    assert box_with(picture, "v3").dashes is None
    assert repr(places[0].grad) in box_with(picture, "v3").tooltip  # all digits are there


def test_what_follows_from_rounding_of_zero_is_zero_too():
    x, k = Value(1.0, label="x"), Value(3.0, label="k")
    d = x * k
    d.label = "d"
    root = d * 0.1 + d * 0.2 - d * 0.3
    root.backward()
    assert d.grad != 0.0
    assert gradients_of(root)["d"] == gradients_of(root)["x"] == gradients_of(root)["k"] == "0"


def test_a_small_gradient_that_is_no_rounding_stays():
    x = Value(1.0, label="x")
    y = x
    for _ in range(30):
        y = (y * 4.0).tanh()
    root = y + Value(1.0, label="b")
    root.backward()
    assert 0.0 < x.grad < 1e-30
    assert gradients_of(root)["x"] == f"{x.grad:.4g}".replace("-", "−")
    a = Value(1.0, label="a")
    sum_of_two = a * 1e-17 + a * 2e-17 + Value(1.0)
    sum_of_two.backward()
    assert gradients_of(sum_of_two)["a"] == "3e−17"
    a.grad = 1e-20  # of another pass, or set by hand
    assert gradients_of(sum_of_two)["a"] == "1e−20"
    b = Value(1.0, label="b")
    doubled = b * 2.0
    doubled.backward()
    b.grad = 1e-17
    assert gradients_of(doubled)["b"] == "1e−17"


def test_a_loss_with_a_label_is_no_part_of_the_network():
    a, b = Value(0.5, label="a"), Value(-1.0, label="b")
    model = MLP(2, [2, 1], activation="tanh", seed=1)
    output = model([a, b])
    loss = output.softplus()
    loss.label = "loss"
    loss.backward()
    source = draw(loss, names={"model": model}, depth=0).source
    assert "loss" in source
    assert "softplus" in source
    assert format_number(output.data, 4).replace("-", "−") in source

"""Large graphs: neurons, layers, inputs and what is far away fold into boxes."""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from svg import box_with, boxes, clusters, edges, texts

from engine import Value, draw, size, tanh
from engine.drawing.flat_graph import flatten
from engine.drawing.folding import fold_graph
from engine.drawing.module_scopes import assign_scopes, find_parameter_scopes, scope_title, split_scopes
from nn import MLP
from nn.examples import listed


def squared_error(model: MLP, n_examples: int = 1, kind: type = Value, seed: int = 0) -> Value:
    """A loss with gradients: the squares of what is missing to 1, over some examples."""
    rng = random.Random(seed)
    loss = Value(0.0, label="loss so far")
    for _ in range(n_examples):
        for output in listed(model.layers[-1](_hidden(model, [kind(rng.random()) for _ in range(model.n_inputs)]))):
            loss = loss + (output - 1.0) ** 2
    loss.label = "loss"
    loss.backward()
    return loss


def _hidden(model: MLP, x: list) -> list:
    for layer in model.layers[:-1]:
        x = listed(layer(x))
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
    paths = assign_scopes(graph, find_parameter_scopes({"model": model}))
    return {node: path[-1] if path else "" for node, path in zip(graph.nodes, paths)}


def one_minus_exp(x: Value) -> Value:
    return 1 / (1 + (-x).exp())


@pytest.mark.parametrize("activation", ["tanh", "leaky_relu", "linear", one_minus_exp, lambda x: x * x.sigmoid()])
def test_neurons_hold_their_activation_and_the_loss_is_outside(activation):
    model = MLP(2, [2, 1], activation=activation, seed=0)
    x = [Value(1.0), Value(2.0)]
    hidden = listed(model.layers[0](x))
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
    assert lines(picture, "layer 1")[:4] == ["data", f"{output.data:.9g}", "grad", f"{output.grad:.9g}"]
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
        (MLP(2, [2], seed=0), ValueError, "unfold must name groups of parameters in this graph, got MLP of "),
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
    paths = assign_scopes(graph, find_parameter_scopes(model))
    folding = fold_graph(graph, paths, depth, set(), most)
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

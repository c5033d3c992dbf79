"""Pictures: what is drawn are the model's own numbers, labels stay text, and the model stays as it was."""

import io
import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle
from matplotlib.text import Text
from networks import XOR_X, XOR_Y, condition, small
from PIL import Image

import nn
from engine.drawing.themes import THEMES
from nn import MLP, SGD, Dropout, History, Layer, Neuron, Sequential, binary_cross_entropy, cross_entropy
from nn.pictures import (
    LiveCurves,
    TrainingStepper,
    confusion_table,
    cost_surface,
    curves,
    decision_boundary,
    descent_paths,
    first_layer,
    network,
    wanted_changes,
    worst_mistakes,
)
from nn.pictures.style import look_of, number

POSITIVE, NEGATIVE = look_of("light").theme.positive_ink, look_of("light").theme.negative_ink
HOSTILE = ["$\\frac{1$", "_<script>alert(1)</script>&"]


def texts(figure):
    """Every text that is shown, and that it is no formula."""
    found = [text for text in figure.findobj(Text) if text.get_text()]
    return [text.get_text() for text in found]


def drawn(figure):
    """The picture really drawn, as an array of pixels."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=50)
    return np.asarray(Image.open(buffer).convert("RGB"))


def line():
    """y = w * x + b with w = 1 and b = 0."""
    neuron = Neuron(1, activation="linear")
    neuron.load_state_dict({"w.0": 1.0, "b": 0.0})
    return neuron


def sign_reader():
    """Says class 1 where x + y > 1, with a logit that is exactly that excess."""
    neuron = Neuron(2, activation="linear")
    neuron.load_state_dict({"w.0": 1.0, "w.1": 1.0, "b": -1.0})
    neuron.loss, neuron.classes = "binary_cross_entropy", list(HOSTILE)
    return neuron


# -------------------------------------------------------------------------------------------------------------- network


def test_every_neuron_is_a_circle_and_every_weight_a_line():
    model = MLP(3, [4, 2], seed=0)
    figure = network(model)
    assert len(figure.findobj(Circle)) == 3 + 4 + 2
    lines = figure.findobj(LineCollection)
    colours = [to_rgb(colour) for collection in lines for colour in collection.get_colors()]
    weights = [w.data for layer in model.layers for neuron in layer.neurons for w in neuron.w]
    assert [colour == to_rgb(POSITIVE) for colour in colours] == [weight >= 0 for weight in weights]
    assert to_rgb(NEGATIVE) in colours
    widths = [width for collection in lines for width in collection.get_linewidths()]
    assert np.argsort(widths).tolist() == np.argsort(np.abs(weights)).tolist()


def test_the_activations_are_the_models():
    model = MLP(2, [3, 2], activation="tanh", seed=0)
    shown = texts(network(model, [0.5, -2.0]))
    hidden = [neuron([0.5, -2.0]).data for neuron in model.layers[0].neurons]
    for activation in [0.5, -2.0, *hidden, *(output.data for output in model([0.5, -2.0]))]:
        assert {number(activation), number(activation, 2)} & set(shown)  # with fewer digits where there is no room


def test_what_each_output_wants_is_minus_its_part_of_the_gradient():
    model = MLP(2, [3], seed=1)
    model.loss, model.classes = "cross_entropy", ["a", "b", "c"]
    shown = texts(network(model, [0.5, -2.0], target="b"))
    logits = np.array([output.data for output in model([0.5, -2.0])])
    probabilities = np.exp(logits) / np.exp(logits).sum()
    for probability, target in zip(probabilities, [0.0, 1.0, 0.0]):
        assert number(probability) in shown
        change = target - probability
        assert f"{'▲' if change > 0 else '▼'} {number(change)}" in shown
    said = "abc"[int(logits.argmax())]
    loss = cross_entropy(model([0.5, -2.0]), 1).data
    verdict = f"says {said}, right" if said == "b" else f"says {said}, but it is b"
    assert f"{verdict}; loss {number(loss)}" in shown


def test_outputs_of_a_network_that_was_never_trained_are_the_classes_of_the_target():
    shown = texts(network(MLP(2, [3], seed=1), [0.5, -2.0], 1, loss="cross_entropy"))
    place = shown.index("outputs")
    assert shown[place + 1 : place + 4] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("loss", "n_outputs", "target", "words"),
    [
        ("hinge", 1, 1, ["≥ 1"]),
        ("hinge", 1, 0, ["≤ −1"]),
        ("hinge", 3, 2, ["largest", "smaller"]),
        ("mse", 2, [1.5, -2.5], ["1.5", "−2.5"]),
        ("mse", 1, 7.25, ["7.25"]),
        (binary_cross_entropy, 1, 1, ["probability\nof 1", "1"]),
    ],
)
def test_what_it_should_be_under_every_loss(loss, n_outputs, target, words):
    shown = texts(network(MLP(2, [n_outputs], seed=0), [1.0, 2.0], target, loss=loss))
    assert set(words) <= set(shown)


def test_large_layers_are_cut_with_dots_and_the_right_output_stays():
    model = MLP(784, [30, 20], seed=0)
    model.loss, model.classes = "cross_entropy", [f"class {i}" for i in range(20)]
    weakest = min(range(20), key=lambda i: sum(abs(w.data) for w in model.layers[1].neurons[i].w))
    figure = network(model, [0.0] * 784, target=f"class {weakest}", image_shape=(28, 28), most=6)
    shown = texts(figure)
    assert {"inputs\n6 of 784", "layer 0\n6 of 30", "outputs\n10 of 20"} <= set(shown)
    assert shown.count("⋮") == 3
    assert f"class {weakest}" in shown  # the right one, though by its weights it would be the last to be drawn
    image = figure.findobj(AxesImage)[0]
    assert image.get_array().shape == (28, 28)


def test_the_inputs_that_are_shown_are_those_that_tell_most():
    model = MLP(64, [5, 3], seed=0)
    x = [0.0] * 64
    for place in range(7, 60, 6):
        x[place] = 0.5
    shown = texts(network(model, x, most=9))
    assert shown.count("0.5") >= 9
    assert "inputs\n9 of 64" in shown


@pytest.mark.parametrize("seed", range(4))
def test_the_numbers_of_a_small_network_cover_no_other(seed):
    assert_no_words_covered(network(MLP(2, [3, 1], seed=seed), [0.5, -1.0], 1, loss="mse"))


@pytest.mark.parametrize("layers", [[4, 1], pytest.param([2, 2, 1], marks=pytest.mark.slow), [3, 2]])
@pytest.mark.parametrize("width", [4.4, pytest.param(7.3, marks=pytest.mark.slow)])  # inches: a phone, beside a plane
def test_the_numbers_on_the_lines_cover_no_other_in_given_axes(layers, width):
    for seed in range(3):
        figure = Figure((width, 4.5))
        target = [0.0] * layers[-1]
        network(MLP(2, layers, seed=seed), [0.5, -1.0], target, loss="mse", ax=figure.add_axes((0, 0.1, 1, 0.75)))
        assert_no_words_covered(figure)


def assert_no_words_covered(figure):
    figure.canvas.draw()
    seen = [text for text in figure.axes[0].texts if text.get_text()]
    spans = [(text.get_text(), text.get_window_extent()) for text in seen]
    for place, (name, span) in enumerate(spans):
        for other, covered in spans[:place]:
            assert not span.overlaps(covered), (name, other)


def test_long_names_of_inputs_are_whole_and_in_the_picture():
    names = ["sepal length (cm)", "petal width of an iris flower"]
    figure = network(MLP(2, [3, 1], seed=0), [0.5, -1.0], input_names=names)
    figure.canvas.draw()
    for text in figure.axes[0].texts:
        if text.get_text() in names:
            names.remove(text.get_text())
            assert text.get_window_extent().x0 >= 0
    assert names == []


def test_a_layer_and_a_neuron_are_networks_too():
    assert len(network(Layer(2, 3)).findobj(Circle)) == 5
    assert len(network(Neuron(4)).findobj(Circle)) == 5


def test_labels_are_shown_as_they_are():
    model = sign_reader()
    figures = [
        network(model, [1.0, 2.0], HOSTILE[0], input_names=HOSTILE),
        decision_boundary(model, XOR_X, [HOSTILE[0], HOSTILE[1]] * 2, input_names=HOSTILE, title=HOSTILE[0]),
        confusion_table(model, XOR_X, [HOSTILE[0], HOSTILE[1]] * 2),
        worst_mistakes(model, XOR_X, [HOSTILE[1]] * 4, (1, 2)),
        wanted_changes(model, XOR_X, [HOSTILE[0], HOSTILE[1]] * 2).picture(),
    ]
    for figure in figures:
        assert any("$" in text for text in texts(figure))
        for text in figure.findobj(Text):
            if "$" in text.get_text():
                assert not text.get_parse_math()
        assert drawn(figure).min() < 200  # matplotlib takes "$\frac{1$" for a broken formula, and would raise


def test_a_loss_of_ones_own_is_only_asked_for_where_it_is_needed():
    def absolute(output, target):
        return abs(output - target)

    model = line()
    model.fit([[1.0]], [1.0], loss=absolute, epochs=1, progress=False)
    assert "says 2.50" not in texts(network(model, [2.5]))
    assert any(text.startswith("says") for text in texts(network(model, [2.5], 1.0, loss=absolute)))


# ------------------------------------------------------------------------------------------------------ changes wanted


def test_a_loss_of_ones_own_may_compare_with_other_counts_of_numbers():
    def weighted(output, target):
        return target[1] * (output - target[0]) ** 2

    model, y = MLP(2, [2, 1], seed=0), [[0.0, 1.0], [1.0, 2.0], [1.0, 0.5], [0.0, 1.0]]
    assert "–" in texts(network(model, XOR_X[1], y[1], loss=weighted))
    with pytest.raises(ValueError, match="y: it has 2 numbers for a point, and one can be drawn as a shade"):
        decision_boundary(model, XOR_X, y, loss=weighted)


def test_the_average_of_the_changes_is_the_step_of_gradient_descent():
    model, stepped = small(), small()
    changes = wanted_changes(model, XOR_X, XOR_Y, loss="binary_cross_entropy")
    stepped.fit(
        XOR_X,
        XOR_Y,
        loss="binary_cross_entropy",
        optimizer=SGD(learning_rate=0.1),
        epochs=1,
        batch_size=4,
        seed=0,
        progress=False,
    )
    step = [after - before for after, before in zip(stepped.state_dict().values(), model.state_dict().values())]
    assert (0.1 * changes.average).tolist() == pytest.approx(step, rel=1e-9, abs=1e-15)
    assert list(changes.gradient) == [name for name, _ in model.named_parameters()]
    assert list(changes.gradient.values()) == pytest.approx((-changes.average).tolist(), rel=1e-15)
    assert changes.table["layers.0.neurons.0.b"][:4] == changes.changes[2].tolist()


def test_each_example_asks_for_less_of_its_own_loss():
    changes = wanted_changes(line(), [[1.0], [-2.0]], [3.0, -2.0])
    assert changes.changes.tolist() == [[4.0, 0.0], [4.0, 0.0]]  # -2 * (w*x + b - y) * (x, 1)
    assert changes.losses == [4.0, 0.0]


def test_the_changes_as_tables_and_as_a_picture():
    model = MLP(2, [3, 1], seed=0)
    changes = wanted_changes(model, XOR_X, ["<b>", "&", "&", "<b>"], loss="binary_cross_entropy")
    lines = str(changes).splitlines()
    assert len(lines) == 1 + 13
    assert lines[0].split() == ["parameter", "#0:", "<b>", "#1:", "&", "#2:", "&", "#3:", "<b>", "average"]
    assert lines[1].split() == [
        "layers.0.neurons.0.w.0",
        *(f"{x:.3g}" for x in changes.table["layers.0.neurons.0.w.0"]),
    ]
    maps = [np.asarray(image.get_array()) for image in changes.picture().findobj(AxesImage)]
    assert any(image.shape == (13, 4) and np.array_equal(image, changes.changes) for image in maps)
    assert any(image.shape == (13, 1) and np.array_equal(image[:, 0], changes.average) for image in maps)


def test_a_large_table_is_cut_and_its_examples_are_shown():
    changes = wanted_changes(MLP(64, [10, 3], seed=0), np.eye(64)[:20], [0, 1] * 10, loss="cross_entropy")
    lines = str(changes).splitlines()
    assert len(lines) == 42
    assert lines[21] == f"… {64 * 10 + 10 + 33 - 40} more"
    assert lines[0].split().count("…") == 1
    figure = changes.picture(image_shape=(8, 8))
    images = [image for image in figure.findobj(AxesImage) if image.get_array().shape == (8, 8)]
    assert len(images) == 20
    assert {"layers.0\n650 parameters", "layers.1\n33 parameters"} <= set(texts(figure))


# -------------------------------------------------------------------------------------------------------------- surface


@pytest.mark.parametrize("mode", [None, *(pytest.param(mode, marks=pytest.mark.slow) for mode in (True, False))])
def test_pictures_have_no_noise_of_dropout(mode):
    model = Sequential(Layer(2, 4, seed=0), Dropout(0.4), Layer(4, 1, "linear", seed=1))
    if mode is not None:
        model.train(mode)
    quiet = Sequential(model.layers[0], model.layers[2])
    surfaces = [cost_surface(each, XOR_X, XOR_Y, points=3, seed=0) for each in (model, quiet)]
    np.testing.assert_array_equal(surfaces[0].costs, surfaces[1].costs)
    assert str(wanted_changes(model, XOR_X, XOR_Y)) == str(wanted_changes(quiet, XOR_X, XOR_Y)).replace("1.ne", "2.ne")
    pages = io.BytesIO(), io.BytesIO()
    for each, page in zip((model, quiet), pages):
        decision_boundary(each, XOR_X, XOR_Y, resolution=5).savefig(page, format="png")
    assert pages[0].getvalue() == pages[1].getvalue()


def test_the_surface_is_the_cost():
    X, y = [[0.0], [1.0], [3.0]], [1.0, 3.0, 7.0]
    surface = cost_surface(line(), X, y, along=("w.0", "b"), ranges=((-1, 3), (0, 2)), points=5)
    for i, b in enumerate(surface.up):
        for j, w in enumerate(surface.across):
            assert surface.costs[i, j] == pytest.approx(np.mean([(w * x + b - t) ** 2 for (x,), t in zip(X, y)]))
    assert (surface.across[0], surface.across[-1], surface.up[0], surface.up[-1]) == (-1, 3, 0, 2)
    assert surface.here == (1.0, 0.0)


@pytest.mark.slow
def test_paths_go_the_way_of_gradient_descent():
    surface = cost_surface(line(), [[1.0]], [3.0], points=3)  # two parameters, and so the plane is theirs
    good, wild = descent_paths(surface, {"good": 0.1, "too $large$": 0.9}, steps=4, start=(0.0, 0.0))
    assert good.points[:2].tolist() == [[0.0, 0.0], pytest.approx([0.6, 0.6])]
    assert good.costs == pytest.approx([9 * 0.6 ** (2 * step) for step in range(5)])
    assert wild.costs[-1] > wild.costs[0]
    assert "too $large$" in wild.in_words()
    for kind in ("contour", "3d", "both"):
        picture = surface.picture([good, wild], kind)
        assert sum("too $large$: learning rate 0.9" in text for text in texts(picture)) == 1
        assert drawn(picture).min() < 200


def test_the_path_of_a_trained_model_is_more_than_a_dot():
    fitted = line()
    fitted.load_state_dict({"w.0": 2.0, "b": 1.0})  # y = 2 * x + 1
    surface = cost_surface(fitted, [[1.0], [2.0]], [3.0, 5.0])
    assert surface.start != surface.here == (2.0, 1.0)
    (path,) = descent_paths(surface, [0.1])
    assert path.points[0].tolist() == list(surface.start)
    assert np.abs(path.points[-1] - path.points[0]).max() > 0.6  # a tenth of the picture
    assert surface.descend(0.1, start=surface.here).costs[0] == 0.0
    assert fitted.w[0].data == 2.0
    untrained = cost_surface(line(), [[1.0], [2.0]], [3.0, 5.0])
    assert untrained.start == untrained.here


@pytest.mark.parametrize("kind", ["contour", "3d"])
def test_the_ticks_of_costs_are_round(kind):
    surface = cost_surface(line(), [[1.0], [2.0]], [3.137, 5.912])
    figure = surface.picture(kind=kind)
    figure.canvas.draw()
    for ax in figure.axes:
        for axis in [ax.xaxis, ax.yaxis, *([ax.zaxis] if kind == "3d" and hasattr(ax, "zaxis") else [])]:
            shown = [float(tick.get_text().replace("−", "-")) for tick in axis.get_ticklabels() if tick.get_text()]
            assert np.allclose(np.diff(shown), np.diff(shown)[:1], atol=1e-9), shown


def test_a_path_that_runs_away_ends_there():
    path = cost_surface(line(), [[1.0]], [3.0], points=3).descend(1e200, steps=50)
    assert path.diverged
    assert len(path.points) == len(path.costs) < 51
    assert all(map(math.isfinite, path.costs))
    assert "diverges" in path.in_words()


def test_only_the_two_parameters_move():
    model = small()
    names = ("layers.0.neurons.1.w.0", "layers.1.neurons.0.b")
    surface = cost_surface(model, XOR_X, XOR_Y, along=names, points=3)
    state = model.state_dict()
    path = surface.descend(0.5, steps=2, start=surface.here)
    by_hand = small()
    for _ in range(2):
        by_hand.zero_grad()
        (sum((by_hand(x) - y) ** 2 for x, y in zip(XOR_X, XOR_Y)) / 4).backward()
        for name, parameter in by_hand.named_parameters():
            if name in names:
                parameter.data -= 0.5 * parameter.grad
    assert path.points[-1].tolist() == pytest.approx([by_hand.state_dict()[name] for name in names], rel=1e-12)
    assert model.state_dict() == state


def test_random_directions_and_given_ones_go_through_the_model():
    model = small()
    cost = np.mean([(model(x).data - y) ** 2 for x, y in zip(XOR_X, XOR_Y)])
    surface = cost_surface(model, XOR_X, XOR_Y, points=3)
    assert surface.costs[1, 1] == pytest.approx(cost, rel=1e-12)
    again = cost_surface(model, XOR_X, XOR_Y, along="random", points=3)
    other = cost_surface(model, XOR_X, XOR_Y, along="random", points=3, seed=1)
    assert np.array_equal(surface.costs, again.costs)
    assert not np.array_equal(surface.costs, other.costs)
    vectors = np.eye(13)[[12, 3]]
    given = cost_surface(model, XOR_X, XOR_Y, along=tuple(vectors), points=3, ranges=((-1, 1), (-1, 1)))
    last = list(model.parameters())[12]
    last.data += 1.0
    assert given.costs[1, 2] == pytest.approx(np.mean([(model(x).data - y) ** 2 for x, y in zip(XOR_X, XOR_Y)]))


# --------------------------------------------------------------------------------------------------------------- curves


def test_the_curves_are_the_history():
    history = History([1.0, 0.5], [0.25, 0.75], [1.5, 1.25], [0.0, 0.5])
    loss, accuracy = curves(history).axes
    assert [one.get_ydata().tolist() for one in loss.lines] == [[1.0, 0.5], [1.5, 1.25]]
    assert [one.get_ydata().tolist() for one in accuracy.lines] == [[0.25, 0.75], [0.0, 0.5]]
    assert loss.lines[0].get_xdata().tolist() == [1, 2]
    assert len(curves(History([1.0])).axes) == 1
    ticks = [[x for x in curves(History([1.0] * n)).axes[0].get_xticks() if 0 < x <= n] for n in (1, 3, 60)]
    assert ticks == [[1], [1, 2, 3], [10, 20, 30, 40, 50, 60]]
    assert curves(History([1.0, 0.9])).axes[0].get_ylim()[1] > 1.02  # the first of a curve that hardly falls is whole


@pytest.mark.parametrize("shell", [None, SimpleNamespace()])  # Python, and IPython in a terminal
def test_live_curves_do_nothing_outside_a_notebook(shell, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    calls = []
    model = line()
    history = model.fit([[1.0]], [2.0], epochs=3, callbacks=[LiveCurves(0), lambda *_: calls.append(1)], progress=False)
    assert history.epochs == len(calls) == 3
    assert not history.interrupted
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_pictures_show_themselves_in_a_notebook(tmp_path):
    """In a real kernel, with no pyplot: pictures, live curves up to the last epoch, the stepper."""
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "import sys\nfrom nn import MLP\nfrom nn.pictures import LiveCurves, TrainingStepper, curves, wanted_changes\n"
        "model = MLP(1, [1], seed=0)\ndata = [[0.0], [1.0]], [0.0, 2.0]",
        "live = [LiveCurves(every=1000)]\nearlier = model.fit(*data, epochs=5, callbacks=live, progress=False)\n"
        "history = model.fit(*data, epochs=7, callbacks=live, progress=False)",
        "curves(history)",
        "wanted_changes(model, *data)",
        "curves(earlier)",
        "TrainingStepper(MLP(2, [1], seed=0), [[0, 1], [1, 0]], [1.0, 0.0])",
        "print('matplotlib.pyplot' in sys.modules)",
        "bar = model.fit(*data, epochs=7, callbacks=live)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in notebook.cells]
    first, live = (output.data["image/png"] for output in outputs[1])
    shown = outputs[2][0].data["image/png"]
    assert first == outputs[4][0].data["image/png"]
    assert live == shown  # all seven epochs, though the second drawing was not due before the cell ended
    assert outputs[2][0].metadata["image/png"]["width"] == 416
    assert "parameter" in outputs[3][0].data["text/plain"]
    walk, picture, words = (output.data for output in outputs[5])
    assert "data-gradstep-frames" in walk["application/javascript"]
    assert walk["text/markdown"].startswith("Run this cell")
    assert "image/png" in picture
    assert words["text/html"].startswith('<div hidden="hidden">Run this cell to walk over the steps')
    assert outputs[6][0].text == "False\n"
    place = next(i for i, output in enumerate(outputs[7]) if "data" in output)
    above, below = ("".join(output.text for output in part) for part in (outputs[7][:place], outputs[7][place + 1 :]))
    assert above.rstrip("\r").rpartition("\r")[2].strip() == ""  # no bar stands still above the picture
    assert "7/7" in below.split("\r")[-1]


# ---------------------------------------------------------------------------------------------------- plane and classes


def test_the_boundary_is_where_the_model_changes_its_mind():
    figure = decision_boundary(sign_reader(), XOR_X, [HOSTILE[0], HOSTILE[1]] * 2)
    paths = [path.vertices for contour in figure.axes[0].collections for path in contour.get_paths()]
    on_line = [vertices for vertices in paths if len(vertices) > 10 and np.allclose(vertices.sum(axis=1), 1.0)]
    assert len(on_line) == 1
    assert on_line[0][:, 0].min() < 0.0
    assert on_line[0][:, 0].max() > 1.0
    assert "3 of 4 examples are right" in texts(figure)  # not (0, 1): its logit is 0, and not above


@pytest.mark.parametrize(("loss", "n_outputs", "y"), [
    ("cross_entropy", 3, ["a", "b", "c", "a"]), ("hinge", 3, [0, 1, 2, 0]), ("hinge", 1, [0, 1, 1, 0]),
    ("mse", 1, [0.5, 1.5, 2.5, 3.5]), ("cross_entropy", 20, [0, 5, 19, 0]),
])  # fmt: skip
def test_the_plane_under_every_loss(loss, n_outputs, y):
    model = MLP(2, [3, n_outputs], seed=0)
    before = condition(model)
    assert len(np.unique(drawn(decision_boundary(model, XOR_X, y, loss=loss, resolution=12)))) > 20
    assert condition(model) == before


def test_the_first_layer_is_its_weights():
    model = MLP(6, [3, 2], seed=0)
    images = [image.get_array().ravel().tolist() for image in first_layer(model, (2, 3)).findobj(AxesImage)]
    assert images == [[w.data for w in neuron.w] for neuron in model.layers[0].neurons]
    assert len(first_layer(model, (2, 3), most=2).findobj(AxesImage)) == 2


def test_mistakes_come_worst_first():
    X = [[2.0, 2.0], [0.0, 0.0], [5.0, 5.0], [0.9, 0.2]]
    y = [HOSTILE[0], HOSTILE[0], HOSTILE[0], HOSTILE[1]]  # wrong by 3, right, wrong by 9, wrong by less
    model = sign_reader()
    model.load_state_dict({"w.0": 1.0, "w.1": 1.0, "b": -1.2})
    figure = worst_mistakes(model, X, y, (1, 2))
    assert [image.get_array().tolist() for image in figure.findobj(AxesImage)] == [[X[2]], [X[0]], [X[3]]]
    assert "3 of 4 examples are taken for something else" in texts(figure)
    probability = 1.0 / (1.0 + math.exp(-8.8))
    assert any(f"({100 * probability:.0f}%)" in text for text in texts(figure))
    assert "No mistake in 1 examples" in texts(worst_mistakes(model, X[1:2], y[:1], (1, 2)))


def test_the_confusion_table_counts():
    model = sign_reader()
    X = [[0.0, 0.0], [1.0, 1.0], [1.0, 2.0], [3.0, 3.0]]
    figure = confusion_table(model, X, [HOSTILE[0], HOSTILE[0], HOSTILE[1], HOSTILE[1]])
    cells = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert cells == {(0, 0): "1", (1, 0): "1", (0, 1): "·", (1, 1): "2"}  # (column: said, row: right)
    assert "3 of 4 right (75.0%)" in texts(figure)


# --------------------------------------------------------------------------------------------------- good neighbourhood


def test_axes_that_were_given_are_drawn_in():
    figure = Figure()
    left, right, below = figure.subplots(1, 3)
    assert network(small(), [0.0, 1.0], ax=left) is figure
    assert decision_boundary(sign_reader(), XOR_X, [HOSTILE[0], HOSTILE[1]] * 2, ax=right) is figure
    assert confusion_table(sign_reader(), XOR_X, [HOSTILE[0]] * 4, ax=below) is figure
    assert all(ax.has_data() or ax.patches for ax in (left, right, below))


def test_models_stay_as_they_are():
    model = small()
    model.parameters()[0].grad = 0.125
    before, grads = condition(model), [parameter.grad for parameter in model.parameters()]
    network(model, [0.0, 1.0], 1, loss="binary_cross_entropy")
    wanted_changes(model, XOR_X, XOR_Y)
    cost_surface(model, XOR_X, XOR_Y, points=2).descend(0.1)
    decision_boundary(model, XOR_X, XOR_Y, resolution=3)
    assert condition(model) == before
    assert [parameter.grad for parameter in model.parameters()] == grads


def test_nothing_global_is_touched(tmp_path):
    program = (
        "import sys, json, nn\nbefore = 'matplotlib' in sys.modules\nimport nn.pictures\n"
        "nn.pictures.network(nn.MLP(2, [1])).savefig(sys.argv[1])\n"
        "print(json.dumps([before, 'matplotlib.pyplot' in sys.modules]))"
    )
    program = f"import sys; sys.path[:0] = [{str(Path(nn.__file__).parent.parent)!r}]\n" + program
    done = subprocess.run(
        [sys.executable, "-c", program, "picture.svg"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(done.stdout) == [False, False]
    settings = dict(rcParams)
    cost_surface(line(), [[1.0]], [3.0], points=3).picture()
    assert dict(rcParams) == settings


def test_without_matplotlib_the_advice_is_how_to_get_it():
    program = (
        f"import sys; sys.path[:0] = [{str(Path(nn.__file__).parent.parent)!r}]\n"
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'matplotlib' else find(name, *a)\n"
        "import nn.pictures"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert 'ModuleNotFoundError: pictures are drawn with matplotlib: pip install "gradstep[plot]"' in done.stderr


# --------------------------------------------------------------------------------------------------------------- themes

DRAWN = {
    "network": lambda model, theme: network(model, [0.0, 1.0], 1, loss="binary_cross_entropy", theme=theme),
    "wanted_changes": lambda model, theme: wanted_changes(model, XOR_X, XOR_Y).picture(theme=theme),
    "cost_surface": lambda model, theme: cost_surface(model, XOR_X, XOR_Y, points=4).picture(theme=theme),
    "decision_boundary": lambda model, theme: decision_boundary(
        model, XOR_X, XOR_Y, loss="binary_cross_entropy", resolution=8, theme=theme
    ),
    "of numbers": lambda model, theme: decision_boundary(model, XOR_X, [0.0, 1.0, 2.0, 3.0], resolution=8, theme=theme),
    "confusion_table": lambda model, theme: confusion_table(
        model, XOR_X, XOR_Y, loss="binary_cross_entropy", theme=theme
    ),
    "first_layer": lambda model, theme: first_layer(model, (1, 2), theme=theme),
    "worst_mistakes": lambda model, theme: worst_mistakes(
        model, XOR_X, XOR_Y, (1, 2), loss="binary_cross_entropy", theme=theme
    ),
    "curves": lambda _, theme: curves(History(loss=[1.0, 0.5], validation_loss=[1.0, 0.7]), theme),
    "TrainingStepper": lambda model, theme: TrainingStepper(
        model, XOR_X, XOR_Y, loss="binary_cross_entropy", theme=theme
    ).picture(),
}


def brightness(colour):
    """The relative luminance of WCAG 2."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), parts))


@pytest.mark.slow
@pytest.mark.parametrize(
    "theme",
    ["dark", *(pytest.param(theme, marks=pytest.mark.slow) for theme in ("light", "print", "auto"))],
)
@pytest.mark.parametrize("name", DRAWN)
def test_every_picture_has_the_themes_of_draw(name, theme):
    figure = DRAWN[name](small(), theme)
    colours = THEMES["light" if theme == "auto" else theme]
    assert to_rgb(figure.get_facecolor()) == to_rgb(colours.background)
    picture = drawn(figure)
    assert picture[1, 1] / 255 == pytest.approx(to_rgb(colours.background), abs=0.01)
    for ax in figure.axes:
        axis_words = [*ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label]
        words = [ax.title, ax._left_title, *axis_words, *(ax.get_legend().get_texts() if ax.get_legend() else [])]
        for text in words:
            if text.get_text() and ax.axison:
                light, dark = sorted([brightness(text.get_color()), brightness(colours.background)], reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (text.get_text(), text.get_color())
    if theme == "print":
        pixels = picture.reshape(-1, 3).astype(int)
        assert (pixels.max(axis=1) - pixels.min(axis=1)).max() <= 2


@pytest.mark.parametrize("name", [name for name in DRAWN if name != "curves"])
@pytest.mark.parametrize("theme", ["Light", None, "blue"])
def test_other_themes_are_refused(name, theme):
    with pytest.raises(ValueError, match='theme must be "auto", "light", "dark" or "print", got '):
        DRAWN[name](small(), theme)


def test_letters_can_be_read_on_every_shade():
    for theme in THEMES:
        look = look_of(theme)
        for share in np.linspace(0.0, 1.0, 40):
            shade = look.pale(share)
            light, dark = sorted([brightness(shade[:3]), brightness(look.on(shade))], reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_axes_on_a_dark_figure_get_letters_that_can_be_read():
    ax = Figure(facecolor="#101010").subplots()
    decision_boundary(sign_reader(), XOR_X, [HOSTILE[0], HOSTILE[1]] * 2, resolution=4, ax=ax)
    assert brightness(ax.xaxis.label.get_color()) > 0.7


def test_negative_weights_are_dashed_in_print():
    model = MLP(2, [3, 1], seed=0)
    (lines, _) = network(model, theme="print").findobj(LineCollection)
    styles = [dashes is not None for _, dashes in lines.get_linestyles()]
    assert styles == [w.data < 0.0 for neuron in model.layers[0].neurons for w in neuron.w]


@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0, 1e5])
def test_words_beside_a_relief_lie_over_no_number(size):
    width = (-3 * size, 4 * size)
    surface = cost_surface(line(), [[0.0], [1.0], [2.0]], [size, 3 * size, 5 * size], ranges=(width, width), points=9)
    figure = surface.picture(kind="3d")
    figure.draw_without_rendering()
    [ax] = [ax for ax in figure.axes if ax.name == "3d"]
    axes = (ax.xaxis, ax.yaxis, ax.zaxis)
    labels = [tick.label1 for axis in axes for tick in axis.get_major_ticks()]
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    assert len(boxes) > 8
    for axis in axes:
        assert axis.get_offset_text().get_text() == ""
        assert not any(axis.label.get_window_extent().overlaps(box) for box in boxes)

"""The modules of the Training page under node: points, settings in the address, training and the way back."""

import itertools
import math
import sys

import pytest
from checkout import ROOT
from javascript import needs_node, run_in_site

import nn
from engine import Value, mean
from engine.drawing.themes import THEMES
from nn.activations import ACTIVATIONS
from nn.losses import LOSSES, recorded_form
from nn.optimizers import OPTIMIZERS

SITE = ROOT / "site"
sys.path.append(str(SITE / "python"))
training_page = pytest.importorskip("training_page", reason="there is no site here")

FIRST = training_page.FIRST
MOONS = {"data": "moons", "n": 100, "noise": 10, "seed": 1}
DATA_SETS = ("moons", "circles", "spiral", "xor", "gaussians")


def run_here(folder, code, data, builds=()):
    """As ``run_in_site``, with the programs of what ``build`` gave."""
    stepper = folder / "stepper"
    stepper.mkdir(exist_ok=True)
    names = ("training", "picture", "step")
    imports = []
    for i, built in enumerate(builds):
        for name in names:
            (stepper / f"{name}{i}.js").write_text(built[name], encoding="utf-8")
            imports.append(f'import * as {name}{i} from "./{name}{i}.js";')
    first, _, body = code.partition("\n\n")
    objects = ", ".join(f"{{ {', '.join(f'{name}: {name}{i}' for name in names)} }}" for i in range(len(builds)))
    return run_in_site(folder, "\n".join([first, *imports, "", f"const programs = [{objects}];", body]), data)


def plain(built):
    """What is built without the programs, which no JSON needs to carry."""
    return {key: thing for key, thing in built.items() if key not in ("training", "picture", "step")}


# --------------------------------------------------------------------------------------------------------------- points

POINTS = """import { drawPoints, EDGE, nearest, split } from "../training/points.js";

return data.map((settings) => {
  const points = drawPoints(settings);
  const { train, test } = split(points, 30, settings.seed);
  const places = [...train, ...test].map((point) => points.indexOf(point));
  const found = points.every(({ x, y }) => points[nearest(points, x, y)].x === x);
  return { points, again: drawPoints(settings), places, n: [train.length, test.length], found, EDGE };
});
"""


@needs_node
def test_points_are_those_of_their_seed_and_stay_in_the_plane(tmp_path):
    cases = [{"data": data, "n": 101, "noise": noise, "seed": 3} for data in DATA_SETS for noise in (0, 50)]
    other = run_here(tmp_path, POINTS, [{**case, "seed": 4} for case in cases])
    for found, others in zip(run_here(tmp_path, POINTS, cases), other, strict=True):
        points = found["points"]
        assert points == found["again"] != others["points"]
        assert sum(point["label"] for point in points) == 50
        assert all(abs(point[axis]) <= found["EDGE"] for point in points for axis in "xy")
        assert sorted(found["places"]) == list(range(101))
        assert found["n"] == [71, 30]
        assert found["found"]


SPLITS = """import { nearest, split } from "../training/points.js";

return [data.map(([n, share]) => {
  const { train, test } = split(Array.from({ length: n }, (_, i) => i), share, 1);
  return [train.length, test.length];
}), nearest([], 0, 0)];
"""


@needs_node
def test_there_is_a_point_to_train_with(tmp_path):
    splits, place = run_here(tmp_path, SPLITS, [[1, 90], [2, 90], [10, 0], [10, 90], [4, 50]])
    assert splits == [[1, 0], [1, 1], [10, 0], [1, 9], [2, 2]]
    assert place == -1


# ------------------------------------------------------------------------------------------------------------- address

ADDRESS = """import { firstSettings, read, written } from "../training/address.js";

return [firstSettings(), written(firstSettings()), data.map((hash) => {
  const { settings, problems } = read(hash);
  return { settings, problems, again: read(`#${written(settings)}`), text: written(settings) };
})];
"""


@needs_node
def test_the_address_carries_all_settings(tmp_path):
    address = (
        "#data=own&n=50&noise=2.5&test=40&inputs=y,x2,siny&layers=8,3,1&activation=gelu&loss=cross_entropy"
        "&optimizer=adamw&momentum=0.5&rate=1e-3&batch=7&l1=0.001&l2=0.01&seed=77&unit=step"
        "&points=-1.5,2,0;0.25,-6,1"
    )
    first, empty, (full, no_layers, fractions) = run_here(
        tmp_path, ADDRESS, [address, "#layers=none", "#rate=1/3&l1=0,005&l2=1e-3/2"]
    )
    assert empty == ""
    assert [fractions["settings"][name] for name in ("rate", "l1", "l2")] == [1 / 3, 5e-3, 5e-4]
    assert full["problems"] == no_layers["problems"] == []
    for found in (full, no_layers):
        assert found["again"] == {"settings": found["settings"], "problems": []}
    settings = full["settings"]
    assert not [key for key in first if settings[key] == first[key]]
    assert settings["features"] == ["y", "x²", "sin y"]
    assert settings["points"] == [{"x": -1.5, "y": 2, "label": 0}, {"x": 0.25, "y": -6, "label": 1}]
    assert no_layers["settings"]["hidden"] == []


@needs_node
def test_the_first_settings_are_those_of_the_network_that_the_build_makes(tmp_path):
    first, _, _ = run_here(tmp_path, ADDRESS, [])
    assert {key: first[key] for key in FIRST} == FIRST


CHOICES = """import { CHOICES, FEATURES } from "../training/address.js";

return [FEATURES, CHOICES];
"""


@needs_node
def test_the_choices_of_the_address_are_those_of_python(tmp_path):
    features, choices = run_here(tmp_path, CHOICES, [])
    assert features == list(training_page.FEATURES)
    tables = {"activation": ACTIVATIONS, "loss": LOSSES, "optimizer": OPTIMIZERS}
    assert {name: sorted(names) for name, names in choices.items()} == {n: sorted(t) for n, t in tables.items()}


WRONG_PARTS = [
    ("noise=51", "noise % must be a number from 0 to 50, got '51'"),
    ("n=3.5", "points must be a whole number from 4 to 500, got '3.5'"),
    ("l1=-1", "L1 must be a number from 0 to 10, got '-1'"),
    ("rate=11,5", "rate must be a number from 0 to 10, got '11,5'"),
    ("rate=1,000.5", "rate must be a number from 0 to 10, got '1,000.5'"),
    ("rate=Infinity", "rate must be a number from 0 to 10"),
    ("rate=1/0", "rate must be a number from 0 to 10, got '1/0'"),
    ("rate=", "rate must be a number from 0 to 10, got ''"),
    ("layers=4,,4", "layers must be at most 6 layers of 1 to 16 neurons"),
    ("layers=17", "layers must be"),
    ("layers=1,1,1,1,1,1,1", "layers must be"),
    ("inputs=", "inputs must be some of x, y, x2"),
    ("inputs=x,z", "got 'z'"),
    ("loss=constructor", "loss must be one of"),
    ("activation=%E0%A4%A", "activation must be one of"),
    ("points=1,2", "points must be x,y,class"),
    ("points=1,7,0", "points must be x,y,class"),
    ("points=1,,0", "points must be x,y,class"),
    ("points=1,2,0.5", "points must be x,y,class"),
    ("__proto__=1", "there is no setting '__proto__'"),
    ("<b>=1", "there is no setting '<b>'"),
]


@needs_node
def test_what_cannot_be_in_an_address_is_left_out_and_said(tmp_path):
    first, _, answers = run_here(tmp_path, ADDRESS, [f"#{part}&seed=5" for part, _ in WRONG_PARTS])
    for (part, words), found in zip(WRONG_PARTS, answers, strict=True):
        assert found["settings"] == first | {"seed": 5}, part
        assert len(found["problems"]) == 1, part
        assert words in found["problems"][0]


# ------------------------------------------------------------------------------------------------------------ training

TRAINED = """import { drawPoints, split } from "../training/points.js";
import { Trainer } from "../training/trainer.js";

return data.map(({ built, points, options, epochs }, i) => {
  const trainer = new Trainer({ ...built, ...programs[i], ...split(drawPoints(points), 30, points.seed), ...options });
  const order = [];
  for (let epoch = 0; epoch < epochs; epoch += 1) trainer.forward("epoch");
  return { right: trainer.measure("train").right, costs: trainer.costs, weights: [...trainer.weights] };
});
"""
OPTIONS = {"batch": 10, "rate": 0.03, "seed": 1}


@needs_node
@pytest.mark.slow
def test_moons_are_learned_by_every_loss_and_optimizer(tmp_path):
    cases = [{"loss": loss} for loss in LOSSES]
    cases += [{"optimizer": optimizer} for optimizer in ("adam", "adamw")] + [{"activation": "relu", "l2": 0.001}]
    builds = [training_page.build(FIRST | case) for case in cases]
    rows = [{"built": plain(built), "points": MOONS, "options": OPTIONS, "epochs": 150} for built in builds]
    for case, found in zip(cases, run_here(tmp_path, TRAINED, rows, builds), strict=True):
        assert found["right"] > 0.95, case
        assert len(found["costs"]["train"]) == len(found["costs"]["test"]) == 151
        assert found["costs"]["train"][-1] < found["costs"]["train"][0]


BATCHES = """import { Trainer } from "../training/trainer.js";

return data.map(({ built, train, options, steps }, i) => {
  const trainer = new Trainer({ ...built, ...programs[i], train, test: [], ...options });
  const inputs = [];
  const gradient = trainer.training.gradient;
  trainer.training = { ...trainer.training, gradient: (x, w) => {
    inputs.push([x[0], x[1]]);
    return gradient(x, w);
  } };
  for (let step = 0; step < steps; step += 1) trainer.forward("step");
  return { inputs, weights: [...trainer.weights], epoch: trainer.epoch };
});
"""


@needs_node
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"loss": "cross_entropy", "optimizer": "adam", "features": ["x", "xy", "sin y"]},
        {"loss": "hinge", "activation": "relu", "l1": 0.01, "l2": 0.02, "momentum": 0.0},
    ],
)
def test_steps_are_those_of_nn(tmp_path, changes):
    settings = FIRST | changes
    built = training_page.build(settings)
    rows = [(1.0, 2.0, 1), (-1.5, 0.5, 0), (2.0, -1.0, 1), (-0.5, -2.5, 0), (0.25, 3.0, 1)]
    train = [{"x": x, "y": y, "label": label} for x, y, label in rows]
    options = {"batch": 2, "rate": 0.05, "seed": 1}
    case = {"built": plain(built), "train": train, "options": options, "steps": 7}
    (found,) = run_here(tmp_path, BATCHES, [case], [built])
    assert found["epoch"] == pytest.approx(7 / 3)
    assert sorted(map(tuple, found["inputs"][:5])) == sorted((x, y) for x, y, _ in rows)

    n_outputs = 2 if settings["loss"] == "cross_entropy" else 1
    model = nn.MLP(len(settings["features"]), [4, 4, n_outputs], activation=settings["activation"], seed=1)
    options = {"momentum": settings["momentum"]} if settings["optimizer"] == "sgd" else {}
    optimizer = training_page.OPTIMIZERS[settings["optimizer"]](
        model.parameters(), learning_rate=0.05, l1=settings["l1"], l2=settings["l2"], **options
    )
    loss, _ = recorded_form(LOSSES[settings["loss"]], n_outputs)
    labels = {(x, y): label for x, y, label in rows}
    places = [0, 2, 4, 5, 7, 9, 10, 12]
    for start, end in itertools.pairwise(places):
        losses = []
        for x, y in found["inputs"][start:end]:
            point = [Value(x), Value(y)]
            outputs = model([training_page.FEATURES[feature](*point) for feature in settings["features"]])
            target = [Value(t) for t in built["targets"][labels[x, y]]]
            losses.append(loss(outputs, target if n_outputs == 2 else target[0]))
        optimizer.zero_grad()
        mean(losses).backward()
        optimizer.step()
    assert found["weights"] == pytest.approx([p.data for p in model.parameters()], rel=1e-9, abs=1e-12)


BACK = """import { drawPoints, split } from "../training/points.js";
import { Trainer } from "../training/trainer.js";

const { built, points, options } = data;
const trainer = new Trainer({ ...built, ...programs[0], ...split(drawPoints(points), 30, points.seed), ...options });
const left = () => trainer.left.map((row) => [...row]);
const state = () => JSON.stringify([[...trainer.weights], left(), trainer.costs, trainer.steps]);
const seen = [state()];
for (let step = 1; step <= 1500; step += 1) {
  if (step === 700) trainer.rate = 0.01;
  trainer.forward("step");
  seen.push(state());
}
const wrong = [];
for (let step = 1499; step >= 1350; step -= 1) {
  trainer.back("step");
  if (state() !== seen[step]) wrong.push(step);
}
const rate = trainer.rate;
trainer.forward("step");
if (state() !== seen[1351]) wrong.push("forward again");
const epochs = [];
while (trainer.steps > 0) {
  trainer.back("epoch");
  epochs.push(trainer.steps);
  if (trainer.steps % 7 || state() !== seen[trainer.steps]) wrong.push(trainer.steps);
}
trainer.back("step");
return { wrong, rate, epochs: epochs.slice(0, 3), start: trainer.steps, stepsAnEpoch: trainer.stepsAnEpoch };
"""


@needs_node
@pytest.mark.parametrize("optimizer", [pytest.param("sgd", marks=pytest.mark.slow), "adam"])
def test_back_is_exactly_where_training_was(tmp_path, optimizer):
    built = training_page.build(FIRST | {"optimizer": optimizer})
    found = run_here(tmp_path, BACK, {"built": plain(built), "points": MOONS, "options": OPTIONS}, [built])
    assert found == {"wrong": [], "rate": 0.01, "epochs": [1344, 1337, 1330], "start": 0, "stepsAnEpoch": 7}


DIVERGES = """import { Diverged, Trainer } from "../training/trainer.js";

const trainer = new Trainer({ ...data.built, ...programs[0], train: data.train, test: [], ...data.options });
const before = [];
let words = "";
for (let step = 0; step < 3000 && !words; step += 1) {
  before.splice(0, 1, JSON.stringify([[...trainer.weights], trainer.left.map((row) => [...row]), trainer.steps]));
  try {
    trainer.forward("step");
  } catch (error) {
    if (!(error instanceof Diverged || error instanceof RangeError)) throw error;
    words = error.message;
  }
}
const after = JSON.stringify([[...trainer.weights], trainer.left.map((row) => [...row]), trainer.steps]);
const { steps } = trainer;
trainer.back("step");
return [words, before[0] === after, trainer.steps === steps - 1];
"""


@needs_node
def test_training_that_diverges_ends_in_words_before_any_number_is_lost(tmp_path):
    built = training_page.build(FIRST | {"loss": "mse", "features": ["x", "x²"], "activation": "linear"})
    train = [{"x": x, "y": 1.0, "label": label} for x, label in ((5.0, 1), (-5.0, 0), (2.0, 1))]
    case = {"built": plain(built), "train": train, "options": OPTIONS | {"rate": 10}}
    words, is_kept, is_back = run_here(tmp_path, DIVERGES, case, [built])
    assert "a parameter would become" in words or "is too large for a float" in words
    assert is_kept
    assert is_back


MEASURES = """import { Trainer } from "../training/trainer.js";

let calls = 0;
const whole = (weights) => Math.round(1000 * weights[0]);
const training = { values(inputs, weights) { calls += 1; return [whole(weights), whole(weights)]; } };
const part = [0, 1, 1].map((label) => ({ x: 0, y: 0, label }));
const trainer = new Trainer({ ...data.built, ...programs[0], training, train: part, test: part, ...data.options });
const found = [];
const look = () => found.push([calls, trainer.measure("train").cost === whole(trainer.weights), calls]);
look();
trainer.training.gradient = (inputs, weights) => ({ dw: weights.map(() => 1) });
trainer.forward("epoch");
look();
trainer.back("epoch");
look();
return found;
"""


@needs_node
def test_the_costs_of_an_epoch_are_measured_once(tmp_path):
    built = training_page.build(FIRST)
    found = run_here(tmp_path, MEASURES, {"built": plain(built), "options": OPTIONS}, [built])
    assert [row[:2] for row in found] == [[6, True], [12, True], [12, True]]
    assert [row[2] for row in found] == [6, 12, 15]


REFUSES = """import { Trainer } from "../training/trainer.js";

const training = { values() { throw new RangeError("too large"); } };
const train = [0, 0, 1].map((label) => ({ inputs: [1], label }));
const trainer = new Trainer({ ...data.built, ...programs[0], training, train, test: [], ...data.options });
const { cost, right } = trainer.measure("train");
return [Number.isNaN(cost), Number.isNaN(right)];
"""


@needs_node
def test_an_output_that_is_no_number_is_not_counted_as_right(tmp_path):
    built = training_page.build(FIRST)
    assert run_here(tmp_path, REFUSES, {"built": plain(built), "options": OPTIONS}, [built]) == [True, True]


REMEMBERS = """import { Diverged, Trainer } from "../training/trainer.js";

return programs.map((program, i) => {
  const large = { gradient: (x, w) => ({ dw: w.map(() => data.gradient) }), values: () => [0, 0] };
  const trainer = new Trainer({
    ...data.built[i], ...program, training: large, train: data.points, test: [], ...data.options,
  });
  const before = [...trainer.weights];
  try {
    trainer.forward("step");
  } catch (error) {
    if (!(error instanceof Diverged)) throw error;
    return [error.message, trainer.steps, trainer.weights.every((weight, at) => weight === before[at])];
  }
  return ["", trainer.steps, trainer.left.every((numbers) => numbers.every(Number.isFinite))];
});
"""


@needs_node
@pytest.mark.parametrize("gradient", [1e155, 1e200])  # of the smaller one, only a number on the way overflows
def test_a_number_that_the_optimizer_cannot_remember_ends_training_as_its_own_step_does(tmp_path, gradient):
    built = [training_page.build(FIRST | {"optimizer": optimizer}) for optimizer in ("adam", "sgd")]
    points = [{"x": 1.0, "y": 1.0, "label": 1}]
    case = {"built": list(map(plain, built)), "points": points, "options": OPTIONS, "gradient": gradient}
    adam, sgd = run_here(tmp_path, REMEMBERS, case, built)
    assert adam == ["a gradient is too large for the optimizer", 0, True]
    assert sgd == ["", 1, True]
    weight = Value(1.0)
    weight.grad = gradient
    with pytest.raises(FloatingPointError):
        nn.Adam([weight]).step()


HISTORY = """import { History } from "../training/history.js";

const history = new History(20);
for (let steps = 0; steps <= 1000; steps += 1) history.offer(steps, `state ${steps}`);
const { length } = history;
return [length, data.map((steps) => history.back(steps))];
"""


@needs_node
def test_history_keeps_few_states_and_forgets_those_that_are_undone(tmp_path):
    length, backs = run_here(tmp_path, HISTORY, [1000, 999, 500, 3, 0])
    assert 10 <= length <= 20
    for wanted, back in zip([1000, 999, 500, 3, 0], backs, strict=True):
        assert back["steps"] <= wanted
        assert back["state"] == f"state {back['steps']}"
        assert wanted - back["steps"] < 1000 / 20 * 4


# ------------------------------------------------------------------------------------------------------------ pictures

DRAWN = """import * as pictures from "../training/pictures.js";

const { light } = pictures.PALETTES;
const diagonal = { values: ([x, y]) => [x, y] };
const maps = pictures.mapPlane(diagonal, [], 4, 2).map((map) => [...map]);
return {
  pixels: [...pictures.pixels(Float32Array.from([2, 0, -1, NaN]), light)],
  light,
  maps,
  halved: [...pictures.halved(Float32Array.from(maps[0]), 4)],
  there: pictures.toPixels(6, -6, 100),
  back: pictures.toPlane(...pictures.toPixels(1.5, -2.25, 372), 372),
  curve: pictures.curve([1, 0.5, NaN, 2, 0], 4, 10, 2),
  ceilings: [[], [NaN], [0], [0.03], [1], [3, NaN], [7e-5], [1e9]].map(pictures.ceiling),
  sampled: [pictures.sampled([1, 2, 3], 5), pictures.sampled([...Array(100).keys()], 4)],
  places: pictures.placeNeurons([2, 1], { column: 100, row: 50, margin: 10 }),
  shown: [0, -1.23456, 1e-5, 123456, -0, NaN, -Infinity].map((x) => pictures.shown(x)),
};
"""


@needs_node
def test_what_is_drawn(tmp_path):
    found = run_here(tmp_path, DRAWN, [])
    light = found["light"]
    assert found["pixels"] == [*light["high"], 255, *light["none"], 255, *light["low"], 255, *found["pixels"][12:15], 0]
    assert found["maps"][0][:4] == [-4.5, -1.5, 1.5, 4.5]  # from the left
    assert found["maps"][1][::4] == [4.5, 1.5, -1.5, -4.5]  # from the top
    assert found["halved"] == [-4.5, 1.5, -4.5, 1.5]
    assert found["there"] == [100, 100]
    assert found["back"] == pytest.approx([1.5, -2.25])
    assert found["curve"] == "M0.0,5.0L1.0,7.5M3.0,0.0L4.0,10.0"
    assert found["ceilings"] == pytest.approx([1, 1, 1, 0.05, 1, 5, 1e-4, 1e9])
    assert found["sampled"] == [[1, 2, 3], [0, 33, 66, 99]]
    assert found["places"] == {"places": [[[10, 25], [10, 75]], [[110, 50]]], "width": 120, "height": 100}
    assert found["shown"] == ["0", "−1.23", "1e−05", "1.23e+05", "0", "nan", "−inf"]


PALETTES = """import { PALETTES } from "../training/pictures.js";

return PALETTES;
"""


@needs_node
def test_the_plane_has_the_colours_of_the_themes(tmp_path):
    palettes = run_here(tmp_path, PALETTES, [])
    for name in ("light", "dark"):
        palette, theme = palettes[name], THEMES[name]
        none, high, low = (f"#{bytes(palette[part]).hex()}" for part in ("none", "high", "low"))
        assert (none, high, low) == (theme.background, theme.positive, theme.negative)
        assert palette["rim"] == theme.background


# ------------------------------------------------------------------------------------------------------- what is inside


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("activation", ["tanh", "leaky_relu"])
def test_the_chain_rule_in_words_has_the_engines_numbers(loss, activation):
    settings = FIRST | {"loss": loss, "activation": activation, "hidden": [3, 2]}
    built = training_page.build(settings)
    for layer, neuron, weight in [(1, 2, 0), (2, 0, 3), (2, 1, 1), (3, 0, 2), (3, 0, 0)]:
        answer = training_page.explain(settings, built["weights"], [1.5, -0.5], 1, layer, neuron, weight, False)
        *_, last = answer["formulas"]
        factors, product = last["text"].split(" = ")[-2:]
        assert math.prod(float(part.strip("()")) for part in factors.split(" * ")) == pytest.approx(
            float(product), rel=2e-3, abs=1e-9
        )
        assert answer["rows"][weight]["gradient"] == pytest.approx(float(product), rel=1e-3)
        assert answer["walk"]["nodes"][-1]["name"] == answer["name"] == built["names"][layer][neuron]


def test_the_gradient_of_a_row_is_that_of_the_loss():
    built = training_page.build(FIRST)
    weights, h = built["weights"], 1e-6
    place = built["layers"][1][2]["weights"][1]
    losses = []
    for shift in (h, -h):
        moved = [w + shift * (i == place) for i, w in enumerate(weights)]
        losses.append(training_page.explain(FIRST, moved, [1.0, 2.0], 0, 2, 2, 1, False)["loss"])
    row = training_page.explain(FIRST, weights, [1.0, 2.0], 0, 2, 2, 1, False)["rows"][1]
    assert row["weight"] == weights[place]
    assert row["gradient"] == pytest.approx((losses[0] - losses[1]) / (2 * h), rel=1e-5)


def test_instead_of_a_loss_that_is_too_large_the_neuron_is_walked_through():
    settings = FIRST | {"hidden": [16, 16]}
    weights = training_page.build(settings)["weights"]
    answer = training_page.explain(settings, weights, [1.0, 2.0], 0, 2, 2, 1, True)
    own = training_page.explain(settings, weights, [1.0, 2.0], 0, 2, 2, 1, False)
    assert answer == own
    assert not answer["is_whole"]
    assert answer["nodes"] == len(answer["walk"]["nodes"]) < answer["most_nodes"] < answer["loss_nodes"]
    weights = training_page.build(FIRST)["weights"]
    answer = training_page.explain(FIRST, weights, [1.0, 2.0], 0, 1, 0, 0, True)
    assert answer["is_whole"]
    assert answer["nodes"] == len(answer["walk"]["nodes"]) == answer["loss_nodes"]

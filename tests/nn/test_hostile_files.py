"""What is no model file is refused with ModelFileError, quickly and with little memory, and nothing in it is run."""

import json
import math
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import file_of

from nn import MLP, Layer, ModelFileError, Neuron


@pytest.fixture
def good(tmp_path):
    """The content of a good file."""
    model = MLP(2, [2, 3], activation="tanh", seed=0)
    model.loss, model.classes = "cross_entropy", ["a", "b", "c"]
    return file_of(model, tmp_path)


def refused(folder, content, words="hostile.json: ", kind=MLP):
    """This content, as text, bytes or what JSON makes of it, is to be refused with these words."""
    path = folder / "hostile.json"
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelFileError, match=words) as told:
        kind.load(path)
    assert str(told.value).startswith(str(path))
    assert len(str(told.value)) < len(str(path)) + 400


def test_every_truncation_is_refused(tmp_path):
    MLP(1, [1], seed=0).save(tmp_path / "m.json")
    whole = (tmp_path / "m.json").read_bytes().rstrip()
    for length in range(len(whole)):
        refused(tmp_path, whole[:length], "not a whole gradstep model file")


DEEP = 100_000
FOREIGN = [
    ("", "not a whole gradstep model file"),
    (b"\x00\xff\xfe\x80 binary", "not a whole gradstep model file"),
    (b"\x80\x04\x95\x10\x00\x00\x00", "not a whole gradstep model file"),  # a pickle
    ("not JSON", "not a whole gradstep model file"),
    ("[]", "not a gradstep model file"),
    ("3", "not a gradstep model file"),
    ("null", "not a gradstep model file"),
    ('"gradstep model"', "not a gradstep model file"),
    ("{}", "not a gradstep model file"),
    ('{"format": "other"}', "not a gradstep model file"),
    ('{"format": ["gradstep model"]}', "not a gradstep model file"),
    ("[" * DEEP + "]" * DEEP, "nested too deeply"),
    ('{"format":' * DEEP, "nested too deeply"),
    ("9" * 10_000, "not a whole gradstep model file"),
    ('{"format": "gradstep model", "format": "gradstep model"}', "a name occurs twice"),
]


@pytest.mark.parametrize(("content", "words"), FOREIGN, ids=[str(content)[:20] for content, _ in FOREIGN])
def test_foreign_files_are_refused(tmp_path, content, words):
    refused(tmp_path, content, words)


SIZES, WORDS = (
    "configuration/sizes",
    "must be an int >= 1|sizes must be a list|parameters, as the file has, got more|the parameters do not fit",
)
CHANGES = [  # where, what instead, and the words
    ("format", "gradstep model ", "not a gradstep model file"),
    ("version", 2, "the version of the format must be 1, got 2"),
    ("version", 0, "format must be 1, got 0"),
    ("version", "1", "format must be 1, got '1'"),
    ("version", True, "format must be 1, got True"),
    ("version", None, "format must be 1, got None"),
    ("version", "9" * 500, "format must be 1, got '9999"),
    ("kind", "Layer", "the kind must be MLP, got Layer"),
    ("kind", "os.system", r"the kind must be MLP, got os\.system"),
    ("kind", None, "the kind must be MLP, got None"),
    ("kind", {"a": 1}, "the kind must be MLP, got .'a': 1."),
    ("configuration", None, "configuration must be an object, got"),
    ("configuration", [2, [2, 3]], "configuration must be an object, got"),
    ("configuration", {}, "n_inputs or nin must be given, got neither"),
    ("configuration/seed", 3, "the configuration must be that of"),
    ("configuration/__class__", 3, "unexpected keyword argument"),
    ("configuration/n_inputs", "2", "n_inputs must be an int"),
    ("configuration/n_inputs", 2.0, "n_inputs must be an int"),
    ("configuration/n_inputs", True, "n_inputs must be an int"),
    ("configuration/n_inputs", 1_000_000_000, WORDS),
    ("configuration/n_inputs", -2, WORDS),
    (SIZES, [1_000_000_000], WORDS),
    (SIZES, [1_000_000_000, 3], WORDS),
    (SIZES, [10**4000, 3], WORDS),
    (SIZES, [3] * 100_000, WORDS),
    (SIZES, [], WORDS),
    (SIZES, [-1, 3], WORDS),
    (SIZES, [2, 0], WORDS),
    (SIZES, [True, 3], WORDS),
    (SIZES, [2.0, 3], WORDS),
    (SIZES, ["2", 3], WORDS),
    (SIZES, [math.nan, 3], "NaN is not a finite number"),
    (SIZES, [math.inf, 3], "Infinity is not a finite number"),
    (SIZES, [[2], 3], WORDS),
    (SIZES, [2, 2], WORDS),
    (SIZES, "23", WORDS),
    (SIZES, {"0": 2}, WORDS),
    ("configuration/activation", "nonsense", "activation must be one of .* got 'nonsense'"),
    ("configuration/activation", "__import__('os').system('true')", "activation must be one of"),
    ("configuration/activation", "__class__", "activation must be one of .* got '__class__'"),
    ("configuration/output", "", "output must be one of .* got ''"),
    ("configuration/activation", None, "activation must be one of"),
    ("configuration/activation", ["tanh"], "activation must be one of"),
    ("loss", 3, "loss must be a text or null, got"),
    ("loss", ["mse"], "loss must be a text or null, got"),
    ("classes", "abc", "classes must be a list or null, got"),
    ("classes", [0, 1], "classes must be 3, as this model tells so many apart, got 2"),
    ("classes", [0, 1, 2, 3], "classes must be 3, as this model tells so many apart, got 4"),
    ("classes", [0, 0, 1], "classes must be at least two different strings or finite numbers, got"),
    ("classes", [], "classes must be at least two different"),
    ("classes", [0, 1, None], "classes must be at least two different"),
    ("classes", [0, 1, [2]], "classes must be at least two different"),
    ("classes", [2, False, True], "classes must be at least two different"),
    ("classes", [0, 1, math.nan], "NaN is not a finite number"),
    ("parameters", None, "parameters must be an object, got"),
    ("parameters", [1.0] * 15, "parameters must be an object, got"),
    ("parameters", {}, "must have 0 parameters, as the file has, got more"),
    ("parameters/__class__", 1.0, "do not fit this MLP: 0 missing"),
    ("parameters/layers.0.neurons.0.b", "1.0", r"parameter layers\.0\.neurons\.0\.b must be a finite number"),
    ("parameters/layers.0.neurons.0.b", None, "must be a finite number, got None"),
    ("parameters/layers.0.neurons.0.b", True, "must be a finite number, got True"),
    ("parameters/layers.0.neurons.0.b", [1.0], "must be a finite number"),
    ("parameters/layers.0.neurons.0.b", {"data": 1.0}, "must be a finite number"),
    ("parameters/layers.0.neurons.0.b", 10**400, "must be a finite number"),
    ("parameters/layers.0.neurons.0.b", math.nan, "NaN is not a finite number"),
    ("parameters/layers.0.neurons.0.b", math.inf, "Infinity is not a finite number"),
]


def changed(content: dict, place: str, replacement: object) -> dict:
    content = json.loads(json.dumps(content))
    *outer, name = place.split("/", 1)
    (content[outer[0]] if outer else content)[name] = replacement
    return content


@pytest.mark.parametrize(("place", "replacement", "words"), CHANGES)
def test_one_wrong_thing_is_refused(tmp_path, good, place, replacement, words):
    refused(tmp_path, changed(good, place, replacement), words)


@pytest.mark.parametrize("key", ["format", "version", "kind", "configuration", "loss", "classes", "parameters"])
def test_one_missing_thing_is_refused(tmp_path, good, key):
    del good[key]
    refused(tmp_path, good)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"layers.0.neurons.0.b": 0.0', '"layers.0.neurons.0.b": 0.0, "layers.0.neurons.0.b": 0.0', "occurs twice"),
        ('"layers.0.neurons.0.b": 0.0', '"layers.0.neurons.0.x": 0.0', r"1 missing \['layers.0.neurons.0.b'\], 1 unk"),
        ('"layers.0.neurons.0.b": 0.0', '"layers.0.neurons.0.b": 1e999', "must be a finite number, got inf"),
        ('"layers.0.neurons.0.b": 0.0', f'"layers.0.neurons.0.b": {"9" * 10_000}', "not a whole gradstep model file"),
        ('"n_inputs": 2', f'"n_inputs": {"9" * 10_000}', "not a whole gradstep model file"),
        ('"kind": "MLP"', '"kind": "MLP", "kind": "MLP"', "a name occurs twice"),
        ('"n_inputs": 2', '"n_inputs": 2, "n_inputs": 2', "a name occurs twice"),
    ],
)
def test_texts_that_json_would_let_through_are_refused(tmp_path, good, old, new, words):
    text = json.dumps(good)
    assert text.count(old) == 1
    refused(tmp_path, text.replace(old, new), words)


@pytest.mark.parametrize(
    ("model", "place", "number"),
    [
        (Neuron(2), "configuration/n_inputs", 1_000_000_000),
        (Layer(2, 2), "configuration/n_outputs", 1_000_000_000),
        (Layer(2, 2), "configuration/n_inputs", -1),
        (Layer(2, 2), "configuration/n_inputs", "2"),
        (Layer(2, 2), "classes", ["a", "b", "c"]),
        (Neuron(2), "configuration/activation", "eval"),
        (MLP(2, [1]), SIZES, [True]),
        (MLP(2, [2]), SIZES, [1_000_000_000]),
        (MLP(2, [2]), SIZES, [100_000] * 20_000),
    ],
)
def test_absurd_sizes_take_no_memory(tmp_path, model, place, number):
    content = changed(file_of(model, tmp_path), place, number)
    tracemalloc.start()
    try:
        refused(tmp_path, content, kind=type(model))
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What files of two models hold: JSON, and bytes."""
    folder = tmp_path_factory.mktemp("whole")
    MLP(1, [1], seed=0).save(folder / "byte.json")
    return file_of(MLP(2, [2, 3], seed=0), folder), (folder / "byte.json").read_bytes()


@given(st.sampled_from(["configuration", "parameters", "loss", "classes", "kind", "version", SIZES]), JSON)
@settings(max_examples=200)
def test_whatever_stands_in_a_file_it_loads_or_is_refused(tmp_path_factory, whole, place, replacement):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(changed(whole[0], place, replacement)))
    with suppress(ModelFileError):
        assert MLP.load(path).state_dict() == whole[0]["parameters"]


@given(st.integers(0, 400), st.integers(0, 255))
@settings(max_examples=200)
def test_whatever_byte_is_wrong_it_loads_or_is_refused(tmp_path_factory, whole, place, byte):
    path = tmp_path_factory.getbasetemp() / "byte.json"
    content = bytearray(whole[1])
    content[place % len(content)] = byte
    path.write_bytes(content)
    try:
        model = MLP.load(path)
    except ModelFileError:
        return
    assert model.predict([[1.0]])

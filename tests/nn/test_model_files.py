"""Model files: readable, exact to the last bit, and written whole or not at all."""

import errno
import json
import math
import os
import random
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import XOR_X, XOR_Y, condition, file_of, small

from engine import Value
from nn import MLP, Layer, Module, Neuron

FINITE = st.floats(allow_nan=False, allow_infinity=False)
EDGES = [5e-324, -5e-324, 2.2250738585072014e-308, -0.0, 1e308, -1.7976931348623157e308, 0.1, 1 / 3, 2**53 + 1.0]


def test_a_file_is_readable_and_says_what_it_is(tmp_path):
    model = MLP(1, [1, 1], activation="tanh", seed=0)
    model.loss, model.classes = "binary_cross_entropy", ["no", "yes"]
    content = file_of(model, tmp_path)
    assert content == {
        "format": "gradstep model",
        "version": 1,
        "kind": "MLP",
        "configuration": {"n_inputs": 1, "sizes": [1, 1], "activation": "tanh", "output": "linear"},
        "loss": "binary_cross_entropy",
        "classes": ["no", "yes"],
        "parameters": model.state_dict(),
    }
    lines = (tmp_path / "model.json").read_text().splitlines()
    assert sum(line.strip().startswith('"layers.') for line in lines) == 4  # a parameter a line


@given(st.lists(FINITE, min_size=3, max_size=3))
@settings(max_examples=50)
def test_weights_survive_to_the_last_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.getbasetemp() / "bits.json"
    model = MLP(2, [1], seed=0)
    for parameter, number in zip(model.parameters(), numbers):
        parameter.data = number
    model.save(path)
    assert condition(MLP.load(path)) == condition(model)


def test_the_edges_of_floats_survive(tmp_path):
    model = MLP(len(EDGES) - 1, [1], seed=0)
    for parameter, number in zip(model.parameters(), EDGES):
        parameter.data = number
    model.save(tmp_path / "m.json")
    assert condition(MLP.load(tmp_path / "m.json")) == condition(model)


@pytest.mark.parametrize("classes", [None, [0, 1], ["b", "ä\n\"'"], [0.5, 1.5], [-1, 10**400]])
def test_a_trained_model_comes_back_whole(tmp_path, classes):
    model = small()
    if classes is not None:
        y = [classes[place] for place in XOR_Y]
        model.fit(XOR_X, y, loss="hinge", epochs=2, progress=False, seed=0)
    model.save(tmp_path / "m.json")
    again = MLP.load(str(tmp_path / "m.json"))
    assert condition(again) == condition(model)
    assert again.classes == (None if classes is None else sorted(classes))
    assert repr(again) == repr(model)
    assert again.predict(XOR_X) == model.predict(XOR_X)


@pytest.mark.parametrize("model", [Neuron(2), Layer(2, 3), MLP(2, [3, 1])], ids=["Neuron", "Layer", "MLP"])
def test_loading_leaves_pythons_random_alone(tmp_path, model):
    model.save(tmp_path / "m.json")
    state = random.getstate()
    assert condition(type(model).load(tmp_path / "m.json")) == condition(model)
    assert random.getstate() == state


@pytest.mark.parametrize(
    "model", [MLP(2, [2], activation=lambda z: z), Neuron(2, activation=abs), Layer(2, 2, activation=abs)]
)
def test_a_function_of_ones_own_is_not_saved(tmp_path, model):
    with pytest.raises(
        ValueError, match=r"a file cannot hold .*activation=\.\.\..* with <.*; give activations by name"
    ) as refused:
        model.save(tmp_path / "m.json")
    assert " at 0x" not in str(refused.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_not_saved(tmp_path, number):
    model = small()
    model.parameters()[1].data = number
    with pytest.raises(
        ValueError, match=r"the parameter layers\.0\.neurons\.0\.w\.1 must be a finite number .*, got (nan|-?inf)"
    ):
        model.save(tmp_path / "m.json")
    assert not list(tmp_path.iterdir())


def half_written(path, content):
    """A disk becomes full."""
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


def failing(error):
    def function(*_args, **_options):
        raise error

    return function


@pytest.mark.parametrize("old", ["something older", None])
@pytest.mark.parametrize(
    ("name", "replacement", "kind"),
    [
        ("engine.whole_files.Path.write_bytes", half_written, OSError),
        ("engine.whole_files.os.fsync", failing(OSError(errno.EIO, "Input/output error")), OSError),
        ("engine.whole_files.os.fsync", failing(KeyboardInterrupt()), KeyboardInterrupt),
        ("engine.whole_files.os.chmod", failing(PermissionError(errno.EPERM, "not permitted")), PermissionError),
        ("engine.whole_files.os.replace", failing(PermissionError(errno.EACCES, "denied")), PermissionError),
        (
            "engine.whole_files.tempfile.mkstemp",
            failing(PermissionError(errno.EACCES, "denied", "/x/.m")),
            PermissionError,
        ),
    ],
)
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch, old, name, replacement, kind):
    path = tmp_path / "m.json"
    if old:
        path.write_text(old)
    with monkeypatch.context() as patched:
        patched.setattr(name, replacement)
        with pytest.raises(kind) as told:
            small().save(path)
    assert [file.name for file in tmp_path.iterdir()] == (["m.json"] if old else [])
    assert not old or path.read_text() == old
    if kind is not KeyboardInterrupt:
        assert str(told.value).endswith(f": '{path}'")  # and nothing of the file beside it
    small().save(path)
    assert condition(MLP.load(path)) == condition(small())


def test_the_new_content_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    path, seen = tmp_path / "m.json", []
    path.write_text("old")
    replace = os.replace

    def watched(source, target):
        seen.append((json.loads(Path(source).read_text())["kind"], path.read_text(), len(synced)))
        replace(source, target)

    synced = []
    monkeypatch.setattr("engine.whole_files.os.fsync", synced.append)
    monkeypatch.setattr("engine.whole_files.os.replace", watched)
    small().save(path)
    assert seen == [("MLP", "old", 1)]


def test_a_process_that_dies_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.json"
    small(seed=1).save(path)
    program = (
        "import os, sys, engine.whole_files, nn\n"
        "from nn import MLP\n"
        "engine.whole_files.os.fsync = lambda handle: os._exit(9)\n"
        "MLP(2, [3, 1], activation='tanh', seed=2).save(sys.argv[1])"
    )
    assert subprocess.run([sys.executable, "-c", program, path], check=False).returncode == 9
    assert condition(MLP.load(path)) == condition(small(seed=1))


def test_missing_folders_and_folders_for_files_are_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError) as told:
        small().save(tmp_path / "none" / "m.json")
    assert told.value.filename == str(tmp_path / "none" / "m.json")
    with pytest.raises(IsADirectoryError, match="this is a folder"):
        small().save(tmp_path)
    with pytest.raises(FileNotFoundError):
        MLP.load(tmp_path / "none.json")
    with pytest.raises(IsADirectoryError):
        MLP.load(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_permissions_are_those_of_any_new_file_or_of_the_old_one(tmp_path):
    path, beside = tmp_path / "m.json", tmp_path / "beside"
    beside.touch()
    small().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(beside.stat().st_mode)
    path.chmod(0o640)
    small().save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("ending", [".c", ".pt", ".H5", ".json.gz", ".jsonl", ".v", ".v2a", ".anything"])
def test_an_ending_of_another_format_is_refused(ending, tmp_path):
    path = tmp_path / f"model{ending}"
    words = "a model file must end in .json, .onnx or .safetensors, got '.*'; gradstep export MODEL FILE writes C "
    with pytest.raises(ValueError, match=words):
        MLP(2, [1], seed=0).save(path)
    assert not path.exists()
    MLP(2, [1], seed=0).save(tmp_path / "model.json")
    (tmp_path / "model.json").rename(path)  # as an older gradstep wrote it
    assert len(MLP.load(path).parameters()) == 3


@pytest.mark.parametrize("name", ["model", "m.JSON", "m.v2", "m.model", "m.txt", "rate-0.05", "m.v2.1", ".model"])
def test_these_endings_mean_json(name, tmp_path):
    model = MLP(2, [1], seed=0)
    model.save(tmp_path / name)
    assert MLP.load(tmp_path / name).state_dict() == model.state_dict()


@pytest.mark.parametrize("number", [math.nan, math.inf])
@pytest.mark.parametrize("ending", ["json", "onnx", "safetensors"])
def test_no_file_has_a_weight_that_load_refuses(number, ending, tmp_path):
    if ending != "json":
        pytest.importorskip(ending)
    model = MLP(2, [1], seed=0)
    model.layers[0].neurons[0].b.data = number
    with pytest.raises(ValueError, match=r"the parameter layers.0.neurons.0.b must be .*, got (nan|inf)"):
        model.save(tmp_path / f"model.{ending}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("learned", "words"),
    [
        ({"classes": ["a", math.nan]}, "classes must be at least two different strings or finite numbers, got"),
        ({"classes": ["a", "a"]}, "classes must be at least two different"),
        ({"classes": ["a", "b", "c"]}, "classes must be 2, as this model tells so many apart, got 3"),
        ({"classes": ("a", "b")}, "classes must be a list or null, got"),
        ({"loss": [3]}, "loss must be a text or null, got"),
        ({"loss": 3}, "MLP.loss must be left to fit, which sets it, got 3"),
        ({"column_names": ["a"]}, "column_names must be 2 names, got 1"),
        ({"column_names": ["a", 1]}, r"column_names must be a list of texts, got \['a', 1\]"),
        ({"target_column_names": ["a", "b"]}, "target_column_names must be 1 names, got 2"),
    ],
)
@pytest.mark.parametrize("ending", ["json", "onnx", "safetensors"])
def test_save_refuses_what_load_refuses(learned, words, ending, tmp_path):
    if ending != "json":
        pytest.importorskip(ending)
    model = MLP(2, [1], seed=0)
    vars(model).update(learned)
    with pytest.raises(ValueError, match=words):
        model.save(tmp_path / f"model.{ending}")
    assert not list(tmp_path.iterdir())


class Embedding(Module):
    def __init__(self):
        self.table = [Value(0.5), 2.0]

    def __call__(self, x):
        return self.table[0] * self.table[1] * x[0]

    def train(self, X, y):  # a name that Module has
        return self.fit(X, y, epochs=2, seed=0, progress=False)


def test_a_model_with_a_table_and_a_train_of_its_own_is_trained_and_saved(tmp_path):
    model = Embedding()
    model.train([[1.0], [2.0]], [2.0, 4.0])
    model.save(tmp_path / "m.json")
    assert Embedding.load(tmp_path / "m.json")([1.0]).data == model([1.0]).data != 1.0
    model.table[1] = 3.0
    with pytest.raises(ValueError, match=r"Embedding\.table\.1 is 3\.0, and a new Embedding has 2\.0 there"):
        model.save(tmp_path / "m.json")

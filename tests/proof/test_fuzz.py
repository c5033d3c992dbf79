"""The targets of proof/fuzz.py with some hundred inputs each, no fuzzer needed; and what it found before."""

import ctypes
import importlib
import json
import pickle
import random
import subprocess
import sys
import tracemalloc
import warnings

import pytest
from checkout import ROOT

from nn import ModelFileError

PROOF = ROOT / "proof"
pytestmark = pytest.mark.skipif(not PROOF.is_dir(), reason="proof/ is not beside the tests")
if PROOF.is_dir():
    sys.path.insert(0, str(PROOF))
    import fuzz
    from fuzz_checks import Finding, Target, check, file_of, warm_up
    from fuzz_targets import TARGETS
else:
    TARGETS = {}

INPUTS = 300


@pytest.fixture
def counting():
    """Memory is counted, as by the script."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def mutated(data, target, rng):
    """One thing changed: a byte, a stretch taken out or doubled, a word put in, or what the target knows to change."""
    new = target.changed(data, rng) if rng.random() < 0.5 else None
    if new is not None:
        return new
    start = rng.randrange(len(data) + 1)
    stop = min(len(data), start + rng.choice([0, 1, 5, 50]))
    piece = rng.choice([b"", rng.randbytes(2), data[start:stop] * 2, rng.choice(target.words).encode()])
    return data[:start] + piece + data[stop:]


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.slow
def test_some_hundred_inputs(counting, name):
    if name in ("onnx", "safetensors"):
        pytest.importorskip(name)
    target, rng = TARGETS[name], random.Random(1)
    inputs = warm_up(target)
    for data in inputs[:]:
        check(target, data)
    for _ in range(INPUTS):
        data = mutated(rng.choice(inputs), target, rng)
        check(target, data)
        if len(inputs) < 100:
            inputs.append(data)


def test_the_script_names_all_targets():
    assert set(fuzz.NAMES) == set(TARGETS)


@pytest.mark.parametrize(
    "places",
    [("optimizer", "mean", "numbers", 0), ("optimizer", "square", "numbers", 2), ("optimizer", "steps"), ("tally", 0)],
    ids=str,
)
def test_numbers_beyond_floats_in_a_checkpoint(counting, places):
    target = TARGETS["checkpoint"]
    content = json.loads(target.seeds()[0])
    inner = content
    for place in places[:-1]:
        inner = inner[place]
    assert isinstance(inner[places[-1]], (int, float))
    inner[places[-1]] = 10**400
    check(target, json.dumps(content).encode())
    with pytest.raises(ModelFileError):
        target.run(json.dumps(content).encode())


@pytest.mark.slow
def test_long_arguments_have_short_messages(counting):
    target = TARGETS["command"]
    warm_up(target)
    for line in (["--" + "x" * 5_000], ["step", "x" * 5_000], ["predict", "y" * 5_000, "rows.csv"], ["x"] * 3_000):
        check(target, "\0".join(line).encode())


@pytest.mark.slow
def test_a_walk_through_a_graph_in_a_python_of_its_own(tmp_path):
    """Nothing that it imports is imported only while it is watched: that would look like code that is run."""
    line = tmp_path / "line"
    line.write_bytes(b"step\0--html\0009**0\0-1")
    command = [sys.executable, str(PROOF / "fuzz.py"), "command", str(line)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "as it should be\n"), done.stderr


# --------------------------------------------------------------------------------- what may not be is found, not hidden


def runs_code(data):
    eval("1 + 1")


def other_error(data):
    {}[data]


def kin_of_the_error(data):
    raise UnicodeDecodeError("utf-8", data, 0, 1, "a ValueError, but not the documented one")


def long_message(data):
    raise ValueError("x" * 10_000)


def takes_memory(data):
    return [0.0] * 1_000_000


def unpickles(data):
    pickle.loads(b"cbuiltins\nlist\n.")


def loads_a_library(data):
    ctypes.CDLL(None)


def finds_a_function(data):
    ctypes.pythonapi["Py_GetVersion"]


def warns(data):
    warnings.warn("what is this?", stacklevel=1)


BAD = [
    runs_code,
    other_error,
    kin_of_the_error,
    long_message,
    takes_memory,
    unpickles,
    loads_a_library,
    finds_a_function,
    warns,
]


@pytest.mark.parametrize("bad", BAD)
def test_what_may_not_be_is_found(counting, bad):
    target = Target("bad", bad, (ValueError,), list, ())
    with pytest.raises(Finding):
        check(target, b"x")
    with pytest.raises(Finding):
        check(target, b"x" * 100)


def test_a_file_written_elsewhere_is_found(counting, tmp_path):
    target = Target("bad", (tmp_path / "there").write_bytes, (ValueError,), list, ())
    with pytest.raises(Finding, match="open"):
        check(target, b"x")
    good = Target("good", lambda data: file_of(data, "here") and None, (ValueError,), list, ())
    check(good, b"x")


def test_a_module_that_is_imported_only_now_may_be_read(counting, tmp_path, monkeypatch):
    (tmp_path / "imported_late.py").write_text("number = 3")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    target = Target("good", lambda data: importlib.import_module("imported_late") and None, (), list, ())
    check(target, b"x")
    assert not sys.dont_write_bytecode


def test_the_library_of_numpy_may_be_asked_for_its_threads(counting):
    import numpy.linalg._umath_linalg as library

    target = Target("good", lambda data: ctypes.CDLL(library.__file__)["PyInit__umath_linalg"] and None, (), list, ())
    check(target, b"x")


def test_a_program_is_found(counting):
    target = Target("bad", lambda data: subprocess.run([sys.executable, "-c", "1", "2"], check=True), (), list, ())
    with pytest.raises(Finding, match=r"subprocess\.Popen"):
        check(target, b"x")

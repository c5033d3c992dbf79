"""``gradstep train --coordinator``: two processes train the model of one, and wrong options are one line each."""

import os
import re
import socket
import subprocess
import sys
from importlib.util import find_spec

import pytest
from checkout import ROOT

from nn import MLP
from nn.cli.processes import wait_for

needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="needs jax")


def started(folder, *arguments):
    """A process of the command."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    words = [sys.executable, "-m", "gradstep", "train", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@needs_jax
@pytest.mark.parametrize("backend", ["numpy", pytest.param("jax", marks=pytest.mark.slow)])
def test_two_processes_train_the_model_of_one_and_the_first_alone_reports(command, tmp_path, backend):
    rows = [f"{i % 7},{i * i % 11 - 5},{'ab'[i % 2]},{2.0 * (i % 7) - i * i % 11 + 0.1 * (i % 3)}" for i in range(61)]
    (tmp_path / "t.csv").write_text("x,z,kind,y\n" + "\n".join(rows) + "\n")
    same = ("t.csv", "--epochs", "3", "--hidden", "5", "--regression", "--quiet")
    status, said, told = command("train", *same, "--out", "one.json")
    assert (status, told) == (0, "")
    several = ("--backend", backend, "--coordinator", f"127.0.0.1:{free_port()}", "--processes", "2", "--process")
    other = started(tmp_path, *same, *several, "1", "--out", "nowhere/other.json", "--checkpoint", "nowhere/c.json")
    first = started(tmp_path, *same, *several, "0", "--out", "two.json", "--checkpoint", "run.json")
    (said_first, told_first), (said_other, told_other) = (each.communicate(timeout=120) for each in (first, other))
    assert (first.returncode, other.returncode) == (0, 0), told_first + told_other
    assert (said_first, said_other) == (said.replace("one.", "two."), "")
    one, two = (MLP.load(tmp_path / f"{name}.json").state_dict() for name in ("one", "two"))
    assert two == pytest.approx(one, rel=1e-9)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("one.json", "one.neuron.svg", "run.json", "t.csv", "two.json", "two.neuron.svg")
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--processes", "2"], "--processes must be given with --coordinator HOST:PORT and --process I"),
        (["--coordinator", "a:1"], "--coordinator must be given with --processes N and --process I"),
        (["--process", "0", "--coordinator", "a:1"], "--coordinator must be given with --processes N"),
        (["--coordinator", "a", "--processes", "2", "--process", "0"], "--coordinator must be HOST:PORT, .* got 'a'"),
        (["--coordinator", ":1", "--processes", "2", "--process", "0"], "--coordinator must be HOST:PORT"),
        (["--coordinator", "a:70000", "--processes", "2", "--process", "0"], "--coordinator must be HOST:PORT"),
        (["--coordinator", "a:1", "--processes", "0", "--process", "0"], "--processes must be an int >= 1, got 0"),
        (["--coordinator", "a:1", "--processes", "2", "--process", "2"], "--process must be an int from 0 to 1, got 2"),
    ],
)
def test_wrong_options_are_one_line(command, given, words):
    status, said, told = command("train", "xor", *given)
    assert (status, said) == (1, "")
    assert told.count("\n") == 1
    assert re.match(f"gradstep: {words}", told)


def test_without_jax_it_is_one_line(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    status, said, told = command("train", "xor", "--coordinator", "a:1", "--processes", "2", "--process", "0")
    assert (status, said, told.count("\n")) == (1, "", 1)
    assert told.startswith("gradstep: --coordinator must have the package jax")
    assert 'pip install "gradstep[jax]"' in told


def test_a_first_process_that_does_not_listen_is_named():
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(ConnectionError, match=f"--coordinator: process 0 must listen at {address}"):
        wait_for(address, 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        wait_for(f"127.0.0.1:{server.getsockname()[1]}", 0.0)

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
from nn.cli.processes import address_of

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


@pytest.mark.slow
@needs_jax
@pytest.mark.parametrize("backend", ["numpy", "jax"])
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


ROWS = [f"{i},{i * i % 7},{i % 5}" for i in range(40)]


def told_by(folder, *processes, seconds=60):
    """What processes with these options say on standard error; each must fail in one line."""
    address = f"127.0.0.1:{free_port()}"
    common = ("--epochs", "1", "--hidden", "2", "--quiet", "--coordinator", address)
    running = [started(folder, *own, *common) for own in processes]
    try:
        said = [each.communicate(timeout=seconds) for each in running]
    finally:
        for each in running:
            each.kill()
    assert [each.returncode for each in running] == [1] * len(running), said
    lines = [[line for line in told.splitlines() if "waiting for" not in line] for _, told in said]
    assert [len(each) for each in lines] == [1] * len(lines), lines
    return [line for (line,) in lines]


def numbered(i, *arguments, of=2):
    return (*arguments, "--processes", str(of), "--process", str(i))


@pytest.mark.slow
@needs_jax
def test_processes_of_another_count_stop(tmp_path):
    one, other = told_by(tmp_path, numbered(0, "xor"), numbered(1, "xor", of=3))
    assert one == other
    assert one.startswith(
        "gradstep: --processes must be the same in all processes, got 2 in process 0 and 3 in process 1"
    )


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "other", "words"),
    [
        (["t.csv"], ["t.csv", "--target", "z"], "--target must be the same in all processes, got nothing in process 0"),
        (["xor"], ["moons"], "DATA must be the same in all processes, got xor in process 0 and moons in process 1"),
        (["t.csv"], ["other/t.csv"], "the inputs of t.csv must be the same in all processes, got float64 array of"),
    ],
)
def test_processes_with_another_problem_stop(tmp_path, first, other, words):
    (tmp_path / "other").mkdir()
    for name, rows in (("t.csv", ROWS), ("other/t.csv", ROWS[::-1])):
        (tmp_path / name).write_text("x,z,y\n" + "\n".join(rows) + "\n")
    one, two = told_by(tmp_path, numbered(0, *first), numbered(1, *other))
    assert one == two
    assert one.startswith(f"gradstep: {words}")


@needs_jax
@pytest.mark.slow
@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_of_one_process_stops_all(tmp_path, failing):
    (tmp_path / "t.csv").write_text("x,z,y\n" + "\n".join(ROWS) + "\n")
    lines = told_by(tmp_path, *(numbered(i, "t.csv" if i != failing else "none.csv") for i in range(2)))
    assert lines[failing] == "gradstep: none.csv: No such file or directory"
    assert lines[1 - failing] == f"gradstep: process {failing}: none.csv: No such file or directory"


@needs_jax
@pytest.mark.parametrize(
    ("coordinator", "words"),
    [
        ("127.0.0.1:12\uff13", "--coordinator must be HOST:PORT"),
        ("http://localhost:1", "--coordinator must be HOST:PORT, .* got 'http://localhost:1'"),
        ("foo bar:1", "--coordinator must be HOST:PORT, .* got 'foo bar:1'"),
        ("a:1\n", "--coordinator must be HOST:PORT"),
        ("::1:1234", "--coordinator must be HOST:PORT, .* got '::1:1234'; write an IPv6 address in brackets, as "),
        ("no-host.invalid:1234", r"--coordinator: the host 'no-host.invalid' must have an address, got none \(.+\)"),
    ],
)
@pytest.mark.parametrize("process", ["0", "1"])
def test_a_wrong_address_is_one_line(command, coordinator, words, process):
    status, said, told = command("train", "xor", "--coordinator", coordinator, "--processes", "2", "--process", process)
    assert (status, said, told.count("\n")) == (1, "", 1)
    assert re.match(f"gradstep: {words}", told)


@needs_jax
def test_a_port_in_use_is_one_line(command):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        several = ("--coordinator", f"127.0.0.1:{port}", "--processes", "2", "--process", "0")
        status, said, told = command("train", "xor", *several)
    assert (status, said) == (1, "")
    assert told == f"gradstep: --coordinator: port {port} is in use; choose another one for all processes\n"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("10.0.0.1:1234", ("10.0.0.1", 1234)),
        ("my-host.lan:1", ("my-host.lan", 1)),
        ("[::1]:65535", ("::1", 65535)),
        ("[fe80::1%eth0]:7", ("fe80::1%eth0", 7)),
    ],
)
def test_addresses(written, address):
    assert address_of(written) == address

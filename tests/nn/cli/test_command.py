"""The command gradstep: train, predict, draw, step; and what it says where something is wrong."""

import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from networks import condition

import engine
from engine import Value, backprop
from nn import MLP
from nn.__main__ import main
from nn.cli.arguments import parser
from nn.cli.train import confusion_table
from nn.data import moons
from nn.scaling import Scaling

MAGIC = {"svg": b"<?xml", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-", "gv": b"digraph"}
SHORT = ("--quiet", "--epochs", "1", "--hidden", "2")


@pytest.fixture
def gradstep(command):
    """Runs the command in an empty folder; gives what it printed; standard error may have a warning and no more."""

    def run(*arguments: object) -> str:
        status, out, err = command(*arguments)
        assert status == 0
        assert re.fullmatch(r"(gradstep: the loss .*\n)?", err)  # was still falling: tests train for few epochs
        return out

    return run


def flower_file(folder: Path, rows: int = 24, header: str = "length,width,kind\n") -> Path:
    """A CSV of two kinds that lie apart, on a scale that needs scaling."""
    path = folder / "flowers.csv"
    lines = [f"{1000 + 100 * (i % 2) + i},{0.001 * (i % 5)},{['rose', 'lily'][i % 2]}\n" for i in range(rows)]
    path.write_text(header + "".join(lines))
    return path


# ---------------------------------------------------------------------------------------------------------------- train


def test_a_warning_is_one_line_and_no_error(command, folder):
    flower_file(folder)
    few = ("train", "flowers.csv", "--quiet", "--epochs", "12", "--rate", "0.00001")
    status, _, err = command(*few)
    assert (status, err.count("\n")) == (0, 1)
    assert err.startswith("gradstep: the loss was still falling after 12 epochs")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert command(*few)[::2] == (status, err)


def test_train_xor(gradstep, folder):
    out = gradstep("train", "xor", "--quiet")
    assert out.splitlines() == [
        "xor: 4 examples to train on, 2 inputs, layers of 8, 1, 33 parameters",
        "training accuracy: 100.00% (4 of 4 examples)",
        "right \\ said    0    1",
        "           0    2    .",
        "           1    .    2",
        "model: xor.json",
        "graph of the first output neuron: xor.neuron.svg",
    ]
    assert MLP.load("xor.json").predict([[0, 0], [0, 1], [1, 0], [1, 1]]) == [0, 1, 1, 0]
    shown = [e.text for e in ET.parse("xor.neuron.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert {"x0", "w7", "b", "output", "grad", "1"} <= set(shown)
    data, grad = ({name: shown[shown.index(name) + 2 * i] for name in shown if name[0] in "xwb"} for i in (1, 2))
    assert grad["b"] == "1"  # and nothing is left of what the weights had from training
    assert [grad[f"w{i}"] for i in range(8)] == [data[f"x{i}"] for i in range(8)]
    assert sorted(path.name for path in folder.iterdir()) == ["xor.json", "xor.neuron.svg"]


def test_train_moons_with_every_option(gradstep):
    options = ["--hidden", "6,4", "--epochs", "60", "--batch-size", "16", "--rate", "0.5", "--optimizer", "sgd"]
    options += ["--seed", "3", "--activation", "tanh"]
    out = gradstep("train", "moons", "--quiet", *options, "--test-share", "0.25", "--out", "half.moons.json")
    assert "moons: 150 examples to train on, 2 inputs, layers of 6, 4, 1, 51 parameters" in out
    accuracy, right, of = re.search(r"held-out accuracy: ([\d.]+)% \((\d+) of (\d+) examples\)", out).groups()
    assert float(accuracy) >= 90
    assert float(accuracy) == pytest.approx(100 * int(right) / int(of), abs=0.005)
    assert of == "50"
    model = MLP.load("half.moons.json")
    assert (model.activation, model.loss, len(model.layers)) == ("tanh", "binary_cross_entropy", 3)
    assert Path("half.moons.neuron.svg").exists()


def test_the_same_seed_gives_the_same_file(gradstep):
    def trained(*options):
        gradstep("train", "moons", *SHORT, *options)
        return Path("moons.json").read_bytes()

    first = trained("--seed", "5")
    assert trained("--seed", "5") == first
    for options in (("--seed", "6"), ("--rate", "0.1"), ("--optimizer", "sgd"), ("--batch-size", "8")):
        assert trained(*options) != first


def test_train_does_what_its_parts_do(gradstep):
    gradstep("train", "moons", *SHORT, "--seed", "5", "--batch-size", "50")
    training, _ = moons(seed=5).split(0.2, seed=5)
    scaling = Scaling.of(training.X)
    model = MLP(2, [2, 1], seed=5)
    options = {"loss": "binary_cross_entropy", "learning_rate": 0.005, "epochs": 1, "batch_size": 50, "seed": 5}
    model.fit(scaling.apply(training.X), training.y, **options, progress=False)
    scaling.fold_in(model)
    assert condition(MLP.load("moons.json")) == condition(model)


@pytest.mark.parametrize("header", ["length,width,kind\n", ""], ids=["header", "no header"])
def test_train_a_file_of_classes(gradstep, folder, header):
    path = flower_file(folder, header=header)
    out = gradstep("train", path, "--epochs", 80, "--hidden", 4, "--quiet")
    assert "flowers: 19 examples to train on, 2 inputs, layers of 4, 1" in out
    assert "held-out accuracy: 100.00% (5 of 5 examples)" in out
    assert "right \\ said  lily  rose" in out
    model = MLP.load("flowers.json")
    assert model.classes == ["lily", "rose"]
    assert model.predict([[1000, 0], [1150, 0.003]]) == ["rose", "lily"]  # on plain numbers


def test_train_a_file_of_three_classes_and_of_mixed_names(gradstep, folder):
    rows = "".join(f"{i % 3},{(i % 3) ** 2},{[1, 'two', 10][i % 3]}\n" for i in range(30))
    (folder / "three.csv").write_text(rows)
    out = gradstep("train", "three.csv", "--epochs", 200, "--hidden", 6, "--quiet", "--out", "m.json")
    assert "layers of 6, 3" in out
    assert "accuracy: 100.00% (6 of 6 examples)" in out
    model = MLP.load("m.json")
    assert (model.classes, model.loss) == ([1, 10, "two"], "cross_entropy")
    assert gradstep("predict", "m.json", "three.csv").split()[:3] == ["1", "two", "10"]


def test_train_on_very_few_numbers(gradstep, folder):
    (folder / "few.csv").write_text("x,y\n1,1.5\n2,2.5\n3,3.5\n")
    out = gradstep("train", "few.csv", "--epochs", 12, "--hidden", 2, "--quiet")
    assert "few: 2 examples to train on, 1 input, layers of 2, 1, 7 parameters" in out
    assert "held-out R2: takes two examples at least, and one is there" in out


@pytest.mark.parametrize("header", ["", "x,y\n"])
def test_train_a_file_of_numbers(gradstep, folder, header):
    (folder / "line.csv").write_text(header + "".join(f"{i},{1000 + 3 * i}\n" for i in range(40)))
    out = gradstep("train", "line.csv", "--regression", "--epochs", 60, "--hidden", 8, "--rate", 0.02, "--quiet")
    assert float(re.search(r"held-out R2: ([-\d.]+) on 8 examples", out)[1]) > 0.95
    model = MLP.load("line.json")
    assert model.classes is None
    assert model.predict([[20]])[0] == pytest.approx(1060, abs=15)
    said = [float(line) for line in gradstep("predict", "line.json", "line.csv").splitlines()]
    assert said == [model.predict([[i]])[0] for i in range(40)]
    assert f"target '{'y' if header else 'column 2'}': numbers" in out


def test_train_digits(gradstep):
    pytest.importorskip("sklearn")
    out = gradstep("train", "digits", "--epochs", "2", "--hidden", "4", "--batch-size", "16", "--quiet")
    assert "digits: 1438 examples to train on, 64 inputs, layers of 4, 10, 310 parameters" in out
    assert float(re.search(r"held-out accuracy: ([\d.]+)%", out)[1]) > 20  # by chance it would be 10
    assert MLP.load("digits.json").classes == list(range(10))


def test_a_wide_network_is_drawn_folded(gradstep):
    out = gradstep("train", "xor", "--quiet", "--epochs", 1, "--hidden", 150)
    assert "graph of the first output neuron: xor.neuron.svg" in out
    assert "leaves among them" in Path("xor.neuron.svg").read_text(encoding="utf-8")


def test_the_progress_bar_is_on_a_terminal_alone(folder, capsys, monkeypatch):
    line = ["train", "xor", "--epochs", "2", "--hidden", "2"]
    assert main(line) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(line) == 0
    out, err = capsys.readouterr()
    assert "epoch 2/2" in err
    assert "epoch" not in out


@pytest.mark.slow
def test_the_progress_bar_obeys_its_interval(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["train", "xor", "--epochs", "1000", "--hidden", "2"]) == 0
    assert capsys.readouterr().err.count("\r") < 1000  # not once or more an epoch


def test_no_epochs_are_a_model_too(gradstep):
    assert "model: xor.json" in gradstep("train", "xor", "--epochs", 0)


# ----------------------------------------------------------------------------------------------- predict, draw and step


def test_predict_leaves_a_target_column_out_of_account(gradstep, command, folder):
    path = flower_file(folder)
    gradstep("train", path, "--epochs", 80, "--hidden", 4, "--quiet")
    expected = "".join(["rose\n", "lily\n"] * 12)
    assert gradstep("predict", "flowers.json", path) == expected
    (folder / "rows.csv").write_text("1003,0.002\n1120,0\n")
    told = "gradstep: rows.csv: no names in the first line; the columns are taken for 'length', 'width'\n"
    assert command("predict", "flowers.json", "rows.csv") == (0, "rose\nlily\n", told)


FORMULA = ("tanh(x*w + b)", "x=2", "w=-3", "b=6.88")


@pytest.mark.parametrize("kind", MAGIC)
def test_draw_writes_what_the_ending_says(gradstep, kind):
    assert gradstep("draw", *FORMULA, "--out", f"picture.{kind}") == f"0.706419; the graph is in picture.{kind}\n"
    assert Path(f"picture.{kind}").read_bytes().startswith(MAGIC[kind])


def test_draw_shows_data_and_gradients(gradstep):
    gradstep("draw", *FORMULA)
    shown = [e.text for e in ET.parse("graph.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert {"x", "w", "b", "tanh", "data", "0.7064", "grad", "−1.503", "1.002"} <= set(shown)


def test_draw_takes_the_options_of_a_drawing(gradstep):
    options = ["--theme", "dark", "--direction", "TB", "--precision", "2", "--derivatives", "--most", "4"]
    gradstep("draw", *FORMULA, *options, "--out", "graph.gv")
    y = engine.expression(FORMULA[0], x=2.0, w=-3.0, b=6.88)
    y.backward()
    wanted = engine.draw(y, theme="dark", direction="TB", precision=2, derivatives=True, most=4)
    assert Path("graph.gv").read_text(encoding="utf-8") == wanted.source


def test_step_shows_the_engines_own_numbers(gradstep):
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    y = engine.tanh(x * w + b)
    steps = [f"{step}\n" for step in backprop(y)]
    gradients = [f"gradient of {leaf.label}: {leaf.grad:.6g}" for leaf in (x, w, b)]
    assert gradstep("step", *FORMULA) == "\n".join([f"{FORMULA[0]} = 0.706419\n", *steps, *gradients, ""])


@pytest.mark.parametrize(
    ("arguments", "last"),
    [
        (["-x**2", "x=3"], "gradient of x: -6"),
        (["-x + 1", "x=3"], "gradient of x: -1"),
        (["--", "-x", "x=3"], "gradient of x: -1"),
        (["x - -y", "x=3", "y=-2"], "gradient of x: 1"),
        ([" x*x ", "x=1e3"], "gradient of x: 2000"),
        (["(x)", "x=3"], "gradient of x: 1"),
        (["maximum(x, 2)", "x=3"], "gradient of x: 1"),
        (["x*2", "x=inf"], "gradient of x: 2"),
        (["x*x", "x=nan"], "gradient of x: nan"),
        (["λ*2", "λ=1"], "gradient of λ: 2"),
        (["\u00b5*2", "\u00b5=1"], "gradient of \u03bc: 2"),  # the sign for micro, which Python reads as the letter
    ],
)
def test_step_takes_formulas_of_every_kind(gradstep, arguments, last):
    assert gradstep("step", *arguments).splitlines()[-1] == last


# ------------------------------------------------------------------------------------------------- help, and other ways


@pytest.mark.parametrize("command", [[], ["train"], ["predict"], ["export"], ["draw"], ["step"]])
def test_help_is_there(folder, capsys, command):
    for option in ("--help", "-h"):
        with pytest.raises(SystemExit) as told:
            main([*command, option])
        out, err = capsys.readouterr()
        assert (told.value.code, err) == (0, "")
        assert out.startswith(f"usage: gradstep {' '.join(command)}".rstrip())
        assert "%" not in out


def test_version(folder, capsys):
    with pytest.raises(SystemExit) as told:
        main(["--version"])
    assert (told.value.code, capsys.readouterr().out) == (0, f"gradstep {engine.__version__}\n")


def console_script() -> list[str] | None:
    script = shutil.which("gradstep", path=sysconfig.get_path("scripts"))
    return [script] if script else None


@pytest.mark.slow
@pytest.mark.parametrize("way", ["module", "script"])
def test_from_a_shell(folder, way):
    command = [sys.executable, "-m", "nn"] if way == "module" else console_script()
    if command is None:
        pytest.skip("no console script is installed")

    def run(*arguments):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    status, out, err = run("step", "x*x", "x=3")
    assert (status, out.splitlines()[-1], err) == (0, "gradient of x: 6", "")
    status, out, err = run("train", "xor", "--epochs", "3", "--quiet")
    assert status == 0
    assert json.loads(Path("xor.json").read_text())["kind"] == "MLP"
    assert run("step", "log(x)", "x=-1") == (1, "", "gradstep: log(x): x = -1.0, but log needs x > 0\n")
    status, out, err = run("predict", "none.json", "none.csv")
    assert (status, out, err) == (1, "", "gradstep: none.json: No such file or directory\n")
    status, out, err = run("train", "xor", "--epochs", "many")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert run("step", "--help")[0] == 0


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_an_interrupted_training_keeps_its_model(folder):
    program = (
        "import signal, sys, nn.__main__\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # in a background job it would be ignored
        "sys.exit(nn.__main__.main())"
    )
    command = [sys.executable, "-c", program, "train", "moons", "--hidden", "3", "--epochs", "1000000000"]
    process = subprocess.Popen([*command, "--checkpoint", "run.json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while not Path("run.json").exists() or not json.loads(Path("run.json").read_text())["history"].get("loss"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = (text.decode() for text in process.communicate(timeout=60))
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert re.search(r"interrupted after \d+ epochs; the model is as it was then", out)
    assert MLP.load("moons.json").n_inputs == 2


def test_an_interrupt_elsewhere_ends_with_130(folder, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("nn.cli.formulas.expression", interrupted)
    assert main(["step", "x", "x=1"]) == 130
    assert capsys.readouterr().err == "gradstep: interrupted\n"


def test_a_closed_standard_output_is_no_error(folder, monkeypatch):
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        assert main(["step", "x", "x=1"]) == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="/dev/stdin as POSIX has it")
def test_a_dash_is_standard_input(folder):
    lines = flower_file(folder).read_text()
    for arguments in (["train", "-", *SHORT], ["predict", "stdin.json", "-"]):
        given = [sys.executable, "-m", "nn", *arguments]
        out = subprocess.run(given, input=lines, capture_output=True, text=True, check=True).stdout
    assert len(out.splitlines()) == 24


def test_a_confusion_table_of_long_and_short_names():
    table = confusion_table(["a" * 30, 2, 0.5], ["a" * 30, 2, 2, 0.5], [2, 2, 2, 0.5])
    assert [len(line) for line in table.splitlines()] == [len(table.splitlines()[0])] * 4
    assert table.splitlines()[2].split() == ["2", ".", "2", "."]
    for alike in (["iris versicolor", "iris versicolour"], ["a" * 60 + "b" + "c" * 60, "a" * 60 + "d" + "c" * 60]):
        assert re.split("  +", confusion_table(alike, [], []).splitlines()[0])[-2:] == alike
    assert math.isclose(sum(int(n) for n in re.findall(r"(?<=  )\d+", "\n".join(table.splitlines()[1:]))), 4, abs_tol=5)


# ---------------------------------------------------------------------------------------------------------------- help


@pytest.mark.parametrize("name", ["train", "predict", "export", "draw", "step"])
def test_help_has_examples_that_the_command_takes(gradstep, name):
    out = gradstep(name, "--help")
    examples = out.partition("\nexamples:\n")[2].splitlines()
    assert len(examples) >= 2
    for example in examples:
        words = shlex.split(example.partition(">")[0])
        assert words[:2] == ["gradstep", name]
        parser().parse_args(words[1:])


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_is_printed_for_a_shell(gradstep, shell):
    pytest.importorskip("shtab")
    out = gradstep("--print-completion", shell)
    assert "--optimizer" in out


def test_completion_without_shtab_says_what_to_install(failing, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert 'completion needs shtab: pip install "gradstep[completion]"' in failing("--print-completion", "bash")


def test_a_number_may_be_a_fraction(capsys):
    assert main(["step", "x*x", "x=1/3"]) == 0
    assert "gradient of x: 0.666667" in capsys.readouterr().out

"""The command gradstep where something is wrong: one line on standard error, a status other than 0, no traceback."""

import errno
import io
import os
import re
import sys
from pathlib import Path

import pytest

from nn import MLP
from nn.__main__ import main

SHORT = ("--quiet", "--epochs", "1", "--hidden", "2")
GOOD = "1,2,x\n2,3,y\n3,4,x\n4,5,y\n5,6,x\n"

FILES = {
    "good.csv": GOOD,
    "good.txt": GOOD,
    "empty.csv": "",
    "header.csv": "a,b,c\n",
    "one.csv": "1,2,x\n",
    "alike.csv": "1,2,x\n2,3,x\n",
    "nan.csv": "1,2,x\nnan,3,y\n",
    "distinct.csv": "".join(f"{i},text{i}\n" for i in range(40)),
    "twice.csv": "a,a,b\n1,2,x\n3,4,y\n",
    "classless.csv": "1,2,x\n2,3,\n",
    "uneven.csv": "1,2,x\n2,y\n",
    "words.csv": "1,2,x\ntwo,3,y\n",
    "column.csv": "1\n2\n",
    "tiny.csv": "1e-310,2,x\n-1e-310,3,y\n2e-310,4,x\n-1e-310,1,y\n",
    "huge.csv": "1e308,2,x\n-1e308,3,y\n1e308,4,x\n-1e308,1,y\n",
    "binary.csv": bytes(range(256)),
    "quote.csv": '1,2,"x\n2,3,y\n',
    "swallowed.csv": '1,"tall,x\n2,b,y\n3,"tall,x\n4,b,y\n',
    "wide.csv": "1,2,3,4,x\n",
    "foreign.json": "{}",
    "truncated.json": '{"format": "gradstep model", "vers',
    "deep.json": "[" * 100_000,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of files that are wrong in one way each, and of a good model."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for name in ("folder", "folder.csv"):
        (tmp_path / name).mkdir()
    MLP(2, [2], seed=0).save("good.json")
    return tmp_path


def train(name, *options):
    return ["train", name, *SHORT, *options]


CASES = [  # the arguments and the words
    (train("empty.csv"), "empty.csv: there is no example in it"),
    (train("header.csv"), "header.csv: there is no example in it"),
    (train("one.csv"), "one.csv: the target 'column 3' must have at least two different values, got 'x' in 1 row"),
    (train("alike.csv"), "the target 'column 3' must have at least two different values, got 'x' in 2 rows"),
    (train("classless.csv"), "must have at least two different values, got 'x' in 1 row"),
    (train("distinct.csv"), "the target 'column 2' has 40 different texts in 40 rows, .* are no classes; name another"),
    (
        train("good.csv", "--regression"),
        "good.csv, line 1, column 'column 3': the target must be a finite number, got 'x'",
    ),
    (train("good.csv", "--target", "colum 3"), r"--target: there is no column 'colum 3'; did you mean 'column 3'\?"),
    (
        train("good.csv", "--drop", "x"),
        "--drop: there is no column 'x'. The columns are .*; --header takes the first",
    ),
    (train("good.csv", "--drop", "column 1", "--drop", "column 2"), "no column is left to learn"),
    (train("good.csv", "--drop", "column 3", "--target", "column 3"), "--drop: 'column 3' is the target"),
    (train("good.csv", "--regression", "--classification"), "not allowed with argument --regression"),
    (train("twice.csv"), "twice.csv: two columns are called 'a'"),
    (train("xor", "--target", "y"), "--target: only a CSV file has columns to choose"),
    (train("uneven.csv"), "uneven.csv, line 2: 2 columns, but 3 in the first line"),
    (train("column.csv"), "column.csv must have at least two columns"),
    (train("tiny.csv"), "the numbers of 'column 1' are too close together"),
    (train("huge.csv"), "the numbers of 'column 1' are too large"),
    (train("huge.csv", "--target", "column 1", "--regression"), "the numbers of 'column 1' are too large"),
    (train("binary.csv"), "binary.csv: not a CSV file; it is no text in UTF-8"),
    (train("quote.csv"), "quote.csv, line 1: not a CSV file .unexpected end of data."),
    (train("swallowed.csv"), "swallowed.csv, line 1: not a CSV file .'.' expected after '\"'."),
    (train("folder.csv"), "folder.csv: Is a directory"),
    (train("none.csv"), "none.csv: No such file or directory"),
    (train("mnist"), "mnist must be given --data FOLDER, the folder with the four files"),
    (train("mnist", "--data", "nowhere"), "nowhere: there is no such folder"),
    (train("xor", "--data", "nowhere"), "--data: only mnist is read from a folder"),
    (train("nonsense"), "DATA must be digits, moons, xor, a CSV file, or mnist with --data, got 'nonsense'$"),
    (train("two\nlines"), "DATA must be digits, moons, xor, a CSV file"),
    (train("x" * 5000), "File name too long|DATA must be digits"),
    (train(""), "DATA must be digits, .*, got ''"),
    (train("good.csv", "--hidden", "a"), "--hidden: must be sizes above 0, such as 32,16, .* got 'a'"),
    (train("good.csv", "--hidden", "0"), "--hidden: .* got '0'"),
    (train("good.csv", "--hidden", "-3"), "--hidden"),
    (train("good.csv", "--hidden", "3,,4"), "--hidden: .* got '3,,4'"),
    (train("good.csv", "--hidden", "2.5"), r"--hidden: .* got '2\.5'"),
    (train("good.csv", "--hidden", ""), "--hidden: .* got ''"),
    (train("good.csv", "--hidden", "9" * 5000), "--hidden: "),
    (train("good.csv", "--hidden", "100000,100000"), "--hidden: must be sizes above 0, .* at most 100,000,000 weights"),
    (train("good.csv", "--rate", "nan"), r"learning_rate must be in \[0, inf\), got nan"),
    (train("good.csv", "--rate", "-0.1"), "learning_rate must be .* got -0.1"),
    (train("good.csv", "--rate", "inf"), "learning_rate must be .* got inf"),
    (train("good.csv", "--rate", "fast"), "--rate/--lr/--learning-rate: must be a number, got 'fast'"),
    (train("good.csv", "--epochs", "-1"), "epochs must be an int >= 0, got -1"),
    (train("good.csv", "--epochs", "1.5"), r"--epochs: must be an int, got '1\.5'"),
    (train("good.csv", "--epochs", "many"), "--epochs: must be an int, got 'many'"),
    (train("good.csv", "--batch-size", "0"), "batch_size must be an int >= 1, got 0"),
    (train("good.csv", "--batch-size", "x"), "--batch-size: must be an int, got 'x'"),
    (train("good.csv", "--seed", "x"), "--seed: must be an int, got 'x'"),
    (train("good.csv", "--test-share", "0"), r"--test-share must be in \(0, 1\), got 0"),
    (train("good.csv", "--test-share", "1"), "--test-share must"),
    (train("good.csv", "--test-share", "nan"), "--test-share .* got nan"),
    (train("good.csv", "--test-share", "20%"), "--test-share: must be a number, got '20%'"),
    (train("good.csv", "--loss", "mse"), "unrecognized arguments: --loss mse; gradstep"),
    (train("good.csv", "--out", ""), "this is a folder, and must be a file name"),
    (train("good.csv", "--checkpoint", os.devnull), "checkpoint must be a file that can be read again, got the device"),
    (train("good.csv", "--activation", "ReLU"), "activation must be one of linear, relu"),
    (train("good.csv", "--optimizer", "lbfgs"), "--optimizer: invalid choice: 'lbfgs'"),
    (train("good.csv", "--out", "model.pt"), "a model file must end in .json, .onnx or .safetensors, got 'model.pt'"),
    (train("good.csv", "--out", "none/model.json"), "none: No such file or directory"),
    (train("good.csv", "--out", "folder"), "folder: this is a folder"),
    (train("good.csv", "--out", "."), "this is a folder"),
    (train("good.txt", "--out", "good.txt"), "good.txt: these are the examples, and the model would take their place"),
    (train("good.txt", "--out", "./folder.csv/../good.txt"), "these are the examples"),
    (train("good.csv", "--out", "good.csv/model.json"), "Not a directory|No such file"),
    (train("moons", "--rate", "1e300", "--optimizer", "sgd", "--epochs", "5"), "training diverged in epoch 1, step 2"),
    (train("good.csv", "--quick"), "unrecognized arguments: --quick"),
    (train("good.csv", "more"), "unrecognized arguments: more; gradstep"),
    (
        train("good.csv", "--epohcs", "3"),
        "arguments: --epohcs 3; did you mean --epochs\\?; gradstep --help",
    ),
    (train("good.csv", "--layers", "8,4"), "--layers 8,4; did you mean --hidden\\?"),
    (train("good.csv", "--optimzer=sgd"), "--optimzer=sgd; did you mean --optimizer\\?"),
    (train("good.csv", "--optimizer", "adm"), "invalid choice: 'adm' .*; did you mean adam\\?"),
    (["trian", "xor"], "invalid choice: 'trian' .*; did you mean train\\?"),
    (train("digts"), "got 'digts'; did you mean digits\\?"),
    (train("Moon"), "got 'Moon'; did you mean moons\\?"),
    (["train"], "the following arguments are required: DATA; gradstep train --help tells more"),
    (["predict", "good.json", "none.csv"], "none.csv: No such file or directory"),
    (["predict", "none.json", "good.csv"], "none.json: No such file or directory"),
    (["predict", "folder.csv", "good.csv"], "folder.csv: Is a directory"),
    (["predict", "good.json", "folder.csv"], "folder.csv: Is a directory"),
    (["predict", "good.json", "empty.csv"], "empty.csv: there is no example in it"),
    (["predict", "good.json", "binary.csv"], "binary.csv: not a CSV file"),
    (["predict", "good.json", "nan.csv"], "nan.csv, line 2, column 'column 1': the number is missing"),
    (["predict", "good.json", "words.csv"], "words.csv, line 2, column 'column 1' must be a finite number, got 'two'"),
    (["predict", "good.json", "good.csv", "--probabilities"], "the model gives no probabilities"),
    (["predict", "good.json", "uneven.csv"], "uneven.csv, line 2: 2 columns, but 3"),
    (["predict", "good.json", "column.csv"], "column.csv: the model takes 2 columns .* and the file has 1"),
    (["predict", "good.json", "wide.csv"], "wide.csv: the model takes 2 columns .* and the file has 5"),
    (["predict", "good.csv", "good.csv"], "good.csv: not a whole gradstep model file"),
    (["predict", "binary.csv", "good.csv"], "binary.csv: not a whole gradstep model file"),
    (["predict", "empty.csv", "good.csv"], "empty.csv: not a whole gradstep model file"),
    (["predict", "foreign.json", "good.csv"], "foreign.json: not a gradstep model file"),
    (["predict", "truncated.json", "good.csv"], "truncated.json: not a whole gradstep model file"),
    (["predict", "deep.json", "good.csv"], "deep.json: not a whole gradstep model file .nested too deeply"),
    (["predict", "good.json"], "the following arguments are required: FILE.csv"),
    (["step", "x*"], r"not a formula: 'x\*' \(invalid syntax\)"),
    (["step", ""], "a formula must not be empty: write one, such as"),
    (["step", "x*y", "x=1"], "the formula needs a number for 'y', such as y=2"),
    (["step", "x*2", "x=1", "y=2"], r"y must be a name in the formula 'x\*2'; leave y= out"),
    (["draw", "x*2", "X=1", "x=2"], r"X must be a name in the formula 'x\*2'; leave X= out"),
    (["step", "2*pi", "tanh=3"], r"tanh must be a name in the formula '2\*pi'; leave tanh= out"),
    (["step", "x", "x=one"], "x must be given a number, got 'one'"),
    (["step", "x", "x="], "x must be given a number, got ''"),
    (["step", "x", "x=1/"], "x must be given a number, got '1/'"),
    (["step", "x", "x=1/0"], "x must be given a number, got '1/0'"),
    (["step", "x", "x"], "a number must be given with its name, such as x=2, got 'x'"),
    (["step", "x", "=2"], "given with its name, such as x=2, got '=2'"),
    (["step", "x", "2=x"], "given with its name, such as x=2, got '2=x'"),
    (["step", "x", "x=1e400"], "x must be given a number up to about 1.8e308, got '1e400'"),
    (["step", "x", "x=1e308/1e-308"], "x must be given a number up to about 1.8e308, got '1e308/1e-308'"),
    (["step", "x", "x=2,5"], r"x must be given a number, got '2,5'; write a decimal point: x=2\.5"),
    (["step", "x^2", "x=2"], r"a power in a formula must be written \*\*, such as x\*\*2, got x\^2"),
    (["step", "x*0,5", "x=2"], "a number in a formula must have a decimal point, such as 0.5"),
    (["step", "math.tanh(x)", "x=2"], r"a function in a formula must be its name alone, tanh\(...\)"),
    (["step", "ln(x)", "x=2"], "got 'ln'; write log"),
    (["step", "x(w + 1)", "x=2", "w=1"], r"got 'x'; write a product with \*, such as x\*\(\.\.\.\)"),
    (["step", "tanh", "x=2"], r"such as tanh=2; as a function it is written tanh\(\.\.\.\)"),
    (["step", "y = x*2", "x=2"], "write what is on the right of =, without y ="),
    (["step", "x", "x=1", "--html"], "--html: expected one argument"),
    (["draw", "x", "x=1", "--precision", "two"], "--precision: must be an int, got 'two'"),
    (["draw", "x", "x=1", "--timeout", "soon"], "--timeout: must be a number, got 'soon'"),
    (["step", "x", "x=1", "x=2"], "x must be given one number, got two"),
    (["step", "log(x)", "x=-1"], r"log\(x\): x = -1\.0, but log needs x > 0"),
    (["step", "1/x", "x=0"], "a division needs x != 0"),
    (["step", "exp(x)", "x=1000"], "too large for a float"),
    (["step", "x**0.5", "x=-1"], "a negative number has a real power only for a whole exponent"),
    (["step", "__import__('os')"], "a function in a formula must be one of abs, acos, .*, got '__import__'"),
    (["step", "x.data", "x=1"], "got attribute"),
    (["step", "x if x else 1", "x=1"], "got if ... else"),
    (["step", "'text'"], "a constant in a formula must be an int or a float, got 'text'"),
    (["step", "tanh()", "x=1"], "tanh takes 1 number in a formula"),
    (["step", "(" * 5000], "not a formula"),
    (["step", "x+" * 6000 + "x", "x=1"], "a formula must have at most 10,000 characters"),
    (["step", "9" * 9000], "not a formula"),
    (["step"], "the following arguments are required: FORMULA"),
    (
        ["draw", "x", "x=1", "--out", "graph.jpg"],
        r"a file name must end in \.svg, \.png, \.pdf, \.dot or \.gv, got 'graph\.jpg'",
    ),
    (["draw", "x", "x=1", "--out", "none/graph.svg"], "none/graph.svg: No such file or directory"),
    (["draw", "x", "x=1", "--out", "none/graph.gv"], "none/graph.gv: No such file or directory"),
    (["draw", "x", "x=1", "--out", ""], "a file name must end in"),
    (["draw", "x", "x=1", "--out"], "--out: expected one argument"),
    (["draw", "x", "x=1", "--theme", "blue"], 'theme must be "auto", "light", "dark" or "print", got \'blue\''),
    (["draw", "x", "x=1", "--most", "0"], "most must be an int >= 3, got 0"),
    (["draw", "x", "x=1", "--timeout", "0.00001"], "Graphviz had not drawn the graph after 1e-05 s"),
    (["draw", "x*y", "x=1"], "the formula needs a number for 'y'"),
    ([], "the following arguments are required: COMMAND; gradstep --help tells more"),
    (["fit"], "invalid choice: 'fit'"),
    (["--verbose"], "required: COMMAND|unrecognized arguments"),
]


@pytest.mark.parametrize(("arguments", "words"), CASES, ids=[" ".join(arguments)[:60] for arguments, _ in CASES])
def test_one_line_and_no_traceback(folder, failing, arguments, words):
    before = sorted(path.name for path in folder.iterdir())
    err = failing(*arguments)
    assert re.search(words, err), err
    assert sorted(path.name for path in folder.iterdir()) == before
    assert Path("good.csv").read_text() == GOOD


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is forbidden here")
def test_files_and_folders_that_may_not_be_used(folder, capsys):
    Path("good.csv").chmod(0)
    assert main(train("good.csv")) == 1
    assert capsys.readouterr().err == "gradstep: good.csv: Permission denied\n"
    Path("good.csv").chmod(0o600)
    Path("folder.csv").chmod(0o500)
    assert main(train("good.csv", "--out", "folder.csv/model.json")) == 1
    assert capsys.readouterr().err == f"gradstep: {Path('folder.csv').resolve()}: Permission denied\n"


@pytest.mark.parametrize("arguments", [train("good.csv"), ["predict", "good.json", "good.csv"]])
def test_a_file_that_may_not_be_read(folder, capsys, monkeypatch, arguments):
    def denied(path, *_args, **_options):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("nn.data.packed_files.Path.read_bytes", denied)
    arguments = arguments if arguments[0] == "train" else ["predict", "good.csv", "good.csv"]
    assert main(arguments) == 1
    assert capsys.readouterr().err == "gradstep: good.csv: Permission denied\n"


def test_a_folder_that_may_not_be_written_is_told_before_the_training(folder, capsys, monkeypatch):
    def denied(**_options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("engine.whole_files.tempfile.mkstemp", denied)
    assert main(train("good.csv")) == 1
    out, err = capsys.readouterr()
    assert err == f"gradstep: {folder.resolve()}: Permission denied\n"
    assert "accuracy" not in out


def test_a_disk_that_is_full_is_told_and_the_old_model_stays(folder, capsys, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    old = Path("good.json").read_bytes()
    monkeypatch.setattr("engine.whole_files.os.fsync", full)
    assert main(train("good.csv", "--out", "good.json")) == 1
    assert capsys.readouterr().err == "gradstep: good.json: No space left on device\n"
    assert Path("good.json").read_bytes() == old
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "folder", "folder.csv", "good.json"])


def test_digits_without_scikit_learn(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    assert main(train("digits")) == 1
    told = capsys.readouterr().err
    assert told.startswith("gradstep: digits must have the package sklearn.datasets (")
    assert told.endswith('): pip install "gradstep[demo]"\n')


@pytest.mark.parametrize(
    "wrong",
    [
        ("--epochs", "-1"),
        ("--batch-size", "0"),
        ("--rate", "-1"),
        ("--activation", "ReLU"),
        ("--backend", "nunpy"),
        ("--out", "model.pkl"),
        ("--out", "model.json.gz"),
    ],
)
def test_options_are_checked_before_data_are_read(folder, capsys, wrong):
    assert main(train("absent.csv", *wrong)) == 1
    words = {"--rate": "learning_rate", "--batch-size": "batch_size", "--out": "a model file"}
    assert f"{words.get(wrong[0], wrong[0][2:])} must " in capsys.readouterr().err


def test_an_output_that_cannot_hold_a_class_leaves_the_model(folder, monkeypatch, capsys):
    (folder / "hebrew.csv").write_text("1,\u05d0\n2,\u05d1\n" * 9, encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert main(train("hebrew.csv")) == main(["predict", "hebrew.json", "hebrew.csv"]) == 1
    words = "gradstep: the output is in ascii, which has no '\\u05d0'; set PYTHONIOENCODING=utf-8\n"
    assert capsys.readouterr().err == 2 * words


@pytest.mark.parametrize("arguments", [train("good.json"), ["predict", "good.json", "good.json"]])
def test_a_model_is_no_data(folder, capsys, arguments):
    assert main(arguments) == 1
    assert "good.json: not a CSV file but a model of gradstep's; give the data" in capsys.readouterr().err

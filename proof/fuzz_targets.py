"""What strangers may give to gradstep: files of every kind, formulas, arguments; ``fuzz.py`` invents the bytes."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import random
from functools import partial
from typing import Any
from unittest.mock import patch

from fuzz_checks import Finding, Target, file_of, folder

from engine import Value, expression, leaves
from nn import MLP, Layer, ModelFileError, Neuron, Sequential
from nn.__main__ import main
from nn.cli import train
from nn.data import moons, xor
from nn.data.columns import Columns
from nn.data.csv_columns import learn_columns, read_inputs, read_target
from nn.data.csv_files import read_text_table
from nn.data.idx import mnist_part, read_idx

_VARIABLES = {"x": 2.0, "w": -3.0, "b": 6.88, "_": 0.5}

# -------------------------------------------------------------------------------------------------------- model files


def _load(data: bytes, ending: str = ".json", kinds: tuple[Any, ...] = (MLP, Layer, Neuron)) -> None:
    """What loads has the parameters that the file says, can be used, and comes back the same from a file of its own."""
    path = file_of(data, f"given{ending}")
    for kind in kinds:
        try:
            model = kind.load(path)
        except ModelFileError:
            if kind is kinds[-1]:
                raise
            continue
        model.save(folder() / f"again{ending}")
        again = kind.load(folder() / f"again{ending}")
        same = (model.state_dict(), model.classes, model.loss) == (again.state_dict(), again.classes, again.loss)
        if not same or repr(model) != repr(again):
            raise Finding(f"{kind.__name__} is another one once it was saved")
        if model.n_inputs is not None and model.n_inputs < 100:
            with contextlib.suppress(OverflowError):  # weights may be as large as numbers can be
                model.predict([[0.5] * model.n_inputs])
        return


def _model_seeds(ending: str = ".json") -> list[bytes]:
    seeds = []
    models = [MLP(2, [3, 2], activation="tanh", seed=1), MLP(1, [1], seed=2), Layer(2, 2), Neuron(3, activation="gelu")]
    models[0].loss, models[0].classes = "cross_entropy", ["cat", 1]
    models[1].loss = "mse"
    for model in models:
        path = folder() / f"seed{ending}"
        model.save(path)
        seeds.append(path.read_bytes())
    return seeds


_STRANGE = [
    None,
    True,
    0,
    -1,
    1,
    2,
    1e308,
    -1e-320,
    10**400,
    "",
    "MLP",
    "tanh",
    "\ud800",
    [],
    {},
    [[]],
    {"": 0},
    [2, 1],
]


def _changed_json(data: bytes, rng: random.Random) -> bytes | None:
    """The same file with one thing in it, anywhere, replaced, doubled or taken out."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        return None
    place = content
    while isinstance(place, (dict, list)) and place:
        key: Any = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or rng.random() < 0.3:
            match rng.randrange(4):
                case 0:
                    del place[key]
                case 1 if isinstance(place, dict):
                    place[rng.choice(["", "layers.0.neurons.0.w.9", "b", "__class__"])] = inner
                case 1:
                    place.append(inner)
                case _:
                    place[key] = rng.choice(_STRANGE)
            break
        place = inner
    return json.dumps(content).encode()


# ------------------------------------------------------------------------------------------- ONNX and safetensors files

_load_onnx = partial(_load, ending=".onnx", kinds=(MLP, Layer, Sequential))
_load_safetensors = partial(_load, ending=".safetensors")


def _onnx_seeds() -> list[bytes]:
    """Files with the text of this library, and the graphs alone."""
    import onnx

    seeds = _model_seeds(".onnx")
    models = [onnx.ModelProto.FromString(seed) for seed in seeds]
    for model in models:
        model.ClearField("metadata_props")
    return seeds + [model.SerializeToString() for model in models]


def _changed_onnx(data: bytes, rng: random.Random) -> bytes | None:
    """The same file with one field in it, anywhere, changed, doubled or taken out."""
    import onnx

    try:
        place = model = onnx.ModelProto.FromString(data)
    except Exception:  # no such file
        return None
    strange = {
        int: [-1, 0, 1, 2, 11, 2**31 - 1],
        float: [0.5, -1.0, 1e30],
        str: ["", "X", "Y", "Add"],
        bytes: [b"", b"a"],
    }
    while fields := place.ListFields():
        field, inner = rng.choice(fields)
        if hasattr(inner, "ListFields"):
            place = inner
        elif not hasattr(inner, "extend"):
            with contextlib.suppress(ValueError):  # a number that an enumeration does not know
                setattr(place, field.name, rng.choice(strange.get(type(inner), [inner])))
            break
        elif hasattr(inner[0], "ListFields") and rng.random() < 0.8:
            place = rng.choice(inner)
        else:
            index = rng.randrange(len(inner))
            inner.extend([inner[index]])
            del inner[rng.choice([index, -1]) if rng.random() < 0.7 else len(inner) - 2 :]
            break
    return bytes(model.SerializeToString())


def _changed_safetensors(data: bytes, rng: random.Random) -> bytes | None:
    """The same file with one thing in its header changed."""
    length = int.from_bytes(data[:8], "little")
    header = _changed_json(data[8 : 8 + length], rng)
    return None if header is None else len(header).to_bytes(8, "little") + header + data[8 + length :]


# ---------------------------------------------------------------------------------------------------------- CSV files


def _read(data: bytes) -> None:
    """The first byte chooses how the rest is read."""
    kind, path = data[:1], file_of(data[1:], "given.csv")
    if kind == b"i":
        rows, _ = read_inputs(path, Columns.plain(2))
        if rows.shape[1] != 2 or len(rows) == 0:
            raise Finding(f"a table of shape {rows.shape} came from a file")
        return
    table = read_text_table(path)
    table, target, _ = read_target(table, table.names[-1], True if kind == b"r" else None)
    columns, X, _ = learn_columns(table, table.names[-1], ())
    columns = columns.learn(X)
    if len(target.y) != len(X) or X.shape[1] != len(columns.by_input) or not (columns.fill(X) == columns.fill(X)).all():
        raise Finding("examples, targets and columns are not of one number")
    if Columns.from_json(columns.to_json()) != columns:
        raise Finding("columns are others once they were saved")


def _csv_seeds() -> list[bytes]:
    points = moons(6, seed=0)
    text = io.StringIO()
    csv.writer(text).writerows(
        [["x", "y", "class"], *([*row, label] for row, label in zip(points.X.tolist(), points.y))]
    )
    plain = text.getvalue().encode()
    named = b'"a ""b""",c,class\r\n1,2,"two\nlines"\r\n3,4,cat\r\n'
    bare = b"\xef\xbb\xbf1,2,3\n4,5,6\n\n"
    return [kind + body for kind in (b"c", b"r", b"i") for body in (plain, named, bare)]


# ---------------------------------------------------------------------------------------------------------- IDX files


def _read_idx(data: bytes) -> None:
    """The first byte chooses: labels, images, or both together, the labels having the length in the second byte."""
    kind, rest = data[:1], data[1:]
    if kind in (b"l", b"i"):
        magic = 2049 if kind == b"l" else 2051
        if read_idx(file_of(rest, "given-ubyte"), magic).ndim != magic % 256:
            raise Finding("an array of another number of dimensions came from a file")
        return
    length = rest[0] if rest else 0
    file_of(rest[1 : 1 + length], "train-labels-idx1-ubyte")
    file_of(rest[1 + length :], "train-images-idx3-ubyte")
    images, labels = mnist_part(folder(), "train")
    if images.shape != (len(labels), 784):
        raise Finding(f"{len(labels)} labels came with images of shape {images.shape}")


def _idx_seeds() -> list[bytes]:
    labels = bytes((0, 0, 8, 1, 0, 0, 0, 2)) + b"\x03\x09"
    images = bytes((0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28)) + b"\x00\xff" * 784
    bomb = gzip.compress(bytes((0, 0, 8, 1, 0, 0x10, 0, 0)) + bytes(0x100000))
    empty = bytes((0, 0, 8, 3)) + b"\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff"
    both = [b"p" + bytes((len(part),)) + part + images for part in (labels, gzip.compress(labels))]
    return [b"l" + labels, b"l" + gzip.compress(labels), b"i" + images, b"l" + bomb, b"i" + empty, *both]


# -------------------------------------------------------------------------------------------------------- checkpoints


def _resumed(epochs: int) -> None:
    model = MLP(2, [1], activation="tanh", seed=0)
    examples = xor()
    options: dict[str, Any] = {"loss": "mse", "epochs": epochs, "batch_size": 3, "seed": 0, "replay": False}
    model.fit(examples.X, examples.y, **options, progress=False, checkpoint=folder() / "run.json")


def _resume(data: bytes) -> None:
    """A run that goes on from a file has finite weights, or runs away and says so."""
    file_of(data, "run.json")
    _resumed(3)


def _checkpoint_seeds() -> list[bytes]:
    (folder() / "run.json").unlink(missing_ok=True)
    _resumed(1)
    one = (folder() / "run.json").read_bytes()
    _resumed(3)
    return [one, (folder() / "run.json").read_bytes()]


# --------------------------------------------------------------------------------------------------------- expressions


def _express(data: bytes) -> None:
    """What is a formula is a graph of its own names and numbers, and has a gradient."""
    root = expression(data.decode("utf-8", "surrogateescape"), **_VARIABLES)
    if type(root) is not Value:
        raise Finding(f"a formula gave {type(root).__name__}")
    root.backward()
    names = {leaf.label for leaf in leaves(root)} - {""}
    if not names <= set(_VARIABLES):
        raise Finding(f"a formula has the names {names}")


def _formulas() -> list[bytes]:
    return [
        b"tanh(x*w + b)",
        b"((x - w)**2 / 3e-2) ** 0.5 + abs(-b) - +1_000.5",
        b"maximum(x, atan2(w, b)) - sigmoid(relu(log10(expm1(gelu(x)))))",
        b"9**9**9**9",
        b"0x10 - 0b1 + 1e999 * 1j",
        b"x.__class__.__mro__[1]",
        b"__import__('os').system('true')",
        b"(lambda: [y for y in (1, 2)])()",
        b"(" * 300 + b"1" + b")" * 300,
        b"-" * 3000 + b"x",
        b"9" * 5000,
    ]


# -------------------------------------------------------------------------------------------------------- command line


class _Refused(Exception):  # noqa: N818
    """The command ended with status 1 or 2 and said why."""


def _command(data: bytes) -> None:
    """Arguments, with a NUL between them; the command ends with 0, or with a line on standard error and 1 or 2."""
    arguments = [_harmless(a) for a in data.decode("utf-8", "surrogateescape").split("\0")]
    if arguments[0] == "train":  # as long as somebody asks for is as long as it takes
        arguments = [_short_numbers(argument) for argument in arguments]
    said, complained = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder()),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
        patch.object(train, "moons", lambda seed: moons(8, seed=seed)),
        patch.object(train, "digits", xor),
        patch.object(train, "_draw_neuron", lambda model, held_out, picture: ""),
    ):
        try:
            status = main(arguments)
        except SystemExit as end:
            status = end.code  # argparse's: 0 for --help, 2 for arguments that it does not know
    told = complained.getvalue()
    lines = [line for line in told.splitlines() if not line.startswith("epoch ")]  # a progress bar
    if status not in (0, 1, 2) or "Traceback" in told or (status and not lines):
        raise Finding(f"gradstep {arguments!r} ended with {status!r} and said {told!r}")
    if any(not line.startswith("gradstep: ") for line in lines):  # warnings, and what went wrong
        raise Finding(f"gradstep {arguments!r} said {told!r}")
    odd = [c for c in said.getvalue() + "".join(lines) if not c.isprintable() and c != "\n"]
    if odd:
        raise Finding(f"gradstep {arguments!r} sent {odd[0]!r} to the terminal")
    if status:
        raise _Refused(lines[-1])


_OPTIONS = ["draw", "step", "predict", "train", "--out", "g.gv", "--html", "w.html", "--most", "0", "-1", "--precision"]
_OPTIONS += ["--theme", "--timeout", "--epochs", "--rate", "--hidden", "1,1", "--seed", "--regression", "--test-share"]
_OPTIONS += ["rows.csv", "strange.json", "model.json", "xor", "x", "x=2", "x=", "=", "-x", "--", "-h", "nan", "inf", ""]


def _changed_arguments(data: bytes, rng: random.Random) -> bytes:
    """The same line with an argument replaced, put in or taken out."""
    arguments = data.split(b"\0")
    place, count = rng.randrange(len(arguments) + 1), rng.randrange(2)
    arguments[place : place + count] = [rng.choice(_OPTIONS).encode()] * rng.randrange(2)
    return b"\0".join(arguments)


def _harmless(argument: str) -> str:
    """No path that leads out of the folder, and no picture but a text: Graphviz itself is not what is looked at."""
    inside = argument.replace("/", "_").replace("\\", "_").lstrip("~")
    for ending in (".svg", ".png", ".pdf", ".gif"):
        inside = inside.lower().replace(ending, ".gv") if ending in inside.lower() else inside
    return "x" if inside in (".", "..") else inside


def _short_numbers(argument: str) -> str:
    """No number above 9, so that what is trained is small."""
    short = ""
    for c in argument:
        if not (c.isdigit() and short[-1:].isdigit()) and c not in "eE_":
            short += c
    return short if argument[:2] != "--" else argument


def _furnish() -> None:
    """Files to name, and small sets of examples."""
    (folder() / "rows.csv").write_text("a,b,c\n1,2,0\n3,4,1\n", encoding="utf-8")
    model = MLP(2, [2, 1], seed=0)
    model.save(folder() / "model.json")
    model.loss, model.classes = "binary_cross_entropy", ["\x1b[31mred", "two\nlines \u202e"]
    model.save(folder() / "strange.json")


def _command_seeds() -> list[bytes]:
    _furnish()
    lines = [
        ["draw", "tanh(x*w + b)", "x=2", "w=-3", "b=6.88", "--out", "g.gv", "--derivatives", "--most", "5"],
        ["draw", "x", "x=1", "--out", "g.gv", "--theme", "dark", "--direction", "TB", "--precision", "3"],
        ["step", "-x**2 + 1e3", "x=-2"],
        ["step", "x*w + b", "x=2", "w=-3", "b=6.88", "--html", "w.html"],
        ["step", "9**9**9**9"],
        ["step", "x*w", "x=nan", "w=inf"],
        ["predict", "model.json", "rows.csv"],
        ["predict", "strange.json", "rows.csv"],
        ["train", "xor", "--hidden", "3,2", "--epochs", "2", "--out", "m.json", "--quiet"],
        ["train", "rows.csv", "--regression", "--epochs", "1", "--rate", "0.1", "--seed", "1", "--optimizer", "sgd"],
        ["train", "moons", "--activation", "tanh", "--batch-size", "3", "--test-share", "0.5", "--epochs", "1"],
        ["--version"],
        ["draw", "--help"],
        [],
    ]
    return [os.fsencode("\0".join(line)) for line in lines]


_NUMBERS = ("nan", "inf", "-inf", "1e308", "1e-320", "-0.0", "1e999", "0x", "1_0", "9" * 400, "\u0663")
_HOSTILE = ("__class__", "\ufeff", "\u202e", "\u2028", "\x1b[2J")

TARGETS = {
    target.name: target
    for target in (
        Target(
            "model",
            _load,
            (ModelFileError,),
            _model_seeds,
            ('"classes"', "null", "true", "NaN", "Infinity", '"__class__"', '{"a":', "[[", "\\ud800", *_NUMBERS),
            _changed_json,
        ),
        Target(
            "onnx",
            _load_onnx,
            (ModelFileError,),
            _onnx_seeds,
            ("\x0a", "\x12", "Gemm", "MatMul", "Add", "Relu", "transB", "location", "../x", *_NUMBERS),
            _changed_onnx,
        ),
        Target(
            "safetensors",
            _load_safetensors,
            (ModelFileError,),
            partial(_model_seeds, ".safetensors"),
            ('"data_offsets"', '"F64"', '"F32"', '"BF16"', "[0,0]", "__metadata__", "0.weight", *_NUMBERS),
            _changed_safetensors,
        ),
        Target("csv", _read, (ValueError,), _csv_seeds, ('""', '"\n', "\r\n", ",,", "\x00", *_NUMBERS, *_HOSTILE)),
        Target(
            "idx",
            _read_idx,
            (ValueError,),
            _idx_seeds,
            ("\x00\x00\x08\x01", "\x00\x00\x08\x03", "\x1f", "\x00\x00\x00\x1c", "\x00\x00\x00\x00"),
        ),
        Target(
            "checkpoint",
            _resume,
            (ModelFileError, ValueError, FloatingPointError),
            _checkpoint_seeds,
            ('"optimizer"', "null", "true", "NaN", '"__class__"', "[[", *_NUMBERS),
            _changed_json,
        ),
        Target(
            "expression",
            _express,
            (ValueError, ZeroDivisionError, OverflowError),
            _formulas,
            ("**", "hypot(", "erfc(", "lambda ", "(((((((((", "[", ":=", " if ", "f'{", *_HOSTILE, *_NUMBERS),
            a_byte=2_000,
        ),
        Target(
            "command",
            _command,
            (_Refused,),
            _command_seeds,
            ("\0", "--", "-h", "=", "x=", "--html", "--hidden", "rows.csv", "model.json", *_HOSTILE, *_NUMBERS),
            _changed_arguments,
            fixed=20_000_000,
            a_byte=20_000,
        ),
    )
}

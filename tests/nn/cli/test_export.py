"""``gradstep export``: a trained model as a program in C or JavaScript or as an ONNX file, beside its predictions."""

import re
import sys

import javascript
import numpy as np
import pytest
from c_programs import needs_cc, run
from javascript import needs_node

from nn import MLP

X = np.random.default_rng(0).normal(size=(40, 3))
ANSWERS = ["yes" if x > 0.0 else "no" for x in X[:, 0]]


def trained(y, loss: str, n_outputs: int, activation: str = "tanh") -> MLP:
    model = MLP(3, [5, n_outputs], activation=activation, seed=0)
    model.fit(X, y, loss=loss, epochs=2, batch_size=20)
    return model


def computed(folder, model: MLP) -> np.ndarray:
    """The outputs that the program in program.c gives for the rows of X."""
    weights = [weight.data for weight in model.parameters()]
    found = run(folder, ["program"], [[[*row, *weights] for row in X.tolist()]])[0]
    return np.array(found)[:, : model.layers[-1].n_outputs]


@needs_cc
@pytest.mark.parametrize(
    ("y", "loss", "n_outputs", "said"),
    [
        ((X[:, 0] * 2.0).tolist(), "mse", 1, " * y[0]: the number predicted\n"),
        (ANSWERS, "binary_cross_entropy", 1, "y[0]: above 0 for class yes, else class no"),
        (ANSWERS, "binary_cross_entropy", 1, "(1 + exp(-y[0])) is the probability of"),
        ([["a", "b*/", "c"][i % 3] for i in range(40)], "cross_entropy", 3, " * y[1]: score of class b* /\n"),
    ],
)
def test_the_program_computes_the_outputs(command, tmp_path, y, loss, n_outputs, said):
    model = trained(y, loss, n_outputs)
    model.save("model.json")
    assert command("export", "model.json", "program.c") == (0, "program: program.c\n", "")
    assert said in (tmp_path / "program.c").read_text()
    outputs = np.array(model.decision_function(X)).reshape(len(X), -1)
    np.testing.assert_allclose(computed(tmp_path, model), outputs, rtol=1e-12, atol=1e-14)


def train_on_houses(command, folder, other_kind):
    """Write houses.csv, with gaps in two columns, and houses.json."""
    kinds = ["flat", other_kind, ""]
    rows = [f"{100.0 + 10.0 * a},{kinds[i % 3]},{['', 2, 3, 4][i % 4]},{1e5 + 3e4 * a}" for i, a in enumerate(X[:, 0])]
    (folder / "houses.csv").write_text("\n".join(["area,kind,rooms,price", *rows]))
    assert command("train", "houses.csv", "--hidden", "4", "--epochs", "2", "--quiet")[0] == 0


@needs_cc
def test_a_model_of_a_table_takes_plain_numbers_and_names_its_inputs(command, tmp_path):
    train_on_houses(command, tmp_path, "villa")
    assert command("export", "houses.json", "houses.c")[0] == 0
    text = (tmp_path / "houses.c").read_text()
    assert " * x[0]: area\n * x[1]: 1 if kind has no text, else 0\n * x[2]: 1 if kind is flat, else 0\n" in text
    mean = float(re.search(r"x\[4\]: rooms \((\S+) where it is missing\)", text)[1])
    (tmp_path / "new.csv").write_text("area,kind,rooms\n120,villa,3\n80,,\n")
    predicted = [float(line) for line in command("predict", "houses.json", "new.csv")[1].split()]
    weights = [weight.data for weight in MLP.load("houses.json").parameters()]
    examples = [[120.0, 0.0, 0.0, 1.0, 3.0, *weights], [80.0, 1.0, 0.0, 0.0, mean, *weights]]
    found = [row[0] for row in run(tmp_path, ["houses"], [examples])[0]]
    assert found == pytest.approx(predicted, rel=1e-12)


@needs_cc
def test_numbers_in_percent_are_told(command, tmp_path):
    rows = [f'{10.0 + a:.3f}%,"${2000.0 + 100.0 * b:,.2f}",{a:.3f}' for a, b, _ in X.tolist()]
    (tmp_path / "rates.csv").write_text("\n".join(["größe,fee,y", *rows]), encoding="utf-8")
    assert command("train", "rates.csv", "--hidden", "4", "--epochs", "2", "--quiet")[0] == 0
    assert command("export", "rates.json", "rates.c")[0] == 0
    text = (tmp_path / "rates.c").read_text("utf-8")
    assert " * x[0]: größe in percent, such as 12.5 for 12.5%\n * x[1]: fee\n" in text
    assert " * x has numbers as they are in the table; the weights scale them\n" in text
    (tmp_path / "new.csv").write_text('größe,fee\n9.5%,"$2,100"\n', encoding="utf-8")
    predicted = float(command("predict", "rates.json", "new.csv")[1])
    weights = [weight.data for weight in MLP.load("rates.json").parameters()]
    assert run(tmp_path, ["rates"], [[[9.5, 2100.0, *weights]]])[0][0][0] == pytest.approx(predicted, rel=1e-12)


def test_answers_to_several_questions(command, tmp_path):
    answers = [[float(x > 0.0), float(z > 0.0)] for x, _, z in X]
    trained(answers, "binary_cross_entropy", 2).save("model.json")
    assert command("export", "model.json", "program.c")[0] == 0
    assert "y[1]: above 0 where the answer" in (tmp_path / "program.c").read_text()


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ("binary_cross_entropy", "y[1]: above 0 where the answer to question is b* /d is yes"),
        ("mse", "y[1]: the number predicted for is b* /d"),
    ],
)
def test_outputs_have_the_names_of_the_columns_of_y(command, tmp_path, loss, said):
    pandas = pytest.importorskip("pandas")
    trained(pandas.DataFrame({"a": X[:, 0] > 0.0, "is b*/d": X[:, 1] > 0.0}) * 1.0, loss, 2).save("model.json")
    assert command("export", "model.json", "program.c")[0] == 0
    assert said in (tmp_path / "program.c").read_text()


def test_what_is_refused(command, tmp_path):
    trained(X[:, 0].tolist(), "mse", 1).save("model.json")
    for name in ("model.py", "model", "model.c.txt"):
        told = f"gradstep: the program's name must end in .c, .js or .onnx, got '{name}'\n"
        assert command("export", "model.json", name) == (1, "", told)
    status, _, told = command("export", "nothing.json", "model.c")
    assert (status, told) == (1, "gradstep: nothing.json: No such file or directory\n")
    (tmp_path / "folder.c").mkdir()
    status, _, told = command("export", "model.json", "folder.c")
    assert (status, told) == (1, "gradstep: folder.c: this is a folder, and must be a file name\n")


def test_a_name_with_a_percent_sign(command, tmp_path):
    (tmp_path / "t.csv").write_text("growth %,kind %,y %\n" + "".join(f"{i},{'ab'[i % 2]},{i}\n" for i in range(20)))
    assert command("train", "t.csv", "--regression", "--epochs", "1", "--quiet")[0] == 0
    assert command("export", "t.json", "t.c")[0] == 0
    program = (tmp_path / "t.c").read_text()
    assert " * x[0]: growth %\n * x[1]: 1 if kind % is a, else 0\n" in program


_CALLED = """import { values, gradient } from "./houses.js";

return data.map((row) => [values(row)[0], gradient(row).y[0]]);
"""


@needs_node
def test_a_model_of_a_table_as_javascript_has_the_same_words_as_in_c(command, tmp_path):
    train_on_houses(command, tmp_path, "villa */ throw 1;")
    assert command("export", "houses.json", "houses.js") == (0, "program: houses.js\n", "")
    assert command("export", "houses.json", "houses.c")[0] == 0
    text, in_c = ((tmp_path / name).read_text("utf-8") for name in ("houses.js", "houses.c"))
    words = [line for line in in_c.partition(" */")[0].splitlines() if re.match(r" \* (x|y)(\[| has)", line)]
    assert len(words) == 7
    assert all(f"{line}\n" in text for line in words)
    mean = float(re.search(r"x\[4\]: rooms \((\S+) where it is missing\)", text)[1])
    (tmp_path / "new.csv").write_text("area,kind,rooms\n120,flat,3\n80,,\n")
    predicted = [float(line) for line in command("predict", "houses.json", "new.csv")[1].split()]
    found = javascript.run(tmp_path, _CALLED, [[120.0, 0.0, 1.0, 0.0, 3.0], [80.0, 1.0, 0.0, 0.0, mean]])
    for (value, again), number in zip(found, predicted, strict=True):
        assert value == again == pytest.approx(number, rel=1e-12)


def test_an_onnx_file_is_the_one_that_save_writes(command, tmp_path):
    pytest.importorskip("onnx")
    model = trained(ANSWERS, "binary_cross_entropy", 1)
    model.save("model.json")
    assert command("export", "model.json", "model.onnx") == (0, "program: model.onnx\n", "")
    model.save("saved.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == (tmp_path / "saved.onnx").read_bytes()
    again = MLP.load("model.onnx")
    assert (again.state_dict(), again.classes) == (model.state_dict(), ["no", "yes"])


@pytest.mark.parametrize("activation", ["gelu", "leaky_relu", "softplus"])
def test_onnxruntime_runs_an_onnx_file(command, activation):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    model = MLP(3, [2, 1], activation=activation, seed=0)
    model.save("model.json")
    assert command("export", "model.json", "model.onnx") == (0, "program: model.onnx\n", "")
    (found,) = onnxruntime.InferenceSession("model.onnx").run(None, {"X": X})
    assert found[:, 0].tolist() == pytest.approx([model(row).data for row in X.tolist()], rel=1e-12)


def test_texts_are_told_apart_each_on_one_line(command, tmp_path):
    rows = [f"{['empty', '', 'u'][i % 3]},{i}" for i in range(30)]
    (tmp_path / "odd.csv").write_text("\n".join(["kind,y", *rows]))
    assert command("train", "odd.csv", "--hidden", "2", "--epochs", "2", "--quiet")[0] == 0
    assert command("export", "odd.json", "odd.c")[0] == 0
    said = " * x[0]: 1 if kind has no text, else 0\n * x[1]: 1 if kind is empty, else 0\n"
    assert said in (tmp_path / "odd.c").read_text()
    trained([["a\nb", ""][i % 2] for i in range(40)], "binary_cross_entropy", 1).save("model.json")
    assert command("export", "model.json", "odd.c")[0] == 0
    assert "y[0]: above 0 for class a b, else class with no text\n" in (tmp_path / "odd.c").read_text()


def test_an_onnx_file_without_the_package_is_one_line(command, tmp_path, monkeypatch):
    trained(X[:, 0].tolist(), "mse", 1).save("model.json")
    monkeypatch.setitem(sys.modules, "onnx", None)
    status, said, told = command("export", "model.json", "model.onnx")
    assert (status, said, told.count("\n")) == (1, "", 1)
    assert told.startswith("gradstep: an .onnx file must have the package onnx")

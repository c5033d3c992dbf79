"""The command on real tables: texts, gaps, names, separators, and what it says of them."""

import csv
import io
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nn import MLP, ModelFileError
from nn.__main__ import main
from nn.data.columns import Columns
from nn.data.csv_columns import learn_columns, read_target
from nn.data.csv_files import read_text_table
from nn.data.number_cells import Notation

pytestmark = pytest.mark.usefixtures("undrawn")
SHORT = ("--quiet", "--epochs", "1", "--hidden", "2")


def passengers(n=60):
    """Sex decides; ages have gaps."""
    rows = [
        {"age": "" if i % 7 == 0 else str(20 + i % 30), "sex": ["female", "male"][i % 2], "fare": str(i * 1.5)}
        | {"alive": ["yes", "no"][i % 2]}
        for i in range(n)
    ]
    return pd.DataFrame(rows)


def test_texts_and_gaps_are_learned_told_and_kept_in_the_file(gradstep):
    passengers().to_csv("p.csv", index=False)
    status, out, err = gradstep("train", "p.csv", "--quiet", "--epochs", 60)
    assert (status, err) == (0, "")
    assert "'age': 9 of 60 numbers missing, filled with the mean" in out
    assert "'sex': 2 different texts, an input each" in out
    assert "target 'alive': classes (2 different texts in 60 rows" in out
    table = json.loads(Path("p.json").read_text())["table"]["columns"]
    assert [column["kind"] for column in table] == ["number", "text", "number", "target"]
    assert table[1]["categories"] == ["female", "male"]
    assert 20 < table[0]["mean"] < 50
    assert table[0]["scale"] > 0
    expected = "yes\nno\n" * 30
    filled = f"gradstep: 'age': 9 of 60 numbers missing; filled with {table[0]['mean']:.6g}, its mean in training\n"
    assert gradstep("predict", "p.json", "p.csv") == (0, expected, filled)
    passengers()[["fare", "sex", "age"]].to_csv("other_order.csv", index=False, sep=";")
    assert gradstep("predict", "p.json", "other_order.csv") == (0, expected, filled)
    model = MLP.load("p.json")
    model.save("again.json")
    assert Path("again.json").read_bytes() == Path("p.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.drop(columns="age"), "the model takes the column 'age', and the file has 'sex', 'fare', 'alive'"),
        (lambda p: p.assign(deck="A"), "the model takes 'age', 'sex', 'fare', and the column 'deck' is unknown to it"),
        (lambda p: p.rename(columns={"fare": "price"}), "the model takes the column 'fare'"),
        (lambda p: p.assign(sex=["female", "Male"] * 30), "line 3, column 'sex': 'Male' is unknown to the model; it k"),
        (lambda p: p.assign(sex="Male"), "knows 'female', 'male'; train --drop leaves a column out"),
        (lambda p: p.assign(fare=["1", "two"] * 30), "line 3, column 'fare' must be a finite number, got 'two'"),
    ],
)
def test_other_columns_are_refused_by_name(gradstep, change, words):
    passengers().to_csv("p.csv", index=False)
    gradstep("train", "p.csv", *SHORT)
    change(passengers()).to_csv("changed.csv", index=False)
    status, out, err = gradstep("predict", "p.json", "changed.csv")
    assert (status, out) == (1, "")
    assert words in err


def test_a_gap_that_training_did_not_have_is_told(gradstep):
    passengers().to_csv("p.csv", index=False)
    gradstep("train", "p.csv", *SHORT)
    passengers().assign(fare=["", *["3"] * 59]).to_csv("gap.csv", index=False)
    status, out, err = gradstep("predict", "p.json", "gap.csv")
    assert (status, out.count("\n")) == (0, 60)
    assert "gradstep: 'fare': 1 of 60 numbers missing, but none in training; filled with " in err


def test_plain_numbers_are_what_a_model_without_texts_takes_in_python(gradstep):
    rows = [f"{1000 + i},{i % 5},{3 * i + 2}\n" for i in range(40)]
    Path("n.csv").write_text("a,b,c\n" + "".join(rows))
    gradstep("train", "n.csv", "--quiet", "--epochs", 20)
    said = [float(line) for line in gradstep("predict", "n.json", "n.csv")[1].splitlines()]
    assert MLP.load("n.json").predict([[1000 + i, i % 5] for i in range(40)]) == said


def test_a_price_table_is_a_regression_and_says_so(gradstep):
    Path("price.csv").write_text("area,price\n" + "".join(f"{i % 97},{100_000 + 37 * i}\n" for i in range(3000)))
    status, out, _ = gradstep("train", "price.csv", *SHORT)
    assert status == 0
    assert (
        "target 'price': numbers (3,000 different numbers in 3,000 rows; --classification takes them otherwise" in out
    )
    assert len(out) < 2000


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        ([str(i) for i in range(40)], True),
        (["0", "1"] * 20, False),
        (["3", "4", "5", "6"] * 10, False),
        (["0.5", "1.5", "2.5"] * 10, True),
        (["007", "7", "8"] * 10, False),
        ([str(i % 21) for i in range(1000)], True),
        (["1", "2", "3"], True),
    ],
)
def test_classes_or_numbers(folder, cells, numbers):
    Path("t.csv").write_text("".join(f"{i}.5,{cell}\n" for i, cell in enumerate(cells)))
    table = read_text_table("t.csv")
    assert read_target(table, "column 2", None)[1].regression is numbers


def test_007_and_7_stay_two(gradstep):
    Path("agents.csv").write_text("x,who\n" + "".join(f"{i},{['007', '7', '8'][i % 3]}\n" for i in range(30)))
    gradstep("train", "agents.csv", *SHORT)
    assert set(MLP.load("agents.json").classes) == {"007", 7, 8}


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("1.O,2,x\n1,3,y\n2,4,x\n3,1,y\n", None),
        ("1.O,9,10.5\n1,3,4\n2,4,6\n3,1,2\n", None),
        ("2019,2020,class\n1.5,2,a\n3,4.5,b\n1,2,a\n2,2,b\n", ["2019", "2020", "class"]),
        ("0,1,class\n1.5,2,0\n3,4.5,1\n1,2,0\n", ["0", "1", "class"]),
        ("a,b,kind\n1,2,x\n3,4,y\n", ["a", "b", "kind"]),
        ("1,2,x\n3,4,y\n", None),
        ("1,2,rare\n3,4,y\n1,3,y\n0,2,x\n1,2,x\n", None),
        ("name,kind\nann,x\nbob,y\ncat,x\n", ["name", "kind"]),
        ("sep=;\na;kind\n1;x\n2;y\n", ["a", "kind"]),
        ("SEP=,\r\na,kind\r\n1,x\r\n2,y\r\n", ["a", "kind"]),
        ("nan,2,x\n1,3,y\n2,2,x\n", None),
        ("unknown,3,0\n1,2,1\n2,2,0\n", None),
        ("\ufeffa,b,kind\r\n1,2,x\r\n3,4,y\r\n", ["a", "b", "kind"]),
    ],
)
def test_names_in_the_first_line(folder, content, names):
    Path("t.csv").write_bytes(content.encode())
    table = read_text_table("t.csv")
    assert table.has_header is (names is not None)
    assert table.names == (names or [f"column {i + 1}" for i in range(len(table.names))])
    assert read_text_table("t.csv", header=not table.has_header).has_header is not table.has_header


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_separators(folder, encoding, separator):
    rows = [["größe", "kind"], ["1", "süß"], ["2", "naïve"]]
    Path("t.csv").write_bytes("\n".join(separator.join(row) for row in rows).encode(encoding))
    table = read_text_table("t.csv")
    assert table.names == rows[0]
    assert table.cells.to_numpy().tolist() == rows[1:]
    assert ("between the columns" in table.how) is (separator != ",")
    assert ("cp1252" in table.how) is (encoding == "cp1252")


def test_decimal_commas_between_semicolons(folder):
    Path("t.csv").write_text("a;b\n1,5;x\n2,25;y\n")
    table = read_text_table("t.csv")
    assert learn_columns(table, "b", ())[1].tolist() == [[1.5], [2.25]]


def test_odd_numbers_are_none():
    numbers = Notation().read(np.array(["1_000", "\uff11\uff12", "1e999", "inf", " 2 ", "-.5e1", "NA"], dtype=object))
    assert numbers.odd.tolist() == [True, True, True, True, False, False, False]
    assert numbers.values[4:6].tolist() == [2.0, -5.0]


def test_numbers_are_read_exactly(folder):
    numbers = np.random.default_rng(0).normal(size=300) * 10.0 ** np.arange(-150, 150)
    Path("t.csv").write_text("".join(f"{x!r},1\n" for x in numbers.tolist()))
    assert read_text_table("t.csv").numbers("column 1").values.tolist() == numbers.tolist()


@pytest.mark.parametrize("shuffled", [False, True])
def test_the_index_of_pandas_is_no_input(gradstep, shuffled):
    frame = passengers().sample(frac=1, random_state=0) if shuffled else passengers()
    frame.to_csv("p.csv")
    status, out, _ = gradstep("train", "p.csv", *SHORT)
    assert status == 0
    assert "'Unnamed: 0': left out, as it numbers the rows" in out
    assert gradstep("predict", "p.json", "p.csv")[0] == 0
    frame.to_csv("bare.csv", index=False)
    assert gradstep("predict", "p.json", "bare.csv")[0] == 0


def test_a_separator_at_the_end_of_each_line_makes_no_column(gradstep):
    text = passengers().to_csv(index=False)
    Path("p.csv").write_text(text.replace("\n", ",,\n"))
    status, out, _ = gradstep("train", "p.csv", *SHORT)
    assert status == 0
    assert "60 rows of 4 columns" in out
    assert "target 'alive'" in out
    Path("new.csv").write_text(text)
    assert gradstep("predict", "p.json", "p.csv") == gradstep("predict", "p.json", "new.csv")


def test_target_and_drop_choose_columns(gradstep):
    passengers().to_csv("p.csv", index=False)
    status, out, _ = gradstep("train", "p.csv", "--target", "sex", "--drop", "alive", "--lr", "0.01", *SHORT)
    assert status == 0
    assert "target 'sex': classes" in out
    assert "'alive': left out, as --drop says" in out
    model = MLP.load("p.json")
    assert model.classes == ["female", "male"]
    assert model.n_inputs == 2


def test_names_and_numbers_of_rows_are_told_and_left_out(gradstep):
    passengers().assign(name=[f"person {i}" for i in range(60)])[["name", "sex", "alive"]].to_csv("p.csv", index=False)
    out = gradstep("train", "p.csv", *SHORT)[1]
    assert "'name': left out, as it has 60 different texts in 60 rows" in out


def test_a_typo_among_numbers_is_told_with_its_line(gradstep):
    passengers().assign(fare=["1.O", *["3", "4"] * 29, "5"]).to_csv("p.csv", index=False)
    out = gradstep("train", "p.csv", *SHORT)[1]
    assert (
        "'fare': 1 of 60 numbers missing, filled with the mean; 1 of them say something else, such as '1.O' in lin"
        in out
    )


def test_rows_without_a_target_are_told(gradstep):
    passengers().assign(alive=["", *["yes", "no"] * 29, "yes"]).to_csv("p.csv", index=False)
    out = gradstep("train", "p.csv", *SHORT)[1]
    assert "'alive': 1 row without a target left out" in out
    assert "as a class" not in out
    passengers().assign(alive=["NA", *["yes", "no"] * 29, "?"]).to_csv("p.csv", index=False)
    out = gradstep("train", "p.csv", *SHORT)[1]
    assert "'alive': 'NA', '?' counted as a class; a row without a target has no text there" in out


@pytest.mark.parametrize("n", [3, 8, 10, 11])
def test_texts_that_all_differ_are_no_inputs_in_a_short_file_either(gradstep, n):
    lines = [f"person {i},2024-01-{i + 1:02},{'ab'[i % 2]},{i},{'yn'[i % 2]}\n" for i in range(n)]
    Path("short.csv").write_text("name,day,kind,x,answer\n" + "".join(lines))
    out = gradstep("train", "short.csv", *SHORT)[1]
    assert f"'name': left out, as it has {n} different texts in {n} rows, such as 'person 0'" in out
    assert f"'day': left out, as it has {n} different texts" in out
    assert "'kind': 2 different texts, an input each" in out


def test_the_names_are_not_examples_where_files_were_put_together(gradstep):
    passengers().to_csv("p.csv", index=False)
    text = Path("p.csv").read_text()
    gradstep("train", "p.csv", *SHORT)
    Path("both.csv").write_text(text + text)
    words = "gradstep: both.csv, line 62: the names in the first line again; leave this line out\n"
    for command in (["train"], ["train", "--header"], ["predict", "p.json"]):
        assert gradstep(*command, "both.csv") == (1, "", words)
    Path("both.csv").write_text("5,red,yes\n7,blue,no\n5,red,yes\n" + "6,green,no\n8,blue,yes\n" * 9)
    assert "21 rows of 3 columns, no names in the first line" in gradstep("train", "both.csv", *SHORT)[1]


def test_a_file_that_is_no_model_is_replaced_only_if_it_is_named(gradstep):
    passengers().to_csv("p.csv", index=False)
    data = passengers().to_json()
    Path("p.json").write_text(data)
    status, _, err = gradstep("train", "p.csv", *SHORT)
    assert (status, err) == (1, "gradstep: p.json: this is no model, and the model would take its place; give --out\n")
    assert Path("p.json").read_text() == data
    assert gradstep("train", "p.csv", *SHORT, "--out", "p.json")[0] == 0
    first = Path("p.json").read_text()
    assert gradstep("train", "p.csv", *SHORT, "--seed", 1)[0] == 0  # a model is replaced
    assert Path("p.json").read_text() != first


def test_several_outputs_are_a_row_of_a_csv_file(gradstep):
    X = pd.DataFrame({"u": [0.5, -1.0], "v": [1.0, 2.0]})
    X.to_csv("rows.csv", index=False)
    for loss, y in (("mse", [[1.0, 2.5], [3.0, 4.0]]), ("bce", [[0, 1], [1, 1]])):
        model = MLP(2, [3, 2], seed=0)
        model.fit(X, y, loss=loss, epochs=1, seed=0, progress=False)
        model.save("m.json")
        status, out, err = gradstep("predict", "m.json", "rows.csv")
        assert (status, err) == (0, "")
        np.testing.assert_allclose(pd.read_csv(io.StringIO(out), header=None), model.predict(X), rtol=1e-12)


def test_no_line_is_printed_where_there_are_no_probabilities(gradstep):
    pd.DataFrame({"u": [0.5], "v": [1.0]}).to_csv("rows.csv", index=False)
    model = MLP(2, [1], seed=0)
    model.fit([[0.0, 1.0], [1.0, 0.0]], ["a", "b"], loss="hinge", epochs=1, seed=0, progress=False)
    model.save("m.json")
    words = "gradstep: m.json: the model gives no probabilities; for these it must be trained on classes, with cross_"
    status, out, err = gradstep("predict", "m.json", "rows.csv", "--probabilities")
    assert (status, out, err[: len(words)]) == (1, "", words)


def test_probabilities(gradstep):
    passengers().to_csv("p.csv", index=False)
    gradstep("train", "p.csv", "--quiet", "--epochs", 30)
    status, out, err = gradstep("predict", "p.json", "p.csv", "--probabilities")
    assert (status, err.count("\n")) == (0, 1)
    rows = list(csv.reader(out.splitlines()))
    assert rows[0] == ["no", "yes"]
    said = gradstep("predict", "p.json", "p.csv")[1].split()
    for row, label in zip(rows[1:], said, strict=True):
        assert sum(map(float, row)) == pytest.approx(1.0, abs=1e-5)
        assert label == rows[0][int(float(row[1]) > 0.5)]


def test_without_pandas(folder, capsys, monkeypatch):
    Path("t.csv").write_text("1,2,x\n3,4,y\n")
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert main(["train", "t.csv"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("gradstep: reading a CSV file must have the package pandas (")
    assert told.endswith('): pip install "gradstep[demo]"\n')


def test_models_of_earlier_versions_take_columns_by_place(gradstep):
    MLP(2, [1], seed=0).save("old.json")
    assert "table" not in json.loads(Path("old.json").read_text())
    Path("t.csv").write_text("u,v,w\n1,2,x\n3,4,y\n")
    said = [float(line) for line in gradstep("predict", "old.json", "t.csv")[1].split()]
    assert said == MLP.load("old.json").predict([[1, 2], [3, 4]])


GOOD = {"name": "a", "kind": "number", "mean": 1.0, "scale": 2.0, "missing": 0}


@pytest.mark.parametrize(
    "table",
    [
        3,
        {"named": True},
        {"named": 1, "columns": [GOOD]},
        {"named": True, "columns": 3},
        {"named": True, "columns": []},
        {"named": True, "columns": [GOOD, GOOD]},
        *[{"named": True, "columns": [GOOD | change]} for change in (
            {"name": 3}, {"kind": "tree"}, {"kind": []}, {"mean": "1"}, {"mean": True}, {"scale": 0.0}, {"scale": -1},
            {"scale": 10**400}, {"missing": -1}, {"missing": 0.5}, {"categories": ["a"]}, {"other": 1},
            {"kind": "text"}, {"decimal": ""}, {"decimal": ";"}, {"decimal": [","]}, {"thousands": "."},
            {"thousands": "]"}, {"thousands": [","]}, {"decimal": ",", "thousands": " ,"}, {"sign": 3},
        )],
        {"named": True, "columns": [{"name": "a", "kind": "text", "categories": ["x", "x"]}]},
        {"named": True, "columns": [{"name": "a", "kind": "text", "categories": [1]}]},
        {"named": True, "columns": [{"name": "a", "kind": "text", "categories": ["x", "y"]}]},
        {"named": True, "columns": [[GOOD]]},
    ],
)  # fmt: skip
def test_a_table_that_is_none_is_refused(folder, table):
    MLP(1, [1], seed=0).save("m.json")
    content = json.loads(Path("m.json").read_text())
    Path("m.json").write_text(json.dumps(content | {"table": {"named": True, "columns": [GOOD]}}))
    assert MLP.load("m.json").table == Columns.from_json({"named": True, "columns": [GOOD]})
    Path("m.json").write_text(json.dumps(content | {"table": table}))
    with pytest.raises(ModelFileError, match=r"m\.json: "):
        MLP.load("m.json")


# ---------------------------------------------------------------------------------------------------- files to write to

POSIX = pytest.mark.skipif(os.name != "posix", reason="files as POSIX has them")


@POSIX
def test_a_device_is_written_to_and_not_replaced(gradstep):
    status, out, err = gradstep("train", "xor", *SHORT, "--out", "/dev/null")
    assert (status, err) == (0, "")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert "model: /dev/null" in out
    assert not Path("/dev/null.neuron.svg").exists()
    MLP(1, [1]).save("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@POSIX
def test_a_pipe_is_written_to_where_it_is_read_from(gradstep):
    os.mkfifo("pipe")
    status, out, err = gradstep("train", "xor", *SHORT, "--out", "pipe")
    assert (status, out) == (1, "")
    assert "pipe: no program reads from this pipe" in err
    reader = subprocess.Popen([sys.executable, "-c", "print(open('pipe').read())"], stdout=subprocess.PIPE, text=True)
    while True:
        status, _, err = gradstep("train", "xor", *SHORT, "--out", "pipe")
        if status == 0 or "no program reads" not in err:
            break
    assert (status, err) == (0, "")
    assert json.loads(reader.communicate(timeout=30)[0])["kind"] == "MLP"
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)
    read = []
    thread = threading.Thread(target=lambda: read.append(Path("pipe").read_text()))
    thread.start()
    MLP(1, [1]).save("pipe")
    thread.join()
    assert json.loads(read[0])["kind"] == "MLP"


@POSIX
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_updated(gradstep, there):
    Path("models").mkdir()
    if there:
        Path("models/real.json").write_text("old")
    os.symlink("models/real.json", "link.json")
    assert gradstep("train", "xor", *SHORT, "--out", "link.json")[0] == 0
    assert Path("link.json").is_symlink()
    assert MLP.load("models/real.json").n_inputs == 2
    assert sorted(path.name for path in Path("models").iterdir()) == ["real.json"]


@POSIX
def test_a_read_only_file_is_refused_before_the_training(gradstep):
    Path("m.json").write_text("precious")
    Path("m.json").chmod(0o444)
    for option in ("--out", "--checkpoint"):
        status, out, err = gradstep("train", "xor", *SHORT, option, "m.json")
        assert (status, out, err) == (1, "", "gradstep: m.json: this file is read-only\n")
    with pytest.raises(PermissionError, match="read-only"):
        MLP(1, [1]).save("m.json")
    assert Path("m.json").read_text() == "precious"


@POSIX
def test_a_folder_that_vanished_is_told_before_the_training(gradstep, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    status, out, err = gradstep("train", "xor", *SHORT)
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    monkeypatch.chdir(tmp_path)


def test_no_memory_is_one_line(gradstep, monkeypatch):
    def without_memory(*_, **__):
        raise MemoryError

    monkeypatch.setattr("nn.cli.formulas.expression", without_memory)
    status, _, err = gradstep("step", "x", "x=1")
    assert (status, err) == (1, "gradstep: out of memory; fewer rows, columns or neurons take less\n")


def test_draw_leaves_the_picture_alone(gradstep, folder):
    gradstep("draw", "x*2", "x=1", "--out", "g.svg")
    assert [path.name for path in folder.iterdir()] == ["g.svg"]


# ------------------------------------------------------------------------------------------- rows and names as they are


def test_empty_rows_are_left_out_and_told(gradstep, folder):
    rows = [f"{city},{n}" for n, city in enumerate(["Bonn", "Ulm"] * 20)]
    (folder / "t.csv").write_text("\n".join(["city,rooms", *rows[:10], ",", *rows[10:], ",", ""]))
    status, out, err = gradstep("train", "t.csv", "--out", "t.json", *SHORT)
    assert (status, err) == (0, "")
    assert "40 rows of 2 columns, names in the first line, 2 empty rows left out" in out
    (folder / "new.csv").write_text("city\nBonn\n\nUlm\n")
    (folder / "gap.csv").write_text("city,rooms\nBonn,1\n,\nUlm,2\n")
    status, out, err = gradstep("predict", "t.json", "gap.csv")
    assert (status, len(out.splitlines())) == (0, 2)
    assert err == "gradstep: gap.csv: 1 empty row left out, with no answer\n"


def test_a_row_number_is_one_where_targets_are_missing(gradstep, folder):
    rows = [f"{i},{i % 7},{'' if i in (3, 50) else 10 * (i % 7)}" for i in range(80)]
    (folder / "t.csv").write_text("\n".join(["id,rooms,price", *rows]))
    out = gradstep("train", "t.csv", *SHORT)[1]
    assert "'id': left out, as it numbers the rows" in out
    assert "2 rows without a target left out" in out


def test_a_name_with_a_comma_leaves_the_line_in_the_message(gradstep, folder):
    rows = [f"{i},{i}" for i in range(40)]
    (folder / "t.csv").write_text("\n".join(['"a, b",c', *rows[:9], "oops,9", *rows[10:]]))
    assert "1 of them say something else, such as 'oops' in line 11" in gradstep("train", "t.csv", *SHORT)[1]


def test_an_unknown_column_with_no_near_one(gradstep, folder):
    (folder / "t.csv").write_text("a,b\n1,2\n3,4\n")
    err = gradstep("train", "t.csv", "--target", "zzz", *SHORT)[2]
    assert "there is no column 'zzz'. The columns are 'a', 'b'" in err


def test_the_help_has_no_odd_defaults(gradstep):
    out = " ".join(gradstep("train", "--help")[1].split())
    assert "default: True" not in out
    assert "default: []" not in out
    assert "default: relu" in out

"""The command on cells as people and spreadsheets write them, and on files as they come: packed, cut, or odd."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nn import MLP

pytestmark = pytest.mark.usefixtures("undrawn")
SHORT = ("--quiet", "--epochs", "2", "--hidden", "2")
ROWS = range(60)


def write(name, rows, separator=","):
    """A file whose cells are in quotes where the separator is in them."""
    quoted = (separator.join(f'"{cell}"' if separator in str(cell) else str(cell) for cell in row) for row in rows)
    Path(name).write_text("\n".join(quoted) + "\n", encoding="utf-8")


def learned(name):
    """The parameters in a model's file, and its columns without how their numbers are written."""
    content = json.loads(Path(name).read_text())
    columns = content["table"]["columns"]
    columns = [{key: column[key] for key in column.keys() - {"decimal", "thousands", "sign"}} for column in columns]
    return content["parameters"], content["classes"], columns


def european(number):
    """12345.5 as 12.345,50."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


WAYS = {  # how a number is written, the separator, and what is told of the first cell
    "thousands": (lambda x: f"{x:,}", ",", "'1,234.5' is read as 1234.5"),
    "dollars": (lambda x: f"${x:,.2f}", ",", "'$1,234.50' is read as 1234.5"),
    "euros after": (lambda x: f"{european(x)} €", ";", "'1.234,50 €' is read as 1234.5"),
    "pounds below 0": (lambda x: f"-£{x}", ",", "'-£1234.5' is read as -1234.5"),
    "in brackets below 0": (lambda x: f"({x:,})", ",", "'(1,234.5)' is read as -1234.5"),
    "a sign inside": (lambda x: f"$-{x}", ",", "'$-1234.5' is read as -1234.5"),
    "some with no sign": (lambda x: f"${x}" if x % 2 else str(x), ",", "'$1234.5' is read as 1234.5"),
    "percent": (lambda x: f"{x}%", ",", "'1234.5%' is read as 1234.5"),
    "percent apart": (lambda x: f"{x} %", ",", "'1234.5 %' is read as 1234.5"),
    "blanks": (lambda x: f"{x:,}".replace(",", " "), ",", "'1 234.5' is read as 1234.5"),
    "narrow blanks": (lambda x: european(x).replace(".", "\u202f"), ";", "'1\\u202f234,50' is read as 1234.5"),
    "apostrophes": (lambda x: f"{x:,}".replace(",", "'"), ",", '"1\'234.5" is read as 1234.5'),
    "european": (european, ";", "'1.234,50' is read as 1234.5"),
    "european, tabs": (european, "\t", "'1.234,50' is read as 1234.5"),
    "decimal commas": (lambda x: str(x).replace(".", ","), ";", "'1234,5' is read as 1234.5"),
    "decimal commas in quotes": (lambda x: str(x).replace(".", ","), ",", "'1234,5' is read as 1234.5"),
}


@pytest.mark.parametrize("way", WAYS)
def test_numbers_as_people_write_them(gradstep, way):
    written, separator, note = WAYS[way]
    numbers = [1234.5 + 17 * i * i for i in ROWS]
    sign = -1 if {*"-("} & {*written(1)} else 1
    for name, cells in (("plain", [sign * x for x in numbers]), ("written", [written(x) for x in numbers])):
        rows = [["rooms", "price", "sold"], *([i % 7, cell, "yn"[i % 2]] for i, cell in enumerate(cells))]
        write(f"{name}.csv", rows, separator if name == "written" else ",")
        status, out, _ = gradstep("train", f"{name}.csv", *SHORT)
        assert status == 0
        assert (f"'price': {note}" in out) is (name == "written")
        said = gradstep("predict", f"{name}.json", f"{name}.csv", "--probabilities")
        assert said[0] == 0
        Path(f"{name}.txt").write_text(said[1])
        assert (note in said[2]) is (name == "written")
    assert learned("plain.json") == learned("written.json")
    assert Path("plain.txt").read_text() == Path("written.txt").read_text()


def test_a_target_as_people_write_it_is_numbers(gradstep):
    write("t.csv", [["rooms", "price"], *([i % 9, f"${100_000 + 17 * i:,}"] for i in ROWS)])
    status, out, _ = gradstep("train", "t.csv", *SHORT)
    assert status == 0
    assert "target 'price': numbers (60 different numbers in 60 rows" in out
    assert "'price': '$100,000' is read as 100000" in out
    assert MLP.load("t.json").classes is None


@pytest.mark.parametrize(
    "cells",
    [
        [f"${i}.5" if i % 2 else f"€{i}.5" for i in ROWS],
        [f"{i}.5%" if i % 2 else f"0.{i}" for i in ROWS],
        [f"{i},{i % 7}{i % 3}" if i % 2 else f"x{i}" for i in ROWS],
        [f"1_{i:03}" for i in ROWS],
        [f"{i + 1},23,4" for i in ROWS],
        [f"2024-{1 + i // 28:02}-{1 + i % 28:02}" for i in ROWS],
    ],
    ids=["two currencies", "percent and shares", "texts", "underscores", "odd groups", "dates"],
)
def test_cells_that_are_no_numbers_are_left_out_with_an_example(gradstep, cells):
    write("t.csv", [["a", "b", "kind"], *([i, cell, "xy"[i % 2]] for i, cell in enumerate(cells))])
    out = gradstep("train", "t.csv", *SHORT)[1]
    assert f"'b': left out, as it has 60 different texts in 60 rows, such as {cells[0]!r}" in out


@pytest.mark.parametrize("strange", ["45%", "45 apples", "4,5,6"])
def test_one_strange_cell_leaves_a_column_of_numbers(gradstep, strange):
    write("t.csv", [["a", "kind"], *([strange if i == 7 else i, "xy"[i % 2]] for i in ROWS)])
    out = gradstep("train", "t.csv", *SHORT)[1]
    assert (
        f"'a': 1 of 60 numbers missing, filled with the mean; 1 of them say something else, such as '{strange}'" in out
    )
    write("u.csv", [["a", "kind"], *(["$7" if i == 7 else i, "xy"[i % 2]] for i in ROWS)])
    assert "'a': '$7' is read as 7\n" in gradstep("train", "u.csv", *SHORT)[1]


@pytest.mark.parametrize(
    ("cells", "cell", "words"),
    [
        ([f"{i}%" for i in ROWS], "0.45", "line 2, column 'b' must be a finite number in percent, got '0.45'"),
        ([f"${i}" for i in ROWS], "€5", "line 2, column 'b' must be a finite number, got '€5'"),
        ([f"${i}" for i in ROWS], "5%", "line 2, column 'b' must be a finite number, got '5%'"),
        ([str(i) for i in ROWS], "5%", "line 2, column 'b' must be a finite number, got '5%'"),
    ],
)
def test_another_sign_than_in_training_is_refused(gradstep, cells, cell, words):
    write("t.csv", [["b", "kind"], *([cell, "xy"[i % 2]] for i, cell in enumerate(cells))])
    assert gradstep("train", "t.csv", *SHORT)[0] == 0
    write("new.csv", [["b"], [cell]])
    status, out, err = gradstep("predict", "t.json", "new.csv")
    assert (status, out) == (1, "")
    assert words in err


def inputs_of(gradstep, rows, separator):
    """Mean of the first column in a table with these rows."""
    write("t.csv", [["a", "b", "kind"], *([*row, "xy"[i % 2]] for i, row in enumerate(rows))], separator)
    assert gradstep("train", "t.csv", *SHORT, "--test-share", "0.01")[0] == 0
    return json.loads(Path("t.json").read_text())["table"]["columns"][0]["mean"]


@pytest.mark.parametrize(
    ("cell", "other", "separator", "about"),
    [
        ("1.{:03}", "{},5", ";", 1100),  # the other column has decimal commas: 1.200 is 1200
        ("1.{:03}", "{}.5", ";", 1.1),
        ("1.{:03}", "{}", ";", 1.1),  # nothing tells: 1.200 is as everywhere
        ("1.{:03}", "{}", ",", 1.1),
        ("1,{:03}", "{}.5", ";", 1100),
        ("1,{:03}", "{},5", ";", 1.1),
        ("1,{:03}", "{}", ";", 1.1),  # commas between semicolons are decimal
        ("1,{:03}", "{}", ",", 1100),
        ("1,{:03},000", "{},5", ";", 1_100_000),
        ("1.{:03}.000", "{}.5", ",", 1_100_000),
    ],
)
def test_what_a_mark_means_is_told_by_the_whole_file(gradstep, cell, other, separator, about):
    rows = [[cell.format(100 + 2 * (i % 30)), other.format(i)] for i in ROWS]
    assert inputs_of(gradstep, rows, separator) == pytest.approx(about, rel=0.1)


def test_a_column_named_in_the_first_line_is_named_in_messages(gradstep):
    MLP(2, [1], seed=0).save("m.json")
    for cell, words in (("", "the number is missing"), ("two", "must be a finite number, got 'two'")):
        write("t.csv", [["width", "height"], [1, 2], [3, cell]])
        err = gradstep("predict", "m.json", "t.csv")[2]
        assert "t.csv, line 3, column 'height'" in err
        assert words in err


def test_numbers_asked_for_as_classes_are_warned_of(gradstep):
    write("t.csv", [["a", "price"], *([i % 9, 3 * i] for i in range(220))])
    out = gradstep("train", "t.csv", "--classification", *SHORT)[1]
    assert "'price': warning: 220 different numbers become as many classes" in out
    write("few.csv", [["a", "grade"], *([i % 9, i % 30] for i in range(220))])
    assert "warning" not in gradstep("train", "few.csv", "--classification", *SHORT)[1]


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (
            [[i, "x"] for i in ROWS],
            (),
            "t.csv: the target 'b' must have at least two different values, got 'x' in 60 r",
        ),
        ([[i, 5.5] for i in ROWS], ("--regression",), "must have at least two different values, got '5.5' in 60 rows"),
        ([[1, "x"]], (), "must have at least two different values, got 'x' in 1 row"),
        ([], (), "t.csv: there is no example in it, only names of columns"),
        (
            [["same", "xy"[i % 2]] for i in ROWS],
            (),
            "no column is left to learn from ('a': left out, as each text in i",
        ),
    ],
)
def test_tables_with_nothing_to_learn(gradstep, rows, options, words):
    write("t.csv", [["a", "b"], *rows])
    status, _, err = gradstep("train", "t.csv", *options, *SHORT)
    assert status == 1
    assert words in err


def test_columns_that_say_nothing_are_left_out_and_told(gradstep):
    rows = [["a", "empty", "five", "word", "some", "kind"]]
    rows += [[i, "", 5, "same", "" if i % 3 else 2.5, "xy"[i % 2]] for i in ROWS]
    write("t.csv", rows)
    out = gradstep("train", "t.csv", *SHORT)[1]
    assert "'empty': left out, as it is empty" in out
    assert "'five': left out, as each number in it is 5" in out
    assert "'word': left out, as each text in it is 'same'" in out
    assert "'some': left out, as each number in it is 2.5" in out
    assert MLP.load("t.json").n_inputs == 1
    assert gradstep("predict", "t.json", "t.csv")[0] == 0


def test_infinities_are_told_and_truths_are_texts(gradstep):
    write("t.csv", [["a", "b", "kind"], *(["inf" if i == 7 else i, i % 3 == 0, i % 2 == 0] for i in ROWS)])
    out = gradstep("train", "t.csv", *SHORT)[1]
    assert (
        "'a': 1 of 60 numbers missing, filled with the mean; 1 of them say something else, such as 'inf' in li" in out
    )
    assert "'b': 2 different texts, an input each" in out
    assert MLP.load("t.json").classes == ["False", "True"]


# ------------------------------------------------------------------------------------------------------------ the files


def packed(content):
    """The same file as it is, gzipped and zipped."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("t.csv", content)
        file.writestr("__MACOSX/._t.csv", b"\0")
        file.mkdir("data")
    return {"t.csv": content, "t.csv.gz": gzip.compress(content), "t.zip": archive.getvalue()}


def test_packed_files_are_read_as_they_are(gradstep):
    rows = "".join(f"{i},{i % 5},{'xy'[i % 2]}\r\n" for i in ROWS)
    trained = {}
    for name, content in packed(f"\ufeffa,b,kind\r\n{rows}".encode()).items():
        Path(name).write_bytes(content)
        status, out, _ = gradstep("train", name, *SHORT)
        assert status == 0
        assert "model: t.json" in out
        trained[name] = Path("t.json").read_bytes(), gradstep("predict", "t.json", name)
    assert trained["t.csv"] == trained["t.csv.gz"] == trained["t.zip"]
    assert trained["t.csv"][1][0] == 0


def zipped(*names):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name, b"1,2\n3,4\n")
    return archive.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"1,2\n" * 99)[:-9], "t.csv: the packed file is damaged or cut off"),
        (zipped("a.csv", "b.csv"), "t.csv: a zip archive must hold one file, got 2"),
        (zipped("xl/workbook.xml", "[Content_Types].xml"), "got 2; save the workbook as CSV"),
        (zipped("a.csv")[:40], "t.csv: the packed file is damaged or cut off"),
        (gzip.compress(b"1,2\n" * 5_000_000), "t.csv must unpack to less than 100 times its size, got more"),
        (gzip.compress(b""), "t.csv: there is no example in it"),
        (b"\n \n\n", "t.csv: there is no example in it"),
        (b",\n,\n", "t.csv: there is no example in it"),
    ],
    ids=["cut off", "two files", "workbook", "cut zip", "huge", "nothing packed", "blank", "commas"],
)
def test_packed_files_that_are_none_are_refused(gradstep, content, words):
    Path("t.csv").write_bytes(content)
    status, out, err = gradstep("train", "t.csv", *SHORT)
    assert (status, out) == (1, "")
    assert words in err


@pytest.mark.parametrize(
    ("names", "lines", "told"),
    [
        ([], "blue,sq\nred,ro\nred,ro\n", ""),
        ([], "blue,hex\nred,ro\nred,ro\n", "column 'column 2': 'hex' is unknown to the model"),
        ([], "colour,shape\nred,ro\nred,ro\nred,ro\n", "the first line is taken for names, which the model does"),
        (["colour,shape,y"], "blue,sq\nred,ro\nred,ro\n", "no names in the first line; the columns are taken for"),
    ],
)
def test_a_line_of_known_texts_is_no_line_of_names(gradstep, names, lines, told):
    rows = (f"{'red' if i % 3 else 'blue'},{'sq' if i % 4 else 'ro'},{'ab'[i % 2]}" for i in ROWS)
    Path("t.csv").write_text("\n".join([*names, *rows]) + "\n")
    gradstep("train", "t.csv", *SHORT)
    Path("p.csv").write_text(lines)
    _, out, err = gradstep("predict", "t.json", "p.csv")
    assert out.count("\n") == (0 if "unknown" in told else 3)
    assert told in err
    assert bool(told) is bool(err)


def test_lines_are_counted_as_an_editor_counts_them(gradstep):
    MLP(2, [1], seed=0).save("m.json")
    Path("t.csv").write_text('\n\nwidth,"heig\nht"\n1,2\n\n3,"4\n"\n5,six\n')
    status, out, err = gradstep("predict", "m.json", "t.csv")
    assert (status, out) == (1, "")
    assert "t.csv, line 9, column 'heig ht' must be a finite number, got 'six'" in err


def test_blank_lines_are_told(gradstep):
    MLP(1, [1], seed=0).save("m.json")
    Path("t.csv").write_text("1\n\n3\n\n\n")
    status, out, err = gradstep("predict", "m.json", "t.csv")
    assert (status, out.count("\n")) == (0, 2)
    assert err == "gradstep: t.csv: 1 empty row left out, with no answer\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_a_reader_that_has_enough_is_no_error(folder):
    MLP(1, [1], seed=0).save("m.json")
    Path("t.csv").write_text("".join(f"{i}\n" for i in range(10_000)))
    command = [sys.executable, "-m", "nn", "predict", "m.json", "t.csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 141)


# ---------------------------------------------------------------------------- numbers are read as they were in training


def trained(gradstep, lines):
    """A model of a file with these lines, which is asked for numbers; what was told of its columns."""
    Path("t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    status, out, err = gradstep("train", "t.csv", *SHORT, "--regression", "--test-share", "0.01")
    assert (status, err) == (0, "")
    return out


def predicted(gradstep, *lines):
    """What the model gives for a file with these lines."""
    Path("new.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    status, out, err = gradstep("predict", "t.json", "new.csv")
    return [float(line) for line in out.split()] if status == 0 else err


POINTS = [f"{x};{i},5;{i}" for i, x in enumerate(["1.344", "0.173", "7.25", "9.125"] * 9)]
GROUPS = [f"{1 + i % 9}.678;0,{8000 + i};{i}" for i in range(36)]
BARE = [f"{1 + i % 9},344;0,{100 + i};{i}" for i in range(36)]
QUOTED = [f'"{1 + i % 9},678",{i % 5},{i}' for i in range(36)]


@pytest.mark.parametrize(
    ("lines", "given", "numbers"),
    [
        (POINTS, ["1.344;0,5", "0.173;1,5"], [[1.344, 0.5], [0.173, 1.5]]),
        (POINTS, ["1.344;0,5"], [[1.344, 0.5]]),
        (POINTS, ["1.344,3", "9.125,4"], [[1.344, 3], [9.125, 4]]),
        (GROUPS, ["7.678;1"], [[7678, 1]]),
        (GROUPS, ['7.678,"0,5"', "3,1"], [[7678, 0.5], [3, 1]]),
        (BARE, ['"1,344",1'], [[1.344, 1]]),
        (BARE, ["1,344;0,1", "12,5;2"], [[1.344, 0.1], [12.5, 2]]),
        (QUOTED, ["7,678;1"], [[7678, 1]]),
        (QUOTED, ["7,678\t1.5"], [[7678, 1.5]]),
    ],
)
def test_predict_reads_numbers_as_training_did(gradstep, lines, given, numbers):
    trained(gradstep, lines)
    assert predicted(gradstep, *given) == MLP.load("t.json").predict(numbers)


@pytest.mark.parametrize(
    ("lines", "given", "words"),
    [
        (
            POINTS,
            "1,344;0,5",
            "line 1, column 'column 1' must be a finite number, got '1,344'; the model takes",
        ),
        (POINTS, "1.344;0.5", "line 1, column 'column 2' must be a finite number, got '0.5'; .* written like 1234,5"),
        (POINTS, "1.344.000;0,5", "got '1.344.000'; the model takes numbers written like 1234.5"),
        (GROUPS, "0.678;1", "got '0.678'; the model takes numbers written like 1.234,5"),
        (GROUPS, "7,678.5;1", "got '7,678.5'"),
        (GROUPS, "7 678;1", "got '7 678'"),
        (BARE, '"1.344",1', "got '1.344'; the model takes numbers written like 1234,5"),
        (QUOTED, "7.678,5;1", "got '7.678,5'; the model takes numbers written like 1,234.5"),
    ],
)
def test_predict_refuses_numbers_written_otherwise(gradstep, lines, given, words):
    trained(gradstep, lines)
    assert re.search(words, predicted(gradstep, given))


def test_a_line_that_may_be_one_number_is_refused(gradstep):
    trained(gradstep, [f"{i % 9},5;{i}" for i in range(36)])
    assert "may be marks in numbers or between columns" in predicted(gradstep, "1,5", "2,5")
    assert predicted(gradstep, "1,5;1") == predicted(gradstep, '"1,5",1') == MLP.load("t.json").predict([[1.5]])
    assert predicted(gradstep, "column 1,column 2", "1,5") == MLP.load("t.json").predict([[1]])


def test_a_model_without_notations_takes_plain_numbers(gradstep):
    trained(gradstep, GROUPS)
    content = json.loads(Path("t.json").read_text())
    for column in content["table"]["columns"]:
        column.pop("decimal", None), column.pop("thousands", None)
    Path("t.json").write_text(json.dumps(content))
    assert predicted(gradstep, "7.5;1") == MLP.load("t.json").predict([[7.5, 1]])
    assert "got '7.678,5'; the model takes numbers written like 1234.5" in predicted(gradstep, "7.678,5;1")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (GROUPS, "'column 1': '1.678' is read as 1678 and not 1.678, as other cells have decimal commas"),
        (QUOTED, "'column 1': '1,678' is read as 1678 and not 1.678, as commas are between the columns"),
        (POINTS, "'column 1': '1.344' is read as 1.344, though other cells have decimal commas"),
        ([f"{1 + i % 9},344;{i}" for i in range(36)], "'1,344' is read as 1.344 and not 1344, as no cell tells other"),
        ([f"{1 + i % 9}.344;{i}" for i in range(36)], "'1.344' is read as 1.344 and not 1344, as no cell tells other"),
        ([f"{i % 9};{1 + i % 9}.344" for i in range(36)], "'column 2': '1.344' is read as 1.344 and not 1344, as no"),
        (
            [f"1.{344 + i};{i}.5;{i}" for i in range(36)],
            "'1.344' is read as 1.344 and not 1344, as other cells",
        ),
        ([f"{1 + i % 9}.{344 if i else '344,5'};{i}" for i in range(36)], "'column 1': '1.344,5' is read as 1344.5\n"),
    ],
)
def test_what_a_mark_was_taken_for_is_told(gradstep, lines, told):
    assert told in trained(gradstep, lines)


def test_plain_numbers_need_no_word(gradstep):
    assert "read as" not in trained(gradstep, [f"{i}.25,{i},{i * 2}" for i in range(36)])


@pytest.mark.parametrize("zero", ["0", "0.0", "-0", "\u22120"])
def test_a_bare_zero_is_zero_percent(gradstep, zero):
    for bare in (zero, "0%"):
        told = trained(gradstep, [f"{bare if i % 3 else f'{i}.47%'},{i}" for i in range(60)])
        assert "missing" not in told
        assert json.loads(Path("t.json").read_text())["table"]["columns"][0]["mean"] == pytest.approx(9.5235, abs=0.2)
    assert predicted(gradstep, f"{zero},1") == predicted(gradstep, "0%,1") == MLP.load("t.json").predict([[0]])
    assert "must be a finite number in percent, got '1'; the model takes numbers written like 1234.5%" in predicted(
        gradstep, "1,1"
    )


def test_the_minus_of_typesetters_is_a_minus(gradstep):
    told = trained(gradstep, [f"\u2212{i},\u2212$1.5,{i}" for i in range(1, 36)])
    assert "something else" not in told
    assert predicted(gradstep, "\u22125", "-5") == MLP.load("t.json").predict([[-5], [-5]])


@pytest.mark.parametrize("cells", [["1", "1.0"], ["+2", "2"], ["1.5", "1.50"], ["0", "-0"], ["5%", "5.0%"]])
@pytest.mark.parametrize("option", [(), ("--regression",), ("--classification",)], ids=["", "numbers", "classes"])
def test_a_number_written_twice_is_one(gradstep, cells, option):
    write("t.csv", [["a", "b"], *([i, cells[i % 2]] for i in ROWS)])
    status, _, err = gradstep("train", "t.csv", *option, *SHORT)
    assert (status, err) == (
        1,
        f"gradstep: t.csv: the target 'b' must have at least two different values, got {cells[0]!r} in 60 rows\n",
    )


def test_numbers_written_twice_are_counted_once(gradstep):
    write("t.csv", [["a", "b"], *([i, ["1", "1.0", "2", "\u22121"][i % 4]] for i in ROWS)])
    assert "target 'b': classes (3 different numbers in 60 rows" in gradstep("train", "t.csv", *SHORT)[1]
    assert MLP.load("t.json").classes == [-1, 1, 2]
    write("t.csv", [["a", "b"], *([i, ["1.5", "1.50", "2"][i % 3]] for i in ROWS)])
    out = gradstep("train", "t.csv", *SHORT)[1]
    assert "target 'b': classes (2 different numbers in 60 rows" in out
    assert "'b': '1.50' and '1.5' are one number, and one class" in out
    assert MLP.load("t.json").classes == [2, "1.5"]


@pytest.mark.parametrize("cells", [["007", "7"], ["1234567890123456", "1234567890123457"], ["x", "1"]])
def test_texts_that_are_not_one_number_stay_two(gradstep, cells):
    write("t.csv", [["a", "b"], *([i, cells[i % 2]] for i in ROWS)])
    status, out, _ = gradstep("train", "t.csv", *SHORT)
    assert (status, "one number" in out, len(MLP.load("t.json").classes)) == (0, False, 2)


def test_007_and_7_are_one_number_where_numbers_are_asked_for(gradstep):
    write("t.csv", [["a", "b"], *([i, ["007", "7"][i % 2]] for i in ROWS)])
    assert (
        "must have at least two different values, got '007' in 60 r"
        in gradstep("train", "t.csv", "--regression", *SHORT)[2]
    )


@pytest.mark.parametrize("place", ["4", "-1", "0"])
def test_a_target_is_a_name_and_no_place(gradstep, place):
    write("t.csv", [["a", "b"], *([i, i] for i in ROWS)])
    err = gradstep("train", "t.csv", "--target", place, *SHORT)[2]
    assert f"--target must be the name of a column, not its place, got '{place}'. The columns are 'a', 'b'" in err


@pytest.mark.parametrize(("separator", "mark"), [(",", "."), (";", "."), (";", ","), ("\t", ",")])
def test_a_number_with_an_exponent_has_no_marks_between_thousands(gradstep, separator, mark):
    cells = [f"{'-' * (i % 2)}{1.39 + i / 100:.3f}e+{i % 9 + 3}" for i in range(36)]
    write("t.csv", [["x", "y"], *([cell.replace(".", mark), i] for i, cell in enumerate(cells))], separator)
    status, out, _ = gradstep("train", "t.csv", "--regression", *SHORT)
    assert status == 0
    assert "and not" not in out
    assert ("is read as" in out) == (mark == ",")
    column = MLP.load("t.json").table.columns[0]
    assert (column.decimal, column.thousands) == (mark, "")
    assert column.notation.read(np.array(["1" + mark + "390e+3"], dtype=object)).values == [1390.0]


def test_grouped_numbers_have_no_exponent(gradstep):
    write("t.csv", [["x", "y"], *([f"{1000 + i:,}", i] for i in range(36))])
    gradstep("train", "t.csv", "--regression", *SHORT)
    assert "got '1,390e+12'; the model takes numbers written like 1,234.5" in predicted(gradstep, "x", '"1,390e+12"')


@pytest.mark.parametrize("cell", ["1" + " " * 100_000 + "x", "1" * 100_000 + "x"], ids=["spaces", "digits"])
def test_a_long_cell_is_read_in_one_pass(gradstep, cell):
    write("long.csv", [[cell, "kind"], *([cell if i == 3 else i, "ab"[i % 2]] for i in ROWS)])
    status, _, err = gradstep("train", "long.csv", *SHORT)
    assert (status, err.replace(cell, "")) == (0, "")

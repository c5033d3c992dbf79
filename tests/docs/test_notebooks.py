"""Every notebook runs from top to bottom in a fresh kernel, shows the outputs that it is kept with, and the code in the
answers to its exercises, run after it, shows what the answers say.
"""

import math
import re
from importlib.util import find_spec

import pytest
from checkout import ROOT

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("[0-9]*.ipynb"), key=lambda path: int(path.name.partition("_")[0]))
HANGS = 600  # seconds for a cell: a notebook that is never done is to fail, one on a slow machine is not
FIGURE = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?")
ANSWER = re.compile(r"<details>\n<summary>Answer</summary>\n\n(.+?)\n\n</details>", re.DOTALL)
CODE = re.compile(r"^```python\n(.+?)^```$(?:\n\nIt shows:\n\n^```text\n(.+?)^```$)?", re.DOTALL | re.MULTILINE)
PICTURES = ("image/svg+xml", "image/png")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each_notebook
@pytest.mark.filterwarnings("ignore")  # those of Jupyter's own packages
@pytest.mark.slow
def test_notebook_runs_and_its_outputs_are_those_kept(path, tmp_path, monkeypatch):
    monkeypatch.delenv("GRADSTEP_MNIST", raising=False)  # kept are the outputs of a machine without the files
    kept = nbformat.read(path, as_version=4)
    run = nbformat.read(path, as_version=4)
    for package in imported(kept):
        if find_spec(package) is None:
            pytest.skip(f"{path.name} needs {package}")
    answers = [found for answer in answers_of(kept) for found in CODE.findall(answer)]
    run.cells += [nbformat.v4.new_code_cell(source) for source, _ in answers]
    place = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(run, timeout=HANGS, kernel_name="python3", resources=place).execute()
    for number, (before, after) in enumerate(zip(kept.cells, run.cells)):
        if before.cell_type == "code":
            same = same_shape if varies(before) else same_figures
            changed = f"cell {number} shows something else now; run the notebook again"
            assert same(shown(before), shown(after)), f"{changed}:\n{shown(before)}\n{shown(after)}"
    for (source, says), cell in zip(answers, run.cells[len(kept.cells) :], strict=True):
        assert not says or same_figures(says, shown(cell)), f"the answer is another one now:\n{source}\n{shown(cell)}"


@pytest.mark.parametrize(
    ("kept", "now", "same"),
    [
        ("cost 0.0407 after 250 steps", "cost 0.0407 after 250 steps", True),
        ("cost 0.0407", "cost 0.0318", False),
        ("(0.6347395899824584,)", "(0.6347395899824585,)", True),
        ("0.6347395899824584", "0.6347395799824584", False),
        ("1.5e-05", "1.6e-05", False),
        ("1.5e-05", "1.5e-06", False),
        ("-2.2e-16", "0.0", True),
        ("grad=0.0", "grad=0.1", False),
        ("12 of 37 right", "13 of 37 right", False),
        ("cost 0.04", "cost nan", False),
        ("True", "False", False),
        ("1, 2", "1, 2, 3", False),
    ],
)
def test_figures_that_differ_by_rounding_are_the_same(kept, now, same):
    assert same_figures(kept, now) is same


def test_shapes_leave_out_figures_alone():
    assert same_shape("   3.4 ms for an evaluation", " 12.25 ms for an evaluation")
    assert not same_shape("3.4 ms", "nan ms")
    assert not same_shape("3.4 ms", "3.4 s")


@each_notebook
def test_notebook_is_fit_to_be_read(path):
    """Small enough for a forge to show, run in order to the end, and with no warning, error or path of a machine."""
    assert path.stat().st_size < 1_000_000
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert all(output.output_type != "error" and output.get("name") != "stderr" for output in cell.outputs)
        assert not re.search(r"/(?:home|root|tmp|Users)/", cell.source + texts(cell))


@each_notebook
def test_figures_are_dark_where_the_notebook_is(path):
    """See ``nn.pictures.follow_theme``."""
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                assert "prefers-color-scheme:dark" in data.get("image/svg+xml", ""), cell.source


@each_notebook
def test_exercises_have_hidden_answers(path):
    """At the end, two to four; Markdown inside of HTML needs an empty line before it and after it."""
    notebook = nbformat.read(path, as_version=4)
    start = next(place for place, cell in enumerate(notebook.cells) if cell.source.startswith("## Exercises"))
    exercises = notebook.cells[start + 1 :]
    assert [cell.source.partition(" ")[0] for cell in exercises] == [f"**{n}.**" for n in range(1, len(exercises) + 1)]
    assert 2 <= len(exercises) <= 4
    assert [len(ANSWER.findall(cell.source)) for cell in exercises] == [1] * len(exercises)
    assert sum("<details>" in cell.source for cell in notebook.cells) == len(exercises)


def test_notebooks_are_numbered_from_1_and_listed():
    assert [path.name.partition("_")[0] for path in NOTEBOOKS] == [str(n) for n in range(1, 11)]
    readme = FOLDER.parent / "README.md"
    if readme.exists():  # it is not beside the tests of an installed wheel
        listed = re.findall(r"\[\d+\. [^]]+\]\(notebooks/(.+?)\)", readme.read_text(encoding="utf-8"))
        assert listed == [path.name for path in NOTEBOOKS]


def answers_of(notebook):
    """The answers to its exercises, in Markdown."""
    return [answer for cell in notebook.cells if cell.cell_type == "markdown" for answer in ANSWER.findall(cell.source)]


def imported(notebook):
    """The packages that its cells import at the start of a line."""
    sources = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return sorted(set(re.findall(r"^(?:import|from) (\w+)", sources, flags=re.MULTILINE)))


def varies(cell):
    """Whether its figures are others each time, such as seconds; such cells carry a tag that says so."""
    return "varies" in cell.metadata.get("tags", ())


def same_shape(kept, now):
    """Whether two texts are the same but for their figures."""
    return FIGURE.sub("#", kept).split() == FIGURE.sub("#", now).split()


def same_figures(kept, now):
    """Whether two texts are the same, figures to within rounding, which differs from processor to processor."""
    return same_shape(kept, now) and all(map(close, FIGURE.findall(kept), FIGURE.findall(now)))


def close(kept, now):
    """Whether two figures differ by no more than what rounding makes of a calculation that is not chaotic."""
    return math.isclose(float(kept), float(now), rel_tol=1e-9, abs_tol=1e-12)


def shown(cell):
    """The text that a cell shows; of a picture only that there is one, as fonts differ from machine to machine."""
    return re.sub(r"0x[0-9a-f]+", "an address", texts(cell))


def texts(cell):
    """What a cell shows, with a line of its own for each picture."""
    parts = []
    for output in cell.outputs:
        data = output.get("data", {})
        picture = next((kind for kind in PICTURES if kind in data), None)
        if picture:
            parts.append(f"a picture, {picture}\n")
        elif output.output_type == "stream":
            parts.append(output.text)
        else:
            parts.append(data.get("text/plain", output.output_type))
    return "".join(parts)

"""The documentation: every block of code on its pages runs, and gives what is shown below it; the pages build.

Blocks of a page run in order, with the names of the blocks before them, in an empty folder. ``python`` blocks are
executed, ``pycon`` blocks are doctests, a ``c`` block becomes ``main.c`` and a ``javascript`` block ``main.js``, and in
``console`` blocks ``gradstep``, ``cc`` and ``node`` print what is shown. A block may need a package: ``<!-- needs
anywidget -->`` on the line before it. Without that package the rest of the page is skipped.
"""

import builtins
import contextlib
import doctest
import functools
import importlib
import importlib.util
import inspect
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from checkout import ROOT

import engine
import nn

DOCS = ROOT / "docs"
SITE = "https://gradstep.invalid"
MADE = ("_build", "_generated", "notebooks")
PAGES = sorted(page for page in DOCS.rglob("*.md") if page.relative_to(DOCS).parts[0] not in MADE)
OTHERS = [page for page in (ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md") if page.exists()]
FENCE = re.compile(r"(?:^<!-- needs (\w+) -->\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FLAGS = doctest.ELLIPSIS
TOOLS = ("jupyter", "pre-commit", "pytest", "python", "source", "sphinx-build")
"""Commands that a page may show and that no test runs; their files and extras must be there."""


def blocks(page):
    """What each block of a page needs, its language, its text, and the line of its fence."""
    text = page.read_text(encoding="utf-8")
    return [(*found.groups(), text[: found.start(2)].count("\n") + 1) for found in FENCE.finditer(text)]


def run_python(text, names, where):
    exec(builtins.compile(text, where, "exec"), names)


class Checker(doctest.OutputChecker):
    """Compares spaces too, as in the columns of a table; a page may leave out an empty line at the end."""

    def check_output(self, want, got, flags):
        return super().check_output(want, got, flags) or super().check_output(want, got.rstrip("\n") + "\n", flags)


def run_doctest(text, names, where):
    test = doctest.DocTestParser().get_doctest(text, names, where, where, 0)
    report = io.StringIO()
    results = doctest.DocTestRunner(Checker(), optionflags=FLAGS).run(test, out=report.write, clear_globs=False)
    names.update(test.globs)
    assert results.attempted > 0, where
    assert results.failed == 0, report.getvalue()


def extras():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]


def check_command(words, where):
    """A command that is not run: it is one that we know, and the files and extras that it names are there."""
    if words[0] == "pip":
        for extra in re.findall(r"\[(.*)\]", " ".join(words)):
            assert set(extra.split(",")) <= set(extras()), where
        return
    assert words[0] in TOOLS or words[0] == ".ci/run", f"{where}: {words[0]}"
    for word in words:
        if re.fullmatch(r"[\w./]+\.(py|md|txt|toml)|\.ci/run", word) and ROOT.joinpath("README.md").exists():
            assert ROOT.joinpath(word).exists(), f"{where}: {word}"


def run_console(text, where, capsys):
    """Each ``$ command``; what ``gradstep`` prints is compared with the lines below it."""
    from nn.__main__ import main

    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        words = shlex.split(command)
        if words[0] in ("cc", "node"):
            if shutil.which(words[0]):
                done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
                assert (done.returncode, done.stdout) == (0, shown), f"{where} printed:\n{done.stdout}{done.stderr}"
            continue
        if words[0] != "gradstep":
            check_command(words, where)
            continue
        capsys.readouterr()
        assert main(words[1:]) == 0, where
        printed = capsys.readouterr().out
        assert doctest.OutputChecker().check_output(shown, printed, FLAGS), f"{where} printed:\n{printed}"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES + OTHERS, ids=lambda page: page.stem)
def test_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for needs, language, text, line in blocks(page):
        if needs:
            pytest.importorskip(needs)
        where = f"{page.name}, line {line}"
        match language:
            case "python":
                run_python("\n" * line + text, names, str(page))
            case "pycon":
                run_doctest(text, names, where)
            case "console":
                run_console(text, where, capsys)
            case "c":
                Path("main.c").write_text(text, encoding="ascii")
            case "javascript":
                Path("main.js").write_text(text, encoding="ascii")
                Path("package.json").write_text('{"type": "module"}', encoding="ascii")  # which newer Nodes can tell
            case "sh":
                for command in re.split(r"\n| && ", text.strip()):
                    check_command(shlex.split(command, comments=True), where)
            case _:
                assert language in ("csv", "text", "toml"), f"{where}: nothing runs a block of {language}"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```python\n1 / 0\n```\n", ZeroDivisionError),
        ("```pycon\n>>> 1 + 1\n3\n```\n", AssertionError),
        ("```console\n$ gradstep step x x=1\nnothing\n```\n", AssertionError),
        ("```sh\npip install '.[nothing]'\n```\n", AssertionError),
        ("```sh\nunknown --option\n```\n", AssertionError),
        ("```julia\n1\n```\n", AssertionError),
    ],
)
def test_a_wrong_block_is_a_failure(text, error, tmp_path, monkeypatch, capsys):
    page = tmp_path / "wrong.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(error):
        test_code_of_a_page_runs(page, tmp_path, monkeypatch, capsys)


def public_things():
    """All that users import, by the names that they import it by."""
    rooms = [engine, nn, nn.data]
    if importlib.util.find_spec("matplotlib"):
        rooms.append(nn.pictures)
    things = {f"{room.__name__}.{name}": getattr(room, name) for room in rooms for name in room.__all__}
    return {name: thing for name, thing in things.items() if not inspect.ismodule(thing) and name != "nn.data.Table"}


@pytest.mark.skipif(not (DOCS / "reference").exists(), reason="the documentation is not beside the tests")
def test_the_reference_has_every_public_name():
    """Under one of its names."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    documented = []
    for name in re.findall(r"^\.\. auto\w+:: (\S+)$", text, re.MULTILINE):
        with contextlib.suppress(ImportError):  # of an optional package
            top, *rest = name.split(".")
            documented.append(functools.reduce(getattr, rest, importlib.import_module(top)))
    missing = [name for name, thing in public_things().items() if not any(thing is each for each in documented)]
    assert missing == []


def test_public_docstrings_begin_with_short_lines():
    long = []
    for name, thing in public_things().items():
        parts = {name: thing}
        if inspect.isclass(thing):
            parts |= {f"{name}.{key}": part for key, part in vars(thing).items() if not key.startswith("_")}
        for key, part in parts.items():
            if callable(part) or isinstance(part, (property, classmethod)):
                long += [key for line in (inspect.getdoc(part) or "").splitlines()[:1] if len(line) > 80]
    assert long == []


@pytest.mark.skipif(not (ROOT / "CONTRIBUTING.md").exists(), reason="the project's files are not beside the tests")
def test_contributing_names_what_is_there():
    """Each file and folder, and the stages of the whole check in their order."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:engine|nn|docs|tests|proof|building)/[\w/.]+)`", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    stages = re.search(r"^stages=\((.*)\)$", script, re.MULTILINE)[1].replace('"', "").split()
    assert re.findall(r"^\| `(\w+)` \|", text[text.index("| stage |") :], re.MULTILINE) == stages
    assert len(named) > 15


# ------------------------------------------------------------------------------------------------------------ the build


class Links(HTMLParser):
    """The targets of a page's links and images, and the names that links can point to."""

    def __init__(self, text):
        super().__init__()
        self.targets, self.names = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id" and value:
                self.names.add(value)
            elif name in ("href", "src") and value:
                self.targets.append(value)


def broken_links(folder):
    """Links from one of our pages to a file or a heading that is not there."""
    pages = {page: Links(page.read_text(encoding="utf-8")) for page in folder.rglob("*.html")}
    for page, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            named = pages[file].names if file in pages else {unquote(parts.fragment)}
            if not file.exists() or (parts.fragment and unquote(parts.fragment) not in named):
                yield f"{page.name}: {target}"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The pages, built with every warning an error."""
    for package in ("sphinx", "furo", "myst_nb", "sphinx_copybutton", "matplotlib", "sklearn"):
        pytest.importorskip(package)
    if not (ROOT / "CONTRIBUTING.md").exists():
        pytest.skip("the pages are not beside the tests")
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-d", str(folder / "doctrees"), str(DOCS)]
    environment = {**os.environ, "GRADSTEP_SITE": SITE}
    done = subprocess.run(
        [*command, str(folder / "html")], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.mark.slow
def test_pages_build_with_no_broken_link(built):
    assert list(broken_links(built)) == []
    assert (built / "reference" / "engine.html").exists()


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(built):
    """They can be read offline, the mathematics too."""
    tag = re.compile(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"(https?:[^\"]+)\"")
    found = {address for page in built.rglob("*.html") for address in tag.findall(page.read_text(encoding="utf-8"))}
    assert found == set()


def graphs_of(page):
    """The fragments of the links that open the site's Graph page, in order."""
    targets = Links(page.read_text(encoding="utf-8")).targets
    return [unquote(target.partition("#")[2]) for target in targets if target.startswith(f"{SITE}/graph.html#")]


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / "site").exists(), reason="the site's sources are not beside the tests")
def test_examples_can_be_tried_in_the_site(built):
    """Those of the reference that make a graph, and the marked blocks of other pages, with the code before them."""
    reference = graphs_of(built / "reference" / "engine.html")
    assert "formula=atan2(x,y)&numbers=x=1.0 y=1.0" in reference
    assert any(fragment.startswith("python=a, b = Value(2.0") for fragment in reference)
    networks = [fragment.splitlines()[0] for fragment in graphs_of(built / "reference" / "nn.html")]
    assert {f"python=from nn import {name}" for name in OF_VALUES} <= {*networks}
    first, second = graphs_of(built / "tutorial.html")
    assert second.startswith(first.strip())
    for page in PAGES:
        shown = graphs_of(built / page.relative_to(DOCS).with_suffix(".html"))
        assert page.parent.name == "reference" or len(shown) == page.read_text("utf-8").count("<!-- try it -->\n```")


OF_VALUES = ["MLP", "Layer", "Neuron", "mse", "mae", "huber", "binary_cross_entropy", "cross_entropy", "hinge"]
"""What of ``nn`` has an example that makes a graph without numpy."""


@pytest.fixture
def try_it(monkeypatch):
    """The extension of Sphinx that makes these links."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(DOCS)
    return pytest.importorskip("try_it", reason="the documentation is not beside the tests")


@pytest.mark.parametrize(
    ("code", "fragment"),
    [
        ("hypot(3.0, -4.0)", "formula=hypot(x,y)&numbers=x=3.0%20y=-4.0"),
        ("softmax([1.0])", None),
        ("exp(x)", None),
        ("exp(1.0) + 1", None),
        ("exp(2)", None),
        ("draw()", None),
    ],
)
def test_a_call_with_numbers_is_a_formula(try_it, code, fragment):
    assert try_it.formula_of(code) == fragment


@pytest.mark.parametrize("name", [*OF_VALUES, "Sequential", "SGD"])
def test_an_example_of_nn_imports_what_it_needs_and_is_linked_where_it_needs_no_numpy(try_it, name):
    code = "".join(example.source for example in doctest.DocTestParser().get_examples(getattr(nn, name).__doc__))
    whole = try_it.with_imports(code)
    assert whole == code if "import" in code else whole.startswith("from nn import ")
    assert try_it.shows_graph(whole) is (name != "SGD")


def test_only_names_that_are_used_and_not_made_are_imported(try_it):
    assert try_it.with_imports("x = Value(1.0)\ny = tanh(x)") == "x = Value(1.0)\ny = tanh(x)"
    assert try_it.with_imports("mse = 1.0\nmae(z, [mse])").startswith("from nn import mae\n\n")


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html">b</a><a href="#here">h</a><a href="a.html#x">x</a>', "utf-8")
    assert list(broken_links(tmp_path)) == ["a.html: b.html", "a.html: #here", "a.html: a.html#x"]

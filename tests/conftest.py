"""Settings for every test."""

import gc
import os
import re
import shutil
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
from chromium import CHROMIUM, FLAGS
from hypothesis import settings

ALONE = find_spec("pygraphviz") and not shutil.which("dot")
"""Whether pygraphviz alone draws."""

settings.register_profile("search", deadline=None)  # no timed assertions: machines differ
settings.register_profile("gradstep", settings.get_profile("search"), derandomize=True)  # the same each time
settings.load_profile("gradstep")

gc.set_threshold(20_000, 20)  # less often than every 700 objects: the tests themselves are many
os.fsync = lambda _: None  # a disk may take longer than the test, and no test cuts the power


def pytest_configure(config):
    """With several processes a file stays in one of them: a browser of one file would disturb that of another.

    Files run in the order of their names. xdist would put files of few tests last, such as the longest, those of a
    browser, and one process would wait for the other.

    Where Python may write no compiled modules beside the sources, all processes of the tests share a folder of them.
    """
    if getattr(config.option, "dist", "no") == "load":
        config.option.dist, config.option.loadscopereorder = "loadfile", False
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", "") and hasattr(config, "cache"):  # not by -p no:cacheprovider
        os.environ["PYTHONPYCACHEPREFIX"] = str(config.cache.mkdir("modules"))


def pytest_xdist_auto_num_workers(config):
    """One file runs in this process: another one would only have to be started."""
    files = [argument.partition("::")[0] for argument in config.args]
    return 0 if len(files) == 1 and Path(files[0]).is_file() else None


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is slow
def pytest_collection_modifyitems(items):
    """Each test in a browser is slow. Tests that the file ``GRADSTEP_PASSED`` names are left out: see ``.ci/run``."""
    if file := os.environ.get("GRADSTEP_PASSED"):
        passed = set(Path(file).read_text(encoding="utf-8").splitlines())
        items[:] = [item for item in items if item.nodeid not in passed]
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def browser_flags():
    """How Chromium is started; a folder of tests may add to it."""
    return FLAGS


@pytest.fixture(scope="module")
def browser(browser_flags):
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=browser_flags)
        yield chromium
        chromium.close()


if ALONE:

    @pytest.fixture(autouse=True)
    def no_process_for_each_picture(request, monkeypatch):
        """Without a system's dot a picture takes a Python of its own: only the tests of drawing start one for each."""
        if request.path.parent.name != "drawing":
            from engine.drawing import rendering

            monkeypatch.setattr(rendering, "run_process", partial(drawn_here, rendering.run_process))


def drawn_here(run_process, source, kind, engine, options, timeout):
    """As ``run_process``, in this process; a short time limit needs the other one."""
    import pygraphviz

    if timeout < 10.0:
        return run_process(source, kind, engine, options, timeout)
    return pygraphviz.AGraph(string=source).draw(format=kind, prog=engine)


@pytest.fixture
def undrawn(monkeypatch):
    """The command trains, and draws no neuron."""
    monkeypatch.setattr("nn.cli.train._draw_neuron", lambda *_: "no picture")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one meanwhile."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(folder, capsys):
    """Runs the command in an empty folder; returns its status, output and complaints."""
    from nn.__main__ import main

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as told:  # argparse's way
            status = told.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def gradstep(command):
    """The command; a file of tests may look at part of what it returns."""
    return command


@pytest.fixture
def failing(command):
    """Runs the command, which is to fail; gives the one line that it said."""

    def run(*arguments: object) -> str:
        status, _, err = command(*arguments)
        assert status in (1, 2)
        assert re.fullmatch(r"gradstep: [^\n]+\n", err), err
        return err

    return run

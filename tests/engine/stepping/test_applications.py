"""The stepper in the real applications: JupyterLab, Notebook, marimo, nbconvert and VS Code, in headless Chromium.

What is not installed is skipped. ``pip install "gradstep[browser]"`` has all but VS Code: the environment variable
``GRADSTEP_CODE_SERVER`` names the program ``code-server``, or its ``entry.js``. ``GRADSTEP_SCREENSHOTS`` names a folder
for pictures of each application.
"""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

import applications
import pytest
from applications import CELL, LARGE, PATIENCE, is_installed, steppers, wait_for_stepper
from chromium import needs_chromium

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = needs_chromium
needs_lab = pytest.mark.skipif(not is_installed("jupyterlab", "anywidget"), reason="jupyterlab or anywidget is missing")
DESKTOP, ZOOMED = (1366, 768), (683, 384)  # the second is the first at 200 %
WALKS = """
from nn import MLP
from nn.pictures import TrainingStepper
TrainingStepper(MLP(2, [2, 1], seed=0), [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], loss="binary_cross_entropy")
""".strip()


@pytest.fixture
def page(browser):
    """A page on a light system, so that a dark stepper follows its application."""
    viewport = dict(zip(("width", "height"), DESKTOP))
    context = browser.new_context(viewport=viewport, color_scheme="light", reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def keep(page, name: str) -> None:
    """Keep a screenshot where a folder for them is named."""
    if folder := os.environ.get("GRADSTEP_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


# ------------------------------------------------------------------------------------------------------ what is checked


def smallest_label(frame) -> float:
    """The pixels on the screen of the smallest text in the boxes, when the stepper is first seen."""
    frame.frame_element().scroll_into_view_if_needed()
    frame.locator("#graph > svg[width]").wait_for()
    return frame.evaluate(
        "Math.min(...[...document.querySelectorAll('.node text')].map("
        "text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"
    )


def is_dark(frame) -> bool:
    colour = frame.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) < 3 * 128


def wait_for_theme(page, frame, dark: bool) -> None:
    for _ in range(50):
        if is_dark(frame) is dark:
            return
        page.wait_for_timeout(100)
    assert is_dark(frame) is dark


SEEN = """selector => [...document.querySelectorAll(selector)].map(found => {
  const seen = found.getBoundingClientRect();
  const within = [[0, 0, innerWidth, innerHeight]];
  for (let at = found.parentElement; at; at = at.parentElement) {
    const { left, top, right, bottom } = at.getBoundingClientRect();
    if (getComputedStyle(at).overflowY === 'auto') within.push([left, top, right, bottom]);
  }
  return within.every(([left, top, right, bottom]) =>
    seen.left >= left - 1 && seen.top >= top - 1 && seen.right <= right + 1 && seen.bottom <= bottom + 1);
})"""


def in_sight(frame, selector: str) -> list[bool]:
    """For each element whether all of it is seen without scrolling in the stepper."""
    return frame.evaluate(SEEN, selector)


def assert_node_and_formula_in_sight(page, frame, least_rows: int = 9) -> None:
    """At each step the current node and the chain rule are both seen, in a frame that is no higher than its window."""
    box = frame.frame_element().bounding_box()
    assert box["height"] <= page.viewport_size["height"]
    frame.locator("#first").evaluate("button => button.disabled || button.click()")
    for step in range(1, 7):
        frame.locator("#forward").evaluate("button => button.click()")
        page.wait_for_timeout(100)
        assert in_sight(frame, ".node.current .body") == [True], step
        assert in_sight(frame, "#panel h2") == [True]
        assert all(in_sight(frame, "#panel .contribution")[:least_rows]), step


def assert_verdict_in_sight(frame) -> None:
    """The verdict of Check is in sight at each step, also where the panel was scrolled down."""
    frame.locator("#check").evaluate("button => button.click()")
    for _ in range(6):
        frame.locator("#back").evaluate("button => button.disabled || button.click()")
        frame.locator("#panel").evaluate("panel => panel.scrollTo(0, 1e4)")
        assert in_sight(frame, ".verdict") == [True]
        assert "they agree" in frame.locator(".verdict").text_content()
    frame.locator("#check").evaluate("button => button.click()")


def assert_nothing_sticks(page, frame) -> None:
    """A drag that ends outside of the frame has ended: of the graph, and of a number in its box."""
    frame.frame_element().scroll_into_view_if_needed()
    outside = (page.viewport_size["width"] - 4, 4)
    for selector in ("#graph", ".node.leaf .data"):
        box = frame.locator(selector).first.bounding_box()
        start = (box["x"] + min(box["width"] / 2, 12), box["y"] + min(box["height"] / 2, 12))
        page.mouse.move(*start)
        page.mouse.down()
        page.mouse.move(start[0] + 40, start[1], steps=4)
        page.mouse.move(*outside, steps=4)
        page.mouse.up()
        state = "[document.querySelector('#graph').scrollLeft, document.querySelector('.dragged') === null]"
        scrolled, _ = frame.evaluate(state)
        number = frame.locator(".node.leaf .data").first.text_content()
        page.mouse.move(*start, steps=4)
        page.mouse.move(start[0] - 60, start[1], steps=4)
        assert frame.evaluate(state) == [scrolled, True]
        assert frame.locator(".node.leaf .data").first.text_content() == number


def assert_linked(page, frame, folder: Path, number: str) -> None:
    """A number that is typed in the page arrives in Python, which writes it into a file."""
    field = frame.get_by_label("The number of x", exact=True)
    field.evaluate(
        "(field, number) => { field.value = number; field.dispatchEvent(new Event('change')); }",
        number,
    )
    for _ in range(PATIENCE // 100):
        if (folder / "seen.txt").exists() and (folder / "seen.txt").read_text(encoding="utf-8") == number:
            return
        page.wait_for_timeout(100)
    raise AssertionError("Python was not told")


def assert_hint_then_keys(frame) -> None:
    """Until a reader clicks into the stepper it says that the keys go elsewhere; then they walk."""
    assert frame.locator("#hint span").is_visible()
    frame.locator("#first").evaluate("button => button.disabled || button.click()")
    frame.locator("#counter").click()
    playwright.expect(frame.locator("#hint span")).to_be_hidden()
    frame.page.keyboard.press("ArrowRight")
    playwright.expect(frame.locator("#counter")).to_have_text(re.compile("^Step 1 "))


# ------------------------------------------------------------------------------------------------------------- Jupyter


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Notebooks: one to run, and one that somebody else has run, as in a fresh clone."""
    pytest.importorskip("nbconvert")
    made = tmp_path_factory.mktemp("notebooks")
    applications.write_notebook(made / "walk.ipynb", CELL, LARGE)
    applications.write_notebook(made / "clone.ipynb", CELL)
    applications.convert(made / "clone.ipynb", "--to=notebook", "--execute", "--inplace")
    return made


@pytest.fixture(scope="module")
def jupyter(folder):
    with applications.jupyter(folder) as address:
        yield address


@pytest.fixture(params=["lab/tree", "notebooks"], ids=["JupyterLab", "Notebook"])
def place(request):
    """Where the address of a notebook begins."""
    if request.param == "notebooks" and not is_installed("notebook"):
        pytest.skip("notebook is missing")
    return request.param


def open_notebook(page, address: str, name: str) -> None:
    page.goto(f"{address}/{name}?reset" if "/lab/" in address else f"{address}/{name}")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for(state="attached")


def restart_and_run_all(page) -> list:
    """The steppers that come after Restart and Run All."""
    before = steppers(page)
    page.locator('[data-command="notebook:restart-run-all"]').first.click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    return wait_for_stepper(page, 2, before)


def run_first_cell(page) -> list:
    """The stepper that comes after Shift+Enter in the first cell."""
    from playwright.sync_api import TimeoutError as ClickTimeout

    before = steppers(page)
    for _ in range(3):  # a kernel that only begins may lose it
        if page.locator(".jp-Dialog").count():  # Jupyter asks something by itself, over the notebook
            page.keyboard.press("Escape")
        with suppress(TimeoutError, ClickTimeout):
            page.locator(".jp-Notebook .jp-Cell .cm-content").first.click(timeout=PATIENCE // 10)
            page.keyboard.press("Shift+Enter")
            return wait_for_stepper(page, 1, before, PATIENCE // 10)
    raise TimeoutError("no stepper came")


@needs_lab
@pytest.mark.filterwarnings("ignore")  # those of Jupyter's own packages
def test_in_jupyter_all_is_in_sight_from_the_first_moment(page, jupyter, place, folder):
    applications.set_option(jupyter, "themes", theme="JupyterLab Light")
    open_notebook(page, f"{jupyter}/{place}", "walk.ipynb")
    name = place.split("/")[0]
    for _ in range(2):  # first, until the kernel runs
        (frame, *_) = run_first_cell(page)
        assert smallest_label(frame) >= 11
    assert min(map(smallest_label, restart_and_run_all(page))) >= 11
    keep(page, f"{name}-run-all")
    (frame, *_) = run_first_cell(page)
    assert not is_dark(frame)
    frame.frame_element().scroll_into_view_if_needed()
    assert_hint_then_keys(frame)
    assert_node_and_formula_in_sight(page, frame)
    keep(page, f"{name}-formula")
    assert_verdict_in_sight(frame)
    assert_nothing_sticks(page, frame)
    assert_linked(page, frame, folder, "-1.5" if name == "lab" else "0.25")
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    if name == "lab":
        page.keyboard.press("Control+b")  # without the list of files
    page.set_viewport_size(dict(zip(("width", "height"), ZOOMED)))
    page.wait_for_timeout(500)
    assert smallest_label(frame) >= 11
    assert_node_and_formula_in_sight(page, frame, least_rows=1)
    keep(page, f"{name}-zoomed")
    assert_verdict_in_sight(frame)


@needs_lab
@pytest.mark.filterwarnings("ignore")
def test_in_jupyter_the_theme_is_followed(page, jupyter, place):
    applications.set_option(jupyter, "themes", theme="JupyterLab Dark")
    open_notebook(page, f"{jupyter}/{place}", "walk.ipynb")
    (frame, *_) = run_first_cell(page)
    wait_for_theme(page, frame, dark=True)
    keep(page, f"{place.split('/')[0]}-dark")
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")  # as the application does for another theme
    wait_for_theme(page, frame, dark=False)


@needs_lab
@pytest.mark.filterwarnings("ignore")
def test_in_jupyter_a_fresh_clone_shows_a_picture(page, jupyter, place):
    open_notebook(page, f"{jupyter}/{place}", "clone.ipynb")
    output = page.locator(".jp-OutputArea").first
    picture = output.locator("img")
    picture.wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 300
    words = "Run this cell to walk through backprop: 6 steps"
    output.filter(has_text=words).wait_for()  # Jupyter may write its outputs once more
    assert output.inner_text().count(words) == 1
    assert steppers(page) == []
    keep(page, f"{place.split('/')[0]}-untrusted")


@needs_lab
@pytest.mark.filterwarnings("ignore")
def test_in_jupyter_a_saved_page_is_linked_with_its_kernel_and_alone_with_another(page, jupyter, place, folder):
    """Its outputs name no widget, which goes with its kernel: Jupyter would say that it does not find it."""
    name = f"again-{place.split('/')[0]}"
    applications.write_notebook(folder / f"{name}.ipynb", CELL)
    open_notebook(page, f"{jupyter}/{place}", f"{name}.ipynb")
    run_first_cell(page)
    page.locator('[data-command="docmanager:save"]').first.click()
    for _ in range(PATIENCE // 100):
        if "application/javascript" in (folder / f"{name}.ipynb").read_text(encoding="utf-8"):
            break
        page.wait_for_timeout(100)
    open_notebook(page, f"{jupyter}/{place}", f"{name}.ipynb")
    (frame,) = wait_for_stepper(page)
    assert_linked(page, frame, folder, "-2.5" if "lab" in name else "2.25")
    applications.end_kernels(jupyter)
    open_notebook(page, f"{jupyter}/{place}", f"{name}.ipynb")
    (frame,) = wait_for_stepper(page)
    page.wait_for_timeout(3000)  # for 2 seconds Jupyter looks for a widget
    keep(page, name)
    assert page.locator(".jp-OutputArea").first.inner_text().strip() == ""
    assert_hint_then_keys(frame)
    assert smallest_label(frame) >= 11


# ----------------------------------------------------------------------------------------------- the other applications


@needs_lab
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_a_converted_notebook(page, folder, theme):
    applications.convert(folder / "clone.ipynb", "--to=html", f"--HTMLExporter.theme={theme}", f"--output={theme}")
    page.route(re.compile(r"^https?:"), lambda route: route.abort())  # the notebook's own page asks for MathJax
    page.goto((folder / f"{theme}.html").as_uri(), wait_until="domcontentloaded")
    (frame,) = wait_for_stepper(page)
    wait_for_theme(page, frame, dark=theme == "dark")
    assert smallest_label(frame) >= 11
    frame.frame_element().scroll_into_view_if_needed()
    assert_node_and_formula_in_sight(page, frame)
    assert_verdict_in_sight(frame)
    assert_nothing_sticks(page, frame)
    keep(page, f"nbconvert-{theme}")


@needs_lab
@pytest.mark.filterwarnings("ignore")
def test_in_a_sanitized_conversion_words_and_numbers_are_left(page, folder):
    """It keeps a dozen tags, and prints others as text."""
    for name, *more in (["sanitized"], ["cleaned", "--SanitizeHTML.enabled=True"]):
        convert = ["--to=html", "--sanitize-html", f"--output={name}", *more]
        applications.convert(folder / "clone.ipynb", *convert)
        page.route(re.compile(r"^https?:"), lambda route: route.abort())
        page.goto((folder / f"{name}.html").as_uri(), wait_until="domcontentloaded")
        keep(page, f"nbconvert-{name}")
        said = page.locator(".jp-OutputArea").first.inner_text()
        assert "Run this cell to walk through backprop: 6 steps through 9 nodes." in said
        assert re.search(r"^v3 +tanh of v\d +data 0\.7064 +grad 2$", said, re.MULTILINE)
        assert len(said) < 1000
        assert "<" not in said
        assert page.locator("iframe").count() == 0


@needs_lab
@pytest.mark.filterwarnings("ignore")
def test_in_a_sanitized_conversion_pictures_are_left(page, tmp_path):
    draws = 'from engine import Value, draw\ndraw(Value(2.0, label="x") * Value(-3.0, label="w"))'
    applications.write_notebook(tmp_path / "graph.ipynb", draws, WALKS)
    applications.convert(tmp_path / "graph.ipynb", "--to=html", "--execute", "--sanitize-html")
    page.route(re.compile(r"^https?:"), lambda route: route.abort())
    page.goto((tmp_path / "graph.html").as_uri(), wait_until="domcontentloaded")
    keep(page, "nbconvert-pictures")
    for outputs in page.locator(".jp-OutputArea").all():
        assert outputs.locator("img").evaluate_all(
            "images => images.map(image => image.complete && image.width > 99)"
        ) == [True]
    assert "step 0: cost 0" in page.locator(".jp-OutputArea").last.inner_text()
    assert "<" not in page.locator(".jp-OutputArea").last.inner_text()


@pytest.mark.skipif(not is_installed("marimo", "anywidget"), reason="marimo or anywidget is missing")
def test_in_marimo(page, tmp_path):
    with applications.marimo(tmp_path, "dark") as address:
        page.goto(address)
        (frame,) = wait_for_stepper(page)
        wait_for_theme(page, frame, dark=True)
        assert smallest_label(frame) >= 11
        frame.frame_element().scroll_into_view_if_needed()
        assert_hint_then_keys(frame)
        assert_node_and_formula_in_sight(page, frame)
        assert_verdict_in_sight(frame)
        assert_nothing_sticks(page, frame)
        assert_linked(page, frame, tmp_path, "-1.5")
        keep(page, "marimo-dark")
        page.evaluate(
            "for (const { classList } of [document.documentElement, document.body]) classList.replace('dark', 'light')"
        )
        wait_for_theme(page, frame, dark=False)  # as marimo's settings do it


@needs_lab
@pytest.mark.skipif(applications.CODE_SERVER is None, reason="there is no code-server here")
def test_in_vs_code(page, folder, tmp_path):
    shutil.copy(folder / "clone.ipynb", tmp_path)
    with applications.code_server(tmp_path, "Default Dark Modern") as address:
        page.goto(f"{address}/?folder={tmp_path}")
        name = page.get_by_role("treeitem", name="clone.ipynb")
        name.wait_for()
        page.wait_for_timeout(5000)  # until the extension for notebooks is there
        name.dblclick()
        (frame,) = wait_for_stepper(page)
        wait_for_theme(page, frame, dark=True)
        assert smallest_label(frame) >= 11
        frame.frame_element().scroll_into_view_if_needed()
        assert_node_and_formula_in_sight(page, frame)
        assert_verdict_in_sight(frame)
        keep(page, "vs-code-dark")

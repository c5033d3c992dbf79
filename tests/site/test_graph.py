"""The Graph page in a real browser, with the network shut."""

import threading
import xml.dom.minidom
from doctest import DocTestParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import quote

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

import nn

expect.set_options(timeout=60_000)  # Python may be loading

LINK = "graph.html#formula=x*y&numbers=x=4%20y=5"


def stepper(page):
    return page.frame_locator("#stepper")


def ready(page, words="computation graph of"):
    """The page once it shows a graph that Python computed."""
    expect(page.locator("#status")).to_contain_text(words)
    return page


def address_is(page, *parts):
    """The address, a moment after a change, has these parts."""
    page.wait_for_url(lambda url: all(part in url for part in parts), timeout=60_000)


def numbers(page):
    return {box.locator("xpath=..").inner_text(): box.input_value() for box in page.locator("#numbers input").all()}


def test_on_a_phone_the_first_graph_goes_from_top_to_bottom(visit):
    page = visit("graph.html", viewport={"width": 390, "height": 844})
    graph = stepper(page).locator("#graph")
    graph.locator("svg[width]").wait_for()
    assert graph.evaluate("graph => graph.scrollWidth <= graph.clientWidth")
    expect(page.locator("#direction")).to_have_value("TB")
    nodes = graph.locator(".node")
    assert nodes.last.bounding_box()["y"] > nodes.first.bounding_box()["y"] + 150


def test_the_first_graph_is_there_before_python(visit):
    page = visit("graph.html")
    expect(stepper(page).locator(".node").first).to_be_visible()
    assert page.locator("#status").inner_text() == "Python is loading …"
    stepper(page).locator("#forward").click()
    expect(stepper(page).locator("#counter")).to_have_text("Step 1 of 3")
    ready(page)
    expect(stepper(page).locator("#counter")).to_have_text("Step 1 of 3")  # Python's arrival disturbs nothing
    address_is(page, "#formula=tanh(x*w%20+%20b)", "step=1")


def test_a_formula_that_is_typed_is_shown_with_a_box_for_each_name(visit):
    page = ready(visit("graph.html"))
    page.locator("#formula").fill("a*log(x) + a")
    expect(page.locator("#numbers label")).to_have_text(["a =", "x ="])
    assert list(numbers(page).values()) == ["1", "2"]  # x had a number before
    ready(page, "computed from x, a")
    page.locator("#numbers input").nth(0).fill("3")
    address_is(page, "formula=a*log(x)%20+%20a", "numbers=a=3%20x=2")
    expect(stepper(page).locator("#leaves .field").nth(1)).to_have_value("3")  # x is the first node
    page.locator("#tab-code").click()
    expect(page.locator("#written")).to_contain_text("expression('a*log(x) + a', a=3.0, x=2.0)")


def test_numbers_changed_in_the_stepper_go_into_boxes_picture_and_address(visit):
    page = ready(visit(LINK))
    field = stepper(page).locator("#leaves .field").nth(1)
    field.fill("7")
    field.press("Enter")
    expect(page.locator("#numbers input").nth(1)).to_have_value("7")
    address_is(page, "numbers=x=4%20y=7")
    page.locator("#tab-picture").click()
    ready(page, "= 28")
    expect(page.locator("#drawn")).to_be_visible()


def test_a_link_brings_everything_back(visit):
    page = ready(visit(LINK + "&view=picture&direction=TB&theme=dark&derivatives=yes&step=1"))
    expect(page.locator("#picture")).to_be_visible()
    assert [page.locator(f"#{name}").input_value() for name in ("direction", "theme")] == ["TB", "dark"]
    assert page.locator("#derivatives").is_checked()
    page.locator("#tab-steps").click()
    expect(stepper(page).locator("#counter")).to_have_text("Step 1 of 1")
    address_is(page, "formula=x*y", "numbers=x=4%20y=5", "direction=TB", "theme=dark", "derivatives=yes", "step=1")


def test_another_link_in_the_same_page_is_followed(visit):
    page = ready(visit(LINK), "= 20")
    page.evaluate("location.hash = '#formula=x+y&numbers=x=1 y=2'")
    ready(page, "= 3")
    assert page.locator("#formula").input_value() == "x+y"


def test_what_is_wrong_with_a_formula_is_said_and_the_next_one_works(visit):
    page = ready(visit("graph.html"))
    for trouble in ("log(-1)*x", "import os", "x^2", "x" + "+x" * 2000, "(" * 3000):
        page.locator("#formula").fill(trouble)
        expect(page.locator("#trouble")).not_to_be_empty()
        page.locator("#formula").fill("x*7")
        ready(page, "= 14")
        expect(page.locator("#trouble")).to_be_empty()


def test_a_long_name_leaves_its_box_in_sight_on_a_phone(visit):
    page = ready(visit("graph.html", viewport={"width": 390, "height": 844}))
    page.locator("#formula").fill("a_very_very_very_long_name_of_a_variable_that_goes_on * x")
    ready(page, "= 2")
    for box in page.locator("#numbers input").all():
        assert box.bounding_box()["width"] > 80
        assert box.bounding_box()["x"] + box.bounding_box()["width"] <= 390


def test_a_number_that_is_none_is_marked(visit):
    page = ready(visit(LINK))
    for text in ("1e999", "inf"):
        page.locator("#numbers input").first.fill(text)
        expect(page.locator("#trouble")).to_have_text(f'x: A number must be finite, not "{text}".')
        expect(page.locator("#numbers input").first).to_have_attribute("aria-invalid", "true")
    page.locator("#numbers input").first.fill("1,5")
    expect(page.locator("#trouble")).to_be_empty()
    expect(stepper(page).locator("#leaves .field").first).to_have_value("1.5")
    address_is(page, "x=1,5")


def test_a_name_that_comes_back_is_computed_with_the_number_in_its_box(visit):
    page = ready(visit("graph.html"))
    page.locator("#formula").fill("a+1")
    ready(page, "= 2")
    page.locator("#formula").fill("a+b")
    ready(page, "= 7.88")  # b had 6.88 in the formula before
    assert list(numbers(page).values()) == ["1", "6.88"]
    expect(stepper(page).locator("#leaves .field").nth(1)).to_have_value("6.88")
    page.locator("#tab-code").click()
    expect(page.locator("#written")).to_contain_text("a=1.0, b=6.88")


def test_a_text_that_was_no_number_does_not_come_back(visit):
    page = ready(visit(LINK))
    page.locator("#numbers input").nth(1).fill("1,500")
    page.locator("#formula").fill("x*2")
    expect(page.locator("#trouble")).to_contain_text('y: The comma in "1,500" may part thousands')
    page.locator("#numbers input").nth(1).fill("1.5")
    ready(page, "= 8")
    page.locator("#formula").fill("x*y")
    ready(page, "= 6")
    assert list(numbers(page).values()) == ["4", "1.5"]


def test_a_node_or_step_of_a_link_that_the_graph_has_not_is_ignored(visit):
    page = ready(visit(LINK + "&node=99999&step=1"))
    expect(stepper(page).locator("#counter")).to_have_text("Step 1 of 1")
    stepper(page).locator("#back").click()
    expect(stepper(page).locator("#counter")).to_have_text("Step 0 of 1")
    page.evaluate("location.hash = '#formula=x%2B1&numbers=x=4&node=1'")  # the constant, which has no gradient
    ready(page, "= 5")
    expect(stepper(page).locator("#counter")).to_have_text("Step 0 of 1")


def test_the_status_says_no_number_of_before_a_change(visit):
    page = ready(visit(LINK), "= 20")
    expect(stepper(page).locator("#counter")).to_have_text("Step 0 of 1")  # it is mounted: clicks are heard
    stepper(page).locator("#descend").click()
    expect(page.locator("#status")).to_have_text("")
    stepper(page).locator("#undo").click()
    ready(page, "= 20")
    page.locator("#numbers input").first.fill("6")
    expect(page.locator("#status")).to_have_text("")
    page.locator("#tab-picture").click()
    ready(page, "= 30")
    page.locator("#tab-steps").click()
    stepper(page).locator("#forward").click()
    address_is(page, "step=1")
    ready(page, "= 30")


CODE = "x = Value(2.0, label='x')\ny = x * x\nprint('hello')\nz = y + 1\nz"


def test_lines_of_python_run_and_can_be_seen_from_another_root(visit):
    page = ready(visit("graph.html"))
    page.get_by_label("Python", exact=True).check()
    page.locator("textarea").fill(CODE)
    page.locator("textarea").press("Control+Enter")
    ready(page, "= 5")
    expect(page.locator("#printed")).to_have_text("hello\n")
    page.locator("#root").select_option("y")
    ready(page, "y = 4")
    address_is(page, "python=x%20=%20Value(2.0,", "root=y")


def test_the_graph_is_that_of_the_text_after_a_change_of_kind(visit):
    page = ready(visit("graph.html"))
    page.get_by_label("Python", exact=True).check()
    ready(page, "computation graph of loss = 1.741")
    page.get_by_label("Example").select_option(label="A kink: relu at 0")
    ready(page, "computation graph of L = 0")
    page.get_by_label("Python", exact=True).check()
    ready(page, "computation graph of loss = 1.741")
    expect(page.locator("#result")).not_to_have_class("stale")
    page.locator("#python").fill("x = Value(1.0)\nx * 3")
    page.get_by_label("a formula", exact=True).check()
    ready(page, "computation graph of L = 0")
    page.get_by_label("Python", exact=True).check()  # code that nobody ran
    expect(page.locator("#result")).to_have_class("stale")
    expect(page.locator("#status")).to_have_text("")


def test_code_of_a_link_runs_only_when_the_reader_says_so(visit):
    code = "print('it ran')\nx = Value(2.0)\nx * 3"
    page = visit(f"graph.html#python={quote(code)}")
    expect(page.locator("#unread")).to_be_visible()
    expect(page.locator("#unread")).to_contain_text("not run until you press Run")
    assert page.locator("textarea").input_value() == code
    expect(page.locator("#status")).to_have_text("Ready.")
    page.locator("#direction").select_option("TB")  # nothing else runs it either
    page.locator("#tab-picture").click()
    page.locator("#tab-code").click()
    page.wait_for_timeout(1000)
    expect(page.locator("#printed")).to_be_hidden()
    page.locator("#run").click()
    ready(page, "= 6")
    expect(page.locator("#printed")).to_have_text("it ran\n")
    expect(page.locator("#unread")).to_be_hidden()


@pytest.mark.parametrize("name", ["Neuron", "Sequential", "cross_entropy"])
def test_examples_of_the_reference_of_nn_run_here(visit, name):
    """There is no numpy here. The documentation links to them."""
    code = "".join(example.source for example in DocTestParser().get_examples(getattr(nn, name).__doc__))
    page = visit("graph.html#python=" + quote(f"from nn import {name}\n{code}"))
    page.locator("#run").click()
    ready(page)


def test_a_number_moved_below_code_is_in_the_link(visit):
    page = visit(f"graph.html#python={quote(CODE)}&moved=0:5.0&step=1")
    page.locator("#run").click()
    ready(page)
    expect(stepper(page).locator("#leaves .field").first).to_have_value("5")
    expect(stepper(page).locator("#counter")).to_have_text("Step 1 of 2")
    address_is(page, "moved=0:5.0", "step=1")


def test_errors_of_python_are_shown_and_the_code_stays(visit):
    page = visit(f"graph.html#python={quote('x = Value(0.0)' + chr(10) + '1 / x')}")
    page.locator("#run").click()
    expect(page.locator("#trouble")).to_contain_text("line 2, 1 / x")
    expect(page.locator("textarea")).to_have_attribute("aria-invalid", "true")


def test_endless_code_can_be_stopped_and_python_starts_again(visit):
    page = visit(f"graph.html#python={quote('x = 3')}")
    page.locator("#run").click()
    expect(page.locator("#trouble")).to_contain_text("the last line must be a Value")
    page.locator("textarea").fill("while True: pass")
    page.locator("#run").click()
    expect(page.locator("#status")).to_contain_text("Python runs, for")
    expect(page.locator("#trouble")).to_be_empty()
    page.locator("#stop").click()
    expect(page.locator("#trouble")).to_contain_text("Stopped.")
    page.locator("textarea").fill(CODE)
    page.locator("#run").click()
    ready(page, "= 5")


def test_a_graph_too_deep_for_a_browser_is_said_and_python_starts_again(visit):
    page = visit(f"graph.html#python={quote('y = x = Value(1.0)' + chr(10) + 'for _ in range(100000): y = y + x')}")
    page.locator("#run").click()
    expect(page.locator("#trouble")).to_contain_text("too deep")
    page.locator("textarea").fill(CODE)
    page.locator("#run").click()
    ready(page, "= 5")
    visit.troubles[:] = [text for text in visit.troubles if "fatal" not in text.lower()]
    visit.troubles[:] = [t for t in visit.troubles if "wasm" not in t and "Stack" not in t and 'File "' not in t]


def test_code_can_ask_no_other_server_for_anything(visit):
    asked = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        code = f"import js\njs.fetch('http://127.0.0.1:{other.server_port}/secret')\nx = Value(2.0)\nx * x"
        page = visit(f"graph.html#python={quote(code)}")
        page.locator("#run").click()
        ready(page)
        page.wait_for_timeout(500)
        other.shutdown()
    assert asked == []


def test_hostile_labels_stay_text(visit):
    bad = "<img src=x onerror=alert(1)>\\u202e</script>"
    page = visit(f"graph.html#python={quote(f'x = Value(2.0, label={bad!r})' + chr(10) + 'x * x')}")
    page.locator("#run").click()
    ready(page)
    expect(stepper(page).locator(".node").first).to_be_visible()
    assert page.locator("img[onerror]").count() == stepper(page).locator("img").count() == 0


def test_pictures_are_files(visit, tmp_path):
    page = ready(visit(LINK + "&view=picture"))
    for kind in ("svg", "png", "dot"):
        with page.expect_download() as download:
            page.locator(f"#{kind}").click()
        assert download.value.suggested_filename == f"graph.{kind}"
        download.value.save_as(tmp_path / f"graph.{kind}")
    xml.dom.minidom.parse(str(tmp_path / "graph.svg"))
    png = (tmp_path / "graph.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(png[16:20], "big") > 300  # pixels
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")


def test_every_example_is_shown(visit):
    page = ready(visit(LINK), "= 20")
    said = []
    for place in range(page.locator("#example option").count() - 1):
        before = page.locator("#status").inner_text()
        page.locator("#example").select_option(str(place))
        expect(page.locator("#status")).not_to_have_text(before)
        ready(page)
        expect(page.locator("#trouble")).to_be_empty()
        expect(stepper(page).locator(".node").first).to_be_visible()
        said.append(page.locator("#status").inner_text())
    assert len(set(said)) == len(said) > 8


@pytest.mark.parametrize("path", ["index.html", "graph.html", f"graph.html#python={quote(CODE)}"])
def test_no_page_scrolls_sideways(visit, path):
    page = visit(path)
    assert page.locator("h1").count() == 1
    for width, height in ((1920, 1080), (1366, 768), (768, 1024), (390, 844), (320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_works_by_keyboard(visit):
    page = ready(visit(LINK))
    page.locator("#tab-steps").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-picture")).to_be_focused()
    expect(page.locator("#picture")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#steps")).to_be_visible()
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, select, textarea, button")].filter((x) => x.offsetParent)
          .filter((x) => !x.labels?.length && !x.textContent.trim() && !x.ariaLabel).map((x) => x.id)"""
    )
    assert unnamed == []

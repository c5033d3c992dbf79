"""The exercises' page in a real browser, with no network but the server of the site."""

import http.server
import re
import threading
from contextlib import suppress
from functools import partial

import pytest
from exercise_site import all_exercises, build_pages, needs_site

from engine.expressions.nodes import format_number

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = needs_site

NO_STORAGE = 'Object.defineProperty(window, "localStorage", { get() { throw new Error("forbidden"); } });'


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def handle(self):
        with suppress(ConnectionError):  # a page that goes away in the middle of a file
            super().handle()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the page is served; it needs nothing of npm."""
    folder = tmp_path_factory.mktemp("site") / "public"
    build_pages(folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/exercises.html"
        server.shutdown()


@pytest.fixture
def visit(browser, address):
    """Opens the page; afterwards nothing must have been complained about, or asked of another server."""
    troubles, contexts = [], []

    def opened(hash_="", script=None, context=None, **options):
        context = context or browser.new_context(**{"viewport": {"width": 1366, "height": 768}, **options})
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("requestfailed", lambda request: "ABORTED" in request.failure or troubles.append(request.url))
        page.on("request", lambda request: request.url.startswith(address[:22]) or troubles.append(request.url))
        page.goto(address + hash_)
        page.wait_for_selector("#exercise:not([hidden])")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


def exercise(number: int):
    """An exercise of the course and its lesson."""
    return all_exercises()[number - 1]


def frame(page):
    return page.frame_locator("#graph iframe")


def grads(page) -> dict[str, str]:
    """The gradients that the boxes in the frame show, by the names of their nodes."""
    frame(page).locator(".node .grad").first.wait_for()
    pairs = (
        frame(page)
        .locator(".node:has(.grad)")
        .evaluate_all(
            "nodes => nodes.map(n => [n.querySelector('.name').textContent, n.querySelector('.grad').textContent])"
        )
    )
    return dict(pairs)


def answer(page, text: str) -> None:
    page.fill("#answer", text)
    page.press("#answer", "Enter")


def wait_for_title(page, start: str) -> None:
    playwright.expect(page.locator("#title")).to_have_text(re.compile(f"^{re.escape(start)}"))


def told(page) -> str:
    return page.locator("#told").inner_text()


def test_the_picture_before_the_answer_shows_numbers_and_no_gradients(visit):
    page = visit("#6")
    shown = grads(page)
    assert shown.pop("L") == "1"
    assert set(shown.values()) == {"?"}
    assert frame(page).locator(".flag").count() == 0
    assert frame(page).locator("[role=button], button, input").count() == 0
    assert frame(page).locator(".node.current .name").text_content() == "w"
    assert "".join(page.locator("#question").text_content().split()) == "∂L∂w="
    assert page.locator("#graph iframe").get_attribute("tabindex") == "-1"  # the keyboard has nothing to do there
    middle = "{ const box = element.getBoundingClientRect(); return box.left + box.width / 2; }"
    assert frame(page).locator("#graph > svg").evaluate(f"element => {middle}") == pytest.approx(
        frame(page).locator("body").evaluate(f"element => {middle}"), abs=2
    )


def test_a_right_answer_opens_the_live_stepper_at_the_node(visit):
    page = visit("#6")
    _, lesson = exercise(6)
    answer(page, format_number(lesson.answer, 3))
    assert told(page).startswith("Right:")
    frame(page).locator("#panel h2").wait_for()
    for node, gradient in zip(lesson.walk.nodes, lesson.walk.gradients):
        if node.label:
            assert grads(page)[node.label].replace("−", "-") == format_number(gradient, 4)
    assert frame(page).locator(".node.chosen .name").text_content() == "w"
    assert "The gradient of" in frame(page).locator("#panel h2").inner_text()
    assert page.evaluate("scrollY") == 0  # what goes on in the frame does not move the page
    assert page.evaluate("document.activeElement.id") == "next"
    frame(page).locator("#leaves .field").first.fill("3")
    frame(page).locator("#leaves .field").first.press("Enter")
    assert "6" not in grads(page)["w"]


def test_the_step_downhill_is_the_one_that_the_text_tells(visit):
    page = visit("#23")
    asked, lesson = exercise(23)
    assert asked.title == "A step downhill"
    page.click("#show")
    playwright.expect(frame(page).locator("#rate")).to_have_value(f"{asked.rate:g}")
    ticked = frame(page).locator("#leaves li:has(:checked)")
    assert ticked.count() == 1
    name = lesson.walk.nodes[lesson.place].label
    assert ticked.inner_text().startswith(name)
    frame(page).locator("#descend").click()
    field = frame(page).locator("#leaves li", has_text=name).locator(".field")
    leaf = lesson.walk.nodes[lesson.place]
    assert field.input_value() == format_number(leaf.data - asked.rate * lesson.answer, 4)


def test_a_wrong_answer_gets_the_hint_of_its_rule(visit):
    page = visit()
    leaf = {node.label: node.data for node in exercise(1)[1].walk.nodes}
    answer(page, str(leaf["x"]))
    assert told(page).startswith("Not 3.")
    assert "the derivative with respect to one factor is the other factor" in told(page)
    assert page.locator("#told").get_attribute("aria-live") == "polite"
    assert set(grads(page).values()) == {"?", "1"}
    answer(page, "x")
    assert "must be one such as" in told(page)
    assert page.locator("#answer").get_attribute("aria-invalid") == "true"
    answer(page, "-4/2")
    assert told(page).startswith("Right:")


def test_hints_and_the_answer_on_request(visit):
    page = visit("#6")
    page.click("#hint")
    assert "Product rule" in page.locator("#hints p").inner_text()
    frame(page).locator(".chosen").wait_for()
    assert frame(page).locator(".edge.path").count() == 3
    assert set(grads(page).values()) == {"?", "1"}
    page.click("#hint")
    page.click("#hint")
    assert page.locator("#hints p").count() == 3
    assert page.locator("#hint").is_disabled()
    page.click("#show")
    assert told(page).startswith("The answer:")
    frame(page).locator("#panel h2").wait_for()
    assert page.locator("#numbers a.shown").inner_text() == "6"
    assert page.locator("#count").inner_text() == "0 of 23 right"


def test_next_and_back_and_an_address(visit):
    page = visit("#3")
    page.click("#next")
    wait_for_title(page, "4. ")
    assert page.url.endswith("#4")
    playwright.expect(page.locator("#title")).to_be_focused()
    answer(page, "-3")
    frame(page).locator("#panel h2").wait_for()
    page.go_back()
    wait_for_title(page, "3. ")
    assert page.locator("#told").inner_text() == ""
    page.click("#previous")
    wait_for_title(page, "2. ")
    page.goto(page.url.split("#")[0] + "#no-such-exercise")
    wait_for_title(page, "1. ")
    assert page.locator("#trouble").inner_text() == 'There is no exercise "no-such-exercise"; this is the first.'
    assert page.locator("#previous").is_hidden()
    page.click("#next")
    wait_for_title(page, "2. ")
    assert page.locator("#trouble").inner_text() == ""


def test_progress_is_there_after_a_reload(visit):
    page = visit("#1")
    answer(page, "-2")
    page.reload()
    page.wait_for_selector("#numbers a.right")
    assert page.locator("#numbers a.right").get_attribute("aria-label") == "Exercise 1, right"
    assert page.locator("#count").inner_text() == "1 of 23 right"
    page.click("#forget")
    assert page.locator("#numbers a.right").count() == 0
    page.reload()
    page.wait_for_selector("#numbers a")
    assert page.locator("#count").inner_text() == "0 of 23 right"
    assert page.locator("#forget").is_hidden()


def test_without_storage_the_page_works(visit):
    page = visit("#1", NO_STORAGE)
    answer(page, "-2")
    assert told(page).startswith("Right:")
    assert page.locator("#count").inner_text() == "1 of 23 right"


def test_endless_levels_go_round_past_what_is_answered(visit):
    page = visit("#level-2-20")
    assert page.locator("#title").inner_text() == "Level 2, number 20"
    assert page.locator("[data-part=level-2]").get_attribute("aria-current") == "true"
    page.click("#next")
    wait_for_title(page, "Level 2, number 1")
    page.click("#show")
    page.goto(re.sub("#.*", "#level-2-20", page.url))
    wait_for_title(page, "Level 2, number 20")
    playwright.expect(page.locator("#next")).to_have_attribute("href", "#level-2-2")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_no_horizontal_scroll(visit, scheme):
    page = visit("#22", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    page.click("#hint")
    page.click("#hint")
    answer(page, "1")
    assert page.evaluate(fits)
    page.click("#show")
    frame(page).locator("#panel h2").wait_for()
    assert page.evaluate(fits)
    assert frame(page).locator("body").evaluate("body => body.scrollWidth <= innerWidth")


SCROLLS = """() => [...document.querySelectorAll("*")].filter((element) => {
  const { overflowX, overflowY } = getComputedStyle(element);
  const { scrollWidth, clientWidth, scrollHeight, clientHeight } = element;
  if (!clientWidth || element === document.documentElement) return false;
  return (overflowX === "auto" && scrollWidth > clientWidth) || (overflowY === "auto" && scrollHeight > clientHeight);
}).map(({ tagName, id }) => `${tagName} ${id}`)"""


@pytest.mark.parametrize("exercises", [range(1, 13), range(13, 24), ["level-2-4", "level-3-5", "level-3-10"]])
def test_on_a_phone_all_of_each_exercise_is_seen_by_scrolling_the_page_alone(visit, exercises):
    """No formula, and no picture before the answer, scrolls in a part of the page."""
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True)
    for number in exercises:
        page.goto(re.sub("(#.*)?$", f"#{number}", page.url, count=1))
        wait_for_title(page, f"{number}. " if isinstance(number, int) else "Level")
        frame(page).locator("#graph svg[width]").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), number
        assert page.evaluate(SCROLLS) == [], number
        assert frame(page).locator("body").evaluate(SCROLLS) == [], number


@pytest.mark.parametrize("number", [18, 22])
def test_on_a_phone_the_stepper_after_the_answer_scrolls_downwards_alone(visit, number):
    page = visit(f"#{number}", viewport={"width": 390, "height": 844}, has_touch=True)
    page.click("#show")
    stepper = page.frame_locator('iframe[title^="The graph with its gradients"]')
    stepper.locator("#graph svg[width]").wait_for()
    assert stepper.locator("#graph").evaluate("graph => graph.scrollWidth <= graph.clientWidth")
    assert stepper.locator("#panel h2 > math").evaluate("math => math.scrollHeight <= math.clientHeight")
    assert set(stepper.locator("body").evaluate(SCROLLS)) <= {"MAIN graph", "DIV below"}


def test_dark_is_dark_in_the_page_and_in_the_frame(visit):
    page = visit("#2", color_scheme="dark")
    frame(page).locator(".node").first.wait_for()
    lightness = "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    for body in (page.locator("body"), frame(page).locator("body")):
        assert max(body.evaluate(lightness)) < 60


def test_keyboard_alone(visit):
    page = visit()
    page.locator("#title").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "answer"
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    assert told(page).startswith("Not 3.")
    page.keyboard.type("-2")  # what was wrong is selected, and so replaced
    page.keyboard.press("Enter")
    assert told(page).startswith("Right:")
    page.keyboard.press("Enter")
    wait_for_title(page, "2. ")
    page.keyboard.press("Tab")
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "hint"
    page.keyboard.press("Enter")
    assert page.locator("#hints p").count() == 1
    assert page.evaluate("document.activeElement.id") == "answer"  # the only hint was shown
    outline = page.locator("#answer").evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline == "solid"


def test_landmarks_labels_and_one_heading(visit):
    page = visit()
    assert page.locator("#answer").get_attribute("aria-label") == "∂L/∂x"  # browsers take no name from MathML
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.locator("#answer").evaluate("e => e.labels.length") == 1
    assert all(page.locator("nav").evaluate_all("all => all.map(nav => nav.getAttribute('aria-label'))"))
    assert page.locator("iframe").get_attribute("title")
    assert frame(page).locator(".node .name").first.text_content()
    labels = frame(page).locator(".node[role=img]").evaluate_all("all => all.map(n => n.getAttribute('aria-label'))")
    assert "x, leaf, data 3, gradient not known yet" in labels


def test_a_hint_before_the_picture_is_there_lights_its_paths_all_the_same(visit):
    page = visit("#2")
    waiting = []

    def hold(route):
        waiting.append(route)

    page.route("**/still.html", hold)
    page.click("#next")
    wait_for_title(page, "3. ")
    page.click("#hint")
    playwright.expect(page.locator("#hints p")).to_have_count(1)
    while not waiting:
        page.wait_for_timeout(20)
    waiting[0].continue_()
    frame(page).locator(".node.chosen").wait_for()


def test_on_a_phone_a_graph_goes_from_top_to_bottom(visit):
    """All of a small one is seen; in the stepper afterwards, too."""
    page = visit("#6", viewport={"width": 390, "height": 844}, has_touch=True)
    for frame in ("The graph", "The graph with its gradients, step by step"):
        graph = page.frame_locator(f'iframe[title="{frame}"]').locator("#graph")
        graph.locator("svg[width]").wait_for()
        assert graph.evaluate("graph => graph.scrollWidth <= graph.clientWidth")
        places = graph.evaluate(
            "graph => [...graph.querySelectorAll('.node:not(.constant)')].map(node => node.getBoundingClientRect().top)"
        )
        assert max(places) == places[-1]
        assert max(places) - min(places) > 150
        if frame == "The graph":
            page.get_by_role("button", name="Show the answer").click()
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(page.url.replace("#6", "#8"))
    graph = page.frame_locator("#graph iframe").locator("#graph")
    graph.locator("svg[width]").wait_for()
    boxes = graph.evaluate(
        "graph => [...graph.querySelectorAll('.node:not(.constant)')].map(node => node.getBoundingClientRect().left)"
    )
    assert max(boxes) - min(boxes) > 200

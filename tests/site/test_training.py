"""The Training page in a browser: it trains, goes back, looks inside, takes points, and is what its address says."""

import re
from contextlib import contextmanager

import pytest

MOONS = "training.html"
OWN = "training.html#data=own&test=0&points=-2,2,0;-3,1,0;2,-2,1;3,-1,1"


@pytest.fixture
def page(visit):
    """Opens the page with an address, and waits until its network is there."""

    def opened(path=MOONS, **options):
        page = visit(path, **options)
        page.wait_for_selector('#progress:has-text("Epoch 0")')
        return page

    return opened


def weights(page) -> list[str]:
    """The weights as the lines of the network tell them, and the costs as they are written."""
    titles = page.locator("#network .target title").all_text_contents()
    return [*titles, page.inner_text("#progress"), page.inner_text("#train-cost"), page.inner_text("#test-cost")]


def share(page) -> float:
    return float(page.inner_text("#train-right").rstrip(" %"))


@contextmanager
def another_graph(page):
    """Waits, after what is done in it, until the stepper shows another graph."""
    shown = page.get_attribute("#inside-frame", "data-shown")
    yield
    page.wait_for_selector(f'#inside-frame[data-shown]:not([data-shown="{shown}"])')


def look_inside(page, name: str) -> None:
    with another_graph(page):
        page.get_by_role("button", name=f"Neuron {name}", exact=True).click()


def test_moons_are_learned_forward_and_back(page):
    page = page()
    assert page.inner_text("#problem") == ""
    before = [weights(page)]
    assert len(before[0]) == 2 * 4 + 4 * 4 + 4 + 3
    for _ in range(3):
        page.click("#forward")
        before.append(weights(page))
    assert len({tuple(each) for each in before}) == 4
    page.select_option("[name=unit]", "step")
    page.click("#forward")
    assert "Epoch 3, step 1 of 7" in page.inner_text("#progress")
    page.click("#back")
    assert weights(page) == before[3]
    page.select_option("[name=unit]", "epoch")
    for now in (2, 1, 0):
        page.click("#back")
        assert weights(page) == before[now]
    assert page.is_disabled("#back")
    for _ in range(80):
        page.click("#forward")
    assert share(page) > 95
    page.click("#reset")
    assert weights(page) == before[0]


def test_play_and_pause(page):
    page = page()
    page.select_option("#speed", "100000")
    page.click("#play")
    page.wait_for_selector('#progress:not(:has-text("Epoch 0"))')
    page.wait_for_selector('#spoken:has-text("cost")', state="attached")
    page.click("#play")
    assert page.inner_text("#play") == "Play"
    now = weights(page)
    assert weights(page) == now
    assert len(page.get_attribute("#train-curve", "d")) > 20


def test_a_neuron_has_its_graph_and_the_chain_rule(page):
    page = page()
    page.click("#forward")
    look_inside(page, "h1_2")
    assert page.inner_text("#inside-title") == "Neuron h1_2, after 7 steps"
    rows = page.locator("#inside-weights tr")
    assert rows.count() == 5
    assert "∂L∂w1" in "".join(page.locator("#inside-formulas math").all_text_contents())
    stepper = page.frame_locator("#inside-frame")
    assert "Step 0 of" in stepper.locator("#counter").inner_text()
    stepper.locator("#forward").click()
    assert "Step 1 of" in stepper.locator("#counter").inner_text()
    assert stepper.locator("#graph .node").count() > 10

    with another_graph(page):
        page.get_by_role("button", name="bias").click()
    assert "If the bias grows" in page.inner_text("#inside-words")
    assert "Step 1 of" in stepper.locator("#counter").inner_text()
    with another_graph(page):
        page.select_option("#whole", "1")
    assert stepper.locator("#graph .node").count() > 100

    value = page.locator("#network .target title").nth(10).text_content()
    with another_graph(page):
        page.locator("#network .target").nth(10).dispatch_event("click")
    chosen = page.locator("#inside-weights tr", has=page.locator('[aria-pressed="true"]'))
    assert value.removeprefix("weight ") in chosen.inner_text()


def test_a_loss_that_is_too_large_is_said_to_be(page):
    page = page("training.html#layers=16,16", viewport={"width": 390, "height": 844})
    neuron = page.locator("button.neuron").nth(20)
    name = neuron.get_attribute("aria-label").removeprefix("Neuron ")
    with another_graph(page):
        neuron.click()
    with another_graph(page):
        page.select_option("#whole", "1")
    note = page.inner_text("#graph-note")
    assert "at most 250 can be stepped through here" in note
    assert f"the graph below is that of {name} alone" in note
    nodes = page.frame_locator("#inside-frame").locator("#graph .node.result")
    assert nodes.count() > 10
    boxes = [nodes.nth(place).bounding_box() for place in (0, 15)]
    assert boxes[1]["y"] - boxes[0]["y"] > 300  # on a phone from top to bottom


def test_other_networks_come_from_python(page):
    page = page("training.html#layers=2&loss=cross_entropy&optimizer=adam&rate=0.05&inputs=x,y,xy")
    assert page.locator("button.neuron").count() == 4
    page.get_by_role("button", name="One neuron more in layer 1").click()
    page.wait_for_selector("button.neuron >> nth=4")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "One neuron more in layer 1"
    page.click("#more-layers")
    page.wait_for_selector("button.neuron >> nth=7")
    page.check('[name="feature"][value="sin x"]')
    page.wait_for_selector("span.neuron >> nth=3")
    page.select_option('[name="activation"]', "relu")
    page.wait_for_selector('#network[aria-busy="false"]')
    for part in ("layers=3,3", "inputs=x,y,xy,sinx", "activation=relu", "loss=cross_entropy"):
        assert part in page.url
    for _ in range(60):
        page.click("#forward")
    assert share(page) > 90


def test_an_address_is_a_lesson(page, visit):
    path = "training.html#data=spiral&n=60&noise=0&rate=0.1&batch=5&unit=step"
    first, second = page(path), page(path)
    assert first.input_value("[name=n]") == "60"
    for each in (first, second):
        for _ in range(5):
            each.click("#forward")
    assert weights(first) == weights(second)
    first.fill("[name=rate]", "0.5")
    first.press("[name=rate]", "Enter")
    assert "rate=0.5" in first.url
    assert "step 5" in first.inner_text("#progress")  # the rate alone starts nothing again
    first.fill("[name=noise]", "999")
    first.press("[name=noise]", "Enter")
    assert "noise % must be a number from 0 to 50, got '999'" in first.inner_text("#setting-problem")
    assert first.get_attribute("[name=noise]", "aria-invalid") == "true"
    assert first.locator("label:has([name=noise]) + #setting-problem").count() == 1  # at the box
    first.goto(re.sub("#.*", "#seed=3&what=1", first.url))
    first.wait_for_selector("#address-problem:has-text(\"there is no setting 'what'\")")
    assert first.input_value("[name=seed]") == "3"


@pytest.mark.parametrize(("typed", "shown"), [("999", "100"), ("0", "1"), ("-3", "1"), ("2.4", "2"), ("", "7")])
def test_the_box_has_the_number_of_the_example_that_is_shown(page, typed, shown):
    page = page()
    for number in ("7", typed):
        page.fill("#example", number)
        page.press("#example", "Enter")
    assert page.input_value("#example") == shown


def test_a_network_that_is_not_built_yet_is_not_trained(visit):
    page = visit("training.html#layers=3&activation=sin")
    page.wait_for_selector("#network-note:has-text('Python builds')")
    for name in ("play", "forward", "back", "reset"):
        assert page.is_disabled(f"#{name}")
    for key in ("ArrowRight", "ArrowLeft", "Home"):
        page.keyboard.press(key)
    assert page.inner_text("#problem") == ""
    page.wait_for_selector('#progress:has-text("Epoch 0")')
    page.click("#forward")
    assert page.locator("[name=activation]").evaluate(  # at once: Python builds the next network in a moment
        "select => { select.value = 'tanh'; select.dispatchEvent(new Event('change', { bubbles: true }));"
        " return document.querySelector('#play').disabled; }"
    )
    page.wait_for_selector("#play:enabled")
    assert page.inner_text("#progress").startswith("Epoch 0")


def test_what_has_the_focus_is_not_under_the_controls(page):
    page = page(viewport={"width": 1366, "height": 600})
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.focus("#whole")
    bar = page.locator("#controls")
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        focused = page.locator(":focus").bounding_box()
        assert focused["y"] >= bar.bounding_box()["y"] + bar.bounding_box()["height"]


def test_own_points_by_mouse_and_keyboard(page):
    page = page(OWN)
    for _ in range(60):
        page.click("#forward")
    assert share(page) == 100
    page.click("#plane", position={"x": 40, "y": 60})
    assert page.url.count(";") == 4
    page.check('[name="class"][value="0"]')
    page.focus("#plane")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert page.url.endswith(";0.25,1,0")
    assert "a point of class 0 at 0.25, 1; 6 points" in page.inner_text("#spoken")
    page.keyboard.press("Delete")
    assert not page.url.endswith(";0.25,1,0")
    page.click("#clear")
    assert page.inner_text("#progress") == "Epoch 0 · no points yet: click into the plane"
    assert page.locator("#forward").is_disabled()
    assert page.locator("#play").is_disabled()
    page.click("#plane", position={"x": 200, "y": 200})
    page.click("#forward")
    assert page.inner_text("#progress").startswith("Epoch 1")


def test_without_points_there_is_nothing_to_train_with(page):
    page = page("training.html#data=own&points=")
    assert page.inner_text("#progress") == "Epoch 0 · no points yet: click into the plane"
    assert page.locator("#play").is_disabled()
    assert page.locator("#forward").is_disabled()
    box = page.locator("#plane").bounding_box()
    page.mouse.click(box["x"] + 50, box["y"] + 50)
    page.wait_for_selector("#play:enabled")
    assert page.inner_text("#progress").startswith("Epoch 0")
    assert page.locator("#plane").bounding_box() == box  # the next click goes where it is aimed
    assert page.locator("#forward").is_enabled()


def test_numbers_inside_are_said_to_wait_while_training_goes_on(page):
    page = page()
    look_inside(page, "h0_0")
    page.click("#play")
    assert "pause to see the numbers of now" in page.inner_text("#inside-status")
    page.wait_for_selector("#progress:not(:has-text('Epoch 0'))")
    page.click("#play")
    page.wait_for_selector("#inside-status:empty", state="attached")
    assert "after 0 steps" not in page.inner_text("#inside-title")


def test_training_that_diverges_is_told(page):
    page = page("training.html#loss=mse&rate=10&inputs=x,y,x2&activation=linear")
    button = page.locator("#forward").bounding_box()
    for _ in range(400):
        page.keyboard.press("ArrowRight")
        if page.inner_text("#problem"):
            break
    assert "Training diverged" in page.inner_text("#problem")
    assert page.locator("#forward").bounding_box()["y"] == button["y"]
    page.locator("#example").scroll_into_view_if_needed()
    problem = page.locator("#problem").bounding_box()
    assert 0 <= problem["y"] < problem["y"] + problem["height"] <= 768
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#problem") == ""


def test_a_phone_and_the_dark(page):
    page = page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    look_inside(page, "h0_0")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 31)"


def test_the_network_fills_its_room_after_it_was_hidden(page):
    page = page()
    for width in (390, 1366):
        page.evaluate("document.getElementById('network-part').hidden = true")
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(100)
        page.evaluate("document.getElementById('network-part').hidden = false")
    room = page.evaluate("document.getElementById('network').clientWidth")
    page.wait_for_selector(f'#network > svg[style*="width: {room}px"]')


def test_everything_has_a_name(page):
    page = page(OWN)
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, input, select, canvas[tabindex], iframe, svg[role]")]
        .filter((each) => !(each.getAttribute("aria-label") ?? each.title ?? "") && !each.labels?.length
          && !each.textContent.trim() && !each.getAttribute("aria-labelledby")).map((each) => each.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1

"""stepper in a real browser: what it shows is what the engine computed, at each step, whoever walks and however."""

import math
import re
import time

import pytest
from chromium import needs_chromium

import engine
from engine import Value, backprop, relu, stepper, tanh, topological_order
from engine.expressions.nodes import format_number
from engine.operations import CONSTANT
from engine.stepping.page import bundle
from engine.validation import plain_label
from nn import MLP

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = needs_chromium


@pytest.fixture
def visit(browser, tmp_path):
    """Opens a stepper's saved page; afterwards nothing must have been said, asked for or loaded."""
    troubles, contexts = [], []

    def opened(shown, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 760}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: request.url.startswith("file://") or troubles.append(request.url))
        page.clock.install()
        file = tmp_path / f"walk{len(contexts)}.html"
        shown.save(file)
        page.goto(file.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


def with_a_function_of_python() -> tuple[Value, Value, Value]:
    """Leaves x and w, and a primitive of x times w."""

    @engine.primitive(lambda x: 3 * x**2)
    def cube(x):
        return x**3

    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    return x, w, cube(x) * w


def neuron() -> Value:
    """A neuron whose first input is used twice."""
    x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
    return tanh(x * w + b) * x + x * x


def network() -> tuple[Value, MLP]:
    model = MLP(2, [4, 3, 1], activation="tanh", seed=0)
    return (model([Value(1.0, label="x1"), Value(-0.5, label="x2")]) - 1) ** 2, model


def expected(root: Value) -> list[dict[int, str]]:
    """What the boxes of all nodes say after 0, 1, 2, ... steps, from the engine's own walk."""
    places = {node: place for place, node in enumerate(topological_order(root))}
    shown = {place: "?" for node, place in places.items() if node.op != CONSTANT}
    for node in places:
        node.grad = 0.0
    uses = dict.fromkeys(places, 0)
    for step in backprop(root):
        for contribution in step.contributions:
            uses[contribution.operand] += 1
    for node in places:
        node.grad = 0.0
    shown[places[root]] = "1"
    walk = [dict(shown)]
    for step in backprop(root):
        for contribution in step.contributions:
            uses[contribution.operand] -= 1
            more = " + …" if uses[contribution.operand] else ""
            if contribution.operand.op != CONSTANT:
                shown[places[contribution.operand]] = format_number(contribution.operand.grad, 4) + more
        walk.append(dict(shown))
    return walk


def boxes(page) -> dict[int, str]:
    """What the boxes say, by the places of their nodes."""
    texts = page.evaluate(
        "[...document.querySelectorAll('.node[role]')]"
        ".map(node => [node.dataset.place, node.querySelector('.grad').textContent])"
    )
    return {int(place): text.replace("−", "-") for place, text in texts}


def places(page, selector: str) -> list[int]:
    """The places of the nodes that a selector finds."""
    found = page.evaluate(f"[...document.querySelectorAll('{selector}')].map(n => n.dataset.place)")
    return sorted(int(place) for place in found if place is not None)


def words(page, selector: str) -> str:
    """What an element says, formulas included."""
    return page.locator(selector).text_content().replace("−", "-")


def counter(page) -> str:
    return page.locator("#counter").inner_text()


# ------------------------------------------------------------------------------------------------------------ walking


@pytest.mark.parametrize("make", [neuron, lambda: network()[0]], ids=["neuron", "network"])
def test_each_step_shows_the_engines_numbers_forward_and_back(visit, make):
    root = make()
    page = visit(stepper(root))
    walk = expected(root)
    steps = list(backprop(root))
    order = {node: place for place, node in enumerate(topological_order(root))}

    def check(position: int) -> None:
        assert counter(page) == f"Step {position} of {len(steps)}"
        assert boxes(page) == walk[position]
        current = steps[position - 1].node if position else root
        assert places(page, ".node.current") == [order[current]]
        receivers = [c for c in steps[position - 1].contributions if c.operand.op != CONSTANT] if position else []
        assert page.locator(".edge.active").count() == page.locator(".flag").count() == len(receivers)

    for position in range(len(walk)):
        check(position)
        page.keyboard.press("ArrowRight")  # at the end it does nothing
    for position in reversed(range(len(walk))):
        check(position)
        page.keyboard.press("ArrowLeft")
    check(0)


def test_the_formula_below_has_the_engines_numbers(visit):
    root = neuron()
    page = visit(stepper(root))
    assert words(page, "#panel").endswith("First with itself: ∂L∂L=1")
    for node in topological_order(root):
        node.grad = 0.0
    for position, step in enumerate(backprop(root), 1):
        page.keyboard.press("ArrowRight")
        assert words(page, "#panel h2").startswith(f"Step {position}:")
        contributions = [c for c in step.contributions if c.operand.op != CONSTANT]
        for row, c in zip(page.locator("#panel .contribution").all(), contributions, strict=True):
            shown = row.text_content().replace("−", "-")
            assert "+=∂L∂" in shown  # as in steps of text
            assert f"={format_number(step.gradient, 4)}×" in shown
            local = format_number(c.local_derivative, 4)
            assert f"×{f'({local})' if local[0] == '-' else local}=" in shown
            amount = row.locator(".positive-number, .negative-number").text_content()
            assert amount.replace("−", "-") == format_number(c.amount, 4)
            before, total = format_number(c.before, 4), format_number(c.total, 4)
            assert (f"={total} " in shown and f"{before}+" in shown) or (c.before == 0.0 and total in shown)
            assert shown.endswith("complete") or shown.endswith("more to come")
        spoken = page.locator("#spoken").text_content()
        assert spoken.startswith(f"Step {position} of ")
        assert all(f"that is {format_number(c.amount, 4)}; its gradient is " in spoken for c in contributions)


def test_buttons_slider_and_keys_go_to_the_same_places(visit):
    root = neuron()
    page = visit(stepper(root))
    count = len(list(backprop(root)))
    ways = [
        ("#last", "End", count),
        ("#back", "ArrowLeft", count - 1),
        ("#first", "Home", 0),
        ("#forward", "ArrowRight", 1),
    ]
    for button, _, position in ways:
        page.locator(button).click()
        assert counter(page) == f"Step {position} of {count}"
    page.locator("#counter").click()
    page.evaluate("document.activeElement.blur()")
    for _, key, position in ways:
        page.keyboard.press(key)
        assert counter(page) == f"Step {position} of {count}"
    page.locator("#position").fill("3")
    assert counter(page) == f"Step 3 of {count}"
    page.locator("#position").press("ArrowRight")  # a key of the slider as well: one step, not two
    assert counter(page) == f"Step 4 of {count}"
    assert boxes(page) == expected(root)[4]
    page.keyboard.press("Home")
    assert page.locator("#back").is_disabled()
    assert not page.locator("#forward").is_disabled()
    page.locator("#last").focus()
    page.keyboard.press("Enter")
    assert page.locator("#last").is_disabled()
    assert page.evaluate("document.activeElement.id") == "position"  # the keyboard is not lost with the button


def test_playing_goes_on_by_itself_and_stops_at_the_end(visit):
    page = visit(stepper(neuron()))
    page.keyboard.press("Space")
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    page.clock.run_for(1800 * 2 + 10)
    assert counter(page) == "Step 2 of 6"
    page.keyboard.press("Space")
    page.clock.run_for(60_000)
    assert counter(page) == "Step 2 of 6"
    page.locator("#speed").select_option("4")
    page.locator("#play").click()
    page.clock.run_for(450 * 2 + 10)
    assert counter(page) == "Step 4 of 6"
    page.clock.run_for(60_000)
    assert counter(page) == "Step 6 of 6"
    assert page.locator("#play").get_attribute("aria-label") == "Play"
    page.locator("#play").click()  # from the end it starts again
    assert counter(page) == "Step 0 of 6"


# ------------------------------------------------------------------------------------------------- one node explained


def above(node: Value, root: Value) -> set[Value]:
    """The node and all that is computed from it."""
    reached = {node}
    for other in topological_order(root):
        if reached.intersection(other.operands):
            reached.add(other)
    return reached


@pytest.mark.parametrize("way", ["click", "keyboard", "list"])
def test_a_node_is_explained_as_the_sum_over_what_it_feeds(visit, way):
    root = neuron()
    page = visit(stepper(root))
    order = topological_order(root)
    steps = list(backprop(root))
    for node in order:
        node.grad = 0.0
    root.backward()
    for place, node in enumerate(order):
        if node is root:
            continue
        box = page.locator(f'.node[data-place="{place}"]')
        if way == "click":
            box.click()
        elif way == "keyboard":
            box.focus()
            page.keyboard.press("Enter")
        else:
            page.locator("#chosen").select_option(str(place))
        uses = [(c.local_derivative, s.node.grad) for s in steps for c in s.contributions if c.operand is node]
        assert places(page, ".node.path") == sorted(order.index(other) for other in above(node, root))
        edges = [operand for other in above(node, root) for operand in other.operands if operand in above(node, root)]
        assert page.locator(".edge.path").count() == len(edges)
        assert places(page, ".node.chosen") == [place]
        own = [i for i, s in enumerate(steps, 1) if s.node is node]
        last = [i for i, s in enumerate(steps, 1) if node in s.node.operands]
        assert counter(page) == f"Step {own[0] if own else last[-1]} of {len(steps)}"
        rows = [row.text_content().replace("−", "-") for row in page.locator("#panel .sum").all()]
        assert rows[0].count("×") == len(uses)
        assert rows[-1] == f"= {format_number(node.grad, 4)}"
        for local, gradient in uses:
            assert format_number(local, 4) in rows[1]
            assert format_number(gradient, 4) in rows[1]
        spoken = page.locator("#spoken").text_content()
        assert spoken.startswith(f"Gradient of {plain_label(node.label) or 'v'}")
        assert spoken.endswith(f"in all {format_number(node.grad, 4)}.")
    page.keyboard.press("Escape")
    assert page.locator(".path, .chosen, svg.explained").count() == 0
    assert page.locator("#chosen").input_value() == ""


def test_up_and_down_go_from_node_to_node_past_plain_numbers(visit):
    page = visit(stepper((Value(2.0, label="x") * 3 + 1).tanh()))
    assert page.locator('.node[tabindex="0"]').count() == 1
    page.locator('.node[tabindex="0"]').focus()
    visited = []
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
        visited.append(int(page.evaluate("document.activeElement.dataset.place")))
        assert page.locator('.node[tabindex="0"]').count() == 1
    assert visited == [4, 2, 0, 0, 2]
    assert counter(page) == "Step 0 of 3"
    page.keyboard.press(" ")
    assert counter(page) == "Step 3 of 3"
    assert page.locator(".node.chosen").get_attribute("aria-label") == "v1, ×, data 6, gradient 3.326e-06"


def test_the_graph_is_named_for_screen_readers(visit):
    page = visit(stepper(neuron()))
    names = [box.get_attribute("aria-label") for box in page.locator('.node[role="button"]').all()]
    assert names[0] == "x, leaf, data 2, gradient not known yet"
    assert names[-1] == "L, +, data 5.413, gradient 1"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator('.node[data-place="0"]').get_attribute("aria-label").endswith(", gradient 4 so far")
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, select, input, [role=button]')].filter(e => !(e.ariaLabel || "
        "e.textContent.trim() || e.labels?.length)).length"
    )
    assert unnamed == 0
    assert page.locator("#spoken").get_attribute("aria-live") == "polite"


# ------------------------------------------------------------------------------------------------- finite differences


def test_check_sets_the_finite_difference_beside_the_gradient(visit):
    root = neuron()
    page = visit(stepper(root))
    order = topological_order(root)
    for node in order:
        node.grad = 0.0
    root.backward()
    assert page.locator("#difference").count() == 0
    page.locator("#check").click()
    assert page.locator("#check").get_attribute("aria-pressed") == "true"
    assert words(page, "#quotient") == "1"
    for place, node in enumerate(order):
        page.locator("#chosen").select_option(str(place))
        assert float(words(page, "#quotient")) == pytest.approx(node.grad, rel=1e-6)
        assert "they agree" in words(page, "#difference")
        assert page.locator(f'.node[data-place="{place}"] .tick').is_visible()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("c")
    assert page.locator("#difference").count() == 0
    playwright.expect(page.locator(".tick >> visible=true")).to_have_count(0)


def test_check_finds_what_is_wrong_and_says_what_cannot_be_checked(visit):
    x, k, p = Value(0.5, label="x"), Value(0.0, label="kink"), Value(0.0, label="p")

    @engine.primitive(lambda _: 0.7)
    def wrong(x):
        return math.tanh(x)

    page = visit(stepper(wrong(x) + relu(k) + engine.sqrt(p)))
    page.keyboard.press("c")
    for name, verdict in (
        ("x", "they differ"),
        ("kink", "they agree: a kink, with the slopes 0 and 1 on its sides"),
        ("p", "No finite difference here: differences do not settle on a slope"),
    ):
        page.locator("#chosen").select_option(label=name)
        assert verdict in words(page, "#difference")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("End")
    playwright.expect(page.locator('.node[data-place="0"] .tick.differs')).to_be_visible()
    playwright.expect(page.locator(".tick:not(.differs) >> visible=true")).to_have_count(6)  # the kink and the results


# ------------------------------------------------------------------------------------------------------- live numbers


def field(page, name: str):
    return page.get_by_label(f"The number of {name}", exact=True)


def slider(page, name: str):
    return page.get_by_label(f"Drag {name}", exact=True)


def data_shown(page) -> list[str]:
    """The numbers in the boxes of all nodes that are no plain numbers."""
    return [text.replace("−", "-") for text in page.locator(".node .data").all_text_contents()]


def assert_shown(page, root: Value, position: int) -> None:
    """The page shows what the engine computes for the graph as it is now, at that position."""
    root.refresh()
    walk = expected(root)
    assert counter(page) == f"Step {position} of {len(walk) - 1}"
    assert boxes(page) == walk[position]
    nodes = [node for node in topological_order(root) if node.op != CONSTANT]
    assert data_shown(page) == [format_number(node.data, 4) for node in nodes]
    steps = list(backprop(root))
    for node in topological_order(root):
        node.grad = 0.0
    step = steps[position - 1]
    contributions = [c for c in step.contributions if c.operand.op != CONSTANT]
    title = words(page, "#panel h2")
    assert f"={format_number(step.number, 4)}∂" in title
    gradient = format_number(step.gradient, 4)
    assert "e" in gradient or title.endswith(f"={gradient}")
    for row, flag, c in zip(
        page.locator("#panel .contribution:not(.check)").all(), page.locator(".flag").all(), contributions, strict=True
    ):
        assert flag.text_content().replace("−", "-") == f"× {format_number(c.local_derivative, 4)}"
        amount = row.locator(".positive-number, .negative-number").text_content()
        assert amount.replace("−", "-") == re.sub(
            r"e([+-]\d+)", lambda e: f"×10{int(e[1])}", format_number(c.amount, 4)
        )


@pytest.mark.parametrize("position", [1, 2, 4, 6])
def test_a_typed_number_moves_everything_and_the_position_stays(visit, position):
    root = neuron()
    x, w, b = leaves_of(root)
    page = visit(stepper(root))
    for _ in range(position):
        page.keyboard.press("ArrowRight")
    for leaf, text in ((w, "-2.5"), (b, "1e1"), (x, "0.125"), (w, "−3"), (x, "-1.5")):
        field(page, leaf.label).fill(text)
        page.keyboard.press("Enter")
        leaf.data = float(text.replace("−", "-"))
        assert_shown(page, root, position)
    assert words(page, "#spoken").startswith("x is -1.5; L is ")
    assert page.locator("li.changed").count() == 2
    page.locator("#reset").click()
    x.data, w.data, b.data = 2.0, -3.0, 6.88
    assert_shown(page, root, position)
    assert page.locator("li.changed").count() == 0
    assert page.locator("#reset").is_disabled()


def leaves_of(root: Value) -> list[Value]:
    return engine.leaves(root)


def test_a_dragged_slider_moves_everything_and_is_one_change(visit):
    root = neuron()
    x, w, _ = leaves_of(root)
    page = visit(stepper(root))
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    box = slider(page, "w").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    for share in (0.55, 0.6, 0.7):
        page.mouse.move(box["x"] + share * box["width"], middle)
        w.data = float(slider(page, "w").input_value())
        assert_shown(page, root, 3)
    page.mouse.up()
    assert w.data > -3.0
    page.locator("#undo").click()
    assert field(page, "w").input_value() == "-3"
    assert page.locator("#undo").is_disabled()
    w.data = -3.0
    slider(page, "x").focus()
    page.keyboard.press("ArrowRight")  # a key of the slider, which walks nowhere
    x.data = float(slider(page, "x").input_value())
    assert x.data == pytest.approx(2.01)
    assert_shown(page, root, 3)
    slider(page, "x").press("End")  # and beyond its end the range moves on
    assert float(slider(page, "x").get_attribute("max")) > float(slider(page, "x").input_value()) >= 6.0


def test_a_number_is_dragged_in_its_box(visit):
    root = neuron()
    x, *_ = leaves_of(root)
    page = visit(stepper(root))
    page.keyboard.press("ArrowRight")
    box = page.locator('.node[data-place="0"]').bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 80, box["y"] + 45, steps=4)
    page.mouse.up()
    x.data = 2.2
    assert_shown(page, root, 1)
    assert places(page, ".node.chosen") == []  # it was no click
    page.mouse.click(box["x"] + 20, box["y"] + 40)
    assert places(page, ".node.chosen") == [0]
    assert page.locator("li.chosen").get_attribute("data-leaf") == "0"


@pytest.mark.parametrize("way", ["left", "right"])
def test_a_drag_that_ends_outside_is_over(visit, way):
    page = visit(stepper(neuron()))
    box = page.locator('.node[data-place="0"]').bounding_box()
    page.mouse.move(box["x"] + 14, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] - 30 if way == "left" else 900, 600)  # at once, past everything that listens
    dragged = field(page, "x").input_value()
    assert dragged != "2"
    page.mouse.up()
    page.mouse.move(box["x"] + 40, box["y"] + 40, steps=5)
    page.mouse.move(box["x"] + 90, box["y"] + 30, steps=5)
    assert field(page, "x").input_value() == dragged


def test_a_release_that_the_page_does_not_hear_of_ends_a_drag(visit):
    page = visit(stepper(neuron()))
    for name, buttons, x in (("pointerdown", 1, 100), ("pointermove", 0, 160), ("pointermove", 0, 190)):
        page.evaluate(
            "([name, buttons, x]) => { const node = document.querySelector('.node[data-place=\"0\"]');"
            "node.setPointerCapture = () => {}; node.dispatchEvent(new PointerEvent(name, { bubbles: true, buttons,"
            "button: 0, clientX: x, clientY: 100, pointerType: 'mouse', pointerId: 1 })); }",
            [name, buttons, x],
        )
    assert field(page, "x").input_value() == "2"


@pytest.mark.parametrize(
    ("text", "words_"),
    [
        ("abc", 'A number must be one such as 0.5, 1/3 or -1e-3, not "abc".'),
        ("", "Type a number, such as 0.5, 1/3 or -1e-3."),
        ("1e999", 'A number must be finite, not "1e999".'),
        ("inf", 'A number must be finite, not "inf".'),
    ],
)
def test_what_is_no_number_is_told_beside_its_field(visit, text, words_):
    page = visit(stepper(neuron()))
    told = page.locator("li[data-leaf='0'] .told")
    assert not told.is_visible()
    field(page, "x").fill(text)
    page.keyboard.press("Enter")
    assert told.is_visible()
    assert told.inner_text() == words_
    assert boxes(page) == expected(neuron())[0]
    page.keyboard.press("Escape")
    assert field(page, "x").input_value() == "2"
    assert not told.is_visible()
    assert page.locator("#rate-told").is_hidden()
    page.locator("#rate").fill(text)
    assert page.locator("#rate-told").inner_text() == words_
    page.locator("#rate").press("Escape")
    assert page.locator("#rate").input_value() == "0.1"
    page.locator("#rate").fill("1e400")
    assert page.locator("#rate-told").inner_text() == 'A number must be finite, not "1e400".'
    page.locator("#descend").click()
    assert page.locator("#undo").is_disabled()
    page.locator("#rate").fill("0.5")
    assert page.locator("#rate-told").is_hidden()


def test_a_focused_field_keeps_all_digits(visit):
    page = visit(stepper(neuron()))
    number = field(page, "x")
    number.fill("0.123456789012")
    page.keyboard.press("Enter")
    assert number.input_value() == "0.123456789012"
    page.keyboard.press("Tab")
    assert number.input_value() == "0.1235"


@pytest.mark.parametrize("width", [1366, 400])
def test_a_field_is_as_wide_as_the_longest_number(visit, width):
    page = visit(stepper(Value(-1.234e-300, label="x") * 1.0))
    page.set_viewport_size({"width": width, "height": 800})
    assert field(page, "x").input_value() == "-1.234e-300"
    assert field(page, "x").evaluate("field => field.scrollWidth <= field.clientWidth")


def test_the_largest_numbers_have_a_slider_and_a_line(visit):
    page = visit(stepper(Value(1.0, label="x") * 1.0))
    for text in ("1e308", "-1e308", "1.79e308", "-1.79e308"):
        field(page, "x").fill(text)
        page.keyboard.press("Enter")
        ends = [float(slider(page, "x").get_attribute(end)) for end in ("min", "max")]
        assert all(map(math.isfinite, ends))
    points = page.locator("#losses polyline").get_attribute("points")
    assert [float(y) for y in re.findall(r",(\S+)", points)] == pytest.approx([12, 5.3, 18.7, 0, 24], abs=0.1)


@pytest.mark.parametrize("number", [math.inf, math.nan])
@pytest.mark.parametrize("back", ["#undo", "#reset"])
def test_a_slider_comes_with_a_finite_number(visit, number, back):
    page = visit(stepper(Value(number, label="x") * 1.0))
    assert slider(page, "x").is_disabled()
    field(page, "x").fill("2,5")  # a comma is the decimal point
    page.keyboard.press("Enter")
    assert boxes(page) == expected(Value(2.5, label="x") * 1.0)[0]
    assert slider(page, "x").is_enabled()
    page.locator(back).click()
    assert field(page, "x").input_value() == str(number)
    assert slider(page, "x").is_disabled()


def test_a_long_name_of_a_leaf_shows_its_end(visit):
    names = {f"model.layers.0.neurons.0.w.{place}": Value(1.0 + place) for place in range(2)}
    a, b = names.values()
    page = visit(stepper(a * b, names=names))
    for name in names:
        shown = page.locator(".leaf label span").filter(has_text=name)
        ends = shown.evaluate(
            "span => { const range = document.createRange(); range.selectNodeContents(span);"
            " return [...range.getClientRects()].at(-1).bottom - span.getBoundingClientRect().bottom; }"
        )
        assert abs(ends) < 3
        assert shown.evaluate("span => span.scrollHeight <= span.clientHeight")  # and in this window its beginning


@pytest.mark.parametrize("width", [700, 820, 1366])
def test_the_name_of_a_leaf_is_broken_between_its_words(visit, width):
    loss, model = network()
    page = visit(stepper(loss, names=model), viewport={"width": width, "height": 900})
    lines = page.evaluate(
        """() => [...document.querySelectorAll('.leaf label span')].map(span => {
          const walker = document.createTreeWalker(span, NodeFilter.SHOW_TEXT);
          const lines = [[]];
          let top = null;
          for (let text = walker.nextNode(); text; text = walker.nextNode()) {
            for (let i = 0; i < text.length; i += 1) {
              const range = document.createRange();
              range.setStart(text, i);
              range.setEnd(text, i + 1);
              const at = Math.round(range.getBoundingClientRect().top);
              if (top !== null && at !== top) lines.push([]);
              top = at;
              lines.at(-1).push(text.data[i]);
            }
          }
          return lines.map(line => line.join(''));
        })"""
    )
    assert "layers.0.neurons.0.w.0" in ["".join(parts) for parts in lines]
    assert all(part.endswith(".") for parts in lines for part in parts[:-1]), lines


def test_steps_of_descent_and_the_way_back(visit):
    loss, model = network()
    page = visit(stepper(loss, names=model))
    page.keyboard.press("ArrowRight")
    assert page.locator("li.leaf input[type=checkbox]:not(:checked)").count() == 2
    page.locator("#rate").fill("0.05")
    losses = [loss.data]
    for _ in range(3):
        page.locator("#descend").click()
        model.zero_grad()
        loss.backward()
        for parameter in model.parameters():
            parameter.data -= 0.05 * parameter.grad
        losses.append(loss.refresh().data)
        assert_shown(page, loss, 1)
    assert losses == sorted(losses, reverse=True)
    assert len(page.locator("#losses polyline").get_attribute("points").split()) == 4
    assert words(page, "#loss") == f"L = {format_number(losses[-1], 4)}"
    assert words(page, "#spoken") == f"A step: L was {losses[-2]:.4g} and is {losses[-1]:.4g}."
    page.evaluate("document.activeElement.blur()")
    for known in losses[-2::-1]:
        page.keyboard.press("u")
        assert words(page, "#loss") == f"L = {format_number(known, 4)}"
    assert page.locator("#undo").is_disabled()
    page.keyboard.press("s")
    assert words(page, "#loss") == f"L = {format_number(losses[1], 4)}"
    page.locator("#rate").fill("fast")
    assert page.locator("#rate").get_attribute("aria-invalid") == "true"
    page.locator("#descend").click()
    assert words(page, "#loss") == f"L = {format_number(losses[1], 4)}"


def test_steps_that_diverge_are_told_so_until_that_is_undone(visit):
    x = Value(3.0, label="x")
    page = visit(stepper(x * x * x * x))
    for _ in range(9):
        page.keyboard.press("s")
        if "nan" in words(page, "#loss"):
            break
        assert ("L is inf" in words(page, "#told")) == ("inf" in words(page, "#loss"))
    assert words(page, "#told") == "The steps diverged: L is nan. Undo, and take a smaller rate."
    page.keyboard.press("u")
    assert words(page, "#told") == ""
    page = visit(stepper(Value(math.nan, label="x") * 2))
    page.keyboard.press("s")
    assert words(page, "#told") == ""  # of what was so from the start


def test_what_no_operation_takes_is_a_message_until_it_is_mended(visit):
    x, w = Value(2.0, label="x"), Value(3.0, label="w")
    root = (x.log() * w + w).sqrt()
    page = visit(stepper(root))
    page.keyboard.press("ArrowRight")
    before = boxes(page)
    field(page, "x").fill("-0.5")
    page.keyboard.press("Tab")
    message = "log(x): x = -0.5, but log needs x > 0"
    assert words(page, "#panel h2.problem") == message
    assert message in words(page, "#spoken")
    assert places(page, ".node.problem") == [1]
    assert page.locator(".node.problem").get_attribute("aria-label") == f"v1: {message}"
    assert page.locator(".node.problem title").last.text_content() == message
    assert data_shown(page) == ["-0.5", "—", "3", "—", "—", "—"]
    assert set(boxes(page).values()) == {"—"}
    assert page.locator("#descend").is_disabled()
    page.keyboard.press("c")
    page.locator("#forward").click()
    assert words(page, "#panel h2.problem") == message
    page.keyboard.press("c")
    assert page.locator("#check").get_attribute("aria-pressed") == "false"
    page.locator("#back").click()
    page.locator("#undo").click()
    assert boxes(page) == before
    assert page.locator(".problem, .why").count() == 0
    assert page.locator('.node[data-place="1"]').get_attribute("aria-label").startswith("v1, log, data 0.6931")
    field(page, "x").fill("two")
    page.keyboard.press("Enter")
    assert field(page, "x").get_attribute("aria-invalid") == "true"
    assert boxes(page) == before
    assert words(page, "#spoken") == 'A number must be one such as 0.5, 1/3 or -1e-3, not "two".'
    field(page, "x").fill("3")
    page.keyboard.press("Enter")
    assert field(page, "x").get_attribute("aria-invalid") == "false"
    x.data = 3.0
    assert_shown(page, root, 1)


def test_check_follows_a_number(visit):
    root = neuron()
    x, w, _ = leaves_of(root)
    page = visit(stepper(root))
    page.locator("#check").click()
    page.locator("#chosen").select_option(label="x")
    for number in (0.5, -4.0, 1.0):
        field(page, "w").fill(str(number))
        page.keyboard.press("Enter")
        w.data = number
        root.refresh()
        for node in topological_order(root):
            node.grad = 0.0
        root.backward()
        assert float(words(page, "#quotient")) == pytest.approx(x.grad, rel=1e-6)
        assert "they agree" in words(page, "#difference")
        playwright.expect(page.locator(".tick:not(.differs) >> visible=true")).to_have_count(9)


def test_a_function_of_python_is_fixed_in_words(visit):
    _, w, root = with_a_function_of_python()
    page = visit(stepper(root))
    page.keyboard.press("End")
    assert field(page, "x").is_disabled()
    assert slider(page, "x").is_disabled()
    fixed = "v1 is a function of Python (cube), which this page cannot call: its operands are fixed."
    assert fixed in words(page, "#panel")
    assert page.locator("li.fixed").inner_text().endswith("fixed: goes into cube, a function of Python")
    field(page, "w").fill("5")
    page.keyboard.press("Enter")
    w.data = 5.0
    assert_shown(page, root, 2)
    page.locator("#check").click()
    assert "they agree" in words(page, "#difference")  # what comes after it can be computed
    page.locator("#chosen").select_option(label="x")
    assert words(page, "#difference").endswith("v1 is a function of Python, and this page cannot call it")
    page.locator("#reset").click()
    assert "they agree" in words(page, "#difference")


def test_keys_in_a_field_stay_there(visit):
    page = visit(stepper(neuron()))
    field(page, "w").focus()
    for key in ("ArrowLeft", "ArrowRight", "Home", "End", "s", "u", "c", " ", "0", "-"):
        page.keyboard.press(key)
    assert counter(page) == "Step 0 of 6"
    assert page.locator("#undo").is_disabled()
    page.keyboard.press("Escape")


def test_extreme_numbers_fit_their_boxes(visit):
    page = visit(stepper(neuron()))
    page.keyboard.press("End")
    for text in ("-1.2345e-105", "-1e-300", "1e300", "2"):
        field(page, "x").fill(text)
        page.keyboard.press("Enter")
        wide = page.evaluate(
            "Math.max(...[...document.querySelectorAll('.node .number')].map(t => t.getBBox().width"
            " - t.parentNode.querySelector('.body').getBBox().width))"
        )
        assert wide <= -20
    assert boxes(page) == expected(neuron())[-1]


def test_words_of_operations_stay_on_their_pills(visit):
    page = visit(stepper(engine.maximum(Value(1.0), Value(2.0)) * engine.minimum(Value(1.0), Value(2.0))))
    rooms = page.evaluate(
        "[...document.querySelectorAll('text.op')].map(text => [text.textContent,"
        " text.previousSibling.getBBox().width - text.getBBox().width])"
    )
    assert {word for word, _ in rooms} == {"maximum", "minimum", "×"}
    assert all(room >= 6 for _, room in rooms), rooms


# --------------------------------------------------------------------------------------------------- strangers' labels

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"&',
    "'\"><img src=x onerror=alert(3)>",
    "<svg onload=alert(4)>",
    "</mi></math><img src=x onerror=alert(5)>",
    "&lt;b&gt;",
    "{{script}}",
    "two\nlines",
    "\u200fright\u202eleft",
    "a" * 10_000,
    "損失 😀",
    "$x_1$",
    "__proto__",
]


def test_labels_are_shown_as_text_and_run_nothing(visit):
    root = Value(0.5, label=HOSTILE[0]) * 1
    for count, label in enumerate(HOSTILE[1:]):
        root = root + Value(count + 1.0, label=label)
    root.label = HOSTILE[3]
    page = visit(stepper(root))
    page.locator("#check").click()
    for place, node in enumerate(topological_order(root)):
        if node.op == CONSTANT:
            continue
        box = page.locator(f'.node[data-place="{place}"]')
        if node.label:
            assert box.locator(".name").text_content().replace("−", "-") == plain_label(node.label, 28)
            assert box.locator("title").text_content() == plain_label(node.label, 200)
        page.locator("#chosen").select_option(str(place))
        if node.label:
            shown = page.locator("#panel h2 math").evaluate("m => m.textContent")
            assert shown.replace("−", "-") == plain_label(node.label)
        assert page.locator("script").count() == 2
        assert page.locator("img, [onload], [onerror]").count() == 0
    for _ in range(len(HOSTILE)):
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")


# ------------------------------------------------------------------------------------------------------------ looks


def background(page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize("system", ["light", "dark"])
def test_light_and_dark(visit, system):
    root = neuron()
    light, dark = "rgb(255, 255, 255)", "rgb(20, 24, 31)"
    assert background(visit(stepper(root), color_scheme=system)) == {"light": light, "dark": dark}[system]
    assert background(visit(stepper(root, theme="light"), color_scheme=system)) == light
    assert background(visit(stepper(root, theme="dark"), color_scheme=system)) == dark


def test_nothing_moves_where_the_reader_wants_none(visit):
    for wish, animation in (("reduce", "none"), ("no-preference", "flow")):
        page = visit(stepper(neuron()), reduced_motion=wish)
        page.keyboard.press("ArrowRight")
        assert page.locator(".flow").first.evaluate("e => getComputedStyle(e).animationName") == animation


def test_the_graph_stays_where_it_is_from_step_to_step(visit):
    page = visit(stepper(neuron()))
    where = "[...document.querySelectorAll('.node')].map(n => JSON.stringify(n.getBoundingClientRect()))"
    before = page.evaluate(where)
    for _ in range(6):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(where) == before


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_small_and_large_windows(visit, width):
    loss, model = network()
    page = visit(stepper(loss, names=model), viewport={"width": width, "height": 640})
    page.locator("#chosen").select_option(label="x1")
    page.locator("#check").click()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= document.documentElement.clientHeight")
    assert page.locator("#graph").bounding_box()["height"] >= 150
    page.locator("#fit").click()
    frame, graph = (page.locator(s).bounding_box() for s in ("#graph", "#graph > svg"))
    assert graph["width"] <= frame["width"]
    page.locator("#larger").click()
    assert page.locator("#graph > svg").bounding_box()["width"] == pytest.approx(1.25 * graph["width"], rel=0.01)


def test_a_page_that_was_hidden_fits_its_window_once_it_is_seen(visit):
    shown = stepper(Value(2.0, label="x") * Value(3.0, label="w"))
    page = visit(shown)
    page.evaluate(
        "page => { const frame = document.createElement('iframe'); frame.srcdoc = page;"
        "frame.style = 'display: none; width: 440px; height: 900px'; document.body.replaceChildren(frame); }",
        shown.html,
    )
    page.frame_locator("iframe").locator(".node").first.wait_for(state="attached")
    page.locator("iframe").evaluate("frame => frame.style.display = 'block'")
    graph = page.frame_locator("iframe").locator("#graph > svg")
    playwright.expect(graph).to_have_css("width", re.compile(r"^42\d"))  # the window, without its borders and margins


CONTRAST = """() => {
  const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    if (colour === 'none') return [0, 0, 0, 0];
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([red, green, blue]) => {
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = [red, green, blue].map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [low, high] = [luminance(rgba(a)), luminance(rgba(b))].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const style = (element) => getComputedStyle(element);
  const behind = (element) => {
    let at = element;
    while (at.parentElement && rgba(style(at).backgroundColor)[3] < 255) at = at.parentElement;
    return style(at).backgroundColor;
  };
  const paper = style(document.body).backgroundColor;
  const under = (text) => {
    const { left, right, top, bottom } = text.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const fills = [...text.parentElement.querySelectorAll(':scope > rect')].filter((rect) => {
      const box = rect.getBoundingClientRect();
      const isBehind = rect.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING;
      const isAround = box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
      return isBehind && isAround && rgba(style(rect).fill)[3] === 255;
    });
    return fills.length ? style(fills.at(-1)).fill : paper;
  };
  const found = [];
  const add = (least, what, a, b) => ratio(a, b) < least && found.push([what, a, b, ratio(a, b).toFixed(2)]);
  for (const text of document.querySelectorAll('svg text')) add(4.5, text.textContent, style(text).fill, under(text));
  const words = 'button:enabled, select, output, label, .field, #rate, h2, p, math, #panel span, #hint span, .told';
  for (const element of document.querySelectorAll(words)) {
    if (element.closest('.fixed, .unseen')) continue;
    add(4.5, element.outerHTML.slice(0, 80), style(element).color, behind(element));
  }
  for (const line of document.querySelectorAll('.edge')) add(3, line.getAttribute('class'), style(line).stroke, paper);
  for (const box of document.querySelectorAll('.node rect.body')) {
    const line = style(box).stroke;
    if (Math.max(ratio(line, paper), ratio(style(box).fill, paper)) < 3) found.push(['box', line, paper]);
  }
  for (const control of document.querySelectorAll('button:enabled, select, .field, #rate')) {
    add(3, control.outerHTML.slice(0, 80), style(control).borderTopColor, behind(control.parentElement));
  }
  return found;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_and_lines_stand_out(visit, theme):
    """4.5 to 1 for texts and 3 to 1 for lines (WCAG 2.2), at each step, with a check and with a node explained."""
    page = visit(stepper(neuron(), theme=theme))
    page.evaluate("document.body.classList.add('elsewhere')")
    assert page.evaluate(CONTRAST) == []
    page.keyboard.press("c")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(CONTRAST) == []
    page.locator("#chosen").select_option(label="w")
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("direction", ["LR", "TB", "RL", "BT"])
@pytest.mark.parametrize("number", ["2", "-0.00012345"])
def test_local_derivatives_leave_the_arrowheads_free(visit, direction, number):
    page = visit(stepper(neuron(), direction=direction))
    page.get_by_label("The number of x").fill(number)
    page.get_by_label("The number of x").press("Enter")
    page.locator("#fit").click()
    for _ in range(6):
        page.locator("#forward").click()
        covered = page.evaluate(
            """() => {
              const pills = [...document.querySelectorAll('.flag rect')].map((rect) => rect.getBoundingClientRect());
              const tips = [...document.querySelectorAll('.edge.active')].map((line) => {
                const middle = line.getPointAtLength(line.getTotalLength() - 6);
                return new DOMPoint(middle.x, middle.y).matrixTransform(line.getScreenCTM());
              });
              return tips.filter(({ x, y }) =>
                pills.some(({ left, top, right, bottom }) => left < x && x < right && top < y && y < bottom));
            }"""
        )
        assert covered == []


def test_short_local_derivatives_lie_over_no_box(visit):
    page = visit(stepper(Value(3.0, label="x") * Value(-2.0, label="w")))
    page.keyboard.press("End")
    pills, boxes = (
        page.locator(name).evaluate_all("rects => rects.map(rect => rect.getBoundingClientRect().toJSON())")
        for name in (".flag rect", ".node rect.body")
    )
    assert all(boxes[0]["right"] < pill["left"] < pill["right"] < boxes[2]["left"] for pill in pills)


def test_marks_of_a_check_are_beside_no_number_and_come_in_later_frames(visit):
    page = visit(stepper(neuron()))
    page.keyboard.press("End")
    shown = "document.querySelectorAll('.tick:not(.none)').length"
    assert page.evaluate(f"(() => {{ document.querySelector('#check').click(); return {shown}; }})()") == 0
    playwright.expect(page.locator(".tick:not(.none)")).to_have_count(9)
    touching = """[...document.querySelectorAll('.node[role]')].filter(node => {
      const mark = node.querySelector('.tick').getBoundingClientRect();
      const number = node.querySelector('.grad').getBoundingClientRect();
      return mark.left < number.right && mark.top < number.bottom - 4;
    }).length"""
    for number in ("2", "-0.00012345"):
        page.get_by_label("The number of w").fill(number)
        page.get_by_label("The number of w").press("Enter")
        playwright.expect(page.locator(".tick:not(.none)")).to_have_count(9)
        assert page.evaluate(touching) == 0


def test_the_verdict_stays_in_sight(visit):
    page = visit(stepper(neuron()), viewport={"width": 960, "height": 480})
    page.keyboard.press("c")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
        page.locator("#panel").evaluate("panel => panel.scrollTo(0, 1e4)")
        panel, verdict = (page.locator(s).bounding_box() for s in ("#panel", ".verdict"))
        assert panel["y"] <= verdict["y"]
        assert verdict["y"] + verdict["height"] <= panel["y"] + panel["height"]


def test_long_names_stay_in_their_card(visit):
    a, b = Value(2.0, label="the_first_very_long_name"), Value(-3.0, label="another_quite_long_name")
    page = visit(stepper((a * b + a).tanh() * b / a), viewport={"width": 390, "height": 844})
    for _ in range(6):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(
            "[...document.querySelectorAll('#panel .contribution, #panel h2 > math')].every(card => {"
            "const { left, right } = card.getBoundingClientRect(); return left >= 0 && right <= innerWidth"
            " && (card.scrollWidth <= card.clientWidth || getComputedStyle(card).overflowX === 'auto'); })"
        )
        assert page.evaluate(  # a shadow where it goes on
            "[...document.querySelectorAll('#panel .contribution, #panel h2 > math')].every(card =>"
            " getComputedStyle(card).backgroundAttachment === 'local, local, scroll, scroll, scroll')"
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_formulas_with_names_of_a_network_fit_a_phone(visit):
    loss, model = network()
    page = visit(stepper(loss, names=model), viewport={"width": 390, "height": 844})
    for _ in range(engine.size(loss)):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(
            "[...document.querySelectorAll('#panel .contribution, #panel h2 > math')]"
            ".every(card => card.scrollWidth <= card.clientWidth)"
        )


def test_no_formula_of_a_title_paints_over_the_line_above(visit):
    loss, model = network()
    page = visit(stepper(loss, names=model), viewport={"width": 683, "height": 384})
    page.keyboard.press("End")
    titles = page.locator("#panel h2 > math")
    clips = ", ".join(titles.evaluate_all("all => all.map(math => getComputedStyle(math).backgroundClip)"))
    assert set(clips.split(", ")) == {"content-box"}  # the padding lies over other lines


def test_paper_has_the_graph_and_the_words_and_no_buttons(visit):
    page = visit(stepper(neuron()), color_scheme="dark")
    page.keyboard.press("ArrowRight")
    page.emulate_media(media="print")
    assert not page.locator("#play").is_visible()
    assert page.locator("#panel .contribution").first.is_visible()
    assert background(page) == "rgb(255, 255, 255)"


# ------------------------------------------------------------------------------------------------------- large graphs


def test_a_step_through_500_nodes_touches_few_of_them(visit):
    model = MLP(6, [12, 6, 1], activation="tanh", seed=0)
    loss = (model([Value(0.1 * i, label=f"x{i}") for i in range(6)]) - 1) ** 2
    assert 450 < engine.size(loss) <= 550
    page = visit(stepper(loss, names=model, timeout=120))
    page.evaluate(
        "window.changes = 0; new MutationObserver(all => window.changes += all.length).observe("
        "document.querySelector('#graph svg'), {subtree: true, childList: true, attributes: true, characterData: true})"
    )
    walk = expected(loss)
    for position in range(1, 40):
        page.evaluate("window.changes = 0")
        page.keyboard.press("ArrowRight")
        assert 0 < page.evaluate("Promise.resolve().then(() => window.changes)") < 40
        assert boxes(page) == walk[position]
    page.keyboard.press("End")
    assert boxes(page) == walk[-1]
    page.keyboard.press("Home")
    assert boxes(page) == walk[0]


def test_the_current_node_comes_into_sight(visit):
    loss, model = network()
    page = visit(stepper(loss, names=model), viewport={"width": 700, "height": 560}, reduced_motion="reduce")
    for _ in range(len(expected(loss)) - 1):
        page.keyboard.press("ArrowRight")
        frame, box = (page.locator(s).bounding_box() for s in ("#graph", ".node.current .body"))
        assert frame["x"] - 1 <= box["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1
        assert frame["y"] - 1 <= box["y"]
        assert box["y"] + box["height"] <= frame["y"] + frame["height"] + 1


# ---------------------------------------------------------------------------------------------------------- notebooks

CELL = """
from engine import Value, stepper, tanh
x, w, b = Value(2.0, label="x"), Value(-3.0, label="<script>alert(1)</script>"), Value(6.88, label="b")
stepper(tanh(x * w + b) * x + x * x)
"""


@pytest.mark.filterwarnings("ignore")  # those of Jupyter's own packages
def test_a_notebook_made_into_a_page_can_be_walked(browser, tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    nbconvert = pytest.importorskip("nbconvert")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    exported, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    file = tmp_path / "notebook.html"
    file.write_text(exported, encoding="utf-8")
    page = browser.new_page()
    troubles, theirs = [], []
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: theirs.append(request.frame != page.main_frame and request.url))
    page.route(re.compile(r"^https?:"), lambda route: route.abort())  # the notebook's own page asks for MathJax
    page.goto(file.as_uri(), wait_until="domcontentloaded")
    frame = page.frame_locator("iframe")
    root = neuron()
    walk = expected(root)
    inside = page.frames[-1]
    frame.locator("#forward").click()
    for position in range(1, len(walk)):
        assert frame.locator("#counter").inner_text() == f"Step {position} of {len(walk) - 1}"
        assert boxes(inside) == walk[position]
        inside.press("body", "ArrowRight")
    inside.press("body", "ArrowLeft")
    assert boxes(inside) == walk[-2]
    assert frame.locator(".node .name").nth(1).text_content() == "<script>alert(1)</script>"
    assert troubles == []
    assert [url for url in theirs if url and not url.startswith("about:")] == []
    page.close()


MODEL = """([token, names, values]) => {
  const handlers = {};
  window.model = {
    data: { token, names, values, position: 0, selected: null },
    saved: 0,
    get(name) { return this.data[name]; },
    set(name, value) {
      const changed = JSON.stringify(this.data[name]) !== JSON.stringify(value);
      this.data[name] = value;
      if (changed) handlers[`change:${name}`]?.();
    },
    save_changes() { this.saved += 1; },
    send(content) { this.sent = content; },
    answer(answers) { handlers["msg:custom"]({ answers }); },
    on(event, handler) { handlers[event] = handler; },
    off() {},
  };
}"""


def beside_its_widget(browser, shown, names: list[str], values: dict, meanwhile=lambda frame: None):
    """The frame of a stepper in a page with the widget's module, whose model is one as a notebook has it.

    The module comes after what is done *meanwhile*.
    """
    page, troubles = browser.new_page(), []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.set_content("<p></p>")
    page.evaluate(MODEL, ["token", names, values])
    link = bundle("link.js") + "\ninitialize({ model: window.model });"
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", shown._frame("token"))
    frame = page.frame_locator("iframe")
    meanwhile(frame)
    page.add_script_tag(content=link, type="module")
    return page, frame, troubles


def test_a_page_and_its_widget_tell_each_other_what_changes(browser):
    """The frame of a notebook beside the widget's module, with a model as the notebook gives it."""
    root = neuron()
    names = ["x", "w", "v1", "b", "v2", "v3", "v4", "v5", "L"]
    page, frame, troubles = beside_its_widget(browser, stepper(root), names, {"x": "2.0", "w": "-4.0", "b": "inf"})
    playwright.expect(frame.get_by_label("The number of w")).to_have_value("-4")  # from the kernel, when it was opened
    playwright.expect(frame.get_by_label("The number of b")).to_have_value("inf")
    frame.locator("#forward").click()
    page.wait_for_function("model.data.position === 1")
    frame.get_by_label("The number of b").fill("0.5")
    frame.get_by_label("The number of b").press("Enter")
    page.wait_for_function("model.data.values.b === '0.5' && model.data.values.w === '-4.0' && model.saved > 1")
    frame.locator("#chosen").select_option(label="w")
    page.wait_for_function("model.data.selected === 'w' && model.data.position === 6")
    page.evaluate("model.set('position', 2)")
    playwright.expect(frame.locator("#counter")).to_have_text("Step 2 of 6")
    page.wait_for_function("model.data.selected === null")
    page.evaluate("model.set('selected', 'v1')")
    playwright.expect(frame.locator(".node.chosen .name")).to_have_text("v1")
    page.evaluate("model.set('values', {x: '-1.5', w: '2.0', b: '0.5'})")
    playwright.expect(frame.get_by_label("The number of x")).to_have_value("-1.5")
    (x, w, b), nodes = leaves_of(root), topological_order(root)
    x.data, w.data, b.data = -1.5, 2.0, 0.5
    root.refresh()
    shown_data = [text.replace("−", "-") for text in frame.locator(".node .data").all_text_contents()]
    assert shown_data == [format_number(node.data, 4) for node in nodes]
    assert troubles == []
    page.close()


def test_two_pages_of_one_stepper_show_the_same(browser):
    """As where two cells of a notebook show it."""
    shown, names = stepper(neuron()), ["x", "w", "v1", "b", "v2", "v3", "v4", "v5", "L"]
    page, _, troubles = beside_its_widget(browser, shown, names, {"x": "2.0", "w": "-3.0", "b": "6.88"})
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", shown._frame("token"))
    one, other = (page.frame_locator(f"iframe >> nth={place}") for place in (0, 1))
    page.evaluate("model.set('selected', 'v1')")
    for frame in (one, other):
        playwright.expect(frame.locator(".node.chosen .name")).to_have_text("v1")
    for mine, theirs, number in ((one, other, "0.5"), (other, one, "-1.5")):
        mine.get_by_label("The number of b").fill(number)
        mine.get_by_label("The number of b").press("Enter")
        mine.locator("#chosen").select_option(label="w")
        playwright.expect(theirs.get_by_label("The number of b")).to_have_value(number)
        playwright.expect(theirs.locator(".node.chosen .name")).to_have_text("w")
        mine.locator("#back").click()
        playwright.expect(theirs.locator("#counter")).to_have_text("Step 5 of 6")
    page.evaluate("model.set('position', 2)")
    for frame in (one, other):
        playwright.expect(frame.locator("#counter")).to_have_text("Step 2 of 6")
    assert troubles == []
    page.close()


@pytest.mark.parametrize(("text", "is_typed"), [("nan", False), ("inf", False), ("-0.0", True), ("2.5", True)])
def test_no_answer_where_nothing_changed(browser, text, is_typed):
    x = Value(2.0, label="x")
    page, frame, troubles = beside_its_widget(browser, stepper(x * 2), ["x", "2", "L"], {"x": "3.0"})
    number = frame.get_by_label("The number of x")
    playwright.expect(number).to_have_value("3")  # from the kernel: the two are connected
    frame.locator("#forward").click()
    page.wait_for_function("model.data.position === 1")
    page.evaluate("window.count = 0; addEventListener('message', () => (window.count += 1))")
    if is_typed:
        number.fill(text)
        number.press("Enter")
        page.wait_for_function("text => model.data.values.x === text", arg=text)
    for _ in range(2):
        page.evaluate("text => model.set('values', { x: text })", text)  # what a kernel may say again
        page.wait_for_timeout(200)
    assert number.input_value() == text.removesuffix(".0")
    assert page.evaluate("count") == is_typed
    page.evaluate("model.set('values', { x: '8.0' })")
    playwright.expect(number).to_have_value("8")
    page.wait_for_timeout(100)
    assert page.evaluate("count") == is_typed
    assert troubles == []
    page.close()


def test_a_page_calls_until_its_widget_is_there(browser):
    shown = stepper(Value(2.0, label="x") * 2)
    page, frame, troubles = beside_its_widget(browser, shown, ["x", "2", "L"], {"x": "5.0"}, lambda _: time.sleep(0.7))
    playwright.expect(frame.get_by_label("The number of x")).to_have_value("5")
    page.evaluate("window.count = 0; addEventListener('message', () => (window.count += 1))")
    page.wait_for_timeout(2500)
    assert page.evaluate("count") == 0  # and no longer
    assert troubles == []
    page.close()


def test_what_a_reader_did_before_the_widget_was_there_is_kept(browser):
    def click_and_type(frame):
        frame.locator("#forward").click()
        frame.get_by_label("The number of x").fill("7")
        frame.get_by_label("The number of x").press("Enter")

    shown = stepper(Value(2.0, label="x") * Value(3.0, label="y"))
    page, frame, troubles = beside_its_widget(browser, shown, ["x", "y", "L"], {"x": "5.0", "y": "4.0"}, click_and_type)
    page.wait_for_function(
        "model.data.position === 1 && model.data.values.x === '7.0' && model.data.values.y === '4.0'"
    )
    playwright.expect(frame.get_by_label("The number of y")).to_have_value("4")
    playwright.expect(frame.get_by_label("The number of x")).to_have_value("7")
    playwright.expect(frame.locator("#counter")).to_have_text("Step 1 of 1")
    assert troubles == []
    page.close()


def test_a_node_chosen_before_the_widget_was_there_stays_chosen(browser):
    shown = stepper(Value(2.0, label="x") * Value(3.0, label="y"))
    page, _, troubles = beside_its_widget(
        browser,
        shown,
        ["x", "y", "L"],
        {"x": "2.0", "y": "3.0"},
        lambda frame: frame.locator("#chosen").select_option(label="y"),
    )
    page.wait_for_function("model.data.selected === 'y'")
    assert troubles == []
    page.close()


def test_a_widget_follows_the_theme_of_its_page(browser):
    """Also where no script stands beside the frame, as in marimo."""
    shown = stepper(Value(2.0, label="x") * 2)
    page, frame, troubles = beside_its_widget(browser, shown, ["x", "2", "L"], {"x": "2.0"})
    for theme in ("dark", "light"):
        page.evaluate("theme => (document.documentElement.className = theme)", theme)
        playwright.expect(frame.locator(f'body[data-theme="{theme}"]')).to_be_visible()
    assert troubles == []
    page.close()


def test_steps_asked_for_while_python_computes_are_taken(browser):
    @engine.primitive(lambda x: 2 * x)
    def square(x):
        return x**2

    root = square(Value(1.0, label="x"))
    page, frame, troubles = beside_its_widget(browser, stepper(root), ["x", "L"], {"x": "1.0"})
    playwright.expect(frame.get_by_label("The number of x")).to_be_enabled()
    page.evaluate(
        "void (model.send = ({ asks: [[place, [text]]] }) => setTimeout(() => { const x = Number(text);"
        "model.answer([{ place, numbers: [text], value: String(x * x), slopes: [String(2 * x)] }]); }, 100))"
    )
    frame.locator("#descend").evaluate("button => { button.click(); button.click(); button.click(); }")
    playwright.expect(frame.get_by_label("The number of x")).to_have_value("0.512")  # 0.8 ** 3
    assert len(frame.locator("#losses polyline").get_attribute("points").split()) == 4
    assert troubles == []
    page.close()


def test_python_computes_its_functions_for_a_page_in_a_notebook(browser):
    x, _, root = with_a_function_of_python()
    page, frame, troubles = beside_its_widget(browser, stepper(root), ["x", "v1", "w", "L"], {"x": "2.0", "w": "3.0"})
    number = frame.get_by_label("The number of x")
    playwright.expect(number).to_be_enabled()
    assert frame.locator(".fixed").count() == 0
    frame.locator("#last").click()
    number.fill("-1.5")
    number.press("Enter")
    page.wait_for_function("model.sent?.asks.length")
    assert page.evaluate("model.sent") == {"asks": [[1, ["-1.5"]]]}
    page.evaluate("model.answer([{ place: 1, numbers: ['-1.5'], value: '-3.375', slopes: ['6.75'] }])")
    playwright.expect(frame.locator("#loss")).to_have_text("L = −10.12")
    x.data = -1.5
    root.refresh()
    assert [text.replace("−", "-") for text in frame.locator(".node .grad").all_text_contents()] == [
        "20.25",
        "3",
        "-3.375",
        "1",
    ]
    number.fill("7")
    number.press("Enter")
    playwright.expect(frame.locator("#panel h2")).to_have_text("v1 waits for Python, which computes cube")
    page.evaluate("model.answer([{ place: 1, numbers: ['7.0'], refusal: 'cube: too much' }])")
    playwright.expect(frame.locator("#panel h2")).to_have_text("cube: too much")
    frame.locator("#undo").click()
    page.wait_for_function("model.sent.asks[0][1][0] === '-1.5'")
    page.evaluate("model.answer([{ place: 1, numbers: ['-1.5'], value: '-3.375', slopes: ['6.75'] }])")
    playwright.expect(frame.locator("#loss")).to_have_text("L = −10.12")
    frame.locator("#reset").click()  # Python's own numbers need no answer
    playwright.expect(frame.locator("#loss")).to_have_text("L = 24")
    assert troubles == []
    page.close()


def framed(page, width, height):
    """The page inside of a frame that has not the keys."""
    page.evaluate(
        "size => { const frame = document.createElement('iframe'); frame.srcdoc = document.documentElement.outerHTML;"
        " Object.assign(frame, size); document.body.replaceChildren(frame); document.body.tabIndex = 0; }",
        {"width": width, "height": height},
    )
    frame = page.frame_locator("iframe")
    frame.locator(".elsewhere .node").first.wait_for(state="attached")
    return frame


def test_a_touch_screen_has_no_hint_at_keys_and_no_row_for_it(visit):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    frame = framed(visit(stepper(neuron()), **phone), 380, 560)
    assert frame.locator("#hint span").is_hidden()
    below = frame.locator("#below").bounding_box()
    stepper_ = frame.locator(".stepper").bounding_box()
    assert below["y"] + below["height"] == pytest.approx(stepper_["y"] + stepper_["height"], abs=1)


@pytest.mark.parametrize(("width", "height"), [(1000, 560), (390, 560), (700, 360), (390, 360)])
def test_the_hint_at_keys_lies_over_nothing_and_moves_nothing(visit, width, height):
    frame = framed(visit(stepper(neuron()), viewport={"width": 1100, "height": 760}), width, height)
    frame.locator("#hint span").wait_for()
    hint = frame.locator("#hint span").bounding_box()
    assert hint["height"] > 10
    parts = [frame.locator(part) for part in ("#graph", "#panel", "#numbers")]
    before = [part.bounding_box() for part in parts]
    below = frame.locator("#below").bounding_box()
    for box in (before[0], below):
        apart = hint["y"] >= box["y"] + box["height"] or hint["x"] >= box["x"] + box["width"]
        assert apart, (hint, box)
    frame.locator("#counter").click()
    frame.locator("#hint span").wait_for(state="hidden")
    after = [part.bounding_box() for part in parts]
    assert before[0] == after[0]
    assert [(box["x"], box["y"]) for box in before] == [(box["x"], box["y"]) for box in after]

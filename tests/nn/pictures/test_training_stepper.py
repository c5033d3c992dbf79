"""TrainingStepper: the steps are those of gradient descent, back is exact, and its page can be walked."""

import json
import math
import re
from urllib.parse import unquote

import pytest
from matplotlib.figure import Figure
from networks import XOR_X, XOR_Y, condition, refused, small
from PIL import Image

from engine.drawing.themes import THEMES
from nn import MLP, SGD
from nn.pictures import TrainingStepper
from nn.pictures.frames import Frame, document, script
from nn.pictures.style import number

HOSTILE = ["</script><script>window.broken = 1</script>", '"><img src=x onerror="window.broken = 1">&{{style}}$']


def stepper(model, **options):
    settings = {"loss": "binary_cross_entropy", "learning_rate": 0.5} | options
    return TrainingStepper(model, XOR_X, XOR_Y, **settings)


def state(model):
    return condition(model), [parameter.grad.hex() for parameter in model.parameters()]


# -------------------------------------------------------------------------------------------------------------- walking


def test_a_step_is_the_one_of_fit():
    model, fitted = small(), small()
    walk = stepper(model).forward(3)
    history = fitted.fit(
        XOR_X, XOR_Y, loss="binary_cross_entropy", optimizer=SGD(learning_rate=0.5), epochs=3, batch_size=4, seed=0,
        progress=False,
    )  # fmt: skip
    assert list(model.state_dict().values()) == pytest.approx(list(fitted.state_dict().values()), rel=1e-12)
    assert walk.costs[:3] == pytest.approx(history.loss, rel=1e-12)
    assert walk.step == 3
    assert walk.cost == walk.costs[3]
    assert (model.loss, model.classes) == (fitted.loss, fitted.classes) == ("binary_cross_entropy", [0, 1])
    assert model.predict(XOR_X) == fitted.predict(XOR_X)


def test_back_restores_every_bit_and_forward_comes_again():
    model = small()
    start = model.state_dict()
    walk = stepper(model)
    seen = [state(model)]
    for _ in range(5):
        seen.append(state(walk.forward() and model))
    assert len({json.dumps(one[0][0]) for one in seen}) == 6
    for step in (4, 3, 2, 1, 0):
        walk.back()
        assert state(model) == seen[step]
        assert walk.step == step
    assert model.state_dict() == start
    walk.forward(5).back(2)
    assert state(model) == seen[3]
    assert len(walk.costs) == 6
    walk.forward(3)
    assert (walk.step, len(walk.costs)) == (6, 7)


def test_the_gradient_is_the_one_that_the_next_step_goes_against():
    model = small()
    walk = stepper(model)
    before = [(parameter.data, parameter.grad) for parameter in model.parameters()]
    walk.forward()
    assert [p.data for p in model.parameters()] == [data - 0.5 * grad for data, grad in before]


def test_no_more_steps_are_undone_than_were_made():
    model = small()
    walk = stepper(model).forward(2)
    for call, words in (
        (lambda: walk.back(3), r"back\(n\) must be at most the 2 steps that were made, got 3"),
        (lambda: walk.forward(-1), r"forward\(n\) must be an int >= 0, got -1"),
        (lambda: walk.back(1.5), r"back\(n\) must be an int >= 0, got 1\.5"),
        (lambda: setattr(walk, "follow", 9), "follow must be an int from 0 to 3, got 9"),
        (
            lambda: walk.save("walk.mp4"),
            r"a file name must end in \.gif, \.html, \.png, \.svg or \.pdf, got 'walk.mp4'",
        ),
        (lambda: walk.save("walk.gif", seconds=0), "seconds must be a number of seconds > 0"),
    ):
        with refused(model, words):
            call()
    assert walk.step == 2


def test_training_that_runs_away_stops_at_the_last_step_before():
    model = MLP(2, [2, 1], activation="linear", seed=0)
    walk = TrainingStepper(model, XOR_X, [1e3] * 4, learning_rate=1e3)
    with pytest.raises(FloatingPointError, match=r"training diverged in step \d+ .*; try a smaller learning rate"):
        walk.forward(1000)
    assert walk.step == len(walk.costs) - 1 > 0
    assert all(math.isfinite(parameter.data) for parameter in model.parameters())
    last = state(model)
    walk.back().forward()
    assert state(model) == last


def test_weights_that_something_else_changed_are_no_step():
    model = small()
    walk = stepper(model).forward(2)
    model.parameters()[0].data += 1.0
    for call in (walk.forward, walk.back, walk._repr_html_):
        with refused(model, "the model's weights were changed by something else", RuntimeError):
            call()


# ------------------------------------------------------------------------------------------------------------- pictures


def test_the_picture_shows_step_cost_and_the_followed_example():
    model = small()
    walk = stepper(model, follow=2).forward(4)
    figure = walk.picture()
    network, plane, cost = figure.axes[:3]
    assert figure.texts[0].get_text() == f"Step 4   cost {number(walk.cost)}   learning rate 0.5"
    shown = [text.get_text() for text in network.texts]
    assert [number(x) for x in XOR_X[2]] == [text for text in shown if text in ("1", "0")][:2]
    assert number(model(XOR_X[2]).data) in shown
    ring = plane.lines[-1]
    assert [ring.get_xdata()[0], ring.get_ydata()[0]] == XOR_X[2]
    assert cost.lines[0].get_ydata().tolist() == walk.costs
    walk.back(3)
    assert walk.picture().axes[2].lines[0].get_ydata().tolist() == walk.costs[:2]
    walk.follow = 0
    assert walk.picture().axes[1].lines[-1].get_xdata()[0] == 0.0
    assert repr(walk).startswith(f"step 1: cost {number(walk.cost)}; example 0: says ")


@pytest.mark.slow
def test_the_animation_has_a_frame_for_each_step(tmp_path):
    model = small()
    walk = stepper(model).forward(3).back(1)
    before = state(model)
    walk.save(tmp_path / "walk.gif", seconds=0.2)
    walk.save(tmp_path / "walk.png")
    assert state(model) == before
    assert walk.step == 2
    with Image.open(tmp_path / "walk.gif") as animation:
        assert animation.n_frames == 4
        assert animation.info["duration"] == 200
        size = animation.size
        assert animation.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    with Image.open(tmp_path / "walk.png") as image:
        assert image.width == 2 * size[0]


def content_of(html):
    """What the page's script reads."""
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1])


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["mse", "binary_cross_entropy"])
@pytest.mark.parametrize("tall", [False, True])
def test_nothing_is_cut_off(loss, tall):
    walk = TrainingStepper(MLP(2, [2, 1], seed=0), XOR_X, XOR_Y, loss=loss, learning_rate=0.0012345678)
    figure = walk._drawn(tall)
    figure.canvas.draw()
    seen = figure.get_tightbbox()
    assert seen.x0 >= 0.0
    assert seen.y0 >= 0.0
    assert tuple(seen.max) <= tuple(figure.get_size_inches())


@pytest.mark.slow
def test_the_notebooks_view_has_the_steps_and_draws_each_once(monkeypatch):
    drawn = []
    of = Frame.of.__func__
    monkeypatch.setattr(Frame, "of", classmethod(lambda cls, *given: drawn.append(given[1]) or of(cls, *given)))
    walk = stepper(small()).forward(3)
    content = content_of(walk._repr_html_())
    assert [words.partition(":")[0] for words in content["words"]] == ["step 0", "step 1", "step 2", "step 3"]
    assert content["at"] == 3
    assert len(set(content["pictures"])) == 4
    assert all(picture.startswith("data:image/svg+xml,%3Csvg ") for picture in content["pictures"])
    assert len(drawn) == 4
    assert content_of(walk.back()._repr_html_())["at"] == 2
    walk.forward(2)._repr_html_()
    assert len(drawn) == 5  # the new one alone


@pytest.mark.parametrize("theme", ["light", "auto"])
def test_the_view_of_no_theme_is_dark_where_the_notebook_is(theme):
    html = stepper(small(), theme=theme).forward(1)._repr_html_()
    pictures = content_of(html)["pictures"]
    if theme == "auto":
        assert f"--paper:light-dark({THEMES['light'].background}, {THEMES['dark'].background})" in html
        assert all("prefers-color-scheme:dark" in unquote(picture) for picture in pictures)
    else:
        assert "light-dark" not in html
        assert all(picture.startswith("data:image/png;base64,iVBOR") for picture in pictures)


def test_before_the_first_step_there_is_something_to_walk_over(monkeypatch):
    monkeypatch.setattr(TrainingStepper, "_drawn", lambda *_, **__: Figure((1, 1)))
    model = small()
    walk = stepper(model)
    before = state(model)
    content = content_of(walk._repr_html_())
    assert [words.partition(":")[0] for words in content["words"]] == [f"step {step}" for step in range(11)]
    assert content["at"] == 0
    assert (walk.step, len(walk.costs), state(model)) == (0, 1, before)
    by_steps = stepper(small()).forward(3)
    assert walk.forward(3).costs == by_steps.costs
    assert len(content_of(walk._repr_html_())["words"]) == 11  # the same ones


def test_steps_that_would_diverge_are_not_shown_before_they_are_made(monkeypatch):
    monkeypatch.setattr(TrainingStepper, "_drawn", lambda *_, **__: Figure((1, 1)))
    model = MLP(2, [2, 1], activation="linear", seed=0)
    walk = TrainingStepper(model, XOR_X, [1e3] * 4, learning_rate=1e99)
    assert len(content_of(walk._repr_html_())["words"]) < 11
    with pytest.raises(FloatingPointError, match="training diverged in step"):
        walk.forward(100)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_the_page_has_the_colours_of_the_picture(theme, tmp_path):
    stepper(small(), theme=theme).forward().save(tmp_path / "walk.html")
    page = (tmp_path / "walk.html").read_text(encoding="utf-8")
    colours = THEMES[theme]
    assert f'style="--paper:{colours.background};--ink:{colours.text};' in page
    assert f'<body data-alone style="margin: 1rem; background: {colours.background}">' in page


@pytest.mark.parametrize("name", ["walk.gif", "walk.html", "walk.png"])
def test_an_existing_file_stays_where_drawing_fails(tmp_path, monkeypatch, name):
    walk = stepper(small()).forward()
    (tmp_path / name).write_bytes(b"older")
    monkeypatch.setattr(TrainingStepper, "_drawn", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        walk.save(tmp_path / name)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, b"older")]


@pytest.mark.slow
def test_of_many_steps_some_are_shown():
    walk = stepper(small(), learning_rate=0.01).forward(90).back(31)
    frames, at = walk._frames_of(6)
    steps = [int(re.match(r"step (\d+)", frame.words)[1]) for frame in frames]
    assert steps == [0, 16, 32, 48, 59, 64, 80, 90]
    assert steps[at] == 59


def test_a_notebook_that_is_not_trusted_shows_no_dead_buttons():
    html = stepper(small()).forward()._repr_html_()
    left = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert not re.search("<button|<input|hidden", left)
    assert "Run this cell to walk over the steps." in left
    assert "step 1: cost" in left
    assert left.count("<img") == 1


@pytest.mark.slow
def test_labels_cannot_leave_the_text():
    model = small()
    walk = TrainingStepper(model, XOR_X, [HOSTILE[0], HOSTILE[1]] * 2, loss="binary_cross_entropy")
    html = walk._repr_html_()
    assert html.count("<script") == 3
    assert html.count("<img") == 1
    assert 'onerror="' not in html
    page = document([Frame(b"png", word) for word in HOSTILE], 1, THEMES["light"])
    assert content_of(page)["words"] == HOSTILE
    assert page.count("<script") == 3
    assert page.count("<img") == 1
    assert "{{style}}" in page  # of the label, and as it is


def test_in_a_reopened_notebook_its_output_is_not_yet_in_the_document(browser):
    frames = stepper(small()).forward()._frames_of(9)
    made = "const element = document.createElement('div')"
    run = f"script => {{ {made}; eval(script); return element.querySelectorAll('button').length; }}"
    assert browser.new_page().evaluate(run, script(*frames, THEMES["light"])) == 5


@pytest.mark.slow
def test_in_a_narrow_notebook_the_picture_keeps_its_size_and_scrolls(browser):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(TrainingStepper(small(), XOR_X, [0, 1, 1, 0], loss="binary_cross_entropy")._repr_html_())
    assert page.locator("img").bounding_box()["width"] == 720
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


@pytest.mark.slow
def test_the_page_is_walked_in_a_browser(tmp_path, browser):
    walk = TrainingStepper(small(), XOR_X, [HOSTILE[0], HOSTILE[1]] * 2, loss="binary_cross_entropy")
    walk.forward(3).back(2).save(tmp_path / "walk.html")
    content = content_of((tmp_path / "walk.html").read_text(encoding="utf-8"))
    words = content["words"]
    page = browser.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.goto((tmp_path / "walk.html").as_uri())

    def is_at(step):
        assert page.text_content(".gradstep-words") == words[step]
        assert page.get_attribute("img", "alt") == words[step]
        assert page.get_attribute("img", "src") == content["pictures"][step]
        assert page.is_disabled('[data-go="back"]') == (step == 0)
        assert page.is_disabled('[data-go="last"]') == (step == 3)

    is_at(1)
    page.keyboard.press("ArrowRight")  # before any click
    is_at(2)
    page.keyboard.press("ArrowLeft")
    is_at(1)
    assert "Run this cell" not in page.inner_text("body")
    for button, step in (("forward", 2), ("last", 3), ("back", 2), ("first", 0)):
        page.click(f'[data-go="{button}"]')
        is_at(step)
    for key, step in (("ArrowRight", 1), ("End", 3), ("ArrowLeft", 2), ("Home", 0), ("ArrowLeft", 0)):
        page.keyboard.press(key)
        is_at(step)
    page.keyboard.press("Home")
    page.click('[data-go="play"]')
    page.wait_for_function("document.querySelector('[data-go=last]').disabled")
    is_at(3)
    page.wait_for_function("document.querySelector('[data-go=play]').textContent.includes('Play')")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("src => document.images[0].src === src", arg=content["tall"][3])
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("img", "src") == content["tall"][2]
    image = page.locator("img").bounding_box()
    assert image["height"] > 1.5 * image["width"]
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("window.broken") is None
    assert wrong == []
    page.close()

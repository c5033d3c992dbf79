"""Figures in a dark notebook: the colours that they have there, and that they reach it."""

import base64
import colorsys
import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from engine.drawing.themes import THEMES
from nn import MLP, Layer
from nn.pictures import confusion_table, follow_theme, network, wanted_changes
from nn.pictures.dark import dark_colours, following, size_of
from nn.pictures.style import png_of

DARK = THEMES["dark"]


def in_the_dark(colour) -> np.ndarray:
    matrix, added = dark_colours()
    return np.clip(matrix @ np.array(to_rgb(colour)) + added, 0.0, 1.0)


def luminance(rgb) -> float:
    parts = np.where(np.array(rgb) <= 0.04045, np.array(rgb) / 12.92, ((np.array(rgb) + 0.055) / 1.055) ** 2.4)
    return float(parts @ [0.2126, 0.7152, 0.0722])


def contrast(one, other) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def plain_figure() -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().plot([0, 1], [1, 0], color="#0072B2")
    return figure


def test_white_is_the_background_of_draw_and_black_is_white():
    assert in_the_dark("white") == pytest.approx(to_rgb(DARK.background), abs=2e-3)
    assert in_the_dark("black") == pytest.approx((1.0, 1.0, 1.0))


@pytest.mark.parametrize("field", ["text", "muted", "positive_ink", "negative_ink", "good"])
def test_text_can_be_read_in_the_dark(field):
    colour = getattr(THEMES["light"], field)
    assert contrast(in_the_dark(colour), to_rgb(DARK.background)) >= 4.5


@pytest.mark.parametrize(
    "colour", ["#D55E00", "#0072B2", "#009E73", "#c8553d", "#2a6fbb", *(f"C{n}" for n in range(10))]
)
def test_colours_of_lines_keep_their_hue_and_are_seen(colour):
    shown = in_the_dark(colour)
    assert contrast(shown, to_rgb(DARK.background)) >= 3.0
    (hue, _, strength), (shown_hue, *_) = (colorsys.rgb_to_hls(*rgb) for rgb in (to_rgb(colour), shown))
    assert strength == 0 or min(abs(hue - shown_hue), 1 - abs(hue - shown_hue)) < 0.08


def ramp(n: int) -> Layer:
    """A layer whose outputs for 1 go from -1 to 1."""
    layer = Layer(1, n)
    for neuron, weight in zip(layer.neurons, np.linspace(-1.0, 1.0, n)):
        neuron.w[0].data, neuron.b.data = float(weight), 0.0
    return layer


def shaded(ax):
    """Each text in a circle or in a cell of an image, with the shade under it."""
    under = {tuple(circle.center): circle.get_facecolor() for circle in ax.patches if isinstance(circle, Circle)}
    for image in ax.images:
        cells = image.to_rgba(image.get_array())
        under |= {(column, row): cells[row, column] for row, column in np.ndindex(cells.shape[:2])}
    return [(text, under[text.get_position()][:3]) for text in ax.texts if text.get_position() in under]


def test_numbers_on_a_shade_can_be_read_on_light_and_on_dark_pages():
    X, y = [[1.0]] * 36, [right for right in range(8) for _ in range(right + 1)]
    pictures = [
        network(ramp(41), [1.0], most=41),
        confusion_table(ramp(8), X, y, loss="cross_entropy"),
        wanted_changes(ramp(8), X[:8], y[:8], loss="cross_entropy").picture(),
    ]
    for picture in pictures:
        found = shaded(picture.axes[0])
        assert len(found) > 40
        for text, shade in found:
            assert contrast(to_rgb(text.get_color()), shade) >= 4.5
            assert contrast(in_the_dark(text.get_color()), in_the_dark(shade)) >= 4.5


@pytest.fixture
def formatter(monkeypatch):
    """How IPython shows things, with matplotlib's inline support."""
    formatters = pytest.importorskip("IPython.core.formatters")
    shell = SimpleNamespace(display_formatter=formatters.DisplayFormatter())
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    return shell.display_formatter


def test_a_notebook_that_follows_its_theme_shows_each_figure_as_png_and_as_svg(formatter):
    follow_theme()
    shown = []
    for kind in formatter.formatters.values():
        kind.pop(Figure, None)  # as matplotlib's support does when pyplot is first used
    formatter.formatters["image/png"].for_type(Figure, lambda figure: shown.append(figure) or png_of(figure, 50))
    bundle, _ = formatter.format(plain_figure())
    assert {"image/png", "image/svg+xml", "text/plain"} <= set(bundle)
    assert bundle["image/svg+xml"].startswith('<svg xmlns="http://www.w3.org/2000/svg" width="150" height="100"')
    assert len(shown) == 2


def test_a_picture_of_no_theme_follows_and_others_do_not(formatter):
    model = MLP(2, [2, 1], seed=0)
    bundle, sizes = formatter.format(network(model, [1.0, 2.0]))
    assert f'width="{sizes["image/png"]["width"]}"' in bundle["image/svg+xml"]
    for theme in ("light", "dark", "print"):
        bundle, _ = formatter.format(network(model, [1.0, 2.0], theme=theme))
        assert "image/png" in bundle
        assert "image/svg+xml" not in bundle


@pytest.mark.parametrize("absent", ["IPython", "a shell"])
def test_outside_of_jupyter_nothing_happens(monkeypatch, absent):
    if absent == "IPython":
        monkeypatch.setitem(sys.modules, "IPython", None)
    follow_theme()


def test_the_file_may_come_as_bytes_or_as_text():
    png = png_of(plain_figure(), 50)
    assert size_of(png) == (150, 100)
    assert following(base64.encodebytes(png).decode(), 150, 100) == following(png, 150, 100)


def test_a_wide_picture_fits_a_cell():
    assert 'width="900" height="450"' in following(b"", 1200, 600)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_the_picture_is_as_dark_as_its_page(browser, scheme):
    """Whatever the system is: the notebook has a theme of its own."""
    image = pytest.importorskip("PIL.Image")
    svg = base64.b64encode(following(png_of(plain_figure(), 50), 150, 100).encode()).decode()
    page = browser.new_page(color_scheme="dark" if scheme == "light" else "light")
    page.set_content(f'<body style="color-scheme: {scheme}"><img src="data:image/svg+xml;base64,{svg}">')
    page.wait_for_function("document.images[0].complete")
    with image.open(io.BytesIO(page.locator("img").screenshot())) as seen:
        corner = [part / 255 for part in seen.convert("RGB").getpixel((1, 1))]
    page.close()
    assert corner == pytest.approx(to_rgb(DARK.background) if scheme == "dark" else (1.0, 1.0, 1.0), abs=0.01)

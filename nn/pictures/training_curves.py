"""Loss and accuracy over the epochs, also while ``fit`` still runs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from engine.callers import ipython_shell
from nn.module import Module
from nn.pictures.style import Look, look_of, number
from nn.validation import described, shortened

if TYPE_CHECKING:
    from nn.training.history import History


def curves(history: History, theme: str = "auto") -> Figure:
    """Draw loss and accuracy over the epochs, of training and of validation, if any.

    Args:
        history: what ``fit`` gave.

    Raises:
        ValueError: no epoch was finished.
        TypeError: it is no History.

    >>> from nn import History
    >>> curves(History(loss=[1.0, 0.5, 0.2])).savefig("curves.png")
    """
    if not hasattr(history, "validation_loss"):
        raise TypeError(f"history must be what fit(...) gave, got {described(history)}")
    if not history.loss:
        raise ValueError("history: no epoch was finished, and so there is nothing to draw")
    look = look_of(theme)
    panels = 2 if history.accuracy else 1
    figure = look.picture(5.2 * panels, 3.4)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _panel(axes[0], "loss", history.loss, history.validation_loss, look)
    if history.accuracy:
        _panel(axes[1], "accuracy", history.accuracy, history.validation_accuracy, look)
        lowest = min([*history.accuracy, *history.validation_accuracy])
        axes[1].set_ylim(max(-0.02, lowest - 0.05), 1.02)
    return figure


def _panel(ax: Axes, name: str, training: list[float], validation: list[float], look: Look) -> None:
    """One measure over the epochs, and its last number in the legend."""
    handles, labels = [], []
    for numbers, who, colour, dashes in (
        (training, "training", look.theme.positive_ink, "-"),
        (validation, "validation", look.theme.negative_ink, (0, (4, 2))),
    ):
        if numbers:
            epochs = range(1, len(numbers) + 1)
            marker = "o" if len(numbers) <= 25 else ""
            handles += ax.plot(epochs, numbers, color=colour, linestyle=dashes, marker=marker, markersize=4)
            labels.append(f"{who}: {number(numbers[-1])}")
    look.title(ax, name.capitalize())
    look.name_axes(ax, "epoch", name)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    look.grid(ax)
    if name == "loss" and min(training) >= 0.0:
        ax.set_ylim(0.0, 1.04 * ax.get_ylim()[1])
    look.legend(ax, handles, labels, loc="best")


class LiveCurves:
    """A callback for ``fit`` that draws the curves in a notebook while training runs.

    Elsewhere it does nothing.

    Args:
        every: seconds between two drawings, at least; when the cell ends the last epoch is drawn, too.

    Raises:
        ValueError: *every* is not a number >= 0.

    >>> from nn import MLP
    >>> history = MLP(1, [1], seed=0).fit(
    ...     [[0.0], [1.0]], [0.0, 2.0], epochs=3, callbacks=[LiveCurves()], progress=False)
    """

    def __init__(self, every: float = 0.5, theme: str = "auto") -> None:
        if isinstance(every, bool) or not isinstance(every, (int, float)) or not every >= 0:
            raise ValueError(f"every must be a number of seconds >= 0, got {shortened(every)}")
        look_of(theme)  # raises an error for another one
        self.every, self.theme = every, theme
        self._handle: Any = None
        self._history: History | None = None
        self._drawn_epochs = 0
        self._drawn_at = 0.0

    def __call__(self, model: Module, history: History) -> None:
        shell = _notebook()
        if shell is None:
            return
        if history is not self._history:  # another call of fit
            self._draw_rest()
            self._history, self._handle = history, None
            shell.events.register("post_run_cell", self._finish)
        if self._handle is None or time.monotonic() - self._drawn_at >= self.every:
            self._draw()

    def _draw(self) -> None:
        from IPython import display
        from tqdm import tqdm

        assert self._history is not None
        show: Any = display.display
        drawing = curves(self._history, self.theme)
        if self._handle is None:
            with tqdm.external_write_mode(sys.stdout):  # the bar moves below: a notebook's lines above stay as they are
                self._handle = show(drawing, display_id=True)
        else:
            self._handle.update(drawing)
        self._drawn_epochs, self._drawn_at = self._history.epochs, time.monotonic()

    def _finish(self, *_: object) -> None:
        shell = _notebook()
        if shell is not None:
            shell.events.unregister("post_run_cell", self._finish)
        self._draw_rest()
        self._history = None

    def _draw_rest(self) -> None:
        if self._history is not None and self._drawn_epochs < self._history.epochs:
            self._draw()


def _notebook() -> Any:
    """IPython's shell where it can change what it has displayed: in a notebook, and not in a terminal."""
    shell = ipython_shell()
    return shell if getattr(shell, "kernel", None) is not None else None

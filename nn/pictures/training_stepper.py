"""Training, one step of gradient descent forward or back at a time."""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from typing import Any, Self

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from engine.stepping.outputs import Output, display_outputs, is_colab, live_outputs
from engine.stepping.page import render_words
from engine.whole_files import as_path, replacing
from nn.module import Module
from nn.pictures.boundaries import check_plane, draw_plane
from nn.pictures.frames import Frame, animation, document, fragment, script
from nn.pictures.networks import network
from nn.pictures.neurons import layers_of
from nn.pictures.problems import Loss, names_of_inputs, problem
from nn.pictures.style import LITERAL, TEXT, TITLE, check_names, look_of, number, plain, undisturbed
from nn.validation import as_number, check_int, check_seconds, shortened

_RESOLUTION = 40
_DOTS_PER_INCH = 100
_WIDE = (12.0, 6.0), ((0.005, 0.09, 0.61, 0.75), (0.68, 0.475, 0.31, 0.41), (0.68, 0.1, 0.31, 0.18))
_TALL = (4.4, 8.6), ((0.01, 0.53, 0.98, 0.37), (0.16, 0.25, 0.81, 0.2), (0.16, 0.07, 0.81, 0.09))
"""Inches, and the places of network, boundary and cost in them."""
_AHEAD = 10  # steps that are shown before the first one is made
_MOST_FRAMES_SHOWN, _MOST_FRAMES_SAVED = 25, 200  # in a notebook, where one waits for them to be drawn, and in a file


@dataclass(frozen=True)
class _State:
    """The model at one step: its exact weights, the cost, and the gradient that the next step goes against."""

    weights: list[float]
    gradient: list[float]
    cost: float


class TrainingStepper:
    """Gradient descent on all examples, one step forward or back at a time.

    In Jupyter it shows the network with one example in it, the decision boundary and the cost. Buttons walk over the
    steps made so far, and before the first over the ten that come next, in a saved notebook, too. The model itself is
    trained: it has the weights, and in ``.grad`` the gradient, of the step that the stepper is at.

    Args:
        model: an MLP, a Layer or a Neuron of two inputs.
        X: ``(n_examples, 2)`` numbers.
        learning_rate: a step is this times minus the gradient.
        follow: the number of the example that is followed through the network.
        input_names: of the two inputs; None takes the names of the columns that *model* was trained on, or of *X*.

    Raises:
        ValueError: something does not fit; then nothing was changed.
        TypeError: the model is not made of layers of neurons.

    >>> from nn import MLP
    >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
    >>> before = model.state_dict()
    >>> stepper = TrainingStepper(
    ...     model, [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], loss="binary_cross_entropy", learning_rate=0.5)
    >>> stepper.forward(20).cost < stepper.back(20).cost
    True
    >>> model.state_dict() == before
    True
    """

    def __init__(
        self,
        model: Module,
        X: Any,
        y: Any,
        *,
        loss: Loss = None,
        learning_rate: float = 0.1,
        follow: int = 0,
        input_names: Sequence[object] | None = None,
        theme: str = "auto",
    ) -> None:
        self.theme, self._look = theme, look_of(theme)
        self.problem = problem(model, X, y, loss)
        layers_of(model)
        check_plane(self.problem)
        self.learning_rate = as_number("learning_rate", learning_rate, "(0, inf)")
        self.input_names = check_names(names_of_inputs(input_names, model, X, ("x1", "x2")), 2, 16)
        self._follow = check_int("follow", follow, 0, len(self.problem) - 1)
        with undisturbed(model):
            self._states = [self._measured()]
        model.loss, model.classes = self.problem.loss, self.problem.classes
        self._at = self._made = 0
        self._frames: dict[tuple[bool, int, int, float], Frame] = {}
        self._restore()

    @property
    def step(self) -> int:
        """How many steps away from the start the model is now."""
        return self._at

    @property
    def cost(self) -> float:
        """The mean loss of the examples at this step."""
        return self._states[self._at].cost

    @property
    def costs(self) -> list[float]:
        """The cost at the start and after every step made so far, also beyond this one."""
        return [state.cost for state in self._states[: self._made + 1]]

    @property
    def follow(self) -> int:
        """The number of the example that is followed; set it to follow another."""
        return self._follow

    @follow.setter
    def follow(self, place: int) -> None:
        self._follow = check_int("follow", place, 0, len(self.problem) - 1)
        self._frames.clear()

    def forward(self, n: int = 1) -> Self:
        """Make *n* steps.

        Raises:
            FloatingPointError: the cost diverged; the model is at the last step before that.
            RuntimeError: something else changed the model's weights.
        """
        steps = check_int("forward(n)", n, 0)
        self._check_unchanged()
        try:
            for _ in range(steps):
                if self._at + 1 == len(self._states):
                    self._descend()
                self._at += 1
                self._made = max(self._made, self._at)
        finally:
            self._restore()
        return self

    def back(self, n: int = 1) -> Self:
        """Go *n* steps back, to exactly the weights there.

        A ValueError if there are not so many.

        Raises a RuntimeError if something else changed the model's weights.
        """
        steps = check_int("back(n)", n, 0)
        if steps > self._at:
            raise ValueError(f"back(n) must be at most the {self._at} steps that were made, got {n}")
        self._check_unchanged()
        self._at -= steps
        self._restore()
        return self

    def _descend(self) -> None:
        """Make a step that was never made before, from the last one, and keep the state that it leads to."""
        state = self._states[-1]
        parameters = self.problem.model.parameters()
        with undisturbed(self.problem.model):
            for parameter, weight, slope in zip(parameters, state.weights, state.gradient):
                parameter.data = weight - self.learning_rate * slope
            try:
                self._states.append(self._measured())
            except ArithmeticError as error:
                reason = f"training diverged in step {len(self._states)} ({error}); try a smaller learning rate"
                raise FloatingPointError(reason) from None

    def _measured(self) -> _State:
        cost, gradient = self.problem.cost_and_gradient()
        if not math.isfinite(cost) or not all(map(math.isfinite, gradient)):
            raise FloatingPointError(f"the cost is {cost}")
        return _State([parameter.data for parameter in self.problem.model.parameters()], gradient, cost)

    def _restore(self) -> None:
        """Give the model the weights and the gradient of the step that the stepper is at."""
        state = self._states[self._at]
        for parameter, weight, slope in zip(self.problem.model.parameters(), state.weights, state.gradient):
            parameter.data, parameter.grad = weight, slope

    def _check_unchanged(self) -> None:
        now = [parameter.data for parameter in self.problem.model.parameters()]
        if now != self._states[self._at].weights:
            raise RuntimeError("the model's weights were changed by something else; make a new TrainingStepper")

    def in_words(self) -> str:
        """Where training is, in a line."""
        outputs = self.problem.outputs(self._follow)
        said = self.problem.said(outputs)
        right = self.problem.right_answer(self._follow)
        words = [number(item) if isinstance(item, float) else plain(item) for item in (said, right)]
        answer = f"says {words[0]}, right answer {words[1]}"
        return f"step {self._at}: cost {number(self.cost)}; example {self._follow}: {answer}"

    __repr__ = in_words

    def picture(self) -> Figure:
        """Network, boundary and cost at this step."""
        return self._drawn(tall=False)

    def _drawn(self, tall: bool) -> Figure:
        """The picture; a *tall* one is for a phone, and leaves out what the output should be."""
        look = self._look
        size, places = _TALL if tall else _WIDE
        figure = look.picture(*size, layout="none")
        net, plane, curve = (figure.add_axes(place) for place in places)
        if self.problem.classes is None:  # room for the bar's numbers and words
            plane.set_position(Bbox.from_bounds(*places[1][:2], places[1][2] - 0.95 / size[0], places[1][3]))
        inputs = self.problem.examples.row(self._follow)
        right = None if tall else self.problem.given(self._follow)
        options: dict[str, Any] = {"loss": self.problem.loss_function, "input_names": self.input_names, "most": 8}
        network(self.problem.model, inputs, right, theme=self.theme, ax=net, **options)
        under = -0.42 / (places[1][3] * size[1])  # inches for the name of the axis
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, under), "borderaxespad": 0.0}
        below |= {"ncols": 3, "handletextpad": 0.1}
        draw_plane(plane, self.problem, _RESOLUTION, look, keys=below)
        ring: dict[str, Any] = {"markeredgecolor": look.theme.text, "markeredgewidth": 2, "markerfacecolor": "none"}
        plane.plot(*inputs, "o", markersize=15, zorder=6, **ring)
        look.name_axes(plane, *self.input_names)
        look.title(plane, f"What it says (ring: example {self._follow})", TEXT)
        self._draw_cost(curve)
        where = f"Step {self._at}   cost {number(self.cost)}   learning rate {number(self.learning_rate)}"
        letters = TITLE - 1 if tall else TITLE + 2
        figure.text(0.012, 1.0 - 0.42 / size[1], where, fontsize=letters, color=look.theme.text, **LITERAL)
        return figure

    def _draw_cost(self, ax: Axes) -> None:
        """The cost up to this step, on axes that seldom change while training goes on."""
        last, highest = self._limits()
        costs, theme = [state.cost for state in self._states], self._look.theme
        ax.plot(range(self._at + 1), costs[: self._at + 1], color=theme.positive_ink, linewidth=2)
        ax.plot(self._at, self.cost, "o", color=theme.negative_ink, markersize=8, clip_on=False, zorder=5)
        ax.set(xlim=(0, last), ylim=(min(0.0, *costs), 1.08 * highest))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(3))
        self._look.grid(ax)
        self._look.name_axes(ax, "step", "cost")

    def _limits(self) -> tuple[int, float]:
        """How far the axes of the cost go: a round number of steps, and the highest cost."""
        last = len(self._states) - 1
        rounds = [factor * 10**power for power in range(1, 12) for factor in (1, 2, 5)]
        return next(n for n in rounds if n >= last), max(*[state.cost for state in self._states], 1e-12)

    def _ipython_display_(self) -> None:
        frames, at = self._frames_of(_MOST_FRAMES_SHOWN)
        if is_colab():
            outputs: list[Output] = [{"text/html": self._repr_html_(), "text/plain": repr(self)}]
        else:
            note = "Run this cell to walk over the steps of training."
            words = render_words(note, repr(self))
            shown = script(frames, at, self._look.theme, self._look.dark)
            outputs = live_outputs(shown, note, frames[at].output(self._look.dark is not None), words, repr(self))
        display_outputs(outputs)

    def _repr_html_(self) -> str:
        frames, at = self._frames_of(_MOST_FRAMES_SHOWN)
        return fragment(frames, at, self._look.theme, self._look.dark)

    def save(self, path: str | PathLike[str], seconds: float = 0.4) -> None:
        """Write the walk over all steps made so far, or the picture of this step.

        Args:
            path: by its ending ``.gif``, an animation for a slide; ``.html``, a page with buttons that needs nothing
                else; or ``.png``, ``.svg``, ``.pdf``, the picture of this step. Of more than 200 steps evenly chosen
                ones are shown.
            seconds: that each step is shown for in the animation.

        Raises:
            ValueError: another ending, or seconds that are not above 0.
            OSError: the file cannot be written; an existing file stays as it was.
        """
        ending = as_path("path", path).suffix.lower()
        if ending not in (".gif", ".html", ".png", ".svg", ".pdf"):
            raise ValueError(f"a file name must end in .gif, .html, .png, .svg or .pdf, got {shortened(str(path))}")
        check_seconds("seconds", seconds, maximum=600.0)
        with replacing(path) as file:
            if ending in (".png", ".svg", ".pdf"):
                self.picture().savefig(file, format=ending[1:], dpi=2 * _DOTS_PER_INCH)
                return
            frames, at = self._frames_of(_MOST_FRAMES_SAVED)
            if ending == ".gif":
                file.write_bytes(animation(frames, seconds))
                return
            tall, _ = self._frames_of(_MOST_FRAMES_SAVED, tall=True)
            file.write_bytes(document(frames, at, self._look.theme, self._look.dark, tall).encode())

    def _look_ahead(self) -> None:
        """Before the first step, compute some, so that there is something to walk over; the model stays as it is."""
        with suppress(FloatingPointError):
            while self._made == 0 and len(self._states) <= _AHEAD:
                self._descend()
        self._restore()

    def _frames_of(self, most: int, tall: bool = False) -> tuple[list[Frame], int]:
        """A picture of each step made, or of every so many, and the place of this step among them."""
        self._check_unchanged()
        self._look_ahead()
        last, here, limits = len(self._states) - 1, self._at, self._limits()
        stride = 1
        while last // stride >= most:
            stride *= 2  # so that most of the frames drawn earlier are of use again
        shown = sorted({*range(0, last, stride), last, here})
        try:
            for step in shown:
                if (tall, step, *limits) not in self._frames:
                    self._at = step
                    self._restore()
                    frame = Frame.of(self._drawn(tall), self.in_words(), _DOTS_PER_INCH * (1.25 if tall else 1.0))
                    self._frames[tall, step, *limits] = frame
        finally:
            self._at = here
            self._restore()
        self._frames = {key: frame for key, frame in self._frames.items() if key[2:] == limits}
        return [self._frames[tall, step, *limits] for step in shown], shown.index(here)

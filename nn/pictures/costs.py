"""The cost as a surface over two parameters, or two directions of a large network, and paths of descent on it."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from nn.data import Table
from nn.initialization import random_numbers
from nn.module import Module
from nn.pictures.landscape import draw_landscape
from nn.pictures.problems import Loss, Problem, problem
from nn.pictures.style import look_of, number, plain, undisturbed
from nn.validation import as_float, as_number, check_choice, check_int, shortened

Along = tuple[Any, Any] | str
_Plane = tuple[Table, Table, tuple[str, str], tuple[float, float]]


@dataclass(frozen=True, repr=False, eq=False)
class DescentPath:
    """Where gradient descent went in the plane of a cost surface.

    Attributes:
        learning_rate: the length of a step, in units of the gradient.
        points: ``(n_steps + 1, 2)`` coordinates in the plane, the start first.
        costs: ``(n_steps + 1,)``.
        label: a name for the legend.
        diverged: whether it ended because the cost was no longer finite.
    """

    learning_rate: float
    points: Table
    costs: list[float]
    label: str
    diverged: bool

    def in_words(self) -> str:
        """What became of it, in a line."""
        end = "diverges" if self.diverged else f"cost {number(self.costs[0])} → {number(self.costs[-1])}"
        name = f"{self.label}: " if self.label else ""
        return f"{name}learning rate {self.learning_rate:g}, {len(self.costs) - 1} steps, {end}"

    __repr__ = in_words


@dataclass(frozen=True, repr=False, eq=False)
class CostSurface:
    """The mean loss over a plane in the space of the parameters; it shows its picture.

    Attributes:
        problem: the model, its examples and its loss.
        origin: ``(n_parameters,)``, the parameters at the point (0, 0) of the plane.
        directions: ``(2, n_parameters)``: a step of 1 along each axis of the plane.
        labels: of the axes.
        here: where the model is, in the plane.
        across, up: ``(points,)`` coordinates of the grid.
        costs: ``(points, points)``: ``costs[i, j]`` is at ``(across[j], up[i])``; NaN where it is not finite.
    """

    problem: Problem
    origin: Table
    directions: Table
    labels: tuple[str, str]
    here: tuple[float, float]
    across: Table
    up: Table
    costs: Table

    @property
    def start(self) -> tuple[float, float]:
        """Where descent starts if nothing is said: where the model is.

        From the floor of a valley no way leads down that could be seen, a twentieth of the picture long. Then it is the
        highest of the four points halfway to the corners.
        """
        at, width = np.array(self.here), self.across[-1] - self.across[0]
        with undisturbed(self.problem.model) as parameters:
            cost, slope = _cost_and_slope(self, parameters, at)
            _move(self, parameters, at - 0.05 * width * slope / (np.linalg.norm(slope) or 1.0))
            if _finite_cost(self.problem) < cost:
                return self.here
        quarter, rest = len(self.across) // 4, len(self.across) - 1 - len(self.across) // 4
        points = [(i, j) for i in (quarter, rest) for j in (quarter, rest) if np.isfinite(self.costs[i, j])]
        if not points:
            return self.here
        i, j = max(points, key=lambda point: float(self.costs[point]))
        return float(self.across[j]), float(self.up[i])

    def descend(
        self, learning_rate: float, steps: int = 30, start: tuple[float, float] | None = None, label: str = ""
    ) -> DescentPath:
        """Gradient descent within the plane, along its two directions alone.

        Where the cost diverges, fewer *steps* are made. Without a *start*, coordinates in the plane, it begins at
        ``start``. The *label* is a name for the legend. Raises a ValueError unless *learning_rate* is above 0 and
        *steps* at least 1.
        """
        rate = as_number("learning_rate", learning_rate, "(0, inf)")
        check_int("steps", steps, 1)
        at = np.array(self.start if start is None else _pair(start, "start"))
        points, costs = [at], []
        diverged = False
        with undisturbed(self.problem.model) as parameters:
            for step in range(steps + 1):
                cost, slope = _cost_and_slope(self, parameters, at)
                if not np.isfinite(cost) or not np.isfinite(slope).all():
                    diverged = True
                    break
                costs.append(cost)
                if step < steps:
                    at = at - rate * slope
                    points.append(at)
        if not costs:
            raise ValueError(f"start: the cost is not finite at {tuple(points[0].tolist())}")
        return DescentPath(rate, np.array(points[: len(costs)]), costs, plain(label, 40), diverged)

    def picture(
        self, paths: DescentPath | Iterable[DescentPath] = (), kind: str = "both", theme: str = "auto"
    ) -> Figure:
        """The valley from above and from the side, with *paths* of gradient descent.

        *kind* is ``"contour"``, ``"3d"`` or ``"both"``; raises a ValueError for another, or an unknown theme.
        """
        check_choice("kind", kind, ("contour", "3d", "both"))
        drawn = [paths] if isinstance(paths, DescentPath) else list(paths)
        return draw_landscape(self, drawn, kind, look_of(theme))

    def _repr_mimebundle_(self, **_: object) -> Any:
        return self.picture()._repr_mimebundle_()  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        low, high = np.nanmin(self.costs), np.nanmax(self.costs)
        return f"CostSurface over {self.labels[0]} and {self.labels[1]}, cost {low:.3g} ... {high:.3g}"


def cost_surface(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: Loss = None,
    along: Along | None = None,
    ranges: tuple[tuple[float, float], tuple[float, float]] | None = None,
    points: int = 31,
    seed: int | None = 0,
) -> CostSurface:
    """The mean loss of the examples on a grid over two parameters or directions.

    Every point takes a pass through all examples, and so a handful of examples is a good choice for a large network.
    The model stays as it is.

    Args:
        model: any Module.
        X: ``(n_examples, n_inputs)`` numbers.
        along: two names of parameters, such as ``("layers.0.neurons.0.w.0", "layers.0.neurons.0.b")``; or two vectors
            of ``n_parameters`` numbers, steps away from where the model is; or ``"random"``: two random directions, in
            each of which every parameter moves in proportion to its size (after Li et al. 2018). None takes the two
            parameters of a model that has no more, and random directions otherwise.
        ranges: ``((from, to), (from, to))`` of the two; None goes 3 to both sides of where the model is, and 1 in
            random directions.
        points: how many a side.
        seed: for random directions.

    Raises:
        ValueError: something does not fit, or there is no such parameter.

    >>> from nn import Neuron
    >>> neuron = Neuron(1, activation="linear")
    >>> surface = cost_surface(neuron, [[1.0], [2.0]], [3.0, 5.0], along=("w.0", "b"), points=5)
    >>> surface.descend(0.1, steps=200, start=(0.0, 0.0)).points[-1].round(2).tolist()  # y = 2*x + 1
    [1.99, 1.01]
    """
    found = problem(model, X, y, loss)
    check_int("points", points, 2, 500)
    width, plane = _plane(model, along, seed)
    spans = [(middle - width, middle + width) for middle in plane[-1]]
    if ranges is not None:
        spans = [_range(pair) for pair in _pair(ranges, "ranges", numbers=False)]
    across, up = (np.linspace(low, high, points) for low, high in spans)
    empty = np.empty((points, points))
    surface = CostSurface(found, *plane, across, up, empty)
    with undisturbed(model) as parameters:
        for i, v in enumerate(up):
            for j, u in enumerate(across):
                _move(surface, parameters, np.array([u, v]))
                empty[i, j] = _finite_cost(found)
    if not np.isfinite(empty).any():
        raise ValueError("ranges: the cost is finite nowhere in them; take smaller ones")
    return surface


def descent_paths(
    surface: CostSurface,
    learning_rates: Iterable[float] | Mapping[str, float],
    *,
    steps: int = 30,
    start: tuple[float, float] | None = None,
) -> list[DescentPath]:
    """Gradient descent on one surface from one place, with several learning rates.

    Args:
        surface: from ``cost_surface``.
        learning_rates: numbers, or with names such as ``{"too small": 0.01, "good": 0.3, "too large": 2}``.
        steps: of each.
        start: coordinates in the plane; None is the ``start`` of the surface: where the model is, or where it is
            trained already, a place from which there is a way down.

    >>> from nn import Neuron
    >>> surface = cost_surface(Neuron(1, activation="linear"), [[1.0]], [3.0], along=("w.0", "b"), points=5)
    >>> for path in descent_paths(surface, {"good": 0.2, "too large": 0.6}, steps=2, start=(0.0, 0.0)):
    ...     print(path)
    good: learning rate 0.2, 2 steps, cost 9 → 0.0144
    too large: learning rate 0.6, 2 steps, cost 9 → 34.6
    """
    if isinstance(learning_rates, Mapping):
        named = [(rate, str(name)) for name, rate in learning_rates.items()]
    elif isinstance(learning_rates, Iterable) and not isinstance(learning_rates, str):
        named = [(rate, "") for rate in learning_rates]
    else:
        raise ValueError(f"learning_rates must be a list of numbers, got {shortened(learning_rates)}")
    return [surface.descend(rate, steps, start, label) for rate, label in named]


def _plane(model: Module, along: Any, seed: int | None) -> tuple[float, _Plane]:
    """How far it reaches to both sides; then the origin, the directions, the labels, and where the model is.

    A coordinate along a parameter is the parameter's own number.
    """
    named = dict(model.named_parameters())
    names, values = list(named), np.array([parameter.data for parameter in named.values()])
    if len(names) < 2:
        raise ValueError(f"model: a surface lies over two parameters, and there are {len(names)}")
    if along is None:
        along = tuple(names) if len(names) == 2 else "random"
    if isinstance(along, str) and along == "random":
        rng = random_numbers(seed)
        directions = np.array([[rng.gauss(0.0, 1.0) * abs(value) for value in values] for _ in range(2)])
        return 1.0, (values, directions, ("random direction 1", "random direction 2"), (0.0, 0.0))
    pair = _pair(along, "along", numbers=False, kind='"random", two names of parameters or two vectors')
    if not all(isinstance(item, str) for item in pair):
        directions = np.array([_vector(item, len(names)) for item in pair])
        return 3.0, (values, directions, ("direction 1", "direction 2"), (0.0, 0.0))
    for name in pair:
        if name not in names:
            some = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
            raise ValueError(f"along: there is no parameter {shortened(name)}; there are {some}")
    if pair[0] == pair[1]:
        raise ValueError(f"along must be two different parameters, got {shortened(pair[0])} twice")
    places = [names.index(name) for name in pair]
    here = float(values[places[0]]), float(values[places[1]])
    values[places] = 0.0
    return 3.0, (values, np.eye(len(names))[places], (plain(pair[0], 40), plain(pair[1], 40)), here)


def _vector(item: Any, n: int) -> Table:
    vector = np.asarray(item, dtype=float) if hasattr(item, "__len__") and not isinstance(item, str) else np.empty(0)
    if vector.shape != (n,) or not np.isfinite(vector).all() or not vector.any():
        raise ValueError(f"along must be a vector of {n} finite numbers, not all 0, got {shortened(item)}")
    return vector


def _pair(item: Any, what: str, numbers: bool = True, kind: str = "a pair") -> tuple[Any, Any]:
    if isinstance(item, str) or not hasattr(item, "__len__") or len(item) != 2:
        raise ValueError(f"{what} must be {kind}, got {shortened(item)}")
    if numbers:
        return as_float(item[0], what), as_float(item[1], what)
    return item[0], item[1]


def _range(item: Any) -> tuple[float, float]:
    low, high = _pair(item, "ranges")
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"ranges: from a smaller to a larger number, not {shortened(item)}")
    return low, high


def _move(surface: CostSurface, parameters: list[Any], at: Table) -> None:
    for parameter, data in zip(parameters, (surface.origin + at @ surface.directions).tolist()):
        parameter.data = data


def _finite_cost(found: Problem) -> float:
    with suppress(ArithmeticError):
        if np.isfinite(cost := found.cost()):
            return cost
    return np.nan


def _cost_and_slope(surface: CostSurface, parameters: list[Any], at: Table) -> tuple[float, Table]:
    """The cost at a point, and its derivatives along the two directions."""
    _move(surface, parameters, at)
    try:
        cost, gradient = surface.problem.cost_and_gradient()
    except ArithmeticError:
        return float("nan"), np.zeros(2)
    slope: Table = surface.directions @ np.array(gradient)
    return cost, slope

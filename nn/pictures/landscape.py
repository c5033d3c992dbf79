"""A cost surface drawn from above and from the side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_rgba
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nn.data import Table
from nn.pictures.style import LITERAL, SMALL, TEXT, Look, Picture, figure_of, number

if TYPE_CHECKING:
    from nn.pictures.costs import CostSurface, DescentPath

_PATH_DASHES = ["solid", "dashed", "dotted", "dashdot"]
_PATH_MARKERS = ["o", "s", "^", "D", "v", "P"]


def draw_landscape(surface: CostSurface, paths: list[DescentPath], kind: str, look: Look) -> Picture:
    """The surface in one or two axes, its paths, and one legend for both."""
    below = 0.25 * (len(paths) + 1) + 0.1
    figure = look.picture(11.0 if kind == "both" else 6.2, 4.8 + below)
    subfigures: Any = figure.subfigures(2, 1, height_ratios=[4.8, below])
    for part in subfigures:
        part.set_facecolor(look.theme.background)
    panels = 2 if kind == "both" else 1
    handles: list[Any] = []
    if kind != "3d":
        handles = _contour(subfigures[0].add_subplot(1, panels, 1), surface, paths, look)
    if kind != "contour":
        ax: Any = subfigures[0].add_subplot(1, panels, panels, projection="3d", computed_zorder=False)
        found = _relief(ax, surface, paths, look)
        handles = handles or found
    if handles:
        words = [path.in_words() for path in paths]
        words += ["where the model is"] if len(handles) > len(paths) else []
        keys = subfigures[1].add_subplot()
        keys.set_axis_off()
        look.legend(keys, handles, words, loc="center", handlelength=3)
    return figure


def _contour(ax: Axes, surface: CostSurface, paths: list[DescentPath], look: Look) -> list[Any]:
    """From above: lines of equal cost, closer together near the floor of the valley."""
    across, up, costs, here = surface.across, surface.up, surface.costs, surface.here
    levels = _levels(costs)
    scale = PowerNorm(0.5, levels[0], levels[-1])  # finer where the cost is low, as the levels are
    filled = ax.contourf(across, up, costs, levels=levels, cmap=look.costs, norm=scale)
    ax.contour(across, up, costs, levels=levels, colors=look.theme.text, linewidths=0.4, alpha=0.35)
    look.bar(figure_of(ax), filled, ax, "cost")
    look.name_axes(ax, *surface.labels)
    look.title(ax, "The cost, seen from above")
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    handles: list[Any] = []
    for place, path in enumerate(paths):
        line = _line(place, look)
        handles += ax.plot(*path.points.T, **line, zorder=4 + len(paths) - place)
        edge: dict[str, Any] = {"markeredgecolor": line["color"], "markeredgewidth": 2}
        ax.plot(*path.points[0], "o", markersize=9, markerfacecolor="none", **edge)
    if across[0] <= here[0] <= across[-1] and up[0] <= here[1] <= up[-1]:
        star: dict[str, Any] = {"markersize": 13, "color": "#ffffff", "markeredgecolor": "#000000", "zorder": 20}
        handles += ax.plot(*here, "*", **star)
    return handles


def _relief(ax: Any, surface: CostSurface, paths: list[DescentPath], look: Look) -> list[Line2D]:
    """From the side. Of a path there is what lies within the picture."""
    across, up, costs = surface.across, surface.up, surface.costs
    grid = np.meshgrid(across, up)
    levels = _levels(costs)
    fine: dict[str, Any] = {"alpha": 0.92, "linewidth": 0, "rcount": 60, "ccount": 60}
    ax.plot_surface(*grid, costs, cmap=look.costs, norm=PowerNorm(0.5, levels[0], levels[-1]), **fine)
    ax.contour(*grid, costs, levels=levels, colors=look.theme.text, linewidths=0.4, alpha=0.35, zorder=2)
    look.title(ax, "The cost, seen from the side")
    ax.set_facecolor(look.theme.background)
    ax.view_init(elev=38, azim=-60)
    ax.set_box_aspect((4, 4, 3), zoom=0.9)
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    for axis, name in zip((ax.xaxis, ax.yaxis, ax.zaxis), (*surface.labels, "cost")):
        axis.set_label_text(name, fontsize=TEXT, color=look.theme.text, **LITERAL)
        axis.set_major_locator(MaxNLocator(5, prune="both"))  # the ends of two axes would collide
        axis.set_major_formatter(FuncFormatter(lambda x, _: number(x)))
        longest = max(len(number(x)) for x in axis.get_majorticklocs())
        pad = 1.0 + 3.5 * max(0, longest - 3)  # numbers are centred at their ticks: long ones begin further out
        axis.set_tick_params(labelsize=SMALL, colors=look.theme.line, labelcolor=look.theme.text, pad=pad)
        axis.labelpad = 4.0 + 2.0 * pad
        axis.set_pane_color(to_rgba(look.theme.text, 0.04))
        axis.line.set_color(look.theme.line)
    highest = float(np.nanmax(costs))
    handles = []
    for place, path in enumerate(paths):
        (x, y), heights = path.points.T, np.array(path.costs)
        inside = (x >= across[0]) & (x <= across[-1]) & (y >= up[0]) & (y <= up[-1]) & (heights <= highest)
        shown = np.where(inside, heights, np.nan)
        handles += ax.plot(x, y, shown, **_line(place, look), zorder=10 + len(paths) - place)
    return handles


def _line(place: int, look: Look) -> dict[str, Any]:
    """The colour, marker and, in print, dashes of a path."""
    in_print = look.dashes != "solid"
    dashes = _PATH_DASHES[place % len(_PATH_DASHES)] if in_print else "solid"
    line = {"color": look.paths[place % len(look.paths)], "linestyle": dashes, "linewidth": 1.5}
    mark = {"marker": _PATH_MARKERS[place % len(_PATH_MARKERS)], "markersize": 4.5, "markeredgewidth": 0.6}
    return {**line, **mark, "markeredgecolor": "#ffffff" if in_print else look.marker_edge}


def _levels(costs: Table) -> Table:
    """Costs for contour lines, closer together near the lowest."""
    low, high = float(np.nanmin(costs)), float(np.nanmax(costs))
    if high <= low:
        high = low + max(abs(low), 1.0)
    levels: Table = low + (high - low) * np.linspace(0.0, 1.0, 16) ** 2
    return levels

"""A cost surface drawn from above and from the side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, PowerNorm
from matplotlib.lines import Line2D

from nn.pictures.style import FAINT, INK, Picture, legend, literal, named_axes, picture, titled

if TYPE_CHECKING:
    from nn.data import Table

Line = tuple["Table", "Table", str]
"""Points in the plane, their costs, and what to say of them."""

_PATH_COLOURS = ["#D55E00", "#111111", "#B5006B", "#F0C400", "#007A5A", "#7A5195"]
_COSTS = ListedColormap(colormaps["YlGnBu"](np.linspace(0.0, 0.8, 256)), "costs")
"""Pale where the cost is low, so that the paths can be seen in the valley."""
_PATH_MARKERS = ["o", "s", "^", "D", "v", "P"]


def draw_landscape(
    across: Table,
    up: Table,
    costs: Table,
    labels: tuple[str, str],
    here: tuple[float, float],
    lines: list[Line],
    kind: str,
) -> Picture:
    """The surface in one or two axes, its paths, and one legend for both."""
    below = 0.22 * (len(lines) + 1) + 0.1
    figure = picture(11.0 if kind == "both" else 6.2, 4.8 + below)
    subfigures: Any = figure.subfigures(2, 1, height_ratios=[4.8, below])
    panels = 2 if kind == "both" else 1
    handles: list[Any] = []
    if kind != "3d":
        handles = _contour(subfigures[0].add_subplot(1, panels, 1), across, up, costs, labels, here, lines)
    if kind != "contour":
        ax: Any = subfigures[0].add_subplot(1, panels, panels, projection="3d", computed_zorder=False)
        found = _relief(ax, across, up, costs, labels, lines)
        handles = handles or found
    if handles:
        words = [words for _, _, words in lines]
        words += ["where the model is"] if len(handles) > len(lines) else []
        keys = subfigures[1].add_subplot()
        keys.set_axis_off()
        legend(keys, handles, words, loc="center", handlelength=3)
    return figure


def _contour(
    ax: Axes, across: Table, up: Table, costs: Table, labels: tuple[str, str], here: tuple[float, float],
    lines: list[Line],
) -> list[Any]:  # fmt: skip
    """From above: lines of equal cost, closer together near the floor of the valley."""
    levels = _levels(costs)
    filled = ax.contourf(across, up, costs, levels=levels, cmap=_COSTS, norm=_scale(levels))
    ax.contour(across, up, costs, levels=levels, colors=INK, linewidths=0.4, alpha=0.35)
    bar = ax.figure.colorbar(filled, ax=ax, fraction=0.05, pad=0.02, format="%.3g")
    bar.set_label("cost", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=FAINT)
    named_axes(ax, *labels)
    titled(ax, "The cost, seen from above")
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    handles: list[Any] = []
    for place, (points, _, _) in enumerate(lines):
        look = _look(place)
        handles.append(ax.plot(points[:, 0], points[:, 1], **look, zorder=4 + len(lines) - place)[0])
        ax.plot(*points[0], "o", markersize=9, markerfacecolor="none", markeredgecolor=look["color"], markeredgewidth=2)
    if across[0] <= here[0] <= across[-1] and up[0] <= here[1] <= up[-1]:
        star: dict[str, Any] = {
            "marker": "*",
            "markersize": 13,
            "color": "white",
            "markeredgecolor": INK,
            "linestyle": "none",
            "zorder": 20,
        }
        handles += ax.plot(*here, **star)
    return handles


def _relief(
    ax: Any, across: Table, up: Table, costs: Table, labels: tuple[str, str], lines: list[Line]
) -> list[Line2D]:
    """From the side. Of a path there is what lies within the picture."""
    grid = np.meshgrid(across, up)
    ax.plot_surface(
        *grid, costs, cmap=_COSTS, norm=_scale(_levels(costs)), alpha=0.92, linewidth=0, rcount=60, ccount=60
    )
    ax.contour(*grid, costs, levels=_levels(costs), colors=INK, linewidths=0.4, alpha=0.35, zorder=2)
    titled(ax, "The cost, seen from the side")
    ax.set_xlabel(labels[0], fontsize=9, color=INK, **literal())
    ax.set_ylabel(labels[1], fontsize=9, color=INK, **literal())
    ax.set_zlabel("cost", fontsize=9, color=INK)
    ax.tick_params(labelsize=7, colors=FAINT)
    ax.view_init(elev=38, azim=-60)
    ax.set_box_aspect((4, 4, 3), zoom=0.9)
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0.97, 0.97, 0.97, 1.0))
    highest = float(np.nanmax(costs))
    handles = []
    for place, (points, heights, _) in enumerate(lines):
        inside = (
            (points[:, 0] >= across[0]) & (points[:, 0] <= across[-1])
            & (points[:, 1] >= up[0]) & (points[:, 1] <= up[-1]) & (heights <= highest)
        )  # fmt: skip
        shown = np.where(inside, heights, np.nan)
        handles += ax.plot(points[:, 0], points[:, 1], shown, **_look(place), zorder=10 + len(lines) - place)
    return handles


def _look(place: int) -> dict[str, Any]:
    """Of a path: a colour and a marker of its own."""
    turn = place % len(_PATH_COLOURS)
    return {
        "color": _PATH_COLOURS[turn],
        "marker": _PATH_MARKERS[turn],
        "markersize": 4.5,
        "markeredgecolor": "white",
        "markeredgewidth": 0.6,
        "linewidth": 1.5,
    }


def _scale(levels: Table) -> PowerNorm:
    """Of the colours: finer where the cost is low, as the levels are."""
    return PowerNorm(0.5, levels[0], levels[-1])


def _levels(costs: Table) -> Table:
    """Costs for contour lines, closer together near the lowest."""
    low, high = float(np.nanmin(costs)), float(np.nanmax(costs))
    if high <= low:
        high = low + max(abs(low), 1.0)
    levels: Table = low + (high - low) * np.linspace(0.0, 1.0, 16) ** 2
    return levels

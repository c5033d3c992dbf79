"""A cost surface drawn from above and from the side."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_rgba
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from nn.data import Table
from nn.pictures.style import LITERAL, SMALL, TEXT, Look, Picture, figure_of, number

Line = tuple[Table, Table, str]  # points in the plane, their costs, and what to say of them

_PATH_DASHES = ["solid", "dashed", "dotted", "dashdot"]
_PATH_MARKERS = ["o", "s", "^", "D", "v", "P"]


def draw_landscape(
    across: Table,
    up: Table,
    costs: Table,
    labels: tuple[str, str],
    here: tuple[float, float],
    lines: list[Line],
    kind: str,
    look: Look,
) -> Picture:
    """The surface in one or two axes, its paths, and one legend for both."""
    below = 0.25 * (len(lines) + 1) + 0.1
    figure = look.picture(11.0 if kind == "both" else 6.2, 4.8 + below)
    subfigures: Any = figure.subfigures(2, 1, height_ratios=[4.8, below])
    for part in subfigures:
        part.set_facecolor(look.theme.background)
    panels = 2 if kind == "both" else 1
    handles: list[Any] = []
    if kind != "3d":
        handles = _contour(subfigures[0].add_subplot(1, panels, 1), across, up, costs, labels, here, lines, look)
    if kind != "contour":
        ax: Any = subfigures[0].add_subplot(1, panels, panels, projection="3d", computed_zorder=False)
        found = _relief(ax, across, up, costs, labels, lines, look)
        handles = handles or found
    if handles:
        words = [words for _, _, words in lines]
        words += ["where the model is"] if len(handles) > len(lines) else []
        keys = subfigures[1].add_subplot()
        keys.set_axis_off()
        look.legend(keys, handles, words, loc="center", handlelength=3)
    return figure


def _contour(
    ax: Axes, across: Table, up: Table, costs: Table, labels: tuple[str, str], here: tuple[float, float],
    lines: list[Line], look: Look,
) -> list[Any]:  # fmt: skip
    """From above: lines of equal cost, closer together near the floor of the valley."""
    levels = _levels(costs)
    filled = ax.contourf(across, up, costs, levels=levels, cmap=look.costs, norm=_scale(levels))
    ax.contour(across, up, costs, levels=levels, colors=look.theme.text, linewidths=0.4, alpha=0.35)
    look.bar(figure_of(ax), filled, ax, "cost")
    look.name_axes(ax, *labels)
    look.title(ax, "The cost, seen from above")
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    handles: list[Any] = []
    for place, (points, _, _) in enumerate(lines):
        path = _path(place, look)
        handles.append(ax.plot(points[:, 0], points[:, 1], **path, zorder=4 + len(lines) - place)[0])
        ax.plot(*points[0], "o", markersize=9, markerfacecolor="none", markeredgecolor=path["color"], markeredgewidth=2)
    if across[0] <= here[0] <= across[-1] and up[0] <= here[1] <= up[-1]:
        star: dict[str, Any] = {"markersize": 13, "color": "#ffffff", "markeredgecolor": "#000000", "zorder": 20}
        handles += ax.plot(*here, "*", **star)
    return handles


def _relief(
    ax: Any, across: Table, up: Table, costs: Table, labels: tuple[str, str], lines: list[Line], look: Look
) -> list[Line2D]:
    """From the side. Of a path there is what lies within the picture."""
    grid = np.meshgrid(across, up)
    fine: dict[str, Any] = {"alpha": 0.92, "linewidth": 0, "rcount": 60, "ccount": 60}
    ax.plot_surface(*grid, costs, cmap=look.costs, norm=_scale(_levels(costs)), **fine)
    ax.contour(*grid, costs, levels=_levels(costs), colors=look.theme.text, linewidths=0.4, alpha=0.35, zorder=2)
    look.title(ax, "The cost, seen from the side")
    ax.set_facecolor(look.theme.background)
    ax.view_init(elev=38, azim=-60)
    ax.set_box_aspect((4, 4, 3), zoom=0.9)
    ax.set(xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    for axis, name in zip((ax.xaxis, ax.yaxis, ax.zaxis), (*labels, "cost")):
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
    for place, (points, heights, _) in enumerate(lines):
        inside = (
            (points[:, 0] >= across[0]) & (points[:, 0] <= across[-1])
            & (points[:, 1] >= up[0]) & (points[:, 1] <= up[-1]) & (heights <= highest)
        )  # fmt: skip
        shown = np.where(inside, heights, np.nan)
        handles += ax.plot(points[:, 0], points[:, 1], shown, **_path(place, look), zorder=10 + len(lines) - place)
    return handles


def _path(place: int, look: Look) -> dict[str, Any]:
    """The colour, marker and, in print, dashes of a path."""
    in_print = look.dashes != "solid"
    dashes = _PATH_DASHES[place % len(_PATH_DASHES)] if in_print else "solid"
    line = {"color": look.paths[place % len(look.paths)], "linestyle": dashes, "linewidth": 1.5}
    mark = {"marker": _PATH_MARKERS[place % len(_PATH_MARKERS)], "markersize": 4.5, "markeredgewidth": 0.6}
    return {**line, **mark, "markeredgecolor": "#ffffff" if in_print else look.marker_edge}


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

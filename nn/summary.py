"""A module as a table: its layers, their outputs and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn.parameters import HasParameters, dotted, parts_in

if TYPE_CHECKING:
    from nn.module import Module


def summary(module: Module) -> None:
    """Print a table of the layers with the size of their outputs and their parameters.

    >>> from nn import MLP
    >>> MLP(2, [16, 1], seed=0).summary()
    layer           output  parameters
    layers.0 Layer      16          48
    layers.1 Layer       1          17
    total                           65
    """
    rows = [("layer", "output", "parameters"), *_rows(module), ("total", "", f"{len(module.parameters()):,}")]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for name, size, n in rows:
        print(f"{name:<{widths[0]}}  {size:>{widths[1]}}  {n:>{widths[2]}}")


def _rows(module: Module) -> list[tuple[str, str, str]]:
    """A row for each outermost module or function, and one for all other parameters."""
    rows: list[tuple[str, str, str]] = []
    others = dict.fromkeys(module.parameters())
    sizes = getattr(module, "output_sizes", dict[int, int])()
    inside: set[int] = set()
    for path, part in parts_in(module):
        if id(part) in inside or not (isinstance(part, HasParameters) or id(part) in sizes):
            continue
        own = []
        if isinstance(part, HasParameters):
            own = part.parameters()
            inside.update(id(inner) for _, inner in parts_in(part))
        size = sizes.get(id(part), getattr(part, "n_outputs", None))
        kind = getattr(part, "__name__", type(part).__name__)
        rows.append((f"{dotted(path)} {kind}", "-" if size is None else str(size), f"{len(own):,}"))
        for parameter in own:
            others.pop(parameter, None)
    return [*rows, (type(module).__name__, "-", f"{len(others):,}")] if others else rows

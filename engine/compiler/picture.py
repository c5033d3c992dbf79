"""A program as a picture: its groups and what flows between them."""

from __future__ import annotations

from engine.compiler.memory_layout import Placed
from engine.compiler.summary import n_scalars, sentence
from engine.compiler.trace import PARAMETER
from engine.compiler.vectorize import INPUTS, UNIFORM
from engine.drawing import Drawing
from engine.operations import CONSTANT


def drawn(graph: Placed, direction: str = "LR") -> Drawing:
    """The instructions as boxes, each with the number of scalars that it stands for."""
    if direction not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f'direction must be "LR", "TB", "RL" or "BT", got {direction!r}')
    record = graph.record
    drawing = Drawing(
        graph_attr={"rankdir": direction, "bgcolor": "transparent", "nodesep": "0.3", "ranksep": "0.5"},
        node_attr={
            "fontname": "Helvetica",
            "fontsize": "11",
            "shape": "box",
            "style": "filled,rounded",
            "penwidth": "0.8",
        },
        edge_attr={"fontname": "Helvetica", "fontsize": "9", "color": "#5b6b7b", "arrowsize": "0.6"},
    )
    owner = {int(member): f"g{count}" for count, group in enumerate(graph.groups) for member in group.members}
    used: set[str] = set()
    for count, group in enumerate(graph.groups):
        scalars = n_scalars(group)
        words = sentence(group, graph.spaces).replace(", ", "\n")
        label = f"{words}\n{scalars:,} scalar operation{'' if scalars == 1 else 's'}"
        drawing.node(f"g{count}", label, fillcolor="#eef4fb" if group.space != UNIFORM else "#f1eefb", color="#3b6ea5")
        arrows: dict[str, set[int]] = {}
        for column in group.columns():
            for place in set(column.ravel().tolist()):
                source = owner.get(place) or {INPUTS: "inputs", PARAMETER: "parameters"}.get(
                    INPUTS if graph.spaces[place] == INPUTS else str(record.ops[place]), CONSTANT
                )
                arrows.setdefault(source, set()).add(place)
        for source, places in sorted(arrows.items()):
            if source != CONSTANT:
                used.add(source)
                drawing.edge(source, f"g{count}", label=f"{len(places):,}")
    for name, n in (("inputs", record.n_inputs), ("parameters", record.n_parameters)):
        if name in used:
            drawing.node(name, f"{n:,} {name if n != 1 else name[:-1]}", fillcolor="#fff4d6", color="#b08a2e")
    return drawing

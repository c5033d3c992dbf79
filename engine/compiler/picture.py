"""A program as a picture: its groups and what flows between them."""

from __future__ import annotations

from collections import Counter

from engine.compiler.memory_layout import Placed
from engine.compiler.summary import n_scalars, sentence
from engine.compiler.trace import INPUT, PARAMETER
from engine.compiler.vectorize import UNIFORM
from engine.drawing import Drawing
from engine.validation import check_choice

_LEAVES: dict[object, str] = {INPUT: "inputs", PARAMETER: "parameters"}


def drawn(graph: Placed, direction: str = "LR") -> Drawing:
    """The instructions as boxes, each with the number of scalars that it stands for."""
    check_choice("direction", direction, ("LR", "TB", "RL", "BT"))
    record, font = graph.record, {"fontname": "Helvetica"}
    drawing = Drawing(
        graph_attr={"rankdir": direction, "bgcolor": "#ffffff", "nodesep": "0.3", "ranksep": "0.5"},
        node_attr=font | {"fontsize": "11", "shape": "box", "style": "filled,rounded", "penwidth": "0.8"},
        edge_attr=font | {"fontsize": "9", "color": "#5b6b7b", "arrowsize": "0.6"},
    )
    drawing.description = f"program of {len(graph.groups)} instructions"
    owner = {int(member): f"g{count}" for count, group in enumerate(graph.groups) for member in group.members}
    used: set[str] = set()
    for count, group in enumerate(graph.groups):
        scalars = n_scalars(group)
        words = sentence(group).replace(", ", "\n")
        label = f"{words}\n{scalars:,} scalar operation{'' if scalars == 1 else 's'}"
        drawing.node(f"g{count}", label, fillcolor="#eef4fb" if group.space != UNIFORM else "#f1eefb", color="#3b6ea5")
        read = {place for column in group.columns() for place in column.ravel().tolist()}
        sources = Counter(owner.get(place) or _LEAVES.get(record.ops[place], "") for place in read)
        for source in sorted(sources.keys() - {""}):
            used.add(source)
            drawing.edge(source, f"g{count}", label=f"{sources[source]:,}")
    for name, n in (("inputs", record.n_inputs), ("parameters", record.n_parameters)):
        if name in used:
            drawing.node(name, f"{n:,} {name if n != 1 else name[:-1]}", fillcolor="#fff4d6", color="#b08a2e")
    return drawing

"""A program as a picture: its groups and what flows between them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.compiler.memory_layout import Placed
from engine.compiler.summary import n_scalars, sentence
from engine.compiler.trace import INPUT, PARAMETER
from engine.compiler.vectorize import UNIFORM, Group
from engine.drawing import Drawing
from engine.drawing.node_contents import SYMBOLS
from engine.drawing.themes import check_look, dark_rules

_LEAVES: dict[object, str] = {INPUT: "inputs", PARAMETER: "parameters"}


def drawn(graph: Placed, direction: str = "LR", theme: str = "auto") -> Drawing:
    """The instructions as boxes, each with the number of scalars that it stands for; the arguments are ``draw``'s."""
    colours = check_look(direction, theme)
    record, font = graph.record, {"fontname": "Helvetica", "fontcolor": colours.text}
    box = {"fontsize": "11", "shape": "box", "style": "filled,rounded", "penwidth": f"{colours.width:g}"}
    line = {"fontsize": "10", "color": colours.line, "arrowsize": "0.6", "penwidth": f"{colours.width:g}"}
    drawing = Drawing(
        graph_attr={"rankdir": direction, "bgcolor": colours.background, "nodesep": "0.3", "ranksep": "0.5"},
        node_attr=font | box | {"fillcolor": colours.result, "color": colours.result_line},
        edge_attr=font | line | {"fontcolor": colours.muted},
    )
    drawing.description = f"program of {len(graph.groups)} instructions"
    drawing.style = dark_rules([], 0.0) if theme == "auto" else ""
    owner = {int(member): f"g{count}" for count, group in enumerate(graph.groups) for member in group.members}
    used: set[str] = set()
    for count, group in enumerate(graph.groups):
        look = {"fillcolor": colours.folded, "color": colours.line} if group.space == UNIFORM else {}
        drawing.node(f"g{count}", _words(group), **look)
        read = {place for side in group.sides() for place in np.ravel(side).tolist()}
        sources = Counter(owner.get(place) or _LEAVES.get(record.ops[place], "") for place in read)
        for source in sorted(sources.keys() - {""}):
            used.add(source)
            drawing.edge(source, f"g{count}", label=f"{sources[source]:,}")
    leaf = {"fillcolor": colours.leaf, "color": colours.leaf_line}
    for name, n in (("inputs", record.n_inputs), ("parameters", record.n_parameters)):
        if name in used:
            drawing.node(name, f"{n:,} {name if n != 1 else name[:-1]}", **leaf)
    return drawing


def _words(group: Group) -> str:
    """What a group does, with the symbols of pictures, and how many scalar operations that is."""
    words, scalars = sentence(group), n_scalars(group)
    symbol = SYMBOLS.get(group.op) if isinstance(group.op, str) else None
    words = f"{len(group.members):,} {symbol}" if symbol else words.replace(", ", "\n").replace("->", "→")
    return f"{words}\n{scalars:,} scalar operation{'' if scalars == 1 else 's'}"

"""What a program found in a graph, in words and as a picture: its groups and what flows between them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from engine.compiler.memory_layout import Placed
from engine.compiler.trace import INPUT, PARAMETER
from engine.compiler.vectorize import SUM, UNIFORM, Group

if TYPE_CHECKING:
    from engine.drawing import Drawing

_LEAVES: dict[object, str] = {INPUT: "inputs", PARAMETER: "parameters"}


def described(graph: Placed, n_nodes: int, dtype: str) -> str:
    """The groups in their order, and how many scalars became how many instructions."""
    record = graph.record
    counts = {"input": record.n_inputs, "parameter": record.n_parameters, "output": len(record.outputs)}
    leaves = ", ".join(_count(n, thing) for thing, n in counts.items())
    lines = [f"Program: {_count(n_nodes, 'node')} -> {_count(len(graph.groups), 'group')}; {leaves}, {dtype}"]
    for group in graph.groups:
        once = ", once for all examples" if group.space == UNIFORM else ""
        lines.append(f"  {sentence(group)}{once}")
    return "\n".join(lines)


def sentence(group: Group) -> str:
    """One group in words, such as ``128 dot products of 784 -> one matrix product``."""
    n = len(group.members)
    if group.op != SUM:
        return f"{n:,} {group.op if isinstance(group.op, str) else group.op.name}"
    phrases = []
    for part in group.parts:
        k = part.k
        if part.right is None:
            phrases.append(f"{'plus' if part.positive else 'minus'} {_count(k, 'number')} each")
        else:
            kind = _count(n, "product") if k == 1 else f"{_count(n, 'dot product')} of {k:,}"
            found = k > 1 and part.factors
            phrases.append(f"{'' if part.positive else 'minus '}{kind}{' -> one matrix product' if found else ''}")
    if group.parts[0].right is None:
        return f"{_count(n, 'sum')}: {', '.join(phrases)}"
    return ", ".join(phrases)


def drawn(graph: Placed, direction: str = "LR", theme: str = "auto") -> Drawing:
    """The instructions as boxes, each with the number of scalars that it stands for; the arguments are ``draw``'s."""
    from engine.drawing import Drawing
    from engine.drawing.node_contents import SYMBOLS
    from engine.drawing.themes import check_look, dark_rules

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
        words, symbol = sentence(group), SYMBOLS.get(group.op) if isinstance(group.op, str) else None
        words = f"{len(group.members):,} {symbol}" if symbol else words.replace(", ", "\n").replace("->", "→")
        drawing.node(f"g{count}", f"{words}\n{_count(n_scalars(group), 'scalar operation')}", **look)
        read = {place for side in group.sides() for place in np.ravel(side).tolist()}
        sources = Counter(owner.get(place) or _LEAVES.get(record.ops[place], "") for place in read)
        for source in sorted(sources.keys() - {""}):
            used.add(source)
            drawing.edge(source, f"g{count}", label=f"{sources[source]:,}")
    leaf = {"fillcolor": colours.leaf, "color": colours.leaf_line}
    for name, n in (("inputs", record.n_inputs), ("parameters", record.n_parameters)):
        if name in used:
            drawing.node(name, _count(n, name[:-1]), **leaf)
    return drawing


def n_scalars(group: Group) -> int:
    """How many scalar operations of the graph a group stands for."""
    n = len(group.members)
    if group.op != SUM:
        return n
    terms: int = sum(part.k * (1 if part.right is None else 2) for part in group.parts)
    return n * (terms - 1) if group.parts[0].positive else n * terms


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"

"""A folded graph written in the DOT language."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import graphviz

from engine.drawing.digraph import Drawing
from engine.drawing.folding import Folding
from engine.drawing.html_labels import escape_label, escape_tooltip, html_label
from engine.drawing.module_scopes import Scopes, scope_title
from engine.drawing.node_contents import NodeContents
from engine.drawing.themes import Theme, largest_size
from engine.value import Value

_ROLES = {"-": ("", "-"), "/": ("", "/"), "**": ("base", "exponent"), "atan2": ("y", "x"), "leaky_relu": ("", "slope")}
"""Labels at the end of an arrow where the order of two operands matters."""

_SIDES = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}
"""Where the arrows of folded boxes leave and arrive, by direction, as in drawings of networks."""

_MOST_COUNTS = 40  # numbers beside arrows; more than that cover the picture


@dataclass(frozen=True)
class Style:
    """The style of a picture; ``highlighted`` are the nodes that stand out, None if all look alike."""

    theme: Theme
    direction: str
    derivatives: bool
    highlighted: frozenset[int] | None


@dataclass
class Arrow:
    """All that one unit takes from another: the ``sources``, and each use between nodes as (node, operand number)."""

    sources: set[int] = field(default_factory=set)
    uses: list[tuple[int, int]] = field(default_factory=list)
    highlighted: bool = False


@dataclass(frozen=True)
class DotWriter:
    """Writes a folded graph as a ``Drawing``."""

    contents: NodeContents
    folding: Folding
    style: Style

    # -------------------------------------------------------------------------------------------- what the picture has

    @cached_property
    def arrows(self) -> dict[tuple[int, int], Arrow]:
        """The arrows, by the units at their two ends."""
        unit_of, boxes, highlighted = self.folding.unit_of, self.folding.boxes, self.style.highlighted or frozenset()
        arrows: dict[tuple[int, int], Arrow] = {}
        for index, operands in enumerate(self.contents.graph.operands):
            end = unit_of[index]
            for number, operand in enumerate(operands):
                start = unit_of[operand]
                if start != end:
                    arrow = arrows.setdefault((start, end), Arrow())
                    arrow.sources.add(operand)
                    arrow.highlighted = arrow.highlighted or (index in highlighted and operand in highlighted)
                    if start not in boxes and end not in boxes:
                        arrow.uses.append((index, number))
        return arrows

    @cached_property
    def outputs(self) -> dict[int, set[int]]:
        """The nodes in each unit that other units use; the root counts."""
        root = len(self.folding.unit_of) - 1
        outputs = {self.folding.unit_of[root]: {root}}
        for (start, _), arrow in self.arrows.items():
            outputs.setdefault(start, set()).update(arrow.sources)
        return outputs

    @cached_property
    def rows(self) -> dict[Scopes, list[list[int]]]:
        """Folded scopes side by side, fed by the same units: they are drawn in their order, neuron 0 first."""
        fed_by: dict[int, set[int]] = {}
        for start, end in self.arrows:
            fed_by.setdefault(end, set()).add(start)
        alike: dict[tuple[Scopes, frozenset[int]], list[int]] = {}
        for unit, box in self.folding.boxes.items():
            if box.kind == "scope" and box.scopes:
                alike.setdefault((box.scopes, frozenset(fed_by.get(unit, ()))), []).append(unit)
        rows: dict[Scopes, list[list[int]]] = {}
        for (scopes, _), row in alike.items():
            if len(row) > 1:
                rows.setdefault(scopes, []).append(row)
        return rows

    @cached_property
    def is_straight(self) -> bool:
        """Whether the picture is one of whole neurons, with straight lines between them."""
        scopes, boxes = self.contents.scopes, self.folding.boxes
        return bool(self.rows) and not any(scopes[unit] for unit in self.folding.units() if unit not in boxes)

    @cached_property
    def largest_gradient(self) -> float:
        """The size of the largest gradient that is shown."""
        return largest_size(node.grad for node in map(self.shown_node, self.folding.units()) if node is not None)

    def shown_node(self, unit: int) -> Value | None:
        """The node whose gradient a unit shows: itself, or the only output of a box."""
        nodes = self.contents.graph.nodes
        if unit not in self.folding.boxes:
            return nodes[unit]
        outputs = self.outputs.get(unit, set())
        return nodes[next(iter(outputs))] if len(outputs) == 1 else None

    # ------------------------------------------------------------------------------------------------------- the source

    def write(self) -> Drawing:
        """Write the whole picture."""
        drawing = self._new_drawing()
        self._add_units(drawing)
        n_counts = sum(1 for arrow in self.arrows.values() if not arrow.uses and len(arrow.sources) > 1)
        for (start, end), arrow in self.arrows.items():
            for index, number in arrow.uses:
                drawing.edge(f"n{start}", f"n{end}", **self._line(arrow), **self._edge_labels(index, number))
            if not arrow.uses:
                n = len(arrow.sources)
                label = {"label": f" {n:,} "} if n > 1 and n_counts <= _MOST_COUNTS and not self.is_straight else {}
                tail, head = _SIDES[self.style.direction]
                drawing.edge(f"n{start}", f"n{end}", **self._line(arrow), **label, tailport=tail, headport=head)
        return drawing

    def _new_drawing(self) -> Drawing:
        theme = self.style.theme
        title = f"Computation graph of {self.contents.name(len(self.folding.unit_of) - 1) or 'a Value'}"
        longest_row = max((len(row) for rows in self.rows.values() for row in rows), default=1)
        room = f"{min(1.6, 0.3 + 0.1 * longest_row):.2g}"  # between ranks: long rows have many arrows that cross
        line = {"color": theme.line, "penwidth": f"{theme.width:g}", "fontname": "Helvetica"}
        drawing = Drawing(
            "".join(c for c in title if c not in '"\\&'),  # shown as the title of an SVG
            filename="graph.gv",
            graph_attr={"rankdir": self.style.direction, "bgcolor": theme.background, "pad": "0.15", "nodesep": "0.18"}
            | {"ranksep": room, "fontname": "Helvetica", "fontsize": "12", "fontcolor": theme.muted},
            node_attr=line | {"fontsize": "11", "shape": "box", "margin": "0.04", "height": "0", "width": "0"},
            edge_attr=line | {"arrowsize": "0.6", "fontsize": "10", "fontcolor": theme.muted},
        )
        if self.is_straight:
            drawing.attr("graph", splines="line")
        if self.rows:  # or the second search for fewer crossings would reorder the rows
            drawing.attr("graph", remincross="false")
        return drawing

    def _add_units(self, drawing: Drawing) -> None:
        """Add all units, each in the clusters of its scopes."""
        units: dict[Scopes, list[int]] = {(): []}
        for unit in self.folding.units():
            box = self.folding.boxes.get(unit)
            scopes = box.scopes if box else self.contents.scopes[unit]
            for level in range(len(scopes)):
                units.setdefault(scopes[: level + 1], [])
            units[scopes].append(unit)
        inner: dict[Scopes, list[tuple[int, Scopes]]] = {}
        for number, scopes in enumerate(units):
            if scopes:
                inner.setdefault(scopes[:-1], []).append((number, scopes))
        self._add_scope(drawing, (), units, inner)

    def _add_scope(
        self,
        graph: graphviz.Digraph,
        scopes: Scopes,
        units: dict[Scopes, list[int]],
        inner: dict[Scopes, list[tuple[int, Scopes]]],
    ) -> None:
        """Add the units of a scope, and the scopes inside it as numbered clusters."""
        for unit in units[scopes]:
            self._add_unit(graph, unit)
        self._add_rows(graph, scopes)
        for number, inner_scopes in inner.get(scopes, ()):
            with graph.subgraph(name=f"cluster_{number}") as cluster:
                cluster.attr(**self._cluster_style(inner_scopes))
                self._add_scope(cluster, inner_scopes, units, inner)

    def _add_rows(self, graph: graphviz.Digraph, scopes: Scopes) -> None:
        """Add invisible arrows that keep rows in order; dot counts from below where it draws from left to right."""
        upright = self.style.direction in ("TB", "BT")
        for row in self.rows.get(scopes, ()):
            with graph.subgraph(graph_attr={"rank": "same"}, edge_attr={"style": "invis"}) as same:
                for one, other in pairwise(row if upright else row[::-1]):
                    same.edge(f"n{one}", f"n{other}")

    def _cluster_style(self, scopes: Scopes) -> dict[str, str]:
        theme = self.style.theme
        return {
            "label": graphviz.nohtml(escape_label(scope_title(scopes[-1], self.contents.top))),
            "style": "rounded,filled",
            "fillcolor": theme.clusters[len(scopes) % 2],
            "color": theme.line if theme.dashed_negative else theme.faded,
            "penwidth": f"{theme.width:g}",
            "labeljust": "l",
            "margin": "8",
        }

    def _add_unit(self, graph: graphviz.Digraph, unit: int) -> None:
        theme, highlighted = self.style.theme, self.style.highlighted
        box = self.folding.boxes.get(unit)
        faded = highlighted is not None and highlighted.isdisjoint(box.members if box else [unit])
        attributes = self._outline(unit)
        if faded:
            attributes |= {"fillcolor": theme.background, "color": theme.faded}
        elif highlighted is not None:
            attributes |= {"color": theme.picked, "penwidth": f"{theme.width + 0.9:g}"}
        if box:
            content = self.contents.describe_box(box, self.outputs.get(unit, set()))
            tooltip = content.title
        else:
            content = self.contents.describe_node(unit)
            tooltip = self.contents.describe_in_full(unit)
        label = html_label(content, theme, upright=self.style.direction in ("TB", "BT"), faded=faded)
        graph.node(f"n{unit}", label, tooltip=graphviz.nohtml(escape_tooltip(tooltip)), **attributes)

    def _outline(self, unit: int) -> dict[str, str]:
        """Fill and border, by the gradient if one is shown."""
        theme, node, is_box = self.style.theme, self.shown_node(unit), unit in self.folding.boxes
        if not is_box and self.contents.graph.is_constant(unit):
            return {"style": "rounded", "penwidth": "0", "fontsize": "10"}
        attributes = {"style": "rounded,filled", "fillcolor": theme.folded}
        if node is not None:
            attributes["fillcolor"] = theme.fill(node.grad, self.largest_gradient)
            if theme.dashed_negative and node.grad < 0.0:
                attributes["style"] += ",dashed"
        return attributes | ({"peripheries": "2"} if is_box else {})

    def _line(self, arrow: Arrow) -> dict[str, str]:
        """Colour and width of an arrow, thicker for more values."""
        theme = self.style.theme
        step = 0.1 if self.is_straight else 0.4
        width = theme.width + (0.0 if arrow.uses else step * math.log2(len(arrow.sources)))
        if self.style.highlighted is None:
            return {"penwidth": f"{width:.3g}"} if width > theme.width else {}
        if arrow.highlighted:
            return {"color": theme.picked, "fontcolor": theme.picked, "penwidth": f"{width + 0.9:.3g}"}
        return {"color": theme.faded, "fontcolor": theme.faded_text, "penwidth": f"{width:.3g}"}

    def _edge_labels(self, index: int, number: int) -> dict[str, str]:
        """The labels of an arrow between two nodes: the local derivative, and the role of the operand."""
        graph = self.contents.graph
        node = graph.nodes[index]
        labels = {}
        if self.style.derivatives:
            labels["label"] = f" {self.contents.format(node.local_derivatives[number])} "
        roles = _ROLES.get(node.op, ())
        role = roles[number] if number < len(roles) else ""
        if role and not any(graph.inlined[operand] for operand in graph.operands[index]):
            labels["headlabel"] = f" {role} "
        return labels

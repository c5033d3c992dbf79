"""A folded graph written in the DOT language."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import graphviz

from engine.drawing.digraph import Drawing
from engine.drawing.folding import Folding
from engine.drawing.html_labels import as_text, as_tooltip, content_as_html
from engine.drawing.module_scopes import Path, title_of
from engine.drawing.node_contents import Reader
from engine.drawing.themes import Theme
from engine.value import Value

_ROLES = {"-": ("", "-"), "/": ("", "/"), "**": ("base", "exponent"), "atan2": ("y", "x"), "leaky_relu": ("", "slope")}
"""What is written at the end of an arrow where the order of two operands matters."""

_SIDES = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}
"""Where the arrows of folded boxes leave and arrive, by direction, as in drawings of networks."""

_MOST_COUNTS = 40  # numbers beside arrows; more than that cover the picture


@dataclass(frozen=True)
class Look:
    """How a picture is to look; ``picked`` are the places picked out, None where all are alike."""

    theme: Theme
    direction: str
    derivatives: bool
    picked: frozenset[int] | None


@dataclass
class Arrow:
    """All that one unit hands to another: the ``values`` by place, and each use as (place, which operand)."""

    values: set[int] = field(default_factory=set)
    uses: list[tuple[int, int]] = field(default_factory=list)
    picked: bool = False


@dataclass(frozen=True)
class Sketch:
    """A picture about to be written: what is drawn, what it says, and how it looks."""

    reader: Reader
    folding: Folding
    look: Look

    # ------------------------------------------------------------------------------------------------- what is in it

    @cached_property
    def arrows(self) -> dict[tuple[int, int], Arrow]:
        """The arrows between what is drawn, by the places of their two ends."""
        home, picked = self.folding.home, self.look.picked or frozenset()
        arrows: dict[tuple[int, int], Arrow] = {}
        for place, taken in enumerate(self.reader.wires.operands):
            end = home[place]
            for which, operand in enumerate(taken):
                start = home[operand]
                if start != end:
                    arrow = arrows.setdefault((start, end), Arrow())
                    arrow.values.add(operand)
                    arrow.picked = arrow.picked or (place in picked and operand in picked)
                    if start not in self.folding.boxes and end not in self.folding.boxes:
                        arrow.uses.append((place, which))
        return arrows

    @cached_property
    def leaving(self) -> dict[int, set[int]]:
        """The places of the nodes in each unit that are used elsewhere; the root counts."""
        root = len(self.folding.home) - 1
        leaving = {self.folding.home[root]: {root}}
        for (start, _), arrow in self.arrows.items():
            leaving.setdefault(start, set()).update(arrow.values)
        return leaving

    @cached_property
    def rows(self) -> dict[Path, list[list[int]]]:
        """Folded groups that lie side by side, fed by the same units: they are drawn in their order, neuron 0 first."""
        fed_by: dict[int, set[int]] = {}
        for start, end in self.arrows:
            fed_by.setdefault(end, set()).add(start)
        alike: dict[tuple[Path, frozenset[int]], list[int]] = {}
        for unit, box in self.folding.boxes.items():
            if box.kind == "group" and box.path:
                alike.setdefault((box.path, frozenset(fed_by.get(unit, ()))), []).append(unit)
        rows: dict[Path, list[list[int]]] = {}
        for (path, _), row in alike.items():
            if len(row) > 1:
                rows.setdefault(path, []).append(row)
        return rows

    @cached_property
    def is_straight(self) -> bool:
        """Whether the picture is one of whole neurons, with straight lines between them."""
        paths, boxes = self.reader.paths, self.folding.boxes
        return bool(self.rows) and not any(paths[unit] for unit in self.folding.units() if unit not in boxes)

    @cached_property
    def largest(self) -> float:
        """The size of the largest gradient that is shown."""
        shown = [node.grad for node in map(self.shown, self.folding.units()) if node is not None]
        return max((abs(gradient) for gradient in shown if math.isfinite(gradient)), default=0.0)

    def shown(self, unit: int) -> Value | None:
        """The node whose gradient a unit shows: itself, or of a box the only one that leaves it."""
        if unit not in self.folding.boxes:
            return self.reader.wires.nodes[unit]
        leaving = self.leaving.get(unit, set())
        return self.reader.wires.nodes[next(iter(leaving))] if len(leaving) == 1 else None

    # ------------------------------------------------------------------------------------------------------- written

    def drawing(self) -> Drawing:
        """The whole picture."""
        theme = self.look.theme
        title = f"Computation graph of {self.reader.name(len(self.folding.home) - 1) or 'a Value'}"
        line = {"color": theme.line, "penwidth": f"{theme.width:g}", "fontname": "Helvetica"}
        drawing = Drawing(
            "".join(c for c in title if c not in '"\\&'),  # shown as the title of an SVG
            filename="graph.gv",
            graph_attr={"rankdir": self.look.direction, "bgcolor": theme.background, "pad": "0.15", "nodesep": "0.18"}
            | {"ranksep": self._room(), "fontname": "Helvetica", "fontsize": "12", "fontcolor": theme.muted},
            node_attr=line | {"fontsize": "11", "shape": "box", "margin": "0.04", "height": "0", "width": "0"},
            edge_attr=line | {"arrowsize": "0.6", "fontsize": "10", "fontcolor": theme.muted},
        )
        if self.is_straight:
            drawing.attr("graph", splines="line")
        if self.rows:  # or the second search for fewer crossings would turn the rows around
            drawing.attr("graph", remincross="false")
        self._add_units(drawing)
        counted = sum(1 for arrow in self.arrows.values() if not arrow.uses and len(arrow.values) > 1)
        for (start, end), arrow in self.arrows.items():
            if arrow.uses:
                for place, which in arrow.uses:
                    drawing.edge(f"n{start}", f"n{end}", **self._line(arrow), **self._notes(place, which))
            else:
                count = counted <= _MOST_COUNTS and not self.is_straight and len(arrow.values) > 1
                label = {"label": f" {len(arrow.values):,} "} if count else {}
                leave, arrive = _SIDES[self.look.direction]
                drawing.edge(f"n{start}", f"n{end}", **self._line(arrow), **label, tailport=leave, headport=arrive)
        return drawing

    def _room(self) -> str:
        """The space between ranks: long rows need some for the arrows that cross between them."""
        longest = max((len(row) for rows in self.rows.values() for row in rows), default=1)
        return f"{min(1.6, 0.3 + 0.1 * longest):.2g}"

    def _add_units(self, drawing: Drawing) -> None:
        """All boxes, each in the clusters of its groups."""
        units: dict[Path, list[int]] = {(): []}
        for unit in self.folding.units():
            box = self.folding.boxes.get(unit)
            path = box.path if box else self.reader.paths[unit]
            for level in range(len(path)):
                units.setdefault(path[: level + 1], [])
            units[path].append(unit)
        inner: dict[Path, list[tuple[int, Path]]] = {}
        for number, path in enumerate(units):
            if path:
                inner.setdefault(path[:-1], []).append((number, path))
        self._add_group(drawing, (), units, inner)

    def _add_group(
        self,
        graph: graphviz.Digraph,
        path: Path,
        units: dict[Path, list[int]],
        inner: dict[Path, list[tuple[int, Path]]],
    ) -> None:
        """The boxes of a group, and the groups inside it as clusters, each with its number."""
        for unit in units[path]:
            self._add_unit(graph, unit)
        self._add_rows(graph, path)
        for number, below in inner.get(path, ()):
            with graph.subgraph(name=f"cluster_{number}") as cluster:
                cluster.attr(**self._frame(below))
                self._add_group(cluster, below, units, inner)

    def _add_rows(self, graph: graphviz.Digraph, path: Path) -> None:
        """Unseen arrows that keep rows in order; dot counts from below where it draws from left to right."""
        upright = self.look.direction in ("TB", "BT")
        for row in self.rows.get(path, ()):
            with graph.subgraph(graph_attr={"rank": "same"}, edge_attr={"style": "invis"}) as same:
                for one, other in pairwise(row if upright else row[::-1]):
                    same.edge(f"n{one}", f"n{other}")

    def _frame(self, path: Path) -> dict[str, str]:
        """The look of the cluster around a group."""
        theme = self.look.theme
        return {
            "label": graphviz.nohtml(as_text(title_of(path[-1], self.reader.top))),
            "style": "rounded,filled",
            "fillcolor": theme.clusters[len(path) % 2],
            "color": theme.line if theme.dashed_negative else theme.faded,
            "penwidth": f"{theme.width:g}",
            "labeljust": "l",
            "margin": "8",
        }

    def _add_unit(self, graph: graphviz.Digraph, unit: int) -> None:
        theme, picked = self.look.theme, self.look.picked
        box = self.folding.boxes.get(unit)
        faded = picked is not None and picked.isdisjoint(box.members if box else [unit])
        attributes = self._outline(unit)
        if faded:
            attributes |= {"fillcolor": theme.background, "color": theme.faded}
        elif picked is not None:
            attributes |= {"color": theme.picked, "penwidth": f"{theme.width + 0.9:g}"}
        content = self.reader.box(box, self.leaving.get(unit, set())) if box else self.reader.node(unit)
        label = content_as_html(content, theme, upright=self.look.direction in ("TB", "BT"), faded=faded)
        tooltip = content.title if box else self.reader.in_full(unit)
        graph.node(f"n{unit}", label, tooltip=graphviz.nohtml(as_tooltip(tooltip)), **attributes)

    def _outline(self, unit: int) -> dict[str, str]:
        """Fill and border: by the gradient, where one is shown."""
        theme, node, is_box = self.look.theme, self.shown(unit), unit in self.folding.boxes
        attributes = {"style": "rounded,filled", "fillcolor": theme.folded}
        if not is_box and self.reader.wires.is_constant(unit):
            return {"style": "rounded", "penwidth": "0", "fontsize": "10"}
        if node is not None:
            attributes["fillcolor"] = theme.fill(node.grad, self.largest)
            if theme.dashed_negative and node.grad < 0.0:
                attributes["style"] += ",dashed"
        return attributes | ({"peripheries": "2"} if is_box else {})

    def _line(self, arrow: Arrow) -> dict[str, str]:
        """Colour and width of an arrow: thicker, the more values it stands for."""
        theme = self.look.theme
        step = 0.1 if self.is_straight else 0.4
        width = theme.width + (0.0 if arrow.uses else step * math.log2(len(arrow.values)))
        if self.look.picked is None:
            return {"penwidth": f"{width:.3g}"} if width > theme.width else {}
        if arrow.picked:
            return {"color": theme.picked, "fontcolor": theme.picked, "penwidth": f"{width + 0.9:.3g}"}
        return {"color": theme.faded, "fontcolor": theme.faded_text, "penwidth": f"{width:.3g}"}

    def _notes(self, place: int, which: int) -> dict[str, str]:
        """What is written along an arrow between two nodes: the local derivative, and the operand's part."""
        wires = self.reader.wires
        node = wires.nodes[place]
        notes = {}
        if self.look.derivatives:
            notes["label"] = f" {self.reader.number(node.local_derivatives[which])} "
        roles = _ROLES.get(node.op, ())
        role = roles[which] if len(roles) == len(wires.operands[place]) else ""
        if role and not any(wires.written_in[operand] for operand in wires.operands[place]):
            notes["headlabel"] = f" {role} "
        return notes

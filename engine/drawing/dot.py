"""A folded graph written in the DOT language. Names come from strangers, and are escaped."""

import html
import math
from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, zip_longest
from typing import Any

import graphviz

from engine.drawing.digraph import Drawing
from engine.drawing.flat_graph import Scopes
from engine.drawing.folding import Folding
from engine.drawing.module_scopes import scope_title
from engine.drawing.node_contents import Content, NodeContents
from engine.drawing.themes import Theme, largest_size
from engine.special import times
from engine.validation import plain_label

# where arrows leave and arrive, by direction: in the middle of a side, away from the rounded corners
_SIDES = {"LR": ("e", "w"), "RL": ("w", "e"), "TB": ("s", "n"), "BT": ("n", "s")}
_UPRIGHT = ("TB", "BT")
_MOST_COUNTS = 40  # numbers beside arrows; more than that cover the picture
_MOST_OUTPUTS = 4  # of a function that show their numbers
_MOST_LEAVES, _LONGEST_LEAVES = 6, 60  # that a picture's description names, and their characters
_MOST_LINES = 60  # of a picture as text


@dataclass(frozen=True)
class DotWriter:
    """Writes a folded graph as a ``Drawing``; where nodes are *highlighted*, all others are faded."""

    contents: NodeContents
    folding: Folding
    theme: Theme
    direction: str
    derivatives: bool
    highlighted: Set[int]

    @cached_property
    def arrows(self) -> dict[tuple[int, int], set[int]]:
        """The arrows, by the units at their two ends: all nodes of the one unit that the other one uses."""
        unit_of = self.folding.unit_of
        arrows: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        for index, operands in enumerate(self.contents.graph.operands):
            for operand in operands:
                if unit_of[operand] != unit_of[index]:
                    arrows[unit_of[operand], unit_of[index]].add(operand)
        return arrows

    @cached_property
    def outputs(self) -> dict[int, set[int]]:
        """The nodes of each unit that others use; the root is one, too."""
        unit_of = self.folding.unit_of
        outputs = defaultdict(set, {unit_of[-1]: {len(unit_of) - 1}})
        for (start, _), sources in self.arrows.items():
            outputs[start] |= sources
        return outputs

    @cached_property
    def shown(self) -> dict[int, list[int]]:
        """The nodes whose numbers each unit shows: the node itself, the only output of a box, few of a function."""
        calls = {unit for unit, box in self.folding.boxes.items() if box.kind == "call"}
        most = {unit: _MOST_OUTPUTS if unit in calls else 1 for unit in self.outputs}
        return {unit: sorted(used) if len(used) <= most[unit] else [] for unit, used in self.outputs.items()}

    @cached_property
    def folded_derivatives(self) -> dict[int, dict[int, float]]:
        """For each box with one output its derivatives, with respect to the members and to what goes into the box."""
        operands, nodes = self.contents.graph.operands, self.contents.graph.nodes
        found: dict[int, dict[int, float]] = {}
        for unit, box in self.folding.boxes.items():
            if len(self.outputs[unit]) == 1:
                derivatives = defaultdict(float, dict.fromkeys(self.outputs[unit], 1.0))
                for index in sorted(box.members, reverse=True):
                    for operand, slope in zip(operands[index], nodes[index].local_derivatives):
                        derivatives[operand] += times(derivatives[index], slope)
                found[unit] = derivatives
        return found

    @cached_property
    def rows(self) -> list[list[int]]:
        """Folded scopes side by side, fed by the same units: they are drawn in their order, neuron 0 first."""
        fed_by: defaultdict[int, set[int]] = defaultdict(set)
        for start, end in self.arrows:
            fed_by[end].add(start)
        alike: defaultdict[tuple[Scopes, frozenset[int]], list[int]] = defaultdict(list)
        for unit, box in self.folding.boxes.items():
            if box.scopes and box.kind == "scope":
                alike[box.scopes, frozenset(fed_by[unit])].append(unit)
        return [row for row in alike.values() if len(row) > 1]

    @cached_property
    def is_straight(self) -> bool:
        """Whether the picture is one of whole neurons, with straight lines between them."""
        scopes, boxes = self.contents.graph.scopes, self.folding.boxes
        return bool(self.rows) and not any(scopes[unit] for unit in self.folding.units() if unit not in boxes)

    @cached_property
    def shown_gradients(self) -> list[float]:
        return [self.contents.gradients[index] for shown in self.shown.values() for index in shown]

    @cached_property
    def largest_gradient(self) -> float:
        return largest_size(self.shown_gradients)

    @cached_property
    def description(self) -> str:
        graph, contents = self.contents.graph, self.contents
        n_nodes = len(graph.nodes)
        name, number = contents.name(n_nodes - 1), contents.format(graph.nodes[-1].data)
        root = f"{name} = {number}" if name else number  # a constant has no name
        found = [index for index, operands in enumerate(graph.operands[:-1]) if not operands]
        found.sort(key=lambda index: bool(graph.scopes[index]))  # inputs before parameters
        leaves = [name for name in map(self._full_name, found) if name]
        named = leaves[:_MOST_LEAVES]
        while len(named) > 1 and len(", ".join(named)) > _LONGEST_LEAVES:
            named.pop()
        rest = f" and {len(leaves) - len(named):,} more" if len(leaves) > len(named) else ""
        made_of = f", computed from {', '.join(named)}{rest}" if leaves else ""
        return f"computation graph of {root}: {n_nodes:,} node{'s' if n_nodes > 1 else ''}{made_of}"

    @cached_property
    def outline(self) -> str:
        """The picture as a table: a line for each box, with what it is made of, its number and its gradient."""
        units = [unit for unit in self.folding.units() if self._full_name(unit) or unit in self.folding.boxes]
        rows = [self._outline_row(unit) for unit in units[-_MOST_LINES:]]
        widths = [max(map(len, cells)) for cells in zip_longest(*rows, fillvalue="")]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        left_out = [f"... {len(units) - len(rows):,} more"] if len(units) > len(rows) else []
        return "\n".join([self.description, *left_out, *lines])

    def _outline_row(self, unit: int) -> tuple[str, ...]:
        contents, box = self.contents, self.folding.boxes.get(unit)
        content = contents.describe_box(box, self.shown.get(unit, [])) if box else contents.describe_node(unit)
        graph = contents.graph
        sources = [operand for operand in graph.operands[unit] if not graph.inlined[operand]]
        if box:
            sources = sorted({node for (_, end), nodes in self.arrows.items() if end == unit for node in nodes})
        names = [self._full_name(node) or contents.format(graph.nodes[node].data) for node in sources]
        rest = ", ..." if len(names) > _MOST_LEAVES else ""
        of = f" of {', '.join(names[:_MOST_LEAVES])}{rest}" if names else ""
        name = content.title if box else self._full_name(unit)
        return name, f"{content.operation}{of}", *(f"{row.word} {row.number}" for row in content.rows)

    def _full_name(self, index: int) -> str:
        return plain_label(self.contents.all_names[index])

    def write(self) -> Drawing:
        drawing = self._new_drawing()
        self._add_units(drawing, (), self.folding.units())
        operands, unit_of, highlighted = self.contents.graph.operands, self.folding.unit_of, self.highlighted
        steps = [(operand, index) for index in highlighted for operand in highlighted & {*operands[index]}]
        picked = {(unit_of[operand], unit_of[index]) for operand, index in steps}
        counted = [ends for ends, sources in self.arrows.items() if len(sources) > 1]
        has_counts = len(counted) <= _MOST_COUNTS and not self.is_straight
        tail, head = _SIDES[self.direction]
        for ends, sources in self.arrows.items():
            line = self._line(len(sources), ends in picked)
            for words in self._words(*ends, sources, has_counts):
                label = {"label": f" {_escape_plain(words)} "} if words else {}
                drawing.edge(f"n{ends[0]}", f"n{ends[1]}", tailport=tail, headport=head, **line, **label)
        drawing.description, drawing.outline = self.description, self.outline
        return drawing

    def _words(self, start: int, end: int, sources: Set[int], has_counts: bool) -> list[str]:
        """What is written beside each arrow between two units; a node that is an operand twice has two arrows."""
        slopes = self.contents.graph.nodes[end].local_derivatives
        uses = [number for number, operand in enumerate(self.contents.graph.operands[end]) if operand in sources]
        if self.folding.boxes.keys().isdisjoint((start, end)):
            return [self._factor(slopes[number]) for number in uses]
        words = [", ".join(map(self.contents.name, sorted(sources)))] if len(self.shown[start]) > 1 else []
        if len(sources) > 1:
            return words or [f"{len(sources):,}" if has_counts else ""]
        if end not in self.folding.boxes:
            words.append(self._factor(sum(slopes[number] for number in uses)))
        elif self.derivatives and end in self.folded_derivatives:
            words += [self._factor(self.folded_derivatives[end][source]) for source in sources]
        return [" ".join(filter(None, words))]

    def _new_drawing(self) -> Drawing:
        theme = self.theme
        title = f"Computation graph of {self.contents.name(len(self.folding.unit_of) - 1)}"
        longest_row = max(map(len, self.rows), default=1)
        least = 0.6 if self.derivatives else 0.4  # or numbers beside two arrows stand on each other
        room = f"{min(1.6, max(least, 0.3 + 0.1 * longest_row)):.2g}"  # long rows have many arrows that cross
        line = {"color": theme.line, "penwidth": f"{theme.width:g}", "fontname": "Helvetica"}
        drawing = Drawing(
            "".join(c for c in title if c not in '"\\&'),  # shown as the title of an SVG
            filename="graph.gv",
            graph_attr={"rankdir": self.direction, "bgcolor": theme.background, "pad": "0.15", "nodesep": "0.18"}
            | {"ranksep": room, "fontname": "Helvetica", "fontsize": "12", "fontcolor": theme.muted},
            node_attr=line | {"fontsize": "11", "shape": "box", "margin": "0.06", "height": "0", "width": "0"},
            edge_attr=line | {"arrowsize": "0.6", "fontsize": "10", "fontcolor": theme.muted},
        )
        if self.is_straight:
            drawing.attr("graph", splines="line")
        if self.rows:  # or the second search for fewer crossings would reorder the rows
            drawing.attr("graph", remincross="false")
        return drawing

    def _add_units(self, graph: graphviz.Digraph, scopes: Scopes, units: list[int]) -> None:
        """Add the units in *scopes*: those directly in them, invisible arrows that keep rows in order, and clusters."""
        clusters: defaultdict[Scopes, list[int]] = defaultdict(list)
        for unit in units:
            box = self.folding.boxes.get(unit)
            path = box.scopes if box else self.contents.graph.scopes[unit]
            if path == scopes:
                self._add_unit(graph, unit)
            else:
                clusters[path[: len(scopes) + 1]].append(unit)
        for row in self.rows:
            if self.folding.boxes[row[0]].scopes == scopes:
                upwards = row if self.direction in _UPRIGHT else row[::-1]  # from left to right, dot counts up
                with graph.subgraph(graph_attr={"rank": "same"}, edge_attr={"style": "invis"}) as same:
                    for start, end in pairwise(upwards):
                        same.edge(f"n{start}", f"n{end}")
        for inner, members in clusters.items():
            with graph.subgraph(name=f"cluster_{len(inner)}_{members[0]}") as cluster:
                cluster.attr(
                    label=_escape_plain(scope_title(inner[-1], self.contents.top)),
                    style="rounded,filled",
                    fillcolor=self.theme.clusters[len(inner) % 2],
                    color=self.theme.line,
                    penwidth=f"{self.theme.width:g}",
                    labeljust="l",
                    margin="8",
                )
                self._add_units(cluster, inner, members)

    def _add_unit(self, graph: graphviz.Digraph, unit: int) -> None:
        theme, box, shown = self.theme, self.folding.boxes.get(unit), self.shown.get(unit, [])
        is_leaf = not box and not self.contents.graph.operands[unit]
        fill, line = (theme.leaf, theme.leaf_line) if is_leaf else (theme.result, theme.result_line)
        if box and box.kind != "call":
            fill, line = theme.folded, theme.line
        attributes = {"style": "rounded,filled", "fillcolor": fill, "color": line}
        if is_leaf and self.contents.graph.is_constant(unit):
            attributes = {"style": "rounded", "penwidth": "0", "fontsize": "10"}
        elif theme.dashed_negative and any(self.contents.gradients[index] < 0.0 for index in shown):
            attributes["style"] += ",dashed"
        faded = bool(self.highlighted) and self.highlighted.isdisjoint(box.members if box else [unit])
        if faded:
            attributes |= {"fillcolor": theme.background, "color": theme.faded}
        elif self.highlighted:
            attributes |= {"color": theme.picked, "penwidth": f"{theme.width + 0.9:g}"}
        if box:
            content = self.contents.describe_box(box, shown)
            tooltip, attributes["peripheries"] = content.title or content.operation, "2"
        else:
            content, tooltip = self.contents.describe_node(unit), self.contents.describe_in_full(unit)
        escaped = graphviz.escape(_escape_plain(tooltip))  # Graphviz unescapes tooltips twice
        graph.node(f"n{unit}", self.html_label(content, faded), tooltip=escaped, **attributes)

    def html_label(self, content: Content, faded: bool = False, width: float = 0.0) -> str:
        """A table, so many points wide at least: title and operation, on a small plate; then rows and lines."""
        theme = self.theme
        text, muted = (theme.faded_text,) * 2 if faded else (theme.text, theme.muted)
        title = _font(f"<B>{_escape(content.title)}</B>", text) if content.title else ""
        rows = [f'<TD ALIGN="LEFT" COLSPAN="2">{title}</TD>'] if title else []
        if content.operation:
            ink, plate = (theme.faded_text, theme.background) if faded else (theme.operation_text, theme.operation)
            line = theme.faded if faded else theme.operation
            cell = f"<TD>{_font(_escape(content.operation), ink)}</TD>"
            chip = _table(cell, f'BORDER="1" COLOR="{line}" STYLE="ROUNDED" BGCOLOR="{plate}" CELLPADDING="2"')
            rows = [f'<TD ALIGN="LEFT">{title}</TD><TD ALIGN="RIGHT">{chip}</TD>' if title else _wide(chip)]
        for word, number, gradient in content.rows:
            key = _font(_escape(word), muted if gradient is None or faded else text)
            row = f'<TD ALIGN="LEFT">{key}</TD><TD ALIGN="RIGHT">{_font(number, text)}</TD>'
            if gradient is not None and not faded:
                tint = theme.fill(gradient, self.largest_gradient)
                row = _wide(_table(row, f'BORDER="0" STYLE="ROUNDED" BGCOLOR="{tint}" CELLPADDING="2"'), padding=0)
            rows.append(row)
        rows += [_wide(_font(_escape(line), muted)) for line in content.lines]
        rows += [f'<TD COLSPAN="2" CELLPADDING="0" HEIGHT="1" WIDTH="{width:.0f}"></TD>'] if width else []
        table = _table("</TR><TR>".join(rows), 'BORDER="0" CELLPADDING="2"')
        return f"<{table}>"

    def _line(self, n_values: int, picked: bool) -> dict[str, str]:
        """Colour and width of an arrow, thicker for more values."""
        theme = self.theme
        width = theme.width + (0.1 if self.is_straight else 0.4) * math.log2(n_values)
        if not self.highlighted:
            return {"penwidth": f"{width:.3g}"} if n_values > 1 else {}
        if picked:
            return {"color": theme.picked, "fontcolor": theme.picked, "penwidth": f"{width + 0.9:.3g}"}
        return {"color": theme.faded, "fontcolor": theme.faded_text, "penwidth": f"{width:.3g}"}

    def _factor(self, derivative: float) -> str:
        """What a gradient is multiplied by on its way back along an arrow, where that is shown."""
        return f"× {self.contents.format(derivative)}" if self.derivatives else ""


def _table(rows: str, attributes: str) -> str:
    return f'<TABLE {attributes} CELLBORDER="0" CELLSPACING="0"><TR>{rows}</TR></TABLE>'


def _wide(cell: str, padding: int = 2) -> str:
    return f'<TD COLSPAN="2" CELLPADDING="{padding}">{cell}</TD>'


def _font(text: str, colour: str) -> str:
    return f'<FONT COLOR="{colour}">{text}</FONT>'


def _escape(text: str) -> str:
    """Text on one short line for an HTML label."""
    escaped = html.escape(plain_label(text).replace("\\", "\\\\"))  # Graphviz reads one backslash as an escape
    return escaped if escaped.strip("]") else escaped.replace("]", "&#93;")  # Graphviz 2.43 draws no brackets alone


def _escape_plain(text: str) -> Any:
    """Text on one line for a plain label, which Graphviz shows as it is."""
    return graphviz.escape(plain_label(text, most=120).replace("&", "&amp;"))

"""The page: one HTML document made of the static files and the data. No text of a graph becomes code.

All numbers are text, written as they are shown. The page does no arithmetic on them.
"""

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from engine.debugging.finite_differences import CentralDifference, Verdict, central_differences
from engine.drawing.themes import largest_size, tint_strength
from engine.expressions.nodes import Number, Operation, format_number
from engine.expressions.writers import mathml, text
from engine.operations import CONSTANT
from engine.stepping.layout import Edge, Layout, shown_name
from engine.stepping.walk import Walk
from engine.steps import Contribution
from engine.validation import plain_label
from engine.value import Value

_SCRIPTS = ("walk.js", "formulas.js", "picture.js", "panel.js", "stepper.js")  # each uses those before it
_LONGEST_LABEL = 200  # characters of a label that the page can show in full
_CODE_IN_JSON = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def render_page(walk: Walk, layout: Layout, precision: int, theme: str) -> str:
    """A whole HTML document that loads nothing, and lets the browser run its own script and no other."""
    script = "\n".join(_part(name) for name in _SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    title = escape(f"Backprop from {text(walk.wording.formulas[walk.nodes[-1]])}")
    data = embed_json(_data(walk, layout, precision))
    parts = {"style": _part("stepper.css"), "script": script, "digest": digest, "walk": data}
    return Template(_part("stepper.html")).substitute(parts, title=title, theme=escape(theme))


def render_frame(page: str, height: int) -> str:
    """A page inside another one, such as a notebook."""
    return Template(_part("frame.html")).substitute(page=escape(page), height=height)


def embed_json(data: object) -> str:
    r"""Data as JSON for a ``<script type="application/json">``, which nothing in it can end.

    >>> embed_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_CODE_IN_JSON)


@cache
def _part(name: str) -> str:
    return files("engine.stepping").joinpath("static", name).read_text(encoding="utf-8")


def _data(walk: Walk, layout: Layout, precision: int) -> dict[str, Any]:
    """Everything that the scripts read. They refer to nodes and edges by index; see the functions below."""
    largest = largest_size(walk.gradients)
    nodes = []
    differences = central_differences(walk.nodes, walk.gradients)
    for node, gradient, box, difference in zip(walk.nodes, walk.gradients, layout.boxes, differences):
        fields = _node(node, walk, precision) | {"box": [round(number, 1) for number in box]}
        if node.op != CONSTANT:
            strength = tint_strength(gradient, largest)
            fields["strength"] = strength if strength is None else round(strength, 3)
            fields["check"] = _check(difference, gradient, precision)
        nodes.append(fields)
    derivatives = [derivative for node in walk.nodes for derivative in node.local_derivatives]
    edges = [_edge(edge, derivative, precision) for edge, derivative in zip(layout.edges, derivatives)]
    indices, first_edges, steps = {node: index for index, node in enumerate(walk.nodes)}, walk.first_edges(), []
    for step in walk.steps:
        given = [c for c in step.contributions if c.operand.op != CONSTANT]
        gives = [_contribution(c, first_edges[step.node], precision) for c in given]
        steps.append({"node": indices[step.node], "gives": gives})
    size = [round(layout.width, 1), round(layout.height, 1)]
    return {"size": size, "nodes": nodes, "edges": edges, "steps": steps}


def _node(node: Value, walk: Walk, precision: int) -> dict[str, Any]:
    """``name`` in the box, ``math`` in formulas, ``made``: the operation in symbols, ``data``: the number."""
    name, math = shown_name(node, walk), mathml(walk.wording.formulas[node], precision)
    fields = {"name": name, "math": math, "op": node.op, "data": format_number(node.data, precision)}
    label = plain_label(node.label, _LONGEST_LABEL)
    if label and label != name:
        fields["label"] = label
    if node.operands:
        fields["made"] = mathml(walk.wording.operation(node), precision)
    return fields


def _check(difference: CentralDifference | str, gradient: float, precision: int) -> dict[str, Any]:
    """The finite difference in its parts, with digits enough to see that the root's two numbers differ.

    ``kink`` has the slopes on both sides where they differ.
    """
    if isinstance(difference, str):
        return {"problem": plain_label(difference, _LONGEST_LABEL)}
    slopes = difference.slopes
    fields = {
        "h": f"{difference.h:.2g}",
        "above": f"{difference.above:.12g}",
        "below": f"{difference.below:.12g}",
        "quotient": format_number(difference.quotient, max(precision, 8)),
        "gradient": format_number(gradient, max(precision, 8)),
        "agrees": slopes.verdict(gradient) is Verdict.AGREES,
    }
    if slopes.is_kink:
        fields["kink"] = f"{format_number(slopes.left, precision)} and {format_number(slopes.right, precision)}"
    return fields


def _edge(edge: Edge, derivative: float, precision: int) -> dict[str, Any]:
    """The two nodes, the ``path`` in SVG's words, and the local derivative."""
    points = [f"{x:.1f},{y:.1f}" for x, y in edge.route]
    fields = {"from": edge.operand, "to": edge.node, "path": f"M{points[0]}C{' '.join(points[1:])}"}
    shift = {"shift": edge.shift} if edge.shift else {}
    return fields | shift | {"derivative": format_number(derivative, precision)}


def _contribution(contribution: Contribution, first_edge: int, precision: int) -> dict[str, Any]:
    """What a step adds to one operand's gradient: the ``amount``, the sum ``before`` and the ``total`` after it.

    ``rule`` is the gradient times the local derivative with symbols, where that is more than a number.
    """
    fields: dict[str, Any] = {"edge": first_edge + contribution.place}
    for name in ("amount", "before", "total"):
        fields[name] = format_number(getattr(contribution, name), precision)
    rule = contribution.wording.local_derivative(contribution.node, contribution.place)
    if not isinstance(rule, Number):
        fields["rule"] = mathml(Operation("*", (Number(contribution.gradient), rule)), precision)
    return fields

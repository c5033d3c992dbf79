"""The data of the page: the graph, its layout and every step. All numbers are text, written as they are shown.

The page does no arithmetic on them, so it shows what the engine computed.
"""

from __future__ import annotations

import math
from typing import Any

from engine.debugging.finite_differences import CentralDifference, Verdict, central_differences
from engine.expressions.mathml import mathml
from engine.expressions.nodes import Number, Operation, format_number
from engine.operations import CONSTANT
from engine.stepping.layout import Layout, shown_name
from engine.stepping.walk import Walk
from engine.steps import Contribution
from engine.validation import plain_label
from engine.value import Value

_LONGEST_LABEL = 200  # characters of a label that the page can show in full


def build_payload(walk: Walk, layout: Layout, precision: int) -> dict[str, Any]:
    """Everything that stepper.js reads; the functions below describe the fields.

    ``steps[k]["gives"]`` refers to edges by index; edges and steps refer to nodes by index.
    """
    indices = {node: index for index, node in enumerate(walk.nodes)}
    largest = max((abs(g) for g in walk.gradients if math.isfinite(g)), default=0.0)
    differences = central_differences(walk.nodes, walk.gradients)
    nodes = []
    for index, (node, difference) in enumerate(zip(walk.nodes, differences)):
        fields = _node(node, walk, precision)
        fields["box"] = [round(number, 1) for number in layout.boxes[index]]
        if node.op != CONSTANT:
            gradient = walk.gradients[index]
            fields["strength"] = _strength(gradient, largest)
            fields["check"] = _check(difference, gradient, precision)
        nodes.append(fields)
    edges, first_edge = _edges(walk, layout, precision)
    steps = [
        {
            "node": indices[step.node],
            "gives": [
                _contribution(contribution, first_edge[step.node], precision)
                for contribution in step.contributions
                if contribution.operand.op != CONSTANT
            ],
        }
        for step in walk.steps
    ]
    size = [round(layout.width, 1), round(layout.height, 1)]
    return {"size": size, "nodes": nodes, "edges": edges, "steps": steps}


def _node(node: Value, walk: Walk, precision: int) -> dict[str, Any]:
    """``name`` in the box, ``math`` in formulas, ``made``: the operation in symbols, ``data``: the number."""
    formulas = walk.wording.formulas
    fields: dict[str, Any] = {
        "name": shown_name(node, walk),
        "math": mathml(formulas[node], precision),
        "op": node.op,
        "data": format_number(node.data, precision),
    }
    label = plain_label(node.label, _LONGEST_LABEL)
    if label and label != fields["name"]:
        fields["label"] = label
    if node.operands:
        fields["made"] = mathml(walk.wording.operation(node), precision)
    return fields


def _strength(gradient: float, largest: float) -> float | None:
    """How strongly a gradient is coloured, from -1 to 1, as ``engine.draw`` does it; None where it is no finite number.

    The square root keeps small gradients visible: a hundredth of the largest has a tenth of its colour.
    """
    if not math.isfinite(gradient):
        return None
    return round(math.copysign(math.sqrt(abs(gradient) / largest), gradient), 3) if largest else 0.0


def _check(difference: CentralDifference | str, gradient: float, precision: int) -> dict[str, Any]:
    """The finite difference in its parts, with digits enough to see that the root's two numbers differ.

    ``kink`` has the slopes on both sides where they differ.
    """
    if isinstance(difference, str):
        return {"problem": plain_label(difference, _LONGEST_LABEL)}
    fields = {
        "h": f"{difference.h:.2g}",
        "above": f"{difference.above:.12g}",
        "below": f"{difference.below:.12g}",
        "quotient": format_number(difference.quotient, max(precision, 8)),
        "gradient": format_number(gradient, max(precision, 8)),
        "agrees": difference.slopes.verdict(gradient) is Verdict.AGREES,
    }
    if difference.slopes.is_kink:
        sides = (difference.slopes.left, difference.slopes.right)
        fields["kink"] = " and ".join(format_number(slope, precision) for slope in sides)
    return fields


def _edges(walk: Walk, layout: Layout, precision: int) -> tuple[list[dict[str, Any]], dict[Value, int]]:
    """All edges with their local derivatives, and which is the first one of each node."""
    edges: list[dict[str, Any]] = []
    first: dict[Value, int] = {}
    for node in walk.nodes:
        first[node] = len(edges)
        for derivative in node.local_derivatives:
            edge = layout.edges[len(edges)]
            fields: dict[str, Any] = {"from": edge.operand, "to": edge.node, "path": _path(edge.route)}
            if shift := layout.shift(len(edges)):
                fields["shift"] = shift
            edges.append(fields | {"derivative": format_number(derivative, precision)})
    return edges, first


def _contribution(contribution: Contribution, first_edge: int, precision: int) -> dict[str, Any]:
    """What a step adds to one operand's gradient: the ``amount``, the sum ``before`` and the ``total`` after it.

    ``rule`` is the gradient times the local derivative with symbols, where that is more than a number.
    """
    fields: dict[str, Any] = {"edge": first_edge + contribution.place}
    for name in ("amount", "before", "total"):
        fields[name] = format_number(getattr(contribution, name), precision)
    rule = contribution.wording.local_derivative(contribution.node, contribution.place)
    if not isinstance(rule, Number):
        product = Operation("*", (Number(contribution.gradient), rule))
        fields["rule"] = mathml(product, precision)
    return fields


def _path(route: list[tuple[float, float]]) -> str:
    """A chain of Bezier curves in SVG's words."""
    points = [f"{x:.1f},{y:.1f}" for x, y in route]
    return f"M{points[0]}C{' '.join(points[1:])}"

"""The data of the page: the graph, its layout and every step. All numbers are text, written as they are shown.

The page does no arithmetic on them, so it shows what the engine computed.
"""

from __future__ import annotations

from typing import Any

from engine.debugging.finite_differences import CentralDifference, Verdict, central_differences
from engine.drawing.themes import largest_size, tint_strength
from engine.expressions.nodes import Number, Operation, format_number
from engine.expressions.writers import mathml
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
    largest = largest_size(walk.gradients)
    differences = central_differences(walk.nodes, walk.gradients)
    nodes = []
    for node, gradient, box, difference in zip(walk.nodes, walk.gradients, layout.boxes, differences):
        fields = _node(node, walk, precision)
        fields["box"] = [round(number, 1) for number in box]
        if node.op != CONSTANT:
            strength = tint_strength(gradient, largest)
            fields["strength"] = strength if strength is None else round(strength, 3)
            fields["check"] = _check(difference, gradient, precision)
        nodes.append(fields)
    indices, first_edges = {node: index for index, node in enumerate(walk.nodes)}, layout.first_edges()
    steps = []
    for step in walk.steps:
        index = indices[step.node]
        gives = [
            _contribution(c, first_edges[index], precision) for c in step.contributions if c.operand.op != CONSTANT
        ]
        steps.append({"node": index, "gives": gives})
    size = [round(layout.width, 1), round(layout.height, 1)]
    return {"size": size, "nodes": nodes, "edges": _edges(walk, layout, precision), "steps": steps}


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


def _edges(walk: Walk, layout: Layout, precision: int) -> list[dict[str, Any]]:
    """All edges with their local derivatives."""
    derivatives = [derivative for node in walk.nodes for derivative in node.local_derivatives]
    edges = []
    for index, (edge, derivative) in enumerate(zip(layout.edges, derivatives)):
        fields: dict[str, Any] = {"from": edge.operand, "to": edge.node, "path": _path(edge.route)}
        if shift := layout.shift(index):
            fields["shift"] = shift
        edges.append(fields | {"derivative": format_number(derivative, precision)})
    return edges


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

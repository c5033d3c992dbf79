"""A graph of Values as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.debugging.staleness import check_fresh
from engine.drawing.arguments import checked_groups, checked_number, checked_one_of
from engine.drawing.digraph import Drawing, written
from engine.drawing.dot import Look, Sketch
from engine.drawing.flat_graph import wires_of
from engine.drawing.folding import folded
from engine.drawing.highlight import places_between
from engine.drawing.module_scopes import parameter_paths, paths_of
from engine.drawing.node_contents import Reader
from engine.drawing.themes import THEMES
from engine.expressions.names import caller_names
from engine.validation import plain_label as shortened_label
from engine.value import Value

__all__ = ["Drawing", "draw", "shortened_label", "written"]


def draw(
    root: Value,
    *,
    names: object = None,
    direction: str = "LR",
    precision: int = 4,
    theme: str = "light",
    derivatives: bool = False,
    between: tuple[Value, Value] | None = None,
    depth: int | None = None,
    unfold: Any = (),
    most: int = 150,
    timeout: float = 20.0,
) -> Drawing:
    """The graph under *root* as a picture: a box for each Value, with its name, its operation, data and gradient.

    Positive gradients are blue and negative ones orange, the stronger the larger they are beside the largest in the
    picture. A plain number is written into the operation that takes it. A graph is never too large to draw: the neurons
    and layers of a network, its inputs, and what is far from *root*, fold into boxes that say what they hold.

    Args:
        root: the Value that all arrows lead to.
        names: names for Values without a label, and the networks whose parameters make neurons and layers: ``locals()``
            or another mapping, or a network (see ``engine.expressions.names.caller_names``).
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom, or ``"RL"``, ``"BT"``.
        precision: how many significant digits the numbers show, 1 to 17.
        theme: ``"light"``, ``"dark"``, or ``"print"``: thin lines and grey, negative gradients with dashed borders.
        derivatives: write the local derivative of each operation beside the arrow from each operand.
        between: two Values, such as ``(w, loss)``: the paths from the first to the second, along which the chain rule
            multiplies, stand out, and all else is faded.
        depth: the level from which groups are folded: 0 folds each network into a box, 1 its layers, 2 its neurons;
            None takes the deepest level that can be read.
        unfold: groups to show all the same: a name such as ``"model.layers.0.neurons.3"``, the neuron or layer itself,
            or several of them.
        most: the most boxes in the picture, at least 3; beyond that, what is far from *root* is folded.
        timeout: seconds after which Graphviz is stopped, with a TimeoutError.

    Returns:
        A ``graphviz.Digraph``, which shows itself in Jupyter; ``.render("graph", format="png")`` writes a file. The box
        ``n5`` in its source is node 5 of ``topological_order(root)``, or a folded box whose first node that is.

    Raises:
        ValueError: an argument is out of range, no path leads between the two Values, a group is unknown, or ``data``
            was changed after the graph was computed (``root.refresh()`` computes it again).
        TypeError: *root* is not a Value, or another argument is of a wrong kind.

    >>> x, y = Value(2.0), Value(-3.0)
    >>> drawing = draw(x * y + 1, names={"x": x, "y": y}, theme="dark")
    >>> drawing.source.count("->")
    3
    """
    checked_one_of("direction", direction, ("LR", "TB", "RL", "BT"))
    checked_one_of("theme", theme, tuple(THEMES))
    checked_number("precision", precision, 1, 17)
    checked_number("most", most, 3)
    checked_number("depth", 0 if depth is None else depth, 0)
    checked_number("timeout", timeout, above=0.0)
    named = caller_names(names)
    wires = wires_of(root, named)
    check_fresh(root)
    parameters = parameter_paths(names)
    paths = paths_of(wires, parameters)
    picked = None if between is None else frozenset(places_between(wires, between))
    folding = folded(wires, paths, depth, checked_groups(unfold, parameters), most, picked or ())
    top = "" if isinstance(names, Mapping) else type(names).__name__
    reader = Reader(wires, paths, named, precision, top)
    drawing = Sketch(reader, folding, Look(THEMES[theme], direction, bool(derivatives), picked)).drawing()
    drawing.timeout = float(timeout)
    return drawing

"""``draw``: a graph of Values as a picture."""

from collections.abc import Mapping
from typing import Any

from engine.debugging.staleness import check_fresh
from engine.drawing.digraph import Drawing, check_width
from engine.drawing.dot import DotWriter
from engine.drawing.flat_graph import find_between, flatten
from engine.drawing.folding import fold_graph
from engine.drawing.function_calls import find_calls
from engine.drawing.module_scopes import assign_scopes, find_parameter_scopes, find_unfolded
from engine.drawing.node_contents import NodeContents
from engine.drawing.themes import check_look, dark_rules
from engine.expressions.names import activations_among, caller_names
from engine.validation import check_flag, check_int, check_seconds
from engine.value import Value

__all__ = ["Drawing", "draw"]


def draw(
    root: Value,
    *,
    names: object = None,
    direction: str = "LR",
    precision: int = 4,
    theme: str = "auto",
    derivatives: bool = False,
    between: tuple[Value, Value] | None = None,
    depth: int | None = None,
    unfold: Any = (),
    most: int = 150,
    width: int | None = None,
    timeout: float = 20.0,
) -> Drawing:
    """Draw the graph under *root*: a box with name, data and gradient for each Value.

    Positive gradients are blue and negative ones orange, stronger for larger ones. Names are those of ``stepper``. A
    gradient that is only what rounding left of parts that cancel is 0. No graph is too large to draw: softmax,
    logsumexp, a mean or dot product of many terms, the neurons and layers of a network, its inputs, and what is far
    from *root* fold into boxes that say what they hold.

    Args:
        root: the Value that all arrows lead to.
        names: names for Values without a label, and the networks whose neurons and layers fold: ``locals()`` or another
            mapping, or a network (see ``engine.expressions.names.caller_names``).
        direction: ``"LR"`` from left to right, ``"TB"`` from top to bottom, or ``"RL"``, ``"BT"``.
        precision: how many significant digits the numbers show, 1 to 17.
        theme: ``"light"``, ``"dark"``, or ``"auto"``: light, and in Jupyter and an .svg dark where the reader's page or
            system is; or ``"print"``: thin lines and grey, negative gradients with dashed borders.
        derivatives: write the local derivative of each operation beside the arrow from each operand; beside one into a
            folded box with one output that output's derivative, along all that is folded. Boxes with several have none.
        between: two Values, such as ``(w, loss)``: the paths from the first to the second stand out.
        depth: 0 folds each network into a box, 1 its layers, 2 its neurons; None all down to a level that can be read.
        unfold: groups to show all the same: names such as ``"model.layers.0"``, or the neurons or layers themselves;
            functions such as ``"softmax"``, or a Value that one returned.
        most: the most boxes in the picture, at least 3; beyond that, what is far from *root* is folded.
        width: pixels of the picture in Jupyter and in files; None for as many as it needs, and in Jupyter the width of
            the cell if that may be less.
        timeout: seconds after which Graphviz is stopped, with a TimeoutError; at most 1e6.

    Returns:
        A ``graphviz.Digraph``, which shows itself in Jupyter; ``save("graph.png")`` writes a file. The box ``n5`` in
        its source is node 5 of ``topological_order(root)``, or a folded box whose first node that is.

    Raises:
        ValueError: an argument is out of range, no path leads between the two Values, a group is unknown, or ``data``
            was changed after the graph was computed (``root.refresh()`` computes it again).
        TypeError: *root* is not a Value, or another argument is of a wrong kind.

    >>> x, y = Value(2.0), Value(-3.0)
    >>> drawing = draw(x * y + 1, names={"x": x, "y": y}, theme="dark")
    >>> drawing.source.count("->")
    3
    """
    colours = check_look(direction, theme)
    check_int("precision", precision, 1, 17)
    check_int("most", most, 3)
    check_int("depth", 0 if depth is None else depth, 0)
    check_width(width)
    derivatives = check_flag("derivatives", derivatives)
    check_seconds("timeout", timeout)
    called = caller_names(names)
    graph = flatten(root, called)
    check_fresh(root)
    parameters = find_parameter_scopes(names)
    graph.scopes = assign_scopes(graph, parameters, activations_among(names))
    highlighted = set() if between is None else find_between(graph, between)
    calls = find_calls(graph)
    results = {graph.nodes[output] for call in calls for output in call.outputs}
    unfolded = find_unfolded(unfold, parameters, results)
    calls = [call for call in calls if unfolded.isdisjoint([call.function, *(graph.nodes[i] for i in call.outputs)])]
    folding = fold_graph(graph, depth, unfolded, most, highlighted, calls)
    top = "" if isinstance(names, Mapping) else type(names).__name__
    contents = NodeContents(graph, called, precision, top)
    writer = DotWriter(contents, folding, colours, direction, derivatives, highlighted)
    drawing = writer.write()
    if theme == "auto":
        drawing.style = dark_rules(writer.shown_gradients, writer.largest_gradient)
    drawing.width, drawing.timeout = width, float(timeout)
    return drawing

"""What to call the nodes of a graph: their labels, the caller's variables, parameters of networks, or a number."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from engine.expressions.nodes import Formula, Name, Number, text
from engine.node import topological_order
from engine.operations import CONSTANT
from engine.validation import shortened
from engine.value import Value

_MOST_LOOKED_INTO = 1_000_000  # things in the caller's variables


def caller_names(names: object) -> dict[Value, str]:
    """The names that the caller has for Values.

    Args:
        names: variables by name, such as ``locals()``: Values, lists, tuples and dicts of them (``w[0]``), and objects
            with ``named_parameters()`` such as networks (``model.layers.0.neurons.3.w.5``); or one such object alone,
            for names without its own in front; or None, for no names. Names that begin with ``_`` are left out.

    Raises:
        TypeError: *names* is none of that.

    >>> x, w = Value(1.0), [Value(2.0), Value(3.0)]
    >>> list(caller_names({"x": x, "w": w}).values())
    ['x', 'w[0]', 'w[1]']
    """
    found: dict[Value, str] = {}
    if names is None:
        return found
    if not isinstance(names, Mapping):
        if not _has_parameters(names):
            raise TypeError(
                "names: variables by name, such as locals(), or a network with named_parameters() is wanted, "
                f"not {type(names).__name__} {shortened(names)}"
            )
        return {parameter: name for name, parameter in names.named_parameters()}  # type: ignore[attr-defined]
    notebook = ("In", "Out") if "_ih" in names else ()  # Jupyter's own lists of everything
    own = [(n, thing) for n, thing in names.items() if isinstance(n, str) and n[:1] != "_" and n not in notebook]
    waiting = deque(own)
    met: set[int] = set()
    while waiting and len(met) < _MOST_LOOKED_INTO:
        name, thing = waiting.popleft()  # what is near comes first, so that a variable goes before a place in a list
        if isinstance(thing, Value):
            found.setdefault(thing, name)
        elif id(thing) not in met:
            met.add(id(thing))
            waiting.extend(_inside(name, thing))
    return found


def _has_parameters(thing: object) -> bool:
    return callable(getattr(thing, "named_parameters", None)) and not isinstance(thing, type)


def _inside(name: str, thing: Any) -> Iterable[tuple[str, Any]]:
    """The named things inside another."""
    if isinstance(thing, (list, tuple)):
        return _elements(name, thing)
    if isinstance(thing, dict):
        return ((f"{name}[{key!r}]", inner) for key, inner in thing.items() if isinstance(key, (str, int)))
    if getattr(getattr(thing, "dtype", None), "kind", "") == "O" and hasattr(thing, "tolist"):
        return _inside(name, thing.tolist()) if getattr(thing, "shape", ()) else ()
    if type(thing).__module__ != "torch" and _has_parameters(thing):
        return ((f"{name}.{parameter}", p) for parameter, p in thing.named_parameters())
    return ()


def _elements(name: str, things: list[Any] | tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for place, inner in enumerate(things):
        if isinstance(inner, (Value, list, tuple, dict)) or _has_parameters(inner):
            yield f"{name}[{place}]", inner


def node_names(root: Value, names: object = None) -> dict[Value, str]:
    """What to call each node under *root*, in topological order.

    That is its label; or the caller's name for it (see ``caller_names``); or its number where it is a plain one; or
    ``v1``, ``v2`` and so on. A root without a name is ``L``, if nothing else is.

    >>> x = Value(2.0, label="x")
    >>> list(node_names((x * 3 + 1).tanh()).values())
    ['x', '3', 'v1', '1', 'v2', 'L']
    """
    return {node: text(formula) for node, formula in node_formulas(root, names).items()}


def node_formulas(root: Value, names: object = None) -> dict[Value, Formula]:
    """The same as formulas, for ``text``, ``latex`` and ``mathml``."""
    callers = caller_names(names)
    order = topological_order(root)
    taken = {node.label or callers.get(node, "") for node in order}
    free = (name for name in map("v{}".format, count(1)) if name not in taken)
    formulas: dict[Value, Formula] = {}
    for node in order:
        name = node.label or callers.get(node, "")
        if not name and node.op == CONSTANT:
            formulas[node] = Number(node.data)
        elif not name and node is root and "L" not in taken:
            formulas[node] = Name("L")
        else:
            formulas[node] = Name(name or next(free))
    return formulas

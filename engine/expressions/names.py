"""What to call the nodes of a graph: their labels, the caller's variables, parameters of networks, or a number."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from heapq import heappop, heappush
from itertools import compress, count
from typing import Any

from engine.expressions.nodes import Formula, Name, Number
from engine.node import topological_order
from engine.operations import CONSTANT
from engine.validation import described
from engine.value import Value

_EFFORT = 2_000_000  # elements whose type is looked at, and a few more for each container and letter of its name
_EFFORT_OF_ONE = 100  # for opening a container
_LARGE = 10_000  # elements

Children = Iterable[tuple[str, Any]]


def caller_names(names: object) -> dict[Value, str]:
    """The names that the caller has for Values; a TypeError if *names* are none.

    *names* are variables by name, such as ``locals()``: Values, lists, tuples and dicts of them (``w[0]``), and
    networks, objects with ``named_parameters()`` (``model.layers.0.neurons.3.w.5``); or one network, for names without
    its own in front; or None. Names that begin with ``_`` are left out.

    The search goes by types alone, and asks no object for an attribute that its class does not have: so a mock or a
    proxy is passed by, and so is a container larger than what is left of the search's effort.

    >>> x, w = Value(1.0), [Value(2.0), Value(3.0)]
    >>> list(caller_names({"x": x, "w": w}).values())
    ['x', 'w[0]', 'w[1]']
    """
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        if not has_parameters(type(names)):
            raise TypeError(
                "names must be variables by name, such as locals(), or a network with named_parameters(), "
                f"got {described(names)}"
            )
        return {parameter: name for name, parameter in names.named_parameters()}  # type: ignore[attr-defined]
    notebook = ("In", "Out") if "_ih" in names else ()  # Jupyter's own lists of everything
    own = [(n, thing) for n, thing in list(names.items()) if isinstance(n, str) and n[:1] != "_" and n not in notebook]
    return _search(own)


def _search(things: Children) -> dict[Value, str]:
    """The names of all Values that are or lie in *things*, breadth first: a variable goes before a list's element."""
    found: dict[Value, str] = {}
    effort = _EFFORT
    met: dict[int, object] = {}  # by id, and held, so that no id is given to another object meanwhile
    waiting: list[tuple[bool, int, str, Any]] = []  # large ones come last, as they may take all the effort
    while True:
        with suppress(Exception):  # of a class whose attributes raise
            for name, thing in things:
                if issubclass(type(thing), Value):
                    found.setdefault(thing, name)
                elif effort > 0 and _can_hold_values(type(thing)) and id(thing) not in met:
                    effort -= _EFFORT_OF_ONE + len(name)
                    met[id(thing)] = thing
                    heappush(waiting, (_n_elements(thing) > _LARGE, len(met), name, thing))
        if not waiting:
            return found
        _, _, name, container = heappop(waiting)
        n = _n_elements(container)
        things = _children(name, container) if n <= effort else ()
        effort -= n if n <= effort else 0


def has_parameters(kind: type) -> bool:
    """Whether objects of this class have ``named_parameters()``, as networks have."""
    return callable(getattr(kind, "named_parameters", None))


def parameters_of(thing: Any) -> list[tuple[str, Any]]:
    """The names and parameters of a network; nothing of another object, and nothing where it does not give them."""
    if not has_parameters(type(thing)):
        return []
    try:
        return [(str(name), parameter) for name, parameter in thing.named_parameters()]
    except Exception:  # a class of the caller's whose method is another thing
        return []


def parameters_among(names: object) -> set[Value]:
    """The parameters of the networks among a caller's variables, or of one network."""
    things = list(names.values()) if isinstance(names, Mapping) else [names]
    return {parameter for thing in things for _, parameter in parameters_of(thing) if isinstance(parameter, Value)}


def activations_among(names: object) -> dict[Value, tuple[str, ...]]:
    """The activations that the networks among a caller's variables say they apply after each of their parameters."""
    things: list[Any] = list(names.values()) if isinstance(names, Mapping) else [names]
    things += [each for thing in things if type(thing) in (list, tuple) for each in thing[:_EFFORT_OF_ONE]]
    found: dict[Value, tuple[str, ...]] = {}
    for thing in things:
        if callable(getattr(type(thing), "output_activations", None)):
            with suppress(Exception):  # as in parameters_of
                applied = thing.output_activations().items()
                found.update((p, functions) for p, functions in applied if len(functions) > len(found.get(p, ())))
    return found


def _can_hold_values(kind: type) -> bool:
    return issubclass(kind, (list, tuple, dict)) or _is_array(kind) or has_parameters(kind)


def _is_array(kind: type) -> bool:
    """Whether objects of this class are arrays, of numpy or another library; an array's own scalars are not."""
    return all(hasattr(kind, attribute) for attribute in ("dtype", "shape", "tolist", "__setitem__"))


def _n_elements(thing: Any) -> int:
    kind = type(thing)
    return next((base.__len__(thing) for base in (list, tuple, dict) if issubclass(kind, base)), 0)


def _children(name: str, thing: Any) -> Children:
    """The elements of a container that are Values or can hold some, each with its name."""
    kind = type(thing)
    if issubclass(kind, (list, tuple)):
        elements = list(thing)
        yield from ((f"{name}[{index}]", each) for index, each in _worth_a_look(enumerate(elements), elements))
    elif issubclass(kind, dict):
        items = _worth_a_look(dict.items(thing), dict.values(thing))
        yield from ((f"{name}[{key!r}]", element) for key, element in items if isinstance(key, (str, int)))
    elif not _is_array(kind):
        yield from ((f"{name}.{parameter}", value) for parameter, value in parameters_of(thing))
    elif getattr(thing.dtype, "kind", "") == "O" and thing.shape:
        yield name, thing.tolist()


def _worth_a_look(items: Iterable[tuple[Any, Any]], elements: Iterable[Any]) -> Iterable[tuple[Any, Any]]:
    """Those *items* whose elements are Values or can hold some: told by their types, in the speed of C."""
    kinds = {kind for kind in set(map(type, elements)) if issubclass(kind, Value) or _can_hold_values(kind)}
    return compress(items, map(kinds.__contains__, map(type, elements))) if kinds else ()


def node_formulas(root: Value, callers: Mapping[Value, str]) -> dict[Value, Formula]:
    """What to call each node under *root*, in topological order; *callers* are the names that the caller has.

    That is its label; or the caller's name; or its number where it is a plain one; or ``v1``, ``v2`` and so on. A root
    without a name is ``L``, if nothing else is.
    """
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

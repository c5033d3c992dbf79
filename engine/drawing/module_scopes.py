"""The neuron, layer and network that each node belongs to, found by the names of the parameters that it uses."""

import re
from collections.abc import Iterable, Mapping, Set
from itertools import accumulate
from typing import Any

from engine.drawing.flat_graph import FlatGraph, Scopes
from engine.drawing.function_calls import FUNCTIONS
from engine.expressions.names import caller_names, has_parameters, parameters_of
from engine.operations import ADD
from engine.validation import shortened
from engine.value import Value

_PART = re.compile(r"(?:[^.\[\]]|\[[^\]]*\])+")  # a dot inside brackets is part of a dictionary's key
_NUMBERED = re.compile(_PART.pattern + r"(?:\.\d+(?=\.|\Z))*")  # a number belongs to the word before it
_MOST_LEVELS = 12  # of groups in groups


def find_parameter_scopes(names: object) -> dict[Value, Scopes]:
    """The scopes of each parameter of the networks among *names* (see ``engine.expressions.names.caller_names``).

    A network without a name gets a scope ``""`` around its layers.
    """
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        return {parameter: ("", *split_scopes(name)) for parameter, name in caller_names(names).items()}

    def size(name: str) -> tuple[int, int]:
        found = parameters_of(names[name])
        return len(found), found[0][0].count(".") if found else 0

    things = [name for name, thing in names.items() if not issubclass(type(thing), Value)]
    found = caller_names({name: names[name] for name in sorted(things, key=size, reverse=True)})  # a network first
    scopes = {node: split_scopes(name) for node, name in found.items() if not node.op}
    return {node: path for node, path in scopes.items() if path}


def split_scopes(name: str) -> Scopes:
    """The scopes in a dotted name, whose last word is the parameter itself."""
    return tuple(accumulate(_NUMBERED.findall(name)[:-1][:_MOST_LEVELS], "{}.{}".format))


def scope_title(scope: str, top: str = "") -> str:
    """The title of a scope, its last word and the numbers after it: ``neuron 3``."""
    word, *numbers = _PART.findall(_NUMBERED.findall(scope)[-1]) if scope else [top]
    return " ".join([singular(word) if numbers else word, *numbers])


def singular(word: str) -> str:
    """The singular of a plural, such as ``layer`` of ``layers``."""
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith("ss") else word


def assign_scopes(
    graph: FlatGraph, parameters: Mapping[Value, Scopes], activations: Mapping[Value, tuple[str, ...]]
) -> list[Scopes]:
    """The scopes of every node.

    An operation on a parameter belongs to the parameter's scopes. An operation on one scope's nodes belongs to that
    scope, too, if another parameter of the network uses its result: the activation of a hidden neuron. After the last
    parameters it does where it is the next of the *activations*, which the network says it applies after each
    parameter, or the sum of products of different parameters. What follows is the caller's, such as a loss.
    """
    if not parameters:
        return [()] * len(graph.nodes)
    own = [parameters.get(node, ()) for node in graph.nodes]
    scopes, names = own[:], {path[0] for path in parameters.values()}
    networks = {name: 1 << place for place, name in enumerate(sorted(names))}
    feeds = _find_fed(graph, [networks[path[0]] if path else 0 for path in own])
    end = _End(graph, activations)
    for index, operands in enumerate(graph.operands):
        parameters_used = [own[operand] for operand in operands if own[operand]]
        others = [scopes[operand] for operand in operands if not graph.is_constant(operand)]
        if parameters_used:
            scopes[index] = _common_scopes(parameters_used)
            if not feeds[index] & networks[parameters_used[0][0]]:
                end.start(index, [operand for operand in operands if own[operand]])
        elif others and all(path and feeds[index] & networks[path[0]] for path in others):
            scopes[index] = _common_scopes(others)
        elif others and others[0] and len(set(others)) == 1 and end.goes_on(index):
            scopes[index] = others[0]
    return scopes


def _find_fed(graph: FlatGraph, networks: list[int]) -> list[int]:
    """For each node the networks, as bits, that compute with a parameter and it; *networks* has those of parameters."""
    fed = [0] * len(networks)
    for index in range(len(networks) - 1, -1, -1):
        bits = fed[index]
        for operand in graph.operands[index]:
            bits |= networks[operand]
        for operand in graph.operands[index] if bits else ():
            fed[operand] |= bits
    return fed


class _End:
    """What a network still does after its last parameters."""

    def __init__(self, graph: FlatGraph, activations: Mapping[Value, tuple[str, ...]]) -> None:
        self.graph, self.activations = graph, activations
        self._used: dict[int, set[int]] = {}  # the parameters in a product or a sum
        self._left: dict[int, tuple[str, ...]] = {}  # the activations that follow

    def start(self, index: int, parameters: list[int]) -> None:
        used = [self._used.pop(operand, set()) for operand in self.graph.operands[index]]
        self._used[index] = set(parameters).union(*used)
        self._left[index] = self.activations.get(self.graph.nodes[parameters[-1]], ())

    def goes_on(self, index: int) -> bool:
        """Whether the network made the node, too, whose operands are of one scope."""
        operation = self.graph.nodes[index].operation
        operands = [operand for operand in self.graph.operands[index] if not self.graph.is_constant(operand)]
        left = self._left.get(operands[-1], ())
        if operation is ADD and len(operands) == 2:
            a, b = [self._used.pop(operand, set()) for operand in operands]
            self._used[index], self._left[index] = a, left
            is_sum = bool(a and b) and a.isdisjoint(b)
            a |= b
            return is_sum
        self._left[index] = left[1:]
        return len(operands) == 1 and left[:1] == (operation.method,)


def _common_scopes(paths: list[Scopes]) -> Scopes:
    if len(set(paths)) == 1:
        return paths[0]
    return tuple(level[0] for level in zip(*paths) if len(set(level)) == 1)


def find_unfolded(unfold: Any, parameters: Mapping[Value, Scopes], results: Set[Value]) -> set[object]:
    """What the argument *unfold* names: scopes, and all scopes around them; functions; and *results* of functions."""
    several = isinstance(unfold, Iterable) and not isinstance(unfold, str) and not has_parameters(type(unfold))
    known: dict[object, Scopes] = {
        scope: path[: level + 1] for path in parameters.values() for level, scope in enumerate(path)
    }
    foldable, unfolded = {*results, *FUNCTIONS}, set[object]()
    for thing in unfold if several else [unfold]:
        name = thing
        if has_parameters(type(thing)):
            common = _common_scopes([parameters.get(parameter, ()) for _, parameter in parameters_of(thing)])
            name = common[-1] if common else None
        elif not isinstance(thing, (str, Value)):
            raise TypeError(
                "unfold must be names of groups, such as 'model.layers.0', or the layers and neurons themselves, or "
                f"functions, such as 'softmax', or their results, got {shortened(thing)}"
            )
        if isinstance(thing, (str, Value)) and thing in foldable:
            unfolded.add(thing)
        elif name not in known:
            some = ", ".join(sorted(map(str, known))[:3])
            advice = f"there are {some}, ..." if some else "there are none; pass names=locals() or names=model"
            raise ValueError(
                "unfold must name groups of parameters in this graph, or functions that are folded, got "
                f"{shortened(thing)}; {advice}"
            )
        unfolded.update(known.get(name, ()))
    return unfolded

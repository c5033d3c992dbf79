"""Which neuron, which layer, which network a node belongs to: told from the names of the parameters that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.drawing.flat_graph import Wires
from engine.expressions.names import caller_names, parameters_of
from engine.value import Value

Path = tuple[str, ...]
"""The groups that something lies in, the outermost first: ``("model", "model.layers.0")``."""

_PART = re.compile(r"(?:[^.\[\]]|\[[^\]]*\])+")  # a dot inside brackets is part of a dictionary's key
_MOST_LEVELS = 12  # of groups in groups


def parameter_paths(names: object) -> dict[Value, Path]:
    """The groups of each parameter of the networks among *names* (see ``engine.expressions.names.caller_names``).

    A network that comes without a name of its own gives a group ``""`` around its layers, so that levels mean the same.
    """
    if names is None:
        return {}
    if not isinstance(names, Mapping):
        return {parameter: ("", *path_of(name)) for parameter, name in caller_names(names).items()}
    sizes = {name: _size(thing) for name, thing in names.items() if not issubclass(type(thing), Value)}
    whole_first = sorted(sizes, key=lambda name: sizes[name], reverse=True)  # a network goes before its own layers
    found = caller_names({name: names[name] for name in whole_first})
    paths = {node: path_of(name) for node, name in found.items() if not node.op}
    return {node: path for node, path in paths.items() if path}


def _size(thing: Any) -> tuple[int, int]:
    """How many parameters something has, and how deep the first one lies."""
    found = parameters_of(thing)
    return len(found), found[0][0].count(".") if found else 0


def path_of(name: str) -> Path:
    """The groups in a dotted name; a number belongs to the word before it, and the last word is the parameter itself.

    >>> path_of("model.layers.0.neurons.3.w.5")
    ('model', 'model.layers.0', 'model.layers.0.neurons.3')
    """
    path: list[str] = []
    for part in _PART.findall(name):
        if path and part.isdigit():
            path[-1] += f".{part}"
        else:
            path.append(f"{path[-1]}.{part}" if path else part)
    return tuple(path[:-1][:_MOST_LEVELS])


def title_of(group: str, top: str = "") -> str:
    """What to write over a group: its last word, and the number that follows it.

    >>> title_of("model.layers.0.neurons.3")
    'neuron 3'
    """
    words = _PART.findall(group) or [top]
    numbers: list[str] = []
    while len(words) > 1 and words[-1].isdigit():
        numbers.insert(0, words.pop())
    return " ".join([singular(words[-1]) if numbers else words[-1], *numbers])


def singular(word: str) -> str:
    """One of them: ``layers`` gives ``layer``."""
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith("ss") else word


def paths_of(wires: Wires, parameters: Mapping[Value, Path]) -> list[Path]:
    """The groups of every node.

    An operation on a parameter belongs to the parameter's groups. What is made of one group's nodes only belongs to it
    too, as long as it leads on to another parameter: the activation of a hidden neuron. Behind the last parameters an
    operation stays if it takes no plain number and is not the second function in a row: the activation of an output,
    but not the loss.
    """
    nodes, operands = wires.nodes, wires.operands
    if not parameters:
        return [()] * len(nodes)
    own = [parameters.get(node, ()) for node in nodes]
    leads_on = _leading_on(operands, own)
    paths = own[:]
    for place, taken in enumerate(operands):
        if not taken:
            continue
        used = [own[operand] for operand in taken if own[operand]]
        made_of = [paths[operand] for operand in taken if not wires.is_constant(operand)]
        if used:
            paths[place] = _common(used)
        elif made_of and (leads_on[place] or _is_tail(wires, place, made_of)):
            paths[place] = _common(made_of)
    return paths


def _leading_on(operands: list[tuple[int, ...]], own: list[Path]) -> list[bool]:
    """Which nodes feed, near or far, an operation on a parameter."""
    leads_on = [False] * len(own)
    for place in range(len(own) - 1, -1, -1):
        taken = operands[place]
        if leads_on[place] or any(own[operand] for operand in taken):
            for operand in taken:
                leads_on[operand] = True
    return leads_on


def _is_tail(wires: Wires, place: int, made_of: list[Path]) -> bool:
    taken = wires.operands[place]
    if len(made_of) < len(taken) or any(path != made_of[0] for path in made_of):
        return False
    return len(taken) > 1 or len(wires.operands[taken[0]]) > 1


def _common(paths: Iterable[Path]) -> Path:
    """What all of them begin with."""
    first, *others = paths
    for path in others:
        if path != first:
            agree = 0
            while agree < min(len(first), len(path)) and first[agree] == path[agree]:
                agree += 1
            first = first[:agree]
    return first

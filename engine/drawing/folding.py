"""Which nodes of a graph are drawn one by one, and which are folded into boxes, so that no picture is too large."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice

from engine.drawing.flat_graph import FlatGraph, Scopes
from engine.drawing.function_calls import Call

_MOST_INPUTS = 8  # of a folded box that are drawn one by one
_LAST_STEPS = 6  # nodes drawn after a folded network, where there are too many for all


@dataclass
class Box:
    """Nodes drawn as one: a ``"scope"`` with its ``name`` and the ``scopes`` around it, ``"inputs"`` or ``"rest"``.

    Or a ``"call"`` of a function, its ``name``.
    """

    kind: str
    scopes: Scopes = ()
    name: str = ""
    members: list[int] = field(default_factory=list)
    n_inputs: int = 0


@dataclass(frozen=True)
class Folding:
    """What is drawn, as units: ``unit_of`` has the unit of each node, by index, and ``boxes`` the folded units.

    A node that is drawn by itself is its own unit, the first node of a box is the unit of the box, and an inlined
    number belongs to the unit of its operation.
    """

    unit_of: list[int]
    boxes: dict[int, Box]

    def units(self) -> list[int]:
        """Everything that is drawn, boxes included."""
        return [index for index, unit in enumerate(self.unit_of) if index == unit]


def fold_graph(
    graph: FlatGraph, depth: int | None, unfolded: Set[object], most: int, kept: Set[int], calls: Sequence[Call]
) -> Folding:
    """Fold the *calls*, and the scopes from level *depth* on, except those *unfolded*, and give at most *most* units.

    Without a *depth* it is the deepest level at which no scope has to be folded as far away, and which can be read.
    The nodes that are *kept*, such as a path, go before anything else.
    """
    deepest = max(map(len, set(graph.scopes)))
    for level in range(deepest, 0, -1) if depth is None else ():
        whole = _fold_scopes(graph, level, unfolded, calls)
        scoped = _scoped_units(graph, whole)
        if len(scoped) <= most:
            folding = _fold_far(graph, whole, most, kept)
            unit_of = folding.unit_of
            arrows = {(unit_of[source], unit_of[i]) for i, sources in enumerate(graph.operands) for source in sources}
            if all(unit_of[unit] == unit for unit in scoped) and len(arrows) <= 1.5 * most:  # more are a thicket
                return folding
    return _fold_far(graph, _fold_scopes(graph, depth or 0, unfolded, calls), most, kept)


def _scoped_units(graph: FlatGraph, folding: Folding) -> list[int]:
    """The units that are boxes or lie in a scope; calls outside of scopes are like nodes there."""
    scopes, boxes = graph.scopes, folding.boxes
    return [unit for unit in folding.units() if scopes[unit] or (unit in boxes and boxes[unit].kind != "call")]


def _fold_scopes(graph: FlatGraph, depth: int, unfolded: Set[object], calls: Sequence[Call]) -> Folding:
    """Fold the outermost scope of each node that is at level *depth* or deeper, and not *unfolded*; then the calls."""
    scopes = graph.scopes
    levels = {
        path: next((level for level, scope in enumerate(path) if level >= depth and scope not in unfolded), None)
        for path in set(scopes)
    }
    boxes: dict[str, Box] = {}
    for index, path in enumerate(scopes):
        level = levels[path]
        if level is not None:
            boxes.setdefault(path[level], Box("scope", path[:level], path[level])).members.append(index)
    folding = Folding(list(range(len(scopes))), {})
    for box in boxes.values():
        _fold_into(folding, box)
    for call in calls:
        path = scopes[call.outputs[0]]
        is_neuron = bool(path) and call.function == "dot"  # one that is open shows its products
        is_together = all(scopes[index] == path or graph.inlined[index] for index in call.members)
        if levels[path] is None and is_together and not is_neuron:
            _fold_into(folding, Box("call", path, call.function, call.members, call.n_inputs))
    _fold_leaves(graph, folding)
    return folding


def _fold_leaves(graph: FlatGraph, folding: Folding) -> None:
    """Fold leaves outside of all scopes: a plain number into the unit that uses it, inputs of the same boxes into one.

    A plain number that several units use, or that is multiplied by a parameter, is an input of the network. A call
    shows all its inputs.
    """
    scopes, unit_of, boxes = graph.scopes, folding.unit_of, folding.boxes
    users: defaultdict[int, set[int]] = defaultdict(set)
    weighted: set[int] = set()
    for index, operands in enumerate(graph.operands):
        for operand in operands:
            if not graph.operands[operand] and not scopes[operand]:
                users[operand].add(unit_of[index])
                if any(scopes[other] and not graph.operands[other] for other in operands):
                    weighted.add(operand)
    alike: defaultdict[frozenset[int], list[int]] = defaultdict(list)
    for leaf, units in users.items():
        unit, *others = units
        if unit_of[leaf] != leaf:
            continue  # the count in a mean
        shows_numbers = unit in boxes and (leaf in weighted or boxes[unit].kind == "call")
        if graph.is_constant(leaf) and not others and not shows_numbers:
            if unit in boxes:
                boxes[unit].members.append(leaf)
            if unit in boxes or graph.inlined[leaf]:
                unit_of[leaf] = unit
        elif not boxes.keys().isdisjoint(units):
            alike[frozenset(units)].append(leaf)
    for leaves in alike.values():
        if len(leaves) > _MOST_INPUTS:
            _fold_into(folding, Box("inputs", members=leaves))


def _fold_into(folding: Folding, box: Box) -> None:
    """Draw the members of a box as one unit, that of the first."""
    folding.boxes[box.members[0]] = box
    for index in box.members:
        folding.unit_of[index] = box.members[0]


def _fold_far(graph: FlatGraph, folding: Folding, most: int, kept: Set[int]) -> Folding:
    """Fold what is far from the root, part by part, until there are at most *most* units.

    Where scopes are drawn, all of them stay if they can, and few of the other nodes: the last steps to a loss.
    """
    if len(folding.units()) <= most:
        return folding
    n_parts = max(1, most // 10)
    first = dict.fromkeys(folding.unit_of[index] for index in sorted(kept, reverse=True))
    count = max(1, most - n_parts - 1)
    scoped = _scoped_units(graph, folding)
    with_scoped = first | dict.fromkeys(scoped)
    if scoped and len(with_scoped) + _LAST_STEPS + 2 <= most:
        n_parts, first, count = 1, with_scoped, len(with_scoped) + _LAST_STEPS
    near = _nearest_units(graph, folding, count, first)
    folded = Folding(folding.unit_of[:], {unit: box for unit, box in folding.boxes.items() if unit in near})
    parts = sorted(_split_far(graph, folding, near), key=len, reverse=True)
    rest = sorted(index for part in parts[n_parts:] for index in part)
    for part in [*parts[:n_parts], rest]:
        units = {folding.unit_of[index] for index in part}
        if len(units) == 1 and units <= folding.boxes.keys():
            folded.boxes.update((unit, folding.boxes[unit]) for unit in units)
        elif len(part) > 1:
            _fold_into(folded, Box("rest", members=part))
    return folded


def _nearest_units(graph: FlatGraph, folding: Folding, count: int, first: Iterable[int]) -> set[int]:
    """So many units: those that go *first*, then those with the fewest steps to the root."""
    near = {*islice(first, count)}
    queue = [folding.unit_of[-1]]
    met = set(queue)
    for unit in queue:  # breadth first: the queue grows meanwhile
        if len(near) >= count:
            break
        near.add(unit)
        for index in folding.boxes[unit].members if unit in folding.boxes else [unit]:
            for source in map(folding.unit_of.__getitem__, graph.operands[index]):
                if source not in met:
                    met.add(source)
                    queue.append(source)
    return near


def _split_far(graph: FlatGraph, folding: Folding, near: set[int]) -> list[list[int]]:
    """The nodes that are not near, in parts that are connected by more than a leaf; shared leaves are a part."""
    unit_of = folding.unit_of
    leader = list(range(len(unit_of)))  # a union-find forest: units of one part have one leader

    def find(unit: int) -> int:
        while leader[unit] != unit:
            leader[unit] = leader[leader[unit]]
            unit = leader[unit]
        return unit

    users: defaultdict[int, set[int]] = defaultdict(set)  # the units that use a leaf
    for index, operands in enumerate(graph.operands):
        unit = unit_of[index]
        for source in map(unit_of.__getitem__, operands):
            if source == unit or source in near:
                continue
            if not graph.operands[source] and source not in folding.boxes:
                users[source].add(unit)
            elif unit not in near:
                leader[find(source)] = find(unit)
    parts: defaultdict[int | None, list[int]] = defaultdict(list)
    for index, unit in enumerate(unit_of):
        if unit not in near:
            leaders = {None if user in near else find(user) for user in users.get(unit, (unit,))}
            parts[None if len(leaders) > 1 else leaders.pop()].append(index)
    return list(parts.values())

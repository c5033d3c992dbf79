"""Which nodes of a graph are drawn one by one, and which are folded into boxes, so that no picture is too large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from engine.drawing.flat_graph import FlatGraph
from engine.drawing.module_scopes import Scopes

MOST_INPUTS = 8
"""The most inputs of a folded box that are drawn one by one."""

_LAST_STEPS = 6  # nodes drawn after a folded network, where there are too many for all


@dataclass
class Box:
    """Many nodes drawn as one: ``kind`` is ``"scope"``, ``"inputs"`` or ``"rest"``.

    ``name`` is that of the scope, and ``scopes`` are those around it.
    """

    kind: str
    scopes: Scopes = ()
    name: str = ""
    members: list[int] = field(default_factory=list)


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
    graph: FlatGraph,
    scopes: list[Scopes],
    depth: int | None,
    unfolded: Collection[str],
    most: int,
    highlighted: Collection[int] = (),
) -> Folding:
    """Fold the scopes from level *depth* on, except those *unfolded*, and give at most *most* units.

    Without a *depth* it is the deepest level at which no scope has to be folded as far away, and which can be read.
    *highlighted* nodes, such as a path, are kept before anything else.
    """
    deepest = max(map(len, set(scopes)))
    for level in range(deepest, 0, -1) if depth is None else ():
        if _count_scoped_units(graph, scopes, level, unfolded) <= most:
            whole = _fold_scopes(graph, scopes, level, unfolded)
            folding = _fold_far(graph, scopes, whole, most, highlighted)
            is_whole = all(folding.unit_of[unit] == unit for unit in _scoped_units(whole, scopes))
            if is_whole and _count_arrows(graph, folding) <= 1.5 * most:  # more than that are a thicket
                return folding
    return _fold_far(graph, scopes, _fold_scopes(graph, scopes, depth or 0, unfolded), most, highlighted)


def _count_scoped_units(graph: FlatGraph, scopes: list[Scopes], depth: int, unfolded: Collection[str]) -> int:
    """About how many units a depth gives that are scopes or lie in scopes; quick to count."""
    n_operations = Counter(path for path, operands in zip(scopes, graph.operands) if path and operands)
    levels = {path: _folded_level(path, depth, unfolded) for path in n_operations}
    boxes = {path[level] for path, level in levels.items() if level is not None}
    return len(boxes) + sum(n for path, n in n_operations.items() if levels[path] is None)


def _count_arrows(graph: FlatGraph, folding: Folding) -> int:
    unit_of = folding.unit_of
    return len(
        {(unit_of[operand], unit_of[index]) for index, operands in enumerate(graph.operands) for operand in operands}
    )


def _scoped_units(folding: Folding, scopes: list[Scopes]) -> list[int]:
    """The units that are boxes or lie in a scope."""
    return [unit for unit in folding.units() if unit in folding.boxes or scopes[unit]]


def _folded_level(path: Scopes, depth: int, unfolded: Collection[str]) -> int | None:
    """The level of the outermost scope of *path* that is folded; None if none is."""
    return next((level for level, scope in enumerate(path) if level >= depth and scope not in unfolded), None)


def _fold_scopes(graph: FlatGraph, scopes: list[Scopes], depth: int, unfolded: Collection[str]) -> Folding:
    levels = {path: _folded_level(path, depth, unfolded) for path in set(scopes)}
    unit_of = list(range(len(scopes)))
    boxes: dict[int, Box] = {}
    unit_of_scope: dict[str, int] = {}
    for index, path in enumerate(scopes):
        level = levels[path]
        if level is not None:
            unit = unit_of_scope.setdefault(path[level], index)
            unit_of[index] = unit
            boxes.setdefault(unit, Box("scope", path[:level], path[level])).members.append(index)
    folding = Folding(unit_of, boxes)
    _fold_leaves(graph, scopes, folding)
    return folding


def _fold_leaves(graph: FlatGraph, scopes: list[Scopes], folding: Folding) -> None:
    """Fold leaves outside of all scopes: a plain number into the unit that uses it, inputs of the same boxes into one.

    A plain number that several units use, or that is multiplied by a parameter, is an input of the network.
    """
    unit_of, boxes = folding.unit_of, folding.boxes
    users: dict[int, set[int]] = {}
    weighted: set[int] = set()
    for index, operands in enumerate(graph.operands):
        for operand in operands:
            if not graph.operands[operand] and not scopes[operand]:
                users.setdefault(operand, set()).add(unit_of[index])
                if any(scopes[other] and not graph.operands[other] for other in operands):
                    weighted.add(operand)
    alike: dict[frozenset[int], list[int]] = {}
    for leaf, units in users.items():
        unit, *others = units
        if graph.is_constant(leaf) and not others and (unit not in boxes or leaf not in weighted):
            if unit in boxes:
                boxes[unit].members.append(leaf)
            if unit in boxes or graph.inlined[leaf]:
                unit_of[leaf] = unit
        elif any(unit in boxes for unit in units):
            alike.setdefault(frozenset(units), []).append(leaf)
    for leaves in alike.values():
        if len(leaves) > MOST_INPUTS:
            boxes[leaves[0]] = Box("inputs", members=leaves)
            for leaf in leaves:
                unit_of[leaf] = leaves[0]


# ------------------------------------------------------------------------------------------------- what is far from it


def _fold_far(
    graph: FlatGraph, scopes: list[Scopes], folding: Folding, most: int, highlighted: Collection[int]
) -> Folding:
    """Fold what is far from the root, part by part, until there are at most *most* units.

    Where scopes are drawn, all of them stay if they can, and few of the other nodes: the last steps to a loss.
    """
    if len(folding.units()) <= most:
        return folding
    n_parts = max(1, most // 10)
    kept = [folding.unit_of[index] for index in sorted(highlighted, reverse=True)]
    count = most - n_parts - 1
    scoped = _scoped_units(folding, scopes)
    if scoped and len({*kept, *scoped}) + _LAST_STEPS + 2 <= most:
        n_parts = 1
        kept += scoped
        count = len(set(kept)) + _LAST_STEPS
    near = _nearest_units(graph, folding, max(1, count), kept)
    unit_of = folding.unit_of[:]
    boxes = {unit: box for unit, box in folding.boxes.items() if unit in near}
    parts = sorted(_split_far(graph, folding, near), key=len, reverse=True)
    rest = [index for part in parts[n_parts:] for index in part]
    for part in [*parts[:n_parts], rest]:
        units = {folding.unit_of[index] for index in part}
        if len(units) == 1 and units <= folding.boxes.keys():
            boxes |= {unit: folding.boxes[unit] for unit in units}
        elif len(part) > 1:
            unit = min(part)
            boxes[unit] = Box("rest", members=sorted(part))
            for index in part:
                unit_of[index] = unit
    return replace(folding, unit_of=unit_of, boxes=boxes)


def _nearest_units(graph: FlatGraph, folding: Folding, count: int, kept: list[int]) -> set[int]:
    """So many units: first those *kept*, then those with the fewest steps to the root."""
    root = folding.unit_of[len(graph.nodes) - 1]
    near: dict[int, None] = dict.fromkeys([*dict.fromkeys(kept)][:count])
    met = {root}
    layer = [root]
    while layer and len(near) < count:
        further: list[int] = []
        for unit in layer:
            if len(near) >= count:
                break
            near.setdefault(unit)
            for source in _source_units(graph, folding, unit):
                if source not in met:
                    met.add(source)
                    further.append(source)
        layer = further
    return set(near)


def _source_units(graph: FlatGraph, folding: Folding, unit: int) -> list[int]:
    """The units that feed one, in order."""
    members = folding.boxes[unit].members if unit in folding.boxes else [unit]
    sources = [folding.unit_of[operand] for index in members for operand in graph.operands[index]]
    return [source for source in dict.fromkeys(sources) if source != unit]


def _split_far(graph: FlatGraph, folding: Folding, near: set[int]) -> list[list[int]]:
    """The nodes that are not near, in parts that are connected by more than a leaf.

    A leaf goes with the part that uses it. Leaves that several parts or the near units use, such as shared parameters,
    are a part by themselves.
    """
    unit_of = folding.unit_of
    leader = list(range(len(unit_of)))  # a union-find forest: units of one part have one leader

    def find(unit: int) -> int:
        while leader[unit] != unit:
            leader[unit] = leader[leader[unit]]
            unit = leader[unit]
        return unit

    users: dict[int, set[int]] = {}  # the far units that use a leaf
    used_near: set[int] = set()
    for index, operands in enumerate(graph.operands):
        unit = unit_of[index]
        for operand in operands:
            source = unit_of[operand]
            if source == unit or source in near:
                continue
            is_leaf = not graph.operands[operand] and source not in folding.boxes
            if is_leaf and unit in near:
                used_near.add(source)
            elif is_leaf:
                users.setdefault(source, set()).add(unit)
            elif unit not in near:
                leader[find(source)] = find(unit)
    parts: dict[int | None, list[int]] = {}
    for index, unit in enumerate(unit_of):
        if unit not in near:
            leaders = {find(user) for user in users.get(unit, (unit,))}
            is_shared = len(leaders) > 1 or unit in used_near
            parts.setdefault(None if is_shared else leaders.pop(), []).append(index)
    return list(parts.values())

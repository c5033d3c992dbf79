"""Which nodes of a graph are drawn one by one, and which are folded into boxes: a picture is never too large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from engine.drawing.flat_graph import Wires
from engine.drawing.module_scopes import Path

MOST_INPUTS = 8
"""The most inputs of a folded box that are drawn one by one."""

_LAST_STEPS = 6  # nodes drawn behind a folded network, where there are too many for all


@dataclass
class Box:
    """Many nodes drawn as one: ``kind`` is ``"group"``, ``"inputs"`` or ``"rest"``; ``path`` has the groups around it.

    ``name`` is the group's.
    """

    kind: str
    path: Path = ()
    name: str = ""
    members: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Folding:
    """What is drawn: ``home`` has, for each node's place, the place that stands for it in the picture.

    A node drawn on its own stands for itself, the first node of a box for the box, and a plain number that is written
    into an operation has that operation's place. ``boxes`` are by their place.
    """

    home: list[int]
    boxes: dict[int, Box]

    def units(self) -> list[int]:
        """The places of everything drawn, boxes included."""
        return [place for place, home in enumerate(self.home) if place == home]


def folded(
    wires: Wires,
    paths: list[Path],
    depth: int | None,
    unfold: Collection[str],
    most: int,
    picked: Collection[int] = (),
) -> Folding:
    """The graph with its groups folded from level *depth* on, but for those to *unfold*, in at most *most* units.

    Without a *depth* it is the deepest level at which no group is lost in what is folded as far away, and which can
    be read. What is *picked*, such as a path, is kept before anything else.
    """
    deepest = max(map(len, set(paths)))
    for level in range(deepest, 0, -1) if depth is None else ():
        if _n_grouped(wires, paths, level, unfold) <= most:
            whole = _folded_at(wires, paths, level, unfold)
            folding = without_the_far(wires, paths, whole, most, picked)
            kept = all(folding.home[unit] == unit for unit in _grouped(whole, paths))
            if kept and _n_arrows(wires, folding) <= 1.5 * most:  # more than that are a thicket
                return folding
    return without_the_far(wires, paths, _folded_at(wires, paths, depth or 0, unfold), most, picked)


def _n_grouped(wires: Wires, paths: list[Path], depth: int, unfold: Collection[str]) -> int:
    """About how many units a depth gives that are groups or in groups: a quick count."""
    nodes = Counter(path for path, taken in zip(paths, wires.operands) if path and taken)
    levels = {path: _outermost_folded(path, depth, unfold) for path in nodes}
    boxes = {path[level] for path, level in levels.items() if level is not None}
    return len(boxes) + sum(count for path, count in nodes.items() if levels[path] is None)


def _n_arrows(wires: Wires, folding: Folding) -> int:
    home = folding.home
    return len({(home[operand], home[place]) for place, taken in enumerate(wires.operands) for operand in taken})


def _grouped(folding: Folding, paths: list[Path]) -> list[int]:
    """The units that are boxes or lie in a group."""
    return [unit for unit in folding.units() if unit in folding.boxes or paths[unit]]


def _outermost_folded(path: Path, depth: int, unfold: Collection[str]) -> int | None:
    """The level of the group that hides what lies in *path*; None where all of it is unfolded."""
    for level, group in enumerate(path):
        if level >= depth and group not in unfold:
            return level
    return None


def _folded_at(wires: Wires, paths: list[Path], depth: int, unfold: Collection[str]) -> Folding:
    levels = {path: _outermost_folded(path, depth, unfold) for path in set(paths)}
    home = list(range(len(paths)))
    boxes: dict[int, Box] = {}
    place_of: dict[str, int] = {}
    for place, path in enumerate(paths):
        level = levels[path]
        if level is not None:
            box = place_of.setdefault(path[level], place)
            home[place] = box
            boxes.setdefault(box, Box("group", path[:level], path[level])).members.append(place)
    folding = Folding(home, boxes)
    _fold_leaves(wires, paths, folding)
    return folding


def _fold_leaves(wires: Wires, paths: list[Path], folding: Folding) -> None:
    """Leaves of no group that feed the same folded boxes become a box of inputs; plain numbers go where they are used.

    A plain number that several operations take, or that is multiplied by a parameter, is an input of the network.
    """
    home, boxes = folding.home, folding.boxes
    fed: dict[int, set[int]] = {}
    inputs: set[int] = set()
    for place, taken in enumerate(wires.operands):
        for operand in taken:
            if not wires.operands[operand] and not paths[operand]:
                fed.setdefault(operand, set()).add(home[place])
                if any(paths[other] and not wires.operands[other] for other in taken):
                    inputs.add(operand)
    alike: dict[frozenset[int], list[int]] = {}
    for leaf, homes in fed.items():
        (first, *others) = homes
        constant = wires.is_constant(leaf)
        if constant and not others and (first not in boxes or leaf not in inputs):
            if wires.written_in[leaf] or first in boxes:
                home[leaf] = first
                if first in boxes:
                    boxes[first].members.append(leaf)
        elif any(box in boxes for box in homes):
            alike.setdefault(frozenset(homes), []).append(leaf)
    for leaves in alike.values():
        if len(leaves) > MOST_INPUTS:
            boxes[leaves[0]] = Box("inputs", members=leaves)
            for leaf in leaves:
                home[leaf] = leaves[0]


# ------------------------------------------------------------------------------------------------------------- the rest


def without_the_far(wires: Wires, paths: list[Path], folding: Folding, most: int, picked: Collection[int]) -> Folding:
    """The same with at most *most* units: what is far from the root is folded, part by part.

    Where groups are drawn they all stay if they can, and few of the other nodes: the last steps to a loss.
    """
    if len(folding.units()) <= most:
        return folding
    n_parts = max(1, most // 10)
    wanted = [folding.home[place] for place in sorted(picked, reverse=True)]
    count = most - n_parts - 1
    grouped = _grouped(folding, paths)
    if grouped and len({*wanted, *grouped}) + _LAST_STEPS + 2 <= most:
        n_parts = 1
        wanted += grouped
        count = len(set(wanted)) + _LAST_STEPS
    near = _nearest(wires, folding, max(1, count), wanted)
    home = folding.home[:]
    boxes = {place: box for place, box in folding.boxes.items() if place in near}
    parts = _parts(wires, folding, near)
    parts.sort(key=len, reverse=True)
    rest = [place for part in parts[n_parts:] for place in part]
    for part in [*parts[:n_parts], rest]:
        if len({folding.home[place] for place in part}) == 1 and folding.home[part[0]] in folding.boxes:
            boxes[folding.home[part[0]]] = folding.boxes[folding.home[part[0]]]
        elif len(part) > 1:
            first = min(part)
            boxes[first] = Box("rest", members=sorted(part))
            for place in part:
                home[place] = first
    return replace(folding, home=home, boxes=boxes)


def _nearest(wires: Wires, folding: Folding, count: int, wanted: list[int]) -> set[int]:
    """So many units: first those *wanted*, then those with the fewest steps to the root."""
    root = folding.home[len(wires.nodes) - 1]
    near: dict[int, None] = dict.fromkeys([*dict.fromkeys(wanted)][:count])
    met = {root}
    layer = [root]
    while layer and len(near) < count:
        further: list[int] = []
        for unit in layer:
            if len(near) >= count:
                break
            near.setdefault(unit)
            for source in _sources(wires, folding, unit):
                if source not in met:
                    met.add(source)
                    further.append(source)
        layer = further
    return set(near)


def _sources(wires: Wires, folding: Folding, unit: int) -> list[int]:
    """The units that feed one, in order."""
    members = folding.boxes[unit].members if unit in folding.boxes else [unit]
    sources = [folding.home[operand] for place in members for operand in wires.operands[place]]
    return [source for source in dict.fromkeys(sources) if source != unit]


def _parts(wires: Wires, folding: Folding, near: set[int]) -> list[list[int]]:
    """What is not near, in parts that hang together otherwise than by a leaf; leaves go with the part that takes them.

    Leaves that several parts or the near nodes take, such as shared parameters, make a part of their own.
    """
    home = folding.home
    leader = list(range(len(home)))  # of each unit's part: a forest whose roots are the leaders

    def lead(unit: int) -> int:
        while leader[unit] != unit:
            leader[unit] = leader[leader[unit]]
            unit = leader[unit]
        return unit

    takers: dict[int, set[int]] = {}
    for place, taken in enumerate(wires.operands):
        unit = home[place]
        for operand in taken:
            source = home[operand]
            if source == unit or source in near:
                continue
            if not wires.operands[operand] and source not in folding.boxes:
                takers.setdefault(source, set()).add(-1 if unit in near else unit)
            elif unit not in near:
                leader[lead(source)] = lead(unit)
    shared = -2
    parts: dict[int, list[int]] = {}
    for place, unit in enumerate(home):
        if unit not in near:
            leads = {-1 if taker == -1 else lead(taker) for taker in takers.get(unit, ())} or {lead(unit)}
            part = min(leads) if len(leads) == 1 and -1 not in leads else shared
            parts.setdefault(part, []).append(place)
    return list(parts.values())

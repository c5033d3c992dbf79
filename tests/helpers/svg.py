"""Reading pictures: what stands in each box of an SVG that Graphviz wrote."""

import re
import xml.etree.ElementTree as ET
from typing import NamedTuple

SVG = "{http://www.w3.org/2000/svg}"


class Box(NamedTuple):
    """One node of a picture: its texts in their order, its fill, its border's dashes, and where its middle is.

    ``tint`` is the fill behind its last gradient.
    """

    texts: list[str]
    fill: str
    dashes: str | None
    x: float
    y: float
    tooltip: str
    tint: str


def tree(picture: bytes | str) -> ET.Element:
    return ET.fromstring(picture)


def texts(picture: bytes | str) -> list[str]:
    """Every text in an SVG, in its order."""
    return [element.text or "" for element in tree(picture).iter(f"{SVG}text")]


def title(picture: bytes | str) -> str:
    return tree(picture).find(f"{SVG}g/{SVG}title").text


def boxes(picture: bytes | str) -> dict[str, Box]:
    """The nodes of an SVG by their names in the source."""
    found = {}
    for group in _groups(picture, "node"):
        shapes = [element for element in group.iter() if element.tag in (f"{SVG}path", f"{SVG}polygon")]
        if not shapes:
            continue  # words alone
        shape, *more = shapes
        inside = list(group.iter(f"{SVG}text"))
        link = next(group.iter(f"{SVG}a"), None)
        found[group.find(f"{SVG}title").text] = Box(
            [text.text for text in inside],
            shape.get("fill"),
            shape.get("stroke-dasharray"),
            *_middle(shape.get("d") or shape.get("points")),
            "" if link is None else link.get("{http://www.w3.org/1999/xlink}title", ""),
            next((other.get("fill") for other in reversed(more) if other.get("fill") != "none"), ""),
        )
    return found


def box_with(picture: bytes | str, text: str) -> Box:
    """The one box in which *text* stands."""
    (box,) = [box for box in boxes(picture).values() if text in box.texts]
    return box


def edges(picture: bytes | str) -> list[tuple[str, list[str], str]]:
    """Each arrow that is seen: ``n0->n1``, the texts along it, its colour."""
    return [
        (
            _ends(group),
            [text.text.strip() for text in group.iter(f"{SVG}text")],
            group.find(f"{SVG}path").get("stroke"),
        )
        for group in _groups(picture, "edge")
        if group.find(f"{SVG}path") is not None
    ]


def clusters(picture: bytes | str) -> list[str]:
    """The titles of the frames around groups."""
    return [group.find(f"{SVG}text").text for group in _groups(picture, "cluster")]


def _ends(group: ET.Element) -> str:
    """The ends of an arrow, such as ``n0->n1``, without the sides of their boxes."""
    return re.sub(r":[nesw]", "", group.find(f"{SVG}title").text)


def points(outline: str) -> list[tuple[float, float]]:
    """The points of a path or polygon."""
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", outline)]


def _middle(outline: str) -> tuple[float, float]:
    xs, ys = zip(*points(outline))
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def arrows(picture: bytes | str) -> list[tuple[str, tuple[float, float], tuple[float, float]]]:
    """Each arrow that is seen: ``n0->n1``, where its line starts, and where its head ends."""
    found = []
    for group in _groups(picture, "edge"):
        line, head = group.find(f"{SVG}path"), group.find(f"{SVG}polygon")
        if line is not None and head is not None:
            found.append((_ends(group), points(line.get("d"))[0], points(head.get("points"))[1]))
    return found


def _groups(picture: bytes | str, kind: str) -> list[ET.Element]:
    return [group for group in tree(picture).iter(f"{SVG}g") if group.get("class") == kind]

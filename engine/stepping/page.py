"""The page: one HTML document made of the static files and the data. No text of a graph becomes code.

Numbers are data. The page computes them again where a reader changes one, by ``engine/expressions/javascript.py``.
"""

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from engine.debugging.finite_differences import CentralDifference, central_differences
from engine.drawing.node_contents import SYMBOLS
from engine.drawing.themes import THEMES
from engine.expressions.javascript import arithmetic, key_of, special
from engine.expressions.nodes import Number
from engine.expressions.writers import mathml, text
from engine.operations import CONSTANT, Operation
from engine.refresh import is_computable
from engine.stepping.layout import MEASURES, Edge, Layout, shown_name
from engine.steps import Walk
from engine.validation import plain_label
from engine.value import Value

_LONGEST_LABEL = 200  # characters of a label that the page can show in full
_CODE_IN_JSON = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
_COLOURS = {  # variables in CSS, and the fields of a theme
    **{name: name for name in ("line", "leaf", "result", "good")},
    **{"paper": "background", "ink": "text", "soft": "muted", "leaf-line": "leaf_line", "result-line": "result_line"},
    **{"op": "operation", "accent": "picked", "positive": "positive_ink", "negative": "negative_ink"},
    **{"positive-tint": "positive", "negative-tint": "negative", "strange-tint": "strange"},
}
_START = '\nmount(document.body, JSON.parse(document.getElementById("walk").textContent), window.name);\n'


def render_page(walk: Walk, layout: Layout, precision: int, theme: str) -> str:
    """A whole HTML document that loads nothing, and lets the browser run its own script and no other."""
    script = bundle("stepper.js") + _START
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    title = escape(f"Backprop from {text(walk.wording.formulas[walk.nodes[-1]])}")
    data = embed_json(page_data(walk, layout, precision))
    style = part("colours.css") + part("stepper.css")
    parts = {"style": style, "controls": part("controls.html"), "script": script, "digest": digest}
    return Template(part("stepper.html")).substitute(parts, walk=data, title=title, theme=escape(theme))


def render_frame(page: str, height: int, name: str = "", inside: str = "") -> str:
    """A page inside another one, such as a notebook; *name* is the token of the widget that it is linked with.

    It is *height* pixels high, and less in a low window. A notebook that is not trusted drops the frame, and shows the
    HTML *inside* of it.
    """
    fields = {"page": escape(page), "height": height, "name": name, "inside": inside}
    return Template(part("frame.html")).substitute(fields, digest=name_of(page))


def render_still(words: str, picture: bytes) -> str:
    """The *words* and the *picture*, an SVG, for a notebook that is not trusted."""
    words, image = escape(words), base64.b64encode(picture).decode()
    address = f"data:image/svg+xml;base64,{image}"
    return f'<p>{words}</p><img alt="{words}" style="max-width: 100%; height: auto" src="{address}">'


def render_words(words: str, table: str) -> str:
    """The *words* and a table, in tags that ``live_outputs`` may have."""
    return f"{escape(words)}<pre><code>{escape(table)}</code></pre>"


def around(page: str) -> str:
    """JavaScript that tells the frame of *page* whether the notebook is light or dark."""
    frames = f"""[...document.querySelectorAll('iframe[data-page="{name_of(page)}"]')]"""
    return f"{{\n{bundle('around.js')}\ntellThemes(() => {frames}.map((frame) => frame.contentWindow));\n}}\n"


def name_of(page: str) -> str:
    return hashlib.sha256(page.encode()).hexdigest()[:16]


def embed_json(data: object) -> str:
    """Data as JSON for a ``<script type="application/json">``, which nothing in it can end."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_CODE_IN_JSON)


@cache
def bundle(name: str) -> str:
    """A module and all that it imports as one module, each after those that it needs; no name may be there twice."""
    sources: dict[str, str] = {}

    def add(module: str) -> None:
        source = part(module)
        for needed in _IMPORT.findall(source):
            if needed not in sources:
                add(needed)
        sources[module] = re.sub(r"^export ", "", _IMPORT.sub("", source), flags=re.MULTILINE)

    add(name)
    return "\n".join(sources.values())


@cache
def part(name: str) -> str:
    """The text of a static file, or of a module that is made from what the engine knows."""
    if name in _MADE:
        return _MADE[name]()
    return files("engine.stepping").joinpath("static", name).read_text(encoding="utf-8")


def module_names() -> list[str]:
    """The names of all ES modules of the front end, for ``part``."""
    static = [file.name for file in files("engine.stepping").joinpath("static").iterdir()]
    return sorted(name for name in {*_MADE, *static} if name.endswith(".js"))


def _measures() -> str:
    """The module ``measures.js``: the measures of boxes, and what operations look like where it is not their name."""
    lines = [f"export const {name} = {number:g};\n" for name, number in MEASURES.items()]
    return f"{''.join(lines)}export const SYMBOLS = {json.dumps(SYMBOLS, ensure_ascii=False)};\n"


def _colours() -> str:
    """The style sheet ``colours.css``: the colours of ``draw``'s themes as variables."""
    light, dark, printed = (vars(THEMES[name]) for name in ("light", "dark", "print"))
    screen = [f"  --{name}: light-dark({light[field]}, {dark[field]});\n" for name, field in _COLOURS.items()]
    paper = [f"  --{name}: {printed[field]};\n" for name, field in _COLOURS.items()]
    return f':root {{\n{"".join(screen)}}}\n[data-theme="print"] {{\n{"".join(paper)}}}\n'


_MADE: dict[str, Callable[[], str]] = {
    "arithmetic.js": arithmetic,
    "colours.css": _colours,
    "measures.js": _measures,
    "special.js": special,
}


def page_data(
    walk: Walk, layout: Layout, precision: int, *, chosen: Sequence[int] | None = None, rate: float | None = None
) -> dict[str, Any]:
    """Everything that the scripts read. They refer to nodes and edges by index; see the functions below.

    *Take a step* first moves the leaves at the indices *chosen*, with that *rate*, each where it is given.
    """
    checks = _checks(walk)
    nodes = [
        _node(node, walk, precision) | {"box": [round(number, 1) for number in box]} | checks.get(node, {})
        for node, box in zip(walk.nodes, layout.boxes)
    ]
    sides = [(slope, node, index) for node in walk.nodes for index, slope in enumerate(node.local_derivatives)]
    edges = [_edge(edge, *side, walk, precision) for edge, side in zip(layout.edges, sides)]
    size = [round(layout.width, 1), round(layout.height, 1)]
    leaves = [index for index, node in enumerate(walk.nodes) if not node.operands and node.op != CONSTANT]
    if chosen is None:  # a network's parameters, or all leaves where there are none
        chosen = [index for index in leaves if walk.nodes[index] in walk.parameters] or leaves
    data = {"precision": precision, "size": size, "nodes": nodes, "edges": edges, "chosen": list(chosen)}
    return data if rate is None else data | {"rate": rate}


def _node(node: Value, walk: Walk, precision: int) -> dict[str, Any]:
    """A node: its ``name`` in the box and ``math`` in formulas; ``made``, the operation in symbols, and its ``key``.

    Python can compute a node that is ``called``.
    """
    name, math_ = shown_name(node, walk), mathml(walk.wording.formulas[node], precision)
    fields = {"name": name, "math": math_, "op": node.op, "data": json_number(node.data)}
    label = plain_label(node.label, _LONGEST_LABEL)
    if label and label != name:
        fields["label"] = label
    if node.operands:
        fields |= {"key": key_of(node.operation), "made": mathml(walk.wording.operation(node), precision)}
        if not fields["key"] and is_computable(node.operation):
            fields["called"] = True
    return fields


def _edge(edge: Edge, slope: float, node: Value, index: int, walk: Walk, precision: int) -> dict[str, Any]:
    """An edge: its two nodes, the ``path`` in SVG's words, and the local derivative.

    Of that the number, and the ``rule`` if it is more than a number, as a factor in a product.
    """
    points = [f"{x:.1f},{y:.1f}" for x, y in edge.route]
    fields: dict[str, Any] = {"from": edge.operand, "to": edge.node, "path": f"M{points[0]}C{' '.join(points[1:])}"}
    if edge.shift:
        fields["shift"] = edge.shift
    fields["slope"] = json_number(slope)
    if node.operands[index].op != CONSTANT:
        rule = walk.wording.local_derivative(node, index)
        if not isinstance(rule, Number):
            fields["rule"] = mathml(rule, precision, is_factor=True)
    return fields


def _checks(walk: Walk) -> dict[Value, dict[str, Any]]:
    """Finite differences that the page cannot compute, because a function of Python lies on the way to the root."""
    fixed = fixed_nodes(walk, key_of)
    places = [place for place, node in enumerate(walk.nodes) if node in fixed]
    differences = central_differences(walk.nodes, walk.gradients, places)
    return {walk.nodes[place]: {"check": _check(difference)} for place, difference in zip(places, differences)}


def fixed_nodes(walk: Walk, is_computed: Callable[[Operation], object]) -> set[Value]:
    """The nodes whose numbers go into an operation that is not computed again."""
    fixed: set[Value] = set()
    for node in reversed(walk.nodes):
        if node in fixed or (node.operands and not is_computed(node.operation)):
            fixed.update(node.operands)
    return fixed


def _check(difference: CentralDifference | str) -> dict[str, Any]:
    if isinstance(difference, str):
        return {"problem": plain_label(difference, _LONGEST_LABEL)}
    slopes = difference.slopes
    numbers = difference._asdict() | {"left": slopes.left, "right": slopes.right, "bound": slopes.bound}
    return {name: json_number(number) for name, number in numbers.items() if name != "slopes"}


def json_number(number: float) -> float | str:
    """A number that JSON can carry; infinity and NaN by their names."""
    return number if math.isfinite(number) else str(number)

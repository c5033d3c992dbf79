"""The page as one piece of HTML: the front end's files and the data, put together so that no text becomes code."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

_SCRIPTS = ("walk.js", "formulas.js", "graph.js", "panel.js", "stepper.js")  # each uses those before it
_CODE_IN_JSON = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def page(data: dict[str, Any], title: str, theme: str) -> str:
    """A whole HTML document which needs nothing else, and loads nothing.

    Its policy lets the browser run the one script that belongs to it, and no other: whatever a label holds.
    """
    script = "\n".join(_part(name) for name in _SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    filled = {
        "title": escape(title),
        "theme": escape(theme),
        "style": _part("stepper.css"),
        "script": script,
        "digest": digest,
        "walk": embedded(data),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda place: filled[place[1]], _part("stepper.html"))


def embedded(data: object) -> str:
    r"""Data as JSON for a ``<script type="application/json">``, with nothing in it that could end that element.

    >>> embedded("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_CODE_IN_JSON)


def framed(html: str, height: int) -> str:
    """A document inside another one, such as a notebook: neither one's styles and scripts reach the other."""
    return (
        f'<iframe title="Backprop, step by step" sandbox="allow-scripts" width="100%" height="{height}" '
        f'style="border: 1px solid #8886; border-radius: 8px; resize: vertical" srcdoc="{escape(html)}"></iframe>'
    )


@cache
def _part(name: str) -> str:
    return files("engine.stepping").joinpath("static", name).read_text(encoding="utf-8")

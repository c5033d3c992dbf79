"""The page as one HTML document, made of the static files and the data. No text of a graph becomes code."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

_SCRIPTS = ("walk.js", "formulas.js", "graph.js", "panel.js", "stepper.js")  # each uses those before it
_CODE_IN_JSON = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def render_page(data: dict[str, Any], title: str, theme: str) -> str:
    """A whole HTML document that loads nothing.

    Its policy lets the browser run its own script and no other, for any label.
    """
    script = "\n".join(_part(name) for name in _SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    parts = {"style": _part("stepper.css"), "script": script, "digest": digest, "walk": embed_json(data)}
    return Template(_part("stepper.html")).substitute(parts, title=escape(title), theme=escape(theme))


def render_frame(page: str, height: int) -> str:
    """A page inside another one, such as a notebook, with separate styles and scripts."""
    return Template(_part("frame.html")).substitute(page=escape(page), height=height)


def embed_json(data: object) -> str:
    r"""Data as JSON for a ``<script type="application/json">``, which nothing in it can end.

    >>> embed_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_CODE_IN_JSON)


@cache
def _part(name: str) -> str:
    return files("engine.stepping").joinpath("static", name).read_text(encoding="utf-8")

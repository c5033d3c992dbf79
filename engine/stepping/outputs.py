"""What a notebook's cell is given: a page that a script shows, and what is left of it where no script runs."""

import sys
from string import Template
from typing import Any

from engine.stepping.page import embed_json, part

Output = dict[str, Any]
"""Data by MIME type."""


def live_outputs(script: str, note: str, picture: Output, words: str, plain: str) -> list[Output]:
    """The outputs of a cell: a *script* that shows a page, a *picture* that it hides, and hidden *words*.

    A notebook that is not trusted shows the *note*, in Markdown, and the picture. ``jupyter nbconvert --sanitize-html``
    drops scripts, prints most tags as text, and shows the picture and the words: these are HTML of ``div``, ``pre`` and
    ``code``, seen only where a cleaner drops the attribute ``hidden``. A console shows the *plain* text.
    """
    page = {"application/javascript": script, "text/markdown": note, "text/plain": plain}
    hidden = {"text/html": f'<div hidden="hidden">{words}</div>', "text/plain": ""}
    return [page, {**picture, "text/plain": ""}, hidden]


def script_showing(shown: str, page: str, then: str = "") -> str:
    """JavaScript that puts HTML into a notebook's output: *shown*, an element of which has *page* as ``data-page``.

    *then* is JavaScript that runs afterwards. In it ``outputOfCell`` is the element around, which may not yet be in the
    document.
    """
    return Template(part("show.js")).substitute(shown=embed_json(shown), page=page, then=then)


def display_outputs(outputs: list[Output]) -> None:
    from IPython.display import display

    for output in outputs:
        display(output, raw=True)  # type: ignore[no-untyped-call]


def is_colab() -> bool:
    """Whether Colab runs the notebook: it may prefer a picture to a script, and runs those in HTML."""
    return "google.colab" in sys.modules

"""Labels of boxes in the HTML of Graphviz. Names come from strangers, and are escaped."""

from __future__ import annotations

import html
from dataclasses import dataclass

from engine.drawing.themes import Theme
from engine.validation import plain_label


@dataclass(frozen=True)
class Content:
    """The content of a box: an operation, a title, rows of a word and a number, and lines in a box of many nodes."""

    operation: str = ""
    title: str = ""
    rows: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()


def html_label(content: Content, theme: Theme, *, upright: bool, faded: bool) -> str:
    """A table for ``label=``: the operation where the arrows arrive, then title, rows and lines.

    *upright* puts the operation on top, for pictures from top to bottom.
    """
    text, muted = (theme.faded_text, theme.faded_text) if faded else (theme.text, theme.muted)
    rows = []
    if content.title:
        rows.append(f'<TD COLSPAN="2">{_font(f"<B>{_escape(content.title)}</B>", text)}</TD>')
    for word, figure in content.rows:
        rows.append(f'<TD ALIGN="LEFT">{_font(word, muted)}</TD><TD ALIGN="RIGHT">{_font(_escape(figure), text)}</TD>')
    rows += [f'<TD COLSPAN="2">{_font(_escape(line), muted)}</TD>' for line in content.lines]
    if content.operation:
        chip = _chip(content.operation, theme, faded)
        if upright:
            rows.insert(0, f'<TD COLSPAN="2">{chip}</TD>')
        else:
            rows[0] = f'<TD ROWSPAN="{len(rows)}">{chip}</TD>{rows[0]}'
    table = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{table}</TABLE>>'


def _chip(operation: str, theme: Theme, faded: bool) -> str:
    """The operation on a small plate."""
    plate, ink = (theme.faded, theme.faded_text) if faded else (theme.operation, theme.operation_text)
    outline = 'BORDER="1" COLOR="' + (theme.faded if faded else theme.line) + '"'
    return (
        f'<TABLE {outline} STYLE="ROUNDED" BGCOLOR="{plate}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">'
        f"<TR><TD>{_font(_escape(operation), ink)}</TD></TR></TABLE>"
    )


def _font(text: str, colour: str) -> str:
    return f'<FONT COLOR="{colour}">{text}</FONT>'


def _escape(text: str) -> str:
    """Text on one short line for an HTML label."""
    escaped = html.escape(plain_label(text).replace("\\", "\\\\"))  # Graphviz reads one backslash as an escape
    return escaped if escaped.strip("]") else escaped.replace("]", "&#93;")  # Graphviz 2.43 draws no brackets alone


def escape_label(text: str) -> str:
    """Text on one line for a plain label, which Graphviz shows as it is."""
    return plain_label(text, most=120).replace("&", "&amp;").replace("\\", "\\\\")


def escape_tooltip(text: str) -> str:
    """The same for a tooltip, which Graphviz unescapes twice."""
    return escape_label(text).replace("\\", "\\\\")

"""Links from examples to the Graph page of the site, which shows their graphs, live and step by step.

An example of a docstring gets its link where it makes a graph. On other pages the comment ``<!-- try it -->`` before a
block asks for one; it opens the Python of the page up to the end of that block. Without an address of the site in
``try_it_site`` there are no links.
"""

import ast
import contextlib
import os
import sys
import tempfile
from doctest import DocTestParser
from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

MODULES = Path(__file__).resolve().parents[1] / "site" / "python"  # the Graph page's own
MARK = "<!-- try it -->"
HINT = "Open this example in the browser: its graph, step by step"
NAMES = "xyz"


def python_of(block: nodes.Element) -> str:
    """Return the code of a block without prompts and answers; nothing of a block in another language."""
    text = block.astext()
    if text.lstrip().startswith(">>>"):
        return "".join(example.source for example in DocTestParser().get_examples(text))
    return text + "\n" if block.get("language") == "python" else ""


def formula_of(code: str) -> str | None:
    """Return the fragment of an address for a call with numbers: ``formula=atan2(x,y)&numbers=x=1.0 y=2.0``.

    >>> formula_of("sqrt(-4.0)")
    'formula=sqrt(x)&numbers=x=-4.0'
    >>> formula_of("softmax([1.0, 2.0])")
    """
    match ast.parse(code).body:
        case [ast.Expr(ast.Call(ast.Name(function), [*given], []))] if 0 < len(given) <= len(NAMES):
            with contextlib.suppress(ValueError):
                numbers = dict(zip(NAMES, map(ast.literal_eval, given)))
                if all(isinstance(number, float) for number in numbers.values()):
                    texts = quote(" ".join(f"{name}={number}" for name, number in numbers.items()), safe="=")
                    return f"formula={function}({','.join(numbers)})&numbers={texts}"
    return None


def shows_graph(code: str) -> bool:
    """Whether the Graph page can show what the code makes; the code runs in an empty folder."""
    if str(MODULES) not in sys.path:
        sys.path.append(str(MODULES))
    from graph_page import show_code

    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return "walk" in show_code(code)
        finally:
            os.chdir(here)


def fragment_of(code: str) -> str | None:
    """Return what an address of the Graph page says after ``#`` to show the code; None where it makes no graph."""
    if formula := formula_of(code):
        return formula
    return f"python={quote(code)}" if shows_graph(code) else None


def link(fragment: str, site: str, document: str) -> nodes.Element:
    """Return the paragraph with the link; a site without a scheme is relative to the first page's folder."""
    if "//" not in site:
        site = "../" * document.count("/") + site
    reference = nodes.reference("", "Try it", refuri=f"{site.rstrip('/')}/graph.html#{fragment}", reftitle=HINT)
    return nodes.paragraph("", "", reference, classes=["try-it"])


def is_code(node: nodes.Node) -> bool:
    """Whether a node is a block of code."""
    return isinstance(node, (nodes.literal_block, nodes.doctest_block))


def is_of_docstring(node: nodes.Node) -> bool:
    """Whether a node is part of the description of a function or class."""
    return node is not None and (isinstance(node, addnodes.desc_content) or is_of_docstring(node.parent))


def is_marked(block: nodes.Node) -> bool:
    """Whether the comment that asks for a link is before a block."""
    before = block.parent[: block.parent.index(block)]
    return bool(before) and before[-1].astext().strip() == MARK


def add_links(app: Sphinx, tree: nodes.document) -> None:
    """Add the links to a page that was read."""
    site = app.config.try_it_site
    if not site or not MODULES.exists():
        return
    document, before = app.env.docname, ""
    for block in list(tree.findall(is_code)):
        fragment, code = None, python_of(block)
        if is_of_docstring(block):
            fragment = fragment_of(code) if code else None
        else:
            before += code
            if is_marked(block) and (fragment := fragment_of(before)) is None:
                logging.getLogger(__name__).warning("this example makes no graph to try", location=block)
        if fragment:
            block.parent.insert(block.parent.index(block) + 1, link(fragment, site, document))


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the links to each page that Sphinx reads."""
    app.add_config_value("try_it_site", "", "env", str)
    app.connect("doctree-read", add_links)
    return {"parallel_read_safe": False, "parallel_write_safe": True}

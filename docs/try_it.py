"""Links from examples to the Graph page of the site, which shows their graphs, live and step by step.

An example of a docstring gets its link where it makes a graph without numpy, which is not in the site. What it needs of
``nn`` is imported. On other pages the comment ``<!-- try it -->`` before a block asks for one; it opens the Python of
the page up to the end of that block. Without an address of the site in ``try_it_site`` there are no links.
"""

import ast
import contextlib
import os
import subprocess
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
SHOW = """
import sys
sys.modules["numpy"] = None  # an import of it fails, as in the site
sys.stdin.reconfigure(encoding="utf-8")
from graph_page import show_code
sys.exit("walk" not in show_code(sys.stdin.read()))
"""


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


def with_imports(code: str) -> str:
    """Return code with an import of the public names of ``nn`` that it uses; the Graph page has those of ``engine``.

    >>> with_imports("model = MLP(2, [1])")
    'from nn import MLP\\n\\nmodel = MLP(2, [1])'
    >>> with_imports("tanh(Value(1.0))")
    'tanh(Value(1.0))'
    """
    import engine
    import nn

    tree = list(ast.walk(ast.parse(code)))
    bound = {name.asname or name.name for node in tree if isinstance(node, ast.ImportFrom) for name in node.names}
    bound |= {node.id for node in tree if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    used = {node.id for node in tree if isinstance(node, ast.Name)} - bound - {*engine.__all__}
    names = sorted(used & {*nn.__all__})
    return f"from nn import {', '.join(names)}\n\n{code}" if names else code


def shows_graph(code: str) -> bool:
    """Whether the Graph page can show what the code makes; the code runs in an empty folder, by a Python of its own."""
    paths = os.pathsep.join([str(MODULES), str(MODULES.parents[1]), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "ignore", "-c", SHOW]
        environment = {**os.environ, "PYTHONPATH": paths}
        done = subprocess.run(
            command, input=code, text=True, encoding="utf-8", cwd=folder, env=environment, check=False
        )
    return done.returncode == 0


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
            fragment = fragment_of(with_imports(code)) if code else None
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

"""Formulas as MathML, which browsers show by themselves: pages then need no script from elsewhere."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging


def _visit(translator: object, node: nodes.Element, as_block: bool) -> None:
    try:
        formula = tex2mathml(node.astext().replace(r"\dots", r"\ldots"), as_block=as_block)  # docutils knows one
    except MathError as error:
        logging.getLogger(__name__).warning("no MathML for %r: %s", node.astext(), error, location=node)
        formula = ""
    translator.body.append(f'<div class="formula">{formula}</div>' if as_block else formula)  # type: ignore[attr-defined]
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Make this the way in which formulas are written."""
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(lambda translator, node: _visit(translator, node, False), None),
        block_renderers=(lambda translator, node: _visit(translator, node, True), None),
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}

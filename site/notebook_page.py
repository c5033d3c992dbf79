"""The module ``graphviz_in_page`` of notebooks in a browser: Graphviz, and words for what is not there."""

import sys
from typing import Any

FOLDER = "lab"  # of JupyterLite in the site
MISSING = ("numpy", "matplotlib", "sklearn", "pandas", "pymoo", "scipy")  # no wheels of these for a browser
_ADDRESS = f"location.href.split('/{FOLDER}/')[0] + '/viz/viz.js'"

_loaded: list[Any] = []


async def load(in_part: bool = False) -> None:
    """Load Graphviz from the site that the notebook is of; before that, nothing can be drawn.

    A notebook that runs *in_part* goes on after a cell that cannot.
    """
    from IPython import get_ipython
    from pyodide.code import run_js

    _loaded.append(await run_js(f"(async () => (await import({_ADDRESS})).instance())()"))
    shell: Any = get_ipython()
    if in_part:
        shell.set_custom_exc((ImportError, NameError), go_on)
    else:
        shell.set_custom_exc((ImportError,), explain)
    shell.user_ns.setdefault("compile", refuse)


def render(source: str, kind: str, engine: str) -> str:
    """A graph in the DOT language as a text in another format."""
    from pyodide.code import run_js

    if not _loaded:
        raise RuntimeError("Graphviz must be loaded first: await graphviz_in_page.load()")
    options = run_js("(format, engine) => ({format, engine})")(kind, engine)
    return str(_loaded[-1].renderString(source, options))


def refuse(*_: object, **__: object) -> None:
    """Refuse to compile: where ``engine.compile`` cannot be imported, its name is that of a function of Python."""
    raise ModuleNotFoundError("engine.compile needs numpy", name="numpy")


def explain(shell: Any, kind: type, error: Exception, trace: Any, tb_offset: int | None = None) -> None:
    """Say of a package that no browser has how to run the notebook; show other errors as always."""
    if words := _words_of(error):
        shell._showtraceback(kind, error, [words])
    else:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def go_on(shell: Any, kind: type, error: Exception, trace: Any, tb_offset: int | None = None) -> None:
    """Say it as a warning, which does not end *Run All Cells*; also of names that such a cell would have made."""
    words = _words_of(error)
    if isinstance(error, NameError):
        words = f"{error}; the cell that makes it may be one that cannot run in the browser"
    if words:
        print(words, file=sys.stderr)
    else:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _words_of(error: Exception) -> str:
    """What to say of a package that no browser has; nothing of other errors."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    if package not in MISSING:
        return ""
    how = 'pip install ".[notebook]" in a clone of the repository on your computer, and open the notebook there'
    return f"This cell needs {package}, which is not in the browser. To run it, {how}."

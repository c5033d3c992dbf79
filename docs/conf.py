"""The documentation: ``sphinx-build -W docs docs/_build/html``, offline, with the extra ``docs``.

Three things are made before the pages: figures that the pages show (``figures.py``), the help of the command, and
copies of the notebooks, which are rendered with the outputs that they keep. All are in folders that git ignores.
"""

import contextlib
import io
import os
import shutil
import sys
from pathlib import Path
from unittest import mock

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT)]  # this checkout's engine and nn, in plain Python, whose signatures can be read

import figures  # noqa: E402

from engine import __version__  # noqa: E402
from nn.__main__ import main  # noqa: E402

project = "gradstep"
author = "The gradstep authors"
project_copyright = author
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "mathml",
    "try_it",
]
exclude_patterns = ["_build", "notebooks/.ipynb_checkpoints"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "substitution"]
myst_heading_anchors = 3
nb_execution_mode = "off"

autodoc_typehints = "none"  # docstrings say in words what is taken and returned
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
maximum_signature_line_length = 88
add_module_names = False
python_display_short_literal_types = True

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"gradstep {release}"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_extra_path = ["_generated/pages"]
pygments_style, pygments_dark_style = "friendly", "github-dark"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

site = try_it_site = os.environ.get("GRADSTEP_SITE", "")
"""The address of the pages that run gradstep in a browser; without it no page mentions them."""
myst_substitutions = {"try_it": f'<a href="{site}">Try it in the browser</a>, with nothing installed.' if site else ""}

COMMANDS = ("train", "predict", "export", "draw", "step")

linkcheck_ignore = [r"https?://"]  # the build needs no network


def help_of(command: str) -> str:
    """What the command prints for ``--help``, 88 characters wide."""
    printed = io.StringIO()
    wide = mock.patch.dict(os.environ, {"COLUMNS": "88"})
    with wide, contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([command, "--help"])
    return printed.getvalue()


def prepare(_app: object, _config: object) -> None:
    """Make the figures and the help texts, copy the notebooks beside the pages, and list them."""
    figures.make(HERE / "_generated")
    for command in COMMANDS:
        (HERE / "_generated" / f"{command}.txt").write_text(help_of(command), encoding="utf-8")
    chapters = {path: path.name.partition("_")[0] for path in (ROOT / "notebooks").glob("*.ipynb")}
    numbers = {path: int(chapter) for path, chapter in chapters.items() if chapter.isdecimal()}  # not a reader's own
    notebooks = sorted(numbers, key=lambda path: numbers[path])
    shutil.rmtree(HERE / "notebooks", ignore_errors=True)  # a notebook may have another name now
    (HERE / "notebooks").mkdir()
    for path in notebooks:
        shutil.copy2(path, HERE / "notebooks")
    listed = "\n".join(f"notebooks/{path.stem}" for path in notebooks)
    (HERE / "_generated" / "notebooks.txt").write_text(f"```{{toctree}}\n{listed}\n```\n", encoding="utf-8")


def setup(app: object) -> None:
    """Tell Sphinx what to do before it looks for pages."""
    app.connect("config-inited", prepare)  # type: ignore[attr-defined]

"""Build the static site: ``python site/build.py [--out site/public] [--without-notebooks]``.

It needs gradstep, or its dependencies, in this Python, and npm. What it builds is a folder of files that any web server
can serve, such as ``python -m http.server --directory site/public``; a page asks no other server for anything.
"""

import argparse
import json
import os
import re
import shutil
import sys
from html import escape
from importlib import import_module
from pathlib import Path

SITE = Path(__file__).resolve().parent
ROOT = SITE.parent
sys.path[:0] = [str(ROOT), str(SITE), str(SITE / "python")]

from commands import run  # noqa: E402

POLICY = (  # no other server is asked for anything, and only the site's own files are run
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; frame-src 'self'; form-action 'none'; "
    "base-uri 'none'"
)
PAGES = {
    "graph.html": "Graph",
    "training.html": "Training",
    "exercises.html": "Exercises",
    "notebooks.html": "Notebooks",
}
RULES = f"""<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="icon.svg">"""
MAKES_PROGRAMS = {"training.html"}  # pages that load modules that they made, from addresses such as blob:...
SKIP = '<a class="skip" href="#main">Skip to the content</a>'
HEAD = RULES + '\n<link rel="stylesheet" href="stepper/colours.css">\n<link rel="stylesheet" href="site.css">'
FROM_NPM = {"pyodide": ("pyodide", "pyodide.mjs pyodide.asm.mjs pyodide.asm.wasm python_stdlib.zip pyodide-lock.json")}
FROM_NPM["@viz-js/viz/dist"] = ("viz", "viz.js")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the static site.")
    parser.add_argument("--out", type=Path, default=SITE / "public", help="the folder that it goes into; made empty")
    parser.add_argument("--without-notebooks", action="store_true", help="leave JupyterLite out")
    options = parser.parse_args()
    build(options.out.resolve(), notebooks=not options.without_notebooks)
    print(f"the site is in {options.out}")


def build(out: Path, notebooks: bool) -> None:
    """Build everything into the folder *out*, which is made empty first."""
    if out.exists() and not (out / "site.css").exists() and any(out.iterdir()):
        raise SystemExit(f"--out must be a new folder or one of an earlier build, got {out}")
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(SITE / "static", out)
    shutil.copytree(SITE / "python", out / "python", ignore=shutil.ignore_patterns("__pycache__"))
    copy_packages(out)
    build_wheels(out / "wheels")
    copy_stepper(out)
    write_pictures(out / "made")
    import_module("exercises").build(out)
    if notebooks:
        import_module("notebooks").build(out)
    else:
        (out / "notebooks.html").unlink()
    fill_pages(out)


def copy_packages(out: Path) -> None:
    """Python and Graphviz for the browser, from npm at the versions of package-lock.json."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("the site needs npm, which comes with Node.js; it is not here")
    run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    for package, (folder, names) in FROM_NPM.items():
        (out / folder).mkdir()
        for name in names.split():
            shutil.copy(SITE / "node_modules" / package / name, out / folder)


def build_wheels(folder: Path) -> None:
    """Gradstep as a pure wheel, and what it needs; ``wheels.json`` lists them."""
    folder.mkdir()
    pip = (sys.executable, "-m", "pip")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT, GRADSTEP_PURE="1")
    exactly = ("--no-deps", "--require-hashes", "--only-binary", ":all:")
    run(*pip, "download", *exactly, "-d", folder, "-r", SITE / "wheels.txt")
    names = sorted(wheel.name for wheel in folder.glob("*.whl"))
    (folder / "wheels.json").write_text(json.dumps(names))


def copy_stepper(out: Path) -> None:
    """The stepper's modules and styles as files, and its markup in the page that frames show."""
    from engine.stepping.page import module_names, part

    folder = out / "stepper"
    folder.mkdir()
    for name in [*module_names(), "colours.css", "stepper.css"]:
        (folder / name).write_text(part(name), encoding="utf-8")
    frame = out / "frame.html"
    frame.write_text(frame.read_text().replace("<!--controls-->", part("controls.html")), encoding="utf-8")


def write_pictures(folder: Path) -> None:
    """What the pages show before Python is there: the answers of their modules to what they begin with."""
    import graph_page
    import training_page

    folder.mkdir()
    first = graph_page.FIRST
    for name, direction in (("upright.json", "TB"), ("first.json", "LR")):
        answer = graph_page.show_formula(**first, looks={"direction": direction})
        (folder / name).write_text(json.dumps(first | {"answer": answer}, allow_nan=False), encoding="utf-8")
    (folder / "first.svg").write_text(answer["svg"], encoding="utf-8")
    network = json.dumps(training_page.build(training_page.FIRST), allow_nan=False)
    (folder / "training.json").write_text(network, encoding="utf-8")


def fill_pages(out: Path) -> None:
    """Put what all pages share into each: the head and the navigation; leave out links to parts that are not built.

    The environment variable GRADSTEP_REPOSITORY may be the address of the repository, to which the pages then link.
    """
    address = os.environ.get("GRADSTEP_REPOSITORY", "")
    repository = f'<a href="{escape(address)}">the repository</a>' if address else "the repository"
    built = {name: title for name, title in PAGES.items() if (out / name).exists()}
    for page in out.glob("*.html"):
        here = ' aria-current="page"'
        links = [f'<a href="{n}"{here if n == page.name else ""}>{t}</a>' for n, t in built.items()]
        home = f'<a class="home" href="index.html"{here if page.name == "index.html" else ""}>gradstep</a>'
        head = HEAD.replace("script-src ", "script-src blob: ") if page.name in MAKES_PROGRAMS else HEAD
        text = page.read_text(encoding="utf-8").replace("<!--rules-->", RULES).replace("<!--head-->", head)
        navigation = f'<header><nav aria-label="Site">{home}{"".join(links)}</nav></header>'
        text = text.replace("<!--navigation-->", f"{SKIP}\n{navigation}")
        text = text.replace("<!--repository-->", repository)
        for name in PAGES.keys() - built.keys():
            text = re.sub(rf'<li data-part="{name}">.*?</li>\n?', "", text, flags=re.DOTALL)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

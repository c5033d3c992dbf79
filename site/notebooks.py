"""The notebooks in JupyterLite: they run in the reader's browser, with packages from this site alone."""

import base64
import hashlib
import json
import shutil
import sys
import tempfile
import zipfile
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from commands import SITE, run
from notebook_page import FOLDER, MISSING

NOTEBOOKS = SITE.parent / "notebooks"

_OF_KERNEL = ("micropip", "ipython", "jedi")  # in Pyodide's list, with all that they need
_OURS: dict[str, tuple[list[str], list[str]]] = {  # the others: what can be imported from each, and what it needs
    "comm": (["comm"], ["traitlets"]),
    "psygnal": (["psygnal"], []),
    "ipywidgets": (["ipywidgets"], ["comm", "ipython", "traitlets"]),
    "anywidget": (["anywidget"], ["ipywidgets", "psygnal", "typing-extensions"]),
    "graphviz": (["graphviz"], []),
    "tqdm": (["tqdm"], []),
    "threadpoolctl": (["threadpoolctl"], []),
    "graphviz-in-page": (["graphviz_in_page"], []),
    "gradstep": (["engine", "nn"], ["graphviz", "tqdm", "threadpoolctl", "anywidget", "graphviz-in-page"]),
}
_PINNED = ("comm==0.2.3", "psygnal==0.16.1", "ipywidgets==8.1.9", "anywidget==0.11.0")
_START = """# For the browser alone: Graphviz, which lays the graphs out, and words for what is missing.
import graphviz_in_page

await graphviz_in_page.load({options})"""
_CANNOT = """> **In this browser** you can read this notebook, with its pictures, but not run it: it needs packages that
> are not here ({missing}). To run it, `pip install ".[notebook]"` in a clone of the repository on your computer."""
_IN_PART = """> **In this browser** most of this notebook runs. Some cells need packages that are not here ({missing}),
> and say so. To run them, too, `pip install ".[notebook]"` in a clone of the repository on your computer."""


def build(out: Path) -> None:
    """Build JupyterLite with the notebooks into the site *out*, and the page that lists them."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        pyodide = work / "lite" / "static" / "pyodide"
        shutil.copytree(out / "pyodide", pyodide)
        add_packages(pyodide, out / "wheels")
        listed = copy_notebooks(work / "lite" / "files")
        run_jupyterlite(work, out / FOLDER)
    write_list(out / "notebooks.html", listed)


def add_packages(pyodide: Path, wheels: Path) -> None:
    """Put all packages beside Pyodide, and a list of just these, with the hashes that they have."""
    lock = json.loads((pyodide / "pyodide-lock.json").read_text())
    known = lock["packages"]
    names = closure([*_OF_KERNEL, "typing-extensions"], known)
    pinned = [f"{name}=={known[name]['version']}" for name in names]
    pure = ("--only-binary", ":all:", "--implementation", "py", "--abi", "none", "--platform", "any")
    command = (sys.executable, "-m", "pip", "download", "--no-deps", *pure, "--python-version", "3.14")
    run(*command, "-d", pyodide, *pinned, *_PINNED)
    for wheel in wheels.glob("*.whl"):
        shutil.copy(wheel, pyodide)
    write_wheel(pyodide, "graphviz_in_page", (SITE / "notebook_page.py").read_text(encoding="utf-8"))
    files = {wheel.name.split("-")[0].lower().replace("_", "-"): wheel for wheel in pyodide.glob("*.whl")}
    packages = {name: known[name] for name in names}
    for name, (imports, depends) in _OURS.items():
        version = files[name].name.split("-")[1]
        packages[name] = known["micropip"] | {"name": name, "version": version, "imports": imports, "depends": depends}
    for name, package in packages.items():
        data = files[name].read_bytes()
        package |= {"file_name": files[name].name, "sha256": hashlib.sha256(data).hexdigest()}
    lock["packages"] = packages
    (pyodide / "pyodide-lock.json").write_text(json.dumps(lock))


def closure(names: list[str], known: dict[str, Any]) -> list[str]:
    """The packages and all that they need, by the names of Pyodide's list."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in found:
            found.add(name)
            waiting += known[name]["depends"]
    return sorted(found)


def write_wheel(folder: Path, name: str, source: str) -> None:
    """A wheel of one module."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: gradstep\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in files.items()]
    files[f"{info}/RECORD"] = "".join([*record, f"{info}/RECORD,,\n"])
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(zipfile.ZipInfo(path), text)  # of one date, so that each build gives the same file


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Listed(NamedTuple):
    """A notebook: its file's name, its title, the packages that it lacks, and whether it runs all the same, in part."""

    name: str
    title: str
    missing: list[str]
    in_part: bool


def copy_notebooks(folder: Path) -> list[Listed]:
    """Copy the notebooks, each with a first cell for the browser, and words for what it lacks."""
    folder.mkdir(parents=True)
    listed = []
    chapters = {path: path.name.partition("_")[0] for path in NOTEBOOKS.glob("*.ipynb")}
    numbers = {path: int(chapter) for path, chapter in chapters.items() if chapter.isdecimal()}  # not a reader's own
    for path in sorted(numbers, key=lambda path: numbers[path]):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        codes = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
        missing = missing_in("\n".join(codes))
        in_part = bool(missing) and not missing_in(codes[0])
        code = _START.format(options="in_part=True" if in_part else "")
        start = {"id": "in-this-browser", "metadata": {}, "cell_type": "code", "source": code}
        notebook["cells"].insert(1, start | {"outputs": [], "execution_count": None})
        if missing:
            words = (_IN_PART if in_part else _CANNOT).format(missing=", ".join(missing))
            notebook["cells"].insert(1, {"id": "missing", "metadata": {}, "cell_type": "markdown", "source": words})
        for output in [output for cell in notebook["cells"] for output in cell.get("outputs", [])]:
            data = output.get("data", {})  # JupyterLab's table of contents reads it, and takes no lists of lines
            data.update({kind: "".join(lines) for kind, lines in data.items() if isinstance(lines, list)})
        (folder / path.name).write_text(json.dumps(notebook), encoding="utf-8")
        title = "".join(notebook["cells"][0]["source"]).splitlines()[0].lstrip("# ")
        listed.append(Listed(path.name, title, missing, in_part))
    return listed


def missing_in(code: str) -> list[str]:
    """The packages that some code needs and that are not in a browser."""
    found = [name for name in MISSING if f"import {name}" in code or f"from {name}" in code]
    return found or (["matplotlib"] if "nn.pictures" in code or "nn import pictures" in code else [])


def run_jupyterlite(work: Path, out: Path) -> None:
    """Build JupyterLite, in a virtual environment that has nothing else."""
    run(sys.executable, "-m", "venv", work / "venv")
    programs = work / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    run(programs / "python", "-m", "pip", "install", "-q", "-r", SITE / "notebooks.txt")
    settings = {"@jupyterlite/pyodide-kernel-extension:kernel": {"disablePyPIFallback": True}}  # from this site alone
    config = {"appName": "gradstep's notebooks", "litePluginSettings": settings, "faviconUrl": "../icon.svg"}
    lite = work / "lite"
    text = json.dumps({"jupyter-lite-schema-version": 0, "jupyter-config-data": config})
    (lite / "jupyter-lite.json").write_text(text)
    where = ("--lite-dir", lite, "--output-dir", out)
    apps = ("--apps", "notebooks", "--apps", "lab", "--no-sourcemaps")
    run(programs / "jupyter", "lite", "build", *where, *apps, folder=work)
    for source_map in out.rglob("*.map"):
        source_map.unlink()


def write_list(page: Path, listed: list[Listed]) -> None:
    """The page that lists the notebooks, with those marked that can only be read here, or run in part."""
    items = []
    for file, title, missing, in_part in listed:
        needs = ", ".join(missing)
        words = f"to read here; it needs {needs} to run" if missing else "runs here"
        words = f"runs here, but for cells that need {needs}" if in_part else words
        link = f"{FOLDER}/notebooks/index.html?path={file}"
        name = title.partition(". ")[2] or title  # the list numbers them
        items.append(f'<li><a href="{escape(link)}">{escape(name)}</a> <small>{escape(words)}</small></li>')
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("<!--notebooks-->", "\n".join(items)), encoding="utf-8")

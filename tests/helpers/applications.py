"""Real applications that show a stepper: each starts on a free port of this machine, and ends with its fixture."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError

PATIENCE = 60_000  # milliseconds: machines are slow at times
CELL = """
from pathlib import Path
from engine import Value, stepper, tanh
x, w, b = Value(2.0, label="x"), Value(-3.0, label="w"), Value(6.88, label="b")
linked = stepper(tanh(x * w + b) * x + x * x, link=True)
linked.observe(lambda change: Path("seen.txt").write_text(str(x.data)), "values")
linked
""".strip()
LARGE = """
from nn import MLP
model = MLP(3, [7, 4, 1], activation="tanh", seed=0)
stepper((model([Value(0.1 * i, label=f"x{i}") for i in range(3)]) - 1) ** 2, names=model)
""".strip()
CODE_SERVER = os.environ.get("GRADSTEP_CODE_SERVER") or shutil.which("code-server")


def is_installed(*packages: str) -> bool:
    return all(find_spec(package) for package in packages)


@contextmanager
def served(command: list[str], path: str, folder: Path, **variables: object) -> Iterator[str]:
    """The address of a server that *command* starts, once *path* answers; ``{port}`` in it is a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [part.replace("{port}", str(port)) for part in command],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(address + path).close()
                break
            except (URLError, ConnectionError):
                assert server.poll() is None, (folder / "server.log").read_text(encoding="utf-8")
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


@contextmanager
def jupyter(folder: Path) -> Iterator[str]:
    """A server for JupyterLab and, where it is installed, Notebook, with nothing of this user's settings."""
    home = folder / ".jupyter"
    options = ["--no-browser", "--allow-root", "--ServerApp.port={port}", "--IdentityProvider.token="]
    options += ["--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}"]
    places = {"JUPYTERLAB_SETTINGS_DIR": home / "settings", "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces"}
    places |= {"JUPYTER_CONFIG_DIR": home / "config", "JUPYTER_RUNTIME_DIR": home / "runtime", "IPYTHONDIR": home}
    with served([sys.executable, "-m", "jupyterlab", *options], "/api", folder, **places) as address:
        set_option(address, "notification", fetchNews="false")  # or it asks, over the notebook
        yield address


def set_option(address: str, plugin: str, **options: str) -> None:
    """Set options of JupyterLab and Notebook, as their settings do."""
    request = urllib.request.Request(
        f"{address}/lab/api/settings/@jupyterlab/apputils-extension:{plugin}",
        json.dumps({"raw": json.dumps(options)}).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(request).close()


def end_kernels(address: str) -> None:
    """End each kernel that a notebook has, as *Shut Down All Kernels* does."""
    with urllib.request.urlopen(f"{address}/api/sessions") as answer:
        sessions = json.load(answer)
    for session in sessions:
        request = urllib.request.Request(f"{address}/api/sessions/{session['id']}", method="DELETE")
        urllib.request.urlopen(request).close()


@contextmanager
def marimo(folder: Path, theme: str) -> Iterator[str]:
    """marimo, which runs a notebook's cells as it opens."""
    config = folder / "marimo"
    config.mkdir()
    text = f'[display]\ntheme = "{theme}"\n[runtime]\nauto_instantiate = true\n'
    (config / "marimo.toml").write_text(text, encoding="utf-8")
    indented = "\n    ".join(CELL.splitlines())
    app = f"import marimo\napp = marimo.App()\n\n@app.cell\ndef _():\n    {indented}\n    return\n"
    (folder / "walk.py").write_text(app, encoding="utf-8")
    options = ["-q", "edit", "--headless", "--no-token", "--skip-update-check", "-p", "{port}", "walk.py"]
    with served([sys.executable, "-m", "marimo", *options], "/", folder, XDG_CONFIG_HOME=folder) as address:
        yield address


@contextmanager
def code_server(folder: Path, theme: str) -> Iterator[str]:
    """VS Code's web build, which shows the outputs that a notebook has."""
    user = folder / ".code"
    (user / "User").mkdir(parents=True)
    settings = {"workbench.colorTheme": theme, "workbench.startupEditor": "none"}
    (user / "User" / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    assert CODE_SERVER is not None
    command = ["node", CODE_SERVER] if CODE_SERVER.endswith(".js") else [CODE_SERVER]
    options = ["--auth", "none", "--bind-addr", "127.0.0.1:{port}", "--config", str(user / "config.yaml")]
    options += ["--user-data-dir", str(user), "--extensions-dir", str(user / "extensions")]
    options += ["--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"]
    with served([*command, *options], "/healthz", folder) as address:
        yield address


def write_notebook(path: Path, *cells: str) -> None:
    import nbformat

    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": spec}), path)


def convert(path: Path, *options: str) -> None:
    """``jupyter nbconvert`` with options."""
    command = [sys.executable, "-m", "nbconvert", "--log-level=ERROR", *options, str(path)]
    subprocess.run(command, check=True, capture_output=True)


def steppers(page: Any) -> list[Any]:
    """The frames of steppers in a page, wherever the application puts them, once they show something."""
    found = []
    for frame in page.frames:
        try:
            if frame.evaluate("document.body?.classList.contains('stepper') && !!document.querySelector('.node')"):
                found.append(frame)
        except Exception:  # a frame that goes away meanwhile
            continue
    return found


def wait_for_stepper(page: Any, count: int = 1, before: Sequence[Any] = (), patience: int = PATIENCE) -> list[Any]:
    """The frames of new steppers, once as many are there."""
    for _ in range(patience // 100):
        found = [frame for frame in steppers(page) if frame not in before]
        if len(found) >= count:
            page.wait_for_timeout(300)
            return found
        page.wait_for_timeout(100)
    raise TimeoutError(f"{count} steppers did not come: {[frame.url for frame in page.frames]}")

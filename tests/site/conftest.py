"""The built site behind a local server, and a browser that reaches no other."""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from checkout import ROOT


class Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):  # a page was closed while it loaded
            super().handle()


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of the site: that of GRADSTEP_SITE, or built here by npm, without the notebooks."""
    if given := os.environ.get("GRADSTEP_SITE"):
        return Path(given)
    if not shutil.which("npm") or not (ROOT / "site" / "build.py").exists():
        pytest.skip("there is no npm here, or no site to build")
    out = tmp_path_factory.mktemp("site") / "public"
    command = [sys.executable, ROOT / "site" / "build.py", "--out", out, "--without-notebooks"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "failed: " in done.stderr and ("npm ci" in done.stderr or "pip" in done.stderr):
        pytest.skip(f"npm or pip cannot install here: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="session")
def address(built):
    """The address of the site's folder, with a slash at its end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=built)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser_flags(browser_flags):
    """No address but this machine's has a name."""
    return [*browser_flags, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


@pytest.fixture
def visit(browser, address):
    """Opens a page of the site; afterwards nothing must have gone wrong, or been asked of another server."""
    troubles, contexts = [], []

    def hear(message):
        if message.type == "error" and not message.location["url"].endswith("/favicon.ico"):
            troubles.append(message.text)

    def opened(path, **options):
        context = browser.new_context(**{"viewport": {"width": 1366, "height": 768}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", hear)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
        ours = (address, "blob:", "data:")
        context.on("request", lambda request: request.url.startswith(ours) or troubles.append(request.url))
        page.goto(address + path)
        return page

    opened.troubles = troubles
    yield opened
    for context in contexts:
        context.close()
    assert troubles == []

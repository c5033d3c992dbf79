"""The front end's modules under node, for the tests that compare them with the engine."""

import atexit
import json
import math
import shutil
import subprocess
import threading
from typing import Any

import pytest
from checkout import ROOT

from engine.stepping.page import module_names, part

SITE = ROOT / "site" / "static"  # which is not there beside the packages alone
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="there is no node here")


def run(folder: Any, code: str, data: Any) -> Any:
    """What ``code``, a module that may import the front end's, makes of ``data``: it is the body of a function."""
    for name in module_names():
        (folder / name).write_text(part(name), encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    imports, _, body = code.partition("\n\n")
    (folder / "main.js").write_text(f"{imports}\nimport {{ readFileSync }} from 'node:fs';\n{_FRAME % body}")
    (folder / "data.json").write_text(json.dumps(sent(data)))
    node = _node(folder)
    node.stdin.write(f"{folder}\n")
    node.stdin.flush()
    slow = threading.Timer(60.0, node.kill)
    slow.start()
    answer = node.stdout.readline()
    slow.cancel()
    assert answer.startswith("{"), answer or "node has ended"
    whole = lambda digits: int(digits) if len(digits) < 16 else float(digits)  # noqa: E731 - a float all the same
    return received(json.loads(answer, parse_int=whole)["answer"])


def _node(folder: Any) -> subprocess.Popen[str]:
    """A node that runs one folder after another; another one for a folder again, whose old modules a node keeps."""
    if not _NODES or _NODES[-1].poll() is not None or folder in _NODES[-1].met:
        _end()
        command = [NODE, "--input-type=module", "--eval", _RUNNER]
        _NODES.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        _NODES[-1].met = []
    _NODES[-1].met.append(folder)
    return _NODES[-1]


@atexit.register
def _end() -> None:
    while _NODES:
        _NODES.pop().communicate()


_NODES: list[Any] = []
_RUNNER = """
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

for await (const folder of createInterface({ input: process.stdin })) {
  process.chdir(folder);
  try {
    const { answer } = await import(pathToFileURL(`${folder}/main.js`));
    process.stdout.write(`{"answer": ${answer}}\\n`);
  } catch (error) {
    process.stdout.write(`${String(error.stack ?? error).replaceAll("\\n", " | ")}\\n`);
  }
}
"""


def run_in_site(folder: Any, code: str, data: Any) -> Any:
    """As ``run``, in the folder ``stepper`` of the site: its other modules are in ``..``."""
    shutil.copytree(SITE, folder, dirs_exist_ok=True)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "stepper").mkdir(exist_ok=True)
    return run(folder / "stepper", code, data)


_FRAME = """
const sent = (x) => typeof x === "number" && (!Number.isFinite(x) || Object.is(x, -0))
  ? { float: Object.is(x, -0) ? "-0.0" : { Infinity: "inf", "-Infinity": "-inf" }[x] ?? "nan" } : x;
const float = (key, x) => x?.float === undefined ? x : { inf: Infinity, "-inf": -Infinity, "-0.0": -0 }[x.float] ?? NaN;
const data = JSON.parse(readFileSync("data.json", "utf8"), float);
function main(data) {
%s
}
export const answer = JSON.stringify(main(data), (key, x) => sent(x));
"""


def sent(thing: Any) -> Any:
    """Numbers that JSON has not, as it can carry them."""
    if isinstance(thing, (list, tuple)):
        return [sent(each) for each in thing]
    if isinstance(thing, dict):
        return {key: sent(each) for key, each in thing.items()}
    if isinstance(thing, float) and not math.isfinite(thing):
        return {"float": str(thing)}
    return thing


def received(thing: Any) -> Any:
    """The numbers back again."""
    if isinstance(thing, list):
        return [received(each) for each in thing]
    if isinstance(thing, dict):
        return float(thing["float"]) if set(thing) == {"float"} else {key: received(x) for key, x in thing.items()}
    return thing

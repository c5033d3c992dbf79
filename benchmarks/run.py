"""Run all benchmarks and write what they measured to RESULTS.md.

    python benchmarks/run.py [--quick] [--plain PYTHON] [--names FILE]

The Python that runs this measures the build of gradstep that is installed in it. ``--plain`` names another Python, such
as ``plain-env/bin/python``, in which gradstep was installed with GRADSTEP_PURE=1, so that the table shows both builds.
"""

import argparse
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from timing import BUILD, Row

HERE = Path(__file__).resolve().parent
BENCHMARKS = ["operations", "mlp_step", "memory", "gpt", "scaling", "drawing", "stepper", "replay", "compiling"]
BENCHMARKS += ["backends", "mnist"]
PEERS = ["micrograd", "xad", "autograd", "torch", "casadi", "jax"]
DRAWING = ["scaling", "replay", "mnist"]
Tables = dict[str, dict[str, dict[str, Row]]]
"""By title, then by what was done, then by build: a row."""


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description="Run all benchmarks and write RESULTS.md.")
    parser.add_argument("--quick", action="store_true", help="short runs, to see that everything works")
    parser.add_argument("--plain", metavar="PYTHON", help="another Python, whose gradstep is the plain build")
    parser.add_argument("--names", metavar="FILE", help="the text file of names that some read: see README.md")
    parser.add_argument("--out", type=Path, default=HERE / "RESULTS.md", metavar="FILE", help="where the results go")
    return parser.parse_args()


def run(python: str, benchmark: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Run one benchmark in *python*, its output shown, and give its table; one that says so where it failed."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "rows.json")
        command = [python, str(HERE / f"{benchmark}.py"), "--rows", str(rows)]
        if chosen.quick:
            command.append("--quick")
        if benchmark in ("gpt", "replay", "compiling", "backends") and chosen.names:
            command += ["--names", chosen.names]
        if benchmark in DRAWING:  # the picture beside the results is that of this build, and not of the other one
            own = python == sys.executable
            command += ["--out", str(chosen.out.with_name(f"{benchmark}.png") if own else Path(folder, "plot.png"))]
        print(f"\n== {benchmark}", flush=True)
        finished = subprocess.run(command, check=False)
        if finished.returncode != 0 or not rows.exists():
            print(f"{benchmark} failed with status {finished.returncode}")
            failed = Row("run to the end", math.inf, at_most=math.inf)
            build = BUILD if python == sys.executable else "plain"
            return {"title": benchmark, "build": build, "rows": [asdict(failed)]}
        found: dict[str, Any] = json.loads(rows.read_text(encoding="utf-8"))
        return found


def measured(chosen: argparse.Namespace) -> Tables:
    """Run everything in every Python, and sort the rows by build."""
    tables: Tables = {}
    for benchmark in BENCHMARKS:
        for python in [sys.executable, *([chosen.plain] if chosen.plain else [])]:
            found = run(python, benchmark, chosen)
            table = tables.setdefault(found["title"], {})
            for fields in found["rows"]:
                table.setdefault(fields["work"], {})[found["build"]] = Row(**fields)
    return tables


def processor() -> str:
    """The model of the processor, where the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions() -> str:
    """The peers, and which versions of them were there."""
    known = []
    for package in PEERS:
        try:
            known.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            known.append(f"no {package}")
    return ", ".join(known)


def cell(row: Row | None) -> str:
    """A measurement with its bar, as one cell of the table."""
    if row is None:
        return ""
    return f"{row.figure} ({row.bar}: {'met' if row.met else '**not met**'})" if row.met is not None else row.figure


def markdown(tables: Tables, builds: list[str], quick: bool) -> str:
    """The page: the machine, and a table for each benchmark."""
    lines = [
        "# What the benchmarks measured",
        "",
        f"On {date.today():%d %B %Y} with Python {platform.python_version()}, on {platform.system()}, {processor()}, "
        f"{os.cpu_count()} cores; gradstep {version('gradstep')}, builds: {' and '.join(builds)}; {versions()}.",
        *(["", "**A quick run: the figures are rough.**"] if quick else []),
        "",
        "Figures marked x are ratios of two times taken in turns in one process; in brackets stands the bar that a",
        "figure is held against. Written by `run.py`; how to run it stands in README.md.",
    ]
    for title, table in tables.items():
        lines += ["", f"## {title}", "", f"| work | {' | '.join(builds)} |", "|---" * (len(builds) + 1) + "|"]
        for work, row in table.items():
            cells = " | ".join(cell(row.get(build)) for build in builds)
            lines.append(f"| `{work}` | {cells} |" if "*" in work else f"| {work} | {cells} |")
    lines += ["", "![Nanoseconds per node, and backward over forward, by the size of the graph](scaling.png)", ""]
    lines += ["![Seconds of a training step, by parameters times examples](replay.png)", ""]
    lines += ["![Right answers on MNIST over the seconds of training](mnist.png)", ""]
    return "\n".join(lines)


def main() -> None:
    """Run, and write the page."""
    chosen = arguments()
    if chosen.plain:
        chosen.plain = os.path.abspath(shutil.which(chosen.plain) or sys.exit(f"there is no {chosen.plain}"))
        command = [chosen.plain, "-c", "import engine; print(engine.COMPILED)"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE).stdout.strip()
        if answer != "False" or BUILD == "plain":
            sys.exit("--plain wants the Python of a plain build, beside this one of a compiled build")
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    tables = measured(chosen)
    builds = [BUILD, *(["plain"] if chosen.plain else [])]
    chosen.out.write_text(markdown(tables, builds, chosen.quick), encoding="utf-8")
    print(f"\nThe results are in {chosen.out}")


if __name__ == "__main__":
    main()

"""What every benchmark here needs: contenders timed in turns, and a table whose rows have bars.

Machines are shared and noisy, so a figure here is a ratio of two times that were taken side by side: the contenders
take turns, round after round, and the best round of each counts.
"""

import argparse
import gc
import importlib.util
import json
import math
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from engine import COMPILED

clock = time.process_time
"""Seconds of this process: while others have the processor, it stands still. Each contender computes in one thread."""

BUILD = "compiled" if COMPILED else "plain"


@dataclass(frozen=True)
class Row:
    """One line of a table: what was done, what was measured, and the bar that it is held against.

    ``measured`` is None where nothing could be measured, and ``note`` then says why; it is infinite after a crash,
    which meets no bar. ``at_most`` infinity asks for no crash and no more. A row without a bar is there to be read.
    """

    work: str
    measured: float | None
    unit: str = "x"
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the bar was met; None where there is no bar, or no measurement."""
        if self.measured is None or (self.at_most is None and self.at_least is None):
            return None
        if self.measured == math.inf:
            return False
        above = self.at_least is None or self.measured >= self.at_least
        return above and (self.at_most is None or self.measured <= self.at_most)

    @property
    def figure(self) -> str:
        """The measurement as text, with three digits and its unit."""
        if self.measured is None or self.measured == math.inf:
            return self.note or "crashed"
        digits = 0 if self.measured >= 100 or self.measured == int(self.measured) else 1 if self.measured >= 10 else 2
        return f"{self.measured:,.{digits}f} {self.unit}"

    @property
    def bar(self) -> str:
        """The bar as text; empty where there is none."""
        if self.at_least is not None:
            return f"at least {self.at_least:g} {self.unit}"
        if self.at_most == math.inf:
            return "no crash"
        return "" if self.at_most is None else f"at most {self.at_most:g} {self.unit}"

    @property
    def verdict(self) -> str:
        """``met``, ``not met``, or nothing."""
        return {True: "met", False: "not met", None: ""}[self.met]


def for_this_build(compiled: float | None = None, plain: float | None = None) -> float | None:
    """The bar of the build that runs here, where the two have different ones."""
    return compiled if COMPILED else plain


def interleaved(
    contenders: Mapping[str, Callable[[], object]], rounds: int, least: float = 0.1, collect: bool = True
) -> dict[str, float]:
    """Seconds that one call of each contender takes, in its best round.

    The garbage collector runs as it comes by default, and a turn should be long enough for its work to show: objects
    that form cycles cost most of their time there. Between turns it runs once more, so that nobody's garbage is
    collected on somebody else's time.

    Args:
        contenders: what to call, by name.
        rounds: how often each has its turn.
        least: seconds that a turn lasts at least; short work is repeated to fill it.
        collect: False turns the collector off during the turns.
    """
    repeats = {name: _repeats(call, least) for name, call in contenders.items()}
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, call in contenders.items():
            gc.collect()
            if not collect:
                gc.disable()
            best[name] = min(best[name], _seconds(call, repeats[name]) / repeats[name])
            gc.enable()
    return best


def _repeats(call: Callable[[], object], least: float) -> int:
    call()  # a first time, for whatever is loaded or specialised then
    return max(1, round(least / max(_seconds(call, 3) / 3, 1e-9)))


def _seconds(call: Callable[[], object], repeats: int) -> float:
    start = clock()
    for _ in range(repeats):
        call()
    return clock() - start


def own_copy(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with bytecode of its own.

    CPython specialises bytecode for the types that it meets. Contenders that shared one function would undo each
    other's specialisation, and the plain float loop would lose most by that.
    """
    code = function.__code__.replace()
    return FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)


def installed(package: str) -> bool:
    """Whether *package* can be imported here."""
    return importlib.util.find_spec(package) is not None


def options(description: str) -> argparse.ArgumentParser:
    """The command line that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a short run, to see that everything works")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="write the rows as JSON too (for run.py)")
    return parser


def report(title: str, rows: Sequence[Row], rows_file: Path | None = None) -> None:
    """Print the table, and write its rows to *rows_file* where one is wanted."""
    print(f"\n{title} ({BUILD} engine, Python {platform.python_version()})")
    lines = [("work", "measured", "bar", "")] + [(row.work, row.figure, row.bar, row.verdict) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    for work, figure, bar, verdict in lines:
        print(f"  {work:{widths[0]}}  {figure:>{widths[1]}}  {bar:{widths[2]}}  {verdict}".rstrip())
    if rows_file is not None:
        document = {"title": title, "build": BUILD, "rows": [asdict(row) for row in rows]}
        rows_file.write_text(json.dumps(document, indent=1), encoding="utf-8")

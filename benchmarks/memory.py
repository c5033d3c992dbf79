"""Bytes per node, the gradient included, and a chain a million operations deep.

    python benchmarks/memory.py [--quick]

Each measurement runs in a fresh Python, because the compiled engine keeps the memory of Values that died for the next
ones.
"""

import argparse
import gc
import json
import math
import subprocess
import sys
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from timing import BUILD, Row, for_this_build, options, report

from engine import Value, size, tanh


def chain(n: int) -> Value:
    """x = tanh(x*w + b) until there are *n* nodes in a row, each different from the one before."""
    w, b = Value(0.9), Value(0.1)
    x = Value(0.5)
    for _ in range(n // 3):
        x = tanh(x * w + b)
    return x


def resident() -> int:
    """Bytes of this process that are in memory now."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024
    import resource  # elsewhere than on Linux the largest so far has to do; macOS gives bytes

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resident_per_node(n: int) -> dict[str, float]:
    """How much the process grows per node: once the graph stands, and once it has its gradients."""
    chain(300).backward()  # whatever is loaded at first use
    gc.collect()
    before = resident()
    root = chain(n)
    built = resident()
    root.backward()
    done = resident()
    nodes = size(root)
    return {"built": (built - before) / nodes, "differentiated": (done - before) / nodes}


def allocated_per_node(n: int) -> dict[str, float]:
    """What Python's allocator handed out per node that is alive, and at the most while the gradients were computed."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    root = chain(n)
    tracemalloc.reset_peak()
    root.backward()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    nodes = size(root)
    return {"differentiated": (after - before) / nodes, "at the most": (peak - before) / nodes}


def deep_chain(n: int) -> dict[str, float]:
    """Seconds to build a chain of *n* operations, to carry gradients through it, and to free it."""
    start = time.perf_counter()
    root = chain(n)
    built = time.perf_counter()
    root.backward()
    done = time.perf_counter()
    del root
    freed = time.perf_counter()
    return {"build": built - start, "backward": done - built, "free": freed - done, "all": freed - start}


MEASUREMENTS = {function.__name__: function for function in (resident_per_node, allocated_per_node, deep_chain)}


def in_fresh_python(measurement: str, n: int, runs: int) -> Mapping[str, float]:
    """The least of several runs, each in a Python of its own; infinity where one of them crashed."""
    command = [sys.executable, __file__, "--measure", measurement, str(n)]
    results = []
    for _ in range(runs):
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode != 0:
            print(f"{measurement} of {n:,} nodes ended with status {finished.returncode}: {finished.stderr[-500:]}")
            return defaultdict(lambda: math.inf)
        results.append(json.loads(finished.stdout))
    return {key: min(result[key] for result in results) for key in results[0]}


def measured(n: int, runs: int) -> list[Row]:
    """All rows."""
    bar = for_this_build(compiled=144.0, plain=220.0)
    resident_bytes = in_fresh_python("resident_per_node", n, runs)
    seconds = in_fresh_python("deep_chain", n, runs)
    print("Seconds on this machine: " + ", ".join(f"{part} {time:.3f}" for part, time in seconds.items()))
    million = "a million" if n == 1_000_000 else f"{n:,}"
    deep = for_this_build(compiled=2.0, plain=math.inf)
    rows = [
        Row(f"growth of the process per node of {million}", resident_bytes["differentiated"], "bytes", at_most=bar),
        Row(f"a chain {million} deep: built, differentiated, freed", seconds["all"], "s", at_most=deep),
    ]
    if BUILD == "plain":  # compiled nodes have memory of their own, which Python does not count
        allocated_bytes = in_fresh_python("allocated_per_node", n, 1)
        rows += [
            Row("bytes per node by Python's own count", allocated_bytes["differentiated"], "bytes", at_most=bar),
            Row("the same, at the most during backward", allocated_bytes["at the most"], "bytes"),
        ]
    return rows


def main() -> None:
    """Measure and print; as a fresh Python of itself, do one measurement."""
    parser = options("Bytes per node, and a very deep chain.")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        name, n = chosen.measure
        print(json.dumps(MEASUREMENTS[name](int(n))))
        return
    rows = measured(100_000 if chosen.quick else 1_000_000, 1 if chosen.quick else 3)
    report("Memory and depth", rows, chosen.rows)


if __name__ == "__main__":
    main()

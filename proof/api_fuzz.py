"""Call everything of the engine with odd arguments, and see that Python survives it.

    python proof/api_fuzz.py [--seed S] [--calls N] [--batches B]

Attributes of Values, Nodes and Operations are read, set and deleted, and their methods and the engine's functions
called; each batch runs in another Python. An exception is fine; a crash or a call without an end is reported with the
calls before it. The compiled build is the one that can crash. Under AddressSanitizer, which sees what luck hides:

    CFLAGS="-fsanitize=address -g" pip install --no-deps --no-build-isolation .
    LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc \\
        python proof/api_fuzz.py --calls 20000
"""

import argparse
import contextlib
import faulthandler
import inspect
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

MODULES = ("value", "node", "operations", "custom", "functions", "validation", "refresh", "pickling")
LEFT_OUT = {"__class__", "__subclasshook__", "__abstractmethods__"}
SECONDS_A_BATCH = 600


class Broken:
    """Fails at whatever it is asked for."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError(name)

    def __float__(self) -> float:
        raise RuntimeError("no number")


def things(choose: random.Random) -> list[Any]:
    """What is put where something else belongs."""
    from engine import Value
    from engine.node import Node
    from engine.operations import LEAF, MUL, PARTIAL, PLAIN, Operation

    x, y = Value(choose.uniform(-2, 2), "x"), Value(0.5)
    z = (x * y + 2) ** 3
    wide = Value(1.0, (x, y, z), (1.0, 2.0, 0.0))
    own = Value(1.0, (x, z), "own")
    own._backward = lambda: setattr(x, "grad", x.grad + own.grad)
    numbers = [None, True, 0, -1, 2**70, 1.5, float("nan"), float("-inf"), 1e308, 1j, b"x", "", "x", "data", "\0\n"]
    nodes = [x, y, z, wide, own, z.tanh() * wide, Node(1.0, ""), Value(1.0, (x,), "+")]
    others = [(), [], {}, set(), (x, z), [1.0, y], {x: 1}, object(), Broken(), Value, Node, Operation, print, iter([x])]
    operations = [LEAF, MUL, PARTIAL, PLAIN, Operation("mine"), own.operation]
    return [*numbers, *nodes, *nodes, *others, *operations, lambda *_: x, lambda: 1 / 0, Value.exp, sys]


def functions() -> list[tuple[str, Callable[..., Any]]]:
    """The functions and classes of the engine's compiled modules, and the public ones."""
    import engine

    found = {f"engine.{name}": getattr(engine, name) for name in dir(engine)}
    for module in MODULES:
        names = vars(__import__(f"engine.{module}", fromlist=["x"]))
        found |= {f"engine.{module}.{name}": thing for name, thing in names.items()}
    own = [(name, f) for name, f in found.items() if str(getattr(f, "__module__", "")).startswith("engine")]
    if not engine.COMPILED:  # private functions take anything there, and leave it among the engine's own things
        own = [(name, f) for name, f in own if not name.rpartition(".")[2].startswith("_")]
    return [(name, f) for name, f in own if callable(f) and not inspect.ismodule(f)]


def a_call(choose: random.Random, known: list[tuple[str, Callable[..., Any]]]) -> None:
    """One call with odd arguments; its words go to standard output before it is made."""
    pool = things(choose)
    arguments = [choose.choice(pool) for _ in range(choose.choice((0, 1, 1, 1, 2, 2, 3, 4)))]
    named = dict.fromkeys(
        choose.sample(["label", "_op", "gradient", "children", "op", "x"], choose.choice((0, 0, 0, 1)))
    )
    target = choose.choice([thing for thing in pool if str(type(thing)).startswith("<class 'engine.")])
    kind = choose.random()
    if kind < 0.3:
        name, function = choose.choice(known)
        print(name, len(arguments), list(map(type, arguments)), named, flush=True)
        result = function(*arguments, **named)
    else:
        on = choose.choice((target, target, type(target)))
        name = choose.choice([name for name in dir(on) if name not in LEFT_OUT])
        print(type(on), type(target), name, kind, list(map(type, arguments)), named, flush=True)
        if kind < 0.5 and on is target:
            setattr(on, name, choose.choice(pool))
        elif kind < 0.6 and on is target:
            delattr(on, name)
        result = getattr(on, name)
        if callable(result):
            result = result(*arguments, **named)
    for use in (repr, hash, list, lambda r: r + 1.0, lambda r: r.backward(), lambda r: r.__dict__):
        with contextlib.suppress(Exception):
            use(choose.choice((result, target)))


def batch(seed: int, calls: int) -> None:
    """Many calls, in this Python."""
    import engine

    faulthandler.enable()
    sys.setrecursionlimit(500)
    known, choose = functions(), random.Random(seed)
    for _ in range(calls):
        with contextlib.suppress(Exception):
            a_call(choose, known)
        x = engine.Value(3.0)
        (x * x).backward()
        if x.grad != 6.0 and engine.COMPILED:
            raise SystemExit("after that call the gradient of x * x is wrong")


def run(seed: int, calls: int) -> str:
    """What went wrong in a batch; empty if nothing did."""
    command = [sys.executable, __file__, "--seed", str(seed), "--calls", str(calls), "--here"]
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, text=True, errors="replace", timeout=SECONDS_A_BATCH
        )
    except subprocess.TimeoutExpired as late:
        return f"no end: {(late.stdout or b'')[-600:]!r}"
    return f"status {done.returncode}: {done.stdout[-600:]}\n{done.stderr[-4000:]}" if done.returncode else ""


def main() -> int:
    """Run the batches; the status is 1 if one failed."""
    parser = argparse.ArgumentParser(description="Call everything of the engine with odd arguments.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calls", type=int, default=5000, help="in a batch")
    parser.add_argument("--batches", type=int, default=1)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        batch(chosen.seed, chosen.calls)
        return 0
    failures = 0
    for seed in range(chosen.seed, chosen.seed + chosen.batches):
        if found := run(seed, chosen.calls):
            failures += 1
            print(f"seed {seed}: {found}")
    print(f"{chosen.batches} batches of {chosen.calls} calls, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

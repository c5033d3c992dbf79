"""Ten thousand training steps leave the process no larger than a thousand did.

    python proof/memory.py                # every way to train
    python proof/memory.py eager replay   # some of them

Each way runs in a Python of its own. Growth is that of the process from 1,000 steps on to 10,000: in bytes as the
system counts it, and in blocks as Python's allocator does. What is allowed is less than one node a step, and less than
one block; numpy fills its store of small blocks meanwhile, which comes to an end. (A program compiled for every step
takes half a megabyte more, once, near the 9,000th; from there to the 60,000th nothing.)
"""

import argparse
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from engine import COMPILED, Value, compile, grad, gradients, tanh
from nn import MLP
from nn.data import moons

EARLY, LATE = 1_000, 10_000  # steps
ALLOWED_BYTES = 720_000  # 80 a step; a node is 95, compiled, or 188, plain
ALLOWED_BLOCKS = 1_800  # one in five steps
DATA = moons(40, seed=0)
ROWS = DATA.X.tolist()


def resident() -> int:
    """Bytes of this process that are in memory now."""
    gc.collect()
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource  # elsewhere than on Linux the largest so far has to do; macOS gives bytes

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# Each way to train is a generator that yields after each step, or after each few.


def eager() -> Iterator[int]:
    """The loop that anybody would write, an example a step."""
    model = MLP(2, [4, 4, 1], seed=0)
    while True:
        for x, y in zip(ROWS, DATA.y):
            model.zero_grad()
            loss = (model(x) - y) ** 2
            loss.backward()
            for p in model.parameters():
                p.data -= 0.01 * p.grad
            yield 1


def fit(replay: bool | None = None) -> Iterator[int]:
    """``fit``, called again and again on one model, with validation data."""
    model = MLP(2, [4, 4, 1], seed=0)
    validation = (DATA.X[:10], DATA.y[:10])
    while True:
        model.fit(DATA.X, DATA.y, loss="binary_cross_entropy", epochs=2, batch_size=1, seed=0, progress=False,
                  replay=replay, validation_data=validation)  # fmt: skip
        yield 2 * len(DATA.y)


def fit_eagerly() -> Iterator[int]:
    """``fit`` without replay."""
    return fit(replay=False)


def new_models() -> Iterator[int]:
    """A model of its own for every forty steps."""
    while True:
        MLP(2, [4, 1], seed=0).fit(DATA.X, DATA.y, loss="hinge", epochs=1, batch_size=1, seed=0, progress=False)
        yield len(DATA.y)


def replay() -> Iterator[int]:
    """Steps of a compiled program."""
    model, x, y = MLP(2, [4, 4, 1], seed=0), [Value(0.0), Value(0.0)], Value(0.0)
    program = compile((model(x) - y) ** 2, inputs=[*x, y], parameters=model.parameters())
    rows = [[*row, float(label)] for row, label in zip(ROWS, DATA.y)]
    while True:
        _, gradient = program.value_and_gradient(rows)
        program.weights -= 0.01 * gradient
        yield 1


def recompiled() -> Iterator[int]:
    """A program of its own for every step."""
    while True:
        w, x = Value(0.5), Value(0.0)
        compile(tanh(w * x), inputs=[x]).value_and_gradient([[1.0], [2.0]])
        yield 1


def higher() -> Iterator[int]:
    """Derivatives of derivatives, both as a function and as a graph."""
    second = grad(grad(lambda v: tanh(v) * v))
    w = Value(0.5)
    while True:
        y = tanh(w) ** 3
        (slope,) = gradients(y, [w])
        slope.backward()
        w.data -= 0.01 * w.grad + 0.001 * second(w.data)
        w.grad = 0.0
        yield 1


WAYS: dict[str, Callable[[], Iterator[int]]] = {
    way.__name__: way for way in (eager, fit, fit_eagerly, new_models, replay, recompiled, higher)
}


def measured(way: Callable[[], Iterator[int]]) -> Iterator[tuple[int, int]]:
    """Bytes of the process and blocks of Python's allocator after 1,000 steps, and after 10,000."""
    steps = way()
    done = 0
    for goal in (EARLY, LATE):
        while done < goal:
            done += next(steps)
        yield resident(), sys.getallocatedblocks()


def main() -> int:
    """Measure; the status is 0 if no way to train grew."""
    parser = argparse.ArgumentParser(description="Does training leave memory behind?")
    parser.add_argument("ways", nargs="*", choices=[*WAYS, []], help="which ways to train (all, unless given)")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        (early, blocks), (late, late_blocks) = measured(WAYS[chosen.ways[0]])
        print(
            f"{chosen.ways[0]:12} {early / 1e6:8.1f} MB {late / 1e6:8.1f} MB {late - early:+10,} bytes "
            f"{late_blocks - blocks:+6,} blocks"
        )
        return int(late - early > ALLOWED_BYTES or late_blocks - blocks > ALLOWED_BLOCKS)
    print(f"{'compiled' if COMPILED else 'plain'} engine; the process after {EARLY:,} steps, after {LATE:,}, growth")
    ended = [
        subprocess.run([sys.executable, __file__, way, "--here"], check=False).returncode for way in chosen.ways or WAYS
    ]
    print("something grew" if any(ended) else "nothing grew")
    return int(any(ended))


if __name__ == "__main__":
    sys.exit(main())

"""Programs in C beside numpy's replay of the same graphs: time, equality, compiling, threads, and the machine's limits.

    python benchmarks/native.py [--quick] [--names FILE]

Steps are timed in one thread, by the time of the processor; two threads against one by the clock on the wall.
"""

import one_thread  # noqa: F401 # isort: skip - before anything that loads numpy
import os
import resource
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import replay_paths as paths
from gpt import GPT, texts
from numpy.typing import NDArray
from replay import on_the_wall
from replay_nets import Work, graph
from timing import Row, interleaved, options, report

from engine import Program, Value, compile, leaves

Floats = NDArray[np.floating[Any]]
Make = Callable[[str], Program]


def processors(number: int | None) -> None:
    """Have programs take so many threads; all that there are for None."""
    os.cpu_count = ALL if number is None else lambda: number  # type: ignore[assignment]


ALL = os.cpu_count


def path(function: Any, rows: Floats, parameters: Sequence[float], backend: str) -> Program:
    """A program of a function of ``replay_paths``."""
    inputs, others = [Value(x) for x in rows[0].tolist()], [Value(p) for p in parameters]
    return compile(function(paths.engine, inputs, others), inputs, others, backend=backend)


def compiled(make: Make, rows: Floats) -> tuple[Program, float, float]:
    """A program in C compiled with an empty cache: seconds of all processors, and by the clock on the wall."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = folder
        program = make("c")
        first = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = on_the_wall({"first": lambda: program.run(rows)}, 1)["first"]
        last = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.environ.pop("XDG_CACHE_HOME") if before is None else os.environ.update(XDG_CACHE_HOME=before)
    return program, last.ru_utime + last.ru_stime - first.ru_utime - first.ru_stime, seconds


def against_numpy(
    title: str, make: Make, rows: Floats, bar: float | None, limit: float | None, rounds: int
) -> list[Row]:
    """Value and gradient by both; how far they are apart; how long it takes to compile."""
    program, of_processors, on_wall = compiled(make, rows[:8])
    programs = {"numpy": make("numpy"), "c": program}
    found = {name: each.value_and_gradient(rows) for name, each in programs.items()}
    (value, gradient), (other, others) = found["numpy"], found["c"]
    units = max(abs(value - other) / abs(value), np.abs(gradient - others).max() / np.abs(gradient).max()) / 2.0**-52
    best = interleaved({name: lambda each=each: each.run(rows) for name, each in programs.items()}, rounds)
    print(f"  {title}: " + ", ".join(f"{name} {1e3 * seconds:.3f} ms" for name, seconds in best.items()), flush=True)
    return [
        Row(f"{title}: C against numpy", best["numpy"] / best["c"], "x faster", at_least=bar),
        Row(f"{title}: C and numpy apart", units, "units of the last place of the largest number"),
        Row(f"{title}: compiling, all processors", of_processors, "s"),
        Row(f"{title}: compiling, on the wall", on_wall, "s", at_most=limit),
        *near_the_limit(title, program, rows, best["c"]),
    ]


def near_the_limit(title: str, program: Program, rows: Floats, seconds: float) -> list[Row]:
    """The least time that the machine needs for the bytes and the operations of a program, as a share of its time."""
    operations, is_pure = counted(program)
    if not is_pure:
        return []
    limit = max(rows.nbytes / BANDWIDTH, operations * len(rows) / RATE)
    kind = "bytes" if rows.nbytes / BANDWIDTH > operations * len(rows) / RATE else "operations"
    note = f"the limit is that of {kind}; {operations:,.0f} operations and {8 * rows.shape[1]} bytes an example"
    return [Row(f"{title}: the machine's limit", limit / seconds, "of the time", note=note)]


def counted(program: Program) -> tuple[float, bool]:
    """Operations of an example, one for each statement, 20 for a function; and whether C does all of it."""
    runner = program._runner
    plan = next(plan for plan, _ in runner._plans.values() if plan.gradient is not None)
    native = plan.kept["c"]
    lines = [line for stretch in native.stretches for line in stretch.lines["each"]]
    n = sum(len(line.operands) // 2 or 1 if line.form in CHEAP else FUNCTION for line in lines)
    return float(n), native.reads_rows


CHEAP = {"add", "subtract", "multiply", "divide", "negative", "copy", "sum", "products", "maximum", "larger", "sqrt"}
FUNCTION = 20
"""Operations that a function such as exp takes, about."""


def bandwidth() -> float:
    """Bytes that one thread reads in a second."""
    numbers = np.ones(2**25)
    return numbers.nbytes / interleaved({"read": lambda: np.vdot(numbers, numbers)}, 5)["read"]


def rate() -> float:
    """Operations a second of one thread in a program of additions and multiplications with nothing in their way."""
    x, w = [Value(0.5 + k / 64) for k in range(16)], [Value(0.99), Value(0.01)]
    made = x
    for _ in range(100):
        made = [each * w[0] + w[1] for each in made]
    program, rows = compile(sum(made[1:], start=made[0]), x, w, backend="c"), np.full((4096, 16), 0.5)
    seconds = interleaved({"run": lambda: program(rows)}, 5)["run"]
    return 2.0 * 16 * 100 * len(rows) / seconds


def language_model(names: Path, rounds: int) -> list[Row]:
    """The GPT of gpt.py: no inputs, one example."""
    if not names.is_file():
        return [Row("a GPT, one name", None, note="no file of names")]
    documents, vocabulary = texts(names)
    model = GPT(Value, vocabulary)
    loss = model.loss(max(documents[:50], key=len))
    used = set(leaves(loss))
    parameters = [parameter for parameter in model.parameters if parameter in used]
    return against_numpy(
        "a GPT, one name",
        lambda backend: compile(loss, [], parameters, backend=backend),
        np.zeros((1, 0)),
        None,
        None,
        rounds,
    )


def two_threads(rows: Floats, rounds: int) -> list[Row]:
    """The same program with one thread and with all."""
    programs = {}
    for n in (1, 2):
        processors(n)
        programs[n] = path(paths.heston, rows, list(paths.PARAMETERS.values()), "c")
        programs[n].run(rows)

    def run(n: int) -> None:
        processors(n)
        programs[n].run(rows)

    best = on_the_wall({"one": lambda: run(1), "two": lambda: run(2)}, 3 * rounds)
    return [Row("Heston: two threads against one", best["one"] / best["two"], "x faster", at_least=1.8)]


def main() -> None:
    """Measure and print."""
    global BANDWIDTH, RATE
    parser = options("Programs in C, beside numpy's replay.")
    names = Path(__file__).resolve().parents[2] / "shared" / "data" / "names.txt"
    parser.add_argument("--names", type=Path, default=names, metavar="FILE", help="a text file, one name to a line")
    chosen = parser.parse_args()
    rounds = 3 if chosen.quick else 9
    processors(1)
    BANDWIDTH, RATE = bandwidth(), rate()
    numbers = np.random.default_rng(0)
    normals = numbers.standard_normal((5_000 if chosen.quick else 100_000, 2 * paths.STEPS))
    start = list(paths.PARAMETERS.values())
    rows = [
        Row("bytes that one thread reads", BANDWIDTH / 1e9, "GB/s"),
        Row("additions and multiplications of one thread", RATE / 1e9, "billions a second"),
    ]
    title = f"{len(normals):,} Heston paths"
    rows += against_numpy(title, lambda backend: path(paths.heston, normals, start, backend), normals, 4.5, 3.0, rounds)
    inputs, others = numbers.uniform(-1.0, 1.0, (1000, 20)), numbers.uniform(-1.0, 1.0, 10).tolist()
    for n, limit in ((1_000, 3.0), (3_000, 6.0), (10_000, 20.0)):

        def make(backend: str, n: int = n) -> Program:
            return path(paths.scramble(n), inputs, others, backend)

        rows += against_numpy(f"a random graph of {n:,} nodes, batch 1,000", make, inputs, 10.0, limit, rounds)
    work = Work((2, 16, 16, 1), 100)
    loss, leaves_of = graph(work, model := work.model())
    batch = numbers.uniform(-1.0, 1.0, (work.batch, len(leaves_of)))

    def step(backend: str) -> Program:
        return compile(loss, leaves_of, model.parameters(), backend=backend)

    rows += against_numpy(str(work), step, batch, 2.0, None, rounds)
    rows += language_model(chosen.names, rounds)
    rows += two_threads(normals, rounds)
    report("Native code, beside numpy's replay", rows, chosen.rows)


BANDWIDTH, RATE = 1.0, 1.0

if __name__ == "__main__":
    main()

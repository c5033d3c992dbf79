"""The same graphs by numpy, by C and by JAX: time, equality, compiling, threads, and the machine's limits.

    python benchmarks/backends.py [--quick] [--names FILE]

Value and gradient are timed by the time of the processor, all threads together; numpy and C have one thread, JAX as
many as it likes. Two threads against one are timed by the clock on the wall.
"""

import one_thread  # noqa: F401 # isort: skip - before anything that loads numpy
import os
import re
import resource
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import replay_paths as paths
from gpt import add_names, loss_of_a_name
from numpy.typing import NDArray
from replay import on_the_wall
from replay_nets import Work, graph
from timing import Row, installed, interleaved, options, report

from engine import Program, Value, compile

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
    title: str, make: Make, rows: Floats, bar: float | None, limit: float | None, rounds: int, by_jax: bool = True
) -> list[Row]:
    """Value and gradient by all backends; how far they are apart; how long it takes to compile."""
    program, of_processors, on_wall = compiled(make, rows[:8])
    programs = {"numpy": make("numpy"), "C": program}
    table = [
        Row(f"{title}: compiling C, all processors", of_processors, "s"),
        Row(f"{title}: compiling C, on the wall", on_wall, "s", at_most=limit),
    ]
    if by_jax and installed("jax"):
        programs["JAX"] = make("jax")
        first = on_the_wall({"first": lambda: programs["JAX"].run(rows)}, 1)["first"]
        table.append(Row(f"{title}: JAX until the first result, on the wall", first, "s"))
    found = {name: each.value_and_gradient(rows) for name, each in programs.items()}
    best = interleaved({name: lambda each=each: each.run(rows) for name, each in programs.items()}, rounds)
    print(f"  {title}: " + ", ".join(f"{name} {1e3 * seconds:.3f} ms" for name, seconds in best.items()), flush=True)
    for name in list(programs)[1:]:
        units = apart(found["numpy"], found[name])
        bars = bar if name == "C" else None
        table.append(Row(f"{title}: {name} against numpy", best["numpy"] / best[name], "x faster", at_least=bars))
        table.append(Row(f"{title}: {name} and numpy apart", units, "units of the last place of the largest number"))
    if "JAX" not in programs:
        table.append(Row(f"{title}: JAX", None, note="not run: XLA compiles a graph of this size for too long"))
    return [*table, *near_the_limit(title, program, rows, best["C"])]


def apart(one: tuple[float, Floats], other: tuple[float, Floats]) -> float:
    """The largest difference of two values and gradients, in units of the last place of the largest number."""
    (value, gradient), (another, gradients) = one, other
    errors = abs(value - another) / abs(value), np.abs(gradient - gradients).max() / np.abs(gradient).max()
    return float(max(errors) / np.finfo(gradient.dtype).eps)


def beside_casadi(rows: Floats, parameters: Sequence[float], rounds: int) -> list[Row]:
    """Heston paths in C, beside the C that CasADi writes, compiled with -O3."""
    title = f"{len(rows):,} Heston paths: C against CasADi's C at -O3"
    if not installed("casadi"):
        return [Row(title, None, note="not installed", at_least=12.0)]
    program = path(paths.heston, rows, parameters, "c")
    other = paths.by_casadi_in_c(paths.heston, rows, parameters)
    paths.check({"replay": program.value_and_gradient(rows), "casadi": other()})
    best = interleaved({"C": lambda: program.run(rows), "casadi": other}, rounds)
    print(f"  CasADi's C {1e3 * best['casadi']:.0f} ms", flush=True)
    return [Row(title, best["casadi"] / best["C"], "x faster", at_least=12.0)]


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
    """Operations of an example, one for each line, 20 for a function; and whether C does all of it."""
    runner = program._runner
    plan = next(plan for plan, _ in runner._plans.values() if plan.gradient is not None)
    native = plan.kept["c"]
    lines = [line.text for stretch in native.stretches for line in stretch.lines["each"]]
    called = [re.search(r"\bv_(\w+)", line) for line in lines]
    n = sum(FUNCTION if found and found[1] not in CHEAP else 1 for found in called)
    return float(n), native.reads_rows


CHEAP = {"maximum", "larger", "sqrt"}
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
    loss, parameters = loss_of_a_name(names)
    return against_numpy(
        "a GPT, one name",
        lambda backend: compile(loss, [], parameters, backend=backend),
        np.zeros((1, 0)),
        None,
        None,
        rounds,
        by_jax=False,
    )


def network(work: Work, bar: float | None, rounds: int) -> list[Row]:
    """A network's loss."""
    loss, leaves_of = graph(work, model := work.model())
    batch = np.random.default_rng(0).uniform(-1.0, 1.0, (work.batch, len(leaves_of))).astype(work.dtype)

    def step(backend: str) -> Program:
        return compile(loss, leaves_of, model.parameters(), work.dtype, backend=backend)

    return against_numpy(str(work), step, batch, bar, None, rounds)


def two_threads(rows: Floats, rounds: int) -> list[Row]:
    """The same program with one thread and with two; and two digests by hashlib, which tell what the machine can."""
    programs = {}
    for n in (1, 2):
        processors(n)
        programs[n] = path(paths.heston, rows, list(paths.PARAMETERS.values()), "c")
        programs[n].run(rows)

    def run(n: int) -> None:
        processors(n)
        programs[n].run(rows)

    data = [bytes(2**25)] * 2

    def both() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(sha256, data))

    calls = {"one": lambda: run(1), "two": lambda: run(2), "digests": lambda: [*map(sha256, data)], "both": both}
    best = on_the_wall(calls, 3 * rounds)
    return [
        Row("two threads that share nothing, against one", best["digests"] / best["both"], "x faster"),
        Row("Heston: two threads against one", best["one"] / best["two"], "x faster", at_least=1.8),
    ]


def main() -> None:
    """Measure and print."""
    global BANDWIDTH, RATE
    parser = options("The same graphs by numpy, C and JAX.")
    add_names(parser)
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
    rows += beside_casadi(normals, start, rounds)
    inputs, others = numbers.uniform(-1.0, 1.0, (1000, 20)), numbers.uniform(-1.0, 1.0, 10).tolist()
    for n, limit in ((1_000, 3.0), (3_000, 6.0), (10_000, 20.0)):

        def make(backend: str, n: int = n) -> Program:
            return path(paths.scramble(n), inputs, others, backend)

        title = f"a random graph of {n:,} nodes, batch 1,000"
        rows += against_numpy(title, make, inputs, 10.0, limit, rounds, by_jax=n == 1_000 and not chosen.quick)
    for work, bar in ((Work((2, 16, 16, 1), 100), 2.0), (Work((784, 128, 64, 10), 1_000, "float32"), None)):
        rows += network(work, bar, rounds)
    rows += language_model(chosen.names, rounds)
    rows += two_threads(normals, rounds)
    report("Backends: C and JAX beside numpy", rows, chosen.rows)


BANDWIDTH, RATE = 1.0, 1.0

if __name__ == "__main__":
    main()

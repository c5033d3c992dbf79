"""A graph built once for one example and replayed for batches, beside numpy, torch, CasADi, JAX and Values.

    python benchmarks/replay.py [--quick] [--names FILE] [--out replay.png]

Training steps of networks are compared in one thread each (replay_nets.py), by the time of the processor. Paths and the
random graph (replay_paths.py) run on as many threads as each library takes, by the clock on the wall.
"""

import one_thread  # noqa: F401 # isort: skip - before anything that loads numpy
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import replay_paths as paths
from gpt import GPT, add_names, texts
from replay_nets import COPIES, Work, contenders, eager, graph, replayed
from timing import BUILD, Row, clock, for_this_build, installed, interleaved, options, report

from engine import Value, compile, leaves, size

STEPS = [
    (Work((2, 16, 16, 1), 100), 2.0, 3.0),
    (Work((784, 30, 10), 10), 1.5, 2.0),
    (Work((784, 30, 10), 32), 1.5, 2.0),
    (Work((784, 30, 10), 10, "float32"), 1.5, 2.0),
    (Work((784, 30, 10), 32, "float32"), 1.5, 2.0),
    (Work((784, 128, 64, 10), 64, "float32"), 1.3, 1.0),
]
"""Each with its bars: at most so many times the step by hand in numpy, at least so many times faster than torch."""

LINE = [
    Work((4, 8, 1), 20),
    Work((4, 16, 16, 1), 25),
    Work((16, 32, 16, 1), 100),
    Work((64, 64, 10), 200),
    Work((196, 64, 10), 800),
    Work((784, 128, 64, 10), 1000),
]
"""From 10^3 to 10^8 parameters times examples."""


def training_steps(rounds: int) -> list[Row]:
    """A step of each network, against numpy by hand and against torch."""
    if installed("torch"):
        import torch

        torch.set_num_threads(1)
    rows = []
    for work, by_hand, torch_bar in STEPS:
        best = interleaved(contenders(work), rounds)
        print(f"  {work}: " + ", ".join(f"{name} {1e6 * seconds:.0f} us" for name, seconds in best.items()))
        for name, words in (("replay", ""), (COPIES, f", {COPIES}")):
            slower = best[name] / best["numpy"]
            rows.append(Row(f"{work}: against numpy by hand{words}", slower, "x the time", by_hand))
            if "torch" in best:
                faster = best["torch"] / best[name]
                rows.append(Row(f"{work}: against torch{words}", faster, "x faster", at_least=torch_bar))
    return rows


def least(call: Callable[[], object], rounds: int) -> float:
    """Seconds of the processor that a call takes at best."""
    seconds = []
    for _ in range(rounds):
        begin = clock()
        call()
        seconds.append(clock() - begin)
    return min(seconds)


def peak(call: Callable[[], object]) -> int:
    """The most memory in bytes that a call has at a time, beyond what was there before."""
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def compiling(rounds: int) -> list[Row]:
    """Seconds and bytes that compiling takes."""
    rows = []
    for work, bar in ((Work((784, 30, 10), 1), 0.5), (Work((784, 128, 64, 10), 1), 2.0)):
        model = work.model()
        loss, inputs = graph(work, model)
        parameters, n_nodes = model.parameters(), size(loss)
        name = f"compile {'-'.join(map(str, work.widths))} ({n_nodes:,} nodes)"

        def call(loss: Value = loss, inputs: Any = inputs, parameters: Any = parameters) -> object:
            return compile(loss, inputs, parameters)

        rows.append(Row(name, least(call, rounds), "s", at_most=bar))
        rows.append(Row(f"{name}: memory at the peak", peak(call) / n_nodes, "bytes a node", at_most=300.0))
    return rows


def on_the_wall(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds by the clock on the wall of the best turn of each, one call a turn."""
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, call in contenders.items():
            begin = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - begin)
    return best


def against(
    title: str, function: Any, rows: np.ndarray, parameters: Sequence[float], bars: dict[str, float], rounds: int
) -> list[Row]:
    """One function in all libraries; the first call of each, which compiles, does not count."""
    calls, found, made = {}, {}, {}
    for name, make in paths.contenders(["replay", *bars]).items():
        begin = time.perf_counter()
        calls[name] = make(function, rows, parameters)
        made[name] = time.perf_counter() - begin
        found[name] = calls[name]()
        first = time.perf_counter() - begin
        print(f"  {title}: {name}: {made[name]:.2f} s to make, {first:.2f} s until the first result", flush=True)
    paths.check(found)
    paths.check_eagerly(function, rows[:20], parameters, paths.by_replay(function, rows[:20], parameters)())
    best = on_the_wall(calls, rounds)
    print(f"  {title}: " + ", ".join(f"{name} {seconds:.3f} s" for name, seconds in best.items()))
    result = [Row(f"{title}: {name}", None, note="not installed", at_least=bars[name]) for name in bars.keys() - best]
    for name in bars.keys() & best:
        faster = best[name] / best["replay"]
        result.append(Row(f"{title}: against {name}", faster, "x faster", at_least=bars[name]))
    return sorted(result, key=lambda row: row.work)


def without_matrices(quick: bool) -> list[Row]:
    """The Heston paths, and the random graph."""
    numbers = np.random.default_rng(0)
    normals = numbers.standard_normal((5_000 if quick else 100_000, 2 * paths.STEPS))
    start = list(paths.PARAMETERS.values())
    leaves_ = [Value(x) for x in [*normals[0].tolist(), *start]]
    price = paths.heston(paths.engine, leaves_[:-6], leaves_[-6:])
    seconds = least(lambda: compile(price, leaves_[:-6], leaves_[-6:]), 3 if quick else 9)
    rows = [Row(f"compile a Heston path ({size(price):,} nodes)", seconds, "s", at_most=0.1)]
    title, rounds = f"{len(normals):,} Heston paths, value and gradient", 3 if quick else 9
    bars = {"casadi": 5.0} if quick else {"casadi": 5.0, "jax": 1.3}  # JAX takes most of a minute to compile
    rows += against(title, paths.heston, normals, start, bars, rounds)
    inputs, others = numbers.uniform(-1.0, 1.0, (1000, 20)), numbers.uniform(-1.0, 1.0, 10).tolist()
    title = "a random graph of 10,000 nodes, batch 1,000"
    return rows + against(title, paths.scramble(10_000), inputs, others, {"casadi": 1.0}, rounds)


def language_model(names: Path, rounds: int) -> list[Row]:
    """The GPT of gpt.py on the longest of its first names: one graph, with no inputs."""
    title = "a GPT, one name"
    if not names.is_file():
        return [Row(title, None, note="no file of names", at_least=30.0)]
    documents, vocabulary = texts(names)
    text = max(documents[:50], key=len)
    model = GPT(Value, vocabulary)
    loss = model.loss(text)
    used = set(leaves(loss))
    parameters = [parameter for parameter in model.parameters if parameter in used]
    seconds = least(lambda: compile(loss, [], parameters), max(3, rounds // 2))
    program = compile(loss, [], parameters)
    loss.backward()
    value, gradient = program.value_and_gradient()
    np.testing.assert_allclose([value, *gradient], [loss.data, *(p.grad for p in parameters)], rtol=1e-9, atol=1e-12)
    best = interleaved(
        {"replay": program.value_and_gradient, "eager": lambda: model.loss(text).backward()}, rounds, least=0.02
    )
    print(f"  {title}: " + ", ".join(f"{name} {1e3 * seconds:.2f} ms" for name, seconds in best.items()))
    bar = for_this_build(plain=30.0)
    return [
        Row(f"compile a GPT's loss ({size(loss):,} nodes)", seconds, "s", at_most=2.0),
        Row(f"{title}: against building it and backward", best["eager"] / best["replay"], "x faster", at_least=bar),
    ]


def line(file: Path, rounds: int, works: Sequence[Work]) -> list[Row]:
    """The cost of a step against parameters times examples: a constant and a slope."""
    calls = [{"replay": replayed(work), "numpy": contenders(work)["numpy"]} for work in works]
    best = [interleaved(call, rounds) for call in calls]
    for place, work in enumerate(works):
        if work.n_parameters * work.batch <= 200_000:
            best[place] |= interleaved({"eager": eager(work)}, 2)
    amounts = [work.n_parameters * work.batch for work in works]
    seconds = [call["replay"] for call in best]
    slope = seconds[-1] / amounts[-1]
    start = seconds[0] - slope * amounts[0]
    off = max(max(s / (start + slope * a), (start + slope * a) / s) for a, s in zip(amounts, seconds))
    if installed("matplotlib"):
        draw(amounts, best, start, slope, file)
    title = f"steps of 10^3 to 10^{round(np.log10(amounts[-1]))} parameters x examples: farthest from a straight line"
    return [Row(title, off, at_most=2.0)]


def draw(amounts: Sequence[int], best: Sequence[dict[str, float]], start: float, slope: float, file: Path) -> None:
    """The times of steps in logarithmic scales, and the straight line through the first and the last."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    ink, blue, orange, grey = "#333333", "#2f6db5", "#d9762b", "#7a8794"
    settings = {"font.size": 11, "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": "#999999"}
    with pyplot.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(8, 4.8), layout="constrained")
        fine = np.geomspace(amounts[0], amounts[-1], 200)
        straight = f"{1e6 * start:.0f} us + {1e9 * slope:.2f} ns x parameters x examples"
        axes.plot(fine, start + slope * fine, color=blue, linewidth=5, alpha=0.2, label=straight)
        labels = (
            ("eager", orange, "Values, one by one"),
            ("numpy", grey, "by hand in numpy"),
            ("replay", blue, "replay"),
        )
        for name, colour, label in labels:
            points = [(a, times[name]) for a, times in zip(amounts, best) if name in times]
            axes.plot(*zip(*points), "o-", color=colour, linewidth=2, markersize=6, label=label)
        axes.set(xscale="log", yscale="log", xlabel="parameters x examples in a step", ylabel="seconds for a step")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#e6e6e6")
        axes.set_axisbelow(True)
        axes.set_ylim(bottom=min(times["numpy"] for times in best) / 12)  # room for the legend
        axes.legend(frameon=False, loc="lower right")
        axes.set_title(f"What a training step costs ({BUILD} engine)", loc="left", fontsize=13)
        figure.savefig(file, dpi=150)
        pyplot.close(figure)
    print(f"The plot is in {file}")


def main() -> None:
    """Measure, print and draw."""
    parser = options("Replay of compiled graphs, beside numpy, torch, CasADi and JAX.")
    add_names(parser)
    default = Path(__file__).with_name("replay.png")
    parser.add_argument("--out", type=Path, default=default, metavar="FILE", help="where the plot goes")
    chosen = parser.parse_args()
    rounds = 3 if chosen.quick else 9
    rows = training_steps(rounds)
    rows += compiling(2 if chosen.quick else 5)
    rows += language_model(chosen.names, rounds)
    rows += without_matrices(chosen.quick)
    rows += line(chosen.out, rounds, LINE[:5] if chosen.quick else LINE)
    report("Replay: graphs run for whole batches", rows, chosen.rows)


if __name__ == "__main__":
    main()

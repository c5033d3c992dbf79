"""What a node costs in small graphs and in large ones: 1,000 to 1,000,000 nodes, forward and backward.

    python benchmarks/scaling.py [--quick] [--out scaling.png]

A node should cost the same in any company, so the lines of the plot should stay flat.
"""

import gc
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timing import BUILD, Row, clock, installed, options, report

from engine import Value, mean, tanh
from nn import MLP

SIZES = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]


@dataclass
class Cost:
    """Nanoseconds per node in graphs of one size: to build and free it, and to carry gradients back."""

    nodes: int
    forward: float = float("inf")
    backward: float = float("inf")

    @property
    def ratio(self) -> float:
        """Backward over forward."""
        return self.backward / self.forward


def measure_once(cost: Cost) -> None:
    """One turn for one size, as many graphs as make some 100,000 nodes; the best turn counts."""
    repeats = max(1, 100_000 // cost.nodes)
    w, b, start = Value(0.9), Value(0.1), Value(0.5)
    forward = backward = 0.0
    gc.collect()
    for _ in range(repeats):
        begin = clock()
        x = start
        for _ in range(cost.nodes // 3):
            x = tanh(x * w + b)
        built = clock()
        x.backward()
        done = clock()
        del x
        forward += (built - begin) + (clock() - done)
        backward += done - built
    cost.forward = min(cost.forward, 1e9 * forward / repeats / cost.nodes)
    cost.backward = min(cost.backward, 1e9 * backward / repeats / cost.nodes)


def measured(sizes: Sequence[int], rounds: int) -> list[Cost]:
    """The costs for all sizes, which take turns."""
    costs = [Cost(nodes) for nodes in sizes]
    for _ in range(rounds):
        for cost in costs:
            measure_once(cost)
    return costs


def ageing(steps: int) -> float:
    """How much longer the last of many training steps take than the first, on graphs of half a million nodes.

    The examples come in another order each time, so that graphs are freed in another order than they were built in, and
    an allocator that scatters the next graph over the memory of the last ones shows here.
    """
    numbers = random.Random(0)
    model = MLP(2, [16, 16, 1], seed=0)
    points = [[numbers.uniform(-1, 1), numbers.uniform(-1, 1)] for _ in range(800)]
    seconds = []
    for _ in range(steps):
        numbers.shuffle(points)
        begin = clock()
        scores: list[Any] = [model(point) for point in points]
        loss = mean((1 - score).relu() for score in scores)
        loss.backward()
        del scores, loss
        seconds.append(clock() - begin)
    tenth = max(2, steps // 10)
    return min(seconds[-tenth:]) / min(seconds[:tenth])


def draw(costs: Sequence[Cost], file: Path) -> None:
    """Two panels side by side: nanoseconds per node, and backward over forward."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.axes import Axes

    nodes = [cost.nodes for cost in costs]
    ink, blue, orange = "#333333", "#2f6db5", "#d9762b"
    with pyplot.rc_context({"font.size": 11, "text.color": ink, "axes.labelcolor": ink, "axes.edgecolor": "#999999"}):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.2), layout="constrained")

        def line(axes: Axes, heights: list[float], colour: str, label: str) -> None:
            axes.plot(nodes, heights, "o-", color=colour, linewidth=2, markersize=6)
            axes.annotate(label, (nodes[-1], heights[-1]), (8, -4), textcoords="offset points", color=colour)

        line(left, [cost.forward for cost in costs], blue, "forward")
        line(left, [cost.backward for cost in costs], orange, "backward")
        line(right, [cost.ratio for cost in costs], ink, "")
        left.set_title("Nanoseconds per node", loc="left", fontsize=12)
        right.set_title("Backward over forward", loc="left", fontsize=12)
        for axes in (left, right):
            axes.set_xscale("log")
            axes.set_ylim(0, 1.25 * max(max(line.get_ydata()) for line in axes.lines))
            axes.set_xlabel("nodes in the graph")
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(axis="y", color="#e6e6e6")
            axes.set_axisbelow(True)
        figure.suptitle(
            f"What a node costs in small graphs and in large ones ({BUILD} engine)", x=0.01, ha="left", fontsize=13
        )
        figure.savefig(file, dpi=150)
        pyplot.close(figure)
    print(f"The plot is in {file}")


def main() -> None:
    """Measure, print and draw."""
    parser = options("The cost of a node in small and in large graphs.")
    default = Path(__file__).with_name("scaling.png")
    parser.add_argument("--out", type=Path, default=default, metavar="FILE", help="where the plot goes")
    chosen = parser.parse_args()
    costs = measured(SIZES[:5] if chosen.quick else SIZES, 4 if chosen.quick else 9)
    print("Nanoseconds per node on this machine:")
    for cost in costs:
        print(f"  {cost.nodes:9,} nodes: forward {cost.forward:6.1f}, backward {cost.backward:6.1f}")
    if installed("matplotlib"):
        draw(costs, chosen.out)
    else:
        print("matplotlib is not installed, and so there is no plot")
    aged = ageing(10 if chosen.quick else 60)  # last, because the memory that it scatters would spoil the plot
    totals = [cost.forward + cost.backward for cost in costs]
    rows = [
        Row("a node of the largest graph, against one of the smallest", totals[-1] / totals[0], "x the time"),
        Row("the dearest node, against the cheapest", max(totals) / min(totals), "x the time"),
        Row("the last of many training steps, against the first", aged, "x the time"),
    ]
    rows += [Row(f"backward over forward, {cost.nodes:,} nodes", cost.ratio, "x the time") for cost in costs]
    report("Scaling from small graphs to large ones", rows, chosen.rows)


if __name__ == "__main__":
    main()

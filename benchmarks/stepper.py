"""Building a stepper: seconds, and the size of its page.

    python benchmarks/stepper.py [--quick]

The graph is a small MLP's loss on one example, laid out, walked through and checked by finite differences; the seconds
include Graphviz, which is a process of its own, and so are those of a clock on the wall.
"""

import time

from timing import Row, options, report

from engine import Value, size, stepper
from nn import MLP

BARS = {200: (0.3, 400.0)}  # nodes at least: seconds and kilobytes at most


def loss(n_inputs: int, widths: list[int]) -> tuple[Value, MLP]:
    """The squared error of an MLP on one example."""
    model = MLP(n_inputs, widths, activation="tanh", seed=0)
    x = [Value(0.1 * i + 0.05, label=f"x{i}") for i in range(n_inputs)]
    return (model(x) - 1.0) ** 2, model


def seconds_and_page(root: Value, model: MLP, runs: int) -> tuple[float, str]:
    """The best time of several, and the page."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        page = stepper(root, names=model).html
        best = min(best, time.perf_counter() - start)
    return best, page


def main() -> None:
    """Measure and print."""
    chosen = options("Building a stepper.").parse_args()
    rows = []
    for n_inputs, widths in ((2, [4, 1]), (3, [7, 5, 1]), (6, [12, 6, 1])):
        root, model = loss(n_inputs, widths)
        nodes = size(root)
        seconds, page = seconds_and_page(root, model, 1 if chosen.quick else 5)
        at_most = next((bars for least, bars in BARS.items() if least <= nodes < 2 * least), (None, None))
        rows.append(Row(f"a stepper through {nodes} nodes", seconds, "s", at_most=at_most[0]))
        rows.append(Row(f"its page of {nodes} nodes", len(page.encode()) / 1000, "kB", at_most=at_most[1]))
    report("Stepper", rows, chosen.rows)


if __name__ == "__main__":
    main()

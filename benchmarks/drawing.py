"""Pictures of graphs: a whole one of about a thousand nodes, and large ones folded.

    python benchmarks/drawing.py [--quick]

Graphviz runs in a process of its own, so these are seconds by the clock, the best of some runs; walking the graph,
folding it and writing the SVG are all in them.
"""

import random
import time
from collections.abc import Callable

from timing import Row, options, report

from engine import Value, draw, size
from nn import MLP


def squared_error(model: MLP, kind: type) -> Value:
    """The loss of one example with random inputs of that *kind*, and its gradients."""
    rng = random.Random(0)
    outputs = model([kind(rng.random()) for _ in range(model.n_inputs)])
    loss = sum(((o - 1.0) ** 2 for o in (outputs if isinstance(outputs, list) else [outputs])), Value(0.0))
    loss.backward()
    return loss


def chain(length: int) -> Value:
    """A graph so many nodes deep."""
    x = Value(1.0)
    for _ in range(length - 1):
        x = x + x
    return x


def seconds(call: Callable[[], object], runs: int) -> float:
    """What the fastest of several runs takes."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def measured(runs: int, deep: int) -> list[Row]:
    """All rows."""
    small, large = MLP(2, [16, 16, 1], seed=0), MLP(784, [30, 10], seed=0)
    whole, digits, long = squared_error(small, Value), squared_error(large, float), chain(deep)

    def row(work: str, bar: float | None, loss: Value, **options: object) -> Row:
        taken = seconds(lambda: draw(loss, timeout=600, **options).pipe("svg"), runs)  # type: ignore[arg-type]
        return Row(f"{work}, {size(loss):,} nodes", taken, "s", at_most=bar)

    return [
        row("2-16-16-1 with its loss, all drawn", 1.5, whole, most=2_000),
        row("the same, neurons and layers framed", 1.5, whole, most=2_000, depth=3, names=small),
        row("the same, folded to neurons", None, whole, depth=2, names=small),
        row("784-30-10 with its loss, folded", 3.0, digits, names=large),
        row("a chain, all but its end folded", None, long),
    ]


def main() -> None:
    """Measure and print."""
    chosen = options("Seconds for pictures of graphs.").parse_args()
    rows = measured(1 if chosen.quick else 5, 100_000 if chosen.quick else 1_000_000)
    report("Pictures", rows, chosen.rows)


if __name__ == "__main__":
    main()

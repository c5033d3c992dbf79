"""Compiling: what a program costs before its first result, in microseconds of the processor for a node of the graph.

    python benchmarks/compiling.py [--quick] [--names FILE]

The graph exists already. Half of the work comes with the first run: a program plans its instructions and memory for
values, or for a gradient, when it is first asked for these. What a first gradient takes longer than a second one is
compiling, too; the bar is held against all of it.
"""

import one_thread  # noqa: F401 # isort: skip - before anything that loads numpy
import gc
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import replay_paths as paths
from gpt import add_names, loss_of_a_name
from replay_nets import Work, graph
from timing import Row, clock, options, report

from engine import Program, Value, compile, size, tanh
from nn import MLP


class Case(NamedTuple):
    """A graph, the leaves that examples change, and the leaves to differentiate with respect to."""

    name: str
    root: Value
    inputs: Sequence[Value]
    parameters: Sequence[Value]

    def program(self) -> Program:
        """The graph compiled."""
        return compile(self.root, self.inputs, self.parameters)


def scrambled(n_nodes: int) -> Case:
    """A random graph."""
    numbers = np.random.default_rng(0)
    inputs, others = ([Value(x) for x in numbers.uniform(-1.0, 1.0, n).tolist()] for n in (20, 10))
    root = paths.scramble(n_nodes)(paths.engine, inputs, others)
    return Case(f"a random graph of {n_nodes:,} nodes", root, inputs, others)


def deep(n_nodes: int) -> Case:
    """A random graph in which each operation takes results of the last six, so that few are of one depth."""
    choose, parameters = random.Random(3), [Value(0.3), Value(-0.4)]
    inputs = [Value(0.1 * (i + 1)) for i in range(6)]
    made = [*inputs, *parameters]
    while len(made) < n_nodes:
        a, b = choose.choices(made[-6:], k=2)
        kind = choose.choice(("+", "-", "*", "w", "c", "tanh", "sigmoid", "sin", "exp", "square", "/"))
        made += [tanh(a), tanh(a).exp()] if kind == "exp" else [_applied(kind, a, b, parameters)]
        if abs(made[-1].data) > 10.0:
            made[-1] = tanh(made[-1])
    return Case(f"a deep random graph of {n_nodes:,} nodes", made[-1], inputs, parameters)


def _applied(kind: str, a: Value, b: Value, parameters: Sequence[Value]) -> Value:
    match kind:
        case "+" | "-" | "*":
            return {"+": a + b, "-": a - b, "*": a * b}[kind]
        case "/":
            return a / (b * b + 1.0)
        case "w":
            return a * parameters[0] + parameters[1]
        case "c":
            return 0.5 * a
    return a**2 if kind == "square" else getattr(a, kind)()


def chain(n_operations: int) -> Case:
    """One operation after the other."""
    x, w, bias = Value(0.5), Value(0.9), Value(0.1)
    made = x
    for step in range(n_operations):
        made = (made * w, made + bias, tanh(made))[step % 3]
    return Case(f"a chain of {n_operations:,} operations", made, [x], [w, bias])


def recurrent(n_steps: int) -> Case:
    """A cell that takes a number at each step."""
    inputs, (w, u, bias) = [Value(0.01 * (i % 100)) for i in range(n_steps)], (Value(0.5), Value(-0.7), Value(0.1))
    state: Any = 0.0
    for x in inputs:
        state = tanh(w * x + u * state + bias)
    return Case(f"a recurrent cell of {n_steps:,} steps", state, inputs, [w, u, bias])


def batch() -> Case:
    """The loss of a small network over 20 examples, all of them in one graph."""
    model, numbers = MLP(2, [16, 16, 1], seed=0), np.random.default_rng(1)
    rows, targets = numbers.uniform(-1.0, 1.0, (20, 2)).tolist(), numbers.uniform(-1.0, 1.0, 20).tolist()
    loss = sum((model(row) - target) ** 2 for row, target in zip(rows, targets)) / len(rows)
    return Case("2-16-16-1, 20 examples in one graph", loss, [], model.parameters())


def network(*widths: int) -> Case:
    """The squared error of a network for one example."""
    work = Work(widths, 1)
    model = work.model()
    loss, inputs = graph(work, model)
    return Case("-".join(map(str, widths)), loss, inputs, model.parameters())


def heston() -> Case:
    """The path of ``replay_paths``."""
    normals = np.random.default_rng(0).standard_normal(2 * paths.STEPS).tolist()
    inputs, others = [Value(x) for x in normals], [Value(p) for p in paths.PARAMETERS.values()]
    return Case("a Heston path", paths.heston(paths.engine, inputs, others), inputs, others)


def language_model(names: Path) -> Case:
    """The loss of the GPT of ``gpt.py`` for one name."""
    loss, parameters = loss_of_a_name(names)
    return Case("a GPT, one name", loss, [], parameters)


def makers(names: Path, quick: bool) -> list[Callable[[], Case]]:
    """What is compiled."""
    many = [1_000, 3_000, 10_000, 30_000]
    sizes = [(scrambled, many), (deep, many), (chain, [10_000, 100_000]), (recurrent, [3_000, 10_000])]
    of_sizes = [partial(make, n) for make, ns in sizes for n in (ns[: len(ns) // 2] if quick else ns)]
    of_names = [partial(language_model, names)] if names.is_file() else []
    return [*of_sizes, batch, partial(network, 784, 64, 10), heston, *of_names]


def least(make: Callable[[], Program], run: Callable[[Program], object], rounds: int) -> tuple[float, float]:
    """Seconds of the processor at best: to make a program and run it, and without what a second run takes."""
    firsts, more = [], []
    for _ in range(rounds):
        gc.collect()
        begin = clock()
        program = make()
        run(program)
        middle = clock()
        run(program)
        firsts.append(middle - begin)
        more.append(firsts[-1] - (clock() - middle))
    return min(firsts), min(more)


def measured(case: Case, rounds: int) -> list[Row]:
    """Compiling alone, with the first value, and with the first gradient."""
    X, n = np.array([[leaf.data for leaf in case.inputs]]), size(case.root)
    runs: dict[str, Callable[[Program], object]] = {
        "alone": lambda program: None,
        "and a first value": lambda program: program(X),
        "and a first gradient": lambda program: program.value_and_gradient(X),
    }
    rows, name, unit = [], f"{case.name} ({n:,} nodes)", "us a node"
    for title, run in runs.items():
        seconds, compiling = least(case.program, run, rounds)
        rows.append(Row(f"{name}: compiling {title}", 1e6 * seconds / n, unit))
    title = "for a gradient: the first less a second one"
    rows.append(Row(f"{name}: compiling {title}", 1e6 * compiling / n, unit, at_most=20.0))
    print(f"  {name}: {', '.join(row.figure for row in rows)}", flush=True)
    return rows


def main() -> None:
    """Measure and print."""
    parser = options("Compiling, until the first results.")
    add_names(parser)
    chosen = parser.parse_args()
    rows = []
    for make in makers(chosen.names, chosen.quick):
        rows += measured(make(), 2 if chosen.quick else 5)
    report("Compiling", rows, chosen.rows)


if __name__ == "__main__":
    main()

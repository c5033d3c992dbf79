"""Eight threads that build, differentiate, compile and train what is their own get what one thread gets.

    python proof/threads.py                   # a minute
    python proof/threads.py --seconds 5

Each job is done once by itself, and then again and again by all threads at once, in any order; every number has to be
the same to the last bit. Threads take turns as often as Python can. Then all threads go back through graphs of theirs
on the same parameters, whose gradients have to add up to the whole.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine import COMPILED, Value, backprop, compile, draw, grad, hessian, tanh
from nn import MLP
from nn.data import moons

THREADS = 8
JOBS = 24
"""Different jobs of each kind."""


def built(seed: int) -> object:
    """A random graph: its number, its gradients all at once and step by step, its picture."""
    choose = random.Random(seed)
    leaves = [Value(choose.uniform(-1.0, 1.0), label=f"x{i}") for i in range(8)]
    nodes = list(leaves)
    for _ in range(120):
        a, b = choose.choice(nodes[-20:]), choose.choice(nodes[-20:])
        nodes.append(choose.choice([a + b, a * b, (a - b).tanh(), a.sin() * b]))
    root = nodes[-1]
    root.backward()
    at_once = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = 0.0
    for _ in backprop(root):
        pass
    return root.data, at_once, [leaf.grad for leaf in leaves], draw(root, most=20).source


def differentiated(seed: int) -> object:
    """Derivatives of derivatives."""
    at = random.Random(seed).uniform(-1.0, 1.0)
    return grad(grad(grad(tanh)))(at), hessian(lambda v: (v[0] * v[1]).sin() / (v[0] ** 2 + 1.0))([at, at + 1.0])


def compiled(seed: int) -> object:
    """A program, its outputs and its gradients for some examples."""
    rng = random.Random(seed)
    model, x = MLP(2, [4, 1], activation="tanh", seed=seed), [Value(0.0), Value(0.0)]
    program = compile(model(x), inputs=x, parameters=model.parameters())
    rows = [[rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)] for _ in range(50)]
    mean, gradient = program.value_and_gradient(rows)
    return program(rows).tolist(), mean, gradient.tolist(), program.gradients(rows[:3], "inputs").tolist()


def trained(seed: int) -> object:
    """A network trained by replay, another one example by example, and what they say."""
    examples = moons(20, seed=seed)
    results: list[object] = []
    for replay in (None, False):
        model = MLP(2, [4, 1], activation="tanh", seed=seed)
        history = model.fit(examples.X, examples.y, loss="binary_cross_entropy", epochs=2, batch_size=7, seed=seed,
                            progress=False, replay=replay)  # fmt: skip
        results += [model.state_dict(), history.loss, model.predict(examples.X), history.eager]
    return results


KINDS: list[Callable[[int], object]] = [built, differentiated, compiled, trained]


def disagreements(seconds: float, threads: int = THREADS) -> tuple[int, list[str]]:
    """How many jobs the threads did in that time, and those whose results were others than one thread's."""
    jobs = [(kind, seed) for kind in KINDS for seed in range(JOBS)]
    expected = {(kind, seed): kind(seed) for kind, seed in jobs}
    end = time.monotonic() + seconds
    wrong: list[str] = []

    def work(number: int) -> int:
        choose, done = random.Random(number), 0
        while not done or time.monotonic() < end:
            kind, seed = choose.choice(jobs)
            if kind(seed) != expected[kind, seed]:
                wrong.append(f"{kind.__name__}({seed})")
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(work, range(threads))), wrong


def lost_gradients(rounds: int, threads: int = THREADS) -> float:
    """How much gradient is missing, or too much, after passes of all threads over graphs on the same parameters."""
    parameters = [Value(0.5) for _ in range(20)]

    def work(number: int) -> None:
        for _ in range(rounds):
            total = Value(float(number))
            for parameter in parameters:
                total = total + parameter * 2.0
            total.backward()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    return sum(abs(parameter.grad - 2.0 * rounds * threads) for parameter in parameters)


def main() -> int:
    """The status is 0 if all threads agree."""
    parser = argparse.ArgumentParser(description="Do threads get what one thread gets?")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default: 60)")
    chosen = parser.parse_args()
    sys.setswitchinterval(1e-6)
    done, wrong = disagreements(chosen.seconds)
    print(
        f"{'compiled' if COMPILED else 'plain'} engine: {THREADS} threads did {done:,} jobs, {len(wrong)} of them wrong"
    )
    lost = lost_gradients(500)
    print(f"gradients of shared parameters: {lost:g} lost")
    return int(bool(wrong) or lost != 0.0)


if __name__ == "__main__":
    sys.exit(main())

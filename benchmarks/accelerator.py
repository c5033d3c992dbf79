"""A GPU against this machine's processor: equal numbers, and times. ``python benchmarks/accelerator.py``

It needs JAX, takes less than five minutes, and prints plain text. Without a GPU it says so and compares JAX on the
processor.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import one_thread  # noqa: F401 - before numpy is used: one thread
from replay_paths import PARAMETERS, STEPS, heston

import engine
from engine import Program, Value, compile, dot, logsumexp
from nn import MLP

Case = Callable[[str], tuple[Program, Any]]


def mnist_step(backend: str, n_examples: int = 8_192) -> tuple[Program, Any]:
    """A step of a 784-128-64-10 network on examples of MNIST's size, in float32."""
    rng = np.random.default_rng(0)
    model = MLP(784, [128, 64, 10], seed=0)
    pixels, target = [Value(0.5) for _ in range(784)], [Value(0.1) for _ in range(10)]
    outputs = model(pixels)
    loss = logsumexp(outputs) - dot(outputs, target)
    rows = np.hstack([rng.uniform(0.0, 1.0, (n_examples, 784)), np.eye(10)[rng.integers(0, 10, n_examples)]])
    program = compile(loss, [*pixels, *target], model.parameters(), "float32", backend=backend)
    return program, rows.astype(np.float32)


def heston_paths(backend: str, n_examples: int = 100_000) -> tuple[Program, Any]:
    """The price of an option and its gradient, in float64."""
    rng = np.random.default_rng(0)
    normals, leaves = [Value(0.1) for _ in range(2 * STEPS)], [Value(number) for number in PARAMETERS.values()]
    program = compile(heston(engine, normals, leaves), normals, leaves, backend=backend)
    return program, rng.standard_normal((n_examples, 2 * STEPS))


def measured(program: Program, rows: Any, seconds: float = 10.0) -> tuple[float, float, float, Any]:
    """Seconds of the first run, and of the fastest one after it; the value and the gradient."""
    start = time.perf_counter()
    value, gradient = program.value_and_gradient(rows)
    first, fastest = time.perf_counter() - start, float("inf")
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        program.value_and_gradient(rows)
        fastest = min(fastest, time.perf_counter() - start)
    return first, fastest, value, gradient


def main() -> int:
    try:
        import jax
    except ImportError:
        print('This script needs JAX: pip install "gradstep[jax]", on a GPU with its CUDA: pip install "jax[cuda12]".')
        return 1
    device = jax.devices()[0]
    if device.platform == "cpu":
        print("There is no GPU here, or this JAX does not know it: JAX computes on the processor.")
    print(f"JAX {jax.__version__} on {device.device_kind}; numpy {np.__version__} on {platform.machine()}, one thread")
    cases: dict[str, tuple[Case, float]] = {
        "step of 784-128-64-10, 8,192 examples, float32": (mnist_step, 1e-4),
        "Heston, 100,000 paths, float64": (heston_paths, 1e-9),
    }
    right = True
    for title, (case, tolerance) in cases.items():
        _, own, value, gradient = measured(*case("numpy"))
        first, fastest, found, found_gradient = measured(*case("jax"))
        error = max(abs(found - value) / abs(value), np.abs(found_gradient - gradient).max() / np.abs(gradient).max())
        right = right and error < tolerance
        print(f"{title}:")
        print(f"  numpy {own * 1e3:.1f} ms, JAX {fastest * 1e3:.1f} ms after a first run of {first:.1f} s")
        print(f"  JAX is {own / fastest:.2f} times as fast")
        print(f"  largest relative difference {error:.1e}, {'equal' if error < tolerance else 'NOT EQUAL'}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())

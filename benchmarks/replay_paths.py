"""Graphs without matrices, written once and run by three libraries: a path of the Heston model, and a random graph.

The function is the same Python code for all. gradstep traces it with Values, CasADi with its SX symbols (a virtual
machine runs it example by example, "mapped"), JAX with arrays that hold all examples (and XLA compiles it).
"""

import random
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from timing import installed

import engine
from engine import Value, compile, mean

Floats = NDArray[np.floating[Any]]
Gradient = Callable[[], tuple[float, Floats]]
"""The mean over the examples, and its gradient in the parameters."""

STEPS, YEARS, START, STRIKE = 60, 1.0, 100.0, 100.0
PARAMETERS = {"v0": 0.04, "kappa": 1.5, "theta": 0.04, "xi": 0.3, "rho": -0.7, "rate": 0.02}


def heston(m: Any, normals: Sequence[Any], parameters: Sequence[Any]) -> Any:
    """What a call option pays on one path, discounted; Euler's scheme, the variance kept positive.

    The model is that of Heston (1993), A closed-form solution for options with stochastic volatility.

    Args:
        m: where sqrt, exp and maximum are.
        normals: two standard normal numbers for each step.
        parameters: the six of PARAMETERS.
    """
    variance, kappa, theta, xi, rho, rate = parameters
    dt, price, other = YEARS / STEPS, START, m.sqrt(1 - rho * rho)
    for step in range(STEPS):
        first, second = normals[2 * step], normals[2 * step + 1]
        now = m.maximum(variance, 1e-6)
        volatility = m.sqrt(now * dt)
        price = price * m.exp((rate - now / 2) * dt + volatility * first)
        variance = variance + kappa * (theta - now) * dt + xi * volatility * (rho * first + other * second)
    return m.maximum(price - STRIKE, 0.0) * m.exp(-rate * YEARS)


def scramble(n_nodes: int) -> Callable[[Any, Sequence[Any], Sequence[Any]], Any]:
    """A function with no structure: random operations on random results so far, and the sum of what nobody used."""

    def function(m: Any, inputs: Sequence[Any], parameters: Sequence[Any]) -> Any:
        choose = random.Random(7)
        made = [*inputs, *parameters]
        unused = set(range(len(made)))
        while len(made) + 2 * len(unused) < n_nodes:
            i, j = choose.randrange(len(made)), choose.randrange(len(made))
            a, b = made[i], made[j]
            kind = choose.choice(("add", "subtract", "multiply", "multiply", "sin", "tanh"))
            unused.discard(i)
            if kind in ("sin", "tanh"):
                made.append(getattr(m, kind)(a))
            else:
                unused.discard(j)
                made.append(a + b if kind == "add" else a - b if kind == "subtract" else a * b)
            unused.add(len(made) - 1)
        return sum(m.tanh(made[place]) for place in sorted(unused))

    return function


def by_replay(function: Any, rows: Floats, parameters: Sequence[float]) -> Gradient:
    """With gradstep."""
    inputs, leaves = [Value(x) for x in rows[0].tolist()], [Value(p) for p in parameters]
    program = compile(function(engine, inputs, leaves), inputs, leaves)
    return lambda: program.value_and_gradient(rows)


def in_casadi(function: Any, n_inputs: int, n_parameters: int) -> Any:
    """CasADi's function of one example: the value, and its gradient in the parameters."""
    import casadi

    casadi.maximum = casadi.fmax
    x, p = casadi.SX.sym("x", n_inputs), casadi.SX.sym("p", n_parameters)
    value = function(casadi, casadi.vertsplit(x), casadi.vertsplit(p))
    return casadi.Function("one", [x, p], [value, casadi.gradient(value, p)])


def by_casadi(function: Any, rows: Floats, parameters: Sequence[float]) -> Gradient:
    """With CasADi's map: one function of one example, for all columns; numbers in and out are in its own matrices."""
    return mapped_by_casadi(in_casadi(function, rows.shape[1], len(parameters)), rows, parameters)


def by_casadi_in_c(function: Any, rows: Floats, parameters: Sequence[float]) -> Gradient:
    """The same function as the C code that CasADi writes, compiled by gcc with -O3 for this processor."""
    import casadi

    one = in_casadi(function, rows.shape[1], len(parameters))
    with tempfile.TemporaryDirectory() as folder:
        code, library = casadi.CodeGenerator("one.c"), f"{folder}/one.so"
        code.add(one)
        source = code.generate(f"{folder}/")
        subprocess.run(["gcc", "-O3", "-march=native", "-fPIC", "-shared", source, "-o", library, "-lm"], check=True)
        return mapped_by_casadi(casadi.external("one", library), rows, parameters)


def mapped_by_casadi(one: Any, rows: Floats, parameters: Sequence[float]) -> Gradient:
    """A function of one example, for all rows."""
    import casadi

    mapped = one.map(len(rows))
    columns, numbers = casadi.DM(rows.T), casadi.DM(list(parameters))

    def run() -> tuple[float, Floats]:
        values, gradients = mapped(columns, numbers)
        return float(casadi.sum2(values)) / len(rows), np.array(casadi.sum2(gradients)).ravel() / len(rows)

    return run


def by_jax(function: Any, rows: Floats, parameters: Sequence[float]) -> Gradient:
    """With JAX: each number of the graph an array of all examples, and XLA's code for the whole."""
    import jax

    jax.config.update("jax_enable_x64", True)
    columns, numbers = jax.numpy.asarray(np.ascontiguousarray(rows.T)), jax.numpy.asarray(list(parameters))
    loss = jax.jit(jax.value_and_grad(lambda p, x: function(jax.numpy, list(x), list(p)).mean()))

    def run() -> tuple[float, Floats]:
        value, gradient = loss(numbers, columns)
        return float(value), np.asarray(gradient)

    return run


def contenders(names: Sequence[str]) -> dict[str, Callable[..., Gradient]]:
    """Those that are installed."""
    makers = {"replay": by_replay, "casadi": by_casadi, "jax": by_jax}
    return {name: makers[name] for name in names if name == "replay" or installed(name)}


def check(found: dict[str, tuple[float, Floats]]) -> None:
    """Only right answers are compared."""
    value, gradient = found["replay"]
    for name, (other, others) in found.items():
        if not np.isclose(value, other, rtol=1e-9) or not np.allclose(gradient, others, rtol=1e-7, atol=1e-9):
            raise AssertionError(f"replay gives {value} and {gradient}, {name} gives {other} and {others}")


def check_eagerly(function: Any, rows: Floats, parameters: Sequence[float], found: tuple[float, Floats]) -> None:
    """The same of Values for these few rows."""
    leaves = [Value(p) for p in parameters]
    loss = mean([function(engine, [Value(x) for x in row], leaves) for row in rows.tolist()])
    loss.backward()
    check({"replay": found, "Values": (loss.data, np.array([leaf.grad for leaf in leaves]))})

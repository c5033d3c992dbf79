"""Expressions in JAX: one compiled machine that follows any list of instructions, so that none is compiled on its own.

JAX differentiates the machine, a loop with a branch for each primitive, by its own rules.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from exact import EXACT
from reference import Derivatives, Instruction

WHOLE_EXPONENTS = (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0)
"""Plain exponents with a branch of their own: beside a variable exponent a negative base has no derivative."""

_MOST_LEAVES, _MOST_STEPS = 5, 256


def by_jax(instructions: Sequence[Instruction], at: Sequence[float], vector: Sequence[float]) -> Derivatives:
    """Value, gradient and Hessian-vector product in float64."""
    if len(at) > _MOST_LEAVES or len(instructions) > _MOST_STEPS:
        raise ValueError(f"at most {_MOST_LEAVES} leaves and {_MOST_STEPS} instructions fit, not {len(at)} and more")
    codes = np.zeros(_MOST_STEPS, dtype=np.int32)
    places = np.full((_MOST_STEPS, 2), -1, dtype=np.int32)  # -1: the plain number
    numbers = np.ones((_MOST_STEPS, 2))
    for step, (op, operands) in enumerate(instructions):
        codes[step] = _codes()[_branch(op, operands)]
        for i, x in enumerate(operands):
            if isinstance(x, float):
                numbers[step, i] = x
            else:
                places[step, i] = x if x < len(at) else x - len(at) + _MOST_LEAVES
    padding = [0.0] * (_MOST_LEAVES - len(at))
    leaves, along = np.array([*at, *padding]), np.array([*vector, *padding])
    value, gradient, product = _machine()(leaves, along, codes, places, numbers, len(instructions) - 1)
    count = len(at)
    return Derivatives(float(value), tuple(map(float, gradient[:count])), tuple(map(float, product[:count])))


def _branch(op: str, operands: Sequence[int | float]) -> str:
    whole = op == "**" and isinstance(operands[1], float) and operands[1] in WHOLE_EXPONENTS
    return f"** {operands[1]:.0f}" if whole else op


@functools.cache
def _codes() -> dict[str, int]:
    return {name: code for code, name in enumerate(_functions())}


@functools.cache
def _functions() -> dict[str, Callable[..., Any]]:
    """Each primitive as JAX has it, by a name; ``** 2`` and the like for whole exponents."""
    import jax
    import jax.numpy as jnp

    named = {op: getattr(jnp, op) for op in EXACT if hasattr(jnp, op)}
    return named | {
        "+": jnp.add,
        "-": jnp.subtract,
        "*": jnp.multiply,
        "/": jnp.divide,
        "**": jnp.power,
        "neg": jnp.negative,
        **{f"** {n:.0f}": functools.partial(jax.lax.integer_pow, y=int(n)) for n in WHOLE_EXPONENTS},
        **{op: getattr(jax.nn, op) for op in ("sigmoid", "softplus", "relu")},
        **{op: getattr(jax.scipy.special, op) for op in ("erf", "erfc")},
        "gelu": functools.partial(jax.nn.gelu, approximate=False),
        "leaky_relu": lambda a, slope: jnp.where(a > 0.0, a, slope * a),
        "detach": jax.lax.stop_gradient,
    }


@functools.cache
def _machine() -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    branches = [_of_two(name, function) for name, function in _functions().items()]

    def result(leaves: Any, codes: Any, places: Any, numbers: Any, last: Any) -> Any:
        def carried_out(i: Any, memory: Any) -> Any:
            a, b = (jnp.where(places[i, j] < 0, numbers[i, j], memory[places[i, j]]) for j in (0, 1))
            return memory.at[_MOST_LEAVES + i].set(jax.lax.switch(codes[i], branches, a, b))

        def step(memory: Any, i: Any) -> tuple[Any, None]:
            return jax.lax.cond(i <= last, carried_out, lambda _i, same: same, i, memory), None

        memory, _ = jax.lax.scan(step, jnp.concatenate([leaves, jnp.zeros(_MOST_STEPS)]), jnp.arange(_MOST_STEPS))
        return memory[_MOST_LEAVES + last]

    @jax.jit
    def run(leaves: Any, along: Any, *program: Any) -> Any:
        def both(x: Any) -> Any:
            return jax.value_and_grad(result)(x, *program)

        (value, gradient), (_, product) = jax.jvp(both, (leaves,), (along,))
        return value, gradient, product

    return run


def _of_two(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    two = name in EXACT and len(EXACT[name].first) == 2
    return function if two else lambda a, _b: function(a)

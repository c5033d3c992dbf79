"""Random expressions of all primitives: value, gradient and Hessian-vector product beside PyTorch and JAX.

    python proof/random_expressions.py                        # 10,000 of up to 200 operations
    python proof/random_expressions.py --seed 4711 --count 1  # one again, such as one that failed

Each expression comes out of its seed. Results that agree to 1e-12 are taken for equal. All others are computed once
more by mpmath with 60 digits, and again with every intermediate number moved by a few units in the last place, as
rounding does (``reference.py``): a result of gradstep further from the exact one than rounding explains is a failure,
and its seed is printed. Needs mpmath and at least one of torch and jax.
"""

import argparse
import importlib.util
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax_tape
from exact import EXACT
from jax_tape import WHOLE_EXPONENTS
from reference import Derivatives, Instruction, exact_and_rounding

from engine import Value, hvp, value_and_grad
from engine.operations import OPERATIONS

COUNT, MOST_OPERATIONS = 10_000, 200
EQUAL = 1e-12  # 200 operations of some units in the last place each
UNDERFLOW = 1e-300  # what is smaller has fewer digits than other numbers
SLACK = 8.0  # how far more than the nudges moved it a result may be off
_MARGIN = 1e-2  # distance from kinks and from the edges of domains
_LARGEST, _STEEPEST = 1e3, 1e2


@dataclass(frozen=True)
class Expression:
    """Numbers for its leaves, a vector for the Hessian, and instructions; the last one gives the result."""

    seed: int
    at: tuple[float, ...]
    vector: tuple[float, ...]
    instructions: tuple[Instruction, ...]

    def follow(self, leaves: Sequence[Any], apply: Callable[..., Any]) -> Any:
        """The result in any library: ``apply(op, *operands)`` carries out one operation."""
        made = list(leaves)
        for op, operands in self.instructions:
            made.append(apply(op, *(x if isinstance(x, float) else made[x] for x in operands)))
        return made[-1]


def expression(seed: int, most: int = MOST_OPERATIONS) -> Expression:
    """The expression of a seed; numbers stay of ordinary size, off kinks and inside of domains."""
    rng = random.Random(seed)
    count = rng.randint(1, 5)
    at = tuple(rng.uniform(-2.0, 2.0) for _ in range(count))
    vector = tuple(rng.uniform(-1.0, 1.0) for _ in range(count))
    made, instructions = [Value(x) for x in at], []
    unused = set(range(count))
    wanted = rng.randint(1, most - 1)  # the last step may add two
    while len(instructions) + len(unused) - 1 < wanted:
        op = rng.choice(list(EXACT))
        operands = tuple(_operand(rng, unused, len(made), op, place) for place in range(len(EXACT[op].first)))
        if all(isinstance(x, float) for x in operands):
            continue
        values = [Value(x) if isinstance(x, float) else made[x] for x in operands]
        if _inside(op, *(value.data for value in values)) and _ordinary(node := _applied(op, *values)):
            unused = unused.difference(operands) | {len(made)}
            made.append(node)
            instructions.append((op, operands))
    while len(unused) > 1:  # everything counts: what is left is added up
        a, b, *_ = sorted(unused)
        unused = unused.difference((a, b)) | {count + len(instructions)}
        instructions.append(("+", (a, b)))
    return Expression(seed, at, vector, tuple(instructions))


def _operand(rng: random.Random, unused: set[int], made: int, op: str, place: int) -> int | float:
    """A place, mostly one that is not used yet; now and then a plain number, as an exponent mostly a whole one."""
    if op == "**" and place == 1 and rng.random() < 0.6:
        return rng.choice(WHOLE_EXPONENTS)
    if rng.random() < 0.1:
        return rng.uniform(-3.0, 3.0)
    return rng.choice(sorted(unused)) if rng.random() < 0.6 else rng.randrange(made)


def _inside(op: str, a: float, b: float = 0.0) -> bool:
    """Whether the operands are well inside of the domain, and off kinks."""
    match op:
        case "log" | "log10" | "sqrt":
            return a > _MARGIN
        case "log1p":
            return a > _MARGIN - 1.0
        case "asin" | "acos":
            return abs(a) < 1.0 - _MARGIN
        case "**":
            return abs(b) < 20.0 and (a > _MARGIN or (abs(a) > _MARGIN and b in WHOLE_EXPONENTS))
        case "/":
            return abs(b) > _MARGIN
        case "abs" | "relu" | "leaky_relu" | "tan":
            return _MARGIN < abs(a) < 1.5 or (op != "tan" and abs(a) > _MARGIN)
        case "maximum" | "minimum":
            return abs(a - b) > _MARGIN
        case "atan2":
            return abs(a) > _MARGIN or b > _MARGIN  # off the cut
        case "hypot":
            return abs(a) + abs(b) > _MARGIN
    return abs(a) < 50.0


def _applied(op: str, *operands: Value) -> Value | None:
    try:
        return OPERATIONS[op].apply(*operands)
    except (ArithmeticError, ValueError):
        return None


def _ordinary(node: Value | None) -> bool:
    """Whether it is of ordinary size, and so are its derivatives."""
    return node is not None and abs(node.data) < _LARGEST and all(abs(d) < _STEEPEST for d in node.local_derivatives)


# ------------------------------------------------------------------------------------------------------- libraries


def by_gradstep(e: Expression) -> Derivatives:
    """The numbers of gradstep."""

    def f(leaves: Sequence[Value]) -> Value:
        return e.follow(
            leaves, lambda op, *xs: OPERATIONS[op].apply(*(x if isinstance(x, Value) else _constant(x) for x in xs))
        )

    value, gradient = value_and_grad(f)(e.at)
    return Derivatives(value, gradient, hvp(f, e.at, e.vector))


def _constant(number: float) -> Value:
    from engine.value import constant

    return constant(number, "proof")


def by_torch(e: Expression) -> Derivatives:
    """The numbers of PyTorch in float64."""
    import torch

    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in e.at]
    result = e.follow(leaves, _applied_by(_torch_functions()))

    def gradients(of: Any, create_graph: bool) -> list[Any]:
        if not of.requires_grad:
            return [torch.zeros((), dtype=torch.float64) for _ in leaves]
        found = torch.autograd.grad(of, leaves, create_graph=create_graph, allow_unused=True)
        return [torch.zeros((), dtype=torch.float64) if g is None else g for g in found]

    gradient = gradients(result, True)
    along = sum(g * v for g, v in zip(gradient, e.vector))
    product = gradients(along, False)
    return Derivatives(result.item(), tuple(g.item() for g in gradient), tuple(g.item() for g in product))


def by_jax(e: Expression) -> Derivatives:
    """The numbers of JAX in float64."""
    return jax_tape.by_jax(e.instructions, e.at, e.vector)


def _applied_by(functions: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    return lambda op, *operands: functions[op](*operands)


_OPERATORS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "neg": lambda a: -a,
    "abs": abs,
}


def _torch_functions() -> dict[str, Callable[..., Any]]:
    import torch

    def tensors(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *xs: function(*(torch.as_tensor(x, dtype=torch.float64) for x in xs))

    named = {op: tensors(getattr(torch, op)) for op in EXACT if hasattr(torch, op)}
    return named | {
        **_OPERATORS,
        "softplus": lambda a: torch.nn.functional.softplus(a, threshold=700.0),
        "gelu": torch.nn.functional.gelu,
        "leaky_relu": tensors(lambda a, slope: torch.where(a > 0.0, a, slope * a)),
    }


LIBRARIES = {"torch": by_torch, "jax": by_jax}


def installed() -> list[str]:
    """Which of the libraries are there."""
    return [name for name in LIBRARIES if importlib.util.find_spec(name)]


# ------------------------------------------------------------------------------------------------------ comparison


@dataclass
class Findings:
    """What was found out about expressions."""

    compared: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    by_rounding: Counter[str] = field(default_factory=Counter)  # expressions that differ no more than rounding may
    failures: list[str] = field(default_factory=list)


def check(e: Expression, libraries: Sequence[str], findings: Findings) -> None:
    """Compare one expression with all libraries; what is not explained by rounding is noted as a failure."""
    findings.compared += 1
    findings.operations.update(op for op, _ in e.instructions)
    ours = by_gradstep(e).numbers()
    differing = [name for name in libraries if not _equal(ours, LIBRARIES[name](e).numbers())]
    if not differing:
        return
    findings.by_rounding.update(differing)
    findings.failures += beyond_rounding(e, ours)


def beyond_rounding(e: Expression, ours: Sequence[float]) -> list[str]:
    """The numbers that are further from the exact ones than rounding explains, each as a line of text."""
    exact, rounding = exact_and_rounding(e.instructions, e.at, e.vector, e.seed)
    return [
        f"seed {e.seed}: {_what(place, len(e.at))} is {number!r}, exactly {float(right)!r}; "
        f"rounding explains {float(bound):.1e}"
        for place, (number, right, bound) in enumerate(zip(ours, exact, rounding, strict=True))
        if not abs(number - right) <= max(SLACK * bound, UNDERFLOW)
    ]


def _equal(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    return all(abs(a - b) <= EQUAL * max(abs(a), abs(b)) for a, b in zip(ours, theirs, strict=True))


def _what(place: int, leaves: int) -> str:
    if place == 0:
        return "the value"
    kind = "gradient" if place <= leaves else "Hessian-vector product"
    return f"the {kind} at {(place - 1) % leaves}"


def main() -> int:
    """Compare, say what was found, and give 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=COUNT, help="how many expressions")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first; each one after has the next")
    chosen = parser.parse_args()
    libraries = installed()
    if not libraries:
        parser.error("neither torch nor jax is installed")
    findings, began = Findings(), time.monotonic()
    for seed in range(chosen.seed, chosen.seed + chosen.count):
        before = len(findings.failures)
        check(expression(seed), libraries, findings)
        for failure in findings.failures[before:]:
            print(failure, flush=True)
    total, seconds = findings.operations.total(), time.monotonic() - began
    print(f"{findings.compared:,} expressions, {total:,} operations, beside {' and '.join(libraries)}, {seconds:.0f} s")
    for name in libraries:
        print(f"  {name}: {findings.by_rounding[name]:,} differ by more than {EQUAL}")
    unused = [op for op in EXACT if not findings.operations[op]]
    print(f"  operations that did not occur: {', '.join(unused) or 'none'}")
    print(f"  further from mpmath than rounding explains: {len(findings.failures)}")
    return 1 if findings.failures else 0


if __name__ == "__main__":
    sys.exit(main())

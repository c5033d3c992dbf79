"""The time of one elementary operation, in loops of several shapes, beside floats and other autodiff libraries.

    python benchmarks/operations.py [--quick]

*forward* builds the graph and lets go of it again, as a loop of floats lets go of its floats; *forward and backward*
carries the gradients to all leaves in between. Every contender runs the same source, on a copy of its own (see
timing.own_copy).
"""

import gc
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import contenders
from contenders import Contender
from timing import Row, for_this_build, installed, interleaved, options, own_copy, report

from engine import exp, log, relu, sin, sqrt, tanh

STEPS = 200  # as deep a chain as micrograd's recursion can take back
PASSES = 50  # in a session, so that the making of leaves hardly counts
Shape = Callable[..., Any]
Session = Callable[[int], list[float]]
Tanh = Callable[[Any], Any]
Numbers = Sequence[Any]


def chain(x: Any, w: Any, b: Any, ws: Numbers, xs: Numbers, tanh: Tanh) -> Any:
    """x = x*w + b"""
    for _ in ws:
        x = x * w + b
    return x


def neuron_chain(x: Any, w: Any, b: Any, ws: Numbers, xs: Numbers, tanh: Tanh) -> Any:
    """x = tanh(x*w + b)"""
    for _ in ws:
        x = tanh(x * w + b)
    return x


def dot_loop(x: Any, w: Any, b: Any, ws: Numbers, xs: Numbers, tanh: Tanh) -> Any:
    """total = total + w*x"""
    total = b
    for wi, xi in zip(ws, xs):
        total = total + wi * xi
    return total


def dot_list(x: Any, w: Any, b: Any, ws: Numbers, xs: Numbers, tanh: Tanh) -> Any:
    """sum([w*x for w, x in ...])"""
    return sum([wi * xi for wi, xi in zip(ws, xs)])


def dot_numbers(x: Any, w: Any, b: Any, ws: Numbers, xs: Numbers, tanh: Tanh) -> Any:
    """sum(w*x for ...), x plain numbers"""
    return sum(wi * xi for wi, xi in zip(ws, xs))


SHAPES = {chain: 2, neuron_chain: 3, dot_loop: 2, dot_list: 2, dot_numbers: 2}
"""How many operations a step of each shape has."""

SINGLE: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "a + b": (lambda xs: [a + b for a, b in zip(xs, xs)],) * 2,
    "a - b": (lambda xs: [a - b for a, b in zip(xs, xs)],) * 2,
    "a * b": (lambda xs: [a * b for a, b in zip(xs, xs)],) * 2,
    "a / b": (lambda xs: [a / b for a, b in zip(xs, xs)],) * 2,
    "a ** 3": (lambda xs: [a**3 for a in xs],) * 2,
    "-a": (lambda xs: [-a for a in xs],) * 2,
    "a * 0.5": (lambda xs: [a * 0.5 for a in xs],) * 2,
    "exp(a)": (lambda xs: [math.exp(a) for a in xs], lambda xs: [exp(a) for a in xs]),
    "log(a)": (lambda xs: [math.log(a) for a in xs], lambda xs: [log(a) for a in xs]),
    "sqrt(a)": (lambda xs: [math.sqrt(a) for a in xs], lambda xs: [sqrt(a) for a in xs]),
    "sin(a)": (lambda xs: [math.sin(a) for a in xs], lambda xs: [sin(a) for a in xs]),
    "tanh(a)": (lambda xs: [math.tanh(a) for a in xs], lambda xs: [tanh(a) for a in xs]),
    "relu(a)": (lambda xs: [a if a > 0.0 else 0.0 for a in xs], lambda xs: [relu(a) for a in xs]),
}
"""Each operation alone in a list comprehension: of floats, and of Values."""


FACTORS = [math.sin(i) for i in range(STEPS)]
NUMBERS = [math.cos(i) for i in range(STEPS)]


def inputs(leaf: Callable[[float], Any], shape: Shape) -> list[Any]:
    """What a shape computes with, made of a contender's leaves."""
    xs = NUMBERS if shape.__name__ == "dot_numbers" else [leaf(x) for x in NUMBERS]
    return [leaf(0.5), leaf(0.9), leaf(0.1), [leaf(w) for w in FACTORS], xs]


def session(contender: Contender, shape: Shape, passes: int) -> list[float]:
    """Make leaves, and go forward and backward from them several times; gives gradients of some leaves for a check."""
    tanh, begin, backward = contender.tanh, contender.begin, contender.backward
    with contender.session():
        x, w, b, ws, xs = inputs(contender.leaf, shape)
        for _ in range(passes):
            begin()
            backward(shape(x, w, b, ws, xs, tanh))
        used = [ws[0]] if shape.__name__.startswith("dot") else [w, b]
        return [contender.gradient(leaf) for leaf in used]


def autograd_session(shape: Shape, passes: int) -> list[float]:
    """The same in HIPS autograd, which differentiates functions of a few numbers."""
    import autograd.numpy
    from autograd import make_vjp

    with_gradients = make_vjp(lambda x, w, b: shape(x, w, b, FACTORS, NUMBERS, autograd.numpy.tanh), (1, 2))
    for _ in range(passes):
        give_back, _ = with_gradients(0.5, 0.9, 0.1)
        gradients = give_back(1.0)
    return [float(gradient) for gradient in gradients]


def sessions(shape: Shape, there: list[Contender]) -> dict[str, Session]:
    """The session of each contender, on a copy of the shape's code of its own."""
    calls: dict[str, Session] = {c.name: partial(session, c, own_copy(shape)) for c in there}
    if installed("autograd") and not shape.__name__.startswith("dot"):
        calls["autograd"] = partial(autograd_session, own_copy(shape))
    return calls


def check_gradients(calls: dict[str, Session], shape: Shape) -> None:
    """Only right answers are compared: all contenders must give the same gradients."""
    expected = calls["gradstep"](1)
    for name, call in calls.items():
        found = call(1)
        if not all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(expected, found, strict=True)):
            raise AssertionError(f"{shape.__doc__}: gradstep's gradients are {expected}, those of {name} {found}")


def measured_forward(shape: Shape, rounds: int) -> Row:
    """Forward alone, and what floats take."""
    of_floats, of_values = own_copy(shape), own_copy(shape)
    floats, values = inputs(float, shape), inputs(contenders.gradstep().leaf, shape)
    calls = {"float": lambda: of_floats(*floats, math.tanh), "gradstep": lambda: of_values(*values, tanh)}
    best = interleaved(calls, rounds)
    ratio = best["gradstep"] / best["float"]
    return Row(f"{shape.__doc__}: forward, against floats", ratio, "x the time", at_most=for_this_build(compiled=2.0))


def measured_both(shape: Shape, there: list[Contender], rounds: int) -> list[Row]:
    """Forward and backward, against every peer."""
    calls = sessions(shape, there)
    check_gradients(calls, shape)
    turns = {name: partial(call, PASSES) for name, call in calls.items()}
    operations = SHAPES[shape] * STEPS * PASSES
    rows, bars = [], {"micrograd": 15.0, "xad": 5.0, "torch 0-d": 50.0}
    for collect, words in ((True, ""), (False, ", garbage collector off")):
        if not collect:  # only micrograd makes work for it
            turns = {name: turn for name, turn in turns.items() if name in ("gradstep", "micrograd")}
        best = interleaved(turns, rounds, collect=collect)
        times = ", ".join(f"{name} {1e9 * seconds / operations:,.1f}" for name, seconds in best.items())
        print(f"{shape.__doc__}: nanoseconds per operation, forward and backward, on this machine{words}: {times}")
        for name in best:
            if name != "gradstep":
                bar = for_this_build(compiled=bars.get(name)) if collect else None
                work = f"{shape.__doc__}: forward and backward, against {name}{words}"
                rows.append(Row(work, best[name] / best["gradstep"], "x faster", at_least=bar))
    return rows


def measured_single(rounds: int) -> list[Row]:
    """Each operation alone, forward, against the same one of floats."""
    numbers = [0.5 + i / STEPS for i in range(STEPS)]
    values = [contenders.gradstep().leaf(x) for x in numbers]
    rows = []
    for name, (of_floats, of_values) in SINGLE.items():
        plain, ours = own_copy(of_floats), own_copy(of_values)
        calls = {"float": lambda plain=plain: plain(numbers), "gradstep": lambda ours=ours: ours(values)}
        best = interleaved(calls, rounds, least=0.01)
        ratio = best["gradstep"] / best["float"]
        work = f"[{name} for ...]: forward, against floats"
        rows.append(Row(work, ratio, "x the time", at_most=for_this_build(compiled=2.0)))
    return rows


def main() -> None:
    """Measure and print."""
    chosen = options("The time of one elementary operation.").parse_args()
    rounds = 3 if chosen.quick else 15
    there, missing = contenders.available()
    for name in missing:
        print(f"{name} is not installed, and left out")
    gc.freeze()  # what the other libraries loaded is no garbage, and need not be looked through while they are timed
    rows = []
    for shape in SHAPES:
        rows += [measured_forward(shape, rounds), *measured_both(shape, there, rounds)]
    report("Elementary operations", rows + measured_single(rounds), chosen.rows)


if __name__ == "__main__":
    main()

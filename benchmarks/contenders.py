"""The libraries that Values are compared with, each behind the same few functions.

A contender makes leaves, applies tanh, and carries gradients back from a root. What lies between, the arithmetic, is
the same Python code for all of them.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from timing import installed

from engine import Value, tanh


def _nothing() -> None:
    """What most contenders do before a graph is built."""


@dataclass(frozen=True)
class Contender:
    """How one library is used for scalars.

    Args:
        name: as the tables show it.
        leaf: a leaf from a float.
        tanh: the hyperbolic tangent of one of its numbers.
        backward: gradients of all leaves, from a root.
        gradient: the gradient of a leaf, as a float.
        session: leaves are made and used inside one of these.
        begin: to be called before each graph.
    """

    name: str
    leaf: Callable[[float], Any]
    tanh: Callable[[Any], Any]
    backward: Callable[[Any], object]
    gradient: Callable[[Any], float]
    session: Callable[[], AbstractContextManager[object]] = nullcontext
    begin: Callable[[], object] = _nothing


def gradstep() -> Contender:
    """The engine that is measured."""
    return Contender("gradstep", Value, tanh, Value.backward, lambda leaf: leaf.grad)


def micrograd() -> Contender:
    """micrograd, with a tanh added in the way in which its own operations are written (it has relu only)."""
    from micrograd.engine import Value as Micrograd

    def micrograd_tanh(x: Any) -> Any:
        result = Micrograd(math.tanh(x.data), (x,), "tanh")

        def give_back() -> None:
            x.grad += (1 - result.data**2) * result.grad

        result._backward = give_back
        return result

    return Contender("micrograd", Micrograd, micrograd_tanh, Micrograd.backward, lambda leaf: leaf.grad)


def xad() -> Contender:
    """xad: a tape in C++, recorded through Python bindings.

    A tape goes on giving out places for derivatives from one recording to the next, and clearing them all makes it
    slower and slower. So each session has a new one.
    """
    import xad.math
    from xad.adj_1st import Real, Tape

    tape = Tape()

    @contextmanager
    def session() -> Iterator[None]:
        nonlocal tape
        with Tape() as tape:
            yield

    def leaf(number: float) -> Any:
        real = Real(number)
        tape.registerInput(real)
        return real

    def backward(root: Any) -> None:
        tape.registerOutput(root)
        root.derivative = 1.0
        tape.computeAdjoints()

    def begin() -> None:
        tape.newRecording()

    return Contender("xad", leaf, xad.math.tanh, backward, lambda leaf: leaf.derivative, session, begin)


def torch() -> Contender:
    """torch, each number a tensor of no dimensions in float64."""
    import torch

    def leaf(number: float) -> Any:
        return torch.tensor(number, dtype=torch.float64, requires_grad=True)

    return Contender("torch 0-d", leaf, torch.tanh, torch.Tensor.backward, lambda leaf: leaf.grad.item())


def available() -> tuple[list[Contender], list[str]]:
    """The engine and those of its peers that are installed, and the names of those that are not."""
    makers = {"micrograd": micrograd, "xad": xad, "torch": torch}
    there = [gradstep()] + [make() for package, make in makers.items() if installed(package)]
    return there, [package for package in makers if not installed(package)]

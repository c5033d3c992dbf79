"""A recorded backward pass: every step with its numbers. The graph keeps its gradients."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from engine.expressions.names import parameters_among
from engine.node import topological_order
from engine.steps import Step, Wording, backward_steps
from engine.value import Value


class Walk(NamedTuple):
    """All steps of backprop from a root, the nodes in topological order, their names, and their final gradients.

    ``parameters`` are those of the networks that the names came from; ``numbers`` what the nodes had at that time.
    """

    nodes: list[Value]
    wording: Wording
    steps: list[Step]
    gradients: list[float]
    parameters: set[Value]
    numbers: list[float]


def record_walk(root: Value, names: object = None) -> Walk:
    """Record backprop from *root*, with sums that start from 0, and restore the gradients that the nodes had before."""
    nodes = topological_order(root)
    wording = Wording(root, names)  # raises an error before anything is changed
    with gradients_set(nodes, [0.0] * len(nodes)):
        steps = list(backward_steps(root, 1.0, wording))
        gradients, numbers = [node.grad for node in nodes], [node.data for node in nodes]
    return Walk(nodes, wording, steps, gradients, parameters_among(names), numbers)


@contextmanager
def gradients_set(nodes: Sequence[Value], gradients: Sequence[float]) -> Iterator[None]:
    """Give nodes gradients for a while; afterwards they have again what they had before."""
    before = [node.grad for node in nodes]
    try:
        for node, gradient in zip(nodes, gradients):
            node.grad = gradient
        yield
    finally:
        for node, gradient in zip(nodes, before):
            node.grad = gradient

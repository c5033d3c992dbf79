"""A backward pass on record: every step with its numbers, the graph's own gradients left as they were."""

from __future__ import annotations

from typing import NamedTuple

from engine.expressions.names import caller_names
from engine.node import topological_order
from engine.steps import Step, Wording, backprop
from engine.value import Value


class Walk(NamedTuple):
    """All steps of backprop from a root.

    ``nodes`` are in topological order, the root last; ``wording`` says what to call each; ``gradients`` are those of
    the root with respect to each, in the order of the nodes.
    """

    nodes: list[Value]
    wording: Wording
    steps: list[Step]
    gradients: list[float]

    @property
    def root(self) -> Value:
        """The Value that the walk starts from."""
        return self.nodes[-1]


def walked(root: Value, names: object = None) -> Walk:
    """Go through backprop from *root* and put back the gradients that were there before.

    Looking at a graph must not change it: a leaf would add up the gradient of each look. For the same reason the sums
    in the steps start from 0, and not from what a leaf has from an earlier pass.

    >>> x = Value(3.0, label="x")
    >>> walk = walked(x * x)
    >>> walk.gradients, x.grad
    ([6.0, 1.0], 0.0)
    """
    nodes = topological_order(root)
    caller_names(names)  # wrong ones are told before anything is changed
    before = [node.grad for node in nodes]
    try:
        for node in nodes:
            node.grad = 0.0
        steps = list(backprop(root, names=names))
        gradients = [node.grad for node in nodes]
    finally:
        for node, gradient in zip(nodes, before):
            node.grad = gradient
    return Walk(nodes, Wording(root, names), steps, gradients)

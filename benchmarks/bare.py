"""The smallest class that can train a small GPT: what somebody writes in an afternoon, and what gpt.py compares with.

Its local derivatives are the formulas of engine/value.py, and it hands gradients back in the same order. Both must
therefore give the same numbers, to the last digit.
"""

from __future__ import annotations

import math
from typing import Any


class Bare:
    """A number with its gradient, the numbers it was made of, and a local derivative for each."""

    __slots__ = ("children", "data", "grad", "local")

    def __init__(self, data: float, children: tuple[Bare, ...] = (), local: tuple[float, ...] = ()) -> None:
        self.data, self.grad, self.children, self.local = data, 0.0, children, local

    def __add__(self, other: Any) -> Bare:
        other = other if isinstance(other, Bare) else Bare(other)
        return Bare(self.data + other.data, (self, other), (1.0, 1.0))

    def __sub__(self, other: Any) -> Bare:
        other = other if isinstance(other, Bare) else Bare(other)
        return Bare(self.data - other.data, (self, other), (1.0, -1.0))

    def __mul__(self, other: Any) -> Bare:
        other = other if isinstance(other, Bare) else Bare(other)
        return Bare(self.data * other.data, (self, other), (other.data, self.data))

    def __truediv__(self, other: Any) -> Bare:
        other = other if isinstance(other, Bare) else Bare(other)
        quotient = self.data / other.data
        return Bare(quotient, (self, other), (1.0 / other.data, -quotient / other.data))

    def __pow__(self, n: float) -> Bare:
        return Bare(math.pow(self.data, n), (self,), (n * math.pow(self.data, n - 1.0),))

    def __neg__(self) -> Bare:
        return Bare(-self.data, (self,), (-1.0,))

    def exp(self) -> Bare:
        power = math.exp(self.data)
        return Bare(power, (self,), (power,))

    def log(self) -> Bare:
        return Bare(math.log(self.data), (self,), (1.0 / self.data,))

    def relu(self) -> Bare:
        return Bare(self.data, (self,), (1.0,)) if self.data > 0.0 else Bare(0.0, (self,), (0.0,))

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        order, met = [], set()

        def visit(node: Bare) -> None:
            if node not in met:
                met.add(node)
                for child in node.children:
                    visit(child)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for child, local in zip(node.children, node.local):
                child.grad += local * node.grad

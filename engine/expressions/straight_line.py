"""A graph as statements in a row, each of them a formula: its numbers forward, the chain rule backward.

Programs in other languages are these formulas, written as the language has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.derivatives import Rule
from engine.expressions.nodes import Calls, Formula, Name, Number, Operation, as_formula

_CALLS = Calls()


class Contribution(NamedTuple):
    """``gradient = amount``; or ``gradient += amount``, where it *adds* to what is there."""

    gradient: Formula
    adds: bool
    amount: Formula


@dataclass
class StraightLine:
    """Nodes in topological order, each with the rule that computes it (None for a leaf), its operands and its name."""

    rules: Sequence[Rule | None]
    operands: Sequence[tuple[int, ...]]
    names: Sequence[Formula]
    n_gradients: int = 0
    """How many gradients ``backward`` has named ``g[0]``, ``g[1]`` and so on."""

    def forward(self) -> Iterator[tuple[int, Formula]]:
        """The place of each node that is computed, and what from."""
        for place, rule in enumerate(self.rules):
            if rule:
                operands = [self.names[operand] for operand in self.operands[place]]
                yield place, multiplied_out(as_formula(rule.compute(_CALLS, *operands)))

    def backward(self, root: int, leaves: Mapping[int, Formula]) -> Iterator[Contribution]:
        """The chain rule from *root* along the ways to *leaves*, whose gradients have names and start with numbers.

        As in the engine, the chain rule's product with an exact 0 is 0.
        """
        leads, leading = set(leaves), []
        for place, operands in enumerate(self.operands):
            if not leads.isdisjoint(operands):
                leads.add(place)
                leading.append(place)
        gradients: dict[int, Formula] = dict(leaves)
        named = set(leaves)
        if root in named:
            yield Contribution(gradients[root], True, Number(1.0))
        elif root in leads:
            gradients[root] = Number(1.0)
        for place in reversed(leading):
            rule, operands = self.rules[place], self.operands[place]
            if rule is None or place not in gradients:
                continue  # no way from the root
            names = [self.names[operand] for operand in operands]
            for operand, derivative in zip(operands, rule.derivatives):
                slope = multiplied_out(as_formula(derivative(_CALLS, self.names[place], *names)))
                if operand not in leads or slope == Number(0.0):
                    continue
                amount, before = _product(gradients[place], slope), gradients.get(operand)
                if before is None and isinstance(amount, (Name, Number)):
                    gradients[operand] = amount  # which is complete, and is not changed any more
                    continue
                adds = operand in named
                if not adds:
                    gradients[operand] = Name(f"g[{self.n_gradients}]")
                    self.n_gradients += 1
                    named.add(operand)
                yield Contribution(gradients[operand], adds, amount if adds or before is None else before + amount)


def _product(gradient: Formula, slope: Formula) -> Formula:
    """The chain rule's product, without the factors that change nothing."""
    if slope == Number(1.0) or gradient == Number(1.0):
        return gradient if slope == Number(1.0) else slope
    return -gradient if slope == Number(-1.0) else Operation("times", (gradient, slope))


def number_name(written: str) -> Name:
    """A constant's number as a language writes it, in brackets where it begins with a minus sign."""
    return Name(f"({written})" if written.startswith("-") else written)


def multiplied_out(formula: Formula) -> Formula:
    """Squares as products, which is what they are: another language's power may differ from them in the last digit."""
    match formula:
        case Operation("**", (base, Number(2.0))):
            base = multiplied_out(base)
            return Operation("*", (base, base))
        case Operation(op, operands):
            return Operation(op, tuple(map(multiplied_out, operands)))
    return formula

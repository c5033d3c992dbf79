"""A recorded graph as statements for a program in another language: the names of its numbers, and its formulas."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from engine.compiler.trace import INPUT, NONE, PARAMETER, Op, Record
from engine.derivatives import rule_for
from engine.expressions.javascript import key_of
from engine.expressions.nodes import Formula, Name
from engine.expressions.straight_line import StraightLine, number_name
from engine.operations import CONSTANT, Operation
from engine.validation import plain_label

_SEPARATE = re.compile(r"\*(?=/)|/(?=\*)|\?(?=\?)")  # what would end a comment, or begin one or a trigraph
_LEAVES = (INPUT, PARAMETER, CONSTANT)


class Statements:
    """The statements of a program in a *language*, in which *write* writes a formula and *number* a number.

    ``x`` are the inputs, ``w`` the parameters, ``v`` the numbers of computed nodes, ``g`` gradients.

    Raises:
        ValueError: a function of Python computes a node.
    """

    def __init__(
        self, record: Record, language: str, write: Callable[[Formula], str], number: Callable[[float], str]
    ) -> None:
        self.record, self._write = record, write
        self.keys = [_key(op, language) for op in record.ops]
        """The operations' keys in the tables."""
        self.names = list(_names(record, number))
        """The name of each node's number; that of a constant is its number."""
        self.operands = [tuple(i for i in pair if i != NONE) for pair in zip(record.first, record.second)]
        rules = [None if op in _LEAVES else rule_for(key) for op, key in zip(record.ops, self.keys)]
        self.n_computed = sum(rule is not None for rule in rules)
        self._line = StraightLine(rules, self.operands, self.names)

    @property
    def n_gradients(self) -> int:
        """How many numbers ``g`` has; known after ``backward``."""
        return self._line.n_gradients

    def forward(self) -> Iterator[tuple[int, Formula]]:
        """The place of each node that is computed, and what from."""
        return self._line.forward()

    def backward(self, output: int, by_inputs: str = "dx", by_parameters: str = "dw") -> list[str]:
        """The gradient of an output, in two arrays that start with zeros; one that has no name is left out."""
        n_inputs, n_parameters = self.record.n_inputs, self.record.n_parameters
        names = [(by_inputs, i) for i in range(n_inputs)] + [(by_parameters, i) for i in range(n_parameters)]
        leaves: dict[int, Formula] = {place: Name(f"{a}[{i}]") for place, (a, i) in enumerate(names) if a}
        return [
            f"{self._write(gradient)} {'+=' if adds else '='} {self._write(amount)};"
            for gradient, adds, amount in self._line.backward(self.record.outputs[output], leaves)
        ]

    def labelled(self, labels: Sequence[str]) -> list[str]:
        """A line for each leaf that has a label: ``x[0]: length``."""
        n_inputs = self.record.n_inputs
        names = [f"x[{i}]" if i < n_inputs else f"w[{i - n_inputs}]" for i in range(len(labels))]
        return [f"{name}: {label}" for name, label in zip(names, labels) if label]


def block_comment(lines: Sequence[str], words: Sequence[str]) -> str:
    """A comment in C or JavaScript: *lines* as they are, and *words* that anybody may have chosen.

    >>> print(block_comment(["Numbers:"], ["x[0]: a */ b"]))
    /*
     * Numbers:
     * x[0]: a * / b
     */
    <BLANKLINE>
    """
    every = [*lines, *map(harmless, words)]
    return "/*\n" + "".join(f" * {line}".rstrip() + "\n" for line in every) + " */\n"


def harmless(words: str) -> str:
    """Words on one line of a comment, which they neither end nor continue."""
    line = _SEPARATE.sub(r"\g<0> ", plain_label(words, 200))
    return f"{line}." if line.endswith("\\") else line


def _key(op: Op, language: str) -> str:
    key = op if isinstance(op, str) else key_of(op)
    if not key and isinstance(op, Operation):
        raise ValueError(
            f"{language} cannot compute {op.name}, a function of Python; write it with functions of the engine"
        )
    return key


def _names(record: Record, number: Callable[[float], str]) -> Iterator[Formula]:
    n_computed = 0
    for place, op in enumerate(record.ops):
        if op == CONSTANT:
            yield number_name(number(record.numbers[place]))
        elif op in (INPUT, PARAMETER):
            yield Name(f"x[{place}]" if op == INPUT else f"w[{place - record.n_inputs}]")
        else:
            yield Name(f"v[{n_computed}]")
            n_computed += 1

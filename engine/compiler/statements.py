"""A recorded graph as statements for a program in another language: its numbers forward, the chain rule backward."""

import re
from collections.abc import Callable, Iterator, Sequence

from engine.compiler.trace import INPUT, NONE, PARAMETER, Op, Record
from engine.derivatives import rule_for
from engine.expressions.javascript import key_of
from engine.expressions.nodes import Calls, Formula, Name, Number, as_formula
from engine.expressions.nodes import Operation as Term
from engine.operations import CONSTANT, Operation
from engine.validation import plain_label

_SEPARATE = re.compile(r"\*(?=/)|/(?=\*)|\?(?=\?)")  # what would end a comment, or begin one or a trigraph
_LEAVES = (INPUT, PARAMETER, CONSTANT)
_CALLS = Calls()


class Statements:
    """The statements of a program in a *language*, in which *write* writes a formula and *number* a number.

    ``x`` are the inputs, ``w`` the parameters, ``v`` the numbers of computed nodes, ``g`` gradients. Raises a
    ValueError if a function of Python computes a node.
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
        self._rules = [None if op in _LEAVES else rule_for(key) for op, key in zip(record.ops, self.keys)]
        self.n_computed = sum(rule is not None for rule in self._rules)
        self.n_gradients = 0
        """How many numbers ``g`` has; known after ``backward``."""

    def forward(self) -> Iterator[tuple[int, str]]:
        for place, rule in enumerate(self._rules):
            if rule:
                operands = [Name(self.names[operand]) for operand in self.operands[place]]
                formula = _multiplied_out(as_formula(rule.compute(_CALLS, *operands)))
                yield place, f"{self.names[place]} = {self._write(formula)};"

    def backward(self, output: int) -> Iterator[str]:
        """The statements of the gradient of an output in all inputs and parameters, ``dx`` and ``dw``, which are 0.

        That is the chain rule along the ways from the output to leaves; its product with an exact 0 is 0, as in the
        engine.
        """
        write, root = self._write, self.record.outputs[output]
        named = set(range(self.record.n_inputs + self.record.n_parameters))
        leads = self.record.made_of(named)
        gradients: dict[int, Formula] = {place: Name(f"d{self.names[place]}") for place in named}
        if root in named:
            yield f"{write(gradients[root])} += {write(Number(1.0))};"
        elif leads[root]:
            gradients[root] = Number(1.0)
        for place in range(len(self.operands) - 1, -1, -1):
            rule, operands = self._rules[place], self.operands[place]
            if rule is None or place not in gradients:
                continue  # a leaf, or no way from the root
            names = [Name(self.names[i]) for i in (place, *operands)]
            for operand, derivative in zip(operands, rule.derivatives):
                slope = _multiplied_out(as_formula(derivative(_CALLS, *names)))
                if not leads[operand] or slope == Number(0.0):
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
                total = amount if adds or before is None else before + amount
                yield f"{write(gradients[operand])} {'+=' if adds else '='} {write(total)};"

    def labelled(self, labels: Sequence[str]) -> list[str]:
        """A line for each leaf that has a label: ``x[0]: length``."""
        return [f"{name}: {label}" for name, label in zip(self.names, labels) if label]


def block_comment(lines: Sequence[str], words: Sequence[str]) -> str:
    """A comment in C or JavaScript: *lines* as they are, and *words* that users may have chosen."""
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


def _names(record: Record, number: Callable[[float], str]) -> Iterator[str]:
    n_computed = 0
    for place, op in enumerate(record.ops):
        if op == CONSTANT:
            written = number(record.numbers[place])
            yield f"({written})" if written.startswith("-") else written
        elif op in (INPUT, PARAMETER):
            yield f"x[{place}]" if op == INPUT else f"w[{place - record.n_inputs}]"
        else:
            yield f"v[{n_computed}]"
            n_computed += 1


def _product(gradient: Formula, slope: Formula) -> Formula:
    """The chain rule's product, without the factors that change nothing."""
    if slope == Number(1.0) or gradient == Number(1.0):
        return gradient if slope == Number(1.0) else slope
    return -gradient if slope == Number(-1.0) else Term("times", (gradient, slope))


def _multiplied_out(formula: Formula) -> Formula:
    """Squares as products, which is what they are: another language's power may differ from them in the last digit."""
    match formula:
        case Term("**", (base, Number(2.0))):
            base = _multiplied_out(base)
            return Term("*", (base, base))
        case Term(op, operands):
            return Term(op, tuple(map(_multiplied_out, operands)))
    return formula

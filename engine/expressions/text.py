"""Formulas as text, and what writing one as LaTeX or MathML has in common with it."""

from __future__ import annotations

from engine.expressions.nodes import (
    ATOM,
    POWER,
    PRECEDENCE,
    QUOTIENT,
    SIGN,
    SUM,
    Cases,
    Derivative,
    Formula,
    Name,
    Number,
    Operation,
    format_number,
    precedence,
)
from engine.validation import plain_label, shortened


def text(formula: Formula, precision: int = 6) -> str:
    """A formula as a line of text, in the language of ``engine.expression``, derivatives as ``dL/dx``.

    >>> text(Name("x") * (Name("w") + 1))
    'x * (w + 1)'
    """
    return Writer(precision).write(formula)


class Writer:
    """Writes formulas as text. ``latex.py`` and ``mathml.py`` override what they write differently.

    Names come from strangers; each writer shows them as plain text.
    """

    has_fraction_bars = False
    """Whether a quotient is a fraction with a bar, which holds together without parentheses."""

    def __init__(self, precision: int) -> None:
        self.precision = precision

    def write(self, formula: Formula, least: int = 0) -> str:
        """A formula, in parentheses if it holds together less tightly than *least*."""
        is_fraction = self.has_fraction_bars and isinstance(formula, Operation) and formula.op == "/"
        bare = self._write_bare(formula)
        return self.parenthesize(bare) if (POWER if is_fraction else precedence(formula)) < least else bare

    def _write_bare(self, formula: Formula) -> str:
        match formula:
            case Name(name):
                return self.name(plain_label(name))
            case Number(value):
                return self.number(format_number(value, self.precision))
            case Derivative(of, by):
                return self.derivative(self.write(of, ATOM), self.write(by, ATOM))
            case Cases(rows, otherwise):
                write = self.write
                return self.cases([(write(y), write(a), sign, write(b)) for y, a, sign, b in rows], write(otherwise))
            case Operation("neg", (a,)):
                return self.negative(self.write(a, QUOTIENT))
            case Operation("/", (a, b)):
                return self.quotient(a, b)
            case Operation("**", (a, b)):
                return self.power(a, b)
            case Operation(op, (a, b)) if op in PRECEDENCE:
                left, right = (SUM, QUOTIENT) if op in "+-" else (SIGN, POWER)  # x + (-3), and -3 * x
                return self.infix(self.write(a, left), op, self.write(b, right))
            case Operation(op, operands):
                return self.function(op, [self.write(operand) for operand in operands])
        raise TypeError(f"not a formula: {shortened(formula)}")

    def parenthesize(self, written: str) -> str:
        """The same in parentheses."""
        return f"({written})"

    def name(self, name: str) -> str:
        """A name, which may hold any printable character."""
        return name

    def number(self, number: str) -> str:
        """A number, given as Python writes it."""
        return number

    def derivative(self, of: str, by: str) -> str:
        """The derivative of one thing with respect to another."""
        return f"d{of}/d{by}"

    def cases(self, rows: list[tuple[str, str, str, str]], otherwise: str) -> str:
        """Cases, as rows of (what, left, relation, right), and what holds otherwise."""
        cases = [f"{y} if {a} {relation} {b}" for y, a, relation, b in rows]
        return f"({' else '.join([*cases, otherwise])})"

    def negative(self, a: str) -> str:
        """Minus *a*."""
        return f"-{a}"

    def quotient(self, a: Formula, b: Formula) -> str:
        """One divided by the other."""
        return self.infix(self.write(a, SIGN), "/", self.write(b, POWER))

    def power(self, a: Formula, b: Formula) -> str:
        """One to the power of the other."""
        return f"{self.write(a, ATOM)}**{self.write(b, ATOM)}"

    def infix(self, a: str, sign: str, b: str) -> str:
        """A sum, difference or product."""
        return f"{a} {sign} {b}"

    def function(self, name: str, operands: list[str]) -> str:
        """A function of its operands."""
        return f"{name}({', '.join(operands)})"

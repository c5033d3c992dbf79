"""Formulas as MathML, which browsers show by themselves."""

from __future__ import annotations

from html import escape

from engine.expressions.nodes import ATOM, Formula
from engine.expressions.text import Writer

_FUNCTIONS = {
    "log": "ln",
    "log10": "log₁₀",
    "sigmoid": "σ",
    "maximum": "max",
    "minimum": "min",
    "normal_cdf": "Φ",
    "normal_pdf": "φ",
}
_SIGNS = {"*": "·", "-": "−"}


def mathml(formula: Formula, precision: int = 6) -> str:
    """A formula as the inside of a ``<math>`` element; every name in it is escaped.

    >>> from engine.expressions.nodes import Name, Number
    >>> mathml(Name("x") * Number(2.0))
    '<mrow><mi>x</mi><mo>·</mo><mn>2</mn></mrow>'
    """
    return _MathMLWriter(precision).write(formula)


class _MathMLWriter(Writer):
    has_fraction_bars = True

    def parenthesize(self, written: str) -> str:
        return f"<mrow><mo>(</mo>{written}<mo>)</mo></mrow>"

    def name(self, name: str) -> str:
        """``x1`` with an index, anything else as it is."""
        stem = name.rstrip("0123456789")
        index = name[len(stem) :]
        if len(stem) == 1 and stem.isalpha() and index:
            return f"<msub><mi>{escape(stem)}</mi><mn>{index}</mn></msub>"
        return f"<mi>{escape(name)}</mi>"

    def number(self, number: str) -> str:
        mantissa, e, exponent = number.partition("e")
        mantissa = mantissa.replace("inf", "∞").replace("nan", "NaN").replace("-", "−")
        if not e:
            return f"<mn>{mantissa}</mn>"
        power = str(int(exponent)).replace("-", "−")
        return f"<mrow><mn>{mantissa}</mn><mo>·</mo><msup><mn>10</mn><mn>{power}</mn></msup></mrow>"

    def derivative(self, of: str, by: str) -> str:
        return f"<mfrac><mrow><mo>∂</mo>{of}</mrow><mrow><mo>∂</mo>{by}</mrow></mfrac>"

    def cases(self, rows: list[tuple[str, str, str, str]], otherwise: str) -> str:
        cases = [(y, f"<mrow>{a}<mo>{escape(relation)}</mo>{b}</mrow>") for y, a, relation, b in rows]
        table = "".join(
            f"<mtr><mtd>{y}</mtd><mtd>{condition}</mtd></mtr>"
            for y, condition in [*cases, (otherwise, "<mtext>else</mtext>")]
        )
        return f"<mrow><mo>{{</mo><mtable>{table}</mtable></mrow>"

    def negative(self, a: str) -> str:
        return f"<mrow><mo>−</mo>{a}</mrow>"

    def quotient(self, a: Formula, b: Formula) -> str:
        return f"<mfrac>{self.write(a)}{self.write(b)}</mfrac>"

    def power(self, a: Formula, b: Formula) -> str:
        return f"<msup>{self.write(a, ATOM)}{self.write(b)}</msup>"

    def infix(self, a: str, sign: str, b: str) -> str:
        return f"<mrow>{a}<mo>{_SIGNS.get(sign, sign)}</mo>{b}</mrow>"

    def function(self, name: str, operands: list[str]) -> str:
        if name == "sqrt":
            return f"<msqrt>{operands[0]}</msqrt>"
        if name == "abs":
            return f"<mrow><mo>|</mo>{operands[0]}<mo>|</mo></mrow>"
        inside = "<mo>,</mo>".join(operands)
        return f"<mrow><mi>{escape(_FUNCTIONS.get(name, name))}</mi><mo>(</mo>{inside}<mo>)</mo></mrow>"

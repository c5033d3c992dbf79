"""Formulas as LaTeX, for notebooks and papers, and as MathML, which browsers show by themselves."""

from __future__ import annotations

from html import escape

from engine.expressions.nodes import (
    ATOM,
    POWER,
    PRECEDENCE,
    QUOTIENT,
    Cases,
    Derivative,
    Formula,
    Name,
    Number,
    Operation,
    holds,
    wanted_by,
    written,
)
from engine.validation import plain_label, shortened

_LATEX_FUNCTIONS = {
    **{f: f"\\{f}" for f in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"a{f}": f"\\arc{f}" for f in ("sin", "cos", "tan")},
    "sigmoid": "\\sigma",
    "log10": "\\log_{10}",
    "maximum": "\\max",
    "minimum": "\\min",
    "normal_cdf": "\\Phi",
    "normal_pdf": "\\varphi",
}
_LATEX_NEW_ROW = r" \\ "
_LATEX_SIGNS = {"*": "\\cdot", ">": "\\gt"}
_LATEX_CHARACTERS = {
    **{c: f"\\{c}" for c in "#$%&_{} "},
    "\\": "\\backslash ",
    "~": "\\sim ",
    "^": "\\wedge ",
    "<": "\\lt ",
    ">": "\\gt ",
    "'": "{\\prime}",
    "-": "\\text{-}",
    "*": "{\\ast}",
}


def _stacked(part: Formula) -> int:
    """How tightly a formula holds together where a quotient is a fraction with a bar."""
    return POWER if isinstance(part, Operation) and part.op == "/" else holds(part)


def latex(formula: Formula, precision: int = 6) -> str:
    r"""A formula in LaTeX's mathematics, for MathJax, KaTeX and amsmath.

    >>> print(latex(Derivative(Name("L"), Name("x1"))))
    \frac{\partial L}{\partial x_{1}}
    """
    return _Latex(precision).write(formula)


class _Latex:
    """LaTeX of formulas and their parts."""

    def __init__(self, precision: int) -> None:
        self.precision = precision

    def write(self, part: Formula, wanted: int = 0) -> str:
        """A part, in parentheses where it holds less tightly than its place wants."""
        return f"\\left({self.bare(part)}\\right)" if _stacked(part) < wanted else self.bare(part)

    def bare(self, part: Formula) -> str:
        """A part without parentheses around it."""
        match part:
            case Name(name):
                return _latex_name(plain_label(name))
            case Number(value):
                return _latex_number(written(value, self.precision))
            case Derivative(of, by):
                return f"\\frac{{\\partial {self.write(of, ATOM)}}}{{\\partial {self.write(by, ATOM)}}}"
            case Cases(rows, otherwise):
                cases = [
                    f"{self.bare(y)} & {self.bare(a)} {_LATEX_SIGNS.get(sign, sign)} {self.bare(b)}"
                    for y, a, sign, b in rows
                ]
                rows_of_it = _LATEX_NEW_ROW.join([*cases, f"{self.bare(otherwise)} & \\text{{else}}"])
                return f"\\begin{{cases}}{rows_of_it}\\end{{cases}}"
            case Operation(op, operands):
                return self.operation(op, operands)
        raise TypeError(f"not a formula: {shortened(part)}")

    def _condition(self, a: Formula, sign: str, b: Formula) -> str:
        return f"{self.bare(a)} {_LATEX_SIGNS.get(sign, sign)} {self.bare(b)}"

    def operation(self, op: str, operands: tuple[Formula, ...]) -> str:
        """An operation or a function."""
        match op, operands:
            case "neg", (a,):
                return f"-{self.write(a, QUOTIENT)}"
            case "/", (a, b):
                return f"\\frac{{{self.bare(a)}}}{{{self.bare(b)}}}"
            case "**", (a, b):
                return f"{{{self.write(a, ATOM)}}}^{{{self.bare(b)}}}"
            case "sqrt", (a,):
                return f"\\sqrt{{{self.bare(a)}}}"
            case "abs", (a,):
                return f"\\left|{self.bare(a)}\\right|"
            case _, (a, b) if op in PRECEDENCE:
                left, right = wanted_by(op)
                return f"{self.write(a, left)} {_LATEX_SIGNS.get(op, op)} {self.write(b, right)}"
        function = _LATEX_FUNCTIONS.get(op) or f"\\operatorname{{{_latex_letters(op)}}}"
        return f"{function}\\left({', '.join(self.bare(operand) for operand in operands)}\\right)"


def _latex_letters(name: str) -> str:
    return "".join(_LATEX_CHARACTERS.get(c, c) for c in name)


def _latex_name(name: str) -> str:
    """``x`` as it is, ``x1`` with an index, anything longer in upright letters."""
    stem = name.rstrip("0123456789")
    index = name[len(stem) :]
    letters = stem if len(stem) == 1 and stem.isalpha() else f"\\mathrm{{{_latex_letters(stem)}}}"
    return f"{letters}_{{{index}}}" if stem and index else letters if stem else index


def _latex_number(number: str) -> str:
    mantissa, e, exponent = number.partition("e")
    if e:
        return f"{mantissa} \\times 10^{{{int(exponent)}}}"
    return number.replace("inf", "\\infty").replace("nan", "\\mathrm{NaN}")


_FUNCTION_NAMES = {"log": "ln", "log10": "log₁₀", "sigmoid": "σ", "maximum": "max", "minimum": "min"} | {
    "normal_cdf": "Φ",
    "normal_pdf": "φ",
}
_SIGNS = {"*": "·", "-": "−"}


def mathml(formula: Formula, precision: int = 6) -> str:
    """A formula as the inside of a ``<math>`` element; every name in it is escaped.

    >>> mathml(Name("x") * Number(2.0))
    '<mrow><mi>x</mi><mo>·</mo><mn>2</mn></mrow>'
    """
    return _MathML(precision).write(formula)


class _MathML:
    """MathML of formulas and their parts."""

    def __init__(self, precision: int) -> None:
        self.precision = precision

    def write(self, part: Formula, wanted: int = 0) -> str:
        """A part, in parentheses where it holds less tightly than its place wants."""
        return f"<mrow><mo>(</mo>{self.bare(part)}<mo>)</mo></mrow>" if _stacked(part) < wanted else self.bare(part)

    def bare(self, part: Formula) -> str:
        """A part without parentheses around it."""
        match part:
            case Name(name):
                return _mathml_name(plain_label(name))
            case Number(value):
                return _mathml_number(written(value, self.precision))
            case Derivative(of, by):
                above, below = (f"<mrow><mo>∂</mo>{self.write(thing, ATOM)}</mrow>" for thing in (of, by))
                return f"<mfrac>{above}{below}</mfrac>"
            case Cases(rows, otherwise):
                cases = [
                    (self.bare(y), f"<mrow>{self.bare(a)}<mo>{escape(s)}</mo>{self.bare(b)}</mrow>")
                    for y, a, s, b in rows
                ]
                table = "".join(
                    f"<mtr><mtd>{y}</mtd><mtd>{condition}</mtd></mtr>"
                    for y, condition in [*cases, (self.bare(otherwise), "<mtext>else</mtext>")]
                )
                return f"<mrow><mo>{{</mo><mtable>{table}</mtable></mrow>"
            case Operation(op, operands):
                return self.operation(op, operands)
        raise TypeError(f"not a formula: {shortened(part)}")

    def _condition(self, a: Formula, sign: str, b: Formula) -> str:
        return f"<mrow>{self.bare(a)}<mo>{escape(sign)}</mo>{self.bare(b)}</mrow>"

    def operation(self, op: str, operands: tuple[Formula, ...]) -> str:
        """An operation or a function."""
        match op, operands:
            case "neg", (a,):
                return f"<mrow><mo>−</mo>{self.write(a, QUOTIENT)}</mrow>"
            case "/", (a, b):
                return f"<mfrac>{self.bare(a)}{self.bare(b)}</mfrac>"
            case "**", (a, b):
                return f"<msup>{self.write(a, ATOM)}{self.bare(b)}</msup>"
            case "sqrt", (a,):
                return f"<msqrt>{self.bare(a)}</msqrt>"
            case "abs", (a,):
                return f"<mrow><mo>|</mo>{self.bare(a)}<mo>|</mo></mrow>"
            case _, (a, b) if op in PRECEDENCE:
                left, right = wanted_by(op)
                return f"<mrow>{self.write(a, left)}<mo>{_SIGNS.get(op, op)}</mo>{self.write(b, right)}</mrow>"
        inside = "<mo>,</mo>".join(self.bare(operand) for operand in operands)
        name = escape(_FUNCTION_NAMES.get(op, op))
        return f"<mrow><mi>{name}</mi><mo>(</mo>{inside}<mo>)</mo></mrow>"


def _mathml_name(name: str) -> str:
    stem = name.rstrip("0123456789")
    index = name[len(stem) :]
    if len(stem) == 1 and stem.isalpha() and index:
        return f"<msub><mi>{escape(stem)}</mi><mn>{index}</mn></msub>"
    return f"<mi>{escape(name)}</mi>"


def _mathml_number(number: str) -> str:
    mantissa, e, exponent = number.replace("inf", "∞").replace("nan", "NaN").replace("-", "−").partition("e")
    if not e:
        return f"<mn>{mantissa}</mn>"
    power = exponent.replace("+", "").lstrip("0") if exponent[0] != "−" else f"−{exponent[1:].lstrip('0')}"
    return f"<mrow><mn>{mantissa}</mn><mo>·</mo><msup><mn>10</mn><mn>{power}</mn></msup></mrow>"

"""Formulas as LaTeX, for notebooks and papers, and as MathML, which browsers show by themselves."""

from __future__ import annotations

from html import escape

from engine.checks import shortened
from engine.notation import (
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
    plain_label,
    wanted_by,
    written,
)

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

    def write(part: Formula, wanted: int = 0) -> str:
        return f"\\left({bare(part)}\\right)" if _stacked(part) < wanted else bare(part)

    def bare(part: Formula) -> str:
        match part:
            case Name(name):
                return _latex_name(plain_label(name))
            case Number(value):
                return _latex_number(written(value, precision))
            case Derivative(of, by):
                return f"\\frac{{\\partial {write(of, ATOM)}}}{{\\partial {write(by, ATOM)}}}"
            case Cases(rows, otherwise):
                cases = [f"{bare(y)} & {bare(a)} {_LATEX_SIGNS.get(sign, sign)} {bare(b)}" for y, a, sign, b in rows]
                rows_of_it = _LATEX_NEW_ROW.join([*cases, f"{bare(otherwise)} & \\text{{else}}"])
                return f"\\begin{{cases}}{rows_of_it}\\end{{cases}}"
            case Operation(op, operands):
                return operation(op, operands)
        raise TypeError(f"not a formula: {shortened(part)}")

    def operation(op: str, operands: tuple[Formula, ...]) -> str:
        match op, operands:
            case "neg", (a,):
                return f"-{write(a, QUOTIENT)}"
            case "/", (a, b):
                return f"\\frac{{{bare(a)}}}{{{bare(b)}}}"
            case "**", (a, b):
                return f"{{{write(a, ATOM)}}}^{{{bare(b)}}}"
            case "sqrt", (a,):
                return f"\\sqrt{{{bare(a)}}}"
            case "abs", (a,):
                return f"\\left|{bare(a)}\\right|"
            case _, (a, b) if op in PRECEDENCE:
                left, right = wanted_by(op)
                return f"{write(a, left)} {_LATEX_SIGNS.get(op, op)} {write(b, right)}"
        function = _LATEX_FUNCTIONS.get(op) or f"\\operatorname{{{_latex_letters(op)}}}"
        return f"{function}\\left({', '.join(bare(operand) for operand in operands)}\\right)"

    return write(formula)


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

    def write(part: Formula, wanted: int = 0) -> str:
        return f"<mrow><mo>(</mo>{bare(part)}<mo>)</mo></mrow>" if _stacked(part) < wanted else bare(part)

    def bare(part: Formula) -> str:
        match part:
            case Name(name):
                return _mathml_name(plain_label(name))
            case Number(value):
                return _mathml_number(written(value, precision))
            case Derivative(of, by):
                above, below = (f"<mrow><mo>∂</mo>{write(thing, ATOM)}</mrow>" for thing in (of, by))
                return f"<mfrac>{above}{below}</mfrac>"
            case Cases(rows, otherwise):
                cases = [(bare(y), f"<mrow>{bare(a)}<mo>{escape(s)}</mo>{bare(b)}</mrow>") for y, a, s, b in rows]
                table = "".join(
                    f"<mtr><mtd>{y}</mtd><mtd>{condition}</mtd></mtr>"
                    for y, condition in [*cases, (bare(otherwise), "<mtext>else</mtext>")]
                )
                return f"<mrow><mo>{{</mo><mtable>{table}</mtable></mrow>"
            case Operation(op, operands):
                return operation(op, operands)
        raise TypeError(f"not a formula: {shortened(part)}")

    def operation(op: str, operands: tuple[Formula, ...]) -> str:
        match op, operands:
            case "neg", (a,):
                return f"<mrow><mo>−</mo>{write(a, QUOTIENT)}</mrow>"
            case "/", (a, b):
                return f"<mfrac>{bare(a)}{bare(b)}</mfrac>"
            case "**", (a, b):
                return f"<msup>{write(a, ATOM)}{bare(b)}</msup>"
            case "sqrt", (a,):
                return f"<msqrt>{bare(a)}</msqrt>"
            case "abs", (a,):
                return f"<mrow><mo>|</mo>{bare(a)}<mo>|</mo></mrow>"
            case _, (a, b) if op in PRECEDENCE:
                left, right = wanted_by(op)
                return f"<mrow>{write(a, left)}<mo>{_SIGNS.get(op, op)}</mo>{write(b, right)}</mrow>"
        inside = "<mo>,</mo>".join(bare(operand) for operand in operands)
        name = escape(_FUNCTION_NAMES.get(op, op))
        return f"<mrow><mi>{name}</mi><mo>(</mo>{inside}<mo>)</mo></mrow>"

    return write(formula)


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

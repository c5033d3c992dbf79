"""Formulas as LaTeX, for notebooks and papers."""

from __future__ import annotations

from engine.expressions.nodes import ATOM, Formula
from engine.expressions.text import Writer

_FUNCTIONS = {
    **{f: f"\\{f}" for f in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"a{f}": f"\\arc{f}" for f in ("sin", "cos", "tan")},
    "sigmoid": "\\sigma",
    "log10": "\\log_{10}",
    "maximum": "\\max",
    "minimum": "\\min",
    "normal_cdf": "\\Phi",
    "normal_pdf": "\\varphi",
}
_NEW_ROW = r" \\ "
_SIGNS = {"*": "\\cdot", ">": "\\gt"}
_CHARACTERS = {
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


def latex(formula: Formula, precision: int = 6) -> str:
    r"""A formula in LaTeX's mathematics, for MathJax, KaTeX and amsmath.

    >>> from engine.expressions.nodes import Derivative, Name
    >>> print(latex(Derivative(Name("L"), Name("x1"))))
    \frac{\partial L}{\partial x_{1}}
    """
    return _LatexWriter(precision).write(formula)


class _LatexWriter(Writer):
    has_fraction_bars = True

    def parenthesize(self, written: str) -> str:
        return f"\\left({written}\\right)"

    def name(self, name: str) -> str:
        """``x`` as it is, ``x1`` with an index, anything longer in upright letters."""
        stem = name.rstrip("0123456789")
        index = name[len(stem) :]
        letters = stem if len(stem) == 1 and stem.isalpha() else f"\\mathrm{{{_escape(stem)}}}"
        return f"{letters}_{{{index}}}" if stem and index else letters if stem else index

    def number(self, number: str) -> str:
        mantissa, e, exponent = number.partition("e")
        if e:
            return f"{mantissa} \\times 10^{{{int(exponent)}}}"
        return number.replace("inf", "\\infty").replace("nan", "\\mathrm{NaN}")

    def derivative(self, of: str, by: str) -> str:
        return f"\\frac{{\\partial {of}}}{{\\partial {by}}}"

    def cases(self, rows: list[tuple[str, str, str, str]], otherwise: str) -> str:
        cases = [f"{y} & {self.infix(a, relation, b)}" for y, a, relation, b in rows]
        cases.append(f"{otherwise} & \\text{{else}}")
        return f"\\begin{{cases}}{_NEW_ROW.join(cases)}\\end{{cases}}"

    def quotient(self, a: Formula, b: Formula) -> str:
        return f"\\frac{{{self.write(a)}}}{{{self.write(b)}}}"

    def power(self, a: Formula, b: Formula) -> str:
        return f"{{{self.write(a, ATOM)}}}^{{{self.write(b)}}}"

    def infix(self, a: str, sign: str, b: str) -> str:
        return f"{a} {_SIGNS.get(sign, sign)} {b}"

    def function(self, name: str, operands: list[str]) -> str:
        if name == "sqrt":
            return f"\\sqrt{{{operands[0]}}}"
        if name == "abs":
            return f"\\left|{operands[0]}\\right|"
        function = _FUNCTIONS.get(name) or f"\\operatorname{{{_escape(name)}}}"
        return f"{function}\\left({', '.join(operands)}\\right)"


def _escape(name: str) -> str:
    return "".join(_CHARACTERS.get(c, c) for c in name)

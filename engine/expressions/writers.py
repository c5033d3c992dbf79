"""Formulas as text, LaTeX and MathML. Names come from strangers; each way of writing shows them as plain text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape

from engine.expressions.nodes import Cases, Derivative, Equation, Formula, Name, Number, Operation, format_number
from engine.validation import plain_label, shortened

C_NAMES = {"abs": "fabs", "log_or_limit": "log", "power_or_limit": "pow"}
_SUM, _SIGN, _QUOTIENT, _PRODUCT, _POWER, _ATOM = range(1, 7)  # how tightly a formula holds together
_INFIX = {  # so tightly the whole, and so its parts at least: x + (-3), and -3 * x
    "+": (_SUM, _SUM, _QUOTIENT),
    "-": (_SUM, _SUM, _QUOTIENT),
    "*": (_PRODUCT, _SIGN, _POWER),
    "/": (_QUOTIENT, _SIGN, _POWER),
}


def text(formula: Formula, precision: int = 6) -> str:
    """A formula as a line of text, in the language of ``engine.expression``, derivatives as ``dL/dx``.

    Cases, which a graph does not have, are Python's: ``1 if x > 0 else 0``.

    >>> text(Equation(Name("y"), (Name("x") * (Name("w") + 1), Number(6.0))))
    'y = x * (w + 1) = 6'
    """
    return _TEXT.write(formula, precision=precision)


def picture_text(formula: Formula, precision: int = 6) -> str:
    """A formula as a line of text in a picture, with its signs: ``×``, ``−`` and ``∂L/∂x``."""
    return _PICTURE_TEXT.write(formula, precision=precision)


def latex(formula: Formula, precision: int = 6) -> str:
    r"""A formula in LaTeX's mathematics, for MathJax, KaTeX and amsmath; equations are aligned at their signs."""
    return _LATEX.write(formula, precision=precision)


def mathml(formula: Formula, precision: int = 6, is_factor: bool = False) -> str:
    """A formula as the inside of a ``<math>`` element; every name in it is escaped.

    It has parentheses where it needs them as the right factor of a product.

    >>> mathml(Name("x") * Number(2.0))
    '<mrow><mi>x</mi><mo>×</mo><mn>2</mn></mrow>'
    """
    return _MATHML.write(formula, _POWER if is_factor else 0, precision=precision)


def c(formula: Formula) -> str:
    """A formula as an expression in C, its numbers exact; functions that C has not are called by their names."""
    return _C.write(formula, precision=17)


def c_number(number: float) -> str:
    return {"inf": "INFINITY", "-inf": "-INFINITY", "nan": "NAN"}.get(repr(number), repr(number))


@dataclass(frozen=True)
class _Notation:
    """How the parts of a formula are written, as templates for ``str.format``. The defaults are those of text."""

    name: Callable[[str], str] = str  # of a variable
    number: Callable[[str], str] = str  # as Python writes it
    function: Callable[[str], str] = str  # by its name, where the table of functions has none
    functions: Mapping[str, str] = field(default_factory=dict)
    brackets: Mapping[str, str] = field(default_factory=dict)  # functions that go around their operand
    signs: Mapping[str, str] = field(default_factory=dict)
    parentheses: str = "({})"
    derivative: str = "d{}/d{}"
    negative: str = "-{}"
    fraction: str = ""  # with a bar, which holds together without parentheses
    power: str = "{}**{}"
    least_exponent: int = _ATOM
    infix: str = "{} {} {}"
    applied: str = "{}({})"
    comma: str = ", "
    case: str = "{} if {}"
    otherwise: str = "{}"
    next_case: str = " else "
    cases: str = "({})"
    equation: str = "{} {} {}"
    equals: str = " = "

    def write(self, formula: Formula, least: int = 0, *, precision: int) -> str:
        """A formula, in parentheses if it holds together less tightly than *least*."""
        write, holds = partial(self.write, precision=precision), _ATOM
        match formula:
            case Name(name):
                written = self.name(plain_label(name))
            case Number(value):
                written, holds = self.number(format_number(value, precision)), _SIGN if value < 0.0 else _ATOM
            case Derivative(of, by):
                written, holds = self.derivative.format(write(of, _ATOM), write(by, _ATOM)), _POWER
            case Cases(rows, otherwise):
                cases = [self.case.format(write(y), self._infix(write(a), sign, write(b))) for y, a, sign, b in rows]
                written = self.cases.format(self.next_case.join([*cases, self.otherwise.format(write(otherwise))]))
            case Operation("neg", (a,)):
                written, holds = self.negative.format(write(a, _QUOTIENT)), _SIGN
            case Operation("/", (a, b)) if self.fraction:
                written, holds = self.fraction.format(write(a), write(b)), _POWER
            case Operation("**", (a, b)):
                written, holds = self.power.format(write(a, _ATOM), write(b, self.least_exponent)), _POWER
            case Operation(op, (a, b)) if op in _INFIX:
                holds, left, right = _INFIX[op]
                written = self._infix(write(a, left), op, write(b, right))
            case Operation(op, (a,)) if op in self.brackets:
                written = self.brackets[op].format(write(a))
            case Operation(op, operands):
                function = self.functions.get(op) or self.function(op)
                written = self.applied.format(function, self.comma.join(map(write, operands)))
            case Equation(left_side, right_sides, sign):
                sides = self.equals.join(map(write, right_sides))
                written = self.equation.format(write(left_side), self.signs.get(sign, sign), sides)
            case _:
                raise TypeError(f"not a formula: {shortened(formula)}")
        return self.parentheses.format(written) if holds < least else written

    def _infix(self, a: str, sign: str, b: str) -> str:
        return self.infix.format(a, self.signs.get(sign, sign), b)


_LATEX_CHARACTERS = str.maketrans({
    **{character: f"\\{character}" for character in "#$%&_{} "},
    **{"\\": "\\backslash ", "~": "\\sim ", "^": "\\wedge ", "<": "\\lt ", ">": "\\gt "},
    **{"'": "{\\prime}", "-": "\\text{-}", "*": "{\\ast}"},
})  # fmt: skip


def _latex_name(name: str) -> str:
    """``x`` as it is, ``x1`` with an index, anything longer in upright letters."""
    stem = name.rstrip("0123456789")
    index = name[len(stem) :]
    letters = stem if len(stem) == 1 and stem.isalpha() else f"\\mathrm{{{stem.translate(_LATEX_CHARACTERS)}}}"
    return f"{letters}_{{{index}}}" if stem and index else letters if stem else index


def _latex_number(number: str) -> str:
    mantissa, e, exponent = number.partition("e")
    if e:
        return f"{mantissa} \\times 10^{{{int(exponent)}}}"
    return number.replace("inf", "\\infty").replace("nan", "\\mathrm{NaN}")


def _mathml_name(name: str) -> str:
    """``x1`` with an index, anything else as it is."""
    stem = name.rstrip("0123456789")
    index = name[len(stem) :]
    if len(stem) == 1 and stem.isalpha() and index:
        return f"<msub><mi>{escape(stem)}</mi><mn>{index}</mn></msub>"
    return f"<mi>{escape(name)}</mi>"


def _mathml_number(number: str) -> str:
    mantissa, e, exponent = number.replace("inf", "∞").replace("nan", "NaN").partition("e")
    written = f"<mn>{mantissa}</mn>"
    if e:
        written = f"<mrow>{written}<mo>×</mo><msup><mn>10</mn><mn>{int(exponent)}</mn></msup></mrow>"
    return written.replace("-", "−")


_TEXT = _Notation()
_PICTURE_TEXT = replace(
    _TEXT,
    number=lambda number: number.replace("-", "−"),
    signs={"*": "×", "-": "−", "==": "="},
    derivative="∂{}/∂{}",
    negative="−{}",
)
_LATEX = _Notation(
    name=_latex_name,
    number=_latex_number,
    function=lambda name: f"\\operatorname{{{name.translate(_LATEX_CHARACTERS)}}}",
    functions={
        **{f: f"\\{f}" for f in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
        **{f"a{f}": f"\\arc{f}" for f in ("sin", "cos", "tan")},
        **{"log10": "\\log_{10}", "normal_cdf": "\\Phi", "normal_pdf": "\\varphi"},
    },
    brackets={"sqrt": "\\sqrt{{{}}}", "abs": "\\left|{}\\right|"},
    signs={"*": "\\times", ">": "\\gt", "==": "=", "+=": "\\mathrel{+=}"},
    parentheses="\\left({}\\right)",
    derivative="\\frac{{\\partial {}}}{{\\partial {}}}",
    fraction="\\frac{{{}}}{{{}}}",
    power="{{{}}}^{{{}}}",
    least_exponent=0,
    applied="{}\\left({}\\right)",
    case="{} & {}",
    otherwise="{} & \\text{{else}}",
    next_case=" \\\\ ",
    cases="\\begin{{cases}}{}\\end{{cases}}",
    equation="{} &{} {}",
)
_MATHML = _Notation(
    name=_mathml_name,
    number=_mathml_number,
    function=escape,
    functions={"log10": "log₁₀", "normal_cdf": "Φ", "normal_pdf": "φ"},
    brackets={"sqrt": "<msqrt>{}</msqrt>", "abs": "<mrow><mo>|</mo>{}<mo>|</mo></mrow>"},
    signs={"*": "×", "-": "−", ">": "&gt;", "==": "="},
    parentheses="<mrow><mo>(</mo>{}<mo>)</mo></mrow>",
    derivative="<mfrac><mrow><mo>∂</mo>{}</mrow><mrow><mo>∂</mo>{}</mrow></mfrac>",
    negative="<mrow><mo>−</mo>{}</mrow>",
    fraction="<mfrac>{}{}</mfrac>",
    power="<msup>{}{}</msup>",
    least_exponent=0,
    infix="<mrow>{}<mo>{}</mo>{}</mrow>",
    applied="<mrow><mi>{}</mi><mo>(</mo>{}<mo>)</mo></mrow>",
    comma="<mo>,</mo>",
    case="<mtr><mtd>{}</mtd><mtd>{}</mtd></mtr>",
    otherwise="<mtr><mtd>{}</mtd><mtd><mtext>else</mtext></mtd></mtr>",
    next_case="",
    cases="<mrow><mo>{{</mo><mtable>{}</mtable></mrow>",
    equation="<mrow>{}<mo>{}</mo>{}</mrow>",
    equals="<mo>=</mo>",
)
_C = _Notation(
    number=lambda number: c_number(float(number)),
    functions=C_NAMES,
)

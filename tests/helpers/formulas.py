"""Formulas with more numbers at hand than they name."""

import re

from engine import expression


def evaluated(formula, numbers):
    """The Value of a formula, with those of the *numbers* whose names it has."""
    names = re.findall(r"[^\W\d]\w*", formula)
    return expression(formula, **{name: number for name, number in numbers.items() if name in names})

"""Functions of numbers and of Values alike: a Value gives a Value, a plain number gives a float.

Each is the method of the same name; the formula, the derivative and what happens at a kink stand there, in value.py.
The functions of many numbers (softmax, logsumexp, dot, mean) are made of those elementary ones.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, SupportsFloat, TypeAlias

from engine.validation import Unchecked, described
from engine.value import Value, constant

__all__ = ["acos", "asin", "atan", "atan2", "cos", "cosh", "dot", "erf", "erfc", "exp", "expm1", "gelu", "hypot"]
__all__ += ["leaky_relu", "log", "log1p", "log10", "logsumexp", "maximum", "mean", "minimum", "relu", "sigmoid", "sin"]
__all__ += ["sinh", "softmax", "softplus", "sqrt", "tan", "tanh"]

Result: TypeAlias = Any
"""A Value where any of the inputs is one, else a float."""


def exp(x: SupportsFloat) -> Result:
    """e to the power x.

    >>> exp(1.0)
    2.718281828459045
    """
    return x.exp() if isinstance(x, Value) else constant(x, "x in exp(x)").exp()._number


def expm1(x: SupportsFloat) -> Result:
    """exp(x) - 1, exact for small x.

    >>> expm1(1e-20)
    1e-20
    """
    return x.expm1() if isinstance(x, Value) else constant(x, "x in expm1(x)").expm1()._number


def log(x: SupportsFloat) -> Result:
    """Natural logarithm of x > 0.

    >>> log(1.0)
    0.0
    """
    return x.log() if isinstance(x, Value) else constant(x, "x in log(x)").log()._number


def log10(x: SupportsFloat) -> Result:
    """Logarithm of x > 0 to base 10.

    >>> log10(100.0)
    2.0
    """
    return x.log10() if isinstance(x, Value) else constant(x, "x in log10(x)").log10()._number


def log1p(x: SupportsFloat) -> Result:
    """log(1 + x) for x > -1, exact for small x.

    >>> log1p(1e-20)
    1e-20
    """
    return x.log1p() if isinstance(x, Value) else constant(x, "x in log1p(x)").log1p()._number


def sqrt(x: SupportsFloat) -> Result:
    """Square root of x >= 0.

    >>> sqrt(9.0)
    3.0
    """
    return x.sqrt() if isinstance(x, Value) else constant(x, "x in sqrt(x)").sqrt()._number


def sin(x: SupportsFloat) -> Result:
    """Sine of x, in radians.

    >>> sin(0.0)
    0.0
    """
    return x.sin() if isinstance(x, Value) else constant(x, "x in sin(x)").sin()._number


def cos(x: SupportsFloat) -> Result:
    """Cosine of x, in radians.

    >>> cos(0.0)
    1.0
    """
    return x.cos() if isinstance(x, Value) else constant(x, "x in cos(x)").cos()._number


def tan(x: SupportsFloat) -> Result:
    """Tangent of x, in radians.

    >>> tan(0.0)
    0.0
    """
    return x.tan() if isinstance(x, Value) else constant(x, "x in tan(x)").tan()._number


def asin(x: SupportsFloat) -> Result:
    """Angle in [-pi/2, pi/2] whose sine is x, for x in [-1, 1].

    >>> asin(1.0)
    1.5707963267948966
    """
    return x.asin() if isinstance(x, Value) else constant(x, "x in asin(x)").asin()._number


def acos(x: SupportsFloat) -> Result:
    """Angle in [0, pi] whose cosine is x, for x in [-1, 1].

    >>> acos(1.0)
    0.0
    """
    return x.acos() if isinstance(x, Value) else constant(x, "x in acos(x)").acos()._number


def atan(x: SupportsFloat) -> Result:
    """Angle in (-pi/2, pi/2) whose tangent is x.

    >>> atan(1.0)
    0.7853981633974483
    """
    return x.atan() if isinstance(x, Value) else constant(x, "x in atan(x)").atan()._number


def sinh(x: SupportsFloat) -> Result:
    """Hyperbolic sine.

    >>> sinh(0.0)
    0.0
    """
    return x.sinh() if isinstance(x, Value) else constant(x, "x in sinh(x)").sinh()._number


def cosh(x: SupportsFloat) -> Result:
    """Hyperbolic cosine.

    >>> cosh(0.0)
    1.0
    """
    return x.cosh() if isinstance(x, Value) else constant(x, "x in cosh(x)").cosh()._number


def tanh(x: SupportsFloat) -> Result:
    """Hyperbolic tangent, in [-1, 1].

    >>> round(tanh(0.5), 6)
    0.462117
    """
    return x.tanh() if isinstance(x, Value) else constant(x, "x in tanh(x)").tanh()._number


def sigmoid(x: SupportsFloat) -> Result:
    """1 / (1 + exp(-x)), in [0, 1], with no overflow.

    >>> sigmoid(-1000.0)
    0.0
    """
    return x.sigmoid() if isinstance(x, Value) else constant(x, "x in sigmoid(x)").sigmoid()._number


def softplus(x: SupportsFloat) -> Result:
    """log(1 + exp(x)), with no overflow.

    >>> softplus(1000.0)
    1000.0
    """
    return x.softplus() if isinstance(x, Value) else constant(x, "x in softplus(x)").softplus()._number


def relu(x: SupportsFloat) -> Result:
    """x where x > 0, else 0.

    >>> relu(-2.0)
    0.0
    """
    return x.relu() if isinstance(x, Value) else constant(x, "x in relu(x)").relu()._number


def gelu(x: SupportsFloat) -> Result:
    """x times the standard normal distribution function of x.

    Hendrycks and Gimpel, 2016.

    >>> round(gelu(1.0), 6)
    0.841345
    """
    return x.gelu() if isinstance(x, Value) else constant(x, "x in gelu(x)").gelu()._number


def erfc(x: SupportsFloat) -> Result:
    """Complementary error function, 1 - erf(x), exact where that is small.

    >>> round(erfc(0.5), 6)
    0.4795
    """
    return x.erfc() if isinstance(x, Value) else constant(x, "x in erfc(x)").erfc()._number


def erf(x: SupportsFloat) -> Result:
    """Error function, in [-1, 1].

    >>> round(erf(0.5), 6)
    0.5205
    """
    return x.erf() if isinstance(x, Value) else constant(x, "x in erf(x)").erf()._number


def leaky_relu(x: SupportsFloat, slope: SupportsFloat = 0.01) -> Result:
    """x where x > 0, else slope * x. The slope may be a Value, and learn.

    >>> leaky_relu(-2.0, 0.5)
    -1.0
    """
    return _apply_two("each operand of leaky_relu", Value.leaky_relu, x, slope)


def maximum(a: SupportsFloat, b: SupportsFloat) -> Result:
    """The larger of two numbers; equal ones share the gradient.

    >>> maximum(2.0, 3.0)
    3.0
    """
    return _apply_two("each operand of maximum", Value.maximum, a, b)


def minimum(a: SupportsFloat, b: SupportsFloat) -> Result:
    """The smaller of two numbers; equal ones share the gradient.

    >>> minimum(2.0, 3.0)
    2.0
    """
    return _apply_two("each operand of minimum", Value.minimum, a, b)


def hypot(a: SupportsFloat, b: SupportsFloat) -> Result:
    """sqrt(a**2 + b**2), with no overflow on the way.

    >>> hypot(3.0, 4.0)
    5.0
    """
    return _apply_two("each operand of hypot", Value.hypot, a, b)


def atan2(y: SupportsFloat, x: SupportsFloat) -> Result:
    """Angle of the point (x, y) seen from the origin, in [-pi, pi].

    >>> atan2(1.0, 1.0)
    0.7853981633974483
    """
    return _apply_two("each operand of atan2", Value.atan2, y, x)


def dot(a: Iterable[SupportsFloat], b: Iterable[SupportsFloat]) -> Result:
    """Sum of the products of two sequences of equal length, added from the left.

    Raises:
        ValueError: the lengths differ.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    11.0
    """
    left, right = _listed(a, "dot", "two lists"), _listed(b, "dot", "two lists")
    if len(left) != len(right):
        raise ValueError(f"dot must be given two sequences of equal length, got {len(left)} and {len(right)} numbers")
    total: Value | None = None
    plain = True
    for x, y in zip(left, right):
        if isinstance(x, Value) or isinstance(y, Value):
            plain = False
        product = _operand(x, "each number in dot") * _operand(y, "each number in dot")
        total = product if total is None else total + product
    if total is None:
        return 0.0
    return total._number if plain else total


def mean(numbers: Iterable[SupportsFloat]) -> Result:
    """Sum of the numbers over how many there are.

    Raises:
        ValueError: there are none.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    values = _listed(numbers, "mean")
    return _like(_sum(_values(values, "mean")) / len(values), values)


def logsumexp(numbers: Iterable[SupportsFloat]) -> Result:
    """log(sum(exp(x))), exact for numbers of any size.

    The largest is taken out before, and no gradient flows through it. Where it is infinite, so is the result.

    Raises:
        ValueError: there are no numbers.

    >>> logsumexp([1000.0, 1000.0])
    1000.6931471805599
    """
    values = _listed(numbers, "logsumexp")
    xs = _values(values, "logsumexp")
    shift = _largest(xs)
    return _like(shift + _sum([x._minus(shift).exp() for x in xs]).log(), values)


def softmax(numbers: Iterable[SupportsFloat]) -> list[Result]:
    """exp(x) / sum(exp(x)) for each of the numbers: positive, with sum 1.

    Exact for numbers of any size, as logsumexp.

    Raises:
        ValueError: there are no numbers.

    >>> softmax([1000.0, 0.0])
    [1.0, 0.0]
    """
    values = _listed(numbers, "softmax")
    xs = _values(values, "softmax")
    largest = _largest(xs)
    powers = [(x - largest).exp() for x in xs]
    total = _sum(powers)
    shares = [power / total for power in powers]
    return shares if any(isinstance(x, Value) for x in values) else [share._number for share in shares]


def _apply_two(
    what: str, method: Callable[[Value, SupportsFloat], Value], a: SupportsFloat, b: SupportsFloat
) -> Result:
    result = method(_operand(a, what), _operand(b, what))
    return result if isinstance(a, Value) or isinstance(b, Value) else result._number


def _operand(x: SupportsFloat, what: str) -> Value:
    return x if isinstance(x, Value) else constant(x, what)


def _listed(numbers: Unchecked, name: str, what: str = "a list") -> list[SupportsFloat]:
    """The numbers in a list; a TypeError for texts, sets, mappings, frames, and what cannot be iterated over."""
    if isinstance(numbers, (list, tuple)):  # most, and quicker
        return list(numbers)
    try:
        is_other = isinstance(numbers, (str, bytes, Mapping, set, frozenset)) or hasattr(numbers, "columns")
        source = None if is_other else iter(numbers)
    except TypeError:
        source = None
    if source is None:
        raise TypeError(f"{name} must be given {what} of numbers, got {described(numbers)}")
    return list(source)


def _values(numbers: list[SupportsFloat], name: str) -> list[Value]:
    if not numbers:
        raise ValueError(f"{name} must be given at least one number, got none")
    return [_operand(x, f"each number in {name}") for x in numbers]


def _like(result: Value, numbers: list[SupportsFloat]) -> Result:
    return result if any(isinstance(x, Value) for x in numbers) else result._number


def _sum(values: list[Value]) -> Value:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _largest(values: list[Value]) -> Value:
    """In rounds: the first half beside the second, each half a slice for a program; one that is over stays in front."""
    while len(values) > 1:
        over, half = values[: len(values) % 2], len(values) // 2
        values = values[len(over) :]
        values = over + [a.maximum(b) for a, b in zip(values[:half], values[half:])]
    return values[0].detach()

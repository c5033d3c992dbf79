"""Functions of floats: powers, Gaussians, and what derivatives are made of, exact and with the limits of IEEE numbers.

Where a Value raises an error because a person made a mistake, such as a division by zero, a derivative is infinite or
NaN: ``over``, ``log_or_limit`` and ``power_or_limit`` give these.
"""

import math
from typing import Final

from engine.validation import heard_refusal, plain_label

_SQRT_HALF: Final[float] = math.sqrt(0.5)
_ONE_OVER_SQRT_2PI: Final[float] = 1.0 / math.sqrt(2.0 * math.pi)


def times(a: float, b: float) -> float:
    """a * b, but 0 where one is exactly 0 and the other infinite or NaN: the product of the chain rule."""
    product = a * b
    return 0.0 if (a == 0.0 or b == 0.0) and math.isnan(product) else product


def minus(a: float, b: float) -> float:
    """a - b, and 0 where they are equal, infinite ones too."""
    return 0.0 if a == b else a - b


def over(a: float, b: float) -> float:
    """a / b as IEEE arithmetic has it."""
    if b != 0.0:
        return a / b
    return math.nan if a == 0.0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


def log_or_limit(x: float) -> float:
    """log(x); -inf at 0, and NaN below."""
    if x > 0.0:
        return math.log(x)
    return -math.inf if x == 0.0 else math.nan


def step(x: float) -> float:
    """The derivative of relu: 0 where x <= 0, else 1 (for NaN too)."""
    return 0.0 if x <= 0.0 else 1.0


def sign(x: float) -> float:
    """The derivative of abs: 1, -1, and 0 at 0 and for NaN."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0


def larger(a: float, b: float) -> float:
    """1 where a > b, a half where they are equal, else 0; 1 beside NaN."""
    return 0.5 if a == b else 0.0 if a < b else 1.0


def leaky_slope(a: float, slope: float) -> float:
    """1 where a > 0, else *slope*."""
    return 1.0 if a > 0.0 else slope


def unless_positive(a: float, b: float) -> float:
    """0 where a > 0, else b."""
    return 0.0 if a > 0.0 else b


def sech2(x: float) -> float:
    """1 / cosh(x)**2, the derivative of tanh: 1 - tanh(x)**2 would lose its digits as tanh(x) nears 1."""
    e = math.exp(-2.0 * abs(x))
    return 4.0 * e / ((1.0 + e) * (1.0 + e))


def sigmoid_slope(x: float) -> float:
    """The derivative of sigmoid, sigmoid(x) sigmoid(-x)."""
    e = math.exp(-abs(x))
    return e / ((1.0 + e) * (1.0 + e))


def asin_slope(x: float) -> float:
    """1 / sqrt(1 - x**2), the derivative of asin: infinite at -1 and 1, NaN beyond."""
    square = (1.0 - x) * (1.0 + x)
    if square > 0.0:
        return 1.0 / math.sqrt(square)
    return math.inf if square == 0.0 else math.nan


def over_hypot(a: float, b: float) -> float:
    """a / hypot(a, b), the derivative of hypot with respect to a; NaN where both are 0."""
    h = math.hypot(a, b)
    return math.nan if h == 0.0 else a / h


def over_square_sum(a: float, b: float) -> float:
    """a / (a**2 + b**2), of which the derivatives of atan2 are made; 0 where both are 0."""
    h = math.hypot(a, b)
    return 0.0 if h == 0.0 else a / h / h


def power(x: float, n: float, x_label: str = "", n_label: str = "") -> float:
    """x ** n as IEEE arithmetic has it, but with errors in place of surprises; the labels are for their words."""
    if x == 0.0 and n < 0.0:
        raise ZeroDivisionError(
            _refused(x_label, n_label, f"0 to the negative power {n!r} would be a division by zero")
        )
    if x < 0.0 and not math.isinf(x) and math.isfinite(n) and n != math.floor(n):
        base = plain_label(x_label) or "a"
        words = f"{base} = {x!r}, but a negative number has a real power only for a whole exponent, not {n!r}"
        raise ValueError(_refused(x_label, n_label, words))
    try:
        return math.pow(x, n)
    except OverflowError:
        words = f"{x!r} ** {n!r} is too large for a float (about 1.8e308)"
        raise OverflowError(_refused(x_label, n_label, words)) from None


def _refused(x_label: str, n_label: str, words: str) -> str:
    heard_refusal()
    return f"{plain_label(x_label) or 'a'} ** {plain_label(n_label) or 'b'}: {words}"


def power_or_limit(x: float, n: float) -> float:
    """x ** n as IEEE arithmetic has it: infinite where it is too large or divides by zero, NaN where it is not real."""
    try:
        return math.pow(x, n)
    except OverflowError:
        return -math.inf if x < 0.0 and n % 2.0 == 1.0 else math.inf
    except ValueError:
        if x != 0.0:
            return math.nan
        return math.copysign(math.inf, x) if n % 2.0 == 1.0 else math.inf


def power_by_base(x: float, n: float) -> float:
    """The derivative of x ** n with respect to x, n x**(n - 1): 0 for n = 0, and infinite where it is too large."""
    if n == 0.0:
        return 0.0
    if n - 1.0 + 1.0 != n and x > 0.0:  # a rounded exponent costs digits where log(x) is large
        y = power_or_limit(x, n)
        if 1e-290 < y < 1e290:
            return n * (y / x) if x > 1.0 else n * y / x
    return n * power_or_limit(x, n - 1.0)


def power_by_exponent(x: float, n: float) -> float:
    """The derivative of x ** n with respect to n, x**n log(x): 0 at x = 0 for n >= 0, and NaN where x < 0."""
    return power_times_log(x, n, power_or_limit(x, n))


def power_times_log(x: float, n: float, y: float) -> float:
    """The same for those who have y = x ** n already."""
    return 0.0 if x == 0.0 and n >= 0.0 else y * log_or_limit(x)


def power_curvature(x: float, n: float) -> float:
    """The second derivative of x ** n with respect to x, n (n - 1) x**(n - 2): 0 for n of 0 and 1."""
    factor = n * (n - 1.0)
    if n - 2.0 + 2.0 != n and x > 0.0:
        y = power_or_limit(x, n)
        if 1e-290 < y < 1e290:
            return factor * (y / x / x) if x > 1.0 else factor * y / x / x
    return times(power_or_limit(x, n - 2.0), factor)


def power_mixed(x: float, n: float) -> float:
    """The second derivative of x ** n with respect to x and n, x**(n - 1) (1 + n log(x)); NaN where x < 0."""
    if x < 0.0:
        return math.nan
    growth = 1.0 + n * log_or_limit(x)
    if n - 1.0 + 1.0 != n and x > 0.0:
        y = power_or_limit(x, n)
        if 1e-290 < y < 1e290:
            return growth * (y / x) if x > 1.0 else growth * y / x
    return times(growth, power_or_limit(x, n - 1.0))


def gaussian(x: float, n: float) -> float:
    """The derivative of order n of exp(-x**2), a Hermite polynomial times exp(-x**2); 0 at infinity."""
    return _bell(x, int(n), 1.0)


def normal_pdf(x: float, n: float) -> float:
    """The derivative of order n of the standard normal density; 0 at infinity."""
    return _bell(x, int(n), 0.5) * _ONE_OVER_SQRT_2PI


def _bell(x: float, n: int, factor: float) -> float:
    """The derivative of order n of g = exp(-factor x**2), by g' = -2 factor x g differentiated n - 1 times."""
    g = exp_of_minus_square(x, factor)
    if n == 0 or g == 0.0:
        return g
    twice = 2.0 * factor
    before = -twice * x * g
    if n == 1:
        return before
    head = leading_bits(x)  # 2 factor x**2 - 1 with all its digits where it is nearly 0
    now = twice * g * ((twice * head * head - 1.0) + twice * (x - head) * (x + head))
    for order in range(2, n):
        before, now = now, -twice * (x * now + order * before)
    return now


def exp_of_minus_square(x: float, factor: float) -> float:
    """exp(-factor x**2) for a factor of 1 or 1/2. Rounding the square would cost as many units in the last place as it
    is large, so x is split: x**2 = head**2 + (x - head) (x + head), and the square of its leading bits is exact.
    """
    head = leading_bits(x)
    return math.exp(-factor * head * head) * math.exp(-factor * ((x - head) * (x + head)))


def normal_cdf(x: float) -> float:
    """The standard normal distribution function, to the last digits in its left tail too.

    There rounding z = -x / sqrt(2) costs as many units in the last place as x**2 is large; the density gives them back.
    """
    z = x * -_SQRT_HALF
    p = 0.5 * math.erfc(z)
    if not -40.0 < x < -1.0:
        return p
    x0, z0 = leading_bits(x), leading_bits(z)
    off = (0.5 * x0 * x0 - z0 * z0) + (0.5 * (x - x0) * (x + x0) - (z - z0) * (z + z0))  # x**2 / 2 - z**2
    return p + off / x * exp_of_minus_square(x, 0.5) * _ONE_OVER_SQRT_2PI


def gelu_slope(x: float) -> float:
    """The derivative of gelu, P(x) + x P'(x), with P(x) the normal distribution function: 1 and 0 at infinity."""
    return gelu_slope_from(normal_cdf(x), x)


def gelu_slope_from(p: float, x: float) -> float:
    """The same for those who have p = P(x) already."""
    return p + times(x, exp_of_minus_square(x, 0.5) * _ONE_OVER_SQRT_2PI)


def leading_bits(x: float) -> float:
    """x with its leading 26 bits alone, so that its square is a float (Veltkamp's splitting); 0 for 100 and more, whose
    exp(-x**2) is 0 anyway, and for NaN.
    """
    if not abs(x) < 100.0:
        return 0.0
    scaled = 134217729.0 * x  # 2**27 + 1
    return scaled - (scaled - x)

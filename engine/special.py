"""Powers of floats: x ** n, its two derivatives, and what to say where there is none; exp(-x**2) to the last digits."""

import math
from typing import Final

from engine.validation import plain_label

_SQRT_HALF: Final[float] = math.sqrt(0.5)
_ONE_OVER_SQRT_2PI: Final[float] = 1.0 / math.sqrt(2.0 * math.pi)


def power(x: float, n: float, x_label: str = "", n_label: str = "") -> float:
    """x ** n as IEEE arithmetic has it, but with errors in place of surprises; the labels are for their words.

    Raises:
        ZeroDivisionError: 0 to a negative power.
        ValueError: a negative number to a power that is not whole, which would be complex.
        OverflowError: the result is too large for a float.

    >>> power(-2.0, 3.0)
    -8.0
    """
    if x == 0.0 and n < 0.0:
        base, exponent = _names(x_label, n_label)
        raise ZeroDivisionError(f"{base} ** {exponent}: 0 to the negative power {n!r} would be a division by zero")
    if x < 0.0 and not math.isinf(x) and math.isfinite(n) and n != math.floor(n):
        base, exponent = _names(x_label, n_label)
        raise ValueError(
            f"{base} ** {exponent}: {base} = {x!r}, but a negative number has a real power only for a whole exponent, "
            f"not {n!r}"
        )
    try:
        return math.pow(x, n)
    except OverflowError:
        base, exponent = _names(x_label, n_label)
        raise OverflowError(f"{base} ** {exponent}: {x!r} ** {n!r} is too large for a float (about 1.8e308)") from None


def _names(x_label: str, n_label: str) -> tuple[str, str]:
    return plain_label(x_label) or "a", plain_label(n_label) or "b"


def power_by_base(x: float, n: float) -> float:
    """The derivative of x ** n with respect to x, n x**(n - 1): 0 for n = 0, and infinite where it is too large."""
    if n == 0.0:
        return 0.0
    if n - 1.0 + 1.0 != n and x > 0.0:  # a rounded exponent costs digits where log(x) is large
        y = power_or_limit(x, n)
        if 1e-290 < y < 1e290:
            return n * (y / x) if x > 1.0 else n * y / x
    return n * power_or_limit(x, n - 1.0)


def power_or_limit(x: float, n: float) -> float:
    """x ** n as IEEE arithmetic has it: infinite where it is too large or divides by zero, NaN where it is not real.

    >>> power_or_limit(0.0, -0.5), power_or_limit(-0.0, -3.0), power_or_limit(-1e200, 3.0)
    (inf, -inf, -inf)
    """
    try:
        return math.pow(x, n)
    except OverflowError:
        return -math.inf if x < 0.0 and n % 2.0 == 1.0 else math.inf
    except ValueError:
        if x != 0.0:
            return math.nan
        return math.copysign(math.inf, x) if n % 2.0 == 1.0 else math.inf


def power_by_exponent(x: float, n: float, y: float) -> float:
    """The derivative of y = x ** n with respect to n, y log(x): 0 at x = 0 for n >= 0, and NaN where x < 0."""
    if x > 0.0:
        return y * math.log(x)
    return 0.0 if x == 0.0 and n >= 0.0 else math.nan


def exp_of_minus_square(x: float, factor: float) -> float:
    """exp(-factor x**2) for a factor of 1 or 1/2. Rounding the square would cost as many units in the last place as it
    is large, so x is split: x**2 = head**2 + (x - head) (x + head), and the square of its leading bits is exact.

    >>> exp_of_minus_square(26.0, 1.0) == math.exp(-676.0)
    True
    """
    head = leading_bits(x)
    return math.exp(-factor * head * head) * math.exp(-factor * ((x - head) * (x + head)))


def normal_cdf(x: float) -> float:
    """The standard normal distribution function, to the last digits in its left tail too.

    There rounding z = -x / sqrt(2) costs as many units in the last place as x**2 is large; the density gives them back.

    >>> normal_cdf(0.0)
    0.5
    """
    z = x * -_SQRT_HALF
    p = 0.5 * math.erfc(z)
    if not -40.0 < x < -1.0:
        return p
    x0, z0 = leading_bits(x), leading_bits(z)
    off = (0.5 * x0 * x0 - z0 * z0) + (0.5 * (x - x0) * (x + x0) - (z - z0) * (z + z0))  # x**2 / 2 - z**2
    return p + off / x * exp_of_minus_square(x, 0.5) * _ONE_OVER_SQRT_2PI


def leading_bits(x: float) -> float:
    """x with its leading 26 bits alone, so that its square is a float (Veltkamp's splitting); 0 for 100 and more, whose
    exp(-x**2) is 0 anyway, and for NaN.

    >>> leading_bits(0.1) == 0.1, abs(leading_bits(0.1) - 0.1) < 1e-9
    (False, True)
    """
    if not abs(x) < 100.0:
        return 0.0
    scaled = 134217729.0 * x  # 2**27 + 1
    return scaled - (scaled - x)

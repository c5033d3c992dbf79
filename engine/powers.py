"""x ** n for floats: the number, its two derivatives, and what to say where there is none."""

import math


def power(x: float, n: float, x_label: str = "", n_label: str = "") -> float:
    """x ** n as IEEE arithmetic has it, but with errors in place of surprises; the labels are for their words.

    Raises:
        ZeroDivisionError: 0 to a negative power.
        ValueError: a negative number to a power that is not whole, which would be complex.
        OverflowError: the result is too large for a float.

    >>> power(-2.0, 3.0)
    -8.0
    """
    base, exponent = x_label or "a", n_label or "b"
    if x == 0.0 and n < 0.0:
        raise ZeroDivisionError(f"{base} ** {exponent}: 0 to the negative power {n!r} would be a division by zero")
    if x < 0.0 and not math.isinf(x) and math.isfinite(n) and n != math.floor(n):
        raise ValueError(
            f"{base} ** {exponent}: {base} = {x!r}, but a negative number has a real power only for a whole exponent, "
            f"not {n!r}"
        )
    try:
        return math.pow(x, n)
    except OverflowError:
        raise OverflowError(f"{base} ** {exponent}: {x!r} ** {n!r} is too large for a float (about 1.8e308)") from None


def power_by_base(x: float, n: float) -> float:
    """The derivative of x ** n with respect to x, n x**(n - 1): 0 for n = 0, and infinite where it is too large."""
    if n == 0.0:
        return 0.0
    if x == 0.0 and n < 1.0:
        return n * math.inf
    try:
        return n * math.pow(x, n - 1.0)
    except OverflowError:
        return n * (-math.inf if x < 0.0 and (n - 1.0) % 2.0 == 1.0 else math.inf)


def power_by_exponent(x: float, n: float, y: float) -> float:
    """The derivative of y = x ** n with respect to n, y log(x): 0 at x = 0 for n >= 0, and NaN where x < 0."""
    if x > 0.0:
        return y * math.log(x)
    return 0.0 if x == 0.0 and n >= 0.0 else math.nan

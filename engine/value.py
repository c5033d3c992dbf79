"""Value: a number that remembers how it was made. Each operation's number and its local derivatives stand side by side.

Wheels hold this file compiled; it is the same file. Plain attributes, no closures, and at most two operands a node
are what make it fast: a node is one small object with no containers in it.
"""

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, SupportsFloat, SupportsIndex, TypeAlias

from engine import operations as op
from engine import special
from engine.copies import deep_copied
from engine.custom import connect, describe, standing
from engine.node import WATCH, Node, backward, heard, operands_of
from engine.operations import PLAIN, Operation
from engine.provenance import Provenance, checked_label
from engine.refresh import refresh
from engine.validation import Unchecked, as_float, no_quotient, outside, overflow, shortened

Result: TypeAlias = Any
"""What arithmetic gives: a Value, or beside an array an array of Values. (mypyc needs Any where NotImplemented is
returned.)"""

_MATH_TANH: Final[Callable[[float], float]] = math.tanh  # bound once: compiled code would look it up at each call
_SMALL: Final = 1 << 50
_INFINITY: Final[float] = math.inf
_NAN: Final[float] = math.nan
_ONE_OVER_LN10: Final[float] = 1.0 / math.log(10.0)
_TWO_OVER_SQRT_PI: Final[float] = 2.0 / math.sqrt(math.pi)


class Value(Provenance):
    """A number that remembers its operation and operands, so that gradients flow back.

    Args:
        data: the number: a float, int, bool, numpy scalar, Fraction, or anything with ``__float__``.
        children: a label; or, as in micrograd, the Values that this one is made of.
        op: the name of the operation that made it of its children, or the local derivatives in its place.
        label: a name, shown in pictures and in error messages.
        local_grads: the local derivative with respect to each child.

    Given children, the result is a node that the engine cannot compute again: it works in ``backward``, pictures and
    steps, but not in programs and in gradients as graphs. Instead of local derivatives a function may be assigned to
    ``_backward``, which takes nothing and adds to the ``grad`` of each child.

    ``data`` and ``grad`` are floats and can be assigned; so can ``label``. Ordering (``<``, ``max``, ``sorted``)
    compares ``data``; ``==`` and ``hash`` are identity, so that Values can be in sets and dicts. NaN and infinity
    flow as in IEEE arithmetic; a finite number outside the domain of an operation is an error. At a kink the
    derivative follows PyTorch; see each operation.

    Raises:
        TypeError: *data* is not one real number, *label* is not a string, or the class is inherited from.

    >>> a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    >>> c = a * b + a**2
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (-2.0, 1.0, 2.0)
    """

    __slots__ = ("__dict__",)  # for attributes of the user's; compiled, it takes no memory (building/node_memory.c)

    def __init__(
        self,
        data: SupportsFloat,
        children: Unchecked = "",
        op: Unchecked = None,
        label: Unchecked = "",
        *,
        local_grads: Unchecked = None,
        _children: Unchecked = None,
        _op: Unchecked = None,
    ) -> None:
        if type(children) is str and op is None and _children is None:
            text = children or (label if type(label) is str else checked_label(label))
            super().__init__(data if type(data) is float else as_float(data, "Value(data)"), text)
            return
        made_of = children if _children is None else _children
        is_label = isinstance(made_of, (str, bytes)) or not hasattr(made_of, "__iter__")
        super().__init__(as_float(data, "Value(data)"), checked_label(made_of if is_label else label))
        given = op if _op is None else _op
        if not is_label:
            describe(self, list(made_of), given, local_grads)
        elif given is not None:
            raise TypeError(f"children must be a tuple of Values where op is given, got {shortened(made_of)}")

    def __init_subclass__(cls) -> None:
        raise TypeError("type 'engine.value.Value' is not an acceptable base type")

    def __add__(self, other: SupportsFloat) -> Result:
        b = other if isinstance(other, Value) else _operand(other, "the number in Value + number")
        if b is None:
            return NotImplemented
        return _node(op.ADD, self._number + b._number, self, 1.0, b, 1.0)

    def __sub__(self, other: SupportsFloat) -> Result:
        b = other if isinstance(other, Value) else _operand(other, "the number in Value - number")
        if b is None:
            return NotImplemented
        return _node(op.SUB, self._number - b._number, self, 1.0, b, -1.0)

    def _minus(self, other: "Value") -> "Value":
        """self - other, and 0 where they are equal, infinite ones too."""
        return _node(op.MINUS, special.minus(self._number, other._number), self, 1.0, other, -1.0)

    def __mul__(self, other: SupportsFloat) -> Result:
        b = other if isinstance(other, Value) else _operand(other, "the number in Value * number")
        if b is None:
            return NotImplemented
        return _node(op.MUL, self._number * b._number, self, b._number, b, self._number)

    def _times(self, other: "Value") -> "Value":
        """self * other, and 0 where one of them is exactly 0."""
        return _node(op.TIMES, special.times(self._number, other._number), self, other._number, other, self._number)

    def __truediv__(self, other: SupportsFloat) -> Result:
        b = other if isinstance(other, Value) else _operand(other, "the number in Value / number")
        if b is None:
            return NotImplemented
        if b._number == 0.0:
            raise no_quotient(self._label, b._label, b._number)
        quotient = self._number / b._number
        return _node(op.DIV, quotient, self, 1.0 / b._number, b, -quotient / b._number)

    def __pow__(self, other: SupportsFloat, modulus: Unchecked = None) -> Result:
        """``a ** b``. At a = 0 the derivative with respect to b is 0; for a < 0 it does not exist and is NaN.

        With respect to a plain number as exponent it is not computed.
        """
        if modulus is not None:
            raise TypeError(
                f"pow must be given a base and an exponent, got a modulus {shortened(modulus)} as well; "
                "a remainder has no derivative"
            )
        b = other if isinstance(other, Value) else _operand(other, "the number in Value ** number")
        if b is None:
            return NotImplemented
        return _raised(self, b)

    def __neg__(self) -> "Value":
        return _node(op.NEG, -self._number, self, -1.0)

    def conjugate(self) -> "Value":
        """The number itself; ``np.var`` and ``np.std`` of arrays of Values ask for it."""
        return self

    def __pos__(self) -> "Value":
        return self

    def __abs__(self) -> "Value":
        """Absolute value; derivative sign(x), and 0 at x = 0."""
        return _node(op.ABS, abs(self._number), self, special.sign(self._number))

    def __radd__(self, other: SupportsFloat) -> Result:
        a = _operand(other, "the number in Value + number")
        return NotImplemented if a is None else a + self

    def __rsub__(self, other: SupportsFloat) -> Result:
        a = _operand(other, "the number in Value - number")
        return NotImplemented if a is None else a - self

    def __rmul__(self, other: SupportsFloat) -> Result:
        a = _operand(other, "the number in Value * number")
        return NotImplemented if a is None else a * self

    def __rtruediv__(self, other: SupportsFloat) -> Result:
        a = _operand(other, "the number in Value / number")
        return NotImplemented if a is None else a / self

    def __rpow__(self, other: SupportsFloat) -> Result:
        a = _operand(other, "the number in Value ** number")
        return NotImplemented if a is None else _raised(a, self)

    def exp(self) -> "Value":
        """e to the power x; the derivative is the same number."""
        try:
            y = math.exp(self._number)
        except OverflowError:
            raise overflow("exp", self._label, self._number) from None
        return _node(op.EXP, y, self, y)

    def expm1(self) -> "Value":
        """exp(x) - 1, exact for small x; derivative exp(x)."""
        try:
            y = math.expm1(self._number)
        except OverflowError:
            raise overflow("expm1", self._label, self._number) from None
        return _node(op.EXPM1, y, self, math.exp(self._number))

    def log(self) -> "Value":
        """Natural logarithm of x > 0; derivative 1 / x."""
        x = self._number
        if x <= 0.0:
            raise outside("log", self._label, x, "> 0")
        return _node(op.LOG, math.log(x), self, 1.0 / x)

    def log10(self) -> "Value":
        """Logarithm to base 10 of x > 0; derivative 1 / (x ln 10)."""
        x = self._number
        if x <= 0.0:
            raise outside("log10", self._label, x, "> 0")
        return _node(op.LOG10, math.log10(x), self, _ONE_OVER_LN10 / x)

    def log1p(self) -> "Value":
        """log(1 + x), exact for small x; needs x > -1; derivative 1 / (1 + x)."""
        x = self._number
        if x <= -1.0:
            raise outside("log1p", self._label, x, "> -1")
        return _node(op.LOG1P, math.log1p(x), self, 1.0 / (1.0 + x))

    def sqrt(self) -> "Value":
        """Square root of x >= 0; derivative 1 / (2 sqrt(x)), which is infinite at 0."""
        x = self._number
        if x < 0.0:
            raise outside("sqrt", self._label, x, ">= 0")
        y = math.sqrt(x)
        return _node(op.SQRT, y, self, 0.5 / y if y != 0.0 else math.copysign(_INFINITY, y))

    def sin(self) -> "Value":
        """Sine of x in radians; derivative cos(x)."""
        x = self._number
        return _node(op.SIN, _NAN, self, _NAN) if math.isinf(x) else _node(op.SIN, math.sin(x), self, math.cos(x))

    def cos(self) -> "Value":
        """Cosine of x in radians; derivative -sin(x)."""
        x = self._number
        return _node(op.COS, _NAN, self, _NAN) if math.isinf(x) else _node(op.COS, math.cos(x), self, -math.sin(x))

    def tan(self) -> "Value":
        """Tangent of x in radians; derivative 1 + tan(x)**2."""
        x = self._number
        y = _NAN if math.isinf(x) else math.tan(x)
        return _node(op.TAN, y, self, 1.0 + y * y)

    def asin(self) -> "Value":
        """Angle in [-pi/2, pi/2] whose sine is x; derivative 1 / sqrt(1 - x**2)."""
        x = self._number
        if x < -1.0 or x > 1.0:
            raise outside("asin", self._label, x, "in [-1, 1]")
        return _node(op.ASIN, math.asin(x), self, special.asin_slope(x))

    def acos(self) -> "Value":
        """Angle in [0, pi] whose cosine is x; derivative -1 / sqrt(1 - x**2)."""
        x = self._number
        if x < -1.0 or x > 1.0:
            raise outside("acos", self._label, x, "in [-1, 1]")
        return _node(op.ACOS, math.acos(x), self, -special.asin_slope(x))

    def atan(self) -> "Value":
        """Angle in (-pi/2, pi/2) whose tangent is x; derivative 1 / (1 + x**2)."""
        x = self._number
        return _node(op.ATAN, math.atan(x), self, 1.0 / (1.0 + x * x))

    def atan2(self, x: SupportsFloat) -> "Value":
        """Angle in [-pi, pi] of the point (x, y), this being y.

        Derivatives x / r**2 and -y / r**2, 0 where both are 0.
        """
        b = x if isinstance(x, Value) else constant(x, "x in atan2(y, x)")
        r = math.hypot(self._number, b._number)
        angle = math.atan2(self._number, b._number)
        if r == 0.0:
            return _node(op.ATAN2, angle, self, 0.0, b, 0.0)
        return _node(op.ATAN2, angle, self, b._number / r / r, b, -self._number / r / r)

    def hypot(self, other: SupportsFloat) -> "Value":
        """sqrt(a**2 + b**2), with no overflow; derivatives a/h, b/h, NaN where both are 0."""
        b = other if isinstance(other, Value) else constant(other, "b in hypot(a, b)")
        h = math.hypot(self._number, b._number)
        return _node(op.HYPOT, h, self, special.over(self._number, h), b, special.over(b._number, h))

    def sinh(self) -> "Value":
        """Hyperbolic sine; derivative cosh(x)."""
        try:
            return _node(op.SINH, math.sinh(self._number), self, math.cosh(self._number))
        except OverflowError:
            raise overflow("sinh", self._label, self._number) from None

    def cosh(self) -> "Value":
        """Hyperbolic cosine; derivative sinh(x)."""
        try:
            return _node(op.COSH, math.cosh(self._number), self, math.sinh(self._number))
        except OverflowError:
            raise overflow("cosh", self._label, self._number) from None

    def tanh(self) -> "Value":
        """Hyperbolic tangent, in [-1, 1]; derivative 1 / cosh(x)**2."""
        return _node(op.TANH, _MATH_TANH(self._number), self, special.sech2(self._number))

    def sigmoid(self) -> "Value":
        """1 / (1 + exp(-x)), with no overflow; derivative sigmoid(x) sigmoid(-x)."""
        e = math.exp(-abs(self._number))
        y = e / (1.0 + e) if self._number < 0.0 else 1.0 / (1.0 + e)
        return _node(op.SIGMOID, y, self, e / ((1.0 + e) * (1.0 + e)))  # sigmoid_slope, with the same e

    def softplus(self) -> "Value":
        """log(1 + exp(x)), with no overflow; derivative sigmoid(x)."""
        x = self._number
        e = math.exp(-abs(x))
        y = math.log1p(e) if x < 0.0 else x + math.log1p(e)
        return _node(op.SOFTPLUS, y, self, e / (1.0 + e) if x < 0.0 else 1.0 / (1.0 + e))

    def relu(self) -> "Value":
        """x where x > 0, else 0; derivative 1 where x > 0, else 0 (at 0 too)."""
        x = self._number
        return _node(op.RELU, 0.0, self, 0.0) if x <= 0.0 else _node(op.RELU, x, self, 1.0)

    def leaky_relu(self, slope: SupportsFloat = 0.01) -> "Value":
        """x where x > 0, else slope * x; derivative 1, else slope (at 0 too).

        The slope may be a Value.
        """
        s = slope if isinstance(slope, Value) else constant(slope, "the slope in leaky_relu(x, slope)")
        x = self._number
        if x > 0.0:
            return _node(op.LEAKY_RELU, x, self, 1.0, s, 0.0)
        return _node(op.LEAKY_RELU, s._number * x, self, s._number, s, x)

    def gelu(self) -> "Value":
        """x P(x), with P the standard normal distribution function; not the tanh form.

        Hendrycks and Gimpel, 2016.
        """
        x, p = self._number, special.normal_cdf(self._number)
        return _node(op.GELU, x * p if p != 0.0 else -0.0, self, special.gelu_slope_from(p, x))

    def erf(self) -> "Value":
        """Error function, in [-1, 1]; derivative 2 / sqrt(pi) exp(-x**2)."""
        x = self._number
        return _node(op.ERF, math.erf(x), self, _TWO_OVER_SQRT_PI * special.exp_of_minus_square(x, 1.0))

    def erfc(self) -> "Value":
        """1 - erf(x), exact where that is small; derivative -2 / sqrt(pi) exp(-x**2)."""
        x = self._number
        return _node(op.ERFC, math.erfc(x), self, -_TWO_OVER_SQRT_PI * special.exp_of_minus_square(x, 1.0))

    def maximum(self, other: SupportsFloat) -> "Value":
        """The larger of two; derivative 1 for it, 0 for the other, a half each if equal."""
        b = other if isinstance(other, Value) else constant(other, "b in maximum(a, b)")
        x, y = self._number, b._number
        largest = y if x < y else x if x >= y else _NAN
        return _node(op.MAXIMUM, largest, self, special.larger(x, y), b, special.larger(y, x))

    def minimum(self, other: SupportsFloat) -> "Value":
        """The smaller of two; derivative 1 for it, 0 for the other, a half each if equal."""
        b = other if isinstance(other, Value) else constant(other, "b in minimum(a, b)")
        x, y = self._number, b._number
        smallest = y if y < x else x if x <= y else _NAN
        return _node(op.MINIMUM, smallest, self, special.larger(y, x), b, special.larger(x, y))

    def detach(self) -> "Value":
        """The same number, through which no gradient flows (``stop_gradient`` in JAX)."""
        return _node(op.DETACH, self._number, self, 0.0)

    def arcsin(self) -> "Value":
        """asin under the name by which numpy asks for it."""
        return self.asin()

    def arccos(self) -> "Value":
        """acos under the name by which numpy asks for it."""
        return self.acos()

    def arctan(self) -> "Value":
        """atan under the name by which numpy asks for it."""
        return self.atan()

    def arctan2(self, x: SupportsFloat) -> "Value":
        """atan2 under the name by which numpy asks for it."""
        return self.atan2(x)

    def __lt__(self, other: SupportsFloat) -> bool:
        return _heard_comparison("<", self, other, self._number < compared(other, "<"))

    def __le__(self, other: SupportsFloat) -> bool:
        return _heard_comparison("<=", self, other, self._number <= compared(other, "<="))

    def __gt__(self, other: SupportsFloat) -> bool:
        return _heard_comparison(">", self, other, self._number > compared(other, ">"))

    def __ge__(self, other: SupportsFloat) -> bool:
        return _heard_comparison(">=", self, other, self._number >= compared(other, ">="))

    def __eq__(self, other: object) -> Any:
        if self is other:
            return True
        if WATCH.listeners != 0:
            hear = WATCH.hear_equality
            if isinstance(other, Value):
                if hear is not None:
                    hear(self, other)
            elif hasattr(other, "__float__"):
                heard("==", self)
        return NotImplemented

    def __hash__(self) -> int:
        hear = WATCH.hear_hash
        if WATCH.hash_listeners != 0 and hear is not None:
            hear(self)
        return id(self) >> 4  # identity; the lowest bits of an address are always 0

    def __bool__(self) -> bool:
        return _heard_comparison("!=", self, 0.0, self._number != 0.0)

    def __float__(self) -> float:
        heard("float()", self)
        return self._number

    def __int__(self) -> int:
        heard("int()", self)
        return int(self._number)

    def __round__(self, digits: Unchecked = None) -> Any:
        heard("round()", self)
        if digits is None:
            return round(self._number)
        places: SupportsIndex = digits  # with Any mypyc takes the result for an int
        return round(self._number, places)

    def __format__(self, spec: str) -> str:
        heard("format()", self)
        return format(self._number, spec) if spec else repr(self)

    def __repr__(self) -> str:
        heard("repr()", self)
        label = f", label={self._label!r}" if self._label else ""
        return f"Value(data={self._number!r}, grad={self._grad!r}{label})"

    def __copy__(self) -> "Value":
        """Another node of the same number, made from the same operands (``deepcopy`` copies the whole graph)."""
        _, data, grad, label, _, _ = fields(self)
        operation, derivatives = standing(self)
        copied = restored(operation, data, grad, label, 0.0, 0.0, None, None)
        connect(copied, operands_of(self), derivatives)
        if self._attributes:
            copied.__dict__.update(self._attributes)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return deep_copied(self, memo)

    @property
    def _attributes(self) -> dict[str, Any] | None:
        """The attributes of the user's; None if there are none. Compiled, asking makes no dict."""
        own: dict[str, Any] = self.__dict__
        return (own and {name: thing for name, thing in own.items() if name != "_prev"}) or None

    def backward(self, gradient: Unchecked = 1.0, create_graph: bool = False, retain_graph: Unchecked = None) -> None:
        """Apply the chain rule from here to every leaf: see ``engine.backward``.

        >>> x = Value(3.0)
        >>> (x * x).backward()
        >>> x.grad
        6.0
        """
        backward(self, gradient, create_graph, retain_graph)

    def refresh(self) -> "Value":
        """Compute the graph again, after leaves' ``data`` was changed; return this Value.

        Gradients stay as they are until the next ``backward()``. If an operation fails, the graph stays as it was.

        >>> x = Value(2.0)
        >>> y = x**2 + 1
        >>> x.data = 3.0
        >>> y.refresh().data
        10.0
        """
        refresh(self)
        return self


def _node(
    operation: Operation, data: float, a: Node | None, da: float, b: Node | None = None, db: float = 0.0
) -> Value:
    """A new Value that came from an operation, made without the checks of the constructor."""
    v: Value = Value.__new__(Value)  # in wheels building/node_memory.c makes it
    v._number = data
    v._grad = 0.0
    v._label = ""
    v._operation = operation
    v._a = a
    v._da = da
    v._b = b
    v._db = db
    v._mark = 0
    if WATCH.watchers != 0:
        _shown(v)
    return v


def _shown(v: Value) -> None:
    if WATCH.see is not None:
        WATCH.see(v)


def fields(v: Value) -> tuple[Operation, float, float, str, float, float]:
    """Everything a node remembers but its operands; ``restored`` makes a node of it again."""
    heard("a copy", v)
    return v._operation, v._number, v._grad, v._label, v._da, v._db


def restored(
    operation: Operation, data: float, grad: float, label: str, da: float, db: float, a: Node | None, b: Node | None
) -> Value:
    """A node from its fields and operands, for ``engine/pickling.py``."""
    v = _node(operation, data, a, da, b, db)
    v._grad = grad
    v._label = label
    return v


def _operand(other: Unchecked, what: str) -> Value | None:
    """A number beside a Value, as a constant; None for what has arithmetic of its own, as arrays for each element."""
    if type(other) is float:
        return _plain(other)
    if not isinstance(other, int):
        shape = getattr(other, "shape", None)
        if isinstance(shape, tuple):
            if shape:
                return None
            if getattr(getattr(other, "dtype", None), "kind", "") == "O":
                held: Unchecked = other.item()  # of an array with no axes
                if isinstance(held, Value):
                    return held
        elif _has_own_arithmetic(type(other)):
            return None
    return constant(other, what)


def _has_own_arithmetic(kind: Unchecked) -> bool:
    """Whether a class is no number, and has a method in Python for a number on its left, as a user's vector has."""
    plus, times = getattr(kind, "__radd__", None), getattr(kind, "__rmul__", None)
    return not hasattr(kind, "__float__") and (isinstance(plus, FunctionType) or isinstance(times, FunctionType))


def constant(number: object, what: str) -> Value:
    """A plain number as part of a graph: a leaf that is shown with no gradient.

    Args:
        number: what ``float`` takes, but no text, no array and no Value.
        what: its name in a TypeError.

    >>> (Value(2.0) * constant(3.0, "factor")).data
    6.0
    """
    if type(number) is float:
        return _plain(number)
    if type(number) is int and -_SMALL < number < _SMALL:  # a tenth of the time of asking what it may be
        return _plain(float(number))
    return _plain(as_float(number, what))


def _plain(number: float) -> Value:
    v = Value(number)
    v._operation = PLAIN
    return v


def compared(other: Unchecked, sign: str) -> float:
    """The number that a Value is compared with, for a number between two floats that of them which decides alike."""
    if isinstance(other, Value):
        return other._number
    number = as_float(other, f"the number in Value {sign} number")
    given: Any = other  # compiled code would make a float of what it knows to be an int
    if isinstance(other, float) or bool(given == number) or math.isnan(number):
        return number
    if not hasattr(given, "as_integer_ratio"):  # as fractions have it, and all that floats compare with exactly
        return number
    is_below = bool(given > number)
    if sign in ("<", ">="):
        return math.nextafter(number, math.inf) if is_below else number
    return number if is_below else math.nextafter(number, -math.inf)


def _heard_comparison(sign: str, a: Value, b: object, outcome: bool) -> bool:
    """The outcome, of which whoever listens in this thread is told."""
    hear = WATCH.hear_comparison
    if WATCH.listeners != 0 and hear is not None:
        hear(sign, a, b, outcome)
    return outcome


def _raised(a: Value, b: Value) -> Value:
    x, n = a._number, b._number
    y = special.power(x, n, a._label, b._label)
    db = 0.0 if b._operation is PLAIN else special.power_times_log(x, n, y)
    return _node(op.POW, y, a, special.power_by_base(x, n), b, db)

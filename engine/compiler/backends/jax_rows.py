"""Instructions followed with arrays of JAX, with the numbers of numpy where all are finite."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import erf, erfc
from numpy.typing import NDArray

from engine.compiler.array_functions import SQRT_HALF, made_of, ufuncs
from engine.compiler.ir import Code, Instruction, Map, MatMul, Scatter, Take, Total, View
from engine.compiler.vectorize import UNIFORM

Slots = NDArray[np.int64]


_barrier: Any = lax.optimization_barrier


def _divide(a: Any, b: Any) -> Any:
    """a / b. The barrier keeps XLA from making a / (b * c) of a / b / c: the product may be too large."""
    return _barrier(jnp.divide(a, b))


def _of_a_result(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose operand XLA does not look into: it takes log(exp(a)) for a, and log(a**3) for 3 log(abs(a))."""
    return lambda a, *more: function(_barrier(a), *more)


_M = SimpleNamespace(**vars(jnp) | {name: _of_a_result(getattr(jnp, name)) for name in ("log", "log10", "power")})


def _power(a: Any, b: Any) -> Any:
    """IEEE's power; a product or a root for the usual exponents, which XLA rounds worse as powers."""
    if isinstance(b, float) and b in (1.0, 2.0, 3.0, -1.0):
        return {1.0: lambda: a, 2.0: lambda: a * a, 3.0: lambda: a * a * a, -1.0: lambda: 1.0 / a}[b]()
    return _M.power(a, b)


def _power_by_base(a: Any, b: Any) -> Any:
    return jnp.where(b == 0.0, 0.0, b * _power(a, b - 1.0))


# fmt: off
KERNELS: dict[str, Callable[..., Any]] = {
    **made_of(_M, lambda a: 0.5 * erfc(a * -SQRT_HALF), int, _divide),
    **ufuncs(_M),
    "divide": _divide, "over": _divide,
    "copy": lambda a: a,
    "softplus": lambda a: jnp.maximum(a, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(a))),
    "relu": lambda a: jnp.maximum(a, 0.0),
    "erf": erf, "erfc": erfc,
    "power_or_limit": _power, "power_by_base": _power_by_base,
    "sign": jnp.sign,
}
# fmt: on
OF_AN_ORDER = ("gaussian", "normal_pdf")


class Rows:
    """Which row of which array has the number of each slot now."""

    def __init__(self, code: Code, n_examples: int, dtype: Any) -> None:
        self._n, self._dtype = n_examples, dtype
        self.arrays: list[Any] = []
        self._where = {name: np.full((2, size), -1) for name, size in code.n_slots.items()}

    def put(self, name: str, slots: Slots, array: Any) -> None:
        """Let the rows of an array be the numbers of these slots."""
        self._where[name][:, slots] = np.full(len(slots), len(self.arrays)), np.arange(len(slots))
        self.arrays.append(array)

    def get(self, name: str, slots: Slots) -> Any:
        """The numbers of these slots, a row each; of width 1 where all examples have the same."""
        which, rows = self._where[name][:, slots]
        cuts = np.flatnonzero((np.diff(which) != 0) | ((which[1:] < 0) & (np.diff(rows) != 0))) + 1
        parts = [self._part(int(each[0]), at) for each, at in zip(np.split(which, cuts), np.split(rows, cuts))]
        width = max((part.shape[1] for part in parts), default=1)
        parts = [jnp.broadcast_to(part, (len(part), width)) for part in parts]
        return parts[0] if len(parts) == 1 else jnp.concatenate(parts)

    def pieces(self, name: str, n: int) -> tuple[list[tuple[Slots, Slots]], list[Any]]:
        """The numbers of the first *n* slots, as whole arrays, and which slots are in which of their rows."""
        which, rows = self._where[name][:, :n]
        used = [each for each in np.unique(which).tolist() if each >= 0]
        layout = [(slots := np.flatnonzero(which == each), rows[slots]) for each in used]
        return layout, [self.arrays[each][:, 0] for each in used]

    def _part(self, which: int, rows: Slots) -> Any:
        if which < 0:
            return jnp.zeros((len(rows), 1), self._dtype)
        array, start = self.arrays[which], int(rows[0])
        breaks = np.flatnonzero(np.diff(rows) != 1)
        run = int(breaks[0]) + 1 if len(breaks) else len(rows)
        n_runs, step = len(rows) // run, int(rows[run]) - start if run < len(rows) else run
        even = start + (step * np.arange(n_runs)[:, None] + np.arange(run)).ravel()
        if step < run or not np.array_equal(even, rows):
            return array[rows]
        array = array[start : start + n_runs * step]  # slices: XLA compiles large gathers for long
        if step == run:
            return array
        array = jnp.pad(array, ((0, n_runs * step - len(array)), (0, 0)))
        return array.reshape(n_runs, step, -1)[:, :run].reshape(len(rows), -1)

    def read(self, view: View | float) -> Any:
        if not isinstance(view, View):
            return view
        found = self.get(view.memory, view.slots.ravel())
        return found.reshape(*view.shape, found.shape[1])

    def write(self, view: View, array: Any) -> None:
        """Let an array be what a view means from now on."""
        width = array.shape[-1] if getattr(array, "ndim", 0) > len(view.shape) else 1
        array = jnp.broadcast_to(jnp.asarray(array, self._dtype), (*view.shape, width))
        self.put(view.memory, view.slots.ravel(), array.reshape(-1, width))

    def carry_out(self, instructions: Sequence[Instruction]) -> None:
        for instruction in instructions:
            if isinstance(instruction, Map):
                operands = map(self.read, instruction.operands)
                self.write(instruction.out, KERNELS[str(instruction.function)](*operands))
            elif isinstance(instruction, Total):
                array = self.read(instruction.operand)
                if instruction.over_examples:
                    array = self.wide(array) if instruction.operand.per_example else array
                    self.write(instruction.out, array.sum(-1, keepdims=True))
                else:
                    self.write(instruction.out, array.sum(-2))
            elif isinstance(instruction, MatMul):
                self.write(instruction.out, self._product(instruction.kind, instruction.left, instruction.right))
            elif isinstance(instruction, Take):
                found = self.get(instruction.memory, instruction.slots)
                self.write(instruction.out, found.reshape(*instruction.out.shape, -1))
            elif isinstance(instruction, Scatter):
                self._scatter(instruction.memory, instruction.slots, instruction.source)

    def wide(self, array: Any) -> Any:
        """The same with a number for each example."""
        return jnp.broadcast_to(array, (*array.shape[:-1], self._n))

    def _product(self, kind: str, left: View, right: View) -> Any:
        a, b = self.read(left), self.read(right)
        if kind in ("forward", "to vectors"):
            return jnp.einsum("nk,mke->mne" if kind == "forward" else "nk,mne->mke", a[..., 0], b, precision="highest")
        a, b = (self.wide(each) if view.per_example else each for each, view in ((a, left), (b, right)))
        if kind == "dot":
            return jnp.einsum("ie,ie->i", a, b, precision="highest")[:, None]
        return jnp.einsum("mne,mke->nk", a, b, precision="highest")[..., None]

    def _scatter(self, name: str, slots: Slots, source: View) -> None:
        array = self.read(source)
        array = array.reshape(len(slots), array.shape[-1])
        if name.startswith(UNIFORM):
            array = array[:, :1]
        unique, inverse = np.unique(slots, return_inverse=True)
        base = self.get(name, unique)
        width = max(base.shape[1], array.shape[1])
        base = jnp.broadcast_to(base, (len(unique), width))
        self.put(name, unique, base.at[inverse].add(array))


def are_normal(numbers: Any) -> Any:
    """Whether no number but 0 is below the smallest with all its bits (2.2e-308; 1.2e-38 in float32)."""
    kind, n_bits = ("uint64", 52) if numbers.dtype == np.float64 else ("uint32", 23)
    bits = lax.bitcast_convert_type(numbers, kind) << 1
    return ((bits == 0) | (bits >> (n_bits + 1) != 0)).all()

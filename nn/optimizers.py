"""Optimizers: from gradients to the next weights. The formulas work on whole vectors, a number for each parameter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from engine import Value
from nn.model_files import is_finite
from nn.validation import as_float, shortened

if TYPE_CHECKING:
    import numpy as np

    Vector = np.ndarray[Any, np.dtype[np.float64]]

LearningRate = float | Callable[[int], float]


class Optimizer:
    """Base of the optimizers: keeps the parameters and the count of steps.

    Args:
        parameters: the Values to change; ``fit`` gives them where they are left out.
        learning_rate: a number of 0 or more, or a function of the step (0, 1, 2, ...) that gives one.
        weight_decay: 0 or more.

    Raises:
        ValueError: a negative or unreal learning rate or weight decay, or no parameters.
        TypeError: the parameters are not Values.

    ``weights`` is what a step is about to give the parameters, and None when all of them have it.
    """

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        *,
        learning_rate: LearningRate = 0.01,
        weight_decay: float = 0.0,
    ) -> None:
        self.learning_rate = learning_rate
        self.weight_decay = _number_from_zero("weight_decay", weight_decay)
        self.steps = 0
        self.parameters: list[Value] | None = None
        self.weights: Vector | None = None
        self.rate()
        if parameters is not None:
            self.bind(parameters)

    def bind(self, parameters: Iterable[Value]) -> None:
        """Take these parameters; what was remembered of others is forgotten."""
        values = list(parameters) if isinstance(parameters, Iterable) else [parameters]
        if not values:
            raise ValueError(
                f"{type(self).__name__}: there are no parameters to change (a Module finds Values and Modules in its "
                "attributes, and in lists there)"
            )
        for value in values:
            if not isinstance(value, Value):
                raise TypeError(
                    f"{type(self).__name__}: parameters are Values, such as model.parameters(), "
                    f"not {shortened(value)}; a learning rate is given as learning_rate=..."
                )
        self.parameters, self.weights, self.steps = values, None, 0
        self.forget()

    def forget(self) -> None:
        """Forget what earlier steps left, such as momentum."""

    remembered: tuple[str, ...] = ()
    """The attributes that earlier steps leave: numbers, or vectors with a number for each parameter."""

    def state_dict(self) -> dict[str, Any]:
        """The count of steps, and what they left, as numbers and lists."""
        state: dict[str, Any] = {"kind": type(self).__name__, "steps": self.steps}
        for name in self.remembered:
            left = getattr(self, name)
            is_vector = hasattr(left, "tolist") and hasattr(left, "dtype")
            state[name] = {"dtype": left.dtype.name, "numbers": left.tolist()} if is_vector else left
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take what ``state_dict`` gave.

        Raises:
            ValueError: it is not the state of such an optimizer with as many parameters; nothing is changed.
        """
        import numpy as np

        names = {"kind", "steps", *self.remembered}
        steps = state.get("steps")
        if (
            state.keys() != names
            or state["kind"] != type(self).__name__
            or type(steps) is not int
            or not 0 <= steps < 2**53
        ):
            raise ValueError(f"the state of the optimizer is not one of {type(self).__name__}")
        loaded: dict[str, Any] = {}
        for name in self.remembered:
            left = state[name]
            if isinstance(left, dict):
                if left.keys() != {"dtype", "numbers"} or left["dtype"] not in ("float64", "float32"):
                    raise ValueError(f"{name} of the optimizer is no vector")
                numbers = left["numbers"]
                if not isinstance(numbers, list) or len(numbers) != len(self._bound()):
                    raise ValueError(f"{name} of the optimizer is not a number for each parameter")
                with np.errstate(over="ignore"):
                    left = np.array(numbers, left["dtype"]) if all(map(is_finite, numbers)) else np.array([math.nan])
                if not np.isfinite(left).all():
                    raise ValueError(f"{name} of the optimizer is not made of finite numbers")
            elif left is not None and left != 0.0:
                raise ValueError(f"{name} of the optimizer is no vector")
            loaded[name] = left
        self.steps = steps
        for name, left in loaded.items():
            setattr(self, name, left)

    def rate(self) -> float:
        """The learning rate of the next step."""
        rate = self.learning_rate(self.steps) if callable(self.learning_rate) else self.learning_rate
        return _number_from_zero("learning_rate", rate)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self._bound():
            parameter.grad = 0.0

    def step(self) -> None:
        """Change every parameter by its gradient.

        Raises:
            FloatingPointError: a number became infinite or NaN; no parameter is changed.
        """
        import numpy as np

        parameters = self._bound()
        weights = np.array([parameter.data for parameter in parameters])
        gradient = np.array([parameter.grad for parameter in parameters])
        self.weights = self.advanced(weights, gradient)
        self.put_weights()

    def advanced(self, weights: Vector, gradient: Vector) -> Vector:
        """The weights after one more step, known to be finite; no parameter is changed.

        Raises:
            FloatingPointError: a number became infinite or NaN.
        """
        import numpy as np

        with np.errstate(over="raise", invalid="raise"):
            weights = self.updated(weights, gradient)
        if not np.isfinite(weights).all():
            raise FloatingPointError(f"a parameter would become {weights[~np.isfinite(weights)][0]}")
        return weights

    def put_weights(self) -> None:
        """Give every parameter its number in ``weights``; a second call finishes what an interrupt broke off."""
        if self.weights is not None:
            for parameter, weight in zip(self._bound(), self.weights.tolist()):
                parameter.data = weight
            self.weights = None

    def updated(self, weights: Vector, gradient: Vector) -> Vector:
        """The weights after one more step; both vectors are left as they are."""
        rate = self.rate()
        self.steps += 1
        return weights - rate * self.direction(weights, gradient, rate)

    def direction(self, weights: Vector, gradient: Vector, rate: float) -> Vector:
        """What is subtracted from the weights, but for the learning rate."""
        raise NotImplementedError

    def _bound(self) -> list[Value]:
        if self.parameters is None:
            raise ValueError(
                f"{type(self).__name__}: give the parameters first: {type(self).__name__}(model.parameters())"
            )
        return self.parameters


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Polyak 1964) or Nesterov's (as in Sutskever et al. 2013).

    g = gradient + weight_decay * w;  v = momentum * v + g;  w -= learning_rate * v,
    and with Nesterov's w -= learning_rate * (g + momentum * v). These are PyTorch's formulas.

    Args:
        momentum: in [0, 1).

    >>> w = Value(1.0)
    >>> optimizer = SGD([w], learning_rate=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data
    0.8
    """

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        *,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.momentum = _number_from_zero("momentum", momentum)
        self.nesterov = bool(nesterov)
        if self.momentum >= 1.0 or (self.nesterov and self.momentum == 0.0):
            raise ValueError(f"momentum: a number in [0, 1) is wanted, and above 0 for Nesterov's, not {momentum!r}")
        super().__init__(parameters, learning_rate=learning_rate, weight_decay=weight_decay)

    remembered = ("velocity",)

    def forget(self) -> None:
        self.velocity: Vector | None = None

    def direction(self, weights: Vector, gradient: Vector, rate: float) -> Vector:
        g = gradient + self.weight_decay * weights if self.weight_decay else gradient
        if not self.momentum:
            return g
        self.velocity = g.copy() if self.velocity is None else self.momentum * self.velocity + g
        return g + self.momentum * self.velocity if self.nesterov else self.velocity


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps scaled by running means of the gradient and of its square.

    m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g**2;
    w -= learning_rate * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + epsilon), with t the count of steps.
    ``weight_decay`` adds weight_decay * w to the gradient g, as in PyTorch.

    Args:
        betas: two numbers in [0, 1).
        epsilon: above 0.
    """

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        *,
        learning_rate: LearningRate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if not hasattr(betas, "__len__") or len(betas) != 2:
            raise ValueError(f"betas: two numbers in [0, 1) are wanted, such as (0.9, 0.999), not {betas!r}")
        self.betas = (_number_from_zero("betas", betas[0]), _number_from_zero("betas", betas[1]))
        self.epsilon = _number_from_zero("epsilon", epsilon)
        if max(self.betas) >= 1.0 or self.epsilon == 0.0:
            raise ValueError(f"betas in [0, 1) and an epsilon above 0 are wanted, not {betas!r} and {epsilon!r}")
        super().__init__(parameters, learning_rate=learning_rate, weight_decay=weight_decay)

    remembered = ("mean", "square")

    def forget(self) -> None:
        self.mean: Vector | float = 0.0
        self.square: Vector | float = 0.0

    def direction(self, weights: Vector, gradient: Vector, rate: float) -> Vector:
        return self._scaled(gradient + self.weight_decay * weights if self.weight_decay else gradient)

    def _scaled(self, g: Vector) -> Vector:
        import numpy as np

        beta1, beta2 = self.betas
        self.mean = beta1 * self.mean + (1.0 - beta1) * g
        self.square = beta2 * self.square + (1.0 - beta2) * g * g
        scale = np.sqrt(self.square / (1.0 - beta2**self.steps)) + self.epsilon
        direction: Vector = self.mean / (1.0 - beta1**self.steps) / scale
        return direction


class AdamW(Adam):
    """Adam with the weight decay apart from the gradient: w -= learning_rate * weight_decay * w besides (Loshchilov and
    Hutter, 2019)."""

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        *,
        learning_rate: LearningRate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(
            parameters, learning_rate=learning_rate, betas=betas, epsilon=epsilon, weight_decay=weight_decay
        )

    def direction(self, weights: Vector, gradient: Vector, rate: float) -> Vector:
        return self._scaled(gradient) + self.weight_decay * weights


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def named_optimizer(optimizer: str | Optimizer, learning_rate: LearningRate | None = None) -> Optimizer:
    """The optimizer of that name, with that learning rate or its own default; an Optimizer as it is.

    Raises:
        ValueError: an unknown name, or a learning rate that is not to be.
    """
    if isinstance(optimizer, Optimizer):
        if learning_rate is not None:
            raise ValueError(f"give the learning rate to the {type(optimizer).__name__} that you made, not beside it")
        return optimizer
    if not isinstance(optimizer, str) or optimizer.lower() not in OPTIMIZERS:
        raise ValueError(
            f"unknown optimizer {shortened(optimizer)}; there are {', '.join(OPTIMIZERS)}, or an Optimizer, such as "
            "SGD(momentum=0.9)"
        )
    kind = OPTIMIZERS[optimizer.lower()]
    return kind() if learning_rate is None else kind(learning_rate=learning_rate)


def _number_from_zero(name: str, number: Any) -> float:
    try:
        if isinstance(number, bool):
            raise TypeError
        real = as_float(number, name)
    except (TypeError, OverflowError):
        raise ValueError(f"{name}: a number is wanted, not {shortened(number)}") from None
    if not 0.0 <= real < math.inf:
        raise ValueError(f"{name}: a number of 0 or more is wanted, not {shortened(number)}")
    return real

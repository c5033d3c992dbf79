"""Optimizers: from gradients to the next weights, on vectors of all parameters."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from copy import copy
from typing import TYPE_CHECKING, Any
from weakref import ref

from engine import Value, gradients
from nn.by_identity import ByIdentity
from nn.lazy_numpy import np
from nn.other_names import OF_AN_OPTIMIZER
from nn.schedules import works_alone
from nn.validation import as_number, check_int, number_in, refuse_unknown, shortened, unknown_name, with_settings

if TYPE_CHECKING:
    from nn.module import Module

    Vector = np.ndarray[Any, np.dtype[np.float64]]

LearningRate = float | Callable[[int], float]

_OF_A_MODEL = ("parameters", "follows_model", "steps")
"""The attributes that change from model to model, besides those that are remembered."""
_LINKS = ("_model", "_earlier")  # the attributes that lead to models and their states: no part of a copy


class Optimizer:
    """Base of the optimizers; a subclass defines ``direction``.

    A step takes the gradient g of the loss, and then

    - adds that of the penalty l1 * sum(abs(w)) + l2 * sum(w**2), which is l1 * sign(w) + 2 * l2 * w, with sign(0) = 0
      (Tibshirani 1996; Hoerl and Kennard 1970; as Keras's regularizers);
    - clips it: each number to [-clip_value, clip_value], or all of g by min(1, clip_norm / sqrt(sum(g**2))), the sum
      over all parameters (Pascanu et al. 2013; as Keras's ``clipvalue`` and ``global_clipnorm``);
    - adds weight_decay * w, as PyTorch does (AdamW subtracts learning_rate * weight_decay * w from w instead);
    - subtracts learning_rate * direction(g) from the weights.

    Penalties and decay change all parameters of the optimizer, biases too. Unlike in Keras, the loss that ``fit``
    reports excludes them, and so does ``grad`` of the parameters.

    Args:
        parameters: the Values to change; by default ``fit`` takes those of the model.
        learning_rate: a number >= 0, or a function of the step (0, 1, 2, ...) that returns one.
        weight_decay: 0 or more, as are *l1* and *l2*; with SGD, weight_decay=2 * c is l2=c.
        clip_value: above 0, or None; not together with *clip_norm*.
        clip_norm: above 0, or None; ``nn.clip_grad_norm`` does the same in loops of your own.

    Raises:
        ValueError: a number is out of range, or there are no parameters.
        TypeError: the parameters are not Values, or an argument is unknown.

    ``weights`` holds the result of a step until all parameters have it; then it is None.
    """

    remembered: tuple[str, ...] = ()
    """The attributes that earlier steps leave: 0.0 at first, then vectors with a number for each parameter."""
    follows_model = False
    """Whether ``fit`` chose the parameters, all those of a model; they are then those that it has now."""
    decouples_decay = False  # whether weight_decay * w is added to the direction instead of the gradient
    weight_decay: float = number_in("[0, inf)")
    l1: float = number_in("[0, inf)")
    l2: float = number_in("[0, inf)")
    clip_value: float | None = number_in("(0, inf)", or_none=True)
    clip_norm: float | None = number_in("(0, inf)", or_none=True)
    _model: ref[Module] | None = None
    _earlier: ByIdentity[dict[str, Any]] | None = None  # the state for each other model that it trained

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        learning_rate: LearningRate = 0.01,
        *,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            bases = type(self).__mro__[:-1]
            known = dict.fromkeys(name for base in bases for name in inspect.signature(base).parameters)
            own = [name for name in known if name not in ("unknown", "options")]
            refuse_unknown(type(self).__name__, unknown, own, OF_AN_OPTIMIZER)
        if clip_value is not None and clip_norm is not None:
            raise ValueError(f"clip_norm must be left out beside clip_value, got {clip_norm!r}")
        self.learning_rate, self.weight_decay, self.l1, self.l2 = learning_rate, weight_decay, l1, l2
        self.clip_value, self.clip_norm = clip_value, clip_norm
        self.steps = 0
        self.parameters: list[Value] | None = None
        self.weights: Vector | None = None
        self.rate()
        if parameters is not None:
            self.bind(parameters)

    def __repr__(self) -> str:
        return with_settings(self, self.settings())

    def __getattr__(self, name: str) -> Any:
        question = f"; did you mean {OF_AN_OPTIMIZER[name]}?" if name in OF_AN_OPTIMIZER else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name}{question}")

    def __setattr__(self, name: str, thing: object) -> None:
        if name in OF_AN_OPTIMIZER and type(self) in OPTIMIZERS.values():
            self.__getattr__(name)
        super().__setattr__(name, thing)

    def bind(self, parameters: Iterable[Value]) -> None:
        """Take these parameters; what was remembered of others is forgotten."""
        self.parameters, self.weights, self.steps = _check_parameters(parameters), None, 0
        self.follows_model = False
        for name in self.remembered:
            setattr(self, name, 0.0)

    def follow(self, parameters: Iterable[Value], model: Module | None = None) -> None:
        """Take the parameters of a *model*, all of them unless some were chosen by hand.

        Those that were there before keep what is remembered of them, and the count of steps goes on; new ones begin
        at 0. Another model than before begins, or goes on from its own steps.
        """
        old = self.parameters or []
        new = _check_parameters(parameters, self.follows_model or not old)
        last = None if self._model is None else self._model()
        is_ours = self.follows_model or not old or (self._model is not None and last is not model)
        is_other = is_ours and set(old).isdisjoint(new)
        if model is not None:
            if is_other:
                self._change_model(last, model)
            self._model = ref(model)
        old = self.parameters or []
        if old == new or (old and not self.follows_model and set(old) <= set(new)):
            return
        if is_other and set(old).isdisjoint(new):
            self.bind(new)
        elif not self.follows_model:
            raise ValueError(
                f"parameters must be those of the model, got {len(set(old) - set(new))} that it has not; make another "
                f"{type(self).__name__}, and have what a loss trains in an attribute of the model"
            )
        else:
            known = {parameter: place for place, parameter in enumerate(old)}
            places = np.array([known.get(parameter, -1) for parameter in new])
            for name in self.remembered:
                left: Any = getattr(self, name)
                if hasattr(left, "dtype"):
                    setattr(self, name, np.where(places < 0, left.dtype.type(0.0), left[places]))
            self.parameters = new
        self.follows_model = True

    def _change_model(self, last: Module | None, model: Module) -> None:
        """Keep the state for the last model, as long as that lives, and take up that of another one, if there is."""
        self._earlier = self._earlier or ByIdentity()
        if last is not None and last is not model:
            self._earlier[last] = {name: getattr(self, name) for name in (*_OF_A_MODEL, *self.remembered)}
        for name, thing in self._earlier.pop(model, {}).items():
            setattr(self, name, thing)

    def __getstate__(self) -> dict[str, Any]:
        return {name: thing for name, thing in vars(self).items() if name not in _LINKS}

    def works_on_arrays(self) -> bool:
        """Whether a step runs no code of the user's, which could read or change weights."""
        return self._has_known_formulas() and works_alone(self.learning_rate)

    def _has_known_formulas(self) -> bool:
        own = [thing for name, thing in self.settings().items() if name != "learning_rate"]
        return type(self) in OPTIMIZERS.values() and not any(map(callable, own))

    def settings(self) -> dict[str, Any]:
        """The attributes that an optimizer was made with, and does not change by itself."""
        changed = {*_OF_A_MODEL, "weights", *_LINKS, *self.remembered}
        return {name: thing for name, thing in vars(self).items() if name not in changed}

    def state_dict(self) -> dict[str, Any]:
        """The count of steps and the remembered attributes, as numbers and lists."""
        state: dict[str, Any] = {"kind": type(self).__name__, "steps": self.steps}
        for name in self.remembered:
            left: Any = getattr(self, name)
            is_vector = hasattr(left, "dtype")
            state[name] = {"dtype": left.dtype.name, "numbers": left.tolist()} if is_vector else left
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a ``state_dict`` of the same class with as many parameters."""
        kind, n = type(self).__name__, len(self._bound())
        must = ValueError(f"the optimizer must be {kind} of {n} parameters, got the state {shortened(state)}")
        if state.keys() != {"kind", "steps", *self.remembered} or state["kind"] != kind:
            raise must
        left = {name: state[name] for name in self.remembered if state[name]}
        if not {vector["dtype"] for vector in left.values()} <= {"float64", "float32"}:
            raise must
        vectors = {name: np.array(vector["numbers"], vector["dtype"]) for name, vector in left.items()}
        if not all(vector.shape == (n,) and np.isfinite(vector).all() for vector in vectors.values()):
            raise must
        self.steps = check_int("steps", state["steps"], 0)
        for name in self.remembered:
            setattr(self, name, vectors.get(name, 0.0))

    def rate(self) -> float:
        """The learning rate of the next step."""
        rate = self.learning_rate(self.steps) if callable(self.learning_rate) else self.learning_rate
        return as_number("learning_rate", rate, "[0, inf)")

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0."""
        for parameter in self._bound():
            parameter.grad = 0.0

    def step(self) -> None:
        """Change every parameter by its gradient.

        Raises:
            FloatingPointError: a number became infinite or NaN; no parameter is changed.
        """
        parameters, rate = self._bound(), self.rate()  # first: a schedule of the user's may write weights
        weights = np.array([parameter.data for parameter in parameters])
        gradient = np.array([parameter.grad for parameter in parameters])
        self.weights = self.updated(weights, gradient, rate)
        self.put_weights()

    def put_weights(self) -> None:
        """Write ``weights`` into the parameters; a second call ends an interrupted first."""
        if self.weights is not None:
            for parameter, weight in zip(self._bound(), self.weights.tolist()):
                parameter.data = weight
            self.weights = None

    def updated(self, weights: Vector, gradient: Vector, rate: float | None = None) -> Vector:
        """The weights after one more step, all finite; the parameters stay as they are."""
        rate = self.rate() if rate is None else rate
        self.steps += 1
        with np.errstate(over="raise", invalid="raise"):
            weights = self._moved(weights, gradient, rate)
        if not np.isfinite(weights).all():
            raise FloatingPointError(f"a parameter would become {weights[~np.isfinite(weights)][0]}")
        return weights

    def step_graph(self) -> tuple[list[Value], list[Value]]:
        """A step of one weight as a graph of Values, by the same formulas.

        Where ``step`` raises a FloatingPointError, a node of the graph becomes infinite or NaN.

        Returns:
            The leaves: the weight, its gradient, the learning rate, the count of steps (1 in the first), and what is
            ``remembered`` of earlier ones (0 in the first); and the results: the next weight, and what is remembered.

        Raises:
            ValueError: the step clips gradients, which takes more than a formula of one weight.
            TypeError: it is an optimizer of your own, whose step may be no formula: it may branch, or count.

        >>> (weight, gradient, rate, steps, velocity), (after, remembered) = SGD().step_graph()
        >>> weight.data, gradient.data = 1.0, 2.0
        >>> after.refresh().data
        -1.0
        """
        if not self._has_known_formulas():
            kind = f"{type(self).__name__} of your own"
            raise TypeError(f"step_graph must be called on SGD, Adam or AdamW, got {kind}: a graph holds formulas")
        if self.clip_value is not None or self.clip_norm is not None:
            given = f"{self.clip_value!r} and {self.clip_norm!r}"
            raise ValueError(f"clip_value and clip_norm must be None for step_graph, got {given}")
        own = copy(self)
        weight, gradient, rate, own_steps = leaves = [
            Value(number, label=name)
            for name, number in {"weight": 0.0, "gradient": 0.0, "rate": 1.0, "steps": 1.0}.items()
        ]
        left = [Value(0.0, label=name) for name in self.remembered]
        vars(own).update(zip(self.remembered, left), steps=own_steps)
        after: Any = own._moved(weight, gradient, rate)
        return leaves + left, [after, *(getattr(own, name) for name in self.remembered)]

    def _moved(self, weights: Any, gradient: Any, rate: Any) -> Any:
        """The weights after a step that ``steps`` counts already: vectors, or a Value in a graph."""
        g = self._clip(weights, gradient)
        if self.weight_decay and not self.decouples_decay:
            g = g + self.weight_decay * weights
        direction = self._direction(weights, g, rate)
        if self.weight_decay and self.decouples_decay:
            direction = direction + self.weight_decay * weights
        return weights - rate * direction

    def _clip(self, weights: Any, gradient: Any) -> Any:
        """The clipped gradient with penalties; refuses an infinite one, which clipping hides."""
        if self.l1 or self.l2:
            gradient = gradient + self.l1 * _sign(weights) + 2.0 * self.l2 * weights
        if self.clip_value is None and self.clip_norm is None:
            return gradient
        norm = _norm(gradient)
        if self.clip_value is not None:
            return gradient.clip(-self.clip_value, self.clip_value)
        return gradient * (self.clip_norm / norm) if self.clip_norm and norm > self.clip_norm else gradient

    def direction(self, weights: Vector, gradient: Vector, rate: float) -> Vector:
        """What is subtracted from each weight, without the learning rate: an array."""
        raise NotImplementedError(f"{type(self).__name__} needs a method direction(self, weights, gradient, rate)")

    def _direction(self, weights: Any, gradient: Any, rate: Any) -> Any:
        direction = self.direction(weights, gradient, rate)
        shape = getattr(direction, "shape", None)
        if shape != getattr(weights, "shape", None):
            got = f"a {type(direction).__name__}" if shape is None else f"an array of shape {shape}"
            raise ValueError(f"{type(self).__name__}.direction must give an array of shape {weights.shape}, got {got}")
        return direction

    def _bound(self) -> list[Value]:
        if self.parameters is None:
            kind = type(self).__name__
            raise ValueError(f"{kind} must be given the parameters first: {kind}(model.parameters())")
        return self.parameters


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum or without.

    v = momentum * v + g;  w -= learning_rate * v,  and with Nesterov's w -= learning_rate * (g + momentum * v). These
    are PyTorch's formulas (Polyak 1964; Sutskever et al. 2013).

    Args:
        momentum: in [0, 1).
        options: those of ``Optimizer``: weight_decay, l1, l2, clip_value, clip_norm.

    >>> w = Value(1.0)
    >>> optimizer = SGD([w], learning_rate=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data
    0.8
    """

    remembered = ("velocity",)
    velocity: Vector | float
    momentum: float = number_in("[0, 1)")

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        self.momentum = as_number("momentum", momentum, "(0, 1)") if nesterov else momentum
        self.nesterov = bool(nesterov)
        super().__init__(parameters, learning_rate=learning_rate, **options)

    def direction(self, weights: Vector, gradient: Vector, rate: float) -> Vector:
        if not self.momentum:
            return gradient
        self.velocity = v = self.momentum * self.velocity + gradient
        return gradient + self.momentum * v if self.nesterov else v


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): running means of the gradient and its square.

    m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g**2;
    w -= learning_rate * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + epsilon), with t the count of steps.

    Args:
        betas: two numbers in [0, 1).
        epsilon: above 0.
        options: those of ``Optimizer``: weight_decay, l1, l2, clip_value, clip_norm.

    >>> w = Value(1.0)
    >>> optimizer = Adam([w], learning_rate=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 6)
    0.9
    """

    remembered = ("mean", "square")
    mean: Vector | float
    square: Vector | float
    epsilon: float = number_in("(0, inf)")

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        learning_rate: LearningRate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        **options: Any,
    ) -> None:
        if not hasattr(betas, "__len__") or len(betas) != 2:
            raise ValueError(f"betas must be two numbers in [0, 1), such as (0.9, 0.999), got {shortened(betas)}")
        self.betas = as_number("betas[0]", betas[0], "[0, 1)"), as_number("betas[1]", betas[1], "[0, 1)")
        self.epsilon = epsilon
        super().__init__(parameters, learning_rate=learning_rate, **options)

    def direction(self, weights: Vector, gradient: Vector, rate: float) -> Vector:
        beta1, beta2 = self.betas
        self.mean = beta1 * self.mean + (1.0 - beta1) * gradient
        self.square = beta2 * self.square + (1.0 - beta2) * gradient * gradient
        scale = _sqrt(self.square / (1.0 - beta2**self.steps)) + self.epsilon
        direction: Vector = self.mean / (1.0 - beta1**self.steps) / scale
        return direction


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

    A step also subtracts learning_rate * weight_decay * w; the arguments are those of ``Adam``.
    """

    decouples_decay = True

    def __init__(
        self,
        parameters: Iterable[Value] | None = None,
        learning_rate: LearningRate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        **options: Any,
    ) -> None:
        super().__init__(parameters, learning_rate, betas, epsilon, weight_decay=weight_decay, **options)


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def named_optimizer(optimizer: str | Optimizer, learning_rate: LearningRate | None = None) -> Optimizer:
    """The optimizer of that name, with that learning rate or its default; an Optimizer unchanged."""
    if isinstance(optimizer, Optimizer):
        if learning_rate is not None:
            kind = type(optimizer).__name__
            raise ValueError(f"learning_rate must be given to the {kind} that you made, got it beside the {kind}")
        return optimizer
    if not isinstance(optimizer, str) or optimizer.lower() not in OPTIMIZERS:
        raise unknown_name("optimizer", optimizer, OPTIMIZERS, "an Optimizer such as SGD(momentum=0.9)")
    options: dict[str, Any] = {} if learning_rate is None else {"learning_rate": learning_rate}
    return OPTIMIZERS[optimizer.lower()](**options)


def clip_grad_norm(parameters: Iterable[Value], max_norm: float) -> float:
    """Multiply gradients by min(1, max_norm / norm), and return the norm.

    It is sqrt(sum(grad**2)) over all parameters. For loops of your own, between ``backward()`` and ``step()`` (Pascanu
    et al. 2013). *max_norm* is above 0; ``math.inf`` only measures.

    Raises:
        FloatingPointError: the norm is infinite or NaN, as in PyTorch's ``clip_grad_norm_`` with
            ``error_if_nonfinite=True``; no gradient is changed.

    >>> a, b = Value(1.0), Value(2.0)
    >>> (3 * a + 4 * b).backward()
    >>> clip_grad_norm([a, b], max_norm=2.5)
    5.0
    >>> a.grad, b.grad
    (1.5, 2.0)
    """
    largest = math.inf if max_norm == math.inf else as_number("max_norm", max_norm, "(0, inf)")
    values = _check_parameters(parameters, trains_all=False)
    norm = _norm(np.array([value.grad for value in values]))
    if norm > largest:
        for value in values:
            value.grad *= largest / norm
    return norm


def _sign(weights: Any) -> Any:
    """The derivative of abs(weights): of vectors, or of a Value."""
    if isinstance(weights, Value):
        return gradients(abs(weights), [weights])[0]
    return np.sign(weights)


def _sqrt(numbers: Any) -> Any:
    """The square root: of vectors, or of a Value."""
    if isinstance(numbers, Value):
        return numbers.sqrt()
    return np.sqrt(numbers)


def _norm(vector: Vector) -> float:
    """The Euclidean norm, scaled against overflow of the squares; refuses infinite and NaN norms."""
    largest = float(np.abs(vector).max(initial=0.0))
    norm = largest * float(np.linalg.norm(vector / largest)) if 0.0 < largest < math.inf else largest
    if not math.isfinite(norm):
        raise FloatingPointError(f"the norm of the gradient is {norm}")
    return norm


def _check_parameters(parameters: Any, trains_all: bool = True) -> list[Value]:
    """The parameters, each once, checked; if *trains_all*, none may have ``requires_grad=False``."""
    values = list(parameters) if isinstance(parameters, Iterable) else [parameters]
    if not values:
        raise ValueError(
            "parameters must be at least one Value, got none (a Module finds Values and Modules in its attributes, and "
            "in lists there)"
        )
    for value in values:
        if not isinstance(value, Value):
            raise TypeError(
                f"parameters must be Values, such as model.parameters(), got {shortened(value)}; a learning rate is "
                "given as learning_rate=..."
            )
        if trains_all and getattr(value, "requires_grad", None) is False:
            advice = "give the optimizer only the others, as in Adam(others)"
            raise ValueError(f"parameters must be those to train, got one with requires_grad=False; {advice}")
    return list(dict.fromkeys(values))

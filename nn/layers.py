"""Sequential, and layers without weights: Dropout, Softmax, Activation."""

import random
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from typing import Any, SupportsFloat, TypeAlias

from engine import Value, constant, softmax
from nn.activations import ACTIVATIONS, Function, check_activation, is_of_one_value, method_name, not_a_value
from nn.data import by_name
from nn.examples import input_names
from nn.initialization import random_numbers
from nn.module import Module
from nn.noise import no_noise, noise_from, noise_source
from nn.validation import Checked, described, number_in, shortened

Outputs: TypeAlias = Any
"""A Value, or a list of Values where there are several outputs; type checkers cannot know which."""


class Sequential(Module):
    """Layers in a row: each takes the outputs of the one before.

    Args:
        layers: modules, or names of activations, or functions. An activation is applied to each output of the layer
            before; any other function takes their list and returns a Value or a list of Values.

    ``layers`` is a list that may be changed. A file holds a Sequential of this library's layers as it was made.

    >>> from nn import Dropout, Layer, Sequential
    >>> model = Sequential(Layer(2, 8), Dropout(0.2), Layer(8, 1, activation="linear"))
    >>> len(model.parameters())
    33
    >>> output = model.eval()([1.0, -2.0])
    """

    def __init__(self, *layers: Any) -> None:
        given = layers[0] if len(layers) == 1 and isinstance(layers[0], (list, tuple)) else layers
        if not given:
            raise ValueError("layers must be at least one, such as Layer(2, 1), got none")
        self.layers: list[Any] = [_as_layer(layer) for layer in given]
        _last_size(self.layers)

    @property
    def n_inputs(self) -> int | None:  # type: ignore[override]
        """The number of inputs of the first layer, if fixed."""
        return getattr(self.layers[0], "n_inputs", None) if self.layers else None

    @property
    def n_outputs(self) -> int | None:  # type: ignore[override]
        """The number of outputs of the last layer, if fixed."""
        return _last_size(self.layers)

    def __call__(self, x: Sequence[SupportsFloat]) -> Outputs:
        """The outputs for one example: a Value, or with several outputs a list of Values.

        Raises:
            ValueError: *x* has not ``n_inputs`` numbers, or a layer takes another number of inputs than it gets.
            TypeError: *x* has something else than numbers, or a layer returns something else than Values.
        """
        values = as_values(x, self)
        if self.n_inputs not in (None, len(values)):
            raise wrong_length(self, self.n_inputs, len(values))
        for index, layer in enumerate(self.layers):
            _check_takes(index, layer, len(values))
            values = _outputs_of(layer, values)
        return values[0] if len(values) == 1 else values

    def output_activations(self) -> dict[Value, tuple[str, ...]]:
        found: dict[Value, tuple[str, ...]] = {}
        last: dict[Value, tuple[str, ...]] = {}
        for layer in self.layers:
            if isinstance(layer, Activation):
                last = {parameter: (*names, method_name(layer.activation)) for parameter, names in last.items()}
            elif not isinstance(layer, Dropout):
                last = layer.output_activations() if isinstance(layer, Module) else {}
            found.update(last)
        return found

    def output_sizes(self) -> dict[int, int]:
        """The number of outputs of each layer, by its id, up to the first that fails."""
        sizes: dict[int, int] = {}
        values = as_values([0.5] * (self.n_inputs or 0))
        with suppress(Exception), noise_from(no_noise):  # a function may raise anything
            for layer in self.layers if values else ():
                values = _outputs_of(layer, values)
                sizes[id(layer)] = len(values)
        return sizes

    def __repr__(self) -> str:
        return f"{type(self).__name__} of [{', '.join(map(repr, self.layers))}]"


class Activated:
    """Has an activation: a name, or a function from Value to Value."""

    activation: Any = Checked(check_activation)

    @property
    def nonlin(self) -> bool:
        """Whether the activation is not linear, as micrograd has it."""
        return bool(self.activation != "linear")

    def activated(self, value: Value) -> Value:
        """The activation of a Value; a TypeError if it gives something else."""
        output = ACTIVATIONS.get(self.activation, self.activation)(value)
        if not isinstance(output, Value):
            name = getattr(self.activation, "__name__", "function")
            raise not_a_value(f"the activation {name} must give a Value", output)
        return output

    def output_activations(self: Any) -> dict[Value, tuple[str, ...]]:
        names = () if self.activation in ("linear", Value.__pos__) else (method_name(self.activation),)
        return dict.fromkeys(self.parameters(), names)


class Activation(Activated, Module):
    """A function of one Value, applied to each number.

    >>> [output.data for output in Activation("relu")([-1.0, 2.0])]
    [0.0, 2.0]
    """

    def __init__(self, activation: Function) -> None:
        self.activation = activation

    def __call__(self, x: Sequence[SupportsFloat]) -> list[Value]:
        return [self.activated(value) for value in as_values(x)]


class Softmax(Module):
    """exp(x[i]) over the sum of all exp(x[j]): numbers above 0 that sum to 1.

    The loss ``"cross_entropy"`` takes logits; a model that it trains needs no Softmax.

    >>> [output.data for output in Softmax()([1.0, 1.0])]
    [0.5, 0.5]
    """

    def __call__(self, x: Sequence[SupportsFloat]) -> list[Value]:
        outputs: list[Value] = softmax(as_values(x))
        return outputs


class Dropout(Module):
    """Noise of training: each number becomes 0 with probability *rate*.

    The others are multiplied by 1 / (1 - rate). ``fit`` draws the noise for each example and step, with its own seed;
    ``predict`` and ``score`` go without. In a loop of your own, call ``model.train()`` before training and
    ``model.eval()`` before measuring (Srivastava et al., 2014; scaled as in PyTorch).

    Args:
        rate: in [0, 1).
        seed: makes the noise of your own loops repeatable; None uses the current state of Python's ``random``.

    >>> noisy = Dropout(0.5, seed=0).train()
    >>> [value.data for value in noisy([1.0, 2.0, 3.0, 4.0])]
    [2.0, 4.0, 0.0, 0.0]
    """

    rate: float = number_in("[0, 1)")

    def __init__(self, rate: float, seed: int | None = None) -> None:
        self.rate = rate
        self._rng = None if seed is None else random_numbers(seed)

    def __call__(self, x: Sequence[SupportsFloat]) -> list[Value]:
        values = as_values(x)
        source = noise_source.get()
        if source is not None:
            factors = source(self, len(values))
        elif self.training is None:
            raise RuntimeError("Dropout must know whether this is training: call model.train() or model.eval() first")
        else:
            factors = self.draw(self._rng or random, len(values)) if self.training else None
        return values if factors is None else [value * factor for value, factor in zip(values, factors)]

    def draw(self, rng: Any, n: int) -> list[float]:
        """*n* random factors: 0 or 1 / (1 - rate)."""
        kept = 1.0 / (1.0 - self.rate)
        return [0.0 if rng.random() < self.rate else kept for _ in range(n)]


def wrong_length(model: Module, n_inputs: int | None, given: int) -> ValueError:
    """The error for an example with another count of numbers than the model takes."""
    return ValueError(f"x must have {n_inputs} numbers for this {type(model).__name__}, got {given}")


def as_values(x: Any, model: Module | None = None) -> list[Value]:
    """Each input of an example as a Value: plain numbers become one constant each, which all neurons share.

    A row with names has the order of those that ``fit`` of the *model* saw.
    """
    if isinstance(x, Value):
        return [x]
    if model is not None and type(x) is not list:
        if getattr(x, "ndim", 1) > 1:
            raise _are_rows()
        row = by_name([x], input_names(model), "x")[0]
        x = list(row.values()) if isinstance(row, dict) else row
    if not hasattr(x, "__iter__") or isinstance(x, (str, Mapping, Set)):
        raise TypeError(f"x must be the inputs of one example, such as [0.5, 2.0], got {described(x)}")
    try:
        return [number if isinstance(number, Value) else constant(number, "input") for number in x]
    except TypeError:
        if any(getattr(number, "__len__", None) and not isinstance(number, str) for number in x):
            raise _are_rows() from None
        raise


def _are_rows() -> TypeError:
    return TypeError("x must be the inputs of one example, got rows of them; predict(X) takes many")


def _as_layer(layer: Any) -> Any:
    if not isinstance(layer, str) and (not callable(layer) or isinstance(layer, type)):
        raise TypeError(f"a layer must be a module, an activation or a function, got {shortened(layer)}")
    return Activation(layer) if isinstance(layer, str) or is_of_one_value(layer) else layer


def _last_size(layers: list[Any]) -> int | None:
    """The number of outputs of the last layer, if known; a ValueError where layers do not fit each other."""
    size = None
    for index, layer in enumerate(layers):
        _check_takes(index, layer, size)
        if not isinstance(layer, (Activation, Dropout, Softmax)):  # these give as many as they take
            size = getattr(layer, "n_outputs", None)
    return size


def _check_takes(index: int, layer: Any, n_given: int | None) -> None:
    """Raise a ValueError if a layer takes another number of inputs than it is given; either may be unknown."""
    n_inputs = getattr(layer, "n_inputs", None)
    if n_given is not None and n_inputs not in (None, n_given):
        raise ValueError(
            f"layer {index} must take the {n_given} outputs of layer {index - 1}, got {type(layer).__name__} with "
            f"{n_inputs} inputs"
        )


def _outputs_of(layer: Any, x: list[Value]) -> list[Value]:
    """The outputs of a layer in a list, all Values."""
    outputs = _as_layer(layer)(x)
    values: list[Any] = list(outputs) if hasattr(outputs, "__iter__") else [outputs]
    for value in values:
        if not isinstance(value, Value):
            raise not_a_value(f"the layer {getattr(layer, '__name__', type(layer).__name__)} must give Values", value)
    return values

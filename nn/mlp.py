"""Neuron, Layer, MLP: the multilayer perceptron, made of Values."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Self, SupportsFloat

from engine import Value, dot
from engine.validation import shortened
from engine.value import constant
from nn.initialisation import Init, initial_weight, random_numbers
from nn.module import Module

Activation = str | Callable[[Value], Value]

ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "linear": Value.__pos__,
    "relu": Value.relu,
    "leaky_relu": Value.leaky_relu,
    "gelu": Value.gelu,
    "softplus": Value.softplus,
    "tanh": Value.tanh,
    "sigmoid": Value.sigmoid,
    "sin": Value.sin,
}


class Neuron(Module):
    """activation(w[0] * x[0] + w[1] * x[1] + ... + b).

    Args:
        n_inputs: how many numbers it takes.
        activation: a name, or a function from Value to Value.
        nonlin: micrograd's way to say it: False for a linear neuron.
        init: how the weights start (see MLP); the bias starts at 0.
        n_outputs: how many neurons stand beside it in its layer, for Glorot's scale.
        rng: where the random numbers come from; Python's ``random`` unless given.

    >>> neuron = Neuron(2, activation="tanh")
    >>> -1 < neuron([1.0, 2.0]) < 1
    True
    """

    def __init__(
        self,
        n_inputs: int,
        nonlin: bool = True,
        *,
        activation: Activation | None = None,
        init: Init | None = None,
        n_outputs: int = 1,
        rng: random.Random | None = None,
    ) -> None:
        self.activation = activation if activation is not None else "relu" if nonlin else "linear"
        self._activate = activation_function(self.activation)
        self.n_inputs: int = _checked_size(n_inputs, "n_inputs")
        draw = initial_weight(init, self.activation, n_inputs, n_outputs, rng or random_numbers(None))
        self.w = [Value(draw()) for _ in range(n_inputs)]
        self.b = Value(0.0)

    @property
    def nonlin(self) -> bool:
        """micrograd's way to say that the neuron is not linear."""
        return self.activation != "linear"

    def __call__(self, x: Sequence[SupportsFloat]) -> Value:
        total: Value = dot(self.w, x)
        output = self._activate(total + self.b)
        if not isinstance(output, Value):  # math.tanh, say, which would end the graph here and train nothing before
            raise TypeError(
                f"the activation {self.activation!r} gave {type(output).__name__} {shortened(output)} and no Value; "
                "the functions of engine, such as engine.tanh, give Values"
            )
        return output

    def configuration(self) -> dict[str, Any]:
        """The arguments of ``Neuron(...)`` but the random ones, for ``save``."""
        return {"n_inputs": len(self.w), "activation": _saved(self.activation)}

    @classmethod
    def _from_configuration(cls, configuration: dict[str, Any], n_parameters: int) -> Self:
        _check_shape(configuration, {"n_inputs": int, "activation": str}, "a Neuron")
        _check_parameters([configuration["n_inputs"], 1], n_parameters, "a Neuron")
        return cls(**configuration, rng=random.Random(0))

    def __repr__(self) -> str:
        return f"{_titled(self.activation)}Neuron({len(self.w)})"


class Layer(Module):
    """Neurons side by side, all fed with the same inputs.

    Args:
        n_inputs: how many numbers each neuron takes.
        n_outputs: how many neurons.
        options: as for Neuron.

    Gives a list with a Value for each neuron, and for a single neuron its Value, as micrograd does.

    >>> len(Layer(3, 4)([1.0, 2.0, 3.0]))
    4
    """

    def __init__(self, n_inputs: int, n_outputs: int, **options: Any) -> None:
        self.n_inputs: int = _checked_size(n_inputs, "n_inputs")
        _checked_size(n_outputs, "n_outputs")
        self.neurons = [Neuron(n_inputs, **{"n_outputs": n_outputs, **options}) for _ in range(n_outputs)]

    def __call__(self, x: Sequence[SupportsFloat]) -> Value | list[Value]:
        outputs = self.outputs(x)
        return outputs[0] if len(outputs) == 1 else outputs

    def outputs(self, x: Sequence[SupportsFloat]) -> list[Value]:
        """The output of every neuron, in a list even for a single one."""
        values = as_values(x)
        return [neuron(values) for neuron in self.neurons]

    def configuration(self) -> dict[str, Any]:
        """The arguments of ``Layer(...)`` but the random ones, for ``save``."""
        first = self.neurons[0]
        return {"n_inputs": len(first.w), "n_outputs": len(self.neurons), "activation": _saved(first.activation)}

    @classmethod
    def _from_configuration(cls, configuration: dict[str, Any], n_parameters: int) -> Self:
        _check_shape(configuration, {"n_inputs": int, "n_outputs": int, "activation": str}, "a Layer")
        _check_parameters([configuration["n_inputs"], configuration["n_outputs"]], n_parameters, "a Layer")
        return cls(**configuration, rng=random.Random(0))

    def _n_classes(self) -> int:
        return max(2, len(self.neurons))

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(str(neuron) for neuron in self.neurons)}]"


class MLP(Module):
    """Multilayer perceptron: layers one behind the other, the last of them the output.

    Args:
        n_inputs: how many numbers an example has.
        sizes: how many neurons each layer has, the output layer last.
        activation: of the hidden layers: one of {activations}, or a function from Value to Value.
        output: activation of the last layer; the losses on logits want ``"linear"``.
        init: how weights start: ``"he"`` (He et al. 2015: normal, variance 2 / n_inputs), ``"glorot"`` (Glorot and
            Bengio 2010: uniform, variance 2 / (n_inputs + n_outputs)), ``"uniform"`` (in [-1, 1], as micrograd), or a
            function ``(n_inputs, n_outputs, rng) -> float``. Unless given, He's before ReLU and its kin, Glorot's
            otherwise.
        seed: makes the weights repeatable; None takes them from Python's ``random`` as it stands.
        nin: micrograd's name for *n_inputs*.
        nouts: micrograd's name for *sizes*.

    Raises:
        ValueError: a size below 1, or an unknown name.

    >>> model = MLP(2, [16, 16, 1], seed=1337)
    >>> len(model.parameters())
    337
    """

    def __init__(
        self,
        n_inputs: int | None = None,
        sizes: Sequence[int] | None = None,
        activation: Activation = "relu",
        output: Activation = "linear",
        init: Init | None = None,
        seed: int | None = None,
        *,
        nin: int | None = None,
        nouts: Sequence[int] | None = None,
    ) -> None:
        n_inputs = _given("n_inputs", n_inputs, "nin", nin)
        sizes = _given("sizes", sizes, "nouts", nouts)
        if isinstance(sizes, (str, bytes)) or not hasattr(sizes, "__len__") or len(sizes) == 0:
            raise ValueError(f"sizes: a list with the size of each layer is wanted, such as [16, 1], not {sizes!r}")
        rng = random_numbers(seed)
        widths = [_checked_size(n_inputs, "n_inputs"), *(_checked_size(size, "sizes") for size in sizes)]
        for function in (activation, output):
            activation_function(function)  # an unknown name is an error even where there is no hidden layer
        activations = [activation] * (len(widths) - 2) + [output]
        self.n_inputs = widths[0]
        self.activation, self.output, self.init = activation, output, init
        self.layers = [
            Layer(n_in, n_out, activation=activation, init=init, rng=rng)
            for n_in, n_out, activation in zip(widths, widths[1:], activations)
        ]

    def __call__(self, x: Sequence[SupportsFloat]) -> Value | list[Value]:
        """The output for one example: a Value, or with several outputs a list of Values.

        Raises:
            ValueError: *x* has not ``n_inputs`` numbers.
            TypeError: it has something else than numbers.
        """
        values = as_values(x)
        if len(values) != self.n_inputs:
            raise ValueError(f"this MLP takes {self.n_inputs} inputs, and was given {len(values)}")
        for layer in self.layers:
            values = layer.outputs(values)
        return values[0] if len(values) == 1 else values

    def configuration(self) -> dict[str, Any]:
        """The arguments of ``MLP(...)`` but the random ones, for ``save``."""
        return {
            "n_inputs": self.n_inputs,
            "sizes": [len(layer.neurons) for layer in self.layers],
            "activation": _saved(self.activation),
            "output": _saved(self.output),
        }

    @classmethod
    def _from_configuration(cls, configuration: dict[str, Any], n_parameters: int) -> Self:
        _check_shape(configuration, {"n_inputs": int, "sizes": list, "activation": str, "output": str}, "an MLP")
        _check_parameters([configuration["n_inputs"], *configuration["sizes"]], n_parameters, "an MLP")
        return cls(**configuration, seed=0)

    def _n_classes(self) -> int:
        return max(2, len(self.layers[-1].neurons))

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(str(layer) for layer in self.layers)}]"


MLP.__doc__ = (MLP.__doc__ or "").replace("{activations}", ", ".join(f'``"{name}"``' for name in ACTIVATIONS))


def _given(name: str, value: Any, other_name: str, other: Any) -> Any:
    """An argument that has two names, of which one must be used."""
    if (value is None) is (other is None):
        raise TypeError(f"MLP must be given {name} or {other_name}, got {'neither' if value is None else 'both'}")
    return other if value is None else value


def activation_function(activation: Activation) -> Callable[[Value], Value]:
    """The function of that name; a function as it is."""
    if callable(activation):
        return activation
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    raise ValueError(f"unknown activation {shortened(activation)}; there are {', '.join(ACTIVATIONS)}")


def as_values(x: Sequence[SupportsFloat]) -> list[Value]:
    """Each input as a Value: plain numbers become one constant each, which all neurons share."""
    if not hasattr(x, "__iter__") or isinstance(x, str):
        raise TypeError(
            f"the inputs of one example are wanted, such as [0.5, 2.0], not {type(x).__name__} {shortened(x)}"
        )
    try:
        return [number if isinstance(number, Value) else constant(number, "input") for number in x]
    except TypeError:
        if any(getattr(number, "__len__", None) and not isinstance(number, str) for number in x):
            raise TypeError(
                "the inputs of one example are wanted, not rows of them; predict(X) takes many examples"
            ) from None
        raise


def _checked_size(size: Any, name: str) -> int:
    if isinstance(size, bool) or not hasattr(size, "__index__") or size < 1:
        raise ValueError(f"{name}: a whole number above 0 is wanted, not {size!r}")
    return int(size)


def _saved(activation: Activation) -> str:
    if isinstance(activation, str):
        return activation
    raise ValueError(f"a file cannot hold the function {activation!r}; give activations by name to save a model")


def _check_shape(configuration: dict[str, Any], shape: dict[str, type], kind: str) -> None:
    """Whether a file's configuration has these entries, each of its type, and no others."""
    if configuration.keys() != shape.keys() or not all(type(configuration[k]) is shape[k] for k in shape):
        raise ValueError(f"the configuration of {kind} has {', '.join(shape)}")


def _check_parameters(widths: list[Any], n_parameters: int, kind: str) -> None:
    """Whether a network of these widths has as many parameters as the file: told before memory is taken for it."""
    if len(widths) < 2 or not all(type(width) is int and 0 < width <= n_parameters for width in widths):
        raise ValueError(f"the sizes of {kind} are whole numbers above 0, and the file has {n_parameters:,} parameters")
    wanted = sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))
    if wanted != n_parameters:
        raise ValueError(f"{kind} of this shape has {wanted:,} parameters, and the file {n_parameters:,}")


def _titled(activation: Activation) -> str:
    name = activation if isinstance(activation, str) else getattr(activation, "__name__", "custom")
    return {"relu": "ReLU", "gelu": "GELU"}.get(name, "".join(c for c in name.title() if c.isalnum()))

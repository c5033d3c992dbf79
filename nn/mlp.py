"""Neuron, Layer, MLP: the multilayer perceptron, made of Values."""

from collections.abc import Sequence
from itertools import groupby
from typing import SupportsFloat

from engine import Value, dot
from nn.activations import Function, check_activation, given_activation, title
from nn.initialization import Init, Seed, generator, initial_weight
from nn.layers import Activated, Outputs, Sequential, as_values, wrong_length
from nn.module import Module
from nn.validation import check_int, check_ints, either


class Neuron(Activated, Module):
    """activation(w[0] * x[0] + w[1] * x[1] + ... + b).

    Args:
        n_inputs: the number of inputs.
        nonlin, activation: a name, or a function from Value to Value; micrograd's True is ReLU, the default, and False
            linear.
        init: how the weights start (see MLP); the bias starts at 0.
        seed: as for MLP; or a ``random.Random``.
        n_outputs: how many neurons its layer has, for Glorot's scale.

    >>> neuron = Neuron(2, activation="tanh", seed=0)
    >>> output = neuron([1.0, 2.0])
    >>> -1 < output < 1
    True
    """

    n_outputs, starting, _weights = 1, ("init", "n_outputs", "seed"), ("w", "b")

    def __init__(
        self,
        n_inputs: int,
        nonlin: bool | Function | None = None,
        *,
        activation: Function | None = None,
        init: Init | None = None,
        seed: Seed = None,
        n_outputs: int = 1,
    ) -> None:
        self.n_inputs = check_int("n_inputs", n_inputs, 1)
        self.activation = given_activation(nonlin, activation)
        draw = initial_weight(init, self.activation, self.n_inputs, n_outputs, generator(seed))
        self.w = [Value(draw()) for _ in range(self.n_inputs)]
        self.b = Value(0.0)

    def __call__(self, x: Sequence[SupportsFloat]) -> Value:
        inputs = x if type(x) is list else as_values(x, self)
        if len(inputs) != len(self.w):
            raise wrong_length(self, len(self.w), len(inputs))
        return self.activated(dot(self.w, inputs) + self.b)

    def __repr__(self) -> str:
        return f"{title(self.activation)}Neuron({len(self.w)})"


class Layer(Module):
    """Neurons side by side, all with the same inputs.

    A call returns a list with a Value for each neuron; for a single neuron its Value alone, as in micrograd.

    Args: those of Neuron, and *n_outputs*, the number of neurons.

    >>> first, *others = Layer(3, 4, seed=0)([1.0, 2.0, 3.0])
    >>> len(others)
    3
    """

    starting, _fixed = ("init", "seed"), ("activation",)

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        nonlin: bool | Function | None = None,
        *,
        activation: Function | None = None,
        init: Init | None = None,
        seed: Seed = None,
    ) -> None:
        n_neurons, rng = check_int("n_outputs", n_outputs, 1), generator(seed)
        self.neurons = [
            Neuron(n_inputs, nonlin, activation=activation, init=init, seed=rng, n_outputs=n_neurons)
            for _ in range(n_neurons)
        ]
        self.n_inputs, self.activation = self.neurons[0].n_inputs, self.neurons[0].activation

    @property
    def n_outputs(self) -> int:  # type: ignore[override]
        """How many neurons there are."""
        return len(self.neurons)

    def __call__(self, x: Sequence[SupportsFloat]) -> Outputs:
        values = as_values(x, self)
        outputs = [neuron(values) for neuron in self.neurons]
        return outputs[0] if len(outputs) == 1 else outputs

    def __repr__(self) -> str:
        kinds = [(kind, len(list(equal))) for kind, equal in groupby(map(repr, self.neurons))]
        return f"Layer of [{', '.join(kind if n == 1 else f'{n} {kind}' for kind, n in kinds)}]"


class MLP(Sequential):
    """Multilayer perceptron: layers in a row, the last of them the output.

    Args:
        n_inputs: how many numbers an example has; micrograd calls it *nin*.
        sizes: how many neurons each layer has, the output layer last; micrograd calls it *nouts*.
        activation: of the hidden layers: a function from Value to Value, or ``"linear"``, ``"relu"``,
            ``"leaky_relu"``, ``"gelu"``, ``"softplus"``, ``"tanh"``, ``"sigmoid"`` or ``"sin"``.
        output: activation of the last layer; losses on logits need ``"linear"``.
        init: how weights start: ``"he"`` (He et al. 2015: normal, variance 2 / n_inputs), ``"glorot"`` (Glorot and
            Bengio 2010: uniform, variance 2 / (n_inputs + n_outputs)), ``"he_uniform"``, ``"glorot_normal"``,
            ``"uniform"`` (in [-1, 1], as micrograd), or a function ``(n_inputs, n_outputs, rng) -> float``. By default
            He's before ReLU and its kin, else Glorot's. Names of Keras and PyTorch, such as ``"kaiming_uniform"``, are
            known.
        seed: an int makes the weights repeatable; None uses the current state of Python's ``random``.

    Raises:
        ValueError: a size below 1, or an unknown name.

    >>> len(MLP(2, [16, 16, 1], seed=1337).parameters())
    337
    >>> output = MLP(2, [3, 1], activation="tanh", seed=0)([1.0, -2.0])
    """

    starting, _fixed = ("init", "seed"), ("activation", "output")

    def __init__(
        self,
        n_inputs: int | None = None,
        sizes: Sequence[int] | None = None,
        activation: Function = "relu",
        output: Function = "linear",
        init: Init | None = None,
        seed: Seed = None,
        *,
        nin: int | None = None,
        nouts: Sequence[int] | None = None,
    ) -> None:
        widths = [
            either("n_inputs", n_inputs, "nin", nin, "MLP(2, [16, 1])"),
            *check_ints("sizes", either("sizes", sizes, "nouts", nouts, "MLP(2, [16, 1])"), 1, "[16, 1]"),
        ]
        check_activation("activation", activation)  # also without hidden layers
        check_activation("output", output)
        self.activation, self.output, rng = activation, output, generator(seed)
        activations = [activation] * (len(widths) - 2) + [output]
        shapes = zip(widths, widths[1:], activations)
        super().__init__([Layer(n, n_neurons, activation=f, init=init, seed=rng) for n, n_neurons, f in shapes])

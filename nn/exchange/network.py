"""Networks as plain numbers: the steps that every format of another tool is made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from nn.activations import ACTIVATIONS
from nn.configuration import kinds, restore
from nn.lazy_numpy import np
from nn.validation import shortened

if TYPE_CHECKING:
    from nn.module import Module


KEY = "gradstep"
"""The name of the text in a file's metadata that has all but the numbers: kind, configuration, loss, classes."""


class Linear(NamedTuple):
    """The sums of a layer, as arrays: a weight ``(n_outputs, n_inputs)``, and a bias for each output."""

    weight: Any
    bias: Any


def linear(weight: Any, bias: Any) -> Linear:
    """The same with a row of biases, or one for all; a ValueError if they do not fit, or a number is not finite."""
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError("weights and biases must be finite numbers, got NaN or infinity")
    if (shape := np.shape(bias)) not in ((), (1,), (1, 1), (len(weight),), (1, len(weight))):
        raise ValueError(f"a bias must have the shape ({len(weight)},), got {shape}")
    return Linear(weight, np.broadcast_to(bias, (1, len(weight)))[0])


class Noise(NamedTuple):
    """Dropout with this rate: nothing in evaluation."""

    rate: float


Step: TypeAlias = Linear | Noise | str
"""A string is an activation by its name, or ``"softmax"``."""


def steps_of(model: Any) -> list[Step]:
    """The steps of a model, in order; a ValueError for other layers than this library's."""
    kind = type(model).__name__
    match kind if type(model) is kinds().get(kind) else "":
        case "MLP" | "Sequential":
            return [step for layer in model.layers for step in steps_of(layer)]
        case "Layer" | "Neuron":
            neurons = model.neurons if kind == "Layer" else [model]
            activations = {neuron.activation: None for neuron in neurons}
            if len(activations) > 1:
                raise ValueError(f"a layer must have one activation, got {', '.join(map(shortened, activations))}")
            numbers = np.array([[float(p) for p in (*neuron.w, neuron.b)] for neuron in neurons])
            return [Linear(numbers[:, :-1], numbers[:, -1]), *_named(*activations)]
        case "Activation":
            return _named(model.activation)
        case "Softmax":
            return ["softmax"]
        case "Dropout":
            return [Noise(model.rate)]
    known = "MLP, Sequential, Layer, Neuron, Activation, Softmax and Dropout"
    raise ValueError(f"other tools take models made of {known}, got {shortened(model)}, which has no counterpart there")


def _named(activation: Any) -> list[Step]:
    if activation not in ACTIVATIONS:
        raise ValueError(f"an activation must be given by name to go to other tools, got {shortened(activation)}")
    return [] if activation == "linear" else [activation]


def tensors_of(steps: Sequence[Step], dtype: str = "float64") -> dict[str, Any]:
    """Weights and biases as PyTorch calls them, in float64 or float32; a ValueError if one is not finite there."""
    with np.errstate(all="ignore"):
        arrays = {
            f"{index}.{name}": np.ascontiguousarray(array, dtype)
            for index, step in enumerate(steps)
            if isinstance(step, Linear)
            for name, array in step._asdict().items()
        }
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError(f"a weight or bias must be a finite number within the range of {dtype}")
    return arrays


def sums_in(steps: Sequence[Step]) -> list[Linear]:
    """The steps with weights."""
    return [step for step in steps if isinstance(step, Linear)]


def numbers_in(steps: Sequence[Step]) -> list[float]:
    """All weights and biases, in the order of ``model.parameters()``."""
    return [number for each in sums_in(steps) for number in np.column_stack(each).ravel().tolist()]


def content_of(steps: Sequence[Step], *names: str) -> dict[str, Any]:
    """The content of a model file with these steps, its parameters in a list: of the first kind that can have them."""
    for before, after in pairwise(sums := sums_in(steps)):
        n, wanted = len(before.bias), after.weight.shape[1]
        if n != wanted:
            raise ValueError(f"a layer must take the {n} outputs of the one before, got a layer with {wanted} inputs")
    layers = _layers(steps)
    configurations: dict[str, Any] = {"Sequential": {"layers": layers}}
    if len(layers) == len(sums) > 0:  # all have weights
        parts = [layer["configuration"] for layer in layers]
        *hidden, output = [part["activation"] for part in parts]
        shape = {"n_inputs": parts[0]["n_inputs"], "sizes": [part["n_outputs"] for part in parts]}
        if len(set(hidden)) <= 1:
            configurations["MLP"] = {**shape, "activation": [*hidden, "relu"][0], "output": output}
        if not hidden:
            configurations["Layer"] = parts[0]
    for name in names:
        if name in configurations:
            content = {"kind": name, "configuration": configurations[name], "parameters": numbers_in(steps)}
            return {**content, "loss": None, "classes": None}
    raise ValueError(f"this network must be loaded by Sequential, got {names[0]} for {named(steps)}")


def named(steps: Sequence[Step]) -> str:
    """The kinds of the steps, in words."""
    found = ", ".join(step if isinstance(step, str) else type(step).__name__ for step in steps)
    return found[:200] or "no layer"


def _layers(steps: Sequence[Step]) -> list[Any]:
    """The layers of a Sequential, as in a configuration; a layer has the activation that follows it."""
    layers: list[Any] = []
    for before, step in zip([None, *steps], steps):
        if isinstance(step, Linear):
            n_outputs, n_inputs = step.weight.shape
            shape = {"n_inputs": n_inputs, "n_outputs": n_outputs}
            layers.append({"kind": "Layer", "configuration": {**shape, "activation": "linear"}})
        elif isinstance(step, Noise):
            layers.append({"kind": "Dropout", "configuration": {"rate": step.rate}})
        elif step == "softmax":
            layers.append({"kind": "Softmax", "configuration": {}})
        elif isinstance(before, Linear):
            layers[-1]["configuration"]["activation"] = step
        else:
            layers.append(step)
    return layers


def model_of(steps: Sequence[Step], **learned: Any) -> Module:
    """An MLP with these steps, or a Sequential where they are none of an MLP; *learned* has the loss and classes."""
    content = content_of(steps, "MLP", "Sequential")
    model: Module = restore(kinds()[content["kind"]], content | learned)
    return model.eval()

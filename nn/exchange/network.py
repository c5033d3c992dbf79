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
    """The sums of a layer: weights ``(n_outputs, n_inputs)``, and a bias for each output."""

    weights: list[list[float]]
    bias: list[float]

    def arrays(self, dtype: str = "float64") -> tuple[Any, Any]:
        """Weights and bias as arrays of float64 or float32; a ValueError if a number is not finite there."""
        if dtype not in ("float64", "float32"):
            raise ValueError(f'dtype must be "float64" or "float32", got {shortened(dtype)}')
        with np.errstate(all="ignore"):
            arrays = np.array(self.weights, dtype), np.array(self.bias, dtype)
        if not all(np.isfinite(array).all() for array in arrays):
            raise ValueError(f"a weight or bias must be a finite number within the range of {dtype}")
        return arrays


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
            sums = Linear([[*map(float, neuron.w)] for neuron in neurons], [float(neuron.b) for neuron in neurons])
            return [sums, *_named(*activations)]
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


def sums_in(steps: Sequence[Step]) -> list[Linear]:
    """The steps with weights."""
    return [step for step in steps if isinstance(step, Linear)]


def numbers_in(steps: Sequence[Step]) -> list[float]:
    """All weights and biases, in the order of ``model.parameters()``."""
    return [x for sums in sums_in(steps) for row, bias in zip(sums.weights, sums.bias) for x in (*row, bias)]


def content_of(steps: Sequence[Step], kind: str) -> dict[str, Any]:
    """The content of a model file of that kind with these steps, its parameters in a list."""
    for before, after in pairwise(sums_in(steps)):
        n, wanted = len(before.weights), len(after.weights[0])
        if n != wanted:
            raise ValueError(f"a layer must take the {n} outputs of the one before, got a layer with {wanted} inputs")
    configuration = _configuration(steps, kind)
    if configuration is None:
        found = ", ".join(step if isinstance(step, str) else type(step).__name__ for step in steps)
        raise ValueError(f"this network must be loaded by Sequential, got {kind} for {found[:200] or 'no layer'}")
    content = {"kind": kind, "configuration": configuration, "parameters": numbers_in(steps)}
    return {**content, "loss": None, "classes": None}


def model_of(steps: Sequence[Step], **learned: Any) -> Module:
    """An MLP with these steps, or a Sequential where they are none of an MLP; *learned* has the loss and classes."""
    for sums in sums_in(steps):
        sums.arrays()  # finite
    kind = "Sequential" if _configuration(steps, "MLP") is None else "MLP"
    model: Module = restore(kinds()[kind], content_of(steps, kind) | learned)
    return model.eval()


def _layers(steps: Sequence[Step]) -> list[Any]:
    """The layers of a Sequential, as in a configuration; a layer has the activation that follows it."""
    layers: list[Any] = []
    for before, step in zip([None, *steps], steps):
        if isinstance(step, Linear):
            shape = {"n_inputs": len(step.weights[0]), "n_outputs": len(step.weights)}
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


def _configuration(steps: Sequence[Step], kind: str) -> dict[str, Any] | None:
    """The arguments of that kind for these steps; None where it cannot have them."""
    layers = _layers(steps)
    if kind == "Sequential":
        return {"layers": layers}
    if kind not in ("MLP", "Layer") or {isinstance(layer, dict) and layer["kind"] for layer in layers} != {"Layer"}:
        return None
    parts: list[dict[str, Any]] = [layer["configuration"] for layer in layers]
    if kind == "Layer":
        return parts[0] if len(parts) == 1 else None
    *hidden, output = [part["activation"] for part in parts]
    sizes = {"n_inputs": parts[0]["n_inputs"], "sizes": [part["n_outputs"] for part in parts]}
    return {**sizes, "activation": [*hidden, "relu"][0], "output": output} if len(set(hidden)) <= 1 else None

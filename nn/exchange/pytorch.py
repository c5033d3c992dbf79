"""PyTorch: a model as ``torch.nn.Sequential``, and the other way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from engine.optional_packages import optional_package
from nn.exchange.network import Linear, Noise, Step, linear, model_of, steps_of, tensors_of
from nn.validation import float_type, shortened

if TYPE_CHECKING:
    from nn.module import Module

_MODULES: dict[str, tuple[str, dict[str, Any]]] = {
    **dict.fromkeys(("Linear", "Dropout", "Identity", "Sequential"), ("", {})),
    "Flatten": ("", {"start_dim": 1, "end_dim": -1}),  # rows are flat
    "ReLU": ("relu", {}),
    "LeakyReLU": ("leaky_relu", {"negative_slope": 0.01}),
    "GELU": ("gelu", {"approximate": "none"}),
    "Softplus": ("softplus", {"beta": 1.0, "threshold": 40.0}),  # beyond, it is x: at PyTorch's own 20 not yet exactly
    "Tanh": ("tanh", {}),
    "Sigmoid": ("sigmoid", {}),
    "Softmax": ("softmax", {"dim": -1}),
}
"""Modules of torch.nn, the activations that they are here, and options that mean the same."""
_ACTIVATIONS = {step: (name, options) for name, (step, options) in _MODULES.items() if step}


def to_torch(model: Any, dtype: str = "float64") -> Any:
    """The same network as a ``torch.nn.Sequential``, in evaluation mode.

    Dropout is in it, and off. It gives the outputs of ``model(x)``, such as logits, for the rows of a tensor ``(n,
    n_inputs)``. Classes, loss and names of columns stay with the model.

    Args:
        model: an MLP, Sequential, Layer or Neuron, with activations by name; PyTorch has no module for ``"sin"``.
        dtype: ``"float64"``, or ``"float32"``, which rounds the weights.

    Raises:
        ValueError: a layer or an activation has no counterpart.
        ImportError: PyTorch is missing.

    >>> import torch
    >>> from nn import MLP
    >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
    >>> network = to_torch(model)
    >>> abs(network(torch.tensor([[0.5, -1.0]], dtype=torch.float64)).item() - model([0.5, -1.0]).data) < 1e-15
    True
    """
    torch = optional_package("torch", "to_torch", "torch")

    def part(step: Step) -> Any:
        if isinstance(step, Linear):
            return torch.nn.utils.skip_init(torch.nn.Linear, *step.weight.T.shape)  # draws no numbers
        if isinstance(step, Noise):
            return torch.nn.Dropout(step.rate)
        if step not in _ACTIVATIONS:
            raise ValueError(f"{step} has no counterpart in torch.nn, which has {', '.join(_ACTIVATIONS)}")
        name, options = _ACTIVATIONS[step]
        return getattr(torch.nn, name)(**options)

    steps, dtype = steps_of(model), float_type(dtype)
    arrays, network = tensors_of(steps, dtype), torch.nn.Sequential(*map(part, steps))
    network.to(getattr(torch, dtype)).load_state_dict({name: torch.from_numpy(each) for name, each in arrays.items()})
    return network.eval()


def from_torch(network: Any) -> Module:
    """The same network as an MLP, or else as a Sequential.

    Every number of the weights comes over exactly. Set ``loss`` and ``classes`` of a classifier for ``predict`` to give
    labels: ``model.loss, model.classes = "cross_entropy", ["cat", "dog"]``.

    Args:
        network: a ``torch.nn.Sequential``, or one inside another, of Linear, ReLU, LeakyReLU, GELU, Softplus, Tanh,
            Sigmoid, Softmax, Dropout, Flatten and Identity, in float32 or float64. Inputs are those of a flat row.

    Raises:
        ValueError: a module has no counterpart, or an option that means another function.
        ImportError: PyTorch is missing.

    >>> import torch
    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    >>> from_torch(network)
    MLP of [Layer of [3 TanhNeuron(2)], Layer of [LinearNeuron(3)]]
    """
    torch = optional_package("torch", "from_torch", "torch")
    if type(network) is not torch.nn.Sequential:
        raise ValueError(f"network must be a torch.nn.Sequential, got {type(network).__name__}; make one of its layers")
    types = {weights.device if weights.is_meta else weights.dtype for weights in network.parameters()}
    if not types or not types <= {torch.float32, torch.float64}:
        raise ValueError(f"network must have weights in float32 or float64, got {', '.join(map(str, types)) or 'none'}")
    return model_of(_steps(network, "", torch, max(torch.finfo(kind).eps for kind in types)), loss=None)


def _steps(part: Any, path: str, torch: Any, epsilon: float) -> list[Step]:
    """The steps that a module is, or those inside a Sequential are; none of Identity and Flatten."""
    where, name = f"module {path}" if path else "network", type(part).__name__
    if name not in _MODULES or type(part) is not getattr(torch.nn, name):
        raise ValueError(f"{where} must be one of {', '.join(_MODULES)}, got {shortened(part)}, which is none here")
    if any(map(vars(part).get, ("_forward_hooks", "_forward_pre_hooks", "forward"))):
        raise ValueError(f"{where} must have no hooks and no forward set on it, which may change its result")
    step, options = _MODULES[name]
    for option, value in options.items():
        given = getattr(part, option)
        means_same = given == value or (option, given) == ("dim", 1)
        if option == "threshold":  # softplus(x) - x is about exp(-x) there; weights are rounded by epsilon
            means_same = given >= 0.0 and math.exp(-given) <= epsilon * given
        if not means_same:
            raise ValueError(f"{where} must have {option}={value}, got {shortened(part)}")
    match name:
        case "Sequential":
            inside = (_steps(inner, f"{path}.{index}".lstrip("."), torch, epsilon) for index, inner in enumerate(part))
            return [step for steps in inside for step in steps]
        case "Linear":
            return [linear(part.weight.numpy(force=True), 0.0 if part.bias is None else part.bias.numpy(force=True))]
        case "Dropout":
            return [Noise(part.p)]
    return [step] if step else []

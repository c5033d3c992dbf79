"""Activations: functions that a neuron applies to its sum."""

from collections.abc import Callable

import engine
from engine import Value
from nn.validation import described, unknown_name

Function = str | Callable[[Value], Value]  # an activation by its name, or any function from Value to Value

_METHODS = ("relu", "leaky_relu", "gelu", "softplus", "tanh", "sigmoid", "sin")
ACTIVATIONS: dict[object, Callable[[Value], Value]] = {"linear": Value.__pos__}
ACTIVATIONS |= {name: getattr(Value, name) for name in _METHODS}

_SMOOTH = ("exp", "expm1", "log", "log1p", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "erf", "erfc")
_NAMES = (*_SMOOTH, "sinh", "cosh", "tanh", "relu", "leaky_relu", "gelu", "softplus", "sigmoid")
_FUNCTIONS = (*ACTIVATIONS.values(), *(getattr(owner, name) for owner in (engine, Value) for name in _NAMES))
_OF_ONE_VALUE = {id(function): function for function in _FUNCTIONS}  # a callable of the user's may have no hash


def is_of_one_value(function: object) -> bool:
    """Whether this is a function of nn or engine of one Value; as a layer, it takes each output of the layer before."""
    return id(function) in _OF_ONE_VALUE


def method_name(activation: Function) -> str:
    """The name of the method of Value that an activation is; empty for a function of the user's."""
    known = activation if isinstance(activation, str) else getattr(activation, "__name__", "")
    return str(known) if isinstance(activation, str) or is_of_one_value(activation) else ""


def check_activation(name: str, given: Function) -> Function:
    """The argument called *name*, by name where it is a function of this library; a ValueError for anything else."""
    if callable(given):
        return known if (known := method_name(given)) in ACTIVATIONS else given
    if isinstance(given, str) and given in ACTIVATIONS:
        return given
    if hasattr(given, "__index__"):
        advice = "the output size belongs into sizes: MLP(2, [16, 16, 1])"
        raise ValueError(f"{name} must be a name or a function from Value to Value, got {given!r}; {advice}")
    if given == "softmax":
        raise ValueError(f'{name} must take one Value, got "softmax", which takes all outputs: append a Softmax layer')
    raise unknown_name(name, given, map(str, ACTIVATIONS), "a function from Value to Value")


def given_activation(nonlin: bool | Function | None, activation: Function | None) -> Function:
    """The activation given under one of two names; micrograd's True is ReLU, and False linear."""
    if nonlin is not None and activation is not None:
        raise TypeError("nonlin or activation must be given, got both")
    given = activation if nonlin is None else nonlin
    return "relu" if given is None or given is True else "linear" if given is False else given


def not_a_value(what: str, output: object) -> TypeError:
    """The error for an output that is a plain number, which would cut the graph."""
    return TypeError(
        f"{what}, got {described(output)}, through which no gradient flows; use functions of "
        "engine, such as engine.tanh, and engine.maximum(z, 0) in place of max(z, 0)"
    )


def title(activation: Function) -> str:
    """The name of an activation as micrograd writes it.

    >>> title("relu"), title("leaky_relu")
    ('ReLU', 'LeakyRelu')
    """
    name = activation if isinstance(activation, str) else getattr(activation, "__name__", "custom")
    return {"relu": "ReLU", "gelu": "GELU"}.get(name, "".join(c for c in name.title() if c.isalnum()))

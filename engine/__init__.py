"""gradstep's engine: scalar reverse-mode automatic differentiation.

>>> from engine import Value, tanh
>>> x = Value(0.5, label="x")
>>> y = tanh(x * 2) + 1
>>> y.backward()
>>> round(x.grad, 6)
0.839949
"""

from typing import TYPE_CHECKING

from engine import pickling as pickling  # lets copy and pickle carry whole graphs
from engine import value as _value_module
from engine.escapes import DataDependentError
from engine.functions import (
    acos,
    asin,
    atan,
    atan2,
    cos,
    cosh,
    dot,
    erf,
    erfc,
    exp,
    expm1,
    gelu,
    hypot,
    leaky_relu,
    log,
    log1p,
    log10,
    logsumexp,
    maximum,
    mean,
    minimum,
    relu,
    sigmoid,
    sin,
    sinh,
    softmax,
    softplus,
    sqrt,
    tan,
    tanh,
)
from engine.node import backward, leaves, size, topological_order
from engine.primitive import primitive
from engine.value import Value

if TYPE_CHECKING:
    from engine.calculus import directional_derivative, grad, hessian, hvp, jacobian, value_and_grad
    from engine.compiler import CompiledFunction, Program, compile
    from engine.debugging.anomaly import detect_anomaly
    from engine.debugging.gradcheck import GradcheckError, GradcheckReport, gradcheck
    from engine.drawing import draw
    from engine.expressions.parser import expression
    from engine.gradient_graph import gradients
    from engine.stepping import Stepper, stepper
    from engine.steps import Contribution, ForwardStep, Step, backprop, forward

__version__ = "0.1.0"

COMPILED = not _value_module.__file__.endswith(".py")
"""Whether this installation runs the compiled engine (True) or the same files as plain Python."""

__all__ = [
    "COMPILED",
    "CompiledFunction",
    "Contribution",
    "DataDependentError",
    "ForwardStep",
    "GradcheckError",
    "GradcheckReport",
    "Program",
    "Step",
    "Stepper",
    "Value",
    "acos",
    "asin",
    "atan",
    "atan2",
    "backprop",
    "backward",
    "compile",
    "cos",
    "cosh",
    "detect_anomaly",
    "directional_derivative",
    "dot",
    "draw",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "expression",
    "forward",
    "gelu",
    "grad",
    "gradcheck",
    "gradients",
    "hessian",
    "hvp",
    "hypot",
    "jacobian",
    "leaky_relu",
    "leaves",
    "log",
    "log1p",
    "log10",
    "logsumexp",
    "maximum",
    "mean",
    "minimum",
    "primitive",
    "relu",
    "sigmoid",
    "sin",
    "sinh",
    "size",
    "softmax",
    "softplus",
    "sqrt",
    "stepper",
    "tan",
    "tanh",
    "topological_order",
    "value_and_grad",
]


_LOADED_WHEN_ASKED_FOR = {
    "CompiledFunction": "engine.compiler",
    "Contribution": "engine.steps",
    "ForwardStep": "engine.steps",
    "GradcheckError": "engine.debugging.gradcheck",
    "GradcheckReport": "engine.debugging.gradcheck",
    "Program": "engine.compiler",
    "Step": "engine.steps",
    "Stepper": "engine.stepping",
    "backprop": "engine.steps",
    "compile": "engine.compiler",
    "detect_anomaly": "engine.debugging.anomaly",
    "directional_derivative": "engine.calculus",
    "draw": "engine.drawing",
    "expression": "engine.expressions.parser",
    "forward": "engine.steps",
    "grad": "engine.calculus",
    "gradcheck": "engine.debugging.gradcheck",
    "gradients": "engine.gradient_graph",
    "hessian": "engine.calculus",
    "hvp": "engine.calculus",
    "jacobian": "engine.calculus",
    "stepper": "engine.stepping",
    "value_and_grad": "engine.calculus",
}


def __getattr__(name: str) -> object:
    """What loads more than the engine needs, such as graphviz, comes when it is first asked for."""
    if name not in _LOADED_WHEN_ASKED_FOR:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    from importlib import import_module

    thing = globals()[name] = getattr(import_module(_LOADED_WHEN_ASKED_FOR[name]), name)
    return thing


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

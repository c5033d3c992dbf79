"""gradstep's engine: scalar reverse-mode automatic differentiation.

>>> from engine import Value, tanh
>>> x = Value(0.5, label="x")
>>> y = tanh(x * 2) + 1
>>> y.backward()
>>> round(x.grad, 6)
0.839949
"""

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from engine import functions
from engine import pickling as pickling  # lets copy and pickle carry whole graphs
from engine import value as _value_module
from engine.escapes import DataDependentError
from engine.functions import *  # noqa: F403 - the names of its __all__
from engine.node import backward, leaves, size, topological_order
from engine.primitive import primitive
from engine.value import Value, constant

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

__version__ = "0.2.0"

COMPILED = not _value_module.__file__.endswith(".py")
"""Whether this installation runs the compiled engine (True) or the same files as plain Python."""

__all__ = ["COMPILED", "DataDependentError", "Value", "backward", "constant", "leaves", "primitive", "size"]
__all__ += ["topological_order"]
__all__ += functions.__all__
__all__ += ["directional_derivative", "grad", "hessian", "hvp", "jacobian", "value_and_grad"]
__all__ += ["GradcheckError", "GradcheckReport", "detect_anomaly"]
__all__ += ["Contribution", "ForwardStep", "Step", "Stepper", "backprop", "draw", "expression", "forward"]
__all__ += ["gradcheck", "gradients", "stepper"]

if sys.platform != "emscripten" or find_spec("numpy"):  # or else ``import *`` would fail in a browser
    __all__ += ["CompiledFunction", "Program", "compile"]

_ROOMS = {
    "calculus": ("directional_derivative", "grad", "hessian", "hvp", "jacobian", "value_and_grad"),
    "compiler": ("CompiledFunction", "Program", "compile"),
    "debugging.anomaly": ("detect_anomaly",),
    "debugging.gradcheck": ("GradcheckError", "GradcheckReport", "gradcheck"),
    "drawing": ("draw",),
    "expressions.parser": ("expression",),
    "gradient_graph": ("gradients",),
    "stepping": ("Stepper", "stepper"),
    "steps": ("Contribution", "ForwardStep", "Step", "backprop", "forward"),
}  # what loads more than the engine needs, such as graphviz, comes when it is first asked for


def __getattr__(name: str) -> object:
    from importlib import import_module

    from engine.other_names import OF_ENGINE, missing_name

    for room, names in _ROOMS.items():
        if name in names:
            thing = globals()[name] = getattr(import_module(f"engine.{room}"), name)
            return thing
    raise missing_name("engine", name, OF_ENGINE, __all__)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

"""Names of other libraries, and what to use here."""

import sys
from collections.abc import Mapping


def by_name(advice: dict[str, str]) -> dict[str, str]:
    """The advice for each of the names that a key has, with blanks between."""
    return {name: words for names, words in advice.items() for name in names.split()}


OF_ENGINE = by_name(
    {
        "MLP Layer Neuron Module Sequential SGD Adam AdamW": "it is in nn and in gradstep",
        "jit vmap": "compile(f) makes a program that takes all rows at once",
        "jvp": "directional_derivative(f, at, direction) has the sum of the gradient times the direction",
        "vjp jacfwd jacrev": "jacobian(f)(x) has a row for each output",
        "stop_gradient no_grad": "x.detach() is a Value with the number of x and none of its graph",
        "tensor Tensor Variable": "a Value holds one number",
        "log_softmax": "z - logsumexp(zs) is that of one z",
        "expit logistic": "sigmoid is the function",
        "silu swish": "x * sigmoid(x) is the function",
        "square power": "x**2 is the square",
        "sign where clip clamp": "comparisons work, as in a if x > 0 else b, and min(max(x, low), high)",
        "arcsin arccos arctan arctan2": "its name is that of math, such as asin",
        "draw_dot": "draw(y) is the picture",
    }
)


def missing_name(module: str, name: str, advice: Mapping[str, str]) -> Exception:
    """The error of a module's ``__getattr__`` for a name that it has not; one that tells more for ``from`` imports."""
    if name in advice and sys._getframe(2).f_code.co_name == "_handle_fromlist":
        return ImportError(f"{module} has no {name}; {advice[name]}", name=module)
    return no_attribute(f"module {module!r}", name, advice)


def no_attribute(owner: str, name: str, advice: Mapping[str, str]) -> AttributeError:
    """The error for a missing attribute, with *advice* for names of other libraries."""
    return AttributeError(f"{owner} has no attribute {name!r}" + (f"; {advice[name]}" if name in advice else ""))

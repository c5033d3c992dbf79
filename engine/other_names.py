"""Names of other libraries, and what to use here."""

import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec


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
        "log2 exp2": "log(x) / log(2) and 2**x are the functions",
        "elu": "x if x > 0 else expm1(x) is the function",
        "acosh asinh atanh cbrt": "primitive(derivative)(math.asinh) makes an operation of a function of floats",
        "sign where clip clamp": "comparisons work, as in a if x > 0 else b, and min(max(x, low), high)",
        "arcsin arccos arctan arctan2": "its name is that of math, such as asin",
        "draw_dot": "draw(y) is the picture",
    }
)


def missing_name(module: str, name: str, advice: Mapping[str, str], known: Iterable[str] = ()) -> Exception:
    """The error of a module's ``__getattr__`` for a name that it has not; one that tells more for ``from`` imports.

    These ask for modules, too, that were not imported before: such a name is no slip for one of the *known* names.
    """
    if sys._getframe(2).f_code.co_name == "_handle_fromlist":
        words = advice.get(name, "")
        if not words and not find_spec(f"{module}.{name}") and (near := most_like(name, known)):
            words = f"did you mean {near}?"
        if words:
            return ImportError(f"{module} has no {name}; {words}", name=module)
    return no_attribute(f"module {module!r}", name, advice)


def most_like(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one, capitals or not; an empty text where none is near."""
    from difflib import get_close_matches

    asked, names = name.casefold(), {each.casefold(): each for each in known}
    near = [each for each in names if sorted(each) == sorted(asked)]  # letters that changed places
    near += get_close_matches(asked, names, 1, 0.75)
    return names[near[0]] if near else ""


def no_attribute(owner: str, name: str, advice: Mapping[str, str]) -> AttributeError:
    """The error for a missing attribute, with *advice* for names of other libraries."""
    return AttributeError(f"{owner} has no attribute {name!r}" + (f"; {advice[name]}" if name in advice else ""))

"""A graph, or a function of Values, as a program in JavaScript: straight-line text, from the one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from engine.compiler.confirmation import another_graph, confirm
from engine.compiler.javascript_module import REFUSE, forward_statements
from engine.compiler.recorder import ADVICE, record
from engine.compiler.statements import Statements
from engine.compiler.surroundings import Surroundings
from engine.compiler.trace import ordered, recorded, same_graph
from engine.derivatives import RULES, SLOPES
from engine.escapes import DataDependentError
from engine.expressions.javascript import in_functions, javascript, javascript_number
from engine.operations import PLAIN
from engine.validation import shortened
from engine.value import Value

_NAME = re.compile(r"\b[a-z]\w*\b")
_MODULE = """import {{ {functions} }} from "./special.js";
import {{ OPERATIONS }} from "./arithmetic.js";
import {{ refusalOf }} from "./graph.js";

const v = new Float64Array({n_numbers});
const g = new Float64Array({n_gradients});
{parts}
/** Write the numbers of all outputs into `out`, for inputs `x` and parameters `w`. */
export function values(x, w, out) {{
{forward}{results}}}

/** Whether all numbers of nodes were finite in the last call. */
export const allFinite = () => v.every(Number.isFinite);

/** The number of the first output. */
export function value(x, w) {{
{forward}  return {root};
}}

/** Add the derivatives of the first output with respect to the parameters to `out`; the number of that output. */
export function gradient(x, w, out) {{
{forward}{backward}  return {root};
}}
"""


def program_text(outputs: Sequence[Value], inputs: Sequence[Value], parameters: Sequence[Value] = ()) -> str:
    """An ES module that computes a graph for other numbers of its inputs and parameters.

    It exports ``values(x, w, out)``, ``value(x, w)``, ``gradient(x, w, out)`` and ``allFinite()``, which tells of the
    last call, and imports the front end's modules from its folder. *x* and *w* are arrays with a number for each of
    *inputs* and *parameters*. Other leaves are constants, with the numbers that they have now. As in the engine, the
    chain rule's product with an exact 0 is 0, and where an operation refuses its operands the program throws a
    RangeError with the engine's words.

    Args:
        outputs: what is computed, at least one Value; the gradient is that of the first.
        inputs: leaves, such as the inputs and the target of an example.
        parameters: other leaves.

    Raises:
        ValueError: an input or a parameter is no leaf or is given twice, there are no outputs, or a function of Python
            computes a node.
        TypeError: one of them is no Value.

    >>> x, w = Value(2.0), Value(3.0)
    >>> print(program_text([x * w], [x], [w]).partition("function forward0")[2].partition("/**")[0].strip())
    (x, w) {
      v[0] = x[0] * w[0];
    }
    <BLANKLINE>
    function backward0(x, w, out) {
      out[0] += x[0];
    }
    """
    for name, values in (("outputs", outputs), ("inputs", inputs), ("parameters", parameters)):
        if isinstance(values, Value) or not all(isinstance(value, Value) for value in values):
            raise TypeError(f"{name} must be a list of Values, got {shortened(values)}")
    if not outputs:
        raise ValueError("outputs must be at least one Value, got none")
    leaves, met = [*inputs, *parameters], set[Value]()
    for leaf in leaves:
        name = leaf.label or "one of them"
        if leaf.operands:
            raise ValueError(f"inputs and parameters must be leaves, got {name}, the result of {leaf.op}")
        if leaf in met:
            raise ValueError(f"inputs and parameters must be different Values, got {name} twice")
        met.add(leaf)
    order = ordered(outputs)
    statements = Statements(recorded(outputs, inputs, parameters, order), "JavaScript", javascript, javascript_number)
    nodes = dict.fromkeys([*leaves, *order])
    labels = ["" if node.operation is PLAIN else node.label for node in nodes]
    backward = statements.backward(0, {len(inputs) + i: f"out[{i}]" for i in range(len(parameters))})
    parts, forward_calls = in_functions("forward", "x, w", forward_statements(statements, labels))
    more, backward_calls = in_functions("backward", "x, w, out", backward)
    known = {"pi", *RULES, *SLOPES}
    results = [statements.names[place] for place in statements.record.outputs]
    return _MODULE.format(
        functions=", ".join(sorted(known.intersection(_NAME.findall(parts + more)))),
        n_numbers=statements.n_computed,
        n_gradients=statements.n_gradients,
        parts=REFUSE + parts + more,
        forward=forward_calls,
        backward=backward_calls,
        results="".join(f"  out[{i}] = {result};\n" for i, result in enumerate(results)),
        root=results[0],
    )


def recorded_program_text(
    function: Callable[[list[Value]], list[Value]], numbers: Sequence[float], parameters: Sequence[Value] = ()
) -> str:
    """The ES module of a function of Values, recorded with Values of these *numbers*; see ``program_text``.

    The function takes a list of inputs and returns a list of outputs; the gradient is that of the first.

    Raises:
        DataDependentError: the function branched on a number, took one out of the graph, or does not do the same in
            each call; the message names the line.
        ValueError: a function of Python computes a node.

    >>> w = Value(3.0)
    >>> "v[0] = x[0] * w[0];" in recorded_program_text(lambda x: [x[0] * w], [2.0], [w])
    True
    """
    row = [float(number) for number in numbers]
    recording = record(function, row)
    guard = next(iter(recording.guards.values()), None)
    if guard is not None:
        raise DataDependentError(f"{guard.place}: {guard.sign} of a Value", ADVICE)
    again = confirm(recording, lambda: record(function, row), Surroundings(function))[0]
    graph, other = (recorded(each.roots, each.inputs, parameters) for each in (recording, again))
    if not same_graph(graph, other):
        raise another_graph(again)
    return program_text(recording.outputs, recording.inputs, parameters)

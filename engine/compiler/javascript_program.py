"""A function of Values as a program in JavaScript: recorded as programs are, and written out."""

from collections.abc import Callable, Sequence

from engine.compiler.recorder import ADVICE, record
from engine.escapes import DataDependentError
from engine.expressions.javascript_program import program_text
from engine.value import Value


def recorded_program_text(
    function: Callable[[list[Value]], list[Value]],
    numbers: Sequence[float],
    parameters: Sequence[Value] = (),
) -> str:
    """The ES module of a function of Values, called once with Values of these *numbers*; see ``program_text``.

    The function takes a list of inputs and returns a list of outputs; the gradient is that of the first.

    Raises:
        DataDependentError: the function branched on a number, or took one out of the graph; the message names the line.
        ValueError: a function of Python computes a node.

    >>> w = Value(3.0)
    >>> "v[0] = x[0] * w[0];" in recorded_program_text(lambda x: [x[0] * w], [2.0], [w])
    True
    """
    recording = record(function, [float(number) for number in numbers])
    for guard in recording.guards.values():
        raise DataDependentError(f"{guard.line}: {guard.sign} of a Value", ADVICE)
    return program_text(recording.outputs, recording.inputs, parameters)

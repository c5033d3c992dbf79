"""Examples computed eagerly, one by one: where a program meets a number that an operation refuses, or is watched.

A backend tells of a division by zero, an overflow or an invalid operand once for all examples. Which example it was,
and whether eager arithmetic refuses it, is found by computing again; a later operation may have hidden it.
"""

from collections.abc import Iterable, Sequence

from engine.compiler.trace import INPUT, NONE, PARAMETER, Record
from engine.debugging.anomaly import is_watched
from engine.operations import CONSTANT, OPERATIONS
from engine.primitive import Primitive
from engine.validation import shortened
from engine.value import Value, constant


def refuse(
    record: Record,
    labels: Sequence[str],
    n_columns: int,
    rows: Iterable[list[float]],
    weights: Sequence[float],
    slopes: bool = False,
) -> None:
    """Raise the error of the first of these examples that an operation refuses.

    *rows* are the numbers of all inputs, of which *n_columns* are columns of ``X``; others are parameters. The
    derivatives of a user's primitives are called only for *slopes*.
    """
    for row in rows:
        try:
            evaluated(record, labels, [*row, *weights], slopes)
        except (ValueError, ArithmeticError) as error:
            where = f"for the row {shortened(row[:n_columns])} of X"
            if not n_columns:
                raise
            if type(error).__module__ != "builtins":  # of a user's primitive, and made as its author likes
                error.add_note(where)
                raise
            raise type(error)(f"{error}, {where}") from None


def watch_examples(
    record: Record,
    labels: Sequence[str],
    rows: Iterable[tuple[int, list[float]]],
    weights: Sequence[float],
    output: int | None,
) -> None:
    """Where this thread is inside a ``detect_anomaly``: compute each of *rows*, and go back from an *output*, if any.

    A row comes with its index in ``X``. Raises a FloatingPointError where an operation made a NaN or an infinity; it is
    named, with its row.
    """
    for index, row in rows if is_watched() else ():
        try:
            outputs = evaluated(record, labels, [*row, *weights])
            if output is not None:
                outputs[output].backward()
        except (ValueError, ArithmeticError) as error:
            raise FloatingPointError(f"row {index} of X: {error}") from None


def evaluated(record: Record, labels: Sequence[str], numbers: Sequence[float], slopes: bool = True) -> list[Value]:
    """The outputs of a record as Values, for one example: the numbers of its inputs, then of its parameters.

    Without *slopes* a user's primitives are no operations of theirs, but numbers.
    """
    nodes: list[Value] = []
    for index, op in enumerate(record.ops):
        if op in (INPUT, PARAMETER):
            nodes.append(Value(float(numbers[index]), labels[index]))
        elif op == CONSTANT:
            nodes.append(constant(record.numbers[index], CONSTANT))
        else:
            operands = [nodes[i] for i in (record.first[index], record.second[index]) if i != NONE]
            operation = OPERATIONS[op] if isinstance(op, str) else op
            if slopes or not isinstance(operation.primitive, Primitive):
                nodes.append(operation.apply(*operands))
            else:
                nodes.append(Value(operation.primitive.number(*(operand._number for operand in operands))))
    return [nodes[index] for index in record.outputs]

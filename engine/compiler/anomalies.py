"""Programs inside ``detect_anomaly``: each example is computed eagerly first, so that an operation can be named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.compiler.trace import INPUT, NONE, PARAMETER, Record
from engine.debugging.anomaly import is_watched
from engine.operations import CONSTANT, OPERATIONS
from engine.value import Value, constant


def watch_examples(
    record: Record, labels: Sequence[str], rows: Iterable[Sequence[float]], weights: Sequence[float], output: int | None
) -> None:
    """Where this thread is inside a ``detect_anomaly``: compute each of *rows*, and go back from an *output*, if any.

    Raises:
        FloatingPointError: an operation made a NaN or an infinity; it is named, with its row.
    """
    for index, row in enumerate(rows if is_watched() else ()):
        try:
            outputs = evaluated(record, labels, [*row, *weights])
            if output is not None:
                outputs[output].backward()
        except (ValueError, ArithmeticError) as error:
            raise FloatingPointError(f"row {index} of X: {error}") from None


def evaluated(record: Record, labels: Sequence[str], numbers: Sequence[float]) -> list[Value]:
    """The outputs of a record as Values, for one example: the numbers of its inputs, then of its parameters."""
    nodes: list[Value] = []
    for index, op in enumerate(record.ops):
        if op in (INPUT, PARAMETER):
            nodes.append(Value(float(numbers[index]), labels[index]))
        elif op == CONSTANT:
            nodes.append(constant(record.numbers[index], CONSTANT))
        else:
            operands = [nodes[i] for i in (record.first[index], record.second[index]) if i != NONE]
            nodes.append((OPERATIONS[op] if isinstance(op, str) else op).apply(*operands))
    return [nodes[index] for index in record.outputs]

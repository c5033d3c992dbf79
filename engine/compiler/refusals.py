"""Numbers that an operation refuses: where eager arithmetic raises an error, so does a program.

A backend tells of a division by zero, an overflow or an invalid operand once for all examples. Which example it was,
and whether eager arithmetic refuses it, is found by computing again; a later operation may have hidden it.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.compiler.anomalies import evaluated
from engine.compiler.ir import Floats
from engine.compiler.trace import Record
from engine.domains import refuses
from engine.validation import shortened


def refusing_nodes(record: Record) -> list[int]:
    """The places of the nodes whose operation may refuse numbers: it would give infinity or NaN."""
    return [index for index, op in enumerate(record.ops) if isinstance(op, str) and refuses(op)]


def refuse(record: Record, labels: Sequence[str], n_columns: int, rows: Floats, weights: Floats) -> None:
    """Compute examples eagerly, one by one.

    Args:
        record: the graph.
        labels: the names of its inputs and parameters.
        n_columns: how many of the inputs are columns of ``X``; others are parameters.
        rows: the numbers of the inputs for each example.
        weights: the numbers of the parameters.

    Raises:
        ValueError, ArithmeticError: an operation refuses a number.
    """
    for row in rows.tolist():
        try:
            evaluated(record, labels, [*row, *weights.tolist()])
        except (ValueError, ArithmeticError) as error:
            where = f", for the row {shortened(row[:n_columns])} of X" if n_columns else ""
            raise type(error)(f"{error}{where}") from None

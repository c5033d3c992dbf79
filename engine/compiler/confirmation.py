"""A second recording of the same numbers, which shows whether a function does the same in each call."""

from collections.abc import Callable

from engine.compiler.recorder import ADVICE, Recording
from engine.compiler.surroundings import Look, Surroundings, changed
from engine.escapes import DataDependentError
from engine.node import common_order
from engine.validation import plain_label
from engine.value import Value


def confirm(
    first: Recording, repeat: Callable[[], Recording], surroundings: Surroundings
) -> tuple[Recording, Look, list[Value]]:
    """The second recording, a look afterwards, and the leaves that belong to no single call, in topological order.

    Raises:
        DataDependentError: the function changed what it can reach, or uses a Value computed outside of it.
    """
    surroundings.add(first.calls)
    before, again, look = surroundings.look(), repeat(), surroundings.look()
    if name := changed(before, look):
        raise DataDependentError(f"{first.place}: the function changes {name} from one call to the next", ADVICE)
    return again, look, _lasting(first, again)


def _lasting(first: Recording, second: Recording) -> list[Value]:
    """The leaves in both graphs; a computed Value in both is refused."""
    orders = [common_order(recording.roots) for recording in (first, second)]
    in_first, in_second, inputs = set(orders[0]), set(orders[1]), set(first.inputs)
    carried = [node for node in orders[1] if node in in_first and (node.operands or node in inputs)]
    if carried:
        name = plain_label(carried[-1].label) or carried[-1].op or "an input"
        raise DataDependentError(
            f"{first.place}: the function uses a Value ({name}) that was computed outside of it, or that goes from one "
            "call to the next",
            "compute it inside: there it changes with weights and inputs; " + ADVICE,
        )
    return [node for node in orders[0] if not node.op and node in in_second and node not in inputs]


def another_graph(recording: Recording) -> DataDependentError:
    """The error for two calls that built different graphs."""
    return DataDependentError(f"{recording.place}: the function builds another graph from one call to the next", ADVICE)

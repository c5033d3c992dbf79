"""What processes of one training run must have alike: options and examples, as short texts to compare."""

from __future__ import annotations

import hashlib
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine import __version__
from nn.validation import plain_label

if TYPE_CHECKING:
    from nn.data import DataSet
    from nn.data.columns import Columns
    from nn.scaling import Scaling

_OWN = {"run", "data", "folder", "coordinator", "process", "out", "checkpoint", "quiet"}  # may differ: see table_facts


def check_alike(gather: Callable[[Any], list[Any]], facts: dict[str, str]) -> None:
    """Refuse facts that differ between processes; *gather* returns those of each, in order of rank.

    Raises:
        ValueError: one differs; the first is named, in all processes alike.
    """
    here, *others = gather(facts)
    for name in dict.fromkeys(name for each in (here, *others) for name in each):
        for rank, there in enumerate(others, 1):
            got, other = (each.get(name, "nothing") for each in (here, there))
            if got != other:
                raise ValueError(
                    f"{name} must be the same in all processes, got {plain_label(got, 80)} in process 0 and "
                    f"{plain_label(other, 80)} in process {rank}; start the same command with the same examples in each"
                )


def option_facts(options: Namespace, data: str) -> dict[str, str]:
    """All options that decide the training, those to come too; *data* names the data set or the kind of file."""
    given = {f"--{name.replace('_', '-')}": value for name, value in vars(options).items() if name not in _OWN}
    texts = {name: "nothing" if value is None else repr(value) for name, value in given.items()}
    return {"the version of gradstep": __version__, "DATA": data, **texts}


def table_facts(name: str, read: DataSet, held_out: DataSet, columns: Columns | None) -> dict[str, str]:
    """The columns and the rows of a table as it was *read*, and the rows held out of it."""
    facts: dict[str, str] = {}
    if columns is not None:
        facts[f"the number of columns of {name}"] = str(len(columns.columns))
        for i, column in enumerate(columns.columns, 1):
            facts[f"column {i} of {name}"] = f"{column.name!r}, {column.kind}"
            facts[f"the texts in column {i} of {name}"] = _summed(repr(column.categories).encode(), column.categories)
    return facts | {
        f"the rows of {name}": _rows(read),
        f"the rows held out of {name}": _rows(held_out),
    }


def scaling_facts(name: str, *scalings: Scaling | None) -> dict[str, str]:
    """The numbers by which inputs and targets are scaled."""
    numbers = [
        None if each is None else (list(map(float, each.shift)), list(map(float, each.scale))) for each in scalings
    ]
    return {f"the scaling of {name}": _summed(repr(numbers).encode(), ())}


def _rows(data: DataSet) -> str:
    import numpy as np

    own = hashlib.sha256(np.ascontiguousarray(data.X, "<f8").data)
    own.update(repr(data.y).encode())
    return f"{len(data.y)} with the check sum {own.hexdigest()[:16]}"


def _summed(content: bytes, things: tuple[object, ...]) -> str:
    count = f"{len(things)} with " if things else ""
    return f"{count}the check sum {hashlib.sha256(content).hexdigest()[:16]}"

"""What processes of one training run must have alike: options and examples, as short texts to compare."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from engine import __version__
from nn.training.processes import check_same, fact

if TYPE_CHECKING:
    from nn.cli.meeting import Meeting
    from nn.data import DataSet
    from nn.data.columns import Columns
    from nn.scaling import Scaling

_OWN = {"run", "data", "folder", "coordinator", "process", "out", "checkpoint", "quiet"}  # may differ: see table_facts


def check_alike(team: Meeting, facts: dict[str, str]) -> None:
    """Refuse facts that differ between processes: a ValueError in all of them."""
    check_same(team.gather(facts), "start the same command with the same examples in each")


def option_facts(options: Namespace, data: str) -> dict[str, str]:
    """All options that decide the training, those to come too; *data* names the data set or the kind of file."""
    given = {f"--{name.replace('_', '-')}": value for name, value in vars(options).items() if name not in _OWN}
    texts = {name: "nothing" if value is None else repr(value) for name, value in given.items()}
    return {"the version of gradstep": __version__, "DATA": data, **texts}


def table_facts(
    name: str, training: DataSet, held_out: DataSet, columns: Columns | None, scalings: list[Scaling | None]
) -> dict[str, str]:
    """The columns of a table, the examples to train and to test on, and the scaling of inputs and targets."""
    parts = () if columns is None else columns.columns
    facts: dict[str, Any] = {f"the number of columns of {name}": len(parts)}
    for i, column in enumerate(parts, 1):
        facts |= {f"column {i} of {name}": f"{column.name}, {column.kind}"}
        facts |= {f"the texts in column {i} of {name}": column.categories}
    facts |= {f"the inputs of {name}": training.X, f"the targets of {name}": training.y}
    facts |= {f"the inputs held out of {name}": held_out.X, f"the targets held out of {name}": held_out.y}
    return {name: fact(thing) for name, thing in (facts | {f"the scaling of {name}": scalings}).items()}

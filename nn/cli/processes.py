"""Several processes of ``gradstep train``: the same command in each, with the process's number."""

from __future__ import annotations

import io
import os
import re
import socket
import sys
import warnings
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.optional_packages import optional_package
from nn.cli.meeting import Meeting, StoppedError, connected_to
from nn.cli.messages import message_of
from nn.training.fingerprint import fact
from nn.training.teams import check_same
from nn.validation import check_int, shortened

if TYPE_CHECKING:
    from nn.data import DataSet
    from nn.data.columns import Columns
    from nn.scaling import Scaling
    from nn.training.communicators import Communicator

_OWN = {"run", "data", "folder", "coordinator", "process", "out", "checkpoint", "quiet"}  # may differ: see table_facts
_OPTIONS = {"--coordinator": "HOST:PORT", "--processes": "N", "--process": "I"}


def check_processes(options: Namespace) -> None:
    """Refuse options of processes that say too little, or nothing."""
    given = {name: getattr(options, name[2:]) for name in _OPTIONS}
    missing = [f"{name} {_OPTIONS[name]}" for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return
    if missing:
        name = next(name for name, value in given.items() if value is not None)
        raise ValueError(f"{name} must be given with {' and '.join(missing)}")
    host, port = address_of(options.coordinator)
    check_int("--processes", options.processes, 1)
    check_int("--process", options.process, 0, options.processes - 1)
    optional_package("jax", "--coordinator", '"gradstep[jax]"')
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        told = f"--coordinator: the host {shortened(host)} must have an address, got none"
        raise ValueError(f"{told} ({message_of(error)})") from None


def is_first(options: Namespace) -> bool:
    """Whether this process reports and writes the model: process 0, or the only one."""
    return not options.process


@contextmanager
def quiet_unless_first(options: Namespace) -> Iterator[None]:
    """A block that says nothing in processes other than the first; errors leave it."""
    if is_first(options):
        yield
        return
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def share_of(options: Namespace, n_examples: int) -> slice:
    """Which examples are this process's: one part after the other, as equal as they can be."""
    if options.coordinator is None:
        return slice(None)
    start, stop = (n_examples * i // options.processes for i in (options.process, options.process + 1))
    return slice(start, stop)


@contextmanager
def meeting(options: Namespace) -> Iterator[Meeting | None]:
    """A block in which all processes have met; None where there is only one.

    Until ``connected``, an error in one of them ends the others with the same words.
    """
    if options.coordinator is None:
        yield None
        return
    team = Meeting(address_of(options.coordinator), options.processes, options.process)
    try:
        team.meet()
        yield team
    except BaseException as error:
        team.stop(str(error) if isinstance(error, StoppedError) else f"process {team.rank}: {message_of(error)}")
        raise
    finally:
        team.close()


def connected(options: Namespace, team: Meeting | None) -> Communicator | None:
    """The communicator of all processes, which wait for each other here; None for a single process."""
    if team is None:
        return None
    import jax

    from nn.training.communicators import Jax

    team.close()
    if options.process:  # where JAX waits for nothing, it ends this process
        connected_to(address_of(options.coordinator)).close()
    with _without_stdout():  # where gloo says that it is connected
        jax.distributed.initialize(options.coordinator, options.processes, options.process)
        communicator = Jax()
        communicator.gather(options.process)
    return communicator


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


def address_of(coordinator: str) -> tuple[str, int]:
    """Host and port, of ``host:port`` or ``[::1]:port``."""
    found = re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]):([0-9]{1,5})", coordinator)
    if found is None or not 0 < int(found[2]) < 65536:
        bare = re.fullmatch("[0-9A-Fa-f:.]*:.*:.*", coordinator)
        advice = "; write an IPv6 address in brackets, as [::1]:1234" if bare else ""
        raise ValueError(
            f"--coordinator must be HOST:PORT, the address of process 0, such as 10.0.0.1:1234, got "
            f"{shortened(coordinator)}{advice}"
        )
    return found[1].strip("[]"), int(found[2])


@contextmanager
def _without_stdout() -> Iterator[None]:
    """A block in which libraries in C print nothing."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)

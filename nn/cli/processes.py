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
from typing import TYPE_CHECKING

from engine.optional_packages import optional_package
from nn.cli.meeting import Meeting, StoppedError, connected_to
from nn.cli.messages import message_of
from nn.validation import check_int, shortened

if TYPE_CHECKING:
    from nn.training.communicators import Communicator

_OPTIONS = {"--coordinator": "HOST:PORT", "--processes": "N", "--process": "I"}


def check_processes(options: Namespace) -> None:
    """Refuse options of processes that say too little, or nothing.

    Raises:
        ValueError: one is missing or wrong.
        ModuleNotFoundError: JAX is missing.
    """
    given = {name: getattr(options, name[2:]) for name in _OPTIONS}
    missing = [f"{name} {_OPTIONS[name]}" for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return
    if missing:
        name = next(name for name, value in given.items() if value is not None)
        raise ValueError(f"{name} must be given with {' and '.join(missing)}")
    address_of(options.coordinator)
    check_int("--processes", options.processes, 1)
    check_int("--process", options.process, 0, options.processes - 1)
    optional_package("jax", "--coordinator", '"gradstep[jax]"')
    check_host(options.coordinator)


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

    Raises:
        ConnectionError: another process has not come, or has stopped.
        ValueError: the port is in use.
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


def address_of(coordinator: str) -> tuple[str, int]:
    """Host and port, of ``host:port`` or ``[::1]:port``.

    Raises:
        ValueError: the text is something else.
    """
    found = re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]):([0-9]{1,5})", coordinator)
    if found is None or not 0 < int(found[2]) < 65536:
        bare = re.fullmatch("[0-9A-Fa-f:.]*:.*:.*", coordinator)
        advice = "; write an IPv6 address in brackets, as [::1]:1234" if bare else ""
        raise ValueError(
            f"--coordinator must be HOST:PORT, the address of process 0, such as 10.0.0.1:1234, got "
            f"{shortened(coordinator)}{advice}"
        )
    return found[1].strip("[]"), int(found[2])


def check_host(coordinator: str) -> None:
    """Refuse a host that this machine does not know."""
    host, port = address_of(coordinator)
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        told = f"--coordinator: the host {shortened(host)} must have an address, got none"
        raise ValueError(f"{told} ({message_of(error)})") from None


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

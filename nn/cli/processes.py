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
from time import monotonic, sleep
from typing import TYPE_CHECKING

from nn.exchange.network import optional_package
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
    port = re.fullmatch(r".*[^:]:(\d{1,5})|\[.*\]:(\d{1,5})", options.coordinator)
    if port is None or not 0 < int(port[1] or port[2]) < 65536:
        raise ValueError(
            f"--coordinator must be HOST:PORT, the address of process 0, such as 10.0.0.1:1234, got "
            f"{shortened(options.coordinator)}"
        )
    check_int("--processes", options.processes, 1)
    check_int("--process", options.process, 0, options.processes - 1)
    optional_package("jax", "--coordinator", '"gradstep[jax]"')


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


def connected(options: Namespace) -> Communicator | None:
    """The communicator of all processes, which wait for each other here; None for a single process."""
    if options.coordinator is None:
        return None
    import jax

    from nn.training.communicators import Jax

    if options.process:
        wait_for(options.coordinator)
    with _without_stdout():  # where gloo says that it is connected
        jax.distributed.initialize(options.coordinator, options.processes, options.process)
        communicator = Jax()
        communicator.gather(options.process)
    return communicator


def wait_for(coordinator: str, seconds: float = 300.0) -> None:
    """Wait until process 0 listens at its address: where JAX waits for nothing, it ends this process.

    Raises:
        ConnectionError: it does not listen there in time.
    """
    host, _, port = coordinator.rpartition(":")
    end = monotonic() + seconds
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5.0).close()
            return
        except OSError as error:
            if monotonic() > end:
                told = f"--coordinator: process 0 must listen at {coordinator} ({error}); start it with the others"
                raise ConnectionError(told) from None
            sleep(0.2)


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

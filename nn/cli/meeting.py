"""Where processes meet before JAX connects them: at the address of process 0, over plain sockets.

Each hears what the others have, or why one of them stopped. A process sends JSON: first its number and how many
processes it was told of, then ``{"is": ...}`` for each ``gather``, or ``{"error": text}``. Process 0 answers all.
"""

from __future__ import annotations

import errno
import json
import select
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from nn.validation import first_names

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

PATIENCE = 300.0  # seconds until a process that is missing is an error
LONGEST = 1 << 26  # bytes of a message
_SOON = 2.0  # seconds until a process says that it waits
_STALLED = struct.pack("ll", 5, 0)  # seconds, and microseconds, for the rest of a message that has begun
_NOTHING = (OSError, EOFError, ValueError, KeyError, TypeError)  # of a message that does not come, or is of a stranger


class StoppedError(ConnectionError):
    """Why all processes stop, in the words that each of them prints."""


class Meeting:
    """Process *rank* of *size*, which meet at the *address* where process 0 listens."""

    def __init__(self, address: tuple[str, int], size: int, rank: int, patience: float = PATIENCE) -> None:
        self.rank, self.size = rank, size
        self._address, self._at, self._patience = address, _written(address), patience
        self._server = None if rank else _listen(address[1])
        self._heard: dict[int, Connection] = {}  # by process 0 all others, by these process 0

    def meet(self) -> None:
        """Wait until all are here."""
        if self._server is None:
            with _said_soon(lambda: f"the other processes at {self._at}, for {self._patience:.0f} s at most"):
                self._heard[0] = _connection(connected_to(self._address, self._patience))
                self._tell({"process": self.rank, "processes": self.size})
                self._hear(0, self._patience + 10.0)
            return
        end = monotonic() + self._patience
        with _said_soon(lambda: f"{self._missing()} at {self._at}, for {self._patience:.0f} s at most"):
            while len(self._heard) < self.size - 1:
                waiting: list[socket.socket | Connection] = [self._server, *self._heard.values()]
                ready = select.select(waiting, [], [], max(end - monotonic(), 0.0))[0]
                if not ready:
                    told = f"{self._missing()} did not come to {self._at} within {self._patience:.0f} s"
                    raise StoppedError(f"--coordinator: {told}; start the command in each of them")
                for rank in [rank for rank, other in self._heard.items() if other in ready]:
                    self._hear(rank)  # it says nothing while it waits: an error, or its end
                if self._server in ready:
                    self._greet(_connection(self._server.accept()[0]))
        self._tell({"is": []})

    def gather(self, thing: Any) -> list[Any]:
        """What all processes gave, in order of rank."""
        if self.rank:
            self._tell({"is": thing})
            things: list[Any] = self._hear(0)
        else:
            things = [thing, *(self._hear(rank) for rank in range(1, self.size))]
            self._tell({"is": things})
        return things

    def stop(self, why: str) -> None:
        """Tell the others why the training cannot begin; nothing once the meeting is closed."""
        self._tell({"error": why})

    def stop_listening(self) -> None:
        """Free the port, if this is process 0."""
        if self._server is not None:
            self._server.close()

    def close(self) -> None:
        """End the meeting."""
        self.stop_listening()
        for other in self._heard.values():
            other.close()
        self._heard.clear()

    def _greet(self, other: Connection) -> None:
        """Take the process in; a program of another kind is none."""
        try:
            hello = _received(other, seconds=5.0)
            rank, size = int(hello["process"]), int(hello["processes"])
        except _NOTHING:
            other.close()
            return
        is_new = rank not in self._heard
        self._heard[rank if is_new else -1] = other  # it hears of the error, too
        if size != self.size:
            told = f"got {self.size} in process 0 and {size} in process {rank}"
            told = f"--processes must be the same in all processes, {told}; start each with the same number"
            raise StoppedError(told)
        if not is_new:
            raise StoppedError(f"--process must be another number in each process, got {rank} twice")

    def _missing(self) -> str:
        ranks = [rank for rank in range(1, self.size) if rank not in self._heard]
        return f"{len(ranks)} more process{'es' * (len(ranks) > 1)} ({first_names(ranks)} of {self.size})"

    def _tell(self, message: dict[str, Any]) -> None:
        for other in self._heard.values():
            with suppress(OSError):  # it has ended; its last message tells why
                other.send_bytes(json.dumps(message).encode())

    def _hear(self, rank: int, seconds: float | None = None) -> Any:
        try:
            return _received(self._heard[rank], seconds)["is"]
        except StoppedError:
            raise
        except _NOTHING:
            other = f", or another program listens at {self._at}" if self.rank else ""
            raise StoppedError(f"process {rank} ended before the training began{other}") from None


def _connection(connected: socket.socket) -> Connection:
    from multiprocessing.connection import Connection  # a single process has no need of it

    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.settimeout(None)
    if sys.platform != "win32":
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _STALLED)
    return Connection(connected.detach())


def _received(connection: Connection, seconds: float | None = None) -> Any:
    """The next message; other errors than StoppedError mean that there is none."""
    if not connection.poll(seconds):
        raise TimeoutError
    message = json.loads(connection.recv_bytes(LONGEST))
    if "error" in message:
        raise StoppedError(message["error"])
    return message


def connected_to(address: tuple[str, int], patience: float = PATIENCE) -> socket.socket:
    """A connection with process 0, which may start to listen later; a StoppedError if it does not in time."""
    end = monotonic() + patience
    while True:
        try:
            connection = socket.create_connection(address, timeout=5.0)
            if connection.getsockname() != connection.getpeername():  # else it is connected with itself
                return connection
            connection.close()
        except OSError as error:
            if monotonic() > end:
                told = f"process 0 must listen at {_written(address)} within {patience:.0f} s ({error})"
                raise StoppedError(f"--coordinator: {told}; start it with the others") from None
        sleep(0.2)


def _listen(port: int) -> socket.socket:
    """A server at all addresses of this machine, as JAX has it later."""
    try:
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        return socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(f"--coordinator: port {port} is in use; choose another one for all processes") from None
        raise ValueError(f"--coordinator: port {port} cannot be used ({error}); choose another one") from None


@contextmanager
def _said_soon(awaited: Callable[[], str]) -> Iterator[None]:
    """A block that waits, and says for whom if that takes long."""
    timer = Timer(_SOON, lambda: print(f"gradstep: waiting for {awaited()}", file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _written(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

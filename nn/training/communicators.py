"""Communicators: what the processes of one training run add up, and the engines that carry it."""

import atexit
import os
import pickle
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from engine.optional_packages import optional_package
from nn.validation import shortened

Array = np.ndarray[Any, np.dtype[Any]]


class Communicator(Protocol):
    """What ``fit(communicator=)`` takes: an engine, or an object of the user's.

    All processes call ``sum`` and ``gather`` in the same order.
    """

    rank: int
    """0 in the first process, 1 in the second, and so on."""
    size: int
    """How many processes there are."""

    def sum(self, numbers: Array) -> Array:
        """The sum of the arrays of all processes, the same bits in each of them; *numbers* may be overwritten."""

    def gather(self, thing: Any) -> list[Any]:
        """What all processes gave, in order of rank."""


class Torch:
    """``torch.distributed`` with gloo, in processes that torchrun started."""

    def __init__(self) -> None:
        torch = optional_package("torch", 'communicator="torch"', "torch")
        engine = optional_package("torch.distributed", 'communicator="torch"', "torch")
        if not engine.is_initialized():
            if "RANK" not in os.environ:
                raise ValueError(
                    'communicator="torch" must run in processes that torchrun started, got a single one; start it by '
                    "torchrun --nproc-per-node 2 SCRIPT.py"
                )
            store, rank, size = next(engine.rendezvous("env://"))
            attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # an earlier one left addresses in the store
            engine.init_process_group("gloo", store=engine.PrefixStore(attempt, store), rank=rank, world_size=size)
            atexit.register(engine.destroy_process_group)  # its threads end before the interpreter does
        self._engine, self._tensor = engine, torch.from_numpy
        self.rank: int = engine.get_rank()
        self.size: int = engine.get_world_size()

    def sum(self, numbers: Array) -> Array:
        self._engine.all_reduce(self._tensor(numbers))
        return numbers

    def gather(self, thing: Any) -> list[Any]:
        things: list[Any] = [None] * self.size
        self._engine.all_gather_object(things, thing)
        return things


class MPI:
    """MPI through mpi4py, in processes that ``mpiexec -n 2 python -m mpi4py SCRIPT.py`` started."""

    def __init__(self) -> None:
        engine = optional_package("mpi4py.MPI", 'communicator="mpi"', "mpi4py")
        self._world, self._in_place = engine.COMM_WORLD, engine.IN_PLACE
        self.rank: int = self._world.Get_rank()
        self.size: int = self._world.Get_size()

    def sum(self, numbers: Array) -> Array:
        self._world.Allreduce(self._in_place, numbers)
        return numbers

    def gather(self, thing: Any) -> list[Any]:
        things: list[Any] = self._world.allgather(thing)
        return things


class Jax:
    """JAX's collectives, in processes that called ``jax.distributed.initialize``."""

    def __init__(self) -> None:
        jax = optional_package("jax", 'communicator="jax"', '"gradstep[jax]"')
        utilities = optional_package("jax.experimental.multihost_utils", 'communicator="jax"', '"gradstep[jax]"')
        self._allgather, self._in_float64 = utilities.process_allgather, jax.enable_x64
        self.rank: int = jax.process_index()
        self.size: int = jax.process_count()

    def sum(self, numbers: Array) -> Array:
        with self._in_float64(numbers.dtype == np.float64):
            total: Array = np.add.reduce(np.asarray(self._allgather(numbers[None], tiled=True)), 0)
        return total

    def gather(self, thing: Any) -> list[Any]:
        own = np.frombuffer(pickle.dumps(thing), np.uint8)
        lengths = np.asarray(self._allgather(np.array([len(own)]), tiled=True)).tolist()
        padded = np.pad(own, (0, max(lengths) - len(own)))[None]
        rows = np.asarray(self._allgather(padded, tiled=True))
        return [pickle.loads(row[:length].tobytes()) for row, length in zip(rows, lengths)]  # of this run's processes


_ENGINES: dict[str, Callable[[], Communicator]] = {"torch": Torch, "mpi": MPI, "jax": Jax}


def as_communicator(given: Any) -> Communicator:
    """The communicator of that name, or an object that is one."""
    if isinstance(given, str) and given in _ENGINES:
        return _ENGINES[given]()
    parts = [getattr(given, name, None) for name in ("rank", "size", "sum", "gather")]
    if isinstance(given, type) or not all(map(callable, parts[2:])) or not all(isinstance(n, int) for n in parts[:2]):
        raise ValueError(
            'communicator must be "torch", "mpi", "jax" or an object with rank, size, sum(array) and gather(thing), '
            f"got {shortened(given)}"
        )
    communicator: Communicator = given
    return communicator

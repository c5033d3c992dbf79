"""Processes of one training run, as threads: a communicator that needs no other package."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

from nn import MLP
from nn.data import moons

DATA = moons(60, seed=1)
STARTS = {1: [0], 2: [0, 25], 3: [0, 3, 40]}


class Group:
    """What the communicators of some threads have in common: what each gave, in each round."""

    def __init__(self, size):
        self.given, self.ended, self.changed = [[] for _ in range(size)], set(), threading.Condition()

    def exchange(self, rank, thing):
        own, thing = self.given[rank], pickle.dumps(thing)  # processes have no objects in common
        with self.changed:
            own.append(thing)
            n = len(own)
            self.changed.notify_all()
            late = [other for other in self.given if len(other) < n]
            while late and not any(self.given[other] in late for other in self.ended):
                assert self.changed.wait(60), "the threads wait for each other"
                late = [other for other in self.given if len(other) < n]
            if late:
                raise ConnectionError("the other process is gone")
            return [pickle.loads(other[n - 1]) for other in self.given]

    def end(self, rank):
        with self.changed:
            self.ended.add(rank)
            self.changed.notify_all()


class Threads:
    """The communicator of one thread."""

    def __init__(self, rank, group):
        self.rank, self.size, self._group = rank, len(group.given), group

    def sum(self, numbers):
        return sum(self.gather(numbers.copy()))

    def gather(self, thing):
        return self._group.exchange(self.rank, thing)


def trained_by(size, train):
    """What ``train(communicator)`` returns, or the error that it raises, in each of some threads."""
    group = Group(size)

    def work(rank):
        try:
            return train(Threads(rank, group))
        except Exception as error:
            return error
        finally:
            group.end(rank)

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(work, range(size)))


def net():
    return MLP(2, [5, 1], activation="tanh", seed=3)


def share(n, rank, size):
    starts = [-(-start * n // 60) for start in STARTS[size]]
    return slice(starts[rank], [*starts[1:], n][rank])


def trained(communicator=None, make=net, **options):
    """The weights and the history of a run with all examples, or with the share of a process."""
    model, settings = make(), {"seed": 5, "batch_size": 16, "epochs": 4, "loss": "binary_cross_entropy"} | options
    rank, size = (0, 1) if communicator is None else (communicator.rank, communicator.size)
    own, held = share(60, rank, size), share(20, rank, size)
    if "sample_weight" in settings:
        settings["sample_weight"] = settings["sample_weight"][own]
    history = model.fit(
        DATA.X[own],
        DATA.y[own],
        validation_data=(DATA.X[:20][held], DATA.y[:20][held]),
        communicator=communicator,
        progress=False,
        **settings,
    )
    return [parameter.data for parameter in model.parameters()], history


def errors_where(rank, **options):
    """The errors of two processes of which one has other options."""
    return trained_by(2, lambda own: trained(own, **(options if own.rank == rank else {})))

"""One process or several: what a training run does the same way in both."""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

from engine import Value, compiler
from nn.examples import output_values
from nn.noise import noise_from
from nn.training.made_of_nn import is_made_of_nn
from nn.validation import plain_label

if TYPE_CHECKING:
    from nn.training.interrupts import Interrupts
    from nn.training.steps import Task

Result = TypeVar("Result")
Probe = tuple[list[float], Any]  # the inputs and the target of an example
_MOST_GRAPHS, _MANY_NODES = 10, 5_000


class Alone:
    """One process: nothing is shared."""

    rank, is_shared = 0, False

    def __init__(self) -> None:
        self.n_examples = 0  # how many examples all processes have

    def count(self, n_own: int) -> None:
        """Add up the examples of all processes, of which this one has *n_own*."""
        self.n_examples = n_own

    def gather(self, thing: Any) -> list[Any]:
        """What all processes gave, in order of rank."""
        return [thing]

    def check(self, facts: Callable[[], dict[str, str]], advice: str, kind: type[Exception] = ValueError) -> bool:
        """Raise an error in all processes unless these *facts* are alike; return whether Ctrl-C came."""
        return False

    @contextmanager
    def together(self) -> Iterator[None]:
        """A block without meetings, in which an error of one process ends all."""
        yield

    def caught(self, call: Callable[[], Result]) -> Result | None:
        """What the call returns, which others may not make; its error is raised in all of them when they meet next."""
        return call()

    def first(self, call: Callable[[], Result]) -> Result:
        """What the call returns in process 0, which alone makes it."""
        return call()

    def agree(self, call: Callable[[], bool | None]) -> bool:
        """Whether the call returns True, or Ctrl-C came, in one of the processes; an error in one ends all."""
        return bool(call())

    @contextmanager
    def shield(self, interrupts: Interrupts) -> Iterator[None]:
        """Let Ctrl-C end all processes after the same step."""
        yield


def check_same(facts: Sequence[dict[str, str]], advice: str, kind: type[Exception] = ValueError) -> None:
    """Refuse *facts* that differ between processes, a text for each name, by an error of this *kind*."""
    here, *others = facts
    for name in dict.fromkeys(name for each in facts for name in each):
        for rank, there in enumerate(others, 1):
            if here.get(name) != there.get(name):
                got, other = (plain_label(each.get(name, "nothing"), 80) for each in (here, there))
                told = f"got {got} in process 0 and {other} in process {rank}"
                raise kind(f"{name} must be the same in all processes, {told}; {advice}")


def digest(thing: Any) -> str:
    """A short text that is the same for the same bytes, or for things of the same repr."""
    return hashlib.sha256(thing if isinstance(thing, bytes) else repr(thing).encode()).hexdigest()[:16]


def fact(thing: Any) -> str:
    """A text that is the same for the same thing: of an array a digest of its numbers."""
    if hasattr(thing, "dtype") and thing.dtype.kind != "O":
        return f"{thing.dtype} array of shape {thing.shape}, {digest(thing.tobytes())}"
    return repr(thing.tolist() if hasattr(thing, "dtype") else thing)


def probes_of(task: Task) -> list[Probe]:
    """Some examples, for ``graphs_of``."""
    examples, n = task.examples, len(task.examples)
    return [(examples.row(index), examples.target(index)) for index in range(0, n, -(-n // _MOST_GRAPHS))]


def graphs_of(task: Task, weights: dict[str, float], probes: Sequence[Probe]) -> list[compiler.Record]:
    """The graphs of the losses of some examples, with these weights and the same noise; none after an error."""
    chance, own = random.Random(0), dict(task.model.named_parameters())
    now = {parameter: parameter.data for parameter in own.values()}
    graphs = []
    try:
        for name, number in weights.items():
            own[name].data = number
        for row, target in probes:
            with noise_from(lambda layer, n: layer.draw(chance, n)):
                loss = task.loss.function(output_values(task.model(copy(row))), copy(target))
            root = loss if isinstance(loss, Value) else Value(loss)
            graphs.append(compiler.recorded([root], [], list(now)))
            if sum(len(graph.ops) for graph in graphs) > _MANY_NODES:
                break
    except Exception:  # model and loss are the user's
        return []
    finally:
        for parameter, number in now.items():
            parameter.data = number
    return graphs


def computed(task: Task, probes: Sequence[Probe]) -> dict[str, str]:
    """What model and loss compute of the same examples, whatever code and numbers they read: digests of graphs.

    Nothing where they compute something else in each call, such as with random numbers, and where only code of this
    library computes: the model's repr and numbers tell what.
    """
    if task.loss.is_bundled and is_made_of_nn(task.model):
        return {}
    weights, facts = task.model.state_dict(), dict[str, str]()
    for index, probe in enumerate(probes):
        for graph, again in zip(graphs_of(task, weights, [probe]), graphs_of(task, weights, [probe])):
            if not compiler.same_graph(graph, again):
                return {}
            ops = [str(getattr(op, "name", op)) for op in graph.ops]
            leaves = [number for number, operand in zip(graph.numbers, graph.first) if operand < 0]
            made_of = digest((ops, graph.first, graph.second, leaves))
            facts[f"loss that the model has for example {index}"] = f"{graph.numbers[-1]:.6g} (graph {made_of})"
    return facts


def state_of(task: Task, weights: bytes) -> dict[str, str]:
    """What steps change, and all processes have alike after each epoch, as check sums."""
    optimizer = task.optimizer
    left: list[Any] = [getattr(optimizer, name) for name in optimizer.remembered]
    moments = [thing.tobytes() if hasattr(thing, "dtype") else repr(thing).encode() for thing in left]
    things = {
        "weights": weights,
        "state of the optimizer": repr((optimizer.steps, *map(zlib.crc32, moments))).encode(),
        "random numbers": repr(task.rng.getstate()).encode(),
    }
    return {name: f"the check sum {zlib.crc32(numbers):08x}" for name, numbers in things.items()}


def order_and_classes(task: Task) -> dict[str, Any]:
    """What all processes have alike, and no checkpoint tells from the arguments."""
    return {
        "number of epochs": task.options.epochs,
        "order of the examples": zlib.crc32(repr(task.rng.getstate()).encode()),
        "list of classes": task.examples.targets.classes,
        "use of validation_data": task.validation is not None,
        "use of sample_weight or class_weight": task.examples.weights is not None,
        "number of inputs": task.examples.table.shape[1],
    }

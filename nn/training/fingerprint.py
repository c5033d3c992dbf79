"""Fingerprints: what tells a training run from others, of a checkpoint or in another process."""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from engine import Value, compiler
from nn.examples import Examples, output_values
from nn.initialization import random_kept
from nn.model_files import is_finite
from nn.noise import noise_from
from nn.optimizers import LearningRate
from nn.training.made_of_nn import is_made_of_nn
from nn.validation import without_addresses

if TYPE_CHECKING:
    from nn.training.steps import Task

Probe = tuple[list[float], Any]  # the inputs and the target of an example
_MOST_GRAPHS, _MANY_NODES = 10, 5_000

DIGESTS = {
    *("starting weights", "starting state of the optimizer", "parameters to train"),
    *("code of the loss", "examples", "validation examples"),
}
"""What of a run is told as a digest, which no message shows."""


def run_of(task: Task) -> dict[str, Any]:
    """The fingerprint of a run: only a run with the same one goes on."""
    digests = [".".join(task.team.gather(_digest_of(part))) for part in (task.examples, task.validation)]
    probes = task.team.first(lambda: probes_of(task))
    run = _settings_of(task) | {"starting state of the optimizer": digest(task.optimizer.state_dict())}
    run |= {"examples": digests[0], "validation examples": digests[1]} | computed(task, probes)
    rates, again = _some_rates(task.optimizer.learning_rate), _some_rates(task.optimizer.learning_rate)
    return run | (rates if rates == again else {})


def _some_rates(rate: LearningRate) -> dict[str, str]:
    """The learning rates of some steps, whatever code and numbers a schedule reads; none after an error."""
    rates: dict[str, str] = {}
    with suppress(Exception):
        for step in (0, 1, 10, 100, 1_000, 10_000):
            rates[f"learning rate of step {step}"] = repr(rate(step) if callable(rate) else rate)
    return rates


def _settings_of(task: Task) -> dict[str, Any]:
    """What is the same in all processes of a run, as a fingerprint."""
    optimizer, options, stopping = task.optimizer, task.options, task.options.stopping
    places = {parameter: place for place, parameter in enumerate(task.model.parameters())}
    return {
        "model": without_addresses(repr(task.model)),
        "seed": options.seed,
        "dtype": options.dtype,
        "backend": options.backend,
        "loss": task.loss.name,
        "code of the loss": [] if task.loss.is_bundled else _describe(task.loss.function),
        "batch size": options.batch_size,
        "starting weights": digest([parameter.data for parameter in task.model.parameters()]),
        "optimizer": type(optimizer).__name__,
        **{f"{name} of the optimizer": _describe(thing) for name, thing in optimizer.settings().items()},
        "parameters to train": digest([places.get(parameter) for parameter in optimizer.parameters or ()]),
        "early stopping": stopping and {name: _describe(thing) for name, thing in vars(stopping).items()},
    }


def facts_of(task: Task, probes: Sequence[Probe], others: dict[str, Any]) -> dict[str, str]:
    """What all processes of a run must have alike, with *others*, as texts; *probes* are examples."""
    things = _settings_of(task) | {
        "number of epochs": task.options.epochs,
        "order of the examples": zlib.crc32(repr(task.rng.getstate()).encode()),
        "list of classes": task.examples.targets.classes,
        "use of validation_data": task.validation is not None,
        "use of sample_weight or class_weight": task.examples.weights is not None,
        "number of inputs": task.examples.table.shape[1],
    }
    return {name: fact(thing) for name, thing in (things | others).items()} | computed(task, probes)


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


def _describe(thing: Any, depth: int = 3) -> Any:
    """What tells a setting from others; of a function its name, its code, and what it was made with."""
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return repr(thing) if isinstance(thing, float) and not is_finite(float(thing)) else thing
    if isinstance(thing, partial):
        return _describe([thing.func, *thing.args, *thing.keywords.items()], depth)
    if isinstance(thing, (list, tuple)) and depth:
        return [_describe(part, depth - 1) for part in thing]
    name = getattr(thing, "__qualname__", type(thing).__name__)
    if not callable(thing) or not depth:
        return name
    code = getattr(thing, "__code__", None)
    parts = [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]
    parts += [*(getattr(thing, "__defaults__", None) or ()), *getattr(thing, "__dict__", {}).values()]
    parts += code.co_consts if code else ()
    return [name, code and digest((code.co_code, code.co_names)), *(_describe(part, depth - 1) for part in parts)]


def _digest_of(examples: Examples | None) -> str:
    if examples is None:
        return ""
    targets = examples.targets
    return digest((fact(examples.table), targets.classes, targets.kind, targets.encoded, examples.weights))


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
            with random_kept(), noise_from(lambda layer, n: layer.draw(chance, n)):
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

"""Checkpoints: a training run in a file, from which it goes on bit for bit."""

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from functools import partial
from os import PathLike
from typing import Any

from engine.whole_files import as_path, is_device, write_whole
from nn.examples import Examples, Tally
from nn.losses import LOSSES
from nn.model_files import ModelFileError, is_finite, parse_json
from nn.optimizers import LearningRate
from nn.training.history import COLUMNS, History
from nn.training.processes import Alone, computed, digest, graphs_of, probes_of
from nn.training.steps import Task
from nn.validation import as_number, plain_label, shortened, without_addresses

FORMAT, VERSION = "gradstep checkpoint", 4


@dataclass
class Progress:
    """How far a run of ``asked`` epochs has come, also within an epoch.

    ``stopped`` is True if a callback or an EarlyStopping ended it. ``best`` has the parameters of the best epoch if
    fit restores them.
    """

    history: History = field(default_factory=History)
    order: list[int] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    asked: int = 0
    stopped: bool = False
    best: dict[str, float] = field(default_factory=dict)


class Checkpoint:
    """The file of one run, replaced after each epoch, and within one after *seconds*."""

    def __init__(self, path: str | PathLike[str], seconds: float | None) -> None:
        self.path = as_path("checkpoint", path)
        if is_device(self.path):
            raise ValueError(f"checkpoint must be a file that can be read again, got the device or pipe {self.path}")
        self.seconds = None if seconds is None else as_number("checkpoint_every", seconds, "[0, inf)")
        self._written = time.monotonic()

    def due(self) -> bool:
        """Whether it is time to write within an epoch; process 0 of several does."""
        elapsed = time.monotonic() - self._written
        return self.seconds is not None and not self._task.team.rank and elapsed >= self.seconds

    def begin(self, task: Task) -> Progress:
        """Restore parameters, optimizer and random numbers from the file, if it is of this run; or begin the file."""
        self._task, self._run = task, json.loads(json.dumps(_run_of(task)))
        content = task.team.first(self._read)
        if content is None:
            self._begin_look()
            progress = Progress(asked=task.n_epochs)
            self.write(progress)
            return progress
        try:
            progress = self._restored(task, content)
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:  # of a stranger's file
            raise ModelFileError(f"{self.path}: no checkpoint of gradstep's ({shortened(error)})") from None
        stopped_early = task.stopping is not None and task.stopping.ends(progress.history)
        progress.stopped = progress.stopped and (stopped_early or task.n_epochs <= progress.asked)
        progress.asked = task.n_epochs
        self._begin_look()
        return progress

    def _restored(self, task: Task, content: dict[str, Any]) -> Progress:
        self._check_run(content["run"])
        history, tally = History(**content["history"]), Tally(*content["tally"])
        done = history.epochs + tally.n / task.team.n_examples
        if done > task.n_epochs:
            raise ValueError(
                f"{self.path} must be of at most {task.n_epochs} epochs, as many as are asked, got one of {done:.4g}; "
                "give another file name, or delete that file to start from the beginning"
            )
        task.optimizer.load_state_dict(content["optimizer"])
        task.model.load_state_dict(content["parameters"])
        kind, words, gauss = content["random"]
        task.rng.setstate((kind, tuple(words), gauss))
        return Progress(history, content["order"], tally, content["asked"], content["stopped"], content["best"])

    def _read(self) -> dict[str, Any] | None:
        """The content of the file, if there is one: what ``write`` wrote, as its digest tells."""
        content = parse_json(self.path, self.path.read_bytes(), FORMAT, VERSION) if self.path.exists() else None
        if content is not None and content.pop("digest", None) != digest(json.dumps(content).encode()):
            raise ModelFileError(f"{self.path}: incomplete or damaged checkpoint; delete it to begin again")
        return content

    def _begin_look(self) -> None:
        """Note what there is and what is computed before a run's steps, with the weights that it begins with."""
        self._weights = self._task.model.state_dict()
        self._probes = probes_of(self._task)
        self._graphs = graphs_of(self._task, self._weights, self._probes)
        self._leaves = {leaf: leaf.data for graph in self._graphs for leaf in graph.frozen}
        self.look()

    def look(self) -> None:
        """Note what model, loss, optimizer and schedule keep: a run begins with it, or computes it again."""
        self._kept = _kept_by(self._task)

    def check(self) -> None:
        """Raise a ValueError if they keep something else by now that is not written.

        A model or a loss may count and log: what changes there must not change the graphs of some examples.
        """
        from engine import compiler

        for name, look in _kept_by(self._task).items():
            part = compiler.changed(self._kept.get(name, {}), look)
            if part and not (name in _RECORDED and self._computes_the_same()):
                raise _not_held(name, part if "." in part or ":" in part else "")
        for leaf, number in self._leaves.items():
            if repr(leaf.data) != repr(number):
                raise _not_held("a Value that is no parameter", plain_label(leaf.label))

    def _computes_the_same(self) -> bool:
        """Whether model and loss make the graphs that they made when the run began."""
        from engine import compiler

        graphs = graphs_of(self._task, self._weights, self._probes)
        return bool(graphs) and len(graphs) == len(self._graphs) and all(map(compiler.same_graph, graphs, self._graphs))

    def write(self, progress: Progress) -> None:
        """Replace the file by the state of this moment, with the weights of the parameters, or leave it untouched."""
        self.check()
        if self._task.team.rank:  # process 0 writes
            return
        kind, words, gauss = self._task.rng.getstate()
        content = {"format": FORMAT, "version": VERSION, "run": self._run, **vars(progress)}
        content["history"] = {name: getattr(progress.history, name) for name in COLUMNS}
        content |= {"tally": astuple(progress.tally), "random": [kind, list(words), gauss]}
        content |= {"optimizer": self._task.optimizer.state_dict(), "parameters": self._task.model.state_dict()}
        text = json.dumps(content)
        write_whole(self.path, f'{text[:-1]}, "digest": "{digest(text.encode())}"}}\n'.encode())
        self._written = time.monotonic()

    def _check_run(self, other: dict[str, Any]) -> None:
        for what, here in self._run.items():
            there = other.get(what)
            if there != here:
                shown = "" if what in _DIGESTS else f": {shortened(there)} there, {shortened(here)} here"
                raise ValueError(
                    f"{self.path} must be a checkpoint of this run, got one that differs in the {what}{shown}; give "
                    "another file name, or delete that file to start from the beginning"
                )


def _not_held(name: str, part: str) -> ValueError:
    where = f" ({part})" if part else ""
    return ValueError(
        f"a checkpoint must hold all that a run goes on from, got {name}{where} changed in training; have "
        "a number of a model in a Value, name an attribute of an optimizer in its class's remembered (0.0 "
        "at first, then vectors), set one of a schedule in after_epoch(history) alone, or leave "
        "checkpoint= out"
    )


def shared_checkpoint(own: Checkpoint | None, team: Alone) -> Checkpoint | None:
    """The checkpoint of all processes; process 0 alone needs its path, for it alone reads and writes the file."""
    paths = team.gather(own and own.path)
    if paths[0] is not None:
        return own or Checkpoint(paths[0], None)
    if any(paths):
        rank = next(rank for rank, path in enumerate(paths) if path)
        raise ValueError(f"checkpoint must be given in process 0, which writes it, got it in process {rank}, not 0")
    return None


_RECORDED = ("the model", "the loss")  # what ``_kept_by`` names that graphs are made by
_DIGESTS = {
    *("starting weights", "starting state of the optimizer", "parameters to train"),
    *("code of the loss", "examples", "validation examples"),
}


def _run_of(task: Task) -> dict[str, Any]:
    """The fingerprint of a run: only a run with the same one goes on."""
    digests = [".".join(task.team.gather(_digest_of(part))) for part in (task.examples, task.validation)]
    probes = task.team.first(lambda: probes_of(task))
    run = settings_of(task) | {"starting state of the optimizer": digest(task.optimizer.state_dict())}
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


def settings_of(task: Task) -> dict[str, Any]:
    """What is the same in all processes of a run, as a fingerprint."""
    optimizer = task.optimizer
    places = {parameter: place for place, parameter in enumerate(task.model.parameters())}
    return {
        "model": without_addresses(repr(task.model)),
        "seed": task.seed,
        "dtype": task.dtype,
        "backend": task.backend,
        "loss": task.loss_name,
        "code of the loss": [] if task.loss in LOSSES.values() else _describe(task.loss),
        "batch size": task.batch_size,
        "starting weights": digest([parameter.data for parameter in task.model.parameters()]),
        "optimizer": type(optimizer).__name__,
        **{f"{name} of the optimizer": _describe(thing) for name, thing in optimizer.settings().items()},
        "parameters to train": digest([places.get(parameter) for parameter in optimizer.parameters or ()]),
        "early stopping": task.stopping and {name: _describe(thing) for name, thing in vars(task.stopping).items()},
    }


def _kept_by(task: Task) -> dict[str, Any]:
    """What code of a run's steps keeps besides what a checkpoint holds, by its name for a message."""
    from engine import compiler

    kind = type(task.optimizer).__name__
    things = {f"{name} of the {kind}": thing for name, thing in task.optimizer.settings().items()}
    things |= {f"the class of the {kind}": type(task.optimizer), "the early_stopping": task.stopping}
    things |= {"the model": task.model, "the loss": task.loss}
    return {name: compiler.Surroundings(thing).look() for name, thing in things.items()}


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
    table, targets = examples.table, examples.targets
    inputs = hashlib.sha256(table.tobytes()).hexdigest()
    parts = (table.shape, table.dtype.name, inputs, targets.classes, targets.kind, targets.encoded, examples.weights)
    return digest(parts)

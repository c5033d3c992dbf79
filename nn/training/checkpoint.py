"""Checkpoints: a training run in a file, from which it goes on bit for bit."""

import json
import time
from dataclasses import astuple, dataclass, field
from os import PathLike
from typing import Any

from engine.whole_files import as_path, is_device, write_whole
from nn.examples import Tally
from nn.model_files import ModelFileError, parse_json
from nn.training.fingerprint import DIGESTS, digest, graphs_of, probes_of, run_of
from nn.training.history import COLUMNS, History
from nn.training.steps import Task
from nn.training.teams import Alone
from nn.validation import as_number, plain_label, shortened

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
        self._task, self._run = task, json.loads(json.dumps(run_of(task)))
        content = task.team.first(self._read)
        try:
            progress = Progress() if content is None else self._restored(task, content)
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:  # of a stranger's file
            raise ModelFileError(f"{self.path}: no checkpoint of gradstep's ({shortened(error)})") from None
        if progress.stopped and task.n_epochs > progress.asked:
            progress.stopped = task.options.stopping is not None and task.options.stopping.ends(progress.history)
        progress.asked = task.n_epochs
        self._weights, self._probes = task.model.state_dict(), probes_of(task)
        self._graphs = graphs_of(task, self._weights, self._probes)  # with the weights that the run begins with
        self._leaves = {leaf: leaf.data for graph in self._graphs for leaf in graph.frozen}
        others = (leaf for each in _surroundings_of(task).values() for leaf in each.leaves())
        self._leaves |= {leaf: leaf.data for leaf in set(others) - set(task.model.parameters())}
        self.look()
        if content is None:
            self.write(progress)
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
                raise _not_held(name, part)
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
                shown = "" if what in DIGESTS else f": {shortened(there)} there, {shortened(here)} here"
                raise ValueError(
                    f"{self.path} must be a checkpoint of this run, got one that differs in the {what}{shown}; give "
                    "another file name, or delete that file to start from the beginning"
                )


def _not_held(name: str, part: str) -> ValueError:
    where = f" ({part})" if part else ""
    return ValueError(
        f"a checkpoint must hold all that a run goes on from, got {name}{where} changed in training; have "
        "a number of a model in a Value, name an attribute of an optimizer in its class's remembered (0.0 "
        "at first, then vectors), set one of a schedule in after_epoch(history) alone, write logs in a "
        "callback, or leave checkpoint= out"
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


def _surroundings_of(task: Task) -> dict[str, Any]:
    """What code of a run's steps reaches, by names for a message."""
    from engine import compiler

    kind = type(task.optimizer).__name__
    things = {f"{name} of the {kind}": thing for name, thing in task.optimizer.settings().items()}
    things |= {f"the class of the {kind}": type(task.optimizer), "the early_stopping": task.options.stopping}
    things |= {"the model": task.model, "the loss": task.loss.function}
    return {name: compiler.Surroundings(thing, follows=True) for name, thing in things.items()}


def _kept_by(task: Task) -> dict[str, Any]:
    """What code of a run's steps keeps besides what a checkpoint holds."""
    from engine import compiler

    looks = {name: each.look() for name, each in _surroundings_of(task).items()}
    if task.options.seed is None:  # the numbers of Python's random are those of fit, and in the file
        hidden = compiler.STATE_OF_RANDOM
        looks = {name: {key: note for key, note in look.items() if hidden not in key} for name, look in looks.items()}
    return looks

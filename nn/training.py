"""Training: fit a Module to examples, predict, score."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

from engine.validation import shortened
from nn.checkpoints import Checkpoint, Progress, fingerprint
from nn.data import as_table
from nn.eager import Eager
from nn.examples import Examples, Tally, checked_examples, is_right, output_count, output_numbers
from nn.initialisation import random_numbers
from nn.losses import LossFunction, named_loss
from nn.optimizers import LearningRate, Optimizer, named_optimizer
from nn.targets import decided
from nn.turns import trained_here

if TYPE_CHECKING:
    from nn.data import Table
    from nn.module import Module
    from nn.replaying import Replayed


@dataclass
class History:
    """What training did, a number an epoch; the accuracies stay empty where nothing is classified.

    ``interrupted`` tells that Ctrl-C, or a callback, ended it; ``eager`` says why the examples went through the model
    one by one, and is empty where their graph was recorded once and replayed for whole batches.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    interrupted: bool = False
    eager: str = field(default="", compare=False)

    @property
    def epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.loss)

    def last(self) -> dict[str, float]:
        """The numbers of the last epoch by name, those that there are."""
        names = ("loss", "accuracy", "validation_loss", "validation_accuracy")
        return {name: getattr(self, name)[-1] for name in names if getattr(self, name)}


Callback = Callable[["Module", History], object]


def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: str | LossFunction = "mse",
    optimizer: str | Optimizer = "adam",
    learning_rate: LearningRate | None = None,
    epochs: int = 100,
    batch_size: int = 32,
    validation_data: tuple[Any, Any] | None = None,
    seed: int | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    replay: bool | None = None,
    dtype: str = "float64",
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: float | None = None,
) -> History:
    """Train a model by gradient descent on the mean loss of small batches.

    The graph of one example is recorded once and replayed for each batch (see ``engine.compile``), which is many times
    faster than to build it for each example, and gives the same weights but for rounding. Comparisons of Values are
    noticed, and each way that they choose is recorded. Where a plain number is taken out of a Value (``.data``,
    ``float()``), where the model draws random numbers or changes something from one call to the next, or where the
    ways are many, training is eager by itself, and ``history.eager`` names the line and says why. The model is recorded
    again in each epoch, as it may have changed.

    Args:
        model: any Module.
        X: ``(n_examples, n_inputs)`` numbers: lists, a numpy array or a pandas frame.
        y: ``(n_examples,)`` labels for the classifying losses; numbers, or ``(n_examples, n_outputs)``, for others.
        loss: ``"mse"``, ``"cross_entropy"``, ``"binary_cross_entropy"``, ``"hinge"``, or a function
            ``(outputs, target) -> Value`` of one example.
        optimizer: ``"sgd"``, ``"adam"``, ``"adamw"``, or an Optimizer. One that was made with some of the model's
            parameters trains these alone; one that trained this model before goes on where it was.
        learning_rate: for an optimizer given by name; a number, or a function of the step. None takes its default.
        epochs: how many times to go through all examples.
        batch_size: how many examples make a step; the last batch of an epoch may be smaller.
        validation_data: ``(X, y)`` to measure on after each epoch.
        seed: makes the order of the examples repeatable; None takes it from Python's ``random`` as it stands.
        callbacks: functions ``(model, history)``, called after each epoch; one that returns True ends the training.
        progress: whether to show a progress bar.
        replay: None to replay where it can be done, and where it is not slower, as it is for deep and narrow graphs;
            False never, as where the loss or the model does something besides computing, such as printing, which a
            replay would leave out; True makes it an error if it cannot.
        dtype: of the replayed arrays, ``"float64"`` or ``"float32"``: half the digits, about twice the speed in large
            networks. Eager training is float64.
        checkpoint: a file that holds the run, written whole after each epoch. Where it is there already, and fits the
            model and the data, training goes on from it, so that the same script started again finishes the run: with
            the same weights, to the last bit, as if it had never stopped. What callbacks remember is not in it.
        checkpoint_every: seconds after which the file is written within an epoch too.

    Returns:
        The History. Ctrl-C ends training early, with the weights of that moment and ``history.interrupted`` set.

    Raises:
        ValueError: something does not fit, or *replay* is True and cannot be; then no weight was changed.
        FloatingPointError: the weights ran away; the message says when.
        RuntimeError: another thread is training this model; nothing was changed.
        OSError: the checkpoint cannot be written or read; the weights are those of that moment.
    """
    saved = None if checkpoint is None else Checkpoint(checkpoint, checkpoint_every)
    loss_name, loss_function = named_loss(loss)
    chosen = named_optimizer(optimizer, learning_rate)
    n_epochs = _whole_number("epochs", epochs, 0)
    size = _whole_number("batch_size", batch_size, 1)
    rng = random_numbers(seed)
    calls = _checked_callbacks(callbacks)
    kind = _checked_dtype(dtype, replay)
    table = as_table(X, "X", model.n_inputs, keep_float32=True)
    n_outputs = output_count(model, table)
    examples = checked_examples(model, table, y, loss_name, n_outputs, model.classes)
    classes = examples.targets.classes
    validation = None
    if validation_data is not None:
        validation_X, validation_y = _pair(validation_data)
        validation = checked_examples(model, validation_X, validation_y, loss_name, n_outputs, classes, "validation ")
    training = _Training(model, chosen, loss_function, examples, validation, rng, size)
    if replay is not False:
        training.replaying = n_outputs, kind, replay is True
        training.n_epochs = n_epochs
    with trained_here(model.parameters()):
        try:
            training.prepare()
        except KeyboardInterrupt:
            training.history.interrupted = True
            return training.history
        own = model.parameters()
        if chosen.parameters is None or not set(chosen.parameters) <= set(own):
            chosen.bind(own)
        model.loss, model.classes = loss_name, classes
        if saved is not None:
            training.go_on_from(saved, loss_name)
        return training.run(n_epochs, calls, progress)


class _Training:
    """One call of ``fit``, everything checked."""

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: LossFunction,
        examples: Examples,
        validation: Examples | None,
        rng: Any,
        batch_size: int,
    ) -> None:
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.examples, self.validation = examples, validation
        self.rng, self.batch_size = rng, batch_size
        self.history = History()
        self.replaying: tuple[int, str, bool] | None = None
        self.n_epochs = 0
        self.steps: Eager | Replayed
        self.checkpoint: Checkpoint | None = None
        self.progress = Progress({})

    def prepare(self) -> None:
        """Make steps ready, by replay if that was asked for."""
        if self.replaying is None:
            self.use_eager_steps()
        else:
            self.use_replay(*self.replaying)

    def use_eager_steps(self, why: str = "replay=False") -> None:
        """Train example by example."""
        self.steps = Eager(self.model, self.loss, self.optimizer, self.examples)
        self.history.eager = why

    def use_replay(self, n_outputs: int, dtype: str, insist: bool) -> None:
        """Train by replay; where that is not possible, eagerly.

        Raises:
            ValueError: it is not possible, and is insisted on.
        """
        from nn.replaying import Amount, Replayed, SlowReplayError, reason_of

        n_examples, n_runs = len(self.examples), -(-len(self.examples) // self.batch_size)
        amount = None if insist else Amount(self.n_epochs * n_examples, self.n_epochs * n_runs)
        try:
            self.steps = Replayed(self.model, self.loss, self.optimizer, self.examples, dtype, n_outputs, amount)
        except SlowReplayError as error:
            self.use_eager_steps(str(error))
        except Exception as error:  # model and loss may be anybody's, and raise anything where they are given Values
            if insist and not isinstance(error, ArithmeticError):  # the first epoch tells those in its own words
                raise _not_replayed(reason_of(error)) from error
            self.use_eager_steps(reason_of(error))

    def _end_replay(self, reason: str) -> None:
        """Go on eagerly.

        Raises:
            ValueError: replay is insisted on.
        """
        self.steps.close()
        if self.replaying is not None and self.replaying[2]:
            raise _not_replayed(reason)
        self.use_eager_steps(reason)

    def go_on_from(self, checkpoint: Checkpoint, loss: str) -> None:
        """Take up the run that the file holds, or begin the file.

        Raises:
            ValueError: it is the checkpoint of another run, or none; nothing is changed.
        """
        self.checkpoint = checkpoint
        own = dict(self.model.named_parameters())
        remembered = self.optimizer.remembered
        settings = {n: x for n, x in vars(self.optimizer).items() if n not in remembered and _is_setting(x)}
        checkpoint.begin(
            {
                "model": repr(self.model),
                "loss": loss,
                "optimizer": {"kind": type(self.optimizer).__name__, **settings},
                "parameters trained": len(self.optimizer.parameters or ()),
                "batch size": self.batch_size,
                "examples": fingerprint(self.examples),
                "validation examples": fingerprint(self.validation),
            }
        )
        progress = checkpoint.read(own, self.optimizer, self.rng, len(self.examples))
        if progress is None:
            self._save(Progress({}))
            return
        self.progress = progress
        for name, numbers in progress.history.items():
            setattr(self.history, name, list(numbers))

    def _save(self, progress: Progress) -> None:
        """Write the checkpoint, if there is one; the weights are in the parameters then."""
        if self.checkpoint is None:
            return
        self.steps.put_back()
        names = ("loss", "accuracy", "validation_loss", "validation_accuracy")
        progress.history = {name: getattr(self.history, name) for name in names}
        numbers = {name: parameter.data for name, parameter in self.model.named_parameters()}
        self.checkpoint.write(numbers, self.optimizer, self.rng, progress)

    def run(self, epochs: int, callbacks: list[Callback], progress: bool) -> History:
        """All epochs, with a progress bar over the batches."""
        from tqdm import tqdm

        in_epoch = -(-len(self.examples) // self.batch_size)
        n_steps = epochs * in_epoch
        n_done = min(n_steps, self.history.epochs * in_epoch + -(-self.progress.place // self.batch_size))
        first = epochs if self.progress.stopped else self.history.epochs
        try:
            self.steps.take_over()
            shown = progress and n_steps > n_done
            with tqdm(total=n_steps, initial=n_done, disable=not shown, unit="step", dynamic_ncols=True) as bar:
                for epoch in range(first, epochs):
                    bar.set_description(f"epoch {epoch + 1}/{epochs}")
                    self._epoch(bar)
                    bar.set_postfix(self.history.last())
                    ends = [callback(self.model, self.history) is True for callback in callbacks]
                    self._save(Progress({}, stopped=any(ends)))
                    if any(ends):
                        self.history.interrupted = True
                        break
                    self.steps.next_epoch(may_change=bool(callbacks))
        except KeyboardInterrupt:
            self.optimizer.put_weights()  # whole, even if it came between two parameters
            self.history.interrupted = True
        finally:
            self.steps.close()
        return self.history

    def _epoch(self, bar: Any) -> None:
        start, order, tally = self.progress.place, self.progress.order, Tally(*self.progress.tally)
        self.progress = Progress({})
        if not order:
            order = list(range(len(self.examples)))
            self.rng.shuffle(order)
        for place in range(start, len(order), self.batch_size):
            batch = order[place : place + self.batch_size]
            self._step(batch, tally)
            bar.update()
            if self.checkpoint is not None and self.checkpoint.due():
                self._save(Progress({}, False, order, place + len(batch), (tally.loss, tally.right, tally.n)))
        self.steps.put_back()
        self._note(tally, self.history.loss, self.history.accuracy)
        if self.validation is not None:
            measured = self._replayed_or_not(self._measured)
            self._note(measured, self.history.validation_loss, self.history.validation_accuracy)

    def _step(self, batch: list[int], tally: Tally) -> None:
        step = self.optimizer.steps + 1
        try:
            done = self._replayed_or_not(lambda: self.steps.step(batch))
        except ArithmeticError as error:
            raise FloatingPointError(
                f"training ran away in epoch {self.history.epochs + 1}, step {step} ({error}); "
                "try a smaller learning rate, or inputs of a smaller range"
            ) from error
        tally.add(done.loss, done.right, done.n)

    def _measured(self) -> Tally:
        assert self.validation is not None
        return self.steps.measured(self.validation)

    def _replayed_or_not(self, work: Callable[[], Tally]) -> Tally:
        """Do *work*; and again, eagerly, if it turns out that it cannot be replayed."""
        if isinstance(self.steps, Eager):
            return work()
        from nn.replaying import ReplayEndedError

        try:
            return work()
        except ReplayEndedError as ended:
            self._end_replay(str(ended))
            return work()

    def _note(self, tally: Tally, losses: list[float], accuracies: list[float]) -> None:
        losses.append(tally.loss / tally.n)
        if self.examples.targets.classes is not None:
            accuracies.append(tally.right / tally.n)


def predict(model: Module, X: Any) -> list[Any]:
    """For each example the class, or where the model was not trained to classify, the output number or numbers.

    Args:
        X: ``(n_examples, n_inputs)`` numbers: lists, a numpy array or a pandas frame.
    """
    table = as_table(X, "X", model.n_inputs, empty=True, keep_float32=True)
    return [decided(model, outputs) for outputs in _outputs(model, table)]


def score(model: Module, X: Any, y: Any) -> float:
    """The share of examples whose class is right, in [0, 1]; for numbers the coefficient of determination R**2.

    Args:
        X: ``(n_examples, n_inputs)`` numbers.
        y: labels, or numbers, as for ``fit``.
    """
    table = as_table(X, "X", model.n_inputs, keep_float32=True)
    examples = checked_examples(model, table, y, model.loss or "mse", output_count(model, table), model.classes)
    outputs = _outputs(model, table)
    if examples.targets.classes is not None:
        return sum(map(is_right, outputs, examples.targets.encoded)) / len(outputs)
    return _determination(outputs, as_table(examples.targets.encoded, "y", len(outputs[0])))


def _outputs(model: Module, table: Table) -> list[list[float]]:
    """What the model gives for each example: by replay where there are many, and where it can be done."""
    from nn.replaying import replayed_outputs

    replayed = replayed_outputs(model, table)
    if replayed is not None:
        return replayed
    return [output_numbers(model(row.tolist())) for row in table]


def _determination(outputs: list[list[float]], targets: Table) -> float:
    """R**2 = 1 - squared error / squared distance from the mean, the mean over the outputs as in scikit-learn."""
    import numpy as np

    error = ((np.array(outputs) - targets) ** 2).sum(axis=0)
    spread = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    ratios = [1.0 - e / s if s else float(e == 0.0) for e, s in zip(error, spread)]
    return float(np.mean(ratios))


def _not_replayed(reason: str) -> ValueError:
    return ValueError(
        f"replay=True, but this model cannot be replayed with this loss ({reason}); without replay=True it is trained "
        "eagerly"
    )


def _is_setting(thing: Any) -> bool:
    """Whether this is a number that an optimizer was made with, and not what it remembers."""
    numbers = thing if isinstance(thing, tuple) else (thing,)
    return all(isinstance(number, (float, bool)) for number in numbers)


def _whole_number(name: str, number: Any, least: int) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__") or number < least:
        raise ValueError(f"{name}: a whole number of at least {least} is wanted, not {shortened(number)}")
    return int(number)


def _checked_dtype(dtype: Any, replay: bool | None) -> str:
    import numpy as np

    if replay not in (None, True, False):
        raise ValueError(f"replay: True, False or None is wanted, not {shortened(replay)}")
    names = {"float64": "float64", "float32": "float32", np.float64: "float64", np.float32: "float32"}
    name = names.get(dtype) if isinstance(dtype, (str, type)) else names.get(getattr(dtype, "name", None))
    if name is None:
        raise ValueError(f'dtype: "float64" or "float32" is wanted, not {shortened(dtype)}')
    if name == "float32" and replay is False:
        raise ValueError('dtype: eager training is float64; leave replay=False out for "float32"')
    return name


def _pair(validation_data: Any) -> tuple[Any, Any]:
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError(f"validation_data: a pair (X, y) is wanted, not {shortened(validation_data)}")
    return validation_data[0], validation_data[1]


def _checked_callbacks(callbacks: Any) -> list[Callback]:
    calls = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    if not isinstance(callbacks, Iterable) or not all(callable(call) for call in calls):
        raise ValueError(f"callbacks: a list of functions (model, history) is wanted, not {shortened(callbacks)}")
    return calls

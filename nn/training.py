"""Training: fit a Module to examples, predict, score."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from nn.checkpoints import Checkpoint, Progress, fingerprint
from nn.data import as_table
from nn.eager import Eager
from nn.examples import Examples, Tally, checked_examples, listed, output_count, output_numbers, weighted
from nn.history import COLUMNS, History
from nn.initialization import random_numbers
from nn.interrupts import Interrupts
from nn.losses import LOGITS, LOSSES, LossFunction, check_takes_logits, named_loss
from nn.noise import Layout, no_noise, noise_from, outputs_and_layout
from nn.optimizers import LearningRate, Optimizer, named_optimizer
from nn.options import (
    Callback,
    checked_callbacks,
    checked_dtype,
    checked_pair,
    checked_stopping,
    held_out,
    refuse_unknown,
    smoothed,
    whole_number,
)
from nn.parameters import checked_call
from nn.schedules import EarlyStopping
from nn.targets import Label, decided
from nn.turns import trained_here

if TYPE_CHECKING:
    from nn.data import Table
    from nn.module import Module
    from nn.replaying import Replayed


@noise_from(no_noise)
def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: str | LossFunction = "mse",
    optimizer: str | Optimizer = "adam",
    learning_rate: LearningRate | None = None,
    epochs: int | None = None,
    batch_size: int = 32,
    validation_data: tuple[Any, Any] | None = None,
    validation_split: float | None = None,
    early_stopping: EarlyStopping | int | bool | None = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    classes: Sequence[Label] | None = None,
    seed: int | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = True,
    verbose: int | None = None,
    replay: bool | None = None,
    dtype: str = "float64",
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: float | None = None,
    **unknown: Any,
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
            ``"cross_entropy"`` also takes a row of probabilities for each example, ``"binary_cross_entropy"`` a
            probability, or a row of answers in [0, 1] to a question for each output.
        loss: ``"mse"``, ``"mae"``, ``"huber"``, ``"cross_entropy"``, ``"binary_cross_entropy"`` (or ``"bce"``),
            ``"hinge"``, or a function ``(outputs, target) -> Value`` of one example.
        optimizer: ``"sgd"``, ``"adam"``, ``"adamw"``, or an Optimizer. One that was made with some of the model's
            parameters trains these alone; one that trained this model before goes on where it was.
        learning_rate: for an optimizer given by name; a number, or a function of the step, such as those of
            ``nn.schedules``. None takes the optimizer's default.
        epochs: how many times to go through all examples; None for 100, and for more where that is less than 2,000
            steps.
        batch_size: how many examples make a step; the last batch of an epoch may be smaller.
        validation_data: ``(X, y)`` to measure on after each epoch.
        validation_split: instead of that, the share of the examples, in (0, 1), to hold out for it; *seed* chooses
            them.
        early_stopping: how many epochs to go on without a new lowest loss (of validation, where there is one), True
            for 10, or an ``EarlyStopping``. The weights of the best epoch are put back.
        sample_weight: ``(n_examples,)`` numbers of 0 or more that multiply the losses.
        class_weight: a dict with such a number for each label, or ``"balanced"``.
        label_smoothing: in [0, 1): this share of each class's probability is spread over all classes.
        classes: all labels in the order of the outputs, where *y* may not have all of them.
        seed: makes the order of the examples repeatable; None takes it from Python's ``random`` as it stands.
        callbacks: functions ``(model, history)``, called after each epoch; one that returns True ends the training.
        progress: whether to show a progress bar, on a terminal or in a notebook.
        verbose: as in Keras: 0 shows nothing, 1 the progress bar, 2 prints a line an epoch.
        replay: None to replay where it can be done, and where it is not slower, as it is for deep and narrow graphs;
            False never, as where the loss or the model does something besides computing, such as printing, which a
            replay would leave out; True makes it an error if it cannot.
        dtype: of the replayed arrays, ``"float64"`` or ``"float32"``: half the digits, about twice the speed in large
            networks. Eager training is float64.
        checkpoint: a file that holds the run, written whole after each epoch. Where it is there already, and fits the
            model and the data, training goes on from it, so that the same script started again finishes the run: with
            the same weights, to the last bit, as if it had never stopped. What callbacks remember is not in it. A run
            that a callback ended goes on when more epochs are asked.
        checkpoint_every: seconds after which the file is written within an epoch too.

    Returns:
        The History. Ctrl-C ends training early, with the weights of that moment and ``history.interrupted`` set.

    Raises:
        ValueError: something does not fit, or *replay* is True and cannot be; then no weight was changed.
        FloatingPointError: training diverged; the message says when.
        TypeError: an argument is unknown.
        RuntimeError: another thread is training this model; nothing was changed.
        OSError: the checkpoint cannot be written or read; the weights are those of that moment.
    """
    refuse_unknown(unknown, [name for name in fit.__annotations__ if name not in ("model", "unknown", "return")])
    saved = None if checkpoint is None else Checkpoint(checkpoint, checkpoint_every)
    loss_name, loss_function = named_loss(loss)
    chosen = named_optimizer(optimizer, learning_rate)
    size = whole_number("batch_size", batch_size, 1)
    rng = random_numbers(seed)
    calls = checked_callbacks(callbacks)
    kind = checked_dtype(dtype, replay)
    stopping = checked_stopping(early_stopping)
    shown = whole_number("verbose", verbose, 0) if verbose is not None else int(progress)
    table = as_table(X, "X", model.n_inputs, keep_float32=True)
    outputs, layout = checked_call(model, lambda: outputs_and_layout(lambda: model(table[0].tolist())))
    first = listed(outputs)
    check_takes_logits(loss_name, first)
    known = model.classes if classes is None else list(classes)
    examples = checked_examples(model, table, y, loss_name, len(first), known)
    learned = examples.targets.classes
    examples = weighted(examples, sample_weight, class_weight)
    validation = None
    if validation_data is not None:
        validation_X, validation_y = checked_pair(validation_data)
        validation = checked_examples(model, validation_X, validation_y, loss_name, len(first), learned, "validation ")
    if validation_split is not None:
        examples, validation = held_out(examples, validation_split, validation, seed)
    examples = smoothed(examples, label_smoothing, loss_name, len(first))
    n_steps = -(-len(examples) // size)
    n_epochs = max(100, -(-_LEAST_STEPS // n_steps)) if epochs is None else whole_number("epochs", epochs, 0)
    run = {"seed": seed, "dtype": kind, "loss": loss_name, "batch size": size}
    training = _Training(model, chosen, loss_function, examples, validation, rng, size, n_epochs, calls, stopping, run)
    if replay is not False:
        training.replaying = len(first), kind, layout, replay is True
    with trained_here(model.parameters()), training.interrupts.handled():
        model.eval()  # its mode from then on; steps have their noise all the same
        try:
            training.prepare()
        except KeyboardInterrupt:
            training.history.interrupted = True
            return training.history
        own = model.parameters()
        if chosen.parameters is None or not set(chosen.parameters) <= set(own):
            chosen.bind(own)
        model.loss, model.classes = loss_name, learned
        if saved is not None:
            training.go_on_from(saved)
        history = training.run(shown)
    if history.epochs >= n_epochs:  # nothing ended it before
        history.warn_if_not_converged()
    return history


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
        n_epochs: int,
        callbacks: list[Callback],
        stopping: EarlyStopping | None,
        run: dict[str, Any],
    ) -> None:
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.examples, self.validation = examples, validation
        self.rng, self.batch_size, self.n_epochs = rng, batch_size, n_epochs
        self.callbacks, self.stopping, self.described = callbacks, stopping, run
        self.history, self.interrupts = History(), Interrupts()
        self.best: dict[str, float] = {}
        self.replaying: tuple[int, str, Layout, bool] | None = None
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
        self.steps = Eager(self.model, self.loss, self.optimizer, self.examples, self.rng)
        self.history.eager = why

    def use_replay(self, n_outputs: int, dtype: str, layout: Layout, insist: bool) -> None:
        """Train by replay; where that is not possible, eagerly.

        Raises:
            ValueError: it is not possible, and is insisted on.
        """
        from nn.replaying import Amount, Replayed, SlowReplayError, reason_of

        n_examples, n_runs = len(self.examples), -(-len(self.examples) // self.batch_size)
        amount = None if insist else Amount(self.n_epochs * n_examples, self.n_epochs * n_runs)
        try:
            parts = (self.model, self.loss, self.optimizer, self.examples, dtype, n_outputs, self.rng, layout)
            self.steps = Replayed(*parts, amount)
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
        if self.replaying is not None and self.replaying[3]:
            raise _not_replayed(reason)
        self.use_eager_steps(reason)

    def go_on_from(self, checkpoint: Checkpoint) -> None:
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
                **self.described,
                "code of the loss": "" if self.loss in LOSSES.values() else _code_of(self.loss),
                "starting weights": _digest(own.values()),
                "optimizer": {"kind": type(self.optimizer).__name__, **settings},
                "schedule": _described(self.optimizer.learning_rate),
                "early stopping": None if self.stopping is None else vars(self.stopping),
                "parameters trained": len(self.optimizer.parameters or ()),
                "examples": fingerprint(self.examples),
                "validation examples": fingerprint(self.validation),
            }
        )
        progress = checkpoint.read(own, self.optimizer, self.rng, len(self.examples))
        if progress is None:
            self._save(Progress({}))
            return
        self.progress, self.best = progress, progress.best
        for name, numbers in progress.history.items():
            setattr(self.history, name, list(numbers))
        self._tell_schedule()

    def _save(self, progress: Progress) -> None:
        """Write the checkpoint, if there is one; the weights are in the parameters then."""
        if self.checkpoint is None:
            return
        self.steps.put_back()
        progress.history = {name: getattr(self.history, name) for name in COLUMNS}
        progress.asked, progress.best = self.n_epochs, self.best
        self.checkpoint.write(self._weights(), self.optimizer, self.rng, progress)

    def _weights(self) -> dict[str, float]:
        return {name: parameter.data for name, parameter in self.model.named_parameters()}

    def run(self, shown: int) -> History:
        """All epochs; *shown* is 0 for nothing, 1 for a progress bar over the batches, 2 for a line an epoch."""
        from tqdm import tqdm

        in_epoch = -(-len(self.examples) // self.batch_size)
        n_steps = self.n_epochs * in_epoch
        n_done = min(n_steps, self.history.epochs * in_epoch + -(-self.progress.place // self.batch_size))
        is_over = self.progress.stopped and self.n_epochs <= self.progress.asked
        first = self.n_epochs if is_over else self.history.epochs
        try:
            with self.interrupts.shielded():
                self.steps.take_over()
            hidden = shown != 1 or n_steps <= n_done or not _is_watched(sys.stderr)
            with tqdm(total=n_steps, initial=n_done, disable=hidden, unit="step", dynamic_ncols=True) as bar:
                for epoch in range(first, self.n_epochs):
                    bar.set_description(f"epoch {epoch + 1}/{self.n_epochs}", refresh=False)
                    self._epoch(bar)
                    bar.set_postfix(self.history.last(), refresh=False)
                    if shown == 2:
                        print(f"epoch {epoch + 1}/{self.n_epochs}: {_line(self.history.last())}")
                    is_over = self._ends()
                    self._save(Progress({}, stopped=is_over))
                    if is_over:
                        break
                    self.steps.next_epoch(may_change=bool(self.callbacks))
            if self.best:
                self.model.load_state_dict(self.best)
        except KeyboardInterrupt:
            self.optimizer.put_weights()  # whole, even if it came between two parameters
            self.history.interrupted = True
        finally:
            with self.interrupts.shielded():
                self.steps.close()
        return self.history

    def _ends(self) -> bool:
        """Call the callbacks; whether one of them, or early stopping, ends the training."""
        self._tell_schedule()
        is_over = False
        if self.stopping is not None:
            waited = self.stopping.epochs_since_best(self.history)
            is_over = waited >= self.stopping.patience
            if waited == 0 and self.stopping.restore_best:
                self.best = self._weights()
        answers = [callback(self.model, self.history) for callback in self.callbacks]
        if any(type(answer).__name__ in ("bool", "bool_") and answer for answer in answers):
            self.history.interrupted = True
        return is_over or self.history.interrupted

    def _tell_schedule(self) -> None:
        after_epoch = getattr(self.optimizer.learning_rate, "after_epoch", None)
        if after_epoch is not None and self.history.epochs:
            after_epoch(self.history)

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
                f"training diverged in epoch {self.history.epochs + 1}, step {step} ({error}); "
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


@noise_from(no_noise)
def predict(model: Module, X: Any) -> list[Any]:
    """For each example the class, or where the model was not trained to classify, the output number or numbers.

    Args:
        X: ``(n_examples, n_inputs)`` numbers: lists, a numpy array or a pandas frame.
    """
    table = as_table(X, "X", model.n_inputs, empty=True, keep_float32=True)
    return [decided(model, outputs) for outputs in _outputs(model, table)]


@noise_from(no_noise)
def decision_function(model: Module, X: Any) -> Any:
    """The outputs for each example as they are, such as logits: an array ``(n_examples, n_outputs)``.

    With a single output it is ``(n_examples,)``, as in scikit-learn.
    """
    import numpy as np

    outputs = np.array(_outputs(model, as_table(X, "X", model.n_inputs, empty=True, keep_float32=True)))
    return outputs[:, 0] if outputs.ndim == 2 and outputs.shape[1] == 1 else outputs


def predict_proba(model: Module, X: Any) -> Any:
    """The probability of each class for each example: an array ``(n_examples, n_classes)``.

    Of a model trained with ``"binary_cross_entropy"`` on answers to several questions it is the probability of each
    yes.

    Raises:
        ValueError: the model was not trained with a loss that makes its outputs logits.
    """
    import numpy as np

    return np.exp(predict_log_proba(model, X))


def predict_log_proba(model: Module, X: Any) -> Any:
    """The logarithms of ``predict_proba``, exact where probabilities are close to 0.

    Raises:
        ValueError: as ``predict_proba``.
    """
    import numpy as np

    if model.loss not in LOGITS:
        raise ValueError(
            "predict_proba must be asked of a model trained with cross_entropy or binary_cross_entropy, got one "
            f"trained with {model.loss or 'no loss'}; decision_function gives its outputs"
        )
    z = np.asarray(decision_function(model, X))
    if model.loss == "cross_entropy":
        z = z - z.max(axis=-1, keepdims=True)
        return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return -np.logaddexp(0.0, -z if z.ndim == 2 else np.stack([z, -z], axis=1))


@noise_from(no_noise)
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
        return sum(map(examples.targets.is_right, outputs, range(len(outputs)))) / len(outputs)
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


def _is_watched(stream: Any) -> bool:
    """Whether a progress bar has a reader there: on a terminal or in a notebook, not in a pipe or a file."""
    in_notebook = type(stream).__module__.partition(".")[0] == "ipykernel"
    return in_notebook or (stream is not None and bool(stream.isatty()))


def _not_replayed(reason: str) -> ValueError:
    return ValueError(
        f"replay=True, but this model cannot be replayed with this loss ({reason}); without replay=True it is trained "
        "eagerly"
    )


_LEAST_STEPS = 2_000  # of a training with no number of epochs given


def _digest(parameters: Iterable[Any]) -> str:
    return hashlib.sha256(repr([parameter.data for parameter in parameters]).encode()).hexdigest()[:16]


def _described(learning_rate: Any) -> Any:
    """A learning rate in words that tell one schedule from another: its name, and the numbers that it was made with."""
    if not callable(learning_rate):
        return None
    cells = [cell.cell_contents for cell in getattr(learning_rate, "__closure__", None) or ()]
    numbers = [x for x in (*cells, *getattr(learning_rate, "__dict__", {}).values()) if isinstance(x, (int, float))]
    return [getattr(learning_rate, "__qualname__", type(learning_rate).__name__), *numbers]


def _code_of(loss: LossFunction) -> str:
    """What tells one function of the user's from another of its name: its instructions, names and plain constants."""
    code = getattr(loss, "__code__", None)
    if code is None:
        return ""
    constants = [constant for constant in code.co_consts if isinstance(constant, (int, float, str))]
    return hashlib.sha256(repr((code.co_code, code.co_names, constants)).encode()).hexdigest()[:16]


def _line(numbers: dict[str, float]) -> str:
    return ", ".join(f"{name} {number:.4g}" for name, number in numbers.items())


def _is_setting(thing: Any) -> bool:
    """Whether this is a number that an optimizer was made with, and not what it remembers."""
    numbers = thing if isinstance(thing, tuple) else (thing,)
    return all(isinstance(number, (float, bool)) for number in numbers)

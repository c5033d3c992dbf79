"""Training: fit a Module to examples, predict, score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine import Value
from engine.checks import shortened
from nn.data import as_table
from nn.initialisation import random_numbers
from nn.losses import LossFunction, named_loss
from nn.optimizers import LearningRate, Optimizer, named_optimizer
from nn.targets import Targets, decided, decided_place, encoded_targets

if TYPE_CHECKING:
    from nn.data import Table
    from nn.module import Module


@dataclass
class History:
    """What training did, a number an epoch; the accuracies stay empty where nothing is classified.

    ``interrupted`` tells that Ctrl-C, or a callback, ended it.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    interrupted: bool = False

    @property
    def epochs(self) -> int:
        """How many epochs were finished."""
        return len(self.loss)

    def last(self) -> dict[str, float]:
        """The numbers of the last epoch by name, those that there are."""
        names = ("loss", "accuracy", "validation_loss", "validation_accuracy")
        return {name: getattr(self, name)[-1] for name in names if getattr(self, name)}


Callback = Callable[["Module", History], object]


@dataclass(frozen=True)
class Examples:
    """Inputs and encoded targets of a data set, side by side."""

    inputs: list[list[float]]
    targets: Targets

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass
class Tally:
    """Loss and right answers, summed over the examples seen so far."""

    loss: float = 0.0
    right: int = 0
    n: int = 0

    def add(self, loss: float, right: bool) -> None:
        """Count one example."""
        self.loss, self.right, self.n = self.loss + loss, self.right + right, self.n + 1


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
) -> History:
    """Train a model by gradient descent on the mean loss of small batches.

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

    Returns:
        The History. Ctrl-C ends training early, with the weights of that moment and ``history.interrupted`` set.

    Raises:
        ValueError: something does not fit; then no weight was changed.
        FloatingPointError: the weights ran away; the message says when.
    """
    loss_name, loss_function = named_loss(loss)
    chosen = named_optimizer(optimizer, learning_rate)
    n_epochs = _whole_number("epochs", epochs, 0)
    size = _whole_number("batch_size", batch_size, 1)
    rng = random_numbers(seed)
    calls = _checked_callbacks(callbacks)
    n_outputs = _n_outputs(model, as_table(X, "X", model.n_inputs))
    examples = _examples(model, X, y, loss_name, n_outputs, model.classes, "")
    classes = examples.targets.classes
    validation = None
    if validation_data is not None:
        validation_X, validation_y = _pair(validation_data)
        validation = _examples(model, validation_X, validation_y, loss_name, n_outputs, classes, "validation ")
    own = model.parameters()
    if chosen.parameters is None or not set(chosen.parameters) <= set(own):
        chosen.bind(own)
    model.loss, model.classes = loss_name, classes
    return _Training(model, chosen, loss_function, examples, validation, rng, size).run(n_epochs, calls, progress)


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

    def run(self, epochs: int, callbacks: list[Callback], progress: bool) -> History:
        """All epochs, with a progress bar over the batches."""
        from tqdm import tqdm

        n_steps = epochs * -(-len(self.examples) // self.batch_size)
        try:
            with tqdm(total=n_steps, disable=not (progress and n_steps), unit="step", dynamic_ncols=True) as bar:
                for epoch in range(epochs):
                    bar.set_description(f"epoch {epoch + 1}/{epochs}")
                    self._epoch(bar)
                    bar.set_postfix(self.history.last())
                    ends = [callback(self.model, self.history) is True for callback in callbacks]
                    if any(ends):
                        self.history.interrupted = True
                        break
        except KeyboardInterrupt:
            self.optimizer.put_weights()  # whole, even if it came between two parameters
            self.history.interrupted = True
        return self.history

    def _epoch(self, bar: Any) -> None:
        order = list(range(len(self.examples)))
        self.rng.shuffle(order)
        tally = Tally()
        for batch in _batches(order, self.batch_size):
            self._step(batch, tally)
            bar.update()
        self._note(tally, self.history.loss, self.history.accuracy)
        if self.validation is not None:
            measured = self._measured(self.validation)
            self._note(measured, self.history.validation_loss, self.history.validation_accuracy)

    def _step(self, batch: list[int], tally: Tally) -> None:
        """One step: the mean gradient of a batch, an example at a time, so that one small graph is alive at once."""
        step = self.optimizer.steps + 1
        self.optimizer.zero_grad()
        try:
            for place in batch:
                loss = self._loss(self.examples, place, tally)
                if not math.isfinite(loss.data):
                    raise FloatingPointError(f"the loss is {loss.data}")
                loss.backward(1.0 / len(batch))
            self.optimizer.step()
        except ArithmeticError as error:
            raise FloatingPointError(
                f"training ran away in epoch {self.history.epochs + 1}, step {step} ({error}); "
                "try a smaller learning rate, or inputs of a smaller range"
            ) from error

    def _loss(self, examples: Examples, place: int, tally: Tally) -> Value:
        outputs = self.model(examples.inputs[place])
        loss = self.loss(outputs, examples.targets.encoded[place])
        if not isinstance(loss, Value):
            raise TypeError(f"the loss gave {type(loss).__name__} {shortened(loss)} and no Value made of the outputs")
        right = examples.targets.classes is not None and _is_right(_numbers(outputs), examples.targets.encoded[place])
        tally.add(loss.data, right)
        return loss

    def _measured(self, examples: Examples) -> Tally:
        tally = Tally()
        for place in range(len(examples)):
            self._loss(examples, place, tally)
        return tally

    def _note(self, tally: Tally, losses: list[float], accuracies: list[float]) -> None:
        losses.append(tally.loss / tally.n)
        if self.examples.targets.classes is not None:
            accuracies.append(tally.right / tally.n)


def predict(model: Module, X: Any) -> list[Any]:
    """For each example the class, or where the model was not trained to classify, the output number or numbers.

    Args:
        X: ``(n_examples, n_inputs)`` numbers: lists, a numpy array or a pandas frame.
    """
    table = as_table(X, "X", model.n_inputs, empty=True)
    return [decided(model, _numbers(model(row))) for row in table.tolist()]


def score(model: Module, X: Any, y: Any) -> float:
    """The share of examples whose class is right, in [0, 1]; for numbers the coefficient of determination R**2.

    Args:
        X: ``(n_examples, n_inputs)`` numbers.
        y: labels, or numbers, as for ``fit``.
    """
    table = as_table(X, "X", model.n_inputs)
    examples = _examples(model, table, y, model.loss or "mse", _n_outputs(model, table), model.classes, "")
    outputs = [_numbers(model(row)) for row in examples.inputs]
    if examples.targets.classes is not None:
        return sum(map(_is_right, outputs, examples.targets.encoded)) / len(outputs)
    return _determination(outputs, as_table(examples.targets.encoded, "y", len(outputs[0])))


def _determination(outputs: list[list[float]], targets: Table) -> float:
    """R**2 = 1 - squared error / squared distance from the mean, the mean over the outputs as in scikit-learn."""
    import numpy as np

    error = ((np.array(outputs) - targets) ** 2).sum(axis=0)
    spread = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    ratios = [1.0 - e / s if s else float(e == 0.0) for e, s in zip(error, spread)]
    return float(np.mean(ratios))


def _examples(
    model: Module, X: Any, y: Any, loss: str, n_outputs: int, classes: list[Any] | None, prefix: str
) -> Examples:
    table = as_table(X, f"{prefix}X", model.n_inputs)
    targets = encoded_targets(loss, y, n_outputs, classes, f"{prefix}y")
    if len(table) != len(targets.encoded):
        raise ValueError(f"{prefix}X has {len(table)} examples, but {prefix}y {len(targets.encoded)}")
    return Examples(table.tolist(), targets)


def _n_outputs(model: Module, table: Table) -> int:
    """How many outputs the model gives, found by asking it for the first example."""
    return len(_numbers(model(table[0].tolist())))


def _numbers(outputs: Value | list[Value]) -> list[float]:
    return [output.data for output in outputs] if isinstance(outputs, (list, tuple)) else [outputs.data]


def _is_right(outputs: list[float], encoded: int) -> bool:
    if len(outputs) == 1:  # 0 and 1, or for the hinge -1 and 1
        return decided_place(outputs) == (encoded > 0)
    return decided_place(outputs) == encoded


def _batches(order: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _whole_number(name: str, number: Any, least: int) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__") or number < least:
        raise ValueError(f"{name}: a whole number of at least {least} is wanted, not {number!r}")
    return int(number)


def _pair(validation_data: Any) -> tuple[Any, Any]:
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
        raise ValueError(f"validation_data: a pair (X, y) is wanted, not {shortened(validation_data)}")
    return validation_data[0], validation_data[1]


def _checked_callbacks(callbacks: Any) -> list[Callback]:
    calls = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    if not isinstance(callbacks, Iterable) or not all(callable(call) for call in calls):
        raise ValueError(f"callbacks: a list of functions (model, history) is wanted, not {shortened(callbacks)}")
    return calls

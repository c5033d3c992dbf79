"""fit: train a Module on examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from engine import Value
from nn.data import as_table, by_name, column_names
from nn.examples import (
    as_list,
    check_examples,
    check_width,
    input_names,
    smooth,
    split_validation,
    target_names,
    weigh,
    weigh_classes,
)
from nn.initialization import random_numbers
from nn.losses import LossFunction, check_takes_logits, chosen_loss
from nn.noise import Layout, no_noise, noise_from, outputs_and_layout
from nn.optimizers import LearningRate, Optimizer, named_optimizer
from nn.other_names import OF_FIT
from nn.parameters import check_call, check_own_names
from nn.schedules import EarlyStopping
from nn.targets import Label, given_classes
from nn.training.checkpoint import Checkpoint, shared_checkpoint
from nn.training.history import History
from nn.training.loop import Training
from nn.training.options import OWN_TO_EACH, Callback, Options, check_pair, holds_out, team_of
from nn.training.steps import Task
from nn.validation import refuse_unknown, shortened

if TYPE_CHECKING:
    from nn.module import Module
    from nn.training.communicators import Communicator


@noise_from(no_noise)
def fit(
    model: Module,
    X: Any,
    y: Any,
    *,
    loss: str | LossFunction | None = None,
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
    backend: str = "numpy",
    devices: int | None = None,
    checkpoint: str | PathLike[str] | None = None,
    checkpoint_every: float | None = None,
    communicator: str | Communicator | None = None,
    **unknown: Any,
) -> History:
    """Train a model by gradient descent on the mean loss of small batches.

    The graph of one example is recorded once and replayed for each batch (see ``engine.compile``). That is many times
    faster than building it for each example, and gives the same weights up to rounding. A model or a loss may take a
    plain number out of a Value (``.data``, ``float()``), draw random numbers or change something in each call. Then
    training is eager by itself, and ``history.eager`` names the line. Each epoch records again what code of yours does
    or may have changed. Recording calls the model a few times more: where it counts its calls, or draws numbers of
    numpy, give replay=False for the run without these calls.

    Args:
        model: any Module.
        X: ``(n_examples, n_inputs)`` numbers: lists, a numpy array or a pandas frame.
        y: ``(n_examples,)`` labels for the classifying losses; numbers, or ``(n_examples, n_outputs)``, for others. A
            loss of your own gets as many numbers as *y* has for an example, a float or a list.
            ``"cross_entropy"`` also takes a row of probabilities for each example. ``"binary_cross_entropy"`` also
            takes a probability, or a row of answers in [0, 1], one for each output.
        loss: ``"mse"``, ``"mae"``, ``"huber"``, ``"cross_entropy"``, ``"binary_cross_entropy"`` (or ``"bce"``),
            ``"hinge"``, or a function ``(outputs, target) -> Value`` of one example. A plain number that a comparison
            of Values chose, as in ``max(0, 1 - target * output)``, has no gradient. None takes that of the model's last
            training, at first ``"mse"``.
        optimizer: ``"sgd"``, ``"adam"``, ``"adamw"``, or an Optimizer, which takes clipping and penalties too. One made
            with some of the model's parameters trains these alone, and one made with others is refused. Others train
            those that the model has now: what a callback adds is trained from the next epoch on. One that trained this
            model before goes on, and one that trained another model begins.
        learning_rate: for an optimizer given by name; a number, or a function of the step, such as those of
            ``nn.schedules``. None takes the optimizer's default.
        epochs: how many times to go through all examples; None for 100, or 2,000 steps if those are more.
        batch_size: how many examples make a step; the last batch of an epoch may be smaller.
        validation_data: ``(X, y)``, or a DataSet, to measure on after each epoch.
        validation_split: instead of that, the share of the examples, in [0, 1), that *seed* holds out for it.
        early_stopping: how many epochs to go on without a new lowest loss (of validation, if there is one), True for
            10, or an ``EarlyStopping``. At the end fit restores the weights of the best epoch.
        sample_weight: ``(n_examples,)`` numbers of 0 or more that multiply the losses, also of examples that
            *validation_split* holds out; ``validation_data`` has none.
        class_weight: a dict with such a number for each label, or ``"balanced"``; in training only, as in Keras.
        label_smoothing: in [0, 1): this share of each class's probability is spread over all classes.
        classes: all labels in the order of the outputs, where *y* may not have all of them.
        seed: makes the order of the examples repeatable; None takes it from Python's ``random`` as it stands.
        callbacks: functions ``(model, history)``, called after each epoch; one that returns True ends the training
            (a bool: 1 and other answers do not).
        progress: whether to show a progress bar, on a terminal or in a notebook.
        verbose: as in Keras: 0 shows nothing, 1 the progress bar, 2 prints a line an epoch.
        replay: None replays if that is possible and faster; False never does, as for a loss that prints; True raises
            an error if it is not possible.
        dtype: of the replayed arrays, ``"float64"`` or ``"float32"``: half the digits, about twice the speed in large
            networks. Eager training is float64.
        backend: what carries the replay out: see ``engine.compile``.
        devices: how many of this process's devices share the examples of a batch, with ``backend="jax"``.
        checkpoint: a file that holds the run, written whole after each epoch. The same script started again goes on
            from it, with the same weights, to the last bit, as if it had never stopped. What callbacks remember is not
            in it; a model, a loss, an optimizer or a schedule that keeps what the file cannot hold is refused, also
            where a callback sets it. A model and a loss may count and log: they are called for a few examples more, to
            see that this changes no graph. A run that a callback ended goes on when more epochs are asked; one of more
            epochs than are asked is refused.
        checkpoint_every: seconds after which the file is written within an epoch too.
        communicator: for several processes that train one model, each with rows of its own as *X* and *y* (and as
            ``validation_data``): ``"torch"`` in processes that torchrun started, ``"mpi"`` with mpi4py, ``"jax"``
            after ``jax.distributed.initialize``, or an object of yours (see ``nn.training.communicators``). The run is
            that of one process with all rows, those of process 0 first, up to rounding: batches are drawn from all
            rows, each process computes its share of them, and gradients are added up. All end with the same model and
            History. Callbacks are called in each process, and an error or Ctrl-C in one process ends all. Process 0
            alone needs the path of the checkpoint. *callbacks*, *progress* and *verbose* may differ, other arguments
            must be alike.

    Returns:
        The History. Ctrl-C ends training early, with the weights of that moment and ``history.interrupted`` set.

    Raises:
        ValueError: something does not fit, or *replay* is True and cannot be; then no weight was changed. Where a later
            example or a callback ends replay, the weights are those of the last step.
        FloatingPointError: training diverged; the message says when.
        TypeError: an argument is unknown; or no example's loss depends on the model's parameters.
        RuntimeError: another thread is training this model, or another call of fit has the optimizer; nothing was
            changed. Or another process ended the training, or has other weights than this one.
        OSError: the checkpoint cannot be written or read; the weights are those of that moment.
    """
    given = dict(locals())  # first, while there are no other variables
    team = team_of(communicator)
    with team.together():
        refuse_unknown("fit", unknown, list(fit.__annotations__)[1:-2], OF_FIT)  # without model, unknown and return
        check_own_names(model)
        if checkpoint is None and checkpoint_every is not None and communicator is None:
            raise ValueError(f"checkpoint_every must be left out without checkpoint, got {shortened(checkpoint_every)}")
        checkpoint_file = None if checkpoint is None else Checkpoint(checkpoint, checkpoint_every)
        options, chosen, rng = Options(given), chosen_loss(loss, model.loss), random_numbers(seed)
        optimizer = named_optimizer(optimizer, learning_rate)
        names, y_names = column_names(X, input_names(model)), column_names(y, target_names(model), "y")
        table = as_table(by_name(X, names, keep=False), "X", model.n_inputs, keep_float32=True)
        n_outputs, noise = _called(model, table[0].tolist(), chosen.name)
        known = model.classes if classes is None else given_classes(chosen.name, classes, n_outputs)
        examples = check_examples(table, by_name(y, y_names, "y"), chosen.name, n_outputs, known)
        learned, validation = examples.targets.classes, None
        examples = weigh(examples, sample_weight)
        if validation_data is not None:
            validation_X, validation_y = check_pair(validation_data, validation_split)
            validation_X = by_name(validation_X, names, "validation X", keep=False)
            rows = as_table(validation_X, "validation X", model.n_inputs, keep_float32=True)
            validation_y = by_name(validation_y, y_names, "validation y")
            validation = check_examples(rows, validation_y, chosen.name, n_outputs, learned, "validation ")
            check_width(examples.targets, validation.targets)
        elif holds_out(validation_split):
            examples, validation = split_validation(examples, validation_split, seed)
        examples = smooth(weigh_classes(examples, class_weight), label_smoothing, chosen.name, n_outputs)
    team.count(len(examples))
    if not any(team.gather(examples.weights is None or any(examples.weights))):
        raise ValueError("sample_weight and class_weight must be above 0 for an example to train on, got 0 for all")
    y_names = y_names if learned is None and len(y_names or ()) == n_outputs else None
    task = Task(model, n_outputs, noise, chosen, examples, validation, optimizer, options, rng, team)
    training = Training(task, (names, y_names), shared_checkpoint(checkpoint_file, team))
    history = training.run({name: thing for name, thing in given.items() if name not in OWN_TO_EACH})
    if history.epochs >= task.n_epochs and not team.rank:  # nothing ended it before
        history.warn_if_not_converged()
    return history


def _called(model: Module, row: list[float], loss: str) -> tuple[int, Layout]:
    """How many outputs the model has for the inputs in *row*, all right for the loss; and the noise of a call."""
    outputs, noise = check_call(model, lambda: outputs_and_layout(lambda: as_list(model(list(row)))))
    inputs = [Value(x).detach() for x in row]  # no leaf: a model may keep x
    check_takes_logits(loss, outputs, lambda: outputs_and_layout(lambda: as_list(model(inputs)))[0])
    return len(outputs), noise

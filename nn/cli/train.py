"""``gradstep train``. Wrong input raises; ``__main__`` turns that into one line."""

from __future__ import annotations

import os
import stat
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine import Value
from nn.data import DataSet, digits, mnist, moons, xor
from nn.data.columns import Columns, learned_columns
from nn.data.csv_files import read_text_table
from nn.data.task import chosen_task, column_called
from nn.examples import listed
from nn.mlp import MLP
from nn.model_files import check_writable, is_device
from nn.optimizers import AdamW
from nn.scaling import Scaling
from nn.schedules import one_cycle
from nn.training.history import History
from nn.validation import one_line, plain_label, shortened

_MOST_IN_TABLE = 25  # classes


@dataclass(frozen=True)
class Job:
    """What to train on, and how unless the options say otherwise."""

    data: DataSet
    name: str
    hidden: list[int]
    epochs: int
    common_scale: bool = False
    test_on_training: bool = False
    held_out: DataSet | None = None
    batch_size: int = 32
    dtype: str = "float64"
    scaled: bool = True
    one_cycle: bool = False
    regression: bool = False
    columns: Columns | None = None


def train(options: Namespace) -> None:
    """``gradstep train``: fit an MLP, test it, write the model and the picture of a neuron."""
    job = _job(options)
    hidden = job.hidden if options.hidden is None else _sizes(options.hidden)
    target = Path(options.out or f"{job.name}.json")
    training, held_out = _split(options, job)
    if job.columns is not None:
        columns = job.columns.learned(training.X)
        job = replace(job, columns=columns)
        training, held_out = (replace(part, X=columns.filled(part.X)) for part in (training, held_out))
    _check_target(target, options.data)
    if options.checkpoint is not None:
        _check_target(Path(options.checkpoint), options.data, "checkpoint")
        if Path(options.checkpoint).resolve() == target.resolve():
            raise ValueError(f"{target}: the checkpoint and the model want the same file; give one another name")
    with _open_pipe(target):
        model, history = _trained(options, job, training, hidden)
        if history.interrupted:
            print(f"interrupted after {history.epochs} epochs; the model is as it was then")
        _report(model, held_out, "training" if job.test_on_training else "held-out")
        model.save(target)
    print(f"model: {one_line(str(target))}")
    if not is_device(target):
        print(_draw_neuron(model, held_out, target.with_suffix(".neuron.svg")))


def _split(options: Namespace, job: Job) -> tuple[DataSet, DataSet]:
    """What to train on, and what to test with."""
    share = 0.2 if options.test_share is None else options.test_share
    if not 0.0 < share < 1.0:
        raise ValueError(f"--test-share: a share between 0 and 1 is wanted, not {share}")
    if job.held_out is not None:
        if options.test_share is not None:
            raise ValueError(f"--test-share: {job.name} has test images of its own; leave it out")
        return job.data, job.held_out
    return (job.data, job.data) if job.test_on_training else job.data.split(share, options.seed)


def _job(options: Namespace) -> Job:
    if options.data == "mnist":
        return _mnist_job(options)
    if options.folder is not None:
        raise ValueError("--data: only mnist is read from a folder; leave it out")
    if options.data in ("digits", "moons", "xor"):
        _refuse_options_of_tables(options)
    if options.data == "digits":
        return Job(digits(), "digits", hidden=[32], epochs=20, common_scale=True)
    if options.data == "moons":
        return Job(moons(seed=options.seed), "moons", hidden=[16, 16], epochs=60)
    if options.data == "xor":
        return Job(xor(), "xor", hidden=[8], epochs=500, test_on_training=True)
    is_file = options.data.lower().endswith((".csv", ".txt")) or Path(options.data).exists()
    if not options.data or not is_file:
        raise ValueError(f"{shortened(options.data)}: digits, moons, xor or a CSV file is wanted, or mnist with --data")
    return _table_job(options)


def _refuse_options_of_tables(options: Namespace) -> None:
    for option in ("target", "drop", "header"):
        if getattr(options, option) not in (None, []):
            raise ValueError(f"--{option}: only a CSV file has columns to choose; leave it out")


def _table_job(options: Namespace) -> Job:
    """A CSV file, and what was found in it, told."""
    table = read_text_table(options.data, options.header)
    drop = {column_called(table, name, "--drop") for name in options.drop}
    kept = [name for name in table.names if name not in drop]
    if len(table.names) < 2 or not kept:
        raise ValueError(
            f"{options.data}: at least two columns with a comma, semicolon, tab or bar between are needed, one of them "
            f"the target, got {len(kept)}"
        )
    target = kept[-1] if options.target is None else column_called(table, options.target, "--target")
    if target in drop:
        raise ValueError(f"--drop: {shortened(target)} is the target; leave out another column")
    name = Path(options.data).stem
    lines = [f"{name}: {table.how()}"]
    table, task, told = chosen_task(table, target, options.regression)
    columns, told_of_columns = learned_columns(table, target, drop)
    kind, other = ("numbers", "--classification") if task.regression else ("classes", "--regression")
    lines += [f"target {shortened(target)}: {kind} ({task.why}; {other} takes them otherwise)", *told, *told_of_columns]
    for line in lines:
        print(plain_label(line, 300))
    data = DataSet(columns.encoded(table, strict=False), task.y, [*columns.input_names(), target])
    return Job(data, name, hidden=[32, 16], epochs=60, regression=task.regression, columns=columns)


def _mnist_job(options: Namespace) -> Job:
    _refuse_options_of_tables(options)
    if options.folder is None:
        raise ValueError("mnist: --data FOLDER is wanted, the folder with the four files of the MNIST database")
    X, y, X_test, y_test = mnist(options.folder)
    columns = [f"pixel {i}" for i in range(X.shape[1])]
    return Job(
        DataSet(X, y.tolist(), columns),
        "mnist",
        hidden=[128, 64],
        epochs=7,
        held_out=DataSet(X_test, y_test.tolist(), columns),
        batch_size=128,
        dtype="float32",
        scaled=False,  # the pixels are in [0, 1]
        one_cycle=True,
    )


def _trained(options: Namespace, job: Job, training: DataSet, hidden: list[int]) -> tuple[MLP, History]:
    """A model trained on scaled numbers, made to take plain ones."""
    regression = job.regression or bool(options.regression)
    labels = set(job.data.y) | set(job.held_out.y if job.held_out is not None else [])
    n_classes = len(labels)
    if not regression and n_classes < 2:
        raise ValueError("all examples are of one class; there is nothing to tell apart")
    n_outputs = 1 if regression or n_classes == 2 else n_classes
    loss = "mse" if regression else "binary_cross_entropy" if n_outputs == 1 else "cross_entropy"
    inputs = _scaling(job, training)
    y: Any = training.y
    targets = None
    if regression:
        targets = Scaling.of(_column(training.y))
        y = targets.applied(_column(training.y))
    model = MLP(training.X.shape[1], [*hidden, n_outputs], activation=options.activation, seed=options.seed)
    sizes = ", ".join(str(len(layer.neurons)) for layer in model.layers)
    print(
        f"{one_line(job.name)}: {len(training.y)} examples to train on, {training.X.shape[1]} inputs, "
        f"layers of {sizes}, {len(model.parameters()):,} parameters"
    )
    model.classes = None if regression else sorted(labels, key=lambda label: (isinstance(label, str), label))
    epochs = job.epochs if options.epochs is None else options.epochs
    batch_size = job.batch_size if options.batch_size is None else options.batch_size
    history = model.fit(
        training.X if inputs is None else inputs.applied(training.X),
        y,
        loss=loss,
        **_optimizer(options, job, epochs * -(-len(training.y) // max(batch_size, 1))),
        epochs=epochs,
        batch_size=batch_size,
        seed=options.seed,
        progress=not options.quiet,
        dtype=job.dtype,
        checkpoint=options.checkpoint,
    )
    if inputs is not None:
        inputs.fold_in(model)
    if targets is not None:
        targets.fold_out(model)
    model.table = job.columns
    return model, history


def _scaling(job: Job, training: DataSet) -> Scaling | None:
    if job.columns is not None:
        return Scaling(*job.columns.shift_and_scale())
    return Scaling.of(training.X, common=job.common_scale) if job.scaled else None


def _optimizer(options: Namespace, job: Job, n_steps: int) -> dict[str, Any]:
    """Optimizer and learning rate for ``fit``; optimizers that scale their own steps start with a lower rate."""
    name = options.optimizer or "adam"
    if options.rate is not None:
        return {"optimizer": name, "learning_rate": float(options.rate)}
    if job.one_cycle and options.optimizer is None:
        return {"optimizer": AdamW(learning_rate=one_cycle(0.006, n_steps), weight_decay=0.1)}
    return {"optimizer": name, "learning_rate": 0.05 if name == "sgd" else 0.005}


def _column(numbers: list[float]) -> Any:
    import numpy as np

    return np.array(numbers, dtype=float).reshape(-1, 1)


def _report(model: MLP, examples: DataSet, which: str) -> None:
    score = model.score(examples.X, examples.y)
    if model.classes is None:
        print(f"{which} R2: {score:.4f} on {len(examples.y)} examples (1 is perfect, 0 no better than the mean)")
        return
    right = round(score * len(examples.y))
    print(f"{which} accuracy: {100 * score:.2f}% ({right} of {len(examples.y)} examples)")
    print(confusions(model.classes, examples.y, model.predict(examples.X)))


def confusions(classes: list[Any], right: list[Any], said: list[Any]) -> str:
    """The table of confusions; for more classes than a screen has room for, the commonest confusions alone."""
    if len(classes) <= _MOST_IN_TABLE:
        return confusion_table(classes, right, said)
    wrong = Counter((a, b) for a, b in zip(right, said) if a != b).most_common(10)
    return "\n".join(f"{plain_label(str(a))} taken for {plain_label(str(b))}: {n}" for (a, b), n in wrong)


def confusion_table(classes: list[Any], right: list[Any], said: list[Any]) -> str:
    """How often each class (a row) was taken for each class (a column).

    >>> print(confusion_table(["cat", "dog"], ["cat", "dog", "dog"], ["cat", "cat", "dog"]))
    right \\ said  cat  dog
             cat    1    .
             dog    1    1
    """
    names = [shortened(label, 14) if not isinstance(label, str) else one_line(label)[:14] for label in classes]
    counts = {(a, b): 0 for a in classes for b in classes}
    for pair in zip(right, said):
        counts[pair] += 1
    head = "right \\ said"
    wide = max(len(head), *map(len, names))
    narrow = max(3, len(str(max(counts.values()))), *map(len, names))
    lines = [head.rjust(wide) + "".join(f"  {name:>{narrow}}" for name in names)]
    for label, name in zip(classes, names):
        cells = "".join(f"  {counts[label, other] or '.':>{narrow}}" for other in classes)
        lines.append(name.rjust(wide) + cells)
    return "\n".join(lines)


def _draw_neuron(model: MLP, examples: DataSet, picture: Path) -> str:
    """The graph of the first output neuron on a held-out example, with its gradients; what to tell the user of it."""
    from engine.drawing import draw as drawn
    from engine.drawing import write_picture

    x: list[Value] = [Value(number) for number in examples.X[0].tolist()]
    for layer in model.layers[:-1]:
        x = [Value(output.data) for output in listed(layer(x))]
    neuron = model.layers[-1].neurons[0]
    for i, (value, weight) in enumerate(zip(x, neuron.w)):
        value.label, weight.label = f"x{i}", f"w{i}"
    neuron.b.label = "b"
    output = neuron(x)
    output.label = "output"
    model.zero_grad()
    output.backward()
    try:
        write_picture(drawn(output, most=300), picture)
    except TimeoutError as error:
        return f"no picture of a neuron: {error}"
    return f"graph of the first output neuron: {one_line(str(picture))}"


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(size) for size in text.split(",")]
    except ValueError:
        sizes = [0]
    if min(sizes) < 1:
        raise ValueError(
            f"--hidden: sizes above 0 with commas between are wanted, such as 32,16, not {shortened(text)}"
        )
    return sizes


def _check_target(target: Path, data: str, what: str = "model") -> None:
    """Told before the training, and not after it."""
    if target.is_dir():
        raise ValueError(f"{target}: this is a folder, and a file name for the {what} is wanted")
    if target.exists() and Path(data).exists() and target.samefile(data):
        raise ValueError(f"{target}: these are the examples, and the {what} would take their place")
    if not target.parent.is_dir():
        raise ValueError(f"{target.parent}: there is no such folder to write the {what} to")
    if not os.access(target.parent, os.W_OK) and not is_device(target):
        raise ValueError(f"{target.parent}: this folder cannot be written to")
    check_writable(target)


@contextmanager
def _open_pipe(target: Path) -> Iterator[None]:
    """Keep a named pipe open for the program that reads from it; without one, writing would wait for ever.

    Raises:
        ValueError: no program reads from it.
    """
    handle = None
    if target.exists() and stat.S_ISFIFO(target.stat().st_mode):
        try:
            handle = os.open(target, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            raise ValueError(f"{target}: no program reads from this pipe; start it first, or name a file") from None
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)

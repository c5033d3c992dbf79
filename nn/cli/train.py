"""``gradstep train``. Wrong input raises an error, which ``__main__`` prints in one line."""

import os
import stat
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from engine import Value, compiler
from engine.whole_files import check_writable, is_device
from nn.activations import check_activation
from nn.cli import processes
from nn.cli.meeting import Meeting
from nn.data import DataSet, Table, as_table, digits, mnist, moons, xor
from nn.data.columns import TARGET, Columns
from nn.examples import as_list
from nn.exchange.files import check_ending
from nn.mlp import MLP
from nn.model_files import is_model
from nn.optimizers import AdamW, named_optimizer
from nn.scaling import Scaling
from nn.schedules import one_cycle
from nn.training.history import History
from nn.validation import as_number, check_int, did_you_mean, one_line, plain_label, shortened

_SETS = ("digits", "mnist", "moons", "xor")
_MOST_IN_TABLE = 25  # classes: as many as a screen has room for


@dataclass(frozen=True)
class Job:
    """The examples to train and to test on, and the defaults of the options."""

    name: str
    data: DataSet
    held_out: DataSet
    hidden: list[int]
    epochs: int
    batch_size: int = 32
    scaling: Callable[[Table], Scaling] | None = Scaling.of
    dtype: str = "float64"
    one_cycle: bool = False
    regression: bool = False
    columns: Columns | None = None


def train(options: Namespace) -> None:
    """Train a multilayer perceptron and test it on examples held out.

    Print the accuracy on examples that the model has never seen. Write the model, and a picture of the graph of one
    of its neurons. With --coordinator several processes train it, each on its share of the examples; process 0 does
    the rest.
    """
    _check_options(options)
    with processes.meeting(options) as team, processes.quiet_unless_first(options):
        if team is not None:
            data = options.data if options.data in _SETS else "a CSV file"
            processes.check_alike(team, processes.option_facts(options, data))
        _train(options, team)


def _train(options: Namespace, team: Meeting | None) -> None:
    job = _job(options)
    given = {name: getattr(options, name) for name in ("hidden", "epochs", "batch_size")}
    job = replace(job, **{name: value for name, value in given.items() if value is not None})
    target = Path(f"{job.name}.json" if options.out is None else options.out)
    if not processes.is_first(options):
        _train_model(options, job, team)
        return
    _check_target(target, options.data, "model")
    if options.out is None and target.is_file():
        with target.open(encoding="utf-8", errors="replace") as file:
            if not is_model(file.read(100)):
                raise ValueError(f"{target}: this is no model, and the model would take its place; give --out")
    if options.checkpoint is not None:
        _check_target(Path(options.checkpoint), options.data, "checkpoint")
        if Path(options.checkpoint).resolve() == target.resolve():
            raise ValueError(f"{target}: the checkpoint and the model must be two files; give one another name")
    with _open(target):
        model, history = _train_model(options, job, team)
        if history.interrupted:
            print(f"interrupted after {history.epochs} epochs; the model is as it was then")
        model.save(target)
    _report(model, job.held_out, "training" if job.held_out is job.data else "held-out")
    print(f"model: {one_line(str(target))}")
    if not is_device(target):
        print(_draw_neuron(model, job.held_out, target.with_suffix(".neuron.svg")))


def _check_options(options: Namespace) -> None:
    """Raise an error for options that are wrong for all data, before they are read."""
    if options.epochs is not None:
        check_int("epochs", options.epochs, 0)
    if options.batch_size is not None:
        check_int("batch_size", options.batch_size, 1)
    if options.test_share is not None:
        as_number("--test-share", options.test_share, "(0, 1)")
    check_activation("activation", options.activation)
    named_optimizer(options.optimizer or "adam", options.rate)
    processes.check_processes(options)
    if options.coordinator is None:  # else JAX may have no devices before the processes are connected
        compiler.backend_named(options.backend)
    if options.out is not None:
        check_ending(options.out)


def _job(options: Namespace) -> Job:
    if options.folder is not None and options.data != "mnist":
        raise ValueError("--data: only mnist is read from a folder; leave it out")
    if options.data in _SETS:
        for option in ("target", "drop", "header"):
            if getattr(options, option) not in (None, []):
                raise ValueError(f"--{option}: only a CSV file has columns to choose; leave it out")
    share, seed = 0.2 if options.test_share is None else options.test_share, options.seed
    if options.test_share is not None and options.data in ("mnist", "xor"):
        raise ValueError(f"--test-share: {options.data} has given examples to test with; leave it out")
    match options.data:
        case "digits":
            return Job(
                "digits", *digits().split(share, seed), [32], epochs=20, scaling=partial(Scaling.of, common=True)
            )
        case "mnist" if options.folder is None:
            raise ValueError("mnist must be given --data FOLDER, the folder with the four files of the MNIST database")
        case "mnist":
            X, y, X_test, y_test = mnist(options.folder)
            how: dict[str, Any] = {"batch_size": 128, "dtype": "float32", "scaling": None, "one_cycle": True}
            held_out = DataSet(X_test, y_test.tolist())
            return Job("mnist", DataSet(X, y.tolist()), held_out, [128, 64], epochs=4, **how)
        case "moons":
            return Job("moons", *moons(seed=seed).split(share, seed), [16, 16], epochs=60)
        case "xor":
            data = xor()
            return Job("xor", data, data, [8], epochs=500)
    if not options.data or not (Path(options.data).suffix or Path(options.data).exists()):
        known, meant = "digits, moons, xor, a CSV file, or mnist with --data", did_you_mean(options.data, _SETS)
        raise ValueError(f"DATA must be {known}, got {shortened(options.data)}{meant}")
    return _table_job(options, share)


def _table_job(options: Namespace, share: float) -> Job:
    """The job of a CSV file, missing numbers filled; prints how its columns were read."""
    from nn.data.csv_columns import column_called, learn_columns, read_target
    from nn.data.csv_files import read_text_table

    table = read_text_table(options.data, options.header)
    drop = {column_called(table, name, "--drop") for name in options.drop}
    kept = [name for name in table.names if name not in drop]
    if len(table.names) < 2 or not kept:
        needed = "at least two columns with a comma, semicolon, tab or bar between, one of them the target"
        raise ValueError(f"{options.data} must have {needed}, got {len(kept)}")
    target = kept[-1] if options.target is None else column_called(table, options.target, "--target")
    if target in drop:
        raise ValueError(f"--drop: {shortened(target)} is the target; leave out another column")
    path = Path(options.data)
    name = Path(path.stem).stem if path.suffix.lower() in (".gz", ".zip") else path.stem
    how = f"{name}: {table.how}"
    table, found, told = read_target(table, target, options.regression)
    columns, X, told_of_columns = learn_columns(table, target, drop)
    kind, other = ("numbers", "--classification") if found.regression else ("classes", "--regression")
    about = f"target {shortened(target)}: {kind} ({found.why}; {other} takes them otherwise)"
    for line in (how, about, *told, *told_of_columns):
        print(plain_label(line, 300))
    training, held_out = DataSet(X, found.y).split(share, options.seed)
    columns = columns.learn(training.X)
    training, held_out = (replace(part, X=columns.fill(part.X)) for part in (training, held_out))
    learned: dict[str, Any] = {"columns": columns, "scaling": lambda _: columns.scaling()}
    return Job(name, training, held_out, [32, 16], epochs=60, regression=found.regression, **learned)


def _train_model(options: Namespace, job: Job, team: Meeting | None) -> tuple[MLP, History]:
    """A model trained on scaled numbers, the scale then folded into it."""
    training, held_out, regression = job.data, job.held_out, job.regression or bool(options.regression)
    labels = sorted({*training.y, *held_out.y}, key=lambda label: (isinstance(label, str), label))
    if not regression and len(labels) < 2:
        raise ValueError("all examples are of one class; there is nothing to tell apart")
    n_outputs = 1 if regression or len(labels) == 2 else len(labels)
    loss = "mse" if regression else "binary_cross_entropy" if n_outputs == 1 else "cross_entropy"
    inputs = None if job.scaling is None else job.scaling(training.X)
    y: Any = as_table(training.y, "y", 1) if regression else training.y
    names = [column.name for column in job.columns.columns if column.kind == TARGET] if job.columns else []
    targets = Scaling.of(y, names=names) if regression else None
    n_inputs = training.X.shape[1]
    model = MLP(n_inputs, [*job.hidden, n_outputs], activation=options.activation, seed=options.seed)
    sizes = ", ".join(str(len(layer.neurons)) for layer in model.layers)
    print(
        f"{one_line(job.name)}: {len(training.y)} examples to train on, {n_inputs} input{'s' * (n_inputs != 1)}, "
        f"layers of {sizes}, {len(model.parameters()):,} parameters"
    )
    X, y = training.X if inputs is None else inputs.apply(training.X), y if targets is None else targets.apply(y)
    if team is not None:
        team.stop_listening()  # before the others hear of all, and then wait for JAX
        name = one_line(Path(options.data).name)
        processes.check_alike(team, processes.table_facts(name, training, held_out, job.columns, [inputs, targets]))
    share, is_first = processes.share_of(options, len(training.y)), processes.is_first(options)
    history = model.fit(
        X[share],
        y[share],
        loss=loss,
        **_optimizer(options, job),
        epochs=job.epochs,
        batch_size=job.batch_size,
        classes=None if regression else labels,
        seed=options.seed,
        progress=is_first and not options.quiet,
        dtype=job.dtype,
        backend=options.backend,
        checkpoint=options.checkpoint if is_first else None,
        communicator=processes.connected(options, team),
    )
    if inputs is not None:
        inputs.fold_in(model)
    if targets is not None:
        targets.fold_out(model)
    model.table = job.columns
    return model, history


def _optimizer(options: Namespace, job: Job) -> dict[str, Any]:
    """Optimizer and learning rate for ``fit``: lower for optimizers that scale their steps."""
    name = options.optimizer or "adam"
    if options.rate is not None:
        return {"optimizer": name, "learning_rate": options.rate}
    if job.one_cycle and options.optimizer is None:
        n_steps = job.epochs * -(-len(job.data.y) // max(job.batch_size, 1))
        return {"optimizer": AdamW(learning_rate=one_cycle(0.01, n_steps), weight_decay=0.1)}
    return {"optimizer": name, "learning_rate": 0.05 if name == "sgd" else 0.005}


def _report(model: MLP, examples: DataSet, which: str) -> None:
    n = len(examples.y)
    if model.classes is None:
        if n < 2:
            print(f"{which} R2: takes two examples at least, and one is there; --test-share holds out more")
            return
        score = model.score(examples.X, examples.y)
        print(f"{which} R2: {score:.4f} on {n} examples (1 is perfect, 0 no better than the mean)")
        return
    said = model.predict(examples.X)
    right = sum(a == b for a, b in zip(said, examples.y))
    print(f"{which} accuracy: {100 * right / n:.2f}% ({right} of {n} example{'s' * (n != 1)})")
    print(confusion_table(model.classes, examples.y, said))


def confusion_table(classes: Sequence[Any], right: Sequence[Any], said: Sequence[Any]) -> str:
    """Right classes (rows) by predicted ones (columns); the top confusions of many classes.

    >>> print(confusion_table(["cat", "dog"], ["cat", "dog", "dog"], ["cat", "cat", "dog"]))
    right \\ said  cat  dog
             cat    1    .
             dog    1    1
    """
    counts = Counter(zip(right, said))
    if len(classes) > _MOST_IN_TABLE:
        wrong = [(plain_label(str(a)), plain_label(str(b)), n) for (a, b), n in counts.most_common() if a != b]
        return "\n".join(f"{a} taken for {b}: {n}" for a, b, n in wrong[:10])
    cuts = ([plain_label(str(label), most) for label in classes] for most in (20, 40, 10_000))
    names = max(cuts, key=lambda cut: len({*cut}))  # the shortest that tell all classes apart
    rows = [["right \\ said", *names]]
    rows += [[name, *(str(counts[a, b] or ".") for b in classes)] for a, name in zip(classes, names)]
    wide, narrow = max(len(row[0]) for row in rows), max(3, *(len(cell) for row in rows for cell in row[1:]))
    return "\n".join(row[0].rjust(wide) + "".join(f"  {cell:>{narrow}}" for cell in row[1:]) for row in rows)


def _draw_neuron(model: MLP, examples: DataSet, picture: Path) -> str:
    """Draw the first output neuron on a held-out example; return a line about it."""
    from engine import draw

    x: list[Value] = [Value(number) for number in examples.X[0].tolist()]
    for layer in model.layers[:-1]:
        x = [Value(output.data) for output in as_list(layer(x))]
    neuron = model.layers[-1].neurons[0]
    for i, (value, weight) in enumerate(zip(x, neuron.w)):
        value.label, weight.label = f"x{i}", f"w{i}"
    neuron.b.label = "b"
    output = neuron(x)
    output.label = "output"
    model.zero_grad()
    output.backward()
    try:
        draw(output, most=300, unfold="dot").save(picture)
    except TimeoutError as error:
        return f"no picture of a neuron: {error}"
    return f"graph of the first output neuron: {one_line(str(picture))}"


def _check_target(target: Path, data: str, thing: str) -> None:
    """Raise an error if the target would replace the data, or cannot be written."""
    if target.exists() and Path(data).exists() and target.samefile(data) and not is_device(target):
        raise ValueError(f"{target}: these are the examples, and the {thing} would take their place")
    check_writable(target)


def _open(target: Path) -> AbstractContextManager[object]:
    """The target held open if it is a named pipe, which must have a reader."""
    if not target.exists() or not stat.S_ISFIFO(target.stat().st_mode):
        return nullcontext()
    try:
        return open(os.open(target, os.O_WRONLY | os.O_NONBLOCK), "wb")
    except OSError:
        raise ValueError(f"{target}: no program reads from this pipe; start it first, or name a file") from None

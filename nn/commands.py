"""What each subcommand of ``gradstep`` does. Wrong input raises; ``__main__`` turns that into one line."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import Value, backprop, expression, topological_order
from engine.operations import CONSTANT
from engine.validation import one_line, shortened
from nn.data import DataSet, digits, mnist, moons, read_csv, read_inputs, xor
from nn.examples import listed
from nn.history import History
from nn.mlp import MLP
from nn.optimizers import AdamW
from nn.scaling import Scaling
from nn.schedules import one_cycle


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


# -------------------------------------------------------------------------------------------------------------- train


def train(options: Namespace) -> None:
    """``gradstep train``: fit an MLP, test it, write the model and the picture of a neuron."""
    job = _job(options)
    hidden = job.hidden if options.hidden is None else _sizes(options.hidden)
    target = Path(options.out or f"{job.name}.json")
    training, held_out = _split(options, job)
    _check_target(target, options.data)
    if options.checkpoint is not None:
        _check_target(Path(options.checkpoint), options.data, "checkpoint")
        if Path(options.checkpoint).resolve() == target.resolve():
            raise ValueError(f"{target}: the checkpoint and the model want the same file; give one another name")
    model, history = _trained(options, job, training, hidden)
    if history.interrupted:
        print(f"interrupted after {history.epochs} epochs; the model is as it was then")
    _report(model, held_out, "training" if job.test_on_training else "held-out")
    model.save(target)
    print(f"model: {one_line(str(target))}")
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
    if options.data == "digits":
        return Job(digits(), "digits", hidden=[32], epochs=20, common_scale=True)
    if options.data == "moons":
        return Job(moons(seed=options.seed), "moons", hidden=[16, 16], epochs=60)
    if options.data == "xor":
        return Job(xor(), "xor", hidden=[8], epochs=500, test_on_training=True)
    is_file = options.data.lower().endswith((".csv", ".txt")) or Path(options.data).exists()
    if not options.data or not is_file:
        raise ValueError(f"{shortened(options.data)}: digits, moons, xor or a CSV file is wanted, or mnist with --data")
    return Job(read_csv(options.data, options.regression), Path(options.data).stem, hidden=[32, 16], epochs=60)


def _mnist_job(options: Namespace) -> Job:
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
    regression = options.regression
    labels = set(job.data.y) | set(job.held_out.y if job.held_out is not None else [])
    n_classes = len(labels)
    if not regression and n_classes < 2:
        raise ValueError("all examples are of one class; there is nothing to tell apart")
    n_outputs = 1 if regression or n_classes == 2 else n_classes
    loss = "mse" if regression else "binary_cross_entropy" if n_outputs == 1 else "cross_entropy"
    inputs = Scaling.of(training.X, common=job.common_scale) if job.scaled else None
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
    return model, history


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
    print(confusion_table(model.classes, examples.y, model.predict(examples.X)))


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
    if not os.access(target.parent, os.W_OK):
        raise ValueError(f"{target.parent}: this folder cannot be written to")


# ------------------------------------------------------------------------------------------- predict, draw and step


def predict(options: Namespace) -> None:
    """``gradstep predict``: a class or number for each row."""
    model = MLP.load(options.model)
    rows = read_inputs(options.file, model.layers[0].neurons[0].n_inputs)
    for answer in model.predict(rows):
        print(one_line(str(answer)))  # a class in a model file may be any text


def draw(options: Namespace) -> None:
    """``gradstep draw``: the graph of a formula as a picture."""
    from engine.drawing import draw as drawn
    from engine.drawing import write_picture

    root = expression(options.formula, **_numbers(options.numbers))
    root.backward()
    drawing = drawn(
        root,
        direction=options.direction,
        precision=options.precision,
        theme=options.theme,
        derivatives=options.derivatives,
        most=options.most,
        timeout=options.timeout,
    )
    write_picture(drawing, options.out)
    print(f"{root.data:.6g}; the graph is in {one_line(options.out)}")


def step(options: Namespace) -> None:
    """``gradstep step``: backprop, one row a step, or with ``--html`` as a page."""
    root = expression(options.formula, **_numbers(options.numbers))
    if options.html is not None:
        from engine import stepper

        stepper(root).save(options.html)
        print(f"{root.data:.6g}; the walk through its backprop is in {one_line(options.html)}")
        return
    names = node_names(root)
    print(f"forward: {names[root]} = {root.data:.6g}, and its gradient with respect to itself is 1")
    rows: list[tuple[str, ...]] = [
        ("step", "node", "data", "gradient", "hands to its operands: local derivative * gradient")
    ]
    for count, one in enumerate(backprop(root), 1):
        gifts = ", ".join(
            f"{names[c.operand]}: {c.local_derivative:.6g} * {one.gradient:.6g} = {c.amount:.6g}"
            for c in one.contributions
            if c.operand.op != CONSTANT
        )
        rows.append((str(count), names[one.node], f"{one.node.data:.6g}", f"{one.gradient:.6g}", gifts or "-"))
    _print_table(rows)
    for leaf in topological_order(root):
        if not leaf.op:
            print(f"gradient of {names[leaf]}: {leaf.grad:.6g}")


def node_names(root: Value) -> dict[Value, str]:
    """What to call each node: its label or number, or for a result the operation with the names of its operands.

    >>> x = Value(2.0, label="x")
    >>> list(node_names((x * 3).tanh()).values())
    ['x', '3', 'x * 3', 'tanh(x * 3)']
    """
    names: dict[Value, str] = {}
    results = 0
    for node in topological_order(root):
        operands = [names[operand] for operand in node.operands]
        if node.label:
            names[node] = node.label
        elif not operands:
            names[node] = f"{node.data:.6g}"
        else:
            name = _formula(node.op, operands)
            results += 1
            names[node] = name if len(name) <= 32 else f"v{results}"  # a long formula is more than a row can take
    return names


def _formula(op: str, operands: list[str]) -> str:
    if op.isalpha() or "_" in op or len(operands) == 1 or op[-1].isdigit():
        return f"-({operands[0]})" if op == "neg" else f"{op}({', '.join(operands)})"
    left, right = (f"({name})" if " " in name and not name.endswith(")") else name for name in operands)
    return f"{left} {op} {right}"


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def _numbers(texts: list[str]) -> dict[str, float]:
    """``["x=2"]`` as ``{"x": 2.0}``."""
    numbers: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals or not name.isidentifier():
            raise ValueError(f"{shortened(text)}: a name and its number are wanted, such as x=2")
        if name in numbers:
            raise ValueError(f"{name}: there are two numbers for it")
        try:
            numbers[name] = float(number)
        except ValueError:
            raise ValueError(f"{shortened(text)}: {shortened(number)} is not a number") from None
    return numbers

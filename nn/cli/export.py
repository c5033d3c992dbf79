"""``gradstep export``: a trained model as a program in another language, or for other tools."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from engine import Value
from engine.whole_files import check_writable
from nn.data.columns import TEXT
from nn.examples import as_list
from nn.mlp import MLP
from nn.validation import one_line, shortened


def export(options: Namespace) -> None:
    """Write a trained model as a program in C or JavaScript, or as an ONNX file, by the ending of the file's name.

    A program is one file, which needs no library but that of mathematics. It computes the outputs for one example, of a
    classifier the scores of the classes, and the gradient of the first. Its comment tells how it is called, and what
    its inputs and outputs are. An ONNX file is what many other tools run, for many examples.
    """
    from engine import compile  # loads numpy

    target = Path(options.out)
    if target.suffix not in (".c", ".js", ".onnx"):
        raise ValueError(f"the program's name must end in .c, .js or .onnx, got {shortened(options.out)}")
    model = MLP.load(options.model)
    check_writable(target)
    if target.suffix == ".onnx":
        model.save(target)
    else:
        inputs = [Value(0.0, name) for name in _inputs(model)]
        outputs = as_list(model(inputs))
        plain = [] if model.table is None else ["x has numbers as they are in the table; the weights scale them"]
        comment = "\n".join([*_outputs(model, len(outputs)), *plain])
        compile(outputs, inputs, model.parameters()).save(target, comment=comment)
    print(f"program: {one_line(str(target))}")


def _inputs(model: MLP) -> Iterator[str]:
    n_inputs = model.layers[0].neurons[0].n_inputs
    if model.table is None:
        yield from model.column_names or [""] * n_inputs
        return
    for column in model.table.columns:
        if column.kind == TEXT:
            for text in column.categories:
                yield f"1 if {column.name} {f'is {text}' if text else 'has no text'}, else 0"
        elif column.n_inputs:
            percent = " in percent, such as 12.5 for 12.5%" if column.sign == "%" else ""
            filled = f" ({column.mean!r} where it is missing)" if column.missing and column.mean is not None else ""
            yield column.name + percent + filled


def _outputs(model: MLP, n_outputs: int) -> Iterator[str]:
    logits = model.loss == "binary_cross_entropy"
    if model.classes is None:
        names = [f" for {_named(name)}" for name in model.target_column_names or ()]
        names = names if len(names) == n_outputs else [""] * n_outputs  # a loss may take other targets
        yield from (f"y[{i}]: the number predicted{name}" for i, name in enumerate(names))
    elif n_outputs == 1:
        no, yes = map(_named, model.classes)
        yield f"y[0]: above 0 for class {yes}, else class {no}"
        yield from [f"1 / (1 + exp(-y[0])) is the probability of class {yes}"] if logits else []
    elif logits:
        questions = map(_named, model.classes)
        yield from (f"y[{i}]: above 0 where the answer to question {name} is yes" for i, name in enumerate(questions))
    else:
        yield from (f"y[{i}]: score of class {_named(label)}" for i, label in enumerate(model.classes))
        yield "the class predicted is the first of those with the largest score"


def _named(label: object) -> str:
    """A class on one line of a comment."""
    return one_line(str(label)) or "with no text"

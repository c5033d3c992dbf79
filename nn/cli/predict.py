"""``gradstep predict``: predictions for the rows of a CSV file."""

import csv
import sys
from argparse import Namespace

from nn.data import are_counted
from nn.data.columns import Columns
from nn.losses import LOGITS
from nn.mlp import MLP
from nn.validation import one_line, plain_label


def predict(options: Namespace) -> None:
    """Print a trained model's prediction for each row of a CSV file: a class or a number, or several numbers.

    The columns are those of training, by name in any order; the target may be among them or not.
    """
    from nn.data.csv_columns import read_inputs

    model = MLP.load(options.model)
    names = None if are_counted(model.column_names or ()) else model.column_names
    columns = model.table or Columns.plain(model.layers[0].neurons[0].n_inputs, names)
    if options.probabilities and (model.classes is None or model.loss not in LOGITS):
        needs = "it must be trained on classes, with cross_entropy or binary_cross_entropy"
        raise ValueError(f"{options.model}: the model gives no probabilities; for these {needs}")
    X, told = read_inputs(options.file, columns, options.header)
    for line in told:
        print(f"gradstep: {plain_label(line, 300)}", file=sys.stderr)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if not options.probabilities:
        for answer in model.predict(X, options.backend):
            if isinstance(answer, list):
                writer.writerow(answer)
            else:
                print(one_line(str(answer)))  # a class in a model file may be any text
        return
    writer.writerow([one_line(str(label)) for label in model.classes or ()])
    writer.writerows([f"{p:.6g}" for p in row] for row in model.predict_proba(X, options.backend).tolist())

"""Prediction: the labels or numbers that a model predicts, and how often they are right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from engine import compiler
from nn.data import Table, as_table, by_name
from nn.examples import examples_by_name, input_names, output_numbers
from nn.lazy_numpy import np
from nn.losses import LOGITS
from nn.noise import no_noise, noise_from
from nn.targets import predicted

if TYPE_CHECKING:
    from nn.module import Module


@noise_from(no_noise)
def predict(model: Module, X: Any, backend: str = "numpy") -> list[Any]:
    """The class for each row of *X*; without classes, the output or outputs.

    Where there are many rows, a program computes them, which the *backend* carries out: see ``engine.compile``.
    """
    outputs = _outputs(model, X, backend)
    _check_classes(model, outputs)
    return [predicted(model.classes, model.loss, row) for row in outputs]


@noise_from(no_noise)
def decision_function(model: Module, X: Any, backend: str = "numpy") -> Any:
    """The outputs, such as logits: ``(n_examples, n_outputs)`` or ``(n_examples,)``."""
    n_outputs = model.n_outputs or len(model.classes or [0.0])  # where there is no row
    outputs = np.array(_outputs(model, X, backend) or np.empty((0, n_outputs)))
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def predict_proba(model: Module, X: Any, backend: str = "numpy") -> Any:
    """The probability of each class for each example: ``(n_examples, n_classes)``.

    Of a model trained on answers to several questions it is the probability of each yes.

    Raises:
        ValueError: the model was not trained with a loss on logits.
    """
    return np.exp(predict_log_proba(model, X, backend))


def predict_log_proba(model: Module, X: Any, backend: str = "numpy") -> Any:
    """The logarithms of ``predict_proba``, exact where probabilities are close to 0."""
    if model.loss not in LOGITS:
        raise ValueError(
            "predict_proba must be asked of a model trained with cross_entropy or binary_cross_entropy, got one "
            f"trained with {model.loss or 'no loss'}; decision_function gives its outputs"
        )
    z = np.asarray(decision_function(model, X, backend))
    if model.loss == "cross_entropy":
        z = z - z.max(axis=-1, keepdims=True)
        return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    return -np.logaddexp(0.0, -z if z.ndim == 2 else np.stack([z, -z], axis=1))


@noise_from(no_noise)
def score(model: Module, X: Any, y: Any, backend: str = "numpy") -> float:
    """The share of examples whose class is right, in [0, 1]; for numbers R**2.

    R**2 of a single example is NaN.
    """
    examples = examples_by_name(model, X, y, model.loss or "mse", keep_float32=True)
    outputs = _outputs_of(model, examples.table, backend)
    _check_classes(model, outputs)
    targets = examples.targets
    if targets.classes is not None:
        return float(targets.are_right(np.array(outputs)).mean())
    numbers = targets.columns()
    if numbers.shape[1] != len(outputs[0]):
        raise ValueError(
            f"y must have {len(outputs[0])} numbers an example for score, which compares each output with one, got "
            f"{numbers.shape[1]}; with this loss, measure by validation_data"
        )
    return _determination(np.array(outputs), numbers)


def _outputs(model: Module, X: Any, backend: str) -> list[list[float]]:
    """The outputs for each row of *X*, of which there may be none; columns by the names that ``fit`` saw."""
    X = by_name(X, input_names(model), keep=False)
    table = as_table(X, "X", model.n_inputs, empty=True, keep_float32=True)
    return _outputs_of(model, table, backend)


def _check_classes(model: Module, outputs: list[list[float]]) -> None:
    """Raise a ValueError where no class follows from the outputs."""
    for row, numbers in enumerate(outputs if model.classes is not None else ()):
        if any(map(math.isnan, numbers)):
            raise ValueError(f"outputs must be numbers to choose a class, got {numbers} for row {row}")


def _outputs_of(model: Module, table: Table, backend: str) -> list[list[float]]:
    """The outputs for each example, by replay if there are many and the model can be recorded."""
    from nn.programs import replayed_outputs

    compiler.backend_named(backend)
    return replayed_outputs(model, table, backend) or [output_numbers(model(row.tolist())) for row in table]


def _determination(outputs: Table, targets: Table) -> float:
    """R**2 = 1 - squared error / squared distance from the mean, the mean over the outputs as in scikit-learn."""
    if len(targets) < 2:
        return math.nan  # not defined, as in scikit-learn
    with np.errstate(all="ignore"):  # then it is minus infinity
        error = ((outputs - targets) ** 2).sum(axis=0)
    spread = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    ratios = [1.0 - e / s if s else float(e == 0.0) for e, s in zip(error, spread)]
    return float(np.mean(ratios))

"""MLPs as scikit-learn's estimators, for its pipelines, cross-validation and searches.

>>> from sklearn.datasets import load_iris
>>> from sklearn.model_selection import cross_val_score
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> X, y = load_iris(return_X_y=True)
>>> model = make_pipeline(StandardScaler(), MLPClassifier([8], learning_rate=0.02, max_iter=200, random_state=0))
>>> bool(cross_val_score(model, X, y, cv=3).mean() > 0.9)
True
"""

import copy
import functools
import math
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, Self, TypeVar, dataclass_transform

from engine.other_names import no_attribute
from nn import MLP, EarlyStopping, Optimizer
from nn.data import as_table, by_name, column_names
from nn.data.names import has_other_order, rows_with_names
from nn.data.tables import NamedTable
from nn.examples import target_names
from nn.losses import OF_CLASSES, LossFunction, named_loss
from nn.optimizers import LearningRate
from nn.other_names import OF_AN_ESTIMATOR
from nn.scaling import Scaling
from nn.targets import are_answers
from nn.training.options import check_pair
from nn.validation import check_int, refuse_unknown, shortened

try:
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.preprocessing import StandardScaler
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise ImportError(
        f'nn.estimators must have scikit-learn 1.6 or newer ({error}): pip install "gradstep[estimators]"'
    ) from None

_Kind = TypeVar("_Kind", bound=type)

__all__ = ["MLPClassifier", "MLPRegressor"]

_Names = tuple[list[str] | None, list[str] | None]
_FLOATS = [np.float64, np.float32]
_MEANT = {"epochs": "max_iter", "seed": "random_state"}
_NOT_OF_FIT = {*_MEANT, "optimizer", "learning_rate", "batch_size", "verbose", "loss", "classes", "class_weight"}
_ACTIVATIONS: dict[str, Any] = {"identity": "linear", "logistic": "sigmoid"}  # scikit-learn's names


@dataclass_transform()
def _estimator(kind: _Kind) -> _Kind:
    """Make a dataclass, whose fields are the arguments; it answers an unknown one, and ``fit`` checks the others."""
    made: Any = dataclass(eq=False, repr=False)(kind)
    init, names = made.__init__, [field.name for field in fields(made)]

    @functools.wraps(init)
    def answering(self: Any, *args: Any, **options: Any) -> None:
        refuse_unknown(type(self).__name__, options, names, OF_AN_ESTIMATOR)
        init(self, *args, **options)

    made.__init__ = answering
    return made  # type: ignore[no-any-return]


@_estimator
class _Estimator:
    """The part that classifier and regressor share: everything except y."""

    hidden_layer_sizes: Any = (100,)
    activation: Any = "relu"
    _: KW_ONLY
    optimizer: str | Optimizer = "adam"
    learning_rate: LearningRate | None = None
    batch_size: int | str = "auto"
    max_iter: int = 200
    early_stopping: EarlyStopping | int | bool = False
    validation_fraction: float = 0.1
    verbose: int = 0
    random_state: Any = None

    def __getattr__(self, name: str) -> Any:
        raise no_attribute(f"{type(self).__name__!r} object", name, OF_AN_ESTIMATOR)

    def _train(self, X: Any, y: Any, n_outputs: int, names: _Names, **options: Any) -> Self:
        """Make a network with *n_outputs* and train it; *names* are those of the columns of X and y."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        sizes = [check_int("hidden_layer_sizes", n, 1) for n in np.atleast_1d(self.hidden_layer_sizes).tolist()]
        activation: Any = _ACTIVATIONS.get(str(self.activation), self.activation)
        model = MLP(X.shape[1], [*sizes, n_outputs], activation=activation, init="glorot", seed=seed)
        stopping: dict[str, Any] = {"early_stopping": self.early_stopping} if self.early_stopping else {}
        if stopping and options.get("validation_data") is None:
            stopping["validation_split"] = self.validation_fraction
        batch_size: Any = min(200, X.shape[0]) if self.batch_size == "auto" else self.batch_size
        self.history_ = model.fit(
            _named(X, names[0]),
            _named(y, names[1]),
            optimizer=copy.deepcopy(self.optimizer),  # the caller's own stays unchanged
            learning_rate=self.learning_rate,
            epochs=check_int("max_iter", self.max_iter, 0),
            batch_size=batch_size,
            seed=seed,
            verbose=self.verbose,
            **stopping,
            **options,
        )
        self.model_, self.n_iter_, self.loss_curve_ = model, self.history_.epochs, self.history_.loss
        return self

    def _table(self, X: Any, y: Any, options: dict[str, Any], **checks: Any) -> tuple[Any, Any, _Names]:
        """Examples to train on, checked by scikit-learn, and the names of their columns; *options* are those of fit."""
        for name in filter(_NOT_OF_FIT.__contains__, options):
            kind, own = type(self).__name__, _MEANT.get(name, name)
            advice = f"; give {own}= to {kind}(...)" if hasattr(self, own) else ""
            raise TypeError(f"fit of {kind} has no argument {name}={advice}")
        names = column_names(X), column_names(y, what="y")
        X, y = validate_data(
            self, _read(X, names[0]), _read(y, names[1], "y"),
            multi_output=True, accept_sparse=True, dtype=_FLOATS, **checks,
        )  # fmt: skip
        return X, y, names

    def _asked(self, method: str, X: Any) -> Any:
        """The model's answer for examples with the columns of training; scikit-learn checks those named by texts."""
        check_is_fitted(self)
        learned = self.model_.column_names
        if _is_other(X):
            X = _read(X, learned)
            if hasattr(self, "feature_names_in_"):
                import pandas as pd

                X = pd.DataFrame(X, columns=self.feature_names_in_)
        elif learned and not hasattr(self, "feature_names_in_") and hasattr(X, "columns"):
            X = by_name(X, learned).to_numpy()
        return getattr(self.model_, method)(validate_data(self, X, reset=False, accept_sparse=True, dtype=_FLOATS))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """scikit-learn's score: the share of right answers, or R**2; targets are read by the names that ``fit`` saw."""
        check_is_fitted(self)
        model: Any = self.model_
        names = list(map(str, model.classes)) if are_answers(model.loss, model.n_outputs) else target_names(model)
        return float(super().score(X, _read(y, names, "y"), _one_each(sample_weight)))  # type: ignore[misc]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.sparse = True
        if tags.classifier_tags is None:
            tags.target_tags.multi_output = True
        else:
            tags.classifier_tags.multi_label = True
        return tags


@_estimator
class MLPClassifier(_Estimator, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A multilayer perceptron for classes, or for several yes-or-no questions.

    Arguments with scikit-learn's names have its meaning and defaults; the error for its other names says what to write.

    Args:
        hidden_layer_sizes: how many neurons each hidden layer has; an int for one layer.
        activation: of the hidden layers, as for ``MLP``; also ``"logistic"`` and ``"identity"``.
        optimizer: ``"sgd"``, ``"adam"``, ``"adamw"``, or an Optimizer; ``fit`` works on a copy.
        learning_rate: a number, or a function of the step (see ``nn.schedules``); None for the optimizer's default.
        batch_size: how many examples make a step; ``"auto"`` for min(200, n_examples).
        max_iter: epochs at most.
        early_stopping: the number of epochs (True: 10) without a lower loss on held-out examples that ends training
            and restores the best weights.
        validation_fraction: the share of examples held out for that.
        class_weight: ``"balanced"``, or a dict with a number for each label.
        verbose: 0 shows nothing, 1 a progress bar, 2 a line an epoch.
        random_state: an int makes the result repeatable; a ``RandomState`` is drawn from; None takes numpy's.

    Attributes:
        model_: the MLP, with ``save``, ``summary`` and ``predict``; of two classes it has one output.
        classes_: the labels, sorted, in the order of ``predict_proba``'s columns.
        history_: the History of ``fit``; ``loss_curve_`` is its loss an epoch, ``n_iter_`` the number of epochs.

    >>> xor = MLPClassifier([8], "tanh", learning_rate=0.05, max_iter=300, random_state=0)
    >>> xor.fit([[0, 0], [0, 1], [1, 0], [1, 1]], ["no", "yes", "yes", "no"]).predict([[0, 1]])
    array(['yes'], dtype='<U3')
    """

    _: KW_ONLY
    class_weight: Any = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **options: Any) -> Self:
        """Train on examples with their labels.

        Args:
            X: ``(n_examples, n_inputs)`` numbers.
            y: ``(n_examples,)`` labels; or ``(n_examples, n_questions)`` answers of 0 or 1.
            sample_weight: ``(n_examples,)`` numbers of 0 or more: how often each example counts, beside the others
                (they are scaled to 1 on average; those of *class_weight* are not).
            options: more arguments of ``Module.fit``, such as ``callbacks``, ``label_smoothing``, or
                ``validation_data``, whose columns are read by the names of those of X and y.

        Raises:
            ValueError: an argument does not fit, or all labels are equal.
        """
        X, y, names = self._table(X, y, options)
        check_classification_targets(y)
        known: list[Any] | None = None  # questions have the names of their columns
        if type_of_target(y) == "multilabel-indicator":
            classes, n_outputs = np.arange(y.shape[1]), y.shape[1]
        else:
            y, names = column_or_1d(y, warn=True), (names[0], None)
            classes = np.unique(y)
            known = classes.tolist()
            n_outputs = len(classes) if len(classes) > 2 else 1
        if len(classes) < 2:
            raise ValueError(f"y must have labels of 2 classes or more, got 1 class: {shortened(classes.tolist()[0])}")
        self.classes_ = classes
        loss = "binary_cross_entropy" if n_outputs == 1 or y.ndim == 2 else "cross_entropy"
        weights = {"class_weight": self.class_weight, "sample_weight": _weights(sample_weight, X)}
        return self._train(X, y, n_outputs, names, loss=loss, classes=known, **weights, **options)

    def predict(self, X: Any) -> Any:
        """The labels ``(n_examples,)``, or answers ``(n_examples, n_questions)``."""
        return np.asarray(self._asked("predict", X), dtype=self.classes_.dtype)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of the classes, ``(n_examples, n_classes)``; of answers, of yes."""
        return self._asked("predict_proba", X)

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithms of ``predict_proba``, exact where probabilities are close to 0."""
        return self._asked("predict_log_proba", X)

    def decision_function(self, X: Any) -> Any:
        """The logits ``(n_examples, n_classes)``; of two classes ``(n_examples,)``.

        These are above 0 for the second class.
        """
        return self._asked("decision_function", X)


@_estimator
class MLPRegressor(_Estimator, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A multilayer perceptron that predicts one number or several for an example.

    Args: those of MLPClassifier without *class_weight*, and *loss*: ``"mse"``, ``"mae"``, ``"huber"``, or a function
    ``(outputs, target) -> Value``. A loss given by name sees y standardised (mean 0, standard deviation 1), the unit of
    ``loss_curve_`` and Huber's delta; ``model_`` and ``predict`` are in the unit of y. A function sees y unchanged.

    Attributes: ``model_``, ``history_``, ``loss_curve_``, ``n_iter_``, as of MLPClassifier.

    >>> line = MLPRegressor([], learning_rate=0.05, max_iter=300, random_state=0)
    >>> line.fit([[0.0], [1.0], [2.0]], [10.0, 30.0, 50.0]).predict([[3.0]]).round(3)
    array([70.])
    """

    _: KW_ONLY
    loss: str | LossFunction = "mse"

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **options: Any) -> Self:
        """Train on examples with their numbers.

        Args: those of ``MLPClassifier.fit``, and *y*: ``(n_examples,)`` or ``(n_examples, n_outputs)`` numbers.

        Raises:
            ValueError: an argument does not fit, or the loss is one for classes.
        """
        X, y, names = self._table(X, y, options, y_numeric=True)
        loss = named_loss(self.loss)
        if loss.name in OF_CLASSES:
            raise ValueError(
                f"loss must be one for numbers, such as mse, got {loss.name}; MLPClassifier learns classes"
            )
        y = y if y.ndim == 2 and y.shape[1] > 1 else column_or_1d(y, warn=True).reshape(-1, 1)
        weights, pair = _weights(sample_weight, X), options.get("validation_data")
        with np.errstate(over="ignore", invalid="ignore"):
            scaler = StandardScaler(with_mean=loss.is_bundled, with_std=loss.is_bundled).fit(y, sample_weight=weights)
            scaled = scaler.transform(y)
        if not np.isfinite(scaled).all():
            raise ValueError(f"y must have numbers that can be squared, up to about 1e154, got {abs(y).max()!r}")
        if pair is not None:
            validation_X, validation_y = check_pair(pair, options.get("validation_split"))
            validation_y = by_name(validation_y, names[1], "validation y", keep=False)
            table = as_table(validation_y, "validation y", y.shape[1])
            options["validation_data"] = validation_X, scaler.transform(table)
        self._train(X, scaled, y.shape[1], names, loss=self.loss, sample_weight=weights, **options)
        if loss.is_bundled:
            Scaling(scaler.mean_.tolist(), scaler.scale_.tolist()).fold_out(self.model_)
        return self

    def predict(self, X: Any) -> Any:
        """The numbers: an array ``(n_examples,)``, or ``(n_examples, n_outputs)``."""
        return np.asarray(self._asked("predict", X), dtype=np.float64)


def _read(X: Any, names: list[str] | None, what: str = "X") -> Any:
    """The columns in the order of *names*; rows with names, which scikit-learn does not know, as an array."""
    ordered = by_name(X, names, what, keep=False)
    return as_table(ordered, what) if _is_other(X) else ordered


def _named(table: Any, names: list[str] | None) -> Any:
    return NamedTable(as_table(table, keep_float32=True), names) if names else table


def _one_each(sample_weight: Any) -> Any:
    """The weights of a frame or of rows with names, which have one column, as scikit-learn takes them."""
    if hasattr(sample_weight, "columns") or _is_other(sample_weight):
        return as_table(sample_weight, "sample_weight", 1)[:, 0]
    return sample_weight


def _is_other(X: Any) -> bool:
    """Whether this must be read, or refused, by ``as_table``: scikit-learn knows no names of rows, order or mask."""
    return has_other_order(X) or rows_with_names(X) is not None or bool(np.ma.is_masked(X))


def _weights(sample_weight: Any, X: Any) -> Any:
    """The weight of each example, 1 on average: a weight of 2 equals the example twice."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(_one_each(sample_weight), X, dtype=np.float64, ensure_non_negative=True)
    total = sum(weights.tolist())  # no warning where it overflows
    if not 0.0 < total < math.inf:
        raise ValueError(f"sample_weight must have a finite sum above 0 and not be all zero, got the sum {total!r}")
    return weights * (len(weights) / total)

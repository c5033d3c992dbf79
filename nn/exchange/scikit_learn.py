"""scikit-learn: a model as its ``MLPClassifier`` or ``MLPRegressor``, and the other way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.optional_packages import optional_package
from nn.exchange.network import Noise, Step, content_of, linear, model_of, named, steps_of, tensors_of
from nn.lazy_numpy import np
from nn.losses import LOGITS
from nn.validation import shortened

if TYPE_CHECKING:
    from nn.module import Module

_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "linear": "identity"}
_NAMES = {theirs: own for own, theirs in _ACTIVATIONS.items()}
_LOSSES = {"softmax": "cross_entropy", "logistic": "binary_cross_entropy", "identity": "mse"}  # by output activation
_INSTALL = '"gradstep[estimators]"'


def to_sklearn(model: Module) -> Any:
    """A fitted ``MLPClassifier`` or ``MLPRegressor`` of scikit-learn, from a model.

    A model with classes, trained with ``cross_entropy`` or ``binary_cross_entropy``, becomes a classifier with the same
    ``predict`` and ``predict_proba``; one without classes a regressor. Names of columns become ``feature_names_in_``.
    Dropout, which is off in evaluation, and names of several answers are left out. The estimator's ``fit`` starts over.

    Args:
        model: layers with a linear output, and one of relu, tanh, sigmoid and linear in all hidden layers.

    Raises:
        ValueError: scikit-learn has no such network.
        ImportError: scikit-learn is missing.

    >>> from nn import MLP
    >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
    >>> estimator = to_sklearn(model)
    >>> abs(estimator.predict([[0.5, -1.0]]).item() - model([0.5, -1.0]).data) < 1e-15
    True
    """
    networks = optional_package("sklearn.neural_network", "to_sklearn", _INSTALL)
    steps = [step for step in steps_of(model) if not isinstance(step, Noise)]
    must = f"hidden layers must have one of {', '.join(_ACTIVATIONS)}, the output linear"
    try:
        shape = content_of(steps, "MLP")["configuration"]
    except ValueError:
        raise ValueError(f"{must}; got {named(steps)}") from None
    if shape["activation"] not in _ACTIVATIONS or shape["output"] != "linear":
        raise ValueError(f"{must}; got {shape['activation']} and {shape['output']}")
    (*hidden, n_outputs), n_inputs, classes = shape["sizes"], shape["n_inputs"], model.classes
    activation = _ACTIVATIONS[shape["activation"]]
    options = {"hidden_layer_sizes": hidden, "activation": activation, "random_state": 0}
    if classes is not None and model.loss not in LOGITS:
        raise ValueError(f"a classifier must be trained with {' or '.join(LOGITS)}, got {model.loss}")
    answers = model.loss == "binary_cross_entropy" and n_outputs > 1
    labels = [*range(n_outputs)] if answers else classes
    arrays = [*tensors_of(steps).values()]
    if labels is None:
        estimator = networks.MLPRegressor(**options)
        estimator.partial_fit([[0.0] * n_inputs], [[0.0] * n_outputs] if n_outputs > 1 else [0.0])
    else:  # scikit-learn sets up what a fitted one has; then its numbers are replaced
        if len({isinstance(label, str) for label in labels}) > 1 or labels != sorted(labels):
            must = "classes must be all strings or all numbers, in sorted order, as scikit-learn has them"
            raise ValueError(f"{must}, got {shortened(labels)}")
        y = [[0] * n_outputs, [1] * n_outputs] if answers else labels
        estimator = networks.MLPClassifier(**options)
        estimator.partial_fit([[0.0] * n_inputs] * len(y), y, classes=labels)
        if n_outputs == 2 and not answers:  # one logit in scikit-learn, the difference of the two
            arrays[-2:] = [array[1:] - array[:1] for array in arrays[-2:]]
    estimator.coefs_, estimator.intercepts_ = [weights.T.copy() for weights in arrays[::2]], arrays[1::2]
    estimator.n_iter_, estimator.loss_curve_ = 0, []
    if model.column_names is not None:
        estimator.feature_names_in_ = np.array(model.column_names, object)
    return estimator


def from_sklearn(estimator: Any) -> Module:
    """The MLP of a fitted ``MLPClassifier`` or ``MLPRegressor`` of scikit-learn.

    A classifier becomes a model with its classes, trained with cross_entropy or binary_cross_entropy: outputs are
    logits, and ``predict`` and ``predict_proba`` are those of the estimator. Every number comes over exactly.

    Raises:
        ValueError: it is another estimator, such as a pipeline, or is not fitted, or has an output activation that an
            MLP has not.
        ImportError: scikit-learn is missing.

    >>> from sklearn.neural_network import MLPRegressor
    >>> line = MLPRegressor(hidden_layer_sizes=[], solver="sgd", tol=100.0, random_state=0)
    >>> line = line.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> abs(from_sklearn(line).predict([[3.0]])[0] - line.predict([[3.0]]).item()) < 1e-12
    True
    """
    networks = optional_package("sklearn.neural_network", "from_sklearn", _INSTALL)
    kinds = (networks.MLPClassifier, networks.MLPRegressor)
    if type(estimator) not in kinds:
        of_pipeline = "of a pipeline, give the last step, and scale X as the steps before it do"
        how = "its model_ is the MLP" if hasattr(estimator, "model_") else of_pipeline
        raise ValueError(
            f"estimator must be scikit-learn's MLPClassifier or MLPRegressor, got {shortened(estimator)}; {how}"
        )
    if not hasattr(estimator, "coefs_"):
        raise ValueError(f"estimator must be fitted, got {shortened(estimator)}; call its fit(X, y) first")
    if estimator.out_activation_ not in _LOSSES or estimator.activation not in _NAMES:
        found = f"{estimator.activation} and {estimator.out_activation_}"
        must = f"hidden layers of {', '.join(_NAMES)}, and an output of {', '.join(_LOSSES)}"
        raise ValueError(f"estimator must have {must}, got {found}")
    steps: list[Step] = []
    for weights, bias in zip(estimator.coefs_, estimator.intercepts_):
        steps += [linear(weights.T, bias), _NAMES[estimator.activation]]
    learned: dict[str, Any] = {"loss": _LOSSES[estimator.out_activation_]}
    if learned["loss"] != "mse":
        learned["classes"] = estimator.classes_.tolist()
    if hasattr(estimator, "feature_names_in_"):
        learned["column_names"] = estimator.feature_names_in_.tolist()
    return model_of([step for step in steps[:-1] if step != "linear"], **learned)
